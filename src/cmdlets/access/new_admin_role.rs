//! `New-AdminRole`: makes a custom role over a built-in one.

use super::authority::{
    self, CMDLETS, CONFIG_SCOPES, DESCRIPTION, PARAMETER_LIMITS, SCRIPT_MODULES, SESSION_LIMITS, USER_SCOPES,
};
use crate::call::change::change_access;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::Entry;

/// `New-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-AdminRole",
        original: Some("New-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Makes a role over a built-in one.",
        description: "The new role has the cmdlets of its template, unless -Cmdlets says otherwise, and reaches \
            everything, unless -ConfigScopes and -UserScopes say otherwise. Nobody has it yet: Grant-AdminRole gives \
            it. Who is no administrator makes no role that allows more than the role by which they may do this.",
        parameters: &[
            Parameter::new("Identity", Kind::Role, "The name of the new role.")
                .at(0)
                .required()
                .binds(Binds::NewRole),
            Parameter::new("Template", Kind::Role, "The built-in role that it starts from.")
                .required()
                .binds(Binds::Power),
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
            title: "A help desk for one site and one partner",
            code: "Grant-AdminRole Administrator os-user:kim -WhatIf -WarningAction SilentlyContinue\n\
                New-AdminRole RedmondHelpDesk -Template HelpDesk -ConfigScopes site:Redmond -UserScopes domain:contoso.com -WhatIf -WarningAction SilentlyContinue",
            output: "What if: Performing the operation \"Give the role\" on target \"Administrator, os-user:kim\".\n\
                    \x20   access assignment Administrator members: not set -> [\"os-user:kim\"]\n\
                What if: Performing the operation \"Make the role\" on target \"RedmondHelpDesk\".\n\
                    \x20   config_scopes: not set -> [\"site:Redmond\"]\n\
                    \x20   template: not set -> \"HelpDesk\"\n\
                    \x20   user_scopes: not set -> [\"domain:contoso.com\"]",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let known = crate::cmdlets::catalogue();
    let role = authority::wanted(&call.bound, None, &known, &call.whole)?;
    let entry = Entry::role(&role.identity);
    let settings = authority::settings(None, &role);
    change_access(&call, "Make the role", &role.identity, |document| document.add(&entry, &settings))
}
