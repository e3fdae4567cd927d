//! Sessions that test, on the practice network: side by side, on record, and braked where logons fail.

use std::process::Stdio;

use crate::machine::{Machine, Said, until};
use crate::support::skip;

/// A machine on which the practice network runs, whose pools and partners its topology lists.
fn with_network(role: &str) -> Option<(Machine, String)> {
    let machine = Machine::with("")?;
    let key = machine.key("desk");
    machine.root(
        "mkdir /run/lab; (TMPDIR=/run/lab imsh --lab -c 'print(\"ready\"); sleep(3000)' >/run/lab/out 2>&1 </dev/null &)",
    );
    until("the practice network is there", || machine.root("cat /run/lab/out").contains("ready"));
    let access = format!(
        "[audit]\nsyslog = \"off\"\nmust_reach_disk = false\n[access]\n[[access.principal]]\nname = \"desk\"\nkeys = [\"{key}\"]\n\
         [[access.role]]\nidentity = \"Desk\"\ntemplate = \"HelpDesk\"\n{role}\n[[access.assignment]]\nrole = \"Desk\"\n\
         members = [\"os-user:kim\", \"principal:desk\"]\n[[access.assignment]]\nrole = \"Administrator\"\n\
         members = [\"os-user:ada\"]\n"
    );
    std::fs::write(machine.ground.path().join("access.toml"), access).unwrap();
    machine.root(&format!(
        "cd /run/lab/imsh-lab-*; cat topology.toml {}/access.toml >/etc/imsh/topology.toml; cp ca.pem /etc/imsh; \
         install -d -m 700 /etc/imsh/vault; cp vault.age vault.key /etc/imsh/vault; chown -R imsh: /etc/imsh",
        machine.ground.path().display()
    ));
    Some((machine, key))
}

#[test]
fn twenty_sessions_at_once_verify_without_disturbing_each_other() {
    let Some((machine, _)) = with_network("sessions = 24\nverifications = 24\nthreads = 2") else { return };
    machine.start_sshd();
    let test = "$r = Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com; $r.Result; $r.Receiver";
    let sessions: Vec<_> = (0..20)
        .map(|_| {
            machine
                .ssh("desk", &["-T"], &[test])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for session in sessions {
        let said = Said::of(session.wait_with_output().unwrap());
        assert_eq!((said.text.as_str(), said.status), ("Success\nadelany@contoso.com\n", Some(0)));
    }
    let ada =
        |code: &str| Said::of(machine.session("ada", &["-c", code]).output().unwrap()).text.trim().to_owned();
    assert_eq!(ada("(Test-AuditLog).Result"), "Success");
    let lines = machine.log();
    for (cmdlet, what) in [
        ("Test-XmppIM", "started"),
        ("Test-XmppIM", "finished"),
        ("imsh session", "started"),
        ("imsh session", "finished"),
    ] {
        let n_lines = lines.iter().filter(|line| {
            line["principal"] == "principal:desk"
                && line["cmdlet"] == cmdlet
                && line["outcome"]["what"] == what
        });
        assert_eq!(n_lines.count(), 20, "{cmdlet} {what}");
    }
    let whole = machine.root(
        "cd /var/lib/imsh/transcripts/principal+desk; grep -l '^Success$' $(grep -l 'imsh transcript end' *.txt) | wc -l",
    );
    assert_eq!(whole.trim(), "20");
    // What they learned is kept, and read as far as the roles go.
    assert_eq!(ada("(Get-TestResult).Count"), "20");
    let own = Said::of(machine.ssh("desk", &[], &["(Get-TestResult).Count"]).output().unwrap());
    assert_eq!(own.text.trim(), "20");
}

#[test]
fn an_account_that_was_refused_often_is_not_tried_again_in_whatever_session() {
    let Some((machine, _)) = with_network("sessions = 10\nfailed_logons = 2") else { return };
    let said = |user: &str, code: &str| Said::of(machine.session(user, &["-c", code]).output().unwrap());
    let wrong = "'not the password' | Out-File pw; Set-TestUserCredential pilar@litwareinc.com (Get-Credential \
                 pilar@litwareinc.com -FromFile pw)";
    let set = said("ada", wrong);
    assert_eq!(set.status, Some(0), "{}", set.text);
    let pool = "atl-cs-001.litwareinc.com";
    let logon = format!("(Test-Registration {pool} -UserSipAddress pilar@litwareinc.com).Code");
    let answers: Vec<String> = (0..4).map(|_| said("kim", &logon).text).collect();
    let n_tried = answers.iter().filter(|answer| answer.contains("SASL-")).count();
    let n_braked = answers.iter().filter(|answer| answer.contains("LogonsExceeded")).count();
    assert_eq!((n_tried, n_braked), (2, 2), "{answers:?}");
    let other = said("kim", &format!("(Test-Registration {pool}).Result"));
    assert_eq!(other.text.trim(), "Success", "another account is not touched");
    // Guesses side by side are as few as guesses in turn.
    assert_eq!(said("kim", "'a guess' | Out-File guess").status, Some(0));
    let guess = format!(
        "(Test-Registration {pool} -UserCredential (Get-Credential kenmyer@litwareinc.com -FromFile guess)).Code"
    );
    let sessions: Vec<_> = (0..8)
        .map(|_| {
            let mut command = machine.session("kim", &["-c", &guess]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<Said> =
        sessions.into_iter().map(|session| Said::of(session.wait_with_output().unwrap())).collect();
    let n_tried = answers.iter().filter(|answer| answer.text.contains("SASL-")).count();
    let n_braked = answers.iter().filter(|answer| answer.text.contains("LogonsExceeded")).count();
    assert_eq!((n_tried, n_braked), (2, 6), "{answers:?}");
}

/// A refusal that a server delays, or says by closing, is none that a report could tell.
#[test]
fn a_guess_whose_answer_nobody_waits_for_counts_as_a_refused_one() {
    let Some((machine, _)) = with_network("sessions = 10\nfailed_logons = 2") else { return };
    let files = "'a guess' | Out-File guess; 'practice' | Out-File right";
    assert_eq!(Said::of(machine.session("kim", &["-c", files]).output().unwrap()).status, Some(0));
    let n_braked = |pool: &str, password: &str, timeout: &str| {
        let code = format!(
            "$pool = '{pool}.litwareinc.com'; let who = `kenmyer@${{$pool}}`; for n in 1..=4 {{ try {{ \
             print((Test-Registration $pool -UserSipAddress $who -UserCredential (Get-Credential $who -FromFile \
             {password}) -Timeout {timeout} -Force -ErrorAction Stop).Code) }} catch (e) {{ print(e.Id) }} }}"
        );
        let text = Said::of(machine.session("kim", &["-c", &code]).output().unwrap()).text;
        assert_eq!(text.lines().count(), 4, "{text}");
        (text.matches("LogonsExceeded").count(), text)
    };
    for pool in ["auth-silent", "auth-closes", "disabled"] {
        let (n_braked, text) = n_braked(pool, "guess", "500ms");
        assert_eq!(n_braked, 2, "{pool} {text}");
    }
    // No password was offered, or it was accepted.
    for (pool, password, timeout) in [("tls-silent", "guess", "500ms"), ("bind-silent", "right", "2s")] {
        let (n_braked, text) = n_braked(pool, password, timeout);
        assert_eq!(n_braked, 0, "{pool} {text}");
    }
}

/// A password that the caller stores to try it is a guess like one that they give.
#[test]
fn a_guess_that_is_stored_first_counts_like_any_other() {
    let users = "[[access.role]]\nidentity = \"Users\"\ntemplate = \"UserAdministrator\"\nfailed_logons = 2\n\
                 [[access.assignment]]\nrole = \"Users\"\nmembers = [\"os-user:pilar\"]";
    let Some((machine, _)) = with_network(users) else { return };
    let codes = |pool: &str, password: &str, timeout: &str| {
        let code = format!(
            "let pool = \"{pool}.litwareinc.com\"; let who = `kenmyer@${{pool}}`; for n in 1..=4 {{ \
             `{password}` | Out-File guess; Set-TestUserCredential (who) (Get-Credential (who) -FromFile guess) \
             -Confirm:$false; try {{ print((Test-Registration (pool) -Timeout {timeout} -Force -ErrorAction \
             Stop).Code) }} catch (e) {{ print(e.Id) }} }}"
        );
        let text = Said::of(machine.session("pilar", &["-c", &code]).output().unwrap()).text;
        assert_eq!(text.lines().count(), 4, "{text}");
        text
    };
    for pool in ["auth-silent", "auth-closes"] {
        let text = codes(pool, "guess ${n}", "500ms");
        assert_eq!(text.matches("LogonsExceeded").count(), 2, "{pool} {text}");
    }
    // A password that was accepted was no guess.
    let text = codes("bind-silent", "practice", "2s");
    assert_eq!(text.matches("LogonsExceeded").count(), 0, "{text}");
}

/// A stored password that is wrong is offered no more often by the tests that look it up themselves.
#[test]
fn an_account_that_a_test_logs_on_beside_another_is_left_alone_like_any_other() {
    let Some((machine, _)) = with_network("sessions = 10\nfailed_logons = 2") else { return };
    let said = |user: &str, code: &str| Said::of(machine.session(user, &["-c", code]).output().unwrap()).text;
    let wrong = "'not the password' | Out-File pw; Set-TestUserCredential pilar@litwareinc.com (Get-Credential \
                 pilar@litwareinc.com -FromFile pw)";
    let set = said("ada", wrong);
    assert_eq!(set, "");
    let pool = "atl-cs-001.litwareinc.com";
    let check = format!(
        "for n in 1..=4 {{ Test-Topology {pool} -Force | Where-Object Check -eq Logon | ForEach-Object {{ \
         print(`${{$_.Target}} ${{$_.Result}}`) }} }}"
    );
    let answers = said("kim", &check);
    assert_eq!(answers.matches("pilar@litwareinc.com Failure").count(), 2, "{answers}");
    assert_eq!(answers.matches("kenmyer@litwareinc.com Success").count(), 4, "{answers}");
    assert_eq!(answers.matches("LogonsExceeded").count(), 2, "{answers}");
    machine.root("rm /var/lib/imsh/counts/*kim*");
    let message = format!(
        "for n in 1..=4 {{ Test-XmppIM {pool} pilar@litwareinc.com, adelany@contoso.com -Force | ForEach-Object {{ \
         print(`${{$_.Receiver}} ${{$_.Code}} ${{$_.Result}}`) }} }}"
    );
    let answers = said("kim", &message);
    assert_eq!(answers.matches("pilar@litwareinc.com SASL-REJECTED").count(), 2, "{answers}");
    assert_eq!(answers.matches("LogonsExceeded").count(), 2, "{answers}");
    assert_eq!(answers.matches("adelany@contoso.com  Success").count(), 4, "{answers}");
    assert_eq!(answers.matches("kenmyer@litwareinc.com was refused").count(), 0, "{answers}");
}

#[test]
fn each_try_of_a_test_counts() {
    let Some((machine, _)) = with_network("verifications_per_minute = 5") else { return };
    let twice = "for n in 0..2 { try { print((Test-Registration atl-cs-001.litwareinc.com -Retry 4 -ErrorAction \
                 Stop).Result) } catch (e) { print(e.Id) } }";
    let said = Said::of(machine.session("kim", &["-c", twice]).output().unwrap()).text;
    assert_eq!((said.matches("Success").count(), said.matches("LimitReached").count()), (1, 1), "{said}");
}

#[test]
fn a_password_is_counted_against_whom_it_logs_on_and_against_all_accounts_together() {
    let Some((machine, _)) = with_network("sessions = 10\nfailed_logons = 2") else { return };
    let said = |code: &str| Said::of(machine.session("kim", &["-c", code]).output().unwrap());
    assert_eq!(said("'a guess' | Out-File guess").status, Some(0));
    let tried = |address: &str, account: &str| {
        let text = said(&format!(
            "for n in 1..=12 {{ try {{ print((Test-Registration atl-cs-001.litwareinc.com -UserSipAddress \
             \"{address}\" -UserCredential (Get-Credential \"{account}\" -FromFile guess) -Force -ErrorAction \
             Stop).Code) }} catch (e) {{ print(e.Id) }} }}"
        ));
        let counts = ["SASL-", "LogonsExceeded"].map(|word| text.text.matches(word).count());
        assert_eq!(counts[0] + counts[1], 12, "{}", text.text);
        counts[0]
    };
    // One account under twelve addresses, then twelve accounts.
    assert_eq!(tried("x$n@litwareinc.com", "pilar@litwareinc.com"), 2);
    assert_eq!(tried("y$n@litwareinc.com", "y$n@litwareinc.com"), 2 * 5 - 2);
}

/// The address of the store, and what is wrong with it, are the administrators' to know.
#[test]
fn a_store_that_is_away_is_one_warning_that_tells_a_delegate_nothing() {
    let Some((machine, _)) = with_network("") else { return };
    machine.root(
        "printf '[store]\\nurl = \"postgres://imsh@127.0.0.1:1/imsh-secret-place\"\\n' >>/etc/imsh/topology.toml",
    );
    let test = "(Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com).Result";
    let said = |user: &str, code: &str| Said::of(machine.session(user, &["-c", code]).output().unwrap());
    let kim = said("kim", test);
    assert_eq!(kim.status, Some(0), "{}", kim.text);
    assert_eq!(kim.text.matches("Results are not kept").count(), 1, "{}", kim.text);
    let read = said("kim", "Get-TestResult");
    assert_ne!(read.status, Some(0), "{}", read.text);
    for text in [&kim.text, &read.text] {
        assert!(!text.contains("secret-place") && !text.contains("127.0.0.1"), "{text}");
    }
    assert!(said("ada", "Get-TestResult").text.contains("127.0.0.1"));
}

/// The password is the service account's, from its home.
#[test]
fn results_of_a_session_are_kept_in_the_database_that_the_topology_names() {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let Some(programs) =
        versions.map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists())
    else {
        skip("PostgreSQL is not installed (apt install postgresql)");
        return;
    };
    let Some((machine, _)) = with_network("") else { return };
    let programs = programs.display();
    machine.root("install -d -o pilar -m 700 /run/pg");
    let begun = machine.shell(
        "pilar",
        &format!(
            "cd /run/pg; echo swordfish >pw; export LC_ALL=C; \
             {programs}/initdb -A scram-sha-256 --pwfile=pw -U imsh -N -D /run/pg/data >log 2>&1 && \
             {programs}/pg_ctl -D /run/pg/data -w -l /run/pg/server.log \
             -o '-c listen_addresses=127.0.0.1 -c unix_socket_directories=' start >>log 2>&1 && \
             PGPASSWORD=swordfish {programs}/psql -h 127.0.0.1 -U imsh -d postgres -c 'create database results' \
             >>log 2>&1 || {{ cat log server.log; exit 1; }}"
        ),
    );
    assert_eq!(begun.status, Some(0), "{}", begun.text);
    machine.root(
        "printf '[store]\\nurl = \"postgres://imsh@127.0.0.1/results\"\\n' >>/etc/imsh/topology.toml; \
         install -o imsh -m 600 /dev/null /var/lib/imsh/.pgpass; \
         echo '127.0.0.1:*:results:imsh:swordfish' >/var/lib/imsh/.pgpass; \
         env -i PATH=\"$PATH\" runuser -u imsh -- env HOME=/var/lib/imsh imsh store migrate",
    );
    let kim = |code: &str| Said::of(machine.session("kim", &["-c", code]).output().unwrap());
    let test = "(Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com).Result";
    let kept = kim(test);
    assert_eq!((kept.text.trim(), kept.status), ("Success", Some(0)));
    assert_eq!(kim("(Get-TestResult).Count").text.trim(), "1");
    machine.root("chmod 644 /var/lib/imsh/.pgpass");
    let open = kim(test);
    assert!(open.text.contains("Results are not kept") && open.text.contains("Success"), "{}", open.text);
    assert!(!open.text.contains("swordfish") && !open.text.contains("127.0.0.1"), "{}", open.text);
    machine.root(&format!("setpriv --reuid pilar {programs}/pg_ctl -D /run/pg/data -m immediate stop"));
}
