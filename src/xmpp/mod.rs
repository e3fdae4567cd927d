//! The client path: from a pool's name to a message that somebody received.
//!
//! One file per phase, listed in wire order; [`Phase`] names them. Knows no cmdlet and no words
//! for people: a fault is a fact with evidence, and `diagnosis` says what it means.

pub mod trace;
pub mod network;
pub mod resolve;
pub mod dns;
pub mod connect;
pub mod secure;
pub mod certificate;
pub mod xml;
pub mod condition;
pub mod stream;
pub mod sasl;
pub mod bind;
pub mod message;
pub mod session;
pub mod deliver;

use std::fmt;
use std::time::Duration;

/// The phases of a verification, in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Find the pool's servers in DNS.
    Resolve,
    /// Reach one of them over TCP.
    Connect,
    /// Encrypt the connection and check who is at its other end.
    Secure,
    /// Prove who we are, and let the server prove itself.
    Authenticate,
    /// Get a resource.
    Bind,
    /// Write the message.
    Send,
    /// Wait for the evidence.
    Deliver,
}

impl Phase {
    /// Every phase, in wire order.
    pub const ALL: [Self; 7] = [
        Self::Resolve,
        Self::Connect,
        Self::Secure,
        Self::Authenticate,
        Self::Bind,
        Self::Send,
        Self::Deliver,
    ];

    /// The phase's one name, in results, codes and help.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "Resolve",
            Self::Connect => "Connect",
            Self::Secure => "Secure",
            Self::Authenticate => "Authenticate",
            Self::Bind => "Bind",
            Self::Send => "Send",
            Self::Deliver => "Deliver",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How long each phase may take, and all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For Resolve.
    pub resolve: Duration,
    /// For Connect.
    pub connect: Duration,
    /// For Secure.
    pub secure: Duration,
    /// For Authenticate.
    pub authenticate: Duration,
    /// For Bind.
    pub bind: Duration,
    /// For Send and Deliver.
    pub deliver: Duration,
    /// For everything, from the start of Resolve to the evidence.
    pub whole: Duration,
}

impl Deadlines {
    /// The deadline of one phase; Send shares that of Deliver.
    pub fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Resolve => self.resolve,
            Phase::Connect => self.connect,
            Phase::Secure => self.secure,
            Phase::Authenticate => self.authenticate,
            Phase::Bind => self.bind,
            Phase::Send | Phase::Deliver => self.deliver,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            secure: Duration::from_secs(10),
            authenticate: Duration::from_secs(10),
            bind: Duration::from_secs(5),
            deliver: Duration::from_secs(30),
            whole: Duration::from_secs(60),
        }
    }
}

/// Why an attempt came to nothing, with the phase that knows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The pool's servers were not found.
    #[error(transparent)]
    Resolve(#[from] resolve::Fault),
    /// None of them could be reached.
    #[error(transparent)]
    Connect(#[from] connect::Fault),
    /// The connection could not be encrypted, or its other end is not who it should be.
    #[error(transparent)]
    Secure(#[from] secure::Fault),
    /// The stream ended or was broken, in Secure or later.
    #[error(transparent)]
    Stream(#[from] stream::Fault),
    /// The server refused us, or did not prove itself.
    #[error(transparent)]
    Authenticate(#[from] sasl::Fault),
    /// The stream got no address.
    #[error(transparent)]
    Bind(#[from] bind::Fault),
    /// The message could not be written.
    #[error(transparent)]
    Send(#[from] message::Fault),
    /// The evidence that was asked for did not come.
    #[error(transparent)]
    Deliver(#[from] deliver::Fault),
    /// A phase, or the whole, was not done in time.
    #[error("{phase} was not done after {after:?}")]
    Deadline {
        /// The phase at work when time ran out.
        phase: Phase,
        /// The deadline that passed: the phase's own, or that of the whole.
        after: Duration,
    },
    /// The caller ended the attempt.
    #[error("cancelled")]
    Cancelled,
}
