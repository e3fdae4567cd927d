//! `Remove-DriveItem`: removes a file from the drive of a delegated session.

use super::drive::of_session;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome, files};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Remove-DriveItem`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-DriveItem",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Removes a file from the drive of a delegated session.",
        description: "What it took up is free at once. Get-DriveItem | Remove-DriveItem removes all of them.",
        parameters: &[Parameter::new("Identity", Kind::Text, "The file, as Get-DriveItem names it.")
            .aliases(&["Name"])
            .at(0)
            .from_each_record()],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::Medium,
        examples: &[Example {
            title: "Elsewhere there is no drive",
            code: "try { Remove-DriveItem old.csv } catch (e) { print(e.Message) }",
            output: "There is no drive outside of a delegated session.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let drive = of_session(&call)?;
    let name = call.bound.text("Identity").unwrap_or_default();
    if !call.should_process("Remove the file", &name)? {
        return Ok(());
    }
    let removed = tokio::task::block_in_place(|| drive.remove(&name));
    let was_there = removed.map_err(|fault| {
        files::failure(Category::WriteError, "FileRemoveFailure", "removed", &name, &fault)
    })?;
    if was_there {
        return Ok(());
    }
    let message = format!("There is no file '{name}' on the drive.");
    Err(ErrorRecord::new(Category::ObjectNotFound, "FileNotFound", message)
        .target(name)
        .remedy("Run Get-DriveItem to see the files there are.")
        .into())
}
