//! `ConvertTo-Html`: records as an HTML table.

use super::properties::Properties;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::html::{Extent, Frame, HtmlDocument};
use crate::value::Value;

/// `ConvertTo-Html`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "ConvertTo-Html",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Turns records into an HTML document with a table.",
        description: "Every value is escaped. -PreContent and -PostContent are HTML and are taken as they are. \
                      With -Fragment only the table is emitted.",
        parameters: &[
            Parameter::new("Property", Kind::Property, "The columns.")
                .many()
                .at(0)
                .default("Every property."),
            Parameter::new("Title", Kind::Text, "The title of the document.").default("HTML TABLE"),
            Parameter::new("PreContent", Kind::Text, "HTML in front of the table.").many(),
            Parameter::new("PostContent", Kind::Text, "HTML behind the table.").many(),
            Parameter::new("Fragment", Kind::Switch, "Emits the table without a document around it."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A table for a mail",
            code: "Write-Output a b a | Group-Object -NoElement | ConvertTo-Html -Fragment",
            output: "<table>\n<thead>\n<tr><th>Count</th><th>Name</th></tr>\n</thead>\n<tbody>\n\
                     <tr><td>2</td><td>a</td></tr>\n<tr><td>1</td><td>b</td></tr>\n</tbody>\n</table>",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let properties = Properties::given(&call.bound, "Property")?;
    let around =
        |parameter| call.bound.texts(parameter).iter().map(|html| format!("{html}\n")).collect::<String>();
    let mut document = HtmlDocument::new(Frame {
        title: call.bound.text("Title").unwrap_or_else(|| "HTML TABLE".to_owned()),
        before: around("PreContent"),
        behind: around("PostContent"),
        extent: if call.bound.switch("Fragment") { Extent::Fragment } else { Extent::Document },
    });
    while let Some(item) = call.input.next().await {
        let row = if properties.is_empty() {
            document.row(&item)
        } else {
            let record = properties.project(&call, &item, "Selected".to_owned())?;
            document.row(&Value::from(record))
        };
        emit_lines(&call, &row).await?;
    }
    emit_lines(&call, &document.end()).await
}

async fn emit_lines(call: &Call, html: &str) -> Outcome {
    match html.strip_suffix('\n').unwrap_or(html) {
        "" => Ok(()),
        lines => call.emit(lines).await,
    }
}
