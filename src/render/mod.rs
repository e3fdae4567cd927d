//! Records become bytes: what a run shows on a screen, writes into a file or hands to a program.
//!
//! Stands beside `host` and reads only `value`. A [`Renderer`] takes values as they come and
//! gives back text at once wherever the format allows it, so that the first row of a long
//! batch is seen while the rest is still running. Never prints, never asks what the terminal
//! is like: width and colour are given to it. Whatever a server sent is shown, never obeyed:
//! see [`visible`].

pub mod visible;
pub mod wrap;
pub mod view;
pub mod formatted;
mod paint;
mod list;
mod table;
mod views;
pub mod json;
pub mod csv;
pub mod html;
pub mod log;
pub mod tested;
mod junit;
mod nagios;
mod prometheus;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::value::Value;
use formatted::Formatted;
use tested::{Problem, Totals};

/// What the text is to look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Each type in its own view; without one, more than four properties as a list, else a table.
    #[default]
    View,
    /// `Label : value`, a blank line between records.
    List,
    /// Columns.
    Table,
    /// One JSON array.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// A header and one row a record.
    Csv,
    /// JUnit XML, from test results.
    Junit,
    /// A monitoring plugin's output, from test results.
    Nagios,
    /// Prometheus text exposition, from test results.
    Prometheus,
    /// An HTML document of tables.
    Html,
}

impl Format {
    /// The formats that can be asked for by name, in the order of help.
    pub const NAMED: [(&'static str, Self); 9] = [
        ("list", Self::List),
        ("table", Self::Table),
        ("json", Self::Json),
        ("jsonl", Self::Jsonl),
        ("csv", Self::Csv),
        ("junit", Self::Junit),
        ("nagios", Self::Nagios),
        ("prometheus", Self::Prometheus),
        ("html", Self::Html),
    ];

    /// Whether it tells a monitoring system or a build server of tests, and of what could not run.
    pub fn is_for_monitoring(self) -> bool {
        match self {
            Self::Junit | Self::Nagios | Self::Prometheus => true,
            Self::View | Self::List | Self::Table | Self::Json | Self::Jsonl | Self::Csv | Self::Html => {
                false
            }
        }
    }
}

/// A name that is no format's.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no output format")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, format)| *format).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Whether labels, headers and results are coloured (ANSI SGR sequences).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// Coloured text, whatever reads it.
    Always,
}

/// How long the owner of a [`Renderer`] waits for the next value before it calls
/// [`Renderer::flush`], so that rows which were held back to size columns are seen.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// Turns values into text as they come.
pub struct Renderer {
    sink: Box<dyn Sink>,
    reader: Reader,
}

/// Who reads a format.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person, for whom layouts are.
    Person,
    /// A program, which wants the records alone.
    Program,
}

impl Renderer {
    /// A renderer for one stream of values. `width` is the terminal's number of columns;
    /// none means that nothing is wrapped or cut.
    pub fn new(format: Format, width: Option<usize>, colour: Colour) -> Self {
        let sink: Box<dyn Sink> = match format {
            Format::View => Box::new(views::Views::new(None, width, colour)),
            Format::List => Box::new(views::Views::new(Some(view::Layout::List), width, colour)),
            Format::Table => Box::new(views::Views::new(Some(view::Layout::Table), width, colour)),
            Format::Json => Box::new(json::Array::default()),
            Format::Jsonl => Box::new(json::Lines),
            Format::Csv => Box::new(csv::Rows::new(b',', csv::Header::Written)),
            Format::Junit => Box::new(junit::Suites::default()),
            Format::Nagios => Box::new(nagios::Plugin::default()),
            Format::Prometheus => Box::new(prometheus::Gauges::default()),
            Format::Html => Box::new(html::Document::new(html::Frame::default())),
        };
        let reader = match format {
            Format::View | Format::List | Format::Table => Reader::Person,
            Format::Json
            | Format::Jsonl
            | Format::Csv
            | Format::Junit
            | Format::Nagios
            | Format::Prometheus
            | Format::Html => Reader::Program,
        };
        Self { sink, reader }
    }

    /// The text that can be shown now that `value` has come; may be empty. A list counts as
    /// its elements, null as nothing.
    pub fn push(&mut self, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::List(items) => {
                let items = items.iter().filter(|item| !matches!(item, Value::Null));
                items.map(|item| self.one(item)).collect()
            }
            Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
            | Value::Credential(_)
            | Value::Record(_)
            | Value::Block(_) => self.one(value),
        }
    }

    fn one(&mut self, value: &Value) -> String {
        let inside = value.as_record().filter(|_| self.reader == Reader::Program).and_then(Formatted::unwrap);
        match inside {
            Some((_, item)) => self.sink.push(&Value::Record(item.clone())),
            None => self.sink.push(value),
        }
    }

    /// Tells of something that could not run, where the format is one of those that monitoring systems
    /// take: a page that leaves it out would be green.
    pub fn problem(&mut self, problem: &Problem) {
        self.sink.problem(problem);
    }

    /// Tells what the whole run came to, just before its end, where the format has a place for it.
    pub fn told(&mut self, totals: Totals) {
        self.sink.told(totals);
    }

    /// What was held back to size a table's columns. A single record whose view is a list when
    /// it stays alone and a table when more come is not given up: nothing is known about it yet.
    pub fn flush(&mut self) -> String {
        self.sink.flush()
    }

    /// What has to stand above a line of text that is no record: everything held back. Where a
    /// program asked for a table, the next row begins a new one.
    pub fn interrupt(&mut self) -> String {
        self.sink.interrupt()
    }

    /// The rest: everything held back, and what closes the format.
    pub fn finish(mut self) -> String {
        self.sink.finish()
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renderer")
    }
}

/// Several values at once, as a whole.
pub fn render<'a>(
    values: impl IntoIterator<Item = &'a Value>,
    format: Format,
    width: Option<usize>,
    colour: Colour,
) -> String {
    let mut renderer = Renderer::new(format, width, colour);
    let mut text: String = values.into_iter().map(|value| renderer.push(value)).collect();
    text.push_str(&renderer.finish());
    text
}

/// One format's state: values in, text out.
trait Sink: Send {
    /// Takes one value, never null.
    fn push(&mut self, value: &Value) -> String;

    /// Takes note of something that could not run.
    fn problem(&mut self, _: &Problem) {}

    /// Takes note of what the whole run came to.
    fn told(&mut self, _: Totals) {}

    /// Gives up what is held back only to look better.
    fn flush(&mut self) -> String {
        String::new()
    }

    /// Makes room for a line of text between what came and what comes.
    fn interrupt(&mut self) -> String {
        self.flush()
    }

    /// Gives up everything; called once, last.
    fn finish(&mut self) -> String {
        String::new()
    }
}
