//! The tree: Rhai text in pieces, and the command lines between them.
//!
//! Made by the parser, read by scope, lowering and completion. Rhai's own grammar is not in it:
//! a piece of Rhai text is a [`Span`], and only what command lines touch has a node. Concatenating
//! all spans of Rhai text and blanks in a text without command lines gives the text.

use std::sync::Arc;

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
    /// The role of the statement, which decides what becomes of values inside.
    pub role: StatementRole,
    /// Its text, the blanks before it included.
    pub pieces: Vec<Piece>,
    /// The end of the statement.
    pub end: StatementEnd,
}

/// The role of a statement: what becomes of the value of a command in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementRole {
    /// The statement is the command.
    Command,
    /// `if`, `switch`, `try`, a block: the value of its last statement is its own.
    Branch,
    /// `for`, `while`, `loop`, `do`: values of its statements go nowhere.
    Loop,
    /// `foreach`, `function` and their like: a statement of PowerShell's.
    Shell,
    /// Anything else: a command inside is an operand.
    Other,
}

/// The end of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementEnd {
    /// By the semicolon that stands there.
    Semicolon(Span),
    /// By the end of its line: Rhai needs a semicolon.
    Line,
    /// By itself, or by the end of its block.
    Open,
    /// By `&&`, or by `||`, which stands there: the next one is done if this one went well, or if not.
    Chain(Span),
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
    /// A statement of PowerShell's.
    Shell(Box<ShellStatement>),
    /// A statement whose output is a value: `$r = foreach …`.
    Output(Box<Statement>),
    /// `$(…; …)`, with statements in it.
    Block(Box<SubExpression>),
    /// `Name 1 -b 2`: a function of the program's own, called as a command is.
    Call(Box<FunctionCall>),
    /// `[int]$x`.
    Cast(Box<Cast>),
    /// `[math]::Round(1.5)`.
    Static(Box<StaticMember>),
    /// `[int]` behind `-is` and `-as`, with its brackets.
    Type(Span),
    /// `$a, $b = …`.
    Several(Box<SeveralAssigned>),
    /// `$x++`, `$x--`.
    Step(Box<Step>),
    /// `$?`, `$Error`, `$Matches`.
    Automatic(Span, Automatic),
    /// A keyword that Rhai writes otherwise: `If`, `elseif`.
    Keyword(Span, &'static str),
    /// `exit 3`.
    Exit(Box<Exit>),
    /// `$a ? 1 : 2`.
    Ternary(Box<TernaryExpression>),
    /// `& $block`.
    Invoked(Box<InvokedBlock>),
}

/// One of two values.
#[derive(Debug)]
pub struct TernaryExpression {
    /// `?`.
    pub operator: Span,
    /// The condition, which has PowerShell's truth.
    pub condition: Vec<Piece>,
    /// The value if it is true.
    pub first: Vec<Piece>,
    /// The value if it is not.
    pub second: Vec<Piece>,
}

/// A script block that is called where it stands.
#[derive(Debug)]
pub struct InvokedBlock {
    /// `&`, or the `.` whose block sets variables around it.
    pub operator: Span,
    /// The block, or what holds it.
    pub block: Vec<Piece>,
}

/// The end of a program.
#[derive(Debug)]
pub struct Exit {
    /// `exit`.
    pub keyword: Span,
    /// The status; none for 0.
    pub status: Vec<Piece>,
}

/// A statement of PowerShell's that Rhai has not.
#[derive(Debug)]
pub enum ShellStatement {
    /// `foreach ($x in list) { … }`.
    ForEach {
        /// `foreach`.
        keyword: Span,
        /// The variable's name, without its `$`.
        variable: Span,
        /// The list that the loop goes through.
        list: Vec<Piece>,
        /// The body, which runs for each element.
        body: Option<Body>,
    },
    /// `for ($i = 0; $i -lt 3; $i++) { … }`.
    For {
        /// `for`.
        keyword: Span,
        /// The statement that runs first.
        first: Option<Box<Statement>>,
        /// As long as this is true.
        condition: Vec<Piece>,
        /// The statement that runs between two rounds.
        step: Option<Box<Statement>>,
        /// The body, which runs in each round.
        body: Option<Body>,
    },
    /// `switch ($x) { "a" { … } default { … } }`.
    Switch {
        /// `switch`.
        keyword: Span,
        /// The way in which a pattern is compared with the value.
        by: SwitchBy,
        /// The value that the patterns are compared with.
        value: Vec<Piece>,
        /// The arms, in order.
        arms: Vec<SwitchArm>,
    },
    /// `try { … } catch { … } finally { … }`.
    Finally {
        /// `try`.
        keyword: Span,
        /// `try` and `catch`, as Rhai has them.
        tried: Vec<Piece>,
        /// Whether there is a `catch`.
        catches: bool,
        /// The body, which runs in any case.
        body: Body,
    },
    /// `function Name($a, $b = 2) { … }`.
    Function {
        /// `function`.
        keyword: Span,
        /// Its name.
        name: Span,
        /// The signature that callers must know.
        signature: Arc<Signature>,
        /// Its parameters.
        parameters: Vec<FunctionParameter>,
        /// Its body.
        body: Option<Body>,
    },
    /// `param(…)` of a script.
    Param {
        /// `param`.
        keyword: Span,
        /// The parameters.
        parameters: Vec<FunctionParameter>,
    },
}

/// The way in which the patterns of a `switch` are compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchBy {
    /// `eq`, `like` or `match`.
    pub operator: ComparisonOperator,
    /// Whether letter case counts.
    pub case: Case,
}

/// An arm of a `switch`.
#[derive(Debug)]
pub struct SwitchArm {
    /// Its pattern, or a block that says whether it fits; none for `default`.
    pub pattern: Option<Vec<Piece>>,
    /// The span of the pattern.
    pub span: Span,
    /// The body of the arm.
    pub body: Body,
}

/// The signature of a function of the program's own: what a caller must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its name as it was written.
    pub name: String,
    /// The function's name in Rhai.
    pub rhai_name: String,
    /// Its parameters.
    pub parameters: Vec<ParameterOfFunction>,
    /// Whether it takes more values than it names, as `$args`.
    pub takes_rest: bool,
}

/// A parameter of a function, as a caller must know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterOfFunction {
    /// Its name.
    pub name: String,
    /// Whether it takes no value.
    pub is_switch: bool,
    /// Whether it must be given.
    pub is_mandatory: bool,
}

/// A parameter of a function or a script.
#[derive(Debug)]
pub struct FunctionParameter {
    /// Its name, without its `$`.
    pub name: Span,
    /// The type that its value is brought to.
    pub type_name: Option<String>,
    /// Its value where none is given.
    pub default: Option<Vec<Piece>>,
    /// Whether it must be given.
    pub is_mandatory: bool,
    /// What a value that is given is held against.
    pub checks: Vec<ParameterCheck>,
}

/// `[ValidateSet("a", "b")]` and its kin.
#[derive(Debug)]
pub struct ParameterCheck {
    /// From its bracket to the other.
    pub span: Span,
    /// `ValidateSet`.
    pub name: &'static str,
    /// The values in its brackets.
    pub values: Vec<Vec<Piece>>,
}

/// Statements in `$( )`.
#[derive(Debug)]
pub struct SubExpression {
    /// With its `$` and its brackets.
    pub span: Span,
    /// The statements inside.
    pub block: StatementBlock,
}

/// A call of a function of the program's own.
#[derive(Debug)]
pub struct FunctionCall {
    /// Its name as it was written.
    pub name: Span,
    /// The whole call.
    pub span: Span,
    /// The function.
    pub signature: Arc<Signature>,
    /// A value for each parameter; none where it was not given, `None` for a switch that was.
    pub values: Vec<Option<GivenValue>>,
    /// Values that it names no parameter for.
    pub rest: Vec<Vec<Piece>>,
}

/// A value that a call of a function gives.
#[derive(Debug)]
pub enum GivenValue {
    /// A switch.
    On,
    /// A value.
    Pieces(Vec<Piece>),
}

/// A value brought to a type.
#[derive(Debug)]
pub struct Cast {
    /// The type's name with its brackets.
    pub type_span: Span,
    /// The type's name.
    pub type_name: String,
    /// The value.
    pub operand: Vec<Piece>,
}

/// A member of a type.
#[derive(Debug)]
pub struct StaticMember {
    /// From the type's bracket to the member's name.
    pub span: Span,
    /// The type's name.
    pub type_name: String,
    /// The member's name.
    pub member: Span,
    /// The arguments, if it is called.
    pub arguments: Option<GroupExpression>,
}

/// Several variables that are assigned at once.
#[derive(Debug)]
pub struct SeveralAssigned {
    /// The variables, with their `$`.
    pub targets: Vec<Span>,
    /// The value.
    pub value: Vec<Piece>,
}

/// One more, or one less.
#[derive(Debug)]
pub struct Step {
    /// The target that is changed.
    pub target: Vec<Piece>,
    /// `++` or `--`.
    pub operator: Span,
    /// Whether it is `++`.
    pub is_up: bool,
    /// The value that it gives, where it is one.
    pub gives: StepValue,
}

/// The value of `$x++` and its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepValue {
    /// None: it is a statement.
    None,
    /// The value before: `$y = $x++`.
    Before,
    /// The value behind: `$y = ++$x`.
    After,
}

/// A variable that the shell itself sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// `$?`: whether the last command went well.
    Succeeded,
    /// `$Error`: the errors so far, the latest first.
    Errors,
    /// `$Error.Clear()`.
    ErrorsCleared,
    /// `$Matches`: what the last `-match` found.
    Matches,
    /// `$env:NAME`: a variable of the environment.
    Environment,
    /// `$HOME`: the home directory.
    Home,
}

/// The content of a piece.
pub enum Inside<'a> {
    /// Pieces.
    Pieces(&'a [Piece]),
    /// Statements.
    Block(&'a StatementBlock),
    /// One statement.
    Statement(&'a Statement),
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
    /// The pieces inside, separators included.
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
    /// Whether it handles an error that was caught, and what that is called in it.
    pub caught: Caught,
    /// The statements inside.
    pub block: StatementBlock,
    /// The closing brace, if there is one.
    pub close: Option<Span>,
}

/// The name of a caught error in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caught {
    /// The block handles none.
    None,
    /// By the name that the header declares.
    Named,
    /// `$_`, which the block uses.
    Current,
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
    /// The cmdlet that the name means.
    pub cmdlet: CmdletCall,
    /// Its arguments.
    pub arguments: Vec<CallArgument>,
}

/// The meaning of the name of a command.
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
    /// The way in which the argument names its parameter.
    pub name: Name,
    /// The parameter, as far as it is known.
    pub parameter: Option<&'static Parameter>,
    /// The value; none for a switch.
    pub value: Option<Vec<Piece>>,
}

/// The way in which an argument names its parameter.
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
    /// The parts of the text.
    pub parts: Vec<TextPart>,
    /// The quotes of the text.
    pub quotes: Quotes,
}

/// The quotes of a text, which decide what a backslash in it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// In an argument or right of `$x =`: a backslash is a backslash.
    Shell,
    /// In an expression: a backslash escapes.
    Rhai,
    /// Without quotes.
    None,
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
    /// The statements inside.
    pub block: StatementBlock,
}

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

/// From the first piece that is not blank to the last.
pub fn span_of(pieces: &[Piece]) -> Option<Span> {
    pieces.iter().filter(|piece| !piece.is_blank()).filter_map(Piece::span).reduce(Span::to)
}
