//! `Test-FederatedPartner`: looks at a partner's servers from this machine, as another server would.

use tokio::sync::mpsc;

use super::guesses::Guesses;
use super::{elsewhere, verifying};
use crate::access::BuiltIn;
use crate::address::Domain;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::Server;
use crate::verify::partner::{Inspection, LookTest, Lookout};
use crate::verify::schedule;

/// `Test-FederatedPartner`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-FederatedPartner",
        original: Some("Test-CsFederatedPartner"),
        aliases: &[],
        family: Family::Verify,
        synopsis: "Looks at a partner's servers from this machine, and says whether they could be federated with.",
        description: "The look resolves the partner's _xmpps-server and _xmpp-server records, connects to each server, \
            asks for TLS, reads the certificate, and notes what is offered to another server: SASL mechanisms, \
            dialback, the software where it says so. It sends nothing but the opening of a stream: no proof of \
            identity, no dialback, no message.\n\n\
            It is a look from this machine. A pool has its own name servers, routes and list of trusted issuers: where \
            a pool reaches a partner that this machine does not, or the reverse, believe the pool and compare the two.\n\n\
            A domain that is neither an allowed partner nor our own fails before anything is sent. A partner with \
            several servers succeeds when one of them is well; the others are warned about. Give one of your own \
            domains to see what partners see of it.",
        parameters: &[
            Parameter::new("Domain", Kind::Domain, "The domain of the partner, or several.")
                .many()
                .at(0)
                .required()
                .from_all_records()
                .binds(Binds::Federation),
            Parameter::new(
                "TargetFqdn",
                Kind::Pool,
                "The pool in whose name is asked: the stream says to come from its first domain, and certificates are held against its ca_file.",
            )
            .aliases(&["t"])
            .at(1)
            .default("The first pool of the topology.")
            .binds(Binds::Pool),
            Parameter::new(
                "ProxyFqdn",
                Kind::Text,
                "The server to look at, as host or host:port, in place of the one that the topology or DNS names.",
            )
            .default("What the partner's proxy_fqdn or DNS says.")
            .binds(Binds::Endpoint),
            Parameter::new("Timeout", Kind::Duration, "How long one look may take in all.").default("15 seconds"),
            elsewhere::SITE,
            verifying::THROTTLE_LIMIT,
            verifying::DEADLINE,
            verifying::UNTIL,
            verifying::ORDERED,
            verifying::RESUME,
            verifying::WARNING_LATENCY,
            verifying::CRITICAL_LATENCY,
            verifying::FORCE,
            Parameter::foreign("Certificate", "the look shows no certificate, as any stranger could make it"),
        ],
        emits: "FederatedPartnerResult",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator, BuiltIn::HelpDesk],
        impact: Impact::None,
        examples: &[
            Example {
                title: "Looks at a partner",
                code: "Test-FederatedPartner contoso.com",
                output: "\n\
                    Target Fqdn     : atl-cs-001.litwareinc.com\n\
                    Domain          : contoso.com\n\
                    Result          : Success\n\
                    Latency         : …\n\
                    Error Message   :\n\
                    Diagnosis       :\n\
                    Seen From       : this machine\n\
                    Server          : contoso.com:…\n\
                    Certificate For : {contoso.com}\n\
                    Issued By       : CN=imsh practice network CA, O=imsh practice network\n\
                    Days Left       : …\n\
                    Offers          : EXTERNAL, dialback\n\
                    Software        :",
            },
            Example {
                title: "Names what is broken at a partner, and whose it is",
                code: "Test-FederatedPartner -Domain expired.contoso.com | Select-Object Result,Code,Owner",
                output: "Result  Code                           Owner\n\
                    ------  ----                           -----\n\
                    Failure FEDERATION-CERTIFICATE-EXPIRED Partner",
            },
            Example {
                title: "Looks at several partners in the name of a pool",
                code: "Get-XmppAllowedPartner contoso.com,refused.contoso.com | Test-FederatedPartner -TargetFqdn atl-cs-001.litwareinc.com | Sort-Object Domain | Select-Object Domain,Result,Code",
                output: "Domain              Result  Code\n\
                    ------              ------  ----\n\
                    contoso.com         Success\n\
                    refused.contoso.com Failure FEDERATION-REFUSED",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    if verifying::names_nothing(&call, &["Domain"])? {
        return Ok(());
    }
    if let Some(site) = elsewhere::site(&call) {
        return elsewhere::ask(&call, &site).await;
    }
    let target = call.bound.text("TargetFqdn");
    warn_about(&call, target.as_ref())?;
    let server = server(&call)?;
    let timeout = call.bound.duration("Timeout");
    let thresholds = verifying::thresholds(&call)?;
    let domains: Result<Vec<Domain>, ErrorRecord> =
        call.bound.texts("Domain").iter().map(|written| verifying::domain(written)).collect();
    let inspections: Vec<Inspection> = domains?
        .into_iter()
        .map(|domain| Inspection::plan(&call.topology, target.as_deref(), domain, server.clone(), timeout))
        .map(|inspection| inspection.held_against(thresholds))
        .collect();
    let inspections = verifying::unfinished(&call, inspections, Inspection::identity).await?;
    let total = inspections.len();
    let admitted = verifying::admit(&call, total, &[]).await?;
    let with = Lookout { network: call.context.network(&call.topology), watcher: verifying::watcher(&call) };
    let looks =
        inspections.into_iter().map(|inspection| LookTest { inspection, with: with.clone() }).collect();
    let (sender, results) = mpsc::channel(verifying::WAITING);
    let running = schedule::run(admitted.schedule(&call)?, looks, sender);
    verifying::report(&call, total, Guesses::default(), running, results, |seen, stanzas| {
        vec![seen.report(stanzas)]
    })
    .await
}

/// Says what the topology does not know.
fn warn_about(call: &Call, target: Option<&String>) -> Outcome {
    let Some(target) = target.filter(|target| call.topology.canonical_pool(target).is_none()) else {
        return Ok(());
    };
    if call.bound.switch("Force") {
        return Ok(());
    }
    call.warn(format!(
        "The topology does not know {target}: the look gives no name, and believes the issuers that this system trusts."
    ))
}

fn server(call: &Call) -> Result<Option<Server>, ErrorRecord> {
    let Some(written) = call.bound.text("ProxyFqdn") else { return Ok(None) };
    written.parse().map(Some).map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadServer", format!("-ProxyFqdn: {fault}."))
    })
}
