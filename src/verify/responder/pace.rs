//! The pace of a responder: how much it answers, and how long it waits before it logs on again.
//!
//! Counts and clocks only; the time is given by the caller. Holds a bounded number of senders.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jid::BareJid;

/// A limit on the rate of answers: so many test messages a minute to each sender, and so many in all. Whoever was
/// quiet may send a minute's worth at once.
#[derive(Debug)]
pub struct Pace {
    per_sender: u32,
    senders: HashMap<BareJid, Bucket>,
    all: Bucket,
    /// Senders who can still be told this minute that they are over a limit.
    notices: Bucket,
    untold: u64,
    told_at: Option<Instant>,
}

/// The decision about a test message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerVerdict {
    /// It is answered.
    Answer,
    /// Its sender sends more than is answered.
    SenderOverLimit,
    /// All senders together do.
    OverLimit,
}

impl Pace {
    /// These many answers a minute; at least one of each.
    pub fn new(per_sender: u32, in_all: u32) -> Self {
        Self {
            per_sender: per_sender.max(1),
            senders: HashMap::new(),
            all: Bucket::full(in_all.max(1)),
            notices: Bucket::full(in_all.max(1)),
            untold: 0,
            told_at: None,
        }
    }

    /// Returns the number of test messages that are answered a minute: to each sender, and in all.
    pub fn limits(&self) -> (u32, u32) {
        (self.per_sender, self.all.per_minute)
    }

    /// Whether a sender who is over a limit is told so: no more often in all than tests are answered.
    pub fn tells(&mut self, now: Instant) -> bool {
        let tells = self.notices.has_one(now);
        if tells {
            self.notices.take();
        }
        tells
    }

    /// Whether a message of this sender is answered now.
    pub fn admits(&mut self, sender: &BareJid, now: Instant) -> AnswerVerdict {
        let verdict = self.judge(sender, now);
        if verdict != AnswerVerdict::Answer {
            self.untold += 1;
        }
        verdict
    }

    fn judge(&mut self, sender: &BareJid, now: Instant) -> AnswerVerdict {
        if !self.senders.contains_key(sender) && self.senders.len() >= MOST_SENDERS {
            // Whoever has been quiet for a minute is as good as new.
            self.senders.retain(|_, bucket| !bucket.is_full(now));
            if self.senders.len() >= MOST_SENDERS {
                return AnswerVerdict::OverLimit;
            }
        }
        let own = self.senders.entry(sender.clone()).or_insert_with(|| Bucket::full(self.per_sender));
        if !own.has_one(now) {
            return AnswerVerdict::SenderOverLimit;
        }
        if !self.all.has_one(now) {
            return AnswerVerdict::OverLimit;
        }
        own.take();
        self.all.take();
        AnswerVerdict::Answer
    }

    /// Returns the number of messages that were passed over since the last call that gave a number; `None` within a
    /// minute of that call.
    pub fn untold(&mut self, now: Instant) -> Option<u64> {
        if self.told_at.is_some_and(|at| now.duration_since(at) < MINUTE) {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Answers that are left, refilled evenly over the minute.
#[derive(Debug)]
struct Bucket {
    per_minute: u32,
    left: f64,
    /// Since when it is being refilled; none while it is as new.
    since: Option<Instant>,
}

impl Bucket {
    fn full(per_minute: u32) -> Self {
        Self { per_minute, left: f64::from(per_minute), since: None }
    }

    fn refill(&mut self, now: Instant) {
        let most = f64::from(self.per_minute);
        if let Some(since) = self.since {
            let share = now.saturating_duration_since(since).as_secs_f64() / MINUTE.as_secs_f64();
            self.left = (self.left + share * most).min(most);
        }
        self.since = Some(now);
    }

    fn has_one(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left >= 1.0
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left >= f64::from(self.per_minute)
    }

    fn take(&mut self) {
        self.left -= 1.0;
    }
}

/// The pauses between logons: each twice as long as the one before, and each a random part shorter, so that
/// many clients do not come back to a server at the same moment. Up to ten seconds where the server cannot be
/// reached, so that the account is back soon after it; up to five minutes where it refuses.
#[derive(Debug)]
pub struct Pause {
    longest: Duration,
}

/// The reason why a session is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The server cannot be reached, or has left.
    Outage,
    /// It is there, and does not want us.
    Refusal,
}

impl Default for Pause {
    fn default() -> Self {
        Self { longest: FIRST_PAUSE }
    }
}

impl Pause {
    /// The next pause, behind a refusal or an outage.
    pub fn following(&mut self, reason: Reason) -> Duration {
        let most = match reason {
            Reason::Outage => LONGEST_IN_AN_OUTAGE,
            Reason::Refusal => LONGEST_PAUSE,
        };
        let longest = self.longest.min(most);
        self.longest = (longest * 2).min(most);
        let mut byte = [0];
        // Without random numbers the pause is as long as it can be.
        let part = if getrandom::fill(&mut byte).is_ok() { u32::from(byte[0]) } else { 255 };
        longest / 2 + longest / 2 * part / 255
    }
}

const MINUTE: Duration = Duration::from_secs(60);
/// Senders that are told apart; a stranger who invents more of them meets the limit of all.
const MOST_SENDERS: usize = 4096;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
const LONGEST_IN_AN_OUTAGE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(name: &str) -> BareJid {
        BareJid::new(&format!("{name}@litwareinc.com")).unwrap()
    }

    #[test]
    fn a_sender_is_answered_at_a_pace_and_hinders_no_other() {
        let mut pace = Pace::new(3, 100);
        let start = Instant::now();
        let answered = |pace: &mut Pace, name: &str, at: Duration| {
            (0..10).filter(|_| pace.admits(&sender(name), start + at) == AnswerVerdict::Answer).count()
        };
        assert_eq!(answered(&mut pace, "kenmyer", Duration::ZERO), 3);
        assert_eq!(answered(&mut pace, "pilar", Duration::ZERO), 3);
        assert_eq!(answered(&mut pace, "kenmyer", Duration::from_secs(19)), 0);
        assert_eq!(answered(&mut pace, "kenmyer", Duration::from_secs(21)), 1);
        assert_eq!(answered(&mut pace, "kenmyer", Duration::from_secs(600)), 3);
    }

    #[test]
    fn all_senders_together_are_answered_at_a_pace() {
        let mut pace = Pace::new(3, 5);
        let now = Instant::now();
        let verdicts: Vec<_> = (0..8).map(|n| pace.admits(&sender(&format!("user{n}")), now)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == AnswerVerdict::Answer).count(), 5);
        assert_eq!(verdicts[7], AnswerVerdict::OverLimit);
        assert_eq!(pace.untold(now), Some(3));
        assert_eq!(pace.untold(now), None, "once a minute");
    }

    #[test]
    fn invented_senders_fill_no_memory() {
        let mut pace = Pace::new(1, u32::MAX);
        let now = Instant::now();
        for n in 0..3 * MOST_SENDERS {
            pace.admits(&sender(&format!("user{n}")), now);
        }
        assert_eq!(pace.senders.len(), MOST_SENDERS);
        assert_eq!(pace.admits(&sender("new"), now + 2 * MINUTE), AnswerVerdict::Answer);
    }

    #[test]
    fn pauses_grow_to_ten_seconds_in_an_outage_and_to_five_minutes_where_the_server_refuses() {
        for (reason, longest) in [(Reason::Outage, LONGEST_IN_AN_OUTAGE), (Reason::Refusal, LONGEST_PAUSE)] {
            let mut pause = Pause::default();
            let pauses: Vec<Duration> = (0..12).map(|_| pause.following(reason)).collect();
            assert!(pauses[0] <= FIRST_PAUSE && pauses[0] >= FIRST_PAUSE / 2);
            assert!(pauses[11] <= longest && pauses[11] >= longest / 2);
        }
        let mut pause = Pause::default();
        for _ in 0..12 {
            pause.following(Reason::Refusal);
        }
        assert!(pause.following(Reason::Outage) <= LONGEST_IN_AN_OUTAGE);
    }
}
