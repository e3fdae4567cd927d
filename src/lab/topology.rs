//! The practice network's topology document: a real one, which the cmdlets read and change.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::partners::PARTNERS;
use super::pools::{LabPool, POOLS};

/// The document. `ca_file` is written relative to it.
pub(super) fn document(name_server: SocketAddr, ca_file: &str) -> String {
    let mut text = String::from(HEAD);
    let _ = write!(text, "\n[resolver]\nname_servers = [\"{name_server}\"]\n");
    for pool in POOLS {
        write_pool(&mut text, pool, ca_file);
    }
    for partner in PARTNERS {
        let receivers: Vec<String> = partner
            .receivers
            .iter()
            .filter(|receiver| receiver.exists)
            .map(|receiver| format!("\"{}@{}\"", receiver.name, partner.domain))
            .collect();
        let shows = partner.receivers.first().map_or("", |receiver| receiver.lesson.shows);
        let _ = write!(
            text,
            "\n[[partner]]                              # {shows}\ndomain = \"{}\"\n",
            partner.domain
        );
        let _ = writeln!(text, "receivers = [{}]", receivers.join(", "));
        if let Some(evidence) = partner.minimum_evidence {
            let _ = writeln!(text, "minimum_evidence = \"{evidence}\"");
        }
    }
    text.push_str(WATCHES);
    text
}

fn write_pool(text: &mut String, pool: &LabPool, ca_file: &str) {
    let users: Vec<String> =
        pool.test_users().iter().map(|user| format!("\"sip:{user}@{}\"", pool.domain)).collect();
    let _ = write!(
        text,
        "\n[[pool]]                                 # {}\nidentity = \"{}\"\nsite = \"{}\"\ndomains = [\"{}\"]\n",
        pool.lesson.shows, pool.identity, pool.site, pool.domain
    );
    if !pool.settings.starts_with("ca_file") {
        let _ = writeln!(text, "ca_file = \"{ca_file}\"");
    }
    if !pool.settings.is_empty() {
        let _ = writeln!(text, "{}", pool.settings);
    }
    if !users.is_empty() {
        let _ = writeln!(text, "test_users = [{}]", users.join(", "));
    }
}

/// Deadlines are short: nobody wants to wait half a minute for a pool that is known to be silent.
const HEAD: &str = "\
# The practice network of imsh. It exists as long as the command that started it,
# and so does this file. Every account's password is `practice`.

[gateway]
resolve_timeout = \"2s\"
connect_timeout = \"2s\"
secure_timeout = \"2s\"
authenticate_timeout = \"2s\"
bind_timeout = \"2s\"
deliver_timeout = \"5s\"
timeout = \"15s\"
";

/// A watcher on the practice network sees everything there is to see within a minute or two.
const WATCHES: &str = "
[[watch]]                                # every partner from two healthy pools
identity = \"every partner\"
pools = [\"atl-cs-001.litwareinc.com\", \"dub-cs-001.fabrikam.com\"]
every = \"1m\"

[[watch]]                                # every pool by itself
identity = \"every pool\"
tests = [\"Registration\"]
every = \"2m\"

[[notify]]                               # paused; Set-WatcherNotification practice -Enabled:$true
identity = \"practice\"
kind = \"exec\"
command = [\"/bin/cat\"]
enabled = false
";
