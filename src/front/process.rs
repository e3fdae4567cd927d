//! A process that its caller cannot bend: what it inherited is put right or refused before anything is
//! answered.
//!
//! The environment is cleared to a list, by running the program once more: only what a session needs is
//! kept, and of that only what cannot mean anything else. Core dumps are off and nobody else may look into
//! the process. Signals that would stop it are held back, since a process that is stopped keeps its locks; so are
//! those that would end it without its last line in the audit log: keys of the terminal send them, and timers that
//! were set before it was run.
//! Resource limits are raised as far as they go, and limits that are too low to work under are refused.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};

use super::caller::Caller;

/// The reason why the process cannot be secured.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// The system did not let it be done.
    #[error("the process could not be secured: {0}")]
    System(#[from] io::Error),
    /// The caller lets it have too little.
    #[error(
        "the caller's limit for {resource} is too low to work under ({hard}, and at least {least} is needed); \
         see ulimit -H -a"
    )]
    Limit {
        /// The resource.
        resource: &'static str,
        /// The hard limit.
        hard: u64,
        /// The least that is needed.
        least: u64,
    },
}

/// Puts the process right. Where its environment holds anything that a session does not need, the program
/// is run once more without, and this does not return.
///
/// # Errors
/// The system does not let it be done. A limit that is too low is told by [`limits`].
pub fn secure(caller: Caller) -> Result<(), Unsound> {
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let is_behind = caller != Caller::Own;
    if variables.iter().any(|(name, value)| !is_kept(name, value, is_behind)) {
        let kept = variables.into_iter().filter(|(name, value)| is_kept(name, value, is_behind));
        let mut again = std::process::Command::new("/proc/self/exe");
        again.arg0("imsh").args(std::env::args_os().skip(1)).env_clear().envs(kept);
        // The second run finds the same caller, whatever variable told of them.
        if let Caller::Behind(user) = caller {
            again.env(TOLD_BY, user.to_string());
        }
        return Err(again.exec().into());
    }
    // The name of the second run would be that of the link it was started by.
    nix::sys::prctl::set_name(c"imsh").map_err(io::Error::from)?;
    umask(Mode::from_bits_truncate(0o077));
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(io::Error::from)?;
    nix::sys::prctl::set_dumpable(false).map_err(io::Error::from)?;
    nix::sys::prctl::set_no_new_privs().map_err(io::Error::from)?;
    // Before any other thread is there: each inherits it. What the caller holds back beside them is let through.
    let mut held_back = SigSet::empty();
    held_back.extend(HELD_BACK);
    held_back.extend(HELD_BACK_AT_FIRST);
    held_back.thread_set_mask().map_err(io::Error::from)?;
    Ok(std::env::set_current_dir("/")?)
}

/// Raises the soft limit of the main thread's stack to what the command line is read with; `false` where the hard
/// limit is lower than a session needs.
pub fn has_stack() -> bool {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_STACK) else { return false };
    let wanted = hard.min(STACK);
    // The kernel asks for the limit whenever the stack grows.
    hard >= LEAST_STACK && (soft >= wanted || setrlimit(Resource::RLIMIT_STACK, wanted, hard).is_ok())
}

/// The stack that the command line is read on.
pub const STACK: rlim_t = 8 << 20;
const LEAST_STACK: rlim_t = 1 << 20;

/// Raises the soft limits as far as the hard ones let them.
///
/// # Errors
/// A hard limit that is too low.
pub fn limits() -> Result<(), Unsound> {
    for (resource, called, least) in NEEDED {
        let (_, hard) = getrlimit(resource).map_err(io::Error::from)?;
        if hard < least {
            return Err(Unsound::Limit { resource: called, hard, least });
        }
        // A stack without a limit would move everything else.
        let soft = if resource == Resource::RLIMIT_STACK { hard.min(64 << 20) } else { hard };
        setrlimit(resource, soft, hard).map_err(io::Error::from)?;
    }
    Ok(())
}

/// Holds the data of the process within so many bytes: what its own count of a program's values does not
/// see ends the process, and nothing else.
///
/// # Errors
/// The system's own.
pub fn hold_memory(bytes: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_DATA)?;
    let most = bytes.min(hard);
    Ok(setrlimit(Resource::RLIMIT_DATA, most, most)?)
}

/// The least that a session needs of each resource.
const NEEDED: [(Resource, &str, rlim_t); 7] = [
    (Resource::RLIMIT_NOFILE, "open files", 256),
    (Resource::RLIMIT_NPROC, "processes", 256),
    (Resource::RLIMIT_FSIZE, "the size of files", LARGEST_FILE),
    (Resource::RLIMIT_AS, "address space", 8 << 30),
    (Resource::RLIMIT_DATA, "data", 2 << 30),
    (Resource::RLIMIT_STACK, "stacks", LEAST_STACK),
    (Resource::RLIMIT_CPU, "processor time", 24 * 3600),
];

/// As large as the topology lets an audit log become.
const LARGEST_FILE: rlim_t = 64 << 30;
const _: () = assert!(LARGEST_FILE < RLIM_INFINITY);

/// The signals that a session does not hear. It ends on SIGTERM and SIGHUP, and what runs in it on SIGINT.
const HELD_BACK: [Signal; 14] = [
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGXFSZ,
    Signal::SIGXCPU,
    Signal::SIGVTALRM,
    Signal::SIGALRM,
    Signal::SIGPROF,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGIO,
    Signal::SIGPWR,
    Signal::SIGSTKFLT,
];

/// The signals that end a session or what runs in it. They wait until somebody listens: one that came between the
/// session's first line and that moment would end the process without its last line.
const HELD_BACK_AT_FIRST: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Whether a variable is kept: one that a session needs, with a value that can mean nothing else.
fn is_kept(name: &OsStr, value: &OsStr, is_behind: bool) -> bool {
    let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { return false };
    let is_word = |most: usize, more: &str| {
        value.len() <= most && value.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    match name {
        "TERM" | "COLORTERM" | "NO_COLOR" => is_word(64, "-_.+"),
        // A path would name a file.
        "TZ" => is_word(64, "-_+/") && !value.starts_with('/') && !value.contains("//"),
        // Those are sshd's own, and anybody's behind sudo.
        "SSH_CONNECTION" => !is_behind && is_word(256, " .:%-_"),
        "SSH_USER_AUTH" => !is_behind && is_word(256, "/._-"),
        "SSH_ORIGINAL_COMMAND" => !is_behind,
        TOLD_BY => is_behind && !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit()),
        _ => false,
    }
}

/// The variable by which the second run is told of its caller, as a number.
const TOLD_BY: &str = "SUDO_UID";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_that_names_a_file_or_that_nobody_needs() {
        for (name, value, kept, kept_behind) in [
            ("TERM", "xterm-256color", true, true),
            ("TERM", "../../evil", false, false),
            ("TZ", "Europe/Dublin", true, true),
            ("TZ", ":/tmp/zone", false, false),
            ("TZ", "/tmp/zone", false, false),
            ("TZ", "../../tmp/zone", false, false),
            ("SUDO_UID", "991", false, true),
            ("SUDO_UID", "", false, false),
            ("SUDO_UID", "kim", false, false),
            ("SUDO_USER", "kim", false, false),
            ("DOAS_USER", "kim", false, false),
            ("SSH_ORIGINAL_COMMAND", "Get-Pool | ft", true, false),
            ("SSH_USER_AUTH", "/tmp/sshauth.x", true, false),
            ("LD_PRELOAD", "/tmp/evil.so", false, false),
            ("PATH", "/tmp", false, false),
            ("HOME", "/home/kim", false, false),
            ("SSL_CERT_FILE", "/tmp/ca.pem", false, false),
            ("IMSH_TOPOLOGY", "/tmp/t.toml", false, false),
            ("CREDENTIALS_DIRECTORY", "/tmp", false, false),
            ("RUST_BACKTRACE", "full", false, false),
            ("TZDIR", "/tmp", false, false),
            ("RES_OPTIONS", "debug", false, false),
        ] {
            let is_kept = |is_behind| is_kept(OsStr::new(name), OsStr::new(value), is_behind);
            assert_eq!((is_kept(false), is_kept(true)), (kept, kept_behind), "{name}={value}");
        }
    }
}
