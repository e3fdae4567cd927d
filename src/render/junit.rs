//! JUnit XML, for the test pages of build servers: a suite for each pool, a case for each receiver,
//! user, or check of it.
//!
//! A failed case carries the error as its message, the code as its type and the diagnosis as
//! its text. What could not run is an error, and so is what a program tested, saw fail and did not
//! show: a page without it would be green. The document is written when the last result is in, since
//! its head counts them.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Sink;
use super::tested::{Kind, Outcome, Problem, Test, Totals};
use crate::value::Value;

/// The tests so far.
#[derive(Default)]
pub(super) struct Suites {
    /// By pool in the order of their first result.
    suites: Vec<TestSuite>,
    seen: Totals,
    /// A test was interrupted, and is told.
    has_interrupted: bool,
    totals: Totals,
}

impl Sink for Suites {
    fn push(&mut self, value: &Value) -> String {
        if let Some(test) = Test::of(value) {
            match test.outcome {
                Outcome::Success => {}
                Outcome::Failure => self.seen.failed += 1,
                Outcome::Interrupted => {
                    self.has_interrupted = true;
                    self.seen.problems += 1;
                }
            }
            let names = [test.pool.as_str(), test.subject.as_str()];
            let suite = names.into_iter().find(|name| !name.is_empty()).unwrap_or("imsh");
            self.suite(suite).add_test_case(case(suite, &test));
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        if self.has_interrupted && problem.is_interruption() {
            return;
        }
        self.seen.problems += 1;
        let Problem { id, target, message } = problem.made_visible();
        let suite = if target.is_empty() { "imsh" } else { &target };
        self.suite(suite).add_test_case(error(suite, &id, &message));
    }

    fn told(&mut self, totals: Totals) {
        self.totals = totals;
    }

    fn finish(&mut self) -> String {
        let not_shown = |all: usize, seen: usize| all.checked_sub(seen).filter(|rest| *rest > 0);
        if let Some(rest) = not_shown(self.totals.failed, self.seen.failed) {
            let message = format!("{rest} tests failed whose results the program did not show");
            self.suite("imsh").add_test_case(error("imsh", "FailuresNotShown", &message));
        }
        if let Some(rest) = not_shown(self.totals.problems, self.seen.problems) {
            let message = format!("{rest} times something could not run, and the program did not show it");
            self.suite("imsh").add_test_case(error("imsh", "ErrorsNotShown", &message));
        }
        let mut report = Report::new("imsh");
        report.add_test_suites(std::mem::take(&mut self.suites));
        // Writing to memory cannot fail, and hostile characters are gone already.
        report.to_string().unwrap_or_default()
    }
}

impl Suites {
    fn suite(&mut self, name: &str) -> &mut TestSuite {
        let place = self.suites.iter().position(|suite| suite.name.as_str() == name).unwrap_or_else(|| {
            self.suites.push(TestSuite::new(name));
            self.suites.len() - 1
        });
        &mut self.suites[place]
    }
}

/// What could not run.
fn error(suite: &str, id: &str, message: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(message);
    status.set_type(id);
    let mut case = TestCase::new(id, status);
    case.set_classname(suite);
    case
}

fn case(suite: &str, test: &Test) -> TestCase {
    let not_well = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(test.error.as_str());
        status.set_type(test.code.as_str());
        status.set_description(test.diagnosis.as_str());
        status
    };
    let status = match test.outcome {
        Outcome::Success => TestCaseStatus::success(),
        Outcome::Failure => not_well(NonSuccessKind::Failure),
        Outcome::Interrupted => not_well(NonSuccessKind::Error),
    };
    let name = match test.kind {
        Kind::Message | Kind::Logon | Kind::Partner if !test.subject.is_empty() => test.subject.clone(),
        Kind::Message | Kind::Logon | Kind::Partner | Kind::Check => test.name(),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(suite);
    if let Some(elapsed) = test.elapsed.or(test.latency) {
        case.set_time(elapsed);
    }
    if let Some(at) = test.started_at {
        case.extra.insert("timestamp".into(), format!("{at:.3}").into());
    }
    for (name, value) in [("sender", &test.sender), ("evidence", &test.evidence), ("owner", &test.owner)] {
        if !value.is_empty() {
            case.add_property((name, value.as_str()));
        }
    }
    case
}
