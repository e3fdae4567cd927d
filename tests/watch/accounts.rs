//! Accounts of the database: a reader sees, a site's watchers write what that site has seen, and nobody else's.

use nix::sys::signal::Signal;

use crate::post::{ATL, GOOD, RunningWatcher, until};
use crate::postgres::Postgres;
use crate::sites::{REFUSED, Sites};

fn granted(sites: &Sites, arguments: &[&str]) {
    let output = sites.command("Redmond").args(["store", "grant"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A topology whose database is used by this account.
fn topology_of(sites: &Sites, account: &str) -> String {
    let own = Postgres::url_by(sites.postgres.socket(), account);
    sites.post.topology().replace(&sites.postgres.url(), &own)
}

#[test]
fn a_site_writes_what_it_has_seen_and_a_reader_reads() {
    let watch = format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '2s'\n\
         [[watch]]\nidentity = 'any'\ntests = ['Registration']\npools = ['{ATL}']\nevery = '2s'\nsites = 'any'\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    for account in ["redmond", "dublin", "helpdesk"] {
        sites.postgres.rows(&format!("CREATE ROLE {account} LOGIN"));
    }
    granted(&sites, &["redmond", "--site", "Redmond"]);
    granted(&sites, &["dublin", "--site", "Dublin"]);
    granted(&sites, &["helpdesk", "--reader"]);
    // Once more is no mistake.
    granted(&sites, &["helpdesk", "--reader"]);
    let watchers: Vec<RunningWatcher> = [("Redmond", "redmond"), ("Dublin", "dublin")]
        .map(|(site, account)| sites.start_of(site, &topology_of(&sites, account)))
        .into();
    until("both sites test", || sites.n_results("Redmond") > 6 && sites.n_results("Dublin") > 6);
    let down = format!("SELECT count(*) FROM pair WHERE receiver = '{REFUSED}' AND state = 'Down'");
    until("the verdict is made by both", || sites.postgres.number(&down) == 1);
    until("somebody is told", || !sites.listener.posted().is_empty());

    // Dublin's account, in the hands of somebody else.
    let dublin = |sql: &str| sites.postgres.as_account("dublin", sql);
    let copied = "INSERT INTO result SELECT 'forged', run, pair, 'Redmond', watcher, lease, started_at, recorded_at, \
                  outcome, evidence, code, owner, latency, elapsed, certificate_end, late, report FROM result LIMIT 1";
    for (sql, refused) in [
        (copied, "row-level security"),
        ("UPDATE result SET outcome = 'Success'", "permission denied"),
        ("UPDATE change SET to_state = 'Up'", "permission denied"),
        ("DELETE FROM pair", "permission denied"),
        ("UPDATE site_role SET site = 'Redmond'", "permission denied"),
        (
            "INSERT INTO schedule SELECT pair, 'Redmond', watch, planner, account, 1, 1, 1, 1, 0, 0 FROM schedule LIMIT 1",
            "row-level security",
        ),
    ] {
        let said = dublin(sql).expect_err(sql);
        assert!(said.contains(refused), "{sql}: {said}");
    }
    for sql in [
        "WITH gone AS (DELETE FROM result RETURNING 1) SELECT count(*) FROM gone",
        "WITH changed AS (UPDATE site_state SET state = 'Up' WHERE site = 'Redmond' RETURNING 1) SELECT count(*) FROM changed",
        "WITH gone AS (DELETE FROM schedule WHERE vantage = 'Redmond' RETURNING 1) SELECT count(*) FROM gone",
        "WITH late AS (UPDATE schedule SET due_at = due_at + 1 WHERE vantage = 'Redmond' RETURNING 1) SELECT count(*) FROM late",
        "WITH taken AS (UPDATE schedule SET holder = 'me' WHERE vantage = 'Redmond' RETURNING holder) SELECT count(*) FROM taken WHERE holder = 'me'",
    ] {
        assert_eq!(dublin(sql).as_deref(), Ok("0"), "{sql}");
    }

    // The help desk sees, and that is all.
    let mut asks = sites.command_of("Redmond", &topology_of(&sites, "helpdesk"));
    let output = asks.args(["-c", &format!("(Get-TestState {ATL} {REFUSED}).State")]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "Down",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let denied = sites.postgres.as_account("helpdesk", "DELETE FROM notice").unwrap_err();
    assert!(denied.contains("permission denied"), "{denied}");

    for mut watcher in watchers {
        watcher.signal(Signal::SIGTERM);
        assert_eq!(watcher.ends(), Some(0));
    }
    sites.hold_invariants();
    assert_eq!(sites.postgres.number("SELECT count(*) FROM schedule WHERE leased_until > 0"), 0);
}

#[test]
fn a_site_that_is_given_up_is_forgotten() {
    let watch = format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\nevery = '2s'\nraise_after = 1\n"
    );
    let Some(sites) = Sites::new(&watch) else { return };
    let _redmond = sites.start("Redmond");
    let broken = sites.post.topology().replace(
        &format!("identity = \"{ATL}\"\n"),
        &format!("identity = \"{ATL}\"\nservers = [\"127.0.0.1:1\"]\n"),
    );
    let mut dublin = sites.start_of("Dublin", &broken);
    let verdict = || {
        sites
            .postgres
            .rows(&format!("SELECT state, coalesce(seen_from, '') FROM pair WHERE receiver = '{GOOD}'"))
    };
    until("Dublin alone sees it down", || verdict() == [["Down", "from Dublin alone; Redmond reaches it"]]);
    let last = || sites.listener.kinds().last().cloned().unwrap_or_default();
    until("somebody is told", || last() == "raise");
    dublin.signal(Signal::SIGKILL);
    dublin.ends();
    let forget = |site: &str| sites.command("Redmond").args(["store", "forget", site]).output().unwrap();
    let said = forget("Dublin");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(verdict(), [["Up", ""]]);
    until("whoever was told is told that it is over", || last() == "clear");
    for table in ["watcher WHERE site", "site_state WHERE site", "schedule WHERE vantage"] {
        assert_eq!(sites.postgres.number(&format!("SELECT count(*) FROM {table} = 'Dublin'")), 0, "{table}");
    }
    assert!(sites.n_results("Dublin") > 0, "what it saw is kept");
    let said = forget("Atlantis");
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("nothing is known"));
    sites.hold_invariants();
}
