//! The scene of every example: who tests what, and what a look from here may have seen.

use std::net::SocketAddr;
use std::time::Duration;

use imsh::internals::diagnosis::{Context, Given, SentStanza};
use imsh::internals::topology::Security;
use imsh::internals::xmpp::certificate::{CertificateFault, CertificateName, CertificateReport, KeyPurpose};
use imsh::internals::xmpp::connect::{self, ConnectAttempt, ConnectOutcome};
use imsh::internals::xmpp::dns::Query;
use imsh::internals::xmpp::federation::{Dialback, ProbeReport, ServerOffer, ServerProbe};
use imsh::internals::xmpp::resolve::{self, Target, TargetOrigin, TlsStart};
use imsh::internals::xmpp::trace::{Fact, Trace};
use imsh::internals::xmpp::{Fault, Phase, secure};
use jiff::Timestamp;

pub(crate) fn context(look: Option<&ProbeReport>) -> Context<'_> {
    Context {
        pool: "atl-cs-001.litwareinc.com",
        pool_listed: true,
        sender: "kenmyer@litwareinc.com",
        receiver: Some("adelany@contoso.com"),
        sent: SentStanza::Message,
        partner_listed: true,
        serves_sender: true,
        security: Security::Auto,
        witnessed: false,
        answer_promised: false,
        given: Given::default(),
        look,
    }
}

pub(crate) fn target(host: &str, port: u16, kind: TlsStart, origin: TargetOrigin) -> Target {
    Target { host: host.to_owned(), port, kind, priority: 0, weight: 0, origin }
}

pub(crate) fn query(records: &'static str, name: &str) -> Query {
    Query { records, name: name.to_owned() }
}

pub(crate) fn attempt(port: u16, outcome: ConnectOutcome) -> ConnectAttempt {
    ConnectAttempt {
        host: "atl-cs-001.litwareinc.com".to_owned(),
        address: SocketAddr::from(([192, 0, 2, 10], port)),
        kind: TlsStart::StartTls,
        duration: Duration::from_millis(12),
        outcome,
    }
}

pub(crate) fn day(written: &str) -> Timestamp {
    format!("{written}T12:00:00Z").parse().unwrap()
}

pub(crate) fn report(verdict: Result<CertificateName, CertificateFault>) -> CertificateReport {
    CertificateReport {
        subject: "CN=litwareinc.com".to_owned(),
        issuer: "CN=Litware Issuing CA".to_owned(),
        names: vec![CertificateName::Dns("litwareinc.com".to_owned())],
        not_before: day("2025-08-01"),
        not_after: day("2026-10-30"),
        days_left: -24,
        serial: "0a:1b:2c".to_owned(),
        key: "ECDSA P-256".to_owned(),
        signature: "ecdsa-with-SHA256".to_owned(),
        purpose: KeyPurpose::Any,
        fingerprint: "00".to_owned(),
        self_signed: false,
        chain: Vec::new(),
        verdict,
    }
}

/// What a look at contoso.com came to, by the name that the table gives it.
pub(crate) fn look(name: &str) -> Option<ProbeReport> {
    let srv = || query("SRV", "_xmpp-server._tcp.contoso.com");
    let host = "xmpp.contoso.com";
    let probes: Result<_, Fault> = match name {
        "-" => return None,
        "nxdomain" => Err(resolve::Fault::NoSuchName { query: query("A/AAAA", "contoso.com") }.into()),
        "not offered" => Err(resolve::Fault::NotOffered { query: srv() }.into()),
        "servfail" => Err(resolve::Fault::ServerFailure { query: srv(), code: "SERVFAIL".to_owned() }.into()),
        "dangling" => Err(resolve::Fault::TargetWithoutAddress {
            srv: srv(),
            host: host.to_owned(),
            cause: Box::new(resolve::Fault::NoSuchName { query: query("A/AAAA", host) }),
        }
        .into()),
        "healthy" => Ok(probe(Ok(()), Ok(CertificateName::Dns("contoso.com".to_owned())))),
        "refused" => {
            Ok(stopped(connect::Fault::Refused { attempts: vec![attempt(5269, ConnectOutcome::Refused)] }))
        }
        "no answer" => {
            Ok(stopped(connect::Fault::Silent { attempts: vec![attempt(5269, ConnectOutcome::TimedOut)] }))
        }
        "silent" => Ok(stopped(Fault::Deadline { phase: Phase::Secure, after: Duration::from_secs(10) })),
        "no tls" => Ok(stopped(secure::Fault::NoStartTls)),
        "expired" => Ok(probe(
            Ok(()),
            Err(CertificateFault::Expired {
                whose: "CN=contoso.com".to_owned(),
                not_after: day("2026-10-30"),
            }),
        )),
        "self-signed" => {
            Ok(probe(Ok(()), Err(CertificateFault::SelfSigned { subject: "CN=contoso.com".to_owned() })))
        }
        "no intermediate" => Ok(probe(
            Ok(()),
            Err(CertificateFault::IncompleteChain {
                missing: "CN=Contoso Issuing CA".to_owned(),
                published: None,
            }),
        )),
        "for clients" => Ok(probe(
            Ok(()),
            Err(CertificateFault::WrongPurpose {
                reason: "certificate does not allow extended key usage for server authentication".to_owned(),
            }),
        )),
        "not yet" => Ok(probe(Ok(()), Err(CertificateFault::NotYetValid { not_before: day("2027-01-01") }))),
        other => panic!("no such look: {other}"),
    };
    Some(ProbeReport {
        name: "contoso.com".to_owned(),
        began_at: day("2026-11-23"),
        duration: Duration::from_secs(1),
        trace: Trace::new(),
        probes: probes.map(|probe| vec![probe]),
    })
}

fn stopped(fault: impl Into<Fault>) -> ServerProbe {
    ServerProbe {
        target: target("xmpp.contoso.com", 5269, TlsStart::StartTls, TargetOrigin::Srv),
        trace: Trace::new(),
        offer: Err(fault.into()),
    }
}

fn probe(offer: Result<(), Fault>, verdict: Result<CertificateName, CertificateFault>) -> ServerProbe {
    let mut trace = Trace::new();
    trace.begin(Phase::Secure);
    trace.learn(Fact::Certificate(Box::new(report(verdict))));
    ServerProbe {
        target: target("xmpp.contoso.com", 5269, TlsStart::StartTls, TargetOrigin::Srv),
        trace,
        offer: offer.map(|()| ServerOffer::Ways { mechanisms: Vec::new(), dialback: Dialback::Offered }),
    }
}
