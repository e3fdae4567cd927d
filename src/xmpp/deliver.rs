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
//!
//! This file sends, waits and asks; `news` takes in what comes, and `verdict` judges all of it.

mod outcome;
mod proof;
mod news;
mod origin;
mod verdict;
mod late;
mod ping;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use super::Phase;
use super::condition::StanzaError;
use super::message::{FenceMessage, TestMessage, random};
use super::session::{
    Expectation, Fences, Inquiry, LateNews, MessageEvent, News, ServerSoftware, XmppSession, send_fault,
};
use super::trace::{Direction, Fact, SoftwareBasis, Trace};
use super::xml::PassedOver;
use crate::topology::Evidence;

pub use self::late::TakenMessage;
pub use self::origin::MessageEnds;
pub use self::outcome::{Bounce, Delivery, ErrorOrigin, Fault, Fence, OpenDoubt, Order};
pub use self::ping::{DeliveredPing, PingAnswer, PingRequest, ping};
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
    trace.crossed(Direction::Sent, || probe.stanza());
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
}

/// The time before the deadline at which the pool is asked whether it still answers.
const TO_THE_POOL: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
