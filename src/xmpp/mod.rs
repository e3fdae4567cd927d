//! The client path: from a pool's name to a message that somebody received.
//!
//! One file per phase, listed in wire order; [`Phase`] names them, and [`connect`](connect()) goes
//! through those of a logon. Knows no cmdlet and no words for people: a fault is a fact with
//! evidence, and `diagnosis` says what it means.

pub mod trace;
pub mod wire;
pub mod network;
pub mod resolve;
pub mod dns;
pub mod connect;
pub mod offline;
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
pub mod federation;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use self::certificate::{CertificateIdentity, CertificateRole};
use self::connect::{Connected, Dialling, RecordedTcp};
use self::network::{Network, Trust};
use self::resolve::{Endpoint, PoolQuery, TlsStart};
use self::sasl::Login;
use self::secure::{ClientCertificate, Handshake, VerifiedTls};
use self::session::{Upkeep, XmppSession};
use self::stream::{Plain, Secured, Stream};
use self::trace::{Fact, Trace};
use crate::topology::{Security, Server};

/// Everything that a logon needs to know beforehand.
#[derive(Clone, Debug)]
pub struct LogonRequest {
    /// The pool.
    pub pool_fqdn: String,
    /// Its servers, where the topology lists them.
    pub servers: Vec<Server>,
    /// Its port, where one was given.
    pub registrar_port: Option<u16>,
    /// The kinds of TLS that it may be reached by.
    pub security: Security,
    /// The issuers whose certificates are trusted.
    pub trust: Trust,
    /// Whether its certificate may name the pool in the place of the sender's domain.
    pub pool_name: PoolName,
    /// The account that logs on. Its domain is the one that the stream is opened to.
    pub login: Login,
    /// The certificate that proves who they are, where the pool asks for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The time that the logon may take.
    pub deadlines: Deadlines,
}

/// Whether a certificate may name the pool in the place of the sender's domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PoolName {
    /// It may: an administrator wrote the pool's name into the topology.
    Trusted,
    /// It may not.
    #[default]
    NotTrusted,
}

/// Logs on: every phase up to Bind, each within its deadline, and all of them within the whole and
/// within the time for a logon, counted from the beginning of the trace. Looks beside them where the sender's domain leads by
/// its own records, as far as there is time, and behind them whether this machine is off line, where
/// that would explain the fault.
///
/// # Errors
/// The fault of the phase that failed; what was learned until then is in the trace.
pub async fn connect(
    logon: &LogonRequest,
    network: &Network,
    trace: &mut Trace,
    cancel: &CancellationToken,
) -> Result<XmppSession, Fault> {
    let whole = logon.deadlines.whole.min(logon.deadlines.establish);
    let until = Instant::from_std(trace.began()) + whole;
    let place = logon.place();
    let mut beside = pin!(resolve::own_records(&place, network));
    let mut own_records = None;
    let outcome = {
        let mut log_on = pin!(timeout_at(until, log_on(logon, network, trace)));
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break Ok(Err(Fault::Cancelled)),
                outcome = &mut log_on => break outcome,
                found = &mut beside, if own_records.is_none() => own_records = Some(found),
            }
        }
    };
    trace.end();
    // From here on what crosses belongs to the session, which messages share.
    trace.leave_wire();
    // What explains a fault has the time that is left, and a moment where none is.
    let over_at = until.max(Instant::now()) + resolve::GRACE;
    if own_records.is_none() && matches!(&outcome, Ok(Err(fault)) if *fault != Fault::Cancelled) {
        // It may say why; only a success does not wait for it.
        own_records = timeout(resolve::GRACE, beside).await.ok();
    }
    if let Some(Some(found)) = own_records {
        let records = found.compare(&place, trace);
        trace.learn_beside(Phase::Resolve, Fact::Domain(records));
    }
    let at_work = trace.steps().last().map_or(Phase::Resolve, |step| step.phase);
    let outcome = outcome.unwrap_or(Err(Fault::Deadline { phase: at_work, after: whole }));
    if let Err(fault) = &outcome {
        let look = timeout_at(over_at, offline::look(fault, place.domain, network, trace));
        let offline = cancel.run_until_cancelled(look).await.and_then(Result::ok).flatten();
        if let Some(offline) = offline {
            trace.learn_beside(at_work, Fact::Offline(offline));
        } else if let Some(fact) = look_again(fault, logon, network, trace, over_at, cancel).await {
            trace.learn_beside(at_work, fact);
        }
    }
    outcome
}

/// A second look at what may be chance, or somebody else's, where there is time for it.
async fn look_again(
    fault: &Fault,
    logon: &LogonRequest,
    network: &Network,
    trace: &Trace,
    over_at: Instant,
    cancel: &CancellationToken,
) -> Option<Fact> {
    let again = async {
        match fault {
            Fault::Secure(secure::Fault::Injected { .. }) => {
                injects_again(logon, network).await.then_some(Fact::InjectedAgain)
            }
            Fault::Stream(fault) if is_without_a_word(fault, trace) => {
                let endpoint = connected_last(trace)?;
                let identity = logon.identity().ok()?;
                let speaks = federation::speaks_tls_at_once(endpoint, &identity, &logon.trust, network).await;
                speaks.then_some(Fact::SpeaksTls)
            }
            Fault::Resolve(fault) if fault.is_silence() => {
                offline::resolver_answers(network).await.then_some(Fact::ResolverAnswers)
            }
            Fault::Secure(_)
            | Fault::Resolve(_)
            | Fault::Connect(_)
            | Fault::Stream(_)
            | Fault::Authenticate(_)
            | Fault::Bind(_)
            | Fault::Send(_)
            | Fault::Deliver(_)
            | Fault::Deadline { .. }
            | Fault::Cancelled => None,
        }
    };
    let until = over_at.min(Instant::now() + SECOND_LOOK);
    cancel.run_until_cancelled(timeout_at(until, again)).await.and_then(Result::ok).flatten()
}

/// Whether a server left before it said anything in the clear.
fn is_without_a_word(fault: &stream::Fault, trace: &Trace) -> bool {
    let has_left =
        matches!(fault, stream::Fault::Xml(xml::Fault::Ended { n_unread: 0 } | xml::Fault::Broken { .. }));
    let step = trace.steps().last();
    has_left
        && step.is_some_and(|step| {
            step.phase == Phase::Secure && !step.facts.iter().any(|fact| matches!(fact, Fact::Header { .. }))
        })
}

/// Returns the endpoint of the last connection, if STARTTLS was to follow.
fn connected_last(trace: &Trace) -> Option<Endpoint> {
    trace.facts().rev().find_map(|(_, fact)| {
        let Fact::Connected { target, address } = fact else { return None };
        (target.kind == TlsStart::StartTls)
            .then(|| Endpoint { target: target.clone(), addresses: vec![address.ip()] })
    })
}

/// Whether a connection of its own meets plain text behind `<proceed/>` as well: then it is the server's.
async fn injects_again(logon: &LogonRequest, network: &Network) -> bool {
    let mut trace = Trace::new();
    let Ok(endpoints) = resolve::pool(&logon.place(), network, &mut trace).await else { return false };
    let until = Instant::now() + SECOND_LOOK;
    let Ok(connected) = Dialling::new(endpoints).next(until, &mut trace).await else { return false };
    let domain = logon.login.account.domain();
    let Ok(stream) = Stream::<_, Plain>::open(connected.wire, domain.as_str(), &mut trace).await else {
        return false;
    };
    matches!(stream.start_tls(&mut trace).await, Err(Fault::Secure(secure::Fault::Injected { .. })))
}

/// The time that a second look may take.
const SECOND_LOOK: Duration = Duration::from_secs(3);

async fn log_on(logon: &LogonRequest, network: &Network, trace: &mut Trace) -> Result<XmppSession, Fault> {
    let deadlines = &logon.deadlines;
    trace.begin(Phase::Resolve);
    let endpoints = within(Phase::Resolve, deadlines, resolve::pool(&logon.place(), network, trace)).await?;
    let stream = first_of(endpoints, logon, network, trace).await?;
    trace.begin(Phase::Authenticate);
    let authenticate = sasl::authenticate(stream, &logon.login, network.keys(), trace);
    let stream = within(Phase::Authenticate, deadlines, authenticate).await?;
    trace.begin(Phase::Bind);
    let stream = within(Phase::Bind, deadlines, bind::bind(stream, trace)).await?;
    Ok(XmppSession::start(stream, deadlines.upkeep))
}

/// Connects and secures one target after the other, until one will do. The first one's fault is the
/// one that counts: clients try it first.
async fn first_of(
    endpoints: Vec<Endpoint>,
    logon: &LogonRequest,
    network: &Network,
    trace: &mut Trace,
) -> Result<Stream<VerifiedTls<TlsStream<RecordedTcp>>, Secured>, Fault> {
    let deadlines = &logon.deadlines;
    let mut dialling = Dialling::new(endpoints);
    let mut first_fault = None;
    let mut n_redirects = 0;
    loop {
        trace.begin(Phase::Connect);
        let connected = match dialling.next(Instant::now() + deadlines.connect, trace).await {
            Ok(connected) => connected,
            Err(fault) => return Err(first_fault.unwrap_or(fault.into())),
        };
        let target = connected.target.clone();
        trace.begin(Phase::Secure);
        let fault = match within(Phase::Secure, deadlines, secured(connected, logon, network, trace)).await {
            Ok(stream) => return Ok(stream),
            Err(fault) => fault,
        };
        if let Fault::Stream(stream::Fault::SeeOtherHost { host, port }) = &fault
            && n_redirects < MAX_REDIRECTS
        {
            n_redirects += 1;
            trace.learn(Fact::TargetFailed { target, fault: Box::new(fault.clone()) });
            trace.begin(Phase::Resolve);
            let elsewhere = resolve::elsewhere(host, *port, logon.security, network, trace);
            dialling = match within(Phase::Resolve, deadlines, elsewhere).await {
                Ok(endpoints) => Dialling::new(endpoints),
                // The mistake is the server's, and not in what we were told to test.
                Err(Fault::Resolve(resolve::Fault::BadName { .. })) => return Err(fault),
                Err(other) => return Err(other),
            };
            continue;
        }
        if !fault.is_of_one_target() {
            return Err(fault);
        }
        if dialling.is_over() {
            return Err(first_fault.unwrap_or(fault));
        }
        trace.learn(Fact::TargetFailed { target, fault: Box::new(fault.clone()) });
        first_fault.get_or_insert(fault);
    }
}

/// Encrypts a connection in the way of its target, and opens the stream behind it.
async fn secured(
    Connected { target, wire, .. }: Connected,
    logon: &LogonRequest,
    network: &Network,
    trace: &mut Trace,
) -> Result<Stream<VerifiedTls<TlsStream<RecordedTcp>>, Secured>, Fault> {
    let account = &logon.login.account;
    let wire = match target.kind {
        TlsStart::Direct => wire,
        TlsStart::StartTls => {
            let domain = account.domain().as_str();
            let stream =
                Stream::<_, Plain>::open_concealing(wire, domain, logon.login.secrets(), trace).await?;
            stream.start_tls(trace).await?
        }
    };
    let handshake = Handshake {
        identity: &logon.identity()?,
        trust: &logon.trust,
        kind: target.kind,
        client_certificate: logon.client_certificate.as_ref(),
    };
    let verified = secure::verify(wire, &handshake, network, trace).await?;
    Stream::<_, Secured>::open_concealing(verified, account, logon.login.secrets(), trace).await
}

impl LogonRequest {
    /// Returns the query by which the pool is looked for.
    pub fn place(&self) -> PoolQuery<'_> {
        PoolQuery {
            pool: &self.pool_fqdn,
            servers: &self.servers,
            registrar_port: self.registrar_port,
            security: self.security,
            domain: self.login.account.domain().as_str(),
        }
    }

    fn identity(&self) -> Result<CertificateIdentity, Fault> {
        let host = match self.pool_name {
            PoolName::Trusted => Some(dns::a_label(&self.pool_fqdn)?),
            PoolName::NotTrusted => None,
        };
        Ok(CertificateIdentity {
            domain: dns::a_label(self.login.account.domain().as_str())?,
            host,
            role: CertificateRole::Client,
        })
    }
}

/// Does a phase's work within the phase's deadline.
async fn within<T, E: Into<Fault>>(
    phase: Phase,
    deadlines: &Deadlines,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault> {
    let after = deadlines.of(phase);
    match timeout(after, work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Fault::Deadline { phase, after }),
    }
}

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

/// The time that each phase may take, and all of them together.
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
    /// For a logon, from the start of Resolve to the end of Bind.
    pub establish: Duration,
    /// The way in which the session behind a logon is kept.
    pub upkeep: Upkeep,
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
            establish: Duration::from_secs(60),
            upkeep: Upkeep::default(),
        }
    }
}

/// The reason why an attempt failed, with the phase that knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

impl Fault {
    /// Whether another target of the same pool may do better. What a certificate shows is not to be
    /// passed over, and our own mistakes would only be repeated.
    fn is_of_one_target(&self) -> bool {
        match self {
            Self::Secure(fault) => match fault {
                secure::Fault::HandshakeRefused { .. }
                | secure::Fault::TooOld { .. }
                | secure::Fault::NotTls { .. }
                | secure::Fault::SpeaksTls
                | secure::Fault::NoStartTls
                | secure::Fault::StartTlsFailed
                | secure::Fault::Closed
                | secure::Fault::Reset
                | secure::Fault::Handshake { .. } => true,
                secure::Fault::Certificate(_)
                | secure::Fault::Injected { .. }
                | secure::Fault::CaFile { .. }
                | secure::Fault::NoRoots { .. }
                | secure::Fault::ClientCertificate { .. } => false,
            },
            Self::Stream(_) | Self::Deadline { .. } => true,
            Self::Resolve(_)
            | Self::Connect(_)
            | Self::Authenticate(_)
            | Self::Bind(_)
            | Self::Send(_)
            | Self::Deliver(_)
            | Self::Cancelled => false,
        }
    }
}

/// The maximum number of times that one server may send us to another (RFC 6120, section 4.9.3.19).
const MAX_REDIRECTS: usize = 2;
