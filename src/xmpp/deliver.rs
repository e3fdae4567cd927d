//! Delivery: how far a message is proven to have come, and what came back instead.
//!
//! Judges the news of a [`XmppSession`] about one message. Two fences leave behind it, in the same write: a
//! second message, to a resource of the receiver's domain that nobody has, and a ping (XEP-0199) to that
//! domain. Stanzas are processed in order (RFC 6120, section 10.1), so that the return of either without a
//! bounce before it means that the partner's server took the message. It does not mean that the receiver
//! exists, and a bounce that comes later still wins. A ping proves that pings pass: where it comes back and
//! the message fence does not, from a server that is known to send it back, messages vanish on the way.
//! Nothing is believed that our own pool could have made up, and nothing learned is lost: a
//! [`Delivery`] holds all of it, however it ends.

mod proof;
mod origin;
mod late;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::condition::{StanzaCondition, StanzaError};
use super::message::{FenceMessage, Sign, TestMessage, random};
use super::session::{
    Expectation, Fences, Inquiry, LateNews, MessageEvent, News, ServerSoftware, XmppSession, send_fault,
};
use super::stream::record;
use super::trace::{Direction, Fact, SoftwareBasis, Trace};
use super::xml::PassedOver;
use super::{Phase, stream};
use crate::topology::Evidence;

use self::origin::MessageEnds;

pub use self::late::TakenMessage;
pub use self::proof::{Proof, Proven};
pub use super::session::Party;

/// The request for a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryRequest {
    /// The level of evidence that makes a success.
    pub minimum: Evidence,
    /// The time that Send and Deliver may take together.
    pub within: Duration,
    /// The time to go on listening for a late bounce where the evidence rests on the fence alone; normally
    /// [`LINGER`].
    pub linger: Duration,
    /// Until when that may last, counted from the start of Send, though the time of Deliver is up.
    pub linger_within: Duration,
    /// The kind of fence behind the message.
    pub fence: FenceKind,
    /// Ends the wait.
    pub cancel: CancellationToken,
    /// Told every level that is reached, while the wait goes on.
    pub progress: Option<watch::Sender<Option<Evidence>>>,
    /// Told what comes back when the wait is over, as long as the session lasts.
    pub late: Option<LateNews>,
}

/// The kind of fence behind a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FenceKind {
    /// A message and a ping.
    #[default]
    Both,
    /// A ping alone.
    Ping,
    /// A message alone.
    Message,
}

impl From<crate::topology::FenceSetting> for FenceKind {
    fn from(fence: crate::topology::FenceSetting) -> Self {
        match fence {
            crate::topology::FenceSetting::Auto => Self::Both,
            crate::topology::FenceSetting::Ping => Self::Ping,
            crate::topology::FenceSetting::Message => Self::Message,
        }
    }
}

/// The time that a late bounce is waited for. It is not part of the latency.
pub const LINGER: Duration = Duration::from_secs(1);

/// The outcome of the delivery of one message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message.
    pub probe: TestMessage,
    /// The level that is reached or the reason why the one that was asked for is not.
    pub outcome: Result<Evidence, super::Fault>,
    /// The highest level that the proofs bear, whatever the outcome.
    pub reached: Option<Evidence>,
    /// The proofs, in the order of their arrival.
    pub proofs: Vec<Proven>,
    /// The stanzas that came back with an error, in the order of arrival.
    pub bounces: Vec<Bounce>,
    /// The state of the ping behind the message.
    pub fence: Fence,
    /// The doubts that a success leaves open.
    pub doubts: Vec<OpenDoubt>,
    /// From the start of Send to the proof that met the minimum.
    pub latency: Option<Duration>,
    /// From the start of Send to the end of the wait.
    pub elapsed: Duration,
    /// The message, where a success rests on the word of the partner's server alone: what comes later may
    /// take it back.
    pub taken: Option<TakenMessage>,
}

/// A message that came back with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// The error.
    pub error: StanzaError,
    /// The sender that the bounce claims, verbatim: it need not be a valid address.
    pub from: String,
    /// The origin of the error, as far as it can be known.
    pub origin: ErrorOrigin,
    /// The time at which the bounce came, counted from the start of Send.
    pub after: Duration,
    /// Whether the fence had come back before it.
    pub order: Order,
}

/// The origin of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorOrigin {
    /// Our own pool.
    Pool,
    /// The server of the receiver's domain.
    Partner,
    /// Somebody who is named, and is neither.
    Other,
    /// Nothing says who.
    Unclear,
}

/// On which side of the fence's answer something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Before it, as order demands.
    BeforeFence,
    /// Behind it: several connections between the servers, or a cluster.
    BehindFence,
}

/// A doubt that a success leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenDoubt {
    /// Pings pass and a message behind the test message did not come back, from a server of which nobody
    /// knows whether it sends such messages back.
    MessageNotReturned {
        /// The party whose domain the message was sent to.
        party: Party,
        /// The server software of that domain, where it said so.
        software: Option<String>,
        /// The time that was spent waiting for the message.
        waited: Duration,
    },
}

/// The state of the ping behind the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Nothing yet.
    Open,
    /// It was answered.
    Answered {
        /// When, counted from the start of Send.
        after: Duration,
    },
    /// It came back with an error.
    Failed {
        /// The error.
        error: Box<StanzaError>,
        /// The origin of the error.
        origin: ErrorOrigin,
        /// When, counted from the start of Send.
        after: Duration,
    },
}

/// The faults that can occur in Deliver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The message came back.
    #[error("the message came back with {}", bounce.error)]
    Bounced {
        /// How.
        bounce: Box<Bounce>,
        /// The state of the fence.
        fence: Fence,
    },
    /// The receiver's server is reached, answers, and did not take the message for the receiver: there
    /// is no such user, or nobody is on line and nothing is stored, or we are blocked.
    #[error("the receiver's server answers, and the receiver is not available")]
    ReceiverUnavailable {
        /// The bounce by which the message came back.
        bounce: Box<Bounce>,
    },
    /// The receiver's server keeps the message back until its sender has shown to be a person.
    #[error("the receiver's server holds the message: {words}")]
    Held {
        /// Its words.
        words: String,
    },
    /// The evidence did not come in time.
    #[error("no evidence of {wanted} within {waited:?}")]
    Silent {
        /// The level that was reached.
        reached: Option<Evidence>,
        /// The level that was asked for.
        wanted: Evidence,
        /// The time that was spent waiting.
        waited: Duration,
        /// The state of the fence.
        fence: Fence,
    },
    /// Pings pass and messages do not: a message behind the test message did not come back from a server that
    /// sends such messages back.
    #[error("pings pass, and a message behind the test message did not come back within {waited:?}")]
    Vanished {
        /// Where: the pool, where its own domain does not send one back either; else on the way to the partner.
        at: Party,
        /// The server software of the domain that did not send it back.
        software: String,
        /// The time that was spent waiting.
        waited: Duration,
    },
    /// A stanza came back that may be the answer, and was more than is read.
    #[error("{passed}")]
    NotRead {
        /// The known facts about the stanza.
        passed: Box<PassedOver>,
        /// The level that was reached.
        reached: Option<Evidence>,
        /// The level that was asked for.
        wanted: Evidence,
        /// The time that was spent waiting.
        waited: Duration,
    },
    /// The pool answered at first, and no more when it was asked again before the time was up.
    #[error("the pool stopped answering within {waited:?}")]
    PoolStopped {
        /// The level that was reached.
        reached: Option<Evidence>,
        /// The level that was asked for.
        wanted: Evidence,
        /// The time that was spent waiting.
        waited: Duration,
    },
    /// The partner's server took the message, and did not answer when it was asked again before the time was up.
    #[error("the partner's server stopped answering within {waited:?}")]
    PartnerStopped {
        /// The error that the pool reported of it, if any.
        error: Option<Box<StanzaError>>,
        /// The level that was asked for.
        wanted: Evidence,
        /// The time that was spent waiting.
        waited: Duration,
    },
    /// Our own session saw the message, and its answer did not come back.
    #[error("the message arrived, and its answer did not come back within {waited:?}")]
    ReturnPath {
        /// The time that was spent waiting.
        waited: Duration,
    },
}

/// Sends a message and waits for what is wanted, or for what makes it impossible.
///
/// `receiver` is a session that is logged on as the receiver and available, where there is one.
pub async fn deliver(
    session: &XmppSession,
    receiver: Option<&XmppSession>,
    probe: TestMessage,
    wanted: &DeliveryRequest,
    trace: &mut Trace,
) -> Delivery {
    trace.begin(Phase::Send);
    record(trace, Direction::Sent, &probe.stanza());
    let mut wait = Wait::new(session, probe, wanted);
    let sending = timeout_at(wait.deadline.into(), wait.send(receiver));
    let outcome = match until_cancelled(wanted, sending).await {
        None => Err(super::Fault::Cancelled),
        Some(Err(_)) => Err(super::Fault::Deadline { phase: Phase::Send, after: wanted.within }),
        Some(Ok(Err(fault))) => Err(fault),
        Some(Ok(Ok(mut sources))) => wait.listen(&mut sources, trace).await,
    };
    if let Some(ServerSoftware { name, version }) = session.software().cloned() {
        trace.learn(Fact::Software { name, version, basis: SoftwareBasis::Said });
    }
    trace.end();
    wait.into_delivery(outcome)
}

/// The future's value, or nothing where the caller does not want it any more.
async fn until_cancelled<T>(wanted: &DeliveryRequest, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = wanted.cancel.cancelled() => None,
        value = future => Some(value),
    }
}

/// The facts learned about one message so far.
struct Wait<'a> {
    session: &'a XmppSession,
    wanted: &'a DeliveryRequest,
    probe: TestMessage,
    started: Instant,
    deadline: Instant,
    /// The text that our session at the receiver's end adds to its answer.
    witness: Option<String>,
    proofs: Vec<Proven>,
    bounces: Vec<Bounce>,
    fence: Fence,
    /// The message that was sent behind it, to the receiver's domain or to our own.
    message_fence: MessageFence,
    /// The one to our own domain that was sent where something was in doubt.
    pool_fence: MessageFence,
    /// The return of the message fence from the receiver's domain, while that proves nothing: its error, if any,
    /// and when it came.
    unjudged: Option<(Option<StanzaError>, Instant)>,
    /// Whether the receiver's domain was asked what it is.
    has_inquired: bool,
    /// The server software of the receiver's domain, where it was asked and said so.
    partner_software: Option<ServerSoftware>,
    /// Whether the pool was asked again, and whether it answered.
    pool_later: Later,
    /// The same of the partner, where it had answered before.
    partner_later: Later,
    /// The error that came back in the place of the partner's answer.
    partner_lost: Option<StanzaError>,
    /// The words of the receiver's server where it holds the message.
    held: Option<String>,
    /// A stanza that may be about the message, and was not read.
    passed_over: Option<PassedOver>,
    latency: Option<Duration>,
}

/// The state of a message to a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
enum MessageFence {
    NotSent,
    Missing { party: Party, since: Instant },
    Returned { party: Party },
}

/// The state of the question whether the pool still answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Later {
    NotAsked,
    Asked,
    Answered,
}

/// The news from both ends.
struct Sources {
    sender: mpsc::Receiver<News>,
    receiver: Option<mpsc::Receiver<News>>,
}

impl Sources {
    /// The next news. Cancel-safe. The receiver's end may fall silent, ours may not: then it is over.
    async fn next(&mut self) -> Option<News> {
        let Self { sender, receiver } = self;
        let seen = async {
            match receiver {
                Some(receiver) => receiver.recv().await,
                None => None,
            }
        };
        tokio::select! {
            news = sender.recv() => news,
            Some(news) = seen => Some(news),
        }
    }

    /// Takes no more news of the message, and gives those that are there already, one by one.
    fn end(&mut self) -> Option<News> {
        self.sender.close();
        self.sender.try_recv().ok()
    }
}

impl<'a> Wait<'a> {
    fn new(session: &'a XmppSession, probe: TestMessage, wanted: &'a DeliveryRequest) -> Self {
        let started = Instant::now();
        Self {
            session,
            wanted,
            probe,
            started,
            deadline: started + wanted.within,
            witness: None,
            proofs: Vec::new(),
            bounces: Vec::new(),
            fence: Fence::Open,
            message_fence: MessageFence::NotSent,
            pool_fence: MessageFence::NotSent,
            unjudged: None,
            has_inquired: false,
            partner_software: None,
            pool_later: Later::NotAsked,
            partner_later: Later::NotAsked,
            partner_lost: None,
            held: None,
            passed_over: None,
            latency: None,
        }
    }

    /// Lets the receiver's end look out, then sends.
    async fn send(&mut self, receiver: Option<&XmppSession>) -> Result<Sources, super::Fault> {
        let receiver = match receiver {
            Some(receiver) => Some(self.look_out(receiver).await?),
            None => None,
        };
        let fences = self.fences()?;
        let late = self.wanted.late.clone();
        let mut sender = self.session.send(self.probe.clone(), fences, late).await.map_err(send_fault)?;
        while self.proofs.is_empty() {
            match sender.recv().await {
                Some(News { at, event: MessageEvent::Written }) => self.prove(Proof::WrittenToStream, at),
                Some(_) => {}
                None => return Err(self.session.fault().into()),
            }
        }
        Ok(Sources { sender, receiver })
    }

    /// Returns the fences that are sent behind the message. Where no more is asked for than that the pool takes it,
    /// the message fence is for the pool.
    fn fences(&mut self) -> Result<Fences, super::Fault> {
        let partner = self.probe.to().domain().as_str();
        let ping = (self.wanted.fence != FenceKind::Message).then(|| partner.to_owned());
        let party = match self.wanted.minimum {
            Evidence::Sent => return Ok(Fences { ping, message: None }),
            Evidence::AcceptedByPool => Party::Pool,
            Evidence::AcceptedByPartner | Evidence::Delivered | Evidence::Exchanged => Party::Partner,
        };
        if self.wanted.fence == FenceKind::Ping {
            return Ok(Fences { ping, message: None });
        }
        let domain = match party {
            Party::Pool => self.session.jid().domain().as_str(),
            Party::Partner => partner,
        };
        let fence = FenceMessage::new(format!("{}-message", self.probe.id()), domain, self.probe.body())?;
        self.message_fence = MessageFence::Missing { party, since: Instant::now() };
        Ok(Fences { ping, message: Some((party, fence)) })
    }

    async fn look_out(&mut self, receiver: &XmppSession) -> Result<mpsc::Receiver<News>, super::Fault> {
        let witness = random()?;
        self.witness = Some(witness.clone());
        let expectation = Expectation {
            id: self.probe.id().to_owned(),
            nonce: self.probe.nonce().to_owned(),
            sender: self.session.jid().to_bare(),
            witness,
        };
        Ok(receiver.expect(expectation).await?)
    }

    /// Takes in the news until nothing more can change the verdict, or the time is up.
    async fn listen(&mut self, sources: &mut Sources, trace: &mut Trace) -> Result<Evidence, super::Fault> {
        trace.begin(Phase::Deliver);
        for proven in &self.proofs {
            trace.learn(Fact::Proven(proven.clone()));
        }
        while let Some(until) = self.listens_until() {
            let wakes = self.asks_the_pool_at().map_or(until, |at| at.min(until));
            let next = timeout_at(wakes.into(), sources.next());
            match until_cancelled(self.wanted, next).await {
                None => return Err(super::Fault::Cancelled),
                Some(Err(_)) if wakes < until => self.ask_the_pool().await?,
                Some(Err(_)) => break,
                Some(Ok(None)) => return self.lost(self.session.fault()),
                Some(Ok(Some(news))) => {
                    self.learn(news, trace);
                    self.inquire().await?;
                }
            }
        }
        // What comes from now on is late; what is there already counts, where it may speak against a fence.
        while self.reached() < Some(Evidence::Delivered)
            && let Some(news) = sources.end()
        {
            self.learn(news, trace);
        }
        self.verdict().map_err(super::Fault::from)
    }

    /// Returns the instant at which the pool is asked whether it still answers, since nothing has come that makes
    /// an end.
    fn asks_the_pool_at(&self) -> Option<Instant> {
        let is_open = self.pool_later == Later::NotAsked && self.bounces.is_empty() && !self.is_met();
        is_open.then(|| self.deadline - (self.wanted.within / 3).min(TO_THE_POOL))
    }

    async fn ask_the_pool(&mut self) -> Result<(), super::Fault> {
        self.pool_later = Later::Asked;
        let (own, partner) = (self.session.jid().domain(), self.probe.to().domain());
        let again =
            (own != partner && self.has(&Proof::PartnerAnsweredPing)).then(|| partner.as_str().to_owned());
        if again.is_some() {
            self.partner_later = Later::Asked;
        }
        let inquiry = Inquiry { message: self.pool_fence()?, partner: None, pool: true, again };
        // A session that is over ends the news as well.
        let _ = self.session.inquire(self.probe.id(), inquiry).await;
        Ok(())
    }

    /// Asks what a doubt needs to be resolved, once: the ping came back in whatever way, and the message that
    /// was sent before it did not.
    async fn inquire(&mut self) -> Result<(), super::Fault> {
        let is_missing = matches!(self.message_fence, MessageFence::Missing { party: Party::Partner, .. });
        let is_refused = matches!(self.fence, Fence::Failed { .. }) && self.fence_proofs().next().is_none();
        let is_due = self.fence != Fence::Open && (is_missing || is_refused);
        if !is_due || self.has_inquired || !self.bounces.is_empty() {
            return Ok(());
        }
        self.has_inquired = true;
        let partner = Some(self.probe.to().domain().as_str().to_owned());
        let inquiry = Inquiry { message: self.pool_fence()?, partner, pool: false, again: None };
        let _ = self.session.inquire(self.probe.id(), inquiry).await;
        Ok(())
    }

    /// A message to our own domain, if none was sent yet and one may be.
    fn pool_fence(&mut self) -> Result<Option<FenceMessage>, super::Fault> {
        let is_new = self.pool_fence == MessageFence::NotSent
            && matches!(self.message_fence, MessageFence::Missing { party: Party::Partner, .. });
        if !is_new {
            return Ok(None);
        }
        self.pool_fence = MessageFence::Missing { party: Party::Pool, since: Instant::now() };
        let (id, domain) = (format!("{}-home", self.probe.id()), self.session.jid().domain().as_str());
        Ok(Some(FenceMessage::new(id, domain, self.probe.body())?))
    }

    /// Returns the party at which messages vanish while pings pass, as far as can be known by now, and the server
    /// software of the domain that ought to have sent one back.
    fn vanishing(&self) -> Option<(Party, &ServerSoftware)> {
        let pool = self.session.software().filter(|software| software.returns_messages());
        let is_missing = |fence: &MessageFence, of: Party| matches!(fence, MessageFence::Missing { party, .. } if *party == of);
        let is_home = self.session.jid().domain() == self.probe.to().domain();
        let pool_passes_pings = self.reached() >= Some(Evidence::AcceptedByPool);
        let pool_vanishes = is_missing(&self.pool_fence, Party::Pool)
            || is_missing(&self.message_fence, Party::Pool)
            || (is_home && is_missing(&self.message_fence, Party::Partner));
        if pool_vanishes
            && pool_passes_pings
            && let Some(software) = pool
        {
            return Some((Party::Pool, software));
        }
        let partner_passes_pings = self.proofs.iter().any(|proven| proven.proof.is_ping_of_partner());
        let partner = self.partner_software.as_ref().filter(|software| software.returns_messages());
        match partner {
            Some(software) if partner_passes_pings && is_missing(&self.message_fence, Party::Partner) => {
                Some((Party::Partner, software))
            }
            Some(_) | None => None,
        }
    }

    /// Since when the message fence that the evidence needs is waited for, if it is.
    fn misses_since(&self) -> Option<Instant> {
        match self.message_fence {
            MessageFence::Missing { since, .. } => Some(since),
            MessageFence::NotSent | MessageFence::Returned { .. } => None,
        }
    }

    fn is_met(&self) -> bool {
        self.reached() >= Some(self.wanted.minimum)
    }

    /// Until when news may still change the verdict; `None` where they cannot.
    fn listens_until(&self) -> Option<Instant> {
        let met_at = self.started + self.latency.unwrap_or_default();
        let until = match (self.bounces.first(), self.is_met(), self.reached()) {
            (_, true, Some(Evidence::Delivered | Evidence::Exchanged)) => return None,
            _ if self.held.is_some() => return None,
            // The fence tells whether the partner's server is reached at all.
            (Some(bounce), _, _) if self.fence == Fence::Open => self.started + bounce.after + LINGER,
            (Some(_), _, _) => return None,
            (None, true, Some(Evidence::AcceptedByPartner)) => {
                let linger = met_at + self.wanted.linger;
                let most = self.started + self.wanted.linger_within;
                // A message that ought to be back may be late on a busy server.
                let late = if self.vanishing().is_some() { met_at + LATE_FENCE } else { linger };
                return Some(linger.max(late).min(most));
            }
            (None, true, Some(Evidence::AcceptedByPool)) if self.misses_since().is_some() => {
                if self.vanishing().is_some() { met_at + LATE_FENCE } else { met_at + LINGER }
            }
            (None, true, _) => return None,
            (None, false, _) => self.deadline,
        };
        Some(until.min(self.deadline))
    }

    /// Returns the verdict on the proofs and the bounces.
    fn verdict(&self) -> Result<Evidence, Fault> {
        let wanted = self.wanted.minimum;
        let reached = self.reached();
        let met = reached.filter(|reached| *reached >= wanted);
        let waited = self.started.elapsed();
        let has_stopped = self.pool_later == Later::Asked && reached > Some(Evidence::Sent);
        let rests_on_fences = reached < Some(Evidence::Delivered) && self.bounces.is_empty();
        if rests_on_fences
            && !has_stopped
            && let Some((at, software)) = self.vanishing()
        {
            return Err(Fault::Vanished { at, software: software.name.clone(), waited });
        }
        match (self.bounces.first(), met) {
            // A receipt outweighs a bounce: one client of the receiver refused, another did not.
            (_, Some(reached @ (Evidence::Delivered | Evidence::Exchanged))) => Ok(reached),
            (_, _) if let Some(words) = &self.held => Err(Fault::Held { words: words.clone() }),
            (None, Some(reached)) => Ok(reached),
            (Some(bounce), _) if is_receivers(bounce, &self.whole_fence()) => {
                Err(Fault::ReceiverUnavailable { bounce: Box::new(bounce.clone()) })
            }
            (Some(bounce), _) => {
                Err(Fault::Bounced { bounce: Box::new(bounce.clone()), fence: self.whole_fence() })
            }
            (None, None) if has_stopped => Err(Fault::PoolStopped { reached, wanted, waited }),
            (None, None) if self.partner_later == Later::Asked => {
                let error = self.partner_lost.clone().map(Box::new);
                Err(Fault::PartnerStopped { error, wanted, waited })
            }
            (None, None) if let Some(passed) = &self.passed_over => {
                Err(Fault::NotRead { passed: Box::new(passed.clone()), reached, wanted, waited })
            }
            (None, None) if self.has(&Proof::SeenBySecondSession) => Err(Fault::ReturnPath { waited }),
            (None, None) => Err(Fault::Silent { reached, wanted, waited, fence: self.whole_fence() }),
        }
    }

    /// Returns the combined state of the fences: one that the partner answered is enough.
    fn whole_fence(&self) -> Fence {
        let answered = self.fence_proofs().map(|proven| proven.after).min();
        match answered {
            Some(after) => Fence::Answered { after },
            None => self.fence.clone(),
        }
    }

    fn fence_proofs(&self) -> impl Iterator<Item = &Proven> {
        self.proofs.iter().filter(|proven| {
            matches!(
                proven.proof,
                Proof::PartnerAnsweredPing
                    | Proof::PartnerReturnedMessage { .. }
                    | Proof::PartnerDescribedItself
            )
        })
    }

    /// The highest level that is proven. A bounce takes away what rests on the fence alone.
    fn reached(&self) -> Option<Evidence> {
        let levels = self.proofs.iter().map(|proven| proven.proof.evidence());
        levels.filter(|level| self.bounces.is_empty() || *level != Evidence::AcceptedByPartner).max()
    }

    fn has(&self, proof: &Proof) -> bool {
        self.proofs.iter().any(|proven| proven.proof == *proof)
    }

    /// The session is over: what was proven by then still counts.
    fn lost(&self, fault: stream::Fault) -> Result<Evidence, super::Fault> {
        self.verdict().map_err(|verdict| match verdict {
            Fault::Bounced { .. } | Fault::ReceiverUnavailable { .. } | Fault::Held { .. } => verdict.into(),
            Fault::Silent { .. }
            | Fault::ReturnPath { .. }
            | Fault::Vanished { .. }
            | Fault::NotRead { .. }
            | Fault::PartnerStopped { .. }
            | Fault::PoolStopped { .. } => fault.into(),
        })
    }

    fn learn(&mut self, News { at, event }: News, trace: &mut Trace) {
        let n_known = self.proofs.len();
        match event {
            MessageEvent::Written => self.prove(Proof::WrittenToStream, at),
            MessageEvent::Acknowledged => self.prove(Proof::PoolAcknowledged, at),
            MessageEvent::Overcounted { said, sent } => trace.learn(Fact::Overcounted { said, sent }),
            MessageEvent::PoolAnswered => self.prove(Proof::PoolAnsweredPing, at),
            MessageEvent::FenceAnswered => self.fence_answered(at),
            MessageEvent::FenceFailed(error) => self.fence_failed(error, at),
            MessageEvent::FenceReturned(party, error) => self.message_returned(party, error, at),
            MessageEvent::PartnerDescribed => self.prove(Proof::PartnerDescribedItself, at),
            MessageEvent::PartnerSoftware(software) => {
                trace.learn(Fact::PartnerSoftware {
                    name: software.name.clone(),
                    version: software.version.clone(),
                });
                self.partner_software = Some(software);
            }
            MessageEvent::PoolAlive => self.pool_later = Later::Answered,
            MessageEvent::PartnerLater(None) => self.partner_later = Later::Answered,
            // Whatever the partner says itself, it is there.
            MessageEvent::PartnerLater(Some(error)) => {
                match self.origin(&error, self.probe.to().domain().as_str()) {
                    ErrorOrigin::Pool => self.partner_lost = Some(error),
                    ErrorOrigin::Partner | ErrorOrigin::Other | ErrorOrigin::Unclear => {
                        self.partner_later = Later::Answered
                    }
                }
            }
            MessageEvent::PassedOver(passed) => {
                trace.learn(Fact::PassedOver(passed.clone()));
                self.passed_over.get_or_insert(passed);
            }
            MessageEvent::Sign(sign, stanza) => {
                record(trace, Direction::Received, &stanza);
                self.read(sign, at);
            }
            MessageEvent::Seen(stanza) => {
                record(trace, Direction::Received, &stanza);
                self.prove(Proof::SeenBySecondSession, at);
            }
        }
        self.judge();
        for proven in &self.proofs[n_known..] {
            trace.learn(Fact::Proven(proven.clone()));
        }
    }

    fn read(&mut self, sign: Sign, at: Instant) {
        match sign {
            Sign::Bounce { error, from } => self.bounced(error, from, at),
            Sign::Held { words } => {
                self.held.get_or_insert(words);
            }
            Sign::Receipt { from } => self.prove(Proof::Receipt { from }, at),
            Sign::Answer { witness, .. } if witness.is_some() && witness == self.witness => {
                // Its answer can overtake its own news that it saw the message.
                self.prove(Proof::SeenBySecondSession, at);
                self.prove(Proof::AnswerFromSecondSession, at);
            }
            Sign::Answer { from, .. } => self.prove(Proof::Echo { from }, at),
        }
    }

    fn bounced(&mut self, error: StanzaError, from: String, at: Instant) {
        if self.bounces.len() == MAX_KEPT {
            return;
        }
        let order = match self.fence {
            Fence::Answered { .. } => Order::BehindFence,
            Fence::Open | Fence::Failed { .. } => Order::BeforeFence,
        };
        let origin = self.origin(&error, &from);
        self.bounces.push(Bounce { error, from, origin, after: self.after(at), order });
    }

    /// A message to a domain came back. Who returns it for the partner may be our own pool.
    fn message_returned(&mut self, party: Party, error: Option<StanzaError>, at: Instant) {
        for fence in [&mut self.message_fence, &mut self.pool_fence] {
            if matches!(fence, MessageFence::Missing { party: missing, .. } if *missing == party) {
                *fence = MessageFence::Returned { party };
            }
        }
        match party {
            Party::Pool => self.prove(Proof::PoolReturnedMessage, at),
            Party::Partner => {
                self.unjudged = Some((error, at));
                self.judge();
            }
        }
    }

    /// Takes the return of the message fence for a proof as soon as it is one: the pool may say only later what
    /// software it is.
    fn judge(&mut self) {
        let Some((error, at)) = self.unjudged.take() else { return };
        if !self.is_partners(error.as_ref()) {
            self.unjudged = Some((error, at));
        } else if self.bounces.is_empty() {
            self.prove(Proof::PartnerReturnedMessage { error }, at);
        }
    }

    /// Whether only the partner can have sent back a message to its domain with this.
    fn is_partners(&self, error: Option<&StanzaError>) -> bool {
        let Some(error) = error else { return true };
        match self.origin(error, self.probe.to().domain().as_str()) {
            ErrorOrigin::Partner => true,
            // Who does not serve a domain does not know its resources.
            ErrorOrigin::Unclear if error.condition == StanzaCondition::ItemNotFound => true,
            ErrorOrigin::Unclear => {
                error.condition == StanzaCondition::ServiceUnavailable
                    && self.session.leaves_unavailable_to_others()
            }
            ErrorOrigin::Pool | ErrorOrigin::Other => false,
        }
    }

    fn fence_answered(&mut self, at: Instant) {
        self.fence = Fence::Answered { after: self.after(at) };
        if self.bounces.is_empty() {
            self.prove(Proof::PartnerAnsweredPing, at);
        }
    }

    fn fence_failed(&mut self, error: StanzaError, at: Instant) {
        // The session has checked that it comes from the receiver's domain, as it says.
        let origin = self.origin(&error, self.probe.to().domain().as_str());
        // A likely origin is no proof: without a signature only what no server says for another one is.
        let is_reached = !matches!(
            error.condition,
            StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout
        );
        let is_proven = is_reached
            && (error.by.is_some()
                || error.condition == StanzaCondition::FeatureNotImplemented
                || self.session.jid().domain() == self.probe.to().domain());
        self.fence = Fence::Failed { error: Box::new(error.clone()), origin, after: self.after(at) };
        if origin == ErrorOrigin::Partner && is_proven && self.bounces.is_empty() {
            self.prove(Proof::PartnerErrorToPing { error }, at);
        }
    }

    fn origin(&self, error: &StanzaError, from: &str) -> ErrorOrigin {
        self.ends().origin(error, from)
    }

    fn ends(&self) -> MessageEnds {
        MessageEnds {
            own: self.session.jid().domain().to_owned(),
            partner: self.probe.to().domain().to_owned(),
            marks_errors: self.session.marks_its_errors(),
        }
    }

    fn prove(&mut self, proof: Proof, at: Instant) {
        if self.has(&proof) || self.proofs.len() == MAX_KEPT {
            return;
        }
        let after = self.after(at);
        self.proofs.push(Proven { proof, after });
        let reached = self.reached();
        if self.latency.is_none() && reached >= Some(self.wanted.minimum) {
            self.latency = Some(after);
        }
        if let Some(progress) = &self.wanted.progress {
            progress.send_replace(reached);
        }
    }

    fn after(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.started)
    }

    /// Returns the doubts that a success leaves open.
    fn doubts(&self) -> Vec<OpenDoubt> {
        let (party, since) = match self.message_fence {
            MessageFence::Missing { party, since } if self.reached() < Some(Evidence::Delivered) => {
                (party, since)
            }
            MessageFence::Missing { .. } | MessageFence::NotSent | MessageFence::Returned { .. } => {
                return Vec::new();
            }
        };
        let software = match party {
            Party::Pool => self.session.software(),
            Party::Partner => self.partner_software.as_ref(),
        };
        let software = software.map(|software| software.name.clone());
        vec![OpenDoubt::MessageNotReturned { party, software, waited: since.elapsed() }]
    }

    fn into_delivery(self, outcome: Result<Evidence, super::Fault>) -> Delivery {
        let is_taken = self.wanted.minimum == Evidence::AcceptedByPartner
            && matches!(outcome, Ok(Evidence::AcceptedByPartner));
        let taken = is_taken.then(|| TakenMessage {
            id: self.probe.id().to_owned(),
            started: self.started,
            ends: self.ends(),
            fence: self.whole_fence(),
        });
        Delivery {
            taken,
            doubts: if outcome.is_ok() { self.doubts() } else { Vec::new() },
            reached: self.reached(),
            latency: self.latency.filter(|_| outcome.is_ok()),
            elapsed: self.started.elapsed(),
            probe: self.probe,
            outcome,
            proofs: self.proofs,
            bounces: self.bounces,
            fence: self.fence,
        }
    }
}

/// Whether the receiver's server refused for the receiver, and is else in order (RFC 6121, section 8.5).
fn is_receivers(bounce: &Bounce, fence: &Fence) -> bool {
    let is_reached = match fence {
        Fence::Answered { .. } => true,
        Fence::Failed { origin, .. } => *origin == ErrorOrigin::Partner,
        Fence::Open => false,
    };
    is_reached
        && bounce.error.condition == StanzaCondition::ServiceUnavailable
        && matches!(bounce.origin, ErrorOrigin::Partner | ErrorOrigin::Unclear)
}

/// The time that a message fence is waited for behind the ping that was sent after it, from a server that is known
/// to send it back.
const LATE_FENCE: Duration = Duration::from_secs(5);
/// The time before the deadline at which the pool is asked whether it still answers.
const TO_THE_POOL: Duration = Duration::from_secs(3);
/// Proofs, and bounces, that are kept of one message.
const MAX_KEPT: usize = 32;

#[cfg(test)]
mod tests;
