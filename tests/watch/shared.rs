//! Several watchers on one PostgreSQL: one truth, whatever dies. The invariants are SQL.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::listener::Listener;
use crate::post::{ATL, GOOD, Post, RunningWatcher, until};
use crate::postgres::Postgres;
use crate::support::skip;

const REFUSED: &str = "adelany@refused.contoso.com";
const SEEN: &str = "from Dublin alone; Oslo and Redmond reach it";
const OTHER_POOL: &str = "dub-cs-001.fabrikam.com";

/// Sites with a watcher each, over one practice network and one database.
struct Sites {
    postgres: Postgres,
    post: Post,
    listener: Listener,
}

impl Sites {
    fn new(watch: &str) -> Option<Self> {
        let postgres = match Postgres::start() {
            Ok(postgres) => postgres,
            Err(reason) => {
                skip(&reason);
                return None;
            }
        };
        let listener = Listener::start();
        let post = Post::with(&format!(
            "{watch}\n[store]\nurl = \"{}\"\n[[notify]]\nidentity = 'on call'\nkind = 'webhook'\nurl = '{}'\n",
            postgres.url(),
            listener.url()
        ));
        let sites = Self { postgres, post, listener };
        let migrated = sites.command("Redmond").args(["store", "migrate"]).output().unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        Some(sites)
    }

    /// The program at a site, with a topology and a state directory of its own.
    fn command(&self, site: &str) -> std::process::Command {
        let topology = self.post.lab.topology().with_file_name(format!("{site}.toml"));
        std::fs::write(&topology, format!("site = '{site}'\n{}", self.post.topology())).unwrap();
        let mut command = crate::support::imsh_at(self.post.home.path());
        command.env("STATE_DIRECTORY", self.post.home.path().join(site));
        command.arg("--topology").arg(topology).arg("--vault").arg(self.post.lab.vault());
        command
    }

    fn start(&self, site: &str) -> RunningWatcher {
        let mut watcher = RunningWatcher::of(self.command(site));
        watcher.says("the plan is in the store");
        watcher
    }

    fn n_results(&self, site: &str) -> i64 {
        self.postgres.number(&format!("SELECT count(*) FROM result WHERE site = '{site}'"))
    }

    /// What must hold whatever has happened: each query gives what breaks it.
    fn hold_invariants(&self) {
        for (law, sql) in [
            (
                "a state turns from what it was",
                "SELECT later.id FROM change later JOIN LATERAL (SELECT to_state FROM change \
                 WHERE pair = later.pair AND (at, id) < (later.at, later.id) ORDER BY at DESC, id DESC LIMIT 1) \
                 before ON true WHERE before.to_state <> later.from_state",
            ),
            (
                "no change happens twice",
                "SELECT id FROM change JOIN LATERAL (SELECT owner, to_state FROM change other WHERE other.pair = \
                 change.pair AND (other.at, other.id) < (change.at, change.id) ORDER BY at DESC, id DESC LIMIT 1) \
                 before ON true WHERE before.to_state = change.to_state AND before.owner IS NOT DISTINCT FROM change.owner",
            ),
            (
                "the state is that of the last change",
                "SELECT pair.id FROM pair JOIN LATERAL (SELECT to_state FROM change WHERE change.pair = pair.id \
                 ORDER BY at DESC, id DESC LIMIT 1) last ON true WHERE last.to_state <> pair.state",
            ),
            (
                "every break is told once",
                "SELECT change.id FROM change LEFT JOIN notice ON notice.change = change.id AND kind = 'raise' \
                 WHERE to_state = 'Down' AND from_state <> 'Down' GROUP BY change.id HAVING count(notice.change) <> 1 \
                 AND NOT EXISTS (SELECT 1 FROM notice n JOIN change c ON c.id = n.change WHERE c.pair = \
                 (SELECT pair FROM change x WHERE x.id = change.id) AND n.kind = 'raise')",
            ),
            (
                "a result under a lease that has ended turns nothing",
                "SELECT change.id FROM change JOIN result ON result.id = change.result WHERE result.late = 1",
            ),
        ] {
            assert_eq!(self.postgres.rows(sql), [[""; 0]; 0], "{law}");
        }
    }
}

fn two_pairs() -> String {
    format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '2s'\n\
         [[watch]]\nidentity = 'any'\npools = ['{OTHER_POOL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '2s'\n\
         sites = 'any'\n"
    )
}

#[test]
fn watchers_that_are_killed_at_random_leave_one_truth() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    let names = ["Redmond", "Redmond", "Dublin"];
    let mut watchers: Vec<RunningWatcher> = names.iter().map(|site| sites.start(site)).collect();
    until("both sites test", || sites.n_results("Redmond") > 4 && sites.n_results("Dublin") > 4);
    let mut luck = std::process::id();
    for _ in 0..6 {
        luck = luck.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let victim = usize::try_from(luck >> 16).unwrap() % names.len();
        let pause = Duration::from_millis(u64::from(luck >> 8) % 700);
        std::thread::sleep(pause);
        watchers[victim].signal(Signal::SIGKILL);
        watchers[victim].ends();
        watchers[victim] = sites.start(names[victim]);
    }
    // Whatever a killed watcher held is tested again when its lease has ended.
    let killed_at = sites.postgres.number("SELECT CAST(extract(epoch FROM now()) * 1000000 AS bigint)");
    let n_of_the_dead = format!(
        "SELECT count(*) FROM schedule WHERE leased_until > 0 AND holder NOT IN \
         (SELECT id FROM watcher WHERE seen_at > {killed_at})"
    );
    until("no claim of the dead is left", || sites.postgres.number(&n_of_the_dead) == 0);
    let before = [sites.n_results("Redmond"), sites.n_results("Dublin")];
    until("both sites go on", || {
        sites.n_results("Redmond") > before[0] + 2 && sites.n_results("Dublin") > before[1] + 2
    });
    // A notice that a killed watcher had taken is delivered by another when its lease has ended.
    let undelivered = "SELECT count(*) FROM notice WHERE done_at IS NULL";
    until("every notice is delivered", || sites.postgres.number(undelivered) == 0);
    for mut watcher in watchers {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
    assert_eq!(sites.postgres.number("SELECT count(*) FROM schedule WHERE leased_until > 0"), 0);
    assert_eq!(sites.postgres.number(undelivered), 0);
    let state = format!("SELECT state FROM pair WHERE receiver = '{REFUSED}' ORDER BY pool");
    assert_eq!(sites.postgres.rows(&state), [["Down"], ["Down"]]);
    // The two pairs of a dead partner are told of once each, in one message or two.
    let told: Vec<String> = sites
        .listener
        .posted()
        .iter()
        .filter(|posted| posted.body["kind"] == "raise")
        .flat_map(|posted| posted.body["pairs"].as_array().unwrap().clone())
        .map(|pair| pair["change"].as_str().unwrap().to_owned())
        .collect();
    let once: std::collections::BTreeSet<&String> = told.iter().collect();
    assert_eq!(once.len(), 2, "{told:?}");
}

#[test]
fn a_watcher_without_its_database_goes_on_and_brings_its_results_later() {
    let watch = format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '2s'\nraise_after = 1\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    let mut watcher = sites.start("Redmond");
    until("it tests", || sites.n_results("Redmond") > 3);
    sites.postgres.stop();
    watcher.says("the watcher is blind");
    // It tests from its own plan.
    for _ in 0..4 {
        watcher.says("\"tested\"");
    }
    sites.postgres.begin();
    watcher.says("the watcher sees again");
    let while_away = "SELECT count(*) FROM result WHERE lease IS NULL";
    until("they are in the database", || sites.postgres.number(while_away) >= 4);
    let before = sites.n_results("Redmond");
    until("it goes on", || sites.n_results("Redmond") > before + 2);
    watcher.signal(Signal::SIGTERM);
    assert_eq!(watcher.ends(), Some(0));
    sites.hold_invariants();
    let n_spooled = rusqlite::Connection::open(sites.post.home.path().join("Redmond/spool.sqlite"))
        .unwrap()
        .query_row("SELECT count(*) FROM spool", [], |row| row.get::<_, i64>(0))
        .unwrap();
    assert_eq!(n_spooled, 0);
}

#[test]
fn a_watcher_that_starts_without_its_database_is_blind_and_begins_when_it_is_there() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    sites.postgres.stop();
    let mut watcher = RunningWatcher::of(sites.command("Redmond"));
    watcher.says("the watcher is blind");
    sites.postgres.begin();
    watcher.says("the plan is in the store");
    until("it tests", || sites.n_results("Redmond") > 2);
}

#[test]
fn a_site_that_falls_silent_is_told_of_by_the_others() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    let mut dublin = sites.start("Dublin");
    let _redmond = sites.start("Redmond");
    until("both sites test", || sites.n_results("Redmond") > 2 && sites.n_results("Dublin") > 2);
    dublin.signal(Signal::SIGKILL);
    dublin.ends();
    let end = Instant::now() + Duration::from_secs(150);
    let silent = || {
        let posted = sites.listener.posted();
        posted.iter().filter(|posted| posted.body["code"] == "WATCHER-SILENT").cloned().collect::<Vec<_>>()
    };
    while silent().is_empty() {
        assert!(Instant::now() < end, "nobody is told that Dublin is silent");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(silent()[0].body["pairs"][0]["receiver"], "Dublin");
    assert_eq!(silent().len(), 1, "one notice, not one for each pair");
}

#[test]
fn what_one_site_alone_sees_is_its_networks() {
    let watch = format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '4s'\nraise_after = 2\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    let all = ["Redmond", "Oslo", "Dublin"];
    let watchers: Vec<RunningWatcher> = all.iter().map(|site| sites.start(site)).collect();
    let verdict = |receiver: &str| {
        sites.postgres.rows(&format!(
            "SELECT state, coalesce(owner, ''), coalesce(seen_from, '') FROM pair WHERE receiver = '{receiver}'"
        ))
    };
    until("all sites see what is down everywhere", || verdict(REFUSED) == [["Down", "Partner", ""]]);
    until("and what is up everywhere", || verdict(GOOD) == [["Up", "", ""]]);
    // The way from Dublin to the pool breaks: its watcher is pointed at a port where nobody listens.
    let topology = sites.post.lab.topology().with_file_name("Dublin.toml");
    let text = std::fs::read_to_string(&topology).unwrap();
    let header = format!("identity = \"{ATL}\"\n");
    std::fs::write(&topology, text.replace(&header, &format!("{header}servers = [\"127.0.0.1:1\"]\n")))
        .unwrap();
    watchers[2].signal(Signal::SIGHUP);
    until("it is Dublin's network", || verdict(GOOD) == [["Down", "Network", SEEN]]);
    let told = || {
        let posted = sites.listener.posted();
        posted.into_iter().filter(|posted| posted.body["owner"] == "Network").collect::<Vec<_>>()
    };
    until("somebody is told", || !told().is_empty());
    let text = told()[0].body["text"].as_str().unwrap().to_owned();
    assert!(text.contains(SEEN), "{text}");
    std::fs::write(&topology, text_without_servers(&std::fs::read_to_string(&topology).unwrap())).unwrap();
    watchers[2].signal(Signal::SIGHUP);
    until("it is mended", || verdict(GOOD) == [["Up", "", ""]]);
    for mut watcher in watchers {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
}

fn text_without_servers(text: &str) -> String {
    text.replace("servers = [\"127.0.0.1:1\"]\n", "")
}

#[test]
fn no_more_tests_reach_for_a_partner_than_its_limit_over_all_watchers() {
    let partner = "northwindtraders.com";
    // Each of them takes a second or more: a late bounce is waited for.
    let receivers = ["offline", "impostor", "delayed"].map(|name| format!("'{name}@{partner}'")).join(", ");
    let watch = format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}', '{OTHER_POOL}']\nreceivers = [{receivers}]\nevery = '2s'\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    let header = format!("domain = \"{partner}\"\n");
    sites.post.write(&sites.post.topology().replace(&header, &format!("{header}connection_limit = 2\n")));
    let watchers = ["Redmond", "Dublin"].map(|site| sites.start(site));
    until("both sites have tested every pair", || {
        let planned = sites.postgres.number("SELECT count(*) FROM schedule");
        let tested = "SELECT count(DISTINCT (pair, site)) FROM result";
        planned == 12 && sites.postgres.number(tested) == planned
    });
    // How many tests were under way when each began, that one included.
    let most = "SELECT max(n) FROM (SELECT count(*) AS n FROM result JOIN result other ON other.started_at <= \
                result.started_at AND result.started_at < other.started_at + other.elapsed - 20000 \
                GROUP BY result.id) AS under_way";
    assert_eq!(sites.postgres.number(most), 2);
    drop(watchers);
}

#[test]
fn a_database_of_an_older_schema_is_refused_with_the_command_that_mends_it() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    sites.postgres.rows("DELETE FROM schema_version");
    let output = sites.command("Redmond").args(["watch", "--once"]).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("imsh store migrate"), "{log}");
}
