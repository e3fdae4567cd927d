//! `[ValidateSet]` and its kin: the checks that a parameter of a function or a script holds its value against.
//!
//! Called by the lowered text through `__shell::validate`. Looks at values, and never changes one.

use std::cmp::Ordering;

use crate::value::Value;
use crate::value::arithmetic::{Number, number};
use crate::value::compare::expression;
use crate::value::pattern::Case;

/// The reason why a value does not pass; `None` if it does. A list passes if each of its elements does.
pub(super) fn refusal(check: &str, value: &Value, wanted: &[Value]) -> Option<String> {
    let Value::List(items) = value else { return of_one(check, value, wanted) };
    if check == "ValidateNotNullOrEmpty" && items.is_empty() {
        return Some("it needs at least one value".to_owned());
    }
    items.iter().find_map(|item| refusal(check, item, wanted))
}

fn of_one(check: &str, value: &Value, wanted: &[Value]) -> Option<String> {
    let text = value.to_string();
    match (check, wanted) {
        ("ValidateSet", _) => {
            let passes = wanted.iter().any(|one| one.to_string().to_lowercase() == text.to_lowercase());
            let names: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            (!passes).then(|| format!("it is one of {}", names.join(", ")))
        }
        ("ValidateRange", [least, most]) => {
            let is_inside = compare(value, least).is_some_and(|order| order != Ordering::Less)
                && compare(value, most).is_some_and(|order| order != Ordering::Greater);
            (!is_inside).then(|| format!("it lies between {least} and {most}"))
        }
        ("ValidateLength", [least, most]) => {
            let length = Value::Integer(i64::try_from(text.chars().count()).unwrap_or(i64::MAX));
            let is_inside = compare(&length, least).is_some_and(|order| order != Ordering::Less)
                && compare(&length, most).is_some_and(|order| order != Ordering::Greater);
            (!is_inside).then(|| format!("it has between {least} and {most} characters"))
        }
        ("ValidatePattern", [pattern]) => {
            let pattern = pattern.to_string();
            let passes = expression(&pattern, Case::Ignored).is_ok_and(|pattern| pattern.is_match(&text));
            (!passes).then(|| format!("it fits the pattern {pattern}"))
        }
        ("ValidateNotNullOrEmpty" | "ValidateNotNull", _) => {
            (check == "ValidateNotNullOrEmpty" && text.is_empty()).then(|| "it is not empty".to_owned())
        }
        _ => None,
    }
}

fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    let real = |value: &Value| match number(value)? {
        Number::Whole(whole) => Some(whole as f64),
        Number::Real(real) => Some(real),
    };
    real(one)?.partial_cmp(&real(other)?)
}
