//! Mistakes in a topology document, and their positions.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::value::text;

/// One mistake in a topology document.
///
/// `line` and `column` count from 1, the column in characters; both are 0 where the file as a whole
/// is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The document.
    pub file: PathBuf,
    /// Its line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
    /// The key, with where it stands: `pool[2].test_users`. Empty where no key is meant.
    pub key: String,
    /// The description of the mistake, as a clause.
    pub message: String,
    /// The suggested correction, as an imperative.
    pub suggestion: Option<String>,
}

impl Mistake {
    /// A mistake that concerns the whole file.
    pub fn in_file(file: &Path, message: String, suggestion: Option<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, key: String::new(), message, suggestion }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({suggestion})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}

/// The mistakes found so far in one document, bounded.
pub(super) struct Mistakes<'t> {
    file: &'t Path,
    text: &'t str,
    line_starts: Vec<usize>,
    found: Vec<Mistake>,
    n_left_out: usize,
}

impl<'t> Mistakes<'t> {
    pub(super) fn new(file: &'t Path, text: &'t str) -> Self {
        let line_starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { file, text, line_starts, found: Vec::new(), n_left_out: 0 }
    }

    /// Notes a mistake; `suggest` is asked only for those that will be shown.
    pub(super) fn add(
        &mut self,
        span: Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
        suggest: impl FnOnce() -> Option<String>,
    ) {
        if self.found.len() >= MAX_SHOWN {
            self.n_left_out += 1;
            return;
        }
        let (line, column) = self.position(span.start);
        self.found.push(Mistake {
            file: self.file.to_owned(),
            line,
            column,
            key: key.into(),
            message: message.into(),
            suggestion: suggest(),
        });
    }

    /// Line and column of a byte, both from 1.
    pub(super) fn position(&self, byte: usize) -> (usize, usize) {
        let byte = byte.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count()) + 1;
        (line, column)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in the order of the file.
    pub(super) fn into_list(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|mistake| (mistake.line, mistake.column));
        if self.n_left_out > 0 {
            let message = format!("{} more mistakes are not shown", self.n_left_out);
            self.found.push(Mistake::in_file(self.file, message, None));
        }
        self.found
    }
}

/// The candidate nearest to what was written, if one is near and the text no longer than a name.
pub(super) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > MAX_COMPARED {
        return None;
    }
    let candidates = candidates.into_iter().filter(|candidate| candidate.len() <= MAX_COMPARED);
    text::nearest(written, candidates)
}

const MAX_SHOWN: usize = 100;
const MAX_COMPARED: usize = 255;
