//! What monitoring systems and build servers are told of a run on the practice network: every kind of
//! test, and never that all is well where something could not run.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use support::imsh;

/// A success that is slower than any threshold of a millisecond.
const SLOW: &str = "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -WarningLatency 1ms";

/// What a run printed, and its exit status.
fn run(format: &str, arguments: &[&str]) -> (String, i32) {
    let output = imsh().args(["--output", format]).args(arguments).stdin(Stdio::null()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

fn practise(format: &str, code: &str) -> (String, i32) {
    run(format, &["--lab", "-c", code])
}

const GOOD: &str = "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com";
const BAD: &str = "Test-XmppIM refused.litwareinc.com adelany@contoso.com";
const NOT_RUN: &str = "Test-XmppIM no-test-users.litwareinc.com adelany@contoso.com";

#[test]
fn a_plugin_says_what_it_found_and_ends_with_the_status_that_means_it() {
    let hidden = format!("let r = {BAD}");
    let hushed = format!("{NOT_RUN} -ErrorAction SilentlyContinue; {GOOD}");
    for (code, line, status) in [
        (GOOD, "XMPPIM OK - atl-cs-001.litwareinc.com to adelany@contoso.com: Exchanged | tests=1", 0),
        (BAD, "XMPPIM CRITICAL - refused.litwareinc.com to adelany@contoso.com: CONNECT-REFUSED: ", 2),
        (NOT_RUN, "XMPPIM UNKNOWN - NotFoundTestUsers: There is no test user assigned for", 3),
        (&format!("{GOOD}; {NOT_RUN}"), "XMPPIM UNKNOWN - NotFoundTestUsers: ", 3),
        (&format!("{NOT_RUN}; {BAD}"), "XMPPIM CRITICAL - refused.litwareinc.com to ", 2),
        (&hidden, "XMPPIM CRITICAL - 1 of 1 tests failed | tests=1 failures=1;;0", 2),
        (&hushed, "XMPPIM UNKNOWN - 1 times something could not run | tests=1", 3),
        (&format!("{GOOD} | Select Result"), "XMPPIM OK - a pool to a receiver | tests=1", 0),
        (&format!("{BAD} | Select Result"), "XMPPIM CRITICAL - a pool to a receiver | tests=1", 2),
        ("1", "XMPPIM UNKNOWN - no test ran | tests=0", 3),
        (
            SLOW,
            "XMPPIM WARNING - atl-cs-001.litwareinc.com to adelany@contoso.com: LATENCY-WARNING: A test of \
             atl-cs-001.litwareinc.com took longer than -WarningLatency, 00:00:00.0010000. | tests=1",
            1,
        ),
        (&format!("{SLOW} -Force"), "XMPPIM WARNING - ", 1),
        (&format!("{GOOD} -WarningLatency 10m -CriticalLatency 10m"), "XMPPIM OK - ", 0),
        (&format!("{GOOD} -CriticalLatency 1ms"), "XMPPIM CRITICAL - ", 2),
        (&format!("$r = {SLOW}"), "XMPPIM WARNING - 1 of 1 tests have warnings | tests=1", 1),
        (&format!("{SLOW}; {NOT_RUN}"), "XMPPIM UNKNOWN - ", 3),
        (&format!("{SLOW}; {BAD}"), "XMPPIM CRITICAL - 1 of 2 tests failed", 2),
        (
            &format!("{GOOD} -WarningLatency 2s -CriticalLatency 1s"),
            "XMPPIM UNKNOWN - ThresholdsCrossed: ",
            3,
        ),
        (
            "Test-Registration atl-cs-001.litwareinc.com -WarningLatency 1ms",
            "XMPPIM WARNING - atl-cs-001.litwareinc.com as sip:kenmyer@litwareinc.com: LATENCY-WARNING: ",
            1,
        ),
        (
            "Test-XmppPing atl-cs-001.litwareinc.com contoso.com -WarningLatency 1ms",
            "XMPPIM WARNING - atl-cs-001.litwareinc.com to contoso.com: LATENCY-WARNING: ",
            1,
        ),
        (
            "Test-FederatedPartner contoso.com -CriticalLatency 1ms",
            "XMPPIM CRITICAL - partner contoso.com: LATENCY-CRITICAL: ",
            2,
        ),
        (
            "Test-XmppIM expiring.litwareinc.com adelany@contoso.com",
            "XMPPIM WARNING - expiring.litwareinc.com to adelany@contoso.com: CERTIFICATE-ENDS: The certificate of",
            1,
        ),
        (
            "Set-Pool expiring.litwareinc.com -CertificateWarningDays 2 -Confirm:$false; \
             Test-XmppIM expiring.litwareinc.com adelany@contoso.com",
            "XMPPIM OK - expiring.litwareinc.com to ",
            0,
        ),
        ("Test-AuditLog", "XMPPIM OK - audit log | tests=1", 0),
        ("Get-Pol", "XMPPIM UNKNOWN - Mistake: there is no cmdlet 'Get-Pol'", 3),
        ("throw \"no\"", "XMPPIM UNKNOWN - Thrown: no", 3),
        ("exit(5)", "XMPPIM UNKNOWN - no test ran", 5),
        (
            "Test-Registration atl-cs-001.litwareinc.com",
            "XMPPIM OK - atl-cs-001.litwareinc.com as sip:kenmyer@",
            0,
        ),
        (
            "Test-FederatedPartner expired.contoso.com",
            "XMPPIM CRITICAL - partner expired.contoso.com: FEDER",
            2,
        ),
        ("Test-Topology expired.litwareinc.com", "XMPPIM CRITICAL - 1 of 3 tests failed", 2),
    ] {
        let (text, ended) = practise("nagios", code);
        assert!(text.starts_with(line), "{code}: {text}");
        assert_eq!(ended, status, "{code}: {text}");
    }
    let (text, ended) = run("nagios", &["run", "/nonexistent.rhai"]);
    assert!(text.starts_with("XMPPIM UNKNOWN - NotStarted: /nonexistent.rhai: No such file"), "{text}");
    assert_eq!(ended, 3);
}

#[test]
fn a_plugin_ends_with_the_status_that_its_text_says_of_kept_results_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("results.sqlite");
    let told = |code: &str| run("nagios", &["--lab", "--store", file.to_str().unwrap(), "-c", code]);
    let (text, status) = told("Get-TestResult");
    assert!(text.starts_with("XMPPIM UNKNOWN - no test ran") && status == 3, "{status} {text}");
    told(GOOD);
    let (text, status) = told("Get-TestResult");
    assert!(text.starts_with("XMPPIM OK - ") && status == 0, "{status} {text}");
    told(SLOW);
    let (text, status) = told("Get-TestResult");
    assert!(
        text.starts_with("XMPPIM WARNING - 1 of 2 tests have warnings") && status == 1,
        "{status} {text}"
    );
    let (text, status) = told(&format!("Get-TestResult; {NOT_RUN}"));
    assert!(text.starts_with("XMPPIM UNKNOWN - ") && status == 3, "{status} {text}");
    told(BAD);
    let (text, status) = told(&format!("Get-TestResult; {GOOD}"));
    assert!(text.starts_with("XMPPIM CRITICAL - 1 of 4 tests failed") && status == 2, "{status} {text}");
}

#[test]
fn a_build_server_sees_every_kind_of_test_and_what_could_not_run() {
    for (code, head, part) in [
        (
            GOOD,
            r#"tests="1" skipped="0" failures="0" errors="0""#,
            r#"<testcase name="adelany@contoso.com" "#,
        ),
        (
            &format!("{GOOD} | Select Result"),
            r#"<testsuite name="imsh" tests="1""#,
            r#"<testcase name="a pool to a receiver" classname="imsh"/>"#,
        ),
        (NOT_RUN, r#"tests="1" skipped="0" failures="0" errors="1""#, r#"type="NotFoundTestUsers""#),
        ("let x = ;", r#"tests="1" skipped="0" failures="0" errors="1""#, r#"type="Mistake""#),
        (
            "Test-Registration wrong-password.litwareinc.com",
            r#"tests="1" skipped="0" failures="1" errors="0""#,
            r#"type="SASL-REJECTED""#,
        ),
        (
            "Test-FederatedPartner expired.contoso.com",
            r#"tests="1" skipped="0" failures="1" errors="0""#,
            r#"<testcase name="expired.contoso.com" "#,
        ),
        (
            "Test-Topology expired.litwareinc.com",
            r#"tests="3" skipped="0" failures="1" errors="0""#,
            r#"<testcase name="Secure of expired.litwareinc.com" "#,
        ),
        ("1", r#"tests="1" skipped="0" failures="0" errors="1""#, r#"type="NoTestRan""#),
        (
            &format!("$r = {GOOD}"),
            r#"tests="1" skipped="0" failures="0" errors="0""#,
            "1 tests whose results the program did not show",
        ),
        (SLOW, r#"tests="1" skipped="0" failures="0" errors="0""#, "WARNING: LATENCY-WARNING: A test of"),
        (
            &format!("let r = {BAD}; print(r.Code)"),
            r#"tests="1" skipped="0" failures="0" errors="1""#,
            "1 tests failed whose results the program did not show",
        ),
    ] {
        let (text, _) = practise("junit", code);
        assert!(text.contains(head), "{code}: {text}");
        assert!(text.contains(part), "{code}: {text}");
    }
    let partners = ["--lab", "run", "scripts/partner-sweep.rhai", "contoso.com", "expired.contoso.com"];
    let (text, status) = run("junit", &partners);
    assert!(text.contains("2 tests failed"), "{text}");
    assert_eq!(status, 1);
}

#[test]
fn a_success_that_is_taken_back_is_one_test_that_failed() {
    let late = "late-2s@northwindtraders.com";
    let others = "offline@northwindtraders.com,delayed@northwindtraders.com,wrong-nonce@northwindtraders.com";
    let test = format!("Test-XmppIM atl-cs-001.litwareinc.com {late},{others} -ThrottleLimit 1");
    let (nagios, status) = practise("nagios", &test);
    assert!(nagios.contains(" of 4 tests failed | tests=4 "), "{nagios}");
    assert!(!nagios.contains(&format!("{late}'=")), "no latency of a test that failed: {nagios}");
    assert_eq!(status, 2);
    let (junit, _) = practise("junit", &test);
    assert!(junit.contains("tests=\"4\""), "{junit}");
    assert_eq!(junit.matches(&format!("<testcase name=\"{late}")).count(), 1, "{junit}");
    let (prometheus, _) = practise("prometheus", &test);
    assert!(prometheus.contains("\nimsh_run_tests 4\n"), "{prometheus}");
}

#[test]
fn of_an_interrupted_test_nothing_is_known_and_it_is_told_once() {
    let code = "Test-XmppIM silent.litwareinc.com adelany@contoso.com -Timeout 600 -Verbose";
    for (format, head, status) in [
        ("nagios", "XMPPIM UNKNOWN - silent.litwareinc.com to adelany@contoso.com: CANCELLED: ", 3),
        ("junit", r#"tests="1" skipped="0" failures="0" errors="1""#, 130),
        ("prometheus", "imsh_run_failed_tests 0\n", 130),
    ] {
        let mut child = imsh()
            .args(["--lab", "-o", format, "-c", code])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(told.any(|line| line.contains("'Secure' started")));
        let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
        told.for_each(drop);
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains(head) && !text.contains("more") && !text.contains("NotShown"), "{text}");
        assert_eq!(child.wait().unwrap().code(), Some(status), "{text}");
    }
}

#[test]
fn prometheus_has_a_family_for_each_kind_of_test_and_for_the_run() {
    let code = format!(
        "{GOOD}; {NOT_RUN}; Test-Registration wrong-password.litwareinc.com; \
         Test-FederatedPartner contoso.com; Test-Topology -Partner expired.contoso.com"
    );
    let (text, _) = practise("prometheus", &code);
    for line in [
        "imsh_test_success{pool=\"atl-cs-001.litwareinc.com\",receiver=\"adelany@contoso.com\",\
         sender=\"kenmyer@litwareinc.com\"} 1",
        "imsh_registration_success{pool=\"wrong-password.litwareinc.com\",\
         user=\"sip:kenmyer@wrong-password.litwareinc.com\"} 0",
        "imsh_partner_success{domain=\"contoso.com\",pool=\"atl-cs-001.litwareinc.com\"} 1",
        "imsh_check_success{check=\"Partner\",target=\"expired.contoso.com\",pool=\"\"} 0",
        "imsh_error{id=\"NotFoundTestUsers\",target=\"no-test-users.litwareinc.com\"} 1",
        "imsh_run_tests 4",
        "imsh_run_failed_tests 2",
        "imsh_run_errors 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn a_full_disk_is_no_success() {
    for format in ["junit", "json", "list"] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = imsh()
            .args(["--lab", "-o", format, "-c", GOOD])
            .stdin(Stdio::null())
            .stdout(full)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("Standard output could not be written: No space left"), "{said}");
        assert_eq!(output.status.code(), Some(4), "{format}");
    }
}

/// What is wrong beside a success is in the result itself, whatever shows it.
#[test]
fn a_result_carries_its_warnings() {
    let told = |code: &str| {
        let (text, status) = practise("jsonl", code);
        (serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).unwrap(), status)
    };
    let (slow, status) = told(SLOW);
    assert_eq!(status, 0, "a success is a success");
    assert_eq!((&slow["Result"], &slow["IsSuccess"]), (&"Success".into(), &true.into()));
    assert_eq!(slow["Warnings"][0]["Code"], "LATENCY-WARNING");
    assert_eq!(slow["Warnings"][0]["Severity"], "Warning");
    assert_eq!(slow["Warnings"].as_array().unwrap().len(), 1);
    let (expiring, _) = told("Test-XmppIM expiring.litwareinc.com adelany@contoso.com");
    assert_eq!(expiring["Warnings"][0]["Code"], "CERTIFICATE-ENDS");
    let ends: jiff::Timestamp = expiring["CertificateExpiresAt"].as_str().unwrap().parse().unwrap();
    let began: jiff::Timestamp = expiring["StartedAt"].as_str().unwrap().parse().unwrap();
    let left = ends.duration_since(began).as_secs_f64() / 86_400.0;
    let days = expiring["CertificateDaysLeft"].as_f64().unwrap();
    assert!((-0.1..1.1).contains(&(left - days)), "the same end, as days and as a time: {days}, {left}");
    assert_eq!(told(GOOD).0["Warnings"], serde_json::json!([]));
    let (bad, _) = told(BAD);
    assert_eq!((&bad["IsSuccess"], &bad["Warnings"]), (&false.into(), &serde_json::json!([])));
    assert!(bad["Remedy"].as_str().unwrap().ends_with('.'), "{bad}");
}

/// Debian's package `prometheus` has it.
#[test]
fn promtool_has_nothing_to_say() {
    if Command::new("promtool").arg("--version").output().is_err() {
        support::skip("there is no promtool (Debian's package prometheus)");
        return;
    }
    let code = format!(
        "{GOOD}; {NOT_RUN}; {SLOW}; {BAD}; Test-Registration wrong-password.litwareinc.com; \
         Test-FederatedPartner contoso.com; Test-Topology expired.litwareinc.com -Partner expired.contoso.com; \
         Test-AuditLog"
    );
    let (text, _) = practise("prometheus", &code);
    assert!(text.contains("imsh_test_certificate_expiry_timestamp_seconds{pool="), "{text}");
    let mut checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checked.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = checked.wait_with_output().unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "", "{text}");
    assert!(checked.status.success());
}

/// Prometheus' textfile collector would read half a file.
#[test]
fn an_output_file_is_replaced_as_a_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("imsh.prom");
    let named = file.to_str().unwrap();
    let (printed, status) = run("prometheus", &["--lab", "--output-file", named, "-c", GOOD]);
    let first = fs::read_to_string(&file).unwrap();
    assert_eq!((printed.as_str(), status), ("", 0));
    assert!(first.contains("imsh_run_tests 1"), "{first}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");

    // Until its end a run leaves what stands there.
    let slow = "Test-XmppIM silent.litwareinc.com adelany@contoso.com -Timeout 600 -Verbose";
    let mut child = imsh()
        .args(["--lab", "-o", "jsonl", "--output-file", named, "-c", &format!("{GOOD}; {slow}")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("'Secure' started")));
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    told.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let second = fs::read_to_string(&file).unwrap();
    assert!(second.contains("CANCELLED") && second.lines().count() == 2, "{second}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);

    let missing = directory.path().join("none").join("imsh.prom");
    let (printed, status) = run("jsonl", &["--lab", "--output-file", missing.to_str().unwrap(), "-c", GOOD]);
    assert_eq!((printed.as_str(), status), ("", 2), "nothing is tested whose result has nowhere to go");
    let (_, status) = run("jsonl", &["--output-file", named, "lint", "scripts/daily-verification.rhai"]);
    assert_eq!(status, 2, "what is no run has no output file");
    assert_eq!(fs::read_to_string(&file).unwrap(), second);
    let (_, status) = run("jsonl", &["--lab", "--output-file", "/dev/full", "-c", GOOD]);
    assert_eq!(status, 4, "a device is written directly, and a full one is no success");
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(&fs::metadata("/dev/full").unwrap().file_type()));
}
