//! `New-XmppAllowedPartner`: allows messages to an XMPP domain.

use crate::access::BuiltIn;
use crate::address::Domain;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::{change, settings};
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::topology::edit::Entry;

/// `New-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-XmppAllowedPartner",
        original: Some("New-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Allows messages to an XMPP domain.",
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
            code: "New-XmppAllowedPartner fabrikam.example -WhatIf",
            output: "What if: Performing the operation \"Add the partner\" on target \"fabrikam.example\".",
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
    let settings = settings(&call, KEYS);
    let entry = Entry::Partner(name.clone());
    change(&call, "Add the partner", name.as_str(), |document| document.add(&entry, &settings))
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
