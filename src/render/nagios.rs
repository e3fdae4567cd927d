//! The output of a monitoring plugin (Monitoring Plugins guidelines): a status line with
//! performance data, then a line for each failure.
//!
//! The status is worked out here for the text alone; the exit status is the front's business.

use std::time::Duration;

use super::Sink;
use super::result::TestResult;
use crate::value::Value;

/// Tests that get performance data of their own; of more, only the sums are told.
const PERFORMANCE_DATA: usize = 50;
/// Failures that get a line of their own.
const FAILURES: usize = 50;

/// The results so far.
#[derive(Default)]
pub(super) struct Plugin {
    n_tests: usize,
    slowest: Option<Duration>,
    fewest_days: Option<i64>,
    n_failures: usize,
    failures: Vec<String>,
    last_success: String,
    performance: Vec<String>,
}

impl Sink for Plugin {
    fn push(&mut self, value: &Value) -> String {
        if let Some(result) = TestResult::of(value) {
            self.count(&result);
        }
        String::new()
    }

    fn finish(&mut self) -> String {
        let (n_tests, n_failures) = (self.n_tests, self.n_failures);
        let status = match (n_tests, n_failures) {
            (0, _) => "UNKNOWN - no test ran".to_owned(),
            (1, 0) => format!("OK - {}", self.last_success),
            (_, 0) => format!("OK - all {n_tests} tests succeeded"),
            (1, _) => format!("CRITICAL - {}", self.failures.concat()),
            _ => format!("CRITICAL - {n_failures} of {n_tests} tests failed"),
        };
        let mut data = vec![format!("tests={n_tests}"), format!("failures={n_failures};;0")];
        data.extend(self.slowest.map(|slowest| format!("slowest={}s", seconds(slowest))));
        data.extend(self.fewest_days.map(|days| format!("certificate_days_left={days}")));
        if n_tests > 1 && n_tests <= PERFORMANCE_DATA {
            data.append(&mut self.performance);
        }
        let mut text = format!("XMPPIM {status} | {}\n", data.join(" "));
        if n_tests > 1 {
            text.extend(self.failures.iter().map(|failure| format!("{failure}\n")));
            if n_failures > self.failures.len() {
                text.push_str(&format!("and {} more\n", n_failures - self.failures.len()));
            }
        }
        text
    }
}

impl Plugin {
    fn count(&mut self, result: &TestResult) {
        self.n_tests += 1;
        let pair = format!("{} to {}", plain(&result.pool), plain(&result.receiver));
        if result.is_success {
            self.last_success = format!("{pair}: {}", plain(&result.evidence));
        } else {
            self.n_failures += 1;
            if self.failures.len() < FAILURES {
                let (code, error) = (plain(&result.code), plain(&result.error));
                self.failures.push(format!("{pair}: {code}: {error}"));
            }
        }
        if let Some(latency) = result.latency {
            self.slowest = Some(self.slowest.map_or(latency, |slowest| slowest.max(latency)));
            if self.performance.len() < PERFORMANCE_DATA {
                // A label must not hold what ends it.
                let label = pair.replace(['\'', '='], "_");
                self.performance.push(format!("'{label}'={}s", seconds(latency)));
            }
        }
        if let Some(days) = result.days_left {
            self.fewest_days = Some(self.fewest_days.map_or(days, |fewest| fewest.min(days)));
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
