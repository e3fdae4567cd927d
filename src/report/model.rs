//! The data model of a report: the JSON form of a report is this, and each page is made of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::result::Report;

/// The status of many pairs: their states now, and their history in the reported period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatusReport {
    /// The instant at which the report was made, by the store's clock.
    pub made_at: Timestamp,
    /// The start of the reported period.
    pub since: Timestamp,
    /// The length of one slot of the history: `hour` or `day`.
    pub slot: &'static str,
    /// The start of each slot.
    pub slots: Vec<Timestamp>,
    /// The pairs, by test, pool and receiver.
    pub pairs: Vec<PairStatus>,
    /// Tests and latencies of all pairs together.
    pub trend: Vec<TrendSlot>,
    /// The states that turned, the newest first.
    pub changes: Vec<StateChange>,
    /// Whether there were more changes than are listed.
    pub has_more_changes: bool,
    /// The findings that apply or applied in the reported period, by owner and code.
    pub findings: Vec<FindingSummary>,
    /// The certificates, the first to end first.
    pub certificates: Vec<CertificateEntry>,
    /// The sites that tested.
    pub sites: Vec<SiteEntry>,
    /// The pairs that are shown in full: those that need attention, and all where there are few.
    pub details: Vec<PairDetail>,
}

/// The status of one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairStatus {
    /// Its number in every store; in JSON a text, since many readers keep 53 bits of a number.
    #[serde(serialize_with = "as_text")]
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
    /// The number of tests in a row with the same outcome.
    pub in_a_row: i64,
    /// The last test.
    pub last_test: Option<Timestamp>,
    /// The last test that succeeded.
    pub last_success: Option<Timestamp>,
    /// The number of tests in the reported period.
    pub n_tests: i64,
    /// The number of tests that succeeded.
    pub n_successes: i64,
    /// The latency that half of the successes did not exceed, in milliseconds.
    pub p50_ms: Option<f64>,
    /// The latency that 95 of 100 did not exceed, in milliseconds.
    pub p95_ms: Option<f64>,
    /// Tests and successes in each slot of the report.
    pub history: Vec<(i64, i64)>,
    /// The state of the pair as each site sees it.
    pub sites: BTreeMap<String, ReportedSite>,
}

/// The state of a pair as one site sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportedSite {
    /// The state there.
    pub state: &'static str,
    /// The number of tests in a row with the same outcome.
    pub in_a_row: i64,
    /// The last test.
    pub last_test: Timestamp,
}

/// Tests and latencies in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrendSlot {
    /// The start of the slot.
    pub start: Timestamp,
    /// The number of tests in the slot.
    pub n_tests: i64,
    /// The number of tests that succeeded.
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
    #[serde(serialize_with = "as_text")]
    pub pair: i64,
    /// The state before.
    pub from: &'static str,
    /// The state after.
    pub to: &'static str,
    /// The instant at which the state turned.
    pub at: Timestamp,
    /// The duration of the state before, in seconds.
    pub lasted_seconds: i64,
    /// The finding's code.
    pub code: Option<String>,
    /// Its owner.
    pub owner: Option<String>,
    /// From which sites it is seen, where not from all.
    pub seen_from: Option<String>,
}

/// A finding that applies or applied in the reported period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingSummary {
    /// The party that has to do something about the finding.
    pub owner: String,
    /// The code.
    pub code: String,
    /// The number of pairs that have the finding now.
    pub n_now: usize,
    /// The number of pairs that had the finding in the reported period, those of now included.
    pub n_pairs: usize,
    /// The instant at which the finding was first seen.
    pub first_seen: Timestamp,
    /// The instant at which the finding was last seen.
    pub last_seen: Timestamp,
    /// The meaning of the code.
    pub meaning: &'static str,
    /// The remedy for the finding.
    pub remedy: &'static str,
    /// The newest diagnosis in full.
    pub diagnosis: Option<String>,
}

/// A certificate that tests met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateEntry {
    /// The pool or the partner whose servers show it.
    pub shown_by: String,
    /// The instant at which the first certificate of its chain ends.
    pub ends_at: Timestamp,
    /// The instant at which the certificate was last seen.
    pub seen_at: Timestamp,
    /// From where, where there are several sites.
    pub site: String,
}

/// A site, and what it sees.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteEntry {
    /// Its name.
    pub site: String,
    /// The number of pairs that the site sees in this state.
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
    #[serde(serialize_with = "as_text")]
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
    /// The instant at which the test began.
    pub at: Timestamp,
    /// The report of the test.
    pub report: Report,
}

impl StatusReport {
    /// The pair of this number.
    pub fn pair(&self, id: i64) -> Option<&PairStatus> {
        self.pairs.iter().find(|pair| pair.id == id)
    }

    /// Returns the number of pairs that are in a state.
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

fn as_text<S: Serializer>(id: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(id)
}

#[expect(clippy::cast_precision_loss, reason = "a share of far fewer than 2^52 tests")]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}
