//! Values of a command line: what may stand behind a parameter.
//!
//! Words and strings are in `text`; what stands in brackets is Rhai's, with commands in it.

use std::collections::HashSet;

use super::text::ends_word;
use super::{Current, Flow, Level, Parser};
use crate::script::language::lexer::{is_double_quote, is_single_quote};
use crate::script::language::message::SyntaxProblem;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    ListLiteral, MapLiteral, Piece, Quotes, ScriptBlock, TextLiteral, TextPart, span_of,
};

impl Parser<'_, '_> {
    /// One value, or several with commas between them.
    pub(super) fn value_list(&mut self, flow: Flow) -> Vec<Piece> {
        let start = self.lexer.at();
        let first = self.value();
        let mut items = vec![first];
        loop {
            let mark = self.lexer.at();
            self.lexer.blank_in_line();
            let comma = if flow.separated { None } else { self.lexer.take(",") };
            let Some(comma) = comma else {
                self.lexer.rewind(mark);
                break;
            };
            let behind = self.lexer.at();
            self.lexer.blank_behind_comma();
            if self.value_is_missing(flow) {
                self.problem(comma, SyntaxProblem::MissingElement);
                self.lexer.rewind(behind);
                break;
            }
            items.push(self.value());
        }
        if items.len() > 1 {
            return vec![Piece::List(ListLiteral { span: self.since(start), items, spreads: false })];
        }
        items.pop().unwrap_or_default()
    }

    /// One value.
    pub(super) fn value(&mut self) -> Vec<Piece> {
        match (self.lexer.peek(), self.lexer.peek_second()) {
            (Some(quote), _) if is_double_quote(quote) => vec![Piece::Text(self.double_quoted())],
            (Some(quote), _) if is_single_quote(quote) => vec![Piece::Text(self.single_quoted())],
            (Some('('), _) => {
                let group = self.group(Flow::ARGUMENT);
                self.with_members(Piece::Group(Box::new(group)))
            }
            (Some('['), _) if self.sees_type() => self.typed_value(),
            (Some('['), _) if !self.is_wildcard_set() => {
                let group = self.group(Flow::ELEMENT);
                self.with_members(Piece::Group(Box::new(group)))
            }
            (Some('#'), Some('{')) => {
                let group = self.group(Flow::ELEMENT);
                self.with_members(Piece::Group(Box::new(group)))
            }
            (Some('@'), Some('(' | '{')) => self.at_value_with_members(),
            (Some('@'), Some('"' | '\'')) => self.at_value().into_iter().collect(),
            (Some('{'), _) => vec![self.script_block()],
            (Some('$'), Some(second)) if self.is_whole_variable(second) => {
                let value = self.dollar();
                value.map(|value| self.with_members(value)).unwrap_or_default()
            }
            _ => self.bare_word(),
        }
    }

    fn at_value_with_members(&mut self) -> Vec<Piece> {
        let value = self.at_value();
        value.map(|value| self.with_members(value)).unwrap_or_default()
    }

    /// Whether a `[` begins a wildcard such as `[a-c]*`, and not an array.
    fn is_wildcard_set(&self) -> bool {
        let rest = &self.lexer.rest()[1..];
        let of_set = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = rest.bytes().take(64).take_while(of_set).count();
        let mut behind = rest[length..].chars();
        length > 0
            && behind.next() == Some(']')
            && behind.next().is_some_and(|next| !ends_word(next) && !matches!(next, ']' | '[' | '.'))
    }

    /// Whether a `$` begins a value of its own, and not a word such as `$site/pool`.
    fn is_whole_variable(&self, second: char) -> bool {
        match second {
            '(' | '{' => return true,
            // An amount of money, and no name of a variable.
            '0'..='9' => return false,
            _ => {}
        }
        let rest = &self.lexer.rest()[1..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let mut behind = rest[length..].chars();
        let automatic = length == 0 && matches!(second, '?' | '$' | '^');
        if automatic {
            return rest[1..].chars().next().is_none_or(|next| ends_word(next) || next == ']');
        }
        match behind.next() {
            _ if length == 0 => false,
            None => true,
            Some('.') => behind.next().is_some_and(|next| next.is_ascii_alphabetic() || next == '_'),
            // A scope, which is refused as a whole.
            Some(':') => true,
            Some(letter) => letter == '[' || ends_word(letter) || letter == ']',
        }
    }

    /// A value with `.Property`, `.method(…)`, `[…]` directly behind it.
    pub(super) fn with_members(&mut self, value: Piece) -> Vec<Piece> {
        let mut pieces = vec![value];
        loop {
            let start = self.lexer.at();
            match (self.lexer.peek(), self.lexer.peek_second()) {
                (Some('.'), Some(next)) if next.is_ascii_alphabetic() || next == '_' => {
                    self.lexer.bump();
                    let word = self.lexer.word();
                    self.lexer.take(word);
                    pieces.push(Piece::Rhai(self.since(start)));
                    if self.lexer.peek() == Some('(') {
                        let block_value =
                            ["foreach", "where"].iter().any(|own| own.eq_ignore_ascii_case(word));
                        let group = self.group(Flow { block_value, ..Flow::ELEMENT });
                        pieces.push(Piece::Group(Box::new(group)));
                    }
                }
                (Some('['), _) => {
                    let group = self.group(Flow::RHAI);
                    pieces.push(Piece::Group(Box::new(group)));
                }
                (Some(letter), _) if !ends_word(letter) && letter != ']' => {
                    self.bare_word();
                    let found = letter;
                    self.problem(
                        Span::new(start, start + letter.len_utf8()),
                        SyntaxProblem::Unexpected { found },
                    );
                    return pieces;
                }
                _ => return pieces,
            }
        }
    }

    /// `@(…)`, `@{…}`; a here-string is refused.
    pub(super) fn at_value(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        match self.lexer.peek_second() {
            Some('(') => {
                if let Some(block) = self.statements_of_list() {
                    return Some(Piece::List(ListLiteral {
                        span: self.since(start),
                        items: vec![vec![block]],
                        spreads: true,
                    }));
                }
                self.lexer.take("@(");
                let items = self.deeper(Self::list_items);
                if self.lexer.take(")").is_none() {
                    self.problem(Span::new(start, start + 2), SyntaxProblem::Unclosed { opened: "@(" });
                }
                Some(Piece::List(ListLiteral { span: self.since(start), items, spreads: true }))
            }
            Some('{') => {
                self.lexer.take("@{");
                let entries = self.deeper(Self::map_entries);
                if self.lexer.take("}").is_none() {
                    self.problem(Span::new(start, start + 2), SyntaxProblem::Unclosed { opened: "@{" });
                }
                self.no_key_twice(&entries);
                Some(Piece::Map(MapLiteral { span: self.since(start), entries }))
            }
            Some(quote @ ('"' | '\'')) => Some(self.here_string(start, quote)),
            _ => {
                self.lexer.bump();
                Some(Piece::Rhai(self.since(start)))
            }
        }
    }

    /// `@"` to `"@`: text over several lines, as it stands.
    fn here_string(&mut self, start: usize, quote: char) -> Piece {
        self.lexer.take("@");
        self.lexer.bump();
        let open = self.since(start);
        self.lexer.take_while(|letter| matches!(letter, ' ' | '\t' | '\r'));
        if self.lexer.take("\n").is_none() {
            self.problem(open, SyntaxProblem::HereString);
            self.lexer.take_while(|letter| letter != '\n');
            self.lexer.take("\n");
        }
        let end = if quote == '"' { "\"@" } else { "'@" };
        let parts = self.lines_up_to(end, quote == '"');
        if self.lexer.take(end).is_none() {
            let opened = if quote == '"' { "@\"" } else { "@'" };
            self.problem(open, SyntaxProblem::Unclosed { opened });
        }
        Piece::Text(TextLiteral { span: self.since(start), parts, quotes: Quotes::Shell })
    }

    fn list_items(&mut self) -> Vec<Vec<Piece>> {
        let mut items = Vec::new();
        loop {
            self.lexer.blank();
            match self.lexer.peek() {
                None | Some(')' | ']' | '}') => return items,
                Some(';' | ',') => {
                    self.lexer.bump();
                }
                Some(_) => items.push(self.some_value()),
            }
        }
    }

    fn no_key_twice(&mut self, entries: &[(TextLiteral, Vec<Piece>)]) {
        let mut names = HashSet::new();
        for (key, _) in entries {
            if let Some(name) = key.letters().filter(|name| !names.insert(name.to_lowercase())) {
                let name = name.to_owned();
                self.problem(key.span, SyntaxProblem::RepeatedKey { name });
            }
        }
    }

    fn map_entries(&mut self) -> Vec<(TextLiteral, Vec<Piece>)> {
        let mut entries = Vec::new();
        loop {
            self.lexer.blank();
            let start = self.lexer.at();
            let key = match self.lexer.peek() {
                None | Some('}') => return entries,
                Some(';' | ',') => {
                    self.lexer.bump();
                    continue;
                }
                Some(quote) if is_double_quote(quote) => self.double_quoted(),
                Some(quote) if is_single_quote(quote) => self.single_quoted(),
                Some(_) => {
                    let span = self
                        .lexer
                        .take_while(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
                    let letters = span.of(self.text()).to_owned();
                    TextLiteral { span, parts: vec![TextPart::Letters(letters)], quotes: Quotes::None }
                }
            };
            self.lexer.blank();
            if key.span.start == key.span.end || self.lexer.take("=").is_none() {
                let at = self.lexer.at().max(start);
                self.problem(Span::new(start, at.max(start + 1)), SyntaxProblem::MapEntry);
                self.lexer.take_while(|letter| !matches!(letter, '\n' | ';' | '}'));
                continue;
            }
            self.lexer.blank();
            let value = if matches!(self.lexer.peek(), Some('}' | ';') | None) {
                Vec::new()
            } else {
                self.some_value()
            };
            if span_of(&value).is_none() {
                self.problem(key.span, SyntaxProblem::MapEntry);
            }
            entries.push((key, value));
        }
    }

    /// A value in `@(…)` or `@{…}`; takes at least a character.
    fn some_value(&mut self) -> Vec<Piece> {
        let start = self.lexer.at();
        let mut pieces = self.value_pieces(Flow::VALUE);
        if self.lexer.at() == start
            && let Some(found) = self.lexer.bump()
        {
            self.problem(self.since(start), SyntaxProblem::Unexpected { found });
        }
        while pieces.last().is_some_and(Piece::is_blank) {
            pieces.pop();
        }
        pieces
    }

    /// `{ … }` that a cmdlet calls.
    pub(super) fn script_block(&mut self) -> Piece {
        let start = self.lexer.at();
        self.lexer.bump();
        self.current.push(Current::Object);
        let block = self.own(true, |parser| parser.deeper(|parser| parser.block(Level::ScriptBlock)));
        self.current.pop();
        if self.lexer.take("}").is_none() {
            self.problem(Span::new(start, start + 1), SyntaxProblem::Unclosed { opened: "{" });
        }
        Piece::ScriptBlock(ScriptBlock { span: self.since(start), block })
    }
}
