//! The status of a watcher: its last round, how late it is, whether it is blind, how much it did.
//!
//! Cheap to share and to read; written by the watcher alone. Knows nothing of pairs: their states are in the store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// The state of a running watcher. Clones share it.
#[derive(Clone, Debug)]
pub struct WatcherStatus(Arc<Mutex<WatcherFigures>>);

/// The status of a watcher at one time.
#[derive(Clone, Debug)]
pub struct WatcherFigures {
    /// The site that it stands in.
    pub site: String,
    /// The time at which the watcher started.
    pub started_at: Timestamp,
    /// The number of pairs that it watches.
    pub n_pairs: usize,
    /// The time at which it last looked for due pairs and could claim them.
    pub last_round_at: Option<Timestamp>,
    /// The time for which the pair that waits longest has been due.
    pub lag: Duration,
    /// The reason why it sees nothing, and since when, where that is so.
    pub blind: Option<Blindness>,
    /// The lead of the store's clock over the machine's, in microseconds.
    pub skew: i64,
    /// The correction that is added to the machine's clock, in microseconds, where it is wrong by more than a
    /// little.
    pub correction: i64,
    /// Mistakes of a topology that it was told to read and did not take over.
    pub topology_mistakes: Option<String>,
    /// The reason why the `[http]` of the topology is not served, and the one before is.
    pub http_mistake: Option<String>,
    /// The number of tests that are under way.
    pub n_under_way: usize,
    /// The number of tests that it has recorded.
    pub n_tests: u64,
    /// The number of those tests that failed.
    pub n_failures: u64,
    /// The number of pairs that it claimed and could not test.
    pub n_not_run: u64,
    /// The number of results that wait for the store.
    pub n_unstored: usize,
    /// The number of states that its results have turned.
    pub n_changes: u64,
    /// The number of notices that it has delivered.
    pub n_notices: u64,
    /// The number of deliveries that failed.
    pub n_failed_deliveries: u64,
    /// After one round: how many pairs are down or flaky.
    pub n_broken: usize,
    /// After one round: how many pairs nobody tests, since no password of their account is here.
    pub n_untested: usize,
}

/// The reason why a watcher sees nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blindness {
    /// Since when.
    pub since: Timestamp,
    /// Why, as a clause.
    pub reason: String,
}

impl WatcherStatus {
    /// The state of a watcher that starts now.
    pub fn new(site: String) -> Self {
        Self(Arc::new(Mutex::new(WatcherFigures {
            site,
            started_at: Timestamp::now(),
            n_pairs: 0,
            last_round_at: None,
            lag: Duration::ZERO,
            blind: None,
            skew: 0,
            correction: 0,
            topology_mistakes: None,
            http_mistake: None,
            n_under_way: 0,
            n_tests: 0,
            n_failures: 0,
            n_not_run: 0,
            n_unstored: 0,
            n_changes: 0,
            n_notices: 0,
            n_failed_deliveries: 0,
            n_broken: 0,
            n_untested: 0,
        })))
    }

    /// The state now.
    pub fn figures(&self) -> WatcherFigures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut WatcherFigures)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that the watcher sees nothing; says it once.
    pub(super) fn goes_blind(&self, reason: &str) {
        let is_new = {
            let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = figures.blind.as_ref().is_none_or(|blind| blind.reason != reason);
            if is_new {
                let since = figures.blind.as_ref().map_or_else(Timestamp::now, |blind| blind.since);
                figures.blind = Some(Blindness { since, reason: reason.to_owned() });
            }
            is_new
        };
        if is_new {
            tracing::error!(
                reason,
                "the watcher is blind: nothing is known of the pairs, and nobody is blamed"
            );
        }
    }

    /// Notes that it sees again, where it was blind for this kind of reason.
    pub(super) fn sees_again(&self, was_for: impl Fn(&str) -> bool) {
        let ended = {
            let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = figures.blind.as_ref().is_some_and(|blind| was_for(&blind.reason));
            if is_over { figures.blind.take() } else { None }
        };
        if let Some(Blindness { since, reason }) = ended {
            let seconds = Timestamp::now().duration_since(since).as_secs();
            tracing::info!(reason, seconds, "the watcher sees again");
        }
    }
}
