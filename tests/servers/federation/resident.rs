//! A receiver who is on line at a real server, independent of the client under test: its own logon over
//! direct TLS with PLAIN, presence, and receipts (XEP-0184) if it is one who gives them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use imsh::internals::xmpp::xml::{Element, StreamReader, XmlFrame, ns};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{PASSWORD, ready};

/// What a receiver does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing, as most people's clients do for a stranger.
    Nothing,
    /// A receipt, where one is asked for.
    Receipt,
    /// The message comes back as an error, so long after it has come.
    ErrorAfter(Duration),
}

/// Somebody who is on line.
#[derive(Clone)]
pub struct Resident {
    heard: Arc<Mutex<Vec<Element>>>,
}

impl Resident {
    /// Logs `user` on and keeps the session until the runtime ends; returns when the user is on line. Call
    /// it inside a runtime.
    pub fn log_on(address: IpAddr, user: &str, domain: &str, ca_file: &Path, answer: Answer) -> Self {
        ready::takes_direct_tls(address).unwrap();
        let (on_line, is_on_line) = mpsc::channel();
        let account = (user.to_owned(), domain.to_owned());
        let tls = connector(ca_file);
        let resident = Self { heard: Arc::default() };
        let ears = resident.clone();
        tokio::spawn(async move {
            let (user, domain) = account;
            let mut session = Session::open(address, &user, &domain, tls).await;
            on_line.send(()).unwrap();
            session.live(answer, &ears).await;
        });
        is_on_line.recv().unwrap_or_else(|_| panic!("{user}@{domain} did not get on line"));
        resident
    }

    /// The messages with a body that have come from an address.
    pub fn heard_from(&self, bare: &str) -> Vec<Element> {
        let heard = self.heard.lock().unwrap();
        let from = |message: &&Element| {
            message.attribute("from").and_then(|from| from.split('/').next()) == Some(bare)
        };
        heard.iter().filter(from).cloned().collect()
    }
}

struct Session {
    stream: StreamReader<TlsStream<TcpStream>>,
}

impl Session {
    async fn open(address: IpAddr, user: &str, domain: &str, tls: TlsConnector) -> Self {
        let tcp = TcpStream::connect(SocketAddr::new(address, 5223)).await.unwrap();
        let name = ServerName::try_from(domain.to_owned()).unwrap();
        let mut session = Self { stream: StreamReader::new(tls.connect(name, tcp).await.unwrap()) };
        session.restart(domain).await;
        let plain = BASE64.encode(format!("\0{user}\0{PASSWORD}"));
        session.say(&format!("<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>", ns::SASL)).await;
        assert_eq!(session.hear().await.name, "success");
        session.stream.restart();
        session.restart(domain).await;
        session.say(&format!("<iq type='set' id='bind'><bind xmlns='{}'/></iq>", ns::BIND)).await;
        assert_eq!(session.hear().await.attribute("type"), Some("result"));
        // The server sends the presence back to us when it has taken it.
        session.say("<presence/>").await;
        while session.hear().await.name != "presence" {}
        session
    }

    /// Sends a stream header and takes the server's, with the features.
    async fn restart(&mut self, domain: &str) {
        self.say(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='{}' xmlns:stream='{}'>",
            ns::CLIENT,
            ns::STREAMS
        ))
        .await;
        assert!(matches!(self.stream.next().await.unwrap(), XmlFrame::Open(_)));
        assert_eq!(self.hear().await.name, "features");
    }

    async fn live(&mut self, answer: Answer, resident: &Resident) {
        while let Ok(XmlFrame::Stanza(stanza)) = self.stream.next().await {
            if stanza.name != "message" || !stanza.has_child("body", ns::CLIENT) {
                continue;
            }
            let answer = match answer {
                Answer::Nothing => None,
                Answer::Receipt => receipt(&stanza),
                Answer::ErrorAfter(after) => {
                    tokio::time::sleep(after).await;
                    error(&stanza)
                }
            };
            resident.heard.lock().unwrap().push(stanza);
            if let Some(answer) = answer {
                self.say(&answer).await;
            }
        }
    }

    async fn say(&mut self, xml: &str) {
        let io = self.stream.io_mut();
        io.write_all(xml.as_bytes()).await.unwrap();
        io.flush().await.unwrap();
    }

    async fn hear(&mut self) -> Element {
        match self.stream.next().await.unwrap() {
            XmlFrame::Stanza(element) => element,
            frame @ (XmlFrame::Open(_) | XmlFrame::Close) => panic!("{frame:?} where an element belongs"),
        }
    }
}

/// The receipt that a message asks for.
fn receipt(message: &Element) -> Option<String> {
    let (to, id) = (message.attribute("from")?, message.attribute("id")?);
    message.child("request", ns::RECEIPTS)?;
    Some(format!("<message type='chat' to='{to}'><received xmlns='{}' id='{id}'/></message>", ns::RECEIPTS))
}

/// The message come back, as from a server that finds out late that it cannot deliver it.
fn error(message: &Element) -> Option<String> {
    let (to, id) = (message.attribute("from")?, message.attribute("id")?);
    Some(format!(
        "<message type='error' to='{to}' id='{id}'><error type='cancel'><service-unavailable xmlns='{}'/></error></message>",
        ns::STANZA_ERRORS
    ))
}

fn connector(ca_file: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}
