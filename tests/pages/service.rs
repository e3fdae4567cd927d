//! What a watcher serves, asked over a plain socket: pages, metrics, probes, and who is answered at all.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

use crate::post::{ATL, GOOD, Post, RunningWatcher, until};
use crate::support::bare;

/// A partner whose certificate has expired.
pub const EXPIRED: &str = "adelany@expired.contoso.com";

/// A watcher that serves.
pub struct Serving {
    pub post: Post,
    pub watcher: RunningWatcher,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub text: String,
}

impl Serving {
    /// A watcher of these watches, with these lines in `[http]`; it has tested everything once.
    pub fn with(watches: &str, http: &str) -> Self {
        let post = Post::with(&format!("{watches}\n[http]\n{http}\n"));
        post.once();
        Self::start(post)
    }

    pub fn start(post: Post) -> Self {
        let watcher = post.start();
        Self::of(post, watcher)
    }

    fn of(post: Post, mut watcher: RunningWatcher) -> Self {
        let line = watcher.says("pages and metrics are at http");
        let address = line.split("//").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { post, watcher, address }
    }

    /// Two pairs: one is well, and one is not.
    pub fn two_pairs() -> Self {
        Self::with(
            &format!("[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{EXPIRED}']\n"),
            "listen = 'localhost:0'",
        )
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// Sends a request as it stands.
    pub fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }

    /// The page of the pair with this receiver.
    pub fn page_of(&self, receiver: &str) -> String {
        let sql = format!("SELECT id FROM pair WHERE test = 'XmppIM' AND receiver = '{receiver}'");
        format!("/pair/{}", self.post.rows(&sql)[0][0])
    }
}

impl Answer {
    fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        // A TLS server that closes without saying so is seen by the length.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or("").split(' ').nth(1).and_then(|code| code.parse().ok());
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self {
            status: status.unwrap_or(0),
            headers: lines.filter_map(header).collect(),
            text: body.to_owned(),
        }
    }
}

/// Holds a page of metrics against `promtool`.
pub fn check_metrics(metrics: &str) {
    if bare("promtool").arg("--version").output().is_err() {
        crate::support::skip("promtool is not installed");
        return;
    }
    let mut promtool = bare("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().unwrap();
    running.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{metrics}", String::from_utf8_lossy(&said));
}

#[test]
fn metrics_tell_of_every_watched_pair_and_promtool_has_nothing_to_say() {
    // Nobody listens there.
    let notify = "[[notify]]\nidentity = 'on call'\nkind = 'webhook'\nurl = 'http://127.0.0.1:1/'\n";
    let serving = Serving::with(
        &format!(
            "[[watch]]\nidentity = 'one'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{EXPIRED}']\nevery = '1s'\n\
             [[watch]]\nidentity = 'two'\npools = ['{ATL}']\ntests = ['Registration']\n{notify}"
        ),
        "listen = 'localhost:0'",
    );
    let counted =
        format!("imsh_tests_total{{test=\"XmppIM\",pool=\"{ATL}\",receiver=\"{GOOD}\",result=\"Success\"}}");
    let has_counted = || {
        let metrics = serving.get("/metrics").text;
        metrics
            .lines()
            .any(|line| line.strip_prefix(&counted).is_some_and(|n| n.trim().parse::<u32>().unwrap() >= 2))
    };
    until("it counts", has_counted);
    let answer = serving.get("/metrics");
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let metrics = answer.text;
    check_metrics(&metrics);
    let pair = |receiver: &str| format!("test=\"XmppIM\",pool=\"{ATL}\",receiver=\"{receiver}\"");
    for line in [
        format!("imsh_test_state{{{},state=\"Up\"}} 1", pair(GOOD)),
        format!("imsh_test_success{{{}}} 1", pair(GOOD)),
        format!("imsh_test_success{{{}}} 0", pair(EXPIRED)),
        format!(
            "imsh_test_failure{{{},code=\"FEDERATION-CERTIFICATE-EXPIRED\",owner=\"Partner\"}} 1",
            pair(EXPIRED)
        ),
        "imsh_store_up 1".to_owned(),
        "imsh_watcher_blind 0".to_owned(),
        "imsh_notices_waiting{channel=\"on call\"} 1".to_owned(),
        "imsh_watcher_info{site=\"local\",version=\"0.1.0\"} 1".to_owned(),
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line}\n{metrics}");
    }
    for begin in [
        "imsh_schedule_lag_seconds ".to_owned(),
        "imsh_watcher_last_round_timestamp_seconds 1".to_owned(),
        format!("imsh_test_last_success_timestamp_seconds{{{}}} 1", pair(GOOD)),
        format!("imsh_test_latency_seconds_bucket{{test=\"XmppIM\",pool=\"{ATL}\",le=\"0.05\"}} "),
        format!("imsh_test_latency_seconds_count{{test=\"XmppIM\",pool=\"{ATL}\"}} "),
        format!("imsh_certificate_end_timestamp_seconds{{shown_by=\"{ATL}\"}} "),
    ] {
        assert!(metrics.lines().any(|own| own.starts_with(&begin)), "{begin}\n{metrics}");
    }
    assert!(!metrics.lines().any(|line| line.starts_with(&format!("imsh_test_failure{{{}", pair(GOOD)))));
    // A pair that is watched no more has no series, and what waits for a notification that is gone is not counted.
    let topology = serving.post.topology().replace(&format!(", '{EXPIRED}'"), "").replace(notify, "");
    serving.post.write(&topology);
    serving.watcher.signal(Signal::SIGHUP);
    until("its series are gone", || !serving.get("/metrics").text.contains(EXPIRED));
    assert!(serving.get("/metrics").text.contains(GOOD));
    until("nothing waits", || !serving.get("/metrics").text.contains("imsh_notices_waiting"));
}

#[test]
fn pages_tell_of_the_watched_pairs_and_of_each_in_full() {
    let serving = Serving::two_pairs();
    let page = serving.get("/");
    assert_eq!(page.status, 200);
    for said in [GOOD, EXPIRED, "FEDERATION-CERTIFICATE-EXPIRED", "✖ 1</b> Down", "✔ 1</b> Up", "Last round"]
    {
        assert!(page.text.contains(said), "{said}");
    }
    let own = serving.page_of(EXPIRED);
    assert!(page.text.contains(&format!("href=\"{own}\"")));
    let pair = serving.get(&own);
    assert_eq!(pair.status, 200);
    for said in ["Send", "Deliver", "What to do", "Last tests", EXPIRED] {
        assert!(pair.text.contains(said), "{said}");
    }
    // Without scripts a form filters.
    let filtered = serving.get("/?receiver=EXPIRED&state=down").text;
    assert!(filtered.contains(EXPIRED) && !filtered.contains(GOOD));
    for path in ["/pair/0", "/pair/1", "/pair/x", "/pair/", "/nothing", "/-/nothing", "/..%2f..%2fetc/passwd"]
    {
        assert_eq!(serving.get(path).status, 404, "{path}");
    }
    let report: Value = serde_json::from_str(&serving.get("/api/report").text).unwrap();
    assert_eq!(report["pairs"].as_array().unwrap().len(), 2);
    let detail: Value = serde_json::from_str(&serving.get(&format!("/api{own}")).text).unwrap();
    assert_eq!(detail["details"][0]["tests"][0]["report"]["code"], "FEDERATION-CERTIFICATE-EXPIRED");
    let watcher: Value = serde_json::from_str(&serving.get("/api/watcher").text).unwrap();
    assert_eq!(watcher["pairs"], 2, "{watcher}");
    assert!(serde_json::from_str::<Value>(&serving.get("/api/").text).is_ok());
}

#[test]
fn every_answer_has_the_headers_that_keep_others_out() {
    let serving = Serving::two_pairs();
    for path in ["/", "/metrics", "/api/report", "/nothing", "/-/healthy", "/probe"] {
        let headers = serving.get(path).headers;
        assert!(headers["content-security-policy"].starts_with("default-src 'none'"), "{path}");
        assert!(headers["content-security-policy"].contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
    }
    assert_eq!(serving.ask("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").text, "");
    let posted =
        serving.ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!((posted.status, posted.headers["allow"].as_str()), (405, "GET, HEAD"));
    // A page from elsewhere has led the browser here by a name of its own, or asks by itself.
    for request in [
        "GET / HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n",
        "GET http://attacker.example/ HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n",
        "GET /api/report HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nConnection: close\r\n\r\n",
    ] {
        let answer = serving.ask(request);
        assert!(matches!(answer.status, 421 | 403), "{request} {}", answer.status);
        assert!(!answer.text.contains(GOOD));
    }
}

#[test]
fn health_tells_one_word() {
    let serving = Serving::two_pairs();
    until("it is ready", || serving.get("/-/ready").status == 200);
    assert_eq!(serving.get("/-/ready").text, "ready\n");
    assert_eq!(
        (serving.get("/-/healthy").status, serving.get("/-/healthy").text.as_str()),
        (200, "healthy\n")
    );
}

#[test]
fn who_is_slow_or_sends_too_much_keeps_nobody_waiting() {
    let serving = Serving::two_pairs();
    // More connections than are ever served at once, each with half a request.
    let mut held: Vec<TcpStream> = Vec::new();
    for _ in 0..127 {
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: local").unwrap();
        held.push(stream);
    }
    let began = Instant::now();
    assert_eq!(serving.get("/-/healthy").status, 200);
    assert!(began.elapsed() < Duration::from_secs(10));
    // They are closed in the end.
    held[0].set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut rest = Vec::new();
    let _ = held[0].read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(50), "a half request is waited for {:?}", began.elapsed());
    drop(held);
    let long =
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "a".repeat(64 * 1024));
    assert!(matches!(serving.ask(&long).status, 414 | 431 | 400));
    let headers: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
    assert!(matches!(serving.ask(&many).status, 431 | 400));
    assert!(matches!(serving.ask("\u{0}\u{1}rubbish\r\n\r\n").status, 400 | 0));
    assert_eq!(serving.get("/-/healthy").status, 200);
}

/// Certificate, key and token in files of a directory.
struct Identity {
    directory: tempfile::TempDir,
    token: &'static str,
}

impl Identity {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["watcher.example".to_owned()]).unwrap();
        let identity = Self { directory, token: "a-token-that-nobody-guesses" };
        identity.write("certificate.pem", &made.cert.pem(), 0o644);
        identity.write("key.pem", &made.signing_key.serialize_pem(), 0o600);
        identity.write("token", &format!("{}\n", identity.token), 0o600);
        identity
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn lines(&self) -> String {
        let line = |key: &str, name: &str| format!("{key} = '{}'\n", self.path(name).display());
        [("tls_certificate", "certificate.pem"), ("tls_key", "key.pem"), ("token_file", "token")]
            .map(|(key, name)| line(key, name))
            .concat()
    }

    /// Asks over TLS.
    fn get(&self, address: &str, path: &str, more: &str) -> Answer {
        let certificate = CertificateDer::from_pem_file(self.path("certificate.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "watcher.example".try_into().unwrap();
        let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: watcher.example\r\n{more}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }
}

const ONE: &str = "[[watch]]\nidentity = 'one'\npools = ['atl-cs-001.litwareinc.com']\nreceivers = ['adelany@contoso.com']\n";

#[test]
fn off_this_machine_only_whoever_gives_the_token_is_answered_and_over_tls() {
    let identity = Identity::new();
    // Every address of the machine: reached from elsewhere, were there an elsewhere.
    let serving = Serving::with(ONE, &format!("listen = '0.0.0.0:0'\n{}", identity.lines()));
    let port = serving.address.rsplit(':').next().unwrap();
    let address = format!("127.0.0.1:{port}");
    let get = |path: &str, more: &str| identity.get(&address, path, more);
    for path in ["/", "/metrics", "/api/report", "/api/watcher", &serving.page_of(GOOD), "/nothing"] {
        for more in ["", "Authorization: Bearer another-token-altogether\r\n", "Authorization: Basic !!\r\n"]
        {
            let answer = get(path, more);
            assert_eq!(answer.status, 401, "{path} {more}");
            assert!(!answer.text.contains("contoso") && !answer.text.contains("imsh_"), "{}", answer.text);
        }
    }
    assert!(get("/", "").headers["www-authenticate"].starts_with("Basic "));
    let bearer = format!("Authorization: Bearer {}\r\n", identity.token);
    use base64::Engine;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("anybody:{}", identity.token));
    for more in [bearer.clone(), format!("Authorization: Basic {pair}\r\n")] {
        assert!(get("/", &more).text.contains(GOOD));
        assert!(get("/metrics", &more).text.contains(GOOD));
    }
    // One word for load balancers; and a probe that nobody takes for a pass.
    assert_eq!(get("/-/healthy", "").text, "healthy\n");
    let probe = get(&format!("/probe?module=im&target={GOOD}"), "");
    assert_eq!(probe.status, 200);
    assert!(probe.text.contains("\nprobe_success 0\n"), "{}", probe.text);
    // Plain HTTP is no way in.
    let mut plain = TcpStream::connect(&address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1"));
    // A token that is replaced holds from then on.
    identity.write("token", "another-token-that-nobody-guesses", 0o600);
    until("the new token holds", || get("/", &bearer).status == 401);
    assert!(get("/", "Authorization: Bearer another-token-that-nobody-guesses\r\n").text.contains(GOOD));
}

#[test]
fn a_reload_takes_over_where_and_to_whom_it_is_served() {
    let identity = Identity::new();
    let mut serving = Serving::with(ONE, "listen = 'localhost:0'");
    assert_eq!(serving.get("/-/healthy").status, 200);
    let before = serving.address.clone();
    // From loopback to every address, with TLS and a token.
    let plain = serving.post.topology();
    let (rest, _) = plain.split_once("[http]").unwrap();
    let tables = |http: &str| format!("{rest}[http]\n{http}\n");
    serving.post.write(&tables(&format!("listen = '0.0.0.0:0'\n{}", identity.lines())));
    serving.watcher.signal(Signal::SIGHUP);
    let line = serving.watcher.says("pages and metrics are at https://");
    let port = line.rsplit("0.0.0.0:").next().unwrap().split('/').next().unwrap().to_owned();
    let address = format!("127.0.0.1:{port}");
    let bearer = format!("Authorization: Bearer {}\r\n", identity.token);
    assert_eq!(identity.get(&address, "/", "").status, 401);
    assert!(identity.get(&address, "/", &bearer).text.contains(GOOD));
    assert!(TcpStream::connect(&before).is_err(), "nobody is served any more where it was before");
    // The same address with another token file: it is free when the one before has ended.
    identity.write("other-token", "a-token-of-another-file", 0o600);
    let other = identity.lines().replace("/token'", "/other-token'");
    serving.post.write(&tables(&format!("listen = '0.0.0.0:{port}'\n{other}")));
    serving.watcher.signal(Signal::SIGHUP);
    serving.watcher.says("pages and metrics are at https://");
    assert_eq!(identity.get(&address, "/", &bearer).status, 401);
    let other_bearer = "Authorization: Bearer a-token-of-another-file\r\n";
    assert_eq!(identity.get(&address, "/", other_bearer).status, 200);
    // What cannot be served leaves what is served.
    let broken = other.replace("/key.pem'", "/no-key.pem'");
    serving.post.write(&tables(&format!("listen = '0.0.0.0:{port}'\n{broken}")));
    serving.watcher.signal(Signal::SIGHUP);
    serving.watcher.says("what was served before stays in force");
    let told = identity.get(&address, "/api/watcher", other_bearer);
    assert!(told.text.contains("no-key.pem"), "{}", told.text);
    // So does an address that is taken, or not this machine's; the topology is in force all the same.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for unusable in [taken.local_addr().unwrap().to_string(), "192.0.2.1:9604".to_owned()] {
        serving.post.write(&tables(&format!("listen = '{unusable}'\n{other}")));
        serving.watcher.signal(Signal::SIGHUP);
        let line = serving.watcher.says("what was served before stays in force");
        assert!(line.contains(&unusable), "{line}");
        let told = || identity.get(&address, "/", other_bearer).text;
        until("it is served again", || TcpStream::connect(&address).is_ok());
        assert!(told().contains("[http] cannot be served") && told().contains(&unusable), "{}", told());
        let metrics = identity.get(&address, "/metrics", other_bearer).text;
        assert!(metrics.contains("\nimsh_topology_invalid 0\n"), "{metrics}");
    }
}

#[test]
fn a_service_that_is_not_safe_is_refused_with_words() {
    let identity = Identity::new();
    let refused = |http: &str, words: &str| {
        let post = Post::with(&format!("{ONE}\n[http]\n{http}\n"));
        let mut watcher = post.start();
        watcher.says(words);
        assert_eq!(watcher.ends(), Some(2), "{http}");
    };
    refused(
        "listen = '0.0.0.0:0'",
        "is reached from other machines, so the service needs tls_certificate, tls_key, token_file",
    );
    refused("listen = '192.0.2.1'", "is no address to listen at: write localhost:9604");
    let certificate = identity.path("certificate.pem");
    refused(&format!("tls_certificate = '{}'", certificate.display()), "is there without tls_key");
    let all = format!("listen = 'localhost:0'\n{}", identity.lines());
    identity.write("token", "short", 0o600);
    refused(&all, "holds 5 letters, where a token has 16 at least");
    identity.write("token", identity.token, 0o644);
    refused(&all, "is open to others than its owner (mode 644)");
    std::fs::remove_file(identity.path("token")).unwrap();
    refused(&all, "cannot be read");
    identity.write("token", identity.token, 0o600);
    identity.write("key.pem", "no key", 0o600);
    refused(&all, "and its key cannot be used");
}

#[test]
fn a_watcher_whose_store_is_away_says_so_of_itself_and_blames_nobody() {
    let away = "[store]\nurl = 'postgres://imsh@127.0.0.1:1/imsh'\n";
    let post = Post::with(&format!("{ONE}\n{away}\n[http]\nlisten = 'localhost:0'\n"));
    let mut command = crate::support::imsh_at(post.home.path());
    command
        .arg("--topology")
        .arg(post.lab.topology())
        .arg("--vault")
        .arg(post.lab.vault())
        .stdin(Stdio::null());
    let watcher = RunningWatcher::of(command);
    let serving = Serving::of(post, watcher);
    until("it is blind", || serving.get("/metrics").text.contains("\nimsh_watcher_blind 1\n"));
    let metrics = serving.get("/metrics").text;
    check_metrics(&metrics);
    assert!(metrics.contains("\nimsh_store_up 0\n") && !metrics.contains("imsh_test_"), "{metrics}");
    let page = serving.get("/");
    assert_eq!((page.status, page.text.contains("The store does not answer")), (503, true));
    assert_eq!(serving.get("/-/ready").status, 503);
    assert_eq!(serving.get("/-/healthy").status, 200, "it would not help to start it again");
    let watcher: Value = serde_json::from_str(&serving.get("/api/watcher").text).unwrap();
    assert_eq!(watcher["blind"]["reason"], "the store is away");
}
