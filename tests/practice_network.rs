//! The practice network's table against the client: everything broken gives its code and its owner, and
//! nothing broken is ever a success.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use imsh::internals::diagnosis::catalogue::catalogue;
use imsh::internals::lab::behaviour::StanzaBehaviour;
use imsh::internals::lab::{Exercise, Lab, PARTNERS, POOLS, exercises};
use imsh::internals::topology::Topology;
use imsh::internals::vault::Vault;
use imsh::internals::verify::batch::Logon;
use imsh::internals::verify::outcome::Verdict;
use imsh::internals::verify::partner::{Inspection, LookTest, Lookout};
use imsh::internals::verify::ping::{self, PingPlan, Pinged, Pinger};
use imsh::internals::verify::plan::{Ask, Planner, plan_logon};
use imsh::internals::verify::registration::{Registrar, Registration, RegistrationTest};
use imsh::internals::verify::schedule::{self, Schedule};
use imsh::internals::verify::sessions::Sessions;
use imsh::internals::verify::{Batch, Plan, TestResult};
use imsh::internals::xmpp::Deadlines;
use imsh::internals::xmpp::network::Network;
use imsh::internals::xmpp::session::Upkeep;
use imsh::internals::xmpp::trace::TraceObserver;
use tokio_util::sync::CancellationToken;

/// What became of an exercise.
#[derive(Clone)]
struct Said {
    code: String,
    owner: String,
    text: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_broken_is_named_with_its_owner() {
    let lab = Lab::start().await.unwrap();
    let exercises = exercises();
    let said = try_all(&lab, &exercises).await;
    let wrong: Vec<String> = exercises
        .iter()
        .zip(&said)
        .filter(|(exercise, said)| exercise.lesson.code != said.code || exercise.lesson.owner != said.owner)
        .map(|(exercise, said)| {
            let Exercise { target, receiver, lesson } = exercise;
            format!(
                "{target} -> {receiver}: {}\n    wanted [{}, {}], got [{}, {}]\n{}",
                lesson.shows, lesson.code, lesson.owner, said.code, said.owner, said.text
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), exercises.len(), wrong.join("\n"));
}

/// Codes of a pool whose logon is well: what is broken there comes behind it.
const BEHIND_THE_LOGON: &[&str] = &["SEND-", "EVIDENCE-", "MESSAGES-", "STREAM-", "DELIVER-", "FEDERATION-"];

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_ends_as_the_logon_of_a_message_does() {
    let lab = Lab::start().await.unwrap();
    let topology = Topology::load(&lab.topology()).unwrap();
    let vault = Arc::new(Vault::open(lab.vault()).unwrap());
    let open = || Ok(Arc::clone(&vault));
    let network = Network::with_name_servers(&lab.name_servers()).trusting(vec![lab.authority()]);
    let sessions = Arc::new(Sessions::default());
    let with = Registrar { sessions, network, watcher: TraceObserver::default() };
    let planned = POOLS.iter().filter_map(|pool| {
        let account = plan_logon(&topology, &open, pool.identity, &Ask::default()).ok()?;
        let ask = Ask::default();
        Some(Registration { account, ask, deadlines: PATIENT })
    });
    let logons: Vec<_> =
        planned.map(|registration| RegistrationTest { registration, with: with.clone() }).collect();
    assert!(logons.len() > POOLS.len() / 2);
    let (results, mut received) = tokio::sync::mpsc::channel(64);
    let running = tokio::spawn(schedule::run(Schedule::new(24, CancellationToken::new()), logons, results));
    let mut wrong = Vec::new();
    while let Some(result) = received.recv().await {
        let pool = POOLS.iter().find(|pool| pool.identity == result.target).unwrap();
        let said = result.verdict.finding().map_or(("", ""), |finding| (finding.code, finding.owner.name()));
        let wanted = (pool.lesson.code, pool.lesson.owner);
        let is_behind = said == ("", "")
            && pool.behaviour.session != StanzaBehaviour::Honest
            && BEHIND_THE_LOGON.iter().any(|family| wanted.0.starts_with(family));
        if said != wanted && !is_behind {
            wrong.push(format!("{}: wanted {wanted:?}, got {said:?}", result.target));
        }
    }
    running.await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a look from here must say of a partner; of all others, that they are well.
const LOOKS: &[(&str, &str, &str)] = &[
    ("nxdomain.contoso.com", "FEDERATION-NOT-FOUND", "Partner"),
    ("servfail.contoso.com", "FEDERATION-DNS-FAILURE", "Unknown"),
    ("not-offered.contoso.com", "FEDERATION-NOT-OFFERED", "Partner"),
    ("refused.contoso.com", "FEDERATION-REFUSED", "Partner"),
    ("dropped.contoso.com", "FEDERATION-NO-ANSWER", "Network"),
    ("silent.contoso.com", "FEDERATION-SILENT", "Partner"),
    ("closes.contoso.com", "FEDERATION-CLOSED", "Partner"),
    ("wants-starttls.contoso.com", "FEDERATION-PORT-KIND", "Partner"),
    ("speaks-tls.contoso.com", "FEDERATION-PORT-KIND", "Partner"),
    ("no-starttls.contoso.com", "FEDERATION-NO-TLS", "Partner"),
    ("host-unknown.contoso.com", "FEDERATION-HOST-UNKNOWN", "Partner"),
    ("expired.contoso.com", "FEDERATION-CERTIFICATE-EXPIRED", "Partner"),
    ("no-intermediate.contoso.com", "FEDERATION-CERTIFICATE-CHAIN", "Partner"),
    ("for-clients.contoso.com", "FEDERATION-CERTIFICATE-PURPOSE", "Partner"),
    ("wrong-name.contoso.com", "FEDERATION-CERTIFICATE-NAME", "Partner"),
    ("self-signed.contoso.com", "FEDERATION-CERTIFICATE-UNTRUSTED", "Partner"),
    ("not-yet-valid.contoso.com", "FEDERATION-CERTIFICATE-NOT-YET-VALID", "Partner"),
    ("no-xmpp.contoso.com", "FEDERATION-NOT-XMPP", "Partner"),
    ("tls-fails.contoso.com", "FEDERATION-TLS-FAILED", "Unknown"),
    ("refuses-us.contoso.com", "FEDERATION-PARTNER-POLICY", "Partner"),
    ("unlisted.example", "PLAN-NOT-ALLOWED", "Caller"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_look_from_here_names_what_is_broken_at_a_partner() {
    let lab = Lab::start().await.unwrap();
    let topology = Topology::load(&lab.topology()).unwrap();
    let network = Network::with_name_servers(&lab.name_servers()).trusting(vec![lab.authority()]);
    let domains = PARTNERS.iter().map(|partner| partner.domain).chain(["unlisted.example", "fabrikam.com"]);
    let with = Lookout { network, watcher: TraceObserver::default() };
    let looks = domains.clone().map(|domain| {
        let domain = domain.parse().unwrap();
        let inspection = Inspection::plan(&topology, None, domain, None, Some(Duration::from_secs(30)));
        LookTest { inspection, with: with.clone() }
    });
    let looks: Vec<_> = looks.collect();
    let (results, mut received) = tokio::sync::mpsc::channel(64);
    let running = tokio::spawn(schedule::run(Schedule::new(24, CancellationToken::new()), looks, results));
    let mut wrong = Vec::new();
    let mut n_looks = 0;
    while let Some(seen) = received.recv().await {
        n_looks += 1;
        let domain = seen.domain.to_string();
        let (code, owner) = LOOKS
            .iter()
            .find(|(name, _, _)| *name == domain)
            .map_or(("", ""), |(_, code, owner)| (*code, *owner));
        let said = match &seen.verdict {
            Verdict::Success => ("", ""),
            Verdict::Failure(finding) => (finding.code, finding.owner.name()),
            Verdict::Interrupted(_) | Verdict::NotRun(_) => ("not known", ""),
        };
        if said != (code, owner) {
            wrong.push(format!("{domain}: wanted {code} of {owner}, got {said:?}\n{:#?}", seen.verdict));
        }
    }
    running.await.unwrap();
    assert_eq!(n_looks, domains.count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a ping of a partner ends otherwise than a message to the first of its receivers.
const PINGS: &[(&str, &str, &str)] = &[
    ("eats-messages.contoso.com", "", ""),
    ("no-responder.contoso.com", "", ""),
    ("unlisted.example", "PLAN-NOT-ALLOWED", "Caller"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_ends_as_a_message_to_the_same_partner_does() {
    let lab = Lab::start().await.unwrap();
    let topology = Topology::load(&lab.topology()).unwrap();
    let vault = Arc::new(Vault::open(lab.vault()).unwrap());
    let open = || Ok(Arc::clone(&vault));
    let mut planner = Planner::new(&topology, &open, Ask::default());
    let mut wanted: BTreeMap<(String, String), (&str, &str)> = BTreeMap::new();
    for Exercise { target, receiver, lesson } in exercises() {
        let (_, domain) = receiver.rsplit_once('@').unwrap();
        let is_partner = PARTNERS.iter().any(|partner| partner.domain == domain);
        // A pool's own lessons are those of `a_registration_ends_as_the_logon_of_a_message_does`.
        if is_partner && POOLS.iter().all(|pool| pool.identity != target || pool.lesson.code.is_empty()) {
            wanted.entry((target.to_owned(), domain.to_owned())).or_insert((lesson.code, lesson.owner));
        }
    }
    let atl = "atl-cs-001.litwareinc.com";
    for (domain, code, owner) in PINGS {
        let meant = |(_, named): &(String, String)| named == domain;
        let pairs: Vec<_> = wanted.keys().filter(|pair| meant(pair)).cloned().collect();
        for pair in pairs.into_iter().chain([(atl.to_owned(), (*domain).to_owned())]) {
            wanted.insert(pair, (code, owner));
        }
    }
    wanted.insert((atl.to_owned(), "litwareinc.com".to_owned()), ("", ""));
    assert!(wanted.len() > PARTNERS.len());
    let (mut pings, mut ended) = (Vec::new(), Vec::new());
    for (target, domain) in wanted.keys() {
        let domain = domain.parse().unwrap();
        match planner.ping(target, &domain).unwrap() {
            PingPlan::Test(mut ping) => {
                ping.deadlines = PATIENT;
                pings.push(*ping);
            }
            PingPlan::NotAllowed { sender } => {
                ended.push(Pinged::not_allowed(target, sender, domain, "the topology"));
            }
        }
    }
    let network = Network::with_name_servers(&lab.name_servers()).trusting(vec![lab.authority()]);
    let with = Pinger { sessions: Sessions::default(), network, watcher: TraceObserver::default() };
    let (results, mut received) = tokio::sync::mpsc::channel(64);
    let running = tokio::spawn(ping::run(with, Schedule::new(24, CancellationToken::new()), pings, results));
    while let Some(pinged) = received.recv().await {
        ended.push(pinged);
    }
    running.await.unwrap();
    assert_eq!(ended.len(), wanted.len());
    let mut wrong = Vec::new();
    for pinged in &ended {
        let wanted = wanted[&(pinged.target.clone(), pinged.domain.to_string())];
        let said = pinged.verdict.finding().map_or(("", ""), |finding| (finding.code, finding.owner.name()));
        if said != wanted {
            let (target, domain, verdict) = (&pinged.target, &pinged.domain, &pinged.verdict);
            wrong.push(format!("{target} -> {domain}: wanted {wanted:?}, got {said:?}\n{verdict:#?}"));
        }
        // A ping has no message in its words.
        let words = pinged.verdict.finding().map(|finding| finding.diagnosis()).unwrap_or_default();
        if words.contains("the message") {
            wrong.push(words);
        }
        let warned = pinged.warnings.iter().any(|warning| warning.code == "PING-REFUSED");
        assert_eq!(warned, pinged.domain.as_str() == "no-ping.contoso.com", "{pinged:?}");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ended.len(), wrong.join("\n"));
}

const PATIENT: Deadlines = Deadlines {
    resolve: Duration::from_secs(5),
    connect: Duration::from_secs(3),
    secure: Duration::from_secs(8),
    authenticate: Duration::from_secs(8),
    bind: Duration::from_secs(8),
    deliver: Duration::from_secs(8),
    whole: Duration::from_secs(60),
    establish: Duration::from_secs(60),
    upkeep: Upkeep { keep_alive: None, inactivity: None },
};

#[test]
fn the_practice_network_shows_the_whole_catalogue() {
    let shown: BTreeSet<&str> = exercises().iter().map(|exercise| exercise.lesson.code).collect();
    let not_shown: BTreeSet<&str> = NOT_SHOWN.iter().map(|(code, _)| *code).collect();
    for entry in catalogue() {
        let code = entry.code;
        assert!(
            shown.contains(code) != not_shown.contains(code),
            "{code} needs an exercise, or a reason why no network can show it (and not both)"
        );
    }
    let known: BTreeSet<&str> = catalogue().iter().map(|entry| entry.code).collect();
    let unknown: Vec<_> = not_shown.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?} are in no catalogue");
}

/// What stays without an exercise, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("DNS-ELSEWHERE", "it stands beside a success: old-fe.wingtiptoys.com has it"),
    ("EVIDENCE-PING-ONLY", "it stands beside a success: keeps-messages.contoso.com has it"),
    ("PING-REFUSED", "it stands beside the success of a ping: no-ping.contoso.com has it"),
    ("EVIDENCE-PARTNER-STOPPED", "it takes a partner that is stopped in the middle"),
    ("CERTIFICATE-SERVERS-ONLY", "it stands beside a success: servers-only.litwareinc.com has it"),
    ("SERVER-PASSED-OVER", "it stands beside a success: first-closed.litwareinc.com has it"),
    ("CERTIFICATE-ENDS", "it stands beside a success: expiring.litwareinc.com has it"),
    ("RESULT-REVISED", "it stands beside the failure that takes a success back: tests/batch.rs"),
    ("LATENCY-WARNING", "it stands beside a success, by an option"),
    ("LATENCY-CRITICAL", "it stands beside a success, by an option"),
    ("CANCELLED", "the operator does it"),
    ("PLAN-DEADLINE", "it takes another option than the usual ones"),
    ("TIMEOUT-TOO-SHORT", "it takes another option than the usual ones"),
    ("CONNECT-DENIED", "it happens on the machine that runs the test"),
    ("CONNECT-RESET", "loopback accepts or refuses"),
    ("CONNECT-UNREACHABLE", "loopback is always reached"),
    ("OFFLINE", "it happens to the machine that runs the test: tests/offline.rs"),
    ("DNS-BAD-NAME", "the caller writes it so: no network is needed"),
    ("DNS-NO-RESOLVER", "it happens on the machine that runs the test"),
    ("DNS-NOT-ASKED", "it happens on the machine that runs the test"),
    ("NO-RANDOMNESS", "it happens on the machine that runs the test"),
    ("TLS-NO-ROOTS", "it happens on the machine that runs the test"),
    ("PLAN-NO-TEST-USERS", "Test-Topology says it of no-test-users.litwareinc.com"),
    ("PLAN-ACCOUNT-STOPPED", "it takes three failed logons of one account"),
    ("PLAN-CREDENTIAL-REFUSED", "it takes a watcher"),
    ("SASL-NOT-OFFERED", "it takes another option than the usual ones"),
    ("SASL-NO-PASSWORD", "it takes another option than the usual ones"),
    ("SASL-UNPRINTABLE", "it takes a password that no server accepts"),
    ("STREAM-BROKEN", "it takes a failure of the network that no server makes"),
    ("SEND-TIMEOUT", "it takes a message that fills every buffer on the way"),
];

/// Tries all of them at once, each with a logon of its own.
async fn try_all(lab: &Lab, exercises: &[Exercise]) -> Vec<Said> {
    let topology = Topology::load(&lab.topology()).unwrap();
    let vault = Arc::new(Vault::open(lab.vault()).unwrap());
    let open = || Ok(Arc::clone(&vault));
    let mut planner = Planner::new(&topology, &open, Ask::default());
    let mut said = HashMap::new();
    let mut verifications = Vec::new();
    for exercise in exercises {
        let receiver = exercise.receiver.parse().unwrap();
        let lender = topology.test_user_of(&receiver);
        match planner.pair(exercise.target, &receiver, lender) {
            Ok(Plan::Test(verification)) => {
                // All at once on a busy machine, and nothing may take longer than silence does.
                let mut verification = *verification;
                verification.deadlines = PATIENT;
                verifications.push(verification);
            }
            Ok(Plan::NotAllowed { sender }) => {
                let result = TestResult::not_allowed(exercise.target, sender, receiver, "the topology");
                said.insert((exercise.target.to_owned(), exercise.receiver.clone()), words(&result));
            }
            Err(refusal) => {
                let error = refusal.error(exercise.target, "the topology");
                let text = format!("{}: {}", error.id, error.message);
                let outcome = Said { code: error.id.to_string(), owner: "Caller".to_owned(), text };
                said.insert((exercise.target.to_owned(), exercise.receiver.clone()), outcome);
            }
        }
    }
    let batch = Batch {
        network: Network::with_name_servers(&lab.name_servers()).trusting(vec![lab.authority()]),
        logon: Logon::Fresh,
        watcher: TraceObserver::default(),
        schedule: Schedule::new(24, CancellationToken::new()),
        refused: None,
    };
    let (results, mut received) = tokio::sync::mpsc::channel(16);
    let running = tokio::spawn(batch.run(verifications, results));
    while let Some(result) = received.recv().await {
        said.insert((result.target.clone(), result.receiver.to_string()), words(&result));
    }
    assert_eq!(running.await.unwrap().lost, []);
    exercises
        .iter()
        .map(|exercise| said[&(exercise.target.to_owned(), exercise.receiver.clone())].clone())
        .collect()
}

fn words(result: &TestResult) -> Said {
    match &result.verdict {
        Verdict::Success => Said {
            code: String::new(),
            owner: String::new(),
            text: format!("success: {:?} {:?}", result.evidence, result.proofs),
        },
        Verdict::Failure(finding) => Said {
            code: finding.code.to_owned(),
            owner: finding.owner.name().to_owned(),
            text: format!("{}\n{}", finding.error(), finding.diagnosis()),
        },
        Verdict::Interrupted(_) | Verdict::NotRun(_) => {
            Said { code: "interrupted".to_owned(), owner: String::new(), text: String::new() }
        }
    }
}
