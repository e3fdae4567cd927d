//! Batches that meet a fault in their middle, and servers with the limits that they are shipped with: a fault costs
//! the tests under way and no other, and no limit of a server looks like a failure.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::desk::{Desk, Pool, Ran};
use crate::federation::ejabberd::Limits;
use crate::federation::prosody::{Rates, Settings};
use crate::federation::resident::{Answer, Resident};
use crate::federation::{Federation, LITWARE, USERS};
use crate::support::IMSH;

/// How many tests are under way at once in the batches that a fault meets.
const AT_ONCE: usize = 8;

/// A batch from a pool to these receivers, each as often.
fn batch(pool: &Pool, receivers: &[String], times: usize, how: &str) -> String {
    let list = receivers.iter().map(|receiver| format!("\"{receiver}\"")).collect::<Vec<_>>().join(", ");
    format!(
        "let once = [{list}]; let all = []; for n in 0..{times} {{ all.append(once); }} \
         Test-XmppIM {} $all {how}",
        pool.identity
    )
}

/// Runs a batch, and does something once the receiver has had so many of its messages.
fn run_and(
    desk: &Desk,
    code: &str,
    listener: (&Resident, &str),
    n: usize,
    act: impl FnOnce(),
) -> (Vec<Value>, Ran) {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| desk.records(code));
        let deadline = Instant::now() + Duration::from_secs(60);
        let (resident, sender) = listener;
        while resident.heard_from(sender).len() < n && !running.is_finished() {
            assert!(Instant::now() < deadline, "the batch does not get on");
            std::thread::sleep(Duration::from_millis(5));
        }
        act();
        running.join().unwrap()
    })
}

fn of<'a>(records: &'a [Value], property: &str, value: impl Into<Value>) -> Vec<&'a Value> {
    let value = value.into();
    records.iter().filter(|record| record[property] == value).collect()
}

fn codes(records: &[&Value]) -> BTreeSet<String> {
    records.iter().map(|record| record["Code"].to_string()).collect()
}

/// The seconds of a duration as it is printed.
fn seconds(record: &Value, property: &str) -> f64 {
    let text = record[property].as_str().unwrap_or("0:0:0");
    text.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

/// What a failed assertion shows of a batch.
fn summary(records: &[Value], ran: &Ran) -> String {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for record in records {
        let key = format!("{} {} inferred {}", record["Result"], record["Code"], record["Inferred"]);
        *counts.entry(key).or_default() += 1;
    }
    format!("{counts:#?} in {:?}\n{}", ran.elapsed, ran.stderr)
}

#[test]
fn a_pool_that_restarts_costs_the_tests_under_way_and_no_other() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_prosody("restarts.test");
    let pool = Pool::at("restarts.test", server.address);
    let listener = federation.log_on("kim", LITWARE, Answer::Nothing);
    let code = batch(&pool, &[format!("kim@{LITWARE}")], 160, &format!("-ThrottleLimit {AT_ONCE}"));
    let desk = Desk::set_up(federation, "restarts", &[pool], "");
    let sender = "kenmyer@restarts.test";
    let mut again = None;
    let (records, ran) = run_and(&desk, &code, (&listener, sender), 40, || {
        server.server.signal(Signal::SIGKILL);
        again = Some(federation.start_again(server));
    });
    let (failed, well) = (of(&records, "Result", "Failure"), of(&records, "Result", "Success"));
    let told = summary(&records, &ran);
    assert_eq!(failed.len() + well.len(), 160, "{told}");
    assert!((1..=AT_ONCE).contains(&failed.len()), "{told}");
    assert!(of(&records, "Inferred", true).is_empty(), "{told}");
    let n_heard = listener.heard_from(sender).len();
    assert!((well.len()..=160 + AT_ONCE).contains(&n_heard), "{n_heard} were heard: {told}");
}

/// Whoever is cut off is not waited for by each of the others: they have the finding of those that were under way.
fn ends_with_one_finding(records: &[Value], ran: &Ran, n: usize, owner: &str) {
    let told = summary(records, ran);
    let failed = of(records, "Result", "Failure");
    let inferred = of(records, "Inferred", true);
    assert_eq!(records.len(), n, "{told}");
    assert!(inferred.len() > n / 2, "{told}");
    assert!(failed.len() - inferred.len() <= AT_ONCE + 5, "{told}");
    assert_eq!(codes(&inferred).len(), 1, "one finding for all: {told}");
    assert!(inferred.iter().all(|record| record["Owner"] == owner), "{told}");
}

const HASTY: &str = "[gateway]\ndeliver_timeout = \"5s\"\nconnect_timeout = \"4s\"\nsecure_timeout = \"4s\"\n\
    authenticate_timeout = \"4s\"\n";

#[test]
fn a_pool_that_is_cut_off_in_silence_ends_a_batch_with_one_finding() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_prosody("cut-pool.test");
    let pool = Pool::at("cut-pool.test", server.address);
    let listener = federation.log_on("kim", LITWARE, Answer::Nothing);
    let code = batch(&pool, &[format!("kim@{LITWARE}")], 600, &format!("-ThrottleLimit {AT_ONCE}"));
    let desk = Desk::set_up(federation, "cut-pool", &[pool], HASTY);
    let stop = || server.server.signal(Signal::SIGSTOP);
    let (records, ran) = run_and(&desk, &code, (&listener, "kenmyer@cut-pool.test"), 40, stop);
    ends_with_one_finding(&records, &ran, 600, "Pool");
}

#[test]
fn a_partner_that_is_cut_off_in_silence_ends_its_tests_with_one_finding_and_delays_no_other() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_prosody("cut-partner.test");
    let listener = federation.log_on_at(server.address, "kim", "cut-partner.test", Answer::Nothing);
    let cut = USERS.map(|user| format!("{user}@cut-partner.test"));
    let well = format!("kim@{LITWARE}");
    let receivers: Vec<String> = cut.into_iter().chain([well.clone()]).collect();
    let pool = Pool::at(LITWARE, federation.prosody.address).lending("pilar", crate::federation::PASSWORD);
    let how = format!("-ThrottleLimit {AT_ONCE} -UserSipAddress pilar@{LITWARE}");
    let code = batch(&pool, &receivers, 60, &how);
    let desk = Desk::set_up(federation, "cut-partner", &[pool], HASTY);
    let stop = || server.server.signal(Signal::SIGSTOP);
    let sender = format!("pilar@{LITWARE}");
    let (records, ran) = run_and(&desk, &code, (&listener, &sender), 8, stop);
    let (well, cut): (Vec<Value>, Vec<Value>) =
        records.into_iter().partition(|record| record["Receiver"] == well);
    ends_with_one_finding(&cut, &ran, 540, "Partner");
    assert_eq!(of(&well, "Result", "Success").len(), 60, "{}", summary(&well, &ran));
}

/// The most sessions of an account that an ejabberd had at once, by its log.
fn most_sessions(log: &str, account: &str) -> usize {
    let (mut open, mut most) = (BTreeSet::new(), 0);
    for line in log.lines() {
        let address = |words: &str| {
            let (_, rest) = line.split_once(words)?;
            let address: String = rest.chars().take_while(|letter| !letter.is_whitespace()).collect();
            address.starts_with(&format!("{account}/")).then_some(address)
        };
        open.extend(address("Opened c2s session for "));
        if let Some(closed) = address("Closing c2s session for ") {
            open.remove(closed.trim_end_matches(':'));
        }
        most = most.max(open.len());
    }
    most
}

/// So many tests with a logon each, which is held for a second: the evidence rests on the partner's server.
const N_LOGONS: usize = 100;

#[test]
fn fresh_logons_are_fewer_at_once_than_a_stock_ejabberd_allows() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_ejabberd("stock-sessions.test", Limits::Stock);
    federation.log_on("kim", LITWARE, Answer::Nothing);
    let pool = Pool::at("stock-sessions.test", server.address);
    let code = batch(&pool, &[format!("kim@{LITWARE}")], N_LOGONS, "-FreshLogon -ThrottleLimit 64");
    let (records, ran) = Desk::set_up(federation, "stock-sessions", &[pool], "").records(&code);
    let told = summary(&records, &ran);
    assert_eq!(of(&records, "Result", "Success").len(), N_LOGONS, "{told}");
    let most = most_sessions(&server.server.log("ejabberd.log"), "kenmyer@stock-sessions.test");
    assert!((2..10).contains(&most), "{most} sessions at once: {told}");
}

#[test]
fn an_account_that_may_have_one_session_is_given_no_more() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_ejabberd("one-session.test", Limits::OneSession);
    federation.log_on("kim", LITWARE, Answer::Nothing);
    let pool = Pool::at("one-session.test", server.address);
    let code = batch(&pool, &[format!("kim@{LITWARE}")], 20, "-FreshLogon -ThrottleLimit 64");
    let (records, ran) = Desk::set_up(federation, "one-session", &[pool], "").records(&code);
    let told = summary(&records, &ran);
    assert_eq!(of(&records, "Result", "Success").len(), 20, "{told}");
    assert!(
        ran.stderr.contains("The server of kenmyer@one-session.test ended one of its sessions"),
        "{told}"
    );
}

/// Counted where the messages come, and by the server that is logged on to.
#[test]
fn a_thousand_pairs_on_two_servers_are_tested_once_each_on_one_session_for_each_account() {
    let Some(federation) = Federation::get() else { return };
    let prosody = federation.another_prosody("thousand-p.test");
    let ejabberd = federation.another_ejabberd("thousand-e.test", Limits::Off);
    let servers = [("thousand-p.test", prosody.address), ("thousand-e.test", ejabberd.address)];
    let listeners =
        servers.map(|(domain, address)| federation.log_on_at(address, "kim", domain, Answer::Nothing));
    let pools = servers.map(|(domain, address)| Pool::at(domain, address));
    let both = format!("{},{}", pools[0].identity, pools[1].identity);
    let receivers = servers.map(|(domain, _)| format!("kim@{domain}"));
    let code = batch(&Pool::named(&both, ""), &receivers, 250, "-ThrottleLimit 64");
    let (records, ran) = Desk::set_up(federation, "thousand", &pools, "").records(&code);
    let told = summary(&records, &ran);
    assert_eq!((records.len(), of(&records, "Result", "Success").len()), (1000, 1000), "{told}");
    for listener in &listeners {
        for (domain, _) in servers {
            assert_eq!(listener.heard_from(&format!("kenmyer@{domain}")).len(), 250, "{told}");
        }
    }
    let log = ejabberd.server.log("ejabberd.log");
    assert_eq!(log.matches("Opened c2s session for kenmyer@thousand-e.test").count(), 1, "{told}");
}

#[test]
fn a_reader_who_is_gone_ends_the_sending() {
    let Some(federation) = Federation::get() else { return };
    let pool = Pool::at(LITWARE, federation.prosody.address).lending("garth", crate::federation::PASSWORD);
    let listener = federation.log_on("kim", LITWARE, Answer::Nothing);
    let sender = format!("garth@{LITWARE}");
    let code = batch(&pool, &[format!("kim@{LITWARE}")], 2000, &format!("-UserSipAddress {sender}"));
    Desk::set_up(federation, "gone", &[pool], "");
    let ended = Command::new("sh")
        .args(["-c", "\"$@\" | head -3", "sh", IMSH, "--topology", "topology.toml", "--vault", "vault"])
        .args(["--output", "jsonl", "-c", &code])
        .env_clear()
        .envs([("HOME", federation.folder("gone").as_os_str()), ("PATH", "/usr/bin:/bin".as_ref())])
        .current_dir(federation.folder("gone"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ended.stdout).unwrap().lines().count(), 3);
    let n_heard = listener.heard_from(&sender).len();
    assert!((3..1000).contains(&n_heard), "{n_heard} messages of 2000 were sent");
}

/// Prosody reads ten kilobytes a second of a client as it is shipped, ejabberd three thousand bytes: a batch that
/// sends more at once waits there, and says that it was the batch that waited.
#[test]
fn what_a_batch_waits_for_by_the_stock_limits_of_servers_is_told_as_ours() {
    let Some(federation) = Federation::get() else { return };
    let ejabberd = federation.another_ejabberd("stock-e.test", Limits::Stock);
    let prosody =
        federation.prosody_with("stock-p.test", &Settings { rates: Rates::Stock, ..Settings::default() });
    std::thread::scope(|scope| {
        for (domain, address, n) in
            [("stock-e.test", ejabberd.address, 80), ("stock-p.test", prosody.address, 200)]
        {
            scope.spawn(move || {
                federation.log_on_at(address, "kim", domain, Answer::Nothing);
                let pool = Pool::at(domain, address);
                let code = batch(&pool, &[format!("kim@{domain}")], n, "-ThrottleLimit 256");
                let (records, ran) = Desk::set_up(federation, domain, &[pool], "").records(&code);
                let told = summary(&records, &ran);
                assert_eq!(of(&records, "Result", "Success").len(), n, "{domain}: {told}");
                let waited: f64 = records.iter().map(|record| seconds(record, "QueueTime")).sum();
                let latency: f64 = records.iter().map(|record| seconds(record, "MessageLatency")).sum();
                assert!(
                    ran.elapsed > Duration::from_secs(5) && waited > 10.0 * latency,
                    "{domain}: {waited} s, {latency} s: {told}"
                );
            });
        }
    });
}
