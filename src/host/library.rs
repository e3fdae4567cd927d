//! The script library of those who are not the administrator: which scripts a principal may run.
//!
//! It is the directory `scripts` beside the topology. A role lists what its holders may run of it, and
//! what no role lists is refused as a cmdlet is, whether it is there or not. A script gives no leave to
//! anything: each call in it is asked for like any other. Never reads a script.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Host;
use crate::access::{GivenParameter, ScriptModule};
use crate::cmdlet::{Category, ErrorRecord};
use crate::topology::Topology;
use crate::trusted::{Directory, Untrusted, Why};

/// A script of the library that a principal may run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LibraryScript {
    /// Its file.
    pub file: PathBuf,
    /// The functions that may be called; `None` for all of them.
    pub functions: Option<BTreeSet<String>>,
}

impl Host {
    /// The script that `import "name"` means, opened; `None` for an administrator of their own machine,
    /// who imports what they like.
    ///
    /// # Errors
    /// No role lists it, it is not there, or others may change it.
    pub fn module(&self, name: &str) -> Result<Option<(LibraryScript, File)>, ErrorRecord> {
        let topology = self.context().topology.read()?;
        let is_administrator = self.gate.is_administrator(self.everything(), &topology);
        if is_administrator && !self.context().is_delegated {
            return Ok(None);
        }
        let listed = self.listed(name, &topology)?;
        if listed.is_empty() && !is_administrator {
            return Err(self.refuse_script("import", name, &topology));
        }
        let whole = is_administrator || listed.iter().any(|module| module.function().is_none());
        let functions = listed.iter().filter_map(ScriptModule::function).map(str::to_owned).collect();
        let (file, opened) = opened(name, &topology)?;
        Ok(Some((LibraryScript { file, functions: (!whole).then_some(functions) }, opened)))
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

/// The name as a role lists it, without the ending.
fn stem(name: &str) -> &str {
    name.strip_suffix(".rhai").unwrap_or(name)
}

/// The file, where the topology's account and root alone may change it.
fn opened(name: &str, topology: &Topology) -> Result<(PathBuf, File), ErrorRecord> {
    let found = Directory::of(&topology.path).and_then(|(beside, _)| {
        let account = beside.metadata()?.uid();
        let library = beside.trusting(account)?.directory(OsStr::new("scripts"))?;
        let file = format!("{}.rhai", stem(name));
        Ok((library.path().join(&file), library.open(OsStr::new(&file))?))
    });
    found.map_err(|fault| match Untrusted::of(&fault) {
        Some(Untrusted { path, why: Why::Owner { .. } | Why::Mode { .. } }) => {
            let message = format!(
                "Others than the owner of the topology may change {}, so it is not run.",
                path.display()
            );
            ErrorRecord::new(Category::PermissionDenied, "ScriptNotTrusted", message).remedy(
                "Tell an administrator: the topology's account must own the script, and nobody else may write it.",
            )
        }
        Some(_) | None => {
            let missing = format!("The script library has no script '{}.rhai': {fault}.", stem(name));
            ErrorRecord::new(Category::ObjectNotFound, "ModuleNotFound", missing)
                .remedy("Tell an administrator: a role of yours lists it.")
        }
    })
}
