//! What a look from here says by itself, of each thing that it may see.

use std::time::Duration;

use imsh::internals::diagnosis::Finding;
use imsh::internals::diagnosis::look::{Asking, finding, of_single_servers};
use imsh::internals::xmpp::condition::StreamCondition;
use imsh::internals::xmpp::connect::ConnectOutcome;
use imsh::internals::xmpp::federation::ProbeReport;
use imsh::internals::xmpp::{Fault, connect, resolve, secure, stream};

use crate::scene::{attempt, look, query};

const ASKING: Asking<'static> = Asking {
    pool: Some("atl-cs-001.litwareinc.com"),
    from: Some("litwareinc.com"),
    partner_listed: true,
    ours: None,
    server: None,
};

/// Looks that the scene has, and looks that end in one of these faults.
pub(crate) fn looks() -> Vec<(String, Finding)> {
    let of_scene = SCENE.iter().map(|name| (*name, look(name).unwrap()));
    let of_faults = faults().into_iter().map(|(name, fault)| (name, stopped(fault)));
    let listed = of_scene.chain(of_faults).map(|(name, look)| (name, finding(&look, &ASKING).unwrap()));
    let stranger = Asking { pool: None, from: None, partner_listed: false, ours: None, server: None };
    let own = Asking { ours: Some("dub-cs-001.contoso.com"), ..ASKING };
    let named = Asking { server: Some("xmpp.contoso.com"), ..ASKING };
    let unlisted = [
        ("nxdomain, unlisted", finding(&look("nxdomain").unwrap(), &stranger).unwrap()),
        ("refused, at a domain of our own", finding(&look("refused").unwrap(), &own).unwrap()),
        ("refused, at a server that was named by hand", finding(&look("refused").unwrap(), &named).unwrap()),
        ("untrusted, in nobody's name", finding(&self_signed(), &stranger).unwrap()),
    ];
    let said = listed.chain(unlisted);
    said.map(|(name, finding)| (format!("a look from here: {name}"), finding)).collect()
}

const SCENE: &[&str] = &[
    "nxdomain",
    "not offered",
    "servfail",
    "dangling",
    "refused",
    "no answer",
    "silent",
    "no tls",
    "expired",
    "not yet",
    "no intermediate",
    "for clients",
];

fn faults() -> Vec<(&'static str, Fault)> {
    let error = |condition, text: &str| {
        Fault::from(stream::Fault::Error { condition, text: Some(text.to_owned()), application: None })
    };
    let mixed = |outcomes: &[ConnectOutcome]| {
        let attempts = outcomes.iter().map(|outcome| attempt(5269, outcome.clone())).collect();
        Fault::from(connect::Fault::Mixed { attempts })
    };
    let seconds = Duration::from_secs;
    vec![
        ("no name server", resolve::Fault::NoNameServer { reason: "no such file".into() }.into()),
        (
            "DNS silent",
            resolve::Fault::Timeout {
                query: query("SRV", "_xmpp-server._tcp.contoso.com"),
                after: seconds(3),
            }
            .into(),
        ),
        (
            "no route",
            connect::Fault::Unreachable { attempts: vec![attempt(5269, ConnectOutcome::Unreachable)] }.into(),
        ),
        ("reset", mixed(&[ConnectOutcome::Reset])),
        ("denied here", mixed(&[ConnectOutcome::Denied])),
        ("closed", stream::Fault::Closed.into()),
        ("no TLS behind STARTTLS", secure::Fault::NotTls { said: "SSH-2.0-OpenSSH_9.2p1".into() }.into()),
        (
            "STARTTLS at a port for direct TLS",
            secure::Fault::NotTls { said: "<?xml version='1.0'?><stream:stream ".into() }.into(),
        ),
        ("TLS at once at a port for STARTTLS", secure::Fault::SpeaksTls.into()),
        ("the port for clients", stream::Fault::WrongContent { content: "jabber:client".into() }.into()),
        ("no issuers here", secure::Fault::NoRoots { reason: "none found".into() }.into()),
        ("policy", error(StreamCondition::PolicyViolation, "Your domain is not welcome here")),
        ("host unknown", error(StreamCondition::HostUnknown, "This server does not serve contoso.com")),
        ("overloaded", error(StreamCondition::ResourceConstraint, "Too many connections")),
        (
            "another domain",
            stream::Fault::WrongFrom { wanted: "contoso.com".into(), said: "localhost".into() }.into(),
        ),
        (
            "another element",
            stream::Fault::NotAStream { name: "html".into(), ns: "http://www.w3.org/1999/xhtml".into() }
                .into(),
        ),
        ("elsewhere", stream::Fault::SeeOtherHost { host: "node2.contoso.com".into(), port: None }.into()),
    ]
}

/// The look that ended in `fault`, at its only server where it came so far.
fn stopped(fault: Fault) -> ProbeReport {
    let mut seen = look("refused").unwrap();
    if matches!(fault, Fault::Resolve(_)) {
        seen.probes = Err(fault);
    } else {
        seen.probes.as_mut().unwrap()[0].offer = Err(fault);
    }
    seen
}

fn self_signed() -> ProbeReport {
    look("self-signed").unwrap()
}

#[test]
fn one_server_that_is_well_is_enough_and_the_others_are_told() {
    let mut both = look("refused").unwrap();
    let well = look("healthy").unwrap();
    both.probes.as_mut().unwrap().extend(well.probes.unwrap());
    assert_eq!(finding(&both, &ASKING), None);
    let remarks = of_single_servers(&both, &ASKING);
    assert_eq!(remarks.iter().map(|remark| remark.code).collect::<Vec<_>>(), ["FEDERATION-REFUSED"]);
}

#[test]
fn a_partner_of_which_no_server_is_well_fails_with_all_that_was_seen() {
    let mut both = look("refused").unwrap();
    both.probes.as_mut().unwrap().extend(look("expired").unwrap().probes.unwrap());
    let said = finding(&both, &ASKING).unwrap();
    assert_eq!(said.code, "FEDERATION-REFUSED");
    assert!(said.evidence.iter().any(|evidence| evidence.contains("expired on")), "{said:?}");
}
