//! The caller of the process: whoever has it run with another account's rights has one way in.
//!
//! Asked before the command line is read, so that no option, file or variable of the caller can change
//! the answer. Never trusts a variable to grant anything: each one only takes away. The variables of sudo, doas
//! and pkexec say nothing where sshd has set its own, since a client of sshd may choose them too.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use nix::unistd::{Uid, User, getegid, geteuid, getgid, getppid, getuid};

use crate::trusted;

/// Variables by which sudo, doas and pkexec tell the program who called it.
pub const CALLER_VARIABLES: [&str; 4] = ["SUDO_USER", "SUDO_UID", "DOAS_USER", "PKEXEC_UID"];

/// A variable that sshd sets for a session, and that no client can take away.
const PROOF_OF_SSHD: &str = "SSH_USER_AUTH";
/// Variables of sshd that sudo keeps on some systems, for whoever came in over ssh.
const KEPT_OF_SSHD: [&str; 3] = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_ORIGINAL_COMMAND"];

/// The caller of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The account that it runs as.
    Own,
    /// This user, through sudo, doas or pkexec.
    Behind(Uid),
}

/// The caller of this process.
///
/// # Errors
/// The sentence of refusal: a bit on the program's file gives it another account's rights, the variables
/// name nobody or several people, or it is sshd that has started the process.
pub fn caller() -> Result<Caller, &'static str> {
    if getuid() != geteuid() || getgid() != getegid() {
        return Err("it does not run with a set-user-ID or set-group-ID bit; remove it with chmod ug-s");
    }
    let mut caller = None;
    for name in CALLER_VARIABLES {
        let Some(told) = std::env::var_os(name).filter(|told| !told.is_empty()) else { continue };
        let user = told.to_str().and_then(user).ok_or(NOBODY)?;
        if caller.is_some_and(|other| other != user) {
            return Err(NOBODY);
        }
        caller = Some(user);
    }
    let Some(user) = caller.filter(|user| *user != getuid()) else { return Ok(Caller::Own) };
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let may_be_of_sshd = KEPT_OF_SSHD.into_iter().any(is_set) && !is_parent_of_caller(user);
    if is_set(PROOF_OF_SSHD) || may_be_of_sshd {
        return Err(OF_SSHD);
    }
    Ok(Caller::Behind(user))
}

/// Whether the parent process is sudo, doas or pkexec, or a process of this user's: sudo may have replaced itself
/// with the program. The parent of a session of sshd's runs as the account itself, or is the first process once
/// that parent has ended.
fn is_parent_of_caller(user: Uid) -> bool {
    let parent = getppid();
    let status = Path::new("/proc").join(parent.to_string()).join("status");
    let Ok(status) = trusted::open_own(&status).and_then(io::read_to_string) else { return false };
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
    let real = value("Uid:").split_whitespace().next().and_then(|uid| uid.parse().ok()).map(Uid::from_raw);
    let is_callers = match real {
        Some(real) if real.is_root() => ["sudo", "doas", "pkexec"].contains(&value("Name:")),
        Some(real) => real == user,
        None => false,
    };
    is_callers && parent.as_raw() > 1 && getppid() == parent
}

/// The user of this name or number. A number that no user has is a user nevertheless.
fn user(told: &str) -> Option<Uid> {
    match told.parse::<u32>() {
        Ok(uid) => Some(Uid::from_raw(uid)),
        Err(_) => User::from_name(told).ok().flatten().map(|user| user.uid),
    }
}

/// Returns the sentence of refusal where the process runs with the rights of another account than its
/// caller's, and these arguments are none of those that may run so.
///
/// Every file that such a process opens is opened with rights that the caller does not have. What may run
/// lets the caller choose none: `imsh session`, and the two that only print.
pub fn refusal(arguments: &[OsString]) -> Option<&'static str> {
    match caller() {
        Err(refusal) => Some(refusal),
        Ok(Caller::Own) => None,
        Ok(Caller::Behind(_)) => {
            let mut words = arguments.iter().skip(1).map(|word| word.to_str().unwrap_or_default());
            let is_alone = arguments.len() == 2;
            match words.next() {
                Some("session") => None,
                Some("--version" | "-V" | "--help" | "-h") if is_alone => None,
                Some(_) | None => Some(
                    "behind sudo, doas or pkexec nothing runs but imsh session, since it would read and write \
                     another account's files for its caller; run sudo -u ACCOUNT imsh session, or run imsh as \
                     yourself",
                ),
            }
        }
    }
}

const OF_SSHD: &str = "variables of sshd and of sudo, doas or pkexec are there together, and a client of sshd may \
                       set the latter; behind sudo leave -E and --preserve-env away";
const NOBODY: &str = "the variables of sudo, doas or pkexec do not say who called it";
