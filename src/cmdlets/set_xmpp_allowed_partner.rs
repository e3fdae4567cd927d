//! `Set-XmppAllowedPartner`: changes what is known of an allowed partner.

use crate::access::BuiltIn;
use crate::address::Domain;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::{change, settings};
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::topology::edit::Entry;

/// `Set-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-XmppAllowedPartner",
        original: Some("Set-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes what is known of an allowed partner.",
        description: "A topology without any partner list allows every domain; with one, every other domain is refused.",
        parameters: &[
            Parameter::new("Identity", Kind::Domain, "The domain of the partner.")
                .aliases(&["Domain"])
                .at(0)
                .required()
                .binds(Binds::Partner),
            Parameter::new("AdditionalDomains", Kind::Modification, "Further domains of the same partner.")
                .binds(Binds::Endpoint),
            Parameter::new("Receivers", Kind::Modification, "Whom a sweep sends to.").binds(Binds::Receiver),
            Parameter::new(
                "PartnerType",
                Kind::Choice(&["Federated", "PublicVerified", "PublicUnverified"]),
                "The relationship.",
            )
            .default("PublicUnverified"),
            Parameter::new(
                "TlsNegotiation",
                Kind::Choice(&["Required", "Optional", "NotSupported"]),
                "Whether its server must offer TLS.",
            )
            .binds(Binds::Endpoint)
            .default("Required"),
            Parameter::new(
                "ProxyFqdn",
                Kind::Text,
                "The server to look at in place of the domain's SRV records.",
            )
            .binds(Binds::Endpoint),
            Parameter::new(
                "MinimumEvidence",
                Kind::Choice(&["Sent", "AcceptedByPool", "AcceptedByPartner", "Delivered", "Exchanged"]),
                "What a verification must prove here.",
            ),
            Parameter::new(
                "ConnectionLimit",
                Kind::Integer(1, 1_000_000),
                "How many verifications may reach for it at once.",
            ),
            Parameter::new("Description", Kind::Text, "What is known about it."),
        ],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[Example {
            title: "What it would do",
            code: "Set-XmppAllowedPartner contoso.com -Description Contoso -WhatIf",
            output: "What if: Performing the operation \"Change the partner\" on target \"contoso.com\".",
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
    let settings = settings(&call, KEYS);
    let entry = Entry::Partner(name.clone());
    change(&call, "Change the partner", name.as_str(), |document| document.set(&entry, &settings))
}

/// Parameters and the document's keys.
const KEYS: &[(&str, &str)] = &[
    ("AdditionalDomains", "additional_domains"),
    ("Receivers", "receivers"),
    ("PartnerType", "partner_type"),
    ("TlsNegotiation", "tls_negotiation"),
    ("ProxyFqdn", "proxy_fqdn"),
    ("MinimumEvidence", "minimum_evidence"),
    ("ConnectionLimit", "connection_limit"),
    ("Description", "description"),
];
