//! The resources of a call: the pools, receivers, partners and senders that its arguments name.
//!
//! Each pair of a pool and a receiver is one list, since one role must cover both together. Names
//! are translated into the topology's own: an alias, a server's name and another spelling all mean
//! the pool. A name that the topology does not list becomes `Resource::Unlisted`.

use super::gate::Files;
use super::power::{self, AccessContext};
use crate::access::scope::site_key;
use crate::access::{self, Resource};
use crate::address::{Address, Domain};
use crate::call::BoundArguments;
use crate::cmdlet::{Binds, Description, ErrorRecord, Impact, Kind, Parameter};
use crate::store::PairName;
use crate::topology::{Pool, Topology};
use crate::value::Value;

/// The resources that a call uses; each inner list must be covered by one role.
///
/// # Errors
/// An argument from which the resources cannot be derived.
pub fn resources_of(
    description: &Description,
    bound: &BoundArguments,
    context: AccessContext<'_>,
) -> Result<Vec<Vec<Resource>>, ErrorRecord> {
    let topology = context.topology;
    let mut near = Vec::new();
    let mut far = Vec::new();
    let mut always = Vec::new();
    for parameter in description.parameters {
        if parameter.binds == Binds::Everybody {
            always.push(Resource::Everybody);
        }
        if !bound.is_given(parameter.name) {
            continue;
        }
        let is_on_drive = parameter.is_on_drive && context.files == Files::OnDrive;
        if parameter.kind == Kind::File && !is_on_drive {
            always.push(unlisted(format!("-{}", parameter.name)));
        }
        let values = values(bound, parameter);
        match parameter.binds {
            Binds::Nothing | Binds::Everybody => {}
            Binds::Pool | Binds::RemovedPool => {
                near.extend(values.iter().map(|name| vec![pool(name, topology)]))
            }
            Binds::EmptiedPool => {
                near.extend(values.iter().map(|name| vec![pool(name, topology), unlisted(parameter.name)]));
            }
            Binds::TestUser => near.extend(values.iter().flat_map(|user| lenders(user, topology))),
            Binds::Site => near.extend(values.iter().map(|site| in_site(site, topology))),
            Binds::Receiver => far.extend(values.iter().map(|address| receiver(address, topology))),
            Binds::Partner if description.impact == Impact::None => {
                far.extend(values.iter().map(|domain| vec![partner(domain, topology)]));
            }
            Binds::Partner => far.extend(values.iter().map(|domain| whole_partner(domain, topology))),
            Binds::Federation => far.extend(values.iter().map(|domain| vec![federated(domain, topology)])),
            Binds::Sender => always.extend(values.iter().map(|address| account(address, Resource::Sender))),
            Binds::Endpoint => always.push(unlisted(format!("-{}", parameter.name))),
            // Those are for `power`.
            Binds::Role
            | Binds::NewRole
            | Binds::Power
            | Binds::Member
            | Binds::Principal
            | Binds::NewPrincipal
            | Binds::Key => {}
            Binds::Global => always.push(Resource::Settings),
        }
    }
    always.extend(named_by_credential(description, bound, topology));
    always.extend(power::resources(description, bound, context)?);
    Ok(pairs(near, far, &always))
}

/// A pool and a receiver of a call for which a pool of ours lends the account.
#[derive(Debug)]
pub struct Pair {
    /// The pool's name as it was given.
    pub target: String,
    /// The receiver.
    pub receiver: Address,
    /// The call of this pair alone.
    pub bound: BoundArguments,
}

/// The pairs of a call for messages of which a pool lends the receiver as a test user.
pub fn lent_pairs(description: &Description, bound: &BoundArguments, topology: &Topology) -> Vec<Pair> {
    let binding = |binds| description.parameters.iter().find(|own| own.binds == binds);
    let (Some(near), Some(far)) = (binding(Binds::Pool), binding(Binds::Receiver)) else { return Vec::new() };
    let receivers: Vec<Address> =
        values(bound, far).iter().filter_map(|written| written.parse().ok()).collect();
    let test_users = topology.test_users();
    let is_lent = |receiver: &&Address| test_users.pool_of(receiver).is_some();
    // Without the long lists, which would be copied for each pair.
    let mut others = bound.clone();
    others.set(near.name, Value::Null);
    others.set(far.name, Value::Null);
    let pair = |target: &String, receiver: &Address| {
        let mut alone = others.clone();
        alone.set(near.name, Value::text(target.as_str()));
        alone.set(far.name, Value::text(receiver.to_string()));
        Pair { target: target.clone(), receiver: receiver.clone(), bound: alone }
    };
    let targets = values(bound, near);
    let to_each =
        |receiver: &Address| targets.iter().map(|target| pair(target, receiver)).collect::<Vec<_>>();
    receivers.iter().filter(is_lent).flat_map(to_each).collect()
}

/// A pool that the topology lists.
pub fn listed(pool: &Pool) -> Resource {
    Resource::Pool { identity: pool.identity.clone(), site: pool.site.clone() }
}

/// The resources that the results of a pair reveal: its pool, and its receiver or partner. A test user who logs on at a
/// pool is the pool's; what the topology no longer lists is an administrator's to read.
pub fn tested(pair: &PairName, topology: &Topology) -> Vec<Resource> {
    let mut told = Vec::new();
    if !pair.pool.is_empty() {
        told.push(topology.canonical_pool(&pair.pool).map_or_else(|| unlisted(&pair.pool), listed));
    }
    match (pair.test.as_str(), pair.receiver.parse::<Address>(), pair.receiver.parse::<Domain>()) {
        ("Registration" | "Topology", _, _) if !pair.pool.is_empty() => {}
        (_, Ok(receiver), _) => told.push(Resource::Receiver(receiver)),
        (_, Err(_), Ok(domain)) => told.push(Resource::Partner(domain)),
        (_, Err(_), Err(_)) => told.push(Resource::Everybody),
    }
    told
}

/// The parameters of a call as roles limit them: every value by itself, and each name as the topology
/// spells it, so that a limit holds for all of its spellings.
pub fn limited(
    description: &Description,
    bound: &BoundArguments,
    topology: &Topology,
) -> Vec<access::GivenParameter> {
    let given = description.every_parameter().filter(|own| bound.is_given(own.name));
    let as_listed = |kind: Kind, written: String| {
        let listed = if kind == Kind::Pool {
            topology.canonical_pool(&written).map(|pool| pool.identity.to_string())
        } else if kind == Kind::Domain {
            written.parse().ok().map(|domain: Domain| domain.to_string())
        } else {
            None
        };
        listed.unwrap_or(written)
    };
    given
        .map(|own| {
            let values = match bound.value(own.name) {
                Some(Value::Boolean(truth)) => vec![truth.to_string()],
                Some(_) | None => values(bound, own),
            };
            let values = values.into_iter().map(|value| as_listed(own.kind, value)).collect();
            access::GivenParameter { name: own.name.to_owned(), values }
        })
        .collect()
}

/// The values given for a parameter; of `@{Add=…; Remove=…}`, everything that it names.
fn values(bound: &BoundArguments, parameter: &Parameter) -> Vec<String> {
    match bound.value(parameter.name).and_then(Value::as_record) {
        Some(change) if parameter.kind == Kind::Modification => change
            .iter()
            .flat_map(|(_, named)| named.clone().into_elements())
            .map(|item| item.to_string())
            .collect(),
        Some(_) | None => bound.texts(parameter.name),
    }
}

/// Combines every near list with every far list, and adds the resources of the whole call to each.
fn pairs(near: Vec<Vec<Resource>>, far: Vec<Vec<Resource>>, always: &[Resource]) -> Vec<Vec<Resource>> {
    let together = |parts: &[&[Resource]]| parts.concat();
    match (near.is_empty(), far.is_empty()) {
        (true, true) if always.is_empty() => Vec::new(),
        (true, true) => vec![always.to_vec()],
        (false, true) => near.iter().map(|near| together(&[near, always])).collect(),
        (true, false) => far.iter().map(|far| together(&[far, always])).collect(),
        (false, false) => {
            near.iter().flat_map(|near| far.iter().map(move |far| together(&[near, far, always]))).collect()
        }
    }
}

fn pool(name: &str, topology: &Topology) -> Resource {
    match topology.canonical_pool(name) {
        Some(pool) => listed(pool),
        None => unlisted(name),
    }
}

/// The pools that lend a test user; each must be covered, since the credential serves them all.
fn lenders(user: &str, topology: &Topology) -> Vec<Vec<Resource>> {
    let Ok(user) = user.parse::<Address>() else { return vec![vec![unlisted(user)]] };
    let lenders: Vec<Resource> = topology.pools_listing(&user).map(listed).collect();
    if lenders.is_empty() { vec![vec![unlisted(user)]] } else { vec![lenders] }
}

/// Every pool of a site.
fn in_site(site: &str, topology: &Topology) -> Vec<Resource> {
    let is_here = |own: &Option<String>| own.as_ref().is_some_and(|own| site_key(own) == site_key(site));
    let pools = topology.pools.iter().filter(|pool| is_here(&pool.site));
    let resources: Vec<Resource> = pools.map(listed).collect();
    if resources.is_empty() { vec![unlisted(site)] } else { resources }
}

/// A receiver; at a domain that the topology does not list, that as well.
fn receiver(written: &str, topology: &Topology) -> Vec<Resource> {
    let Ok(address) = written.parse::<Address>() else { return vec![unlisted(written)] };
    let domain = address.domain();
    let is_listed = topology.pool_serving(&domain).is_some() || topology.partner_for(&domain).is_some();
    let resource = Resource::Receiver(address);
    if is_listed { vec![resource] } else { vec![resource, unlisted(domain)] }
}

/// A partner by the domain that was named: one of its others may be out of sight.
fn partner(written: &str, topology: &Topology) -> Resource {
    let Ok(domain) = written.parse::<Domain>() else { return unlisted(written) };
    if topology.partner_for(&domain).is_some() { Resource::Partner(domain) } else { unlisted(domain) }
}

/// A partner with all of its domains: who changes or removes it does so to every one of them.
fn whole_partner(written: &str, topology: &Topology) -> Vec<Resource> {
    let listed = written.parse::<Domain>().ok().and_then(|domain| topology.partner_for(&domain));
    match listed {
        Some(partner) => [&partner.domain]
            .into_iter()
            .chain(&partner.additional_domains)
            .cloned()
            .map(Resource::Partner)
            .collect(),
        None => vec![partner(written, topology)],
    }
}

/// A domain as other servers see it: a partner's, or one of our own.
fn federated(written: &str, topology: &Topology) -> Resource {
    match written.parse::<Domain>() {
        Ok(domain) if topology.pool_serving(&domain).is_some() => Resource::Partner(domain),
        Ok(_) | Err(_) => partner(written, topology),
    }
}

fn account(written: &str, resource: fn(Address) -> Resource) -> Resource {
    written.parse().map_or_else(|_| unlisted(written), resource)
}

/// The senders whom the credentials name: who may not log an account on may not do so under another's address.
fn named_by_credential(
    description: &Description,
    bound: &BoundArguments,
    topology: &Topology,
) -> Vec<Resource> {
    let names_senders = description.parameters.iter().any(|own| own.binds == Binds::Sender);
    let credentials = description.parameters.iter().filter_map(|own| bound.credential(own.name));
    if !names_senders {
        return Vec::new();
    }
    let pools: Vec<_> = description
        .parameters
        .iter()
        .filter(|own| own.binds == Binds::Pool)
        .flat_map(|own| bound.texts(own.name))
        .map(|name| topology.canonical_pool(&name))
        .collect();
    credentials
        .flat_map(|credential| {
            let at = |pool: &Option<&Pool>| match pool {
                Some(pool) => pool
                    .account_of(&credential)
                    .map_or_else(|| unlisted(&credential.user_name), Resource::Sender),
                None => account(&credential.user_name, Resource::Sender),
            };
            pools.iter().map(at).collect::<Vec<_>>()
        })
        .collect()
}

fn unlisted(what: impl ToString) -> Resource {
    Resource::Unlisted { what: what.to_string() }
}
