//! `Get-AdminPrincipal`: the names that an SSH endpoint may vouch for.

use super::principal::{not_found, roles_of};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::value::{Record, Value};

/// `Get-AdminPrincipal`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-AdminPrincipal",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Gives the principals, with their keys and roles.",
        description: "A principal is a name that the SSH endpoint vouches for, by a key that is listed for it. Keys are \
            shown with their fingerprints, as ssh-keygen -l shows them. Operating-system users and groups need no \
            entry.",
        parameters: &[Parameter::new("Identity", Kind::Principal, "One principal, or several.")
            .many()
            .at(0)
            .default("Every principal that you see.")
            .from_all_records()],
        emits: "AdminPrincipal",
        roles: &[],
        impact: Impact::None,
        examples: &[Example {
            title: "How many there are on the practice network",
            code: "(Get-AdminPrincipal).Count",
            output: "0",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let wanted = call.bound.texts("Identity");
    let entries: Vec<_> =
        call.topology.access.iter().flat_map(|access| &access.principals).cloned().collect();
    let shown = |name: &str| {
        let entry = entries.iter().find(|entry| entry.name == name)?;
        let keys = entry.keys.iter().map(|key| {
            let comment = if key.comment.is_empty() { String::new() } else { format!(" {}", key.comment) };
            format!("{} {}{comment}", key.kind, key.fingerprint())
        });
        Some(
            Record::new("AdminPrincipal")
                .with("Identity", entry.name.as_str())
                .with("Keys", Value::texts(keys))
                .with("Roles", Value::texts(roles_of(&call, name))),
        )
    };
    let names =
        if wanted.is_empty() { entries.iter().map(|entry| entry.name.clone()).collect() } else { wanted };
    for name in names {
        match shown(name.strip_prefix("principal:").unwrap_or(&name)) {
            Some(record) => call.emit(record).await?,
            None => call.error(not_found(&name))?,
        }
    }
    Ok(())
}
