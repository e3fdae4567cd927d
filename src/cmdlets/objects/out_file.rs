//! `Out-File`: what a screen would show, in a file.

use super::text_file::TextFile;
use crate::access::BuiltIn;
use crate::call::files::Existing;
use crate::call::{Call, Cmdlet, INPUT_OBJECT, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};

/// `Out-File`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Out-File",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Writes what comes through the pipe into a file.",
        description: "Records are written in their views, without colour and without wrapping unless -Width is \
                      given; text is written as it is. The file is UTF-8.",
        parameters: &[
            Parameter::new("FilePath", Kind::File, "The file to write.").at(0).on_drive().required(),
            Parameter::new("Append", Kind::Switch, "Writes behind what the file holds."),
            Parameter::new("NoClobber", Kind::Switch, "Fails if the file exists."),
            Parameter::new("NoNewline", Kind::Switch, "Puts no line end behind a text."),
            Parameter::new("Width", Kind::Integer(2, 100_000), "Wraps at so many columns."),
            Parameter::new(
                "Encoding",
                Kind::Choice(&["utf8", "utf8NoBOM"]),
                "Accepted; always UTF-8 without a mark.",
            ),
            INPUT_OBJECT,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::Medium,
        examples: &[Example {
            title: "What would be written where",
            code: "Write-Output done | Out-File result.txt -WhatIf",
            output: "What if: Performing the operation \"Output to File\" on target \"result.txt\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(mut call: Call) -> Outcome {
    call.take_input_object();
    let Some(name) = call.bound.text("FilePath") else { return Ok(()) };
    if !call.should_process("Output to File", &name)? {
        return Ok(());
    }
    let existing = match (call.bound.switch("Append"), call.bound.switch("NoClobber")) {
        (true, _) => Existing::Appended,
        (false, true) => Existing::Kept,
        (false, false) => Existing::Replaced,
    };
    let mut file = TextFile::create(&call, &name, existing)?;
    while let Some(item) = call.input.next().await {
        file.push(&item)?;
    }
    file.finish()
}
