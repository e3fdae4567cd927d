//! Behind sudo: one way in, whatever the caller names and however.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use nix::fcntl::{Flock, FlockArg};

use crate::machine::{Machine, Said, place, until};
use crate::topology;

#[test]
fn a_delegate_runs_what_the_role_allows_as_one_line_and_as_a_script() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let pools = "(Get-Pool).Identity";
    let said = Said::of(machine.session("kim", &["-c", pools]).output().unwrap());
    assert_eq!((said.text.trim(), said.status), ("a.litwareinc.com", Some(0)));
    let said = Said::of(machine.session("ada", &["-c", "(Get-Pool).Count"]).output().unwrap());
    assert_eq!((said.text.trim(), said.status), ("2", Some(0)));
    let said = Said::with_input(&mut machine.session("kim", &[]), b"Get-Pool b.fabrikam.com");
    assert_eq!(said.status, Some(3), "{}", said.text);
    let script = b"for word in args { print(word) } exit(7)";
    let said = Said::with_input(&mut machine.session("kim", &["-", "a b", "$HOME"]), script);
    assert_eq!((said.text.as_str(), said.status), ("a b\n$HOME\n", Some(7)));
    let said = Said::of(machine.session("pilar", &["-c", pools]).output().unwrap());
    assert_eq!(said.status, Some(3), "who has no role does not come in: {}", said.text);
    let refusals = machine.refusals();
    assert!(
        refusals
            .contains(&"os-user:kim Get-Pool: no role of the caller reaches the pool b.fabrikam.com".into())
    );
    assert!(
        refusals.contains(&"os-user:pilar imsh session: the principal has no role".into()),
        "{refusals:?}"
    );
    let log = machine.log();
    let sessions: Vec<_> = log.iter().filter(|line| line["cmdlet"] == "imsh session").collect();
    let n_began = sessions.iter().filter(|line| line["outcome"]["what"] == "started").count();
    let n_ended = sessions.iter().filter(|line| line["outcome"]["what"] == "finished").count();
    assert_eq!((n_began, n_ended), (4, 4));
    assert!(log.iter().all(|line| line["way"] == "session"));
}

/// Each of these is one of the ways in that were found open, or a sibling of one.
#[test]
fn every_other_way_in_is_refused_with_the_sentence_that_says_so() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let mine = place(&machine, "mine.toml");
    std::fs::write(
        &mine,
        "[access]\n[[access.assignment]]\nrole = \"Administrator\"\nmembers = [\"os-user:kim\"]\n",
    )
    .unwrap();
    let mine = mine.display().to_string();
    let before = machine.root("cat /etc/imsh/topology.toml");
    for arguments in [
        &[][..],
        &["-c", "Get-Pool"],
        &["--topology", "/dev/stdin", "-c", "Get-Content /etc/shadow"],
        &["--topology", &mine, "-c", "Get-Pool"],
        &["--topology", "/etc/imsh/topology.toml", "run", "-", "--topology", "/dev/stdin"],
        &["--topology", "/etc/imsh/topology.toml", "run", "-", "-c", "Get-Pool"],
        &["run", "session"],
        &["-c", "session"],
        &["--output", "json", "session"],
        &["lint", "/etc/shadow"],
        &["respond", "a@c.example", "--password-file", "/etc/shadow"],
        &["--lab"],
        &["setup"],
        &["--version", "session"],
        &["SESSION"],
        &["--", "session"],
    ] {
        let mut command = machine.command("kim", "sudo");
        command.args(["-n", "-u", "imsh", "imsh"]).args(arguments);
        let said = Said::with_input(&mut command, std::fs::read(&mine).unwrap().as_slice());
        assert_eq!(said.status, Some(3), "{arguments:?}\n{}", said.text);
        assert!(said.text.contains("run sudo -u ACCOUNT imsh session"), "{arguments:?}\n{}", said.text);
        assert_eq!(said.text.lines().count(), 1, "{}", said.text);
    }
    for arguments in [
        &["--topology", &mine, "-c", "(Get-Pool).Count"][..],
        &["-c", "(Get-Pool).Count", "--topology", &mine],
        &["--vault", "/tmp", "-c", "Get-Pool"],
        &["--lab", "-c", "Get-Pool"],
        &["--store", "/tmp/taken", "-c", "Get-Pool"],
        &["--output-file", "/tmp/taken", "-c", "Get-Pool"],
        &["--principal", "boss", "-c", "Get-Pool"],
        &[&mine],
        &["/dev/stdin"],
    ] {
        let said = Said::of(machine.session("kim", arguments).output().unwrap());
        assert!(matches!(said.status, Some(2 | 3)), "{arguments:?}\n{}", said.text);
        assert!(!said.text.contains("fabrikam"), "{}", said.text);
    }
    for variables in [
        &["IMSH_TOPOLOGY=/tmp/x"][..],
        &["SSH_ORIGINAL_COMMAND=Get-Pool b.fabrikam.com", "SSH_CONNECTION=1 2 3 4"],
        &["CREDENTIALS_DIRECTORY=/tmp"],
        &["HOME=/tmp", "XDG_CONFIG_HOME=/tmp"],
    ] {
        let mut command = machine.command("kim", "sh");
        // sudo's own process is gone where it runs nothing beside the program.
        command.args(["-c", "sudo -n -E -u imsh \"$@\"; exit $?", "sh"]).args(variables);
        let said = Said::of(command.args(["imsh", "session", "-c", "(Get-Pool).Identity"]).output().unwrap());
        assert_eq!((said.text.trim(), said.status), ("a.litwareinc.com", Some(0)), "{variables:?}");
    }
    // What only sshd says is not there behind sudo.
    let said = machine.shell("kim", "sudo -n -u imsh SSH_USER_AUTH=/tmp/x imsh session -c 1");
    assert!(said.status == Some(3) && said.text.contains("leave -E"), "{}", said.text);
    for variables in ["DOAS_USER=ada", "SUDO_USER=nobody-of-that-name", "PKEXEC_UID=993"] {
        let mut command = machine.command("kim", "sudo");
        command.args(["-n", "-E", "-u", "imsh", "env", variables]);
        let said = Said::of(command.args(["imsh", "session", "-c", "(Get-Pool).Count"]).output().unwrap());
        assert_eq!(said.status, Some(3), "{variables}\n{}", said.text);
    }
    assert_eq!(machine.root("cat /etc/imsh/topology.toml"), before);
    let said = Said::of(machine.command("kim", "imsh").args(["session", "-c", "Get-Pool"]).output().unwrap());
    assert_eq!(said.status, Some(3), "as oneself, who owns no topology: {}", said.text);
    let said = machine.shell("root", "imsh session -c Get-Pool");
    assert!(said.status == Some(3) && said.text.contains("runs as the account that owns"), "{}", said.text);
    let said = machine.shell("kim", "sudo -n -u imsh imsh --version; sudo -n -u imsh imsh --help");
    assert!(said.status == Some(0) && said.text.starts_with("imsh "), "{}", said.text);
}

/// doas tells of its caller by name, which may have letters that no variable of a session's has.
#[test]
fn a_caller_whose_name_has_other_letters_stays_who_they_are() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let key = machine.key("boss");
    machine.set_topology(&topology(&[("boss", &key)]));
    machine.root("echo 'k+m:x:991:991::/home/kim:/bin/sh' >>/etc/passwd");
    let said = |arguments: &str| {
        let as_doas = "sudo -n -u imsh env -u SUDO_UID -u SUDO_USER DOAS_USER=k+m imsh session";
        machine.shell("kim", &format!("{as_doas} {arguments}"))
    };
    let own = said("-c '(Get-Pool).Identity'");
    assert_eq!((own.text.trim(), own.status), ("a.litwareinc.com", Some(0)));
    let other = said("--principal boss -c '(Get-Pool).Count'");
    assert!(other.status == Some(3) && other.text.contains("leave --principal away"), "{}", other.text);
}

/// What others could change is not trusted, and an error of the check means no.
#[test]
fn a_topology_that_others_could_change_lets_nobody_in() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let spoilt = [
        ("chmod 660 /etc/imsh/topology.toml", "chmod 640 /etc/imsh/topology.toml"),
        ("chmod 777 /etc/imsh", "chmod 755 /etc/imsh"),
        ("chown kim /etc/imsh/topology.toml", "chown imsh /etc/imsh/topology.toml"),
        ("chown kim /etc/imsh", "chown imsh /etc/imsh"),
        ("ln /etc/imsh/topology.toml /etc/imsh/other", "rm /etc/imsh/other"),
        (
            "mv /etc/imsh/topology.toml /etc/imsh/real; ln -s real /etc/imsh/topology.toml",
            "mv /etc/imsh/real /etc/imsh/topology.toml",
        ),
        ("mv /etc/imsh /etc/real; ln -s real /etc/imsh", "rm /etc/imsh; mv /etc/real /etc/imsh"),
        (
            "mv /etc/imsh/topology.toml /etc/imsh/real; mkfifo /etc/imsh/topology.toml",
            "mv -f /etc/imsh/real /etc/imsh/topology.toml",
        ),
        ("mv /etc/imsh/topology.toml /etc/imsh/real", "mv /etc/imsh/real /etc/imsh/topology.toml"),
        ("chmod 777 /etc", "chmod 755 /etc"),
    ];
    for (spoil, mend) in spoilt {
        machine.root(spoil);
        let said = Said::of(machine.session("ada", &["-c", "(Get-Pool).Count"]).output().unwrap());
        machine.root(mend);
        assert_eq!(said.status, Some(3), "{spoil}\n{}", said.text);
        assert!(!said.text.contains("fabrikam"), "{spoil}\n{}", said.text);
    }
    let said = Said::of(machine.session("ada", &["-c", "(Get-Pool).Count"]).output().unwrap());
    assert_eq!((said.text.trim(), said.status), ("2", Some(0)));
}

/// Low limits are refused before anything is answered, in the same words and with a line, or work.
#[test]
fn a_caller_who_lets_the_process_have_too_little_is_told_so() {
    let copied = topology(&[]).replace("syslog = \"off\"", "syslog = \"auto\"");
    let Some(machine) = Machine::with(&copied) else { return };
    machine.root(
        "mkdir -p /run/systemd/journal; (python3 -c 'import os, socket\ns = socket.socket(socket.AF_UNIX, \
         socket.SOCK_DGRAM)\ns.bind(\"/run/systemd/journal/socket\")\nos.chmod(\"/run/systemd/journal/socket\", \
         0o666)\nwhile True: print(s.recv(1 << 18), flush=True)' >/run/journal 2>&1 </dev/null &)",
    );
    until("the journal listens", || {
        machine.shell("root", "test -S /run/systemd/journal/socket").status == Some(0)
    });
    let session = "sudo -n -u imsh imsh session -c '(Get-Pool).Identity'";
    for limit in ["-n 40", "-v 200000", "-d 100000", "-t 5", "-p 20", "-f 1", "-f 0"] {
        let said = machine.shell("kim", &format!("ulimit {limit}; {session}"));
        // Where the system gives not even sudo what it needs, imsh is not asked.
        assert_ne!(said.status, Some(0), "{limit}\n{}", said.text);
        assert!(!said.text.contains("litwareinc"), "{limit}\n{}", said.text);
        if said.text.contains("imsh") && !said.text.starts_with("sudo: ") {
            assert!(said.text.contains("too low to work under"), "{limit}\n{}", said.text);
        }
    }
    let stack = machine.shell("kim", &format!("ulimit -s 64; {session}"));
    assert!(stack.status == Some(3) && stack.text.contains("limit for stacks"), "{}", stack.text);
    for limits in ["ulimit -S -n 30; ulimit -S -f 1; ulimit -S -c 100", "ulimit -S -s 64"] {
        let soft = machine.shell("kim", &format!("{limits}; {session}"));
        assert_eq!((soft.text.trim(), soft.status), ("a.litwareinc.com", Some(0)), "{limits}");
    }
    let refusals = machine.refusals();
    for limit in ["limit for open files", "limit for stacks"] {
        assert!(refusals.iter().any(|line| line.contains(limit)), "{limit} {refusals:?}");
    }
    // Where no file may grow, a copy without a number is the line.
    assert!(!refusals.iter().any(|line| line.contains("size of files")), "{refusals:?}");
    let journal = machine
        .root("grep -a -c 'IMSH_LINE=0.*IMSH_PRINCIPAL=os-user:kim.*IMSH_OUTCOME=refused' /run/journal");
    assert_eq!(journal.trim(), "2", "{}", machine.root("cat /run/journal"));
    let said = Said::of(machine.session("ada", &["-c", "Test-AuditLog"]).output().unwrap());
    assert!(said.status == Some(0) && !said.text.contains("torn"), "{}", said.text);
}

/// Ctrl-Z and its like do not stop a process that may hold the lock, and what is needed of it stays secret.
#[test]
fn a_session_cannot_be_stopped_or_looked_into() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let mut running = machine.session("kim", &["-c", "print(1); sleep(100)"]);
    let mut child = running.stdout(std::process::Stdio::piped()).spawn().unwrap();
    until("it runs", || machine.shell("root", "pgrep -u imsh -x imsh").status == Some(0));
    until("it has begun", || machine.log().iter().any(|line| line["cmdlet"] == "imsh session"));
    let pid = machine.root("pgrep -u imsh -x imsh").trim().to_owned();
    machine.root(&format!("kill -TSTP {pid}; kill -TTIN {pid}; kill -TTOU {pid}"));
    let state = machine.root(&format!("grep State: /proc/{pid}/status"));
    assert!(!state.contains("stopped"), "{state}");
    // Nor does what a key or an old timer sends end it without its line.
    for signal in ["QUIT", "ALRM", "VTALRM", "PROF", "USR1", "USR2", "IO", "PWR", "STKFLT"] {
        machine.root(&format!("kill -{signal} {pid}; sleep 0.1; kill -0 {pid}"));
    }
    let limits = machine.root(&format!("grep -i core /proc/{pid}/limits"));
    assert!(limits.contains(" 0 "), "{limits}");
    // Another process of the account may look into none.
    let said = machine.shell("imsh", &format!("cat /proc/{pid}/environ"));
    assert_ne!(said.status, Some(0), "{}", said.text);
    let environment =
        machine.root(&format!("tr '\\0' '\\n' </proc/{pid}/environ | cut -d= -f1 | sort | tr '\\n' ' '"));
    assert_eq!(environment.trim(), "SUDO_UID TERM");
    assert_eq!(machine.root(&format!("readlink /proc/{pid}/cwd")).trim(), "/");
    machine.root(&format!("kill {pid}"));
    let _ = child.wait();
    let is_end =
        |line: &serde_json::Value| line["cmdlet"] == "imsh session" && line["outcome"]["what"] == "cancelled";
    assert!(machine.log().iter().any(is_end), "its end is written down");
}

/// A signal that comes before the program listens finds it when it does: no first line stays without a last one.
#[test]
fn a_signal_that_comes_too_early_ends_the_session_in_an_orderly_way() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let said = Said::of(machine.session("kim", &["-c", "1"]).output().unwrap());
    assert_eq!(said.status, Some(0), "{}", said.text);
    for signal in ["INT", "TERM", "HUP"] {
        let held = place(&machine, "etc/imsh/audit/.imsh.jsonl.lock");
        let held = Flock::lock(std::fs::File::open(held).unwrap(), FlockArg::LockExclusive).unwrap();
        let n_before = machine.log().len();
        let mut running = machine.session("kim", &["-c", "print(1); sleep(100)"]);
        let mut child = running.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let waits = |line: &str| line.contains("-> FLOCK") && line.contains(&format!(":{} ", inode(&held)));
        until("it waits for its line", || std::fs::read_to_string("/proc/locks").unwrap().lines().any(waits));
        machine.root(&format!("kill -{signal} $(pgrep -u imsh -x imsh)"));
        drop(held);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        let log = machine.log();
        let outcomes: Vec<_> = log[n_before..].iter().map(|line| line["outcome"]["what"].clone()).collect();
        assert_eq!(outcomes, ["started", "cancelled"], "{signal}");
    }
}

fn inode(file: &std::fs::File) -> u64 {
    file.metadata().unwrap().ino()
}

/// The race of the attack: a link between a file of the caller's and one of the account's.
#[test]
fn no_name_of_the_callers_is_ever_opened() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let script = place(&machine, "swap.rhai");
    std::fs::write(&script, "print(\"swordfish\")").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o666)).unwrap();
    let name = script.display().to_string();
    for arguments in
        [&[name.as_str()][..], &["-c", "import \"/tmp/x\" as x;"], &["-c", "Get-Content /etc/passwd"]]
    {
        let said = Said::of(machine.session("kim", arguments).output().unwrap());
        assert!(said.status != Some(0) && !said.text.contains("swordfish"), "{}", said.text);
    }
}
