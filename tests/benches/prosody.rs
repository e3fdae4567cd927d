//! A fresh verification against an idle Prosody on loopback: every time a new connection, a new logon and one
//! message, with the waiting that real servers and real sockets bring.

#![expect(clippy::print_stdout, reason = "it prints what criterion cannot measure")]
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to hand an error to")]

mod hosted;
#[path = "../support/mod.rs"]
mod support;
#[path = "../servers/federation/mod.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod federation;
#[path = "../servers/desk.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod desk;

use criterion::{Criterion, criterion_group, criterion_main};
use desk::{Desk, Pool};
use federation::resident::Answer;
use federation::{Federation, LITWARE};
use hosted::Hosted;
use imsh::cmdlet::Arguments;
use imsh::value::Value;
use tokio::runtime::Runtime;

/// A host on a pool of Prosody's, with a receiver there who gives receipts.
struct Client {
    host: Hosted,
    runtime: Runtime,
    pool: String,
}

impl Client {
    fn start() -> Option<Self> {
        let federation = Federation::get()?;
        federation.log_on("adelany", LITWARE, Answer::Receipt);
        let pool = Pool::at(LITWARE, federation.prosody.address);
        let identity = pool.identity.clone();
        Desk::set_up(federation, "bench", &[pool], "");
        let folder = federation.folder("bench");
        let host = Hosted::on(folder.join("topology.toml"), folder.join("vault"));
        Some(Self { host, runtime: Runtime::new().unwrap(), pool: identity })
    }

    /// Sends `n` messages with one logon, and sees each of them proven.
    fn verify(&self, n: usize, evidence: &str) {
        let receiver = format!("adelany@{LITWARE}");
        let arguments = Arguments::none()
            .with("TargetFqdn", self.pool.as_str())
            .with("Receiver", Value::texts(vec![&*receiver; n]))
            .with("MinimumEvidence", evidence);
        assert_eq!(self.runtime.block_on(self.host.verify(arguments, "Result", "Success")), n);
    }
}

fn fresh(criterion: &mut Criterion) {
    let Some(client) = Client::start() else { return };
    let mut group = criterion.benchmark_group("fresh verification against Prosody");
    group.sample_size(30);
    for evidence in ["AcceptedByPool", "Delivered"] {
        group.bench_function(evidence, |bencher| bencher.iter(|| client.verify(1, evidence)));
    }
    group.finish();
}

/// Prints what of it is the client's own work: criterion knows no processor time.
fn processor(_: &mut Criterion) {
    const N: usize = 200;
    let Some(client) = Client::start() else { return };
    client.verify(1, "AcceptedByPool");
    let before = milliseconds_of_processor();
    for _ in 0..N {
        client.verify(1, "AcceptedByPool");
    }
    let between = milliseconds_of_processor();
    client.verify(N, "AcceptedByPool");
    let reused = (milliseconds_of_processor() - between) / N as f64;
    let fresh = (between - before) / N as f64;
    println!("processor time of the client: fresh {fresh:.2} ms, on a shared session {reused:.2} ms");
}

/// Of this process so far (`utime` and `stime` of proc(5), in hundredths of a second).
fn milliseconds_of_processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() * 10.0
}

criterion_group!(benches, fresh, processor);
criterion_main!(benches);
