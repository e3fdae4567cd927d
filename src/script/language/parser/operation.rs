//! Operators: a run of operands with dash operators in it as an [`Operation`].
//!
//! Called by the parser when an expression is complete. PowerShell's order: `-and` and `-or` bind
//! alike and loosest, comparisons bind alike and tighter, `-not` binds tightest; Rhai's operators
//! stand between them as they do among themselves. Chains are flat, so that a long one is not deep.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::script::language::lexer::BindingPower;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{BinaryOperator, DashOperator, Link, Operation, Piece};

/// Puts one operation in the place of the pieces from `begin` on; blanks around it stay. Gives the
/// dash operators that nothing stands behind.
pub fn join(pieces: &mut Vec<Piece>, begin: usize) -> Vec<Span> {
    let mut run: Vec<Piece> = pieces.drain(begin.min(pieces.len())..).collect();
    let leading = run.iter().take_while(|piece| piece.is_blank()).count();
    pieces.extend(run.drain(..leading));
    let behind = run.iter().rposition(|piece| !piece.is_blank()).map_or(0, |last| last + 1);
    let trailing = run.split_off(behind);
    let lacking = lacking(&run);
    let operation = chain(&mut run.into_iter().peekable(), BindingPower::Logic);
    pieces.push(Piece::Operation(Box::new(operation)));
    pieces.extend(trailing);
    lacking
}

/// The dash operators without an operand behind them.
fn lacking(run: &[Piece]) -> Vec<Span> {
    let mut solid = run.iter().filter(|piece| !piece.is_blank()).peekable();
    let mut found = Vec::new();
    while let Some(piece) = solid.next() {
        let Piece::Dash(span, _) = piece else { continue };
        let is_operator = |next: &&Piece| {
            matches!(next, Piece::Binary(..))
                || matches!(next, Piece::Dash(_, operator) if !operator.is_unary())
        };
        if solid.peek().is_none_or(is_operator) {
            found.push(*span);
        }
    }
    found
}

type OperandPieces = Peekable<IntoIter<Piece>>;

fn chain(pieces: &mut OperandPieces, binding: BindingPower) -> Operation {
    let tighter = match binding {
        BindingPower::Logic => BindingPower::Or,
        BindingPower::Or => BindingPower::And,
        BindingPower::And => BindingPower::Comparison,
        BindingPower::Comparison | BindingPower::Operand => return operand(pieces, binding),
    };
    links(pieces, binding, |pieces| chain(pieces, tighter))
}

fn operand(pieces: &mut OperandPieces, binding: BindingPower) -> Operation {
    if binding == BindingPower::Comparison { links(pieces, binding, unary) } else { unary(pieces) }
}

fn links(
    pieces: &mut OperandPieces,
    binding: BindingPower,
    mut next: impl FnMut(&mut OperandPieces) -> Operation,
) -> Operation {
    let first = next(pieces);
    let mut rest = Vec::new();
    while let Some((operator, span)) = pieces.peek().and_then(|piece| binary_operator(piece, binding)) {
        pieces.next();
        rest.push(Link { operator, span, operand: next(pieces) });
    }
    if rest.is_empty() { first } else { Operation::Chain { binding, first: Box::new(first), rest } }
}

fn binary_operator(piece: &Piece, wanted: BindingPower) -> Option<(BinaryOperator, Span)> {
    if let Piece::Binary(span, binding) = piece {
        return (*binding == wanted).then_some((BinaryOperator::Rhai, *span));
    }
    let Piece::Dash(span, operator) = piece else { return None };
    let binary = match operator {
        DashOperator::And => BinaryOperator::And,
        DashOperator::Or => BinaryOperator::Or,
        DashOperator::Xor => BinaryOperator::Xor,
        DashOperator::Shell(operator, case) => BinaryOperator::Shell(*operator, *case),
        DashOperator::Comparison(operator, case) => BinaryOperator::Comparison(*operator, *case),
        DashOperator::Not => return None,
    };
    (operator.binding() == wanted).then_some((binary, *span))
}

fn unary(pieces: &mut OperandPieces) -> Operation {
    if let Some(Piece::Dash(span, DashOperator::Shell(operator, _))) = pieces.peek() {
        let (span, operator) = (*span, *operator);
        pieces.next();
        while pieces.next_if(Piece::is_blank).is_some() {}
        return Operation::Unary { span, operator, operand: Box::new(unary(pieces)) };
    }
    let mut nots = Vec::new();
    let mut blanks = Vec::new();
    loop {
        match pieces.peek() {
            Some(Piece::Dash(span, DashOperator::Not) | Piece::Bang(span)) => {
                nots.push(*span);
                pieces.next();
            }
            Some(Piece::Blank(_)) => blanks.extend(pieces.next()),
            _ => break,
        }
    }
    let mut operand = Operation::Operand(primary(pieces, blanks));
    // A hundred negations say no more than one or two.
    let odd = nots.len() % 2;
    let kept = if nots.len() > 2 { 2 - odd } else { nots.len() };
    for span in nots.into_iter().take(kept).rev() {
        operand = Operation::Not { span, operand: Box::new(operand) };
    }
    operand
}

/// Pieces up to an operator that binds no tighter than a comparison; blanks before it are left out.
fn primary(pieces: &mut OperandPieces, blanks: Vec<Piece>) -> Vec<Piece> {
    let mut operand = blanks;
    let ends = |piece: &Piece| {
        matches!(piece, Piece::Dash(..))
            || matches!(piece, Piece::Binary(_, binding) if *binding != BindingPower::Operand)
    };
    while let Some(piece) = pieces.next_if(|piece| !ends(piece)) {
        operand.push(piece);
    }
    while operand.last().is_some_and(Piece::is_blank) {
        operand.pop();
    }
    let leading = operand.iter().take_while(|piece| piece.is_blank()).count();
    operand.drain(..leading);
    operand
}
