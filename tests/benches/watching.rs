//! What a store of many watched pairs costs.
//!
//! `month`: ten thousand pairs, each tested every fifteen minutes, over simulated days; for each day the time for each
//! result, the memory, the size of the file and the time of what a page reads. All of it is flat once the first results
//! are forgotten, but for the rollups, which grow by a row an hour for each pair (they are kept for 400 days).
//!
//! `connections`: claims and records a second with one to eight connections to Debian's PostgreSQL, and how three
//! watchers share what is due.
//!
//! ```sh
//! cargo bench --bench watching -- month            # IMSH_PAIRS, IMSH_ROUNDS, IMSH_KEEP_ROUNDS
//! cargo bench --bench watching -- connections
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to hand an error to")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../watch/postgres.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod postgres;

use std::sync::Arc;
use std::time::{Duration, Instant};

use imsh::internals::store::{
    Channel, Claim, Lease, NewResult, PairName, Planned, PostgresOptions, ResultFilter, RollupSpan, Store,
    StoredOutcome, plan, query, record,
};
use postgres::Postgres;
use tokio::runtime::Runtime;
use uuid::Uuid;

const MINUTE: i64 = 60_000_000;
const PERIOD: i64 = 15 * MINUTE;
const ACCOUNT: &str = "kenmyer@litwareinc.com";
/// How many pairs a watcher claims at once.
const CLAIMED: i64 = 256;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let runtime = Runtime::new().unwrap();
    if is_wanted("month") {
        runtime.block_on(month());
    }
    if is_wanted("connections") {
        match Postgres::start() {
            Ok(server) => runtime.block_on(connections(&server)),
            Err(reason) => println!("connections: {reason}"),
        }
    }
}

fn from_environment(name: &str, usual: i64) -> i64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn pair(n: i64) -> PairName {
    PairName {
        test: "XmppIM".to_owned(),
        pool: format!("pool-{:02}.litwareinc.com", n % 20),
        receiver: format!("user{n:05}@partner-{:03}.example", n % 250),
    }
}

async fn planned(store: &Store, n_pairs: i64) {
    let now = store.read(|sql| sql.now()).await.unwrap();
    let entries: Vec<Planned> = (0..n_pairs)
        .map(|n| Planned {
            pair: pair(n),
            vantage: "Dublin".to_owned(),
            watch: "every partner".to_owned(),
            account: ACCOUNT.to_owned(),
            period: PERIOD,
            raise_after: 2,
            clear_after: 1,
            first_due: now,
        })
        .collect();
    store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
}

async fn claim(store: &Store, watcher: &str) -> Vec<Claim> {
    let watcher = watcher.to_owned();
    let accounts = vec![ACCOUNT.to_owned()];
    store
        .write(move |sql| plan::claim(sql, "Dublin", &watcher, &accounts, CLAIMED, 90_000_000))
        .await
        .unwrap()
}

/// What the tests of these claims came to: one pair in a hundred is down, and a pair in a thousand turns each round.
fn results(claims: &[Claim], watcher: &str, round: i64, report: &Arc<str>) -> Vec<NewResult> {
    let result = |claim: &Claim| {
        let n = claim.pair.id();
        let is_well = n % 100 != 0 && (n + round) % 1000 != 0;
        NewResult {
            id: Uuid::now_v7(),
            run: None,
            pair: claim.pair.clone(),
            site: "Dublin".to_owned(),
            lease: Some(Lease {
                watcher: watcher.to_owned(),
                vantage: claim.vantage.clone(),
                number: claim.lease,
                next_due: claim.claimed_at.max(claim.due_at) + claim.period,
                has_ended: false,
            }),
            started_at: claim.claimed_at,
            outcome: match is_well {
                true => StoredOutcome::Success,
                false => StoredOutcome::Failure { is_definite: false },
            },
            turns_state: true,
            is_flaky: false,
            is_inferred: false,
            is_revision: false,
            evidence: is_well.then(|| "AcceptedByPartner".to_owned()),
            code: (!is_well).then(|| "FEDERATION-REFUSED".to_owned()),
            owner: (!is_well).then(|| "Partner".to_owned()),
            diagnosis: None,
            latency: is_well.then_some(80_000 + (n + round) % 50_000),
            elapsed: 90_000,
            certificate_end: Some(claim.claimed_at + 40 * 96 * PERIOD),
            report: report.to_string(),
        }
    };
    claims.iter().map(result).collect()
}

/// Tests everything that is due; returns how many.
async fn test_all(store: &Store, watcher: &str, round: i64, report: &Arc<str>) -> usize {
    let channels = vec![Channel { identity: "on call".to_owned(), owners: Vec::new() }];
    let mut n_tested = 0;
    loop {
        let claims = claim(store, watcher).await;
        if claims.is_empty() {
            return n_tested;
        }
        n_tested += claims.len();
        let (results, channels) = (results(&claims, watcher, round, report), channels.clone());
        store.write(move |sql| record::record(sql, &results, &channels)).await.unwrap();
    }
}

async fn month() {
    let n_pairs = from_environment("IMSH_PAIRS", 10_000);
    let n_rounds = from_environment("IMSH_ROUNDS", 96);
    let keep = from_environment("IMSH_KEEP_ROUNDS", 24);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("results.sqlite");
    let store = Store::open(&file).await.unwrap();
    // As long as the report of a success on the practice network.
    let report: Arc<str> = format!("{{\"filler\":\"{}\"}}", "x".repeat(3_650)).into();
    planned(&store, n_pairs).await;
    println!("month: {n_pairs} pairs, {n_rounds} rounds of 15 minutes, results are kept for {keep} rounds");
    println!(
        "round | results | us of CPU a result | us a result | RSS kB | file MB | rollup rows | states ms | a pair's page ms"
    );
    let (mut n_results, mut began, mut busy) = (0, Instant::now(), cpu());
    for round in 1..=n_rounds {
        n_results += test_all(&store, "one", round, &report).await;
        store.advance_clock(PERIOD);
        store.write(plan::expire).await.unwrap();
        while store.write(move |sql| query::forget(sql, keep * PERIOD)).await.unwrap() {}
        if round % (keep / 2).max(1) == 0 {
            let (elapsed, used) = (began.elapsed(), cpu() - busy);
            let each = |time: Duration| time.as_micros() / u128::try_from(n_results.max(1)).unwrap();
            let wal = file.with_extension("sqlite-wal");
            let size = [&file, &wal]
                .iter()
                .filter_map(|file| std::fs::metadata(file).ok())
                .map(|data| data.len())
                .sum::<u64>();
            let rollups = store.read(|sql| sql.query("SELECT count(*) FROM rollup", &[])).await.unwrap();
            let all: Vec<i64> = (0..n_pairs).map(|n| pair(n).id()).collect();
            let asked = Instant::now();
            let states = store.read(move |sql| query::states(sql, &all)).await.unwrap();
            let states_took = asked.elapsed();
            assert_eq!(states.len(), usize::try_from(n_pairs).unwrap());
            let asked = Instant::now();
            let one = pair(7).id();
            store
                .read(move |sql| query::trend(sql, &[one], RollupSpan::Hour, 0, i64::MAX, &[]))
                .await
                .unwrap();
            let filter = ResultFilter { pairs: vec![one], newest: Some(20), ..Default::default() };
            store.read(move |sql| query::results(sql, &filter)).await.unwrap();
            println!(
                "{round} | {n_results} | {} | {} | {} | {} | {} | {} | {:.1}",
                each(used),
                each(elapsed),
                resident(),
                size / 1_000_000,
                rollups[0].int(0).unwrap(),
                states_took.as_millis(),
                asked.elapsed().as_secs_f64() * 1_000.0
            );
            (n_results, began, busy) = (0, Instant::now(), cpu());
        }
    }
}

async fn connections(server: &Postgres) {
    let report: Arc<str> = format!("{{\"filler\":\"{}\"}}", "x".repeat(3_650)).into();
    let url = server.url();
    let connect = |n: usize| {
        let options = PostgresOptions { n_connections: n, ..PostgresOptions::default() };
        Store::connect_unchecked(&url, options).unwrap()
    };
    let store = connect(1);
    store.migrate().await.unwrap();
    let n_pairs = from_environment("IMSH_PAIRS", 10_000);
    planned(&store, n_pairs).await;
    let due =
        || async { store.write(|sql| sql.execute("UPDATE schedule SET due_at = 0", &[])).await.unwrap() };
    for n_connections in [1, 2, 4, 8] {
        due().await;
        let shared = connect(n_connections);
        let began = Instant::now();
        let running: Vec<_> = (0..n_connections)
            .map(|n| {
                let (store, report) = (shared.clone(), report.clone());
                tokio::spawn(async move { test_all(&store, &format!("w{n}"), 1, &report).await })
            })
            .collect();
        let mut n_results = 0;
        for done in running {
            n_results += done.await.unwrap();
        }
        let rate = n_results as f64 / began.elapsed().as_secs_f64();
        println!("connections: {n_connections}: {n_results} claimed and recorded, {rate:.0} a second");
    }
    due().await;
    let began = Instant::now();
    let watchers: Vec<_> = (0..3)
        .map(|n| {
            let (store, report) = (connect(1), report.clone());
            tokio::spawn(async move { test_all(&store, &format!("watcher {n}"), 1, &report).await })
        })
        .collect();
    let mut shares = Vec::new();
    for watcher in watchers {
        shares.push(watcher.await.unwrap());
    }
    println!("three watchers share {n_pairs} due pairs as {shares:?}, in {:.1?}", began.elapsed());
}

/// The processor's time that this process has used.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<i64> =
        stat.rsplit(')').next().unwrap().split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // utime and stime (proc(5)), in hundredths of a second; the state before them is a letter.
    Duration::from_millis(u64::try_from(fields[10] + fields[11]).unwrap() * 10)
}

/// What it holds of memory, in kilobytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
