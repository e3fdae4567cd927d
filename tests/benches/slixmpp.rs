//! imsh beside slixmpp (PyPI), which does the same against the same servers in one run: fresh logons and one
//! session for all, at 1, 16, 64 and 256 at once. Prints the client's processor time for each verification (without
//! what one verification costs, which is mostly the start of the program), verifications a second, and memory.
//!
//! imsh runs twice: with its store, and with `[store] enabled = false`, since slixmpp keeps nothing. An argument
//! names another imsh than the one that was built with this (`cargo bench --bench slixmpp -- target/release/imsh`).

#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to hand an error to")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../servers/federation/mod.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod federation;
#[path = "../servers/desk.rs"]
#[expect(dead_code, reason = "it is the tests', and has more than a benchmark needs")]
mod desk;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use desk::{Desk, Pool};
use federation::resident::Answer;
use federation::{CONTOSO, Federation, LITWARE, PASSWORD};

const SLIXMPP: &str = "slixmpp==1.17.0";
const AT_ONCE: [usize; 4] = [1, 16, 64, 256];
/// How many fresh verifications, and how many on one session: a few and many.
const N_FRESH: usize = 100;
const N_REUSED: [usize; 2] = [1_000, 10_000];

/// How verifications log on.
#[derive(Clone, Copy)]
enum Logon {
    Fresh,
    Reused,
}

/// Who verifies.
#[derive(Clone, Copy)]
enum Client {
    Slixmpp,
    ImshWithStore,
    Imsh,
}

fn main() {
    let Some(federation) = Federation::get() else { return };
    let python = environment();
    let program = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let program = program.map_or(PathBuf::from(support::IMSH), |path| std::path::absolute(path).unwrap());
    println!(
        "{:9} {:7} {:>6} {:>5}  {:15} {:>9} {:>9} {:>9}",
        "server", "logon", "n", "once", "client", "ms CPU", "a second", "MB"
    );
    for (name, domain, address) in
        [("Prosody", LITWARE, federation.prosody.address), ("ejabberd", CONTOSO, federation.ejabberd.address)]
    {
        federation.log_on("kim", domain, Answer::Receipt);
        let bench = Bench { federation, python: &python, program: &program, domain, address };
        let clients = [Client::Slixmpp, Client::ImshWithStore, Client::Imsh];
        let desks = [("stored", ""), ("unstored", "[store]\nenabled = false\n")];
        for (desk, more) in desks {
            Desk::set_up(federation, &format!("{desk}-{domain}"), &bench.pools(), more);
        }
        let works = [(Logon::Fresh, N_FRESH), (Logon::Reused, N_REUSED[0]), (Logon::Reused, N_REUSED[1])];
        for (logon, n) in works {
            for at_once in AT_ONCE {
                for client in clients {
                    let one = bench.run(client, logon, 1, 1);
                    let all = bench.run(client, logon, n, at_once);
                    let milliseconds = (all.processor - one.processor) * 1e3 / (n - 1) as f64;
                    let rate = n as f64 / all.seconds;
                    let memory = all.kilobytes / 1024.0;
                    let (logon, client) = (logon.name(), client.name());
                    println!(
                        "{name:9} {logon:7} {n:6} {at_once:5}  {client:15} {milliseconds:9.3} {rate:9.0} {memory:9.1}"
                    );
                }
            }
        }
    }
}

impl Logon {
    fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reused => "reused",
        }
    }
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Slixmpp => "slixmpp",
            Self::ImshWithStore => "imsh, stored",
            Self::Imsh => "imsh",
        }
    }
}

/// Who verifies what where.
struct Bench<'a> {
    federation: &'a Federation,
    python: &'a Path,
    program: &'a Path,
    domain: &'a str,
    address: IpAddr,
}

/// What a run took.
struct Measured {
    seconds: f64,
    processor: f64,
    kilobytes: f64,
}

impl Bench<'_> {
    /// The same server under many names: an account has few sessions at each pool at once, and slixmpp knows no such
    /// limit.
    fn pools(&self) -> Vec<Pool> {
        (0..N_FRESH)
            .map(|n| Pool::at(self.domain, self.address).called(format!("pool-{n}.{}", self.domain)))
            .collect()
    }

    fn run(&self, client: Client, logon: Logon, n: usize, at_once: usize) -> Measured {
        let folder = |desk: &str| self.federation.folder(&format!("{desk}-{}", self.domain));
        match client {
            Client::Slixmpp => self.slixmpp(logon, n, at_once),
            Client::ImshWithStore => self.imsh(&folder("stored"), logon, n, at_once),
            Client::Imsh => self.imsh(&folder("unstored"), logon, n, at_once),
        }
    }

    fn slixmpp(&self, logon: Logon, n: usize, at_once: usize) -> Measured {
        let (server, account) = (format!("{}:5222", self.address), format!("kenmyer@{}", self.domain));
        let receiver = format!("kim@{}", self.domain);
        let ca_file = self.federation.ca_file().display().to_string();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benches/slixmpp/client.py");
        let mut measured = self.measured(self.python);
        measured.env("PASSWORD", PASSWORD);
        measured.args([script, logon.name(), &server, &account, &receiver, &ca_file]);
        read(measured.args([n.to_string(), at_once.to_string()]))
    }

    fn imsh(&self, folder: &Path, logon: Logon, n: usize, at_once: usize) -> Measured {
        let domain = self.domain;
        let (n_pools, n_receivers) = match logon {
            Logon::Fresh => (n, 1),
            Logon::Reused => (1, n),
        };
        let code = format!(
            "let pools = []; for n in 0..{n_pools} {{ pools.push(`pool-${{n}}.{domain}`); }} let receivers = []; \
             receivers.pad({n_receivers}, \"kim@{domain}\"); \
             Test-XmppIM $pools $receivers -MinimumEvidence Delivered -ThrottleLimit {at_once} -Force"
        );
        let mut measured = self.measured(self.program);
        measured.env("HOME", folder).args(["--topology"]).arg(folder.join("topology.toml"));
        measured.arg("--vault").arg(folder.join("vault"));
        read(measured.args(["--output", "jsonl", "-c", &code]))
    }

    /// A command that measures a program.
    fn measured(&self, program: &Path) -> Command {
        let mut command = support::bare(self.python.to_str().unwrap());
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benches/slixmpp/measure.py")).arg(program);
        command
    }
}

fn read(command: &mut Command) -> Measured {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [seconds, processor, kilobytes] = numbers[..] else { panic!("{text}") };
    Measured { seconds, processor, kilobytes }
}

/// The Python of a virtual environment with slixmpp, which is made where it is missing.
fn environment() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SLIXMPP);
    let python = folder.join("bin/python");
    let run = |program: &Path, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status().unwrap();
        assert!(status.success(), "{program:?} {arguments:?}");
    };
    if !python.exists() {
        run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]);
    }
    run(&python, &["-m", "pip", "install", "--quiet", SLIXMPP]);
    python
}
