//! `New-WatcherNodeConfiguration`: adds a watch to the topology.

use super::settings::{IN_MEMORY, given};
use crate::access::BuiltIn;
use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::WatchEntry;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `New-WatcherNodeConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-WatcherNodeConfiguration",
        original: Some("New-CsWatcherNodeConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Adds a watch to the topology, for watchers to test again and again.",
        description: "Without -Pools and -Receivers it is every pool that lends a test user, and the receivers of every partner. \
            A running watcher takes it over when it is reloaded (SIGHUP).",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Tests every morning whether users can log on",
                code: "New-WatcherNodeConfiguration logons -Tests Registration -At \"0 6 * * *\" -Zone Europe/Dublin\n\
                    (Get-WatcherNodeConfiguration logons).At",
                output: "0 6 * * *",
            },
            Example {
                title: "What it would do",
                code: "New-WatcherNodeConfiguration logons -Tests Registration -Every 5m -WhatIf",
                output: "What if: Performing the operation \"Add the watch\" on target \"logons\".\n\
                    \x20   every: not set -> \"5m\"\n\
                    \x20   tests: not set -> [\"Registration\"]",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<WatchEntry>()] = parameters::<WatchEntry, _, _>(
    [Parameter::new("Identity", Kind::Text, "Its name.").at(0).required().binds(Binds::Everybody), IN_MEMORY],
    Purpose::New,
);

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let settings = given(&call);
    let entry = Entry::named::<WatchEntry>(&name);
    change(&call, "Add the watch", &name, |document| document.add(&entry, &settings))
}
