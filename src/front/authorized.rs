//! `imsh authorized-keys` and `imsh authorized-principals`: what sshd asks before it lets somebody in.
//!
//! Runs for each key that is offered, before anybody is authenticated: reads the topology and nothing else,
//! and says nothing where it does not know the key. A principal without a role, or one that is locked, has
//! no key.

use std::path::PathBuf;

use nix::unistd::{User, geteuid};

use super::cli::print;
use super::exit::ExitStatus;
use crate::access::Access;
use crate::topology::{Topology, places};
use crate::trusted;

/// The text of `imsh authorized-keys --help`.
pub const KEYS_ABOUT: &str = "\
Answers sshd, for AuthorizedKeysCommand /usr/bin/imsh authorized-keys %u %t %k: where the offered key is one of a \
principal who has a role, a line for an authorized_keys file that lets it start imsh session and nothing else.";

/// The text of `imsh authorized-principals --help`.
pub const PRINCIPALS_ABOUT: &str = "\
Answers sshd, for AuthorizedPrincipalsCommand /usr/bin/imsh authorized-principals %u: a line for each principal who \
has a role, that lets a certificate in its name start imsh session and nothing else.";

/// Answers for one key: its kind and its base64, as sshd's `%t` and `%k` give them.
pub fn keys(kind: &str, blob: &str) -> ExitStatus {
    let Some(access) = access() else { return ExitStatus::Success };
    let owner = access.principals.iter().find(|entry| {
        entry.keys.iter().any(|key| key.kind == kind && key.blob == blob) && access.lets_in(&entry.name)
    });
    match owner {
        Some(entry) => print(format!("{} {kind} {blob}\n", options(&entry.name)).as_bytes()),
        None => ExitStatus::Success,
    }
}

/// Answers for any certificate with which somebody logs on to this account. For another account than the one
/// that imsh runs as, what holds without this command: its own name.
pub fn principals(account: &str) -> ExitStatus {
    let own = User::from_uid(geteuid()).ok().flatten();
    if own.is_none_or(|own| own.name != account) {
        return print(format!("{account}\n").as_bytes());
    }
    let Some(access) = access() else { return ExitStatus::Success };
    let with_role = access.principals.iter().filter(|entry| access.lets_in(&entry.name));
    let lines: String = with_role.map(|entry| format!("{} {}\n", options(&entry.name), entry.name)).collect();
    print(lines.as_bytes())
}

/// The options of a key of this principal. The name has no letter that a shell or sshd reads otherwise.
fn options(name: &str) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/imsh"));
    format!("command=\"{} session --principal {name}\",restrict,pty", program.display())
}

/// The access table; none where it cannot be read or trusted, and then nobody has a key.
fn access() -> Option<Access> {
    trusted::only(geteuid().as_raw());
    Topology::load(&PathBuf::from(places::SYSTEM)).ok()?.access
}
