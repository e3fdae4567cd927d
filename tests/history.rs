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
fn what_was_not_run_is_missing_or_new_and_neither_broken_nor_recovered() {
    let (_directory, file) = store();
    let test = "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com";
    let compared = |code: &str| {
        run(&file, code);
        let changes = records(&run(&file, "Compare-TestResult -IncludeEqual"));
        (values(&changes, "Change"), values(&changes, "Result"))
    };
    run(&file, test);
    assert_eq!(compared(&format!("{test} -Deadline 1ms")), (vec!["Missing".into()], vec!["null".into()]));
    assert_eq!(compared(&format!("{test} -Deadline 1ms")), (vec![], vec![]));
    assert_eq!(compared(test), (vec!["New".into()], vec!["Success".into()]));
}

/// Nobody listens at the pool's first server, and users are passed on to the second one.
#[test]
fn a_server_that_is_tested_by_itself_moves_no_state_and_is_compared_with_itself() {
    let (_directory, file) = store();
    let test = "Test-XmppIM first-closed.litwareinc.com adelany@contoso.com";
    run(&file, &format!("{test} -EachServer"));
    assert_eq!(values(&records(&run(&file, "Get-TestState")), "State"), ["Unknown"]);
    run(&file, test);
    for _ in 0..2 {
        let each = run(&file, &format!("{test} -EachServer"));
        let mut results = values(&records(&each), "Result");
        results.sort();
        assert_eq!(results, ["Failure", "Success"], "{}", said(&each));
    }
    let states = records(&run(&file, "Get-TestState"));
    assert_eq!((values(&states, "State"), values(&states, "Recent")), (vec!["Up".into()], vec!["S".into()]));
    assert_eq!(records(&run(&file, "Get-TestResult")).len(), 7, "each is kept");
}

#[test]
fn a_server_that_is_tested_by_itself_is_compared_with_itself() {
    let (directory, file) = store();
    let topology = directory.path().join("topology.toml");
    let text = "[[pool]]\nidentity = \"a.litwareinc.com\"\nservers = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n\
                domains = [\"litwareinc.com\"]\ntest_users = [\"sip:kenmyer@litwareinc.com\"]\n";
    std::fs::write(&topology, text).unwrap();
    let run = |code: &str| {
        let mut command = support::imsh_at(directory.path());
        command.arg("--topology").arg(&topology).arg("--store").arg(&file).env("SECRET", "swordfish");
        command.args(["-o", "jsonl", "-c", code]).stdin(Stdio::null()).output().unwrap()
    };
    let test = "Test-Registration a.litwareinc.com -EachServer -UserCredential (Get-Credential \
                kenmyer@litwareinc.com -FromEnvironment SECRET)";
    for _ in 0..2 {
        let tested = run(test);
        assert_eq!(values(&records(&tested), "Result"), ["Failure", "Failure"], "{}", said(&tested));
    }
    let well = "UPDATE result SET outcome = 'Success' WHERE report LIKE '%\"server\":\"127.0.0.1:2\"%' \
                AND run = (SELECT min(id) FROM run)";
    assert_eq!(rusqlite::Connection::open(&file).unwrap().execute(well, []).unwrap(), 1);
    let changes = records(&run("Compare-TestResult -IncludeEqual"));
    assert_eq!(values(&changes, "Server"), ["127.0.0.1:1", "127.0.0.1:2"], "{changes:?}");
    assert_eq!(values(&changes, "Change"), ["StillBroken", "Broken"]);
}

#[test]
fn the_results_of_a_run_are_found_by_the_beginning_of_its_name_and_a_run_that_is_not_there_is_an_error() {
    let (_directory, file) = store();
    run(&file, TEST);
    run(&file, TEST);
    let ids = values(&records(&run(&file, "Get-TestRun")), "Identity");
    let n_equal = ids[0].bytes().zip(ids[1].bytes()).take_while(|(one, other)| one == other).count();
    let asked = |name: &str| run(&file, &format!("Get-TestResult -Run '{name}'"));
    let found = records(&asked(&ids[0][..=n_equal]));
    assert_eq!(values(&found, "Run"), [ids[0].as_str(), &ids[0]]);
    for (name, words) in [("typo", "There is no run 'typo'."), (&ids[0][..4], "Several runs begin with")] {
        let refused = asked(name);
        assert_eq!((refused.status.code(), records(&refused).len()), (Some(4), 0));
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    // The run is there, and has no such pair.
    let other = run(&file, &format!("Get-TestResult -Run {} -Receiver nobody@contoso.com", ids[0]));
    assert_eq!((other.status.code(), said(&other)), (Some(0), String::new()));
}

#[test]
fn a_trend_and_a_report_begin_with_the_whole_hour_or_day_that_holds_their_beginning() {
    let (_directory, file) = store();
    run(&file, TEST);
    let mut began = values(&records(&run(&file, "Get-TestResult")), "StartedAt");
    began.sort();
    let tests = |options: &str| {
        let trend = records(&run(&file, &format!("Get-TestTrend {options}")));
        trend.iter().map(|span| span["Tests"].as_i64().unwrap()).sum::<i64>()
    };
    let (first, last) = (&began[0], &began[1]);
    for by in ["Hour", "Day"] {
        assert_eq!(tests(&format!("-By {by} -Since {first}")), 2);
        assert_eq!(tests(&format!("-By {by} -Since {first} -Until {last}")), 2);
        let start = values(&records(&run(&file, &format!("Get-TestTrend -By {by} -Since {first}"))), "Start");
        assert_eq!(
            tests(&format!("-By {by} -Until {}", start[0])),
            0,
            "the hour begins then, and not before"
        );
    }
    let hour = values(&records(&run(&file, &format!("Get-TestTrend -Since {first}"))), "Start").remove(0);
    let code = format!("Export-TestReport -Format Json -Since {first} | ConvertFrom-Json");
    let report = records(&run(&file, &code)).remove(0);
    let seconds = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(seconds(report["since"].as_str().unwrap()), seconds(&hour), "{report}");
    let counted: i64 =
        report["pairs"].as_array().unwrap().iter().map(|pair| pair["n_tests"].as_i64().unwrap()).sum();
    assert_eq!(counted, 2, "{report}");
}

#[test]
fn a_run_that_is_a_baseline_is_given_no_other_name() {
    let (_directory, file) = store();
    run(&file, TEST);
    run(&file, "Compare-TestResult -SetBaseline alpha");
    let refused = run(&file, "Compare-TestResult -SetBaseline beta");
    assert_eq!(refused.status.code(), Some(4));
    assert!(said(&refused).contains("The run is the baseline 'alpha' already"), "{}", said(&refused));
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Baseline"), ["alpha"]);
    run(&file, TEST);
    run(&file, "Compare-TestResult -SetBaseline alpha");
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Baseline"), ["alpha", "null"]);
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

#[test]
fn a_pool_has_one_history_however_its_name_is_spelt() {
    let (_directory, file) = store();
    let code = "Set-Pool atl-cs-001.litwareinc.com -Aliases @{Add='old.litwareinc.com'}
        foreach ($pool in 'ATL-CS-001.litwareinc.com', 'atl-cs-001.litwareinc.com.', 'old.litwareinc.com') {
            Test-Registration $pool
            Test-XmppPing $pool contoso.com,unlisted.example
            Test-XmppIM $pool adelany@contoso.com,u@unlisted.example
            Test-FederatedPartner contoso.com $pool
        }";
    let tested = records(&run(&file, code));
    assert_eq!(tested.len(), 18);
    assert!(tested.iter().all(|record| record["TargetFqdn"] == "atl-cs-001.litwareinc.com"), "{tested:#?}");
    let states = records(&run(&file, "Get-TestState"));
    let mut recent = values(&states, "Recent");
    recent.sort();
    assert_eq!(recent, ["FFF", "FFF", "SSS", "SSS", "SSS", "SSS"], "{states:#?}");
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
    let foreign = |tables: &'static str| {
        move |directory: &Path| {
            let file = directory.join("notes.sqlite");
            rusqlite::Connection::open(&file).unwrap().execute_batch(tables).unwrap();
            file
        }
    };
    let notes = foreign("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')");
    let runs = foreign("CREATE TABLE run (km INTEGER)");
    let versions = foreign("CREATE TABLE schema_version (number INTEGER); CREATE TABLE run (km INTEGER)");
    for make in [
        &damaged as &dyn Fn(&Path) -> std::path::PathBuf,
        &newer,
        &in_no_directory,
        &link,
        &notes,
        &runs,
        &versions,
    ] {
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
        if file.ends_with("notes.sqlite") {
            assert_eq!(said.matches("is no store of imsh").count(), 1, "{said}");
            assert!(!said.contains("CREATE"), "{said}");
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is beside it");
        }
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

/// Lines of a program's standard error that hold these words.
fn warned(output: &Output, words: &str) -> usize {
    String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.contains(words)).count()
}

#[test]
fn a_run_that_was_killed_is_gone_on_with_and_no_test_is_made_twice() {
    use std::io::{BufRead, BufReader};
    let (directory, file) = store();
    let receivers: Vec<String> = (0..120).map(|n| format!("r{n}@northwindtraders.com")).collect();
    let test = format!("Test-XmppIM atl-cs-001.litwareinc.com {},{GOOD},{BROKEN}", receivers.join(","));
    let mut command = support::imsh();
    // Whoever is killed leaves its practice network behind.
    command.env("TMPDIR", directory.path());
    command.args(["--lab", "--output", "jsonl", "--store"]).arg(&file).args(["-c", &test]);
    let mut program =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(BufReader::new(program.stdout.take().unwrap()).lines().take(20).count(), 20);
    program.kill().unwrap();
    program.wait().unwrap();

    let kept = records(&run(&file, "Get-TestResult -Newest 1000 | Where-Object Result -ne NotRun"));
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    let may_run = format!("Run {id} may still be running");
    let finished = kept[0]["Receiver"].as_str().unwrap();
    let known = format!("Test-XmppIM atl-cs-001.litwareinc.com {finished} -Resume {id}");
    assert_eq!(warned(&run(&file, &format!("{known} -Force")), &may_run), 0);
    assert_eq!(warned(&run(&file, &known), &may_run), 1);
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute("UPDATE result SET recorded_at = recorded_at - 61000000", [])
        .unwrap();
    let resumed = run(&file, &format!("{test} -Resume {id}"));
    assert_eq!(warned(&resumed, &may_run), 0, "{}", said(&resumed));
    let words = format!("{} of 122 tests were finished in that run, and are not made again.", kept.len());
    assert_eq!(warned(&resumed, &words), 1, "{words}\n{}", said(&resumed));
    // Every pair is told of once, those that were finished as they were kept.
    let told = records(&resumed);
    let mut pairs = values(&told, "Receiver");
    pairs.sort();
    pairs.dedup();
    assert_eq!((told.len(), pairs.len()), (122, 122));
    for kept in &kept {
        let own = told.iter().find(|record| record["Receiver"] == kept["Receiver"]).unwrap();
        assert_eq!(own["StartedAt"], kept["StartedAt"]);
    }
    assert_eq!(resumed.status.code(), Some(1), "a failure of either part counts");
    let runs = records(&run(&file, "Get-TestRun"));
    assert_eq!(
        (values(&runs, "Identity").concat(), values(&runs, "Tests")),
        (id.clone(), vec!["122".into()])
    );
    assert!(runs[0]["EndedAt"].is_string(), "{runs:?}");

    // There is nothing left to do.
    let again = run(&file, &format!("{test} -Resume {id}"));
    assert_eq!(warned(&again, "122 of 122 tests were finished in that run"), 1);
    assert_eq!(records(&again).len(), 122);
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Tests"), ["122"]);
}

#[test]
fn what_ran_into_the_deadline_names_its_run_and_is_tested_when_it_is_gone_on_with() {
    let (_directory, file) = store();
    let pool = "atl-cs-001.litwareinc.com";
    let first = run(&file, &format!("Test-XmppIM {pool} {GOOD},x@silent.contoso.com -Deadline 2s"));
    assert_eq!(values(&records(&first), "Result"), ["Success", "NotRun"]);
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    assert_eq!(warned(&first, &format!("-Resume {id}")), 1, "{}", said(&first));
    let second =
        run(&file, &format!("Test-XmppIM {pool} {GOOD},x@silent.contoso.com -Timeout 3s -Resume {id}"));
    assert_eq!(warned(&second, "1 of 2 tests were finished"), 1, "{}", said(&second));
    assert_eq!(values(&records(&second), "Result"), ["Success", "Failure"]);
    let runs = records(&run(&file, "Get-TestRun"));
    for (property, value) in [("Tests", 2), ("Successes", 1), ("Failures", 1), ("NotRun", 0)] {
        assert_eq!(runs[0][property], value, "{runs:?}");
    }
}

#[test]
fn a_kept_success_answers_no_other_question_and_its_latency_is_judged_anew() {
    let (_directory, file) = store();
    let test = "Test-XmppIM atl-cs-001.litwareinc.com x@silent.contoso.com";
    let sent = run(&file, &format!("{test} -MinimumEvidence Sent"));
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    for (asked, n_finished, result) in [
        ("-MinimumEvidence Sent", 1, "Success"),
        ("-Timeout 2s", 0, "Failure"),
        ("-Timeout 2s", 1, "Failure"),
        ("-Timeout 3s", 0, "Failure"),
        ("-MinimumEvidence Sent -Timeout 50s", 1, "Success"),
        ("-MinimumEvidence Sent -Body Hello", 0, "Success"),
        ("-MinimumEvidence Sent -Body Hullo", 0, "Success"),
        ("-MinimumEvidence Sent -Body Hello", 1, "Success"),
    ] {
        let resumed = run(&file, &format!("{test} {asked} -Resume {id}"));
        let words = format!("{n_finished} of 1 tests were finished");
        assert_eq!(warned(&resumed, &words), 1, "{asked}: {}", said(&resumed));
        assert_eq!(values(&records(&resumed), "Result"), [result], "{asked}");
        assert_eq!(resumed.status.code(), Some(i32::from(result == "Failure")), "{asked}");
    }

    let strict = format!("{test} -MinimumEvidence Sent -CriticalLatency 1ms -Resume {id}");
    let judged = records(&run(&file, &strict));
    assert_eq!(judged[0]["Warnings"][0]["Code"], "LATENCY-CRITICAL", "{judged:#?}");
    let mut plugin = support::imsh();
    plugin.args(["--lab", "-o", "nagios", "--store"]).arg(&file).args(["-c", &strict]);
    assert_eq!(plugin.stdin(Stdio::null()).output().unwrap().status.code(), Some(2));
    let lenient = records(&run(&file, &strict.replace("1ms", "1h")));
    assert_eq!(lenient[0]["Warnings"], serde_json::json!([]), "{lenient:#?}");
}

#[test]
fn logons_and_pings_are_made_again_where_something_else_is_asked_of_them() {
    let (_directory, file) = store();
    for test in
        ["Test-Registration atl-cs-001.litwareinc.com", "Test-XmppPing atl-cs-001.litwareinc.com contoso.com"]
    {
        let plain = format!("{test} -Authentication PLAIN");
        run(&file, &plain);
        let id = values(&records(&run(&file, "Get-TestRun -Newest 1")), "Identity").concat();
        for (asked, n_finished) in [(test, 0), (plain.as_str(), 1), (test, 1)] {
            let resumed = run(&file, &format!("{asked} -Resume {id}"));
            let words = format!("{n_finished} of 1 tests were finished");
            assert_eq!(warned(&resumed, &words), 1, "{asked}: {}", said(&resumed));
        }
        let judged = records(&run(&file, &format!("{test} -WarningLatency 1ms -Resume {id}")));
        assert_eq!(judged[0]["Warnings"][0]["Code"], "LATENCY-WARNING", "{judged:#?}");
    }
}

#[test]
fn what_has_no_result_in_a_run_that_is_gone_on_with_names_that_run_and_not_the_sessions_own() {
    let (_directory, file) = store();
    let test = format!("Test-XmppIM atl-cs-001.litwareinc.com {GOOD},x@silent.contoso.com -Deadline 2s");
    run(&file, &test);
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    let both = format!("Test-Registration atl-cs-001.litwareinc.com; {test} -Resume {id}");
    let gone_on = run(&file, &both);
    let words = format!("can be gone on with: -Resume {id}");
    assert_eq!(warned(&gone_on, &words), 1, "{}", said(&gone_on));
    assert_eq!(warned(&gone_on, "-Resume "), 1, "{}", said(&gone_on));
}

#[test]
fn what_a_run_that_is_gone_on_with_does_not_run_counts_once_however_often_it_was_not_run() {
    let (_directory, file) = store();
    let pool = "atl-cs-001.litwareinc.com";
    run(&file, &format!("Test-XmppIM {pool} {GOOD}"));
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    // As a run that was interrupted before the others.
    let silent = "x@silent.contoso.com, y@silent.contoso.com, y@silent.contoso.com";
    let rest = format!("-Deadline 1s -Resume {id}");
    for _ in 0..2 {
        let all = format!("Test-XmppIM {pool} {GOOD}, {silent} {rest}");
        let gone_on = run(&file, &format!("{all}; Test-XmppIM {pool} {silent} {rest}"));
        assert_eq!(gone_on.status.code(), Some(4), "{}", said(&gone_on));
        let runs = records(&run(&file, "Get-TestRun"));
        for (property, value) in [("Tests", 4), ("Successes", 1), ("Failures", 0), ("NotRun", 3)] {
            assert_eq!(runs[0][property], value, "{property}: {runs:?}");
        }
    }
}

#[test]
fn logons_and_looks_are_gone_on_with_too_and_a_test_as_another_user_is_another_test() {
    let (_directory, file) = store();
    let tests = "Test-Registration atl-cs-001.litwareinc.com, dub-cs-001.fabrikam.com {r}; \
                 Test-FederatedPartner contoso.com, expired.contoso.com {r}; \
                 Test-XmppPing atl-cs-001.litwareinc.com contoso.com, expired.contoso.com {r}; \
                 Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -UserSipAddress kenmyer@litwareinc.com {r}";
    run(&file, &tests.replace("{r}", ""));
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    let resume = format!("-Resume {id}");
    let other = "; Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -UserSipAddress pilar@litwareinc.com {r}";
    let resumed = run(&file, &[tests, other].concat().replace("{r}", &resume));
    assert_eq!(warned(&resumed, "2 of 2 tests were finished"), 3, "{}", said(&resumed));
    assert_eq!(warned(&resumed, "1 of 1 tests were finished"), 1, "{}", said(&resumed));
    assert_eq!(warned(&resumed, "0 of 1 tests were finished"), 1, "{}", said(&resumed));
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Tests"), ["8"]);
}

#[test]
fn the_checks_of_a_topology_are_gone_on_with_and_what_was_cut_off_is_made_again_and_counts_once() {
    let (_directory, file) = store();
    let good = "atl-cs-001.litwareinc.com";
    let checks =
        format!("Test-Topology {good}, expired.litwareinc.com -Partner contoso.com, refused.contoso.com");
    let whole = records(&run(&file, &checks));
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    let resumed = run(&file, &format!("{checks} -Resume {id}"));
    assert_eq!(warned(&resumed, "4 of 4 tests were finished"), 1, "{}", said(&resumed));
    let sorted = |records: &[Value]| {
        let mut told: Vec<String> = records.iter().map(ToString::to_string).collect();
        told.sort();
        told
    };
    assert_eq!(sorted(&records(&resumed)), sorted(&whole));
    let tests = whole.len().to_string();
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Tests"), std::slice::from_ref(&tests));

    // As a run that was ended before one of the pool's two logons.
    let cut = "DELETE FROM result WHERE id = (SELECT result.id FROM result JOIN pair ON pair.id = result.pair \
               WHERE receiver LIKE '%pilar%')";
    assert_eq!(rusqlite::Connection::open(&file).unwrap().execute(cut, []).unwrap(), 1);
    let resumed = run(&file, &format!("{checks} -Resume {id}"));
    assert_eq!(warned(&resumed, "3 of 4 tests were finished"), 1, "{}", said(&resumed));
    assert_eq!(values(&records(&resumed), "Result").len(), whole.len());
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Tests"), [tests]);
}

#[test]
fn a_run_that_is_not_there_or_somebody_elses_is_not_gone_on_with() {
    let (_directory, file) = store();
    run(&file, TEST);
    let id = values(&records(&run(&file, "Get-TestRun")), "Identity").concat();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute("UPDATE run SET principal = 'principal:kim'", [])
        .unwrap();
    for run_id in [id.as_str(), "01a22a97-39cf-718a-848b-c4d313496f70", "last"] {
        let refused = run(&file, &format!("{TEST} -Resume {run_id}"));
        let words = format!("You have no run '{run_id}'.");
        assert!(said(&refused).contains(&words) && records(&refused).is_empty(), "{}", said(&refused));
        assert_eq!(refused.status.code(), Some(4));
    }
    let mut command = support::imsh();
    command.args(["--lab", "-c", &format!("{TEST} -Resume {id}")]).stdin(Stdio::null());
    assert!(said(&command.output().unwrap()).contains("No results are kept here."));
}

/// A disk of its own for the store, which fills up or may no longer be written; and what is said then.
#[test]
fn a_full_disk_or_one_that_is_read_only_is_one_warning() {
    let Some(unshare) =
        support::namespace("--mount", "mount -t tmpfs none /tmp; mount -o remount,bind,ro /tmp")
    else {
        return;
    };
    for (spoil, says) in [
        ("cat /dev/zero > disk/filler 2>/dev/null || true", "is full"),
        ("mount -o remount,bind,ro disk", "read-only"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let script = r#"
            set -e
            mkdir disk; mount -t tmpfs -o size=512k none disk
            imsh() { "$IMSH" --lab -o jsonl --store disk/results.sqlite -c "$1"; }
            imsh "$TEST" >/dev/null || true
            eval "$SPOIL"
            status=0; imsh "$TEST" >told 2>said || status=$?
            echo "status $status"; wc -l <told; cat said
            rm -f disk/filler; mount -o remount,bind,rw disk
            imsh 'Get-TestResult' | wc -l
        "#;
        let ended = support::bare("unshare")
            .args(&unshare)
            .args(["sh", "-c", script])
            .current_dir(home.path())
            .env("IMSH", support::IMSH)
            .env("HOME", home.path())
            .env("TEST", TEST)
            .env("SPOIL", spoil)
            .output()
            .unwrap();
        let told = said(&ended);
        assert!(ended.status.success(), "{told}");
        assert!(told.starts_with("status 1\n2\n"), "the tests are as without a store: {told}");
        assert_eq!(
            (told.matches("Results are not kept").count(), told.matches(says).count()),
            (1, 1),
            "{told}"
        );
        let kept = told.trim().rsplit('\n').next().and_then(|n| n.parse().ok());
        assert!(kept.is_some_and(|n: i32| (2..=4).contains(&n)), "what was kept is there: {told}");
    }
}

/// The clock is set back by a day between two runs: nothing is lost, and what is seen now counts; else states would
/// stand still for a day.
#[test]
fn a_clock_that_was_set_back_loses_nothing() {
    let (_directory, file) = store();
    run(&file, TEST);
    let ahead = 86_400_000_000_i64;
    let moved = rusqlite::Connection::open(&file).unwrap();
    moved
        .execute_batch(&format!(
            "UPDATE result SET started_at = started_at + {ahead}, recorded_at = recorded_at + {ahead};
             UPDATE run SET started_at = started_at + {ahead}, ended_at = ended_at + {ahead};
             UPDATE site_state SET since = since + {ahead}, last_started_at = last_started_at + {ahead},
             last_at = last_at + {ahead}; UPDATE pair SET since = since + {ahead}"
        ))
        .unwrap();
    let tested = run(&file, TEST);
    assert_eq!((tested.status.code(), records(&tested).len()), (Some(1), 2), "{}", said(&tested));
    assert_eq!(warned(&tested, "WARNING"), 0, "{}", said(&tested));
    assert_eq!(records(&run(&file, "Get-TestResult")).len(), 4);
    assert_eq!(values(&records(&run(&file, "Get-TestRun")), "Tests"), ["2", "2"]);
    let states = records(&run(&file, "Get-TestState"));
    assert_eq!(values(&states, "State"), ["Up", "Down"]);
    assert_eq!(values(&states, "Recent"), ["SS", "FF"]);
}

#[test]
fn a_success_that_was_taken_back_is_a_failure_in_the_store_and_for_a_run_that_goes_on() {
    let (_directory, file) = store();
    let late = "late-2s@northwindtraders.com";
    let others = "offline@northwindtraders.com,delayed@northwindtraders.com,wrong-nonce@northwindtraders.com";
    let test = format!("Test-XmppIM atl-cs-001.litwareinc.com {late},{others} -ThrottleLimit 1");
    let tested = run(&file, &test);
    assert_eq!(tested.status.code(), Some(1), "{}", said(&tested));
    let states = records(&run(&file, &format!("Get-TestState -Receiver {late}")));
    assert_eq!(values(&states, "State"), ["Down"], "{states:#?}");
    assert_eq!(values(&states, "Code"), ["RECEIVER-UNAVAILABLE"]);
    let kept = records(&run(&file, &format!("Get-TestResult -Receiver {late}")));
    assert_eq!(values(&kept, "Result"), ["Failure", "Success"], "both are kept, the newest first: {kept:#?}");
    let run_of_it = records(&run(&file, "Get-TestRun")).remove(0);
    let counts = ["Tests", "Successes", "Failures"].map(|name| run_of_it[name].as_i64().unwrap());
    let failed = records(&tested).iter().filter(|record| record["Result"] == "Failure").count() as i64;
    assert_eq!(counts, [4, 4 - failed, failed], "four tests, however often one is told of: {run_of_it:#?}");
    let trend = records(&run(&file, &format!("Get-TestTrend -ByPair -Receiver {late}"))).remove(0);
    assert_eq!([&trend["Tests"], &trend["Successes"]].map(|n| n.as_i64().unwrap()), [1, 0], "{trend:#?}");
    let id = run_of_it["Identity"].as_str().unwrap();
    let gone_on = records(&run(&file, &format!("{test} -Resume {id}")));
    let again: Vec<&Value> = gone_on.iter().filter(|record| record["Receiver"] == late).collect();
    let [again] = again[..] else { panic!("{gone_on:#?}") };
    assert_eq!(again["Code"], "RECEIVER-UNAVAILABLE");
}

#[test]
fn what_was_inferred_and_confirmed_at_the_end_is_a_failure_in_every_view() {
    let (_directory, file) = store();
    let list = "let r = []; for n in 0..10 { r.push(`u${n}@refused.contoso.com`); }";
    let tested = |more: &str| {
        run(&file, &format!("{list} Test-XmppIM atl-cs-001.litwareinc.com $r -ThrottleLimit 1 {more}"))
    };
    // The pool takes what it cannot deliver: a success for whoever asks for no more, and looks away soon enough.
    let before = records(&tested("-MinimumEvidence Sent"));
    assert!(values(&before, "Result").contains(&"Success".to_owned()), "{before:#?}");
    let failed = tested("");
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    let inferred = records(&failed).iter().filter(|record| record["Inferred"] == true).count();
    assert!((1..10).contains(&inferred), "{inferred}");
    let states = records(&run(&file, "Get-TestState"));
    assert_eq!(values(&states, "State"), ["Down"; 10], "{states:#?}");
    let run_of_it = records(&run(&file, "Get-TestRun")).remove(0);
    let counted = |name: &str| run_of_it[name].as_i64().unwrap();
    assert_eq!([counted("Tests"), counted("Failures"), counted("NotRun")], [10, 10, 0], "{run_of_it:#?}");
    let id = run_of_it["Identity"].as_str().unwrap();
    let failures = records(&run(&file, &format!("Get-TestResult -Run {id} -Result Failure")));
    assert_eq!(failures.len(), 10);
    let gone_on = run(&file, &format!("{list} Test-XmppIM atl-cs-001.litwareinc.com $r -Resume {id}"));
    assert!(said(&gone_on).contains("10 of 10 tests were finished"), "{}", said(&gone_on));
}

/// A pool whose port is closed, beside two others: three results without a network.
fn closed_pools(directory: &Path) -> std::path::PathBuf {
    let pool = |name: &str| {
        format!(
            "[[pool]]\nidentity = \"{name}.litwareinc.com\"\nservers = [\"127.0.0.1:1\"]\n\
             domains = [\"litwareinc.com\"]\ntest_users = [\"sip:{name}@litwareinc.com\"]\n"
        )
    };
    let topology = directory.join("topology.toml");
    std::fs::write(&topology, ["a", "b", "c"].map(pool).concat()).unwrap();
    topology
}

/// `strace`, where it may trace.
fn strace() -> Option<&'static str> {
    let tried = support::bare("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).output();
    let is_usable = tried.is_ok_and(|output| output.status.success());
    if !is_usable {
        support::skip("strace is needed, and leave to trace (apt install strace)");
    }
    is_usable.then_some("strace")
}

/// Every write to the files of the store is the last one of a run, which is killed before it: the store is whole
/// then, and takes the next run.
#[test]
fn a_run_that_is_killed_at_any_write_leaves_a_store_that_is_whole() {
    let Some(strace) = strace() else { return };
    let directory = tempfile::tempdir().unwrap();
    let topology = closed_pools(directory.path());
    // One call after the other: what comes together is stored together, and each run is to make the same writes.
    let one_by_one = ["a", "b", "c"].map(|pool| {
        format!(
            "Test-Registration {pool}.litwareinc.com -UserCredential (Get-Credential kenmyer@litwareinc.com \
             -FromEnvironment SECRET);"
        )
    });
    let run = |file: &Path, killed_at: Option<usize>| {
        let home = directory.path();
        let mut command = match killed_at {
            None => support::imsh_at(home),
            Some(n) => {
                let mut command = support::bare(strace);
                command.env("HOME", home).args(["-f", "-qq", "-o", "/dev/null"]);
                command.args([
                    "-e",
                    &format!("inject=write,pwrite64,ftruncate,fsync,fdatasync:signal=KILL:when={n}"),
                ]);
                for end in ["", "-wal"] {
                    command.arg("-P").arg(format!("{}{end}", file.display()));
                }
                command.arg(support::IMSH);
                command
            }
        };
        command.arg("--topology").arg(&topology).arg("--store").arg(file).env("SECRET", "swordfish");
        command.args(["-o", "jsonl", "-c", &one_by_one.concat()]).stdin(Stdio::null()).output().unwrap()
    };
    // A store that a run has used, whose log is not empty.
    let used = directory.path().join("used");
    assert_eq!(records(&run(&used.join("results.sqlite"), None)).len(), 3);
    let copy = |from: &Path, to: &Path| {
        std::fs::create_dir(to).unwrap();
        for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    let (mut n_writes, mut n_kept) = (0, std::collections::BTreeSet::new());
    for is_new in [true, false] {
        for killed_at in 1.. {
            assert!(killed_at < 1000, "the run is never done");
            let file = directory.path().join(format!("{is_new}-{killed_at}/results.sqlite"));
            if !is_new {
                copy(&used, file.parent().unwrap());
            }
            let before = if is_new { 0 } else { 3 };
            let killed = run(&file, Some(killed_at));
            if killed.status.code() == Some(1) {
                break;
            }
            assert_eq!(killed.status.code(), None, "write {killed_at}: {}", said(&killed));
            n_writes += 1;
            let kept = whole(&file) - before;
            assert!(kept >= records(&killed).len() && kept <= 3, "write {killed_at}: {kept} are kept");
            n_kept.insert(kept);
            let next = run(&file, None);
            assert_eq!((next.status.code(), records(&next).len()), (Some(1), 3), "{}", said(&next));
            assert_eq!(warned(&next, "WARNING"), 0, "write {killed_at}: {}", said(&next));
            assert_eq!(whole(&file), before + kept + 3, "write {killed_at}");
        }
    }
    assert!(n_writes > 40 && n_kept.iter().eq(&[0, 1, 2, 3]), "{n_writes}: {n_kept:?}");
}

/// How many results the store holds, when SQLite and our own sums find nothing wrong with it.
fn whole(file: &Path) -> usize {
    if !file.exists() {
        return 0;
    }
    let connection = rusqlite::Connection::open(file).unwrap();
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    let is_made = text("SELECT count(*) || '' FROM sqlite_master WHERE name = 'result'") == "1";
    if !is_made {
        return 0;
    }
    let n = |sql: &str| {
        let n = connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        usize::try_from(n).unwrap()
    };
    let n_results = n("SELECT count(*) FROM result");
    assert_eq!(n("SELECT coalesce(sum(tests), 0) FROM rollup WHERE span = 'hour'"), n_results);
    assert_eq!(n("SELECT coalesce(sum(tests), 0) FROM rollup WHERE span = 'day'"), n_results);
    assert_eq!(n("SELECT count(DISTINCT pair) FROM result"), n("SELECT count(*) FROM site_state"));
    assert_eq!(n("SELECT count(*) FROM result WHERE run NOT IN (SELECT id FROM run)"), 0);
    n_results
}

/// The header of the file is as it should be, and pages behind it are not: all of them, or those of one table.
#[test]
fn a_store_that_is_damaged_inside_is_one_warning() {
    use std::os::unix::fs::FileExt;
    for table in [None, Some("result"), Some("rollup"), Some("site_state")] {
        let (_directory, file) = store();
        run(&file, TEST);
        let pages = {
            let connection = rusqlite::Connection::open(&file).unwrap();
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            let n = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            match table {
                None => 2..n("PRAGMA page_count") + 1,
                Some(table) => {
                    let first = n(&format!("SELECT rootpage FROM sqlite_master WHERE name = '{table}'"));
                    first..first + 1
                }
            }
        };
        let damaged = std::fs::File::options().write(true).open(&file).unwrap();
        for page in pages {
            damaged.write_all_at(&[0xa5; 4096], (page as u64 - 1) * 4096).unwrap();
        }
        let tested = run(&file, TEST);
        let told = said(&tested);
        assert_eq!((tested.status.code(), records(&tested).len()), (Some(1), 2), "{table:?}: {told}");
        assert_eq!(told.matches("Results are not kept").count(), 1, "{table:?}: {told}");
        assert_eq!(told.matches("is damaged").count(), 1, "{table:?}: {told}");
        let asked = run(
            &file,
            if table == Some("rollup") { "Get-TestTrend" } else { "Get-TestResult; Get-TestState" },
        );
        assert_eq!(asked.status.code(), Some(2), "{table:?}: {}", said(&asked));
        assert!(said(&asked).contains("is damaged"), "{table:?}: {}", said(&asked));
    }
}

/// Another process takes the store's lock in the middle of a batch: the tests are as without a store, and where the
/// lock is free again before the end, nothing is lost.
#[test]
fn a_store_that_is_locked_in_the_middle_of_a_batch_is_one_warning() {
    use std::io::{BufRead, BufReader};
    for (n, is_released) in [(300, false), (2500, true)] {
        let (directory, file) = store();
        let mut command = support::imsh();
        command.env("TMPDIR", directory.path());
        let list = format!("let all = []; all.pad({n}, \"{GOOD}\");");
        command.args(["--lab", "--output", "jsonl", "--store"]).arg(&file);
        command.args(["-c", &format!("{list} Test-XmppIM atl-cs-001.litwareinc.com $all -ThrottleLimit 1")]);
        let mut program =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.by_ref().take(20).count(), 20);
        let holder = rusqlite::Connection::open(&file).unwrap();
        holder.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
        holder.execute_batch("BEGIN IMMEDIATE").unwrap();
        // What is printed is read meanwhile.
        let counting =
            std::thread::spawn(move || lines.filter(|line| line.contains("\"Result\":\"Success\"")).count());
        let mut told = BufReader::new(program.stderr.take().unwrap()).lines().map(Result::unwrap);
        let is_locked = |line: &String| {
            line.contains("Results are not kept for now") && line.contains("is locked by another process")
        };
        assert!(told.any(|line| is_locked(&line)), "it is told while the lock is held");
        if is_released {
            holder.execute_batch("ROLLBACK").unwrap();
        }
        let n_well = counting.join().unwrap();
        assert_eq!((n_well, program.wait().unwrap().code()), (n - 20, Some(0)));
        let told: Vec<String> = told.collect();
        assert!(!told.iter().any(|line| line.contains("Results are not kept")), "it is told once: {told:?}");
        drop(holder);
        let n_kept = whole(&file);
        let says = format!("The store was busy until the end; results that were not kept: {}.", n - n_kept);
        assert_eq!(
            told.iter().filter(|line| line.contains(&says)).count(),
            usize::from(n_kept < n),
            "{told:?}"
        );
        assert!(n_kept >= 20 && (n_kept == n || !is_released), "{n_kept} of {n}");
    }
}
