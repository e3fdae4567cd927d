//! The end of a try: what it says of the pool, the partner, the accounts and the machine, and whether the test is
//! tried again.

use std::any::Any;
use std::time::Instant;

use tokio::task::{Id, JoinError};

use super::{Account, Running, Scheduler, jitter};
use crate::diagnosis::catalogue::Reach;
use crate::verify::schedule::{Attempted, BatchRemark, Judged, Lost, ScheduledTest, TestId};

impl<T: ScheduledTest> Scheduler<T> {
    /// A test has come to its end, or has panicked.
    pub(super) fn joined(&mut self, ended: Result<(Id, Attempted<T::Outcome>), JoinError>) {
        match ended {
            Ok((task, attempted)) => {
                if let Some(test) = self.by_task.remove(&task) {
                    self.finished(test, attempted);
                }
            }
            Err(error) => {
                let test = self.by_task.remove(&error.id());
                let words = match error.try_into_panic() {
                    Ok(panic) => words(panic.as_ref()),
                    Err(error) => error.to_string(),
                };
                self.ended.lost.push(Lost { words });
                if let Some(test) = test {
                    if let Some(mut turn) = self.tests[test].turn.take() {
                        self.give_back(&mut turn);
                    }
                    self.found_nothing_out(test);
                    self.tests[test].test = None;
                    self.in_turn(test, None);
                }
            }
        }
    }

    /// A try has come to its end: says what that means for others, and whether it is tried again.
    fn finished(&mut self, id: TestId, attempted: Attempted<T::Outcome>) {
        let Some(mut turn) = self.tests[id].turn.take() else { return };
        let Attempted { outcome, elsewhere, logon } = attempted;
        if outcome.is_interrupted() || self.stop.is_cancelled() {
            self.give_back(&mut turn);
            return self.tell_ended(id, outcome);
        }
        let Some(finding) = outcome.failure().cloned() else {
            self.pool_is_well(id, &mut turn, None);
            self.accounts_are_well(&mut turn, None);
            self.partner_is_well(id, &mut turn, None);
            return self.tell(id, outcome);
        };
        let again = match finding.reach() {
            Reach::Account if finding.is_of_too_many_sessions() => {
                let is_ours = self.fewer_sessions(&turn) && self.tests[id].n_conflicts < MOST_CONFLICTS;
                self.give_back(&mut turn);
                self.found_out(id, &turn);
                self.tests[id].n_conflicts += u32::from(is_ours);
                is_ours.then(|| Instant::now() + jitter())
            }
            Reach::Pair | Reach::Account => {
                // It was not the pool that failed, and nothing is known of the partner.
                self.pool_is_well(id, &mut turn, None);
                self.accounts_are_well(&mut turn, None);
                self.give_back(&mut turn);
                None
            }
            Reach::Partner => {
                self.pool_is_well(id, &mut turn, None);
                self.accounts_are_well(&mut turn, None);
                if let Some(place) = &turn.partner {
                    self.partners[place.id].1.bad(place.taken);
                }
                self.give_back(&mut turn);
                self.strike(id, &finding);
                None
            }
            Reach::Pool => {
                self.machine.given_up(id);
                let pool = match &elsewhere {
                    None => turn.pool.as_ref().map(|place| place.id),
                    Some(name) => {
                        self.found_nothing_out(id);
                        self.pools.iter().position(|pool| pool.name == *name)
                    }
                };
                if let Some(place) = turn.pool.as_ref().filter(|_| elsewhere.is_none()) {
                    self.pools[place.id].limit.bad(place.taken);
                    turn.accounts.iter().for_each(|own| self.accounts[own.id].limit.bad(own.taken));
                }
                self.give_back(&mut turn);
                pool.and_then(|pool| self.pool_failed(pool, id, &turn, &finding, logon))
            }
            Reach::Machine => {
                self.give_back(&mut turn);
                if let Some(place) = &turn.pool {
                    self.pools[place.id].health.given_up(id);
                }
                self.machine_failed(id, &turn, &finding, logon)
            }
        };
        let again = again.or_else(|| {
            let is_over = self.is_suspended(self.tests[id].lane) || self.tests[id].is_closing;
            let is_worth_it = finding.is_transient() && !is_over;
            is_worth_it.then(|| self.retries.next(id)).flatten()
        });
        match again {
            Some(at) => self.try_again(id, outcome, at),
            None => self.tell_better(id, outcome),
        }
    }

    /// The pool of a test, and this machine, are well enough to say no.
    fn found_out(&mut self, id: TestId, turn: &Running) {
        if let Some(place) = &turn.pool {
            self.pools[place.id].health.well(id);
        }
        self.machine.well(id);
    }

    /// A test that was to find out about its pool, or this machine, has not.
    fn found_nothing_out(&mut self, id: TestId) {
        if let Some(pool) = self.lanes[self.tests[id].lane].pool {
            self.pools[pool].health.given_up(id);
        }
        self.machine.given_up(id);
    }

    fn try_again(&mut self, id: TestId, outcome: T::Outcome, at: Instant) {
        let test = &mut self.tests[id];
        test.last = Some(Box::new(outcome));
        test.since = Instant::now();
        self.delayed.insert((at, id));
    }

    /// A server has ended a session of these accounts, or refused one. Gives whether it is the batch's own doing.
    fn fewer_sessions(&mut self, turn: &Running) -> bool {
        let mut is_ours = false;
        for place in &turn.accounts {
            let Account { address, limit, .. } = &mut self.accounts[place.id];
            is_ours |= limit.n_taken() > 1;
            if let Some(limit) = limit.refused_more(place.taken) {
                let remark = BatchRemark::FewerSessions { account: address.clone(), limit };
                self.ended.remarks.push(remark);
            }
        }
        is_ours
    }
}

/// Returns the text of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
}

/// The number of times that a test is tried again after it met a limit of sessions which the batch itself has
/// reached.
const MOST_CONFLICTS: u32 = 3;
