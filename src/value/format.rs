//! `-f` and `.ToString("…")`: .NET's composite formatting, as far as numbers, times and text need it.
//!
//! `{0}`, `{1,10}`, `{0,-10:N2}`, `{{`. A hole without a value and a form that is none are told.

use super::arithmetic::{Number, number};
use super::text::interpolated;
use super::time::TimeFormError;
use super::{Value, time};

/// The reason why a text cannot be formatted with its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There are fewer values than the text wants.
    #[error("there is no value for {{{wanted}}}: {n_given} were given, and they are counted from 0")]
    NoValue {
        /// The number in braces.
        wanted: usize,
        /// The number of values that were given.
        n_given: usize,
    },
    /// A brace that opens or closes nothing.
    #[error("a brace in the text opens or closes nothing; for one that is text, write: {{{{, or }}}}")]
    Brace,
    /// The form is none of this kind of value.
    #[error("'{form}' is no form for {kind}; numbers have N2, F1, D4, X, P0, E3 and 0.00, times yyyy-MM-dd")]
    Form {
        /// The format string behind the colon.
        form: String,
        /// The kind of the value.
        kind: String,
    },
    /// A form of a time has letters that stand for nothing.
    #[error(transparent)]
    Time(#[from] TimeFormError),
    /// A column is wider than any text here.
    #[error("a column of {width} characters is too wide")]
    Width {
        /// The width that was asked for.
        width: usize,
    },
}

/// The text with its values in it.
///
/// # Errors
/// The text wants a value that there is not, or in a form that it has not.
pub fn format(text: &str, values: &[Value]) -> Result<String, FormatError> {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(['{', '}']) {
        made.push_str(&rest[..place]);
        let brace = &rest[place..=place];
        rest = &rest[place + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            made.push_str(brace);
            rest = behind;
            continue;
        }
        let (hole, behind) = rest.split_once('}').filter(|_| brace == "{").ok_or(FormatError::Brace)?;
        made.push_str(&filled(hole, values)?);
        rest = behind;
    }
    made.push_str(rest);
    Ok(made)
}

/// Returns the text that replaces a placeholder such as `0,10:N2`.
fn filled(hole: &str, values: &[Value]) -> Result<String, FormatError> {
    let (place, form) = hole.split_once(':').unwrap_or((hole, ""));
    let (place, width) = place.split_once(',').unwrap_or((place, "0"));
    let wanted: usize = place.trim().parse().map_err(|_| FormatError::Brace)?;
    let width: i64 = width.trim().parse().map_err(|_| FormatError::Brace)?;
    let value = values.get(wanted).ok_or(FormatError::NoValue { wanted, n_given: values.len() })?;
    let text = formatted(value, form)?;
    let columns = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    if columns > WIDEST {
        return Err(FormatError::Width { width: columns });
    }
    Ok(if width < 0 { format!("{text:<columns$}") } else { format!("{text:>columns$}") })
}

/// The widest column.
const WIDEST: usize = 1_000;

/// A value in a form; as it is shown where the form is empty.
///
/// # Errors
/// The form is none of this kind of value.
pub fn formatted(value: &Value, form: &str) -> Result<String, FormatError> {
    if form.is_empty() {
        return Ok(interpolated(value));
    }
    match value {
        Value::Timestamp(point) => Ok(time::local(*point, form)?),
        Value::Duration(span) => Ok(time::span(*span, form)),
        Value::List(items) if items.len() == 1 => formatted(&items[0], form),
        Value::Integer(_) | Value::Float(_) => number(value)
            .and_then(|number| number_in(number, form))
            .ok_or_else(|| FormatError::Form { form: form.to_owned(), kind: value.kind().to_owned() }),
        // As in .NET, a form means nothing to a text.
        Value::Null
        | Value::Boolean(_)
        | Value::Text(_)
        | Value::Credential(_)
        | Value::List(_)
        | Value::Record(_)
        | Value::Block(_) => Ok(interpolated(value)),
    }
}

/// A number in one of .NET's forms.
fn number_in(number: Number, form: &str) -> Option<String> {
    let first = form.chars().next()?;
    let precision: Option<usize> = match &form[first.len_utf8()..] {
        "" => None,
        digits => digits.parse().ok().filter(|precision| *precision <= 20),
    };
    let is_standard = first.is_ascii_alphabetic() && (form.len() == 1 || precision.is_some());
    let real = match number {
        Number::Whole(whole) => whole as f64,
        Number::Real(real) => real,
    };
    if !is_standard {
        return custom(real, form);
    }
    Some(match (first.to_ascii_uppercase(), number) {
        ('N', _) => grouped(&fixed(real, precision.unwrap_or(2))),
        ('F', _) => fixed(real, precision.unwrap_or(2)),
        ('P', _) => format!("{}%", grouped(&fixed(real * 100.0, precision.unwrap_or(2)))),
        ('C', _) => grouped(&fixed(real, precision.unwrap_or(2))),
        ('D', Number::Whole(whole)) => {
            let digits = precision.unwrap_or(1);
            let sign = if whole < 0 { "-" } else { "" };
            format!("{sign}{:0digits$}", whole.unsigned_abs())
        }
        ('X', Number::Whole(whole)) => {
            let digits = precision.unwrap_or(1);
            if first == 'X' { format!("{whole:0digits$X}") } else { format!("{whole:0digits$x}") }
        }
        ('G' | 'R', Number::Whole(whole)) => whole.to_string(),
        ('G' | 'R', Number::Real(real)) => real.to_string(),
        ('E', _) => format!("{real:.*e}", precision.unwrap_or(6)),
        _ => return None,
    })
}

/// So many digits behind the point, halves away from zero as .NET rounds them.
fn fixed(real: f64, digits: usize) -> String {
    let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
    let rounded = (real * scale).round() / scale;
    if rounded.is_finite() { format!("{rounded:.digits$}") } else { format!("{real:.digits$}") }
}

/// With a comma before every three digits.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// `0.00`, `#,##0.0`, `000`: digits that are there in any case, and those that are not.
fn custom(real: f64, form: &str) -> Option<String> {
    let is_of_form = |letter: char| matches!(letter, '0' | '#' | '.' | ',');
    let begin = form.find(is_of_form)?;
    let length = form[begin..].find(|letter| !is_of_form(letter)).unwrap_or(form.len() - begin);
    let (before, rest) = form.split_at(begin);
    let (pattern, behind) = rest.split_at(length);
    let (real, behind) = match behind.strip_prefix('%') {
        Some(_) => (real * 100.0, behind),
        None => (real, behind),
    };
    let (whole, fraction) = pattern.split_once('.').unwrap_or((pattern, ""));
    if fraction.contains('.') || fraction.len() > 20 {
        return None;
    }
    let needed = fraction.matches('0').count();
    let mut text = fixed(real, fraction.len());
    if let Some(point) = text.find('.') {
        while text.len() - point - 1 > needed && text.ends_with('0') {
            text.pop();
        }
        if text.ends_with('.') {
            text.pop();
        }
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (have, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let least = whole.matches('0').count().min(WIDEST);
    let padded = if have == "0" && least == 0 { String::new() } else { format!("{have:0>least$}") };
    let shown = if whole.contains(',') { grouped(&padded) } else { padded };
    Some(format!("{before}{sign}{shown}{rest}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_as_net_fills_them() {
        for (text, value, made) in [
            ("{0}", Value::from("x"), "x"),
            ("{0:N2}", Value::Float(1234.567), "1,234.57"),
            ("{0:N0}", Value::Integer(1_234_567), "1,234,567"),
            ("{0:F1}", Value::Float(2.25), "2.3"),
            ("{0:D4}", Value::Integer(42), "0042"),
            ("{0:X}", Value::Integer(255), "FF"),
            ("{0:x4}", Value::Integer(255), "00ff"),
            ("{0:P0}", Value::Float(0.5), "50%"),
            ("{0:0.00}", Value::Float(2.34567), "2.35"),
            ("{0:#,##0.0#}", Value::Float(12345.5), "12,345.5"),
            ("{0:000}", Value::Integer(7), "007"),
            ("[{0,5}]", Value::from("ab"), "[   ab]"),
            ("[{0,-5}]", Value::from("ab"), "[ab   ]"),
            ("{{0}}", Value::from("x"), "{0}"),
            ("{0:N2}", Value::from("text"), "text"),
        ] {
            assert_eq!(format(text, &[value]).as_deref(), Ok(made), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_is_told() {
        assert_eq!(format("{1}", &[Value::Null]), Err(FormatError::NoValue { wanted: 1, n_given: 1 }));
        assert_eq!(format("{", &[]), Err(FormatError::Brace));
        assert!(format("{0:Q}", &[Value::Integer(1)]).is_err());
        assert!(format("{0,99999999}", &[Value::Integer(1)]).is_err());
        let zeros = format!("{{0:{}}}", "0".repeat(100_000));
        assert!(format(&zeros, &[Value::Integer(1)]).is_ok_and(|text| text.ends_with("01")));
    }
}
