//! An operator's desk: a topology and a vault for the federation, and the `imsh` binary to work with them.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use imsh::internals::address::Address;
use imsh::internals::secret::{Credential, Secret};
use imsh::internals::vault::Vault;
use serde_json::Value;

use crate::federation::{Federation, PASSWORD};
use crate::support::{IMSH, cable};

/// A pool as the topology lists it.
pub struct Pool {
    pub identity: String,
    domain: String,
    settings: String,
    accounts: Vec<(String, &'static str)>,
}

impl Pool {
    /// A pool whose servers are found in DNS under its own name, lending nobody yet.
    pub fn named(identity: &str, domain: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            domain: domain.to_owned(),
            settings: String::new(),
            accounts: Vec::new(),
        }
    }

    /// `pool.<domain>` at a server's port for clients, lending `kenmyer`.
    pub fn at(domain: &str, server: IpAddr) -> Self {
        Self::at_port(domain, server, 5222)
    }

    /// The same at another port.
    pub fn at_port(domain: &str, server: IpAddr, port: u16) -> Self {
        Self::named(&format!("pool.{domain}"), domain)
            .with(&format!("servers = [\"{server}:{port}\"]"))
            .lending("kenmyer", PASSWORD)
    }

    /// The same under another name.
    pub fn called(mut self, identity: String) -> Self {
        self.identity = identity;
        self
    }

    /// The same with one more line in its table.
    pub fn with(mut self, setting: &str) -> Self {
        self.settings += setting;
        self.settings.push('\n');
        self
    }

    /// The same with one more test user, and what the vault believes to be the password.
    pub fn lending(mut self, user: &str, password: &'static str) -> Self {
        self.accounts.push((format!("{user}@{}", self.domain), password));
        self
    }
}

/// A gateway that waits eight seconds for evidence: for faults that nobody reports.
pub const IMPATIENT: &str = "[gateway]\ndeliver_timeout = \"8s\"";

/// A topology and a vault in a folder.
pub struct Desk {
    folder: PathBuf,
    /// What a shell does before it becomes `imsh`.
    surroundings: String,
}

impl Desk {
    /// Writes both. Without partners in `topology`, any domain may be reached.
    pub fn set_up(federation: &Federation, name: &str, pools: &[Pool], more: &str) -> Self {
        let resolver = format!("[resolver]\nname_servers = [\"{}\"]\n\n{more}\n", federation.name_server());
        Self::with_topology(federation, name, pools, resolver)
    }

    /// The same with whatever name servers the machine has.
    pub fn without_name_servers(federation: &Federation, name: &str, pools: &[Pool]) -> Self {
        Self::with_topology(federation, name, pools, String::new())
    }

    fn with_topology(federation: &Federation, name: &str, pools: &[Pool], mut topology: String) -> Self {
        let folder = federation.folder(name);
        let vault = Vault::open(&folder.join("vault")).unwrap();
        for pool in pools {
            let users: Vec<String> =
                pool.accounts.iter().map(|(account, _)| format!("\"sip:{account}\"")).collect();
            write!(
                topology,
                "[[pool]]\nidentity = \"{}\"\ndomains = [\"{}\"]\nca_file = \"{}\"\ntest_users = [{}]\n{}\n",
                pool.identity,
                pool.domain,
                federation.ca_file().display(),
                users.join(", "),
                pool.settings
            )
            .unwrap();
            for (account, password) in &pool.accounts {
                let address: Address = account.parse().unwrap();
                let credential = Credential::new(account.as_str(), Secret::new((*password).to_owned()));
                vault.set(&address, credential.into()).unwrap();
            }
        }
        std::fs::write(folder.join("topology.toml"), topology).unwrap();
        Self { folder, surroundings: "exec \"$@\"".to_owned() }
    }

    /// The same, on a machine of its own: a network namespace with loopback and a cable to nobody, so that
    /// the machine is on line, and a mount namespace, after these lines of a shell.
    pub fn behind(mut self, lines: &str) -> Self {
        let folder = self.folder.display();
        // A way to everywhere, and nobody there.
        let cable = cable("198.51.100.1/24") + "ip route add default via 198.51.100.254";
        let alone = format!("{cable}\ncd {folder}\n{lines}\nexec \"$@\"");
        self.surroundings = format!("exec unshare --net --mount sh -ec '{alone}' sh \"$@\"");
        self
    }

    /// Runs `code` with `imsh -c` and records as JSON.
    pub fn run(&self, code: &str) -> Ran {
        let started = Instant::now();
        let mut command = Command::new("sh");
        let output = command
            .env_clear()
            .env("HOME", &self.folder)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["-c", &self.surroundings, "sh", IMSH])
            .arg("--topology")
            .arg(self.folder.join("topology.toml"))
            .arg("--vault")
            .arg(self.folder.join("vault"))
            .args(["--output", "json", "-c", code])
            .timeout(Duration::from_secs(100))
            .output()
            .unwrap();
        let ran = Ran {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            elapsed: started.elapsed(),
        };
        assert!(
            !ran.stdout.contains(PASSWORD) && !ran.stderr.contains(PASSWORD),
            "a password is shown: {ran:?}"
        );
        ran
    }

    /// One verification from a pool to a receiver, with further parameters (`name: "value"`).
    pub fn verify(&self, pool: &str, receiver: &str, more: &str) -> Verification {
        let ran = self
            .run(&format!(r#"test_xmpp_im(#{{ target_fqdn: "{pool}", receiver: "{receiver}", {more} }})"#));
        let printed: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("no result of {pool} → {receiver} ({error}): {ran:?}"));
        // One record, or a list that holds one.
        let result = printed.get(0).cloned().unwrap_or(printed);
        Verification { result, ran }
    }
}

impl Desk {
    /// Verifies again and again until the result is what it must become.
    pub fn verify_until(&self, pool: &str, receiver: &str, result: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.verify(pool, receiver, "").text("Result") != result {
            assert!(Instant::now() < deadline, "{pool} → {receiver} does not become a {result}");
        }
    }
}

impl Desk {
    /// Runs `code`, and gives the records that it printed beside how it went.
    pub fn records(&self, code: &str) -> (Vec<Value>, Ran) {
        let ran = self.run(code);
        let printed: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("no records of {code} ({error}): {ran:?}"));
        let records = printed.as_array().cloned().unwrap_or_else(|| vec![printed]);
        (records, ran)
    }
}

/// What a run of the binary left.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

/// The result of one verification.
pub struct Verification {
    result: Value,
    pub ran: Ran,
}

impl Verification {
    /// A property's text; empty where there is none.
    pub fn text(&self, property: &str) -> &str {
        self.result[property].as_str().unwrap_or_default()
    }

    /// How long a phase took; `None` where it was not reached.
    pub fn duration(&self, phase: &str) -> Option<Duration> {
        let step = self.result["Steps"].as_array()?.iter().find(|step| step["Phase"] == phase)?;
        let mut seconds = 0.0;
        for part in step["Duration"].as_str()?.split(':') {
            seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
        }
        Some(Duration::from_secs_f64(seconds))
    }

    /// After how long the pool said that it failed; `None` where it said nothing.
    pub fn pool_spoke_after(&self) -> Option<Duration> {
        let pool = self.text("TargetFqdn");
        let (before, _) = self.text("Diagnosis").split_once(&format!(", {pool} said"))?;
        let (number, unit) = before.rsplit_once("after ")?.1.split_once(' ')?;
        let number: f64 = number.parse().ok()?;
        Some(Duration::from_secs_f64(if unit == "ms" { number / 1000.0 } else { number }))
    }

    /// The result as it was printed, for a failed assertion.
    pub fn whole(&self) -> String {
        format!("{}\n{}", serde_json::to_string_pretty(&self.result).unwrap(), self.ran.stderr)
    }
}
