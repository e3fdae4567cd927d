//! Resolve (RFC 6120, section 3.2; XEP-0368): from a pool's name to the targets that serve it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::trace::list;

/// A place to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host: an A-label name without its final dot, or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How TLS begins there.
    pub kind: Kind,
    /// The SRV priority; 0 where no SRV record is behind the target. Lower ones are tried first.
    pub priority: u16,
    /// The SRV weight; 0 where no SRV record is behind the target.
    pub weight: u16,
    /// Where the target comes from.
    pub origin: Origin,
}

/// How TLS begins on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// With the first byte (XEP-0368).
    Direct,
    /// After the stream agreed to it (RFC 6120, section 5).
    StartTls,
}

/// Where a target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The topology lists it.
    Listed,
    /// An SRV record names it.
    Srv,
    /// The name itself, with a port that was given or is the default.
    Name,
}

/// Which kinds of TLS a pool may be reached by: its `security` in the topology.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Security {
    /// Whatever DNS offers; STARTTLS where DNS does not say.
    #[default]
    Auto,
    /// STARTTLS only.
    StartTls,
    /// Direct TLS only.
    Direct,
}

/// A question to DNS, as in `SRV _xmpp-client._tcp.contoso.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The record types asked for: `SRV` or `A/AAAA`.
    pub records: &'static str,
    /// The name asked for, as A-labels without the final dot.
    pub name: String,
}

/// What DNS answered to an SRV query.
#[derive(Clone, Debug)]
pub struct SrvAnswer {
    /// The query.
    pub query: Query,
    /// The answer.
    pub answer: Answer,
}

/// The kinds of answer to an SRV query.
#[derive(Clone, Debug)]
pub enum Answer {
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

/// Where the sender's domain's own SRV records lead, compared with the pool that is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRecords {
    /// The sender's domain.
    pub domain: String,
    /// What its records say about the pool.
    pub leads: Leads,
}

/// Where a domain's own SRV records lead.
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

/// What can go wrong in Resolve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A server that the topology lists is not `host`, `host:port`, `address` or `[address]:port`.
    #[error("{written:?} is not a server")]
    BadServer {
        /// What is written there.
        written: String,
    },
    /// A name is no DNS name (RFC 1035, RFC 5891).
    #[error("{name:?} is not a DNS name")]
    BadName {
        /// The name.
        name: String,
    },
    /// This machine has no usable name server.
    #[error("no name server: {reason}")]
    NoNameServer {
        /// What reading the system's configuration said.
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
        /// How long it was waited for.
        after: Duration,
    },
    /// No name server could be asked.
    #[error("{query}: {reason}")]
    NotAsked {
        /// The query.
        query: Query,
        /// What the system or the resolver said.
        reason: String,
    },
    /// SRV records lead to hosts, and none of them has an address.
    #[error("{srv} leads to {host}, and {cause}")]
    TargetWithoutAddress {
        /// The SRV query.
        srv: Query,
        /// The first of the hosts.
        host: String,
        /// Why it has none.
        cause: Box<Fault>,
    },
    /// DNS offers only the kind of TLS that the pool's `security` excludes.
    #[error("DNS offers {} only", list(offered))]
    SecurityNotOffered {
        /// What the pool's settings ask for.
        wanted: Kind,
        /// The targets that are offered.
        offered: Vec<Target>,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port)?,
            Ok(IpAddr::V4(_)) | Err(_) => write!(f, "{}:{}", self.host, self.port)?,
        }
        write!(f, " ({}", self.kind)?;
        match self.origin {
            Origin::Srv => write!(f, ", priority {}, weight {})", self.priority, self.weight),
            Origin::Listed | Origin::Name => f.write_str(")"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct TLS",
            Self::StartTls => "STARTTLS",
        })
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.records, self.name)
    }
}

impl fmt::Display for SrvAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            Answer::Records(targets) => write!(f, "{}: {}", self.query, list(targets)),
            Answer::NotOffered => write!(f, "{}: not offered", self.query),
            Answer::NoRecords => write!(f, "{}: no records", self.query),
            Answer::NoSuchName => write!(f, "{}: no such name", self.query),
            Answer::Failed(fault) => fault.fmt(f),
        }
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
