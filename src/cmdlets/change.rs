//! Changing the topology from a cmdlet: asked for, rehearsed, and written in one step.

use super::{Call, Outcome};
use crate::access::BuiltIn;
use crate::cmdlet::{Arity, Category, ErrorRecord, Kind, Parameter};
use crate::topology::edit::{self, Document, Fault, Setting};
use crate::topology::{Domain, Pool, Topology, duration};
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
    let Some(path) = call.world.topology.path() else {
        return Err(ErrorRecord::new(
            Category::ResourceUnavailable,
            "NoTopology",
            "There is no topology file to change.",
        )
        .remedy("Give --topology FILE.")
        .into());
    };
    let rehearsed = tokio::task::block_in_place(|| edit::rehearse(path, &deed));
    let (_, after) = rehearsed.map_err(|fault| refused(&fault, target))?;
    keep_an_administrator(&after, target)?;
    if !call.should_process(operation, target)? {
        return Ok(());
    }
    tokio::task::block_in_place(|| edit::change(path, &deed)).map_err(|fault| refused(&fault, target))?;
    Ok(())
}

/// The pool that `-Identity` names.
///
/// # Errors
/// `PoolNotFound`.
pub fn pool(call: &Call) -> Result<&Pool, ErrorRecord> {
    let written = call.bound.text("Identity").unwrap_or_default();
    call.topology.canonical_pool(&written).ok_or_else(|| {
        ErrorRecord::new(Category::ObjectNotFound, "PoolNotFound", format!("There is no pool '{written}'."))
            .target(written)
            .remedy("Run Get-Pool to see the pools there are.")
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

/// A topology that says who may do what, and lets nobody change it, locks its owner out.
fn keep_an_administrator(after: &Topology, target: &str) -> Outcome {
    let Some(access) = &after.access else { return Ok(()) };
    let has_one = access.assignments.iter().any(|assignment| {
        BuiltIn::named(&assignment.role) == Some(BuiltIn::Administrator) && !assignment.members.is_empty()
    });
    if has_one {
        return Ok(());
    }
    Err(ErrorRecord::new(
        Category::InvalidOperation,
        "NoAdministrator",
        "From then on nobody would have the role Administrator.",
    )
    .target(target)
    .remedy("Give it to somebody first: Grant-AdminRole Administrator os-user:NAME.")
    .into())
}

fn refused(fault: &Fault, target: &str) -> ErrorRecord {
    let (category, id, remedy) = match fault {
        Fault::Broken(_) => (Category::InvalidData, "TopologyInvalid", "Mend the file first."),
        Fault::Refused(_) => (Category::InvalidArgument, "ChangeRefused", "Nothing was written."),
        Fault::TestUsersExist(_) => {
            (Category::ResourceExists, "Exists", "Use Set-HealthMonitoringConfiguration to change them.")
        }
        Fault::NoTestUsers(_) => {
            (Category::ObjectNotFound, "NotFound", "Use New-HealthMonitoringConfiguration to give it some.")
        }
        Fault::Missing(_) => (Category::ObjectNotFound, "NotFound", "Use the New- cmdlet to make it."),
        Fault::Exists(_) => (Category::ResourceExists, "Exists", "Use the Set- cmdlet to change it."),
        Fault::Shape { .. } => (Category::InvalidData, "TopologyShape", "Change it in an editor."),
        Fault::Durable(_) => (Category::WriteError, "TopologyUnwritable", "Nothing was changed."),
    };
    ErrorRecord::new(category, id, super::sentence(&fault.to_string())).target(target).remedy(remedy)
}

/// What the parameters that were given mean for the document's keys.
pub fn settings(call: &Call, keys: &[(&str, &'static str)]) -> Vec<(&'static str, Setting)> {
    let own = |name: &str| call.description.parameters.iter().find(|own| own.name == name);
    let of = |(name, key): &(&str, &'static str)| Some((*key, setting(own(name)?, call.bound.value(name)?)));
    keys.iter().filter_map(of).collect()
}

/// What a parameter's value means for its key: a plain value replaces; `@{Add=…}` and `@{Remove=…}`
/// change a list; null clears.
pub fn setting(parameter: &Parameter, value: &Value) -> Setting {
    let list = |value: &Value| -> Vec<String> {
        value.clone().into_elements().iter().map(Value::to_string).collect()
    };
    match value {
        Value::Null => Setting::Default,
        Value::List(_) => Setting::List(list(value)),
        Value::Record(record) => match record.get("Replace") {
            Ok(whole) => Setting::List(list(whole)),
            Err(_) => Setting::Items {
                add: record.get("Add").map(list).unwrap_or_default(),
                remove: record.get("Remove").map(list).unwrap_or_default(),
            },
        },
        one if parameter.arity == Arity::Many || parameter.kind == Kind::Modification => {
            Setting::List(list(one))
        }
        Value::Boolean(truth) => Setting::Flag(*truth),
        Value::Integer(number) => Setting::Number(u32::try_from(*number).unwrap_or(u32::MAX)),
        Value::Duration(duration) => Setting::Text(duration::print(*duration)),
        Value::Float(_) | Value::Text(_) | Value::Timestamp(_) | Value::Credential(_) | Value::Block(_) => {
            Setting::Text(value.to_string())
        }
    }
}
