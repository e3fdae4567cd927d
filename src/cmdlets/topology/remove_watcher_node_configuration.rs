//! `Remove-WatcherNodeConfiguration`: takes a watch out of the topology.

use crate::access::BuiltIn;
use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::WatchEntry;
use crate::topology::edit::Entry;

/// `Remove-WatcherNodeConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-WatcherNodeConfiguration",
        original: Some("Remove-CsWatcherNodeConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Takes a watch out of the topology.",
        description: "It asks first, unless -Confirm:$false. What was recorded stays.",
        parameters: &[Parameter::new("Identity", Kind::Text, "Its name.")
            .at(0)
            .from_each_record()
            .binds(Binds::Global)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::High,
        examples: &[
            Example {
                title: "Removes one without a question",
                code: "Remove-WatcherNodeConfiguration \"every pool\" -Confirm:$false\n(Get-WatcherNodeConfiguration -Filter *pool).len()",
                output: "0",
            },
            Example {
                title: "What it would do",
                code: "Remove-WatcherNodeConfiguration \"every pool\" -WhatIf",
                output: "What if: Performing the operation \"Remove the watch\" on target \"every pool\".\n\
                    \x20   every: \"2m\" -> not set\n\
                    \x20   tests: [\"Registration\"] -> not set",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let entry = Entry::named::<WatchEntry>(&name);
    change(&call, "Remove the watch", &name, |document| document.remove(&entry))
}
