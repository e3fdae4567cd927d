//! Values as one line of text, the same in every locale; and the nearest of several names.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::time::Duration;

use super::Value;
use crate::secret::MASK;

/// Writes the value on one line: lists as `{a, b}`, records as `@{Name=value; …}`.
pub(super) fn write_line(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null => Ok(()),
        Value::Boolean(true) => f.write_str("True"),
        Value::Boolean(false) => f.write_str("False"),
        Value::Integer(number) => write!(f, "{number}"),
        Value::Float(number) => write!(f, "{number}"),
        Value::Text(text) => f.write_str(text),
        Value::Duration(duration) => f.write_str(&time_span(*duration)),
        Value::Timestamp(timestamp) => write!(f, "{timestamp:.3}"),
        Value::Credential(credential) => write!(f, "@{{UserName={}; Password={MASK}}}", credential.user_name),
        Value::List(items) => {
            f.write_char('{')?;
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    f.write_str(", ")?;
                }
                write_line(item, f)?;
            }
            f.write_char('}')
        }
        // What `catch` gets stands in a text for what it says, as in PowerShell.
        Value::Record(record) if record.type_name() == "ErrorRecord" => match record.get("Message") {
            Ok(message) => write_line(message, f),
            Err(_) => Ok(()),
        },
        Value::Record(record) => {
            f.write_str("@{")?;
            for (place, (name, value)) in record.iter().enumerate() {
                if place > 0 {
                    f.write_str("; ")?;
                }
                write!(f, "{name}=")?;
                write_line(value, f)?;
            }
            f.write_char('}')
        }
        Value::Block(block) => write!(f, "{{{}}}", block.source()),
    }
}

/// The value as it stands in a text that names it: the elements of a list with blanks between them.
pub fn interpolated(value: &Value) -> String {
    if let Value::List(items) = value {
        items.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
    } else {
        value.to_string()
    }
}

/// A duration as `[d.]hh:mm:ss[.fffffff]`: seven digits of a second, left out when they are zero.
pub fn time_span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let ticks = duration.subsec_nanos() / 100;
    let mut text = String::with_capacity(LONGEST_SPAN);
    if days > 0 {
        let _ = write!(text, "{days}.");
    }
    // A result has a dozen spans: formatted writing costs more than all the rest of its text.
    for (before, number) in [("", hours), (":", minutes), (":", seconds % 60)] {
        text.push_str(before);
        push_digits(&mut text, number, 10);
    }
    if ticks > 0 {
        text.push('.');
        push_digits(&mut text, u64::from(ticks), 1_000_000);
    }
    text
}

/// Writes a number with leading zeros, from the digit that counts so many.
fn push_digits(text: &mut String, number: u64, first: u64) {
    let mut place = first;
    while place > 0 {
        let digit = u8::try_from(number / place % 10).unwrap_or(0);
        text.push(char::from(b'0' + digit));
        place /= 10;
    }
}

/// Bytes of a span of time below a hundred thousand days.
const LONGEST_SPAN: usize = 24;

/// Reads what people write for a duration: seconds (`90`, `1.5`), `90s`, `1m30s`, `2h`, `250ms`,
/// or [`time_span`]'s own form.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    if text.contains(':') { parse_time_span(text) } else { parse_units(text) }
}

fn parse_time_span(text: &str) -> Option<Duration> {
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) if clock.contains(':') => (days.parse::<u64>().ok()?, clock),
        _ => (0, text),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
    let seconds = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    if minutes > 59 || seconds >= Duration::from_secs(60) {
        return None;
    }
    let whole =
        days.checked_mul(86_400)?.checked_add(hours.checked_mul(3_600)?)?.checked_add(minutes * 60)?;
    Duration::from_secs(whole).checked_add(seconds)
}

fn parse_units(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        let one = match &rest[digits..unit_end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" | "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            "d" => Duration::from_secs(86_400),
            _ => return None,
        };
        total = total.checked_add(one.checked_mul(u32::try_from(number).ok()?)?)?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

/// A name that somebody wrote, as a message repeats it: its beginning where it is longer than any name.
pub fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// The number of letters of the longest name that messages repeat and that is near to another.
const LONGEST_NAME: usize = 128;

/// The candidate that `name` was probably meant to be, if one is near enough. Names of more than
/// [`LONGEST_NAME`] letters are near to nothing: a comparison takes the product of both lengths.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is_name = |name: &str| name.chars().nth(LONGEST_NAME).is_none();
    if !is_name(name) {
        return None;
    }
    let wanted = name.to_lowercase();
    let tolerance = 1 + wanted.chars().count() / 4;
    candidates
        .into_iter()
        .filter(|candidate| is_name(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_span_has_seven_digits_or_none() {
        for (nanoseconds, text) in [
            (0, "00:00:00"),
            (1_000_000_000, "00:00:01"),
            (84_312_700, "00:00:00.0843127"),
            (3_725_000_000_100, "01:02:05.0000001"),
            (90_000_000_000_000, "1.01:00:00"),
        ] {
            assert_eq!(time_span(Duration::from_nanos(nanoseconds)), text);
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("90", Some(90_000)),
            ("1.5", Some(1_500)),
            ("90s", Some(90_000)),
            ("1m30s", Some(90_000)),
            ("250ms", Some(250)),
            ("00:01:30", Some(90_000)),
            ("00:00:00.25", Some(250)),
            ("1.00:00:00", Some(86_400_000)),
            ("", None),
            ("-5", None),
            ("5x", None),
            ("00:99:00", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse_duration(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(nearest("Test-XmpIM", ["Test-XmppIM", "Get-Pool"]), Some("Test-XmppIM"));
        assert_eq!(nearest("Restart-Computer", ["Test-XmppIM", "Get-Pool"]), None);
    }

    #[test]
    fn a_text_that_is_no_name_is_near_to_nothing_and_is_shortened() {
        let (longest, longer) = ("é".repeat(LONGEST_NAME), "é".repeat(LONGEST_NAME + 1));
        assert_eq!(nearest(&longest, [longest.as_str(), "Get-Pool"]), Some(longest.as_str()));
        assert_eq!(nearest(&longest, [longer.as_str()]), None);
        assert_eq!(nearest(&longer, [longest.as_str(), longer.as_str()]), None);
        assert_eq!(shortened(&longest), longest);
        assert_eq!(shortened(&longer), format!("{longest}…"));
    }
}
