//! What the program leaves on the disk when it is killed, when several of it write at once, and when
//! the disk is full or not to be written on.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{IMSH, bare, imsh_at, namespace};
use tempfile::TempDir;

/// A deployment that is audited.
struct Home(TempDir);

impl Home {
    /// One whose log is there, seen from the topology.
    fn with_log(file: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::write(home.file(), format!("{TOPOLOGY}file = \"{file}\"\n")).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("topology.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    fn command(&self, code: &str) -> Command {
        let mut command = imsh_at(self.0.path());
        command.args(["--topology", "topology.toml", "-c", code]).current_dir(self.0.path());
        command.env("SECRET", "hunter2-swordfish").stdin(Stdio::null());
        command
    }

    /// What a command prints that must succeed.
    fn done(&self, code: &str) -> String {
        let ended = self.command(code).output().unwrap();
        assert!(ended.status.success(), "{code}\n{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    }

    /// What a shell says in a mount namespace of its own.
    fn scripted(&self, unshare: &[&str], script: &str, variables: &[(&str, &str)]) -> String {
        let ended = bare("unshare")
            .args(unshare)
            .args(["sh", "-c", script])
            .current_dir(self.0.path())
            .envs(variables.iter().copied())
            .env("IMSH", IMSH)
            .env("HOME", self.0.path())
            .env("SECRET", "hunter2-swordfish")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        assert!(ended.status.success(), "{said}");
        said
    }

    /// Everything below the directory, with its contents.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut directories = vec![self.0.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_none_or(|extension| extension != "lock") {
                    found.push((path.clone(), std::fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

const TOPOLOGY: &str = r#"# Maintained by the messaging team.
[[pool]]
identity = "a.litwareinc.com"   # the old cluster
domains = ["litwareinc.com"]
test_users = ["sip:kenmyer@litwareinc.com"]

[audit]
syslog = "off"
max_file_size = "64KiB"
"#;

#[test]
fn several_programs_write_and_some_are_killed_and_nothing_confirmed_is_lost() {
    let home = Home::with_log("audit/imsh.jsonl");
    let write = |writer: usize, n_pools: usize| -> Child {
        let code = format!(
            "for n in 0..{n_pools} {{ let p = `w{writer}n${{n}}.example`; let u = `u@${{p}}`; \
             New-Pool $p -Domains $p -TestUsers $u; \
             let c = Get-Credential $u -FromEnvironment SECRET; Set-TestUserCredential $u $c; Write-Output $p }}"
        );
        home.command(&code).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut confirmed = Vec::new();
    for round in 0..3 {
        // Of four writers, three never end and are killed: each once it has confirmed so many, and then at
        // a moment that is another each time.
        let mut writers: Vec<(usize, Child)> = (0..4)
            .map(|writer| (writer, write(round * 4 + writer, if writer < 3 { 100_000 } else { 12 })))
            .collect();
        for (writer, child) in &mut writers {
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            if *writer < 3 {
                confirmed.extend(lines.by_ref().take(round + *writer));
                std::thread::sleep(Duration::from_millis((7 * round + 3 * *writer) as u64));
                child.kill().unwrap();
            }
            confirmed.extend(lines.filter(|line| line.ends_with(".example")));
        }
        for (writer, child) in writers {
            let ended = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(writer < 3 || ended.status.success(), "{said}");
        }
    }
    assert!(confirmed.len() >= 3 * 12, "{confirmed:?}");
    let pools = home.done("(Get-Pool).Identity");
    let stored = home.done("(Get-TestUserCredential).SipAddress");
    for pool in &confirmed {
        assert!(pools.lines().any(|line| line == pool), "{pool} is lost:\n{pools}");
        assert!(stored.contains(&format!("u@{pool}")), "the password of u@{pool} is lost:\n{stored}");
    }
    assert!(home.text().starts_with(TOPOLOGY.split("[audit]").next().unwrap()));
    assert_eq!(home.done("(Test-AuditLog).Result"), "Success");
    let told = home.done("(Get-AuditLog -Cmdlet New-Pool -Outcome Finished).Parameters.Identity");
    for pool in &confirmed {
        assert!(told.lines().any(|line| line == pool), "no line tells of {pool}:\n{told}");
    }
}

/// A disk of its own for one run, in the directory `disk`.
struct Case {
    /// Where the log goes, seen from the topology.
    audit: &'static str,
    /// How the disk is spoiled.
    spoil: &'static str,
    code: &'static str,
    says: &'static [&'static str],
}

const FULL: &str = "cat /dev/zero > disk/filler 2>/dev/null || true";
const READ_ONLY: &str = "mount -o remount,bind,ro disk";

/// Says what the program says, its exit status, and whether anything on the disk is another.
const SCRIPT: &str = r#"
    set -e
    mkdir -p disk; mount -t tmpfs -o size=256k none disk; cp topology.toml disk/
    all() { find disk -type f ! -name '*.lock' ! -path 'disk/audit/*' ! -name filler | sort | xargs sha256sum; }
    imsh() { "$IMSH" --topology disk/topology.toml -c "$1" 2>&1; }
    imsh "Set-TestUserCredential kenmyer@litwareinc.com (Get-Credential kenmyer -FromEnvironment SECRET)"
    eval "$SPOIL"
    before=$(all)
    status=0; imsh "$CODE" || status=$?
    [ "$before" = "$(all)" ] || echo CHANGED
    echo "status $status"
"#;

#[test]
fn a_disk_that_is_full_or_read_only_changes_nothing_and_is_named() {
    let Some(unshare) = unshare() else { return };
    let elsewhere = "../elsewhere.jsonl";
    let stored =
        "Set-TestUserCredential kenmyer@litwareinc.com (Get-Credential other -FromEnvironment SECRET)";
    for case in [
        Case {
            audit: elsewhere,
            spoil: FULL,
            code: "Set-Pool a.litwareinc.com -Description x",
            says: &[
                "topology.toml: cannot write it: No space left on device",
                "Nothing was changed.",
                "status 4",
            ],
        },
        Case {
            audit: elsewhere,
            spoil: READ_ONLY,
            code: "Set-Pool a.litwareinc.com -Description x",
            says: &[
                "topology.toml: cannot lock it: Read-only file system",
                "Nothing was changed.",
                "status 4",
            ],
        },
        Case {
            audit: elsewhere,
            spoil: FULL,
            code: stored,
            says: &["cannot write it: No space left on device", "status 4"],
        },
        Case {
            audit: elsewhere,
            spoil: READ_ONLY,
            code: stored,
            says: &["Read-only file system", "status 4"],
        },
        Case {
            audit: "audit/imsh.jsonl",
            spoil: READ_ONLY,
            code: "Set-Pool a.litwareinc.com -Description x",
            says: &["Read-only file system", "nothing runs without its audit line", "status 4"],
        },
        // Who looks needs no room, and a disk that is not to be written on is read.
        Case {
            audit: elsewhere,
            spoil: READ_ONLY,
            code: "(Get-Pool).Identity",
            says: &["a.litwareinc.com\n", "status 0"],
        },
    ] {
        let home = Home::with_log(case.audit);
        let said = home.scripted(&unshare, SCRIPT, &[("SPOIL", case.spoil), ("CODE", case.code)]);
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in case.says {
            assert!(flat.contains(words.trim()), "{}: {}: {words:?}\n{said}", case.spoil, case.code);
        }
        assert!(
            !said.contains("CHANGED") && !said.contains("swordfish"),
            "{}: {}\n{said}",
            case.spoil,
            case.code
        );
    }
}

#[test]
fn a_log_whose_disk_is_full_stops_everything_and_goes_on_when_there_is_room() {
    let Some(unshare) = unshare() else { return };
    let home = Home::with_log("disk/imsh.jsonl");
    let script = r#"
        set -e
        mkdir -p disk; mount -t tmpfs -o size=64k none disk; head -c 40000 /dev/zero > disk/filler
        imsh() { "$IMSH" --topology topology.toml -c "$1" 2>&1; }
        status=0; imsh 'for n in 1..1000 { Set-Pool a.litwareinc.com -Description "d$(n)." }' || status=$?
        echo "status $status"
        cp topology.toml stopped.toml
        imsh 'Set-Pool a.litwareinc.com -Description never' || true
        cmp topology.toml stopped.toml
        rm disk/filler
        imsh 'let t = Test-AuditLog; `${t.Result} ${t.Error}`'
        echo "begun $(grep -c '"cmdlet":"Set-Pool".*"started"' disk/imsh.jsonl)"
    "#;
    let said = home.scripted(&unshare, script, &[]);
    assert!(said.contains("No space left on device") && said.contains("status 4"), "{said}");
    assert!(said.contains("nothing runs without its audit line"), "{said}");
    assert!(said.contains("\nSuccess"), "{said}");
    let text = home.text();
    let n_changed: usize = text.split_once("\"d").unwrap().1.split_once('.').unwrap().0.parse().unwrap();
    let n_begun: usize = said.rsplit_once("begun ").unwrap().1.trim().parse().unwrap();
    assert!(n_changed > 3 && (n_changed..=n_changed + 1).contains(&n_begun), "{n_changed} {n_begun}\n{said}");
}

#[test]
fn a_directory_that_cannot_be_is_named() {
    let home = Home::with_log("elsewhere.jsonl");
    std::fs::write(home.0.path().join("plain"), "").unwrap();
    let before = home.files();
    for (below, says) in [
        ("plain/topology.toml", "plain/topology.toml"),
        ("/proc/none/topology.toml", "/proc/none/topology.toml"),
    ] {
        let ended = imsh_at(home.0.path())
            .args(["--topology", below, "-c", "New-Pool b.example -Domains b.example"])
            .current_dir(home.0.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        assert!(said.contains(says) && !ended.status.success(), "{said}");
        assert_eq!(home.files(), before, "{said}");
    }
}

/// How this user mounts a disk of their own, if at all.
fn unshare() -> Option<Vec<&'static str>> {
    namespace("--mount", "mount -t tmpfs none /tmp; mount -o remount,bind,ro /tmp")
}
