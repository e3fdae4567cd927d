//! `New-AdminPrincipal`: lists a name that an SSH endpoint may vouch for, with its keys.

use super::principal::{KEYS, checked, name};
use crate::access::Member;
use crate::call::change::{change_access, role_named};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::{Entry, NewValue};

/// `New-AdminPrincipal`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-AdminPrincipal",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Lists a name that the SSH endpoint may vouch for, with its keys.",
        description: "With -Role it has that role at once; else nothing is allowed to it until an administrator runs \
            Grant-AdminRole ROLE principal:NAME. Without a key only a certificate proves it. Who is no administrator \
            gives no role that allows more than the role by which they may do this.",
        parameters: &[
            Parameter::new("Identity", Kind::Principal, "The name.")
                .at(0)
                .required()
                .binds(Binds::NewPrincipal),
            KEYS.at(1),
            Parameter::new("Role", Kind::Role, "The role that it has.").default("None.").binds(Binds::Role),
        ],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "What it would do",
            code: "New-AdminPrincipal pilar -Keys \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfMhVvJ0mW0n0mS3bYjJ8QmJ5Jj1wJ3q4g6p3l1u0aZ pilar@desk\" -WhatIf -WarningAction SilentlyContinue",
            output: "What if: Performing the operation \"Add the principal\" on target \"pilar\".\n\
                    \x20   keys: not set -> [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfMhVvJ0mW0n0mS3bYjJ8QmJ5Jj1wJ3q4g6p3l1u0aZ pilar@desk\"]",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = name(&call)?;
    let keys = checked(&call.bound.texts("Keys"))?;
    let settings = match keys.as_slice() {
        [] => Vec::new(),
        keys => vec![("keys", NewValue::List(keys.iter().map(ToString::to_string).collect()))],
    };
    let entry = Entry::principal(&name);
    let role = call.bound.is_given("Role").then(|| role_named(&call, "Role")).transpose()?;
    let member = Member::Principal(name.clone());
    change_access(&call, "Add the principal", &name, |document| {
        document.add(&entry, &settings)?;
        role.iter().try_for_each(|role| document.grant(role, &member).map(|_| ()))
    })
}
