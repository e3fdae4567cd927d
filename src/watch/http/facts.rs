//! The data that the answers are made of: reports and metrics from the store, each made once for all who ask within
//! a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::super::counters::PairCounters;
use super::super::status::WatcherFigures;
use super::ServiceParts;
use crate::report::{ReportRequest, StatusReport};
use crate::store::{PairName, StoreFault, StoredState, WatcherRow, notice, overview, plan, query};
use crate::vault::RefusedLogon;

/// The facts behind the answers.
pub(super) struct Facts {
    pub(super) parts: ServiceParts,
    overview: Mutex<Option<HeldOverview>>,
    samples: Mutex<Option<(Instant, Arc<Samples>)>>,
}

/// The data that `/metrics` is made of.
pub(super) struct Samples {
    /// The states of the watched pairs; none where the store is away.
    pub(super) states: Option<Vec<StoredState>>,
    pub(super) certificates: Vec<overview::CertificateEnd>,
    /// The number of notices of each channel that are still to be delivered.
    pub(super) outbox: Vec<(String, i64)>,
    pub(super) watchers: Vec<WatcherRow>,
    pub(super) counters: BTreeMap<PairName, PairCounters>,
}

/// The query of a reader of the overview.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OverviewRequest {
    /// Words that the name of the pool holds.
    pub(super) pool: String,
    /// The same of the receiver.
    pub(super) receiver: String,
    /// A state.
    pub(super) state: String,
    /// The number of days to look back.
    pub(super) days: u32,
}

/// The last report of all pairs, or the fault that kept it from being made: when, and over how many days.
type HeldOverview = (Instant, u32, Result<Arc<StatusReport>, StoreFault>);

impl Facts {
    pub(super) fn new(parts: ServiceParts) -> Self {
        Self { parts, overview: Mutex::default(), samples: Mutex::default() }
    }

    pub(super) fn figures(&self) -> WatcherFigures {
        self.parts.status.figures()
    }

    /// The accounts that the watcher does not log on as, since their credentials were refused.
    pub(super) fn refused(&self) -> Vec<RefusedLogon> {
        self.parts.host.context().refused.get().map(|refused| refused.list()).unwrap_or_default()
    }

    /// The report of all watched pairs, or of those that were asked for.
    pub(super) async fn overview(&self, asked: &OverviewRequest) -> Result<Arc<StatusReport>, StoreFault> {
        // One at a time: whoever comes meanwhile has what the first one has had made.
        let mut held = self.overview.lock().await;
        let is_all = OverviewRequest { days: asked.days, ..OverviewRequest::default() } == *asked;
        match held.as_ref().filter(|(at, ..)| at.elapsed() < OVERVIEW_HOLDS) {
            Some((_, days, Ok(report))) if is_all && *days == asked.days => return Ok(report.clone()),
            // A reader who has waited for a store that did not answer does not wait for it once more.
            Some((_, _, Err(fault))) => return Err(fault.clone()),
            Some((_, _, Ok(_))) | None => {}
        }
        let wanted = asked.clone();
        let report = self
            .parts
            .store
            .read(move |sql| {
                let pairs = chosen(sql, &wanted)?;
                let request = request(sql, pairs, wanted.days, 0, 0)?;
                StatusReport::read(sql, &request)
            })
            .await
            .map(Arc::new);
        if is_all || report.is_err() {
            *held = Some((Instant::now(), asked.days, report.clone()));
        }
        report
    }

    /// The report of one watched pair in full; none where it is not watched.
    pub(super) async fn pair(&self, id: i64, days: u32) -> Result<Option<StatusReport>, StoreFault> {
        let read = self.parts.store.read(move |sql| {
            if !overview::watched_pairs(sql)?.contains(&id) {
                return Ok(None);
            }
            let request = request(sql, vec![id], days, 1, LAST_TESTS)?;
            StatusReport::read(sql, &request).map(Some)
        });
        read.await
    }

    /// Returns the data that `/metrics` is made of. A store that is away leaves out what is in it.
    pub(super) async fn samples(&self) -> Arc<Samples> {
        let mut held = self.samples.lock().await;
        if let Some((at, samples)) = held.as_ref()
            && at.elapsed() < SAMPLES_HOLD
        {
            return samples.clone();
        }
        let read = self.parts.store.read(|sql| {
            let pairs = overview::watched_pairs(sql)?;
            let states = query::states(sql, &pairs)?;
            let certificates = overview::certificate_ends(sql, &pairs)?;
            Ok((states, certificates, notice::waiting(sql)?, plan::watchers(sql)?))
        });
        let samples = match tokio::time::timeout(STORE_PATIENCE, read).await {
            Ok(Ok((states, certificates, mut outbox, watchers))) => {
                // The notices of a notification that was removed are told to nobody.
                if let Ok(topology) = self.parts.host.context().topology.read() {
                    let is_there =
                        |name: &String| topology.notifications.iter().any(|own| own.identity == *name);
                    outbox.retain(|(channel, _)| is_there(channel));
                }
                let names: BTreeSet<PairName> = states.iter().map(|state| state.pair.clone()).collect();
                let counters = self.parts.counters.of(&names);
                Samples { states: Some(states), certificates, outbox, watchers, counters }
            }
            Ok(Err(_)) | Err(_) => Samples {
                states: None,
                certificates: Vec::new(),
                outbox: Vec::new(),
                watchers: Vec::new(),
                counters: BTreeMap::new(),
            },
        };
        let samples = Arc::new(samples);
        *held = Some((Instant::now(), samples.clone()));
        samples
    }

    /// Returns the reason why the watcher is not ready, as clauses; `None` where it is.
    pub(super) fn not_ready(&self) -> Option<String> {
        let figures = self.figures();
        if let Some(blind) = figures.blind {
            return Some(blind.reason);
        }
        figures.last_round_at.is_none().then(|| "no round has begun yet".to_owned())
    }

    /// Returns the reason why the watcher is not well, as clauses; `None` where it is.
    pub(super) fn not_well(&self) -> Option<String> {
        let figures = self.figures();
        let last = figures.last_round_at.unwrap_or(figures.started_at);
        let seconds = Timestamp::now().as_second() - last.as_second();
        // Without its store it has no round, and is all the same at work.
        let is_stuck = figures.blind.is_none() && seconds > STUCK_AFTER;
        is_stuck.then(|| format!("it has begun no round for {seconds} s"))
    }
}

fn request(
    sql: &mut dyn crate::store::Sql,
    pairs: Vec<i64>,
    days: u32,
    n_details: usize,
    n_tests: i64,
) -> Result<ReportRequest, StoreFault> {
    let since = sql.now()?.saturating_sub(i64::from(days) * DAY);
    Ok(ReportRequest { pairs, since, n_details, n_tests })
}

/// The watched pairs that a reader asks for.
fn chosen(sql: &mut dyn crate::store::Sql, asked: &OverviewRequest) -> Result<Vec<i64>, StoreFault> {
    let watched = overview::watched_pairs(sql)?;
    if asked.pool.is_empty() && asked.receiver.is_empty() && asked.state.is_empty() {
        return Ok(watched);
    }
    let has = |name: &str, words: &str| name.to_lowercase().contains(&words.to_lowercase());
    let states = query::states(sql, &watched)?;
    let fits = |state: &&StoredState| {
        has(&state.pair.pool, &asked.pool)
            && has(&state.pair.receiver, &asked.receiver)
            && (asked.state.is_empty() || state.state.to_string().eq_ignore_ascii_case(&asked.state))
    };
    Ok(states.iter().filter(fits).map(|state| state.id).collect())
}

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;
/// The number of the last tests that a pair's page shows.
const LAST_TESTS: i64 = 20;
/// For how long an overview and the samples hold.
const OVERVIEW_HOLDS: Duration = Duration::from_secs(5);
const SAMPLES_HOLD: Duration = Duration::from_secs(1);
/// The longest time that the store may take for the samples: a scrape has ten seconds.
const STORE_PATIENCE: Duration = Duration::from_secs(8);
/// After how many seconds without a round the watcher is stuck.
const STUCK_AFTER: i64 = 120;
