//! What the calls of a session came to, for its exit status.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cmdlet::{Category, ErrorRecord};
use crate::value::Value;

/// Counts of what went wrong; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    tests: AtomicUsize,
    failed: AtomicUsize,
    wrong: AtomicUsize,
    denied: AtomicUsize,
    not_run: AtomicUsize,
}

impl Tally {
    /// Counts a record of a test.
    pub fn result(&self, value: &Value) {
        let result = value.as_record().and_then(|record| record.get("Result").ok());
        let has_failed = match result.and_then(Value::as_text) {
            Some("Success") => false,
            Some("Failure") => true,
            _ => return,
        };
        self.0.tests.fetch_add(1, Ordering::Relaxed);
        self.0.failed.fetch_add(usize::from(has_failed), Ordering::Relaxed);
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

    /// Tests that ran.
    pub fn tests(&self) -> usize {
        self.0.tests.load(Ordering::Relaxed)
    }

    /// Tests that ran and failed.
    pub fn failed(&self) -> usize {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Commands, scripts or topologies that were wrong.
    pub fn wrong(&self) -> usize {
        self.0.wrong.load(Ordering::Relaxed)
    }

    /// Calls that no role covers.
    pub fn denied(&self) -> usize {
        self.0.denied.load(Ordering::Relaxed)
    }

    /// What could not run.
    pub fn not_run(&self) -> usize {
        self.0.not_run.load(Ordering::Relaxed)
    }
}
