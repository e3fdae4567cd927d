//! Findings of Connect: whether the pool's port refuses, is silent, or cannot be reached at all.
//!
//! Judges all attempts together: an IPv6 address without a route says nothing about a pool whose
//! IPv4 address refuses.

use std::time::Duration;

use super::quote::some;
use super::{Context, Finding, catalogue, not_done, port_in_doubt};
use crate::xmpp::Phase;
use crate::xmpp::connect::{ConnectAttempt, ConnectOutcome, Fault};
use crate::xmpp::resolve::Target;
use crate::xmpp::trace::{Fact, Trace};

/// Says what a fault of Connect means.
pub(super) fn finding(fault: &Fault, context: &Context<'_>) -> Finding {
    match fault {
        Fault::Refused { attempts } => refused(attempts, context),
        Fault::Silent { attempts } => silent(context).evidence(some(attempts)),
        Fault::Unreachable { attempts } => Finding::of(
            &catalogue::CONNECT_UNREACHABLE,
            format!("this machine has no route to {}", context.pool),
        )
        .evidence(some(attempts)),
        Fault::Mixed { attempts } => mixed(attempts, context),
    }
}

/// Blames the pool's record where it cannot be right itself: whatever was met behind it comes of that.
pub(super) fn by_its_record(finding: Finding, trace: &Trace, context: &Context<'_>) -> Finding {
    let first =
        trace.facts().find_map(|(_, fact)| if let Fact::Targets(all) = fact { all.first() } else { None });
    let Some(flaw) = first.and_then(Target::flaw) else { return finding };
    Finding { title: format!("the SRV record that leads to {} {flaw}", context.pool), ..finding }.remedy(
        "Correct the pool's _xmpp-client record: it must name a host, which has an address in DNS, and the port at which its server listens (5222 as a rule). dig SRV _xmpp-client._tcp.DOMAIN shows it.",
    )
}

/// Connect was not done in time.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    let attempts: Vec<_> = trace
        .facts()
        .filter(|(_, fact)| matches!(fact, Fact::Attempted(_)))
        .map(|(_, fact)| fact.to_string())
        .collect();
    let finding = silent(context).evidence(not_done(Phase::Connect, after));
    if attempts.is_empty() { finding.last_seen(trace) } else { finding.evidence(some(&attempts)) }
}

/// The servers of a pool that were tried, found broken, and passed over for a good one: true beside a logon that
/// went well, since users who meet them first lose time, or have nobody left.
pub fn passed_over(trace: &Trace, pool: &str) -> Option<Finding> {
    trace.facts().find(|(_, fact)| matches!(fact, Fact::Bound(_)))?;
    let broken: Vec<String> = trace.facts().filter_map(|(_, fact)| broken(fact)).collect();
    if broken.is_empty() {
        return None;
    }
    let title = format!("a server of {pool} is broken, and another one was taken in its place");
    let finding = Finding::of(&catalogue::SERVER_PASSED_OVER, title);
    Some(broken.into_iter().fold(finding, Finding::evidence).made_safe())
}

/// Returns the description of a target or an address that could not be used; `None` for any other fact.
fn broken(fact: &Fact) -> Option<String> {
    if let Fact::TargetFailed { .. } = fact {
        return Some(fact.to_string());
    }
    let Fact::Attempted(attempt) = fact else { return None };
    let is_broken = match &attempt.outcome {
        ConnectOutcome::Refused
        | ConnectOutcome::TimedOut
        | ConnectOutcome::Reset
        | ConnectOutcome::Failed { .. } => true,
        // It had a head start, and still not answered when another one had.
        ConnectOutcome::Abandoned => attempt.duration >= NO_ANSWER,
        // Many machines have only one family of addresses.
        ConnectOutcome::Connected | ConnectOutcome::Unreachable | ConnectOutcome::Denied => false,
    };
    is_broken.then(|| match attempt.outcome {
        ConnectOutcome::Abandoned => format!("{} did not answer, and another address did", attempt.address),
        ConnectOutcome::Connected
        | ConnectOutcome::Refused
        | ConnectOutcome::TimedOut
        | ConnectOutcome::Unreachable
        | ConnectOutcome::Reset
        | ConnectOutcome::Denied
        | ConnectOutcome::Failed { .. } => attempt.to_string(),
    })
}

/// Behind a head start of 250 ms, an address that has not answered by then is as good as dead.
const NO_ANSWER: Duration = Duration::from_millis(300);

fn refused(attempts: &[ConnectAttempt], context: &Context<'_>) -> Finding {
    let places: Vec<_> = attempts.iter().map(|attempt| attempt.address).collect();
    let title = format!("{} answers and nobody listens at {}", context.pool, some(&places));
    port_in_doubt(Finding::of(&catalogue::CONNECT_REFUSED, title).evidence(some(attempts)), context)
}

fn silent(context: &Context<'_>) -> Finding {
    let title =
        format!("no answer from {}: packets to its port are dropped, or its host is down", context.pool);
    port_in_doubt(Finding::of(&catalogue::CONNECT_TIMEOUT, title), context)
}

/// Attempts with different outcomes: those without a route are left out, since many machines have
/// only one family of addresses.
fn mixed(attempts: &[ConnectAttempt], context: &Context<'_>) -> Finding {
    let telling: Vec<_> = attempts
        .iter()
        .filter(|attempt| !matches!(attempt.outcome, ConnectOutcome::Unreachable | ConnectOutcome::Abandoned))
        .cloned()
        .collect();
    let pool = context.pool;
    let finding = if telling.is_empty() {
        Finding::of(&catalogue::CONNECT_UNREACHABLE, format!("this machine has no route to {pool}"))
    } else if telling.iter().all(|attempt| attempt.outcome == ConnectOutcome::Refused) {
        return refused(attempts, context);
    } else if telling.iter().all(|attempt| attempt.outcome == ConnectOutcome::TimedOut) {
        silent(context)
    } else if telling.iter().all(|attempt| attempt.outcome == ConnectOutcome::Reset) {
        Finding::of(&catalogue::CONNECT_RESET, format!("connections to {pool} are reset while they are made"))
    } else if telling.iter().all(|attempt| attempt.outcome == ConnectOutcome::Denied) {
        Finding::of(&catalogue::CONNECT_DENIED, format!("this machine does not let us connect to {pool}"))
    } else {
        Finding::of(
            &catalogue::CONNECT_FAILED,
            format!("none of the addresses of {pool} could be connected, each for its own reason"),
        )
    };
    finding.evidence(some(attempts))
}
