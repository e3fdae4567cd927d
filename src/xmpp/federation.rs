//! The look from here: what the servers of a partner, or of a pool, show to a stranger.
//!
//! Beside the phases, not one of them: informs a diagnosis, and decides nothing. What is seen here
//! may differ from what a pool sees, over other name servers and other routes. Looks at each target
//! as far as the features behind TLS, whatever its certificate is worth, and says nothing but who
//! asks: no proof of identity, no dialback, no stanza.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::certificate::{CertificateIdentity, CertificateReport, CertificateRole};
use super::condition::StreamCondition;
use super::connect::Dialling;
use super::dns::a_label;
use super::network::{Network, Trust};
use super::resolve::{self, Endpoint, PoolQuery, Target, TlsStart};
use super::secure::{self, Handshake, Shown};
use super::stream::{self, Plain, Probing, Stream};
use super::trace::{Fact, Trace, TraceObserver};
use super::xml::{self, Element, ns};
use super::{Deadlines, Fault, Phase, offline, within};
use crate::topology::{Server, TlsNegotiation};

/// The target of a look, and the terms on which it is made.
#[derive(Clone, Copy, Debug)]
pub struct ProbeRequest<'a> {
    /// The owner of the servers, and the role in which they are looked at.
    pub whom: ProbeTarget<'a>,
    /// The certificates that are trusted.
    pub trust: &'a Trust,
    /// Whether a partner's server must offer TLS.
    pub tls: TlsNegotiation,
    /// The deadlines of Resolve, Connect and Secure, and of the whole look.
    pub deadlines: Deadlines,
}

/// The owner of the servers that are looked at.
#[derive(Clone, Copy, Debug)]
pub enum ProbeTarget<'a> {
    /// Those of a partner, as another server sees them.
    Partner {
        /// The partner's domain.
        domain: &'a str,
        /// The server that is named for it in place of its SRV records.
        server: Option<&'a Server>,
        /// The domain that asks, as a stream's `from`; some servers tell nothing to nobody.
        from: Option<&'a str>,
    },
    /// Those of a pool that the topology lists, as clients of the place's domain see them.
    Pool(PoolQuery<'a>),
}

/// The result of a look.
#[derive(Clone, Debug)]
pub struct ProbeReport {
    /// The partner's domain, or the pool.
    pub name: String,
    /// The time at which the look began.
    pub began_at: Timestamp,
    /// The duration of the look.
    pub duration: Duration,
    /// The trace of the search for the servers.
    pub trace: Trace,
    /// The results for each of the servers, in their order; or the reason why none was found.
    pub probes: Result<Vec<ServerProbe>, Fault>,
}

/// The result of a look at one target.
#[derive(Clone, Debug)]
pub struct ServerProbe {
    /// The target.
    pub target: Target,
    /// The trace of the look at the target.
    pub trace: Trace,
    /// The offer of the server behind TLS; or the fault that stopped us before.
    pub offer: Result<ServerOffer, Fault>,
}

/// The features that a server offers to a peer that it does not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOffer {
    /// Ways to prove who the other one is.
    Ways {
        /// SASL mechanisms; between servers, EXTERNAL.
        mechanisms: Vec<String>,
        /// Whether it offers dialback (XEP-0220).
        dialback: Dialback,
    },
    /// A stream without TLS, where the topology does not ask for any. Nothing more is looked at.
    Unencrypted,
    /// Nothing without a certificate, which a look does not have to show: as healthy as the others.
    ///
    /// COMPAT: Prosody with `s2s_secure_auth` ends the stream behind TLS with `not-authorized`.
    CertificateFirst {
        /// The server's words.
        said: Option<String>,
    },
}

/// Whether a server offers dialback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialback {
    /// It does.
    Offered,
    /// It does not say so.
    NotOffered,
}

impl ProbeReport {
    /// Whether one of the servers could be used, as far as a stranger can see.
    pub fn is_healthy(&self) -> bool {
        self.probes.iter().flatten().any(ServerProbe::is_healthy)
    }
}

impl ServerProbe {
    /// Whether the target answers as it should, with a good certificate.
    pub fn is_healthy(&self) -> bool {
        match &self.offer {
            Ok(ServerOffer::Unencrypted) => true,
            Ok(_) => self.certificate().is_some_and(|report| report.verdict.is_ok()),
            Err(_) => false,
        }
    }

    /// The certificate that it showed.
    pub fn certificate(&self) -> Option<&CertificateReport> {
        self.trace.certificate()
    }
}

/// Looks at the servers, all at the same time, and tells `watcher` meanwhile. Always comes to an end
/// within `deadlines.whole`, with what was seen until then.
pub async fn look(question: &ProbeRequest<'_>, network: &Network, watcher: &TraceObserver) -> ProbeReport {
    let mut trace = watcher.trace();
    let until = Instant::now() + question.deadlines.whole;
    let probes = probes(question, until, network, watcher, &mut trace).await;
    trace.end();
    // What every way ended with may be this machine's own.
    let fault = match &probes {
        Err(fault) => Some(fault),
        Ok(probes) if probes.iter().any(|probe| probe.offer.is_ok()) => None,
        Ok(probes) => probes.iter().find_map(|probe| probe.offer.as_ref().err()),
    };
    if let Some(fault) = fault {
        let over_at = until.max(Instant::now()) + resolve::GRACE;
        let looked = timeout_at(over_at, offline::look(fault, question.whom.domain(), network, &trace)).await;
        if let Some(offline) = looked.ok().flatten() {
            trace.learn_beside(Phase::Resolve, Fact::Offline(offline));
        }
    }
    ProbeReport {
        name: question.whom.name().to_owned(),
        began_at: trace.began_at(),
        duration: trace.elapsed(),
        trace,
        probes,
    }
}

async fn probes(
    question: &ProbeRequest<'_>,
    until: Instant,
    network: &Network,
    watcher: &TraceObserver,
    trace: &mut Trace,
) -> Result<Vec<ServerProbe>, Fault> {
    trace.begin(Phase::Resolve);
    let identity = question.whom.identity()?;
    let deadlines = &question.deadlines;
    let found = match question.whom {
        ProbeTarget::Partner { server, .. } => {
            let partner = resolve::partner(&identity.domain, server, network, trace);
            within(Phase::Resolve, deadlines, partner).await?
        }
        ProbeTarget::Pool(place) => {
            within(Phase::Resolve, deadlines, resolve::pool(&place, network, trace)).await?
        }
    };
    trace.end();
    let looks = found.into_iter().take(MAX_SIGHTS).map(|endpoint| {
        let visitor = Visitor { question: *question, identity: &identity, network };
        probe(visitor, endpoint, until, watcher.trace())
    });
    Ok(join_all(looks).await)
}

/// The client that looks at one target.
#[derive(Clone, Copy)]
struct Visitor<'a> {
    question: ProbeRequest<'a>,
    identity: &'a CertificateIdentity,
    network: &'a Network,
}

async fn probe(visitor: Visitor<'_>, endpoint: Endpoint, until: Instant, mut trace: Trace) -> ServerProbe {
    let target = endpoint.target.clone();
    let visits = async {
        let offer = visitor.visit(endpoint.clone(), &mut trace).await;
        match (offer, visitor.anonymous()) {
            (
                Err(Fault::Stream(stream::Fault::Error {
                    condition: StreamCondition::UndefinedCondition,
                    ..
                })),
                Some(anonymous),
            ) => {
                // COMPAT: Prosody ends a stream so that says to be from a domain that it serves itself.
                anonymous.visit(endpoint, &mut trace).await
            }
            // Whoever wants TLS at once may close, reset or say nothing where plain text comes.
            (Err(fault), _)
                if is_without_a_word(&fault, &trace) && endpoint.target.kind == TlsStart::StartTls =>
            {
                if visitor.speaks_tls_at_once(endpoint).await {
                    Err(secure::Fault::SpeaksTls.into())
                } else {
                    Err(fault)
                }
            }
            (offer, _) => offer,
        }
    };
    let offer = match timeout_at(until, visits).await {
        Ok(offer) => offer,
        Err(_) => Err(Fault::Deadline {
            phase: trace.steps().last().map_or(Phase::Connect, |step| step.phase),
            after: visitor.question.deadlines.whole,
        }),
    };
    trace.end();
    ServerProbe { target, trace, offer }
}

/// Whether a server left, or was silent, before it said anything.
fn is_without_a_word(fault: &Fault, trace: &Trace) -> bool {
    let has_left = matches!(
        fault,
        Fault::Stream(stream::Fault::Xml(xml::Fault::Ended { n_unread: 0 } | xml::Fault::Broken { .. }))
            | Fault::Deadline { phase: Phase::Secure, .. }
    );
    has_left && !trace.facts().any(|(_, fact)| matches!(fact, Fact::Header { .. }))
}

/// Whether TLS can begin at once with what listens at a place, whatever its certificate is worth.
pub(super) async fn speaks_tls_at_once(
    endpoint: Endpoint,
    identity: &CertificateIdentity,
    trust: &Trust,
    network: &Network,
) -> bool {
    let mut trace = Trace::new();
    let until = Instant::now() + A_HANDSHAKE;
    let Ok(connected) = Dialling::new(vec![endpoint]).next(until, &mut trace).await else { return false };
    let handshake = Handshake { identity, trust, kind: TlsStart::Direct, client_certificate: None };
    let looked = timeout_at(until, secure::look(connected.wire, &handshake, network, &mut trace)).await;
    // A server that ends the handshake by an alert speaks TLS as well, and so does one that shows a certificate,
    // whatever it thinks of our having none.
    let is_refused =
        matches!(looked, Ok(Err(secure::Fault::HandshakeRefused { .. } | secure::Fault::TooOld { .. })));
    is_refused || trace.certificate().is_some()
}

/// The longest time for a connection and a TLS handshake that show how a port begins.
const A_HANDSHAKE: Duration = Duration::from_secs(3);

impl<'a> Visitor<'a> {
    async fn speaks_tls_at_once(self, endpoint: Endpoint) -> bool {
        speaks_tls_at_once(endpoint, self.identity, self.question.trust, self.network).await
    }

    /// The same without a name, where it gave one.
    fn anonymous(self) -> Option<Self> {
        match self.question.whom {
            ProbeTarget::Partner { domain, server, from: Some(_) } => {
                let whom = ProbeTarget::Partner { domain, server, from: None };
                Some(Self { question: ProbeRequest { whom, ..self.question }, ..self })
            }
            ProbeTarget::Partner { from: None, .. } | ProbeTarget::Pool(_) => None,
        }
    }

    async fn visit(self, endpoint: Endpoint, trace: &mut Trace) -> Result<ServerOffer, Fault> {
        let Self { question: ProbeRequest { whom, trust, tls: wanted, deadlines }, identity, network } = self;
        let kind = endpoint.target.kind;
        trace.begin(Phase::Connect);
        let connected = Dialling::new(vec![endpoint]).next(Instant::now() + deadlines.connect, trace).await?;
        trace.begin(Phase::Secure);
        let domain = whom.domain();
        let secure = async {
            let wire = match kind {
                TlsStart::Direct => connected.wire,
                TlsStart::StartTls => {
                    let stream = match whom {
                        ProbeTarget::Partner { from, .. } => {
                            Stream::<_, Plain>::open_to_server(connected.wire, domain, from, trace).await?
                        }
                        ProbeTarget::Pool(_) => {
                            Stream::<_, Plain>::open(connected.wire, domain, trace).await?
                        }
                    };
                    let offered = stream.features().has_child("starttls", ns::TLS);
                    match wanted {
                        TlsNegotiation::NotSupported => return Ok(ServerOffer::Unencrypted),
                        TlsNegotiation::Optional if !offered => return Ok(ServerOffer::Unencrypted),
                        TlsNegotiation::Optional | TlsNegotiation::Required => {
                            stream.start_tls(trace).await?
                        }
                    }
                }
            };
            let handshake = Handshake { identity, trust, kind, client_certificate: None };
            let tls = match (secure::look(wire, &handshake, network, trace).await, identity.role) {
                (
                    Err(secure::Fault::HandshakeRefused { alert, shown: Shown::Nothing }),
                    CertificateRole::Server,
                ) => {
                    return Ok(ServerOffer::CertificateFirst { said: Some(alert) });
                }
                (tls, _) => tls?,
            };
            let from = whom.from();
            match (Stream::<_, Probing>::look(tls, domain, identity.role, from, trace).await, identity.role) {
                (Ok(stream), _) => {
                    let offer = ServerOffer::of(stream.features());
                    stream.close().await;
                    Ok(offer)
                }
                (
                    Err(Fault::Stream(stream::Fault::Error {
                        condition: StreamCondition::NotAuthorized,
                        text,
                        ..
                    })),
                    CertificateRole::Server,
                ) => Ok(ServerOffer::CertificateFirst { said: text }),
                (
                    Err(Fault::Stream(stream::Fault::Xml(xml::Fault::Alert { alert }))),
                    CertificateRole::Server,
                ) if alert == CERTIFICATE_REQUIRED => Ok(ServerOffer::CertificateFirst { said: Some(alert) }),
                (Err(fault), _) => Err(fault),
            }
        };
        within(Phase::Secure, &deadlines, secure).await
    }
}

impl<'a> ProbeTarget<'a> {
    /// Returns the name of the target in a report.
    fn name(self) -> &'a str {
        match self {
            Self::Partner { domain, .. } => domain,
            Self::Pool(place) => place.pool,
        }
    }

    /// The domain that streams are opened to.
    fn domain(self) -> &'a str {
        match self {
            Self::Partner { domain, .. } => domain,
            Self::Pool(place) => place.domain,
        }
    }

    /// The domain that asks.
    fn from(self) -> Option<&'a str> {
        match self {
            Self::Partner { from, .. } => from,
            Self::Pool(_) => None,
        }
    }

    /// Returns the identity that the certificate must show; a pool's may name the pool, which the topology vouches
    /// for.
    fn identity(self) -> Result<CertificateIdentity, resolve::Fault> {
        let domain = a_label(self.domain())?;
        Ok(match self {
            Self::Partner { .. } => CertificateIdentity { domain, host: None, role: CertificateRole::Server },
            Self::Pool(place) => CertificateIdentity {
                domain,
                host: Some(a_label(place.pool)?),
                role: CertificateRole::Client,
            },
        })
    }
}

impl ServerOffer {
    fn of(features: &Element) -> Self {
        let names = |mechanisms: &Element| -> Vec<String> {
            let names = mechanisms.elements().filter(|mechanism| mechanism.is("mechanism", ns::SASL));
            names.map(|mechanism| super::trace::printable(&mechanism.text())).collect()
        };
        Self::Ways {
            mechanisms: features.child("mechanisms", ns::SASL).map(names).unwrap_or_default(),
            dialback: match features.has_child("dialback", DIALBACK) {
                true => Dialback::Offered,
                false => Dialback::NotOffered,
            },
        }
    }
}

/// The alert of a server that got no certificate (RFC 8446, section 6.2).
const CERTIFICATE_REQUIRED: &str = "CertificateRequired";
/// The feature of XEP-0220, section 2.2.
const DIALBACK: &str = "urn:xmpp:features:dialback";

/// Targets that are looked at.
const MAX_SIGHTS: usize = 4;
