//! `Unlock-AdminPrincipal`: lets somebody in again who was locked.

use crate::call::change::{change_access, member};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Unlock-AdminPrincipal`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Unlock-AdminPrincipal",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Lets somebody in again who was locked.",
        description: "They have the roles again that are assigned to them.",
        parameters: &[Parameter::new(
            "Member",
            Kind::Member,
            "Who: os-user:NAME, os-group:NAME or principal:NAME.",
        )
        .at(0)
        .required()
        .binds(Binds::Endpoint)],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "Who is not locked",
            code: "try { Unlock-AdminPrincipal os-user:kim } catch (e) { print(e.Message) }",
            output: "os-user:kim is not locked.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let member = member(&call)?;
    let is_locked = call.whole.access.iter().any(|access| access.locked.contains(&member));
    if !is_locked {
        return Err(ErrorRecord::new(
            Category::ObjectNotFound,
            "NotLocked",
            format!("{member} is not locked."),
        )
        .target(member.to_string())
        .into());
    }
    change_access(&call, "Unlock", &member.to_string(), |document| document.lock(&member, false).map(|_| ()))
}
