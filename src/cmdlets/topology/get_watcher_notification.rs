//! `Get-WatcherNotification`: who is told when a watched state turns.

use crate::access::BuiltIn;
use crate::call::filter::{self, Filter};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::SettingsTable as _;

/// `Get-WatcherNotification`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-WatcherNotification",
        original: None,
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives who is told when a watched state turns.",
        description: "A notification says by which way somebody is told, whose findings it is about, and how often it is told \
            again of what is still broken. Secrets are not part of it.",
        parameters: &[
            Parameter::new("Identity", Kind::Text, "The name of one, or several.")
                .many()
                .at(0)
                .default("All of them.")
                .from_all_records()
                .binds(Binds::Everybody),
            Parameter::new("Filter", Kind::Text, "Those whose name matches a pattern with * and ?.")
                .binds(Binds::Everybody),
        ],
        emits: "WatcherNotification",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::ViewOnlyAdministrator],
        impact: Impact::None,
        examples: &[Example {
            title: "Says by which way somebody is told",
            code: "(Get-WatcherNotification practice).Kind",
            output: "exec",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let wanted = call.bound.texts("Identity");
    if wanted.is_empty() {
        for entry in &call.topology.notifications {
            if filter.as_ref().is_none_or(|filter| filter.matches(&entry.identity)) {
                call.emit(entry.record("WatcherNotification")).await?;
            }
        }
        return Ok(());
    }
    for name in wanted {
        match call.topology.notifications.iter().find(|entry| entry.identity == name) {
            Some(entry) => call.emit(entry.record("WatcherNotification")).await?,
            None => call.error(
                ErrorRecord::new(
                    Category::ObjectNotFound,
                    "NotFound",
                    format!("There is no notification '{name}'."),
                )
                .target(&name)
                .remedy(filter::advice(
                    "Get-WatcherNotification",
                    "notifications",
                    &name,
                    &call.topology.place(),
                )),
            )?,
        }
    }
    Ok(())
}
