//! The Prometheus text exposition format 0.0.4, for the node exporter's textfile collector or a
//! push gateway: gauges of every test, labelled by what was tested, and of the run as a whole.
//!
//! A series stands once: where the same thing was tested several times the last result counts. A
//! test that was interrupted has no series: nothing is known. Everything is written at the end, since
//! a family's lines must stand together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Sink;
use super::tested::{Kind, Outcome, Problem, Test, Totals};
use crate::value::Value;

/// What is known so far.
#[derive(Default)]
pub(super) struct Gauges {
    /// The last result of each test, in the order of their labels.
    tests: BTreeMap<(Kind, String), Test>,
    /// The labels of what could not run.
    problems: BTreeSet<String>,
    n_problems: usize,
    totals: Option<Totals>,
}

/// The end of a family's name, its help, and its lines: further labels and a value for each.
type Family = (&'static str, &'static str, fn(&Test) -> Vec<(String, f64)>);

const FAMILIES: &[Family] = &[
    ("success", "Whether the test succeeded.", |test| {
        vec![(String::new(), if test.outcome == Outcome::Success { 1.0 } else { 0.0 })]
    }),
    ("latency_seconds", "From the start of the test to what makes it a success.", |test| {
        test.latency.iter().map(|latency| (String::new(), latency.as_secs_f64())).collect()
    }),
    ("message_latency_seconds", "From sending the message to the evidence.", |test| {
        test.message_latency.iter().map(|latency| (String::new(), latency.as_secs_f64())).collect()
    }),
    ("elapsed_seconds", "How long the whole test took.", |test| {
        test.elapsed.iter().map(|elapsed| (String::new(), elapsed.as_secs_f64())).collect()
    }),
    ("phase_seconds", "How long a phase of the test took.", |test| {
        let step = |(phase, duration): &(String, std::time::Duration)| {
            (format!(",phase=\"{}\"", label(phase)), duration.as_secs_f64())
        };
        // A phase may have been tried twice; a series stands once.
        let steps: BTreeMap<String, f64> = test.steps.iter().map(step).collect();
        steps.into_iter().collect()
    }),
    ("failure", "What went wrong and whose it is; absent where nothing did.", |test| {
        let (code, owner) = (label(&test.code), label(&test.owner));
        let failure = (format!(",code=\"{code}\",owner=\"{owner}\""), 1.0);
        if test.outcome == Outcome::Success { Vec::new() } else { vec![failure] }
    }),
    ("certificate_days_left", "Days until the first certificate of the chain expires.", |test| {
        test.days_left.iter().map(|days| (String::new(), *days as f64)).collect()
    }),
    ("started_timestamp_seconds", "When the test started.", |test| {
        test.started_at.iter().map(|at| (String::new(), at.as_millisecond() as f64 / 1e3)).collect()
    }),
];

impl Sink for Gauges {
    fn push(&mut self, value: &Value) -> String {
        if let Some(test) = Test::of(value).filter(|test| test.outcome != Outcome::Interrupted) {
            self.tests.insert((test.kind, labels(&test)), test);
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        let Problem { id, target, .. } = problem.made_visible();
        self.n_problems += 1;
        self.problems.insert(format!("id=\"{}\",target=\"{}\"", label(&id), label(&target)));
    }

    fn told(&mut self, totals: Totals) {
        self.totals = Some(totals);
    }

    fn finish(&mut self) -> String {
        let mut text = String::new();
        for kind in Kind::ALL {
            for (name, help, values) in FAMILIES {
                let name = format!("{}_{name}", prefix(kind));
                let tests = self.tests.iter().filter(|((of, _), _)| *of == kind);
                let lines = tests.flat_map(|((_, labels), test)| {
                    let line = |(more, value)| format!("{name}{{{labels}{more}}} {value}\n");
                    values(test).into_iter().map(line).collect::<Vec<_>>()
                });
                family(&mut text, &name, help, &lines.collect::<String>());
            }
        }
        let lines: String =
            self.problems.iter().map(|labels| format!("imsh_error{{{labels}}} 1\n")).collect();
        family(&mut text, "imsh_error", "What could not run; absent where everything did.", &lines);
        if let Some(Totals { tests, failed, problems }) = self.totals {
            let problems = problems.max(self.n_problems);
            for (name, help, value) in [
                ("imsh_run_tests", "Tests of the run, shown or not.", tests),
                ("imsh_run_failed_tests", "Tests of the run that failed, shown or not.", failed),
                ("imsh_run_errors", "How often something of the run could not run.", problems),
            ] {
                family(&mut text, name, help, &format!("{name} {value}\n"));
            }
        }
        text
    }
}

fn family(text: &mut String, name: &str, help: &str, lines: &str) {
    if !lines.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{lines}");
    }
}

/// What the names of a kind's families begin with.
fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Message => "imsh_test",
        Kind::Logon => "imsh_registration",
        Kind::Partner => "imsh_partner",
        Kind::Check => "imsh_check",
    }
}

/// What tells a test from the others of its kind.
fn labels(test: &Test) -> String {
    let Test { pool, subject, check, sender, .. } = test;
    let labels: &[(&str, &String)] = match test.kind {
        Kind::Message => &[("pool", pool), ("receiver", subject), ("sender", sender)],
        Kind::Logon => &[("pool", pool), ("user", subject)],
        Kind::Partner => &[("domain", subject), ("pool", pool)],
        Kind::Check => &[("check", check), ("target", subject), ("pool", pool)],
    };
    labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect::<Vec<_>>().join(",")
}

/// A label's value, with what the format gives a meaning escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
