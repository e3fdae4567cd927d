//! JUnit XML, for the test pages of build servers: a suite for each pool, a case for each receiver,
//! user, or check of it.
//!
//! A failed case carries the error as its message, the code as its type and the diagnosis as
//! its text; what is wrong beside a success is in its output. What could not run is an error, and so
//! is a run without a test, and what a program tested, saw fail and did not show: a page without them
//! would be green. The document is written when the last result is in, since its head counts them.

use quick_junit::{NonSuccessKind, Report as Page, TestCase, TestCaseStatus, TestSuite};

use super::monitoring::{self, Problem, Totals, told_apart};
use super::{Definition, Format, Reader, Sink};
use crate::result::{Report, TestOutcome, WarningSeverity};
use crate::value::Value;

impl Format {
    /// JUnit XML, from test results.
    pub const JUNIT: Self = Self(&Definition {
        name: "junit",
        reader: Reader::Monitor,
        sink: |_, _| Box::new(Suites::default()),
    });
}

/// The tests so far.
#[derive(Default)]
struct Suites {
    /// By pool in the order of their first result.
    suites: Vec<Suite>,
    seen: Totals,
    /// A test was interrupted, and is told.
    has_interrupted: bool,
    totals: Totals,
}

#[derive(Default)]
struct Suite {
    name: String,
    tests: Vec<Report>,
    errors: Vec<TestCase>,
}

impl Sink for Suites {
    fn push(&mut self, value: &Value) -> String {
        if let Some(test) = monitoring::report(value) {
            self.seen.count(&test);
            self.has_interrupted |= test.outcome == TestOutcome::Interrupted;
            let names = [&test.target, &test.subject];
            let suite = names.into_iter().flatten().find(|name| !name.is_empty());
            let suite = suite.cloned().unwrap_or_else(|| RUN.to_owned());
            let tests = &mut self.suite(&suite).tests;
            let is_taken_back = |told: &Report| {
                told.is_success() && told.started_at == test.started_at && told.identity() == test.identity()
            };
            match tests.iter().rposition(is_taken_back).filter(|_| test.is_revision()) {
                Some(place) => tests[place] = test,
                None => tests.push(test),
            }
        }
        String::new()
    }

    fn problem(&mut self, problem: &Problem) {
        if self.has_interrupted && problem.is_interruption() {
            return;
        }
        self.seen.problems += 1;
        let Problem { id, target, message } = problem.made_visible();
        let suite = if target.is_empty() { RUN } else { &target };
        self.error(suite, &id, &message);
    }

    fn told(&mut self, totals: Totals) {
        self.totals = totals;
    }

    fn finish(&mut self) -> String {
        let not_shown = |all: usize, seen: usize| all.checked_sub(seen).filter(|rest| *rest > 0);
        let (all, seen) = (self.totals, self.seen);
        if let Some(rest) = not_shown(all.failed, seen.failed) {
            let message = format!("{rest} tests failed whose results the program did not show");
            self.error(RUN, "FailuresNotShown", &message);
        }
        if let Some(rest) = not_shown(all.problems, seen.problems) {
            let message = format!("{rest} times something could not run, and the program did not show it");
            self.error(RUN, "ErrorsNotShown", &message);
        }
        if all.tests.max(seen.tests) + all.problems.max(seen.problems) == 0 {
            self.error(RUN, "NoTestRan", "no test ran, so that this page says nothing");
        } else if self.suites.is_empty() {
            let case = TestCase::new(
                format!("{} tests whose results the program did not show", all.tests),
                TestCaseStatus::success(),
            );
            self.suite(RUN).errors.push(case);
        }
        let mut page = Page::new("imsh");
        page.add_test_suites(std::mem::take(&mut self.suites).into_iter().map(Suite::written));
        // Writing to memory cannot fail, and hostile characters are gone already.
        page.to_string().unwrap_or_default()
    }
}

impl Suites {
    fn suite(&mut self, name: &str) -> &mut Suite {
        let place = self.suites.iter().position(|suite| suite.name == name).unwrap_or_else(|| {
            self.suites.push(Suite { name: name.to_owned(), ..Suite::default() });
            self.suites.len() - 1
        });
        &mut self.suites[place]
    }

    /// Adds what could not run.
    fn error(&mut self, suite: &str, id: &str, message: &str) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(message);
        status.set_type(id);
        let mut case = TestCase::new(id, status);
        case.set_classname(suite);
        self.suite(suite).errors.push(case);
    }
}

/// The suite of what belongs to no pool.
const RUN: &str = "imsh";

impl Suite {
    fn written(self) -> TestSuite {
        let mut suite = TestSuite::new(self.name.as_str());
        let names = told_apart(&self.tests, |test| (test.kind.schema().case)(test), Report::apart);
        for (test, name) in self.tests.iter().zip(names) {
            suite.add_test_case(case(&self.name, name, test));
        }
        suite.add_test_cases(self.errors);
        suite
    }
}

fn case(suite: &str, name: String, test: &Report) -> TestCase {
    let not_well = |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        let unsaid =
            if test.outcome == TestOutcome::NotRun { "the run ended before its turn came" } else { "" };
        status.set_message(test.error.as_deref().unwrap_or(unsaid));
        status.set_type(test.code.as_deref().unwrap_or_default());
        status.set_description(test.diagnosis.as_deref().unwrap_or_default());
        status
    };
    let status = match test.outcome {
        TestOutcome::Success => TestCaseStatus::success(),
        TestOutcome::Failure => not_well(NonSuccessKind::Failure),
        TestOutcome::Interrupted | TestOutcome::NotRun => not_well(NonSuccessKind::Error),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(suite);
    if let Some(elapsed) = test.elapsed.or(test.measured()) {
        case.set_time(elapsed);
    }
    if let Some(at) = test.started_at {
        case.extra.insert("timestamp".into(), format!("{at:.3}").into());
    }
    let told = [("sender", &test.sender), ("evidence", &test.evidence), ("owner", &test.owner)];
    for (name, value) in told {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            case.add_property((name, value));
        }
    }
    let warnings = test.warnings.iter().map(|warning| {
        let kind = if warning.severity == WarningSeverity::Critical { "CRITICAL" } else { "WARNING" };
        format!("{kind}: {}: {}\n", warning.code, warning.text)
    });
    let warnings: String = warnings.collect();
    if !warnings.is_empty() {
        case.set_system_out(warnings);
    }
    case
}
