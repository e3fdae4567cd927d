//! Whether a chain leads to an issuer that is believed (RFC 5280, section 6), and if not, where it breaks.
//!
//! rustls decides; what is here says why it did, in words that name the certificate that is to be mended.

use rustls::CertificateError;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::public_key::PublicKey;

use super::anchors::Anchors;
use super::{CertificateFault, is_self_signed, name, signature, timestamp};
use crate::xmpp::trace::printable;

/// Whether the chain leads to an anchor, now (RFC 5280, section 6), by keys that are accepted.
pub(super) fn path(
    chain: &[CertificateDer<'_>],
    parsed: &[X509Certificate<'_>],
    anchors: &Anchors,
    algorithms: &WebPkiSupportedAlgorithms,
    now: UnixTime,
) -> Result<(), CertificateFault> {
    let verdict = to_anchor(chain, parsed, anchors, algorithms, now);
    // What such a key has signed is no more than a wrong signature to the library.
    match (verdict, refused_key(parsed)) {
        (Ok(()) | Err(CertificateFault::Namesake { .. }), Some(reason)) => {
            Err(CertificateFault::Invalid { reason })
        }
        (verdict, _) => verdict,
    }
}

fn to_anchor(
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
        Ok(()) => return for_tls(own_parsed),
        Err(rustls::Error::InvalidCertificate(error)) => error,
        Err(error) => return Err(CertificateFault::Invalid { reason: error.to_string() }),
    };
    parsed.iter().try_for_each(|certificate| current(certificate, now))?;
    if is_self_signed(own_parsed) {
        return Err(CertificateFault::SelfSigned { subject: name(own_parsed.subject()) });
    }
    let reason = refused_signature(&error, parsed).unwrap_or_else(|| reason(&error));
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

/// Checks that a key may be used in TLS at all (RFC 5280, section 4.2.1.3). rustls does not look, and OpenSSL, which
/// servers and most clients go by, refuses a certificate whose key usage has none of these.
fn for_tls(own: &X509Certificate<'_>) -> Result<(), CertificateFault> {
    let Ok(Some(usage)) = own.key_usage() else { return Ok(()) };
    let usage = usage.value;
    if usage.digital_signature() || usage.key_encipherment() || usage.key_agreement() {
        return Ok(());
    }
    let reason = "its key usage allows neither signatures nor the exchange of keys".to_owned();
    Err(CertificateFault::WrongPurpose { reason })
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

/// Returns the reason why no anchor was found: the chain ends at a root that is not trusted, or before any root.
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

/// Returns the location at which a certificate says that its issuer's can be had (RFC 5280, section 4.2.2.1).
fn ca_issuers(certificate: &X509Certificate<'_>) -> Option<String> {
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else { return None };
        access.iter().find_map(|description| {
            let GeneralName::URI(uri) = &description.access_location else { return None };
            (description.access_method.to_id_string() == CA_ISSUERS).then(|| printable(uri))
        })
    })
}

/// A key of the chain that nothing is believed from, in words. Roots need not be in it, and sign nothing new.
fn refused_key(parsed: &[X509Certificate<'_>]) -> Option<String> {
    let but_roots = parsed.iter().enumerate().filter(|(n, other)| *n == 0 || !is_self_signed(other));
    but_roots.map(|(_, certificate)| certificate).find_map(|certificate| {
        let Ok(PublicKey::RSA(rsa)) = certificate.public_key().parsed() else { return None };
        let bits = rsa.key_size();
        (!ACCEPTED_RSA_BITS.contains(&bits)).then(|| {
            format!(
                "the key of {} is one of RSA with {bits} bits, and {} to {} are accepted",
                name(certificate.subject()),
                ACCEPTED_RSA_BITS.start(),
                ACCEPTED_RSA_BITS.end()
            )
        })
    })
}

/// A signature by an algorithm that is not accepted any more (RFC 9155, and the rules of the issuers), in words.
fn refused_signature(error: &CertificateError, parsed: &[X509Certificate<'_>]) -> Option<String> {
    let is_of_signature = matches!(
        error,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
    );
    let is_of_old = |certificate: &&X509Certificate<'_>| {
        let name = signature(certificate).to_ascii_lowercase();
        name.contains("sha1") || name.contains("md5")
    };
    if !is_of_signature {
        return None;
    }
    let culprit = parsed.iter().find(is_of_old).or(parsed.first())?;
    Some(format!(
        "the certificate of {} is signed by {}, which is not accepted any more",
        name(culprit.subject()),
        signature(culprit)
    ))
}

/// Returns the rule that a certificate breaks, in words. The library names most of them by its variants, as in
/// `CaUsedAsEndEntity`.
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
        _ if said.contains('{') || said.contains('[') => {
            "the library refuses it, for a reason that has no words"
        }
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

/// RFC 5280, section 4.2.2.1: id-ad-caIssuers.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
/// Of a key of RSA (SP 800-131A, and what ring takes).
const ACCEPTED_RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
