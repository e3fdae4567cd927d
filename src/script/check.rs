//! What can be said of a script without running it: the front end's mistakes and doubts, and what
//! the engine's own parser refuses.

use rhai::Engine;

use super::failure::{Failure, FailureKind};
use super::language::{Setting, lower_in, read};
use crate::cmdlet::{Catalogue, Position};

/// Something about a script, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub position: Position,
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

/// How bad a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The script cannot run.
    Error,
    /// It can, and probably does not do what is meant.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Everything that can be said of a script, in the order of its text.
pub fn check(text: &str, catalogue: &Catalogue) -> Vec<Remark> {
    let setting = Setting { catalogue, everything: None, variables: &["args"] };
    let reading = read(text, &setting);
    let mistakes = reading.mistakes.iter().map(|mistake| Remark {
        position: mistake.position,
        severity: Severity::Error,
        message: mistake.to_string(),
    });
    let warnings = reading.warnings.iter().map(|warning| Remark {
        position: warning.position,
        severity: Severity::Warning,
        message: warning.to_string(),
    });
    let mut remarks: Vec<Remark> = mistakes.chain(warnings).collect();
    remarks.extend(refused_by_engine(text, &setting));
    remarks.sort_by_key(|remark| remark.position);
    remarks
}

/// What the engine's parser says, once the front end has nothing to say.
fn refused_by_engine(text: &str, setting: &Setting<'_>) -> Option<Remark> {
    let lowered = lower_in(text, setting).ok()?;
    let mut engine = Engine::new_raw();
    engine.set_max_expr_depths(128, 64);
    let error = engine.compile(lowered.text()).err()?;
    let place = error.position();
    let position = place.line().map(|line| lowered.to_source(line, place.position().unwrap_or(1)));
    let failure = Failure::of_parsing(&error, position);
    let FailureKind::Mistake(message) = failure.kind else { return None };
    let position = failure.position.unwrap_or(Position { line: 1, column: 1 });
    Some(Remark { position, severity: Severity::Error, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlets::ALL;

    fn said(text: &str) -> Vec<(usize, usize, &'static str)> {
        let catalogue = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
        let remarks = check(text, &catalogue);
        remarks
            .iter()
            .map(|remark| (remark.position.line, remark.position.column, remark.severity.name()))
            .collect()
    }

    #[test]
    fn mistakes_of_both_halves_are_found_where_they_stand() {
        assert_eq!(said("Get-Pool\nlet x = 1;\n"), []);
        assert_eq!(said("Get-Pol\n"), [(1, 1, "error")]);
        assert_eq!(said("Get-Pool\nlet x = ;\n"), [(2, 9, "error")]);
        assert_eq!(said("let pool = 1;\nGet-Pool -Identity pool\n"), [(2, 20, "warning")]);
    }
}
