//! What a verification costs, on the practice network: a fresh one, and one on a shared
//! session. The practice network runs in the same process, so its side is in the figures.

#![expect(clippy::expect_used, reason = "a benchmark has nobody to hand an error to")]

mod hosted;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hosted::Hosted;
use imsh::internals::cmdlet::Arguments;
use imsh::internals::lab::Lab;
use imsh::internals::value::Value;
use tokio::runtime::Runtime;

/// A host on a practice network, and the runtime of both.
struct Desk {
    runtime: Runtime,
    host: Hosted,
    _lab: Lab,
}

impl Desk {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let lab = runtime.block_on(Lab::start()).expect("the practice network");
        let host = Hosted::on(lab.topology(), lab.vault().to_owned());
        Self { runtime, host, _lab: lab }
    }

    /// Tests `n` receivers from one pool; gives how many messages were proven to have arrived.
    fn verify(&self, n: usize) -> usize {
        let arguments = Arguments::none()
            .with("TargetFqdn", "atl-cs-001.litwareinc.com")
            .with("Receiver", Value::texts(vec!["adelany@contoso.com"; n]))
            .with("MinimumEvidence", "Exchanged")
            .with("ThrottleLimit", 256);
        self.runtime.block_on(self.host.verify(arguments, "Result", "Success"))
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

criterion_group!(benches, verifications);
criterion_main!(benches);
