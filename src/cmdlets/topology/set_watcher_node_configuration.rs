//! `Set-WatcherNodeConfiguration`: changes a watch of the topology.

use super::settings::{INSTANCE, given};
use crate::access::BuiltIn;
use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::WatchEntry;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `Set-WatcherNodeConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-WatcherNodeConfiguration",
        original: Some("Set-CsWatcherNodeConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes a watch of the topology.",
        description: "Only what is given changes, and $null takes a setting away. Lists take a whole list, @{Add=…}, \
            @{Remove=…} or @{Replace=…}. A running watcher takes it over when it is reloaded (SIGHUP).",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Tests less often",
                code: "Set-WatcherNodeConfiguration \"every partner\" -Every 5m\n(Get-WatcherNodeConfiguration \"every partner\").Every",
                output: "00:05:00",
            },
            Example {
                title: "What it would do",
                code: "Set-WatcherNodeConfiguration \"every partner\" -Enabled:$false -WhatIf",
                output: "What if: Performing the operation \"Change the watch\" on target \"every partner\".\n\
                    \x20   enabled: not set -> false",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<WatchEntry>()] = parameters::<WatchEntry, _, _>(
    [
        Parameter::new("Identity", Kind::Text, "Its name.").at(0).from_each_record().binds(Binds::Everybody),
        INSTANCE,
    ],
    Purpose::Set,
);

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let settings = given(&call);
    let entry = Entry::named::<WatchEntry>(&name);
    change(&call, "Change the watch", &name, |document| document.set(&entry, &settings))
}
