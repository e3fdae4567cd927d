//! JSON (RFC 8259): property names as they are in the record, nested records and lists whole.
//!
//! - A duration is its text `hh:mm:ss.fffffff`, and behind a property `Latency` stands
//!   `LatencySeconds`, the same as a number, for programs that compute.
//! - A timestamp is RFC 3339 text in UTC.
//! - A password is [`MASK`]; a script block is its source.
//! - Control and disguising characters are escaped as `\u….`, which reads back as the same
//!   text and commands no terminal.
//!
//! A number that JSON cannot hold is null. Nesting is followed [`DEPTH`] levels down.

use std::fmt::Write;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Definition, Format, Reader, Sink, visible};
use crate::secret::MASK;
use crate::value::{Value, text};

impl Format {
    /// One JSON array.
    pub const JSON: Self =
        Self(&Definition { name: "json", reader: Reader::Program, sink: |_, _| Box::new(Array::default()) });

    /// One JSON value a line.
    pub const JSONL: Self =
        Self(&Definition { name: "jsonl", reader: Reader::Program, sink: |_, _| Box::new(Lines) });
}

/// The depth to which nested values are followed; a deeper value is written as its one-line text.
pub const DEPTH: usize = 64;

/// Whether JSON is written over several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No blanks, one line.
    Compact,
    /// Two blanks for each level.
    Pretty,
}

/// One value as JSON text without a line end at its end.
pub fn to_json(value: &Value, style: Style, depth: usize) -> String {
    let nested = Nested { value, depth };
    let mut json = Vec::with_capacity(USUAL_LENGTH);
    let written = match style {
        Style::Compact => serde_json::to_writer(&mut json, &nested),
        Style::Pretty => serde_json::to_writer_pretty(&mut json, &nested),
    };
    // Writing to memory cannot fail, every key is text, and all of it is UTF-8.
    let json = written.ok().and_then(|()| String::from_utf8(json).ok());
    escape(json.unwrap_or_else(|| "null".to_owned()))
}

/// Bytes that the record of a test takes, and some more.
const USUAL_LENGTH: usize = 4096;

/// Returns the number of levels of lists and records that a value has, itself included.
pub fn depth_of(value: &Value) -> usize {
    let inside = match value {
        Value::List(items) => items.iter().map(depth_of).max(),
        Value::Record(record) => record.iter().map(|(_, value)| depth_of(value)).max(),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Block(_) => return 0,
    };
    inside.unwrap_or(0) + 1
}

/// One JSON array over the whole stream.
#[derive(Default)]
struct Array {
    has_elements: bool,
}

impl Sink for Array {
    fn push(&mut self, value: &Value) -> String {
        let before = if std::mem::replace(&mut self.has_elements, true) { ",\n  " } else { "[\n  " };
        format!("{before}{}", to_json(value, Style::Pretty, DEPTH).replace('\n', "\n  "))
    }

    fn finish(&mut self) -> String {
        if self.has_elements { "\n]\n".to_owned() } else { "[]\n".to_owned() }
    }
}

/// One JSON value a line.
struct Lines;

impl Sink for Lines {
    fn push(&mut self, value: &Value) -> String {
        let mut line = to_json(value, Style::Compact, DEPTH);
        line.push('\n');
        line
    }
}

struct Nested<'a> {
    value: &'a Value,
    depth: usize,
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inside = |value| Nested { value, depth: self.depth.saturating_sub(1) };
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(truth) => serializer.serialize_bool(*truth),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Duration(duration) => serializer.serialize_str(&text::time_span(*duration)),
            Value::Timestamp(timestamp) => serializer.collect_str(timestamp),
            Value::Block(block) => serializer.serialize_str(block.source()),
            Value::Credential(credential) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("UserName", &credential.user_name)?;
                map.serialize_entry("Password", MASK)?;
                map.end()
            }
            Value::List(_) | Value::Record(_) if self.depth == 0 => serializer.collect_str(self.value),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&inside(item))?;
                }
                list.end()
            }
            Value::Record(record) => {
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in record.iter() {
                    map.serialize_entry(name, &inside(value))?;
                    if let Value::Duration(duration) = value {
                        let is_it = |own: &str| own.strip_suffix("Seconds").is_some_and(|span| span == name);
                        if !record.names().any(is_it) {
                            let name = format!("{name}Seconds");
                            map.serialize_entry(&name, &duration.as_secs_f64())?;
                        }
                    }
                }
                map.end()
            }
        }
    }
}

/// Escapes what must not reach a terminal. Such characters stand inside strings only, since
/// everything else in JSON is ASCII, so `\u` means the same there.
fn escape(json: String) -> String {
    let is_escaped = |letter: char| visible::is_hostile(letter) && letter != '\n';
    if visible::is_plain(&json) || !json.chars().any(is_escaped) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 32);
    for letter in json.chars() {
        if is_escaped(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_reads_back_as_it_was_and_stands_there_escaped() {
        let hostile = "\u{1b}[2J\u{9b}m\u{202e}\u{e0041}\u{7f}\n";
        let json = to_json(&Value::text(hostile), Style::Compact, DEPTH);
        assert_eq!(json, r#""\u001b[2J\u009bm\u202e\udb40\udc41\u007f\n""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), hostile);
    }

    #[test]
    fn nesting_beyond_the_depth_is_text() {
        let deep = Value::List(vec![Value::List(vec![Value::List(vec![])])]);
        assert_eq!(to_json(&deep, Style::Compact, 1), r#"["{{}}"]"#);
    }
}
