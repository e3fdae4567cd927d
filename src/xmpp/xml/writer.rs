//! Elements to bytes: one writer per stream, small writes collected into one flush.
//!
//! Everything that leaves on a stream passes through its one [`StreamWriter`], so that two stanzas can
//! never interleave. What is queued is sent whole and in order even if a flush is cancelled half-way.
//! The writer never emits what RFC 6120, section 11.1 forbids: no comments, no processing
//! instructions, no DTD, the five predefined references only, and U+FFFD in the place of a character
//! that XML cannot carry.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Element, Node, ns};

/// The outgoing half of one XML stream.
#[derive(Debug)]
pub struct StreamWriter {
    content: &'static str,
    queued: BytesMut,
    /// Whether the transport has been flushed since something was queued.
    is_flushed: bool,
}

impl StreamWriter {
    /// A writer whose stanzas are in the namespace `content`: [`ns::CLIENT`] or [`ns::SERVER`].
    pub fn new(content: &'static str) -> Self {
        Self { content, queued: BytesMut::new(), is_flushed: true }
    }

    /// Queues the XML declaration and the stream header (RFC 6120, section 4.7) with these attributes
    /// besides `version`, in one piece: servers have mistaken a header in two packets for garbage.
    pub fn open(&mut self, attributes: &[(&str, &str)]) {
        let mut header = String::from("<?xml version='1.0'?><stream:stream");
        write_attribute("xmlns", self.content, &mut header);
        write_attribute("xmlns:stream", ns::STREAMS, &mut header);
        write_attribute("version", "1.0", &mut header);
        for (name, value) in attributes {
            write_attribute(name, value, &mut header);
        }
        header.push('>');
        self.push(&header);
    }

    /// Queues one element and says how many bytes it takes.
    pub fn queue(&mut self, element: &Element) -> usize {
        let mut xml = String::with_capacity(512);
        write(element, Scope { default: self.content, streams: true }, &mut xml);
        self.push(&xml);
        xml.len()
    }

    /// Queues the end of the stream (RFC 6120, section 4.4).
    pub fn close(&mut self) {
        self.push("</stream:stream>");
    }

    /// Queues a blank between stanzas, which keeps a silent stream alive (RFC 6120, section 4.6.1).
    pub fn blank(&mut self) {
        self.push(" ");
    }

    /// Bytes that the transport has not taken.
    pub fn n_queued(&self) -> usize {
        self.queued.len()
    }

    /// Whether the transport has taken everything and was flushed.
    pub fn is_flushed(&self) -> bool {
        self.is_flushed
    }

    fn push(&mut self, xml: &str) {
        self.queued.extend_from_slice(xml.as_bytes());
        self.is_flushed = false;
    }

    /// Writes out what is queued and flushes the transport.
    ///
    /// Cancel-safe: what was written is gone from the queue, the rest goes out with the next flush.
    pub async fn flush<W: AsyncWrite + Unpin>(&mut self, io: &mut W) -> io::Result<()> {
        while self.queued.has_remaining() {
            if io.write_buf(&mut self.queued).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        io.flush().await?;
        self.is_flushed = true;
        Ok(())
    }
}

/// The declarations in force where an element is written.
#[derive(Clone, Copy)]
struct Scope<'a> {
    default: &'a str,
    /// Whether the prefix `stream` is declared.
    streams: bool,
}

/// Writes the element as a document of its own.
pub(super) fn write_standalone(element: &Element, out: &mut String) {
    write(element, Scope { default: "", streams: false }, out);
}

fn write(element: &Element, scope: Scope<'_>, out: &mut String) {
    let prefixed = scope.streams && element.ns == ns::STREAMS;
    let name = [if prefixed { "stream:" } else { "" }, &element.name];
    out.push('<');
    out.extend(name);
    let mut inner = scope;
    if !prefixed && element.ns != scope.default {
        write_attribute("xmlns", &element.ns, out);
        inner.default = &element.ns;
    }
    write_attributes(element, out);
    if element.children.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    for child in &element.children {
        match child {
            Node::Text(text) => escape(text, WriterPlace::Text, out),
            Node::Element(child) => write(child, inner, out),
        }
    }
    out.push_str("</");
    out.extend(name);
    out.push('>');
}

fn write_attributes(element: &Element, out: &mut String) {
    for (n, attribute) in element.attributes.iter().enumerate() {
        match &*attribute.ns {
            "" => write_attribute(&attribute.name, &attribute.value, out),
            ns::XML => write_attribute(&format!("xml:{}", attribute.name), &attribute.value, out),
            other => {
                write_attribute(&format!("xmlns:a{n}"), other, out);
                write_attribute(&format!("a{n}:{}", attribute.name), &attribute.value, out);
            }
        }
    }
}

fn write_attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    escape(value, WriterPlace::Attribute, out);
    out.push('\'');
}

#[derive(Clone, Copy, PartialEq)]
enum WriterPlace {
    Text,
    Attribute,
}

fn escape(text: &str, place: WriterPlace, out: &mut String) {
    let mut rest = text;
    // What needs no escape is written as it stands.
    while let Some(plain) = rest.bytes().position(|byte| !is_plain(byte)) {
        out.push_str(&rest[..plain]);
        let mut letters = rest[plain..].chars();
        let Some(c) = letters.next() else { break };
        rest = letters.as_str();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' if place == WriterPlace::Attribute => out.push_str("&apos;"),
            // A reader normalises these away where they stand unescaped (XML 1.0, 2.11 and 3.3.3).
            '\r' => out.push_str("&#13;"),
            '\n' if place == WriterPlace::Attribute => out.push_str("&#10;"),
            '\t' if place == WriterPlace::Attribute => out.push_str("&#9;"),
            c if super::parse::is_char(c) => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    out.push_str(rest);
}

/// Whether a byte is a letter that is never escaped.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<' | b'>' | b'\'')
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    #[test]
    fn namespaces_are_declared_only_where_they_change() {
        let mut writer = StreamWriter::new(ns::CLIENT);
        writer.queue(
            &Element::new("features", ns::STREAMS)
                .with_child(Element::new("starttls", ns::TLS).with_child(Element::new("required", ns::TLS)))
                .with_child(Element::new("x", ns::CLIENT)),
        );
        assert_eq!(
            std::str::from_utf8(&writer.queued).unwrap(),
            "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls><x/>\
             </stream:features>"
        );
    }

    #[test]
    fn text_that_xml_cannot_carry_is_replaced_and_markup_is_escaped() {
        let body = Element::new("body", "").with_attribute("a", "'\n\"<").with_text("\u{0}]]>\r\n\u{FFFE}");
        assert_eq!(body.to_string(), "<body a='&apos;&#10;\"&lt;'>\u{FFFD}]]&gt;&#13;\n\u{FFFD}</body>");
    }

    /// Takes one byte per write and is not ready every other time.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        ready: bool,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.ready = !self.ready;
            if !self.ready {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.taken.push(bytes[0]);
            Poll::Ready(Ok(1))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_cancelled_flush_loses_and_repeats_nothing() {
        let mut writer = StreamWriter::new(ns::CLIENT);
        writer.queue(&Element::new("presence", ns::CLIENT));
        let mut io = Slow::default();
        while !writer.is_flushed() {
            let flush = std::pin::pin!(writer.flush(&mut io));
            let _ = futures_util::poll!(flush);
        }
        assert_eq!(io.taken, b"<presence/>");
    }
}
