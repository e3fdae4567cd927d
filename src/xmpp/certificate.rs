//! Certificates (RFC 5280; RFC 6120, section 13.7; RFC 9525): whom one is good for, and whether it is believed.
//!
//! Asked by `secure` in the middle of a handshake. The report is made of every certificate, sound
//! or not. Names are those of the subject-alternative-name extension; a common name is no name.
//! Revocation is not checked: neither lists nor responders are asked.

mod names;
mod path;
mod anchors;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::trace::{list, printable};

pub(super) use self::anchors::Anchors;
pub use self::anchors::CaFileFault;
use self::names::names;
use self::path::path;

/// The identity that we ask for, and so the one whose certificate must be shown (RFC 9525, section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateIdentity {
    /// The domain, as an A-label: what stands behind the `@`, never the target of an SRV record.
    pub domain: String,
    /// Another host name that an administrator vouches for: the pool's FQDN in the topology.
    pub host: Option<String>,
    /// The role that the domain is to have.
    pub role: CertificateRole,
}

/// The role that a domain is to have for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRole {
    /// To serve us as its client.
    Client,
    /// To federate with us.
    Server,
}

/// A server's certificate and chain, for reports: on success as on failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateReport {
    /// The subject of the certificate.
    pub subject: String,
    /// The issuer of the certificate.
    pub issuer: String,
    /// The names that it is good for.
    pub names: Vec<CertificateName>,
    /// Good from.
    pub not_before: Timestamp,
    /// Good until.
    pub not_after: Timestamp,
    /// Whole days until then, counted down; negative when they are over.
    pub days_left: i64,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// The public key, as in `ECDSA P-256` or `RSA 2048`.
    pub key: String,
    /// The signature algorithm, as in `ecdsa-with-SHA256`.
    pub signature: String,
    /// The use that the certificate allows in TLS.
    pub purpose: KeyPurpose,
    /// SHA-256 of the certificate, in hexadecimal.
    pub fingerprint: String,
    /// Whether it is its own issuer.
    pub self_signed: bool,
    /// The certificates that the server sent, this one first.
    pub chain: Vec<ChainLink>,
    /// The verdict: the name that matched, or what is wrong with the certificate.
    pub verdict: Result<CertificateName, CertificateFault>,
}

impl CertificateReport {
    /// Whole days until the first certificate of the chain expires.
    pub fn chain_days_left(&self) -> i64 {
        self.chain.iter().map(|link| link.days_left).min().unwrap_or(self.days_left).min(self.days_left)
    }

    /// Returns the time at which the first certificate of the chain expires.
    pub fn chain_not_after(&self) -> Timestamp {
        self.chain.iter().map(|link| link.not_after).fold(self.not_after, Timestamp::min)
    }
}

/// The use that a certificate allows in TLS (RFC 5280, section 4.2.1.12). A server that connects to another one is
/// that one's client, and strict ones want its certificate to be meant for clients too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Whatever it takes: it names no purpose, or both.
    Any,
    /// To prove a server to its clients, and not to other servers.
    ServersOnly,
    /// To prove a client, and no server.
    ClientsOnly,
    /// Neither.
    Neither,
}

impl KeyPurpose {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let Ok(Some(named)) = certificate.extended_key_usage() else { return Self::Any };
        let named = named.value;
        match (named.any || named.server_auth, named.any || named.client_auth) {
            (true, true) => Self::Any,
            (true, false) => Self::ServersOnly,
            (false, true) => Self::ClientsOnly,
            (false, false) => Self::Neither,
        }
    }
}

/// One certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// The subject of the certificate.
    pub subject: String,
    /// The issuer of the certificate.
    pub issuer: String,
    /// Good until.
    pub not_after: Timestamp,
    /// Whole days until then.
    pub days_left: i64,
}

/// A name in a certificate (RFC 6120, section 13.7.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// A dNSName, perhaps with a wildcard.
    Dns(String),
    /// An SRVName (RFC 4985), as in `_xmpp-client.contoso.com`.
    Srv(String),
    /// An xmppAddr (RFC 6120, section 13.7.1.4).
    XmppAddr(String),
    /// An IP address; never matched, since nobody asks for one.
    Ip(String),
}

/// A fault of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It, or one that it depends on, is over.
    #[error("that of {whose} expired on {}", minute(*not_after))]
    Expired {
        /// The subject of the expired certificate.
        whose: String,
        /// The time at which the certificate expired.
        not_after: Timestamp,
    },
    /// It has not begun.
    #[error("not valid before {}", minute(*not_before))]
    NotYetValid {
        /// The time from which the certificate is valid.
        not_before: Timestamp,
    },
    /// It is good for other names.
    #[error("issued for {}, not for {wanted}", list(offered))]
    NameMismatch {
        /// The domain that was asked for.
        wanted: String,
        /// The names in the certificate.
        offered: Vec<CertificateName>,
    },
    /// It is its own issuer, and not among those that we trust.
    #[error("self-signed by {subject}")]
    SelfSigned {
        /// The subject of the certificate, which is its issuer too.
        subject: String,
    },
    /// Its chain ends at an issuer that we do not trust.
    #[error("issued by {issuer}, which is not trusted")]
    UnknownIssuer {
        /// The issuer at the chain's end.
        issuer: String,
    },
    /// A trusted issuer has the name that its chain ends at, and another key: the authority was made anew,
    /// or somebody uses its name.
    #[error("signed by another key than that of the trusted issuer {issuer}")]
    Namesake {
        /// The issuer at the chain's end.
        issuer: String,
    },
    /// An issuer between it and a trusted one is missing from what the server sent.
    #[error("the certificate of its issuer {missing} was not sent")]
    IncompleteChain {
        /// The issuer whose certificate is missing.
        missing: String,
        /// The address at which the issuer's certificate can be had, as the certificate says (AIA caIssuers).
        published: Option<String>,
    },
    /// It may not be used for a TLS server.
    #[error("not meant for a server: {reason}")]
    WrongPurpose {
        /// The text of the check's error.
        reason: String,
    },
    /// It, its signature or its chain is broken.
    #[error("not a sound certificate: {reason}")]
    Invalid {
        /// The text of the check's error.
        reason: String,
    },
}

/// Looks at what a server showed, the server's own certificate first.
///
/// # Errors
/// [`CertificateFault::Invalid`] where there is not even a certificate to report.
pub(super) fn inspect(
    chain: &[CertificateDer<'_>],
    identity: &CertificateIdentity,
    anchors: &Anchors,
    algorithms: &WebPkiSupportedAlgorithms,
    now: UnixTime,
) -> Result<CertificateReport, CertificateFault> {
    let invalid = |reason: String| CertificateFault::Invalid { reason };
    let parsed: Vec<X509Certificate<'_>> = chain
        .iter()
        .map(|der| X509Certificate::from_der(der).map(|(_, certificate)| certificate))
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(error.to_string()))?;
    let (Some(der), Some(own)) = (chain.first(), parsed.first()) else {
        return Err(invalid("no certificate".to_owned()));
    };
    let names = names(own);
    let verdict = path(chain, &parsed, anchors, algorithms, now).and_then(|()| match identity.find(&names) {
        Some(name) => Ok(name.clone()),
        None => Err(CertificateFault::NameMismatch {
            wanted: identity.domain.clone(),
            offered: names.iter().take(MAX_NAMES).cloned().collect(),
        }),
    });
    let links: Vec<_> =
        parsed.iter().take(MAX_LINKS).map(|certificate| ChainLink::new(certificate, now)).collect();
    let ChainLink { subject, issuer, not_after, days_left } = ChainLink::new(own, now);
    Ok(CertificateReport {
        self_signed: is_self_signed(own),
        subject,
        issuer,
        names: names.into_iter().take(MAX_NAMES).collect(),
        not_before: timestamp(own.validity().not_before),
        not_after,
        days_left,
        serial: own.raw_serial_as_string().to_ascii_uppercase().chars().take(MAX_TEXT).collect(),
        key: key(own),
        signature: signature(own),
        purpose: KeyPurpose::of(own),
        fingerprint: fingerprint(der),
        chain: links,
        verdict,
    })
}

/// The reports of the chains that were inspected in the present second.
///
/// The report of a chain follows from the chain, the identity, the issuers and the second: a batch logs on to a pool
/// many times in one, and its chain is looked at once. A report of an earlier second is never given.
#[derive(Debug, Default)]
pub(super) struct InspectionCache(Mutex<Vec<InspectedChain>>);

#[derive(Debug)]
struct InspectedChain {
    chain: Vec<CertificateDer<'static>>,
    identity: CertificateIdentity,
    anchors: Arc<Anchors>,
    at: UnixTime,
    report: CertificateReport,
}

impl InspectionCache {
    /// As [`inspect`], always with the same `algorithms`.
    ///
    /// # Errors
    /// As [`inspect`].
    pub(super) fn inspect(
        &self,
        chain: &[CertificateDer<'_>],
        identity: &CertificateIdentity,
        anchors: &Arc<Anchors>,
        algorithms: &WebPkiSupportedAlgorithms,
        now: UnixTime,
    ) -> Result<CertificateReport, CertificateFault> {
        let is_it = |known: &InspectedChain| {
            known.at == now
                && known.identity == *identity
                && Arc::ptr_eq(&known.anchors, anchors)
                && known.chain == chain
        };
        if let Some(known) = self.lock().iter().find(|known| is_it(known)) {
            return Ok(known.report.clone());
        }
        let report = inspect(chain, identity, anchors, algorithms, now)?;
        let mut known = self.lock();
        known.retain(|known| known.at == now);
        if known.len() < MAX_INSPECTED {
            known.push(InspectedChain {
                chain: chain.iter().map(|der| der.clone().into_owned()).collect(),
                identity: identity.clone(),
                anchors: Arc::clone(anchors),
                at: now,
                report: report.clone(),
            });
        }
        Ok(report)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<InspectedChain>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Chains of one second that are remembered.
const MAX_INSPECTED: usize = 16;

/// A moment to the minute: certificates are not made for seconds.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

impl ChainLink {
    /// Of a certificate by itself; nothing where it cannot be read.
    pub(super) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self::new(&certificate, UnixTime::now()))
    }

    fn new(certificate: &X509Certificate<'_>, now: UnixTime) -> Self {
        let not_after = certificate.validity().not_after;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Self {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            not_after: timestamp(not_after),
            days_left: not_after.timestamp().saturating_sub(now).div_euclid(SECONDS_PER_DAY),
        }
    }
}

fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
}

fn name(name: &X509Name<'_>) -> String {
    printable(&name.to_string())
}

fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}

/// SHA-256 in the form that OpenSSL and prosodyctl print.
fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn key(certificate: &X509Certificate<'_>) -> String {
    let key = certificate.public_key();
    match (key.parsed(), key.algorithm.algorithm.to_id_string().as_str()) {
        (Ok(PublicKey::RSA(rsa)), _) => format!("RSA {}", rsa.key_size()),
        // The size of a point of P-521 comes in whole bytes.
        (Ok(PublicKey::EC(point)), _) if point.key_size() == 528 => "ECDSA P-521".to_owned(),
        (Ok(PublicKey::EC(point)), _) => format!("ECDSA P-{}", point.key_size()),
        (_, "1.3.101.112") => "Ed25519".to_owned(),
        (_, "1.3.101.113") => "Ed448".to_owned(),
        (_, other) => other.to_owned(),
    }
}

fn signature(certificate: &X509Certificate<'_>) -> String {
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => other,
    }
    .to_owned()
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) | Self::Srv(name) | Self::Ip(name) => f.write_str(name),
            Self::XmppAddr(name) => write!(f, "xmpp:{name}"),
        }
    }
}

impl fmt::Display for CertificateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "certificate of {} for {}, issued by {}, good until {} ({} days)",
            self.subject,
            list(&self.names),
            self.issuer,
            self.not_after,
            self.days_left
        )?;
        match &self.verdict {
            Ok(name) => write!(f, ", matched by {name}"),
            Err(fault) => write!(f, ", not acceptable: {fault}"),
        }
    }
}

const SECONDS_PER_DAY: i64 = 86_400;

/// Names of a certificate that are reported; all of them are matched.
const MAX_NAMES: usize = 100;

/// Certificates of a chain that are reported.
const MAX_LINKS: usize = 16;

/// Characters of a serial number that are reported.
const MAX_TEXT: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anchors() -> Anchors {
        Anchors::none()
    }

    #[test]
    fn a_report_holds_for_its_second_and_for_whom_it_was_asked() {
        let certified = rcgen::generate_simple_self_signed(["contoso.com".to_owned()]).unwrap();
        let chain = [certified.cert.der().clone()];
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let (cache, now) = (InspectionCache::default(), UnixTime::now().as_secs());
        let (mistrusted, trusted) = (Arc::new(anchors()), Arc::new(Anchors::pinning(chain[0].clone())));
        let identity =
            |domain: &str, role| CertificateIdentity { domain: domain.to_owned(), host: None, role };
        let client = CertificateRole::Client;
        for (anchors, identity, later) in [
            (&mistrusted, identity("contoso.com", client), 0),
            (&trusted, identity("contoso.com", client), 0),
            (&trusted, identity("litwareinc.com", client), 0),
            (&trusted, identity("contoso.com", CertificateRole::Server), 0),
            (&trusted, identity("contoso.com", client), 86_400),
            (&trusted, identity("contoso.com", client), 86_400 * 1_000_000),
        ] {
            let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now + later));
            let report = inspect(&chain, &identity, anchors, &algorithms, at);
            for _ in 0..2 {
                assert_eq!(cache.inspect(&chain, &identity, anchors, &algorithms, at), report);
            }
        }
        assert_eq!(cache.lock().len(), 1, "only the last second is remembered");
    }

    fn look_at(der: &[u8]) -> Result<CertificateReport, CertificateFault> {
        let identity = CertificateIdentity {
            domain: "contoso.com".to_owned(),
            host: None,
            role: CertificateRole::Client,
        };
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let chain = [CertificateDer::from(der.to_vec()), CertificateDer::from(der.to_vec())];
        inspect(&chain, &identity, &anchors(), &algorithms, UnixTime::now())
    }

    proptest! {
        #[test]
        fn no_bytes_are_taken_for_a_good_certificate(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(look_at(&bytes).is_err());
        }

        #[test]
        fn a_damaged_certificate_is_reported_or_refused(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut der = rcgen::generate_simple_self_signed(["contoso.com".to_owned()]).unwrap().cert.der().to_vec();
            *position.get_mut(&mut der) = byte;
            if let Ok(report) = look_at(&der) {
                prop_assert!(report.verdict.is_err());
                prop_assert!(!report.to_string().contains(char::is_control));
            }
        }
    }
}
