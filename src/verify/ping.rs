//! A ping of a domain: a test user logs on to a pool and asks the domain for a sign of life (XEP-0199), through the
//! pool's federation.
//!
//! Needs nobody at the partner, and sends nothing to a domain that the topology does not allow. The session is shared
//! as verifications share it, and its errors are diagnosed as those of messages are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::attempt::finding_of_ping;
use super::log;
use super::outcome::{self, Verdict, proof};
use super::plan::{Ask, LogonAccount, Planner, Refusal, deadlines, sender_address};
use super::schedule::{self, Attempted, Concluded, Ended, History, Places, Schedule, ScheduledTest, Turn};
use super::sessions::{End, Logged, Sessions, SharedLogon};
use super::under_way::{PartnerLook, telling_of_answers};
use super::warnings::{self, Thresholds};
use crate::address::{Address, Domain};
use crate::diagnosis::catalogue::Reach;
use crate::diagnosis::{self, Finding, Owner, beside};
use crate::result::log::LogLane;
use crate::result::report::{NO_ANSWER, PingFacts};
use crate::result::{Report, ResultWarning, TestIdentity, TestKind};
use crate::topology::{Evidence, Server, TlsNegotiation};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::deliver::{self, DeliveredPing, PingAnswer, PingRequest, Proof, Proven, ping};
use crate::xmpp::federation::ProbeReport;
use crate::xmpp::network::Network;
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::{Fact, Stanzas, Trace, TraceObserver};
use crate::xmpp::{Deadlines, Fault, offline};

/// A ping, with all that it needs looked up.
#[derive(Clone, Debug)]
pub struct Ping {
    /// The account that logs on and asks.
    pub sender: Arc<LogonAccount>,
    /// The domain that is asked: a partner's, or one of our own.
    pub domain: Domain,
    /// Whether the topology lists the domain.
    pub partner_listed: bool,
    /// Whether the domain is one of our own.
    pub is_ours: bool,
    /// The values that were given by hand, for the diagnosis.
    pub ask: Arc<Ask>,
    /// The time limits of the phases.
    pub deadlines: Deadlines,
    /// The server that the topology names for the domain, in place of its records.
    pub partner_server: Option<Server>,
    /// Whether the domain's server must offer TLS.
    pub partner_tls: TlsNegotiation,
}

/// The plan for a ping.
#[derive(Clone, Debug)]
pub enum PingPlan {
    /// It can be made.
    Test(Box<Ping>),
    /// It fails without a test: the topology does not allow the domain.
    NotAllowed {
        /// The account that would have asked.
        sender: Address,
    },
}

impl Planner<'_> {
    /// Plans the ping of one domain from one pool.
    ///
    /// # Errors
    /// When nobody can log on to the pool.
    pub fn ping(&mut self, target: &str, domain: &Domain) -> Result<PingPlan, Refusal> {
        let (topology, ask) = (self.topology, Arc::clone(&self.ask));
        if !topology.allows(domain) {
            let sender = sender_address(topology.canonical_pool(target), target, &ask)?;
            return Ok(PingPlan::NotAllowed { sender });
        }
        let partner = topology.partner_for(domain);
        let is_ours = topology.pool_serving(domain).is_some();
        Ok(PingPlan::Test(Box::new(Ping {
            sender: self.sender(target)?,
            domain: domain.clone(),
            partner_listed: partner.is_some() || is_ours,
            is_ours,
            partner_server: partner.and_then(|partner| partner.proxy_fqdn.clone()),
            partner_tls: partner.map_or(TlsNegotiation::Required, |partner| partner.tls_negotiation),
            deadlines: deadlines(&topology.gateway, ask.timeout),
            ask,
        })))
    }
}

/// Makes the pings and sends each result when it is there, as [`schedule::run`] does; those of one account share its
/// session.
pub async fn run(with: Pinger, schedule: Schedule, pings: Vec<Ping>, results: mpsc::Sender<Pinged>) -> Ended {
    let cancel = schedule.cancel.clone();
    let with = Arc::new(with);
    let tests = pings.into_iter().map(|ping| PingTest { ping, with: Arc::clone(&with) }).collect();
    let ended = schedule::run(schedule, tests, results).await;
    if let Ok(with) = Arc::try_unwrap(with) {
        with.sessions.close(&cancel).await;
    }
    ended
}

/// The resources that pings work with.
pub struct Pinger {
    /// The sessions.
    pub sessions: Sessions,
    /// The network.
    pub network: Network,
    /// The observer of the traces.
    pub watcher: TraceObserver,
}

/// A ping among others.
struct PingTest {
    ping: Ping,
    with: Arc<Pinger>,
}

impl ScheduledTest for PingTest {
    type Outcome = Pinged;

    fn places(&self) -> Places<'_> {
        let Ping { sender, domain, .. } = &self.ping;
        Places {
            pool: Some(&sender.target),
            partner: Some(domain.clone()),
            accounts: vec![&sender.address],
            receiver: None,
        }
    }

    async fn attempt(&self, turn: Turn) -> Attempted<Pinged> {
        Box::pin(self.ping.attempt(&self.with, &turn)).await
    }

    fn inferred(&self, finding: &Finding) -> Option<Pinged> {
        let pinged = Pinged::begin(&self.ping).end(Verdict::Failure(finding.clone()));
        Some(Pinged { is_inferred: true, history: History::UNTRIED, ..pinged })
    }

    fn not_run(&self, reason: Finding) -> Option<Pinged> {
        let pinged = Pinged::begin(&self.ping).end(Verdict::NotRun(reason));
        Some(Pinged { history: History::UNTRIED, ..pinged })
    }
}

impl Concluded for Pinged {
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

/// The result of a ping.
#[derive(Clone, Debug)]
pub struct Pinged {
    /// The pool.
    pub target: String,
    /// The one server of the pool that was tested, where each is tested by itself.
    pub server: Option<String>,
    /// The account that asked.
    pub sender: Address,
    /// The domain that was asked.
    pub domain: Domain,
    /// The verdict of the test.
    pub verdict: Verdict,
    /// The answer, and the time that it took.
    pub facts: PingFacts,
    /// The proofs, in the order in which they came.
    pub proofs: Vec<Proven>,
    /// On a fresh logon from the start of Resolve to the domain's answer, on a shared session from the ping; zero on
    /// failure.
    pub latency: Duration,
    /// Everything.
    pub elapsed: Duration,
    /// The trace of what every phase did and learned.
    pub trace: Trace,
    /// The report of a look at the domain from here, where one was made and the log is wanted.
    pub look: Option<ProbeReport>,
    /// The pool's certificate, where one was seen.
    pub certificate: Option<Arc<CertificateReport>>,
    /// The instant at which the test began.
    pub started_at: Timestamp,
    /// How often it was tried, and how long it waited.
    pub history: History,
    /// Whether it was not tried, and has the finding of others.
    pub is_inferred: bool,
    /// The problems that were found beside the verdict.
    pub warnings: Vec<ResultWarning>,
    thresholds: Thresholds,
    began: Instant,
}

impl Ping {
    /// Returns the identity that distinguishes its result from every other one of a run.
    pub fn identity(&self) -> TestIdentity {
        Pinged::begin(self).report(Stanzas::Forgotten).identity()
    }

    /// Logs on and pings, once.
    async fn attempt(&self, with: &Pinger, turn: &Turn) -> Attempted<Pinged> {
        let mut pinged = Pinged::begin(self);
        let Pinger { sessions, network, watcher } = with;
        let own = (&*self.sender, End::Sender);
        let logged = sessions.get(own.0, own.1, &self.deadlines, network, watcher, &turn.cancel).await;
        let Logged { shared, is_fresh } = match logged {
            Ok(logged) => logged,
            Err(stopped) => return pinged.end(Verdict::Failure(stopped.finding(&self.sender))).into(),
        };
        let number = shared.number;
        pinged.warnings = warnings::of_logon(&self.sender, &shared.trace, shared.certificate.as_deref());
        pinged.certificate = shared.certificate.clone();
        pinged.trace =
            if is_fresh || shared.session.is_err() { shared.trace.clone() } else { watcher.trace() };
        let outcome = match &shared.session {
            Ok(session) => self.ask(pinged, session, &shared, is_fresh, with, turn).await,
            Err(fault) => {
                let finding = finding_of_ping(fault, &pinged.trace, None, self);
                pinged.end(Verdict::of(fault, finding))
            }
        };
        if outcome.verdict.finding().is_some_and(|finding| finding.reach() == Reach::Pool) {
            sessions.leave(own.0, own.1, number);
        }
        Attempted { outcome, elsewhere: None, logon: Some(number) }
    }

    /// Pings, and judges what comes back.
    async fn ask(
        &self,
        mut pinged: Pinged,
        session: &XmppSession,
        logon: &SharedLogon,
        is_fresh: bool,
        with: &Pinger,
        turn: &Turn,
    ) -> Pinged {
        let Pinger { network, watcher, .. } = with;
        let (logged_on, sent_at) = (pinged.began.elapsed(), Instant::now());
        let left = self.deadlines.whole.saturating_sub(logged_on);
        let within = self.deadlines.deliver.min(left);
        let (progress, reached) = watch::channel(None);
        let domain = self.domain.part().to_owned();
        let wanted = PingRequest { domain, within, cancel: turn.cancel.clone(), progress };
        let (delivered, look) = {
            let pinging = ping(session, &wanted, &mut pinged.trace);
            let pinging = telling_of_answers(pinging, reached.clone(), sent_at, turn);
            self.look(with, turn)
                .beside(
                    pinging,
                    reached,
                    |delivered| delivered.outcome.as_ref().err(),
                    within,
                    sent_at + left,
                )
                .await
        };
        if let Err(fault) = &delivered.outcome {
            // Is it me? A session says nothing of a machine that has lost its network meanwhile.
            let own = self.sender.address.domain();
            let looking = Box::pin(offline::look_behind(fault, own.as_str(), network, &logon.trace));
            if let Some(Some(offline)) = turn.cancel.run_until_cancelled(looking).await {
                pinged.trace.learn(Fact::Offline(offline));
            }
        }
        if let Some(wire) = session.wire() {
            pinged.trace.keep(wire.take_about(&delivered.id, &delivered.id, sent_at));
        }
        let logon_time = if is_fresh { logged_on } else { Duration::ZERO };
        pinged.delivered(delivered, look.as_ref(), logon_time, self).with_look(look, watcher.stanzas)
    }

    /// The look from here at the domain.
    fn look<'a>(&'a self, with: &'a Pinger, turn: &'a Turn) -> PartnerLook<'a> {
        PartnerLook {
            partner: self.domain.clone(),
            server: self.partner_server.as_ref(),
            tls: self.partner_tls,
            account: &self.sender,
            deadlines: self.deadlines,
            network: &with.network,
            stanzas: with.watcher.stanzas,
            cancel: &turn.cancel,
        }
    }
}

impl Pinged {
    /// The result of a ping that fails without a test: the topology at `place` does not allow the domain.
    pub fn not_allowed(target: &str, sender: Address, domain: Domain, place: &str) -> Self {
        let finding = diagnosis::plan::not_allowed(&domain, place);
        Self::new(target, sender, domain).end(Verdict::Failure(finding))
    }

    /// A ping begins.
    fn begin(ping: &Ping) -> Self {
        let LogonAccount { target, address, one_server, .. } = &*ping.sender;
        Self {
            server: one_server.as_ref().map(|one| one.server.to_string()),
            thresholds: ping.ask.thresholds,
            ..Self::new(target, address.clone(), ping.domain.clone())
        }
    }

    fn new(target: &str, sender: Address, domain: Domain) -> Self {
        Self {
            target: target.to_owned(),
            server: None,
            sender,
            domain,
            verdict: Verdict::Interrupted(diagnosis::interrupted()),
            facts: PingFacts::default(),
            proofs: Vec::new(),
            latency: Duration::ZERO,
            elapsed: Duration::ZERO,
            trace: Trace::new(),
            look: None,
            certificate: None,
            started_at: Timestamp::now(),
            history: History::ONE_TRY,
            is_inferred: false,
            warnings: Vec::new(),
            thresholds: Thresholds::default(),
            began: Instant::now(),
        }
    }

    /// It ends with this verdict.
    fn end(mut self, verdict: Verdict) -> Self {
        self.elapsed = self.began.elapsed();
        self.verdict = verdict;
        self
    }

    /// The ping was sent, and this became of it.
    fn delivered(
        mut self,
        delivered: DeliveredPing,
        look: Option<&ProbeReport>,
        logon: Duration,
        ping: &Ping,
    ) -> Self {
        let DeliveredPing { outcome, proofs, answer, latency, .. } = delivered;
        let refused = match &answer {
            Some(PingAnswer::Error(error)) => {
                let is_signed =
                    proofs.iter().any(|proven| matches!(proven.proof, Proof::ErrorForPong { .. }));
                let owner = match (ping.is_ours, is_signed) {
                    (true, _) => Owner::Pool,
                    (false, true) => Owner::Partner,
                    (false, false) => Owner::Unknown,
                };
                Some(beside::ping_refused(self.domain.as_str(), error, owner))
            }
            Some(PingAnswer::Pong) | None => None,
        };
        let timed_out = matches!(
            &outcome,
            Err(Fault::Deliver(deliver::Fault::Silent { .. } | deliver::Fault::PoolStopped { .. }))
        );
        let none = timed_out.then(|| NO_ANSWER.to_owned());
        self.facts = PingFacts { answer: answer.as_ref().map(ToString::to_string).or(none), latency: None };
        self.proofs = proofs;
        match outcome {
            Ok(()) => {
                let round_trip = latency.unwrap_or_default();
                self.facts.latency = Some(round_trip);
                self.latency = logon + round_trip;
                self.warnings.extend(refused.iter().map(warnings::with_remedy));
                self.end(Verdict::Success)
            }
            Err(fault) => {
                let finding = finding_of_ping(&fault, &self.trace, look, ping);
                self.end(Verdict::of(&fault, finding))
            }
        }
    }

    /// Keeps the look for the log, where that is wanted.
    fn with_look(self, look: Option<ProbeReport>, stanzas: Stanzas) -> Self {
        let look = look.filter(|_| stanzas == Stanzas::Kept);
        Self { look, ..self }
    }

    /// The report of it; with everything that happened, where stanzas are kept.
    pub fn report(&self, stanzas: Stanzas) -> Report {
        let is_success = matches!(self.verdict, Verdict::Success);
        let slow = is_success.then(|| self.thresholds.passed(&self.target, self.latency)).flatten();
        let evidence: Option<Evidence> = self.proofs.iter().map(|proven| proven.proof.evidence()).max();
        let report = Report {
            kind: TestKind::Ping,
            target: Some(self.target.clone()),
            server: self.server.clone(),
            subject: Some(self.domain.to_string()),
            sender: Some(self.sender.to_string()),
            ping: self.facts.clone(),
            evidence: evidence.map(|level| level.to_string()),
            proofs: self.proofs.iter().map(proof).collect(),
            phase: outcome::phase(&self.trace),
            elapsed: Some(self.elapsed),
            steps: outcome::steps(&self.trace, Duration::ZERO),
            started_at: Some(self.started_at),
            is_inferred: self.is_inferred,
            warnings: self.warnings.iter().cloned().chain(slow).collect(),
            log: log::kept(stanzas, || self.lanes()),
            ..Report::default()
        };
        let report = outcome::certified(report, self.certificate.as_deref());
        outcome::told(outcome::tried(report, self.history), &self.verdict, self.latency)
    }

    /// A lane for the sender, and for each look from here.
    fn lanes(&self) -> Vec<LogLane> {
        let sender = log::lane(format!("Sender {}", self.sender), &self.trace);
        [sender].into_iter().chain(self.look.iter().flat_map(log::of_look)).collect()
    }
}
