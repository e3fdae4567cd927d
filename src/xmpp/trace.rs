//! The trace: what every phase of an attempt did, when, and what it learned.
//!
//! Written by the phases as they go, before a step can fail, and kept when they do; read by
//! `diagnosis` and by the log of a result. Holds no secret: no fact has a place for one.

use std::borrow::Borrow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Phase;
use super::condition::quote;
use super::connect::ConnectAttempt;
use super::deliver::Proven;
use super::dns::SrvAnswer;
use super::resolve::{DomainRecords, Target};
use super::secure::{CertificateReport, TlsParameters};
use super::wire::{TakenText, Wire};
use super::xml::Element;
use crate::value::letter::is_hidden;

/// The steps of one attempt, in the order in which they began.
///
/// A phase may appear several times: when a target fails after its connection, the next one is
/// connected and secured in its turn.
#[derive(Clone)]
pub struct Trace {
    began: Instant,
    began_at: Timestamp,
    steps: Vec<TraceStep>,
    /// Whether the last step is at work.
    working: bool,
    observer: Option<Observer>,
    /// The buffer of what crosses the wire, where that is kept.
    wire: Option<Wire>,
    /// Whether a log is made of it, with stanzas.
    keeps_stanzas: bool,
}

/// One phase at work.
#[derive(Clone, Debug)]
pub struct TraceStep {
    /// The phase.
    pub phase: Phase,
    /// The start of the step, counted from the beginning of the trace.
    pub started: Duration,
    /// The duration of the step; of a step that is still at work, the time until it last learned something.
    pub duration: Duration,
    /// The facts that the step learned, in order.
    pub facts: Vec<Fact>,
    /// The time at which the step learned each of the facts.
    learned_at: Vec<Duration>,
    /// The stanzas that crossed the wire meanwhile, where they are kept; in order.
    pub stanzas: Vec<Stanza>,
    /// The number of further elements that crossed and were not kept: there were too many of them.
    pub n_lost: u64,
}

/// Something that crossed the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// When, counted from the beginning of the trace.
    pub at: Duration,
    /// The direction of the stanza.
    pub direction: Direction,
    /// The XML, secrets masked, cut to a bounded length.
    pub xml: String,
}

/// The function that is told what a trace learns while it learns it (`-v`).
pub type Observer = Arc<dyn Fn(&TraceEvent<'_>) + Send + Sync>;

/// The observer that is told what happens while it happens, if there is one, and the setting of what is kept of it.
#[derive(Clone, Default)]
pub struct TraceObserver {
    /// The function that is told.
    pub observer: Option<Observer>,
    /// The treatment of the stanzas that cross the wire.
    pub stanzas: Stanzas,
}

/// The treatment of the stanzas that cross the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stanzas {
    /// They are read and forgotten.
    #[default]
    Forgotten,
    /// They are kept for the log of the result.
    Kept,
}

impl TraceObserver {
    /// A trace for it.
    pub fn trace(&self) -> Trace {
        let trace = self.observer.clone().map_or_else(Trace::new, Trace::observed);
        match self.stanzas {
            Stanzas::Forgotten => trace,
            Stanzas::Kept => trace.keeping_stanzas(),
        }
    }
}

/// An event that an [`Observer`] is told of. Times are counted from the beginning of the trace.
#[derive(Debug)]
pub enum TraceEvent<'a> {
    /// A phase began.
    Began {
        /// The phase.
        phase: Phase,
        /// When.
        at: Duration,
    },
    /// A phase learned something.
    Learned {
        /// The phase.
        phase: Phase,
        /// When.
        at: Duration,
        /// What.
        fact: &'a Fact,
    },
    /// A phase came to its end, well or not.
    Ended {
        /// The step, with all that it learned.
        step: &'a TraceStep,
    },
}

/// Something that a phase learned. `Display` is one lower-case clause.
#[derive(Clone, Debug)]
pub enum Fact {
    /// Resolve: what DNS answered to an SRV query.
    Srv(SrvAnswer),
    /// Resolve: the addresses of a target's host.
    Addresses {
        /// The host, as an A-label or a literal.
        host: String,
        /// Its addresses, in the order in which they are tried.
        addresses: Vec<IpAddr>,
    },
    /// Resolve: a target's host has no usable address; other targets may have one.
    NoAddress {
        /// The host.
        host: String,
        /// The reason why the host has no usable address.
        fault: Box<super::resolve::Fault>,
    },
    /// Resolve: the targets, in the order in which they are tried.
    Targets(Vec<Target>),
    /// Resolve: where the sender's domain's own SRV records lead, beside the pool that is tested.
    Domain(DomainRecords),
    /// Connect: an attempt to reach one address, with its outcome.
    Attempted(ConnectAttempt),
    /// Connect: the connection that the following phases use.
    Connected {
        /// The target.
        target: Target,
        /// The address that answered first.
        address: SocketAddr,
    },
    /// Secure: TLS can begin at once at the port where STARTTLS was tried.
    SpeaksTls,
    /// Resolve: the resolver that is silent about a name answers for others.
    ResolverAnswers,
    /// Secure: plain text stands behind the agreement on TLS a second time, in a connection of its own.
    InjectedAgain,
    /// Resolve, Connect: this machine is off line.
    Offline(super::offline::Offline),
    /// Secure, Authenticate: the stream header that the server answered with (RFC 6120, section 4.7).
    Header {
        /// The domain that the server says it is.
        from: Option<String>,
        /// The stream's id.
        id: Option<String>,
        /// The version it speaks.
        version: Option<String>,
    },
    /// Secure, Authenticate: the names of the features that the stream offers, as `name` or `{ns}name`.
    Features(Vec<String>),
    /// Secure: the server agreed to STARTTLS.
    Proceed,
    /// Secure: what was negotiated.
    Tls(TlsParameters),
    /// Secure: the certificate that the server showed, and the verdict on it.
    Certificate(Box<CertificateReport>),
    /// Secure: this target could not be used, and the next one is tried.
    TargetFailed {
        /// The target.
        target: Target,
        /// The reason why the target could not be used.
        fault: Box<super::Fault>,
    },
    /// Authenticate: what the server offers.
    Offered {
        /// The mechanisms, in the server's order.
        mechanisms: Vec<String>,
        /// The channel-binding types that it names (XEP-0440); `None` where it names none.
        channel_bindings: Option<Vec<String>>,
    },
    /// Authenticate: what was chosen from it.
    Mechanism {
        /// The mechanism.
        name: String,
        /// The channel-binding type that it is used with.
        channel_binding: Option<String>,
    },
    /// Authenticate: the work that the server's challenge asks for.
    Iterations {
        /// PBKDF2 iterations.
        count: u32,
        /// Whether the keys were still in memory.
        cached: bool,
    },
    /// Authenticate: the server proved that it knows the account's keys.
    ServerProof,
    /// Bind: the full address that the server gave us.
    Bound(String),
    /// Deliver: the pool acknowledged more stanzas than it was sent (XEP-0198, section 4), which proves nothing.
    Overcounted {
        /// The number of stanzas that the pool has counted.
        said: u32,
        /// The number of stanzas that the pool was sent.
        sent: u32,
    },
    /// Send, Deliver: a proof of how far the message came.
    Proven(Proven),
    /// The server software that was learned or guessed.
    Software {
        /// Its name, as in `Prosody`.
        name: String,
        /// Its version.
        version: Option<String>,
        /// The basis on which the software is known.
        basis: SoftwareBasis,
    },
    /// Deliver: what serves the receiver's domain, as it says itself (XEP-0092).
    PartnerSoftware {
        /// Its name, as in `Prosody`.
        name: String,
        /// Its version.
        version: Option<String>,
    },
    /// Deliver: a stanza that may have been about the message was over a limit, and was not read.
    PassedOver(super::xml::PassedOver),
    /// A stanza or nonza on the wire, credentials masked, cut to a bounded length.
    Stanza {
        /// The direction of the stanza.
        direction: Direction,
        /// The XML.
        xml: String,
    },
}

/// The basis on which a server's software is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftwareBasis {
    /// It said so (XEP-0092, or an entity-capabilities node).
    Said,
    /// It behaves as this software does.
    Guessed,
}

/// The direction of a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From us.
    Sent,
    /// To us.
    Received,
}

impl Trace {
    /// A trace that begins now.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            began_at: Timestamp::now(),
            steps: Vec::new(),
            working: false,
            observer: None,
            wire: None,
            keeps_stanzas: false,
        }
    }

    /// A trace that begins now and tells `observer` what it learns.
    pub fn observed(observer: Observer) -> Self {
        Self { observer: Some(observer), ..Self::new() }
    }

    /// The same trace, which also keeps what crosses the wire.
    #[must_use]
    pub fn keeping_stanzas(self) -> Self {
        Self { wire: Some(Wire::default()), keeps_stanzas: true, ..self }
    }

    /// Returns the buffer that what crosses the wire is to be written to, if there is one.
    pub(super) fn wire(&self) -> Option<&Wire> {
        self.wire.as_ref()
    }

    /// Leaves what crosses from now on to others.
    pub(super) fn leave_wire(&mut self) {
        self.wire = None;
    }

    /// Returns the time at which the trace began, on the wall clock.
    pub fn began_at(&self) -> Timestamp {
        self.began_at
    }

    /// Returns the instant at which the trace began, on the clock that its offsets are counted from.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// The time since the trace began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The steps so far, the last one perhaps still at work.
    pub fn steps(&self) -> &[TraceStep] {
        &self.steps
    }

    /// Every fact so far, in order, with the phase that learned it.
    pub fn facts(&self) -> impl DoubleEndedIterator<Item = (Phase, &Fact)> {
        self.steps.iter().flat_map(|step| step.facts.iter().map(|fact| (step.phase, fact)))
    }

    /// The last certificate that was seen.
    pub fn certificate(&self) -> Option<&CertificateReport> {
        self.facts()
            .rev()
            .find_map(|(_, fact)| if let Fact::Certificate(report) = fact { Some(&**report) } else { None })
    }

    /// Begins a step, and ends the one before it.
    pub fn begin(&mut self, phase: Phase) {
        self.end();
        let at = self.elapsed();
        self.steps.push(TraceStep {
            phase,
            started: at,
            duration: Duration::ZERO,
            facts: Vec::new(),
            learned_at: Vec::new(),
            stanzas: Vec::new(),
            n_lost: 0,
        });
        self.working = true;
        self.tell(&TraceEvent::Began { phase, at });
    }

    /// Adds a fact to the step at work. Without one it is kept under the first phase.
    pub fn learn(&mut self, fact: Fact) {
        if self.steps.is_empty() {
            self.begin(Phase::Resolve);
        }
        let at = self.elapsed();
        let Some(step) = self.steps.last_mut() else { return };
        if self.working {
            step.duration = at.saturating_sub(step.started);
        }
        if let Some(observer) = &self.observer {
            observer(&TraceEvent::Learned { phase: step.phase, at, fact: &fact });
        }
        if step.facts.len() < MAX_FACTS_PER_STEP {
            step.facts.push(fact);
            step.learned_at.push(at);
        }
    }

    /// Adds a fact that was learned beside the phases to the first step of the phase that it belongs to.
    pub(super) fn learn_beside(&mut self, phase: Phase, fact: Fact) {
        let at = self.elapsed();
        self.tell(&TraceEvent::Learned { phase, at, fact: &fact });
        if let Some(step) = self.steps.iter_mut().find(|step| step.phase == phase) {
            step.facts.push(fact);
            step.learned_at.push(at);
        }
    }

    /// Puts what crossed the wire of a shared session to the steps during which it crossed.
    pub fn keep(&mut self, taken: TakenText) {
        for crossed in taken.crossed {
            let at = crossed.at.saturating_duration_since(self.began);
            let place = self.steps.partition_point(|step| step.started <= at).saturating_sub(1);
            if let Some(step) = self.steps.get_mut(place) {
                step.stanzas.push(Stanza { at, direction: crossed.direction, xml: crossed.xml });
            }
        }
        if let Some(step) = self.steps.last_mut() {
            step.n_lost += taken.n_lost;
        }
    }

    /// Adds a stanza that crossed, what SASL carries masked, where somebody reads of it: an observer, or a log.
    pub(super) fn crossed<E: Borrow<Element>>(&mut self, direction: Direction, stanza: impl FnOnce() -> E) {
        if self.observer.is_some() || self.keeps_stanzas {
            let xml = quote(&format!("{:?}", stanza().borrow()));
            self.learn(Fact::Stanza { direction, xml });
        }
    }

    /// Writes down a stanza that came when the last step was over, where the others of that step are.
    pub fn came_late(&mut self, stanza: &Element) {
        let (at, direction, xml) = (self.elapsed(), Direction::Received, quote(&format!("{stanza:?}")));
        match self.steps.last_mut() {
            Some(step) if !step.stanzas.is_empty() => step.stanzas.push(Stanza { at, direction, xml }),
            Some(_) | None => self.learn(Fact::Stanza { direction, xml }),
        }
    }

    /// Ends the step at work. Called at the end of an attempt; between phases, `begin` does it.
    pub fn end(&mut self) {
        if !std::mem::take(&mut self.working) {
            return;
        }
        let now = self.elapsed();
        let Some(step) = self.steps.last_mut() else { return };
        step.duration = now.saturating_sub(step.started);
        if let Some(observer) = &self.observer {
            observer(&TraceEvent::Ended { step });
        }
        if let Some(wire) = &self.wire {
            let taken = wire.take();
            self.keep(taken);
        }
    }

    fn tell(&self, event: &TraceEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

impl TraceStep {
    /// Returns the facts that the step learned, with the time of each from the beginning of the trace.
    pub fn timed_facts(&self) -> impl Iterator<Item = (Duration, &Fact)> {
        self.learned_at.iter().copied().zip(&self.facts)
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("began_at", &self.began_at)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Srv(answer) => answer.fmt(f),
            Self::Addresses { host, addresses } => write!(f, "{host} has the address {}", list(addresses)),
            Self::NoAddress { host, fault } => write!(f, "{host} has no address: {fault}"),
            Self::Targets(targets) => write!(f, "to be tried: {}", list(targets)),
            Self::Domain(records) => records.fmt(f),
            Self::Attempted(attempt) => attempt.fmt(f),
            Self::Connected { target, address } => write!(f, "connected to {address} for {target}"),
            Self::SpeaksTls => f.write_str("a TLS handshake at once is answered with a certificate"),
            Self::ResolverAnswers => f.write_str("the resolver answers for another name"),
            Self::InjectedAgain => f.write_str("a second connection met the same behind <proceed/>"),
            Self::Offline(offline) => offline.fmt(f),
            Self::Header { from, id, version } => write!(
                f,
                "stream from {}, id {}, version {}",
                from.as_deref().unwrap_or("nobody"),
                id.as_deref().unwrap_or("none"),
                version.as_deref().unwrap_or("none")
            ),
            Self::Features(names) => write!(f, "features: {}", list(names)),
            Self::Proceed => f.write_str("the server proceeds to TLS"),
            Self::Tls(tls) => tls.fmt(f),
            Self::Certificate(report) => report.fmt(f),
            Self::TargetFailed { target, fault } => write!(f, "{target} failed: {fault}"),
            Self::Offered { mechanisms, channel_bindings: None } => write!(f, "offers {}", list(mechanisms)),
            Self::Offered { mechanisms, channel_bindings: Some(types) } => {
                write!(f, "offers {} with the channel bindings {}", list(mechanisms), list(types))
            }
            Self::Mechanism { name, channel_binding: None } => write!(f, "using {name}"),
            Self::Mechanism { name, channel_binding: Some(binding) } => {
                write!(f, "using {name} with {binding}")
            }
            Self::Iterations { count, cached } => {
                write!(f, "{count} iterations{}", if *cached { ", keys from memory" } else { "" })
            }
            Self::ServerProof => f.write_str("the server proved itself"),
            Self::Bound(jid) => write!(f, "bound as {jid}"),
            Self::Overcounted { said, sent } => {
                write!(f, "the pool acknowledges {said} stanzas, and was sent {sent}")
            }
            Self::Proven(Proven { proof, after }) => write!(f, "{proof} after {after:.1?}"),
            Self::Software { name, version, basis } => {
                write!(f, "server software {name}")?;
                if let Some(version) = version {
                    write!(f, " {version}")?;
                }
                match basis {
                    SoftwareBasis::Said => Ok(()),
                    SoftwareBasis::Guessed => f.write_str(" (guessed)"),
                }
            }
            Self::PartnerSoftware { name, version } => {
                write!(f, "the receiver's domain is served by {name}")?;
                version.as_ref().map_or(Ok(()), |version| write!(f, " {version}"))
            }
            Self::PassedOver(passed) => passed.fmt(f),
            Self::Stanza { direction: Direction::Sent, xml } => write!(f, "sent {xml}"),
            Self::Stanza { direction: Direction::Received, xml } => write!(f, "received {xml}"),
        }
    }
}

/// The items behind one another, with commas; `nothing` where there are none.
pub(super) fn list<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "nothing".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the text that a stranger wrote, fit to be shown: without control characters, and of bounded length.
pub(super) fn printable(text: &str) -> String {
    let visible = |c: char| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = text.chars().take(MAX_TEXT).map(visible).collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters of a stranger's text that are kept.
const MAX_TEXT: usize = 512;

/// A server that makes a step learn without end fills no memory.
const MAX_FACTS_PER_STEP: usize = 512;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn an_observer_hears_of_every_step_while_it_happens() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let mut trace = Trace::observed(Arc::new(move |event: &TraceEvent<'_>| {
            let line = match event {
                TraceEvent::Began { phase, .. } => format!("{phase} began"),
                TraceEvent::Learned { phase, fact, .. } => format!("{phase} learned: {fact}"),
                TraceEvent::Ended { step } => format!("{} ended with {}", step.phase, step.facts.len()),
            };
            ears.lock().unwrap().push(line);
        }));
        trace.begin(Phase::Secure);
        trace.learn(Fact::Proceed);
        trace.begin(Phase::Bind);
        trace.end();
        assert_eq!(
            *heard.lock().unwrap(),
            [
                "Secure began",
                "Secure learned: the server proceeds to TLS",
                "Secure ended with 1",
                "Bind began",
                "Bind ended with 0"
            ]
        );
    }

    #[test]
    fn a_step_holds_a_bounded_number_of_facts() {
        let mut trace = Trace::new();
        for _ in 0..10 * MAX_FACTS_PER_STEP {
            trace.learn(Fact::Proceed);
        }
        assert_eq!(trace.facts().count(), MAX_FACTS_PER_STEP);
    }
}
