//! What goes wrong in a script: a mistake in its text, an error record nobody caught, or a stop.

#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's errors are its own, and grow with it")]

use std::sync::Arc;

use rhai::{Dynamic, EvalAltResult, ParseError, Position as RhaiPosition};

use super::language::Mistake;
use super::library::{File, InModule, Library};
use super::types::Thrown;
use super::wording::words;
use crate::cmdlet::{ErrorRecord, Position};
use crate::cmdlets::Halt;
use crate::value::BlockError;

/// Why a program did not come to its end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// Where, in the text that the author wrote.
    pub position: Option<Position>,
    /// The file of that text; none for the program itself.
    pub file: Option<Arc<File>>,
    /// The calls that led there, innermost first.
    pub calls: Vec<CallSite>,
}

/// One call on the way to a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// The function that was called.
    pub function: String,
    /// Where it was called.
    pub position: Option<Position>,
    /// The file in which it was called; none for the program itself.
    pub file: Option<String>,
}

/// The kinds of failure.
#[derive(Clone, Debug)]
pub enum FailureKind {
    /// The text has mistakes that were found before anything ran.
    Mistakes(Vec<Mistake>),
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
}

/// What ends a program from within, whatever `try` says; carried by `ErrorTerminated`.
#[derive(Clone, Debug)]
pub enum Termination {
    /// Cancelled from outside.
    Cancelled,
    /// A limit was reached.
    Limit(String),
    /// `exit(n)`.
    Exit(i32),
}

impl Failure {
    /// A failure without a position.
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, position: None, file: None, calls: Vec::new() }
    }

    /// The mistakes that the front end found.
    pub fn of_reading(mistakes: Vec<Mistake>) -> Self {
        let position = mistakes.first().map(|mistake| mistake.position);
        Self { kind: FailureKind::Mistakes(mistakes), position, file: None, calls: Vec::new() }
    }

    /// The failure with its position moved into the author's text.
    pub fn at_source(self, to_source: impl Fn(Position) -> Position) -> Self {
        Self { position: self.position.map(to_source), ..self }
    }

    /// The failure of a module's text.
    pub(super) fn in_file(self, file: &Arc<File>) -> Self {
        Self { file: Some(file.clone()), ..self }
    }

    /// The failure behind the engine's parse error.
    pub fn of_parsing(error: &ParseError) -> Self {
        let kind = FailureKind::Mistake(sentence(&error.err_type().to_string()));
        Self { kind, position: position(error.position()), file: None, calls: Vec::new() }
    }

    /// The failure behind the engine's error.
    pub(super) fn of_running(error: EvalAltResult, texts: &Texts<'_>) -> Self {
        let mut calls = Vec::new();
        let mut error = error;
        // The text that the error at hand has its position in.
        let mut file: Option<Arc<File>> = None;
        loop {
            error = match error {
                EvalAltResult::ErrorInFunctionCall(function, source, inner, place) => {
                    let position = texts.position(file.as_deref(), place);
                    if !function.starts_with("anon$") {
                        let file = file.as_ref().map(|file| file.name.clone());
                        calls.push(CallSite { function, position, file });
                    }
                    file = texts.library.file(&source);
                    *inner
                }
                leaf => {
                    calls.reverse();
                    if let Some(InModule(failure)) = in_module(&leaf) {
                        return Self { calls, ..Arc::unwrap_or_clone(failure) };
                    }
                    let position = texts.position(file.as_deref(), leaf.position());
                    return Self { position, file, kind: kind(leaf, texts), calls };
                }
            };
        }
    }

    /// Whether the error only says that a function with this name and that many parameters is missing.
    pub fn is_missing_function(error: &EvalAltResult, name: &str) -> bool {
        matches!(error, EvalAltResult::ErrorFunctionNotFound(signature, _) if signature.starts_with(name))
    }

    /// The engine's error as it leaves a block.
    pub fn block_error(error: Box<EvalAltResult>) -> BlockError {
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
        let record = record.map(|thrown| thrown.0 as Arc<dyn std::any::Any + Send + Sync>);
        BlockError::Failed { message, cause: Arc::new(error), record }
    }

    /// A cmdlet's ending as the engine's error, thrown where the call stands.
    pub fn thrown(halt: Halt, place: RhaiPosition) -> Box<EvalAltResult> {
        match halt {
            Halt::Failed(error) => {
                Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(Thrown(Arc::new(error))), place))
            }
            Halt::Cancelled | Halt::PipeClosed => {
                Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(Termination::Cancelled), place))
            }
            Halt::Block(BlockError::Stopped) => {
                Box::new(EvalAltResult::ErrorTerminated(Dynamic::from(Termination::Cancelled), place))
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

/// The texts that an error may point into, and the names that may have been meant.
pub(super) struct Texts<'a> {
    /// The author's position of one in the program's lowered text.
    pub(super) to_source: &'a dyn Fn(Position) -> Position,
    /// The modules.
    pub(super) library: &'a Library,
    /// The nearest name that there is.
    pub(super) nearest: &'a dyn Fn(&str) -> Option<String>,
}

impl Texts<'_> {
    fn position(&self, file: Option<&File>, place: RhaiPosition) -> Option<Position> {
        let place = position(place)?;
        Some(match file {
            Some(file) => file.to_source(place),
            None => (self.to_source)(place),
        })
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
        EvalAltResult::ErrorArithmetic(text, place) => EvalAltResult::ErrorArithmetic(text.clone(), *place),
        other => {
            let place = other.position();
            let text = sentence(&without_place(other.to_string()));
            EvalAltResult::ErrorRuntime(text.into(), place)
        }
    };
    Some(Box::new(copied))
}

fn kind(error: EvalAltResult, texts: &Texts<'_>) -> FailureKind {
    if let Some(words) = words(&error, texts.nearest) {
        return FailureKind::Mistake(words);
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
        | EvalAltResult::ErrorStackOverflow(_)
        | EvalAltResult::ErrorDataTooLarge(..)) => FailureKind::Limit(sentence(&without_position(error))),
        other => FailureKind::Mistake(sentence(&without_position(other))),
    }
}

/// What a script threw, as text: a map's `message` where it has one.
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
    match text.rfind(" (line ") {
        Some(end) if text.ends_with(')') => text[..end].to_owned(),
        Some(_) | None => text,
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

fn position(place: RhaiPosition) -> Option<Position> {
    let line = place.line()?;
    Some(Position { line, column: place.position().unwrap_or(1) })
}
