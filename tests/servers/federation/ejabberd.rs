//! ejabberd, as Debian packages it, with a configuration of its own.
//!
//! The Erlang runtime is started directly and without a node name: `ejabberdctl` would change to another
//! user and leave a port mapper behind. It asks Erlang's resolver for SRV records and the system's for
//! addresses, so that both must be pointed to the name server of the run.

use std::fmt::Write;
use std::fs::Permissions;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::authority::Authority;
use super::process::{Ground, Server, kept};
use super::release::Release;
use super::{BARRED, BLOCKER, FORBIDDEN, Host, LITWARE, PASSWORD, Policy, USERS, ready};

/// Whether a server has the limits that it is shipped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// None that a test could run into by accident.
    Off,
    /// As a careful operator has them: one session an account, small stanzas, a ban at the second failed
    /// logon, and a memory for partners that could not be reached: of a random length, and long, so that
    /// it hardly ever ends before a test is done.
    Strict,
    /// As Debian ships it: ten sessions an account, and 3 000 bytes a second of a client.
    Stock,
    /// One session an account.
    OneSession,
}

/// A running ejabberd.
pub struct Ejabberd {
    pub address: IpAddr,
    pub server: Server,
    folder: PathBuf,
    domain: String,
}

/// Says which package is missing, if one is.
pub fn installed(release: &Release) -> Result<(), String> {
    if libraries(release).is_some() && release.has("/usr/bin/erl") {
        Ok(())
    } else {
        Err("ejabberd is not installed (apt install ejabberd)".to_owned())
    }
}

impl Ejabberd {
    /// Starts it; [`Ejabberd::wait_until_ready`] waits for it.
    pub fn start(
        release: &Release,
        ground: &Ground,
        address: IpAddr,
        name_server: SocketAddr,
        authority: &Authority,
        hosts: &[Host],
        limits: Limits,
    ) -> Self {
        let folder = ground.server("ejabberd", address);
        let certificates: Vec<PathBuf> = hosts
            .iter()
            .map(|host| authority.issue_for_ejabberd(&host.domain, host.flaw).combined())
            .collect();
        let captcha = folder.join("captcha");
        std::fs::write(&captcha, CAPTCHA).unwrap();
        std::fs::set_permissions(&captcha, Permissions::from_mode(0o755)).unwrap();
        let mut configuration = configuration(address, hosts, &certificates, authority, limits);
        let url = "http://captcha.test/captcha";
        write!(configuration, "captcha_cmd: {}\ncaptcha_url: {url}\n", captcha.display()).unwrap();
        std::fs::write(folder.join("ejabberd.yml"), configuration).unwrap();
        std::fs::write(folder.join("inetrc"), inetrc(name_server)).unwrap();

        let mut erl = release.command(ground.path(), name_server.ip(), "erl");
        erl.args(["-noinput", "-mnesia", "dir"])
            .arg(format!("{:?}", folder.join("spool").display().to_string()))
            .args(["-s", "ejabberd", "-eval"])
            .arg(register(hosts, &folder))
            .env("HOME", &folder)
            .env("ERL_LIBS", libraries(release).unwrap())
            .env("ERL_INETRC", folder.join("inetrc"))
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
            .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
        let server = Server::start(&folder, &mut erl);
        Self { address, server, folder, domain: hosts[0].domain.clone() }
    }

    /// The process alone, with its address and its first domain.
    pub fn into_server(self) -> (IpAddr, String, Server) {
        (self.address, self.domain, self.server)
    }

    /// Waits until it answers for its first domain and has all its accounts.
    pub fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(180);
        while !self.folder.join(REGISTERED).exists() {
            assert!(
                self.server.runs() && Instant::now() < deadline,
                "ejabberd does not start\n{}\n{}",
                self.server.log_tail("output.log"),
                self.server.log_tail("ejabberd.log")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        ready::answers(self.address, &self.domain)
            .unwrap_or_else(|error| panic!("{error}\n{}", self.server.log_tail("ejabberd.log")));
    }
}

/// The folder of the release that holds `ejabberd-<version>`: it depends on the machine's architecture.
fn libraries(release: &Release) -> Option<PathBuf> {
    let folders = std::fs::read_dir(release.path("/usr/lib")).ok()?.flatten().map(|entry| entry.path());
    let folder = folders.chain([release.path("/usr/lib")]).find(|folder| {
        let Ok(entries) = std::fs::read_dir(folder) else { return false };
        entries.flatten().any(|entry| {
            entry.file_name().to_string_lossy().starts_with("ejabberd-") && entry.path().join("ebin").exists()
        })
    })?;
    Some(Path::new("/").join(folder.strip_prefix(release.path("")).ok()?))
}

fn configuration(
    address: IpAddr,
    hosts: &[Host],
    certificates: &[PathBuf],
    authority: &Authority,
    limits: Limits,
) -> String {
    let domains = hosts.iter().fold(String::new(), |all, host| all + "\n  - " + host.domain.as_str());
    let (mut added, mut replaced) = (String::new(), String::new());
    for Host { domain, policy, .. } in hosts {
        let (settings, list) = match policy {
            Policy::RefusesStrangers => ("modules: { mod_block_strangers: {} }", &mut added),
            Policy::HoldsForCaptcha => ("modules: { mod_block_strangers: { captcha: true } }", &mut added),
            Policy::Dialback => ("modules: { mod_s2s_dialback: {} }", &mut added),
            Policy::NoPing => ("modules: { mod_disco: {} }", &mut replaced),
            Policy::Island => ("s2s_access: none", &mut replaced),
            // Nobody listens there.
            Policy::Directory => {
                ("auth_method: ldap, ldap_servers: [127.0.0.1], ldap_port: 1, ldap_base: o=x", &mut replaced)
            }
            Policy::Open | Policy::Unlisted | Policy::EatsMessages => continue,
        };
        write!(list, "{domain}: {{ {settings} }}, ").unwrap();
    }
    let certificates = certificates.iter().fold(String::new(), |mut all, file| {
        write!(all, "\n  - {}", file.display()).unwrap();
        all
    });
    let level = if kept() { "debug" } else { "info" };
    let ca_file = authority.ca_file().display();
    let (sessions, memory, stanza, ban, shaper) = match limits {
        Limits::Off => (1000, 1, 262_144, "", "none"),
        Limits::Strict => (1, 36_000, 10_000, "\n  mod_fail2ban: { c2s_max_auth_failures: 2 }", "none"),
        Limits::Stock => (10, 300, 262_144, "\n  mod_fail2ban: {}", "c2s_shaper"),
        Limits::OneSession => (1, 1, 262_144, "", "none"),
    };
    format!(
        r#"hosts:{domains}
loglevel: {level}
certfiles:{certificates}
ca_file: {ca_file}
listen:
  - {{ port: 5222, ip: "{address}", module: ejabberd_c2s, starttls_required: true, access: c2s, max_stanza_size: {stanza}, shaper: {shaper} }}
  - {{ port: 5223, ip: "{address}", module: ejabberd_c2s, tls: true, shaper: none }}
  - {{ port: 5224, ip: "{address}", module: ejabberd_c2s, shaper: none }}
  - {{ port: 5225, ip: "{address}", module: ejabberd_c2s, starttls_required: true, tls_verify: true, cafile: {ca_file}, shaper: none }}
  - {{ port: 5269, ip: "{address}", module: ejabberd_s2s_in, shaper: none }}
s2s_use_starttls: required
s2s_max_retry_delay: {memory}
negotiation_timeout: 12
outgoing_s2s_families: [ipv4]
auth_method: internal
auth_password_format: scram
auth_use_cache: false
acl:
  forbidden: {{ server: {FORBIDDEN} }}
  barred: {{ user: {BARRED} }}
access_rules:
  c2s:
    - deny: barred
    - allow
  federate:
    - deny: forbidden
    - allow
s2s_access: federate
append_host_config: {{ {added} }}
host_config: {{ {replaced} }}
shaper:
  normal: {{ rate: 3000, burst_size: 20000 }}
shaper_rules:
  c2s_shaper: normal
  max_user_sessions: {sessions}
  max_user_offline_messages: 100
modules:
  mod_blocking: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_roster: {{}}
  mod_stream_mgmt: {{}}
  mod_version: {{}}{ban}
"#
    )
}

/// Draws what a person is to read: ejabberd looks at the first bytes only.
const CAPTCHA: &str = "#!/bin/sh\nprintf '\\211PNG\\r\\n\\032\\n'\n";

/// Erlang's own resolver, pointed to the name server of the run.
fn inetrc(name_server: SocketAddr) -> String {
    let IpAddr::V4(host) = name_server.ip() else { panic!("the name server has an IPv4 address") };
    let [a, b, c, d] = host.octets();
    format!(
        "{{resolv_conf, \"\"}}.\n{{hosts_file, \"\"}}.\n{{lookup, [dns]}}.\n{{nameserver, {{{a},{b},{c},{d}}}}}.\n"
    )
}

/// Erlang that makes the accounts and the block lists, and leaves a file behind when all are there.
fn register(hosts: &[Host], folder: &Path) -> String {
    let mut program = String::new();
    for Host { domain, .. } in hosts.iter().filter(|host| host.policy != Policy::Directory) {
        for user in USERS.iter().chain([&BLOCKER, &BARRED]) {
            write!(
                program,
                r#"ok = ejabberd_auth:try_register(<<"{user}">>, <<"{domain}">>, <<"{PASSWORD}">>), "#
            )
            .unwrap();
        }
        write!(
            program,
            r#"ok = mnesia:dirty_write({{privacy, {{<<"{BLOCKER}">>, <<"{domain}">>}}, <<"Blocked contacts">>, [{{<<"Blocked contacts">>, [{{listitem, jid, {{<<"kenmyer">>, <<"{LITWARE}">>, <<>>}}, deny, 1, true, false, false, false, false}}]}}]}}), "#
        )
        .unwrap();
    }
    for Host { domain, .. } in hosts.iter().filter(|host| host.policy == Policy::EatsMessages) {
        write!(
            program,
            r#"ejabberd_hooks:add(user_send_packet, <<"{domain}">>, fun({{P, S}}) when element(1, P) =:= message -> {{stop, {{drop, S}}}}; (Other) -> Other end, 1), "#
        )
        .unwrap();
    }
    write!(program, r#"ok = file:write_file("{}", <<>>)."#, folder.join(REGISTERED).display()).unwrap();
    program
}

const REGISTERED: &str = "registered";
