//! The caller of the process: whoever has it run with another account's rights has one way in.
//!
//! Asked before the command line is read, so that no option, file or variable of the caller can change
//! the answer. Never trusts a variable to grant anything: each one only takes away.

use std::ffi::OsString;

use nix::unistd::{Uid, User, getegid, geteuid, getgid, getuid};

/// Variables by which sudo, doas and pkexec tell the program who called it.
pub const CALLER_VARIABLES: [&str; 4] = ["SUDO_USER", "SUDO_UID", "DOAS_USER", "PKEXEC_UID"];

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
/// The sentence of refusal: a bit on the program's file gives it another account's rights, or the variables
/// name nobody or several people.
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
    Ok(caller.filter(|user| *user != getuid()).map_or(Caller::Own, Caller::Behind))
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

const NOBODY: &str = "the variables of sudo, doas or pkexec do not say who called it";
