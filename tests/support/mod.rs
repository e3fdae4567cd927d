//! What the test programs share: how they start `imsh`, how they say that they were skipped, and how they
//! make namespaces.
//!
//! A program that a test starts reads nothing of the machine: its environment is empty but for what the test
//! gives it, and its home is `tests/home`, whose topology lists nothing.

#![allow(dead_code, reason = "no test program uses all of it")]

mod skip;

use std::path::Path;
use std::process::Command;

pub use skip::skip;

/// The program under test.
pub const IMSH: &str = env!("CARGO_BIN_EXE_imsh");

/// A home without a topology of its own, where the machine's would be read if it had one.
pub const NOWHERE: &str = "/nonexistent";

/// The program in the home of somebody who has listed nothing.
pub fn imsh() -> Command {
    let mut command = imsh_at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/home"));
    // Results of tests are kept outside of the sources.
    command.env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"));
    command
}

/// The program in a home of the test's own.
pub fn imsh_at(home: &Path) -> Command {
    let mut command = bare(IMSH);
    command.env("HOME", home);
    command
}

/// A program in an environment that holds nothing of the machine but where its programs and its temporary
/// files are.
pub fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("TMPDIR", std::env::temp_dir());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()));
    command
}

/// The program where no topology is found; `None`, with a skip, where the machine has one in `/etc/imsh`
/// that cannot be hidden.
pub fn imsh_without_topology() -> Option<Command> {
    if !Path::new("/etc/imsh").exists() {
        return Some(imsh_at(Path::new(NOWHERE)));
    }
    let way = namespace("--mount", "mount -t tmpfs none /etc/imsh")?;
    let mut command = bare("unshare");
    command.env("HOME", NOWHERE).args(way).args(["sh", "-c"]);
    command.args(["mount -t tmpfs none /etc/imsh; exec \"$@\"", "sh", IMSH]);
    Some(command)
}

/// The arguments of `unshare` by which this user may make a namespace of a kind (`--mount`, `--net`) and do
/// in it what a shell is told; `None`, with a skip, where there is no way.
pub fn namespace(kind: &'static str, trial: &str) -> Option<Vec<&'static str>> {
    let ways = [vec![kind], vec!["--user", "--map-root-user", kind]];
    let way = ways.into_iter().find(|way| {
        let tried = bare("unshare").args(way).args(["sh", "-ec", trial]).output();
        tried.is_ok_and(|output| output.status.success())
    });
    if way.is_none() {
        skip(&format!(
            "a namespace is needed (unshare {kind}): run as root, or permit namespaces to users; with util-linux \
             and iproute2"
        ));
    }
    way
}

/// Shell lines that lay a cable to nobody: loopback and an interface with an address, once both have their
/// carrier, which the kernel gives them a moment after they are set up.
pub fn cable(address: &str) -> String {
    format!(
        "ip link set lo up; ip link add v0 type veth peer name v1; ip addr add {address} dev v0; \
         ip link set v0 up; ip link set v1 up; \
         n=0; until ip link show v0 | grep -q \"state UP\"; do n=$((n+1)); [ $n -lt 600 ] || exit 99; sleep 0.05; done; "
    )
}
