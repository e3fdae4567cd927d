//! The outcome of a delivery as facts: what was proven, what came back, and the faults of Deliver.

use std::time::Duration;

use super::late::TakenMessage;
use super::proof::Proven;
use crate::topology::Evidence;
use crate::xmpp::condition::StanzaError;
use crate::xmpp::message::TestMessage;
use crate::xmpp::session::Party;
use crate::xmpp::xml::PassedOver;

/// The outcome of the delivery of one message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message.
    pub probe: TestMessage,
    /// The level that is reached or the reason why the one that was asked for is not.
    pub outcome: Result<Evidence, crate::xmpp::Fault>,
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
