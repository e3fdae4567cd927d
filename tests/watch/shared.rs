//! Several watchers on one PostgreSQL: one truth, whatever dies.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::post::{ATL, GOOD, RunningWatcher, until};
use crate::sites::{OTHER_POOL, REFUSED, Sites, two_pairs};

const SEEN_BY_TWO: &str = "from Dublin and Oslo; Redmond alone reaches it";
const NOWHERE: &str = "servers = [\"127.0.0.1:1\"]\n";
const SEEN: &str = "from Dublin alone; Oslo and Redmond reach it";

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
    // The way to the pool breaks, from one site after the other: the watcher there is pointed at a port where nobody
    // listens.
    let header = format!("identity = \"{ATL}\"\n");
    let break_at = |n: usize, is_broken: bool| {
        let topology = sites.post.lab.topology().with_file_name(format!("{}.toml", all[n]));
        let text = std::fs::read_to_string(&topology).unwrap().replace(NOWHERE, "");
        let broken = text.replace(&header, &format!("{header}{NOWHERE}"));
        std::fs::write(&topology, if is_broken { broken } else { text }).unwrap();
        watchers[n].signal(Signal::SIGHUP);
    };
    let told = |owner: &str| {
        let posted = sites.listener.posted();
        let of_owner =
            posted.iter().filter(|posted| posted.body["owner"] == owner && posted.body["kind"] == "raise");
        of_owner.map(|posted| posted.body["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    break_at(2, true);
    until("it is Dublin's network", || verdict(GOOD) == [["Down", "Network", SEEN]]);
    until("somebody is told", || told("Network").iter().any(|text| text.contains(SEEN)));
    break_at(1, true);
    until("it is the network of two", || verdict(GOOD) == [["Down", "Network", SEEN_BY_TWO]]);
    break_at(0, true);
    until("it is the pool's", || verdict(GOOD) == [["Down", "Pool", ""]]);
    until("somebody is told whose it is", || told("Pool").iter().any(|text| text.contains("nobody listens")));
    (0..3).for_each(|n| break_at(n, false));
    until("it is mended", || verdict(GOOD) == [["Up", "", ""]]);
    until("and whoever was told hears it", || sites.listener.kinds().contains(&"clear".to_owned()));
    for mut watcher in watchers {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
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

#[test]
fn watchers_of_one_site_that_plan_differently_say_so() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    let mut first = sites.start("Redmond");
    let other = sites.post.topology().replace("every = '2s'", "every = '3s'");
    let mut second = sites.start_of("Redmond", &other);
    second.says("another watcher of this site has another plan");
    first.says("another watcher of this site has another plan");
}

#[test]
fn three_watchers_of_a_site_share_its_pairs_and_none_starves() {
    let watch = format!(
        "[[watch]]\nidentity = 'all'\npools = ['{ATL}', '{OTHER_POOL}']\nreceivers = ['{GOOD}', '{REFUSED}', \
         'echo@northwindtraders.com', 'offline@northwindtraders.com']\nevery = '1s'\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    let mut watchers: Vec<RunningWatcher> = (0..3).map(|_| sites.start("Redmond")).collect();
    let least_of = |what: &str, groups: i64| {
        let counts = format!("SELECT count(*) AS n FROM result WHERE late = 0 GROUP BY {what}");
        let least =
            format!("SELECT CASE WHEN count(*) = {groups} THEN min(n) ELSE 0 END FROM ({counts}) AS counts");
        sites.postgres.number(&least)
    };
    until("each of them tests again and again", || least_of("watcher", 3) >= 10);
    until("each pair is tested again and again", || least_of("pair", 8) >= 10);
    for watcher in &mut watchers {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
}
