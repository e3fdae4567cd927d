//! The effect of each setting of `[[watch]]`; those of `[[notify]]` are shown in `notices`.

use crate::post::{ATL, GOOD, Post};

const OTHER_POOL: &str = "dub-cs-001.fabrikam.com";
/// Its partner refuses connections, which may pass.
const REFUSED: &str = "adelany@refused.contoso.com";

/// A post with one watch of one pair, and these lines.
fn watch(lines: &str) -> Post {
    Post::with(&format!("[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\n{lines}\n"))
}

/// The pairs that a round has tested.
fn tested(watch: &str) -> Vec<Vec<String>> {
    let post = Post::with(&format!("[[watch]]\nidentity = 'one'\n{watch}\n"));
    post.once();
    post.rows("SELECT pool, receiver FROM pair JOIN result ON result.pair = pair.id ORDER BY pool, receiver")
}

/// The time of day, in seconds (UTC), at which the pair is due after a round.
fn due_at(lines: &str) -> i64 {
    let post = watch(lines);
    post.round(0);
    post.number("SELECT due_at / 1000000 % 86400 FROM schedule")
}

#[test]
fn a_watch_is_known_by_its_identity() {
    let post = watch("");
    post.round(0);
    assert_eq!(post.rows("SELECT watch FROM schedule"), [["one"]]);
}

#[test]
fn a_watch_that_is_paused_tests_nothing() {
    let other = format!("[[watch]]\nidentity = 'two'\npools = ['{OTHER_POOL}']\nreceivers = ['{GOOD}']\n");
    let post = watch(&format!("enabled = false\n{other}"));
    post.round(0);
    assert_eq!(post.rows("SELECT DISTINCT pool FROM tested"), [[OTHER_POOL]]);
}

#[test]
fn the_tests_are_those_that_the_watch_lists() {
    let post = watch("tests = ['Registration']");
    post.round(0);
    assert_eq!(post.rows("SELECT test FROM tested"), [["Registration"]]);
}

#[test]
fn the_pools_are_those_that_the_watch_means() {
    let receivers = format!("receivers = ['{GOOD}']");
    assert_eq!(tested(&format!("{receivers}\npools = ['dub-*']")), [[OTHER_POOL, GOOD]]);
    let dublin = tested(&format!("{receivers}\npools = ['site:Dublin']"));
    assert!(dublin.contains(&vec![OTHER_POOL.to_owned(), GOOD.to_owned()]), "{dublin:?}");
    assert!(!dublin.iter().any(|pair| pair[0] == ATL), "{dublin:?}");
}

#[test]
fn the_receivers_are_those_that_the_watch_means() {
    let pools = format!("pools = ['{ATL}']");
    assert_eq!(tested(&format!("{pools}\nreceivers = ['{GOOD}']")), [[ATL, GOOD]]);
    assert_eq!(tested(&format!("{pools}\nreceivers = ['partner:refused.contoso.com']")), [[ATL, REFUSED]]);
    let two = tested(&format!("{pools}\nreceivers = ['adelany@refused*', 'adelany@contoso.com']"));
    assert_eq!(two, [[ATL, GOOD], [ATL, REFUSED]]);
}

#[test]
fn a_pair_is_due_as_often_as_the_watch_says() {
    for (every, seconds) in [("15m", 900), ("1h", 3600)] {
        let post = watch(&format!("every = '{every}'"));
        post.round(0);
        let now = post.number("SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)");
        let due = post.number("SELECT due_at FROM schedule");
        assert!((now - 60_000_000..=now + seconds * 1_000_000).contains(&due), "{every}: {due} {now}");
        assert_eq!(post.number("SELECT period FROM schedule"), seconds * 1_000_000);
    }
}

#[test]
fn a_pair_is_due_at_the_times_of_a_cron_expression() {
    assert_eq!(due_at("at = '30 6 * * *'\nzone = 'UTC'"), 6 * 3600 + 30 * 60);
}

#[test]
fn the_times_of_a_cron_expression_are_those_of_the_zone() {
    assert_eq!(due_at("at = '30 6 * * *'\nzone = 'Asia/Kolkata'"), 3600);
}

#[test]
fn a_pair_is_tested_by_each_site_or_by_any() {
    for (sites, vantage) in [("each", "local"), ("any", "any")] {
        let post = watch(&format!("sites = '{sites}'"));
        post.round(0);
        assert_eq!(post.rows("SELECT vantage FROM schedule"), [[vantage]]);
    }
}

#[test]
fn results_are_of_the_site_that_the_topology_names() {
    let post = watch("");
    post.write(&format!("site = 'Oslo'\n{}", post.topology()));
    post.round(0);
    assert_eq!(post.rows("SELECT site FROM result"), [["Oslo"]]);
    assert_eq!(post.rows("SELECT vantage FROM schedule"), [["Oslo"]]);
}

#[test]
fn a_pair_is_down_after_as_many_failures_as_the_watch_says() {
    for (raise_after, state) in [(1, "Down"), (2, "Unknown")] {
        let receivers = format!("receivers = ['{REFUSED}']\nraise_after = {raise_after}");
        let post = Post::with(&format!("[[watch]]\nidentity = 'one'\npools = ['{ATL}']\n{receivers}\n"));
        post.round(1);
        assert_eq!(post.rows("SELECT state FROM tested"), [[state]], "{raise_after}");
    }
}

#[test]
fn a_pair_is_up_after_as_many_successes_as_the_watch_says() {
    let successes = "SELECT count(*) FROM result WHERE outcome = 'Success'";
    for (clear_after, n_successes) in [(1, 1), (3, 3)] {
        let post = watch(&format!("every = '1s'\nraise_after = 1\nclear_after = {clear_after}"));
        post.set_broken(ATL, true);
        post.round(1);
        assert_eq!(post.rows("SELECT state FROM tested"), [["Down"]]);
        post.set_broken(ATL, false);
        post.rounds_until("the pair is up", || post.rows("SELECT state FROM tested") == [["Up"]]);
        assert_eq!(post.number(successes), n_successes);
    }
}
