//! `Remove-Pool`: takes a pool out of the topology.

use crate::access::BuiltIn;
use crate::call::change::{change, pool};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::Entry;

/// `Remove-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-Pool",
        original: Some("Remove-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Takes a pool out of the topology.",
        description: "It asks first, unless -Confirm:$false. The test users' credentials stay in the vault, and go \
            nowhere any more.",
        parameters: &[Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
            .at(0)
            .from_each_record()
            .binds(Binds::RemovedPool)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::High,
        examples: &[
            Example {
                title: "Removes a pool without a question",
                code: "Remove-Pool old-fe.wingtiptoys.com -Confirm:$false\n(Get-Pool -Filter old-fe*).len()",
                output: "0",
            },
            Example {
                title: "What removing a pool would do",
                code: "Remove-Pool atl-cs-001.litwareinc.com -WhatIf",
                output: "What if: Performing the operation \"Remove the pool\" on target \"atl-cs-001.litwareinc.com\".\n\
                    \x20   ca_file: \"ca.pem\" -> not set\n\
                    \x20   domains: [\"litwareinc.com\"] -> not set\n\
                    \x20   site: \"Redmond\" -> not set\n\
                    \x20   test_users: [\"sip:kenmyer@litwareinc.com\", \"sip:pilar@litwareinc.com\"] -> not set",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let identity = &pool(&call)?.identity;
    let entry = Entry::pool(identity);
    change(&call, "Remove the pool", identity.as_str(), |document| document.remove(&entry))
}
