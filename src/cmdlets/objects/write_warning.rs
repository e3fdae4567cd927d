//! `Write-Warning`: a warning of the script's own.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Write-Warning`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Write-Warning",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Warns.",
        description: "The warning goes where warnings go: to the screen, into -WarningVariable, or nowhere, as \
                      -WarningAction says.",
        parameters: &[Parameter::new("Message", Kind::Text, "What to warn of.")
            .aliases(&["Msg"])
            .many()
            .at(0)
            .required()
            .from_pipeline()],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A warning",
            code: "Write-Warning \"3 receivers are out of reach.\"",
            output: "WARNING: 3 receivers are out of reach.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    for message in call.bound.texts("Message") {
        call.warn(message)?;
    }
    while let Some(item) = call.input.next().await {
        call.warn(item.to_string())?;
    }
    Ok(())
}
