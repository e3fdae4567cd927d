//! `Lock-AdminPrincipal`: keeps somebody out, and ends their sessions.

use super::session::{end, running};
use crate::access::Principal;
use crate::call::change::{change_access, member};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};

/// `Lock-AdminPrincipal`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Lock-AdminPrincipal",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Keeps somebody out, and ends their sessions at once.",
        description: "Whoever is locked has no role, whatever is assigned to them, and no key of theirs opens the door. \
            Their roles are kept: Unlock-AdminPrincipal gives them back.",
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
            title: "What it would do",
            code: "Lock-AdminPrincipal os-user:kim -WhatIf -WarningAction SilentlyContinue",
            output: "What if: Performing the operation \"Lock\" on target \"os-user:kim\".\n\
                    \x20   access locked: not set -> [\"os-user:kim\"]",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let member = member(&call)?;
    change_access(&call, "Lock", &member.to_string(), |document| document.lock(&member, true).map(|_| ()))?;
    if call.bound.switch("WhatIf") {
        return Ok(());
    }
    for session in running(&call)? {
        // A member of a group is known to their own process, which ends by itself.
        let is_theirs = session.principal == member.to_string();
        let is_own = session.principal == Principal::to_string(&call.principal);
        if is_theirs && !is_own {
            end(&call, &session)?;
        }
    }
    Ok(())
}
