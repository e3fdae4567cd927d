//! The usage of a principal over all sessions and processes: places that are taken and given back, and
//! counts that begin anew after a while.
//!
//! A place is a file that its holder has locked: it is free again when the holder ends, however it ends.
//! A count is written in one step under a lock. Usage that cannot be counted is not allowed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::limits::{Limited, SESSION_LIMITS};
use crate::durable;
use crate::trusted::Directory;

/// The usage of one principal.
#[derive(Clone, Debug)]
pub struct Usage {
    directory: PathBuf,
    /// The principal, as the name of a file.
    name: String,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub struct UsagePlace {
    _held: Flock<File>,
    /// The name of its file.
    pub name: String,
}

/// The reason why further use is refused.
#[derive(Debug, thiserror::Error)]
pub enum Exceeded {
    /// The limit is reached.
    #[error("{key} is limited to {most}{}", within(.window))]
    Limit {
        /// The limit's key.
        key: &'static str,
        /// The limit.
        most: u32,
        /// After what time the count begins anew; none for places.
        window: Option<Duration>,
    },
    /// It cannot be counted.
    #[error("what the principal uses up cannot be counted: {0}")]
    Uncountable(#[from] io::Error),
}

fn within(window: &Option<Duration>) -> String {
    window.map_or_else(|| " at once".to_owned(), |window| format!(" in {} s", window.as_secs()))
}

impl Usage {
    /// The usage of this principal, written below this directory.
    pub fn new(directory: impl Into<PathBuf>, principal: &str) -> Self {
        Self { directory: directory.into(), name: file_name(principal) }
    }

    /// Takes one of the places of this kind, and writes `about` into it.
    ///
    /// # Errors
    /// All are taken.
    pub fn place(&self, limited: Limited, most: u32, about: &str) -> Result<UsagePlace, Exceeded> {
        let key = SESSION_LIMITS[limited as usize].key;
        let directory = Directory::create(&self.directory.join(key))?;
        for n in 0..most {
            let name = format!("{}.{n}", self.name);
            let file = directory.write(OsStr::new(&name))?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => {
                    held.set_len(0)?;
                    held.write_all_at(about.as_bytes(), 0)?;
                    return Ok(UsagePlace { _held: held, name });
                }
                Err((_, Errno::EWOULDBLOCK)) => {}
                Err((_, errno)) => return Err(io::Error::from(errno).into()),
            }
        }
        Err(Exceeded::Limit { key, most, window: None })
    }

    /// Counts `n` more of something, as long as there are no more than `most` in the window; gives how many
    /// there are.
    ///
    /// # Errors
    /// There would be more; nothing is counted then.
    pub fn spend(
        &self,
        limited: Limited,
        of: &str,
        n: u64,
        most: u32,
        window: Duration,
    ) -> Result<u64, Exceeded> {
        let key = SESSION_LIMITS[limited as usize].key;
        self.count(&format!("{key} {of}"), n, u64::from(most), window)?.map_err(|_| Exceeded::Limit {
            key,
            most,
            window: Some(window),
        })
    }

    /// Takes back some of what was counted.
    ///
    /// # Errors
    /// It cannot be counted.
    pub fn give_back(&self, what: &str, n: u64) -> io::Result<()> {
        let (file, mut counts) = self.counts()?;
        if let Some(count) = counts.0.get_mut(what) {
            count.n = count.n.saturating_sub(n);
            write(&file, &counts)?;
        }
        Ok(())
    }

    /// As [`Usage::spend`], of anything: `Err` with the count where it would be more than `most`.
    ///
    /// # Errors
    /// It cannot be counted.
    pub fn count(&self, what: &str, n: u64, most: u64, window: Duration) -> io::Result<Result<u64, u64>> {
        let (file, mut counts) = self.counts()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // A clock that was set back lengthens a window, and never opens one.
        counts.0.retain(|_, count| now < count.since.saturating_add(count.window));
        let count =
            counts.0.entry(what.to_owned()).or_insert(Count { since: now, window: window.as_secs(), n: 0 });
        let after = count.n.saturating_add(n);
        if after > most {
            return Ok(Err(count.n));
        }
        count.n = after;
        write(&file, &counts)?;
        Ok(Ok(after))
    }

    /// The counts, under their lock.
    fn counts(&self) -> io::Result<(Flock<File>, UsageCounts)> {
        let directory = Directory::create(&self.directory.join("counts"))?;
        let file = durable::hold(directory.write(OsStr::new(&OsString::from(&self.name)))?)?;
        let counts = read(&file)?;
        Ok((file, counts))
    }
}

/// A delegated session that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunningSession {
    /// Its identity: the name of its place.
    #[serde(skip)]
    pub identity: String,
    /// Its principal.
    pub principal: String,
    /// Its process.
    pub process: i32,
    /// The time at which the session began, in seconds since 1970.
    pub since: i64,
    /// From where they came.
    pub from: String,
}

/// The sessions that run, of all principals.
///
/// # Errors
/// They cannot be looked at.
pub fn sessions(directory: &Path) -> io::Result<Vec<RunningSession>> {
    let directory = match Directory::at(&directory.join(SESSION_LIMITS[Limited::Sessions as usize].key)) {
        Ok(directory) => directory,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let mut running = Vec::new();
    for name in directory.names()? {
        let file = directory.write(&name)?;
        // A lock that can be taken is the place of a session that is over.
        let Err((file, Errno::EWOULDBLOCK)) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            continue;
        };
        let mut text = String::new();
        (&file).take(MOST_BYTES).read_to_string(&mut text)?;
        // One that has only just taken its place says nothing yet.
        if let Ok(session) = serde_json::from_str::<RunningSession>(text.trim()) {
            running.push(RunningSession { identity: name.to_string_lossy().into_owned(), ..session });
        }
    }
    Ok(running)
}

/// Ends a session: asks it to, and after a while does not ask.
///
/// # Errors
/// It is another account's.
pub fn end(directory: &Path, session: &RunningSession) -> io::Result<()> {
    let runs = || {
        let mut running = sessions(directory)?.into_iter();
        Ok::<bool, io::Error>(
            running.any(|other| other.identity == session.identity && other.process == session.process),
        )
    };
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        if !runs()? {
            return Ok(());
        }
        match kill(Pid::from_raw(session.process), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
        for _ in 0..ENDS_AFTER {
            if !runs()? {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
    Ok(())
}

/// A principal's name as that of a file: `os-user+kim`. None has a letter that a path reads otherwise, and no two
/// principals have the same: one that had to be changed or cut carries its hash.
pub fn file_name(principal: &str) -> String {
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_@.".contains(letter) { letter } else { '+' };
    let parted = principal.replacen(':', "+", 1);
    let name: String = parted.chars().take(LONGEST_NAME).map(plain).collect();
    let name = if name.starts_with('.') { format!("+{name}") } else { name };
    let (_, own) = parted.split_once('+').unwrap_or_default();
    if name == parted && !own.contains('+') {
        return name;
    }
    let hash = Sha256::digest(principal.as_bytes());
    hash.iter().take(8).fold(name + "+", |name, byte| format!("{name}{byte:02x}"))
}

#[derive(Default, Serialize, Deserialize)]
struct UsageCounts(BTreeMap<String, Count>);

#[derive(Serialize, Deserialize)]
struct Count {
    /// The beginning of the counting window, in seconds since 1970.
    since: u64,
    /// The length of the window, in seconds.
    window: u64,
    n: u64,
}

fn read(file: &File) -> io::Result<UsageCounts> {
    let bytes = usize::try_from(file.metadata()?.len().min(MOST_BYTES)).unwrap_or(0);
    let mut text = vec![0; bytes];
    file.read_exact_at(&mut text, 0)?;
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(UsageCounts::default());
    }
    serde_json::from_slice(text).map_err(io::Error::other)
}

/// In one write, padded, and never shorter: a process that is killed leaves the old counts or the new ones.
fn write(file: &File, counts: &UsageCounts) -> io::Result<()> {
    let mut text = serde_json::to_vec(counts).map_err(io::Error::other)?;
    let before = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("too much is counted at once"));
    }
    text.resize(text.len().next_multiple_of(4096).max(before), b' ');
    match file.write_at(&text, 0)? {
        n if n == text.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

const MOST_BYTES: u64 = 1 << 20;
const LONGEST_NAME: usize = 100;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The number of checks within which a session has to end.
const ENDS_AFTER: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn places_are_as_many_as_the_limit_says_and_come_back() {
        let ground = tempfile::tempdir().unwrap();
        let (kim, ada) = (Usage::new(ground.path(), "os-user:kim"), Usage::new(ground.path(), "os-user:ada"));
        let held: Vec<UsagePlace> = (0..3).map(|_| kim.place(Limited::Sessions, 3, "x").unwrap()).collect();
        assert!(matches!(kim.place(Limited::Sessions, 3, "x"), Err(Exceeded::Limit { most: 3, .. })));
        assert!(ada.place(Limited::Sessions, 3, "x").is_ok(), "another principal has its own");
        drop(held);
        assert!(kim.place(Limited::Sessions, 3, "x").is_ok());
    }

    #[test]
    fn a_count_is_of_a_window_and_of_everybody_who_counts_at_once() {
        let ground = tempfile::tempdir().unwrap();
        let usage = Usage::new(ground.path(), "principal:desk");
        let spend = || usage.spend(Limited::VerificationsPerMinute, "", 1, 100, MINUTE);
        let n_allowed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..50).filter(|_| spend().is_ok()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(n_allowed, 100);
        assert!(usage.spend(Limited::MessagesPerPartner, "contoso.com", 1, 1, MINUTE).is_ok());
        assert!(usage.spend(Limited::MessagesPerPartner, "contoso.com", 1, 1, MINUTE).is_err());
        assert!(usage.spend(Limited::MessagesPerPartner, "fabrikam.com", 1, 1, MINUTE).is_ok());
        let over = Usage::new(ground.path(), "principal:other");
        assert!(over.spend(Limited::FailedLogons, "a", 1, 1, Duration::ZERO).is_ok());
        assert!(over.spend(Limited::FailedLogons, "a", 1, 1, Duration::ZERO).is_ok(), "the window is over");
    }

    #[test]
    fn no_two_principals_share_a_file() {
        assert_eq!(file_name("os-user:kim"), "os-user+kim");
        assert_eq!(file_name("principal:kim@desk-1.example"), "principal+kim@desk-1.example");
        let long = |end: &str| format!("os-user:{}{end}", "x".repeat(100));
        let names = [
            "os-user:kim",
            "principal:kim",
            "os-user:k+m",
            "os-user:k\u{ed}m",
            "os-user:k\u{e1}m",
            "os-user:CORP\\kim",
            "os-user:CORP+kim",
            "os-user:CORP/kim",
            "os-user:a:b",
            "os-user:a+b",
            "os-user:../x",
            ".x",
            "+.x",
            "os-user:",
            "",
            &long("a"),
            &long("b"),
        ];
        let files: std::collections::BTreeSet<String> = names.iter().map(|name| file_name(name)).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        assert!(files.iter().all(|name| !name.contains('/') && !name.starts_with('.') && name.len() < 200));
    }

    #[test]
    fn what_cannot_be_counted_is_not_allowed() {
        let ground = tempfile::tempdir().unwrap();
        let usage = Usage::new(ground.path(), "os-user:kim");
        std::fs::create_dir(ground.path().join("counts")).unwrap();
        std::fs::write(ground.path().join("counts/os-user+kim"), "no counts").unwrap();
        assert!(matches!(
            usage.spend(Limited::FailedLogons, "a", 1, 3, MINUTE),
            Err(Exceeded::Uncountable(_))
        ));
    }
}
