//! `$`: variables, `$_`, constants, `$(…)`.
//!
//! In Rhai text, in arguments and in `"…"` alike.

use super::refused::is_preference;
use super::{Flow, Parser};
use crate::script::language::message::{RefusedConstruct, SyntaxProblem};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{GroupExpression, Literal, Piece};

impl Parser<'_, '_> {
    /// `$x`, `$_`, `$true`, `$(…)`. None, and nothing taken, for a `$` without a meaning.
    pub(super) fn dollar(&mut self) -> Option<Piece> {
        let start = self.lexer.at();
        match self.lexer.peek_second()? {
            '(' => {
                let dollar = self.lexer.take("$");
                let group = self.group(Flow::ARGUMENT);
                Some(Piece::Group(Box::new(GroupExpression { dollar, ..group })))
            }
            '{' => {
                self.lexer.take_while(|letter| !matches!(letter, '}' | '\n'));
                self.lexer.take("}");
                self.refuse(self.since(start), RefusedConstruct::BracedVariable);
                Some(Piece::Literal(self.since(start), Literal::Null))
            }
            '?' | '$' | '^' => {
                self.lexer.bump();
                self.lexer.bump();
                let span = self.since(start);
                self.refuse(span, RefusedConstruct::Automatic(span.of(self.text()).to_owned()));
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

    fn named_dollar(&mut self, start: usize, name: &str) -> Piece {
        let span = self.since(start);
        match name.to_ascii_lowercase().as_str() {
            "_" | "psitem" => {
                if self.script_blocks == 0 {
                    let caught = self.nameless_catches > 0;
                    let problem =
                        if caught { SyntaxProblem::CurrentInCatch } else { SyntaxProblem::CurrentOutside };
                    self.problem(span, problem);
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
                    let refused = match scope {
                        "env" => RefusedConstruct::Environment(inner),
                        scope => RefusedConstruct::Scope { scope: scope.to_owned(), name: inner },
                    };
                    self.refuse(self.since(start), refused);
                    return Piece::Literal(self.since(start), Literal::Null);
                }
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
}
