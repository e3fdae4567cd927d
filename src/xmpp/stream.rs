//! A client's stream (RFC 6120, section 4): opened, encrypted on request, opened anew, closed.
//!
//! Stands between the bytes of `xml` and the steps of `sasl`, `bind` and `message`. The state of a
//! stream is its type, and every step consumes the old one: [`Plain`] can only ask for TLS, only a
//! [`VerifiedTls`] connection carries a [`Secured`] stream, and only that one can authenticate. Never
//! waits on its own: who calls sets the deadline, except for the farewell of [`Stream::close`].

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use jid::BareJid;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::certificate::CertificateRole;
use super::condition::{StreamCondition, application_in, condition_in, quote, text_in};
use super::secure::{self, ChannelBindings, VerifiedTls};
use super::trace::{Direction, Fact, SoftwareBasis, Trace, printable};
use super::wire::Wire;
use super::xml::{
    self, Element, Node, PassedOver, Reading, StreamHeader, StreamReader, StreamWriter, XmlFrame, ns,
};
use crate::secret::{Secret, mask};
use crate::topology::Server;

/// A stream in the state `State`, over the connection `Io`.
#[derive(Debug)]
pub struct Stream<Io, State> {
    reader: StreamReader<Io>,
    writer: StreamWriter,
    domain: String,
    /// The namespace of its stanzas.
    content: &'static str,
    features: Element,
    announced: Announced,
    /// The fault that prevents any further writing, and the instant until which the server is heard out.
    broken: Option<(Fault, Instant)>,
    /// The secrets that were sent, so that they are not shown where the server repeats them.
    concealed: Vec<Secret>,
    /// INVARIANT: whatever is written or read is written down here, if anywhere.
    wire: Option<Wire>,
    state: State,
}

/// Not encrypted: nothing but STARTTLS may happen.
#[derive(Debug)]
pub struct Plain(());

/// Encrypted, and the other end is verified.
#[derive(Debug)]
pub struct Secured(());

/// Both ends have proved who they are.
#[derive(Debug)]
pub struct Authenticated {
    /// The address of our account.
    pub(super) account: BareJid,
}

/// Opened to look at what is offered, over whatever connection: nothing can authenticate on it.
#[derive(Debug)]
pub struct Probing(());

/// The limits that the server announces to its clients (XEP-0478).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The longest stanza that it takes, in bytes.
    pub max_bytes: Option<usize>,
    /// After how long a silence it closes the stream.
    pub idle: Option<Duration>,
}

/// The errors that can occur on a stream, in any phase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The connection ended, or carried what is no XMPP.
    #[error(transparent)]
    Xml(#[from] xml::Fault),
    /// The server ended the stream with an error.
    #[error("the stream ended with {condition}{}", text.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Error {
        /// The condition.
        condition: StreamCondition,
        /// The server's words.
        text: Option<String>,
        /// The name of an application's own condition.
        application: Option<String>,
    },
    /// The server sends its clients to another host, over a connection that is verified.
    #[error("the server asks to see {host}")]
    SeeOtherHost {
        /// The host, a name or an address.
        host: String,
        /// The port, where the server named one.
        port: Option<u16>,
    },
    /// The server closed the stream without an error.
    #[error("the server closed the stream")]
    Closed,
    /// The server opened something that is not a stream.
    #[error("the server opened `{name}` in `{ns}`, not a stream")]
    NotAStream {
        /// The name of its element.
        name: String,
        /// The namespace of its element.
        ns: String,
    },
    /// It is a stream for others: the port serves servers, or components, and not clients.
    #[error("the stream carries `{content}`, which is not what was asked for")]
    WrongContent {
        /// The namespace of its stanzas.
        content: String,
    },
    /// The server speaks no XMPP 1.0.
    #[error("the server speaks version {}", offered.as_deref().unwrap_or("0.9 or older"))]
    Version {
        /// The version that the server offered; `None` if it gave none.
        offered: Option<String>,
    },
    /// The server answers for another domain.
    #[error("the server answers as {said}, not as {wanted}")]
    WrongFrom {
        /// The domain that was asked for.
        wanted: String,
        /// The domain that the server gave.
        said: String,
    },
    /// The server sent something else than the protocol asks for.
    #[error("the server sent `{name}` in `{ns}` where {wanted} was due")]
    Unexpected {
        /// The element that was due.
        wanted: &'static str,
        /// The name of the element that came.
        name: String,
        /// Its namespace.
        ns: String,
    },
    /// Our stanza would be longer than the server takes (XEP-0478).
    #[error("a stanza of {n_bytes} bytes, and the server takes {limit}")]
    TooLong {
        /// The stanza.
        n_bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// An event that [`Stream::next`] returns.
#[derive(Debug)]
pub(super) enum StreamEvent {
    /// Everything that was queued has left.
    Flushed,
    /// A child of the stream.
    Element(Element),
    /// A child of the stream over a limit, which was not read.
    PassedOver(PassedOver),
}

/// The first of writing and reading to make progress.
enum StreamProgress {
    Written(io::Result<()>),
    Read(Result<Reading, xml::Fault>),
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Stream<Io, Plain> {
    /// Opens an unencrypted stream to `domain` and reads its features. Tells nobody who we are.
    pub async fn open(io: Io, domain: &str, trace: &mut Trace) -> Result<Self, super::Fault> {
        Self::open_concealing(io, domain, Vec::new(), trace).await
    }

    /// The same; where the server repeats one of these, it is not shown.
    pub(super) async fn open_concealing(
        io: Io,
        domain: &str,
        secrets: Vec<Secret>,
        trace: &mut Trace,
    ) -> Result<Self, super::Fault> {
        Self::open_for(io, domain, ns::CLIENT, None, secrets, trace).await
    }

    /// The same to a server that federates: as one server to another, perhaps by the name `from`.
    pub(super) async fn open_to_server(
        io: Io,
        domain: &str,
        from: Option<&str>,
        trace: &mut Trace,
    ) -> Result<Self, super::Fault> {
        Self::open_for(io, domain, ns::SERVER, from, Vec::new(), trace).await
    }

    async fn open_for(
        io: Io,
        domain: &str,
        content: &'static str,
        from: Option<&str>,
        secrets: Vec<Secret>,
        trace: &mut Trace,
    ) -> Result<Self, super::Fault> {
        let mut stream = Self::new(io, domain, content, Plain(()), trace);
        stream.concealed = secrets;
        match stream.begin(from, trace).await {
            Ok(()) => Ok(stream),
            Err(fault) if begins_with_tls(&fault) => Err(secure::Fault::SpeaksTls.into()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Agrees on TLS (RFC 6120, section 5.4) and gives the connection back for the handshake.
    ///
    /// Whatever came behind `<proceed/>` came unprotected, perhaps from somebody between us and the
    /// server, and ends the attempt.
    pub async fn start_tls(mut self, trace: &mut Trace) -> Result<Io, super::Fault> {
        if !self.features.has_child("starttls", ns::TLS) {
            return Err(secure::Fault::NoStartTls.into());
        }
        self.send(&Element::new("starttls", ns::TLS)).await?;
        let answer = self.receive().await?;
        match (&*answer.name, &*answer.ns) {
            ("proceed", ns::TLS) => trace.learn(Fact::Proceed),
            ("failure", ns::TLS) => return Err(secure::Fault::StartTlsFailed.into()),
            _ => return Err(self.unexpected("the answer to STARTTLS", &answer).into()),
        }
        let (io, left_over) = self.reader.into_parts();
        if !left_over.is_empty() {
            return Err(secure::Fault::Injected { n_bytes: left_over.len() }.into());
        }
        Ok(io)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Stream<VerifiedTls<Io>, Secured> {
    /// Opens a stream over a verified connection and reads its features.
    pub async fn open(
        io: VerifiedTls<Io>,
        account: &BareJid,
        trace: &mut Trace,
    ) -> Result<Self, super::Fault> {
        Self::open_concealing(io, account, Vec::new(), trace).await
    }

    /// The same; where the server repeats one of these, it is not shown.
    pub(super) async fn open_concealing(
        io: VerifiedTls<Io>,
        account: &BareJid,
        secrets: Vec<Secret>,
        trace: &mut Trace,
    ) -> Result<Self, super::Fault> {
        let mut stream = Self::new(io, account.domain().as_str(), ns::CLIENT, Secured(()), trace);
        stream.concealed = secrets;
        stream.begin(Some(account.as_str()), trace).await.map_err(see_other_host)?;
        Ok(stream)
    }

    /// Returns the channel bindings that can tie an authentication to the connection.
    pub(super) fn bindings(&mut self) -> &ChannelBindings {
        self.reader.io_mut().bindings()
    }

    /// Opens the stream anew after SASL (RFC 6120, section 6.4.6). Only `sasl` calls it, once the
    /// server has proved itself as far as the mechanism can.
    pub(super) async fn authenticated(
        mut self,
        account: &BareJid,
        trace: &mut Trace,
    ) -> Result<Stream<VerifiedTls<Io>, Authenticated>, Fault> {
        self.reader.restart();
        self.begin(Some(account.as_str()), trace).await.map_err(see_other_host)?;
        learn_software(&self.features, trace);
        Ok(self.into_state(Authenticated { account: account.clone() }))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Stream<Io, Probing> {
    /// Opens an encrypted stream, as one server to another or as a client, and reads its features.
    pub(super) async fn look(
        io: Io,
        domain: &str,
        role: CertificateRole,
        from: Option<&str>,
        trace: &mut Trace,
    ) -> Result<Self, super::Fault> {
        let content = match role {
            CertificateRole::Client => ns::CLIENT,
            CertificateRole::Server => ns::SERVER,
        };
        let mut stream = Self::new(io, domain, content, Probing(()), trace);
        stream.begin(from, trace).await?;
        learn_software(&stream.features, trace);
        Ok(stream)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send, State> Stream<Io, State> {
    fn new(io: Io, domain: &str, content: &'static str, state: State, trace: &Trace) -> Self {
        Self {
            reader: StreamReader::new(io),
            writer: StreamWriter::new(content),
            domain: domain.to_owned(),
            content,
            features: Element::new("features", ns::STREAMS),
            announced: Announced::default(),
            broken: None,
            concealed: Vec::new(),
            wire: trace.wire().cloned(),
            state,
        }
    }

    pub(super) fn into_state<Next>(self, state: Next) -> Stream<Io, Next> {
        let Self { reader, writer, domain, content, features, announced, broken, concealed, wire, state: _ } =
            self;
        Stream { reader, writer, domain, content, features, announced, broken, concealed, wire, state }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Returns the recorder of the traffic on the stream; `None` if the traffic is not written down.
    pub(super) fn wire(&self) -> Option<&Wire> {
        self.wire.as_ref()
    }

    /// Masks this in the errors that come from now on: a server may repeat what it was told.
    pub(super) fn conceal(&mut self, secret: Secret) {
        self.concealed.push(secret);
    }

    /// Writes down what crosses, if that is wanted.
    fn crosses(&self, direction: Direction, xml: impl FnOnce() -> String) {
        if let Some(wire) = &self.wire {
            let mut xml = xml();
            if direction == Direction::Received {
                mask(&mut xml, &self.concealed);
            }
            wire.push(direction, &xml);
        }
    }

    /// A server's words as they may be shown: bounded, and without what was said in secret.
    pub(super) fn shown(&self, words: &str) -> String {
        let mut words = quote(words);
        mask(&mut words, &self.concealed);
        words
    }

    /// Something else came than was due.
    pub(super) fn unexpected(&self, wanted: &'static str, element: &Element) -> Fault {
        Fault::Unexpected { wanted, name: self.shown(&element.name), ns: self.shown(&element.ns) }
    }

    /// The domain that the stream was opened to.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns the features that the server offers at this point of the stream.
    pub fn features(&self) -> &Element {
        &self.features
    }

    /// Returns the limits that the server announces to its clients.
    pub fn announced(&self) -> Announced {
        self.announced
    }

    async fn begin(&mut self, from: Option<&str>, trace: &mut Trace) -> Result<(), Fault> {
        let domain = self.domain.clone();
        let mut attributes = vec![("to", domain.as_str()), ("xml:lang", "en")];
        attributes.extend(from.map(|from| ("from", from)));
        self.writer.open(&attributes);
        self.crosses(Direction::Sent, || {
            let open = Element::new("stream", ns::STREAMS).with_attribute("version", "1.0");
            opening(&attributes.iter().fold(open, |open, (name, value)| open.with_attribute(*name, *value)))
        });
        self.flush().await?;
        let header = self.header().await?;
        trace.learn(Fact::Header {
            from: header.root.attribute("from").map(|from| self.shown(from)),
            id: header.root.attribute("id").map(|id| self.shown(id)),
            version: header.root.attribute("version").map(|version| self.shown(version)),
        });
        check_content(&header, self.content)?;
        let features = match check_version(&header) {
            Ok(()) => self.receive().await?,
            // A server of old sends no features. One of today may yet say what it holds against us.
            Err(fault) => match timeout(LAST_WORDS, self.receive()).await {
                Ok(Err(error @ Fault::Error { .. })) => return Err(error),
                Ok(_) | Err(_) => return Err(fault),
            },
        };
        if let Err(Fault::WrongFrom { wanted, said }) = check_from(&header, &self.domain) {
            return Err(Fault::WrongFrom { wanted, said: self.shown(&said) });
        }
        if !features.is("features", ns::STREAMS) {
            return Err(self.unexpected("the stream's features", &features));
        }
        trace.learn(Fact::Features(feature_names(&features).iter().map(|name| self.shown(name)).collect()));
        self.announced = announced(&features).unwrap_or(self.announced);
        self.features = features;
        Ok(())
    }

    async fn header(&mut self) -> Result<StreamHeader, Fault> {
        match self.frame().await? {
            XmlFrame::Open(header) => Ok(header),
            XmlFrame::Stanza(element) => Err(self.unexpected("a stream header", &element)),
            XmlFrame::Close => Err(Fault::Closed),
        }
    }

    /// Writes one element and everything queued before it.
    pub(super) async fn send(&mut self, element: &Element) -> Result<(), Fault> {
        self.queue(element)?;
        self.flush().await
    }

    /// Queues an element for the next flush, together with others; says how many bytes it takes.
    pub(super) fn queue(&mut self, element: &Element) -> Result<usize, Fault> {
        if let Some(limit) = self.announced.max_bytes {
            let n_bytes = element.to_string().len();
            if n_bytes > limit {
                return Err(Fault::TooLong { n_bytes, limit });
            }
        }
        self.crosses(Direction::Sent, || format!("{element:?}"));
        Ok(self.writer.queue(element))
    }

    /// Bytes that wait to be written.
    pub(super) fn n_queued(&self) -> usize {
        self.writer.n_queued()
    }

    /// Queues a blank, which keeps a silent stream alive (RFC 6120, section 4.6.1).
    pub(super) fn queue_blank(&mut self) {
        self.writer.blank();
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        match self.writer.flush(self.reader.io_mut()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.broke(error);
                loop {
                    self.hear_out().await?;
                }
            }
        }
    }

    fn broke(&mut self, error: io::Error) {
        let until = Instant::now() + LAST_WORDS;
        self.broken.get_or_insert((xml::Fault::from(error).into(), until));
    }

    /// Returns the element that the server had sent before it stopped taking what we write: a bounce, or the reason
    /// why it left.
    async fn hear_out(&mut self) -> Result<Element, Fault> {
        let Some((fault, until)) = self.broken.clone() else { return self.receive().await };
        match timeout_at(until, self.receive()).await {
            Ok(Ok(element)) => Ok(element),
            Ok(Err(said @ (Fault::Error { .. } | Fault::SeeOtherHost { .. } | Fault::Closed))) => Err(said),
            Ok(Err(_)) | Err(_) => Err(fault),
        }
    }

    /// The next child of the stream. Cancel-safe.
    pub(super) async fn receive(&mut self) -> Result<Element, Fault> {
        let frame = self.frame().await?;
        child(frame)
    }

    /// Writes what is queued and reads what comes, whichever can go on. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<StreamEvent, Fault> {
        if self.broken.is_some() {
            return self.hear_out().await.map(StreamEvent::Element);
        }
        if self.writer.is_flushed() {
            let reading = self.reader.read().await;
            return self.event(reading).await;
        }
        let progress = poll_fn(|context| {
            let written = pin!(self.writer.flush(self.reader.io_mut())).poll(context);
            match written {
                Poll::Ready(written) => Poll::Ready(StreamProgress::Written(written)),
                Poll::Pending => pin!(self.reader.read()).poll(context).map(StreamProgress::Read),
            }
        });
        match progress.await {
            StreamProgress::Written(Ok(())) => Ok(StreamEvent::Flushed),
            StreamProgress::Written(Err(error)) => {
                self.broke(error);
                self.hear_out().await.map(StreamEvent::Element)
            }
            StreamProgress::Read(reading) => self.event(reading).await,
        }
    }

    async fn event(&mut self, reading: Result<Reading, xml::Fault>) -> Result<StreamEvent, Fault> {
        let frame = match reading {
            Ok(Reading::PassedOver(passed)) => {
                self.crosses(Direction::Received, || format!("<!-- {passed} -->"));
                return Ok(StreamEvent::PassedOver(passed));
            }
            Ok(Reading::Frame(frame)) => Ok(frame),
            Err(fault) => Err(fault),
        };
        child(self.admit(frame).await?).map(StreamEvent::Element)
    }

    /// Passes over what is over a limit from now on: strangers write on this stream.
    pub(super) fn pass_over(&mut self) {
        self.reader.pass_over();
    }

    async fn frame(&mut self) -> Result<XmlFrame, Fault> {
        let frame = self.reader.next().await;
        self.admit(frame).await
    }

    async fn admit(&mut self, frame: Result<XmlFrame, xml::Fault>) -> Result<XmlFrame, Fault> {
        if let Err(xml::Fault::Refused { violation, .. }) = &frame {
            self.refuse(violation.condition()).await;
        }
        let mut frame = frame?;
        if let XmlFrame::Stanza(element) = &mut frame {
            conceal(element, &self.concealed);
        }
        self.crosses(Direction::Received, || match &frame {
            XmlFrame::Open(header) => opening(&header.root),
            XmlFrame::Stanza(element) => format!("{element:?}"),
            XmlFrame::Close => END.to_owned(),
        });
        Ok(frame)
    }

    /// Tells the server what we hold against it (RFC 6120, section 4.9), if it still listens.
    async fn refuse(&mut self, condition: &'static str) {
        let error = Element::new("error", ns::STREAMS).with_child(Element::new(condition, ns::STREAM_ERRORS));
        self.crosses(Direction::Sent, || format!("{error:?}{END}"));
        self.writer.queue(&error);
        self.writer.close();
        let _ = timeout(LAST_WORDS, self.writer.flush(self.reader.io_mut())).await;
    }

    /// Ends the stream in order (RFC 6120, section 4.4): says so, waits a moment for the server's
    /// end, and closes the connection.
    pub async fn close(mut self) {
        self.crosses(Direction::Sent, || END.to_owned());
        self.writer.close();
        let farewell = async {
            self.flush().await?;
            while !matches!(self.frame().await?, XmlFrame::Close) {}
            Ok::<(), Fault>(())
        };
        let _ = timeout(FAREWELL, farewell).await;
        let _ = timeout(FAREWELL, self.reader.io_mut().shutdown()).await;
    }
}

/// Masks secrets in what people may be shown of an element: why something failed, in its own words.
fn conceal(element: &mut Element, secrets: &[Secret]) {
    if matches!(&*element.name, "error" | "failure") {
        element.conceal(secrets);
    } else if element.attribute("type") == Some("error") {
        let errors = element.children.iter_mut().filter_map(|child| match child {
            Node::Element(child) if child.name == "error" => Some(child),
            Node::Element(_) | Node::Text(_) => None,
        });
        errors.for_each(|error| error.conceal(secrets));
    }
}

/// The child of a stream, or what ends it.
fn child(frame: XmlFrame) -> Result<Element, Fault> {
    match frame {
        XmlFrame::Stanza(element) if element.is("error", ns::STREAMS) => Err(stream_error(&element)),
        XmlFrame::Stanza(element) => Ok(element),
        XmlFrame::Open(header) => Err(unexpected("a child of the stream", &header.root)),
        XmlFrame::Close => Err(Fault::Closed),
    }
}

fn stream_error(error: &Element) -> Fault {
    let condition = condition_in(error, ns::STREAM_ERRORS);
    let name = condition.map_or("", |condition| &*condition.name);
    let said = text_in(error, ns::STREAM_ERRORS);
    Fault::Error {
        condition: StreamCondition::from_name(name),
        // The condition `see-other-host` holds the host itself.
        text: condition.map(|condition| quote(&condition.text())).filter(|text| !text.is_empty()).or(said),
        application: application_in(error, ns::STREAM_ERRORS),
    }
}

/// On a verified connection, a server may send us elsewhere (RFC 6120, section 4.9.3.19).
fn see_other_host(fault: Fault) -> Fault {
    let Fault::Error { condition: StreamCondition::SeeOtherHost, text: Some(place), .. } = &fault else {
        return fault;
    };
    match place.trim().parse::<Server>() {
        Ok(server) => Fault::SeeOtherHost {
            host: server.host.ip().map_or_else(|| server.host.to_string(), |address| address.to_string()),
            port: server.port,
        },
        Err(_) => fault,
    }
}

fn check_content(header: &StreamHeader, wanted: &str) -> Result<(), Fault> {
    let StreamHeader { root, content } = header;
    if !root.is("stream", ns::STREAMS) {
        return Err(Fault::NotAStream { name: quote(&root.name), ns: quote(&root.ns) });
    }
    if content != wanted {
        return Err(Fault::WrongContent { content: quote(content) });
    }
    Ok(())
}

fn check_version(header: &StreamHeader) -> Result<(), Fault> {
    let offered = header.root.attribute("version");
    let major = offered.and_then(|version| version.split_once('.')).map(|(major, _)| major.parse::<u32>());
    match major {
        Some(Ok(major)) if major >= 1 => Ok(()),
        Some(_) | None => Err(Fault::Version { offered: offered.map(quote) }),
    }
}

fn check_from(header: &StreamHeader, domain: &str) -> Result<(), Fault> {
    let Some(said) = header.root.attribute("from") else { return Ok(()) };
    match (BareJid::new(said), BareJid::new(domain)) {
        (Ok(said), Ok(wanted)) if said == wanted => Ok(()),
        _ => Err(Fault::WrongFrom { wanted: domain.to_owned(), said: quote(said) }),
    }
}

fn feature_names(features: &Element) -> Vec<String> {
    features
        .elements()
        .map(|feature| {
            printable(&if feature.ns == ns::CLIENT {
                feature.name.to_string()
            } else {
                format!("{{{}}}{}", feature.ns, feature.name)
            })
        })
        .collect()
}

fn announced(features: &Element) -> Option<Announced> {
    let limits = features.child("limits", ns::LIMITS)?;
    let number = |name| limits.child_text(name, ns::LIMITS)?.trim().parse::<u64>().ok();
    Some(Announced {
        max_bytes: number("max-bytes").and_then(|bytes| bytes.try_into().ok()),
        idle: number("idle-seconds").filter(|seconds| *seconds > 0).map(Duration::from_secs),
    })
}

/// The name of the server's software, from the entity capabilities among its features (XEP-0115,
/// section 6.3).
pub(super) fn software(features: &Element) -> Option<&'static str> {
    let node = features.child("c", CAPABILITIES)?.attribute("node")?;
    SOFTWARE.iter().find(|(_, part)| node.contains(part)).map(|(name, _)| *name)
}

fn learn_software(features: &Element, trace: &mut Trace) {
    if let Some(name) = software(features) {
        trace.learn(Fact::Software { name: name.to_owned(), version: None, basis: SoftwareBasis::Said });
    }
}

const CAPABILITIES: &str = "http://jabber.org/protocol/caps";

/// The names of server software, and what their nodes contain.
const SOFTWARE: &[(&str, &str)] = &[
    ("Prosody", "prosody.im"),
    ("MongooseIM", "MongooseIM"),
    ("ejabberd", "process-one.net"),
    ("Openfire", "igniterealtime.org"),
    ("Tigase", "tigase"),
];

/// A TLS record begins with its type, an alert or a handshake, and the version.
fn begins_with_tls(fault: &Fault) -> bool {
    let Fault::Xml(xml::Fault::Refused { violation: xml::Violation::TextBetweenStanzas { begins }, .. }) =
        fault
    else {
        return false;
    };
    begins.starts_with(r"\x15\x03") || begins.starts_with(r"\x16\x03")
}

pub(super) fn unexpected(wanted: &'static str, element: &Element) -> Fault {
    Fault::Unexpected { wanted, name: quote(&element.name), ns: quote(&element.ns) }
}

/// A stream header as it is written down: without an end.
fn opening(root: &Element) -> String {
    let whole = format!("{root:?}");
    format!("{}>", whole.strip_suffix("/>").unwrap_or(&whole))
}

/// The end of a stream.
const END: &str = "</stream:stream>";

/// The time for which we try to tell a server why we leave, or wait for it to tell us.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The time for which we wait for the server's end of a stream that we end.
const FAREWELL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
