//! What a verification costs, on the practice network: a fresh one, one on a shared session, and the
//! start of the program. The practice network runs in the same process, so its side is in the figures.

#![expect(clippy::expect_used, reason = "a benchmark has nobody to hand an error to")]

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use imsh::access::Principal;
use imsh::cmdlet::Arguments;
use imsh::cmdlets::store::{TopologyStore, VaultStore};
use imsh::cmdlets::{self, Nobody, World};
use imsh::host::{Gate, Host, Stage};
use imsh::lab::Lab;
use imsh::value::Value;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A host on a practice network, and the runtime of both.
struct Desk {
    runtime: Runtime,
    host: Host,
    _lab: Lab,
}

impl Desk {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let lab = runtime.block_on(Lab::start()).expect("the practice network");
        let topology = TopologyStore::new(Some(lab.topology()));
        let vault = VaultStore::new(Some(lab.vault().to_owned()), None);
        let world = World::new(topology, vault, Arc::new(Nobody));
        let principal = Principal::OsUser { name: "bench".to_owned(), groups: Vec::new() };
        let host = Host::new(cmdlets::ALL, Arc::new(world), Gate::new(principal), false);
        Self { runtime, host, _lab: lab }
    }

    /// Tests `n` receivers from one pool; gives how many messages were proven to have arrived.
    fn verify(&self, n: usize) -> usize {
        let receivers = Value::texts(vec!["adelany@contoso.com"; n]);
        let test = Stage {
            name: "Test-XmppIM".to_owned(),
            arguments: Arguments::none()
                .with("TargetFqdn", "atl-cs-001.litwareinc.com")
                .with("Receiver", receivers)
                .with("MinimumEvidence", "Exchanged")
                .with("ThrottleLimit", 256),
            position: None,
        };
        self.runtime.block_on(async {
            let (records, mut results) = mpsc::channel::<Value>(16);
            let count = async {
                let mut n_successes = 0;
                while let Some(result) = results.recv().await {
                    let result = result.property("Result").map(|result| result.to_string());
                    n_successes += usize::from(result.is_ok_and(|result| result == "Success"));
                }
                n_successes
            };
            let run = self.host.pipeline(vec![test], None, records, CancellationToken::new());
            let (ended, n_successes) = tokio::join!(run, count);
            ended.outcome.expect("the test runs");
            n_successes
        })
    }
}

fn verifications(criterion: &mut Criterion) {
    let desk = Desk::new();
    let mut group = criterion.benchmark_group("verification");
    group.sample_size(20);
    group.bench_function("fresh", |bencher| {
        bencher.iter(|| assert_eq!(black_box(desk.verify(1)), 1));
    });
    // One logon and many messages: the difference to a fresh one is the logon.
    group.throughput(criterion::Throughput::Elements(256));
    group.bench_function("256 on a shared session", |bencher| {
        bencher.iter(|| assert_eq!(black_box(desk.verify(256)), 256));
    });
    group.finish();
}

fn start(criterion: &mut Criterion) {
    criterion.bench_function("imsh -c 1, start to exit", |bencher| {
        bencher.iter(|| {
            let output = Command::new(env!("CARGO_BIN_EXE_imsh")).args(["-c", "1"]).output();
            assert_eq!(output.expect("the program").stdout, b"1\n");
        });
    });
}

criterion_group!(benches, verifications, start);
criterion_main!(benches);
