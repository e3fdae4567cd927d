//! The waterfall: the phases of each test as bars under one another, for a terminal.

use std::fmt::Write;

use super::Colour;
use super::model::{LoggedTest, TestLog, WaterfallLane};
use crate::render::paint::{Meaning, meaning, paint};
use crate::render::wrap;
use crate::result::schema;

/// The log as text, each line ended.
pub(super) fn text(log: &TestLog, width: Option<usize>, colour: Colour) -> String {
    let width = width.unwrap_or(USUAL_WIDTH).max(NARROWEST);
    let mut text = String::new();
    let head = if log.command.is_empty() { &log.title } else { &log.command };
    lines(&mut text, head, "", width, Meaning::Label, colour);
    lines(&mut text, &log.when, "", width, Meaning::Plain, colour);
    for (kind, words) in &log.remarks {
        lines(&mut text, &format!("{kind}: {words}"), "", width, Meaning::Bad, colour);
    }
    for test in &log.tests {
        text.push('\n');
        test_text(&mut text, test, width, colour);
    }
    text
}

fn test_text(text: &mut String, test: &LoggedTest, width: usize, colour: Colour) {
    let head = format!("{}: {}", test.title, test.result);
    lines(text, &head, "", width, meaning(test.result), colour);
    let more = if test.is_success() { &schema::LATENCY } else { &schema::DIAGNOSIS };
    for property in [more, &schema::EVIDENCE] {
        if let Some(value) = test.property(property) {
            lines(text, &format!("{}: {value}", property.name), "  ", width, Meaning::Plain, colour);
        }
    }
    for lane in &test.lanes {
        text.push('\n');
        lines(text, &lane.title, "  ", width, Meaning::Label, colour);
        lane_text(text, lane, width, colour);
    }
}

/// `  Secure           1.6 ms    4.0 ms  ▐██▌`
fn lane_text(text: &mut String, lane: &WaterfallLane, width: usize, colour: Colour) {
    let phase = lane.steps.iter().map(|step| wrap::columns(&step.phase)).max().unwrap_or(0);
    let times = lane.steps.iter().flat_map(|step| [step.start_text.len(), step.duration_text.len()]);
    let time = times.max().unwrap_or(0);
    let n_cells = width.saturating_sub("  ".len() + phase + 3 * "  ".len() + 2 * time).max(LEAST_CELLS);
    for step in &lane.steps {
        let (first, last) = lane.cells(step, n_cells);
        let meaning = if step.is_last_of_failure { Meaning::Bad } else { Meaning::Good };
        let bar = paint(&"█".repeat(last - first + 1), meaning, colour);
        let pad = " ".repeat(phase - wrap::columns(&step.phase));
        let _ = writeln!(
            text,
            "  {}{pad}  {:>time$}  {:>time$}  {}{bar}",
            step.phase,
            step.start_text,
            step.duration_text,
            " ".repeat(first)
        );
    }
}

fn lines(text: &mut String, words: &str, indent: &str, width: usize, meaning: Meaning, colour: Colour) {
    for line in wrap::wrap(words, width.saturating_sub(indent.len())) {
        let _ = writeln!(text, "{indent}{}", paint(&line, meaning, colour));
    }
}

/// The width of the text where none is given.
const USUAL_WIDTH: usize = 80;
const NARROWEST: usize = 40;
const LEAST_CELLS: usize = 8;
