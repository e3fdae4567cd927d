//! `Get-XmppAllowedPartner`: the XMPP domains that users may exchange messages with.

use crate::access::BuiltIn;
use crate::call::filter::{self, Filter};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::{Domain, SettingsTable as _};

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
    let partners = call.topology.partners.as_deref().unwrap_or_default();
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let wanted = call.bound.texts("Identity");
    if wanted.is_empty() {
        for partner in partners {
            if filter.as_ref().is_none_or(|filter| filter.matches(partner.domain.as_str())) {
                call.emit(partner.record("XmppAllowedPartner")).await?;
            }
        }
        return Ok(());
    }
    for name in wanted {
        let domain = name.parse::<Domain>().ok();
        match domain.and_then(|domain| call.topology.partner_for(&domain)) {
            Some(partner) => call.emit(partner.record("XmppAllowedPartner")).await?,
            None => call.error(
                ErrorRecord::new(
                    Category::ObjectNotFound,
                    "PartnerNotFound",
                    format!("There is no allowed partner '{name}'."),
                )
                .target(&name)
                .remedy(filter::advice(
                    "Get-XmppAllowedPartner",
                    "partners",
                    &name,
                    &call.topology.place(),
                )),
            )?,
        }
    }
    Ok(())
}
