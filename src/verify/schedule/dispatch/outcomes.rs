//! The outcomes as they are told: the better one of two tries, in the order that was asked for, and at an early end
//! a reason for each test that never began.

use super::{Scheduler, Test};
use crate::diagnosis::Finding;
use crate::verify::schedule::{History, Judged, ResultOrder, ScheduledTest, TestId};

impl<T: ScheduledTest> Scheduler<T> {
    /// Nothing begins any more: what waits is told as not run for this reason, or only counted.
    pub(super) fn leave_out(&mut self, reason: Option<Finding>) {
        if self.stop.is_cancelled() && !self.has_waiting() && self.delayed.is_empty() {
            return;
        }
        self.stop.cancel();
        let delayed = std::mem::take(&mut self.delayed).into_iter().map(|(_, id)| id);
        let mut left: Vec<TestId> = delayed.chain(std::mem::take(&mut self.closing)).collect();
        for lane in &mut self.lanes {
            left.extend(std::mem::take(&mut lane.waiting));
            lane.queued = None;
        }
        for source in &mut self.sources {
            source.proven.clear();
            source.on_trial.clear();
            source.is_queued = false;
        }
        self.ring.clear();
        left.sort_unstable();
        for id in left {
            if self.tests[id].last.is_some() {
                self.tell_last(id);
                continue;
            }
            self.ended.n_left_out += 1;
            let test = self.tests[id].test.as_ref();
            let told = test.zip(reason.clone()).and_then(|(test, reason)| test.not_run(reason));
            match told {
                Some(outcome) => self.tell(id, outcome),
                None => self.in_turn(id, None),
            }
        }
    }

    /// Tells the outcome of a test that was ended.
    pub(super) fn tell_ended(&mut self, id: TestId, mut outcome: T::Outcome) {
        if self.tests[id].last.is_some() && outcome.is_interrupted() {
            return self.tell_last(id);
        }
        if outcome.is_interrupted() && self.is_late() && !self.schedule.cancel.is_cancelled() {
            outcome.interrupted_by(crate::diagnosis::plan::deadline_passed());
        }
        self.tell(id, outcome);
    }

    /// Tells the outcome of the last try, or of the one before where that knows more: it says why an account
    /// was refused, and not only that it was stopped.
    pub(super) fn tell_better(&mut self, id: TestId, outcome: T::Outcome) {
        let is_stopped = outcome.failure().is_some_and(crate::diagnosis::plan::is_account_stopped);
        if is_stopped && self.tests[id].last.is_some() {
            self.tests[id].attempts -= 1;
            return self.tell_last(id);
        }
        self.tell(id, outcome);
    }

    pub(super) fn tell_last(&mut self, id: TestId) {
        if let Some(outcome) = self.tests[id].last.take() {
            self.tell(id, *outcome);
        }
    }

    pub(super) fn tell(&mut self, id: TestId, mut outcome: T::Outcome) {
        let Test { attempts, waited, is_closing, .. } = self.tests[id];
        if is_closing {
            self.close(id, &outcome);
        }
        outcome.set_history(History { attempts, queue_time: waited });
        self.tests[id].test = None;
        self.tests[id].last = None;
        self.in_turn(id, Some(outcome));
    }

    /// Hands an outcome on, when it is its turn.
    pub(super) fn in_turn(&mut self, id: TestId, outcome: Option<T::Outcome>) {
        if self.schedule.order == ResultOrder::AsTheyCome {
            self.told.extend(outcome);
            return;
        }
        self.in_order.insert(id, outcome);
        while let Some(outcome) = self.in_order.remove(&self.n_told) {
            self.n_told += 1;
            self.told.extend(outcome);
        }
    }
}
