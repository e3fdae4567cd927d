//! The roles among the resources of a call: those that it makes, changes, grants or revokes, and those
//! of a principal whose keys it changes.
//!
//! Nobody can gain power: each role is compared with the caller's own, as it is and as it would become.
//! A role that does not exist is `Resource::Unlisted`, so that it gets the same answer as one out of reach.

use super::gate::Files;
use crate::access::{self, Power, Principal, PublicKey, Resource, Role, RoleDefinition, role};
use crate::access::{ConfigScope, Member};
use crate::address::Domain;
use crate::call::BoundArguments;
use crate::cmdlet::{Binds, Catalogue, Description, ErrorRecord};
use crate::cmdlets::access::authority;
use crate::topology::Topology;
use crate::value::Value;

/// The state that the rules of roles are evaluated against.
#[derive(Clone, Copy, Debug)]
pub struct AccessContext<'a> {
    /// The whole topology.
    pub topology: &'a Topology,
    /// Its roles, worked out.
    pub roles: &'a access::RoleTable,
    /// Every cmdlet that there is.
    pub everything: &'a Catalogue,
    /// The place of the files that a call names: on the machine or on the principal's drive.
    pub files: Files,
}

/// The roles that a call uses, in one list.
///
/// # Errors
/// An argument that no role can be made of.
pub fn resources(
    description: &Description,
    bound: &BoundArguments,
    context: AccessContext<'_>,
) -> Result<Vec<Resource>, ErrorRecord> {
    let mut resources = Vec::new();
    let mut makes_power = false;
    for parameter in description.parameters.iter().filter(|own| bound.is_given(own.name)) {
        let texts = || texts_of(bound.value(parameter.name));
        match parameter.binds {
            Binds::Role => resources.extend(texts().iter().map(|name| context.role(name))),
            Binds::NewRole => {
                let there = texts().into_iter().filter(|name| context.roles.role(name).is_some());
                resources.extend(there.map(|name| context.role(&name)));
            }
            Binds::Power => makes_power = true,
            Binds::Principal => resources.extend(texts().iter().flat_map(|name| context.principal(name))),
            Binds::NewPrincipal => {
                let there = texts().into_iter().filter(|name| context.lists(name));
                resources.extend(there.flat_map(|name| context.principal(&name)));
            }
            Binds::Key => resources.extend(texts().iter().flat_map(|key| context.owner(key, bound))),
            Binds::Member => resources.extend(texts().iter().flat_map(|member| context.member(member))),
            Binds::RemovedPool => resources.extend(texts().iter().flat_map(|name| context.naming(name))),
            Binds::Nothing
            | Binds::Pool
            | Binds::Site
            | Binds::Receiver
            | Binds::Partner
            | Binds::Federation
            | Binds::Sender
            | Binds::TestUser
            | Binds::EmptiedPool
            | Binds::Global
            | Binds::Everybody
            | Binds::Endpoint => {}
        }
    }
    if makes_power {
        resources.extend(context.as_it_would_be(bound)?);
    }
    Ok(resources)
}

impl AccessContext<'_> {
    /// A role by its name.
    fn role(&self, name: &str) -> Resource {
        match self.roles.role(name) {
            Some(role) => self.power(role.clone()),
            None => unlisted(name),
        }
    }

    fn power(&self, role: Role) -> Resource {
        let site = |pool: &Domain| {
            let listed = self.topology.pools.iter().find(|listed| listed.identity == *pool);
            listed.and_then(|pool| pool.site.clone())
        };
        let named = role.config_scopes.iter().filter_map(|scope| match scope {
            ConfigScope::Pool(pool) => Some((pool.clone(), site(pool)?)),
            ConfigScope::Global | ConfigScope::Site(_) => None,
        });
        let sites = named.collect();
        Resource::Role(Box::new(Power { role, sites }))
    }

    /// The role that the arguments would make, and the whole of its template where it follows that: what a
    /// later version adds to a template, its roles get as well.
    fn as_it_would_be(&self, bound: &BoundArguments) -> Result<Vec<Resource>, ErrorRecord> {
        let name = bound.text("Identity").unwrap_or_default();
        let defined = self.topology.access.iter().flat_map(|access| &access.roles);
        let before = defined.into_iter().find(|definition| role::is_same(&definition.identity, &name));
        let after = authority::wanted(bound, before, self.everything, self.topology)?;
        let after = super::gate::as_bound(after, self.everything);
        let mut definitions = vec![after.clone()];
        let follows_as_before =
            before.is_some_and(|before| before.cmdlets.is_none() && before.template == after.template);
        if after.cmdlets.is_none() && !follows_as_before {
            definitions.push(RoleDefinition { remove_cmdlets: Vec::new(), ..after });
        }
        let worked_out = |definition: RoleDefinition| match Role::custom(&definition, self.everything) {
            Ok(role) => self.power(role),
            Err(_) => unlisted(&definition.identity),
        };
        Ok(definitions.into_iter().map(worked_out).collect())
    }

    fn lists(&self, name: &str) -> bool {
        let name = plain(name);
        self.topology.access.iter().flat_map(|access| &access.principals).any(|entry| entry.name == name)
    }

    /// A principal by every role that it has. One without a role is an administrator's: whoever could
    /// change its keys now would have whatever it is given later.
    fn principal(&self, name: &str) -> Vec<Resource> {
        let held = self.roles_of(name);
        if held.is_empty() { vec![unlisted(name)] } else { held }
    }

    fn roles_of(&self, name: &str) -> Vec<Resource> {
        let vouched = Principal::Vouched { name: plain(name).to_owned() };
        self.roles.roles_of(&vouched).into_iter().map(|role| self.power(role.clone())).collect()
    }

    /// The member who is given a role. A principal's keys are in reach of those whose role covers all that it has: one
    /// that has nothing yet, or that is locked, could be taken over by giving it one's own role. So what it
    /// has already must be in reach, and one without a role gets the same answer as one that is not there.
    fn member(&self, written: &str) -> Vec<Resource> {
        match written.parse() {
            Ok(Member::Principal(name)) => self.principal(&name),
            Ok(Member::OsUser(_) | Member::OsGroup(_)) => Vec::new(),
            Err(_) => vec![unlisted(written)],
        }
    }

    /// The principal that a key proves already, unless it is the one that is being changed.
    fn owner(&self, key: &str, bound: &BoundArguments) -> Vec<Resource> {
        let Ok(key) = key.parse::<PublicKey>() else { return Vec::new() };
        let named = bound.text("Identity").unwrap_or_default();
        let principals = self.topology.access.iter().flat_map(|access| &access.principals);
        let owners = principals.filter(|entry| entry.keys.iter().any(|own| own.blob == key.blob));
        owners
            .filter(|owner| owner.name != plain(&named))
            .flat_map(|owner| self.principal(&owner.name))
            .collect()
    }

    /// The roles that name a pool, or a site that would be gone with it.
    fn naming(&self, name: &str) -> Vec<Resource> {
        let Some(pool) = self.topology.canonical_pool(name) else { return Vec::new() };
        let rest = || self.topology.pools.iter().filter(|other| other.identity != pool.identity);
        let names_it = |scope: &ConfigScope| match scope {
            ConfigScope::Global => false,
            ConfigScope::Pool(named) => *named == pool.identity,
            ConfigScope::Site(_) => {
                scope.covers_pool(&pool.identity, pool.site.as_deref())
                    && !rest().any(|other| scope.covers_pool(&other.identity, other.site.as_deref()))
            }
        };
        let named = self.roles.roles().filter(|role| role.config_scopes.iter().any(names_it));
        named.map(|role| self.power(role.clone())).collect()
    }
}

/// The texts of an argument: of a list each item, of `@{Add=…; Remove=…}` everything that it names.
fn texts_of(value: Option<&Value>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let items = match value.as_record() {
        Some(change) => change.iter().flat_map(|(_, named)| named.clone().into_elements()).collect(),
        None => value.clone().into_elements(),
    };
    items.iter().map(Value::to_string).collect()
}

/// A principal's name without its namespace.
fn plain(name: &str) -> &str {
    name.strip_prefix("principal:").unwrap_or(name)
}

fn unlisted(what: impl ToString) -> Resource {
    Resource::Unlisted { what: what.to_string() }
}
