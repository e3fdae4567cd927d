//! `Set-Pool`: changes a pool of the topology.

use super::settings::{INSTANCE, given};
use crate::access::BuiltIn;
use crate::call::change::{change, pool};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Pool;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `Set-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-Pool",
        original: Some("Set-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes a pool of the topology.",
        description: "Only what is given changes, and $null takes a setting away. Lists take a whole list, @{Add=…}, \
            @{Remove=…} or @{Replace=…}. What decides where passwords go, and the site, are an administrator's to \
            change. Comments and order of the file stay.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Describes every pool of a site",
                code: "Get-Pool -Site Redmond | Set-Pool -Description \"Building 7\"\n\
                    (Get-Pool atl-cs-001.litwareinc.com).Description",
                output: "Building 7",
            },
            Example {
                title: "Takes a test user out of the list",
                code: "Set-Pool atl-cs-001.litwareinc.com -TestUsers @{Remove=\"sip:pilar@litwareinc.com\"}\n\
                    (Get-Pool atl-cs-001.litwareinc.com).TestUsers",
                output: "sip:kenmyer@litwareinc.com",
            },
            Example {
                title: "What describing a pool would do",
                code: "Set-Pool atl-cs-001.litwareinc.com -Description Atlanta -WhatIf",
                output: "What if: Performing the operation \"Change the pool\" on target \"atl-cs-001.litwareinc.com\".\n\
                    \x20   description: not set -> \"Atlanta\"",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Pool>()] = parameters::<Pool, _, _>(
    [
        Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
            .at(0)
            .from_each_record()
            .binds(Binds::Pool),
        INSTANCE,
    ],
    Purpose::Set,
);

async fn run(call: Call) -> Outcome {
    let identity = &pool(&call)?.identity;
    let entry = Entry::pool(identity);
    let settings = given(&call);
    change(&call, "Change the pool", identity.as_str(), |document| document.set(&entry, &settings))
}
