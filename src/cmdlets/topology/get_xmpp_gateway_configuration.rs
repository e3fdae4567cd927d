//! `Get-XmppGatewayConfiguration`: limits and deadlines of every verification.

use super::settings::GLOBAL;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Parameter};
use crate::topology::SettingsTable as _;
use crate::value::Record;

/// `Get-XmppGatewayConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-XmppGatewayConfiguration",
        original: Some("Get-CsXmppGatewayConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives the limits and deadlines that hold for every verification.",
        description: "There is one configuration, called global. It holds what the topology's [gateway] table says, \
            and the defaults for what it does not say.",
        parameters: &[
            GLOBAL,
            Parameter::foreign("Filter", "there is one configuration, and it is always given"),
        ],
        emits: "XmppGatewayConfiguration",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::HelpDesk, BuiltIn::ViewOnlyAdministrator],
        impact: Impact::None,
        examples: &[Example {
            title: "Says how many verifications may be under way at once",
            code: "(Get-XmppGatewayConfiguration).ConnectionLimit",
            output: "1000",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let settings = call.topology.gateway.record("XmppGatewayConfiguration");
    let named = Record::new("XmppGatewayConfiguration").with("Identity", "global");
    call.emit(
        settings.iter().fold(named, |record, (name, value)| record.with(name.to_owned(), value.clone())),
    )
    .await
}
