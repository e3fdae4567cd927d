//! Secure (RFC 6120, sections 5 and 13.7; RFC 9525; XEP-0368): TLS, and who is at its other end.
//!
//! A [`Verified`] connection is made nowhere else. There is no option that makes one of a
//! connection whose certificate was not checked.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::trace::list;

/// An encrypted connection whose other end proved to be who we asked for: the only kind that a
/// password or a proof of one is ever written to.
#[derive(Debug)]
pub struct Verified<Io> {
    io: Io,
    bindings: ChannelBindings,
}

impl<Io> Verified<Io> {
    /// What ties an authentication to this connection.
    pub fn bindings(&self) -> &ChannelBindings {
        &self.bindings
    }
}

impl Verified<DuplexStream> {
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

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The version, as in `TLSv1.3`.
    pub version: String,
    /// The cipher suite, as in `TLS13_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The key exchange group, as in `X25519`.
    pub group: Option<String>,
    /// The application protocol (ALPN), as in `xmpp-client`.
    pub alpn: Option<String>,
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
    #[error("expired on {not_after}")]
    Expired {
        /// When it ended.
        not_after: Timestamp,
    },
    /// It has not begun.
    #[error("not valid before {not_before}")]
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

/// What can go wrong in Secure.
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
    },
    /// The server speaks no version that is still allowed (RFC 7590: TLS 1.2 and up).
    #[error("the server speaks no TLS 1.2 or 1.3")]
    TooOld {
        /// What the handshake said.
        reason: String,
    },
    /// What answered our handshake is not TLS.
    #[error("the answer is not TLS: {said:?}")]
    NotTls {
        /// The first bytes of it, as far as they are text.
        said: String,
    },
    /// What answered our stream header is TLS: the port wants direct TLS.
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
        /// How many.
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
        /// What our side said.
        reason: String,
    },
    /// The file of trusted issuers cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: CaFileFault,
    },
    /// This machine trusts no issuer at all.
    #[error("no trusted issuers on this machine: {reason}")]
    NoRoots {
        /// What loading them said.
        reason: String,
    },
    /// The client certificate or its key cannot be used.
    #[error("the client certificate cannot be used: {reason}")]
    ClientCertificate {
        /// What is wrong with it.
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

impl<Io: AsyncRead + Unpin> AsyncRead for Verified<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Verified<Io> {
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

impl fmt::Display for Tls {
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

/// The issuers that certificates may come from.
#[derive(Debug)]
pub(super) struct Anchors {}
impl Anchors {
    pub fn system(_: &[rustls::pki_types::CertificateDer<'static>]) -> Result<Self, Fault> {
        todo!()
    }
    pub fn from_file(_: &std::path::Path) -> Result<Self, Fault> {
        todo!()
    }
}
