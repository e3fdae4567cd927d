//! One attempt at a verification: log on, send, wait for the evidence, say what it came to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jid::Jid;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::crowd::Crowd;
use super::outcome::{TestResult, Verdict};
use super::ping::Ping;
use super::plan::{Ask, LogonAccount, Verification};
use super::refusals::Stopped;
use super::schedule::{Attempted, History, Turn};
use super::sessions::{End, Logged, Sessions, SharedLogon, next_number};
use super::under_way::{PartnerLook, telling_of_answers};
use crate::diagnosis::catalogue::Reach;
use crate::diagnosis::{self, Context, Finding, Given, SentStanza};
use crate::topology::Evidence;
use crate::xmpp::deliver::{self, DeliveryRequest, LINGER, Proven, deliver};
use crate::xmpp::federation::ProbeReport;
use crate::xmpp::message::TestMessage;
use crate::xmpp::network::Network;
use crate::xmpp::offline;
use crate::xmpp::session::{LateNews, XmppSession};
use crate::xmpp::trace::{Fact, Stanzas, Trace, TraceObserver};
use crate::xmpp::{Deadlines, Fault, Phase, connect};

/// The environment of an attempt.
pub struct Attempt<'a> {
    /// The network.
    pub network: &'a Network,
    /// The sessions that it may share with others.
    pub sessions: &'a Sessions,
    /// The observer of the trace.
    pub watcher: &'a TraceObserver,
    /// The scheduler's leave to try, and who ends it.
    pub turn: &'a Turn,
    /// The channel for what comes back of a message after its result.
    pub late: &'a LateNews,
}

impl Attempt<'_> {
    /// Tries once.
    pub async fn run(&self, verification: &Verification) -> Attempted<TestResult> {
        let result = TestResult::begin(verification, History::tries(self.turn.number));
        let (sender, receiver) = tokio::join!(
            self.log_on(verification, &verification.sender, End::Sender),
            self.log_on_receiver(verification),
        );
        let Logged { shared, is_fresh } = match sender {
            Ok(logged) => logged,
            Err(stopped) => {
                let finding = stopped.finding(&verification.sender);
                return result.end(Verdict::Failure(finding)).into();
            }
        };
        let number = shared.number;
        let attempted = |outcome| Attempted { outcome, elsewhere: None, logon: Some(number) };
        // Whatever came of a logon says why it failed, whoever made it.
        let is_told = is_fresh || shared.session.is_err();
        let trace = if is_told { shared.trace.clone() } else { self.watcher.trace() };
        let mut result = result.logged_on(&verification.sender, trace, shared.certificate.clone());
        let logon = &*shared;
        let session = match &logon.session {
            Ok(session) => session,
            Err(fault) => return attempted(result.failed(fault, &verification.sender, verification)),
        };
        let receiver = match receiver {
            None => None,
            Some(Ok(Logged { shared, is_fresh })) => {
                let is_told = is_fresh || shared.session.is_err();
                let trace = || if is_told { shared.trace.clone() } else { self.watcher.trace() };
                result.receivers_trace = self.kept(trace);
                if let Err(fault) = &shared.session {
                    let account = verification.second.as_ref().unwrap_or(&verification.sender);
                    let finding = finding(fault, &shared.trace, None, account, verification);
                    let outcome = result.end(Verdict::of(fault, finding));
                    let is_own = account.target == verification.sender.target;
                    let elsewhere = (!is_own).then(|| account.target.clone());
                    return Attempted { outcome, elsewhere, logon: Some(shared.number) };
                }
                Some(shared)
            }
            Some(Err(stopped)) => {
                let finding = stopped.finding(verification.second.as_ref().unwrap_or(&verification.sender));
                return attempted(result.end(Verdict::Failure(finding)));
            }
        };
        let receiver = receiver.as_ref().and_then(|shared| shared.session.as_ref().ok());
        // A task is moved while it is made: most of what it waits in lies beside it.
        let result = Box::pin(self.deliver(verification, result, logon, session, receiver, is_fresh)).await;
        if result.verdict.finding().is_some_and(|finding| finding.reach() == Reach::Pool) {
            self.sessions.leave(&verification.sender, End::Sender, number);
        }
        attempted(result)
    }

    async fn log_on(
        &self,
        verification: &Verification,
        account: &LogonAccount,
        end: End,
    ) -> Result<Logged, Stopped> {
        let cancel = &self.turn.cancel;
        self.sessions.get(account, end, &verification.deadlines, self.network, self.watcher, cancel).await
    }

    async fn log_on_receiver(&self, verification: &Verification) -> Option<Result<Logged, Stopped>> {
        let second = verification.second.as_ref()?;
        Some(self.log_on(verification, second, End::Receiver).await)
    }

    /// Sends the message and judges what comes back.
    async fn deliver(
        &self,
        verification: &Verification,
        mut result: TestResult,
        logon: &SharedLogon,
        session: &XmppSession,
        receiver: Option<&XmppSession>,
        is_fresh: bool,
    ) -> TestResult {
        let to = Jid::from(verification.receiver.bare().clone());
        let probe = match TestMessage::new(to, &verification.body) {
            Ok(probe) => probe,
            Err(fault) => return result.failed(&fault.into(), &verification.sender, verification),
        };
        let left = verification.deadlines.whole.saturating_sub(result.elapsed());
        let within = verification.deadlines.deliver.min(left);
        let (progress, reached) = watch::channel(None);
        let wanted = DeliveryRequest {
            minimum: verification.minimum,
            within,
            linger: verification.ask.linger.unwrap_or(LINGER),
            linger_within: left,
            fence: verification.fence.into(),
            cancel: self.turn.cancel.clone(),
            progress: Some(progress),
            late: Some(self.late.clone()),
        };
        let (sent_at, company) = (Instant::now(), logon.crowd.send());
        if let Some(trace) = &mut result.receivers_trace {
            trace.begin(Phase::Deliver);
        }
        let (delivery, look) = {
            let delivering = deliver(session, receiver, probe, &wanted, &mut result.trace);
            let delivering = telling_of_answers(delivering, reached.clone(), sent_at, self.turn);
            self.look(verification)
                .beside(
                    delivering,
                    reached,
                    |delivery| delivery.outcome.as_ref().err(),
                    within,
                    sent_at + left,
                )
                .await
        };
        if let Err(fault) = &delivery.outcome {
            // Is it me? A session says nothing of a machine that has lost its network meanwhile.
            let domain = verification.sender.address.domain();
            let looking = Box::pin(offline::look_behind(fault, domain.as_str(), self.network, &logon.trace));
            if let Some(Some(offline)) = self.turn.cancel.run_until_cancelled(looking).await {
                result.trace.learn(Fact::Offline(offline));
            }
        }
        self.keep_stanzas(&delivery.probe, session, sent_at, &mut result.trace);
        if let (Some(receiver), Some(trace)) = (receiver, &mut result.receivers_trace) {
            self.keep_stanzas(&delivery.probe, receiver, sent_at, trace);
            trace.end();
        }
        let by_pool = |proven: &&Proven| proven.proof.evidence() == Evidence::AcceptedByPool;
        let answered = delivery.proofs.iter().find(by_pool).map(|proven| proven.after);
        let waited = answered.map_or(Duration::ZERO, |after| logon.crowd.answered(after, company));
        let mut result = result.delivered(delivery, look.as_ref(), sent_at, is_fresh, verification);
        result.wait_was_ours(waited);
        result.look = look.and_then(|look| self.kept(|| look));
        result
    }

    /// The look from here at the receiver's domain.
    fn look<'v>(&'v self, verification: &'v Verification) -> PartnerLook<'v> {
        PartnerLook {
            partner: verification.receiver.domain(),
            server: verification.partner_server.as_ref(),
            tls: verification.partner_tls,
            account: &verification.sender,
            deadlines: verification.deadlines,
            network: self.network,
            stanzas: self.watcher.stanzas,
            cancel: &self.turn.cancel,
        }
    }

    /// Returns a value that only the log uses; `None` where stanzas are not kept.
    fn kept<T>(&self, value: impl FnOnce() -> T) -> Option<T> {
        match self.watcher.stanzas {
            Stanzas::Forgotten => None,
            Stanzas::Kept => Some(value()),
        }
    }

    /// Puts what crossed the wire about a message into the trace of its verification.
    fn keep_stanzas(&self, probe: &TestMessage, session: &XmppSession, since: Instant, trace: &mut Trace) {
        if let Some(wire) = session.wire() {
            trace.keep(wire.take_about(probe.id(), probe.nonce(), since));
        }
    }
}

/// Returns the finding for a fault of the account's logon or of the message.
pub(super) fn finding(
    fault: &Fault,
    trace: &Trace,
    look: Option<&ProbeReport>,
    account: &LogonAccount,
    verification: &Verification,
) -> Finding {
    let (sender, receiver) = (account.address.to_string(), verification.receiver.to_string());
    // What was given by hand is the sender's, never that of our session at the receiver's end.
    let is_sender = account.address == verification.sender.address;
    let ask = &verification.ask;
    let others = Ask { timeout: ask.timeout, ..Ask::default() };
    let given = given(account, if is_sender { ask } else { &others });
    let context = Context {
        receiver: Some(&receiver),
        partner_listed: verification.partner_listed,
        look,
        witnessed: verification.second.is_some(),
        answer_promised: verification.answer_promised,
        given,
        ..of_logon(account, &sender)
    };
    diagnosis::diagnose(fault, trace, &context)
}

/// Returns the doubts that a success leaves open.
pub(super) fn doubts(doubts: &[deliver::OpenDoubt], verification: &Verification) -> Vec<Finding> {
    let account = &verification.sender;
    let (sender, receiver) = (account.address.to_string(), verification.receiver.to_string());
    let context = Context {
        receiver: Some(&receiver),
        partner_listed: verification.partner_listed,
        ..of_logon(account, &sender)
    };
    diagnosis::deliver::doubts(doubts, &context)
}

/// Returns the finding for a fault of a logon where nothing was to be sent.
pub(super) fn finding_of_logon(fault: &Fault, trace: &Trace, account: &LogonAccount, ask: &Ask) -> Finding {
    let sender = account.address.to_string();
    let context = Context { given: given(account, ask), ..of_logon(account, &sender) };
    diagnosis::diagnose(fault, trace, &context)
}

/// Returns the finding for a fault of a ping of a domain, or of the logon before it.
pub(super) fn finding_of_ping(
    fault: &Fault,
    trace: &Trace,
    look: Option<&ProbeReport>,
    ping: &Ping,
) -> Finding {
    let (sender, domain) = (ping.sender.address.to_string(), ping.domain.to_string());
    let context = Context {
        receiver: Some(&domain),
        sent: SentStanza::Ping,
        partner_listed: ping.partner_listed,
        look,
        given: given(&ping.sender, &ping.ask),
        ..of_logon(&ping.sender, &sender)
    };
    diagnosis::diagnose(fault, trace, &context)
}

/// The scene of a logon.
fn of_logon<'a>(account: &'a LogonAccount, sender: &'a str) -> Context<'a> {
    Context {
        pool: &account.target,
        pool_listed: account.pool.is_some(),
        sender,
        receiver: None,
        sent: SentStanza::Message,
        partner_listed: false,
        serves_sender: account
            .pool
            .as_ref()
            .is_none_or(|pool| pool.domains.contains(&account.address.domain())),
        security: account.security(),
        look: None,
        witnessed: false,
        answer_promised: false,
        given: Given::default(),
    }
}

/// Returns the settings that were given by hand for an account.
fn given(account: &LogonAccount, ask: &Ask) -> Given<'static> {
    Given {
        registrar_port: account.registrar_port,
        authentication: account.given_authentication(),
        sender: ask.sender.is_some(),
        credential: ask.credential.is_some(),
        timeout: ask.timeout,
    }
}

/// Logs an account on.
pub(super) async fn log_on(
    account: &LogonAccount,
    deadlines: &Deadlines,
    network: &Network,
    watcher: &TraceObserver,
    cancel: &CancellationToken,
) -> SharedLogon {
    let mut trace = watcher.trace();
    let session = match account.logon(*deadlines) {
        Ok(logon) => connect(&logon, network, &mut trace, cancel).await,
        Err(fault) => Err(fault),
    };
    let certificate = trace.certificate().cloned().map(Arc::new);
    SharedLogon { session, trace, certificate, crowd: Crowd::default(), number: next_number() }
}
