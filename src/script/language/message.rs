//! Mistakes and warnings: what is wrong with a command line, where, and what to write instead.
//!
//! Facts with fields; the sentences are made in `Display`. Knows nothing of what Rhai itself refuses.

// Reading order.
mod refused;
mod instead;

pub use refused::RefusedConstruct;

pub(in crate::script::language) use instead::{automatic, is_of_another_shell};

use std::fmt;

use instead::instead;

use super::source_map::{LineIndex, Span};
use crate::cmdlet::Position;

/// Something in a text that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxMistake {
    /// The position at which the mistake begins.
    pub position: Position,
    /// The number of characters of that line that the mistake covers, at least one.
    pub length: usize,
    /// The kind of mistake.
    pub problem: SyntaxProblem,
}

/// Something in a text that can be run but is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxWarning {
    /// The position at which the questionable part begins.
    pub position: Position,
    /// The number of characters of that line that the questionable part covers, at least one.
    pub length: usize,
    /// The kind of doubt.
    pub doubt: SyntaxDoubt,
}

/// The kind of a mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxProblem {
    /// No cmdlet answers to the name.
    #[error("there is no cmdlet '{name}'{}", instead(.name).map_or_else(|| hint_or(.nearest, "Get-Command shows those there are"), |way| format!("; {way}")))]
    UnknownCmdlet {
        /// As written.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<&'static str>,
    },
    /// The cmdlet has no such parameter.
    #[error("{cmdlet} has no parameter -{written}{}", hint_or(&.nearest.map(|name| format!("-{name}")), &format!("Get-Help {cmdlet} shows those there are")))]
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
        /// The alternative to use instead.
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
    /// Something other than a cmdlet follows `|`.
    #[error("a pipe leads to a cmdlet, and none follows it")]
    NoCmdletAfterPipe,
    /// A statement that needs a block has none.
    #[error("a block in braces has to follow; write: {{ … }}")]
    MissingBody,
    /// The header of `foreach` is not as it has to be.
    #[error("foreach goes through a list; write: foreach ($item in $list) {{ … }}")]
    ForEachHeader,
    /// Something stands behind the quote that opens a here-string.
    #[error(
        "text over several lines begins on the line behind @\" or @', and ends with \"@ or '@ at the beginning of a line"
    )]
    HereString,
    /// A backslash before a character that Rhai knows no escape for.
    #[error(
        "in an expression a backslash escapes, and {written} is none; write: \"…\\{written}…\", or '…{written}…'"
    )]
    Escape {
        /// The backslash and what follows.
        written: String,
    },
    /// A function takes fewer values.
    #[error("{function} takes {}", count(*.n_takes))]
    TooManyValues {
        /// The function.
        function: String,
        /// The number of values that the function takes.
        n_takes: usize,
    },
    /// A function has no such parameter.
    #[error("{function} has no parameter -{written}{}", hint(&.nearest.as_ref().map(|name| format!("-{name}"))))]
    UnknownFunctionParameter {
        /// The function.
        function: String,
        /// As written.
        written: String,
        /// The nearest name, if one is near.
        nearest: Option<String>,
    },
    /// A parameter of a function needs a value.
    #[error("-{parameter} of {function} needs a value")]
    MissingFunctionValue {
        /// The function.
        function: String,
        /// The parameter.
        parameter: String,
    },
    /// A function names a parameter twice.
    #[error("${name} stands twice among the parameters; letter case makes no difference")]
    RepeatedParameter {
        /// The parameter.
        name: String,
    },
    /// A pipe leads to a function of the program's own.
    #[error("a function takes its values as arguments; write: … | ForEach-Object {{ {function} $_ }}")]
    FunctionInPipe {
        /// The function.
        function: String,
    },
    /// A test's result where a truth is wanted.
    #[error(
        "a test that failed has a result too, which would be true here; write: (… {cmdlet} …).IsSuccess, or (… {cmdlet} …).Result -eq \"Success\""
    )]
    ResultIsNoTruth {
        /// The cmdlet.
        cmdlet: &'static str,
    },
    /// A bracket or quote of a command line is not closed.
    #[error("{opened} is not closed")]
    Unclosed {
        /// The bracket or quote that was opened: `"`, `{`, `@(`.
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
        /// The plain character that it was made of.
        plain: char,
    },
    /// A character that has no meaning in a command line.
    #[error("'{found}' has no meaning here; quote it if it is text")]
    Unexpected {
        /// The character.
        found: char,
    },
    /// A map's entry does not begin with a name.
    #[error("a map's entry has a name and a value; write: @{{ Name = $value }}")]
    MapEntry,
    /// A script block in the header of a statement.
    #[error(
        "in the header of for, if and while, {{ begins the body; a command with a script block stands in brackets, write: (… | Where-Object {{ … }})"
    )]
    BlockInHeader,
    /// `$_` where nothing is current.
    #[error("$_ is the current object of a script block, and this is outside of one")]
    CurrentOutside,
    /// A variable that nothing declares.
    #[error("there is no variable ${name}{}", hint_or(&.nearest.as_ref().map(|name| format!("${name}")), &format!("write: ${name} = …")))]
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
    /// The argument that has to be the name of a variable is not a name, or is only known when the line runs.
    #[error("-{parameter} takes the name of a variable as it is, without $; write: -{parameter} {example}")]
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
        /// The maximum depth.
        limit: usize,
    },
    /// A line on which positions cannot be counted.
    #[error("this line is too long: with its commands put into Rhai it has more than {limit} columns")]
    LineTooLong {
        /// The maximum number of columns of a line.
        limit: usize,
    },
    /// A text in which positions cannot be counted.
    #[error("this text has more than {limit} lines")]
    TooManyLines {
        /// The maximum number of lines of a text.
        limit: usize,
    },
}

/// What Rhai reads a backslash before this letter as.
fn escaped(letter: char) -> &'static str {
    match letter {
        't' => "a tab, as `t is in every text",
        'n' => "a new line, as `n is in every text",
        'r' => "a carriage return, as `r is in every text",
        '0' => "a zero character, as `0 is in every text",
        _ => "the beginning of a character's number",
    }
}

fn count(number: usize) -> String {
    match number {
        0 => "no values".to_owned(),
        1 => "one value".to_owned(),
        number => format!("{number} values"),
    }
}

/// The subject of a warning.
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
    /// A division of Rhai's that cuts.
    #[error("in a statement of Rhai's / cuts: {left} / {right} is {}; write: {left}.0 / {right}, or $x = {left} / {right}", .left / .right)]
    CutDivision {
        /// The dividend.
        left: i64,
        /// By what.
        right: i64,
    },
    /// A backslash in a text of an expression, of which an escape of Rhai's makes something else.
    #[error("in an expression \\{letter} is {}; for a backslash, write: \\\\{letter}, or '…'", escaped(*.letter))]
    Backslash {
        /// The letter behind the backslash.
        letter: char,
    },
    /// Text in an expression names what no variable is called.
    #[error("there is no variable ${name}, and the text stays as it is{}", hint(&.nearest.as_ref().map(|name| format!("${name}"))))]
    LiteralVariable {
        /// The name.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<String>,
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
            | SyntaxProblem::MissingBody
            | SyntaxProblem::ForEachHeader
            | SyntaxProblem::HereString
            | SyntaxProblem::Escape { .. }
            | SyntaxProblem::TooManyValues { .. }
            | SyntaxProblem::UnknownFunctionParameter { .. }
            | SyntaxProblem::MissingFunctionValue { .. }
            | SyntaxProblem::RepeatedParameter { .. }
            | SyntaxProblem::FunctionInPipe { .. }
            | SyntaxProblem::ResultIsNoTruth { .. }
            | SyntaxProblem::Unexpected { .. }
            | SyntaxProblem::Typographic { .. }
            | SyntaxProblem::RepeatedKey { .. }
            | SyntaxProblem::MapEntry
            | SyntaxProblem::BlockInHeader
            | SyntaxProblem::CurrentOutside
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

/// The nearest name, or what to do where none is near.
fn hint_or(nearest: &Option<impl fmt::Display>, otherwise: &str) -> String {
    if nearest.is_some() { hint(nearest) } else { format!("; {otherwise}") }
}

fn alternatives<T: fmt::Display>(fits: &[T]) -> String {
    let names: Vec<String> = fits.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
