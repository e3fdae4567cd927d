//! `Import-Csv`: the rows of a CSV file as records.

use std::io::BufReader;

use super::csv_table::{CsvSource, HEADER, emit_rows};
use super::encoding::{self, ENCODING, Malformed};
use super::text_file::{DELIMITER, given_delimiter};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Import-Csv`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Import-Csv",
        original: None,
        aliases: &["ipcsv"],
        family: Family::Objects,
        synopsis: "Reads records from a CSV file, such as a list of receivers.",
        description: "Every property is text. The first line holds the names, unless -Header gives them. Rows are \
                      emitted while the file is read. Blanks around a field without quotes are left out; a row with more \
                      fields than columns is an error of its own. A line #TYPE at the top is passed over, and a line \
                      sep=; there says what stands between two fields. The file is UTF-8, or UTF-16 with a byte order \
                      mark, or what -Encoding says. The apostrophe that Export-Csv puts before what a spreadsheet would \
                      run as a formula is taken off again.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to read.")
                .aliases(&["FilePath", "LiteralPath"])
                .at(0)
                .on_drive()
                .required(),
            DELIMITER.at(1),
            HEADER,
            ENCODING,
        ],
        emits: "Row",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A file that is not there",
            code: "Import-Csv no-such-file.csv -ErrorAction SilentlyContinue",
            output: "",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let Some(name) = call.bound.text("Path") else { return Ok(()) };
    let delimiter = given_delimiter(&call)?;
    match encoding::open(&call, &name, Malformed::Refused) {
        Ok(text) => emit_rows(&call, BufReader::new(text), delimiter, CsvSource::File(&name)).await,
        Err(error) => call.error(error),
    }
}
