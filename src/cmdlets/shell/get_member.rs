//! `Get-Member`: which properties the records of the pipe have.

use std::collections::HashSet;

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::value::pattern::{Case, Pattern};
use crate::value::{Record, Value};

/// `Get-Member`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Member",
        original: None,
        aliases: &["gm"],
        family: Family::Shell,
        synopsis: "Shows the properties of records.",
        description: "One line for each property of each type that comes through the pipe: its name, and the kind \
                      of value that the first record of the type has in it.",
        parameters: &[
            Parameter::new("Name", Kind::Text, "Names or patterns of the properties to show.").many().at(0),
            Parameter::new(
                "MemberType",
                Kind::Choice(&["Property", "NoteProperty", "Properties", "All"]),
                "Accepted: properties are what is shown in any case.",
            ),
            INPUT_OBJECT,
        ],
        emits: "MemberDefinition",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "What a record holds",
            code: "Write-Output 1 2 | Measure-Object | Get-Member -Name Count, Sum",
            output: "TypeName    Name  MemberType Definition\n--------    ----  ---------- ----------\n\
                     MeasureInfo Count Property   integer\nMeasureInfo Sum   Property   null",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let names = call.bound.texts("Name");
    let patterns: Vec<_> = names.iter().map(|name| Pattern::new(name, Case::Ignored)).collect();
    let is_wanted = |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name));
    let mut seen = HashSet::new();
    while let Some(item) = call.input.next().await {
        if !seen.insert(item.kind().to_owned()) {
            continue;
        }
        for (name, kind) in members(&item) {
            if is_wanted(&name) {
                let member = Record::new("MemberDefinition")
                    .with("TypeName", item.kind())
                    .with("Name", name)
                    .with("MemberType", "Property")
                    .with("Definition", kind);
                call.emit(member).await?;
            }
        }
    }
    Ok(())
}

/// Names and kinds of what can be asked of a value.
fn members(item: &Value) -> Vec<(String, String)> {
    match item {
        Value::Record(record) => {
            record.iter().map(|(name, value)| (name.to_owned(), value.kind().to_owned())).collect()
        }
        Value::Credential(_) => {
            vec![("UserName".into(), "text".into()), ("Password".into(), "secret".into())]
        }
        Value::Text(_) | Value::Duration(_) | Value::Timestamp(_) => {
            let kind = |name| item.part(name).map_or_else(String::new, |part| part.kind().to_owned());
            item.parts().iter().map(|name| ((*name).to_owned(), kind(name))).collect()
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Block(_) => Vec::new(),
    }
}
