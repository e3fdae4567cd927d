//! The scheduler of every kind of test: each test begins when its places are free, and nobody waits for
//! somebody else's partner.
//!
//! A test takes its places at the pool, the partner and the account before it takes a slot of the throttle,
//! so that tests of a dead partner wait outside. Tests wait in lanes (one for each pool, account and
//! partner) that take turns. How much a place takes is found out (`limits`); what has failed again and again
//! is asked no more (`health`, and `dispatch::conclusions`), and its other tests get that finding. The one
//! retry loop stands here as well (`retries`). One task decides everything; a test that panics is told of, and none is lost.

// Reading order.
mod limits;
mod health;
mod retries;
mod dispatch;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::dispatch::Scheduler;
pub use self::retries::random_part;
use super::outcome::Verdict;
use crate::address::{Address, Domain};
use crate::diagnosis::Finding;
use crate::topology::Gateway;

/// A test that the scheduler can run, of whatever kind.
pub trait ScheduledTest: Send + Sync + 'static {
    /// The outcome of the test.
    type Outcome: Judged;

    /// Returns the places where the test takes place.
    fn places(&self) -> Places<'_>;

    /// Tries once.
    fn attempt(&self, turn: Turn) -> impl Future<Output = Attempted<Self::Outcome>> + Send;

    /// Returns the outcome where others of the same pool or partner have failed with this finding, and the test is
    /// not tried; `None` where nothing is concluded from other tests of this kind.
    fn inferred(&self, finding: &Finding) -> Option<Self::Outcome>;

    /// Returns the outcome of a test that never began, for this reason; `None` where that is not told.
    fn not_run(&self, reason: Finding) -> Option<Self::Outcome>;
}

/// The interface of an outcome for the scheduler: what it asks of an outcome, and tells it.
pub trait Judged: Send + 'static {
    /// Returns the finding of a failure.
    fn failure(&self) -> Option<&Finding>;

    /// Whether it was ended before anything could be known.
    fn is_interrupted(&self) -> bool;

    /// Whether it takes the place of an outcome that was told before.
    fn is_revision(&self) -> bool {
        false
    }

    /// Was ended before anything could be known, for this reason.
    fn interrupted_by(&mut self, reason: Finding);

    /// Sets the history of the outcome.
    fn set_history(&mut self, history: History);
}

/// An outcome that is one verdict with its history.
pub trait Concluded: Send + 'static {
    /// Returns the verdict.
    fn verdict(&self) -> &Verdict;

    /// Returns the verdict, to be changed.
    fn verdict_mut(&mut self) -> &mut Verdict;

    /// Returns the history, to be changed.
    fn history_mut(&mut self) -> &mut History;

    /// Whether it takes the place of an outcome that was told before.
    fn is_revision(&self) -> bool {
        false
    }
}

impl<T: Concluded> Judged for T {
    fn failure(&self) -> Option<&Finding> {
        self.verdict().failure()
    }

    fn is_interrupted(&self) -> bool {
        matches!(self.verdict(), Verdict::Interrupted(_))
    }

    fn is_revision(&self) -> bool {
        Concluded::is_revision(self)
    }

    fn interrupted_by(&mut self, reason: Finding) {
        *self.verdict_mut() = Verdict::NotRun(reason);
    }

    fn set_history(&mut self, history: History) {
        let own = self.history_mut();
        own.attempts = history.attempts;
        own.queue_time += history.queue_time;
    }
}

/// A result that is told and remembered.
impl<T: Concluded + Clone + Sync> Concluded for Arc<T> {
    fn verdict(&self) -> &Verdict {
        (**self).verdict()
    }

    fn verdict_mut(&mut self) -> &mut Verdict {
        Arc::make_mut(self).verdict_mut()
    }

    fn history_mut(&mut self) -> &mut History {
        Arc::make_mut(self).history_mut()
    }

    fn is_revision(&self) -> bool {
        (**self).is_revision()
    }
}

/// The history of an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The number of times that the test was tried.
    pub attempts: u32,
    /// The time that the test waited because of our own limits.
    pub queue_time: Duration,
}

impl History {
    /// Nothing was tried.
    pub const UNTRIED: Self = Self::tries(0);
    /// One try, at once.
    pub const ONE_TRY: Self = Self::tries(1);

    /// So many tries, without waiting.
    pub const fn tries(attempts: u32) -> Self {
        Self { attempts, queue_time: Duration::ZERO }
    }
}

/// The places where a test takes place, as far as others may be there too.
#[derive(Clone, Debug, Default)]
pub struct Places<'a> {
    /// The pool that it logs on to.
    pub pool: Option<&'a str>,
    /// The partner that it reaches for.
    pub partner: Option<Domain>,
    /// The accounts that it logs on as: the sender, and the receiver where it has a session too.
    pub accounts: Vec<&'a Address>,
    /// The receiver of its message.
    pub receiver: Option<&'a Address>,
}

/// One try, with what the scheduler needs to know beside the outcome.
#[derive(Debug)]
pub struct Attempted<T> {
    /// The outcome of the try.
    pub outcome: T,
    /// The pool that a finding about a pool is about, where it is not the test's own.
    pub elsewhere: Option<String>,
    /// The logon that failed, or whose session broke: tests that share it have seen one fault, not several.
    pub logon: Option<u64>,
}

impl<T> From<T> for Attempted<T> {
    fn from(outcome: T) -> Self {
        Self { outcome, elsewhere: None, logon: None }
    }
}

/// A try that begins.
#[derive(Debug)]
pub struct Turn {
    /// The number of the try, from one.
    pub number: u32,
    /// Ends it.
    pub cancel: CancellationToken,
    test: TestId,
    answers: mpsc::UnboundedSender<(TestId, Answer)>,
}

/// An answer that a test reports before its end: whoever has answered it is free for others.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// The pool has, after so long.
    Pool(Duration),
    /// The partner has, so long after the pool.
    Partner(Duration),
}

impl Turn {
    /// The pool has answered, after so long: what the test waits for from now on does not burden it.
    pub fn pool_answered(&self, after: Duration) {
        // Without a scheduler nobody wants the place.
        let _ = self.answers.send((self.test, Answer::Pool(after)));
    }

    /// The partner has answered, so long after the pool.
    pub fn partner_answered(&self, after: Duration) {
        let _ = self.answers.send((self.test, Answer::Partner(after)));
    }
}

/// The options that tests are scheduled with.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The number of tests that are under way at once.
    pub throttle: usize,
    /// The most that may be under way at each place.
    pub ceilings: Ceilings,
    /// The share of its accounts that a test takes.
    pub takes: AccountUse,
    /// The number of times that a test is tried again after a failure for a reason that may pass.
    pub retries: u32,
    /// In which order the outcomes come.
    pub order: ResultOrder,
    /// The instant after which tests that are not done are left out.
    pub deadline: Option<Instant>,
    /// Ends it.
    pub cancel: CancellationToken,
}

impl Schedule {
    /// So many at once, each tried once, with the ceilings of a topology that says nothing.
    pub fn new(throttle: usize, cancel: CancellationToken) -> Self {
        let Gateway { connection_limit, partner_connection_limit, .. } = Gateway::default();
        let count = |limit| usize::try_from(limit).unwrap_or(usize::MAX);
        let ceilings = Ceilings {
            pool: count(connection_limit),
            partner: count(partner_connection_limit),
            partners: HashMap::new(),
            account: throttle,
        };
        Self {
            throttle,
            ceilings,
            takes: AccountUse::default(),
            retries: 0,
            order: ResultOrder::default(),
            deadline: None,
            cancel,
        }
    }
}

/// The use that a test makes of its accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountUse {
    /// A part of a session that others use too, until the pool has answered.
    #[default]
    Message,
    /// A session, until the end.
    Session,
}

/// In which order outcomes come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultOrder {
    /// As they are there.
    #[default]
    AsTheyCome,
    /// As the tests were given.
    AsAsked,
}

/// The most that may be under way at each place.
#[derive(Clone, Debug)]
pub struct Ceilings {
    /// At one pool.
    pub pool: usize,
    /// To one partner, where it has no ceiling of its own.
    pub partner: usize,
    /// To single partners.
    pub partners: HashMap<Domain, usize>,
    /// As one account.
    pub account: usize,
}

/// The end of a batch.
#[derive(Debug, Default)]
pub struct Ended {
    /// Tests without an outcome, by a fault of the program.
    pub lost: Vec<Lost>,
    /// The number of tests that were left out because the batch was ended.
    pub n_left_out: usize,
    /// The remarks on the whole batch.
    pub remarks: Vec<BatchRemark>,
}

/// A test without an outcome: it panicked, which is a fault of the program and says nothing of what was tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The message of the panic.
    pub words: String,
}

/// Something that is to be told of a whole batch.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchRemark {
    /// A fault that outcomes were concluded from did not hold any more at the end.
    Withdrawn {
        /// The pool.
        pool: Option<String>,
        /// The partner; none where it was the pool's fault.
        partner: Option<Domain>,
        /// The number of outcomes that were concluded from the fault.
        n_inferred: usize,
        /// The fault.
        finding: Finding,
    },
    /// A server lets an account have no more sessions than this.
    FewerSessions {
        /// The account.
        account: Address,
        /// So many.
        limit: usize,
    },
}

/// Runs the tests, and sends each outcome when it is there. Ends early when nobody reads the outcomes any more.
pub async fn run<T: ScheduledTest>(
    schedule: Schedule,
    tests: Vec<T>,
    outcomes: mpsc::Sender<T::Outcome>,
) -> Ended {
    let mut scheduler = Scheduler::new(schedule, tests);
    // Tests tell it of every answer: where it runs beside them, that wakes no other thread, such as the script's.
    let scheduling = AbortOnDropHandle::new(tokio::spawn(async move {
        scheduler.run(outcomes).await;
        scheduler.ended
    }));
    match scheduling.await {
        Ok(ended) => ended,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is at its end.
            Err(_) => Ended::default(),
        },
    }
}

/// The number of a test in its batch.
type TestId = usize;
