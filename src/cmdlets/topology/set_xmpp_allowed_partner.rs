//! `Set-XmppAllowedPartner`: changes what is known of an allowed partner.

use super::settings::{INSTANCE, given};
use crate::access::BuiltIn;
use crate::call::change::{change, partner};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Partner;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `Set-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-XmppAllowedPartner",
        original: Some("Set-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes what is known of an allowed partner.",
        description: "Only what is given changes, and $null takes a setting away. Lists take a whole list, @{Add=…}, \
            @{Remove=…} or @{Replace=…}. A partner is known by each of its domains.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Adds a receiver for sweeps",
                code: "Set-XmppAllowedPartner contoso.com -Receivers @{Add=\"bob@contoso.com\"}\n\
                    (Get-XmppAllowedPartner contoso.com).Receivers",
                output: "adelany@contoso.com\nbob@contoso.com",
            },
            Example {
                title: "What it would do",
                code: "Get-XmppAllowedPartner contoso.com | Set-XmppAllowedPartner -Description Contoso -WhatIf",
                output: "What if: Performing the operation \"Change the partner\" on target \"contoso.com\".\n\
                    \x20   description: not set -> \"Contoso\"",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Partner>()] = parameters::<Partner, _, _>(
    [
        Parameter::new("Identity", Kind::Domain, "A domain of the partner.")
            .aliases(&["Domain"])
            .at(0)
            .from_each_record()
            .binds(Binds::Partner),
        INSTANCE,
    ],
    Purpose::Set,
);

async fn run(call: Call) -> Outcome {
    let name = partner(&call)?;
    let settings = given(&call);
    let entry = Entry::partner(&name);
    change(&call, "Change the partner", name.as_str(), |document| document.set(&entry, &settings))
}
