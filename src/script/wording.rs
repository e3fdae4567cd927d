//! The engine's errors in words of ours: types as help calls them, and the nearest name.
//!
//! Stands beside `failure`, which keeps kind and place. Knows the wording of Rhai 1.27 only where
//! it is worth it; what it does not know stays as the engine says it.

#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's errors are its own, and grow with it")]

use rhai::{EvalAltResult, LexError, ParseErrorType};

use super::language::lower::METHODS;
use crate::value::text::nearest as nearest_name;

/// Returns the message of an error, where this module has better words than the engine; `nearest` knows the names
/// of functions and variables that there are.
pub fn words(error: &EvalAltResult, nearest: impl Fn(&str) -> Option<String>) -> Option<String> {
    let hint = |name: &str| {
        nearest(name)
            .filter(|nearest| nearest != name)
            .map_or_else(String::new, |nearest| format!(" Did you mean {nearest}?"))
    };
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let (name, types) = signature.split_once(" (")?;
            let types = type_names(types.strip_suffix(')')?);
            Some(match (is_name(name), types.as_slice()) {
                (true, []) => format!("There is no function '{name}' without arguments.{}", hint(name)),
                (true, types) => {
                    let method = nearest_name(name, METHODS.iter().copied()).filter(|method| *method != name);
                    let hint = method.map_or_else(|| hint(name), |method| format!(" Did you mean {method}?"));
                    format!("There is no function '{name}' for {}.{hint}", types.join(" and "))
                }
                (false, [one]) => format!("{name} cannot be put before {one}."),
                (false, types) => format!("{name} cannot stand between {}.", types.join(" and ")),
            })
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            Some(format!("There is no variable and no command '{name}'.{}", hint(name)))
        }
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
            let (wanted, found) = (type_name(wanted), type_name(found));
            let more = if wanted == "boolean" && found == "list" {
                " Write: !….is_empty(), or $name."
            } else {
                ""
            };
            Some(format!("This needs {wanted} and got {found}.{more}"))
        }
        EvalAltResult::ErrorAssignmentToConstant(name, _) => Some(format!(
            "The variable '{name}' cannot be changed: it is a constant, or a copy that a -Parallel block reads. \
             Let the block give what it finds out, or a variable of its own; write: let name = …."
        )),
        EvalAltResult::ErrorNonPureMethodCallOnConstant(method, _) => Some(format!(
            "'{method}' would change a variable that is a constant, or a copy that a -Parallel block reads. \
             Let the block give what it finds out, or a variable of its own; write: let name = …."
        )),
        EvalAltResult::ErrorStackOverflow(_) => Some(
            "Functions and blocks call each other too deep: more than 64 calls within calls, or one that \
             never ends calling itself."
                .to_owned(),
        ),
        EvalAltResult::ErrorDotExpr(text, _) if text.starts_with("No writable property '") => {
            let name = text.strip_prefix("No writable property '")?.split_once('\'')?.0;
            Some(format!(
                "The property '{name}' cannot be set: what a command gave is not changed. Select-Object makes \
                 records with other properties, and the Set- cmdlets change what there is; for one of your own, \
                 write: [pscustomobject]@{{ {name} = $value }}."
            ))
        }
        EvalAltResult::ErrorDotExpr(text, _) => {
            let (name, rest) = text.strip_prefix("Unknown property '")?.split_once('\'')?;
            let of = rest.rsplit_once("type '")?.1.strip_suffix('\'')?;
            Some(format!("A value of type {} has no property '{name}'.", type_name(of)))
        }
        _ => None,
    }
}

/// Returns the message of an error in the text, where this module has better words than the engine.
pub fn parsing_words(error: &ParseErrorType) -> Option<String> {
    let words = match error {
        ParseErrorType::ExprTooDeep => {
            "This nests too deep to be run: give part of it a name with let, or put it into a function (fn)."
        }
        ParseErrorType::LoopBreak => {
            "break and continue belong into a loop; in a script block, return ends the block for this record."
        }
        ParseErrorType::WrongFnDefinition => {
            "A function stands in no block and in no other function; in front of what calls it, write: function Name($x) { … }."
        }
        ParseErrorType::MismatchedType(wanted, found) if wanted.contains("boolean") => {
            return Some(format!(
                "A condition is true or false, and {found} is neither; write: if ($x) {{ … }}, or while ($true) {{ … }}."
            ));
        }
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            "A text is not closed on its line; write: \"…\", or @\"…\"@."
        }
        ParseErrorType::BadInput(LexError::MalformedEscapeSequence(escape)) => {
            return Some(format!(
                "In an expression a backslash escapes, and {escape} is none; write: \"…\\{escape}…\", or '…{escape}…'."
            ));
        }
        ParseErrorType::Reserved(symbol) if symbol == "$" => {
            "A $ cannot stand here: parameters of fn have none; write: fn f(a, b) { … }, or |a, b| …."
        }
        _ => return None,
    };
    Some(words.to_owned())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// The types of a call's arguments, as help calls them.
fn type_names(types: &str) -> Vec<String> {
    types.split(", ").filter(|name| !name.is_empty()).map(type_name).collect()
}

/// A type of the engine's as help calls it.
pub(super) fn type_name(name: &str) -> String {
    let name = name.trim();
    let own = match name.rsplit("::").next().unwrap_or(name) {
        "&str | ImmutableString | String" | "string" | "ImmutableString" | "&str" => "text",
        "i64" => "integer",
        "f64" => "float",
        "bool" => "boolean",
        "()" => "nothing",
        "Fn" => "closure",
        "array" | "List" | "ScriptList" => "list",
        "ScriptDuration" => "TimeSpan",
        "ScriptTime" => "DateTime",
        "VariableTable" => "map",
        own if own.starts_with("Range") => "range",
        own => own,
    };
    own.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::Position;

    #[test]
    fn the_engines_signatures_become_sentences() {
        let near = |name: &str| (name == "tset").then(|| "test".to_owned());
        for (signature, sentence) in [
            ("tset ()", "There is no function 'tset' without arguments. Did you mean test?"),
            ("up (&str | ImmutableString | String, i64)", "There is no function 'up' for text and integer."),
            ("* (&str | ImmutableString | String, i64)", "* cannot stand between text and integer."),
            ("! (List)", "! cannot be put before list."),
        ] {
            let error = EvalAltResult::ErrorFunctionNotFound(signature.to_owned(), Position::NONE);
            assert_eq!(words(&error, near).as_deref(), Some(sentence));
        }
    }
}
