//! `Out-Null`: the end of what nobody wants to see.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Out-Null`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Out-Null",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Takes what comes through the pipe and drops it.",
        description: "The commands in front of it run to their end. A failed test counts for the exit status, \
                      whether it is shown or not.",
        parameters: &[Parameter::new("InputObject", Kind::Any, INPUT_OBJECT.help).from_pipeline()],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example { title: "Nothing is shown", code: "Write-Output 1 2 | Out-Null", output: "" }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    while call.input.next().await.is_some() {}
    Ok(())
}
