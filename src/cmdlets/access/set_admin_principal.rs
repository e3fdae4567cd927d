//! `Set-AdminPrincipal`: changes the keys that prove a name.

use super::principal::{KEYS, checked, existing};
use crate::access::PublicKey;
use crate::call::change::change_access;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::{Entry, NewValue};
use crate::value::Value;

/// `Set-AdminPrincipal`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-AdminPrincipal",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Changes the keys of a principal.",
        description: "Takes a whole list, @{Add=…}, @{Remove=…} or @{Replace=…}. A key that is removed is named by its \
            line, its fingerprint or its comment. Whoever holds a key of a principal is that principal: who is no \
            administrator changes no keys of somebody who may do more than the role allows by which they may do this, \
            nor of somebody who has no role yet.",
        parameters: &[
            Parameter::new("Identity", Kind::Principal, "The principal.")
                .at(0)
                .from_each_record()
                .binds(Binds::Principal),
            KEYS.at(1).required(),
        ],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "There must be one",
            code: "try { Set-AdminPrincipal nobody -Keys @{Remove=\"nobody@desk\"} } catch (e) { print(e.Message) }",
            output: "There is no principal 'nobody'.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let entry = existing(&call)?;
    let keys = changed(&call, &entry.keys)?;
    let setting = match keys.as_slice() {
        [] => NewValue::Default,
        keys => NewValue::List(keys.iter().map(ToString::to_string).collect()),
    };
    let (name, place) = (entry.name.clone(), Entry::principal(&entry.name));
    let settings = [("keys", setting)];
    change_access(&call, "Change the keys", &name, |document| document.set(&place, &settings))
}

/// The keys after the change.
fn changed(call: &Call, keys: &[PublicKey]) -> Result<Vec<PublicKey>, ErrorRecord> {
    let Some(value) = call.bound.value("Keys") else { return Ok(keys.to_vec()) };
    let texts =
        |value: &Value| value.clone().into_elements().iter().map(Value::to_string).collect::<Vec<_>>();
    let Some(change) = value.as_record() else { return checked(&texts(value)) };
    if let Ok(all) = change.get("Replace") {
        return checked(&texts(all));
    }
    let mut after = keys.to_vec();
    for named in change.get("Remove").map(texts).unwrap_or_default() {
        let n_before = after.len();
        after.retain(|key| !is_named(key, named.trim()));
        if after.len() == n_before {
            return Err(ErrorRecord::new(
                Category::ObjectNotFound,
                "KeyNotFound",
                "There is no such key to remove.",
            )
            .remedy(
                "Name it by its line, its fingerprint or its comment, as Get-AdminPrincipal shows them.",
            ));
        }
    }
    for key in checked(&change.get("Add").map(texts).unwrap_or_default())? {
        if !after.iter().any(|other| other.blob == key.blob) {
            after.push(key);
        }
    }
    Ok(after)
}

/// Whether a text means this key: its line with whatever comment, its fingerprint, or its comment.
fn is_named(key: &PublicKey, written: &str) -> bool {
    written.parse::<PublicKey>().is_ok_and(|line| line.blob == key.blob)
        || written == key.fingerprint()
        || !key.comment.is_empty() && written == key.comment
}
