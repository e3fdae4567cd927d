//! `Test-XmppPing` between both servers: the domain answers, or it is said why not and whose that is.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::desk::{Desk, IMPATIENT, Pool};
use crate::federation::peers::Manner;
use crate::federation::prosody::Settings;
use crate::federation::{CONTOSO, FORBIDDEN, Federation, LITWARE, NO_PING};

const POOLS: [&str; 2] = ["pool.litware.test", "pool.contoso.test"];

fn desk(federation: &Federation, name: &str, more: &str) -> Desk {
    let pools =
        [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    Desk::set_up(federation, name, &pools, more)
}

fn text<'v>(pinged: &'v Value, property: &str) -> &'v str {
    pinged[property].as_str().unwrap_or_default()
}

#[test]
fn a_healthy_domain_answers_both_ways_and_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let other = federation.another_prosody("pinged.test");
    let desk = desk(federation, "pings-healthy", "");
    for (pool, domain) in [
        (POOLS[0], CONTOSO),
        (POOLS[1], LITWARE),
        (POOLS[0], "pinged.test"),
        (POOLS[1], "pinged.test"),
        // Our own domain asks nobody else.
        (POOLS[0], LITWARE),
        (POOLS[1], CONTOSO),
    ] {
        let (pinged, ran) = desk.records(&format!("Test-XmppPing {pool} {domain}"));
        let [pinged] = pinged.as_slice() else { panic!("{ran:?}") };
        assert_eq!((text(pinged, "Result"), ran.status), ("Success", Some(0)), "{ran:?}");
        assert_eq!((text(pinged, "Answer"), text(pinged, "Phase")), ("pong", "Deliver"), "{ran:?}");
        assert_eq!(text(pinged, "Evidence"), "AcceptedByPartner", "{ran:?}");
        assert_eq!(pinged["Warnings"], Value::Array(Vec::new()), "{ran:?}");
        let proofs = pinged["Proofs"].as_array().unwrap();
        assert!(proofs.iter().any(|proof| proof["Proof"] == "the domain answered the ping"), "{ran:?}");
        assert!(!text(pinged, "PingLatency").is_empty(), "{ran:?}");
    }
    // Several in one session.
    let (pinged, ran) =
        desk.records(&format!("Test-XmppPing {} {CONTOSO},pinged.test -ThrottleLimit 1", POOLS[0]));
    let phases = |pinged: &Value| pinged["Steps"].as_array().map_or(0, Vec::len);
    assert_eq!((pinged.len(), ran.status), (2, Some(0)), "{ran:?}");
    assert!(pinged.iter().any(|pinged| phases(pinged) == 1), "{ran:?}");
    drop(other);
}

#[test]
fn a_domain_that_does_not_know_pings_has_answered_all_the_same() {
    let Some(federation) = Federation::get() else { return };
    let no_ping = Settings { host: "    modules_disabled = { \"ping\" }\n".into(), ..Settings::default() };
    let _prosody = federation.prosody_with("noping.pings.test", &no_ping);
    let desk = desk(federation, "pings-refused", "");
    for pool in POOLS {
        for domain in [NO_PING, "noping.pings.test"] {
            let (pinged, ran) = desk.records(&format!("Test-XmppPing {pool} {domain}"));
            let [pinged] = pinged.as_slice() else { panic!("{ran:?}") };
            assert_eq!((text(pinged, "Result"), ran.status), ("Success", Some(0)), "{ran:?}");
            let warnings = pinged["Warnings"].as_array().unwrap();
            let codes: Vec<&Value> = warnings.iter().map(|warning| &warning["Code"]).collect();
            assert_eq!(codes, ["PING-REFUSED"], "{ran:?}");
            assert!(ran.stderr.contains("pings of it are not answered (XEP-0199)"), "{ran:?}");
        }
    }
}

#[test]
fn a_domain_that_is_not_reached_is_a_failure_with_its_owner() {
    let Some(federation) = Federation::get() else { return };
    federation.peer("refuses.pings.test", Manner::Refuses);
    federation.peer("silent.pings.test", Manner::Silent);
    let frozen = federation.another_prosody("frozen.pings.test");
    frozen.server.signal(Signal::SIGSTOP);
    let stopped = federation.another_prosody("stopped.pings.test");
    stopped.stop();
    let listed = ["refuses", "silent", "frozen", "stopped", "nosuch"];
    let listed: String =
        listed.iter().map(|name| format!("[[partner]]\ndomain = \"{name}.pings.test\"\n")).collect();
    let others = [FORBIDDEN, "expired.contoso.test", "expired.litware.test"];
    let others: String = others.iter().map(|name| format!("[[partner]]\ndomain = \"{name}\"\n")).collect();
    let desk = desk(federation, "pings-broken", &format!("{IMPATIENT}\n{listed}{others}"));
    for (pool, domain, code, owner) in [
        (POOLS[0], "refuses.pings.test", "FEDERATION-REFUSED", "Partner"),
        (POOLS[1], "refuses.pings.test", "FEDERATION-REFUSED", "Partner"),
        (POOLS[0], "stopped.pings.test", "FEDERATION-REFUSED", "Partner"),
        (POOLS[1], "stopped.pings.test", "FEDERATION-REFUSED", "Partner"),
        (POOLS[0], "nosuch.pings.test", "FEDERATION-NOT-FOUND", "Partner"),
        (POOLS[1], "nosuch.pings.test", "FEDERATION-NOT-FOUND", "Partner"),
        (POOLS[0], "expired.contoso.test", "FEDERATION-CERTIFICATE-EXPIRED", "Partner"),
        (POOLS[1], "expired.litware.test", "FEDERATION-CERTIFICATE-EXPIRED", "Partner"),
        (POOLS[1], FORBIDDEN, "FEDERATION-FORBIDDEN", "Pool"),
        (POOLS[0], "unlisted.pings.test", "PLAN-NOT-ALLOWED", "Caller"),
        // Nobody says anything: the look from here does.
        (POOLS[0], "silent.pings.test", "FEDERATION-SILENT", "Partner"),
        (POOLS[1], "silent.pings.test", "FEDERATION-SILENT", "Partner"),
        (POOLS[0], "frozen.pings.test", "FEDERATION-SILENT", "Partner"),
    ] {
        let (pinged, ran) = desk.records(&format!("Test-XmppPing {pool} {domain}"));
        let [pinged] = pinged.as_slice() else { panic!("{ran:?}") };
        assert_eq!((text(pinged, "Result"), ran.status), ("Failure", Some(1)), "{pool} {domain}: {ran:?}");
        assert_eq!((text(pinged, "Code"), text(pinged, "Owner")), (code, owner), "{pool} {domain}: {ran:?}");
        assert!(pinged["PingLatency"].is_null() && text(pinged, "Answer") != "pong", "{ran:?}");
        let is_silent = code == "FEDERATION-SILENT";
        assert_eq!(text(pinged, "Answer") == "none in time", is_silent, "{ran:?}");
    }
}
