//! The outbox of notices: who is still to be told of a change.
//!
//! A notice is queued in the transaction of its change, leased by one watcher at a time, and done when the
//! channel has taken it. Delivery is at least once, with the change's identifier as the key by which the
//! other end recognises a repetition. Raising and clearing notices of a pair alternate at each channel, and the
//! channel gets them in that order: what is not taken keeps back what came after it, so that the last word is true.

use super::engine::{Cell, Row, Sql};
use super::fault::StoreFault;
use super::plan::{SCRIPT_TEST, WATCHER_TEST};
use super::record::{Channel, PairName, PairRow};
use super::state::{PairState, PairVerdict};

/// The kind of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// Something is broken.
    Raise,
    /// It is still broken.
    Reminder,
    /// It is mended.
    Clear,
}

impl NoticeKind {
    /// The word in the store and in notices.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raise => "raise",
            Self::Reminder => "reminder",
            Self::Clear => "clear",
        }
    }

    fn read(written: &str) -> Result<Self, StoreFault> {
        [Self::Raise, Self::Reminder, Self::Clear]
            .into_iter()
            .find(|kind| kind.name() == written)
            .ok_or(StoreFault::Column { column: 1 })
    }
}

/// A notice that is due, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The change's identifier: the key by which a repetition is recognised.
    pub change: String,
    /// The kind of the notice.
    pub kind: NoticeKind,
    /// The number of the reminder; 0 for others.
    pub n: i64,
    /// The number of earlier attempts at delivery.
    pub attempts: i64,
    /// Notices of one batch are told in one message.
    pub batch: String,
    /// The receivers who have not taken it yet, where others have; empty otherwise.
    pub left: Vec<String>,
    /// The pair.
    pub pair: PairName,
    /// The state before the change and after it.
    pub from: PairState,
    /// The state after it.
    pub to: PairState,
    /// The instant at which the state turned (microseconds since 1970).
    pub at: i64,
    /// The duration of the state before (microseconds).
    pub lasted: i64,
    /// The finding's code.
    pub code: Option<String>,
    /// The owner of the finding.
    pub owner: Option<String>,
    /// From which sites it is seen, where not from all.
    pub seen_from: Option<String>,
    /// The finding in words.
    pub diagnosis: Option<String>,
}

/// Queues the notices of a change.
pub(super) fn queue(
    sql: &mut dyn Sql,
    pair: i64,
    change: &str,
    before: &PairRow,
    verdict: &PairVerdict,
    channels: &[Channel],
    now: i64,
) -> Result<(), StoreFault> {
    let kind = match verdict.state {
        PairState::Down | PairState::Flaky => NoticeKind::Raise,
        PairState::Up => NoticeKind::Clear,
        // The watcher's own silence is told instead.
        PairState::Unknown => return Ok(()),
    };
    let owner = verdict.owner.as_ref().or(before.owner.as_ref());
    for channel in channels {
        let last = sql.first(
            "SELECT notice.kind, change.owner, change.code FROM notice JOIN change ON change.id = notice.change \
             WHERE change.pair = $1 AND notice.channel = $2 AND notice.kind IN ('raise', 'clear') \
             ORDER BY change.at DESC, change.id DESC LIMIT 1",
            &[pair.into(), (&channel.identity).into()],
        )?;
        let (last_kind, told_owner, told_code) = match last {
            Some(row) => {
                (Some(NoticeKind::read(&row.text(0)?)?), row.optional_text(1)?, row.optional_text(2)?)
            }
            None => (None, None, None),
        };
        // What this channel was told, which is not all that happened: it may hear of some owners only.
        let is_raised = last_kind == Some(NoticeKind::Raise);
        let is_listed =
            channel.owners.is_empty() || owner.is_some_and(|owner| channel.owners.contains(owner));
        let is_news = !is_raised || verdict.owner.is_some() && verdict.owner != told_owner;
        let wanted = match kind {
            NoticeKind::Clear => is_raised.then_some(NoticeKind::Clear),
            NoticeKind::Raise | NoticeKind::Reminder if is_listed => is_news.then_some(NoticeKind::Raise),
            // It is another's now.
            NoticeKind::Raise | NoticeKind::Reminder => (is_raised && is_news).then_some(NoticeKind::Clear),
        };
        let Some(kind) = wanted else { continue };
        let code = verdict.code.as_ref().or(before.code.as_ref());
        let batch = match kind {
            NoticeKind::Clear => batch(kind, told_owner.as_ref(), told_code.as_ref(), &before.name),
            NoticeKind::Raise | NoticeKind::Reminder => batch(kind, owner, code, &before.name),
        };
        insert(sql, change, &channel.identity, kind, 0, &batch, now)?;
    }
    Ok(())
}

/// Returns the batch of a notice: notices with the same words about the same owner, code, and partner or pool are
/// told together.
fn batch(kind: NoticeKind, owner: Option<&String>, code: Option<&String>, pair: &PairName) -> String {
    let partner = pair.receiver.rsplit_once('@').map_or(pair.receiver.as_str(), |(_, domain)| domain);
    let text = |word: Option<&String>| word.cloned().unwrap_or_default();
    let place = if owner.is_some_and(|owner| owner == "Pool") { pair.pool.as_str() } else { partner };
    format!("{} {} {} {place}", kind.name(), text(owner), text(code))
}

fn insert(
    sql: &mut dyn Sql,
    change: &str,
    channel: &str,
    kind: NoticeKind,
    n: i64,
    batch: &str,
    due: i64,
) -> Result<(), StoreFault> {
    sql.execute(
        "INSERT INTO notice (change, channel, kind, n, batch, due_at, attempts, leased_until) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0) ON CONFLICT (change, channel, kind, n) DO NOTHING",
        &[change.into(), channel.into(), kind.name().into(), Cell::Int(n), batch.into(), due.into()],
    )?;
    Ok(())
}

/// Leases the notices of one channel that are due, those of one batch together, and returns them. A notice is due
/// when nothing older about its pair waits, in whoever's hands that is.
///
/// `settle` is how long a batch waits for more of its kind, `lease` how long the channel may take;
/// both in microseconds.
pub fn take(sql: &mut dyn Sql, channel: &str, settle: i64, lease: i64) -> Result<Vec<Notice>, StoreFault> {
    drop_overtaken(sql, channel)?;
    let oldest = format!(
        "SELECT notice.batch FROM notice JOIN change ON change.id = notice.change \
         WHERE notice.channel = $1 AND notice.done_at IS NULL AND notice.leased_until < {{now}} \
         AND notice.due_at <= {{now}} - $2 AND {IS_NEXT} ORDER BY notice.due_at, notice.change LIMIT 1"
    );
    let Some(oldest) = sql.query_composed(&oldest, &[channel.into(), settle.into()])?.into_iter().next()
    else {
        return Ok(Vec::new());
    };
    let batch = oldest.text(0)?;
    let whole = format!(
        "{TOLD} WHERE notice.channel = $1 AND notice.batch = $2 AND notice.done_at IS NULL \
         AND notice.leased_until < {{now}} AND notice.due_at <= {{now}} AND {IS_NEXT} ORDER BY change.at, change.id"
    );
    let rows = sql.query_composed(&whole, &[channel.into(), (&batch).into()])?;
    let notices: Vec<Notice> = rows.iter().map(read).collect::<Result<_, _>>()?;
    let mut leased = Vec::new();
    for notice in notices {
        // Another watcher may have been faster with some of them.
        let n_leased = sql.execute(
            "UPDATE notice SET leased_until = {now} + $1 WHERE change = $2 AND channel = $3 AND kind = $4 \
             AND n = $5 AND done_at IS NULL AND leased_until < {now}",
            &[
                lease.into(),
                (&notice.change).into(),
                channel.into(),
                notice.kind.name().into(),
                notice.n.into(),
            ],
        )?;
        if n_leased == 1 {
            leased.push(as_told(sql, channel, notice)?);
        }
    }
    Ok(leased)
}

/// A notice as this channel can tell of it: the end of a fault names the fault that it was told of, whatever the
/// last test before the end came to.
fn as_told(sql: &mut dyn Sql, channel: &str, notice: Notice) -> Result<Notice, StoreFault> {
    if notice.kind != NoticeKind::Clear {
        return Ok(notice);
    }
    let raised = sql.first(
        "SELECT change.code, change.owner FROM notice JOIN change ON change.id = notice.change \
         JOIN pair ON pair.id = change.pair WHERE notice.channel = $1 AND notice.kind = 'raise' \
         AND pair.test = $2 AND pair.pool = $3 AND pair.receiver = $4 AND change.at <= $5 \
         ORDER BY change.at DESC, change.id DESC LIMIT 1",
        &[
            channel.into(),
            (&notice.pair.test).into(),
            (&notice.pair.pool).into(),
            (&notice.pair.receiver).into(),
            notice.at.into(),
        ],
    )?;
    match raised {
        Some(row) => Ok(Notice { code: row.optional_text(0)?, owner: row.optional_text(1)?, ..notice }),
        None => Ok(notice),
    }
}

/// Drops those notices of a channel that nobody has in hand and that something newer has overtaken: reminders that are
/// no longer so, and what is left to some receivers alone, which keeps nothing back from the others.
fn drop_overtaken(sql: &mut dyn Sql, channel: &str) -> Result<(), StoreFault> {
    let still = is_still_so();
    let dropped = format!(
        "UPDATE notice SET done_at = {{now}} WHERE channel = $1 AND done_at IS NULL AND leased_until < {{now}} \
         AND (kind = 'reminder' OR batch LIKE $2) AND NOT EXISTS (SELECT 1 FROM change \
         JOIN pair ON pair.id = change.pair WHERE change.id = notice.change AND {IS_LAST_WORD} \
         AND (notice.kind <> 'reminder' OR {still})) RETURNING change"
    );
    sql.query_composed(&dropped, &[channel.into(), "%\n%".into()])?;
    Ok(())
}

/// A notice as it is read.
const TOLD: &str = "SELECT notice.change, notice.kind, notice.n, notice.attempts, notice.batch, pair.test, pair.pool, \
     pair.receiver, change.from_state, change.to_state, change.at, change.lasted, change.code, \
     change.owner, change.seen_from, change.diagnosis \
     FROM notice JOIN change ON change.id = notice.change JOIN pair ON pair.id = change.pair";

/// Whether a notice is the oldest about its pair that its channel has not taken. The changes of the pair are few, the
/// notices that wait may be many; SQLite joins in the order in which a CROSS JOIN is written.
const IS_NEXT: &str = "NOT EXISTS (SELECT 1 FROM change earlier CROSS JOIN notice before \
     WHERE earlier.pair = change.pair AND before.change = earlier.id AND before.channel = notice.channel \
     AND before.done_at IS NULL AND (earlier.at, earlier.id, before.n) < (change.at, change.id, notice.n))";

/// Whether a channel has nothing newer to hear of a pair.
const IS_LAST_WORD: &str = "NOT EXISTS (SELECT 1 FROM change later CROSS JOIN notice after \
     WHERE later.pair = change.pair AND (later.at, later.id) > (change.at, change.id) \
     AND after.change = later.id AND after.channel = notice.channel AND after.kind IN ('raise', 'clear'))";

/// Returns the condition that the fault that a channel was told of is there still: the channel has been told of nothing
/// else of the pair since, whatever the pair was meanwhile, and the pair is broken and watched.
fn is_still_so() -> String {
    // Pairs that a script tests are watched as long as it does. A watcher that is not there tests nothing.
    format!(
        "pair.state IN ('Down', 'Flaky') AND {IS_LAST_WORD} \
         AND (pair.test = '{WATCHER_TEST}' OR EXISTS (SELECT 1 FROM schedule WHERE schedule.pair = pair.id) \
         OR EXISTS (SELECT 1 FROM site_state JOIN result ON result.id = site_state.last_result \
         WHERE site_state.pair = pair.id AND result.lease IS NULL \
         AND {{now}} - site_state.last_at <= 2 * site_state.period) \
         AND EXISTS (SELECT 1 FROM schedule JOIN pair script ON script.id = schedule.pair \
         WHERE script.test = '{SCRIPT_TEST}'))"
    )
}

fn read(row: &Row) -> Result<Notice, StoreFault> {
    let state = |column| row.text(column)?.parse().map_err(|()| StoreFault::Column { column });
    Ok(Notice {
        change: row.text(0)?,
        kind: NoticeKind::read(&row.text(1)?)?,
        n: row.int(2)?,
        attempts: row.int(3)?,
        left: row.text(4)?.lines().skip(1).map(str::to_owned).collect(),
        batch: row.text(4)?,
        pair: PairName { test: row.text(5)?, pool: row.text(6)?, receiver: row.text(7)? },
        from: state(8)?,
        to: state(9)?,
        at: row.int(10)?,
        lasted: row.int(11)?,
        code: row.optional_text(12)?,
        owner: row.optional_text(13)?,
        seen_from: row.optional_text(14)?,
        diagnosis: row.optional_text(15)?,
    })
}

/// The channel has taken the notice.
pub fn done(sql: &mut dyn Sql, channel: &str, notice: &Notice) -> Result<(), StoreFault> {
    sql.execute(
        "UPDATE notice SET done_at = {now}, fault = NULL WHERE change = $1 AND channel = $2 AND kind = $3 AND n = $4",
        &[(&notice.change).into(), channel.into(), notice.kind.name().into(), notice.n.into()],
    )?;
    Ok(())
}

/// The channel has not taken the notice: it is due again after `wait` microseconds.
pub fn failed(
    sql: &mut dyn Sql,
    channel: &str,
    notice: &Notice,
    wait: i64,
    fault: &str,
) -> Result<(), StoreFault> {
    sql.execute(
        "UPDATE notice SET attempts = attempts + 1, leased_until = 0, due_at = {now} + $1, fault = $2 \
         WHERE change = $3 AND channel = $4 AND kind = $5 AND n = $6",
        &[
            wait.into(),
            fault.into(),
            (&notice.change).into(),
            channel.into(),
            notice.kind.name().into(),
            notice.n.into(),
        ],
    )?;
    Ok(())
}

/// Some receivers of the channel have taken the notice: it is told to those who are left alone from now on, with what
/// is left to the same. They stand in lines of their own behind the batch.
pub fn leave_to(
    sql: &mut dyn Sql,
    channel: &str,
    notice: &Notice,
    left: &[String],
) -> Result<(), StoreFault> {
    let first = notice.batch.lines().next().unwrap_or_default();
    let batch = format!("{first}\n{}", left.join("\n"));
    sql.execute(
        "UPDATE notice SET batch = $1 WHERE change = $2 AND channel = $3 AND kind = $4 AND n = $5",
        &[batch.into(), (&notice.change).into(), channel.into(), notice.kind.name().into(), notice.n.into()],
    )?;
    Ok(())
}

/// The channel has refused the notice so often that it is given up; the fault stays with it.
pub fn give_up(sql: &mut dyn Sql, channel: &str, notice: &Notice, fault: &str) -> Result<(), StoreFault> {
    sql.execute(
        "UPDATE notice SET attempts = attempts + 1, done_at = {now}, fault = $1 \
         WHERE change = $2 AND channel = $3 AND kind = $4 AND n = $5",
        &[fault.into(), (&notice.change).into(), channel.into(), notice.kind.name().into(), notice.n.into()],
    )?;
    Ok(())
}

/// Returns the notices of what a channel has been told is broken, and still is: the last raising notice of each
/// such pair.
pub fn raised(sql: &mut dyn Sql, channel: &str) -> Result<Vec<Notice>, StoreFault> {
    let still = is_still_so();
    let raised = format!(
        "{TOLD} WHERE notice.channel = $1 AND notice.kind = 'raise' AND notice.done_at IS NOT NULL AND {still} \
         ORDER BY change.at, change.id"
    );
    let rows = sql.query_composed(&raised, &[channel.into()])?;
    rows.iter().map(read).collect()
}

/// Queues a reminder for each pair that is still broken so long after the last notice (microseconds).
pub fn remind(sql: &mut dyn Sql, channel: &str, after: i64) -> Result<u64, StoreFault> {
    let still = is_still_so();
    let due = format!(
        "SELECT notice.change, max(notice.n), min(notice.batch) FROM notice \
         JOIN change ON change.id = notice.change JOIN pair ON pair.id = change.pair \
         WHERE notice.channel = $1 AND notice.kind IN ('raise', 'reminder') AND {still} GROUP BY notice.change \
         HAVING max(notice.due_at) <= {{now}} - $2 AND min(COALESCE(notice.done_at, 0)) > 0"
    );
    let rows = sql.query_composed(&due, &[channel.into(), after.into()])?;
    for row in &rows {
        let told = row.text(2)?;
        let batch = told.lines().next().unwrap_or_default().replacen("raise", "reminder", 1);
        let now = sql.now()?;
        insert(sql, &row.text(0)?, channel, NoticeKind::Reminder, row.int(1)? + 1, &batch, now)?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(0))
}

/// Returns the number of notices of each channel that are still to be delivered.
pub fn waiting(sql: &mut dyn Sql) -> Result<Vec<(String, i64)>, StoreFault> {
    let rows = sql.query(
        "SELECT channel, count(*) FROM notice WHERE done_at IS NULL GROUP BY channel ORDER BY channel",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}
