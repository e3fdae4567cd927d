//! Notices: somebody is told once when a pair breaks and once when it is mended, by every way.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::listener::{Answer, Listener};
use crate::post::{ATL, GOOD, Post, until};
use crate::support::{bare, skip};

/// A post with one watch of one pair that is tested every second, and a notification of these lines.
fn post(notification: &str) -> Post {
    Post::with(&format!(
        "[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}']\nevery = '1s'\nraise_after = 1\n\
         [[notify]]\nidentity = 'on call'\n{notification}\n"
    ))
}

/// Rounds until the pair is in a state.
fn becomes(post: &Post, state: &str) {
    post.set_broken(ATL, state == "Down");
    post.rounds_until(state, || post.store().exists() && post.rows("SELECT state FROM tested") == [[state]]);
}

fn done(post: &Post) -> Vec<Vec<String>> {
    post.rows("SELECT kind FROM notice WHERE done_at IS NOT NULL ORDER BY due_at")
}

#[test]
fn somebody_is_told_once_when_a_pair_breaks_and_once_when_it_is_mended() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'", listener.url()));
    becomes(&post, "Up");
    assert_eq!(listener.kinds(), [""; 0], "that it is well is no news");
    becomes(&post, "Down");
    // Each round is a process of its own, and knows only what is in the store.
    let n_results = || post.number("SELECT count(*) FROM result");
    let before = n_results();
    post.rounds_until("it is tested again", || n_results() > before + 1);
    assert_eq!(listener.kinds(), ["raise"]);
    becomes(&post, "Up");
    let before = n_results();
    post.rounds_until("it is tested again", || n_results() > before);
    assert_eq!(listener.kinds(), ["raise", "clear"]);

    let [raise, clear] = listener.posted().try_into().unwrap();
    assert_eq!(raise.path, "/hook?to=ops");
    assert_eq!(raise.body["notification"], "on call");
    assert_eq!(raise.body["code"], "CONNECT-REFUSED");
    assert_eq!(raise.body["owner"], "Pool");
    assert_eq!(raise.body["pairs"][0]["receiver"], GOOD);
    assert_eq!(raise.header("idempotency-key"), raise.body["key"].as_str().unwrap());
    for part in ["Broken: CONNECT-REFUSED (Pool)", "127.0.0.1:1", "Get-Help CONNECT-REFUSED"] {
        assert!(raise.body["text"].as_str().unwrap().contains(part), "{part}: {}", raise.body);
    }
    assert!(
        clear.body["summary"].as_str().unwrap().starts_with("Mended: CONNECT-REFUSED (Pool)"),
        "{}",
        clear.body
    );
}

#[test]
fn what_is_not_taken_is_told_again_until_it_is() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'", listener.url()));
    listener.answers(&[Answer::Status(503)]);
    becomes(&post, "Down");
    assert_eq!(post.rows("SELECT attempts, fault FROM notice"), [["1", "503 Service Unavailable why?"]]);
    // The wait is over.
    let connection = rusqlite::Connection::open(post.store()).unwrap();
    connection.execute("UPDATE notice SET due_at = 0", []).unwrap();
    post.once();
    assert_eq!(done(&post), [["raise"]]);
    let posted = listener.posted();
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[0].body["key"], posted[1].body["key"], "a repetition is recognised");
}

#[test]
fn what_is_refused_is_given_up_after_some_tries() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'", listener.url()));
    listener.answers(&[Answer::Status(404); 2]);
    becomes(&post, "Down");
    assert_eq!(post.rows("SELECT attempts, done_at FROM notice"), [["1", ""]]);
    let connection = rusqlite::Connection::open(post.store()).unwrap();
    connection.execute("UPDATE notice SET due_at = 0, attempts = 11", []).unwrap();
    post.once();
    assert_eq!(
        post.rows("SELECT attempts, done_at > 0, fault FROM notice"),
        [["12", "1", "404 Not Found why?"]]
    );
}

#[test]
fn a_delivery_takes_no_longer_than_the_notification_allows() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'\ntimeout = '300ms'", listener.url()));
    listener.answers(&[Answer::Never]);
    becomes(&post, "Down");
    assert_eq!(post.rows("SELECT fault FROM notice"), [["no answer within 300ms"]]);
}

#[test]
fn a_notification_that_is_paused_is_not_told() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'\nenabled = false", listener.url()));
    becomes(&post, "Down");
    assert_eq!(listener.kinds(), [""; 0]);
}

#[test]
fn a_notification_is_told_of_the_findings_of_its_owners() {
    for (owners, n_told) in [("['Pool', 'Network']", 1), ("['Partner']", 0)] {
        let listener = Listener::start();
        let post = post(&format!("kind = 'webhook'\nurl = '{}'\nowners = {owners}", listener.url()));
        becomes(&post, "Down");
        becomes(&post, "Up");
        assert_eq!(listener.kinds().len(), n_told * 2, "{owners}");
    }
}

#[test]
fn a_token_comes_from_a_file_or_from_systemd_and_is_never_logged() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'\nsecret_file = 'token'", listener.url()));
    std::fs::write(post.lab.topology().with_file_name("token"), "swordfish-of-the-file\n").unwrap();
    post.set_broken(ATL, true);
    let log = post.round(1);
    assert_eq!(listener.posted()[0].header("authorization"), "Bearer swordfish-of-the-file");
    assert!(!log.contains("swordfish"), "{log}");
    let credentials = tempfile::tempdir().unwrap();
    std::fs::write(credentials.path().join("imsh-notify-on call"), "swordfish-of-systemd").unwrap();
    post.set_broken(ATL, false);
    until("it is mended", || {
        let mut command = post.command();
        command.env("CREDENTIALS_DIRECTORY", credentials.path()).args(["watch", "--once"]);
        command.output().unwrap();
        listener.kinds().len() == 2
    });
    assert_eq!(listener.posted()[1].header("authorization"), "Bearer swordfish-of-systemd");
}

#[test]
fn a_certificate_is_checked_against_the_file_of_the_notification() {
    let (post, port, _server) = {
        let directory = tempfile::tempdir().unwrap();
        let server = TlsServer::start(directory);
        (post(&format!("kind = 'webhook'\nurl = 'https://localhost:{}/'", server.port)), server.port, server)
    };
    post.set_broken(ATL, true);
    post.round(1);
    let fault = post.rows("SELECT fault FROM notice")[0][0].clone();
    assert!(fault.contains("no TLS with localhost"), "{fault}");
    let ca = _server.directory.path().join("ca.pem");
    let text = post.topology();
    post.write(&format!("{text}ca_file = '{}'\n", ca.display()));
    let connection = rusqlite::Connection::open(post.store()).unwrap();
    connection.execute("UPDATE notice SET due_at = 0", []).unwrap();
    post.once();
    let fault = post.rows("SELECT coalesce(fault, '') FROM notice")[0][0].clone();
    // OpenSSL's server speaks no HTTP of ours: that it answers at all is the proof.
    assert!(!fault.contains("no TLS"), "{port}: {fault}");
}

/// Writes a certificate for localhost, signed by itself, and its key.
fn own_certificate(directory: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    std::fs::write(directory.join("ca.pem"), certificate.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), key.serialize_pem()).unwrap();
}

/// `openssl s_server`, with a certificate of its own for localhost.
struct TlsServer {
    directory: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl TlsServer {
    fn start(directory: tempfile::TempDir) -> Self {
        own_certificate(directory.path());
        let path = |name: &str| directory.path().join(name);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = bare("openssl");
        command.args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")]);
        command.arg("-cert").arg(path("ca.pem")).arg("-key").arg(path("key.pem"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("openssl listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { directory, port, child }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn somebody_is_reminded_of_what_is_still_broken() {
    let listener = Listener::start();
    let post = post(&format!("kind = 'webhook'\nurl = '{}'\nreminder = '1s'", listener.url()));
    becomes(&post, "Down");
    post.rounds_until("a reminder", || listener.kinds().len() > 1);
    assert_eq!(listener.kinds()[..2], ["raise", "reminder"]);
    assert!(listener.posted()[1].body["summary"].as_str().unwrap().starts_with("Still broken: "));
}

#[test]
fn a_dead_partner_of_many_receivers_is_one_notice() {
    let listener = Listener::start();
    let post = Post::with(&format!(
        "[[watch]]\nidentity = 'one'\npools = ['{ATL}', 'dub-cs-001.fabrikam.com']\n\
         receivers = ['partner:refused.contoso.com']\nraise_after = 1\n\
         [[notify]]\nidentity = 'on call'\nkind = 'webhook'\nurl = '{}'\n",
        listener.url()
    ));
    post.round(1);
    let posted = listener.posted();
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!(posted[0].body["pairs"].as_array().unwrap().len(), 2);
    assert!(posted[0].body["summary"].as_str().unwrap().ends_with("2 pairs at refused.contoso.com"));
}

#[test]
fn a_program_gets_the_notice_on_standard_input_and_nothing_else() {
    let post = post("kind = 'exec'\ncommand = ['/bin/sh', '-c', 'exit 3']");
    let told = post.home.path().join("told");
    let program = post
        .program("page", &format!("#!/bin/sh\n{{ cat; echo; echo \"$@\"; env; }} > {}\n", told.display()));
    let command = format!("command = ['{}', 'a b', '$(id)', 'a b']", program.display());
    post.write(&post.topology().replace("command = ['/bin/sh', '-c', 'exit 3']", &command));
    becomes(&post, "Down");
    let text = std::fs::read_to_string(told).unwrap();
    let mut lines = text.lines();
    let notice: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(notice["kind"], "raise");
    assert_eq!(lines.next(), Some("a b $(id) a b"));
    assert!(
        lines
            .all(|line| ["PATH=", "PWD=", "_=", "OLDPWD=", "SHLVL="].iter().any(|own| line.starts_with(own))),
        "{text}"
    );
}

#[test]
fn a_program_that_fails_has_not_taken_the_notice() {
    let post = post("kind = 'exec'\ncommand = ['/bin/sh', '-c', 'echo no paper >&2; exit 3']");
    becomes(&post, "Down");
    let fault = post.rows("SELECT fault FROM notice")[0][0].clone();
    assert_eq!(fault, "/bin/sh ended with exit status: 3: no paper");
}

#[test]
fn a_program_is_judged_by_its_exit_status_alone() {
    for (script, fault) in [
        // The child that it leaves behind holds its error output open.
        ("cat >/dev/null; sleep 30 & exit 0", ""),
        (
            "cat >/dev/null; echo no paper >&2; sleep 30 & exit 3",
            "/bin/sh ended with exit status: 3: no paper",
        ),
        // It says more than anybody wants to hear.
        ("cat >/dev/null; head -c 300000 /dev/zero >&2 && exit 0; exit 4", ""),
        ("echo first >&2; head -c 300000 /dev/zero >&2; exit 5", "/bin/sh ended with exit status: 5: first"),
    ] {
        let post = post(&format!("kind = 'exec'\ncommand = ['/bin/sh', '-c', '{script}']\ntimeout = '25s'"));
        post.set_broken(ATL, true);
        post.round(1);
        let rows = post.rows("SELECT done_at IS NOT NULL, coalesce(fault, '') FROM notice");
        assert_eq!(rows, [[if fault.is_empty() { "1" } else { "0" }, fault]], "{script}");
    }
}

#[test]
fn a_program_that_takes_nothing_for_a_while_hears_of_the_end_last() {
    let post = Post::with(
        "[[watch]]\nidentity = 'daily'\nscript = 'daily.rhai'\nevery = '1s'\nraise_after = 1\n\
         [[notify]]\nidentity = 'on call'\nkind = 'exec'\ncommand = ['HOOK']\n",
    );
    let path = |name: &str| post.home.path().join(name);
    let (told, open) = (path("told"), path("open"));
    let text =
        format!("#!/bin/sh\n[ -e {} ] || exit 1\n{{ cat; echo; }} >> {}\n", open.display(), told.display());
    let hook = post.program("hook", &text);
    post.write(&post.topology().replace("HOOK", &hook.display().to_string()));
    let script = post.lab.topology().with_file_name("daily.rhai");
    for (text, state) in [("throw 1", "Down"), ("1", "Up")] {
        std::fs::write(&script, text).unwrap();
        post.rounds_until(state, || {
            post.store().exists() && post.rows("SELECT state FROM tested") == [[state]]
        });
    }
    std::fs::write(&open, "").unwrap();
    post.once();
    assert!(!told.exists(), "nothing before the raise, which waits after its failure");
    let connection = rusqlite::Connection::open(post.store()).unwrap();
    connection.execute("UPDATE notice SET due_at = 0", []).unwrap();
    post.once();
    let kinds: Vec<String> = std::fs::read_to_string(told)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["raise", "clear"]);
}

#[test]
fn alertmanager_gets_an_alert_that_fires_and_is_resolved() {
    let Some(alertmanager) = Alertmanager::start() else { return };
    let post = post(&format!("kind = 'alertmanager'\nurl = 'http://127.0.0.1:{}'", alertmanager.port));
    becomes(&post, "Down");
    let alerts = alertmanager.alerts();
    assert_eq!(alerts.as_array().unwrap().len(), 1, "{alerts}");
    let alert = &alerts[0];
    assert_eq!(alert["status"]["state"], "active");
    assert_eq!(alert["labels"]["alertname"], "ImshTestFailed");
    assert_eq!(alert["labels"]["pool"], ATL);
    assert_eq!(alert["labels"]["owner"], "Pool");
    assert_eq!(alert["annotations"]["code"], "CONNECT-REFUSED");
    becomes(&post, "Up");
    // What is resolved is not among the alerts any more.
    until("the alert is resolved", || alertmanager.alerts().as_array().unwrap().is_empty());
}

#[test]
fn an_alert_that_still_fires_is_sent_again_and_ends_when_it_is_mended() {
    let Some(first) = Alertmanager::start() else { return };
    let port = first.port;
    let post = post(&format!("kind = 'alertmanager'\nurl = 'http://127.0.0.1:{port}'"));
    post.set_broken(ATL, true);
    let watcher = post.start();
    until("the alert fires", || first.firing() == 1);
    // What an Alertmanager knows of alerts is gone with it: another one learns of it by the repetition alone.
    drop(first);
    let Some(second) = Alertmanager::start_at(port) else { return };
    let n_notices = post.number("SELECT count(*) FROM notice");
    until("it is sent again", || second.firing() == 1);
    assert_eq!(post.number("SELECT count(*) FROM notice"), n_notices, "nobody is told twice by other ways");
    post.set_broken(ATL, false);
    watcher.signal(nix::sys::signal::Signal::SIGHUP);
    until("it is resolved", || second.firing() == 0);
    assert_eq!(done(&post), [["raise"], ["clear"]]);
}

/// Debian's Alertmanager.
struct Alertmanager {
    port: u16,
    child: Child,
    _directory: tempfile::TempDir,
}

impl Alertmanager {
    fn start() -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self::start_at(port)
    }

    /// One that knows nothing yet.
    fn start_at(port: u16) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let configuration = directory.path().join("alertmanager.yml");
        std::fs::write(&configuration, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let mut command = bare("prometheus-alertmanager");
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.path={}", directory.path().display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            skip("prometheus-alertmanager is not installed");
            return None;
        };
        let started = Self { port, child, _directory: directory };
        until("Alertmanager listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(started)
    }

    /// How many alerts fire.
    fn firing(&self) -> usize {
        self.alerts().as_array().map_or(0, Vec::len)
    }

    fn alerts(&self) -> Value {
        let mut answer = String::new();
        // While it starts or ends, it answers nothing.
        let asked = std::net::TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            stream.write_all(b"GET /api/v2/alerts HTTP/1.0\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        });
        let body = asked.ok().and_then(|_| answer.split_once("\r\n\r\n"));
        body.and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or_default()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_mail_arrives_at_a_server() {
    let Some(server) = MailServer::start("plain", &[]) else { return };
    let post = post(&format!(
        "kind = 'mail'\nurl = 'smtp://127.0.0.1:{}'\nfrom = 'imsh@litwareinc.com'\n\
         to = ['ada@litwareinc.com', 'grace@litwareinc.com']",
        server.port
    ));
    becomes(&post, "Down");
    assert_eq!(done(&post), [["raise"]], "{:?}", post.rows("SELECT fault FROM notice"));
    let [taken] = server.taken().try_into().unwrap();
    assert_eq!(taken["to"], serde_json::json!(["ada@litwareinc.com", "grace@litwareinc.com"]));
    let mail = taken["mail"].as_str().unwrap();
    for part in [
        "From: imsh@litwareinc.com",
        "To: ada@litwareinc.com, grace@litwareinc.com",
        "[imsh local] Broken: CONNECT-REFUSED (Pool)",
        "Message-ID: <",
        "Get-Help CONNECT-REFUSED",
    ] {
        assert!(mail.contains(part), "{part}:\n{mail}");
    }
}

#[test]
fn a_receiver_whom_the_mail_server_refuses_keeps_the_mail_from_nobody_else() {
    let Some(server) = MailServer::start("plain", &[]) else { return };
    let post = post(&format!(
        "kind = 'mail'\nurl = 'smtp://127.0.0.1:{}'\nfrom = 'imsh@litwareinc.com'\n\
         to = ['ada@litwareinc.com', 'nobody@litwareinc.com', 'grace@litwareinc.com']",
        server.port
    ));
    becomes(&post, "Down");
    let told =
        || server.taken().iter().map(|mail| mail["to"][0].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(told(), ["ada@litwareinc.com", "grace@litwareinc.com"]);
    is_given_up_for_one(&post, "550");
    assert_eq!(told(), ["ada@litwareinc.com", "grace@litwareinc.com"], "nobody is told twice");
    becomes(&post, "Up");
    assert_eq!(told().len(), 4, "all are told of the end");
}

/// The one notice was refused by one of its receivers, whom it is tried for alone until it is given up.
fn is_given_up_for_one(post: &Post, fault: &str) {
    for attempts in [1, 2] {
        let rows = post.rows("SELECT attempts, done_at IS NULL, fault FROM notice");
        assert_eq!(rows[0][..2], [attempts.to_string(), "1".to_owned()], "{rows:?}");
        assert!(rows[0][2].contains(fault), "{rows:?}");
        let connection = rusqlite::Connection::open(post.store()).unwrap();
        connection
            .execute("UPDATE notice SET due_at = unixepoch() * 1000000, attempts = max(attempts, (attempts - 1) * 11)", [])
            .unwrap();
        post.once();
    }
    assert_eq!(post.rows("SELECT done_at IS NULL FROM notice"), [["0"]]);
}

const MAIL_PASSWORD: &str = "swordfish-of-the-mail";

/// A post whose notices go to a mail server as its user, over TLS that its certificate must prove.
fn post_with_mail(server: &MailServer, scheme: &str, more: &str) -> Post {
    let post = post(&format!(
        "kind = 'mail'\nurl = '{scheme}://imsh%40litwareinc.com@localhost:{}'\nfrom = 'imsh@litwareinc.com'\n\
         to = ['ada@litwareinc.com']\nsecret_file = 'mail-password'\n{more}",
        server.port
    ));
    let file = post.lab.topology().with_file_name("mail-password");
    std::fs::write(file, format!("{MAIL_PASSWORD}\n")).unwrap();
    post
}

#[test]
fn a_mail_goes_over_tls_of_both_kinds_with_a_password() {
    for (mode, scheme) in [("starttls", "smtp"), ("tls", "smtps")] {
        let Some(server) = MailServer::start(mode, &["imsh@litwareinc.com", MAIL_PASSWORD]) else { return };
        let post = post_with_mail(&server, scheme, &format!("ca_file = '{}'", server.certificate()));
        post.set_broken(ATL, true);
        let log = post.round(1);
        assert_eq!(done(&post), [["raise"]], "{mode}: {:?} {log}", post.rows("SELECT fault FROM notice"));
        let [taken] = server.taken().try_into().unwrap();
        assert!(taken["tls"].as_str().unwrap().starts_with("TLSv1."), "{mode}: {taken}");
        assert_eq!(taken["authenticated"], true, "{mode}");
        assert!(taken["mail"].as_str().unwrap().contains("Broken: CONNECT-REFUSED (Pool)"));
        assert!(!log.contains(MAIL_PASSWORD), "{log}");
    }
}

#[test]
fn a_mail_server_that_is_not_proven_or_refuses_gets_no_mail_and_the_notice_waits() {
    let account = ["imsh@litwareinc.com", MAIL_PASSWORD];
    for (mode, scheme, account, is_trusted, says) in [
        // Nobody has signed its certificate, as far as this machine knows.
        ("tls", "smtps", account, false, "certificate"),
        // TLS is wanted, and it has none.
        ("plain", "smtp", account, true, "STARTTLS"),
        ("tls", "smtps", ["imsh@litwareinc.com", "another-password"], true, "535"),
    ] {
        let Some(server) = MailServer::start(mode, &account) else { return };
        let more = if is_trusted { format!("ca_file = '{}'", server.certificate()) } else { String::new() };
        let post = post_with_mail(&server, scheme, &more);
        post.set_broken(ATL, true);
        let log = post.round(1);
        let fault = post.rows("SELECT attempts, fault FROM notice WHERE done_at IS NULL");
        assert!(fault[0][0] == "1" && fault[0][1].contains(says), "{mode}: {fault:?}");
        assert_eq!(server.taken(), [Value::Null; 0], "{mode}");
        assert!(!log.contains(MAIL_PASSWORD), "{log}");
    }
}

/// A server of SMTP with a certificate of its own for localhost.
struct MailServer {
    port: u16,
    child: Child,
    directory: tempfile::TempDir,
}

impl MailServer {
    /// Starts it: `plain`, `starttls` or `tls`, for one account where one is given.
    fn start(mode: &str, account: &[&str]) -> Option<Self> {
        // Debian's modules are those of Debian's Python, whatever other one is there.
        let python = "/usr/bin/python3";
        if !bare(python).args(["-c", "import aiosmtpd"]).output().is_ok_and(|output| output.status.success())
        {
            skip("python3-aiosmtpd is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        own_certificate(directory.path());
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let path = |name: &str| directory.path().join(name);
        let mut command: Command = bare(python);
        command
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/watch/smtp.py"))
            .args([&port.to_string(), mode]);
        command.arg(path("ca.pem")).arg(path("key.pem")).arg(path("mail")).args(account);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { port, child, directory };
        until("the mail server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(server)
    }

    fn certificate(&self) -> String {
        self.directory.path().join("ca.pem").display().to_string()
    }

    /// What it has taken.
    fn taken(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.path().join("mail")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_message_arrives_through_another_pool_than_the_one_that_fails() {
    let post = post("kind = 'xmpp'\nto = ['LEE']\npool = 'dub-cs-001.fabrikam.com'");
    let mut inbox = Inbox::of_lee(&post);
    becomes(&post, "Down");
    let body = inbox.next().unwrap();
    assert!(body.contains("Broken: CONNECT-REFUSED (Pool)"), "{body}");
    assert_eq!(done(&post), [["raise"]], "{:?}", post.rows("SELECT fault FROM notice"));
}

#[test]
fn a_notice_whose_session_ends_before_anything_can_come_back_is_not_taken() {
    let post = post("kind = 'xmpp'\nto = ['lee@fabrikam.com']\npool = 'no-reason.litwareinc.com'");
    becomes(&post, "Down");
    let notices = post.rows("SELECT COALESCE(fault, ''), done_at IS NULL FROM notice");
    assert!(matches!(&notices[..], [row] if row[0].contains("no-reason") && row[1] == "1"), "{notices:?}");
}

#[test]
fn a_receiver_who_is_not_there_keeps_nothing_from_the_others_and_is_given_up() {
    let post = post("kind = 'xmpp'\nto = ['nobody@fabrikam.com', 'LEE']");
    let mut inbox = Inbox::of_lee(&post);
    becomes(&post, "Down");
    is_given_up_for_one(&post, "nobody@fabrikam.com sent it back: service-unavailable");
    becomes(&post, "Up");
    let told: Vec<String> = std::iter::from_fn(|| inbox.next()).collect();
    assert!(told.len() == 2 && told[0].contains("Broken") && told[1].contains("Mended"), "{told:?}");
}

/// The messages that come to a user of another pool.
struct Inbox<'a> {
    post: &'a Post,
    messages: tokio::sync::mpsc::Receiver<imsh::internals::xmpp::xml::Element>,
    _session: (imsh::internals::verify::sessions::Sessions, imsh::internals::xmpp::session::XmppSession),
}

impl<'a> Inbox<'a> {
    /// The inbox of the user who takes the place of LEE in the topology.
    fn of_lee(post: &'a Post) -> Self {
        use imsh::internals::topology::Topology;
        use imsh::internals::verify::plan::{Ask, deadlines, plan_logon};
        use imsh::internals::verify::sessions::{End, Sessions};
        use imsh::internals::xmpp::network::Network;
        use imsh::internals::xmpp::trace::TraceObserver;

        let text = post.topology();
        post.write(&text.replace("LEE", "lee@fabrikam.com"));
        let topology = Topology::load(&post.lab.topology()).unwrap();
        let lee = topology.pool("dub-cs-001.fabrikam.com").unwrap().test_users.last().unwrap().clone();
        post.write(&text.replace("LEE", &lee.to_string()));
        let vault = std::sync::Arc::new(imsh::internals::vault::Vault::open(post.lab.vault()).unwrap());
        let ask = Ask { sender: Some(lee), ..Ask::default() };
        let account = plan_logon(&topology, &|| Ok(vault.clone()), "dub-cs-001.fabrikam.com", &ask).unwrap();
        let network = Network::with_name_servers(&post.lab.name_servers());
        let (sessions, cancel) = (Sessions::default(), tokio_util::sync::CancellationToken::new());
        let (deadlines, watcher) = (deadlines(&topology.gateway, None), TraceObserver::default());
        let logged = sessions.get(&account, End::Receiver, &deadlines, &network, &watcher, &cancel);
        let session = post.runtime.block_on(logged).unwrap().shared.session.as_ref().unwrap().clone();
        let messages = post.runtime.block_on(session.listen()).unwrap();
        Self { post, messages, _session: (sessions, session) }
    }

    /// The text of the next message, if one comes.
    fn next(&mut self) -> Option<String> {
        use imsh::internals::xmpp::xml::ns;
        let next = async { tokio::time::timeout(Duration::from_secs(3), self.messages.recv()).await };
        let message = self.post.runtime.block_on(next).ok()??;
        Some(message.child_text("body", ns::CLIENT)?.into_owned())
    }
}
