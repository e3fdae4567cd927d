//! Reading what was stored: results, runs, states and trends.
//!
//! The caller says which pairs may be read; there is no way to read the results of others. Trends are
//! made of rollups and never of single results, so that their cost does not grow with the history.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::engine::{Cell, Row, Sql};
use super::fault::StoreFault;
use super::histogram::Histogram;
use super::record::{DEFAULT_PERIOD, PairName, is_fresh};
use super::state::PairState;

/// A pair and its number in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPair {
    /// The number.
    pub id: i64,
    /// Its names.
    pub name: PairName,
}

/// Every pair of the store, by name.
pub fn pairs(sql: &mut dyn Sql) -> Result<Vec<KnownPair>, StoreFault> {
    let rows = sql.query("SELECT id, test, pool, receiver FROM pair ORDER BY test, pool, receiver", &[])?;
    rows.iter().map(|row| Ok(KnownPair { id: row.int(0)?, name: name(row, 1)? })).collect()
}

pub(super) fn name(row: &Row, column: usize) -> Result<PairName, StoreFault> {
    Ok(PairName { test: row.text(column)?, pool: row.text(column + 1)?, receiver: row.text(column + 2)? })
}

/// The filter of the results that are wanted; what is not given does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultFilter {
    /// The pairs that may be read.
    pub pairs: Vec<i64>,
    /// `Success`, `Failure` or `NotRun`.
    pub outcome: Option<String>,
    /// The finding's code.
    pub code: Option<String>,
    /// The finding's owner.
    pub owner: Option<String>,
    /// The sites, in any letter case; empty for all.
    pub sites: Vec<String>,
    /// The run.
    pub run: Option<String>,
    /// Tests that began at or after this instant (microseconds since 1970).
    pub since: Option<i64>,
    /// Tests that began before this instant.
    pub until: Option<i64>,
    /// At most so many, the newest.
    pub newest: Option<i64>,
}

/// A result as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    /// Its identifier.
    pub id: String,
    /// The run that it belongs to.
    pub run: Option<String>,
    /// The pair that was tested.
    pub pair: PairName,
    /// The site.
    pub site: String,
    /// The time at which the test began.
    pub started_at: i64,
    /// `Success`, `Failure` or `NotRun`.
    pub outcome: String,
    /// The finding's code.
    pub code: Option<String>,
    /// The finding's owner.
    pub owner: Option<String>,
    /// The latency of a success, in microseconds.
    pub latency: Option<i64>,
    /// Whether it came after its lease had ended, and moved no state.
    pub is_late: bool,
    /// The whole report as JSON.
    pub report: String,
}

/// The results that a filter wants, the newest first.
pub fn results(sql: &mut dyn Sql, filter: &ResultFilter) -> Result<Vec<StoredResult>, StoreFault> {
    let mut query = String::from(
        "SELECT result.id, result.run, pair.test, pair.pool, pair.receiver, result.site, result.started_at, \
         result.outcome, result.code, result.owner, result.latency, result.late, result.report \
         FROM result JOIN pair ON pair.id = result.pair WHERE ",
    );
    query.push_str(&among("result.pair", &filter.pairs));
    let mut parameters = Vec::new();
    let wanted = [
        ("result.outcome =", filter.outcome.clone().map(Cell::from)),
        ("result.code =", filter.code.clone().map(Cell::from)),
        ("result.owner =", filter.owner.clone().map(Cell::from)),
        ("result.run =", filter.run.clone().map(Cell::from)),
        ("result.started_at >=", filter.since.map(Cell::from)),
        ("result.started_at <", filter.until.map(Cell::from)),
    ];
    for (condition, value) in wanted {
        if let Some(value) = value {
            parameters.push(value);
            // Writing to a String does not fail.
            let _ = write!(query, " AND {condition} ${}", parameters.len());
        }
    }
    if !filter.sites.is_empty() {
        let marks: Vec<String> =
            (1..=filter.sites.len()).map(|n| format!("${}", parameters.len() + n)).collect();
        let _ = write!(query, " AND lower(result.site) IN ({})", marks.join(", "));
        parameters.extend(filter.sites.iter().map(|site| Cell::from(site.to_lowercase())));
    }
    query.push_str(" ORDER BY result.started_at DESC, result.id DESC");
    if let Some(newest) = filter.newest {
        let _ = write!(query, " LIMIT {}", newest.max(0));
    }
    let rows = sql.query_list(&query, &parameters)?;
    let read = |row: &Row| {
        Ok(StoredResult {
            id: row.text(0)?,
            run: row.optional_text(1)?,
            pair: name(row, 2)?,
            site: row.text(5)?,
            started_at: row.int(6)?,
            outcome: row.text(7)?,
            code: row.optional_text(8)?,
            owner: row.optional_text(9)?,
            latency: row.optional_int(10)?,
            is_late: row.int(11)? != 0,
            report: row.text(12)?,
        })
    };
    rows.iter().map(read).collect()
}

/// `column IN (…)`; of no pair at all, nothing. Numbers are written out: a list may be longer than what
/// an engine takes as parameters.
pub(super) fn among(column: &str, pairs: &[i64]) -> String {
    let numbers: Vec<String> = pairs.iter().map(i64::to_string).collect();
    match numbers.is_empty() {
        true => "1 = 0".to_owned(),
        false => format!("{column} IN ({})", numbers.join(",")),
    }
}

/// A run: one script, command or round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its identifier, version 7.
    pub id: String,
    /// The principal who started the run.
    pub principal: String,
    /// The way in which the principal came in.
    pub way: String,
    /// The command that was run, without secrets.
    pub command: String,
    /// The site.
    pub site: String,
    /// The time at which the run began.
    pub started_at: i64,
    /// The time at which the run ended; `None` while it runs, or where it was killed.
    pub ended_at: Option<i64>,
    /// The name under which later runs are compared with it.
    pub baseline: Option<String>,
    /// The numbers of its tests that succeeded, failed, and did not run.
    pub counts: [i64; 3],
}

/// Begins a run.
pub fn begin_run(sql: &mut dyn Sql, run: &Run) -> Result<(), StoreFault> {
    sql.execute(
        "INSERT INTO run (id, principal, way, command, site, started_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO NOTHING",
        &[
            (&run.id).into(),
            (&run.principal).into(),
            (&run.way).into(),
            (&run.command).into(),
            (&run.site).into(),
            run.started_at.into(),
        ],
    )?;
    Ok(())
}

/// Returns the principal that ran a run; `None` if there is no such run.
pub fn principal_of_run(sql: &mut dyn Sql, id: &str) -> Result<Option<String>, StoreFault> {
    let row = sql.first("SELECT principal FROM run WHERE id = $1", &[id.into()])?;
    row.map(|row| row.text(0)).transpose()
}

/// Goes on with a run: it has no end any more.
pub fn resume_run(sql: &mut dyn Sql, id: &str) -> Result<(), StoreFault> {
    sql.execute("UPDATE run SET ended_at = NULL WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// The reports of the tests of a run that came to a result, as JSON, in the order in which they began.
pub fn finished(sql: &mut dyn Sql, run: &str) -> Result<Vec<String>, StoreFault> {
    let query = "SELECT report FROM result WHERE run = $1 AND outcome <> 'NotRun' ORDER BY started_at, id";
    sql.query(query, &[run.into()])?.iter().map(|row| row.text(0)).collect()
}

/// Whether a run may still be running: it has no end, and a result of it came within this time (microseconds).
pub fn may_be_running(sql: &mut dyn Sql, run: &str, within: i64) -> Result<bool, StoreFault> {
    let query = "SELECT 1 FROM run JOIN result ON result.run = run.id \
                 WHERE run.id = $1 AND run.ended_at IS NULL AND result.recorded_at > {now} - $2 LIMIT 1";
    Ok(sql.first(query, &[run.into(), within.into()])?.is_some())
}

/// The reports of the tests that a run has said not to have run, as JSON.
pub fn not_run(sql: &mut dyn Sql, run: &str) -> Result<Vec<String>, StoreFault> {
    let query = "SELECT report FROM result WHERE run = $1 AND outcome = 'NotRun'";
    sql.query(query, &[run.into()])?.iter().map(|row| row.text(0)).collect()
}

/// Ends a run.
pub fn end_run(sql: &mut dyn Sql, id: &str, ended_at: i64) -> Result<(), StoreFault> {
    sql.execute("UPDATE run SET ended_at = $1 WHERE id = $2", &[ended_at.into(), id.into()])?;
    Ok(())
}

/// The outcome of naming a run as baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineNaming {
    /// The run has the name, and no other run has it.
    Named,
    /// The run has this name already, and keeps it.
    OtherName(String),
    /// The name or the run is another principal's.
    OfAnother,
    /// There is no such run.
    NoRun,
}

/// Gives a run a name as baseline, and takes the name from any other. Where a `principal` is named, the runs of others
/// keep their names.
pub fn set_baseline(
    sql: &mut dyn Sql,
    id: &str,
    name: &str,
    principal: Option<&str>,
) -> Result<BaselineNaming, StoreFault> {
    if let Some(principal) = principal {
        let of_others = "SELECT 1 FROM run WHERE principal <> $1 AND \
                         (baseline = $2 OR (id = $3 AND baseline IS NOT NULL))";
        if sql.first(of_others, &[principal.into(), name.into(), id.into()])?.is_some() {
            return Ok(BaselineNaming::OfAnother);
        }
    }
    let Some(run) = sql.first("SELECT baseline FROM run WHERE id = $1 {lock}", &[id.into()])? else {
        return Ok(BaselineNaming::NoRun);
    };
    if let Some(known) = run.optional_text(0)?.filter(|known| known != name) {
        return Ok(BaselineNaming::OtherName(known));
    }
    sql.execute("UPDATE run SET baseline = NULL WHERE baseline = $1", &[name.into()])?;
    sql.execute("UPDATE run SET baseline = $1 WHERE id = $2", &[name.into(), id.into()])?;
    Ok(BaselineNaming::Named)
}

/// The newest runs that began since an instant, the newest first; their counts are of these pairs alone,
/// and a run of other pairs only is not there. What did not run at first and was tested when the run was
/// resumed is counted as what it came to then, and a success that was taken back as the failure alone.
pub fn runs(sql: &mut dyn Sql, pairs: &[i64], since: i64, newest: i64) -> Result<Vec<Run>, StoreFault> {
    let query = format!(
        "SELECT run.id, run.principal, run.way, run.command, run.site, run.started_at, run.ended_at, run.baseline, \
         CAST(sum(CASE WHEN result.outcome = 'Success' AND NOT EXISTS (SELECT 1 FROM result AS revised \
         WHERE revised.pair = result.pair AND revised.started_at = result.started_at \
         AND revised.run = result.run AND revised.outcome = 'Failure') \
         THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN result.outcome = 'Failure' THEN 1 ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN result.outcome = 'NotRun' AND NOT EXISTS (SELECT 1 FROM result AS done \
         WHERE done.run = result.run AND done.pair = result.pair AND done.outcome <> 'NotRun') \
         THEN 1 ELSE 0 END) AS BIGINT) \
         FROM run JOIN result ON result.run = run.id WHERE run.started_at >= $1 AND {} \
         GROUP BY run.id, run.principal, run.way, run.command, run.site, run.started_at, run.ended_at, run.baseline \
         ORDER BY run.started_at DESC, run.id DESC LIMIT {}",
        among("result.pair", pairs),
        newest.max(0)
    );
    let rows = sql.query_list(&query, &[since.into()])?;
    let read = |row: &Row| {
        Ok(Run {
            id: row.text(0)?,
            principal: row.text(1)?,
            way: row.text(2)?,
            command: row.text(3)?,
            site: row.text(4)?,
            started_at: row.int(5)?,
            ended_at: row.optional_int(6)?,
            baseline: row.optional_text(7)?,
            counts: [row.int(8)?, row.int(9)?, row.int(10)?],
        })
    };
    rows.iter().map(read).collect()
}

/// The identifiers of the runs that begin so and have results of these pairs: two of them, where there are more.
pub fn run_ids(sql: &mut dyn Sql, pairs: &[i64], beginning: &str) -> Result<Vec<String>, StoreFault> {
    let query = format!(
        "SELECT run.id FROM run WHERE substr(run.id, 1, length(CAST($1 AS TEXT))) = $1 \
         AND EXISTS (SELECT 1 FROM result WHERE result.run = run.id AND {}) ORDER BY run.id LIMIT 2",
        among("result.pair", pairs)
    );
    sql.query_list(&query, &[beginning.into()])?.iter().map(|row| row.text(0)).collect()
}

/// The current state of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredState {
    /// The pair's number.
    pub id: i64,
    /// The pair.
    pub pair: PairName,
    /// The state; unknown where no site has looked for two periods.
    pub state: PairState,
    /// Since when (microseconds since 1970).
    pub since: i64,
    /// The finding's code.
    pub code: Option<String>,
    /// Its owner.
    pub owner: Option<String>,
    /// From which sites it is seen, where not from all.
    pub seen_from: Option<String>,
    /// The state as seen from each site, by its name.
    pub sites: BTreeMap<String, SiteSummary>,
}

/// The state of a pair as seen from one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteSummary {
    /// The state there; unknown where the site has not looked for two periods.
    pub state: PairState,
    /// Since when it sees that (microseconds since 1970).
    pub since: i64,
    /// The code of its last failure, where the last test failed.
    pub code: Option<String>,
    /// The owner of that.
    pub owner: Option<String>,
    /// The number of consecutive tests with the same outcome.
    pub streak: i64,
    /// The last ten outcomes, `S` or `F`, the newest last.
    pub recent: String,
    /// The last test.
    pub last_at: i64,
    /// The last test that succeeded.
    pub last_success_at: Option<i64>,
    /// The last test's result.
    pub last_result: String,
}

/// The states of these pairs, by name.
pub fn states(sql: &mut dyn Sql, pairs: &[i64]) -> Result<Vec<StoredState>, StoreFault> {
    let now = sql.now()?;
    let query = format!(
        "SELECT pair.id, pair.test, pair.pool, pair.receiver, pair.state, pair.since, pair.code, pair.owner, \
         pair.seen_from, site_state.site, site_state.state, site_state.streak, site_state.recent, \
         site_state.last_at, site_state.last_success_at, site_state.last_result, site_state.period, \
         site_state.since, site_state.code, site_state.owner, site_state.last_started_at, \
         CAST((SELECT count(*) FROM schedule WHERE schedule.pair = pair.id AND schedule.holder IS NOT NULL \
         AND schedule.leased_until > {{now}}) AS BIGINT) \
         FROM pair LEFT JOIN site_state ON site_state.pair = pair.id WHERE {} \
         ORDER BY pair.test, pair.pool, pair.receiver, pair.id, site_state.site",
        among("pair.id", pairs)
    );
    let mut states: Vec<StoredState> = Vec::new();
    let parse = |row: &Row, column| row.text(column)?.parse().map_err(|()| StoreFault::Column { column });
    for row in sql.query_list(&query, &[])? {
        let id = row.int(0)?;
        if states.last().is_none_or(|last| last.id != id) {
            states.push(StoredState {
                id,
                pair: name(&row, 1)?,
                state: parse(&row, 4)?,
                since: row.int(5)?,
                code: row.optional_text(6)?,
                owner: row.optional_text(7)?,
                seen_from: row.optional_text(8)?,
                sites: BTreeMap::new(),
            });
        }
        let (Some(state), Some(site)) = (states.last_mut(), row.optional_text(9)?) else { continue };
        let (last_at, period) = (row.int(13)?, row.optional_int(16)?.unwrap_or(DEFAULT_PERIOD));
        // While a test is under way, the one before it is the last word.
        let is_under_way = row.int(21)? > 0;
        let is_fresh = is_under_way || is_fresh(now, last_at, row.int(20)?, period);
        state.sites.insert(
            site,
            SiteSummary {
                state: if is_fresh { parse(&row, 10)? } else { PairState::Unknown },
                since: if is_fresh { row.int(17)? } else { last_at },
                code: row.optional_text(18)?.filter(|_| is_fresh),
                owner: row.optional_text(19)?.filter(|_| is_fresh),
                streak: row.int(11)?,
                recent: row.text(12)?,
                last_at,
                last_success_at: row.optional_int(14)?,
                last_result: row.text(15)?,
            },
        );
    }
    for state in &mut states {
        let is_seen =
            state.sites.is_empty() || state.sites.values().any(|site| site.state != PairState::Unknown);
        if !is_seen && state.state != PairState::Unknown {
            let last = state.sites.values().map(|site| site.last_at).max();
            *state = StoredState {
                state: PairState::Unknown,
                since: last.unwrap_or(state.since),
                code: None,
                owner: None,
                seen_from: None,
                ..state.clone()
            };
        }
    }
    Ok(states)
}

/// The length of an hour, in microseconds.
const HOUR: i64 = 3_600_000_000;
/// The length of a day, in microseconds.
pub const DAY: i64 = 24 * HOUR;

/// The span of time that a rollup covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollupSpan {
    /// An hour.
    Hour,
    /// A day (UTC).
    Day,
}

impl RollupSpan {
    /// The word in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The length in microseconds.
    pub fn length(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// The beginning of the hour or day that holds an instant.
    pub fn start(self, at: i64) -> i64 {
        at - at.rem_euclid(self.length())
    }
}

/// The tests of a pair, at all sites or at some, in one hour or day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendPoint {
    /// The pair's number.
    pub pair: i64,
    /// The beginning of the hour or day.
    pub start: i64,
    /// The number of tests.
    pub n_tests: i64,
    /// The number of tests that succeeded.
    pub n_successes: i64,
    /// The number of successes that came after a failure.
    pub n_flaky: i64,
    /// The latencies of the successes.
    pub latencies: Histogram,
}

/// The hours or days of these pairs between two instants, by pair and time: what these sites saw, or all where
/// none is named.
pub fn trend(
    sql: &mut dyn Sql,
    pairs: &[i64],
    span: RollupSpan,
    since: i64,
    until: i64,
    sites: &[String],
) -> Result<Vec<TrendPoint>, StoreFault> {
    let query = format!(
        "SELECT pair, start, tests, successes, flaky, buckets, site FROM rollup \
         WHERE span = $1 AND start >= $2 AND start < $3 AND {} ORDER BY pair, start, site",
        among("pair", pairs)
    );
    let mut points: Vec<TrendPoint> = Vec::new();
    for row in sql.query_list(&query, &[span.name().into(), since.into(), until.into()])? {
        let (pair, start, site) = (row.int(0)?, row.int(1)?, row.text(6)?);
        if !sites.is_empty() && !sites.iter().any(|wanted| wanted.eq_ignore_ascii_case(&site)) {
            continue;
        }
        if points.last().is_none_or(|last| (last.pair, last.start) != (pair, start)) {
            points.push(TrendPoint {
                pair,
                start,
                n_tests: 0,
                n_successes: 0,
                n_flaky: 0,
                latencies: Histogram::default(),
            });
        }
        if let Some(point) = points.last_mut() {
            point.n_tests += row.int(2)?;
            point.n_successes += row.int(3)?;
            point.n_flaky += row.int(4)?;
            point.latencies.merge(&Histogram::read(&row.text(5)?));
        }
    }
    Ok(points)
}

/// The retention of hours, days and changes, in microseconds: 400 days, and ten years.
const KEEP_HOURS: i64 = 400 * DEFAULT_PERIOD;
const KEEP_DAYS: i64 = 3_650 * DEFAULT_PERIOD;

/// Deletes a portion of what is older than it is kept: single results after `keep` microseconds, hours
/// after 400 days, days and changes after ten years. A baseline and its results are kept as long as it is one. Returns
/// whether there is more.
///
/// # Errors
/// The store cannot be written.
pub fn forget(sql: &mut dyn Sql, keep: i64) -> Result<bool, StoreFault> {
    const PORTION: u64 = 2_000;
    let results = sql.execute(
        "DELETE FROM result WHERE id IN (SELECT id FROM result WHERE started_at < {now} - $1 \
         AND NOT EXISTS (SELECT 1 FROM run WHERE run.id = result.run AND run.baseline IS NOT NULL) LIMIT 2000)",
        &[keep.into()],
    )?;
    sql.execute(
        "DELETE FROM run WHERE started_at < {now} - $1 AND baseline IS NULL \
         AND NOT EXISTS (SELECT 1 FROM result WHERE result.run = run.id)",
        &[keep.into()],
    )?;
    let hours =
        sql.execute("DELETE FROM rollup WHERE span = 'hour' AND start < {now} - $1", &[KEEP_HOURS.into()])?;
    let days =
        sql.execute("DELETE FROM rollup WHERE span = 'day' AND start < {now} - $1", &[KEEP_DAYS.into()])?;
    sql.execute(
        "DELETE FROM notice WHERE done_at IS NOT NULL AND done_at < {now} - $1 \
         AND EXISTS (SELECT 1 FROM change later JOIN change own ON own.pair = later.pair \
         WHERE own.id = notice.change AND later.at > own.at)",
        &[KEEP_HOURS.into()],
    )?;
    sql.execute(
        "DELETE FROM change WHERE at < {now} - $1 AND NOT EXISTS (SELECT 1 FROM notice WHERE notice.change = change.id)",
        &[KEEP_DAYS.into()],
    )?;
    sql.execute("DELETE FROM request WHERE asked_at < {now} - 86400000000", &[])?;
    sql.execute("DELETE FROM watcher WHERE seen_at < {now} - 604800000000", &[])?;
    Ok(results >= PORTION || hours >= PORTION || days >= PORTION)
}

/// A watched pair whose last finding at some site has a code: the watch that means it, and the account that logs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedAccount {
    /// The pair.
    pub pair: PairName,
    /// The entry of the topology that means it.
    pub watch: String,
    /// The account that logs on.
    pub account: String,
}

/// The watched pairs whose last finding has this code.
pub fn watched_with_code(sql: &mut dyn Sql, code: &str) -> Result<Vec<WatchedAccount>, StoreFault> {
    let rows = sql.query(
        "SELECT DISTINCT pair.test, pair.pool, pair.receiver, schedule.watch, schedule.account FROM schedule \
         JOIN pair ON pair.id = schedule.pair JOIN site_state ON site_state.pair = pair.id \
         WHERE site_state.code = $1 ORDER BY 4, 5, 2, 1, 3",
        &[code.into()],
    )?;
    let account = |row: &Row| {
        let pair = PairName { test: row.text(0)?, pool: row.text(1)?, receiver: row.text(2)? };
        Ok(WatchedAccount { pair, watch: row.text(3)?, account: row.text(4)? })
    };
    rows.iter().map(account).collect()
}
