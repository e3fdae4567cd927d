//! Keeping watch: what the topology says is tested as often as it says, and remembered; somebody is told
//! when a state turns.
//!
//! Stands between `front`, which has the signals and the command line, and `host`, through which every test
//! goes. All that must survive is in the store: the schedule, the states, the notices; a restart neither
//! repeats nor forgets. Several watchers share a store and know nothing of each other. A watcher that sees
//! nothing, because its machine is off line or its store is away, says so of itself and blames nobody.
//!
//! Never logs on by itself, and never decides what a test came to.

// Reading order.
pub mod plan;
pub mod due;
pub mod script;
mod round;
mod asked;
mod ledger;
pub mod notify;
pub mod status;
pub mod counters;
pub mod http;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::asked::AskedTests;
use self::counters::TestCounters;
use self::http::{HttpService, IdentityFault, ServiceParts};
use self::ledger::{Ledger, LedgerEntry};
use self::notify::Notices;
use self::plan::{FirstRound, WatchPlan, WatchedPair};
use self::round::{Rounds, lease};
pub use self::status::WatcherStatus;
use crate::call::SessionContext;
use crate::call::results::ResultTaker;
use crate::cmdlet::{Category, ErrorRecord};
use crate::host::Host;
use crate::store::plan as schedule;
use crate::store::{
    NewResult, PairState, Spool, Store, StoreFault, StoredState, WatcherRow, newest_schema, query,
};
use crate::topology::{HttpTable, StoreTable, Topology};
use crate::verify::schedule::random_part;

/// The options that a watcher is started with.
pub struct WatcherOptions {
    /// The door to the tests. Its context hands results to [`Intake::taker`].
    pub host: Arc<Host>,
    /// The door to the tests that others ask for over HTTP; their results are kept nowhere.
    pub probes: Arc<Host>,
    /// The store for the results.
    pub store: Store,
    /// The file of results that wait while a shared store is away.
    pub spool: Option<PathBuf>,
    /// The directory in which systemd passes secrets.
    pub credentials: Option<PathBuf>,
    /// One round, or one after another.
    pub rounds: HowManyRounds,
    /// Hears what happens to the watcher.
    pub told: Arc<dyn Fn(Milestone) + Send + Sync>,
}

/// One round, or one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowManyRounds {
    /// Everything that is due or new, once.
    One,
    /// Until it is stopped.
    Endless,
}

/// An event of a watcher, for a service manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The plan is in the store, and rounds begin.
    Ready,
    /// It is at work.
    Alive,
    /// It reads its topology again.
    Reloading,
    /// It has done so.
    Reloaded,
    /// It ends.
    Stopping,
}

/// A command to a running watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatcherCommand {
    /// Read the topology again.
    Reload,
    /// End in order.
    Stop,
}

/// The reason why a watcher cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchFault {
    /// The topology has mistakes.
    #[error("{0}")]
    Topology(String),
    /// The topology has no watch.
    #[error("the topology has no [[watch]], so nothing is watched")]
    NothingToWatch,
    /// Every watch is paused.
    #[error("every [[watch]] is paused, so nothing is watched")]
    AllPaused,
    /// No watch means anything that the topology lists.
    #[error("no [[watch]] means a pool, a partner or a receiver of the topology, so nothing is watched")]
    NothingMeant,
    /// The store cannot be used, and waiting would not mend it.
    #[error("{0}")]
    Store(#[from] StoreFault),
    /// The service's own files cannot be used.
    #[error("[http] of the topology cannot be served: {0}")]
    Identity(#[from] IdentityFault),
}

/// The channel in which the tests of a watcher leave their results.
pub struct Intake {
    entries: mpsc::UnboundedSender<LedgerEntry>,
    received: mpsc::UnboundedReceiver<LedgerEntry>,
}

impl Default for Intake {
    fn default() -> Self {
        let (entries, received) = mpsc::unbounded_channel();
        Self { entries, received }
    }
}

impl Intake {
    /// Takes the results of a session.
    pub fn taker(&self) -> ResultTaker {
        let entries = self.entries.downgrade();
        Arc::new(move |result: NewResult| {
            if let Some(entries) = entries.upgrade() {
                // The ledger ends after the tests.
                let _ = entries.send(LedgerEntry::Result(Box::new(result)));
            }
        })
    }
}

/// The state that the parts of a watcher share.
struct Shared {
    id: String,
    store: Store,
    status: WatcherStatus,
    counters: TestCounters,
    plan: Mutex<Arc<WatchPlan>>,
    /// The instant at which the store last answered.
    answered: Mutex<Instant>,
    /// The accounts that it holds a password for.
    accounts: Mutex<Option<BTreeSet<String>>>,
}

impl Shared {
    fn plan(&self) -> Arc<WatchPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn site(&self) -> String {
        self.plan().site.clone()
    }

    /// Notes what one round leaves: pairs that are not well, whether or not they were due, and pairs that nobody
    /// tests, since their account's password is not here and the store is nobody else's.
    async fn look_at_the_whole(&self) -> Result<(), StoreFault> {
        let plan = self.plan();
        let held = self.held_accounts();
        let is_untested = |pair: &&WatchedPair| !self.store.is_shared() && !held.contains(&pair.account);
        let n_untested = plan.pairs.iter().filter(is_untested).count();
        let pairs: Vec<i64> = plan.pairs.iter().map(|pair| pair.name.id()).collect();
        let states = self.store.read(move |sql| query::states(sql, &pairs)).await?;
        let is_broken = |state: &&StoredState| matches!(state.state, PairState::Down | PairState::Flaky);
        let n_broken = states.iter().filter(is_broken).count();
        self.status.update(|figures| (figures.n_broken, figures.n_untested) = (n_broken, n_untested));
        Ok(())
    }

    fn held_accounts(&self) -> BTreeSet<String> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// The store did not do what it was asked at `asked`. Where it has answered somebody since, it is not away.
    fn store_is_away(&self, fault: &StoreFault, asked: Instant) {
        tracing::debug!(%fault, "the store is away");
        if *self.answered.lock().unwrap_or_else(PoisonError::into_inner) < asked {
            self.status.goes_blind(STORE_AWAY);
        }
    }

    fn store_is_back(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.status.sees_again(|reason| reason == STORE_AWAY);
    }

    fn is_store_away(&self) -> bool {
        self.status.figures().blind.is_some_and(|blind| blind.reason == STORE_AWAY)
    }
}

/// A watcher.
pub struct Watcher {
    options: WatcherOptions,
    intake: Intake,
    shared: Arc<Shared>,
}

impl Watcher {
    /// A watcher that will do what the topology of the host's context says.
    ///
    /// # Errors
    /// See [`WatchFault`]. A shared store that is away is none: the watcher starts blind.
    pub async fn new(options: WatcherOptions, intake: Intake) -> Result<Self, WatchFault> {
        let topology = read(options.host.context())?;
        let n_watches = topology.watches.len();
        let n_paused = topology.watches.iter().filter(|watch| !watch.enabled).count();
        let plan = WatchPlan::of(topology);
        if plan.pairs.is_empty() {
            return Err(match n_watches {
                0 => WatchFault::NothingToWatch,
                _ if n_paused == n_watches => WatchFault::AllPaused,
                _ => WatchFault::NothingMeant,
            });
        }
        match options.store.version().await {
            Ok(found) if found < newest_schema() && options.store.is_shared() => {
                let (place, needed) = (options.store.place(), newest_schema());
                return Err(StoreFault::Older { place, found, needed }.into());
            }
            Ok(found) if found > newest_schema() => {
                let (place, known) = (options.store.place(), newest_schema());
                return Err(StoreFault::Newer { place, found, known }.into());
            }
            Ok(_) => {}
            Err(StoreFault::Unreachable { .. }) if options.store.is_shared() => {}
            Err(fault) => return Err(fault.into()),
        }
        let id = Uuid::now_v7().to_string();
        let shared = Shared {
            status: WatcherStatus::new(plan.site.clone()),
            counters: TestCounters::default(),
            id,
            store: options.store.clone(),
            plan: Mutex::new(Arc::new(plan)),
            answered: Mutex::new(Instant::now()),
            accounts: Mutex::default(),
        };
        Ok(Self { options, intake, shared: Arc::new(shared) })
    }

    /// Returns what the watcher knows of itself, for whoever serves it.
    pub fn status(&self) -> WatcherStatus {
        self.shared.status.clone()
    }

    /// Keeps watch until it is told to stop, or for one round.
    ///
    /// # Errors
    /// The spool cannot be opened.
    pub async fn run(self, mut orders: mpsc::Receiver<WatcherCommand>) -> Result<(), WatchFault> {
        let Self { options, intake: Intake { entries, received }, shared } = self;
        let spool = match &options.spool {
            Some(path) => Some(Spool::open(path).await?),
            None => None,
        };
        let first = match options.rounds {
            HowManyRounds::One => FirstRound::AtOnce,
            HowManyRounds::Endless => FirstRound::Spread,
        };
        let silence = CancellationToken::new();
        let mut serving = match options.rounds {
            HowManyRounds::Endless => {
                let parts = ServiceParts {
                    store: shared.store.clone(),
                    status: shared.status.clone(),
                    counters: shared.counters.clone(),
                    host: options.probes.clone(),
                };
                Some(Serving::begin(&shared.plan().topology.http, parts, &silence)?)
            }
            HowManyRounds::One => None,
        };
        let keeping = tokio::spawn(Ledger::new(shared.clone(), spool).keep(received));
        let mut rounds = Rounds::new(shared.clone(), options.host.clone(), entries.clone(), options.rounds);
        let mut asked = AskedTests::new(shared.clone(), options.probes.clone(), entries.clone());
        let mut probe = StoreProbe::default();
        let mut upkeep = WatchUpkeep::new(&shared, options.host.context(), first);
        upkeep.look_into_vault_for(&shared);
        upkeep.look_after(&shared).await;
        let notices =
            || Notices::new(shared.clone(), options.host.context().clone(), options.credentials.clone());
        let telling = match options.rounds {
            HowManyRounds::Endless => Some(tokio::spawn(notices().deliver(silence.clone()))),
            HowManyRounds::One => None,
        };
        (options.told)(Milestone::Ready);
        let began = Instant::now();
        let mut look = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            tokio::select! {
                () = &mut look => {
                    look.as_mut().reset(tokio::time::Instant::now() + SHORTEST_PAUSE + random_part(PAUSE_SPREAD));
                    (options.told)(Milestone::Alive);
                    let n_begun = match probe.answers(&shared).await {
                        true => {
                            upkeep.look_after(&shared).await;
                            rounds.begin().await
                        }
                        false => {
                            upkeep.was_away();
                            rounds.begin_by_own_plan()
                        }
                    };
                    if options.rounds == HowManyRounds::Endless {
                        asked.begin().await;
                    }
                    let is_over = options.rounds == HowManyRounds::One && n_begun == 0 && rounds.is_idle();
                    if is_over && !upkeep.is_plan_due && rounds.fault.is_none() {
                        break;
                    }
                    // Whoever wants one round does not wait for a store for long.
                    if is_over
                        && began.elapsed() > MOST_WAIT_FOR_STORE
                        && let Some(fault) = upkeep.fault.take().or_else(|| rounds.fault.take())
                    {
                        return Err(fault.into());
                    }
                }
                () = rounds.progress(), if !rounds.is_idle() => {}
                order = orders.recv() => match order {
                    Some(WatcherCommand::Reload) => {
                        (options.told)(Milestone::Reloading);
                        upkeep.reload(&shared);
                        if let Some(serving) = &mut serving {
                            serving.follow(&shared, &silence).await;
                        }
                        if probe.answers(&shared).await {
                            upkeep.look_after(&shared).await;
                        }
                        (options.told)(Milestone::Reloaded);
                    }
                    Some(WatcherCommand::Stop) | None => break,
                },
            }
        }
        (options.told)(Milestone::Stopping);
        rounds.finish(PATIENCE).await;
        asked.finish().await;
        flush(&entries).await;
        if options.rounds == HowManyRounds::One {
            shared.look_at_the_whole().await?;
        }
        silence.cancel();
        match telling {
            Some(telling) => {
                // A notice that is not taken by then is tried by whoever comes next.
                let _ = tokio::time::timeout(PATIENCE, telling).await;
            }
            None => notices().deliver_once().await,
        }
        upkeep.leave(&shared).await;
        drop((entries, rounds));
        // The ledger ends when nobody can write into it any more.
        let _ = tokio::time::timeout(PATIENCE, keeping).await;
        Ok(())
    }
}

/// The HTTP service that is running now, and its settings.
struct Serving {
    settings: HttpTable,
    parts: ServiceParts,
    end: CancellationToken,
    listening: JoinHandle<()>,
}

impl Serving {
    fn begin(
        settings: &HttpTable,
        parts: ServiceParts,
        end: &CancellationToken,
    ) -> Result<Self, IdentityFault> {
        let service = HttpService::new(settings, parts.clone())?;
        let end = end.child_token();
        let listening = tokio::spawn(service.listen(end.clone()));
        Ok(Self { settings: settings.clone(), parts, end, listening })
    }

    /// Serves as the topology says now. Settings that cannot be served are told of, and those before stay in force.
    async fn follow(&mut self, shared: &Shared, end: &CancellationToken) {
        let plan = shared.plan();
        let settings = &plan.topology.http;
        if *settings == self.settings {
            return;
        }
        let done = match HttpService::new(settings, self.parts.clone()) {
            Ok(service) => self.change_to(service, settings, end).await,
            Err(fault) => Err(fault.to_string()),
        };
        // A reader of the log finds it on the page.
        shared.status.update(|figures| figures.http_mistake = done.clone().err());
        if let Err(fault) = done {
            tracing::error!("[http] cannot be served: {fault}; what was served before stays in force");
        }
    }

    /// Serves by other settings, once their address is had.
    async fn change_to(
        &mut self,
        service: HttpService,
        settings: &HttpTable,
        end: &CancellationToken,
    ) -> Result<(), String> {
        let mut listeners = service.listeners().await;
        // It may be the address where the one before listens, or one that it is a part of.
        let is_taken = matches!(&listeners, Err((_, fault)) if fault.kind() == io::ErrorKind::AddrInUse);
        if is_taken || listeners.is_ok() {
            self.end.cancel();
            let before = std::mem::replace(&mut self.listening, tokio::spawn(async {}));
            // It is over, however it ended.
            let _ = before.await;
            self.end = end.child_token();
        }
        if is_taken {
            listeners = service.listeners().await;
        }
        let (next, done) = match listeners {
            Ok(listeners) => {
                self.settings = settings.clone();
                (tokio::spawn(service.serve(listeners, self.end.clone())), Ok(()))
            }
            Err((address, fault)) if is_taken => {
                let before = HttpService::new(&self.settings, self.parts.clone());
                let before = before.map_err(|fault| fault.to_string())?;
                (tokio::spawn(before.listen(self.end.clone())), Err(format!("{address}: {fault}")))
            }
            Err((address, fault)) => return Err(format!("{address}: {fault}")),
        };
        self.listening = next;
        done
    }
}

/// Finds out whether a shared store that was away answers again, beside the rounds, which do not wait for that.
#[derive(Default)]
struct StoreProbe(Option<JoinHandle<bool>>);

impl StoreProbe {
    /// Whether the store can be asked; a store that is not known to be away can.
    async fn answers(&mut self, shared: &Shared) -> bool {
        if !shared.store.is_shared() || !shared.is_store_away() {
            return true;
        }
        if self.0.as_ref().is_some_and(|asked| !asked.is_finished()) {
            return false;
        }
        if let Some(asked) = self.0.take()
            && asked.await.unwrap_or(false)
        {
            shared.store_is_back();
            return true;
        }
        let store = shared.store.clone();
        self.0 = Some(tokio::spawn(async move { store.version().await.is_ok() }));
        false
    }
}

async fn flush(entries: &mpsc::UnboundedSender<LedgerEntry>) {
    let (done, is_done) = oneshot::channel();
    if entries.send(LedgerEntry::Flush(done)).is_ok() {
        // A ledger that is gone has nothing left to store.
        let _ = is_done.await;
    }
}

/// Reads the topology, which then holds for every test until it is read again.
fn read(context: &SessionContext) -> Result<Arc<Topology>, WatchFault> {
    context.topology.hold().map_err(|error| WatchFault::Topology(error.message))
}

/// Whether a running watcher can take over the topology after the one before.
fn follows(before: &Topology, topology: &Topology) -> Result<(), ErrorRecord> {
    let store = |topology: &Topology| {
        let StoreTable { enabled, url, ca_file, .. } = &topology.store;
        (*enabled, url.clone(), ca_file.clone())
    };
    let changed = if before.general.site != topology.general.site {
        "the site"
    } else if store(before) != store(topology) {
        "[store]"
    } else {
        return Ok(());
    };
    let message = format!("{changed} has changed, which a watcher takes over only when it is started again");
    Err(ErrorRecord::new(Category::InvalidData, "RestartNeeded", message))
}

/// Whether the store has shown that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Something was asked of it, and it answered.
    Answered,
    /// Nothing was asked.
    Nothing,
}

/// The recurring work beside the tests: the plan, the heartbeat, the removal of old data.
struct WatchUpkeep {
    context: Arc<SessionContext>,
    /// Whether the plan is still to be written into the store.
    is_plan_due: bool,
    /// The error of the store in the last upkeep; `None` if it succeeded.
    fault: Option<StoreFault>,
    first: FirstRound,
    is_skew_told: bool,
    is_plan_told: bool,
    /// The store's clock at the last sign of life, and when that was.
    last_seen: Option<(i64, Instant)>,
    /// From when on others are called silent: until then they may not have had the time for a sign of life.
    judges_from: Instant,
    next: [Option<Instant>; 3],
}

impl WatchUpkeep {
    fn new(shared: &Shared, context: &Arc<SessionContext>, first: FirstRound) -> Self {
        let n_pairs = shared.plan().pairs.len();
        shared.status.update(|figures| figures.n_pairs = n_pairs);
        Self {
            context: context.clone(),
            is_plan_due: true,
            fault: None,
            first,
            is_skew_told: false,
            is_plan_told: false,
            last_seen: None,
            judges_from: Instant::now() + GRACE_OF_SIGNS,
            next: [None; 3],
        }
    }

    /// Does what is due now; a store that is away is tried again at the next tick.
    async fn look_after(&mut self, shared: &Shared) {
        let asked = Instant::now();
        let done = self.try_to_look_after(shared).await;
        match &done {
            Ok(Asked::Answered) => shared.store_is_back(),
            Ok(Asked::Nothing) => {}
            Err(fault) => {
                shared.store_is_away(fault, asked);
                self.was_away();
            }
        }
        self.fault = done.err();
    }

    /// While the store is away, nobody can give a sign of life.
    fn was_away(&mut self) {
        self.judges_from = Instant::now() + GRACE_OF_SIGNS;
    }

    async fn try_to_look_after(&mut self, shared: &Shared) -> Result<Asked, StoreFault> {
        let mut asked = Asked::Nothing;
        if self.is_plan_due {
            let (plan, first) = (shared.plan(), self.first);
            let (n_pairs, site) = (plan.pairs.len(), plan.site.clone());
            shared
                .store
                .write(move |sql| {
                    let now = sql.now()?;
                    schedule::plan(sql, &plan.site, &plan.schedule(now, first))
                })
                .await?;
            asked = Asked::Answered;
            self.is_plan_due = false;
            tracing::info!(site, n_pairs, store = shared.store.place(), "the plan is in the store");
        }
        if self.is_time(0, HEARTBEAT) {
            let figures = shared.status.figures();
            let row = WatcherRow {
                id: shared.id.clone(),
                site: shared.site(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at: figures.started_at.as_microsecond(),
                seen_at: 0,
                blind: figures.blind.as_ref().map(|blind| blind.reason.clone()),
                skew: figures.skew,
            };
            let fingerprint = shared.plan().fingerprint();
            let (own, began) = (fingerprint.clone(), Instant::now());
            let (now, others) = shared
                .store
                .write(move |sql| {
                    let now = schedule::heartbeat(sql, &row, &fingerprint)?;
                    Ok((now, schedule::other_plans(sql, &row)?))
                })
                .await?;
            asked = Asked::Answered;
            self.hold_plan_against(&own, &others);
            self.hold_clock_against(shared, now, began.elapsed());
        }
        if self.is_time(1, JUDGEMENT) {
            let channels = shared.plan().channels();
            let judges = self.judges_from <= Instant::now();
            let silent_after = i64::try_from(lease(&shared.plan()).as_micros()).unwrap_or(i64::MAX);
            shared
                .store
                .write(move |sql| {
                    schedule::expire(sql)?;
                    if judges { schedule::judge_watchers(sql, silent_after, &channels) } else { Ok(()) }
                })
                .await?;
            asked = Asked::Answered;
        }
        if self.is_time(2, FORGETTING) {
            let keep = shared.plan().topology.store.keep.micros();
            let is_more_left = shared.store.write(move |sql| query::forget(sql, keep)).await?;
            asked = Asked::Answered;
            if is_more_left {
                self.next[2] = None;
            }
            self.look_into_vault_for(shared);
        }
        Ok(asked)
    }

    /// Whether it is time for the chore of this number, which is then due again after `period`.
    fn is_time(&mut self, chore: usize, period: Duration) -> bool {
        let now = Instant::now();
        let is_time = self.next[chore].is_none_or(|next| next <= now);
        if is_time {
            self.next[chore] = Some(now + period);
        }
        is_time
    }

    /// Says once that another watcher of this site plans otherwise: both write the same schedule.
    fn hold_plan_against(&mut self, own: &str, others: &[String]) {
        let is_other = others.iter().any(|other| other != own);
        if is_other && !self.is_plan_told {
            tracing::warn!(
                "another watcher of this site has another plan; the schedule is as the one says that read its topology \
                 last; give both the same topology"
            );
        }
        self.is_plan_told = is_other;
    }

    /// Says once that the machine's clock and the store's differ, and sees where the store's was set.
    fn hold_clock_against(&mut self, shared: &Shared, store: i64, round_trip: Duration) {
        if let Some((before, at)) = self.last_seen.replace((store, Instant::now())) {
            let passed = i64::try_from(at.elapsed().as_micros()).unwrap_or(i64::MAX);
            if (store - before).abs_diff(passed) > MOST_SKEW.unsigned_abs() {
                self.judges_from = Instant::now() + GRACE_OF_SIGNS;
            }
        }
        let skew = store - Timestamp::now().as_microsecond();
        let allowed = MOST_SKEW + i64::try_from(round_trip.as_micros()).unwrap_or(0);
        if skew.abs() > allowed && !self.is_skew_told {
            let seconds = skew / 1_000_000;
            tracing::warn!(seconds, "the store's clock is not this machine's; set both by NTP");
        }
        self.is_skew_told = skew.abs() > allowed;
        shared.status.update(|figures| figures.correction = if skew.abs() > allowed { skew } else { 0 });
    }

    fn reload(&mut self, shared: &Shared) {
        let before = shared.plan();
        let read = self.context.topology.hold_if(|topology| follows(&before.topology, topology));
        match read.map(WatchPlan::of) {
            Ok(plan) => {
                let n_pairs = plan.pairs.len();
                *shared.plan.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
                shared.status.update(|figures| {
                    figures.topology_mistakes = None;
                    figures.n_pairs = n_pairs;
                });
                self.is_plan_due = true;
                self.look_into_vault_for(shared);
                // Whoever reloads may have mended a pool.
                if let Some(refused) = self.context.refused.get() {
                    refused.forget_all();
                }
                tracing::info!(n_pairs, "the topology was read again");
            }
            Err(error) => {
                let mistakes = error.message;
                shared.status.update(|figures| figures.topology_mistakes = Some(mistakes.clone()));
                tracing::error!(mistakes, "the topology cannot be taken over; the one before stays in force");
            }
        }
    }

    /// Finds out which accounts have a password here: only for those are pairs claimed.
    fn look_into_vault_for(&self, shared: &Shared) {
        let plan = shared.plan();
        let vault = tokio::task::block_in_place(|| {
            let vault = self.context.vault.open().map_err(|error| error.message)?;
            vault.accounts().map_err(|fault| fault.to_string())
        });
        let stored: BTreeSet<String> = match vault {
            Ok(accounts) => accounts.iter().map(ToString::to_string).collect(),
            Err(reason) => {
                tracing::error!(reason, "the vault cannot be read, so no account can log on");
                BTreeSet::new()
            }
        };
        let (held, missing): (BTreeSet<String>, BTreeSet<String>) =
            plan.accounts().into_iter().partition(|account| account.is_empty() || stored.contains(account));
        let mut accounts = shared.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.as_ref() != Some(&held) {
            for account in &missing {
                tracing::warn!(
                    account,
                    "there is no password of this account here, so its pairs are left to others"
                );
            }
            *accounts = Some(held);
        }
    }

    async fn leave(&self, shared: &Shared) {
        let id = shared.id.clone();
        let left = shared.store.write(move |sql| schedule::leave(sql, &id));
        if !matches!(tokio::time::timeout(PATIENCE, left).await, Ok(Ok(()))) {
            tracing::warn!(
                "the store could not be told that the watcher ends; its claims end with their leases"
            );
        }
    }
}

/// The shortest time between two looks for pairs that are due. Watchers of one site that looked at the same moments
/// of every second would leave all pairs to the one that looks first.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// What is added to it at most, by chance.
const PAUSE_SPREAD: Duration = Duration::from_millis(500);
/// The interval at which the watcher gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// The time that every watcher has for a sign of life, after the store was away or a clock was set.
const GRACE_OF_SIGNS: Duration = Duration::from_secs(30);
/// The interval at which the watcher looks for pairs that nobody tests and watchers that are silent.
const JUDGEMENT: Duration = Duration::from_secs(20);
/// The interval at which the watcher forgets old data and looks into the vault.
const FORGETTING: Duration = Duration::from_secs(300);
/// The time that one round waits for a store that is away.
const MOST_WAIT_FOR_STORE: Duration = Duration::from_secs(30);
/// The time limit for each step of the watcher's end.
const PATIENCE: Duration = Duration::from_secs(5);
/// By how much the clocks of the store and of the machine may differ, in microseconds.
const MOST_SKEW: i64 = 2_000_000;
/// The reason of the blindness of a watcher without its store.
const STORE_AWAY: &str = "the store is away";
