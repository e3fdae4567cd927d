//! Types in brackets: `[int]$x`, `[math]::Round(1.5)`, `-is [string]`.
//!
//! The layer that runs types decides which types there are and what members they have; a name that is not a type
//! here is refused at its position, with a hint at the way to write it.

use super::operand::OperandRun;
use super::{Flow, Parser};
use crate::script::language::message::RefusedConstruct;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{Cast, Literal, Piece, StaticMember};
use crate::script::statics::{has_static, is_static_type};
use crate::value::cast::Type;

impl Parser<'_, '_> {
    /// Whether a type in brackets comes next, as the beginning of a value.
    pub(super) fn sees_type(&self) -> bool {
        let Some((name, behind)) = bracketed(self.lexer.rest()) else { return false };
        let is_known = Type::named(name).is_some() || is_static_type(name);
        behind.starts_with("::")
            || (is_known
                && behind.trim_start_matches([' ', '\t']).starts_with(|next: char| {
                    matches!(next, '$' | '@' | '"' | '\'' | '(' | '[') || next.is_ascii_digit()
                }))
    }

    /// `[int]` and its name; nothing is taken if it is none.
    pub(super) fn type_name(&mut self) -> Option<(Span, String)> {
        let start = self.lexer.at();
        let (name, behind) = bracketed(self.lexer.rest())?;
        let length = self.lexer.rest().len() - behind.len();
        self.lexer.rewind(start + length);
        let span = self.since(start);
        if Type::named(name).is_none() && !is_static_type(name) {
            self.refuse(span, RefusedConstruct::Type(name.to_owned()));
        }
        Some((span, name.to_owned()))
    }

    /// A cast or a member of a type where a command takes a value.
    pub(super) fn typed_value(&mut self) -> Vec<Piece> {
        let start = self.lexer.at();
        let Some((type_span, type_name)) = self.type_name() else { return Vec::new() };
        if self.lexer.sees("::") {
            let member = self.static_member(start, type_name);
            return self.with_members(member);
        }
        self.lexer.blank_in_line();
        let operand = self.value();
        vec![Piece::Cast(Box::new(Cast { type_span, type_name, operand }))]
    }

    /// A type where an operand begins; false, and nothing taken, where a list of Rhai's begins.
    pub(super) fn type_literal(&mut self, out: &mut Vec<Piece>, run: &mut OperandRun) -> bool {
        let Some((name, behind)) = bracketed(self.lexer.rest()) else { return false };
        let is_known = Type::named(name).is_some() || is_static_type(name);
        let next = behind.trim_start_matches([' ', '\t']).chars().next();
        let begins_value = next.is_some_and(|next| {
            matches!(next, '$' | '@' | '"' | '\'' | '(' | '[' | '-') || next.is_ascii_digit()
        });
        // `[x]` is a list of Rhai's, also before an operator.
        let is_named =
            name.starts_with(|first: char| first.is_ascii_alphabetic()) && !self.declared.contains(name);
        let tests = matches!(run.last_dash.and_then(|place| out.get(place)), Some(Piece::Dash(..)));
        let start = self.lexer.at();
        if behind.starts_with("::") {
            let Some((_, type_name)) = self.type_name() else { return false };
            let member = self.static_member(start, type_name);
            out.push(member);
            run.took_operand();
            return true;
        }
        let glued = behind
            .starts_with(|next: char| matches!(next, '$' | '@' | '"' | '\'') || next.is_ascii_alphanumeric());
        if is_named && ((is_known && begins_value && next != Some('-')) || (!is_known && glued)) {
            let Some((type_span, type_name)) = self.type_name() else { return false };
            self.lexer.blank_in_line();
            let operand = self.cast_operand();
            out.push(Piece::Cast(Box::new(Cast { type_span, type_name, operand })));
            run.took_operand();
            return true;
        }
        if is_named && tests {
            let Some((span, _)) = self.type_name() else { return false };
            out.push(Piece::Type(span));
            run.took_operand();
            return true;
        }
        false
    }

    /// The operand of a cast: one value with its members.
    fn cast_operand(&mut self) -> Vec<Piece> {
        if self.lexer.peek() == Some('[')
            && let Some((type_span, type_name)) = self.type_name()
        {
            if self.lexer.sees("::") {
                let member = self.static_member(type_span.start, type_name);
                return self.with_members(member);
            }
            self.lexer.blank_in_line();
            let operand = self.deeper(|parser| parser.cast_operand());
            return vec![Piece::Cast(Box::new(Cast { type_span, type_name, operand }))];
        }
        match self.lexer.peek() {
            Some('$') => match self.dollar() {
                Some(value) => self.with_members(value),
                None => Vec::new(),
            },
            Some('(') => {
                let group = self.group(Flow::ARGUMENT);
                self.with_members(Piece::Group(Box::new(group)))
            }
            Some(digit) if digit.is_ascii_digit() => {
                let token = self.lexer.token();
                let mut pieces = Vec::new();
                self.number_or_text(&mut pieces, token.span);
                pieces
            }
            Some(_) => self.value(),
            None => Vec::new(),
        }
    }

    /// `::Member` and its arguments.
    fn static_member(&mut self, start: usize, type_name: String) -> Piece {
        self.lexer.take("::");
        let from = self.lexer.at();
        let word = self.lexer.word();
        self.lexer.take(word);
        let member = self.since(from);
        let span = self.since(start);
        let arguments = (self.lexer.peek() == Some('('))
            .then(|| self.group(Flow { shell_quotes: true, ..Flow::ELEMENT }));
        if is_static_type(&type_name) && !has_static(&type_name, word) {
            self.refuse(member, RefusedConstruct::Static { type_name, member: word.to_owned() });
            return Piece::Literal(span, Literal::Null);
        }
        if !is_static_type(&type_name) {
            // A type that is known to be none has been refused.
            if Type::named(&type_name).is_some() {
                self.refuse(member, RefusedConstruct::Static { type_name, member: word.to_owned() });
            }
            return Piece::Literal(span, Literal::Null);
        }
        Piece::Static(Box::new(StaticMember { span, type_name, member, arguments }))
    }
}

/// Whether a type of this name is of another one.
fn is_generic(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["list", "dictionary", "hashset"]
        .iter()
        .any(|own| name.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

/// The name in `[name]` or `[name[]]` at the beginning of a text, and what stands behind it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('[')?;
    let length = rest
        .bytes()
        .take(80)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
        .count();
    let end = if rest[length..].starts_with("[]") {
        length + 2
    } else if is_generic(&rest[..length]) && rest[length..].starts_with('[') {
        // `List[string]`
        length + rest[length..].find(']')? + 1
    } else {
        length
    };
    let name = &rest[..end];
    let behind = rest[end..].strip_prefix(']')?;
    name.starts_with(|first: char| first.is_ascii_alphabetic()).then_some((name, behind))
}
