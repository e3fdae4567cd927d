//! The schedule of all pairs, and the leases under which watchers test them.
//!
//! Coordination between watchers is these statements and nothing else. Due times and leases are the
//! store's clock; a lease is a number that each claim counts up, and only its holder moves the state.

use super::engine::{Cell, Row, Sql};
use super::fault::StoreFault;
use super::record::{PairName, lock_pair, site_rows, turn};
use super::state::{PairState, PairVerdict, SiteView};

/// The vantage of a pair that any site may test.
pub const ANY_SITE: &str = "any";

/// A pair that is to be tested again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The pair that is tested.
    pub pair: PairName,
    /// The site that tests it, or [`ANY_SITE`].
    pub vantage: String,
    /// The entry of the topology that says so.
    pub watch: String,
    /// The account that sends; a watcher claims only what it holds an account for.
    pub account: String,
    /// The time between two tests, in microseconds.
    pub period: i64,
    /// Failures in a row that call it down.
    pub raise_after: u32,
    /// Successes in a row that call it up.
    pub clear_after: u32,
    /// The time at which the pair is due first, if it is new or its period has changed (microseconds since 1970).
    pub first_due: i64,
}

/// A pair that this watcher is to test now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The pair that is tested.
    pub pair: PairName,
    /// The site of the schedule, or [`ANY_SITE`].
    pub vantage: String,
    /// The entry of the topology.
    pub watch: String,
    /// The account that sends.
    pub account: String,
    /// The number of the lease.
    pub lease: i64,
    /// The time at which the pair was due (microseconds since 1970, the store's clock).
    pub due_at: i64,
    /// The time between two tests, in microseconds.
    pub period: i64,
    /// The store's clock at the claim: the watcher's own clock may differ.
    pub claimed_at: i64,
}

/// Makes the schedule of one site what `planned` says; what is in it and unchanged keeps its due time.
///
/// # Errors
/// The store cannot be written.
pub fn plan(sql: &mut dyn Sql, site: &str, planned: &[Planned]) -> Result<(), StoreFault> {
    let known = sql.query(
        "SELECT pair, vantage, watch, account, period, raise_after, clear_after FROM schedule \
         WHERE vantage = $1 OR planner = $2",
        &[site.into(), site.into()],
    )?;
    let mut known: std::collections::HashMap<(i64, String), Row> = known
        .into_iter()
        .map(|row| Ok(((row.int(0)?, row.text(1)?), row)))
        .collect::<Result<_, StoreFault>>()?;
    let mut in_order: Vec<(i64, &Planned)> = planned.iter().map(|entry| (entry.pair.id(), entry)).collect();
    in_order.sort_by_key(|(pair, _)| *pair);
    for (pair, entry) in in_order {
        let before = known.remove(&(pair, entry.vantage.clone()));
        let wanted = [
            Cell::from(&entry.watch),
            (&entry.account).into(),
            entry.period.into(),
            entry.raise_after.into(),
            entry.clear_after.into(),
        ];
        if before.is_some_and(|row| row.0[2..] == wanted) {
            continue;
        }
        lock_pair(sql, pair, &entry.pair)?;
        let [watch, account, period, raise_after, clear_after] = wanted;
        sql.execute(
            "INSERT INTO schedule (pair, vantage, watch, planner, account, period, raise_after, clear_after, \
             due_at, leased_until, lease) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0) \
             ON CONFLICT (pair, vantage) DO UPDATE SET watch = excluded.watch, planner = excluded.planner, \
             account = excluded.account, raise_after = excluded.raise_after, clear_after = excluded.clear_after, \
             due_at = CASE WHEN schedule.period = excluded.period THEN schedule.due_at ELSE excluded.due_at END, \
             period = excluded.period",
            &[
                pair.into(),
                (&entry.vantage).into(),
                watch,
                site.into(),
                account,
                period,
                raise_after,
                clear_after,
                entry.first_due.into(),
            ],
        )?;
    }
    for (pair, vantage) in known.into_keys() {
        sql.execute("DELETE FROM schedule WHERE pair = $1 AND vantage = $2", &[pair.into(), vantage.into()])?;
    }
    Ok(())
}

/// Claims at most `n` due pairs of the site or of any site, whose account is among `accounts`, for so many
/// microseconds.
///
/// # Errors
/// The store cannot be written.
pub fn claim(
    sql: &mut dyn Sql,
    site: &str,
    watcher: &str,
    accounts: &[String],
    n: i64,
    lease: i64,
) -> Result<Vec<Claim>, StoreFault> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    // Pairs of accounts that are not held here stay for others; they must not fill the window.
    let marks: Vec<String> = (0..accounts.len()).map(|at| format!("${}", at + 3)).collect();
    let due = format!(
        "SELECT pair, vantage FROM schedule WHERE vantage IN ($1, 'any') AND due_at <= {{now}} \
         AND leased_until < {{now}} AND account IN ({}) ORDER BY due_at, pair LIMIT $2 {{claim}}",
        marks.join(", ")
    );
    let mut parameters = vec![Cell::from(site), n.into()];
    parameters.extend(accounts.iter().map(Cell::from));
    let rows = sql.query_composed(&due, &parameters)?;
    let mut claims = Vec::new();
    for row in rows {
        let (pair, vantage) = (row.int(0)?, row.text(1)?);
        let claimed = sql.first(
            "UPDATE schedule SET leased_until = {now} + $1, lease = lease + 1, holder = $2 \
             WHERE pair = $3 AND vantage = $4 \
             RETURNING watch, account, lease, due_at, period, {now}, \
             (SELECT test FROM pair WHERE pair.id = schedule.pair), \
             (SELECT pool FROM pair WHERE pair.id = schedule.pair), \
             (SELECT receiver FROM pair WHERE pair.id = schedule.pair)",
            &[lease.into(), watcher.into(), pair.into(), (&vantage).into()],
        )?;
        let Some(row) = claimed else { continue };
        claims.push(Claim {
            pair: PairName { test: row.text(6)?, pool: row.text(7)?, receiver: row.text(8)? },
            vantage,
            watch: row.text(0)?,
            account: row.text(1)?,
            lease: row.int(2)?,
            due_at: row.int(3)?,
            period: row.int(4)?,
            claimed_at: row.int(5)?,
        });
    }
    Ok(claims)
}

/// Hands back claims that are not going to be tested; they stay due.
pub fn release(sql: &mut dyn Sql, claims: &[Claim]) -> Result<(), StoreFault> {
    for claim in claims {
        sql.execute(
            "UPDATE schedule SET leased_until = 0, holder = NULL WHERE pair = $1 AND vantage = $2 AND lease = $3",
            &[claim.pair.id().into(), (&claim.vantage).into(), claim.lease.into()],
        )?;
    }
    Ok(())
}

/// Holds a claim for so many microseconds from now.
pub fn extend(sql: &mut dyn Sql, claim: &Claim, lease: i64) -> Result<(), StoreFault> {
    sql.execute(
        "UPDATE schedule SET leased_until = {now} + $1 WHERE pair = $2 AND vantage = $3 AND lease = $4",
        &[lease.into(), claim.pair.id().into(), (&claim.vantage).into(), claim.lease.into()],
    )?;
    Ok(())
}

/// Gives up claims that could not be tested; they are due again after `wait` microseconds.
pub fn postpone(sql: &mut dyn Sql, claims: &[Claim], wait: i64) -> Result<(), StoreFault> {
    for claim in claims {
        sql.execute(
            "UPDATE schedule SET due_at = {now} + $1, leased_until = 0, holder = NULL \
             WHERE pair = $2 AND vantage = $3 AND lease = $4",
            &[wait.into(), claim.pair.id().into(), (&claim.vantage).into(), claim.lease.into()],
        )?;
    }
    Ok(())
}

/// Puts claims off for so many microseconds, for which there is no place now. They stay due since when they were, so
/// that who has waited longest is next.
pub fn put_off(sql: &mut dyn Sql, claims: &[Claim], wait: i64) -> Result<(), StoreFault> {
    for claim in claims {
        sql.execute(
            "UPDATE schedule SET leased_until = {now} + $1, holder = NULL \
             WHERE pair = $2 AND vantage = $3 AND lease = $4",
            &[wait.into(), claim.pair.id().into(), (&claim.vantage).into(), claim.lease.into()],
        )?;
    }
    Ok(())
}

/// The other sites look at a pair as soon as they can: one of them has seen it turn.
pub fn hasten(sql: &mut dyn Sql, pair: &PairName, site: &str) -> Result<(), StoreFault> {
    sql.execute(
        "UPDATE schedule SET due_at = {now} WHERE pair = $1 AND vantage <> $2 AND due_at > {now} AND leased_until < {now}",
        &[pair.id().into(), site.into()],
    )?;
    Ok(())
}

/// Calls every scheduled pair unknown that nobody has tested for two periods, and nobody tests now; returns how
/// many.
///
/// # Errors
/// The store cannot be written.
pub fn expire(sql: &mut dyn Sql) -> Result<usize, StoreFault> {
    let now = sql.now()?;
    let stale = sql.query(
        "SELECT pair.id, pair.test, pair.pool, pair.receiver FROM pair WHERE pair.state <> 'Unknown' \
         AND EXISTS (SELECT 1 FROM schedule WHERE schedule.pair = pair.id) \
         AND NOT EXISTS (SELECT 1 FROM schedule WHERE schedule.pair = pair.id AND schedule.holder IS NOT NULL \
         AND schedule.leased_until > {now}) \
         AND NOT EXISTS (SELECT 1 FROM site_state WHERE site_state.pair = pair.id \
         AND {now} - site_state.last_at <= 2 * site_state.period) ORDER BY pair.id",
        &[],
    )?;
    let mut n_expired = 0;
    for row in &stale {
        let name = PairName { test: row.text(1)?, pool: row.text(2)?, receiver: row.text(3)? };
        let before = lock_pair(sql, row.int(0)?, &name)?;
        let views: Vec<SiteView> = site_rows(sql, row.int(0)?)?.iter().map(|site| site.view(now)).collect();
        let verdict = PairVerdict::of(&views);
        n_expired += usize::from(verdict.state == PairState::Unknown);
        turn(sql, row.int(0)?, &before, &verdict, None, &[], now)?;
    }
    Ok(n_expired)
}

/// The due times of a site, for how late it is: the earliest that is due and not claimed, among the pairs of
/// these accounts.
pub fn oldest_due(sql: &mut dyn Sql, site: &str, accounts: &[String]) -> Result<Option<i64>, StoreFault> {
    if accounts.is_empty() {
        return Ok(None);
    }
    let marks: Vec<String> = (0..accounts.len()).map(|at| format!("${}", at + 2)).collect();
    let query = format!(
        "SELECT min(due_at) FROM schedule WHERE vantage IN ($1, 'any') \
         AND (leased_until < {{now}} OR holder IS NULL) AND account IN ({})",
        marks.join(", ")
    );
    let mut parameters = vec![Cell::from(site)];
    parameters.extend(accounts.iter().map(Cell::from));
    sql.query_composed(&query, &parameters)?.first().map_or(Ok(None), |row| row.optional_int(0))
}

/// A running watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatcherRow {
    /// Its identifier.
    pub id: String,
    /// The site that it stands in.
    pub site: String,
    /// Its version of imsh.
    pub version: String,
    /// The time at which the watcher started.
    pub started_at: i64,
    /// Its last sign of life.
    pub seen_at: i64,
    /// The reason why the watcher sees nothing, if it is off line.
    pub blind: Option<String>,
    /// The difference between the watcher's clock and the store's, in microseconds.
    pub skew: i64,
}

/// Writes a watcher's sign of life, with the fingerprint of its plan; returns the store's clock.
pub fn heartbeat(sql: &mut dyn Sql, watcher: &WatcherRow, fingerprint: &str) -> Result<i64, StoreFault> {
    follow_clock(sql)?;
    sql.execute(
        "INSERT INTO watcher (id, site, version, topology, started_at, seen_at, blind, skew) \
         VALUES ($1, $2, $3, $4, {now}, {now}, $5, $6) \
         ON CONFLICT (id) DO UPDATE SET seen_at = {now}, topology = excluded.topology, \
         blind = excluded.blind, skew = excluded.skew",
        &[
            (&watcher.id).into(),
            (&watcher.site).into(),
            (&watcher.version).into(),
            fingerprint.into(),
            watcher.blind.clone().into(),
            watcher.skew.into(),
        ],
    )?;
    sql.now()
}

/// The fingerprints of the plans of a site's other watchers that are alive.
pub fn other_plans(sql: &mut dyn Sql, watcher: &WatcherRow) -> Result<Vec<String>, StoreFault> {
    let rows = sql.query(
        "SELECT DISTINCT topology FROM watcher WHERE site = $1 AND id <> $2 AND seen_at > {now} - 60000000",
        &[(&watcher.site).into(), (&watcher.id).into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Moves what is still to come back with the store's clock, where that was set back: signs of life from the future
/// show it. Otherwise nothing would be due until the clock has caught up.
fn follow_clock(sql: &mut dyn Sql) -> Result<(), StoreFault> {
    let newest = sql.first("SELECT max(seen_at) FROM watcher", &[])?;
    let newest = newest.map(|row| row.optional_int(0)).transpose()?.flatten();
    let now = sql.now()?;
    if newest.is_none_or(|newest| newest <= now + SET_BACK) {
        return Ok(());
    }
    // One watcher does it: the others find the signs of life moved.
    let rows = sql.query("SELECT seen_at FROM watcher ORDER BY id {lock}", &[])?;
    let seen: Vec<i64> = rows.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?;
    let now = sql.now()?;
    let by = seen.into_iter().max().map_or(0, |newest| newest - now);
    if by <= SET_BACK {
        return Ok(());
    }
    for statement in [
        "UPDATE watcher SET seen_at = seen_at - $1 WHERE seen_at > {now}",
        "UPDATE schedule SET due_at = due_at - $1 WHERE due_at > {now}",
        "UPDATE schedule SET leased_until = leased_until - $1 WHERE leased_until > {now}",
        "UPDATE slot SET leased_until = leased_until - $1 WHERE leased_until > {now}",
        "UPDATE notice SET due_at = due_at - $1 WHERE due_at > {now} AND done_at IS NULL",
        "UPDATE notice SET leased_until = leased_until - $1 WHERE leased_until > {now} AND done_at IS NULL",
        "UPDATE site_state SET last_at = last_at - $1 WHERE last_at > {now}",
    ] {
        sql.execute(statement, &[by.into()])?;
    }
    Ok(())
}

/// A clock that is set back by less, in microseconds, is followed by waiting.
const SET_BACK: i64 = 5_000_000;

/// A watcher ends in order.
pub fn leave(sql: &mut dyn Sql, id: &str) -> Result<(), StoreFault> {
    sql.execute("UPDATE schedule SET leased_until = 0, holder = NULL WHERE holder = $1", &[id.into()])?;
    sql.execute("DELETE FROM watcher WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// Every watcher that was seen in the last day, those of one site together.
pub fn watchers(sql: &mut dyn Sql) -> Result<Vec<WatcherRow>, StoreFault> {
    let rows = sql.query(
        "SELECT id, site, version, started_at, seen_at, blind, skew FROM watcher \
         WHERE seen_at > {now} - 86400000000 ORDER BY site, id",
        &[],
    )?;
    let read = |row: &Row| {
        Ok(WatcherRow {
            id: row.text(0)?,
            site: row.text(1)?,
            version: row.text(2)?,
            started_at: row.int(3)?,
            seen_at: row.int(4)?,
            blind: row.optional_text(5)?,
            skew: row.int(6)?,
        })
    };
    rows.iter().map(read).collect()
}

/// The test of the pair that stands for a script. The pairs that the script tests are in no schedule.
pub const SCRIPT_TEST: &str = "Script";
/// The test of the pair that stands for a site's watcher.
pub const WATCHER_TEST: &str = "Watcher";
/// The code of a site whose watchers give no sign of life.
pub const WATCHER_SILENT: &str = "WATCHER-SILENT";

/// Turns the state of each site's watcher pair: down where none of its watchers was seen for so many
/// microseconds. One change for the site, whatever the number of its pairs.
///
/// # Errors
/// The store cannot be written.
pub fn judge_watchers(
    sql: &mut dyn Sql,
    silent_after: i64,
    channels: &[super::record::Channel],
) -> Result<(), StoreFault> {
    let sites = sql.query("SELECT site, max(seen_at) FROM watcher GROUP BY site ORDER BY site", &[])?;
    for row in sites {
        let (site, seen_at) = (row.text(0)?, row.int(1)?);
        let name = PairName { test: WATCHER_TEST.to_owned(), pool: site.clone(), receiver: site.clone() };
        let pair = name.id();
        let before = lock_pair(sql, pair, &name)?;
        let now = sql.now()?;
        let is_silent = now - seen_at > silent_after;
        let view = SiteView {
            site,
            state: if is_silent { PairState::Down } else { PairState::Up },
            code: is_silent.then(|| WATCHER_SILENT.to_owned()),
            owner: is_silent.then(|| "imsh".to_owned()),
        };
        turn(sql, pair, &before, &PairVerdict::of(&[view]), None, channels, now)?;
    }
    Ok(())
}

/// Forgets a site whose watchers will not come back: its schedule, what it saw last, and that it is silent. The
/// verdict on its pairs is made of the other sites. Its results stay as long as others. Returns whether anything was
/// known of it.
///
/// # Errors
/// The store cannot be written.
pub fn forget_site(
    sql: &mut dyn Sql,
    site: &str,
    channels: &[super::record::Channel],
) -> Result<bool, StoreFault> {
    let mut n_known = sql.execute("DELETE FROM watcher WHERE site = $1", &[site.into()])?;
    n_known += sql.execute("DELETE FROM schedule WHERE vantage = $1", &[site.into()])?;
    let seen = sql.query(
        "SELECT pair.id, pair.test, pair.pool, pair.receiver FROM site_state JOIN pair ON pair.id = site_state.pair \
         WHERE site_state.site = $1 ORDER BY pair.id",
        &[site.into()],
    )?;
    n_known += seen.len() as u64;
    for row in seen {
        let name = PairName { test: row.text(1)?, pool: row.text(2)?, receiver: row.text(3)? };
        let pair = row.int(0)?;
        let before = lock_pair(sql, pair, &name)?;
        sql.execute("DELETE FROM site_state WHERE pair = $1 AND site = $2", &[pair.into(), site.into()])?;
        let now = sql.now()?;
        let views: Vec<SiteView> = site_rows(sql, pair)?.iter().map(|site| site.view(now)).collect();
        turn(sql, pair, &before, &PairVerdict::of(&views), None, channels, now)?;
    }
    let name = PairName { test: WATCHER_TEST.to_owned(), pool: site.to_owned(), receiver: site.to_owned() };
    if n_known > 0 {
        let before = lock_pair(sql, name.id(), &name)?;
        let now = sql.now()?;
        turn(sql, name.id(), &before, &PairVerdict::of(&[]), None, channels, now)?;
    }
    Ok(n_known > 0)
}

/// Takes a place of a scope that all watchers share, for so many microseconds; none is free where false.
///
/// # Errors
/// The store cannot be written.
pub fn take_slot(
    sql: &mut dyn Sql,
    scope: &str,
    limit: i64,
    holder: &str,
    lease: i64,
) -> Result<Option<i64>, StoreFault> {
    let taken = sql
        .query("SELECT n FROM slot WHERE scope = $1 AND leased_until >= {now} ORDER BY n", &[scope.into()])?;
    let taken: Vec<i64> = taken.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?;
    for n in (0..limit).filter(|n| !taken.contains(n)) {
        let n_taken = sql.execute(
            "INSERT INTO slot (scope, n, leased_until, holder) VALUES ($1, $2, {now} + $3, $4) \
             ON CONFLICT (scope, n) DO UPDATE SET leased_until = excluded.leased_until, holder = excluded.holder \
             WHERE slot.leased_until < {now}",
            &[scope.into(), n.into(), lease.into(), holder.into()],
        )?;
        if n_taken == 1 {
            return Ok(Some(n));
        }
    }
    Ok(None)
}

/// Gives a place back.
pub fn free_slot(sql: &mut dyn Sql, scope: &str, n: i64, holder: &str) -> Result<(), StoreFault> {
    sql.execute(
        "UPDATE slot SET leased_until = 0 WHERE scope = $1 AND n = $2 AND holder = $3",
        &[scope.into(), n.into(), holder.into()],
    )?;
    Ok(())
}
