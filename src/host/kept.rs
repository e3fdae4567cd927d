//! What a call leaves in variables: `-OutVariable`, `-ErrorVariable`, `-WarningVariable`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::cmdlet::ErrorRecord;
use crate::cmdlets::Bound;
use crate::value::{Record, Value};

/// A value that a call leaves in a variable of the caller.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The variable's name, without `$`.
    pub variable: String,
    /// Whether the values are added to what is there (`+name`).
    pub appends: bool,
    /// The values.
    pub values: Vec<Value>,
}

/// Where a call's errors and warnings arrive.
pub(super) struct Reports {
    pub(super) errors: mpsc::UnboundedReceiver<ErrorRecord>,
    pub(super) warnings: mpsc::UnboundedReceiver<String>,
}

/// What is kept of one call.
pub(super) struct Kept {
    out_variable: Option<String>,
    error_variable: Option<String>,
    warning_variable: Option<String>,
    /// What the cmdlet emitted, if somebody wants it.
    pub(super) emitted: Option<Arc<Mutex<Vec<Value>>>>,
    reports: Mutex<Reports>,
    errors: Mutex<Vec<ErrorRecord>>,
}

impl Kept {
    pub(super) fn new(bound: &Bound, reports: Reports) -> Self {
        // Tee-Object's own parameter means the same.
        let out_variable = bound.text("OutVariable").or_else(|| bound.text("Variable"));
        let emitted = out_variable.as_ref().map(|_| Arc::default());
        Self {
            out_variable,
            error_variable: bound.text("ErrorVariable"),
            warning_variable: bound.text("WarningVariable"),
            emitted,
            reports: Mutex::new(reports),
            errors: Mutex::default(),
        }
    }

    /// The errors that the call has reported.
    pub(super) fn reported(&self) -> Vec<ErrorRecord> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(error) = reports.errors.try_recv() {
            errors.push(error);
        }
        errors.clone()
    }

    /// What goes into the caller's variables; asked when the call has ended.
    pub(super) fn assignments(&self) -> Vec<Assignment> {
        let emitted = || match &self.emitted {
            Some(emitted) => std::mem::take(&mut *emitted.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Vec::new(),
        };
        let errors = || self.reported().iter().map(|error| Value::from(Record::from(error))).collect();
        let warnings = || {
            let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            std::iter::from_fn(|| reports.warnings.try_recv().ok()).map(Value::Text).collect()
        };
        let out = self.out_variable.as_deref().map(|name| assignment(name, emitted()));
        let error = self.error_variable.as_deref().map(|name| assignment(name, errors()));
        let warning = self.warning_variable.as_deref().map(|name| assignment(name, warnings()));
        [out, error, warning].into_iter().flatten().collect()
    }
}

fn assignment(written: &str, values: Vec<Value>) -> Assignment {
    let (variable, appends) = match written.strip_prefix('+') {
        Some(name) => (name, true),
        None => (written, false),
    };
    Assignment { variable: variable.trim_start_matches('$').to_owned(), appends, values }
}
