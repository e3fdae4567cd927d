//! The practice network's table against the client: everything broken gives its code and its owner, and
//! nothing broken is ever a success.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use imsh::lab::{Exercise, Lab, exercises};
use imsh::topology::Topology;
use imsh::vault::Vault;
use imsh::verify::batch::Logon;
use imsh::verify::outcome::Verdict;
use imsh::verify::plan::{Ask, plan};
use imsh::verify::{Batch, Plan, TestResult};
use imsh::xmpp::Deadlines;
use imsh::xmpp::network::Network;
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

const PATIENT: Deadlines = Deadlines {
    resolve: Duration::from_secs(5),
    connect: Duration::from_secs(3),
    secure: Duration::from_secs(8),
    authenticate: Duration::from_secs(8),
    bind: Duration::from_secs(8),
    deliver: Duration::from_secs(8),
    whole: Duration::from_secs(60),
};

/// Tries all of them at once, each with a logon of its own.
async fn try_all(lab: &Lab, exercises: &[Exercise]) -> Vec<Said> {
    let topology = Topology::load(&lab.topology()).unwrap();
    let vault = Arc::new(Vault::open(lab.vault()).unwrap());
    let open = || Ok(Arc::clone(&vault));
    let mut said = HashMap::new();
    let mut verifications = Vec::new();
    for exercise in exercises {
        let receiver = exercise.receiver.parse().unwrap();
        match plan(&topology, &open, exercise.target, &receiver, &Ask::default()) {
            Ok(Plan::Test(verification)) => {
                // All at once on a busy machine, and nothing may take longer than silence does.
                let mut verification = *verification;
                verification.deadlines = PATIENT;
                verifications.push(verification);
            }
            Ok(Plan::NotAllowed { sender }) => panic!("{sender} may not send to {receiver}"),
            Err(refusal) => {
                let error = refusal.error(exercise.target);
                let text = format!("{}: {}", error.id, error.message);
                let outcome = Said { code: error.id.to_string(), owner: "Caller".to_owned(), text };
                said.insert((exercise.target.to_owned(), exercise.receiver.clone()), outcome);
            }
        }
    }
    let batch = Batch {
        network: Network::with_name_servers(&lab.name_servers()).trusting(vec![lab.authority()]),
        throttle: 24,
        per_pool: 64,
        per_partner: 64,
        partner_limits: HashMap::new(),
        logon: Logon::Fresh,
        retries: 0,
        watcher: None,
        cancel: CancellationToken::new(),
    };
    let (results, mut received) = tokio::sync::mpsc::channel(16);
    let running = tokio::spawn(batch.run(verifications, results));
    while let Some(result) = received.recv().await {
        said.insert((result.target.clone(), result.receiver.to_string()), words(&result));
    }
    running.await.unwrap();
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
        Verdict::Interrupted => {
            Said { code: "interrupted".to_owned(), owner: String::new(), text: String::new() }
        }
    }
}
