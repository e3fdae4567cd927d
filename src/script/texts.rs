//! The texts of a session: what was typed, the script, the modules that it imports.
//!
//! The engine has one number for a place's line and does not say of which text it speaks: a
//! function of an earlier line, or a closure that a module calls, would be looked for in the wrong
//! one. So every text is compiled behind as many empty lines as stand in the others, and the number
//! of a line says which text it is of. Knows no engine but its positions.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::Position as RhaiPosition;

use super::compile::Code;
use super::language::Lowered;
use super::language::lower::POSITION_LIMIT;
use crate::cmdlet::{Position, Program, SourcePlace};

/// One text, as the engine runs it.
#[derive(Debug)]
pub struct SourceText {
    /// The program as its author wrote it.
    pub program: Arc<Program>,
    lowered: Lowered,
    /// The empty lines before it.
    above: usize,
    n_lines: usize,
}

impl SourceText {
    /// Returns the code that the engine compiles.
    pub(super) fn code(&self) -> Code<'_> {
        Code { text: self.lowered.text(), boundaries: self.lowered.boundaries(), above: self.above }
    }

    /// The author's position of one of the engine's.
    pub fn place(&self, place: RhaiPosition) -> Option<Position> {
        let line = place.line()?;
        Some(self.lowered.to_source(line.saturating_sub(self.above).max(1), place.position().unwrap_or(1)))
    }

    fn has(&self, line: usize) -> bool {
        (self.above + 1..=self.above + self.n_lines).contains(&line)
    }
}

/// The texts that an error may point into; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Texts(Arc<Mutex<Vec<Arc<SourceText>>>>);

impl Texts {
    /// Adds a text.
    pub fn add(&self, program: Arc<Program>, lowered: Lowered) -> Arc<SourceText> {
        let n_lines = lowered.text().bytes().filter(|byte| *byte == b'\n').count() + 1;
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = texts.iter().map(|text| text.above + text.n_lines).max().unwrap_or(0);
        // Where the engine cannot count so far, the newest of several texts is taken to be meant.
        let above = if end + n_lines < POSITION_LIMIT { end } else { 0 };
        let text = Arc::new(SourceText { program, lowered, above, n_lines });
        texts.push(text.clone());
        text
    }

    /// Forgets a text that nothing can lead into any more.
    pub fn forget(&self, text: &Arc<SourceText>) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.retain(|own| !Arc::ptr_eq(own, text));
    }

    /// The text and the author's position of one of the engine's positions.
    pub fn place(&self, place: RhaiPosition) -> Option<SourcePlace> {
        let line = place.line()?;
        let texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = texts.iter().rev().find(|text| text.has(line)).or(texts.last())?;
        Some(SourcePlace { program: text.program.clone(), position: text.place(place)? })
    }
}
