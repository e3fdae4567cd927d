//! The rounds of a watcher: due pairs are claimed and tested through the host, those of one account
//! together, so that they share a session.
//!
//! An account that is busy is not claimed for, so that nothing waits under a lease that runs. Every test has a
//! hard deadline well inside its lease. Results go to the ledger; what became of a pair is not decided here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ledger::{HeldClaim, LedgerEntry, LedgerSender, Unfinished};
use super::plan::WatchPlan;
use super::script;
use super::{HowManyRounds, Shared};
use crate::call::Halt;
use crate::cmdlet::Arguments;
use crate::host::{Host, Stage};
use crate::store::plan::{SCRIPT_TEST, claim, extend, oldest_due, put_off, release, take_slot};
use crate::store::{ANY_SITE, Claim, StoreFault};
use crate::topology::{Address, Topology, WatchedTest, Words};
use crate::value::Value;

/// Claims and tests; one for each watcher.
pub(super) struct Rounds {
    shared: Arc<Shared>,
    host: Arc<Host>,
    ledger: LedgerSender,
    running: JoinSet<(String, usize)>,
    /// The number of batches of each account that are under way.
    busy: HashMap<String, usize>,
    n_under_way: usize,
    /// Ends the tests under way.
    cancel: CancellationToken,
    /// The times at which the pairs of the own plan are due, while the store is away.
    by_own_plan: Option<HashMap<(i64, String), i64>>,
    rounds: HowManyRounds,
    /// The fault of the store that let nothing be claimed the last time.
    pub(super) fault: Option<StoreFault>,
    /// The time at which the round began, by the store's clock, where there is only one round.
    began_at: Option<i64>,
}

/// Pairs that one call tests.
struct TestBatch {
    work: BatchWork,
    pool: String,
    account: String,
    claims: Vec<HeldClaim>,
}

/// The work of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BatchWork {
    Test(WatchedTest),
    Script,
}

impl Rounds {
    pub(super) fn new(
        shared: Arc<Shared>,
        host: Arc<Host>,
        ledger: LedgerSender,
        rounds: HowManyRounds,
    ) -> Self {
        Self {
            shared,
            host,
            ledger,
            running: JoinSet::new(),
            busy: HashMap::new(),
            n_under_way: 0,
            cancel: CancellationToken::new(),
            by_own_plan: None,
            rounds,
            fault: None,
            began_at: None,
        }
    }

    /// Claims what is due and begins to test it; returns how many pairs.
    pub(super) async fn begin(&mut self) -> usize {
        let (plan, accounts, room) = self.room();
        let asked = Instant::now();
        let claims = match self.claim(&plan, accounts.clone(), room).await {
            Ok(claims) => {
                self.by_own_plan = None;
                self.fault = None;
                self.of_this_round(claims)
            }
            Err(fault) => {
                self.shared.store_is_away(&fault, asked);
                self.fault = Some(fault);
                self.claim_by_own_plan(&plan, &accounts, room)
            }
        };
        self.begin_with(claims)
    }

    /// Begins to test what is due by the own plan, while the store is away; returns how many pairs.
    pub(super) fn begin_by_own_plan(&mut self) -> usize {
        let (plan, accounts, room) = self.room();
        let claims = self.claim_by_own_plan(&plan, &accounts, room);
        self.begin_with(claims)
    }

    /// Returns what may begin now: the plan, the accounts that are held and free, and the number of pairs that
    /// there is room for.
    fn room(&mut self) -> (Arc<WatchPlan>, Vec<String>, usize) {
        self.collect();
        let plan = self.shared.plan();
        let room = MOST_UNDER_WAY.saturating_sub(self.n_under_way);
        let held = self.shared.held_accounts();
        let is_free = |account: &String| self.busy.get(account).copied().unwrap_or(0) < MOST_BATCHES;
        let accounts = plan
            .accounts()
            .into_iter()
            .filter(|account| held.contains(account) && is_free(account))
            .collect();
        (plan, accounts, room)
    }

    fn begin_with(&mut self, claims: Vec<HeldClaim>) -> usize {
        let n_claims = claims.len();
        for batch in batches(claims) {
            self.test(batch);
        }
        let n_under_way = self.n_under_way;
        self.shared.status.update(|figures| figures.n_under_way = n_under_way);
        n_claims
    }

    /// Waits until some test has ended; at once where none is under way.
    pub(super) async fn progress(&mut self) {
        if let Some(ended) = self.running.join_next().await {
            self.ended(ended);
            self.collect();
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the tests under way for so long, and ends the others; their pairs are handed back.
    pub(super) async fn finish(&mut self, patience: Duration) {
        let all = async {
            while !self.running.is_empty() {
                self.progress().await
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            self.cancel.cancel();
            while !self.running.is_empty() {
                self.progress().await;
            }
        }
    }

    fn collect(&mut self) {
        while let Some(ended) = self.running.try_join_next() {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<(String, usize), tokio::task::JoinError>) {
        match ended {
            Ok((account, n_pairs)) => {
                self.n_under_way = self.n_under_way.saturating_sub(n_pairs);
                if let Some(n_batches) = self.busy.get_mut(&account) {
                    *n_batches = n_batches.saturating_sub(1);
                }
            }
            // Its leases end, and its pairs are claimed again.
            Err(error) => {
                tracing::error!(%error, "a batch of tests ended by a fault of imsh itself");
                self.busy.clear();
            }
        }
    }

    /// Without the pairs that have become due since the one round began; they are handed back.
    fn of_this_round(&mut self, claims: Vec<HeldClaim>) -> Vec<HeldClaim> {
        if self.rounds == HowManyRounds::Endless {
            return claims;
        }
        let Some(first) = claims.first() else { return claims };
        let began_at = *self.began_at.get_or_insert(first.claim.claimed_at);
        let (own, later): (Vec<HeldClaim>, Vec<HeldClaim>) =
            claims.into_iter().partition(|held| held.claim.due_at <= began_at);
        if !later.is_empty() {
            // The ledger ends after the rounds.
            let _ = self.ledger.send(LedgerEntry::Began(later.clone()));
            let _ =
                self.ledger.send(LedgerEntry::Ended { claims: later, unfinished: Unfinished::HandedBack });
        }
        own
    }

    async fn claim(
        &self,
        plan: &WatchPlan,
        accounts: Vec<String>,
        room: usize,
    ) -> Result<Vec<HeldClaim>, StoreFault> {
        let (site, id) = (plan.site.clone(), self.shared.id.clone());
        let n = i64::try_from(room).unwrap_or(i64::MAX);
        let least = lease(plan);
        let lease = micros(least);
        let at = Instant::now();
        let (limits, rounds) = (PartnerLimits(plan.topology.clone()), self.rounds);
        // A pair whose account is held elsewhere is not late here.
        let held: Vec<String> = self.shared.held_accounts().into_iter().collect();
        let (claims, oldest, now) = self
            .shared
            .store
            .write(move |sql| {
                let mut claims = claim(sql, &site, &id, &accounts, n, lease)?;
                for script in claims.iter().filter(|claim| claim.pair.test == SCRIPT_TEST) {
                    extend(sql, script, micros(lease_of(script, least)))?;
                }
                // Watchers that take places in one order cannot wait for each other in a circle.
                claims.sort_by_key(|claim| limits.of(claim).map(|(scope, _)| scope));
                let (mut placed, mut surplus, mut full) = (Vec::new(), Vec::new(), BTreeSet::new());
                for claim in claims {
                    match limits.of(&claim) {
                        None => placed.push((claim, None)),
                        Some((scope, _)) if full.contains(&scope) => surplus.push(claim),
                        Some((scope, limit)) => match take_slot(sql, &scope, limit, &id, lease)? {
                            Some(n) => placed.push((claim, Some((scope, n)))),
                            None => {
                                full.insert(scope);
                                surplus.push(claim);
                            }
                        },
                    }
                }
                // Those of a partner whose places are taken let others pass; one round has time.
                match rounds {
                    HowManyRounds::One => release(sql, &surplus)?,
                    HowManyRounds::Endless => put_off(sql, &surplus, NEXT_PLACE)?,
                }
                Ok((placed, oldest_due(sql, &site, &held)?, sql.now()?))
            })
            .await?;
        let lag = oldest.map_or(0, |due| (now - due).max(0));
        self.shared.status.update(|figures| {
            figures.last_round_at = Some(Timestamp::now());
            figures.lag = Duration::from_micros(u64::try_from(lag).unwrap_or(0));
            figures.skew = now - Timestamp::now().as_microsecond();
        });
        let held = claims.into_iter().map(|(claim, slot)| {
            let lease = Some(lease_of(&claim, least));
            HeldClaim { claim, at, slot, lease }
        });
        Ok(held.collect())
    }

    /// Claims the due pairs of the own site, by the plan alone, while a shared store is away.
    fn claim_by_own_plan(&mut self, plan: &WatchPlan, accounts: &[String], room: usize) -> Vec<HeldClaim> {
        if !self.shared.store.is_shared() {
            return Vec::new();
        }
        let (now, at) = (Timestamp::now().as_microsecond(), Instant::now());
        let dues = self.by_own_plan.get_or_insert_with(HashMap::new);
        let mut claims = Vec::new();
        for pair in plan.pairs.iter().filter(|pair| pair.vantage != ANY_SITE) {
            let key = (pair.name.id(), pair.vantage.clone());
            let next = || plan.next_due(&pair.name, &pair.vantage, now);
            let due = dues.entry(key).or_insert_with(next);
            if *due > now || claims.len() >= room || !accounts.contains(&pair.account) {
                continue;
            }
            let claim = Claim {
                pair: pair.name.clone(),
                vantage: pair.vantage.clone(),
                watch: pair.watch.clone(),
                account: pair.account.clone(),
                lease: -1,
                due_at: *due,
                period: plan.timings.get(&pair.watch).map_or(0, |timing| timing.period(now)),
                claimed_at: now,
            };
            *due = next();
            claims.push(HeldClaim { claim, at, slot: None, lease: None });
        }
        claims
    }

    fn test(&mut self, batch: TestBatch) {
        self.n_under_way += batch.claims.len();
        *self.busy.entry(batch.account.clone()).or_default() += 1;
        let (host, ledger, cancel) = (self.host.clone(), self.ledger.clone(), self.cancel.clone());
        let plan = self.shared.plan();
        let deadline = deadline(&plan);
        self.running.spawn(async move {
            let n_pairs = batch.claims.len();
            // The ledger ends after the rounds.
            let _ = ledger.send(LedgerEntry::Began(batch.claims.clone()));
            match batch.work {
                BatchWork::Test(test) => run(&host, test, &batch, deadline, cancel.clone()).await,
                BatchWork::Script => run_scripts(&host, &plan, &batch, &ledger, &cancel).await,
            }
            let unfinished =
                if cancel.is_cancelled() { Unfinished::HandedBack } else { Unfinished::Postponed };
            let _ = ledger.send(LedgerEntry::Ended { claims: batch.claims, unfinished });
            (batch.account, n_pairs)
        });
    }
}

/// Runs the script of each claim.
async fn run_scripts(
    host: &Arc<Host>,
    plan: &WatchPlan,
    batch: &TestBatch,
    ledger: &LedgerSender,
    cancel: &CancellationToken,
) {
    for held in &batch.claims {
        let Some(script) = plan.script(&held.claim.watch) else { continue };
        let deadline = script::deadline_of(held.claim.period);
        let ran = script::run(host.clone(), script.to_owned(), &plan.site, deadline, cancel.clone()).await;
        if let Some(result) = ran {
            // The ledger ends after the rounds.
            let _ = ledger.send(LedgerEntry::Result(Box::new(result)));
        }
    }
}

/// Runs one call of a cmdlet, and no longer than its hard deadline.
async fn run(
    host: &Host,
    test: WatchedTest,
    batch: &TestBatch,
    deadline: Duration,
    cancel: CancellationToken,
) {
    let receivers = || Value::texts(batch.claims.iter().map(|held| held.claim.pair.receiver.clone()));
    let (name, arguments) = match test {
        WatchedTest::XmppIm => (
            "Test-XmppIM",
            Arguments::none().with("TargetFqdn", batch.pool.as_str()).with("Receiver", receivers()),
        ),
        WatchedTest::Registration => {
            ("Test-Registration", Arguments::none().with("TargetFqdn", batch.pool.as_str()))
        }
        WatchedTest::XmppPing => (
            "Test-XmppPing",
            Arguments::none().with("TargetFqdn", batch.pool.as_str()).with("Domain", receivers()),
        ),
        WatchedTest::FederatedPartner => {
            ("Test-FederatedPartner", Arguments::none().with("Domain", receivers()))
        }
        WatchedTest::Topology => ("Test-Topology", Arguments::none()),
    };
    let arguments = arguments.with("Deadline", Value::Duration(deadline)).switch("Force");
    let stage = Stage { name: name.to_owned(), arguments, position: None, program: None };
    let (records, mut emitted) = mpsc::channel(64);
    let cancel = cancel.child_token();
    let running = host.pipeline(vec![stage], None, records, cancel.clone());
    let drained = async { while emitted.recv().await.is_some() {} };
    let both = async { tokio::join!(running, drained).0 };
    match tokio::time::timeout(deadline + GRACE, both).await {
        Ok(ended) => match ended.outcome {
            Err(Halt::Failed(error)) => {
                let (id, target) = (error.id, error.target.clone().unwrap_or_default());
                tracing::error!(cmdlet = name, pool = batch.pool, id, target, "{}", error.message);
            }
            Ok(()) | Err(Halt::Cancelled | Halt::PipeClosed | Halt::Block(_)) => {}
        },
        Err(_) => {
            cancel.cancel();
            tracing::error!(cmdlet = name, pool = batch.pool, "the tests did not end at their deadline");
        }
    }
}

/// The claims, those that one call can test together.
fn batches(claims: Vec<HeldClaim>) -> Vec<TestBatch> {
    let mut by_call = BTreeMap::new();
    let mut n_of_pair: HashMap<i64, usize> = HashMap::new();
    for held in claims {
        let pair = &held.claim.pair;
        let (work, pool, alone) = match test_named(&pair.test) {
            Some(test) if test.logs_on() => (BatchWork::Test(test), pair.pool.clone(), None),
            Some(test) => (BatchWork::Test(test), String::new(), None),
            // One script does not wait for another.
            None if pair.test == SCRIPT_TEST => {
                (BatchWork::Script, String::new(), Some(pair.receiver.clone()))
            }
            None => continue,
        };
        // A pair that two vantages claim is tested for each of them.
        let n = n_of_pair.entry(pair.id()).or_default();
        let key = (pair.test.clone(), pool.clone(), held.claim.account.clone(), alone, *n);
        *n += 1;
        let account = held.claim.account.clone();
        by_call
            .entry(key)
            .or_insert_with(|| TestBatch { work, pool, account, claims: Vec::new() })
            .claims
            .push(held);
    }
    by_call.into_values().collect()
}

/// The limits of the tests that may reach for a partner at once, over all watchers.
struct PartnerLimits(Arc<Topology>);

impl PartnerLimits {
    /// The scope of a claim's places and how many there are; none for a test that reaches for no partner.
    fn of(&self, claim: &Claim) -> Option<(String, i64)> {
        let receiver = &claim.pair.receiver;
        let domain = match test_named(&claim.pair.test)? {
            WatchedTest::XmppIm => receiver.parse::<Address>().ok()?.domain(),
            WatchedTest::XmppPing => receiver.parse().ok()?,
            WatchedTest::Registration | WatchedTest::FederatedPartner | WatchedTest::Topology => return None,
        };
        let partner = self.0.partner_for(&domain)?;
        let limit = partner.connection_limit.unwrap_or(self.0.gateway.partner_connection_limit);
        Some((format!("partner:{}", partner.domain), i64::from(limit)))
    }
}

/// Returns the lease of a claim whose usual lease is `least`: a script takes longer than a test.
fn lease_of(claim: &Claim, least: Duration) -> Duration {
    match claim.pair.test == SCRIPT_TEST {
        true => script::deadline_of(claim.period) + GRACE + Duration::from_secs(10),
        false => least,
    }
}

fn test_named(name: &str) -> Option<WatchedTest> {
    WatchedTest::SPELLINGS.iter().find(|(word, _)| *word == name).map(|(_, test)| *test)
}

/// Returns the time that the tests of one claim may take in all.
pub(super) fn deadline(plan: &WatchPlan) -> Duration {
    plan.topology.gateway.timeout + Duration::from_secs(15)
}

/// Returns the lease of a claim.
pub(super) fn lease(plan: &WatchPlan) -> Duration {
    deadline(plan) + GRACE + Duration::from_secs(10)
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The time that the end of tests may take after their deadline.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// The delay, in microseconds, after which a pair is due again whose partner's places are taken.
const NEXT_PLACE: i64 = 2_000_000;
/// The number of pairs that are tested at once.
const MOST_UNDER_WAY: usize = 256;
/// The number of batches of one account that are under way at once: each has a session.
const MOST_BATCHES: usize = 3;
