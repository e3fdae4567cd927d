//! `Remove-WatcherNotification`: takes a notification out of the topology.

use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Notification;
use crate::topology::edit::Entry;

/// `Remove-WatcherNotification`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-WatcherNotification",
        original: None,
        aliases: &[],
        family: Family::Topology,
        synopsis: "Takes a notification out of the topology.",
        description: "It asks first, unless -Confirm:$false. What waits for it is not delivered any more.",
        parameters: &[Parameter::new("Identity", Kind::Text, "Its name.")
            .at(0)
            .from_each_record()
            .binds(Binds::Endpoint)],
        emits: "",
        roles: &[],
        impact: Impact::High,
        examples: &[
            Example {
                title: "Removes one without a question",
                code: "Remove-WatcherNotification practice -Confirm:$false\n(Get-WatcherNotification -Filter prac*).len()",
                output: "0",
            },
            Example {
                title: "What it would do",
                code: "Remove-WatcherNotification practice -WhatIf",
                output: "What if: Performing the operation \"Remove the notification\" on target \"practice\".\n\
                    \x20   command: [\"/bin/cat\"] -> not set\n\
                    \x20   enabled: false -> not set\n\
                    \x20   kind: \"exec\" -> not set",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let entry = Entry::named::<Notification>(&name);
    change(&call, "Remove the notification", &name, |document| document.remove(&entry))
}
