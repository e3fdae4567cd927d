//! The tree: Rhai text in pieces, and the command lines between them.
//!
//! Made by the parser, read by scope, lowering and completion. Rhai's own grammar is not in it:
//! a piece of Rhai text is a [`Span`], and only what command lines touch has a node. Concatenating
//! all spans of Rhai text and blanks in a text without command lines gives the text.

mod operator;
mod walk;

use std::sync::Arc;

use super::lexer::BindingPower;
use super::source_map::Span;
use crate::cmdlet::{Description, Parameter};
use crate::value::compare::ComparisonOperator;
use crate::value::pattern::Case;

pub use operator::{BinaryOperator, DashOperator, Link, Operation};
pub use walk::{Inside, span_of};

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
    /// The checks that a given value must pass.
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
