//! The look from here, at partners that are well and at partners that are not.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use imsh::internals::lab::dns::{LabNameServer, Zone};
use imsh::internals::topology::TlsNegotiation;
use imsh::internals::xmpp::federation::{
    self, Dialback, ProbeReport, ProbeRequest, ProbeTarget, ServerOffer,
};
use imsh::internals::xmpp::network::{Network, Trust};
use imsh::internals::xmpp::secure::CertificateFault;
use imsh::internals::xmpp::trace::TraceObserver;
use imsh::internals::xmpp::{Deadlines, Fault, Phase, resolve, secure};
use rcgen::date_time_ymd;
use tempfile::NamedTempFile;
use tokio::time::Duration;

use crate::authority::{self, Authority, Identity, closed_port, listen, server};
use crate::server::{header, hear, hear_header, say, start_tls};

const PARTNER: &str = "contoso.com";
const CONTENT: &str = "jabber:server";

fn zone(address: SocketAddr) -> Zone {
    Zone::new()
        .srv("_xmpp-server._tcp.contoso.com", 0, 0, address.port(), "im.contoso.com")
        .unwrap()
        .address("im.contoso.com", Ipv4Addr::LOCALHOST)
}

async fn look_with(zone: Zone, authority: &Authority, deadlines: Deadlines) -> ProbeReport {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(authority.certificate.pem().as_bytes()).unwrap();
    let names = LabNameServer::start(zone).await.unwrap();
    let network = Network::with_name_servers(&[names.address()]);
    let trust = Trust::File(file.path().to_owned());
    let whom = ProbeTarget::Partner { domain: PARTNER, server: None, from: Some("litwareinc.com") };
    federation::look(
        &ProbeRequest { whom, trust: &trust, tls: TlsNegotiation::Required, deadlines },
        &network,
        &TraceObserver::default(),
    )
    .await
}

/// Looks at a partner who shows this certificate and says this behind TLS.
async fn look_at(identity: Identity, says: &'static str, authority: &Authority) -> ProbeReport {
    let config = Arc::new(identity.config(rustls::ALL_VERSIONS));
    let address = listen(move |tcp| {
        let config = Arc::clone(&config);
        async move {
            if let Some(mut tls) = start_tls(tcp, &config, CONTENT, PARTNER).await {
                say(&mut tls, says).await;
                hear(&mut tls, "</stream:stream>").await;
                say(&mut tls, "</stream:stream>").await;
            }
        }
    })
    .await;
    look_with(zone(address), authority, Deadlines::default()).await
}

const FEATURES: &str = "<stream:features><dialback xmlns='urn:xmpp:features:dialback'/>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>";

#[tokio::test]
async fn a_healthy_partner_shows_certificate_mechanisms_and_dialback() {
    let authority = Authority::root("Root");
    let look = look_at(authority.issue(server(&[PARTNER])), FEATURES, &authority).await;
    assert!(look.is_healthy(), "{look:#?}");
    let probe = &look.probes.unwrap()[0];
    let expected = ServerOffer::Ways { mechanisms: vec!["EXTERNAL".into()], dialback: Dialback::Offered };
    assert_eq!(probe.offer, Ok(expected));
    assert_eq!(probe.target.to_string().split(' ').next_back(), Some("0)"));
    assert!(probe.certificate().unwrap().days_left > 0);
}

#[tokio::test]
async fn a_partner_that_wants_a_certificate_first_is_healthy() {
    const NOT_AUTHORIZED: &str = "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
        </stream:error></stream:stream>";
    let authority = Authority::root("Root");
    let look = look_at(authority.issue(server(&[PARTNER])), NOT_AUTHORIZED, &authority).await;
    assert!(look.is_healthy(), "{look:#?}");
    assert_eq!(look.probes.unwrap()[0].offer, Ok(ServerOffer::CertificateFirst { said: None }));
}

#[tokio::test]
async fn a_partner_beside_our_own_domain_is_asked_without_a_name() {
    let authority = Authority::root("Root");
    let config = Arc::new(authority.issue(server(&[PARTNER])).config(rustls::ALL_VERSIONS));
    let address = listen(move |mut tcp| {
        let config = Arc::clone(&config);
        async move {
            let mut first = [0; 512];
            let n_bytes = tcp.peek(&mut first).await.unwrap();
            if String::from_utf8_lossy(&first[..n_bytes]).contains("from='litwareinc.com'") {
                hear_header(&mut tcp).await;
                let ours = "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
                            </stream:error></stream:stream>";
                return say(&mut tcp, &(header(CONTENT, PARTNER) + ours)).await;
            }
            let Some(mut tls) = start_tls(tcp, &config, CONTENT, PARTNER).await else { return };
            say(&mut tls, FEATURES).await;
            hear(&mut tls, "</stream:stream>").await;
        }
    })
    .await;
    let look = look_with(zone(address), &authority, Deadlines::default()).await;
    assert!(look.is_healthy(), "{look:#?}");
}

#[tokio::test]
async fn a_bad_certificate_is_seen_and_does_not_end_the_look() {
    let authority = Authority::root("Root");
    let mut expired = server(&[PARTNER]);
    expired.not_after = date_time_ymd(2021, 1, 1);
    let look = look_at(authority.issue(expired), FEATURES, &authority).await;
    assert!(!look.is_healthy());
    let probe = &look.probes.unwrap()[0];
    assert!(probe.offer.is_ok());
    let verdict = &probe.certificate().unwrap().verdict;
    assert!(matches!(verdict, Err(CertificateFault::Expired { .. })), "{verdict:?}");
    let look = look_at(authority::self_signed(server(&[PARTNER])), FEATURES, &authority).await;
    assert!(!look.is_healthy());
}

#[tokio::test]
async fn a_partner_without_tls_or_without_the_domain_is_named() {
    let authority = Authority::root("Root");
    let says = |text: String| {
        listen(move |mut tcp| {
            let text = text.clone();
            async move {
                hear_header(&mut tcp).await;
                say(&mut tcp, &text).await;
                hear(&mut tcp, "</stream:stream>").await;
            }
        })
    };
    let plain = header(CONTENT, PARTNER) + "<stream:features/>";
    let look = look_with(zone(says(plain).await), &authority, Deadlines::default()).await;
    let offer = &look.probes.as_ref().unwrap()[0].offer;
    assert!(matches!(offer, Err(Fault::Secure(secure::Fault::NoStartTls))), "{offer:?}");

    let unknown = header(CONTENT, PARTNER)
        + "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
    let look = look_with(zone(says(unknown).await), &authority, Deadlines::default()).await;
    let offer = look.probes.unwrap()[0].offer.clone().unwrap_err();
    assert!(offer.to_string().contains("host-unknown"), "{offer}");
}

#[tokio::test]
async fn a_partner_that_cannot_be_found_or_reached_is_told_apart() {
    let authority = Authority::root("Root");
    let look = look_with(Zone::new(), &authority, Deadlines::default()).await;
    assert!(matches!(look.probes, Err(Fault::Resolve(resolve::Fault::NoSuchName { .. }))), "{look:?}");

    let closed = listen(|_| async {}).await;
    let look = look_with(zone(closed_port()), &authority, Deadlines::default()).await;
    let offer = look.probes.unwrap()[0].offer.clone().unwrap_err();
    assert!(matches!(offer, Fault::Connect(_)), "{offer}");

    let look = look_with(zone(closed), &authority, Deadlines::default()).await;
    let offer = look.probes.unwrap()[0].offer.clone().unwrap_err();
    assert!(matches!(offer, Fault::Stream(_)), "{offer}");
}

#[tokio::test]
async fn a_silent_partner_ends_the_look_at_its_deadline() {
    let authority = Authority::root("Root");
    let silent = listen(|mut tcp| async move {
        hear(&mut tcp, "never").await;
    })
    .await;
    let deadlines = Deadlines { secure: Duration::from_millis(200), ..Deadlines::default() };
    let look = look_with(zone(silent), &authority, deadlines).await;
    let offer = look.probes.unwrap()[0].offer.clone().unwrap_err();
    assert!(matches!(offer, Fault::Deadline { phase: Phase::Secure, .. }), "{offer}");

    let deadlines = Deadlines { whole: Duration::from_millis(200), ..Deadlines::default() };
    let look = look_with(zone(silent), &authority, deadlines).await;
    assert!(look.duration < Deadlines::default().secure, "{:?}", look.duration);
}
