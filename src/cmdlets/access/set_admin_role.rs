//! `Set-AdminRole`: changes a custom role.

use super::authority::{
    self, CMDLETS, CONFIG_SCOPES, DESCRIPTION, PARAMETER_LIMITS, SCRIPT_MODULES, SESSION_LIMITS, USER_SCOPES,
};
use crate::call::change::{change_access, custom_role};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::Entry;

/// `Set-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-AdminRole",
        original: Some("Set-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Changes a custom role.",
        description: "Only what is given changes. Lists take a whole list, @{Add=…}, @{Remove=…}, @{Replace=…}. It \
            holds from the next call on of everybody who has the role. Built-in roles cannot be changed. Who is no \
            administrator changes no role that allows more, before or afterwards, than the role by which they may do \
            this.",
        parameters: &[
            Parameter::new("Identity", Kind::Role, "The role.").at(0).from_each_record().binds(Binds::Role),
            CMDLETS,
            CONFIG_SCOPES,
            USER_SCOPES,
            PARAMETER_LIMITS,
            SCRIPT_MODULES,
            SESSION_LIMITS,
            DESCRIPTION,
        ],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "A built-in role stays as it is",
            code: "try { Set-AdminRole HelpDesk -Cmdlets @{Add=\"Set-Pool\"} } catch (e) { print(e.Message) }",
            output: "HelpDesk is a built-in role, and stays as it is.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let before = custom_role(&call)?;
    let known = crate::cmdlets::catalogue();
    let after = authority::wanted(&call.bound, Some(&before), &known, &call.whole)?;
    let entry = Entry::role(&before.identity);
    let settings = authority::settings(Some(&before), &after);
    change_access(&call, "Change the role", &before.identity, |document| document.set(&entry, &settings))
}
