//! `Format-List`: records one below the other, a line for each property.

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::formatted::{Cells, Formatted, Header};
use crate::render::view::Layout;
use crate::value::Value;

/// `Format-List`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Format-List",
        original: None,
        aliases: &["fl"],
        family: Family::Objects,
        synopsis: "Shows records as lists of their properties.",
        description: "Without -Property the lines of the type's view, or all properties; * is every property. It \
                      comes last in a pipe: what it emits is for showing.",
        parameters: &[
            Parameter::new("Property", Kind::Property, "The lines: names, patterns, calculated properties.")
                .many()
                .at(0)
                .default("The view's lines."),
            Parameter::new(
                "GroupBy",
                Kind::Property,
                "Begins a new group where this property changes; sort by it first.",
            ),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Two properties",
            code: "Write-Output a b a | Group-Object | Select-Object -First 1 | Format-List Name, Count",
            output: "Name  : a\nCount : 2",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let mut properties = Properties::given(&call.bound, "Property")?;
    let group_by = Properties::given(&call.bound, "GroupBy")?;
    while let Some(item) = call.input.next().await {
        if let Some(unknown) = properties.unknown(&item) {
            call.warn(format!("{unknown}."))?;
        }
        let group = group_by.heading(&call, &item)?;
        let formatted = Formatted { layout: Layout::List, cells: Cells::Whole, header: Header::Shown, group };
        let shown = properties.shown(&call, item)?;
        if let Value::Record(record) = shown {
            call.emit(formatted.wrap(record)).await?;
        } else {
            call.emit(shown).await?;
        }
    }
    Ok(())
}
