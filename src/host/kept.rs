//! The variables that a call fills: `-OutVariable`, `-ErrorVariable` and the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{CallPlace, gate};
use crate::call::BoundArguments;
use crate::cmdlet::{Description, ErrorRecord, Kind};
use crate::value::{Record, Value};

/// A value that a call leaves in a variable of the caller.
#[derive(Clone, Debug)]
pub struct VariableAssignment {
    /// The index of the pipeline's command that leaves the value, counted from zero.
    pub stage: usize,
    /// The parameter that asks for it: `OutVariable`, `ErrorVariable`, …
    pub parameter: &'static str,
    /// The variable's name, without `$`.
    pub variable: String,
    /// Whether the values are added to what is there (`+name`).
    pub appends: bool,
    /// The log itself; of all others a list.
    pub value: Value,
}

/// The assignments that the calls of a pipeline leave, each variable of a command once: where a command was called for
/// each record of the pipe, its calls leave it together.
pub(super) fn assignments<'a>(
    kept: impl IntoIterator<Item = &'a Arc<CapturedCall>>,
) -> Vec<VariableAssignment> {
    let mut all: Vec<VariableAssignment> = Vec::new();
    for one in kept.into_iter().flat_map(|kept| kept.assignments()) {
        match all.iter_mut().find(|other| (other.stage, other.parameter) == (one.stage, one.parameter)) {
            Some(other) => {
                let mut values = std::mem::take(&mut other.value).into_elements();
                values.extend(one.value.into_elements());
                other.value = Value::List(values);
            }
            None => all.push(one),
        }
    }
    all
}

/// The receivers of the errors, warnings, verbose messages and log records of a call.
pub(super) struct Reports {
    pub(super) errors: mpsc::UnboundedReceiver<ErrorRecord>,
    pub(super) has_ignored: Arc<AtomicBool>,
    pub(super) warnings: mpsc::UnboundedReceiver<String>,
    pub(super) verbose: mpsc::UnboundedReceiver<String>,
    pub(super) log: mpsc::UnboundedReceiver<Record>,
}

/// The captured streams of one call. It is asked when the pipeline is over, whether the call came to its end
/// or not.
pub(super) struct CapturedCall {
    stage: usize,
    cmdlet: &'static str,
    /// The command as its log shows it; empty where no log is wanted.
    command: String,
    began: Instant,
    began_at: Timestamp,
    wanted: CaptureVariables,
    /// The values that the cmdlet emitted, if a variable takes them.
    pub(super) emitted: Option<Arc<Mutex<Vec<Value>>>>,
    reports: Mutex<Reports>,
    errors: Mutex<Vec<ErrorRecord>>,
    /// The error that ended the call.
    failure: Mutex<Option<ErrorRecord>>,
}

/// The parameters that name variables, with what they were given.
struct CaptureVariables {
    out: Option<NamedVariable>,
    error: Option<NamedVariable>,
    warning: Option<NamedVariable>,
    verbose: Option<NamedVariable>,
    log: Option<NamedVariable>,
}

/// A parameter that names a variable, and what it was given.
type NamedVariable = (&'static str, String);

impl CapturedCall {
    pub(super) fn new(
        place: CallPlace<'_>,
        description: &'static Description,
        bound: &BoundArguments,
        reports: Reports,
    ) -> Self {
        let named = |parameter| Some((parameter, bound.text(parameter)?));
        let wanted = CaptureVariables {
            // Tee-Object's own parameter means the same.
            out: named("OutVariable").or_else(|| named("Variable")),
            error: named("ErrorVariable"),
            warning: named("WarningVariable"),
            verbose: named("OutVerboseVariable"),
            log: named("OutLoggerVariable"),
        };
        let is_emitted_kept = wanted.out.is_some() || wanted.log.is_some();
        Self {
            stage: place.stage,
            cmdlet: description.name,
            command: wanted.log.as_ref().map(|_| command(description, bound)).unwrap_or_default(),
            began: Instant::now(),
            began_at: Timestamp::now(),
            wanted,
            emitted: is_emitted_kept.then(Arc::default),
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

    /// Whether the call met an error that nobody is told of.
    pub(super) fn has_ignored(&self) -> bool {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).has_ignored.load(Ordering::Relaxed)
    }

    /// The call ended with this error.
    pub(super) fn failed(&self, error: &ErrorRecord) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }

    /// The assignments to the caller's variables.
    pub(super) fn assignments(&self) -> Vec<VariableAssignment> {
        let CaptureVariables { out, error, warning, verbose, log } = &self.wanted;
        if [out, error, warning, verbose, log].iter().all(|named| named.is_none()) {
            return Vec::new();
        }
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let errors: Vec<Value> = self
            .reported()
            .into_iter()
            .chain(failure)
            .map(|error| Value::from(Record::from(&error)))
            .collect();
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let warnings = lines(&mut reports.warnings);
        let emitted = match &self.emitted {
            Some(emitted) => std::mem::take(&mut *emitted.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Vec::new(),
        };
        let log = log.as_ref().map(|named| {
            let logged: Vec<Value> =
                std::iter::from_fn(|| reports.log.try_recv().ok()).map(Value::from).collect();
            let tests = if logged.is_empty() { emitted.clone() } else { logged };
            self.assignment(named, self.log(tests, warnings.clone(), errors.clone()).into())
        });
        let list = |named: &Option<NamedVariable>, values: Vec<Value>| {
            named.as_ref().map(|named| self.assignment(named, Value::List(values)))
        };
        let verbose_lines = lines(&mut reports.verbose);
        [list(out, emitted), list(error, errors), list(warning, warnings), list(verbose, verbose_lines), log]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The log of the call: what was run, what came of it, and everything that happened.
    fn log(&self, tests: Vec<Value>, warnings: Vec<Value>, errors: Vec<Value>) -> Record {
        Record::new("Log")
            .with("Cmdlet", self.cmdlet)
            .with("Command", self.command.as_str())
            .with("StartedAt", self.began_at)
            .with("Elapsed", self.began.elapsed())
            .with("Warnings", warnings)
            .with("Errors", errors)
            .with("Tests", tests)
    }

    fn assignment(&self, (parameter, written): &NamedVariable, value: Value) -> VariableAssignment {
        let (variable, appends) = match written.strip_prefix('+') {
            Some(name) => (name, true),
            None => (written.as_str(), false),
        };
        let variable = variable.trim_start_matches('$').to_owned();
        VariableAssignment { stage: self.stage, parameter, variable, appends, value }
    }
}

fn lines(reports: &mut mpsc::UnboundedReceiver<String>) -> Vec<Value> {
    std::iter::from_fn(|| reports.try_recv().ok()).map(Value::Text).collect()
}

/// A call as it could have been written, secrets masked.
fn command(description: &Description, bound: &BoundArguments) -> String {
    let quoted = |value: &String| {
        let is_plain = |letter: char| letter.is_alphanumeric() || "-_.@:/*+%".contains(letter);
        if !value.is_empty() && value.chars().all(is_plain) {
            value.clone()
        } else {
            format!("'{}'", value.replace('\'', "''"))
        }
    };
    let names_variable =
        |name: &str| description.parameter(name).is_ok_and(|parameter| parameter.kind == Kind::Variable);
    let given = gate::parameters(bound).into_iter().filter(|given| !names_variable(&given.name));
    let words = given.map(|parameter| {
        let values: Vec<String> = parameter.values.iter().map(quoted).collect();
        format!("-{} {}", parameter.name, values.join(", "))
    });
    [description.name.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
