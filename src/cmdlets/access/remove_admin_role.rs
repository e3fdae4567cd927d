//! `Remove-AdminRole`: takes a custom role away from everybody.

use crate::call::change::{change_access, custom_role};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::Entry;

/// `Remove-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-AdminRole",
        original: Some("Remove-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Removes a custom role, and takes it from everybody who has it.",
        description: "It asks first; -Confirm:$false does not ask. Built-in roles cannot be removed. Who is no \
            administrator removes no role that allows more than the role by which they may do this.",
        parameters: &[Parameter::new("Identity", Kind::Role, "The role.")
            .at(0)
            .from_each_record()
            .binds(Binds::Role)],
        emits: "",
        roles: &[],
        impact: Impact::High,
        examples: &[Example {
            title: "A built-in role stays",
            code: "try { Remove-AdminRole HelpDesk -Confirm:$false } catch (e) { print(e.Message) }",
            output: "HelpDesk is a built-in role, and stays as it is.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let role = custom_role(&call)?;
    let entry = Entry::role(&role.identity);
    change_access(&call, "Remove the role", &role.identity, |document| document.remove(&entry))
}
