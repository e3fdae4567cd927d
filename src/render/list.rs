//! The list layout: `Label : value`, one line for each property, labels padded to the longest.
//!
//! Long values wrap at the width; what follows stands under the value. Lists whose elements
//! are records and texts of several lines take one line for each.

use super::paint::Meaning;
use super::{Colour, paint, view, visible, wrap};
use crate::value::{Record, Value};

/// Values keep this much room however narrow the terminal is; beyond that, lines run over.
const NARROWEST: usize = 20;

/// One record, each line ended.
pub(super) fn record(record: &Record, width: Option<usize>, colour: Colour) -> String {
    let rows: Vec<_> =
        view::list_of(record).into_iter().map(|(label, value)| (visible::one_line(label), value)).collect();
    let pad = rows.iter().map(|(label, _)| wrap::columns(label)).max().unwrap_or(0);
    let indent = pad + " : ".len();
    let room = width.map(|width| width.saturating_sub(indent).max(NARROWEST));
    let mut text = String::new();
    for (label, value) in rows {
        let lines = lines_of(value, room);
        let blanks = " ".repeat(pad - wrap::columns(&label));
        text.push_str(&paint::paint(&format!("{label}{blanks} :"), Meaning::Label, colour));
        for (place, line) in lines.iter().enumerate() {
            if place > 0 && !line.is_empty() {
                text.push_str(&" ".repeat(indent - 1));
            }
            if !line.is_empty() {
                text.push(' ');
                text.push_str(&paint::paint(line, paint::meaning(line), colour));
            }
            text.push('\n');
        }
    }
    text
}

/// The value in at least one line.
fn lines_of(value: &Value, room: Option<usize>) -> Vec<String> {
    let whole = match value {
        Value::List(items) if items.iter().any(|item| item.as_record().is_some()) => items
            .iter()
            .map(|item| visible::one_line(&item.to_string()).into_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        Value::List(_) | Value::Record(_) => visible::one_line(&value.to_string()).into_owned(),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Block(_) => visible::visible(&value.to_string()).trim_end().to_owned(),
    };
    match room {
        Some(room) => wrap::wrap(&whole, room),
        None => whole.split('\n').map(str::to_owned).collect(),
    }
}
