//! Certificates (RFC 5280; RFC 6120, section 13.7; RFC 9525): whom one is good for, and whether it is believed.
//!
//! Asked by `secure` in the middle of a handshake. The report is made of every certificate, sound
//! or not. Names are those of the subject-alternative-name extension; a common name is no name.
//! Revocation is not checked: neither lists nor responders are asked.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::dns::a_label;
use super::secure::Fault;
use super::trace::{list, printable};

/// Whom we ask for, and so whose certificate must be shown (RFC 9525, section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The domain, as an A-label: what stands behind the `@`, never the target of an SRV record.
    pub domain: String,
    /// Another host name that an administrator vouches for: the pool's FQDN in the topology.
    pub host: Option<String>,
    /// What we want of the domain.
    pub role: Role,
}

/// What we want of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To serve us as its client.
    Client,
    /// To federate with us.
    Server,
}

/// A server's certificate and chain, for reports: on success as on failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateReport {
    /// Whom it was issued to.
    pub subject: String,
    /// Who issued it.
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
}

/// One certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Whom it was issued to.
    pub subject: String,
    /// Who issued it.
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

/// What can be wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It, or one that it depends on, is over.
    #[error("that of {whose} expired on {}", minute(*not_after))]
    Expired {
        /// Whom the one that is over was issued to.
        whose: String,
        /// When it ended.
        not_after: Timestamp,
    },
    /// It has not begun.
    #[error("not valid before {}", minute(*not_before))]
    NotYetValid {
        /// When it begins.
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
        /// Whom it is issued to, and by.
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
        /// Where the certificate says that it can be had (AIA caIssuers).
        published: Option<String>,
    },
    /// It may not be used for a TLS server.
    #[error("not meant for a server: {reason}")]
    WrongPurpose {
        /// What the check said.
        reason: String,
    },
    /// It, its signature or its chain is broken.
    #[error("not a sound certificate: {reason}")]
    Invalid {
        /// What the check said.
        reason: String,
    },
}

/// What can be wrong with a file of trusted issuers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaFileFault {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It holds no PEM certificate.
    #[error("no PEM certificate in it")]
    Empty,
    /// A part of it is no certificate.
    #[error("certificate {number} is not sound: {error}")]
    Broken {
        /// Which one, counted from 1.
        number: usize,
        /// What the parser said.
        error: String,
    },
}

/// The issuers that certificates may come from.
#[derive(Debug)]
pub(super) struct Anchors {
    roots: RootCertStore,
    /// The certificates of a private file, which may hold a server's own one.
    pinned: Vec<CertificateDer<'static>>,
}

impl Anchors {
    /// The issuers that the system trusts, and some more.
    pub(super) fn system(extra: &[CertificateDer<'static>]) -> Result<Self, Fault> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        roots.add_parsable_certificates(extra.iter().cloned());
        if roots.is_empty() {
            let reason = native.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
            return Err(Fault::NoRoots { reason });
        }
        Ok(Self { roots, pinned: extra.to_vec() })
    }

    /// The issuers in a PEM file, and no others.
    pub(super) fn from_file(path: &Path) -> Result<Self, Fault> {
        let fault = |reason| Fault::CaFile { path: path.to_owned(), reason };
        let mut pem = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_CA_FILE).read_to_end(&mut pem))
            .map_err(|error| fault(CaFileFault::Unreadable(error.to_string())))?;
        let mut roots = RootCertStore::empty();
        let mut pinned = Vec::new();
        for (index, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
            let broken = |error: String| fault(CaFileFault::Broken { number: index + 1, error });
            let certificate = certificate.map_err(|error| broken(error.to_string()))?;
            roots.add(certificate.clone()).map_err(|error| broken(error.to_string()))?;
            pinned.push(certificate);
        }
        if pinned.is_empty() {
            return Err(fault(CaFileFault::Empty));
        }
        Ok(Self { roots, pinned })
    }

    /// Whether one of the issuers belongs to the same organization as the one that is missing: then
    /// it is probably an intermediate of theirs.
    fn has_organization_of(&self, missing: &X509Name<'_>) -> bool {
        let organization = |name: &X509Name<'_>| {
            name.iter_organization().find_map(|part| part.as_str().ok().map(str::to_owned))
        };
        let Some(wanted) = organization(missing) else { return false };
        self.roots.roots.iter().any(|root| {
            let subject = sequence(&root.subject);
            X509Name::from_der(&subject).is_ok_and(|(_, name)| organization(&name).as_ref() == Some(&wanted))
        })
    }
}

/// Puts the tag and the length of a SEQUENCE before its content (X.690): anchors keep names without.
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let n_zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = &length[n_zeros.min(length.len() - 1)..];
    let mut der = vec![0x30];
    if content.len() < 0x80 {
        der.extend_from_slice(length);
    } else {
        der.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
        der.extend_from_slice(length);
    }
    der.extend_from_slice(content);
    der
}

/// Looks at what a server showed, the server's own certificate first.
///
/// # Errors
/// [`CertificateFault::Invalid`] where there is not even a certificate to report.
pub(super) fn inspect(
    chain: &[CertificateDer<'_>],
    identity: &Identity,
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
        fingerprint: fingerprint(der),
        chain: links,
        verdict,
    })
}

/// Whether the chain leads to an anchor, now (RFC 5280, section 6).
fn path(
    chain: &[CertificateDer<'_>],
    parsed: &[X509Certificate<'_>],
    anchors: &Anchors,
    algorithms: &WebPkiSupportedAlgorithms,
    now: UnixTime,
) -> Result<(), CertificateFault> {
    let (Some((own, others)), Some(own_parsed)) = (chain.split_first(), parsed.first()) else {
        return Err(CertificateFault::Invalid { reason: "no certificate".to_owned() });
    };
    if anchors.pinned.iter().any(|pinned| pinned == own) {
        return current(own_parsed, now);
    }
    let checked = ParsedCertificate::try_from(own).and_then(|certificate| {
        verify_server_cert_signed_by_trust_anchor(&certificate, &anchors.roots, others, now, algorithms.all)
    });
    let error = match checked {
        Ok(()) => return Ok(()),
        Err(rustls::Error::InvalidCertificate(error)) => error,
        Err(error) => return Err(CertificateFault::Invalid { reason: error.to_string() }),
    };
    parsed.iter().try_for_each(|certificate| current(certificate, now))?;
    if is_self_signed(own_parsed) {
        return Err(CertificateFault::SelfSigned { subject: name(own_parsed.subject()) });
    }
    let reason = reason(&error);
    Err(if error == CertificateError::UnknownIssuer {
        unknown_issuer(parsed, anchors)
    } else if error == CertificateError::BadSignature {
        CertificateFault::Namesake { issuer: name(end_of(parsed).issuer()) }
    } else if matches!(
        error,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. }
    ) {
        CertificateFault::WrongPurpose { reason }
    } else {
        CertificateFault::Invalid { reason }
    })
}

/// Whether a certificate has begun and is not over.
fn current(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), CertificateFault> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now > validity.not_after.timestamp() {
        let whose = name(certificate.subject());
        return Err(CertificateFault::Expired { whose, not_after: timestamp(validity.not_after) });
    }
    if now < validity.not_before.timestamp() {
        return Err(CertificateFault::NotYetValid { not_before: timestamp(validity.not_before) });
    }
    Ok(())
}

/// Why no anchor was found: the chain ends at a root that is not trusted, or before any root.
fn unknown_issuer(parsed: &[X509Certificate<'_>], anchors: &Anchors) -> CertificateFault {
    let last = end_of(parsed);
    let published = ca_issuers(last);
    if !is_self_signed(last) && (published.is_some() || anchors.has_organization_of(last.issuer())) {
        CertificateFault::IncompleteChain { missing: name(last.issuer()), published }
    } else {
        CertificateFault::UnknownIssuer { issuer: name(last.issuer()) }
    }
}

/// The certificate at which a chain ends that begins with the first one. Servers send chains in any order,
/// and with strangers in them: the issuers lead.
fn end_of<'a, 'der>(parsed: &'a [X509Certificate<'der>]) -> &'a X509Certificate<'der> {
    let mut end = 0;
    for _ in 0..parsed.len() {
        let issuer = |(index, other): (usize, &X509Certificate<'_>)| {
            (index != end && other.subject() == parsed[end].issuer()).then_some(index)
        };
        match parsed.iter().enumerate().find_map(issuer) {
            Some(next) if !is_self_signed(&parsed[end]) => end = next,
            _ => break,
        }
    }
    &parsed[end]
}

/// A moment to the minute: certificates are not made for seconds.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What a certificate breaks. The library names most of it by its variants, as in `CaUsedAsEndEntity`.
fn reason(error: &CertificateError) -> String {
    let said = printable(&error.to_string());
    let name = said.trim_start_matches("Other(OtherError(").trim_end_matches(')');
    let words = match name {
        "CaUsedAsEndEntity" => "a certificate of an authority is shown as a server's",
        "EndEntityUsedAsCa" => "it was issued by a certificate that may issue none",
        "UnsupportedCriticalExtension" => "it has a critical extension that nobody here understands",
        "UnsupportedCertVersion" => "it is not of version 3",
        "NameConstraintViolation" => "its issuer may not issue for its names",
        "PathLenConstraintViolated" => "its chain is longer than an issuer allows",
        "InvalidSerialNumber" => "its serial number is not sound",
        "BadEncoding" | "BadDer" => "its encoding is not sound",
        _ if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()) => return apart(name),
        _ => return said,
    };
    words.to_owned()
}

/// A name of several words, its words apart.
fn apart(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// Where a certificate says that its issuer's can be had (RFC 5280, section 4.2.2.1).
fn ca_issuers(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else { return None };
        access.iter().find_map(|description| {
            let GeneralName::URI(uri) = &description.access_location else { return None };
            (description.access_method.to_id_string() == CA_ISSUERS).then(|| printable(uri))
        })
    })
}

/// The names of the subject-alternative-name extension.
fn names(certificate: &X509Certificate<'_>) -> Vec<CertificateName> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| {
        if let GeneralName::DNSName(name) = name {
            return Some(CertificateName::Dns(printable(name)));
        }
        if let GeneralName::IPAddress(bytes) = name {
            return address(bytes).map(|address| CertificateName::Ip(address.to_string()));
        }
        let GeneralName::OtherName(kind, value) = name else { return None };
        let text = printable(explicit_text(value)?);
        match kind.to_id_string().as_str() {
            XMPP_ADDR => Some(CertificateName::XmppAddr(text)),
            SRV_NAME => Some(CertificateName::Srv(text)),
            _ => None,
        }
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// The text of an otherName's value: `[0] EXPLICIT` around a UTF8String or an IA5String (X.690).
fn explicit_text(der: &[u8]) -> Option<&str> {
    let string = value(der, &[0xA0])?;
    std::str::from_utf8(value(string, &[0x0C, 0x16])?).ok()
}

/// The content of a DER value that has one of these tags and fills the slice.
fn value<'a>(der: &'a [u8], tags: &[u8]) -> Option<&'a [u8]> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, content) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    (tags.contains(tag) && content.len() == length).then_some(content)
}

impl Identity {
    /// The name that is good for whom we ask for, if there is one.
    fn find<'a>(&self, names: &'a [CertificateName]) -> Option<&'a CertificateName> {
        let service = match self.role {
            Role::Client => "_xmpp-client.",
            Role::Server => "_xmpp-server.",
        };
        let for_domain = |name: &&CertificateName| match name {
            CertificateName::Dns(pattern) => covers(pattern, &self.domain),
            CertificateName::Srv(name) => {
                name.strip_prefix(service).is_some_and(|name| name.eq_ignore_ascii_case(&self.domain))
            }
            CertificateName::XmppAddr(name) => a_label(name).is_ok_and(|name| name == self.domain),
            CertificateName::Ip(_) => false,
        };
        let for_host = |name: &&CertificateName| match (name, &self.host) {
            (CertificateName::Dns(pattern), Some(host)) => covers(pattern, host),
            (_, _) => false,
        };
        names.iter().find(for_domain).or_else(|| names.iter().find(for_host))
    }
}

/// Whether a dNSName covers a host: equal, or with `*` for the whole of the first label (RFC 9525, section 6.3).
fn covers(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.trim_end_matches('.'), host.trim_end_matches('.'));
    match pattern.strip_prefix("*.") {
        None => pattern.eq_ignore_ascii_case(host),
        Some(rest) => {
            let label = host.split_once('.').filter(|(label, _)| !label.is_empty());
            rest.contains('.') && label.is_some_and(|(_, parent)| rest.eq_ignore_ascii_case(parent))
        }
    }
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

/// RFC 6120, section 13.7.1.4: id-on-xmppAddr.
const XMPP_ADDR: &str = "1.3.6.1.5.5.7.8.5";

/// RFC 4985, section 2: id-on-dnsSRV.
const SRV_NAME: &str = "1.3.6.1.5.5.7.8.7";

/// RFC 5280, section 4.2.2.1: id-ad-caIssuers.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

const SECONDS_PER_DAY: i64 = 86_400;

/// Names of a certificate that are reported; all of them are matched.
const MAX_NAMES: usize = 100;

/// Certificates of a chain that are reported.
const MAX_LINKS: usize = 16;

/// Characters of a serial number that are reported.
const MAX_TEXT: usize = 64;

/// Bytes of a file of trusted issuers that are read: twenty times what a system has.
const MAX_CA_FILE: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_covers_itself_and_a_wildcard_one_label() {
        for (pattern, host, expected) in [
            ("contoso.com", "CONTOSO.com.", true),
            ("*.contoso.com", "im.contoso.com", true),
            ("*.contoso.com", "contoso.com", false),
            ("*.contoso.com", ".contoso.com", false),
            ("*.contoso.com", "a.b.contoso.com", false),
            ("*", "contoso", false),
            ("*.com", "contoso.com", false),
            ("i*.contoso.com", "im.contoso.com", false),
            ("*.*.com", "a.b.com", false),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn a_sequence_has_the_length_that_der_gives_it() {
        for (n_bytes, header) in [
            (0, vec![0x30, 0]),
            (127, vec![0x30, 127]),
            (128, vec![0x30, 0x81, 128]),
            (256, vec![0x30, 0x82, 1, 0]),
        ] {
            assert_eq!(sequence(&vec![7; n_bytes])[..header.len()], header);
        }
    }

    fn anchors() -> Anchors {
        Anchors { roots: RootCertStore::empty(), pinned: Vec::new() }
    }

    fn look_at(der: &[u8]) -> Result<CertificateReport, CertificateFault> {
        let identity = Identity { domain: "contoso.com".to_owned(), host: None, role: Role::Client };
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let chain = [CertificateDer::from(der.to_vec()), CertificateDer::from(der.to_vec())];
        inspect(&chain, &identity, &anchors(), &algorithms, UnixTime::now())
    }

    proptest! {
        #[test]
        fn no_bytes_are_taken_for_a_good_certificate(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(look_at(&bytes).is_err());
            explicit_text(&bytes);
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
