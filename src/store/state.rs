//! The state of a pair as one site sees it, and as all sites together do.
//!
//! Pure: a result and the state before it give the state after it. The store keeps both and asks nobody
//! else, so that a restart neither forgets nor repeats a change.

use std::fmt;
use std::str::FromStr;

/// The current state of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PairState {
    /// Its last tests succeeded.
    Up,
    /// Its last tests failed, or the last one gave a definite finding.
    Down,
    /// Its tests turn to and fro.
    Flaky,
    /// It has not been tested for two periods, or never.
    Unknown,
}

impl PairState {
    /// Every state, the worst first.
    pub const ALL: [Self; 4] = [Self::Down, Self::Flaky, Self::Unknown, Self::Up];
}

impl fmt::Display for PairState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "Up",
            Self::Down => "Down",
            Self::Flaky => "Flaky",
            Self::Unknown => "Unknown",
        })
    }
}

impl FromStr for PairState {
    type Err = ();

    fn from_str(written: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.to_string() == written).ok_or(())
    }
}

/// The thresholds for calling a pair down and for calling it up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateThresholds {
    /// Failures in a row; 1 holds for a definite finding in any case.
    pub raise_after: u32,
    /// Successes in a row.
    pub clear_after: u32,
}

impl Default for StateThresholds {
    /// One test is enough either way, as for a test that a person starts.
    fn default() -> Self {
        Self { raise_after: 1, clear_after: 1 }
    }
}

/// The outcome of a test, as far as the state of its pair is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateOutcome {
    /// The evidence that was asked for.
    Success,
    /// Less than that.
    Failure {
        /// Whether the finding cannot pass by itself, such as an expired certificate or a refusal by policy.
        is_definite: bool,
    },
}

/// The state of one pair at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteState {
    /// The state.
    pub state: PairState,
    /// The number of the last tests in a row that had the same outcome.
    pub streak: u32,
    /// The last ten outcomes, `S` or `F`, the newest last.
    pub recent: String,
}

impl Default for SiteState {
    fn default() -> Self {
        Self { state: PairState::Unknown, streak: 0, recent: String::new() }
    }
}

/// The number of outcomes that are searched for turns.
const RECENT: usize = 10;
/// A pair whose recent outcomes turn this often is flaky.
const FLAKY_TURNS: usize = 4;
/// A flaky pair is called up or down again after this many equal outcomes.
const SETTLED_AFTER: u32 = 5;

impl SiteState {
    /// The state after one more test.
    pub fn after(&self, outcome: StateOutcome, thresholds: StateThresholds) -> Self {
        let letter = if outcome == StateOutcome::Success { 'S' } else { 'F' };
        let streak = if self.recent.ends_with(letter) { self.streak.saturating_add(1) } else { 1 };
        let mut recent = format!("{}{letter}", self.recent);
        recent.drain(..recent.len().saturating_sub(RECENT));
        let n_turns = recent.as_bytes().windows(2).filter(|pair| pair[0] != pair[1]).count();
        let is_turning = n_turns >= FLAKY_TURNS && streak < SETTLED_AFTER;
        let state = match outcome {
            StateOutcome::Failure { is_definite: true } => PairState::Down,
            StateOutcome::Failure { .. } | StateOutcome::Success if is_turning => PairState::Flaky,
            StateOutcome::Failure { .. } if streak >= thresholds.raise_after => PairState::Down,
            StateOutcome::Success if streak >= thresholds.clear_after || self.state == PairState::Unknown => {
                PairState::Up
            }
            StateOutcome::Failure { .. } | StateOutcome::Success => self.state,
        };
        Self { state, streak, recent }
    }
}

/// The view of a pair from one site, for the verdict of all sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteView {
    /// The site.
    pub site: String,
    /// The state there; `Unknown` where its last test is older than two periods.
    pub state: PairState,
    /// The code of its last failure.
    pub code: Option<String>,
    /// The owner of its last failure.
    pub owner: Option<String>,
}

/// The verdict on a pair from all sites together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairVerdict {
    /// The state.
    pub state: PairState,
    /// The code of the finding, where the pair is down or flaky.
    pub code: Option<String>,
    /// The owner of the finding. Where one site reaches the receiver and another does not, the network between
    /// them.
    pub owner: Option<String>,
    /// The sites that see it down, where others do not.
    pub down_from: Vec<String>,
    /// The sites that reach it, where others do not.
    pub up_from: Vec<String>,
}

impl PairVerdict {
    /// The verdict of these views. A site that sees nothing has no say.
    pub fn of(views: &[SiteView]) -> Self {
        let seen = |state| views.iter().filter(move |view| view.state == state);
        let names = |state| seen(state).map(|view| view.site.clone()).collect::<Vec<_>>();
        let (down, up) = (names(PairState::Down), names(PairState::Up));
        let blamed = |state| {
            let first = seen(state).find(|view| view.code.is_some());
            first.map_or((None, None), |view| (view.code.clone(), view.owner.clone()))
        };
        let whole = |state, (code, owner)| Self { state, code, owner, down_from: vec![], up_from: vec![] };
        if !down.is_empty() && !up.is_empty() {
            let (code, _) = blamed(PairState::Down);
            let owner = Some("Network".to_owned());
            return Self { state: PairState::Down, code, owner, down_from: down, up_from: up };
        }
        if !down.is_empty() {
            return whole(PairState::Down, blamed(PairState::Down));
        }
        if seen(PairState::Flaky).next().is_some() {
            return whole(PairState::Flaky, blamed(PairState::Flaky));
        }
        let state = if up.is_empty() { PairState::Unknown } else { PairState::Up };
        whole(state, (None, None))
    }

    /// Returns the sites that see the pair down and those that reach it, in words; `None` unless the pair is down
    /// for some sites only.
    pub fn seen_from(&self) -> Option<String> {
        let list = |sites: &[String]| match sites {
            [] => String::new(),
            [only] => only.clone(),
            [others @ .., last] => format!("{} and {last}", others.join(", ")),
        };
        let (down, up) = (list(&self.down_from), list(&self.up_from));
        match (self.down_from.len(), self.up_from.len()) {
            (0, _) | (_, 0) => None,
            (1, 1) => Some(format!("from {down} alone; {up} reaches it")),
            (1, _) => Some(format!("from {down} alone; {up} reach it")),
            (_, 1) => Some(format!("from {down}; {up} alone reaches it")),
            (_, _) => Some(format!("from {down}; {up} reach it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCHED: StateThresholds = StateThresholds { raise_after: 2, clear_after: 1 };

    /// The states after each of the outcomes: `S` success, `F` failure, `D` a definite failure.
    fn play(outcomes: &str) -> String {
        let mut site = SiteState::default();
        let mut states = Vec::new();
        for letter in outcomes.chars() {
            let outcome = match letter {
                'S' => StateOutcome::Success,
                letter => StateOutcome::Failure { is_definite: letter == 'D' },
            };
            site = site.after(outcome, WATCHED);
            states.push(site.state.to_string());
        }
        states.join(" ")
    }

    #[test]
    fn the_state_follows_the_outcomes() {
        for (outcomes, states) in [
            ("S", "Up"),
            ("F", "Unknown"),
            ("FF", "Unknown Down"),
            ("SF", "Up Up"),
            ("SFF", "Up Up Down"),
            ("SD", "Up Down"),
            ("SFFS", "Up Up Down Up"),
            ("SFSFS", "Up Up Up Up Flaky"),
            ("SFSFSSSSS", "Up Up Up Up Flaky Flaky Flaky Flaky Up"),
            ("SFSFSFFFFF", "Up Up Up Up Flaky Flaky Flaky Flaky Flaky Down"),
            ("SFSFSD", "Up Up Up Up Flaky Down"),
        ] {
            assert_eq!(play(outcomes), states, "{outcomes}");
        }
    }

    fn view(site: &str, state: PairState) -> SiteView {
        let code = (state == PairState::Down).then(|| "FEDERATION-REFUSED".to_owned());
        let owner = code.as_ref().map(|_| "Partner".to_owned());
        SiteView { site: site.to_owned(), state, code, owner }
    }

    #[test]
    fn the_sites_agree_or_the_network_between_them_is_at_fault() {
        use PairState::{Down, Unknown, Up};
        for (states, state, owner, seen) in [
            ([Down, Down, Down], Down, Some("Partner"), None),
            ([Down, Up, Up], Down, Some("Network"), Some("from Dublin alone; Oslo and Redmond reach it")),
            ([Down, Down, Up], Down, Some("Network"), Some("from Dublin and Oslo; Redmond alone reaches it")),
            ([Down, Unknown, Unknown], Down, Some("Partner"), None),
            ([Down, Up, Unknown], Down, Some("Network"), Some("from Dublin alone; Oslo reaches it")),
            ([Up, Unknown, Up], Up, None, None),
            ([Unknown, Unknown, Unknown], Unknown, None, None),
        ] {
            let views: Vec<_> = ["Dublin", "Oslo", "Redmond"]
                .into_iter()
                .zip(states)
                .map(|(s, state)| view(s, state))
                .collect();
            let verdict = PairVerdict::of(&views);
            assert_eq!(verdict.state, state, "{states:?}");
            assert_eq!(verdict.owner.as_deref(), owner, "{states:?}");
            assert_eq!(verdict.seen_from().as_deref(), seen, "{states:?}");
        }
    }
}
