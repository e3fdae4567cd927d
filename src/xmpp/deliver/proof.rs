//! The proofs of how far a message or a ping came, and the level of evidence that each bears.

use std::fmt;
use std::time::Duration;

use jid::Jid;

use crate::topology::Evidence;
use crate::xmpp::condition::StanzaError;

/// A proof, and when it came, counted from the start of Send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The kind of proof.
    pub proof: Proof,
    /// The time after which the proof came.
    pub after: Duration,
}

/// A proof of how far a message, or a ping that is sent alone, came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was written to the pool's stream.
    WrittenToStream,
    /// The pool's count of stanzas covers it (XEP-0198).
    PoolAcknowledged,
    /// The pool answered a ping that was sent behind it.
    PoolAnsweredPing,
    /// The receiver's domain answered a ping that was sent behind it.
    PartnerAnsweredPing,
    /// The receiver's domain answered that ping with an error which only it can have made.
    PartnerErrorToPing {
        /// The error.
        error: StanzaError,
    },
    /// The domain that was pinged alone answered.
    Pong,
    /// The domain that was pinged alone answered with an error which only it can have made.
    ErrorForPong {
        /// The error.
        error: StanzaError,
    },
    /// The receiver's domain sent back a message that was sent behind it, or answered that.
    PartnerReturnedMessage {
        /// The error that it came back with.
        error: Option<StanzaError>,
    },
    /// The pool sent back a message to its own domain that was sent behind it.
    PoolReturnedMessage,
    /// The receiver's domain described itself (XEP-0030) to a question behind it.
    PartnerDescribedItself,
    /// A receipt came from a client of the receiver (XEP-0184).
    Receipt {
        /// The client.
        from: Jid,
    },
    /// A client of the receiver sent a message with our nonce.
    Echo {
        /// The client.
        from: Jid,
    },
    /// Our own session at the receiver's end saw it.
    SeenBySecondSession,
    /// The answer of that session came back.
    AnswerFromSecondSession,
}

impl Proof {
    /// The level that it proves.
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::WrittenToStream => Evidence::Sent,
            Self::PoolAcknowledged | Self::PoolAnsweredPing | Self::PoolReturnedMessage => {
                Evidence::AcceptedByPool
            }
            Self::PartnerAnsweredPing
            | Self::PartnerErrorToPing { .. }
            | Self::Pong
            | Self::ErrorForPong { .. }
            | Self::PartnerReturnedMessage { .. }
            | Self::PartnerDescribedItself => Evidence::AcceptedByPartner,
            Self::Receipt { .. } | Self::SeenBySecondSession => Evidence::Delivered,
            Self::Echo { .. } | Self::AnswerFromSecondSession => Evidence::Exchanged,
        }
    }
}

impl Proof {
    /// Whether it shows that questions and their answers pass to the receiver's domain and back.
    pub(super) fn is_ping_of_partner(&self) -> bool {
        matches!(
            self,
            Self::PartnerAnsweredPing | Self::PartnerErrorToPing { .. } | Self::PartnerDescribedItself
        )
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrittenToStream => f.write_str("written to the pool's stream"),
            Self::PoolAcknowledged => f.write_str("acknowledged by the pool"),
            Self::PoolAnsweredPing => f.write_str("the pool answered a ping behind it"),
            Self::PartnerAnsweredPing => f.write_str("the receiver's domain answered a ping behind it"),
            Self::PartnerErrorToPing { error } => {
                write!(f, "the receiver's domain answered a ping behind it with {error}")
            }
            Self::Pong => f.write_str("the domain answered the ping"),
            Self::ErrorForPong { error } => write!(f, "the domain answered the ping with {error}"),
            Self::PartnerReturnedMessage { error: Some(error) } => {
                write!(f, "the receiver's domain sent back a message behind it with {error}")
            }
            Self::PartnerReturnedMessage { error: None } => {
                f.write_str("the receiver's domain answered a message behind it")
            }
            Self::PoolReturnedMessage => f.write_str("the pool sent back a message to itself behind it"),
            Self::PartnerDescribedItself => {
                f.write_str("the receiver's domain answered a question behind it")
            }
            Self::Receipt { from } => write!(f, "receipt from {from}"),
            Self::Echo { from } => write!(f, "echo from {from}"),
            Self::SeenBySecondSession => f.write_str("seen by the receiver's session"),
            Self::AnswerFromSecondSession => f.write_str("the answer of the receiver's session came back"),
        }
    }
}
