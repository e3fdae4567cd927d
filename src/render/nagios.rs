//! The output of a monitoring plugin (Monitoring Plugins guidelines): a status line with
//! performance data, then a line for each failure, for all that could not run, and for each warning.
//!
//! The status is [`Totals::status`] of what was tested and of the results that are shown, as the exit status is.

use std::time::Duration;

use super::monitoring::{self, PluginStatus, Problem, Totals, told_apart};
use super::{Definition, Format, Reader, Sink};
use crate::result::{Report, TestOutcome, WarningSeverity};
use crate::value::Value;

impl Format {
    /// A monitoring plugin's output, from test results.
    pub const NAGIOS: Self = Self(&Definition {
        name: "nagios",
        reader: Reader::Plugin,
        sink: |_, _| Box::new(Plugin::default()),
    });
}

/// Tests that get performance data of their own; of more, only the sums are told.
const PERFORMANCE_DATA: usize = 50;
/// Failures that get a line of their own.
const FAILURES: usize = 50;

/// The tests so far.
#[derive(Default)]
struct Plugin {
    seen: Totals,
    /// A test was interrupted, and is told.
    has_interrupted: bool,
    totals: Totals,
    slowest: Option<Duration>,
    fewest_days: Option<i64>,
    failures: Vec<String>,
    unknown: Vec<String>,
    warnings: Vec<String>,
    last_success: String,
    performance: Vec<Latency>,
}

/// The latency of one test.
struct Latency {
    test: String,
    apart: Option<String>,
    latency: Duration,
}

impl Sink for Plugin {
    fn push(&mut self, value: &Value) -> String {
        if let Some(test) = monitoring::report(value) {
            self.count(&test);
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        if self.has_interrupted && problem.is_interruption() {
            return;
        }
        let Problem { id, message, .. } = problem.made_visible();
        self.seen.problems += 1;
        keep(&mut self.unknown, format!("{}: {}", plain(&id), plain(&message)));
    }

    fn told(&mut self, totals: Totals) {
        self.totals = totals;
    }

    fn shown(&self) -> Totals {
        self.seen
    }

    fn finish(&mut self) -> String {
        let n = self.seen.most(self.totals);
        let only = |lines: &[String]| if let [only] = lines { Some(only.clone()) } else { None };
        let status = n.status();
        let told = match status {
            PluginStatus::Critical if n.failed > 0 => {
                let told = only(&self.failures).filter(|_| n.tests == 1);
                told.unwrap_or_else(|| format!("{} of {} tests failed", n.failed, n.tests))
            }
            PluginStatus::Critical => {
                let told = only(&self.failures).filter(|_| n.tests == 1);
                let all = || format!("{} of {} tests passed a critical threshold", n.critical, n.tests);
                told.unwrap_or_else(all)
            }
            PluginStatus::Unknown if n.problems > 0 => {
                let told = only(&self.unknown).filter(|_| n.problems == 1);
                told.unwrap_or_else(|| format!("{} times something could not run", n.problems))
            }
            PluginStatus::Unknown => "no test ran".to_owned(),
            PluginStatus::Warning => {
                let told = only(&self.warnings).filter(|_| n.tests == 1);
                told.unwrap_or_else(|| format!("{} of {} tests have warnings", n.warned, n.tests))
            }
            PluginStatus::Ok if n.tests == 1 && !self.last_success.is_empty() => self.last_success.clone(),
            PluginStatus::Ok => format!("all {} tests succeeded", n.tests),
        };
        let status = status.word();
        let mut data = vec![format!("tests={}", n.tests), format!("failures={};;0", n.failed)];
        data.extend(self.slowest.map(|slowest| format!("slowest={}s", seconds(slowest))));
        data.extend(self.fewest_days.map(|days| format!("certificate_days_left={days}")));
        if n.tests > 1 && n.tests <= PERFORMANCE_DATA {
            data.extend(self.performance());
        }
        let mut text = format!("XMPPIM {status} - {told} | {}\n", data.join(" "));
        let lines = self.failures.iter().chain(&self.unknown).chain(&self.warnings);
        text.extend(lines.filter(|line| **line != told).map(|line| format!("{line}\n")));
        let n_told = self.failures.len() + self.unknown.len();
        let n_all = n.failed + n.critical + n.problems;
        if n_all > n_told {
            text.push_str(&format!("and {} more\n", n_all - n_told));
        }
        text
    }
}

impl Plugin {
    fn count(&mut self, test: &Report) {
        self.seen.count(test);
        let name = plain(&test.name());
        let line = |more: [&str; 2]| {
            let parts = [name.as_str()].into_iter().chain(more).filter(|part| !part.is_empty());
            plain(&parts.collect::<Vec<_>>().join(": "))
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let because = || line([&text(&test.code), &text(&test.error)]);
        match test.outcome {
            TestOutcome::Success => self.last_success = line([&text(&test.evidence), ""]),
            TestOutcome::Failure => keep(&mut self.failures, because()),
            TestOutcome::Interrupted => {
                self.has_interrupted = true;
                keep(&mut self.unknown, because());
            }
            TestOutcome::NotRun => keep(&mut self.unknown, line(["not run", ""])),
        }
        for warning in &test.warnings {
            let lines = match warning.severity {
                WarningSeverity::Critical if test.is_success() => &mut self.failures,
                WarningSeverity::Critical | WarningSeverity::Warning => &mut self.warnings,
            };
            keep(lines, line([&warning.code, &warning.text]));
        }
        if test.is_revision() {
            let apart = test.apart();
            self.performance.retain(|told| told.test != name || told.apart != apart);
        }
        if let Some(latency) = test.measured() {
            self.slowest = Some(self.slowest.map_or(latency, |slowest| slowest.max(latency)));
            if self.performance.len() < PERFORMANCE_DATA {
                self.performance.push(Latency { test: name, apart: test.apart(), latency });
            }
        }
        if let Some(days) = test.certificate_days_left {
            self.fewest_days = Some(self.fewest_days.map_or(days, |fewest| fewest.min(days)));
        }
    }

    /// The latency of each test, under a label of its own.
    fn performance(&self) -> Vec<String> {
        let labels = told_apart(&self.performance, |own| own.test.clone(), |own| own.apart.clone());
        let data = labels.iter().zip(&self.performance).map(|(label, Latency { latency, .. })| {
            // A label must not hold what ends it.
            format!("'{}'={}s", plain(label).replace(['\'', '='], "_"), seconds(*latency))
        });
        data.collect()
    }
}

fn keep(lines: &mut Vec<String>, line: String) {
    if lines.len() < FAILURES {
        lines.push(line);
    }
}

/// A bar would begin performance data wherever it stands.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}
