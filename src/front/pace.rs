//! The speed of a long piece of work and the time that is left: both are computed from the recent past, since the
//! beginning of a batch says little about its end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::call::Progress;

/// The steps that were done, with the instant of each.
#[derive(Debug, Default)]
pub(super) struct ProgressPace {
    steps: VecDeque<(Instant, usize)>,
    /// The counts that were reported last, and the instant of the report.
    told: Option<(Instant, ProgressCounts)>,
}

/// The number of items that are done, of all, and that have failed.
#[derive(Clone, Copy, Debug)]
struct ProgressCounts {
    done: usize,
    total: usize,
    failed: usize,
}

impl ProgressPace {
    /// Returns the text behind the bar: the number of failures, the speed, the time that is left; the last two once
    /// they can be known.
    pub(super) fn words(&mut self, progress: &Progress<'_>, now: Instant) -> String {
        let Progress { done, total, failed, .. } = *progress;
        self.of(ProgressCounts { done, total, failed }, now)
    }

    /// The same again, where nothing has been done for a while: the time that is left grows with it.
    pub(super) fn words_of_waiting(&mut self, now: Instant) -> Option<String> {
        let (at, counts) = self.told?;
        (now.duration_since(at) >= STEP).then(|| self.of(counts, now))
    }

    fn of(&mut self, progress: ProgressCounts, now: Instant) -> String {
        self.told = Some((now, progress));
        let mut words = match progress.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        if self.steps.back().is_none_or(|(_, done)| *done > progress.done) {
            self.steps.clear();
            self.steps.push_back((now, progress.done));
        }
        if self.steps.back().is_some_and(|(at, _)| now.duration_since(*at) >= STEP) {
            self.steps.push_back((now, progress.done));
        }
        while self.steps.get(1).is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.steps.pop_front();
        }
        if let Some(rate) = self.rate(progress.done, now) {
            words += &format!(", {}, {} left", told(rate), span(rate, progress.total - progress.done));
        }
        words
    }

    /// A second's work.
    fn rate(&self, done: usize, now: Instant) -> Option<f64> {
        let (since, before) = self.steps.front()?;
        let (time, n) = (now.duration_since(*since), done.checked_sub(*before)?);
        (time >= LEAST && n > 0).then(|| n as f64 / time.as_secs_f64())
    }
}

fn told(rate: f64) -> String {
    match rate {
        rate if rate >= 10.0 => format!("{rate:.0}/s"),
        rate if rate >= 1.0 => format!("{rate:.1}/s"),
        rate => format!("{:.1}/min", rate * 60.0),
    }
}

fn span(rate: f64, n_left: usize) -> String {
    // What is left takes its time, however little it is.
    let seconds = (n_left as f64 / rate).max(1.0);
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}

/// The while that counts.
const WINDOW: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_secs(1);
/// Nothing is said about less.
const LEAST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_last_while() {
        let (mut pace, began) = (ProgressPace::default(), Instant::now());
        let mut at = |seconds, done, failed| {
            let progress = Progress { activity: "Test-XmppIM", done, total: 1000, failed };
            pace.words(&progress, began + Duration::from_secs(seconds))
        };
        assert_eq!(at(0, 0, 0), "");
        assert_eq!(at(1, 10, 1), ", 1 failed");
        assert_eq!(at(5, 50, 1), ", 1 failed, 10/s, 95 s left".replace("95 s", "2 min"));
        for second in 6..=60 {
            at(second, 50 + (second as usize - 5), 1);
        }
        // One a second for longer than counts.
        assert_eq!(at(61, 106, 1), ", 1 failed, 1.0/s, 15 min left");
    }

    #[test]
    fn the_time_left_grows_while_nothing_is_done() {
        let (mut pace, began) = (ProgressPace::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let progress = |done| Progress { activity: "Test-XmppIM", done, total: 100, failed: 0 };
        pace.words(&progress(0), at(0));
        assert_eq!(pace.words(&progress(90), at(9)), ", 10/s, 1 s left");
        assert_eq!(pace.words_of_waiting(at(9)), None);
        assert_eq!(pace.words_of_waiting(at(18)).unwrap(), ", 5.0/s, 2 s left");
        // Nothing is said of the time where nothing was done in the while that counts.
        (19..60).for_each(|second| drop(pace.words_of_waiting(at(second))));
        assert_eq!(pace.words_of_waiting(at(61)).unwrap(), "");
    }

    #[test]
    fn what_goes_slowly_is_told_by_the_minute() {
        let (mut pace, began) = (ProgressPace::default(), Instant::now());
        let progress = |done| Progress { activity: "Test-XmppIM", done, total: 100, failed: 0 };
        pace.words(&progress(0), began);
        let words = pace.words(&progress(2), began + Duration::from_secs(20));
        assert_eq!(words, ", 6.0/min, 16 min left");
    }
}
