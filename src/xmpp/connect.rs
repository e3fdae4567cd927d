//! Connect (RFC 6120, section 3.1; RFC 8305): a TCP connection to the first target that answers.
//!
//! Runs after `resolve`, and again when a target that answered turns out to be of no use. Every
//! attempt is kept, with its outcome. Sends nothing.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::resolve::{Endpoint, Target, TlsStart};
use super::trace::{Fact, Trace, list};

/// The targets that are left to try, in order.
#[derive(Debug)]
pub struct Dialling {
    candidates: Vec<ConnectCandidate>,
    attempts: Vec<ConnectAttempt>,
}

/// One address of one target.
#[derive(Clone, Debug)]
struct ConnectCandidate {
    target: Target,
    address: SocketAddr,
}

/// A target that answered.
#[derive(Debug)]
pub struct Connected {
    /// The target.
    pub target: Target,
    /// Its address.
    pub address: SocketAddr,
    /// The connection.
    pub wire: RecordedTcp,
}

impl Dialling {
    /// Begins with all the targets that Resolve found.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let candidates = endpoints.into_iter().flat_map(|Endpoint { target, addresses }| {
            addresses.into_iter().map(move |address| ConnectCandidate {
                address: SocketAddr::new(address, target.port),
                target: target.clone(),
            })
        });
        Self { candidates: candidates.collect(), attempts: Vec::new() }
    }

    /// Whether every target has been tried.
    pub fn is_over(&self) -> bool {
        self.candidates.is_empty()
    }

    /// Connects the next target that answers before `until`. Priority groups are tried one after
    /// the other and share the time that is left; the addresses of one group race, each with a
    /// head start over the next.
    ///
    /// # Errors
    /// When none of those that are left answers: all attempts since the beginning.
    pub async fn next(&mut self, until: Instant, trace: &mut Trace) -> Result<Connected, Fault> {
        while let Some(group) = self.take_group() {
            let n_groups = 1 + self.n_groups();
            let left = until.saturating_duration_since(Instant::now());
            let until = Instant::now() + left / n_groups;
            if let Some(connected) = self.race(group, until, trace).await {
                trace.learn(Fact::Connected { target: connected.target.clone(), address: connected.address });
                return Ok(connected);
            }
        }
        Err(Fault::new(self.attempts.clone()))
    }

    /// Takes the addresses of the best priority out of those that are left.
    fn take_group(&mut self) -> Option<Vec<ConnectCandidate>> {
        let priority = self.candidates.first()?.target.priority;
        let end = self.candidates.iter().position(|candidate| candidate.target.priority != priority);
        Some(self.candidates.drain(..end.unwrap_or(self.candidates.len())).collect())
    }

    fn n_groups(&self) -> u32 {
        let mut priorities: Vec<_> =
            self.candidates.iter().map(|candidate| candidate.target.priority).collect();
        priorities.dedup();
        u32::try_from(priorities.len()).unwrap_or(u32::MAX - 1)
    }

    /// Races the addresses of one group (RFC 8305, section 5). What the winner leaves untried goes back.
    async fn race(
        &mut self,
        group: Vec<ConnectCandidate>,
        until: Instant,
        trace: &mut Trace,
    ) -> Option<Connected> {
        let mut running = FuturesUnordered::new();
        // Those that run; an outcome takes them out.
        let mut started: Vec<Option<RunningAttempt>> = Vec::new();
        let mut waiting = group.into_iter();
        let mut start_next = Instant::now();
        loop {
            let may_start = waiting.len() > 0;
            tokio::select! {
                biased;
                Some(outcome) = running.next() => {
                    let (index, result): (usize, io::Result<TcpStream>) = outcome;
                    let Some(decided) = started[index].take() else { continue };
                    match result {
                        Ok(tcp) => {
                            self.report(&decided, ConnectOutcome::Connected, trace);
                            drop(running);
                            let ConnectCandidate { target, address } = decided.candidate;
                            self.put_back(&target, started, waiting, trace);
                            return Some(Connected { target, address, wire: RecordedTcp::new(tcp) });
                        }
                        Err(error) => {
                            self.report(&decided, ConnectOutcome::of(&error), trace);
                            if running.is_empty() && !may_start {
                                return None;
                            }
                            // A failure starts the next one at once.
                            start_next = Instant::now();
                        }
                    }
                }
                () = reached(start_next), if may_start => {
                    let Some(candidate) = waiting.next() else { continue };
                    let (index, address) = (started.len(), candidate.address);
                    started.push(Some(RunningAttempt { candidate, began: Instant::now() }));
                    running.push(dial(index, address));
                    start_next = Instant::now() + STAGGER;
                }
                () = sleep_until(until) => {
                    for undecided in started.iter().flatten() {
                        self.report(undecided, ConnectOutcome::TimedOut, trace);
                    }
                    return None;
                }
            }
        }
    }

    /// Keeps for later what may still be of use when the winner is not: the other targets' addresses
    /// that have not failed.
    fn put_back(
        &mut self,
        winner: &Target,
        started: Vec<Option<RunningAttempt>>,
        waiting: impl Iterator<Item = ConnectCandidate>,
        trace: &mut Trace,
    ) {
        let mut rest = Vec::new();
        for undecided in started.into_iter().flatten() {
            self.report(&undecided, ConnectOutcome::Abandoned, trace);
            rest.push(undecided.candidate);
        }
        rest.extend(waiting);
        rest.retain(|candidate| candidate.target != *winner);
        self.candidates.splice(0..0, rest);
    }

    fn report(
        &mut self,
        RunningAttempt { candidate, began }: &RunningAttempt,
        outcome: ConnectOutcome,
        trace: &mut Trace,
    ) {
        let attempt = ConnectAttempt {
            host: candidate.target.host.clone(),
            address: candidate.address,
            kind: candidate.target.kind,
            duration: began.elapsed(),
            outcome,
        };
        trace.learn(Fact::Attempted(attempt.clone()));
        self.attempts.push(attempt);
    }
}

/// Waits for a time that may be now: a timer would round it up to the next millisecond.
async fn reached(time: Instant) {
    if time > Instant::now() {
        sleep_until(time).await;
    }
}

async fn dial(index: usize, address: SocketAddr) -> (usize, io::Result<TcpStream>) {
    (index, TcpStream::connect(address).await)
}

/// A try that has begun.
struct RunningAttempt {
    candidate: ConnectCandidate,
    began: Instant,
}

/// A TCP connection, tuned for short questions and answers.
///
/// Small writes leave at once (`TCP_NODELAY`), and what was read is acknowledged at once. It
/// remembers the first bytes that came in, for the case that they are not what was expected.
#[derive(Debug)]
pub struct RecordedTcp {
    tcp: TcpStream,
    opening: Vec<u8>,
}

impl RecordedTcp {
    fn new(tcp: TcpStream) -> Self {
        // Without it the connection is slower, and no less right.
        drop(tcp.set_nodelay(true));
        Self { tcp, opening: Vec::new() }
    }

    /// The first bytes that came in, at most 64, since the beginning or `forget_opening`.
    pub fn opening(&self) -> &[u8] {
        &self.opening
    }

    /// Begins to remember anew: what comes now speaks another protocol.
    pub(super) fn forget_opening(&mut self) {
        self.opening.clear();
    }
}

impl AsyncRead for RecordedTcp {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut wire.tcp).poll_read(cx, buf))?;
        let read = &buf.filled()[before..];
        let room = OPENING.saturating_sub(wire.opening.len());
        wire.opening.extend_from_slice(&read[..read.len().min(room)]);
        acknowledge(&wire.tcp);
        Poll::Ready(Ok(()))
    }
}

/// Acknowledges what was read without delay. The kernel forgets the option, so it is set each time.
///
/// COMPAT: Prosody writes its answers in pieces, and its kernel holds the second piece back until the
/// first is acknowledged, which ours would delay by 40 ms: a logon took 49 ms at best, and takes 9.
#[cfg(target_os = "linux")]
fn acknowledge(tcp: &TcpStream) {
    drop(socket2::SockRef::from(tcp).set_tcp_quickack(true));
}

#[cfg(not(target_os = "linux"))]
fn acknowledge(_: &TcpStream) {}

impl AsyncWrite for RecordedTcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}

/// One try to reach one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectAttempt {
    /// The target's host, as Resolve found it.
    pub host: String,
    /// The address.
    pub address: SocketAddr,
    /// The way in which TLS begins at the address.
    pub kind: TlsStart,
    /// The time that the attempt took to its outcome.
    pub duration: Duration,
    /// The outcome of the attempt.
    pub outcome: ConnectOutcome,
}

/// The outcome of an attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectOutcome {
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

/// The faults that can occur in Connect. Every variant holds all the attempts, in the order of their outcomes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Every address refused.
    #[error("refused: {}", list(attempts))]
    Refused {
        /// The attempts.
        attempts: Vec<ConnectAttempt>,
    },
    /// No address answered in time.
    #[error("no answer: {}", list(attempts))]
    Silent {
        /// The attempts.
        attempts: Vec<ConnectAttempt>,
    },
    /// There is no route to any address.
    #[error("unreachable: {}", list(attempts))]
    Unreachable {
        /// The attempts.
        attempts: Vec<ConnectAttempt>,
    },
    /// The attempts failed in other ways, or in different ones.
    #[error("not connected: {}", list(attempts))]
    Mixed {
        /// The attempts.
        attempts: Vec<ConnectAttempt>,
    },
}

impl ConnectOutcome {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind as TlsStart;
        let outcomes = [
            (TlsStart::ConnectionRefused, Self::Refused),
            (TlsStart::TimedOut, Self::TimedOut),
            (TlsStart::NetworkUnreachable, Self::Unreachable),
            (TlsStart::HostUnreachable, Self::Unreachable),
            (TlsStart::AddrNotAvailable, Self::Unreachable),
            (TlsStart::ConnectionReset, Self::Reset),
            (TlsStart::PermissionDenied, Self::Denied),
        ];
        let known =
            outcomes.into_iter().find_map(|(kind, outcome)| (kind == error.kind()).then_some(outcome));
        known.unwrap_or_else(|| Self::Failed { error: error.to_string() })
    }
}

impl Fault {
    /// The fault that the attempts amount to. Those that were abandoned, or that connected and were
    /// of no use, say nothing about it.
    fn new(attempts: Vec<ConnectAttempt>) -> Self {
        let all = |wanted: &ConnectOutcome| {
            let mut decided = attempts
                .iter()
                .map(|attempt| &attempt.outcome)
                .filter(|o| **o != ConnectOutcome::Abandoned)
                .peekable();
            decided.peek().is_some() && decided.all(|outcome| outcome == wanted)
        };
        if all(&ConnectOutcome::Refused) {
            Self::Refused { attempts }
        } else if all(&ConnectOutcome::TimedOut) {
            Self::Silent { attempts }
        } else if all(&ConnectOutcome::Unreachable) {
            Self::Unreachable { attempts }
        } else {
            Self::Mixed { attempts }
        }
    }

    /// The attempts.
    pub fn attempts(&self) -> &[ConnectAttempt] {
        match self {
            Self::Refused { attempts }
            | Self::Silent { attempts }
            | Self::Unreachable { attempts }
            | Self::Mixed { attempts } => attempts,
        }
    }
}

impl fmt::Display for ConnectAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) {} after {:.1?}", self.address, self.host, self.outcome, self.duration)
    }
}

impl fmt::Display for ConnectOutcome {
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

/// The head start of one address over the next (RFC 8305, section 8).
const STAGGER: Duration = Duration::from_millis(250);

/// The number of first bytes that a connection remembers.
const OPENING: usize = 64;
