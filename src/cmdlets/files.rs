//! The files that cmdlets of the objects family read and write.
//!
//! A relative name starts from the session's directory. These cmdlets are the administrator's
//! alone: whoever may write any file of this account may write its topology too.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::{Call, Outcome};
use crate::cmdlet::{Category, ErrorRecord};
use crate::render::{Colour, Format, Renderer};
use crate::value::Value;

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Its content is replaced.
    Replaced,
    /// Its content stays, and what is written comes behind it.
    Appended,
    /// It is left alone, and the call fails.
    Kept,
}

/// The `-Delimiter` of CSV: one ASCII character, a comma if none was given.
///
/// # Errors
/// `InvalidDelimiter`, for anything else.
pub fn delimiter(call: &Call) -> Result<u8, ErrorRecord> {
    match call.bound.text("Delimiter").as_deref().unwrap_or(",").as_bytes() {
        b"`t" => Ok(b'\t'),
        [one] if one.is_ascii() && !b"\"\r\n".contains(one) => Ok(*one),
        _ => Err(ErrorRecord::new(
            Category::InvalidArgument,
            "InvalidDelimiter",
            "-Delimiter is one ASCII character, and neither a quote nor a line end.",
        )
        .remedy("Write ';' or \"`t\".")),
    }
}

/// Where a file's name leads.
pub fn path(call: &Call, name: &str) -> PathBuf {
    call.world.directory.join(name)
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

/// A file that gets what a screen would show, without colour. Text goes in as it is.
pub struct TextFile {
    name: String,
    file: BufWriter<File>,
    renderer: Option<Renderer>,
    width: Option<usize>,
    line_end: &'static str,
}

impl TextFile {
    /// Opens the file.
    pub fn create(call: &Call, name: &str, existing: Existing) -> Result<Self, ErrorRecord> {
        let width = call.bound.integer("Width").and_then(|width| usize::try_from(width).ok());
        let line_end = if call.bound.switch("NoNewline") { "" } else { "\n" };
        let file = BufWriter::new(create(call, name, existing)?);
        Ok(Self { name: name.to_owned(), file, renderer: None, width, line_end })
    }

    /// Writes one value.
    pub fn push(&mut self, value: &Value) -> Outcome {
        match value.as_text() {
            Some(text) => {
                let shown = self.end_records();
                self.write(&shown)?;
                self.write(text)?;
                self.write(self.line_end)
            }
            None => {
                let width = self.width;
                let new = || Renderer::new(Format::View, width, Colour::Never);
                let shown = self.renderer.get_or_insert_with(new).push(value);
                self.write(&shown)
            }
        }
    }

    /// Writes the rest and closes the file.
    pub fn finish(mut self) -> Outcome {
        let shown = self.end_records();
        self.write(&shown)?;
        let flushed = tokio::task::block_in_place(|| self.file.flush());
        flushed.map_err(|error| {
            failure(Category::WriteError, "FileWriteFailure", "written", &self.name, &error).into()
        })
    }

    fn end_records(&mut self) -> String {
        self.renderer.take().map(Renderer::finish).unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Outcome {
        if text.is_empty() {
            return Ok(());
        }
        let written = tokio::task::block_in_place(|| self.file.write_all(text.as_bytes()));
        written.map_err(|error| {
            failure(Category::WriteError, "FileWriteFailure", "written", &self.name, &error).into()
        })
    }
}
