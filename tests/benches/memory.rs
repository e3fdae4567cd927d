//! The memory of many verifications at once, against a Prosody on loopback: on one shared session, and with a
//! logon and a connection each. Prints the growth of the largest resident set, for each verification.

#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to hand an error to")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

mod hosted;
#[path = "../support/mod.rs"]
mod support;
#[path = "../servers/federation/mod.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod federation;
#[path = "../servers/desk.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod desk;

use std::time::{Duration, Instant};

use desk::{Desk, Pool};
use federation::resident::Answer;
use federation::{Federation, LITWARE};
use hosted::Hosted;
use imsh::internals::cmdlet::Arguments;
use imsh::internals::value::Value;
use tokio::runtime::Runtime;

/// How many at once.
const N: usize = 256;

fn main() {
    let Some(federation) = Federation::get() else { return };
    let _receiver = federation.log_on("garth", LITWARE, Answer::Nothing);
    let pools: Vec<Pool> = (0..N)
        .map(|n| {
            let pool = Pool::at(LITWARE, federation.prosody.address);
            pool.called(format!("pool-{n}.{LITWARE}"))
        })
        .collect();
    let names: Vec<&str> = pools.iter().map(|pool| &*pool.identity).collect();
    // As many as are tested may go to one partner, and each waits for what does not come, so that the first
    // is still there when the last has begun.
    Desk::set_up(
        federation,
        "memory",
        &pools,
        &format!("[gateway]\npartner_connection_limit = {N}\ndeliver_timeout = \"15s\""),
    );
    let folder = federation.folder("memory");
    let host = Hosted::on(folder.join("topology.toml"), folder.join("vault"));
    let runtime = Runtime::new().unwrap();
    let receiver = format!("garth@{LITWARE}");
    let verify = |pools: &[&str], receivers: Vec<&str>| {
        let n_wanted = pools.len() * receivers.len();
        let arguments = Arguments::none()
            .with("TargetFqdn", Value::texts(pools.to_vec()))
            .with("Receiver", Value::texts(receivers))
            .with("MinimumEvidence", "Delivered")
            .with("ThrottleLimit", N as i64);
        let started = Instant::now();
        assert_eq!(runtime.block_on(host.verify(arguments, "Evidence", "AcceptedByPartner")), n_wanted);
        (started.elapsed(), largest_resident_set())
    };
    let (_, one) = verify(&names[..1], vec![&receiver]);
    println!("after one verification: {one} kB");
    let print = |what: &str, (elapsed, all): (Duration, usize)| {
        let each = (all - one) as f64 / N as f64;
        println!("{N} at once, {what}: {all} kB, {each:.1} kB each, in {elapsed:.1?}");
    };
    print("on a shared session", verify(&names[..1], vec![&receiver; N]));
    print("with a logon each", verify(&names, vec![&receiver]));
}

/// In kilobytes (`VmHWM` of proc(5)).
fn largest_resident_set() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
