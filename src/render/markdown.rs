//! Markdown tables (GitHub Flavored Markdown), for a ticket: one test as a table of its view's lines,
//! several under a sentence that says what they came to, with what failed and what to do.
//!
//! Every text is escaped: nothing in it is markup. Written at the end, since the summary stands first.

use std::fmt::Write;

use super::monitoring::{self, Findings, Problem, Totals};
use super::view::{self, Layout};
use super::{Definition, Format, Reader, Sink, visible};
use crate::value::{Record, Value};

impl Format {
    /// Markdown tables.
    pub const MARKDOWN: Self = Self(&Definition {
        name: "markdown",
        reader: Reader::Monitor,
        sink: |_, _| Box::new(Ticket::default()),
    });
}

/// Warnings that get a line.
const WARNINGS: usize = 50;

/// The content of the ticket so far.
#[derive(Default)]
struct Ticket {
    seen: Totals,
    totals: Totals,
    findings: Findings,
    /// The first test, as a table of its own in case that it stays alone.
    alone: Option<String>,
    tests: Tables,
    /// The warnings that are not about tests, each once.
    warnings: Vec<String>,
    problems: Vec<Problem>,
    others: Tables,
}

impl Sink for Ticket {
    fn push(&mut self, value: &Value) -> String {
        let test = monitoring::report(value);
        match (value.as_record(), test) {
            (Some(record), Some(test)) => {
                self.seen.count(&test);
                self.findings.count(&test);
                self.alone.get_or_insert_with(|| list(record));
                self.tests.row(record);
                for warning in test.warnings {
                    if self.warnings.len() < WARNINGS && !self.warnings.contains(&warning.text) {
                        self.warnings.push(warning.text);
                    }
                }
            }
            (Some(record), None) if view::layout(record) == Layout::Table => self.others.row(record),
            (Some(record), None) => self.others.block(&list(record)),
            (None, _) => self.others.block(&paragraph(&value.to_string())),
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        self.seen.problems += 1;
        self.problems.push(problem.made_visible());
    }

    fn told(&mut self, totals: Totals) {
        self.totals = totals;
    }

    fn finish(&mut self) -> String {
        let all = self.seen.most(self.totals);
        let mut text = Tables::default();
        if all.tests + all.problems > 1 {
            text.block(&format!("**{}**\n", escape(&all.sentence())));
        }
        match self.alone.take().filter(|_| self.seen.tests == 1) {
            Some(alone) => text.block(&alone),
            None => {
                text.block(&findings(&self.findings));
                text.block(&self.tests.text);
            }
        }
        let warnings = self.warnings.iter().map(|warning| format!("- {}\n", escape(warning)));
        text.block(&warnings.collect::<String>());
        let problems = self.problems.iter();
        let problems = problems.map(|Problem { id, message, .. }| {
            format!("- Could not run: {}: {}\n", escape(id), escape(message))
        });
        text.block(&problems.collect::<String>());
        text.block(&self.others.text);
        text.text
    }
}

/// Tables under one another, a blank line between two.
#[derive(Default)]
struct Tables {
    text: String,
    labels: Option<Vec<String>>,
}

impl Tables {
    /// A record as a row; one with other columns begins a table of its own.
    fn row(&mut self, record: &Record) {
        let row = view::row_of(record);
        let labels: Vec<String> = row.iter().map(|(label, _)| escape(label)).collect();
        if self.labels.as_ref() != Some(&labels) {
            let dashes = vec!["---".to_owned(); labels.len()];
            self.block(&format!("{}{}", line(labels.iter()), line(dashes.iter())));
            self.labels = Some(labels);
        }
        let cells: Vec<String> = row.iter().map(|(_, value)| cell(value)).collect();
        self.text.push_str(&line(cells.iter()));
    }

    fn block(&mut self, block: &str) {
        if !block.is_empty() {
            let apart = if self.text.is_empty() { "" } else { "\n" };
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{apart}{block}");
            self.labels = None;
        }
    }
}

/// A record as a table of two columns.
fn list(record: &Record) -> String {
    let rows = view::list_of(record).into_iter().map(|(label, value)| [escape(label), cell(value)]);
    let rows: String = rows.map(|row| line(row.iter())).collect();
    format!("| Property | Value |\n| --- | --- |\n{rows}")
}

fn findings(findings: &Findings) -> String {
    let rows: String = findings
        .sorted()
        .map(|finding| {
            let cells = [&finding.owner, &finding.code, &finding.n_tests.to_string(), &finding.error];
            let cells: Vec<String> =
                cells.into_iter().chain([&finding.remedy]).map(|text| escape(text)).collect();
            line(cells.iter())
        })
        .collect();
    if rows.is_empty() {
        return rows;
    }
    let labels = Findings::LABELS.map(str::to_owned);
    let dashes = Findings::LABELS.map(|_| "---".to_owned());
    format!("{}{}{rows}", line(labels.iter()), line(dashes.iter()))
}

fn line<'a>(cells: impl Iterator<Item = &'a String>) -> String {
    let cells: Vec<&str> = cells.map(String::as_str).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn cell(value: &Value) -> String {
    let text = value.to_string();
    let lines = text.trim_end().lines().map(escape);
    lines.collect::<Vec<_>>().join("<br>")
}

/// Text between tables: its lines stay lines, and none begins a list, a rule or a heading.
fn paragraph(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = escape(line.trim());
        let after_number = line.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(line.len());
        match line[after_number..].chars().next() {
            Some('.' | ')') if after_number > 0 => {
                format!("{}\\{}", &line[..after_number], &line[after_number..])
            }
            Some('-' | '+' | '=') if after_number == 0 => format!("\\{line}"),
            Some(_) | None => line,
        }
    });
    format!("{}\n", lines.collect::<Vec<_>>().join("\\\n"))
}

/// Text in which nothing is markup, on one line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in visible::one_line(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}
