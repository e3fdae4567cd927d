//! Resolve against a name server of our own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use imsh::internals::lab::dns::{LabNameServer, Zone};
use imsh::internals::topology::{Security, Server};
use imsh::internals::xmpp::network::Network;
use imsh::internals::xmpp::resolve::{self, Endpoint, Fault, PoolQuery, TlsStart};
use imsh::internals::xmpp::trace::Trace;

const POOL: &str = "atl-cs-001.litwareinc.com";
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn place<'a>(servers: &'a [Server], security: Security) -> PoolQuery<'a> {
    PoolQuery { pool: POOL, servers, registrar_port: None, security, domain: "litwareinc.com" }
}

async fn resolve(place: &PoolQuery<'_>, zone: Zone) -> (Result<Vec<Endpoint>, Fault>, Trace) {
    let server = LabNameServer::start(zone).await.unwrap();
    let network = Network::with_name_servers(&[server.address()]);
    let mut trace = Trace::new();
    let endpoints = resolve::pool(place, &network, &mut trace).await;
    (endpoints, trace)
}

async fn found(place: &PoolQuery<'_>, zone: Zone) -> Vec<String> {
    let (endpoints, trace) = resolve(place, zone).await;
    let endpoints = endpoints.unwrap_or_else(|fault| panic!("{fault}; {trace:?}"));
    endpoints.iter().map(|endpoint| endpoint.target.to_string()).collect()
}

async fn fault(zone: Zone) -> String {
    let (endpoints, trace) = resolve(&place(&[], Security::Auto), zone).await;
    let Err(fault) = endpoints else { panic!("{trace:?}") };
    fault.to_string()
}

#[tokio::test]
async fn both_kinds_of_records_are_mixed_by_priority() {
    let zone = Zone::new()
        .srv("_xmpp-client._tcp.atl-cs-001.litwareinc.com", 10, 5, 5222, "a.litwareinc.com")
        .unwrap()
        .srv("_xmpps-client._tcp.atl-cs-001.litwareinc.com", 5, 0, 5223, "a.litwareinc.com")
        .unwrap()
        .srv("_xmpps-client._tcp.atl-cs-001.litwareinc.com", 20, 0, 443, "B.litwareinc.com")
        .unwrap()
        .address("a.litwareinc.com", HERE)
        .address("b.litwareinc.com", HERE);
    assert_eq!(
        found(&place(&[], Security::Auto), zone.clone()).await,
        [
            "a.litwareinc.com:5223 (direct TLS, priority 5, weight 0)",
            "a.litwareinc.com:5222 (STARTTLS, priority 10, weight 5)",
            "b.litwareinc.com:443 (direct TLS, priority 20, weight 0)",
        ]
    );
    assert_eq!(
        found(&place(&[], Security::StartTls), zone).await,
        ["a.litwareinc.com:5222 (STARTTLS, priority 10, weight 5)"]
    );
}

#[tokio::test]
async fn a_name_without_records_is_taken_itself() {
    let zone = Zone::new().address(POOL, HERE).address(POOL, Ipv6Addr::LOCALHOST);
    let (endpoints, _) = resolve(&place(&[], Security::Auto), zone.clone()).await;
    let endpoints = endpoints.unwrap();
    assert_eq!(endpoints[0].target.to_string(), "atl-cs-001.litwareinc.com:5222 (STARTTLS)");
    assert_eq!(endpoints[0].addresses, [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(HERE)]);
    assert_eq!(
        found(&place(&[], Security::Direct), zone.clone()).await,
        ["atl-cs-001.litwareinc.com:5223 (direct TLS)"]
    );
    let on_port = PoolQuery { registrar_port: Some(5061), ..place(&[], Security::Auto) };
    assert_eq!(found(&on_port, zone).await, ["atl-cs-001.litwareinc.com:5061 (STARTTLS)"]);
}

#[tokio::test]
async fn listed_servers_need_no_dns_and_keep_their_order() {
    let servers = ["127.0.0.1", "127.0.0.1:5223", "[::1]:5999", "::1", "im.litwareinc.com:15222"]
        .map(|server| server.parse().unwrap());
    let zone = Zone::new().address("im.litwareinc.com", HERE);
    assert_eq!(
        found(&place(&servers, Security::Auto), zone).await,
        [
            "127.0.0.1:5222 (STARTTLS)",
            "127.0.0.1:5223 (direct TLS)",
            "[::1]:5999 (STARTTLS)",
            "[::1]:5222 (STARTTLS)",
            "im.litwareinc.com:15222 (STARTTLS)",
        ]
    );
    for wrong in
        ["host:", "host:0", "host:70000", "[127.0.0.1]:5222", "[::1", "a b", "", "user@host", "xmpp://host"]
    {
        assert!(wrong.parse::<Server>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn the_ways_of_failing_are_told_apart() {
    const SRV: &str = "_xmpp-client._tcp.atl-cs-001.litwareinc.com";
    const DIRECT: &str = "_xmpps-client._tcp.atl-cs-001.litwareinc.com";
    assert_eq!(fault(Zone::new()).await, "A/AAAA atl-cs-001.litwareinc.com: no such name");
    assert_eq!(fault(Zone::new().empty(POOL)).await, "A/AAAA atl-cs-001.litwareinc.com: no records");
    assert_eq!(
        fault(Zone::new().server_failure(SRV).server_failure(DIRECT).server_failure(POOL)).await,
        "SRV _xmpp-client._tcp.atl-cs-001.litwareinc.com: SERVFAIL"
    );
    assert_eq!(fault(Zone::new().refused(POOL)).await, "A/AAAA atl-cs-001.litwareinc.com: REFUSED");
    assert_eq!(
        fault(Zone::new().srv(SRV, 0, 0, 0, ".").unwrap().address(POOL, HERE)).await,
        "SRV _xmpp-client._tcp.atl-cs-001.litwareinc.com says that the service is not offered"
    );
    assert_eq!(
        fault(Zone::new().srv(SRV, 0, 0, 5222, "gone.litwareinc.com").unwrap()).await,
        "SRV _xmpp-client._tcp.atl-cs-001.litwareinc.com leads to gone.litwareinc.com, \
         and A/AAAA gone.litwareinc.com: no such name"
    );
    let zone = Zone::new().srv(SRV, 0, 0, 5222, POOL).unwrap().address(POOL, HERE);
    let (endpoints, _) = resolve(&place(&[], Security::Direct), zone).await;
    assert!(
        matches!(endpoints, Err(Fault::SecurityNotOffered { wanted: TlsStart::Direct, .. })),
        "{endpoints:?}"
    );
}

#[tokio::test]
async fn silence_is_reported_within_the_deadline() {
    let zone = Zone::new()
        .silence("_xmpp-client._tcp.atl-cs-001.litwareinc.com")
        .silence("_xmpps-client._tcp.atl-cs-001.litwareinc.com");
    let (endpoints, trace) = resolve(&place(&[], Security::Auto), zone).await;
    let Err(Fault::Timeout { query, after }) = endpoints else { panic!("{endpoints:?}") };
    assert_eq!(query.to_string(), "SRV _xmpp-client._tcp.atl-cs-001.litwareinc.com");
    assert!(after < Duration::from_secs(5) && trace.elapsed() < Duration::from_secs(5), "{after:?}");
}

#[tokio::test]
async fn a_silent_target_of_lower_preference_is_not_waited_for() {
    let zone = Zone::new()
        .srv("_xmpp-client._tcp.atl-cs-001.litwareinc.com", 1, 0, 5222, POOL)
        .unwrap()
        .srv("_xmpp-client._tcp.atl-cs-001.litwareinc.com", 2, 0, 5222, "spare.litwareinc.com")
        .unwrap()
        .address(POOL, HERE)
        .silence("spare.litwareinc.com");
    let (endpoints, trace) = resolve(&place(&[], Security::Auto), zone).await;
    assert_eq!(endpoints.unwrap().len(), 1);
    assert!(trace.elapsed() < Duration::from_secs(1), "{trace:?}");
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let mut zone = Zone::new().address(POOL, HERE);
    for port in 1..=500 {
        zone = zone.srv("_xmpp-client._tcp.atl-cs-001.litwareinc.com", 0, 1, port, POOL).unwrap();
    }
    assert_eq!(found(&place(&[], Security::Auto), zone).await.len(), 16);
}

#[tokio::test]
async fn a_crowd_is_answered_too() {
    let zone = Zone::new()
        .srv("_xmpp-client._tcp.atl-cs-001.litwareinc.com", 0, 0, 5222, "im.litwareinc.com")
        .unwrap()
        .address("im.litwareinc.com", HERE);
    let server = LabNameServer::start(zone).await.unwrap();
    let network = Network::with_name_servers(&[server.address()]);
    let crowd = (0..500).map(|_| {
        let network = network.clone();
        tokio::spawn(async move {
            resolve::pool(&place(&[], Security::Auto), &network, &mut Trace::new())
                .await
                .map(|found| found.len())
        })
    });
    for member in crowd.collect::<Vec<_>>() {
        assert_eq!(member.await.unwrap(), Ok(1));
    }
}

#[tokio::test]
async fn names_are_asked_for_as_a_labels() {
    let zone = Zone::new().address("xn--bcher-kva.example", HERE);
    let bookshop = PoolQuery { pool: "Bücher.example.", ..place(&[], Security::Auto) };
    assert_eq!(found(&bookshop, zone).await, ["xn--bcher-kva.example:5222 (STARTTLS)"]);
    let too_long = format!("{}.example", "x".repeat(64));
    for wrong in ["", "a b", "..", "a..b", too_long.as_str()] {
        let nowhere = PoolQuery { pool: wrong, ..place(&[], Security::Auto) };
        let (endpoints, _) = resolve(&nowhere, Zone::new()).await;
        assert_eq!(endpoints, Err(Fault::BadName { name: wrong.to_owned() }));
    }
}

#[tokio::test]
async fn a_name_server_that_is_not_there_is_no_answer() {
    let server = LabNameServer::start(Zone::new()).await.unwrap();
    let gone = server.address();
    drop(server);
    let network = Network::with_name_servers(&[gone]);
    let result = resolve::pool(&place(&[], Security::Auto), &network, &mut Trace::new()).await;
    assert!(matches!(result, Err(Fault::NotAsked { .. } | Fault::Timeout { .. })), "{result:?}");
}

#[tokio::test]
async fn a_partner_is_looked_for_by_its_server_records() {
    let zone = Zone::new()
        .srv("_xmpp-server._tcp.contoso.com", 0, 0, 15269, "im.contoso.com")
        .unwrap()
        .address("im.contoso.com", HERE)
        .address("fabrikam.com", HERE);
    let server = LabNameServer::start(zone).await.unwrap();
    let network = Network::with_name_servers(&[server.address()]);
    let contoso = resolve::partner("contoso.com", None, &network, &mut Trace::new()).await.unwrap();
    assert_eq!(contoso[0].target.to_string(), "im.contoso.com:15269 (STARTTLS, priority 0, weight 0)");
    let fabrikam = resolve::partner("fabrikam.com", None, &network, &mut Trace::new()).await.unwrap();
    assert_eq!(fabrikam[0].target.to_string(), "fabrikam.com:5269 (STARTTLS)");
}

#[tokio::test]
async fn records_behind_an_alias_are_found() {
    let zone = Zone::new()
        .alias("_xmpp-client._tcp.atl-cs-001.litwareinc.com", "_xmpp-client._tcp.hoster.example")
        .unwrap()
        .alias("_xmpp-client._tcp.hoster.example", "clients.hoster.example")
        .unwrap()
        .srv("clients.hoster.example", 1, 0, 5222, "a.hoster.example")
        .unwrap()
        .alias("a.hoster.example", "b.hoster.example")
        .unwrap()
        .address("b.hoster.example", HERE);
    assert_eq!(
        found(&place(&[], Security::Auto), zone).await,
        ["a.hoster.example:5222 (STARTTLS, priority 1, weight 0)"]
    );
}

#[tokio::test]
async fn aliases_in_a_circle_come_to_an_end() {
    let zone = Zone::new()
        .alias("_xmpp-client._tcp.atl-cs-001.litwareinc.com", "x.litwareinc.com")
        .unwrap()
        .alias("x.litwareinc.com", "y.litwareinc.com")
        .unwrap()
        .alias("y.litwareinc.com", "x.litwareinc.com")
        .unwrap();
    fault(zone).await;
}

#[tokio::test]
async fn that_direct_tls_is_not_offered_says_nothing_about_starttls() {
    let zone = Zone::new()
        .srv("_xmpps-client._tcp.atl-cs-001.litwareinc.com", 0, 0, 0, ".")
        .unwrap()
        .address(POOL, HERE);
    assert_eq!(
        found(&place(&[], Security::Auto), zone.clone()).await,
        ["atl-cs-001.litwareinc.com:5222 (STARTTLS)"]
    );
    let (endpoints, _) = resolve(&place(&[], Security::Direct), zone).await;
    assert!(matches!(endpoints, Err(Fault::NotOffered { .. })), "{endpoints:?}");
}
