//! Bytes to elements: a reader that may be cancelled at any point and holds a bounded amount.
//!
//! Stands between the transport and whoever speaks the protocol. The only thing it waits for is
//! [`AsyncReadExt::read_buf`], which is cancel-safe; everything else lives in the reader, so that a
//! read that loses a race against a deadline can simply be taken up again. It never expands an
//! entity, never reads behind the end of the stream, and never holds more than the largest stanza
//! plus one read.

use std::io;

use bytes::{Buf, BytesMut};
use quick_xml::name::{NamespaceResolver, ResolveResult};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::super::trace::printable;
use super::scanner::{ScannedItem, Scanner};
use super::{Element, parse};

/// The incoming half of one XML stream.
#[derive(Debug)]
pub struct StreamReader<R> {
    io: R,
    buffer: BytesMut,
    scanner: Scanner,
    limits: ReaderLimits,
    /// What the header of the stream declares.
    outer: NamespaceResolver,
    /// The name of the stream's element as its start tag writes it.
    tag: String,
    /// Bytes of the stream that are no longer in the buffer.
    n_consumed: u64,
    /// INVARIANT: once set, it is what every later read gives.
    fault: Option<Fault>,
}

/// How much one stream may ask of us.
#[derive(Clone, Copy, Debug)]
pub struct ReaderLimits {
    /// Bytes of a stream header with its XML declaration.
    pub header: usize,
    /// Bytes of one stanza.
    pub stanza: usize,
    /// Levels of elements in a stanza, its own included.
    pub depth: usize,
    /// Attributes of one element, declarations of namespaces included.
    pub attributes: usize,
    /// Elements in one stanza, its own included.
    pub elements: usize,
}

impl Default for ReaderLimits {
    fn default() -> Self {
        Self { header: 8 * 1024, stanza: 256 * 1024, depth: 32, attributes: 64, elements: 2048 }
    }
}

/// The next whole thing on a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum XmlFrame {
    /// The start tag of the stream.
    Open(StreamHeader),
    /// A child of the stream: a stanza, features, an error, a step of a negotiation.
    Stanza(Element),
    /// The end tag of the stream.
    Close,
}

/// The start tag of a stream (RFC 6120, section 4.7).
#[derive(Clone, Debug, PartialEq)]
pub struct StreamHeader {
    /// The element without children; in order, it is `stream` in [`STREAMS`](super::ns::STREAMS).
    pub root: Element,
    /// The default namespace, which is that of the stanzas; in order, [`CLIENT`](super::ns::CLIENT).
    pub content: String,
}

/// Why nothing more can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The transport failed.
    #[error("the connection broke: {detail}")]
    Broken {
        /// The kind of the failure.
        kind: io::ErrorKind,
        /// The operating system's or the TLS library's words.
        detail: String,
    },
    /// The peer ended TLS with a fatal alert (RFC 8446, section 6.2).
    #[error("the peer ended TLS with the alert {alert}")]
    Alert {
        /// The alert, as in `CertificateRequired`.
        alert: String,
    },
    /// The peer closed the connection without the end tag of the stream.
    #[error("the connection was closed{}", unfinished(*n_unread))]
    Ended {
        /// Bytes that had come behind the last whole element.
        n_unread: usize,
    },
    /// The stream is over: its end tag had been read.
    #[error("the stream is closed")]
    Closed,
    /// The peer sent what a stream must not carry.
    #[error("{violation} at byte {offset}")]
    Refused {
        /// What it was.
        violation: Violation,
        /// Where in the stream, counted in bytes from its start.
        offset: u64,
    },
}

fn unfinished(n_unread: usize) -> String {
    match n_unread {
        0 => String::new(),
        1 => " with 1 byte of an unfinished element".to_owned(),
        n => format!(" with {n} bytes of an unfinished element"),
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(alert)) => Self::Alert { alert: format!("{alert:?}") },
            Some(_) | None => Self::Broken { kind: error.kind(), detail: error.to_string() },
        }
    }
}

/// What a stream must not carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum Violation {
    #[error("a comment")]
    Comment,
    #[error("a processing instruction")]
    ProcessingInstruction,
    #[error("a document type declaration")]
    DocumentType,
    #[error("the undefined entity &{};", printable(.0))]
    Entity(String),
    #[error("bytes that are not UTF-8")]
    Encoding,
    #[error("the declared encoding {}", printable(.0))]
    DeclaredEncoding(String),
    #[error("a malformed XML declaration")]
    Declaration,
    #[error("a stream without content")]
    EmptyStream,
    /// Holds at most 32 of the bytes that had come by then, escaped.
    #[error("text between stanzas, beginning `{begins}`")]
    TextBetweenStanzas { begins: String },
    #[error("the undeclared prefix {}", printable(.0))]
    UnknownPrefix(String),
    #[error("a forbidden declaration of a namespace: {}", printable(.0))]
    Namespace(String),
    #[error("the invalid name `{}`", printable(.0))]
    Name(String),
    #[error("a character that XML forbids")]
    Character,
    #[error("`<` in an attribute value")]
    AngleInAttribute,
    #[error("attributes with no blank between them")]
    NoBlankBetweenAttributes,
    #[error("the attribute {} given twice", printable(.0))]
    DuplicateAttribute(String),
    #[error("`]]>` in text")]
    CdataEndInText,
    #[error("an end tag that matches no start tag")]
    EndTag,
    #[error("malformed XML ({})", printable(.0))]
    Syntax(String),
    #[error("a stream header of more than {limit} bytes")]
    HeaderTooLong { limit: usize },
    #[error("a stanza of more than {limit} bytes")]
    StanzaTooLong { limit: usize },
    #[error("elements nested more than {limit} deep")]
    TooDeep { limit: usize },
    #[error("an element of more than {limit} attributes")]
    TooManyAttributes { limit: usize },
    #[error("a stanza of more than {limit} elements")]
    TooManyElements { limit: usize },
}

impl Violation {
    /// The condition of the stream error that the peer is owed (RFC 6120, section 4.9.3).
    pub fn condition(&self) -> &'static str {
        match self {
            Self::Comment | Self::ProcessingInstruction | Self::DocumentType | Self::Entity(_) => {
                "restricted-xml"
            }
            Self::Encoding | Self::DeclaredEncoding(_) => "unsupported-encoding",
            Self::EmptyStream | Self::TextBetweenStanzas { .. } => "bad-format",
            Self::UnknownPrefix(_) | Self::Namespace(_) => "bad-namespace-prefix",
            Self::Declaration
            | Self::Name(_)
            | Self::Character
            | Self::AngleInAttribute
            | Self::NoBlankBetweenAttributes
            | Self::DuplicateAttribute(_)
            | Self::CdataEndInText
            | Self::EndTag
            | Self::Syntax(_) => "not-well-formed",
            Self::HeaderTooLong { .. }
            | Self::StanzaTooLong { .. }
            | Self::TooDeep { .. }
            | Self::TooManyAttributes { .. }
            | Self::TooManyElements { .. } => "policy-violation",
        }
    }
}

impl<R> StreamReader<R> {
    /// A reader at the start of a stream.
    pub fn new(io: R) -> Self {
        Self::with_limits(io, ReaderLimits::default())
    }

    /// A reader at the start of a stream, with limits of its own.
    pub fn with_limits(io: R, limits: ReaderLimits) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            scanner: Scanner::new(),
            limits,
            outer: NamespaceResolver::default(),
            tag: String::new(),
            n_consumed: 0,
            fault: None,
        }
    }

    /// Begins a new stream on the same connection, as after SASL (RFC 6120, section 4.3.3). Bytes that
    /// were read already belong to the new stream.
    pub fn restart(&mut self) {
        self.scanner = Scanner::new();
        self.outer = NamespaceResolver::default();
        self.tag.clear();
        self.n_consumed = 0;
        self.fault = None;
    }

    /// The transport, and the bytes that were read from it but not yet given out. Before TLS begins
    /// they must be none: what stands there came unprotected (RFC 6120, section 5.4.3.3).
    pub fn into_parts(self) -> (R, BytesMut) {
        (self.io, self.buffer)
    }

    /// The bytes that were read but not yet given out.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// The transport, to write to it.
    pub fn io_mut(&mut self) -> &mut R {
        &mut self.io
    }

    /// The next whole frame among the bytes that were read already, without waiting.
    pub fn buffered_frame(&mut self) -> Result<Option<XmlFrame>, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let result = self.frame();
        match &result {
            Ok(Some(XmlFrame::Close)) => self.fault = Some(Fault::Closed),
            Ok(_) => {}
            Err(fault) => self.fault = Some(fault.clone()),
        }
        result
    }

    fn frame(&mut self) -> Result<Option<XmlFrame>, Fault> {
        loop {
            match self.scanner.scan(&self.buffer, self.limits.depth) {
                ScannedItem::Partial => return self.check_size(self.buffer.len()).map(|()| None),
                ScannedItem::Blank(length) => self.consume(length),
                ScannedItem::Forbidden(violation, at) => return Err(self.refused(violation, at as u64)),
                ScannedItem::Header(length) => {
                    self.check_size(length)?;
                    return self.header(length).map(Some);
                }
                ScannedItem::Stanza(length) => {
                    self.check_size(length)?;
                    let element = parse::stanza(&self.buffer[..length], &mut self.outer, &self.limits)
                        .map_err(|(violation, at)| self.refused(violation, at))?;
                    self.consume(length);
                    return Ok(Some(XmlFrame::Stanza(element)));
                }
                ScannedItem::Footer(length) => {
                    let name = parse::text(&self.buffer[2..length - 1]);
                    if name.ok().map(|name| name.trim_end_matches(BLANKS)) != Some(&self.tag) {
                        return Err(self.refused(Violation::EndTag, 0));
                    }
                    self.consume(length);
                    return Ok(Some(XmlFrame::Close));
                }
            }
        }
    }

    fn header(&mut self, length: usize) -> Result<XmlFrame, Fault> {
        let opening = parse::header(&self.buffer[..length], &self.limits)
            .map_err(|(violation, at)| self.refused(violation, at))?;
        self.consume(length);
        self.tag = opening.tag;
        self.outer = opening.resolver;
        let content = match self.outer.resolve_prefix(None, true) {
            ResolveResult::Bound(namespace) => namespace.0.to_owned(),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
        };
        Ok(XmlFrame::Open(StreamHeader { root: opening.root, content }))
    }

    fn check_size(&self, length: usize) -> Result<(), Fault> {
        let ReaderLimits { header, stanza, .. } = self.limits;
        // The scanner enters the stream with the last byte of the header.
        let (limit, violation) = match self.tag.is_empty() {
            true => (header, Violation::HeaderTooLong { limit: header }),
            false => (stanza, Violation::StanzaTooLong { limit: stanza }),
        };
        if length > limit { Err(self.refused(violation, limit as u64)) } else { Ok(()) }
    }

    fn consume(&mut self, length: usize) {
        self.buffer.advance(length);
        self.n_consumed += length as u64;
    }

    fn refused(&self, violation: Violation, at: u64) -> Fault {
        Fault::Refused { violation, offset: self.n_consumed + at }
    }
}

impl<R: AsyncRead + Unpin> StreamReader<R> {
    /// The next frame of the stream. Cancel-safe; white space between stanzas is passed over.
    pub async fn next(&mut self) -> Result<XmlFrame, Fault> {
        loop {
            if let Some(frame) = self.buffered_frame()? {
                return Ok(frame);
            }
            self.buffer.reserve(READ);
            match self.io.read_buf(&mut self.buffer).await {
                Ok(0) => {
                    let fault = Fault::Ended { n_unread: self.buffer.len() };
                    self.fault = Some(fault.clone());
                    return Err(fault);
                }
                Ok(_) => {}
                Err(error) => return Err(self.fault.insert(error.into()).clone()),
            }
        }
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
/// Room for one read, in bytes.
const READ: usize = 8 * 1024;
