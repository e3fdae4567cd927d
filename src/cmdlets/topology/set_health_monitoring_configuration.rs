//! `Set-HealthMonitoringConfiguration`: changes the test users of a pool.

use super::settings::{
    FIRST_ACCOUNT_NAME, FIRST_TEST_USER, INSTANCE, SECOND_ACCOUNT_NAME, SECOND_TEST_USER, test_users,
};
use crate::access::BuiltIn;
use crate::call::change::{change, pool};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::{Entry, Fault, NewValue};

/// `Set-HealthMonitoringConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-HealthMonitoringConfiguration",
        original: Some("Set-CsHealthMonitoringConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes the test users of a pool.",
        description: "Only what is given changes; $null takes a test user out, and those behind it move up. Test users \
            behind the second one stay as they are; Set-Pool -TestUsers changes the whole list.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Lets the second test user send",
                code: "Set-HealthMonitoringConfiguration atl-cs-001.litwareinc.com -FirstTestUserSipUri sip:pilar@litwareinc.com\n\
                    (Get-HealthMonitoringConfiguration atl-cs-001.litwareinc.com).TestUsers",
                output: "sip:pilar@litwareinc.com\nsip:kenmyer@litwareinc.com",
            },
            Example {
                title: "What it would do",
                code: "Get-Pool atl-cs-001.litwareinc.com | Set-HealthMonitoringConfiguration -SecondTestUserSipUri $null -WhatIf",
                output: "What if: Performing the operation \"Change the test users\" on target \"atl-cs-001.litwareinc.com\".\n\
                    \x20   test_users: [\"sip:kenmyer@litwareinc.com\", \"sip:pilar@litwareinc.com\"] -> [\"sip:kenmyer@litwareinc.com\"]",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 6] = [
    Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
        .aliases(&["TargetFqdn"])
        .at(0)
        .from_each_record()
        .binds(Binds::Pool),
    INSTANCE,
    FIRST_TEST_USER,
    SECOND_TEST_USER,
    FIRST_ACCOUNT_NAME,
    SECOND_ACCOUNT_NAME,
];

async fn run(call: Call) -> Outcome {
    let identity = &pool(&call)?.identity;
    let entry = Entry::pool(identity);
    change(&call, "Change the test users", identity.as_str(), |document| {
        let before = document.test_users(identity);
        if before.is_empty() {
            return Err(Fault::NoTestUsers(identity.clone()));
        }
        let setting = match test_users(&call, before)? {
            users if users.is_empty() => NewValue::Default,
            users => NewValue::List(users),
        };
        document.set(&entry, &[("test_users", setting)])
    })
}
