//! `New-Pool`: adds a pool to the topology.

use super::settings::{IN_MEMORY, given};
use crate::access::BuiltIn;
use crate::call::change::{change, domain};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Pool;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `New-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-Pool",
        original: Some("New-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Adds a pool to the topology.",
        description: "A pool has at least one domain whose users log on there. Where there is no topology yet, it is \
            made. Where passwords go is an administrator's to say.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Adds a pool with two test users",
                code: "New-Pool pool0.fabrikam.net -Domains fabrikam.net -TestUsers sip:kim@fabrikam.net, sip:lee@fabrikam.net\n\
                    (Get-Pool pool0.fabrikam.net).TestUsers",
                output: "sip:kim@fabrikam.net\nsip:lee@fabrikam.net",
            },
            Example {
                title: "What adding a pool would do",
                code: "New-Pool pool0.fabrikam.net -Domains fabrikam.net -WhatIf",
                output: "What if: Performing the operation \"Add the pool\" on target \"pool0.fabrikam.net\".\n\
                    \x20   domains: not set -> [\"fabrikam.net\"]",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Pool>()] = parameters::<Pool, _, _>(
    [
        Parameter::new("Identity", Kind::Text, "The FQDN of the pool.").at(0).required().binds(Binds::Pool),
        IN_MEMORY,
    ],
    Purpose::New,
);

async fn run(call: Call) -> Outcome {
    let name = domain(&call)?;
    let settings = given(&call);
    let entry = Entry::pool(&name);
    change(&call, "Add the pool", name.as_str(), |document| document.add(&entry, &settings))
}
