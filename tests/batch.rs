//! Batches on the practice network, as a user sees them: refused logons are counted, only what may pass is
//! tried again, an interruption says that it is one.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use imsh::internals::access::Principal;
use imsh::internals::call::stores::{TopologyStore, VaultStore};
use imsh::internals::call::{Cmdlet, Nobody, SessionContext};
use imsh::internals::cmdlet::{Arguments, Description};
use imsh::internals::cmdlets::verify::test_federated_partner;
use imsh::internals::cmdlets::verify::verifying;
use imsh::internals::diagnosis::Finding;
use imsh::internals::host::{Gate, Host, Stage};
use imsh::internals::result::{Report, TestOutcome};
use imsh::internals::verify::schedule::{
    self, Attempted, History, Judged, Places, Schedule, ScheduledTest, Turn,
};
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
    let entries = imsh::internals::diagnosis::catalogue::catalogue();
    let special = entries.iter().filter(|entry| entry.practice().is_none());
    let mut shown = Vec::new();
    for (entry, command) in special.filter_map(|entry| Some((entry, entry.shown_by()?))) {
        let code = command.strip_prefix("imsh --lab -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        let output = imsh(code).output().unwrap();
        // What is wrong beside a success is among the result's Warnings.
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains(entry.code), "{command}: {told}");
        shown.push(entry.code);
    }
    assert!(shown.contains(&"TIMEOUT-TOO-SHORT"), "{shown:?}");
}

/// A test that is well, or meets a mistake in the program.
struct Numbered(i64);

impl ScheduledTest for Numbered {
    type Outcome = Number;

    fn places(&self) -> Places<'_> {
        Places::default()
    }

    async fn attempt(&self, _: Turn) -> Attempted<Number> {
        assert_ne!(self.0, 1, "one is too many");
        Number(self.0).into()
    }

    fn inferred(&self, _: &Finding) -> Option<Number> {
        None
    }

    fn not_run(&self, _: Finding) -> Option<Number> {
        None
    }
}

struct Number(i64);

impl Judged for Number {
    fn failure(&self) -> Option<&Finding> {
        None
    }

    fn is_interrupted(&self) -> bool {
        false
    }

    fn interrupted_by(&mut self, _: Finding) {}

    fn set_history(&mut self, _: History) {}
}

/// A verification of three subjects, and the second one meets a mistake in the program.
static BROKEN: Cmdlet = Cmdlet {
    description: Description { name: "Test-Broken", ..test_federated_partner::CMDLET.description },
    run: |call| {
        Box::pin(async move {
            let (sender, results) = mpsc::channel(verifying::WAITING);
            let tests = (0..3).map(Numbered).collect();
            let running = schedule::run(Schedule::new(2, call.cancel.clone()), tests, sender);
            let reports = |number: &Number, _| {
                let (subject, outcome) = (Some(number.0.to_string()), TestOutcome::Success);
                vec![Report { subject, outcome, ..Report::default() }]
            };
            verifying::report(&call, 3, verifying::Guesses::default(), running, results, reports).await
        })
    },
};

static CMDLETS: &[&Cmdlet] = &[&BROKEN];

#[tokio::test]
async fn a_test_that_a_mistake_in_the_program_ended_counts_as_one_that_could_not_run() {
    let (topology, vault) =
        (TopologyStore::new(None, imsh::internals::cmdlets::catalogue()), VaultStore::new(None, None));
    let principal = Principal::OsUser { name: "kim".to_owned(), groups: Vec::new() };
    let context = SessionContext::new(topology, vault, Arc::new(Nobody));
    let host = Host::new(CMDLETS, Arc::new(context), Gate::new(principal), false);
    let arguments = Arguments::none().with("Domain", "contoso.com").with("ErrorVariable", "lost");
    let stage = Stage { name: "Test-Broken".to_owned(), arguments, position: None, program: None };
    let (output, mut records) = mpsc::channel(16);
    let ended = host.pipeline(vec![stage], None, output, CancellationToken::new()).await;
    let mut seen = Vec::new();
    while let Some(record) = records.recv().await {
        seen.push(record.property("Receiver").unwrap().to_string());
    }
    seen.sort();
    assert_eq!(seen, ["0", "2"]);
    let (tally, lost) = (host.tally(), ended.assignments[0].value.to_string());
    assert!(lost.contains("by a fault of imsh itself") && lost.contains("one is too many"), "{lost}");
    assert_eq!((tally.tests(), tally.failed(), tally.not_run()), (2, 0, 1));
}

#[test]
fn what_does_not_pass_by_itself_is_not_tried_again() {
    for test in [
        "Test-XmppIM wrong-password.litwareinc.com adelany@contoso.com -Retry 5",
        "Test-Registration wrong-password.litwareinc.com -Retry 5",
        "Test-XmppPing wrong-password.litwareinc.com contoso.com -Retry 5",
    ] {
        let results = records(test);
        assert_eq!(results.len(), 1, "{test}");
        assert_eq!(results[0]["Code"], "SASL-REJECTED", "{test}");
        assert_eq!(results[0]["Phase"], "Authenticate", "{test}");
        assert_eq!(results[0]["Attempts"], 1, "a refusal does not pass by itself: {test}");
    }
}

#[test]
fn an_interrupted_test_says_so_and_blames_nobody_else() {
    let code = "Test-XmppIM atl-cs-001.litwareinc.com,silent.litwareinc.com adelany@contoso.com; \
                Test-FederatedPartner contoso.com";
    let mut child = imsh(code).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    interrupt(&child);
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let interrupted = &rest[0];
    assert_eq!(interrupted["TargetFqdn"], "silent.litwareinc.com");
    assert_eq!((&interrupted["Code"], &interrupted["Owner"]), (&"CANCELLED".into(), &"Caller".into()));
    let diagnosis = interrupted["Diagnosis"].as_str().unwrap();
    assert!(diagnosis.starts_with("CANCELLED, Caller: the test was interrupted"), "{diagnosis}");
    assert!(diagnosis.contains("it was in "), "{diagnosis}");
}

/// So many receivers of a domain, as a list.
fn receivers(domain: &str, n: usize) -> String {
    (0..n).map(|n| format!("r{n}@{domain}")).collect::<Vec<_>>().join(",")
}

/// Starts a program, and gives its records as they come.
fn begin(code: &str) -> (Child, impl Iterator<Item = Value> + use<>) {
    let mut child = imsh(code).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

/// Ends a program as Ctrl-C does, so that it takes its practice network with it.
fn interrupt(child: &Child) {
    let id = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
}

#[test]
fn a_healthy_pair_comes_first_beside_six_hundred_receivers_of_a_dead_partner() {
    let dead = receivers("silent.contoso.com", 600);
    let code = format!("Test-XmppIM atl-cs-001.litwareinc.com {dead},adelany@contoso.com -Timeout 20s");
    let (mut child, mut results) = begin(&code);
    let first = results.next().unwrap();
    interrupt(&child);
    results.for_each(drop);
    child.wait().unwrap();
    assert_eq!((&first["Receiver"], &first["Result"]), (&"adelany@contoso.com".into(), &"Success".into()));
}

#[test]
fn a_partner_that_failed_three_receivers_is_not_asked_for_each_of_the_others() {
    let dead = receivers("refused.contoso.com", 40);
    let results = records(&format!("Test-XmppIM atl-cs-001.litwareinc.com {dead},adelany@contoso.com"));
    let of_dead: Vec<&Value> =
        results.iter().filter(|result| result["Code"] == "FEDERATION-REFUSED").collect();
    let n_tried = of_dead.iter().filter(|result| result["Inferred"] == false).count();
    assert_eq!((results.len(), of_dead.len()), (41, 40));
    assert!((3..=6).contains(&n_tried), "{n_tried} were tried");
    let concluded = of_dead.iter().find(|result| result["Inferred"] == true).unwrap();
    assert_eq!((&concluded["Attempts"], &concluded["Owner"]), (&0.into(), &"Partner".into()));
    assert!(results.iter().any(|result| result["Result"] == "Success" && result["Inferred"] == false));
}

#[test]
fn a_dead_pool_is_tried_three_times_and_once_more_at_the_end() {
    let all = receivers("contoso.com", 30);
    let results = records(&format!("Test-XmppIM expired.litwareinc.com {all}"));
    let tried = results.iter().filter(|result| result["Inferred"] == false).count();
    assert_eq!((results.len(), count(&results, "TLS-EXPIRED")), (30, 30));
    assert!((4..=7).contains(&tried), "{tried} were tried");
}

#[test]
fn what_has_no_outcome_at_the_deadline_is_not_run() {
    let dead = receivers("silent.contoso.com", 9);
    let code =
        format!("Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com,{dead} -Deadline 3s -Ordered");
    let output = imsh(&code).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let results: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!((results.len(), &results[0]["Result"]), (10, &"Success".into()));
    for (n, result) in results[1..].iter().enumerate() {
        assert_eq!(result["Receiver"], format!("r{n}@silent.contoso.com"));
        assert_eq!((&result["Result"], &result["Code"]), (&"NotRun".into(), &"PLAN-DEADLINE".into()));
    }
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("of 10 tests were left out."), "{told}");
}

#[test]
fn a_time_that_is_over_is_no_end_of_a_batch() {
    let output =
        imsh("Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -Until 2020-01-01T00:00:00Z")
            .output()
            .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("is no time to come"), "{told}");
}

/// So many tests of one receiver, more than a line has room for.
fn to_adelany(n: usize) -> String {
    let list = format!("let all = []; all.pad({n}, \"adelany@contoso.com\");");
    format!("{list} Test-XmppIM atl-cs-001.litwareinc.com $all")
}

#[test]
fn a_reader_who_is_gone_ends_the_sending() {
    let (mut child, mut results) = begin(&to_adelany(3000));
    assert_eq!(results.next().unwrap()["Result"], "Success");
    drop(results);
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{told}");
    let left_out =
        told.lines().find_map(|line| line.strip_prefix("WARNING: ")?.split(' ').next()?.parse().ok());
    assert!(left_out.is_some_and(|left_out: usize| left_out > 1500), "{told}");
}

#[test]
fn an_interrupted_batch_says_how_many_tests_were_left_out() {
    let (mut child, mut results) = begin(&to_adelany(3000));
    results.next().unwrap();
    interrupt(&child);
    let n_results = 1 + results.count();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let words = format!("WARNING: {} of 3000 tests were left out.", 3000 - n_results);
    assert!(told.contains(&words), "{words}: {told}");
}

#[test]
fn nothing_is_lost_or_doubled_in_a_batch_of_many_pools_and_partners() {
    let pools = "atl-cs-001.litwareinc.com,dub-cs-001.fabrikam.com,refused.litwareinc.com";
    let all = [
        receivers("northwindtraders.com", 60),
        receivers("refused.contoso.com", 60),
        receivers("expired.contoso.com", 60),
    ]
    .join(",");
    let results = records(&format!("Test-XmppIM {pools} {all},adelany@contoso.com -ThrottleLimit 64"));
    let pairs: BTreeSet<(String, String)> = results
        .iter()
        .map(|result| (result["TargetFqdn"].to_string(), result["Receiver"].to_string()))
        .collect();
    assert_eq!((results.len(), pairs.len()), (3 * 181, 3 * 181));
    let well = results.iter().filter(|result| result["Result"] == "Success");
    assert!(well.into_iter().all(|result| result["Receiver"] == "adelany@contoso.com"));
}

/// Runs a batch from these pools to so many receivers, a tenth of them at a dead partner; gives the seconds that it
/// took, and the largest resident set of any program so far, in kilobytes.
fn many(n_receivers: usize) -> (f64, i64) {
    let pools = "atl-cs-001.litwareinc.com,dub-cs-001.fabrikam.com";
    let code = format!(
        "let all = []; for n in 0..{n_receivers} {{ all.push(switch n % 10 {{ 0 => `r${{n}}@refused.contoso.com`, \
         1 => \"adelany@contoso.com\", _ => `r${{n}}@northwindtraders.com` }}); }} \
         Test-XmppIM {pools} $all -ThrottleLimit 256"
    );
    let began = std::time::Instant::now();
    let results = records(&code);
    let seconds = began.elapsed().as_secs_f64();
    let mut seen = std::collections::BTreeMap::<(String, String), usize>::new();
    for result in &results {
        let pair = (result["TargetFqdn"].to_string(), result["Receiver"].to_string());
        *seen.entry(pair).or_default() += 1;
        let is_dead = result["Receiver"].as_str().unwrap().ends_with("@refused.contoso.com");
        assert_eq!(result["Code"] == "FEDERATION-REFUSED", is_dead, "{result:#?}");
    }
    assert_eq!(results.len(), 2 * n_receivers);
    let of_adelany = |pair: &(String, String)| pair.1.contains("adelany");
    assert!(seen.iter().all(|(pair, n)| *n == if of_adelany(pair) { n_receivers / 10 } else { 1 }));
    let used = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    (seconds, used.max_rss())
}

#[test]
#[expect(clippy::print_stderr, reason = "it tells what it measured")]
fn ten_thousand_pairs_lose_nothing_and_need_no_more_memory_than_a_thousand() {
    let thousand = many(500);
    let ten_thousand = many(5_000);
    eprintln!("seconds and kilobytes of 1 000 pairs {thousand:?}, of 10 000 {ten_thousand:?}");
    // The plan of a batch stands in memory; results do not. The practice network is in the same process.
    assert!(ten_thousand.1 < thousand.1 + 100_000, "{thousand:?} {ten_thousand:?}");
    assert!(ten_thousand.0 < thousand.0 * 20.0, "{thousand:?} {ten_thousand:?}");
}

#[test]
fn each_server_of_a_pool_is_tested_by_itself_where_that_is_asked_for() {
    let one = records("Test-Registration mixed.litwareinc.com");
    assert_eq!((one.len(), one[0].get("Server").is_some_and(Value::is_string)), (1, false));
    for test in
        ["Test-Registration mixed.litwareinc.com", "Test-XmppIM mixed.litwareinc.com adelany@contoso.com"]
    {
        let each = records(&format!("{test} -EachServer -Timeout 15s"));
        let servers: BTreeSet<&str> = each.iter().filter_map(|result| result["Server"].as_str()).collect();
        assert_eq!((each.len(), servers.len()), (2, 2), "{each:#?}");
        assert_eq!((count(&each, "CONNECT-REFUSED"), count(&each, "CONNECT-TIMEOUT")), (1, 1), "{each:#?}");
    }
}

#[test]
fn a_pipe_gives_the_receivers_where_the_pools_are_given() {
    let receivers = "\"adelany@contoso.com\", \"adelany@refused.contoso.com\"";
    for code in [
        format!("Write-Output {receivers} | Test-XmppIM atl-cs-001.litwareinc.com"),
        format!("{receivers} | Test-XmppIM -TargetFqdn atl-cs-001.litwareinc.com"),
        "Get-Pool atl-cs-001.litwareinc.com | Test-XmppIM -Receiver adelany@contoso.com, adelany@refused.contoso.com".into(),
    ] {
        let results = records(&code);
        let told: BTreeSet<&str> = results.iter().filter_map(|result| result["Receiver"].as_str()).collect();
        assert_eq!((results.len(), told.len()), (2, 2), "{code}: {results:#?}");
    }
}

/// Receivers beside whom the session stays open: each of these tests waits a second for a late error.
const OTHERS: &str = "offline@northwindtraders.com,wrong-receipt@northwindtraders.com,delayed@northwindtraders.com,\
    wrong-nonce@northwindtraders.com,impostor@northwindtraders.com";

#[test]
fn an_error_that_comes_after_the_result_takes_it_back_while_the_session_is_open() {
    let late = ["late-2s@northwindtraders.com", "late-3s@northwindtraders.com"];
    let code = format!("Test-XmppIM atl-cs-001.litwareinc.com {},{OTHERS} -ThrottleLimit 1", late.join(","));
    let output = imsh(&code).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let results: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "what was taken back is a failed test: {told}");
    assert_eq!(results.len(), 9, "seven results, and two that take the place of one: {text}");
    for receiver in late {
        let own: Vec<&Value> = results.iter().filter(|result| result["Receiver"] == receiver).collect();
        let [first, then] = own[..] else { panic!("{own:#?}") };
        assert_eq!((&first["Result"], &first["Evidence"]), (&"Success".into(), &"AcceptedByPartner".into()));
        assert_eq!((&then["Result"], &then["Code"]), (&"Failure".into(), &"RECEIVER-UNAVAILABLE".into()));
        assert_eq!((&then["Latency"], &then["Evidence"]), (&"00:00:00".into(), &"AcceptedByPool".into()));
        assert_eq!(then["StartedAt"], first["StartedAt"], "it is the same test");
        assert!(
            then["Steps"].to_string().contains("service-unavailable"),
            "what came back is in its log: {then:#}"
        );
        assert_eq!(then["Warnings"][0]["Code"], "RESULT-REVISED", "{then:#}");
        let warning = format!("WARNING: The test of {receiver} was told as a success and has failed");
        assert!(told.contains(&warning), "{told}");
    }
    assert_eq!(results.iter().filter(|result| result["Result"] == "Success").count(), 7);
}

#[test]
fn a_late_error_is_waited_for_as_long_as_linger_says() {
    let alone = "Test-XmppIM atl-cs-001.litwareinc.com late-3s@northwindtraders.com";
    let result = records(alone);
    assert_eq!((result.len(), &result[0]["Result"]), (1, &"Success".into()), "{result:#?}");
    let result = records(&format!("{alone} -Linger 20s"));
    assert_eq!((result.len(), &result[0]["Code"]), (1, &"RECEIVER-UNAVAILABLE".into()), "{result:#?}");
    assert!(
        result[0]["Warnings"].as_array().is_none_or(Vec::is_empty),
        "nothing was told before: {result:#?}"
    );
}
