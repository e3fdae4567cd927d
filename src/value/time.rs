//! Times and spans of time: their parts, how .NET's letters write them, and how text is read as one.
//!
//! Parts of a point in time are those of the local time, as in PowerShell; the point itself is one
//! of UTC.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::Value;
use super::text::time_span;

/// The parts of a point in time by their names.
pub const TIME_PARTS: &[&str] = &[
    "Date",
    "Year",
    "Month",
    "Day",
    "Hour",
    "Minute",
    "Second",
    "Millisecond",
    "DayOfWeek",
    "DayOfYear",
    "TimeOfDay",
];

/// The parts of a span of time by their names.
pub const SPAN_PARTS: &[&str] = &[
    "Days",
    "Hours",
    "Minutes",
    "Seconds",
    "Milliseconds",
    "TotalDays",
    "TotalHours",
    "TotalMinutes",
    "TotalSeconds",
    "TotalMilliseconds",
    "Ticks",
];

/// A part of a point in time, by its name in lower case.
pub fn time_part(time: Timestamp, name: &str) -> Option<Value> {
    let local = time.to_zoned_datetime(TimeZone::system());
    let midnight = || local.start_of_day().ok().map(|start| start.timestamp());
    Some(match name {
        "date" => Value::Timestamp(midnight()?),
        "year" => Value::Integer(local.year().into()),
        "month" => Value::Integer(local.month().into()),
        "day" => Value::Integer(local.day().into()),
        "hour" => Value::Integer(local.hour().into()),
        "minute" => Value::Integer(local.minute().into()),
        "second" => Value::Integer(local.second().into()),
        "millisecond" => Value::Integer(local.millisecond().into()),
        "dayofweek" => Value::text(local.strftime("%A").to_string()),
        "dayofyear" => Value::Integer(local.day_of_year().into()),
        "timeofday" => Value::Duration(Duration::try_from(time.duration_since(midnight()?)).ok()?),
        _ => return None,
    })
}

/// A part of a span of time, by its name in lower case.
pub fn span_part(span: Duration, name: &str) -> Option<Value> {
    let whole = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let seconds = span.as_secs();
    let total = span.as_secs_f64();
    Some(match name {
        "days" => whole(seconds / 86_400),
        "hours" => whole(seconds / 3_600 % 24),
        "minutes" => whole(seconds / 60 % 60),
        "seconds" => whole(seconds % 60),
        "milliseconds" => whole(span.subsec_millis().into()),
        "totaldays" => Value::Float(total / 86_400.0),
        "totalhours" => Value::Float(total / 3_600.0),
        "totalminutes" => Value::Float(total / 60.0),
        "totalseconds" => Value::Float(total),
        "totalmilliseconds" => Value::Float(total * 1e3),
        "ticks" => Value::Integer(i64::try_from(span.as_nanos() / 100).unwrap_or(i64::MAX)),
        _ => return None,
    })
}

/// The point in time that a text names: RFC 3339, or a date with or without a time of day, which is
/// local then.
pub fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    local.to_zoned_datetime(TimeZone::system()).ok().map(|zoned| zoned.timestamp())
}

/// A point in time in .NET's letters, in local time.
pub fn local(time: Timestamp, format: &str) -> String {
    written(&time.to_zoned_datetime(TimeZone::system()), format)
}

/// A span of time in .NET's letters: `c` and `g` as it is shown, `hh\\:mm\\:ss` and the like.
pub fn span(span: Duration, format: &str) -> String {
    if matches!(format, "" | "c" | "g" | "G" | "t" | "T") {
        return time_span(span);
    }
    let seconds = span.as_secs();
    let part = |letter: char| match letter {
        'd' => Some(seconds / 86_400),
        'h' => Some(seconds / 3_600 % 24),
        'm' => Some(seconds / 60 % 60),
        's' => Some(seconds % 60),
        _ => None,
    };
    let mut text = String::new();
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut run = 1;
        while part(letter).is_some() || matches!(letter, 'f' | 'F') {
            if letters.next_if_eq(&letter).is_none() {
                break;
            }
            run += 1;
        }
        match (letter, part(letter)) {
            ('\\', _) => text.extend(letters.next()),
            ('\'' | '"', _) => text.extend(letters.by_ref().take_while(|inner| *inner != letter)),
            ('f' | 'F', _) => text.push_str(&format!("{:09}", span.subsec_nanos())[..run.min(9)]),
            (_, Some(number)) => {
                let run = run.min(WIDEST);
                text.push_str(&format!("{number:0run$}"));
            }
            (letter, None) => text.push(letter),
        }
    }
    text
}

/// The time in .NET's letters, or in the form that one letter stands for: `o`, `s`, `u`, `d`, `t`, `T`.
pub fn written(time: &ZonedDateTime, format: &str) -> String {
    let format = match format {
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffK",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "u" => "yyyy-MM-dd HH:mm:ssK",
        "d" => "yyyy-MM-dd",
        "t" => "HH:mm",
        "T" => "HH:mm:ss",
        format => format,
    };
    let mut text = String::new();
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        let quoted = || rest.get(1..).and_then(|behind| behind.find(letter));
        let length = match (letter, matches!(letter, '\'' | '"').then(quoted).flatten()) {
            // Text in quotes stands for itself, and so does what a backslash stands before.
            ('\'' | '"', Some(end)) => {
                text.push_str(&rest[1..=end]);
                end + 2
            }
            ('\\', _) => {
                text.extend(rest.chars().nth(1));
                1 + rest.chars().nth(1).map_or(0, char::len_utf8)
            }
            _ => {
                // All of them at once: each would be counted again for the next.
                let run = rest.chars().take_while(|next| *next == letter).count();
                let same = run * letter.len_utf8();
                match part(time, letter, run) {
                    Some(part) => text.push_str(&part),
                    None => text.push_str(&rest[..same]),
                }
                same
            }
        };
        rest = &rest[length..];
    }
    text
}

/// No number is filled up with zeros to more places.
const WIDEST: usize = 100;

/// Returns the text that a run of one letter of a format stands for.
fn part(time: &ZonedDateTime, letter: char, run: usize) -> Option<String> {
    let width = run.min(WIDEST);
    let padded = |number: i64| format!("{number:0width$}");
    let named = |form: &str| time.strftime(form).to_string();
    Some(match (letter, run) {
        ('y', 1 | 2) => padded(i64::from(time.year() % 100)),
        ('y', _) => padded(time.year().into()),
        ('M', 1 | 2) => padded(time.month().into()),
        ('M', 3) => named("%b"),
        ('M', _) => named("%B"),
        ('d', 1 | 2) => padded(time.day().into()),
        ('d', 3) => named("%a"),
        ('d', _) => named("%A"),
        ('H', _) => padded(time.hour().into()),
        ('h', _) => padded((i64::from(time.hour()) + 11) % 12 + 1),
        ('m', _) => padded(time.minute().into()),
        ('s', _) => padded(time.second().into()),
        ('f' | 'F', 1..=9) => format!("{:09}", time.subsec_nanosecond())[..run].to_owned(),
        ('t', _) => named("%p").chars().take(run).collect(),
        ('K', _) if time.time_zone() == &TimeZone::UTC => "Z".to_owned(),
        ('K' | 'z', _) => named("%:z"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_span_are_whole_or_total() {
        let span = Duration::from_millis(90_061_500);
        for (name, part) in
            [("days", "1"), ("hours", "1"), ("minutes", "1"), ("seconds", "1"), ("milliseconds", "500")]
        {
            assert_eq!(span_part(span, name).unwrap().to_string(), part, "{name}");
        }
        assert_eq!(span_part(span, "totalhours").unwrap().to_string(), "25.017083333333332");
        assert!(span_part(span, "years").is_none());
        assert_eq!(super::span(span, "d\\.hh\\:mm"), "1.01:01");
        assert_eq!(super::span(span, "c"), "1.01:01:01.5000000");
    }

    #[test]
    fn nets_letters_write_a_time() {
        let time: Timestamp = "2026-11-05T09:07:03.0456789Z".parse().unwrap();
        let time = time.to_zoned_datetime(TimeZone::UTC);
        for (format, text) in [
            ("yyyy-MM-dd", "2026-11-05"),
            ("d.M.yy H:m:s", "5.11.26 9:7:3"),
            ("HH:mm:ss.fff", "09:07:03.045"),
            ("hh tt", "09 AM"),
            ("ddd, dd MMM yyyy", "Thu, 05 Nov 2026"),
            ("'at' HH\\h", "at 09h"),
            ("o", "2026-11-05T09:07:03.0456789Z"),
            ("s", "2026-11-05T09:07:03"),
            ("yyyyMMdd_HHmmss", "20261105_090703"),
            ("é", "é"),
            ("'open", "'open"),
            ("\\", ""),
            ("ééxx", "ééxx"),
            ("ffffffffff", "ffffffffff"),
        ] {
            assert_eq!(written(&time, format), text, "{format}");
        }
    }

    /// A form is its writer's to choose, however long.
    #[test]
    fn a_form_of_a_million_letters_is_done_at_once() {
        let time: Timestamp = "2026-11-05T09:07:03Z".parse().unwrap();
        let time = time.to_zoned_datetime(TimeZone::UTC);
        for letter in ["y", "M", "H", "f", "t", "K", "x", "é", "'", "\\"] {
            let form = letter.repeat(1_000_000);
            assert!(written(&time, &form).len() <= 2_000_000, "{letter}");
            assert!(super::span(Duration::from_secs(90), &form).len() <= 2_000_000, "{letter}");
        }
    }
}
