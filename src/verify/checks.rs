//! The checks of a topology: each pool's names, ports and certificate, each of its test users, each
//! partner, each of them a result of its own.
//!
//! A pool is checked by the logon of its first test user, whose phases are told apart, and its other
//! test users log on where the way there is clear. A partner is looked at from here. No message is sent
//! and no presence.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::log;
use super::outcome::{self, Verdict};
use super::partner::{Inspected, Inspection, Lookout};
use super::plan::{Ask, LogonAccount};
use super::registration::{Registered, Registrar, Registration};
use super::schedule::{Attempted, History, Judged, Places, ScheduledTest, Turn};
use crate::diagnosis::{self, Finding};
use crate::result::{Report, ResultWarning, TestGroup, TestIdentity, TestKind};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::trace::{Stanzas, Trace};
use crate::xmpp::{Deadlines, Phase};

/// Something of the topology that is checked.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A pool.
    Pool(Box<PoolSubject>),
    /// A partner, or another domain of one.
    Partner(Box<Inspection>),
}

/// A pool, with all that it needs looked up.
#[derive(Clone, Debug)]
pub struct PoolSubject {
    /// Its test users, with what is stored for them.
    pub users: Vec<LogonAccount>,
    /// The account that logs on where the pool lends none: an account without a credential, which gets as far as
    /// the certificate.
    pub stranger: Option<LogonAccount>,
    /// The time that each phase may take.
    pub deadlines: Deadlines,
}

impl Subject {
    /// The checks that are made of it, as each run names them.
    pub fn checks(&self) -> TestGroup {
        let check = |check: &str, subject: String, pool: Option<&String>| TestIdentity {
            kind: TestKind::Check,
            target: pool.cloned(),
            server: None,
            subject: Some(subject),
            check: Some(check.to_owned()),
            sender: None,
        };
        match self {
            Self::Pool(pool) => {
                let first = pool.users.first().or(pool.stranger.as_ref());
                let target = first.map(|account| &account.target);
                let of_pool = |name: &str| check(name, target.cloned().unwrap_or_default(), target);
                let users = pool.users.iter().map(|user| check(LOGON, user.address.to_string(), target));
                let mut behind: Vec<_> = users.collect();
                if behind.is_empty() {
                    behind.push(of_pool(LOGON));
                }
                TestGroup { way: WAY.iter().map(|phase| of_pool(phase.name())).collect(), behind }
            }
            Self::Partner(inspection) => TestGroup {
                way: vec![check(PARTNER, inspection.domain.to_string(), None)],
                behind: Vec::new(),
            },
        }
    }
}

/// The phases on the way to a pool; what lies behind one that fails is not checked.
const WAY: [Phase; 3] = [Phase::Resolve, Phase::Connect, Phase::Secure];
/// The check of a test user, and the one of a partner.
const LOGON: &str = "Logon";
const PARTNER: &str = "Partner";

/// The result of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The check that was made: a phase on the way to a pool, `Logon`, or `Partner`.
    pub check: &'static str,
    /// Whose: the pool, the test user, the partner's domain.
    pub target: String,
    /// The pool; none for a partner.
    pub pool: Option<String>,
    /// The verdict of the check.
    pub verdict: Verdict,
    /// The duration of the check; zero on failure.
    pub latency: Duration,
    /// The certificate, where this check saw one.
    pub certificate: Option<CertificateReport>,
    /// The problems that were found beside the verdict.
    pub warnings: Vec<ResultWarning>,
    /// Everything that was done and learned, for the log.
    pub traces: Vec<Trace>,
    /// The instant at which the check began.
    pub started_at: Timestamp,
}

/// The checks of one subject among others.
pub struct CheckTest {
    /// The subject that is checked.
    pub subject: Subject,
    /// With what.
    pub with: Registrar,
}

impl ScheduledTest for CheckTest {
    type Outcome = Vec<Checked>;

    fn places(&self) -> Places<'_> {
        match &self.subject {
            Subject::Pool(pool) => {
                let target =
                    pool.users.first().or(pool.stranger.as_ref()).map(|account| account.target.as_str());
                Places { pool: target, ..Places::default() }
            }
            Subject::Partner(inspection) => {
                Places { partner: Some(inspection.domain.clone()), ..Places::default() }
            }
        }
    }

    async fn attempt(&self, turn: Turn) -> Attempted<Vec<Checked>> {
        let checked = match &self.subject {
            Subject::Pool(pool) => pool.check(&self.with, &turn.cancel).await,
            Subject::Partner(inspection) => {
                let Registrar { network, watcher, .. } = self.with.clone();
                vec![Checked::partner(inspection.run(&Lookout { network, watcher }, &turn.cancel).await)]
            }
        };
        checked.into()
    }

    fn inferred(&self, _: &Finding) -> Option<Vec<Checked>> {
        None
    }

    fn not_run(&self, reason: Finding) -> Option<Vec<Checked>> {
        let verdict = Verdict::NotRun(reason);
        Some(vec![match &self.subject {
            Subject::Pool(_) => {
                let target = self.places().pool.unwrap_or_default().to_owned();
                Checked {
                    check: Phase::Resolve.name(),
                    pool: Some(target.clone()),
                    target,
                    verdict,
                    latency: Duration::ZERO,
                    certificate: None,
                    warnings: Vec::new(),
                    traces: Vec::new(),
                    started_at: Timestamp::now(),
                }
            }
            Subject::Partner(inspection) => Checked::partner(inspection.end(None, verdict)),
        }])
    }
}

impl Judged for Vec<Checked> {
    fn failure(&self) -> Option<&Finding> {
        self.iter().find_map(|checked| checked.verdict.failure())
    }

    fn is_interrupted(&self) -> bool {
        self.iter().any(|checked| matches!(checked.verdict, Verdict::Interrupted(_)))
    }

    fn interrupted_by(&mut self, reason: Finding) {
        for checked in self {
            if matches!(checked.verdict, Verdict::Interrupted(_)) {
                checked.verdict = Verdict::NotRun(reason.clone());
            }
        }
    }

    fn set_history(&mut self, _: History) {}
}

impl PoolSubject {
    async fn check(&self, with: &Registrar, cancel: &CancellationToken) -> Vec<Checked> {
        let mut users = self.users.iter();
        let first = users.next();
        let has_users = first.is_some();
        let log_on = |account: &LogonAccount| {
            let account = account.clone();
            let registration = Registration { account, ask: Ask::default(), deadlines: self.deadlines };
            async move { registration.attempt(with, cancel).await.outcome }
        };
        let Some(first) = first.or(self.stranger.as_ref()) else { return Vec::new() };
        let way = log_on(first).await;
        let mut checks = Checked::phases(&way);
        let is_clear = checks.iter().all(|check| matches!(check.verdict, Verdict::Success));
        if !is_clear {
            return checks;
        }
        if has_users {
            checks.push(Checked::logon(way));
            checks.extend(join_all(users.map(log_on)).await.into_iter().map(Checked::logon));
        } else {
            let verdict = Verdict::Failure(diagnosis::plan::no_test_users(&way.target));
            checks.push(Checked { verdict, target: way.target.clone(), ..Checked::logon(way) });
        }
        checks
    }
}

impl Checked {
    /// The phases on the way to a pool, up to the one that failed.
    fn phases(way: &Registered) -> Vec<Self> {
        let ended_in = way.trace.steps().last().map_or(Phase::Resolve, |step| step.phase);
        let reached = WAY.into_iter().filter(|phase| *phase <= ended_in);
        reached
            .map(|phase| {
                let has_failed = phase == ended_in && !matches!(way.verdict, Verdict::Success);
                let steps = way.trace.steps().iter().filter(|step| step.phase == phase);
                let certificate = way.trace.certificate().filter(|_| phase == Phase::Secure);
                Self {
                    check: phase.name(),
                    target: way.target.clone(),
                    pool: Some(way.target.clone()),
                    verdict: if has_failed { way.verdict.clone() } else { Verdict::Success },
                    latency: if has_failed { Duration::ZERO } else { steps.map(|step| step.duration).sum() },
                    warnings: if certificate.is_some() { way.warnings.clone() } else { Vec::new() },
                    certificate: certificate.cloned(),
                    traces: vec![way.trace.clone()],
                    started_at: way.started_at,
                }
            })
            .collect()
    }

    fn logon(registered: Registered) -> Self {
        Self {
            check: LOGON,
            target: registered.account.to_string(),
            pool: Some(registered.target),
            verdict: registered.verdict,
            latency: registered.latency,
            certificate: None,
            warnings: Vec::new(),
            traces: vec![registered.trace],
            started_at: registered.started_at,
        }
    }

    fn partner(seen: Inspected) -> Self {
        Self {
            check: PARTNER,
            target: seen.domain.to_string(),
            pool: None,
            latency: seen.latency(),
            certificate: seen.certificate_that_ends_first().cloned(),
            warnings: seen.warnings(),
            traces: seen.look.iter().map(|look| look.trace.clone()).collect(),
            started_at: seen.started_at,
            verdict: seen.verdict,
        }
    }

    /// The report of it; with everything that happened, where stanzas are kept.
    pub fn report(&self, stanzas: Stanzas) -> Report {
        let title = format!("{} {}", self.check, self.target);
        let lanes = || self.traces.iter().map(|trace| log::lane(title.clone(), trace)).collect();
        let report = Report {
            kind: TestKind::Check,
            check: Some(self.check.to_owned()),
            subject: Some(self.target.clone()),
            target: self.pool.clone(),
            started_at: Some(self.started_at),
            attempts: 1,
            warnings: self.warnings.clone(),
            log: log::kept(stanzas, lanes),
            ..Report::default()
        };
        outcome::told(outcome::certified(report, self.certificate.as_ref()), &self.verdict, self.latency)
    }
}
