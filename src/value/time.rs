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
///
/// # Errors
/// A letter of the form stands for nothing.
pub fn local(time: Timestamp, format: &str) -> Result<String, TimeFormError> {
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

/// The reason why a time has no such form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the letters '{letters}' of the form stand for no part of a time; there are {PARTS} (text of its own stands in \
     quotes: 'at' HH), alone the letters d, D, f, F, g, G, m, o, r, s, t, T, u, U and y, and the names FileDate, \
     FileDateTime, FileDateUniversal and FileDateTimeUniversal"
)]
pub struct TimeFormError {
    /// What is none, from the first letter on.
    pub letters: String,
}

/// The parts of a form as help and errors name them.
const PARTS: &str = "yyyy, MM, MMM, dd, ddd, HH, hh, mm, ss, fff, tt, K and zzz";

impl TimeFormError {
    fn new(letter: char, run: usize) -> Self {
        Self { letters: std::iter::repeat_n(letter, run.min(WIDEST)).collect() }
    }
}

/// The forms that one letter or a name stands for, in the invariant culture, and whether they are of UTC.
const STANDARD: &[(&str, &str, bool)] = &[
    ("d", "MM/dd/yyyy", false),
    ("D", "dddd, dd MMMM yyyy", false),
    ("f", "dddd, dd MMMM yyyy HH:mm", false),
    ("F", "dddd, dd MMMM yyyy HH:mm:ss", false),
    ("g", "MM/dd/yyyy HH:mm", false),
    ("G", "MM/dd/yyyy HH:mm:ss", false),
    ("m", "MMMM dd", false),
    ("M", "MMMM dd", false),
    ("o", "yyyy-MM-ddTHH:mm:ss.fffffffK", false),
    ("O", "yyyy-MM-ddTHH:mm:ss.fffffffK", false),
    ("r", "ddd, dd MMM yyyy HH:mm:ss 'GMT'", true),
    ("R", "ddd, dd MMM yyyy HH:mm:ss 'GMT'", true),
    ("s", "yyyy-MM-ddTHH:mm:ss", false),
    ("t", "HH:mm", false),
    ("T", "HH:mm:ss", false),
    ("u", "yyyy-MM-dd HH:mm:ssZ", true),
    ("U", "dddd, dd MMMM yyyy HH:mm:ss", true),
    ("y", "yyyy MMMM", false),
    ("Y", "yyyy MMMM", false),
    ("FileDate", "yyyyMMdd", false),
    ("FileDateTime", "yyyyMMddTHHmmssffff", false),
    ("FileDateUniversal", "yyyyMMddZ", true),
    ("FileDateTimeUniversal", "yyyyMMddTHHmmssffffZ", true),
];

/// The time in .NET's letters, or in the form that a letter or a name stands for.
///
/// # Errors
/// A letter of the form stands for nothing.
pub fn written(time: &ZonedDateTime, form: &str) -> Result<String, TimeFormError> {
    let is_it = |name: &str| if name.len() == 1 { name == form } else { name.eq_ignore_ascii_case(form) };
    if let Some((_, form, is_utc)) = STANDARD.iter().find(|(name, ..)| is_it(name)) {
        return if *is_utc {
            in_letters(&time.with_time_zone(TimeZone::UTC), form)
        } else {
            in_letters(time, form)
        };
    }
    let mut letters = form.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_alphabetic() => Err(TimeFormError::new(letter, 1)),
        _ => in_letters(time, form),
    }
}

/// The time in a form that has a letter for each part.
fn in_letters(time: &ZonedDateTime, form: &str) -> Result<String, TimeFormError> {
    let mut text = String::new();
    let mut rest = form;
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
            // Makes one letter a form of its own.
            ('%', _) => match rest.chars().nth(1).filter(char::is_ascii_alphabetic) {
                Some(only) => {
                    text.push_str(&part(time, only, 1).ok_or_else(|| TimeFormError::new(only, 1))?);
                    2
                }
                None => return Err(TimeFormError::new('%', 1)),
            },
            // The letters of ISO 8601 are text.
            ('T' | 'Z', _) => {
                text.push(letter);
                1
            }
            _ => {
                // All of them at once: each would be counted again for the next.
                let run = rest.chars().take_while(|next| *next == letter).count();
                let same = run * letter.len_utf8();
                match part(time, letter, run) {
                    Some(part) => {
                        // A point before a fraction that is nothing is left out.
                        if part.is_empty() && letter == 'F' && text.ends_with('.') {
                            text.pop();
                        }
                        text.push_str(&part);
                    }
                    None if letter.is_alphabetic() => return Err(TimeFormError::new(letter, run)),
                    None => text.push_str(&rest[..same]),
                }
                same
            }
        };
        rest = &rest[length..];
    }
    Ok(text)
}

/// No number is filled up with zeros to more places.
const WIDEST: usize = 100;

/// Returns the text that a run of one letter of a form stands for.
fn part(time: &ZonedDateTime, letter: char, run: usize) -> Option<String> {
    let width = run.min(WIDEST);
    let padded = |number: i64| format!("{number:0width$}");
    let named = |form: &str| time.strftime(form).to_string();
    let fraction = || format!("{:09}", time.subsec_nanosecond())[..run].to_owned();
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
        ('f', 1..=9) => fraction(),
        ('F', 1..=9) => fraction().trim_end_matches('0').to_owned(),
        ('g', _) => "A.D.".to_owned(),
        ('t', _) => named("%p").chars().take(run).collect(),
        ('K', _) if time.time_zone() == &TimeZone::UTC => "Z".to_owned(),
        ('z', 1 | 2) => {
            let seconds = time.offset().seconds();
            let sign = if seconds < 0 { '-' } else { '+' };
            format!("{sign}{:0run$}", seconds.abs() / 3_600)
        }
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
            ("'open' '", "open '"),
            ("\\", ""),
            ("'é'…", "é…"),
            ("yyyy-MM-ddTHH:mm:ssZ", "2026-11-05T09:07:03Z"),
            ("%s", "3"),
            ("%d/%M", "5/11"),
            ("ss.FF", "03.04"),
            ("ss.F", "03"),
            ("yyyy g", "2026 A.D."),
            ("z zz zzz", "+0 +00 +00:00"),
            ("d", "11/05/2026"),
            ("D", "Thursday, 05 November 2026"),
            ("f", "Thursday, 05 November 2026 09:07"),
            ("F", "Thursday, 05 November 2026 09:07:03"),
            ("g", "11/05/2026 09:07"),
            ("G", "11/05/2026 09:07:03"),
            ("m", "November 05"),
            ("M", "November 05"),
            ("O", "2026-11-05T09:07:03.0456789Z"),
            ("r", "Thu, 05 Nov 2026 09:07:03 GMT"),
            ("R", "Thu, 05 Nov 2026 09:07:03 GMT"),
            ("t", "09:07"),
            ("T", "09:07:03"),
            ("u", "2026-11-05 09:07:03Z"),
            ("U", "Thursday, 05 November 2026 09:07:03"),
            ("y", "2026 November"),
            ("Y", "2026 November"),
            ("FileDate", "20261105"),
            ("filedatetime", "20261105T0907030456"),
            ("FileDateUniversal", "20261105Z"),
            ("FileDateTimeUniversal", "20261105T0907030456Z"),
        ] {
            assert_eq!(written(&time, format).as_deref(), Ok(text), "{format}");
        }
    }

    #[test]
    fn forms_of_utc_are_of_utc_wherever_the_time_is() {
        let time: Timestamp = "2026-11-05T23:07:03Z".parse().unwrap();
        let time = time.to_zoned_datetime(TimeZone::fixed(jiff::tz::offset(2)));
        for (format, text) in [
            ("r", "Thu, 05 Nov 2026 23:07:03 GMT"),
            ("u", "2026-11-05 23:07:03Z"),
            ("FileDateUniversal", "20261105Z"),
            ("FileDate", "20261106"),
            ("s", "2026-11-06T01:07:03"),
            ("HHK z", "01+02:00 +2"),
        ] {
            assert_eq!(written(&time, format).as_deref(), Ok(text), "{format}");
        }
    }

    #[test]
    fn letters_that_stand_for_nothing_are_named() {
        let time = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        for (format, letters) in [
            ("x", "x"),
            ("Z", "Z"),
            ("é", "é"),
            ("ééxx", "éé"),
            ("'open", "o"),
            ("FileDat", "i"),
            ("FF at", "a"),
            ("%x", "x"),
            ("%%", "%"),
            ("HH%", "%"),
            ("ffffffffff", "ffffffffff"),
        ] {
            let error = written(&time, format).unwrap_err();
            assert_eq!(error.letters, letters, "{format}");
            assert!(error.to_string().contains("FileDateTime"));
        }
    }

    /// A form is its writer's to choose, however long.
    #[test]
    fn a_form_of_a_million_letters_is_done_at_once() {
        let time: Timestamp = "2026-11-05T09:07:03Z".parse().unwrap();
        let time = time.to_zoned_datetime(TimeZone::UTC);
        for letter in ["y", "M", "H", "f", "t", "K", "x", "é", "'", "\\"] {
            let form = letter.repeat(1_000_000);
            let written = written(&time, &form);
            let n_bytes = written.map_or_else(|error| error.to_string().len(), |text| text.len());
            assert!(n_bytes <= 2_000_000, "{letter}");
            assert!(super::span(Duration::from_secs(90), &form).len() <= 2_000_000, "{letter}");
        }
    }
}
