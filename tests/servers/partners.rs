//! Faults between the pool and the receiver: what each server really says, and what imsh calls it. The same
//! fault has the same code on both servers, although their answers differ.

use nix::sys::signal::Signal;

use crate::desk::{Desk, Pool};
use crate::federation::authority::Flaw;
use crate::federation::peers::Manner;
use crate::federation::resident::Answer;
use crate::federation::{
    BLOCKER, CONTOSO, FORBIDDEN, Federation, ISLAND, LITWARE, ONE_WAY, PASSWORD, STRANGERS,
};
use crate::verdict::{Row, check};

const PROSODY_POOL: &str = "pool.litware.test";
const EJABBERD_POOL: &str = "pool.contoso.test";

#[test]
fn a_partner_that_cannot_be_reached_has_one_code_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let names = &federation.names;
    names.fail("servfail.partners.test");
    names.service("_xmpp-server._tcp.notoffered.partners.test", ".", 0);
    names.service("_xmpp-server._tcp.dangling.partners.test", "xmpp.dangling.partners.test", 5269);
    names.domain("stray-p.partners.test", federation.prosody.address);
    names.domain("stray-e.partners.test", federation.ejabberd.address);
    let peers = [
        (Manner::Refuses, "FEDERATION-REFUSED", "Partner"),
        (Manner::DropsPackets, "FEDERATION-NO-ANSWER", "Partner"),
        (Manner::Silent, "FEDERATION-SILENT", "Partner"),
        (Manner::ClosesAtOnce, "FEDERATION-CLOSED", "Partner"),
        (Manner::ClosesAfterHeader, "FEDERATION-CLOSED", "Partner"),
        (Manner::Garbage, "FEDERATION-NOT-XMPP", "Partner"),
        (Manner::NoStartTls, "FEDERATION-NO-TLS", "Partner"),
        (Manner::SilentAfterProceed, "FEDERATION-SILENT", "Partner"),
        (Manner::SilentAfterTls, "FEDERATION-SILENT", "Partner"),
        // Closed in the authentication, which the look from here does not try: both sides differ.
        (Manner::ClosesMidStream, "FEDERATION-CLOSED", "Unknown"),
    ];
    let mut faults = vec![
        ("nosuch.partners.test".to_owned(), "FEDERATION-NOT-FOUND", "Caller"),
        ("servfail.partners.test".to_owned(), "FEDERATION-DNS-FAILURE", "Unknown"),
        ("notoffered.partners.test".to_owned(), "FEDERATION-NOT-OFFERED", "Partner"),
        ("dangling.partners.test".to_owned(), "FEDERATION-NOT-FOUND", "Caller"),
        ("stray-p.partners.test".to_owned(), "FEDERATION-HOST-UNKNOWN", "Partner"),
        ("stray-e.partners.test".to_owned(), "FEDERATION-HOST-UNKNOWN", "Partner"),
    ];
    for (manner, code, owner) in peers {
        let domain = format!("{}.partners.test", manner.label());
        federation.peer(&domain, manner);
        faults.push((domain, code, owner));
    }
    let rows: Vec<Row> = faults
        .iter()
        .flat_map(|(domain, code, owner)| {
            [PROSODY_POOL, EJABBERD_POOL]
                .map(|pool| Row::new(pool, &format!("adelany@{domain}"), code, owner))
        })
        .collect();
    check(&desk(federation, "unreachable"), &rows);
}

#[test]
fn a_partner_with_a_wrong_certificate_has_one_code_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let faults = [
        (Flaw::Expired, "FEDERATION-CERTIFICATE-EXPIRED"),
        (Flaw::NotYetValid, "FEDERATION-CERTIFICATE-NOT-YET-VALID"),
        (Flaw::WrongName, "FEDERATION-CERTIFICATE-NAME"),
        (Flaw::SelfSigned, "FEDERATION-CERTIFICATE-UNTRUSTED"),
        (Flaw::UnknownAuthority, "FEDERATION-CERTIFICATE-UNTRUSTED"),
        (Flaw::MissingIntermediate, "FEDERATION-CERTIFICATE-UNTRUSTED"),
    ];
    let rows: Vec<Row> = faults
        .iter()
        .flat_map(|(flaw, code)| {
            [(PROSODY_POOL, CONTOSO), (EJABBERD_POOL, LITWARE)].map(|(pool, partner)| {
                Row::new(pool, &format!("adelany@{}.{partner}", flaw.label()), code, "Partner")
            })
        })
        .collect();
    check(&desk(federation, "partner-certificates"), &rows);
}

#[test]
fn a_receiver_that_the_partner_does_not_serve_has_one_code_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let row = |pool, receiver: &str| Row::new(pool, receiver, "RECEIVER-UNAVAILABLE", "Partner");
    let mut rows = vec![
        row(PROSODY_POOL, "nobody@contoso.test"),
        row(EJABBERD_POOL, "nobody@litware.test"),
        row(PROSODY_POOL, &format!("{BLOCKER}@contoso.test")),
        // With the hint that nothing be stored, ejabberd says so too of somebody who is off line.
        row(PROSODY_POOL, "kim@contoso.test"),
    ];
    // Prosody 13 drops what a receiver has blocked, and lets nobody know.
    if federation.release.debian() < 13 {
        rows.push(row(EJABBERD_POOL, &format!("{BLOCKER}@litware.test")));
    }
    check(&desk(federation, "receivers"), &rows);
}

#[test]
fn a_policy_is_named_with_whose_it_is() {
    let Some(federation) = Federation::get() else { return };
    federation.log_on("adelany", STRANGERS, Answer::Nothing);
    let island = Pool::at(ISLAND, federation.prosody.address);
    let blocking = |domain: &str| format!("user_sip_address: \"sip:{BLOCKER}@{domain}\"");
    let pools = [
        Pool::at(LITWARE, federation.prosody.address).lending(BLOCKER, PASSWORD),
        Pool::at(CONTOSO, federation.ejabberd.address).lending(BLOCKER, PASSWORD),
        island,
    ];
    let rows = [
        Row::new("pool.island.litware.test", "adelany@contoso.test", "FEDERATION-DISABLED", "Pool"),
        Row::new(EJABBERD_POOL, &format!("adelany@{FORBIDDEN}"), "FEDERATION-FORBIDDEN", "Pool"),
        // The fence is overtaken: the answer to the ping comes before the refusal.
        Row::new(PROSODY_POOL, &format!("adelany@{STRANGERS}"), "RECEIVER-POLICY", "Partner"),
        Row::new(PROSODY_POOL, &format!("kim@{STRANGERS}"), "RECEIVER-POLICY", "Partner"),
        Row::new(EJABBERD_POOL, &format!("adelany@{ISLAND}"), "FEDERATION-PARTNER-POLICY", "Partner"),
        Row::new(PROSODY_POOL, "kenmyer@contoso.test", "RECEIVER-BLOCKED-BY-SENDER", "Caller")
            .with(&blocking(LITWARE)),
        Row::new(EJABBERD_POOL, "kenmyer@litware.test", "RECEIVER-BLOCKED-BY-SENDER", "Caller")
            .with(&blocking(CONTOSO)),
    ];
    check(&Desk::set_up(federation, "policies", &pools, ""), &rows);
}

#[test]
fn a_listed_partner_that_dns_does_not_know_is_not_the_callers_typing_mistake() {
    let Some(federation) = Federation::get() else { return };
    let pools =
        [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    let partners = "[[partner]]\ndomain = \"gone.partners.test\"\n";
    let rows = [PROSODY_POOL, EJABBERD_POOL]
        .map(|pool| Row::new(pool, "adelany@gone.partners.test", "FEDERATION-NOT-FOUND", "Partner"));
    check(&Desk::set_up(federation, "listed", &pools, partners), &rows);
}

#[test]
fn a_pool_that_goes_away_while_the_partner_is_waited_for_is_named() {
    let Some(federation) = Federation::get() else { return };
    for (signal, code) in [(Signal::SIGTERM, "STREAM-SHUTDOWN"), (Signal::SIGKILL, "STREAM-CLOSED")] {
        let domain = format!("{}.test", signal.as_str().to_ascii_lowercase());
        let own = federation.another_prosody(&domain);
        let partner = federation.peer(&format!("partner-of-{domain}"), Manner::Silent);
        let pool = Pool::at(&domain, own.address);
        let row = [Row::new(&pool.identity, &format!("adelany@partner-of-{domain}"), code, "Pool")];
        let desk = Desk::set_up(federation, &domain, &[pool], "");
        std::thread::scope(|scope| {
            let checking = scope.spawn(|| check(&desk, &row));
            federation.wait_for_a_call(&partner);
            own.server.signal(signal);
            checking.join().unwrap();
        });
    }
}

#[test]
fn a_message_that_arrives_and_cannot_be_answered_is_a_broken_return_path() {
    let Some(federation) = Federation::get() else { return };
    let pools =
        [Pool::at(ONE_WAY, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    let rows = [Row::new(&pools[0].identity, "kenmyer@contoso.test", "RETURN-PATH", "Unknown")];
    check(&Desk::set_up(federation, "one-way", &pools, ""), &rows);
}

#[test]
fn a_server_that_is_frozen_is_silent_and_a_killed_one_refuses() {
    let Some(federation) = Federation::get() else { return };
    let partner = federation.another_prosody("frozen.test");
    let own = federation.another_prosody("stuck.test");
    let killed = federation.another_prosody("killed.test");
    partner.server.signal(Signal::SIGSTOP);
    own.server.signal(Signal::SIGSTOP);
    let pools = [
        Pool::at(LITWARE, federation.prosody.address),
        Pool::at(CONTOSO, federation.ejabberd.address),
        Pool::at("stuck.test", own.address),
        Pool::at("killed.test", killed.address),
    ];
    drop(killed);
    let rows = [
        Row::new(PROSODY_POOL, "adelany@frozen.test", "FEDERATION-SILENT", "Partner"),
        Row::new(EJABBERD_POOL, "adelany@frozen.test", "FEDERATION-SILENT", "Partner"),
        Row::new("pool.stuck.test", "adelany@contoso.test", "TLS-TIMEOUT", "Pool"),
        Row::new("pool.killed.test", "adelany@contoso.test", "CONNECT-REFUSED", "Pool"),
    ];
    check(&Desk::set_up(federation, "signals", &pools, ""), &rows);
}

fn desk(federation: &Federation, name: &str) -> Desk {
    let pools =
        [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    Desk::set_up(federation, name, &pools, "")
}
