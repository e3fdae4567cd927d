//! `New-HealthMonitoringConfiguration`: gives test users to a pool that has none.

use super::settings::{IN_MEMORY, TEST_USERS, test_users, with};
use crate::access::BuiltIn;
use crate::call::change::{change, pool};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::{Entry, Fault, Setting};

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

const PARAMETERS: [Parameter; 6] = with(
    [
        Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
            .aliases(&["TargetFqdn"])
            .at(0)
            .from_each_record()
            .binds(Binds::Pool),
        IN_MEMORY,
    ],
    TEST_USERS,
);

async fn run(call: Call) -> Outcome {
    let identity = &pool(&call)?.identity;
    let entry = Entry::Pool(identity.clone());
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
        let users = Setting::List(test_users(&call, &[])?);
        document.set(&entry, &[("test_users", users)])
    })
}
