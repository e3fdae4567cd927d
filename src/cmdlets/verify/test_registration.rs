//! `Test-Registration`: logs a test user on to a pool, and off again.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::guesses::Guesses;
use super::{elsewhere, verifying};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact};
use crate::verify::plan::{deadlines, plan_logon};
use crate::verify::registration::{Registrar, Registration, RegistrationTest};
use crate::verify::schedule;
use crate::verify::sessions::Sessions;

/// `Test-Registration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-Registration",
        original: Some("Test-CsRegistration"),
        aliases: &[],
        family: Family::Verify,
        synopsis: "Logs a test user on to a pool and off again, and says whether that worked.",
        description: "The test resolves the pool, connects, checks its certificate, authenticates, gets an address, and \
            logs off. It sends no message and no presence, so that nobody notices it. The result says how long every \
            step took, and, where one fails, what is broken, whose it is and what to do next.\n\n\
            Without -UserSipAddress and -UserCredential the pool's first test user logs on. Three refused logons of \
            one account end its tests, since servers ban those who go on.",
        parameters: &[
            verifying::TARGET_FQDN.from_all_records(),
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
        emits: "RegistrationResult",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator, BuiltIn::HelpDesk],
        impact: Impact::None,
        examples: &[
            Example {
                title: "Logs the pool's first test user on",
                code: "Test-Registration -TargetFqdn \"atl-cs-001.litwareinc.com\"",
                output: "\n\
                    Target Fqdn   : atl-cs-001.litwareinc.com\n\
                    Result        : Success\n\
                    Latency       : …\n\
                    Error Message :\n\
                    Diagnosis     :\n\
                    User          : sip:kenmyer@litwareinc.com\n\
                    Mechanism     : SCRAM-SHA-512-PLUS",
            },
            Example {
                title: "Finds the pools of a site that nobody can log on to",
                code: "Get-Pool | Where-Object Site -eq Redmond | Test-Registration | Where-Object Result -eq Failure | Measure-Object | Select-Object Count",
                output: "Count\n-----\n    0",
            },
            Example {
                title: "Names the code of what is broken",
                code: "(Test-Registration wrong-password.litwareinc.com).Code",
                output: "SASL-REJECTED",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    if verifying::names_nothing(&call, &["TargetFqdn"])? {
        return Ok(());
    }
    if let Some(site) = elsewhere::site(&call) {
        return elsewhere::ask(&call, &site).await;
    }
    let mut registrations = plan_all(&call)?;
    if call.bound.switch("EachServer") {
        let network = call.context.network(&call.topology);
        let mut all = Vec::new();
        for registration in registrations {
            let each = registration.account.at_each_server(&registration.deadlines, &network).await;
            all.extend(each.into_iter().map(|account| Registration { account, ..registration.clone() }));
        }
        registrations = all;
    }
    let registrations = verifying::unfinished(&call, registrations, Registration::identity).await?;
    let total = registrations.len();
    let accounts = registrations.iter().map(|registration| &registration.account.address);
    let mut guesses = Guesses::default();
    guesses.may_log_on(&call, accounts)?;
    let admitted = verifying::admit(&call, total, &[]).await?;
    let with = Registrar {
        sessions: Arc::new(Sessions::remembering(call.context.refused.get().cloned())),
        network: call.context.network(&call.topology),
        watcher: verifying::watcher(&call),
    };
    let logons = registrations
        .into_iter()
        .map(|registration| RegistrationTest { registration, with: with.clone() })
        .collect();
    let (sender, results) = mpsc::channel(verifying::WAITING);
    let running = schedule::run(admitted.schedule(&call)?, logons, sender);
    verifying::report(&call, total, guesses, running, results, |result, stanzas| vec![result.report(stanzas)])
        .await
}

/// Plans a logon at each pool; a pool where nobody can log on is an error of its own.
fn plan_all(call: &Call) -> Result<Vec<Registration>, Halt> {
    let ask = verifying::ask(call)?;
    let targets = call.bound.texts("TargetFqdn");
    verifying::warn_about_pools(call, &targets)?;
    let vault = || call.context.vault.open();
    let mut registrations = Vec::new();
    for target in &targets {
        // The vault's file is read here, once.
        match tokio::task::block_in_place(|| plan_logon(&call.topology, &vault, target, &ask)) {
            Ok(account) => registrations.push(Registration {
                account,
                ask: ask.clone(),
                deadlines: deadlines(&call.topology.gateway, ask.timeout),
            }),
            Err(refusal) => call.error(verifying::refused(call, &refusal, target))?,
        }
    }
    Ok(registrations)
}
