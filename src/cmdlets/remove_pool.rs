//! `Remove-Pool`: takes a pool out of the topology.

use crate::access::BuiltIn;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::change;
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::topology::edit::Entry;

/// `Remove-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-Pool",
        original: Some("Remove-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Takes a pool out of the topology.",
        description: "Its test users' credentials stay in the vault, and go nowhere any more.",
        parameters: &[Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
            .at(0)
            .required()
            .binds(Binds::Pool)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::High,
        examples: &[Example {
            title: "What removing a pool would do",
            code: "Remove-Pool atl-cs-001.litwareinc.com -WhatIf",
            output: "What if: Performing the operation \"Remove the pool\" on target \"atl-cs-001.litwareinc.com\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let written = call.bound.text("Identity").unwrap_or_default();
    let Some(pool) = call.topology.canonical_pool(&written) else {
        return Err(ErrorRecord::new(
            Category::ObjectNotFound,
            "PoolNotFound",
            format!("There is no pool '{written}'."),
        )
        .target(&written)
        .remedy("Run Get-Pool to see the pools there are.")
        .into());
    };
    let entry = Entry::Pool(pool.identity.clone());
    change(&call, "Remove the pool", pool.identity.as_str(), |document| document.remove(&entry))
}
