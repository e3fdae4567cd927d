//! `Remove-HealthMonitoringConfiguration`: leaves a pool without test users.

use crate::access::BuiltIn;
use crate::call::change::{change, pool};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::{Entry, Fault, NewValue};

/// `Remove-HealthMonitoringConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-HealthMonitoringConfiguration",
        original: Some("Remove-CsHealthMonitoringConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Leaves a pool without test users.",
        description: "It asks first, unless -Confirm:$false. The accounts' credentials stay in the vault, and no \
            longer go to this pool. Under [access] only an Administrator may.",
        parameters: &[Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
            .aliases(&["TargetFqdn"])
            .at(0)
            .from_each_record()
            .binds(Binds::EmptiedPool)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::High,
        examples: &[
            Example {
                title: "Removes the test users of a pool without a question",
                code: "Get-HealthMonitoringConfiguration atl-cs-001.litwareinc.com | Remove-HealthMonitoringConfiguration -Confirm:$false\n\
                    (Get-Pool atl-cs-001.litwareinc.com).TestUsers.len()",
                output: "0",
            },
            Example {
                title: "What it would do",
                code: "Remove-HealthMonitoringConfiguration atl-cs-001.litwareinc.com -WhatIf",
                output: "What if: Performing the operation \"Remove the test users\" on target \"atl-cs-001.litwareinc.com\".\n\
                    \x20   test_users: [\"sip:kenmyer@litwareinc.com\", \"sip:pilar@litwareinc.com\"] -> not set",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let identity = &pool(&call)?.identity;
    let entry = Entry::pool(identity);
    change(&call, "Remove the test users", identity.as_str(), |document| {
        if document.test_users(identity).is_empty() {
            return Err(Fault::NoTestUsers(identity.clone()));
        }
        document.set(&entry, &[("test_users", NewValue::Default)])
    })
}
