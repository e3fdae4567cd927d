//! What a report says, as facts: the JSON form of a report is this, and each page is made of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::result::Report;

/// What is known of many pairs: their states now, and what was in the time that is looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusReport {
    /// When it was made, by the store's clock.
    pub made_at: Timestamp,
    /// Where the time that is looked at begins.
    pub since: Timestamp,
    /// The length of one slot of the history: `hour` or `day`.
    pub slot: &'static str,
    /// When each slot begins.
    pub slots: Vec<Timestamp>,
    /// The pairs, by test, pool and receiver.
    pub pairs: Vec<PairStatus>,
    /// Tests and latencies of all pairs together.
    pub trend: Vec<TrendSlot>,
    /// The states that turned, the newest first.
    pub changes: Vec<StateChange>,
    /// Whether there were more changes than are listed.
    pub has_more_changes: bool,
    /// What is or was wrong, by owner and code.
    pub findings: Vec<FindingSummary>,
    /// The certificates, the first to end first.
    pub certificates: Vec<CertificateEntry>,
    /// The sites that tested.
    pub sites: Vec<SiteEntry>,
    /// The pairs that are shown in full: those that need attention, and all where there are few.
    pub details: Vec<PairDetail>,
}

/// What is known of one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairStatus {
    /// Its number in every store.
    pub id: i64,
    /// The kind of test.
    pub test: String,
    /// The pool; empty where a partner is tested from here.
    pub pool: String,
    /// The receiver, the account or the partner.
    pub receiver: String,
    /// `Up`, `Down`, `Flaky` or `Unknown`.
    pub state: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// The finding's code.
    pub code: Option<String>,
    /// Its owner.
    pub owner: Option<String>,
    /// From which sites it is seen, where not from all.
    pub seen_from: Option<String>,
    /// How many tests in a row came to the same.
    pub in_a_row: i64,
    /// The last test.
    pub last_test: Option<Timestamp>,
    /// The last test that succeeded.
    pub last_success: Option<Timestamp>,
    /// How many tests there were in the time that is looked at.
    pub n_tests: i64,
    /// How many of them succeeded.
    pub n_successes: i64,
    /// The latency that half of the successes did not exceed, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The latency that 95 of 100 did not exceed, in milliseconds.
    pub p95_ms: Option<f64>,
    /// Tests and successes in each slot of the report.
    pub history: Vec<(i64, i64)>,
    /// What each site sees.
    pub sites: BTreeMap<String, ReportedSite>,
}

/// What one site sees of a pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportedSite {
    /// The state there.
    pub state: &'static str,
    /// How many tests in a row came to the same.
    pub in_a_row: i64,
    /// The last test.
    pub last_test: Timestamp,
}

/// Tests and latencies in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrendSlot {
    /// When it begins.
    pub start: Timestamp,
    /// How many tests there were.
    pub n_tests: i64,
    /// How many of them succeeded.
    pub n_successes: i64,
    /// The latency that half of the successes did not exceed, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The latency that 95 of 100 did not exceed, in milliseconds.
    pub p95_ms: Option<f64>,
}

/// A state that turned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateChange {
    /// The pair's number.
    pub pair: i64,
    /// The state before.
    pub from: &'static str,
    /// The state after.
    pub to: &'static str,
    /// When it turned.
    pub at: Timestamp,
    /// How long the state before had lasted, in seconds.
    pub lasted_seconds: i64,
    /// The finding's code.
    pub code: Option<String>,
    /// Its owner.
    pub owner: Option<String>,
    /// From which sites it is seen, where not from all.
    pub seen_from: Option<String>,
}

/// What is or was wrong in the time that is looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingSummary {
    /// Who has to do something about it.
    pub owner: String,
    /// The code.
    pub code: String,
    /// How many pairs have it now.
    pub n_now: usize,
    /// How many pairs had it in the time that is looked at, those of now included.
    pub n_pairs: usize,
    /// When it was found first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// What the code means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// The newest diagnosis in full.
    pub diagnosis: Option<String>,
}

/// A certificate that tests met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateEntry {
    /// The pool or the partner whose servers show it.
    pub shown_by: String,
    /// When the first certificate of its chain ends.
    pub ends_at: Timestamp,
    /// When it was seen last.
    pub seen_at: Timestamp,
    /// From where, where there are several sites.
    pub site: String,
}

/// A site, and what it sees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteEntry {
    /// Its name.
    pub site: String,
    /// How many pairs it sees in each state.
    pub n_up: usize,
    /// See `n_up`.
    pub n_down: usize,
    /// See `n_up`.
    pub n_flaky: usize,
    /// See `n_up`.
    pub n_unknown: usize,
    /// Its last test.
    pub last_test: Timestamp,
}

/// A pair in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairDetail {
    /// The pair's number.
    pub pair: i64,
    /// Its tests and latencies in each slot that has any.
    pub trend: Vec<TrendSlot>,
    /// Its changes, the newest first.
    pub changes: Vec<StateChange>,
    /// Its last tests, the newest first.
    pub tests: Vec<KeptTest>,
}

/// One test, as it was kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptTest {
    /// The site that it was made from.
    pub site: String,
    /// When it began.
    pub at: Timestamp,
    /// What the test said.
    pub report: Report,
}

impl StatusReport {
    /// The pair of this number.
    pub fn pair(&self, id: i64) -> Option<&PairStatus> {
        self.pairs.iter().find(|pair| pair.id == id)
    }

    /// How many pairs are in a state.
    pub fn n_in(&self, state: &str) -> usize {
        self.pairs.iter().filter(|pair| pair.state == state).count()
    }
}

impl PairStatus {
    /// The share of its tests that succeeded, in percent; none where there was no test.
    pub fn availability(&self) -> Option<f64> {
        share(self.n_successes, self.n_tests)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of far fewer than 2^52 tests")]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}
