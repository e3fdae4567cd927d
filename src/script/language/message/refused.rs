//! The constructs of PowerShell that this language does not have, and what takes their place.
//!
//! Code to write instead stands behind `write: `, up to the end or to `, or ` and `, and ` between two ways.

use std::fmt;

/// A construct of PowerShell that this language does not have.
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
        /// The replacement for the variable.
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
    /// `2>&1`.
    MergedErrors,
    /// `.Where{ … }`.
    BlockOfMethod,
    /// `$x."a b"`, with its quotes.
    QuotedProperty(String),
    /// `-bnot $a`.
    BitNot,
    /// `:outer foreach …`.
    Label,
    /// `$a ? 1`.
    Ternary,
    /// `$x-eq1`, by the operator.
    GluedOperator(String),
    /// `$x ??= 5`, by the variable.
    NullAssignment(String),
}

impl fmt::Display for RefusedConstruct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ElseIf => f.write_str("elseif belongs behind the block of an if; write: if ($a) { … } elseif ($b) { … }"),
            Self::Finally => f.write_str("finally belongs behind the block of a try; write: try { … } finally { … }"),
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
                "switch has no {option}; it has -Wildcard, -Regex and -CaseSensitive, and the lines of a file come from a command; write: switch (Get-Content name) {{ … }}"
            ),
            Self::Type(name) => f.write_str(&match type_instead(name) {
                Some(way) => format!("there is no type [{name}]; {way}"),
                None => format!("there is no type [{name}]; write an object as: [pscustomobject]@{{ Name = $value }}"),
            }),
            Self::Static { type_name, member } => write!(
                f,
                "[{type_name}] has no {member}; it has {}",
                crate::script::statics::statics_of(type_name).join(", ")
            )
            .and_then(|()| type_instead(type_name).map_or(Ok(()), |way| write!(f, "; {way}"))),
            Self::Redirection => f.write_str(
                "> and >> lead into a file, and 2>, 3> and *> to $null; write: … | Out-File name, or … -ErrorVariable name",
            ),
            Self::InputRedirection => f.write_str("a file is read by a command; write: Get-Content name | …"),
            Self::Chain => f.write_str(
                "&& and || stand between commands of their own; in brackets write: (…).Count -gt 0",
            ),
            Self::Background => {
                f.write_str("there are no background jobs; write: … | ForEach-Object -Parallel { … }")
            }
            Self::Call => f.write_str(
                "what is called by & is a function here; write: function Name($x) { … }, and Name 1",
            ),
            Self::DotSource => f.write_str("scripts are imported; write: import \"name\" as name;"),
            Self::BracedVariable => f.write_str("a name in braces is one word; write: ${name}, or $name"),
            Self::Scope { scope, name } => {
                write!(f, "variables have no scope prefix such as {scope}:; write: ${name}")
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
                        "preferences are given to each command, or to imsh by --verbose; write: -Verbose",
                    ),
                    "whatif" | "confirm" => {
                        f.write_str("preferences are given to each command; write: -WhatIf, or -Confirm")
                    }
                    _ => f.write_str("there are no preference variables; leave it out"),
                }
            }
            Self::Increment => {
                f.write_str("++ and -- give no value and are statements of their own; on a line before this one, write: $x++")
            }
            Self::SecondAssignment => {
                f.write_str("an assignment has no value; write: $b = 5; $a = $b")
            }
            Self::CaughtType => f.write_str(
                "errors are told apart by what they say of themselves; write: catch { if ($_.Id -eq \"PoolNotFound\") { … } else { throw } }",
            ),
            Self::JumpOverFinally => f.write_str(
                "finally is not reached by this; keep the value and leave behind it, write: try { $x = … } finally { … }",
            ),
            Self::Attribute(name) if name.eq_ignore_ascii_case("Alias") => {
                f.write_str("a parameter has one name, which may be shortened; write: function Name($TargetFqdn) { … }, and Name -Target $value")
            }
            Self::Attribute(name) => write!(
                f,
                "there is no [{name}()]; look at the value in the function; write: if ($x -notin \"a\", \"b\") {{ throw \"x is a or b\" }}"
            ),
            Self::PipelineParameter => f.write_str(
                "a function takes its values as arguments; write: … | ForEach-Object { Name $_ }",
            ),
            Self::ParamOfBlock => f.write_str("a block has $_; for more, write: function Name($a, $b) { … }"),
            Self::SplatOfFunction => {
                f.write_str("a function's values are named one by one; write: Name -First $map.First")
            }
            Self::MergedErrors => f.write_str(
                "errors do not go through the pipe; write: … -ErrorAction SilentlyContinue, or … -ErrorVariable name",
            ),
            Self::BlockOfMethod => f.write_str("the block of a method stands in brackets; write: ….Where({ … }), or ….ForEach({ … })"),
            Self::QuotedProperty(written) => write!(f, "a name in quotes stands in brackets; write: …[{written}]"),
            Self::BitNot => f.write_str("there is no -bnot; write: $x -bxor -1"),
            Self::Label => f.write_str(
                "loops have no labels; leave both by returning from a function, write: function Name($items) { foreach ($i in $items) { if ($i -gt 1) { return $i } } }",
            ),
            Self::Ternary => f.write_str("? takes two values with : between them; write: $a ? 1 : 2"),
            Self::GluedOperator(operator) => {
                write!(f, "{operator} needs a blank before its value; write: $x {operator} 1")
            }
            Self::NullAssignment(name) => write!(f, "there is no ??=; write: ${name} = ${name} ?? …"),
            Self::StopParsing => f.write_str("there is no --%; quote what must not be read: '…'"),
        }
    }
}

/// The way to what a type of .NET's is mostly used for.
fn type_instead(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("system.").unwrap_or(&name);
    if name.contains("dictionary") || name.contains("hashset") {
        return Some("a map takes its place; write: @{ Name = $value }");
    }
    if name.starts_with("collections.") {
        return Some("a list grows; write: $list += $item");
    }
    if name.starts_with("io.") {
        return Some("files are read and written by cmdlets; write: Get-Content name, or … | Out-File name");
    }
    match name {
        "xml" => Some("objects are read from JSON; write: Get-Content name -Raw | ConvertFrom-Json"),
        "ipaddress" | "net.ipaddress" | "uri" | "version" | "mailaddress" | "net.mail.mailaddress" => {
            Some("it is written as text and taken apart; write: $x -match \"…\", and $Matches[1]")
        }
        "environment" => Some("write: $env:NAME"),
        "console" => Some("text is shown and asked for by cmdlets; write: Write-Host …, or Read-Host …"),
        "diagnostics.stopwatch" => {
            Some("a command measures time; write: (Measure-Command { … }).TotalSeconds")
        }
        "net.dns" | "net.sockets.tcpclient" => {
            Some("a test looks names up and connects; write: Test-FederatedPartner -Domain contoso.com")
        }
        _ => None,
    }
}
