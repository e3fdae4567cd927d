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
    /// A statement that needs a block has none.
    #[error("a block in braces has to follow: {{ … }}")]
    MissingBody,
    /// The header of `foreach` is not as it has to be.
    #[error("a header of foreach is written: foreach ($item in $list) {{ … }}")]
    ForEachHeader,
    /// Something stands behind the quote that opens a here-string.
    #[error(
        "text over several lines begins on the line behind @\" or @', and ends with \"@ or '@ at the beginning of a line"
    )]
    HereString,
    /// A backslash before a character that Rhai knows no escape for.
    #[error(
        "in an expression a backslash escapes, and {written} is none; write \"\\{written}\", or '{written}' in single quotes"
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
        /// How many values it takes.
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
    /// A variable that nothing declares.
    #[error("there is no variable ${name}{}", hint_or(&.nearest.as_ref().map(|name| format!("${name}")), &format!("one is made by: ${name} = …")))]
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
    /// `elseif` where no `if` is before it.
    ElseIf,
    /// `finally` where no `try` is before it.
    Finally,
    /// `filter Name { … }`.
    Filter,
    /// `trap { … }`.
    Trap,
    /// `begin`, `process`, `end`, `class`, `enum`, `using`.
    Keyword(String),
    /// `switch x { "a" { … } }`: a pattern of Rhai's without its arrow.
    SwitchArm,
    /// `switch -File`.
    SwitchOption(String),
    /// `[System.IO.File]`.
    Type(String),
    /// `[math]::Foo`.
    Static {
        /// The type.
        type_name: String,
        /// The member.
        member: String,
    },
    /// `3> file`, or `>` without a name.
    Redirection,
    /// `<`.
    InputRedirection,
    /// `&&` and `||` between commands in brackets.
    Chain,
    /// `&` behind a command.
    Background,
    /// `& $x`.
    Call,
    /// `. ./file.ps1`.
    DotSource,
    /// `${a b}`.
    BracedVariable,
    /// `$global:name`.
    Scope {
        /// `global`, `script`, `using`.
        scope: String,
        /// The variable.
        name: String,
    },
    /// `$PSVersionTable`, `$LASTEXITCODE` and their like.
    Automatic {
        /// As written.
        name: String,
        /// What takes its place.
        way: &'static str,
    },
    /// `$ErrorActionPreference` and its kin, in small letters.
    Preference(String),
    /// `$x++` inside of an expression.
    Increment,
    /// `$a = $b = 5`.
    SecondAssignment,
    /// `catch [Type]`.
    CaughtType,
    /// `return` in what has a `finally`.
    JumpOverFinally,
    /// `[ValidateSet(…)]` of a parameter.
    Attribute(String),
    /// `[Parameter(ValueFromPipeline)]`.
    PipelineParameter,
    /// `param(…)` in a script block.
    ParamOfBlock,
    /// `Name @map`, where Name is a function.
    SplatOfFunction,
    /// `--%`.
    StopParsing,
}

impl fmt::Display for RefusedConstruct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ElseIf => f.write_str("elseif belongs behind the block of an if: if ($a) { … } elseif ($b) { … }"),
            Self::Finally => f.write_str("finally belongs behind the block of a try: try { … } finally { … }"),
            Self::Filter => f.write_str("a function takes its values as arguments; write: function Name($item) { … }, and … | ForEach-Object { Name $_ }"),
            Self::Trap => f.write_str("errors are caught where they happen; write: try { … } catch { … }"),
            Self::Keyword(word) => match word.to_ascii_lowercase().as_str() {
                "begin" | "process" | "end" => write!(
                    f,
                    "'{word}' blocks are parameters of ForEach-Object; write: … | ForEach-Object -Begin {{ … }} -Process {{ … }} -End {{ … }}"
                ),
                "using" => f.write_str("scripts are imported; write: import \"name\" as name;"),
                _ => write!(f, "there is no {word}; write an object as: [pscustomobject]@{{ Name = $value }}"),
            },
            Self::SwitchArm => f.write_str(
                "an arm of switch has an arrow, or the value stands in brackets; write: switch ($x) { \"a\" { … } default { … } }",
            ),
            Self::SwitchOption(option) => write!(
                f,
                "switch has no {option}; it has -Wildcard, -Regex and -CaseSensitive, and lines of a file come by: switch (Get-Content name) {{ … }}"
            ),
            Self::Type(name) => f.write_str(&match type_instead(name) {
                Some(way) => format!("there is no type [{name}]; {way}"),
                None => format!("there is no type [{name}]; write an object as: [pscustomobject]@{{ Name = $value }}"),
            }),
            Self::Static { type_name, member } => write!(
                f,
                "[{type_name}] has no {member}; it has {}",
                crate::script::statics::statics_of(type_name).join(", ")
            ),
            Self::Redirection => f.write_str(
                "a file takes the output by > name, and errors by -ErrorVariable name; write: … | Out-File name",
            ),
            Self::InputRedirection => f.write_str("a file is read by a command; write: Get-Content name | …"),
            Self::Chain => f.write_str(
                "&& and || stand between commands of their own; in brackets write: $? behind the first, or (…).Count -gt 0",
            ),
            Self::Background => {
                f.write_str("there are no background jobs; write: … | ForEach-Object -Parallel { … }")
            }
            Self::Call => f.write_str(
                "what is called by & is a function here; write: function Name($x) { … }, and Name 1",
            ),
            Self::DotSource => f.write_str("scripts are imported; write: import \"name\" as name;"),
            Self::BracedVariable => f.write_str("a name in braces is one word; write ${name} or $name"),
            Self::Scope { scope, name } => {
                write!(f, "variables have no scope prefix such as {scope}:; write ${name}")
            }
            Self::Automatic { name, way } => write!(f, "there is no {name}; {way}"),
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
            Self::Increment => {
                f.write_str("++ and -- are statements of their own; write: $x++ on a line before this one")
            }
            Self::SecondAssignment => {
                f.write_str("an assignment has no value; write two: $b = 5; $a = $b")
            }
            Self::CaughtType => f.write_str(
                "errors are told apart by what they say of themselves; write: catch { if ($_.Id -eq \"PoolNotFound\") { … } else { throw } }",
            ),
            Self::JumpOverFinally => f.write_str(
                "finally is not reached by this; keep the value in a variable, and leave behind the finally block",
            ),
            Self::Attribute(name) => write!(
                f,
                "there is no [{name}()]; look at the value in the function: if ($x -notin \"a\", \"b\") {{ throw \"x is a or b\" }}"
            ),
            Self::PipelineParameter => f.write_str(
                "a function takes its values as arguments; write: … | ForEach-Object { Name $_ }",
            ),
            Self::ParamOfBlock => f.write_str("a block has $_; write a function for more: function Name($a, $b) { … }"),
            Self::SplatOfFunction => {
                f.write_str("a function's values are named one by one; write: Name -First $map.First")
            }
            Self::StopParsing => f.write_str("there is no --%; quote what must not be read: '…'"),
        }
    }
}

/// The way to what a type of .NET's is mostly used for.
fn type_instead(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("system.").unwrap_or(&name);
    if name.starts_with("collections.") {
        return Some("a list grows by: $list += $item");
    }
    if name.starts_with("io.") {
        return Some("files are read and written by Get-Content and Out-File");
    }
    match name {
        "xml" => Some("ConvertFrom-Json reads objects from text"),
        "ipaddress" | "net.ipaddress" | "uri" | "version" | "mailaddress" | "net.mail.mailaddress" => {
            Some("write it as text, and take it apart by -match and $Matches")
        }
        "environment" => Some("write: $env:NAME"),
        "console" => Some("Write-Host shows text, and Read-Host asks for it"),
        "net.dns" | "net.sockets.tcpclient" => Some("Test-FederatedPartner looks names up and connects"),
        _ => None,
    }
}

fn count(number: usize) -> String {
    match number {
        0 => "no values".to_owned(),
        1 => "one value".to_owned(),
        number => format!("{number} values"),
    }
}

/// Our way to what a cmdlet of PowerShell's is mostly used for.
fn instead(cmdlet: &str) -> Option<&'static str> {
    let cmdlet = cmdlet.to_ascii_lowercase();
    INSTEAD.iter().find(|(names, _)| names.contains(&cmdlet.as_str())).map(|(_, way)| *way)
}

/// Cmdlets of PowerShell's by their names in small letters, and what takes their place.
const INSTEAD: &[(&[&str], &str)] = &[
    (&["write-information", "write-debug"], "Write-Verbose and Write-Host take its place"),
    (&["set-variable", "new-variable"], "write: $name = value"),
    (&["get-variable", "clear-variable", "remove-variable"], "write: $name, or $name = $null"),
    (&["new-object"], "write: [pscustomobject]@{ Name = $value }"),
    (&["add-member"], "write: … | Select-Object *, @{ Name = \"New\"; Expression = { … } }"),
    (&["invoke-command"], "write the commands themselves, or a function: function Name { … }"),
    (
        &["start-job", "start-threadjob", "receive-job", "wait-job", "get-job", "remove-job"],
        "write: … | ForEach-Object -Parallel { … }",
    ),
    (&["invoke-expression"], "write a function: function Name($first, $second) { … }"),
    (
        &["invoke-webrequest", "invoke-restmethod"],
        "imsh speaks XMPP alone; ConvertFrom-Json reads what another program fetched",
    ),
    (&["set-content", "new-item"], "write: … | Out-File name"),
    (&["add-content"], "write: … | Out-File name -Append"),
    (&["clear-content"], "write: \"\" | Out-File name"),
    (&["select-string"], "write: … | Where-Object { $_ -match \"…\" }"),
    (&["out-default"], "what no pipe takes is shown"),
    (&["out-gridview", "show-command"], "write: … | Format-Table, or … | ConvertTo-Html | Out-File name"),
    (
        &["import-module", "add-pssnapin", "install-module", "get-module", "remove-module"],
        "every cmdlet is there from the beginning; leave it out",
    ),
    (
        &[
            "new-cssession",
            "new-pssession",
            "enter-pssession",
            "exit-pssession",
            "remove-pssession",
            "import-pssession",
        ],
        "imsh talks to the pools itself; leave it out",
    ),
    (&["clear-host"], "Ctrl-L clears the screen"),
    (&["get-random"], "there is no chance here; Select-Object -First 1 takes one"),
    (&["get-unique"], "write: … | Sort-Object -Unique"),
    (&["new-timespan"], "write: $end - $start, or [timespan]\"00:05:00\""),
    (
        &[
            "get-childitem",
            "get-item",
            "test-path",
            "remove-item",
            "copy-item",
            "move-item",
            "rename-item",
            "set-location",
            "get-location",
            "push-location",
            "pop-location",
            "join-path",
            "split-path",
            "resolve-path",
        ],
        "imsh reads and writes files by name, and does nothing else with them: Get-Content and Out-File",
    ),
    (
        &[
            "get-process",
            "get-service",
            "start-process",
            "stop-process",
            "restart-service",
            "start-service",
            "stop-service",
            "get-eventlog",
            "get-winevent",
            "get-wmiobject",
            "get-ciminstance",
            "restart-computer",
        ],
        "imsh looks at pools and partners, and not at this machine: Get-Pool, Test-XmppIM",
    ),
    (
        &["test-connection", "test-netconnection", "resolve-dnsname"],
        "write: Test-FederatedPartner -Domain contoso.com, or Test-Registration -TargetFqdn pool",
    ),
    (
        &["set-strictmode", "set-executionpolicy", "set-psdebug", "set-psbreakpoint"],
        "a variable that is not there is an error in any case; leave it out",
    ),
    (&["convertfrom-stringdata"], "write: @{ Name = \"value\" }"),
    (
        &["convertto-securestring", "convertfrom-securestring"],
        "Get-Credential asks for a password, or reads it: Get-Credential name -FromFile file",
    ),
    (&["convertto-xml", "export-clixml"], "write: … | ConvertTo-Json | Out-File name"),
    (&["import-clixml"], "write: Get-Content name -Raw | ConvertFrom-Json"),
    (
        &["send-mailmessage"],
        "imsh shows what it found; a program that sends mail reads it: imsh -o json -c '…'",
    ),
    (
        &["get-host", "get-culture", "get-uiculture", "get-timezone"],
        "imsh --version says which version runs; times are shown in UTC",
    ),
    (&["wait-event", "register-objectevent"], "write: Start-Sleep 5"),
    (&["format-wide", "format-custom"], "write: … | Format-Table, or … | Format-List"),
    (&["get-error"], "write: $Error[0]"),
    (&["out-printer"], "write: … | Out-File name"),
    (&["trace-command"], "write: -Verbose behind a command"),
];

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
    /// A range that ended before its end in versions before.
    #[error(
        "{written} ends with its last number here; it ended before it up to version 0.1. ..= says so in both"
    )]
    InclusiveRange {
        /// As written.
        written: String,
    },
    /// A division of Rhai's that cuts.
    #[error("in a statement of Rhai's / cuts: {left} / {right} is {}; write {left}.0 / {right}, or $x = {left} / {right}", .left / .right)]
    CutDivision {
        /// What is divided.
        left: i64,
        /// By what.
        right: i64,
    },
    /// Text in an expression names what no variable is called.
    #[error("there is no variable ${name}, and the text stays as it is{}", hint(&.nearest.as_ref().map(|name| format!("${name}"))))]
    LiteralVariable {
        /// The name.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<String>,
    },
    /// Text of a script without commands has signs that mean something since.
    #[error(
        "in \"…\" $name, $(…) and a backtick have PowerShell's meaning; they were text up to version 0.1. Write `$ and `` for the signs themselves"
    )]
    TextMeans,
    /// A method of Rhai's that changed the text it is called on.
    #[error(
        ".{method} gives a new text and leaves ${name} as it is; up to version 0.1 it changed it. Write ${name} = ${name}.{method}(…)"
    )]
    NewText {
        /// The method.
        method: String,
        /// The variable.
        name: String,
    },
}

impl SyntaxDoubt {
    /// Whether it is about what has changed since a version, and not of interest at every run.
    pub fn is_of_change(&self) -> bool {
        match self {
            Self::InclusiveRange { .. } | Self::TextMeans | Self::NewText { .. } => true,
            Self::BareVariable { .. } | Self::CutDivision { .. } | Self::LiteralVariable { .. } => false,
        }
    }
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
