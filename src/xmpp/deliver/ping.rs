//! A ping of a domain (XEP-0199), sent alone: whether the domain answers, through the pool's federation.
//!
//! The fence behind a message without the message. An error counts as an answer only where it says no more than that
//! pings are unknown, and where the domain alone can have made it; where nothing tells, the domain is asked what it is
//! (XEP-0030), which nobody else answers for it. A refusal or a trouble is a failure, whoever made it. Whether the pool
//! is there shows by pings of its own: one behind the ping, and one before the time is up.

use std::fmt;
use std::pin::pin;
use std::time::{Duration, Instant};

use jid::{DomainPart, DomainRef};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::origin::MessageEnds;
use super::{Bounce, ErrorOrigin, Fault, Fence, LINGER, Order, Proof, Proven, TO_THE_POOL};
use crate::topology::Evidence;
use crate::xmpp::condition::StanzaError;
use crate::xmpp::message::{ping as ping_stanza, question, random};
use crate::xmpp::session::{ServerSoftware, XmppSession};
use crate::xmpp::trace::{Direction, Fact, SoftwareBasis, Trace};
use crate::xmpp::xml::{Element, ns};
use crate::xmpp::{self, Phase};

/// The request for a ping.
#[derive(Clone, Debug)]
pub struct PingRequest {
    /// The domain that is pinged.
    pub domain: DomainPart,
    /// The time that it may take.
    pub within: Duration,
    /// Ends the wait.
    pub cancel: CancellationToken,
    /// Told every level that is reached, while the wait goes on.
    pub progress: watch::Sender<Option<Evidence>>,
}

/// The outcome of a ping.
#[derive(Clone, Debug)]
pub struct DeliveredPing {
    /// The ping's id, with which those of the questions about it begin.
    pub id: String,
    /// `Ok` where the domain answered, else the reason why it is not known to have.
    pub outcome: Result<(), xmpp::Fault>,
    /// The proofs, in the order of their arrival.
    pub proofs: Vec<Proven>,
    /// The answer to the ping, whoever sent it.
    pub answer: Option<PingAnswer>,
    /// From sending the ping to the proof that the domain answered.
    pub latency: Option<Duration>,
}

/// An answer to a ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PingAnswer {
    /// The result.
    Pong,
    /// An error.
    Error(StanzaError),
}

impl fmt::Display for PingAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pong => f.write_str("pong"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

/// Pings a domain and waits for what proves that it answered, or for what makes that impossible.
pub async fn ping(session: &XmppSession, wanted: &PingRequest, trace: &mut Trace) -> DeliveredPing {
    trace.begin(Phase::Deliver);
    let started = Instant::now();
    let mut wait = PingWait {
        session,
        wanted,
        id: String::new(),
        started,
        deadline: started + wanted.within,
        proofs: Vec::new(),
        answer: None,
    };
    let outcome = wanted.cancel.run_until_cancelled(wait.run(trace)).await;
    if let Some(ServerSoftware { name, version }) = session.software().cloned() {
        trace.learn(Fact::Software { name, version, basis: SoftwareBasis::Said });
    }
    trace.end();
    let outcome = outcome.unwrap_or(Err(xmpp::Fault::Cancelled));
    let by_domain = |proven: &&Proven| proven.proof.evidence() == Evidence::AcceptedByPartner;
    DeliveredPing {
        latency: wait.proofs.iter().find(by_domain).map(|proven| proven.after),
        id: wait.id,
        outcome,
        proofs: wait.proofs,
        answer: wait.answer,
    }
}

/// The facts learned about one ping so far.
struct PingWait<'a> {
    session: &'a XmppSession,
    wanted: &'a PingRequest,
    id: String,
    started: Instant,
    deadline: Instant,
    proofs: Vec<Proven>,
    answer: Option<PingAnswer>,
}

impl PingWait<'_> {
    async fn run(&mut self, trace: &mut Trace) -> Result<(), xmpp::Fault> {
        self.id = random()?;
        match self.hear(trace).await? {
            Ok(pong) => {
                trace.crossed(Direction::Received, || pong);
                self.answer = Some(PingAnswer::Pong);
                self.prove(Proof::Pong, trace);
                Ok(())
            }
            Err(error) => {
                self.answer = Some(PingAnswer::Error(error.clone()));
                self.judge(error, trace).await
            }
        }
    }

    /// Sends the ping, and behind it a ping of the pool, and waits for the answer to the first one.
    async fn hear(&mut self, trace: &mut Trace) -> Result<Result<Element, StanzaError>, xmpp::Fault> {
        let Self { session, deadline, .. } = *self;
        session.ask_software(&self.id).await?;
        let own = session.jid().domain();
        let asked = ping_stanza(&self.id, self.wanted.domain.as_str());
        trace.crossed(Direction::Sent, || &asked);
        let of_pool = |suffix: &str| ping_stanza(&format!("{}-{suffix}", self.id), own.as_str());
        let (behind, again) = (of_pool("pool"), of_pool("later"));
        let asks_again_at = deadline - (self.wanted.within / 3).min(TO_THE_POOL);
        let mut answer = pin!(session.ask(asked));
        let mut pool = pin!(session.ask(behind));
        let mut later = pin!(async {
            sleep_until(asks_again_at.into()).await;
            session.ask(again).await
        });
        let (mut has_answered, mut answers_later) = (false, false);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    let answer = answer?;
                    // The pool says what software it is before it answers the ping behind: its words are read by that.
                    if answer.is_err() && !has_answered {
                        let within = (Instant::now() + LINGER).min(deadline);
                        if timeout_at(within.into(), &mut pool).await.is_ok_and(|said| said.is_ok()) {
                            self.prove(Proof::PoolAnsweredPing, trace);
                        }
                    }
                    return Ok(answer);
                }
                // Whatever our own server says to a ping, it has read what was sent before.
                said = &mut pool, if !has_answered => {
                    let _ = said?;
                    has_answered = true;
                    self.prove(Proof::PoolAnsweredPing, trace);
                }
                said = &mut later, if !answers_later => {
                    let _ = said?;
                    answers_later = true;
                }
                () = sleep_until(deadline.into()) => return Err(self.silent(has_answered, answers_later).into()),
            }
        }
    }

    /// The time is up, and nothing came back for the ping.
    fn silent(&self, has_answered: bool, answers_later: bool) -> Fault {
        let (wanted, waited) = (Evidence::AcceptedByPartner, self.started.elapsed());
        let reached = reached(&self.proofs);
        match (has_answered, answers_later) {
            (true, false) => Fault::PoolStopped { reached, wanted, waited },
            (false, true) => {
                let reached = Some(Evidence::AcceptedByPool);
                Fault::Silent { reached, wanted, waited, fence: Fence::Open }
            }
            (true, true) | (false, false) => Fault::Silent { reached, wanted, waited, fence: Fence::Open },
        }
    }

    /// Takes an error that knows no pings for an answer where the domain has made it, or answers another question.
    async fn judge(&mut self, error: StanzaError, trace: &mut Trace) -> Result<(), xmpp::Fault> {
        let after = self.started.elapsed();
        let ends = MessageEnds::of(self.session, self.domain());
        let knows_no_pings = error.condition.is_of_unknown_request();
        if knows_no_pings && ends.is_partners_answer(&error) {
            self.prove(Proof::ErrorForPong { error }, trace);
            return Ok(());
        }
        let from = self.domain().to_string();
        let origin = ends.origin(&error, &from);
        let fence = if origin == ErrorOrigin::Pool || error.condition.is_about_servers() {
            Fence::Open
        } else {
            self.describe(&ends).await?
        };
        if knows_no_pings && matches!(fence, Fence::Answered { .. }) {
            self.prove(Proof::PartnerDescribedItself, trace);
            return Ok(());
        }
        let bounce = Box::new(Bounce { error, from, origin, after, order: Order::BeforeFence });
        Err(Fault::Bounced { bounce, fence }.into())
    }

    /// Asks the domain what it is (XEP-0030).
    async fn describe(&self, ends: &MessageEnds) -> Result<Fence, xmpp::Fault> {
        let domain = self.domain().as_str();
        let asked = question(&format!("{}-described", self.id), domain, ns::DISCO_INFO);
        let answer = match timeout_at(self.deadline.into(), self.session.ask(asked)).await {
            Ok(answer) => answer?,
            Err(_) => return Ok(Fence::Open),
        };
        let after = self.started.elapsed();
        Ok(match answer {
            Ok(_) => Fence::Answered { after },
            Err(error) if ends.is_partners_answer(&error) => Fence::Answered { after },
            Err(error) => {
                Fence::Failed { origin: ends.origin(&error, domain), error: Box::new(error), after }
            }
        })
    }

    fn domain(&self) -> &DomainRef {
        &self.wanted.domain
    }

    fn prove(&mut self, proof: Proof, trace: &mut Trace) {
        let proven = Proven { proof, after: self.started.elapsed() };
        trace.learn(Fact::Proven(proven.clone()));
        self.proofs.push(proven);
        self.wanted.progress.send_replace(reached(&self.proofs));
    }
}

fn reached(proofs: &[Proven]) -> Option<Evidence> {
    proofs.iter().map(|proven| proven.proof.evidence()).max()
}
