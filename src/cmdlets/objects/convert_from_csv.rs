//! `ConvertFrom-Csv`: the rows of a CSV text as records.

use super::csv_table::{CsvSource, HEADER, emit_rows};
use super::text_file::{DELIMITER, given_delimiter};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Parameter};

/// `ConvertFrom-Csv`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "ConvertFrom-Csv",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Turns CSV text into records.",
        description: "Several texts, such as the lines of a file, are read as one. Every property is text. All else is as \
                      with Import-Csv.",
        parameters: &[Parameter { position: Some(0), ..INPUT_OBJECT }, DELIMITER.at(1), HEADER],
        emits: "Row",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A column of a CSV text",
            code: "Write-Output 'Pool;Receiver' 'atl-cs-001;adelany@contoso.com' | ConvertFrom-Csv -Delimiter ';' \
                   | Select-Object -ExpandProperty Receiver",
            output: "adelany@contoso.com",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let delimiter = given_delimiter(&call)?;
    let mut csv = String::new();
    while let Some(item) = call.input.next().await {
        csv.push_str(&item.to_string());
        csv.push('\n');
    }
    emit_rows(&call, csv.as_bytes(), delimiter, CsvSource::Pipe).await
}
