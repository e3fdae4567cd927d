//! Findings of a look by itself: what this machine sees of a partner, beside no pool's words.
//!
//! The codes are those of federation, since the same things are broken; who asks is this machine.
//! Says so in every finding: a pool may reach a partner that this machine does not, and the reverse.

use super::bounces::Cause;
use super::federation::{is_outdated, of_cause, of_fault, of_probe, trouble};
use super::quote::place;
use super::{Context, Finding, Given, Owner, SentStanza, catalogue, diagnose, names, offline};
use crate::topology::Security;
use crate::xmpp::connect::{self, ConnectOutcome};
use crate::xmpp::federation::{ProbeReport, ServerProbe};
use crate::xmpp::{Fault, Phase, stream};

/// The party that asks, and the facts that are known about the domain that it asks about.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The pool in whose name the look was made, where there is one.
    pub pool: Option<&'a str>,
    /// The domain that asked.
    pub from: Option<&'a str>,
    /// Whether the topology lists the domain that was looked at.
    pub partner_listed: bool,
    /// The pool that serves the domain, where it is one of our own: partners see it so.
    pub ours: Option<&'a str>,
    /// The server that was named by hand (`-ProxyFqdn`), in place of those of DNS.
    pub server: Option<&'a str>,
}

/// Returns the finding about a partner as this machine sees it; `None` where one of its servers is healthy.
pub fn finding(look: &ProbeReport, asking: &Asking<'_>) -> Option<Finding> {
    if look.is_healthy() {
        return None;
    }
    let finding = match &look.probes {
        Err(fault) => of(fault, of_fault(fault), &from_here(None, &fault.to_string()), look, asking),
        Ok(probes) => match probes.split_first() {
            None => of_partner(Cause::NotFound, look, asking),
            Some((first, others)) => {
                let finding = probed(first, look, asking);
                let elsewhere = others.iter().map(|probe| from_here(Some(probe), &trouble(probe)));
                elsewhere.fold(finding, Finding::evidence)
            }
        },
    };
    let finding = whose(finding, look, asking);
    let finding = match asking.server {
        Some(server) => by_hand(finding, look, server),
        None => finding,
    };
    let context = Context { look: Some(look), ..context(&look.name, look, asking) };
    let finding = match offline::seen(&look.trace) {
        Some(offline) => offline::finding(offline, &finding, &context),
        None => finding,
    };
    Some(names::filled(finding, &look.trace, &context).made_safe())
}

/// A server that was named by hand is the first suspect where no server of the domain was found at all.
fn by_hand(finding: Finding, look: &ProbeReport, server: &str) -> Finding {
    let was_found = look.probes.iter().flatten().any(|probe| probe.certificate().is_some());
    if was_found {
        return finding;
    }
    let is_nowhere = finding.code == catalogue::FEDERATION_NOT_FOUND.code;
    let owner = if is_nowhere { Owner::Caller } else { finding.owner };
    finding
        .owned_by(owner)
        .evidence(format_args!("-ProxyFqdn {server} was given"))
        .first("Run it again without -ProxyFqdn, to look at the servers that DNS names.")
}

/// Returns the findings about single servers of a partner that is healthy as a whole.
pub fn of_single_servers(look: &ProbeReport, asking: &Asking<'_>) -> Vec<Finding> {
    let broken = look.probes.iter().flatten().filter(|probe| !probe.is_healthy());
    broken.map(|probe| whose(probed(probe, look, asking), look, asking).made_safe()).collect()
}

/// Makes the pool the owner of a partner's finding where the domain is one of our own.
fn whose(finding: Finding, look: &ProbeReport, asking: &Asking<'_>) -> Finding {
    match asking.ours {
        Some(pool) if finding.owner == Owner::Partner => {
            let domain = &look.name;
            let advice = format!(
                "{domain} is served by {pool}, so what a partner would be asked for is to be done there."
            );
            let remedy = format!("{advice} {}", finding.remedy);
            finding.owned_by(Owner::Pool).remedy(remedy)
        }
        Some(_) | None => finding,
    }
}

/// Returns the finding about one server.
fn probed(probe: &ServerProbe, look: &ProbeReport, asking: &Asking<'_>) -> Finding {
    let seen = from_here(Some(probe), &trouble(probe));
    match &probe.offer {
        Err(fault) => of(fault, of_probe(probe), &seen, look, asking),
        Ok(_) => of_partner(of_probe(probe).unwrap_or(Cause::Untrusted), look, asking).evidence(seen),
    }
}

/// Returns the finding for a fault: about the partner where the fault says something about it, else about this
/// machine.
fn of(fault: &Fault, cause: Option<Cause>, seen: &str, look: &ProbeReport, asking: &Asking<'_>) -> Finding {
    match cause.or_else(|| by_itself(fault)) {
        Some(cause) => of_partner(cause, look, asking).evidence(seen),
        None => diagnose(fault, &look.trace, &context(&look.name, look, asking)),
    }
}

/// The cause of what says too little beside a pool's own words, and enough without any.
fn by_itself(fault: &Fault) -> Option<Cause> {
    match fault {
        Fault::Connect(connect::Fault::Unreachable { .. }) => Some(Cause::Unreachable),
        Fault::Connect(connect::Fault::Mixed { attempts }) => {
            attempts.iter().any(|attempt| attempt.outcome == ConnectOutcome::Reset).then_some(Cause::Closed)
        }
        Fault::Stream(fault) => Some(match fault {
            stream::Fault::WrongFrom { .. } => Cause::HostUnknown,
            stream::Fault::Unexpected { .. } | stream::Fault::TooLong { .. } => Cause::NotXmpp,
            stream::Fault::Xml(_)
            | stream::Fault::NotAStream { .. }
            | stream::Fault::WrongContent { .. }
            | stream::Fault::Version { .. }
            | stream::Fault::Closed
            | stream::Fault::Error { .. }
            | stream::Fault::SeeOtherHost { .. } => Cause::PartnerError,
        }),
        Fault::Deadline { phase: Phase::Connect, .. } => Some(Cause::NoAnswer),
        Fault::Connect(connect::Fault::Refused { .. } | connect::Fault::Silent { .. })
        | Fault::Resolve(_)
        | Fault::Secure(_)
        | Fault::Authenticate(_)
        | Fault::Bind(_)
        | Fault::Send(_)
        | Fault::Deliver(_)
        | Fault::Deadline { .. }
        | Fault::Cancelled => None,
    }
}

/// The words for a cause where this machine asked. What the catalogue says to do at the pool is to be
/// done here, or where nobody knows.
fn of_partner(cause: Cause, look: &ProbeReport, asking: &Asking<'_>) -> Finding {
    let partner = &look.name;
    let finding = of_cause(cause, None, &Context { look: Some(look), ..context(HERE, look, asking) });
    match cause {
        Cause::NotFound => finding.remedy(format!(
            "Check the spelling of {partner}; if it is right, have the partner correct its _xmpp-server record and its addresses in DNS."
        )),
        Cause::DnsFailure => finding.owned_by(Owner::Unknown).remedy(format!(
            "Check the resolver of this machine, and the DNSSEC signatures and name servers of the zone of {partner}."
        )),
        Cause::NoAnswer => finding.remedy(format!(
            "Check the firewalls between this machine and {partner} for its federation port (5269 as a rule), on both sides; a pool may have a way that this machine has not. Ask the partner whether its host is up."
        )),
        Cause::Unreachable => finding.remedy(format!(
            "Check this machine's network, its routes, and whether the addresses of {partner} are of a kind that it can use (IPv4, IPv6)."
        )),
        Cause::TlsFailed => finding.remedy(
            "Ask the partner to check TLS at its federation port: TLS 1.2 or 1.3, and a certificate for its domain. openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:5269 shows what it says.",
        ),
        Cause::NotYetValid => finding.remedy(
            "Check this machine's clock; if it is right, ask the partner to install a certificate that is valid now.",
        ),
        Cause::Untrusted if is_outdated(&Context { look: Some(look), ..context(HERE, look, asking) }) => finding,
        Cause::Untrusted => finding.remedy(format!(
            "Ask the partner for a certificate from a known issuer with its whole chain; if its issuer is to be believed, have {} trust it.",
            asking.pool.unwrap_or("the pools")
        )),
        Cause::Closed | Cause::PartnerError => finding.remedy(format!(
            "Ask the partner to look into its server's log for {}.",
            asking.from.unwrap_or("a server that gave no name")
        )),
        Cause::Unresolved
        | Cause::NotOffered
        | Cause::Refused
        | Cause::Silent
        | Cause::NotXmpp
        | Cause::WrongPort
        | Cause::NoTls
        | Cause::NothingOffered
        | Cause::Expired
        | Cause::WrongName
        | Cause::MissingIntermediate
        | Cause::WrongPurpose
        | Cause::HostUnknown
        | Cause::NotAuthenticated
        | Cause::OurCertificate
        | Cause::NoMechanism
        | Cause::OurEncryption
        | Cause::Disabled
        | Cause::Forbidden
        | Cause::PartnerPolicy
        | Cause::QueueFull
        | Cause::PoolError
        | Cause::Failed => finding,
    }
}

fn from_here(probe: Option<&ServerProbe>, trouble: &str) -> String {
    match probe {
        Some(probe) => format!("seen from this machine at {}: {trouble}", place(&probe.target)),
        None => format!("seen from this machine: {trouble}"),
    }
}

/// The scene, with `asks` in the place of the pool.
fn context<'a>(asks: &'a str, look: &'a ProbeReport, asking: &Asking<'a>) -> Context<'a> {
    Context {
        sent: SentStanza::Message,
        pool: asks,
        pool_listed: asking.partner_listed,
        sender: asking.from.unwrap_or("a server without a name"),
        receiver: Some(&look.name),
        partner_listed: asking.partner_listed,
        serves_sender: true,
        security: Security::Auto,
        witnessed: false,
        answer_promised: false,
        given: Given::default(),
        look: None,
    }
}

/// The name of this machine as the party that asks.
const HERE: &str = "this machine";
