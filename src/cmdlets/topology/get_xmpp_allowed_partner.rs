//! `Get-XmppAllowedPartner`: the XMPP domains that users may exchange messages with.

use super::named::NamedEntries;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::Domain;

/// `Get-XmppAllowedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-XmppAllowedPartner",
        original: Some("Get-CsXmppAllowedPartner"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives the XMPP domains that your users may exchange messages with.",
        description: "A topology without any partner list allows every domain. With one, a receiver at any other \
            domain is refused before a packet leaves. Receivers are the addresses that a sweep sends to.",
        parameters: &[
            Parameter::new(
                "Identity",
                Kind::Domain,
                "The domain of one partner, or several; an additional domain will do.",
            )
            .aliases(&["Domain"])
            .many()
            .at(0)
            .default("Every partner.")
            .from_all_records()
            .binds(Binds::Partner),
            Parameter::new("Filter", Kind::Text, "Partners whose domain matches a pattern with * and ?."),
        ],
        emits: "XmppAllowedPartner",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "Names the receivers at a partner",
            code: "(Get-XmppAllowedPartner contoso.com).Receivers",
            output: "adelany@contoso.com",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let named = NamedEntries {
        entries: call.topology.partners.iter().flatten().collect(),
        name: |partner| partner.domain.as_str(),
        find: &|name| call.topology.partner_for(&name.parse::<Domain>().ok()?),
        words: ("allowed partner", "partners"),
        not_found: "PartnerNotFound",
    };
    named.emit(&call).await
}
