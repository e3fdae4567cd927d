//! Faults on the way to a pool, up to the bound resource: what each server really does, and what imsh calls
//! it. The same fault has the same code on both servers.

use crate::desk::{Desk, Pool};
use crate::federation::authority::Flaw;
use crate::federation::peers::Manner;
use crate::federation::{CONTOSO, Federation, LITWARE, PASSWORD};
use crate::verdict::{Row, check};

/// A certificate's flaw, and its code.
const CERTIFICATES: [(Flaw, &str); 6] = [
    (Flaw::Expired, "TLS-EXPIRED"),
    (Flaw::NotYetValid, "TLS-NOT-YET-VALID"),
    (Flaw::WrongName, "TLS-NAME"),
    (Flaw::SelfSigned, "TLS-SELF-SIGNED"),
    (Flaw::UnknownAuthority, "TLS-UNTRUSTED"),
    (Flaw::MissingIntermediate, "TLS-INCOMPLETE-CHAIN"),
];

/// What a peer does at a pool's port, and its code.
const PEERS: [(Manner, &str, &str); 10] = [
    (Manner::Refuses, "CONNECT-REFUSED", "Pool"),
    (Manner::DropsPackets, "CONNECT-TIMEOUT", "Network"),
    (Manner::Silent, "TLS-TIMEOUT", "Pool"),
    (Manner::ClosesAtOnce, "STREAM-CLOSED", "Pool"),
    (Manner::ClosesAfterHeader, "STREAM-CLOSED", "Pool"),
    (Manner::Garbage, "STREAM-NOT-XMPP", "Pool"),
    (Manner::NoStartTls, "TLS-NOT-OFFERED", "Pool"),
    (Manner::SilentAfterProceed, "TLS-TIMEOUT", "Pool"),
    (Manner::SilentAfterTls, "TLS-TIMEOUT", "Pool"),
    (Manner::ClosesMidStream, "STREAM-CLOSED", "Pool"),
];

#[test]
fn a_certificate_that_is_wrong_is_named_and_no_password_is_sent() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (domain, server) in both(federation) {
        for (flaw, code) in CERTIFICATES {
            let pool = Pool::at(&format!("{}.{domain}", flaw.label()), server);
            rows.push(Row::new(&pool.identity, NOBODY, code, "Pool"));
            pools.push(pool);
        }
    }
    check(&Desk::set_up(federation, "certificates", &pools, ""), &rows);
}

#[test]
fn a_logon_that_is_refused_is_named() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (domain, server) in both(federation) {
        let pool = Pool::at(domain, server).lending("pilar", "not-her-password").lending("ghost", PASSWORD);
        let sender = |user: &str| format!("user_sip_address: \"sip:{user}@{domain}\"");
        rows.push(Row::new(&pool.identity, NOBODY, "SASL-REJECTED", "Caller").with(&sender("pilar")));
        rows.push(Row::new(&pool.identity, NOBODY, "SASL-NO-SUCH-ACCOUNT", "Caller").with(&sender("ghost")));
        pools.push(pool);

        let stray = Pool::at("tailspin.test", server).called(format!("stray.{domain}"));
        rows.push(Row::new(&stray.identity, NOBODY, "STREAM-HOST-UNKNOWN", "Pool"));
        pools.push(stray);
    }
    check(&Desk::set_up(federation, "refusals", &pools, ""), &rows);
}

#[test]
fn what_was_given_by_hand_and_fails_is_the_callers() {
    let Some(federation) = Federation::get() else { return };
    let mut rows = Vec::new();
    let pools = [LITWARE, CONTOSO]
        .map(|domain| Pool::named(&format!("pool.{domain}"), domain).lending("kenmyer", PASSWORD));
    for pool in &pools {
        let with = |more: &str, code| Row::new(&pool.identity, NOBODY, code, "Caller").with(more);
        rows.push(with("registrar_port: 5999", "CONNECT-REFUSED"));
        rows.push(with("authentication: \"SCRAM-SHA-512\"", "SASL-NOT-OFFERED"));
        rows.push(with("authentication: \"PLAIN\"", "SASL-PLAIN-ONLY"));
    }
    check(&Desk::set_up(federation, "given", &pools, ""), &rows);
}

#[test]
fn a_port_of_the_wrong_kind_is_named() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (domain, server) in both(federation) {
        // ejabberd of Debian 13 says with an alert that it waits for TLS; the others hang up.
        let (code, owner) = match (domain, federation.release.debian()) {
            (CONTOSO, 13..) => ("TLS-PORT-KIND", "Caller"),
            _ => ("STREAM-CLOSED", "Pool"),
        };
        let ports = [
            ("direct", 5222, "TLS-PORT-KIND", "Caller"),
            ("starttls", 5223, code, owner),
            ("starttls", 5269, "STREAM-WRONG-PORT", "Pool"),
            ("starttls", 5999, "CONNECT-REFUSED", "Pool"),
        ];
        for (security, port, code, owner) in ports {
            let pool = Pool::at_port(domain, server, port)
                .called(format!("{security}-{port}.{domain}"))
                .with(&format!("security = \"{security}\""));
            rows.push(Row::new(&pool.identity, NOBODY, code, owner));
            pools.push(pool);
        }
    }
    check(&Desk::set_up(federation, "ports", &pools, ""), &rows);
}

#[test]
fn a_pool_that_misbehaves_is_named_within_the_deadline() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (manner, code, owner) in PEERS {
        let domain = format!("{}.pools.test", manner.label());
        let pool = Pool::at(&domain, federation.peer(&domain, manner).address);
        rows.push(Row::new(&pool.identity, NOBODY, code, owner));
        pools.push(pool);
    }
    check(&Desk::set_up(federation, "peers", &pools, ""), &rows);
}

#[test]
fn a_pool_that_dns_does_not_lead_to_is_named() {
    let Some(federation) = Federation::get() else { return };
    let names = &federation.names;
    names.fail("servfail.pools.test");
    names.service("_xmpp-client._tcp.notoffered.pools.test", ".", 0);
    names.service("_xmpp-client._tcp.dangling.pools.test", "xmpp.dangling.pools.test", 5222);
    names.service("_other._tcp.empty.pools.test", "xmpp.litware.test", 1);
    let faults = [
        ("nosuch.pools.test", "DNS-NO-SUCH-NAME", "Pool"),
        ("empty.pools.test", "DNS-NO-RECORDS", "Pool"),
        ("servfail.pools.test", "DNS-SERVER-FAILURE", "Network"),
        ("notoffered.pools.test", "DNS-NOT-OFFERED", "Pool"),
        ("dangling.pools.test", "DNS-TARGET-WITHOUT-ADDRESS", "Pool"),
    ];
    let pools = faults.map(|(identity, _, _)| Pool::named(identity, identity).lending("kenmyer", PASSWORD));
    let rows = faults.map(|(identity, code, owner)| Row::new(identity, NOBODY, code, owner));
    check(&Desk::set_up(federation, "names", &pools, ""), &rows);
}

/// Both servers with the domain that they serve.
fn both(federation: &Federation) -> [(&'static str, std::net::IpAddr); 2] {
    [(LITWARE, federation.prosody.address), (CONTOSO, federation.ejabberd.address)]
}

/// A receiver whom no test of this file gets as far as.
const NOBODY: &str = "nobody@tailspin.test";
