//! Results that last: what `Test-…` came to is there in a later session, as the roles let it be seen, and
//! a store that cannot be used changes nothing of a test.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Runs code on the practice network, with its results in `file`.
fn run(file: &Path, code: &str) -> Output {
    let mut command = support::imsh();
    command.args(["--lab", "--output", "jsonl", "--store"]).arg(file).args(["-c", code]);
    command.stdin(Stdio::null()).output().unwrap()
}

fn records(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap()
}

/// The values of one property.
fn values(records: &[Value], property: &str) -> Vec<String> {
    let text = |record: &Value| {
        record[property].as_str().map_or_else(|| record[property].to_string(), str::to_owned)
    };
    records.iter().map(text).collect()
}

const GOOD: &str = "adelany@contoso.com";
const BROKEN: &str = "adelany@expired.contoso.com";
const TEST: &str = "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com, adelany@expired.contoso.com";

fn store() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state/results.sqlite");
    (directory, file)
}

#[test]
fn what_a_test_came_to_is_there_in_a_later_session() {
    let (_directory, file) = store();
    let tested = run(&file, TEST);
    assert_eq!(tested.status.code(), Some(1), "{}", said(&tested));
    let mut kept = records(&run(&file, "Get-TestResult"));
    kept.sort_by_key(|record| record["Receiver"].to_string());
    assert_eq!(values(&kept, "Receiver"), [GOOD, BROKEN]);
    assert_eq!(values(&kept, "Result"), ["Success", "Failure"]);
    assert_eq!(values(&kept, "Code"), ["null", "FEDERATION-CERTIFICATE-EXPIRED"]);
    // The record is the test's own.
    let mut own = records(&tested);
    own.sort_by_key(|record| record["Receiver"].to_string());
    for (kept, own) in kept.iter().zip(&own) {
        for property in ["Latency", "Proofs", "Steps", "StartedAt", "Diagnosis", "Evidence"] {
            assert_eq!(kept[property], own[property], "{property}");
        }
    }
    let failures =
        records(&run(&file, "Get-TestResult -Receiver *expired* -Result Failure -Since 1h -Newest 5"));
    assert_eq!(values(&failures, "Receiver"), [BROKEN]);
    assert_eq!(records(&run(&file, "Get-TestResult -Until 2020-01-01")), [] as [Value; 0]);
}

#[test]
fn states_runs_trends_and_changes_are_made_of_them() {
    let (_directory, file) = store();
    run(&file, TEST);
    run(&file, "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com");
    let states = records(&run(&file, "Get-TestState"));
    assert_eq!(values(&states, "State"), ["Up", "Down"]);
    assert_eq!(values(&states, "Recent"), ["SS", "F"]);
    assert_eq!(values(&states, "Owner"), ["null", "Partner"]);
    let runs = records(&run(&file, "Get-TestRun"));
    assert_eq!(values(&runs, "Tests"), ["1", "2"], "the newest first; asking makes no run");
    assert!(runs.iter().all(|run| run["EndedAt"].is_string()), "{runs:?}");
    let trend = records(&run(&file, "Get-TestTrend -By Day"));
    let tests: i64 = trend.iter().map(|day| day["Tests"].as_i64().unwrap()).sum();
    assert_eq!(tests, 3, "{trend:?}");
    let changes = records(&run(&file, "Compare-TestResult -IncludeEqual"));
    assert_eq!(values(&changes, "Change").concat().replace("Slower", "Equal"), "EqualMissing");
}

#[test]
fn the_practice_network_keeps_nothing_unless_it_is_asked_to() {
    let home = tempfile::tempdir().unwrap();
    let mut command = support::imsh_at(home.path());
    command.args(["--lab", "-c", TEST]).stdin(Stdio::null());
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    let mut command = support::imsh_at(home.path());
    let asked = command.args(["--lab", "-c", "Get-TestResult"]).stdin(Stdio::null()).output().unwrap();
    assert!(said(&asked).contains("No results are kept here"), "{}", said(&asked));
}

/// Whatever is wrong with the store is one warning, and the test and its exit status are as without one.
#[test]
fn a_store_that_cannot_be_used_is_one_warning() {
    let damaged = |directory: &Path| {
        let file = directory.join("damaged.sqlite");
        std::fs::write(&file, "this is a letter, long enough to be read for a header of a database file")
            .unwrap();
        file
    };
    let newer = |directory: &Path| {
        let file = directory.join("newer.sqlite");
        run(&file, TEST);
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute("INSERT INTO schema_version VALUES (99, 0)", []).unwrap();
        file
    };
    let in_no_directory = |directory: &Path| {
        std::fs::write(directory.join("file"), "").unwrap();
        directory.join("file/results.sqlite")
    };
    let link = |directory: &Path| {
        let file = directory.join("link.sqlite");
        std::os::unix::fs::symlink(directory.join("elsewhere"), &file).unwrap();
        file
    };
    for make in [&damaged as &dyn Fn(&Path) -> std::path::PathBuf, &newer, &in_no_directory, &link] {
        let directory = tempfile::tempdir().unwrap();
        let file = make(directory.path());
        let before = std::fs::read(&file).ok();
        let tested = run(&file, TEST);
        let said = said(&tested);
        assert_eq!(tested.status.code(), Some(1), "{said}");
        assert_eq!(records(&tested).len(), 2, "{said}");
        assert_eq!(said.matches("Results are not kept").count(), 1, "{said}");
        assert_eq!(std::fs::read(&file).ok(), before, "it is left as it was");
        let asked = run(&file, "Get-TestResult");
        assert_ne!(asked.status.code(), Some(0));
    }
}

/// Another process holds the store's lock for longer than a test may wait.
#[test]
fn a_locked_store_keeps_no_test_waiting() {
    let (_directory, file) = store();
    run(&file, TEST);
    let holder = rusqlite::Connection::open(&file).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tested = run(&file, TEST);
    assert_eq!(records(&tested).len(), 2);
    assert_eq!(tested.status.code(), Some(1));
    assert_eq!(said(&tested).matches("Results are not kept").count(), 1, "{}", said(&tested));
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(records(&run(&file, "Get-TestResult")).len(), 2, "what was kept before is there");
}

#[test]
fn two_runs_at_once_lose_nothing() {
    let (_directory, file) = store();
    run(&file, TEST);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| run(&file, TEST));
        }
    });
    assert_eq!(records(&run(&file, "Get-TestResult")).len(), 10);
    assert_eq!(records(&run(&file, "Get-TestRun")).len(), 5);
}

#[test]
fn nobody_reads_results_of_what_they_may_not_test() {
    let (directory, file) = store();
    run(&file, TEST);
    run(&file, "Test-XmppIM dub-cs-001.fabrikam.com adelany@contoso.com");
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let topology = |pools: &str, users: &str| {
        format!(
            "[[pool]]\nidentity = \"atl-cs-001.litwareinc.com\"\nsite = \"Redmond\"\ndomains = [\"litwareinc.com\"]\n\
             [[pool]]\nidentity = \"dub-cs-001.fabrikam.com\"\nsite = \"Dublin\"\ndomains = [\"fabrikam.com\"]\n\
             [access]\n[[access.role]]\nidentity = \"Desk\"\ntemplate = \"HelpDesk\"\nconfig_scopes = [{pools}]\n\
             user_scopes = [{users}]\n[[access.assignment]]\nrole = \"Desk\"\nmembers = [\"os-user:{user}\"]\n"
        )
    };
    for (pools, users, wanted) in [
        ("\"global\"", "\"global\"", 3),
        ("\"site:Redmond\"", "\"global\"", 2),
        ("\"site:Redmond\"", "\"domain:contoso.com\"", 1),
        ("\"site:Dublin\"", "\"domain:expired.contoso.com\"", 0),
    ] {
        let document = directory.path().join("topology.toml");
        std::fs::write(&document, topology(pools, users)).unwrap();
        for code in ["Get-TestResult", "Get-TestState"] {
            let mut command = support::imsh();
            command.arg("--topology").arg(&document).arg("--store").arg(&file);
            let asked = command.args(["-o", "jsonl", "-c", code]).stdin(Stdio::null()).output().unwrap();
            assert_eq!(records(&asked).len(), wanted, "{code} {pools} {users}\n{}", said(&asked));
        }
    }
}

/// A run that is killed has kept what it had told.
#[test]
fn a_killed_run_loses_nothing_that_it_told() {
    use std::io::{BufRead, BufReader};
    let (directory, file) = store();
    let receivers: Vec<String> = (0..200).map(|_| GOOD.to_owned()).collect();
    let mut command = support::imsh();
    // Whoever is killed leaves its practice network behind.
    command.env("TMPDIR", directory.path());
    command.args(["--lab", "--output", "jsonl", "--store"]).arg(&file);
    command.args(["-c", &format!("Test-XmppIM atl-cs-001.litwareinc.com {}", receivers.join(","))]);
    let mut program =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let told = BufReader::new(program.stdout.take().unwrap()).lines().take(40).count();
    program.kill().unwrap();
    program.wait().unwrap();
    let kept = records(&run(&file, "Get-TestResult -Newest 1000")).len();
    assert!(kept >= told, "{kept} kept of {told} told");
    let runs = records(&run(&file, "Get-TestRun"));
    assert_eq!(values(&runs, "EndedAt"), ["null"]);
}
