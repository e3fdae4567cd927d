//! `Get-DriveItem`: the files on the drive of a delegated session.

use super::drive::of_session;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::Record;

/// `Get-DriveItem`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-DriveItem",
        original: None,
        aliases: &[],
        family: Family::Objects,
        synopsis: "Lists the files on the drive of a delegated session.",
        description: "A delegated session reads and writes files on its principal's drive alone, where they have plain \
                      names: Get-Content, Import-Csv, Export-Csv, Out-File, Tee-Object. The drive is the same in each \
                      session of the principal, and drive_mib of the role limits it (Get-Help about_Roles).",
        parameters: &[Parameter::new("Identity", Kind::Text, "The files.")
            .aliases(&["Name"])
            .many()
            .at(0)
            .default("All of them.")],
        emits: "DriveItem",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Elsewhere there is no drive",
            code: "try { Get-DriveItem } catch (e) { print(e.Message) }",
            output: "There is no drive outside of a delegated session.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let drive = of_session(&call)?;
    let wanted = call.bound.texts("Identity");
    let entries = tokio::task::block_in_place(|| drive.entries()).map_err(|fault| {
        ErrorRecord::new(
            Category::ReadError,
            "DriveUnreadable",
            format!("The drive cannot be read: {fault}."),
        )
    })?;
    for entry in entries {
        if !wanted.is_empty() && !wanted.contains(&entry.name) {
            continue;
        }
        let modified = jiff::Timestamp::from_second(entry.modified).unwrap_or_default();
        let record = Record::new("DriveItem")
            .with("Identity", entry.name)
            .with("Length", i64::try_from(entry.bytes).unwrap_or(i64::MAX))
            .with("LastWriteTime", modified);
        call.emit(record).await?;
    }
    Ok(())
}
