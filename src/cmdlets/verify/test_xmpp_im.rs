//! `Test-XmppIM`: sends an instant message to a user on an XMPP network, and says what became of it.

use tokio::sync::mpsc;

use super::guesses::Guesses;
use super::{elsewhere, verifying};
use crate::access::BuiltIn;
use crate::address::Address;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::Evidence;
use crate::verify::TestResult;
use crate::verify::batch::{Batch, Logon, MOST_SESSIONS};
use crate::verify::plan::{Ask, Plan, Planner, Verification};
use crate::verify::schedule::AccountUse;

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
            they are there, and one session per account serves all of its receivers. An error that comes when a success was \
            told, while the session is open for others, takes it back: the test is told again, as a failure with the \
            warning RESULT-REVISED.",
        parameters: &[
            verifying::TARGET_FQDN.from_all_records(),
            Parameter::new("Receiver", Kind::Address, "Whom the message goes to, or several: user@domain, sip:user@domain or xmpp:user@domain.")
                .many()
                .at(1)
                .required()
                .from_all_records()
                .binds(Binds::Receiver),
            verifying::USER_SIP_ADDRESS,
            verifying::USER_CREDENTIAL,
            verifying::REGISTRAR_PORT,
            verifying::AUTHENTICATION,
            Parameter::new("MinimumEvidence", Kind::Choice(&["Sent", "AcceptedByPool", "AcceptedByPartner", "Delivered", "Exchanged"]), "The evidence that makes a success.")
                .default("What the partner's entry asks for, else AcceptedByPartner; Exchanged where the receiver is a test user of ours."),
            Parameter::new("Body", Kind::Text, "The text of the message.")
                .default("One sentence that says who sent it and that no answer is needed."),
            verifying::TIMEOUT,
            Parameter::new("Linger", Kind::Duration, "How long to wait for a late error where the evidence rests on the partner's server alone: servers have sent one after 20 seconds. It is not counted as latency, and ends with -Timeout.")
                .default("1 second"),
            elsewhere::SITE,
            verifying::THROTTLE_LIMIT,
            verifying::RETRY,
            verifying::EACH_SERVER,
            verifying::DEADLINE,
            verifying::UNTIL,
            verifying::ORDERED,
            Parameter::new("FreshLogon", Kind::Switch, "Logs on anew for each receiver, where otherwise one session serves all."),
            verifying::RESUME,
            verifying::WARNING_LATENCY,
            verifying::CRITICAL_LATENCY,
            verifying::FORCE,
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
            Example {
                title: "Keeps everything that happened: $log shows the phases, $log.ToHTML() | Out-File report.html all of it",
                code: "let r = Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -OutLoggerVariable log\n\
                    `${$log.Tests.Result} ${$log.ToXML().contains(\"<received\")}`",
                output: "Success true",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

/// Bytes of a body: room to find out where a server has its limit, and none to flood a partner.
const MOST_BODY: usize = 100_000;

async fn run(call: Call) -> Outcome {
    if verifying::names_nothing(&call, &["TargetFqdn", "Receiver"])? {
        return Ok(());
    }
    if let Some(site) = elsewhere::site(&call) {
        return elsewhere::ask(&call, &site).await;
    }
    let ask = ask(&call)?;
    let mut verifications = plan_all(&call, &ask).await?;
    if call.bound.switch("EachServer") {
        verifications = verifying::at_each_server(
            &call,
            verifications,
            |verification| (&verification.sender, &verification.deadlines),
            |verification, sender| Verification { sender, ..verification.clone() },
        )
        .await;
    }
    let verifications = verifying::unfinished(&call, verifications, Verification::identity).await?;
    let mut guesses = Guesses::default();
    let verifications = without_braked(&call, verifications, &mut guesses)?;
    let total = verifications.len();
    let (sender, results) = mpsc::channel(verifying::WAITING);
    let senders = verifications.iter().map(|verification| &verification.sender.address);
    guesses.may_log_on(&call, senders)?;
    let partners: Vec<_> = verifications.iter().map(|verification| verification.receiver.domain()).collect();
    let admitted = verifying::admit(&call, total, &partners).await?;
    let running = batch(&call, &admitted)?.run(verifications, sender);
    verifying::report(&call, total, guesses, running, results, |result, stanzas| vec![result.report(stanzas)])
        .await
}

/// Those whose receiver, where the test logs on as the receiver too, was not refused too often.
fn without_braked(
    call: &Call,
    verifications: Vec<Verification>,
    guesses: &mut Guesses,
) -> Result<Vec<Verification>, Halt> {
    let mut left = Vec::with_capacity(verifications.len());
    for verification in verifications {
        let second = verification.second.as_ref();
        match second.and_then(|account| guesses.left_alone(call, &account.address)) {
            Some(error) => call.error(error)?,
            None => left.push(verification),
        }
    }
    Ok(left)
}

/// Reads the request from the arguments.
fn ask(call: &Call) -> Result<Ask, ErrorRecord> {
    let bound = &call.bound;
    if bound.text("Body").is_some_and(|body| body.len() > MOST_BODY) {
        let message = format!("-Body is longer than {MOST_BODY} bytes.");
        return Err(ErrorRecord::new(Category::InvalidArgument, "BodyTooLong", message)
            .remedy("Give a shorter text."));
    }
    Ok(Ask {
        minimum: bound.text("MinimumEvidence").and_then(|name| Evidence::named(&name)),
        body: bound.text("Body"),
        linger: bound.duration("Linger"),
        ..verifying::ask(call)?
    })
}

/// Plans every pair of a pool and a receiver; those that fail without a test are emitted at once.
async fn plan_all(call: &Call, ask: &Ask) -> Result<Vec<Verification>, Halt> {
    let targets = call.bound.texts("TargetFqdn");
    let receivers: Result<Vec<Address>, ErrorRecord> =
        call.bound.texts("Receiver").iter().map(|written| verifying::address(written)).collect();
    let receivers = receivers?;
    warn_about(call, &targets)?;
    let planned = {
        let vault = || call.context.vault.open();
        let mut planner = Planner::new(&call.topology, &vault, ask.clone());
        let lenders = call.lenders();
        let pairs = || {
            let mut plans = Vec::with_capacity(targets.len() * receivers.len());
            for target in &targets {
                for receiver in &receivers {
                    let plan = planner.pair(target, receiver, lenders.lender(target, receiver));
                    // What stands in the way of one receiver stands in the way of all of this pool's.
                    let is_refused = plan.is_err();
                    plans.push((target, receiver, plan));
                    if is_refused {
                        break;
                    }
                }
            }
            plans
        };
        // The vault's file is read here, once.
        tokio::task::block_in_place(pairs)
    };
    let mut verifications = Vec::with_capacity(planned.len());
    for (target, receiver, plan) in planned {
        match plan {
            Ok(Plan::Test(verification)) => verifications.push(*verification),
            Ok(Plan::NotAllowed { sender }) => {
                let target = call.topology.pool_name(target);
                let result =
                    TestResult::not_allowed(&target, sender, receiver.clone(), &call.topology.place());
                verifying::tell_untested(call, &result.report(verifying::stanzas(call))).await?;
            }
            Err(refusal) => call.error(verifying::refused(call, &refusal, target))?,
        }
    }
    Ok(verifications)
}

/// Says what the topology does not know.
fn warn_about(call: &Call, targets: &[String]) -> Outcome {
    verifying::warn_about_pools(call, targets)?;
    verifying::warn_about_partners(call, "messages")
}

/// The batch that the arguments and the topology ask for.
fn batch(call: &Call, admitted: &verifying::Admitted) -> Result<Batch, ErrorRecord> {
    let logon = if call.bound.switch("FreshLogon") { Logon::Fresh } else { Logon::Shared };
    let mut schedule = admitted.schedule(call)?;
    if logon == Logon::Fresh {
        schedule.ceilings.account = MOST_SESSIONS;
        schedule.takes = AccountUse::Session;
    }
    let network = call.context.network(&call.topology);
    let refused = call.context.refused.get().cloned();
    Ok(Batch { network, logon, watcher: verifying::watcher(call), schedule, refused })
}
