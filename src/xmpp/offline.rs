//! Whether it is this machine that is off line: looked into before a pool is blamed.
//!
//! Stands behind the faults of `resolve` and `connect` that such a machine would meet as well. Sends
//! nothing but one question to DNS, and that only where the pool itself is silent. The fault stays what
//! it was: what is found is a fact beside it. Never doubts the way to a pool that is this machine itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use tokio::time::timeout;

use super::connect::{self, ConnectOutcome};
use super::deliver;
use super::dns::{self, DnsAnswer, SrvService};
use super::network::Network;
use super::trace::{Fact, Trace};
use super::{Phase, resolve};
use crate::topology::Evidence;

/// The way in which a machine is off line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offline {
    /// None of its interfaces is up and has an address, except loopback.
    NoInterface,
    /// It has no route to anywhere.
    NoRoute,
    /// The pool is silent, and no name server answers either.
    NobodyAnswers,
}

impl fmt::Display for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInterface => {
                "no network interface of this machine is up with an address, except loopback"
            }
            Self::NoRoute => "this machine has no route to the rest of the network",
            Self::NobodyAnswers => "no name server answers this machine either",
        })
    }
}

/// Looks whether a fault can be this machine's own; `domain` is asked for in DNS where need be.
pub(super) async fn look(
    fault: &super::Fault,
    domain: &str,
    network: &Network,
    trace: &Trace,
) -> Option<Offline> {
    behind(UnansweredService::raised_by(fault)?, domain, network, trace).await
}

async fn behind(doubt: UnansweredService, domain: &str, network: &Network, trace: &Trace) -> Option<Offline> {
    let asked_for: Vec<IpAddr> = match doubt {
        UnansweredService::NameServers => network.own_name_servers().iter().map(SocketAddr::ip).collect(),
        UnansweredService::Pool => addresses(trace).collect(),
    };
    if !asked_for.is_empty() && asked_for.iter().all(IpAddr::is_loopback) {
        return None;
    }
    if !has_interface() {
        return Some(Offline::NoInterface);
    }
    if !asked_for.into_iter().chain(EVERYBODY).any(has_route) {
        return Some(Offline::NoRoute);
    }
    let is_alone = doubt == UnansweredService::Pool && is_without_answer(network, domain).await;
    is_alone.then_some(Offline::NobodyAnswers)
}

/// The same for a fault behind the logon: of a session whose way to the pool is in the trace of the logon.
pub async fn look_behind(
    fault: &super::Fault,
    domain: &str,
    network: &Network,
    logon: &Trace,
) -> Option<Offline> {
    let is_silence = match fault {
        super::Fault::Deliver(deliver::Fault::Silent { reached, .. }) => {
            *reached < Some(Evidence::AcceptedByPool)
        }
        super::Fault::Stream(fault) => matches!(fault, super::stream::Fault::Xml(_)),
        super::Fault::Deliver(deliver::Fault::PoolStopped { .. }) | super::Fault::Deadline { .. } => true,
        super::Fault::Resolve(_)
        | super::Fault::Connect(_)
        | super::Fault::Secure(_)
        | super::Fault::Authenticate(_)
        | super::Fault::Bind(_)
        | super::Fault::Send(_)
        | super::Fault::Deliver(_)
        | super::Fault::Cancelled => false,
    };
    if is_silence { behind(UnansweredService::Pool, domain, network, logon).await } else { None }
}

/// The service that does not answer, so that this machine is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnansweredService {
    NameServers,
    Pool,
}

impl UnansweredService {
    /// Nothing is in doubt where somebody answered.
    fn raised_by(fault: &super::Fault) -> Option<Self> {
        match fault {
            super::Fault::Resolve(fault) => Self::raised_by_names(fault),
            super::Fault::Connect(connect::Fault::Refused { .. }) => None,
            super::Fault::Connect(connect::Fault::Silent { .. } | connect::Fault::Unreachable { .. }) => {
                Some(Self::Pool)
            }
            super::Fault::Connect(connect::Fault::Mixed { attempts }) => attempts
                .iter()
                .all(|attempt| match attempt.outcome {
                    ConnectOutcome::TimedOut | ConnectOutcome::Unreachable | ConnectOutcome::Abandoned => {
                        true
                    }
                    ConnectOutcome::Connected
                    | ConnectOutcome::Refused
                    | ConnectOutcome::Reset
                    | ConnectOutcome::Denied
                    | ConnectOutcome::Failed { .. } => false,
                })
                .then_some(Self::Pool),
            super::Fault::Deadline { phase: Phase::Resolve, .. } => Some(Self::NameServers),
            super::Fault::Deadline { phase: Phase::Connect, .. } => Some(Self::Pool),
            super::Fault::Deadline { .. }
            | super::Fault::Secure(_)
            | super::Fault::Stream(_)
            | super::Fault::Authenticate(_)
            | super::Fault::Bind(_)
            | super::Fault::Send(_)
            | super::Fault::Deliver(_)
            | super::Fault::Cancelled => None,
        }
    }

    fn raised_by_names(fault: &resolve::Fault) -> Option<Self> {
        match fault {
            resolve::Fault::NoNameServer { .. }
            | resolve::Fault::Timeout { .. }
            | resolve::Fault::NotAsked { .. }
            // A resolver on this machine says so when it reaches nobody.
            | resolve::Fault::ServerFailure { .. } => Some(Self::NameServers),
            resolve::Fault::TargetWithoutAddress { cause, .. } => Self::raised_by_names(cause),
            resolve::Fault::BadName { .. }
            | resolve::Fault::NotOffered { .. }
            | resolve::Fault::NoSuchName { .. }
            | resolve::Fault::NoRecords { .. }
            | resolve::Fault::SecurityNotOffered { .. } => None,
        }
    }
}

/// The pool's addresses, as far as Resolve found them.
fn addresses(trace: &Trace) -> impl Iterator<Item = IpAddr> {
    trace
        .facts()
        .filter_map(
            |(_, fact)| if let Fact::Addresses { addresses, .. } = fact { Some(addresses) } else { None },
        )
        .flatten()
        .copied()
}

/// Whether an interface beside loopback is up and has an address that leads farther than the next cable.
fn has_interface() -> bool {
    const UP: InterfaceFlags = InterfaceFlags::IFF_UP.union(InterfaceFlags::IFF_RUNNING);
    // A system that does not tell is given the benefit of the doubt.
    let Ok(mut interfaces) = getifaddrs() else { return true };
    interfaces.any(|interface| {
        let v4 = || interface.address?.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let v6 = || interface.address?.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
        let is_far = |address| match address {
            IpAddr::V4(address) => !Ipv4Addr::is_link_local(&address),
            IpAddr::V6(address) => !Ipv6Addr::is_unicast_link_local(&address),
        };
        interface.flags.contains(UP)
            && !interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)
            && v4().or_else(v6).is_some_and(is_far)
    })
}

/// Whether the system knows a way to an address. Sends nothing: a datagram socket only looks it up.
fn has_route(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, DISCARD))).is_ok()
}

/// Whether every name server is as silent as the pool.
async fn is_without_answer(network: &Network, domain: &str) -> bool {
    let Ok(domain) = dns::a_label(domain) else { return false };
    let [_, service] = SrvService::CLIENT;
    match timeout(PATIENCE, dns::srv(network, service, &domain)).await {
        Err(_) => true,
        Ok(answer) => match answer.answer {
            DnsAnswer::Failed(fault) => {
                matches!(*fault, resolve::Fault::Timeout { .. } | resolve::Fault::NotAsked { .. })
            }
            DnsAnswer::Records(_) | DnsAnswer::NotOffered | DnsAnswer::NoRecords | DnsAnswer::NoSuchName => {
                false
            }
        },
    }
}

/// Whether the resolver answers at all, be it that there is no such name.
pub(super) async fn resolver_answers(network: &Network) -> bool {
    !is_without_answer(network, ANY_NAME).await
}

/// A name that nobody has (RFC 6761, section 6.2), and that every resolver can say so about.
const ANY_NAME: &str = "imsh.test";

/// Whoever has a way to anywhere has one to a root of DNS.
const EVERYBODY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30)),
];
const DISCARD: u16 = 9;

/// The time that the name servers have to show that they are there.
const PATIENCE: Duration = Duration::from_secs(2);
