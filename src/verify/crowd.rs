//! The time that messages of one session wait for each other.
//!
//! Servers read only so many bytes a second from a client (ejabberd 3 000 as it is shipped, Prosody 10 000). A batch
//! that sends faster waits at its own pool's door, and that is neither the pool's nor the partner's slowness.
//! The pool's answer behind a message tells when it read it: what is beyond the session's usual time, where
//! other messages went before, is the batch's own doing. A pool that becomes slow under a batch looks the same.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The messages of one session.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<CrowdState>);

#[derive(Debug, Default)]
struct CrowdState {
    last_sent: Option<Instant>,
    fastest: Option<Duration>,
}

/// Whether other messages of ours went shortly before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// None did.
    Alone,
    /// Some did.
    Others,
}

impl Crowd {
    /// A message leaves.
    pub fn send(&self) -> Company {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.last_sent.replace(Instant::now());
        match before {
            Some(at) if at.elapsed() < SHORTLY => Company::Others,
            Some(_) | None => Company::Alone,
        }
    }

    /// The pool has answered behind a message, after so long. Gives how much of that it waited for the others.
    pub fn answered(&self, after: Duration, company: Company) -> Duration {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fastest = state.fastest.map_or(after, |fastest| fastest.min(after));
        state.fastest = Some(fastest);
        let waited = after - fastest;
        if company == Company::Others && waited >= NOTICEABLE { waited } else { Duration::ZERO }
    }
}

/// For how long a server remembers how much a client has sent.
const SHORTLY: Duration = Duration::from_secs(10);
/// The shortest wait that counts; anything shorter is chance.
const NOTICEABLE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_waits_behind_others_is_told_apart() {
        let crowd = Crowd::default();
        let alone = crowd.send();
        assert_eq!(crowd.answered(Duration::from_millis(20), alone), Duration::ZERO);
        let behind = crowd.send();
        assert_eq!(crowd.answered(Duration::from_millis(900), behind), Duration::from_millis(880));
        assert_eq!(crowd.answered(Duration::from_millis(60), behind), Duration::ZERO, "chance");
    }

    #[test]
    fn a_pool_that_is_slow_to_a_single_message_is_slow() {
        let crowd = Crowd::default();
        assert_eq!(crowd.answered(Duration::from_millis(20), Company::Alone), Duration::ZERO);
        assert_eq!(crowd.answered(Duration::from_secs(3), Company::Alone), Duration::ZERO);
    }
}
