//! The table layout: a header, dashes, one row a record, numbers to the right.
//!
//! The first [`SIZING_ROWS`] rows decide the columns' widths, as in PowerShell; until then, or
//! until the owner's patience ends, rows are held back, and afterwards each leaves at once.
//! Within a known width the widest columns give way and their cells wrap, to at most
//! [`CELL_LINES`] lines; numbers, times and truths are never broken. Without a known width
//! every row is one line, and a cell that is wider than its column pushes the rest along.

use std::sync::Arc;

use comfy_table::{CellAlignment, ColumnConstraint, Width, presets};

use super::formatted::{Cells, Formatted, Header};
use super::paint::Meaning;
use super::{Colour, list, paint, view, visible, wrap};
use crate::result::TestOutcome;
use crate::value::{Record, Value};

/// So many rows are held back at most to size the columns.
const SIZING_ROWS: usize = 64;
/// A cell takes so many lines at most; a longer text ends in `…`.
const CELL_LINES: usize = 4;
/// A column of text is not made narrower than this.
const NARROWEST: usize = 8;
/// comfy-table counts columns in 16 bits; a cell beyond this is cut even without a width.
const WIDEST: usize = 30_000;

/// A table that is being written.
pub(super) struct TableWriter {
    width: Option<usize>,
    colour: Colour,
    n_cell_lines: usize,
    header: Header,
    state: TableState,
}

enum TableState {
    /// Rows are held back.
    Sizing(Vec<Arc<Record>>),
    /// Each row leaves as it comes.
    Sized(Vec<SizedColumn>),
    /// The columns do not fit side by side, so each record is a list.
    Lists,
}

struct SizedColumn {
    label: String,
    width: usize,
    /// Fewer columns than this break what must stay whole.
    floor: usize,
    alignment: CellAlignment,
}

impl TableWriter {
    pub(super) fn new(width: Option<usize>, colour: Colour, formatted: &Formatted) -> Self {
        let n_cell_lines = match formatted.cells {
            Cells::Short => CELL_LINES,
            Cells::Whole => usize::MAX,
        };
        Self { width, colour, n_cell_lines, header: formatted.header, state: TableState::Sizing(Vec::new()) }
    }

    /// Takes a row; gives what can be shown now.
    pub(super) fn push(&mut self, row: Arc<Record>) -> String {
        if let TableState::Sizing(rows) = &mut self.state {
            rows.push(row);
            return if rows.len() < SIZING_ROWS { String::new() } else { self.flush() };
        }
        match &self.state {
            TableState::Sizing(_) => String::new(),
            TableState::Sized(columns) => self.draw(columns, &[row], Header::Hidden),
            TableState::Lists => format!("\n{}", list::record(&row, self.width, self.colour)),
        }
    }

    /// Gives the rows that were held back, with the header.
    pub(super) fn flush(&mut self) -> String {
        let TableState::Sizing(rows) = &self.state else { return String::new() };
        if rows.is_empty() {
            return String::new();
        }
        let (text, state) = match size(rows, self.width) {
            Some(columns) => (self.draw(&columns, rows, self.header), TableState::Sized(columns)),
            None => {
                let items: Vec<_> =
                    rows.iter().map(|row| list::record(row, self.width, self.colour)).collect();
                (items.join("\n"), TableState::Lists)
            }
        };
        self.state = state;
        text
    }

    /// Lays the rows out side by side. A row in which something failed is painted as a whole.
    fn draw(&self, columns: &[SizedColumn], rows: &[Arc<Record>], header: Header) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        let mut heights: Vec<(usize, Meaning)> = Vec::new();
        if let Header::Shown = header {
            let cells: Vec<_> = columns.iter().map(header_of).collect();
            heights.push((cells.iter().map(Vec::len).max().unwrap_or(0), Meaning::Label));
            table.set_header(cells.into_iter().map(|lines| lines.join("\n")));
        }
        let mut widths: Vec<usize> = columns.iter().map(|column| column.width).collect();
        for row in rows {
            let (mut height, mut meaning, mut cells) = (1, Meaning::Plain, Vec::new());
            let mut values = view::row_of(row).into_iter();
            for (column, widest) in columns.iter().zip(&mut widths) {
                let text = values.next().map(|(_, value)| cell_of(value)).unwrap_or_default();
                if paint::meaning(&text) == Meaning::Bad {
                    meaning = Meaning::Bad;
                }
                let lines = match self.width {
                    Some(_) => wrap::wrap_at_most(&text, column.width, self.n_cell_lines),
                    None => wrap::wrap_at_most(&text, WIDEST, 1),
                };
                height = height.max(lines.len());
                *widest = lines.iter().map(|line| wrap::columns(line)).fold(*widest, usize::max);
                cells.push(lines.join("\n"));
            }
            heights.push((height, meaning));
            table.add_row(cells);
        }
        for ((laid, column), width) in table.column_iter_mut().zip(columns).zip(widths) {
            laid.set_cell_alignment(column.alignment);
            laid.set_padding((0, 1));
            // The constraint counts the padding as well.
            let width = u16::try_from(width + 1).unwrap_or(u16::MAX);
            laid.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
        let meanings = heights.into_iter().flat_map(|(height, meaning)| std::iter::repeat_n(meaning, height));
        let lines = table.lines().zip(meanings);
        lines
            .map(|(line, meaning)| format!("{}\n", paint::paint(line.trim_end(), meaning, self.colour)))
            .collect()
    }
}

/// The columns of these rows; none if they do not fit into the width in a readable way.
fn size(rows: &[Arc<Record>], width: Option<usize>) -> Option<Vec<SizedColumn>> {
    let mut columns: Vec<SizedColumn> = Vec::new();
    let mut is_number: Vec<Option<bool>> = Vec::new();
    for row in rows {
        for (place, (label, value)) in view::row_of(row).into_iter().enumerate() {
            if place == columns.len() {
                let label = visible::one_line(label).into_owned();
                let width = wrap::columns(&label).clamp(1, WIDEST);
                let floor = label.split(' ').map(wrap::columns).max().unwrap_or(1).clamp(1, NARROWEST);
                columns.push(SizedColumn { label, width, floor, alignment: CellAlignment::Left });
                is_number.push(None);
            }
            let wanted = wrap::columns(&cell_of(value)).clamp(least_of(value), WIDEST);
            let column = &mut columns[place];
            column.width = column.width.max(wanted);
            column.floor = column.floor.max(if is_whole(value) { wanted } else { wanted.min(NARROWEST) });
            if !matches!(value, Value::Null) {
                let number = matches!(value, Value::Integer(_) | Value::Float(_));
                is_number[place] = Some(is_number[place].unwrap_or(true) && number);
            }
        }
    }
    if let Some(row) = rows.first() {
        for (column, least) in columns.iter_mut().zip(view::least_widths(row)) {
            column.width = column.width.max(least);
        }
    }
    for (column, number) in columns.iter_mut().zip(is_number) {
        if number == Some(true) {
            column.alignment = CellAlignment::Right;
        }
    }
    match width {
        Some(width) => narrow(columns, width),
        None => Some(columns),
    }
}

/// The columns made to fit: the widest give way first, none below its floor.
fn narrow(mut columns: Vec<SizedColumn>, width: usize) -> Option<Vec<SizedColumn>> {
    let room = width.checked_sub(columns.len().saturating_sub(1))?;
    if columns.iter().map(|column| column.floor).sum::<usize>() > room {
        return None;
    }
    // No column may be wider than the cap, unless its floor is; the greatest cap that fits.
    let width_under = |column: &SizedColumn, cap: usize| column.width.min(cap.max(column.floor));
    let fits = |cap: &usize| columns.iter().map(|column| width_under(column, *cap)).sum::<usize>() <= room;
    let cap = (1..=room).rev().find(fits)?;
    let mut left = room - columns.iter().map(|column| width_under(column, cap)).sum::<usize>();
    for column in &mut columns {
        let natural = column.width;
        column.width = width_under(column, cap);
        // What rounding left over goes to the first columns that were cut.
        if column.width < natural && left > 0 {
            column.width += 1;
            left -= 1;
        }
    }
    // The last column has what remains, since later rows may be longer than the first.
    if let Some(last) = columns.last_mut().filter(|column| column.alignment == CellAlignment::Left) {
        last.width += left;
    }
    Some(columns)
}

/// The lines of a column's header: its label and dashes below.
fn header_of(column: &SizedColumn) -> Vec<String> {
    let mut lines = wrap::wrap_at_most(&column.label, column.width, CELL_LINES);
    let dashes = lines.iter().map(|line| wrap::columns(line)).max().unwrap_or(0);
    lines.push("-".repeat(dashes));
    lines
}

fn cell_of(value: &Value) -> String {
    visible::one_line(&value.to_string()).into_owned()
}

/// A duration has its fraction in one row and none in the next, and is never broken.
fn least_of(value: &Value) -> usize {
    if matches!(value, Value::Duration(_)) { "00:00:00.0000000".len() } else { 0 }
}

/// Whether a value makes no sense when it is broken over two lines.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Duration(_)
        | Value::Timestamp(_) => true,
        Value::Text(text) => TestOutcome::named(text).is_some(),
        Value::Credential(_) | Value::List(_) | Value::Record(_) | Value::Block(_) => false,
    }
}
