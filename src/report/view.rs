//! A report as the templates ask for it: rows, cells and words in place of facts.
//!
//! Makes no markup: every text that leaves here is text, and the templates escape it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::chart::{Band, History};
use super::model::{PairDetail, PairStatus, SiteEntry, StateChange, StatusReport};
use crate::render::log::{self, LoggedTest};

/// The target of a pair's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    /// To another place of the same document.
    Inside,
    /// To the pair's own page.
    Pages,
}

/// A report to be shown.
pub(super) struct Sheet<'a> {
    /// The facts.
    pub report: &'a StatusReport,
    pub links: Links,
    pub zone: TimeZone,
    /// The pairs that are shown in full.
    detailed: BTreeSet<i64>,
}

/// The pools and receivers of one kind of test.
pub(super) struct Matrix<'a> {
    /// The kind of test, in words.
    pub title: String,
    pub id: String,
    pub pools: Vec<&'a str>,
    pub rows: Vec<MatrixRow<'a>>,
}

pub(super) struct MatrixRow<'a> {
    pub receiver: &'a str,
    /// A cell for each pool.
    pub cells: Vec<Option<&'a PairStatus>>,
}

/// A pair in full.
pub(super) struct PairSection<'a> {
    pub pair: &'a PairStatus,
    pub history: History,
    pub band: Option<Band>,
    pub changes: &'a [StateChange],
    pub tests: Vec<ShownTest<'a>>,
    /// The text of the last failure that says what is wrong and what to do.
    pub diagnosis: Option<&'a str>,
    pub remedy: Option<&'a str>,
}

/// One test that is shown in full.
pub(super) struct ShownTest<'a> {
    pub at: Timestamp,
    pub site: &'a str,
    pub result: &'static str,
    pub code: &'a str,
    pub evidence: &'a str,
    pub latency: String,
    /// Its phases, proofs and properties.
    pub log: LoggedTest,
}

impl<'a> Sheet<'a> {
    pub fn new(report: &'a StatusReport, links: Links, zone: TimeZone) -> Self {
        let detailed = report.details.iter().map(|detail| detail.pair).collect();
        Self { report, links, zone, detailed }
    }

    /// Returns the link to the details of the pair.
    pub fn link(&self, pair: &PairStatus) -> String {
        match self.links {
            Links::Pages => format!("/pair/{}", pair.id),
            Links::Inside if self.detailed.contains(&pair.id) => format!("#pair-{}", pair.id),
            Links::Inside => format!("#row-{}", pair.id),
        }
    }

    /// An instant in the report's time zone, to the minute.
    pub fn time(&self, at: &Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The same, and where there is none, a dash.
    pub fn time_or_dash(&self, at: &Option<Timestamp>) -> String {
        at.as_ref().map_or_else(|| "–".to_owned(), |at| self.time(at))
    }

    /// The time zone by its name.
    pub fn zone_name(&self) -> String {
        let name = self.zone.iana_name().unwrap_or("UTC");
        if name == "UTC" {
            return name.to_owned();
        }
        let offset = self.report.made_at.to_zoned_datetime(self.zone.clone()).strftime("UTC%:z").to_string();
        format!("{name} ({offset})")
    }

    /// Returns the time between an instant and the making of the report, in words.
    pub fn ago(&self, at: &Timestamp) -> String {
        duration(self.report.made_at.as_second() - at.as_second())
    }

    /// States and how many pairs are in them, the worst first.
    pub fn counts(&self) -> Vec<(&'static str, &'static str, usize)> {
        let states = ["Down", "Flaky", "Unknown", "Up"];
        states.into_iter().map(|state| (state, sign(state), self.report.n_in(state))).collect()
    }

    /// The share of all tests that succeeded.
    pub fn availability(&self) -> String {
        let tests: i64 = self.report.trend.iter().map(|slot| slot.n_tests).sum();
        let successes: i64 = self.report.trend.iter().map(|slot| slot.n_successes).sum();
        match tests {
            0 => "no test".to_owned(),
            _ => format!("{} of {tests} tests succeeded ({})", successes, rate_of(successes, tests)),
        }
    }

    /// The pairs that are not up, the worst first, and of these the oldest.
    pub fn attention(&self) -> Vec<&'a PairStatus> {
        let mut pairs: Vec<&PairStatus> =
            self.report.pairs.iter().filter(|pair| pair.state != "Up").collect();
        let place = |state| ["Down", "Flaky", "Unknown"].iter().position(|one| *one == state);
        pairs.sort_by_key(|pair| (place(pair.state), pair.since));
        pairs
    }

    /// A matrix for each kind of test.
    pub fn matrices(&self) -> Vec<Matrix<'a>> {
        let mut kinds: BTreeMap<&str, Vec<&'a PairStatus>> = BTreeMap::new();
        for pair in &self.report.pairs {
            kinds.entry(&pair.test).or_default().push(pair);
        }
        let matrix = |(test, pairs): (&str, Vec<&'a PairStatus>)| {
            let pools: BTreeSet<&str> = pairs.iter().map(|pair| pair.pool.as_str()).collect();
            let place: BTreeMap<&str, usize> = pools.iter().enumerate().map(|(n, pool)| (*pool, n)).collect();
            let mut rows: BTreeMap<&str, Vec<Option<&PairStatus>>> = BTreeMap::new();
            for pair in pairs {
                let row = rows.entry(&pair.receiver).or_insert_with(|| vec![None; place.len()]);
                row[place[pair.pool.as_str()]] = Some(pair);
            }
            Matrix {
                title: kind(test).to_owned(),
                id: format!("matrix-{}", test.to_lowercase()),
                pools: pools.into_iter().collect(),
                rows: rows.into_iter().map(|(receiver, cells)| MatrixRow { receiver, cells }).collect(),
            }
        };
        kinds.into_iter().map(matrix).collect()
    }

    /// The latencies of all pairs.
    pub fn band(&self) -> Option<Band> {
        Band::of(&self.report.trend, &[], self)
    }

    /// The pair of a change.
    pub fn pair_of(&self, change: &StateChange) -> Option<&'a PairStatus> {
        self.report.pair(change.pair)
    }

    /// The last part of a pair's history as signs, one for each slot.
    pub fn strip(&self, pair: &PairStatus) -> String {
        let skipped = pair.history.len().saturating_sub(STRIP);
        pair.history[skipped..].iter().map(|slot| History::sign(*slot)).collect()
    }

    /// The same in words.
    pub fn strip_label(&self, pair: &PairStatus) -> String {
        let skipped = pair.history.len().saturating_sub(STRIP);
        let shown = &pair.history[skipped..];
        let n_tested = shown.iter().filter(|(tests, _)| *tests > 0).count();
        let n_whole = shown.iter().filter(|(tests, successes)| *tests > 0 && successes == tests).count();
        format!("{n_whole} of {n_tested} tested {}s without a failure", self.report.slot)
    }

    /// The pairs that are shown in full.
    pub fn sections(&self) -> Vec<PairSection<'a>> {
        self.report.details.iter().filter_map(|detail| self.section(detail)).collect()
    }

    fn section(&self, detail: &'a PairDetail) -> Option<PairSection<'a>> {
        let pair = self.report.pair(detail.pair)?;
        let failed = detail.tests.iter().find(|test| !test.report.is_success());
        let failed = failed.filter(|_| pair.state != "Up").map(|test| &test.report);
        let shown = detail.tests.iter().map(|test| ShownTest {
            at: test.at,
            site: &test.site,
            result: test.report.outcome.name(),
            code: test.report.code.as_deref().unwrap_or_default(),
            evidence: test.report.evidence.as_deref().unwrap_or_default(),
            latency: match test.report.measured() {
                Some(latency) => format!("{:.1} ms", latency.as_secs_f64() * 1e3),
                None => "–".to_owned(),
            },
            log: log::test(&test.report),
        });
        Some(PairSection {
            pair,
            history: History::of(pair, self),
            band: Band::of(&detail.trend, &detail.changes, self),
            changes: &detail.changes,
            tests: shown.collect(),
            diagnosis: failed.and_then(|report| report.diagnosis.as_deref()),
            remedy: failed.and_then(|report| report.remedy.as_deref()),
        })
    }

    /// Days until an instant; negative once it has passed.
    pub fn days_until(&self, at: &Timestamp) -> i64 {
        (at.as_second() - self.report.made_at.as_second()).div_euclid(86_400)
    }

    /// The same in words.
    pub fn days_text(&self, at: &Timestamp) -> String {
        match self.days_until(at) {
            days @ ..=-1 => format!("✖ ended {} days ago", -days),
            days @ 0..=13 => format!("! {days} days"),
            days => format!("{days} days"),
        }
    }

    /// The sites, where several have tested.
    pub fn sites(&self) -> &'a [SiteEntry] {
        if self.report.sites.len() > 1 { &self.report.sites } else { &[] }
    }
}

impl PairStatus {
    /// Returns the name of the pair.
    pub fn title(&self) -> String {
        match (self.pool.as_str(), self.receiver.as_str()) {
            ("", receiver) => receiver.to_owned(),
            (pool, "") => pool.to_owned(),
            (pool, receiver) => format!("{pool} → {receiver}"),
        }
    }

    /// Returns the text that the filter searches.
    pub(super) fn search_text(&self) -> String {
        format!("{} {} {}", self.title(), self.code.as_deref().unwrap_or(""), self.test).to_lowercase()
    }

    /// The sign of its state.
    pub(super) fn sign(&self) -> &'static str {
        sign(self.state)
    }

    /// The share of its tests that succeeded, in words.
    pub(super) fn rate(&self) -> String {
        rate_of(self.n_successes, self.n_tests)
    }

    /// The class of its share.
    pub(super) fn rate_class(&self) -> &'static str {
        match self.availability() {
            None => "",
            Some(share) if share >= 100.0 => "r4",
            Some(share) if share >= 99.0 => "r3",
            Some(share) if share >= 95.0 => "r2",
            Some(share) if share >= 50.0 => "r1",
            Some(_) => "r0",
        }
    }

    pub(super) fn p50(&self) -> String {
        latency(self.p50_ms)
    }

    pub(super) fn p95(&self) -> String {
        latency(self.p95_ms)
    }
}

impl super::model::TrendSlot {
    pub(super) fn rate(&self) -> String {
        rate_of(self.n_successes, self.n_tests)
    }

    pub(super) fn p50(&self) -> String {
        latency(self.p50_ms)
    }

    pub(super) fn p95(&self) -> String {
        latency(self.p95_ms)
    }
}

impl PairSection<'_> {
    /// The identifier of the table of its slots.
    pub fn slots_id(&self) -> String {
        format!("slots-table-{}", self.pair.id)
    }
}

impl StateChange {
    pub(super) fn lasted(&self) -> String {
        duration(self.lasted_seconds)
    }
}

/// The largest number of slots in a strip of signs.
const STRIP: usize = 72;

/// The sign of a state: colour is never the only one.
pub(super) fn sign(state: &str) -> &'static str {
    match state {
        "Up" => "✔",
        "Down" => "✖",
        "Flaky" => "≈",
        _ => "?",
    }
}

/// A kind of test in words.
fn kind(test: &str) -> &str {
    match test {
        "XmppIM" => "Messages: pools and receivers",
        "Registration" => "Logons: pools and accounts",
        "FederatedPartner" => "Partners, seen from here",
        "XmppPing" => "Pings: pools and partners",
        "Topology" => "Checks of the topology",
        other => other,
    }
}

/// A share in percent. Less than all is never rounded up to 100.
fn rate_of(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    let tenths = part.saturating_mul(1_000) / whole;
    if tenths % 10 == 0 { format!("{} %", tenths / 10) } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

fn latency(milliseconds: Option<f64>) -> String {
    match milliseconds {
        None => "–".to_owned(),
        Some(milliseconds) if milliseconds < 10.0 => format!("{milliseconds:.1} ms"),
        Some(milliseconds) if milliseconds < 10_000.0 => format!("{milliseconds:.0} ms"),
        Some(milliseconds) => format!("{:.1} s", milliseconds / 1_000.0),
    }
}

/// A length of time in the two largest units.
pub(super) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
