//! The selection of tests of a batch that are tried again, and the times of the retries: only tests whose failure
//! may pass, after a while, and not all of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The retries of one batch.
#[derive(Debug)]
pub(super) struct Retries {
    times: u32,
    /// The number of further tests that may be retried at all.
    n_left: usize,
    begun: HashMap<usize, u32>,
}

impl Retries {
    /// Each of `n_tests` up to so many times; at most a tenth of them, and in a small batch all.
    pub(super) fn new(times: u32, n_tests: usize) -> Self {
        Self { times, n_left: (n_tests / 10).max(SMALL), begun: HashMap::new() }
    }

    /// Returns the instant at which a test that has failed is tried again; `None` if it is not.
    pub(super) fn next(&mut self, test: usize) -> Option<Instant> {
        let n_before = self.begun.get(&test).copied().unwrap_or(0);
        if n_before >= self.times {
            return None;
        }
        if n_before == 0 {
            self.n_left = self.n_left.checked_sub(1)?;
        }
        self.begun.insert(test, n_before + 1);
        Some(Instant::now() + random_part(wait(n_before)))
    }
}

/// The longest wait before a retry: doubled each time, so that a server in trouble is not kept there.
fn wait(n_before: u32) -> Duration {
    FIRST_WAIT * 2_u32.saturating_pow(n_before.min(6))
}

/// A random part of a time: many that wait for the same thing do not all come at once ("full jitter").
pub fn random_part(whole: Duration) -> Duration {
    let mut bytes = [0; 2];
    // Without random numbers everybody waits for the whole of it.
    let part = if getrandom::fill(&mut bytes).is_ok() { u16::from_ne_bytes(bytes) } else { u16::MAX };
    whole.mul_f64(f64::from(part) / f64::from(u16::MAX))
}

const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A batch that is small enough for all of it to be retried.
const SMALL: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_retried_so_often_and_waits_longer_each_time() {
        let mut retries = Retries::new(3, 1);
        for longest in [1, 2, 4] {
            let at = retries.next(0).unwrap();
            assert!(at <= Instant::now() + Duration::from_secs(longest));
        }
        assert_eq!(retries.next(0), None);
    }

    #[test]
    fn a_tenth_of_a_batch_is_retried_and_no_more() {
        let mut retries = Retries::new(2, 1000);
        let n_retried = (0..1000).filter(|test| retries.next(*test).is_some()).count();
        assert_eq!(n_retried, 100);
        assert!(retries.next(0).is_some(), "one that has begun goes on");
    }
}
