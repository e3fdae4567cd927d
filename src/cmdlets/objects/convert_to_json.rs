//! `ConvertTo-Json`: records as JSON text.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::json::{DEPTH, Style, depth_of, to_json};
use crate::value::Value;

/// `ConvertTo-Json`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "ConvertTo-Json",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Turns what comes through the pipe into JSON text.",
        description: "One value gives its own JSON, several give an array, as does a list behind -InputObject; -AsArray \
                      gives an array in any case. \
                      Nested records are followed to the end, or to -Depth levels with a warning. A duration is \
                      its text, with its seconds as a number in a property beside it; a password is a mask.",
        parameters: &[
            Parameter::new("Depth", Kind::Integer(0, 100), "How many levels of nesting are followed.")
                .default("64"),
            Parameter::new("Compress", Kind::Switch, "Leaves blanks and line ends out."),
            Parameter::new("AsArray", Kind::Switch, "Gives an array even for one value."),
            Parameter { position: Some(0), ..INPUT_OBJECT },
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A record on one line",
            code: "Write-Output 1 2 | Measure-Object | Select-Object Count, Sum | ConvertTo-Json -Compress",
            output: "{\"Count\":2,\"Sum\":null}",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    let is_list = matches!(call.bound.value("InputObject"), Some(Value::List(_)));
    call.take_input_object();
    let mut items = Vec::new();
    while let Some(item) = call.input.next().await {
        items.push(item);
    }
    let given = call.bound.integer("Depth").and_then(|depth| usize::try_from(depth).ok());
    let depth = given.unwrap_or(DEPTH);
    if items.iter().any(|item| depth_of(item) > depth) {
        call.warn(format!("The JSON is cut off below level {depth} of nesting; give a greater -Depth."))?;
    }
    let style = if call.bound.switch("Compress") { Style::Compact } else { Style::Pretty };
    let is_array = is_list || call.bound.switch("AsArray");
    let is_one = items.len() == 1 && !is_array;
    match items.pop() {
        None if !is_array => Ok(()),
        Some(only) if is_one => call.emit(to_json(&only, style, depth)).await,
        last => {
            items.extend(last);
            // The array around them is not a level of theirs.
            call.emit(to_json(&Value::List(items), style, depth + 1)).await
        }
    }
}
