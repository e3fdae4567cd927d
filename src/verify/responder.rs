//! The answering side of a verification (`imsh respond`): a test account that is on line at a partner
//! and answers our test messages, and nothing else.
//!
//! Logs on as any client, becomes available, and gives each test message the receipt and the echo that it is
//! owed ([`ReceivedTest`]), also those of a long backlog; whoever sends more than is answered is told that. Comes
//! back when the session is lost, with growing pauses; gives up for good when the server has refused the logon
//! several times in a row. Says what it does and what it leaves out to whoever listens, and never answers what a person wrote, what was stored or copied, what its own account
//! sent, or an answer: two of them never talk to each other.

pub mod pace;

use std::time::{Duration, Instant};

use jid::{FullJid, Jid};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::pace::{AnswerVerdict, Pace, Pause, Reason};
use super::attempt::log_on;
use super::plan::LogonAccount;
use super::refusals::MOST_REFUSALS;
use super::sessions::SharedLogon;
use crate::diagnosis::{self, Context, Finding, Given, SentStanza};
use crate::xmpp::message::ReceivedTest;
use crate::xmpp::network::Network;
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::{Trace, TraceObserver};
use crate::xmpp::{Deadlines, Fault, Phase};

/// An account that answers.
pub struct Responder {
    /// The account, and where it logs on.
    pub account: LogonAccount,
    /// The limits on the messages that are answered.
    pub pace: Pace,
    /// The time limits of a logon.
    pub deadlines: Deadlines,
    /// The network.
    pub network: Network,
}

/// An event of a responder, reported as it happens.
#[derive(Debug)]
pub enum Happening<'a> {
    /// It is on line.
    OnLine {
        /// By this address.
        address: &'a FullJid,
        /// The trace of the logon.
        trace: &'a Trace,
        /// The maximum numbers of test messages that it answers per minute, to each sender and in all.
        limits: (u32, u32),
    },
    /// It answered a test message.
    Answered {
        /// The sender of the message.
        sender: &'a Jid,
    },
    /// It let test messages pass; told once a minute, with those that were not told before.
    Passed {
        /// The sender of the last one.
        sender: &'a Jid,
        /// Over which limit it was.
        verdict: AnswerVerdict,
        /// The number of messages.
        count: u64,
    },
    /// It missed messages: they came faster than they could be read, or were more than is read; told once a
    /// minute, with those that were not told before.
    Missed {
        /// Test messages that found too many others waiting.
        dropped: u64,
        /// Stanzas over a limit, whatever they were.
        passed_over: u64,
    },
    /// The session is lost.
    Lost {
        /// Why.
        fault: &'a Fault,
        /// After how long it logs on again.
        again_in: Duration,
    },
    /// It did not get on line.
    Failed {
        /// The reason why it did not get on line.
        finding: &'a Finding,
        /// After how long it tries again.
        again_in: Duration,
    },
}

/// The reason why a responder ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It was asked to.
    Asked(ResponderCounts),
    /// The server refused the logon [`MOST_REFUSALS`] times in a row.
    Refused(Box<Finding>),
}

/// The counts of messages over the whole run of a responder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponderCounts {
    /// Test messages that it answered.
    pub answered: u64,
    /// Test messages over a limit.
    pub passed: u64,
    /// Test messages that found too many others waiting.
    pub dropped: u64,
    /// Stanzas that were more than is read, whatever they were.
    pub passed_over: u64,
}

impl Responder {
    /// Answers until it is cancelled, or refused for good.
    pub async fn run(&mut self, tell: &(dyn Fn(Happening<'_>) + Sync), cancel: &CancellationToken) -> Ended {
        let mut counts = ResponderCounts::default();
        let mut pause = Pause::default();
        let mut refusals = 0;
        loop {
            let SharedLogon { session, trace, .. } =
                log_on(&self.account, &self.deadlines, &self.network, &TraceObserver::default(), cancel)
                    .await;
            let again_in = match self.get_ready(session, cancel).await {
                Err(Fault::Cancelled) => return Ended::Asked(counts),
                Err(fault) => {
                    let finding = self.finding(&fault, &trace);
                    refusals = if matches!(fault, Fault::Authenticate(_)) { refusals + 1 } else { 0 };
                    if refusals >= MOST_REFUSALS {
                        return Ended::Refused(Box::new(finding));
                    }
                    let again_in = pause.following(reason(&fault));
                    tell(Happening::Failed { finding: &finding, again_in });
                    again_in
                }
                Ok(ready) => {
                    refusals = 0;
                    let limits = self.pace.limits();
                    tell(Happening::OnLine { address: ready.session.jid(), trace: &trace, limits });
                    let since = Instant::now();
                    let fault = self.serve(ready, &mut counts, tell, cancel).await;
                    if matches!(fault, Fault::Cancelled) {
                        return Ended::Asked(counts);
                    }
                    if since.elapsed() > STEADY {
                        pause = Pause::default();
                    }
                    let again_in = pause.following(Reason::Outage);
                    tell(Happening::Lost { fault: &fault, again_in });
                    again_in
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ended::Asked(counts),
                () = sleep(again_in) => {}
            }
        }
    }

    /// Listens, and then becomes available: what comes first is not missed.
    async fn get_ready(
        &self,
        session: Result<XmppSession, Fault>,
        cancel: &CancellationToken,
    ) -> Result<Ready, Fault> {
        let session = session?;
        let ready = async {
            let messages = session.listen_to_tests().await?;
            session.become_available().await?;
            Ok(messages)
        };
        let messages = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Fault::Cancelled),
            ready = timeout(self.deadlines.bind, ready) => {
                ready.unwrap_or(Err(Fault::Deadline { phase: Phase::Bind, after: self.deadlines.bind }))
            }
        };
        match messages {
            Ok(messages) => Ok(Ready { session, messages }),
            Err(fault) => {
                session.close().await;
                Err(fault)
            }
        }
    }

    /// Answers until the session is over; gives the reason.
    async fn serve(
        &mut self,
        ready: Ready,
        counts: &mut ResponderCounts,
        tell: &(dyn Fn(Happening<'_>) + Sync),
        cancel: &CancellationToken,
    ) -> Fault {
        let Ready { session, mut messages } = ready;
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        checks.tick().await;
        let mut missed = Missed::default();
        loop {
            missed.tell(&session, counts, tell);
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    session.close().await;
                    return Fault::Cancelled;
                }
                message = messages.recv() => match message {
                    Some(message) => self.read(&session, &message, counts, tell).await,
                    None => return session.fault().into(),
                },
                // A server that vanished without a word is only missed when it is asked.
                _ = checks.tick() => {
                    if timeout(CHECK_WITHIN, session.ping_pool()).await.is_err() {
                        return Fault::Deadline { phase: Phase::Bind, after: CHECK_WITHIN };
                    }
                }
            }
        }
    }

    /// Answers a message, if it is a test message and within the limits.
    async fn read(
        &mut self,
        session: &XmppSession,
        message: &ReceivedTest,
        counts: &mut ResponderCounts,
        tell: &(dyn Fn(Happening<'_>) + Sync),
    ) {
        let sender = &message.from;
        if sender.to_bare() == session.jid().to_bare() {
            return;
        }
        match self.pace.admits(&sender.to_bare(), Instant::now()) {
            AnswerVerdict::Answer => {
                for answer in message.answers() {
                    // A session that is over tells so by itself.
                    let _ = session.say(answer).await;
                }
                counts.answered += 1;
                tell(Happening::Answered { sender });
            }
            verdict @ (AnswerVerdict::SenderOverLimit | AnswerVerdict::OverLimit) => {
                counts.passed += 1;
                if self.pace.tells(Instant::now()) {
                    let (per_sender, in_all) = self.pace.limits();
                    let words = format!(
                        "imsh respond answers {per_sender} test messages a minute to each sender, {in_all} in all"
                    );
                    let _ = session.say(message.over_limit(&words)).await;
                }
                if let Some(count) = self.pace.untold(Instant::now()) {
                    tell(Happening::Passed { sender, verdict, count });
                }
            }
        }
    }

    fn finding(&self, fault: &Fault, trace: &Trace) -> Finding {
        let address = self.account.address.to_string();
        let context = Context {
            pool: &self.account.target,
            pool_listed: false,
            sender: &address,
            receiver: None,
            sent: SentStanza::Message,
            partner_listed: false,
            serves_sender: true,
            security: self.account.security(),
            witnessed: false,
            answer_promised: false,
            given: Given::default(),
            look: None,
        };
        diagnosis::diagnose(fault, trace, &context)
    }
}

/// Whether a server is away, or does not want us.
fn reason(fault: &Fault) -> Reason {
    match fault {
        Fault::Resolve(_) | Fault::Connect(_) | Fault::Stream(_) | Fault::Deadline { .. } => Reason::Outage,
        Fault::Secure(_)
        | Fault::Authenticate(_)
        | Fault::Bind(_)
        | Fault::Send(_)
        | Fault::Deliver(_)
        | Fault::Cancelled => Reason::Refusal,
    }
}

/// The messages that a session missed, and those of them that have been reported.
#[derive(Default)]
struct Missed {
    counted: (u64, u64),
    untold: (u64, u64),
    told_at: Option<Instant>,
}

impl Missed {
    fn tell(
        &mut self,
        session: &XmppSession,
        counts: &mut ResponderCounts,
        tell: &(dyn Fn(Happening<'_>) + Sync),
    ) {
        let now = (session.n_dropped(), session.n_passed_over());
        let new = (now.0 - self.counted.0, now.1 - self.counted.1);
        self.counted = now;
        counts.dropped += new.0;
        counts.passed_over += new.1;
        self.untold = (self.untold.0 + new.0, self.untold.1 + new.1);
        let is_early = self.told_at.is_some_and(|at| at.elapsed() < Duration::from_secs(60));
        if self.untold == (0, 0) || is_early {
            return;
        }
        self.told_at = Some(Instant::now());
        let (dropped, passed_over) = std::mem::take(&mut self.untold);
        tell(Happening::Missed { dropped, passed_over });
    }
}

/// A session that hears what comes.
struct Ready {
    session: XmppSession,
    messages: mpsc::Receiver<ReceivedTest>,
}

/// A session that lasted so long was none of those that fail at once.
const STEADY: Duration = Duration::from_secs(60);
/// The interval between two checks of the session, and the time limit for the answer.
const CHECK_EVERY: Duration = Duration::from_secs(60);
const CHECK_WITHIN: Duration = Duration::from_secs(20);
