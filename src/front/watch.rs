//! `imsh watch`: the daemon's command line, signals, log and exit status.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::kept::{kept_results, state_directory};
use super::logging::LogOptions;
use super::run::Interrupts;
use super::start::{self, CmdletDoor};
use super::systemd::ServiceManager;
use crate::call::context::Confirmation;
use crate::call::results::KeptResults;
use crate::call::{NoAnswer, Operator, Progress};
use crate::cmdlet::ErrorRecord;
use crate::lab::Lab;
use crate::secret::Secret;
use crate::store::{Store, StoreFault};
use crate::vault::RefusedCredentials;
use crate::watch::{HowManyRounds, Intake, Milestone, WatchFault, Watcher, WatcherCommand, WatcherOptions};

/// The options of `imsh watch` beside those that all subcommands share.
#[derive(Args, Debug)]
pub struct WatchOptions {
    /// Test everything that is due or new, once, tell whom it concerns, and exit
    #[arg(long)]
    pub once: bool,

    /// The options of the log.
    #[command(flatten)]
    pub log: LogOptions,
}

/// The beginning of `imsh watch --help`.
pub const ABOUT: &str = "\
Tests what the [[watch]] entries of the topology say, as often as they say, keeps the results, and tells those \
whom [[notify]] lists when something breaks, once, and when it is mended, once. What it knows is in the store: a \
restart neither repeats nor forgets a test or a notice. Several watchers, at one site or at many, may share a \
PostgreSQL database ([store] url); each needs the passwords of the accounts that it tests with, and claims no \
other pairs.

An account whose stored credential a pool refuses is not tried again, lest it be locked, until another credential \
is stored, a day has passed, or the watcher is reloaded; its pairs are down with PLAN-CREDENTIAL-REFUSED meanwhile.

SIGHUP reads the topology again (on a terminal it ends the watcher: the terminal has gone); one that has mistakes is told of, and the one before stays in force. SIGTERM and \
Ctrl-C end it in order: tests under way get a moment to finish, and the others are handed back. A machine that is \
off line, or whose store is away, says so once and blames nobody; results wait in a spool beside the state until a \
shared store is back.

Pages, /metrics and /probe for Prometheus, and JSON under /api/ are at http://localhost:9604/, or where [http] of \
the topology says; off this machine only with TLS and a token. With --once nothing is served.

The log goes to standard error: lines for people on a terminal, JSON elsewhere. -v, or --log debug, tells every \
test.

Exit status: 0 it was stopped; 2 the topology or the store cannot be used. With --once as that of the tests: 0 all \
succeeded and no pair is down, 1 one failed or is down still, 4 one could not run or lacks its password.";

/// The end of `imsh watch --help`.
pub const EXAMPLES: &str = "\
Examples:
  imsh --lab watch                     keeps watch on the practice network
  imsh watch --once                    one round, for a first try or for cron
  systemctl reload imsh-watch          after a change of the topology

A first watch, in the topology:
  [[watch]]
  identity = \"every partner\"
  every = \"15m\"";

/// Keeps watch until it is stopped.
pub async fn watch(options: &SessionOptions, own: WatchOptions) -> ExitStatus {
    own.log.start(options.verbose);
    let intake = Intake::default();
    let taker = intake.taker();
    let begun = start::door(
        options,
        "watch",
        |lab| results(options, lab).handing_to(taker),
        |_| Arc::new(WatcherLog::default()),
    )
    .await;
    let CmdletDoor { host, lab, .. } = match begun {
        Ok(door) => door,
        Err(error) => {
            tracing::error!("{error}");
            return error.status();
        }
    };
    let store = match store(options, lab.as_ref(), &host).await {
        Ok(store) => store,
        Err(text) => {
            tracing::error!("{text}");
            return ExitStatus::Wrong;
        }
    };
    let refused_file = lab.is_none().then(state_directory).flatten().map(|directory| directory.join(REFUSED));
    let vault = host.context().vault.open().ok();
    let refused_credentials = Arc::new(RefusedCredentials::new(refused_file, vault.as_deref()));
    let probes = start::unkept_door(options, lab.as_ref(), "probe", Arc::new(WatcherLog::default()));
    for context in [host.context(), probes.context()] {
        // Nobody else sets it.
        let _ = context.refused.set(refused_credentials.clone());
    }
    let manager = ServiceManager::from_environment();
    let spool = store.is_shared().then(|| state_directory().map(|directory| directory.join(SPOOL))).flatten();
    let watcher = Watcher::new(
        WatcherOptions {
            host: host.clone(),
            probes,
            store,
            spool,
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(std::path::PathBuf::from),
            rounds: if own.once { HowManyRounds::One } else { HowManyRounds::Endless },
            told: Arc::new(move |milestone: Milestone| manager.tell(&milestone)),
        },
        intake,
    )
    .await;
    let watcher = match watcher {
        Ok(watcher) => watcher,
        Err(fault) => return refused(&fault),
    };
    let status = watcher.status();
    let (orders, received) = mpsc::channel(8);
    let listening = tokio::spawn(listen(orders));
    let ended = watcher.run(received).await;
    listening.abort();
    let figures = status.figures();
    if figures.n_untested > 0 {
        let pairs = figures.n_untested;
        tracing::error!(
            pairs,
            "not tested: no password of their accounts is in the vault; Set-TestUserCredential stores one"
        );
    }
    if figures.n_broken > 0 {
        tracing::warn!(pairs = figures.n_broken, "pairs that are down or flaky; Get-TestState shows them");
    }
    tracing::info!(
        tests = figures.n_tests,
        failures = figures.n_failures,
        not_run = figures.n_not_run,
        changes = figures.n_changes,
        notices = figures.n_notices,
        "the watcher ends"
    );
    match ended {
        Err(fault) => refused(&fault),
        Ok(()) if own.once => {
            let of_tests = ExitStatus::of(None, host.tally());
            let is_success = of_tests == ExitStatus::Success;
            if is_success && figures.n_untested > 0 {
                ExitStatus::NotRun
            } else if is_success && figures.n_broken > 0 {
                ExitStatus::TestFailed
            } else {
                of_tests
            }
        }
        Ok(()) => ExitStatus::Success,
    }
}

fn refused(fault: &WatchFault) -> ExitStatus {
    let next = match fault {
        WatchFault::NothingToWatch => {
            "Write one: imsh -c 'New-WatcherNodeConfiguration \"every partner\" -Every 15m'; or try imsh --lab watch."
        }
        WatchFault::AllPaused => {
            "Go on with one: imsh -c 'Set-WatcherNodeConfiguration NAME -Enabled'; Get-WatcherNodeConfiguration lists them."
        }
        WatchFault::NothingMeant => {
            "Name what it lists: Get-WatcherNodeConfiguration, Get-Pool and Get-XmppAllowedPartner show both."
        }
        WatchFault::Topology(_) => "Mend the topology; Test-Topology says what it means.",
        WatchFault::Store(StoreFault::Older { .. }) => "Bring its schema up to date: imsh store migrate.",
        WatchFault::Store(StoreFault::Foreign { .. }) => {
            "Name another one: --store FILE, or [store] of the topology."
        }
        WatchFault::Identity(_) => "Mend the file, or name another one in [http].",
        WatchFault::Store(_) => "See that this account may read and write it, and that there is room.",
    };
    tracing::error!("{fault}. {next}");
    ExitStatus::Wrong
}

/// Returns the store of the results: on the practice network it lies beside the network's files and is removed with
/// them.
fn results(options: &SessionOptions, lab: Option<&Lab>) -> KeptResults {
    match lab {
        Some(lab) if options.store.is_none() => {
            KeptResults::new(Some(lab.topology().with_file_name("results.sqlite")), true, None)
        }
        Some(_) | None => kept_results(options),
    }
}

async fn store(
    options: &SessionOptions,
    lab: Option<&Lab>,
    host: &crate::host::Host,
) -> Result<Store, String> {
    let topology = host.context().topology.read().map_err(|error| error.message)?;
    if !topology.store.enabled && options.store.is_none() && lab.is_none() {
        return Err("a watcher needs a store; [store] of the topology says enabled = false".to_owned());
    }
    match results(options, lab).unchecked(&topology).await {
        Some(Ok(store)) => Ok(store),
        Some(Err(fault)) => Err(fault.to_string()),
        None => {
            Err("there is no place to keep results; give --store FILE, or [store] in the topology".to_owned())
        }
    }
}

/// Turns signals into orders. The second one to end ends the process. Where somebody looks on, SIGHUP says
/// that their terminal has gone.
async fn listen(orders: mpsc::Sender<WatcherCommand>) {
    let mut ends = Interrupts::of(vec![SignalKind::interrupt(), SignalKind::terminate()]);
    let mut reloads = Interrupts::of(vec![SignalKind::hangup()]);
    let is_attended = io::stderr().is_terminal();
    let mut is_ending = false;
    loop {
        tokio::select! {
            () = ends.next() => {
                if is_ending {
                    std::process::exit(ExitStatus::Interrupted.code().into());
                }
                is_ending = true;
                // A watcher that has ended takes no orders.
                let _ = orders.send(WatcherCommand::Stop).await;
            }
            () = reloads.next() => {
                let order = if is_attended { WatcherCommand::Stop } else { WatcherCommand::Reload };
                let _ = orders.send(order).await;
            }
        }
    }
}

/// The operator of a watcher is its log: nobody answers questions. What is said again and again, round for
/// round, is written down once a day.
#[derive(Default)]
struct WatcherLog(Mutex<HashMap<String, Instant>>);

impl WatcherLog {
    fn is_news(&self, text: &str) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| at.elapsed() < SAID_AGAIN);
        if said.contains_key(text) || said.len() >= MOST_REMEMBERED {
            return false;
        }
        said.insert(text.to_owned(), Instant::now());
        true
    }
}

/// After how long a text is news again.
const SAID_AGAIN: Duration = Duration::from_secs(86_400);
/// The number of texts that are remembered; a log of more says nothing to anybody.
const MOST_REMEMBERED: usize = 10_000;

impl Operator for WatcherLog {
    fn ask(&self, _: &str, _: &CancellationToken) -> Result<String, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }

    fn ask_secret(&self, _: &str) -> Result<Secret, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }

    fn confirm(&self, _: &str, _: &CancellationToken) -> Result<Confirmation, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }

    fn host(&self, text: &str) {
        tracing::info!("{text}");
    }

    fn warning(&self, text: &str) {
        if self.is_news(text) {
            tracing::warn!("{text}");
        }
    }

    fn verbose(&self, text: &str) {
        tracing::trace!("{text}");
    }

    fn error(&self, error: &ErrorRecord) {
        let (id, target) = (error.id, error.target.clone().unwrap_or_default());
        if self.is_news(&format!("{id} {target} {}", error.message)) {
            tracing::error!(id, target, "{}", error.message);
        }
    }

    fn progress(&self, _: &Progress<'_>) {}
}

/// The file beside the state in which results wait for a shared store.
const SPOOL: &str = "spool.sqlite";
/// The file beside the state that says which credentials are not offered again.
const REFUSED: &str = "refused-credentials.json";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::cli::{Cli, CliCommand};

    #[test]
    fn the_systemd_unit_starts_a_watcher() {
        let unit = include_str!("../../examples/deploy/imsh-watch.service");
        let value =
            |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap();
        let started = Cli::try_parse_from(value("ExecStart").split(' ')).unwrap();
        assert!(matches!(started.action, Some(CliCommand::Watch(_))));
        assert_eq!(value("Type"), "notify");
        assert!(value("ExecReload").contains("-HUP"));
        assert!(value("LoadCredential").starts_with("imsh-vault-key:"));
    }
}
