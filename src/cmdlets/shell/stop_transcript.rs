//! `Stop-Transcript`: ends what `Start-Transcript` began.

use crate::call::{Call, Cmdlet, Outcome, files};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact};

/// `Stop-Transcript`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Stop-Transcript",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Ends the transcript that was started last.",
        description: "It is an error where none was started. A session that ends stops its transcripts by itself.",
        parameters: &[],
        emits: "",
        roles: &[],
        impact: Impact::None,
        examples: &[Example {
            title: "None was started",
            code: "try { Stop-Transcript } catch (error) { print(error.Id) }",
            output: "NoTranscript",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    match call.context.transcripts.stop() {
        None => Err(ErrorRecord::new(
            Category::InvalidOperation,
            "NoTranscript",
            "There is no transcript to stop.",
        )
        .remedy("Start one by Start-Transcript.")
        .into()),
        Some(Ok(path)) => call.emit(format!("Transcript stopped, output file is {}", path.display())).await,
        Some(Err(error)) => {
            Err(files::failure(Category::WriteError, "FileWriteFailure", "written", "the transcript", &error)
                .into())
        }
    }
}
