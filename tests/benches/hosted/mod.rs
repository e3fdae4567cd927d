//! A host without a program around it: what the benchmarks verify with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imsh::internals::access::Principal;
use imsh::internals::call::stores::{TopologyStore, VaultStore};
use imsh::internals::call::{Nobody, SessionContext};
use imsh::internals::cmdlet::Arguments;
use imsh::internals::cmdlets;
use imsh::internals::host::{Gate, Host, Stage};
use imsh::internals::value::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A host on a topology and a vault.
pub struct Hosted(Host);

impl Hosted {
    pub fn on(topology: PathBuf, vault: PathBuf) -> Self {
        let context = SessionContext::new(
            TopologyStore::new(Some(topology), cmdlets::catalogue()),
            VaultStore::new(Some(vault), None),
            Arc::new(Nobody),
        );
        let principal = Principal::OsUser { name: "bench".to_owned(), groups: Vec::new() };
        Self(Host::new(cmdlets::ALL, Arc::new(context), Gate::new(principal), false))
    }

    /// Runs `Test-XmppIM` with these arguments; gives how many of its results have this in this property.
    #[allow(dead_code, reason = "not every benchmark counts")]
    pub async fn verify(&self, arguments: Arguments, property: &str, wanted: &str) -> usize {
        let test = Stage { name: "Test-XmppIM".to_owned(), arguments, position: None, program: None };
        let (records, mut results) = mpsc::channel::<Value>(16);
        let count = async {
            let mut n_results = 0;
            while let Some(result) = results.recv().await {
                let seen = result.property(property).map(|seen| seen.to_string());
                n_results += usize::from(seen.is_ok_and(|seen| seen == wanted));
            }
            n_results
        };
        let run = self.0.pipeline(vec![test], None, records, CancellationToken::new());
        let (ended, n_results) = tokio::join!(run, count);
        ended.outcome.expect("the test runs");
        n_results
    }
    /// Runs `Test-XmppIM` with these arguments to its end; gives after how long the last result came that has
    /// this in this property.
    #[allow(dead_code, reason = "one benchmark asks when a result came")]
    pub async fn time_to(&self, arguments: Arguments, property: &str, wanted: &str) -> Duration {
        let started = Instant::now();
        let test = Stage { name: "Test-XmppIM".to_owned(), arguments, position: None, program: None };
        let (records, mut results) = mpsc::channel::<Value>(16);
        let watch = async {
            let mut came = Duration::ZERO;
            while let Some(result) = results.recv().await {
                let seen = result.property(property).map(|seen| seen.to_string());
                if seen.is_ok_and(|seen| seen == wanted) {
                    came = started.elapsed();
                }
            }
            came
        };
        let run = self.0.pipeline(vec![test], None, records, CancellationToken::new());
        let (ended, came) = tokio::join!(run, watch);
        ended.outcome.expect("the test runs");
        came
    }
}
