//! The text files that cmdlets of the objects family write, and the delimiter of CSV.

use std::io::{BufWriter, Write};

use crate::call::files::{Existing, WrittenFile, create, failure};
use crate::call::{Call, Outcome};
use crate::cmdlet::{Category, ErrorRecord, Kind, Parameter};
use crate::render::{Colour, Format, Renderer};
use crate::value::Value;

/// A file that gets what a screen would show, without colour. Text goes in as it is.
pub struct TextFile {
    name: String,
    file: BufWriter<WrittenFile>,
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
                let new = || Renderer::new(Format::VIEW, width, Colour::Never);
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

/// The delimiter between two fields of CSV.
pub const DELIMITER: Parameter =
    Parameter::new("Delimiter", Kind::Text, "The character between two fields.").default(",");

/// The `-Delimiter` of CSV: one ASCII character, a comma if none was given.
///
/// # Errors
/// `InvalidDelimiter`, for anything else.
pub fn delimiter(call: &Call) -> Result<u8, ErrorRecord> {
    Ok(given_delimiter(call)?.unwrap_or(b','))
}

/// The `-Delimiter` of CSV, if one was given.
///
/// # Errors
/// `InvalidDelimiter`, for anything but one ASCII character.
pub fn given_delimiter(call: &Call) -> Result<Option<u8>, ErrorRecord> {
    let Some(written) = call.bound.text("Delimiter") else { return Ok(None) };
    match written.as_bytes() {
        b"`t" => Ok(Some(b'\t')),
        [one] if one.is_ascii() && !b"\"\r\n\0".contains(one) => Ok(Some(*one)),
        _ => Err(ErrorRecord::new(
            Category::InvalidArgument,
            "InvalidDelimiter",
            "-Delimiter is one ASCII character, and neither a quote nor a line end.",
        )
        .remedy("Write: ';', or \"`t\".")),
    }
}
