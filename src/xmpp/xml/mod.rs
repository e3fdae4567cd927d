//! XML streams (RFC 6120, sections 4 and 11): bytes to elements and back.
//!
//! Lowest part of the client path; the practice network's servers speak through it too. Nothing here
//! knows what a stanza means, and nothing here waits for anything but the socket.
//!
//! [`StreamReader`] frames the bytes with a scanner of its own and lets `quick-xml` see complete
//! elements only: the asynchronous reader of `quick-xml` keeps parser state in its future and loses
//! bytes when a read is cancelled, and every read of ours is raced against a deadline.

pub mod ns;
pub mod element;
pub mod reader;
pub mod writer;
mod scanner;
mod parse;
#[cfg(test)]
mod tests;

pub use element::{Attribute, Element, Node};
pub use reader::{Fault, PassedOver, Reading, StreamHeader, StreamReader, Violation, XmlFrame};
pub use writer::StreamWriter;

/// One stanza from text, as a client's stream carries it.
#[cfg(test)]
pub(crate) fn stanza_for_tests(xml: &str) -> Element {
    let mut resolver = quick_xml::name::NamespaceResolver::default();
    let outer = quick_xml::events::BytesStart::from_content("s xmlns='jabber:client'", 1);
    resolver.push(&outer).unwrap();
    parse::stanza(xml.as_bytes(), &mut resolver, &reader::ReaderLimits::default()).unwrap()
}
