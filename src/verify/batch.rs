//! Many verifications at once: what each of them shares with the others, and how each is scheduled.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::attempt::Attempt;
use super::outcome::{TestResult, Verdict};
use super::plan::Verification;
use super::revision::Revisions;
use super::schedule::{self, Attempted, Concluded, Ended, History, Places, Schedule, ScheduledTest, Turn};
use super::sessions::Sessions;
use crate::diagnosis::Finding;
use crate::vault::RefusedCredentials;
use crate::xmpp::network::Network;
use crate::xmpp::session::LateNews;
use crate::xmpp::trace::TraceObserver;

/// The options that a batch is run with.
#[derive(Clone)]
pub struct Batch {
    /// The network.
    pub network: Network,
    /// Whether every verification logs on anew.
    pub logon: Logon,
    /// The observer that is told what happens while it happens.
    pub watcher: TraceObserver,
    /// Limits, retries, order, and when it ends.
    pub schedule: Schedule,
    /// The credentials that were refused before and are not offered again, where somebody remembers them.
    pub refused: Option<Arc<RefusedCredentials>>,
}

/// Whether verifications share their sender's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logon {
    /// One session per account serves many receivers.
    #[default]
    Shared,
    /// Each verification logs on by itself.
    Fresh,
}

/// The most sessions that one account has at once: ejabberd allows ten where nobody says otherwise, and some of
/// them may be somebody else's.
pub const MOST_SESSIONS: usize = 8;

impl Batch {
    /// Runs the verifications and sends each result when it is there, as [`schedule::run`] does; and once more,
    /// where an error that comes later takes a success back while the session is open.
    pub async fn run(
        self,
        verifications: Vec<Verification>,
        results: mpsc::Sender<Arc<TestResult>>,
    ) -> Ended {
        let Self { network, logon, watcher, schedule, refused } = self;
        let cancel = schedule.cancel.clone();
        let (late, late_news) = mpsc::unbounded_channel();
        let shared = Arc::new(BatchContext {
            network,
            logon,
            watcher,
            sessions: Sessions::remembering(refused),
            late,
        });
        let tests = verifications
            .into_iter()
            .map(|verification| MessageTest { verification, shared: shared.clone() })
            .collect();
        let (outcomes, coming) = mpsc::channel(1);
        let telling = Revisions::default().tell(coming, late_news, results);
        let (ended, ()) = tokio::join!(schedule::run(schedule, tests, outcomes), telling);
        if let Ok(shared) = Arc::try_unwrap(shared) {
            shared.sessions.close(&cancel).await;
        }
        ended
    }
}

/// The state that the verifications of a batch share.
struct BatchContext {
    network: Network,
    logon: Logon,
    watcher: TraceObserver,
    sessions: Sessions,
    late: LateNews,
}

/// A verification among others.
struct MessageTest {
    verification: Verification,
    shared: Arc<BatchContext>,
}

impl ScheduledTest for MessageTest {
    type Outcome = TestResult;

    fn places(&self) -> Places<'_> {
        let Verification { sender, second, receiver, .. } = &self.verification;
        Places {
            pool: Some(&sender.target),
            partner: Some(receiver.domain()),
            accounts: [Some(&sender.address), second.as_ref().map(|second| &second.address)]
                .into_iter()
                .flatten()
                .collect(),
            receiver: Some(receiver),
        }
    }

    async fn attempt(&self, turn: Turn) -> Attempted<TestResult> {
        let BatchContext { network, logon, watcher, sessions, late } = &*self.shared;
        let own = sessions.apart();
        let sessions = match logon {
            Logon::Shared => sessions,
            Logon::Fresh => &own,
        };
        let attempted =
            Attempt { network, sessions, watcher, turn: &turn, late }.run(&self.verification).await;
        own.close(&turn.cancel).await;
        attempted
    }

    fn inferred(&self, finding: &Finding) -> Option<TestResult> {
        Some(TestResult::inferred(&self.verification, finding.clone()))
    }

    fn not_run(&self, reason: Finding) -> Option<TestResult> {
        Some(TestResult::not_run(&self.verification, reason))
    }
}

impl Concluded for TestResult {
    fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    fn verdict_mut(&mut self) -> &mut Verdict {
        &mut self.verdict
    }

    fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    fn is_revision(&self) -> bool {
        self.is_revision
    }
}
