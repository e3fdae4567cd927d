//! `Start-Sleep`: waits.

use std::time::Duration;

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::Value;

/// `Start-Sleep`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Start-Sleep",
        original: None,
        aliases: &["sleep"],
        family: Family::Shell,
        synopsis: "Waits.",
        description: "Ctrl-C ends the waiting, and what runs it.",
        parameters: &[
            Parameter::new("Seconds", Kind::Duration, "How long: seconds, or text such as 90s or 1m30s.")
                .aliases(&["Duration"])
                .at(0),
            Parameter::new(
                "Milliseconds",
                Kind::Integer(0, i64::MAX),
                "How long, in thousandths of a second.",
            )
            .aliases(&["ms"]),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A tenth of a second between two lines",
            code: "Write-Output first; Start-Sleep -Milliseconds 100; Write-Output second",
            output: "first\nsecond",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let seconds =
        if let Some(Value::Duration(time)) = call.bound.value("Seconds") { Some(*time) } else { None };
    let thousandths = call.bound.integer("Milliseconds").and_then(|number| u64::try_from(number).ok());
    let time = match (seconds, thousandths.map(Duration::from_millis)) {
        (Some(time), None) | (None, Some(time)) => time,
        (None, None) | (Some(_), Some(_)) => {
            return Err(ErrorRecord::new(
                Category::InvalidArgument,
                "AmbiguousParameterSet",
                "Start-Sleep needs either seconds or -Milliseconds.",
            )
            .remedy("Write: Start-Sleep 5, or Start-Sleep -Milliseconds 500.")
            .into());
        }
    };
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = call.cancel.cancelled() => Err(Halt::Cancelled),
    }
}
