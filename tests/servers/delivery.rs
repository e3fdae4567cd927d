//! The message really crosses, in both directions, and every level of evidence is reached where it is true.

use std::time::Duration;

use imsh::internals::xmpp::xml::ns;
use serde_json::Value;

use crate::desk::{Desk, IMPATIENT, Pool};
use crate::faults::By;
use crate::federation::prosody::Settings;
use crate::federation::resident::Answer;
use crate::federation::{CONTOSO, DIALBACK, EATER, Federation, LITWARE, PASSWORD};
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

#[test]
fn a_second_message_proves_what_a_ping_does_not() {
    let Some(federation) = Federation::get() else { return };
    let modules = federation.folder("modules");
    // As a filter does: it hooks in where messages leave for others, or come in for an account.
    for (name, events) in [
        ("mod_eats_own.lua", r#""pre-message/bare", "pre-message/full", "pre-message/host""#),
        ("mod_eats_foreign.lua", r#""message/bare", "message/full", "message/host""#),
    ] {
        let program = format!(
            "for _, event in ipairs {{ {events} }} do module:hook(event, function () return true; end, 1000); end\n"
        );
        std::fs::write(modules.join(name), program).unwrap();
    }
    let with = |domain: &str, host: &str| {
        let global = format!("plugin_paths = {{ {:?} }}\n", modules.display().to_string());
        federation.prosody_with(domain, &Settings { global, host: host.into(), ..Settings::default() })
    };
    let _no_ping = with("noping.partners.test", "    modules_disabled = { \"ping\" }\n");
    let eats_own = with("eater.partners.test", "    modules_enabled = { \"eats_own\" }\n");
    let _eats_foreign = with("swallower.partners.test", "    modules_enabled = { \"eats_foreign\" }\n");
    let [prosody, ejabberd] = both_pools(federation);
    let (from_prosody, from_ejabberd) = (prosody.identity.clone(), ejabberd.identity.clone());
    let eaters =
        [Pool::at("eater.partners.test", eats_own.address), Pool::at(EATER, federation.ejabberd.address)];
    let vanish_at_home = "the pool swallows messages and carries pings";
    let vanish = "messages vanish on the way to the partner";
    let no_ping = "the partner answers no ping";
    let rows = [
        Row::new(By::Prosody, &from_prosody, "kim@noping.partners.test", no_ping),
        Row::new(By::Ejabberd, &from_ejabberd, "kim@noping.partners.test", no_ping),
        Row::new(By::Prosody, &from_prosody, "kim@swallower.partners.test", vanish).spoken_after(10),
        Row::new(By::Ejabberd, &from_ejabberd, "kim@swallower.partners.test", vanish).spoken_after(10),
        Row::new(By::Prosody, &eaters[0].identity, "kim@litware.test", vanish_at_home).spoken_after(10),
        Row::new(By::Ejabberd, &eaters[1].identity, "kim@litware.test", vanish_at_home).spoken_after(10),
    ];
    let [eats, eats_too] = eaters;
    let pools = [prosody, ejabberd, eats, eats_too];
    let desk = Desk::set_up(federation, "fences", &pools, "");
    check(federation, &desk, &rows);
    // The pool's own word is no proof either where it swallows messages; and where it does not, both fences say so.
    let seen =
        desk.verify("pool.eater.partners.test", "kim@litware.test", "minimum_evidence: \"AcceptedByPool\"");
    assert_eq!(seen.text("Code"), "MESSAGES-VANISH", "{}", seen.whole());
    for (pool, receiver) in [(&from_prosody, "garth@contoso.test"), (&from_ejabberd, "kim@litware.test")] {
        federation.log_on("garth", CONTOSO, Answer::Nothing);
        let seen = desk.verify(pool, receiver, "");
        let whole = seen.whole();
        assert!(
            whole.contains("sent back a message behind it") && whole.contains("answered a ping"),
            "{whole}"
        );
        assert_eq!(seen.text("Result"), "Success", "{whole}");
    }
}

#[test]
fn a_timeout_holds_for_all_that_a_test_does() {
    let Some(federation) = Federation::get() else { return };
    federation.peer("slow.partners.test", crate::federation::peers::Manner::Silent);
    let desk = Desk::set_up(federation, "timeout", &both_pools(federation), "");
    for pool in ["pool.litware.test", "pool.contoso.test"] {
        let seen = desk.verify(pool, "adelany@slow.partners.test", "timeout: \"3s\"");
        assert_eq!(seen.text("Result"), "Failure", "{}", seen.whole());
        // The look from here alone would take ten seconds.
        assert!(seen.ran.elapsed < std::time::Duration::from_secs(7), "{:?}", seen.ran.elapsed);
    }
}

#[test]
fn an_error_that_comes_late_takes_a_success_back_while_the_session_is_open() {
    let Some(federation) = Federation::get() else { return };
    let servers = [(LITWARE, "pool.contoso.test"), (CONTOSO, "pool.litware.test")];
    for (domain, _) in servers {
        federation.log_on("lola", domain, Answer::ErrorAfter(Duration::from_secs(2)));
        federation.log_on("toni", domain, Answer::ErrorAfter(Duration::from_secs(3)));
        federation.log_on("garth", domain, Answer::Nothing);
    }
    let desk = Desk::set_up(federation, "late", &both_pools(federation), "");
    for (domain, pool) in servers {
        let late = [format!("lola@{domain}"), format!("toni@{domain}")];
        // Each of them waits a second for a late error, one behind the other.
        let others = vec![format!("garth@{domain}"); 5].join(",");
        let (results, ran) =
            desk.records(&format!("Test-XmppIM {pool} {},{others} -ThrottleLimit 1", late.join(",")));
        assert_eq!((results.len(), ran.status), (9, Some(1)), "{ran:?}");
        for receiver in &late {
            let own: Vec<_> = results.iter().filter(|result| result["Receiver"] == **receiver).collect();
            let told: Vec<_> = own.iter().map(|result| (&result["Result"], &result["Code"])).collect();
            let unavailable = "RECEIVER-UNAVAILABLE".into();
            assert_eq!(
                told,
                [(&"Success".into(), &Value::Null), (&"Failure".into(), &unavailable)],
                "{ran:?}"
            );
            assert_eq!(own[1]["Warnings"][0]["Code"], "RESULT-REVISED");
            assert!(ran.stderr.contains(&format!("The test of {receiver} was told as a success")), "{ran:?}");
        }
        let seen = desk.verify(pool, &late[1], "linger: \"20s\"");
        assert_eq!(seen.text("Code"), "RECEIVER-UNAVAILABLE", "{}", seen.whole());
    }
}

/// `Get-Help about_Evidence` says so.
#[test]
fn prosody_keeps_a_test_message_for_a_receiver_who_is_off_line_and_ejabberd_does_not() {
    let Some(federation) = Federation::get() else { return };
    let pools = both_pools(federation);
    let (from_prosody, from_ejabberd) = (pools[0].identity.clone(), pools[1].identity.clone());
    let partner = federation.prosody_with(
        "stores.partners.test",
        &Settings { host: "    modules_enabled = { \"mam\" }\n".into(), ..Settings::default() },
    );
    let desk = Desk::set_up(federation, "stores", &pools, "");
    let seen = desk.verify(&from_ejabberd, "kim@stores.partners.test", "");
    assert_eq!(seen.text("Result"), "Success", "{}", seen.whole());
    let data = federation.folder(&format!("prosody-{}/data/stores%2epartners%2etest", partner.address));
    let kept = |store: &str| std::fs::read_to_string(data.join(store).join("kim.list")).unwrap_or_default();
    assert!(kept("offline").contains("kenmyer@contoso.test"), "{}", kept("offline"));
    assert_eq!(kept("archive"), "", "the archive does as the message says");
    let seen = desk.verify(&from_prosody, "kim@contoso.test", "");
    let said =
        "kim@contoso.test exists and is off line, and its server keeps no message that asks not to be kept";
    assert!(seen.text("Error").contains(said), "{}", seen.whole());
}

#[test]
fn a_broken_server_that_was_passed_over_is_a_warning_on_the_success() {
    let Some(federation) = Federation::get() else { return };
    federation.log_on("adelany", CONTOSO, Answer::Receipt);
    let (good, closed) = (federation.prosody.address, federation.loopback.next());
    let listed = Pool::named("several.litware.test", LITWARE)
        .with(&format!("servers = [\"{closed}:5222\", \"{good}:5222\"]"))
        .lending("kenmyer", PASSWORD);
    let desk = Desk::set_up(federation, "passed-over", &[listed], "");
    let (results, ran) = desk.records("Test-XmppIM several.litware.test adelany@contoso.test");
    assert_eq!((&results[0]["Result"], ran.status), (&"Success".into(), Some(0)), "{ran:?}");
    assert_eq!(results[0]["Warnings"][0]["Code"], "SERVER-PASSED-OVER", "{ran:?}");
}

/// One pool on each server, lending `kenmyer`.
fn both_pools(federation: &Federation) -> [Pool; 2] {
    [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)]
}

const DIRECT: &str = "security = \"direct\"";
