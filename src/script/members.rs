//! Members of text and lists: what PowerShell's authors call by other names than Rhai does, and
//! what a list that came out of a command has in common with Rhai's arrays.
//!
//! Beside `types`, which has the types themselves. Changes nothing of Rhai's own: every name here
//! is one that Rhai does not have.

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext};

use super::convert::Converter;
use super::types::ScriptList;
use crate::value::text::interpolated;

/// Registers them.
pub fn register(engine: &mut Engine, converter: &Converter) {
    register_text(engine);
    register_counts(engine);
    register_join(engine, converter);
    register_array_functions(engine);
}

fn register_text(engine: &mut Engine) {
    engine
        .register_fn("ToUpper", |text: &mut ImmutableString| text.to_uppercase())
        .register_fn("ToLower", |text: &mut ImmutableString| text.to_lowercase())
        .register_fn("Trim", |text: &mut ImmutableString| text.trim().to_owned())
        .register_fn("Contains", |text: &mut ImmutableString, part: &str| text.contains(part))
        .register_fn("StartsWith", |text: &mut ImmutableString, part: &str| text.starts_with(part))
        .register_fn("EndsWith", |text: &mut ImmutableString, part: &str| text.ends_with(part))
        .register_fn("Split", |text: &mut ImmutableString, by: &str| -> Array {
            // As in Rhai, the empty text splits between all characters.
            if by.is_empty() {
                text.chars().map(|letter| letter.to_string().into()).collect()
            } else {
                text.split(by).map(|part| part.to_owned().into()).collect()
            }
        })
        .register_fn("TrimStart", |text: &mut ImmutableString| text.trim_start().to_owned())
        .register_fn("TrimEnd", |text: &mut ImmutableString| text.trim_end().to_owned())
        .register_fn("IndexOf", |text: &mut ImmutableString, part: &str| {
            let before = text.split_once(part).map(|(before, _)| before.chars().count());
            before.and_then(|count| i64::try_from(count).ok()).unwrap_or(-1)
        })
        .register_fn("Substring", |text: &mut ImmutableString, start: i64| letters(text, start, i64::MAX))
        .register_fn("Substring", |text: &mut ImmutableString, start: i64, length: i64| {
            letters(text, start, length)
        })
        .register_fn("ToString", |value: &mut ImmutableString| value.clone())
        .register_fn("ToString", |value: &mut i64| value.to_string())
        .register_fn("ToString", |value: &mut f64| value.to_string())
        .register_fn("ToString", |value: &mut bool| crate::value::Value::Boolean(*value).to_string());
}

/// So many characters of a text from one place on, as far as there are any.
fn letters(text: &str, start: i64, length: i64) -> String {
    let count = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
    text.chars().skip(count(start)).take(count(length)).collect()
}

/// `.Count` and `.Length`, in the letter cases that people write.
fn register_counts(engine: &mut Engine) {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    for name in ["Length", "length", "Count", "count"] {
        engine
            .register_get(name, move |list: &mut Array| number(list.len()))
            .register_get(name, move |text: &mut ImmutableString| number(text.chars().count()));
    }
    // Of a map these may be names of entries.
    engine.register_fn("Count", move |map: &mut Map| number(map.len()));
}

/// `list.join(", ")`, which PowerShell writes as `-join` and Rhai has not.
fn register_join(engine: &mut Engine, converter: &Converter) {
    let own = converter.clone();
    engine.register_fn("join", move |context: NativeCallContext<'_>, list: &mut Array, by: &str| {
        let parts = list.iter().map(|item| interpolated(&own.to_value(item.clone(), &context)));
        parts.collect::<Vec<_>>().join(by)
    });
    engine.register_fn("join", |list: &mut ScriptList, by: &str| {
        list.0.iter().map(interpolated).collect::<Vec<_>>().join(by)
    });
}

/// Functions of Rhai's arrays that a command's list answers to as well.
fn register_array_functions(engine: &mut Engine) {
    for (name, n_arguments) in [
        ("some", 1),
        ("all", 1),
        ("find", 1),
        ("find_map", 1),
        ("index_of", 1),
        ("for_each", 1),
        ("reduce", 1),
        ("reduce", 2),
        ("reduce_rev", 1),
        ("extract", 1),
        ("extract", 2),
    ] {
        let any = std::any::TypeId::of::<Dynamic>();
        let mut types = vec![std::any::TypeId::of::<ScriptList>()];
        types.extend(std::iter::repeat_n(any, n_arguments));
        engine.register_raw_fn(name, types, move |context, arguments| {
            let (list, rest) = arguments.split_first_mut().ok_or_else(|| missing(name))?;
            let elements: Array = list
                .clone()
                .flatten()
                .try_cast::<ScriptList>()
                .ok_or_else(|| missing(name))?
                .into_iter()
                .collect();
            let mut elements = Dynamic::from_array(elements);
            let mut all: Vec<&mut Dynamic> =
                std::iter::once(&mut elements).chain(rest.iter_mut().map(|one| &mut **one)).collect();
            context.call_native_fn_raw(name, true, &mut all)
        });
    }
}

fn missing(name: &str) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorFunctionNotFound(name.to_owned(), rhai::Position::NONE))
}
