//! Resolve (RFC 6120, section 3.2; XEP-0368): from a pool's name to the targets that serve it.
//!
//! The first phase. Never guesses: without SRV records it takes the name itself with the port that
//! was given or the registered one, and a domain that says `.` is taken at its word.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::dns::{self, DnsAnswer, Query, SrvAnswer, SrvService, a_label};
use super::network::Network;
use super::trace::{Fact, Trace, list};
use crate::topology::{Security, Server};

/// The query for a pool: the pool, and the domain of the sender who logs on to it.
#[derive(Clone, Copy, Debug)]
pub struct PoolQuery<'a> {
    /// The pool's FQDN.
    pub pool: &'a str,
    /// The pool's servers, where the topology lists them.
    pub servers: &'a [Server],
    /// The port that was given for the pool; it takes the place of what DNS says about ports.
    pub registrar_port: Option<u16>,
    /// The kinds of TLS that the pool may be reached by.
    pub security: Security,
    /// The sender's domain.
    pub domain: &'a str,
}

/// A target with the addresses of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The target.
    pub target: Target,
    /// Its addresses, in the order in which they are tried; never empty.
    pub addresses: Vec<IpAddr>,
}

/// Finds the targets of a pool, in the order in which they are to be tried.
///
/// # Errors
/// See [`Fault`].
pub async fn pool(
    place: &PoolQuery<'_>,
    network: &Network,
    trace: &mut Trace,
) -> Result<Vec<Endpoint>, Fault> {
    let found = if !place.servers.is_empty() {
        FoundTargets::certain(listed(place)?)
    } else if let Some(port) = place.registrar_port {
        at_port(&a_label(place.pool)?, port, place.security, network, trace).await
    } else {
        let by_name = match place.security {
            Security::Auto | Security::StartTls => (CLIENT_PORT, TlsStart::StartTls),
            Security::Direct => (DIRECT_CLIENT_PORT, TlsStart::Direct),
        };
        published(&a_label(place.pool)?, SrvService::CLIENT, by_name, network, trace).await?
    };
    let found = found.allowed(place.security)?;
    trace.learn(Fact::Targets(found.targets.clone()));
    locate(found, network, trace).await
}

/// The targets at a port that was given: those that the pool's own records name with it, else the name itself.
async fn at_port(
    pool: &str,
    port: u16,
    security: Security,
    network: &Network,
    trace: &mut Trace,
) -> FoundTargets {
    let [direct, starttls] = SrvService::CLIENT;
    let (direct, starttls) = tokio::join!(dns::srv(network, direct, pool), dns::srv(network, starttls, pool));
    let answers = [direct, starttls];
    let mut targets = offered(&answers);
    targets.retain(|target| target.port == port);
    let Some(first) = targets.first() else {
        return FoundTargets::certain(vec![Target::named(
            pool.to_owned(),
            port,
            TlsStart::at(port, security),
        )]);
    };
    let srv = answers[usize::from(first.kind == TlsStart::StartTls)].query.clone();
    for answer in answers {
        trace.learn(Fact::Srv(answer));
    }
    in_order(&mut targets, dice);
    FoundTargets { targets, basis: Basis::Srv(srv) }
}

/// Finds the host that a server sent us to (RFC 6120, section 4.9.3.19).
///
/// # Errors
/// See [`Fault`].
pub(super) async fn elsewhere(
    host: &str,
    port: Option<u16>,
    security: Security,
    network: &Network,
    trace: &mut Trace,
) -> Result<Vec<Endpoint>, Fault> {
    let host = match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => a_label(host)?,
    };
    let port = port.unwrap_or(CLIENT_PORT);
    let target = Target::named(host, port, TlsStart::at(port, security));
    trace.learn(Fact::Targets(vec![target.clone()]));
    locate(FoundTargets::certain(vec![target]), network, trace).await
}

/// Finds the servers that speak for a domain to other servers: the one that is named, or those that
/// its records name.
///
/// # Errors
/// See [`Fault`].
pub async fn partner(
    domain: &str,
    server: Option<&Server>,
    network: &Network,
    trace: &mut Trace,
) -> Result<Vec<Endpoint>, Fault> {
    let found = match server {
        Some(server) => {
            let port = server.port.unwrap_or(SERVER_PORT);
            let target = Target::named(host_of(server)?, port, TlsStart::StartTls);
            FoundTargets::certain(vec![Target { origin: TargetOrigin::Listed, ..target }])
        }
        None => {
            let by_name = (SERVER_PORT, TlsStart::StartTls);
            published(&a_label(domain)?, SrvService::SERVER, by_name, network, trace).await?
        }
    };
    trace.learn(Fact::Targets(found.targets.clone()));
    locate(found, network, trace).await
}

/// Targets, and what is to blame when none of them has an address.
struct FoundTargets {
    targets: Vec<Target>,
    basis: Basis,
}

/// The reason for believing in targets.
enum Basis {
    /// They were named to us.
    Certain,
    /// The answer to this query names the first of them.
    Srv(Query),
    /// It is the name itself, because asking for records failed.
    InsteadOf(Fault),
}

impl FoundTargets {
    fn certain(targets: Vec<Target>) -> Self {
        Self { targets, basis: Basis::Certain }
    }

    /// Leaves out the targets whose kind of TLS the pool's settings exclude.
    fn allowed(mut self, security: Security) -> Result<Self, Fault> {
        let wanted = match security {
            Security::Auto => return Ok(self),
            Security::StartTls => TlsStart::StartTls,
            Security::Direct => TlsStart::Direct,
        };
        if self.targets.iter().all(|target| target.kind != wanted) {
            return Err(Fault::SecurityNotOffered { wanted, offered: self.targets });
        }
        self.targets.retain(|target| target.kind == wanted);
        Ok(self)
    }

    /// The fault when none of the targets has an address.
    fn unlocated(self, host: String, cause: Fault) -> Fault {
        match self.basis {
            Basis::Certain => cause,
            Basis::Srv(srv) => Fault::TargetWithoutAddress { srv, host, cause: Box::new(cause) },
            Basis::InsteadOf(fault) => fault,
        }
    }
}

/// The servers that the topology lists, in its order.
fn listed(place: &PoolQuery<'_>) -> Result<Vec<Target>, Fault> {
    let target = |(position, server): (usize, &Server)| {
        let port = server.port.or(place.registrar_port).unwrap_or(match place.security {
            Security::Auto | Security::StartTls => CLIENT_PORT,
            Security::Direct => DIRECT_CLIENT_PORT,
        });
        // Each in its own group: the list is an order of preference.
        let priority = u16::try_from(position).unwrap_or(u16::MAX);
        Ok(Target {
            priority,
            origin: TargetOrigin::Listed,
            ..Target::named(host_of(server)?, port, TlsStart::at(port, place.security))
        })
    };
    place.servers.iter().take(MAX_TARGETS).enumerate().map(target).collect()
}

/// A server's address, or its name as an A-label.
fn host_of(server: &Server) -> Result<String, Fault> {
    match server.host.ip() {
        Some(address) => Ok(address.to_string()),
        None => a_label(server.host.as_str()),
    }
}

/// Looks up the targets that a domain publishes for a service: both kinds of SRV records, mixed (XEP-0368), or the
/// name itself where it publishes none (RFC 6120, section 3.2.2).
async fn published(
    domain: &str,
    [direct, starttls]: [SrvService; 2],
    (port, kind): (u16, TlsStart),
    network: &Network,
    trace: &mut Trace,
) -> Result<FoundTargets, Fault> {
    let (direct, starttls) =
        tokio::join!(dns::srv(network, direct, domain), dns::srv(network, starttls, domain));
    let answers = [direct, starttls];
    for answer in &answers {
        trace.learn(Fact::Srv(answer.clone()));
    }
    let mut targets = offered(&answers);
    let by_name = || vec![Target::named(domain.to_owned(), port, kind)];
    if let Some(first) = targets.first() {
        let srv = answers[usize::from(first.kind == TlsStart::StartTls)].query.clone();
        in_order(&mut targets, dice);
        return Ok(FoundTargets { targets, basis: Basis::Srv(srv) });
    }
    // That direct TLS is not offered says nothing about STARTTLS (XEP-0368, section 3).
    let [_, starttls] = &answers;
    let asked_for = match kind {
        TlsStart::Direct => &answers[..],
        TlsStart::StartTls => std::slice::from_ref(starttls),
    };
    if let Some(answer) = asked_for.iter().rev().find(|answer| matches!(answer.answer, DnsAnswer::NotOffered))
    {
        return Err(Fault::NotOffered { query: answer.query.clone() });
    }
    let failed = answers.into_iter().rev().find_map(|answer| match answer.answer {
        DnsAnswer::Failed(fault) => Some(*fault),
        DnsAnswer::Records(_) | DnsAnswer::NotOffered | DnsAnswer::NoRecords | DnsAnswer::NoSuchName => None,
    });
    match failed {
        None => Ok(FoundTargets::certain(by_name())),
        // An error about SRV may leave addresses usable (RFC 6120, section 3.2.1, step 9); silence does not.
        Some(fault @ Fault::ServerFailure { .. }) => {
            Ok(FoundTargets { targets: by_name(), basis: Basis::InsteadOf(fault) })
        }
        Some(fault) => Err(fault),
    }
}

/// The targets of both answers together.
fn offered(answers: &[SrvAnswer]) -> Vec<Target> {
    let records = answers.iter().filter_map(|answer| match &answer.answer {
        DnsAnswer::Records(targets) => Some(targets),
        DnsAnswer::NotOffered | DnsAnswer::NoRecords | DnsAnswer::NoSuchName | DnsAnswer::Failed(_) => None,
    });
    let mut targets: Vec<_> = records.flatten().cloned().collect();
    targets.sort_by_key(|target| target.priority);
    targets
}

/// Brings targets into the order of RFC 2782: by priority, and within one by chance, as their weights say.
fn in_order(targets: &mut Vec<Target>, mut dice: impl FnMut() -> u32) {
    // Those without weight come first, so that they have a very small chance of being chosen first.
    targets.sort_by_key(|target| (target.priority, target.weight != 0));
    let mut waiting = std::mem::take(targets);
    while let Some(first) = waiting.first() {
        let priority = first.priority;
        let group = || waiting.iter().take_while(|target| target.priority == priority);
        let total: u64 = group().map(|target| u64::from(target.weight)).sum();
        let drawn = u64::from(dice()) % (total + 1);
        let mut sum = 0;
        let chosen = group().position(|target| {
            sum += u64::from(target.weight);
            sum >= drawn
        });
        targets.push(waiting.remove(chosen.unwrap_or(0)));
    }
    targets.truncate(MAX_TARGETS);
}

fn dice() -> u32 {
    getrandom::u32().unwrap_or(0)
}

/// Finds the addresses of all targets at once. Targets of lower preference are not waited for.
async fn locate(found: FoundTargets, network: &Network, trace: &mut Trace) -> Result<Vec<Endpoint>, Fault> {
    let hosts: BTreeSet<&str> = found.targets.iter().map(|target| target.host.as_str()).collect();
    let mut preferred: BTreeSet<&str> = BTreeSet::new();
    if let Some(first) = found.targets.first() {
        preferred
            .extend(found.targets.iter().filter(|t| t.priority == first.priority).map(|t| t.host.as_str()));
    }
    let mut asked: FuturesUnordered<_> =
        hosts.into_iter().map(|host| async move { (host, dns::addresses(network, host).await) }).collect();
    let mut located: HashMap<&str, Vec<IpAddr>> = HashMap::new();
    let mut missing: Vec<(&str, Fault)> = Vec::new();
    let mut patience = None;
    loop {
        let answer = match patience {
            None => asked.next().await,
            Some(until) => timeout_at(until, asked.next()).await.unwrap_or(None),
        };
        let Some((host, answer)) = answer else { break };
        match answer {
            Ok(addresses) => {
                trace.learn(Fact::Addresses { host: host.to_owned(), addresses: addresses.clone() });
                located.insert(host, addresses);
            }
            Err(fault) => {
                trace.learn(Fact::NoAddress { host: host.to_owned(), fault: Box::new(fault.clone()) });
                missing.push((host, fault));
            }
        }
        preferred.remove(host);
        if patience.is_none() && preferred.is_empty() && !located.is_empty() {
            patience = Some(Instant::now() + GRACE);
        }
    }
    drop(asked);
    let endpoint = |target: &Target| {
        let addresses = located.get(target.host.as_str())?.clone();
        Some(Endpoint { target: target.clone(), addresses })
    };
    let endpoints: Vec<_> = found.targets.iter().filter_map(endpoint).collect();
    let first_missing = missing.into_iter().next().map(|(host, fault)| (host.to_owned(), fault));
    match first_missing {
        Some((host, fault)) if endpoints.is_empty() => Err(found.unlocated(host, fault)),
        _ => Ok(endpoints),
    }
}

/// Looks where the sender's domain's own SRV records lead; `None` where the domain is the pool
/// itself. Stands beside the phases, so that nobody waits for it.
pub(super) async fn own_records(place: &PoolQuery<'_>, network: &Network) -> Option<OwnRecords> {
    let domain = a_label(place.domain).ok()?;
    if a_label(place.pool).is_ok_and(|pool| pool == domain) {
        return None;
    }
    let [direct, starttls] = SrvService::CLIENT;
    let (direct, starttls) =
        tokio::join!(dns::srv(network, direct, &domain), dns::srv(network, starttls, &domain));
    let answers = [direct, starttls];
    let hosts: BTreeSet<String> =
        offered(&answers).into_iter().take(MAX_TARGETS).map(|target| target.host).collect();
    let mut asked: FuturesUnordered<_> = hosts.iter().map(|host| dns::addresses(network, host)).collect();
    let mut addresses = BTreeSet::new();
    while let Some(answer) = asked.next().await {
        addresses.extend(answer.unwrap_or_default());
    }
    drop(asked);
    let not_offered = answers.iter().any(|answer| matches!(answer.answer, DnsAnswer::NotOffered));
    Some(OwnRecords { domain, hosts, addresses, not_offered })
}

/// The records that the sender's domain publishes about its servers.
pub(super) struct OwnRecords {
    domain: String,
    hosts: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
    not_offered: bool,
}

impl OwnRecords {
    /// Whether they lead to the pool, by the name of a host or by an address that the trace knows of it.
    pub(super) fn compare(self, place: &PoolQuery<'_>, trace: &Trace) -> DomainRecords {
        let is_the_pool = |fact: &Fact| {
            if let Fact::Targets(targets) = fact {
                return targets.iter().any(|target| self.hosts.contains(&target.host));
            }
            let Fact::Addresses { addresses, .. } = fact else { return false };
            addresses.iter().any(|address| self.addresses.contains(address))
        };
        let same_name = a_label(place.pool).is_ok_and(|pool| self.hosts.contains(&pool));
        let leads = if same_name || trace.facts().any(|(_, fact)| is_the_pool(fact)) {
            Leads::ToThePool
        } else if !self.hosts.is_empty() {
            Leads::Elsewhere { hosts: self.hosts.into_iter().collect() }
        } else if self.not_offered {
            Leads::NotOffered
        } else {
            Leads::NoRecords
        };
        DomainRecords { domain: self.domain, leads }
    }
}

/// A place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host: an A-label name without its final dot, or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The way in which TLS begins on the target.
    pub kind: TlsStart,
    /// The SRV priority; 0 where no SRV record is behind the target. Lower ones are tried first.
    pub priority: u16,
    /// The SRV weight; 0 where no SRV record is behind the target.
    pub weight: u16,
    /// The origin of the target.
    pub origin: TargetOrigin,
}

impl Target {
    /// The part that no SRV record may have (RFC 2782): an address in the place of a host, or no port.
    pub fn flaw(&self) -> Option<String> {
        if self.origin != TargetOrigin::Srv {
            None
        } else if self.host.parse::<IpAddr>().is_ok() {
            Some(format!("names the address {} and no host", self.host))
        } else if self.port == 0 {
            Some("names the port 0, at which nobody can listen".to_owned())
        } else {
            None
        }
    }
}

/// The way in which TLS begins on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsStart {
    /// With the first byte (XEP-0368).
    Direct,
    /// After the stream agreed to it (RFC 6120, section 5).
    StartTls,
}

/// The origin of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetOrigin {
    /// The topology lists it.
    Listed,
    /// An SRV record names it.
    Srv,
    /// The name itself, with a port that was given or is the default.
    Name,
}

/// The destination of the SRV records of the sender's domain, compared with the pool that is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRecords {
    /// The sender's domain.
    pub domain: String,
    /// The destination of the domain's records, compared with the pool.
    pub leads: Leads,
}

/// The destination of a domain's own SRV records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the pool, or to an address of it.
    ToThePool,
    /// To other hosts: users do not land where the test does.
    Elsewhere {
        /// The hosts.
        hosts: Vec<String>,
    },
    /// Nowhere: the domain says that it offers no XMPP.
    NotOffered,
    /// It has none.
    NoRecords,
}

impl Target {
    /// A host and port that no SRV record is behind.
    fn named(host: String, port: u16, kind: TlsStart) -> Self {
        Self { host, port, kind, priority: 0, weight: 0, origin: TargetOrigin::Name }
    }
}

impl TlsStart {
    /// Returns the way in which TLS begins on a port that DNS says nothing about.
    fn at(port: u16, security: Security) -> Self {
        match security {
            Security::StartTls => Self::StartTls,
            Security::Direct => Self::Direct,
            Security::Auto if port == DIRECT_CLIENT_PORT => Self::Direct,
            Security::Auto => Self::StartTls,
        }
    }
}

/// The errors that can occur in Resolve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A name is no DNS name (RFC 1035, RFC 5891).
    #[error("{name:?} is not a DNS name")]
    BadName {
        /// The name.
        name: String,
    },
    /// This machine has no usable name server.
    #[error("no name server: {reason}")]
    NoNameServer {
        /// The error of reading the system's configuration.
        reason: String,
    },
    /// The domain says by the SRV target `.` that it does not offer the service.
    #[error("{query} says that the service is not offered")]
    NotOffered {
        /// The query whose answer was `.`.
        query: Query,
    },
    /// The name does not exist (NXDOMAIN).
    #[error("{query}: no such name")]
    NoSuchName {
        /// The query.
        query: Query,
    },
    /// The name exists and has no such records.
    #[error("{query}: no records")]
    NoRecords {
        /// The query.
        query: Query,
    },
    /// The name server answered with an error (SERVFAIL, REFUSED, …).
    #[error("{query}: {code}")]
    ServerFailure {
        /// The query.
        query: Query,
        /// The response code, as in `SERVFAIL`.
        code: String,
    },
    /// No name server answered.
    #[error("{query}: no answer after {after:?}")]
    Timeout {
        /// The query.
        query: Query,
        /// The time for which the answer was waited for.
        after: Duration,
    },
    /// No name server could be asked.
    #[error("{query}: {reason}")]
    NotAsked {
        /// The query.
        query: Query,
        /// The error of the system or the resolver.
        reason: String,
    },
    /// SRV records lead to hosts, and none of them has an address.
    #[error("{srv} leads to {host}, and {cause}")]
    TargetWithoutAddress {
        /// The SRV query.
        srv: Query,
        /// The first of the hosts.
        host: String,
        /// The reason why the host has no address.
        cause: Box<Fault>,
    },
    /// DNS offers only the kind of TLS that the pool's `security` excludes.
    #[error("DNS offers {} only", list(offered))]
    SecurityNotOffered {
        /// The kind of TLS that the pool's settings ask for.
        wanted: TlsStart,
        /// The targets that are offered.
        offered: Vec<Target>,
    },
}

impl Fault {
    /// Whether a name server was asked and said nothing.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::TargetWithoutAddress { cause, .. } => cause.is_silence(),
            Self::BadName { .. }
            | Self::NoNameServer { .. }
            | Self::NotOffered { .. }
            | Self::NoSuchName { .. }
            | Self::NoRecords { .. }
            | Self::ServerFailure { .. }
            | Self::NotAsked { .. }
            | Self::SecurityNotOffered { .. } => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port)?,
            Ok(IpAddr::V4(_)) | Err(_) => write!(f, "{}:{}", self.host, self.port)?,
        }
        write!(f, " ({}", self.kind)?;
        match self.origin {
            TargetOrigin::Srv => write!(f, ", priority {}, weight {})", self.priority, self.weight),
            TargetOrigin::Listed | TargetOrigin::Name => f.write_str(")"),
        }
    }
}

impl fmt::Display for TlsStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct TLS",
            Self::StartTls => "STARTTLS",
        })
    }
}

impl fmt::Display for DomainRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = &self.domain;
        match &self.leads {
            Leads::ToThePool => write!(f, "the SRV records of {domain} lead to the pool"),
            Leads::Elsewhere { hosts } => {
                write!(f, "the SRV records of {domain} lead to {}, not to the pool", list(hosts))
            }
            Leads::NotOffered => write!(f, "the SRV records of {domain} say that it offers no XMPP"),
            Leads::NoRecords => write!(f, "{domain} has no SRV records"),
        }
    }
}

/// The registered ports for clients and for servers (RFC 6120, section 14.7).
const CLIENT_PORT: u16 = 5222;
const SERVER_PORT: u16 = 5269;

/// The port where direct TLS has been spoken by custom; never guessed, only believed when it was given.
const DIRECT_CLIENT_PORT: u16 = 5223;

/// Targets that are tried; a hostile zone can name thousands.
const MAX_TARGETS: usize = 16;

/// The time for which dispensable answers are waited for.
pub(super) const GRACE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn target(priority: u16, weight: u16) -> Target {
        let named = Target::named("im.contoso.com".to_owned(), CLIENT_PORT, TlsStart::StartTls);
        Target { priority, weight, origin: TargetOrigin::Srv, ..named }
    }

    #[test]
    fn priorities_come_in_order_whatever_the_dice_say() {
        for roll in [0, 1, 7, u32::MAX] {
            let mut targets = vec![target(2, 9), target(1, 0), target(1, 5), target(3, 1), target(1, 90)];
            in_order(&mut targets, || roll);
            let priorities: Vec<_> = targets.iter().map(|target| target.priority).collect();
            assert_eq!(priorities, [1, 1, 1, 2, 3]);
        }
    }

    #[test]
    fn a_weight_is_a_share_of_the_chances() {
        let firsts = |weight| {
            let rolls = (0..=100).filter(|roll| {
                let mut targets = vec![target(0, 25), target(0, 75), target(0, 0)];
                in_order(&mut targets, || *roll);
                targets[0].weight == weight
            });
            rolls.count()
        };
        // RFC 2782 draws from 0 to the sum of the weights; those without weight win only at 0.
        assert_eq!((firsts(25), firsts(75), firsts(0)), (25, 75, 1));
    }
}
