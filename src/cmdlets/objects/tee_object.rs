//! `Tee-Object`: passes the pipe on and keeps a copy.

use super::text_file::TextFile;
use crate::access::BuiltIn;
use crate::call::files::Existing;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Tee-Object`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Tee-Object",
        original: None,
        aliases: &["tee"],
        family: Family::Objects,
        synopsis: "Keeps what comes through the pipe in a variable or a file, and passes it on.",
        description: "The variable is set when the pipeline has ended. A file gets what a screen would show, \
                      without wrapping.",
        parameters: &[
            Parameter::new("FilePath", Kind::File, "The file to write.").at(0).on_drive(),
            Parameter::new("Variable", Kind::Variable, "The variable to set; +name appends."),
            Parameter::new("Append", Kind::Switch, "Writes behind what the file holds."),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A copy in a variable, the values on the screen",
            code: "Write-Output 1 2 | Tee-Object -Variable numbers",
            output: "1\n2",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let existing = if call.bound.switch("Append") { Existing::Appended } else { Existing::Replaced };
    let mut file = match call.bound.text("FilePath") {
        Some(name) => Some(TextFile::create(&call, &name, existing)?),
        None => None,
    };
    // The variable is the door's doing: it sees whatever is emitted.
    while let Some(item) = call.input.next().await {
        if let Some(file) = &mut file {
            file.push(&item)?;
        }
        call.emit(item).await?;
    }
    match file {
        Some(file) => file.finish(),
        None => Ok(()),
    }
}
