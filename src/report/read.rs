//! From the store to a report.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::model::{
    CertificateEntry, FindingSummary, KeptTest, PairDetail, PairStatus, ReportedSite, SiteEntry, StateChange,
    StatusReport, TrendSlot,
};
use crate::diagnosis::catalogue;
use crate::result::Report;
use crate::store::histogram::Histogram;
use crate::store::overview::{self, Turn};
use crate::store::{
    DAY, PairState, ResultFilter, RollupSpan, Sql, StoreFault, StoredState, TrendPoint, query,
};

/// The request for a report: its pairs, its time and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRequest {
    /// The pairs.
    pub pairs: Vec<i64>,
    /// The beginning of the time that is looked at (microseconds since 1970): its hour, or its day where it lies further
    /// back, is the first that is counted.
    pub since: i64,
    /// The maximum number of pairs that are shown in full; those that need attention go first.
    pub n_details: usize,
    /// The number of the last tests that are shown of such a pair.
    pub n_tests: i64,
}

/// Up to this time the history is shown by the hour, beyond it by the day.
const BY_HOUR: i64 = 3 * DAY;
/// The maximum number of slots of a history, whatever time is asked for.
const SLOTS: i64 = 400;
/// The maximum number of changes that are listed.
const CHANGES: i64 = 500;
/// The number of pairs whose rollups are read at once.
const PORTION: usize = 500;

impl StatusReport {
    /// Reads a report.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn read(sql: &mut dyn Sql, request: &ReportRequest) -> Result<Self, StoreFault> {
        let now = sql.now()?;
        let slots = Slots::of(request.since.clamp(now.saturating_sub(SLOTS * DAY), now), now);
        let states = query::states(sql, &request.pairs)?;
        let mut pairs: Vec<PairStatus> = states.iter().map(|state| status(state, slots.n)).collect();
        let mut wanted: Vec<&PairStatus> = pairs.iter().collect();
        wanted.sort_by_key(|pair| severity(pair.state));
        let n_details = match pairs.len() <= request.n_details {
            true => pairs.len(),
            // Where not all have room, those that are well have none.
            false => wanted.iter().take_while(|pair| pair.state != UP).count().min(request.n_details),
        };
        let detailed: Vec<i64> = wanted.iter().take(n_details).map(|pair| pair.id).collect();
        let trends = add_trends(sql, &mut pairs, &slots, &detailed)?;
        let mut turns = overview::turns(sql, &request.pairs, slots.since, CHANGES + 1)?;
        let has_more_changes = turns.len() > usize::try_from(CHANGES).unwrap_or(usize::MAX);
        turns.truncate(usize::try_from(CHANGES).unwrap_or(usize::MAX));
        let mut details = Vec::with_capacity(detailed.len());
        for pair in detailed {
            details.push(PairDetail {
                pair,
                trend: trends.of_pairs.get(&pair).cloned().unwrap_or_default(),
                changes: turns.iter().filter(|turn| turn.pair == pair).map(change).collect(),
                tests: last_tests(sql, pair, request.n_tests)?,
            });
        }
        Ok(Self {
            made_at: instant(now),
            since: instant(slots.since),
            slot: slots.span.name(),
            slots: (0..slots.n).map(|n| instant(slots.start(n))).collect(),
            trend: trends.of_all,
            findings: findings(&pairs, &turns),
            changes: turns.iter().map(change).collect(),
            has_more_changes,
            certificates: certificates(sql, &request.pairs)?,
            sites: sites(&states),
            pairs,
            details,
        })
    }
}

/// The slots of the history: whole hours or days, the first of which is the beginning of all that is counted.
struct Slots {
    span: RollupSpan,
    since: i64,
    n: usize,
}

impl Slots {
    fn of(since: i64, now: i64) -> Self {
        let span = if now - since <= BY_HOUR { RollupSpan::Hour } else { RollupSpan::Day };
        let since = span.start(since);
        let n = usize::try_from((now - since) / span.length() + 1).unwrap_or(1);
        Self { span, since, n }
    }

    fn start(&self, n: usize) -> i64 {
        self.since + self.span.length() * i64::try_from(n).unwrap_or(0)
    }

    /// The slot that begins then.
    fn at(&self, start: i64) -> Option<usize> {
        usize::try_from((start - self.since) / self.span.length()).ok().filter(|n| *n < self.n)
    }
}

const UP: &str = "Up";

/// The word for a state.
fn word(state: PairState) -> &'static str {
    match state {
        PairState::Up => UP,
        PairState::Down => "Down",
        PairState::Flaky => "Flaky",
        PairState::Unknown => "Unknown",
    }
}

/// The worst first.
fn severity(state: &str) -> usize {
    PairState::ALL.iter().position(|one| word(*one) == state).unwrap_or(usize::MAX)
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

fn status(state: &StoredState, n_slots: usize) -> PairStatus {
    let newest = state.sites.values().max_by_key(|site| site.last_at);
    let sites = state.sites.iter().map(|(name, site)| {
        let view =
            ReportedSite { state: word(site.state), in_a_row: site.streak, last_test: instant(site.last_at) };
        (name.clone(), view)
    });
    PairStatus {
        id: state.id,
        test: state.pair.test.clone(),
        pool: state.pair.pool.clone(),
        receiver: state.pair.receiver.clone(),
        state: word(state.state),
        since: instant(state.since),
        code: state.code.clone(),
        owner: state.owner.clone(),
        seen_from: state.seen_from.clone(),
        in_a_row: newest.map_or(0, |site| site.streak),
        last_test: newest.map(|site| instant(site.last_at)),
        last_success: state.sites.values().filter_map(|site| site.last_success_at).max().map(instant),
        n_tests: 0,
        n_successes: 0,
        p50_ms: None,
        p95_ms: None,
        history: vec![(0, 0); n_slots],
        sites: sites.collect(),
    }
}

/// The rollups of all pairs together, and of those that are shown in full.
struct Trends {
    of_all: Vec<TrendSlot>,
    of_pairs: HashMap<i64, Vec<TrendSlot>>,
}

/// Counts and latencies of one slot while they are added up.
#[derive(Clone, Default)]
struct Sums {
    n_tests: i64,
    n_successes: i64,
    latencies: Histogram,
}

impl Sums {
    fn add(&mut self, point: &TrendPoint) {
        self.n_tests += point.n_tests;
        self.n_successes += point.n_successes;
        self.latencies.merge(&point.latencies);
    }

    fn slot(&self, start: i64) -> TrendSlot {
        TrendSlot {
            start: instant(start),
            n_tests: self.n_tests,
            n_successes: self.n_successes,
            p50_ms: milliseconds(self.latencies.percentile(50)),
            p95_ms: milliseconds(self.latencies.percentile(95)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "latencies of far less than 2^52 microseconds")]
fn milliseconds(micros: Option<u64>) -> Option<f64> {
    micros.map(|micros| micros as f64 / 1_000.0)
}

/// Adds what the rollups say to each pair. A portion of the pairs is read at once, so that no more memory
/// is used than the report itself takes.
fn add_trends(
    sql: &mut dyn Sql,
    pairs: &mut [PairStatus],
    slots: &Slots,
    detailed: &[i64],
) -> Result<Trends, StoreFault> {
    let detailed: BTreeSet<i64> = detailed.iter().copied().collect();
    let mut all = vec![Sums::default(); slots.n];
    let mut of_pairs: HashMap<i64, Vec<TrendSlot>> = HashMap::new();
    for portion in pairs.chunks_mut(PORTION) {
        let ids: Vec<i64> = portion.iter().map(|pair| pair.id).collect();
        let mut by_pair: HashMap<i64, Sums> = HashMap::new();
        let mut places: HashMap<i64, &mut PairStatus> =
            portion.iter_mut().map(|pair| (pair.id, pair)).collect();
        for point in query::trend(sql, &ids, slots.span, slots.since, i64::MAX, &[])? {
            let (Some(n), Some(pair)) = (slots.at(point.start), places.get_mut(&point.pair)) else {
                continue;
            };
            pair.history[n] = (point.n_tests, point.n_successes);
            all[n].add(&point);
            by_pair.entry(point.pair).or_default().add(&point);
            if detailed.contains(&point.pair) {
                let mut own = Sums::default();
                own.add(&point);
                of_pairs.entry(point.pair).or_default().push(own.slot(point.start));
            }
        }
        for (id, sums) in by_pair {
            let Some(pair) = places.get_mut(&id) else { continue };
            let slot = sums.slot(slots.since);
            (pair.n_tests, pair.n_successes) = (slot.n_tests, slot.n_successes);
            (pair.p50_ms, pair.p95_ms) = (slot.p50_ms, slot.p95_ms);
        }
    }
    let of_all = all.iter().enumerate().map(|(n, sums)| sums.slot(slots.start(n))).collect();
    Ok(Trends { of_all, of_pairs })
}

fn change(turn: &Turn) -> StateChange {
    StateChange {
        pair: turn.pair,
        from: word(turn.from),
        to: word(turn.to),
        at: instant(turn.at),
        lasted_seconds: turn.lasted / 1_000_000,
        code: turn.code.clone(),
        owner: turn.owner.clone(),
        seen_from: turn.seen_from.clone(),
    }
}

fn last_tests(sql: &mut dyn Sql, pair: i64, newest: i64) -> Result<Vec<KeptTest>, StoreFault> {
    let filter = ResultFilter { pairs: vec![pair], newest: Some(newest), ..ResultFilter::default() };
    let results = query::results(sql, &filter)?;
    // What another version has written and this one cannot read is left out.
    let kept = |result: crate::store::StoredResult| {
        let report: Report = serde_json::from_str(&result.report).ok()?;
        Some(KeptTest { site: result.site, at: instant(result.started_at), report })
    };
    Ok(results.into_iter().filter_map(kept).collect())
}

/// Returns the findings of now and of the time that is looked at, from the states and the changes.
fn findings(pairs: &[PairStatus], turns: &[Turn]) -> Vec<FindingSummary> {
    struct Seen<'a> {
        now: BTreeSet<i64>,
        ever: BTreeSet<i64>,
        first: Timestamp,
        last: Timestamp,
        diagnosis: Option<&'a String>,
    }
    let mut seen: BTreeMap<(String, String), Seen<'_>> = BTreeMap::new();
    let mut note =
        |owner: &Option<String>, code: &String, pair, is_now, first: Timestamp, last: Timestamp| {
            let owner = owner.clone().unwrap_or_else(|| "Unknown".to_owned());
            let entry = seen.entry((owner.clone(), code.clone())).or_insert_with(|| Seen {
                now: BTreeSet::new(),
                ever: BTreeSet::new(),
                first,
                last,
                diagnosis: None,
            });
            if is_now {
                entry.now.insert(pair);
            }
            entry.ever.insert(pair);
            entry.first = entry.first.min(first);
            entry.last = entry.last.max(last);
        };
    for pair in pairs {
        if let Some(code) = &pair.code {
            note(&pair.owner, code, pair.id, true, pair.since, pair.last_test.unwrap_or(pair.since));
        }
    }
    for turn in turns {
        let Some(code) = &turn.code else { continue };
        let began = match turn.to {
            PairState::Down | PairState::Flaky => turn.at,
            // A state that ends was found when it began.
            PairState::Up | PairState::Unknown => turn.at.saturating_sub(turn.lasted),
        };
        note(&turn.owner, code, turn.pair, false, instant(began), instant(turn.at));
    }
    // The newest come first.
    for turn in turns.iter().rev().filter(|turn| turn.to == PairState::Down) {
        let owner = turn.owner.clone().unwrap_or_else(|| "Unknown".to_owned());
        let key = turn.code.clone().map(|code| (owner, code));
        if let (Some(entry), Some(diagnosis)) = (key.and_then(|key| seen.get_mut(&key)), &turn.diagnosis) {
            entry.diagnosis = Some(diagnosis);
        }
    }
    let summary = |((owner, code), seen): ((String, String), Seen<'_>)| {
        let known = catalogue::entry(&code);
        FindingSummary {
            n_now: seen.now.len(),
            n_pairs: seen.ever.len(),
            first_seen: seen.first,
            last_seen: seen.last,
            meaning: known.map_or("", |entry| entry.meaning),
            remedy: known.map_or("", |entry| entry.remedy),
            diagnosis: seen.diagnosis.cloned(),
            owner,
            code,
        }
    };
    let mut findings: Vec<FindingSummary> = seen.into_iter().map(summary).collect();
    // By owner; within one, what concerns the most pairs now.
    findings.sort_by(|one, other| {
        (&one.owner, other.n_now, &one.code).cmp(&(&other.owner, one.n_now, &other.code))
    });
    findings
}

/// One certificate for each pool or partner: the one that was seen last.
fn certificates(sql: &mut dyn Sql, pairs: &[i64]) -> Result<Vec<CertificateEntry>, StoreFault> {
    let mut newest: BTreeMap<String, CertificateEntry> = BTreeMap::new();
    for end in overview::certificate_ends(sql, pairs)? {
        let shown_by = if end.pair.pool.is_empty() { end.pair.receiver } else { end.pair.pool };
        let entry = CertificateEntry {
            shown_by: shown_by.clone(),
            ends_at: instant(end.ends_at),
            seen_at: instant(end.seen_at),
            site: end.site,
        };
        match newest.get(&shown_by) {
            Some(known) if known.seen_at >= entry.seen_at => {}
            Some(_) | None => {
                newest.insert(shown_by, entry);
            }
        }
    }
    let mut entries: Vec<CertificateEntry> = newest.into_values().collect();
    entries.sort_by(|one, other| (one.ends_at, &one.shown_by).cmp(&(other.ends_at, &other.shown_by)));
    Ok(entries)
}

fn sites(states: &[StoredState]) -> Vec<SiteEntry> {
    let mut sites: BTreeMap<&str, SiteEntry> = BTreeMap::new();
    for (name, seen) in states.iter().flat_map(|state| &state.sites) {
        let entry = sites.entry(name).or_insert_with(|| SiteEntry {
            site: name.clone(),
            n_up: 0,
            n_down: 0,
            n_flaky: 0,
            n_unknown: 0,
            last_test: instant(seen.last_at),
        });
        entry.last_test = entry.last_test.max(instant(seen.last_at));
        *match seen.state {
            PairState::Up => &mut entry.n_up,
            PairState::Down => &mut entry.n_down,
            PairState::Flaky => &mut entry.n_flaky,
            PairState::Unknown => &mut entry.n_unknown,
        } += 1;
    }
    sites.into_values().collect()
}
