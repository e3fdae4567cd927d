//! The times at which a watch is due: at even periods, shifted by a hash of the pair, or as a cron expression says.
//!
//! Pure: an instant gives the next one. Instants are microseconds since 1970, as the store has them. The
//! shift depends on names alone, so that a restart moves no pair and not all of them fire at once.

use std::cmp::Ordering;

use croner::Cron;
use croner::errors::CronError;
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use sha2::{Digest, Sha256};

use crate::store::PairName;
use crate::topology::WatchEntry;

/// The times at which the pairs of a watch are due.
#[derive(Clone, Debug)]
pub enum Timing {
    /// Again and again after so many microseconds.
    Every(i64),
    /// At the times of a cron expression.
    At(Box<CronTiming>),
}

/// The times of a cron expression in a time zone.
#[derive(Clone, Debug)]
pub struct CronTiming {
    cron: Cron,
    zone: TimeZone,
    /// A number of less than a millisecond that differs between expressions.
    mark: i64,
}

impl Timing {
    /// The timing of a watch; what its texts mean was checked when the topology was read.
    pub fn of(watch: &WatchEntry) -> Self {
        let every = i64::try_from(watch.every.as_micros()).unwrap_or(i64::MAX);
        let Some(Ok(cron)) = watch.at.as_ref().map(|at| at.as_str().parse::<Cron>()) else {
            return Self::Every(every);
        };
        let named = watch.zone.as_ref().and_then(|zone| TimeZone::get(zone.as_str()).ok());
        let zone = named.unwrap_or_else(TimeZone::system);
        let at = watch.at.as_ref().map(ToString::to_string).unwrap_or_default();
        let zone_name = watch.zone.as_ref().map(ToString::to_string).unwrap_or_default();
        let mark = hash(&[&at, &zone_name]).rem_euclid(1_000);
        Self::At(Box::new(CronTiming { cron, zone, mark }))
    }

    /// The first time after `after` at which a pair is due at a vantage.
    pub fn next_after(&self, after: i64, pair: &PairName, vantage: &str) -> i64 {
        match self {
            Self::Every(period) => {
                let offset = offset(*period, pair, vantage);
                let n_past = (after - offset).div_euclid(*period);
                (n_past + 1).saturating_mul(*period).saturating_add(offset)
            }
            // Where no time is left (29 February of a year that has none), look again in a day.
            Self::At(timing) => timing.next_after(after).unwrap_or(after.saturating_add(DAY)),
        }
    }

    /// The time between two tests; of a cron expression, the longest of those to come, for what has not
    /// been tested for two of them is unknown.
    ///
    /// The schedule keeps its due time as long as the period is the same, so that expressions differ in
    /// it by some microseconds.
    pub fn period(&self, now: i64) -> i64 {
        match self {
            Self::Every(period) => *period,
            Self::At(timing) => {
                let mut longest = 0;
                let mut at = now;
                for _ in 0..LOOKED_AT {
                    let Some(next) = timing.next_after(at) else { break };
                    if at != now {
                        longest = longest.max(next - at);
                    }
                    at = next;
                }
                if longest == 0 { DAY } else { longest + timing.mark }
            }
        }
    }
}

impl CronTiming {
    fn next_after(&self, after: i64) -> Option<i64> {
        let start = Timestamp::from_microsecond(after).ok()?.to_zoned_datetime(self.zone.clone());
        let next = self.cron.find_next_occurrence(&Wall(start), false).ok()?;
        Some(next.0.timestamp().as_microsecond())
    }
}

/// Returns the offset in its period at which a pair is due. Pairs fall into slots, so that those of one pool share
/// a session.
fn offset(period: i64, pair: &PairName, vantage: &str) -> i64 {
    let slot = (period / SLOTS).clamp(1, 15_000_000);
    let n_slots = (period / slot).max(1);
    hash(&[&pair.test, &pair.pool, &pair.receiver, vantage]).rem_euclid(n_slots) * slot
}

fn hash(words: &[&str]) -> i64 {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(bytes)
}

const DAY: i64 = 86_400_000_000;
/// The smallest number of slots in a period.
const SLOTS: i64 = 60;
/// The number of times of a cron expression that are examined for the longest wait.
const LOOKED_AT: usize = 32;

/// Croner's search over jiff's calendar.
#[derive(Clone, Debug)]
struct Wall(ZonedDateTime);

impl CronDateTime for Wall {
    fn to_civil(&self) -> CivilDateTime {
        let at = self.0.datetime();
        let unsigned = |part: i8| u32::try_from(part).unwrap_or(0);
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::from(at.year()), unsigned(at.month()), unsigned(at.day())),
            CivilTime::from_parts_unchecked(
                unsigned(at.hour()),
                unsigned(at.minute()),
                unsigned(at.second()),
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        let days = self.0.weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::try_from(days).unwrap_or(0))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let at = DateTime::new(
            year,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        )
        .map_err(|_| CronError::InvalidDate)?;
        let ambiguous = self.0.time_zone().to_ambiguous_zoned_datetime(at);
        let invalid = |_| CronError::InvalidTime;
        Ok(match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => {
                Resolution::Single(Self(ambiguous.unambiguous().map_err(invalid)?))
            }
            AmbiguousOffset::Fold { .. } => Resolution::Ambiguous(
                Self(ambiguous.clone().earlier().map_err(invalid)?),
                Self(ambiguous.later().map_err(invalid)?),
            ),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn pair(n: usize) -> PairName {
        PairName {
            test: "XmppIM".to_owned(),
            pool: "p.example".to_owned(),
            receiver: format!("u{n}@c.example"),
        }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn watch(at: &str, zone: &str) -> Timing {
        let mut watch = WatchEntry::new("nightly".to_owned());
        watch.at = Some(at.parse().unwrap());
        watch.zone = Some(zone.parse().unwrap());
        Timing::of(&watch)
    }

    #[test]
    fn pairs_are_spread_over_their_period_and_stay_where_they_are() {
        let timing = Timing::Every(15 * MINUTE);
        let now = at("2026-11-30T03:00:00Z");
        let dues: Vec<i64> = (0..600).map(|n| timing.next_after(now, &pair(n), "local")).collect();
        assert!(dues.iter().all(|due| (now + 1..=now + 15 * MINUTE).contains(due)));
        for minute in 0..15 {
            let range = now + minute * MINUTE..now + (minute + 1) * MINUTE;
            let n = dues.iter().filter(|due| range.contains(due)).count();
            assert!((15..=70).contains(&n), "{n} of 600 pairs are due in minute {minute}");
        }
        for (n, due) in dues.iter().enumerate() {
            assert_eq!(timing.next_after(*due, &pair(n), "local"), due + 15 * MINUTE);
        }
    }

    #[test]
    fn a_cron_expression_is_read_in_its_time_zone_over_changes_of_the_clock() {
        let timing = watch("30 1 * * *", "Europe/Dublin");
        for (after, due) in [
            ("2026-07-01T12:00:00Z", "2026-07-02T00:30:00Z"),
            ("2026-12-01T12:00:00Z", "2026-12-02T01:30:00Z"),
            // At 01:00 the clock goes to 02:00, and 01:30 is not there.
            ("2026-03-29T00:31:00Z", "2026-03-29T01:00:00Z"),
        ] {
            assert_eq!(timing.next_after(at(after), &pair(1), "local"), at(due), "{after}");
        }
    }

    #[test]
    fn the_period_of_a_cron_expression_is_its_longest_wait_and_its_own() {
        let now = at("2026-11-30T03:00:00Z");
        let weekdays = watch("0 6 * * MON-FRI", "UTC").period(now);
        assert!((3 * DAY..3 * DAY + 1_000).contains(&weekdays), "{weekdays}");
        assert_ne!(watch("0 6 * * *", "UTC").period(now), watch("0 7 * * *", "UTC").period(now));
    }
}
