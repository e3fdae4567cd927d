//! Secure against servers whose certificates and handshakes are good, or wrong in every way.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use imsh::internals::secret::Secret;
use imsh::internals::xmpp::certificate::{CertificateIdentity, CertificateRole};
use imsh::internals::xmpp::connect::{Dialling, RecordedTcp};
use imsh::internals::xmpp::network::{Network, Trust};
use imsh::internals::xmpp::resolve::{Endpoint, Target, TargetOrigin, TlsStart};
use imsh::internals::xmpp::secure::{
    self, CertificateFault, CertificateName, ClientCertificate, Fault, Handshake, Shown, VerifiedTls,
};
use imsh::internals::xmpp::trace::{Fact, Trace};
use rcgen::date_time_ymd;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;

use crate::authority::{self, Authority, listen, other_name, published_at, self_signed, server};

const DOMAIN: &str = "litwareinc.com";

async fn dial(address: SocketAddr) -> RecordedTcp {
    let target = Target {
        host: address.ip().to_string(),
        port: address.port(),
        kind: TlsStart::Direct,
        priority: 0,
        weight: 0,
        origin: TargetOrigin::Listed,
    };
    let endpoint = Endpoint { target, addresses: vec![address.ip()] };
    let until = Instant::now() + Duration::from_secs(5);
    Dialling::new(vec![endpoint]).next(until, &mut Trace::new()).await.unwrap().wire
}

/// Serves TLS with this configuration, and says nothing in it.
async fn tls_server(config: ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    listen(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                tls.read_to_end(&mut Vec::new()).await.ok();
            }
        }
    })
    .await
}

/// A server that answers whatever comes first with these bytes, and closes.
async fn says(bytes: &'static [u8]) -> SocketAddr {
    listen(move |mut tcp| async move {
        let mut buffer = [0; 2048];
        assert!(tcp.read(&mut buffer).await.unwrap() > 0);
        tcp.write_all(bytes).await.unwrap();
        tcp.shutdown().await.unwrap();
    })
    .await
}

fn ca_file(authority: &Authority) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(authority.certificate.pem().as_bytes()).unwrap();
    file
}

async fn verify_as(
    address: SocketAddr,
    trust: &Trust,
    identity: &CertificateIdentity,
    client_certificate: Option<&ClientCertificate>,
) -> (Result<VerifiedTls<TlsStream<RecordedTcp>>, Fault>, Trace) {
    let handshake = Handshake { identity, trust, kind: TlsStart::Direct, client_certificate };
    let mut trace = Trace::new();
    let network = Network::with_name_servers(&[]);
    (secure::verify(dial(address).await, &handshake, &network, &mut trace).await, trace)
}

fn ours() -> CertificateIdentity {
    CertificateIdentity { domain: DOMAIN.to_owned(), host: None, role: CertificateRole::Client }
}

async fn verify(
    address: SocketAddr,
    trust: &Trust,
) -> (Result<VerifiedTls<TlsStream<RecordedTcp>>, Fault>, Trace) {
    verify_as(address, trust, &ours(), None).await
}

/// The fault of a certificate that a server shows, when `authority` is the trusted one.
async fn fault_of(identity: authority::Identity, authority: &Authority) -> CertificateFault {
    let file = ca_file(authority);
    let address = tls_server(identity.config(rustls::ALL_VERSIONS)).await;
    let (result, trace) = verify(address, &Trust::File(file.path().to_owned())).await;
    let Err(Fault::Certificate(fault)) = result else { panic!("{result:?}") };
    let report = trace.certificate().unwrap();
    assert_eq!(report.verdict, Err(fault.clone()), "the report says the same");
    fault
}

#[tokio::test]
async fn a_good_certificate_is_reported_and_binds_the_channel() {
    let authority = Authority::root("Root");
    let file = ca_file(&authority);
    let trust = Trust::File(file.path().to_owned());
    let identity = authority.issue(server(&["atl-cs-001.litwareinc.com", DOMAIN]));
    for (version, name) in [(&TLS13, "TLSv1.3"), (&TLS12, "TLSv1.2")] {
        let mut config = identity.config(&[version]);
        config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        let (result, trace) = verify(tls_server(config).await, &trust).await;
        let verified = result.unwrap();
        assert_eq!(verified.bindings().tls_exporter.is_some(), name == "TLSv1.3");
        assert_eq!(verified.bindings().tls_server_end_point.as_ref().map(Vec::len), Some(32));
        let report = trace.certificate().unwrap();
        assert_eq!(report.verdict, Ok(CertificateName::Dns(DOMAIN.to_owned())));
        assert_eq!(report.not_after.to_string(), "2099-01-01T00:00:00Z");
        assert!(report.days_left > 20_000 && report.key == "ECDSA P-256" && !report.self_signed, "{report}");
        let tls =
            trace.facts().find_map(|(_, fact)| if let Fact::Tls(tls) = fact { Some(tls) } else { None });
        let tls = tls.unwrap();
        assert_eq!((tls.version.as_str(), tls.alpn.as_deref()), (name, Some("xmpp-client")));
    }
}

#[tokio::test]
async fn every_flaw_of_a_certificate_has_its_own_fault() {
    let authority = Authority::root("Root");
    let stranger = Authority::root("Stranger");

    let mut expired = server(&[DOMAIN]);
    expired.not_after = date_time_ymd(2021, 1, 1);
    assert_eq!(
        fault_of(authority.issue(expired), &authority).await,
        CertificateFault::Expired {
            whose: "CN=a server, O=A. Datum".into(),
            not_after: "2021-01-01T00:00:00Z".parse().unwrap()
        }
    );

    let mut future = server(&[DOMAIN]);
    future.not_before = date_time_ymd(2098, 1, 1);
    assert_eq!(
        fault_of(authority.issue(future), &authority).await,
        CertificateFault::NotYetValid { not_before: "2098-01-01T00:00:00Z".parse().unwrap() }
    );

    assert_eq!(
        fault_of(authority.issue(server(&["example.org", "*.example.org"])), &authority).await,
        CertificateFault::NameMismatch {
            wanted: DOMAIN.into(),
            offered: vec![
                CertificateName::Dns("example.org".into()),
                CertificateName::Dns("*.example.org".into())
            ],
        }
    );

    let fault = fault_of(self_signed(server(&[DOMAIN])), &authority).await;
    assert!(matches!(fault, CertificateFault::SelfSigned { .. }), "{fault}");

    let mut with_root = stranger.issue(server(&[DOMAIN]));
    with_root.chain.push(stranger.certificate.der().clone());
    assert_eq!(
        fault_of(with_root, &authority).await,
        CertificateFault::UnknownIssuer { issuer: "CN=Stranger, O=A. Datum".into() }
    );

    let intermediate = authority.intermediate("Intermediate");
    let published = published_at(server(&[DOMAIN]), "http://ca.example/i.crt");
    assert_eq!(
        fault_of(intermediate.issue(published), &authority).await,
        CertificateFault::IncompleteChain {
            missing: "CN=Intermediate, O=A. Datum".into(),
            published: Some("http://ca.example/i.crt".into()),
        }
    );
    let fault = fault_of(intermediate.issue(server(&[DOMAIN])), &authority).await;
    assert!(matches!(fault, CertificateFault::IncompleteChain { published: None, .. }), "{fault}");

    let mut for_clients = server(&[DOMAIN]);
    for_clients.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let fault = fault_of(authority.issue(for_clients), &authority).await;
    assert!(matches!(fault, CertificateFault::WrongPurpose { .. }), "{fault}");

    let mut expired = server(&["example.org"]);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let fault = fault_of(self_signed(expired), &authority).await;
    assert!(matches!(fault, CertificateFault::Expired { .. }), "{fault}");
}

#[tokio::test]
async fn a_whole_chain_leads_to_the_root() {
    let authority = Authority::root("Root");
    let intermediate = authority.intermediate("Intermediate");
    let mut identity = intermediate.issue(server(&[DOMAIN]));
    identity.chain.push(intermediate.certificate.der().clone());
    let file = ca_file(&authority);
    let address = tls_server(identity.config(rustls::ALL_VERSIONS)).await;
    let (result, trace) = verify(address, &Trust::File(file.path().to_owned())).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(trace.certificate().unwrap().chain.len(), 2);
}

#[tokio::test]
async fn a_server_whose_own_certificate_is_pinned_is_believed() {
    let mut params = server(&[DOMAIN]);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(certificate.pem().as_bytes()).unwrap();
    let identity = authority::Identity { chain: vec![certificate.der().clone()], key };
    let address = tls_server(identity.config(rustls::ALL_VERSIONS)).await;
    let (result, _) = verify(address, &Trust::File(file.path().to_owned())).await;
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn names_are_matched_as_xmpp_says() {
    const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];
    const SRV_NAME: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 7];
    let authority = Authority::root("Root");
    let file = ca_file(&authority);
    let trust = Trust::File(file.path().to_owned());
    let asked = |domain: &str, host: Option<&str>, role| CertificateIdentity {
        domain: domain.into(),
        host: host.map(Into::into),
        role,
    };
    let client = |domain| asked(domain, None, CertificateRole::Client);
    for (params, identity, good) in [
        (server(&["*.litwareinc.com"]), client("im.litwareinc.com"), true),
        (server(&["*.litwareinc.com"]), client(DOMAIN), false),
        (server(&["*.litwareinc.com"]), client("a.im.litwareinc.com"), false),
        (server(&["*.com"]), client(DOMAIN), false),
        (server(&["im*.litwareinc.com"]), client("im1.litwareinc.com"), false),
        (server(&["LitwareInc.COM"]), client(DOMAIN), true),
        (other_name(&["x.example"], XMPP_ADDR, "litwareinc.com"), client(DOMAIN), true),
        (other_name(&["x.example"], XMPP_ADDR, "bücher.example"), client("xn--bcher-kva.example"), true),
        (other_name(&["x.example"], SRV_NAME, "_xmpp-client.litwareinc.com"), client(DOMAIN), true),
        (other_name(&["x.example"], SRV_NAME, "_xmpp-server.litwareinc.com"), client(DOMAIN), false),
        (
            other_name(&["x.example"], SRV_NAME, "_xmpp-server.litwareinc.com"),
            asked(DOMAIN, None, CertificateRole::Server),
            true,
        ),
        (server(&["atl-cs-001.litwareinc.com"]), client(DOMAIN), false),
        (
            server(&["atl-cs-001.litwareinc.com"]),
            asked(DOMAIN, Some("atl-cs-001.litwareinc.com"), CertificateRole::Client),
            true,
        ),
        (server(&[]), client(DOMAIN), false),
    ] {
        let names = format!("{:?} asked for {identity:?}", params.subject_alt_names);
        let address = tls_server(authority.issue(params).config(rustls::ALL_VERSIONS)).await;
        let (result, _) = verify_as(address, &trust, &identity, None).await;
        match result {
            Ok(_) => assert!(good, "{names}"),
            Err(Fault::Certificate(CertificateFault::NameMismatch { .. })) => assert!(!good, "{names}"),
            Err(fault) => panic!("{names}: {fault}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told_apart() {
    let file = ca_file(&Authority::root("Root"));
    let trust = Trust::File(file.path().to_owned());
    let fault = async |address| verify(address, &trust).await.0.unwrap_err();

    let plain = says(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>").await;
    let Fault::NotTls { said } = fault(plain).await else { panic!() };
    assert!(said.starts_with("<?xml version='1.0'?>"), "{said}");
    let Fault::NotTls { said } = fault(says(b"HTTP/1.1 400\r\n\x1b[31m").await).await else { panic!() };
    assert!(!said.contains(char::is_control), "{said:?}");

    assert_eq!(fault(says(b"").await).await, Fault::Closed);
    // Alerts: handshake_failure, protocol_version.
    let refused = says(b"\x15\x03\x03\x00\x02\x02\x28").await;
    let alert = "HandshakeFailure".to_owned();
    assert_eq!(fault(refused).await, Fault::HandshakeRefused { alert, shown: Shown::NotAsked });
    let old = says(b"\x15\x03\x01\x00\x02\x02\x46").await;
    assert!(matches!(fault(old).await, Fault::TooOld { .. }));
    // A ServerHello of TLS 1.0.
    let old = says(&[
        0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
        19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0, 0x2f, 0,
    ]);
    let old = fault(old.await).await;
    assert!(matches!(old, Fault::TooOld { .. }), "{old}");
    let garbage = says(b"\x16\x03\x03\x00\x05\xff\xff\xff\xff\xff").await;
    assert!(matches!(fault(garbage).await, Fault::Handshake { .. }));
    let reset = listen(|tcp| async move {
        tcp.readable().await.unwrap();
        tcp.set_zero_linger().unwrap();
    });
    assert_eq!(fault(reset.await).await, Fault::Reset);
}

#[tokio::test]
async fn a_huge_certificate_is_matched_whole_and_reported_in_part() {
    let authority = Authority::root("Root");
    let file = ca_file(&authority);
    let mut names: Vec<_> = (0..1500).map(|number| format!("host-{number}.example.org")).collect();
    names.push(DOMAIN.to_owned());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let address = tls_server(authority.issue(server(&names)).config(rustls::ALL_VERSIONS)).await;
    let (result, trace) = verify(address, &Trust::File(file.path().to_owned())).await;
    assert!(result.is_ok(), "{result:?}");
    let report = trace.certificate().unwrap();
    assert_eq!((report.names.len(), &report.verdict), (100, &Ok(CertificateName::Dns(DOMAIN.to_owned()))));
}

#[tokio::test]
async fn a_name_cannot_write_to_the_terminal() {
    let authority = Authority::root("Root");
    let mut params = server(&[DOMAIN]);
    params.distinguished_name.push(rcgen::DnType::OrganizationalUnitName, "\u{1b}[2J\r\n\u{202e}evil");
    let fault = fault_of(self_signed(params), &authority).await;
    let CertificateFault::SelfSigned { subject } = fault else { panic!("{fault}") };
    assert!(!subject.contains(|c: char| c.is_control() || c == '\u{202e}'), "{subject:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_before_anything_is_sent() {
    let address = says(b"").await;
    let mut broken = NamedTempFile::new().unwrap();
    broken.write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let mut text = NamedTempFile::new().unwrap();
    text.write_all(b"this is no certificate").unwrap();
    for (path, reason) in [
        ("/nonexistent/ca.pem".into(), "No such file"),
        (text.path().to_owned(), "no PEM certificate in it"),
        (broken.path().to_owned(), "certificate 1 is not sound"),
    ] {
        let (result, _) = verify(address, &Trust::File(path)).await;
        let fault = result.unwrap_err();
        assert!(matches!(fault, Fault::CaFile { .. }) && fault.to_string().contains(reason), "{fault}");
    }
}

#[tokio::test]
async fn a_look_goes_on_behind_a_bad_certificate() {
    let file = ca_file(&Authority::root("Root"));
    let trust = Trust::File(file.path().to_owned());
    let address = tls_server(self_signed(server(&["example.org"])).config(rustls::ALL_VERSIONS)).await;
    let identity = CertificateIdentity { role: CertificateRole::Server, ..ours() };
    let handshake =
        Handshake { identity: &identity, trust: &trust, kind: TlsStart::StartTls, client_certificate: None };
    let mut trace = Trace::new();
    let network = Network::with_name_servers(&[]);
    let result = secure::look(dial(address).await, &handshake, &network, &mut trace).await;
    assert!(result.is_ok(), "{result:?}");
    let verdict = &trace.certificate().unwrap().verdict;
    assert!(matches!(verdict, Err(CertificateFault::SelfSigned { .. })), "{verdict:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_the_server_asks() {
    let authority = Authority::root("Root");
    let file = ca_file(&authority);
    let trust = Trust::File(file.path().to_owned());
    let mut params = server(&["kenmyer.example"]);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let kenmyer = authority.issue(params);
    let pem = pem(&kenmyer.chain[0]);
    let certificate = ClientCertificate::from_pem(&pem, &Secret::new(kenmyer.key.serialize_pem())).unwrap();

    let config = authority.issue(server(&[DOMAIN])).config_asking(&authority);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = listen(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let shown = tls.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
                tls.write_all(format!("{shown}").as_bytes()).await.unwrap();
                tls.shutdown().await.ok();
            }
        }
    })
    .await;
    let (result, _) = verify_as(address, &trust, &ours(), Some(&certificate)).await;
    let mut said = String::new();
    result.unwrap().read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "1");

    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for (pem, key) in [(pem.as_str(), other.as_str()), ("", other.as_str()), (pem.as_str(), "hunter2")] {
        let fault = ClientCertificate::from_pem(pem, &Secret::new(key.to_owned())).unwrap_err();
        assert!(
            matches!(fault, Fault::ClientCertificate { .. }) && !fault.to_string().contains("hunter2"),
            "{fault}"
        );
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}
