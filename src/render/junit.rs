//! JUnit XML, for the test pages of build servers: a suite for each pool, a case for each receiver.
//!
//! A failed case carries the error as its message, the code as its type and the diagnosis as
//! its text. The document is written when the last result is in, since its head counts them.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Sink;
use super::result::TestResult;
use crate::value::Value;

/// The results so far, by pool in the order of their first result.
#[derive(Default)]
pub(super) struct Suites(Vec<TestSuite>);

impl Sink for Suites {
    fn push(&mut self, value: &Value) -> String {
        if let Some(result) = TestResult::of(value) {
            let suite = match self.0.iter().position(|suite| suite.name.as_str() == result.pool) {
                Some(place) => &mut self.0[place],
                None => {
                    self.0.push(TestSuite::new(result.pool.as_str()));
                    let last = self.0.len() - 1;
                    &mut self.0[last]
                }
            };
            suite.add_test_case(case(&result));
        }
        String::new()
    }

    fn finish(&mut self) -> String {
        let mut report = Report::new("imsh");
        report.add_test_suites(std::mem::take(&mut self.0));
        // Writing to memory cannot fail, and hostile characters are gone already.
        report.to_string().unwrap_or_default()
    }
}

fn case(result: &TestResult) -> TestCase {
    let status = if result.is_success {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(result.error.as_str());
        status.set_type(result.code.as_str());
        status.set_description(result.diagnosis.as_str());
        status
    };
    let mut case = TestCase::new(result.receiver.as_str(), status);
    case.set_classname(result.pool.as_str());
    if let Some(elapsed) = result.elapsed.or(result.latency) {
        case.set_time(elapsed);
    }
    if let Some(at) = result.started_at {
        case.extra.insert("timestamp".into(), format!("{at:.3}").into());
    }
    for (name, value) in
        [("sender", &result.sender), ("evidence", &result.evidence), ("owner", &result.owner)]
    {
        if !value.is_empty() {
            case.add_property((name, value.as_str()));
        }
    }
    case
}
