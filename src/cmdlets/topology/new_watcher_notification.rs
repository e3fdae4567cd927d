//! `New-WatcherNotification`: adds a notification to the topology.

use super::settings::{IN_MEMORY, given};
use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Notification;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `New-WatcherNotification`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-WatcherNotification",
        original: None,
        aliases: &[],
        family: Family::Topology,
        synopsis: "Adds a notification to the topology, so that somebody is told when a watched state turns.",
        description: "Only an Administrator may: it says which program the watcher runs, and where messages about your network \
            go. A token or password comes from -SecretFile, or from the systemd credential imsh-notify-IDENTITY.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Tells an incident system of what is broken at pools",
                code: "New-WatcherNotification on-call -Kind webhook -Url https://alerts.litwareinc.com/imsh -Owners Pool\n\
                    (Get-WatcherNotification on-call).Reminder",
                output: "1.00:00:00",
            },
            Example {
                title: "What it would do",
                code: "New-WatcherNotification desk -Kind exec -Command /usr/local/bin/page, operators -WhatIf",
                output: "What if: Performing the operation \"Add the notification\" on target \"desk\".\n\
                    \x20   command: not set -> [\"/usr/local/bin/page\", \"operators\"]\n\
                    \x20   kind: not set -> \"exec\"",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Notification>()] = parameters::<Notification, _, _>(
    [Parameter::new("Identity", Kind::Text, "Its name.").at(0).required().binds(Binds::Endpoint), IN_MEMORY],
    Purpose::New,
);

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let settings = given(&call);
    let entry = Entry::named::<Notification>(&name);
    change(&call, "Add the notification", &name, |document| document.add(&entry, &settings))
}
