//! A limit that finds out how much a server takes, as Postfix's queue manager does for each destination.
//!
//! It starts low, rises by one for each full window of good answers, and halves when the server fails or
//! becomes much slower. Never passes its ceiling. Counts only; who waits for a place is the scheduler's.

use std::time::Duration;

/// A limit on what is under way at one place, and what is under way there.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    ceiling: usize,
    limit: usize,
    n_taken: usize,
    /// Good answers since the limit was last changed.
    n_good: usize,
    /// Whether all of it was taken since then: a limit that nobody reaches is not found to be too low.
    was_full: bool,
    /// The number of changes of the limit so far: a place that was taken before the last change says nothing new.
    epoch: u32,
    latencies: Latencies,
}

/// A place that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    epoch: u32,
}

/// The initial value of a limit.
const START: usize = 2;
const START_OF_SESSIONS: usize = 4;

impl AdaptiveLimit {
    pub(super) fn new(ceiling: usize) -> Self {
        Self::starting_at(START, ceiling)
    }

    /// A limit on sessions, which are held for longer than a message is under way.
    pub(super) fn of_sessions(ceiling: usize) -> Self {
        Self::starting_at(START_OF_SESSIONS, ceiling)
    }

    fn starting_at(start: usize, ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            ceiling,
            limit: start.min(ceiling),
            n_taken: 0,
            n_good: 0,
            was_full: false,
            epoch: 0,
            latencies: Latencies::default(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.n_taken < self.limit
    }

    /// Returns the number of operations that may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number of operations that are under way.
    pub(super) fn n_taken(&self) -> usize {
        self.n_taken
    }

    pub(super) fn take(&mut self) -> Taken {
        self.n_taken += 1;
        self.was_full |= self.n_taken >= self.limit;
        Taken { epoch: self.epoch }
    }

    pub(super) fn release(&mut self) {
        self.n_taken = self.n_taken.saturating_sub(1);
    }

    /// The place answered, after so long where that is known.
    pub(super) fn good(&mut self, taken: Taken, latency: Option<Duration>) {
        if latency.is_some_and(|latency| self.latencies.is_much_slower(latency)) {
            self.bad(taken);
            return;
        }
        if let Some(latency) = latency {
            self.latencies.push(latency);
        }
        self.n_good += 1;
        if self.n_good >= self.limit && self.was_full && self.limit < self.ceiling {
            self.limit += 1;
            self.n_good = 0;
            self.was_full = false;
        }
    }

    /// The place failed, or became much slower.
    pub(super) fn bad(&mut self, taken: Taken) {
        if taken.epoch != self.epoch {
            return;
        }
        self.limit = (self.limit / 2).max(1);
        self.changed();
    }

    /// The place has said that it takes fewer than there were: as many are never tried again. Gives the new
    /// ceiling, where this is news.
    pub(super) fn refused_more(&mut self, taken: Taken) -> Option<usize> {
        if taken.epoch != self.epoch || self.n_taken < 2 {
            return None;
        }
        self.ceiling = (self.n_taken - 1).min(self.ceiling);
        self.limit = (self.limit / 2).clamp(1, self.ceiling);
        self.changed();
        Some(self.ceiling)
    }

    fn changed(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.n_good = 0;
        self.was_full = false;
    }
}

/// The last latencies of a place.
#[derive(Debug, Default)]
struct Latencies {
    last: [Duration; Self::KEPT],
    n_seen: usize,
}

impl Latencies {
    const KEPT: usize = 15;

    fn push(&mut self, latency: Duration) {
        self.last[self.n_seen % Self::KEPT] = latency;
        self.n_seen += 1;
    }

    fn is_much_slower(&self, latency: Duration) -> bool {
        if self.n_seen < Self::KEPT || latency < NOTICEABLE {
            return false;
        }
        let mut sorted = self.last;
        sorted.sort_unstable();
        latency > sorted[Self::KEPT / 2] * 3
    }
}

/// The latency below which nothing is called slow: on a near server, three times its usual time is nothing.
const NOTICEABLE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    fn full(limit: &mut AdaptiveLimit) -> Vec<Taken> {
        std::iter::from_fn(|| limit.has_room().then(|| limit.take())).collect()
    }

    fn answer_all(limit: &mut AdaptiveLimit, taken: Vec<Taken>) {
        for taken in taken {
            limit.release();
            limit.good(taken, Some(Duration::from_millis(10)));
        }
    }

    #[test]
    fn a_limit_starts_at_two_and_rises_by_one_for_each_full_window() {
        let mut limit = AdaptiveLimit::new(5);
        let mut sizes = Vec::new();
        for _ in 0..6 {
            let taken = full(&mut limit);
            sizes.push(taken.len());
            answer_all(&mut limit, taken);
        }
        assert_eq!(sizes, [2, 3, 4, 5, 5, 5]);
    }

    #[test]
    fn a_limit_that_is_not_reached_does_not_rise() {
        let mut limit = AdaptiveLimit::new(100);
        for _ in 0..50 {
            let taken = limit.take();
            answer_all(&mut limit, vec![taken]);
        }
        assert_eq!(full(&mut limit).len(), 2);
    }

    #[test]
    fn failures_of_one_window_halve_a_limit_once() {
        let mut limit = AdaptiveLimit::new(100);
        for _ in 0..6 {
            let taken = full(&mut limit);
            answer_all(&mut limit, taken);
        }
        let taken = full(&mut limit);
        assert_eq!(taken.len(), 8);
        for taken in taken {
            limit.release();
            limit.bad(taken);
        }
        assert_eq!(full(&mut limit).len(), 4);
    }

    #[test]
    fn an_answer_that_takes_three_times_as_long_halves_a_limit() {
        let mut limit = AdaptiveLimit::new(100);
        for _ in 0..6 {
            let taken = full(&mut limit);
            answer_all(&mut limit, taken);
        }
        let slow = limit.take();
        limit.release();
        limit.good(slow, Some(Duration::from_millis(400)));
        assert_eq!(full(&mut limit).len(), 4);
    }

    #[test]
    fn what_a_server_refused_is_never_tried_again() {
        let mut limit = AdaptiveLimit::new(100);
        for _ in 0..3 {
            let taken = full(&mut limit);
            answer_all(&mut limit, taken);
        }
        let taken = full(&mut limit);
        assert_eq!(taken.len(), 5);
        assert_eq!(limit.refused_more(taken[0]), Some(4));
        taken.iter().for_each(|_| limit.release());
        for _ in 0..20 {
            let taken = full(&mut limit);
            assert!(taken.len() <= 4);
            answer_all(&mut limit, taken);
        }
    }
}
