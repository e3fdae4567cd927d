//! Recording: a result, the state that it turns, the notices of that change and the next due time are
//! one transaction.
//!
//! - A result is stored once, by its UUID, however often it is sent.
//! - A state is moved only by a result that is newer than the one which moved it last, and, where the
//!   result was made under a lease, only while the lease is still its watcher's. A late result is kept
//!   and moves nothing.
//! - A change has one raising or clearing notice for each channel, and the two alternate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::engine::{Cell, Row, Sql};
use super::fault::StoreFault;
use super::histogram::Histogram;
use super::state::{PairState, PairVerdict, SiteState, SiteView, StateOutcome, StateThresholds};
use crate::topology::{NotifiedOwner, Words};

/// The period that is assumed of a pair which no watcher tests: a day.
pub const DEFAULT_PERIOD: i64 = 86_400_000_000;

/// The identity of a test that is repeated: the kind of test, the pool, and the receiver or partner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PairName {
    /// The kind of test, such as `XmppIM`.
    pub test: String,
    /// The pool; empty where a partner is tested from here.
    pub pool: String,
    /// The receiver, the account or the partner.
    pub receiver: String,
}

impl PairName {
    /// The number of the pair in every store: the first 63 bits of a hash over the three names.
    pub fn id(&self) -> i64 {
        let mut hash = Sha256::new();
        for name in [&self.test, &self.pool, &self.receiver] {
            hash.update(name.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(bytes) & i64::MAX
    }
}

/// A result, as it is given to the store. Instants are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewResult {
    /// Its identifier, version 7: a second copy of the same result is dropped.
    pub id: Uuid,
    /// The run that it belongs to.
    pub run: Option<Uuid>,
    /// The pair that was tested.
    pub pair: PairName,
    /// The site that it was tested from.
    pub site: String,
    /// The watcher that tested it, and the lease under which it did.
    pub lease: Option<Lease>,
    /// The time at which the test began.
    pub started_at: i64,
    /// The outcome of the test.
    pub outcome: StoredOutcome,
    /// Whether it says how the pair is. It does not where one server of a pool was tested by itself, nor where a delegate
    /// asked otherwise than the topology does: with a password or a time of their own, or for less evidence.
    #[serde(default = "turns_state")]
    pub turns_state: bool,
    /// Whether it succeeded after a failure.
    pub is_flaky: bool,
    /// Whether it was not tested, and has the finding of others. By itself it did not run; whoever sees the whole
    /// batch knows whether the finding was confirmed at its end.
    #[serde(default)]
    pub is_inferred: bool,
    /// Whether it takes the place of a success of the same test that was told before.
    #[serde(default)]
    pub is_revision: bool,
    /// The highest level of evidence.
    pub evidence: Option<String>,
    /// The finding's code.
    pub code: Option<String>,
    /// The owner of the finding.
    pub owner: Option<String>,
    /// The finding in words, for notices.
    pub diagnosis: Option<String>,
    /// The latency of a success, in microseconds.
    pub latency: Option<i64>,
    /// The duration of the test, in microseconds.
    pub elapsed: i64,
    /// The end of the pool's certificate.
    pub certificate_end: Option<i64>,
    /// The whole report as JSON.
    pub report: String,
}

impl NewResult {
    /// Whether it counts in the figures of how well a pair works. A failure of whoever tests, or of this program, does
    /// not, nor does one that a process met which stood still: the receiver's side had no part in it.
    fn says_how_it_works(&self) -> bool {
        let own = [NotifiedOwner::Caller, NotifiedOwner::Imsh].map(NotifiedOwner::word);
        let is_own = self.owner.as_deref().is_some_and(|owner| own.contains(&owner));
        let has_stood_still = self.lease.as_ref().is_some_and(|lease| lease.has_ended);
        self.outcome == StoredOutcome::Success || !(is_own || has_stood_still)
    }
}

/// The right to move the state of a scheduled pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The watcher that holds it.
    pub watcher: String,
    /// The site that the schedule names, or `any`.
    pub vantage: String,
    /// The number of the lease: each claim counts it up.
    pub number: i64,
    /// The time at which the pair is due again.
    pub next_due: i64,
    /// Whether the test ended after the lease did, by the watcher's own monotonic clock: the process was stopped, or
    /// the machine was, and what such a test came to says nothing of the pair.
    #[serde(default)]
    pub has_ended: bool,
}

/// The outcome of a stored test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredOutcome {
    /// The evidence that was asked for.
    Success,
    /// Less than that.
    Failure {
        /// Whether the finding is definite: one is enough to call the pair down.
        is_definite: bool,
    },
    /// It did not run; it moves no state.
    NotRun,
}

impl StoredOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failure { .. } => "Failure",
            Self::NotRun => "NotRun",
        }
    }
}

/// Somebody who is told of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name in the topology.
    pub identity: String,
    /// The owners whose findings it is told of; empty for all.
    pub owners: Vec<String>,
}

/// A state that turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its identifier, which notices carry.
    pub id: String,
    /// The pair.
    pub pair: PairName,
    /// The state before.
    pub from: PairState,
    /// The state after.
    pub to: PairState,
}

/// Records results in one transaction; returns the states that they turned.
///
/// # Errors
/// The store cannot take them; nothing of the batch is stored then.
pub fn record(
    sql: &mut dyn Sql,
    results: &[NewResult],
    channels: &[Channel],
) -> Result<Vec<Change>, StoreFault> {
    // Writers that lock pairs in one order cannot wait for each other in a circle.
    let mut in_order: Vec<(i64, &NewResult)> = results.iter().map(|new| (new.pair.id(), new)).collect();
    in_order.sort_by_key(|(pair, new)| (*pair, new.started_at));
    let mut changes = Vec::new();
    for (pair, new) in in_order {
        changes.extend(record_one(sql, pair, new, channels)?);
    }
    Ok(changes)
}

fn turns_state() -> bool {
    true
}

fn record_one(
    sql: &mut dyn Sql,
    pair: i64,
    new: &NewResult,
    channels: &[Channel],
) -> Result<Option<Change>, StoreFault> {
    let before = lock_pair(sql, pair, &new.pair)?;
    let schedule = Schedule::of(sql, pair, new)?;
    let is_late =
        new.lease.as_ref().is_some_and(|lease| lease.has_ended || schedule.lease != Some(lease.number));
    if !insert_result(sql, pair, new, is_late)? {
        return Ok(None);
    }
    if new.says_how_it_works() {
        add_to_rollups(sql, pair, new)?;
    }
    if is_late || !new.turns_state {
        return Ok(None);
    }
    if let Some(lease) = &new.lease {
        sql.execute(
            "UPDATE schedule SET due_at = $1, leased_until = 0, holder = NULL \
             WHERE pair = $2 AND vantage = $3 AND lease = $4",
            &[lease.next_due.into(), pair.into(), (&lease.vantage).into(), lease.number.into()],
        )?;
    }
    let outcome = match new.outcome {
        StoredOutcome::Success => StateOutcome::Success,
        StoredOutcome::Failure { is_definite } => StateOutcome::Failure { is_definite },
        StoredOutcome::NotRun => return Ok(None),
    };
    let now = sql.now()?;
    let mut sites = site_rows(sql, pair)?;
    let own = sites.iter().find(|row| row.site == new.site);
    // What is said to have begun later than now was written before a clock was set back: it is no newer.
    if own.is_some_and(|own| own.last_started_at > new.started_at && own.last_started_at <= now) {
        return Ok(None);
    }
    let moved = SiteRow::after(own, new, outcome, &schedule, now);
    moved.store(sql, pair)?;
    sites.retain(|row| row.site != new.site);
    sites.push(moved);
    sites.sort_by(|one, other| one.site.cmp(&other.site));
    let views: Vec<SiteView> = sites.iter().map(|row| row.view(now)).collect();
    turn(sql, pair, &before, &PairVerdict::of(&views), Some(new), channels, now)
}

/// Stores the verdict on a pair, and a change with its notices where the state turned.
pub(super) fn turn(
    sql: &mut dyn Sql,
    pair: i64,
    before: &PairRow,
    verdict: &PairVerdict,
    cause: Option<&NewResult>,
    channels: &[Channel],
    now: i64,
) -> Result<Option<Change>, StoreFault> {
    let has_new_owner = verdict.state == PairState::Down && verdict.owner != before.owner;
    let is_turned = verdict.state != before.state || has_new_owner;
    let seen_from = verdict.seen_from();
    if !is_turned && verdict.code == before.code && seen_from == before.seen_from {
        return Ok(None);
    }
    sql.execute(
        "UPDATE pair SET state = $1, since = $2, code = $3, owner = $4, seen_from = $5 WHERE id = $6",
        &[
            verdict.state.to_string().into(),
            if verdict.state == before.state { before.since } else { now }.into(),
            verdict.code.clone().into(),
            verdict.owner.clone().into(),
            seen_from.clone().into(),
            pair.into(),
        ],
    )?;
    if !is_turned {
        return Ok(None);
    }
    let id = Uuid::now_v7().to_string();
    // The changes of a pair follow each other, also where a clock was set back between them.
    let last = sql.first("SELECT max(at) FROM change WHERE pair = $1", &[pair.into()])?;
    let last = last.map(|row| row.optional_int(0)).transpose()?.flatten();
    let at = last.map_or(now, |last| now.max(last + 1));
    sql.execute(
        "INSERT INTO change (id, pair, from_state, to_state, at, lasted, result, code, owner, seen_from, diagnosis) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            (&id).into(),
            pair.into(),
            before.state.to_string().into(),
            verdict.state.to_string().into(),
            at.into(),
            (now - before.since).max(0).into(),
            cause.map(|new| new.id.to_string()).into(),
            verdict.code.clone().or_else(|| before.code.clone()).into(),
            verdict.owner.clone().or_else(|| before.owner.clone()).into(),
            seen_from.into(),
            cause.and_then(|new| new.diagnosis.clone()).into(),
        ],
    )?;
    super::notice::queue(sql, pair, &id, before, verdict, channels, now)?;
    Ok(Some(Change { id, pair: before.name.clone(), from: before.state, to: verdict.state }))
}

/// A row of `pair`.
pub(super) struct PairRow {
    pub(super) name: PairName,
    pub(super) state: PairState,
    pub(super) since: i64,
    pub(super) code: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) seen_from: Option<String>,
}

impl PairRow {
    fn read(row: &Row) -> Result<Self, StoreFault> {
        Ok(Self {
            name: PairName { test: row.text(0)?, pool: row.text(1)?, receiver: row.text(2)? },
            state: row.text(3)?.parse().map_err(|()| StoreFault::Column { column: 3 })?,
            since: row.int(4)?,
            code: row.optional_text(5)?,
            owner: row.optional_text(6)?,
            seen_from: row.optional_text(7)?,
        })
    }
}

/// Locks a pair, so that one writer at a time moves its state; makes it where it is new.
pub(super) fn lock_pair(sql: &mut dyn Sql, pair: i64, name: &PairName) -> Result<PairRow, StoreFault> {
    let read =
        "SELECT test, pool, receiver, state, since, code, owner, seen_from FROM pair WHERE id = $1 {lock}";
    if let Some(row) = sql.first(read, &[pair.into()])? {
        return PairRow::read(&row);
    }
    sql.execute(
        "INSERT INTO pair (id, test, pool, receiver, state, since) VALUES ($1, $2, $3, $4, 'Unknown', {now}) \
         ON CONFLICT (id) DO NOTHING",
        &[pair.into(), (&name.test).into(), (&name.pool).into(), (&name.receiver).into()],
    )?;
    let row = sql.first(read, &[pair.into()])?.ok_or(StoreFault::Column { column: 0 })?;
    PairRow::read(&row)
}

/// The schedule of a pair.
struct Schedule {
    /// The number of the lease that runs, where the result was made under one.
    lease: Option<i64>,
    thresholds: StateThresholds,
    period: i64,
}

impl Schedule {
    fn of(sql: &mut dyn Sql, pair: i64, new: &NewResult) -> Result<Self, StoreFault> {
        let vantage = new.lease.as_ref().map_or(new.site.as_str(), |lease| lease.vantage.as_str());
        let row = sql.first(
            "SELECT lease, raise_after, clear_after, period FROM schedule \
             WHERE pair = $1 AND vantage IN ($2, 'any') ORDER BY CASE WHEN vantage = 'any' THEN 1 ELSE 0 END",
            &[pair.into(), vantage.into()],
        )?;
        let Some(row) = row else {
            return Ok(Self { lease: None, thresholds: StateThresholds::default(), period: DEFAULT_PERIOD });
        };
        let threshold = |column| Ok(u32::try_from(row.int(column)?).unwrap_or(1));
        Ok(Self {
            lease: Some(row.int(0)?),
            thresholds: StateThresholds { raise_after: threshold(1)?, clear_after: threshold(2)? },
            period: row.int(3)?,
        })
    }
}

/// Stores the result; false where it is there already.
fn insert_result(sql: &mut dyn Sql, pair: i64, new: &NewResult, is_late: bool) -> Result<bool, StoreFault> {
    let n_inserted = sql.execute(
        "INSERT INTO result (id, run, pair, site, watcher, lease, started_at, recorded_at, outcome, evidence, \
         code, owner, latency, elapsed, certificate_end, late, report) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, {now}, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (id) DO NOTHING",
        &[
            new.id.to_string().into(),
            new.run.map(|run| run.to_string()).into(),
            pair.into(),
            (&new.site).into(),
            new.lease.as_ref().map(|lease| lease.watcher.clone()).into(),
            new.lease.as_ref().map(|lease| lease.number).into(),
            new.started_at.into(),
            new.outcome.name().into(),
            new.evidence.clone().into(),
            new.code.clone().into(),
            new.owner.clone().into(),
            new.latency.into(),
            new.elapsed.into(),
            new.certificate_end.into(),
            is_late.into(),
            (&new.report).into(),
        ],
    )?;
    Ok(n_inserted == 1)
}

/// A row of `site_state`.
pub(super) struct SiteRow {
    pub(super) site: String,
    state: SiteState,
    since: i64,
    code: Option<String>,
    owner: Option<String>,
    last_result: String,
    last_started_at: i64,
    last_at: i64,
    last_success_at: Option<i64>,
    period: i64,
}

/// The rows of every site that has tested the pair.
pub(super) fn site_rows(sql: &mut dyn Sql, pair: i64) -> Result<Vec<SiteRow>, StoreFault> {
    let rows = sql.query(
        "SELECT site, state, since, streak, recent, code, owner, last_result, last_started_at, last_at, \
         last_success_at, period FROM site_state WHERE pair = $1 ORDER BY site",
        &[pair.into()],
    )?;
    rows.iter().map(SiteRow::read).collect()
}

/// Whether a site's last test still says how the pair is: for two periods, and for as long beside them as that test
/// took, since the next one may take as long. All in microseconds.
pub(super) fn is_fresh(now: i64, last_at: i64, last_started_at: i64, period: i64) -> bool {
    let took = last_at.saturating_sub(last_started_at).clamp(0, LONGEST_TEST);
    now.saturating_sub(last_at) <= period.saturating_mul(2).saturating_add(took)
}

/// No test takes longer; what looks so is a clock that was set.
const LONGEST_TEST: i64 = 3_600_000_000;

impl SiteRow {
    fn read(row: &Row) -> Result<Self, StoreFault> {
        Ok(Self {
            site: row.text(0)?,
            state: SiteState {
                state: row.text(1)?.parse().map_err(|()| StoreFault::Column { column: 1 })?,
                streak: u32::try_from(row.int(3)?).unwrap_or(u32::MAX),
                recent: row.text(4)?,
            },
            since: row.int(2)?,
            code: row.optional_text(5)?,
            owner: row.optional_text(6)?,
            last_result: row.text(7)?,
            last_started_at: row.int(8)?,
            last_at: row.int(9)?,
            last_success_at: row.optional_int(10)?,
            period: row.int(11)?,
        })
    }

    fn after(
        before: Option<&Self>,
        new: &NewResult,
        outcome: StateOutcome,
        schedule: &Schedule,
        now: i64,
    ) -> Self {
        // Where nobody had looked for two periods when the test began, what was seen before says nothing of now.
        let began = now.saturating_sub(new.elapsed.max(0));
        let fresh = before.filter(|before| before.is_fresh(began));
        let state =
            fresh.map(|row| row.state.clone()).unwrap_or_default().after(outcome, schedule.thresholds);
        let since = fresh.filter(|row| row.state.state == state.state).map_or(now, |row| row.since);
        let is_success = outcome == StateOutcome::Success;
        Self {
            site: new.site.clone(),
            state,
            since,
            code: new.code.clone().filter(|_| !is_success),
            owner: new.owner.clone().filter(|_| !is_success),
            last_result: new.id.to_string(),
            last_started_at: new.started_at,
            last_at: now,
            last_success_at: if is_success { Some(now) } else { before.and_then(|row| row.last_success_at) },
            period: schedule.period,
        }
    }

    fn is_fresh(&self, now: i64) -> bool {
        is_fresh(now, self.last_at, self.last_started_at, self.period)
    }

    /// Returns the site's view of the pair, `Unknown` where the site has not looked lately.
    pub(super) fn view(&self, now: i64) -> SiteView {
        SiteView {
            site: self.site.clone(),
            state: if self.is_fresh(now) { self.state.state } else { PairState::Unknown },
            code: self.code.clone(),
            owner: self.owner.clone(),
        }
    }

    fn store(&self, sql: &mut dyn Sql, pair: i64) -> Result<(), StoreFault> {
        sql.execute(
            "INSERT INTO site_state (pair, site, state, since, streak, recent, code, owner, last_result, \
             last_started_at, last_at, last_success_at, period) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (pair, site) DO UPDATE SET state = excluded.state, since = excluded.since, \
             streak = excluded.streak, recent = excluded.recent, code = excluded.code, owner = excluded.owner, \
             last_result = excluded.last_result, last_started_at = excluded.last_started_at, \
             last_at = excluded.last_at, last_success_at = excluded.last_success_at, period = excluded.period",
            &[
                pair.into(),
                (&self.site).into(),
                self.state.state.to_string().into(),
                self.since.into(),
                self.state.streak.into(),
                (&self.state.recent).into(),
                self.code.clone().into(),
                self.owner.clone().into(),
                (&self.last_result).into(),
                self.last_started_at.into(),
                self.last_at.into(),
                self.last_success_at.into(),
                self.period.into(),
            ],
        )?;
        Ok(())
    }
}

/// The length of an hour and of a day, in microseconds.
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Adds a result to its hour and to its day (UTC).
fn add_to_rollups(sql: &mut dyn Sql, pair: i64, new: &NewResult) -> Result<(), StoreFault> {
    if new.outcome == StoredOutcome::NotRun {
        return Ok(());
    }
    let hour = new.started_at - new.started_at.rem_euclid(HOUR);
    let day = new.started_at - new.started_at.rem_euclid(DAY);
    if new.is_revision {
        return take_back_success(sql, pair, new, [("hour", hour), ("day", day)]);
    }
    let rows = sql.query(
        "SELECT span, buckets FROM rollup WHERE pair = $1 AND site = $2 \
         AND ((span = 'hour' AND start = $3) OR (span = 'day' AND start = $4)) {lock}",
        &[pair.into(), (&new.site).into(), hour.into(), day.into()],
    )?;
    let mut known = BTreeMap::new();
    for row in &rows {
        known.insert(row.text(0)?, Histogram::read(&row.text(1)?));
    }
    let is_success = new.outcome == StoredOutcome::Success;
    for (span, start) in [("hour", hour), ("day", day)] {
        let mut buckets = known.remove(span).unwrap_or_default();
        if let Some(latency) = new.latency.filter(|_| is_success) {
            buckets.add(u64::try_from(latency).unwrap_or(0));
        }
        sql.execute(
            "INSERT INTO rollup (span, start, pair, site, tests, successes, flaky, buckets) \
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7) \
             ON CONFLICT (span, start, pair, site) DO UPDATE SET tests = rollup.tests + 1, \
             successes = rollup.successes + excluded.successes, flaky = rollup.flaky + excluded.flaky, \
             buckets = excluded.buckets",
            &[
                Cell::from(span),
                start.into(),
                pair.into(),
                (&new.site).into(),
                is_success.into(),
                new.is_flaky.into(),
                buckets.print().into(),
            ],
        )?;
    }
    Ok(())
}

/// The test is counted already, and was no success.
fn take_back_success(
    sql: &mut dyn Sql,
    pair: i64,
    new: &NewResult,
    spans: [(&str, i64); 2],
) -> Result<(), StoreFault> {
    for (span, start) in spans {
        sql.execute(
            "UPDATE rollup SET successes = successes - 1 \
             WHERE span = $1 AND start = $2 AND pair = $3 AND site = $4 AND successes > 0",
            &[Cell::from(span), start.into(), pair.into(), (&new.site).into()],
        )?;
    }
    Ok(())
}
