//! `Set-WatcherNotification`: changes a notification of the topology.

use super::settings::{INSTANCE, given};
use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Notification;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `Set-WatcherNotification`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-WatcherNotification",
        original: None,
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes a notification of the topology.",
        description: "Only what is given changes, and $null takes a setting away. Lists take a whole list, @{Add=…}, \
            @{Remove=…} or @{Replace=…}. A running watcher takes it over when it is reloaded (SIGHUP).",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Reminds more often",
                code: "Set-WatcherNotification practice -Reminder 4h\n(Get-WatcherNotification practice).Reminder",
                output: "04:00:00",
            },
            Example {
                title: "What it would do",
                code: "Set-WatcherNotification practice -Enabled:$true -WhatIf",
                output: "What if: Performing the operation \"Change the notification\" on target \"practice\".\n\
                    \x20   enabled: false -> true",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Notification>()] = parameters::<Notification, _, _>(
    [
        Parameter::new("Identity", Kind::Text, "Its name.").at(0).from_each_record().binds(Binds::Endpoint),
        INSTANCE,
    ],
    Purpose::Set,
);

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let settings = given(&call);
    let entry = Entry::named::<Notification>(&name);
    change(&call, "Change the notification", &name, |document| document.set(&entry, &settings))
}
