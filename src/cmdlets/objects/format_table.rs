//! `Format-Table`: records side by side.

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::formatted::{Cells, Formatted, Header};
use crate::render::view::Layout;
use crate::value::Value;

/// `Format-Table`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Format-Table",
        original: None,
        aliases: &["ft"],
        family: Family::Objects,
        synopsis: "Shows records as a table.",
        description: "Without -Property the columns of the type's view, or all properties. It comes last in a \
                      pipe: what it emits is for showing.",
        parameters: &[
            Parameter::new(
                "Property",
                Kind::Property,
                "The columns: names, patterns, calculated properties.",
            )
            .many()
            .at(0)
            .default("The view's columns."),
            Parameter::new("Wrap", Kind::Switch, "Shows long cells whole, over as many lines as they need."),
            Parameter::new("HideTableHeaders", Kind::Switch, "Leaves the header out."),
            Parameter::new(
                "GroupBy",
                Kind::Property,
                "Begins a new table where this property changes; sort by it first.",
            ),
            Parameter::new(
                "AutoSize",
                Kind::Switch,
                "Accepted; columns always have the size of their content.",
            ),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "One column",
            code: "Write-Output a b a | Group-Object | Format-Table Name",
            output: "Name\n----\na\nb",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let cells = if call.bound.switch("Wrap") { Cells::Whole } else { Cells::Short };
    let header = if call.bound.switch("HideTableHeaders") { Header::Hidden } else { Header::Shown };
    let mut properties = Properties::given(&call.bound, "Property")?;
    let group_by = Properties::given(&call.bound, "GroupBy")?;
    while let Some(item) = call.input.next().await {
        if let Some(unknown) = properties.unknown(&item) {
            call.warn(format!("{unknown}."))?;
        }
        let group = group_by.heading(&call, &item)?;
        let formatted = Formatted { layout: Layout::Table, cells, header, group };
        let shown = properties.shown(&call, item)?;
        if let Value::Record(record) = shown {
            call.emit(formatted.wrap(record)).await?;
        } else {
            call.emit(shown).await?;
        }
    }
    Ok(())
}
