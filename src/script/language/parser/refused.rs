//! Constructs that PowerShell has and this language has not: found at their beginning, and skipped so far that the
//! rest of the text stays readable.
//!
//! The words about it are in `message`.

use super::{Parser, is_variable};
use crate::script::language::message::RefusedConstruct;
use crate::script::language::source_map::Span;
use crate::script::language::tree::Piece;

impl Parser<'_, '_> {
    /// Statements of PowerShell's; notes the mistake and takes as much as keeps the rest readable.
    pub(super) fn refused_statement(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let start = self.lexer.at();
        if self.lexer.sees("&") && !self.lexer.sees("&&") {
            return false;
        }
        let behind =
            self.lexer.rest().strip_prefix(". ").map(|behind| behind.trim_start_matches([' ', '\t']));
        if behind.is_some_and(|behind| behind.starts_with(['$', '{'])) {
            return false;
        }
        if self.lexer.sees(". ") || self.lexer.sees(".\\") || self.lexer.sees("./") {
            self.lexer.take_while(|letter| letter != '\n');
            self.refuse(self.since(start), RefusedConstruct::DotSource);
            return true;
        }
        if self.lexer.peek() == Some(':') && self.label() {
            return false;
        }
        let word = self.lexer.word();
        let span = Span::new(start, start + word.len());
        let behind = self.text()[span.end..].trim_start_matches([' ', '\t']);
        let next = behind.chars().next();
        let names_follow = next.is_some_and(|next| next.is_ascii_alphabetic());
        let refused = match word.to_ascii_lowercase().as_str() {
            "filter" if names_follow => RefusedConstruct::Filter,
            "elseif" if next == Some('(') || names_follow || next == Some('$') => RefusedConstruct::ElseIf,
            "finally" if next == Some('{') => RefusedConstruct::Finally,
            "trap" if next == Some('{') => RefusedConstruct::Trap,
            "begin" | "process" | "end" if next == Some('{') => RefusedConstruct::Keyword(word.to_owned()),
            "class" | "enum" | "using" if names_follow => RefusedConstruct::Keyword(word.to_owned()),
            _ => return false,
        };
        self.refuse(span, refused);
        self.skip_header(pieces, true);
        if self.lexer.peek() == Some('{') {
            self.current.push(super::Current::Object);
            let body = self.body(Vec::new());
            self.current.pop();
            pieces.push(Piece::Body(Box::new(body)));
        }
        true
    }

    /// Takes the label of a loop, which is refused, so that the loop behind it is read.
    fn label(&mut self) -> bool {
        let start = self.lexer.at();
        self.lexer.bump();
        let word = self.lexer.word();
        self.lexer.take(word);
        let label = self.since(start);
        self.lexer.blank();
        let keyword = self.lexer.word().to_ascii_lowercase();
        if word.is_empty() || !["foreach", "for", "while", "do", "switch", "loop"].contains(&keyword.as_str())
        {
            self.lexer.rewind(start);
            return false;
        }
        self.refuse(label, RefusedConstruct::Label);
        true
    }

    /// Skips the header of a refused statement. Its variables count as declared, so that one
    /// mistake does not make ten.
    fn skip_header(&mut self, pieces: &mut Vec<Piece>, to_brace: bool) {
        let mut open = 0_usize;
        while let Some(letter) = self.lexer.peek() {
            match letter {
                '{' if to_brace => return,
                '\n' | ';' if open == 0 => return,
                '}' if open == 0 && !to_brace => return,
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                '$' => {
                    let start = self.lexer.at();
                    self.lexer.bump();
                    let name = self.lexer.word();
                    self.lexer.take(name);
                    if is_variable(name) {
                        pieces.push(Piece::Assigned(self.since(start)));
                    }
                    continue;
                }
                _ => {}
            }
            self.lexer.bump();
        }
    }
}

/// Variables by which PowerShell sets what every command does: parameters do that here.
pub(super) fn is_preference(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.strip_suffix("preference").is_some_and(|of| {
        ["erroraction", "warning", "verbose", "debug", "information", "confirm", "whatif", "progress"]
            .contains(&of)
    })
}
