//! Faults between the pool and the receiver: what each server really says, and what imsh calls it
//! (`faults.table`).

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::desk::{Desk, IMPATIENT, Pool};
use crate::faults::By;
use crate::federation::authority::Flaw;
use crate::federation::peers::Manner;
use crate::federation::prosody::Settings;
use crate::federation::resident::Answer;
use crate::federation::{
    BLOCKER, CAPTCHA, CONTOSO, FORBIDDEN, Federation, ISLAND, ISLAND_OF_CONTOSO, LITWARE, ONE_WAY, PASSWORD,
    STRANGERS,
};
use crate::verdict::{Row, check};

/// The pool of each server.
const POOLS: [(By, &str); 2] = [(By::Prosody, "pool.litware.test"), (By::Ejabberd, "pool.contoso.test")];

/// What a peer does at the port for servers, and the fault that it shows. The last column is when a Prosody
/// speaks that waits 12 s for a stream, 9 s for TLS and 5 s for a connection.
const PEERS: [(Manner, &str, u64); 12] = [
    (Manner::Refuses, "nobody listens at the partner's port", 1),
    (Manner::DropsPackets, "packets to the partner are dropped", 5),
    (Manner::Silent, "the partner accepts and says nothing", 12),
    (Manner::ClosesAtOnce, "the partner closes at once", 1),
    (Manner::ClosesAfterHeader, "the partner closes behind its stream header", 1),
    (Manner::Garbage, "the partner's port is a web server's", 1),
    (Manner::NoStartTls, "the partner offers no STARTTLS", 12),
    (Manner::SilentAfterProceed, "the partner falls silent behind <proceed/>", 9),
    (Manner::GarbageAfterProceed, "the partner answers the TLS handshake with what is no TLS", 1),
    (Manner::SilentAfterTls, "the partner falls silent behind TLS", 12),
    // Closed in the authentication, which the look from here does not try: both sides differ.
    (Manner::ClosesMidStream, "the partner closes in the authentication", 1),
    (Manner::SilentInAuthentication, "the partner falls silent in the authentication", 12),
];

#[test]
fn a_partner_that_misbehaves_has_one_code_on_both_servers_within_their_own_time() {
    let Some(federation) = Federation::get() else { return };
    let hurried = federation.prosody_with(
        "hurried.test",
        &Settings {
            global:
                "s2s_timeout = 12\nnetwork_settings = { connect_timeout = 5; ssl_handshake_timeout = 9 }\n"
                    .into(),
            ..Settings::default()
        },
    );
    let pools = [
        Pool::at(LITWARE, federation.prosody.address),
        Pool::at(CONTOSO, federation.ejabberd.address),
        Pool::at("hurried.test", hurried.address),
    ];
    let mut rows = Vec::new();
    for (manner, fault, hurried_after) in PEERS {
        let domain = format!("{}.partners.test", manner.label());
        federation.peer(&domain, manner);
        let receiver = format!("adelany@{domain}");
        // The look from here does not authenticate, and finds nothing to say before a Prosody speaks.
        let speaks_late = manner == Manner::SilentInAuthentication;
        let pools = POOLS.into_iter().filter(|(by, _)| *by == By::Ejabberd || !speaks_late);
        rows.extend(pools.map(|(by, pool)| Row::new(by, pool, &receiver, fault)));
        // Both ways to know: the pool's own word, and the look from here before the pool has spoken.
        rows.push(Row::new(By::Prosody, "pool.hurried.test", &receiver, fault).spoken_after(hurried_after));
    }
    let stopped = federation.another_prosody("stopped.test");
    let frozen = federation.another_prosody("frozen.test");
    stopped.stop();
    frozen.server.signal(Signal::SIGSTOP);
    for (by, pool) in POOLS {
        rows.push(Row::new(by, pool, "adelany@stopped.test", "the partner's server was stopped"));
        rows.push(Row::new(by, pool, "adelany@frozen.test", "the partner's server is frozen"));
    }
    check(federation, &Desk::set_up(federation, "misbehaving", &pools, ""), &rows);
}

#[test]
fn a_partner_that_dns_does_not_lead_to_has_one_code_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let names = &federation.names;
    names.fail("servfail.partners.test");
    names.refuse("refused.partners.test");
    names.ignore("ignored.partners.test");
    names.service("_xmpp-server._tcp.notoffered.partners.test", ".", 0);
    names.service("_xmpp-server._tcp.dangling.partners.test", "xmpp.dangling.partners.test", 5269);
    names.domain("stray-p.partners.test", federation.prosody.address);
    names.domain("stray-e.partners.test", federation.ejabberd.address);
    // TCP has no way to everybody at once.
    names.domain("noroute.partners.test", std::net::Ipv4Addr::BROADCAST.into());
    for (record, port) in [
        ("_xmpp-server._tcp.clientport.partners.test", 5222),
        ("_xmpp-server._tcp.directport.partners.test", 5223),
        ("_xmpps-server._tcp.starttlsport.partners.test", 5269),
    ] {
        names.address("ports.partners.test", federation.prosody.address);
        names.service(record, "ports.partners.test", port);
    }
    names.service("_xmpp-server._tcp.address.partners.test", "127.0.0.1", 5269);
    names.service("_xmpp-server._tcp.noport.partners.test", "xmpp.litware.test", 0);
    names.fail("_xmpp-server._tcp.halfway.partners.test");
    names.address("halfway.partners.test", federation.prosody.address);
    let faults = [
        ("nosuch.partners.test", "the partner is not in DNS"),
        ("servfail.partners.test", "DNS fails for the partner (SERVFAIL)"),
        ("refused.partners.test", "DNS fails for the partner (REFUSED)"),
        ("ignored.partners.test", "no name server answers for the partner"),
        ("notoffered.partners.test", "the partner's SRV record is `.`"),
        ("dangling.partners.test", "the partner's SRV record leads to a host without an address"),
        ("stray-p.partners.test", "a Prosody at the partner's port does not serve the domain"),
        ("stray-e.partners.test", "an ejabberd at the partner's port does not serve the domain"),
        ("address.partners.test", "the partner's SRV record names an address and no host"),
        ("noport.partners.test", "the partner's SRV record names no port"),
        ("halfway.partners.test", "DNS fails for the partner's SRV record, and its name is another's server"),
        ("xmpp.contoso.test", "a server's host is given in place of the partner's domain"),
        ("127.0.0.1", "an address is given in place of the partner's domain"),
        ("localhost", "localhost is given in place of the partner's domain"),
        ("noroute.partners.test", "the pool has no route to the partner"),
        ("clientport.partners.test", "the partner's record leads to its port for clients"),
        ("directport.partners.test", "the partner's record for STARTTLS leads to a port of direct TLS"),
        ("starttlsport.partners.test", "the partner's record for direct TLS leads to a port of STARTTLS"),
    ];
    let rows: Vec<Row> = faults
        .iter()
        .flat_map(|(domain, fault)| {
            POOLS.map(|(by, pool)| Row::new(by, pool, &format!("adelany@{domain}"), fault))
        })
        .collect();
    check(federation, &desk(federation, "lost"), &rows);
}

#[test]
fn a_listed_partner_that_dns_does_not_know_is_not_the_callers_typing_mistake() {
    let Some(federation) = Federation::get() else { return };
    let pools =
        [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    let partners = "[[partner]]\ndomain = \"gone.partners.test\"\n";
    let fault = "a listed partner is not in DNS";
    let rows = POOLS.map(|(by, pool)| Row::new(by, pool, "adelany@gone.partners.test", fault));
    check(federation, &Desk::set_up(federation, "listed", &pools, partners), &rows);
}

/// A certificate's flaw, and the fault that it shows.
const CERTIFICATES: [(Flaw, &str); 8] = [
    (Flaw::Expired, "the partner's certificate has expired"),
    (Flaw::NotYetValid, "the partner's certificate is not valid yet"),
    (Flaw::WrongName, "the partner's certificate is for another name"),
    (Flaw::SelfSigned, "the partner signed its certificate itself"),
    (Flaw::UnknownAuthority, "nobody knows the issuer of the partner's certificate"),
    (Flaw::MissingIntermediate, "the partner leaves a certificate out of its chain"),
    (Flaw::ClientsOnly, "the partner's certificate is for clients only"),
    (Flaw::IssuersOnly, "the partner's certificate is for issuing others only"),
];

#[test]
fn a_partner_with_a_wrong_certificate_has_one_code_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let rows: Vec<Row> = CERTIFICATES
        .iter()
        .flat_map(|(flaw, fault)| {
            // Each server's pool writes to the other server's domain with the flaw.
            POOLS.into_iter().zip([CONTOSO, LITWARE]).map(|((by, pool), partner)| {
                Row::new(by, pool, &format!("adelany@{}.{partner}", flaw.label()), fault)
            })
        })
        .collect();
    check(federation, &desk(federation, "partner-certificates"), &rows);
}

#[test]
fn a_partner_with_an_outdated_certificate_is_told_in_words() {
    let Some(federation) = Federation::get() else { return };
    let faults = [
        (Flaw::Sha1, "the partner's certificate is signed with SHA-1"),
        (Flaw::ShortKey, "the partner's certificate has a key that is too short"),
    ];
    let mut partners = Vec::new();
    let mut rows = Vec::new();
    for (flaw, fault) in faults {
        let domain = format!("{}.partners.test", flaw.label());
        let settings = Settings { outdated: Some(flaw), ..Settings::default() };
        partners.push(federation.prosody_with(&domain, &settings));
        rows.extend(POOLS.map(|(by, pool)| Row::new(by, pool, &format!("adelany@{domain}"), fault)));
    }
    check(federation, &desk(federation, "outdated-partners"), &rows);
}

#[test]
fn a_partner_that_agrees_to_too_little_is_named() {
    let Some(federation) = Federation::get() else { return };
    let old_tls = "    s2s_ssl = { protocol = \"tlsv1_1\"; ciphers = \"DEFAULT@SECLEVEL=0\" }\n";
    let nobody = "    modules_disabled = { \"saslauth\", \"dialback\" }\n";
    let no_external = "    modules_disabled = { \"saslauth\" }\n";
    let faults = [
        ("old-tls.partners.test", old_tls, "the partner's server speaks no TLS that is still allowed"),
        ("nobody.partners.test", nobody, "the partner's server authenticates nobody"),
        ("no-external.partners.test", no_external, "the partner's server authenticates by dialback only"),
    ];
    let mut partners = Vec::new();
    let mut rows = Vec::new();
    for (domain, host, fault) in faults {
        let settings = Settings { host: host.to_owned(), ..Settings::default() };
        partners.push(federation.prosody_with(domain, &settings));
        rows.extend(POOLS.map(|(by, pool)| Row::new(by, pool, &format!("adelany@{domain}"), fault)));
    }
    check(federation, &desk(federation, "too-little"), &rows);
}

/// A flaw of the certificate that a pool shows to other servers, and the fault that it shows.
const OWN_CERTIFICATES: [(Flaw, &str); 6] = [
    (Flaw::Expired, "the pool's certificate for other servers has expired"),
    (Flaw::NotYetValid, "the pool's certificate for other servers is not valid yet"),
    (Flaw::WrongName, "the pool's certificate for other servers is for another name"),
    (Flaw::SelfSigned, "the pool signed its certificate for other servers itself"),
    (Flaw::UnknownAuthority, "nobody knows the issuer of the pool's certificate for other servers"),
    (Flaw::MissingIntermediate, "the pool leaves a certificate out of its chain for other servers"),
];

#[test]
fn a_certificate_that_the_partner_refuses_is_the_pools() {
    let Some(federation) = Federation::get() else { return };
    let mut servers = Vec::new();
    let mut pools = Vec::new();
    let mut rows = Vec::new();
    for (flaw, fault) in OWN_CERTIFICATES {
        let domain = format!("{}.pools.test", flaw.label());
        // Clients see the good one, so that they can log on.
        let shown = federation.authority.issue_for_servers(&domain, flaw);
        let host = format!(
            "    s2s_ssl = {{ certificate = {:?}; key = {:?} }}\n",
            shown.certificate.display().to_string(),
            shown.key.display().to_string()
        );
        let server = federation.prosody_with(&domain, &Settings { host, ..Settings::default() });
        let pool = Pool::at(&domain, server.address);
        for partner in [CONTOSO, LITWARE] {
            rows.push(Row::new(By::Prosody, &pool.identity, &format!("garth@{partner}"), fault));
        }
        servers.push(server);
        pools.push(pool);
    }
    // ejabberd looks at what a certificate is for; Prosody does not.
    let strict = "the pool's certificate is for servers only, and the partner looks at that";
    let lenient = "the pool's certificate is for servers only, and the partner does not look at that";
    let servers_only = [
        (By::Prosody, LITWARE, federation.prosody.address),
        (By::Ejabberd, CONTOSO, federation.ejabberd.address),
    ];
    for (by, domain, server) in servers_only {
        let pool = Pool::at(&format!("{}.{domain}", Flaw::ServersOnly.label()), server);
        rows.push(Row::new(by, &pool.identity, &format!("garth@{LITWARE}"), lenient));
        if by == By::Prosody {
            rows.push(Row::new(by, &pool.identity, &format!("garth@{CONTOSO}"), strict));
        }
        pools.push(pool);
    }
    for domain in [CONTOSO, LITWARE] {
        federation.log_on("garth", domain, Answer::Nothing);
    }
    check(federation, &Desk::set_up(federation, "own-certificates", &pools, ""), &rows);
}

#[test]
fn a_partner_that_goes_away_while_the_receiver_is_waited_for_is_named() {
    let Some(federation) = Federation::get() else { return };
    let ways = [
        (Signal::SIGSTOP, "the partner's server freezes while the receiver is waited for"),
        (Signal::SIGKILL, "the partner's server is killed while the receiver is waited for"),
    ];
    std::thread::scope(|scope| {
        for (signal, fault) in ways {
            for (by, pool) in POOLS {
                scope.spawn(move || go_away(federation, by, pool, signal, fault));
            }
        }
    });
}

fn go_away(federation: &Federation, by: By, pool: &str, signal: Signal, fault: &'static str) {
    let domain = format!("{}-{}.partners.test", signal.as_str().to_ascii_lowercase(), by as usize);
    let partner = federation.another_prosody(&domain);
    let receiver = federation.log_on_at(partner.address, "garth", &domain, Answer::Nothing);
    let rows = [Row::new(by, pool, &format!("garth@{domain}"), fault)
        .with("minimum_evidence: \"Delivered\"")
        .impatient()];
    let desk = &desk_with(federation, &domain, IMPATIENT);
    std::thread::scope(|scope| {
        let checking = scope.spawn(|| check(federation, desk, &rows));
        let sender = pool.replace("pool.", "kenmyer@");
        let deadline = Instant::now() + Duration::from_secs(60);
        while receiver.heard_from(&sender).is_empty() {
            assert!(Instant::now() < deadline, "the message does not come");
            std::thread::sleep(Duration::from_millis(20));
        }
        // What came behind the message is on its way back.
        std::thread::sleep(Duration::from_secs(1));
        partner.server.signal(signal);
        checking.join().unwrap();
    });
}

#[test]
fn two_real_servers_that_do_not_agree_on_encryption_or_trust_are_told_apart() {
    let Some(federation) = Federation::get() else { return };
    let _without_tls = federation.prosody_with(
        "notls.partners.test",
        &Settings { host: "    modules_disabled = { \"tls\" }\n".into(), ..Settings::default() },
    );
    let _distrusting = federation.prosody_with(
        "distrusting.partners.test",
        &Settings { ca_file: Some(federation.authority.unknown_ca_file()), ..Settings::default() },
    );
    let _dialback_only = federation.prosody_with(
        "dialback.partners.test",
        &Settings { host: "    modules_disabled = { \"saslauth\" }\n".into(), ..Settings::default() },
    );
    let faults = [
        ("notls.partners.test", "the partner's server has nothing to offer without TLS"),
        ("distrusting.partners.test", "the partner does not trust the pool's certificate"),
    ];
    let rows: Vec<Row> = faults
        .iter()
        .flat_map(|(domain, fault)| {
            POOLS.map(|(by, pool)| Row::new(by, pool, &format!("adelany@{domain}"), fault))
        })
        .collect();
    let [(prosody, from_prosody), _] = POOLS;
    let dialback = "the partner offers dialback and nothing else";
    let by_dialback = Row::new(prosody, from_prosody, "adelany@dialback.partners.test", dialback);
    let rows: Vec<Row> = rows.into_iter().chain([by_dialback]).collect();
    check(federation, &desk(federation, "disagreeing"), &rows);
}

#[test]
fn a_receiver_that_the_partner_does_not_serve_has_one_code_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let [(prosody, from_prosody), (ejabberd, from_ejabberd)] = POOLS;
    let blocked = "the receiver blocks the sender";
    let rows = [
        Row::new(prosody, from_prosody, "nobody@contoso.test", "there is no such user"),
        Row::new(ejabberd, from_ejabberd, "nobody@litware.test", "there is no such user"),
        Row::new(prosody, from_prosody, &format!("{BLOCKER}@contoso.test"), blocked),
        Row::new(ejabberd, from_ejabberd, &format!("{BLOCKER}@litware.test"), blocked),
        Row::new(
            prosody,
            from_prosody,
            "kim@contoso.test",
            "the receiver is off line, and nothing is stored",
        ),
    ];
    check(federation, &desk(federation, "receivers"), &rows);
}

#[test]
fn a_policy_is_named_with_whose_it_is() {
    let Some(federation) = Federation::get() else { return };
    federation.log_on("adelany", STRANGERS, Answer::Nothing);
    federation.log_on("garth", CAPTCHA, Answer::Nothing);
    let mainland = federation.another_prosody("mainland.test");
    let pools = [
        Pool::at(LITWARE, federation.prosody.address).lending(BLOCKER, PASSWORD),
        Pool::at(CONTOSO, federation.ejabberd.address).lending(BLOCKER, PASSWORD),
        Pool::at(ISLAND, federation.prosody.address),
        Pool::at(ISLAND_OF_CONTOSO, federation.ejabberd.address),
        Pool::at("mainland.test", mainland.address),
    ];
    let [(prosody, from_prosody), (ejabberd, from_ejabberd)] = POOLS;
    let blocking = |domain: &str| format!("user_sip_address: \"sip:{BLOCKER}@{domain}\"");
    let island = "the pool does not federate";
    let island_there = "the partner does not federate";
    let strangers = "the receiver takes nothing from strangers";
    let captcha = "the receiver's server holds the message until its sender proves to be a person";
    let own_list = "the sender blocks the receiver";
    let rows = [
        Row::new(prosody, "pool.island.litware.test", "adelany@contoso.test", island),
        Row::new(ejabberd, "pool.island.contoso.test", "adelany@litware.test", island),
        Row::new(
            ejabberd,
            from_ejabberd,
            &format!("adelany@{FORBIDDEN}"),
            "the pool's policy forbids the partner",
        ),
        Row::new(prosody, "pool.mainland.test", &format!("adelany@{ISLAND}"), island_there),
        Row::new(ejabberd, from_ejabberd, &format!("adelany@{ISLAND}"), island_there),
        // ejabberd lets the other server authenticate, and ends the stream at the first message; Prosody
        // has handed the message over by then, and says nothing.
        Row::new(
            prosody,
            from_prosody,
            &format!("adelany@{ISLAND_OF_CONTOSO}"),
            "the partner does not federate, and says so when the message has been handed over",
        )
        .spoken_after(30),
        // The fence is overtaken: the answer to the ping comes before the refusal.
        Row::new(prosody, from_prosody, &format!("adelany@{STRANGERS}"), strangers),
        Row::new(prosody, from_prosody, &format!("kim@{STRANGERS}"), strangers),
        Row::new(prosody, from_prosody, &format!("garth@{CAPTCHA}"), captcha),
        Row::new(prosody, from_prosody, "kenmyer@contoso.test", own_list).with(&blocking(LITWARE)),
        Row::new(ejabberd, from_ejabberd, "kenmyer@litware.test", own_list).with(&blocking(CONTOSO)),
    ];
    check(federation, &Desk::set_up(federation, "policies", &pools, IMPATIENT), &rows);
}

#[test]
fn a_message_that_arrives_and_cannot_be_answered_is_a_broken_return_path() {
    let Some(federation) = Federation::get() else { return };
    let pools =
        [Pool::at(ONE_WAY, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    let fault = "the answer does not find the way back";
    let rows = [Row::new(By::Prosody, &pools[0].identity, "kenmyer@contoso.test", fault).impatient()];
    check(federation, &Desk::set_up(federation, "one-way", &pools, IMPATIENT), &rows);
}

fn desk(federation: &Federation, name: &str) -> Desk {
    desk_with(federation, name, "")
}

fn desk_with(federation: &Federation, name: &str, more: &str) -> Desk {
    let pools =
        [Pool::at(LITWARE, federation.prosody.address), Pool::at(CONTOSO, federation.ejabberd.address)];
    Desk::set_up(federation, name, &pools, more)
}
