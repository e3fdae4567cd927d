//! The vault: credentials of test users, in one encrypted file.
//!
//! Ground: filled by the credential cmdlets, asked when a verification logs on. The file is an `age`
//! file for one X25519 key, and that key is a file that only its owner can read, or a credential that
//! systemd passed in; the desktop's keyring is not asked. Whoever can read the key can read the
//! passwords: roles do not bind them. Nothing here is printable, and memory is wiped after use.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::address::Address;
use crate::durable::{self, FileState};
use crate::secret::{Credential, Secret};
use crate::trusted;

// Reading order.
mod key;
mod entries;
mod refused;

pub use key::{KeyFault, VaultKey};
pub use refused::{OfferedCredential, RefusedCredentials, RefusedLogon};

/// The entry of one account.
#[derive(Clone, Debug)]
pub struct StoredCredential {
    /// The name to log on with, as it was given.
    pub user_name: String,
    /// The password; none where a certificate stands for it.
    pub password: Option<Secret>,
    /// A certificate to log on with (SASL EXTERNAL).
    pub certificate: Option<StoredCertificate>,
}

impl StoredCredential {
    /// Name and password, where there is one.
    pub fn credential(&self) -> Option<Credential> {
        let password = self.password.clone()?;
        Some(Credential::new(self.user_name.as_str(), password))
    }
}

impl From<Credential> for StoredCredential {
    fn from(credential: Credential) -> Self {
        Self { user_name: credential.user_name, password: Some(credential.password), certificate: None }
    }
}

/// A client certificate with its private key.
#[derive(Clone, Debug)]
pub struct StoredCertificate {
    /// The certificate and its chain, PEM.
    pub chain_pem: String,
    /// The private key, PEM.
    pub key_pem: Secret,
}

/// One vault: a file and the key to it. Cheap to ask again: what was decrypted is kept until the
/// file changes.
pub struct Vault {
    file: PathBuf,
    key: VaultKey,
    kept: Mutex<Option<DecryptedEntries>>,
}

type Entries = BTreeMap<Address, StoredCredential>;

/// The decrypted entries, and the state of the file that they came from.
#[derive(Clone)]
struct DecryptedEntries {
    state: FileState,
    entries: Arc<Entries>,
}

impl Vault {
    /// Opens the vault of a directory: `vault.age` with the key `vault.key`. Neither needs to be
    /// there yet: the first [`Vault::set`] makes both.
    ///
    /// # Errors
    /// The vault is there and cannot be read; every [`Fault`] says what to do.
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        Self::with_key(directory, VaultKey::File(directory.join(KEY_NAME)))
    }

    /// Opens the vault of a directory with a key from elsewhere.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn with_key(directory: &Path, key: VaultKey) -> Result<Self, Fault> {
        let vault = Self { file: directory.join(FILE_NAME), key, kept: Mutex::new(None) };
        vault.entries()?;
        Ok(vault)
    }

    /// The credential of an account.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub fn get(&self, account: &Address) -> Result<Option<StoredCredential>, Fault> {
        Ok(self.entries()?.get(account).cloned())
    }

    /// The accounts that have a credential here, in order.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub fn accounts(&self) -> Result<Vec<Address>, Fault> {
        Ok(self.entries()?.keys().cloned().collect())
    }

    /// Stores the credential of an account in place of an earlier one.
    ///
    /// # Errors
    /// The vault cannot be read or written; it is then as it was.
    pub fn set(&self, account: &Address, credential: StoredCredential) -> Result<(), Fault> {
        self.set_all(vec![(account.clone(), credential)])
    }

    /// Stores the credentials of many accounts in one write.
    ///
    /// # Errors
    /// As [`Vault::set`].
    pub fn set_all(&self, credentials: Vec<(Address, StoredCredential)>) -> Result<(), Fault> {
        for (account, credential) in &credentials {
            entries::check_size(account, credential)?;
        }
        self.change(|entries| {
            entries.extend(credentials);
            true
        })?;
        Ok(())
    }

    /// Stores of an account what the deed makes of what is stored, in one step: two writers lose nothing.
    ///
    /// # Errors
    /// As [`Vault::set`].
    pub fn update(
        &self,
        account: &Address,
        deed: impl FnOnce(Option<StoredCredential>) -> StoredCredential,
    ) -> Result<(), Fault> {
        let mut checked = Ok(());
        self.change(|entries| {
            let credential = deed(entries.get(account).cloned());
            checked = entries::check_size(account, &credential);
            if checked.is_ok() {
                entries.insert(account.clone(), credential);
            }
            checked.is_ok()
        })?;
        checked
    }

    /// Forgets the credential of an account; says whether there was one.
    ///
    /// # Errors
    /// The vault cannot be read or written; it is then as it was.
    pub fn remove(&self, account: &Address) -> Result<bool, Fault> {
        if self.opened()?.is_none() {
            return Ok(false);
        }
        self.change(|entries| entries.remove(account).is_some())
    }

    /// A key for another use, which whoever lacks the vault's key cannot compute; none where there is no vault.
    fn derived_key(&self, label: &str) -> Option<Secret> {
        use age::secrecy::ExposeSecret;
        self.opened().ok()??;
        let identity = self.key.read().ok()?.to_string();
        let derived = refused::keyed_hash(identity.expose_secret().as_bytes(), &[label.as_bytes()]);
        Some(Secret::new(derived))
    }

    /// Reads, changes and writes under the lock, so that two writers lose nothing.
    fn change(&self, deed: impl FnOnce(&mut Entries) -> bool) -> Result<bool, Fault> {
        if let Some(directory) = self.file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            durable::create_directory(directory)?;
        }
        let _lock = durable::lock(&self.file)?;
        let mut entries = Entries::clone(&*self.entries()?);
        if !deed(&mut entries) {
            return Ok(false);
        }
        let is_new = self.opened()?.is_none();
        let identity = if is_new { self.key.read_or_create()? } else { self.key.read()? };
        let plain = entries::print(&entries);
        let sealed = age::encrypt(&identity.to_public(), &plain)
            .map_err(|fault| self.io("encrypt it", io::Error::other(fault)))?;
        durable::replace(&self.file, &sealed, 0o600)?;
        *self.kept() = None;
        Ok(true)
    }

    fn entries(&self) -> Result<Arc<Entries>, Fault> {
        let Some((file, state)) = self.opened()? else { return Ok(Arc::default()) };
        let mut kept = self.kept();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.state == state) {
            return Ok(Arc::clone(&kept.entries));
        }
        let entries = Arc::new(self.read(file)?);
        *kept = Some(DecryptedEntries { state, entries: Arc::clone(&entries) });
        Ok(entries)
    }

    /// Reads and decrypts the whole file.
    fn read(&self, file: File) -> Result<Entries, Fault> {
        let identity = self.key.read()?;
        let mut sealed = Vec::new();
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut sealed).map_err(|fault| self.io("read it", fault))?;
        if sealed.len() as u64 > MAX_FILE_BYTES {
            return Err(self.corrupt(Corruption::TooLarge));
        }
        let plain = self.decrypt(&identity, &sealed)?;
        entries::parse(&plain).map_err(|fault| match fault {
            entries::MalformedVault::Version { version } => {
                Fault::UnknownVersion { file: self.file.clone(), version }
            }
            entries::MalformedVault::Line { line } => self.corrupt(Corruption::Line { line }),
        })
    }

    fn decrypt(&self, identity: &age::x25519::Identity, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        use age::DecryptError;
        if sealed.is_empty() {
            return Err(self.corrupt(Corruption::Empty));
        }
        let decryptor = age::Decryptor::new_buffered(sealed).map_err(|fault| {
            let is_cut_off =
                matches!(&fault, DecryptError::Io(io) if io.kind() == io::ErrorKind::UnexpectedEof);
            self.corrupt(if is_cut_off { Corruption::Truncated } else { Corruption::NoAgeFile })
        })?;
        let reader = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity));
        let mut reader = reader.map_err(|fault| {
            if matches!(fault, DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed) {
                return Fault::WrongKey { file: self.file.clone(), key: self.key.path().to_owned() };
            }
            let is_cut_off = matches!(fault, DecryptError::Io(_));
            self.corrupt(if is_cut_off { Corruption::Truncated } else { Corruption::Header })
        })?;
        // The text is shorter than the file: this buffer never moves and leaves a copy behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        reader.read_to_end(&mut plain).map_err(|_| self.corrupt(Corruption::Contents))?;
        Ok(plain)
    }

    /// The file, if there is one, with the state that it is in.
    fn opened(&self) -> Result<Option<(File, FileState)>, Fault> {
        match trusted::open(&self.file).and_then(|file| Ok((FileState::of(&file)?, file))) {
            Ok((state, file)) => Ok(Some((file, state))),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(self.io("read it", fault)),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<DecryptedEntries>> {
        // The entries are replaced as a whole, so a panic elsewhere cannot have left half of them.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, doing: &'static str, source: io::Error) -> Fault {
        Fault::Io { file: self.file.clone(), doing, source }
    }

    fn corrupt(&self, how: Corruption) -> Fault {
        Fault::Corrupt { file: self.file.clone(), how }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The reason why the vault cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The key is missing, open to others, or no key.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The key is not the one that the vault was encrypted for.
    #[error("the vault {file} is locked with another key than {key}", file = file.display(), key = key.display())]
    WrongKey {
        /// The vault.
        file: PathBuf,
        /// The key that does not fit.
        key: PathBuf,
    },
    /// The file is damaged.
    #[error("the vault {file} is damaged: {how}", file = file.display())]
    Corrupt {
        /// The vault.
        file: PathBuf,
        /// The mistake.
        how: Corruption,
    },
    /// A newer imsh wrote it.
    #[error("the vault {file} has version {version}, and this imsh reads version 1", file = file.display())]
    UnknownVersion {
        /// The vault.
        file: PathBuf,
        /// Its version, as written.
        version: String,
    },
    /// A credential larger than any.
    #[error("the credential of {account} is larger than 1 MiB")]
    TooLarge {
        /// The account of the credential.
        account: Address,
    },
    /// The system would not let us.
    #[error("the vault {file}: cannot {doing}: {source}", file = file.display())]
    Io {
        /// The vault.
        file: PathBuf,
        /// The step that failed.
        doing: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It could not be locked or replaced.
    #[error("the vault {0}")]
    Durable(#[from] durable::Fault),
}

/// The damage of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corruption {
    /// The file is empty.
    #[error("it is empty")]
    Empty,
    /// Its end is missing.
    #[error("it ends too early")]
    Truncated,
    /// It does not begin as an age file does.
    #[error("it is no age file")]
    NoAgeFile,
    /// Its header was changed.
    #[error("its header was changed")]
    Header,
    /// Its contents were changed, or their end is missing.
    #[error("its contents were changed or cut off")]
    Contents,
    /// It decrypts, to something else.
    #[error("line {line} of its contents is no entry")]
    Line {
        /// The line, from 1.
        line: usize,
    },
    /// Larger than any vault.
    #[error("it is larger than 64 MiB")]
    TooLarge,
}

/// The vault's name in its directory.
pub const FILE_NAME: &str = "vault.age";
/// The key's name in the vault's directory.
pub const KEY_NAME: &str = "vault.key";
/// The key's name among a systemd service's credentials, under `$CREDENTIALS_DIRECTORY`.
pub const SYSTEMD_NAME: &str = "imsh-vault-key";

const MAX_FILE_BYTES: u64 = 64 << 20;

#[cfg(test)]
mod tests;
