//! `Get-History`: the lines of this session.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::value::Record;

/// `Get-History`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-History",
        original: None,
        aliases: &["history"],
        family: Family::Shell,
        synopsis: "Gives the lines that were run in this session of the shell.",
        description: "The oldest comes first. Outside the shell there is no history.",
        parameters: &[Parameter::new("Count", Kind::Integer(1, 100_000), "The last so many lines.")
            .at(0)
            .default("All of them.")],
        emits: "HistoryInfo",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "How many lines there were; none outside the shell",
            code: "(Get-History).len()",
            output: "0",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let lines = call.context.history.lines();
    let most =
        call.bound.integer("Count").and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    for (place, line) in lines.iter().enumerate().skip(lines.len().saturating_sub(most)) {
        let id = i64::try_from(place + 1).unwrap_or(i64::MAX);
        call.emit(Record::new("HistoryInfo").with("Id", id).with("CommandLine", line.as_str())).await?;
    }
    Ok(())
}
