//! The files of a session: the topology, which is read again after a change, and the vault.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cmdlet::{Catalogue, Category, ErrorRecord};
use crate::durable::FileState;
use crate::topology::{Mistake, Topology};
use crate::trusted::{self, Untrusted};
use crate::vault::{self, Vault, VaultKey};

/// The topology file of a session.
#[derive(Debug)]
pub struct TopologyStore {
    path: Option<PathBuf>,
    /// Whether a file that is not there is an empty topology, which the first change makes.
    may_be_missing: bool,
    cached: Mutex<Option<(Option<FileState>, Arc<Topology>)>>,
    /// The cmdlets that roles may name.
    known: Catalogue,
    reader: TopologyReader,
    /// The paths that were searched without success, until the operator has been told.
    looked_at: Mutex<Vec<PathBuf>>,
    /// The topology that holds whatever the file says by now, until it is read again on request.
    held: Mutex<Option<Arc<Topology>>>,
}

/// The reader of the topology, which decides how much of its mistakes may be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopologyReader {
    /// A user who can read the file: every mistake is told, with the text around it.
    #[default]
    Owner,
    /// Somebody for whom another account reads it: that there are some. The account must not do for them
    /// what they could not do themselves, so the topology must say who may do what.
    Other,
}

impl TopologyStore {
    /// The store of this file, which must be there; without one the topology is empty and every
    /// domain is allowed. Its roles may name the cmdlets that are `known`, and no others.
    ///
    /// Symbolic links are resolved: files beside the topology are beside the link's target.
    pub fn new(path: Option<PathBuf>, known: Catalogue) -> Self {
        let path = path.map(without_links);
        Self {
            path,
            may_be_missing: false,
            cached: Mutex::new(None),
            known,
            reader: TopologyReader::Owner,
            looked_at: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// The store of the default file, which the first change creates if it does not exist.
    pub fn at_home(path: PathBuf, known: Catalogue) -> Self {
        Self { may_be_missing: true, ..Self::new(Some(path), known) }
    }

    /// The same for this reader.
    pub fn told_to(self, reader: TopologyReader) -> Self {
        Self { reader, ..self }
    }

    /// The same, after it was looked for in these places in vain.
    pub fn looked_for_at(self, places: Vec<PathBuf>) -> Self {
        Self { looked_at: Mutex::new(places), ..self }
    }

    /// A warning that there is no topology, with the paths that were searched; returned once, so that an
    /// empty answer is not taken for an empty topology.
    pub fn told_missing(&self) -> Option<String> {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = self.path.as_ref().is_some_and(|path| path.try_exists().unwrap_or(true));
        if looked_at.is_empty() || is_there {
            return None;
        }
        let places: Vec<String> = looked_at.drain(..).map(|path| path.display().to_string()).collect();
        let others = if places.len() > 1 { "neither " } else { "no " };
        Some(format!(
            "There is no topology, so no pool and no partner is known: {others}{} is there. Write one, or give \
             --topology FILE.",
            places.join(" nor ")
        ))
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// To whom it is read.
    pub fn reader(&self) -> TopologyReader {
        self.reader
    }

    /// The topology as it stands now.
    ///
    /// # Errors
    /// `TopologyInvalid`, with every mistake of the document and where it stands; for those who come
    /// in through another account, `TopologyNotTrusted` and `NoAccessTable`.
    pub fn read(&self) -> Result<Arc<Topology>, ErrorRecord> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        held.map_or_else(|| self.read_file(), Ok)
    }

    /// Reads the file, and holds what it says: from now on [`TopologyStore::read`] gives that, whatever
    /// becomes of the file, until this is called again. A file with mistakes leaves what was held.
    ///
    /// # Errors
    /// As [`TopologyStore::read`].
    pub fn hold(&self) -> Result<Arc<Topology>, ErrorRecord> {
        self.hold_if(|_| Ok(()))
    }

    /// The same where `is_taken` takes it; otherwise what was held stays.
    ///
    /// # Errors
    /// As [`TopologyStore::read`], and what `is_taken` says.
    pub fn hold_if(
        &self,
        is_taken: impl FnOnce(&Topology) -> Result<(), ErrorRecord>,
    ) -> Result<Arc<Topology>, ErrorRecord> {
        let topology = self.read_file()?;
        is_taken(&topology)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(topology.clone());
        Ok(topology)
    }

    fn read_file(&self) -> Result<Arc<Topology>, ErrorRecord> {
        let topology = self.read_as_it_is()?;
        match self.reader {
            TopologyReader::Other if topology.access.is_none() => Err(no_access_table()),
            TopologyReader::Other | TopologyReader::Owner => Ok(topology),
        }
    }

    fn read_as_it_is(&self) -> Result<Arc<Topology>, ErrorRecord> {
        let Some(path) = &self.path else { return Ok(Arc::new(Topology::default())) };
        let opened = trusted::open(path);
        if let Some(untrusted) = opened.as_ref().err().and_then(Untrusted::of) {
            return Err(not_trusted(untrusted));
        }
        let state = opened.as_ref().ok().and_then(|file| FileState::of(file).ok());
        let is_missing = matches!(&opened, Err(fault) if fault.kind() == std::io::ErrorKind::NotFound);
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, topology)) = cached.as_ref()
            && state == *then
            && (state.is_some() || is_missing)
        {
            return Ok(topology.clone());
        }
        let topology = if self.may_be_missing && is_missing {
            Topology { path: path.clone(), ..Topology::default() }
        } else {
            Topology::read_for(opened, path, &self.known)
                .map_err(|mistakes| invalid(path, &mistakes, self.reader))?
        };
        let topology = Arc::new(topology);
        *cached = Some((state, topology.clone()));
        Ok(topology)
    }
}

/// A name without the symbolic links that it leads through, and as it is where there are none.
fn without_links(path: PathBuf) -> PathBuf {
    match (path.canonicalize(), std::path::absolute(&path)) {
        (Ok(real), Ok(named)) if real != named => real,
        (Ok(_) | Err(_), _) => path,
    }
}

fn not_trusted(untrusted: &Untrusted) -> ErrorRecord {
    let message = format!(
        "Others than the account that reads the topology could change it, so it is not trusted: {untrusted}."
    );
    ErrorRecord::new(Category::PermissionDenied, "TopologyNotTrusted", message).remedy(
        "Tell an administrator of this machine: the account must own the file and what leads to it, nobody else \
         may write there, and no link may lead to it.",
    )
}

fn no_access_table() -> ErrorRecord {
    let message = "The topology does not say who may do what, so nobody may come in here.";
    ErrorRecord::new(Category::PermissionDenied, "NoAccessTable", message)
        .remedy("Run imsh setup --check as root: it says how the first administrator is made.")
}

/// The error for a topology with mistakes, for a user who may not read it.
pub fn mistakes_elsewhere() -> ErrorRecord {
    let message = "The topology has mistakes, and nothing runs until they are mended.";
    ErrorRecord::new(Category::InvalidData, "TopologyInvalid", message)
        .remedy("An administrator sees them as the account that owns the file: imsh -c Get-Pool.")
}

fn invalid(path: &Path, mistakes: &[Mistake], reader: TopologyReader) -> ErrorRecord {
    if reader != TopologyReader::Owner {
        return mistakes_elsewhere();
    }
    let list: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    ErrorRecord::new(Category::InvalidData, "TopologyInvalid", list.join("\n"))
        .target(path.display().to_string())
        .remedy(match path.try_exists() {
            Ok(false) => "Name a file that is there: --topology FILE, or $IMSH_TOPOLOGY.",
            Ok(true) | Err(_) => "Mend the file; nothing runs on a topology that is wrong.",
        })
}

/// The store of passwords; it is opened when the first password is asked for.
#[derive(Debug)]
pub struct VaultStore {
    directory: Option<PathBuf>,
    /// A key from elsewhere, such as a systemd credential.
    key: Option<VaultKey>,
    opened: Mutex<Option<Arc<Vault>>>,
}

impl VaultStore {
    /// The vault of this directory, with a key from elsewhere if there is one.
    pub fn new(directory: Option<PathBuf>, key: Option<VaultKey>) -> Self {
        Self { directory, key, opened: Mutex::new(None) }
    }

    /// The vault.
    ///
    /// # Errors
    /// `VaultUnreadable`, with what is wrong with the file or its key.
    pub fn open(&self) -> Result<Arc<Vault>, ErrorRecord> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = opened.as_ref() {
            return Ok(vault.clone());
        }
        let Some(directory) = &self.directory else {
            return Err(ErrorRecord::new(
                Category::ResourceUnavailable,
                "NoVault",
                "There is no topology file, so there is no vault beside it.",
            )
            .remedy("Give --topology FILE, or --vault DIR."));
        };
        let vault = match &self.key {
            Some(key) => Vault::with_key(directory, key.clone()),
            None => Vault::open(directory),
        };
        let vault = Arc::new(vault.map_err(|fault| unreadable(&fault))?);
        *opened = Some(vault.clone());
        Ok(vault)
    }
}

/// The error record of a vault that cannot be used.
pub fn unreadable(fault: &vault::Fault) -> ErrorRecord {
    ErrorRecord::new(Category::AuthenticationError, "VaultUnreadable", super::sentence(&fault.to_string()))
}
