//! Tests that somebody at another site asks this one for: a row that a watcher claims, and its answer.
//!
//! Whoever asks has been allowed to where they are. Tested is only what this watcher's own topology lists, with the
//! accounts of its own vault. The results are kept as of this site, and hold no lease: they are beside the rounds.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::ledger::{LedgerEntry, LedgerSender};
use super::round::{GRACE, deadline, lease, micros};
use crate::address::{Address, Domain};
use crate::call::Halt;
use crate::cmdlet::Arguments;
use crate::diagnosis::catalogue;
use crate::host::{Host, Stage};
use crate::result::Report;
use crate::store::request::{answer, claim_request};
use crate::store::{Inferences, NewResult, SiteAnswer, SiteRequest, SiteTest};
use crate::topology::Topology;
use crate::value::Value;

/// Answers requests; one for each watcher.
pub(super) struct AskedTests {
    shared: Arc<Shared>,
    /// The door to tests whose results are kept by whoever asks for them.
    host: Arc<Host>,
    ledger: LedgerSender,
    running: JoinSet<()>,
    cancel: CancellationToken,
}

impl AskedTests {
    pub(super) fn new(shared: Arc<Shared>, host: Arc<Host>, ledger: LedgerSender) -> Self {
        Self { shared, host, ledger, running: JoinSet::new(), cancel: CancellationToken::new() }
    }

    /// Takes requests to this site, and begins to test.
    pub(super) async fn begin(&mut self) {
        while self.running.try_join_next().is_some() {}
        while self.shared.store.is_shared() && self.running.len() < AT_ONCE {
            let plan = self.shared.plan();
            let (site, id, lease) = (plan.site.clone(), self.shared.id.clone(), micros(lease(&plan)));
            let claimed = self.shared.store.write(move |sql| claim_request(sql, &site, &id, lease)).await;
            // A store that is away is told of by those who need it.
            let Ok(Some(request)) = claimed else { return };
            let (shared, host, ledger) = (self.shared.clone(), self.host.clone(), self.ledger.clone());
            let cancel = self.cancel.clone();
            self.running.spawn(async move { serve(&shared, &host, &ledger, request, cancel).await });
        }
    }

    /// Ends the tests under way; whoever asked is told.
    pub(super) async fn finish(mut self) {
        self.cancel.cancel();
        while self.running.join_next().await.is_some() {}
    }
}

/// Tests, keeps the results, and answers.
async fn serve(
    shared: &Shared,
    host: &Host,
    ledger: &LedgerSender,
    request: SiteRequest,
    cancel: CancellationToken,
) {
    let SiteRequest { id, test, asked_by } = request;
    tracing::info!(asked_by, cmdlet = test.cmdlet, "somebody at another site asks for a test");
    let plan = shared.plan();
    let given = match refusal(&plan.topology, &test) {
        Some(why) => SiteAnswer { reports: Vec::new(), errors: vec![why] },
        None => run(host, &test, deadline(&plan), cancel).await,
    };
    let results =
        given.reports.iter().filter_map(|report| NewResult::of(report, &plan.site, catalogue::is_lasting));
    let mut inferences = Inferences::default();
    let tested = inferences.hold_back(results.collect());
    let concluded = inferences.conclude(catalogue::is_lasting, catalogue::stops_account);
    for result in tested.into_iter().chain(concluded) {
        // The ledger ends after the tests.
        let _ = ledger.send(LedgerEntry::Asked(Box::new(result)));
    }
    let answered = shared.store.write(move |sql| answer(sql, &id, &given)).await;
    if let Err(fault) = answered {
        tracing::error!(%fault, "a request of another site could not be answered");
    }
}

/// Returns the reason for refusing a request: it asks for something that the topology here does not list.
fn refusal(topology: &Topology, test: &SiteTest) -> Option<String> {
    let Some(taken) = SiteTest::takes(&test.cmdlet) else {
        return Some("That is no test that the watcher here makes for others.".to_owned());
    };
    if let Some(unknown) = test.arguments.keys().find(|name| !taken.contains(&name.as_str())) {
        return Some(format!("-{unknown} is not taken from elsewhere."));
    }
    let pools = test.values("TargetFqdn").iter().chain(test.values("Pool"));
    if let Some(pool) = pools.into_iter().find(|pool| topology.canonical_pool(pool).is_none()) {
        return Some(format!("The topology here does not list {pool}."));
    }
    // Without a list of partners any domain would be allowed; not to those who ask from elsewhere.
    let is_listed =
        |domain: &Domain| topology.partner_for(domain).is_some() || topology.pool_serving(domain).is_some();
    let mut domains = test.values("Domain").iter();
    if let Some(strange) = domains.find(|domain| !domain.parse().is_ok_and(|domain| is_listed(&domain))) {
        return Some(format!("The topology here does not list the partner {strange}."));
    }
    let mut receivers = test.values("Receiver").iter();
    let is_of_listed = |receiver: &Address| is_listed(&receiver.domain());
    let strange = receivers.find(|receiver| !receiver.parse().is_ok_and(|address| is_of_listed(&address)));
    strange.map(|receiver| format!("The topology here does not list the partner of {receiver}."))
}

async fn run(host: &Host, test: &SiteTest, deadline: Duration, cancel: CancellationToken) -> SiteAnswer {
    let mut arguments = Arguments::none();
    for (name, values) in &test.arguments {
        arguments = arguments.with(name.as_str(), Value::texts(values.iter().cloned()));
    }
    let arguments = arguments
        .with("Deadline", Value::Duration(deadline))
        .with("ErrorVariable", FAILED)
        .with("ErrorAction", "SilentlyContinue")
        .switch("Force");
    let stage = Stage { name: test.cmdlet.clone(), arguments, position: None, program: None };
    let (records, mut emitted) = mpsc::channel(64);
    let cancel = cancel.child_token();
    let running = host.pipeline(vec![stage], None, records, cancel.clone());
    let reports = async {
        let mut reports = Vec::new();
        while let Some(value) = emitted.recv().await {
            reports.extend(value.as_record().and_then(Report::of));
        }
        reports
    };
    let both = async { tokio::join!(running, reports) };
    let Ok((ended, reports)) = tokio::time::timeout(deadline + GRACE, both).await else {
        cancel.cancel();
        return SiteAnswer {
            reports: Vec::new(),
            errors: vec!["The tests did not end at their deadline.".to_owned()],
        };
    };
    let message =
        |error: &Value| error.as_record().and_then(|error| error.get("Message").ok()).map(Value::to_string);
    let told = ended.assignments.iter().filter(|left| left.variable == FAILED);
    let mut errors: Vec<String> = told
        .flat_map(|left| left.value.clone().into_elements())
        .filter_map(|error| message(&error))
        .collect();
    match ended.outcome {
        Err(Halt::Failed(error)) if !errors.contains(&error.message) => errors.push(error.message),
        Err(Halt::Cancelled) => errors.push("The watcher ends.".to_owned()),
        Ok(()) | Err(Halt::Failed(_) | Halt::PipeClosed | Halt::Block(_)) => {}
    }
    SiteAnswer { reports, errors }
}

/// The variable that the errors are left in.
const FAILED: &str = "failed";
/// The maximum number of requests that are served at once.
const AT_ONCE: usize = 4;
