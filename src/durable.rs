//! Files that a crash leaves whole: replaced in one step, under a lock that processes share.
//!
//! Ground: for the vault, the topology and the audit log. A replaced file is the old one or the new
//! one at every moment, also after a power cut. Never writes into a file that somebody may be reading.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::trusted::{self, Directory};

/// The lock of one file, held until it is dropped; also released by the system when a process dies.
pub struct Lock {
    file: PathBuf,
    // Given back in this order: who has waited at the lock itself goes before who has queued.
    _held: Flock<File>,
    _queued: Option<Flock<File>>,
}

impl Lock {
    /// The file itself, behind whatever links it was named by.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// The error of an operation on a file, with the step that failed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot {step}: {source}", path = path.display())]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// The step.
    pub step: FileStep,
    /// The error of the operating system.
    pub source: io::Error,
}

/// The steps of locking and replacing a file, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStep {
    /// Make the directory.
    CreateDirectory,
    /// Take the lock.
    Lock,
    /// Make the new file beside the old one.
    CreateTemporary,
    /// Give it the old one's mode and owner.
    KeepMode,
    /// Write it.
    Write,
    /// Wait until its contents are on the disk.
    SyncFile,
    /// Put it in the old one's place.
    Rename,
    /// Wait until the directory says so on the disk.
    SyncDirectory,
}

impl std::fmt::Display for FileStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CreateDirectory => "make its directory",
            Self::Lock => "lock it",
            Self::CreateTemporary => "make a new file beside it",
            Self::KeepMode => "keep its mode and owner",
            Self::Write => "write it",
            Self::SyncFile => "bring it to the disk",
            Self::Rename => "put the new file in its place",
            Self::SyncDirectory => "bring its directory to the disk",
        })
    }
}

/// Waits for the lock of a file, first come, first served, until a deadline. The lock is a file of its own
/// beside it, `.name.lock`; of a symbolic link, beside what it leads to, so that all names of a file have
/// one lock.
///
/// Processes that work for others ([`queue`]) wait for each other at a lock before it, `.name.queue`, and
/// one of them at a time for the lock itself: whoever does not queue there waits for one of them at most.
///
/// # Errors
/// The lock file cannot be made or locked.
pub fn lock(path: &Path) -> Result<Lock, Fault> {
    let fault = |source| Fault { path: path.to_owned(), step: FileStep::Lock, source };
    let (directory, name) = Directory::of(path).map_err(fault)?;
    passing();
    let taken = |suffix, patience| {
        let file = directory.write(&hidden(&name, suffix))?;
        give_to_directorys_owner(&directory, &file)?;
        wait_for(file, patience)
    };
    let queued = match QUEUES.get() {
        Some(()) => Some(taken("queue", PATIENCE).map_err(fault)?),
        None => None,
    };
    let held = match QUEUES.get() {
        Some(()) => taken("lock", PATIENCE),
        // Whoever waits here waits for one of the queue at most. If that one is stuck, however it came to that,
        // it is ended: its call has not begun, or its line is there.
        None => taken("lock", STUCK).or_else(|fault| {
            if fault.kind() == io::ErrorKind::TimedOut {
                end_holder(&directory, &name);
            }
            taken("lock", PATIENCE)
        }),
    };
    let held = held.map_err(fault)?;
    Ok(Lock { file: directory.path().join(&name), _held: held, _queued: queued })
}

/// Waits for the lock of an open file itself, of which nobody holds it for longer than a moment.
///
/// # Errors
/// The wait is over, or the system says no.
pub fn hold(file: File) -> io::Result<Flock<File>> {
    wait_for(file, PATIENCE)
}

/// Ends the process that holds both the lock and the queue's: one that works for others.
fn end_holder(directory: &Directory, name: &OsStr) {
    let holder = |suffix| {
        let found = directory.open(&hidden(name, suffix)).and_then(|file| file.metadata()).ok()?;
        let (major, minor) = (nix::sys::stat::major(found.dev()), nix::sys::stat::minor(found.dev()));
        let place = format!("{major:02x}:{minor:02x}:{}", found.ino());
        let locks = trusted::open_own(Path::new("/proc/locks")).ok()?;
        let mut text = String::new();
        io::Read::read_to_string(&mut &locks, &mut text).ok()?;
        let held = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // A line whose second word is an arrow is of one who waits.
        let mut held =
            held.filter(|words| words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&place.as_str()));
        held.next()?.get(4)?.parse::<i32>().ok()
    };
    if let Some(process) = holder("lock").filter(|process| holder("queue") == Some(*process)) {
        // One that is of another account is not ours to end.
        let _ =
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), nix::sys::signal::Signal::SIGKILL);
    }
}

/// From now on this process waits in the queue of those that work for others.
pub fn queue() {
    QUEUES.get_or_init(|| ());
}

static QUEUES: OnceLock<()> = OnceLock::new();

/// Waits inside the system, which serves those who wait in the order in which they came. The wait has no
/// deadline there: it is another thread's, which gives the lock back at once if nobody wants it any more.
fn wait_for(file: File, patience: Duration) -> io::Result<Flock<File>> {
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => return Ok(held),
        Err((file, Errno::EWOULDBLOCK | Errno::EINTR)) => file,
        Err((_, errno)) => return Err(errno.into()),
    };
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new().name("lock".to_owned()).spawn(move || {
        let mut file = file;
        let taken = loop {
            match Flock::lock(file, FlockArg::LockExclusive) {
                Ok(held) => break Ok(held),
                Err((again, Errno::EINTR)) => file = again,
                Err((_, errno)) => break Err(errno),
            }
        };
        // Nobody may be there any more: what was taken is given back then.
        let _ = sender.send(taken);
    })?;
    match receiver.recv_timeout(patience) {
        Ok(Ok(held)) => Ok(held),
        Ok(Err(errno)) => Err(errno.into()),
        Err(_) => {
            let held = format!("another process has held the lock for {} s", patience.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, held))
        }
    }
}

/// Whether the disk that a file lies on has more room than administrators need to go on: those who work for
/// others write nothing where it has not. What cannot be looked at has none.
pub fn leaves_reserve(file: &Path) -> bool {
    let near = file.ancestors().skip(1).find_map(|directory| nix::sys::statvfs::statvfs(directory).ok());
    // A file system without inodes counts none.
    near.is_some_and(|room| {
        let bytes = room.blocks_available().saturating_mul(room.fragment_size());
        bytes > ADMINISTRATORS_BYTES && (room.files() == 0 || room.files_available() > ADMINISTRATORS_FILES)
    })
}

const ADMINISTRATORS_BYTES: u64 = 16 << 20;
const ADMINISTRATORS_FILES: u64 = 256;

/// Makes a private directory with those above it, if it is missing.
///
/// # Errors
/// It cannot be made.
pub fn create_directory(path: &Path) -> Result<(), Fault> {
    passing();
    Directory::create(path).map(|_| ()).map_err(|source| Fault {
        path: path.to_owned(),
        step: FileStep::CreateDirectory,
        source,
    })
}

/// Puts a file with these contents in the place of `path`, with its mode and owner; with
/// `new_mode` where there is none yet. The caller holds the [`Lock`].
///
/// A symbolic link stays, and what it leads to is replaced.
///
/// # Errors
/// The step that failed. Up to [`FileStep::Rename`] the old file is there; at [`FileStep::SyncDirectory`] the
/// new one is, and may be lost with the power.
pub fn replace(path: &Path, contents: &[u8], new_mode: u32) -> Result<(), Fault> {
    replace_watched(path, contents, new_mode, &mut |_| Ok(()))
}

/// [`replace`], asking before each step; an error in answer stands for the step's own.
pub(crate) fn replace_watched(
    path: &Path,
    contents: &[u8],
    new_mode: u32,
    before: &mut dyn FnMut(FileStep) -> io::Result<()>,
) -> Result<(), Fault> {
    let mut before = |step| {
        passing();
        before(step)
    };
    let mut step = |step: FileStep, deed: &mut dyn FnMut() -> io::Result<()>| {
        before(step).and_then(|()| deed()).map_err(|source| Fault { path: path.to_owned(), step, source })
    };
    let mut made: Option<(Temporary, OsString)> = None;
    step(FileStep::CreateTemporary, &mut || {
        let (directory, name) = Directory::of(path)?;
        made = Some((Temporary::beside(directory, &name)?, name));
        Ok(())
    })?;
    let Some((mut temporary, name)) = made else { return Ok(()) };
    step(FileStep::KeepMode, &mut || keep_mode(&temporary, &name, new_mode))?;
    step(FileStep::Write, &mut || temporary.file.write_all(contents))?;
    step(FileStep::SyncFile, &mut || temporary.file.sync_all())?;
    step(FileStep::Rename, &mut || temporary.directory.rename(&temporary.name, &name))?;
    temporary.is_renamed = true;
    step(FileStep::SyncDirectory, &mut || temporary.directory.sync())
}

/// A file that is written bit by bit beside another, and takes its place as a whole when it is whole.
///
/// For output that others read at any time. No lock: of two that are written at once, the one that is
/// finished last stays. What is no regular file (a pipe, a device) is written directly.
#[derive(Debug)]
pub struct Replacement {
    path: PathBuf,
    place: ReplacementPlace,
}

#[derive(Debug)]
enum ReplacementPlace {
    Beside { temporary: Temporary, name: OsString },
    Directly(File),
}

impl Replacement {
    /// Begins to write what is to stand at `path`; a new file has the mode that the process gives to new
    /// files, else mode and owner stay as they are.
    ///
    /// # Errors
    /// The step that failed: the directory is missing, or may not be written.
    pub fn begin(path: &Path) -> Result<Self, Fault> {
        let fault = |step| move |source| Fault { path: path.to_owned(), step, source };
        let (directory, name) = Directory::of(path).map_err(fault(FileStep::CreateTemporary))?;
        let target = directory.path().join(&name);
        let place = match std::fs::metadata(&target) {
            Ok(old) if !old.is_file() => {
                let file = trusted::open_own_with(&target, OpenOptions::new().write(true));
                let file = file.map_err(fault(FileStep::Write))?;
                ReplacementPlace::Directly(file)
            }
            found => {
                let beside = hidden(&name, &format!("{}.new", std::process::id()));
                let mode = if found.is_ok() { 0o600 } else { 0o666 };
                directory.remove(&beside).map_err(fault(FileStep::CreateTemporary))?;
                let mut options = OpenOptions::new();
                options.create_new(true).write(true).mode(mode);
                let file = trusted::open_own_with(&directory.path().join(&beside), &options);
                let file = file.map_err(fault(FileStep::CreateTemporary))?;
                let temporary = Temporary { directory, name: beside, file, is_renamed: false };
                let kept = match found {
                    Ok(_) => keep_mode(&temporary, &name, 0o600),
                    Err(_) => give_to_directorys_owner(&temporary.directory, &temporary.file),
                };
                kept.map_err(fault(FileStep::KeepMode))?;
                ReplacementPlace::Beside { temporary, name }
            }
        };
        Ok(Self { path: path.to_owned(), place })
    }

    /// Returns the path at which the file is to be placed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes more of it.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.place {
            ReplacementPlace::Beside { temporary, .. } => temporary.file.write_all(bytes),
            ReplacementPlace::Directly(file) => file.write_all(bytes),
        }
    }

    /// Puts it in its place. Dropped before that, it is gone, and what stood there stays.
    ///
    /// # Errors
    /// The step that failed; the old file is there, but for [`FileStep::SyncDirectory`].
    pub fn finish(self) -> Result<(), Fault> {
        let Self { path, place } = self;
        let ReplacementPlace::Beside { mut temporary, name } = place else { return Ok(()) };
        let fault = |step| {
            let path = path.clone();
            move |source| Fault { path, step, source }
        };
        temporary.file.sync_all().map_err(fault(FileStep::SyncFile))?;
        let renamed = temporary.directory.rename(&temporary.name, &name);
        renamed.map_err(fault(FileStep::Rename))?;
        temporary.is_renamed = true;
        temporary.directory.sync().map_err(fault(FileStep::SyncDirectory))
    }
}

/// The state of a file, which tells one version from the next without reading it: every [`replace`] makes a new
/// file, so two equal states mean the same contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileState {
    /// The state of an open file.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(file: &File) -> io::Result<Self> {
        let found = file.metadata()?;
        Ok(Self {
            inode: found.ino(),
            bytes: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// A file on its way into another's place; removed if it does not get there.
#[derive(Debug)]
struct Temporary {
    directory: Directory,
    name: OsString,
    file: File,
    is_renamed: bool,
}

impl Temporary {
    fn beside(directory: Directory, target: &OsStr) -> io::Result<Self> {
        let name = hidden(target, "new");
        // The lock is ours, so what a crash left under this name is nobody's.
        directory.remove(&name)?;
        let file = directory.create_new(&name)?;
        Ok(Self { directory, name, file, is_renamed: false })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Nothing can be done about one that stays: the next writer removes it.
            let _ = self.directory.remove(&self.name);
        }
    }
}

fn keep_mode(temporary: &Temporary, target: &OsStr, new_mode: u32) -> io::Result<()> {
    let file = &temporary.file;
    match temporary.directory.open(target).and_then(|old| old.metadata()) {
        Ok(old) => {
            let ours = file.metadata()?;
            if (old.uid(), old.gid()) != (ours.uid(), ours.gid()) {
                std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            give_to_directorys_owner(&temporary.directory, file)?;
            file.set_permissions(Permissions::from_mode(new_mode))
        }
        Err(fault) => Err(fault),
    }
}

/// Gives a file that root makes in a service account's directory to that account, which could not go on otherwise.
fn give_to_directorys_owner(directory: &Directory, file: &File) -> io::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let directory = directory.metadata()?;
    std::os::unix::fs::fchown(file, Some(directory.uid()), Some(directory.gid()))
}

fn hidden(name: &OsStr, suffix: &str) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(suffix);
    hidden
}

/// The time for which a waiting administrator lets one caller of the queue hold the lock.
const STUCK: Duration = Duration::from_millis(1000);
const PATIENCE: Duration = Duration::from_secs(10);

/// A place where the disk is about to be changed: in tests, a process may die there.
#[cfg(test)]
pub(crate) use faults::passing;

/// A place where the disk is about to be changed: in tests, a process may die there.
#[cfg(not(test))]
pub(crate) fn passing() {}

/// The faults that tests inject at every step of an operation on a file.
#[cfg(test)]
pub(crate) mod faults {
    use super::*;

    pub(crate) const STEPS: [FileStep; 6] = [
        FileStep::CreateTemporary,
        FileStep::KeepMode,
        FileStep::Write,
        FileStep::SyncFile,
        FileStep::Rename,
        FileStep::SyncDirectory,
    ];

    /// Fails before one step.
    pub(crate) fn failing_at(at: FileStep) -> impl FnMut(FileStep) -> io::Result<()> {
        move |step| if step == at { Err(io::Error::other("made to fail")) } else { Ok(()) }
    }

    /// Dies before one step, as by SIGKILL: no destructor runs.
    pub(crate) fn dying_at(at: FileStep) -> impl FnMut(FileStep) -> io::Result<()> {
        move |step| {
            if step == at {
                nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL)?;
            }
            Ok(())
        }
    }

    /// The number of places that are passed before this process dies; 0 if it is not to die.
    static PLACES_LEFT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

    /// Lets this process die at the `n`-th place, from 1, where it changes the disk.
    pub(crate) fn die_at_place(n: usize) {
        PLACES_LEFT.store(n, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn passing() {
        use std::sync::atomic::Ordering::SeqCst;
        if PLACES_LEFT.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) == Ok(1) {
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
        }
    }

    /// Runs a test again in a child that dies at the first place where it changes the disk, in one that
    /// dies at the second, and so on, until one lives. `before` prepares each; `after` looks at
    /// what it left, with what it had confirmed on a line of its own.
    pub(crate) fn at_every_place(
        test: &str,
        mut before: impl FnMut() -> String,
        mut after: impl FnMut(usize, &[String]),
    ) -> usize {
        for n in 1.. {
            let child = in_child(test, "IMSH_TEST_DIE", &format!("{n} {}", before()));
            let said = String::from_utf8_lossy(&child.stdout).into_owned();
            let confirmed: Vec<String> =
                said.lines().filter_map(|line| Some(line.split_once(CONFIRMED)?.1.to_owned())).collect();
            after(n, &confirmed);
            match std::os::unix::process::ExitStatusExt::signal(&child.status) {
                Some(9) => {}
                _ if child.status.success() => return n - 1,
                _ => panic!("{child:?}"),
            }
        }
        0
    }

    /// In the child: what its parent told, once it is sure to die.
    pub(crate) fn told_to_die() -> Option<String> {
        let told = std::env::var("IMSH_TEST_DIE").ok()?;
        let (n, rest) = told.split_once(' ').unwrap();
        die_at_place(n.parse().unwrap());
        Some(rest.to_owned())
    }

    /// In the child: says that something is done for good.
    pub(crate) fn confirm(what: impl std::fmt::Display) {
        let mut stdout = io::stdout();
        writeln!(stdout, "\n{CONFIRMED}{what}").unwrap();
        stdout.flush().unwrap();
    }

    const CONFIRMED: &str = "confirmed: ";

    /// Runs one test of this binary again in a child, with a variable that tells it what to do.
    pub(crate) fn in_child(test: &str, variable: &str, value: &str) -> std::process::Output {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(variable, value)
            .output()
            .unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::faults::{STEPS, dying_at, failing_at, in_child};
    use super::*;

    #[test]
    fn a_step_that_fails_leaves_the_old_file_or_the_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for at in STEPS {
            std::fs::write(&path, "old").unwrap();
            let fault = replace_watched(&path, b"new", 0o600, &mut failing_at(at)).unwrap_err();
            assert_eq!(fault.step, at);
            let wanted = if at == FileStep::SyncDirectory { "new" } else { "old" };
            assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted, "{at:?}");
            assert_eq!(
                std::fs::read_dir(directory.path()).unwrap().count(),
                1,
                "{at:?} left something behind"
            );
        }
    }

    #[test]
    fn a_link_and_its_file_have_one_lock() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("below/link"));
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir(directory.path().join("below")).unwrap();
        std::os::unix::fs::symlink("../file", &link).unwrap();
        let _held = lock(&link).unwrap();
        let beside = File::open(directory.path().join(".file.lock")).unwrap();
        assert!(Flock::lock(beside, FlockArg::LockExclusiveNonblock).is_err());
    }

    #[test]
    fn a_process_that_dies_leaves_the_old_file_or_the_new_one() {
        const TEST: &str = "durable::tests::a_process_that_dies_leaves_the_old_file_or_the_new_one";
        if let Ok(told) = std::env::var("IMSH_TEST_DIE") {
            let (n, path) = told.split_once(' ').unwrap();
            let path = Path::new(path);
            let _lock = lock(path).unwrap();
            let _ = replace_watched(path, b"new", 0o600, &mut dying_at(STEPS[n.parse::<usize>().unwrap()]));
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (n, at) in STEPS.into_iter().enumerate() {
            std::fs::write(&path, "old").unwrap();
            let child = in_child(TEST, "IMSH_TEST_DIE", &format!("{n} {}", path.display()));
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.status), Some(9), "{child:?}");
            let wanted = if at == FileStep::SyncDirectory { "new" } else { "old" };
            assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted, "{at:?}");
            let _lock = lock(&path).unwrap();
            replace(&path, b"newer", 0o600).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "newer", "after {at:?}");
        }
    }

    #[test]
    fn mode_and_link_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        replace(&path, b"one", 0o640).unwrap();
        let mode = || std::fs::metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!(mode(), 0o640);
        std::fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"two", 0o600).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode()), ("two", 0o604));
    }

    #[test]
    fn one_lock_at_a_time_whatever_the_file_is_called() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let [real, links] = ["real", "links"].map(|name| directory.path().join(name));
        std::fs::create_dir(&real).unwrap();
        std::fs::create_dir(&links).unwrap();
        let path = real.join("count");
        std::fs::write(&path, "0").unwrap();
        symlink("../real/count", links.join("one")).unwrap();
        symlink("one", links.join("two")).unwrap();
        symlink(&real, links.join("directory")).unwrap();
        let names = [path.clone(), links.join("one"), links.join("two"), links.join("directory/count")];
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(move || {
                    for _ in 0..25 {
                        let lock = lock(name).unwrap();
                        let n: u32 = std::fs::read_to_string(lock.file()).unwrap().parse().unwrap();
                        replace(name, (n + 1).to_string().as_bytes(), 0o600).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "100");
        assert_eq!(std::fs::read_dir(&links).unwrap().count(), 3, "nothing is left beside the links");
    }

    #[test]
    fn a_link_to_what_is_not_there_yet_is_filled_and_a_circle_is_refused() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let [link, target, circle] = ["link", "target", "circle"].map(|name| directory.path().join(name));
        symlink("target", &link).unwrap();
        let held = lock(&link).unwrap();
        assert_eq!(
            held.file(),
            target.canonicalize().unwrap_or_else(|_| directory.path().canonicalize().unwrap().join("target"))
        );
        replace(&link, b"new", 0o600).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        symlink("circle", &circle).unwrap();
        assert!(lock(&circle).is_err());
    }
}
