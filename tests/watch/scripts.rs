//! A watch that runs a script as its round.

use crate::listener::Listener;
use crate::post::{ATL, GOOD, Post, until};
use crate::sites::REFUSED;

fn post(every: &str, script: &str, more: &str) -> Post {
    let post = Post::with(&format!(
        "[[watch]]\nidentity = 'daily'\nscript = 'daily.rhai'\nevery = '{every}'\nraise_after = 1\n{more}"
    ));
    let file = post.lab.topology().with_file_name("daily.rhai");
    std::fs::write(file, script).unwrap();
    post
}

#[test]
fn a_script_is_a_round_and_its_tests_are_kept() {
    let script =
        format!("#!/usr/bin/env imsh\nlet good = Test-XmppIM {ATL} {GOOD};\nTest-XmppIM {ATL} {REFUSED}\n");
    let post = post("1h", &script, "");
    post.round(1);
    assert_eq!(
        post.rows("SELECT test, receiver, state FROM tested ORDER BY receiver, test"),
        [["XmppIM", GOOD, "Up"], ["XmppIM", REFUSED, "Down"], ["Script", "daily.rhai", "Up"]]
    );
    assert_eq!(post.number("SELECT count(*) FROM schedule WHERE leased_until = 0 AND due_at > 0"), 1);
    assert_eq!(post.number("SELECT count(*) FROM result WHERE lease IS NOT NULL"), 1, "the script's");
}

#[test]
fn a_script_that_fails_is_told_of() {
    let listener = Listener::start();
    let post = post(
        "1h",
        "throw \"the dog ate it\"",
        &format!("[[notify]]\nidentity = 'on call'\nkind = 'webhook'\nurl = '{}'\n", listener.url()),
    );
    post.round(4);
    assert_eq!(post.rows("SELECT state, code, owner FROM tested"), [["Down", "SCRIPT-FAILED", "Caller"]]);
    let text = listener.posted()[0].body["text"].as_str().unwrap().to_owned();
    assert!(text.contains("daily.rhai") && text.contains("the dog ate it"), "{text}");
}

#[test]
fn a_script_without_an_end_is_ended_at_its_deadline() {
    let post = post("1s", "loop { Start-Sleep -Milliseconds 100 }", "");
    let mut watcher = post.start();
    let line = watcher.says("a script failed");
    assert!(line.contains("had not ended after 10 s"), "{line}");
    until("it has failed", || post.rows("SELECT state FROM tested") == [["Down"]]);
    watcher.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(watcher.ends(), Some(0));
}

#[test]
fn a_script_beside_tests_is_a_mistake() {
    let post = post("1h", "", "tests = ['XmppIM']\n");
    assert!(post.round(2).contains("has no meaning beside `script`"));
}

#[test]
fn two_scripts_of_one_file_name_would_have_one_history() {
    let watch = |name: &str, more: &str| {
        format!("[[watch]]\nidentity = '{name}'\nscript = '/srv/{name}/daily.rhai'\n{more}")
    };
    let post = Post::with(&[watch("one", ""), watch("two", "")].concat());
    let log = post.round(2);
    assert!(log.contains("has the file name of the script of \\\"one\\\""), "{log}");
    // A watch that is paused runs none.
    let post = Post::with(&[watch("one", ""), watch("two", "enabled = false\n")].concat());
    assert!(post.round(4).contains("SCRIPT-FAILED"), "the one script is not there");
}
