//! The command line, as a user and as cron see it: what is printed where, and the exit status.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

fn imsh() -> Command {
    let mut command = support::imsh();
    command.stdin(Stdio::null());
    command
}

/// Runs code on the practice network.
fn practise(code: &str) -> Output {
    imsh().args(["--lab", "-c", code]).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn code_may_begin_with_a_dash() {
    let output = imsh().args(["--lab", "-c", "-not $true"]).output().unwrap();
    assert_eq!(stdout(&output).trim(), "False", "{output:?}");
}

#[test]
fn a_success_is_the_originals_five_lines_and_the_evidence() {
    let output =
        practise("Test-CsXmppIM -TargetFqdn \"atl-cs-001.litwareinc.com\" -Receiver \"adelany@contoso.com\"");
    let lines: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(lines[0], "Target Fqdn   : atl-cs-001.litwareinc.com");
    assert_eq!(lines[1], "Result        : Success");
    assert!(lines[2].starts_with("Latency       : 00:00:"), "{}", lines[2]);
    assert_eq!(lines[3].trim_end(), "Error Message :");
    assert_eq!(lines[4].trim_end(), "Diagnosis     :");
    assert_eq!(lines[5], "Evidence      : Exchanged");
}

#[test]
fn a_pool_outside_the_topology_fails_with_the_originals_warning_and_lines() {
    let pool = "atl-cs-001.nowhere.example";
    let warning = "WARNING: Failed to read Registrar port number for the given fully qualified domain name (FQDN). \
        Using default Registrar port number.";
    let test = format!("Test-CsXmppIM -TargetFqdn {pool} -Receiver adelany@contoso.com");
    for credential in ["Get-Credential kenmyer", "Get-Credential kenmyer@nowhere.example"] {
        let code = format!("{test} -UserCredential ({credential} -FromEnvironment A_PASSWORD)");
        let output = imsh().args(["--lab", "-c", &code]).env("A_PASSWORD", "practice").output().unwrap();
        let (text, told) = (stdout(&output), stderr(&output));
        assert_eq!(status(&output), 1, "{text}{told}");
        assert!(told.contains(warning), "{told}");
        let lines: Vec<&str> = text.trim_start().lines().collect();
        assert_eq!(lines[0], format!("Target Fqdn   : {pool}"));
        assert_eq!(lines[1..3], ["Result        : Failure", "Latency       : 00:00:00"]);
        assert!(
            lines[3].starts_with(&format!("Error Message : DNS does not know the name {pool}")),
            "{text}"
        );
        assert!(text.contains("\nDiagnosis     : DNS-NO-SUCH-NAME"), "{text}");
    }
    // Nobody is known who could log on: what is to be given is told.
    let output = practise(&test);
    let told = stderr(&output);
    assert_eq!((status(&output), stdout(&output).as_str()), (4, ""), "{told}");
    assert!(told.contains("name a sender: -UserSipAddress and -UserCredential."), "{told}");
}

#[test]
fn what_is_printed_stands_behind_what_was_emitted_before_it() {
    let output = practise(r#"Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com; print("done")"#);
    let text = stdout(&output);
    assert!(text.trim_start().starts_with("Target Fqdn"), "{text}");
    assert!(text.ends_with("\ndone\n"), "{text}");
    let output = practise("for n in 1..3 { print(n); Write-Output a | Group-Object | Format-Table Name }");
    assert_eq!(stdout(&output), "1\nName\n----\na\n2\nName\n----\na\n");
}

#[test]
fn the_exit_status_says_what_came_of_it() {
    let missing = "Test-XmppIM -TargetFqdn no-test-users.litwareinc.com -Receiver adelany@contoso.com";
    let failing = "Test-XmppIM -TargetFqdn refused.litwareinc.com -Receiver adelany@contoso.com";
    for (code, wanted) in [
        ("1", 0),
        (failing, 1),
        ("let x = ;", 2),
        ("Get-Pol", 2),
        ("Test-XmppIM -TargetFqdn a -Receiver 'no address'", 2),
        (missing, 4),
        ("exit(7)", 7),
        ("1..=3 | ForEach-Object { exit(7) }", 7),
        ("try { Get-Pool | Where-Object { exit(7) } } catch {}", 7),
        ("1..=3 | ForEach-Object -Parallel { exit(7) }", 7),
    ] {
        let output = practise(code);
        assert_eq!(status(&output), wanted, "{code}\n{}{}", stdout(&output), stderr(&output));
    }
    let both = practise(&format!("{failing}; {missing}"));
    assert_eq!(status(&both), 4);
}

#[test]
fn a_caught_error_does_not_count() {
    let output = practise(
        "try { Test-XmppIM -TargetFqdn a -Receiver 'no address' } catch (error) { print(error.Id) }",
    );
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "ParameterArgumentTransformationError\n");
}

#[test]
fn a_responder_without_a_password_says_where_one_can_come_from() {
    let responder =
        |more: &[&str]| imsh().args(["respond", "adelany@contoso.com"]).args(more).output().unwrap();
    for (more, says) in [
        (&[][..], "give --password-file, --password-variable, or the systemd credential imsh-password"),
        (&["--password-file", "/nonexistent"], "/nonexistent: No such file"),
        (&["--ca-file", "/nonexistent.pem"], "/nonexistent.pem: No such file"),
        (&["--topology", "/nonexistent.toml"], "no topology and no vault are used here"),
        (&["--password-variable", "NOT_THERE"], "the environment has no variable NOT_THERE"),
        (&["--lab"], "give an account of your server, without --lab"),
        (&["--password", "x"], "unexpected argument '--password'"),
        (&["--per-sender", "0"], "invalid value '0'"),
    ] {
        let output = responder(more);
        assert!(stderr(&output).contains(says), "{more:?}: {}", stderr(&output));
        assert_eq!(status(&output), 2, "{more:?}");
    }
}

#[test]
fn a_mistake_is_shown_with_its_line_and_a_caret() {
    let output = practise("let pools = Get-Pool;\nTset-XmppIM -TargetFqdn $pools");
    assert_eq!(
        stderr(&output),
        "error: there is no cmdlet 'Tset-XmppIM'; did you mean Test-XmppIM?\n \
         --> -c:2:1\n  \
         |\n\
         2 | Tset-XmppIM -TargetFqdn $pools\n  \
         | ^\n"
    );
}

#[test]
fn json_is_a_whole_document_and_jsonl_a_line_for_each_record() {
    let run = |format: &str| {
        let code = "Get-Pool | Select-Object -First 2 -Property Identity";
        stdout(&imsh().args(["--lab", "--output", format, "-c", code]).output().unwrap())
    };
    let document: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(document.as_array().unwrap().len(), 2);
    let lines: Vec<serde_json::Value> =
        run("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["Identity"], "atl-cs-001.litwareinc.com");
}

#[test]
fn get_credential_never_waits_without_a_terminal() {
    let output = practise("Get-Credential kenmyer");
    assert_eq!(status(&output), 4);
    assert!(stderr(&output).contains("NonInteractive"), "{}", stderr(&output));
}

#[test]
fn a_password_is_shown_in_no_way_of_printing() {
    let code = "let c = Get-Credential kenmyer -FromEnvironment IMSH_TEST_PASSWORD; print(c); print(`${c}`); \
                print(c.Password); c | ConvertTo-Json; c | Format-List; c | Get-Member; debug(c); \
                Test-XmppIM wrong-password.litwareinc.com adelany@contoso.com -UserSipAddress \
                kenmyer@wrong-password.litwareinc.com -UserCredential $c -Verbose | ConvertTo-Json; throw c";
    let secret = "correct horse battery staple";
    for format in ["list", "table", "json", "jsonl", "csv", "html"] {
        let output = imsh()
            .args(["--lab", "--verbose", "--output", format, "-c", code])
            .env("IMSH_TEST_PASSWORD", secret)
            .output()
            .unwrap();
        let all = stdout(&output) + &stderr(&output);
        assert!(all.contains("********"), "{all}");
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn a_vault_that_cannot_be_opened_is_named_with_what_mends_it_and_without_a_password() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let (topology, vault) = (home.path().join("topology.toml"), home.path().join("vault"));
    let pool = "[[pool]]\nidentity = \"im.a.example\"\ndomains = [\"a.example\"]\ntest_users = [\"kim@a.example\"]\n";
    std::fs::write(&topology, pool).unwrap();
    let run = |code: &str| {
        let mut command = imsh();
        command.arg("--topology").arg(&topology).args(["-c", code]).env("PASSWORD", "hunter2");
        command.output().unwrap()
    };
    let store = "Set-TestUserCredential kim@a.example (Get-Credential kim -FromEnvironment PASSWORD)";
    let stored = run(store);
    assert_eq!(status(&stored), 0, "{}", stderr(&stored));
    let key = std::fs::read_dir(&vault)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("AGE-SECRET-KEY")))
        .unwrap();
    let whole = std::fs::read_to_string(&key).unwrap();
    let secret_key = whole.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    let test = "Test-XmppIM im.a.example nobody@a.example";
    let refused = |says: &str| {
        for code in [test, "Get-TestUserCredential", store] {
            let output = run(code);
            let said = stdout(&output) + &stderr(&output);
            assert_eq!(status(&output), 4, "{code}: {said}");
            assert!(said.contains(says), "{code}: {said}");
            assert!(!said.contains("hunter2") && !said.contains(secret_key), "{code}: {said}");
        }
    };
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("chmod 600");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, "hunter2").unwrap();
    refused("is no key to a vault");
    std::fs::remove_file(&key).unwrap();
    refused("is missing");
    std::fs::write(&key, &whole).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let seen = run("Get-TestUserCredential");
    assert_eq!(status(&seen), 0, "{}", stderr(&seen));
    assert!(!stdout(&seen).contains("hunter2"), "{}", stdout(&seen));
}

#[test]
fn a_missing_password_is_an_error_and_no_wait() {
    let home = tempfile::tempdir().unwrap();
    let topology = home.path().join("topology.toml");
    let pool = "[[pool]]\nidentity = \"im.a.example\"\ndomains = [\"a.example\"]\ntest_users = [\"kim@a.example\"]\n";
    std::fs::write(&topology, pool).unwrap();
    for (code, id, expected) in [
        ("Test-XmppIM im.a.example nobody@a.example", "NoCredential", 4),
        ("Set-TestUserCredential kim@a.example", "MissingMandatoryParameter", 2),
        (
            "Test-XmppIM im.a.example nobody@a.example -UserCredential (Get-Credential kim)",
            "NonInteractive",
            4,
        ),
        ("Get-Credential", "NonInteractive", 4),
        ("Get-Credential kim -FromEnvironment NO_SUCH_VARIABLE", "NoSuchVariable", 4),
        ("Get-Credential kim -FromFile /nonexistent/password", "PasswordFile", 2),
    ] {
        // Neither an empty input nor one that never ends is a terminal.
        let (waiting, _kept_open) = std::io::pipe().unwrap();
        for input in [Stdio::null(), Stdio::from(waiting)] {
            let mut command = imsh();
            command.arg("--topology").arg(&topology).args(["-c", code]).stdin(input);
            let output = command.output().unwrap();
            assert!(stderr(&output).contains(id), "{code}: {}{}", stdout(&output), stderr(&output));
            assert_eq!(status(&output), expected, "{code}: {}", stderr(&output));
        }
    }
}

#[test]
fn interrupting_ends_at_once_and_tells_what_was_learned() {
    let code = "Test-XmppIM -TargetFqdn atl-cs-001.litwareinc.com, silent.litwareinc.com -Receiver adelany@contoso.com; loop {}";
    let mut child = imsh()
        .args(["--lab", "--output", "jsonl", "-c", code])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("atl-cs-001"), "{first}");
    interrupt(&child);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest.iter().any(|line| line.contains("silent.litwareinc.com")), "{rest:?}");
}

fn interrupt(child: &std::process::Child) {
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
}

#[test]
fn an_endless_script_is_interrupted_as_well() {
    let mut child = imsh()
        .args(["-c", "print(\"running\"); loop { try { loop {} } catch {} }"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut begun = [0; 8];
    output.read_exact(&mut begun).unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn without_a_list_of_partners_it_is_said_that_anything_may_be_sent_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("topology.toml");
    let pool = "[[pool]]\nidentity = 'atl.litware.example'\ndomains = ['litware.example']\n\
                servers = ['127.0.0.1:1']\n";
    let said = |topology: &str, test: &str| {
        std::fs::write(&file, topology).unwrap();
        let code = format!(
            "{test} -UserSipAddress kim@litware.example -UserCredential (Get-Credential kim -FromEnvironment A_PASSWORD)"
        );
        let mut command = imsh();
        command.arg("--topology").arg(&file).args(["-c", &code]).env("A_PASSWORD", "practice");
        let output = command.output().unwrap();
        assert_eq!(status(&output), 1, "{}", stderr(&output));
        stderr(&output)
    };
    for (test, sent) in [
        ("Test-XmppIM atl.litware.example adelany@contoso.example", "messages may go to any domain"),
        ("Test-XmppPing atl.litware.example contoso.example", "pings may go to any domain"),
    ] {
        assert!(said(pool, test).contains(sent), "{test}");
        assert!(!said(pool, &format!("{test} -Force")).contains(sent), "{test}");
        let with_partner = format!("{pool}[[partner]]\ndomain = 'contoso.example'\n");
        assert!(!said(&with_partner, test).contains(sent), "{test}");
    }
}

#[test]
fn the_address_of_a_database_is_no_file_of_results_and_is_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let address = "postgres://imsh:verysecret@db.example/imsh";
    for arguments in [&["store", "check"][..], &["store", "migrate"], &["-c", "1"]] {
        let output =
            imsh().current_dir(&directory).arg("--store").arg(address).args(arguments).output().unwrap();
        let said = stderr(&output);
        assert_eq!(status(&output), 2, "{said}");
        assert!(said.contains("url in [store]") && !said.contains("verysecret"), "{said}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_store_that_is_not_there_is_told_of_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    for task in ["check", "migrate"] {
        let output = imsh()
            .current_dir(&directory)
            .args(["--topology", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/topology.toml")])
            .args(["--store", "typo/results.sqlite", "store", task])
            .output()
            .unwrap();
        let said = stderr(&output);
        assert_eq!(status(&output), 2, "{said}");
        assert!(said.contains("there is no typo/results.sqlite"), "{said}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn every_mistake_of_a_topology_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("topology.toml");
    std::fs::write(
        &file,
        "[[pool]]\nidentity = \"a.example\"\ndomains = [\"example\"]\ntest_user = [\"x\"]\n",
    )
    .unwrap();
    let output = imsh().arg("--topology").arg(&file).args(["-c", "Get-Pool"]).output().unwrap();
    assert_eq!(status(&output), 2);
    let said = stderr(&output);
    assert!(said.contains("topology.toml:4:1") && said.contains("test_users"), "{said}");
}

#[test]
fn the_shipped_topologies_are_sound() {
    let read = |file: &str| {
        imsh().args(["--topology", file, "--output", "jsonl", "-c", "Get-Pool"]).output().unwrap()
    };
    let output = read("examples/topology.toml");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("atl-cs-001.litwareinc.com"));
    // This one says who may do what, and whoever runs the tests is not among them. The refusal is
    // written to the audit log beside it: not in the source tree.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("topology.toml");
    std::fs::copy("examples/every-setting.toml", &copy).unwrap();
    assert_eq!(status(&read(copy.to_str().unwrap())), 3);
    assert!(directory.path().join("audit/imsh.jsonl").exists());
}

#[test]
fn imports_are_looked_for_and_looked_into() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("sound.rhai", "fn one() { 1 }");
    write("wrong.rhai", "import \"sound\" as s;\nfn two() { zork(2) }");
    write("a.rhai", "import \"sound\" as s;\ns::one();");
    write("b.rhai", "import \"nosuch\" as n;\nimport \"wrong\" as w;");
    let lint = |name: &str| {
        imsh().args(["lint", "-o", "jsonl", name]).current_dir(directory.path()).output().unwrap()
    };
    assert_eq!(stdout(&lint("a.rhai")), "");
    let output = lint("b.rhai");
    assert_eq!(status(&output), 2);
    let found: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let places: Vec<String> = found
        .iter()
        .map(|one| format!("{}:{}:{}", one["file"].as_str().unwrap(), one["line"], one["column"]))
        .collect();
    assert_eq!(places, ["b.rhai:1:8", "wrong.rhai:2:12"]);
}

#[test]
fn the_shipped_scripts_have_no_mistakes() {
    let scripts = std::fs::read_dir("scripts").unwrap().map(|entry| entry.unwrap().path());
    let scripts = scripts.filter(|path| path.extension().is_some_and(|extension| extension == "rhai"));
    let output = imsh().arg("lint").args(scripts).output().unwrap();
    assert_eq!(status(&output), 0, "{}", stdout(&output));
    assert_eq!(stdout(&output), "");
}

#[test]
fn the_readmes_programs_have_no_mistakes() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut programs = Vec::new();
    for (number, block) in readme.split("```").skip(1).step_by(2).enumerate() {
        // A block without a language is a program, or what one prints.
        let Some(text) = block.strip_prefix('\n').filter(|text| !text.starts_with("Target Fqdn")) else {
            continue;
        };
        if text.starts_with("FEDERATION-") {
            continue;
        }
        let program = directory.path().join(format!("{number}.rhai"));
        let given = "let receivers = []; let pool = (); let who = ();\n";
        std::fs::write(&program, format!("{given}{text}")).unwrap();
        programs.push(program);
    }
    assert!(programs.len() > 4, "{programs:?}");
    let output = imsh().arg("lint").args(programs).output().unwrap();
    assert_eq!(status(&output), 0, "{}", stdout(&output));
}

#[test]
fn one_user_tests_with_a_credential_of_their_own() {
    let output = imsh()
        .args(["--lab", "run", "scripts/one-user.rhai", "atl-cs-001.litwareinc.com"])
        .args(["adelany@contoso.com", "kenmyer@litwareinc.com"])
        .output()
        .unwrap();
    // Nobody is there to type the password.
    assert_eq!(status(&output), 4, "{}", stderr(&output));
    let output = imsh()
        .args(["--lab", "run", "scripts/one-user.rhai", "atl-cs-001.litwareinc.com"])
        .args(["adelany@contoso.com", "kenmyer@litwareinc.com", "KENMYERS_PASSWORD"])
        .env("KENMYERS_PASSWORD", "practice")
        .output()
        .unwrap();
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("Exchanged"), "{}", stdout(&output));
    let output = imsh().args(["--lab", "run", "scripts/one-user.rhai"]).output().unwrap();
    assert_eq!(status(&output), 2);
    assert!(stdout(&output).starts_with("usage:"), "{}", stdout(&output));
}

#[test]
fn the_daily_verification_tests_every_pair_and_fails_where_one_fails() {
    let pool = "atl-cs-001.litwareinc.com";
    let script = ["--lab", "--output", "jsonl", "run", "scripts/daily-verification.rhai", pool];
    let output = imsh().args(script).output().unwrap();
    let results: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |receiver: &str| {
        let found = results.iter().find(|result| result["Receiver"] == receiver);
        found.map(|result| result["Result"].as_str().unwrap())
    };
    assert_eq!(of("adelany@contoso.com"), Some("Success"), "{}", stderr(&output));
    assert_eq!(of("adelany@expired.contoso.com"), Some("Failure"));
    assert_eq!(status(&output), 1);
}

#[test]
fn the_daily_verification_says_at_its_end_what_has_changed_since_the_last_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("results.sqlite");
    let daily = || {
        let mut command = imsh();
        command.args(["--lab", "--store"]).arg(&store);
        let output = command
            .args(["run", "scripts/daily-verification.rhai", "atl-cs-001.litwareinc.com"])
            .output()
            .unwrap();
        assert_eq!(status(&output), 1, "{}", stderr(&output));
        let text = stdout(&output);
        text[text.find("\nDaily verification of ").unwrap()..].to_owned()
    };
    let first = daily();
    assert!(first.contains(" messages are not proven to have arrived."), "{first}");
    assert!(!first.contains("the last time"), "{first}");
    // What the last run had seen was the other way round.
    let kept = rusqlite::Connection::open(&store).unwrap();
    let seen = "UPDATE result SET outcome = ?1 WHERE pair IN (SELECT id FROM pair WHERE receiver = ?2)";
    kept.execute(seen, ["Failure", "adelany@contoso.com"]).unwrap();
    kept.execute(seen, ["Success", "adelany@expired.contoso.com"]).unwrap();
    let second = daily();
    for says in [
        "\nBroken since the last time:\n  atl-cs-001.litwareinc.com to adelany@expired.contoso.com: \
         FEDERATION-CERTIFICATE-EXPIRED (Partner)\n\n",
        "\nBroken as before:\n",
        "\nWell again:\n  atl-cs-001.litwareinc.com to adelany@contoso.com\n",
    ] {
        assert!(second.contains(says), "{says}: {second}");
    }
    // The last run had not come to it.
    kept.execute(seen, ["NotRun", "adelany@expired.contoso.com"]).unwrap();
    kept.execute(seen, ["NotRun", "adelany@contoso.com"]).unwrap();
    let third = daily();
    assert!(!third.contains("Broken since the last time") && !third.contains("Well again"), "{third}");
    let says = "\nBroken, and not tested the last time:\n  atl-cs-001.litwareinc.com to adelany@expired.contoso.com: \
                FEDERATION-CERTIFICATE-EXPIRED (Partner)\n";
    assert!(third.contains(says) && !third.contains("to adelany@contoso.com"), "{third}");
}

#[test]
fn the_certificate_watch_names_what_ends_soon_and_what_was_not_seen() {
    let watch = |days: &str| {
        let output = imsh()
            .args(["--lab", "-o", "jsonl", "run", "scripts/certificate-watch.rhai", days])
            .output()
            .unwrap();
        assert_eq!(status(&output), 1, "{}", stderr(&output));
        assert!(
            stderr(&output)
                .contains("The certificate of refused.contoso.com was not seen: FEDERATION-REFUSED.")
        );
        let rows = stdout(&output);
        let rows = rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.map(|row| row["Whose"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let soon = ["expired.litwareinc.com", "expired.contoso.com", "expiring.litwareinc.com"];
    assert_eq!(watch("30"), soon);
    assert_eq!(watch("1"), soon[..2]);
}

/// Debian's package `systemd` has it.
#[test]
fn systemd_has_nothing_to_say_of_the_daily_timer() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        support::skip("there is no systemd-analyze (Debian's package systemd)");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for name in ["imsh-daily.service", "imsh-daily.timer"] {
        let unit = std::fs::read_to_string(format!("examples/deploy/{name}")).unwrap();
        // Nothing is installed here.
        let unit = unit.replace("/usr/bin/imsh", support::IMSH).replace("Documentation=man:imsh(1)\n", "");
        std::fs::write(directory.path().join(name), unit).unwrap();
    }
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["verify", "./imsh-daily.timer", "./imsh-daily.service"]).current_dir(directory.path());
    let output = analyze.output().unwrap();
    let said = [stdout(&output), stderr(&output)].concat();
    if !nix::unistd::getuid().is_root() && said.contains("/run/systemd/': Permission denied") {
        support::skip("systemd-analyze needs /run/systemd, which only root can make");
        return;
    }
    assert!(output.status.success() && !said.contains("imsh-daily"), "{said}");
}

#[test]
fn nothing_is_green_where_nothing_was_tested() {
    for (script, says) in [
        ("scripts/daily-verification.rhai", "There is no pool 'no.example'."),
        ("scripts/partner-sweep.rhai", "There is no allowed partner 'no.example'"),
    ] {
        let output = imsh().args(["--lab", "run", script, "no.example"]).output().unwrap();
        assert_eq!(status(&output), 4, "{script}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{script}: {}", stderr(&output));
    }
}

#[test]
fn nothing_is_green_where_there_is_no_topology() {
    let imsh = || {
        let mut command = support::imsh_without_topology()?;
        command.stdin(Stdio::null());
        Some(command)
    };
    for script in ["scripts/daily-verification.rhai", "scripts/partner-sweep.rhai"] {
        let Some(mut imsh) = imsh() else { return };
        let output = imsh.args(["run", script]).output().unwrap();
        assert_eq!(status(&output), 4, "{script}: {}", stderr(&output));
        let says = "neither /nonexistent/.config/imsh/topology.toml";
        assert!(stderr(&output).contains(says), "{script}: {}", stderr(&output));
    }
    // Once, however many commands find nothing.
    let output =
        imsh().unwrap().args(["-c", "Get-Pool; Get-XmppAllowedPartner; Test-Topology"]).output().unwrap();
    assert_eq!(stderr(&output).matches("There is no topology").count(), 1, "{}", stderr(&output));
    let output = imsh().unwrap().env_remove("HOME").args(["-c", "Get-Pool"]).output().unwrap();
    assert!(stderr(&output).contains("no /etc/imsh/topology.toml is there"), "{}", stderr(&output));
}

#[test]
fn a_test_of_nothing_is_no_success() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let content = format!("Get-Content {} | Test-XmppIM atl-cs-001.litwareinc.com", empty.path().display());
    for (code, names) in [
        ("Test-XmppIM atl-cs-001.litwareinc.com @()", "-Receiver"),
        ("Test-XmppIM @() adelany@contoso.com", "-TargetFqdn"),
        ("Test-Registration @()", "-TargetFqdn"),
        ("Test-Registration (Get-Pool | Where-Object Site -eq Nowhere)", "-TargetFqdn"),
        ("Get-Pool | Where-Object Site -eq Nowhere | Test-Registration", "-TargetFqdn"),
        ("Get-Pool | Where-Object Site -eq Nowhere | Test-Topology", "-Pool"),
        (&content, "-Receiver"),
        ("Test-XmppPing atl-cs-001.litwareinc.com @()", "-Domain"),
        ("Test-FederatedPartner @()", "-Domain"),
        ("Test-Topology @()", "-Pool"),
        ("Test-Topology -Partner @()", "-Partner"),
    ] {
        let output = imsh().args(["--lab", "-c", code]).output().unwrap();
        assert_eq!(status(&output), 4, "{code}: {}", stderr(&output));
        let says = format!("Nothing was tested: {names} names nothing.");
        assert_eq!(stderr(&output).matches(&says).count(), 1, "{code}: {}", stderr(&output));
        assert!(!stderr(&output).contains("WARNING"), "{code}: {}", stderr(&output));
    }
    for code in [
        "foreach ($pool in @()) { Test-Registration $pool }",
        "@() | ForEach-Object { Test-Registration $_ }",
        "Get-Pool | Where-Object Site -eq Nowhere | Select-Object Identity",
        "Get-Pool | Where-Object Site -eq Nowhere | Get-Pool",
        "Test-Registration @() -ErrorAction Ignore",
        "Test-Topology @() -Partner contoso.com",
    ] {
        let output = imsh().args(["--lab", "-c", code]).output().unwrap();
        assert_eq!((status(&output), stderr(&output).as_str()), (0, ""), "{code}");
    }
}

#[test]
fn the_partner_sweep_groups_every_fault_by_the_side_that_mends_it() {
    let partners = ["contoso.com", "dropped.contoso.com", "expired.contoso.com", "servfail.contoso.com"];
    let output = imsh().args(["--lab", "run", "scripts/partner-sweep.rhai"]).args(partners).output().unwrap();
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        "Partners: 4, messages: 4, faults: 6\n\n\
         Network (2)\n\
         Code                 Partner\n\
         ----                 -------\n\
         FEDERATION-NO-ANSWER adelany@dropped.contoso.com\n\
         FEDERATION-NO-ANSWER dropped.contoso.com\n\n\
         Partner (2)\n\
         Code                           Partner\n\
         ----                           -------\n\
         FEDERATION-CERTIFICATE-EXPIRED adelany@expired.contoso.com\n\
         FEDERATION-CERTIFICATE-EXPIRED expired.contoso.com\n\n\
         Unknown (2)\n\
         Code                   Partner\n\
         ----                   -------\n\
         FEDERATION-DNS-FAILURE adelany@servfail.contoso.com\n\
         FEDERATION-DNS-FAILURE servfail.contoso.com\n"
    );
}

#[test]
fn the_role_audit_says_who_may_do_what_and_what_nobody_may() {
    let audit = std::fs::read_to_string("scripts/role-audit.rhai").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("audit.rhai");
    let caller = Command::new("id").arg("-un").output().unwrap();
    let caller = format!("os-user:{}", stdout(&caller).trim());
    let roles = format!(
        "Grant-AdminRole Administrator {caller}\n\
         New-AdminRole Redmond -Template HelpDesk -ConfigScopes site:Redmond\n\
         Grant-AdminRole Redmond os-user:kim\n\
         New-AdminRole Idle -Template HelpDesk\n"
    );
    std::fs::write(&script, roles + &audit).unwrap();
    let run = |cmdlets: &[&str]| {
        imsh().args(["--lab", "-o", "jsonl", "run"]).arg(&script).args(cmdlets).output().unwrap()
    };
    let holders = |output: &Output| -> Vec<String> {
        let rows = stdout(output);
        let rows = rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        rows.map(|row| format!("{} {} {}", row["Member"], row["Role"], row["Pools"])).collect()
    };
    let everybody = run(&[]);
    let administrator = format!(r#""{caller}" "Administrator" "global""#);
    let redmond = r#""os-user:kim" "Redmond" "site:Redmond""#;
    assert_eq!(holders(&everybody), [&*administrator, redmond]);
    assert!(stderr(&everybody).contains("Nobody has the role Idle."), "{}", stderr(&everybody));
    assert_eq!(holders(&run(&["Grant-AdminRole"])), [&*administrator]);

    let free = imsh().args(["--lab", "run", "scripts/role-audit.rhai"]).output().unwrap();
    assert_eq!(status(&free), 0);
    assert!(stderr(&free).contains("Nobody has a role"), "{}", stderr(&free));
}

#[test]
fn a_reader_that_goes_away_ends_nothing_with_a_panic() {
    let mut child = imsh()
        .args(["--lab", "-c", "for i in 0..20000 { Write-Output \"a line that fills the pipe, number $i\" }"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn every_command_that_the_manual_page_names_has_a_page_of_its_own() {
    let page = |arguments: &[&str]| {
        let printed = imsh().arg("man").args(arguments).output().unwrap();
        assert_eq!(status(&printed), 0, "{arguments:?}");
        stdout(&printed).replace("\\-", "-")
    };
    let program = page(&[]);
    assert!(program.contains(".SH EXAMPLES") && !program.contains("EXTRA"), "{program}");
    assert!(program.contains("\\fBimsh\\fR [OPTIONS] <COMMAND>"), "{program}");
    let named: Vec<&str> = program
        .lines()
        .filter_map(|line| line.strip_prefix("imsh-")?.strip_suffix("(1)"))
        .filter(|name| !name.contains(' '))
        .collect();
    let commands = [
        "run",
        "lint",
        "session",
        "authorized-keys",
        "authorized-principals",
        "setup",
        "respond",
        "watch",
        "store",
        "completions",
        "man",
    ];
    assert_eq!(named, commands);
    for name in named {
        let page = page(&[name]);
        assert!(page.contains(&format!(".TH imsh-{name} 1")), "{page}");
        assert!(page.contains(&format!("\\fBimsh {name}\\fR [OPTIONS]")), "{page}");
        assert!(!page.contains("EXTRA"), "{page}");
    }
}

#[test]
fn the_help_of_respond_lists_what_it_takes_and_nothing_else() {
    let help = stdout(&imsh().args(["respond", "--help"]).output().unwrap());
    assert!(help.contains("--password-file") && help.contains("--verbose"), "{help}");
    for option in ["--topology", "--vault", "--lab", "--output"] {
        assert!(!help.contains(option), "{help}");
        let value = if option == "--output" { "json" } else { "x" };
        let value = (option != "--lab").then_some(value);
        let refused = imsh().args(["respond", "a@b.example", option]).args(value).output().unwrap();
        assert_eq!(status(&refused), 2, "{option}");
        assert!(stderr(&refused).starts_with("imsh respond: "), "{option}: {}", stderr(&refused));
    }
}

#[test]
fn a_page_that_cannot_be_written_is_told() {
    for arguments in [&["man"][..], &["man", "lint"], &["completions", "bash"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let printed = imsh().args(arguments).stdout(full).output().unwrap();
        assert_eq!(status(&printed), 2, "{arguments:?}");
        assert!(stderr(&printed).contains("Standard output could not be written"), "{}", stderr(&printed));
    }
}

#[test]
fn a_topology_that_is_not_there_is_not_to_be_mended() {
    let printed =
        imsh().args(["--topology", "/nonexistent/topology.toml", "-c", "Get-Pool"]).output().unwrap();
    assert_eq!(status(&printed), 2);
    let told = stderr(&printed);
    assert!(told.contains("Name a file that is there") && !told.contains("Mend"), "{told}");
}

/// A script as an editor left it.
fn run_file(bytes: &[u8]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("script.rhai"), bytes).unwrap();
    imsh().current_dir(&directory).args(["--lab", "run", "script.rhai"]).output().unwrap()
}

#[test]
fn a_script_may_come_from_a_windows_editor() {
    let output = run_file("\u{feff}let x = 3;\r\nprint(x)\r\n".as_bytes());
    assert_eq!((status(&output), stdout(&output).as_str()), (0, "3\n"), "{}", stderr(&output));
}

#[test]
fn what_is_no_script_is_refused_whole() {
    let large = [b"print(1)\n".to_vec(), vec![b' '; 16 << 20]].concat();
    for (bytes, says) in [
        (&b"let x = 1;\nprint(\"\xff\xfe\");\n"[..], "line 2 is not UTF-8; save the script as UTF-8"),
        (&large, "it is larger than 16 MiB, and no script is"),
    ] {
        let output = run_file(bytes);
        assert_eq!((status(&output), stdout(&output).as_str()), (2, ""));
        assert_eq!(stderr(&output), format!("imsh: script.rhai: {says}\n"));
    }
}

#[test]
fn the_caret_stands_under_what_is_seen() {
    let output = practise("let a = \"漢字\"; Get-Pol");
    let lines: Vec<String> = stderr(&output).lines().map(str::to_owned).collect();
    assert_eq!(lines[1..], [" --> -c:1:15", "  |", "1 | let a = \"漢字\"; Get-Pol", "  |                 ^"]);
}

#[test]
fn a_batch_warns_once_of_each_certificate() {
    let output = practise("Test-XmppIM expiring.litwareinc.com adelany@contoso.com, pilar@litwareinc.com");
    let told = stderr(&output);
    assert_eq!(told.matches("The certificate of expiring.litwareinc.com ends").count(), 1, "{told}");
}

#[test]
fn a_nested_password_is_in_no_export_either() {
    let help = stdout(&imsh().arg("--help").output().unwrap());
    let (_, behind) = help.split_once("Print records in this format").unwrap();
    let (_, behind) = behind.split_once("[possible values: ").unwrap();
    let every: Vec<&str> = behind.split_once(']').unwrap().0.split(',').map(str::trim).collect();
    assert!(every.starts_with(&["list", "table", "json"]), "{every:?}");
    let home = tempfile::tempdir().unwrap();
    let secret = "correct horse battery staple";
    let base64 = "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ";
    let nested = "let c = Get-Credential ken -FromEnvironment SECRET; \
                  $r = @{ Name = 'x'; Own = $c; Inner = @{ Deep = @($c, @{ Deeper = $c }) } };";
    for code in [
        "$r",
        "$r | Format-List *",
        "$r | Format-Table *",
        "$r | Get-Member",
        "$r | ConvertTo-Json -Depth 20",
        "($r | ConvertTo-Json -Depth 20) | ConvertFrom-Json",
        "$r | ConvertTo-Csv",
        "$r | ConvertTo-Html",
        "$r | Out-String",
        "$r, $r | Group-Object Own",
        "$r | Select-Object Own, @{Name='P'; Expression={ $_.Own.Password }}",
        "$r | Sort-Object Own | Tee-Object -FilePath tee.txt",
        "$r | Export-Csv export.csv",
        "$r | Out-File out.txt",
        "Start-Transcript transcript.txt; $r; $r.Own; Write-Host $c; Stop-Transcript",
        "Write-Host $r $c",
        "Write-Warning \"$c $(r.Inner)\"",
        "Write-Error \"$c\"",
        "Compare-Object $r $c",
        "print(r); print(c.to_string()); print(`${r.Inner.Deep}`); debug(r)",
        "throw r",
        "Get-Pool $c",
        "$r.Nothing",
    ] {
        // The format matters where the records themselves are the output.
        let formats = if code == "$r" { &every[..] } else { &every[..3] };
        for format in formats {
            let mut command = imsh();
            command.args(["--lab", "--verbose", "--output", format, "-c", &format!("{nested} {code}")]);
            let output = command.env("SECRET", secret).current_dir(&home).output().unwrap();
            let all = stdout(&output) + &stderr(&output);
            assert!(!all.contains(secret) && !all.contains(base64), "{format} {code}: {all}");
        }
    }
    for file in std::fs::read_dir(&home).unwrap() {
        let file = file.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains(secret) && !text.contains(base64), "{}: {text}", file.display());
        assert!(text.contains("********") || file.ends_with("out.txt"), "{}: {text}", file.display());
    }
}

/// How grave the events of a round's log are, each level once.
fn logged(more: &[&str], variable: Option<&str>) -> Vec<String> {
    let mut command = imsh();
    command.args(["--lab", "watch", "--once"]).args(more);
    if let Some(level) = variable {
        command.env("IMSH_LOG", level);
    }
    let said = stderr(&command.output().unwrap());
    let events = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
    let mut levels: Vec<String> =
        events.map(|event| event["level"].as_str().expect("a level").to_owned()).collect();
    levels.sort();
    levels.dedup();
    levels
}

#[test]
fn what_runs_for_long_logs_as_much_as_it_is_told() {
    assert!(logged(&["--log", "error"], None).iter().all(|level| level == "ERROR"));
    assert!(logged(&[], None).contains(&"INFO".to_owned()));
    for (more, variable) in [(&["--log", "debug"][..], Some("error")), (&[], Some("debug")), (&["-v"], None)]
    {
        let levels = logged(more, variable);
        assert!(levels.contains(&"DEBUG".to_owned()), "{more:?} {variable:?}: {levels:?}");
    }
    let refused = imsh().args(["watch", "--log", "loud"]).output().unwrap();
    assert_eq!(status(&refused), 2);
    assert!(
        stderr(&refused).contains("[possible values: error, warn, info, debug, trace]"),
        "{}",
        stderr(&refused)
    );
}
