//! `Get-Pool`: the pools of the topology.

use super::named::NamedEntries;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Pool;

/// `Get-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Pool",
        original: Some("Get-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives the pools of the topology.",
        description: "Without parameters it gives every pool that your roles let you see, in the order of the \
            topology. The records go into a loop, a pipe, or -TargetFqdn of Test-XmppIM as they are.",
        parameters: &[
            Parameter::new("Identity", Kind::Pool, "The FQDN of one pool, or several.")
                .many()
                .at(0)
                .default("Every pool.")
                .from_all_records()
                .binds(Binds::Pool),
            Parameter::new("Filter", Kind::Text, "Pools whose FQDN matches a pattern with * and ?."),
            Parameter::new("Site", Kind::Site, "Pools of this site."),
        ],
        emits: "Pool",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "Names the site of a pool",
            code: "(Get-Pool atl-cs-001.litwareinc.com).Site",
            output: "Redmond",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let site = call.bound.text("Site");
    let is_there = |pool: &&Pool| {
        let is_own = |site: &String| pool.site.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(site));
        site.as_ref().is_none_or(is_own)
    };
    let named = NamedEntries {
        entries: call.topology.pools.iter().filter(is_there).collect(),
        name: |pool| pool.identity.as_str(),
        find: &|name| call.topology.canonical_pool(name),
        words: ("pool", "pools"),
        not_found: "PoolNotFound",
    };
    named.emit(&call).await
}
