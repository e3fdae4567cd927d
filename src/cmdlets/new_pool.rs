//! `New-Pool`: adds a pool to the topology.

use crate::access::BuiltIn;
use crate::address::Domain;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::{change, settings};
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::topology::edit::Entry;

/// `New-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-Pool",
        original: Some("New-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Adds a pool to the topology.",
        description: "A pool has at least one domain whose users log on there. Where passwords go is an administrator's to say.",
        parameters: &[
            Parameter::new("Identity", Kind::Text, "The FQDN of the pool.")
                .at(0)
                .required()
                .binds(Binds::Pool),
            Parameter::new("Domains", Kind::Modification, "The domains whose users log on here.")
                .required()
                .binds(Binds::Endpoint),
            Parameter::new("Site", Kind::Text, "The site that it stands in.").binds(Binds::Endpoint),
            Parameter::new(
                "Servers",
                Kind::Modification,
                "Its servers in order; DNS is asked where there are none.",
            )
            .binds(Binds::Endpoint),
            Parameter::new("RegistrarPort", Kind::Integer(1, 65_535), "The port of servers that name none.")
                .binds(Binds::Endpoint),
            Parameter::new("Security", Kind::Choice(&["auto", "starttls", "direct"]), "How TLS begins.")
                .binds(Binds::Endpoint),
            Parameter::new("CaFile", Kind::File, "A private CA to trust for this pool.")
                .binds(Binds::Endpoint),
            Parameter::new("AllowPlain", Kind::Switch, "PLAIN may be used inside verified TLS.")
                .binds(Binds::Endpoint),
            Parameter::new("TestUsers", Kind::Modification, "The accounts that it lends for verification.")
                .binds(Binds::Endpoint),
            Parameter::new(
                "CertificateWarningDays",
                Kind::Integer(0, 3650),
                "From how many days before its end on a certificate is warned about.",
            ),
            Parameter::new("Description", Kind::Text, "What it is for."),
        ],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[Example {
            title: "What adding a pool would do",
            code: "New-Pool pool0.litwareinc.com -Domains pool0.example -WhatIf",
            output: "What if: Performing the operation \"Add the pool\" on target \"pool0.litwareinc.com\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let written = call.bound.text("Identity").unwrap_or_default();
    let name: Domain = written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadName", format!("'{written}' names no pool: {fault}."))
    })?;
    let settings = settings(&call, KEYS);
    let entry = Entry::Pool(name.clone());
    change(&call, "Add the pool", name.as_str(), |document| document.add(&entry, &settings))
}

/// Parameters and the document's keys.
const KEYS: &[(&str, &str)] = &[
    ("Site", "site"),
    ("Domains", "domains"),
    ("Servers", "servers"),
    ("RegistrarPort", "registrar_port"),
    ("Security", "security"),
    ("CaFile", "ca_file"),
    ("AllowPlain", "allow_plain"),
    ("TestUsers", "test_users"),
    ("CertificateWarningDays", "certificate_warning_days"),
    ("Description", "description"),
];
