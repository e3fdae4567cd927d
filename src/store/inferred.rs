//! Whether the last tests of a batch confirm what was inferred in it.
//!
//! A scheduler that has seen a partner or a pool fail again and again gives its finding to the tests that wait, and
//! keeps one of them for the end. What it gave is a failure where that test, or whichever came last, failed as well.

use std::collections::HashMap;

use super::record::{NewResult, PairName, StoredOutcome};

/// The results of one batch that were inferred, until its end says whether they hold.
#[derive(Default)]
pub struct Inferences {
    n_results: u64,
    inferred: Vec<(u64, NewResult)>,
    last: LastTests,
}

impl Inferences {
    /// Holds back those of the results that were inferred; returns the others.
    pub fn hold_back(&mut self, results: Vec<NewResult>) -> Vec<NewResult> {
        let mut tested = Vec::with_capacity(results.len());
        for result in results {
            self.n_results += 1;
            if result.is_inferred {
                self.inferred.push((self.n_results, result));
                continue;
            }
            match result.outcome {
                StoredOutcome::Success => self.last.note(self.n_results, &result.pair, None),
                StoredOutcome::Failure { .. } => {
                    let code = result.code.as_deref().unwrap_or_default();
                    self.last.note(self.n_results, &result.pair, Some(code));
                }
                StoredOutcome::NotRun => {}
            }
            tested.push(result);
        }
        tested
    }

    /// The batch has ended: what was inferred is a failure where that holds, and otherwise did not run.
    ///
    /// `is_definite` and `stops_account` say of a code whether it cannot pass by itself, and whether nobody tries the
    /// account again.
    pub fn conclude(self, is_definite: fn(&str) -> bool, stops_account: fn(&str) -> bool) -> Vec<NewResult> {
        let Self { inferred, last, .. } = self;
        let conclude = |(place, result): (u64, NewResult)| match last.confirm(place, &result, stops_account) {
            true => result.confirmed(is_definite),
            false => result.withdrawn(),
        };
        inferred.into_iter().map(conclude).collect()
    }
}

/// The last tests of a batch that were made, each with its place in the order of results.
#[derive(Default)]
pub struct LastTests {
    any: LastTest,
    at_pool: HashMap<String, LastTest>,
    at_partner: HashMap<(String, String), LastTest>,
}

/// The last test of some; places begin with 1, and 0 is the place of none.
#[derive(Clone, Default)]
struct LastTest {
    place: u64,
    /// The code of its failure; `None` where it was well.
    failure: Option<String>,
}

impl LastTest {
    /// Takes the place of this one where it came later.
    fn follow(&mut self, other: &Self) {
        if other.place > self.place {
            self.clone_from(other);
        }
    }
}

impl LastTests {
    /// Notes a test that was made; `failure` is the code of its failure, `None` where it was well.
    pub fn note(&mut self, place: u64, pair: &PairName, failure: Option<&str>) {
        let test = LastTest { place, failure: failure.map(str::to_owned) };
        let route = (pair.pool.clone(), partner(pair).to_owned());
        self.at_pool.entry(pair.pool.clone()).or_default().follow(&test);
        self.at_partner.entry(route).or_default().follow(&test);
        self.any.follow(&test);
    }

    /// Whether a finding that was inferred at this place holds: the last test behind it at the same pool and partner
    /// failed, or else at the same pool; where there was none, that of the whole batch failed in the same way. Nobody
    /// tries an account again that was refused: its finding holds where no test came behind it.
    pub fn confirm(&self, place: u64, inferred: &NewResult, stops_account: fn(&str) -> bool) -> bool {
        let pair = &inferred.pair;
        let is_behind = |test: &&LastTest| test.place > place;
        let route = (pair.pool.clone(), partner(pair).to_owned());
        let at_partner = self.at_partner.get(&route).filter(is_behind);
        if let Some(test) = at_partner.or_else(|| self.at_pool.get(&pair.pool).filter(is_behind)) {
            return test.failure.is_some();
        }
        match Some(&self.any).filter(is_behind) {
            Some(test) => test.failure.is_some() && test.failure == inferred.code,
            None => inferred.code.as_deref().is_some_and(stops_account),
        }
    }
}

/// The domain that a pair's test reaches for.
fn partner(pair: &PairName) -> &str {
    pair.receiver.rsplit_once('@').map_or(pair.receiver.as_str(), |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "a.example";
    const B: &str = "b.example";

    fn pair(pool: &str, receiver: &str) -> PairName {
        PairName { test: "XmppIM".to_owned(), pool: pool.to_owned(), receiver: receiver.to_owned() }
    }

    /// Whether a refusal that was inferred for a receiver of `dead.example` at pool A, at place 5, is confirmed.
    fn is_confirmed(code: &str, tests: &[(u64, &str, &str, Option<&str>)]) -> bool {
        let mut last = LastTests::default();
        for (place, pool, receiver, failure) in tests {
            last.note(*place, &pair(pool, receiver), *failure);
        }
        let report = crate::result::Report::default();
        let inferred = NewResult {
            pair: pair(A, "kim@dead.example"),
            code: Some(code.to_owned()),
            ..NewResult::of(&report, "hq", |_| true).unwrap()
        };
        last.confirm(5, &inferred, |code| code == "STOPPED")
    }

    #[test]
    fn the_last_test_behind_it_at_the_same_pool_and_partner_decides() {
        let refused = Some("REFUSED");
        let well = None;
        for (tests, wanted) in [
            (&[(6, A, "lee@dead.example", refused)][..], true),
            (&[(6, A, "lee@dead.example", well)], false),
            // An earlier test says nothing.
            (&[(4, A, "lee@dead.example", refused)], false),
            (&[(6, A, "lee@dead.example", refused), (7, A, "pat@dead.example", well)], false),
            (&[(7, A, "lee@dead.example", refused), (6, A, "pat@dead.example", well)], true),
            // Another pool reaches the partner, and this one does not.
            (&[(6, A, "lee@dead.example", refused), (7, B, "lee@dead.example", well)], true),
            (&[(6, B, "lee@dead.example", refused), (7, A, "lee@dead.example", well)], false),
            // The pool itself is dead: another partner's test stands for it.
            (&[(6, A, "lee@other.example", refused), (7, B, "lee@other.example", well)], true),
            // The machine is off line: the end fails in the same way wherever it is.
            (&[(6, B, "lee@other.example", refused)], true),
            (&[(6, B, "lee@other.example", Some("OTHER"))], false),
            (&[(6, B, "lee@other.example", well)], false),
            (&[], false),
        ] {
            assert_eq!(is_confirmed("REFUSED", tests), wanted, "{tests:?}");
        }
        assert!(
            is_confirmed("STOPPED", &[(4, A, "lee@dead.example", refused)]),
            "nobody tries the account again"
        );
    }

    #[test]
    fn what_is_not_confirmed_did_not_run_and_says_so_where_it_is_read() {
        let report = crate::result::Report {
            outcome: crate::result::TestOutcome::Failure,
            is_inferred: true,
            ..Default::default()
        };
        let of = |inferences: Inferences| inferences.conclude(|_| true, |_| false).remove(0);
        let inferred = NewResult::of(&report, "hq", |_| true).unwrap();
        let told =
            |new: &NewResult| serde_json::from_str::<crate::result::Report>(&new.report).unwrap().outcome;
        let mut inferences = Inferences::default();
        assert!(inferences.hold_back(vec![inferred.clone()]).is_empty());
        let withdrawn = of(inferences);
        assert_eq!(withdrawn.outcome, StoredOutcome::NotRun);
        assert_eq!(told(&withdrawn), crate::result::TestOutcome::NotRun);
        let mut inferences = Inferences::default();
        let outcome = StoredOutcome::Failure { is_definite: true };
        let failure = NewResult { outcome, is_inferred: false, ..inferred.clone() };
        assert_eq!(inferences.hold_back(vec![inferred, failure]).len(), 1);
        let confirmed = of(inferences);
        assert_eq!(confirmed.outcome, StoredOutcome::Failure { is_definite: false });
        assert_eq!(told(&confirmed), crate::result::TestOutcome::Failure);
    }
}
