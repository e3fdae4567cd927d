//! The Prometheus text exposition format 0.0.4, for the node exporter's textfile collector or a
//! push gateway: gauges of every test, labelled by what was tested, and of the run as a whole.
//!
//! The metrics of a test are those of its kind's properties. A series stands once: where the same thing was tested
//! several times the test that began last counts, in whatever order they come. A test that was interrupted or never began has no series: nothing is
//! known. Everything is written at the end, since a family's lines must stand together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::monitoring::{self, Problem, Totals};
use super::{Definition, Format, Reader, Sink};
use crate::result::schema::MetricSample;
use crate::result::{Report, TestKind, TestOutcome};
use crate::value::Value;

impl Format {
    /// Prometheus text exposition, from test results.
    pub const PROMETHEUS: Self = Self(&Definition {
        name: "prometheus",
        reader: Reader::Monitor,
        sink: |_, _| Box::new(Gauges::default()),
    });
}

/// The state of the metrics so far.
#[derive(Default)]
struct Gauges {
    /// The result that counts of each test, in the order of their labels.
    tests: BTreeMap<(TestKind, String), Report>,
    /// The labels of what could not run.
    problems: BTreeSet<String>,
    seen: Totals,
    totals: Option<Totals>,
}

impl Sink for Gauges {
    fn push(&mut self, value: &Value) -> String {
        let Some(test) = monitoring::report(value) else { return String::new() };
        match test.outcome {
            TestOutcome::Success | TestOutcome::Failure => {
                let key = (test.kind, labels(&test));
                if self.tests.get(&key).is_none_or(|known| supersedes(&test, known)) {
                    self.tests.insert(key, test);
                }
            }
            TestOutcome::Interrupted | TestOutcome::NotRun => {}
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        let Problem { id, target, .. } = problem.made_visible();
        self.seen.problems += 1;
        self.problems.insert(format!("id=\"{}\",target=\"{}\"", label(&id), label(&target)));
    }

    fn told(&mut self, totals: Totals) {
        self.totals = Some(totals);
    }

    fn finish(&mut self) -> String {
        let mut text = String::new();
        for kind in TestKind::ALL {
            let schema = kind.schema();
            for metric in schema.properties.iter().filter_map(|property| property.metric.as_ref()) {
                let name = format!("{}_{}", schema.metrics, metric.name);
                let tests = self.tests.iter().filter(|((of, _), _)| *of == kind);
                let lines = tests.flat_map(|((_, labels), test)| {
                    let line = |sample: MetricSample| series(&name, labels, &sample);
                    (metric.samples)(test).into_iter().map(line).collect::<Vec<_>>()
                });
                family(&mut text, &name, metric.help, &lines.collect::<String>());
            }
        }
        let lines: String =
            self.problems.iter().map(|labels| format!("imsh_error{{{labels}}} 1\n")).collect();
        family(&mut text, "imsh_error", "What could not run; absent where everything did.", &lines);
        if let Some(totals) = self.totals {
            let problems = totals.problems.max(self.seen.problems);
            for (name, help, value) in [
                ("imsh_run_tests", "Tests of the run, shown or not.", totals.tests),
                ("imsh_run_failed_tests", "Tests of the run that failed, shown or not.", totals.failed),
                (
                    "imsh_run_tests_with_warnings",
                    "Tests of the run that succeeded with a warning, shown or not.",
                    totals.warned + totals.critical,
                ),
                ("imsh_run_errors", "How often something of the run could not run.", problems),
            ] {
                family(&mut text, name, help, &format!("{name} {value}\n"));
            }
        }
        text
    }
}

/// Whether a report counts in place of one that came before: it began later, or took back the success of the same test.
/// Of reports without a time the last one counts.
fn supersedes(new: &Report, known: &Report) -> bool {
    match (new.started_at, known.started_at) {
        (Some(new_start), Some(known_start)) if new_start == known_start => {
            !new.is_success() || known.is_success()
        }
        (Some(new_start), Some(known_start)) => new_start > known_start,
        (None, _) | (_, None) => true,
    }
}

fn family(text: &mut String, name: &str, help: &str, lines: &str) {
    if !lines.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{lines}");
    }
}

fn series(name: &str, labels: &str, sample: &MetricSample) -> String {
    let more = sample.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value)));
    let own = Some(labels.to_owned()).filter(|labels| !labels.is_empty());
    let labels = own.into_iter().chain(more).collect::<Vec<_>>().join(",");
    let braced = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
    format!("{name}{braced} {}\n", sample.value)
}

/// Returns the labels that distinguish a test from the others of its kind.
fn labels(test: &Report) -> String {
    let labels = test.kind.schema().labels.iter();
    let labels = labels.filter(|(name, _)| *name != "server" || test.server.is_some());
    let told =
        labels.map(|(name, property)| format!("{name}=\"{}\"", label(&property.value(test).to_string())));
    told.collect::<Vec<_>>().join(",")
}

/// A label's value, with what the format gives a meaning escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
