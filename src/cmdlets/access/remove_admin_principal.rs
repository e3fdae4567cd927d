//! `Remove-AdminPrincipal`: takes a name off the list that an SSH endpoint may vouch for.

use super::principal::existing;
use crate::call::change::change_access;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::Entry;

/// `Remove-AdminPrincipal`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-AdminPrincipal",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Removes a principal, its keys and its roles.",
        description: "It asks first; -Confirm:$false does not ask.",
        parameters: &[Parameter::new("Identity", Kind::Principal, "The principal.")
            .at(0)
            .from_each_record()
            .binds(Binds::Principal)],
        emits: "",
        roles: &[],
        impact: Impact::High,
        examples: &[Example {
            title: "There must be one",
            code: "try { Remove-AdminPrincipal nobody -Confirm:$false } catch (e) { print(e.Message) }",
            output: "There is no principal 'nobody'.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = existing(&call)?.name;
    let entry = Entry::principal(&name);
    change_access(&call, "Remove the principal", &name, |document| document.remove(&entry))
}
