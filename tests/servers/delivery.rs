//! The message really crosses, in both directions, and every level of evidence is reached where it is true.

use imsh::xmpp::xml::ns;

use crate::desk::{Desk, IMPATIENT, Pool};
use crate::faults::By;
use crate::federation::resident::Answer;
use crate::federation::{CONTOSO, DIALBACK, Federation, LITWARE, PASSWORD};
use crate::verdict::{Row, check};

#[test]
fn a_message_crosses_in_both_directions_with_every_level_of_evidence() {
    let Some(federation) = Federation::get() else { return };
    federation.peer("mute.test", crate::federation::peers::Manner::Silent);
    for domain in [LITWARE, CONTOSO] {
        federation.log_on("adelany", domain, Answer::Receipt);
        federation.log_on("garth", domain, Answer::Nothing);
    }
    let desk = Desk::set_up(federation, "evidence", &both_pools(federation), "");
    let directions = [("pool.litware.test", CONTOSO), ("pool.contoso.test", LITWARE)];
    let levels = [
        // With nobody at the other end, the own pool's word is all there is.
        ("nobody@mute.test", "minimum_evidence: \"AcceptedByPool\"", "AcceptedByPool"),
        // On line, and silent: the fence.
        ("garth@PARTNER", "", "AcceptedByPartner"),
        ("adelany@PARTNER", "minimum_evidence: \"Delivered\"", "Delivered"),
        // A test user whose credential is at hand: a second session sees it and answers.
        ("kenmyer@PARTNER", "", "Exchanged"),
    ];
    for (pool, partner) in directions {
        for (receiver, more, evidence) in levels {
            let receiver = receiver.replace("PARTNER", partner);
            let seen = desk.verify(pool, &receiver, more);
            let told = (seen.text("Result"), seen.text("Evidence"), seen.ran.status);
            assert_eq!(told, ("Success", evidence, Some(0)), "{pool} → {receiver}: {}", seen.whole());
        }
    }
}

#[test]
fn what_arrives_says_who_sent_it_and_asks_for_nothing_but_a_receipt() {
    let Some(federation) = Federation::get() else { return };
    let receiver = federation.log_on("pilar", CONTOSO, Answer::Receipt);
    let desk = Desk::set_up(federation, "arrival", &both_pools(federation), "");
    let seen = desk.verify("pool.litware.test", "pilar@contoso.test", "minimum_evidence: \"Delivered\"");
    assert_eq!(seen.text("Result"), "Success", "{}", seen.whole());

    let arrived = receiver.heard_from("kenmyer@litware.test");
    assert_eq!(arrived.len(), 1, "one message, once: {arrived:?}");
    let message = &arrived[0];
    assert_eq!(message.attribute("type"), Some("chat"));
    assert!(message.has_child("no-store", ns::HINTS) && message.has_child("no-copy", ns::HINTS));
    assert!(message.child_text("body", ns::CLIENT).unwrap().contains("kenmyer@litware.test"));
}

#[test]
fn a_pool_is_found_by_dns_and_entered_by_direct_tls() {
    let Some(federation) = Federation::get() else { return };
    for domain in [LITWARE, CONTOSO] {
        federation.log_on("adelany", domain, Answer::Receipt);
    }
    let (prosody, ejabberd) = (federation.prosody.address, federation.ejabberd.address);
    let pools = [
        // By the SRV records of its own name, by its address, and at the port of direct TLS.
        Pool::named(LITWARE, LITWARE).lending("kenmyer", PASSWORD),
        Pool::named("pool.contoso.test", CONTOSO).lending("kenmyer", PASSWORD),
        Pool::at_port(LITWARE, prosody, 5223).called("direct.litware.test".to_owned()).with(DIRECT),
        Pool::at_port(CONTOSO, ejabberd, 5223).called("direct.contoso.test".to_owned()).with(DIRECT),
    ];
    let receivers = [CONTOSO, LITWARE, CONTOSO, LITWARE];
    let desk = Desk::set_up(federation, "ways-in", &pools, "");
    for (pool, partner) in pools.iter().zip(receivers) {
        let receiver = format!("adelany@{partner}");
        let seen = desk.verify(&pool.identity, &receiver, "minimum_evidence: \"Delivered\"");
        assert_eq!(seen.text("Result"), "Success", "{} → {receiver}: {}", pool.identity, seen.whole());
    }
}

#[test]
fn what_a_server_accepts_is_a_success_with_the_evidence_that_there_is() {
    let Some(federation) = Federation::get() else { return };
    let pools = [DIALBACK, CONTOSO].map(|domain| Pool::at(domain, federation.ejabberd.address));
    let [by_dialback, plainly] = [0, 1].map(|n: usize| pools[n].identity.as_str());
    let rows = [
        Row::new(
            By::Ejabberd,
            by_dialback,
            "kim@expired.litware.test",
            "the partner's certificate has expired, and dialback is enough",
        ),
        Row::new(
            By::Ejabberd,
            plainly,
            "kim@litware.test",
            "the receiver is off line, and the message is stored",
        ),
        Row::new(
            By::Ejabberd,
            plainly,
            "kim@litware.test",
            "the receiver is off line, the message is stored, and more was asked for",
        )
        .with("minimum_evidence: \"Delivered\"")
        .impatient(),
    ];
    check(federation, &Desk::set_up(federation, "accepted", &pools, IMPATIENT), &rows);
}

#[test]
fn a_partner_is_reached_again_when_it_is_back() {
    let Some(federation) = Federation::get() else { return };
    let desk = Desk::set_up(federation, "back", &both_pools(federation), "");
    let verify_both = |partner: &str, result: &str, code: &str| {
        for pool in ["pool.litware.test", "pool.contoso.test"] {
            let seen = desk.verify(pool, &format!("kim@{partner}"), "");
            let told = (seen.text("Result"), seen.text("Code"));
            assert_eq!(told, (result, code), "{pool}: {}", seen.whole());
        }
    };
    let partner = federation.another_prosody("fabrikam.test");
    verify_both("fabrikam.test", "Success", "");
    partner.stop();
    verify_both("fabrikam.test", "Failure", "FEDERATION-REFUSED");
    let _partner = federation.start_again(partner);
    // ejabberd remembers a failed partner for a random part of a second; that is not what is tested.
    desk.verify_until("pool.contoso.test", "kim@fabrikam.test", "Success");
    verify_both("fabrikam.test", "Success", "");
}

/// One pool on each server, lending `kenmyer`.
fn both_pools(federation: &Federation) -> [Pool; 2] {
    [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)]
}

const DIRECT: &str = "security = \"direct\"";
