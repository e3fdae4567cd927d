//! Questions to DNS: SRV records (RFC 2782) and addresses, each answer told apart from each other.
//!
//! Asked by `resolve`, for clients and for servers. Decides nothing about what an answer means.

use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::network::Network;
use super::resolve::{Fault, Target, TargetOrigin, TlsStart};
use super::trace::list;

/// A question to DNS, as in `SRV _xmpp-client._tcp.contoso.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The record types asked for: `SRV` or `A/AAAA`.
    pub records: &'static str,
    /// The name asked for, as A-labels without the final dot.
    pub name: String,
}

/// The answer of DNS to an SRV query.
#[derive(Clone, Debug)]
pub struct SrvAnswer {
    /// The query.
    pub query: Query,
    /// The answer.
    pub answer: DnsAnswer,
}

/// The kinds of answer to an SRV query.
#[derive(Clone, Debug)]
pub enum DnsAnswer {
    /// Records, as they came.
    Records(Vec<Target>),
    /// The single target `.`: the service is not offered (RFC 2782).
    NotOffered,
    /// The name exists and has no such records.
    NoRecords,
    /// The name does not exist.
    NoSuchName,
    /// No usable answer.
    Failed(Box<Fault>),
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.records, self.name)
    }
}

impl fmt::Display for SrvAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            DnsAnswer::Records(targets) => write!(f, "{}: {}", self.query, list(targets)),
            DnsAnswer::NotOffered => write!(f, "{}: not offered", self.query),
            DnsAnswer::NoRecords => write!(f, "{}: no records", self.query),
            DnsAnswer::NoSuchName => write!(f, "{}: no such name", self.query),
            DnsAnswer::Failed(fault) => fault.fmt(f),
        }
    }
}

/// The name as A-labels (RFC 5891), lower-case, without its final dot.
pub(super) fn a_label(name: &str) -> Result<String, Fault> {
    let bad = || Fault::BadName { name: name.to_owned() };
    let ascii = idna::domain_to_ascii(name.trim_end_matches('.')).map_err(|_| bad())?;
    if ascii.is_empty() || Name::from_ascii(&ascii).is_err() {
        return Err(bad());
    }
    Ok(ascii)
}

/// Asks for the SRV records of one service; `domain` is an A-label.
pub(super) async fn srv(network: &Network, service: SrvService, domain: &str) -> SrvAnswer {
    let query = Query { records: "SRV", name: format!("{}._tcp.{domain}", service.label) };
    let answer = match ask(network, &query, RecordType::SRV).await {
        Ok(records) => match targets(&records, service.kind) {
            targets if !targets.is_empty() => DnsAnswer::Records(targets),
            _ if records.iter().any(is_root_target) => DnsAnswer::NotOffered,
            _ => DnsAnswer::NoRecords,
        },
        Err(Fault::NoRecords { .. }) => DnsAnswer::NoRecords,
        Err(Fault::NoSuchName { .. }) => DnsAnswer::NoSuchName,
        Err(fault) => DnsAnswer::Failed(Box::new(fault)),
    };
    SrvAnswer { query, answer }
}

/// A service name of SRV queries, and how TLS begins behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SrvService {
    label: &'static str,
    kind: TlsStart,
}

impl SrvService {
    /// The services that clients look for (RFC 6120, section 3.2.1; XEP-0368).
    pub(super) const CLIENT: [Self; 2] = [
        Self { label: "_xmpps-client", kind: TlsStart::Direct },
        Self { label: "_xmpp-client", kind: TlsStart::StartTls },
    ];

    /// The services that servers look for.
    pub(super) const SERVER: [Self; 2] = [
        Self { label: "_xmpps-server", kind: TlsStart::Direct },
        Self { label: "_xmpp-server", kind: TlsStart::StartTls },
    ];
}

fn is_root_target(record: &RData) -> bool {
    matches!(record, RData::SRV(srv) if srv.target.is_root())
}

fn targets(records: &[RData], kind: TlsStart) -> Vec<Target> {
    let target = |record: &RData| {
        let RData::SRV(srv) = record else { return None };
        (!srv.target.is_root()).then(|| Target {
            host: srv.target.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
            port: srv.port,
            kind,
            priority: srv.priority,
            weight: srv.weight,
            origin: TargetOrigin::Srv,
        })
    };
    records.iter().filter_map(target).take(MAX_RECORDS).collect()
}

/// The addresses of a host, IPv6 and IPv4 in turns (RFC 8305, section 4); a literal is its own.
pub(super) async fn addresses(network: &Network, host: &str) -> Result<Vec<IpAddr>, Fault> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let query = Query { records: "A/AAAA", name: host.to_owned() };
    let mut v6 = pin!(ask(network, &query, RecordType::AAAA));
    let mut v4 = pin!(ask(network, &query, RecordType::A));
    let answers = tokio::select! {
        answer = &mut v6 => { let other = second(&answer, v4).await; (answer, other) }
        answer = &mut v4 => { let other = second(&answer, v6).await; (other, answer) }
    };
    let (v6, v4) = match answers {
        (Err(v6), Err(v4)) => return Err(graver(v4, v6)),
        (v6, v4) => (v6.unwrap_or_default(), v4.unwrap_or_default()),
    };
    let v6 = v6.into_iter().filter_map(address).filter(IpAddr::is_ipv6);
    let v4 = v4.into_iter().filter_map(address).filter(IpAddr::is_ipv4);
    Ok(in_turns(v6, v4).take(MAX_ADDRESSES).collect())
}

/// The other answer: waited for only a little when the first one has addresses (RFC 8305, section 3).
async fn second(
    first: &Result<Vec<RData>, Fault>,
    other: impl Future<Output = Result<Vec<RData>, Fault>>,
) -> Result<Vec<RData>, Fault> {
    match first {
        Ok(_) => tokio::time::timeout(RESOLUTION_DELAY, other).await.unwrap_or_else(|_| Ok(Vec::new())),
        Err(_) => other.await,
    }
}

/// Of two failures the one that says more: an error is not the same as nothing.
fn graver(a: Fault, b: Fault) -> Fault {
    if matches!(a, Fault::NoRecords { .. }) { b } else { a }
}

fn address(record: RData) -> Option<IpAddr> {
    if let RData::A(address) = record {
        return Some(IpAddr::V4(address.0));
    }
    if let RData::AAAA(address) = record { Some(IpAddr::V6(address.0)) } else { None }
}

fn in_turns<T>(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    let (mut a, mut b) = (a.fuse(), b.fuse());
    let mut turn = 0_u8;
    std::iter::from_fn(move || {
        turn ^= 1;
        if turn == 1 { a.next().or_else(|| b.next()) } else { b.next().or_else(|| a.next()) }
    })
}

/// Asks one question. The records behind an alias come with it.
async fn ask(network: &Network, query: &Query, records: RecordType) -> Result<Vec<RData>, Fault> {
    let mut name = Name::from_ascii(&query.name).map_err(|_| Fault::BadName { name: query.name.clone() })?;
    // A host without a dot is looked for in the search domains of the system.
    name.set_fqdn(query.name.contains('.'));
    // The semaphore is never closed; without a permit the question is only less polite.
    let _leave = network.questions().acquire().await;
    let asked = Instant::now();
    let resolver = network.resolver()?;
    let mut n_aliases = 0;
    loop {
        match resolver.lookup(name.clone(), records).await {
            Ok(lookup) => return Ok(lookup.answers().iter().map(|record| record.data.clone()).collect()),
            Err(error) if n_aliases < MAX_ALIASES && was_led_on(&error, &name) => {
                match alias(resolver, name).await {
                    Some(target) => name = target,
                    None => return Err(fault(query.clone(), &error, asked.elapsed())),
                }
                n_aliases += 1;
            }
            Err(error) => return Err(fault(query.clone(), &error, asked.elapsed())),
        }
    }
}

/// Whether the resolver found nothing because it went on to another name.
///
/// An answer with an alias and the SRV record behind it makes hickory look for SRV records of the record's
/// target, and find none.
fn was_led_on(error: &NetError, name: &Name) -> bool {
    matches!(error, NetError::Dns(DnsError::NoRecordsFound(nothing)) if nothing.query.name() != name)
}

/// Returns the name that a name is an alias of; `None` if it is no alias.
async fn alias(resolver: &TokioResolver, name: Name) -> Option<Name> {
    let lookup = resolver.lookup(name, RecordType::CNAME).await.ok()?;
    lookup.answers().iter().find_map(|record| {
        if let RData::CNAME(target) = &record.data { Some(target.0.clone()) } else { None }
    })
}

/// Returns the fault for an unsuccessful look-up.
fn fault(query: Query, error: &NetError, after: Duration) -> Fault {
    if let NetError::Dns(DnsError::NoRecordsFound(nothing)) = error {
        return if nothing.response_code == ResponseCode::NXDomain {
            Fault::NoSuchName { query }
        } else {
            Fault::NoRecords { query }
        };
    }
    if let NetError::Dns(DnsError::ResponseCode(code)) = error {
        return Fault::ServerFailure { query, code: format!("{code:?}").to_ascii_uppercase() };
    }
    if matches!(error, NetError::Timeout) {
        // To the tenth of a second, as people measure.
        let tenths = (after.as_millis() + 50) / 100;
        let after = Duration::from_millis(u64::try_from(tenths * 100).unwrap_or(u64::MAX));
        return Fault::Timeout { query, after };
    }
    // It was asked, and what it said is no answer: garbage, or the beginning of one that is too long.
    let was_asked = matches!(
        error,
        NetError::Dns(_)
            | NetError::Proto(_)
            | NetError::Truncated
            | NetError::QueryCaseMismatch
            | NetError::ForeignClassRecord { .. }
    );
    if was_asked || error.to_string() == CLOSED_UNANSWERED {
        return Fault::ServerFailure { query, code: error.to_string() };
    }
    Fault::NotAsked { query, reason: error.to_string() }
}

/// The resolver's message if the name server closed the connection on which it had been asked.
const CLOSED_UNANSWERED: &str = "receiver was canceled";

/// The time for which the second address family is waited for when the first one has answered (RFC 8305, section
/// 8).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Records of one answer that are looked at; a hostile zone can hold thousands.
const MAX_RECORDS: usize = 64;

/// Aliases that are followed to one service.
const MAX_ALIASES: usize = 8;

/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::rdata::SRV;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_target_of_any_bytes_is_printable(
            labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..6),
        ) {
            let name = Name::from_labels(labels.iter().map(Vec::as_slice)).unwrap();
            for target in targets(&[RData::SRV(SRV::new(0, 0, 5222, name))], TlsStart::StartTls) {
                prop_assert!(target.to_string().chars().all(|c| c.is_ascii_graphic() || c == ' '), "{target}");
            }
        }

        #[test]
        fn an_a_label_stays_what_it_is(name in "\\PC{0,40}") {
            if let Ok(label) = a_label(&name) {
                prop_assert!(label.is_ascii() && !label.ends_with('.'));
                prop_assert_eq!(a_label(&label), Ok(label.clone()));
            }
        }
    }

    #[test]
    fn families_take_turns() {
        let turns: Vec<_> = in_turns([1, 2, 3].into_iter(), [10].into_iter()).collect();
        assert_eq!(turns, [1, 10, 2, 3]);
        assert_eq!(in_turns(std::iter::empty(), [10, 20].into_iter()).collect::<Vec<_>>(), [10, 20]);
    }
}
