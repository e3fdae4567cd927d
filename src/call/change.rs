//! Changes the topology on behalf of a cmdlet: rehearses the change, asks the operator, and writes it.

use super::{Call, Outcome, filter};
use crate::access::{BuiltIn, Member, RoleAssignment, RoleDefinition, role};
use crate::cmdlet::{Arity, Category, ErrorRecord, Kind, Parameter};
use crate::durable::FileStep;
use crate::topology::MAX_DOCUMENT_BYTES;
use crate::topology::edit::{self, Document, Fault, NewValue};
use crate::topology::{Domain, Mistake, Pool, Topology, duration};
use crate::value::Value;

/// Makes a change, unless `-WhatIf` or an answer to `-Confirm` says no. Under `-WhatIf` too, a
/// change that would be refused is an error.
///
/// # Errors
/// Every [`Fault`] as an error record; `NoAdministrator` where nobody could change it back.
pub fn change(
    call: &Call,
    operation: &str,
    target: &str,
    deed: impl Fn(&mut Document) -> Result<(), Fault>,
) -> Outcome {
    let Some(path) = call.context.topology.path() else {
        return Err(ErrorRecord::new(
            Category::ResourceUnavailable,
            "NoTopology",
            "There is no topology file to change.",
        )
        .remedy("Give --topology FILE.")
        .into());
    };
    let told = |fault: Fault| refused(call, &fault, target);
    let deed = |document: &mut Document| {
        // A narrow role was checked against this state of the roles; it must still hold under the lock.
        if !call.sees_everything() && !is_in_same_hands(&call.whole, document.topology()) {
            return Err(Fault::Moved);
        }
        // Nor may it have been taken away meanwhile.
        if call.still_allowed().is_err() {
            return Err(Fault::Moved);
        }
        deed(document)
    };
    let rehearsal = tokio::task::block_in_place(|| edit::rehearse(path, deed)).map_err(told)?;
    let (before, after) = (rehearsal.before.len() as u64, rehearsal.after.len() as u64);
    if call.context.is_delegates() && after > before && after > MAX_DOCUMENT_BYTES - RESERVE {
        let text = "The topology is nearly full: the room that is left is an administrator's.";
        return Err(ErrorRecord::new(Category::LimitsExceeded, "TopologyFull", text).target(target).into());
    }
    let changes = edit::differences(&rehearsal.before, &rehearsal.after);
    // A narrow role sees what it changes, and not what follows elsewhere.
    let shown = changes.iter().filter(|changed| call.sees_everything() || changed.is_of(target));
    let changes: Vec<String> = shown.map(|changed| changed.told_beside(target)).collect();
    if let Some(error) = locked_out(call, &rehearsal.topology) {
        // `-WhatIf` reports the consequence instead of refusing.
        if !call.bound.switch("WhatIf") {
            return Err(error.target(target).into());
        }
        call.should_process_changes(operation, target, &changes)?;
        return call.warn(format!("{} {}", error.message, error.remedy));
    }
    if !call.should_process_changes(operation, target, &changes)? {
        return Ok(());
    }
    let after = tokio::task::block_in_place(|| edit::change(path, deed)).map_err(told)?;
    new_remarks(call, &after).try_for_each(|remark| call.warn(remark))
}

/// Bytes of the document that are kept for administrators.
const RESERVE: u64 = 1 << 20;

/// Returns the remarks on what the change has made that is probably not meant. Remarks name what a narrow role may
/// not see.
fn new_remarks<'t>(call: &'t Call, after: &'t Topology) -> impl Iterator<Item = String> + 't {
    let is_old = |remark: &Mistake| {
        call.whole.remarks.iter().any(|old| (&old.key, &old.message) == (&remark.key, &remark.message))
    };
    let remarks = after.remarks.iter().filter(|_| call.sees_everything());
    remarks.filter(move |remark| !is_old(remark)).map(Mistake::to_string)
}

/// The pool that `-Identity` names.
///
/// # Errors
/// `PoolNotFound`.
pub fn pool(call: &Call) -> Result<&Pool, ErrorRecord> {
    let written = call.bound.text("Identity").unwrap_or_default();
    call.topology.canonical_pool(&written).ok_or_else(|| {
        ErrorRecord::new(Category::ObjectNotFound, "PoolNotFound", format!("There is no pool '{written}'."))
            .remedy(filter::advice(
                "Get-Pool",
                "pools",
                &written,
                &call.topology.place(),
                call.topology.pool_names(),
            ))
            .target(written)
    })
}

/// The domain that `-Identity` names, of something new or of something that is there.
///
/// # Errors
/// `BadName`.
pub fn domain(call: &Call) -> Result<Domain, ErrorRecord> {
    let written = call.bound.text("Identity").unwrap_or_default();
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadName", format!("'{written}' is no name: {fault}."))
            .target(written)
    })
}

/// The primary domain of the partner that `-Identity` names by any of its domains.
///
/// # Errors
/// `BadName`.
pub fn partner(call: &Call) -> Result<Domain, ErrorRecord> {
    let named = domain(call)?;
    Ok(call.topology.partner_for(&named).map_or(named, |partner| partner.domain.clone()))
}

/// Changes roles or principals, as [`change`] does, if the roles and the sites that they reach are still
/// those that the call was allowed on.
///
/// # Errors
/// As [`change`]; `TopologyChanged`.
pub fn change_access(
    call: &Call,
    operation: &str,
    target: &str,
    deed: impl Fn(&mut Document) -> Result<(), Fault>,
) -> Outcome {
    change(call, operation, target, |document| {
        if !is_in_same_hands(&call.whole, document.topology()) {
            return Err(Fault::Moved);
        }
        deed(document)
    })
}

/// Whether roles, and the sites and partners that they reach, are the same.
fn is_in_same_hands(then: &Topology, now: &Topology) -> bool {
    fn sites(topology: &Topology) -> impl Iterator<Item = (&Domain, Option<&str>)> {
        topology.pools.iter().map(|pool| (&pool.identity, pool.site.as_deref()))
    }
    fn domains(topology: &Topology) -> impl Iterator<Item = (&Domain, &[Domain])> {
        let partners = topology.partners.iter().flatten();
        partners.map(|partner| (&partner.domain, partner.additional_domains.as_slice()))
    }
    then.access == now.access && sites(then).eq(sites(now)) && domains(then).eq(domains(now))
}

/// The custom role that `-Identity` names.
///
/// # Errors
/// `BuiltInRole`; `RoleNotFound`.
pub fn custom_role(call: &Call) -> Result<RoleDefinition, ErrorRecord> {
    let name = call.bound.text("Identity").unwrap_or_default();
    if let Some(built_in) = BuiltIn::named(&name) {
        let message = format!("{built_in} is a built-in role, and stays as it is.");
        return Err(ErrorRecord::new(Category::InvalidOperation, "BuiltInRole", message)
            .target(&name)
            .remedy(format!("Make one of your own: New-AdminRole NAME -Template {built_in}.")));
    }
    let mut roles = call.whole.access.iter().flat_map(|access| &access.roles);
    roles.find(|role| role::is_same(&role.identity, &name)).cloned().ok_or_else(|| role_not_found(&name))
}

/// The role that a parameter names, custom or built-in, as the topology spells it.
///
/// # Errors
/// `RoleNotFound`.
pub fn role_named(call: &Call, parameter: &str) -> Result<String, ErrorRecord> {
    let name = call.bound.text(parameter).unwrap_or_default();
    if let Some(built_in) = BuiltIn::named(&name) {
        return Ok(built_in.name().to_owned());
    }
    let mut roles = call.whole.access.iter().flat_map(|access| &access.roles);
    let found = roles.find(|role| role::is_same(&role.identity, &name));
    found.map(|role| role.identity.clone()).ok_or_else(|| role_not_found(&name))
}

/// The member that `-Member` names.
///
/// # Errors
/// `BadMember`.
pub fn member(call: &Call) -> Result<Member, ErrorRecord> {
    let written = call.bound.text("Member").unwrap_or_default();
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadMember", super::sentence(&format!("{fault}")))
    })
}

fn role_not_found(name: &str) -> ErrorRecord {
    ErrorRecord::new(Category::ObjectNotFound, "RoleNotFound", format!("There is no role '{name}'."))
        .target(name)
        .remedy("Run Get-AdminRole to see the roles there are.")
}

/// The error for a change after which nobody, or not its author, could change the roles again.
fn locked_out(call: &Call, after: &Topology) -> Option<ErrorRecord> {
    let access = after.access.as_ref()?;
    let is_administrator = |assignment: &&RoleAssignment| assignment.is_of(BuiltIn::Administrator.name());
    let mut members = access.assignments.iter().filter(is_administrator).flat_map(|one| &one.members);
    let message = if members.clone().next().is_none() {
        "From then on nobody would have the role Administrator."
    } else if call.whole.access.is_none() && !members.any(|member| call.principal.is(member)) {
        "From then on you would not have the role Administrator yourself."
    } else {
        return None;
    };
    let remedy = format!("Give it to yourself first: Grant-AdminRole Administrator {}.", call.principal);
    Some(ErrorRecord::new(Category::InvalidOperation, "NoAdministrator", message).remedy(remedy))
}

/// The error record of a change that was not made. A caller who does not see the whole topology does
/// not get names from it.
fn refused(call: &Call, fault: &Fault, target: &str) -> ErrorRecord {
    let (category, id, remedy) = match fault {
        Fault::Broken(_) => (Category::InvalidData, "TopologyInvalid", "Mend the file first."),
        Fault::Refused(_) => (Category::InvalidArgument, "ChangeRefused", "Nothing was written."),
        Fault::TestUsersExist(_) => {
            (Category::ResourceExists, "Exists", "Use Set-HealthMonitoringConfiguration to change them.")
        }
        Fault::FirstTestUser(_) => (
            Category::InvalidArgument,
            "ChangeRefused",
            "Give -FirstTestUserSipUri as well: the account that tests are sent from then.",
        ),
        Fault::NoTestUsers(_) => {
            (Category::ObjectNotFound, "NotFound", "Use New-HealthMonitoringConfiguration to give it some.")
        }
        Fault::Missing(_) => (Category::ObjectNotFound, "NotFound", "Use the New- cmdlet to make it."),
        Fault::Exists(_) => (Category::ResourceExists, "Exists", "Use the Set- cmdlet to change it."),
        Fault::Moved => {
            (Category::InvalidOperation, "TopologyChanged", "Look at it as it is now, and try again.")
        }
        Fault::Shape { .. } => (Category::InvalidData, "TopologyShape", "Change it in an editor."),
        Fault::Durable(durable) if durable.step == FileStep::SyncDirectory => (
            Category::WriteError,
            "TopologyUnwritable",
            "The change is made, and may be lost with the power.",
        ),
        Fault::Durable(_) => (Category::WriteError, "TopologyUnwritable", "Nothing was changed."),
    };
    let text = match fault {
        Fault::Broken(_) if !call.sees_everything() => "the topology has a mistake already".to_owned(),
        Fault::Refused(mistakes) if !call.sees_everything() => {
            let told: Vec<&str> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
            format!("the change is refused: {}", told.join("; "))
        }
        Fault::Missing(entry) => format!("{entry} is not in {}", call.topology.place()),
        Fault::Exists(entry) => format!("{entry} is in {} already", call.topology.place()),
        Fault::Broken(_)
        | Fault::Refused(_)
        | Fault::TestUsersExist(_)
        | Fault::FirstTestUser(_)
        | Fault::NoTestUsers(_)
        | Fault::Moved
        | Fault::Shape { .. }
        | Fault::Durable(_) => fault.to_string(),
    };
    ErrorRecord::new(category, id, super::sentence(&text)).target(target).remedy(remedy)
}

/// The setting that a parameter's value makes: a plain value replaces; `@{Add=…}` and `@{Remove=…}`
/// change a list; null restores the default.
pub fn setting(parameter: &Parameter, value: &Value) -> NewValue {
    let list = |value: &Value| -> Vec<String> {
        value.clone().into_elements().iter().map(Value::to_string).collect()
    };
    match value {
        Value::Null => NewValue::Default,
        Value::List(_) => NewValue::List(list(value)),
        Value::Record(record) => match record.get("Replace") {
            Ok(whole) => NewValue::List(list(whole)),
            Err(_) => NewValue::Items {
                add: record.get("Add").map(list).unwrap_or_default(),
                remove: record.get("Remove").map(list).unwrap_or_default(),
            },
        },
        one if parameter.arity == Arity::Many || parameter.kind == Kind::Modification => {
            NewValue::List(list(one))
        }
        Value::Boolean(truth) => NewValue::Flag(*truth),
        Value::Integer(number) => NewValue::Number(u32::try_from(*number).unwrap_or(u32::MAX)),
        Value::Duration(duration) => NewValue::Text(duration::print(*duration)),
        Value::Float(_) | Value::Text(_) | Value::Timestamp(_) | Value::Credential(_) | Value::Block(_) => {
            NewValue::Text(value.to_string())
        }
    }
}
