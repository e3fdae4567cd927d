//! `Get-WatcherNotification`: who is told when a watched state turns.

use super::named::NamedEntries;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};

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
    let notifications = &call.topology.notifications;
    let named = NamedEntries {
        entries: notifications.iter().collect(),
        name: |entry| &entry.identity,
        find: &|name| notifications.iter().find(|entry| entry.identity == name),
        words: ("notification", "notifications"),
        not_found: "NotFound",
    };
    named.emit(&call).await
}
