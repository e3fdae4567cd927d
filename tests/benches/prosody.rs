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

use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use desk::{Desk, Pool};
use federation::resident::Answer;
use federation::{CONTOSO, Federation, LITWARE};
use hosted::Hosted;
use imsh::internals::cmdlet::Arguments;
use imsh::internals::value::Value;
use tokio::runtime::Runtime;

/// A host on a pool of Prosody's, with a receiver who gives receipts.
struct Client {
    host: Hosted,
    runtime: Runtime,
    pool: String,
    receiver: String,
}

impl Client {
    fn start() -> Option<Self> {
        Self::with("bench", LITWARE, "")
    }

    /// The same with a receiver in this domain, and these partners.
    fn with(name: &str, domain: &str, partners: &str) -> Option<Self> {
        let federation = Federation::get()?;
        federation.log_on("adelany", domain, Answer::Receipt);
        let pool = Pool::at(LITWARE, federation.prosody.address);
        let identity = pool.identity.clone();
        Desk::set_up(federation, name, &[pool], partners);
        let folder = federation.folder(name);
        let host = Hosted::on(folder.join("topology.toml"), folder.join("vault"));
        let receiver = format!("adelany@{domain}");
        Some(Self { host, runtime: Runtime::new().unwrap(), pool: identity, receiver })
    }

    /// Sends `n` messages with one logon, and sees each of them proven.
    fn verify(&self, n: usize, evidence: &str) {
        self.verify_side_by_side(n, 32, evidence);
    }

    /// The same, so many at once.
    fn verify_side_by_side(&self, n: usize, throttle: i64, evidence: &str) {
        let arguments = Arguments::none()
            .with("TargetFqdn", self.pool.as_str())
            .with("Receiver", Value::texts(vec![&*self.receiver; n]))
            .with("ThrottleLimit", throttle)
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

/// Prints what the message behind the test message costs: verifications with it and without it, in turns, from
/// Prosody to ejabberd, one after the other on one session.
fn fences(_: &mut Criterion) {
    const N: usize = 100;
    const ROUNDS: usize = 25;
    let client = |fence: &str| {
        let partner = format!("[[partner]]\ndomain = \"{CONTOSO}\"\nfence = \"{fence}\"\n");
        Client::with(&format!("bench-{fence}"), CONTOSO, &partner)
    };
    let (Some(ping), Some(both)) = (client("ping"), client("auto")) else { return };
    let mut taken = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for (client, taken) in [&ping, &both].into_iter().zip(&mut taken) {
            let started = Instant::now();
            client.verify_side_by_side(N, 1, "Delivered");
            // The first round connects the servers.
            if round > 0 {
                taken.push(started.elapsed());
            }
        }
    }
    let [ping, both] = taken.map(|mut taken| {
        taken.sort();
        taken[ROUNDS / 2].as_secs_f64() * 1e3 / N as f64
    });
    let ratio = both / ping;
    println!(
        "a verification with a ping behind it {ping:.2} ms, with a message too {both:.2} ms: {ratio:.3} times"
    );
}

/// Of this process so far (`utime` and `stime` of proc(5), in hundredths of a second).
fn milliseconds_of_processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() * 10.0
}

criterion_group!(benches, fresh, processor, fences);
criterion_main!(benches);
