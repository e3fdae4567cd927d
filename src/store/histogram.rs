//! Latencies in fixed buckets that can be added up: a percentile of a day is computed from the counts of
//! its hours, never from their percentiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The upper bounds of the buckets in microseconds: from 1 ms to 5 min, four for each power of two up to
/// about a minute.
pub fn bound(bucket: u32) -> u64 {
    // 2^(n/4) milliseconds.
    let octave = 1_000_u64 << (bucket / 4);
    octave * [1_000, 1_189, 1_414, 1_682][bucket as usize % 4] / 1_000
}

/// The last bucket holds everything above its lower bound.
const LAST: u32 = 73;

/// The number of latencies in each bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u32, u64>);

impl Histogram {
    /// Adds a latency in microseconds.
    pub fn add(&mut self, latency: u64) {
        let bucket = (0..LAST).find(|bucket| latency <= bound(*bucket)).unwrap_or(LAST);
        *self.0.entry(bucket).or_default() += 1;
    }

    /// Adds everything that another one holds.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, n) in &other.0 {
            *self.0.entry(*bucket).or_default() += n;
        }
    }

    /// Returns the number of latencies in the histogram.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The latency in microseconds that `percent` of all do not exceed, as the upper bound of its bucket;
    /// none where it is empty. At most a fifth above the true one.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, n)| {
            seen += n;
            (seen >= wanted).then(|| bound(*bucket))
        })
    }

    /// `number:count,…`, as it is stored.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (bucket, n) in &self.0 {
            let comma = if text.is_empty() { "" } else { "," };
            // Writing to a String does not fail.
            let _ = write!(text, "{comma}{bucket}:{n}");
        }
        text
    }

    /// Reads what [`Self::print`] wrote; parts that cannot be read are left out.
    pub fn read(text: &str) -> Self {
        let part = |part: &str| {
            let (bucket, n) = part.split_once(':')?;
            Some((bucket.parse().ok().filter(|bucket| *bucket <= LAST)?, n.parse().ok()?))
        };
        Self(text.split(',').filter_map(part).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_add_up_to_their_day() {
        let (mut morning, mut evening) = (Histogram::default(), Histogram::default());
        (1..=90).for_each(|_| morning.add(20_000));
        (1..=10).for_each(|_| evening.add(4_000_000));
        let mut day = Histogram::read(&morning.print());
        day.merge(&Histogram::read(&evening.print()));
        assert_eq!(day.count(), 100);
        let within = |found: Option<u64>, true_one: u64| {
            found.is_some_and(|found| found >= true_one && found <= true_one * 6 / 5)
        };
        assert!(within(day.percentile(50), 20_000), "{day:?}");
        assert!(within(day.percentile(95), 4_000_000), "{day:?}");
        assert_eq!(Histogram::default().percentile(50), None);
    }

    #[test]
    fn every_latency_has_a_bucket() {
        for latency in [0, 1, 999, 1_000, 1_001, 60_000_000, u64::MAX] {
            let mut one = Histogram::default();
            one.add(latency);
            assert_eq!(one.count(), 1);
        }
    }
}
