//! Prosody, as Debian packages it, with a configuration of its own.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::authority::{Authority, Flaw};
use super::process::{Ground, Server, kept};
use super::release::Release;
use super::{BARRED, BLOCKER, CONTOSO, Host, LITWARE, PASSWORD, Policy, USERS, ready};

/// A running Prosody.
pub struct Prosody {
    pub address: IpAddr,
    pub server: Server,
    /// The first of its domains.
    pub domain: String,
}

/// Lines that a server has beside the usual ones.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// For the whole server.
    pub global: String,
    /// For each of its domains.
    pub host: String,
    /// Whom it trusts, if not the authority of the federation.
    pub ca_file: Option<PathBuf>,
    /// What is outdated about its certificate, which OpenSSL then has to take as it once did.
    pub outdated: Option<Flaw>,
    /// How fast it reads.
    pub rates: Rates,
}

/// How fast a server reads of a client and of another server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rates {
    /// As fast as it can.
    #[default]
    Unlimited,
    /// As Debian ships it: ten kilobytes a second of a client, thirty of a server.
    Stock,
}

/// Says which package is missing, if one is.
pub fn installed(release: &Release) -> Result<(), String> {
    if release.has("/usr/bin/prosody") && release.has("/usr/lib/prosody/net/unbound.lua") {
        Ok(())
    } else {
        Err("Prosody is not installed (apt install prosody lua-unbound)".to_owned())
    }
}

impl Prosody {
    /// Starts it; [`Prosody::wait_until_ready`] waits for it.
    pub fn start(
        release: &Release,
        ground: &Ground,
        address: IpAddr,
        name_server: SocketAddr,
        authority: &Authority,
        hosts: &[Host],
        settings: &Settings,
    ) -> Self {
        let folder = ground.server("prosody", address);
        let trusted = settings.ca_file.as_deref().unwrap_or(authority.ca_file());
        let certificates = authority.ca_file().parent().unwrap();
        let mut configuration = global(&folder, address, name_server, certificates, trusted);
        configuration += match settings.rates {
            Rates::Unlimited => "modules_disabled = { \"limits\" }\n",
            Rates::Stock => "limits = { c2s = { rate = \"10kb/s\" }; s2sin = { rate = \"30kb/s\" } }\n",
        };
        configuration += &settings.global;
        for Host { domain, flaw, policy } in hosts {
            let identity = match settings.outdated {
                Some(flaw) => authority.issue_outdated(domain, flaw),
                None => authority.issue(domain, *flaw),
            };
            // Prosody leaves expired certificates out of its index, so each host names its own.
            write!(
                configuration,
                "\nVirtualHost \"{domain}\"\n    ssl = {{ certificate = \"{}\"; key = \"{}\" }}\n{}\n",
                identity.certificate.display(),
                identity.key.display(),
                settings.host
            )
            .unwrap();
            if *policy == Policy::Island {
                configuration += "    modules_disabled = { \"s2s\" }\n";
            }
            register(&folder, domain);
        }
        let file = folder.join("prosody.cfg.lua");
        std::fs::write(&file, configuration).unwrap();
        let mut prosody = release.command(ground.path(), name_server.ip(), "prosody");
        if settings.outdated.is_some() {
            let openssl = folder.join("openssl.cnf");
            std::fs::write(&openssl, OPENSSL_AS_IT_WAS).unwrap();
            prosody.env("OPENSSL_CONF", openssl);
        }
        let server = Server::start(&folder, prosody.arg("-F").arg("--config").arg(&file));
        Self { address, server, domain: hosts[0].domain.clone() }
    }

    /// Stops it in good order, and waits until it refuses connections.
    pub fn stop(&self) {
        self.server.signal(Signal::SIGTERM);
        ready::refuses(self.address).unwrap();
    }

    /// The process alone, with its address and its first domain.
    pub fn into_server(self) -> (IpAddr, String, Server) {
        (self.address, self.domain, self.server)
    }

    /// Waits until it answers for its first domain.
    pub fn wait_until_ready(&mut self) {
        ready::answers(self.address, &self.domain).unwrap_or_else(|error| {
            panic!("{error}\n{}\n{}", self.server.log_tail("output.log"), self.server.log_tail("prosody.log"))
        });
    }
}

/// OpenSSL at its lowest level of security.
const OPENSSL_AS_IT_WAS: &str = "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = default\n\
    [default]\nCipherString = DEFAULT:@SECLEVEL=0\n";

fn global(
    folder: &Path,
    address: IpAddr,
    name_server: SocketAddr,
    certificates: &Path,
    ca_file: &Path,
) -> String {
    let folder = folder.display();
    let (dns_host, dns_port) = (name_server.ip(), name_server.port());
    let level = if kept() { "debug" } else { "info" };
    let certificates = certificates.display();
    let ca_file = ca_file.display();
    // The folder of certificates serves direct TLS, which finds a host's certificate there by its name.
    // libunbound answers for `.test` itself unless the zone is transparent, and asks nobody on loopback
    // unless it is told that it may.
    format!(
        r#"run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
certificates = "{certificates}"
log = {{ {{ to = "file"; filename = "{folder}/prosody.log"; levels = {{ min = "{level}" }} }} }}
interfaces = {{ "{address}" }}
c2s_ports = {{ 5222 }}
c2s_direct_tls_ports = {{ 5223 }}
s2s_ports = {{ 5269 }}
modules_enabled = {{
    "roster"; "saslauth"; "tls"; "dialback"; "disco"; "ping"; "version"; "smacks"; "carbons"; "blocklist"; "offline";
    "limits";
}}
unbound = {{
    resolvconf = false; hoststxt = false; forward = "{dns_host}@{dns_port}";
    options = {{ ["local-zone"] = "test. transparent"; ["do-not-query-localhost"] = "no" }};
}}
c2s_require_encryption = true
s2s_require_encryption = true
s2s_secure_auth = true
authentication = "internal_hashed"
storage = "internal"
ssl = {{ cafile = "{ca_file}" }}

"#
    )
}

/// Writes the accounts of a domain where Prosody's internal storage reads them; a plain password there is
/// hashed on its first use.
fn register(folder: &Path, domain: &str) {
    let host = folder.join("data").join(store_name(domain));
    std::fs::create_dir_all(host.join("accounts")).unwrap();
    for user in USERS.iter().chain([&BLOCKER, &BARRED]) {
        let account = format!("return {{ [\"password\"] = \"{PASSWORD}\" }};\n");
        std::fs::write(host.join("accounts").join(format!("{user}.dat")), account).unwrap();
    }
    std::fs::create_dir_all(host.join("blocklist")).unwrap();
    let blocked = format!("return {{ [\"kenmyer@{LITWARE}\"] = true; [\"kenmyer@{CONTOSO}\"] = true }};\n");
    std::fs::write(host.join("blocklist").join(format!("{BLOCKER}.dat")), blocked).unwrap();
}

/// A name as Prosody's internal storage writes it: everything but letters and digits percent-encoded.
fn store_name(name: &str) -> String {
    name.bytes().fold(String::new(), |mut stored, byte| {
        if byte.is_ascii_alphanumeric() {
            stored.push(char::from(byte));
        } else {
            write!(stored, "%{byte:02x}").unwrap();
        }
        stored
    })
}
