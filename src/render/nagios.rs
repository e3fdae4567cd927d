//! The output of a monitoring plugin (Monitoring Plugins guidelines): a status line with
//! performance data, then a line for each failure and for all that could not run.
//!
//! CRITICAL where a test failed, else UNKNOWN where something could not run or nothing was tested,
//! else OK. The exit status is the front's business, and follows the same rule.

use std::time::Duration;

use super::Sink;
use super::tested::{Outcome, Problem, Test, Totals};
use crate::value::Value;

/// Tests that get performance data of their own; of more, only the sums are told.
const PERFORMANCE_DATA: usize = 50;
/// Failures that get a line of their own.
const FAILURES: usize = 50;

/// The tests so far.
#[derive(Default)]
pub(super) struct Plugin {
    seen: Totals,
    /// A test was interrupted, and is told.
    has_interrupted: bool,
    totals: Totals,
    slowest: Option<Duration>,
    fewest_days: Option<i64>,
    failures: Vec<String>,
    unknown: Vec<String>,
    last_success: String,
    performance: Vec<String>,
}

impl Sink for Plugin {
    fn push(&mut self, value: &Value) -> String {
        if let Some(test) = Test::of(value) {
            self.count(&test);
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        if self.has_interrupted && problem.is_interruption() {
            return;
        }
        let Problem { id, message, .. } = problem.made_visible();
        self.could_not(format!("{}: {}", plain(&id), plain(&message)));
    }

    fn told(&mut self, totals: Totals) {
        self.totals = totals;
    }

    fn finish(&mut self) -> String {
        // A program may show a part of what it tested, and test what was tested before.
        let n_tests = self.seen.tests.max(self.totals.tests);
        let n_failures = self.seen.failed.max(self.totals.failed);
        let n_problems = self.seen.problems.max(self.totals.problems);
        let only = |lines: &[String]| if let [only] = lines { Some(only.clone()) } else { None };
        let (status, told) = if n_failures > 0 {
            let told = only(&self.failures).filter(|_| n_tests == 1);
            ("CRITICAL", told.unwrap_or_else(|| format!("{n_failures} of {n_tests} tests failed")))
        } else if n_problems > 0 {
            let told = only(&self.unknown).filter(|_| n_problems == 1);
            ("UNKNOWN", told.unwrap_or_else(|| format!("{n_problems} times something could not run")))
        } else if n_tests == 0 {
            ("UNKNOWN", "no test ran".to_owned())
        } else if n_tests == 1 && !self.last_success.is_empty() {
            ("OK", self.last_success.clone())
        } else {
            ("OK", format!("all {n_tests} tests succeeded"))
        };
        let mut data = vec![format!("tests={n_tests}"), format!("failures={n_failures};;0")];
        data.extend(self.slowest.map(|slowest| format!("slowest={}s", seconds(slowest))));
        data.extend(self.fewest_days.map(|days| format!("certificate_days_left={days}")));
        if n_tests > 1 && n_tests <= PERFORMANCE_DATA {
            data.append(&mut self.performance);
        }
        let mut text = format!("XMPPIM {status} - {told} | {}\n", data.join(" "));
        let lines = self.failures.iter().chain(&self.unknown).filter(|line| **line != told);
        text.extend(lines.map(|line| format!("{line}\n")));
        let n_told = self.failures.len() + self.unknown.len();
        if n_failures + n_problems > n_told {
            text.push_str(&format!("and {} more\n", n_failures + n_problems - n_told));
        }
        text
    }
}

impl Plugin {
    fn count(&mut self, test: &Test) {
        self.seen.tests += 1;
        let name = plain(&test.name());
        let because = || {
            let parts = [&name, &plain(&test.code), &plain(&test.error)];
            parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(": ")
        };
        match test.outcome {
            Outcome::Success => {
                let evidence = plain(&test.evidence);
                self.last_success =
                    if evidence.is_empty() { name.clone() } else { format!("{name}: {evidence}") };
            }
            Outcome::Failure => {
                self.seen.failed += 1;
                if self.failures.len() < FAILURES {
                    self.failures.push(because());
                }
            }
            Outcome::Interrupted => {
                self.has_interrupted = true;
                self.could_not(because());
            }
        }
        if let Some(latency) = test.latency {
            self.slowest = Some(self.slowest.map_or(latency, |slowest| slowest.max(latency)));
            if self.performance.len() < PERFORMANCE_DATA {
                // A label must not hold what ends it.
                let label = name.replace(['\'', '='], "_");
                self.performance.push(format!("'{label}'={}s", seconds(latency)));
            }
        }
        if let Some(days) = test.days_left {
            self.fewest_days = Some(self.fewest_days.map_or(days, |fewest| fewest.min(days)));
        }
    }

    fn could_not(&mut self, line: String) {
        self.seen.problems += 1;
        if self.unknown.len() < FAILURES {
            self.unknown.push(line);
        }
    }
}

/// A bar would begin performance data wherever it stands.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}
