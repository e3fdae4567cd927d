//! The answering side of a verification (`imsh respond`): a test account that is on line at a partner
//! and answers our test messages, and nothing else.
//!
//! Logs on as any client, becomes available, and gives each test message the receipt and the echo that
//! [`answer`] says it is owed. Comes back when the session is lost, with growing pauses; gives up for
//! good when the server has refused the logon several times in a row. Says what it does to whoever
//! listens, and never answers what a person wrote, what was stored or copied, what its own account
//! sent, or an answer: two of them never talk to each other.

pub mod pace;

use std::time::{Duration, Instant};

use jid::{FullJid, Jid};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::pace::{Pace, Pause, Verdict};
use super::attempt::{Watcher, log_on};
use super::plan::Account;
use super::refusals::MOST_REFUSALS;
use super::sessions::Shared;
use crate::diagnosis::{self, Context, Finding, Given};
use crate::xmpp::message::answer;
use crate::xmpp::network::Network;
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::Trace;
use crate::xmpp::xml::Element;
use crate::xmpp::{Deadlines, Fault, Phase};

/// An account that answers.
pub struct Responder {
    /// The account, and where it logs on.
    pub account: Account,
    /// How much it answers.
    pub pace: Pace,
    /// How long a logon may take.
    pub deadlines: Deadlines,
    /// The network.
    pub network: Network,
}

/// What a responder does, told as it happens.
#[derive(Debug)]
pub enum Happening<'a> {
    /// It is on line.
    OnLine {
        /// By this address.
        address: &'a FullJid,
        /// How it came there.
        trace: &'a Trace,
    },
    /// It answered a test message.
    Answered {
        /// Who sent it.
        sender: &'a Jid,
    },
    /// It let test messages pass; told once a minute, with those that were not told before.
    Passed {
        /// Who sent the last one.
        sender: &'a Jid,
        /// Over which limit it was.
        verdict: Verdict,
        /// How many.
        count: u64,
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
        /// Why not.
        finding: &'a Finding,
        /// After how long it tries again.
        again_in: Duration,
    },
}

/// Why a responder came to its end.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It was asked to.
    Asked(Counts),
    /// The server refused the logon [`MOST_REFUSALS`] times in a row.
    Refused(Box<Finding>),
}

/// What a responder did in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Test messages that it answered.
    pub answered: u64,
    /// Test messages over a limit.
    pub passed: u64,
}

impl Responder {
    /// Answers until it is cancelled, or refused for good.
    pub async fn run(&mut self, tell: &(dyn Fn(Happening<'_>) + Sync), cancel: &CancellationToken) -> Ended {
        let mut counts = Counts::default();
        let mut pause = Pause::default();
        let mut refusals = 0;
        loop {
            let Shared { session, trace } =
                log_on(&self.account, &self.deadlines, &self.network, &Watcher::default(), cancel).await;
            let again_in = match self.get_ready(session, cancel).await {
                Err(Fault::Cancelled) => return Ended::Asked(counts),
                Err(fault) => {
                    let finding = self.finding(&fault, &trace);
                    refusals = if matches!(fault, Fault::Authenticate(_)) { refusals + 1 } else { 0 };
                    if refusals >= MOST_REFUSALS {
                        return Ended::Refused(Box::new(finding));
                    }
                    let again_in = pause.following();
                    tell(Happening::Failed { finding: &finding, again_in });
                    again_in
                }
                Ok(ready) => {
                    refusals = 0;
                    tell(Happening::OnLine { address: ready.session.jid(), trace: &trace });
                    let since = Instant::now();
                    let fault = self.serve(ready, &mut counts, tell, cancel).await;
                    if matches!(fault, Fault::Cancelled) {
                        return Ended::Asked(counts);
                    }
                    if since.elapsed() > STEADY {
                        pause = Pause::default();
                    }
                    let again_in = pause.following();
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
            let messages = session.listen().await?;
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
        counts: &mut Counts,
        tell: &(dyn Fn(Happening<'_>) + Sync),
        cancel: &CancellationToken,
    ) -> Fault {
        let Ready { session, mut messages } = ready;
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        checks.tick().await;
        loop {
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
        message: &Element,
        counts: &mut Counts,
        tell: &(dyn Fn(Happening<'_>) + Sync),
    ) {
        let Some(answers) = answer(message, None) else { return };
        let Some(sender) = message.attribute("from").and_then(|from| Jid::new(from).ok()) else { return };
        if sender.to_bare() == session.jid().to_bare() {
            return;
        }
        match self.pace.admits(&sender.to_bare(), Instant::now()) {
            Verdict::Answer => {
                for answer in answers {
                    // A session that is over tells so by itself.
                    let _ = session.say(answer).await;
                }
                counts.answered += 1;
                tell(Happening::Answered { sender: &sender });
            }
            verdict @ (Verdict::SenderOverLimit | Verdict::OverLimit) => {
                counts.passed += 1;
                if let Some(count) = self.pace.untold(Instant::now()) {
                    tell(Happening::Passed { sender: &sender, verdict, count });
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
            partner_listed: false,
            security: self.account.security(),
            witnessed: false,
            given: Given::default(),
            look: None,
        };
        diagnosis::diagnose(fault, trace, &context)
    }
}

/// A session that hears what comes.
struct Ready {
    session: XmppSession,
    messages: mpsc::Receiver<Element>,
}

/// A session that lasted so long was none of those that fail at once.
const STEADY: Duration = Duration::from_secs(60);
/// How often the session is checked, and how long the answer may take.
const CHECK_EVERY: Duration = Duration::from_secs(60);
const CHECK_WITHIN: Duration = Duration::from_secs(20);
