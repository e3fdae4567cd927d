//! Findings of Send: the message could not even be written to the pool.

use std::time::Duration;

use super::{Context, Finding, authenticate, catalogue, not_done};
use crate::xmpp::Phase;
use crate::xmpp::message::Fault;
use crate::xmpp::trace::Trace;

/// Says what a fault of Send means.
pub(super) fn finding(fault: &Fault, context: &Context<'_>) -> Finding {
    match fault {
        Fault::TooLong { n_bytes, limit } => too_long(*n_bytes, *limit, context),
        Fault::NoRandomness { reason } => authenticate::no_randomness(reason),
    }
}

/// The message would be longer than the pool takes.
pub(super) fn too_long(n_bytes: usize, limit: usize, context: &Context<'_>) -> Finding {
    Finding::of(&catalogue::SEND_TOO_LONG, format!("the message is longer than {} takes", context.pool))
        .evidence(format_args!("it has {n_bytes} bytes and the server announces a limit of {limit}"))
}

/// Send was not done in time.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    let title = format!("{} does not read: the message could not be written to it", context.pool);
    Finding::of(&catalogue::SEND_TIMEOUT, title).evidence(not_done(Phase::Send, after)).last_seen(trace)
}
