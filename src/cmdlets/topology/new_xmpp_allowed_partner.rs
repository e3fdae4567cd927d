//! `New-XmppAllowedPartner`: allows messages to an XMPP domain.

use super::settings::{IN_MEMORY, given};
use crate::access::BuiltIn;
use crate::call::change::{change, domain};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Partner;
use crate::topology::edit::Entry;
use crate::topology::setting::{Purpose, n_parameters, parameters};

/// `New-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "New-XmppAllowedPartner",
        original: Some("New-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Allows messages to an XMPP domain.",
        description: "A topology without any partner list allows every domain; from the first partner on, every \
            domain that is not listed is refused. What two servers settle between them, such as dialback, is refused \
            with words: it is set at the server.",
        parameters: &PARAMETERS,
        emits: "",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "Allows a partner with two domains",
                code: "New-XmppAllowedPartner fabrikam.net -AdditionalDomains chat.fabrikam.net\n\
                    (Get-XmppAllowedPartner chat.fabrikam.net).Identity",
                output: "fabrikam.net",
            },
            Example {
                title: "What it would do",
                code: "New-XmppAllowedPartner fabrikam.net -WhatIf",
                output: "What if: Performing the operation \"Add the partner\" on target \"fabrikam.net\".",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

const PARAMETERS: [Parameter; 2 + n_parameters::<Partner>()] = parameters::<Partner, _, _>(
    [
        Parameter::new("Identity", Kind::Domain, "The primary domain of the partner.")
            .aliases(&["Domain"])
            .at(0)
            .required()
            .binds(Binds::Partner),
        IN_MEMORY,
    ],
    Purpose::New,
);

async fn run(call: Call) -> Outcome {
    let name = domain(&call)?;
    let settings = given(&call);
    let entry = Entry::partner(&name);
    change(&call, "Add the partner", name.as_str(), |document| document.add(&entry, &settings))
}
