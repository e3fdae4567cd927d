//! The certificates of the practice network: sound ones, and one for every way to get them wrong.
//!
//! All are made in memory when they are first shown. The servers share one key, so that a start costs
//! the generation of two keys and one signature.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, OtherNameValue, SanType, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::behaviour::{Behaviour, CertificateBehaviour, SaslBehaviour, TlsBehaviour};

/// The certificate and key that a host presents in TLS.
pub(super) struct ServerIdentity {
    pub(super) config: Arc<ServerConfig>,
    /// The hash of its certificate, whose signature uses SHA-256 (RFC 5929, section 4.1).
    pub(super) end_point: Vec<u8>,
}

/// The authority that issues the certificates of the practice network.
pub(super) struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    server_key: KeyPair,
}

impl Authority {
    /// A new one, that nobody knows yet.
    pub(super) fn new() -> io::Result<Self> {
        let root = issuer(ORGANIZATION, "CA", None).map_err(io::Error::other)?;
        let server_key = KeyPair::generate().map_err(io::Error::other)?;
        Ok(Self { root, server_key })
    }

    /// Its own certificate.
    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// Its own certificate as PEM, for a `ca_file`.
    pub(super) fn pem(&self) -> String {
        self.root.pem()
    }

    /// A TLS server for `names`, with this certificate.
    pub(super) fn identity(&self, names: &[&str], behaviour: &Behaviour) -> io::Result<ServerIdentity> {
        let chain = self.chain(names, behaviour.certificate).map_err(io::Error::other)?;
        let end_point = chain.first().map(|own| Sha256::digest(own).to_vec()).unwrap_or_default();
        let versions: &[_] = if behaviour.tls == TlsBehaviour::Only12 {
            &[&rustls::version::TLS12]
        } else {
            rustls::ALL_VERSIONS
        };
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(io::Error::other)?;
        let config = if behaviour.tls == TlsBehaviour::WantsCertificate {
            config.with_client_cert_verifier(self.clients()?.build().map_err(io::Error::other)?)
        } else if behaviour.logon == SaslBehaviour::Certificates {
            let clients = self.clients()?.allow_unauthenticated();
            config.with_client_cert_verifier(clients.build().map_err(io::Error::other)?)
        } else {
            config.with_no_client_auth()
        };
        let mut config = config.with_single_cert(chain, self.private_key()).map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"xmpp-client".to_vec(), b"xmpp-server".to_vec()];
        Ok(ServerIdentity { config: Arc::new(config), end_point })
    }

    /// Returns the verifier for the certificates of clients: a certificate that is presented must be issued by this
    /// authority.
    fn clients(&self) -> io::Result<ClientCertVerifierBuilder> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).map_err(io::Error::other)?;
        Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()))
    }

    /// A certificate for an account (RFC 6120, section 13.7.1.4) and its key, both as PEM.
    pub(super) fn client(&self, address: &str) -> Result<(String, String), rcgen::Error> {
        let mut params = leaf(&[])?;
        params.distinguished_name = called(address);
        let name = OtherNameValue::Utf8String(address.to_owned());
        params.subject_alt_names = vec![SanType::OtherName((XMPP_ADDR.to_vec(), name))];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.root)?.pem(), key.serialize_pem()))
    }

    /// The certificate, and the chain that is sent with it.
    fn chain(
        &self,
        names: &[&str],
        certificate: CertificateBehaviour,
    ) -> Result<Vec<CertificateDer<'static>>, rcgen::Error> {
        let key = &self.server_key;
        let epoch = date_time_ymd(1970, 1, 1);
        let mut params = leaf(names)?;
        let signed = match certificate {
            CertificateBehaviour::Sound => params.signed_by(key, &self.root)?,
            CertificateBehaviour::EndsSoon => {
                params.not_after = epoch + days(5);
                params.signed_by(key, &self.root)?
            }
            CertificateBehaviour::Expired => {
                params.not_before = epoch + days(-90);
                params.not_after = epoch + days(-3);
                params.signed_by(key, &self.root)?
            }
            CertificateBehaviour::NotYetValid => {
                params.not_before = epoch + days(1);
                params.signed_by(key, &self.root)?
            }
            CertificateBehaviour::WrongName => leaf(&[WRONG_NAME])?.signed_by(key, &self.root)?,
            CertificateBehaviour::SelfSigned => params.self_signed(key)?,
            CertificateBehaviour::UnknownIssuer => {
                params.signed_by(key, &*issuer("Nobody Known", "Private CA", None)?)?
            }
            CertificateBehaviour::Authority => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.signed_by(key, &self.root)?
            }
            CertificateBehaviour::Namesake => params.signed_by(key, &*issuer(ORGANIZATION, "CA", None)?)?,
            CertificateBehaviour::IncompleteChain => {
                let intermediate = issuer(ORGANIZATION, "Intermediate CA", Some(&self.root))?;
                params.signed_by(key, &*intermediate)?
            }
            CertificateBehaviour::ForClients => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                params.signed_by(key, &self.root)?
            }
            CertificateBehaviour::ForServers => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                params.signed_by(key, &self.root)?
            }
        };
        Ok(vec![signed.der().clone()])
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.server_key.serialize_der()))
    }
}

/// Whether a certificate names an account.
pub(super) fn is_for(certificate: &[u8], address: &str) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let names = certificate.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| {
        names.value.general_names.iter().any(|name| {
            let GeneralName::OtherName(_, value) = name else { return false };
            // The text stands in its own frame: a tag and a length before it.
            let frame = value.strip_suffix(address.as_bytes());
            frame.and_then(<[u8]>::last).is_some_and(|length| usize::from(*length) == address.len())
        })
    })
}

/// The OID of xmppAddr (RFC 6120, section 13.7.1.4).
const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// An authority, signed by another one or by itself.
fn issuer(
    organization: &str,
    name: &str,
    by: Option<&CertifiedIssuer<'static, KeyPair>>,
) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = called(&format!("{organization} {name}"));
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = epoch + days(-365);
    params.not_after = epoch + days(3650);
    let key = KeyPair::generate()?;
    match by {
        None => CertifiedIssuer::self_signed(params, key),
        Some(by) => CertifiedIssuer::signed_by(params, key, by),
    }
}

/// Returns the parameters of a sound certificate for a server, which is a client to other servers.
fn leaf(names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let epoch = date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = called(names.first().copied().unwrap_or_default());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = epoch + days(-30);
    params.not_after = epoch + days(365);
    Ok(params)
}

fn called(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// A point in time so many days from now, counted from the beginning of 1970.
fn days(n: i32) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let distance = Duration::from_secs(86_400 * u64::from(n.unsigned_abs()));
    if n < 0 { now.saturating_sub(distance) } else { now + distance }
}

/// The organization in the names of the authorities that issue sound certificates.
const ORGANIZATION: &str = "imsh practice network";

/// The name that the certificate with the wrong name is issued for.
const WRONG_NAME: &str = "www.litwareinc.com";
