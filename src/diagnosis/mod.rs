//! Diagnosis: a fault and the trace of its attempt become words: what is broken, whose it is, what next.
//!
//! Stands between `xmpp`, which knows facts, and `verify`, which puts the words into a result. One
//! file per phase, and in each a complete match, so that a fault without words does not compile.
//! Pure: it looks nothing up, measures no time, and never says more than the evidence carries;
//! where nobody can know whose fault it is, the owner is `Unknown`.

pub mod catalogue;
pub mod quote;
mod names;
pub mod plan;
pub mod resolve;
pub mod connect;
pub mod offline;
pub mod secure;
pub mod stream;
pub mod authenticate;
pub mod bind;
pub mod send;
pub mod deliver;
pub mod bounces;
pub mod federation;
pub mod look;
pub mod beside;

use std::fmt;
use std::time::Duration;

use crate::topology::Security;
use crate::xmpp::deliver::Fault as Undelivered;
use crate::xmpp::federation::ProbeReport;
use crate::xmpp::resolve::Target;
use crate::xmpp::trace::{Fact, Trace};
use crate::xmpp::{Fault, Phase};

use catalogue::{CatalogueEntry, Persistence, Reach};
use quote::{seconds, visible};

/// The party that is responsible for a fault and has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The caller who ran the test: its parameters, its credentials, its topology or its machine.
    Caller,
    /// The operator of the pool.
    Pool,
    /// The operator of what lies between: name servers, routes, firewalls.
    Network,
    /// The operator of the receiver's side.
    Partner,
    /// The authors of this program.
    Imsh,
    /// Nobody can know from what was seen.
    Unknown,
}

impl Owner {
    /// The owner's one name, in results and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "Caller",
            Self::Pool => "Pool",
            Self::Network => "Network",
            Self::Partner => "Partner",
            Self::Imsh => "imsh",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A fault in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable word, as in `TLS-NAME`; `Get-Help about_Diagnosis` explains each.
    pub code: &'static str,
    /// The party that is responsible for the fault.
    pub owner: Owner,
    /// The description of the fault: a clause, without a full stop.
    pub title: String,
    /// The evidence for the finding: what was said and seen, quoted verbatim, the most telling first.
    pub evidence: Vec<String>,
    /// The next steps: sentences in the imperative.
    pub remedy: String,
}

impl Finding {
    /// The `Error` of a result: what failed and in whose words, one sentence.
    pub fn error(&self) -> String {
        let title = capitalised(&self.title);
        match self.evidence.first() {
            Some(first) => format!("{title}: {first}."),
            None => format!("{title}."),
        }
    }

    /// The `Diagnosis` of a result: `CODE, Owner: title. Evidence: …; …. Remedy: ….`
    pub fn diagnosis(&self) -> String {
        let mut text = format!("{}, {}: {}.", self.code, self.owner, self.title);
        if !self.evidence.is_empty() {
            text.push_str(&format!(" Evidence: {}.", self.evidence.join("; ")));
        }
        text.push_str(" Remedy: ");
        text.push_str(&self.remedy);
        text
    }

    /// Whether a later try may do better with nothing changed meanwhile.
    pub fn is_transient(&self) -> bool {
        catalogue::entry(self.code).is_some_and(|entry| entry.persistence == Persistence::Transient)
    }

    /// Whether the account has more sessions than its server lets it have.
    pub fn is_of_too_many_sessions(&self) -> bool {
        [catalogue::STREAM_CONFLICT.code, catalogue::BIND_LIMIT.code].contains(&self.code)
    }

    /// Returns the other tests that the finding holds for as well.
    pub fn reach(&self) -> Reach {
        catalogue::entry(self.code).map_or(Reach::Pair, |entry| entry.reach)
    }

    /// A finding of the catalogue with its usual owner and remedy.
    fn of(entry: &'static CatalogueEntry, title: impl Into<String>) -> Self {
        Self {
            code: entry.code,
            owner: entry.owners.first().copied().unwrap_or(Owner::Unknown),
            title: title.into(),
            evidence: Vec::new(),
            remedy: entry.remedy.to_owned(),
        }
    }

    #[must_use]
    fn owned_by(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    #[must_use]
    fn evidence(mut self, evidence: impl fmt::Display) -> Self {
        self.evidence.push(evidence.to_string());
        self
    }

    /// Puts this before the evidence that is there: the most telling comes first.
    #[must_use]
    fn led_by(mut self, evidence: impl fmt::Display) -> Self {
        self.evidence.insert(0, evidence.to_string());
        self
    }

    /// Says something else to do than the catalogue.
    #[must_use]
    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Says something to do first, and the remedy that stands if that does not help.
    #[must_use]
    fn first(mut self, advice: &str) -> Self {
        let otherwise = self.remedy.chars().next().map(char::to_lowercase).into_iter().flatten();
        let otherwise: String = otherwise.chain(self.remedy.chars().skip(1)).collect();
        self.remedy = format!("{advice} If that does not help, {otherwise}");
        self
    }

    /// Adds the last thing that was learned, as evidence for what was not learned after it.
    #[must_use]
    fn last_seen(self, trace: &Trace) -> Self {
        match trace.facts().next_back() {
            Some((phase, fact)) => self.evidence(format_args!("last seen, in {phase}: {fact}")),
            None => self,
        }
    }

    /// Whatever a server said is harmless on a terminal, and short enough to be read.
    fn made_safe(mut self) -> Self {
        self.title = visible(&self.title, MAX_TITLE);
        self.remedy = visible(&self.remedy, MAX_REMEDY);
        self.evidence.truncate(MAX_EVIDENCE);
        for evidence in &mut self.evidence {
            *evidence = visible(evidence, MAX_CLAUSE);
        }
        self
    }
}

/// The facts that the wording of a finding depends on beside the fault and the trace.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The pool's FQDN.
    pub pool: &'a str,
    /// Whether the topology lists the pool.
    pub pool_listed: bool,
    /// The sender's bare address.
    pub sender: &'a str,
    /// The receiver's bare address, of a ping the domain; `None` where only a logon was tested.
    pub receiver: Option<&'a str>,
    /// The stanza that was sent to it.
    pub sent: SentStanza,
    /// Whether the topology lists the receiver's domain, as a partner or as a domain of a pool.
    pub partner_listed: bool,
    /// Whether the pool serves the sender's domain, as far as the topology says.
    pub serves_sender: bool,
    /// The kinds of TLS that the pool may be reached by.
    pub security: Security,
    /// Whether a session of ours stood at the receiver's end.
    pub witnessed: bool,
    /// Whether the topology says that somebody answers at the receiver's end, as an `imsh respond` does.
    pub answer_promised: bool,
    /// The optional parameters that were given by hand.
    pub given: Given<'a>,
    /// The report of a probe of the receiver's domain from this machine, where one was made.
    pub look: Option<&'a ProbeReport>,
}

/// The stanza whose delivery was tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SentStanza {
    /// A message to a user.
    #[default]
    Message,
    /// A ping of a domain.
    Ping,
}

impl fmt::Display for SentStanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "message",
            Self::Ping => "ping",
        })
    }
}

/// The optional parameters that were given by hand. Where one of them is what failed, the first
/// advice is to run the test without it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// `-RegistrarPort`.
    pub registrar_port: Option<u16>,
    /// `-Authentication`, as it was written.
    pub authentication: Option<&'a str>,
    /// Whether `-UserSipAddress` was given.
    pub sender: bool,
    /// Whether `-UserCredential` was given.
    pub credential: bool,
    /// `-Timeout`.
    pub timeout: Option<Duration>,
}

impl<'a> Context<'a> {
    /// The sender's domain.
    fn domain(&self) -> &'a str {
        domain_of(self.sender)
    }

    /// The receiver's domain.
    fn partner(&self) -> &'a str {
        self.receiver.map_or("the partner", domain_of)
    }

    /// The receiver, or words for one.
    fn receiver(&self) -> &'a str {
        self.receiver.unwrap_or("the receiver")
    }
}

fn domain_of(address: &str) -> &str {
    let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
    bare.rsplit_once('@').map_or(bare, |(_, domain)| domain)
}

/// Says what a fault means.
pub fn diagnose(fault: &Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    let finding = match fault {
        Fault::Resolve(fault) => sent_there(
            resolve::asked_of_others(resolve::finding(fault, context), fault, trace),
            trace,
            context,
        ),
        Fault::Connect(fault) => {
            let finding = connect::by_its_record(connect::finding(fault, context), trace, context);
            sent_there(finding, trace, context)
        }
        Fault::Secure(fault) => secure::finding(fault, trace, context),
        Fault::Stream(fault) => stream::finding(fault, trace, context),
        Fault::Authenticate(fault) => authenticate::finding(fault, trace, context),
        Fault::Bind(fault) => bind::finding(fault, context),
        Fault::Send(fault) => send::finding(fault, context),
        Fault::Deliver(fault) => deliver::finding(fault, trace, context),
        Fault::Deadline { phase, after } => late(*phase, *after, trace, context),
        Fault::Cancelled => interrupted().evidence(format_args!("it was in {}", current_phase(trace))),
    };
    let finding = if was_cut_short(fault, trace, context.given) {
        Finding::of(&catalogue::TIMEOUT_TOO_SHORT, "-Timeout ended the test before anybody could answer")
            .evidence(fault)
            .last_seen(trace)
    } else {
        finding
    };
    let finding = of_the_sender(of_the_port(finding, fault, trace, context), fault, context);
    let finding = match offline::seen(trace) {
        Some(offline) => offline::finding(offline, &finding, context),
        None => finding,
    };
    names::filled(finding, trace, context).made_safe()
}

/// Attributes a finding behind a port that was given by hand to whoever gave the port, unless DNS names the port as
/// well.
fn of_the_port(finding: Finding, fault: &Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    let is_of_the_place = match fault {
        Fault::Resolve(resolve) => matches!(
            resolve,
            crate::xmpp::resolve::Fault::NoSuchName { .. } | crate::xmpp::resolve::Fault::NoRecords { .. }
        ),
        Fault::Connect(_) => true,
        // What a certificate says, another port would not change.
        Fault::Secure(fault) => !matches!(fault, crate::xmpp::secure::Fault::Certificate(_)),
        Fault::Stream(_) => current_phase(trace) <= Phase::Secure,
        Fault::Deadline { phase, .. } => matches!(phase, Phase::Connect | Phase::Secure),
        Fault::Authenticate(_) | Fault::Bind(_) | Fault::Send(_) | Fault::Deliver(_) | Fault::Cancelled => {
            false
        }
    };
    let by_dns = trace.facts().any(|(_, fact)| {
        matches!(fact, Fact::Targets(targets)
            if targets.iter().any(|target| target.origin == crate::xmpp::resolve::TargetOrigin::Srv))
    });
    let is_blamed = finding.owner == Owner::Caller;
    if !is_of_the_place || by_dns || is_blamed || !can_be_the_callers(&finding) {
        finding
    } else {
        port_in_doubt(finding, context)
    }
}

/// Whether a parameter can cause what was found.
fn can_be_the_callers(finding: &Finding) -> bool {
    let mut entries = catalogue::catalogue().iter();
    entries.any(|entry| entry.code == finding.code && entry.owners.contains(&Owner::Caller))
}

/// A sender from a domain that the pool does not serve meets whatever servers show to strangers: an alert,
/// another domain's certificate, no features.
fn of_the_sender(finding: Finding, fault: &Fault, context: &Context<'_>) -> Finding {
    let is_met_by_strangers = match fault {
        Fault::Secure(_) | Fault::Stream(_) | Fault::Authenticate(_) => true,
        Fault::Deadline { phase, .. } => *phase == Phase::Secure,
        Fault::Resolve(_)
        | Fault::Connect(_)
        | Fault::Bind(_)
        | Fault::Send(_)
        | Fault::Deliver(_)
        | Fault::Cancelled => false,
    };
    let is_given = context.given.sender && !context.serves_sender;
    if !is_met_by_strangers || !is_given || !can_be_the_callers(&finding) {
        return finding;
    }
    let (pool, domain) = (context.pool, context.domain());
    let finding = finding
        .owned_by(Owner::Caller)
        .evidence(format_args!("the topology does not list {domain} among the domains of {pool}"));
    finding.first(&format!(
        "Give -UserSipAddress from a domain that {pool} serves, name the pool that serves {domain}, or add {domain} to the pool's domains."
    ))
}

/// The caller had enough, and nothing is known.
pub fn interrupted() -> Finding {
    Finding::of(&catalogue::CANCELLED, "the test was interrupted before its outcome could be known")
}

/// Whether it was the caller's own deadline that left a phase less time than healthy servers may need.
fn was_cut_short(fault: &Fault, trace: &Trace, given: Given<'_>) -> bool {
    let Some(timeout) = given.timeout else { return false };
    let had = match fault {
        Fault::Deadline { after, .. } if *after == timeout => {
            trace.steps().last().map_or(timeout, |step| step.duration.min(timeout))
        }
        Fault::Deliver(
            Undelivered::Silent { waited, .. }
            | Undelivered::ReturnPath { waited }
            | Undelivered::NotRead { waited, .. }
            | Undelivered::PartnerStopped { waited, .. }
            | Undelivered::PoolStopped { waited, .. },
        ) => *waited,
        Fault::Deadline { .. }
        | Fault::Resolve(_)
        | Fault::Connect(_)
        | Fault::Secure(_)
        | Fault::Stream(_)
        | Fault::Authenticate(_)
        | Fault::Bind(_)
        | Fault::Send(_)
        | Fault::Deliver(_)
        | Fault::Cancelled => return false,
    };
    had < ENOUGH
}

/// Time in which a healthy server does any one phase.
const ENOUGH: Duration = Duration::from_secs(2);

/// A phase that was not done in time.
fn late(phase: Phase, after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    match phase {
        Phase::Resolve => resolve::late(after, trace, context),
        Phase::Connect => connect::late(after, trace, context),
        Phase::Secure => secure::late(after, trace, context),
        Phase::Authenticate => authenticate::late(after, trace, context),
        Phase::Bind => bind::late(after, trace, context),
        Phase::Send => send::late(after, trace, context),
        Phase::Deliver => deliver::late(after, trace, context),
    }
}

/// The phase that was at work last.
fn current_phase(trace: &Trace) -> Phase {
    trace.steps().last().map_or(Phase::Resolve, |step| step.phase)
}

/// The target that was connected last.
fn connected(trace: &Trace) -> Option<&Target> {
    trace.facts().rev().find_map(|(_, fact)| match_connected(fact))
}

fn match_connected(fact: &Fact) -> Option<&Target> {
    if let Fact::Connected { target, .. } = fact { Some(target) } else { None }
}

/// The other targets that were tried and given up before the last one.
fn given_up(trace: &Trace) -> impl Iterator<Item = String> + '_ {
    trace.facts().filter_map(
        |(_, fact)| {
            if let Fact::TargetFailed { .. } = fact { Some(fact.to_string()) } else { None }
        },
    )
}

/// A host that cannot be reached, and that the pool itself had sent us to (RFC 6120, section 4.9.3.19), is the
/// pool's.
fn sent_there(finding: Finding, trace: &Trace, context: &Context<'_>) -> Finding {
    let host = trace.facts().rev().find_map(|(_, fact)| {
        let Fact::TargetFailed { fault, .. } = fact else { return None };
        if let Fault::Stream(crate::xmpp::stream::Fault::SeeOtherHost { host, .. }) = &**fault {
            Some(host)
        } else {
            None
        }
    });
    match host {
        Some(host) => finding
            .owned_by(Owner::Pool)
            .evidence(format_args!(
                "{} had sent us there with see-other-host, to {}",
                context.pool,
                quote::word(host)
            ))
            .remedy("Correct the host that the pool's server sends its clients to, or let that host listen."),
        None => finding,
    }
}

/// "after 5 s", with the phase's name.
fn not_done(phase: Phase, after: Duration) -> String {
    format!("{phase} was not done after {}", seconds(after))
}

/// A port that was given by hand is the first suspect.
fn port_in_doubt(finding: Finding, context: &Context<'_>) -> Finding {
    match context.given.registrar_port {
        Some(port) => finding
            .owned_by(Owner::Caller)
            .evidence(format_args!("the port {port} was given with -RegistrarPort"))
            .first("Run the test again without -RegistrarPort."),
        None => finding,
    }
}

/// The first letter as a capital, unless the word is a name (`contoso.com`) or an address.
fn capitalised(clause: &str) -> String {
    let word = clause.split(' ').next().unwrap_or_default();
    let is_name = word.contains(['.', '@', ':']) || word.starts_with(|c: char| !c.is_ascii_lowercase());
    let mut letters = clause.chars();
    match letters.next() {
        Some(first) if !is_name => first.to_uppercase().chain(letters).collect(),
        Some(_) | None => clause.to_owned(),
    }
}

const MAX_TITLE: usize = 300;
const MAX_CLAUSE: usize = 400;
const MAX_REMEDY: usize = 800;
const MAX_EVIDENCE: usize = 6;
