//! Secure (RFC 6120, sections 5 and 13.7; RFC 9525; XEP-0368): TLS, and who is at its other end.
//!
//! A [`VerifiedTls`] connection is made nowhere else. There is no option that makes one of a
//! connection whose certificate was not checked.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, ResolvesClientCert, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, PeerIncompatible,
    ProtocolVersion, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::SignatureAlgorithm;

use super::certificate::{Anchors, CertificateIdentity, CertificateRole};
use super::connect::RecordedTcp;
use super::network::{Network, Trust};
use super::resolve::TlsStart;
use super::trace::{Fact, Trace, printable};
use crate::secret::Secret;

pub use super::certificate::{CaFileFault, CertificateFault, CertificateName, CertificateReport, ChainLink};

/// A connection in the clear that is about to be encrypted, and whom it should lead to.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The identity that we ask for.
    pub identity: &'a CertificateIdentity,
    /// The issuers whose certificates are trusted.
    pub trust: &'a Trust,
    /// The way in which TLS begins here: direct TLS names its protocol (XEP-0368, section 3).
    pub kind: TlsStart,
    /// The certificate that we show when the server asks who we are.
    pub client_certificate: Option<&'a ClientCertificate>,
}

/// A certificate and key that prove who we are (SASL EXTERNAL, RFC 4422, appendix A).
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

impl ClientCertificate {
    /// Reads a certificate, its chain behind it, and its key, all PEM.
    ///
    /// # Errors
    /// [`Fault::ClientCertificate`] where one is missing, or they do not belong together.
    pub fn from_pem(certificates: &str, key: &Secret) -> Result<Self, Fault> {
        let fault = |reason: String| Fault::ClientCertificate { reason };
        let chain = CertificateDer::pem_slice_iter(certificates.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| fault(format!("certificate: {error}")))?;
        if chain.is_empty() {
            return Err(fault("no PEM certificate".to_owned()));
        }
        if key.expose().contains("ENCRYPTED PRIVATE KEY") || key.expose().contains("Proc-Type: 4,ENCRYPTED") {
            return Err(fault("the key is locked with a passphrase".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| fault("no PEM key".to_owned()))?;
        let certified = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider());
        certified.map(|certified| Self(Arc::new(certified))).map_err(|error| fault(error.to_string()))
    }

    /// Returns the subject, the issuer and the validity of the certificate; `None` where it cannot be read.
    pub fn link(&self) -> Option<ChainLink> {
        ChainLink::of(self.0.end_entity_cert().ok()?)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// Encrypts a connection and checks who is at its other end.
///
/// # Errors
/// See [`Fault`]; the certificate that was shown is in the trace either way.
pub async fn verify(
    wire: RecordedTcp,
    handshake: &Handshake<'_>,
    network: &Network,
    trace: &mut Trace,
) -> Result<VerifiedTls<TlsStream<RecordedTcp>>, Fault> {
    let io = negotiate(wire, handshake, Unacceptable::Refuse, network, trace).await?;
    let bindings = ChannelBindings::of(io.get_ref().1);
    Ok(VerifiedTls { io, bindings })
}

/// Encrypts a connection whoever is at its other end, to look at what is said there. What the
/// certificate is worth is in the trace. The result is not [`VerifiedTls`]: no secret can go that way.
///
/// # Errors
/// See [`Fault`]; [`Fault::Certificate`] only where its key signs nothing that is accepted.
pub async fn look(
    wire: RecordedTcp,
    handshake: &Handshake<'_>,
    network: &Network,
    trace: &mut Trace,
) -> Result<TlsStream<RecordedTcp>, Fault> {
    negotiate(wire, handshake, Unacceptable::Report, network, trace).await
}

async fn negotiate(
    mut wire: RecordedTcp,
    handshake: &Handshake<'_>,
    unacceptable: Unacceptable,
    network: &Network,
    trace: &mut Trace,
) -> Result<TlsStream<RecordedTcp>, Fault> {
    let name = ServerName::try_from(handshake.identity.domain.clone())
        .map_err(|error| Fault::Handshake { reason: error.to_string() })?;
    let verifier = Arc::new(Verifier {
        identity: handshake.identity.clone(),
        anchors: network.anchors(handshake.trust).await?,
        network: network.clone(),
        unacceptable,
        seen: Mutex::new(None),
    });
    let ours = Arc::new(Ours {
        certified: handshake.client_certificate.map(|ClientCertificate(certified)| Arc::clone(certified)),
        is_asked_for: AtomicBool::new(false),
    });
    let config = config(handshake, Arc::clone(&verifier), Arc::clone(&ours), network)?;
    wire.forget_opening();
    let result = TlsConnector::from(Arc::new(config)).connect(name, wire).into_fallible().await;
    let seen = verifier.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let verdict = match seen {
        None => Ok(()),
        Some(Err(fault)) => Err(fault),
        Some(Ok(report)) => {
            let verdict = report.verdict.clone().map(drop);
            trace.learn(Fact::Certificate(Box::new(report)));
            verdict
        }
    };
    match (result, verdict) {
        (Ok(io), _) => {
            trace.learn(Fact::Tls(TlsParameters::of(io.get_ref().1, ours.shown())));
            Ok(io)
        }
        (Err((error, _)), Err(fault))
            if unacceptable == Unacceptable::Refuse || is_of_certificate(&error) =>
        {
            Err(Fault::Certificate(fault))
        }
        (Err((error, wire)), _) => Err(Fault::of(&error, wire.opening(), ours.shown())),
    }
}

/// Whether we ended the handshake for what the certificate is, or for what its key signed.
fn is_of_certificate(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

/// Returns what the configuration of every handshake begins as: it trusts nobody, until it gets a verifier.
///
/// A configuration is costly to make, and cheap to clone.
pub(super) fn blank_config(provider: &Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    // A resumed session shows no certificate, and a verification is to see the one of today.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn config(
    handshake: &Handshake<'_>,
    verifier: Arc<Verifier>,
    ours: Arc<Ours>,
    network: &Network,
) -> Result<ClientConfig, Fault> {
    let mut config =
        network.blank_config().map_err(|error| Fault::Handshake { reason: error.to_string() })?.clone();
    config.dangerous().set_certificate_verifier(verifier);
    config.client_auth_cert_resolver = ours;
    if handshake.kind == TlsStart::Direct {
        config.alpn_protocols = vec![match handshake.identity.role {
            CertificateRole::Client => b"xmpp-client".to_vec(),
            CertificateRole::Server => b"xmpp-server".to_vec(),
        }];
    }
    Ok(config)
}

/// The treatment of a handshake whose certificate is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unacceptable {
    /// It ends.
    Refuse,
    /// It goes on, and the report says so.
    Report,
}

/// The certificate that we show when the server asks who we are, and whether it did.
#[derive(Debug)]
struct Ours {
    certified: Option<Arc<CertifiedKey>>,
    is_asked_for: AtomicBool,
}

impl Ours {
    fn shown(&self) -> Shown {
        match (self.is_asked_for.load(Ordering::Relaxed), &self.certified) {
            (false, _) => Shown::NotAsked,
            (true, None) => Shown::Nothing,
            (true, Some(_)) => Shown::Certificate,
        }
    }
}

impl ResolvesClientCert for Ours {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.is_asked_for.store(true, Ordering::Relaxed);
        self.certified.clone()
    }

    fn has_certs(&self) -> bool {
        self.certified.is_some()
    }
}

/// Checks the certificate in the middle of a handshake, and keeps what it saw.
#[derive(Debug)]
struct Verifier {
    identity: CertificateIdentity,
    anchors: Arc<Anchors>,
    network: Network,
    unacceptable: Unacceptable,
    seen: Mutex<Option<Result<CertificateReport, CertificateFault>>>,
}

impl Verifier {
    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.network.provider().signature_verification_algorithms
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain: Vec<_> =
            std::iter::once(own).chain(others).map(|der| CertificateDer::from(&**der)).collect();
        let inspected = self.network.inspected();
        let seen = inspected.inspect(&chain, &self.identity, &self.anchors, self.algorithms(), now);
        let fault = match &seen {
            Ok(report) => report.verdict.as_ref().err().cloned(),
            Err(fault) => Some(fault.clone()),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        match (fault, self.unacceptable) {
            (None, _) | (Some(_), Unacceptable::Report) => Ok(ServerCertVerified::assertion()),
            (Some(fault), Unacceptable::Refuse) => Err(fault.alert().into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

impl CertificateFault {
    /// Returns the error that the server is told about the certificate.
    fn alert(&self) -> CertificateError {
        match self {
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            Self::NameMismatch { .. } => CertificateError::NotValidForName,
            Self::SelfSigned { .. }
            | Self::UnknownIssuer { .. }
            | Self::Namesake { .. }
            | Self::IncompleteChain { .. } => CertificateError::UnknownIssuer,
            Self::WrongPurpose { .. } => CertificateError::InvalidPurpose,
            Self::Invalid { .. } => CertificateError::BadEncoding,
        }
    }
}

impl Fault {
    /// Returns the fault behind a handshake that ended with this error, after these first bytes of an answer.
    fn of(error: &io::Error, opening: &[u8], shown: Shown) -> Self {
        if opening.first().is_some_and(|byte| !TLS_RECORDS.contains(byte)) {
            return Self::NotTls { said: printable(&String::from_utf8_lossy(opening)) };
        }
        let Some(tls) = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) else {
            const RESETS: [io::ErrorKind; 2] = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
            return if error.kind() == io::ErrorKind::UnexpectedEof {
                Self::Closed
            } else if RESETS.contains(&error.kind()) {
                Self::Reset
            } else {
                Self::Handshake { reason: error.to_string() }
            };
        };
        let reason = printable(&tls.to_string());
        if TOO_OLD.contains(tls) {
            return Self::TooOld { reason };
        }
        if let rustls::Error::AlertReceived(alert) = tls {
            return Self::HandshakeRefused { alert: format!("{alert:?}"), shown };
        }
        Self::Handshake { reason }
    }
}

/// The errors by which rustls says that the other side has only what RFC 7590 forbids.
const TOO_OLD: [rustls::Error; 3] = [
    rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
    rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
    rustls::Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig),
];

impl TlsParameters {
    fn of(connection: &ClientConnection, shown: Shown) -> Self {
        Self {
            shown,
            // rustls writes `TLSv1_3`.
            version: connection
                .protocol_version()
                .map_or_else(String::new, |v| format!("{v:?}").replace('_', ".")),
            cipher: connection
                .negotiated_cipher_suite()
                .map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            group: connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
            alpn: connection.alpn_protocol().map(|protocol| printable(&String::from_utf8_lossy(protocol))),
        }
    }
}

impl ChannelBindings {
    fn of(connection: &ClientConnection) -> Self {
        // RFC 9266, section 3: the context is there and empty, which only TLS 1.3 takes for none.
        let exporter = (connection.protocol_version() == Some(ProtocolVersion::TLSv1_3))
            .then(|| connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok())
            .flatten();
        let certificate = connection.peer_certificates().and_then(<[_]>::first);
        Self {
            tls_exporter: exporter,
            tls_server_end_point: certificate.and_then(|der| server_end_point(der)),
        }
    }
}

/// The certificate's hash, by the hash of its signature, and by SHA-256 where that is MD5 or SHA-1
/// (RFC 5929, section 4.1). Undefined where the signature has no single hash (Ed25519).
fn server_end_point(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm = &certificate.signature_algorithm;
    let hash = match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.10" => {
            let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm)
            else {
                return None;
            };
            parameters.hash_algorithm_oid().to_id_string()
        }
        other => other.to_owned(),
    };
    match hash.as_str() {
        // Signatures by RSA and by ECDSA, and the hashes that RSASSA-PSS names: MD5, SHA-1, SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2"
        | "1.3.14.3.2.26"
        | "2.16.840.1.101.3.4.2.1" => Some(Sha256::digest(der).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => {
            Some(Sha384::digest(der).to_vec())
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => {
            Some(Sha512::digest(der).to_vec())
        }
        _ => None,
    }
}

/// An encrypted connection whose other end proved to be who we asked for: the only kind that a
/// password or a proof of one is ever written to.
#[derive(Debug)]
pub struct VerifiedTls<Io> {
    io: Io,
    bindings: ChannelBindings,
}

impl<Io> VerifiedTls<Io> {
    /// Returns the channel bindings that tie an authentication to this connection.
    pub fn bindings(&self) -> &ChannelBindings {
        &self.bindings
    }
}

impl VerifiedTls<DuplexStream> {
    /// A pipe inside this process, for plays and exercises: it has no other end to be verified.
    pub fn in_memory(io: DuplexStream, bindings: ChannelBindings) -> Self {
        Self { io, bindings }
    }
}

/// The channel bindings that both TLS and we can do (RFC 9266, RFC 5929, XEP-0440).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// `tls-exporter` (RFC 9266): only on TLS 1.3.
    pub tls_exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929): the hash of the server's certificate, where its
    /// signature algorithm has one.
    pub tls_server_end_point: Option<Vec<u8>>,
}

/// The parameters that a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsParameters {
    /// The version, as in `TLSv1.3`.
    pub version: String,
    /// The cipher suite, as in `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The key exchange group, as in `X25519`.
    pub group: Option<String>,
    /// The application protocol (ALPN), as in `xmpp-client`.
    pub alpn: Option<String>,
    /// The certificate that the server saw of us, if any.
    pub shown: Shown,
}

/// The outcome of a server's request for a certificate of ours (RFC 8446, section 4.3.2). Many servers make it, and
/// let in whoever shows none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// It had none.
    #[default]
    NotAsked,
    /// We have none to show.
    Nothing,
    /// It was shown ours.
    Certificate,
}

/// The faults that can occur in Secure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The certificate is not acceptable.
    #[error("the certificate is not acceptable: {0}")]
    Certificate(#[from] CertificateFault),
    /// The server ended the handshake with an alert (RFC 8446, section 6).
    #[error("the server refused the handshake: {alert}")]
    HandshakeRefused {
        /// The alert, as in `HandshakeFailure`.
        alert: String,
        /// The certificate that the server had seen of us, if any.
        shown: Shown,
    },
    /// The server speaks no version that is still allowed (RFC 7590: TLS 1.2 and up).
    #[error("the server speaks no TLS 1.2 or 1.3")]
    TooOld {
        /// The error of the handshake.
        reason: String,
    },
    /// The answer to our handshake is not TLS.
    #[error("the answer is not TLS: {said:?}")]
    NotTls {
        /// The first bytes of it, as far as they are text.
        said: String,
    },
    /// The answer to our stream header is TLS: the port wants direct TLS.
    #[error("the port speaks TLS at once")]
    SpeaksTls,
    /// The server offers no STARTTLS.
    #[error("no STARTTLS among the features")]
    NoStartTls,
    /// The server answered `<starttls/>` with `<failure/>`.
    #[error("the server failed STARTTLS")]
    StartTlsFailed,
    /// Plaintext came behind `<proceed/>`: somebody injected it.
    #[error("{n_bytes} bytes of plaintext behind <proceed/>")]
    Injected {
        /// The number of bytes.
        n_bytes: usize,
    },
    /// The connection was closed in the handshake.
    #[error("closed in the TLS handshake")]
    Closed,
    /// The connection was reset in the handshake.
    #[error("reset in the TLS handshake")]
    Reset,
    /// The handshake broke the protocol.
    #[error("the TLS handshake failed: {reason}")]
    Handshake {
        /// The error of our side.
        reason: String,
    },
    /// The file of trusted issuers cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The fault of the file.
        reason: CaFileFault,
    },
    /// This machine trusts no issuer at all.
    #[error("no trusted issuers on this machine: {reason}")]
    NoRoots {
        /// The error that loading them gave.
        reason: String,
    },
    /// The client certificate or its key cannot be used.
    #[error("the client certificate cannot be used: {reason}")]
    ClientCertificate {
        /// The reason why it cannot be used.
        reason: String,
    },
}

impl<Io: AsyncRead + Unpin> AsyncRead for VerifiedTls<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for VerifiedTls<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl fmt::Display for TlsParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, self.cipher)?;
        if let Some(group) = &self.group {
            write!(f, ", {group}")?;
        }
        if let Some(alpn) = &self.alpn {
            write!(f, ", ALPN {alpn}")?;
        }
        Ok(())
    }
}

/// The first byte of every TLS record (RFC 8446, section 5.1).
const TLS_RECORDS: std::ops::RangeInclusive<u8> = 20..=24;
