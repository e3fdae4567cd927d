//! Whether a pool, or this machine, is well: what failed is tried by one test at a time, and in the end by none.
//!
//! A server that restarts costs the tests under way and no other: the first test behind them waits for it,
//! and tries again until it is there or [`PATIENCE`] is over. Times and counts only; sends nothing.

use std::time::{Duration, Instant};

use crate::diagnosis::Finding;

/// The health of a place on which many tests depend.
#[derive(Debug, Default)]
pub(super) struct Health {
    state: State,
    /// Whether it has been well at any time.
    was_well: bool,
    /// The logon that failed last.
    last_logon: Option<u64>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Well,
    Doubtful {
        since: Instant,
        n_failed: u32,
        not_before: Instant,
        /// The one test that finds out.
        prober: Option<usize>,
    },
    Suspended(Finding),
}

/// The consequence of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// No more for this test; others may be held back.
    Nothing,
    /// The same test tries again then.
    TryAgain(Instant),
    /// It has failed too often: no other test tries it.
    Suspended,
}

impl Health {
    /// Whether a test may try it now.
    pub(super) fn may_try(&self, test: usize, now: Instant) -> bool {
        match &self.state {
            State::Well => true,
            State::Doubtful { not_before, prober, .. } => {
                now >= *not_before && prober.is_none_or(|prober| prober == test)
            }
            State::Suspended(_) => false,
        }
    }

    /// Returns the instant from which the next test may try the place, where no test is trying it.
    pub(super) fn next_trial(&self) -> Option<Instant> {
        match &self.state {
            State::Doubtful { not_before, prober: None, .. } => Some(*not_before),
            State::Well | State::Doubtful { .. } | State::Suspended(_) => None,
        }
    }

    /// A test begins to try it.
    pub(super) fn tried_by(&mut self, test: usize) {
        if let State::Doubtful { prober, .. } = &mut self.state {
            *prober = Some(test);
        }
    }

    /// It has answered a test.
    pub(super) fn well(&mut self, test: usize) {
        match &self.state {
            State::Well => self.was_well = true,
            // What began before it failed says nothing about now.
            State::Doubtful { prober, .. } if *prober == Some(test) => {
                self.state = State::Well;
                self.was_well = true;
            }
            State::Doubtful { .. } | State::Suspended(_) => {}
        }
    }

    /// A test has ended without a word about it.
    pub(super) fn given_up(&mut self, test: usize) {
        if let State::Doubtful { prober, .. } = &mut self.state
            && *prober == Some(test)
        {
            *prober = None;
        }
    }

    /// It has failed a test that began to try it then, in this logon.
    pub(super) fn failed(
        &mut self,
        test: usize,
        began: Instant,
        finding: &Finding,
        logon: Option<u64>,
    ) -> Doubt {
        let now = Instant::now();
        let is_known = logon.is_some() && logon == self.last_logon;
        self.last_logon = logon;
        let patience = if self.was_well { PATIENCE } else { FIRST_PATIENCE };
        match &mut self.state {
            State::Well => {
                let not_before = pause(began, 1, finding).max(now);
                self.state = State::Doubtful { since: now, n_failed: 1, not_before, prober: None };
                Doubt::Nothing
            }
            State::Doubtful { since, n_failed, not_before, prober } if *prober == Some(test) => {
                if is_known {
                    return Doubt::TryAgain((*not_before).max(now));
                }
                *n_failed += 1;
                let is_enough = !finding.is_transient() || now.duration_since(*since) >= patience;
                if *n_failed >= MOST_FAILURES && is_enough {
                    self.state = State::Suspended(finding.clone());
                    return Doubt::Suspended;
                }
                *not_before = pause(began, *n_failed, finding).max(now);
                if finding.is_transient() {
                    return Doubt::TryAgain(*not_before);
                }
                *prober = None;
                Doubt::Nothing
            }
            State::Doubtful { .. } | State::Suspended(_) => Doubt::Nothing,
        }
    }

    pub(super) fn is_suspended(&self) -> bool {
        matches!(self.state, State::Suspended(_))
    }

    /// Takes a suspension back, and gives what it was for.
    pub(super) fn take_suspension(&mut self) -> Option<Finding> {
        match std::mem::take(&mut self.state) {
            State::Suspended(finding) => Some(finding),
            state @ (State::Well | State::Doubtful { .. }) => {
                self.state = state;
                None
            }
        }
    }
}

/// Returns the instant at which a place that failed `n_failed` times is tried again: one second after the last try
/// began, then two, four, eight. A failure that does not pass by itself needs no pause.
fn pause(began: Instant, n_failed: u32, finding: &Finding) -> Instant {
    if !finding.is_transient() {
        return began;
    }
    began + Duration::from_secs(1 << n_failed.saturating_sub(1).min(3))
}

/// Failures in a row after which a place may be given up.
const MOST_FAILURES: u32 = 3;
/// The longest time for which a place that was well is waited for: a server may restart.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same for one that was never well.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::plan;

    /// A finding that does not pass.
    fn lasting() -> Finding {
        plan::not_allowed(&"contoso.com".parse().unwrap(), "the topology")
    }

    #[test]
    fn one_test_at_a_time_tries_what_has_failed() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert_eq!(health.failed(1, now, &lasting(), Some(1)), Doubt::Nothing);
        assert!(health.may_try(2, Instant::now()));
        health.tried_by(2);
        assert!(!health.may_try(3, Instant::now()));
        health.well(1);
        assert!(!health.may_try(3, Instant::now()), "what began before says nothing");
        health.well(2);
        assert!(health.may_try(3, Instant::now()));
    }

    #[test]
    fn three_logons_in_a_row_suspend_and_a_shared_one_counts_once() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.failed(1, now, &lasting(), Some(1));
        assert_eq!(health.failed(2, now, &lasting(), Some(1)), Doubt::Nothing, "of the same logon");
        health.tried_by(3);
        assert_eq!(health.failed(3, now, &lasting(), Some(2)), Doubt::Nothing);
        health.tried_by(4);
        assert_eq!(health.failed(4, now, &lasting(), Some(3)), Doubt::Suspended);
        assert!(!health.may_try(5, Instant::now()));
        assert_eq!(health.take_suspension(), Some(lasting()));
        assert!(health.may_try(5, Instant::now()));
    }
}
