//! `$`: variables, `$_`, `$?`, constants, `$(…)`.
//!
//! In Rhai text, in arguments and in `"…"` alike.

use super::refused::is_preference;
use super::{Current, Flow, Parser};
use crate::script::language::message::{RefusedConstruct, SyntaxProblem, automatic};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{Automatic, GroupExpression, Literal, Piece};

impl Parser<'_, '_> {
    /// `$x`, `$_`, `$true`, `$(…)`. None, and nothing taken, for a `$` without a meaning.
    pub(super) fn dollar(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        match self.lexer.peek_second()? {
            '(' => {
                if let Some(block) = self.sub_expression() {
                    return Some(block);
                }
                let dollar = self.lexer.take("$");
                let group = self.group(Flow::ARGUMENT);
                Some(Piece::Group(Box::new(GroupExpression { dollar, ..group })))
            }
            '{' => self.braced(start),
            '?' => {
                self.lexer.bump();
                self.lexer.bump();
                Some(Piece::Automatic(self.since(start), Automatic::Succeeded))
            }
            '$' | '^' => {
                self.lexer.bump();
                self.lexer.bump();
                let span = self.since(start);
                let name = span.of(self.text()).to_owned();
                self.refuse(
                    span,
                    RefusedConstruct::Automatic { name, way: "what it stands for is written once more" },
                );
                Some(Piece::Literal(span, Literal::Null))
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                self.lexer.bump();
                let name = self.lexer.word();
                self.lexer.take(name);
                Some(self.named_dollar(start, name))
            }
            _ => None,
        }
    }

    /// `${name}`.
    fn braced(&mut self, start: usize) -> Option<Piece> {
        self.lexer.take("${");
        let name = self.lexer.word();
        self.lexer.take(name);
        if name.eq_ignore_ascii_case("env") && self.lexer.take(":").is_some() {
            let variable = self.lexer.word();
            self.lexer.take(variable);
            if !variable.is_empty() && self.lexer.take("}").is_some() {
                return Some(Piece::Automatic(self.since(start), Automatic::Environment));
            }
        }
        if !name.is_empty() && self.lexer.take("}").is_some() {
            return Some(self.named_dollar(start, name));
        }
        self.lexer.take_while(|letter| !matches!(letter, '}' | '\n' | '"'));
        self.lexer.take("}");
        self.refuse(self.since(start), RefusedConstruct::BracedVariable);
        Some(Piece::Literal(self.since(start), Literal::Null))
    }

    fn named_dollar(&mut self, start: usize, name: &str) -> Piece {
        let span = self.since(start);
        match name.to_ascii_lowercase().as_str() {
            "_" | "psitem" => {
                match self.current.last_mut() {
                    None => self.problem(span, SyntaxProblem::CurrentOutside),
                    Some(Current::Error(is_used)) => *is_used = true,
                    Some(Current::Object) => {}
                }
                return Piece::Current(span);
            }
            "true" => return Piece::Literal(span, Literal::Boolean(true)),
            "false" => return Piece::Literal(span, Literal::Boolean(false)),
            "null" => return Piece::Literal(span, Literal::Null),
            scope @ ("env" | "global" | "script" | "local" | "private" | "using" | "variable"
            | "function") => {
                let behind = self.lexer.rest();
                let scoped = behind.strip_prefix(':').is_some_and(|rest| {
                    rest.starts_with(|next: char| next.is_ascii_alphabetic() || next == '_')
                });
                if scoped {
                    self.lexer.bump();
                    let inner = self.lexer.word().to_owned();
                    self.lexer.take(&inner);
                    if scope == "env" {
                        return Piece::Automatic(self.since(start), Automatic::Environment);
                    }
                    let refused = RefusedConstruct::Scope { scope: scope.to_owned(), name: inner };
                    self.refuse(self.since(start), refused);
                    return Piece::Literal(self.since(start), Literal::Null);
                }
            }
            "error" if !self.is_declared("error") => {
                let clear = ".Clear()";
                if self.lexer.rest().get(..clear.len()).is_some_and(|call| call.eq_ignore_ascii_case(clear)) {
                    self.lexer.rewind(self.lexer.at() + clear.len());
                    return Piece::Automatic(self.since(start), Automatic::ErrorsCleared);
                }
                return Piece::Automatic(span, Automatic::Errors);
            }
            "home" if !self.is_declared("home") => {
                return Piece::Automatic(span, Automatic::Home);
            }
            "matches" if !self.is_declared("matches") => {
                return Piece::Automatic(span, Automatic::Matches);
            }
            lower if automatic(lower).is_some() && !self.is_declared(lower) => {
                let way = automatic(lower).unwrap_or_default();
                self.refuse(span, RefusedConstruct::Automatic { name: format!("${name}"), way });
                return Piece::Literal(span, Literal::Null);
            }
            name if is_preference(name) => {
                self.refuse(span, RefusedConstruct::Preference(name.to_owned()));
                return Piece::Literal(span, Literal::Null);
            }
            _ => {}
        }
        self.reserved(Span::new(start + 1, span.end));
        Piece::Variable(span)
    }

    /// Whether something declares the name, in any letter case.
    fn is_declared(&self, name: &str) -> bool {
        self.declared.iter().any(|have| have.eq_ignore_ascii_case(name))
    }
}
