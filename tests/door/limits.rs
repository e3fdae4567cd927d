//! The worst that a delegate does ends as an error in their own session, within its limits, and keeps nobody
//! else waiting.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::machine::{Machine, Said, until};
use crate::topology;

/// A desk with this in its role.
fn desk(settings: &str) -> String {
    topology(&[]).replace("template = \"HelpDesk\"", &format!("template = \"HelpDesk\"\n{settings}"))
}

#[test]
fn what_fills_the_memory_is_an_error_and_the_next_line_works() {
    let Some(machine) = Machine::with(&desk("memory_mib = 64\noperations = 4000000000")) else { return };
    let big = "fn big(n) { let s = \"x\"; while s.len() < n { s += s } s }";
    for hostile in [
        "let a = []; loop { a.push(big(1000)) }",
        "let a = [1]; loop { a = [a, a] }",
        "let a = []; loop { let m = #{}; for n in 0..1000 { m[`k${n}`] = big(900) } a.push(m) }",
        "let a = []; loop { let s = big(100000); a.push(|| s.len()) }",
        "fn grow(s) { grow(s + s) } grow(\"xxxxxxxxxxxxxxxx\")",
        "let a = []; a.pad(90000, 1); let all = []; loop { all.push(a + [1]) }",
        "let s = big(500000); let all = []; loop { all.push(s.split(\"\")) }",
        "let s = \"[\" + big(500000).to_upper() + \"]\"; let all = []; loop { all.push(s + s) }",
        "1..100000000 | ForEach-Object { $_ } | Sort-Object",
        "let x = []; loop { x = [x, x, (Get-Pool)] }",
    ] {
        let hostile = &format!("{big} {hostile}");
        let script = match hostile.rsplit_once("} s } ") {
            Some((functions, deed)) => {
                format!("{functions}}} s }} try {{ {deed} }} catch (e) {{ print(\"caught \" + e) }}")
            }
            None => hostile.clone(),
        };
        let said = Said::of(machine.session("kim", &["-c", &script]).output().unwrap());
        assert!(matches!(said.status, Some(0 | 2 | 3 | 4 | 130)), "{hostile}\n{said:?}");
        assert!(said.text.len() < 20_000, "{hostile}\n{}", said.text);
    }
    let lines = format!("{big} let a = []; loop {{ let s = big(100000); a.push(|| s.len()) }}");
    let said = Said::with_input(&mut machine.session("kim", &[]), lines.as_bytes());
    assert!(said.text.contains("more memory than a session allows"), "{}", said.text);
}

#[test]
fn what_never_ends_or_never_stops_printing_is_ended() {
    let Some(machine) = Machine::with(&desk("operations = 200000\noutput_mib = 1\nsource_kib = 4")) else {
        return;
    };
    let huge = format!("print(\"{}\")", "x".repeat(5000));
    for (hostile, told) in [
        ("loop { }", "operations"),
        ("fn f() { f() } f()", ""),
        ("while true { try { loop { } } catch { } }", "operations"),
        (
            "let s = \"x\"; while s.len() < 500000 { s += s } for n in 0..40 { print(s) }",
            "no more than this session allows",
        ),
        ("for n in 0..100000 { Write-Output \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx $n\" }", ""),
        (
            "let s = \"x\"; while s.len() < 500000 { s += s } for n in 0..30 { Write-Error $s }",
            "no more than this session allows",
        ),
        (huge.as_str(), "longer than"),
    ] {
        let said = Said::of(machine.session("kim", &["-c", hostile]).output().unwrap());
        assert!(said.status != Some(0) && said.status.is_some(), "{hostile:.60}\n{:.300}", said.text);
        assert!(said.text.contains(told), "{hostile:.60}\n{:.600}", said.text);
        assert!(said.text.len() < 3 << 20, "{hostile:.60} {}", said.text.len());
    }
}

#[test]
fn thirty_sessions_of_one_delegate_keep_no_administrator_waiting() {
    let Some(machine) = Machine::with(&desk("sessions = 8")) else { return };
    let worst = "loop { try { Get-Pool b.fabrikam.com } catch { } }";
    let mut busy: Vec<_> = (0..30)
        .map(|_| {
            let mut command = machine.session("kim", &["-c", worst]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    until("they are at it", || {
        machine.shell("root", "wc -l </etc/imsh/audit/imsh.jsonl").text.trim().parse().unwrap_or(0) > 60
    });
    let alone = |code: &str| {
        let started = Instant::now();
        let said = Said::of(machine.session("ada", &["-c", code]).output().unwrap());
        assert_eq!(said.status, Some(0), "{code}\n{}", said.text);
        started.elapsed()
    };
    let looked = alone("Get-Date | Out-Null");
    let n_sessions =
        Said::of(machine.session("ada", &["-c", "(Get-AdminSession os-user:kim).Count"]).output().unwrap());
    assert!(n_sessions.text.trim().parse::<usize>().unwrap() <= 8, "{}", n_sessions.text);
    let revoked = alone("Revoke-AdminRole Desk os-user:kim -Confirm:$false");
    for child in &mut busy {
        child.wait().unwrap();
    }
    assert!(revoked < looked + Duration::from_secs(2), "{looked:?} {revoked:?}");
    let checked = Said::of(machine.session("ada", &["-c", "(Test-AuditLog).Result"]).output().unwrap());
    assert_eq!(checked.text.trim(), "Success", "the log is whole: {}", checked.text);
}

/// However a session comes to be stuck with the lock in its hands: an administrator's call ends it.
#[test]
fn a_session_that_is_frozen_with_the_lock_keeps_no_administrator_waiting() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let begun = machine.session("kim", &["-c", "loop { try { Get-Pool b.fabrikam.com } catch { } }"]).spawn();
    let mut child = begun.unwrap();
    until("it is at it", || machine.log().len() > 20);
    // Stopped until it happens to be within the lock.
    let frozen = machine.root(
        "pid=$(pgrep -u imsh -x imsh); inode=$(stat -c %i /etc/imsh/audit/.imsh.jsonl.lock); \
         for n in $(seq 2000); do kill -STOP $pid; grep -v -- '->' /proc/locks | grep -q \":$inode \" && { echo frozen; exit; }; \
         kill -CONT $pid; done",
    );
    assert_eq!(frozen.trim(), "frozen");
    let started = Instant::now();
    let said = Said::of(
        machine
            .session("ada", &["-c", "Revoke-AdminRole Desk os-user:kim -Confirm:$false"])
            .output()
            .unwrap(),
    );
    assert_eq!(said.status, Some(0), "{}", said.text);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    // Whoever waits for it has stopped with it.
    let waiting = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(waiting, nix::sys::signal::Signal::SIGCONT).unwrap();
    machine.root("pkill -CONT -x sudo; pkill -CONT -u imsh -x imsh; true");
    child.kill().unwrap();
    child.wait().unwrap();
    let checked = Said::of(machine.session("ada", &["-c", "(Test-AuditLog).Result"]).output().unwrap());
    assert_eq!(checked.text.trim(), "Success", "{}", checked.text);
}

#[test]
fn a_session_is_seen_stopped_and_kept_out() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let ada = |code: &str| Said::of(machine.session("ada", &["-c", code]).output().unwrap());
    let wait = || {
        let mut command = machine.session("kim", &["-c", "print(1); sleep(300)"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("it is seen", || ada("(Get-AdminSession os-user:kim).Count").text.trim() == "1");
        child
    };
    let child = wait();
    let stopped = ada("Get-AdminSession os-user:kim | Stop-AdminSession");
    assert_eq!(stopped.status, Some(0), "{}", stopped.text);
    let said = Said::of(child.wait_with_output().unwrap());
    assert!(said.status != Some(0), "{}", said.text);
    let child = wait();
    assert_eq!(ada("Lock-AdminPrincipal os-user:kim").status, Some(0));
    let said = Said::of(child.wait_with_output().unwrap());
    assert!(said.status != Some(0), "{}", said.text);
    let kept_out = Said::of(machine.session("kim", &["-c", "1"]).output().unwrap());
    assert_eq!(kept_out.status, Some(3), "{}", kept_out.text);
    assert_eq!(ada("Unlock-AdminPrincipal os-user:kim").status, Some(0));
    let back = Said::of(machine.session("kim", &["-c", "1"]).output().unwrap());
    assert_eq!((back.text.trim(), back.status), ("1", Some(0)));
    let ended = machine.log().iter().filter(|line| line["outcome"]["what"] == "cancelled").count();
    assert!(ended >= 1, "what was ended is written down");
}

#[test]
fn the_log_of_a_day_is_bounded_for_each_principal_and_no_parameter_blanks_another_out() {
    let Some(machine) = Machine::with(&desk("audit_kib_per_day = 64")) else { return };
    let long = "let r = []; for n in 0..400 { r.push(`u${n}@contoso.com`) } try { Test-XmppIM b.fabrikam.com $r -Body \"swordfish\" } catch { }";
    Said::of(machine.session("kim", &["-c", long]).output().unwrap());
    let line = machine.log().into_iter().find(|line| line["cmdlet"] == "Test-XmppIM").unwrap();
    let told = line["parameters"].to_string();
    for wanted in ["b.fabrikam.com", "swordfish", "u0@contoso.com", "of 400 values", "sha256"] {
        assert!(told.contains(wanted), "{wanted} {told}");
    }
    let flood = "for n in 0..2000 { try { Get-Pool b.fabrikam.com } catch { } }";
    Said::of(machine.session("kim", &["-c", flood]).output().unwrap());
    let refused = Said::of(machine.session("kim", &["-c", "Get-Pool"]).output().unwrap());
    assert!(refused.status != Some(0) && refused.text.contains("share of the audit log"), "{}", refused.text);
    let bytes: usize = machine.root("wc -c </etc/imsh/audit/imsh.jsonl").trim().parse().unwrap();
    assert!(bytes < 160 << 10, "{bytes}");
    assert!(machine.refusals().iter().any(|line| line.contains("calls refused today")));
    let ada = Said::of(machine.session("ada", &["-c", "(Get-Pool).Count"]).output().unwrap());
    assert_eq!((ada.text.trim(), ada.status), ("2", Some(0)), "others are not touched");
}

#[test]
fn tests_are_counted_over_all_sessions() {
    let Some(machine) = Machine::with(&desk("verifications_per_minute = 5")) else { return };
    let many = "for n in 0..4 { try { Test-FederatedPartner contoso.com -ErrorAction Stop | Out-Null; print(\"tried\") } \
                catch (e) { print(e.Id) } }";
    let said: String =
        (0..2).map(|_| Said::of(machine.session("kim", &["-c", many]).output().unwrap()).text).collect();
    assert_eq!((said.matches("tried").count(), said.matches("LimitReached").count()), (5, 3), "{said}");
}

/// A day of one-liners takes no more room than they wrote.
#[test]
fn what_a_transcript_does_not_need_is_given_back() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    for _ in 0..3 {
        assert_eq!(Said::of(machine.session("kim", &["-c", "1"]).output().unwrap()).status, Some(0));
    }
    let written = machine.root("cat /var/lib/imsh/transcripts/os-user+kim/*.txt | wc -c");
    let counts = machine.root("cat /var/lib/imsh/counts/*kim*");
    let booked = counts.split("transcripts").nth(1).and_then(|rest| {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        rest.split("\"n\":").nth(1).and_then(|rest| digits(rest.trim_start()).parse::<u64>().ok())
    });
    let written: u64 = written.trim().parse().unwrap();
    assert!(booked.is_some_and(|booked| booked <= written), "{written} bytes, {counts}");
    let code = machine.root("cat /var/lib/imsh/transcripts/os-user+kim/*.txt | grep -cx 1");
    assert_eq!(code.trim(), "6", "each program stands above what it showed");
}

#[test]
fn what_a_session_shows_is_written_down() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    Said::of(machine.session("kim", &["-c", "print(\"shown\")"]).output().unwrap());
    let transcript = machine.root("cat /var/lib/imsh/transcripts/os-user+kim/*.txt");
    assert!(transcript.contains("Username: os-user:kim") && transcript.contains("\nshown\n"), "{transcript}");
    let modes = machine.root("find /var/lib/imsh -perm /077 -not -path /var/lib/imsh");
    assert_eq!(modes.trim(), "");
    machine.root("mv /var/lib/imsh /var/lib/elsewhere");
    let said = Said::of(machine.session("kim", &["-c", "1"]).output().unwrap());
    assert_eq!(said.status, Some(3), "no record, no session: {}", said.text);
}

/// Delegates leave an administrator the room to work in: for lines of the log, and for what a session keeps.
#[test]
fn the_rest_of_a_disk_is_kept_for_administrators() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let kim = |code: &str| Said::of(machine.session("kim", &["-c", code]).output().unwrap());
    let ada = |code: &str| Said::of(machine.session("ada", &["-c", code]).output().unwrap());
    assert_eq!(kim("'before' | Out-File note").status, Some(0));
    machine.root(
        "mkdir -p /etc/imsh/audit; mount -t tmpfs -o size=24m,mode=700,uid=990,gid=990 none /etc/imsh/audit; \
         head -c 12582912 /dev/zero >/etc/imsh/audit/full",
    );
    let refused = kim("1");
    assert_eq!(refused.status, Some(3), "{}", refused.text);
    assert!(refused.text.contains("kept for administrators"), "{}", refused.text);
    for code in ["(Get-Pool).Count", "(Get-Pool).Count; Lock-AdminPrincipal os-user:pilar"] {
        let said = ada(code);
        assert_eq!((said.text.trim(), said.status), ("2", Some(0)), "{code}");
    }
    machine.root("umount /etc/imsh/audit");
    assert_eq!(kim("1").status, Some(0));
    machine.root("cp -a /var/lib/imsh /run/state; mount -t tmpfs -o size=24m,mode=700,uid=990,gid=990 none /var/lib/imsh; \
         cp -a /run/state/. /var/lib/imsh; head -c 12582912 /dev/zero >/var/lib/imsh/full");
    let refused = kim("let s = \"x\"; while s.len() < 9000 { s += s } $s | Out-File note -Append");
    assert!(refused.status != Some(0) && refused.text.contains("administrators"), "{}", refused.text);
    assert_eq!(ada("(Get-Pool).Count").text.trim(), "2");
}

/// A session that waits for a reader of its output, in which nothing runs any more that could end it.
#[test]
fn who_reads_nothing_of_a_session_does_not_keep_it() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let ada = |code: &str| Said::of(machine.session("ada", &["-c", code]).output().unwrap());
    // The caller ignores the signals that end it, and holds them back.
    let stuck = "let s = \"x\"; while s.len() < 100000 { s += s } loop { print(s) }";
    let shut = "import signal, os, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); \
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP]); \
                os.execvp('sudo', ['sudo', '-n', '-u', 'imsh', 'imsh', 'session', '-c', sys.argv[1]])";
    let begin = |way: &str| {
        let mut command = match way {
            "shut" => {
                let mut command = machine.command("kim", "python3");
                command.args(["-c", shut, stuck]);
                command
            }
            _ => machine.session("kim", &["-c", stuck]),
        };
        // Nobody ever reads the pipe, and nobody closes it.
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until(&format!("it is seen {way}"), || {
            ada("@(Get-AdminSession os-user:kim).Count").text.trim() == "1"
        });
        child
    };
    let is_over = || machine.root("pgrep -u imsh -x imsh; true").trim().is_empty();
    for (way, end, undo) in [
        ("", "Get-AdminSession os-user:kim | Stop-AdminSession", "1"),
        ("shut", "Get-AdminSession os-user:kim | Stop-AdminSession", "1"),
        ("", "Lock-AdminPrincipal os-user:kim", "Unlock-AdminPrincipal os-user:kim"),
        ("shut", "Revoke-AdminRole Desk os-user:kim -Confirm:$false", "1"),
    ] {
        let mut child = begin(way);
        assert_eq!(ada(end).status, Some(0), "{end}");
        until("it is over, read or not", is_over);
        child.wait().unwrap();
        assert_eq!(ada(undo).status, Some(0), "{undo}");
    }
    let ends = machine.log().into_iter().filter(|line| line["cmdlet"] == "imsh session");
    let ends = ends.filter(|line| line["principal"].to_string().contains("kim"));
    let (begun, ended): (Vec<_>, Vec<_>) = ends.partition(|line| line["outcome"]["what"] == "started");
    assert_eq!((begun.len(), ended.len()), (4, 4), "each end is written down once: {ended:?}");
    assert!(ended.iter().all(|line| line["outcome"]["what"] == "cancelled"), "{ended:?}");
}
