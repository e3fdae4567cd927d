//! The types that scripts see beside Rhai's own: records, lists, credentials, times, errors.
//!
//! Properties are found whatever their letter case or underscores; an unknown one is an error
//! with the nearest name. No type has a way to its secret.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, NativeCallContext, Position};

use super::Fallible;
use super::convert::{final_value, to_dynamic};
use super::failure::{Failure, sentence};
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};
use crate::render::{Colour, log};
use crate::secret::Credential;
use crate::value::arithmetic::{Arithmetic, reckon};
use crate::value::{Record, UnknownProperty, Value, text};

/// The result of a command: a list of values that passes property accesses on to its value when it holds one.
#[derive(Clone, Debug)]
pub struct ScriptList(pub Arc<Vec<Value>>);

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct ScriptDuration(pub Duration);

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct ScriptTime(pub Timestamp);

/// An error record as `catch` gets it.
#[derive(Clone, Debug)]
pub struct Thrown(pub Arc<ErrorRecord>);

/// Registers the types with their properties and functions.
pub fn register(engine: &mut Engine) {
    register_record(engine);
    register_log(engine);
    register_list(engine);
    register_times(engine);
    register_credential(engine);
    register_error(engine);
}

fn register_record(engine: &mut Engine) {
    engine
        .register_type_with_name::<Arc<Record>>("Record")
        .register_indexer_get(|record: &mut Arc<Record>, name: ImmutableString| -> Fallible<Dynamic> {
            record.value(&name).map(to_dynamic).map_err(unknown)
        })
        .register_fn("to_string", |record: &mut Arc<Record>| Value::Record(record.clone()).to_string())
        .register_fn("to_debug", |record: &mut Arc<Record>| Value::Record(record.clone()).to_string())
        .register_fn("keys", |record: &mut Arc<Record>| -> Array {
            record.names().map(|name| Dynamic::from(name.to_owned())).collect()
        })
        .register_fn("contains", |record: &mut Arc<Record>, name: &str| record.get(name).is_ok())
        .register_fn("type_name", |record: &mut Arc<Record>| record.type_name().to_owned());
}

/// The ways to show a log: of a log, of a test's result, and of lists of them.
fn register_log(engine: &mut Engine) {
    let ways: [(&[&str], Show); 3] = [
        (&["ToHTML", "ToHtml", "to_html"], log::html),
        (&["ToXML", "ToXml", "to_xml"], log::xml),
        (&["ToText", "to_text"], |value| log::text(value, None, Colour::Never)),
    ];
    for (names, show) in ways {
        for name in names {
            engine.register_fn(*name, move |record: &mut Arc<Record>| {
                shown(show, &Value::Record(record.clone()))
            });
            engine
                .register_fn(*name, move |list: &mut ScriptList| shown(show, &Value::List(list.0.to_vec())));
        }
    }
}

/// Shows the log in a value, if there is one.
type Show = fn(&Value) -> Option<String>;

fn shown(show: Show, value: &Value) -> Fallible<String> {
    show(value).ok_or_else(|| {
        let kind = value.kind();
        let text = format!("a {kind} is no log; -OutLoggerVariable name of a test keeps one in $name");
        Box::new(EvalAltResult::ErrorRuntime(text.into(), Position::NONE))
    })
}

fn register_list(engine: &mut Engine) {
    engine
        .register_type_with_name::<ScriptList>("List")
        .register_iterator::<ScriptList>()
        .register_indexer_get(|list: &mut ScriptList, place: i64| -> Fallible<Dynamic> { item(list, place) })
        .register_indexer_get(|list: &mut ScriptList, places: Range<i64>| {
            part(list, places.start, places.end)
        })
        .register_indexer_get(|list: &mut ScriptList, places: RangeInclusive<i64>| {
            part(list, *places.start(), places.end().saturating_add(1))
        })
        .register_indexer_get(|list: &mut ScriptList, name: ImmutableString| -> Fallible<Dynamic> {
            list.property(&name).map_err(unknown)
        })
        .register_fn("len", |list: &mut ScriptList| list.len())
        .register_fn("is_empty", |list: &mut ScriptList| list.0.is_empty())
        .register_fn("to_array", |list: &mut ScriptList| -> Array { list.clone().into_iter().collect() })
        .register_fn("to_string", |list: &mut ScriptList| match list.0.as_slice() {
            [only] => only.to_string(),
            items => Value::List(items.to_vec()).to_string(),
        })
        .register_fn("to_debug", |list: &mut ScriptList| Value::List(list.0.to_vec()).to_string())
        .register_fn("first", |list: &mut ScriptList| {
            list.0.first().cloned().map_or(Dynamic::UNIT, to_dynamic)
        })
        .register_fn("last", |list: &mut ScriptList| list.0.last().cloned().map_or(Dynamic::UNIT, to_dynamic))
        .register_fn("contains", |list: &mut ScriptList, wanted: &str| {
            list.0.iter().any(|have| have.to_string().eq_ignore_ascii_case(wanted))
        })
        .register_fn("+", |mut left: Array, right: ScriptList| {
            left.extend(right);
            left
        })
        .register_fn("+", |left: ScriptList, right: Array| -> Array {
            left.into_iter().chain(right).collect()
        })
        .register_fn(
            "filter",
            |context: NativeCallContext<'_>, list: &mut ScriptList, keep: FnPtr| -> Fallible<ScriptList> {
                let mut kept = Vec::new();
                for value in list.0.iter() {
                    if keep.call_within_context::<bool>(&context, (to_dynamic(value.clone()),))? {
                        kept.push(value.clone());
                    }
                }
                Ok(ScriptList(Arc::new(kept)))
            },
        )
        .register_fn(
            "map",
            |context: NativeCallContext<'_>, list: &mut ScriptList, change: FnPtr| -> Fallible<Array> {
                list.0
                    .iter()
                    .map(|value| {
                        change.call_within_context::<Dynamic>(&context, (to_dynamic(value.clone()),))
                    })
                    .collect()
            },
        );
}

impl ScriptList {
    /// Returns the value of `.name`: the property of the one record, else that of the list, else the list of the
    /// elements' properties.
    pub fn property(&self, name: &str) -> Result<Dynamic, UnknownProperty> {
        let is_count = name.eq_ignore_ascii_case("count") || name.eq_ignore_ascii_case("length");
        match self.0.as_slice() {
            [only] => match only.property(name) {
                Ok(value) => Ok(to_dynamic(value)),
                Err(_) if is_count => Ok(Dynamic::from(1_i64)),
                Err(error) => Err(error),
            },
            _ if is_count => Ok(Dynamic::from(self.len())),
            items => Value::List(items.to_vec()).property(name).map(to_dynamic),
        }
    }

    fn len(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}

impl IntoIterator for ScriptList {
    type Item = Dynamic;
    type IntoIter = std::iter::Map<std::vec::IntoIter<Value>, fn(Value) -> Dynamic>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter().map(to_dynamic)
    }
}

/// An element by its place; a negative place counts from the end, as for arrays.
fn item(list: &ScriptList, place: i64) -> Fallible<Dynamic> {
    let index = if place < 0 { list.len() + place } else { place };
    let found = usize::try_from(index).ok().and_then(|index| list.0.get(index));
    match found {
        Some(value) => Ok(to_dynamic(value.clone())),
        None => Err(Box::new(EvalAltResult::ErrorArrayBounds(list.0.len(), place, Position::NONE))),
    }
}

/// The elements from one place up to another, as far as there are any.
fn part(list: &ScriptList, start: i64, end: i64) -> ScriptList {
    let place = |place: i64| usize::try_from(place.max(0)).unwrap_or(usize::MAX).min(list.0.len());
    ScriptList(Arc::new(list.0.get(place(start)..place(end)).unwrap_or_default().to_vec()))
}

fn register_times(engine: &mut Engine) {
    engine
        .register_type_with_name::<ScriptDuration>("TimeSpan")
        .register_fn("to_string", |span: &mut ScriptDuration| text::time_span(span.0))
        .register_fn("to_debug", |span: &mut ScriptDuration| text::time_span(span.0))
        .register_indexer_get(|span: &mut ScriptDuration, name: ImmutableString| -> Fallible<Dynamic> {
            Value::Duration(span.0).property(&name).map(to_dynamic).map_err(unknown)
        })
        .register_fn("==", |left: ScriptDuration, right: ScriptDuration| left == right)
        .register_fn("!=", |left: ScriptDuration, right: ScriptDuration| left != right)
        .register_fn("<", |left: ScriptDuration, right: ScriptDuration| left < right)
        .register_fn("<=", |left: ScriptDuration, right: ScriptDuration| left <= right)
        .register_fn(">", |left: ScriptDuration, right: ScriptDuration| left > right)
        .register_fn(">=", |left: ScriptDuration, right: ScriptDuration| left >= right);
    engine
        .register_type_with_name::<ScriptTime>("DateTime")
        .register_fn("to_string", |point: &mut ScriptTime| Value::Timestamp(point.0).to_string())
        .register_fn("to_debug", |point: &mut ScriptTime| Value::Timestamp(point.0).to_string())
        .register_fn("==", |left: ScriptTime, right: ScriptTime| left == right)
        .register_fn("!=", |left: ScriptTime, right: ScriptTime| left != right)
        .register_fn("<", |left: ScriptTime, right: ScriptTime| left < right)
        .register_fn("<=", |left: ScriptTime, right: ScriptTime| left <= right)
        .register_fn(">", |left: ScriptTime, right: ScriptTime| left > right)
        .register_fn(">=", |left: ScriptTime, right: ScriptTime| left >= right)
        .register_indexer_get(|point: &mut ScriptTime, name: ImmutableString| -> Fallible<Dynamic> {
            Value::Timestamp(point.0).property(&name).map(to_dynamic).map_err(unknown)
        });
    let any = std::any::TypeId::of::<Dynamic>();
    for (symbol, operator) in [
        ("-", Arithmetic::Subtract),
        ("+", Arithmetic::Add),
        ("*", Arithmetic::Multiply),
        ("/", Arithmetic::Divide),
    ] {
        for of in [std::any::TypeId::of::<ScriptTime>(), std::any::TypeId::of::<ScriptDuration>()] {
            engine.register_raw_fn(symbol, [of, any], move |context, arguments| {
                let [left, right] = arguments else { return Ok(Dynamic::UNIT) };
                let (left, right) = (final_value((**left).clone()), final_value((**right).clone()));
                reckon(left, operator, right, 0).map(to_dynamic).map_err(|error| {
                    let error = ErrorRecord::new(
                        Category::InvalidArgument,
                        "InvalidOperation",
                        sentence(&error.to_string()),
                    );
                    Failure::thrown(Halt::Failed(error), context.call_position())
                })
            });
        }
    }
}

fn register_credential(engine: &mut Engine) {
    let show = |credential: &mut Credential| Value::Credential(credential.clone()).to_string();
    engine
        .register_type_with_name::<Credential>("Credential")
        .register_indexer_get(|credential: &mut Credential, name: ImmutableString| -> Fallible<Dynamic> {
            Value::Credential(credential.clone()).property(&name).map(to_dynamic).map_err(unknown)
        })
        .register_fn("to_string", show)
        .register_fn("to_debug", show);
}

fn register_error(engine: &mut Engine) {
    engine
        .register_type_with_name::<Thrown>("ErrorRecord")
        .register_indexer_get(|thrown: &mut Thrown, name: ImmutableString| -> Fallible<Dynamic> {
            thrown.property(&name).map_err(unknown)
        })
        .register_fn("to_string", |thrown: &mut Thrown| thrown.0.message.clone())
        .register_fn("to_debug", |thrown: &mut Thrown| thrown.0.message.clone());
}

impl Thrown {
    /// Returns the value of `.name`; `.Exception` is the error itself, which has the message.
    pub fn property(&self, name: &str) -> Result<Dynamic, UnknownProperty> {
        if name.eq_ignore_ascii_case("exception") {
            return Ok(Dynamic::from(self.clone()));
        }
        Value::from(Record::from(self.0.as_ref())).property(name).map(to_dynamic)
    }
}

fn unknown(error: UnknownProperty) -> Box<EvalAltResult> {
    Failure::thrown(Halt::Failed(ErrorRecord::no_such_property(&error)), Position::NONE)
}
