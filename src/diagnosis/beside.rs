//! Problems beside a test that succeeded: certificates that expire soon, and thresholds of the caller that were
//! exceeded.

use std::time::Duration;

use super::Finding;
use super::Owner;
use super::bind::told;
use super::catalogue::{CERTIFICATE_ENDS, LATENCY_CRITICAL, LATENCY_WARNING, PING_REFUSED, RESULT_REVISED};
use super::quote::seconds;
use crate::value::text::time_span;
use crate::xmpp::condition::StanzaError;

/// A pool's certificate, or one of its chain, ends in so many days.
pub fn certificate_ends(pool: &str, days: i64) -> Finding {
    Finding::of(&CERTIFICATE_ENDS, format!("the certificate of {pool} ends in {days} days"))
}

/// A certificate of a partner's servers does.
pub fn partners_certificate_ends(domain: &str, days: i64) -> Finding {
    Finding::of(&CERTIFICATE_ENDS, format!("a certificate of {domain} ends in {days} days"))
        .owned_by(Owner::Partner)
}

/// The domain that was pinged answered, and the ping itself came back with an error, made by this owner's server.
pub fn ping_refused(domain: &str, error: &StanzaError, owner: Owner) -> Finding {
    Finding::of(&PING_REFUSED, format!("{domain} answers, and pings of it are not answered (XEP-0199)"))
        .owned_by(owner)
        .evidence(format_args!("the ping came back with {}", told(error)))
        .made_safe()
}

/// A test of `place` succeeded, and took longer than `-WarningLatency`.
pub fn slow(place: &str, limit: Duration) -> Finding {
    Finding::of(
        &LATENCY_WARNING,
        format!("a test of {place} took longer than -WarningLatency, {}", time_span(limit)),
    )
}

/// A test of `place` succeeded, and took longer than `-CriticalLatency`.
pub fn far_too_slow(place: &str, limit: Duration) -> Finding {
    Finding::of(
        &LATENCY_CRITICAL,
        format!("a test of {place} took longer than -CriticalLatency, {}", time_span(limit)),
    )
}

/// Whether the code is the one of a latency above a threshold.
pub fn is_of_latency(code: &str) -> bool {
    [LATENCY_WARNING.code, LATENCY_CRITICAL.code].contains(&code)
}

/// A success was told, and an error came so long after the message had been sent.
pub fn revised(receiver: &str, after: Duration) -> Finding {
    Finding::of(
        &RESULT_REVISED,
        format!(
            "the test of {receiver} was told as a success and has failed: an error came back {} after its message was sent",
            seconds(after)
        ),
    )
}
