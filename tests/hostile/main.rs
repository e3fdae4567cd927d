//! Hostile servers, all of them in one list ([`behaviours`]): each is met by the `imsh` binary over real
//! sockets, and must end inside its deadlines with the code that names it, in a bounded memory, with nothing
//! secret and no control character in what is printed, and without the password leaving where it must not.
//!
//! More of them, one phase at a time: `tests/transcripts` (plays in memory), `tests/wire` (single phases over
//! sockets), `tests/fuzz` (whatever a fuzzer makes up), `tests/diagnosis/hostile.rs` (words that want to
//! leave their quotation). The practice network has those that are worth practising on.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod behaviours;
mod server;
mod names;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use imsh::internals::secret::{Credential, Secret};
use imsh::internals::vault::Vault;
use serde_json::Value;

use behaviours::{BEHAVIOURS, Behaviour, DNS};
use server::Server;
use support::{IMSH, bare};

#[test]
fn every_hostile_server_ends_in_its_own_code_and_takes_nothing_with_it() {
    assert!(BEHAVIOURS.len() + DNS.len() >= 40);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let desk = Desk::set_up();
    let left = Mutex::new(desk.meetings.iter());
    let wrong = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(meeting) = left.lock().unwrap().next() else { return };
                    if let Some(mistake) = desk.meet(meeting) {
                        writeln!(wrong.lock().unwrap(), "{}: {mistake}", meeting.name).unwrap();
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A behaviour, the pool that shows it, and what it must be called.
struct Meeting {
    name: &'static str,
    pool: String,
    code: &'static str,
    server: Option<Server>,
}

struct Desk {
    folder: tempfile::TempDir,
    meetings: Vec<Meeting>,
}

impl Desk {
    fn set_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = server::Authority::establish(folder.path());
        let name_server = names::serve();
        let mut topology = format!(
            "[resolver]\nname_servers = [\"{name_server}\"]\n[gateway]\nresolve_timeout = \"4s\"\n\
             connect_timeout = \"2s\"\nsecure_timeout = \"3s\"\nauthenticate_timeout = \"3s\"\n\
             bind_timeout = \"2s\"\ndeliver_timeout = \"3s\"\ntimeout = \"12s\"\n"
        );
        let mut meetings = Vec::new();
        let mut credentials = Vec::new();
        for Behaviour { name, code, .. } in BEHAVIOURS {
            let domain = format!("{name}.hostile.test");
            meetings.push(Meeting { name, pool: format!("pool.{domain}"), code, server: None });
        }
        for (behaviour, meeting) in BEHAVIOURS.iter().zip(&mut meetings) {
            let domain = format!("{}.hostile.test", behaviour.name);
            let server = Server::start(behaviour, &domain, &authority);
            let setting = format!("servers = [\"{}\"]\nallow_plain = true\n", server.address);
            pool(&mut topology, &meeting.pool, &domain, &setting, &authority);
            meeting.server = Some(server);
            credentials.push(credential(&domain));
        }
        for (name, code) in DNS {
            let domain = format!("{name}.dns.test");
            pool(&mut topology, &domain, &domain, "", &authority);
            credentials.push(credential(&domain));
            meetings.push(Meeting { name, pool: domain, code, server: None });
        }
        std::fs::write(folder.path().join("topology.toml"), topology).unwrap();
        Vault::open(&folder.path().join("vault")).unwrap().set_all(credentials).unwrap();
        Self { folder, meetings }
    }

    /// Meets one and says what went wrong.
    fn meet(&self, meeting: &Meeting) -> Option<String> {
        let code =
            format!("Test-XmppIM -TargetFqdn {} -Receiver adelany@contoso.test -Verbose", meeting.pool);
        let began = Instant::now();
        let output = self.run(&code);
        let elapsed = began.elapsed();
        let printed = format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let result = result.get(0).cloned().unwrap_or(result);
        let text = |property: &str| result[property].as_str().unwrap_or_default().to_owned();
        if text("Code") != meeting.code || text("Result") != "Failure" || output.status.code() != Some(1) {
            return Some(format!("{} is expected, not {}\n{printed}", meeting.code, text("Code")));
        }
        if elapsed > WHOLE {
            return Some(format!("it took {elapsed:?}"));
        }
        if let Some(secret) = secrets().into_iter().find(|secret| printed.contains(secret)) {
            return Some(format!("{secret} is printed:\n{printed}"));
        }
        if let Some(c) = printed.chars().find(|c| c.is_control() && !"\n\t".contains(*c)) {
            return Some(format!("{c:?} is printed:\n{printed}"));
        }
        if text("Error").is_empty() || text("Diagnosis").len() > 4000 {
            return Some(format!("it is not told in words:\n{printed}"));
        }
        let server = meeting.server.as_ref()?;
        let told = server.heard_outside_of_plain();
        let leaked = secrets().into_iter().find(|secret| told.contains(secret));
        leaked.map(|secret| format!("the server was told {secret}"))
    }

    /// Runs the binary in a bounded memory: more of it is refused by the system, and ends it.
    fn run(&self, code: &str) -> Output {
        let memory = format!("ulimit -d {}; exec \"$@\"", MEMORY >> 10);
        bare("sh")
            .args(["-c", &memory, "sh", IMSH])
            .env("HOME", self.folder.path())
            .arg("--topology")
            .arg(self.folder.path().join("topology.toml"))
            .arg("--vault")
            .arg(self.folder.path().join("vault"))
            .args(["--output", "json", "-c", code])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

fn pool(topology: &mut String, identity: &str, domain: &str, setting: &str, authority: &server::Authority) {
    write!(
        topology,
        "[[pool]]\nidentity = \"{identity}\"\ndomains = [\"{domain}\"]\nca_file = \"{}\"\n\
         test_users = [\"sip:kenmyer@{domain}\"]\n{setting}",
        authority.ca_file.display()
    )
    .unwrap();
}

fn credential(domain: &str) -> (imsh::internals::address::Address, imsh::internals::vault::StoredCredential) {
    let address = format!("kenmyer@{domain}").parse().unwrap();
    let password = Secret::new(PASSWORD.to_owned());
    (address, Credential::new("kenmyer", password).into())
}

/// The password in every form that it could leave in.
fn secrets() -> [String; 3] {
    [PASSWORD.to_owned(), BASE64.encode(PASSWORD), BASE64.encode(format!("\0kenmyer\0{PASSWORD}"))]
}

const PASSWORD: &str = "Sesame-9071-of-Redmond";
const SIDE_BY_SIDE: usize = 8;
/// Private memory, stacks and all. A bare start takes about a third of it.
const MEMORY: usize = 96 << 20;
/// The deadline of the whole, and what a busy machine takes to start and to print.
const WHOLE: Duration = Duration::from_secs(18);
