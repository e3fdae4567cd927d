//! The verdict on what was learned about a message: how far it is proven to have come, whether more may still change
//! that, and what is wrong.
//!
//! Reads what was learned, and changes none of it.

use std::time::{Duration, Instant};

use super::{
    Bounce, Delivery, ErrorOrigin, Fault, Fence, LINGER, Later, MessageFence, OpenDoubt, Proof, Proven,
    TakenMessage, Wait,
};
use crate::topology::Evidence;
use crate::xmpp::condition::StanzaCondition;
use crate::xmpp::session::{Party, ServerSoftware};
use crate::xmpp::stream;

impl Wait<'_> {
    /// Until when news may still change the verdict; `None` where they cannot.
    pub(super) fn listens_until(&self) -> Option<Instant> {
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
    pub(super) fn verdict(&self) -> Result<Evidence, Fault> {
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

    /// The session is over: what was proven by then still counts.
    pub(super) fn lost(&self, fault: stream::Fault) -> Result<Evidence, crate::xmpp::Fault> {
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

    pub(super) fn is_met(&self) -> bool {
        self.reached() >= Some(self.wanted.minimum)
    }

    /// The highest level that is proven. A bounce takes away what rests on the fence alone.
    pub(super) fn reached(&self) -> Option<Evidence> {
        let levels = self.proofs.iter().map(|proven| proven.proof.evidence());
        levels.filter(|level| self.bounces.is_empty() || *level != Evidence::AcceptedByPartner).max()
    }

    pub(super) fn has(&self, proof: &Proof) -> bool {
        self.proofs.iter().any(|proven| proven.proof == *proof)
    }

    /// Returns the combined state of the fences: one that the partner answered is enough.
    fn whole_fence(&self) -> Fence {
        let answered = self.fence_proofs().map(|proven| proven.after).min();
        match answered {
            Some(after) => Fence::Answered { after },
            None => self.fence.clone(),
        }
    }

    pub(super) fn fence_proofs(&self) -> impl Iterator<Item = &Proven> {
        self.proofs.iter().filter(|proven| {
            matches!(
                proven.proof,
                Proof::PartnerAnsweredPing
                    | Proof::PartnerReturnedMessage { .. }
                    | Proof::PartnerDescribedItself
            )
        })
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

    pub(super) fn into_delivery(self, outcome: Result<Evidence, crate::xmpp::Fault>) -> Delivery {
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
pub(super) fn is_receivers(bounce: &Bounce, fence: &Fence) -> bool {
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
