//! `Remove-XmppAllowedPartner`: no longer allows messages to an XMPP domain.

use crate::access::BuiltIn;
use crate::address::Domain;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::change;
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::topology::edit::Entry;

/// `Remove-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-XmppAllowedPartner",
        original: Some("Remove-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "No longer allows messages to an XMPP domain.",
        description: "A topology without any partner list allows every domain; with one, every other domain is refused.",
        parameters: &[Parameter::new("Identity", Kind::Domain, "The domain of the partner.")
            .aliases(&["Domain"])
            .at(0)
            .required()
            .binds(Binds::Partner)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::High,
        examples: &[Example {
            title: "What it would do",
            code: "Remove-XmppAllowedPartner contoso.com -WhatIf",
            output: "What if: Performing the operation \"Remove the partner\" on target \"contoso.com\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let written = call.bound.text("Identity").unwrap_or_default();
    let name: Domain = written.parse().map_err(|fault| {
        ErrorRecord::new(
            Category::InvalidArgument,
            "BadName",
            format!("'{written}' names no partner: {fault}."),
        )
    })?;
    let name = call.topology.partner_for(&name).map_or(name, |partner| partner.domain.clone());
    let entry = Entry::Partner(name.clone());
    change(&call, "Remove the partner", name.as_str(), |document| document.remove(&entry))
}
