//! `imsh respond` at a partner: whoever tests from another network reaches `Exchanged`, though they hold no
//! password of the receiver, and nothing but tests gets an answer.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use imsh::internals::secret::Secret;
use imsh::internals::topology::Security;
use imsh::internals::xmpp::message::TestMessage;
use imsh::internals::xmpp::network::{Network, Trust};
use imsh::internals::xmpp::sasl::{Authentication, Login, PlainPassword};
use imsh::internals::xmpp::session::XmppSession;
use imsh::internals::xmpp::trace::Trace;
use imsh::internals::xmpp::xml::{Element, ns};
use imsh::internals::xmpp::{Deadlines, LogonRequest, PoolName, connect};
use jid::{BareJid, Jid};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, Pool};
use crate::federation::{BUSY_RESPONDER, CONTOSO, Federation, LITWARE, PASSWORD, RESPONDER};
use crate::support::imsh;

#[test]
fn a_test_reaches_exchanged_at_an_account_whose_password_nobody_here_holds() {
    let Some(federation) = Federation::get() else { return };
    let (prosody, ejabberd) = (federation.prosody.address, federation.ejabberd.address);
    let responders = [(prosody, LITWARE), (ejabberd, CONTOSO)].map(|(address, domain)| {
        Responder::start(federation, address, &format!("{RESPONDER}@{domain}"), &["-v"])
    });
    let pools = [Pool::at(LITWARE, prosody), Pool::at(CONTOSO, ejabberd)];
    let desk = Desk::set_up(federation, "respond", &pools, "");
    for (pool, partner) in [("pool.litware.test", CONTOSO), ("pool.contoso.test", LITWARE)] {
        let receiver = format!("{RESPONDER}@{partner}");
        let seen = desk.verify(pool, &receiver, "minimum_evidence: \"Exchanged\"");
        let told = (seen.text("Result"), seen.text("Evidence"));
        assert_eq!(told, ("Success", "Exchanged"), "{pool} → {receiver}: {}", seen.whole());
    }
    for (responder, sender) in responders.into_iter().zip([CONTOSO, LITWARE]) {
        responder.hear(&format!("answered sender=kenmyer@{sender}/"));
        assert_eq!(
            responder.stop(Signal::SIGTERM),
            (Some(0), "stopped answered=1 dropped=0 over_limit=0 passed_over=0".to_owned())
        );
    }
}

#[test]
fn only_tests_are_answered_and_not_too_many() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_prosody("respond.test");
    let receiver = format!("{RESPONDER}@respond.test");
    let responder = Responder::start(federation, server.address, &receiver, &["--per-sender", "5"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut person = Person::log_on(federation, server.address, "kenmyer@respond.test").await;
        let to = Jid::new(&receiver).unwrap();
        let probe = || TestMessage::new(to.clone(), "A test.").unwrap();
        let test = || probe().stanza();
        let not_answered = [
            // A person, whose client asks for a receipt.
            Element::new("message", ns::CLIENT)
                .with_attribute("type", "chat")
                .with_attribute("id", "1")
                .with_attribute("to", &*receiver)
                .with_child(Element::new("body", ns::CLIENT).with_text("Hello?"))
                .with_child(Element::new("request", ns::RECEIPTS)),
            test().with_attribute("type", "headline"),
            test()
                .with_child(Element::new("delay", ns::DELAY).with_attribute("stamp", "2026-11-25T10:00:00Z")),
            test().with_child(Element::new("answer", ns::PROBE).with_attribute("nonce", "1")),
        ];
        for message in not_answered {
            person.session.say(message).await.unwrap();
        }
        let known = probe();
        person.session.say(known.stanza()).await.unwrap();
        // What came before the test would have been answered before it.
        let receipt = person.hear().await;
        assert_eq!(
            receipt.child("received", ns::RECEIPTS).and_then(|received| received.attribute("id")),
            Some(known.id()),
            "{receipt}"
        );
        let echo = person.hear().await;
        assert_eq!(
            echo.child("answer", ns::PROBE).and_then(|answer| answer.attribute("nonce")),
            Some(known.nonce()),
            "{echo}"
        );

        for _ in 0..40 {
            person.session.say(test()).await.unwrap();
        }
        for _ in 0..4 {
            person.hear().await;
            person.hear().await;
        }
        responder.hear("kenmyer@respond.test");
        responder.hear("sends more than --per-sender allows");
        person.session.close().await;
    });
    let (status, last) = responder.stop(Signal::SIGINT);
    assert_eq!(status, Some(0));
    assert!(last.starts_with("stopped answered=5 "), "{last}");
}

#[test]
fn a_stranger_s_stanza_over_a_limit_keeps_nobody_off_line_and_a_backlog_is_answered() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_prosody("backlog.test");
    let receiver = format!("{RESPONDER}@backlog.test");
    let figures = federation.folder("figures").join("respond.prom");
    let limits =
        ["-v", "--per-sender", "10000", "--in-all", "10000", "--metrics-file", figures.to_str().unwrap()];
    let responder = Responder::start(federation, server.address, &receiver, &limits);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let person = Person::log_on(federation, server.address, "kenmyer@backlog.test").await;
        let to = Jid::new(&receiver).unwrap();
        let deep =
            (0..40).fold(Element::new("level", "u"), |inner, _| Element::new("level", "u").with_child(inner));
        let wide =
            (0..2_100).fold(Element::new("level", "u"), |all, _| all.with_child(Element::new("x", "u")));
        let many =
            (0..70).fold(Element::new("level", "u"), |all, n| all.with_attribute(format!("a{n}"), "1"));
        for stanza in [deep, wide, many] {
            let message =
                Element::new("message", ns::CLIENT).with_attribute("to", &*receiver).with_child(stanza);
            person.session.say(message).await.unwrap();
        }
        responder.signal(Signal::SIGSTOP);
        for _ in 0..BACKLOG {
            person.session.say(TestMessage::new(to.clone(), "A test.").unwrap().stanza()).await.unwrap();
        }
        responder.signal(Signal::SIGCONT);
        responder.hear_again("answered sender=kenmyer@backlog.test/", BACKLOG);
        person.session.close().await;
    });
    responder.hear("passed over unread: stanzas over a limit count=3");
    let (status, last) = responder.stop(Signal::SIGTERM);
    let told = format!("stopped answered={BACKLOG} dropped=0 over_limit=0 passed_over=3");
    assert_eq!((status, last), (Some(0), told));
    let figures = std::fs::read_to_string(figures).unwrap();
    assert!(figures.contains(&format!("imsh_respond_answered_total {BACKLOG}\n")), "{figures}");
    assert!(figures.contains("imsh_respond_passed_over_total 3\n"), "{figures}");
}

/// Tests that wait for a responder that was stopped.
const BACKLOG: usize = 300;

#[test]
fn a_tester_who_meets_the_responder_s_limit_is_told_that() {
    let Some(federation) = Federation::get() else { return };
    let receiver = format!("{BUSY_RESPONDER}@{CONTOSO}");
    let limits = ["--per-sender", "1"];
    let responder = Responder::start(federation, federation.ejabberd.address, &receiver, &limits);
    let pools = [Pool::at(LITWARE, federation.prosody.address)];
    let desk = Desk::set_up(federation, "limited", &pools, "");
    let verify = || {
        let seen = desk.verify("pool.litware.test", &receiver, "minimum_evidence: \"Exchanged\"");
        (
            seen.text("Result").to_owned(),
            seen.text("Code").to_owned(),
            seen.text("Owner").to_owned(),
            seen.whole(),
        )
    };
    let (result, _, _, whole) = verify();
    assert_eq!(result, "Success", "{whole}");
    let (result, code, owner, whole) = verify();
    assert_eq!((&*result, &*code, &*owner), ("Failure", "RECEIVER-RATE-LIMIT", "Caller"), "{whole}");
    assert_eq!(responder.stop(Signal::SIGTERM).0, Some(0));
}

#[test]
fn a_responder_comes_back_with_its_server() {
    let Some(federation) = Federation::get() else { return };
    let server = federation.another_prosody("restarts.test");
    let receiver = format!("{RESPONDER}@restarts.test");
    let responder = Responder::start(federation, server.address, &receiver, &[]);
    server.stop();
    responder.hear("the session is lost");
    let _server = federation.start_again(server);
    responder.hear_again("on line: ", 2);
    let pools = [Pool::at(CONTOSO, federation.ejabberd.address)];
    let desk = Desk::set_up(
        federation,
        "restarts",
        &pools,
        "[[partner]]\ndomain = \"restarts.test\"\nminimum_evidence = \"Exchanged\"\n",
    );
    // ejabberd may remember that the server was away.
    desk.verify_until("pool.contoso.test", &receiver, "Success");
    assert_eq!(responder.stop(Signal::SIGTERM).0, Some(0));
}

#[test]
fn a_refused_logon_is_tried_three_times_and_explained() {
    let Some(federation) = Federation::get() else { return };
    let account = format!("{RESPONDER}@{LITWARE}");
    let mut command = Responder::command(federation, federation.prosody.address, &account);
    let output = command.env("SECRET", "not-the-password").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(said.matches("SASL-REJECTED").count(), 3, "{said}");
    assert!(said.contains("refused three times") && !said.contains("not-the-password"), "{said}");
}

/// A line of the log, which is JSON where it is no terminal's: `message field=value …`.
fn in_words(line: &str) -> String {
    let Ok(serde_json::Value::Object(event)) = serde_json::from_str(line) else { return line.to_owned() };
    let own = event.iter().filter(|(name, _)| !["timestamp", "level", "message"].contains(&name.as_str()));
    let value = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut fields: Vec<String> = own.map(|(name, of)| format!(" {name}={}", value(of))).collect();
    fields.sort();
    format!("{}{}", value(&event["message"]), fields.concat().as_str())
}

/// An `imsh respond` that runs.
struct Responder {
    child: Child,
    said: Arc<(Mutex<String>, Condvar)>,
}

impl Responder {
    fn command(federation: &Federation, server: IpAddr, account: &str) -> Command {
        let mut command = imsh();
        command.env("SECRET", PASSWORD).args(["respond", account, "--password-variable", "SECRET"]);
        command.args(["--server", &server.to_string(), "--ca-file"]).arg(federation.ca_file());
        command.stdin(Stdio::null());
        command
    }

    /// Starts it and waits until it is on line.
    fn start(federation: &Federation, server: IpAddr, account: &str, more: &[&str]) -> Self {
        let mut command = Self::command(federation, server, account);
        let mut child = command.args(more).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let (stderr, ears) = (child.stderr.take().unwrap(), said.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = ears.0.lock().unwrap();
                said.push_str(&in_words(&line));
                said.push('\n');
                ears.1.notify_all();
            }
        });
        let responder = Self { child, said };
        responder.hear(&format!("on line: test messages are answered address={account}/"));
        responder
    }

    fn hear(&self, text: &str) {
        self.hear_again(text, 1);
    }

    /// Waits until it has said something so often.
    fn hear_again(&self, text: &str, count: usize) {
        let (said, changed) = &*self.said;
        let missing = |said: &mut String| said.matches(text).count() < count;
        let (said, waited) =
            changed.wait_timeout_while(said.lock().unwrap(), Duration::from_secs(60), missing).unwrap();
        assert!(!waited.timed_out(), "it does not say '{text}' {count} times:\n{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Its status, and the last that it said.
    fn stop(mut self, signal: Signal) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        self.hear("stopped");
        let status = self.child.wait().unwrap().code();
        let said = self.said.0.lock().unwrap();
        let last = said.lines().last().unwrap_or_default();
        (status, last.to_owned())
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who writes by hand.
struct Person {
    session: XmppSession,
    messages: mpsc::Receiver<Element>,
}

impl Person {
    async fn log_on(federation: &Federation, server: IpAddr, account: &str) -> Self {
        let account = BareJid::new(account).unwrap();
        let logon = LogonRequest {
            pool_fqdn: account.domain().to_string(),
            servers: vec![server.to_string().parse().unwrap()],
            registrar_port: None,
            security: Security::Auto,
            trust: Trust::File(federation.ca_file().to_owned()),
            pool_name: PoolName::NotTrusted,
            login: Login {
                logon_name: account.node().unwrap().to_string(),
                account,
                password: Some(Secret::new(PASSWORD.to_owned())),
                has_certificate: false,
                authentication: Authentication::default(),
                plain: PlainPassword::Forbidden,
            },
            client_certificate: None,
            deadlines: Deadlines::default(),
        };
        let network = Network::with_name_servers(&[federation.name_server()]);
        let session = connect(&logon, &network, &mut Trace::new(), &CancellationToken::new()).await.unwrap();
        let messages = session.listen().await.unwrap();
        session.become_available().await.unwrap();
        Self { session, messages }
    }

    /// The next message.
    async fn hear(&mut self) -> Element {
        let until = Instant::now() + Duration::from_secs(30);
        tokio::time::timeout_at(until.into(), self.messages.recv()).await.unwrap().unwrap()
    }
}
