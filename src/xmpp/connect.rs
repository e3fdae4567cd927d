//! Connect (RFC 6120, section 3.1; RFC 8305): a TCP connection to the first target that answers.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::resolve::Kind;
use super::trace::list;

/// One try to reach one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The target's host, as Resolve found it.
    pub host: String,
    /// The address.
    pub address: SocketAddr,
    /// How TLS begins there.
    pub kind: Kind,
    /// How long it took to the outcome.
    pub duration: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a try to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is connected.
    Connected,
    /// The host answers, and nobody listens on the port.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No route to the network or the host.
    Unreachable,
    /// The connection was reset while it was made.
    Reset,
    /// This machine does not let us.
    Denied,
    /// Another address answered first.
    Abandoned,
    /// Something else that the system said.
    Failed {
        /// Its words.
        error: String,
    },
}

/// What can go wrong in Connect. Every variant holds all the attempts, in the order of their outcomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Every address refused.
    #[error("refused: {}", list(attempts))]
    Refused {
        /// The attempts.
        attempts: Vec<Attempt>,
    },
    /// No address answered in time.
    #[error("no answer: {}", list(attempts))]
    Silent {
        /// The attempts.
        attempts: Vec<Attempt>,
    },
    /// There is no route to any address.
    #[error("unreachable: {}", list(attempts))]
    Unreachable {
        /// The attempts.
        attempts: Vec<Attempt>,
    },
    /// The attempts failed in other ways, or in different ones.
    #[error("not connected: {}", list(attempts))]
    Mixed {
        /// The attempts.
        attempts: Vec<Attempt>,
    },
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {} after {:.1?}", self.address, self.host, self.outcome, self.duration)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Refused => f.write_str("refused"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Reset => f.write_str("reset"),
            Self::Denied => f.write_str("denied by this machine"),
            Self::Abandoned => f.write_str("abandoned"),
            Self::Failed { error } => write!(f, "failed: {error}"),
        }
    }
}
