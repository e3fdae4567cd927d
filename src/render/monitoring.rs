//! The part of a run that the formats of monitoring systems report: reports, problems that kept something from
//! running, and totals.
//!
//! Those formats know tests alone. A value of another type is passed over; a program that shows only a
//! part of its tests, or none, is still told of by [`Totals`].

use std::collections::HashMap;

use super::visible::{one_line, visible};
use crate::result::{Report, TestKind, TestOutcome, WarningSeverity, schema};
use crate::value::{Record, Value};

/// Something that could not run, or that ended a run before its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// A stable word, such as `NotFoundTestUsers`.
    pub id: String,
    /// The subject of the problem, if it has one: a pool, an address.
    pub target: String,
    /// The description of the problem.
    pub message: String,
}

/// The totals of a whole run, however much of it was shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tests that ran, interrupted ones among them.
    pub tests: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Tests that succeeded, and beside which something is wrong.
    pub warned: usize,
    /// Tests that succeeded, and by a threshold of the caller are as bad as failures.
    pub critical: usize,
    /// Commands that could not run, and tests that were interrupted.
    pub problems: usize,
}

impl Totals {
    /// Counts a test.
    pub(super) fn count(&mut self, test: &Report) {
        // The test of a success that is taken back is counted already, where its success was shown.
        self.tests += usize::from(test.outcome != TestOutcome::NotRun && !test.is_revision());
        match test.outcome {
            TestOutcome::Success => {}
            TestOutcome::Failure => self.failed += 1,
            TestOutcome::Interrupted | TestOutcome::NotRun => self.problems += 1,
        }
        match test.severity().filter(|_| test.is_success()) {
            None => {}
            Some(WarningSeverity::Warning) => self.warned += 1,
            Some(WarningSeverity::Critical) => self.critical += 1,
        }
    }

    /// The greater of each count: a program may show a part of what it tested, and results of earlier tests.
    pub fn most(self, other: Self) -> Self {
        Self {
            tests: self.tests.max(other.tests),
            failed: self.failed.max(other.failed),
            warned: self.warned.max(other.warned),
            critical: self.critical.max(other.critical),
            problems: self.problems.max(other.problems),
        }
    }
}

/// The status of a monitoring plugin (Monitoring Plugins guidelines).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginStatus {
    /// 0: everything was tested and is well.
    Ok,
    /// 1: every test succeeded, and beside one something is wrong.
    Warning,
    /// 2: a test failed, or passed a critical threshold.
    Critical,
    /// 3: something could not run, or there is no result of a test.
    Unknown,
}

impl PluginStatus {
    /// The word on the status line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Totals {
    /// The status that a monitoring plugin has with these counts.
    pub fn status(self) -> PluginStatus {
        if self.failed + self.critical > 0 {
            PluginStatus::Critical
        } else if self.problems > 0 || self.tests == 0 {
            PluginStatus::Unknown
        } else if self.warned > 0 {
            PluginStatus::Warning
        } else {
            PluginStatus::Ok
        }
    }
}

impl Totals {
    /// All of it in one sentence.
    pub(super) fn sentence(self) -> String {
        let Self { tests, failed, warned, critical, problems } = self;
        let mut parts = vec![match (tests, failed, problems) {
            (0, ..) => "no test ran".to_owned(),
            (1, 0, 0) => "the test succeeded".to_owned(),
            (tests, 0, 0) => format!("all {tests} tests succeeded"),
            (tests, failed, _) => format!("{failed} of {tests} tests failed"),
        }];
        if warned + critical > 0 {
            parts.push(format!("{} have warnings", warned + critical));
        }
        if problems > 0 {
            parts.push(format!("{problems} could not run"));
        }
        let mut sentence = parts.join("; ");
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        sentence.push('.');
        sentence
    }
}

impl Problem {
    /// That somebody ended the run; a test that was interrupted by it tells the same, and more.
    pub(super) fn is_interruption(&self) -> bool {
        self.id == "Interrupted"
    }

    /// The same with texts on one line each and nothing hostile.
    pub(super) fn made_visible(&self) -> Self {
        let one_line = |text: &str| one_line(text).into_owned();
        Self { id: one_line(&self.id), target: one_line(&self.target), message: one_line(&self.message) }
    }
}

/// The report in a value, if it is one of a test: texts are on one line, the diagnosis perhaps on
/// several, and there is nothing hostile in them.
pub(super) fn report(value: &Value) -> Option<Report> {
    let record = value.as_record()?;
    TestKind::of_type(record.type_name())?;
    let mut shown = Record::new(record.type_name().to_owned());
    for (name, value) in record.iter().filter(|(name, _)| *name != schema::LOG.name) {
        let value = match value.as_text() {
            Some(text) if name == schema::DIAGNOSIS.name => Value::text(visible(text)),
            Some(_) | None => made_visible(value),
        };
        shown.add(name.to_owned(), value);
    }
    Report::of(&shown)
}

fn made_visible(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::text(one_line(text)),
        Value::List(items) => Value::List(items.iter().map(made_visible).collect()),
        Value::Record(record) => {
            let mut shown = Record::new(record.type_name().to_owned());
            record.iter().for_each(|(name, value)| shown.add(name.to_owned(), made_visible(value)));
            shown.into()
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Block(_) => value.clone(),
    }
}

/// Names that may be given twice: each is told apart by what `more` says of it, and by a number where
/// that is the same as well.
pub(super) fn told_apart<T>(
    named: &[T],
    name: impl Fn(&T) -> String,
    more: impl Fn(&T) -> Option<String>,
) -> Vec<String> {
    let plain: Vec<String> = named.iter().map(name).collect();
    let mut n_plain = HashMap::new();
    plain.iter().for_each(|name| *n_plain.entry(name.as_str()).or_insert(0) += 1);
    let long = named.iter().zip(&plain).map(|(own, name)| {
        let more = more(own).filter(|_| n_plain.get(name.as_str()).is_some_and(|n| *n > 1));
        more.map_or_else(|| name.clone(), |more| format!("{name} {more}"))
    });
    let mut n_given = HashMap::new();
    let apart = long.map(|name| {
        let n = n_given.entry(name.clone()).or_insert(0);
        *n += 1;
        if *n == 1 { name } else { format!("{name} ({n})") }
    });
    apart.collect()
}

/// The findings of a run, with the number of tests that each was found in.
#[derive(Default)]
pub(super) struct Findings(Vec<FindingCount>);

/// One code and whose it is.
pub(super) struct FindingCount {
    pub(super) owner: String,
    pub(super) code: String,
    pub(super) n_tests: usize,
    /// The error of the first test that met it.
    pub(super) error: String,
    /// The advice on what to do next.
    pub(super) remedy: String,
}

impl Findings {
    /// The headings for owner, code, count, error and remedy.
    pub(super) const LABELS: [&str; 5] = ["Owner", "Code", "Tests", "Error", "What next"];

    /// Counts what is wrong with a test.
    pub(super) fn count(&mut self, test: &Report) {
        if test.is_success() {
            return;
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (owner, code) = (text(&test.owner), text(&test.code));
        match self.0.iter_mut().find(|finding| finding.owner == owner && finding.code == code) {
            Some(finding) => finding.n_tests += 1,
            None => self.0.push(FindingCount {
                owner,
                code,
                n_tests: 1,
                error: text(&test.error),
                remedy: text(&test.remedy),
            }),
        }
    }

    /// The most frequent first.
    pub(super) fn sorted(&self) -> impl Iterator<Item = &FindingCount> {
        let mut sorted: Vec<&FindingCount> = self.0.iter().collect();
        sorted.sort_by_key(|finding| std::cmp::Reverse(finding.n_tests));
        sorted.into_iter()
    }
}
