//! A registration: a test user logs on to a pool, gets an address, and leaves. Nothing is sent, not
//! even presence.
//!
//! The logon is that of a verification, with the same limit on how often an account may be refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::attempt::finding_of_logon;
use super::log;
use super::outcome::{self, Verdict};
use super::plan::{Ask, LogonAccount};
use super::schedule::{Attempted, Concluded, History, Places, ScheduledTest, Turn};
use super::sessions::{End, Sessions};
use super::warnings::{self, Thresholds};
use crate::address::Address;
use crate::diagnosis::Finding;
use crate::result::report::LogonFacts;
use crate::result::{Report, ResultWarning, TestIdentity, TestKind};
use crate::xmpp::Deadlines;
use crate::xmpp::network::Network;
use crate::xmpp::trace::{Fact, Stanzas, Trace, TraceObserver};

/// A registration, with all that it needs looked up.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The account that logs on, and where it does.
    pub account: LogonAccount,
    /// The values that were given by hand, for the diagnosis.
    pub ask: Ask,
    /// The time that each phase may take.
    pub deadlines: Deadlines,
}

/// The resources that registrations work with. Those that share sessions share the count of refusals.
#[derive(Clone)]
pub struct Registrar {
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// The network.
    pub network: Network,
    /// The observer of the traces.
    pub watcher: TraceObserver,
}

/// A registration among others.
pub struct RegistrationTest {
    /// The registration that is made.
    pub registration: Registration,
    /// With what.
    pub with: Registrar,
}

impl ScheduledTest for RegistrationTest {
    type Outcome = Registered;

    fn places(&self) -> Places<'_> {
        let LogonAccount { target, address, .. } = &self.registration.account;
        Places { pool: Some(target), accounts: vec![address], ..Places::default() }
    }

    async fn attempt(&self, turn: Turn) -> Attempted<Registered> {
        self.registration.attempt(&self.with, &turn.cancel).await
    }

    fn inferred(&self, _: &Finding) -> Option<Registered> {
        None
    }

    fn not_run(&self, reason: Finding) -> Option<Registered> {
        let LogonAccount { target, address, .. } = &self.registration.account;
        Some(Registered {
            target: target.clone(),
            server: self.registration.server(),
            account: address.clone(),
            verdict: Verdict::NotRun(reason),
            latency: Duration::ZERO,
            elapsed: Duration::ZERO,
            trace: Trace::new(),
            started_at: Timestamp::now(),
            history: History::UNTRIED,
            warnings: Vec::new(),
            thresholds: self.registration.ask.thresholds,
        })
    }
}

impl Concluded for Registered {
    fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    fn verdict_mut(&mut self) -> &mut Verdict {
        &mut self.verdict
    }

    fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }
}

/// The result of a registration.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The pool.
    pub target: String,
    /// The one server of the pool that was tested, where each is tested by itself.
    pub server: Option<String>,
    /// The account that logged on.
    pub account: Address,
    /// The verdict of the registration.
    pub verdict: Verdict,
    /// From the start of Resolve to the address that the pool gave; zero on failure.
    pub latency: Duration,
    /// Everything.
    pub elapsed: Duration,
    /// The trace of what every phase did and learned.
    pub trace: Trace,
    /// The instant at which the registration began.
    pub started_at: Timestamp,
    /// How often it was tried, and how long it waited.
    pub history: History,
    /// The problems that were found beside the verdict.
    pub warnings: Vec<ResultWarning>,
    thresholds: Thresholds,
}

impl Registration {
    /// Returns the identity that distinguishes its result from every other one of a run.
    pub fn identity(&self) -> TestIdentity {
        let report = Report {
            kind: TestKind::Logon,
            target: Some(self.account.target.clone()),
            server: self.server(),
            subject: Some(self.account.address.sip()),
            ..Report::default()
        };
        report.identity()
    }

    fn server(&self) -> Option<String> {
        self.account.one_server.as_ref().map(|one| one.server.to_string())
    }

    /// Logs on and off, once.
    pub(super) async fn attempt(
        &self,
        with: &Registrar,
        cancel: &CancellationToken,
    ) -> Attempted<Registered> {
        let (began, started_at) = (Instant::now(), Timestamp::now());
        let Registrar { sessions, network, watcher } = with;
        let own = sessions.apart();
        let logged = own.get(&self.account, End::Sender, &self.deadlines, network, watcher, cancel).await;
        let logon = logged.as_ref().ok().map(|logged| logged.shared.number);
        let elapsed = began.elapsed();
        let address = self.account.address.clone();
        let (verdict, trace) = match logged {
            Err(stopped) => (Verdict::Failure(stopped.finding(&self.account)), Trace::new()),
            Ok(logged) => {
                let trace = logged.shared.trace.clone();
                let verdict = match logged.shared.session.clone() {
                    Ok(session) => {
                        session.close().await;
                        Verdict::Success
                    }
                    Err(fault) => {
                        let finding = finding_of_logon(&fault, &trace, &self.account, &self.ask);
                        Verdict::of(&fault, finding)
                    }
                };
                (verdict, trace)
            }
        };
        let latency = if matches!(verdict, Verdict::Success) { elapsed } else { Duration::ZERO };
        let warnings = warnings::of_logon(&self.account, &trace, trace.certificate());
        let outcome = Registered {
            target: self.account.target.clone(),
            server: self.server(),
            account: address,
            verdict,
            latency,
            elapsed,
            trace,
            started_at,
            history: History::ONE_TRY,
            warnings,
            thresholds: self.ask.thresholds,
        };
        Attempted { outcome, elsewhere: None, logon }
    }
}

impl Registered {
    /// The report of it; with everything that happened, where stanzas are kept.
    pub fn report(&self, stanzas: Stanzas) -> Report {
        let is_success = matches!(self.verdict, Verdict::Success);
        let slow = is_success.then(|| self.thresholds.passed(&self.target, self.latency)).flatten();
        let report = Report {
            kind: TestKind::Logon,
            target: Some(self.target.clone()),
            server: self.server.clone(),
            subject: Some(self.account.sip()),
            logon: LogonFacts { mechanism: self.mechanism(), registered_as: self.bound() },
            phase: outcome::phase(&self.trace),
            elapsed: Some(self.elapsed),
            steps: outcome::steps(&self.trace, Duration::ZERO),
            started_at: Some(self.started_at),
            warnings: self.warnings.iter().cloned().chain(slow).collect(),
            log: log::kept(stanzas, || vec![log::lane(format!("User {}", self.account), &self.trace)]),
            ..Report::default()
        };
        let report = outcome::certified(report, self.trace.certificate());
        outcome::told(outcome::tried(report, self.history), &self.verdict, self.latency)
    }

    /// Returns the mechanism by which the account authenticated, or tried to.
    fn mechanism(&self) -> Option<String> {
        self.trace.facts().rev().find_map(|(_, fact)| {
            if let Fact::Mechanism { name, .. } = fact { Some(name.clone()) } else { None }
        })
    }

    /// The full address that the pool gave.
    fn bound(&self) -> Option<String> {
        let facts = self.trace.facts().rev();
        facts
            .filter_map(|(_, fact)| if let Fact::Bound(jid) = fact { Some(jid.clone()) } else { None })
            .next()
    }
}
