//! The tree: Rhai text in pieces, and the command lines between them.
//!
//! Made by the parser, read by scope, lowering and completion. Rhai's own grammar is not in it:
//! a piece of Rhai text is a [`Span`], and only what command lines touch has a node. Concatenating
//! all spans of Rhai text and blanks in a text without command lines gives the text.

use super::lexer::BindingPower;
use super::source_map::Span;
use crate::cmdlet::{Description, Parameter};
use crate::value::compare::ComparisonOperator;
use crate::value::pattern::Case;

/// A whole text.
#[derive(Debug)]
pub struct Script {
    /// A `#!` line, which Rhai must not see.
    pub shebang: Option<Span>,
    /// The statements.
    pub body: StatementBlock,
}

/// Statements in a row.
#[derive(Debug, Default)]
pub struct StatementBlock {
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// Blanks and comments behind the last one.
    pub tail: Option<Span>,
}

/// One statement.
#[derive(Debug)]
pub struct Statement {
    /// What becomes of values inside.
    pub role: StatementRole,
    /// Its text, the blanks before it included.
    pub pieces: Vec<Piece>,
    /// How it ends.
    pub end: StatementEnd,
}

/// What becomes of the value of a command that stands in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementRole {
    /// The statement is the command.
    Command,
    /// `if`, `switch`, `try`, a block: the value of its last statement is its own.
    Branch,
    /// `for`, `while`, `loop`, `do`: values of its statements go nowhere.
    Loop,
    /// Anything else: a command inside is an operand.
    Other,
}

/// How a statement ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementEnd {
    /// By the semicolon that stands there.
    Semicolon(Span),
    /// By the end of its line: Rhai needs a semicolon.
    Line,
    /// By itself, or by the end of its block.
    Open,
}

/// A piece of a statement. The large ones are boxed: most are small, and there are many.
#[derive(Debug)]
pub enum Piece {
    /// Rhai text.
    Rhai(Span),
    /// A string of Rhai's that has a `$` in it, which means nothing there.
    Quoted(Span),
    /// Blanks and comments.
    Blank(Span),
    /// A binary operator of Rhai's.
    Binary(Span, BindingPower),
    /// `!`.
    Bang(Span),
    /// A dash operator, until its operands are known.
    Dash(Span, DashOperator),
    /// A name in Rhai text that may be a variable.
    Word(Span),
    /// A name that `let` or `const` declares from here on.
    Declared(Span),
    /// `$x`.
    Variable(Span),
    /// `$x` where it is assigned to.
    Assigned(Span),
    /// `$_`.
    Current(Span),
    /// Text of ours that stands for what the author wrote: `true` for `$true`.
    Literal(Span, Literal),
    /// `(…)`, `[…]`, `#{…}`.
    Group(Box<GroupExpression>),
    /// `{ … }` in Rhai text.
    Body(Box<Body>),
    /// `|a, b| …`.
    Closure(ClosureExpression),
    /// `fn name(…) { … }`.
    Function(Box<Function>),
    /// The condition of `if`, `while`, `until`.
    Condition(Vec<Piece>),
    /// A command line.
    Pipeline(Pipeline),
    /// Operands with dash operators.
    Operation(Box<Operation>),
    /// `"…"` or a bare word, in PowerShell's meaning.
    Text(TextLiteral),
    /// `a, b` or `@(…)`.
    List(ListLiteral),
    /// `@{…}`.
    Map(MapLiteral),
    /// `{ … }` as an argument.
    ScriptBlock(ScriptBlock),
}

/// A constant of the command line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// `$null`.
    Null,
    /// `$true`, `$false`.
    Boolean(bool),
    /// `5`, `0x1F`, `5kb`.
    Integer(i64),
    /// `1.5`.
    Float(f64),
}

/// `(…)`, `[…]`, `#{…}` of Rhai's, and `$(…)`.
#[derive(Debug)]
pub struct GroupExpression {
    /// The `$` of `$(…)`, which Rhai must not see.
    pub dollar: Option<Span>,
    /// The opening bracket.
    pub open: Span,
    /// What stands inside, separators included.
    pub pieces: Vec<Piece>,
    /// The closing bracket, if there is one.
    pub close: Option<Span>,
}

/// `{ … }` of Rhai's.
#[derive(Debug)]
pub struct Body {
    /// The opening brace.
    pub open: Span,
    /// Names that its header declares inside: of `for`, `catch`.
    pub declares: Vec<Span>,
    /// Whether what its header declares is an error that was caught.
    pub catches: bool,
    /// What stands inside.
    pub block: StatementBlock,
    /// The closing brace, if there is one.
    pub close: Option<Span>,
}

/// A closure of Rhai's.
#[derive(Debug)]
pub struct ClosureExpression {
    /// Its bars and what stands between them.
    pub head: Span,
    /// Its parameters.
    pub parameters: Vec<Span>,
    /// Its body: an expression or a block.
    pub body: Vec<Piece>,
}

/// A function of Rhai's.
#[derive(Debug)]
pub struct Function {
    /// From `fn` to the bracket that closes the parameters.
    pub head: Span,
    /// Its name.
    pub name: Span,
    /// Its parameters.
    pub parameters: Vec<Span>,
    /// Blanks before the body.
    pub blank: Span,
    /// Its body; a function without one is Rhai's to refuse.
    pub body: Option<Body>,
}

/// Commands joined by pipes.
#[derive(Debug)]
pub struct Pipeline {
    /// The Rhai expression before the first pipe, if there is one.
    pub head: Option<Vec<Piece>>,
    /// The commands; at least one, unless one could not be read.
    pub commands: Vec<CommandExpression>,
    /// From the head to the last argument.
    pub span: Span,
}

/// One command.
#[derive(Debug)]
pub struct CommandExpression {
    /// The cmdlet's name as it was written.
    pub name: Span,
    /// What it means.
    pub cmdlet: CmdletCall,
    /// Its arguments.
    pub arguments: Vec<CallArgument>,
}

/// What the name of a command means.
#[derive(Clone, Copy, Debug)]
pub enum CmdletCall {
    /// A cmdlet that may be run.
    Known(&'static Description),
    /// A cmdlet that exists, but not for this principal: the door refuses it when it is run.
    Forbidden(&'static Description),
    /// Nothing; a mistake has been noted.
    Unknown,
}

impl CmdletCall {
    /// The description, if there is one.
    pub fn description(self) -> Option<&'static Description> {
        match self {
            Self::Known(description) | Self::Forbidden(description) => Some(description),
            Self::Unknown => None,
        }
    }
}

/// One argument of a command.
#[derive(Debug)]
pub struct CallArgument {
    /// The whole argument.
    pub span: Span,
    /// How it says which parameter it is for.
    pub name: Name,
    /// The parameter, as far as it is known.
    pub parameter: Option<&'static Parameter>,
    /// The value; none for a switch.
    pub value: Option<Vec<Piece>>,
}

/// How an argument says which parameter it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `-Name`, without its hyphen.
    Given(Span),
    /// By its place.
    Place,
    /// `@name`: the map has the names.
    Splat,
}

/// Text with variables in it.
#[derive(Debug)]
pub struct TextLiteral {
    /// With its quotes.
    pub span: Span,
    /// What it is made of.
    pub parts: Vec<TextPart>,
    /// Whether it was written without quotes.
    pub bare: bool,
}

/// A part of a text.
#[derive(Debug)]
pub enum TextPart {
    /// Characters, escapes resolved.
    Letters(String),
    /// `$x`, `$_` or what stands in `$(…)`.
    Value(Vec<Piece>),
}

impl TextLiteral {
    /// The characters, if no variable is in it.
    pub fn letters(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TextPart::Letters(letters)] => Some(letters),
            _ => None,
        }
    }
}

/// A list.
#[derive(Debug)]
pub struct ListLiteral {
    /// The whole.
    pub span: Span,
    /// Its elements.
    pub items: Vec<Vec<Piece>>,
    /// `@(…)`: an element that is itself a list is spread.
    pub spreads: bool,
}

/// A map.
#[derive(Debug)]
pub struct MapLiteral {
    /// The whole.
    pub span: Span,
    /// Keys and values.
    pub entries: Vec<(TextLiteral, Vec<Piece>)>,
}

/// A script block.
#[derive(Debug)]
pub struct ScriptBlock {
    /// With its braces.
    pub span: Span,
    /// What stands inside.
    pub block: StatementBlock,
}

/// Operands joined by dash operators, or by Rhai's around them.
#[derive(Debug)]
pub enum Operation {
    /// No operator.
    Operand(Vec<Piece>),
    /// `-not`, or `!` beside dash operators.
    Not {
        /// Where it stands.
        span: Span,
        /// Behind it.
        operand: Box<Operation>,
    },
    /// Operands joined by operators that bind alike, from left to right.
    Chain {
        /// How they bind.
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
    /// What joins.
    pub operator: BinaryOperator,
    /// Where the operator stands.
    pub span: Span,
    /// What stands behind it.
    pub operand: Operation,
}

/// What joins two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `-eq` and its family.
    Comparison(ComparisonOperator, Case),
    /// `-and`.
    And,
    /// `-or`.
    Or,
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
    /// `-not`.
    Not,
    /// `-eq` and its family.
    Comparison(ComparisonOperator, Case),
}

impl DashOperator {
    /// The operator that is written so, without its hyphen, in any letter case.
    pub fn named(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "and" => Some(Self::And),
            "or" => Some(Self::Or),
            "not" => Some(Self::Not),
            word => ComparisonOperator::named(word).map(|(operator, case)| Self::Comparison(operator, case)),
        }
    }

    /// How it binds.
    pub fn binding(self) -> BindingPower {
        match self {
            Self::And | Self::Or => BindingPower::Logic,
            Self::Not | Self::Comparison(..) => BindingPower::Comparison,
        }
    }
}

impl Piece {
    /// Where the piece stands; none for an empty condition.
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
        }
    }

    /// Whether it is nothing but blanks and comments.
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Blank(_))
    }
}

impl Operation {
    /// From its first operand to its last.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Operand(pieces) => span_of(pieces),
            Self::Not { span, operand } => Some(operand.span().map_or(*span, |operand| span.to(operand))),
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

/// From the first piece that is not blank to the last.
pub fn span_of(pieces: &[Piece]) -> Option<Span> {
    pieces.iter().filter(|piece| !piece.is_blank()).filter_map(Piece::span).reduce(Span::to)
}
