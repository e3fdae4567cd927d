//! SCRAM (RFC 5802, RFC 7677): what the client says, and what it demands of the server.
//!
//! Three values, one per step, each made only from the one before: `ClientFirst` → `ClientFinal` →
//! `ScramProof`. Talks to nobody. Refuses what other implementations were seen to accept: a server nonce
//! that does not extend ours, one round of key derivation, twenty million rounds, success without the
//! server's signature.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::ScramKeys;
use super::mechanism::ChannelBindingFlag;
use crate::xmpp::condition::ScramCondition;
use crate::xmpp::trace::printable;

/// The hash function of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramHash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The number of iterations of key derivation that a server may ask for: fewer would let anybody who watches guess
/// the password (RFC 7677, section 4), more would be an attack on us.
pub const ITERATIONS: std::ops::RangeInclusive<u64> = 4096..=1_000_000;

/// The mistake that a server made in SCRAM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its message does not read as one of SCRAM.
    #[error("the server's message has no valid `{attribute}`")]
    Malformed {
        /// The attribute that is missing or cannot be read.
        attribute: char,
    },
    /// It demands an extension that nobody has defined.
    #[error("the server demands the extension `{extension}`")]
    MandatoryExtension {
        /// The extension, as sent.
        extension: String,
    },
    /// Its nonce does not begin with ours: its challenge was made for somebody else.
    #[error("the server's nonce does not extend ours")]
    ForeignNonce,
    /// It asks for too little or too much work.
    #[error("an iteration count of {asked}, outside {} to {}", ITERATIONS.start(), ITERATIONS.end())]
    Iterations {
        /// The count that the server asks for; the largest number where it cannot be counted.
        asked: u64,
    },
    /// It says that the authentication failed.
    #[error("the server says `{0}`")]
    ServerError(ScramCondition),
    /// Its signature is wrong: it does not know the account's keys.
    #[error("the server's signature is wrong")]
    WrongSignature,
    /// It says success, and has not proved that it knows the account's keys.
    #[error("the server claims success without proof")]
    NoProof,
}

/// The client's first message, and what must be remembered of it.
pub(super) struct ClientFirst {
    hash: ScramHash,
    header: String,
    channel: Vec<u8>,
    bare: String,
    nonce: String,
}

/// A challenge that was read and found in order.
pub(super) struct Challenge {
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
    nonce: String,
    message: String,
}

/// The client's final message.
pub(super) struct ClientFinal {
    pub(super) message: Zeroizing<String>,
    pub(super) proof: ScramProof,
}

/// The signature that the server must answer with.
pub(super) struct ScramProof {
    expected: Vec<u8>,
}

impl ClientFirst {
    /// The first message of `user`, whose name was prepared with SASLprep. `nonce` is printable ASCII
    /// without a comma, and new every time.
    pub(super) fn new(hash: ScramHash, user: &str, channel: ChannelBindingFlag, nonce: String) -> Self {
        let (header, channel) = match channel {
            ChannelBindingFlag::Unbound => ("n,,".to_owned(), Vec::new()),
            ChannelBindingFlag::NotOffered => ("y,,".to_owned(), Vec::new()),
            ChannelBindingFlag::Bound { kind, data } => (format!("p={kind},,"), data),
        };
        let bare = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
        Self { hash, header, channel, bare, nonce }
    }

    /// The message.
    pub(super) fn message(&self) -> String {
        [&*self.header, &self.bare].concat()
    }

    /// Reads the server's first message (RFC 5802, section 5.1).
    pub(super) fn challenge(&self, message: &str) -> Result<Challenge, Fault> {
        let mut attributes = message.split(',').map(|attribute| match attribute.split_once('=') {
            Some((name, value)) => (name, value),
            None => (attribute, ""),
        });
        let mut next = |wanted: &'static str| match attributes.next() {
            Some((name, value)) if name == wanted => Ok(value),
            Some(("m", extension)) => Err(Fault::MandatoryExtension { extension: printable(extension) }),
            Some(("e", value)) => Err(Fault::ServerError(ScramCondition::from_name(value))),
            Some(_) | None => Err(malformed(wanted)),
        };
        let (nonce, salt, iterations) = (next("r")?, next("s")?, next("i")?);
        if let Some((_, extension)) = attributes.find(|(name, _)| *name == "m") {
            return Err(Fault::MandatoryExtension { extension: printable(extension) });
        }
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(Fault::ForeignNonce);
        }
        if iterations.is_empty() || !iterations.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed("i"));
        }
        let asked = iterations.parse().unwrap_or(u64::MAX);
        let iterations = u32::try_from(asked)
            .ok()
            .filter(|_| ITERATIONS.contains(&asked))
            .ok_or(Fault::Iterations { asked })?;
        let salt = BASE64.decode(salt).ok().filter(|salt| !salt.is_empty()).ok_or_else(|| malformed("s"))?;
        Ok(Challenge { salt, iterations, nonce: nonce.to_owned(), message: message.to_owned() })
    }

    /// The final message (RFC 5802, section 3), which proves that we know the keys.
    pub(super) fn answer(self, challenge: &Challenge, keys: &ScramKeys) -> ClientFinal {
        let Self { hash, header, channel, bare, nonce: _ } = self;
        let binding = BASE64.encode([header.as_bytes(), &channel].concat());
        let without_proof = format!("c={binding},r={}", challenge.nonce);
        let signed = format!("{bare},{},{without_proof}", challenge.message);
        let signature = hash.hmac(&hash.digest(&keys.client), signed.as_bytes());
        let proof: Vec<u8> = keys.client.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        ClientFinal {
            message: Zeroizing::new(format!("{without_proof},p={}", BASE64.encode(proof))),
            proof: ScramProof { expected: hash.hmac(&keys.server, signed.as_bytes()) },
        }
    }
}

impl ScramProof {
    /// Checks the server's final message (RFC 5802, section 5.1) in constant time.
    pub(super) fn check(&self, message: &str) -> Result<(), Fault> {
        let first = message.split(',').next().unwrap_or_default();
        if let Some(value) = first.strip_prefix("e=") {
            return Err(Fault::ServerError(ScramCondition::from_name(value)));
        }
        let signature = first
            .strip_prefix("v=")
            .and_then(|signature| BASE64.decode(signature).ok())
            .ok_or_else(|| malformed("v"))?;
        if bool::from(signature.ct_eq(&self.expected)) { Ok(()) } else { Err(Fault::WrongSignature) }
    }
}

impl ScramHash {
    /// `Hi()` of RFC 5802, section 2.2: PBKDF2 with one block of output.
    pub(super) fn stretch(self, password: &[u8], salt: &[u8], iterations: u32) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; self.length()]);
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut key),
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut key),
            Self::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut key),
        }
        key
    }

    pub(super) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        fn sign<M: Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
            // HMAC takes a key of any length, so there is no error to hand on.
            <M as Mac>::new_from_slice(key)
                .map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
                .unwrap_or_default()
        }
        match self {
            Self::Sha1 => sign::<Hmac<Sha1>>(key, data),
            Self::Sha256 => sign::<Hmac<Sha256>>(key, data),
            Self::Sha512 => sign::<Hmac<Sha512>>(key, data),
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// Shows what was negotiated and no key.
impl fmt::Debug for ClientFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFirst").field("hash", &self.hash).field("header", &self.header).finish()
    }
}

fn malformed(attribute: &str) -> Fault {
    Fault::Malformed { attribute: attribute.chars().next().unwrap_or(' ') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xmpp::sasl::keys::derive;

    fn client(hash: ScramHash, user: &str, nonce: &str) -> ClientFirst {
        ClientFirst::new(hash, user, ChannelBindingFlag::Unbound, nonce.to_owned())
    }

    fn exchange(hash: ScramHash, nonce: &str, challenge: &str) -> ClientFinal {
        let first = client(hash, "user", nonce);
        assert_eq!(first.message(), format!("n,,n=user,r={nonce}"));
        let challenge = first.challenge(challenge).unwrap();
        let keys = derive(hash, "pencil", &challenge.salt, challenge.iterations);
        first.answer(&challenge, &keys)
    }

    /// RFC 5802, section 5.
    #[test]
    fn the_vector_of_scram_sha_1() {
        let last = exchange(
            ScramHash::Sha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        );
        assert_eq!(
            *last.message,
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert_eq!(last.proof.check("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), Ok(()));
    }

    /// RFC 7677, section 3.
    #[test]
    fn the_vector_of_scram_sha_256() {
        let last = exchange(
            ScramHash::Sha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        );
        assert_eq!(
            *last.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(last.proof.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
        assert_eq!(
            last.proof.check("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
            Err(Fault::WrongSignature)
        );
        assert_eq!(last.proof.check("v="), Err(Fault::WrongSignature));
        assert_eq!(
            last.proof.check("e=invalid-proof"),
            Err(Fault::ServerError(ScramCondition::InvalidProof))
        );
        assert_eq!(last.proof.check("nonsense"), Err(Fault::Malformed { attribute: 'v' }));
    }

    #[test]
    fn a_name_with_separators_is_escaped() {
        assert_eq!(client(ScramHash::Sha1, "us=er,x", "N").message(), "n,,n=us=3Der=2Cx,r=N");
    }

    #[test]
    fn a_bound_channel_is_part_of_what_is_proved() {
        let channel = ChannelBindingFlag::Bound { kind: "tls-exporter", data: b"data".to_vec() };
        let first = ClientFirst::new(ScramHash::Sha1, "user", channel, "N".to_owned());
        assert_eq!(first.message(), "p=tls-exporter,,n=user,r=N");
        let challenge = first.challenge("r=Nx,s=c2FsdA==,i=4096").unwrap();
        let keys = derive(ScramHash::Sha1, "pencil", &challenge.salt, challenge.iterations);
        let last = first.answer(&challenge, &keys);
        assert!(last.message.starts_with("c=cD10bHMtZXhwb3J0ZXIsLGRhdGE=,r=Nx,p="), "{}", *last.message);
    }

    #[test]
    fn hostile_challenges_are_refused_before_any_work() {
        let mandatory = || Fault::MandatoryExtension { extension: "x".into() };
        for (message, fault) in [
            ("r=NONCEx,s=c2FsdA==,i=1", Fault::Iterations { asked: 1 }),
            ("r=NONCEx,s=c2FsdA==,i=4095", Fault::Iterations { asked: 4095 }),
            ("r=NONCEx,s=c2FsdA==,i=20000000", Fault::Iterations { asked: 20_000_000 }),
            ("r=NONCEx,s=c2FsdA==,i=99999999999999999999999", Fault::Iterations { asked: u64::MAX }),
            ("r=NONCEx,s=c2FsdA==,i=+5000", Fault::Malformed { attribute: 'i' }),
            ("r=NONCEx,s=c2FsdA==", Fault::Malformed { attribute: 'i' }),
            ("r=NONCEx,s=!,i=4096", Fault::Malformed { attribute: 's' }),
            ("r=NONCEx,s=,i=4096", Fault::Malformed { attribute: 's' }),
            ("r=NONCE,s=c2FsdA==,i=4096", Fault::ForeignNonce),
            ("r=other,s=c2FsdA==,i=4096", Fault::ForeignNonce),
            ("m=x,r=NONCEx,s=c2FsdA==,i=4096", mandatory()),
            ("r=NONCEx,s=c2FsdA==,i=4096,m=x", mandatory()),
            ("e=unknown-user", Fault::ServerError(ScramCondition::UnknownUser)),
            ("", Fault::Malformed { attribute: 'r' }),
        ] {
            let refused = client(ScramHash::Sha256, "user", "NONCE").challenge(message).err();
            assert_eq!(refused, Some(fault), "{message}");
        }
        // What is not known is passed over: ejabberd 24.02 adds such attributes (XEP-0474).
        assert!(
            client(ScramHash::Sha256, "user", "NONCE").challenge("r=NONCEx,s=c2FsdA==,i=4096,h=x").is_ok()
        );
    }
}
