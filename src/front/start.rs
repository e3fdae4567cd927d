//! Makes a session from the command line: files, principal, context, engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::{Uid, User, getgrouplist, getuid};
use tokio::runtime::Handle;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::kept::kept_results;
use super::output::Console;
use super::terminal::Terminal;
use crate::access::Principal;
use crate::call::results::KeptResults;
use crate::call::stores::{TopologyStore, VaultStore};
use crate::call::{Operator, SessionContext};
use crate::cmdlets;
use crate::durable::Fault;
use crate::host::{Gate, Host};
use crate::lab::Lab;
use crate::script::{EngineContext, ScriptLimits, ScriptSession};
use crate::topology::{TopologyPlaces, places};
use crate::value::Value;
use crate::vault::{SYSTEMD_NAME, VaultKey};

/// A session that is ready to run programs.
pub struct Started {
    /// The engine.
    pub session: ScriptSession,
    /// The door behind it.
    pub host: Arc<Host>,
    /// The console that the session writes to.
    pub output: Console,
    /// The practice network, where the session works on it; ends with the session.
    lab: Option<Lab>,
}

impl Started {
    /// The practice network, for whoever is to end it before the session.
    pub fn take_lab(&mut self) -> Option<Lab> {
        self.lab.take()
    }
}

/// The reason why no session could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system gave no thread, or the like.
    #[error("the session could not be started: {0}")]
    System(#[from] std::io::Error),
    /// The output file cannot be written to.
    #[error("{0}")]
    OutputFile(#[from] Fault),
    /// The practice network needs ports and a temporary directory.
    #[error("the practice network could not be started: {0}")]
    Lab(std::io::Error),
}

impl StartError {
    /// The exit status.
    pub fn status(&self) -> ExitStatus {
        match self {
            Self::System(_) | Self::OutputFile(_) | Self::Lab(_) => ExitStatus::Wrong,
        }
    }
}

/// Starts a session of the operating-system user; `way` is how they came
/// in, `variables` are there from the beginning, `library` is where scripts import from, if not
/// from the current directory.
///
/// # Errors
/// See [`StartError`].
pub async fn start(
    options: &SessionOptions,
    way: &'static str,
    variables: Vec<(String, Value)>,
    library: Option<&Path>,
) -> Result<Started, StartError> {
    let results = |_: Option<&Lab>| kept_results(options);
    let operator = |output: &Console| -> Arc<dyn Operator> { Arc::new(Terminal::new(output.clone())) };
    let CmdletDoor { host, output, lab } = door(options, way, results, operator).await?;
    if options.verbose {
        // A topology that is wrong is told of by the first command.
        let remarks = host.context().topology.read().map(|topology| topology.remarks.clone());
        remarks.iter().flatten().for_each(|remark| host.context().operator.verbose(&remark.to_string()));
    }
    let library = library.map_or_else(|| host.context().directory.clone(), Path::to_owned);
    Ok(Started { lab, ..started(host, output, ScriptLimits::OWN, Some(library), variables)? })
}

/// The door to every cmdlet for the operating-system user, and what stands behind it.
pub(super) struct CmdletDoor {
    /// The door.
    pub(super) host: Arc<Host>,
    /// The console that the session writes to.
    pub(super) output: Console,
    /// The practice network, where the session works on it; it runs as long as it is held.
    pub(super) lab: Option<Lab>,
}

/// Opens the door for the operating-system user, with these results and this operator.
///
/// # Errors
/// See [`StartError`].
pub(super) async fn door(
    options: &SessionOptions,
    way: &'static str,
    results: impl FnOnce(Option<&Lab>) -> KeptResults,
    operator: impl FnOnce(&Console) -> Arc<dyn Operator>,
) -> Result<CmdletDoor, StartError> {
    let output = Console::of(options)?;
    let lab = if options.lab { Some(Lab::start().await.map_err(StartError::Lab)?) } else { None };
    let (topology, vault) = files(options, lab.as_ref());
    let principal = of_user(getuid());
    let operator = operator(&output);
    // Only the machine's own topology has a door that delegated administrators come in by.
    let has_door = topology.path() == Some(Path::new(places::SYSTEM));
    let context = Arc::new(SessionContext {
        way,
        sessions: has_door.then(|| PathBuf::from(places::STATE)),
        directory: std::env::current_dir()?,
        environment: Arc::new(|name| std::env::var(name).ok()),
        transcripts: output.transcripts(),
        results: results(lab.as_ref()),
        ..SessionContext::new(topology, vault, operator)
    });
    let host = Arc::new(Host::new(cmdlets::ALL, context, Gate::new(principal), options.verbose));
    Ok(CmdletDoor { host, output, lab })
}

/// A second door to the same files, whose tests are kept nowhere: they say nothing of the state of a pair.
pub(super) fn unkept_door(
    options: &SessionOptions,
    lab: Option<&Lab>,
    way: &'static str,
    operator: Arc<dyn Operator>,
) -> Arc<Host> {
    let (topology, vault) = files(options, lab);
    let results = KeptResults::nowhere();
    let context = SessionContext { way, results, ..SessionContext::new(topology, vault, operator) };
    let gate = Gate::new(of_user(getuid()));
    Arc::new(Host::new(cmdlets::ALL, Arc::new(context), gate, options.verbose))
}

/// Starts the engine of a session behind this door.
///
/// # Errors
/// The system gives no thread.
pub fn started(
    host: Arc<Host>,
    output: Console,
    limits: ScriptLimits,
    library: Option<PathBuf>,
    variables: Vec<(String, Value)>,
) -> std::io::Result<Started> {
    let emit = output.clone();
    let emit = Arc::new(move |value| emit.emit(&value));
    let running = EngineContext::new(host.clone(), Handle::current(), emit, limits);
    let running = match library {
        Some(library) => running.importing_from(library),
        None => running,
    };
    Ok(Started { session: ScriptSession::start(running, variables)?, host, output, lab: None })
}

/// The topology and the vault: those of the practice network, or those that are named or found.
fn files(options: &SessionOptions, lab: Option<&Lab>) -> (TopologyStore, VaultStore) {
    match lab {
        Some(lab) => (
            TopologyStore::new(Some(lab.topology()), cmdlets::catalogue()),
            VaultStore::new(Some(lab.vault().to_owned()), None),
        ),
        None => {
            let topology = topology(options);
            let vault = VaultStore::new(vault_directory(options, topology.path()), vault_key());
            (topology, vault)
        }
    }
}

/// The topology that is named or found; where there is none, the one that a first change makes.
pub(super) fn topology(options: &SessionOptions) -> TopologyStore {
    let variable = |name| std::env::var_os(name);
    let (topology, config_home, home) =
        (variable("IMSH_TOPOLOGY"), variable("XDG_CONFIG_HOME"), variable("HOME"));
    let places = TopologyPlaces {
        flag: options.topology.as_deref(),
        variable: topology.as_deref(),
        config_home: config_home.as_deref(),
        home: home.as_deref(),
    };
    let known = cmdlets::catalogue();
    match (places.find(), places.find_or_create()) {
        (Some(found), _) => TopologyStore::new(Some(found), known),
        (None, Some(to_make)) => TopologyStore::at_home(to_make, known).looked_for_at(places.looked_at()),
        (None, None) => TopologyStore::new(None, known).looked_for_at(places.looked_at()),
    }
}

/// `--vault`, `$IMSH_VAULT`, else `vault` beside the topology.
fn vault_directory(options: &SessionOptions, topology: Option<&Path>) -> Option<PathBuf> {
    let beside = || Some(topology?.parent()?.join("vault"));
    options.vault.clone().or_else(vault_variable).or_else(beside)
}

fn vault_variable() -> Option<PathBuf> {
    std::env::var_os("IMSH_VAULT").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The key that systemd passed in (`LoadCredential=`), if it did.
fn vault_key() -> Option<VaultKey> {
    let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(SYSTEMD_NAME);
    path.exists().then_some(VaultKey::Systemd(path))
}

/// A user of the operating system, with all their groups.
pub(super) fn of_user(uid: Uid) -> Principal {
    let user = User::from_uid(uid).ok().flatten();
    let name = user.as_ref().map_or_else(|| format!("uid-{uid}"), |user| user.name.clone());
    let groups = user.and_then(|user| {
        let name = std::ffi::CString::new(user.name).ok()?;
        getgrouplist(&name, user.gid).ok()
    });
    let group_name = |gid| nix::unistd::Group::from_gid(gid).ok().flatten().map(|group| group.name);
    let groups = groups.unwrap_or_default().into_iter().filter_map(group_name).collect();
    Principal::OsUser { name, groups }
}

/// The name of a script in messages.
pub fn display_name(script: &Path) -> String {
    if script == Path::new("-") { "standard input".to_owned() } else { script.display().to_string() }
}
