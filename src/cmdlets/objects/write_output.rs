//! `Write-Output`: puts values into the pipe.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Arity, Description, Example, Family, Impact, Kind, Parameter};
use crate::value::Value;

/// `Write-Output`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Write-Output",
        original: None,
        aliases: &["echo", "write"],
        family: Family::Objects,
        synopsis: "Emits the values that it is given.",
        description: "A list is emitted element by element, unless -NoEnumerate is given.",
        parameters: &[
            Parameter { arity: Arity::Rest, position: Some(0), ..INPUT_OBJECT },
            Parameter::new("NoEnumerate", Kind::Switch, "Emits a list as one value."),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Three values, one after the other",
            code: "Write-Output 1 2 three",
            output: "1\n2\nthree",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    if let Some(given) = call.bound.value("InputObject").cloned() {
        return if call.bound.switch("NoEnumerate") {
            call.emit(given).await
        } else {
            // Arguments that are lists themselves give their elements: `Write-Output 1,2 3`.
            let each = given.into_elements().into_iter().flat_map(Value::into_elements);
            call.emit_each(each.collect::<Vec<_>>().into()).await
        };
    }
    while let Some(item) = call.input.next().await {
        call.emit(item).await?;
    }
    Ok(())
}
