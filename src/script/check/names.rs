//! Names of Rhai's half: variables, functions with the number of their arguments, and imports, read
//! from the engine's own tree.
//!
//! Beside `calls`, which looks at command lines. Silent where a name may have a meaning that only a
//! run knows: behind a `::`, as a method, or where a closure in a variable is called.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, Position as RhaiPosition, Stmt};

use super::RemarkSeverity;
use crate::cmdlet::{Catalogue, Description};
use crate::script::engine;
use crate::value::text::nearest;

/// A name that has no meaning, or an import.
pub(super) struct NameFinding {
    pub(super) place: RhaiPosition,
    pub(super) severity: RemarkSeverity,
    pub(super) what: What,
}

/// The kind of a finding.
pub(super) enum What {
    /// A mistake, in words.
    Mistake(String),
    /// An import of this name.
    Import(String),
}

/// Returns the findings in a program that begins with these variables.
pub(super) fn check(program: &AST, catalogue: &Catalogue, variables: &[&str]) -> Vec<NameFinding> {
    let mut names = KnownNames::new(catalogue, variables);
    for function in program.iter_functions() {
        names.own.entry(function.name.to_owned()).or_default().insert(function.params.len());
        // Those of a closure are in the author's text; here what it captures is among them.
        if !function.name.contains('$') {
            names.variables.extend(function.params.iter().map(|name| (*name).to_owned()));
        }
    }
    // A name that is declared anywhere may be meant: the engine does not say where it is captured, and a
    // variable that is called may hold a closure.
    program.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => {
                names.variables.insert(var.0.name.to_string());
            }
            Some(ASTNode::Stmt(Stmt::For(header, _))) => {
                let counter = header.1.as_ref().map(|name| name.name.to_string());
                names.variables.extend([header.0.name.to_string()].into_iter().chain(counter));
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) => {
                if let Expr::Variable(name, ..) = &parts.expr {
                    names.variables.insert(name.1.to_string());
                }
            }
            Some(_) | None => {}
        }
        true
    });
    let mut found = Vec::new();
    program.walk(&mut |path: &[ASTNode<'_>]| {
        let tried = path.iter().any(|node| matches!(node, ASTNode::Stmt(Stmt::TryCatch(..))));
        let severity = if tried { RemarkSeverity::Warning } else { RemarkSeverity::Error };
        let mut push = |place, what| found.push(NameFinding { place, severity, what });
        match path.last() {
            Some(ASTNode::Expr(Expr::Variable(variable, short, place)))
                if variable.0.is_none() && short.is_none() && variable.2.is_empty() =>
            {
                if let Some(words) = names.variable(&variable.1) {
                    push(*place, What::Mistake(words));
                }
            }
            Some(ASTNode::Stmt(Stmt::Share(shared))) => {
                for (name, index) in shared.iter() {
                    if index.is_none()
                        && let Some(words) = names.variable(&name.name)
                    {
                        push(name.pos, What::Mistake(words));
                    }
                }
            }
            Some(ASTNode::Expr(Expr::FnCall(call, place)) | ASTNode::Stmt(Stmt::FnCall(call, place))) => {
                if let Some(words) = names.function(call) {
                    push(*place, What::Mistake(words));
                }
            }
            Some(ASTNode::Stmt(Stmt::Import(import, _))) => {
                if let Expr::StringConstant(name, place) = &import.0 {
                    push(*place, What::Import(name.to_string()));
                }
            }
            Some(_) | None => {}
        }
        true
    });
    found.sort_by_key(|one| one.place);
    found
}

/// The names that there are.
struct KnownNames {
    /// The program's own functions, with their numbers of parameters.
    own: HashMap<String, HashSet<usize>>,
    /// Everybody's.
    given: HashMap<String, HashSet<usize>>,
    variables: HashSet<String>,
    /// The number of names that may still be compared with all others to find the nearest.
    n_hints: Cell<usize>,
}

impl KnownNames {
    fn new(catalogue: &Catalogue, variables: &[&str]) -> Self {
        let mut given: HashMap<String, HashSet<usize>> = HashMap::new();
        let engine: Engine = engine::vocabulary();
        let signatures = engine.collect_fn_metadata(
            None,
            |info| Some((info.metadata.name.to_string(), info.metadata.num_params)),
            true,
        );
        for (name, n_parameters) in signatures {
            given.entry(name).or_default().insert(n_parameters);
        }
        let cmdlets = catalogue.iter().flat_map(Description::function_names);
        let counts = 0..=engine::MOST_POSITIONAL;
        given.extend(cmdlets.map(|name| (name, counts.clone().collect())));
        let variables = variables.iter().map(|name| (*name).to_owned()).collect();
        Self { own: HashMap::new(), given, variables, n_hints: Cell::new(MOST_HINTS) }
    }

    fn variable(&self, name: &str) -> Option<String> {
        let is_known = self.variables.contains(name)
            || self.own.contains_key(name)
            || self.given.contains_key(name)
            || name.starts_with("__");
        (!is_known)
            .then(|| format!("There is no variable and no command '{name}'.{}", self.nearest_variable(name)))
    }

    fn nearest_variable(&self, name: &str) -> String {
        let names = self.variables.iter().map(String::as_str).filter(|other| !other.starts_with("__"));
        self.hint(name, names)
    }

    /// The nearest of the names; of equally near ones always the same.
    fn hint<'n>(&self, name: &str, names: impl Iterator<Item = &'n str>) -> String {
        let Some(left) = self.n_hints.get().checked_sub(1) else { return String::new() };
        self.n_hints.set(left);
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        nearest(name, names).map_or_else(String::new, |nearest| format!(" Did you mean {nearest}?"))
    }

    fn function(&self, call: &FnCallExpr) -> Option<String> {
        let name = call.name.as_str();
        if call.op_token.is_some()
            || !call.namespace.is_empty()
            || name.contains('$')
            || KEYWORDS.contains(&name)
            || self.variables.contains(name)
        {
            return None;
        }
        let n_given = call.args.len();
        let counts: Vec<&HashSet<usize>> =
            [self.own.get(name), self.given.get(name)].into_iter().flatten().collect();
        if counts.iter().any(|counts| counts.contains(&n_given)) {
            return None;
        }
        let arguments = match n_given {
            0 => "no arguments".to_owned(),
            1 => "one argument".to_owned(),
            n => format!("{n} arguments"),
        };
        if counts.is_empty() {
            let names = self.own.keys().chain(self.given.keys()).map(String::as_str);
            let names = names.filter(|other| {
                other.starts_with(|first: char| first.is_ascii_alphabetic()) && !other.contains('$')
            });
            return Some(format!("There is no function '{name}'.{}", self.hint(name, names)));
        }
        let mut takes: Vec<usize> = counts.into_iter().flatten().copied().collect();
        takes.sort_unstable();
        takes.dedup();
        let takes: Vec<String> = takes.iter().map(usize::to_string).collect();
        Some(format!("The function '{name}' takes {} and gets {arguments}.", takes.join(" or ")))
    }
}

/// The number of mistakes of one text that get a suggestion; the rest is not worth the time.
const MOST_HINTS: usize = 50;

/// Functions of the engine itself.
const KEYWORDS: &[&str] = &[
    "print",
    "debug",
    "type_of",
    "eval",
    "Fn",
    "call",
    "curry",
    "is_shared",
    "is_def_fn",
    "is_def_var",
    "this",
];
