//! The lowered text as it grows, with the source position of every stretch of it.

use super::{LoweredText, POSITION_LIMIT, StatementBoundary};
use crate::cmdlet::Position;
use crate::script::language::message::SyntaxProblem;
use crate::script::language::source_map::{LineIndex, SourceMap, Span};

/// The lowered text as it grows.
pub(super) struct Writer<'a> {
    pub(super) source: &'a str,
    pub(super) index: &'a LineIndex,
    text: String,
    map: SourceMap,
    /// The position of the next character.
    at: Position,
    /// The byte of the source up to which the last stretch was copied.
    copied_to: Option<usize>,
    /// The byte of the source at which a line became too long.
    too_long: Option<usize>,
    n_made: usize,
    boundaries: Vec<StatementBoundary>,
}

impl<'a> Writer<'a> {
    /// Nothing written yet.
    pub(super) fn new(source: &'a str, index: &'a LineIndex) -> Self {
        Self {
            source,
            index,
            text: String::with_capacity(source.len() + source.len() / 2),
            map: SourceMap::new(index.clone()),
            at: Position { line: 1, column: 1 },
            copied_to: None,
            too_long: None,
            n_made: 0,
            boundaries: Vec::new(),
        }
    }

    /// Returns the text that has been written, with a problem where Rhai could not count its positions.
    pub(super) fn output(self) -> LoweredText {
        let end = Span::new(self.source.len(), self.source.len());
        let problem = if self.at.line > POSITION_LIMIT {
            Some((end, SyntaxProblem::TooManyLines { limit: POSITION_LIMIT }))
        } else {
            let limit = POSITION_LIMIT;
            self.too_long.map(|start| (Span::new(start, start), SyntaxProblem::LineTooLong { limit }))
        };
        LoweredText { text: self.text, map: self.map, boundaries: self.boundaries, problem }
    }

    /// Copies a piece of the source.
    pub(super) fn copy(&mut self, span: Span) {
        if self.copied_to != Some(span.start) {
            self.reach(span.start);
            self.map.copied(self.at, self.index.position_near(span.start, self.at.line));
        }
        let source = self.source;
        self.push(span.of(source), span.start);
        self.copied_to = Some(span.end);
    }

    /// Notes that the text may be cut here, where it has grown enough for it.
    pub(super) fn boundary(&mut self) {
        let begin = self.boundaries.last().map_or(0, |boundary| boundary.offset);
        if self.text.len() - begin >= PART {
            self.boundaries.push(StatementBoundary { offset: self.text.len(), position: self.at });
        }
    }

    /// Returns the number of pieces that were written and are not part of the source.
    pub(super) fn n_made(&self) -> usize {
        self.n_made
    }

    /// Writes what stands for the source at `start`.
    pub(super) fn made(&mut self, text: &str, start: usize) {
        self.n_made += 1;
        self.map.made(self.at, self.index.position_near(start, self.at.line));
        self.copied_to = None;
        self.push(text, start);
    }

    /// The same, on the line that `start` is on.
    pub(super) fn made_at(&mut self, text: &str, start: usize) {
        self.reach(start);
        self.made(text, start);
    }

    /// Writes what belongs to the text before it.
    pub(super) fn made_here(&mut self, text: &str) {
        let before = self.copied_to.map(|end| end.saturating_sub(1));
        match before {
            Some(start) => self.made(text, start),
            None => {
                self.n_made += 1;
                self.push(text, self.source.len());
            }
        }
    }

    /// Ends lines until the line of `start` is reached, so that line numbers stay what they were.
    pub(super) fn reach(&mut self, start: usize) {
        let line = self.index.line_near(start, self.at.line);
        while self.at.line < line {
            self.copied_to = None;
            self.text.push('\n');
            self.at = Position { line: self.at.line + 1, column: 1 };
        }
    }

    fn push(&mut self, text: &str, start: usize) {
        for letter in text.chars() {
            if letter == '\n' {
                self.at = Position { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        if self.at.column > POSITION_LIMIT {
            self.too_long.get_or_insert(start);
        }
        self.text.push_str(text);
    }
}

/// Bytes of lowered text that are compiled as one, at least: few enough for Rhai, which looks for each
/// name among all closures and variables before it, and more than most scripts have.
const PART: usize = 64 << 10;

/// A string literal of Rhai's.
pub(super) fn quoted(letters: &str) -> String {
    let mut literal = String::with_capacity(letters.len() + 2);
    literal.push('"');
    for letter in letters.chars() {
        match letter {
            '\\' => literal.push_str("\\\\"),
            '"' => literal.push_str("\\\""),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            control if (control as u32) < 0x20 || control == '\x7f' => {
                literal.push_str(&format!("\\x{:02x}", control as u32));
            }
            letter => literal.push(letter),
        }
    }
    literal.push('"');
    literal
}
