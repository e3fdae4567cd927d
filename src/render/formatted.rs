//! A record with the layout that `Format-Table` or `Format-List` asked for, on its way through
//! the pipe to whatever shows it.
//!
//! It is itself a record, so that pipes need not know of it. Formats for programs take the
//! record inside and forget the layout.

use std::sync::Arc;

use super::view::Layout;
use crate::value::{Record, Value};

/// The format in which one record is to be shown, whatever its view says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// As a row or as a list.
    pub layout: Layout,
    /// Whether long cells are shown whole.
    pub cells: Cells,
    /// Whether a table has a header.
    pub header: Header,
    /// The heading under which records of one group stand: label and value.
    pub group: Option<String>,
}

/// The amount of a long cell that a table shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cells {
    /// A few lines.
    #[default]
    Short,
    /// All of it.
    Whole,
}

/// Whether a table has a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It has.
    #[default]
    Shown,
    /// It has not.
    Hidden,
}

impl Formatted {
    /// The layout as a view gives it, for a record that nobody formatted.
    pub(super) fn plain(layout: Layout) -> Self {
        Self { layout, cells: Cells::Short, header: Header::Shown, group: None }
    }

    /// The record for the pipe.
    pub fn wrap(&self, item: Arc<Record>) -> Record {
        let type_name = if self.layout == Layout::Table { TABLE } else { LIST };
        Record::new(type_name)
            .with("Item", Value::Record(item))
            .with("Wrap", self.cells == Cells::Whole)
            .with("HideTableHeaders", self.header == Header::Hidden)
            .with("Group", Value::optional(self.group.as_deref()))
    }

    /// The layout and the record inside, if this is such a record.
    pub fn unwrap(record: &Record) -> Option<(Self, &Arc<Record>)> {
        let layout = match record.type_name() {
            TABLE => Layout::Table,
            LIST => Layout::List,
            _ => return None,
        };
        let is_set = |name| record.get(name).is_ok_and(Value::is_truthy);
        let Ok(Value::Record(item)) = record.get("Item") else { return None };
        let formatted = Self {
            layout,
            cells: if is_set("Wrap") { Cells::Whole } else { Cells::Short },
            header: if is_set("HideTableHeaders") { Header::Hidden } else { Header::Shown },
            group: record.get("Group").ok().and_then(Value::as_text).map(str::to_owned),
        };
        Some((formatted, item))
    }
}

const TABLE: &str = "FormatTable";
const LIST: &str = "FormatList";
