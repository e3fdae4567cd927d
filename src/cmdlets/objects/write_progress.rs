//! `Write-Progress`: how far a script's long piece of work is.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome, Progress};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Write-Progress`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Write-Progress",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Shows how far a long piece of work is.",
        description: "A bar on a terminal, nothing elsewhere.",
        parameters: &[
            Parameter::new("Activity", Kind::Text, "What is being done.").at(0).required(),
            Parameter::new("Status", Kind::Text, "What is being done right now.").at(1),
            Parameter::new("PercentComplete", Kind::Integer(-1, 100), "How much of it is done."),
            Parameter::new("Completed", Kind::Switch, "It is done; the bar goes away."),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Half way",
            code: "Write-Progress \"Sweeping the partners\" -PercentComplete 50",
            output: "",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let activity = match (call.bound.text("Activity"), call.bound.text("Status")) {
        (Some(activity), Some(status)) => format!("{activity}: {status}"),
        (activity, status) => activity.or(status).unwrap_or_default(),
    };
    let percent = call.bound.integer("PercentComplete").and_then(|percent| usize::try_from(percent).ok());
    let done = if call.bound.switch("Completed") { 100 } else { percent.unwrap_or(0) };
    call.streams.progress(&Progress { activity: &activity, done, total: 100, failed: 0 });
    Ok(())
}
