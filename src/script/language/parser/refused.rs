//! What PowerShell has and this language has not: found where it begins, and skipped so far that
//! the rest of the text stays readable.
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
        let comment =
            self.lexer.peek() == Some('#') && !matches!(self.lexer.peek_second(), Some('{' | '"' | '#'));
        if comment || self.lexer.sees("<#") {
            match self.lexer.sees("<#") {
                true => {
                    while !self.lexer.is_at_end() && self.lexer.take("#>").is_none() {
                        self.lexer.bump();
                    }
                }
                false => {
                    self.lexer.take_while(|letter| letter != '\n');
                }
            }
            self.refuse(self.since(start), RefusedConstruct::Comment);
            return true;
        }
        if self.lexer.sees("& ") {
            self.refuse(Span::new(start, start + 1), RefusedConstruct::Call);
            self.lexer.take_while(|letter| letter != '\n');
            return true;
        }
        if self.lexer.sees(". ") || self.lexer.sees(".\\") || self.lexer.sees("./") {
            self.lexer.take_while(|letter| letter != '\n');
            self.refuse(self.since(start), RefusedConstruct::DotSource);
            return true;
        }
        let word = self.lexer.word();
        let span = Span::new(start, start + word.len());
        let behind = self.text()[span.end..].trim_start_matches([' ', '\t']);
        let next = behind.chars().next();
        let names_follow = next.is_some_and(|next| next.is_ascii_alphabetic());
        let refused = match word.to_ascii_lowercase().as_str() {
            "foreach" if next == Some('(') => RefusedConstruct::ForEach,
            "for"
                if behind.strip_prefix('(').is_some_and(|inside| {
                    inside.trim_start().starts_with('$') && inside.contains_before(';', ')')
                }) =>
            {
                RefusedConstruct::CountedFor
            }
            "for" if behind.strip_prefix('(').is_some_and(|inside| inside.trim_start().starts_with('$')) => {
                RefusedConstruct::ForBrackets
            }
            "exit"
                if !self.declared.contains(word)
                    && matches!(next, None | Some('0'..='9' | '$' | ';' | '\n' | '\r' | '}')) =>
            {
                RefusedConstruct::Exit
            }
            "function" | "filter" if names_follow => RefusedConstruct::Function,
            "param" if next == Some('(') && !self.declared.contains(word) => RefusedConstruct::Param,
            "elseif" if next == Some('(') || names_follow || next == Some('$') => RefusedConstruct::ElseIf,
            "finally" if next == Some('{') => RefusedConstruct::Finally,
            "begin" | "process" | "end" | "trap" if next == Some('{') => {
                RefusedConstruct::Keyword(word.to_owned())
            }
            "class" | "enum" | "using" if names_follow => RefusedConstruct::Keyword(word.to_owned()),
            _ => return false,
        };
        let body = !matches!(refused, RefusedConstruct::Param | RefusedConstruct::Exit);
        self.refuse(span, refused);
        self.skip_header(pieces, body);
        if self.lexer.peek() == Some('{') && body {
            let body = self.body(Vec::new());
            pieces.push(Piece::Body(Box::new(body)));
        }
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

    /// `[int]`, `[string]::…` where an operand begins.
    pub(super) fn refused_type(&mut self) -> bool {
        let rest = &self.lexer.rest()[1..];
        let length = rest
            .bytes()
            .take(64)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
            .count();
        let name = &rest[..length];
        let behind = rest[length..].trim_start_matches("[]");
        let Some(behind) = behind.strip_prefix(']') else { return false };
        let typed = behind.starts_with("::")
            || behind.starts_with(|next: char| {
                matches!(next, '$' | '@' | '"' | '\'') || next.is_ascii_alphanumeric()
            });
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || !typed {
            return false;
        }
        let start = self.lexer.at();
        let name = name.to_owned();
        self.lexer.take_while(|letter| letter != ']');
        self.lexer.take("]");
        self.refuse(self.since(start), RefusedConstruct::Type(name));
        if self.lexer.take("::").is_some() {
            let word = self.lexer.word();
            self.lexer.take(word);
        }
        true
    }
}

/// A comparison with characters, without looking further than needed.
trait ContainsBefore {
    fn contains_before(&self, wanted: char, end: char) -> bool;
}

impl ContainsBefore for str {
    fn contains_before(&self, wanted: char, end: char) -> bool {
        self.chars().take(200).take_while(|letter| *letter != end).any(|letter| letter == wanted)
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

/// Operators of PowerShell's that have a Rhai way.
pub(super) const REFUSED_OPERATORS: &[&str] = &[
    "f", "replace", "ireplace", "creplace", "split", "isplit", "csplit", "join", "is", "isnot", "as", "band",
    "bor", "bxor", "xor", "shl", "shr",
];
