//! The servers: from an accepted connection to a session (RFC 6120, sections 4 to 7).
//!
//! One loop serves all hosts of the practice network: the stream's `to`, or the name in the TLS
//! handshake, says which one is meant, and its behaviour is consulted at every step. Clients and other
//! servers come in by the same ports.

use std::io;
use std::sync::Arc;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::behaviour::{BindBehaviour, StanzaBehaviour, StreamBehaviour, TlsBehaviour};
use super::host::{HostRole, LabHost, LabServers, random_id};
use super::pki::ServerIdentity;
use super::sasl::{self, LabAnswer, LabBindings, LabExchange};
use super::session;
use crate::xmpp::xml::{Element, Fault, StreamReader, StreamWriter, XmlFrame, ns};

/// The way in which TLS begins at a port.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entrance {
    StartTls,
    Direct,
}

/// Serves a port until it is dropped.
pub(super) async fn serve(listener: TcpListener, entrance: Entrance, world: Arc<LabServers>) {
    let mut visitors = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    let world = Arc::clone(&world);
                    visitors.spawn(async move { drop(receive(tcp, entrance, world).await) });
                }
                // Most likely too many open files; they become fewer.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = visitors.join_next() => {}
        }
    }
}

async fn receive(mut tcp: TcpStream, entrance: Entrance, world: Arc<LabServers>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    match visit(&mut tcp, entrance, world).await {
        Ok(Parting::Reset) => tcp.set_zero_linger(),
        // Whatever broke the conversation, the visitor is to see its end.
        Ok(Parting::Close) | Err(_) => see_off(tcp).await,
    }
}

/// The way in which a conversation ends for the visitor.
#[derive(Clone, Copy, Debug)]
enum Parting {
    Close,
    Reset,
}

/// Closes a connection so that the visitor reads its end and no reset: the kernel resets what is closed
/// with something unread in it, and what something is sent to after it was closed.
async fn see_off(mut tcp: TcpStream) -> io::Result<()> {
    tcp.shutdown().await?;
    hold(tcp).await
}

async fn visit(tcp: &mut TcpStream, entrance: Entrance, world: Arc<LabServers>) -> io::Result<Parting> {
    let (tls, identity) = match entrance {
        Entrance::StartTls => {
            let host = match starttls(tcp, &world).await? {
                OpeningEnd::Agreed(host) => host,
                OpeningEnd::Over(parting) => return Ok(parting),
            };
            match host.behaviour.tls {
                TlsBehaviour::Shakes
                | TlsBehaviour::Only12
                | TlsBehaviour::WantsCertificate
                | TlsBehaviour::Mute => {}
                TlsBehaviour::Silent => return hold(tcp).await.map(|()| Parting::Close),
                TlsBehaviour::Closes => return Ok(Parting::Close),
                // Once the client is in the middle of it: `<proceed/>` must not be lost with the rest.
                TlsBehaviour::Resets => return tcp.readable().await.map(|()| Parting::Reset),
                TlsBehaviour::Says(bytes) => return answer_hello(tcp, bytes).await.map(|()| Parting::Close),
            }
            let identity = world.identity(&host)?;
            let tls = TlsAcceptor::from(Arc::clone(&identity.config)).accept(tcp).await?;
            if host.behaviour.tls == TlsBehaviour::Mute {
                return hold(tls).await.map(|()| Parting::Close);
            }
            (tls, identity)
        }
        Entrance::Direct => {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
            let name = hello.client_hello().server_name().unwrap_or_default().to_owned();
            let Some(host) = world.named(&name).cloned() else {
                return Err(io::Error::other("nobody is called that here"));
            };
            let identity = world.identity(&host)?;
            let tls = hello.into_stream(Arc::clone(&identity.config)).await?;
            (tls, identity)
        }
    };
    encrypted(tls, &identity, world).await.map(|()| Parting::Close)
}

/// The outcome of the stream before TLS.
enum OpeningEnd {
    /// TLS begins, with the host that was asked for.
    Agreed(Arc<LabHost>),
    Over(Parting),
}

/// The first stream, up to the point where TLS begins.
async fn starttls(tcp: &mut TcpStream, world: &LabServers) -> io::Result<OpeningEnd> {
    const CLOSED: OpeningEnd = OpeningEnd::Over(Parting::Close);
    let mut stream = Conversation::new(tcp);
    let Some(host) = stream.hear(world).await? else { return Ok(CLOSED) };
    match host.behaviour.stream {
        StreamBehaviour::Answers | StreamBehaviour::Injects | StreamBehaviour::FailsStartTls => {
            stream.open(host.domain)
        }
        StreamBehaviour::Silent => return hold(stream.into_io()).await.map(|()| CLOSED),
        StreamBehaviour::Closes => return Ok(CLOSED),
        StreamBehaviour::Resets => return Ok(OpeningEnd::Over(Parting::Reset)),
        StreamBehaviour::Says(words) => {
            stream.say(words.as_bytes()).await?;
            return hold(stream.into_io()).await.map(|()| CLOSED);
        }
        StreamBehaviour::EndlessHeader => {
            return stream.say_for_ever(ENDLESS_HEADER, b" a").await.map(|()| CLOSED);
        }
        StreamBehaviour::Ends(condition, words) => {
            stream.open(host.domain);
            return stream.end(condition, words).await.map(|()| CLOSED);
        }
        StreamBehaviour::NoStartTls => {
            stream.open(host.domain);
            stream.offer(stream.authentication(&host)).await?;
            return hold(stream.into_io()).await.map(|()| CLOSED);
        }
    }
    let starttls = Element::new("starttls", ns::TLS).with_child(Element::new("required", ns::TLS));
    stream.offer(vec![starttls]).await?;
    if !stream.next().await?.is_some_and(|element| element.is("starttls", ns::TLS)) {
        return stream.end("policy-violation", "Use of STARTTLS required").await.map(|()| CLOSED);
    }
    if host.behaviour.stream == StreamBehaviour::FailsStartTls {
        stream.send(&Element::new("failure", ns::TLS)).await?;
        return stream.close().await.map(|()| CLOSED);
    }
    stream.writer.queue(&Element::new("proceed", ns::TLS));
    if host.behaviour.stream == StreamBehaviour::Injects {
        stream.writer.queue(&Element::new("features", ns::STREAMS));
    }
    stream.flush().await?;
    let (_, early) = stream.reader.into_parts();
    // What came before the handshake came unprotected, and a client that sends it is mistaken.
    Ok(if early.is_empty() { OpeningEnd::Agreed(host) } else { CLOSED })
}

/// Answers the first packet of a handshake with something else.
async fn answer_hello(tcp: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    if tcp.read(&mut [0; 512]).await? > 0 {
        tcp.write_all(answer).await?;
    }
    hold(tcp).await
}

/// The encrypted stream: SASL, then a resource, then stanzas.
async fn encrypted(
    tls: TlsStream<&mut TcpStream>,
    identity: &ServerIdentity,
    world: Arc<LabServers>,
) -> io::Result<()> {
    let bindings = bindings(&tls, identity);
    let mut stream = Conversation::new(tls);
    let Some(host) = stream.hear(&world).await? else { return Ok(()) };
    stream.open(host.domain);
    stream.offer(stream.authentication(&host)).await?;
    if stream.content == ns::SERVER {
        return federate(&mut stream).await;
    }
    let Some(account) = authenticate(&mut stream, &host, &bindings, &world).await? else {
        return Ok(());
    };
    stream.reader.restart();
    let Some(host) = stream.hear(&world).await? else { return Ok(()) };
    stream.open(host.domain);
    let mut features = vec![Element::new("sm", ns::MANAGEMENT)];
    if host.behaviour.bind != BindBehaviour::Missing {
        features.push(Element::new("bind", ns::BIND));
    }
    if let StanzaBehaviour::Limits(n_bytes) = host.behaviour.session {
        let most = Element::new("max-bytes", ns::LIMITS).with_text(&n_bytes.to_string());
        features.push(Element::new("limits", ns::LIMITS).with_child(most));
    }
    stream.offer(features).await?;
    let Some(wanted) = bind_request(&mut stream).await? else { return Ok(()) };
    match host.behaviour.bind {
        BindBehaviour::Gives => return session::run(stream, wanted, account, host, world).await,
        BindBehaviour::Silent => return hold(stream.into_io()).await,
        BindBehaviour::Closes => return stream.reader.io_mut().shutdown().await,
        BindBehaviour::Missing => stream.send(&wanted.refused("cancel", "service-unavailable")).await?,
        BindBehaviour::Refuses(kind, condition) => stream.send(&wanted.refused(kind, condition)).await?,
        BindBehaviour::Other(account) => {
            let other = format!("{account}@{}/{}", host.domain, random_id());
            stream.send(&wanted.granted(&other)).await?;
        }
        BindBehaviour::Malformed => stream.send(&wanted.granted("@@no address@@")).await?,
    }
    hold(stream.into_io()).await
}

/// SASL until it succeeds; the account that is logged on then, without its domain.
async fn authenticate<Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut Conversation<Io>,
    host: &LabHost,
    bindings: &LabBindings,
    world: &LabServers,
) -> io::Result<Option<String>> {
    let mut exchange = LabExchange::new(host, Arc::clone(&world.keys), bindings);
    let mut n_failures = 0;
    while let Some(element) = stream.next().await? {
        if element.ns != ns::SASL {
            stream.end("not-authorized", "").await?;
            return Ok(None);
        }
        match exchange.answer(&element) {
            LabAnswer::Continue(challenge) => stream.send(&challenge).await?,
            LabAnswer::Done(success, account) => {
                stream.send(&success).await?;
                return Ok(Some(account));
            }
            LabAnswer::Failed(failure) => {
                stream.send(&failure).await?;
                n_failures += 1;
                if n_failures == MAX_FAILURES {
                    stream.end("policy-violation", "Too many authentication failures").await?;
                    return Ok(None);
                }
            }
            LabAnswer::Silence => {}
            LabAnswer::Close => return stream.reader.io_mut().shutdown().await.map(|()| None),
        }
    }
    Ok(None)
}

/// A client's wish for a resource (RFC 6120, section 7).
pub(super) struct BindRequest {
    id: String,
    pub(super) resource: Option<String>,
}

impl BindRequest {
    /// The answer that grants it.
    pub(super) fn granted(&self, jid: &str) -> Element {
        let jid = Element::new("jid", ns::BIND).with_text(jid);
        Element::new("iq", ns::CLIENT)
            .with_attribute("id", &*self.id)
            .with_attribute("type", "result")
            .with_child(Element::new("bind", ns::BIND).with_child(jid))
    }

    /// The answer that refuses it.
    fn refused(&self, kind: &str, condition: &'static str) -> Element {
        let error = Element::new("error", ns::CLIENT)
            .with_attribute("type", kind)
            .with_child(Element::new(condition, ns::STANZA_ERRORS));
        Element::new("iq", ns::CLIENT)
            .with_attribute("id", &*self.id)
            .with_attribute("type", "error")
            .with_child(error)
    }
}

async fn bind_request<Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut Conversation<Io>,
) -> io::Result<Option<BindRequest>> {
    let Some(element) = stream.next().await? else { return Ok(None) };
    let Some(bind) = element.child("bind", ns::BIND).filter(|_| element.is("iq", ns::CLIENT)) else {
        return stream.end("not-authorized", "Bind a resource first").await.map(|()| None);
    };
    let resource = bind.child_text("resource", ns::BIND).filter(|wanted| !wanted.is_empty());
    let id = element.attribute("id").unwrap_or_default().to_owned();
    Ok(Some(BindRequest { id, resource: resource.map(|wanted| wanted.into_owned()) }))
}

/// Another server's stream: what it would do next is not practised here, so it is told so.
async fn federate<Io: AsyncRead + AsyncWrite + Unpin>(stream: &mut Conversation<Io>) -> io::Result<()> {
    while let Some(element) = stream.next().await? {
        if element.is("auth", ns::SASL) {
            let failure =
                Element::new("failure", ns::SASL).with_child(Element::new("not-authorized", ns::SASL));
            stream.send(&failure).await?;
        } else {
            return stream.end("not-authorized", "This is a network to practise on").await;
        }
    }
    Ok(())
}

/// A stream as this side sees it.
pub(super) struct Conversation<Io> {
    pub(super) reader: StreamReader<Io>,
    pub(super) writer: StreamWriter,
    /// The namespace of its stanzas, which says whether a client or a server speaks.
    content: &'static str,
    /// The domain that it was opened to.
    to: String,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Conversation<Io> {
    fn new(io: Io) -> Self {
        Self {
            reader: StreamReader::new(io),
            writer: StreamWriter::new(ns::CLIENT),
            content: ns::CLIENT,
            to: String::new(),
        }
    }

    /// Waits for the header of the other side's stream, and finds the host that it is for.
    async fn hear(&mut self, world: &LabServers) -> io::Result<Option<Arc<LabHost>>> {
        let header = match self.reader.next().await {
            Ok(XmlFrame::Open(header)) => header,
            Ok(XmlFrame::Stanza(_) | XmlFrame::Close) => return Ok(None),
            Err(fault) => return self.complain(&fault).await.map(|()| None),
        };
        self.content = if header.content == ns::SERVER { ns::SERVER } else { ns::CLIENT };
        self.writer = StreamWriter::new(self.content);
        self.to = header.root.attribute("to").unwrap_or_default().to_lowercase();
        match world.host(&self.to) {
            Some(host) if self.content == ns::SERVER || matches!(host.role, HostRole::Pool(_)) => {
                Ok(Some(Arc::clone(host)))
            }
            Some(_) | None => {
                let to = self.to.clone();
                self.host_unknown(&to).await.map(|()| None)
            }
        }
    }

    fn open(&mut self, domain: &str) {
        self.writer.open(&[("from", domain), ("id", &random_id()), ("xml:lang", "en")]);
    }

    async fn host_unknown(&mut self, domain: &str) -> io::Result<()> {
        self.open(domain);
        self.end("host-unknown", &format!("This server does not serve {domain}")).await
    }

    /// Returns the features that a host offers before somebody is authenticated.
    fn authentication(&self, host: &LabHost) -> Vec<Element> {
        if self.content == ns::CLIENT {
            return sasl::features(host.behaviour.logon);
        }
        let external = Element::new("mechanism", ns::SASL).with_text("EXTERNAL");
        let mut offered = vec![Element::new("dialback", DIALBACK)];
        if host.behaviour.stream != StreamBehaviour::NoStartTls {
            offered.push(Element::new("mechanisms", ns::SASL).with_child(external));
        }
        offered
    }

    async fn offer(&mut self, features: Vec<Element>) -> io::Result<()> {
        let features = features.into_iter().fold(Element::new("features", ns::STREAMS), Element::with_child);
        self.send(&features).await
    }

    /// The next element; `None` at the end of the stream, which is then closed from here too.
    async fn next(&mut self) -> io::Result<Option<Element>> {
        match self.reader.next().await {
            Ok(XmlFrame::Stanza(element)) => Ok(Some(element)),
            Ok(XmlFrame::Open(_) | XmlFrame::Close) => self.close().await.map(|()| None),
            Err(fault) => self.complain(&fault).await.map(|()| None),
        }
    }

    pub(super) async fn send(&mut self, element: &Element) -> io::Result<()> {
        self.writer.queue(element);
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.writer.flush(self.reader.io_mut()).await
    }

    /// Answers what cannot be read with the stream error that it is owed (RFC 6120, section 4.9).
    pub(super) async fn complain(&mut self, fault: &Fault) -> io::Result<()> {
        if let Fault::Refused { violation, .. } = fault {
            if self.to.is_empty() {
                self.writer.open(&[("id", &random_id())]);
            }
            self.end(violation.condition(), &violation.to_string()).await?;
        }
        Ok(())
    }

    /// Ends the stream with an error (RFC 6120, section 4.9).
    pub(super) async fn end(&mut self, condition: &'static str, text: &str) -> io::Result<()> {
        let is_host = condition == "see-other-host";
        let mut named = Element::new(condition, ns::STREAM_ERRORS);
        if is_host {
            named = named.with_text(text);
        }
        let mut error = Element::new("error", ns::STREAMS).with_child(named);
        if !is_host && !text.is_empty() {
            error = error.with_child(Element::new("text", ns::STREAM_ERRORS).with_text(text));
        }
        self.writer.queue(&error);
        self.close().await
    }

    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.writer.close();
        self.flush().await?;
        self.reader.io_mut().shutdown().await
    }

    /// Writes bytes that are no stanza.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let io = self.reader.io_mut();
        io.write_all(bytes).await?;
        io.flush().await
    }

    /// Writes a beginning, and then the same over and over until the other side has had enough.
    pub(super) async fn say_for_ever(&mut self, first: &[u8], then: &[u8]) -> io::Result<()> {
        self.say(first).await?;
        let many = then.repeat(4096);
        loop {
            self.say(&many).await?;
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn into_io(self) -> Io {
        self.reader.into_parts().0
    }
}

/// Keeps a connection open and says nothing, until the other side leaves.
pub(super) async fn hold<Io: AsyncRead + Unpin>(mut io: Io) -> io::Result<()> {
    tokio::io::copy(&mut io, &mut tokio::io::sink()).await.map(drop)
}

/// Returns the channel bindings that an authentication can use on this connection.
fn bindings(tls: &TlsStream<&mut TcpStream>, identity: &ServerIdentity) -> LabBindings {
    let (_, connection) = tls.get_ref();
    let is_13 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let export = || connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(&[]));
    LabBindings {
        exporter: is_13.then(export).and_then(Result::ok),
        end_point: Some(identity.end_point.clone()),
        certificate: connection.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec())),
    }
}

/// Failed authentications on one connection.
const MAX_FAILURES: usize = 3;

/// Server dialback (XEP-0220), as a stream feature.
const DIALBACK: &str = "urn:xmpp:features:dialback";

const ENDLESS_HEADER: &[u8] = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'";
