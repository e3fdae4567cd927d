//! A long run with faults, started by hand; it prints its figures and holds the invariants at the end:
//!
//! ```sh
//! IMSH_SOAK_MINUTES=60 cargo test --locked --test watch -- --ignored --nocapture soak
//! ```

#![expect(clippy::print_stdout, reason = "the figures are for whoever has started it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::clocks::{SLOW, set_clock};
use crate::post::{ATL, GOOD, RunningWatcher, until};
use crate::postgres::Postgres;
use crate::relay::{Passage, Relay};
use crate::sites::{OTHER_POOL, REFUSED, Sites};

/// A watcher of the run, and how it is started again.
struct Place {
    site: &'static str,
    state: PathBuf,
    topology: String,
    watcher: RunningWatcher,
    /// Kibibytes that it held, each time they were looked at.
    memory: Vec<u64>,
}

impl Place {
    fn start(sites: &Sites, site: &'static str, name: &str, topology: String) -> Self {
        let state = sites.post.home.path().join(name);
        let watcher = Self::run(sites, site, &state, &topology);
        Self { site, state, topology, watcher, memory: Vec::new() }
    }

    fn run(sites: &Sites, site: &str, state: &Path, topology: &str) -> RunningWatcher {
        let mut command = sites.command_of(site, topology);
        command.env("STATE_DIRECTORY", state);
        RunningWatcher::of(command)
    }

    /// A new process; what the old one held of memory says nothing of it.
    fn again(&mut self, sites: &Sites) {
        self.watcher = Self::run(sites, self.site, &self.state, &self.topology);
        self.memory.clear();
    }

    fn weigh(&mut self) {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.watcher.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let held: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        self.memory.extend(held);
    }
}

/// Numbers that look random and can be had again.
struct Luck(u64);

impl Luck {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[test]
#[ignore = "it runs for an hour; started by hand"]
fn soak() {
    let minutes = std::env::var("IMSH_SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let slow = SLOW.map(|name| format!("'{name}'")).join(", ");
    let watch = format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}', {slow}]\nevery = '10s'\n\
         [[watch]]\nidentity = 'any'\npools = ['{OTHER_POOL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '5s'\n\
         sites = 'any'\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    set_clock(&sites, "0");
    let relay = Relay::to(sites.postgres.socket());
    let through = Postgres::url_by(&relay.directory(), "postgres");
    let far = sites.post.topology().replace(&sites.postgres.url(), &through);
    // A disk of its own, which can be filled.
    let disk = sites.post.home.path().join("dublin");
    std::fs::create_dir(&disk).unwrap();
    let is_mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "none"]).arg(&disk).status();
    let is_mounted = is_mounted.is_ok_and(|status| status.success());
    let mut places = vec![
        Place::start(&sites, "Redmond", "redmond-1", far),
        Place::start(&sites, "Redmond", "redmond-2", sites.post.topology()),
        Place::start(&sites, "Dublin", "dublin", sites.post.topology()),
    ];
    let mut luck = Luck(u64::from(std::process::id()));
    println!("seed {}, {minutes} minutes, a disk to fill: {is_mounted}", luck.0);
    let (began, mut kills) = (Instant::now(), 0);
    let mut faults = std::collections::BTreeMap::<&str, u32>::new();
    while began.elapsed() < Duration::from_secs(60 * minutes) {
        let pause = |seconds: u64| std::thread::sleep(Duration::from_secs(seconds));
        pause(15 + luck.below(20));
        places.iter_mut().for_each(Place::weigh);
        let who = usize::try_from(luck.below(3)).unwrap();
        let fault = match luck.below(7) {
            0 => {
                sites.postgres.stop();
                pause(5 + luck.below(40));
                sites.postgres.begin();
                "the database is stopped"
            }
            1 => {
                relay.pass(Passage::Lost);
                pause(5 + luck.below(40));
                "the line loses everything"
            }
            2 => {
                relay.pass(Passage::Closed);
                pause(5 + luck.below(40));
                "the line is closed"
            }
            3 => {
                relay.pass(Passage::Late(Duration::from_millis(50 + luck.below(400))));
                pause(10 + luck.below(20));
                "the line is slow"
            }
            4 => {
                kills += 1;
                places[who].watcher.signal(Signal::SIGKILL);
                places[who].watcher.ends();
                places[who].again(&sites);
                "a watcher is killed"
            }
            5 => {
                places[who].watcher.signal(Signal::SIGSTOP);
                pause(5 + luck.below(90));
                places[who].watcher.signal(Signal::SIGCONT);
                "a watcher stands still"
            }
            _ if is_mounted && luck.below(2) == 0 => {
                // Where the database is away, the results have no place left.
                let filler = disk.join("filler");
                let _ = std::fs::write(&filler, vec![0; 8 << 20]);
                sites.postgres.stop();
                pause(20);
                sites.postgres.begin();
                pause(5);
                let _ = std::fs::remove_file(&filler);
                "a disk is full while the database is away"
            }
            _ => {
                set_clock(
                    &sites,
                    ["0", "40 seconds", "-2 minutes", "1 hour", "-1 hour"]
                        [usize::try_from(luck.below(5)).unwrap()],
                );
                "the clock is set"
            }
        };
        relay.pass(Passage::Late(Duration::ZERO));
        *faults.entry(fault).or_default() += 1;
        println!("{:>5} s: {fault}, watcher {who}", began.elapsed().as_secs());
    }
    let before: Vec<i64> = ["Redmond", "Dublin"].map(|site| sites.n_results(site)).into();
    until("both sites go on", || {
        sites.n_results("Redmond") > before[0] + 6 && sites.n_results("Dublin") > before[1] + 6
    });
    let undelivered = "SELECT count(*) FROM notice WHERE done_at IS NULL";
    until("every notice is delivered", || sites.postgres.number(undelivered) == 0);
    places.iter_mut().for_each(Place::weigh);
    let number = |sql: &str| sites.postgres.number(sql);
    println!("faults: {faults:?}");
    println!(
        "results: {}, late: {}, from the spool: {}, changes: {}, notices: {}",
        number("SELECT count(*) FROM result"),
        number("SELECT count(*) FROM result WHERE late = 1"),
        number("SELECT count(*) FROM result WHERE lease IS NULL"),
        number("SELECT count(*) FROM change"),
        number("SELECT count(*) FROM notice"),
    );
    for place in &places {
        println!("{}: kibibytes held: {:?}", place.state.display(), place.memory);
    }
    // Identifiers hold the time by the machine's clock, which nobody has set.
    for row in sites.postgres.rows(
        "SELECT receiver, site, count(*), max(gap) FROM (SELECT pair, site, (at - lag(at) OVER (PARTITION BY pair, \
         site ORDER BY at)) / 1000 AS gap FROM (SELECT pair, site, CAST(CAST('x' || substr(replace(id, '-', ''), 1, 12) \
         AS bit(48)) AS bigint) AS at FROM result) made) gaps JOIN pair ON pair.id = pair \
         GROUP BY receiver, site ORDER BY 1, 2",
    ) {
        println!("results and longest gap in seconds: {row:?}");
    }
    let false_states = "SELECT pool, receiver, site, to_state, change.code, change.owner, change.seen_from FROM change \
                        JOIN pair ON pair.id = pair LEFT JOIN result ON result.id = change.result \
                        WHERE (receiver LIKE 'adelany@contoso.com' AND to_state IN ('Down', 'Flaky')) \
                        OR (receiver LIKE '%@refused.%' AND to_state IN ('Up', 'Flaky'))";
    let false_states = sites.postgres.rows(false_states);
    let mut told = std::collections::BTreeMap::<(String, String), u32>::new();
    for posted in sites.listener.posted() {
        for pair in posted.body["pairs"].as_array().unwrap() {
            let key = (posted.body["kind"].to_string(), pair["change"].to_string());
            *told.entry(key).or_default() += 1;
        }
    }
    let n_doubled = told.values().filter(|n| **n > 1).count();
    println!("notices told: {}, told more than once: {n_doubled} (kills: {kills})", told.len());
    println!("false states: {false_states:?}");
    for place in &mut places {
        place.watcher.signal(Signal::SIGTERM);
        assert_eq!(place.watcher.ends(), Some(0));
    }
    if is_mounted {
        let _ = Command::new("umount").arg(&disk).status();
    }
    sites.hold_invariants();
    assert_eq!(false_states.len(), 0);
    let n_notices = number("SELECT count(*) FROM notice");
    assert_eq!(i64::try_from(told.len()).unwrap(), n_notices, "each notice is told, and no other");
}
