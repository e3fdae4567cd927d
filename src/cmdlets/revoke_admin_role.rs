//! `Revoke-AdminRole`: takes a role from somebody.

use crate::access::BuiltIn;
use crate::access::Member;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::change;
use crate::cmdlets::{Call, Cmdlet, Outcome};

/// `Revoke-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Revoke-AdminRole",
        original: Some("Revoke-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Takes a role from somebody.",
        description: "Members are os-user:NAME, os-group:NAME or principal:NAME. From the first assignment on everything is denied that no role allows, so the first role to give is Administrator. Only an administrator may.",
        parameters: &[
            Parameter::new("Identity", Kind::Role, "The role.").at(0).required().binds(Binds::Role),
            Parameter::new("Member", Kind::Text, "Whom it is about.")
                .at(1)
                .required()
                .binds(Binds::Principal),
        ],
        emits: "",
        roles: &[],
        impact: Impact::High,
        examples: &[Example {
            title: "What it would do",
            code: "Revoke-AdminRole HelpDesk os-user:kim -WhatIf",
            output: "What if: Performing the operation \"Take the role\" on target \"HelpDesk, os-user:kim\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let role = call.bound.text("Identity").unwrap_or_default();
    // A built-in role is written by its own name, whichever name it was called by.
    let role = BuiltIn::named(&role).map_or(role, |built_in| built_in.name().to_owned());
    let member: Member = call
        .bound
        .text("Member")
        .unwrap_or_default()
        .parse()
        .map_err(|fault| ErrorRecord::new(Category::InvalidArgument, "BadMember", format!("{fault}.")))?;
    let target = format!("{role}, {member}");
    change(&call, "Take the role", &target, |document| {
        document.revoke(&role, &member);
        Ok(())
    })
}
