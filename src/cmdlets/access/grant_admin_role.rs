//! `Grant-AdminRole`: gives a role to somebody.

use crate::call::change::{change_access, member, role_named};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};

/// `Grant-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Grant-AdminRole",
        original: Some("Grant-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Gives a role to somebody.",
        description: "Members are os-user:NAME, os-group:NAME or principal:NAME. From the first assignment on everything is denied that no role allows, so the first role to give is Administrator, to yourself. Who is no administrator gives no role that allows more than the role by which they may do this.",
        parameters: &[
            Parameter::new("Identity", Kind::Role, "The role.").at(0).required().binds(Binds::Role),
            Parameter::new("Member", Kind::Member, "Who gets it.").at(1).required().binds(Binds::Member),
        ],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "What it would do, and what it would lead to",
            code: "Grant-AdminRole HelpDesk os-user:kim -WhatIf",
            output: "What if: Performing the operation \"Give the role\" on target \"HelpDesk, os-user:kim\".\n\
                    \x20   access assignment HelpDesk members: not set -> [\"os-user:kim\"]\n\
                WARNING: From then on nobody would have the role Administrator. Give it to yourself first: Grant-AdminRole Administrator …",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let (role, member) = (role_named(&call, "Identity")?, member(&call)?);
    let target = format!("{role}, {member}");
    change_access(&call, "Give the role", &target, |document| document.grant(&role, &member).map(|_| ()))
}
