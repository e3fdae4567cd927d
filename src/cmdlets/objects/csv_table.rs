//! Reading CSV (RFC 4180, and what spreadsheets and PowerShell make of it).
//!
//! Nothing of a file is left out in silence: a row with more fields than there are columns is told, and so
//! is a quote that is never closed. Blanks around a field without quotes are no part of it. A line `#TYPE …`,
//! which Windows PowerShell writes, is passed over; a line `sep=;`, which spreadsheets read, names the
//! delimiter.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Cursor, Read};

use crate::call::{Call, Outcome};
use crate::cmdlet::{Category, ErrorRecord, Kind, Parameter};
use crate::render::csv::unguarded;
use crate::value::{Record, Value};

/// The names of the columns.
pub const HEADER: Parameter = Parameter::new(
    "Header",
    Kind::Text,
    "The names of the columns, where the first line does not hold them.",
)
.many();

/// The rows of a CSV text under their names.
pub struct CsvTable<R> {
    rows: CsvRows<io::Chain<Cursor<Vec<u8>>, R>>,
    names: Vec<String>,
    /// The delimiter that the text itself names.
    named: Option<u8>,
    delimiter: u8,
    has_own_names: bool,
}

/// The reason why a text is not CSV.
#[derive(Debug)]
pub enum CsvFault {
    /// It cannot be read.
    Unread(io::Error),
    /// Two columns have one name.
    NamedTwice(String),
    /// A quote has no end.
    Unclosed { line: u64 },
    /// A row has no end.
    TooLong { line: u64 },
    /// It has zero bytes in it, as UTF-16 has.
    NoText { line: u64 },
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub enum CsvRow {
    /// Its fields under the names.
    Fields(Vec<String>),
    /// It has more fields than there are names.
    TooMany { line: u64, n_fields: usize, first: String },
}

impl<R: BufRead> CsvTable<R> {
    /// Reads the names, unless they are given.
    ///
    /// # Errors
    /// The beginning is not CSV.
    pub fn begin(mut text: R, delimiter: Option<u8>, names: Vec<String>) -> Result<Self, CsvFault> {
        let mut named = None;
        let mut n_passed = 0;
        let start = loop {
            let line = first_line(&mut text)?;
            match Directive::of(&line) {
                Some(directive) if n_passed < 2 => {
                    n_passed += 1;
                    if let Directive::Separator(byte) = directive {
                        named = Some(byte);
                    }
                }
                _ => break line,
            }
        };
        let delimiter = delimiter.or(named).unwrap_or(b',');
        let mut rows = CsvRows { text: Cursor::new(start).chain(text), delimiter, line: 1 + n_passed };
        let has_own_names = names.is_empty();
        let names = if has_own_names { own_names(rows.next()?.unwrap_or_default().1) } else { names };
        if let Some(twice) = twice(&names) {
            return Err(CsvFault::NamedTwice(twice.clone()));
        }
        Ok(Self { rows, names, named, delimiter, has_own_names })
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the delimiter between two fields.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The delimiter that the text names, where another was asked for.
    pub fn contradicted(&self) -> Option<char> {
        self.named.filter(|named| *named != self.delimiter).map(char::from)
    }

    /// The delimiter that was probably meant, where the only column looks like several.
    fn meant(&self) -> Option<char> {
        let [only] = self.names.as_slice() else { return None };
        [';', ',', '\t', '|'].into_iter().find(|other| self.has_own_names && only.contains(*other))
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// What follows is not CSV.
    pub fn next_row(&mut self) -> Result<Option<CsvRow>, CsvFault> {
        let Some((line, mut fields)) = self.rows.next()? else { return Ok(None) };
        let n_names = self.names.len();
        // An empty field behind the last column is what a delimiter at a line's end makes.
        if let Some(first) = fields.get(n_names..).unwrap_or_default().iter().find(|field| !field.is_empty())
        {
            return Ok(Some(CsvRow::TooMany { line, n_fields: fields.len(), first: first.clone() }));
        }
        fields.truncate(n_names);
        Ok(Some(CsvRow::Fields(fields)))
    }
}

/// The source of a text.
#[derive(Clone, Copy, Debug)]
pub enum CsvSource<'a> {
    File(&'a str),
    Pipe,
}

impl fmt::Display for CsvSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(f, "the file '{name}'"),
            Self::Pipe => f.write_str("the text"),
        }
    }
}

impl CsvSource<'_> {
    /// Its name at the beginning of a sentence.
    fn first(self) -> String {
        self.to_string().replacen('t', "T", 1)
    }

    fn error(self, id: &'static str, message: String) -> ErrorRecord {
        let error = ErrorRecord::new(Category::InvalidData, id, message);
        match self {
            Self::File(name) => error.target(name),
            Self::Pipe => error,
        }
    }
}

/// Emits a record for each row of a text; a row that does not fit is an error of its own.
pub async fn emit_rows<R: BufRead>(
    call: &Call,
    text: R,
    delimiter: Option<u8>,
    source: CsvSource<'_>,
) -> Outcome {
    let names = call.bound.texts("Header");
    let begun = tokio::task::block_in_place(|| CsvTable::begin(text, delimiter, names));
    let mut table = begun.map_err(|fault| fault.error(source))?;
    if let Some(named) = table.contradicted() {
        let (source, given) = (source.first(), char::from(table.delimiter()));
        call.warn(format!("{source} says sep={named}; -Delimiter \"{given}\" is taken."))?;
    }
    if let Some(other) = table.meant() {
        let other = if other == '\t' { "`t".to_owned() } else { other.to_string() };
        let (source, only) = (source.first(), table.names().join(""));
        call.warn(format!(
            "{source} has a single column, '{only}'. Where its fields stand apart by another character, give \
             -Delimiter \"{other}\"."
        ))?;
    }
    loop {
        match tokio::task::block_in_place(|| table.next_row()).map_err(|fault| fault.error(source))? {
            None => return Ok(()),
            Some(CsvRow::Fields(fields)) => {
                let properties = table.names().iter().enumerate().map(|(place, name)| {
                    (name.clone(), Value::optional(fields.get(place).map(|field| unguarded(field))))
                });
                call.emit(Record::of("Row", properties)).await?;
            }
            Some(CsvRow::TooMany { line, n_fields, first }) => {
                let n_names = table.names().len();
                let columns = if n_names == 1 { "column" } else { "columns" };
                let message = format!(
                    "Line {line} of {source} has {n_fields} fields for {n_names} {columns}; '{first}' is beyond \
                     them. The row is left out."
                );
                call.error(source.error("TooManyFields", message).remedy(
                    "Put a field that holds the delimiter into quotes, or give the -Delimiter or the -Header.",
                ))?;
            }
        }
    }
}

impl CsvFault {
    /// Converts the fault into an error about the text from `source`.
    pub fn error(self, source: CsvSource<'_>) -> ErrorRecord {
        let not_csv = |problem: String| {
            source.error("InvalidCsv", format!("{} is not CSV: {problem}.", source.first()))
        };
        match self {
            Self::Unread(error) if error.kind() == io::ErrorKind::InvalidData => source
                .error("InvalidEncoding", format!("{} cannot be read as text: {error}.", source.first()))
                .remedy(
                    "Save it as UTF-8, or give -Encoding: latin1 for Western Europe, unicode for UTF-16.",
                ),
            Self::Unread(error) => {
                let message = format!("{} could not be read: {error}.", source.first());
                ErrorRecord { category: Category::ReadError, ..source.error("FileReadFailure", message) }
            }
            Self::NoText { line } => not_csv(format!("line {line} has zero bytes in it"))
                .remedy("If it is UTF-16, give -Encoding unicode or bigendianunicode."),
            Self::NamedTwice(name) => not_csv(format!("the column '{name}' stands twice"))
                .remedy("Mend the first line, or give the names with -Header."),
            Self::Unclosed { line } => not_csv(format!("the quote in line {line} is never closed"))
                .remedy("Close it; a quote inside a field in quotes is written twice."),
            Self::TooLong { line } => not_csv(format!("the row in line {line} has no end"))
                .remedy("Mend the file: a quote may be missing there."),
        }
    }
}

/// A line before the names that says something about the file.
enum Directive {
    Type,
    Separator(u8),
}

impl Directive {
    fn of(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"#type")) {
            return Some(Self::Type);
        }
        match line {
            [s, e, p, b'=', byte] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && byte.is_ascii() => {
                Some(Self::Separator(*byte))
            }
            _ => None,
        }
    }
}

/// The first line with its end, or as much of it as a directive may be long.
fn first_line(text: &mut impl BufRead) -> Result<Vec<u8>, CsvFault> {
    let mut line = Vec::new();
    text.take(LONGEST_DIRECTIVE).read_until(b'\n', &mut line).map_err(CsvFault::Unread)?;
    Ok(line)
}

fn own_names(fields: Vec<String>) -> Vec<String> {
    let mut n_unnamed = 0;
    let name = |field: String| {
        let name = unguarded(field.trim()).to_owned();
        if !name.is_empty() {
            return name;
        }
        n_unnamed += 1;
        format!("H{n_unnamed}")
    };
    fields.into_iter().map(name).collect()
}

fn twice(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert(name.to_ascii_lowercase()))
}

/// Rows of fields, as they stand in a text.
struct CsvRows<R> {
    text: R,
    delimiter: u8,
    /// The line that is read next, from 1.
    line: u64,
}

/// The position of a byte in a field.
enum Within {
    Start,
    Bare,
    Quotes,
    Behind,
}

impl<R: BufRead> CsvRows<R> {
    /// The next row and its line; lines with nothing on them are passed over.
    fn next(&mut self) -> Result<Option<(u64, Vec<String>)>, CsvFault> {
        let mut line = self.line;
        let mut fields: Vec<String> = Vec::new();
        let mut field: Vec<u8> = Vec::new();
        let mut within = Within::Start;
        let mut quote_line = line;
        let mut n_bytes = 0_usize;
        while let Some(byte) = self.byte()? {
            n_bytes += 1;
            if n_bytes > LONGEST_ROW {
                return Err(CsvFault::TooLong { line });
            }
            let is_delimiter = byte == self.delimiter;
            let is_blank = matches!(byte, b' ' | b'\t') && !is_delimiter;
            let is_end = matches!(byte, b'\n' | b'\r');
            match within {
                _ if byte == 0 => return Err(CsvFault::NoText { line: self.line }),
                Within::Quotes => {
                    if byte == b'"' {
                        within = Within::Behind;
                    } else {
                        // A line feed behind a carriage return ends the line, not both.
                        self.line += u64::from(byte == b'\n' || (is_end && !self.is_line_feed_next()?));
                        field.push(byte);
                    }
                }
                Within::Behind if byte == b'"' => {
                    field.push(byte);
                    within = Within::Quotes;
                }
                Within::Start | Within::Bare | Within::Behind if is_end => {
                    self.line += 1;
                    if byte == b'\r' && self.is_line_feed_next()? {
                        self.text.consume(1);
                    }
                    if fields.is_empty() && field.is_empty() && matches!(within, Within::Start) {
                        line = self.line;
                        continue;
                    }
                    fields.push(whole(field, &within));
                    return Ok(Some((line, fields)));
                }
                Within::Start | Within::Bare | Within::Behind if is_delimiter => {
                    fields.push(whole(std::mem::take(&mut field), &within));
                    within = Within::Start;
                }
                Within::Start | Within::Behind if is_blank => {}
                Within::Start if byte == b'"' => {
                    quote_line = self.line;
                    within = Within::Quotes;
                }
                Within::Start => {
                    field.push(byte);
                    within = Within::Bare;
                }
                Within::Bare | Within::Behind => field.push(byte),
            }
        }
        match within {
            Within::Quotes => Err(CsvFault::Unclosed { line: quote_line }),
            Within::Start if fields.is_empty() => Ok(None),
            Within::Start | Within::Bare | Within::Behind => {
                fields.push(whole(field, &within));
                Ok(Some((line, fields)))
            }
        }
    }

    fn is_line_feed_next(&mut self) -> Result<bool, CsvFault> {
        Ok(self.text.fill_buf().map_err(CsvFault::Unread)?.first() == Some(&b'\n'))
    }

    fn byte(&mut self) -> Result<Option<u8>, CsvFault> {
        let byte = self.text.fill_buf().map_err(CsvFault::Unread)?.first().copied();
        self.text.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

/// A field as text, without the blanks behind it where no quotes hold them.
fn whole(mut field: Vec<u8>, within: &Within) -> String {
    if let Within::Bare = within {
        field.truncate(field.trim_ascii_end().len());
    }
    String::from_utf8(field).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A row that is longer, in bytes, is a mistake or an attack: a quote that is never closed.
const LONGEST_ROW: usize = 16 << 20;
const LONGEST_DIRECTIVE: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, delimiter: Option<u8>) -> Result<Vec<Vec<String>>, String> {
        let said = |fault: CsvFault| fault.error(CsvSource::Pipe).message;
        let mut table = CsvTable::begin(text.as_bytes(), delimiter, Vec::new()).map_err(said)?;
        let mut rows = vec![table.names().to_vec()];
        while let Some(row) = table.next_row().map_err(said)? {
            rows.push(match row {
                CsvRow::Fields(fields) => fields,
                CsvRow::TooMany { line, n_fields, first } => vec![format!("! {line} {n_fields} {first}")],
            });
        }
        Ok(rows)
    }

    #[test]
    fn what_other_programs_write_is_read() {
        for (text, rows) in [
            ("#TYPE Some.Thing\r\n\"a\",\"b\"\r\n\"1\",\"2\"\r\n", [["a", "b"], ["1", "2"]]),
            ("sep=;\r\na;b\r\n1;2", [["a", "b"], ["1", "2"]]),
            ("sep=;\n#TYPE X\na;b\n1;2\n", [["a", "b"], ["1", "2"]]),
            ("a, b\n\n 1 ,\t2 \n   \n", [["a", "b"], ["1", "2"]]),
            ("a,b\r1,2\r", [["a", "b"], ["1", "2"]]),
            ("a,b,,\n1,2,,\n", [["a", "b"], ["1", "2"]]),
            ("a,b\n\" 1 \" , \"x\"\"y\r\nz\"\n", [["a", "b"], [" 1 ", "x\"y\r\nz"]]),
            ("a,b\n=1,\"\"\n", [["a", "b"], ["=1", ""]]),
            ("a,b\nx \"y\" z,\"q\"r\n", [["a", "b"], ["x \"y\" z", "qr"]]),
            ("#note,b\n1,2\n", [["#note", "b"], ["1", "2"]]),
        ] {
            let read: Vec<Vec<String>> = table(text, None).unwrap();
            let read: Vec<Vec<&str>> =
                read.iter().map(|row| row.iter().map(String::as_str).take(2).collect()).collect();
            assert_eq!(read, rows, "{text:?}");
        }
    }

    #[test]
    fn nothing_that_does_not_fit_is_left_out_in_silence() {
        let fields = |text, delimiter| table(text, delimiter).unwrap().pop().unwrap().join("|");
        assert_eq!(fields("a,b\n\"x\ny\",2\n1,2,,3\n", None), "! 4 4 3");
        assert_eq!(fields("a;b\n1;2;3", Some(b';')), "! 2 3 3");
        assert_eq!(fields("sep=;\n#TYPE X\na\n1;2", None), "! 4 2 2");
        let said = |text| table(text, None).unwrap_err();
        assert_eq!(said("a,b\n1,\"2\n3,4\n"), "The text is not CSV: the quote in line 2 is never closed.");
        assert_eq!(said("a,A\n"), "The text is not CSV: the column 'A' stands twice.");
        assert_eq!(said("a\0,\0b\0\n"), "The text is not CSV: line 1 has zero bytes in it.");
        let long = format!("a\n\"{}", "x".repeat(LONGEST_ROW));
        assert_eq!(said(&long), "The text is not CSV: the row in line 2 has no end.");
    }

    #[test]
    fn columns_without_a_name_are_numbered() {
        assert_eq!(table("a,,b,\n", None).unwrap(), [["a", "H1", "b", "H2"]]);
    }
}
