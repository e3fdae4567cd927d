//! `Import-Csv`: the rows of a CSV file as records.

use std::fs::File;
use std::io::{self, BufReader};

use super::text_file::delimiter;
use crate::call::{Call, Cmdlet, Outcome, files};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::render::csv::unguarded;
use crate::value::{Record, Value};

/// `Import-Csv`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Import-Csv",
        original: None,
        aliases: &["ipcsv"],
        family: Family::Objects,
        synopsis: "Reads records from a CSV file, such as a list of receivers.",
        description: "Every property is text. The first line holds the names, unless -Header gives them. Rows are \
                      emitted while the file is read. The apostrophe that Export-Csv puts before what a \
                      spreadsheet would run as a formula is taken off again.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to read.")
                .aliases(&["FilePath", "LiteralPath"])
                .at(0)
                .required(),
            Parameter::new("Delimiter", Kind::Text, "The character between two fields.").at(1).default(","),
            Parameter::new("Header", Kind::Text, "The names of the columns, where the file has none.").many(),
            Parameter::new("Encoding", Kind::Choice(&["utf8", "utf8NoBOM"]), "Accepted; always UTF-8."),
        ],
        emits: "Row",
        roles: &[],
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
    let delimiter = delimiter(&call)?;
    let file = match File::open(files::path(&call, &name)) {
        Ok(file) => file,
        Err(error) => {
            return call.error(files::failure(
                Category::ReadError,
                "FileOpenFailure",
                "opened",
                &name,
                &error,
            ));
        }
    };
    let mut names = call.bound.texts("Header");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(BufReader::new(Bounded { file, left: LONGEST_ROW }));
    loop {
        let mut row = csv::StringRecord::new();
        reader.get_mut().get_mut().left = LONGEST_ROW;
        match tokio::task::block_in_place(|| reader.read_record(&mut row)) {
            Ok(true) if names.is_empty() => {
                let own =
                    row.iter().map(|name| unguarded(name.trim_start_matches('\u{feff}').trim()).to_owned());
                names = own.collect();
                if let Some(twice) = twice(&names) {
                    return Err(malformed(&name, format!("the column '{twice}' stands twice")).into());
                }
            }
            Ok(true) => {
                let mut record = Record::new("Row");
                for (place, name) in names.iter().enumerate() {
                    record.set(name.clone(), Value::optional(row.get(place).map(unguarded)));
                }
                call.emit(record).await?;
            }
            Ok(false) => return Ok(()),
            Err(error) => return Err(malformed(&name, error.to_string()).into()),
        }
    }
}

/// A row that is longer, in bytes, is a mistake or an attack: a quote that is never closed.
const LONGEST_ROW: usize = 16 << 20;

/// A file of which so many bytes may be read until more are granted.
struct Bounded {
    file: File,
    left: usize,
}

impl io::Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("a row has no end"));
        }
        let most = buffer.len().min(self.left);
        let n_read = self.file.read(&mut buffer[..most])?;
        self.left -= n_read;
        Ok(n_read)
    }
}

fn twice(names: &[String]) -> Option<&String> {
    let same = |left: &String, right: &String| left.eq_ignore_ascii_case(right);
    names
        .iter()
        .enumerate()
        .find(|(place, name)| names[..*place].iter().any(|own| same(own, name)))
        .map(|(_, name)| name)
}

fn malformed(name: &str, problem: String) -> ErrorRecord {
    ErrorRecord::new(Category::InvalidData, "InvalidCsv", format!("The file '{name}' is not CSV: {problem}."))
        .remedy("Mend the file, or give the -Delimiter and -Header that it needs.")
        .target(name)
}
