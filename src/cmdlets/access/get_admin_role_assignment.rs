//! `Get-AdminRoleAssignment`: who has which role.

use crate::access::{BuiltIn, Member};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::value::Record;

/// `Get-AdminRoleAssignment`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-AdminRoleAssignment",
        original: Some("Get-CsAdminRoleAssignment"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Says who has which role.",
        description: "Without parameters it gives every assignment of the roles that you see. Members of groups are \
            the operating system's to say: ask for os-group:NAME as well.",
        parameters: &[
            Parameter::new(
                "Identity",
                Kind::Member,
                "Somebody, or several: os-user:NAME, os-group:NAME, principal:NAME, or a name alone for all three.",
            )
            .many()
            .at(0)
            .default("Everybody.")
            .from_all_records(),
            Parameter::new("Role", Kind::Role, "Who has this role, or one of several.").many(),
        ],
        emits: "AdminRoleAssignment",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Nobody has a role before the topology says who may do what",
            code: "(Get-AdminRoleAssignment kim).Count",
            output: "0",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let (who, roles) = (call.bound.texts("Identity"), call.bound.texts("Role"));
    let is_meant = |member: &Member| {
        let (written, name) = (member.to_string(), member.name());
        who.is_empty() || who.iter().any(|one| *one == written || one == name)
    };
    let access = call.topology.access.clone().unwrap_or_default();
    for assignment in &access.assignments {
        if !roles.is_empty() && !roles.iter().any(|role| assignment.is_of(role)) {
            continue;
        }
        let role =
            BuiltIn::named(&assignment.role).map_or(assignment.role.as_str(), |built_in| built_in.name());
        for member in assignment.members.iter().filter(|member| is_meant(member)) {
            let record =
                Record::new("AdminRoleAssignment").with("Role", role).with("Member", member.to_string());
            call.emit(record).await?;
        }
    }
    Ok(())
}
