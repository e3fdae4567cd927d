//! Operators with a dash, and the operands that they join.

use super::{Piece, span_of};
use crate::script::language::lexer::BindingPower;
use crate::script::language::source_map::Span;
use crate::value::compare::ComparisonOperator;
use crate::value::pattern::Case;

/// Operands joined by dash operators, or by Rhai's around them.
#[derive(Debug)]
pub enum Operation {
    /// No operator.
    Operand(Vec<Piece>),
    /// `-join` and `-split` before their operand.
    Unary {
        /// The span of the operator.
        span: Span,
        /// `join` or `split`.
        operator: ShellOperator,
        /// Behind it.
        operand: Box<Operation>,
    },
    /// `-not`, or `!` beside dash operators.
    Not {
        /// The span of the operator.
        span: Span,
        /// Behind it.
        operand: Box<Operation>,
    },
    /// Operands joined by operators that bind alike, from left to right.
    Chain {
        /// The binding power of the operators.
        binding: BindingPower,
        /// The first operand.
        first: Box<Operation>,
        /// The others, each with the operator before it.
        rest: Vec<Link>,
    },
}

/// An operator with the operand behind it.
#[derive(Debug)]
pub struct Link {
    /// The operator that joins the operand.
    pub operator: BinaryOperator,
    /// The span of the operator.
    pub span: Span,
    /// The operand behind the operator.
    pub operand: Operation,
}

/// An operator that joins two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `-eq` and its family.
    Comparison(ComparisonOperator, Case),
    /// `-replace` and its family.
    Shell(ShellOperator, Case),
    /// `-and`.
    And,
    /// `-or`.
    Or,
    /// `-xor`.
    Xor,
    /// An operator of Rhai's.
    Rhai,
}

/// A dash operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashOperator {
    /// `-and`.
    And,
    /// `-or`.
    Or,
    /// `-xor`.
    Xor,
    /// `-not`.
    Not,
    /// `-eq` and its family.
    Comparison(ComparisonOperator, Case),
    /// `-replace` and its family.
    Shell(ShellOperator, Case),
}

/// A dash operator that makes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShellOperator {
    /// `-replace`
    Replace,
    /// `-split`
    Split,
    /// `-join`
    Join,
    /// `-f`
    Format,
    /// `-is`
    Is,
    /// `-isnot`
    IsNot,
    /// `-as`
    As,
    /// `-band`
    BitAnd,
    /// `-bor`
    BitOr,
    /// `-bxor`
    BitXor,
    /// `-shl`
    ShiftLeft,
    /// `-shr`
    ShiftRight,
}

/// The operators that make a value, by their names without the dash.
pub const SHELL_OPERATORS: [(&str, ShellOperator); 12] = [
    ("replace", ShellOperator::Replace),
    ("split", ShellOperator::Split),
    ("join", ShellOperator::Join),
    ("f", ShellOperator::Format),
    ("is", ShellOperator::Is),
    ("isnot", ShellOperator::IsNot),
    ("as", ShellOperator::As),
    ("band", ShellOperator::BitAnd),
    ("bor", ShellOperator::BitOr),
    ("bxor", ShellOperator::BitXor),
    ("shl", ShellOperator::ShiftLeft),
    ("shr", ShellOperator::ShiftRight),
];

impl ShellOperator {
    /// The operator's name without the dash.
    pub fn name(self) -> &'static str {
        SHELL_OPERATORS.iter().find(|(_, own)| *own == self).map_or("", |(name, _)| name)
    }

    /// The operator of that name, in any letter case; `creplace` and `csplit` count letter case.
    pub fn named(name: &str) -> Option<(Self, Case)> {
        let name = name.to_ascii_lowercase();
        let (case, plain) = match name.as_str() {
            "creplace" | "csplit" => (Case::Sensitive, &name[1..]),
            "ireplace" | "isplit" => (Case::Ignored, &name[1..]),
            name => (Case::Ignored, name),
        };
        SHELL_OPERATORS.iter().find(|(own, _)| *own == plain).map(|(_, own)| (*own, case))
    }
}

impl DashOperator {
    /// The operator that is written so, without its hyphen, in any letter case.
    pub fn named(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "and" => Some(Self::And),
            "or" => Some(Self::Or),
            "xor" => Some(Self::Xor),
            "not" => Some(Self::Not),
            word => ComparisonOperator::named(word)
                .map(|(operator, case)| Self::Comparison(operator, case))
                .or_else(|| ShellOperator::named(word).map(|(operator, case)| Self::Shell(operator, case))),
        }
    }

    /// Returns the binding power of the operator.
    pub fn binding(self) -> BindingPower {
        match self {
            Self::And | Self::Or | Self::Xor => BindingPower::Logic,
            Self::Not | Self::Comparison(..) | Self::Shell(..) => BindingPower::Comparison,
        }
    }

    /// Whether it may stand before its operand.
    pub fn is_unary(self) -> bool {
        matches!(self, Self::Not | Self::Shell(ShellOperator::Join | ShellOperator::Split, _))
    }
}

impl Operation {
    /// From its first operand to its last.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Operand(pieces) => span_of(pieces),
            Self::Not { span, operand } | Self::Unary { span, operand, .. } => {
                Some(operand.span().map_or(*span, |operand| span.to(operand)))
            }
            Self::Chain { first, rest, .. } => {
                let last = rest.last().map(|link| link.operand.span().unwrap_or(link.span));
                first
                    .span()
                    .into_iter()
                    .chain(rest.first().map(|link| link.span))
                    .chain(last)
                    .reduce(Span::to)
            }
        }
    }
}
