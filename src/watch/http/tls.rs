//! The files behind the service's identity: its certificate and key, and the token that readers give.
//!
//! Each is read again when it has changed; one that has become unusable is told of once, and the one before
//! stays in force.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::trusted;

/// The reason why the service's own files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// A file cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Others may read a secret.
    #[error("{} is open to others than its owner (mode {mode:o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The token could be guessed.
    #[error("{} holds {n_letters} letters, where a token has 16 at least", path.display())]
    ShortToken {
        /// The file.
        path: PathBuf,
        /// The length of the token.
        n_letters: usize,
    },
    /// Certificate and key do not make an identity.
    #[error("{} and its key cannot be used: {reason}", path.display())]
    Unusable {
        /// The certificate.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Something that is made of files, and made again when they change.
pub(super) struct FromFiles<T> {
    paths: Vec<PathBuf>,
    make: fn(&[PathBuf]) -> Result<T, IdentityFault>,
    held: Mutex<(Vec<Option<SystemTime>>, Arc<T>)>,
}

impl<T> FromFiles<T> {
    /// Makes it.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        make: fn(&[PathBuf]) -> Result<T, IdentityFault>,
    ) -> Result<Self, IdentityFault> {
        let times = changed(&paths);
        let made = Arc::new(make(&paths)?);
        Ok(Self { paths, make, held: Mutex::new((times, made)) })
    }

    /// As the files have it now, or as they had it when they could last be used.
    pub(super) fn now(&self) -> Arc<T> {
        let times = changed(&self.paths);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 != times {
            held.0 = times;
            match (self.make)(&self.paths) {
                Ok(made) => held.1 = Arc::new(made),
                Err(fault) => tracing::error!("{fault}; the one before stays in force"),
            }
        }
        held.1.clone()
    }
}

fn changed(paths: &[PathBuf]) -> Vec<Option<SystemTime>> {
    paths.iter().map(|path| std::fs::metadata(path).and_then(|data| data.modified()).ok()).collect()
}

/// The hash of the token: comparing hashes tells nothing of the token's length.
pub(super) struct Token([u8; 32]);

impl Token {
    /// Whether this is the token, in a time that does not depend on where it differs.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.ct_eq(&given).into()
    }
}

/// The token in a file.
pub(super) fn token(paths: &[PathBuf]) -> Result<Token, IdentityFault> {
    let [path] = paths else { return Err(no_file()) };
    let text = SecretString::from(private_text(path)?.trim().to_owned());
    let n_letters = text.expose_secret().len();
    if n_letters < 16 {
        return Err(IdentityFault::ShortToken { path: path.clone(), n_letters });
    }
    Ok(Token(Sha256::digest(text.expose_secret().as_bytes()).into()))
}

/// The identity in a certificate file and a key file.
pub(super) fn identity(paths: &[PathBuf]) -> Result<Arc<ServerConfig>, IdentityFault> {
    let [certificate, key] = paths else { return Err(no_file()) };
    let unusable = |reason: String| IdentityFault::Unusable { path: certificate.clone(), reason };
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&readable(certificate)?).collect();
    let chain = chain.map_err(|fault| unusable(fault.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(private_text(key)?.as_bytes())
        .map_err(|fault| unusable(fault.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|fault| unusable(fault.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|fault| unusable(fault.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn no_file() -> IdentityFault {
    IdentityFault::Unreadable { path: PathBuf::new(), reason: "no file is named".to_owned() }
}

fn readable(path: &Path) -> Result<Vec<u8>, IdentityFault> {
    let unreadable = |error: std::io::Error| IdentityFault::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    trusted::open_linked(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}

/// The text of a file that nobody else may read.
fn private_text(path: &Path) -> Result<Zeroizing<String>, IdentityFault> {
    use std::os::unix::fs::PermissionsExt;
    let unreadable = |error: std::io::Error| IdentityFault::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut file = trusted::open_own(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    // A group that a service manager has made for the service may read what it passes in.
    if mode & 0o007 != 0 || mode & 0o020 != 0 {
        return Err(IdentityFault::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
