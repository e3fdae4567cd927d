//! `Write-Host`: text for the person at the screen, outside the pipe.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Arity, Description, Example, Family, Impact, Kind, Parameter};
use crate::render::visible::visible;
use crate::value::Value;

/// `Write-Host`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Write-Host",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Shows text without putting it into the pipe.",
        description: "Several values stand side by side with the separator between them.",
        parameters: &[
            Parameter {
                arity: Arity::Rest,
                ..Parameter::new("Object", Kind::Any, "What to show.").at(0).from_pipeline()
            },
            Parameter::new("Separator", Kind::Text, "What stands between two values.").default("A blank."),
            Parameter::new("NoNewline", Kind::Switch, "Stays on the line."),
            Parameter::new(
                "ForegroundColor",
                Kind::Text,
                "Accepted for scripts that give it; the colour stays.",
            ),
            Parameter::new(
                "BackgroundColor",
                Kind::Text,
                "Accepted for scripts that give it; the colour stays.",
            ),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example { title: "A line of text", code: "Write-Host \"Ready.\"", output: "Ready." }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    let separator = call.bound.text("Separator").unwrap_or_else(|| " ".to_owned());
    let show = |values: &[Value]| {
        let words: Vec<String> = values.iter().map(|value| words(value, &separator)).collect();
        let text = words.join(&separator);
        if call.bound.switch("NoNewline") {
            call.streams.operator.host_part(&visible(&text));
        } else {
            call.streams.operator.host(&visible(&text));
        }
    };
    if call.bound.is_given("Object") || !call.input.is_piped() {
        show(&call.bound.values("Object"));
    }
    while let Some(item) = call.input.next().await {
        show(&[item]);
    }
    Ok(())
}

fn words(value: &Value, separator: &str) -> String {
    match value {
        Value::List(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(separator),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Record(_)
        | Value::Block(_) => value.to_string(),
    }
}
