//! The kept results of a session: where its tests' results go, and where earlier ones are read.
//!
//! Opened when the first test ends or the first question about the past is asked. A store that cannot be
//! used is one warning in a session, and no test fails of it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use super::stores::TopologyReader;
use super::{Call, Outcome};
use crate::cmdlet::{Category, ErrorRecord};
use crate::durable;
use crate::result::{AskedTest, Report, TestGroup, TestIdentity};
use crate::store::recorder::NotKept;
use crate::store::{
    Inferences, NewResult, PairName, PostgresOptions, Recorder, Run, Sql, Store, StoreFault, StoredOutcome,
    query,
};
use crate::topology::Topology;

/// The kept results of one session.
#[derive(Default)]
pub struct KeptResults {
    /// The file that holds the results where the topology names no database; none where nothing is kept.
    file: Option<PathBuf>,
    /// Whether somebody named the file by hand: it holds whatever the topology says then.
    is_named: bool,
    /// Finds the password of a database by its address.
    password: Option<PasswordSource>,
    opened: OnceCell<Result<Store, StoreFault>>,
    run: Mutex<Option<Recording>>,
    /// Takes the results in place of a store: a watcher, which knows what else is to be stored with them.
    taker: Option<ResultTaker>,
    /// Whether a run could not be begun, which was told.
    is_faulty: AtomicBool,
    /// The tests of the runs that are continued.
    continued: Mutex<HashMap<String, ContinuedRun>>,
}

/// Takes the result of each test of a session.
pub type ResultTaker = Arc<dyn Fn(NewResult) + Send + Sync>;

/// Finds the password of a database by its address, as `libpq` does.
pub type PasswordSource = Arc<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

/// The tests of a run that is continued.
#[derive(Default)]
struct ContinuedRun {
    /// The finished tests, as far as their results have not been taken yet; one that was made several times is there as
    /// often.
    finished: HashMap<TestIdentity, Vec<Report>>,
    /// The tests that the run has said not to have run.
    not_run: HashMap<TestIdentity, NotRunCount>,
}

impl ContinuedRun {
    /// Whether a result says more than the run does already: that a test was not run is said once, however often it
    /// was not run.
    fn is_news(&mut self, result: &NewResult) -> bool {
        if result.outcome != StoredOutcome::NotRun {
            return true;
        }
        let Ok(report) = serde_json::from_str::<Report>(&result.report) else { return true };
        let count = self.not_run.entry(report.identity()).or_default();
        count.told += 1;
        let is_news = count.told > count.kept;
        count.kept = count.kept.max(count.told);
        is_news
    }
}

/// How often a run says of a test that it was not run.
#[derive(Clone, Copy, Default)]
struct NotRunCount {
    kept: usize,
    /// By the call that goes on with the run.
    told: usize,
}

/// The run that is being recorded.
struct Recording {
    id: Uuid,
    /// The retention of single results, in microseconds.
    keep: i64,
    recorder: Recorder,
    /// Tells at the end how many results were not kept, where that has not been told as lasting.
    tell_missing: Box<dyn Fn(usize) + Send + Sync>,
}

/// A run without an end whose last result came so many microseconds ago may still be running.
const SIGN_OF_LIFE: i64 = 60_000_000;

/// The time that the end of a session waits for results that are still to be stored.
const LAST_WAIT: Duration = Duration::from_secs(5);

impl KeptResults {
    /// Results in this file, where the topology does not name a database.
    pub fn new(file: Option<PathBuf>, is_named: bool, password: Option<PasswordSource>) -> Self {
        Self { file, is_named, password, ..Self::default() }
    }

    /// Results that are kept nowhere, whatever the topology says.
    pub fn nowhere() -> Self {
        Self::default().handing_to(Arc::new(drop))
    }

    /// The same, whose results are handed over and not recorded.
    pub fn handing_to(self, taker: ResultTaker) -> Self {
        Self { taker: Some(taker), ..self }
    }

    /// The open store; `None` where nothing is kept.
    ///
    /// # Errors
    /// It cannot be opened. What was found the first time holds for the session.
    pub async fn store(&self, topology: &Topology) -> Option<Result<&Store, &StoreFault>> {
        if !self.is_kept(topology) {
            return None;
        }
        let opened = self.opened.get_or_init(|| self.open(topology)).await;
        Some(opened.as_ref())
    }

    /// Whether results are kept at all.
    fn is_kept(&self, topology: &Topology) -> bool {
        match (&self.file, &topology.store.url) {
            (Some(_), _) if self.is_named => true,
            (None, None) => false,
            (Some(_) | None, _) => topology.store.enabled,
        }
    }

    /// The file of the results; `None` where they are in a database, or none are kept.
    pub fn file_of(&self, topology: &Topology) -> Option<&Path> {
        let url = topology.store.url.as_ref().filter(|_| !self.is_named);
        self.file.as_deref().filter(|_| url.is_none())
    }

    /// The store whatever the version of its schema; `None` where nothing is kept.
    pub async fn unchecked(&self, topology: &Topology) -> Option<Result<Store, StoreFault>> {
        let url = topology.store.url.as_ref().filter(|_| !self.is_named);
        match (url, &self.file) {
            (Some(url), _) => Some(Store::connect_unchecked(url, self.options(url, topology))),
            (None, Some(file)) => Some(Store::open(file).await),
            (None, None) => None,
        }
    }

    fn options(&self, url: &str, topology: &Topology) -> PostgresOptions {
        let password = self.password.as_ref().and_then(|find| find(url));
        PostgresOptions { password, ca_file: topology.store.ca_file.clone(), n_connections: 0 }
    }

    async fn open(&self, topology: &Topology) -> Result<Store, StoreFault> {
        let url = topology.store.url.as_ref().filter(|_| !self.is_named);
        match (url, &self.file) {
            (Some(url), _) => Store::connect(url, self.options(url, topology)).await,
            (None, Some(file)) => Store::open(file).await,
            (None, None) => Err(StoreFault::Closed),
        }
    }

    /// Keeps the results of tests of one batch, but for those that were inferred, which `inferences` takes. Returns
    /// when they are stored, or at once where the store is known not to work.
    ///
    /// `is_definite` says of a code whether it cannot pass by itself.
    pub async fn record(
        &self,
        call: &Call,
        reports: &[Report],
        is_definite: fn(&str) -> bool,
        inferences: &mut Inferences,
    ) {
        if self.taker.is_none() && !self.is_kept(&call.whole) {
            return;
        }
        let site = &call.whole.general.site;
        let mut new = Vec::with_capacity(reports.len());
        for report in reports {
            let is_kept = match call.bound.text("Resume") {
                Some(run) => self.has_kept(&run, report).await,
                None => false,
            };
            new.extend((!is_kept).then_some(report));
        }
        let results = new.into_iter().filter_map(|report| NewResult::of(report, site, is_definite));
        if let Some(taker) = &self.taker {
            results.for_each(|result| taker(result));
            return;
        }
        self.keep(call, inferences.hold_back(results.collect())).await;
    }

    /// Keeps the results that a batch has concluded at its end.
    pub async fn conclude(
        &self,
        call: &Call,
        inferences: Inferences,
        is_definite: fn(&str) -> bool,
        stops_account: fn(&str) -> bool,
    ) {
        self.keep(call, inferences.conclude(is_definite, stops_account)).await;
    }

    /// Stores results under the run of the session, or under the one that the call goes on with.
    async fn keep(&self, call: &Call, mut results: Vec<NewResult>) {
        let resumed = resumed(call);
        if let Some(run) = call.bound.text("Resume") {
            let mut runs = self.continued.lock().await;
            if let Some(run) = runs.get_mut(&run) {
                results.retain(|result| run.is_news(result));
            }
        }
        if results.is_empty() {
            return;
        }
        let (id, recorder) = {
            let mut run = self.run.lock().await;
            if run.is_none() {
                *run = self.begin(call).await;
            }
            let Some(run) = run.as_ref() else { return };
            (resumed.unwrap_or(run.id), run.recorder.clone())
        };
        let has_own_password =
            call.bound.credential("UserCredential").is_some_and(|given| given.stored_for.is_none());
        let asks_otherwise =
            has_own_password || OWN_WAYS.iter().any(|parameter| call.bound.is_given(parameter));
        let turns_state = !(call.context.is_delegates() && asks_otherwise);
        for result in &mut results {
            result.run = Some(id);
            result.turns_state &= turns_state;
        }
        // Delegates leave an administrator room to work in.
        let state = self.file.as_deref().filter(|_| call.context.is_delegates());
        if state.is_some_and(|file| !durable::leaves_reserve(file)) {
            return;
        }
        recorder.record(results).await;
    }

    /// Begins the run at its first result; warns once where the store does not work.
    async fn begin(&self, call: &Call) -> Option<Recording> {
        let streams = call.streams.clone();
        // The address of a database is none of a delegate's.
        let is_delegates = call.context.is_delegates();
        let warn = move |fault: &StoreFault| {
            let text = match is_delegates {
                true => "Results are not kept; tell an administrator. The tests go on.".to_owned(),
                false => format!("Results are not kept: {fault}. The tests go on."),
            };
            streams.operator.warning(&text);
        };
        if self.is_faulty.load(Ordering::Relaxed) {
            return None;
        }
        let store = match self.store(&call.whole).await? {
            Ok(store) => store.clone(),
            Err(fault) => {
                self.is_faulty.store(true, Ordering::Relaxed);
                warn(fault);
                return None;
            }
        };
        let gone_on_with = resumed(call);
        let id = gone_on_with.unwrap_or_else(Uuid::now_v7);
        let run = Run {
            id: id.to_string(),
            principal: call.principal.to_string(),
            way: call.context.way.to_owned(),
            command: call.description.name.to_owned(),
            site: call.whole.general.site.clone(),
            started_at: Timestamp::now().as_microsecond(),
            ended_at: None,
            baseline: None,
            counts: [0; 3],
        };
        let begun = store
            .write(move |sql| match gone_on_with {
                Some(id) => query::resume_run(sql, &id.to_string()),
                None => query::begin_run(sql, &run),
            })
            .await;
        if let Err(fault) = begun {
            self.is_faulty.store(true, Ordering::Relaxed);
            warn(&fault);
            return None;
        }
        let is_told = Arc::new(AtomicBool::new(false));
        let (streams, told) = (call.streams.clone(), is_told.clone());
        let tell = move |NotKept { fault, .. }: NotKept| {
            if let StoreFault::Locked { .. } = fault {
                let why = if is_delegates { String::new() } else { format!(": {fault}") };
                let text =
                    format!("Results are not kept for now{why}. They wait for it, and the tests go on.");
                streams.operator.warning(&text);
            } else {
                told.store(true, Ordering::Relaxed);
                warn(&fault);
            }
        };
        let streams = call.streams.clone();
        let tell_missing = move |n_missing: usize| {
            if n_missing > 0 && !is_told.load(Ordering::Relaxed) {
                let text =
                    format!("The store was busy until the end; results that were not kept: {n_missing}.");
                streams.operator.warning(&text);
            }
        };
        let keep = call.whole.store.keep.micros();
        let recorder = Recorder::start(store, tell);
        Some(Recording { id, keep, recorder, tell_missing: Box::new(tell_missing) })
    }

    /// The run that a call's results belong to, once it has begun: the one that it goes on with, else the session's.
    pub async fn run(&self, call: &Call) -> Option<Uuid> {
        match resumed(call) {
            Some(run) => Some(run),
            None => self.run.lock().await.as_ref().map(|run| run.id),
        }
    }

    /// Reads what the run that the call goes on with has finished, once in a session.
    ///
    /// # Errors
    /// Nothing is kept here, the store cannot be read, or the caller has no such run.
    pub async fn go_on(&self, call: &Call, run: &str) -> Outcome {
        let reader = call.context.reader();
        let mut known = self.continued.lock().await;
        if known.contains_key(run) {
            return Ok(());
        }
        let store = match self.store(&call.whole).await {
            Some(Ok(store)) => store,
            Some(Err(fault)) => return Err(unreadable(reader, fault).into()),
            None => return Err(nothing_kept().into()),
        };
        let (id, principal) = (run.to_owned(), call.principal.to_string());
        let read = store.read(move |sql| {
            let is_own = query::principal_of_run(sql, &id)?.is_some_and(|own| own == principal);
            let read = |sql: &mut dyn Sql| {
                let is_running = query::may_be_running(sql, &id, SIGN_OF_LIFE)?;
                Ok((query::finished(sql, &id)?, query::not_run(sql, &id)?, is_running))
            };
            is_own.then(|| read(sql)).transpose()
        });
        // Of somebody else's run nobody learns that it is there.
        let Some((finished, not_run, is_running)) = read.await.map_err(|fault| unreadable(reader, &fault))?
        else {
            let message = format!("You have no run '{run}'.");
            return Err(ErrorRecord::new(Category::ObjectNotFound, "RunNotFound", message)
                .target(run)
                .remedy(
                    "Get-TestRun names the runs whose results are kept; give the Identity of one of yours.",
                )
                .into());
        };
        let parse = |report: &String| {
            serde_json::from_str::<Report>(report).map_err(|error| {
                unreadable(reader, &StoreFault::Unreadable { id: run.to_owned(), reason: error.to_string() })
            })
        };
        let mut continued = ContinuedRun::default();
        for report in finished.iter().rev() {
            let report = parse(report)?;
            let of_test = continued.finished.entry(report.identity()).or_default();
            // The one before was taken back by what came later.
            let is_revised = |later: &Report| later.started_at == report.started_at;
            if !of_test.last().is_some_and(is_revised) {
                of_test.push(report);
            }
        }
        for report in &not_run {
            continued.not_run.entry(parse(report)?.identity()).or_default().kept += 1;
        }
        known.insert(run.to_owned(), continued);
        drop(known);
        let is_this_sessions =
            self.run.lock().await.as_ref().is_some_and(|own| Some(own.id) == resumed(call));
        if is_running && !is_this_sessions && !call.bound.switch("Force") {
            call.warn(format!("Run {run} may still be running: what both test is counted twice."))?;
        }
        Ok(())
    }

    /// A call goes on with the run: each test that it cannot run is told anew.
    pub async fn tell_anew(&self, run: &str) {
        let mut runs = self.continued.lock().await;
        let counts = runs.get_mut(run).into_iter().flat_map(|run| run.not_run.values_mut());
        counts.for_each(|count| count.told = 0);
    }

    /// The result of a test that the run had finished, where it answers what is asked now. Each is given once.
    pub async fn take_finished(&self, run: &str, test: &TestIdentity, asked: &AskedTest) -> Option<Report> {
        take_answer(self.continued.lock().await.get_mut(run)?.finished.get_mut(test)?, asked)
    }

    /// The results of tests that are made together, where the run had finished them all.
    pub async fn take_finished_group(
        &self,
        run: &str,
        group: &TestGroup,
        asked: &AskedTest,
    ) -> Option<Vec<Report>> {
        let mut runs = self.continued.lock().await;
        let finished = &mut runs.get_mut(run)?.finished;
        let made = group.made(|test| {
            let of_test = finished.get(test)?;
            answer(of_test, asked).map(|place| of_test[place].outcome)
        })?;
        Some(made.into_iter().filter_map(|test| take_answer(finished.get_mut(test)?, asked)).collect())
    }

    /// Whether the run that is gone on with has kept this success already: a test that is made again, because one that
    /// is made together with it was missing, counts once.
    async fn has_kept(&self, run: &str, report: &Report) -> bool {
        let runs = self.continued.lock().await;
        let of_test = runs.get(run).and_then(|run| run.finished.get(&report.identity()));
        let is_kept = |of_test: &Vec<Report>| {
            answer(of_test, &report.asked).is_some_and(|place| of_test[place].is_success())
        };
        report.is_success() && of_test.is_some_and(is_kept)
    }

    /// Waits for what is still to be stored, ends the run, and forgets a portion of what is too old.
    pub async fn close(&self) {
        let Some(Recording { id, recorder, keep, tell_missing }) = self.run.lock().await.take() else {
            return;
        };
        recorder.flush(LAST_WAIT).await;
        if let Some(Ok(store)) = self.opened.get() {
            let (id, at) = (id.to_string(), Timestamp::now().as_microsecond());
            let ended = store.write(move |sql| {
                query::end_run(sql, &id, at)?;
                query::forget(sql, keep)
            });
            // A run without an end is one that was killed: no result of it is lost.
            let _ = tokio::time::timeout(LAST_WAIT, ended).await;
        }
        tell_missing(recorder.n_missing());
    }
}

/// The place of the earliest of a test's results that answers what is asked; the latest come first.
fn answer(of_test: &[Report], asked: &AskedTest) -> Option<usize> {
    of_test.iter().rposition(|report| asked.is_answered_by(report))
}

fn take_answer(of_test: &mut Vec<Report>, asked: &AskedTest) -> Option<Report> {
    answer(of_test, asked).map(|place| of_test.remove(place))
}

/// The run that a call goes on with.
fn resumed(call: &Call) -> Option<Uuid> {
    call.bound.text("Resume")?.parse().ok()
}

/// The error of a question about the past where there is none.
pub fn nothing_kept() -> ErrorRecord {
    ErrorRecord::new(Category::ResourceUnavailable, "NoStore", "No results are kept here.")
        .remedy("Set enabled = true in [store] of the topology, or give --store FILE.")
}

/// The error of a question about the past that the store cannot answer.
pub fn unreadable(reader: TopologyReader, fault: &StoreFault) -> ErrorRecord {
    if reader == TopologyReader::Other {
        let message = "The kept results cannot be read.";
        return ErrorRecord::new(Category::ReadError, "StoreUnreadable", message)
            .remedy("Tell an administrator of this machine.");
    }
    ErrorRecord::new(Category::ReadError, "StoreUnreadable", format!("{}.", capitalized(&fault.to_string())))
        .remedy(match fault {
            StoreFault::Older { .. } => "Bring its schema up to date: imsh store migrate.",
            StoreFault::Newer { .. } => "Install the newer imsh here as well.",
            StoreFault::Foreign { .. } => "Name another one: --store FILE, or [store] of the topology.",
            StoreFault::Damaged { .. } => {
                "Move the file away; the next test makes a new one. Or name another in [store] of the topology."
            }
            StoreFault::Unreachable { .. }
            | StoreFault::Locked { .. }
            | StoreFault::Full { .. }
            | StoreFault::ReadOnly { .. }
            | StoreFault::Refused { .. }
            | StoreFault::Column { .. }
            | StoreFault::Unreadable { .. }
            | StoreFault::Closed => "See that this account may read and write it, and that there is room.",
        })
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The kept results that a caller may read: those of the pairs that their roles cover.
#[derive(Clone)]
pub enum ReadableResults {
    /// All of them: there are no roles.
    All,
    /// Those of the pairs for which this holds.
    Of(Arc<dyn Fn(&PairName) -> bool + Send + Sync>),
}

impl fmt::Debug for ReadableResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "All",
            Self::Of(_) => "Of(…)",
        })
    }
}

impl ReadableResults {
    /// Whether the results of a pair may be read.
    pub fn allows(&self, pair: &PairName) -> bool {
        match self {
            Self::All => true,
            Self::Of(is_covered) => is_covered(pair),
        }
    }
}

/// Parameters with which a test is another one than the topology says.
const OWN_WAYS: [&str; 6] =
    ["Timeout", "MinimumEvidence", "Authentication", "RegistrarPort", "CriticalLatency", "Body"];
