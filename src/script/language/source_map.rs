//! Positions: byte offsets of a text as lines and columns, and lowered positions as source positions.
//!
//! Below the parser and the lowering, which both speak in byte offsets. Never looks at what the
//! text means. Columns count characters, as Rhai's do.

use crate::cmdlet::Position;

/// A piece of the author's text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The byte at which the piece begins.
    pub start: usize,
    /// The byte at which the next piece begins.
    pub end: usize,
}

impl Span {
    /// The piece from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest piece that holds both.
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The same piece with the character before it, such as the dash before a parameter's name.
    pub fn with_letter_before(self, text: &str) -> Self {
        let letter = text.get(..self.start).and_then(|before| before.chars().next_back());
        Self { start: self.start - letter.map_or(0, char::len_utf8), end: self.end }
    }

    /// The text itself.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }
}

/// Lines and columns of one text, found in logarithmic time.
#[derive(Clone, Debug)]
pub struct LineIndex {
    /// The byte at which each line begins.
    line_starts: Vec<usize>,
    /// The number of characters that begin before byte `n * STRIDE`.
    characters_before: Vec<usize>,
    /// Whether the byte begins a character, sixty-four bytes a word.
    begins: Vec<u64>,
    length: usize,
}

impl LineIndex {
    /// The index of a text; one pass.
    pub fn new(text: &str) -> Self {
        let mut line_starts = vec![0];
        let mut characters_before = Vec::with_capacity(text.len() / STRIDE + 2);
        let mut begins = Vec::with_capacity(text.len() / STRIDE + 2);
        let mut characters = 0;
        for (number, chunk) in text.as_bytes().chunks(STRIDE).enumerate() {
            characters_before.push(characters);
            let mut bits = 0_u64;
            for (place, byte) in chunk.iter().enumerate() {
                if (*byte as i8) >= -0x40 {
                    bits |= 1 << place;
                }
                if *byte == b'\n' {
                    line_starts.push(number * STRIDE + place + 1);
                }
            }
            characters += bits.count_ones() as usize;
            begins.push(bits);
        }
        characters_before.push(characters);
        begins.push(0);
        Self { line_starts, characters_before, begins, length: text.len() }
    }

    /// The position of a byte offset; an offset behind the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        self.position_near(offset, 0)
    }

    /// The same, found at once where it is on the line `near` or the one behind it.
    pub fn position_near(&self, offset: usize, near: usize) -> Position {
        let offset = offset.min(self.length);
        let line = self.line_near(offset, near);
        let column = self.characters(offset) - self.characters(self.line_starts[line - 1]) + 1;
        Position { line, column }
    }

    /// The line of a byte offset, counted from one.
    pub fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).max(1)
    }

    /// The same, found at once where it is the line `near` or the one behind it.
    pub fn line_near(&self, offset: usize, near: usize) -> usize {
        let begins = |line: usize| self.line_starts.get(line - 1).is_none_or(|start| offset < *start);
        match near {
            near if near == 0 || begins(near) => self.line(offset),
            near if begins(near + 1) => near,
            near if begins(near + 2) => near + 1,
            _ => self.line(offset),
        }
    }

    /// Returns the number of lines of the text; a text that ends in a line end has an empty last line.
    pub fn n_lines(&self) -> usize {
        self.line_starts.len()
    }

    /// The nearest position that lies in the text.
    pub fn clamp(&self, position: Position) -> Position {
        let line = position.line.clamp(1, self.n_lines());
        let start = self.line_starts[line - 1];
        // The line end itself counts: that is where "expected …" points.
        let end = self.line_starts.get(line).map_or(self.length, |next| next - 1);
        let longest = self.characters(end) - self.characters(start) + 1;
        Position { line, column: position.column.clamp(1, longest) }
    }

    fn characters(&self, offset: usize) -> usize {
        let (word, bit) = (offset / STRIDE, offset % STRIDE);
        let within = self.begins[word] & ((1_u64 << bit) - 1);
        self.characters_before[word] + within.count_ones() as usize
    }
}

const STRIDE: usize = 64;

/// The origin of a stretch of the lowered text.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    lowered: Position,
    source: Position,
    /// Copied byte for byte, so that every position inside has its own counterpart.
    copied: bool,
}

/// Lowered positions as source positions.
#[derive(Clone, Debug)]
pub struct SourceMap {
    stretches: Vec<Stretch>,
    index: LineIndex,
}

impl SourceMap {
    /// A map of nothing, for the text of `index`.
    pub fn new(index: LineIndex) -> Self {
        Self { stretches: Vec::new(), index }
    }

    /// The text from `lowered` on was copied from `source` on.
    pub fn copied(&mut self, lowered: Position, source: Position) {
        self.stretches.push(Stretch { lowered, source, copied: true });
    }

    /// The text from `lowered` on was made for what stands at `source`.
    pub fn made(&mut self, lowered: Position, source: Position) {
        if let Some(last) = self.stretches.last()
            && !last.copied
            && last.source == source
        {
            return;
        }
        self.stretches.push(Stretch { lowered, source, copied: false });
    }

    /// The position in the author's text; always one that exists there.
    pub fn to_source(&self, line: usize, column: usize) -> Position {
        let asked = Position { line, column };
        let behind = self.stretches.partition_point(|stretch| stretch.lowered <= asked);
        let Some(stretch) = behind.checked_sub(1).and_then(|place| self.stretches.get(place)) else {
            return self.index.clamp(asked);
        };
        let source = match stretch.copied {
            false => stretch.source,
            true if line == stretch.lowered.line => Position {
                line: stretch.source.line,
                column: stretch.source.column + (column - stretch.lowered.column),
            },
            true => Position { line: stretch.source.line + (line - stretch.lowered.line), column },
        };
        self.index.clamp(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "aé∂b\nüc";
        let index = LineIndex::new(text);
        for (needle, line, column) in
            [("a", 1, 1), ("é", 1, 2), ("∂", 1, 3), ("b", 1, 4), ("ü", 2, 1), ("c", 2, 2)]
        {
            let offset = text.find(needle).unwrap();
            assert_eq!(index.position(offset), Position { line, column }, "{needle}");
        }
        assert_eq!(index.position(99), Position { line: 2, column: 3 });
    }

    #[test]
    fn long_lines_are_counted_too() {
        let text = format!("{}x\n{}y", "é".repeat(1000), "ab".repeat(777));
        let index = LineIndex::new(&text);
        assert_eq!(index.position(2000), Position { line: 1, column: 1001 });
        assert_eq!(index.position(text.len() - 1), Position { line: 2, column: 1555 });
    }

    #[test]
    fn a_line_is_the_same_wherever_one_looks_from() {
        let index = LineIndex::new("ab\n\ncd\ne\n");
        for offset in 0..=12 {
            for near in 0..8 {
                assert_eq!(index.line_near(offset, near), index.line(offset), "{offset} from {near}");
            }
        }
    }

    #[test]
    fn positions_outside_are_moved_inside() {
        let index = LineIndex::new("ab\nc");
        assert_eq!(index.clamp(Position { line: 9, column: 9 }), Position { line: 2, column: 2 });
        assert_eq!(index.clamp(Position { line: 1, column: 9 }), Position { line: 1, column: 3 });
        assert_eq!(index.clamp(Position { line: 0, column: 0 }), Position { line: 1, column: 1 });
    }
}
