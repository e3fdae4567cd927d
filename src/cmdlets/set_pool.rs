//! `Set-Pool`: changes a pool of the topology.

use crate::access::BuiltIn;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::change::{change, settings};
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::topology::edit::Entry;

/// `Set-Pool`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-Pool",
        original: Some("Set-CsPool"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Changes a pool of the topology.",
        description: "Only what is given changes. Lists take a whole list, @{Add=…}, @{Remove=…}, @{Replace=…} or $null. What decides where passwords go, and the site, are an administrator's to change.",
        parameters: &[
            Parameter::new("Identity", Kind::Pool, "The FQDN of the pool.")
                .at(0)
                .required()
                .binds(Binds::Pool),
            Parameter::new("Domains", Kind::Modification, "The domains whose users log on here.")
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
            title: "What describing a pool would do",
            code: "Set-Pool atl-cs-001.litwareinc.com -Description Atlanta -WhatIf",
            output: "What if: Performing the operation \"Change the pool\" on target \"atl-cs-001.litwareinc.com\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let written = call.bound.text("Identity").unwrap_or_default();
    let Some(pool) = call.topology.canonical_pool(&written) else {
        return Err(ErrorRecord::new(
            Category::ObjectNotFound,
            "PoolNotFound",
            format!("There is no pool '{written}'."),
        )
        .target(&written)
        .remedy("Run Get-Pool to see the pools there are.")
        .into());
    };
    let entry = Entry::Pool(pool.identity.clone());
    let settings = settings(&call, KEYS);
    change(&call, "Change the pool", pool.identity.as_str(), |document| document.set(&entry, &settings))
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
