//! The caller of the process: a process that runs with another account's rights is refused.
//!
//! Asked before the command line is read, so that no option, file or variable of the caller can change
//! the answer. Never trusts a variable to grant anything: each one only takes away.

use nix::unistd::{User, getegid, geteuid, getgid, getuid};

/// Variables by which sudo, doas and pkexec tell the program who called it.
const CALLER_VARIABLES: [&str; 4] = ["SUDO_USER", "SUDO_UID", "DOAS_USER", "PKEXEC_UID"];

/// Returns the sentence of refusal where the process runs with the rights of another account than its
/// caller's: behind sudo, doas or pkexec, or with a set-user-ID or set-group-ID bit.
///
/// Every file that such a process opens is opened with rights that the caller does not have, and the
/// caller chooses the files.
pub fn refusal() -> Option<&'static str> {
    if getuid() != geteuid() || getgid() != getegid() {
        return Some("it does not run with a set-user-ID or set-group-ID bit; remove it with chmod ug-s");
    }
    let is_of_another = |name| std::env::var_os(name).is_some_and(|caller| !is_this_account(&caller));
    CALLER_VARIABLES.into_iter().any(is_of_another).then_some(
        "behind sudo, doas or pkexec nothing runs, since it would read and write another account's files \
         for its caller; run imsh as yourself, or log on as the account that owns the files: su - ACCOUNT",
    )
}

/// Whether this name or number is the account that the process runs as, or empty.
fn is_this_account(caller: &std::ffi::OsStr) -> bool {
    let own = getuid();
    // An account that cannot be looked up has no name that could be the caller's.
    let name = User::from_uid(own).ok().flatten().map(|user| user.name);
    caller.is_empty()
        || caller.to_str().is_some_and(|caller| {
            caller.parse() == Ok(own.as_raw()) || name.is_some_and(|name| name == caller)
        })
}
