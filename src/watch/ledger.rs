//! The ledger of a watcher: results come in as tests end, and are stored with the claims they were made
//! under, each with its next due time, in groups.
//!
//! A store that is away loses nothing: results wait in the spool, or in memory where there is none, and are
//! stored once it is back. What was inferred of a partner or a pool counts as a failure where the batch ended without
//! a test that took it back; otherwise it has not been tested. What was claimed and not tested is due again soon. Never tests anything.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::plan::WHOLE_TOPOLOGY;
use crate::diagnosis::catalogue;
use crate::store::plan::{free_slot, hasten, postpone, release};
use crate::store::{Claim, LastTests, Lease, NewResult, PairName, Spool, StoredOutcome, record};
use crate::topology::{WatchedTest, Words};

/// A pair that the watcher is to test now.
#[derive(Clone, Debug)]
pub(super) struct HeldClaim {
    pub(super) claim: Claim,
    /// The instant at which the pair was claimed, by the machine's monotonic clock.
    pub(super) at: Instant,
    /// The place that it takes among all tests of its partner: the scope and its number.
    pub(super) slot: Option<(String, i64)>,
    /// The time for which the claim holds, where the store gave it; without the store the watcher goes by its own
    /// plan.
    pub(super) lease: Option<Duration>,
}

/// An entry of the ledger; entries are passed in the order in which things happen.
pub(super) enum LedgerEntry {
    /// Tests of these pairs begin.
    Began(Vec<HeldClaim>),
    /// A test has ended.
    Result(Box<NewResult>),
    /// A test that somebody asked for beside the rounds has ended.
    Asked(Box<NewResult>),
    /// The tests of these pairs have ended, with a result for each or not.
    Ended { claims: Vec<HeldClaim>, unfinished: Unfinished },
    /// Everything told before is to be stored, as far as it can be.
    Flush(oneshot::Sender<()>),
}

/// The treatment of a claim without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// It is due again soon.
    Postponed,
    /// It is handed back: the watcher ends.
    HandedBack,
}

/// Gives entries to the ledger.
pub(super) type LedgerSender = mpsc::UnboundedSender<LedgerEntry>;

pub(super) struct Ledger {
    shared: Arc<Shared>,
    spool: Option<Spool>,
    held: HashMap<i64, Vec<HeldClaim>>,
    /// Results that are not stored yet.
    waiting: VecDeque<NewResult>,
    postponed: Vec<Claim>,
    handed_back: Vec<Claim>,
    /// Places of tests that have ended.
    free: Vec<(String, i64)>,
    /// Results that were inferred, while their batch goes on, each with its place in the order of results.
    inferred: Vec<(u64, NewResult)>,
    /// The ends of the tests of the batches under way: the place in the order, the pair, the code where it failed.
    ended: HashMap<i64, (u64, PairName, Option<String>)>,
    n_taken: u64,
    /// The checks of `Test-Topology` that have come in, while its pair is held: the worst of them.
    checks: Option<NewResult>,
    next_try: Instant,
}

impl Ledger {
    pub(super) fn new(shared: Arc<Shared>, spool: Option<Spool>) -> Self {
        Self {
            shared,
            spool,
            held: HashMap::new(),
            waiting: VecDeque::new(),
            postponed: Vec::new(),
            handed_back: Vec::new(),
            free: Vec::new(),
            inferred: Vec::new(),
            ended: HashMap::new(),
            n_taken: 0,
            checks: None,
            next_try: Instant::now(),
        }
    }

    /// Keeps the ledger until every sender has gone.
    pub(super) async fn keep(mut self, mut entries: mpsc::UnboundedReceiver<LedgerEntry>) {
        let mut group = Vec::new();
        loop {
            let n = tokio::select! {
                n = entries.recv_many(&mut group, GROUP) => n,
                () = tokio::time::sleep(NEXT_LOOK), if self.has_work() => usize::MAX,
            };
            if n == 0 {
                break;
            }
            let mut flushed = Vec::new();
            for entry in group.drain(..) {
                match entry {
                    LedgerEntry::Flush(done) => flushed.push(done),
                    LedgerEntry::Began(claims) => self.begin(claims),
                    LedgerEntry::Result(result) => self.take(*result),
                    LedgerEntry::Asked(result) => self.keep_asked(*result),
                    LedgerEntry::Ended { claims, unfinished } => self.end(claims, unfinished),
                }
            }
            if Instant::now() >= self.next_try || !flushed.is_empty() {
                self.store().await;
            }
            for done in flushed {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
        self.store().await;
    }

    fn has_work(&self) -> bool {
        !(self.waiting.is_empty()
            && self.postponed.is_empty()
            && self.handed_back.is_empty()
            && self.free.is_empty())
    }

    fn begin(&mut self, claims: Vec<HeldClaim>) {
        for held in claims {
            self.held.entry(held.claim.pair.id()).or_default().push(held);
        }
    }

    /// A result with the claim that it was made under, if there is one.
    fn take(&mut self, mut result: NewResult) {
        let topology = whole_topology();
        if result.pair.test == topology.test && self.held.contains_key(&topology.id()) {
            let badness = |outcome| match outcome {
                StoredOutcome::Failure { is_definite: true } => 3,
                StoredOutcome::Failure { is_definite: false } => 2,
                StoredOutcome::Success => 1,
                StoredOutcome::NotRun => 0,
            };
            if self.checks.as_ref().is_none_or(|worst| badness(worst.outcome) < badness(result.outcome)) {
                self.checks = Some(result.clone());
            }
        }
        // A machine that is off line knows nothing of anybody.
        if result.code.as_deref() == Some(OFFLINE) {
            self.shared.status.goes_blind(OFF_LINE);
            return;
        }
        let pair = result.pair.id();
        self.n_taken += 1;
        if result.is_inferred && self.held.contains_key(&pair) {
            self.inferred.push((self.n_taken, result));
            return;
        }
        if result.outcome == StoredOutcome::NotRun {
            return;
        }
        if self.held.contains_key(&pair) {
            let is_failure = matches!(result.outcome, StoredOutcome::Failure { .. });
            let failure = is_failure.then(|| result.code.clone().unwrap_or_default());
            self.ended.insert(pair, (self.n_taken, result.pair.clone(), failure));
        }
        self.shared.status.sees_again(|reason| reason == OFF_LINE);
        if let Some(held) = self.release(pair) {
            result.lease = self.lease(&held);
        }
        self.count(&result);
        self.waiting.push_back(self.by_the_stores_clock(result));
    }

    /// A result that no claim was made for: it leaves the claims of its pair alone.
    fn keep_asked(&mut self, result: NewResult) {
        if result.outcome != StoredOutcome::NotRun && result.code.as_deref() != Some(OFFLINE) {
            self.count(&result);
            self.waiting.push_back(self.by_the_stores_clock(result));
        }
    }

    fn release(&mut self, pair: i64) -> Option<HeldClaim> {
        let held = self.held.get_mut(&pair)?;
        let first = (!held.is_empty()).then(|| held.remove(0));
        if held.is_empty() {
            self.held.remove(&pair);
        }
        first
    }

    fn lease(&self, held: &HeldClaim) -> Option<Lease> {
        let claim = &held.claim;
        let since = i64::try_from(held.at.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = claim.claimed_at.saturating_add(since);
        let plan = self.shared.plan();
        held.lease.map(|holds| Lease {
            watcher: self.shared.id.clone(),
            vantage: claim.vantage.clone(),
            number: claim.lease,
            next_due: plan.next_due(&claim.pair, &claim.vantage, now.max(claim.due_at)),
            has_ended: held.at.elapsed() > holds,
        })
    }

    /// A result with the time of its beginning by the store's clock, where the machine's is another.
    fn by_the_stores_clock(&self, result: NewResult) -> NewResult {
        let correction = self.shared.status.figures().correction;
        NewResult { started_at: result.started_at.saturating_add(correction), ..result }
    }

    fn count(&self, result: &NewResult) {
        let is_failure = matches!(result.outcome, StoredOutcome::Failure { .. });
        self.shared.status.update(|figures| {
            figures.n_tests += 1;
            figures.n_failures += u64::from(is_failure);
        });
        self.shared.counters.count(result);
        let (pool, receiver) = (&result.pair.pool, &result.pair.receiver);
        let code = result.code.as_deref().unwrap_or("");
        let owner = result.owner.as_deref().unwrap_or("");
        tracing::debug!(test = result.pair.test, pool, receiver, is_failure, code, owner, "tested");
    }

    /// Takes what was inferred in a batch for a failure, where its last tests say so.
    fn conclude(&mut self, claims: &[HeldClaim]) {
        let pairs: HashSet<i64> = claims.iter().map(|held| held.claim.pair.id()).collect();
        let (own, others) = std::mem::take(&mut self.inferred)
            .into_iter()
            .partition(|(_, result)| pairs.contains(&result.pair.id()));
        self.inferred = others;
        let mut last = LastTests::default();
        for (place, pair, failure) in pairs.iter().filter_map(|pair| self.ended.remove(pair)) {
            last.note(place, &pair, failure.as_deref());
        }
        for (place, result) in own {
            if !last.confirm(place, &result, catalogue::stops_account) {
                continue;
            }
            let Some(held) = self.release(result.pair.id()) else { continue };
            let result = NewResult { lease: self.lease(&held), ..result.confirmed(catalogue::is_lasting) };
            self.count(&result);
            self.waiting.push_back(self.by_the_stores_clock(result));
        }
    }

    fn end(&mut self, claims: Vec<HeldClaim>, unfinished: Unfinished) {
        self.conclude(&claims);
        for HeldClaim { claim, slot, .. } in claims {
            self.free.extend(slot);
            let pair = claim.pair.id();
            let is_this =
                |held: &HeldClaim| held.claim.lease == claim.lease && held.claim.vantage == claim.vantage;
            let Some(place) = self.held.get(&pair).and_then(|held| held.iter().position(is_this)) else {
                continue;
            };
            if claim.pair == whole_topology()
                && let Some(checks) = self.checks.take()
                && let Some(held) = self.release(pair)
            {
                let id = uuid::Uuid::now_v7();
                let whole = NewResult { id, pair: claim.pair, lease: self.lease(&held), ..checks };
                self.count(&whole);
                self.waiting.push_back(self.by_the_stores_clock(whole));
                continue;
            }
            let has_lease = self.held.get(&pair).is_some_and(|held| held[place].lease.is_some());
            if let Some(held) = self.held.get_mut(&pair) {
                held.remove(place);
                if held.is_empty() {
                    self.held.remove(&pair);
                }
            }
            match unfinished {
                _ if !has_lease => {}
                Unfinished::HandedBack => self.handed_back.push(claim),
                Unfinished::Postponed => {
                    self.shared.status.update(|figures| figures.n_not_run += 1);
                    self.postponed.push(claim);
                }
            }
        }
    }

    /// Stores what waits, oldest first; what the store does not take goes on waiting.
    async fn store(&mut self) {
        let asked = Instant::now();
        if let Err(fault) = self.try_to_store().await {
            self.shared.store_is_away(&fault, asked);
            self.next_try = Instant::now() + NEXT_TRY;
            self.spool().await;
            // Claims that cannot be handed back end with their leases.
            self.postponed.clear();
            self.handed_back.clear();
            self.free.clear();
        }
        let n_unstored = self.waiting.len();
        self.shared.status.update(|figures| figures.n_unstored = n_unstored);
    }

    async fn try_to_store(&mut self) -> Result<(), crate::store::StoreFault> {
        let shared = self.shared.clone();
        let channels = Arc::new(shared.plan().channels());
        let mut has_answered = false;
        if let Some(spool) = &self.spool {
            // What is older comes first, so that no state goes backwards.
            loop {
                let spooled = Arc::new(spool.oldest(GROUP).await?);
                if spooled.is_empty() {
                    break;
                }
                let (results, channels) = (spooled.clone(), channels.clone());
                shared.store.write(move |sql| record::record(sql, &results, &channels)).await?;
                has_answered = true;
                let n_results = spooled.len();
                tracing::info!(n_results, "results that waited in the spool are stored");
                spool.forget(spooled.iter().map(|result| result.id).collect()).await?;
            }
        }
        while !self.waiting.is_empty() {
            let group: Arc<Vec<NewResult>> = Arc::new(self.waiting.iter().take(GROUP).cloned().collect());
            let (results, channels, site) = (group.clone(), channels.clone(), shared.site());
            let changes = shared
                .store
                .write(move |sql| {
                    let changes = record::record(sql, &results, &channels)?;
                    for change in &changes {
                        hasten(sql, &change.pair, &site)?;
                    }
                    Ok(changes)
                })
                .await?;
            has_answered = true;
            self.waiting.drain(..group.len());
            shared.status.update(|figures| figures.n_changes += changes.len() as u64);
            for change in changes {
                let (from, to) = (change.from.to_string(), change.to.to_string());
                tracing::info!(
                    test = change.pair.test,
                    pool = change.pair.pool,
                    receiver = change.pair.receiver,
                    from,
                    to,
                    change = change.id,
                    "a state has turned"
                );
            }
        }
        let (postponed, handed_back) = (self.postponed.clone(), self.handed_back.clone());
        let (free, id) = (self.free.clone(), shared.id.clone());
        if !postponed.is_empty() || !handed_back.is_empty() || !free.is_empty() {
            shared
                .store
                .write(move |sql| {
                    postpone(sql, &postponed, AGAIN_IN)?;
                    release(sql, &handed_back)?;
                    free.iter().try_for_each(|(scope, n)| free_slot(sql, scope, *n, &id))
                })
                .await?;
            has_answered = true;
            self.postponed.clear();
            self.handed_back.clear();
            self.free.clear();
        }
        // A store that nothing was asked of may be away as before.
        if has_answered {
            shared.store_is_back();
        }
        Ok(())
    }

    async fn spool(&mut self) {
        if let Some(spool) = &self.spool {
            let group: Vec<NewResult> = self.waiting.iter().cloned().collect();
            match spool.keep(group).await {
                Ok(()) => self.waiting.clear(),
                Err(fault) => tracing::error!(%fault, "results cannot be spooled; they wait in memory"),
            }
        }
        let n_over = self.waiting.len().saturating_sub(MOST_WAITING);
        if n_over > 0 {
            tracing::error!(n_over, "results are lost: too many wait for the store");
            self.waiting.drain(..n_over);
        }
    }
}

/// The pair that stands for all checks of `Test-Topology`.
fn whole_topology() -> PairName {
    PairName {
        test: WatchedTest::Topology.word().to_owned(),
        pool: String::new(),
        receiver: WHOLE_TOPOLOGY.to_owned(),
    }
}

/// The code of a machine that is off line.
const OFFLINE: &str = "OFFLINE";
/// The reason of the blindness that comes of it.
const OFF_LINE: &str = "this machine is off line";
/// The largest number of results that one transaction stores.
const GROUP: usize = 256;
/// The largest number of results that wait in memory where there is no spool.
const MOST_WAITING: usize = 20_000;
/// The time for which a store that was unavailable is left alone.
const NEXT_TRY: Duration = Duration::from_secs(2);
const NEXT_LOOK: Duration = Duration::from_millis(500);
/// The time after which a pair that could not be tested is due again, in microseconds.
const AGAIN_IN: i64 = 30_000_000;
