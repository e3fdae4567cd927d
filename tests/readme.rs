//! Every command of the README, run as it stands there; the two that set everything up included.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use imsh::internals::lab::Lab;
use rexpect::session::spawn_command;
use support::{IMSH, bare};
use tempfile::TempDir;

/// A command, the exit status that it must have, and what it must say.
const COMMANDS: &[(&str, i32, &str)] = &[
    ("imsh -c 'Get-Pool'", 0, "atl-cs-001.litwareinc.com"),
    ("imsh -c 'Set-TestUserCredential kenmyer@litwareinc.com (Get-Credential kenmyer)'", 0, ""),
    ("imsh -c 'Set-TestUserCredential pilar@litwareinc.com (Get-Credential pilar)'", 0, ""),
    ("imsh -c 'Test-Topology'", 0, "Success"),
    (
        "imsh -c 'Test-XmppIM -TargetFqdn atl-cs-001.litwareinc.com -Receiver adelany@contoso.com' -v",
        0,
        "Evidence      : Delivered",
    ),
    (
        "imsh respond adelany@contoso.com --password-file /run/secrets/adelany",
        2,
        "imsh respond: /run/secrets/adelany: No such file or directory",
    ),
    ("imsh --lab watch --once", 1, "the watcher ends"),
    ("imsh lint scripts/daily-verification.rhai", 0, ""),
    ("imsh run scripts/daily-verification.rhai", 0, "Result        : Success"),
    ("imsh run scripts/daily-verification.rhai --output jsonl", 0, "\"Result\":\"Success\""),
    (
        "imsh -o nagios -c 'Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -WarningLatency 2s \
         -CriticalLatency 10s'",
        0,
        "XMPPIM OK",
    ),
    ("imsh -o prometheus --output-file ~/imsh.prom run scripts/daily-verification.rhai", 0, ""),
];

/// What builds the program, or runs all these tests: `.ci/run` does.
const BY_CI: [&str; 3] = ["scripts/try", "tests/run", "cargo install --path ."];

/// Commands whose like `tests/door` runs against a real sshd.
const BY_DOOR: [&str; 3] = [
    "ssh imsh@watcher",
    "ssh imsh@watcher 'Test-XmppIM POOL USER@DOMAIN'",
    "ssh imsh@watcher - redmond < daily.rhai",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readme_does_what_it_says() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let named =
        blocks(&readme, "sh").flat_map(str::lines).map(|line| line.split("  #").next().unwrap().trim());
    let mut named: Vec<&str> = named.collect();
    let mut tested: Vec<&str> =
        COMMANDS.iter().map(|(command, ..)| *command).chain(BY_CI).chain(BY_DOOR).collect();
    let lab = Lab::start().await.unwrap();
    let home = home(&readme, &lab);
    for (command, wanted, says) in COMMANDS {
        let (status, said) = tokio::task::block_in_place(|| {
            if command.contains("(Get-Credential") {
                typed(&home, command)
            } else {
                told(&shell(&home, command).stdin(Stdio::null()).output().unwrap())
            }
        });
        assert_eq!(status, Some(*wanted), "{command}\n{said}");
        assert!(said.contains(says), "{command}\n{said}");
    }
    // Every script runs on this topology, which has one pool, one partner and no role.
    for script in std::fs::read_dir("scripts").unwrap().map(|entry| entry.unwrap().path()) {
        if script.extension().is_some_and(|extension| extension == "rhai") {
            let command = format!("imsh run {}", script.display());
            let (status, said) =
                tokio::task::block_in_place(|| told(&shell(&home, &command).output().unwrap()));
            let needs_arguments = said.starts_with("usage: ");
            assert!(matches!(status, Some(0 | 1)) || needs_arguments, "{command}: {status:?}\n{said}");
        }
    }
    let metrics = std::fs::read_to_string(home.path().join("imsh.prom")).unwrap();
    assert!(metrics.contains("\nimsh_test_success{"), "{metrics}");
    named.sort_unstable();
    tested.sort_unstable();
    assert_eq!(named, tested);
    let ci = std::fs::read_to_string(".ci/run").unwrap();
    for command in BY_CI {
        assert!(ci.lines().any(|line| line.trim().starts_with(command)), "{command}");
    }
}

/// The blocks of the README in a language.
fn blocks<'a>(readme: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("{language}\n");
    readme.split("```").skip(1).step_by(2).filter_map(move |block| block.strip_prefix(opening.as_str()))
}

/// A home with the README's topology, whose pool and partner are those of the practice network.
fn home(readme: &str, lab: &Lab) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let topology = blocks(readme, "toml").next().unwrap();
    let pool = format!("site = \"Redmond\"\nca_file = \"{}\"", lab.ca_file().display());
    let with_authority = topology.replace("site = \"Redmond\"", &pool);
    assert_ne!(with_authority, topology);
    let name_servers: Vec<String> = lab.name_servers().iter().map(|server| format!("\"{server}\"")).collect();
    let resolver: String = format!("[resolver]\nname_servers = [{}]\n", name_servers.join(", "));
    std::fs::create_dir_all(home.path().join(".config/imsh")).unwrap();
    std::fs::write(home.path().join(".config/imsh/topology.toml"), with_authority + resolver.as_str())
        .unwrap();
    std::fs::create_dir(home.path().join("bin")).unwrap();
    symlink(IMSH, home.path().join("bin/imsh")).unwrap();
    home
}

/// A shell that runs a command at home, where `imsh` is installed.
fn shell(home: &TempDir, command: &str) -> Command {
    let mut shell = bare("sh");
    let path = std::env::var("PATH").unwrap_or_default();
    shell.env("PATH", format!("{}:{path}", home.path().join("bin").display())).env("HOME", home.path());
    shell.args(["-c", command]);
    shell
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8([&*output.stdout, &*output.stderr].concat()).unwrap())
}

/// The command at a terminal, where somebody types the password.
fn typed(home: &TempDir, command: &str) -> (Option<i32>, String) {
    let mut shell = shell(home, &format!("{command}; echo status $?"));
    shell.env("TERM", "xterm-256color");
    let mut terminal = spawn_command(shell, Some(60_000)).unwrap();
    terminal.exp_string("Password").unwrap();
    terminal.exp_string(": ").unwrap();
    terminal.send_line("practice").unwrap();
    let said = terminal.exp_eof().unwrap();
    (said.trim().rsplit_once("status ").and_then(|(_, status)| status.parse().ok()), said)
}

/// The script where `cargo` runs the program that this test was built with.
fn try_out(cargo: &str) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("cargo");
    std::fs::write(&file, format!("#!/bin/sh\n[ \"$1\" = run ] || exit 0\n{cargo}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut script = bare("scripts/try");
    let path = std::env::var("PATH").unwrap_or_default();
    script.env("PATH", format!("{}:{path}", home.path().display())).env("HOME", home.path());
    // As behind sudo, which imsh itself refuses.
    script.env("IMSH", IMSH).env("SUDO_USER", "somebody").env("SUDO_UID", "12345");
    told(&script.output().unwrap())
}

/// Leaves the arguments of `cargo run` to the program.
const RUN: &str = "while [ \"$1\" != -- ]; do shift; done; shift; ";

#[test]
fn trying_it_out_ends_well_where_one_message_arrives_and_the_other_does_not() {
    let (status, said) = try_out(&format!("{RUN} exec \"$IMSH\" \"$@\""));
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("FEDERATION-CERTIFICATE-EXPIRED") && said.contains("Exchanged"), "{said}");
}

#[test]
fn trying_it_out_fails_where_the_practice_network_does_not_do_as_it_should() {
    for (instead, says) in [
        // Both arrive; neither does; another failure than the one that is meant; nothing runs at all.
        ("s/@expired.contoso/@contoso/", "the exit status is 0 and not 1"),
        ("s/adelany@contoso.com/adelany@expired.contoso.com/", "the first message did not arrive"),
        ("s/@expired.contoso/@self-signed.contoso/", "is not refused for its server's certificate"),
        ("s/Test-XmppIM/Test-Nothing/", "the exit status is 2 and not 1"),
    ] {
        let cargo = format!(
            "{RUN} shift 4; exec \"$IMSH\" --lab -o list -c \"$(printf %s \"$1\" | sed '{instead}')\""
        );
        let (status, said) = try_out(&cargo);
        assert!(status == Some(1) && said.contains(says), "{instead}\n{said}");
        assert!(!said.contains("as they should be"), "{instead}\n{said}");
    }
}

/// What a script says where only these programs are there, as an ordinary user has them: nothing installs.
fn without(script: &str, programs: &[&str]) -> (Option<i32>, String) {
    let path = tempfile::tempdir().unwrap();
    for program in programs {
        let found = bare("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        symlink(Path::new(found.trim()), path.path().join(program)).unwrap();
    }
    let mut command = bare("/bin/bash");
    told(&command.arg(script).env("PATH", path.path()).output().unwrap())
}

#[test]
fn what_a_build_needs_and_cannot_be_installed_is_said_in_one_line() {
    for script in ["scripts/try", "tests/run"] {
        for (programs, says) in [
            (&["dirname", "id"][..], "Not installed: Rust. Install it from https://rustup.rs"),
            (
                &["dirname", "id", "cargo"],
                "Not installed: a C compiler with the C library's headers. As root: apt-get install gcc libc6-dev",
            ),
        ] {
            let (status, said) = without(script, programs);
            assert!(status == Some(1) && said.starts_with(says), "{script}: {said}");
            assert_eq!(said.lines().count(), 1, "{script}: {said}");
        }
    }
}

#[test]
fn no_test_starts_the_program_with_the_environment_of_the_machine() {
    let mut folders = vec!["tests".into()];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.starts_with("tests/support")
                && std::fs::read_to_string(&path).unwrap().contains(concat!("CARGO_BIN_EXE", "_imsh"))
            {
                wrong.push(path);
            }
        }
    }
    assert!(wrong.is_empty(), "start it with support::imsh or its like: {wrong:?}");
}
