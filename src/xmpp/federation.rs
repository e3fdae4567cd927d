//! The look from here at a partner: what its servers show to a stranger who asks to federate.
//!
//! Beside the phases, not one of them: informs a diagnosis, and decides nothing. What is seen here
//! may differ from what a pool sees, over other name servers and other routes. Looks at each target
//! as far as the features behind TLS, whatever its certificate is worth, and says nothing but who
//! asks: no proof of identity, no dialback, no stanza.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::certificate::{CertificateReport, Identity, Role};
use super::condition::StreamCondition;
use super::connect::Dialling;
use super::dns::a_label;
use super::network::{Network, Trust};
use super::resolve::{self, Endpoint, Kind, Target};
use super::secure::{self, Handshake};
use super::stream::{self, Looked, Plain, Stream};
use super::trace::Trace;
use super::xml::{Element, ns};
use super::{Deadlines, Fault, Phase, within};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The partner's domain.
    pub partner: &'a str,
    /// The domain that asks, as a stream's `from`; some servers tell nothing to nobody.
    pub from: Option<&'a str>,
    /// Whose certificates are believed.
    pub trust: &'a Trust,
    /// How long Resolve, Connect and Secure may take, and all of it.
    pub deadlines: Deadlines,
}

/// What was seen of a partner.
#[derive(Clone, Debug)]
pub struct Look {
    /// The partner's domain.
    pub partner: String,
    /// When the look began.
    pub began_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// How its servers were looked for.
    pub trace: Trace,
    /// What was seen at each of them, in their order; or why none was found.
    pub sights: Result<Vec<Sight>, Fault>,
}

/// What was seen at one target.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The target.
    pub target: Target,
    /// What happened there.
    pub trace: Trace,
    /// What it offers to other servers behind TLS; or what stopped us before.
    pub offer: Result<Offer, Fault>,
}

/// What a server offers to another one that it does not know yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Ways to prove who the other one is.
    Ways {
        /// SASL mechanisms; servers use EXTERNAL.
        mechanisms: Vec<String>,
        /// Whether it offers dialback (XEP-0220).
        dialback: Dialback,
    },
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

impl Look {
    /// Whether one of the partner's servers could be federated with, as far as a stranger can see.
    pub fn is_healthy(&self) -> bool {
        self.sights.iter().flatten().any(Sight::is_healthy)
    }
}

impl Sight {
    /// Whether the target answers as it should, with a good certificate.
    pub fn is_healthy(&self) -> bool {
        self.offer.is_ok() && self.certificate().is_some_and(|report| report.verdict.is_ok())
    }

    /// The certificate that it showed.
    pub fn certificate(&self) -> Option<&CertificateReport> {
        self.trace.certificate()
    }
}

/// Looks at the servers of a partner, all at the same time. Always comes to an end within
/// `deadlines.whole`, with what was seen until then.
pub async fn look(question: &Question<'_>, network: &Network) -> Look {
    let mut trace = Trace::new();
    let until = Instant::now() + question.deadlines.whole;
    let sights = sights(question, until, network, &mut trace).await;
    trace.end();
    Look {
        partner: question.partner.to_owned(),
        began_at: trace.began_at(),
        duration: trace.elapsed(),
        trace,
        sights,
    }
}

async fn sights(
    question: &Question<'_>,
    until: Instant,
    network: &Network,
    trace: &mut Trace,
) -> Result<Vec<Sight>, Fault> {
    trace.begin(Phase::Resolve);
    let partner = a_label(question.partner)?;
    let found =
        within(Phase::Resolve, &question.deadlines, resolve::partner(&partner, network, trace)).await?;
    let identity = Identity { domain: partner, host: None, role: Role::Server };
    let looks = found
        .into_iter()
        .take(MAX_SIGHTS)
        .map(|endpoint| sight(endpoint, question, &identity, until, network));
    Ok(join_all(looks).await)
}

async fn sight(
    endpoint: Endpoint,
    question: &Question<'_>,
    identity: &Identity,
    until: Instant,
    network: &Network,
) -> Sight {
    let target = endpoint.target.clone();
    let mut trace = Trace::new();
    let visits = async {
        let offer = visit(endpoint.clone(), question, identity, network, &mut trace).await;
        match offer {
            Err(Fault::Stream(stream::Fault::Error {
                condition: StreamCondition::UndefinedCondition,
                ..
            })) if question.from.is_some() => {
                // COMPAT: Prosody ends a stream so that says to be from a domain that it serves itself.
                let anonymous = Question { from: None, ..*question };
                visit(endpoint, &anonymous, identity, network, &mut trace).await
            }
            offer => offer,
        }
    };
    let offer = match timeout_at(until, visits).await {
        Ok(offer) => offer,
        Err(_) => Err(Fault::Deadline {
            phase: trace.steps().last().map_or(Phase::Connect, |step| step.phase),
            after: question.deadlines.whole,
        }),
    };
    trace.end();
    Sight { target, trace, offer }
}

async fn visit(
    endpoint: Endpoint,
    question: &Question<'_>,
    identity: &Identity,
    network: &Network,
    trace: &mut Trace,
) -> Result<Offer, Fault> {
    let Question { partner, from, trust, deadlines } = question;
    let kind = endpoint.target.kind;
    trace.begin(Phase::Connect);
    let connected = Dialling::new(vec![endpoint]).next(Instant::now() + deadlines.connect, trace).await?;
    trace.begin(Phase::Secure);
    let secure = async {
        let wire = match kind {
            Kind::Direct => connected.wire,
            Kind::StartTls => {
                let stream =
                    Stream::<_, Plain>::open_to_server(connected.wire, partner, *from, trace).await?;
                stream.start_tls(trace).await?
            }
        };
        let handshake = Handshake { identity, trust, kind, client_certificate: None };
        let tls = secure::look(wire, &handshake, network, trace).await?;
        match Stream::<_, Looked>::look(tls, partner, *from, trace).await {
            Ok(stream) => {
                let offer = Offer::of(stream.features());
                stream.close().await;
                Ok(offer)
            }
            Err(Fault::Stream(stream::Fault::Error {
                condition: StreamCondition::NotAuthorized,
                text,
                ..
            })) => Ok(Offer::CertificateFirst { said: text }),
            Err(fault) => Err(fault),
        }
    };
    within(Phase::Secure, deadlines, secure).await
}

impl Offer {
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

/// The feature of XEP-0220, section 2.2.
const DIALBACK: &str = "urn:xmpp:features:dialback";

/// Targets that are looked at.
const MAX_SIGHTS: usize = 4;
