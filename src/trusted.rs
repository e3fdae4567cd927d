//! Files that are checked on the very descriptor that they are read from.
//!
//! Ground: the one way to the topology, the vault, its key, the audit log, the scripts of the library and
//! whatever else decides who may do what. A path is walked once, directory by directory from the root; each
//! directory is held by its descriptor, and the file is opened relative to the last one. Kind, owner, mode
//! and number of links are those of the opened file, so that nobody can put another file into its place
//! between the check and the use. An error of a check means no.
//!
//! A process that works for others ([`only`]) follows no link and trusts one account and root. One that
//! works for its own caller follows names wherever they lead: what its caller may read, it may.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// The owner of the files that a process works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// Those of its own caller, by whatever name.
    Own,
    /// Those of this account, for others: nobody but the account and root may be able to change them, and
    /// no link leads to them.
    Account(u32),
}

/// INVARIANT: set before the first file is opened, and never taken back.
static ACCOUNT: OnceLock<u32> = OnceLock::new();

/// From now on this process trusts nothing but what this account and root alone may change.
pub fn only(account: u32) {
    ACCOUNT.get_or_init(|| account);
}

/// The discipline of this process.
pub fn discipline() -> Discipline {
    ACCOUNT.get().map_or(Discipline::Own, |account| Discipline::Account(*account))
}

/// The reason why a file or a directory is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}", path = path.display())]
pub struct Untrusted {
    /// The file or the directory.
    pub path: PathBuf,
    /// The reason.
    pub why: Why,
}

/// The reason why a file or a directory is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The path does not begin at the root, or leads up again.
    #[error("is no plain path from the root")]
    Path,
    /// A symbolic link stands where none belongs.
    #[error("is a symbolic link")]
    Link,
    /// A pipe, a device, a directory or a socket stands where a file belongs.
    #[error("is no regular file")]
    Kind,
    /// Another account owns it.
    #[error("belongs to user {owner}")]
    Owner {
        /// The owner.
        owner: u32,
    },
    /// Others than its owner may write to it.
    #[error("can be written by others (mode {mode:04o})")]
    Mode {
        /// The mode.
        mode: u32,
    },
    /// It has another name elsewhere, or none any more.
    #[error("has {links} names")]
    Links {
        /// The number of names.
        links: u64,
    },
}

impl Untrusted {
    /// The reason inside an error of this module, if that is what it is.
    pub fn of(fault: &io::Error) -> Option<&Self> {
        fault.get_ref()?.downcast_ref()
    }
}

fn untrusted(path: &Path, why: Why) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, Untrusted { path: path.to_owned(), why })
}

/// A file to read.
///
/// # Errors
/// It is not there, cannot be opened, or is not trusted ([`Untrusted`]).
pub fn open(path: &Path) -> io::Result<File> {
    open_under(discipline(), path)
}

/// A file that this process's own caller, or the system for it, has named.
///
/// # Errors
/// The system's own.
pub fn open_own(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The same, to write, in the way that the options say.
///
/// # Errors
/// The system's own.
pub fn open_own_with(path: &Path, how: &OpenOptions) -> io::Result<File> {
    how.open(path)
}

/// A file that a trusted file names and that may lie behind links, as certificate authorities do: whose owner
/// is trusted, and nobody else may write to it. What leads to it is not looked at, so that another file of the
/// same owner may be read in its place, and no other one's.
///
/// # Errors
/// As [`open`].
pub fn open_linked(path: &Path) -> io::Result<File> {
    let Discipline::Account(account) = discipline() else { return File::open(path) };
    let how = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = File::from(openat(nix::fcntl::AT_FDCWD, path, how, Mode::empty())?);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(untrusted(path, Why::Kind));
    }
    check(path, account, found.uid(), found.mode() & 0o7777)?;
    Ok(file)
}

fn open_under(discipline: Discipline, path: &Path) -> io::Result<File> {
    match discipline {
        Discipline::Own => File::open(path),
        Discipline::Account(_) => {
            let (directory, name) = Directory::of_under(discipline, path)?;
            directory.open(&name)
        }
    }
}

/// A directory, held by its descriptor.
#[derive(Debug)]
pub struct Directory {
    held: OwnedFd,
    path: PathBuf,
    discipline: Discipline,
}

impl Directory {
    /// The directory of this path.
    ///
    /// # Errors
    /// As [`open`].
    pub fn at(path: &Path) -> io::Result<Self> {
        Self::under(discipline(), path)
    }

    /// The directory that a file lies in, and its name there. Where links may be followed, they have been.
    ///
    /// # Errors
    /// As [`open`], for the directory; the file need not be there.
    pub fn of(path: &Path) -> io::Result<(Self, OsString)> {
        Self::of_under(discipline(), path)
    }

    fn of_under(discipline: Discipline, path: &Path) -> io::Result<(Self, OsString)> {
        let path = match discipline {
            Discipline::Own => behind_links(path)?,
            Discipline::Account(_) => path.to_owned(),
        };
        let name = path.file_name().ok_or_else(|| untrusted(&path, Why::Path))?.to_owned();
        Ok((Self::under(discipline, directory_of(&path))?, name))
    }

    fn under(discipline: Discipline, path: &Path) -> io::Result<Self> {
        let Discipline::Account(_) = discipline else {
            let held = openat(nix::fcntl::AT_FDCWD, path, DIRECTORY, Mode::empty())?;
            return Ok(Self { held, path: path.to_owned(), discipline });
        };
        if !path.is_absolute() {
            return Err(untrusted(path, Why::Path));
        }
        let root = openat(nix::fcntl::AT_FDCWD, "/", DIRECTORY, Mode::empty())?;
        let mut walked = Self { held: root, path: PathBuf::from("/"), discipline };
        walked.check_directory()?;
        for part in path.components() {
            match part {
                Component::RootDir => {}
                Component::Normal(name) => walked = walked.directory(name)?,
                Component::Prefix(_) | Component::CurDir | Component::ParentDir => {
                    return Err(untrusted(path, Why::Path));
                }
            }
        }
        Ok(walked)
    }

    /// Makes a private directory with those above it, where they are missing.
    ///
    /// # Errors
    /// It cannot be made, or is not trusted.
    pub fn create(path: &Path) -> io::Result<Self> {
        match Self::at(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let above = match path.parent() {
            Some(above) if !above.as_os_str().is_empty() => Self::create(above)?,
            Some(_) => Self::at(Path::new("."))?,
            None => return Err(untrusted(path, Why::Path)),
        };
        let name = path.file_name().ok_or_else(|| untrusted(path, Why::Path))?;
        match mkdirat(&above.held, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => Self::at(path),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A directory in this one.
    ///
    /// # Errors
    /// As [`open`].
    pub fn directory(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.path.join(name);
        let flags = match self.discipline {
            Discipline::Own => DIRECTORY,
            Discipline::Account(_) => DIRECTORY | OFlag::O_NOFOLLOW,
        };
        let held = openat(&self.held, name, flags, Mode::empty()).map_err(|errno| {
            let is_link = [Errno::ELOOP, Errno::ENOTDIR].contains(&errno) && self.is_link(name);
            if is_link { untrusted(&path, Why::Link) } else { errno.into() }
        })?;
        let found = Self { held, path, discipline: self.discipline };
        found.check_directory()?;
        Ok(found)
    }

    /// The same, walked again with trust in nothing but what this account and root alone may change.
    ///
    /// # Errors
    /// As [`open`].
    pub fn trusting(self, account: u32) -> io::Result<Self> {
        match self.discipline {
            Discipline::Own => Self::under(Discipline::Account(account), &self.path),
            Discipline::Account(_) => Ok(self),
        }
    }

    /// Its path, as it was walked.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it, to read.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(&self, name: &OsStr) -> io::Result<File> {
        self.opened(name, OFlag::O_RDONLY, Mode::empty())
    }

    /// A file in it, to read and to add to; made where it is missing, for its owner alone.
    ///
    /// # Errors
    /// As [`open`].
    pub fn append(&self, name: &OsStr) -> io::Result<File> {
        self.opened(name, OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT, OWNERS_ALONE)
    }

    /// A file in it, to write; made where it is missing, for its owner alone.
    ///
    /// # Errors
    /// As [`open`].
    pub fn write(&self, name: &OsStr) -> io::Result<File> {
        self.opened(name, OFlag::O_RDWR | OFlag::O_CREAT, OWNERS_ALONE)
    }

    /// A file in it that is there already, to write.
    ///
    /// # Errors
    /// As [`open`].
    pub fn write_existing(&self, name: &OsStr) -> io::Result<File> {
        self.opened(name, OFlag::O_RDWR, Mode::empty())
    }

    /// A new file in it, for its owner alone.
    ///
    /// # Errors
    /// As [`open`]; something of that name is there.
    pub fn create_new(&self, name: &OsStr) -> io::Result<File> {
        self.opened(name, OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL, OWNERS_ALONE)
    }

    fn opened(&self, name: &OsStr, how: OFlag, mode: Mode) -> io::Result<File> {
        let path = self.path.join(name);
        if Path::new(name).components().count() != 1 || name == ".." || name == "." {
            return Err(untrusted(&path, Why::Path));
        }
        let strict = match self.discipline {
            Discipline::Own => OFlag::empty(),
            // A pipe without a writer, or a terminal, must not hold the process.
            Discipline::Account(_) => OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY,
        };
        for _ in 0..REPLACED_MEANWHILE {
            let opened = openat(&self.held, name, how | strict | OFlag::O_CLOEXEC, mode);
            let opened = opened.map_err(|errno| {
                if errno == Errno::ELOOP && self.is_link(name) {
                    untrusted(&path, Why::Link)
                } else if errno == Errno::ENXIO {
                    untrusted(&path, Why::Kind)
                } else {
                    errno.into()
                }
            })?;
            let file = File::from(opened);
            match self.check_file(&path, &file) {
                // It was replaced between the opening and the look at it: the new one is there now.
                Err(fault) if is_gone(&fault) => {}
                Err(fault) => return Err(fault),
                Ok(()) => return Ok(file),
            }
        }
        Err(untrusted(&path, Why::Links { links: 0 }))
    }

    /// Gives a file another name, in place of what has it.
    ///
    /// # Errors
    /// The system's own.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.held, from, &self.held, to)?)
    }

    /// Removes a file; says whether there was one.
    ///
    /// # Errors
    /// The system's own.
    pub fn remove(&self, name: &OsStr) -> io::Result<bool> {
        match unlinkat(&self.held, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether something has this name, be it a link that leads nowhere.
    ///
    /// # Errors
    /// The system's own.
    pub fn has(&self, name: &OsStr) -> io::Result<bool> {
        match fstatat(&self.held, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The names in it, sorted.
    ///
    /// # Errors
    /// The system's own.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStrExt;
        let mut listed = Dir::from_fd(openat(&self.held, ".", LISTED, Mode::empty())?)?;
        let mut names = Vec::new();
        for entry in listed.iter() {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Waits until its entries are on the disk.
    ///
    /// # Errors
    /// The system's own.
    pub fn sync(&self) -> io::Result<()> {
        Ok(nix::unistd::fsync(openat(&self.held, ".", LISTED, Mode::empty())?)?)
    }

    /// Its metadata.
    ///
    /// # Errors
    /// The system's own.
    pub fn metadata(&self) -> io::Result<Metadata> {
        File::from(self.held.try_clone()?).metadata()
    }

    fn is_link(&self, name: &OsStr) -> bool {
        fstatat(&self.held, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|found| found.st_mode & nix::libc::S_IFMT == nix::libc::S_IFLNK)
    }

    fn check_directory(&self) -> io::Result<()> {
        let Discipline::Account(account) = self.discipline else { return Ok(()) };
        let found = self.metadata()?;
        let mode = found.mode() & 0o7777;
        // Where only its owner may replace a file, others may write beside it.
        let is_shared = mode & 0o1000 != 0 && found.uid() == 0;
        check(&self.path, account, found.uid(), if is_shared { mode & !0o022 } else { mode })
    }

    fn check_file(&self, path: &Path, file: &File) -> io::Result<()> {
        let Discipline::Account(account) = self.discipline else { return Ok(()) };
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(untrusted(path, Why::Kind));
        }
        check(path, account, found.uid(), found.mode() & 0o7777)?;
        match found.nlink() {
            1 => Ok(()),
            links => Err(untrusted(path, Why::Links { links })),
        }
    }
}

fn check(path: &Path, account: u32, owner: u32, mode: u32) -> io::Result<()> {
    if ![account, 0].contains(&owner) {
        return Err(untrusted(path, Why::Owner { owner }));
    }
    if mode & 0o022 != 0 { Err(untrusted(path, Why::Mode { mode })) } else { Ok(()) }
}

fn is_gone(fault: &io::Error) -> bool {
    Untrusted::of(fault).is_some_and(|untrusted| untrusted.why == Why::Links { links: 0 })
}

/// The file that a path leads to, by its one name; it need not be there yet, its directory must.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let here = std::fs::canonicalize(directory_of(&path))?.join(name);
        match std::fs::read_link(&here) {
            Ok(target) => path = here.with_file_name(target),
            // It is none, or nothing is there.
            Err(_) => return Ok(here),
        }
    }
    Err(Errno::ELOOP.into())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    }
}

/// A directory that leads on to others: to hold it, nobody need be allowed to list it.
const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
const LISTED: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
const OWNERS_ALONE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
/// As many as Linux follows.
const MAX_LINKS: usize = 40;
/// The number of times that a file may be replaced while it is opened.
const REPLACED_MEANWHILE: usize = 1000;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    /// A directory whose way from the root nobody else may change, as far as the machine's own goes.
    fn ground() -> (tempfile::TempDir, PathBuf, Discipline) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        let mine = Discipline::Account(nix::unistd::getuid().as_raw());
        (directory, path, mine)
    }

    fn read(discipline: Discipline, path: &Path) -> Result<String, Option<Why>> {
        let opened = open_under(discipline, path);
        let mut file = opened.map_err(|fault| Untrusted::of(&fault).map(|untrusted| untrusted.why))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|_| None)?;
        Ok(text)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_trusted_where_nobody_else_may_change_it_or_what_leads_to_it() {
        let (_held, path, mine) = ground();
        let (below, file) = (path.join("below"), path.join("below/file"));
        std::fs::create_dir(&below).unwrap();
        std::fs::write(&file, "text").unwrap();
        for (below_mode, file_mode, wanted) in [
            (0o755, 0o644, Ok("text".to_owned())),
            (0o700, 0o600, Ok("text".to_owned())),
            (0o755, 0o664, Err(Some(Why::Mode { mode: 0o664 }))),
            (0o755, 0o602, Err(Some(Why::Mode { mode: 0o602 }))),
            (0o775, 0o644, Err(Some(Why::Mode { mode: 0o775 }))),
            (0o757, 0o644, Err(Some(Why::Mode { mode: 0o757 }))),
        ] {
            set_mode(&below, below_mode);
            set_mode(&file, file_mode);
            assert_eq!(read(mine, &file), wanted, "{below_mode:o} {file_mode:o}");
        }
    }

    #[test]
    fn what_is_no_plain_file_is_not_trusted() {
        let (_held, path, mine) = ground();
        let file = path.join("file");
        std::fs::write(&file, "text").unwrap();
        symlink("file", path.join("link")).unwrap();
        symlink(&path, path.join("directory")).unwrap();
        nix::unistd::mkfifo(&path.join("pipe"), Mode::S_IRWXU).unwrap();
        std::fs::write(path.join("two"), "text").unwrap();
        std::fs::hard_link(path.join("two"), path.join("names")).unwrap();
        for (name, why) in [
            (path.join("link"), Some(Why::Link)),
            (path.join("directory/file"), Some(Why::Link)),
            (path.join("pipe"), Some(Why::Kind)),
            (path.clone(), Some(Why::Kind)),
            (path.join("two"), Some(Why::Links { links: 2 })),
            (path.join("below/../file"), None),
            (path.join("../file"), Some(Why::Path)),
            (PathBuf::from("file"), Some(Why::Path)),
            (PathBuf::from("/dev/stdin"), Some(Why::Link)),
            (PathBuf::from("/dev/null"), Some(Why::Kind)),
            (PathBuf::from("/proc/self/fd/0"), Some(Why::Link)),
            (PathBuf::from("/proc/self/exe"), Some(Why::Link)),
            (path.join("missing"), None),
        ] {
            // Whatever else the machine has on the way is a reason too: nothing is read.
            let said = read(mine, &name).unwrap_err();
            assert!(
                said == why || name.starts_with("/dev") || name.starts_with("/proc"),
                "{name:?} {said:?}"
            );
        }
        assert_eq!(read(mine, &file), Ok("text".to_owned()));
        assert_eq!(read(Discipline::Own, &path.join("directory/link")), Ok("text".to_owned()));
    }

    #[test]
    fn another_accounts_file_is_not_trusted() {
        let (_held, path, _) = ground();
        std::fs::write(path.join("file"), "text").unwrap();
        if nix::unistd::getuid().is_root() {
            std::os::unix::fs::chown(path.join("file"), Some(4242), None).unwrap();
            let why = Some(Why::Owner { owner: 4242 });
            assert_eq!(read(Discipline::Account(0), &path.join("file")), Err(why));
            assert_eq!(read(Discipline::Account(4242), &path.join("file")), Ok("text".to_owned()));
        } else {
            let mine = nix::unistd::getuid().as_raw();
            let said = read(Discipline::Account(mine + 1), &path.join("file")).unwrap_err();
            assert_eq!(said, Some(Why::Owner { owner: mine }));
        }
    }

    /// A link is swapped between a trusted file and another one, as fast as it goes, while it is read.
    #[test]
    fn a_name_that_changes_between_check_and_use_gives_nothing_but_what_was_checked() {
        let (_held, path, mine) = ground();
        std::fs::write(path.join("good"), "good").unwrap();
        std::fs::write(path.join("evil"), "evil").unwrap();
        set_mode(&path.join("evil"), 0o666);
        std::fs::create_dir(path.join("evil.d")).unwrap();
        std::fs::write(path.join("evil.d/file"), "evil").unwrap();
        set_mode(&path.join("evil.d"), 0o777);
        std::fs::create_dir(path.join("good.d")).unwrap();
        std::fs::write(path.join("good.d/file"), "good").unwrap();
        let ends = AtomicBool::new(false);
        let (mut n_good, mut n_refused) = (0, 0);
        std::thread::scope(|scope| {
            let swaps = scope.spawn(|| {
                let here = Directory::under(mine, &path).unwrap();
                while !ends.load(Ordering::Relaxed) {
                    for (from, to) in [("good", "file"), ("evil", "file")] {
                        let _ = std::fs::remove_file(path.join("next"));
                        // A real file in one turn, a link in the next.
                        std::fs::write(path.join("next"), from).unwrap();
                        set_mode(&path.join("next"), if from == "evil" { 0o666 } else { 0o644 });
                        here.rename(OsStr::new("next"), OsStr::new(to)).unwrap();
                        symlink(from, path.join("next")).unwrap();
                        here.rename(OsStr::new("next"), OsStr::new(to)).unwrap();
                        let _ = std::fs::remove_file(path.join("d"));
                        symlink(format!("{from}.d"), path.join("d")).unwrap();
                    }
                }
            });
            // A busy machine may let the other thread begin late.
            let over_at = Instant::now() + Duration::from_secs(60);
            let mut n_rounds = 0;
            while n_rounds < 5_000 || ((n_good == 0 || n_refused == 0) && Instant::now() < over_at) {
                n_rounds += 1;
                for name in ["file", "d/file"] {
                    match read(mine, &path.join(name)) {
                        Ok(text) => {
                            assert_ne!(text, "evil");
                            n_good += 1;
                        }
                        Err(_) => n_refused += 1,
                    }
                }
            }
            ends.store(true, Ordering::Relaxed);
            swaps.join().unwrap();
        });
        assert!(n_good > 0 && n_refused > 0, "{n_good} {n_refused}");
    }

    #[test]
    fn a_file_that_is_replaced_while_it_is_read_is_the_old_one_or_the_new_one() {
        let (_held, path, mine) = ground();
        let here = Directory::under(mine, &path).unwrap();
        std::fs::write(path.join("file"), "whole").unwrap();
        let ends = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ends.load(Ordering::Relaxed) {
                    std::fs::write(path.join("new"), "whole").unwrap();
                    here.rename(OsStr::new("new"), OsStr::new("file")).unwrap();
                }
            });
            for _ in 0..5_000 {
                assert_eq!(read(mine, &path.join("file")), Ok("whole".to_owned()));
            }
            ends.store(true, Ordering::Relaxed);
        });
    }
}
