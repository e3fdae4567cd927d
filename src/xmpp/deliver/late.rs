//! The meaning of late news of a message (see `session::late`).

use std::time::{Duration, Instant};

use super::origin::MessageEnds;
use super::verdict::is_receivers;
use super::{Bounce, Fault, Fence, Order};
use crate::xmpp::message::Sign;
use crate::xmpp::session::LateSign;

/// The facts about a message that the partner's server has taken, to judge by what comes back later.
#[derive(Clone, Debug)]
pub struct TakenMessage {
    pub(super) id: String,
    pub(super) started: Instant,
    pub(super) ends: MessageEnds,
    pub(super) fence: Fence,
}

impl TakenMessage {
    /// The message's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the time from the start of Send to the arrival of a sign.
    pub fn after(&self, late: &LateSign) -> Duration {
        late.at.saturating_duration_since(self.started)
    }

    /// Returns the fault that the late news mean; `None` where they mean none.
    pub fn fault(&self, late: &LateSign) -> Option<Fault> {
        match &late.sign {
            Sign::Bounce { error, from } => {
                let origin = self.ends.origin(error, from);
                let (error, from, after) = (error.clone(), from.clone(), self.after(late));
                let bounce = Box::new(Bounce { error, from, origin, after, order: Order::BehindFence });
                let fence = self.fence.clone();
                Some(if is_receivers(&bounce, &fence) {
                    Fault::ReceiverUnavailable { bounce }
                } else {
                    Fault::Bounced { bounce, fence }
                })
            }
            Sign::Held { words } => Some(Fault::Held { words: words.clone() }),
            Sign::Receipt { .. } | Sign::Answer { .. } => None,
        }
    }
}
