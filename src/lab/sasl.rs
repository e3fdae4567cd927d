//! SASL on the server's side (RFC 6120, section 6; RFC 4616; RFC 5802 and 7677; XEP-0440).
//!
//! Runs on an encrypted stream, after `server` has opened it. Shares no code with the client's side, so
//! that a mistake there meets somebody who does not make it too. Does wrong what [`SaslBehaviour`] says.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::behaviour::{Manner, SaslBehaviour};
use super::host::LabHost;
use super::pki;
use crate::xmpp::xml::{Element, ns};

/// The channel bindings that tie an authentication to a TLS connection (RFC 9266, RFC 5929).
#[derive(Clone, Debug, Default)]
pub(super) struct LabBindings {
    pub(super) exporter: Option<Vec<u8>>,
    pub(super) end_point: Option<Vec<u8>>,
    /// The certificate that the client showed.
    pub(super) certificate: Option<Vec<u8>>,
}

/// The keys derived from the one password that all accounts have, kept instead of the password (RFC 5802, section
/// 3).
///
/// One salt for all of them: a start then costs at most one key derivation for each hash, and none
/// before somebody logs on.
pub(super) struct LabKeys {
    salt: [u8; 16],
    derived: [OnceLock<(Vec<u8>, Vec<u8>)>; 3],
}

/// One authentication.
pub(super) struct LabExchange<'a> {
    host: &'a LabHost,
    keys: Arc<LabKeys>,
    bindings: &'a LabBindings,
    state: LabExchangeState,
}

enum LabExchangeState {
    Start,
    /// The client's response to the challenge is awaited.
    Scram(Scram),
    /// PLAIN was begun without an initial response.
    Plain,
    Over,
}

struct Scram {
    hash: LabHash,
    user: String,
    gs2_header: String,
    binding: Vec<u8>,
    first: String,
    challenge: String,
    nonce: String,
}

/// The next answer of the server.
pub(super) enum LabAnswer {
    /// This, and the exchange goes on.
    Continue(Element),
    /// This, and the account is logged on.
    Done(Element, String),
    /// This, and another exchange may begin.
    Failed(Element),
    /// Nothing.
    Silence,
    /// The end of the connection.
    Close,
}

/// The `<mechanisms/>` of a stream's features, and the channel-binding types (XEP-0440) beside them.
pub(super) fn features(logon: SaslBehaviour) -> Vec<Element> {
    let named: &[&str] = match logon {
        SaslBehaviour::PlainOnly => &["PLAIN"],
        SaslBehaviour::Certificates => &["EXTERNAL"],
        SaslBehaviour::UnknownMechanisms => &["X-OAUTH-PRACTICE"],
        SaslBehaviour::NoMechanisms => return Vec::new(),
        SaslBehaviour::SaslTwo => {
            let mechanism = Element::new("mechanism", ns::SASL2).with_text("SCRAM-SHA-256");
            return vec![Element::new("authentication", ns::SASL2).with_child(mechanism)];
        }
        SaslBehaviour::OnlyBound => &["SCRAM-SHA-256-PLUS"],
        SaslBehaviour::BrokenBinding => &["PLAIN", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"],
        SaslBehaviour::Honest
        | SaslBehaviour::Silent
        | SaslBehaviour::Closes
        | SaslBehaviour::WrongSignature
        | SaslBehaviour::NoSignature
        | SaslBehaviour::SuccessAtOnce
        | SaslBehaviour::ForeignNonce
        | SaslBehaviour::Iterations(_)
        | SaslBehaviour::Garbled
        | SaslBehaviour::MandatoryExtension
        | SaslBehaviour::Refuses(..) => &[
            "SCRAM-SHA-512-PLUS",
            "SCRAM-SHA-256-PLUS",
            "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-512",
            "SCRAM-SHA-256",
            "SCRAM-SHA-1",
            "PLAIN",
        ],
    };
    let mechanisms = named.iter().fold(Element::new("mechanisms", ns::SASL), |list, name| {
        list.with_child(Element::new("mechanism", ns::SASL).with_text(name))
    });
    if matches!(
        logon,
        SaslBehaviour::PlainOnly
            | SaslBehaviour::Certificates
            | SaslBehaviour::UnknownMechanisms
            | SaslBehaviour::BrokenBinding
            | SaslBehaviour::OnlyBound
    ) {
        return vec![mechanisms];
    }
    let types = [EXPORTER, END_POINT].iter().fold(
        Element::new("sasl-channel-binding", ns::CHANNEL_BINDING),
        |list, name| {
            list.with_child(
                Element::new("channel-binding", ns::CHANNEL_BINDING).with_attribute("type", *name),
            )
        },
    );
    vec![mechanisms, types]
}

impl LabKeys {
    pub(super) fn new() -> Self {
        Self { salt: random(), derived: Default::default() }
    }

    /// The stored key and the server key.
    fn of(&self, hash: LabHash) -> &(Vec<u8>, Vec<u8>) {
        self.derived[hash as usize].get_or_init(|| derive(hash, &self.salt, ITERATIONS))
    }

    /// Derives the keys beside what the server does meanwhile: another server has them at hand.
    fn prepare(self: &Arc<Self>, hash: LabHash) {
        if self.derived[hash as usize].get().is_none() {
            let keys = Arc::clone(self);
            tokio::task::spawn_blocking(move || drop(keys.of(hash).clone()));
        }
    }

    fn with_iterations(&self, hash: LabHash, iterations: u32) -> (Vec<u8>, Vec<u8>) {
        match iterations {
            ITERATIONS => self.of(hash).clone(),
            // Nobody is expected to pay for as many as that, least of all this server.
            many if many > 100_000 => (Vec::new(), Vec::new()),
            few => derive(hash, &self.salt, few),
        }
    }
}

fn derive(hash: LabHash, salt: &[u8], iterations: u32) -> (Vec<u8>, Vec<u8>) {
    let salted = hash.salted(super::PASSWORD.as_bytes(), salt, iterations);
    let stored = hash.digest(&hash.hmac(&salted, b"Client Key"));
    (stored, hash.hmac(&salted, b"Server Key"))
}

impl<'a> LabExchange<'a> {
    pub(super) fn new(host: &'a LabHost, keys: Arc<LabKeys>, bindings: &'a LabBindings) -> Self {
        Self { host, keys, bindings, state: LabExchangeState::Start }
    }

    /// The answer to `<auth/>`, `<response/>` or `<abort/>`.
    pub(super) fn answer(&mut self, element: &Element) -> LabAnswer {
        let state = std::mem::replace(&mut self.state, LabExchangeState::Over);
        if element.name == "abort" {
            self.state = LabExchangeState::Start;
            return LabAnswer::Failed(failure("aborted", ""));
        }
        let text = element.text();
        let Ok(data) = BASE64_STANDARD.decode(if text == "=" { "" } else { text.trim() }) else {
            self.state = LabExchangeState::Start;
            return LabAnswer::Failed(failure("incorrect-encoding", ""));
        };
        let answer = match (&*element.name, state) {
            ("auth", LabExchangeState::Start | LabExchangeState::Over) => {
                self.begin(element.attribute("mechanism").unwrap_or_default(), &data)
            }
            ("response", LabExchangeState::Scram(scram)) => self.finish(&scram, &data),
            ("response", LabExchangeState::Plain) => self.plain(&data),
            _ => LabAnswer::Failed(failure("malformed-request", "")),
        };
        if matches!(answer, LabAnswer::Failed(_)) {
            self.state = LabExchangeState::Start;
        }
        answer
    }

    fn begin(&mut self, mechanism: &str, initial: &[u8]) -> LabAnswer {
        let logon = self.host.behaviour.logon;
        match logon {
            SaslBehaviour::Silent => return LabAnswer::Silence,
            SaslBehaviour::Closes => return LabAnswer::Close,
            SaslBehaviour::SuccessAtOnce => {
                return LabAnswer::Done(
                    Element::new("success", ns::SASL),
                    self.host.any_account().to_owned(),
                );
            }
            SaslBehaviour::Refuses(condition, text) => return LabAnswer::Failed(failure(condition, text)),
            SaslBehaviour::Honest
            | SaslBehaviour::BrokenBinding
            | SaslBehaviour::PlainOnly
            | SaslBehaviour::Certificates
            | SaslBehaviour::UnknownMechanisms
            | SaslBehaviour::NoMechanisms
            | SaslBehaviour::OnlyBound
            | SaslBehaviour::SaslTwo
            | SaslBehaviour::WrongSignature
            | SaslBehaviour::NoSignature
            | SaslBehaviour::ForeignNonce
            | SaslBehaviour::Iterations(_)
            | SaslBehaviour::Garbled
            | SaslBehaviour::MandatoryExtension => {}
        }
        let offered = features(logon);
        let is_offered = offered.iter().flat_map(Element::elements).any(|offer| offer.text() == mechanism);
        if !is_offered {
            return LabAnswer::Failed(failure("invalid-mechanism", ""));
        }
        match (mechanism, LabHash::of(mechanism)) {
            ("EXTERNAL", _) => self.external(initial),
            ("PLAIN", _) if initial.is_empty() => {
                self.state = LabExchangeState::Plain;
                LabAnswer::Continue(Element::new("challenge", ns::SASL))
            }
            ("PLAIN", _) => self.plain(initial),
            (_, Some(hash)) => self.challenge(hash, mechanism.ends_with("-PLUS"), initial),
            (_, None) => LabAnswer::Failed(failure("invalid-mechanism", "")),
        }
    }

    /// The account whose certificate was shown in TLS (XEP-0178, section 3).
    fn external(&self, wanted: &[u8]) -> LabAnswer {
        let shown = self.bindings.certificate.as_deref().unwrap_or_default();
        let is_named = |local: &&&str| {
            let address = format!("{local}@{}", self.host.domain);
            pki::is_for(shown, &address) && (wanted.is_empty() || wanted == address.as_bytes())
        };
        match self.host.accounts().iter().find(is_named) {
            Some(local) => LabAnswer::Done(Element::new("success", ns::SASL), (*local).to_owned()),
            None => LabAnswer::Failed(failure("not-authorized", "")),
        }
    }

    /// RFC 4616: `[authzid] NUL authcid NUL password`.
    fn plain(&self, data: &[u8]) -> LabAnswer {
        let mut parts = data.split(|byte| *byte == 0);
        let (_, Some(user), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return LabAnswer::Failed(failure("malformed-request", ""));
        };
        let user = String::from_utf8_lossy(user).into_owned();
        if self.host.has_account(&user) && password == super::PASSWORD.as_bytes() {
            return LabAnswer::Done(Element::new("success", ns::SASL), user);
        }
        LabAnswer::Failed(match self.host.behaviour.manner {
            Manner::Prosody => failure(
                "not-authorized",
                "Unable to authorize you with the authentication credentials you've sent.",
            ),
            Manner::Ejabberd => failure("not-authorized", INVALID),
        })
    }

    /// The client's first message, and the challenge that answers it (RFC 5802, section 5).
    fn challenge(&mut self, hash: LabHash, plus: bool, initial: &[u8]) -> LabAnswer {
        let Some(first) = LabClientFirst::read(initial) else {
            return LabAnswer::Failed(failure("malformed-request", ""));
        };
        let logon = self.host.behaviour.logon;
        let binding = match (plus, first.flag) {
            (true, "p=tls-exporter") if logon != SaslBehaviour::BrokenBinding => {
                self.bindings.exporter.clone()
            }
            (true, "p=tls-server-end-point") if logon != SaslBehaviour::BrokenBinding => {
                self.bindings.end_point.clone()
            }
            (true, flag) if flag.starts_with("p=") => None,
            // A client that could bind and was made to believe that we cannot (RFC 5802, section 6).
            (false, "y") if logon != SaslBehaviour::BrokenBinding => None,
            (false, "n" | "y") => Some(Vec::new()),
            _ => return LabAnswer::Failed(failure("malformed-request", "")),
        };
        let Some(binding) = binding else {
            return LabAnswer::Failed(failure("not-authorized", "Invalid channel binding"));
        };
        if !self.host.has_account(&first.user) || !self.may_act(&first) {
            return LabAnswer::Failed(match self.host.behaviour.manner {
                Manner::Prosody => failure("not-authorized", ""),
                Manner::Ejabberd => failure("not-authorized", INVALID),
            });
        }
        let extended = if logon == SaslBehaviour::ForeignNonce { fresh_nonce() } else { first.nonce };
        let nonce = format!("{extended}{}", fresh_nonce());
        let salt = BASE64_STANDARD.encode(self.keys.salt);
        let iterations = self.iterations();
        self.keys.prepare(hash);
        let extension = if logon == SaslBehaviour::MandatoryExtension { "m=practice," } else { "" };
        let challenge = format!("{extension}r={nonce},s={salt},i={iterations}");
        let text = if logon == SaslBehaviour::Garbled {
            "%%% this is not base64 %%%".to_owned()
        } else {
            BASE64_STANDARD.encode(&challenge)
        };
        self.state = LabExchangeState::Scram(Scram {
            hash,
            user: first.user,
            gs2_header: first.gs2_header,
            binding,
            first: first.bare,
            challenge,
            nonce,
        });
        LabAnswer::Continue(Element::new("challenge", ns::SASL).with_text(&text))
    }

    /// Whether the client asks to act as nobody but itself.
    fn may_act(&self, first: &LabClientFirst<'_>) -> bool {
        first.authzid.is_empty() || first.authzid == format!("{}@{}", first.user, self.host.domain)
    }

    fn iterations(&self) -> u32 {
        if let SaslBehaviour::Iterations(count) = self.host.behaviour.logon { count } else { ITERATIONS }
    }

    /// The client's final message, and the server's proof of itself (RFC 5802, sections 3 and 5).
    fn finish(&self, scram: &Scram, data: &[u8]) -> LabAnswer {
        let Ok(text) = std::str::from_utf8(data) else {
            return LabAnswer::Failed(failure("malformed-request", ""));
        };
        let Some((without_proof, proof)) = text.rsplit_once(",p=") else {
            return LabAnswer::Failed(failure("malformed-request", ""));
        };
        let mut fields = without_proof.split(',');
        let mut bound = scram.gs2_header.clone().into_bytes();
        bound.extend_from_slice(&scram.binding);
        if fields.next() != Some(&format!("c={}", BASE64_STANDARD.encode(bound))) {
            return LabAnswer::Failed(failure("not-authorized", "Invalid channel binding"));
        }
        if fields.next() != Some(&format!("r={}", scram.nonce)) {
            return LabAnswer::Failed(failure("malformed-request", "Wrong nonce in client-final-message."));
        }
        let auth_message = format!("{},{},{without_proof}", scram.first, scram.challenge);
        let (stored, server) = self.keys.with_iterations(scram.hash, self.iterations());
        if !proves(scram.hash, &stored, auth_message.as_bytes(), proof) {
            return LabAnswer::Failed(match self.host.behaviour.manner {
                Manner::Prosody => failure(
                    "not-authorized",
                    "The response provided by the client doesn't match the one we calculated.",
                ),
                Manner::Ejabberd => failure("not-authorized", INVALID),
            });
        }
        let logon = self.host.behaviour.logon;
        let key = if logon == SaslBehaviour::WrongSignature { b"somebody else".as_slice() } else { &server };
        let signature = BASE64_STANDARD.encode(scram.hash.hmac(key, auth_message.as_bytes()));
        let success = Element::new("success", ns::SASL);
        let success = if logon == SaslBehaviour::NoSignature {
            success
        } else {
            success.with_text(&BASE64_STANDARD.encode(format!("v={signature}")))
        };
        LabAnswer::Done(success, scram.user.clone())
    }
}

/// Whether a proof comes from somebody who knows the password.
fn proves(hash: LabHash, stored: &[u8], auth_message: &[u8], proof: &str) -> bool {
    let Ok(proof) = BASE64_STANDARD.decode(proof) else { return false };
    let signature = hash.hmac(stored, auth_message);
    if stored.is_empty() || proof.len() != signature.len() {
        return false;
    }
    let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
    hash.digest(&client_key) == stored
}

/// `gs2-header client-first-message-bare` (RFC 5802, section 7).
struct LabClientFirst<'a> {
    flag: &'a str,
    authzid: String,
    gs2_header: String,
    bare: String,
    user: String,
    nonce: String,
}

impl<'a> LabClientFirst<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(data).ok()?;
        let (flag, rest) = text.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        let header_length = text.len() - bare.len();
        let mut fields = bare.split(',');
        let user = unescaped(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=").filter(|nonce| !nonce.is_empty())?;
        Some(Self {
            flag,
            authzid: unescaped(authzid.strip_prefix("a=").unwrap_or_default())?,
            gs2_header: text[..header_length].to_owned(),
            bare: bare.to_owned(),
            user,
            nonce: nonce.to_owned(),
        })
    }
}

/// A `saslname` (RFC 5802, section 7), in which `,` and `=` are written as `=2C` and `=3D`.
fn unescaped(name: &str) -> Option<String> {
    let plain = name.replace("=2C", "\u{0}").replace("=3D", "\u{1}");
    (!plain.contains('=')).then(|| plain.replace('\u{0}', ",").replace('\u{1}', "="))
}

fn fresh_nonce() -> String {
    BASE64_STANDARD.encode(random::<18>())
}

/// Zeros where the machine has no randomness: nothing here protects anything.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [0; N];
    }
    bytes
}

/// `<failure/>` (RFC 6120, section 6.5).
fn failure(condition: &'static str, text: &str) -> Element {
    let failure = Element::new("failure", ns::SASL).with_child(Element::new(condition, ns::SASL));
    match text {
        "" => failure,
        text => failure.with_child(Element::new("text", ns::SASL).with_text(text)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LabHash {
    Sha1,
    Sha256,
    Sha512,
}

impl LabHash {
    fn of(mechanism: &str) -> Option<Self> {
        match mechanism.strip_suffix("-PLUS").unwrap_or(mechanism) {
            "SCRAM-SHA-1" => Some(Self::Sha1),
            "SCRAM-SHA-256" => Some(Self::Sha256),
            "SCRAM-SHA-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        fn with<M: Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
            <M as Mac>::new_from_slice(key)
                .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
                .unwrap_or_default()
        }
        match self {
            Self::Sha1 => with::<Hmac<Sha1>>(key, data),
            Self::Sha256 => with::<Hmac<Sha256>>(key, data),
            Self::Sha512 => with::<Hmac<Sha512>>(key, data),
        }
    }

    /// `Hi()` of RFC 5802, section 2.2: PBKDF2.
    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut salted = vec![0; self.digest(b"").len()];
        let done = match self {
            Self::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, iterations, &mut salted),
            Self::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, iterations, &mut salted),
            Self::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, iterations, &mut salted),
        };
        if done.is_ok() { salted } else { Vec::new() }
    }
}

/// Channel-binding types (RFC 9266, RFC 5929).
const EXPORTER: &str = "tls-exporter";
const END_POINT: &str = "tls-server-end-point";

/// The number of iterations with which the accounts' keys are derived.
const ITERATIONS: u32 = 4096;

const INVALID: &str = "Invalid username or password";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivation_is_that_of_rfc_5802_and_7677() {
        // RFC 7677, section 3: user `user`, password `pencil`.
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = LabHash::Sha256.salted(b"pencil", &salt, 4096);
        let stored = LabHash::Sha256.digest(&LabHash::Sha256.hmac(&salted, b"Client Key"));
        let auth_message = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
            r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
            c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert!(proves(LabHash::Sha256, &stored, auth_message.as_bytes(), proof));
        assert!(!proves(LabHash::Sha256, &stored, b"another", proof));
        let server = LabHash::Sha256.hmac(&salted, b"Server Key");
        assert_eq!(
            BASE64_STANDARD.encode(LabHash::Sha256.hmac(&server, auth_message.as_bytes())),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn names_are_unescaped_and_nothing_else_is_let_through() {
        assert_eq!(unescaped("us=3Der=2Cx").as_deref(), Some("us=er,x"));
        assert_eq!(unescaped("us=er"), None);
    }
}
