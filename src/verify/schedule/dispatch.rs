//! The order in which tests begin, and what each outcome means for the others: lanes that take turns, places that
//! are taken and given back, and what is not asked any more.
//!
//! One task owns all of it. Tests run in tasks of their own, and tell it of answers and of their end.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::health::{Doubt, Health};
use super::limits::{AdaptiveLimit, Taken};
use super::retries::{Retries, random_part};
use super::{
    AccountUse, Answer, Attempted, BatchRemark, Ended, History, Judged, Lost, Places, ResultOrder, Schedule,
    ScheduledTest, TestId, Turn,
};
use crate::address::{Address, Domain};
use crate::diagnosis::Finding;
use crate::diagnosis::catalogue::Reach;

type LaneId = usize;

/// A test that waits, runs or has run.
struct Test<T: ScheduledTest> {
    /// None once its outcome is told.
    test: Option<Arc<T>>,
    lane: LaneId,
    attempts: u32,
    /// Since when it waits.
    since: Instant,
    waited: Duration,
    /// The outcome of the previous attempt.
    last: Option<Box<T::Outcome>>,
    n_conflicts: u32,
    turn: Option<Running>,
    is_closing: bool,
}

/// The places that a running test holds.
struct Running {
    began: Instant,
    pool: Option<Place>,
    accounts: Vec<Place>,
    partner: Option<Place>,
    is_on_trial: bool,
}

/// A place that was taken, and perhaps given back.
#[derive(Clone, Copy)]
struct Place {
    id: usize,
    taken: Taken,
    is_held: bool,
}

/// Tests of one account and one pool to one partner.
struct Lane {
    source: usize,
    pool: Option<usize>,
    partner: Option<usize>,
    route: usize,
    waiting: VecDeque<TestId>,
    /// In which of its source's queues it stands.
    queued: Option<Class>,
}

/// Whether the partner of a lane has answered: those that have not may block slots for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Proven,
    OnTrial,
}

/// Lanes of one account and one pool. A queue may hold lanes that have since moved to the other.
#[derive(Default)]
struct Source {
    pool: Option<usize>,
    account: Option<usize>,
    proven: VecDeque<LaneId>,
    on_trial: VecDeque<LaneId>,
    is_queued: bool,
    /// The number of turns so far; its parity decides which of the two queues comes first.
    turns: usize,
}

impl Source {
    fn queue(&mut self, class: Class) -> &mut VecDeque<LaneId> {
        match class {
            Class::Proven => &mut self.proven,
            Class::OnTrial => &mut self.on_trial,
        }
    }
}

struct Pool {
    name: String,
    limit: AdaptiveLimit,
    health: Health,
    n_inferred: usize,
}

struct Account {
    address: Address,
    limit: AdaptiveLimit,
    /// The number of sessions held by tests whose partner has not answered yet.
    n_on_trial: usize,
}

/// The way from a pool to a partner.
struct Route {
    partner: Option<usize>,
    /// Whether it has answered, so that its tests do not block slots for long.
    is_proven: bool,
    lanes: Vec<LaneId>,
    /// The code that it has failed with, and the receivers.
    strikes: Option<(&'static str, Vec<Address>)>,
    suspended: Option<Finding>,
    n_inferred: usize,
}

/// After how many receivers with the same finding a partner is not asked any more.
const MOST_STRIKES: usize = 3;
/// The number of times that a test is tried again after it met a limit of sessions which the batch itself has
/// reached.
const MOST_CONFLICTS: u32 = 3;
/// The longest time by which one of the first tests of a larger batch is put off, so that they do not all
/// start at once.
const JITTER: Duration = Duration::from_millis(25);

/// The scheduler, which decides which test begins, and what each outcome means for the others.
pub(super) struct Scheduler<T: ScheduledTest> {
    schedule: Schedule,
    retries: Retries,
    tests: Vec<Test<T>>,
    pools: Vec<Pool>,
    partners: Vec<(Domain, AdaptiveLimit)>,
    accounts: Vec<Account>,
    account_ids: HashMap<Address, usize>,
    machine: Health,
    routes: Vec<Route>,
    lanes: Vec<Lane>,
    sources: Vec<Source>,
    ring: VecDeque<usize>,
    running: JoinSet<Attempted<T::Outcome>>,
    by_task: HashMap<Id, TestId>,
    n_on_trial: usize,
    n_begun: usize,
    delayed: BTreeSet<(Instant, TestId)>,
    /// The tests that find out at the end whether what was concluded is so.
    closing: VecDeque<TestId>,
    /// The channel on which tests report answers, and the one on which they are read.
    answers: mpsc::UnboundedSender<(TestId, Answer)>,
    answered: mpsc::UnboundedReceiver<(TestId, Answer)>,
    told: VecDeque<T::Outcome>,
    in_order: BTreeMap<TestId, Option<T::Outcome>>,
    n_told: usize,
    /// Ends what runs.
    stop: CancellationToken,
    pub(super) ended: Ended,
}

impl<T: ScheduledTest> Scheduler<T> {
    pub(super) fn new(schedule: Schedule, tests: Vec<T>) -> Self {
        let now = Instant::now();
        let mut numbers = Numbers::default();
        let (answers, answered) = mpsc::unbounded_channel();
        let retries = Retries::new(schedule.retries, tests.len());
        let mut this = Self {
            retries,
            tests: Vec::with_capacity(tests.len()),
            pools: Vec::new(),
            partners: Vec::new(),
            accounts: Vec::new(),
            account_ids: HashMap::new(),
            machine: Health::default(),
            routes: Vec::new(),
            lanes: Vec::new(),
            sources: Vec::new(),
            ring: VecDeque::new(),
            running: JoinSet::new(),
            by_task: HashMap::new(),
            n_on_trial: 0,
            n_begun: 0,
            delayed: BTreeSet::new(),
            closing: VecDeque::new(),
            answers,
            answered,
            told: VecDeque::new(),
            in_order: BTreeMap::new(),
            n_told: 0,
            stop: schedule.cancel.child_token(),
            ended: Ended::default(),
            schedule,
        };
        for test in tests {
            let lane = this.lane_of(&test.places(), &mut numbers);
            let id = this.tests.len();
            this.tests.push(Test {
                test: Some(Arc::new(test)),
                lane,
                attempts: 0,
                since: now,
                waited: Duration::ZERO,
                last: None,
                n_conflicts: 0,
                turn: None,
                is_closing: false,
            });
            this.lanes[lane].waiting.push_back(id);
            this.enqueue(lane);
        }
        this.account_ids = numbers.accounts;
        this
    }

    /// The lane of a test at these places.
    fn lane_of(&mut self, places: &Places<'_>, numbers: &mut Numbers) -> LaneId {
        let ceilings = &self.schedule.ceilings;
        let pool = places.pool.map(|name| {
            numbered(&mut numbers.pools, name, |name| {
                self.pools.push(Pool {
                    name: name.clone(),
                    limit: AdaptiveLimit::new(ceilings.pool),
                    health: Health::default(),
                    n_inferred: 0,
                });
            })
        });
        let partner = places.partner.as_ref().map(|domain| {
            let ceiling = ceilings.partners.get(domain).copied().unwrap_or(ceilings.partner);
            numbered(&mut numbers.partners, domain, |domain| {
                self.partners.push((domain.clone(), AdaptiveLimit::new(ceiling)));
            })
        });
        for address in &places.accounts {
            numbered(&mut numbers.accounts, *address, |address| {
                let limit = match self.schedule.takes {
                    AccountUse::Message => AdaptiveLimit::new(ceilings.account),
                    AccountUse::Session => AdaptiveLimit::of_sessions(ceilings.account),
                };
                self.accounts.push(Account { address: address.clone(), limit, n_on_trial: 0 });
            });
        }
        let account = places.accounts.first().and_then(|address| numbers.accounts.get(*address)).copied();
        let source = numbered(&mut numbers.sources, &(pool, account), |_| {
            self.sources.push(Source { pool, account, ..Source::default() });
        });
        let route = numbered(&mut numbers.routes, &(pool, partner), |_| {
            self.routes.push(Route {
                partner,
                // Only many tests of one partner can block slots for others.
                is_proven: pool.is_none() || partner.is_none(),
                lanes: Vec::new(),
                strikes: None,
                suspended: None,
                n_inferred: 0,
            });
        });
        numbered(&mut numbers.lanes, &(source, route), |_| {
            self.routes[route].lanes.push(self.lanes.len());
            self.lanes.push(Lane { source, pool, partner, route, waiting: VecDeque::new(), queued: None });
        })
    }

    /// Gives a lane, and its source, their place among those that take turns.
    fn enqueue(&mut self, lane_id: LaneId) {
        let lane = &mut self.lanes[lane_id];
        if lane.waiting.is_empty() {
            return;
        }
        let class = if self.routes[lane.route].is_proven { Class::Proven } else { Class::OnTrial };
        let source = &mut self.sources[lane.source];
        if lane.queued != Some(class) {
            lane.queued = Some(class);
            source.queue(class).push_back(lane_id);
        }
        if !std::mem::replace(&mut source.is_queued, true) {
            self.ring.push_back(lane.source);
        }
    }

    /// Runs all of them.
    pub(super) async fn run(&mut self, outcomes: mpsc::Sender<T::Outcome>) {
        loop {
            if self.schedule.cancel.is_cancelled() {
                self.leave_out(None);
            } else if self.is_late() {
                self.leave_out(Some(crate::diagnosis::plan::deadline_passed()));
            }
            self.begin_what_can();
            while let Some(outcome) = self.told.pop_front() {
                if outcomes.send(outcome).await.is_err() {
                    // Nobody wants to know more: what runs ends, and nothing else begins.
                    self.stop.cancel();
                    self.running.abort_all();
                    return;
                }
            }
            let is_over = self.running.is_empty() && self.delayed.is_empty() && !self.has_waiting();
            if is_over {
                return;
            }
            self.wait().await;
        }
    }

    fn is_late(&self) -> bool {
        self.schedule.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn has_waiting(&self) -> bool {
        !self.ring.is_empty() || !self.closing.is_empty()
    }

    /// Waits until something happens, and takes it in.
    async fn wait(&mut self) {
        let next = self.next_time();
        let is_stopped = self.stop.is_cancelled();
        tokio::select! {
            biased;
            // Answers first: they free places.
            Some((test, answer)) = self.answered.recv() => self.answered(test, answer),
            Some(ended) = self.running.join_next_with_id() => self.joined(ended),
            () = self.schedule.cancel.cancelled(), if !is_stopped => {}
            () = sleep_until(next), if next.is_some() => self.wake(),
        }
    }

    /// Returns the next instant at which something is due that nobody reports.
    fn next_time(&self) -> Option<Instant> {
        let delayed = self.delayed.first().map(|(at, _)| *at);
        let doubtful = self.pools.iter().map(|pool| &pool.health).chain([&self.machine]);
        let trials = if self.ring.is_empty() { None } else { doubtful.filter_map(Health::next_trial).min() };
        let deadline = self.schedule.deadline.filter(|_| !self.stop.is_cancelled());
        [delayed, trials, deadline].into_iter().flatten().min()
    }

    /// Puts the tests back whose time has come.
    fn wake(&mut self) {
        let now = Instant::now();
        while let Some((at, test)) = self.delayed.first().copied() {
            if at > now {
                return;
            }
            self.delayed.remove(&(at, test));
            let lane = self.tests[test].lane;
            if self.is_suspended(lane) {
                self.tell_last(test);
                continue;
            }
            self.lanes[lane].waiting.push_front(test);
            self.enqueue(lane);
        }
    }

    fn begin_what_can(&mut self) {
        if self.stop.is_cancelled() {
            return;
        }
        while self.running.len() < self.schedule.throttle.max(1) {
            match self.next_test() {
                Some(test) => self.begin(test),
                None => break,
            }
        }
        // Whether what was concluded is so is found out when all else is done.
        if self.running.is_empty() && self.delayed.is_empty() && self.ring.is_empty() {
            while self.running.len() < self.schedule.throttle.max(1) {
                let Some(test) = self.closing.pop_front() else { break };
                self.begin(test);
            }
        }
    }

    /// The next test whose places are all free, in turns.
    fn next_test(&mut self) -> Option<TestId> {
        let now = Instant::now();
        for _ in 0..self.ring.len() {
            let source = self.ring.pop_front()?;
            let test = self.next_of(source, now);
            let Source { proven, on_trial, is_queued, .. } = &mut self.sources[source];
            if proven.is_empty() && on_trial.is_empty() {
                *is_queued = false;
            } else {
                self.ring.push_back(source);
            }
            if test.is_some() {
                return test;
            }
        }
        None
    }

    fn next_of(&mut self, source_id: usize, now: Instant) -> Option<TestId> {
        let Source { pool, account, turns, .. } = &mut self.sources[source_id];
        let (pool, account) = (*pool, *account);
        *turns += 1;
        let order = [[Class::Proven, Class::OnTrial], [Class::OnTrial, Class::Proven]][*turns % 2];
        let has_room = pool.is_none_or(|pool| self.pools[pool].limit.has_room())
            && account.is_none_or(|account| self.accounts[account].limit.has_room());
        if !has_room {
            return None;
        }
        let test = order.into_iter().find_map(|class| self.next_in(source_id, class, now))?;
        // One at a time finds out about a pool, or a machine, that is in doubt.
        if let Some(pool) = pool {
            self.pools[pool].health.tried_by(test);
        }
        self.machine.tried_by(test);
        Some(test)
    }

    fn next_in(&mut self, source: usize, class: Class, now: Instant) -> Option<TestId> {
        if class == Class::OnTrial && !self.has_room_for_trials(source) {
            return None;
        }
        for _ in 0..self.sources[source].queue(class).len() {
            let lane = self.sources[source].queue(class).pop_front()?;
            if self.lanes[lane].queued != Some(class) {
                continue;
            }
            let found = self.take_from(lane, now);
            if self.lanes[lane].waiting.is_empty() {
                self.lanes[lane].queued = None;
            } else {
                self.sources[source].queue(class).push_back(lane);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether one more test may run whose partner has not answered yet: such tests never have all of the slots,
    /// nor all of an account's sessions.
    fn has_room_for_trials(&self, source: usize) -> bool {
        let sessions = self.sources[source].account.map(|account| &self.accounts[account]);
        let sessions = sessions.filter(|_| self.schedule.takes == AccountUse::Session);
        self.n_on_trial < most_on_trial(self.schedule.throttle)
            && sessions.is_none_or(|account| account.n_on_trial < most_on_trial(account.limit.limit()))
    }

    /// The first test of a lane, if all of its places are free.
    fn take_from(&mut self, lane: LaneId, now: Instant) -> Option<TestId> {
        let Lane { pool, partner, waiting, .. } = &self.lanes[lane];
        let test = *waiting.front()?;
        let may_try = pool.is_none_or(|pool| self.pools[pool].health.may_try(test, now))
            && self.machine.may_try(test, now)
            && partner.is_none_or(|partner| self.partners[partner].1.has_room());
        if !may_try || !self.others_have_room(test) {
            return None;
        }
        self.lanes[lane].waiting.pop_front()
    }

    /// Whether the accounts beside the sender have room.
    fn others_have_room(&self, test: TestId) -> bool {
        let Some(test) = &self.tests[test].test else { return true };
        let places = test.places();
        let others = places.accounts.iter().skip(1).filter_map(|address| self.account_ids.get(*address));
        others.into_iter().all(|account| self.accounts[*account].limit.has_room())
    }

    /// Begins a test.
    fn begin(&mut self, id: TestId) {
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
    fn answered(&mut self, id: TestId, answer: Answer) {
        let Some(mut turn) = self.tests[id].turn.take() else { return };
        match answer {
            Answer::Pool(latency) => self.pool_is_well(id, &mut turn, Some(latency)),
            Answer::Partner(latency) => self.partner_is_well(id, &mut turn, Some(latency)),
        }
        self.tests[id].turn = Some(turn);
    }

    /// The pool of a test has answered: it, and the accounts, are free for others.
    fn pool_is_well(&mut self, id: TestId, turn: &mut Running, latency: Option<Duration>) {
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

    fn accounts_are_well(&mut self, turn: &mut Running, latency: Option<Duration>) {
        for place in turn.accounts.iter_mut().filter(|place| place.is_held) {
            place.is_held = false;
            let limit = &mut self.accounts[place.id].limit;
            limit.release();
            limit.good(place.taken, latency);
        }
    }

    /// The partner of a test has answered: it is free for others, and not on trial any more.
    fn partner_is_well(&mut self, id: TestId, turn: &mut Running, latency: Option<Duration>) {
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
    fn give_back(&mut self, turn: &mut Running) {
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

    /// A test has come to its end, or has panicked.
    fn joined(&mut self, ended: Result<(Id, Attempted<T::Outcome>), JoinError>) {
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

    /// A partner has failed one receiver more.
    fn strike(&mut self, id: TestId, finding: &Finding) {
        let route_id = self.lanes[self.tests[id].lane].route;
        let receiver = self.tests[id].test.as_ref().and_then(|test| test.places().receiver.cloned());
        let route = &mut self.routes[route_id];
        let Some(receiver) = receiver.filter(|_| route.suspended.is_none()) else { return };
        match &mut route.strikes {
            Some((code, receivers)) if *code == finding.code => {
                if !receivers.contains(&receiver) {
                    receivers.push(receiver);
                }
            }
            strikes => *strikes = Some((finding.code, vec![receiver])),
        }
        let n_strikes = route.strikes.as_ref().map_or(0, |(_, receivers)| receivers.len());
        if n_strikes >= MOST_STRIKES {
            route.suspended = Some(finding.clone());
            match self.conclude(|lane| lane.route == route_id, finding) {
                Some(n_inferred) => self.routes[route_id].n_inferred = n_inferred,
                None => self.routes[route_id].suspended = None,
            }
        }
    }

    /// A pool has failed a test; gives when the same test tries it again, where it does.
    fn pool_failed(
        &mut self,
        pool: usize,
        id: TestId,
        turn: &Running,
        finding: &Finding,
        logon: Option<u64>,
    ) -> Option<Instant> {
        if self.tests[id].is_closing {
            return None;
        }
        match self.pools[pool].health.failed(id, turn.began, finding, logon) {
            Doubt::TryAgain(at) => Some(at),
            Doubt::Nothing => None,
            Doubt::Suspended => {
                match self.conclude(|lane| lane.pool == Some(pool), finding) {
                    Some(n_inferred) => self.pools[pool].n_inferred = n_inferred,
                    None => drop(self.pools[pool].health.take_suspension()),
                }
                None
            }
        }
    }

    fn machine_failed(
        &mut self,
        id: TestId,
        turn: &Running,
        finding: &Finding,
        logon: Option<u64>,
    ) -> Option<Instant> {
        if self.tests[id].is_closing {
            return None;
        }
        match self.machine.failed(id, turn.began, finding, logon) {
            Doubt::TryAgain(at) => Some(at),
            Doubt::Nothing => None,
            Doubt::Suspended => {
                if self.conclude(|_| true, finding).is_none() {
                    self.machine.take_suspension();
                }
                None
            }
        }
    }

    /// Gives the tests that wait in these lanes a finding of others, all but one: that one finds out at
    /// the end whether it is so. Gives how many; none where tests of their kind conclude nothing.
    fn conclude(&mut self, concerns: impl Fn(&Lane) -> bool, finding: &Finding) -> Option<usize> {
        let lanes: Vec<LaneId> = (0..self.lanes.len()).filter(|id| concerns(&self.lanes[*id])).collect();
        let mut n_inferred = 0;
        let mut has_closing = false;
        let mut has_kept = false;
        for lane in lanes {
            for id in std::mem::take(&mut self.lanes[lane].waiting) {
                let is_new = self.tests[id].last.is_none();
                let inferred = self.tests[id].test.as_ref().and_then(|test| test.inferred(finding));
                match inferred {
                    Some(_) if !is_new => self.tell_last(id),
                    Some(_) if !has_closing => {
                        has_closing = true;
                        self.tests[id].is_closing = true;
                        self.closing.push_back(id);
                    }
                    Some(outcome) => {
                        n_inferred += 1;
                        self.tell(id, outcome);
                    }
                    None => {
                        has_kept = true;
                        self.lanes[lane].waiting.push_back(id);
                    }
                }
            }
            self.enqueue(lane);
        }
        (!has_kept).then_some(n_inferred)
    }

    fn is_suspended(&self, lane: LaneId) -> bool {
        let Lane { pool, route, .. } = &self.lanes[lane];
        self.routes[*route].suspended.is_some()
            || self.machine.is_suspended()
            || pool.is_some_and(|pool| self.pools[pool].health.is_suspended())
    }

    /// The test at the end has its outcome: what was concluded is so, or is taken back.
    fn close(&mut self, id: TestId, outcome: &T::Outcome) {
        if outcome.failure().is_some() || outcome.is_interrupted() {
            return;
        }
        let Lane { pool, route, .. } = &self.lanes[self.tests[id].lane];
        let (pool, route) = (*pool, route);
        let route = &mut self.routes[*route];
        if let Some(finding) = route.suspended.take() {
            let n_inferred = std::mem::take(&mut route.n_inferred);
            let partner = route.partner.map(|partner| self.partners[partner].0.clone());
            let pool = pool.map(|pool| self.pools[pool].name.clone());
            self.ended.remarks.push(BatchRemark::Withdrawn { pool, partner, n_inferred, finding });
        }
        if let Some(pool) = pool {
            let Pool { name, health, n_inferred, .. } = &mut self.pools[pool];
            if let Some(finding) = health.take_suspension() {
                let n_inferred = std::mem::take(n_inferred);
                let pool = Some(name.clone());
                self.ended.remarks.push(BatchRemark::Withdrawn { pool, partner: None, n_inferred, finding });
            }
        }
    }

    /// Nothing begins any more: what waits is told as not run for this reason, or only counted.
    fn leave_out(&mut self, reason: Option<Finding>) {
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
    fn tell_ended(&mut self, id: TestId, mut outcome: T::Outcome) {
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
    fn tell_better(&mut self, id: TestId, outcome: T::Outcome) {
        let is_stopped = outcome.failure().is_some_and(crate::diagnosis::plan::is_account_stopped);
        if is_stopped && self.tests[id].last.is_some() {
            self.tests[id].attempts -= 1;
            return self.tell_last(id);
        }
        self.tell(id, outcome);
    }

    fn tell_last(&mut self, id: TestId) {
        if let Some(outcome) = self.tests[id].last.take() {
            self.tell(id, *outcome);
        }
    }

    fn tell(&mut self, id: TestId, mut outcome: T::Outcome) {
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
    fn in_turn(&mut self, id: TestId, outcome: Option<T::Outcome>) {
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

/// The numbers of places and of what is made of them.
#[derive(Default)]
struct Numbers {
    pools: HashMap<String, usize>,
    partners: HashMap<Domain, usize>,
    accounts: HashMap<Address, usize>,
    sources: HashMap<(Option<usize>, Option<usize>), usize>,
    routes: HashMap<(Option<usize>, Option<usize>), usize>,
    lanes: HashMap<(usize, usize), usize>,
}

/// The number of a key; a new one gets the next number, and is made.
fn numbered<K, Q>(numbers: &mut HashMap<K, usize>, key: &Q, make: impl FnOnce(&K)) -> usize
where
    K: Eq + Hash + std::borrow::Borrow<Q>,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
{
    if let Some(number) = numbers.get(key) {
        return *number;
    }
    let (number, key) = (numbers.len(), key.to_owned());
    make(&key);
    numbers.insert(key, number);
    number
}

/// A random part of [`JITTER`].
fn jitter() -> Duration {
    random_part(JITTER)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// So many of all places may be taken by tests whose partner has not answered yet.
fn most_on_trial(n_places: usize) -> usize {
    match n_places {
        0 | 1 => 1,
        _ => n_places - (n_places / 4).max(1),
    }
}

/// Returns the text of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".to_owned())
}
