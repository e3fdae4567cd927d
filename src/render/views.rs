//! The stream of a person's output: records in their views, texts as lines, blocks apart.
//!
//! Records of one shape form a block: one table, or a run of lists. A record of another shape
//! closes the block and opens its own, behind a blank line; nothing of it is dropped because
//! the first record did not have it.

use std::mem;
use std::sync::Arc;

use super::formatted::Formatted;
use super::table::TableWriter;
use super::view::{self, Layout};
use super::{Colour, Definition, Format, Reader, Sink, list, log, visible};
use crate::secret::MASK;
use crate::value::{Record, Value};

impl Format {
    /// Each type in its own view; without one, more than four properties as a list, else a table. It is
    /// what a terminal shows, and has no name of its own to be asked for by.
    pub const VIEW: Self = Self(&Definition {
        name: "view",
        reader: Reader::Person,
        sink: |width, colour| Box::new(Views::new(None, width, colour)),
    });

    /// `Label : value`, a blank line between records.
    pub const LIST: Self = Self(&Definition {
        name: "list",
        reader: Reader::Person,
        sink: |width, colour| Box::new(Views::new(Some(Layout::List), width, colour)),
    });

    /// Columns.
    pub const TABLE: Self = Self(&Definition {
        name: "table",
        reader: Reader::Person,
        sink: |width, colour| Box::new(Views::new(Some(Layout::Table), width, colour)),
    });
}

/// The state of a list, table or view output.
struct Views {
    /// The layout that was asked for, over what views say.
    wanted: Option<Layout>,
    width: Option<usize>,
    colour: Colour,
    block: ViewBlock,
    has_blocks: bool,
    /// The text that was rendered since the last text was given away.
    text: String,
}

enum ViewBlock {
    /// Nothing yet.
    None,
    /// Values that are no records, one after the other.
    Lines,
    /// Records, a blank line between two.
    List(Shape),
    /// Records side by side.
    Table(Shape, Box<TableWriter>),
    /// A record that is a list if it stays alone, and the first row of a table if not.
    Alone(Shape, Arc<Record>),
}

impl Views {
    fn new(wanted: Option<Layout>, width: Option<usize>, colour: Colour) -> Self {
        Self { wanted, width, colour, block: ViewBlock::None, has_blocks: false, text: String::new() }
    }

    fn line(&mut self, value: &Value) {
        if !matches!(self.block, ViewBlock::Lines) {
            self.close();
            self.begin();
            self.block = ViewBlock::Lines;
        }
        let whole = value.to_string();
        let whole = visible::visible(whole.strip_suffix('\n').unwrap_or(&whole));
        // Not wrapped: a terminal does that without changing what is copied from it.
        self.text.push_str(&whole);
        self.text.push('\n');
    }

    /// A log is shown as a waterfall, where nobody asked for a layout.
    fn log(&mut self, record: &Arc<Record>) -> bool {
        if record.type_name() != "Log" || self.wanted.is_some() {
            return false;
        }
        let text = log::text(&Value::Record(Arc::clone(record)), self.width, self.colour);
        self.close();
        self.begin();
        self.text.push_str(&text.unwrap_or_default());
        true
    }

    fn record(&mut self, record: &Arc<Record>) {
        if self.log(record) {
            return;
        }
        match Formatted::unwrap(record) {
            Some((formatted, item)) => self.shaped(Shape::of(item, Some(formatted)), item),
            None => self.shaped(Shape::of(record, None), record),
        }
    }

    fn shaped(&mut self, shape: Shape, record: &Arc<Record>) {
        if self.block.shape() != Some(&shape) {
            self.close();
            self.open(shape, record);
            return;
        }
        match mem::replace(&mut self.block, ViewBlock::None) {
            ViewBlock::Table(shape, mut table) => {
                self.text.push_str(&table.push(Arc::clone(record)));
                self.block = ViewBlock::Table(shape, table);
            }
            ViewBlock::Alone(own, first) => {
                self.open_table(own, &first);
                self.shaped(shape, record);
            }
            ViewBlock::List(shape) => self.item(shape, record),
            // Neither has a shape, so neither comes here.
            block @ (ViewBlock::None | ViewBlock::Lines) => self.block = block,
        }
    }

    /// A block's first record.
    fn open(&mut self, shape: Shape, record: &Arc<Record>) {
        if let Some(group) = shape.group() {
            self.begin();
            self.text.push_str(&format!("   {}\n", visible::one_line(group)));
        }
        let demanded = shape.formatted.as_ref().map(|formatted| formatted.layout);
        match demanded.or(self.wanted).unwrap_or_else(|| view::layout(record)) {
            Layout::List => self.item(shape, record),
            Layout::Table => self.open_table(shape, record),
            Layout::ListOfOne => self.block = ViewBlock::Alone(shape, Arc::clone(record)),
        }
    }

    fn open_table(&mut self, shape: Shape, record: &Arc<Record>) {
        self.begin();
        let formatted = shape.formatted.clone().unwrap_or_else(|| Formatted::plain(Layout::Table));
        let mut table = Box::new(TableWriter::new(self.width, self.colour, &formatted));
        self.text.push_str(&table.push(Arc::clone(record)));
        self.block = ViewBlock::Table(shape, table);
    }

    fn item(&mut self, shape: Shape, record: &Record) {
        self.begin();
        self.text.push_str(&list::record(record, self.width, self.colour));
        self.block = ViewBlock::List(shape);
    }

    /// Gives up what the block still holds.
    fn close(&mut self) {
        match mem::replace(&mut self.block, ViewBlock::None) {
            ViewBlock::Table(_, mut table) => self.text.push_str(&table.flush()),
            ViewBlock::Alone(shape, record) => self.item(shape, &record),
            ViewBlock::None | ViewBlock::Lines | ViewBlock::List(_) => {}
        }
    }

    /// A blank line, unless nothing stands above it.
    fn begin(&mut self) {
        if mem::replace(&mut self.has_blocks, true) {
            self.text.push('\n');
        }
    }
}

impl Sink for Views {
    fn push(&mut self, value: &Value) -> String {
        match value {
            Value::Record(record) => self.record(record),
            Value::Credential(credential) => {
                let record = Record::new("Credential").with("UserName", credential.user_name.as_str());
                self.record(&Arc::new(record.with("Password", MASK)));
            }
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
            | Value::List(_)
            | Value::Block(_) => self.line(value),
        }
        mem::take(&mut self.text)
    }

    fn flush(&mut self) -> String {
        if let ViewBlock::Table(_, table) = &mut self.block {
            self.text.push_str(&table.flush());
        }
        mem::take(&mut self.text)
    }

    fn interrupt(&mut self) -> String {
        let is_demanded = self.block.shape().is_some_and(|shape| shape.formatted.is_some());
        if is_demanded || matches!(self.block, ViewBlock::Alone(..)) {
            self.close();
            self.has_blocks = false;
        }
        self.flush()
    }

    fn finish(&mut self) -> String {
        self.close();
        mem::take(&mut self.text)
    }
}

impl ViewBlock {
    fn shape(&self) -> Option<&Shape> {
        match self {
            Self::None | Self::Lines => None,
            Self::List(shape) | Self::Table(shape, _) | Self::Alone(shape, _) => Some(shape),
        }
    }
}

/// The properties that two records share if they go under the same header.
#[derive(PartialEq)]
struct Shape {
    type_name: String,
    names: Vec<String>,
    formatted: Option<Formatted>,
}

impl Shape {
    fn of(record: &Record, formatted: Option<Formatted>) -> Self {
        let has_view = view::is_registered(record.type_name());
        // A view decides on the columns; without one, the properties do, whatever they are of.
        let (type_name, names) = if has_view {
            (record.type_name().to_owned(), Vec::new())
        } else {
            (String::new(), record.names().map(str::to_owned).collect())
        };
        Self { type_name, names, formatted }
    }

    fn group(&self) -> Option<&str> {
        self.formatted.as_ref()?.group.as_deref()
    }
}
