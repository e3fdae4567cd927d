//! An HTML page of a run: what its tests came to in one sentence, what failed and what to do, then the
//! tests, failures first, each with its details to unfold; and tables of all other records.
//!
//! A page for a mail or a wiki: no script, nothing loaded. Every value is escaped. Written at the end,
//! since the summary stands first.

use std::collections::BTreeMap;

use super::html::{Extent, Frame, HtmlDocument, cell, escape, frame_end, frame_start};
use super::monitoring::{self, Findings, Problem, Totals};
use super::{Definition, Format, Reader, Sink};
use crate::result::schema::ResultProperty;
use crate::result::{Report, TestKind};
use crate::value::Value;

impl Format {
    /// An HTML page.
    pub const HTML: Self =
        Self(&Definition { name: "html", reader: Reader::Monitor, sink: |_, _| Box::new(Page::default()) });
}

/// So many tests that succeeded without a warning have their details in the page; those that did not
/// always have.
const DETAILED_SUCCESSES: usize = 100;

/// The contents of the page so far.
struct Page {
    seen: Totals,
    totals: Totals,
    findings: Findings,
    /// The rows of tests that failed, of those with warnings, and of the others.
    tests: BTreeMap<TestKind, [String; 3]>,
    n_detailed: usize,
    problems: Vec<Problem>,
    /// All that is no test.
    others: HtmlDocument,
    others_html: String,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            seen: Totals::default(),
            totals: Totals::default(),
            findings: Findings::default(),
            tests: BTreeMap::new(),
            n_detailed: 0,
            problems: Vec::new(),
            others: HtmlDocument::new(Frame { extent: Extent::Fragment, ..Frame::default() }),
            others_html: String::new(),
        }
    }
}

impl Sink for Page {
    fn push(&mut self, value: &Value) -> String {
        match monitoring::report(value) {
            Some(test) => self.test(&test),
            None => self.others_html.push_str(&self.others.row(value)),
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
        let mut html = frame_start(&Frame::default(), STYLE);
        if all.tests + all.problems > 0 {
            html.push_str(&format!("<h1>{}</h1>\n", escape(&all.sentence())));
        }
        html.push_str(&findings(&self.findings));
        html.push_str(&problems(&self.problems));
        for (kind, rows) in &self.tests {
            let rows = rows.concat();
            let labels = columns(*kind).map(|property| format!("<th>{}</th>", escape(property.label)));
            let head: String = labels.collect();
            html.push_str(&format!(
                "<table>\n<thead>\n<tr>{head}<th>Details</th></tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
            ));
        }
        self.others_html.push_str(&self.others.end());
        html.push_str(&self.others_html);
        html.push_str(frame_end(&Frame::default()));
        html
    }
}

impl Page {
    fn test(&mut self, test: &Report) {
        self.seen.count(test);
        self.findings.count(test);
        let is_well = test.is_success() && test.warnings.is_empty();
        let is_detailed = !is_well || self.n_detailed < DETAILED_SUCCESSES;
        self.n_detailed += usize::from(is_well && is_detailed);
        let (place, class) = match (test.is_success(), test.warnings.is_empty()) {
            (false, _) => (0, "bad"),
            (true, false) => (1, "warned"),
            (true, true) => (2, "good"),
        };
        let cells: String = columns(test.kind).map(|property| cell(&property.value(test))).collect();
        let details = if is_detailed { details(test) } else { String::new() };
        let row = format!("<tr class=\"{class}\">{cells}<td>{details}</td></tr>\n");
        self.tests.entry(test.kind).or_default()[place].push_str(&row);
    }
}

/// The columns of a kind's table: those of its view, else everything.
fn columns(kind: TestKind) -> Box<dyn Iterator<Item = &'static ResultProperty>> {
    let schema = kind.schema();
    if schema.table.is_empty() {
        Box::new(schema.properties.iter().copied())
    } else {
        Box::new(schema.table.iter().map(|column| column.property))
    }
}

/// Returns the properties of a test that its row's columns do not show.
fn details(test: &Report) -> String {
    let is_column = |property: &ResultProperty| columns(test.kind).any(|column| column.name == property.name);
    let properties = test.kind.schema().properties.iter().filter(|property| !is_column(property));
    // What is not so, and what a script has cut, needs no line.
    let nothing = Report { kind: test.kind, ..Report::default() };
    let rows: String = properties
        .map(|property| (property, property.value(test)))
        .filter(|(property, value)| value.to_string() != property.value(&nothing).to_string())
        .map(|(property, value)| format!("<tr><th>{}</th>{}</tr>", escape(property.label), cell(&value)))
        .collect();
    let summary = match (&test.error, test.warnings.first()) {
        (Some(error), _) => escape(error),
        (None, Some(warning)) => escape(&warning.text),
        (None, None) => "…".to_owned(),
    };
    format!("<details><summary>{summary}</summary><table>{rows}</table></details>")
}

fn findings(findings: &Findings) -> String {
    let rows: String = findings
        .sorted()
        .map(|finding| {
            let cells = [&finding.owner, &finding.code, &finding.n_tests.to_string(), &finding.error];
            let cells = cells.into_iter().chain([&finding.remedy]);
            let cells: String = cells.map(|text| format!("<td>{}</td>", escape(text))).collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    if rows.is_empty() {
        return rows;
    }
    let head: String = Findings::LABELS.iter().map(|label| format!("<th>{label}</th>")).collect();
    format!("<table>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

fn problems(problems: &[Problem]) -> String {
    let lines: String = problems
        .iter()
        .map(|Problem { id, message, .. }| {
            format!("<li><strong>{}</strong> {}</li>\n", escape(id), escape(message))
        })
        .collect();
    if lines.is_empty() { lines } else { format!("<h2>What could not run</h2>\n<ul>\n{lines}</ul>\n") }
}

const STYLE: &str = "body{font-family:sans-serif}h1{font-size:1.3em}h2{font-size:1.1em}\
                     tr.bad{background:#c001}tr.warned{background:#c801}";
