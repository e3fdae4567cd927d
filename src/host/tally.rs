//! Counts the results of a session's calls, for its exit status.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cmdlet::{Category, ErrorRecord};
use crate::result::{Report, TestOutcome, WarningSeverity};
use crate::value::Value;

/// Counts of what went wrong; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<TallyCounts>);

#[derive(Debug, Default)]
struct TallyCounts {
    tests: AtomicUsize,
    failed: AtomicUsize,
    warned: AtomicUsize,
    critical: AtomicUsize,
    wrong: AtomicUsize,
    denied: AtomicUsize,
    not_run: AtomicUsize,
    /// The number of errors, shown or not.
    noted: AtomicUsize,
    /// The last of them.
    errors: Mutex<VecDeque<ErrorRecord>>,
}

/// Errors that are kept for whoever asks.
const MOST_ERRORS: usize = 256;

impl Tally {
    /// Keeps an error, whether it was shown or not, and whether somebody catches it or not.
    pub fn note(&self, error: &ErrorRecord) {
        self.0.noted.fetch_add(1, Ordering::Relaxed);
        let mut errors = self.0.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.truncate(MOST_ERRORS - 1);
        errors.push_front(error.clone());
    }

    /// Counts an error that is kept for nobody.
    pub fn ignored(&self) {
        self.0.noted.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of errors, shown or not.
    pub fn noted(&self) -> usize {
        self.0.noted.load(Ordering::Relaxed)
    }

    /// The errors that are kept, the latest first.
    pub fn errors(&self) -> Vec<ErrorRecord> {
        self.0.errors.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Keeps none of the errors any more.
    pub fn forget_errors(&self) {
        self.0.errors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Counts a record of a test. One that was interrupted has not failed: it could not run to its end.
    pub fn result(&self, value: &Value) {
        let Some(report) = value.as_record().and_then(Report::judged) else { return };
        let count = |count: &AtomicUsize| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        match report.outcome {
            TestOutcome::Success => {}
            TestOutcome::Failure => count(&self.0.failed),
            TestOutcome::Interrupted => count(&self.0.not_run),
            TestOutcome::NotRun => {
                count(&self.0.not_run);
                return;
            }
        }
        // The test of a success that is taken back is counted already, and so are its warnings.
        if report.is_revision() {
            let uncount = |count: &AtomicUsize| {
                let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            };
            match report.revised_severity() {
                None => {}
                Some(WarningSeverity::Warning) => uncount(&self.0.warned),
                Some(WarningSeverity::Critical) => uncount(&self.0.critical),
            }
            return;
        }
        count(&self.0.tests);
        match report.severity().filter(|_| report.is_success()) {
            None => {}
            Some(WarningSeverity::Warning) => count(&self.0.warned),
            Some(WarningSeverity::Critical) => count(&self.0.critical),
        }
    }

    /// Counts an error record that nobody caught.
    pub fn error(&self, error: &ErrorRecord) {
        let count = match error.category {
            Category::PermissionDenied => &self.0.denied,
            Category::InvalidArgument | Category::InvalidData | Category::ReadError => &self.0.wrong,
            Category::InvalidOperation
            | Category::ObjectNotFound
            | Category::ResourceExists
            | Category::ResourceUnavailable
            | Category::AuthenticationError
            | Category::WriteError
            | Category::LimitsExceeded
            | Category::OperationStopped
            | Category::NotSpecified => &self.0.not_run,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Tests that ran, to their end or not.
    pub fn tests(&self) -> usize {
        self.0.tests.load(Ordering::Relaxed)
    }

    /// Tests that ran and failed.
    pub fn failed(&self) -> usize {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Tests that succeeded, and beside which something is wrong.
    pub fn warned(&self) -> usize {
        self.0.warned.load(Ordering::Relaxed)
    }

    /// Tests that succeeded, and by a threshold of the caller are as bad as failures.
    pub fn critical(&self) -> usize {
        self.0.critical.load(Ordering::Relaxed)
    }

    /// Commands, scripts or topologies that were wrong.
    pub fn wrong(&self) -> usize {
        self.0.wrong.load(Ordering::Relaxed)
    }

    /// Calls that no role covers.
    pub fn denied(&self) -> usize {
        self.0.denied.load(Ordering::Relaxed)
    }

    /// The number of calls that could not run, or not to their end.
    pub fn not_run(&self) -> usize {
        self.0.not_run.load(Ordering::Relaxed)
    }
}
