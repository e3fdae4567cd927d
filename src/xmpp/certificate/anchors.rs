//! The issuers that certificates may come from: the system's, or those of a private file (RFC 5280, section 6.1.1).
//!
//! Read when a pool is first asked for, before any handshake. Decides nothing about a certificate.

use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::trusted;
use crate::xmpp::secure::Fault;

/// The issuers that certificates may come from.
#[derive(Debug)]
pub(in crate::xmpp) struct Anchors {
    pub(super) roots: RootCertStore,
    /// The certificates of a private file, which may hold a server's own one.
    pub(super) pinned: Vec<CertificateDer<'static>>,
}

impl Anchors {
    /// The issuers that the system trusts, and some more.
    pub(in crate::xmpp) fn system(extra: &[CertificateDer<'static>]) -> Result<Self, Fault> {
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
    pub(in crate::xmpp) fn from_file(path: &Path) -> Result<Self, Fault> {
        let fault = |reason| Fault::CaFile { path: path.to_owned(), reason };
        let mut pem = Vec::new();
        trusted::open_linked(path)
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
    pub(super) fn has_organization_of(&self, missing: &X509Name<'_>) -> bool {
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

/// The faults that a file of trusted issuers can have.
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
        /// The number of the certificate, counted from 1.
        number: usize,
        /// The error of the parser.
        error: String,
    },
}

/// Bytes of a file of trusted issuers that are read: twenty times what a system has.
const MAX_CA_FILE: u64 = 4 << 20;

#[cfg(test)]
impl Anchors {
    /// Nobody at all.
    pub(super) fn none() -> Self {
        Self { roots: RootCertStore::empty(), pinned: Vec::new() }
    }

    /// The one who has this certificate.
    pub(super) fn pinning(certificate: CertificateDer<'static>) -> Self {
        Self { pinned: vec![certificate], ..Self::none() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
