//! The files that cmdlets read and write, by the names that a call gives: the one way to them.
//!
//! In a delegated session they lie on the principal's drive. Elsewhere a relative name starts from the
//! session's directory, and cmdlets that write files are the administrator's alone: whoever may write any file
//! of this account may write its topology too.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::drive::{DriveFault, DriveFile};
use super::{Call, SessionContext};
use crate::cmdlet::{Category, ErrorRecord};
use crate::durable;
use crate::trusted;

/// The treatment of an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Its content is replaced.
    Replaced,
    /// Its content stays, and what is written comes behind it.
    Appended,
    /// It is left alone, and the call fails.
    Kept,
}

impl Existing {
    /// Returns the options with which a file of the machine is opened.
    pub fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        match self {
            Self::Replaced => options.write(true).create(true).truncate(true),
            Self::Appended => options.append(true).create(true),
            Self::Kept => options.write(true).create_new(true),
        };
        options
    }
}

/// A file that is written to.
#[derive(Debug)]
pub enum WrittenFile {
    /// One of the machine's.
    Own(File),
    /// One of a drive.
    OnDrive(DriveFile),
}

impl Write for WrittenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Own(file) => file.write(bytes),
            Self::OnDrive(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Own(file) => file.flush(),
            Self::OnDrive(file) => file.flush(),
        }
    }
}

/// The path of a file of the machine's, relative to the session's directory; `~` is the home directory, where the
/// session has one.
///
/// # Errors
/// `NotOnDrive`: a session with a drive reaches no file of the machine's.
pub fn path(call: &Call, name: &str) -> Result<PathBuf, ErrorRecord> {
    match call.context.drive {
        Some(_) => Err(not_on_drive(name)),
        None => Ok(own_path(call, name)),
    }
}

fn own_path(call: &Call, name: &str) -> PathBuf {
    in_context(&call.context, name)
}

/// As [`path`], of a session without a drive.
pub fn in_context(context: &SessionContext, name: &str) -> PathBuf {
    let below_home = name.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match below_home.and_then(|rest| Some((rest, (context.environment)("HOME")?))) {
        Some((rest, home)) => PathBuf::from(home).join(rest.trim_start_matches('/')),
        None => context.directory.join(name),
    }
}

fn not_on_drive(name: &str) -> ErrorRecord {
    let message = format!("'{name}' is no name of a file on your drive, and a session reaches no other.");
    ErrorRecord::new(Category::InvalidArgument, "NotOnDrive", message)
        .remedy("Write a plain name without a directory, such as receivers.csv; Get-DriveItem lists them.")
        .target(name)
}

/// Puts a file with these contents in the place of another one, in one step where it is the machine's.
///
/// # Errors
/// `FileExists` where it is to be kept, `LimitReached` where a drive is full, else `FileWriteFailure`.
pub fn replace(call: &Call, name: &str, contents: &[u8], existing: Existing) -> Result<(), ErrorRecord> {
    if existing == Existing::Kept || call.context.drive.is_some() {
        // Made here and now, so that no other process can have made it between the question and the writing.
        let mut made = create(call, name, existing)?;
        if call.context.drive.is_some() {
            let written = tokio::task::block_in_place(|| made.write_all(contents));
            return written
                .map_err(|error| failure(Category::WriteError, "FileWriteFailure", "written", name, &error));
        }
    }
    let path = own_path(call, name);
    tokio::task::block_in_place(|| durable::replace(&path, contents, 0o644)).map_err(|fault| {
        let message = format!("The file '{name}' could not be written: {fault}.");
        ErrorRecord::new(Category::WriteError, "FileWriteFailure", message)
            .remedy("See whether the directory exists and the file's permissions allow it.")
            .target(name)
    })
}

/// Opens a file to read.
///
/// # Errors
/// `FileOpenFailure`.
pub fn open(call: &Call, name: &str) -> Result<File, ErrorRecord> {
    opened(call, name)
        .map_err(|error| failure(Category::ReadError, "FileOpenFailure", "opened", name, &error))
}

/// The same with the system's own error.
///
/// # Errors
/// The file is not there, or cannot be read.
pub fn opened(call: &Call, name: &str) -> io::Result<File> {
    match &call.context.drive {
        Some(drive) => tokio::task::block_in_place(|| drive.open(name)),
        None => trusted::open_own(&own_path(call, name)),
    }
}

/// Opens a file to write.
///
/// # Errors
/// `FileExists` where it is to be kept, `LimitReached` where a drive is full, else `FileOpenFailure`.
pub fn create(call: &Call, name: &str, existing: Existing) -> Result<WrittenFile, ErrorRecord> {
    let opened = match &call.context.drive {
        Some(drive) => tokio::task::block_in_place(|| drive.create(name, existing)).map(WrittenFile::OnDrive),
        None => trusted::open_own_with(&own_path(call, name), &existing.options()).map(WrittenFile::Own),
    };
    opened.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            let message = format!("The file '{name}' exists, and -NoClobber keeps it.");
            ErrorRecord::new(Category::ResourceExists, "FileExists", message)
                .remedy("Give another name, or leave -NoClobber out.")
                .target(name)
        } else {
            failure(Category::WriteError, "FileOpenFailure", "opened", name, &error)
        }
    })
}

/// The error for a file that cannot be read, written or opened.
pub fn failure(
    category: Category,
    id: &'static str,
    what: &str,
    name: &str,
    error: &io::Error,
) -> ErrorRecord {
    let (category, id, remedy) = match DriveFault::of(error) {
        Some(DriveFault::Name) => return not_on_drive(name),
        Some(DriveFault::Full { .. }) => (
            Category::LimitsExceeded,
            "LimitReached",
            "Remove files with Remove-DriveItem, or ask an administrator for a larger limit.",
        ),
        Some(DriveFault::NoRoom) => (Category::LimitsExceeded, id, "Tell an administrator of this machine."),
        Some(DriveFault::Removed) => {
            (category, id, "Another session of yours has removed it; write it anew.")
        }
        None => (category, id, "See whether the directory exists and the file's permissions allow it."),
    };
    ErrorRecord::new(category, id, format!("The file '{name}' could not be {what}: {error}."))
        .remedy(remedy)
        .target(name)
}
