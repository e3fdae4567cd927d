//! Arithmetic as PowerShell has it (about_Arithmetic_Operators): `+ - * / %` of numbers, texts, lists,
//! times and spans.
//!
//! The right side is brought to the kind of the left one; a list of one stands for its element. `/`
//! gives a whole number only where it comes out even. What has no meaning is told, never guessed.

use std::time::Duration;

use super::text::parse_duration;
use super::{Value, time};

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

impl Arithmetic {
    /// Returns the symbol of the operator.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// The reason why an operation on two values is not possible.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ArithmeticError {
    /// The operator has no meaning between such values.
    #[error("{} cannot stand between {left} and {right}{hint}", .operator.symbol())]
    NoMeaning {
        /// The operator.
        operator: Arithmetic,
        /// The kind of the left side, and its text where it is one.
        left: String,
        /// The same of the right side.
        right: String,
        /// A hint at what would have a meaning instead; empty if there is none.
        hint: &'static str,
    },
    /// Division by zero.
    #[error("division by zero: {left} {} 0", .operator.symbol())]
    ByZero {
        /// The operator.
        operator: Arithmetic,
        /// The left side.
        left: String,
    },
    /// A point in time is taken from one before it.
    #[error(
        "the time on the left lies before the one on the right, and no span is less than nothing; turn them around"
    )]
    Backwards,
    /// The result is too large, or lies outside of the calendar.
    #[error("the result of {left} {} {right} is too large", .operator.symbol())]
    TooLarge {
        /// The operator.
        operator: Arithmetic,
        /// The left side.
        left: String,
        /// The right side.
        right: String,
    },
}

/// Applies the operator to two values; a text or a list has at most `limit` bytes or elements.
///
/// # Errors
/// The two have no meaning together, or the result cannot be held.
pub fn reckon(
    left: Value,
    operator: Arithmetic,
    right: Value,
    limit: usize,
) -> Result<Value, ArithmeticError> {
    let none = |left: &Value, right: &Value, hint| {
        let (left, right) = (shown(left), shown(right));
        Err(ArithmeticError::NoMeaning { operator, left, right, hint })
    };
    let too_large = |left: &Value, right: &Value| ArithmeticError::TooLarge {
        operator,
        left: shown(left),
        right: shown(right),
    };
    match (left, operator, right) {
        (Value::List(mut items), Arithmetic::Add, right) if items.len() != 1 => {
            items.extend(right.into_elements());
            Ok(Value::List(items))
        }
        (Value::List(items), Arithmetic::Multiply, right) if items.len() != 1 => {
            let Some(count) = count(&right) else { return none(&Value::List(items), &right, "") };
            match items.len().checked_mul(count).filter(|length| *length <= limit) {
                Some(_) => Ok(Value::List(items.iter().cycle().take(items.len() * count).cloned().collect())),
                None => Err(too_large(&Value::List(items), &right)),
            }
        }
        (Value::List(items), _, right) if items.len() == 1 => {
            reckon(Value::List(items).read_through(), operator, right, limit)
        }
        (left, _, Value::List(items)) if items.len() == 1 && !matches!(left, Value::List(_)) => {
            reckon(left, operator, Value::List(items).read_through(), limit)
        }
        (Value::Text(left), Arithmetic::Add, right) => {
            let right = super::text::interpolated(&right);
            match left.len().checked_add(right.len()).filter(|length| *length <= limit) {
                Some(_) => Ok(Value::Text(format!("{left}{right}"))),
                None => Err(too_large(&Value::text("text"), &Value::text("text"))),
            }
        }
        (Value::Text(left), Arithmetic::Multiply, right) => {
            let Some(count) = count(&right) else { return none(&Value::Text(left), &right, "") };
            match left.len().checked_mul(count).filter(|length| *length <= limit) {
                Some(_) => Ok(Value::Text(left.repeat(count))),
                None => Err(too_large(&Value::text("text"), &right)),
            }
        }
        // Nothing plus a value is the value.
        (Value::Null, Arithmetic::Add, right) => Ok(right),
        (Value::Timestamp(left), Arithmetic::Subtract, Value::Timestamp(right)) => {
            let span = Duration::try_from(left.duration_since(right));
            span.map(Value::Duration).map_err(|_| ArithmeticError::Backwards)
        }
        (Value::Timestamp(left), Arithmetic::Subtract, Value::Text(text)) => match time::read(&text) {
            Some(right) => reckon(Value::Timestamp(left), operator, Value::Timestamp(right), limit),
            None => none(&Value::Timestamp(left), &Value::Text(text), ""),
        },
        (Value::Timestamp(left), Arithmetic::Add | Arithmetic::Subtract, Value::Duration(span)) => {
            let moved =
                if operator == Arithmetic::Add { left.checked_add(span) } else { left.checked_sub(span) };
            moved
                .map(Value::Timestamp)
                .map_err(|_| too_large(&Value::Timestamp(left), &Value::Duration(span)))
        }
        (left @ Value::Timestamp(_), _, right) => {
            none(&left, &right, "; a time moves by .AddDays(1), .AddHours(1) and their like")
        }
        (Value::Duration(left), _, right) => of_span(left, operator, right),
        (left, _, right) => match (number(&left), number(&right)) {
            (Some(first), Some(second)) => {
                let is_division = matches!(operator, Arithmetic::Divide | Arithmetic::Remainder);
                numbers(first, operator, second).ok_or_else(|| match second {
                    Number::Whole(0) if is_division => {
                        ArithmeticError::ByZero { operator, left: left.to_string() }
                    }
                    Number::Whole(_) | Number::Real(_) => too_large(&left, &right),
                })
            }
            _ => none(&left, &right, ""),
        },
    }
}

/// A number, whole or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole one.
    Whole(i64),
    /// One with a fraction.
    Real(f64),
}

impl Number {
    fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

/// The value as a number: nothing is zero, a text is what it says, in decimal or as `0x1F`, `5KB`.
pub fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Null => Some(Number::Whole(0)),
        Value::Boolean(truth) => Some(Number::Whole((*truth).into())),
        Value::Integer(number) => Some(Number::Whole(*number)),
        Value::Float(number) => Some(Number::Real(*number)),
        Value::Text(text) => read_number(text),
        Value::List(items) => match items.as_slice() {
            [only] => number(only),
            _ => None,
        },
        Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Record(_)
        | Value::Block(_) => None,
    }
}

fn read_number(text: &str) -> Option<Number> {
    let text = text.trim();
    if let Ok(whole) = text.parse() {
        return Some(Number::Whole(whole));
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(Number::Whole);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let real = || text.parse::<f64>().ok().filter(|real| is_number && real.is_finite()).map(Number::Real);
    real().or_else(|| multiplied(text))
}

/// `5KB`, `1.5gb`: a number with what stands for so many bytes.
pub fn multiplied(text: &str) -> Option<Number> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "kb" => 1_i64 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        "tb" => 1 << 40,
        "pb" => 1 << 50,
        _ => return None,
    };
    match digits.parse::<i64>() {
        Ok(count) => count.checked_mul(factor).map(Number::Whole),
        Err(_) => digits.parse::<f64>().ok().map(|count| whole_if_even(count * factor as f64)),
    }
}

fn whole_if_even(real: f64) -> Number {
    if real.fract() == 0.0 && real.abs() < 9e15 { Number::Whole(real as i64) } else { Number::Real(real) }
}

fn numbers(left: Number, operator: Arithmetic, right: Number) -> Option<Value> {
    if let (Number::Whole(left), Number::Whole(right)) = (left, right) {
        let whole = match operator {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Remainder => return left.checked_rem(right).map(Value::Integer),
            Arithmetic::Divide if right == 0 => return None,
            Arithmetic::Divide => {
                left.checked_rem(right).filter(|rest| *rest == 0).and(left.checked_div(right))
            }
        };
        if let Some(whole) = whole {
            return Some(Value::Integer(whole));
        }
    }
    let (left, right) = (left.real(), right.real());
    let real = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    };
    Some(Value::Float(real))
}

/// Returns the number of repetitions that the value means.
fn count(value: &Value) -> Option<usize> {
    match number(value)? {
        Number::Whole(count) => usize::try_from(count).ok(),
        Number::Real(_) => None,
    }
}

fn of_span(left: Duration, operator: Arithmetic, right: Value) -> Result<Value, ArithmeticError> {
    let none = |right: &Value| {
        let (left, right) = (shown(&Value::Duration(left)), shown(right));
        Err(ArithmeticError::NoMeaning { operator, left, right, hint: "" })
    };
    let too_large = |right: &Value| ArithmeticError::TooLarge {
        operator,
        left: Value::Duration(left).to_string(),
        right: right.to_string(),
    };
    let right = if let Value::Text(text) = &right {
        match parse_duration(text) {
            Some(span) => Value::Duration(span),
            None => return none(&right),
        }
    } else {
        right
    };
    match (operator, &right) {
        (Arithmetic::Add, Value::Duration(span)) => {
            left.checked_add(*span).map(Value::Duration).ok_or_else(|| too_large(&right))
        }
        (Arithmetic::Add, Value::Timestamp(point)) => {
            point.checked_add(left).map(Value::Timestamp).map_err(|_| too_large(&right))
        }
        (Arithmetic::Subtract, Value::Duration(span)) => {
            left.checked_sub(*span).map(Value::Duration).ok_or(ArithmeticError::Backwards)
        }
        (Arithmetic::Divide, Value::Duration(span)) if span.is_zero() => {
            Err(ArithmeticError::ByZero { operator, left: Value::Duration(left).to_string() })
        }
        (Arithmetic::Divide, Value::Duration(span)) => {
            Ok(Value::Float(left.as_secs_f64() / span.as_secs_f64()))
        }
        (Arithmetic::Multiply | Arithmetic::Divide, Value::Integer(_) | Value::Float(_)) => {
            let factor = number(&right).map_or(0.0, Number::real);
            let factor = if operator == Arithmetic::Divide { 1.0 / factor } else { factor };
            Duration::try_from_secs_f64(left.as_secs_f64() * factor)
                .map(Value::Duration)
                .map_err(|_| too_large(&right))
        }
        _ => none(&right),
    }
}

/// A value as a message about it shows it.
fn shown(value: &Value) -> String {
    if let Value::Null = value {
        "nothing".to_owned()
    } else if let Value::Text(text) = value {
        format!("text '{}'", text.chars().take(40).collect::<String>())
    } else {
        value.kind().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(left: impl Into<Value>, operator: Arithmetic, right: impl Into<Value>) -> String {
        match reckon(left.into(), operator, right.into(), 100) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_left_side_says_what_is_meant() {
        use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
        assert_eq!(made(10, Divide, 4), "2.5");
        assert_eq!(made(10, Divide, 5), "2");
        assert_eq!(made(5, Add, "3"), "8");
        assert_eq!(made("5", Add, 3), "53");
        assert_eq!(made("5", Subtract, 3), "2");
        assert_eq!(made("ab", Multiply, 3), "ababab");
        assert_eq!(made(7, Remainder, 4), "3");
        assert_eq!(made(1, Add, "1.5"), "2.5");
        assert_eq!(made(i64::MAX, Add, 1), "9223372036854776000");
        assert_eq!(made(Value::Null, Add, 1), "1");
        assert_eq!(made(Value::texts(["a", "b"]), Add, "c"), "{a, b, c}");
        assert_eq!(made(Value::List(vec![2.into()]), Multiply, Value::List(vec![3.into()])), "6");
        assert_eq!(made(1, Divide, 0), "division by zero: 1 / 0");
        assert_eq!(made("x", Subtract, 1), "- cannot stand between text 'x' and integer");
        assert_eq!(made("abcdefghijk", Multiply, 10), "the result of text 'text' * integer is too large");
    }

    #[test]
    fn times_and_spans_are_reckoned_with() {
        use Arithmetic::{Add, Divide, Subtract};
        let time = |text: &str| Value::Timestamp(text.parse().unwrap());
        let (early, late) = (time("2026-11-25T10:00:00Z"), time("2026-11-25T12:00:00Z"));
        assert_eq!(made(late.clone(), Subtract, early.clone()), "02:00:00");
        assert!(made(early.clone(), Subtract, late.clone()).contains("turn them around"));
        assert_eq!(made(early.clone(), Add, Duration::from_secs(60)), "2026-11-25T10:01:00.000Z");
        assert_eq!(made(Duration::from_secs(60), Divide, 2), "00:00:30");
        assert_eq!(made(Duration::from_secs(60), Subtract, "10s"), "00:00:50");
        assert!(made(early, Add, 1).contains("AddDays"));
    }

    #[test]
    fn bytes_are_counted_as_powershell_counts_them() {
        assert_eq!(multiplied("1KB"), Some(Number::Whole(1024)));
        assert_eq!(multiplied("1.5kb"), Some(Number::Whole(1536)));
        assert_eq!(multiplied("1x"), None);
    }
}
