//! `New-HealthMonitoringConfiguration`: gives test users to a pool that has none.

use super::settings::{
    FIRST_ACCOUNT_NAME, FIRST_TEST_USER, IN_MEMORY, SECOND_ACCOUNT_NAME, SECOND_TEST_USER, test_users,
};
use crate::access::BuiltIn;
use crate::call::change::{change, pool};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::{Entry, Fault, NewValue};

/// `New-HealthMonitoringConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-HealthMonitoringConfiguration",
        original: Some("New-CsHealthMonitoringConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives test users to a pool that has none.",
        description: "The first test user sends the tests of the pool; with a second one, tests between the two prove \
            both directions. A pool has one such configuration: Set-HealthMonitoringConfiguration changes it, and \
            Set-Pool -TestUsers lists more than two. Passwords are stored with Set-TestUserCredential.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[Example {
            title: "Lends two accounts to the tests of a pool",
            code: "New-Pool pool0.fabrikam.net -Domains fabrikam.net\n\
                New-HealthMonitoringConfiguration pool0.fabrikam.net -FirstTestUserSipUri sip:kim@fabrikam.net -SecondTestUserSipUri sip:lee@fabrikam.net\n\
                (Get-HealthMonitoringConfiguration pool0.fabrikam.net).FirstTestUserSipUri",
            output: "sip:kim@fabrikam.net",
        }],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 6] = [
    Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
        .aliases(&["TargetFqdn"])
        .at(0)
        .from_each_record()
        .binds(Binds::Pool),
    IN_MEMORY,
    FIRST_TEST_USER,
    SECOND_TEST_USER,
    FIRST_ACCOUNT_NAME,
    SECOND_ACCOUNT_NAME,
];

async fn run(call: Call) -> Outcome {
    let identity = &pool(&call)?.identity;
    let entry = Entry::pool(identity);
    if call.bound.text("FirstTestUserSipUri").is_none() {
        return Err(ErrorRecord::new(
            Category::InvalidArgument,
            "MissingMandatoryParameter",
            "New-HealthMonitoringConfiguration needs -FirstTestUserSipUri.",
        )
        .target(identity.as_str())
        .remedy("Give the account that tests of the pool are sent from.")
        .into());
    }
    change(&call, "Add the test users", identity.as_str(), |document| {
        if !document.test_users(identity).is_empty() {
            return Err(Fault::TestUsersExist(identity.clone()));
        }
        let users = NewValue::List(test_users(&call, &[])?);
        document.set(&entry, &[("test_users", users)])
    })
}
