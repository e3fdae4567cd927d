//! Mistakes and warnings: what is wrong with a command line, where, and what to write instead.
//!
//! Facts with fields; the sentences are made in `Display`. Knows nothing of what Rhai itself refuses.

use std::fmt;

use super::source_map::{LineIndex, Span};
use crate::cmdlet::Position;

/// Something in a text that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxMistake {
    /// Where it begins.
    pub position: Position,
    /// How many characters of that line it covers, at least one.
    pub length: usize,
    /// What it is.
    pub problem: SyntaxProblem,
}

/// Something in a text that can be run but is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxWarning {
    /// Where it begins.
    pub position: Position,
    /// How many characters of that line it covers, at least one.
    pub length: usize,
    /// What it is.
    pub doubt: SyntaxDoubt,
}

/// What a mistake is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxProblem {
    /// No cmdlet answers to the name.
    #[error("there is no cmdlet '{name}'{}", instead(.name).map_or_else(|| hint(.nearest), |way| format!("; {way}")))]
    UnknownCmdlet {
        /// As written.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<&'static str>,
    },
    /// The cmdlet has no such parameter.
    #[error("{cmdlet} has no parameter -{written}{}", hint(&.nearest.map(|name| format!("-{name}"))))]
    UnknownParameter {
        /// The cmdlet.
        cmdlet: &'static str,
        /// As written, without the hyphen.
        written: String,
        /// The nearest name, if one is near.
        nearest: Option<&'static str>,
    },
    /// PowerShell's cmdlets have the parameter, and none of ours.
    #[error("there is no -{written}; {instead}")]
    NoSuchCommon {
        /// As written, without the hyphen.
        written: String,
        /// What to do in its place.
        instead: &'static str,
    },
    /// The shortened name fits several parameters.
    #[error("-{written} of {cmdlet} may be {}", alternatives(.fits))]
    AmbiguousParameter {
        /// The cmdlet.
        cmdlet: &'static str,
        /// As written, without the hyphen.
        written: String,
        /// The parameters that it fits.
        fits: Vec<&'static str>,
    },
    /// A parameter that needs a value stands alone.
    #[error("-{parameter} of {cmdlet} needs a value")]
    MissingValue {
        /// The cmdlet.
        cmdlet: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
    /// A parameter is given twice.
    #[error("-{parameter} of {cmdlet} is given twice")]
    Repeated {
        /// The cmdlet.
        cmdlet: &'static str,
        /// The parameter.
        parameter: &'static str,
    },
    /// Nothing stands behind a dash operator.
    #[error("{operator} needs a value behind it")]
    MissingOperand {
        /// As written.
        operator: String,
    },
    /// A value is missing between commas.
    #[error("a value is missing behind the comma")]
    MissingElement,
    /// What follows `|` is no cmdlet.
    #[error("a pipe leads to a cmdlet, and none follows it")]
    NoCmdletAfterPipe,
    /// A statement of Rhai's ends without its semicolon, and a line of ours follows.
    #[error("a semicolon is missing here: statements of Rhai's end with one, command lines need none")]
    MissingSemicolon,
    /// A bracket or quote of a command line is not closed.
    #[error("{opened} is not closed")]
    Unclosed {
        /// What was opened: `"`, `{`, `@(`.
        opened: &'static str,
    },
    /// A map has one name twice.
    #[error("'{name}' stands twice in this map; letter case makes no difference")]
    RepeatedKey {
        /// The name.
        name: String,
    },
    /// A dash or a quote that a word processor made, where Rhai's own has to stand.
    #[error(
        "'{found}' is a typographic character, as word processors and web pages make them; write: {plain}"
    )]
    Typographic {
        /// The character.
        found: char,
        /// What it was made of.
        plain: char,
    },
    /// A character that has no meaning in a command line.
    #[error("'{found}' has no meaning here; quote it if it is text")]
    Unexpected {
        /// The character.
        found: char,
    },
    /// A map's entry does not begin with a name.
    #[error("a map's entry is written Name = value")]
    MapEntry,
    /// A script block in the header of a statement.
    #[error(
        "in the header of for, if and while, {{ begins the body: put a command with a script block in parentheses"
    )]
    BlockInHeader,
    /// `$_` where nothing is current.
    #[error("$_ is the current object of a script block, and this is outside of one")]
    CurrentOutside,
    /// `$_` for the error that was caught.
    #[error("there is no $_ in a catch block; write: catch (error) {{ … }}, and $error where $_ is")]
    CurrentInCatch,
    /// A variable that nothing declares.
    #[error("there is no variable ${name}{}", hint(&.nearest.as_ref().map(|name| format!("${name}"))))]
    UnknownVariable {
        /// The name.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<String>,
    },
    /// A function uses a variable of the script.
    #[error("a function does not see the script's variables; pass {name} to {function} as an argument")]
    OuterVariable {
        /// The variable.
        name: String,
        /// The function.
        function: String,
    },
    /// A `$` name fits declarations that differ by letter case.
    #[error("${name} may be {}: names after $ ignore letter case, so rename one", alternatives(.spellings))]
    AmbiguousCase {
        /// As written.
        name: String,
        /// The names that were declared.
        spellings: Vec<String>,
    },
    /// What is to be the name of a variable is none, or is only known when the line runs.
    #[error("-{parameter} takes the name of a variable as it is, without $: -{parameter} {example}")]
    VariableName {
        /// The parameter.
        parameter: &'static str,
        /// A name that it could take.
        example: String,
    },
    /// A name that the shell keeps for itself.
    #[error("names that begin with two underscores, such as {name}, are the shell's own")]
    ReservedName {
        /// As written.
        name: String,
    },
    /// Something of PowerShell's that this language has not.
    #[error("{0}")]
    Refused(RefusedConstruct),
    /// Brackets nest too deep.
    #[error("brackets and blocks nest more than {limit} deep here")]
    TooDeep {
        /// How deep they may.
        limit: usize,
    },
    /// A line on which positions cannot be counted.
    #[error("this line is too long: with its commands put into Rhai it has more than {limit} columns")]
    LineTooLong {
        /// How many columns it may have.
        limit: usize,
    },
    /// A text in which positions cannot be counted.
    #[error("this text has more than {limit} lines")]
    TooManyLines {
        /// How many lines it may have.
        limit: usize,
    },
}

/// What PowerShell has and this language has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusedConstruct {
    /// `foreach ($x in $list) { … }`.
    ForEach,
    /// `for ($i = 0; …) { … }`.
    CountedFor,
    /// `for ($x in $list) { … }`.
    ForBrackets,
    /// `function Name { … }`.
    Function,
    /// `param(…)`.
    Param,
    /// `elseif`.
    ElseIf,
    /// `finally`.
    Finally,
    /// `begin`, `process`, `end`, `trap`, `class`, `enum`, `using`, `filter`.
    Keyword(String),
    /// `switch ($x) { "a" { … } }`.
    SwitchArm,
    /// `[int]`, `[string]::Join`.
    Type(String),
    /// `@"…"@`.
    HereString,
    /// `>`, `2>&1`, `<`.
    Redirection,
    /// `&&` and `||` between commands.
    Chain,
    /// `&` behind a command.
    Background,
    /// `& $x`.
    Call,
    /// `. ./file.ps1`.
    DotSource,
    /// `${name}`.
    BracedVariable,
    /// `$env:NAME`.
    Environment(String),
    /// `$global:name`.
    Scope {
        /// `global`, `script`, `using`.
        scope: String,
        /// The variable.
        name: String,
    },
    /// `$?`, `$$`, `$args` where it is not declared.
    Automatic(String),
    /// `$ErrorActionPreference` and its kin, in small letters.
    Preference(String),
    /// `exit 3`.
    Exit,
    /// `# comment`.
    Comment,
    /// `$x++`.
    Increment,
    /// `-f` and its neighbours, without the hyphen.
    Operator(String),
    /// `--%`.
    StopParsing,
}

impl fmt::Display for RefusedConstruct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForEach => f.write_str("there is no foreach statement; write: for item in list { … }"),
            Self::CountedFor => f.write_str("for counts over a range here; write: for i in 0..10 { … }"),
            Self::ForBrackets => {
                f.write_str("for has no brackets around its header here; write: for item in list { … }")
            }
            Self::Function => f.write_str("functions are Rhai's; write: fn name(first, second) { … }"),
            Self::Param => f.write_str(
                "there is no param block; a function names its parameters: fn name(first, second) { … }",
            ),
            Self::ElseIf => f.write_str("elseif is two words here: else if"),
            Self::Finally => {
                f.write_str("there is no finally; write what must happen behind the try statement")
            }
            Self::Keyword(word) => write!(f, "'{word}' is PowerShell's and not part of this language"),
            Self::SwitchArm => {
                f.write_str("an arm of switch has an arrow; write: switch x { \"a\" => { … }, _ => { … } }")
            }
            Self::Type(name) => match conversion(name) {
                Some(instead) => write!(f, "there are no type literals such as [{name}]; write: {instead}"),
                None => write!(
                    f,
                    "there are no type literals such as [{name}]; values have their types by themselves"
                ),
            },
            Self::HereString => f.write_str(
                "there are no here-strings; text over several lines stands in Rhai's backticks: `…${x}…`",
            ),
            Self::Redirection => {
                f.write_str("there is no redirection; write: … | Out-File name, or -ErrorVariable name")
            }
            Self::Chain => f.write_str("commands are not chained by && and ||; write: if (command) { … }"),
            Self::Background => {
                f.write_str("there are no background jobs; write: … | ForEach-Object -Parallel { … }")
            }
            Self::Call => f.write_str(
                "there is no call operator; a closure in a variable is called by: f.call(argument)",
            ),
            Self::DotSource => f.write_str("scripts are imported; write: import \"name\" as name;"),
            Self::BracedVariable => {
                f.write_str("there are no names in braces; write $name, or $(name) inside of text")
            }
            Self::Environment(name) => {
                write!(
                    f,
                    "scripts do not see the environment; pass the value of {name} as an argument of the script"
                )
            }
            Self::Scope { scope, name } => {
                write!(f, "variables have no scope prefix such as {scope}:; write ${name}")
            }
            Self::Automatic(name) => {
                write!(f, "there is no {name}; catch what goes wrong by: try {{ … }} catch (e) {{ … }}")
            }
            Self::Preference(name) => {
                let of = name.trim_end_matches("preference");
                match of {
                    "erroraction" | "warning" => {
                        let of = if of == "warning" { "WarningAction" } else { "ErrorAction" };
                        write!(f, "preferences are given to each command; write: -{of} Stop")
                    }
                    "verbose" => f.write_str(
                        "preferences are given to each command; write: -Verbose, or start imsh with --verbose",
                    ),
                    "whatif" | "confirm" => {
                        f.write_str("preferences are given to each command; write: -WhatIf or -Confirm")
                    }
                    _ => f.write_str("there are no preference variables; leave it out"),
                }
            }
            Self::Exit => f.write_str("exit is a function here; write: exit(0), or exit() at the end"),
            Self::Comment => f.write_str("comments begin with // here, or stand between /* and */"),
            Self::Increment => f.write_str("there is no ++ and no --; write: $x += 1"),
            Self::Operator(word) => match word.as_str() {
                "f" => f.write_str("there is no -f; text takes values by \"$x\" and \"$(x.y)\""),
                "replace" | "ireplace" | "creplace" => {
                    f.write_str("there is no -replace; write: text.replace(\"old\", \"new\")")
                }
                "join" => f.write_str("there is no -join; write: list.join(\", \")"),
                "split" | "isplit" | "csplit" => f.write_str("there is no -split; write: text.split(\",\")"),
                "is" | "isnot" => write!(f, "there is no -{word}; write: type_of(x) == \"string\""),
                "as" => f.write_str("there is no -as; write: parse_int(x), parse_float(x) or x.to_string()"),
                "band" => f.write_str("there is no -band; write: a & b"),
                "bor" => f.write_str("there is no -bor; write: a | b"),
                "bxor" | "xor" => write!(f, "there is no -{word}; write: a ^ b"),
                "shl" => f.write_str("there is no -shl; write: a << b"),
                "shr" => f.write_str("there is no -shr; write: a >> b"),
                _ => write!(f, "there is no operator -{word}"),
            },
            Self::StopParsing => f.write_str("there is no --%; quote what must not be read: '…'"),
        }
    }
}

/// The Rhai way to what a type literal is mostly used for.
fn conversion(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "int" | "int32" | "int64" | "long" => Some("parse_int(x)"),
        "double" | "float" | "single" | "decimal" => Some("parse_float(x)"),
        "string" => Some("x.to_string()"),
        "pscustomobject" | "hashtable" | "ordered" => Some("@{ Name = value }"),
        "array" => Some("@(…)"),
        "math" => Some("x.round(), x.floor(), x.abs()"),
        _ => None,
    }
}

/// Our way to what a cmdlet of PowerShell's is mostly used for.
fn instead(cmdlet: &str) -> Option<&'static str> {
    match cmdlet.to_ascii_lowercase().as_str() {
        "write-information" | "write-debug" => Some("Write-Verbose and Write-Host take its place"),
        "set-variable" | "new-variable" => Some("write: $name = value"),
        "get-variable" => Some("write: $name"),
        "new-object" => Some("write: @{ Name = value }"),
        "invoke-command" | "start-job" | "start-threadjob" | "receive-job" | "wait-job" => {
            Some("write: … | ForEach-Object -Parallel { … }")
        }
        "invoke-expression" => Some("write a function: fn name(first, second) { … }"),
        "set-content" => Some("write: … | Out-File name"),
        "add-content" => Some("write: … | Out-File name -Append"),
        "select-string" => Some("write: … | Where-Object { $_ -match \"…\" }"),
        "out-host" | "out-default" => Some("what no pipe takes is shown"),
        "out-gridview" => Some("write: … | Format-Table, or … | ConvertTo-Html | Out-File name"),
        "import-module" | "add-pssnapin" => Some("every cmdlet is there from the beginning; leave it out"),
        "new-cssession" | "new-pssession" | "enter-pssession" => {
            Some("imsh talks to the pools itself; leave it out")
        }
        "clear-host" => Some("Ctrl-L clears the screen"),
        _ => None,
    }
}

/// What a warning is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxDoubt {
    /// A bare word that is also the name of a variable.
    #[error("'{word}' is text here; the variable is ${variable}")]
    BareVariable {
        /// As written.
        word: String,
        /// The variable of that name.
        variable: String,
    },
    /// Text that stands alone and goes nowhere.
    #[error("nobody takes this text; Write-Output shows it")]
    Unused,
    /// A range of Rhai's where PowerShell's would go one further.
    #[error(
        "Rhai's {start}..{end} ends before {end}; write {start}..={end} to have it, or {start}..={last} if not"
    )]
    ShortRange {
        /// The first number.
        start: i64,
        /// The number behind the last one.
        end: i64,
        /// The last number.
        last: i64,
    },
    /// Text in Rhai's quotes that names a variable in PowerShell's way.
    #[error("Rhai's \"…\" takes ${name} literally; write `…${{{name}}}…`")]
    LiteralVariable {
        /// The variable.
        name: String,
    },
}

impl fmt::Display for SyntaxMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for SyntaxWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.doubt.fmt(f)
    }
}

impl std::error::Error for SyntaxMistake {}

impl SyntaxMistake {
    pub(super) fn at(span: Span, problem: SyntaxProblem, text: &str, index: &LineIndex) -> Self {
        let (position, length) = place(span, text, index);
        Self { position, length, problem }
    }

    /// Whether something is open that the text does not close.
    pub fn is_unclosed(&self) -> bool {
        matches!(self.problem, SyntaxProblem::Unclosed { .. })
    }

    /// Whether more text could put it right: the prompt asks for another line then.
    pub fn is_incomplete(&self, text: &str) -> bool {
        let last_line = self.position.line >= text.trim_end().lines().count();
        match self.problem {
            SyntaxProblem::Unclosed { .. } => true,
            SyntaxProblem::NoCmdletAfterPipe => last_line && text.trim_end().ends_with('|'),
            SyntaxProblem::MissingElement => last_line && text.trim_end().ends_with(','),
            SyntaxProblem::MissingOperand { .. }
            | SyntaxProblem::UnknownCmdlet { .. }
            | SyntaxProblem::UnknownParameter { .. }
            | SyntaxProblem::NoSuchCommon { .. }
            | SyntaxProblem::AmbiguousParameter { .. }
            | SyntaxProblem::MissingValue { .. }
            | SyntaxProblem::Repeated { .. }
            | SyntaxProblem::MissingSemicolon
            | SyntaxProblem::Unexpected { .. }
            | SyntaxProblem::Typographic { .. }
            | SyntaxProblem::RepeatedKey { .. }
            | SyntaxProblem::MapEntry
            | SyntaxProblem::BlockInHeader
            | SyntaxProblem::CurrentOutside
            | SyntaxProblem::CurrentInCatch
            | SyntaxProblem::UnknownVariable { .. }
            | SyntaxProblem::OuterVariable { .. }
            | SyntaxProblem::AmbiguousCase { .. }
            | SyntaxProblem::VariableName { .. }
            | SyntaxProblem::ReservedName { .. }
            | SyntaxProblem::Refused(_)
            | SyntaxProblem::TooDeep { .. }
            | SyntaxProblem::LineTooLong { .. }
            | SyntaxProblem::TooManyLines { .. } => false,
        }
    }
}

impl SyntaxWarning {
    pub(super) fn at(span: Span, doubt: SyntaxDoubt, text: &str, index: &LineIndex) -> Self {
        let (position, length) = place(span, text, index);
        Self { position, length, doubt }
    }
}

fn place(span: Span, text: &str, index: &LineIndex) -> (Position, usize) {
    let position = index.position(span.start);
    let shown = span.of(text).lines().next().unwrap_or("").chars().count();
    (position, shown.max(1))
}

/// The line of `text` that `position` points into, with a caret under its column and `length`
/// characters underlined. A long line is cut around the caret; control characters are shown as blanks.
pub fn caret(text: &str, position: Position, length: usize) -> String {
    const WIDTH: usize = 100;
    let line: Vec<char> = text
        .lines()
        .nth(position.line.saturating_sub(1))
        .unwrap_or("")
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let column = position.column.saturating_sub(1).min(line.len());
    let first = if line.len() <= WIDTH { 0 } else { column.saturating_sub(WIDTH / 2) };
    let shown: String = line.iter().skip(first).take(WIDTH).collect();
    let number = position.line.to_string();
    let room = WIDTH.saturating_sub(column - first).max(1);
    format!(
        "{number} | {}\n{blank} | {}{}",
        shown.trim_end(),
        " ".repeat(column - first),
        "^".repeat(length.clamp(1, room)),
        blank = " ".repeat(number.len()),
    )
}

fn hint(nearest: &Option<impl fmt::Display>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}

fn alternatives<T: fmt::Display>(fits: &[T]) -> String {
    let names: Vec<String> = fits.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
