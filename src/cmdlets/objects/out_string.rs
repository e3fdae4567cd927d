//! `Out-String`: what a screen would show, as text.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::{Colour, Format, render};
use crate::value::Value;

/// `Out-String`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Out-String",
        original: None,
        aliases: &["oss"],
        family: Family::Objects,
        synopsis: "Turns what comes through the pipe into one text, as a screen would show it.",
        description: "With -Stream every line is a text of its own.",
        parameters: &[
            Parameter::new("Stream", Kind::Switch, "Emits line by line."),
            Parameter::new("Width", Kind::Integer(2, 100_000), "Wraps at so many columns.")
                .default("No wrapping."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "The lines of a table",
            code: "Write-Output a a b | Group-Object -NoElement | Out-String -Stream | Select-Object -First 1",
            output: "Count Name",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut items = Vec::new();
    while let Some(item) = call.input.next().await {
        items.push(item);
    }
    let width = call.bound.integer("Width").and_then(|width| usize::try_from(width).ok());
    let text = render(&items, Format::VIEW, width, Colour::Never);
    if !call.bound.switch("Stream") {
        return call.emit(text).await;
    }
    for line in text.lines() {
        call.emit(Value::text(line)).await?;
    }
    Ok(())
}
