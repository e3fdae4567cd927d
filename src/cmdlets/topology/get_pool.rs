//! `Get-Pool`: the pools of the topology.

use crate::access::BuiltIn;
use crate::call::filter::{self, Filter};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::SettingsTable as _;

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
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let site = call.bound.text("Site");
    let wanted = call.bound.texts("Identity");
    if wanted.is_empty() {
        for pool in &call.topology.pools {
            let is_matched = filter.as_ref().is_none_or(|filter| filter.matches(pool.identity.as_str()));
            let is_there = site
                .as_ref()
                .is_none_or(|site| pool.site.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(site)));
            if is_matched && is_there {
                call.emit(pool.record("Pool")).await?;
            }
        }
        return Ok(());
    }
    for name in wanted {
        match call.topology.canonical_pool(&name) {
            Some(pool) => call.emit(pool.record("Pool")).await?,
            None => call.error(
                ErrorRecord::new(
                    Category::ObjectNotFound,
                    "PoolNotFound",
                    format!("There is no pool '{name}'."),
                )
                .target(&name)
                .remedy(filter::advice("Get-Pool", "pools", &name, &call.topology.place())),
            )?,
        }
    }
    Ok(())
}
