//! Findings of Connect: whether the pool's port refuses, is silent, or cannot be reached at all.
//!
//! Judges all attempts together: an IPv6 address without a route says nothing about a pool whose
//! IPv4 address refuses.

use std::time::Duration;

use super::quote::some;
use super::{Context, Finding, catalogue, not_done, port_in_doubt};
use crate::xmpp::Phase;
use crate::xmpp::connect::{ConnectAttempt, ConnectOutcome, Fault};
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
