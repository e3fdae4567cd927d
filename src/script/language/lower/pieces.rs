//! The pieces of a statement, lowered: what is Rhai's is copied, what is a command line's is made.
//!
//! Each kind of piece is written here or by the module that knows it: `commands`, `literals`, `operators`,
//! `members`, `blocks` or `statements`.

use super::literals::character;
use super::operators::arithmetic;
use super::writer::quoted;
use super::{CURRENT, Lowering, ValueUses};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{Automatic, GroupExpression, Piece};

impl Lowering<'_> {
    pub(super) fn pieces(&mut self, mut pieces: &[Piece], purposes: ValueUses) {
        if self.ours && self.coalesced(pieces, purposes) {
            return;
        }
        let mut negated = false;
        while let [piece, rest @ ..] = pieces {
            let n_members = self.members(pieces);
            let is_group = matches!(piece, Piece::Group(group) if group.dollar.is_none());
            if negated && n_members > 0 && !(is_group && n_members == 1) {
                let (value, behind) = pieces.split_at(n_members);
                self.true_value(value);
                pieces = behind;
                negated = false;
                continue;
            }
            if n_members > 1 && !self.is_assigned(&pieces[n_members..]) {
                let (value, behind) = pieces.split_at(n_members);
                if self.chain(value) {
                    pieces = behind;
                    negated = false;
                    continue;
                }
            }
            if let (Piece::Group(group), true) = (piece, negated) {
                self.true_group(group);
            } else if let Piece::Binary(span, _) = piece {
                self.binary(*span, rest);
            } else {
                self.piece(piece, purposes);
            }
            negated = matches!(piece, Piece::Bang(_)) || (negated && piece.is_blank());
            pieces = rest;
        }
    }

    pub(super) fn values(&mut self, pieces: &[Piece]) {
        self.pieces(pieces, ValueUses::VALUES);
    }

    /// `a ?? b`: what a command did not give is nothing.
    fn coalesced(&mut self, pieces: &[Piece], purposes: ValueUses) -> bool {
        let source = self.writer.source;
        let joins = |piece: &Piece| matches!(piece, Piece::Binary(span, _) if span.of(source) == "??");
        let Some(place) = pieces.iter().position(joins) else { return false };
        let begin = pieces[..place]
            .iter()
            .rposition(|piece| matches!(piece, Piece::Rhai(span) if span.of(source).ends_with('=') || matches!(span.of(source), "return" | "throw" | ",")))
            .map_or(0, |place| place + 1);
        let (before, rest) = pieces.split_at(begin);
        let (first, behind) = rest.split_at(place - begin);
        let leading = first.iter().take_while(|piece| piece.is_blank()).count();
        self.pieces(before, purposes);
        self.pieces(&first[..leading], purposes);
        let start = first[leading..].first().and_then(Piece::span).map_or(0, |span| span.start);
        self.writer.made_at("__shell::some(", start);
        self.pieces(&first[leading..], purposes);
        self.writer.made_here(") ");
        let Some((operator, behind)) = behind.split_first() else { return true };
        self.piece(operator, purposes);
        self.pieces(behind, purposes);
        true
    }

    /// An operator between two operands.
    fn binary(&mut self, span: Span, behind: &[Piece]) {
        let written = span.of(self.writer.source);
        // `1..` goes on to the end.
        let is_open = behind.iter().all(Piece::is_blank);
        let name = match written {
            ".." if !is_open => Some("__to"),
            written if self.ours => arithmetic(written),
            _ => None,
        };
        match name {
            Some(name) => {
                self.writer.reach(span.start);
                let source = self.writer.source;
                let is_apart = |beside: Option<char>| beside.is_none_or(char::is_whitespace);
                let before = if is_apart(source[..span.start].chars().next_back()) { "" } else { " " };
                let behind = if is_apart(source[span.end..].chars().next()) { "" } else { " " };
                self.writer.made(&format!("{before}{name}{behind}"), span.start);
            }
            None => self.writer.copy(span),
        }
    }

    /// Whether what stands before these pieces is assigned to.
    fn is_assigned(&self, behind: &[Piece]) -> bool {
        let Some(Piece::Rhai(span)) = behind.iter().find(|piece| !piece.is_blank()) else { return false };
        let text = span.of(self.writer.source);
        text.ends_with('=') && !matches!(text, "==" | "!=" | "<=" | ">=")
    }

    /// `$x.member` as a boolean.
    pub(super) fn true_value(&mut self, pieces: &[Piece]) {
        let start = pieces.first().and_then(Piece::span).map_or(0, |span| span.start);
        self.writer.made_at("__shell::truth(", start);
        self.values(pieces);
        self.writer.made_here(")");
    }

    pub(super) fn piece(&mut self, piece: &Piece, purposes: ValueUses) {
        match piece {
            Piece::Rhai(span) if self.ours && span.of(self.writer.source).starts_with('\'') => {
                // A character of Rhai's is a text of one letter elsewhere.
                let letter = character(span.of(self.writer.source));
                self.writer.made_at(&quoted(&letter), span.start);
            }
            Piece::Blank(span) => self.blank(Some(*span)),
            Piece::Rhai(span)
            | Piece::Quoted(span)
            | Piece::Binary(span, _)
            | Piece::Bang(span)
            | Piece::Dash(span, _)
            | Piece::Word(span)
            | Piece::Declared(span) => self.writer.copy(*span),
            Piece::Variable(span) | Piece::Assigned(span) => {
                self.writer.reach(span.start);
                self.writer.made(self.scopes.spelling(*span, self.writer.source), span.start);
            }
            // Behind `throw` alone it has no place of its own.
            Piece::Current(span) if span.start == span.end => self.writer.made_here(&format!(" {CURRENT}")),
            Piece::Current(span) => self.writer.made_at(CURRENT, span.start),
            Piece::Literal(span, literal) => self.literal(*literal, *span),
            Piece::Group(group) => self.group(group, purposes),
            Piece::Body(body) => self.body(body, purposes.bodies),
            Piece::Closure(closure) => self.closure(closure),
            Piece::Function(function) => self.function(function),
            Piece::Condition(pieces) => self.condition(pieces),
            Piece::Pipeline(pipeline) => self.pipeline(pipeline, purposes.pipelines),
            Piece::Operation(operation) => self.operation(operation),
            Piece::Text(text) => self.text(text),
            Piece::List(list) => self.list(list),
            Piece::Map(map) => self.map(map),
            Piece::ScriptBlock(block) => self.script_block(block),
            Piece::Shell(statement) => self.shell(statement, purposes.bodies),
            Piece::Output(statement) => self.output(statement),
            Piece::Block(block) => self.sub_expression(block),
            Piece::Call(call) => self.call(call),
            Piece::Cast(cast) => self.cast(cast),
            Piece::Static(member) => self.static_member(member),
            Piece::Type(span) => {
                let name = span.of(self.writer.source).trim_start_matches('[');
                let name = name.strip_suffix(']').unwrap_or(name).to_owned();
                self.writer.made_at(&quoted(&name), span.start);
            }
            Piece::Several(several) => self.several(several),
            Piece::Step(step) => self.step(step),
            Piece::Ternary(ternary) => self.ternary(ternary),
            Piece::Invoked(invoked) => self.invoked(invoked),
            Piece::Automatic(span, automatic) => {
                let call = match automatic {
                    Automatic::Succeeded => "__shell::succeeded()".to_owned(),
                    Automatic::Errors => "__shell::errors()".to_owned(),
                    Automatic::ErrorsCleared => "__shell::forget_errors()".to_owned(),
                    Automatic::Matches => "__shell::matches()".to_owned(),
                    Automatic::Home => "__shell::environment(\"HOME\")".to_owned(),
                    Automatic::Environment => {
                        let name = span.of(self.writer.source).split_once(':').map_or("", |(_, name)| name);
                        format!("__shell::environment({})", quoted(name.trim_end_matches('}')))
                    }
                };
                self.writer.made_at(&call, span.start);
            }
            Piece::Keyword(span, word) => self.writer.made_at(word, span.start),
            Piece::Exit(exit) => {
                self.writer.made_at("exit(", exit.keyword.start);
                if !exit.status.iter().all(Piece::is_blank) {
                    self.writer.made_here("__shell::cast(\"int\", ");
                    self.values(&exit.status);
                    self.writer.made_here(")");
                }
                self.writer.made_here(")");
            }
        }
    }

    pub(super) fn group(&mut self, group: &GroupExpression, purposes: ValueUses) {
        self.writer.copy(group.open);
        // The arms of a `switch` are in braces.
        let arms = group.open.of(self.writer.source) == "{";
        let inside = ValueUses { pipelines: purposes.bodies, bodies: purposes.bodies };
        self.pieces(&group.pieces, if arms { inside } else { ValueUses::VALUES });
        if let Some(close) = group.close {
            self.writer.copy(close);
        }
    }

    /// A group whose value must be a boolean.
    pub(super) fn true_group(&mut self, group: &GroupExpression) {
        self.writer.copy(group.open);
        self.condition(&group.pieces);
        if let Some(close) = group.close {
            self.writer.copy(close);
        }
    }

    pub(super) fn value_or_null(&mut self, pieces: &[Piece]) {
        if pieces.iter().all(Piece::is_blank) {
            self.writer.made_here("()");
        } else {
            self.values(pieces);
        }
    }
}
