//! `Get-Date`: the time, as a value or as text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::Value;
use crate::value::text::shortened;
use crate::value::time::{read, written};

/// `Get-Date`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Date",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Gives the time, as a value or as text in a form of your choice.",
        description: "A time is shown in UTC; two can be compared, and one taken from another. -Format takes \
                      PowerShell's letters: yyyy MM dd HH mm ss fff K, in local time unless -AsUTC is given; text of \
                      its own stands in quotes. One letter alone is a form: d D f F g G m o r s t T u U y, as of the \
                      invariant culture, and so are the names FileDate, FileDateTime, FileDateUniversal and \
                      FileDateTimeUniversal for names of files. -UFormat takes the sequences of date(1): %Y-%m-%d, \
                      and %s for the seconds since 1970.",
        parameters: &[
            Parameter::new(
                "Date",
                Kind::Any,
                "A time instead of now: a value, or text such as 2026-11-25T10:00:00Z.",
            )
            .at(0)
            .default("Now."),
            Parameter::new("Format", Kind::Text, "How the text looks, such as yyyy-MM-dd."),
            Parameter::new("UFormat", Kind::Text, "How the text looks, as date(1) has it: %Y-%m-%d."),
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
        Some(other) => read(&other.to_string()).ok_or_else(|| {
            ErrorRecord::new(Category::InvalidArgument, "InvalidDate", format!("'{other}' is no time."))
                .remedy("Write: 2026-11-25T10:00:00Z, or 2026-11-25T11:00:00+01:00.")
        })?,
    };
    let zone = if call.bound.switch("AsUTC") { TimeZone::UTC } else { TimeZone::system() };
    let zoned = time.to_zoned_datetime(zone);
    match (call.bound.text("Format"), call.bound.text("UFormat")) {
        (None, None) => call.emit(time).await,
        (Some(form), None) => {
            let text = written(&zoned, &form).map_err(|error| no_form(&error.to_string()))?;
            call.emit(text).await
        }
        (None, Some(form)) => {
            let form = form.strip_prefix('+').unwrap_or(&form);
            let text = jiff::fmt::strtime::format(form, &zoned)
                .map_err(|error| no_form(&format!("'{}' is no form of date(1): {error}", shortened(form))))?;
            call.emit(text).await
        }
        (Some(_), Some(_)) => Err(no_form("-Format and -UFormat are two ways to say the same")
            .remedy("Give one of them.")
            .into()),
    }
}

fn no_form(clause: &str) -> ErrorRecord {
    let (first, rest) = clause.split_at(clause.chars().next().map_or(0, char::len_utf8));
    let message = format!("{}{rest}.", first.to_uppercase());
    ErrorRecord::new(Category::InvalidArgument, "InvalidFormat", message)
}
