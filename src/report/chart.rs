//! The geometry of the charts: a pair's history as bars, and latencies as a band.
//!
//! Numbers and labels only; the templates draw them.

use super::model::{PairStatus, StateChange, TrendSlot};
use super::view::Sheet;

/// The inner size of a chart, in the units of its picture.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 150.0;
/// Room for the labels at the left.
const LEFT: f64 = 62.0;
const TOP: f64 = 14.0;

/// Tests and successes over time, a bar for each slot.
pub(super) struct History {
    pub bars: Vec<Bar>,
    pub from: String,
    pub to: String,
    /// The text for screen readers.
    pub label: String,
}

pub(super) struct Bar {
    pub x: String,
    pub width: String,
    /// The height and the upper edge: what failed is low.
    pub y: String,
    pub height: String,
    pub class: &'static str,
    pub title: String,
}

/// The height of a bar at which everything succeeded.
const BAR: f64 = 24.0;

impl History {
    /// The history of a pair.
    pub fn of(pair: &PairStatus, sheet: &Sheet<'_>) -> Self {
        let slots = &sheet.report.slots;
        let width = WIDTH / count(slots.len().max(1));
        let bar = |(n, (slot, counts)): (usize, (&jiff::Timestamp, &(i64, i64)))| {
            let (tests, successes) = *counts;
            let (class, height) = match (tests, successes) {
                (0, _) => ("none", 3.0),
                (tests, successes) if tests == successes => ("all", BAR),
                (_, 0) => ("failed", BAR * 0.45),
                (_, _) => ("some", BAR * 0.7),
            };
            Bar {
                x: number(count(n) * width),
                width: number((width - 1.0).max(0.5)),
                y: number(BAR - height),
                height: number(height),
                class,
                title: match tests {
                    0 => format!("{}: no test", sheet.time(slot)),
                    _ => format!("{}: {successes} of {tests} succeeded", sheet.time(slot)),
                },
            }
        };
        Self {
            bars: slots.iter().zip(&pair.history).enumerate().map(bar).collect(),
            from: slots.first().map(|slot| sheet.time(slot)).unwrap_or_default(),
            to: sheet.time(&sheet.report.made_at),
            label: format!("History: {}", sheet.strip_label(pair)),
        }
    }

    /// One slot as a sign.
    pub fn sign((tests, successes): (i64, i64)) -> char {
        match (tests, successes) {
            (0, _) => '·',
            (tests, successes) if tests == successes => '█',
            (_, 0) => '×',
            (_, _) => '▄',
        }
    }
}

/// Latencies over time: the line that half of the successes did not exceed, and the band up to what 95 of
/// 100 did not exceed, with the changes marked.
pub(super) struct Band {
    /// Outlines of the band, one for each stretch without a gap.
    pub areas: Vec<String>,
    pub lines: Vec<String>,
    /// Slots that stand alone.
    pub dots: Vec<(String, String)>,
    pub marks: Vec<Mark>,
    /// Heights and their labels.
    pub heights: Vec<(String, String)>,
    pub from: String,
    pub to: String,
    pub label: String,
    /// The slots as a table says them.
    pub slots: Vec<TrendSlot>,
}

pub(super) struct Mark {
    pub x: String,
    /// A small triangle: down where it broke, up where it was mended.
    pub triangle: String,
    pub class: &'static str,
    pub title: String,
}

impl Band {
    /// The band of these slots; none where no test succeeded.
    pub fn of(trend: &[TrendSlot], changes: &[StateChange], sheet: &Sheet<'_>) -> Option<Self> {
        let report = sheet.report;
        let first = report.slots.first()?.as_second();
        let length = match report.slots.get(1) {
            Some(second) => second.as_second() - first,
            None => 3_600,
        };
        let end = report.slots.last()?.as_second() + length;
        let x = |second: i64| LEFT + WIDTH * ratio(second - first, end - first);
        let measured: Vec<(i64, f64, f64)> = trend
            .iter()
            .filter_map(|slot| Some((slot.start.as_second(), slot.p50_ms?, slot.p95_ms?)))
            .collect();
        let most = measured.iter().map(|(_, _, p95)| *p95).fold(0.0_f64, f64::max);
        if most <= 0.0 {
            return None;
        }
        let top = nice(most);
        let y = |milliseconds: f64| TOP + HEIGHT * (1.0 - (milliseconds / top).clamp(0.0, 1.0));
        let middle = |second: i64| x(second + length / 2);
        let (mut areas, mut lines, mut dots) = (Vec::new(), Vec::new(), Vec::new());
        for stretch in measured.chunk_by(|one, next| next.0 - one.0 <= length) {
            if let [(start, p50, _)] = stretch {
                dots.push((number(middle(*start)), number(y(*p50))));
            }
            let point = |start: i64, milliseconds: f64| {
                format!("{},{}", number(middle(start)), number(y(milliseconds)))
            };
            let line: Vec<String> = stretch.iter().map(|(start, p50, _)| point(*start, *p50)).collect();
            let upper = stretch.iter().rev().map(|(start, _, p95)| point(*start, *p95));
            areas.push(line.iter().cloned().chain(upper).collect::<Vec<_>>().join(" "));
            lines.push(line.join(" "));
        }
        let mark = |change: &StateChange| {
            let at = x(change.at.as_second().clamp(first, end));
            let is_mended = change.to == "Up";
            let (tip, foot) = if is_mended { (2.0, 12.0) } else { (12.0, 2.0) };
            Mark {
                triangle: format!(
                    "{},{tip} {},{foot} {},{foot}",
                    number(at),
                    number(at - 5.0),
                    number(at + 5.0)
                ),
                x: number(at),
                class: if is_mended { "mended" } else { "broke" },
                title: format!("{}: {} → {}", sheet.time(&change.at), change.from, change.to),
            }
        };
        let heights = [0.0, 0.5, 1.0].map(|part| (number(y(top * part)), label(top * part)));
        Some(Self {
            areas,
            lines,
            dots,
            marks: changes.iter().map(mark).collect(),
            heights: heights.to_vec(),
            from: sheet.time(report.slots.first()?),
            to: sheet.time(&report.made_at),
            label: format!(
                "Latency by the {}: half of the successes and 95 of 100, up to {}",
                report.slot,
                label(most)
            ),
            slots: trend.iter().filter(|slot| slot.n_tests > 0).copied().collect(),
        })
    }
}

/// The next number of the form 1, 2 or 5 times a power of ten.
fn nice(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= most).unwrap_or(most)
}

fn label(milliseconds: f64) -> String {
    if milliseconds >= 1_000.0 {
        format!("{} s", number(milliseconds / 1_000.0))
    } else {
        format!("{} ms", number(milliseconds))
    }
}

/// A number with one decimal at most.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of slots")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "seconds of some years")]
fn ratio(part: i64, whole: i64) -> f64 {
    if whole <= 0 { 0.0 } else { part as f64 / whole as f64 }
}
