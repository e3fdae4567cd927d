//! `Get-XmppGatewayConfiguration`: limits and deadlines of every verification.

use super::settings::GLOBAL;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Parameter};
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
    let gateway = &call.topology.gateway;
    call.emit(
        Record::new("XmppGatewayConfiguration")
            .with("Identity", "global")
            .with("ConnectionLimit", i64::from(gateway.connection_limit))
            .with("PartnerConnectionLimit", i64::from(gateway.partner_connection_limit))
            .with("StreamEstablishmentTimeout", gateway.stream_establishment_timeout)
            .with("StreamInactivityTimeout", gateway.stream_inactivity_timeout)
            .with("KeepAliveInterval", gateway.keep_alive_interval)
            .with("ResolveTimeout", gateway.resolve_timeout)
            .with("ConnectTimeout", gateway.connect_timeout)
            .with("SecureTimeout", gateway.secure_timeout)
            .with("AuthenticateTimeout", gateway.authenticate_timeout)
            .with("BindTimeout", gateway.bind_timeout)
            .with("DeliverTimeout", gateway.deliver_timeout)
            .with("Timeout", gateway.timeout),
    )
    .await
}
