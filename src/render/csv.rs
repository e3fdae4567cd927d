//! CSV (RFC 4180, lines ended by LF): a header with the property names, every field quoted.
//!
//! As PowerShell's `Export-Csv`: the first record decides on the columns, and what a later record
//! lacks is empty. What it has beyond them is left out, and told of by [`Rows::lost`]. A value that is no
//! record has one column, `Value`. Nested records and lists are their one-line text. A text that a
//! spreadsheet would run as a formula gets an apostrophe in front, which [`unguarded`] takes off; numbers do not.

use std::borrow::Cow;
use std::io;

use super::{Definition, Format, Reader, Sink, visible};
use crate::value::{Record, Value};

impl Format {
    /// A header and one row a record.
    pub const CSV: Self = Self(&Definition {
        name: "csv",
        reader: Reader::Program,
        sink: |_, _| Box::new(Rows::new(b',', CsvHeader::Written)),
    });
}

/// Values as rows under one header.
#[derive(Debug)]
pub struct Rows {
    columns: Option<Vec<String>>,
    delimiter: u8,
    header: CsvHeader,
    /// Properties that are no column, in the order in which they came.
    lost: Vec<String>,
    n_cut: usize,
}

/// Whether the property names are written above the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvHeader {
    /// They are.
    Written,
    /// They are not.
    LeftOut,
}

impl Rows {
    /// Rows whose fields stand apart by `delimiter`, an ASCII character.
    pub fn new(delimiter: u8, header: CsvHeader) -> Self {
        Self { columns: None, delimiter, header, lost: Vec::new(), n_cut: 0 }
    }

    /// Rows under a header that stands already.
    pub fn under(columns: Vec<String>, delimiter: u8) -> Self {
        Self { columns: Some(columns), ..Self::new(delimiter, CsvHeader::LeftOut) }
    }

    /// The line with the names; none if it is left out or was asked for before.
    pub fn header(&mut self, first: &Value) -> Option<String> {
        if self.columns.is_some() {
            return None;
        }
        let columns: Vec<String> = match first.as_record() {
            Some(record) => record.names().map(str::to_owned).collect(),
            None => vec!["Value".to_owned()],
        };
        let header = line(columns.iter().map(|column| field(column)), self.delimiter);
        self.columns = Some(columns);
        (self.header == CsvHeader::Written).then_some(header)
    }

    /// The row of one value, under the names of the first; a value that is no record stands in the first
    /// column.
    pub fn row(&mut self, value: &Value) -> String {
        match (value.as_record(), &self.columns) {
            (Some(record), Some(columns)) => {
                let row = line(columns.iter().map(|column| cell(own(record, column))), self.delimiter);
                self.count_lost(record);
                row
            }
            (Some(record), None) => line(record.iter().map(|(_, value)| cell(value)), self.delimiter),
            (None, Some(columns)) => {
                let empty = columns.iter().skip(1).map(|_| Cow::Borrowed(""));
                line([cell(value)].into_iter().chain(empty), self.delimiter)
            }
            (None, None) => line([cell(value)], self.delimiter),
        }
    }

    /// Makes a column of each property of a record that is none yet; the rows before lack it until they
    /// are [`widened`].
    pub fn widen(&mut self, value: &Value) {
        let (Some(record), Some(columns)) = (value.as_record(), &mut self.columns) else { return };
        for name in record.names() {
            if !is_among(columns, name) {
                columns.push(name.to_owned());
            }
        }
    }

    /// The names of the columns so far.
    pub fn columns(&self) -> &[String] {
        self.columns.as_deref().unwrap_or_default()
    }

    /// Returns a sentence about the properties that were left out; `None` where nothing was.
    pub fn lost(&self) -> Option<String> {
        (self.n_cut > 0).then(|| {
            let records = if self.n_cut == 1 { "1 record has".to_owned() } else { format!("{} records have", self.n_cut) };
            format!(
                "{records} properties that are no column, and they are left out: {}. The first record decides on the \
                 columns; choose them with Select-Object.",
                self.lost.join(", ")
            )
        })
    }

    fn count_lost(&mut self, record: &Record) {
        let Some(columns) = &self.columns else { return };
        let mut is_cut = false;
        for name in record.names().filter(|name| !is_among(columns, name)) {
            is_cut = true;
            if self.lost.iter().all(|lost| lost != name) {
                self.lost.push(name.to_owned());
            }
        }
        self.n_cut += usize::from(is_cut);
    }
}

/// Rows that were written while columns were still added, each with all of them; under a header, where
/// one is written.
///
/// # Errors
/// What reading and writing them says.
pub fn widened(
    rows: impl io::Read,
    columns: &[String],
    delimiter: u8,
    header: CsvHeader,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let has_header = header == CsvHeader::Written;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(has_header)
        .from_reader(rows);
    if has_header {
        write(line(columns.iter().map(|column| field(column)), delimiter).as_bytes())?;
    }
    for row in reader.records() {
        let row = row?;
        let fields = row.iter().map(Cow::Borrowed).chain(std::iter::repeat(Cow::Borrowed("")));
        write(line(fields.take(columns.len()), delimiter).as_bytes())?;
    }
    Ok(())
}

fn is_among(columns: &[String], name: &str) -> bool {
    columns.iter().any(|column| column.eq_ignore_ascii_case(name))
}

impl Sink for Rows {
    fn push(&mut self, value: &Value) -> String {
        format!("{}{}", self.header(value).unwrap_or_default(), self.row(value))
    }

    fn remarks(&self) -> Vec<String> {
        self.lost().into_iter().collect()
    }
}

fn own<'a>(record: &'a Record, name: &str) -> &'a Value {
    record.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map_or(&Value::Null, |(_, value)| value)
}

fn cell(value: &Value) -> Cow<'static, str> {
    let text = match value {
        Value::Text(text) => field(text).into_owned(),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::List(_)
        | Value::Record(_)
        | Value::Block(_) => visible::visible(&value.to_string()).into_owned(),
    };
    Cow::Owned(text)
}

/// Text from anywhere as a field: nothing in it commands a terminal or a spreadsheet.
fn field(text: &str) -> Cow<'_, str> {
    let shown = visible::visible(text);
    if is_formula(text) { Cow::Owned(format!("'{shown}")) } else { shown }
}

/// Whether a spreadsheet would run a text; also one that begins with apostrophes already, so that
/// every guard can be taken off again.
fn is_formula(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    bare.starts_with(['=', '+', '-', '@']) && bare.parse::<f64>().is_err()
}

/// A field as it was before it was guarded against spreadsheets.
pub fn unguarded(field: &str) -> &str {
    field.strip_prefix('\'').filter(|text| is_formula(text)).unwrap_or(field)
}

fn line<'a>(fields: impl IntoIterator<Item = Cow<'a, str>>, delimiter: u8) -> String {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(Vec::new());
    // Writing to memory cannot fail, and what went in as text comes out as text.
    let written = writer.write_record(fields.into_iter().map(|field| field.into_owned().into_bytes()));
    let bytes = written.ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_taken_off_again_and_nothing_else_is() {
        for text in ["=1+1", "@x", "-a", "'=1", "''@x", "'", "it's", "'quoted'", "-5", "'-5", ""] {
            assert_eq!(unguarded(&field(text)), text);
        }
    }

    #[test]
    fn rows_that_were_written_before_a_column_came_get_it_empty() {
        let mut rows = Rows::new(b';', CsvHeader::Written);
        let values = [
            Value::from(Record::new("R").with("A", "one\ntwo").with("B", "x;\"y\"")),
            Value::from(Record::new("R").with("C", "=c").with("a", "3")),
        ];
        let mut written = String::new();
        for value in &values {
            written.push_str(&rows.header(value).unwrap_or_default());
            rows.widen(value);
            written.push_str(&rows.row(value));
        }
        assert_eq!(rows.lost(), None);
        let mut text = Vec::new();
        let write = |bytes: &[u8]| {
            text.extend_from_slice(bytes);
            Ok(())
        };
        widened(written.as_bytes(), rows.columns(), b';', CsvHeader::Written, write).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "\"A\";\"B\";\"C\"\n\"one\ntwo\";\"x;\"\"y\"\"\";\"\"\n\"3\";\"\";\"'=c\"\n");
    }

    #[test]
    fn what_the_first_record_has_no_column_for_is_told() {
        let mut rows = Rows::new(b',', CsvHeader::Written);
        for record in [Record::new("R").with("A", "1"), Record::new("R").with("A", "2").with("B", "3")] {
            rows.push(&record.into());
        }
        let told = rows.lost().unwrap();
        assert!(
            told.starts_with("1 record has properties that are no column, and they are left out: B."),
            "{told}"
        );
    }

    #[test]
    fn a_formula_is_text_and_a_number_is_a_number() {
        let mut rows = Rows::new(b',', CsvHeader::LeftOut);
        let record = |text: &str| Value::from(Record::new("R").with("A", text));
        assert_eq!(rows.row(&record("=cmd|'/c calc'!A1")), "\"'=cmd|'/c calc'!A1\"\n");
        assert_eq!(rows.row(&record("-12.5")), "\"-12.5\"\n");
        assert_eq!(rows.row(&record("a \"b\", c\nd")), "\"a \"\"b\"\", c\nd\"\n");
    }
}
