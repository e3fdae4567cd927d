//! Keys derived from passwords (RFC 5802, section 3), and the memory of them.
//!
//! Deriving a key is made slow on purpose. It happens on a thread of its own, once per account, salt,
//! iteration count, hash and password, however many verifications ask for it at the same time. The
//! keys stand in for the password, so they are wiped when they are dropped and never leave the process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jid::BareJid;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::scram::ScramHash;

/// The keys of accounts, in memory. Shared by its clones.
#[derive(Clone, Default)]
pub struct KeyCache(Arc<Mutex<HashMap<KeyOrigin, Arc<OnceCell<ScramKeys>>>>>);

/// The keys that a SCRAM client needs instead of the password.
#[derive(Clone)]
pub(super) struct ScramKeys {
    pub(super) client: Zeroizing<Vec<u8>>,
    pub(super) server: Zeroizing<Vec<u8>>,
}

/// The values that keys are derived from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct KeyOrigin {
    pub(super) account: BareJid,
    pub(super) hash: ScramHash,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
    /// So that a password that was changed, or mistyped once, is not answered with old keys.
    pub(super) password: Fingerprint,
}

/// A digest of a password: it tells two of them apart and is as secret as they are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(password: &str) -> Self {
        Self(Sha256::digest(password.as_bytes()).into())
    }
}

/// Whether keys were there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundKeys {
    InMemory,
    Derived,
}

impl KeyCache {
    /// The keys from memory, or derived from the prepared password and kept.
    pub(super) async fn keys(&self, origin: KeyOrigin, password: &str) -> (ScramKeys, FoundKeys) {
        let cell = self.cell(&origin);
        if let Some(keys) = cell.get() {
            return (keys.clone(), FoundKeys::InMemory);
        }
        let password = Zeroizing::new(password.to_owned());
        let keys = cell
            .get_or_init(|| async move {
                let KeyOrigin { hash, salt, iterations, .. } = origin;
                let derived = tokio::task::spawn_blocking(move || derive(hash, &password, &salt, iterations));
                match derived.await {
                    Ok(keys) => keys,
                    // The derivation cannot panic, and only a runtime that shuts down cancels it.
                    Err(_) => std::future::pending().await,
                }
            })
            .await;
        (keys.clone(), FoundKeys::Derived)
    }

    fn cell(&self, origin: &KeyOrigin) -> Arc<OnceCell<ScramKeys>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = cells.get(origin) {
            return Arc::clone(cell);
        }
        // A server that gives a new salt every time must not fill the memory.
        if cells.len() >= MAX_KEYS {
            cells.clear();
        }
        Arc::clone(cells.entry(origin.clone()).or_default())
    }
}

/// Says how many keys there are and nothing about them.
impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_keys = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("KeyCache").field("n_keys", &n_keys).finish()
    }
}

pub(super) fn derive(hash: ScramHash, password: &str, salt: &[u8], iterations: u32) -> ScramKeys {
    let salted = hash.stretch(password.as_bytes(), salt, iterations);
    ScramKeys {
        client: Zeroizing::new(hash.hmac(&salted, b"Client Key")),
        server: Zeroizing::new(hash.hmac(&salted, b"Server Key")),
    }
}

const MAX_KEYS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(password: &str, salt: &[u8]) -> KeyOrigin {
        KeyOrigin {
            account: BareJid::new("kenmyer@litwareinc.com").unwrap(),
            hash: ScramHash::Sha256,
            salt: salt.to_vec(),
            iterations: 4096,
            password: Fingerprint::of(password),
        }
    }

    #[tokio::test]
    async fn keys_are_derived_once_for_the_same_password_and_salt() {
        let cache = KeyCache::default();
        let found = async |password: &str, salt: &[u8]| cache.keys(origin(password, salt), password).await.1;
        assert_eq!(found("pencil", b"a").await, FoundKeys::Derived);
        assert_eq!(found("pencil", b"a").await, FoundKeys::InMemory);
        assert_eq!(found("pencil", b"b").await, FoundKeys::Derived);
        assert_eq!(found("other", b"a").await, FoundKeys::Derived);
        assert_eq!(format!("{cache:?}"), "KeyCache { n_keys: 3 }");
    }
}
