//! Operators of PowerShell's on the engine's values: arithmetic, ranges, `-replace`, `-split`, `-f` and
//! their neighbours.
//!
//! Beside `commands`, which has comparisons. Arithmetic of plain numbers is done as it stands; all else
//! goes through `value::arithmetic`. What has no meaning is an error where the operator stands.

use std::cell::Cell;

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Module, NativeCallContext,
    Position as RhaiPosition,
};

use super::Fallible;
use super::convert::{Converter, elements, to_dynamic, too_long};
use super::engine::ScriptLimits;
use super::failure::{Failure, TerminationCheck, sentence};
use super::language::lower::OPERATORS;
use super::table::{TableKind, VariableTable};
use super::types::ScriptList;
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};
use crate::value::arithmetic::{Arithmetic, ArithmeticError, Number, number, reckon};
use crate::value::cast::{Type, cast, whole};
use crate::value::compare::expression;
use crate::value::pattern::Case;
use crate::value::text::interpolated;
use crate::value::{Value, format};

/// Makes an engine read the operators of lowered text.
pub fn read_operators(engine: &mut Engine) {
    for (_, name, precedence) in OPERATORS {
        // The names are plain words, and no precedence is zero.
        let registered = engine.register_custom_operator(name, *precedence);
        debug_assert!(registered.is_ok());
    }
}

/// Registers the operators; a text or a list that one makes has at most `limit` bytes or elements.
pub fn register(engine: &mut Engine, converter: &Converter, limit: usize) {
    read_operators(engine);
    for (name, operator) in [
        ("__add", Arithmetic::Add),
        ("__sub", Arithmetic::Subtract),
        ("__mul", Arithmetic::Multiply),
        ("__div", Arithmetic::Divide),
        ("__rem", Arithmetic::Remainder),
    ] {
        let own = converter.clone();
        engine.register_fn(
            name,
            move |context: NativeCallContext<'_>, left: Dynamic, right: Dynamic| -> Fallible<Dynamic> {
                arithmetic(&own, &context, left, operator, right, limit)
            },
        );
    }
    engine.register_fn(
        "__to",
        |context: NativeCallContext<'_>, start: Dynamic, end: Dynamic| -> Fallible<Dynamic> {
            let Some((start, end)) = whole_of(&start).zip(whole_of(&end)) else {
                let text = "A range has whole numbers on both sides.".to_owned();
                return Err(refused("InvalidRange", text, context.call_position()));
            };
            range(start, end, context.call_position())
        },
    );
    // What is in a list of one, and what nothing is added to.
    register_lists(engine, converter, limit);
}

/// Rhai's own operators where a command's list stands on a side.
fn register_lists(engine: &mut Engine, converter: &Converter, limit: usize) {
    let any = std::any::TypeId::of::<Dynamic>();
    let list = std::any::TypeId::of::<ScriptList>();
    let nothing = std::any::TypeId::of::<()>();
    for (symbol, operator) in [
        ("+", Arithmetic::Add),
        ("-", Arithmetic::Subtract),
        ("*", Arithmetic::Multiply),
        ("/", Arithmetic::Divide),
        ("%", Arithmetic::Remainder),
    ] {
        for types in [[list, any], [any, list], [nothing, any]] {
            if types[0] == nothing && operator != Arithmetic::Add {
                continue;
            }
            let own = converter.clone();
            engine.register_raw_fn(symbol, types, move |context, arguments| {
                let [left, right] = arguments else { return Ok(Dynamic::UNIT) };
                let (left, right) = (std::mem::take(*left), right.clone());
                arithmetic(&own, &context, left, operator, right, limit)
            });
        }
    }
}

fn arithmetic(
    own: &Converter,
    context: &NativeCallContext<'_>,
    left: Dynamic,
    operator: Arithmetic,
    right: Dynamic,
    limit: usize,
) -> Fallible<Dynamic> {
    // Lists of the program's own keep what they hold as it is.
    if operator == Arithmetic::Add && (left.is_array() || (left.is::<ScriptList>() && !is_one(&left))) {
        let mut all = Array::new();
        super::commands::spread(&mut all, left, context.call_position())?;
        super::commands::spread(&mut all, right, context.call_position())?;
        return Ok(all.into());
    }
    if operator == Arithmetic::Add
        && let (Some(table), Some(other)) =
            (left.read_lock::<VariableTable>(), right.read_lock::<VariableTable>())
    {
        return Ok(Dynamic::from(table.joined(&other)));
    }
    let is_null = left.is_unit();
    if operator == Arithmetic::Add && is_null {
        return Ok(right);
    }
    let (left, right) = (own.listed(left, context)?, own.listed(right, context)?);
    match reckon(left, operator, right, limit) {
        Ok(value) => Ok(from_value(value)),
        Err(error) if matches!(error, ArithmeticError::ByZero { .. }) => {
            let text = first_capital(&error.to_string());
            Err(Box::new(EvalAltResult::ErrorArithmetic(text, context.call_position())))
        }
        Err(error) => Err(refused("InvalidOperation", sentence(&error.to_string()), context.call_position())),
    }
}

fn first_capital(text: &str) -> String {
    let mut sentence = sentence(text);
    sentence.pop();
    sentence
}

/// A value as the program holds it: a list is one of its own, which it can change.
pub(super) fn from_value(value: Value) -> Dynamic {
    if let Value::List(items) = value {
        items.into_iter().map(to_dynamic).collect::<Array>().into()
    } else {
        to_dynamic(value)
    }
}

fn is_one(value: &Dynamic) -> bool {
    value.read_lock::<ScriptList>().is_some_and(|list| list.0.len() == 1)
}

/// `1..5`, `5..1`; few numbers are a list at once.
///
/// # Errors
/// More numbers would be counted down than a list holds.
fn range(start: i64, end: i64, place: RhaiPosition) -> Fallible<Dynamic> {
    let n_numbers = end.abs_diff(start).saturating_add(1);
    if start > end {
        if n_numbers > MOST {
            let remedy = format!("Write: for ($n = {start}; $n -ge {end}; $n--) {{ … }}.");
            return Err(too_long(n_numbers, &remedy, place));
        }
        return Ok((end..=start).rev().map(Dynamic::from).collect::<Array>().into());
    }
    Ok(match n_numbers <= FEW {
        true => (start..=end).map(Dynamic::from).collect::<Array>().into(),
        false => Dynamic::from(start..=end),
    })
}

fn whole_of(value: &Dynamic) -> Option<i64> {
    let value = super::convert::final_value(value.clone());
    whole(number(&value)?)
}

/// Ranges of fewer numbers are lists.
const FEW: u64 = 10_000;

/// The most numbers that are counted down.
const MOST: u64 = 1_000_000;

/// Registers what the dash operators call.
pub fn register_dashes(module: &mut Module, converter: &Converter, check: &TerminationCheck) {
    let (own, ending) = (converter.clone(), check.clone());
    FuncRegistration::new("operate").set_into_module(
        module,
        move |context: NativeCallContext<'_>,
              name: &str,
              left: Dynamic,
              right: Dynamic|
              -> Fallible<Dynamic> {
            let (left, right) = (own.listed(left, &context)?, own.listed(right, &context)?);
            operate(name, left, right, &ending).map_err(|text| {
                let place = context.call_position();
                ending.or(place, || refused("InvalidOperation", text, place))
            })
        },
    );
    let own = converter.clone();
    FuncRegistration::new("unary").set_into_module(
        module,
        move |context: NativeCallContext<'_>, name: &str, operand: Dynamic| -> Fallible<Dynamic> {
            let operand = own.listed(operand, &context)?;
            Ok(if name == "join" {
                let made = joined(operand.into_elements(), "");
                made.map_err(|text| refused("InvalidOperation", text, context.call_position()))?.into()
            } else {
                let parts = operand.into_elements();
                let words = parts.iter().flat_map(|part| {
                    interpolated(part)
                        .split_whitespace()
                        .map(|word| Dynamic::from(word.to_owned()))
                        .collect::<Vec<_>>()
                });
                words.collect::<Array>().into()
            })
        },
    );
    let own = converter.clone();
    FuncRegistration::new("cast").set_into_module(
        module,
        move |context: NativeCallContext<'_>, name: &str, value: Dynamic| -> Fallible<Dynamic> {
            if name.eq_ignore_ascii_case("void") {
                return Ok(Dynamic::UNIT);
            }
            let Some(wanted) = Type::named(name) else {
                return match name.to_ascii_lowercase().as_str() {
                    // An expression is its text.
                    "regex" => Ok(value),
                    _ => Err(refused(
                        "InvalidCast",
                        format!("Nothing can be read as [{name}]."),
                        context.call_position(),
                    )),
                };
            };
            // What a program made itself keeps what it is.
            let keeps = matches!(wanted, Type::Map | Type::Block | Type::Any)
                && !value.is::<ScriptList>()
                && !value.is_string();
            if keeps || (wanted == Type::List && value.is_array() && !name.ends_with("[]")) {
                let is_object =
                    ["pscustomobject", "psobject"].iter().any(|own| own.eq_ignore_ascii_case(name));
                let value = if value.is_map() {
                    Dynamic::from(VariableTable::from(value.cast::<rhai::Map>()))
                } else {
                    value
                };
                return Ok(if is_object && value.is::<VariableTable>() {
                    Dynamic::from(value.cast::<VariableTable>().of_kind(TableKind::Object))
                } else {
                    value
                });
            }
            let value = own.listed(value, &context)?;
            cast(value, wanted, name).map(from_value).map_err(|error| {
                refused("InvalidCast", sentence(&error.to_string()), context.call_position())
            })
        },
    );
    let own = converter.clone();
    FuncRegistration::new("code").set_into_module(
        module,
        move |context: NativeCallContext<'_>, name: &str, value: Dynamic| -> Fallible<Dynamic> {
            let code = |letter: Value| {
                let Value::Text(text) = &letter else { return letter };
                text.chars().next().map_or(Value::Null, |first| i64::from(u32::from(first)).into())
            };
            let letters = own.listed(value, &context)?;
            let codes = if let Value::List(letters) = letters {
                Value::List(letters.into_iter().map(code).collect())
            } else {
                code(letters)
            };
            let wanted = Type::named(name).unwrap_or(Type::Any);
            cast(codes, wanted, name).map(from_value).map_err(|error| {
                refused("InvalidCast", sentence(&error.to_string()), context.call_position())
            })
        },
    );
    let own = converter.clone();
    FuncRegistration::new("parameter").set_into_module(
        module,
        move |context: NativeCallContext<'_>, name: &str, value: Dynamic| -> Fallible<Dynamic> {
            let Some(wanted) = Type::named(name) else { return Ok(value) };
            let has_zero = matches!(wanted, Type::Whole | Type::Real | Type::Text | Type::Truth);
            let keeps = matches!(wanted, Type::Map | Type::Block | Type::Any | Type::Credential);
            if keeps || (value.is_unit() && !has_zero) {
                return Ok(value);
            }
            let value = own.listed(value, &context)?;
            cast(value, wanted, name).map(from_value).map_err(|error| {
                refused("InvalidCast", sentence(&error.to_string()), context.call_position())
            })
        },
    );
    let (own, ending) = (converter.clone(), check.clone());
    FuncRegistration::new("of_type").with_purity(false).with_volatility(true).set_into_module(
        module,
        move |context: NativeCallContext<'_>,
              type_name: &str,
              member: &str,
              arguments: Array|
              -> Fallible<Dynamic> {
            let arguments: Vec<Value> = arguments
                .into_iter()
                .map(|argument| own.listed(argument, &context))
                .collect::<Fallible<_>>()?;
            super::statics::call(type_name, member, &arguments, &ending).map(from_value).map_err(|error| {
                let place = context.call_position();
                ending.or(place, || refused("InvalidCall", sentence(&error.to_string()), place))
            })
        },
    );
}

fn refused(id: &'static str, text: String, place: RhaiPosition) -> Box<EvalAltResult> {
    Failure::thrown(Halt::Failed(ErrorRecord::new(Category::InvalidArgument, id, text)), place)
}

/// Applies a dash operator to two values. An error that comes when the program must end is not told.
fn operate(name: &str, left: Value, right: Value, ending: &TerminationCheck) -> Result<Dynamic, String> {
    let (case, name) = match name.strip_prefix('c') {
        Some(rest) => (Case::Sensitive, rest),
        None => (Case::Ignored, name),
    };
    match name {
        "f" => format::format(&interpolated(&left), &right_values(right))
            .map(Dynamic::from)
            .map_err(|error| sentence(&error.to_string())),
        "join" => Ok(joined(left.into_elements(), &interpolated(&right))?.into()),
        "replace" => {
            // A list's texts are made in one call.
            let made = Cell::new(0_usize);
            each_text(left, |text| {
                let text = replaced(text, &right, case, ending)?;
                made.set(made.get().saturating_add(text.len()));
                if made.get() > 4 * LONGEST { Err(TOO_LONG.to_owned()) } else { Ok(text) }
            })
        }
        "split" => {
            let mut parts = Array::new();
            for text in left.into_elements() {
                parts.extend(
                    split(&interpolated(&text), &right, case, ending)?.into_iter().map(Dynamic::from),
                );
            }
            Ok(parts.into())
        }
        "is" => Ok(is(&left, &right)?.into()),
        "isnot" => Ok((!is(&left, &right)?).into()),
        "as" => {
            let (name, wanted) = type_of(&right)?;
            Ok(cast(left, wanted, &name).map_or(Dynamic::UNIT, from_value))
        }
        "band" | "bor" | "bxor" | "shl" | "shr" => {
            let whole_of = |value: &Value| {
                number(value)
                    .and_then(whole)
                    .ok_or_else(|| format!("-{name} takes whole numbers, and not {}.", value.kind()))
            };
            let (left, right) = (whole_of(&left)?, whole_of(&right)?);
            let bits = u32::try_from(right).unwrap_or(u32::MAX);
            Ok(Dynamic::from(match name {
                "band" => left & right,
                "bor" => left | right,
                "bxor" => left ^ right,
                "shl" => left.checked_shl(bits).unwrap_or(0),
                _ => left.checked_shr(bits).unwrap_or(0),
            }))
        }
        _ => Err(format!("There is no operator -{name}.")),
    }
}

/// The values on the right of `-f`.
fn right_values(right: Value) -> Vec<Value> {
    if let Value::List(items) = right { items } else { vec![right] }
}

/// The texts of a list in one, whose length is checked before it is made.
pub(super) fn joined(list: Vec<Value>, by: &str) -> Result<String, String> {
    let mut made = String::new();
    for (n, item) in list.iter().enumerate() {
        let text = interpolated(item);
        if made.len().saturating_add(text.len()).saturating_add(by.len()) > LONGEST {
            return Err(TOO_LONG.to_owned());
        }
        if n > 0 {
            made.push_str(by);
        }
        made.push_str(&text);
    }
    Ok(made)
}

/// The matches of an expression, until the program must end: looking for one may take as long as the text is.
pub(super) fn while_running<T>(
    matches: impl Iterator<Item = T>,
    ending: &TerminationCheck,
) -> impl Iterator<Item = Result<T, String>> {
    matches.map(|one| if ending.is_due() { Err(STOPPED.to_owned()) } else { Ok(one) })
}

/// The error of native code whose program must end.
const STOPPED: &str = "The program was stopped.";

/// Every place of a text that an expression fits, replaced; the length is checked as it grows.
pub(super) fn replaced_within(
    regex: &regex::Regex,
    text: &str,
    new: &str,
    ending: &TerminationCheck,
) -> Result<String, String> {
    let new = replacement(new);
    let mut made = String::new();
    let mut n_taken = 0;
    for found in while_running(regex.captures_iter(text), ending) {
        let found = found?;
        let place = found.get_match();
        made.push_str(&text[n_taken..place.start()]);
        found.expand(&new, &mut made);
        n_taken = place.end();
        if made.len().saturating_add(text.len() - n_taken) > LONGEST {
            return Err(TOO_LONG.to_owned());
        }
    }
    made.push_str(&text[n_taken..]);
    Ok(made)
}

/// The longest text that an operator makes.
const LONGEST: usize = ScriptLimits::OWN.text;
const TOO_LONG: &str = "The text would be too long.";

/// Of a text a text, of a list a list.
fn each_text(value: Value, change: impl Fn(&str) -> Result<String, String>) -> Result<Dynamic, String> {
    if let Value::List(items) = &value
        && items.len() != 1
    {
        let changed: Result<Array, String> =
            items.iter().map(|item| change(&interpolated(item)).map(Dynamic::from)).collect();
        return changed.map(Dynamic::from_array);
    }
    change(&interpolated(&value)).map(Dynamic::from)
}

/// `-replace "old", "new"`: every place that the expression fits.
fn replaced(text: &str, right: &Value, case: Case, ending: &TerminationCheck) -> Result<String, String> {
    let parts = right.clone().into_elements();
    let (old, new) = match parts.as_slice() {
        [old] => (interpolated(old), String::new()),
        [old, new] => (interpolated(old), interpolated(new)),
        _ => return Err("-replace takes an expression and a text: -replace \"old\", \"new\".".to_owned()),
    };
    let regex = expression(&old, case).map_err(|error| sentence(&error.to_string()))?;
    replaced_within(&regex, text, &new, ending)
}

/// A replacement of .NET's in the letters of the engine of expressions: `$1`, `${name}`, `$&`.
fn replacement(new: &str) -> String {
    let mut made = String::with_capacity(new.len());
    let mut rest = new;
    while let Some(place) = rest.find('$') {
        made.push_str(&rest[..place]);
        rest = &rest[place + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            made.push_str(&format!("${{{}}}", &rest[..digits]));
            rest = &rest[digits..];
        } else if let Some(behind) = rest.strip_prefix('&') {
            made.push_str("${0}");
            rest = behind;
        } else if rest.starts_with('{') {
            made.push('$');
        } else if let Some(behind) = rest.strip_prefix('$') {
            made.push_str("$$");
            rest = behind;
        } else {
            made.push_str("$$");
        }
    }
    made.push_str(rest);
    made
}

/// `-split ","`, `-split ",", 2`: at most so many parts.
fn split(text: &str, right: &Value, case: Case, ending: &TerminationCheck) -> Result<Vec<String>, String> {
    let parts = right.clone().into_elements();
    let by = parts.first().map(interpolated).unwrap_or_default();
    let regex = expression(&by, case).map_err(|error| sentence(&error.to_string()))?;
    let most = parts.get(1).and_then(number).and_then(whole).and_then(|most| usize::try_from(most).ok());
    let own = |part: Result<&str, String>| part.map(str::to_owned);
    match most.filter(|most| *most > 0) {
        Some(most) => while_running(regex.splitn(text, most), ending).map(own).collect(),
        None => while_running(regex.split(text), ending).map(own).collect(),
    }
}

fn is(value: &Value, wanted: &Value) -> Result<bool, String> {
    let (_, wanted) = type_of(wanted)?;
    Ok(wanted.has(value))
}

fn type_of(value: &Value) -> Result<(String, Type), String> {
    let name = interpolated(value);
    match Type::named(&name) {
        Some(wanted) => Ok((name, wanted)),
        None => Err(format!(
            "There is no type [{name}]; there are [string], [int], [double], [bool], [datetime], [array]."
        )),
    }
}

/// Registers the functions that prepare the right side of `+=`: what is added to a number becomes a number, to a
/// text a text, and to a list its elements.
pub fn register_addend(engine: &mut Engine, module: &mut Module, converter: &Converter) {
    FuncRegistration::new("__kind").with_purity(true).register_into_engine(
        engine,
        |value: &mut Dynamic| -> i64 {
            if value.is_int() || value.is_float() {
                NUMBER
            } else if value.is_array() || value.is::<ScriptList>() {
                LIST
            } else if value.is::<ImmutableString>() {
                TEXT
            } else {
                OTHER
            }
        },
    );
    let own = converter.clone();
    FuncRegistration::new("addend").set_into_module(
        module,
        move |context: NativeCallContext<'_>, kind: i64, value: Dynamic| -> Fallible<Dynamic> {
            match kind {
                LIST => {
                    if value.is::<ScriptList>() {
                        return Ok(value.cast::<ScriptList>().into_iter().collect::<Array>().into());
                    }
                    Ok(match super::convert::range(&value) {
                        Some(numbers) => {
                            elements(numbers, context.call_position())?.collect::<Array>().into()
                        }
                        None => value,
                    })
                }
                NUMBER => {
                    if value.is_int() || value.is_float() {
                        return Ok(value);
                    }
                    let value = own.to_value(value, &context);
                    match number(&value) {
                        Some(Number::Whole(whole)) => Ok(whole.into()),
                        Some(Number::Real(real)) => Ok(real.into()),
                        None => {
                            let text = format!("+= cannot add {} '{value}' to a number.", value.kind());
                            Err(refused("InvalidOperation", text, context.call_position()))
                        }
                    }
                }
                TEXT => Ok(interpolated(&own.to_value(value, &context)).into()),
                _ => match value.is::<ScriptList>() {
                    true if is_one(&value) => Ok(to_dynamic(own.to_value(value, &context).read_through())),
                    true => Ok(value.cast::<ScriptList>().into_iter().collect::<Array>().into()),
                    false => Ok(value),
                },
            }
        },
    );
}

const OTHER: i64 = 0;
const NUMBER: i64 = 1;
const LIST: i64 = 2;
const TEXT: i64 = 3;

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    /// Looking for one match may take as long as the text is.
    #[test]
    fn matches_are_looked_for_until_the_program_must_end() {
        let (ending, asked) = TerminationCheck::behind(2);
        let text = || Value::text("a".repeat(1000));
        let all = || vec![text(), ".*b|a".into(), "c".into()];
        let operate = |name, right| operate(name, text(), right, &ending).is_err();
        let call = |name| super::super::statics::call("regex", name, &all(), &ending).is_err();
        let ways: [&dyn Fn() -> bool; 6] = [
            &|| operate("replace", Value::texts([".*b|a", "c"])),
            &|| operate("split", ".*b|a".into()),
            &|| operate("split", Value::List(vec![".*b|a".into(), 500.into()])),
            &|| call("Matches"),
            &|| call("Split"),
            &|| call("Replace"),
        ];
        for (place, way) in ways.iter().enumerate() {
            asked.store(0, Ordering::Relaxed);
            assert!(way(), "{place}");
            assert_eq!(asked.load(Ordering::Relaxed), 3, "{place}");
        }
        let place = RhaiPosition::NONE;
        let error = ending.or(place, || refused("InvalidOperation", STOPPED.to_owned(), place));
        assert!(matches!(*error, EvalAltResult::ErrorTerminated(..)));
    }
}
