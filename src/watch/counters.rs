//! Counters of the tests that this watcher has made since it started, for whoever counts along.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{NewResult, PairName, StoredOutcome};

/// The upper bounds of the latencies that are counted apart, in milliseconds.
pub const LATENCY_BOUNDS: [i64; 10] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];

/// Counters of tests. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct TestCounters(Arc<Mutex<BTreeMap<PairName, PairCounters>>>);

/// The counters of one pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PairCounters {
    /// Tests that succeeded.
    pub n_successes: u64,
    /// Tests that failed.
    pub n_failures: u64,
    /// Successes whose latency was no more than each bound, and above the one before.
    pub n_within: [u64; LATENCY_BOUNDS.len()],
    /// The sum of the latencies of successes, in microseconds.
    pub latency_sum: i64,
}

impl TestCounters {
    /// Counts a result.
    pub fn count(&self, result: &NewResult) {
        let mut pairs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = pairs.entry(result.pair.clone()).or_default();
        match result.outcome {
            StoredOutcome::Success => {
                counters.n_successes += 1;
                let latency = result.latency.unwrap_or(0);
                counters.latency_sum += latency;
                let bound = LATENCY_BOUNDS.iter().position(|bound| latency <= bound * 1_000);
                if let Some(bound) = bound {
                    counters.n_within[bound] += 1;
                }
            }
            StoredOutcome::Failure { .. } => counters.n_failures += 1,
            StoredOutcome::NotRun => {}
        }
    }

    /// The counters of these pairs; those of others are forgotten.
    pub fn of(&self, pairs: &BTreeSet<PairName>) -> BTreeMap<PairName, PairCounters> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|pair, _| pairs.contains(pair));
        counted.clone()
    }
}
