//! Authentication (RFC 6120, section 6): the strongest mechanism of both sides, and proof from both.
//!
//! Runs on a [`Secured`] stream and gives back an [`Authenticated`] one, opened anew. One attempt with
//! one mechanism: never tries a weaker one when a stronger one failed, never believes a success that
//! the mechanism asks the server to prove, and puts no secret anywhere but on the wire.

pub mod mechanism;
pub mod scram;
mod keys;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jid::BareJid;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

pub use keys::KeyCache;
pub use mechanism::{Mechanism, MechanismOffer, Unusable};

use self::keys::{Fingerprint, FoundKeys, KeyOrigin};
use self::mechanism::{ChannelBindingFlag, Choice};
use self::scram::{ClientFirst, ScramHash};
use super::condition::{SaslCondition, condition_in, text_in};
use super::secure::VerifiedTls;
use super::stream::{Authenticated, Secured, Stream};
use super::trace::{Fact, Trace};
use super::xml::{Element, ns};
use crate::secret::Secret;

/// The account that logs on, and its credentials.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account's address.
    pub account: BareJid,
    /// The name to authenticate as, which need not be the address's local part.
    pub logon_name: String,
    /// The password, where there is one.
    pub password: Option<Secret>,
    /// Whether there is a client certificate to show, in its place or beside it.
    pub has_certificate: bool,
    /// The way to authenticate.
    pub authentication: Authentication,
    /// Whether the password itself may be sent, inside TLS.
    pub plain: PlainPassword,
}

impl Login {
    /// Returns the secrets that must never be shown, in every form in which a server may repeat them, from an
    /// earlier logon too.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let Some(password) = &self.password else { return Vec::new() };
        let plain = Zeroizing::new(["\0", &self.logon_name, "\0", password.expose()].concat());
        let encoded = [BASE64.encode(password.expose()), BASE64.encode(plain.as_bytes())];
        std::iter::once(password.clone()).chain(encoded.map(Secret::new)).collect()
    }
}

/// The way to authenticate: `-Authentication`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// By the strongest mechanism that is offered.
    #[default]
    Negotiate,
    /// By the certificate that was shown in the TLS handshake (EXTERNAL).
    ClientCertificate,
    /// By this one, to look into a fault.
    Mechanism(Mechanism),
}

/// Whether a pool may see the password itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlainPassword {
    /// Never.
    #[default]
    Forbidden,
    /// Inside TLS, where nothing better is offered.
    Allowed,
}

/// The step of an exchange at which the server failed it. With SCRAM, Prosody and ejabberd refuse an account that
/// they do not know at the first message and a wrong password at the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SaslStep {
    /// At the first message, before any challenge.
    First,
    /// At the message that proves the password.
    Final,
}

/// A fault in Authenticate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The server offers nothing that may be used.
    #[error("the server offers {}; {reason}", list(offered))]
    NoMechanism {
        /// The mechanisms that the server offers.
        offered: Vec<String>,
        /// The reason why none of them may be used.
        reason: Unusable,
    },
    /// The name or the password holds characters that no account can have (RFC 4013).
    #[error("the {} cannot be prepared for SASL", what.name())]
    Unprintable {
        /// The one that cannot be prepared: the name or the password.
        what: Prepared,
    },
    /// The server refused.
    #[error("{mechanism} failed with {condition}{}", text.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Rejected {
        /// The mechanism in use.
        mechanism: Mechanism,
        /// The step of the exchange at which the server refused.
        step: SaslStep,
        /// The condition.
        condition: SaslCondition,
        /// The server's words.
        text: Option<String>,
        /// The mechanisms that the server offers.
        offered: Vec<String>,
    },
    /// The server did not keep to SCRAM.
    #[error("{mechanism}: {fault}")]
    Scram {
        /// The mechanism in use.
        mechanism: Mechanism,
        /// The violation of SCRAM.
        fault: scram::Fault,
    },
    /// The server sent something that is not base64, or not text.
    #[error("{mechanism}: the server's message cannot be decoded")]
    Undecodable {
        /// The mechanism in use.
        mechanism: Mechanism,
    },
    /// The system has no random numbers for us.
    #[error("no random numbers: {reason}")]
    NoRandomness {
        /// The text of the system's error.
        reason: String,
    },
}

impl Fault {
    /// Whether the server could not check the account just now, and may later (RFC 6120, section 6.5.11).
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Rejected { condition: SaslCondition::TemporaryAuthFailure, .. })
    }

    /// Whether the server has checked the credential and refused it: servers count such logons, and lock accounts.
    pub fn is_refused_credential(&self) -> bool {
        let Self::Rejected { condition, .. } = self else { return false };
        matches!(
            condition,
            SaslCondition::NotAuthorized | SaslCondition::AccountDisabled | SaslCondition::CredentialsExpired
        )
    }
}

/// The value that is prepared with SASLprep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prepared {
    /// The logon name.
    LogonName,
    /// The password.
    Password,
}

impl Prepared {
    fn name(self) -> &'static str {
        match self {
            Self::LogonName => "logon name",
            Self::Password => "password",
        }
    }
}

/// Authenticates, and opens the stream anew.
///
/// Cancelling it leaves no key derivation behind that takes longer than [`scram::ITERATIONS`] allows.
pub async fn authenticate<Io: AsyncRead + AsyncWrite + Unpin + Send>(
    mut stream: Stream<VerifiedTls<Io>, Secured>,
    login: &Login,
    keys: &KeyCache,
    trace: &mut Trace,
) -> Result<Stream<VerifiedTls<Io>, Authenticated>, super::Fault> {
    let offer = MechanismOffer::of(stream.features());
    let shown = |names: &Vec<String>| names.iter().map(|name| stream.shown(name)).collect::<Vec<_>>();
    let (mechanisms, channel_bindings) =
        (shown(&offer.mechanisms), offer.channel_bindings.as_ref().map(shown));
    trace.learn(Fact::Offered { mechanisms: mechanisms.clone(), channel_bindings });
    let choice = offer
        .choose(login, stream.bindings())
        .map_err(|reason| Fault::NoMechanism { offered: mechanisms, reason })?;
    trace.learn(Fact::Mechanism {
        name: choice.mechanism.name().to_owned(),
        channel_binding: match &choice.channel {
            ChannelBindingFlag::Bound { kind, .. } => Some((*kind).to_owned()),
            ChannelBindingFlag::NotOffered | ChannelBindingFlag::Unbound => None,
        },
    });
    let Choice { mechanism, channel } = choice;
    if let Some(password) = &login.password {
        stream.conceal(password.clone());
    }
    let mut exchange = SaslExchange { stream: &mut stream, mechanism, offered: &offer.mechanisms };
    match mechanism {
        Mechanism::Scram { hash, .. } => exchange.scram(hash, channel, login, keys, trace).await?,
        Mechanism::External => exchange.external(login).await?,
        Mechanism::Plain => exchange.plain(login).await?,
    }
    Ok(stream.authenticated(&login.account, trace).await?)
}

/// One run of one mechanism.
struct SaslExchange<'a, Io> {
    stream: &'a mut Stream<VerifiedTls<Io>, Secured>,
    mechanism: Mechanism,
    offered: &'a [String],
}

/// An answer of the server.
enum SaslAnswer {
    Challenge(String),
    Success(String),
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> SaslExchange<'_, Io> {
    async fn scram(
        &mut self,
        hash: ScramHash,
        channel: ChannelBindingFlag,
        login: &Login,
        keys: &KeyCache,
        trace: &mut Trace,
    ) -> Result<(), super::Fault> {
        let user = prepare(&login.logon_name, Prepared::LogonName)?;
        let password = prepare(self.password(login), Prepared::Password)?;
        let first = ClientFirst::new(hash, &user, channel, nonce()?);
        let message = match self.begin(first.message().as_bytes()).await? {
            SaslAnswer::Challenge(message) => message,
            SaslAnswer::Success(_) => return Err(self.hostile(scram::Fault::NoProof)),
        };
        let challenge = first.challenge(&message).map_err(|fault| self.hostile(fault))?;
        let origin = KeyOrigin {
            account: login.account.clone(),
            hash,
            salt: challenge.salt.clone(),
            iterations: challenge.iterations,
            password: Fingerprint::of(&password),
        };
        let (keys, found) = keys.keys(origin, &password).await;
        trace.learn(Fact::Iterations { count: challenge.iterations, cached: found == FoundKeys::InMemory });
        let last = first.answer(&challenge, &keys);
        let verdict = match self.respond(last.message.as_bytes()).await? {
            SaslAnswer::Success(verdict) if verdict.is_empty() => {
                return Err(self.hostile(scram::Fault::NoProof));
            }
            SaslAnswer::Success(verdict) => {
                last.proof.check(&verdict).map_err(|fault| self.hostile(fault))?;
                trace.learn(Fact::ServerProof);
                return Ok(());
            }
            SaslAnswer::Challenge(verdict) => verdict,
        };
        // The proof may also come as one more challenge (RFC 6120, section 6.4.6, on RFC 4422).
        last.proof.check(&verdict).map_err(|fault| self.hostile(fault))?;
        trace.learn(Fact::ServerProof);
        self.finish(b"").await
    }

    async fn external(&mut self, login: &Login) -> Result<(), super::Fault> {
        match self.begin(login.account.as_str().as_bytes()).await? {
            SaslAnswer::Success(_) => Ok(()),
            SaslAnswer::Challenge(_) => self.finish(login.account.as_str().as_bytes()).await,
        }
    }

    async fn plain(&mut self, login: &Login) -> Result<(), super::Fault> {
        let user = prepare(&login.logon_name, Prepared::LogonName)?;
        let password = prepare(self.password(login), Prepared::Password)?;
        let message = Zeroizing::new(["\0", &user, "\0", &password].concat());
        match self.begin(message.as_bytes()).await? {
            SaslAnswer::Success(_) => Ok(()),
            // PLAIN has one message. What is asked for a second time has been given.
            SaslAnswer::Challenge(_) => Err(Fault::Undecodable { mechanism: self.mechanism }.into()),
        }
    }

    /// The choice was made with a password in hand for every mechanism that needs one.
    fn password<'a>(&self, login: &'a Login) -> &'a str {
        login.password.as_ref().map(Secret::expose).unwrap_or_default()
    }

    async fn begin(&mut self, message: &[u8]) -> Result<SaslAnswer, super::Fault> {
        let auth = Element::new("auth", ns::SASL).with_attribute("mechanism", self.mechanism.name());
        self.say(auth, message, SaslStep::First).await
    }

    async fn respond(&mut self, message: &[u8]) -> Result<SaslAnswer, super::Fault> {
        self.say(Element::new("response", ns::SASL), message, SaslStep::Final).await
    }

    /// The last word of ours, behind which only success is in order.
    async fn finish(&mut self, message: &[u8]) -> Result<(), super::Fault> {
        match self.respond(message).await? {
            SaslAnswer::Success(_) => Ok(()),
            SaslAnswer::Challenge(_) => Err(Fault::Undecodable { mechanism: self.mechanism }.into()),
        }
    }

    async fn say(
        &mut self,
        element: Element,
        message: &[u8],
        step: SaslStep,
    ) -> Result<SaslAnswer, super::Fault> {
        // An empty first message is written `=` (RFC 6120, section 6.4.2).
        let encoded = if message.is_empty() && step == SaslStep::First {
            Zeroizing::new("=".to_owned())
        } else {
            Zeroizing::new(BASE64.encode(message))
        };
        if self.mechanism != Mechanism::External && !message.is_empty() {
            self.stream.conceal(Secret::new(encoded.to_string()));
            self.stream.conceal(Secret::new(String::from_utf8_lossy(message).into_owned()));
        }
        self.stream.send(&element.with_text(&encoded)).await?;
        let answer = self.stream.receive().await?;
        match (&*answer.name, &*answer.ns) {
            ("challenge", ns::SASL) => Ok(SaslAnswer::Challenge(self.decode(&answer)?)),
            ("success", ns::SASL) => Ok(SaslAnswer::Success(self.decode(&answer)?)),
            ("failure", ns::SASL) => Err(self.rejected(&answer, step).into()),
            _ => Err(self.stream.unexpected("the answer to SASL", &answer).into()),
        }
    }

    fn decode(&self, answer: &Element) -> Result<String, Fault> {
        let undecodable = Fault::Undecodable { mechanism: self.mechanism };
        let text = answer.text();
        let text = text.trim();
        if matches!(text, "" | "=") {
            return Ok(String::new());
        }
        let bytes = BASE64.decode(text).map_err(|_| undecodable.clone())?;
        String::from_utf8(bytes).map_err(|_| undecodable)
    }

    fn rejected(&self, failure: &Element, step: SaslStep) -> Fault {
        let condition = condition_in(failure, ns::SASL).map_or("", |condition| &*condition.name);
        Fault::Rejected {
            mechanism: self.mechanism,
            step,
            condition: SaslCondition::from_name(condition),
            text: text_in(failure, ns::SASL),
            offered: self.offered.to_vec(),
        }
    }

    fn hostile(&self, fault: scram::Fault) -> super::Fault {
        Fault::Scram { mechanism: self.mechanism, fault }.into()
    }
}

fn prepare(text: &str, what: Prepared) -> Result<Zeroizing<String>, Fault> {
    stringprep::saslprep(text)
        .map(|prepared| Zeroizing::new(prepared.into_owned()))
        .map_err(|_| Fault::Unprintable { what })
}

fn nonce() -> Result<String, Fault> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| Fault::NoRandomness { reason: error.to_string() })?;
    Ok(BASE64.encode(bytes))
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no mechanism".to_owned() } else { names.join(", ") }
}
