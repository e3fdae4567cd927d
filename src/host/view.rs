//! The topology as a principal's roles let it be seen: what is out of scope is not there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::access::{self, Access, Principal, Role, UserScope, role};
use crate::address::Domain;
use crate::topology::{Partner, Pool, Topology};

/// The part of the topology that the roles reach; all of it for global scopes.
pub fn visible(topology: &Arc<Topology>, roles: &[&Role], every_role: &access::RoleTable) -> Arc<Topology> {
    let reaches = |pool: &Pool| {
        let covers = |role: &&Role| {
            role.config_scopes.iter().any(|scope| scope.covers_pool(&pool.identity, pool.site.as_deref()))
        };
        roles.iter().any(covers)
    };
    let scopes: Vec<&UserScope> = roles.iter().flat_map(|role| &role.user_scopes).collect();
    let sees_all_users = scopes.iter().any(|scope| **scope == UserScope::Global);
    if sees_all_users && topology.pools.iter().all(reaches) {
        return topology.clone();
    }
    let hidden = topology.pools.iter().filter(|pool| !reaches(pool));
    // Messages may go to users of a hidden pool, as to any partner's, where the scope allows it.
    let is_shown = |domain: &&Domain| topology.pools.iter().any(|pool| reaches(pool) && pool.serves(domain));
    let hidden: BTreeSet<&Domain> = hidden.flat_map(|pool| &pool.domains).filter(|d| !is_shown(d)).collect();
    let own_domains = hidden.into_iter().map(neighbour);
    let partners = topology.partners.iter().flatten().cloned().chain(own_domains);
    let partners = partners.filter_map(|partner| narrowed(partner, &scopes)).collect();
    Arc::new(Topology {
        // Where the file lies is not theirs to know.
        path: PathBuf::new(),
        pools: topology.pools.iter().filter(|pool| reaches(pool)).cloned().collect(),
        partners: Some(partners),
        access: topology.access.as_ref().map(|access| own_access(access, roles, every_role, topology)),
        ..Topology::clone(topology)
    })
}

/// The roles held and those within their reach, who has them, and the principals who have no others:
/// the scopes of other roles would name what is hidden.
fn own_access(
    access: &Access,
    roles: &[&Role],
    every_role: &access::RoleTable,
    topology: &Topology,
) -> Access {
    let site_of = |pool: &Domain| {
        let listed = topology.pools.iter().find(|listed| listed.identity == *pool);
        listed.and_then(|pool| pool.site.clone())
    };
    let is_in_reach = |role: &Role| {
        roles.iter().any(|own| own.identity == role.identity || access::covers(&[own], role, &site_of))
    };
    let in_reach: Vec<&str> =
        every_role.roles().filter(|role| is_in_reach(role)).map(|role| role.identity.as_str()).collect();
    let sees = |name: &str| in_reach.iter().any(|identity| role::is_same(identity, name));
    let has_others = |name: &str| {
        let vouched = Principal::Vouched { name: name.to_owned() };
        every_role.roles_of(&vouched).iter().any(|role| !sees(&role.identity))
    };
    Access {
        roles: access.roles.iter().filter(|role| sees(&role.identity)).cloned().collect(),
        principals: access.principals.iter().filter(|entry| !has_others(&entry.name)).cloned().collect(),
        assignments: access.assignments.iter().filter(|one| sees(&one.role)).cloned().collect(),
        // The list of locked members is an administrator's to see.
        locked: Vec::new(),
    }
}

/// A domain of our own whose pool is out of sight, as a partner.
fn neighbour(domain: &Domain) -> Partner {
    Partner::new(domain.clone())
}

/// A partner with the receivers that the scopes reach; none where they do not reach it at all.
fn narrowed(mut partner: Partner, scopes: &[&UserScope]) -> Option<Partner> {
    let reaches_domain = |domain: &Domain| {
        scopes.iter().any(|scope| match scope {
            UserScope::User(user) => user.is_at(domain),
            UserScope::Global | UserScope::Domain(_) => scope.covers_domain(domain),
        })
    };
    partner.additional_domains.retain(|domain| reaches_domain(domain));
    partner.receivers.retain(|receiver| scopes.iter().any(|scope| scope.covers_account(receiver)));
    if !reaches_domain(&partner.domain) {
        if partner.additional_domains.is_empty() {
            return None;
        }
        partner.domain = partner.additional_domains.remove(0);
    }
    Some(partner)
}
