//! Signals, reload, and what a service manager is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::post::{ATL, GOOD, Post, RunningWatcher, until};

fn post() -> Post {
    Post::with(&format!(
        "[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\nevery = '1s'\n"
    ))
}

#[test]
fn a_watcher_tests_again_and_again_and_ends_in_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let post = post();
        let mut watcher = post.start();
        watcher.says("the plan is in the store");
        until("it is tested three times", || post.number("SELECT count(*) FROM result") >= 3);
        assert_eq!(post.number("SELECT count(*) FROM watcher"), 1);
        watcher.signal(signal);
        watcher.says("the watcher ends");
        assert_eq!(watcher.ends(), Some(0));
        assert_eq!(post.number("SELECT count(*) FROM watcher"), 0);
        assert_eq!(post.number("SELECT count(*) FROM schedule WHERE leased_until > 0"), 0);
    }
}

#[test]
fn a_watcher_that_ends_hands_back_what_it_has_not_tested() {
    // The pool takes the connection and says nothing.
    let silent = "silent.litwareinc.com";
    let post =
        Post::with(&format!("[[watch]]\nidentity = 'one'\npools = ['{silent}']\nreceivers = ['{GOOD}']\n"));
    post.write(&post.topology().replace("secure_timeout = \"10s\"", "secure_timeout = \"14s\""));
    let mut watcher = post.start();
    watcher.says("the plan is in the store");
    rusqlite::Connection::open(post.store()).unwrap().execute("UPDATE schedule SET due_at = 0", []).unwrap();
    until("it is claimed", || post.number("SELECT count(*) FROM schedule WHERE leased_until > 0") == 1);
    watcher.signal(Signal::SIGTERM);
    assert_eq!(watcher.ends(), Some(0));
    assert_eq!(
        post.rows("SELECT due_at, leased_until FROM schedule"),
        [["0", "0"]],
        "it is due for the next one"
    );
    assert_eq!(post.number("SELECT count(*) FROM result"), 0, "nothing is known of it");
}

#[test]
fn the_topology_is_read_again_on_request_and_a_broken_one_is_told_of() {
    let post = post();
    let mut watcher = post.start();
    watcher.says("the plan is in the store");
    let good = post.topology();
    post.write(&good.replace(&format!("['{GOOD}']"), "['echo@northwindtraders.com']"));
    watcher.signal(Signal::SIGHUP);
    watcher.says("the topology was read again");
    until("the new pair is tested", || {
        post.number("SELECT count(*) FROM result JOIN pair ON pair.id = pair WHERE receiver LIKE 'echo@%'")
            > 0
    });
    assert_eq!(post.number("SELECT count(*) FROM schedule"), 1, "the other one is watched no more");
    post.write(&good.replace("identity = 'one'", "identity = 1"));
    watcher.signal(Signal::SIGHUP);
    let line = watcher.says("the topology cannot be taken over");
    assert!(line.contains("identity"), "{line}");
    // A change that takes a start is not taken over by half.
    for (other, what) in [
        ("site = 'Elsewhere'\n", "the site has changed"),
        ("[store]\nurl = 'postgres://imsh@db.example/imsh'\n", "[store] has changed"),
    ] {
        post.write(&format!("{other}{good}"));
        watcher.signal(Signal::SIGHUP);
        let line = watcher.says("the topology cannot be taken over");
        assert!(line.contains(what) && line.contains("started again"), "{line}");
    }
    let n_results = || post.number("SELECT count(*) FROM result");
    let before = n_results();
    until("the one before stays in force", || n_results() > before + 1);
}

#[test]
fn a_service_manager_is_told_what_happens() {
    let post = post();
    let path = post.home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = |wanted: &str| {
        let mut buffer = [0; 512];
        loop {
            let n = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{wanted}: {error}"));
            let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
            if text.starts_with(wanted) {
                return text;
            }
        }
    };
    let mut command = post.command();
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    let mut watcher = RunningWatcher::of(command);
    heard("READY=1");
    heard("WATCHDOG=1");
    watcher.signal(Signal::SIGHUP);
    assert!(heard("RELOADING=1").contains("MONOTONIC_USEC="));
    heard("READY=1");
    watcher.signal(Signal::SIGTERM);
    heard("STOPPING=1");
    assert_eq!(watcher.ends(), Some(0));
}

#[test]
fn a_watcher_on_a_terminal_ends_with_the_terminal() {
    let post = post();
    let mut command = post.command();
    command.arg("watch");
    let mut terminal = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    terminal.exp_string("the plan is in the store").unwrap();
    until("it gives a sign of life", || post.number("SELECT count(*) FROM watcher") == 1);
    // The kernel tells it so that its terminal was closed.
    terminal.process_mut().signal(Signal::SIGHUP).unwrap();
    until("the watcher has left", || post.number("SELECT count(*) FROM watcher") == 0);
}
