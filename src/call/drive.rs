//! The drive of a delegated session: a directory of its principal's, where the cmdlets that read and write
//! files find theirs, and nowhere else.
//!
//! Its files have plain names and no directories. Before each write the size of all of them is counted under a
//! lock that the sessions of the principal share, so that they keep within the limit together. A file that was
//! removed takes nothing more, whoever still holds it open.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::Flock;

use super::files::Existing;
use crate::access::limits::{Limited, SESSION_LIMITS};
use crate::access::usage::file_name;
use crate::durable;
use crate::trusted::Directory;

/// The drive of one principal.
#[derive(Clone, Debug)]
pub struct Drive {
    directory: PathBuf,
    most_mib: u32,
}

/// A file of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveEntry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The time at which the file was last written to, in seconds since 1970.
    pub modified: i64,
}

/// The reason why a drive does not give or take a file.
#[derive(Debug, thiserror::Error)]
pub enum DriveFault {
    /// The name leads somewhere else, or could be read as something else.
    #[error("is no name of a file on the drive")]
    Name,
    /// The drive holds as much as it may.
    #[error("the drive is full: {key} is limited to {most_mib}")]
    Full {
        /// The limit's key.
        key: &'static str,
        /// The limit.
        most_mib: u32,
    },
    /// The disk has only the room that administrators need.
    #[error("the rest of the disk is kept for administrators")]
    NoRoom,
    /// Somebody removed the file while it was written.
    #[error("it was removed meanwhile")]
    Removed,
}

impl DriveFault {
    /// The reason inside an error of this module, if that is what it is.
    pub fn of(fault: &io::Error) -> Option<&Self> {
        fault.get_ref()?.downcast_ref()
    }
}

impl From<DriveFault> for io::Error {
    fn from(fault: DriveFault) -> Self {
        let kind = match fault {
            DriveFault::Name => io::ErrorKind::InvalidInput,
            DriveFault::Full { .. } | DriveFault::NoRoom => io::ErrorKind::StorageFull,
            DriveFault::Removed => io::ErrorKind::NotFound,
        };
        Self::new(kind, fault)
    }
}

impl Drive {
    /// The drive of this principal, below the account's state directory; it may hold so many mebibytes.
    pub fn new(state: &Path, principal: &str, most_mib: u32) -> Self {
        Self { directory: state.join(DIRECTORY).join(file_name(principal)), most_mib }
    }

    /// A file, to read.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn open(&self, name: &str) -> io::Result<File> {
        self.directory()?.open(checked(name)?)
    }

    /// A file, to write.
    ///
    /// # Errors
    /// The name is none, the file exists and is to be kept, or the drive is full.
    pub fn create(&self, name: &str, existing: Existing) -> io::Result<DriveFile> {
        let name = checked(name)?;
        let directory = self.directory()?;
        let lock = lock(&directory)?;
        let is_there = directory.has(name)?;
        if is_there && existing == Existing::Kept {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !is_there {
            self.check(&directory, OCCUPIED)?;
        }
        // Each write goes to the end, also of a file that another session has emptied.
        let file = directory.append(name)?;
        if existing == Existing::Replaced {
            file.set_len(0)?;
        }
        drop(lock);
        Ok(DriveFile { drive: self.clone(), directory, file })
    }

    /// Its files, sorted by name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn entries(&self) -> io::Result<Vec<DriveEntry>> {
        let directory = self.directory()?;
        let mut entries = Vec::new();
        for name in directory.names()? {
            let Some(plain) = name.to_str().filter(|plain| checked(plain).is_ok()) else { continue };
            let found = match directory.open(&name).and_then(|file| file.metadata()) {
                // Another session may have removed it.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => continue,
                found => found?,
            };
            let (name, bytes, modified) = (plain.to_owned(), found.len(), found.mtime());
            entries.push(DriveEntry { name, bytes, modified });
        }
        Ok(entries)
    }

    /// Removes a file; says whether there was one.
    ///
    /// # Errors
    /// The name is none, or the file cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let name = checked(name)?;
        let directory = self.directory()?;
        let _lock = lock(&directory)?;
        // Where another session holds it open, its blocks are free at once nevertheless.
        match directory.write_existing(name) {
            Ok(file) => file.set_len(0)?,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(fault) => return Err(fault),
        }
        directory.remove(name)
    }

    fn directory(&self) -> io::Result<Directory> {
        Directory::create(&self.directory)
    }

    /// Whether so many bytes more are within the limit; the caller holds the lock.
    fn check(&self, directory: &Directory, more: u64) -> io::Result<()> {
        let mut used = 0;
        for name in directory.names()? {
            if name.to_str().is_some_and(|name| checked(name).is_ok()) {
                used += occupied(directory.open(&name)?.metadata()?.len());
            }
        }
        if more > 0 && !durable::leaves_reserve(&self.directory) {
            return Err(DriveFault::NoRoom.into());
        }
        if used + more > u64::from(self.most_mib) << 20 {
            let key = SESSION_LIMITS[Limited::DriveMib as usize].key;
            return Err(DriveFault::Full { key, most_mib: self.most_mib }.into());
        }
        Ok(())
    }
}

/// A file of a drive that is written to.
#[derive(Debug)]
pub struct DriveFile {
    drive: Drive,
    directory: Directory,
    file: File,
}

impl Write for DriveFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _lock = lock(&self.directory)?;
        let found = self.file.metadata()?;
        if found.nlink() == 0 {
            return Err(DriveFault::Removed.into());
        }
        let after = found.len().saturating_add(bytes.len() as u64);
        self.drive.check(&self.directory, occupied(after) - occupied(found.len()))?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock(directory: &Directory) -> io::Result<Flock<File>> {
    durable::hold(directory.write(OsStr::new(LOCK))?)
}

/// The name of a file on a drive: no directory, nothing hidden, nothing that a terminal or another program
/// would read as something else.
fn checked(name: &str) -> io::Result<&OsStr> {
    let is_plain = !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with(['.', '-', ' ', '~'])
        && !name.ends_with(' ')
        && name.chars().all(|letter| letter.is_alphanumeric() || "._-+@ ()=,".contains(letter));
    if is_plain { Ok(OsStr::new(name)) } else { Err(DriveFault::Name.into()) }
}

/// The bytes that a file of this length takes up on the disk: an empty one has a name.
fn occupied(bytes: u64) -> u64 {
    bytes.max(1).next_multiple_of(OCCUPIED)
}

/// Bytes that the smallest file takes up.
/// Below the account's state, with a drive for each principal ([`usage::file_name`](crate::access::usage::file_name)).
pub const DIRECTORY: &str = "drives";
const OCCUPIED: u64 = 4096;
const MAX_NAME: usize = 200;
/// Its name is none of a file on the drive.
const LOCK: &str = ".lock";

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const MIB: usize = 1 << 20;

    fn drive(ground: &tempfile::TempDir) -> Drive {
        Drive::new(ground.path(), "os-user:kim", 1)
    }

    fn is_full(fault: &io::Error) -> bool {
        matches!(DriveFault::of(fault), Some(DriveFault::Full { most_mib: 1, .. }))
    }

    fn text(drive: &Drive, name: &str) -> String {
        let mut text = String::new();
        drive.open(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_file_is_written_added_to_listed_read_and_removed() {
        let ground = tempfile::tempdir().unwrap();
        let drive = drive(&ground);
        assert_eq!(drive.entries().unwrap(), []);
        drive.create("a.csv", Existing::Kept).unwrap().write_all(b"one").unwrap();
        drive.create("a.csv", Existing::Appended).unwrap().write_all(b"two").unwrap();
        assert_eq!(text(&drive, "a.csv"), "onetwo");
        drive.create("a.csv", Existing::Replaced).unwrap().write_all(b"three").unwrap();
        assert_eq!(text(&drive, "a.csv"), "three");
        let kept = drive.create("a.csv", Existing::Kept).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::AlreadyExists);
        let listed: Vec<_> =
            drive.entries().unwrap().into_iter().map(|entry| (entry.name, entry.bytes)).collect();
        assert_eq!(listed, [("a.csv".to_owned(), 5)]);
        assert!(drive.remove("a.csv").unwrap() && !drive.remove("a.csv").unwrap());
    }

    #[test]
    fn no_name_leads_off_the_drive() {
        let ground = tempfile::tempdir().unwrap();
        let drive = drive(&ground);
        std::fs::write(ground.path().join("secret"), "swordfish").unwrap();
        let absolute = ground.path().join("secret").display().to_string();
        for name in [
            "",
            ".",
            "..",
            "../../secret",
            "a/b",
            "/etc/passwd",
            &absolute,
            ".lock",
            ".hidden",
            "-rf",
            "~",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            "a\0b",
            "a\\b",
            "$HOME",
            &"x".repeat(201),
        ] {
            for fault in [
                drive.open(name).unwrap_err(),
                drive.create(name, Existing::Replaced).unwrap_err(),
                drive.remove(name).unwrap_err(),
            ] {
                assert!(matches!(DriveFault::of(&fault), Some(DriveFault::Name)), "{name:?} {fault}");
            }
        }
    }

    #[test]
    fn no_write_leads_over_the_limit_however_it_is_divided() {
        let ground = tempfile::tempdir().unwrap();
        let drive = drive(&ground);
        let mut one = drive.create("one", Existing::Replaced).unwrap();
        let mut other = drive.create("other", Existing::Replaced).unwrap();
        one.write_all(&vec![0; MIB / 2]).unwrap();
        assert!(is_full(&other.write_all(&vec![0; MIB / 2 + 1]).unwrap_err()));
        other.write_all(&vec![0; MIB / 2]).unwrap();
        assert!(is_full(&one.write_all(b"x").unwrap_err()));
        assert!(is_full(&drive.create("third", Existing::Replaced).unwrap_err()));
        drive.create("one", Existing::Replaced).unwrap();
        other.write_all(b"x").unwrap();
        // Empty files are not for nothing.
        drive.remove("one").unwrap();
        drive.remove("other").unwrap();
        let n_files = (0..1000).take_while(|n| drive.create(&format!("{n}"), Existing::Kept).is_ok()).count();
        assert_eq!(n_files, MIB / 4096);
    }

    #[test]
    fn a_file_that_was_removed_takes_nothing_more() {
        let ground = tempfile::tempdir().unwrap();
        let drive = drive(&ground);
        let mut held = drive.create("held", Existing::Replaced).unwrap();
        held.write_all(&vec![0; MIB]).unwrap();
        assert!(drive.remove("held").unwrap());
        assert_eq!(held.file.metadata().unwrap().len(), 0, "its blocks are free");
        let fault = held.write_all(b"x").unwrap_err();
        assert!(matches!(DriveFault::of(&fault), Some(DriveFault::Removed)), "{fault}");
    }

    #[test]
    fn sessions_that_write_at_once_keep_within_the_limit_together() {
        let ground = tempfile::tempdir().unwrap();
        let drive = drive(&ground);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let drive = &drive;
                scope.spawn(move || {
                    let mut file = drive.create(name, Existing::Replaced).unwrap();
                    while file.write_all(&[0; 30_000]).is_ok() {}
                });
            }
        });
        let used: u64 = drive.entries().unwrap().iter().map(|entry| occupied(entry.bytes)).sum();
        assert!(used <= MIB as u64 && used > MIB as u64 - 4 * 32_768, "{used}");
    }
}
