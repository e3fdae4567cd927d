//! `Get-HealthMonitoringConfiguration`: the test users of each pool.

use crate::access::BuiltIn;
use crate::call::filter::Filter;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Pool;
use crate::value::{Record, Value};

/// `Get-HealthMonitoringConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-HealthMonitoringConfiguration",
        original: Some("Get-CsHealthMonitoringConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives the test users that each pool lends for verification.",
        description: "A pool without test users has no configuration and is left out. The first test user is the one \
            that Test-XmppIM sends as when nobody is named. Passwords are not here but in the vault.",
        parameters: &[
            Parameter::new("Identity", Kind::Pool, "The FQDN of one pool, or several.")
                .aliases(&["TargetFqdn"])
                .many()
                .at(0)
                .default("Every pool that has test users.")
                .from_all_records()
                .binds(Binds::Pool),
            Parameter::new("Filter", Kind::Text, "Pools whose FQDN matches a pattern with * and ?."),
        ],
        emits: "HealthMonitoringConfiguration",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "Names the account that tests of a pool are sent from",
            code: "(Get-HealthMonitoringConfiguration atl-cs-001.litwareinc.com).FirstTestUserSipUri",
            output: "sip:kenmyer@litwareinc.com",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let wanted = call.bound.texts("Identity");
    let is_wanted = |pool: &Pool| {
        let is_named = wanted.is_empty()
            || wanted.iter().any(|name| {
                call.topology.canonical_pool(name).is_some_and(|named| named.identity == pool.identity)
            });
        is_named && filter.as_ref().is_none_or(|filter| filter.matches(pool.identity.as_str()))
    };
    for pool in call.topology.pools.iter().filter(|pool| !pool.test_users.is_empty() && is_wanted(pool)) {
        call.emit(record(pool)).await?;
    }
    Ok(())
}

/// A pool's test users as a record.
fn record(pool: &Pool) -> Record {
    let user = |place: usize| Value::optional(pool.test_users.get(place).map(crate::address::Address::sip));
    Record::new("HealthMonitoringConfiguration")
        .with("Identity", pool.identity.to_string())
        .with("FirstTestUserSipUri", user(0))
        .with("SecondTestUserSipUri", user(1))
        .with("TestUsers", Value::texts(pool.test_users.iter().map(crate::address::Address::sip)))
}
