//! The DNS records of the practice network, host by host.

use std::io;
use std::net::Ipv4Addr;

use super::Ports;
use super::behaviour::{DnsBehaviour, PortBehaviour};
use super::dns::Zone;
use super::host::{HostRole, LabHost, LabServers};

/// The zone in which all hosts are found, or not.
pub(super) fn zone(world: &LabServers, ports: &Ports) -> io::Result<Zone> {
    world.hosts().try_fold(Zone::new(), |zone, host| match host.role {
        HostRole::Pool(_) => client_records(zone, host, ports),
        HostRole::Partner(_) => server_records(zone, host, ports),
    })
}

fn client_records(zone: Zone, host: &LabHost, ports: &Ports) -> io::Result<Zone> {
    let server = host.server;
    let starttls = |name: &str| format!("_xmpp-client._tcp.{name}");
    let direct = |name: &str| format!("_xmpps-client._tcp.{name}");
    let zone = match host.behaviour.names {
        DnsBehaviour::Missing => return Ok(zone),
        DnsBehaviour::Failing => {
            return Ok([starttls(server), direct(server), server.to_owned()]
                .iter()
                .fold(zone, |zone, name| zone.server_failure(name)));
        }
        DnsBehaviour::Silent => {
            return Ok([starttls(server), direct(server), server.to_owned()]
                .iter()
                .fold(zone, |zone, name| zone.silence(name)));
        }
        DnsBehaviour::Empty => return Ok(zone.empty(server)),
        DnsBehaviour::NotOffered => return zone.srv(&starttls(server), 0, 0, 0, "."),
        DnsBehaviour::WithoutAddress => {
            return zone.empty(server).srv(
                &starttls(server),
                0,
                5,
                ports.starttls,
                &format!("gone.{server}"),
            );
        }
        DnsBehaviour::Published | DnsBehaviour::DirectFirst | DnsBehaviour::Elsewhere => {
            zone.address(server, Ipv4Addr::LOCALHOST)
        }
    };
    let zone = match (host.behaviour.port, host.behaviour.names) {
        (PortBehaviour::Open, DnsBehaviour::DirectFirst) => zone
            .srv(&direct(server), 0, 5, ports.direct, server)?
            .srv(&starttls(server), 10, 5, ports.starttls, server)?,
        (PortBehaviour::Open, _) => zone.srv(&starttls(server), 0, 5, ports.starttls, server)?,
        (PortBehaviour::Closed, _) => zone.srv(&starttls(server), 0, 5, ports.closed, server)?,
        (PortBehaviour::Dropping, _) => zone.srv(&starttls(server), 0, 5, ports.dropping, server)?,
        (PortBehaviour::Mixed, _) => zone.srv(&starttls(server), 0, 5, ports.closed, server)?.srv(
            &starttls(server),
            5,
            5,
            ports.dropping,
            server,
        )?,
        (PortBehaviour::FirstClosed, _) => zone.srv(&starttls(server), 0, 5, ports.closed, server)?.srv(
            &starttls(server),
            5,
            5,
            ports.starttls,
            server,
        )?,
        (PortBehaviour::SpeaksTls, _) => zone.srv(&starttls(server), 0, 5, ports.direct, server)?,
        (PortBehaviour::WantsStartTls, _) => zone.srv(&direct(server), 0, 5, ports.starttls, server)?,
    };
    if host.domain == server {
        return Ok(zone);
    }
    if host.behaviour.names == DnsBehaviour::Elsewhere {
        let other = format!("new-fe.{}", host.domain);
        // Another address than the pool's; nobody connects to it.
        return zone.address(&other, Ipv4Addr::new(127, 0, 0, 2)).srv(
            &starttls(host.domain),
            0,
            5,
            ports.starttls,
            &other,
        );
    }
    let federation = format!("_xmpp-server._tcp.{}", host.domain);
    zone.srv(&starttls(host.domain), 0, 5, ports.starttls, server)?.srv(
        &federation,
        0,
        5,
        ports.starttls,
        server,
    )
}

/// A partner's records.
fn server_records(zone: Zone, host: &LabHost, ports: &Ports) -> io::Result<Zone> {
    let domain = host.domain;
    let srv = format!("_xmpp-server._tcp.{domain}");
    let direct = format!("_xmpps-server._tcp.{domain}");
    let at = match host.behaviour.port {
        PortBehaviour::Open | PortBehaviour::FirstClosed | PortBehaviour::WantsStartTls => ports.starttls,
        PortBehaviour::SpeaksTls => ports.direct,
        PortBehaviour::Closed => ports.closed,
        PortBehaviour::Dropping | PortBehaviour::Mixed => ports.dropping,
    };
    match host.behaviour.names {
        DnsBehaviour::Missing => Ok(zone),
        DnsBehaviour::Failing => {
            Ok([&*srv, &direct, domain].iter().fold(zone, |zone, name| zone.server_failure(name)))
        }
        DnsBehaviour::Silent => {
            Ok([&*srv, &direct, domain].iter().fold(zone, |zone, name| zone.silence(name)))
        }
        DnsBehaviour::Empty => Ok(zone.empty(domain)),
        DnsBehaviour::NotOffered => zone.srv(&srv, 0, 0, 0, "."),
        DnsBehaviour::WithoutAddress => zone.empty(domain).srv(&srv, 0, 5, at, &format!("gone.{domain}")),
        DnsBehaviour::Published | DnsBehaviour::DirectFirst | DnsBehaviour::Elsewhere => {
            let named = if host.behaviour.port == PortBehaviour::WantsStartTls { &direct } else { &srv };
            zone.address(domain, Ipv4Addr::LOCALHOST).srv(named, 0, 5, at, domain)
        }
    }
}
