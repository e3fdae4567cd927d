//! Operators, lowered: dash operators become calls, and conditions have PowerShell's truth.
//!
//! Rhai's own operators stay what they are, and so do their rules: only what came from a command
//! line or a dash operator is asked for its truth.

use super::{Lowering, ValueUse, ValueUses, is_ours};
use crate::script::language::lexer::BindingPower;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{BinaryOperator, Link, Operation, Piece};
use crate::value::pattern::Case;

impl Lowering<'_> {
    /// A condition: PowerShell's truth where command lines or dash operators are all of it, or all
    /// of what `&&`, `||` and `!` join.
    pub(super) fn condition(&mut self, pieces: &[Piece]) {
        for operand in pieces.split_inclusive(joins) {
            let (operand, operator) = match operand.split_last() {
                Some((operator, operand)) if joins(operator) => (operand, Some(operator)),
                _ => (operand, None),
            };
            self.condition_operand(operand);
            if let Some(operator) = operator {
                self.piece(operator, ValueUses::VALUES);
            }
        }
    }

    /// Writes an operand of `&&` or `||`.
    fn condition_operand(&mut self, pieces: &[Piece]) {
        let leading = pieces.iter().take_while(|piece| piece.is_blank() || matches!(piece, Piece::Bang(_)));
        let (leading, solid) = pieces.split_at(leading.count());
        let trailing = solid.iter().rev().take_while(|piece| piece.is_blank()).count();
        let (solid, trailing) = solid.split_at(solid.len() - trailing);
        self.values(leading);
        match solid {
            [Piece::Operation(operation)] => self.truth(operation),
            [Piece::Pipeline(pipeline)] => {
                self.writer.made_at("__shell::truth(", pipeline.span.start);
                self.pipeline(pipeline, ValueUse::Value);
                self.writer.made_here(")");
            }
            [Piece::Group(group)] if group.dollar.is_none() => self.true_group(group),
            solid if !solid.is_empty() && self.members(solid) == solid.len() => self.true_value(solid),
            solid if is_ours(solid) => self.true_value(solid),
            solid => self.values(solid),
        }
        self.values(trailing);
    }

    /// An operation as a boolean.
    pub(super) fn truth(&mut self, operation: &Operation) {
        if is_boolean(operation) {
            self.operation(operation);
            return;
        }
        if let Operation::Operand(pieces) = operation
            && let [Piece::Group(group)] = pieces.as_slice()
        {
            self.writer.reach(group.open.start);
            self.writer.made("__shell::truth(", group.open.start);
            self.values(&group.pieces);
            self.writer.made_here(")");
            return;
        }
        let start = operation.span().map_or(0, |span| span.start);
        self.writer.made_at("__shell::truth(", start);
        self.operation(operation);
        self.writer.made_here(")");
    }

    pub(super) fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.values(pieces),
            Operation::Not { span, operand } => {
                self.writer.made_at("!", span.start);
                self.truth(operand);
            }
            Operation::Unary { span, operator, operand } => {
                let call = format!("__shell::unary(\"{}\", ", operator.name());
                self.writer.made_at(&call, span.start);
                self.operation(operand);
                self.writer.made_here(")");
            }
            Operation::Chain { binding: BindingPower::Logic, first, rest } => self.logic(first, rest),
            Operation::Chain { binding: BindingPower::Or | BindingPower::And, first, rest } => {
                self.joined(first, rest)
            }
            Operation::Chain { binding: BindingPower::Comparison | BindingPower::Operand, first, rest } => {
                self.comparison(first, rest);
            }
        }
    }

    /// `-and` and `-or` bind alike: `a -or b -and c` is `(a || b) && c`.
    fn logic(&mut self, first: &Operation, rest: &[Link]) {
        let start = first.span().map_or(0, |span| span.start);
        let turns = rest.windows(2).filter(|pair| pair[0].operator != pair[1].operator).count();
        self.writer.made_at(&"(".repeat(turns + 1), start);
        self.truth(first);
        let mut before = None;
        for link in rest {
            if before.is_some_and(|before| before != link.operator) {
                self.writer.made_here(")");
            }
            before = Some(link.operator);
            let operator = match link.operator {
                BinaryOperator::And => " && ",
                BinaryOperator::Xor => " != ",
                BinaryOperator::Or
                | BinaryOperator::Comparison(..)
                | BinaryOperator::Shell(..)
                | BinaryOperator::Rhai => " || ",
            };
            self.writer.made_at(operator, link.span.start);
            self.truth(&link.operand);
        }
        self.writer.made_here(")");
    }

    /// `&&`, `||` and their bitwise kin, with operations between them.
    fn joined(&mut self, first: &Operation, rest: &[Link]) {
        let wants_truth = rest.first().is_some_and(|link| is_logical(link.span));
        if wants_truth {
            self.truth_of_dashes(first)
        } else {
            self.operation(first)
        }
        for link in rest {
            self.writer.made_here(" ");
            self.writer.copy(link.span);
            self.writer.made_here(" ");
            if is_logical(link.span) {
                self.truth_of_dashes(&link.operand)
            } else {
                self.operation(&link.operand)
            }
        }
    }

    /// Writes an operation as a condition. What Rhai made stays as it is, so that Rhai's own rules hold for it.
    fn truth_of_dashes(&mut self, operation: &Operation) {
        match operation {
            Operation::Operand(pieces) => self.values(pieces),
            Operation::Not { .. } | Operation::Unary { .. } | Operation::Chain { .. } => {
                self.truth(operation)
            }
        }
    }

    fn comparison(&mut self, first: &Operation, rest: &[Link]) {
        let start = first.span().map_or(0, |span| span.start);
        self.writer.reach(start);
        for link in rest.iter().rev() {
            let (function, name, case) = match link.operator {
                BinaryOperator::Comparison(operator, case) => ("compare", operator.name(), case),
                BinaryOperator::Shell(operator, case) => ("operate", operator.name(), case),
                BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor | BinaryOperator::Rhai => {
                    continue;
                }
            };
            let case = if case == Case::Sensitive { "c" } else { "" };
            self.writer.made(&format!("__shell::{function}(\"{case}{name}\", "), link.span.start);
        }
        self.operation(first);
        for link in rest {
            match link.operator {
                BinaryOperator::Comparison(..) | BinaryOperator::Shell(..) => {
                    self.writer.made(", ", link.span.start);
                    self.operation(&link.operand);
                    self.writer.made_here(")");
                }
                BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor | BinaryOperator::Rhai => {
                    self.writer.made_here(" ");
                    self.writer.copy(link.span);
                    self.writer.made_here(" ");
                    self.operation(&link.operand);
                }
            }
        }
    }
}

/// The operator of the engine that reckons as PowerShell does.
pub(super) fn arithmetic(written: &str) -> Option<&'static str> {
    OPERATORS.iter().find(|(own, _, _)| *own == written).map(|(_, name, _)| *name)
}

/// Operators as they are written, what the lowered text calls them, and how tightly Rhai binds them.
pub const OPERATORS: &[(&str, &str, u8)] = &[
    ("+", "__add", 150),
    ("-", "__sub", 150),
    ("*", "__mul", 180),
    ("/", "__div", 180),
    ("%", "__rem", 180),
    ("..", "__to", 140),
];

/// Whether a piece is `&&` or `||`.
fn joins(piece: &Piece) -> bool {
    matches!(piece, Piece::Binary(span, BindingPower::And | BindingPower::Or) if is_logical(*span))
}

/// Whether an operator of Rhai's is `&&` or `||`, and not `&` or `|`.
fn is_logical(operator: Span) -> bool {
    operator.end - operator.start == 2
}

fn is_boolean(operation: &Operation) -> bool {
    match operation {
        Operation::Operand(_) | Operation::Unary { .. } => false,
        Operation::Not { .. } => true,
        Operation::Chain { binding, rest, .. } => match binding {
            BindingPower::Logic => true,
            BindingPower::Or | BindingPower::And => rest.iter().all(|link| is_logical(link.span)),
            BindingPower::Comparison => rest.last().is_some_and(|link| link.operator == BinaryOperator::Rhai),
            BindingPower::Operand => false,
        },
    }
}
