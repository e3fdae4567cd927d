//! The phases of a logon one behind the other, over DNS, TCP and TLS of our own.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use imsh::internals::lab::dns::{LabNameServer, Zone};
use imsh::internals::secret::Secret;
use imsh::internals::topology::Security;
use imsh::internals::xmpp::network::{Network, Trust};
use imsh::internals::xmpp::resolve::Leads;
use imsh::internals::xmpp::sasl::{Authentication, Login, Mechanism, PlainPassword};
use imsh::internals::xmpp::secure::CertificateFault;
use imsh::internals::xmpp::session::XmppSession;
use imsh::internals::xmpp::trace::{Fact, Trace};
use imsh::internals::xmpp::{self, Deadlines, Fault, LogonRequest, Phase, PoolName, secure, stream};
use rustls::ServerConfig;
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::authority::{self, Authority, closed_port, listen, server};
use crate::server::{STARTTLS, header, hear, hear_header, say, start_tls};

const POOL: &str = "atl-cs-001.litwareinc.com";
const DOMAIN: &str = "litwareinc.com";
const CONTENT: &str = "jabber:client";
const STARTTLS_RECORD: &str = "_xmpp-client._tcp.atl-cs-001.litwareinc.com";
const DIRECT_RECORD: &str = "_xmpps-client._tcp.atl-cs-001.litwareinc.com";

/// A pool whose authority we trust, and what it knows about itself.
struct Pool {
    ca_file: NamedTempFile,
    good: Arc<ServerConfig>,
    self_signed: Arc<ServerConfig>,
}

impl Pool {
    fn new() -> Self {
        let authority = Authority::root("Root");
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(authority.certificate.pem().as_bytes()).unwrap();
        let config = |identity: authority::Identity| Arc::new(identity.config(rustls::ALL_VERSIONS));
        Self {
            ca_file,
            good: config(authority.issue(server(&[DOMAIN]))),
            self_signed: config(authority::self_signed(server(&[DOMAIN]))),
        }
    }

    fn logon(&self) -> LogonRequest {
        LogonRequest {
            pool_fqdn: POOL.to_owned(),
            servers: Vec::new(),
            registrar_port: None,
            security: Security::Auto,
            trust: Trust::File(self.ca_file.path().to_owned()),
            pool_name: PoolName::NotTrusted,
            login: Login {
                account: "kenmyer@litwareinc.com".parse().unwrap(),
                logon_name: "kenmyer".to_owned(),
                password: Some(Secret::new("hunter2".to_owned())),
                has_certificate: false,
                authentication: Authentication::Negotiate,
                plain: PlainPassword::Allowed,
            },
            client_certificate: None,
            deadlines: Deadlines::default(),
        }
    }

    /// A server that logs everybody on.
    async fn starttls_server(&self) -> SocketAddr {
        let good = Arc::clone(&self.good);
        listen(move |tcp| {
            let good = Arc::clone(&good);
            async move {
                let Some(tls) = start_tls(tcp, &good, CONTENT, DOMAIN).await else { return };
                serve_logon(tls).await;
            }
        })
        .await
    }

    async fn direct_server(&self) -> SocketAddr {
        let good = Arc::clone(&self.good);
        listen(move |tcp| {
            let acceptor = TlsAcceptor::from(Arc::clone(&good));
            async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                hear_header(&mut tls).await;
                say(&mut tls, &header(CONTENT, DOMAIN)).await;
                serve_logon(tls).await;
            }
        })
        .await
    }
}

/// Plays the rest of a logon behind a header that was answered; the password is taken as it comes.
async fn serve_logon(mut tls: TlsStream<TcpStream>) {
    let features = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
                    <mechanism>PLAIN</mechanism></mechanisms></stream:features>";
    say(&mut tls, features).await;
    hear(&mut tls, "</auth>").await;
    say(&mut tls, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    hear_header(&mut tls).await;
    say(&mut tls, &header(CONTENT, DOMAIN)).await;
    say(&mut tls, "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
        .await;
    hear(&mut tls, "</iq>").await;
    say(
        &mut tls,
        "<iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>kenmyer@litwareinc.com/r</jid></bind></iq>",
    )
    .await;
    hear(&mut tls, "</stream:stream>").await;
    say(&mut tls, "</stream:stream>").await;
}

fn zone() -> Zone {
    Zone::new().address("im.litwareinc.com", Ipv4Addr::LOCALHOST).address(POOL, Ipv4Addr::LOCALHOST)
}

fn record(zone: Zone, name: &str, priority: u16, server: SocketAddr) -> Zone {
    zone.srv(name, priority, 0, server.port(), "im.litwareinc.com").unwrap()
}

async fn log_on(logon: &LogonRequest, zone: Zone) -> (Result<XmppSession, Fault>, Trace) {
    let names = LabNameServer::start(zone).await.unwrap();
    let network = Network::with_name_servers(&[names.address()]);
    let mut trace = Trace::new();
    let result = xmpp::connect(logon, &network, &mut trace, &CancellationToken::new()).await;
    (result, trace)
}

fn phases(trace: &Trace) -> Vec<Phase> {
    trace.steps().iter().map(|step| step.phase).collect()
}

fn failed_targets(trace: &Trace) -> usize {
    trace.facts().filter(|(_, fact)| matches!(fact, Fact::TargetFailed { .. })).count()
}

#[tokio::test]
async fn a_logon_goes_through_its_phases() {
    use Phase::{Authenticate, Bind, Connect, Resolve, Secure};
    let pool = Pool::new();
    for (name, server) in
        [(STARTTLS_RECORD, pool.starttls_server().await), (DIRECT_RECORD, pool.direct_server().await)]
    {
        let (session, trace) = log_on(&pool.logon(), record(zone(), name, 0, server)).await;
        let session = session.unwrap_or_else(|fault| panic!("{fault}: {trace:?}"));
        assert_eq!(session.jid().to_string(), "kenmyer@litwareinc.com/r");
        assert_eq!(phases(&trace), [Resolve, Connect, Secure, Authenticate, Bind]);
        assert!(trace.certificate().unwrap().verdict.is_ok());
        assert!(!format!("{trace:?}").contains("hunter2"));
        session.close().await;
    }
}

#[tokio::test]
async fn a_target_of_the_wrong_kind_is_passed_over_and_remembered() {
    let pool = Pool::new();
    let (starttls, direct) = (pool.starttls_server().await, pool.direct_server().await);
    // Either record leads to the other's port first, and to its own afterwards.
    for (wrong, right, server) in
        [(DIRECT_RECORD, STARTTLS_RECORD, starttls), (STARTTLS_RECORD, DIRECT_RECORD, direct)]
    {
        let (session, trace) =
            log_on(&pool.logon(), record(record(zone(), wrong, 1, server), right, 2, server)).await;
        assert!(session.is_ok(), "{session:?} {trace:?}");
        assert_eq!(failed_targets(&trace), 1);

        let (session, _) = log_on(&pool.logon(), record(zone(), wrong, 1, server)).await;
        let fault = session.unwrap_err();
        match wrong {
            DIRECT_RECORD => assert!(
                matches!(fault, Fault::Secure(secure::Fault::NotTls { .. } | secure::Fault::Closed)),
                "{fault}"
            ),
            _ => assert_eq!(fault, Fault::Secure(secure::Fault::SpeaksTls)),
        }
    }
}

#[tokio::test]
async fn a_bad_certificate_is_not_passed_over() {
    let pool = Pool::new();
    let config = Arc::clone(&pool.self_signed);
    let bad = listen(move |tcp| {
        let config = Arc::clone(&config);
        async move { drop(start_tls(tcp, &config, CONTENT, DOMAIN).await) }
    })
    .await;
    let good = pool.starttls_server().await;
    let zone = record(record(zone(), STARTTLS_RECORD, 1, bad), STARTTLS_RECORD, 2, good);
    let (session, trace) = log_on(&pool.logon(), zone).await;
    let fault = session.unwrap_err();
    assert!(
        matches!(fault, Fault::Secure(secure::Fault::Certificate(CertificateFault::SelfSigned { .. }))),
        "{fault}"
    );
    assert!(!phases(&trace).contains(&Phase::Authenticate));
}

/// What a server hears from whoever comes, and offers: everything that might tempt a client to speak.
#[derive(Clone, Copy, Debug)]
enum Trap {
    /// Authentication in the clear, and no STARTTLS.
    InTheClear,
    /// STARTTLS that leads to a certificate that nobody vouches for.
    SelfSigned,
    /// TLS at once, by the same certificate.
    SelfSignedAtOnce,
    /// Success in plain text behind `<proceed/>`.
    Injected,
}

impl Trap {
    async fn set(self, pool: &Pool, heard: &Arc<Mutex<Vec<u8>>>) -> SocketAddr {
        const OFFER: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
            <mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>";
        let (config, heard) = (Arc::clone(&pool.self_signed), Arc::clone(heard));
        listen(move |mut tcp| {
            let (config, heard) = (Arc::clone(&config), Arc::clone(&heard));
            async move {
                let note = |bytes: &[u8]| heard.lock().unwrap().extend_from_slice(bytes);
                match self {
                    Self::InTheClear => {
                        hear_header(&mut tcp).await;
                        say(&mut tcp, &(header(CONTENT, DOMAIN) + OFFER)).await;
                    }
                    Self::Injected => {
                        hear_header(&mut tcp).await;
                        say(&mut tcp, &(header(CONTENT, DOMAIN) + STARTTLS)).await;
                        hear(&mut tcp, "/>").await;
                        let success = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
                        say(&mut tcp, &format!("{success}{}{OFFER}", header(CONTENT, DOMAIN))).await;
                    }
                    Self::SelfSigned | Self::SelfSignedAtOnce => {
                        let tls = match self {
                            Self::SelfSigned => start_tls(tcp, &config, CONTENT, DOMAIN).await,
                            Self::InTheClear | Self::SelfSignedAtOnce | Self::Injected => {
                                TlsAcceptor::from(config).accept(tcp).await.ok()
                            }
                        };
                        let Some(mut tls) = tls else { return };
                        say(&mut tls, &(header(CONTENT, DOMAIN) + OFFER)).await;
                        return note(hear(&mut tls, "never").await.as_bytes());
                    }
                }
                note(hear(&mut tcp, "never").await.as_bytes());
            }
        })
        .await
    }
}

#[tokio::test]
async fn no_password_leaves_over_a_connection_that_is_not_verified_whatever_is_asked_for() {
    let pool = Pool::new();
    let plain = Mechanism::from_name("PLAIN").unwrap();
    let scram = Mechanism::from_name("SCRAM-SHA-1").unwrap();
    let authentications =
        [Authentication::Negotiate, Authentication::Mechanism(plain), Authentication::Mechanism(scram)];
    let traps = [Trap::InTheClear, Trap::SelfSigned, Trap::SelfSignedAtOnce, Trap::Injected];
    let heard = Arc::new(Mutex::new(Vec::new()));
    for trap in traps {
        let server = trap.set(&pool, &heard).await;
        let (name, port) = (server.ip().to_string(), Some(server.port()));
        for authentication in authentications {
            for security in [Security::Auto, Security::StartTls, Security::Direct] {
                for pool_name in [PoolName::Trusted, PoolName::NotTrusted] {
                    let mut logon = LogonRequest {
                        servers: vec![name.parse().unwrap()],
                        registrar_port: port,
                        security,
                        pool_name,
                        ..pool.logon()
                    };
                    logon.login.authentication = authentication;
                    let (session, trace) = log_on(&logon, Zone::new()).await;
                    assert!(session.is_err(), "{trap:?} {security:?} {authentication:?}: {trace:?}");
                    assert!(!phases(&trace).contains(&Phase::Authenticate), "{trap:?}: {trace:?}");
                }
            }
        }
    }
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    // The name and the password as PLAIN writes them, and the beginning of SCRAM's first message.
    for secret in ["<auth", "hunter2", "AGtlbm15ZXIAaHVudGVyMg==", "biws"] {
        assert!(!heard.contains(secret), "{secret} was heard: {heard}");
    }
}

#[tokio::test]
async fn the_pool_may_be_named_only_where_it_is_trusted() {
    let authority = Authority::root("Root");
    let pool = Pool::new();
    std::fs::write(pool.ca_file.path(), authority.certificate.pem()).unwrap();
    let config = Arc::new(authority.issue(server(&[POOL])).config(rustls::ALL_VERSIONS));
    let named = listen(move |tcp| {
        let config = Arc::clone(&config);
        async move {
            let Some(tls) = start_tls(tcp, &config, CONTENT, DOMAIN).await else { return };
            serve_logon(tls).await;
        }
    })
    .await;
    let zone = record(zone(), STARTTLS_RECORD, 1, named);
    let trusted = LogonRequest { pool_name: PoolName::Trusted, ..pool.logon() };
    let (session, _) = log_on(&trusted, zone.clone()).await;
    assert!(session.is_ok(), "{session:?}");
    let (session, _) = log_on(&pool.logon(), zone).await;
    let fault = session.unwrap_err();
    assert!(
        matches!(fault, Fault::Secure(secure::Fault::Certificate(CertificateFault::NameMismatch { .. }))),
        "{fault}"
    );
}

#[tokio::test]
async fn what_happens_before_tls_is_told_apart() {
    let pool = Pool::new();
    let after_features = |answer: &'static str| {
        listen(move |mut tcp| async move {
            hear_header(&mut tcp).await;
            say(&mut tcp, &(header(CONTENT, DOMAIN) + STARTTLS)).await;
            hear(&mut tcp, "/>").await;
            say(&mut tcp, answer).await;
            hear(&mut tcp, "never").await;
        })
    };
    let fault =
        async |server| log_on(&pool.logon(), record(zone(), STARTTLS_RECORD, 1, server)).await.0.unwrap_err();

    let injected = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message/>";
    let injected = fault(after_features(injected).await).await;
    assert!(matches!(injected, Fault::Secure(secure::Fault::Injected { .. })), "{injected}");
    let failed = fault(after_features("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await).await;
    assert_eq!(failed, Fault::Secure(secure::Fault::StartTlsFailed));
    let unencrypted = listen(|mut tcp| async move {
        hear_header(&mut tcp).await;
        say(&mut tcp, &(header(CONTENT, DOMAIN) + "<stream:features/>")).await;
        hear(&mut tcp, "never").await;
    });
    assert_eq!(fault(unencrypted.await).await, Fault::Secure(secure::Fault::NoStartTls));
    assert!(matches!(fault(closed_port()).await, Fault::Connect(xmpp::connect::Fault::Refused { .. })));
}

#[tokio::test]
async fn the_first_targets_fault_counts_when_all_fail() {
    let pool = Pool::new();
    let closes = listen(|mut tcp| async move {
        hear_header(&mut tcp).await;
    })
    .await;
    let zone = record(record(zone(), STARTTLS_RECORD, 1, closes), STARTTLS_RECORD, 2, closed_port());
    let (session, trace) = log_on(&pool.logon(), zone).await;
    let fault = session.unwrap_err();
    assert!(matches!(fault, Fault::Stream(_)), "{fault}");
    assert!(trace.facts().any(|(_, fact)| fact.to_string().contains("refused")), "{trace:?}");
}

#[tokio::test]
async fn silence_ends_at_the_deadline_of_its_phase_or_of_the_whole() {
    let pool = Pool::new();
    let silent = listen(|mut tcp| async move {
        hear(&mut tcp, "never").await;
    })
    .await;
    let zone = record(zone(), STARTTLS_RECORD, 1, silent);
    let short = Duration::from_millis(200);
    let deadlines = Deadlines { secure: short, ..Deadlines::default() };
    let (session, _) = log_on(&LogonRequest { deadlines, ..pool.logon() }, zone.clone()).await;
    assert_eq!(session.unwrap_err(), Fault::Deadline { phase: Phase::Secure, after: short });
    // Long enough to get there on a busy machine.
    let whole = Duration::from_secs(3);
    let deadlines = Deadlines { whole, ..Deadlines::default() };
    let (session, _) = log_on(&LogonRequest { deadlines, ..pool.logon() }, zone).await;
    assert_eq!(session.unwrap_err(), Fault::Deadline { phase: Phase::Secure, after: whole });
}

#[tokio::test]
async fn the_caller_ends_it_at_any_time() {
    let pool = Pool::new();
    let cancel = CancellationToken::new();
    let canceller = cancel.clone();
    let silent = listen(move |mut tcp| {
        canceller.cancel();
        async move {
            hear(&mut tcp, "never").await;
        }
    })
    .await;
    let names = LabNameServer::start(record(zone(), STARTTLS_RECORD, 1, silent)).await.unwrap();
    let network = Network::with_name_servers(&[names.address()]);
    let mut trace = Trace::new();
    let result = xmpp::connect(&pool.logon(), &network, &mut trace, &cancel).await;
    assert_eq!(result.unwrap_err(), Fault::Cancelled);
    assert!(trace.facts().count() > 0, "what was learned is kept");
}

#[tokio::test]
async fn a_server_may_send_us_elsewhere_twice_and_no_more() {
    let pool = Pool::new();
    let sends_to = |place: String| {
        let good = Arc::clone(&pool.good);
        listen(move |tcp| {
            let (good, place) = (Arc::clone(&good), place.clone());
            async move {
                let Some(mut tls) = start_tls(tcp, &good, CONTENT, DOMAIN).await else { return };
                let error = format!(
                    "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{place}</see-other-host>\
                     </stream:error></stream:stream>"
                );
                say(&mut tls, &error).await;
                hear(&mut tls, "</stream:stream>").await;
            }
        })
    };
    let good = pool.starttls_server().await;
    let once = sends_to(good.to_string()).await;
    let (session, trace) = log_on(&pool.logon(), record(zone(), STARTTLS_RECORD, 1, once)).await;
    assert!(session.is_ok(), "{session:?} {trace:?}");

    let second =
        sends_to(sends_to(sends_to(closed_port().to_string()).await.to_string()).await.to_string()).await;
    let (session, _) = log_on(&pool.logon(), record(zone(), STARTTLS_RECORD, 1, second)).await;
    let fault = session.unwrap_err();
    assert!(matches!(fault, Fault::Stream(stream::Fault::SeeOtherHost { .. })), "{fault}");
}

#[tokio::test]
async fn a_domain_that_leads_elsewhere_is_noticed() {
    let pool = Pool::new();
    let refused = LogonRequest { registrar_port: Some(closed_port().port()), ..pool.logon() };
    let domain = "_xmpp-client._tcp.litwareinc.com";
    let to = |host| zone().srv(domain, 0, 0, 5222, host).unwrap();
    for (zone, expected) in [
        (zone(), Leads::NoRecords),
        (to(POOL), Leads::ToThePool),
        (to("."), Leads::NotOffered),
        (to("alias.litwareinc.com").address("alias.litwareinc.com", Ipv4Addr::LOCALHOST), Leads::ToThePool),
        (
            to("other.litwareinc.com").address("other.litwareinc.com", Ipv4Addr::new(127, 0, 0, 9)),
            Leads::Elsewhere { hosts: vec!["other.litwareinc.com".to_owned()] },
        ),
        // The pool is not in DNS, and its domain is.
        (
            Zone::new().srv(domain, 0, 0, 5222, "other.litwareinc.com").unwrap(),
            Leads::Elsewhere { hosts: vec!["other.litwareinc.com".to_owned()] },
        ),
    ] {
        let (session, trace) = log_on(&refused, zone).await;
        assert!(session.is_err());
        let leads = trace.facts().find_map(|(phase, fact)| {
            if let Fact::Domain(records) = fact { Some((phase, &records.leads)) } else { None }
        });
        assert_eq!(leads, Some((Phase::Resolve, &expected)));
    }
}
