//! Many verifications at once, with manners: limits over all, per pool and per partner, a little
//! jitter, sessions shared, results as they come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Watcher};
use super::outcome::{TestResult, Verdict};
use super::plan::Verification;
use super::sessions::Sessions;
use super::together::{Lost, together};
use crate::address::Domain;
use crate::xmpp::network::Network;

/// How a batch is run.
#[derive(Clone)]
pub struct Batch {
    /// The network.
    pub network: Network,
    /// How many verifications are under way at once.
    pub throttle: usize,
    /// How many of them at one pool.
    pub per_pool: usize,
    /// How many of them to one partner's domain, where the topology has no limit of its own for it.
    pub per_partner: usize,
    /// Limits of single partners' domains.
    pub partner_limits: HashMap<Domain, usize>,
    /// Whether every verification logs on anew.
    pub logon: Logon,
    /// How often a pair that failed is tried again.
    pub retries: u32,
    /// Who is told what happens while it happens.
    pub watcher: Watcher,
    /// Ends the batch.
    pub cancel: CancellationToken,
}

/// Whether verifications share their sender's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logon {
    /// One session per account serves many receivers.
    #[default]
    Shared,
    /// Each verification logs on by itself.
    Fresh,
}

/// The longest time by which a verification of a larger batch is put off, so that they do not all
/// start at once.
const JITTER: Duration = Duration::from_millis(25);

impl Batch {
    /// Runs the verifications and sends each result when it is there, as [`together`] does.
    pub async fn run(self, verifications: Vec<Verification>, results: mpsc::Sender<TestResult>) -> Vec<Lost> {
        let n_verifications = verifications.len();
        let limits = Limits::new(&self);
        let sessions = Arc::new(Sessions::default());
        let batch = Arc::new(self);
        let jobs = {
            let (batch, sessions) = (batch.clone(), sessions.clone());
            verifications.into_iter().map(move |verification| {
                one(batch.clone(), limits.clone(), sessions.clone(), verification, n_verifications)
            })
        };
        let lost = together(batch.throttle, jobs, results, batch.cancel.clone()).await;
        if let Ok(sessions) = Arc::try_unwrap(sessions) {
            sessions.close(&batch.cancel).await;
        }
        lost
    }
}

/// One verification of a batch, with its retries.
async fn one(
    batch: Arc<Batch>,
    limits: Limits,
    shared: Arc<Sessions>,
    verification: Verification,
    n_verifications: usize,
) -> TestResult {
    let _permits = limits.enter(&verification).await;
    if n_verifications > batch.throttle {
        tokio::time::sleep(jitter()).await;
    }
    let mut number = 0;
    let mut before = None;
    loop {
        number += 1;
        let own = shared.apart();
        let sessions = match batch.logon {
            Logon::Shared => shared.as_ref(),
            Logon::Fresh => &own,
        };
        let attempt =
            Attempt { network: &batch.network, sessions, watcher: &batch.watcher, cancel: &batch.cancel };
        let result = attempt.run(&verification, number).await;
        own.close(&batch.cancel).await;
        if let Some(before) = before.filter(|_| result.verdict.is_account_stopped()) {
            // It says why the account was refused, and this one does not.
            return before;
        }
        let is_last = number > batch.retries || !matches!(result.verdict, Verdict::Failure(_));
        if is_last {
            return result;
        }
        before = Some(result);
    }
}

/// How many may be under way at each pool and to each partner.
#[derive(Clone)]
struct Limits {
    pools: Arc<Semaphores>,
    partners: Arc<Semaphores>,
    partner_limits: Arc<HashMap<Domain, usize>>,
}

struct Semaphores {
    usual: usize,
    by_name: std::sync::Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Semaphores {
    fn new(usual: usize) -> Arc<Self> {
        Arc::new(Self { usual: usual.max(1), by_name: std::sync::Mutex::default() })
    }

    fn of(&self, name: String, limit: Option<usize>) -> Arc<Semaphore> {
        let mut by_name = self.by_name.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let permits = limit.unwrap_or(self.usual).max(1);
        by_name.entry(name).or_insert_with(|| Arc::new(Semaphore::new(permits))).clone()
    }
}

impl Limits {
    fn new(batch: &Batch) -> Self {
        Self {
            pools: Semaphores::new(batch.per_pool),
            partners: Semaphores::new(batch.per_partner),
            partner_limits: Arc::new(batch.partner_limits.clone()),
        }
    }

    /// Waits for a place at the pool and at the partner; they are held until the value is dropped.
    async fn enter(&self, verification: &Verification) -> [Option<tokio::sync::OwnedSemaphorePermit>; 2] {
        let domain = verification.receiver.domain();
        let limit = self.partner_limits.get(&domain).copied();
        let partner = self.partners.of(domain.to_string(), limit);
        let pool = self.pools.of(verification.sender.target.clone(), None);
        // Always in this order, so that two verifications never wait for each other.
        [pool.acquire_owned().await.ok(), partner.acquire_owned().await.ok()]
    }
}

/// A random part of [`JITTER`].
fn jitter() -> Duration {
    let mut byte = [0];
    // Without random numbers everybody waits for the whole of it.
    let part = if getrandom::fill(&mut byte).is_ok() { u32::from(byte[0]) } else { 255 };
    JITTER * part / 255
}
