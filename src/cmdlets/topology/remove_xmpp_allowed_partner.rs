//! `Remove-XmppAllowedPartner`: no longer allows messages to a partner's domains.

use crate::access::BuiltIn;
use crate::call::change::{change, partner};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::edit::Entry;

/// `Remove-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-XmppAllowedPartner",
        original: Some("Remove-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "No longer allows messages to a partner.",
        description: "It asks first, unless -Confirm:$false. All domains of the partner go, so a role must reach each \
            of them. The list of partners stays, empty if it was the last one: without it every domain would be \
            allowed.",
        parameters: &[Parameter::new("Identity", Kind::Domain, "A domain of the partner.")
            .aliases(&["Domain"])
            .at(0)
            .from_each_record()
            .binds(Binds::Partner)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::High,
        examples: &[
            Example {
                title: "Removes a partner without a question",
                code: "Remove-XmppAllowedPartner expired.contoso.com -Confirm:$false\n\
                    (Test-XmppIM atl-cs-001.litwareinc.com adelany@expired.contoso.com).Code",
                output: "PLAN-NOT-ALLOWED",
            },
            Example {
                title: "What it would do",
                code: "Get-XmppAllowedPartner contoso.com | Remove-XmppAllowedPartner -WhatIf",
                output: "What if: Performing the operation \"Remove the partner\" on target \"contoso.com\".\n\
                    \x20   minimum_evidence: \"Exchanged\" -> not set\n\
                    \x20   receivers: [\"adelany@contoso.com\"] -> not set",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = partner(&call)?;
    let entry = Entry::partner(&name);
    change(&call, "Remove the partner", name.as_str(), |document| document.remove(&entry))
}
