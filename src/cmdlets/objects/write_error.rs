//! `Write-Error`: an error record of the script's own.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Write-Error`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Write-Error",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Reports an error.",
        description: "The script goes on, unless -ErrorAction Stop is given; the run's exit status tells that \
                      something could not run.",
        parameters: &[
            Parameter::new("Message", Kind::Text, "What went wrong.")
                .aliases(&["Msg"])
                .many()
                .at(0)
                .required()
                .from_pipeline(),
            Parameter::new("TargetObject", Kind::Text, "What it is about."),
            Parameter::new("RecommendedAction", Kind::Text, "What to do about it."),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "An error that is kept and not shown",
            code: "Write-Error \"No pool answers.\" -ErrorAction SilentlyContinue",
            output: "",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    for message in call.bound.texts("Message") {
        report(&call, message)?;
    }
    while let Some(item) = call.input.next().await {
        report(&call, item.to_string())?;
    }
    Ok(())
}

fn report(call: &Call, message: String) -> Outcome {
    let mut error = ErrorRecord::new(Category::NotSpecified, "WriteErrorException", message);
    error.remedy = call.bound.text("RecommendedAction").unwrap_or_default();
    error.target = call.bound.text("TargetObject");
    call.error(error)
}
