//! Questions of a session that wait for their answers, and whose answer counts.

use std::collections::HashMap;

use jid::{BareJid, FullJid, Jid};
use tokio::sync::oneshot;

use super::task::InFlight;
use crate::xmpp::condition::StanzaError;
use crate::xmpp::xml::Element;

/// The party that waits for the answer to a request.
pub(super) enum Waiting {
    Fence { probe: String, from: String },
    Pool { probe: String },
    PoolLater { probe: String },
    PartnerLater { probe: String, from: String },
    Description { probe: String, from: String },
    PartnerSoftware { probe: String, from: String },
    Software,
    SignOfLife,
    Caller { from: String, reply: oneshot::Sender<Result<Element, StanzaError>> },
}

impl Waiting {
    /// Whether an answer comes from whom was asked (RFC 6120, section 8.1.2.1). Only for our own
    /// server may it come without a sender, or from our own account.
    pub(super) fn is_from(&self, iq: &Element, own: &FullJid) -> bool {
        let said = iq.attribute("from");
        let is = |asked: &str| {
            said.is_some_and(|said| {
                said == asked
                    || match (Jid::new(said), Jid::new(asked)) {
                        (Ok(said), Ok(asked)) => said == asked,
                        _ => false,
                    }
            })
        };
        let is_own = |asked: &str| {
            asked == own.domain().as_str()
                && said.is_none_or(|said| BareJid::new(said).is_ok_and(|said| said == own.to_bare()))
        };
        match self {
            Self::Fence { from, .. }
            | Self::PartnerLater { from, .. }
            | Self::Description { from, .. }
            | Self::PartnerSoftware { from, .. } => is(from),
            Self::Pool { .. } | Self::PoolLater { .. } | Self::Software | Self::SignOfLife => {
                is(own.domain().as_str()) || is_own(own.domain().as_str())
            }
            Self::Caller { from, .. } => is(from) || is_own(from),
        }
    }

    pub(super) fn is_given_up(&self, in_flight: &HashMap<String, InFlight>) -> bool {
        match self {
            Self::Fence { probe, .. }
            | Self::Pool { probe }
            | Self::PoolLater { probe }
            | Self::PartnerLater { probe, .. }
            | Self::Description { probe, .. }
            | Self::PartnerSoftware { probe, .. } => !in_flight.contains_key(probe),
            Self::Software | Self::SignOfLife => false,
            Self::Caller { reply, .. } => reply.is_closed(),
        }
    }
}
