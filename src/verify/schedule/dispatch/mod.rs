//! The order in which tests begin, and what each outcome means for the others: lanes that take turns, places that
//! are taken and given back, and what is not asked any more.
//!
//! One task owns all of it. Tests run in tasks of their own, and tell it of answers and of their end. This file has
//! the state and the loop; the others have what the loop does.

// Reading order: the way of a test.
mod lanes;
mod places;
mod ends;
mod conclusions;
mod outcomes;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use self::lanes::Numbers;
use super::health::Health;
use super::limits::{AdaptiveLimit, Taken};
use super::retries::{Retries, random_part};
use super::{Answer, Attempted, Ended, Schedule, ScheduledTest, TestId};
use crate::address::{Address, Domain};
use crate::diagnosis::Finding;

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
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// A random part of [`JITTER`].
fn jitter() -> Duration {
    random_part(JITTER)
}

/// The longest time by which one of the first tests of a larger batch is put off, so that they do not all
/// start at once.
const JITTER: Duration = Duration::from_millis(25);
