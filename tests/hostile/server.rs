//! A server that is honest up to a point, and then does as the list says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::behaviours::{Act, Behaviour, Shown, Stage};

/// The authority that the clients trust.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub ca_file: PathBuf,
}

impl Authority {
    pub fn establish(folder: &Path) -> Self {
        let issuer = authority();
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, issuer.pem()).unwrap();
        Self { issuer, ca_file }
    }

    /// A good certificate for a domain.
    fn good(&self, domain: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([domain.to_owned()]).unwrap();
        config(vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()], &key)
    }

    fn bad(&self, domain: &str, shown: Shown) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = |names: Vec<String>| {
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, "one of them");
            params
        };
        let chain = match shown {
            Shown::SelfSigned => {
                vec![params(vec![domain.to_owned()]).self_signed(&key).unwrap().der().clone()]
            }
            Shown::Huge => {
                let names = (0..1000).map(|n| format!("host-{n}.{}.evil.example", "x".repeat(30))).collect();
                vec![params(names).signed_by(&key, &self.issuer).unwrap().der().clone()]
            }
            Shown::LongChain => {
                let own = params(vec![domain.to_owned()]).signed_by(&key, &authority()).unwrap();
                let others = (0..40).map(|_| authority().der().clone());
                std::iter::once(own.der().clone()).chain(others).collect()
            }
        };
        config(chain, &key)
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// A running server; it plays with everybody who connects.
pub struct Server {
    pub address: SocketAddr,
    heard: Arc<Mutex<String>>,
    asks_for_plain: bool,
}

impl Server {
    /// Starts it; call it inside a runtime.
    pub fn start(behaviour: &'static Behaviour, domain: &str, authority: &Authority) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let heard = Arc::default();
        let bad = behaviour.acts.iter().find_map(|act| match act {
            Act::Tls(shown) => Some(authority.bad(domain, *shown)),
            Act::Say(_)
            | Act::Bytes(_)
            | Act::Flood(_)
            | Act::Drip(_)
            | Act::Repeat(_)
            | Act::Hear(_)
            | Act::Silence
            | Act::Close
            | Act::Reset => None,
        });
        let part = Arc::new(Part {
            behaviour,
            domain: domain.to_owned(),
            port: address.port(),
            good: authority.good(domain),
            bad,
            heard: Arc::clone(&heard),
        });
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let part = Arc::clone(&part);
                tokio::spawn(async move { part.play(tcp).await });
            }
        });
        Self { address, heard, asks_for_plain: behaviour.from >= Stage::LoggedOn }
    }

    /// What it was told, unless it asked for the password itself over TLS.
    pub fn heard_outside_of_plain(&self) -> String {
        if self.asks_for_plain { String::new() } else { self.heard.lock().unwrap().clone() }
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The part that a server has with one client.
struct Part {
    behaviour: &'static Behaviour,
    domain: String,
    port: u16,
    good: Arc<ServerConfig>,
    bad: Option<Arc<ServerConfig>>,
    heard: Arc<Mutex<String>>,
}

/// One conversation.
struct Talk<'a> {
    part: &'a Part,
    io: Box<dyn Io>,
    /// What was heard since the stream began.
    heard: String,
}

impl Part {
    async fn play(&self, tcp: TcpStream) -> Option<()> {
        if self.behaviour.acts.iter().any(|act| matches!(act, Act::Reset)) {
            socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).ok()?;
        }
        let from = self.behaviour.from;
        let mut talk = Talk { part: self, io: Box::new(tcp), heard: String::new() };
        if from >= Stage::Heard {
            talk.hear_header().await?;
        }
        if from >= Stage::Opened {
            talk.say("{header}").await?;
        }
        if from >= Stage::Proceeding {
            talk.say("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>").await?;
            talk.hear("<starttls", "/>").await?;
            talk.say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
        }
        if from >= Stage::Encrypted {
            talk = talk.encrypt(&self.good).await?;
        }
        if from >= Stage::LoggedOn {
            talk.log_on().await?;
        } else if from >= Stage::Offered {
            talk.offer("SCRAM-SHA-256").await?;
            if from >= Stage::Challenged {
                talk.say("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce}x,s=QSXCR+Q6sek8bf92,i=4096}</challenge>").await?;
                talk.hear("<response", "</response>").await?;
            }
        }
        if from >= Stage::Bound {
            talk.say("<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>kenmyer@{from}/desk</jid></bind></iq>").await?;
        }
        if from >= Stage::Sent {
            talk.hear("urn:xmpp:ping", "</iq>").await?;
        }
        for act in self.behaviour.acts {
            talk = talk.act(act).await?;
        }
        // A client that was told everything has the time to leave.
        talk.listen().await
    }
}

impl<'a> Talk<'a> {
    async fn act(mut self, act: &Act) -> Option<Talk<'a>> {
        match act {
            Act::Say(text) => self.say(text).await?,
            Act::Bytes(bytes) => self.write(bytes).await?,
            Act::Flood(text) => {
                let flood = self.fill(text).repeat(1000);
                loop {
                    self.write(flood.as_bytes()).await?;
                }
            }
            Act::Drip(text) => {
                let text = self.fill(text);
                loop {
                    for byte in text.bytes() {
                        self.write(&[byte]).await?;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
            Act::Repeat(text) => loop {
                self.say(text).await?;
                let n = self.heard.len();
                while self.heard.len() == n {
                    self.read().await?;
                }
            },
            Act::Hear(text) => self.hear(text, "").await?,
            Act::Tls(_) => {
                let bad = self.part.bad.as_ref()?;
                return self.encrypt(bad).await;
            }
            Act::Silence => self.listen().await?,
            // Dropped, and with it closed or, without linger, reset.
            Act::Close | Act::Reset => return None,
        }
        Some(self)
    }

    async fn hear_header(&mut self) -> Option<()> {
        self.hear("<stream:stream", ">").await
    }

    /// Goes over to TLS and hears the header in it.
    async fn encrypt(self, config: &Arc<ServerConfig>) -> Option<Talk<'a>> {
        let io = TlsAcceptor::from(Arc::clone(config)).accept(self.io).await.ok()?;
        let mut talk = Talk { part: self.part, io: Box::new(io), heard: String::new() };
        talk.hear_header().await?;
        Some(talk)
    }

    async fn offer(&mut self, mechanism: &str) -> Option<()> {
        self.say("{header}").await?;
        let mechanism = format!(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>{mechanism}</mechanism></mechanisms></stream:features>"
        );
        self.write(mechanism.as_bytes()).await?;
        self.hear("<auth", "</auth>").await
    }

    async fn log_on(&mut self) -> Option<()> {
        self.offer("PLAIN").await?;
        self.say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await?;
        self.heard.clear();
        self.hear_header().await?;
        self.say(
            "{header}<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>",
        )
        .await?;
        self.hear("<iq", "</iq>").await
    }

    /// Waits until a text has come, and another one behind it.
    async fn hear(&mut self, text: &str, end: &str) -> Option<()> {
        loop {
            if self.heard.find(text).is_some_and(|at| self.heard[at + text.len()..].contains(end)) {
                return Some(());
            }
            self.read().await?;
        }
    }

    async fn listen(&mut self) -> Option<()> {
        loop {
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let n = self.io.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        let heard = String::from_utf8_lossy(&buffer[..n]);
        self.heard.push_str(&heard);
        self.part.heard.lock().unwrap().push_str(&heard);
        Some(())
    }

    async fn say(&mut self, template: &str) -> Option<()> {
        let text = self.fill(template);
        self.write(text.as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.io.write_all(bytes).await.ok()?;
        self.io.flush().await.ok()
    }

    fn fill(&self, template: &str) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((literal, behind)) = rest.split_once('{') {
            filled.push_str(literal);
            let end = closing(behind);
            filled.push_str(&self.word(&behind[..end]));
            rest = &behind[end + 1..];
        }
        filled + rest
    }

    fn word(&self, word: &str) -> String {
        if let Some(inner) = word.strip_prefix("base64:") {
            return BASE64.encode(self.fill(inner));
        }
        if let Some((n, inner)) = word.strip_prefix('×').and_then(|rest| rest.split_once(':')) {
            return self.fill(inner).repeat(n.parse().unwrap());
        }
        match word {
            "header" => format!(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='{}' id='s1' version='1.0'>",
                self.part.domain
            ),
            "from" => self.part.domain.clone(),
            "own" => format!("kenmyer@{}/desk", self.part.domain),
            "port" => self.part.port.to_string(),
            "id" => self.id(self.heard.rfind("<iq")).unwrap_or_default(),
            // A second message behind the first one is the fence.
            "message" => self.id(self.heard.find("<message")).unwrap_or_default(),
            "nonce" => self.nonce().unwrap_or_default(),
            other => panic!("nothing is called {other}"),
        }
    }

    /// The id of the element that begins at this place of what was heard.
    fn id(&self, at: Option<usize>) -> Option<String> {
        let tag = self.heard[at?..].split('>').next()?;
        let (_, behind) = tag.split_once(" id=")?;
        let quote = behind.chars().next()?;
        Some(behind[1..].split(quote).next()?.to_owned())
    }

    /// The nonce of the client's first message in SCRAM.
    fn nonce(&self) -> Option<String> {
        let (_, rest) = self.heard.split_once("<auth")?;
        let (_, rest) = rest.split_once('>')?;
        let first = String::from_utf8(BASE64.decode(rest.split('<').next()?).ok()?).ok()?;
        first.split(',').find_map(|part| part.strip_prefix("r=")).map(str::to_owned)
    }
}

fn closing(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    panic!("no closing brace in {text}")
}
