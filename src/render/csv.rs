//! CSV (RFC 4180, lines ended by LF): a header with the property names, every field quoted.
//!
//! As PowerShell's `Export-Csv`: the first record decides on the columns, what a later record
//! lacks is empty and what it has beyond them is left out. A value that is no record has one
//! column, `Value`. Nested records and lists are their one-line text. A text that a
//! spreadsheet would run as a formula gets an apostrophe in front, which [`unguarded`] takes off; numbers do not.

use std::borrow::Cow;

use super::{Sink, visible};
use crate::value::{Record, Value};

/// Values as rows under one header.
#[derive(Debug)]
pub struct Rows {
    columns: Option<Vec<String>>,
    delimiter: u8,
    header: Header,
}

/// Whether the property names are written above the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// They are.
    Written,
    /// They are not.
    LeftOut,
}

impl Rows {
    /// Rows whose fields stand apart by `delimiter`, an ASCII character.
    pub fn new(delimiter: u8, header: Header) -> Self {
        Self { columns: None, delimiter, header }
    }

    /// Rows under a header that stands already.
    pub fn under(columns: Vec<String>, delimiter: u8) -> Self {
        Self { columns: Some(columns), delimiter, header: Header::LeftOut }
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
        (self.header == Header::Written).then_some(header)
    }

    /// The row of one value, under the names of the first.
    pub fn row(&self, value: &Value) -> String {
        match (value.as_record(), &self.columns) {
            (Some(record), Some(columns)) => {
                line(columns.iter().map(|column| cell(own(record, column))), self.delimiter)
            }
            (Some(record), None) => line(record.iter().map(|(_, value)| cell(value)), self.delimiter),
            (None, _) => line([cell(value)], self.delimiter),
        }
    }
}

impl Sink for Rows {
    fn push(&mut self, value: &Value) -> String {
        format!("{}{}", self.header(value).unwrap_or_default(), self.row(value))
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
    fn a_formula_is_text_and_a_number_is_a_number() {
        let rows = Rows::new(b',', Header::LeftOut);
        let record = |text: &str| Value::from(Record::new("R").with("A", text));
        assert_eq!(rows.row(&record("=cmd|'/c calc'!A1")), "\"'=cmd|'/c calc'!A1\"\n");
        assert_eq!(rows.row(&record("-12.5")), "\"-12.5\"\n");
        assert_eq!(rows.row(&record("a \"b\", c\nd")), "\"a \"\"b\"\", c\nd\"\n");
    }
}
