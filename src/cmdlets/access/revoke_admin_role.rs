//! `Revoke-AdminRole`: takes a role from somebody.

use crate::call::change::{change_access, member, role_named};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Revoke-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Revoke-AdminRole",
        original: Some("Revoke-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Takes a role from somebody.",
        description: "It asks first; -Confirm:$false does not ask. Members are os-user:NAME, os-group:NAME or principal:NAME. The last Administrator keeps the role. Who is no administrator takes no role that allows more than the role by which they may do this.",
        parameters: &[
            Parameter::new("Identity", Kind::Role, "The role.").at(0).required().binds(Binds::Role),
            Parameter::new("Member", Kind::Member, "Who loses it.").at(1).required(),
        ],
        emits: "",
        roles: &[],
        impact: Impact::High,
        examples: &[Example {
            title: "What nobody gave cannot be taken",
            code: "try { Revoke-AdminRole HelpDesk os-user:kim -Confirm:$false } catch (e) { print(e.Message) }",
            output: "os-user:kim does not have the role HelpDesk.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let (role, member) = (role_named(&call, "Identity")?, member(&call)?);
    let assignments = call.whole.access.iter().flat_map(|access| &access.assignments);
    let mut of_role = assignments.filter(|assignment| assignment.is_of(&role));
    if !of_role.any(|assignment| assignment.members.contains(&member)) {
        let message = format!("{member} does not have the role {role}.");
        return Err(ErrorRecord::new(Category::ObjectNotFound, "NotAssigned", message)
            .target(member.to_string())
            .remedy("Run Get-AdminRoleAssignment to see who has it.")
            .into());
    }
    let target = format!("{role}, {member}");
    change_access(&call, "Take the role", &target, |document| {
        document.revoke(&role, &member);
        Ok(())
    })
}
