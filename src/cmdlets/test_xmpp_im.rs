//! `Test-XmppIM`: sends an instant message to a user on an XMPP network, and says what became of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::access::BuiltIn;
use crate::address::{Address, Domain};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::{Call, Cmdlet, Halt, Outcome};
use crate::diagnosis;
use crate::topology::Evidence;
use crate::verify::batch::{Batch, Logon};
use crate::verify::plan::{Ask, Plan, Verification, plan};
use crate::verify::{TestResult, Watcher};
use crate::xmpp::sasl::{Authentication, Mechanism};
use crate::xmpp::trace::Event;

/// `Test-XmppIM`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-XmppIM",
        original: Some("Test-CsXmppIM"),
        aliases: &[],
        family: Family::Verify,
        synopsis: "Sends an instant message to a user on an XMPP network and says whether it arrived.",
        description: "The test logs on to the pool as a test user, sends one message that asks for no answer, and \
            waits for evidence: that the pool took it, that the partner's server took it, that the receiver's client \
            has it, that the receiver answered. The result says which level was reached, how long every step took, \
            and, where it is less than was asked for, what is broken, whose it is and what to do next.\n\n\
            Without -UserSipAddress and -UserCredential the pool's first test user sends. Where the receiver is a \
            test user of ours too, the test logs on as the receiver and proves both directions.\n\n\
            Several pools and receivers may be given: every pool is tested with every receiver, results come as \
            they are there, and one session per account serves all of its receivers.",
        parameters: &[
            Parameter::new("TargetFqdn", Kind::Pool, "The FQDN of the pool that sends, or several.")
                .aliases(&["t"])
                .many()
                .at(0)
                .required()
                .binds(Binds::Pool),
            Parameter::new("Receiver", Kind::Address, "Whom the message goes to, or several: user@domain, sip:user@domain or xmpp:user@domain.")
                .many()
                .at(1)
                .required()
                .binds(Binds::Receiver),
            Parameter::new("UserSipAddress", Kind::Address, "The account that sends.")
                .aliases(&["ua"])
                .default("The pool's first test user.")
                .binds(Binds::Sender),
            Parameter::new("UserCredential", Kind::Credential, "Name and password of the account that sends, from Get-Credential.")
                .aliases(&["uc"])
                .default("The stored credential of the test user."),
            Parameter::new("RegistrarPort", Kind::Integer(1, 65_535), "The port that the pool's servers listen on.")
                .aliases(&["rp"])
                .default("What the topology or DNS says, else 5222.")
                .binds(Binds::Endpoint),
            Parameter::new("Authentication", Kind::Text, "Negotiate takes the strongest mechanism that is offered, ClientCertificate a stored certificate; or the name of a SASL mechanism, to look into a fault.")
                .aliases(&["Ath"])
                .default("Negotiate"),
            Parameter::new("MinimumEvidence", Kind::Choice(&["Sent", "AcceptedByPool", "AcceptedByPartner", "Delivered", "Exchanged"]), "The evidence that makes a success.")
                .default("What the partner's entry asks for, else AcceptedByPartner; Exchanged where the receiver is a test user of ours."),
            Parameter::new("Body", Kind::Text, "The text of the message.")
                .default("One sentence that says who sent it and that no answer is needed."),
            Parameter::new("Timeout", Kind::Duration, "How long one verification may take in all.").default("60 seconds"),
            Parameter::new("ThrottleLimit", Kind::Integer(1, 10_000), "How many verifications are under way at once.").default("32"),
            Parameter::new("Retry", Kind::Integer(0, 100), "How often a pair that failed is tried again.").default("0"),
            Parameter::new("FreshLogon", Kind::Switch, "Logs on anew for each receiver, where otherwise one session serves all."),
            Parameter::new("Force", Kind::Switch, "Hides warnings."),
        ],
        emits: "TestResult",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator, BuiltIn::HelpDesk],
        impact: Impact::None,
        examples: &[
            Example {
                title: "Tests whether a partner's user can be reached from a pool",
                code: "Test-XmppIM -TargetFqdn \"atl-cs-001.litwareinc.com\" -Receiver \"adelany@contoso.com\"",
                output: "\n\
                    Target Fqdn   : atl-cs-001.litwareinc.com\n\
                    Result        : Success\n\
                    Latency       : …\n\
                    Error Message :\n\
                    Diagnosis     :\n\
                    Evidence      : Exchanged\n\n",
            },
            Example {
                title: "Names the code of what is broken",
                code: "(Test-XmppIM atl-cs-001.litwareinc.com nobody@unlisted.example).Code",
                output: "PLAN-NOT-ALLOWED",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

/// What is tested at once, where nobody says.
const THROTTLE: i64 = 32;

async fn run(call: Call) -> Outcome {
    let ask = ask(&call)?;
    let verifications = plan_all(&call, &ask).await?;
    let total = verifications.len();
    let (sender, mut results) = mpsc::channel(64);
    let running = batch(&call).run(verifications, sender);
    let started = Instant::now();
    let report = async {
        let mut done = 0;
        let mut told = HashSet::new();
        while let Some(result) = results.recv().await {
            done += 1;
            if total > 1 {
                call.streams.progress("Test-XmppIM", done, total, started.elapsed());
            }
            warn_of(&call, &result, &mut told)?;
            call.emit(result.record()).await?;
        }
        Ok::<(), Halt>(())
    };
    let ((), reported) = tokio::join!(running, report);
    reported?;
    if call.cancel.is_cancelled() { Err(Halt::Cancelled) } else { Ok(()) }
}

/// What the arguments ask for.
fn ask(call: &Call) -> Result<Ask, ErrorRecord> {
    let bound = &call.bound;
    Ok(Ask {
        sender: bound.text("UserSipAddress").map(|written| address(&written)).transpose()?,
        credential: bound.credential("UserCredential"),
        registrar_port: bound.integer("RegistrarPort").and_then(|port| u16::try_from(port).ok()),
        authentication: bound
            .text("Authentication")
            .map_or(Ok(Authentication::default()), |name| authentication(&name))?,
        minimum: bound.text("MinimumEvidence").and_then(|name| Evidence::named(&name)),
        body: bound.text("Body"),
        timeout: bound.duration("Timeout"),
    })
}

fn address(written: &str) -> Result<Address, ErrorRecord> {
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadAddress", format!("'{written}': {fault}."))
            .target(written)
    })
}

/// How to authenticate, by the name of a mode or of a SASL mechanism.
fn authentication(name: &str) -> Result<Authentication, ErrorRecord> {
    let refuse = |message: String, remedy: &str| {
        Err(ErrorRecord::new(Category::InvalidArgument, "BadAuthentication", message).remedy(remedy))
    };
    match name.to_ascii_lowercase().as_str() {
        "negotiate" => Ok(Authentication::Negotiate),
        "clientcertificate" => Ok(Authentication::ClientCertificate),
        "trustedserver" | "liveid" => refuse(
            format!("-Authentication {name} has no counterpart in XMPP: every test logs on as its user."),
            "Leave -Authentication out, or give ClientCertificate.",
        ),
        _ => match Mechanism::from_name(&name.to_ascii_uppercase()) {
            Some(mechanism) => Ok(Authentication::Mechanism(mechanism)),
            None => refuse(
                format!("There is no -Authentication '{name}'."),
                "Give Negotiate, ClientCertificate, or a SASL mechanism: SCRAM-SHA-512-PLUS, SCRAM-SHA-512, \
                 SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, EXTERNAL or PLAIN.",
            ),
        },
    }
}

/// Plans every pair of a pool and a receiver; those that fail without a test are emitted at once.
async fn plan_all(call: &Call, ask: &Ask) -> Result<Vec<Verification>, Halt> {
    let targets = call.bound.texts("TargetFqdn");
    let receivers: Result<Vec<Address>, ErrorRecord> =
        call.bound.texts("Receiver").iter().map(|written| address(written)).collect();
    let receivers = receivers?;
    warn_about(call, &targets)?;
    let vault = || call.world.vault.open();
    let mut verifications = Vec::new();
    for target in &targets {
        for receiver in &receivers {
            // The vault's file is read here, once.
            let planned = tokio::task::block_in_place(|| plan(&call.topology, &vault, target, receiver, ask));
            match planned {
                Ok(Plan::Test(verification)) => verifications.push(*verification),
                Ok(Plan::NotAllowed { sender }) => {
                    call.emit(TestResult::not_allowed(target, sender, receiver.clone()).record()).await?;
                }
                Err(refusal) => {
                    call.error(refusal.error(target))?;
                    // What stands in the way of one receiver stands in the way of all of this pool's.
                    break;
                }
            }
        }
    }
    Ok(verifications)
}

/// Says what the topology does not know.
fn warn_about(call: &Call, targets: &[String]) -> Outcome {
    if call.bound.switch("Force") {
        return Ok(());
    }
    if targets.iter().any(|target| call.topology.canonical_pool(target).is_none()) {
        call.warn(
            "Failed to read Registrar port number for the given fully qualified domain name (FQDN). \
             Using default Registrar port number.",
        )?;
    }
    if call.topology.partners.is_none() {
        call.warn("The topology has no list of allowed XMPP partners: messages may go to any domain.")?;
    }
    Ok(())
}

/// The batch that the arguments and the topology ask for.
fn batch(call: &Call) -> Batch {
    let gateway = &call.topology.gateway;
    let throttle = call.bound.integer("ThrottleLimit").unwrap_or(THROTTLE);
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let partners = call.topology.partners.iter().flatten();
    let partner_limits: HashMap<Domain, usize> = partners
        .filter_map(|partner| {
            let limit = count(partner.connection_limit?);
            let domains = [&partner.domain].into_iter().chain(&partner.additional_domains);
            Some(domains.map(move |domain| (domain.clone(), limit)))
        })
        .flatten()
        .collect();
    Batch {
        network: call.world.network(&call.topology),
        throttle: usize::try_from(throttle).unwrap_or(1).min(count(gateway.connection_limit)).max(1),
        per_pool: count(gateway.connection_limit),
        per_partner: count(gateway.partner_connection_limit),
        partner_limits,
        logon: if call.bound.switch("FreshLogon") { Logon::Fresh } else { Logon::Shared },
        retries: call.bound.integer("Retry").and_then(|times| u32::try_from(times).ok()).unwrap_or(0),
        watcher: watcher(call),
        cancel: call.cancel.clone(),
    }
}

/// Tells the phases as they happen, where somebody wants to know.
fn watcher(call: &Call) -> Watcher {
    if !call.streams.is_verbose {
        return None;
    }
    let streams = call.streams.clone();
    Some(Arc::new(move |event: &Event<'_>| match event {
        Event::Began { phase, .. } => streams.verbose(&format!("'{phase}' started.")),
        Event::Learned { phase, fact, .. } => streams.verbose(&format!("{phase}: {fact}")),
        Event::Ended { step } => {
            streams.verbose(&format!(
                "'{}' ended after {:.1} ms.",
                step.phase,
                step.duration.as_secs_f64() * 1e3
            ));
        }
    }))
}

/// Warns of what is wrong beside a result: once, however many results of a batch show it.
fn warn_of(call: &Call, result: &TestResult, told: &mut HashSet<String>) -> Outcome {
    let pool = call.topology.canonical_pool(&result.target);
    let mut warnings = Vec::new();
    if let (Some(pool), Some(certificate)) = (pool, &result.certificate) {
        let left = certificate.chain_days_left();
        if (0..i64::from(pool.certificate_warning_days)).contains(&left) && !call.bound.switch("Force") {
            warnings.push(format!("The certificate of {} ends in {left} days.", pool.identity));
        }
    }
    if let Some(finding) = diagnosis::resolve::elsewhere(&result.trace, &result.target) {
        warnings.push(format!("{} {}", finding.error(), finding.remedy));
    }
    for warning in warnings {
        if told.insert(warning.clone()) {
            call.warn(warning)?;
        }
    }
    Ok(())
}
