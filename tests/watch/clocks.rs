//! Watchers that stand still, that hear late or nothing, and whose clocks are wrong.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::post::{ATL, GOOD, until};
use crate::postgres::Postgres;
use crate::relay::{Passage, Relay};
use crate::sites::{OTHER_POOL, REFUSED, Sites, two_pairs};

/// Receivers whose tests take a second or more: a late bounce is waited for.
pub const SLOW: [&str; 3] =
    ["offline@northwindtraders.com", "impostor@northwindtraders.com", "delayed@northwindtraders.com"];

/// Pairs that any site tests and that take a while, with leases that are not long.
fn slow_pairs(raise_after: u32) -> Option<Sites> {
    let receivers = SLOW.map(|name| format!("'{name}'")).join(", ");
    let sites = Sites::new(&format!(
        "[[watch]]\nidentity = 'slow'\npools = ['{ATL}']\nreceivers = ['{GOOD}', {receivers}]\nevery = '2s'\n\
         sites = 'any'\nraise_after = {raise_after}\n"
    ))?;
    let short = sites.post.topology().replace("\ntimeout = \"15s\"", "\ntimeout = \"10s\"");
    sites.post.write(&short);
    Some(sites)
}

/// The claims of the watcher that was there first.
fn held(sites: &Sites, holder: &str) -> i64 {
    sites
        .postgres
        .number(&format!("SELECT count(*) FROM schedule WHERE leased_until > 0 AND holder = '{holder}'"))
}

#[test]
fn what_a_watcher_held_while_it_stood_still_is_tested_by_another() {
    let Some(sites) = slow_pairs(2) else { return };
    let first = sites.start("Redmond");
    until("it has given a sign of life", || sites.postgres.number("SELECT count(*) FROM watcher") == 1);
    let id = sites.postgres.rows("SELECT id FROM watcher")[0][0].clone();
    // It stands still in the middle of tests.
    until("it stands still with claims", || {
        first.signal(Signal::SIGSTOP);
        let stands = held(&sites, &id) > 0;
        if !stands {
            first.signal(Signal::SIGCONT);
        }
        stands
    });
    let _second = sites.start("Redmond");
    until("the other has its pairs", || held(&sites, &id) == 0);
    // It stands still for as long again.
    let leases = sites.postgres.number("SELECT sum(lease) FROM schedule");
    let stood = "SELECT CAST(max(now() - to_timestamp(seen_at / 1000000)) > interval '82 seconds' AS int) FROM watcher";
    until("twice its lease is over", || sites.postgres.number(stood) == 1);
    assert!(sites.postgres.number("SELECT sum(lease) FROM schedule") > leases, "the other goes on");
    first.signal(Signal::SIGCONT);
    let on_time = format!("SELECT count(*) FROM result WHERE late = 0 AND watcher = '{id}'");
    let before = sites.postgres.number(&on_time);
    until("it goes on", || sites.postgres.number(&on_time) > before);
    sites.hold_invariants();
}

#[test]
fn a_watcher_that_stood_still_blames_nobody() {
    let Some(sites) = slow_pairs(1) else { return };
    let watcher = sites.start("Redmond");
    let state = format!("SELECT state FROM pair WHERE receiver = '{}'", SLOW[2]);
    until("the pair is up", || sites.postgres.rows(&state) == [["Up"]]);
    let holds = format!(
        "SELECT count(*) FROM schedule JOIN pair ON pair.id = pair WHERE receiver = '{}' AND leased_until > 0",
        SLOW[2]
    );
    until("it stands still with the pair", || {
        watcher.signal(Signal::SIGSTOP);
        let stands = sites.postgres.number(&holds) == 1;
        if !stands {
            watcher.signal(Signal::SIGCONT);
        }
        stands
    });
    let over = "SELECT count(*) FROM schedule WHERE leased_until > 0 AND leased_until < \
                extract(epoch FROM now() - interval '2 seconds') * 1000000";
    until("the lease is over", || sites.postgres.number(over) > 0);
    watcher.signal(Signal::SIGCONT);
    let n_results = sites.n_results("Redmond");
    until("it goes on", || sites.n_results("Redmond") > n_results + 8);
    let turns = format!(
        "SELECT count(*) FROM change JOIN pair ON pair.id = pair WHERE to_state = 'Down' AND receiver = '{}'",
        SLOW[2]
    );
    assert_eq!(sites.postgres.number(&turns), 0, "its own standstill was the partner's fault");
    sites.hold_invariants();
}

#[test]
fn a_watcher_behind_a_line_that_delays_and_drops_loses_nothing() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    let relay = Relay::to(sites.postgres.socket());
    let through = Postgres::url_by(&relay.directory(), "postgres");
    let topology = sites.post.topology().replace(&sites.postgres.url(), &through);
    let mut redmond = sites.start_of("Redmond", &topology);
    let dublin = sites.start("Dublin");
    until("both sites test", || sites.n_results("Redmond") > 2 && sites.n_results("Dublin") > 2);
    relay.pass(Passage::Late(Duration::from_millis(150)));
    let before = sites.n_results("Redmond");
    until("it goes on over a slow line", || sites.n_results("Redmond") > before + 4);
    for passage in [Passage::Lost, Passage::Closed] {
        relay.pass(passage);
        redmond.says("the watcher is blind");
        for _ in 0..4 {
            redmond.says("\"tested\"");
        }
        relay.pass(Passage::Late(Duration::ZERO));
        redmond.says("the watcher sees again");
        let before = sites.n_results("Redmond");
        until("it goes on", || sites.n_results("Redmond") > before + 4);
    }
    let while_away = "SELECT count(*) FROM result WHERE lease IS NULL AND site = 'Redmond'";
    assert!(sites.postgres.number(while_away) >= 8, "what it saw meanwhile is not lost");
    let silent = "SELECT count(*) FROM pair WHERE test = 'Watcher' AND state = 'Down'";
    until("whoever was silent for long is heard again", || sites.postgres.number(silent) == 0);
    for mut watcher in [redmond, dublin] {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
    let states = format!(
        "SELECT receiver, state FROM pair WHERE pool = '{ATL}' OR pool = '{OTHER_POOL}' ORDER BY 1, 2"
    );
    assert_eq!(
        sites.postgres.rows(&states),
        [[GOOD, "Up"], [GOOD, "Up"], [REFUSED, "Down"], [REFUSED, "Down"]]
    );
}

/// Moves the clock of the database: its own function of that name comes before PostgreSQL's.
pub fn set_clock(sites: &Sites, shift: &str) {
    sites.postgres.rows(
        "CREATE TABLE IF NOT EXISTS clock (shift interval); \
         CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS \
         'SELECT pg_catalog.clock_timestamp() + shift FROM public.clock'; \
         ALTER DATABASE imsh SET search_path = public, pg_catalog",
    );
    sites.postgres.rows(&format!("DELETE FROM clock; INSERT INTO clock VALUES (interval '{shift}')"));
}

#[test]
fn a_database_whose_clock_is_wrong_and_is_set_stops_no_watch() {
    let Some(sites) = Sites::new(&two_pairs()) else { return };
    set_clock(&sites, "1 hour");
    let mut redmond = sites.start("Redmond");
    let dublin = sites.start("Dublin");
    redmond.says("the store's clock is not this machine's");
    for shift in ["0", "-1 hour", "1 hour"] {
        let before = [sites.n_results("Redmond"), sites.n_results("Dublin")];
        until("both sites test", || {
            sites.n_results("Redmond") > before[0] + 4 && sites.n_results("Dublin") > before[1] + 4
        });
        set_clock(&sites, shift);
    }
    let down = format!("SELECT count(*) FROM pair WHERE receiver = '{REFUSED}' AND state = 'Down'");
    until("what is down is down", || sites.postgres.number(&down) == 2);
    let up = format!("SELECT count(*) FROM pair WHERE receiver = '{GOOD}' AND state = 'Up'");
    until("what is up is up", || sites.postgres.number(&up) == 2);
    let undelivered = "SELECT count(*) FROM notice WHERE done_at IS NULL";
    until("every notice is delivered", || sites.postgres.number(undelivered) == 0);
    for mut watcher in [redmond, dublin] {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
    let silent = "SELECT count(*) FROM change JOIN pair ON pair.id = pair WHERE test = 'Watcher' AND to_state = 'Down'";
    assert_eq!(sites.postgres.number(silent), 0, "nobody was silent");
    let kinds = sites.listener.kinds();
    assert!(!kinds.contains(&"clear".to_owned()), "nothing was mended: {kinds:?}");
}
