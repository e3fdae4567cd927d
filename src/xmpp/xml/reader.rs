//! Bytes to elements: a reader that may be cancelled at any point and holds a bounded amount.
//!
//! Stands between the transport and whoever speaks the protocol. The only thing it waits for is
//! [`AsyncReadExt::read_buf`], which is cancel-safe; everything else lives in the reader, so that a
//! read that loses a race against a deadline can simply be taken up again. It never expands an
//! entity, never reads behind the end of the stream, and never holds more than the largest stanza
//! plus one read.
//!
//! A stanza over a limit ends a stream that is being negotiated, where nobody but the server speaks. On a stream
//! that carries what strangers write ([`StreamReader::pass_over`]) it is scanned to its end without being built
//! or kept, and told of: only what breaks the stream ends it.

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
    /// The namespaces that the header of the stream declares.
    outer: NamespaceResolver,
    /// The name of the stream's element as its start tag writes it.
    tag: String,
    /// Bytes of the stream that are no longer in the buffer.
    n_consumed: u64,
    over_limit: OverLimit,
    /// The stanza that is being passed over.
    passing: Option<PassedOver>,
    /// INVARIANT: once set, it is what every later read gives.
    fault: Option<Fault>,
}

/// The treatment of a stanza over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OverLimit {
    /// It ends the stream.
    Refused,
    /// It is scanned to its end and dropped.
    PassedOver,
}

/// A stanza over a limit that was dropped without being built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The local name of its element, as in `message`; empty where its start tag is itself over a limit.
    pub name: String,
    /// The sender that the stanza claims.
    pub from: Option<String>,
    /// The limit.
    pub violation: Violation,
    /// Its length.
    pub n_bytes: u64,
}

impl std::fmt::Display for PassedOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = if self.name.is_empty() { "stanza" } else { &self.name };
        let from = self.from.as_deref().map_or_else(|| "nobody".to_owned(), printable);
        write!(f, "a {name} of {} bytes from {from} was passed over: {}", self.n_bytes, self.violation)
    }
}

/// The result of reading from a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A whole frame.
    Frame(XmlFrame),
    /// A stanza over a limit, which is gone.
    PassedOver(PassedOver),
}

/// The limits on what one stream may ask of us.
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
    /// Bytes of one stanza that is passed over.
    pub passed_over: u64,
}

impl Default for ReaderLimits {
    fn default() -> Self {
        Self {
            header: 8 * 1024,
            stanza: 256 * 1024,
            depth: 32,
            attributes: 64,
            elements: 2048,
            passed_over: 4 << 20,
        }
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

/// The reason why nothing more can be read.
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
    #[error("{violation} at byte {offset}{}", sender(from.as_deref()))]
    Refused {
        /// The violation.
        violation: Violation,
        /// The offset in the stream, counted in bytes from its start.
        offset: u64,
        /// The sender claimed by the stanza in which the violation occurred.
        from: Option<String>,
    },
}

fn sender(from: Option<&str>) -> String {
    from.map_or_else(String::new, |from| format!(", in a stanza from {}", printable(from)))
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

/// The content that a stream must not carry.
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

impl Violation {
    /// Whether it is well-formed, and more of it than we take.
    fn is_of_size(&self) -> bool {
        matches!(
            self,
            Self::StanzaTooLong { .. }
                | Self::TooDeep { .. }
                | Self::TooManyAttributes { .. }
                | Self::TooManyElements { .. }
        )
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
            over_limit: OverLimit::Refused,
            passing: None,
            fault: None,
        }
    }

    /// Passes over stanzas that are over a limit from now on: the stream carries what strangers write.
    pub fn pass_over(&mut self) {
        self.over_limit = OverLimit::PassedOver;
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
    fn buffered_reading(&mut self) -> Result<Option<Reading>, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let result = self.reading();
        match &result {
            Ok(Some(Reading::Frame(XmlFrame::Close))) => self.fault = Some(Fault::Closed),
            Ok(_) => {}
            Err(fault) => self.fault = Some(fault.clone()),
        }
        result
    }

    fn reading(&mut self) -> Result<Option<Reading>, Fault> {
        let max_depth = match self.over_limit {
            OverLimit::Refused => self.limits.depth,
            OverLimit::PassedOver => usize::MAX,
        };
        loop {
            match self.scanner.scan(&self.buffer, max_depth) {
                ScannedItem::Partial => return self.unfinished().map(|()| None),
                ScannedItem::Blank(length) => self.consume(length),
                ScannedItem::Forbidden(violation, at) => return Err(self.refused(violation, at as u64)),
                ScannedItem::Header(length) => {
                    self.check_size(length)?;
                    return self.header(length).map(|frame| Some(Reading::Frame(frame)));
                }
                ScannedItem::Stanza(length) => return self.stanza(length).map(Some),
                ScannedItem::Footer(length) => {
                    let name = parse::text(&self.buffer[2..length - 1]);
                    if name.ok().map(|name| name.trim_end_matches(BLANKS)) != Some(&self.tag) {
                        return Err(self.refused(Violation::EndTag, 0));
                    }
                    self.consume(length);
                    return Ok(Some(Reading::Frame(XmlFrame::Close)));
                }
            }
        }
    }

    /// A frame is not whole yet: it may grow to its limit. What is passed over may grow further, and is dropped
    /// as it comes.
    fn unfinished(&mut self) -> Result<(), Fault> {
        if self.passing.is_none() {
            match self.check_size(self.buffer.len()) {
                Err(Fault::Refused { violation, .. })
                    if self.over_limit == OverLimit::PassedOver && violation.is_of_size() =>
                {
                    self.passing = Some(self.passed_over(violation, self.buffer.len()));
                }
                checked => return checked,
            }
        }
        let n_dropped = self.scanner.forget();
        self.consume(n_dropped);
        let limit = self.limits.passed_over;
        let Some(passing) = &mut self.passing else { return Ok(()) };
        passing.n_bytes += n_dropped as u64;
        if passing.n_bytes > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(self.refused(Violation::StanzaTooLong { limit }, 0));
        }
        Ok(())
    }

    fn stanza(&mut self, length: usize) -> Result<Reading, Fault> {
        let depth = self.scanner.take_deepest();
        if let Some(passing) = self.passing.take() {
            self.consume(length);
            return Ok(Reading::PassedOver(PassedOver {
                n_bytes: passing.n_bytes + length as u64,
                ..passing
            }));
        }
        let built = match (length > self.limits.stanza, depth > self.limits.depth) {
            (true, _) => {
                Err((Violation::StanzaTooLong { limit: self.limits.stanza }, self.limits.stanza as u64))
            }
            (false, true) => Err((Violation::TooDeep { limit: self.limits.depth }, 0)),
            (false, false) => parse::stanza(&self.buffer[..length], &mut self.outer, &self.limits),
        };
        match built {
            Ok(element) => {
                self.consume(length);
                Ok(Reading::Frame(XmlFrame::Stanza(element)))
            }
            Err((violation, _)) if self.over_limit == OverLimit::PassedOver && violation.is_of_size() => {
                let passed = self.passed_over(violation, length);
                self.consume(length);
                Ok(Reading::PassedOver(PassedOver { n_bytes: length as u64, ..passed }))
            }
            Err((violation, at)) => Err(self.refused(violation, at)),
        }
    }

    /// Returns what can be said of a stanza that is not built, by its first bytes.
    fn passed_over(&self, violation: Violation, length: usize) -> PassedOver {
        let (name, from) = parse::opening(&self.buffer[..length]);
        PassedOver { name, from, violation, n_bytes: 0 }
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
        let from = match &self.passing {
            _ if self.tag.is_empty() => None,
            Some(passing) => passing.from.clone(),
            // Not what stands behind the violation: how much of it has come is chance.
            None => parse::opening(&self.buffer[..self.buffer.len().min(at as usize)]).1,
        };
        Fault::Refused { violation, offset: self.n_consumed + at, from }
    }
}

impl<R: AsyncRead + Unpin> StreamReader<R> {
    /// The next frame of the stream. Cancel-safe; white space between stanzas is passed over.
    pub async fn next(&mut self) -> Result<XmlFrame, Fault> {
        loop {
            if let Reading::Frame(frame) = self.read().await? {
                return Ok(frame);
            }
        }
    }

    /// The same, which also tells of the stanzas that were passed over.
    pub async fn read(&mut self) -> Result<Reading, Fault> {
        loop {
            if let Some(reading) = self.buffered_reading()? {
                return Ok(reading);
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
