//! Command lines inside Rhai: lexer, parser, tree and lowering.
//!
//! Below the script engine, above the catalogue of cmdlets. A text goes in, Rhai text and a map of
//! its positions come out, or every mistake that was found. Knows no engine and runs nothing;
//! without command lines in it a text comes out as it went in, byte for byte.

// Reading order: what a text goes through.
pub mod source_map;
pub mod lexer;
pub mod tree;
pub mod parser;
pub mod scope;
pub mod changes;
pub mod lower;
pub mod message;
pub mod complete;
pub mod highlight;

pub use message::{SyntaxMistake, SyntaxProblem, SyntaxWarning, caret};

use std::sync::Arc;

use lower::StatementBoundary;
use source_map::{LineIndex, SourceMap, Span};

use tree::Signature;

use crate::cmdlet::{Catalogue, Position};

/// The context that a text is read in.
#[derive(Clone, Copy, Debug)]
pub struct ReadingContext<'s> {
    /// The cmdlets that the principal may run.
    pub catalogue: &'s Catalogue,
    /// Every cmdlet there is. Calls of those that the principal may not run are lowered without
    /// being looked into, for the door to refuse.
    pub everything: Option<&'s Catalogue>,
    /// Variables that exist before the text begins: those of earlier lines at a prompt, and the
    /// host's own.
    pub variables: &'s [&'s str],
    /// Functions of earlier lines that commands may call.
    pub functions: &'s [Arc<Signature>],
    /// The types that variables of earlier lines were declared with, by their names in small letters.
    pub types: &'s [(String, String)],
}

impl<'s> ReadingContext<'s> {
    /// A text that begins with nothing.
    pub fn new(catalogue: &'s Catalogue) -> Self {
        Self { catalogue, everything: None, variables: &[], functions: &[], types: &[] }
    }
}

/// Everything that was found out about a text.
#[derive(Debug)]
pub struct ReadText {
    /// The mistakes that must be corrected before the text can be run, in the order of the text.
    pub mistakes: Vec<SyntaxMistake>,
    /// The warnings about code that is probably not meant, in the order of the text.
    pub warnings: Vec<SyntaxWarning>,
    /// Whether the text stops in the middle of something that another line could complete.
    pub is_incomplete: bool,
    /// The tree.
    pub tree: tree::Script,
    /// The functions of the text that commands may call.
    pub functions: Vec<Arc<Signature>>,
    /// The types that variables were declared with.
    types: Vec<(String, String)>,
    /// The amount of work that the reading took, in characters looked at; it grows with the text and no faster.
    pub steps: usize,
    output: Option<lower::LoweredText>,
    scopes: scope::Scopes,
}

impl ReadText {
    /// The meanings that have changed in the text, which it was read from.
    pub fn changes(&self, text: &str) -> Vec<changes::ChangedMeaning> {
        changes::changes(&self.tree, text, &LineIndex::new(text), &self.scopes)
    }

    /// The lowered text, if there are no mistakes.
    pub fn lowered(self) -> Option<Lowered> {
        let Self { output, warnings, functions, types, .. } = self;
        let lower::LoweredText { text, map, boundaries, problem: _ } = output?;
        Some(Lowered { text, map, boundaries, warnings, functions, types })
    }
}

/// A text that Rhai can compile.
#[derive(Debug)]
pub struct Lowered {
    text: String,
    map: SourceMap,
    boundaries: Vec<StatementBoundary>,
    warnings: Vec<SyntaxWarning>,
    functions: Vec<Arc<Signature>>,
    types: Vec<(String, String)>,
}

impl Lowered {
    /// The text for Rhai.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The position in the author's text that a position of Rhai's means; it always exists there.
    pub fn to_source(&self, line: usize, column: usize) -> Position {
        self.map.to_source(line, column)
    }

    /// Returns the boundaries between two statements at which a long text may be cut, in order.
    pub fn boundaries(&self) -> &[StatementBoundary] {
        &self.boundaries
    }

    /// The functions of the text that commands may call.
    pub fn functions(&self) -> &[Arc<Signature>] {
        &self.functions
    }

    /// The types that variables were declared with, those of earlier lines included.
    pub fn types(&self) -> &[(String, String)] {
        &self.types
    }

    /// Returns the warnings about code that is probably not meant.
    pub fn warnings(&self) -> &[SyntaxWarning] {
        &self.warnings
    }
}

/// Lowers a text.
///
/// # Errors
/// Every mistake that was found, in the order of the text, at most a hundred.
pub fn lower_in(text: &str, setting: &ReadingContext<'_>) -> Result<Lowered, Vec<SyntaxMistake>> {
    let mut reading = read(text, setting);
    let mistakes = std::mem::take(&mut reading.mistakes);
    reading.lowered().ok_or(mistakes)
}

/// Reads a text and says everything that can be said without running it.
pub fn read(text: &str, setting: &ReadingContext<'_>) -> ReadText {
    let index = LineIndex::new(text);
    let parser::Parsed { script, mut problems, open, steps, functions, types } = parser::parse(text, setting);
    let scopes = scope::Scopes::of(&script, text, setting.variables);
    problems.extend(scopes.problems.iter().cloned());
    let mut output = None;
    if problems.is_empty() {
        let lowered = lower::lower(&script, text, &index, &scopes);
        match lowered.problem.clone() {
            Some(problem) => problems.push(problem),
            None => output = Some(lowered),
        }
    }
    let mistakes = mistakes(problems, text, &index);
    // Another mistake closes nothing that is open.
    let is_open = open.is_some() || mistakes.iter().any(SyntaxMistake::is_unclosed);
    let is_incomplete =
        is_open || (!mistakes.is_empty() && mistakes.iter().all(|mistake| mistake.is_incomplete(text)));
    let doubts = scopes.doubts.iter().take(MOST);
    let warnings =
        doubts.map(|(span, doubt)| SyntaxWarning::at(*span, doubt.clone(), text, &index)).collect();
    ReadText { mistakes, warnings, is_incomplete, tree: script, functions, types, steps, output, scopes }
}

fn mistakes(mut problems: Vec<(Span, SyntaxProblem)>, text: &str, index: &LineIndex) -> Vec<SyntaxMistake> {
    problems.sort_by_key(|(span, _)| *span);
    problems.dedup();
    problems.truncate(MOST);
    problems.into_iter().map(|(span, problem)| SyntaxMistake::at(span, problem, text, index)).collect()
}

/// The maximum number of mistakes of one text that are reported.
const MOST: usize = 100;
