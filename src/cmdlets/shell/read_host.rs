//! `Read-Host`: asks whoever sits at the terminal.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Read-Host`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Read-Host",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Asks a question and gives the answer as text.",
        description: "Where no terminal is there to ask at, it is an error and not a wait: let scripts that run by \
                      themselves take arguments. Passwords are asked for by Get-Credential.",
        parameters: &[Parameter::new("Prompt", Kind::Text, "The question, without its colon.")
            .at(0)
            .default("No question.")],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Nobody is there to answer",
            code: "try { Read-Host \"Which pool\" } catch (error) { print(error.Id) }",
            output: "NonInteractive",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let prompt = call.bound.text("Prompt").map_or_else(String::new, |prompt| format!("{prompt}: "));
    let operator = call.streams.operator.clone();
    // The question waits for a person; the runtime's other work goes on meanwhile.
    let answer =
        tokio::task::block_in_place(|| operator.ask(&prompt, &call.cancel)).map_err(|unanswered| {
            unanswered.halt(|| {
                ErrorRecord::new(
                    Category::ResourceUnavailable,
                    "NonInteractive",
                    "Read-Host has to ask, and there is no terminal to ask at.",
                )
                .remedy("Pass the answer as an argument of the script.")
            })
        })?;
    call.emit(answer).await
}
