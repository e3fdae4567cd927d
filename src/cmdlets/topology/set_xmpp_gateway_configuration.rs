//! `Set-XmppGatewayConfiguration`: changes the limits and deadlines of every verification.

use super::settings::{GLOBAL, INSTANCE, given};
use crate::access::BuiltIn;
use crate::call::change::change;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Parameter};
use crate::topology::Gateway;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `Set-XmppGatewayConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-XmppGatewayConfiguration",
        original: Some("Set-CsXmppGatewayConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes the limits and deadlines that hold for every verification.",
        description: "Only what is given changes; with $null the default holds again. Deadlines are seconds, or text \
            such as 90s, 5m, 00:01:30. A role needs the scope global for it.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Waits longer for evidence",
                code: "Set-XmppGatewayConfiguration -DeliverTimeout 45 -Timeout 90s\n\
                    (Get-XmppGatewayConfiguration).DeliverTimeout",
                output: "00:00:45",
            },
            Example {
                title: "Goes back to the default",
                code: "Set-XmppGatewayConfiguration -ConnectTimeout $null; (Get-XmppGatewayConfiguration).ConnectTimeout",
                output: "00:00:10",
            },
            Example {
                title: "What it would do",
                code: "Set-XmppGatewayConfiguration -PartnerConnectionLimit 5 -WhatIf",
                output: "What if: Performing the operation \"Change the gateway\" on target \"global\".\n\
                    \x20   gateway partner_connection_limit: not set -> 5",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Gateway>()] =
    parameters::<Gateway, _, _>([GLOBAL, INSTANCE], Purpose::Set);

async fn run(call: Call) -> Outcome {
    let settings = given(&call);
    change(&call, "Change the gateway", "global", |document| {
        document.set(&Entry::only::<Gateway>(), &settings)
    })
}
