//! Rounds: everything that the topology says is tested, as often as it says, and remembered.

use crate::post::{ATL, GOOD, Post};

#[test]
fn a_round_on_the_practice_network_tests_every_pair_once() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("results.sqlite");
    let mut command = crate::support::imsh_at(home.path());
    let output = command.args(["--lab", "watch", "--once", "--store"]).arg(&store).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{log}");
    let connection = rusqlite::Connection::open(&store).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let n_pairs = number("SELECT count(*) FROM schedule");
    assert!(n_pairs > 150, "{n_pairs}");
    // A pair that failed as others did is not tested until these are known.
    let n_tested = number("SELECT count(DISTINCT pair) FROM result");
    assert!(n_tested * 10 >= n_pairs * 9, "{n_tested} of {n_pairs}: {log}");
    // An error that comes late takes a success back: a second result of the same test.
    let once = "SELECT count(*) FROM result WHERE report NOT LIKE '%RESULT-REVISED%'";
    assert_eq!(number(once) - n_tested, 0, "none is tested twice");
    assert_eq!(number("SELECT count(*) FROM schedule WHERE leased_until > 0"), 0, "no claim is left");
    assert_eq!(number("SELECT count(*) FROM watcher"), 0);
    for (receiver, state) in [("adelany@contoso.com", "Up"), ("adelany@expired.contoso.com", "Down")] {
        let sql = format!("SELECT count(*) FROM pair WHERE receiver = '{receiver}' AND state = '{state}'");
        assert_eq!(number(&sql), 2, "{receiver}: {log}");
    }
}

#[test]
fn what_is_not_due_again_is_not_tested_again_by_whoever_starts_next() {
    let post =
        Post::with(&format!("[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\n"));
    post.round(0);
    let before = post.rows("SELECT due_at, lease FROM schedule");
    assert!(post.round(0).contains("\"tests\":0"));
    assert_eq!(post.rows("SELECT due_at, lease FROM schedule"), before);
    assert_eq!(post.number("SELECT count(*) FROM result"), 1);
}

#[test]
fn every_kind_of_test_is_recorded_under_its_claim() {
    let post = Post::with(&format!(
        "[[watch]]\nidentity = 'all'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\n\
         tests = ['XmppIM', 'Registration', 'FederatedPartner', 'XmppPing']\n"
    ));
    let log = post.round(0);
    let leased = post.rows(
        "SELECT pair.test, result.outcome FROM result JOIN pair ON pair.id = result.pair \
         WHERE result.lease IS NOT NULL ORDER BY 1",
    );
    assert_eq!(
        leased,
        [
            ["FederatedPartner", "Success"],
            ["Registration", "Success"],
            ["XmppIM", "Success"],
            ["XmppPing", "Success"]
        ],
        "{log}"
    );
    assert_eq!(post.number("SELECT count(*) FROM schedule"), 4);
    assert_eq!(post.number("SELECT count(*) FROM tested"), 4, "the pairs are those of the cmdlets");
}

#[test]
fn the_checks_of_the_topology_are_one_pair_and_each_by_itself() {
    let post = Post::with("[[watch]]\nidentity = 'checks'\ntests = ['Topology']\n");
    post.round(1);
    let whole = "SELECT state FROM pair WHERE receiver = 'topology'";
    assert_eq!(post.rows(whole), [["Down"]]);
    let n_checks = post.number("SELECT count(*) FROM result WHERE lease IS NULL");
    assert!(n_checks > 50, "{n_checks}");
}

#[test]
fn nothing_to_watch_is_said_with_the_way_to_change_it() {
    let post = Post::with("");
    let log = post.round(2);
    assert!(log.contains("New-WatcherNodeConfiguration"), "{log}");
}

#[test]
fn a_watch_that_means_nothing_of_the_topology_is_said_with_what_it_lists() {
    let post = Post::with("[[watch]]\nidentity = 'elsewhere'\nreceivers = ['partner:nobody.example']\n");
    let log = post.round(2);
    assert!(log.contains("no [[watch]] means"), "{log}");
    assert!(log.contains("Get-WatcherNodeConfiguration"), "{log}");
}

#[test]
fn watches_that_are_all_paused_are_said_with_the_way_to_go_on() {
    let post = Post::with("[[watch]]\nidentity = 'one'\nenabled = false\n");
    let log = post.round(2);
    assert!(log.contains("every [[watch]] is paused") && log.contains("-Enabled"), "{log}");
}

#[test]
fn an_account_without_a_password_is_told_of_and_not_tested() {
    let post =
        Post::with(&format!("[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\n"));
    let vault = tempfile::tempdir().unwrap();
    let mut command = crate::support::imsh_at(post.home.path());
    command.arg("--topology").arg(post.lab.topology()).arg("--vault").arg(vault.path());
    let output = command.arg("--store").arg(post.store()).args(["watch", "--once"]).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("no password of this account"), "{log}");
    assert_eq!(post.number("SELECT count(*) FROM result"), 0);
    assert_eq!(post.rows("SELECT state FROM tested"), [["Unknown"]]);
}

#[test]
fn a_partner_that_is_dead_for_all_its_receivers_is_down_for_all_at_once() {
    let receivers: Vec<String> = (0..12).map(|n| format!("'user{n}@refused.contoso.com'")).collect();
    let listener = crate::listener::Listener::start();
    let post = Post::with(&format!(
        "[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = [{}]\nraise_after = 1\n\
         [[notify]]\nidentity = 'on call'\nkind = 'webhook'\nurl = '{}'\n",
        receivers.join(", "),
        listener.url()
    ));
    let log = post.round(1);
    assert_eq!(post.rows("SELECT state, count(*) FROM tested GROUP BY state"), [["Down", "12"]], "{log}");
    let inferred = "SELECT count(*) FROM result WHERE report LIKE '%\"is_inferred\":true%'";
    assert!(post.number(inferred) > 0, "some were not tested: {log}");
    assert_eq!(post.number("SELECT count(*) FROM schedule WHERE leased_until > 0"), 0);
    let told: Vec<usize> =
        listener.posted().iter().map(|posted| posted.body["pairs"].as_array().unwrap().len()).collect();
    assert_eq!(told, [12], "one notice for all of them");
}
