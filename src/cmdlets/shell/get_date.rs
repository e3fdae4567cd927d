//! `Get-Date`: the time, as a value or as text.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::Value;

/// `Get-Date`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Date",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Gives the time, as a value or as text in a form of your choice.",
        description: "A time is shown in UTC; two can be compared, and one taken from another. -Format takes \
                      PowerShell's letters: yyyy MM dd HH mm ss fff K, in local time unless -AsUTC is given, or one \
                      of the letters o, s and u for the usual forms. Names of files want \
                      Get-Date -Format yyyy-MM-dd.",
        parameters: &[
            Parameter::new(
                "Date",
                Kind::Any,
                "A time instead of now: a value, or text such as 2026-11-25T10:00:00Z.",
            )
            .at(0)
            .default("Now."),
            Parameter::new("Format", Kind::Text, "How the text looks, such as yyyy-MM-dd."),
            Parameter::new("AsUTC", Kind::Switch, "Writes the text in UTC, not in local time."),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A time in a form of your choice",
            code: "Get-Date 2026-11-25T10:00:00Z -AsUTC -Format \"dd.MM.yyyy HH:mm\"",
            output: "25.11.2026 10:00",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let time = match call.bound.value("Date") {
        None => Timestamp::now(),
        Some(Value::Timestamp(time)) => *time,
        Some(other) => other.to_string().trim().parse().map_err(|_| {
            ErrorRecord::new(Category::InvalidArgument, "InvalidDate", format!("'{other}' is no time."))
                .remedy("Write it as 2026-11-25T10:00:00Z, or with an offset as 2026-11-25T11:00:00+01:00.")
        })?,
    };
    match call.bound.text("Format") {
        None => call.emit(time).await,
        Some(format) => {
            let zone = if call.bound.switch("AsUTC") { TimeZone::UTC } else { TimeZone::system() };
            call.emit(written(&time.to_zoned_datetime(zone), &format)).await
        }
    }
}

/// The time in .NET's letters.
fn written(time: &ZonedDateTime, format: &str) -> String {
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
        let run = rest.chars().take_while(|next| *next == letter).count();
        let length = match (letter, rest.get(1..).and_then(|behind| behind.find(letter))) {
            // Text in quotes stands for itself, and so does what a backslash stands before.
            ('\'' | '"', Some(end)) => {
                text.push_str(&rest[1..=end]);
                end + 2
            }
            ('\\', _) => {
                text.extend(rest.chars().nth(1));
                1 + rest.chars().nth(1).map_or(0, char::len_utf8)
            }
            _ => match part(time, letter, run) {
                Some(part) => {
                    text.push_str(&part);
                    run
                }
                None => {
                    text.push(letter);
                    letter.len_utf8()
                }
            },
        };
        rest = &rest[length..];
    }
    text
}

/// The format of a run of one letter.
fn part(time: &ZonedDateTime, letter: char, run: usize) -> Option<String> {
    let padded = |number: i64| format!("{number:0run$}");
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
        ] {
            assert_eq!(written(&time, format), text, "{format}");
        }
    }
}
