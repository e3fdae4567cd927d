//! What lowered statements and members call, beside pipelines: properties and elements of whatever a value
//! is, what a loop goes through, what a function gives, `$?`, `$Error` and `$Matches`.
//!
//! Part of the module `__shell`; `language::lower` lists the functions with their meaning.

use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use rhai::{
    Array, Dynamic, EvalAltResult, FnPtr, FuncRegistration, Map, Module, NativeCallContext, Position,
};

use super::Fallible;
use super::commands::{Runner, spread};
use super::convert::{CallableBlock, Converter, range, to_dynamic};
use super::failure::Failure;
use super::table::{TableKind, VariableTable};
use super::types::{ScriptList, Thrown};
use super::validation;
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};
use crate::value::arithmetic::number;
use crate::value::cast::whole;
use crate::value::{Record, Value};

/// The last match of `-match`: the expression and the text that it fitted.
#[derive(Clone, Debug, Default)]
pub struct LastMatch(Arc<Mutex<Option<(Regex, String)>>>);

impl LastMatch {
    /// Keeps an expression that fitted a text.
    pub fn keep(&self, expression: &Regex, text: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((expression.clone(), text.to_owned()));
    }

    /// The groups by their numbers and names; nothing where nothing fitted.
    fn groups(&self) -> Option<VariableTable> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (expression, text) = kept.as_ref()?;
        let captures = expression.captures(text)?;
        let mut table = VariableTable::default();
        for (place, name) in expression.capture_names().enumerate() {
            if let Some(found) = captures.get(place) {
                let key = name.map_or_else(|| place.to_string(), str::to_owned);
                table.set(key.into(), Dynamic::from(found.as_str().to_owned()));
            }
        }
        Some(table)
    }
}

/// Registers the functions.
pub fn register<R: Runner>(module: &mut Module, converter: &Converter, runner: &R, last: &LastMatch) {
    register_members(module, converter);
    register_gathering(module);
    register_calls(module, converter);
    register_parameters(module, converter);
    let volatile = |name: &'static str| FuncRegistration::new(name).with_purity(false).with_volatility(true);
    let own = runner.clone();
    volatile("succeeded").set_into_module(module, move || own.succeeded());
    let own = runner.clone();
    volatile("errors").set_into_module(module, move || -> ScriptList {
        ScriptList(Arc::new(own.errors().iter().map(|error| Record::from(error).into()).collect()))
    });
    let own = runner.clone();
    volatile("forget_errors").set_into_module(module, move || own.forget_errors());
    let own = runner.clone();
    volatile("environment").set_into_module(
        module,
        move |context: NativeCallContext<'_>, name: &str| -> Fallible<Dynamic> {
            match own.environment(name) {
                Ok(value) => Ok(value.map_or(Dynamic::UNIT, Dynamic::from)),
                Err(error) => Err(Failure::thrown(Halt::Failed(error), context.call_position())),
            }
        },
    );
    let own = last.clone();
    volatile("matches").set_into_module(module, move || own.groups().map_or(Dynamic::UNIT, Dynamic::from));
}

fn register_members(module: &mut Module, converter: &Converter) {
    let own = converter.clone();
    FuncRegistration::new("get").set_into_module(
        module,
        move |context: NativeCallContext<'_>, value: Dynamic, name: &str| -> Fallible<Dynamic> {
            property(&own, &context, &value, name)
        },
    );
    let own = converter.clone();
    FuncRegistration::new("at").set_into_module(
        module,
        move |context: NativeCallContext<'_>, value: Dynamic, place: Dynamic| -> Fallible<Dynamic> {
            element(&own, &context, value, place)
        },
    );
}

/// A property, of whatever has it.
fn property(
    own: &Converter,
    context: &NativeCallContext<'_>,
    value: &Dynamic,
    name: &str,
) -> Fallible<Dynamic> {
    let is_count = name.eq_ignore_ascii_case("count") || name.eq_ignore_ascii_case("length");
    let unknown =
        |error| Failure::thrown(Halt::Failed(ErrorRecord::no_such_property(&error)), context.call_position());
    if name.eq_ignore_ascii_case("psobject") {
        return own.to_value(value.clone(), context).property(name).map(to_dynamic).map_err(unknown);
    }
    if let Some(list) = value.read_lock::<ScriptList>() {
        return list.property(name).map_err(unknown);
    }
    if let Some(record) = value.read_lock::<Arc<Record>>() {
        return match Value::Record(record.clone()).property(name) {
            Ok(value) => Ok(to_dynamic(value)),
            Err(_) if is_count => Ok(Dynamic::from(1_i64)),
            Err(error) => Err(unknown(error)),
        };
    }
    if let Some(table) = value.read_lock::<VariableTable>() {
        return Ok(table.property(name));
    }
    if let Some(items) = value.read_lock::<Array>() {
        if is_count {
            return Ok(length(items.len()));
        }
        let mut found = Array::with_capacity(items.len());
        for item in items.iter() {
            spread(&mut found, property(own, context, item, name)?, context.call_position())?;
        }
        return Ok(if found.len() == 1 { found.pop().unwrap_or_default() } else { found.into() });
    }
    if let Some(map) = value.read_lock::<Map>() {
        let exact = map.get(name);
        let found = exact
            .or_else(|| map.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value));
        return Ok(found
            .cloned()
            .unwrap_or_else(|| if is_count { length(map.len()) } else { Dynamic::UNIT }));
    }
    if value.is_unit() {
        return Ok(if is_count { 0_i64.into() } else { Dynamic::UNIT });
    }
    if let Some(numbers) = range(value).filter(|_| is_count) {
        return Ok(Dynamic::from(i64::try_from(super::convert::length(&numbers)).unwrap_or(i64::MAX)));
    }
    if let Some(thrown) = value.read_lock::<Thrown>() {
        return thrown.property(name).map_err(unknown);
    }
    let value = own.to_value(value.clone(), context);
    match value.property(name) {
        Ok(part) => Ok(to_dynamic(part)),
        Err(_) if is_count => Ok(Dynamic::from(1_i64)),
        Err(error) => Err(unknown(error)),
    }
}

fn length(count: usize) -> Dynamic {
    Dynamic::from(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `x[0]`, `x[-1]`, `x[0..2]`, `x[0, 2]`, `x["name"]`.
fn element(
    own: &Converter,
    context: &NativeCallContext<'_>,
    value: Dynamic,
    place: Dynamic,
) -> Fallible<Dynamic> {
    let place = own.to_value(place, context);
    let is_one = matches!(&place, Value::List(items) if items.len() == 1);
    let place = if is_one { place.read_through() } else { place };
    if let Some(table) = value.read_lock::<VariableTable>() {
        let entry = |place: &Value| {
            if let Value::Integer(number) = place {
                table.at(*number)
            } else {
                table.property(&place.to_string())
            }
        };
        return Ok(if let Value::List(places) = &place {
            places.iter().map(entry).collect::<Array>().into()
        } else {
            entry(&place)
        });
    }
    if let Some(map) = value.read_lock::<Map>() {
        return Ok(map.get(place.to_string().as_str()).cloned().unwrap_or_default());
    }
    if let (Value::Text(name), false) = (&place, value.is_string()) {
        return property(own, context, &value, name);
    }
    if value.is_string() {
        let letters: Array =
            value.into_string().unwrap_or_default().chars().map(|letter| letter.to_string().into()).collect();
        return at_places(&letters, &place, context);
    }
    if value.is_unit() {
        let error = ErrorRecord::new(
            Category::InvalidArgument,
            "NullArray",
            "Nothing has no elements: the value before [ ] is $null.",
        );
        return Err(Failure::thrown(Halt::Failed(error), context.call_position()));
    }
    if let Some(items) = value.read_lock::<Array>() {
        return at_places(&items, &place, context);
    }
    let items: Array = each(value, context.call_position())?;
    at_places(&items, &place, context)
}

/// The elements at one place or at several; what lies outside of a list is nothing among several, and
/// an error alone.
fn at_places(items: &Array, place: &Value, context: &NativeCallContext<'_>) -> Fallible<Dynamic> {
    let found = |place: &Value| {
        let index = whole(number(place)?)?;
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let from_start = if index < 0 { index.checked_add(count)? } else { index };
        usize::try_from(from_start).ok().and_then(|place| items.get(place)).cloned()
    };
    if let Value::List(places) = place {
        return Ok(places.iter().filter_map(found).collect::<Array>().into());
    }
    found(place).ok_or_else(|| match number(place).and_then(whole) {
        Some(index) => Box::new(EvalAltResult::ErrorArrayBounds(items.len(), index, context.call_position())),
        None => {
            let text = format!("An element has a number or a name, and '{place}' is neither.");
            let error = ErrorRecord::new(Category::InvalidArgument, "InvalidIndex", text);
            Failure::thrown(Halt::Failed(error), context.call_position())
        }
    })
}

/// The elements of a list, nothing of null, and of anything else itself alone.
///
/// # Errors
/// A range has more numbers than a list.
pub(super) fn each(value: Dynamic, place: Position) -> Fallible<Array> {
    let mut all = Array::new();
    if !value.is_unit() {
        spread(&mut all, value, place)?;
    }
    Ok(all)
}

fn register_gathering(module: &mut Module) {
    FuncRegistration::new("each").set_into_module(
        module,
        |context: NativeCallContext<'_>, value: Dynamic| -> Fallible<Dynamic> {
            // A range is gone through as it stands.
            Ok(if range(&value).is_some() { value } else { each(value, context.call_position())?.into() })
        },
    );
    FuncRegistration::new("gathered").set_into_module(module, gathered);
    FuncRegistration::new("returned").set_into_module(
        module,
        |context: NativeCallContext<'_>, mut all: Array, value: Dynamic| -> Fallible<Dynamic> {
            if !value.is_unit() {
                spread(&mut all, value, context.call_position())?;
            }
            Ok(gathered(all))
        },
    );
    FuncRegistration::new("many_of")
        .set_into_module(module, |context: NativeCallContext<'_>, value: Dynamic| {
            each(value, context.call_position())
        });
    FuncRegistration::new("nth").set_into_module(module, |all: Array, place: i64| -> Dynamic {
        usize::try_from(place).ok().and_then(|place| all.get(place)).cloned().unwrap_or_default()
    });
    FuncRegistration::new("rest").set_into_module(module, |all: Array, place: i64| -> Dynamic {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        gathered(all.into_iter().skip(place).collect())
    });
    FuncRegistration::new("some").set_into_module(module, |value: Dynamic| -> Dynamic {
        let is_empty = value.read_lock::<ScriptList>().is_some_and(|list| list.0.is_empty());
        if is_empty { Dynamic::UNIT } else { value }
    });
    FuncRegistration::new("is_null").set_into_module(module, |value: Dynamic| value.is_unit());
    for (function, kind) in [("ordered", TableKind::Ordered), ("object", TableKind::Object)] {
        FuncRegistration::new(function).set_into_module(module, move |pairs: Array| -> VariableTable {
            let entry = |pair: Dynamic| {
                let [name, value] = <[Dynamic; 2]>::try_from(pair.try_cast::<Array>()?).ok()?;
                Some((name.to_string().into(), value))
            };
            pairs.into_iter().filter_map(entry).collect::<VariableTable>().of_kind(kind)
        });
    }
}

fn register_calls(module: &mut Module, converter: &Converter) {
    for (name, is_point) in [("invoke", false), ("invoke_here", true)] {
        let own = converter.clone();
        FuncRegistration::new(name).set_into_module(
            module,
            move |context: NativeCallContext<'_>, value: Dynamic| -> Fallible<Dynamic> {
                let value = value.flatten();
                let given = if value.is::<CallableBlock>() {
                    let block = value.cast::<CallableBlock>();
                    match is_point {
                        true => block.pointer.call_within_context(&context, (Dynamic::UNIT,))?,
                        false => block.call_in_scope(&context, Dynamic::UNIT)?,
                    }
                } else if value.is::<FnPtr>() {
                    value.cast::<FnPtr>().call_within_context(&context, (Dynamic::UNIT,))?
                } else {
                    return Err(no_block(&own.to_value(value, &context), context.call_position()));
                };
                Ok(match Dynamic::try_cast_result::<Array>(given) {
                    Ok(all) => gathered(all),
                    Err(one) => one,
                })
            },
        );
    }
}

fn no_block(value: &Value, place: Position) -> Box<EvalAltResult> {
    let text = format!(
        "Behind & stands '{value}', and a block is called. The name of a command stands there as it is, and \
         one that only a variable knows cannot be called; write: & {{ … }}, or & Get-Pool."
    );
    Failure::thrown(Halt::Failed(ErrorRecord::new(Category::InvalidArgument, "NotABlock", text)), place)
}

/// Returns the values from several places as nothing, one value, or a list of them.
fn gathered(mut all: Array) -> Dynamic {
    match all.len() {
        0 => Dynamic::UNIT,
        1 => all.pop().unwrap_or_default(),
        _ => all.into(),
    }
}

fn register_parameters(module: &mut Module, converter: &Converter) {
    let own = converter.clone();
    FuncRegistration::new("arguments").set_into_module(
        module,
        move |context: NativeCallContext<'_>, given: Dynamic, names: Array| -> Fallible<Array> {
            let given = each(given, context.call_position())?;
            let texts: Vec<String> =
                given.iter().map(|one| own.to_value(one.clone(), &context).to_string()).collect();
            let names: Vec<(String, bool)> = names
                .into_iter()
                .filter_map(|name| {
                    let [name, is_switch] = <[Dynamic; 2]>::try_from(name.try_cast::<Array>()?).ok()?;
                    Some((name.into_string().ok()?, is_switch.as_bool().ok()?))
                })
                .collect();
            named(&given, &texts, &names).map_err(|text| {
                Failure::thrown(
                    Halt::Failed(ErrorRecord::new(Category::InvalidArgument, "ScriptArgument", text)),
                    context.call_position(),
                )
            })
        },
    );
    let own = converter.clone();
    FuncRegistration::new("validate").set_into_module(
        module,
        move |context: NativeCallContext<'_>,
              check: &str,
              name: &str,
              value: Dynamic,
              wanted: Array|
              -> Fallible<()> {
            if value.is_unit() {
                return Ok(());
            }
            let value = own.to_value(value, &context);
            let wanted: Vec<Value> = wanted.into_iter().map(|one| own.to_value(one, &context)).collect();
            let Some(reason) = validation::refusal(check, &value, &wanted) else { return Ok(()) };
            let text = format!("-{name} cannot be '{value}': {reason}.");
            let error = ErrorRecord::new(Category::InvalidArgument, "ParameterArgumentValidationError", text);
            Err(Failure::thrown(Halt::Failed(error), context.call_position()))
        },
    );
    FuncRegistration::new("required").set_into_module(
        module,
        |context: NativeCallContext<'_>, value: Dynamic, name: &str| -> Fallible<()> {
            if !value.is_unit() {
                return Ok(());
            }
            let text = format!("The script needs a value for -{name}.");
            let error = ErrorRecord::new(Category::InvalidArgument, "MissingMandatoryParameter", text)
                .remedy(format!("Write it behind the script's name: -{name} value."));
            Err(Failure::thrown(Halt::Failed(error), context.call_position()))
        },
    );
}

/// The values of a script's parameters: those behind their names, and the others in their places.
fn named(given: &[Dynamic], texts: &[String], names: &[(String, bool)]) -> Result<Array, String> {
    let mut values = vec![Dynamic::UNIT; names.len()];
    let mut placed = Vec::new();
    let mut place = 0;
    while let Some(text) = texts.get(place) {
        let written =
            text.strip_prefix('-').filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()));
        let fitting = written.map(|written| {
            let written = written.to_lowercase();
            names.iter().position(|(name, _)| name.to_lowercase().starts_with(&written))
        });
        match fitting {
            None => placed.push(given[place].clone()),
            Some(None) => return Err(format!("The script has no parameter {text}.")),
            Some(Some(own)) if names[own].1 => values[own] = true.into(),
            Some(Some(own)) => {
                place += 1;
                let value = given.get(place).cloned();
                values[own] = value.ok_or_else(|| format!("{text} needs a value behind it."))?;
            }
        }
        place += 1;
    }
    let mut placed = placed.into_iter();
    for (value, (_, is_switch)) in values.iter_mut().zip(names) {
        if value.is_unit() && !is_switch {
            *value = placed.next().unwrap_or_default();
        }
    }
    Ok(values)
}

/// Returns the record that `.GetType()` gives for a value.
pub(super) fn type_record(value: &Value) -> Value {
    let (name, full) = match value {
        Value::Null => ("Null", "Null"),
        Value::Boolean(_) => ("Boolean", "System.Boolean"),
        Value::Integer(_) => ("Int64", "System.Int64"),
        Value::Float(_) => ("Double", "System.Double"),
        Value::Text(_) => ("String", "System.String"),
        Value::Duration(_) => ("TimeSpan", "System.TimeSpan"),
        Value::Timestamp(_) => ("DateTime", "System.DateTime"),
        Value::Credential(_) => ("PSCredential", "System.Management.Automation.PSCredential"),
        Value::List(_) => ("Object[]", "System.Object[]"),
        Value::Record(record) => {
            let name = record.type_name().to_owned();
            return Record::new("Type").with("Name", name.clone()).with("FullName", name).into();
        }
        Value::Block(_) => ("ScriptBlock", "System.Management.Automation.ScriptBlock"),
    };
    Record::new("Type").with("Name", name).with("FullName", full).into()
}
