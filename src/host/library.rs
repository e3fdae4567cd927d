//! The script library of those who are not the administrator: which scripts a principal may run.
//!
//! It is the directory `scripts` beside the topology. A role lists what its holders may run of it, and
//! what no role lists is refused as a cmdlet is, whether it is there or not. A script gives no leave to
//! anything: each call in it is asked for like any other. Never reads a script.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Host;
use crate::access::{GivenParameter, ScriptModule};
use crate::cmdlet::{Category, ErrorRecord};
use crate::durable;
use crate::topology::Topology;

/// A script of the library that a principal may run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    /// Its file.
    pub file: PathBuf,
    /// The functions that may be called; `None` for all of them.
    pub functions: Option<BTreeSet<String>>,
}

impl Host {
    /// The script that `import "name"` means; `None` for an administrator, who imports what they like.
    ///
    /// # Errors
    /// No role lists it, it is not there, or others may change it.
    pub fn module(&self, name: &str) -> Result<Option<Module>, ErrorRecord> {
        let topology = self.context().topology.read()?;
        if self.gate.is_administrator(self.everything(), &topology) {
            return Ok(None);
        }
        let listed = self.listed(name, &topology)?;
        if listed.is_empty() {
            return Err(self.refuse_script("import", name, &topology));
        }
        let whole = listed.iter().any(|module| module.function().is_none());
        let functions = listed.iter().filter_map(ScriptModule::function).map(str::to_owned).collect();
        let file = kept(&directory(&topology).join(format!("{}.rhai", stem(name))), name, &topology)?;
        Ok(Some(Module { file, functions: (!whole).then_some(functions) }))
    }

    /// Whether the principal may have another account read and run this file: a script of the library
    /// that a role of theirs lists. An administrator may have any read.
    ///
    /// # Errors
    /// They may not.
    pub fn may_run_script(&self, file: &Path) -> Result<(), ErrorRecord> {
        let topology = self.context().topology.read()?;
        if self.gate.is_administrator(self.everything(), &topology) {
            return Ok(());
        }
        let refused = || {
            self.refuse_script("run", &file.display().to_string(), &topology).remedy(
                "Give it on standard input, as imsh run - < FILE, or ask an administrator for a role.",
            )
        };
        let (Ok(real), Ok(library)) = (file.canonicalize(), directory(&topology).canonicalize()) else {
            return Err(refused());
        };
        let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let listed = self.listed(name, &topology)?;
        let is_listed = name.ends_with(".rhai") && listed.iter().any(|module| module.function().is_none());
        if !is_listed || real.parent() != Some(library.as_path()) {
            return Err(refused());
        }
        kept(&real, name, &topology).map(|_| ())
    }

    fn listed(&self, name: &str, topology: &Arc<Topology>) -> Result<Vec<ScriptModule>, ErrorRecord> {
        self.gate.script_modules(self.everything(), topology, stem(name))
    }

    /// Writes the refusal down, and gives the answer that all refusals have.
    fn refuse_script(&self, deed: &'static str, name: &str, topology: &Arc<Topology>) -> ErrorRecord {
        let roles = self.gate.role_names(self.everything(), topology).unwrap_or_default();
        let parameters = vec![GivenParameter { name: "Script".to_owned(), values: vec![name.to_owned()] }];
        let written = self.audit(deed, topology, parameters, roles).refused("no role lists the script");
        written.err().unwrap_or_else(|| ErrorRecord::permission_denied(deed))
    }
}

fn directory(topology: &Topology) -> PathBuf {
    topology.path.parent().unwrap_or(Path::new("")).join("scripts")
}

/// The name as a role lists it, without the ending.
fn stem(name: &str) -> &str {
    name.strip_suffix(".rhai").unwrap_or(name)
}

/// The file, where the topology's account and root alone may change it.
fn kept(file: &Path, name: &str, topology: &Topology) -> Result<PathBuf, ErrorRecord> {
    let owner = topology.path.metadata().map_or(0, |found| found.uid());
    let is_within = file.canonicalize().ok().as_deref().and_then(Path::parent)
        == directory(topology).canonicalize().ok().as_deref();
    let found = if is_within {
        durable::changeable_by_others(file, owner)
    } else {
        Err(std::io::ErrorKind::NotFound.into())
    };
    let place = found.map_err(|error| {
        let missing = format!("The script library has no script '{}.rhai': {error}.", stem(name));
        ErrorRecord::new(Category::ObjectNotFound, "ModuleNotFound", missing)
            .remedy("Tell an administrator: a role of yours lists it.")
    })?;
    let Some(place) = place else { return Ok(file.to_owned()) };
    let message =
        format!("Others than the owner of the topology may change {}, so it is not run.", place.display());
    Err(ErrorRecord::new(Category::PermissionDenied, "ScriptNotTrusted", message).remedy(
        "Tell an administrator: the topology's account must own the script, and nobody else may write it.",
    ))
}
