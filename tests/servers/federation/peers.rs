//! Peers that misbehave: what a real server cannot be made to do. Each plays one manner at the client's
//! port (5222) and at the servers' port (5269) of an address of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, Flaw};

/// How a peer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Nobody listens: connections are refused.
    Refuses,
    /// Connection attempts get no answer at all, as behind a firewall that drops packets.
    DropsPackets,
    /// Accepts, and never says anything.
    Silent,
    /// Closes the connection as soon as it stands.
    ClosesAtOnce,
    /// Answers the stream header and closes.
    ClosesAfterHeader,
    /// Sends something that is not XML.
    Garbage,
    /// Offers no encryption.
    NoStartTls,
    /// Says `<proceed/>` and then nothing.
    SilentAfterProceed,
    /// Says `<proceed/>`, waits for the handshake, and answers with what is no TLS.
    GarbageAfterProceed,
    /// Handshakes TLS, answers the stream header, and then says nothing.
    SilentAfterTls,
    /// Handshakes TLS, offers authentication, and says nothing to it.
    SilentInAuthentication,
    /// Handshakes TLS, offers authentication, and closes in the middle of an element.
    ClosesMidStream,
}

impl Manner {
    /// Every manner.
    pub const ALL: [Manner; 12] = [
        Manner::Refuses,
        Manner::DropsPackets,
        Manner::Silent,
        Manner::ClosesAtOnce,
        Manner::ClosesAfterHeader,
        Manner::Garbage,
        Manner::NoStartTls,
        Manner::SilentAfterProceed,
        Manner::GarbageAfterProceed,
        Manner::SilentAfterTls,
        Manner::SilentInAuthentication,
        Manner::ClosesMidStream,
    ];

    /// A label for the peer's domain.
    pub fn label(self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

/// A peer; it plays until the runtime ends.
pub struct Peer {
    pub address: IpAddr,
    calls: Arc<Semaphore>,
}

impl Peer {
    /// Starts it at both ports; call it inside a runtime.
    pub fn start(address: IpAddr, domain: &str, manner: Manner, authority: &Authority) -> Self {
        let calls = Arc::new(Semaphore::new(0));
        if manner == Manner::Refuses {
            return Self { address, calls };
        }
        let tls = acceptor(domain, authority);
        for (port, namespace) in [(5222, "jabber:client"), (5269, "jabber:server")] {
            let address = SocketAddr::new(address, port);
            if manner == Manner::DropsPackets {
                tokio::spawn(drop_packets(address));
                continue;
            }
            let listener = std::net::TcpListener::bind(address).unwrap();
            listener.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let play = Play { domain: domain.to_owned(), namespace, manner, tls: tls.clone() };
            tokio::spawn(accept(listener, Arc::new(play), Arc::clone(&calls)));
        }
        Self { address, calls }
    }

    /// Whether anybody has connected.
    pub fn was_called(&self) -> bool {
        self.calls.available_permits() > 0
    }

    /// Waits for the next connection to it.
    pub fn wait_for_a_call(&self, runtime: &Runtime) {
        let call = async { tokio::time::timeout(Duration::from_secs(30), self.calls.acquire()).await };
        runtime.block_on(call).expect("nobody calls the peer").unwrap().forget();
    }
}

async fn accept(listener: TcpListener, play: Arc<Play>, calls: Arc<Semaphore>) {
    while let Ok((stream, _)) = listener.accept().await {
        calls.add_permits(1);
        let play = Arc::clone(&play);
        tokio::spawn(async move { play.run(stream).await });
    }
}

/// A listener whose queue is full: the kernel ignores further connection attempts, as a firewall would.
async fn drop_packets(address: SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(0).unwrap();
    let mut queued = Vec::new();
    let unanswered = Duration::from_millis(200);
    while let Ok(Ok(stream)) = tokio::time::timeout(unanswered, TcpStream::connect(address)).await {
        queued.push(stream);
    }
    std::future::pending::<()>().await;
    drop((listener, queued));
}

/// One manner at one port.
struct Play {
    domain: String,
    namespace: &'static str,
    manner: Manner,
    tls: TlsAcceptor,
}

impl Play {
    async fn run(&self, mut stream: TcpStream) -> std::io::Result<()> {
        match self.manner {
            Manner::Refuses | Manner::DropsPackets | Manner::ClosesAtOnce => Ok(()),
            Manner::Silent => silence(&mut stream).await,
            Manner::ClosesAfterHeader => {
                self.header(&mut stream).await?;
                stream.shutdown().await
            }
            Manner::Garbage => {
                hear(&mut stream).await?;
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await?;
                silence(&mut stream).await
            }
            Manner::NoStartTls => {
                self.header(&mut stream).await?;
                stream.write_all(self.mechanisms().as_bytes()).await?;
                silence(&mut stream).await
            }
            Manner::SilentAfterProceed => {
                self.proceed(&mut stream).await?;
                silence(&mut stream).await
            }
            Manner::GarbageAfterProceed => {
                self.proceed(&mut stream).await?;
                hear(&mut stream).await?;
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await?;
                silence(&mut stream).await
            }
            Manner::SilentAfterTls => {
                self.proceed(&mut stream).await?;
                let mut stream = self.tls.accept(stream).await?;
                self.header(&mut stream).await?;
                silence(&mut stream).await
            }
            Manner::SilentInAuthentication => {
                self.proceed(&mut stream).await?;
                let mut stream = self.tls.accept(stream).await?;
                self.header(&mut stream).await?;
                stream.write_all(self.mechanisms().as_bytes()).await?;
                silence(&mut stream).await
            }
            Manner::ClosesMidStream => {
                self.proceed(&mut stream).await?;
                let mut stream = self.tls.accept(stream).await?;
                self.header(&mut stream).await?;
                stream.write_all(self.mechanisms().as_bytes()).await?;
                hear(&mut stream).await?;
                stream.write_all(b"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj0").await?;
                stream.shutdown().await
            }
        }
    }

    /// Answers a stream header.
    async fn header(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<()> {
        hear(stream).await?;
        let header = format!(
            "<?xml version='1.0'?><stream:stream from='{}' id='b1946ac92492d234' version='1.0' xmlns='{}' \
             xmlns:stream='http://etherx.jabber.org/streams'>",
            self.domain, self.namespace
        );
        stream.write_all(header.as_bytes()).await
    }

    /// Offers encryption and accepts the request for it.
    async fn proceed(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        self.header(stream).await?;
        let offer = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
                     </stream:features>";
        stream.write_all(offer.as_bytes()).await?;
        hear(stream).await?;
        stream.write_all(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await
    }

    fn mechanisms(&self) -> &'static str {
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism><mechanism>EXTERNAL</mechanism>\
         </mechanisms></stream:features>"
    }
}

/// Waits for whatever the other side says next.
async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let n = stream.read(&mut [0; 4096]).await?;
    if n == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Listens, and says nothing, until the other side gives up.
async fn silence(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    loop {
        hear(stream).await?;
    }
}

fn acceptor(domain: &str, authority: &Authority) -> TlsAcceptor {
    let identity = authority.issue(domain, Flaw::None);
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(identity.certificate).unwrap().map(|cert| cert.unwrap()).collect();
    let key = PrivateKeyDer::from_pem_file(identity.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
