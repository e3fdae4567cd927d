//! The operators that only a command line's author writes: `++`, `? :`, `&` before a block, and those with a dash.
//!
//! Each of them takes nothing where what stands there is none.

use super::operand::OperandRun;
use super::{Flow, Parser};
use crate::script::language::lexer::{is_double_quote, is_single_quote};
use crate::script::language::message::RefusedConstruct;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    DashOperator, InvokedBlock, Piece, Step, StepValue, TernaryExpression, span_of,
};

impl Parser<'_, '_> {
    /// The piece at which the variable begins that stands last among these, with its members behind it.
    pub(super) fn counted(&self, out: &[Piece], begin: usize) -> Option<usize> {
        let is_member = |piece: &Piece| {
            let is_index = matches!(piece, Piece::Group(group) if group.open.of(self.text()) == "[");
            is_index || self.is_property(piece)
        };
        let place = out.iter().rposition(|piece| !is_member(piece)).filter(|place| *place >= begin)?;
        matches!(out[place], Piece::Variable(_)).then_some(place)
    }

    /// Whether a piece is a point, or the name behind one.
    fn is_property(&self, piece: &Piece) -> bool {
        matches!(piece, Piece::Rhai(span) if span
            .of(self.text())
            .starts_with(|first: char| first == '.' || first.is_ascii_alphabetic()))
    }

    /// `++$x` where a value may stand; nothing is taken if it is none.
    pub(super) fn step_as_value(&mut self, out: &mut Vec<Piece>) -> bool {
        let is_up = self.lexer.sees("++$");
        if !is_up && !self.lexer.sees("--$") {
            return false;
        }
        let operator = self.lexer.token().span;
        let target = self.dollar().map(|value| self.with_members(value)).unwrap_or_default();
        if !matches!(target.first(), Some(Piece::Variable(_))) {
            self.refuse(operator, RefusedConstruct::Increment);
        }
        out.push(Piece::Step(Box::new(Step { target, operator, is_up, gives: StepValue::After })));
        true
    }

    /// Whether the `?` that comes next asks for one of two values.
    pub(super) fn is_ternary(&self) -> bool {
        !matches!(self.lexer.peek_second(), Some('?' | '.' | '['))
    }

    /// `? 1 : 2` behind its condition.
    pub(super) fn ternary(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) {
        run.join(out);
        let mut condition: Vec<Piece> = out.drain(run.begin.min(out.len())..).collect();
        let blanks = condition.iter().take_while(|piece| piece.is_blank()).count();
        out.extend(condition.drain(..blanks));
        while condition.last().is_some_and(Piece::is_blank) {
            condition.pop();
        }
        let start = self.lexer.at();
        self.lexer.bump();
        let operator = self.since(start);
        let is_quote =
            |next: Option<char>| next.is_some_and(|next| is_double_quote(next) || is_single_quote(next));
        let value = |parser: &mut Self, flow: Flow| {
            parser.lexer.blank();
            let shell_quotes = flow.shell_quotes || is_quote(parser.lexer.peek());
            let mut pieces = Vec::new();
            parser.operands(&mut pieces, Flow { shell_quotes, commas: false, ..flow });
            while pieces.last().is_some_and(Piece::is_blank) {
                pieces.pop();
            }
            pieces
        };
        let [first, second] = self.deeper(|parser| {
            let first = value(parser, Flow { colon: true, line_end: false, ..flow });
            parser.lexer.blank();
            if parser.lexer.take(":").is_none() {
                parser.refuse(operator, RefusedConstruct::Ternary);
                return [first, Vec::new()];
            }
            [first, value(parser, flow)]
        });
        if !self.gave_up && [&first, &second].into_iter().any(|value| span_of(value).is_none()) {
            self.refuse(operator, RefusedConstruct::Ternary);
        }
        out.push(Piece::Ternary(Box::new(TernaryExpression { operator, condition, first, second })));
        run.took_operand();
    }

    /// `& $block` and `& { … }`, the same behind a point, and `& Get-Pool`, which is the command; nothing is taken
    /// if it is none.
    pub(super) fn invocation(&mut self, out: &mut Vec<Piece>, run: &mut OperandRun) -> bool {
        let start = self.lexer.at();
        let is_point = self.lexer.peek() == Some('.');
        if self.lexer.sees("&&") {
            return false;
        }
        self.lexer.bump();
        let operator = self.since(start);
        let blank = self.lexer.blank_in_line();
        if is_point && blank.start == blank.end {
            self.lexer.rewind(start);
            return false;
        }
        if !matches!(self.lexer.peek(), Some('{' | '$')) {
            if is_point {
                self.lexer.rewind(start);
                return false;
            }
            let quote = self.lexer.peek().filter(|quote| matches!(quote, '"' | '\''));
            if quote.is_some() {
                self.lexer.bump();
            }
            if !self.command_is_called(quote) {
                self.refuse(operator, RefusedConstruct::Call);
                self.lexer.take_while(|letter| !matches!(letter, '\n' | ';' | ')' | '}' | '|'));
                run.took_operand();
            }
            return true;
        }
        let block = self.value();
        let argument = self.lexer.blank_in_line().end;
        let ends = |next: char| matches!(next, '\n' | '\r' | ';' | ')' | ']' | '}' | '|' | '&' | ',' | '>');
        if self.lexer.peek().is_some_and(|next| !ends(next)) {
            self.lexer.take_while(|letter| !matches!(letter, '\n' | ';' | ')' | '}' | '|'));
            self.refuse(self.since(argument), RefusedConstruct::Call);
        }
        out.push(Piece::Invoked(Box::new(InvokedBlock { operator, block })));
        run.took_operand();
        true
    }

    /// `-eq` and its family, where an operator may stand.
    pub(super) fn dash_operator(&mut self, out: &mut Vec<Piece>, flow: Flow, run: &mut OperandRun) -> bool {
        let start = self.lexer.at();
        let blank_before = self
            .lexer
            .before()
            .is_none_or(|before| before.is_whitespace() || matches!(before, '(' | '{' | ')' | '}' | ']'));
        let dash = self.lexer.peek().map_or(0, char::len_utf8);
        let rest = &self.lexer.rest()[dash..];
        let length = rest.bytes().take(16).take_while(u8::is_ascii_alphabetic).count();
        let word = &rest[..length];
        let is_quote = |next| is_double_quote(next) || is_single_quote(next);
        let behind = rest[length..].chars().next();
        let ends = behind.is_none_or(|next| {
            next.is_whitespace() || matches!(next, '(' | '$' | '@' | '[') || is_quote(next)
        });
        if word.is_empty() || self.declared.contains(word) {
            return false;
        }
        // `$x-eq 1` is no subtraction of Rhai's.
        let is_apart = blank_before
            || (!run.operand && self.is_of_shell(out))
            || behind.is_some_and(|next| matches!(next, '$' | '@') || is_quote(next))
            || behind.is_some_and(char::is_whitespace) && self.value_follows(length + dash);
        let span = Span::new(start, start + dash + length);
        let Some(operator) = DashOperator::named(word).filter(|_| is_apart) else {
            return is_apart && ends && self.bit_not(span, run);
        };
        if !ends {
            let is_glued = behind.is_some_and(|next| next.is_ascii_digit()) && self.is_of_shell(out);
            if is_glued && !run.operand && !operator.is_unary() {
                self.refuse(span, RefusedConstruct::GluedOperator(span.of(self.text()).to_owned()));
            } else {
                return false;
            }
        }
        let takes_left = operator != DashOperator::Not;
        if if run.operand { !operator.is_unary() } else { !takes_left } {
            return false;
        }
        if flow.element {
            return true;
        }
        self.lexer.rewind(span.end);
        run.last_dash = Some(out.len());
        out.push(Piece::Dash(span, operator));
        run.wants_operand();
        run.shell_next = true;
        true
    }

    /// `-bnot`, which is refused; nothing is taken of anything else.
    fn bit_not(&mut self, span: Span, run: &mut OperandRun) -> bool {
        if !run.operand || !span.of(self.text()).eq_ignore_ascii_case("-bnot") {
            return false;
        }
        self.refuse(span, RefusedConstruct::BitNot);
        self.lexer.rewind(span.end);
        run.wants_operand();
        true
    }

    /// Whether the last of these pieces is a value that only a command line's author writes, with its members.
    fn is_of_shell(&self, out: &[Piece]) -> bool {
        let is_member = |piece: &&Piece| {
            matches!(piece, Piece::Group(group) if group.dollar.is_none()) || self.is_property(piece)
        };
        matches!(
            out.iter().rev().find(|piece| !is_member(piece)),
            Some(
                Piece::Variable(_)
                    | Piece::Current(_)
                    | Piece::Text(_)
                    | Piece::Literal(..)
                    | Piece::List(_)
                    | Piece::Automatic(..)
            )
        )
    }

    /// Whether a value stands behind the blanks that come so many bytes from here, and nothing that an operand of
    /// Rhai's may be followed by.
    fn value_follows(&self, offset: usize) -> bool {
        let behind = self.lexer.rest().get(offset..).unwrap_or("").trim_start_matches([' ', '\t']);
        behind
            .starts_with(|next: char| next.is_ascii_alphanumeric() || matches!(next, '$' | '@' | '"' | '\''))
    }
}
