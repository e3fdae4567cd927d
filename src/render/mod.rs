//! Records become bytes: what a run shows on a screen, writes into a file or hands to a program.
//!
//! Stands beside `host` and reads only `value` and `result`. A [`Renderer`] takes values as they come and
//! gives back text at once wherever the format allows it, so that the first row of a long
//! batch is seen while the rest is still running. Never prints, never asks what the terminal
//! is like: width and colour are given to it. Whatever a server sent is shown, never obeyed:
//! see [`visible`].

pub mod visible;
pub mod wrap;
pub mod view;
pub mod formatted;
pub mod palette;
mod paint;
mod list;
mod table;
mod views;
pub mod json;
pub mod csv;
pub mod html;
pub mod policy;
mod markdown;
mod page;
pub mod log;
pub mod monitoring;
mod junit;
mod nagios;
mod prometheus;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::value::Value;
use formatted::Formatted;
use monitoring::{Problem, Totals};

/// The output format of values.
///
/// Each format is a constant in its own file; [`Format::NAMED`] is the only list of them.
#[derive(Clone, Copy)]
pub struct Format(&'static Definition);

/// The properties of a format.
struct Definition {
    /// The name that it is asked for by.
    name: &'static str,
    /// The reader of the format.
    reader: Reader,
    /// Makes what writes it, for a terminal of so many columns and in colour or not.
    sink: fn(Option<usize>, Colour) -> Box<dyn Sink>,
}

/// The kind of reader that a format is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person, for whom layouts are.
    Person,
    /// A program, which wants the records alone.
    Program,
    /// A monitoring system or a build server: tests, and what could not run.
    Monitor,
    /// The same, which also reads the exit status of a monitoring plugin.
    Plugin,
}

impl Format {
    /// The formats that can be asked for by name, in the order of help.
    pub const NAMED: &[Self] = &[
        Self::LIST,
        Self::TABLE,
        Self::JSON,
        Self::JSONL,
        Self::CSV,
        Self::MARKDOWN,
        Self::JUNIT,
        Self::NAGIOS,
        Self::PROMETHEUS,
        Self::HTML,
    ];

    /// The name that it is asked for by.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether people read it, so that text between records may stand between them.
    pub fn is_for_people(self) -> bool {
        self.0.reader == Reader::Person
    }

    /// Whether it tells a monitoring system or a build server of tests, and of what could not run.
    pub fn is_for_monitoring(self) -> bool {
        matches!(self.0.reader, Reader::Monitor | Reader::Plugin)
    }

    /// Whether whoever reads it expects the exit status of a monitoring plugin.
    pub fn ends_as_a_plugin(self) -> bool {
        self.0.reader == Reader::Plugin
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::VIEW
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no output format")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::NAMED.iter().find(|format| format.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| UnknownFormat(name.to_owned()))
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

/// The time that the owner of a [`Renderer`] waits for the next value before it calls [`Renderer::flush`], so that
/// rows which were held back to size columns are seen.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// Turns values into text as they come.
pub struct Renderer {
    sink: Box<dyn Sink>,
    format: Format,
}

impl Renderer {
    /// A renderer for one stream of values. `width` is the terminal's number of columns;
    /// none means that nothing is wrapped or cut.
    pub fn new(format: Format, width: Option<usize>, colour: Colour) -> Self {
        Self { sink: (format.0.sink)(width, colour), format }
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
        let inside = value.as_record().filter(|_| !self.format.is_for_people()).and_then(Formatted::unwrap);
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

    /// Returns the text that was held back to size a table's columns. A single record whose view is a list when it
    /// stays alone and a table when more come is not given up: nothing is known about it yet.
    pub fn flush(&mut self) -> String {
        self.sink.flush()
    }

    /// Returns the text that has to stand above a line of text that is no record: everything held back. Where a
    /// program asked for a table, the next row begins a new one.
    pub fn interrupt(&mut self) -> String {
        self.sink.interrupt()
    }

    /// Returns remarks on the values that the format could not show, in sentences for people.
    pub fn remarks(&self) -> Vec<String> {
        self.sink.remarks()
    }

    /// Returns the counts of the results that were shown, where the format has a status of its own.
    pub fn shown(&self) -> Totals {
        self.sink.shown()
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

    /// Returns remarks on the values that could not be shown.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the counts of what came, where they decide how the run ends.
    fn shown(&self) -> Totals {
        Totals::default()
    }

    /// Gives up everything; called once, last.
    fn finish(&mut self) -> String {
        String::new()
    }
}
