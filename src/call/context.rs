//! The context of a session: network, topology, vault, and the operator.
//!
//! The front builds one per session. Nothing here decides who may use it: the gate in `host` does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Halt;
use super::drive::Drive;
use super::results::KeptResults;
use super::stores::{TopologyReader, TopologyStore, VaultStore};
use super::transcript::Transcripts;
use crate::access::audit;
use crate::access::limits::SessionLimits;
use crate::access::usage::Usage;
use crate::cmdlet::ErrorRecord;
use crate::secret::Secret;
use crate::topology::{AuditTable, Topology};
use crate::vault::RefusedCredentials;
use crate::xmpp::network::Network;

/// The resources that the cmdlets of a session may ask for.
pub struct SessionContext {
    /// Name resolution, trust and the caches of the client path.
    pub networks: Networks,
    /// The topology file.
    pub topology: TopologyStore,
    /// The store of the passwords.
    pub vault: VaultStore,
    /// The way in which the principal came in: `run`, `-c`, `shell`, `session`.
    pub way: &'static str,
    /// Whether another account than the principal's serves them: nothing of the machine is theirs then.
    pub is_delegated: bool,
    /// The drive that the files of such a session lie on.
    pub drive: Option<Drive>,
    /// The resources that such a session may use up; set when the session begins.
    pub budget: std::sync::OnceLock<Budget>,
    /// The directory of the delegated sessions of this machine, if there are any.
    pub sessions: Option<PathBuf>,
    /// The operator who reads warnings and answers questions.
    pub operator: Arc<dyn Operator>,
    /// The lines that were run in this session.
    pub history: SessionHistory,
    /// The names that this session has given to cmdlets.
    pub aliases: SessionAliases,
    /// The transcripts that record what the session shows.
    pub transcripts: Arc<Transcripts>,
    /// The store of the test results.
    pub results: KeptResults,
    /// The credentials that pools have refused, where they are not offered again: set by a watcher.
    pub refused: std::sync::OnceLock<Arc<RefusedCredentials>>,
    /// The directory that relative file names start from.
    pub directory: PathBuf,
    /// Environment variables by name, for `Get-Credential -FromEnvironment`; given by the front,
    /// empty for delegated sessions.
    pub environment: Environment,
}

/// The resources that a delegated session may use up, and those that its principal has used up.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The usage over all sessions.
    pub usage: Usage,
    /// The limits of the principal's roles.
    pub limits: SessionLimits,
}

/// Gives the value of an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl SessionContext {
    /// A context with these files and this operator, without an environment. Relative file names start
    /// from the current directory.
    pub fn new(topology: TopologyStore, vault: VaultStore, operator: Arc<dyn Operator>) -> Self {
        Self {
            networks: Networks::default(),
            topology,
            vault,
            way: "embedded",
            is_delegated: false,
            drive: None,
            budget: std::sync::OnceLock::new(),
            sessions: None,
            operator,
            history: SessionHistory::default(),
            aliases: SessionAliases::default(),
            transcripts: Arc::default(),
            results: KeptResults::default(),
            refused: std::sync::OnceLock::new(),
            directory: PathBuf::from("."),
            environment: Arc::new(|_| None),
        }
    }

    /// Whether somebody sits there who is told nothing of the machine: its paths, its addresses, its faults. An
    /// administrator's session has no budget.
    pub fn is_delegates(&self) -> bool {
        self.is_delegated && self.budget.get().is_some()
    }

    /// Returns the reader who is told about mistakes and faults of the machine.
    pub fn reader(&self) -> TopologyReader {
        if self.is_delegates() { TopologyReader::Other } else { TopologyReader::Owner }
    }

    /// The audit log: at the path in the topology, else `audit/imsh.jsonl` beside the topology.
    pub fn audit(&self, topology: &Topology) -> audit::AuditLog {
        let beside = || {
            let directory = self.topology.path().and_then(Path::parent).unwrap_or(Path::new("."));
            directory.join("audit").join("imsh.jsonl")
        };
        match &topology.audit {
            Some(own) => audit::AuditLog::new(own.file.clone().unwrap_or_else(beside), own.settings()),
            None => audit::AuditLog::new(beside(), AuditTable::default().settings()),
        }
    }

    /// The network with the topology's name servers. The same network is returned as long as these stay
    /// the same, so that its caches stay warm.
    pub fn network(&self, topology: &Topology) -> Network {
        let wanted = &topology.resolver.name_servers;
        let mut current = self.networks.0.lock().unwrap_or_else(PoisonError::into_inner);
        match current.as_ref() {
            Some((name_servers, network)) if name_servers == wanted => network.clone(),
            _ => {
                let network = match wanted.as_slice() {
                    [] => Network::system(),
                    name_servers => Network::with_name_servers(name_servers),
                };
                *current = Some((wanted.clone(), network.clone()));
                network
            }
        }
    }
}

/// Lines that were run in an interactive session, oldest first.
#[derive(Debug, Default)]
pub struct SessionHistory(Mutex<Vec<String>>);

impl SessionHistory {
    /// Adds a line; gives its number, counted from one.
    pub fn add(&self, line: &str) -> usize {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.to_owned());
        lines.len()
    }

    /// The lines.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Names that a session has given to cmdlets, beside those that are built in.
#[derive(Debug, Default)]
pub struct SessionAliases(Mutex<BTreeMap<String, &'static str>>);

impl SessionAliases {
    /// Gives the name to a cmdlet, in place of the one that had it.
    pub fn set(&self, name: &str, cmdlet: &'static str) {
        let mut aliases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        aliases.insert(name.to_ascii_lowercase(), cmdlet);
    }

    /// Takes the name away; says whether it was there.
    pub fn remove(&self, name: &str) -> bool {
        let mut aliases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        aliases.remove(&name.to_ascii_lowercase()).is_some()
    }

    /// Every name with its cmdlet, in the order of the names.
    pub fn list(&self) -> Vec<(String, &'static str)> {
        let aliases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        aliases.iter().map(|(name, cmdlet)| (name.clone(), *cmdlet)).collect()
    }
}

/// The network that a session uses, made when it is first needed.
#[derive(Debug, Default)]
pub struct Networks(Mutex<Option<(Vec<SocketAddr>, Network)>>);

/// The reason why a question got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody is there to answer, or it is not allowed to ask.
    #[error("there is no terminal to ask at")]
    NoOperator,
    /// The operator would rather end the command.
    #[error("interrupted")]
    Interrupted,
}

impl NoAnswer {
    /// Returns how the call that asked ends; `error` makes the error for a call that needs an answer.
    pub fn halt(self, error: impl FnOnce() -> ErrorRecord) -> Halt {
        match self {
            Self::NoOperator => error().into(),
            Self::Interrupted => Halt::Cancelled,
        }
    }
}

/// The operator's answer to a request for confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Do it.
    Yes,
    /// Do it, and do not ask again during this command.
    YesToAll,
    /// Do not do it.
    No,
    /// Do not do it, and skip the rest of this command.
    NoToAll,
}

/// The progress of a long piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The work that is done.
    pub activity: &'a str,
    /// The number of parts that are done.
    pub done: usize,
    /// The total number of parts.
    pub total: usize,
    /// The number of done parts that have failed.
    pub failed: usize,
}

/// The person or program at the other end: sees text that is not a record, and answers questions.
pub trait Operator: Send + Sync {
    /// Asks for a name; a cancelled token withdraws the question.
    fn ask(&self, prompt: &str, cancel: &CancellationToken) -> Result<String, NoAnswer>;

    /// Asks for a password without echo.
    fn ask_secret(&self, prompt: &str) -> Result<Secret, NoAnswer>;

    /// Asks for confirmation; the question is a sentence. A cancelled token withdraws it.
    fn confirm(&self, question: &str, cancel: &CancellationToken) -> Result<Confirmation, NoAnswer>;

    /// Shows text that is no record.
    fn host(&self, text: &str);

    /// Shows text that is no record, and stays on its line.
    fn host_part(&self, text: &str) {
        self.host(text);
    }

    /// Shows a warning.
    fn warning(&self, text: &str);

    /// Shows verbose text.
    fn verbose(&self, text: &str);

    /// Shows an error record.
    fn error(&self, error: &ErrorRecord);

    /// Shows how far a long piece of work is.
    fn progress(&self, progress: &Progress<'_>);

    /// Rows and columns of the screen that somebody sits at; none where nobody does.
    fn screen(&self) -> Option<(usize, usize)> {
        None
    }
}

/// An operator that ignores all text and answers no question: for embedding programs and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Operator for Nobody {
    fn ask(&self, _prompt: &str, _cancel: &CancellationToken) -> Result<String, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }

    fn ask_secret(&self, _prompt: &str) -> Result<Secret, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }

    fn confirm(&self, _question: &str, _cancel: &CancellationToken) -> Result<Confirmation, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }

    fn host(&self, _text: &str) {}

    fn warning(&self, _text: &str) {}

    fn verbose(&self, _text: &str) {}

    fn error(&self, _error: &ErrorRecord) {}

    fn progress(&self, _progress: &Progress<'_>) {}
}
