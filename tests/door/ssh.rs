//! Through the real sshd, with the drop-in that is shipped.

use std::process::Stdio;

use crate::machine::{Machine, Said, until};
use crate::topology;

/// A machine with sshd and a desk, a boss and somebody without a role.
pub fn with_sshd() -> Option<Machine> {
    let machine = Machine::with(&topology(&[]))?;
    let keys = ["desk", "boss", "idle"].map(|name| (name, machine.key(name)));
    machine.key("wrong");
    let keys: Vec<(&str, &str)> = keys.iter().map(|(name, key)| (*name, key.as_str())).collect();
    machine.set_topology(&topology(&keys));
    machine.start_sshd();
    Some(machine)
}

#[test]
fn a_key_opens_the_session_of_its_principal_and_nothing_else() {
    let Some(machine) = with_sshd() else { return };
    let said = |key: &str, options: &[&str], command: &[&str]| {
        Said::of(machine.ssh(key, options, command).output().unwrap())
    };
    let one = said("desk", &[], &["(Get-Pool).Identity"]);
    assert_eq!((one.text.trim(), one.status), ("a.litwareinc.com", Some(0)));
    let two = said("boss", &[], &["(Get-Pool).Count"]);
    assert_eq!((two.text.trim(), two.status), ("2", Some(0)));
    assert_eq!(said("desk", &[], &["exit(7)"]).status, Some(7));
    assert_eq!(said("desk", &[], &["Get-Pool b.fabrikam.com"]).status, Some(3));
    let script = Said::with_input(
        &mut machine.ssh("desk", &["-T"], &["-", "'a b'", "\"c d\"", "$HOME"]),
        b"for word in args { print(word) } exit(3)",
    );
    assert_eq!((script.text.as_str(), script.status), ("a b\nc d\n$HOME\n", Some(3)));
    let piped = Said::with_input(&mut machine.ssh("desk", &["-T"], &[]), b"(Get-Pool).Identity");
    assert_eq!((piped.text.trim(), piped.status), ("a.litwareinc.com", Some(0)));
    for key in ["wrong", "idle"] {
        let refused = said(key, &[], &["Get-Pool"]);
        assert!(
            refused.status == Some(255) && refused.text.contains("Permission denied"),
            "{key} {}",
            refused.text
        );
    }
    let log = machine.log();
    let key = machine.root("ssh-keygen -lf /home/kim/desk.pub");
    let began = log.iter().find(|line| line["cmdlet"] == "imsh session").unwrap();
    assert_eq!(began["principal"], "principal:desk");
    assert!(key.contains(began["parameters"]["Key"][0].as_str().unwrap()), "{began}");
}

#[test]
fn forwarding_sftp_and_the_agent_are_refused_and_tricks_are_input_to_our_own_parser() {
    let Some(machine) = with_sshd() else { return };
    machine.root("echo sftp-was-here >/run/file; chmod 644 /run/file");
    let sftp = machine.shell(
        "kim",
        "echo 'get /run/file /tmp/taken-by-sftp' | sftp -q -F none -i /home/kim/desk -o StrictHostKeyChecking=no \
         -o UserKnownHostsFile=/dev/null -o BatchMode=yes -b - imsh@127.0.0.1",
    );
    assert_ne!(sftp.status, Some(0), "{}", sftp.text);
    let scp = machine.shell(
        "kim",
        "scp -q -O -F none -i /home/kim/desk -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
         -o BatchMode=yes imsh@127.0.0.1:/run/file /home/kim/taken",
    );
    assert_ne!(scp.status, Some(0), "{}", scp.text);
    assert_ne!(machine.shell("root", "test -e /home/kim/taken").status, Some(0));
    let forward =
        machine.ssh("desk", &["-o", "ExitOnForwardFailure=yes", "-R", "2222:127.0.0.1:22"], &["1"]).output();
    assert_eq!(Said::of(forward.unwrap()).status, Some(255));
    let tunnel = Said::of(machine.ssh("desk", &["-W", "127.0.0.1:22"], &[]).output().unwrap());
    assert!(!tunnel.text.contains("SSH-2.0"), "{}", tunnel.text);
    let agent = machine.shell(
        "kim",
        "eval $(ssh-agent) >/dev/null; ssh-add -q /home/kim/desk; ssh -A -F none -o StrictHostKeyChecking=no -o \
         UserKnownHostsFile=/dev/null -o LogLevel=ERROR imsh@127.0.0.1 '1 + 1'; kill $SSH_AGENT_PID",
    );
    assert_eq!(agent.text.trim(), "2");
    let n_sockets = machine.root("find /tmp -maxdepth 2 -user imsh -name 'agent.*' 2>/dev/null | wc -l");
    assert_eq!(n_sockets.trim(), "0", "no agent was forwarded");
    for command in
        ["; sh", "$(id)", "`id`", "| sh", "&& id", "\nid", "sh -c id", "-c id", "--topology /etc/shadow", "#"]
    {
        let said = Said::of(machine.ssh("desk", &[], &[command]).output().unwrap());
        assert!(!said.text.contains("uid="), "{command}\n{}", said.text);
    }
    for variables in [
        &["IMSH_TOPOLOGY=/tmp/x"][..],
        &["SSH_USER_AUTH=/tmp/x"],
        &["HOME=/tmp"],
        // The drop-in leaves these empty, whatever a client sends.
        &["SUDO_USER=ada"],
        &["SUDO_UID=993", "SUDO_USER=ada"],
        &["DOAS_USER=ada"],
        &["PKEXEC_UID=993"],
    ] {
        let said = with_variables(&machine, variables);
        assert_eq!((said.text.trim(), said.status), ("a.litwareinc.com", Some(0)), "{variables:?}");
    }
    assert!(principals(&machine).iter().all(|principal| principal == "principal:desk"));
}

/// What the desk is told that sends these variables, and its code on standard input, as behind sudo.
fn with_variables(machine: &Machine, variables: &[&str]) -> Said {
    let names: Vec<&str> = variables.iter().filter_map(|variable| variable.split('=').next()).collect();
    let send = format!("SendEnv=NONE {}", names.join(" "));
    let ssh = machine.ssh("desk", &["-T", "-o", &send], &[]);
    let mut with = std::process::Command::new(ssh.get_program());
    for argument in ssh.get_args() {
        if argument == "ssh" {
            with.args(variables);
        }
        with.arg(argument);
    }
    with.env_clear().envs(ssh.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Said::with_input(&mut with, b"(Get-Pool).Identity")
}

/// The principals of the log's lines.
fn principals(machine: &Machine) -> Vec<String> {
    let principal = |line: &serde_json::Value| line["principal"].as_str().unwrap_or_default().to_owned();
    machine.log().iter().map(principal).collect()
}

/// Where an administrator has left the empty variables out, and sshd accepts a client's.
#[test]
fn variables_of_sudo_that_a_client_of_sshd_sets_make_nobody_of_it() {
    let Some(machine) = Machine::with(&topology(&[])) else { return };
    let key = machine.key("desk");
    machine.set_topology(&topology(&[("desk", &key)]));
    machine.start_sshd_with_drop_in(|drop_in| drop_in.replace("    SetEnv ", "    # "));
    let attempts = [
        &["SUDO_UID=993"][..],
        &["SUDO_UID=993", "SUDO_USER=ada"],
        &["SUDO_USER=ada"],
        &["DOAS_USER=ada"],
        &["PKEXEC_UID=993"],
        &["SUDO_UID=0"],
    ];
    let refused = |variables: &[&str]| {
        let said = with_variables(&machine, variables);
        assert_eq!(said.status, Some(3), "{variables:?}\n{}", said.text);
        assert!(said.text.contains("a client of sshd may set the latter"), "{variables:?}\n{}", said.text);
    };
    attempts.into_iter().for_each(refused);
    // The account itself is no other caller.
    let own = with_variables(&machine, &["SUDO_UID=990"]);
    assert_eq!((own.text.trim(), own.status), ("a.litwareinc.com", Some(0)));
    assert!(principals(&machine).iter().all(|principal| principal == "principal:desk"));
    // The same where sshd says nothing of the key.
    machine.root("pkill -x sshd");
    machine.start_sshd_with_drop_in(|drop_in| {
        drop_in
            .replace("    SetEnv ", "    # ")
            .replace("ExposeAuthInfo yes", "ExposeAuthInfo no")
            .replace("imsh session", "imsh session --principal desk")
    });
    attempts.into_iter().for_each(refused);
    let own = with_variables(&machine, &[]);
    assert_eq!((own.text.trim(), own.status), ("a.litwareinc.com", Some(0)));
}

#[test]
fn a_certificate_opens_the_session_of_the_principal_that_it_names() {
    let Some(machine) = with_sshd() else { return };
    let certificate = |names: &str| {
        machine.root(&format!(
            "ssh-keygen -q -s /etc/ssh/test_ca -I id -n {names} -V +1h /home/kim/wrong.pub && \
             chown kim: /home/kim/wrong-cert.pub"
        ));
        Said::of(machine.ssh("wrong", &[], &["(Get-Pool).Identity"]).output().unwrap())
    };
    let desk = certificate("desk");
    let log = || {
        machine.shell("imsh", "imsh authorized-principals imsh").text
            + &machine.root("tail -40 /run/sshd.log")
    };
    assert_eq!((desk.text.trim(), desk.status), ("a.litwareinc.com", Some(0)), "{}", log());
    for names in ["idle", "imsh", "nobody", "root"] {
        let said = certificate(names);
        assert_eq!(said.status, Some(255), "{names}\n{}", said.text);
    }
    let both = certificate("desk,boss");
    assert_ne!(both.status, Some(0), "{}", both.text);
}

/// A second role keeps the session open, so that it is the call that is refused.
#[test]
fn who_loses_the_role_while_a_session_runs_does_nothing_more_in_it() {
    let Some(machine) = with_sshd() else { return };
    let clock = "Grant-AdminRole Clock principal:desk";
    let made = format!("New-AdminRole Clock -Template HelpDesk -Cmdlets Get-Date,Out-Null; {clock}");
    let made = Said::of(machine.session("ada", &["-c", &made]).output().unwrap());
    assert_eq!(made.status, Some(0), "{}", made.text);
    let script = "for n in 0..4000 { try { Get-Pool a.litwareinc.com | Out-Null; print(\"seen\"); } catch (e) { \
                  print(e.Message); break; } sleep(0.05); } Get-Date | Out-Null; print(\"still here\")";
    let mut ssh = machine.ssh("desk", &["-T"], &[script]);
    let child = ssh.stdout(Stdio::piped()).spawn().unwrap();
    until("it works", || machine.log().iter().any(|line| line["cmdlet"] == "Get-Pool"));
    let revoked = "Revoke-AdminRole Desk principal:desk -Confirm:$false";
    let revoked = Said::of(machine.session("ada", &["-c", revoked]).output().unwrap());
    assert_eq!(revoked.status, Some(0), "{}", revoked.text);
    let said = Said::of(child.wait_with_output().unwrap());
    assert!(said.text.starts_with("seen\n") && said.text.contains("no role that allows"), "{}", said.text);
    assert!(said.text.ends_with("still here\n"), "{}", said.text);
    let refusals = machine.refusals();
    let is_refused = refusals.iter().any(|line| line.starts_with("principal:desk Get-Pool"));
    assert!(is_refused, "{refusals:?}\n{}", said.text);
}

#[test]
fn a_session_ends_when_the_key_that_opened_it_is_taken_away() {
    let Some(machine) = with_sshd() else { return };
    let ada = |code: &str| Said::of(machine.session("ada", &["-c", code]).output().unwrap());
    let mut ssh = machine.ssh("desk", &["-T"], &["print(\"begun\"); sleep(300); print(\"too late\")"]);
    let child = ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("it runs", || ada("(Get-AdminSession principal:desk).Count").text.trim() == "1");
    let taken = ada("Set-AdminPrincipal desk -Keys @{Remove='desk@desk'} -Confirm:$false");
    assert_eq!(taken.status, Some(0), "{}", taken.text);
    let said = Said::of(child.wait_with_output().unwrap());
    assert!(said.status != Some(0) && !said.text.contains("too late"), "{said:?}");
    assert!(said.text.contains("was taken away; the session ends"), "{}", said.text);
}

/// How a session that runs is ended from outside, and what the log has of it.
#[test]
fn a_session_whose_principal_has_no_role_any_more_or_is_locked_or_killed_is_over() {
    let Some(machine) = with_sshd() else { return };
    let ada = |code: &str| Said::of(machine.session("ada", &["-c", code]).output().unwrap());
    let begin = || {
        let mut ssh = machine.ssh("desk", &["-T"], &["print(\"begun\"); sleep(300); print(\"too late\")"]);
        let child = ssh.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("it runs", || ada("(Get-AdminSession principal:desk).Count").text.trim() == "1");
        child
    };
    let ended = |child: std::process::Child| {
        let said = Said::of(child.wait_with_output().unwrap());
        assert!(said.status != Some(0) && !said.text.contains("too late"), "{said:?}");
        said
    };
    let child = begin();
    assert_eq!(ada("Lock-AdminPrincipal principal:desk").status, Some(0));
    ended(child);
    let out = Said::of(machine.ssh("desk", &[], &["1"]).output().unwrap());
    assert_eq!(out.status, Some(255), "a locked principal has no key: {}", out.text);
    assert_eq!(ada("Unlock-AdminPrincipal principal:desk").status, Some(0));
    // The process is gone before it can say anything; its place and its locks go with it.
    let child = begin();
    machine.root("kill -KILL $(pgrep -u imsh -x imsh)");
    ended(child);
    assert_eq!(ada("@(Get-AdminSession principal:desk).Count").text.trim(), "0");
    // The client is gone: what runs ends with it, and not only when it has something to say.
    let child = begin();
    machine.root("kill -KILL $(pgrep -u kim -x ssh)");
    ended(child);
    until("nobody is left", || ada("@(Get-AdminSession principal:desk).Count").text.trim() == "0");
    let child = begin();
    assert_eq!(ada("Revoke-AdminRole Desk principal:desk -Confirm:$false").status, Some(0));
    let said = ended(child);
    assert!(said.text.contains("you have no role any more"), "{}", said.text);
    let out = Said::of(machine.ssh("desk", &[], &["1"]).output().unwrap());
    assert_eq!(out.status, Some(255), "{}", out.text);
    let checked = ada("(Test-AuditLog).Result");
    assert_eq!(checked.text.trim(), "Success", "{}", checked.text);
    let lines = machine.log();
    let of_desk =
        lines.iter().filter(|line| line["cmdlet"] == "imsh session" && line["principal"] == "principal:desk");
    let ends: Vec<String> = of_desk.map(|line| line["outcome"]["what"].to_string()).collect();
    let n_cancelled = ends.iter().filter(|end| *end == "\"cancelled\"").count();
    assert_eq!(n_cancelled, 3, "each end that the process lived to see is written down: {ends:?}");
}
