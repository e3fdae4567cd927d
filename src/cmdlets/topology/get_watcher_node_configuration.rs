//! `Get-WatcherNodeConfiguration`: what watchers test again and again.

use crate::access::BuiltIn;
use crate::call::filter::{self, Filter};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::SettingsTable as _;

/// `Get-WatcherNodeConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-WatcherNodeConfiguration",
        original: Some("Get-CsWatcherNodeConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives what watchers test again and again.",
        description: "A watch says which tests are made at which pools and with which receivers, how often, and when a state is \
            called down or up. `imsh watch` does what they say; Get-TestState shows what came of it.",
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
        emits: "WatcherNodeConfiguration",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::ViewOnlyAdministrator],
        impact: Impact::None,
        examples: &[Example {
            title: "Says how often the partners are tested",
            code: "(Get-WatcherNodeConfiguration \"every partner\").Every",
            output: "00:01:00",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let wanted = call.bound.texts("Identity");
    if wanted.is_empty() {
        for entry in &call.topology.watches {
            if filter.as_ref().is_none_or(|filter| filter.matches(&entry.identity)) {
                call.emit(entry.record("WatcherNodeConfiguration")).await?;
            }
        }
        return Ok(());
    }
    for name in wanted {
        match call.topology.watches.iter().find(|entry| entry.identity == name) {
            Some(entry) => call.emit(entry.record("WatcherNodeConfiguration")).await?,
            None => call.error(
                ErrorRecord::new(
                    Category::ObjectNotFound,
                    "NotFound",
                    format!("There is no watch '{name}'."),
                )
                .target(&name)
                .remedy(filter::advice(
                    "Get-WatcherNodeConfiguration",
                    "watches",
                    &name,
                    &call.topology.place(),
                )),
            )?,
        }
    }
    Ok(())
}
