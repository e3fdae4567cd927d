//! Credentials that a pool has refused: a watcher, which logs on again and again, does not offer them again,
//! since servers lock accounts and ban machines.
//!
//! Holds until the credential is another one, and for a day at most: what was wrong may have been mended at the
//! server. Kept in a file, so that a watcher that is started again and again does not forget. The file holds a
//! mark of each credential under a key that comes of the vault's: it tells nothing to whoever lacks that key.
//! Never holds a credential.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::OwnedMutexGuard;

use super::Vault;
use crate::address::Address;
use crate::durable;
use crate::secret::Secret;
use crate::trusted;

/// The credential that a logon offers, and the pool that it is offered to.
#[derive(Clone, Copy, Debug)]
pub struct OfferedCredential<'a> {
    /// The account.
    pub account: &'a Address,
    /// The pool.
    pub pool: &'a str,
    /// The name to log on with.
    pub logon_name: &'a str,
    /// The password, where there is one.
    pub password: Option<&'a Secret>,
    /// The certificate and its chain (PEM), where one is shown.
    pub certificate: Option<&'a str>,
}

/// The credentials that pools have refused. Cheap to ask.
pub struct RefusedCredentials {
    file: Option<PathBuf>,
    key: Secret,
    logons: Mutex<HashMap<LogonKey, LogonStanding>>,
}

/// An account at a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct LogonKey {
    account: String,
    pool: String,
}

/// The facts known about an account's logons at a pool.
#[derive(Default)]
struct LogonStanding {
    /// The mark of the credential that was last taken.
    taken: Option<String>,
    /// The credential that was last refused.
    refused: Option<RefusedMark>,
    /// Held while a credential is offered of which it is not known whether it is taken.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A credential that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RefusedMark {
    mark: String,
    at: Timestamp,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct KeptRefusal {
    #[serde(flatten)]
    key: LogonKey,
    #[serde(flatten)]
    refused: RefusedMark,
}

/// A refused credential, for those who tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLogon {
    /// The account.
    pub account: String,
    /// The pool.
    pub pool: String,
    /// The time at which the credential was refused.
    pub at: Timestamp,
}

/// Leave to offer a credential once. Whoever drops it without a word has met neither a refusal nor a success.
pub struct CredentialOffer<'a> {
    memory: &'a RefusedCredentials,
    key: LogonKey,
    mark: String,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl RefusedCredentials {
    /// Reads the refused credentials from the file, if there is one; `vault` gives the key to its marks. Without a
    /// vault, or where the file cannot be used, nothing is known yet.
    pub fn new(file: Option<PathBuf>, vault: Option<&Vault>) -> Self {
        let derived = vault.and_then(|vault| vault.derived_key(KEY_LABEL));
        let file = file.filter(|_| derived.is_some());
        let refused = Self { key: derived.unwrap_or_else(random_key), file, logons: Mutex::default() };
        for KeptRefusal { key, refused: mark } in refused.read() {
            refused.logons().entry(key).or_default().refused = Some(mark);
        }
        refused
    }

    /// Waits for leave to offer a credential: as long as it is not known to be taken, one logon at a time does.
    ///
    /// # Errors
    /// When it was refused: the pool has refused this very credential less than a day before.
    pub async fn offer(&self, offered: &OfferedCredential<'_>) -> Result<CredentialOffer<'_>, Timestamp> {
        let key = LogonKey { account: offered.account.to_string(), pool: offered.pool.to_owned() };
        let mark = self.mark(offered);
        let (is_taken, turn) = {
            let mut logons = self.logons();
            let standing = logons.entry(key.clone()).or_default();
            (standing.taken.as_ref() == Some(&mark), standing.turn.clone())
        };
        // A pool that keeps silent refuses nobody.
        let turn = match is_taken {
            true => None,
            false => tokio::time::timeout(LONGEST_TURN, turn.lock_owned()).await.ok(),
        };
        let refused = self.logons().get(&key).and_then(|standing| standing.refused.clone());
        match refused {
            Some(RefusedMark { mark: known, at }) if known == mark && is_recent(at) => Err(at),
            Some(_) | None => Ok(CredentialOffer { memory: self, key, mark, _turn: turn }),
        }
    }

    /// Every credential that is not offered again, in order.
    pub fn list(&self) -> Vec<RefusedLogon> {
        let mut list: Vec<RefusedLogon> = self
            .logons()
            .iter()
            .filter_map(|(LogonKey { account, pool }, standing)| {
                let at = standing.refused.as_ref()?.at;
                is_recent(at).then(|| RefusedLogon { account: account.clone(), pool: pool.clone(), at })
            })
            .collect();
        list.sort_by(|one, other| (&one.account, &one.pool).cmp(&(&other.account, &other.pool)));
        list
    }

    /// Forgets every refusal: each credential is offered once more.
    pub fn forget_all(&self) {
        self.logons().values_mut().for_each(|standing| standing.refused = None);
        self.write();
    }

    fn settle(&self, key: &LogonKey, taken: Option<String>, refused: Option<RefusedMark>) {
        let is_news = {
            let mut logons = self.logons();
            let standing = logons.entry(key.clone()).or_default();
            standing.taken = taken;
            std::mem::replace(&mut standing.refused, refused.clone()) != refused
        };
        if is_news {
            self.write();
        }
    }

    /// The credential under the key: the same for the same one.
    fn mark(&self, offered: &OfferedCredential<'_>) -> String {
        let parts = [
            offered.logon_name.as_bytes(),
            offered.password.map_or(&[], |password| password.expose().as_bytes()),
            offered.certificate.map_or(&[], str::as_bytes),
        ];
        keyed_hash(self.key.expose().as_bytes(), &parts)
    }

    fn read(&self) -> Vec<KeptRefusal> {
        let Some(file) = &self.file else { return Vec::new() };
        let mut text = String::new();
        let read = trusted::open(file).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
        match read {
            // A file of another form is one of another version: what it knew is learnt again.
            Ok(_) => serde_json::from_str(&text).unwrap_or_default(),
            Err(fault) => {
                if fault.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(file = %file.display(), %fault, "refused credentials are not known from before");
                }
                Vec::new()
            }
        }
    }

    fn write(&self) {
        let Some(file) = &self.file else { return };
        let mut kept: Vec<KeptRefusal> = self
            .logons()
            .iter()
            .filter_map(|(key, standing)| {
                Some(KeptRefusal { key: key.clone(), refused: standing.refused.clone()? })
            })
            .collect();
        kept.sort_by(|one, other| one.key.cmp(&other.key));
        let text = serde_json::to_string(&kept).unwrap_or_default();
        let made = file.parent().map_or(Ok(()), durable::create_directory);
        if let Err(fault) = made.and_then(|()| durable::replace(file, text.as_bytes(), 0o600)) {
            tracing::warn!(%fault, "refused credentials are not remembered after a restart");
        }
    }

    fn logons(&self) -> MutexGuard<'_, HashMap<LogonKey, LogonStanding>> {
        self.logons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CredentialOffer<'_> {
    /// The pool has taken the credential.
    pub fn taken(self) {
        self.memory.settle(&self.key, Some(self.mark.clone()), None);
    }

    /// The pool has refused it.
    pub fn refused(self) {
        let LogonKey { account, pool } = &self.key;
        tracing::error!(
            account,
            pool,
            "the pool has refused the credential; it is not offered again as it is"
        );
        let refused = RefusedMark { mark: self.mark.clone(), at: Timestamp::now() };
        self.memory.settle(&self.key, None, Some(refused));
    }
}

/// Whether a refusal still holds; one from the future was written by a clock that was set back since.
fn is_recent(at: Timestamp) -> bool {
    (0..REFUSAL_HOLDS).contains(&Timestamp::now().duration_since(at).as_secs())
}

/// The parts under a key, as hexadecimal digits.
pub(super) fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key that is gone with the process.
fn random_key() -> Secret {
    let mut bytes = [0; 32];
    // Without random numbers nothing is written down that they would protect.
    let _ = getrandom::fill(&mut bytes);
    Secret::new(keyed_hash(&bytes, &[]))
}

/// The label under which the key to the marks is derived.
const KEY_LABEL: &str = "imsh refused credentials";
/// For how many seconds a refused credential is not offered again: a day.
const REFUSAL_HOLDS: i64 = 86_400;
/// The longest time that one logon waits for another to learn whether the credential is taken.
const LONGEST_TURN: Duration = Duration::from_secs(10);
/// The largest size of the file, in bytes.
const MOST_BYTES: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::secret::Credential;

    fn vault(directory: &std::path::Path, password: &str) -> Vault {
        let vault = Vault::open(directory).unwrap();
        let credential = Credential::new("ken", Secret::new(password.to_owned()));
        vault.set(&"ken@litwareinc.com".parse().unwrap(), credential.into()).unwrap();
        vault
    }

    fn with<T>(password: &str, pool: &str, deed: impl FnOnce(&OfferedCredential<'_>) -> T) -> T {
        let account = "ken@litwareinc.com".parse().unwrap();
        let password = Secret::new(password.to_owned());
        deed(&OfferedCredential {
            account: &account,
            pool,
            logon_name: "ken",
            password: Some(&password),
            certificate: None,
        })
    }

    /// Returns what an offer gives at once; none where it waits.
    fn at_once<'m>(
        memory: &'m RefusedCredentials,
        offered: &OfferedCredential<'_>,
    ) -> Option<Result<CredentialOffer<'m>, Timestamp>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { memory.offer(offered).now_or_never() })
    }

    fn is_offered(memory: &RefusedCredentials, password: &str, pool: &str) -> bool {
        with(password, pool, |offered| at_once(memory, offered).unwrap().is_ok())
    }

    fn refuse(memory: &RefusedCredentials, password: &str, pool: &str) {
        with(password, pool, |offered| at_once(memory, offered).unwrap().ok().unwrap().refused());
    }

    #[test]
    fn a_refused_credential_is_not_offered_again_until_it_is_another_one() {
        let memory = RefusedCredentials::new(None, None);
        refuse(&memory, "old", "p.example");
        assert!(!is_offered(&memory, "old", "p.example"));
        assert!(is_offered(&memory, "new", "p.example"));
        assert!(is_offered(&memory, "old", "q.example"), "another pool has not refused it");
        assert_eq!(memory.list().len(), 1);
        memory.forget_all();
        assert!(is_offered(&memory, "old", "p.example"));
        assert!(memory.list().is_empty());
    }

    #[test]
    fn a_refusal_holds_for_a_day() {
        let memory = RefusedCredentials::new(None, None);
        refuse(&memory, "old", "p.example");
        for standing in memory.logons().values_mut() {
            let refused = standing.refused.as_mut().unwrap();
            refused.at -= jiff::SignedDuration::from_hours(25);
        }
        assert!(is_offered(&memory, "old", "p.example"));
    }

    #[test]
    fn as_long_as_nothing_is_known_one_logon_at_a_time_offers_a_credential() {
        let memory = RefusedCredentials::new(None, None);
        with("secret", "p.example", |offered| {
            let first = at_once(&memory, offered).unwrap().ok().unwrap();
            assert!(at_once(&memory, offered).is_none(), "the second one waits");
            first.taken();
            let both = (at_once(&memory, offered), at_once(&memory, offered));
            assert!(matches!(both, (Some(Ok(_)), Some(Ok(_)))));
        });
    }

    #[test]
    fn a_refusal_outlives_the_process_and_its_file_tells_nothing_of_the_credential() {
        let directory = tempfile::tempdir().unwrap();
        let vault = vault(directory.path(), "swordfish");
        let file = directory.path().join("state").join("refused.json");
        let start = || RefusedCredentials::new(Some(file.clone()), Some(&vault));
        refuse(&start(), "swordfish", "p.example");
        assert!(!is_offered(&start(), "swordfish", "p.example"));
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("swordfish"), "{text}");
        // The mark is none that can be computed without the vault's key.
        let other = tempfile::tempdir().unwrap();
        let other = self::vault(other.path(), "swordfish");
        assert!(is_offered(
            &RefusedCredentials::new(Some(file.clone()), Some(&other)),
            "swordfish",
            "p.example"
        ));
        with("swordfish", "p.example", |offered| {
            let memory = start();
            memory.forget_all();
            at_once(&memory, offered).unwrap().ok().unwrap().taken();
        });
        assert!(is_offered(&start(), "swordfish", "p.example"));
    }
}
