//! `Test-XmppPing`: pings a domain through a pool's federation, and says whether it answered.

use tokio::sync::mpsc;

use super::guesses::Guesses;
use super::{elsewhere, verifying};
use crate::access::BuiltIn;
use crate::address::Domain;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Binds, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::verify::ping::{self, Ping, PingPlan, Pinged, Pinger};
use crate::verify::plan::Planner;
use crate::verify::sessions::Sessions;

/// `Test-XmppPing`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-XmppPing",
        original: None,
        aliases: &[],
        family: Family::Verify,
        synopsis: "Pings a partner's domain through a pool's federation and says whether it answered.",
        description: "The test logs on to the pool as a test user and sends a ping (XEP-0199) to the partner's domain, \
            which the pool's server carries there as it carries messages. Where the domain answers, the servers find, \
            encrypt and trust each other in both directions. It needs no account at the partner, and nobody there \
            notices it. The result says how long every step took, and, where no answer comes, what is broken, whose it \
            is and what to do next.\n\n\
            An error that says no more than that pings are unknown is an answer too, where the domain itself has made it \
            or answers another question: the test succeeds, with the warning PING-REFUSED. A refusal, a trouble and an \
            error that the pool may have made never are. A ping says nothing of any user: Test-XmppIM does, and \
            Test-FederatedPartner looks at the partner's servers from this machine. A ping of one of our own domains \
            says that the pool's servers reach it.\n\n\
            A domain that is neither an allowed partner nor our own fails before anything is sent. Several pools and \
            domains may be given: every pool pings every domain, and one session per account serves all of them.",
        parameters: &[
            verifying::TARGET_FQDN.from_all_records(),
            Parameter::new(
                "Domain",
                Kind::Domain,
                "The domain that is pinged, or several: a partner's, or one of our own.",
            )
            .many()
            .at(1)
            .required()
            .from_all_records()
            .binds(Binds::Federation),
            verifying::USER_SIP_ADDRESS,
            verifying::USER_CREDENTIAL,
            verifying::REGISTRAR_PORT,
            verifying::AUTHENTICATION,
            verifying::TIMEOUT,
            elsewhere::SITE,
            verifying::THROTTLE_LIMIT,
            verifying::RETRY,
            verifying::EACH_SERVER,
            verifying::DEADLINE,
            verifying::UNTIL,
            verifying::ORDERED,
            verifying::RESUME,
            verifying::WARNING_LATENCY,
            verifying::CRITICAL_LATENCY,
            verifying::FORCE,
        ],
        emits: "PingResult",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator, BuiltIn::HelpDesk],
        impact: Impact::None,
        examples: &[
            Example {
                title: "Asks whether a partner answers a pool",
                code: "Test-XmppPing -TargetFqdn atl-cs-001.litwareinc.com -Domain contoso.com",
                output: "\n\
                    Target Fqdn   : atl-cs-001.litwareinc.com\n\
                    Domain        : contoso.com\n\
                    Result        : Success\n\
                    Latency       : …\n\
                    Ping Latency  : …\n\
                    Error Message :\n\
                    Diagnosis     :\n\
                    Answer        : pong",
            },
            Example {
                title: "Names what is broken between a pool and a partner, and whose it is",
                code: "Test-XmppPing atl-cs-001.litwareinc.com expired.contoso.com | Select-Object Result,Code,Owner",
                output: "Result  Code                           Owner\n\
                    ------  ----                           -----\n\
                    Failure FEDERATION-CERTIFICATE-EXPIRED Partner",
            },
            Example {
                title: "Asks several partners in one session",
                code: "Test-XmppPing atl-cs-001.litwareinc.com contoso.com,refused.contoso.com -Ordered | Select-Object Domain,Result,Code",
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
    if verifying::names_nothing(&call, &["TargetFqdn", "Domain"])? {
        return Ok(());
    }
    if let Some(site) = elsewhere::site(&call) {
        return elsewhere::ask(&call, &site).await;
    }
    let mut pings = plan_all(&call).await?;
    if call.bound.switch("EachServer") {
        pings = verifying::at_each_server(
            &call,
            pings,
            |ping| (&ping.sender, &ping.deadlines),
            |ping, sender| Ping { sender, ..ping.clone() },
        )
        .await;
    }
    let pings = verifying::unfinished(&call, pings, Ping::identity).await?;
    let total = pings.len();
    let mut guesses = Guesses::default();
    guesses.may_log_on(&call, pings.iter().map(|ping| &ping.sender.address))?;
    // A ping burdens a partner as a message does.
    let partners: Vec<Domain> = pings.iter().map(|ping| ping.domain.clone()).collect();
    let admitted = verifying::admit(&call, total, &partners).await?;
    let with = Pinger {
        sessions: Sessions::remembering(call.context.refused.get().cloned()),
        network: call.context.network(&call.topology),
        watcher: verifying::watcher(&call),
    };
    let (sender, results) = mpsc::channel(verifying::WAITING);
    let running = ping::run(with, admitted.schedule(&call)?, pings, sender);
    verifying::report(&call, total, guesses, running, results, |pinged, stanzas| vec![pinged.report(stanzas)])
        .await
}

/// Plans every pair of a pool and a domain; those that fail without a test are emitted at once.
async fn plan_all(call: &Call) -> Result<Vec<Ping>, Halt> {
    let ask = verifying::ask(call)?;
    let targets = call.bound.texts("TargetFqdn");
    let domains: Result<Vec<Domain>, ErrorRecord> =
        call.bound.texts("Domain").iter().map(|written| verifying::domain(written)).collect();
    let domains = domains?;
    verifying::warn_about_pools(call, &targets)?;
    verifying::warn_about_partners(call, "pings")?;
    let planned = {
        let vault = || call.context.vault.open();
        let mut planner = Planner::new(&call.topology, &vault, ask);
        // The vault's file is read here, once.
        tokio::task::block_in_place(|| {
            let mut plans = Vec::with_capacity(targets.len() * domains.len());
            for target in &targets {
                for domain in &domains {
                    let plan = planner.ping(target, domain);
                    // A refusal of one domain is one of all domains from this pool.
                    let is_refused = plan.is_err();
                    plans.push((target, domain, plan));
                    if is_refused {
                        break;
                    }
                }
            }
            plans
        })
    };
    let mut pings = Vec::with_capacity(planned.len());
    for (target, domain, plan) in planned {
        match plan {
            Ok(PingPlan::Test(ping)) => pings.push(*ping),
            Ok(PingPlan::NotAllowed { sender }) => {
                let target = call.topology.pool_name(target);
                let pinged = Pinged::not_allowed(&target, sender, domain.clone(), &call.topology.place());
                verifying::tell_untested(call, &pinged.report(verifying::stanzas(call))).await?;
            }
            Err(refusal) => call.error(verifying::refused(call, &refusal, target))?,
        }
    }
    Ok(pings)
}
