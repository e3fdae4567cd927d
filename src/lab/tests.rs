//! The practice network through a client of the tests' own: sockets, TLS and text.

use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// After this, what is awaited does not come at all.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Somebody who is logged on.
struct LabClient {
    io: TlsStream<TcpStream>,
    heard: String,
}

impl LabClient {
    async fn log_on(lab: &Lab, local: &str, domain: &str) -> Self {
        let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, lab.ports.starttls)).await.unwrap();
        let mut heard = String::new();
        let header = format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='{domain}' version='1.0' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        io.write_all(header.as_bytes()).await.unwrap();
        hear(&mut io, &mut heard, "</stream:features>").await;
        io.write_all(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await.unwrap();
        hear(&mut io, &mut heard, "<proceed").await;
        let mut roots = RootCertStore::empty();
        roots.add(lab.authority()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(domain.to_owned()).unwrap();
        let io = TlsConnector::from(Arc::new(config)).connect(name, io).await.unwrap();
        let mut client = Self { io, heard: String::new() };
        client.say(&header).await;
        client.hear("</stream:features>").await;
        let plain = BASE64_STANDARD.encode(format!("\0{local}\0{PASSWORD}"));
        client
            .say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"))
            .await;
        client.hear("<success").await;
        client.say(&header).await;
        client.hear("</stream:features>").await;
        client.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>").await;
        client.hear("</iq>").await;
        client
    }

    async fn say(&mut self, text: &str) {
        self.io.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until `text` has come, and gives back everything up to its end.
    async fn hear(&mut self, text: &str) -> String {
        hear(&mut self.io, &mut self.heard, text).await
    }
}

async fn hear<Io: tokio::io::AsyncRead + Unpin>(io: &mut Io, heard: &mut String, text: &str) -> String {
    let mut buffer = [0; 4096];
    loop {
        if let Some(at) = heard.find(text) {
            let rest = heard.split_off(at + text.len());
            return std::mem::replace(heard, rest);
        }
        let read = tokio::time::timeout(PATIENCE, io.read(&mut buffer)).await;
        let n = read.unwrap_or_else(|_| panic!("{text:?} does not come; heard {heard:?}")).unwrap();
        assert!(n > 0, "the stream ended before {text:?}; heard {heard:?}");
        heard.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
}

fn message(to: &str, id: &str) -> String {
    format!(
        "<message type='chat' to='{to}' id='{id}'><body>nonce-{id}</body><request xmlns='urn:xmpp:receipts'/>\
         </message>"
    )
}

fn ping(to: &str, id: &str) -> String {
    format!("<iq type='get' to='{to}' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
}

/// Two stanzas in one piece.
fn both(one: &str, other: &str) -> String {
    format!("{one}{other}")
}

#[tokio::test]
async fn it_starts_at_once_and_leaves_nothing_behind() {
    let began = Instant::now();
    let lab = Lab::start().await.unwrap();
    let took = began.elapsed();
    let directory = lab.directory().to_owned();
    assert!(lab.topology().is_file() && lab.ca_file().is_file());
    drop(lab);
    assert!(!directory.exists());
    assert!(took.as_secs() < 5, "{took:?}");
}

#[tokio::test]
async fn a_healthy_receiver_confirms_and_answers_with_our_nonce() {
    let lab = Lab::start().await.unwrap();
    let mut kenmyer = LabClient::log_on(&lab, "kenmyer", "litwareinc.com").await;
    kenmyer.say(&both(&message(RECEIVER, "m1"), &ping("contoso.com", "p1"))).await;
    let heard = kenmyer.hear("id='p1'").await;
    let at = |text: &str| heard.find(text).unwrap_or_else(|| panic!("{text} is missing in {heard}"));
    assert!(at("<received xmlns='urn:xmpp:receipts' id='m1'") < at("<body>nonce-m1</body>"));
    assert!(at("<body>nonce-m1</body>") < at("<iq "));
    assert!(heard[at("<iq ")..].contains("from='contoso.com'"), "{heard}");
}

#[tokio::test]
async fn a_late_bounce_comes_behind_the_answer_to_the_ping() {
    let lab = Lab::start().await.unwrap();
    let mut kenmyer = LabClient::log_on(&lab, "kenmyer", "litwareinc.com").await;
    kenmyer
        .say(&both(&message("late@northwindtraders.com", "m1"), &ping("northwindtraders.com", "p1")))
        .await;
    let first = kenmyer.hear("type='result'").await;
    assert!(!first.contains("service-unavailable"), "{first}");
    kenmyer.hear("service-unavailable").await;
}

#[tokio::test]
async fn each_manner_words_the_same_fault_in_its_own_way() {
    let lab = Lab::start().await.unwrap();
    let mut kenmyer = LabClient::log_on(&lab, "kenmyer", "litwareinc.com").await;
    let mut david = LabClient::log_on(&lab, "david", "fabrikam.com").await;
    let stanza = message("adelany@refused.contoso.com", "m1");
    kenmyer.say(&stanza).await;
    david.say(&stanza).await;
    let prosody = kenmyer.hear("</error>").await;
    let ejabberd = david.hear("</error>").await;
    assert!(
        prosody.contains("by='litwareinc.com'") && prosody.contains("remote-server-not-found"),
        "{prosody}"
    );
    assert!(!ejabberd.contains("by=") && ejabberd.contains("remote-server-timeout"), "{ejabberd}");
}

#[tokio::test]
async fn two_pools_exchange_and_what_waits_is_delivered_late() {
    let lab = Lab::start().await.unwrap();
    let mut kenmyer = LabClient::log_on(&lab, "kenmyer", "litwareinc.com").await;
    // A ping behind it shows that the message has been dealt with.
    kenmyer.say(&both(&message("david@fabrikam.com/nowhere", "m1"), &ping("fabrikam.com", "p1"))).await;
    kenmyer.hear("type='result'").await;
    let mut david = LabClient::log_on(&lab, "david", "fabrikam.com").await;
    david.say("<presence/>").await;
    let stored = david.hear("</message>").await;
    assert!(stored.contains("nonce-m1") && stored.contains("urn:xmpp:delay"), "{stored}");
    kenmyer.say(&message("david@fabrikam.com", "m2")).await;
    let live = david.hear("</message>").await;
    assert!(live.contains("nonce-m2") && !live.contains("urn:xmpp:delay"), "{live}");
    assert!(live.contains("from='kenmyer@litwareinc.com/"), "{live}");
}

#[tokio::test]
async fn stanzas_are_counted_and_acknowledged() {
    let lab = Lab::start().await.unwrap();
    let mut kenmyer = LabClient::log_on(&lab, "kenmyer", "litwareinc.com").await;
    kenmyer.say("<enable xmlns='urn:xmpp:sm:3'/>").await;
    kenmyer.say(&both(&message("offline@northwindtraders.com", "m1"), "<r xmlns='urn:xmpp:sm:3'/>")).await;
    let heard = kenmyer.hear("h='1'").await;
    assert!(heard.contains("<enabled xmlns='urn:xmpp:sm:3'/>"), "{heard}");
}

#[tokio::test]
async fn its_topology_and_its_vault_are_real_ones() {
    let lab = Lab::start().await.unwrap();
    let topology = crate::topology::Topology::load(&lab.topology()).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    assert_eq!(topology.pools.len(), POOLS.len());
    assert!(topology.remarks.is_empty(), "{:?}", topology.remarks);
    let vault = Vault::open(lab.vault()).unwrap();
    let stored = vault.get(&"kenmyer@litwareinc.com".parse().unwrap()).unwrap().unwrap();
    assert_eq!(stored.credential().unwrap().password.expose(), PASSWORD);
}

#[test]
fn every_name_occurs_once_and_every_lesson_says_what_it_shows() {
    let mut seen = std::collections::HashSet::new();
    let domains = POOLS.iter().map(|pool| pool.domain).chain(PARTNERS.iter().map(|partner| partner.domain));
    for domain in domains {
        assert!(seen.insert(domain), "{domain} occurs twice");
        domain.parse::<crate::address::Domain>().unwrap();
    }
    for exercise in exercises() {
        exercise.receiver.parse::<crate::address::Address>().unwrap();
        assert!(!exercise.lesson.shows.is_empty(), "{exercise:?}");
        assert_eq!(exercise.lesson.code.is_empty(), exercise.lesson.owner.is_empty(), "{exercise:?}");
    }
}
