//! Failures and errors as people read them: what was wrong, where, and what to do.

use unicode_width::UnicodeWidthStr;

use crate::cmdlet::{ErrorRecord, Position, Program, SourcePlace};
use crate::render::visible::{one_line, visible};
use crate::script::check::Remark;
use crate::script::{BROKEN, Failure, FailureKind};

/// A program's text with the name by which messages call it.
#[derive(Clone, Copy, Debug)]
pub struct ReportSource<'a> {
    /// The file, or `-c`.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

impl<'a> From<&'a Program> for ReportSource<'a> {
    fn from(program: &'a Program) -> Self {
        Self { name: &program.name, text: &program.text }
    }
}

/// An error record, with the place in the program where there is one.
pub fn error_record(error: &ErrorRecord) -> String {
    let mut lines = vec![match error.cmdlet {
        Some(cmdlet) => format!("{cmdlet} : {}", visible(&error.message)),
        None => visible(&error.message).into_owned(),
    }];
    lines.extend(place(error.position, error.program.as_deref().map(ReportSource::from)));
    if !error.remedy.is_empty() {
        lines.push(format!("    {}", visible(&error.remedy)));
    }
    let target = error.target.as_deref().map(|target| format!(" ({})", one_line(target))).unwrap_or_default();
    lines.push(format!("    + {}{target}: {}", error.category, error.id));
    lines.join("\n")
}

/// Returns the message for a program that did not come to its end.
pub fn failure(failure: &Failure, source: ReportSource<'_>) -> String {
    let mut lines = Vec::new();
    let source = failure.program.as_deref().map_or(source, ReportSource::from);
    match &failure.kind {
        FailureKind::Error(error) => {
            lines.push(error_record(&error.clone().placed(failure.position, failure.program.as_ref())));
        }
        FailureKind::Mistakes(mistakes) => {
            for mistake in mistakes {
                lines.push(format!("error: {}", visible(&mistake.to_string())));
                lines.extend(place(Some(mistake.position), Some(source)));
            }
        }
        FailureKind::Mistake(text) => {
            lines.push(format!("error: {}", visible(text)));
            lines.extend(place(failure.position, Some(source)));
        }
        FailureKind::Thrown(text) => {
            lines.push(format!("error: the script threw: {}", visible(text)));
            lines.extend(place(failure.position, Some(source)));
        }
        FailureKind::Limit(text) => {
            lines.push(format!("error: {}", visible(text)));
            lines.extend(place(failure.position, Some(source)));
        }
        FailureKind::Cancelled => lines.push("Interrupted.".to_owned()),
        FailureKind::Broken => lines.push(format!("error: {BROKEN}")),
        FailureKind::Exit(_) => {}
    }
    for call in &failure.calls {
        let at = call.place.as_ref().map(|SourcePlace { program, position }| {
            format!(" at {}:{}:{}", program.name, position.line, position.column)
        });
        lines.push(format!("  in {}{}", call.function, at.unwrap_or_default()));
    }
    lines.join("\n")
}

/// Returns what ended a program, for the formats of monitoring systems: a word, what it was about, what was wrong.
/// A program that leaves by `exit(n)` ends as its author wants, and gives `None`.
pub fn problem(kind: &FailureKind) -> Option<(&'static str, String, String)> {
    let told = |id, message: &str| Some((id, String::new(), message.to_owned()));
    match kind {
        FailureKind::Error(error) => {
            Some((error.id, error.target.clone().unwrap_or_default(), error.message.clone()))
        }
        FailureKind::Mistakes(mistakes) => {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            told("Mistake", &mistakes.join("; "))
        }
        FailureKind::Mistake(text) => told("Mistake", text),
        FailureKind::Thrown(text) => told("Thrown", text),
        FailureKind::Limit(text) => told("Limit", text),
        FailureKind::Cancelled => told("Interrupted", "The run was interrupted."),
        FailureKind::Broken => told("Broken", BROKEN),
        FailureKind::Exit(_) => None,
    }
}

/// Returns a remark from the check of the script `name`, with its place; `lines` are the script's.
pub fn remark(remark: &Remark, name: &str, lines: &[&str]) -> String {
    let text = remark.position.line.checked_sub(1).and_then(|above| lines.get(above));
    let mut told = vec![format!("{}: {}", remark.severity.name(), visible(&remark.message))];
    told.extend(place_on(text.copied(), remark.position, name));
    told.join("\n")
}

/// The line with a caret under its column:
///
/// ```text
///   --> daily.rhai:3:14
///    |
///  3 | let r = tset_xmpp_im();
///    |         ^
/// ```
fn place(position: Option<Position>, source: Option<ReportSource<'_>>) -> Vec<String> {
    let (Some(position), Some(source)) = (position, source) else { return Vec::new() };
    let text = position.line.checked_sub(1).and_then(|above| source.text.lines().nth(above));
    place_on(text, position, source.name)
}

/// The same, where the line has been found.
fn place_on(text: Option<&str>, Position { line, column }: Position, name: &str) -> Vec<String> {
    let Some(text) = text else { return vec![format!("  --> {name}:{line}:{column}")] };
    let text: String = text.chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
    // The caret stands under what is seen: wide letters take two columns, escapes more.
    let before: String = text.chars().take(column.saturating_sub(1)).collect();
    let indent = visible(&before).width();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    vec![
        format!("{margin}--> {name}:{line}:{column}"),
        format!("{margin} |"),
        format!("{number} | {}", visible(&text)),
        format!("{margin} | {}^", " ".repeat(indent)),
    ]
}
