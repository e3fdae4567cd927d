//! The way through the tree: what a piece holds, and where it stands.

use super::{
    Body, FunctionParameter, GivenValue, GroupExpression, Piece, ShellStatement, Statement, StatementBlock,
    StepValue,
};
use crate::script::language::source_map::Span;

/// The content of a piece.
pub enum Inside<'a> {
    /// Pieces.
    Pieces(&'a [Piece]),
    /// Statements.
    Block(&'a StatementBlock),
    /// One statement.
    Statement(&'a Statement),
}

impl Piece {
    /// Returns the span of the piece; none for an empty condition.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Rhai(span)
            | Self::Quoted(span)
            | Self::Blank(span)
            | Self::Binary(span, _)
            | Self::Bang(span)
            | Self::Dash(span, _)
            | Self::Word(span)
            | Self::Declared(span)
            | Self::Variable(span)
            | Self::Assigned(span)
            | Self::Current(span)
            | Self::Literal(span, _) => Some(*span),
            Self::Group(group) => {
                let GroupExpression { dollar, open, close, .. } = &**group;
                Some([*dollar, *close].into_iter().flatten().fold(*open, Span::to))
            }
            Self::Body(body) => Some(body.close.map_or(body.open, |close| body.open.to(close))),
            Self::Closure(closure) => Some(closure.head),
            Self::Function(function) => Some(function.head),
            Self::Condition(pieces) => span_of(pieces),
            Self::Pipeline(pipeline) => Some(pipeline.span),
            Self::Operation(operation) => operation.span(),
            Self::Text(text) => Some(text.span),
            Self::List(list) => Some(list.span),
            Self::Map(map) => Some(map.span),
            Self::ScriptBlock(block) => Some(block.span),
            Self::Shell(statement) => Some(statement.keyword()),
            Self::Output(statement) => span_of(&statement.pieces),
            Self::Block(inside) => Some(inside.span),
            Self::Call(call) => Some(call.span),
            Self::Cast(cast) => {
                Some(span_of(&cast.operand).map_or(cast.type_span, |operand| cast.type_span.to(operand)))
            }
            Self::Static(member) => {
                let close = member.arguments.as_ref().and_then(|group| group.close);
                Some(close.map_or(member.span, |close| member.span.to(close)))
            }
            Self::Type(span) | Self::Automatic(span, _) | Self::Keyword(span, _) => Some(*span),
            Self::Exit(exit) => {
                Some(span_of(&exit.status).map_or(exit.keyword, |status| exit.keyword.to(status)))
            }
            Self::Several(several) => {
                let first = several.targets.first().copied();
                first.map(|first| span_of(&several.value).map_or(first, |value| first.to(value)))
            }
            Self::Step(step) => {
                let target = span_of(&step.target);
                Some(target.map_or(step.operator, |target| match step.gives {
                    StepValue::After => step.operator.to(target),
                    StepValue::None | StepValue::Before => target.to(step.operator),
                }))
            }
            Self::Ternary(ternary) => {
                let begin = span_of(&ternary.condition).unwrap_or(ternary.operator);
                Some(begin.to(span_of(&ternary.second).unwrap_or(ternary.operator)))
            }
            Self::Invoked(invoked) => {
                Some(invoked.operator.to(span_of(&invoked.block).unwrap_or(invoked.operator)))
            }
        }
    }

    /// Returns the content of a piece of PowerShell's own kinds, in order.
    pub fn inside(&self) -> Vec<Inside<'_>> {
        match self {
            Self::Shell(statement) => statement.inside(),
            Self::Output(statement) => vec![Inside::Statement(statement)],
            Self::Block(inside) => vec![Inside::Block(&inside.block)],
            Self::Call(call) => {
                let values = call.values.iter().flatten().filter_map(|value| match value {
                    GivenValue::On => None,
                    GivenValue::Pieces(pieces) => Some(Inside::Pieces(pieces)),
                });
                values.chain(call.rest.iter().map(|pieces| Inside::Pieces(pieces))).collect()
            }
            Self::Cast(cast) => vec![Inside::Pieces(&cast.operand)],
            Self::Static(member) => {
                member.arguments.iter().map(|group| Inside::Pieces(&group.pieces)).collect()
            }
            Self::Several(several) => vec![Inside::Pieces(&several.value)],
            Self::Step(step) => vec![Inside::Pieces(&step.target)],
            Self::Ternary(ternary) => [&ternary.condition, &ternary.first, &ternary.second]
                .into_iter()
                .map(|pieces| Inside::Pieces(pieces))
                .collect(),
            Self::Invoked(invoked) => vec![Inside::Pieces(&invoked.block)],
            Self::Exit(exit) => vec![Inside::Pieces(&exit.status)],
            Self::Keyword(..)
            | Self::Rhai(_)
            | Self::Quoted(_)
            | Self::Blank(_)
            | Self::Binary(..)
            | Self::Bang(_)
            | Self::Dash(..)
            | Self::Word(_)
            | Self::Declared(_)
            | Self::Variable(_)
            | Self::Assigned(_)
            | Self::Current(_)
            | Self::Literal(..)
            | Self::Group(_)
            | Self::Body(_)
            | Self::Closure(_)
            | Self::Function(_)
            | Self::Condition(_)
            | Self::Pipeline(_)
            | Self::Operation(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::ScriptBlock(_)
            | Self::Type(_)
            | Self::Automatic(..) => Vec::new(),
        }
    }

    /// Whether a bracket behind it would be a part of it in Rhai.
    pub fn is_place(&self) -> bool {
        matches!(self, Self::Word(_) | Self::Variable(_) | Self::Group(_))
    }

    /// Whether it is nothing but blanks and comments.
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Blank(_))
    }
}

impl ShellStatement {
    /// The word that it begins with.
    pub fn keyword(&self) -> Span {
        match self {
            Self::ForEach { keyword, .. }
            | Self::For { keyword, .. }
            | Self::Switch { keyword, .. }
            | Self::Finally { keyword, .. }
            | Self::Function { keyword, .. }
            | Self::Param { keyword, .. } => *keyword,
        }
    }

    /// The blocks of a statement that may go round, those of a function aside.
    pub fn blocks(&self) -> Vec<&StatementBlock> {
        match self {
            Self::ForEach { body, .. } | Self::For { body, .. } => {
                body.iter().map(|body| &body.block).collect()
            }
            Self::Switch { arms, .. } => arms.iter().map(|arm| &arm.body.block).collect(),
            Self::Finally { .. } | Self::Function { .. } | Self::Param { .. } => Vec::new(),
        }
    }

    fn inside(&self) -> Vec<Inside<'_>> {
        fn bodies(body: &Option<Body>) -> impl Iterator<Item = Inside<'_>> {
            body.iter().map(|body| Inside::Block(&body.block))
        }
        match self {
            Self::ForEach { list, body, .. } => {
                std::iter::once(Inside::Pieces(list)).chain(bodies(body)).collect()
            }
            Self::For { first, condition, step, body, .. } => {
                let mut inside: Vec<_> = first.iter().map(|first| Inside::Statement(first)).collect();
                inside.push(Inside::Pieces(condition));
                inside.extend(step.iter().map(|step| Inside::Statement(step)));
                inside.extend(bodies(body));
                inside
            }
            Self::Switch { value, arms, .. } => {
                let mut inside = vec![Inside::Pieces(value)];
                for arm in arms {
                    inside.extend(arm.pattern.iter().map(|pattern| Inside::Pieces(pattern)));
                    inside.push(Inside::Block(&arm.body.block));
                }
                inside
            }
            Self::Finally { tried, body, .. } => {
                vec![Inside::Pieces(tried), Inside::Block(&body.block)]
            }
            Self::Function { parameters, body, .. } => defaults(parameters).chain(bodies(body)).collect(),
            Self::Param { parameters, .. } => defaults(parameters).collect(),
        }
    }
}

fn defaults(parameters: &[FunctionParameter]) -> impl Iterator<Item = Inside<'_>> {
    parameters.iter().filter_map(|parameter| parameter.default.as_ref()).map(|value| Inside::Pieces(value))
}

/// From the first piece that is not blank to the last.
pub fn span_of(pieces: &[Piece]) -> Option<Span> {
    pieces.iter().filter(|piece| !piece.is_blank()).filter_map(Piece::span).reduce(Span::to)
}
