//! Findings of federation: why a pool could not give a message to a partner, and what was seen from here.
//!
//! The pool's word decides. The look from this machine makes a vague word exact and says where both
//! disagree; it never overturns what the pool said, since this machine has other name servers and
//! other routes.

use std::net::IpAddr;
use std::time::Duration;

use super::bounces::{self, Cause, KnownSoftware};
use super::quote::{moment, place};
use super::{Context, Finding, Owner, catalogue};
use crate::xmpp::certificate::CertificateFault;
use crate::xmpp::condition::StreamCondition;
use crate::xmpp::connect::ConnectOutcome;
use crate::xmpp::dns::{DnsAnswer, SrvAnswer};
use crate::xmpp::federation::{Dialback, ProbeReport, ServerOffer, ServerProbe};
use crate::xmpp::resolve::{TargetOrigin, TlsStart};
use crate::xmpp::trace::Fact;
use crate::xmpp::{Fault, Phase, connect, resolve, secure, stream, xml};

/// A pool's report about a partner.
pub(super) struct Word {
    pub(super) cause: Cause,
    pub(super) software: KnownSoftware,
    /// The time between the message and the report.
    pub(super) after: Duration,
}

/// Says what a pool's word about a partner means, beside what was seen from here.
pub(super) fn finding(word: &Word, context: &Context<'_>) -> Finding {
    let seen = context.look.map(Seen::of);
    if bounces::is_from_memory(word.cause, word.software, word.after) {
        return remembered(seen.as_ref(), context);
    }
    let cause = seen.as_ref().map_or(word.cause, |seen| more_exact(word.cause, seen));
    if let Some(fault) = context.look.and_then(unanswered).filter(|_| BY_ITS_RECORDS.contains(&cause)) {
        return without_records(fault, seen.as_ref(), context);
    }
    let finding = of_cause(cause, seen.as_ref(), context);
    let is_denied = seen.as_ref().is_some_and(|seen| seen.healthy) && OF_A_BROKEN_PARTNER.contains(&cause);
    let finding = if is_denied { disagreeing(finding, context) } else { finding };
    let finding = with_look(finding, seen.as_ref(), context);
    if bounces::may_be_from_memory(word.cause, word.software, word.after) {
        let mut finding = finding;
        finding.remedy.push_str(" If it was repaired within the last five minutes, test again later: ejabberd may be repeating an old failure from memory.");
        return finding;
    }
    finding
}

/// The pool has said nothing at all. What was seen from here may say why, where it is of the kind that
/// servers are long about; whatever they notice at once, this pool does not see.
pub(super) fn unsaid(context: &Context<'_>) -> Option<Finding> {
    let seen = Seen::of(context.look?);
    let cause = seen.cause.filter(|cause| LONG_UNSAID.contains(cause))?;
    let (pool, partner) = (context.pool, context.partner());
    let finding = of_cause(cause, Some(&seen), context);
    // The pool's own view is not known.
    let finding = if cause == Cause::NoAnswer {
        let title =
            format!("no answer from the server of {partner}: packets to it are dropped, or it is down");
        Finding { title, ..finding }
    } else if cause == Cause::DnsFailure {
        let title = format!("DNS fails for {partner}, which does not mean that the name is missing");
        Finding { title, ..finding }.remedy(format!(
            "Check the name servers of the zone of {partner}, and the resolvers of this machine and of {pool}."
        ))
    } else {
        finding
    };
    Some(with_look(finding, None, context))
}

/// The causes that cannot hold if a look finds a healthy server: both views are reported, and nobody is blamed.
const OF_A_BROKEN_PARTNER: [Cause; 10] = [
    Cause::NotOffered,
    Cause::NotXmpp,
    Cause::WrongPort,
    Cause::NoTls,
    Cause::Expired,
    Cause::NotYetValid,
    Cause::WrongName,
    Cause::MissingIntermediate,
    Cause::WrongPurpose,
    Cause::HostUnknown,
];

/// The causes that a pool meets behind the wrong address, where DNS failed over the records of the right one.
const BY_ITS_RECORDS: [Cause; 4] = [Cause::Refused, Cause::NoAnswer, Cause::NotXmpp, Cause::HostUnknown];

/// The causes that servers take long to report.
const LONG_UNSAID: [Cause; 4] = [Cause::NoAnswer, Cause::Silent, Cause::NoTls, Cause::DnsFailure];

/// Adds what was seen from here to the finding, as evidence.
pub(super) fn with_look(finding: Finding, seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    match (seen, context.look) {
        (Some(seen), _) => finding.evidence(&seen.text),
        (None, Some(look)) => finding.evidence(Seen::of(look).text),
        (None, None) => finding,
    }
}

/// The result of the look from here.
#[derive(Debug)]
pub(super) struct Seen {
    /// The reason why the partner could not be reached from here; `None` where it looks healthy, or where this
    /// machine itself could not look.
    cause: Option<Cause>,
    healthy: bool,
    /// The host that the partner's SRV record leads to, where it has no address.
    nowhere: Option<String>,
    text: String,
}

impl Seen {
    pub(super) fn of(look: &ProbeReport) -> Self {
        let partner = &look.name;
        let probes = match &look.probes {
            Err(fault) => {
                let text = format!("from this machine: {fault}");
                return Self { cause: of_fault(fault), healthy: false, nowhere: nowhere(fault), text };
            }
            Ok(probes) => probes,
        };
        if let Some(probe) = probes.iter().find(|probe| probe.is_healthy()) {
            let text = format!(
                "from this machine, {partner} looks healthy: {} answers with a good certificate",
                place(&probe.target)
            );
            return Self { cause: None, healthy: true, nowhere: None, text };
        }
        match probes.first() {
            None => Self {
                cause: None,
                healthy: false,
                nowhere: None,
                text: "from this machine, nothing was seen".to_owned(),
            },
            Some(probe) => Self {
                cause: of_probe(probe),
                healthy: false,
                nowhere: None,
                text: format!("from this machine, at {}: {}", place(&probe.target), trouble(probe)),
            },
        }
    }
}

impl Seen {
    /// Whether DNS led this machine to a server: what was reached, it must have led to.
    fn was_led_there(&self) -> bool {
        let is_nowhere = |cause| matches!(cause, Cause::NotFound | Cause::NotOffered | Cause::DnsFailure);
        self.healthy || self.cause.is_some_and(|cause| !is_nowhere(cause))
    }
}

/// Finds the failure of a name server over the partner's SRV records, where none of them is known.
fn unanswered(look: &ProbeReport) -> Option<&resolve::Fault> {
    if look.probes.iter().flatten().any(|probe| probe.target.origin != TargetOrigin::Name) {
        return None;
    }
    look.trace.facts().find_map(|(_, fact)| {
        let Fact::Srv(SrvAnswer { answer: DnsAnswer::Failed(fault), .. }) = fact else { return None };
        let is_of_dns =
            matches!(**fault, resolve::Fault::ServerFailure { .. } | resolve::Fault::Timeout { .. });
        is_of_dns.then_some(&**fault)
    })
}

/// The target that has no address, and no name server that failed over it.
fn nowhere(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Resolve(resolve::Fault::TargetWithoutAddress { host, cause, .. })
            if of_resolve(cause) == Some(Cause::NotFound) =>
        {
            Some(host.clone())
        }
        Fault::Resolve(_)
        | Fault::Connect(_)
        | Fault::Secure(_)
        | Fault::Stream(_)
        | Fault::Authenticate(_)
        | Fault::Bind(_)
        | Fault::Send(_)
        | Fault::Deliver(_)
        | Fault::Deadline { .. }
        | Fault::Cancelled => None,
    }
}

pub(super) fn of_probe(probe: &ServerProbe) -> Option<Cause> {
    match (&probe.offer, probe.certificate().map(|report| &report.verdict)) {
        (Err(fault), _) => of_fault(fault),
        (Ok(_), Some(Err(fault))) => Some(of_certificate(fault)),
        (Ok(_), Some(Ok(_)) | None) => None,
    }
}

pub(super) fn trouble(probe: &ServerProbe) -> String {
    match (&probe.offer, probe.certificate()) {
        (Err(fault), _) => fault.to_string(),
        (Ok(_), Some(report)) => match &report.verdict {
            Err(fault) => format!(
                "its certificate, valid until {}, is not acceptable: {fault}",
                moment(report.not_after)
            ),
            Ok(_) => "it answers".to_owned(),
        },
        (Ok(_), None) => "it answers without a certificate".to_owned(),
    }
}

fn of_certificate(fault: &CertificateFault) -> Cause {
    match fault {
        CertificateFault::Expired { .. } => Cause::Expired,
        CertificateFault::NotYetValid { .. } => Cause::NotYetValid,
        CertificateFault::NameMismatch { .. } => Cause::WrongName,
        CertificateFault::IncompleteChain { .. } => Cause::MissingIntermediate,
        CertificateFault::WrongPurpose { .. } => Cause::WrongPurpose,
        CertificateFault::SelfSigned { .. }
        | CertificateFault::UnknownIssuer { .. }
        | CertificateFault::Namesake { .. }
        | CertificateFault::Invalid { .. } => Cause::Untrusted,
    }
}

/// The cause that a fault of the look stands for; `None` where it says nothing about the partner.
pub(super) fn of_fault(fault: &Fault) -> Option<Cause> {
    match fault {
        Fault::Resolve(fault) => of_resolve(fault),
        Fault::Connect(fault) => of_connect(fault),
        Fault::Secure(fault) => of_secure(fault),
        Fault::Stream(fault) => of_stream(fault),
        Fault::Deadline { phase, .. } => match phase {
            Phase::Connect => Some(Cause::NoAnswer),
            Phase::Secure => Some(Cause::Silent),
            Phase::Resolve | Phase::Authenticate | Phase::Bind | Phase::Send | Phase::Deliver => None,
        },
        Fault::Authenticate(_) | Fault::Bind(_) | Fault::Send(_) | Fault::Deliver(_) | Fault::Cancelled => {
            None
        }
    }
}

fn of_resolve(fault: &resolve::Fault) -> Option<Cause> {
    match fault {
        resolve::Fault::NoSuchName { .. } | resolve::Fault::NoRecords { .. } => Some(Cause::NotFound),
        resolve::Fault::NotOffered { .. } => Some(Cause::NotOffered),
        resolve::Fault::ServerFailure { .. } => Some(Cause::DnsFailure),
        resolve::Fault::TargetWithoutAddress { cause, .. } => of_resolve(cause),
        resolve::Fault::BadName { .. }
        | resolve::Fault::NoNameServer { .. }
        | resolve::Fault::Timeout { .. }
        | resolve::Fault::NotAsked { .. }
        | resolve::Fault::SecurityNotOffered { .. } => None,
    }
}

fn of_connect(fault: &connect::Fault) -> Option<Cause> {
    match fault {
        connect::Fault::Refused { .. } => Some(Cause::Refused),
        connect::Fault::Silent { .. } => Some(Cause::NoAnswer),
        connect::Fault::Unreachable { .. } => None,
        connect::Fault::Mixed { attempts } => {
            let some = |outcome: &ConnectOutcome| attempts.iter().any(|attempt| attempt.outcome == *outcome);
            if some(&ConnectOutcome::TimedOut) {
                Some(Cause::NoAnswer)
            } else if some(&ConnectOutcome::Refused) {
                Some(Cause::Refused)
            } else {
                None
            }
        }
    }
}

fn of_secure(fault: &secure::Fault) -> Option<Cause> {
    match fault {
        secure::Fault::Certificate(fault) => Some(of_certificate(fault)),
        secure::Fault::NoStartTls => Some(Cause::NoTls),
        secure::Fault::SpeaksTls => Some(Cause::WrongPort),
        secure::Fault::NotTls { said } if is_stream(said) => Some(Cause::WrongPort),
        secure::Fault::HandshakeRefused { .. }
        | secure::Fault::TooOld { .. }
        | secure::Fault::NotTls { .. }
        | secure::Fault::StartTlsFailed
        | secure::Fault::Injected { .. }
        | secure::Fault::Handshake { .. } => Some(Cause::TlsFailed),
        secure::Fault::Closed | secure::Fault::Reset => Some(Cause::Closed),
        secure::Fault::CaFile { .. }
        | secure::Fault::NoRoots { .. }
        | secure::Fault::ClientCertificate { .. } => None,
    }
}

fn of_stream(fault: &stream::Fault) -> Option<Cause> {
    match fault {
        stream::Fault::WrongContent { content } if content == FOR_CLIENTS => Some(Cause::WrongPort),
        stream::Fault::Xml(xml::Fault::Refused { .. })
        | stream::Fault::NotAStream { .. }
        | stream::Fault::WrongContent { .. }
        | stream::Fault::Version { .. } => Some(Cause::NotXmpp),
        stream::Fault::Xml(xml::Fault::Alert { .. }) => Some(Cause::TlsFailed),
        stream::Fault::Xml(xml::Fault::Broken { .. } | xml::Fault::Ended { .. } | xml::Fault::Closed)
        | stream::Fault::Closed => Some(Cause::Closed),
        stream::Fault::Error {
            condition: StreamCondition::HostUnknown | StreamCondition::HostGone, ..
        } => Some(Cause::HostUnknown),
        stream::Fault::Error { condition: StreamCondition::PolicyViolation, .. } => {
            Some(Cause::PartnerPolicy)
        }
        stream::Fault::Error { .. }
        | stream::Fault::SeeOtherHost { .. }
        | stream::Fault::WrongFrom { .. }
        | stream::Fault::Unexpected { .. }
        | stream::Fault::TooLong { .. } => None,
    }
}

/// The cause that both agree on, where what was seen from here says it more exactly than the pool.
fn more_exact(said: Cause, seen: &Seen) -> Cause {
    let Some(here) = seen.cause else {
        // A name that no name server answers for here either is not known to be missing.
        let is_unanswered = said == Cause::Unresolved && !seen.healthy && !seen.was_led_there();
        return if is_unanswered { Cause::DnsFailure } else { said };
    };
    let leaves_open = LEFT_OPEN.iter().any(|(vague, exact)| *vague == said && exact.contains(&here));
    // COMPAT: Openfire and MongooseIM say this for everything.
    if said == Cause::Failed || leaves_open { here } else { said }
}

/// The causes that a pool's report leaves open, and the causes that a look may find instead.
const LEFT_OPEN: &[(Cause, &[Cause])] = &[
    // COMPAT: ejabberd looks up the address of `.` where a partner offers nothing, and says the same for
    // that and for a name server that fails.
    (Cause::NotFound, &[Cause::NotOffered]),
    (Cause::Unresolved, &[Cause::NotOffered, Cause::NotFound, Cause::DnsFailure]),
    (Cause::DnsFailure, &[Cause::NotOffered, Cause::NotFound]),
    // COMPAT: Prosody 0.12 gives up on a partner without encryption as on a silent one.
    (Cause::Silent, &[Cause::NoTls, Cause::WrongPort]),
    // COMPAT: Prosody 0.12 says "is not trusted" for most flaws of a certificate.
    (
        Cause::Untrusted,
        &[
            Cause::Expired,
            Cause::NotYetValid,
            Cause::WrongName,
            Cause::MissingIntermediate,
            Cause::WrongPurpose,
        ],
    ),
    (Cause::Closed, &[Cause::NotXmpp, Cause::WrongPort, Cause::NoTls, Cause::HostUnknown]),
    (Cause::PartnerError, &[Cause::NotXmpp, Cause::WrongPort, Cause::NoTls, Cause::HostUnknown]),
    // How a port begins shows in the answer to whoever begins otherwise.
    (Cause::NotXmpp, &[Cause::WrongPort]),
    (Cause::TlsFailed, &[Cause::WrongPort]),
    (Cause::HostUnknown, &[Cause::WrongPort]),
];

/// The words for a cause, and whose it is in the light of what was seen from here.
pub(super) fn of_cause(cause: Cause, seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let (pool, partner, domain) = (context.pool, context.partner(), context.domain());
    let say = |entry, title| Finding::of(entry, title);
    let finding = match cause {
        Cause::NotFound | Cause::Unresolved => not_found(seen, context),
        Cause::NotOffered => say(
            &catalogue::FEDERATION_NOT_OFFERED,
            format!("{partner} publishes in DNS that it offers no federation"),
        ),
        Cause::DnsFailure => {
            let title = format!(
                "DNS failed at {pool} when it looked for {partner}, which does not mean that the name is missing"
            );
            let finding = say(&catalogue::FEDERATION_DNS_FAILURE, title);
            // It may be the zone, or a resolver that both use; only where this machine was led to a server, it is
            // the pool's own.
            if seen.is_none_or(Seen::was_led_there) { finding } else { finding.owned_by(Owner::Unknown) }
        }
        Cause::Refused => {
            let title = format!("the host of {partner} answers, and nobody listens at its federation port");
            unless_healthy(say(&catalogue::FEDERATION_REFUSED, title), seen, context)
        }
        Cause::NoAnswer => {
            let title = format!(
                "no answer from the server of {partner}: packets between it and {pool} are dropped, or it is down"
            );
            // That it does not answer here either proves nothing: both may stand behind the firewall that
            // drops the packets.
            say(&catalogue::FEDERATION_NO_ANSWER, title)
        }
        Cause::Unreachable => {
            say(&catalogue::FEDERATION_UNREACHABLE, format!("{pool} has no route to the server of {partner}"))
        }
        Cause::Silent => {
            let title = format!("the server of {partner} accepts connections and then falls silent");
            unless_healthy(say(&catalogue::FEDERATION_SILENT, title), seen, context)
        }
        Cause::Closed => {
            let title = format!("the server of {partner} closes the connection of {pool} without a reason");
            unless_healthy(say(&catalogue::FEDERATION_CLOSED, title), seen, context)
        }
        Cause::PartnerError => say(
            &catalogue::FEDERATION_CLOSED,
            format!("the server of {partner} ends the connection of {pool} with an error"),
        ),
        Cause::NotXmpp => say(
            &catalogue::FEDERATION_NOT_XMPP,
            format!("what answers at the federation port of {partner} is no XMPP server"),
        ),
        Cause::WrongPort => wrong_port(context),
        Cause::NoTls => {
            say(&catalogue::FEDERATION_NO_TLS, format!("the server of {partner} offers no encryption"))
        }
        // The pool can make TLS where this machine could, and it is behind TLS that nothing came.
        Cause::NothingOffered if seen.is_some_and(|seen| seen.healthy) => {
            let title = format!("the server of {partner} offers {pool} no way to prove who it is");
            say(&catalogue::FEDERATION_NOT_AUTHENTICATED, title).owned_by(Owner::Partner).remedy(
                "Ask the partner to let its server authenticate others, by certificate or by dialback. Prosody: the modules saslauth and dialback, one of which must not stand in modules_disabled; ejabberd: s2s_use_starttls: required, or mod_s2s_dialback.",
            )
        }
        Cause::NothingOffered => {
            say(&catalogue::FEDERATION_NO_TLS, format!("the server of {partner} offers no encryption"))
        }
        Cause::TlsFailed => tls_failed(seen, context),
        Cause::Expired => certificate(&catalogue::FEDERATION_EXPIRED, "has expired", context),
        Cause::NotYetValid => certificate(&catalogue::FEDERATION_NOT_YET_VALID, "is not valid yet", context),
        Cause::WrongName => certificate(&catalogue::FEDERATION_NAME, "is for another name", context),
        Cause::Untrusted => untrusted(seen, context),
        Cause::MissingIntermediate => {
            let entry = &catalogue::FEDERATION_CHAIN;
            certificate(entry, "depends on an intermediate certificate that it does not send", context)
        }
        Cause::WrongPurpose => {
            let entry = &catalogue::FEDERATION_PURPOSE;
            certificate(entry, "is not meant for what a server between servers does with it", context)
        }
        Cause::HostUnknown => say(
            &catalogue::FEDERATION_HOST_UNKNOWN,
            format!("the server that DNS names for {partner} does not serve {partner}"),
        ),
        Cause::NotAuthenticated => not_authenticated(context),
        Cause::OurCertificate => say(
            &catalogue::FEDERATION_OUR_CERTIFICATE,
            format!("the server of {partner} does not accept the certificate of {pool}"),
        ),
        // COMPAT: ejabberd guesses that its certificate is the reason; some servers offer SASL EXTERNAL to nobody.
        Cause::NoMechanism => {
            let title =
                format!("the server of {partner} does not offer {pool} to authenticate by its certificate");
            say(&catalogue::FEDERATION_OUR_CERTIFICATE, title).remedy(format!(
                "Check the pool's certificate: its dates, its names, its chain, and that it may be used by clients (clientAuth) and for signatures (digitalSignature): on ejabberd, the files of certfiles in ejabberd.yml, then ejabberdctl reload_config. If it is in order, ask {partner} whether its server authenticates by certificate at all (Prosody: saslauth must not stand in modules_disabled), or let the pool do dialback (mod_s2s_dialback)."
            ))
        }
        Cause::OurEncryption => say(
            &catalogue::FEDERATION_OUR_ENCRYPTION,
            format!("the server of {partner} wants encryption, and {pool} does not do it between servers"),
        ),
        Cause::Disabled => say(
            &catalogue::FEDERATION_DISABLED,
            format!("{pool} is not set up to federate with other domains"),
        ),
        Cause::Forbidden => say(
            &catalogue::FEDERATION_FORBIDDEN,
            format!("the policy of {pool} does not allow {domain} to federate with {partner}"),
        ),
        Cause::PartnerPolicy => say(
            &catalogue::FEDERATION_PARTNER_POLICY,
            format!("the policy of {partner} does not let {domain} federate with it"),
        ),
        Cause::QueueFull => {
            say(&catalogue::FEDERATION_QUEUE_FULL, format!("the queue of {pool} for {partner} is full"))
        }
        Cause::PoolError => say(
            &catalogue::FEDERATION_POOL_ERROR,
            format!("{pool} failed internally on the way to {partner}"),
        ),
        Cause::Failed => failed(seen, context),
    };
    by_its_name(by_its_record(finding, cause, context), cause, context)
}

/// Blames the partner's record where it cannot be right itself: whatever was met behind it comes of that.
fn by_its_record(finding: Finding, cause: Cause, context: &Context<'_>) -> Finding {
    let first = context.look.and_then(|look| look.probes.as_ref().ok()?.first());
    let Some(flaw) = first.and_then(|probe| probe.target.flaw()) else { return finding };
    if !ON_THE_WAY.contains(&cause) {
        return finding;
    }
    let partner = context.partner();
    Finding { title: format!("the SRV record of {partner} {flaw}"), ..finding }.owned_by(Owner::Partner).remedy(format!(
        "Ask the partner to correct its _xmpp-server record: it must name a host, which has an address in DNS, and the port at which its server listens (5269 as a rule). dig SRV _xmpp-server._tcp.{partner} shows it."
    ))
}

/// Blames the caller for a name that is no domain of a server, unless the topology lists it.
fn by_its_name(finding: Finding, cause: Cause, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    if context.partner_listed || !ON_THE_WAY.contains(&cause) {
        return finding;
    }
    let is_address = partner.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_local = partner == "localhost" || partner.ends_with(".localhost");
    if is_address || is_local {
        let what =
            if is_address { "is an address and no domain" } else { "is whatever machine looks for it" };
        let title = format!("{partner} {what}, and {pool} finds no server for it there");
        return Finding::of(&catalogue::FEDERATION_NOT_FOUND, title).owned_by(Owner::Caller).remedy(
            "Give the domain that the server serves, as users write it behind the @, and not the server's address or machine.",
        );
    }
    let probes = context.look.and_then(|look| look.probes.as_ref().ok());
    let has_record =
        probes.is_none_or(|all| all.iter().any(|probe| probe.target.origin != TargetOrigin::Name));
    if has_record {
        return finding;
    }
    let advice = format!("Check the spelling of {partner}: it has no _xmpp-server record in DNS.");
    if cause == Cause::HostUnknown {
        let title = format!(
            "the server at the address of {partner} does not serve {partner}, which has no SRV record"
        );
        Finding { title, ..finding }
            .owned_by(Owner::Caller)
            .first(&format!("{advice} The name of a server's host is often not the domain that it serves."))
    } else {
        finding.first(&advice)
    }
}

/// The causes that a pool, or this machine, meets where DNS leads it.
const ON_THE_WAY: [Cause; 9] = [
    Cause::NotFound,
    Cause::Unresolved,
    Cause::Refused,
    Cause::NoAnswer,
    Cause::Unreachable,
    Cause::Silent,
    Cause::Closed,
    Cause::NotXmpp,
    Cause::HostUnknown,
];

/// Says that DNS failed over the partner's records, and that the address of its name is not its server's.
fn without_records(fault: &resolve::Fault, seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let partner = context.partner();
    let title =
        format!("DNS fails for the SRV record of {partner}, without which its server cannot be found");
    let finding = Finding::of(&catalogue::FEDERATION_DNS_FAILURE, title)
        .owned_by(Owner::Unknown)
        .evidence(format_args!("this machine was told {fault}"));
    with_look(finding, seen, context)
}

/// The port that DNS names begins another way, as the look from here found out.
fn wrong_port(context: &Context<'_>) -> Finding {
    let partner = context.partner();
    let entry = &catalogue::FEDERATION_PORT_KIND;
    let probes = context.look.into_iter().flat_map(|look| look.probes.iter().flatten());
    let mut wrong = probes.filter(|probe| of_probe(probe) == Some(Cause::WrongPort));
    let Some(probe) = wrong.next() else {
        return Finding::of(
            entry,
            format!("the federation port of {partner} begins another way than its records say"),
        );
    };
    let (at, port) = (place(&probe.target), probe.target.port);
    let is_srv = probe.target.origin == TargetOrigin::Srv;
    if matches!(&probe.offer, Err(Fault::Stream(_))) {
        let title = format!("the port {at} of {partner} serves clients, not other servers");
        let finding = Finding::of(entry, title).evidence(format_args!("its stream carries {FOR_CLIENTS}"));
        return finding.remedy(format!(
            "Ask the partner to correct its _xmpp-server record: it must name the port for servers (5269 as a rule), not {port}."
        ));
    }
    let (wants, wrong, right) = match probe.target.kind {
        TlsStart::Direct => ("STARTTLS", "_xmpps-server", "_xmpp-server"),
        TlsStart::StartTls => ("TLS from the first byte", "_xmpp-server", "_xmpps-server"),
    };
    let title = format!("the port {at} of {partner} wants {wants}, and is named for the other way");
    let finding = Finding::of(entry, title);
    if is_srv {
        finding.remedy(format!(
            "Ask the partner to publish the port {port} in DNS under {right} instead of {wrong}."
        ))
    } else {
        finding.remedy(format!("Ask the partner for its port with STARTTLS (5269 as a rule), or to publish this one under {right}."))
    }
}

/// Whether an answer to a TLS handshake is the beginning of a stream, or the end of one.
fn is_stream(said: &str) -> bool {
    ["<?xml", "<stream", "stream:"].iter().any(|words| said.contains(words))
}

/// The namespace of streams for clients.
const FOR_CLIENTS: &str = "jabber:client";

/// The two servers have no way in common to prove who they are.
fn not_authenticated(context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let entry = &catalogue::FEDERATION_NOT_AUTHENTICATED;
    let offers = context.look.into_iter().flat_map(|look| look.probes.iter().flatten());
    let offers: Vec<&ServerOffer> = offers.filter_map(|probe| probe.offer.as_ref().ok()).collect();
    let is_by_dialback = |offer: &&&ServerOffer| {
        matches!(offer, ServerOffer::Ways { mechanisms, dialback: Dialback::Offered }
            if !mechanisms.iter().any(|name| name == "EXTERNAL"))
    };
    if !offers.is_empty() && offers.iter().all(|offer| is_by_dialback(&offer)) {
        let title = format!(
            "the server of {partner} offers dialback only, and {pool} wants a certificate or cannot do dialback with it"
        );
        return Finding::of(entry, title)
            .evidence("seen from this machine, it offers no SASL EXTERNAL (to a stranger without a certificate)")
            .remedy(format!(
                "Let both servers do the same: enable dialback at {pool} (Prosody: module dialback, s2s_secure_auth = false; ejabberd: mod_s2s_dialback), or have the partner trust certificates (Prosody: s2s_secure_auth = true; ejabberd: s2s_use_starttls: required and ca_file)."
            ));
    }
    Finding::of(
        entry,
        format!("{pool} and the server of {partner} could not prove to each other who they are"),
    )
}

/// DNS led the pool to no server.
fn not_found(seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let entry = &catalogue::FEDERATION_NOT_FOUND;
    if seen.is_some_and(Seen::was_led_there) {
        let title = format!("{pool} cannot find {partner} in DNS, although this machine can");
        return Finding::of(entry, title).owned_by(Owner::Pool).remedy(format!(
            "Check the name servers that {pool} uses: they do not know {partner}, or know it wrongly. dig SRV _xmpp-server._tcp.{partner}, typed on the pool's machine and on this one, shows the difference."
        ));
    }
    if let Some(host) = seen.and_then(|seen| seen.nowhere.as_deref()) {
        let title = format!("the SRV record of {partner} leads to {host}, which has no address");
        return Finding::of(entry, title).remedy(format!(
            "Ask the partner to correct the target of its _xmpp-server record, or to give {host} an address in DNS."
        ));
    }
    let owner = if context.partner_listed { Owner::Partner } else { Owner::Caller };
    let title = format!("{pool} cannot find a server of {partner} in DNS: no such name, or no address");
    Finding::of(entry, title).owned_by(owner)
}

fn tls_failed(seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let entry = &catalogue::FEDERATION_TLS_FAILED;
    // Where it fails for this machine too, it is not the pool's side.
    if is_alike(Cause::TlsFailed, seen) {
        let title =
            format!("the server of {partner} cannot be spoken to by TLS, neither from {pool} nor from here");
        return Finding::of(entry, title).owned_by(Owner::Partner).remedy(
            "Ask the partner to allow TLS 1.2 or 1.3 at its federation port, with ciphers that fit its certificate (ECDHE with AES-GCM or ChaCha20). Prosody: protocol, ciphers and certificate of ssl or s2s_ssl; ejabberd: s2s_protocol_options, s2s_ciphers and certfiles. openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:PORT shows what it agrees to.",
        );
    }
    Finding::of(entry, format!("{pool} and the server of {partner} could not agree on encryption"))
}

fn untrusted(seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let entry = &catalogue::FEDERATION_UNTRUSTED;
    if seen.is_some_and(|seen| seen.healthy) {
        return certificate(entry, "is trusted by this machine and not by the pool", context)
            .owned_by(Owner::Pool)
            .remedy(format!("Check the list of trusted issuers at {}, and its clock (timedatectl). On the pool's machine, update-ca-certificates renews the system's list; Prosody takes cafile or capath of ssl in prosody.cfg.lua, ejabberd ca_file in ejabberd.yml.", context.pool));
    }
    if is_outdated(context) {
        return certificate(entry, "is broken or outdated, and is not trusted", context).remedy(REISSUE);
    }
    certificate(entry, "is not trusted", context)
}

/// Whether it is the certificate itself that was seen to be unsound, whoever issued it.
pub(super) fn is_outdated(context: &Context<'_>) -> bool {
    let probes = context.look.and_then(|look| look.probes.as_ref().ok());
    let seen = probes.into_iter().flatten().filter_map(ServerProbe::certificate);
    seen.map(|report| &report.verdict).any(|verdict| matches!(verdict, Err(CertificateFault::Invalid { .. })))
}

/// What to do about a certificate that is unsound by itself.
const REISSUE: &str = "Ask the partner to have its certificate reissued without what is held against it: basicConstraints CA:FALSE, no critical extensions but standard ones, a key of ECDSA or of RSA with 2048 bits or more, signed with SHA-256. openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:PORT | openssl x509 -noout -text shows what it has now.";

/// Whether this machine saw what the pool says.
fn is_alike(cause: Cause, seen: Option<&Seen>) -> bool {
    seen.and_then(|seen| seen.cause) == Some(cause)
}

/// Changes the finding to one that accuses nobody if only the pool sees the fault.
fn unless_healthy(finding: Finding, seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    if seen.is_some_and(|seen| seen.healthy) { disagreeing(finding, context) } else { finding }
}

/// The pool says that it failed, and not why.
fn failed(seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let healthy_here = seen.is_some_and(|seen| seen.healthy);
    let title = if healthy_here {
        format!("{pool} could not reach {partner} and does not say why, although this machine can")
    } else {
        format!("{pool} could not reach {partner} and does not say why")
    };
    let finding = Finding::of(&catalogue::FEDERATION_FAILED, title);
    if healthy_here {
        finding.remedy(format!(
            "Read the log of {pool} for {partner}; check the name servers, the routes, the certificate and the federation policy of {pool}. Typed on its machine, dig SRV _xmpp-server._tcp.{partner} and openssl s_client -starttls xmpp-server -xmpphost {partner} -connect HOST:5269 show how far it comes; prosodyctl check certs or openssl x509 -in FILE -noout -dates -ext subjectAltName,extendedKeyUsage show its own certificate."
        ))
    } else if context.look.is_none() {
        let look = format!("Run Test-FederatedPartner -Domain {partner} to look from this machine.");
        let remedy = format!("{look} {}", finding.remedy);
        finding.remedy(remedy)
    } else {
        finding
    }
}

/// The pool speaks of a broken partner, and from here it is whole.
fn disagreeing(mut finding: Finding, context: &Context<'_>) -> Finding {
    finding.title.push_str(", as the pool sees it; this machine sees it healthy");
    finding.owned_by(Owner::Unknown).remedy(format!(
        "Test again: it may have been repaired. If it stays, compare the addresses, routes and firewalls that {} and this machine reach {} by: dig, ip route get ADDRESS and nc -vz HOST 5269, typed on both.",
        context.pool,
        context.partner()
    ))
}

fn certificate(entry: &'static catalogue::CatalogueEntry, flaw: &str, context: &Context<'_>) -> Finding {
    Finding::of(entry, format!("the certificate of the server of {} {flaw}", context.partner()))
}

/// ejabberd answers for a while with what went wrong before.
fn remembered(seen: Option<&Seen>, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let finding = Finding::of(
        &catalogue::FEDERATION_MEMORY,
        format!("{pool} repeats from memory that it could not reach {partner} some minutes ago, and did not try again"),
    )
    .evidence("the answer came sooner than such a failure can happen");
    with_look(finding, seen, context)
}
