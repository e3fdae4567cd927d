//! The files that cmdlets read and write, by the names that a call gives.
//!
//! A relative name starts from the session's directory. Cmdlets that write files are the
//! administrator's alone: whoever may write any file of this account may write its topology too.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use super::{Call, SessionContext};
use crate::cmdlet::{Category, ErrorRecord};

/// How an existing file is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Its content is replaced.
    Replaced,
    /// Its content stays, and what is written comes behind it.
    Appended,
    /// It is left alone, and the call fails.
    Kept,
}

/// The path of a file name, relative to the session's directory; `~` is the home directory, where the
/// session has one.
pub fn path(call: &Call, name: &str) -> PathBuf {
    in_context(&call.context, name)
}

/// As [`path`], of a session.
pub fn in_context(context: &SessionContext, name: &str) -> PathBuf {
    let below_home = name.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match below_home.and_then(|rest| Some((rest, (context.environment)("HOME")?))) {
        Some((rest, home)) => PathBuf::from(home).join(rest.trim_start_matches('/')),
        None => context.directory.join(name),
    }
}

/// Opens a file for writing.
///
/// # Errors
/// `FileExists` where it is to be kept, else `FileOpenFailure`.
pub fn create(call: &Call, name: &str, existing: Existing) -> Result<File, ErrorRecord> {
    let mut options = OpenOptions::new();
    match existing {
        Existing::Replaced => options.write(true).create(true).truncate(true),
        Existing::Appended => options.append(true).create(true),
        Existing::Kept => options.write(true).create_new(true),
    };
    options.open(path(call, name)).map_err(|error| {
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
    ErrorRecord::new(category, id, format!("The file '{name}' could not be {what}: {error}."))
        .remedy("See whether the directory exists and the file's permissions allow it.")
        .target(name)
}
