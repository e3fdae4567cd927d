//! The key to a vault: an age identity (`AGE-SECRET-KEY-1…`) in a file that only its owner can read.
//!
//! The file is as `age-keygen` writes it, so that a vault can be opened with `age` itself. Never
//! repairs a mode: a key that others could read may have been read.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use nix::unistd::geteuid;
use zeroize::Zeroizing;

use super::Fault;
use crate::durable;
use crate::trusted::{self, Directory};

/// The location of the vault's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultKey {
    /// A file of mode 0600 that belongs to whoever runs imsh; made on first use.
    File(PathBuf),
    /// A file under systemd's `$CREDENTIALS_DIRECTORY`, whose mode and owner are systemd's affair;
    /// never made.
    Systemd(PathBuf),
}

impl VaultKey {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Systemd(path) => path,
        }
    }

    pub(super) fn read(&self) -> Result<age::x25519::Identity, Fault> {
        let path = self.path();
        let unreadable = |source: io::Error| match source.kind() == io::ErrorKind::NotFound {
            true => KeyFault::Missing { path: path.to_owned() },
            false => KeyFault::Unreadable { path: path.to_owned(), source },
        };
        let file = match self {
            Self::File(_) => trusted::open(path),
            // Its directory is systemd's.
            Self::Systemd(_) => trusted::open_own(path),
        };
        let file = file.map_err(unreadable)?;
        let found = file.metadata().map_err(unreadable)?;
        match self {
            Self::File(_) => self.check_private(&found)?,
            Self::Systemd(_) => {}
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_BYTES as usize));
        file.take(MAX_KEY_BYTES)
            .read_to_string(&mut text)
            .map_err(|_| KeyFault::Malformed { path: path.to_owned() })?;
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(KeyFault::Malformed { path: path.to_owned() }.into());
        };
        Ok(line.parse().map_err(|_| KeyFault::Malformed { path: path.to_owned() })?)
    }

    /// For a vault that does not exist yet. The caller holds the vault's lock.
    pub(super) fn read_or_create(&self) -> Result<age::x25519::Identity, Fault> {
        match self.read() {
            Err(Fault::Key(KeyFault::Missing { path })) if matches!(self, Self::File(_)) => {
                let identity = age::x25519::Identity::generate();
                let text = Zeroizing::new(format!("{}\n", identity.to_string().expose_secret()));
                durable::replace(&path, text.as_bytes(), 0o600)?;
                Ok(identity)
            }
            read => read,
        }
    }

    fn check_private(&self, found: &Metadata) -> Result<(), KeyFault> {
        let path = self.path();
        let mode = found.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFault::Mode { path: path.to_owned(), mode });
        }
        let us = geteuid();
        // Root may use the vault of a service account, whose directory this is.
        let of_directory = Directory::of(path).and_then(|(directory, _)| directory.metadata());
        let is_directorys = of_directory.is_ok_and(|directory| directory.uid() == found.uid());
        if found.uid() == us.as_raw() || (us.is_root() && is_directorys) {
            return Ok(());
        }
        Err(KeyFault::Owner { path: path.to_owned(), owner: found.uid(), us: us.as_raw() })
    }
}

/// The reason why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// There is a vault, and no key to it.
    #[error("the vault's key {path} is missing: bring it back from where it was kept, or remove the vault and store the credentials again", path = path.display())]
    Missing {
        /// The path where the key should be.
        path: PathBuf,
    },
    /// Others could read it.
    #[error("the vault's key {path} has mode {mode:04o}, so others can use it: run chmod 600 {path}", path = path.display())]
    Mode {
        /// The key.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Somebody else made it.
    #[error("the vault's key {path} belongs to user {owner}, not to user {us}: run chown {us} {path}", path = path.display())]
    Owner {
        /// The key.
        path: PathBuf,
        /// The owner.
        owner: u32,
        /// The account of this process.
        us: u32,
    },
    /// The system does not let us read it.
    #[error("the vault's key {path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The key.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It is no age identity.
    #[error("the vault's key {path} is no key to a vault: one has a single line that begins with AGE-SECRET-KEY-1", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

const MAX_KEY_BYTES: u64 = 4096;
