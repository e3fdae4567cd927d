//! The engine's parser, which is given a long text in parts.
//!
//! Rhai looks for every name among all closures, functions and variables that stand before it in its
//! text: ten times the text takes a hundred times as long. Lowering says where a script may be cut
//! between two statements. Never changes what a script means: wherever the parts might mean
//! something else than the whole, the whole is compiled.

use std::collections::HashSet;

use rhai::{AST, ASTFlags, ASTNode, Engine, Expr, OptimizationLevel, ParseError, Scope, Stmt};

use super::language::lower::StatementBoundary;

/// A lowered text with the places where it may be cut.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// The text.
    pub text: &'a str,
    /// The places at which the text may be cut, in order.
    pub boundaries: &'a [StatementBoundary],
    /// The empty lines before it.
    pub above: usize,
}

/// Compiles a text for a program that begins with the variables of `scope`.
///
/// # Errors
/// What Rhai's parser refuses; the lines above count.
pub fn compile(engine: &Engine, scope: &Scope<'_>, code: Code<'_>) -> Result<AST, ParseError> {
    // The values of a scope's constants are put into the text, unless it has a variable of that name.
    let has_constants = scope.iter_raw().any(|(_, is_constant, _)| is_constant);
    if code.boundaries.is_empty() || has_constants {
        return engine.compile_with_scope(scope, code.between(0, code.n_parts()));
    }
    match in_parts(engine, code)? {
        Some(program) => Ok(program),
        None => engine.compile_with_scope(scope, code.between(0, code.n_parts())),
    }
}

impl Code<'_> {
    fn n_parts(&self) -> usize {
        self.boundaries.len() + 1
    }

    /// Some parts in a row, at the position where they stand in the whole.
    fn between(&self, from: usize, to: usize) -> String {
        let begin = from.checked_sub(1).and_then(|boundary| self.boundaries.get(boundary));
        let offset = begin.map_or(0, |boundary| boundary.offset);
        let (lines, columns) =
            begin.map_or((0, 0), |boundary| (boundary.position.line - 1, boundary.position.column - 1));
        let end = self.boundaries.get(to - 1).map_or(self.text.len(), |boundary| boundary.offset);
        let part = self.text.get(offset..end).unwrap_or_default();
        let mut text = String::with_capacity(self.above + lines + columns + part.len());
        text.extend(std::iter::repeat_n('\n', self.above + lines));
        text.extend(std::iter::repeat_n(' ', columns));
        text.push_str(part);
        text
    }
}

/// The program of the parts, or nothing where the whole may mean something else.
fn in_parts(engine: &Engine, code: Code<'_>) -> Result<Option<AST>, ParseError> {
    let engine = parser(engine);
    let mut program = AST::empty();
    let mut before = EarlierParts::default();
    for part in 0..code.n_parts() {
        let parsed = match engine.compile(code.between(part, part + 1)) {
            Ok(parsed) => parsed,
            Err(_) => {
                // A mistake is one too where its neighbours are seen.
                let around = code.between(part.saturating_sub(1), (part + 2).min(code.n_parts()));
                return engine.compile(around).map(|_| None);
            }
        };
        if before.matters_to(&parsed) || !before.add(&parsed) {
            return Ok(None);
        }
        program.combine(parsed);
    }
    Ok(Some(program))
}

/// An engine that reads what this one reads, and leaves it as it stands: Rhai takes the `return` that
/// ends a text away, and a part is not the end.
fn parser(engine: &Engine) -> Engine {
    let mut parser = Engine::new_raw();
    parser
        .set_optimization_level(OptimizationLevel::None)
        .set_max_expr_depths(engine.max_expr_depth(), engine.max_function_expr_depth())
        .set_max_string_size(engine.max_string_size())
        .set_max_array_size(engine.max_array_size())
        .set_max_map_size(engine.max_map_size());
    super::operators::read_operators(&mut parser);
    if engine.is_symbol_disabled("eval") {
        parser.disable_symbol("eval");
    }
    parser
}

/// The declarations in earlier parts of a text that Rhai's parser knows of, beside what it would find at run time.
#[derive(Default)]
struct EarlierParts {
    /// The functions: their names, numbers of parameters and types of `this`.
    functions: HashSet<(String, usize, Option<String>)>,
    function_names: HashSet<String>,
    constants: HashSet<String>,
}

impl EarlierParts {
    /// Adds a part; false if it has a function that is there already, which is a mistake.
    fn add(&mut self, part: &AST) -> bool {
        for statement in part.statements() {
            if let Stmt::Var(variable, flags, _) = statement
                && flags.contains(ASTFlags::CONSTANT)
            {
                self.constants.insert(variable.0.name.to_string());
            }
        }
        part.iter_fn_def().filter(|function| !function.name.contains('$')).all(|function| {
            let this = function.this_type.as_ref().map(ToString::to_string);
            self.function_names.insert(function.name.to_string());
            self.functions.insert((function.name.to_string(), function.params.len(), this))
        })
    }

    /// Whether a closure of the part holds a function, or a statement of it sets a constant: neither
    /// captures it, and the other is a mistake.
    fn matters_to(&self, part: &AST) -> bool {
        if self.function_names.is_empty() && self.constants.is_empty() {
            return false;
        }
        let mut matters = false;
        part.walk(&mut |path: &[ASTNode<'_>]| {
            matters |= match path.last() {
                Some(ASTNode::Stmt(Stmt::Share(shared))) => {
                    shared.iter().any(|(name, _)| self.function_names.contains(name.name.as_str()))
                }
                Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                    matches!(&assignment.1.lhs, Expr::Variable(variable, ..)
                        if self.constants.contains(variable.1.as_str()))
                }
                Some(_) | None => false,
            };
            !matters
        });
        matters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlet::Position;

    /// A text that is cut behind every line that ends with a semicolon or a brace.
    fn cut(text: &str) -> Vec<StatementBoundary> {
        let ends = text.match_indices('\n').enumerate();
        let boundaries = ends.map(|(place, (end, _))| StatementBoundary {
            offset: end + 1,
            position: Position { line: place + 2, column: 1 },
        });
        boundaries.filter(|boundary| text[..boundary.offset].trim_end().ends_with([';', '}'])).collect()
    }

    fn compiled(engine: &Engine, text: &str, boundaries: &[StatementBoundary]) -> Result<AST, ParseError> {
        compile(engine, &Scope::new(), Code { text, boundaries, above: 3 })
    }

    #[test]
    fn parts_mean_what_the_whole_means() {
        let mut engine = Engine::new();
        engine.disable_symbol("eval");
        for text in [
            "let a = 1;\nlet f = |x| x + a;\na = 5;\nf.call(2)",
            "let a = 1;\nlet f = || a;\nlet a = 2;\n[f.call(), a]",
            "fn f(x) { x + 1 }\nlet g = f;\nlet h = |x| f.call(x);\ng.call(1) + h.call(2)",
            "const A = 1;\nlet b = A + 1;\nb",
            "const A = 1;\nA = 2;",
            "const A = 1;\nlet A = 2;\nA = 3;\nA",
            "let a = 1;\na.nosuch();",
            "let a = 1;\nlet b = |x| {\nx + a\n};\nb.call(1)",
            "fn f() { 1 }\nfn f() { 2 }\nf()",
            "fn f() { 1 }\nfn f(x) { 2 }\nf() + f(1)",
            "let a = 1;\nlet b = ;\nlet c = (;",
            "let a = 1;\nlet b = 'xy",
            "f()\n;\nfn f() { 7 }",
            // A boundary in the wrong place.
            "let a = [1, 2];\nfor x in a { let y = x;\na.push(y) }\na.len()",
            "5;\n\n",
            "let a = 1;\nreturn a;\nthrow 2;",
            "let a = 1;\nif true { return a; }\nthrow 2;",
            "let a = 1;\n{ return a; }\nthrow 2;",
            "eval(\"1\");\nlet a = 1;\na",
        ] {
            let said = |boundaries: &[StatementBoundary]| match compiled(&engine, text, boundaries) {
                Ok(program) => match engine.eval_ast::<rhai::Dynamic>(&program) {
                    Ok(value) => format!("{value:?}"),
                    Err(error) => format!("{error:?}"),
                },
                Err(error) => format!("{error:?}"),
            };
            assert_eq!(said(&cut(text)), said(&[]), "{text}");
        }
    }

    #[test]
    fn parts_are_used_where_they_can_be() {
        let engine = Engine::new();
        let text = "const A = 1;\nlet b = A;\nfn f() { 1 }\nlet c = |x| x + b;\nc.call(f())";
        let boundaries = cut(text);
        let code = Code { text, boundaries: &boundaries, above: 0 };
        let program = in_parts(&engine, code).unwrap().unwrap();
        assert_eq!(engine.eval_ast::<i64>(&program).unwrap(), 2);
    }

    #[test]
    fn constants_of_the_session_are_known_in_a_long_text_too() {
        let engine = Engine::new();
        let mut scope = Scope::new();
        scope.push_constant("A", 5_i64);
        let text = "let x = 1;\nfn f() { A }\nf()";
        let program = compile(&engine, &scope, Code { text, boundaries: &cut(text), above: 0 }).unwrap();
        assert_eq!(engine.eval_ast_with_scope::<i64>(&mut scope, &program).unwrap(), 5);
    }
}
