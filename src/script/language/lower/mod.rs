//! Lowering: the tree as Rhai text, with the source position of every piece.
//!
//! Runs after the parser and scope, on trees without mistakes. Never changes Rhai's own text, but for
//! one statement more where a script with command lines in it has a `catch` with a variable
//! (`error = __shell::caught(error);`), nor
//! the number of the line that anything stands on.
//!
//! # What the lowered text calls
//!
//! Functions of the module `__shell`, which no author can name: the parser refuses names with two
//! underscores, and `Fn("…")` reaches no function of a module.
//!
//! | call | value | meaning |
//! |---|---|---|
//! | `run(stages)` | list | runs a pipeline for its records |
//! | `run_on(input, stages)` | list | the same, with the records of an expression as its input |
//! | `show(stages)`, `show_on(input, stages)` | `()` | runs a pipeline whose records nobody takes: they are the script's output, and leave as they come |
//! | `block(source, closure)` | block | a script block: a closure of one parameter with its text |
//! | `block(source, closure, closure)` | block | the same, with a closure that has captured the variables around it that the block sets |
//! | `text(parts)` | string | the parts joined as PowerShell prints them |
//! | `list(items)` | array | `@(…)`: items that are lists are spread |
//! | `map(pairs)` | table | `@{…}`: an array of `[name, value]` |
//! | `compare(operator, left, right)` | boolean, or list if `left` is one | a dash comparison; the operator's name is one of [`crate::value::compare::OPERATORS`], behind a `c` where letter case counts |
//! | `truth(value)` | boolean | PowerShell's truth |
//! | `operate(operator, left, right)`, `unary(operator, value)` | any | `-replace`, `-split`, `-join`, `-f`, `-is`, `-as` and their kin |
//! | `get(value, name)`, `at(value, place)` | any | a property or an element of whatever the value is |
//! | `cast(type, value)`, `of_type(type, member, arguments)` | any | `[int]$x`, `[math]::Round($x)` |
//! | `code(type, value)` | any | `[int][char]$x`: a cast of letters to their numbers |
//! | `each(value)` | array or range | what `foreach` and `switch` go through |
//! | `gathered(array)`, `returned(array, value)` | any | what a function or a statement gives: nothing, a value, or a list |
//! | `many_of(value)`, `nth(array, place)`, `rest(array, place)` | any | the parts of `$a, $b = …` |
//! | `addend(kind, value)` | any | what `$x +=` adds to a number, a text or a list; `x.__kind()` says to which |
//! | `some(value)`, `is_null(value)` | any | before `??`: what a command did not give is nothing |
//! | `parameter(type, value)`, `arguments(given, names)`, `required(value, name)` | any | the parameters of functions and scripts |
//! | `succeeded()`, `errors()`, `forget_errors()`, `matches()` | any | `$?`, `$Error`, `$Error.Clear()`, `$Matches` |
//! | `ordered(pairs)`, `object(pairs)` | table | `[ordered]@{…}`, `[pscustomobject]@{…}` |
//! | `invoke(block)` | any | what a script block gives that `&` calls: the variables around it that it sets have their values again behind it |
//! | `invoke_here(block)` | any | what a script block gives that `.` calls |
//! | `caught(error)` | any | what a `catch` block gets: one kind of record, whoever made the error |
//! | `emit(value)` | `()` | shows a value that nobody takes |
//! | `gather(array, value)` | `()` | appends the records of a value to what a script block emits |
//! | `try_run(places, stages)`, `try_run_on`, `try_show`, `try_show_on` | attempt | runs a pipeline that sets variables, and holds its value or its error back until they are set |
//! | `keep(old, attempt, stage, parameter)` | any | what the variable of `-OutVariable` and its like holds from now on |
//! | `end(attempt)` | any | the value or the error that was held back |
//!
//! A pipeline that sets variables becomes a block: `{ let __kept = __shell::try_run(…); let __old =
//! x; x = (); x = __shell::keep(__old, __kept, 0, "OutVariable"); __shell::end(__kept) }`. `places`
//! are its pairs of a command's place and a parameter. The variable is emptied first so that what it
//! holds is moved and not copied: appending in a loop takes time by what is appended.
//!
//! `stages` is an array with an array for each command: its name, its line, its column, then an
//! array for each argument: `[name, line, column, value]`, without a value for a switch that is
//! named alone. The name is the parameter's own, whatever was written; `""` for an argument
//! without a name, `"@"` for a map whose entries are arguments. Lines and columns are the author's.
//!
//! `+ - * / %` and `..` where they are PowerShell's are operators of the engine's own: `__add`, `__to` and their kin.
//!
//! A command that stands as a statement is shown, and so is a value that begins with `$`, unless its value is the value of a function, a
//! closure or a script block. In a script block with several such commands every one counts:
//! their records are gathered in the order in which they come.

// Reading order.
mod blocks;
mod statements;
mod pieces;
mod commands;
mod literals;
mod operators;
mod members;
mod classify;
mod writer;

pub use members::METHODS;
pub use operators::OPERATORS;

pub(super) use classify::{is_expression, is_ours};

use writer::Writer;

use super::message::SyntaxProblem;
use super::scope::Scopes;
use super::source_map::{LineIndex, SourceMap, Span};
use super::tree::Script;
use crate::cmdlet::Position;

/// The lowered text and where its positions come from.
#[derive(Debug)]
pub struct LoweredText {
    /// The text for Rhai.
    pub text: String,
    /// Its positions.
    pub map: SourceMap,
    /// The places at which the script may be cut in two.
    pub boundaries: Vec<StatementBoundary>,
    /// The problem that keeps the script from being run.
    pub problem: Option<(Span, SyntaxProblem)>,
}

/// A place of the lowered text between two statements of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementBoundary {
    /// The byte at which the second begins.
    pub offset: usize,
    /// The position of that byte.
    pub position: Position,
}

/// Rhai's positions are two numbers of sixteen bits.
pub const POSITION_LIMIT: usize = u16::MAX as usize;

/// Lowers a script.
pub fn lower(script: &Script, text: &str, index: &LineIndex, scopes: &Scopes) -> LoweredText {
    let lowered = |is_pure| {
        let writer = Writer::new(text, index);
        let mut lowering = Lowering {
            writer,
            scopes,
            is_pure,
            n_caught: 0,
            ours: false,
            context: false,
            in_rhai: false,
            shell_bodies: false,
            is_top: false,
            out: "__out",
            returns: None,
        };
        lowering.frame(&script.body, ValueUse::Show, scopes.hoisted_in_script(), StatementBoundaries::Made);
        // An error that is caught is Rhai's too where nothing else is ours.
        let is_pure = lowering.n_caught > 0 && lowering.writer.n_made() == lowering.n_caught;
        (lowering.writer.output(), is_pure)
    };
    match lowered(false) {
        (_, true) => lowered(true).0,
        (output, false) => output,
    }
}

/// The use of the value of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueUse {
    /// Somebody takes it.
    Value,
    /// It is the script's output.
    Show,
    /// The script block around it gathers it.
    Gather,
}

/// The use of the values of commands in a piece, and in the blocks of it.
#[derive(Clone, Copy)]
struct ValueUses {
    pipelines: ValueUse,
    bodies: ValueUse,
}

impl ValueUses {
    const VALUES: Self = Self { pipelines: ValueUse::Value, bodies: ValueUse::Value };
}

/// Whether the text may be cut between two statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatementBoundaries {
    /// It may.
    Made,
    /// Not here.
    None,
}

struct Lowering<'a> {
    writer: Writer<'a>,
    scopes: &'a Scopes,
    /// Whether the text has nothing of ours in it.
    is_pure: bool,
    /// The number of `catch` blocks into which a statement was inserted.
    n_caught: usize,
    /// Whether operators mean what they mean in PowerShell.
    ours: bool,
    /// Whether the statements around this one are PowerShell's.
    context: bool,
    /// Whether this is in a function or a closure of Rhai's.
    in_rhai: bool,
    /// Whether this is in a block of a branch or a loop that is PowerShell's.
    shell_bodies: bool,
    /// Whether the statement that comes next is the script's own.
    is_top: bool,
    /// The array that what is emitted is gathered in.
    out: &'static str,
    /// The array that `return` gives together with its own value.
    returns: Option<&'static str>,
}

/// The current object of a script block.
const CURRENT: &str = "__it";
