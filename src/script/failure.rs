//! Failures of a script: a mistake in its text, an error record nobody caught, or a stop.

#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's errors are its own, and grow with it")]

use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicUsize, Ordering};

use rhai::{Dynamic, EvalAltResult, Map, ParseError, Position as RhaiPosition};

use super::Fallible;
use super::language::SyntaxMistake;
use super::library::InModule;
use super::texts::Texts;
use super::types::Thrown;
use super::wording::{parsing_words, words};
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord, Position, Program, SourcePlace};
use crate::value::BlockError;

/// The reason why a program did not come to its end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// Where, in the text that the author wrote.
    pub position: Option<Position>,
    /// That text.
    pub program: Option<Arc<Program>>,
    /// The calls that led there, innermost first.
    pub calls: Vec<CallSite>,
}

/// One call on the way to a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// The function that was called.
    pub function: String,
    /// The place of the call.
    pub place: Option<SourcePlace>,
}

/// The kinds of failure.
#[derive(Clone, Debug)]
pub enum FailureKind {
    /// The text has mistakes that were found before anything ran.
    Mistakes(Vec<SyntaxMistake>),
    /// The text cannot be understood, or does something that cannot be done.
    Mistake(String),
    /// A cmdlet could not run, and no `try` caught it.
    Error(ErrorRecord),
    /// The script threw a value of its own.
    Thrown(String),
    /// A limit was reached; says which.
    Limit(String),
    /// `exit(n)` was called.
    Exit(i32),
    /// The run was cancelled.
    Cancelled,
    /// The engine's thread has panicked, with this program or an earlier one.
    Broken,
}

/// The message for [`FailureKind::Broken`].
pub const BROKEN: &str = "imsh itself failed, and nothing more runs in this session: start another, and report what \
                          stands above to the authors, with the program.";

/// The reason why a program is ended from within, whatever `try` says; carried by `ErrorTerminated`.
#[derive(Clone, Debug)]
pub enum Termination {
    /// Cancelled from outside.
    Cancelled,
    /// A limit was reached.
    Limit(String),
    /// `exit(n)`.
    Exit(i32),
}

/// The question whether the program must end now, which native code asks that may take long: the engine itself
/// asks only between two of its operations.
#[derive(Clone)]
pub struct TerminationCheck(Arc<dyn Fn() -> Option<Termination> + Send + Sync>);

impl TerminationCheck {
    /// Asks this function.
    pub fn new(check: impl Fn() -> Option<Termination> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// For an engine whose programs nothing ends.
    pub fn never() -> Self {
        Self::new(|| None)
    }

    /// Whether the program must end now.
    pub fn is_due(&self) -> bool {
        (self.0)().is_some()
    }

    /// Goes on unless the program must end now.
    ///
    /// # Errors
    /// It must: the error that ends it.
    pub fn ask(&self, place: RhaiPosition) -> Fallible<()> {
        (self.0)().map_or(Ok(()), |end| Err(ended(end, place)))
    }

    /// The error that ends the program if it must end now, and else the one that native code gives.
    pub fn or(&self, place: RhaiPosition, error: impl FnOnce() -> Box<EvalAltResult>) -> Box<EvalAltResult> {
        (self.0)().map_or_else(error, |end| ended(end, place))
    }

    /// For tests: a program that must end once this was asked so often; counts how often it was.
    #[cfg(test)]
    pub fn behind(n_asked: usize) -> (Self, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let check =
            move || (counter.fetch_add(1, Ordering::Relaxed) >= n_asked).then_some(Termination::Cancelled);
        (Self::new(check), asked)
    }
}

fn ended(end: Termination, place: RhaiPosition) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(end), place))
}

impl Failure {
    /// A failure without a position.
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, position: None, program: None, calls: Vec::new() }
    }

    /// The mistakes that the front end found.
    pub fn of_reading(mistakes: Vec<SyntaxMistake>) -> Self {
        let position = mistakes.first().map(|mistake| mistake.position);
        Self { position, ..Self::new(FailureKind::Mistakes(mistakes)) }
    }

    /// The failure in this text.
    pub(super) fn in_program(self, program: &Arc<Program>) -> Self {
        Self { program: Some(program.clone()), ..self }
    }

    /// The failure behind the engine's parse error, which is at `position` in the author's text.
    pub fn of_parsing(error: &ParseError, position: Option<Position>) -> Self {
        let words = parsing_words(error.err_type());
        let kind = FailureKind::Mistake(
            words.unwrap_or_else(|| sentence(&without_call(error.err_type().to_string()))),
        );
        Self { position, ..Self::new(kind) }
    }

    /// The failure behind the engine's error.
    pub(super) fn of_running(
        error: EvalAltResult,
        texts: &Texts,
        nearest: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut calls = Vec::new();
        let mut error = error;
        loop {
            error = match error {
                EvalAltResult::ErrorInFunctionCall(function, _, inner, place) => {
                    if !function.starts_with("anon$") {
                        calls.push(CallSite { function, place: texts.place(place) });
                    }
                    *inner
                }
                leaf => {
                    calls.reverse();
                    if let Some(InModule(failure)) = in_module(&leaf) {
                        return Self { calls, ..Arc::unwrap_or_clone(failure) };
                    }
                    let (position, program) = match texts.place(leaf.position()) {
                        Some(SourcePlace { program, position }) => (Some(position), Some(program)),
                        None => (None, None),
                    };
                    return match kind(leaf, &nearest) {
                        // Caught and thrown again, a mistake is one still, and where it was.
                        FailureKind::Error(error) if error.id == SCRIPT_ERROR => {
                            let ErrorRecord { message, position, program, .. } =
                                error.placed(position, program.as_ref());
                            Self { position, program, kind: FailureKind::Mistake(message), calls }
                        }
                        kind => Self { position, program, kind, calls },
                    };
                }
            };
        }
    }

    /// Whether the error only says that a function with this name and that many parameters is missing.
    pub fn is_missing_function(error: &EvalAltResult, name: &str) -> bool {
        matches!(error, EvalAltResult::ErrorFunctionNotFound(signature, _) if signature.starts_with(name))
    }

    /// The engine's error as it leaves a block.
    pub fn block_error(error: Box<EvalAltResult>, texts: &Texts) -> BlockError {
        if matches!(error.unwrap_inner(), EvalAltResult::ErrorTerminated(..)) {
            return BlockError::Stopped;
        }
        let record = match error.unwrap_inner() {
            EvalAltResult::ErrorRuntime(value, _) => value.clone().try_cast::<Thrown>(),
            _ => None,
        };
        let message = match (&record, error.unwrap_inner()) {
            (Some(thrown), _) => thrown.0.message.clone(),
            (None, EvalAltResult::ErrorRuntime(value, _)) => thrown_text(value),
            (None, leaf) => {
                words(leaf, |_| None).unwrap_or_else(|| sentence(&without_place(leaf.to_string())))
            }
        };
        let record = match record {
            Some(thrown) => thrown.0,
            None => Arc::new(script_error(message.clone(), texts, error.unwrap_inner().position())),
        };
        BlockError::Failed { message, cause: Arc::new(error), record: Some(record) }
    }

    /// A cmdlet's ending as the engine's error, thrown where the call stands.
    pub fn thrown(halt: Halt, place: RhaiPosition) -> Box<EvalAltResult> {
        match halt {
            Halt::Failed(error) => {
                Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(Thrown(Arc::new(error))), place))
            }
            Halt::Cancelled | Halt::PipeClosed | Halt::Block(BlockError::Stopped) => {
                ended(Termination::Cancelled, place)
            }
            Halt::Block(BlockError::Failed { message, cause, .. }) => {
                // The engine's own error comes back whole, with its position and its calls.
                match cause.downcast_ref::<Box<EvalAltResult>>().and_then(|error| copy(error)) {
                    Some(error) => error,
                    None => Box::new(EvalAltResult::ErrorRuntime(message.into(), place)),
                }
            }
        }
    }
}

/// Returns the value that a `catch` block gets: for an error of the engine's own, which is a map with its fields, a
/// record as for every other error, with its place in the author's text. What a script threw stays what it is.
pub(super) fn caught(error: Dynamic, texts: &Texts) -> Dynamic {
    let record = error.read_lock::<Map>().and_then(|map| record_of(&map, texts));
    match record {
        Some(record) => Dynamic::from(Thrown(Arc::new(record))),
        None => error,
    }
}

fn record_of(map: &Map, texts: &Texts) -> Option<ErrorRecord> {
    let text = |name: &str| map.get(name)?.clone().into_string().ok();
    let number = |name: &str| map.get(name)?.as_int().ok().and_then(|number| u16::try_from(number).ok());
    let kind = text("error").filter(|kind| kind.starts_with("Error"))?;
    let none = RhaiPosition::NONE;
    let same = match kind.as_str() {
        "ErrorFunctionNotFound" => Some(EvalAltResult::ErrorFunctionNotFound(text("function")?, none)),
        "ErrorVariableNotFound" => Some(EvalAltResult::ErrorVariableNotFound(text("variable")?, none)),
        "ErrorMismatchDataType" => {
            Some(EvalAltResult::ErrorMismatchDataType(text("requested")?, text("actual")?, none))
        }
        "ErrorDotExpr" => Some(EvalAltResult::ErrorDotExpr(text("property")?, none)),
        _ => None,
    };
    let words = same.and_then(|error| words(&error, |_| None));
    let message = words.or_else(|| Some(sentence(&without_place(text("message")?))))?;
    let place = number("line").map(|line| RhaiPosition::new(line, number("position").unwrap_or(0)));
    Some(script_error(message, texts, place.unwrap_or(none)))
}

/// The id of a mistake in a script, as an error record.
const SCRIPT_ERROR: &str = "ScriptError";

/// A mistake in a script as an error record.
fn script_error(message: String, texts: &Texts, place: RhaiPosition) -> ErrorRecord {
    let error = ErrorRecord::new(Category::NotSpecified, SCRIPT_ERROR, message);
    match texts.place(place) {
        Some(SourcePlace { position, program }) => error.placed(Some(position), Some(&program)),
        None => error,
    }
}

fn in_module(error: &EvalAltResult) -> Option<InModule> {
    if let EvalAltResult::ErrorRuntime(value, _) = error {
        value.clone().try_cast::<InModule>()
    } else {
        None
    }
}

/// A copy of an engine error, which does not implement `Clone` itself; of the kinds that a block raises.
fn copy(error: &EvalAltResult) -> Option<Box<EvalAltResult>> {
    let copied = match error {
        EvalAltResult::ErrorInFunctionCall(function, source, inner, place) => {
            EvalAltResult::ErrorInFunctionCall(function.clone(), source.clone(), copy(inner)?, *place)
        }
        EvalAltResult::ErrorRuntime(value, place) => EvalAltResult::ErrorRuntime(value.clone(), *place),
        EvalAltResult::ErrorTerminated(value, place) => EvalAltResult::ErrorTerminated(value.clone(), *place),
        EvalAltResult::ErrorVariableNotFound(name, place) => {
            EvalAltResult::ErrorVariableNotFound(name.clone(), *place)
        }
        EvalAltResult::ErrorPropertyNotFound(name, place) => {
            EvalAltResult::ErrorPropertyNotFound(name.clone(), *place)
        }
        EvalAltResult::ErrorFunctionNotFound(name, place) => {
            EvalAltResult::ErrorFunctionNotFound(name.clone(), *place)
        }
        EvalAltResult::ErrorMismatchDataType(wanted, found, place) => {
            EvalAltResult::ErrorMismatchDataType(wanted.clone(), found.clone(), *place)
        }
        EvalAltResult::ErrorDotExpr(text, place) => EvalAltResult::ErrorDotExpr(text.clone(), *place),
        EvalAltResult::ErrorIndexNotFound(index, place) => {
            EvalAltResult::ErrorIndexNotFound(index.clone(), *place)
        }
        EvalAltResult::ErrorArrayBounds(length, index, place) => {
            EvalAltResult::ErrorArrayBounds(*length, *index, *place)
        }
        EvalAltResult::ErrorAssignmentToConstant(name, place) => {
            EvalAltResult::ErrorAssignmentToConstant(name.clone(), *place)
        }
        EvalAltResult::ErrorNonPureMethodCallOnConstant(name, place) => {
            EvalAltResult::ErrorNonPureMethodCallOnConstant(name.clone(), *place)
        }
        EvalAltResult::ErrorArithmetic(text, place) => EvalAltResult::ErrorArithmetic(text.clone(), *place),
        other => {
            let place = other.position();
            let text = sentence(&without_place(other.to_string()));
            EvalAltResult::ErrorRuntime(text.into(), place)
        }
    };
    Some(Box::new(copied))
}

fn kind(error: EvalAltResult, nearest: impl Fn(&str) -> Option<String>) -> FailureKind {
    if let Some(words) = words(&error, nearest) {
        let is_limit = matches!(error, EvalAltResult::ErrorStackOverflow(_));
        return if is_limit { FailureKind::Limit(words) } else { FailureKind::Mistake(words) };
    }
    match error {
        EvalAltResult::ErrorParsing(error, _) => FailureKind::Mistake(sentence(&error.to_string())),
        EvalAltResult::ErrorRuntime(value, _) => match value.clone().try_cast::<Thrown>() {
            Some(thrown) => FailureKind::Error(Arc::unwrap_or_clone(thrown.0)),
            None => FailureKind::Thrown(thrown_text(&value)),
        },
        EvalAltResult::ErrorTerminated(value, _) => match value.try_cast::<Termination>() {
            Some(Termination::Limit(which)) => FailureKind::Limit(which),
            Some(Termination::Exit(status)) => FailureKind::Exit(status),
            Some(Termination::Cancelled) | None => FailureKind::Cancelled,
        },
        error @ (EvalAltResult::ErrorTooManyOperations(_)
        | EvalAltResult::ErrorTooManyVariables(_)
        | EvalAltResult::ErrorTooManyModules(_)
        | EvalAltResult::ErrorDataTooLarge(..)) => FailureKind::Limit(sentence(&without_position(error))),
        other => FailureKind::Mistake(sentence(&without_position(other))),
    }
}

/// Returns the value that a script threw, as text: a map's `message` where it has one.
fn thrown_text(value: &Dynamic) -> String {
    let thrown = super::convert::final_value(value.clone());
    match thrown.property("message") {
        Ok(message) => message.to_string(),
        Err(_) => thrown.to_string(),
    }
}

/// The engine's text without its own "(line 1, position 5)", which speaks of the lowered text.
fn without_position(mut error: EvalAltResult) -> String {
    error.clear_position();
    error.to_string()
}

/// The same for an error that cannot be changed.
fn without_place(text: String) -> String {
    let mut parts = text.split(" (line ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((place, rest)) if place.starts_with(|digit: char| digit.is_ascii_digit()) => {
                kept.push_str(rest)
            }
            Some(_) | None => {
                kept.push_str(" (line ");
                kept.push_str(part);
            }
        }
    }
    kept
}

/// The engine's text without the name of the function whose arguments it could not read: lowering calls functions
/// that the author has not written.
fn without_call(text: String) -> String {
    match text.split_once(" to function call '") {
        Some((before, rest)) => before.to_owned() + rest.split_once('\'').map_or("", |(_, behind)| behind),
        None => text,
    }
}

/// Text of the engine as a sentence of ours: a capital in front, a full stop behind.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    let mut sentence: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    sentence.push_str(letters.as_str());
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}
