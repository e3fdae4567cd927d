//! Meanings that have changed: what a text says otherwise than it did up to version 0.1, or than in Rhai alone.
//!
//! Runs after scope, for `imsh lint` alone: a program that was written since means what it says. Each kind of
//! change is told once, with the lines that have it. Says nothing of what is a mistake by now.

use std::collections::BTreeMap;
use std::fmt;

use super::lower::{is_expression, is_ours};
use super::scope::{Scopes, bare, solid};
use super::source_map::{LineIndex, Span};
use super::tree::{
    Inside, Operation, Piece, Pipeline, Quotes, Script, Statement, StatementBlock, StatementEnd, TextLiteral,
    TextPart,
};
use crate::cmdlet::Position;

/// A meaning that has changed, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedMeaning {
    /// The position of its first occurrence.
    pub position: Position,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// The first as it is written, where the advice repeats it.
    written: String,
    /// The lines that have it too.
    also: Vec<usize>,
}

/// The kind of syntax whose meaning has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// `$x`, `$(…)` and a backtick in the text of an expression.
    Text,
    /// `a..b`.
    Range,
    /// `a / b`.
    Division,
    /// A text or a number that stands alone.
    Output,
    /// A bracket at the beginning of a line.
    LineEnd,
    /// `$x.replace(…)` and its kin.
    NewText,
    /// `.Count` of one record that has a count of its own.
    Count,
    /// `$x = { … }`.
    Block,
}

impl fmt::Display for ChangedMeaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = &self.written;
        let told = match self.kind {
            ChangeKind::Text => {
                "$name, $(…) and a backtick mean in every \"…\" what they mean in PowerShell; up to version 0.1 \
                 they were text in an expression"
            }
            ChangeKind::Range => "a..b has both its ends; up to version 0.1 it ended before the second",
            ChangeKind::Division => {
                "/ gives a fraction where it does not come out even; up to version 0.1 it cut"
            }
            ChangeKind::Output => {
                "a text or a number that stands alone is output; up to version 0.1 it was passed over"
            }
            ChangeKind::LineEnd => {
                "the end of a line ends the statement; up to version 0.1 it went on with a bracket on the next"
            }
            ChangeKind::NewText => {
                "the text stays as it is, and a new one is given; up to version 0.1 it was changed"
            }
            ChangeKind::Count => {
                ".Count is what the record says itself; up to version 0.1 it was the number of records"
            }
            ChangeKind::Block => {
                "braces are a script block; up to version 0.1 they were what the statements in them give"
            }
        };
        f.write_str(told)?;
        match self.also.as_slice() {
            [] => {}
            [line] => write!(f, " (also on line {line})")?,
            lines => {
                let shown: Vec<String> = lines.iter().take(MOST_LINES).map(usize::to_string).collect();
                let more = lines.len() - shown.len();
                write!(f, " (also on lines {}", shown.join(", "))?;
                if more > 0 {
                    write!(f, " and {more} more")?;
                }
                f.write_str(")")?;
            }
        }
        match self.kind {
            ChangeKind::Text => f.write_str("; for the signs themselves, write: `$, and ``"),
            ChangeKind::Range => match written.split_once("..") {
                Some((from, to)) => write!(f, "; for both in every version, write: {from}..={to}"),
                None => Ok(()),
            },
            ChangeKind::Division => f.write_str("; for a whole number, write: [math]::Floor(…)"),
            ChangeKind::Output => f.write_str("; to show nothing, write: $null = …"),
            ChangeKind::LineEnd => f.write_str("; the bracket belongs on the line before"),
            ChangeKind::NewText => write!(f, "; write: {written} = {written}.…(…)"),
            ChangeKind::Count => f.write_str("; for the number, write: @(…).Count"),
            ChangeKind::Block => write!(f, "; for what they give, write: {written} = $(…)"),
        }
    }
}

/// The maximum number of lines that are named.
const MOST_LINES: usize = 10;

/// The meanings that have changed in a script, in its order.
pub(super) fn changes(
    script: &Script,
    text: &str,
    index: &LineIndex,
    scopes: &Scopes,
) -> Vec<ChangedMeaning> {
    let mut walk = ChangeWalk {
        text,
        scopes,
        found: BTreeMap::new(),
        is_in_rhai: false,
        is_context: false,
        is_ours: false,
        own_count: Vec::new(),
    };
    walk.block(&script.body);
    let mut changes: Vec<ChangedMeaning> = Vec::new();
    for (kind, mut spans) in walk.found {
        spans.sort_unstable();
        let mut spans = spans.into_iter();
        let Some(first) = spans.next() else { continue };
        let position = index.position(first.start);
        let mut also: Vec<usize> = spans.map(|span| index.position(span.start).line).collect();
        also.dedup();
        also.retain(|line| *line != position.line);
        changes.push(ChangedMeaning { position, kind, written: first.of(text).to_owned(), also });
    }
    changes.sort_by_key(|change| change.position);
    changes
}

struct ChangeWalk<'t> {
    text: &'t str,
    scopes: &'t Scopes,
    found: BTreeMap<ChangeKind, Vec<Span>>,
    /// Whether this is in a function or a closure of Rhai's.
    is_in_rhai: bool,
    /// Whether the statements around this one are PowerShell's.
    is_context: bool,
    /// Whether operators mean what they mean in PowerShell.
    is_ours: bool,
    /// Variables that hold a record with a count of its own, in small letters.
    own_count: Vec<String>,
}

impl ChangeWalk<'_> {
    fn tell(&mut self, kind: ChangeKind, span: Span) {
        self.found.entry(kind).or_default().push(span);
    }

    fn block(&mut self, block: &StatementBlock) {
        for (place, statement) in block.statements.iter().enumerate() {
            self.statement(statement, place + 1 == block.statements.len());
            if let Some(next) = block.statements.get(place + 1) {
                self.line_end(statement, next);
            }
        }
    }

    fn shell_block(&mut self, block: &StatementBlock) {
        let outer = std::mem::replace(&mut self.is_context, true);
        self.block(block);
        self.is_context = outer;
    }

    fn rhai(&mut self, inside: impl FnOnce(&mut Self)) {
        let outer = (self.is_in_rhai, self.is_context, self.is_ours);
        (self.is_in_rhai, self.is_context, self.is_ours) = (true, false, false);
        inside(self);
        (self.is_in_rhai, self.is_context, self.is_ours) = outer;
    }

    fn statement(&mut self, statement: &Statement, is_last: bool) {
        let pieces = solid(&statement.pieces);
        let is_value = is_expression(statement, self.text);
        let declares = matches!(pieces.first(), Some(Piece::Rhai(word)) if matches!(word.of(self.text), "let" | "const"));
        match pieces.as_slice() {
            [Piece::Assigned(name), Piece::Rhai(_), Piece::ScriptBlock(_)] => {
                self.tell(ChangeKind::Block, *name)
            }
            [Piece::Assigned(name), Piece::Rhai(_), Piece::Pipeline(pipeline)] if counts(pipeline) => {
                self.own_count.push(bare(*name, self.text).to_ascii_lowercase());
            }
            [Piece::Variable(name), members @ ..] if members.len() <= 3 => {
                if let [.., Piece::Rhai(method), Piece::Group(_)] = members
                    && ["replace", "trim", "remove"].contains(&method.of(self.text).trim_start_matches('.'))
                {
                    self.tell(ChangeKind::NewText, *name);
                }
            }
            [first, ..] if is_value && !(is_last && statement.end == StatementEnd::Open) => {
                if let Some(span) = self.literal(first) {
                    self.tell(ChangeKind::Output, span);
                }
            }
            _ => {}
        }
        let ours =
            (self.is_context && !declares) || (is_value && !self.is_in_rhai) || is_ours(&statement.pieces);
        let outer = std::mem::replace(&mut self.is_ours, ours);
        self.pieces(&statement.pieces);
        self.is_ours = outer;
    }

    /// A text or a number of Rhai's.
    fn literal(&self, piece: &Piece) -> Option<Span> {
        let span = piece.span()?;
        let is_text = matches!(piece, Piece::Text(text) if text.quotes == Quotes::Rhai);
        let is_plain = matches!(piece, Piece::Rhai(_) | Piece::Quoted(_))
            && span.of(self.text).starts_with(|first: char| first.is_ascii_digit() || first == '"');
        (is_text || is_plain).then_some(span)
    }

    /// A statement of Rhai's that went on with a bracket on the next line.
    fn line_end(&mut self, statement: &Statement, next: &Statement) {
        let (Some(last), Some(Piece::Group(group))) =
            (solid(&statement.pieces).pop().map(Piece::is_place), solid(&next.pieces).first().copied())
        else {
            return;
        };
        let is_bracket = group.dollar.is_none() && matches!(group.open.of(self.text), "(" | "[");
        if last && is_bracket && statement.end == StatementEnd::Line {
            self.tell(ChangeKind::LineEnd, group.open);
        }
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for (place, piece) in pieces.iter().enumerate() {
            self.piece(piece);
            if let Piece::Rhai(dot) = piece
                && let Some(before) = place.checked_sub(1).and_then(|before| pieces.get(before))
            {
                self.count(before, *dot, pieces.get(place + 1));
            }
        }
    }

    /// `.Count` behind a value.
    fn count(&mut self, value: &Piece, dot: Span, next: Option<&Piece>) {
        let name = match (dot.of(self.text), next) {
            (".", Some(Piece::Rhai(name))) => *name,
            (".", _) => return,
            _ => dot,
        };
        if !name.of(self.text).trim_start_matches('.').eq_ignore_ascii_case("Count") {
            return;
        }
        let has_own = if let Piece::Group(group) = value {
            matches!(solid(&group.pieces).as_slice(), [Piece::Pipeline(pipeline)] if counts(pipeline))
        } else if let Piece::Variable(name) = value {
            self.own_count.contains(&bare(*name, self.text).to_ascii_lowercase())
        } else {
            false
        };
        if has_own {
            self.tell(ChangeKind::Count, name);
        }
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Binary(span, _) => self.operator(*span),
            Piece::Text(text) => self.text(text),
            Piece::Group(group) => self.pieces(&group.pieces),
            Piece::Body(body) => self.block(&body.block),
            Piece::Closure(closure) => self.rhai(|walk| walk.pieces(&closure.body)),
            Piece::Function(function) => {
                if let Some(body) = &function.body {
                    self.rhai(|walk| walk.block(&body.block));
                }
            }
            Piece::Condition(pieces) => self.pieces(pieces),
            Piece::Pipeline(pipeline) => {
                self.pieces(pipeline.head.as_deref().unwrap_or_default());
                for argument in pipeline.commands.iter().flat_map(|command| &command.arguments) {
                    self.pieces(argument.value.as_deref().unwrap_or_default());
                }
            }
            Piece::Operation(operation) => self.operation(operation),
            Piece::List(list) => list.items.iter().for_each(|item| self.pieces(item)),
            Piece::Map(map) => {
                for (key, value) in &map.entries {
                    self.text(key);
                    self.pieces(value);
                }
            }
            Piece::ScriptBlock(block) => self.shell_block(&block.block),
            Piece::Shell(_)
            | Piece::Output(_)
            | Piece::Block(_)
            | Piece::Call(_)
            | Piece::Cast(_)
            | Piece::Static(_)
            | Piece::Several(_)
            | Piece::Step(_)
            | Piece::Ternary(_)
            | Piece::Invoked(_)
            | Piece::Exit(_) => {
                for inside in piece.inside() {
                    match inside {
                        Inside::Pieces(pieces) => self.pieces(pieces),
                        Inside::Block(block) => self.shell_block(block),
                        Inside::Statement(statement) => self.statement(statement, true),
                    }
                }
            }
            Piece::Rhai(_)
            | Piece::Quoted(_)
            | Piece::Blank(_)
            | Piece::Bang(_)
            | Piece::Dash(..)
            | Piece::Word(_)
            | Piece::Declared(_)
            | Piece::Variable(_)
            | Piece::Assigned(_)
            | Piece::Current(_)
            | Piece::Literal(..)
            | Piece::Type(_)
            | Piece::Automatic(..)
            | Piece::Keyword(..) => {}
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.pieces(pieces),
            Operation::Not { operand, .. } | Operation::Unary { operand, .. } => self.operation(operand),
            Operation::Chain { first, rest, .. } => {
                self.operation(first);
                rest.iter().for_each(|link| self.operation(&link.operand));
            }
        }
    }

    fn operator(&mut self, operator: Span) {
        match operator.of(self.text) {
            ".." => {
                let span = self.with_numbers(operator);
                self.tell(ChangeKind::Range, span);
            }
            "/" if self.is_ours => {
                let span = self.with_numbers(operator);
                let whole = |text: &str| text.trim().parse::<i64>().ok();
                let is_even = span.of(self.text).split_once('/').is_some_and(|(left, right)| {
                    whole(left)
                        .zip(whole(right))
                        .is_some_and(|(left, right)| left.checked_rem(right) == Some(0))
                });
                if !is_even {
                    self.tell(ChangeKind::Division, operator);
                }
            }
            _ => {}
        }
    }

    /// An operator with the numbers on both its sides, if it has them.
    fn with_numbers(&self, operator: Span) -> Span {
        let digits = |letter: &char| letter.is_ascii_digit() || *letter == ' ';
        let before = &self.text[..operator.start];
        let start = before.len() - before.chars().rev().take_while(digits).count();
        let behind = &self.text[operator.end..];
        let end = operator.end + behind.chars().take_while(digits).count();
        let span = Span::new(start, end);
        let trimmed = span.of(self.text);
        let from = start + trimmed.len() - trimmed.trim_start().len();
        let to = end - (trimmed.len() - trimmed.trim_end().len());
        if from < operator.start && operator.end < to { Span::new(from, to) } else { operator }
    }

    fn text(&mut self, text: &TextLiteral) {
        let is_changed = text.quotes == Quotes::Rhai
            && (text.span.of(self.text).contains('`')
                || text.parts.iter().any(|part| match part {
                    TextPart::Letters(_) => false,
                    TextPart::Value(pieces) => !matches!(
                        pieces.as_slice(),
                        [Piece::Variable(span)] if self.scopes.is_literal(*span)
                    ),
                }));
        if is_changed {
            self.tell(ChangeKind::Text, text.span);
        }
        for part in &text.parts {
            if let TextPart::Value(pieces) = part {
                self.pieces(pieces);
            }
        }
    }
}

/// Whether a pipeline gives a record with a count of its own.
fn counts(pipeline: &Pipeline) -> bool {
    let last = pipeline.commands.last().and_then(|command| command.cmdlet.description());
    last.is_some_and(|description| description.name == "Measure-Object")
}
