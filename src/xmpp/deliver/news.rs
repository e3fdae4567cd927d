//! What each piece of news proves about a message, or speaks against it.
//!
//! Takes in; never asks, and never decides what all of it means: that is the verdict's.

use std::time::{Duration, Instant};

use super::origin::MessageEnds;
use super::{Bounce, ErrorOrigin, Fence, Later, MessageFence, Order, Proof, Proven, Wait};
use crate::xmpp::condition::{StanzaCondition, StanzaError};
use crate::xmpp::message::Sign;
use crate::xmpp::session::{MessageEvent, News, Party};
use crate::xmpp::trace::{Direction, Fact, Trace};

impl Wait<'_> {
    pub(super) fn learn(&mut self, News { at, event }: News, trace: &mut Trace) {
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
                trace.crossed(Direction::Received, || &stanza);
                self.read(sign, at);
            }
            MessageEvent::Seen(stanza) => {
                trace.crossed(Direction::Received, || &stanza);
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
        self.fence = Fence::Failed { error: Box::new(error.clone()), origin, after: self.after(at) };
        if self.ends().is_partners_answer(&error) && self.bounces.is_empty() {
            self.prove(Proof::PartnerErrorToPing { error }, at);
        }
    }

    fn origin(&self, error: &StanzaError, from: &str) -> ErrorOrigin {
        self.ends().origin(error, from)
    }

    pub(super) fn ends(&self) -> MessageEnds {
        MessageEnds::of(self.session, self.probe.to().domain())
    }

    pub(super) fn prove(&mut self, proof: Proof, at: Instant) {
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
}

/// Proofs, and bounces, that are kept of one message.
const MAX_KEPT: usize = 32;
