//! `ConvertTo-Csv`: records as lines of CSV.

use super::text_file::{DELIMITER, delimiter};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::render::csv::{CsvHeader, Rows};

/// `ConvertTo-Csv`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "ConvertTo-Csv",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Turns records into lines of CSV, the names of the properties first.",
        description: "The first record decides on the columns; what a later one lacks is empty, and what it has \
                      beyond them is left out, with a warning. A text that a spreadsheet would run as a formula gets an apostrophe in front.",
        parameters: &[
            DELIMITER.at(0),
            Parameter::new("NoHeader", Kind::Switch, "Leaves the names out."),
            Parameter::new("NoTypeInformation", Kind::Switch, "Accepted; there never is any.")
                .aliases(&["NTI"]),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Groups as CSV",
            code: "Write-Output a b a | Group-Object -NoElement | ConvertTo-Csv",
            output: "\"Count\",\"Name\"\n\"2\",\"a\"\n\"1\",\"b\"",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let delimiter = delimiter(&call)?;
    let header = if call.bound.switch("NoHeader") { CsvHeader::LeftOut } else { CsvHeader::Written };
    let mut rows = Rows::new(delimiter, header);
    while let Some(item) = call.input.next().await {
        // A quoted field may hold line ends, so only the header is a line of its own for sure.
        if let Some(names) = rows.header(&item) {
            call.emit(names.trim_end_matches('\n')).await?;
        }
        call.emit(rows.row(&item).trim_end_matches('\n')).await?;
    }
    rows.lost().map_or(Ok(()), |lost| call.warn(lost))
}
