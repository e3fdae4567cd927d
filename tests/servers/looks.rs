//! The look from here at real servers, and at peers that misbehave: `Test-FederatedPartner`.

use serde_json::Value;

use crate::desk::{Desk, Pool};
use crate::federation::authority::Flaw;
use crate::federation::peers::Manner;
use crate::federation::{CONTOSO, DIALBACK, Federation, LITWARE};

#[test]
fn a_healthy_partner_shows_what_it_offers_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let desk = desk(federation, "looks-healthy");
    for (pool, domain) in [("pool.litware.test", CONTOSO), ("pool.contoso.test", LITWARE)] {
        let (seen, ran) =
            desk.records(&format!("Test-CsFederatedPartner -TargetFqdn {pool} -Domain {domain}"));
        let [seen] = seen.as_slice() else { panic!("{ran:?}") };
        assert_eq!((text(seen, "Result"), ran.status), ("Success", Some(0)), "{ran:?}");
        assert_eq!(text(seen, "SeenFrom"), "this machine");
        assert!(text(seen, "Server").ends_with(":5269"), "{ran:?}");
        assert!(
            seen["CertificateFor"].as_array().is_some_and(|names| names.contains(&domain.into())),
            "{ran:?}"
        );
        assert!(seen["CertificateDaysLeft"].as_i64().is_some_and(|days| days > 0), "{ran:?}");
        assert!(!text(seen, "Offers").is_empty() && text(seen, "Error").is_empty(), "{ran:?}");
        assert_eq!(seen["Servers"].as_array().map(Vec::len), Some(1), "{ran:?}");
    }
    // A domain that lets partners prove themselves by dialback says so.
    let (seen, ran) = desk.records(&format!("Test-FederatedPartner {DIALBACK} pool.litware.test"));
    assert_eq!(seen[0]["Dialback"], Value::Bool(true), "{ran:?}");
}

#[test]
fn a_partner_that_is_broken_is_named_as_it_is_seen_from_here() {
    let Some(federation) = Federation::get() else { return };
    let names = &federation.names;
    names.fail("servfail.looks.test");
    names.service("_xmpp-server._tcp.notoffered.looks.test", ".", 0);
    names.service("_xmpp-server._tcp.dangling.looks.test", "xmpp.dangling.looks.test", 5269);
    names.domain("stray-p.looks.test", federation.prosody.address);
    names.domain("stray-e.looks.test", federation.ejabberd.address);
    let mut faults = vec![
        ("nosuch.looks.test".to_owned(), "FEDERATION-NOT-FOUND", "Caller"),
        ("servfail.looks.test".to_owned(), "FEDERATION-DNS-FAILURE", "Unknown"),
        ("notoffered.looks.test".to_owned(), "FEDERATION-NOT-OFFERED", "Partner"),
        ("dangling.looks.test".to_owned(), "FEDERATION-NOT-FOUND", "Caller"),
        ("stray-p.looks.test".to_owned(), "FEDERATION-HOST-UNKNOWN", "Partner"),
        ("stray-e.looks.test".to_owned(), "FEDERATION-HOST-UNKNOWN", "Partner"),
    ];
    for (manner, code, owner) in [
        (Manner::Refuses, "FEDERATION-REFUSED", "Partner"),
        (Manner::DropsPackets, "FEDERATION-NO-ANSWER", "Network"),
        (Manner::Silent, "FEDERATION-SILENT", "Partner"),
        (Manner::ClosesAtOnce, "FEDERATION-CLOSED", "Partner"),
        (Manner::ClosesAfterHeader, "FEDERATION-CLOSED", "Partner"),
        (Manner::Garbage, "FEDERATION-NOT-XMPP", "Partner"),
        (Manner::NoStartTls, "FEDERATION-NO-TLS", "Partner"),
        (Manner::SilentAfterProceed, "FEDERATION-SILENT", "Partner"),
        (Manner::SilentAfterTls, "FEDERATION-SILENT", "Partner"),
    ] {
        let domain = format!("{}.looks.test", manner.label());
        federation.peer(&domain, manner);
        faults.push((domain, code, owner));
    }
    check(&desk(federation, "looks-broken"), "pool.litware.test", &faults);
}

#[test]
fn a_wrong_certificate_is_seen_from_here_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let desk = desk(federation, "looks-certificates");
    for (pool, domain) in [("pool.litware.test", CONTOSO), ("pool.contoso.test", LITWARE)] {
        let faults = [
            (Flaw::Expired, "FEDERATION-CERTIFICATE-EXPIRED"),
            (Flaw::NotYetValid, "FEDERATION-CERTIFICATE-NOT-YET-VALID"),
            (Flaw::WrongName, "FEDERATION-CERTIFICATE-NAME"),
            (Flaw::SelfSigned, "FEDERATION-CERTIFICATE-UNTRUSTED"),
            (Flaw::UnknownAuthority, "FEDERATION-CERTIFICATE-UNTRUSTED"),
            (Flaw::MissingIntermediate, "FEDERATION-CERTIFICATE-CHAIN"),
            (Flaw::ClientsOnly, "FEDERATION-CERTIFICATE-PURPOSE"),
            (Flaw::IssuersOnly, "FEDERATION-CERTIFICATE-PURPOSE"),
        ]
        .map(|(flaw, code)| (format!("{}.{domain}", flaw.label()), code, "Partner"));
        check(&desk, pool, &faults);
    }
}

#[test]
fn only_allowed_partners_and_our_own_domains_are_looked_at() {
    let Some(federation) = Federation::get() else { return };
    let pools = [Pool::at(LITWARE, federation.prosody.address)];
    let listed = Desk::set_up(federation, "looks-listed", &pools, "[[partner]]\ndomain = \"contoso.test\"\n");
    let (seen, ran) = listed.records("Get-XmppAllowedPartner | Test-FederatedPartner");
    assert_eq!((text(&seen[0], "Domain"), text(&seen[0], "Result")), (CONTOSO, "Success"), "{ran:?}");
    let peer = federation.peer("unlisted.looks.test", Manner::Silent);
    let (seen, ran) = listed.records("Test-FederatedPartner -Domain unlisted.looks.test");
    assert_eq!((text(&seen[0], "Code"), ran.status), ("PLAN-NOT-ALLOWED", Some(1)), "{ran:?}");
    assert!(!peer.was_called(), "nothing is sent to a domain that is not allowed");
    let (seen, ran) = listed.records(&format!("Test-FederatedPartner -Domain {LITWARE}"));
    assert_eq!(text(&seen[0], "Result"), "Success", "our own domain, as partners see it: {ran:?}");
}

/// Looks at all the domains in one call, and fails with all that is not as it should be.
fn check(desk: &Desk, pool: &str, faults: &[(String, &str, &str)]) {
    let domains: Vec<&str> = faults.iter().map(|(domain, _, _)| domain.as_str()).collect();
    let (seen, ran) = desk.records(&format!("Test-FederatedPartner {} {pool}", domains.join(",")));
    assert_eq!((seen.len(), ran.status), (faults.len(), Some(1)), "{ran:?}");
    let mut wrong = Vec::new();
    for (domain, code, owner) in faults {
        let own = seen.iter().find(|record| text(record, "Domain") == domain).unwrap();
        let told = (text(own, "Result"), text(own, "Code"), text(own, "Owner"), text(own, "Latency"));
        let is_right =
            told == ("Failure", *code, *owner, "00:00:00") && text(own, "Error").contains("this machine");
        if !is_right {
            wrong.push(format!("{domain}: {code} of {owner} is expected, not {told:?}\n{own:#}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn text<'a>(record: &'a Value, property: &str) -> &'a str {
    record[property].as_str().unwrap_or_default()
}

fn desk(federation: &Federation, name: &str) -> Desk {
    let pools =
        [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    Desk::set_up(federation, name, &pools, "")
}
