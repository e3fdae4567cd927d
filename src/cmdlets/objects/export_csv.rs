//! `Export-Csv`: records into a CSV file.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::csv_table::{CsvSource, CsvTable};
use super::encoding::{Decoded, Malformed, TextEncoding};
use super::text_file::{DELIMITER, delimiter, given_delimiter};
use crate::access::BuiltIn;
use crate::call::files::{self, Existing};
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::durable::Replacement;
use crate::render::csv::{CsvHeader, Rows, widened};
use crate::trusted;

/// `Export-Csv`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Export-Csv",
        original: None,
        aliases: &["epcsv"],
        family: Family::Objects,
        synopsis: "Writes records into a CSV file.",
        description: "UTF-8, every field quoted, the names of the properties in the first line; where records \
                      differ, every property of any of them has a column. -Append writes \
                      under the columns that the file has and with its sep=; a record that lacks one of them is \
                      refused, unless there is -Force, and what it has beyond them is left out, with a warning. A text that a spreadsheet would run as a formula gets an apostrophe \
                      in front; Import-Csv takes it off again.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to write.")
                .aliases(&["FilePath", "LiteralPath"])
                .at(0)
                .on_drive()
                .required(),
            DELIMITER.at(1),
            Parameter::new("Append", Kind::Switch, "Writes behind what the file holds."),
            Parameter::new("Force", Kind::Switch, "With -Append: leaves fields empty that a record lacks."),
            Parameter::new("NoClobber", Kind::Switch, "Fails if the file exists."),
            Parameter::new("NoHeader", Kind::Switch, "Leaves the names out."),
            Parameter::new("NoTypeInformation", Kind::Switch, "Accepted; no type is ever written.")
                .aliases(&["nti"]),
            Parameter::new(
                "Encoding",
                Kind::Choice(&["utf8", "utf8NoBOM"]),
                "Accepted; always UTF-8 without a mark.",
            ),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::Medium,
        examples: &[Example {
            title: "What would be written where",
            code: "Write-Output 1 2 | Measure-Object | Export-Csv counts.csv -WhatIf",
            output: "What if: Performing the operation \"Export-Csv\" on target \"counts.csv\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let Some(name) = call.bound.text("Path") else { return Ok(()) };
    let delimiter = delimiter(&call)?;
    if !call.should_process("Export-Csv", &name)? {
        return Ok(());
    }
    let appends = call.bound.switch("Append");
    let existing = match (appends, call.bound.switch("NoClobber")) {
        (true, _) => Existing::Appended,
        (false, true) => Existing::Kept,
        (false, false) => Existing::Replaced,
    };
    let header = if call.bound.switch("NoHeader") { CsvHeader::LeftOut } else { CsvHeader::Written };
    let mut before = if appends { Before::of(&call, &name, header)? } else { Before::default() };
    let delimiter = before.delimiter.unwrap_or(delimiter);
    let columns = match header {
        CsvHeader::Written => std::mem::take(&mut before.columns),
        CsvHeader::LeftOut => Vec::new(),
    };
    let needed = if call.bound.switch("Force") { Vec::new() } else { columns.clone() };
    let mut rows =
        if columns.is_empty() { Rows::new(delimiter, header) } else { Rows::under(columns, delimiter) };
    let mut file = BufWriter::new(files::create(&call, &name, existing)?);
    let failed = |error| files::failure(Category::WriteError, "FileWriteFailure", "written", &name, &error);
    // What a file has already stands under its columns; else every property gets one.
    let mut is_wider = false;
    if before.has_open_line {
        tokio::task::block_in_place(|| file.write_all(b"\n")).map_err(failed)?;
    }
    while let Some(item) = call.input.next().await {
        if let Some(column) = needed.iter().find(|column| item.property(column).is_err()) {
            tokio::task::block_in_place(|| file.flush()).map_err(failed)?;
            return Err(no_such_column(&name, column).into());
        }
        let mut text = rows.header(&item).unwrap_or_default();
        if !appends {
            let n_columns = rows.columns().len();
            rows.widen(&item);
            is_wider |= rows.columns().len() > n_columns;
        }
        text.push_str(&rows.row(&item));
        tokio::task::block_in_place(|| file.write_all(text.as_bytes())).map_err(failed)?;
    }
    tokio::task::block_in_place(|| file.flush()).map_err(failed)?;
    if is_wider {
        drop(file);
        let columns = rows.columns();
        match call.context.drive.is_some() {
            true => widen_on_drive(&call, &name, columns, delimiter, header)?,
            false => {
                let path = files::path(&call, &name)?;
                tokio::task::block_in_place(|| widen(&path, columns, delimiter, header)).map_err(failed)?;
            }
        }
    }
    rows.lost().map_or(Ok(()), |lost| call.warn(lost))
}

/// Gives the rows of a file the columns that came after them.
fn widen(path: &Path, columns: &[String], delimiter: u8, header: CsvHeader) -> io::Result<()> {
    let mut file = Replacement::begin(path).map_err(io::Error::other)?;
    let rows = BufReader::new(trusted::open_own(path)?);
    let mut buffer = Vec::new();
    widened(rows, columns, delimiter, header, |row| {
        buffer.extend_from_slice(row);
        if buffer.len() > WRITTEN_AT_ONCE { file.write(&std::mem::take(&mut buffer)) } else { Ok(()) }
    })?;
    file.write(&buffer)?;
    file.finish().map_err(io::Error::other)
}

/// The same for a file on a drive, which is read whole first.
fn widen_on_drive(
    call: &Call,
    name: &str,
    columns: &[String],
    delimiter: u8,
    header: CsvHeader,
) -> Result<(), ErrorRecord> {
    let failed = |error| files::failure(Category::WriteError, "FileWriteFailure", "written", name, &error);
    let mut rows = Vec::new();
    files::open(call, name)?.take(MOST_WIDENED + 1).read_to_end(&mut rows).map_err(failed)?;
    if rows.len() as u64 > MOST_WIDENED {
        return Err(failed(io::Error::other("it is too long to get more columns")));
    }
    let mut file = BufWriter::new(files::create(call, name, Existing::Replaced)?);
    tokio::task::block_in_place(|| {
        widened(rows.as_slice(), columns, delimiter, header, |row| file.write_all(row))?;
        file.flush()
    })
    .map_err(failed)
}

/// Bytes of a file on a drive whose rows can get more columns.
const MOST_WIDENED: u64 = 64 << 20;

/// Bytes that are collected before they are written.
const WRITTEN_AT_ONCE: usize = 64 * 1024;

fn no_such_column(name: &str, column: &str) -> ErrorRecord {
    let message = format!("The file '{name}' has a column '{column}', and the record has no such property.");
    ErrorRecord::new(Category::InvalidData, "CannotAppendCsvWithMismatchedPropertyNames", message)
        .target(name)
        .remedy("Take another file, or give -Force to leave the field empty.")
}

/// The contents of a file that rows are appended to.
#[derive(Default)]
struct Before {
    columns: Vec<String>,
    /// The delimiter between its fields, where there are any.
    delimiter: Option<u8>,
    /// Whether its last line has no end.
    has_open_line: bool,
}

impl Before {
    /// Reads the beginning and the end of a file, which need not be there; its first line is no header
    /// where none is written either.
    fn of(call: &Call, name: &str, header: CsvHeader) -> Result<Self, ErrorRecord> {
        tokio::task::block_in_place(|| {
            let unread = |error| files::failure(Category::ReadError, "FileReadFailure", "read", name, &error);
            let mut file = match files::opened(call, name) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
                Err(error) => return Err(unread(error)),
            };
            let n_bytes = file.metadata().map_err(unread)?.len();
            if n_bytes == 0 {
                return Ok(Self::default());
            }
            let mut last = [0];
            file.seek(SeekFrom::Start(n_bytes - 1)).map_err(unread)?;
            file.read_exact(&mut last).map_err(unread)?;
            file.rewind().map_err(unread)?;
            let mut text = BufReader::new(Decoded::new(file, None, Malformed::Refused));
            let names = match header {
                CsvHeader::Written => Vec::new(),
                CsvHeader::LeftOut => vec![String::new()],
            };
            let table = CsvTable::begin(&mut text, given_delimiter(call)?, names)
                .map_err(|fault| fault.error(CsvSource::File(name)))?;
            if let Some(named) = table.contradicted() {
                let message = format!("The file '{name}' says sep={named}, and -Delimiter says another.");
                return Err(ErrorRecord::new(Category::InvalidArgument, "DelimiterMismatch", message)
                    .target(name)
                    .remedy("Leave -Delimiter out."));
            }
            let (columns, delimiter) = (table.names().to_vec(), Some(table.delimiter()));
            match text.get_ref().encoding() {
                None | Some(TextEncoding::Utf8) => {}
                Some(encoding) => {
                    let message =
                        format!("The file '{name}' is {}, and rows are appended in UTF-8.", encoding.name());
                    return Err(ErrorRecord::new(Category::InvalidData, "EncodingMismatch", message)
                        .target(name)
                        .remedy("Export into another file, or import this one and export it anew first."));
                }
            }
            Ok(Self { columns, delimiter, has_open_line: !matches!(last, [b'\n' | b'\r']) })
        })
    }
}
