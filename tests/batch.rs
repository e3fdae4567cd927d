//! Batches on the practice network, as a user sees them: refused logons are counted, a retry keeps the
//! better answer, an interruption says that it is one.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use imsh::access::Principal;
use imsh::call::stores::{TopologyStore, VaultStore};
use imsh::call::{Cmdlet, Nobody, SessionContext};
use imsh::cmdlet::{Arguments, Description};
use imsh::cmdlets::verify::test_federated_partner;
use imsh::cmdlets::verify::verifying::{self, Told};
use imsh::host::{Gate, Host, Stage};
use imsh::value::Record;
use imsh::verify::together::together;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn imsh(code: &str) -> Command {
    let mut command = support::imsh();
    command.args(["--lab", "--output", "jsonl", "-c", code]).stdin(Stdio::null());
    command
}

fn records(code: &str) -> Vec<Value> {
    let output = imsh(code).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(records: &[Value], code: &str) -> usize {
    records.iter().filter(|record| record["Code"] == code).count()
}

#[test]
fn an_account_is_refused_three_times_in_a_batch_and_not_again() {
    let receivers = "a@contoso.com,b@contoso.com,c@contoso.com,d@contoso.com,e@contoso.com,f@contoso.com";
    for how in ["-FreshLogon", "-FreshLogon -ThrottleLimit 1", "-FreshLogon -Retry 2"] {
        let results = records(&format!("Test-XmppIM wrong-password.litwareinc.com {receivers} {how}"));
        assert_eq!(results.len(), 6, "{how}");
        let (refused, stopped) = (count(&results, "SASL-REJECTED"), count(&results, "PLAN-ACCOUNT-STOPPED"));
        let attempts: i64 = results
            .iter()
            .filter(|result| result["Code"] == "SASL-REJECTED")
            .map(|result| result["Attempts"].as_i64().unwrap())
            .sum();
        assert_eq!(attempts, 3, "{how}: {results:#?}");
        assert_eq!(refused + stopped, 6, "{how}: {results:#?}");
    }
}

/// `Get-Help about_Diagnosis` names these commands beside the codes.
#[test]
fn the_commands_that_the_catalogue_names_show_their_codes() {
    let entries = imsh::diagnosis::catalogue::catalogue();
    let special = entries.iter().filter(|entry| entry.practice().is_none());
    let mut shown = Vec::new();
    for (entry, command) in special.filter_map(|entry| Some((entry, entry.shown_by()?))) {
        let code = command.strip_prefix("imsh --lab -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        let output = imsh(code).output().unwrap();
        // What is wrong beside a success is a warning.
        let is_warning = entry.code == "DNS-ELSEWHERE";
        let told = String::from_utf8(if is_warning { output.stderr } else { output.stdout }).unwrap();
        let says = if is_warning { "WARNING: " } else { entry.code };
        assert!(told.contains(says), "{command}: {told}");
        shown.push(entry.code);
    }
    assert!(shown.contains(&"TIMEOUT-TOO-SHORT"), "{shown:?}");
}

/// A verification of three subjects, and the second one meets a mistake in the program.
static BROKEN: Cmdlet = Cmdlet {
    description: Description { name: "Test-Broken", ..test_federated_partner::CMDLET.description },
    run: |call| {
        Box::pin(async move {
            let job = |n: i64| async move {
                assert_ne!(n, 1, "one is too many");
                n
            };
            let (sender, results) = mpsc::channel(verifying::WAITING);
            let running = together(2, (0..3).map(job), sender, call.cancel.clone());
            let records = |n: &i64| vec![Record::new("TestResult").with("N", *n).with("Result", "Success")];
            let told = Told { warnings: |_, _| Vec::new(), records, logged: |_| Vec::new() };
            verifying::report(&call, 3, running, results, told).await
        })
    },
};

static CMDLETS: &[&Cmdlet] = &[&BROKEN];

#[tokio::test]
async fn a_test_that_a_mistake_in_the_program_ended_counts_as_one_that_could_not_run() {
    let (topology, vault) =
        (TopologyStore::new(None, imsh::cmdlets::catalogue()), VaultStore::new(None, None));
    let principal = Principal::OsUser { name: "kim".to_owned(), groups: Vec::new() };
    let context = SessionContext::new(topology, vault, Arc::new(Nobody));
    let host = Host::new(CMDLETS, Arc::new(context), Gate::new(principal), false);
    let arguments = Arguments::none().with("Domain", "contoso.com").with("ErrorVariable", "lost");
    let stage = Stage { name: "Test-Broken".to_owned(), arguments, position: None, program: None };
    let (output, mut records) = mpsc::channel(16);
    let ended = host.pipeline(vec![stage], None, output, CancellationToken::new()).await;
    let mut seen = Vec::new();
    while let Some(record) = records.recv().await {
        seen.push(record.property("N").unwrap().to_string());
    }
    seen.sort();
    assert_eq!(seen, ["0", "2"]);
    let (tally, lost) = (host.tally(), ended.assignments[0].value.to_string());
    assert!(lost.contains("by a fault of imsh itself") && lost.contains("one is too many"), "{lost}");
    assert_eq!((tally.tests(), tally.failed(), tally.not_run()), (2, 0, 1));
}

#[test]
fn a_retry_keeps_the_result_that_knows_more() {
    for test in [
        "Test-XmppIM wrong-password.litwareinc.com adelany@contoso.com -Retry 5",
        "Test-Registration wrong-password.litwareinc.com -Retry 5",
    ] {
        let results = records(test);
        assert_eq!(results.len(), 1, "{test}");
        assert_eq!(results[0]["Code"], "SASL-REJECTED", "{test}");
        assert_eq!(results[0]["Phase"], "Authenticate", "{test}");
        assert_eq!(results[0]["Attempts"], 3, "{test}");
    }
}

#[test]
fn an_interrupted_test_says_so_and_blames_nobody_else() {
    let code = "Test-XmppIM atl-cs-001.litwareinc.com,silent.litwareinc.com adelany@contoso.com; \
                Test-FederatedPartner contoso.com";
    let mut child = imsh(code).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let interrupted = &rest[0];
    assert_eq!(interrupted["TargetFqdn"], "silent.litwareinc.com");
    assert_eq!((&interrupted["Code"], &interrupted["Owner"]), (&"CANCELLED".into(), &"Caller".into()));
    let diagnosis = interrupted["Diagnosis"].as_str().unwrap();
    assert!(diagnosis.starts_with("CANCELLED, Caller: the test was interrupted"), "{diagnosis}");
    assert!(diagnosis.contains("it was in "), "{diagnosis}");
}
