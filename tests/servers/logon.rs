//! Faults on the way to a pool, up to the bound resource: what each server really does, and what imsh calls
//! it (`faults.table`).

use std::fs::Permissions;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::desk::{Desk, Pool};
use crate::faults::By;
use crate::federation::authority::Flaw;
use crate::federation::ejabberd::Limits;
use crate::federation::peers::Manner;
use crate::federation::prosody::Settings;
use crate::federation::{BARRED, CONTOSO, DIRECTORY, Federation, LITWARE, PASSWORD};
use crate::verdict::{Row, check};

/// A certificate's flaw, and the fault that it shows.
const CERTIFICATES: [(Flaw, &str); 8] = [
    (Flaw::Expired, "the certificate has expired"),
    (Flaw::NotYetValid, "the certificate is not valid yet"),
    (Flaw::WrongName, "the certificate is for another name"),
    (Flaw::SelfSigned, "the server signed its certificate itself"),
    (Flaw::UnknownAuthority, "nobody knows the issuer of the certificate"),
    (Flaw::MissingIntermediate, "the server leaves a certificate out of its chain"),
    (Flaw::ClientsOnly, "the certificate is for clients only"),
    (Flaw::IssuersOnly, "the certificate is for issuing others only"),
];

/// What a peer does at a pool's port, and the fault that it shows.
const PEERS: [(Manner, &str); 11] = [
    (Manner::Refuses, "nobody listens at the pool's port"),
    (Manner::DropsPackets, "packets to the pool are dropped"),
    (Manner::Silent, "the pool accepts and says nothing"),
    (Manner::ClosesAtOnce, "the pool closes at once"),
    (Manner::ClosesAfterHeader, "the pool closes behind its stream header"),
    (Manner::Garbage, "the pool's port is a web server's"),
    (Manner::NoStartTls, "the pool offers no STARTTLS"),
    (Manner::SilentAfterProceed, "the pool falls silent behind <proceed/>"),
    (Manner::SilentAfterTls, "the pool falls silent behind TLS"),
    (Manner::SilentInAuthentication, "the server falls silent in the authentication"),
    (Manner::ClosesMidStream, "the server closes in the authentication"),
];

#[test]
fn a_certificate_that_is_wrong_is_named_and_no_password_is_sent() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (by, domain, server) in both(federation) {
        for (flaw, fault) in CERTIFICATES {
            let pool = Pool::at(&format!("{}.{domain}", flaw.label()), server);
            rows.push(Row::new(by, &pool.identity, NOBODY, fault));
            pools.push(pool);
        }
    }
    check(federation, &Desk::set_up(federation, "certificates", &pools, ""), &rows);
}

#[test]
fn an_outdated_certificate_is_told_in_words() {
    let Some(federation) = Federation::get() else { return };
    let faults = [
        (Flaw::Sha1, "the certificate is signed with SHA-1"),
        (Flaw::ShortKey, "the certificate has a key that is too short"),
    ];
    let mut servers = Vec::new();
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (flaw, fault) in faults {
        let settings = Settings { outdated: Some(flaw), ..Settings::default() };
        let server = federation.prosody_with(&format!("{}.pools.test", flaw.label()), &settings);
        let pool = Pool::at(&server.domain, server.address);
        rows.push(Row::new(By::Prosody, &pool.identity, NOBODY, fault));
        servers.push(server);
        pools.push(pool);
    }
    check(federation, &Desk::set_up(federation, "outdated", &pools, ""), &rows);
}

#[test]
fn a_logon_that_is_refused_is_named() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (by, domain, server) in both(federation) {
        let pool = Pool::at(domain, server)
            .lending("pilar", "not-her-password")
            .lending("ghost", PASSWORD)
            .lending(BARRED, PASSWORD)
            .with("allow_plain = true");
        let row = |user: &str, how: &str, fault| {
            let parameters = format!("user_sip_address: \"sip:{user}@{domain}\"{how}");
            Row::new(by, &pool.identity, NOBODY, fault).with(&parameters)
        };
        let plain = ", authentication: \"PLAIN\"";
        rows.push(row("pilar", "", "the password is wrong"));
        rows.push(row("pilar", plain, "the password is wrong, and sent as it is"));
        rows.push(row("ghost", "", "there is no such account"));
        rows.push(row("ghost", plain, "there is no such account, and the password is sent as it is"));
        if by == By::Ejabberd {
            rows.push(row(BARRED, "", "the account is barred"));
        }
        pools.push(pool);

        let stray = Pool::at("tailspin.test", server).called(format!("stray.{domain}"));
        rows.push(Row::new(by, &stray.identity, NOBODY, "the server does not serve the sender's domain"));
        pools.push(stray);
    }
    let directory = Pool::at(DIRECTORY, federation.ejabberd.address).with("allow_plain = true");
    rows.push(Row::new(By::Ejabberd, &directory.identity, NOBODY, "the server cannot reach its directory"));
    pools.push(directory);
    check(federation, &Desk::set_up(federation, "refusals", &pools, ""), &rows);
}

#[test]
fn what_was_given_by_hand_and_fails_is_the_callers() {
    let Some(federation) = Federation::get() else { return };
    let password = federation.folder("given").join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::set_permissions(&password, Permissions::from_mode(0o600)).unwrap();
    let password = password.display().to_string();
    let mut rows = Vec::new();
    let servers = both(federation);
    let pools = servers
        .map(|(_, domain, _)| Pool::named(&format!("pool.{domain}"), domain).lending("kenmyer", PASSWORD));
    for ((by, ..), pool) in servers.iter().zip(&pools) {
        let with = |more: &str, fault| Row::new(*by, &pool.identity, NOBODY, fault).with(more);
        rows.push(with("registrar_port: 5999", "nobody listens at the port that was given"));
        rows.push(with(
            &format!(
                "user_sip_address: \"kenmyer@tailspin.test\", user_credential: get_credential(#{{ \
                 user_name: \"kenmyer\", from_file: {password:?} }})"
            ),
            "a sender is given whose domain the pool does not serve",
        ));
        rows.push(with(
            "authentication: \"SCRAM-SHA-512\"",
            "a mechanism is asked for that the server does not offer",
        ));
        rows.push(with(
            "authentication: \"PLAIN\"",
            "the password itself is asked for, and the pool's settings do not allow it",
        ));
    }
    check(federation, &Desk::set_up(federation, "given", &pools, ""), &rows);
}

#[test]
fn a_port_of_the_wrong_kind_is_named() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (by, domain, server) in both(federation) {
        let ports = [
            ("direct", 5222, "a STARTTLS port is taken for one of direct TLS"),
            ("starttls", 5223, "a port of direct TLS is taken for one of STARTTLS"),
            ("starttls", 5269, "the port is the one for servers"),
            ("starttls", 5999, "nobody listens at the pool's port"),
        ];
        for (security, port, fault) in ports {
            let pool = Pool::at_port(domain, server, port)
                .called(format!("{security}-{port}.{domain}"))
                .with(&format!("security = \"{security}\""));
            rows.push(Row::new(by, &pool.identity, NOBODY, fault));
            pools.push(pool);
        }
    }
    check(federation, &Desk::set_up(federation, "ports", &pools, ""), &rows);
}

#[test]
fn a_server_that_offers_too_little_is_named_and_no_password_is_sent() {
    let Some(federation) = Federation::get() else { return };
    let without_tls = |more: &str| Settings {
        host: format!("    modules_disabled = {{ \"tls\" }}\n{more}"),
        ..Settings::default()
    };
    let no_saslauth =
        Settings { host: "    modules_disabled = { \"saslauth\" }\n".into(), ..Settings::default() };
    let no_logon = federation.prosody_with("no-logon.pools.test", &no_saslauth);
    let silent = federation.prosody_with("nothing-to-offer.pools.test", &without_tls(""));
    let open =
        federation.prosody_with("open.pools.test", &without_tls("    c2s_require_encryption = false\n"));
    let pools = [
        Pool::at(&silent.domain, silent.address),
        Pool::at(&open.domain, open.address),
        Pool::at(&no_logon.domain, no_logon.address),
        Pool::at_port(CONTOSO, federation.ejabberd.address, 5224).called("open.contoso.test".to_owned()),
    ];
    let nothing = "the server has nothing to offer without TLS";
    let no_starttls = "the pool offers no STARTTLS";
    let rows = [
        Row::new(By::Prosody, &pools[0].identity, NOBODY, nothing),
        Row::new(By::Prosody, &pools[1].identity, NOBODY, no_starttls),
        Row::new(By::Prosody, &pools[2].identity, NOBODY, "the server has no way to log on to offer"),
        Row::new(By::Ejabberd, &pools[3].identity, NOBODY, no_starttls),
    ];
    check(federation, &Desk::set_up(federation, "unencrypted", &pools, ""), &rows);
}

#[test]
fn a_pool_that_misbehaves_is_named_within_the_deadline() {
    let Some(federation) = Federation::get() else { return };
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (manner, fault) in PEERS {
        let domain = format!("{}.pools.test", manner.label());
        let pool = Pool::at(&domain, federation.peer(&domain, manner).address);
        rows.push(Row::new(By::Peer, &pool.identity, NOBODY, fault));
        pools.push(pool);
    }
    check(federation, &Desk::set_up(federation, "peers", &pools, ""), &rows);
}

#[test]
fn a_pool_that_dns_does_not_lead_to_is_named() {
    let Some(federation) = Federation::get() else { return };
    let names = &federation.names;
    names.fail("servfail.pools.test");
    names.ignore("ignored.pools.test");
    names.service("_xmpp-client._tcp.notoffered.pools.test", ".", 0);
    names.service("_xmpp-client._tcp.dangling.pools.test", "xmpp.dangling.pools.test", 5222);
    names.service("_other._tcp.empty.pools.test", "xmpp.litware.test", 1);
    let faults = [
        ("nosuch.pools.test", "the pool is not in DNS"),
        ("empty.pools.test", "the pool's name has no records"),
        ("servfail.pools.test", "DNS fails for the pool"),
        ("ignored.pools.test", "no name server answers for the pool"),
        ("notoffered.pools.test", "the pool's SRV record is `.`"),
        ("dangling.pools.test", "the pool's SRV record leads to a host without an address"),
    ];
    let pools = faults.map(|(identity, _)| Pool::named(identity, identity).lending("kenmyer", PASSWORD));
    let rows = faults.map(|(identity, fault)| Row::new(By::Peer, identity, NOBODY, fault));
    check(federation, &Desk::set_up(federation, "names", &pools, ""), &rows);
}

#[test]
fn a_pool_that_is_frozen_or_killed_is_named() {
    let Some(federation) = Federation::get() else { return };
    let servers = [
        (By::Prosody, federation.another_prosody("stuck-p.test").into_server()),
        (By::Ejabberd, federation.another_ejabberd("stuck-e.test", Limits::Off).into_server()),
    ];
    let pools = servers.each_ref().map(|(_, (address, domain, server))| {
        server.signal(Signal::SIGSTOP);
        Pool::at(domain, *address)
    });
    let rows_of = |fault| {
        servers.each_ref().map(|(by, (_, domain, _))| Row::new(*by, &format!("pool.{domain}"), NOBODY, fault))
    };
    let desk = Desk::set_up(federation, "stuck", &pools, "");
    check(federation, &desk, &rows_of("the pool's server is frozen"));
    let killed = rows_of("the pool's server was killed");
    for (_, (address, _, server)) in servers {
        drop(server);
        crate::federation::ready::refuses(address).unwrap();
    }
    check(federation, &desk, &killed);
}

#[test]
fn a_pool_that_goes_away_while_the_partner_is_waited_for_is_named() {
    let Some(federation) = Federation::get() else { return };
    let ways = [
        (Signal::SIGTERM, "the pool's server shuts down meanwhile"),
        (Signal::SIGKILL, "the pool's server is killed meanwhile"),
        (Signal::SIGSTOP, "the pool's server freezes meanwhile"),
    ];
    std::thread::scope(|scope| {
        for (signal, fault) in ways {
            for by in [By::Prosody, By::Ejabberd] {
                scope.spawn(move || go_away(federation, by, signal, fault));
            }
        }
    });
}

/// A server that closes while something of ours is on its way resets the connection, and its last words are lost:
/// one that says something last may do so three times.
fn go_away(federation: &Federation, by: By, signal: Signal, fault: &'static str) {
    let most = if signal == Signal::SIGTERM { 3 } else { 1 };
    for nth in 1..=most {
        match go_away_once(federation, by, signal, fault, nth) {
            Ok(()) => return,
            Err(panic) if nth == most => std::panic::resume_unwind(panic),
            Err(_) => {}
        }
    }
}

fn go_away_once(
    federation: &Federation,
    by: By,
    signal: Signal,
    fault: &'static str,
    nth: usize,
) -> std::thread::Result<()> {
    let domain = format!("{}-{}-{nth}.test", signal.as_str().to_ascii_lowercase(), by as usize);
    let (address, _, server) = match by {
        By::Ejabberd => federation.another_ejabberd(&domain, Limits::Off).into_server(),
        By::Prosody | By::Peer => federation.another_prosody(&domain).into_server(),
    };
    let partner = federation.peer(&format!("partner-of-{domain}"), Manner::Silent);
    let pool = Pool::at(&domain, address);
    let rows =
        [Row::new(by, &pool.identity, &format!("adelany@partner-of-{domain}"), fault).spoken_after(30)];
    let desk = Desk::set_up(federation, &domain, &[pool], "");
    std::thread::scope(|scope| {
        let checking = scope.spawn(|| check(federation, &desk, &rows));
        federation.wait_for_a_call(&partner);
        // By now everything has been said.
        std::thread::sleep(Duration::from_secs(1));
        server.signal(signal);
        checking.join()
    })
}

/// Both servers with the domain that they serve.
fn both(federation: &Federation) -> [(By, &'static str, IpAddr); 2] {
    [(By::Prosody, LITWARE, federation.prosody.address), (By::Ejabberd, CONTOSO, federation.ejabberd.address)]
}

/// A receiver whom no test of this file gets as far as.
const NOBODY: &str = "nobody@tailspin.test";
