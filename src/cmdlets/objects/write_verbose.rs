//! `Write-Verbose`: text for those who asked to hear more.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Write-Verbose`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Write-Verbose",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Says what is being done, where that is wanted.",
        description: "Shown under -Verbose, or where the whole run is verbose.",
        parameters: &[Parameter::new("Message", Kind::Text, "What to say.")
            .aliases(&["Msg"])
            .many()
            .at(0)
            .required()
            .from_pipeline()],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[
            Example {
                title: "Heard",
                code: "Write-Verbose \"Trying the second pool.\" -Verbose",
                output: "VERBOSE: Trying the second pool.",
            },
            Example { title: "Not heard", code: "Write-Verbose \"Trying the second pool.\"", output: "" },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    for message in call.bound.texts("Message") {
        call.verbose(message);
    }
    while let Some(item) = call.input.next().await {
        call.verbose(item.to_string());
    }
    Ok(())
}
