//! Places: what a test takes at its pool, its partner and its accounts when it begins, and when each is free again.
//!
//! Each place is given back once: when it answers, or at the latest at the end of the test.

use std::time::{Duration, Instant};

use super::{Lane, Place, Pool, Running, Scheduler, jitter};
use crate::verify::schedule::{AccountUse, Answer, ScheduledTest, TestId, Turn};

impl<T: ScheduledTest> Scheduler<T> {
    /// Begins a test.
    pub(super) fn begin(&mut self, id: TestId) {
        let Some(test) = self.tests[id].test.clone() else { return };
        let now = Instant::now();
        let Lane { pool, partner, route, .. } = self.lanes[self.tests[id].lane];
        let places = test.places();
        let accounts: Vec<usize> =
            places.accounts.iter().filter_map(|address| self.account_ids.get(*address).copied()).collect();
        let turn = Running {
            began: now,
            pool: pool.map(|id| Place { id, taken: self.pools[id].limit.take(), is_held: true }),
            partner: partner.map(|id| Place { id, taken: self.partners[id].1.take(), is_held: true }),
            accounts: accounts
                .into_iter()
                .map(|id| Place { id, taken: self.accounts[id].limit.take(), is_held: true })
                .collect(),
            is_on_trial: !self.routes[route].is_proven,
        };
        if turn.is_on_trial {
            self.n_on_trial += 1;
            turn.accounts.iter().for_each(|account| self.accounts[account.id].n_on_trial += 1);
        }
        let state = &mut self.tests[id];
        state.waited += now.duration_since(state.since);
        state.attempts += 1;
        state.turn = Some(turn);
        let turn = Turn {
            number: state.attempts,
            cancel: self.stop.child_token(),
            test: id,
            answers: self.answers.clone(),
        };
        let is_early = self.n_begun < self.schedule.throttle && self.tests.len() > self.schedule.throttle;
        self.n_begun += 1;
        let put_off = if is_early { jitter() } else { Duration::ZERO };
        // A task of its own: tests use every core, not only the one that waits here.
        let task = self.running.spawn(async move {
            if put_off > Duration::ZERO {
                tokio::time::sleep(put_off).await;
            }
            test.attempt(turn).await
        });
        self.by_task.insert(task.id(), id);
    }

    /// The pool or the partner of a test has answered before its end.
    pub(super) fn answered(&mut self, id: TestId, answer: Answer) {
        let Some(mut turn) = self.tests[id].turn.take() else { return };
        match answer {
            Answer::Pool(latency) => self.pool_is_well(id, &mut turn, Some(latency)),
            Answer::Partner(latency) => self.partner_is_well(id, &mut turn, Some(latency)),
        }
        self.tests[id].turn = Some(turn);
    }

    /// The pool of a test has answered: it, and the accounts, are free for others.
    pub(super) fn pool_is_well(&mut self, id: TestId, turn: &mut Running, latency: Option<Duration>) {
        if let Some(place) = turn.pool.as_mut().filter(|place| place.is_held) {
            place.is_held = false;
            let Pool { limit, health, .. } = &mut self.pools[place.id];
            limit.release();
            limit.good(place.taken, latency);
            health.well(id);
        }
        self.machine.well(id);
        if self.schedule.takes == AccountUse::Message {
            self.accounts_are_well(turn, latency);
        }
    }

    pub(super) fn accounts_are_well(&mut self, turn: &mut Running, latency: Option<Duration>) {
        for place in turn.accounts.iter_mut().filter(|place| place.is_held) {
            place.is_held = false;
            let limit = &mut self.accounts[place.id].limit;
            limit.release();
            limit.good(place.taken, latency);
        }
    }

    /// The partner of a test has answered: it is free for others, and not on trial any more.
    pub(super) fn partner_is_well(&mut self, id: TestId, turn: &mut Running, latency: Option<Duration>) {
        if let Some(place) = turn.partner.as_mut().filter(|place| place.is_held) {
            place.is_held = false;
            let (_, limit) = &mut self.partners[place.id];
            limit.release();
            limit.good(place.taken, latency);
        }
        self.end_trial(turn);
        let route_id = self.lanes[self.tests[id].lane].route;
        let route = &mut self.routes[route_id];
        route.strikes = None;
        if !std::mem::replace(&mut route.is_proven, true) {
            for lane in self.routes[route_id].lanes.clone() {
                self.enqueue(lane);
            }
        }
    }

    fn end_trial(&mut self, turn: &mut Running) {
        if std::mem::take(&mut turn.is_on_trial) {
            self.n_on_trial -= 1;
            turn.accounts.iter().for_each(|account| self.accounts[account.id].n_on_trial -= 1);
        }
    }

    /// Gives back what a test still holds, without a word on how it was.
    pub(super) fn give_back(&mut self, turn: &mut Running) {
        self.end_trial(turn);
        if let Some(place) = turn.pool.as_mut().filter(|place| place.is_held) {
            place.is_held = false;
            self.pools[place.id].limit.release();
        }
        if let Some(place) = turn.partner.as_mut().filter(|place| place.is_held) {
            place.is_held = false;
            self.partners[place.id].1.release();
        }
        for place in turn.accounts.iter_mut().filter(|place| place.is_held) {
            place.is_held = false;
            self.accounts[place.id].limit.release();
        }
    }
}
