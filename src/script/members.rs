//! Members of texts, numbers, times and lists: what PowerShell's authors call by other names than Rhai
//! does, and what a list that came out of a command has in common with Rhai's arrays.
//!
//! Beside `types`, which has the types themselves. Methods of a text give a new one and never change it. A
//! list answers to its elements' methods: a list of one as its element, a longer one with a list.
//! Of Rhai's own only those are changed that change a text in its place: they give it as well.

use std::any::TypeId;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext, Position};

use super::Fallible;
use super::commands::spread;
use super::convert::{CallableBlock, Converter, to_dynamic};
use super::failure::{Failure, TerminationCheck, sentence};
use super::operators::joined;
use super::shell::{each, type_record};
use super::table::VariableTable;
use super::types::{ScriptDuration, ScriptList, ScriptTime};
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};
use crate::value::{Record, Value, format, time};

/// Registers them; a text that one makes has at most `limit` bytes.
pub fn register(engine: &mut Engine, converter: &Converter, limit: usize, ending: &TerminationCheck) {
    register_text(engine, limit, ending);
    register_numbers(engine);
    register_times(engine);
    register_counts(engine);
    register_join(engine, converter);
    register_array_functions(engine);
    register_lists(engine, converter, ending);
    register_through(engine);
}

fn refused(text: String) -> Box<EvalAltResult> {
    let error = ErrorRecord::new(Category::InvalidArgument, "InvalidCall", text);
    Failure::thrown(Halt::Failed(error), Position::NONE)
}

fn register_text(engine: &mut Engine, limit: usize, ending: &TerminationCheck) {
    for name in ["ToUpper", "ToUpperInvariant"] {
        engine.register_fn(name, |text: &mut ImmutableString| text.to_uppercase());
    }
    for name in ["ToLower", "ToLowerInvariant"] {
        engine.register_fn(name, |text: &mut ImmutableString| text.to_lowercase());
    }
    engine
        .register_fn("Trim", |text: &mut ImmutableString| text.trim().to_owned())
        .register_fn("TrimStart", |text: &mut ImmutableString| text.trim_start().to_owned())
        .register_fn("TrimEnd", |text: &mut ImmutableString| text.trim_end().to_owned())
        .register_fn("Contains", |text: &mut ImmutableString, part: &str| text.contains(part))
        .register_fn("StartsWith", |text: &mut ImmutableString, part: &str| text.starts_with(part))
        .register_fn("EndsWith", |text: &mut ImmutableString, part: &str| text.ends_with(part))
        .register_fn("IndexOf", |text: &mut ImmutableString, part: &str| place(text.find(part), text))
        .register_fn("LastIndexOf", |text: &mut ImmutableString, part: &str| place(text.rfind(part), text))
        .register_fn("IndexOf", |text: &mut ImmutableString, part: &str, start: i64| -> Fallible<i64> {
            let Some(byte) = byte_at(text, start) else {
                return Err(beyond(&format!(".IndexOf(\"{part}\", {start})"), text));
            };
            let from = &text[byte..];
            Ok(match place(from.find(part), from) {
                -1 => -1,
                found => start + found,
            })
        })
        .register_fn("Substring", |text: &mut ImmutableString, start: i64| -> Fallible<String> {
            Ok(split_at(text, start, "Substring")?.1.to_owned())
        })
        .register_fn("Substring", |text: &mut ImmutableString, start: i64, length: i64| {
            range(text, start, length, "Substring").map(|(_, within, _)| within.to_owned())
        })
        .register_fn("Insert", |text: &mut ImmutableString, start: i64, part: &str| {
            split_at(text, start, "Insert").map(|(before, behind)| [before, part, behind].concat())
        })
        .register_fn("Remove", |text: &mut ImmutableString, start: i64| -> Fallible<String> {
            Ok(split_at(text, start, "Remove")?.0.to_owned())
        })
        .register_fn("Remove", |text: &mut ImmutableString, start: i64, length: i64| {
            range(text, start, length, "Remove").map(|(before, _, behind)| [before, behind].concat())
        })
        .register_fn("Remove", |text: &mut ImmutableString, part: &str| text.replace(part, ""))
        .register_fn("Equals", |text: &mut ImmutableString, other: &str| text.as_str() == other)
        .register_fn("CompareTo", |text: &mut ImmutableString, other: &str| text.as_str().cmp(other) as i64)
        .register_fn("ToCharArray", |text: &mut ImmutableString| -> Array { characters(text) })
        .register_fn("ToString", |value: &mut ImmutableString| value.clone())
        .register_fn("Replace", move |text: &mut ImmutableString, old: &str, new: &str| {
            replaced(text, old, new, limit)
        });
    // A character of Rhai's is a text of one letter.
    for name in ["Contains", "StartsWith", "EndsWith"] {
        engine.register_fn(name, move |text: &mut ImmutableString, letter: char| match name {
            "Contains" => text.contains(letter),
            "StartsWith" => text.starts_with(letter),
            _ => text.ends_with(letter),
        });
    }
    engine
        .register_fn("Replace", move |text: &mut ImmutableString, old: char, new: char| {
            text.chars().map(|letter| if letter == old { new } else { letter }).collect::<String>()
        })
        .register_fn("IndexOf", |text: &mut ImmutableString, letter: char| place(text.find(letter), text));
    register_split(engine, ending);
    for (name, start, end) in [("Trim", true, true), ("TrimStart", true, false), ("TrimEnd", false, true)] {
        engine.register_fn(name, move |text: &mut ImmutableString, letters: &str| -> String {
            let all: Vec<char> = letters.chars().collect();
            let text = if start { text.trim_start_matches(all.as_slice()) } else { text.as_str() };
            (if end { text.trim_end_matches(all.as_slice()) } else { text }).to_owned()
        });
        engine.register_fn(name, move |text: &mut ImmutableString, letter: char| -> String {
            let text = if start { text.trim_start_matches(letter) } else { text.as_str() };
            (if end { text.trim_end_matches(letter) } else { text }).to_owned()
        });
    }
    for (name, is_left) in [("PadLeft", true), ("PadRight", false)] {
        engine.register_fn(name, move |text: &mut ImmutableString, width: i64| {
            padded(text, width, ' ', is_left, limit)
        });
        engine.register_fn(name, move |text: &mut ImmutableString, width: i64, by: char| {
            padded(text, width, by, is_left, limit)
        });
        engine.register_fn(name, move |text: &mut ImmutableString, width: i64, by: &str| {
            padded(text, width, by.chars().next().unwrap_or(' '), is_left, limit)
        });
    }
    register_in_place(engine, limit);
}

/// Rhai's methods that change a text: they give what it has become, so that a result is never empty.
fn register_in_place(engine: &mut Engine, limit: usize) {
    engine
        .register_fn("trim", |text: &mut ImmutableString| -> ImmutableString {
            *text = text.trim().into();
            text.clone()
        })
        .register_fn(
            "replace",
            move |text: &mut ImmutableString, old: &str, new: &str| -> Fallible<ImmutableString> {
                *text = replaced(text, old, new, limit)?.into();
                Ok(text.clone())
            },
        )
        .register_fn("replace", |text: &mut ImmutableString, old: char, new: char| -> ImmutableString {
            *text = text
                .chars()
                .map(|letter| if letter == old { new } else { letter })
                .collect::<String>()
                .into();
            text.clone()
        })
        .register_fn(
            "replace",
            move |text: &mut ImmutableString, old: char, new: &str| -> Fallible<ImmutableString> {
                *text = replaced(text, old.encode_utf8(&mut [0; 4]), new, limit)?.into();
                Ok(text.clone())
            },
        )
        .register_fn(
            "replace",
            move |text: &mut ImmutableString, old: &str, new: char| -> Fallible<ImmutableString> {
                *text = replaced(text, old, new.encode_utf8(&mut [0; 4]), limit)?.into();
                Ok(text.clone())
            },
        )
        .register_fn("remove", |text: &mut ImmutableString, part: &str| -> ImmutableString {
            *text = text.replace(part, "").into();
            text.clone()
        })
        .register_fn("remove", |text: &mut ImmutableString, letter: char| -> ImmutableString {
            *text = text.replace(letter, "").into();
            text.clone()
        });
}

fn count(number: i64) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}

/// The two parts of a text before and behind a place, which is counted in characters.
fn split_at<'a>(text: &'a str, start: i64, method: &str) -> Fallible<(&'a str, &'a str)> {
    let place = byte_at(text, start);
    place.map(|place| text.split_at(place)).ok_or_else(|| beyond(&format!(".{method}({start})"), text))
}

/// The three parts of a text before, within and behind so many characters from one place on.
fn range<'a>(text: &'a str, start: i64, length: i64, method: &str) -> Fallible<(&'a str, &'a str, &'a str)> {
    let found = byte_at(text, start).and_then(|place| {
        let (before, rest) = text.split_at(place);
        let (within, behind) = rest.split_at(byte_at(rest, length)?);
        Some((before, within, behind))
    });
    found.ok_or_else(|| beyond(&format!(".{method}({start}, {length})"), text))
}

/// The error of a call that names a place behind a text's end or before its beginning.
fn beyond(call: &str, text: &str) -> Box<EvalAltResult> {
    refused(format!("{call} is out of range: the length of the text is {}.", text.chars().count()))
}

/// The place of an element, of which there are so many places.
fn place_in(call: &str, place: i64, n_places: usize) -> Fallible<usize> {
    usize::try_from(place).ok().filter(|place| *place < n_places).ok_or_else(|| {
        refused(format!("{call} is out of range: there are {n_places} places, of which the first is 0."))
    })
}

/// The byte of a text's character, or its end behind the last one.
fn byte_at(text: &str, place: i64) -> Option<usize> {
    let place = usize::try_from(place).ok()?;
    let mut places = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    places.nth(place)
}

/// The place of a byte, counted in characters; -1 for none.
fn place(byte: Option<usize>, text: &str) -> i64 {
    byte.and_then(|byte| i64::try_from(text[..byte].chars().count()).ok()).unwrap_or(-1)
}

fn characters(text: &str) -> Array {
    text.chars().map(|letter| letter.to_string().into()).collect()
}

/// `.Split`, whose program may end while a long text is cut.
fn register_split(engine: &mut Engine, ending: &TerminationCheck) {
    let own = ending.clone();
    engine.register_fn("Split", move |context: NativeCallContext<'_>, text: &mut ImmutableString| {
        parts(text.split_whitespace(), &own, &context)
    });
    let own = ending.clone();
    engine.register_fn(
        "Split",
        move |context: NativeCallContext<'_>, text: &mut ImmutableString, by: char| {
            parts(text.split(by), &own, &context)
        },
    );
    let own = ending.clone();
    engine.register_fn(
        "Split",
        move |context: NativeCallContext<'_>, text: &mut ImmutableString, by: &str| {
            // As in Rhai, the empty text splits between all characters.
            if by.is_empty() { Ok(characters(text)) } else { parts(text.split(by), &own, &context) }
        },
    );
    let own = ending.clone();
    engine.register_fn(
        "Split",
        move |context: NativeCallContext<'_>, text: &mut ImmutableString, by: &str, most: i64| {
            let most = usize::try_from(most)
                .map_err(|_| refused(format!(".Split(\"{by}\", {most}) cannot give {most} parts.")))?;
            parts(text.splitn(most, by), &own, &context)
        },
    );
    let own = ending.clone();
    engine.register_fn(
        "Split",
        move |context: NativeCallContext<'_>, text: &mut ImmutableString, by: Array| {
            let by: Vec<String> = by.iter().map(Dynamic::to_string).filter(|one| !one.is_empty()).collect();
            if by.is_empty() {
                return Ok(vec![text.clone().into()]);
            }
            // Of separators that begin at one place the first counts.
            let any: Vec<String> = by.iter().map(|one| regex::escape(one)).collect();
            let any = regex::Regex::new(&any.join("|"))
                .map_err(|_| refused(format!(".Split takes fewer separators than {}.", by.len())))?;
            parts(any.split(text), &own, &context)
        },
    );
}

fn parts<'a>(
    parts: impl Iterator<Item = &'a str>,
    ending: &TerminationCheck,
    context: &NativeCallContext<'_>,
) -> Fallible<Array> {
    let mut all = Array::new();
    for part in parts {
        ending.ask(context.call_position())?;
        all.push(part.to_owned().into());
    }
    Ok(all)
}

fn too_long() -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), Position::NONE))
}

/// Checks the size of the result before it is made.
fn replaced(text: &str, old: &str, new: &str, limit: usize) -> Fallible<String> {
    let found = if old.is_empty() { 0 } else { text.matches(old).count() };
    if text.len().saturating_add(found.saturating_mul(new.len())) > limit {
        return Err(too_long());
    }
    Ok(if old.is_empty() { text.to_owned() } else { text.replace(old, new) })
}

fn padded(text: &str, width: i64, by: char, is_left: bool, limit: usize) -> Fallible<String> {
    let missing = count(width).saturating_sub(text.chars().count());
    if missing.saturating_mul(by.len_utf8()).saturating_add(text.len()) > limit {
        return Err(too_long());
    }
    let padding = by.to_string().repeat(missing);
    Ok(if is_left { padding + text } else { format!("{text}{padding}") })
}

fn register_numbers(engine: &mut Engine) {
    let formatted = |value: Value, form: &str| {
        format::formatted(&value, form).map_err(|error| refused(sentence(&error.to_string())))
    };
    engine
        .register_fn("ToString", |value: &mut i64| value.to_string())
        .register_fn("ToString", |value: &mut f64| value.to_string())
        .register_fn("ToString", |value: &mut bool| Value::Boolean(*value).to_string())
        .register_fn("ToString", move |value: &mut i64, form: &str| formatted(Value::Integer(*value), form))
        .register_fn("ToString", move |value: &mut f64, form: &str| formatted(Value::Float(*value), form))
        .register_fn("CompareTo", |value: &mut i64, other: i64| (*value).cmp(&other) as i64)
        .register_fn("Equals", |value: &mut i64, other: i64| *value == other);
}

fn register_times(engine: &mut Engine) {
    for (name, seconds) in [
        ("AddDays", 86_400.0),
        ("AddHours", 3_600.0),
        ("AddMinutes", 60.0),
        ("AddSeconds", 1.0),
        ("AddMilliseconds", 0.001),
    ] {
        engine.register_fn(name, move |point: &mut ScriptTime, count: f64| moved(*point, count * seconds));
        engine.register_fn(name, move |point: &mut ScriptTime, count: i64| {
            moved(*point, count as f64 * seconds)
        });
    }
    for (name, is_years) in [("AddMonths", false), ("AddYears", true)] {
        engine.register_fn(name, move |point: &mut ScriptTime, count: i64| -> Fallible<ScriptTime> {
            let span = if is_years {
                jiff::Span::new().try_years(count)
            } else {
                jiff::Span::new().try_months(count)
            };
            let local = point.0.to_zoned_datetime(TimeZone::system());
            let moved = span.and_then(|span| local.checked_add(span));
            moved.map(|moved| ScriptTime(moved.timestamp())).map_err(|_| outside())
        });
    }
    engine
        .register_fn("Add", |point: &mut ScriptTime, span: ScriptDuration| {
            moved(*point, span.0.as_secs_f64())
        })
        .register_fn("Subtract", |point: &mut ScriptTime, span: ScriptDuration| {
            moved(*point, -span.0.as_secs_f64())
        })
        .register_fn("Subtract", |point: &mut ScriptTime, other: ScriptTime| -> Fallible<ScriptDuration> {
            Duration::try_from(point.0.duration_since(other.0)).map(ScriptDuration).map_err(|_| backwards())
        })
        .register_fn("ToLocalTime", |point: &mut ScriptTime| *point)
        .register_fn("ToUniversalTime", |point: &mut ScriptTime| *point)
        .register_fn("ToString", |point: &mut ScriptTime| Value::Timestamp(point.0).to_string())
        .register_fn("ToString", |point: &mut ScriptTime, form: &str| in_form(*point, form))
        .register_fn("ToShortDateString", |point: &mut ScriptTime| in_form(*point, "d"))
        .register_fn("ToLongDateString", |point: &mut ScriptTime| in_form(*point, "D"))
        .register_fn("ToShortTimeString", |point: &mut ScriptTime| in_form(*point, "t"))
        .register_fn("ToLongTimeString", |point: &mut ScriptTime| in_form(*point, "T"))
        .register_fn("CompareTo", |point: &mut ScriptTime, other: ScriptTime| point.0.cmp(&other.0) as i64)
        .register_fn("Add", |span: &mut ScriptDuration, other: ScriptDuration| {
            ScriptDuration(span.0.saturating_add(other.0))
        })
        .register_fn(
            "Subtract",
            |span: &mut ScriptDuration, other: ScriptDuration| -> Fallible<ScriptDuration> {
                span.0.checked_sub(other.0).map(ScriptDuration).ok_or_else(backwards)
            },
        )
        .register_fn("ToString", |span: &mut ScriptDuration| Value::Duration(span.0).to_string())
        .register_fn("ToString", |span: &mut ScriptDuration, form: &str| time::span(span.0, form));
}

fn in_form(point: ScriptTime, form: &str) -> Fallible<String> {
    time::local(point.0, form).map_err(|error| refused(sentence(&error.to_string())))
}

fn moved(point: ScriptTime, seconds: f64) -> Fallible<ScriptTime> {
    let span = Duration::try_from_secs_f64(seconds.abs()).map_err(|_| outside())?;
    let moved: Result<Timestamp, _> =
        if seconds < 0.0 { point.0.checked_sub(span) } else { point.0.checked_add(span) };
    moved.map(ScriptTime).map_err(|_| outside())
}

fn outside() -> Box<EvalAltResult> {
    refused("The time lies outside of the calendar.".to_owned())
}

fn backwards() -> Box<EvalAltResult> {
    refused("The time on the left lies before the one on the right, and no span is less than nothing: turn them around.".to_owned())
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
        let parts = list.iter().map(|item| own.to_value(item.clone(), &context)).collect();
        joined(parts, by).map_err(|_| too_long())
    });
    engine.register_fn("join", |list: &mut ScriptList, by: &str| {
        joined(list.0.iter().cloned().collect(), by).map_err(|_| too_long())
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
        let any = TypeId::of::<Dynamic>();
        let mut types = vec![TypeId::of::<ScriptList>()];
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
    Box::new(EvalAltResult::ErrorFunctionNotFound(name.to_owned(), Position::NONE))
}

/// Methods of lists and tables as PowerShell has them.
fn register_lists(engine: &mut Engine, converter: &Converter, ending: &TerminationCheck) {
    engine
        .register_fn("Add", |list: &mut Array, item: Dynamic| list.push(item))
        .register_fn("AddRange", |list: &mut Array, items: Dynamic| -> Fallible<()> {
            list.extend(each(items, Position::NONE)?);
            Ok(())
        })
        .register_fn("Clear", |list: &mut Array| list.clear())
        .register_fn("RemoveAt", |list: &mut Array, place: i64| -> Fallible<()> {
            drop(list.remove(place_in(&format!(".RemoveAt({place})"), place, list.len())?));
            Ok(())
        })
        .register_fn("Insert", |list: &mut Array, place: i64, item: Dynamic| -> Fallible<()> {
            let place = place_in(&format!(".Insert({place}, …)"), place, list.len() + 1)?;
            list.insert(place, item);
            Ok(())
        });
    for (name, is_index) in [("Contains", false), ("IndexOf", true)] {
        for of in [TypeId::of::<Array>(), TypeId::of::<ScriptList>()] {
            let (own, ending) = (converter.clone(), ending.clone());
            engine.register_raw_fn(name, [of, TypeId::of::<Dynamic>()], move |context, arguments| {
                let [list, wanted] = arguments else { return Err(missing(name)) };
                let wanted = own.to_value((**wanted).clone(), &context).to_string();
                let items = each((**list).clone(), context.call_position())?;
                let found = position(items.iter(), &wanted, &own, &context, &ending)?;
                Ok(match is_index {
                    true => Dynamic::from(found.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1)),
                    false => Dynamic::from(found.is_some()),
                })
            });
        }
    }
    let (own, due) = (converter.clone(), ending.clone());
    engine.register_raw_fn(
        "Remove",
        [TypeId::of::<Array>(), TypeId::of::<Dynamic>()],
        move |context, arguments| {
            let [list, wanted] = arguments else { return Err(missing("Remove")) };
            let wanted = own.to_value((**wanted).clone(), &context).to_string();
            let Some(mut items) = list.write_lock::<Array>() else { return Ok(Dynamic::UNIT) };
            let found = position(items.iter(), &wanted, &own, &context, &due)?;
            if let Some(place) = found {
                drop(items.remove(place));
            }
            Ok(Dynamic::UNIT)
        },
    );
    let (own, due) = (converter.clone(), ending.clone());
    engine
        .register_fn(
            "GetEnumerator",
            move |context: NativeCallContext<'_>, table: &mut VariableTable| -> ScriptList {
                let pairs = table.iter().map(|(name, value)| {
                    let value = own.to_value(value.clone(), &context);
                    let name = name.to_string();
                    Record::new("DictionaryEntry")
                        .with("Name", name.clone())
                        .with("Value", value)
                        .with("Key", name)
                        .into()
                });
                ScriptList(std::sync::Arc::new(pairs.collect()))
            },
        )
        .register_fn(
            "ContainsValue",
            move |context: NativeCallContext<'_>,
                  table: &mut VariableTable,
                  wanted: Dynamic|
                  -> Fallible<bool> {
                let wanted = wanted.to_string();
                for (_, value) in table.iter() {
                    if text_is(value, &wanted).unwrap_or_else(|| value.to_string() == wanted) {
                        return Ok(true);
                    }
                    due.ask(context.call_position())?;
                }
                Ok(false)
            },
        );
    register_blocks(engine, converter);
    let own = converter.clone();
    let any = TypeId::of::<Dynamic>();
    engine.register_raw_fn("GetType", [any], move |context, arguments| {
        let [value] = arguments else { return Err(missing("GetType")) };
        // A list of one that a command gave stands for its record.
        let only = value.read_lock::<ScriptList>().filter(|list| list.0.len() == 1);
        let only = only.and_then(|list| list.0.first().cloned());
        let value = only.unwrap_or_else(|| own.to_value((**value).clone(), &context));
        Ok(to_dynamic(type_record(&value)))
    });
}

/// The place of the first item whose text is the wanted one. A comparison may take as long as a text is.
fn position<'a>(
    items: impl Iterator<Item = &'a Dynamic>,
    wanted: &str,
    own: &Converter,
    context: &NativeCallContext<'_>,
    ending: &TerminationCheck,
) -> Fallible<Option<usize>> {
    for (place, item) in items.enumerate() {
        let same = text_is(item, wanted)
            .unwrap_or_else(|| own.to_value(item.clone(), context).to_string() == wanted);
        if same {
            return Ok(Some(place));
        }
        ending.ask(context.call_position())?;
    }
    Ok(None)
}

/// Whether an item is this text; none if it is no text at all.
fn text_is(item: &Dynamic, wanted: &str) -> Option<bool> {
    item.read_lock::<ImmutableString>().map(|text| text.as_str() == wanted)
}

/// `.ForEach({ … })` and `.Where({ … })`, of whatever the value is.
fn register_blocks(engine: &mut Engine, converter: &Converter) {
    let any = TypeId::of::<Dynamic>();
    let own = converter.clone();
    engine.register_raw_fn("ForEach", [any, any], move |context, arguments| {
        let [list, what] = arguments else { return Err(missing("ForEach")) };
        let items = each((**list).clone(), context.call_position())?;
        let mut all = Array::new();
        match block((**what).clone()) {
            Some(block) => {
                for item in items {
                    let value = call(&block, &context, item)?;
                    if !value.is_unit() {
                        spread(&mut all, value, context.call_position())?;
                    }
                }
            }
            // The name of a property.
            None => {
                let name = own.to_value((**what).clone(), &context).to_string();
                for item in items {
                    let value = own.to_value(item, &context).property(&name).map_err(|error| {
                        Failure::thrown(
                            Halt::Failed(ErrorRecord::no_such_property(&error)),
                            context.call_position(),
                        )
                    })?;
                    all.push(to_dynamic(value));
                }
            }
        }
        Ok(Dynamic::from_array(all))
    });
    for n_more in 0..=2 {
        let own = converter.clone();
        let types = vec![any; 2 + n_more];
        engine.register_raw_fn("Where", types, move |context, arguments| {
            let (Some(list), Some(what)) = (arguments.first(), arguments.get(1)) else {
                return Err(missing("Where"));
            };
            let Some(block) = block((**what).clone()) else {
                return Err(refused(".Where takes a block: .Where({ $_ -gt 1 }).".to_owned()));
            };
            let mode = arguments.get(2).map(|mode| mode.to_string().to_lowercase());
            let most = match (mode.as_deref(), arguments.get(3).and_then(|most| most.as_int().ok())) {
                (Some("first"), most) => count(most.unwrap_or(1)),
                _ => usize::MAX,
            };
            let mut kept = Array::new();
            for item in each((**list).clone(), context.call_position())? {
                if kept.len() >= most {
                    break;
                }
                let verdict = call(&block, &context, item.clone())?;
                if own.to_value(verdict, &context).is_truthy() {
                    kept.push(item);
                }
            }
            if mode.as_deref() == Some("last") {
                let n_last = arguments.get(3).and_then(|most| most.as_int().ok()).map_or(1, count);
                kept.drain(..kept.len().saturating_sub(n_last));
            }
            Ok(Dynamic::from_array(kept))
        });
    }
    engine.register_raw_fn("Invoke", [TypeId::of::<CallableBlock>()], |context, arguments| {
        let [own] = arguments else { return Err(missing("Invoke")) };
        let block = own.read_lock::<CallableBlock>().map(|block| block.clone());
        block.ok_or_else(|| missing("Invoke"))?.call_in_scope(&context, Dynamic::UNIT)
    });
    engine.register_raw_fn("Invoke", [TypeId::of::<CallableBlock>(), any], |context, arguments| {
        let [own, item] = arguments else { return Err(missing("Invoke")) };
        let block = own.read_lock::<CallableBlock>().map(|block| block.clone());
        block.ok_or_else(|| missing("Invoke"))?.call_in_scope(&context, (**item).clone())
    });
}

fn block(value: Dynamic) -> Option<FnPtr> {
    let value = value.flatten();
    if value.is::<CallableBlock>() {
        return Some(value.cast::<CallableBlock>().pointer);
    }
    value.try_cast::<FnPtr>()
}

fn call(block: &FnPtr, context: &NativeCallContext<'_>, item: Dynamic) -> Fallible<Dynamic> {
    block.call_within_context(context, (item,))
}

/// Methods that a list answers to through its elements, with how many arguments they take.
const THROUGH: &[(&str, usize)] = &[
    ("ToUpper", 0),
    ("ToLower", 0),
    ("ToUpperInvariant", 0),
    ("ToLowerInvariant", 0),
    ("Trim", 0),
    ("Trim", 1),
    ("TrimStart", 0),
    ("TrimStart", 1),
    ("TrimEnd", 0),
    ("TrimEnd", 1),
    ("Split", 0),
    ("Split", 1),
    ("Split", 2),
    ("Replace", 2),
    ("PadLeft", 1),
    ("PadLeft", 2),
    ("PadRight", 1),
    ("PadRight", 2),
    ("Substring", 1),
    ("Substring", 2),
    ("StartsWith", 1),
    ("EndsWith", 1),
    ("LastIndexOf", 1),
    ("Insert", 2),
    ("Remove", 1),
    ("Remove", 2),
    ("ToCharArray", 0),
    ("ToString", 0),
    ("ToString", 1),
    ("CompareTo", 1),
    ("Equals", 1),
    ("AddDays", 1),
    ("AddHours", 1),
    ("AddMinutes", 1),
    ("AddSeconds", 1),
    ("AddMilliseconds", 1),
    ("AddMonths", 1),
    ("AddYears", 1),
    ("Add", 1),
    ("Subtract", 1),
    ("ToLocalTime", 0),
    ("ToUniversalTime", 0),
    ("ToShortDateString", 0),
    ("ToLongDateString", 0),
    ("ToShortTimeString", 0),
    ("ToLongTimeString", 0),
    ("to_upper", 0),
    ("to_lower", 0),
    ("starts_with", 1),
    ("ends_with", 1),
    ("sub_string", 1),
    ("sub_string", 2),
    ("split", 1),
];

/// A list of one is its element, and a longer one gives what each element gives.
fn register_through(engine: &mut Engine) {
    let any = TypeId::of::<Dynamic>();
    for (name, n_arguments) in THROUGH {
        for of in [TypeId::of::<ScriptList>(), TypeId::of::<Array>()] {
            // What a list of the program's own has itself.
            if of == TypeId::of::<Array>() && matches!(*name, "Add" | "Remove" | "Insert" | "split" | "Split")
            {
                continue;
            }
            let mut types = vec![of];
            types.extend(std::iter::repeat_n(any, *n_arguments));
            engine.register_raw_fn(*name, types, move |context, arguments| {
                let (list, rest) = arguments.split_first_mut().ok_or_else(|| missing(name))?;
                let items = each((**list).clone(), context.call_position())?;
                let is_one = items.len() == 1;
                // An argument that came out of a command is what it holds.
                let given: Vec<Dynamic> = rest.iter().map(|one| through((**one).clone())).collect();
                let mut all = Array::with_capacity(items.len());
                for mut item in items {
                    let mut given = given.clone();
                    let mut call: Vec<&mut Dynamic> =
                        std::iter::once(&mut item).chain(given.iter_mut()).collect();
                    all.push(context.call_native_fn_raw(name, true, &mut call)?);
                }
                Ok(if is_one { all.pop().unwrap_or_default() } else { all.into() })
            });
        }
    }
    // Arguments that came out of a command, for what is no list itself.
    for (name, of) in [
        ("Subtract", TypeId::of::<ScriptTime>()),
        ("Add", TypeId::of::<ScriptTime>()),
        ("Subtract", TypeId::of::<ScriptDuration>()),
        ("Add", TypeId::of::<ScriptDuration>()),
        ("Contains", TypeId::of::<ImmutableString>()),
        ("StartsWith", TypeId::of::<ImmutableString>()),
        ("EndsWith", TypeId::of::<ImmutableString>()),
        ("Split", TypeId::of::<ImmutableString>()),
        ("AddDays", TypeId::of::<ScriptTime>()),
        ("AddHours", TypeId::of::<ScriptTime>()),
        ("AddMinutes", TypeId::of::<ScriptTime>()),
    ] {
        engine.register_raw_fn(name, [of, TypeId::of::<ScriptList>()], move |context, arguments| {
            let [value, argument] = arguments else { return Err(missing(name)) };
            let mut argument = through((**argument).clone());
            if argument.is::<ScriptList>() {
                return Err(missing(name));
            }
            let mut value = (**value).clone();
            context.call_native_fn_raw(name, true, &mut [&mut value, &mut argument])
        });
    }
}

/// The element of a command's list of one.
fn through(value: Dynamic) -> Dynamic {
    let only = value.read_lock::<ScriptList>().filter(|list| list.0.len() == 1).map(|list| list.0[0].clone());
    only.map_or(value, to_dynamic)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use rhai::Scope;

    use super::super::texts::Texts;
    use super::*;

    #[test]
    fn a_search_in_a_list_ends_with_its_program() {
        let (ending, asked) = TerminationCheck::behind(2);
        let converter = Converter { engine: std::sync::Weak::new(), texts: Texts::default(), stack: 1 << 20 };
        let mut engine = Engine::new();
        super::super::types::register(&mut engine);
        register(&mut engine, &converter, 1000, &ending);
        let mut map = Map::new();
        for n in 0..100 {
            map.insert(n.to_string().into(), "x".into());
        }
        let mut scope = Scope::new();
        scope.push("table", VariableTable::from(map));
        scope.push("found", ScriptList(Arc::new(vec![Value::text("x"); 100])));
        scope.push("text", ", ".repeat(100));
        scope.push("own", Array::from(vec![Dynamic::from("x"); 100]));
        for call in [
            "own.Contains(\"y\")",
            "own.IndexOf(\"y\")",
            "own.Remove(\"y\")",
            "found.Contains(\"y\")",
            "table.ContainsValue(\"y\")",
            "text.Split(\",\")",
            "text.Split(',')",
            "text.Split(\",\", 50)",
            "text.Split([\";\", \",\"])",
            "text.Split()",
        ] {
            asked.store(0, Ordering::Relaxed);
            let ended = engine.eval_with_scope::<Dynamic>(&mut scope, call);
            assert!(
                matches!(ended.map_err(|error| *error), Err(EvalAltResult::ErrorTerminated(..))),
                "{call}"
            );
            assert_eq!(asked.load(Ordering::Relaxed), 3, "{call}");
        }
    }
}
