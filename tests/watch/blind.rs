//! A watcher whose machine is off line says so once, and blames nobody.

use std::process::Stdio;

use crate::post::{GOOD, Post};
use crate::support::{IMSH, bare, namespace};

#[test]
fn a_watcher_whose_machine_is_off_line_blames_nobody() {
    let Some(way) = namespace("--net", "ip link set lo up") else { return };
    // Pools of the practice network are on this machine itself, and are never doubted.
    let post = Post::with(&format!(
        "[[watch]]\nidentity = 'one'\npools = ['far.litwareinc.com']\nreceivers = ['{GOOD}', 'echo@northwindtraders.com']\n\
         raise_after = 1\n\
         [[pool]]\nidentity = 'far.litwareinc.com'\ndomains = ['litwareinc.com']\nservers = ['192.0.2.1']\n\
         test_users = ['sip:kenmyer@litwareinc.com']\n"
    ));
    let listener = post.home.path().join("told");
    let program = post.program("page", &format!("#!/bin/sh\ncat > {}\n", listener.display()));
    let text = post.topology();
    post.write(&format!(
        "{text}[[notify]]\nidentity = 'x'\nkind = 'exec'\ncommand = ['{}']\n",
        program.display()
    ));
    let mut command = bare("unshare");
    command.env("HOME", post.home.path()).args(way).args([
        "sh",
        "-c",
        "ip link set lo up; exec \"$@\"",
        "sh",
        IMSH,
    ]);
    command.arg("--topology").arg(post.lab.topology()).arg("--vault").arg(post.lab.vault());
    command.arg("--store").arg(post.store()).args(["watch", "--once"]).stdin(Stdio::null());
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(log.matches("the watcher is blind").count(), 1, "{log}");
    assert!(log.contains("this machine is off line"), "{log}");
    assert_eq!(post.rows("SELECT DISTINCT state FROM tested"), [["Unknown"]], "{log}");
    assert_eq!(post.number("SELECT count(*) FROM change JOIN tested ON tested.id = change.pair"), 0);
    assert!(!listener.exists(), "nobody is told");
}
