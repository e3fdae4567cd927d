//! What a call leaves in variables: `-OutVariable`, `-ErrorVariable`, `-WarningVariable`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::Place;
use crate::cmdlet::ErrorRecord;
use crate::cmdlets::Bound;
use crate::value::{Record, Value};

/// A value that a call leaves in a variable of the caller.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Which command of the pipeline leaves it, counted from zero.
    pub stage: usize,
    /// The parameter that asks for it: `OutVariable`, `ErrorVariable`, …
    pub parameter: &'static str,
    /// The variable's name, without `$`.
    pub variable: String,
    /// Whether the values are added to what is there (`+name`).
    pub appends: bool,
    /// The values.
    pub values: Vec<Value>,
}

/// What the calls of a pipeline leave, each variable of a command once: where a command was called for
/// each record of the pipe, its calls leave it together.
pub(super) fn assignments<'a>(kept: impl IntoIterator<Item = &'a Arc<Kept>>) -> Vec<Assignment> {
    let mut all: Vec<Assignment> = Vec::new();
    for one in kept.into_iter().flat_map(|kept| kept.assignments()) {
        match all.iter_mut().find(|other| (other.stage, other.parameter) == (one.stage, one.parameter)) {
            Some(other) => other.values.extend(one.values),
            None => all.push(one),
        }
    }
    all
}

/// Where a call's errors and warnings arrive.
pub(super) struct Reports {
    pub(super) errors: mpsc::UnboundedReceiver<ErrorRecord>,
    pub(super) warnings: mpsc::UnboundedReceiver<String>,
}

/// What is kept of one call. It is asked when the pipeline is over, whether the call came to its end
/// or not.
pub(super) struct Kept {
    stage: usize,
    out: Option<Named>,
    error: Option<Named>,
    warning: Option<Named>,
    /// What the cmdlet emitted, if somebody wants it.
    pub(super) emitted: Option<Arc<Mutex<Vec<Value>>>>,
    reports: Mutex<Reports>,
    errors: Mutex<Vec<ErrorRecord>>,
    /// What ended the call.
    failure: Mutex<Option<ErrorRecord>>,
}

/// A parameter that names a variable, and what it was given.
type Named = (&'static str, String);

impl Kept {
    pub(super) fn new(place: Place<'_>, bound: &Bound, reports: Reports) -> Self {
        let named = |parameter| Some((parameter, bound.text(parameter)?));
        // Tee-Object's own parameter means the same.
        let out = named("OutVariable").or_else(|| named("Variable"));
        Self {
            stage: place.stage,
            emitted: out.as_ref().map(|_| Arc::default()),
            out,
            error: named("ErrorVariable"),
            warning: named("WarningVariable"),
            reports: Mutex::new(reports),
            errors: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// The call's place in its pipeline.
    pub(super) fn stage(&self) -> usize {
        self.stage
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

    /// The call ended with this error.
    pub(super) fn failed(&self, error: &ErrorRecord) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }

    /// What goes into the caller's variables.
    pub(super) fn assignments(&self) -> Vec<Assignment> {
        let emitted = || match &self.emitted {
            Some(emitted) => std::mem::take(&mut *emitted.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Vec::new(),
        };
        let errors = || {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            let all = self.reported().into_iter().chain(failure.clone());
            all.map(|error| Value::from(Record::from(&error))).collect()
        };
        let warnings = || {
            let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            std::iter::from_fn(|| reports.warnings.try_recv().ok()).map(Value::Text).collect()
        };
        let out = self.out.as_ref().map(|named| self.assignment(named, emitted()));
        let error = self.error.as_ref().map(|named| self.assignment(named, errors()));
        let warning = self.warning.as_ref().map(|named| self.assignment(named, warnings()));
        [out, error, warning].into_iter().flatten().collect()
    }

    fn assignment(&self, (parameter, written): &Named, values: Vec<Value>) -> Assignment {
        let (variable, appends) = match written.strip_prefix('+') {
            Some(name) => (name, true),
            None => (written.as_str(), false),
        };
        let variable = variable.trim_start_matches('$').to_owned();
        Assignment { stage: self.stage, parameter, variable, appends, values }
    }
}
