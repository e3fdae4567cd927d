//! `Get-Date`: the time, as a value or as text.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::Value;
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
        Some(other) => read(&other.to_string()).ok_or_else(|| {
            ErrorRecord::new(Category::InvalidArgument, "InvalidDate", format!("'{other}' is no time."))
                .remedy("Write: 2026-11-25T10:00:00Z, or 2026-11-25T11:00:00+01:00.")
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
