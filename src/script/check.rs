//! Static checks of a script, made without running it: the front end's mistakes and doubts, what the engine's own
//! parser refuses, names that mean nothing, and arguments that no cmdlet takes.
//!
//! Below `front`, which reads the files: of an import only the name is told. Never says "error" of what
//! runs without a mistake; what stands in a `try` is doubted and no more.

// Reading order.
mod names;
mod calls;

use rhai::{AST, Engine, OptimizationLevel, Position as RhaiPosition, Scope};

use names::{NameFinding, What};

use super::compile::{Code, compile};
use super::failure::{Failure, FailureKind};
use super::language::{Lowered, ReadingContext, read};
use crate::cmdlet::{Catalogue, Position};

/// Something about a script, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub position: Position,
    /// The severity of the remark.
    pub severity: RemarkSeverity,
    /// The text of the remark.
    pub message: String,
}

/// The severity of a remark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkSeverity {
    /// The script cannot run.
    Error,
    /// It can, and probably does not do what is meant.
    Warning,
    /// It can, and means something else than it did in an earlier version.
    Note,
}

impl RemarkSeverity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// The result of checking a script.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// Everything that can be said of it, in the order of its text.
    pub remarks: Vec<Remark>,
    /// The modules that it imports by their names.
    pub imports: Vec<Import>,
}

/// A module that a script imports.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its name, as written.
    pub name: String,
    /// The position of the import.
    pub position: Position,
    /// The severity of the remark that is made if there is no such module.
    pub severity: RemarkSeverity,
}

/// Everything that can be said of a script without other files.
pub fn check(text: &str, catalogue: &Catalogue) -> CheckReport {
    let setting =
        ReadingContext { catalogue, everything: None, variables: VARIABLES, functions: &[], types: &[] };
    let mut reading = read(text, &setting);
    let mistakes = std::mem::take(&mut reading.mistakes).into_iter().map(|mistake| Remark {
        position: mistake.position,
        severity: RemarkSeverity::Error,
        message: mistake.to_string(),
    });
    let warnings = reading.warnings.iter().map(|warning| Remark {
        position: warning.position,
        severity: RemarkSeverity::Warning,
        message: warning.to_string(),
    });
    let changes = reading.changes(text).into_iter().map(|change| Remark {
        position: change.position,
        severity: RemarkSeverity::Note,
        message: change.to_string(),
    });
    let mut remarks: Vec<Remark> = mistakes.chain(warnings).chain(changes).collect();
    let (wrong, parameters) = calls::check(&reading.tree, text);
    remarks.extend(wrong);
    let variables: Vec<&str> = VARIABLES.iter().copied().chain(parameters).collect();
    let mut imports = Vec::new();
    if let Some(lowered) = reading.lowered() {
        let place = |place: RhaiPosition| {
            let position = place.line().map(|line| lowered.to_source(line, place.position().unwrap_or(1)));
            position.unwrap_or(Position { line: 1, column: 1 })
        };
        match compiled(&lowered) {
            Err(error) => {
                let failure = Failure::of_parsing(&error, Some(place(error.position())));
                if let (FailureKind::Mistake(message), Some(position)) = (failure.kind, failure.position) {
                    remarks.push(Remark { position, severity: RemarkSeverity::Error, message });
                }
            }
            Ok(program) => {
                for NameFinding { place: at, severity, what } in names::check(&program, catalogue, &variables)
                {
                    let position = place(at);
                    match what {
                        What::Mistake(message) => remarks.push(Remark { position, severity, message }),
                        What::Import(name) => imports.push(Import { name, position, severity }),
                    }
                }
            }
        }
    }
    remarks.sort_by_key(|remark| remark.position);
    remarks.dedup();
    CheckReport { remarks, imports }
}

/// The variables that exist when a script begins.
const VARIABLES: &[&str] = &["args"];

fn compiled(lowered: &Lowered) -> Result<AST, rhai::ParseError> {
    let mut engine = Engine::new_raw();
    engine.set_max_expr_depths(128, 64).set_optimization_level(OptimizationLevel::None);
    super::operators::read_operators(&mut engine);
    compile(&engine, &Scope::new(), Code { text: lowered.text(), boundaries: lowered.boundaries(), above: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlets::ALL;

    fn said(text: &str) -> Vec<(usize, usize, &'static str)> {
        let catalogue = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
        let remarks = check(text, &catalogue).remarks;
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
        for (text, place) in [
            ("y + 1;", (1, 1)),
            ("Write-Host \"$(nosuch.Identity)\"", (1, 15)),
            ("Get-Pool | ? { $_.Site -eq nosuch }", (1, 28)),
            ("let f = |x| x + nosuch; f.call(1);", (1, 17)),
            ("frobnicate(1);", (1, 1)),
            ("fn f(a) { a }\nlet z = f(1, 2);", (2, 9)),
            ("let n = 1;\nsub_string();", (2, 1)),
            ("Get-Pool a b c d", (1, 12)),
            ("Get-Pool -ErrorAction Bogus", (1, 23)),
            ("Get-Pool | Select-Object -First x", (1, 33)),
            ("let n = 1; Get-Pool $n | Select-Object -First -1", (1, 47)),
            ("Test-XmppIM -TargetFqdn atl", (1, 1)),
            ("fn f() { zork(1) }", (1, 10)),
        ] {
            assert_eq!(said(text), [(place.0, place.1, "error")], "{text}");
        }
        for text in [
            "let f = |x| x; let g = |y| [1].map(|z| z + y); g.call(f.call(1));",
            "for (p, n) in Get-Pool { for q in [n] { Get-Pool | % { p.Identity + q } } }",
            "try { throw 1 } catch (e) { print(e); }",
            "args.len(); let s = \"a\"; s.len(); len(s); print(type_of(s));",
            "let h = @{ Site = 'x' }; Get-Pool @h",
            "Get-Pool | Test-XmppIM -Receiver a@b",
            "Test-XmppIM -?",
            "fn a(x) { b(x) } fn b(x) { get_pool(#{ site: x }) } a(1);",
            "let f = Fn(\"a\"); f.call(1); sleep(0.1); exit(1);",
        ] {
            assert_eq!(said(text), [], "{text}");
        }
        // In a try it may be meant.
        assert_eq!(said("try { zork() } catch { }"), [(1, 7, "warning")]);
        assert_eq!(said("let pool = 1;\nGet-Pool -Identity pool\n"), [(2, 20, "warning")]);
    }
}
