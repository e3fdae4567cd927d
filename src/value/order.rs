//! One order over all values, for sorting and for telling equal from different.
//!
//! Numbers by size, times by time, texts by their letters (case ignored unless asked), lists
//! and records element by element. Values of different kinds stand in the order of their
//! kinds, null first; sorting never fails.

use std::cmp::Ordering;

use super::Value;
use super::pattern::Case;

/// Compares two values.
pub fn order(left: &Value, right: &Value, case: Case) -> Ordering {
    match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Integer(left), Value::Float(right)) => (*left as f64).total_cmp(right),
        (Value::Float(left), Value::Integer(right)) => left.total_cmp(&(*right as f64)),
        (Value::Float(left), Value::Float(right)) => left.total_cmp(right),
        (Value::Text(left), Value::Text(right)) => text_order(left, right, case),
        (Value::Duration(left), Value::Duration(right)) => left.cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
        (Value::List(left), Value::List(right)) => {
            let pairs = left.iter().zip(right).map(|(left, right)| order(left, right, case));
            pairs.fold(Ordering::Equal, Ordering::then).then(left.len().cmp(&right.len()))
        }
        (Value::Record(left), Value::Record(right)) => {
            let pairs = left.iter().zip(right.iter());
            let each = pairs.map(|((left_name, left), (right_name, right))| {
                text_order(left_name, right_name, Case::Ignored).then_with(|| order(left, right, case))
            });
            each.fold(Ordering::Equal, Ordering::then).then(left.len().cmp(&right.len()))
        }
        (left, right) => rank(left).cmp(&rank(right)).then_with(|| {
            // Credentials and blocks have no order but their text's, which shows no secret.
            text_order(&left.to_string(), &right.to_string(), case)
        }),
    }
}

/// A text that two values share if they are equal, to find equals among many.
pub fn key(value: &Value, case: Case) -> String {
    // A float prints a whole number without a fraction, so that 1 and 1.0 are equal.
    format!("{}:{}", rank(value), case.fold(&value.to_string()))
}

fn text_order(left: &str, right: &str, case: Case) -> Ordering {
    match case {
        Case::Sensitive => left.cmp(right),
        Case::Ignored => {
            if left.is_ascii() && right.is_ascii() {
                let (left, right) = (left.bytes(), right.bytes());
                left.map(|byte| byte.to_ascii_lowercase()).cmp(right.map(|byte| byte.to_ascii_lowercase()))
            } else {
                lower(left).cmp(&lower(right))
            }
        }
    }
}

/// A text as it is ordered where letter case does not count: letter by letter, whatever stands around each.
fn lower(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().flat_map(char::to_lowercase).collect()
    }
}

/// A value in whose place many are compared: a text in the letters by which it is ordered, so that these are not made
/// for each comparison. [`order_folded`] compares them.
pub fn folded(value: Value, case: Case) -> Value {
    match (value, case) {
        (Value::Text(text), Case::Ignored) => Value::Text(lower(&text)),
        (value, _) => value,
    }
}

/// Compares two values of [`folded`] as [`order`] compares what they were made of.
pub fn order_folded(left: &Value, right: &Value, case: Case) -> Ordering {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (left, right) => order(left, right, case),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Float(_) => 2,
        Value::Duration(_) => 3,
        Value::Timestamp(_) => 4,
        Value::Text(_) => 5,
        Value::Credential(_) => 6,
        Value::List(_) => 7,
        Value::Record(_) => 8,
        Value::Block(_) => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_values_are_ordered_as_they_were() {
        let values: Vec<Value> =
            vec!["Ab".into(), "aB".into(), "ÄB".into(), "äc".into(), "z".into(), 1.into(), Value::Null];
        for case in [Case::Ignored, Case::Sensitive] {
            for (left, right) in values.iter().flat_map(|left| values.iter().map(move |right| (left, right)))
            {
                let made = |value: &Value| folded(value.clone(), case);
                let ordering = order_folded(&made(left), &made(right), case);
                assert_eq!(ordering, order(left, right, case), "{left} {right}");
            }
        }
    }

    #[test]
    fn numbers_stand_by_size_and_texts_by_letters() {
        let mut values =
            [Value::text("b"), Value::Integer(10), Value::text("A"), Value::Float(9.5), Value::Null];
        values.sort_by(|left, right| order(left, right, Case::Ignored));
        assert_eq!(Value::List(values.to_vec()).to_string(), "{, 9.5, 10, A, b}");
    }

    #[test]
    fn equals_share_a_key() {
        assert_eq!(key(&Value::Integer(1), Case::Ignored), key(&Value::Float(1.0), Case::Ignored));
        assert_eq!(key(&Value::text("A"), Case::Ignored), key(&Value::text("a"), Case::Ignored));
        assert_ne!(key(&Value::text("1"), Case::Ignored), key(&Value::Integer(1), Case::Ignored));
    }
}
