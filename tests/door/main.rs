//! The door for delegated administrators, with the real sshd and the real sudo, before somebody who is
//! clever, patient and hostile, has a shell on the same machine, and has read the source.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/mod.rs"]
mod support;
mod machine;
mod sudo;
mod ssh;
mod limits;
mod drive;
mod setup;
mod terminal;
mod hostile;
mod verify;

/// A desk for one pool, an administrator, and a principal without a role; for sudo and for ssh.
fn topology(keys: &[(&str, &str)]) -> String {
    let principals: String = keys
        .iter()
        .map(|(name, key)| format!("[[access.principal]]\nname = \"{name}\"\nkeys = [\"{key}\"]\n"))
        .collect();
    let members = |role: &str, os_user: &str| {
        let named =
            keys.iter().filter(|(name, _)| *name == role).map(|(name, _)| format!(", \"principal:{name}\""));
        format!("members = [\"os-user:{os_user}\"{}]\n", named.collect::<String>())
    };
    format!(
        "{TOPOLOGY}{principals}[[access.assignment]]\nrole = \"Desk\"\n{}[[access.assignment]]\nrole = \
         \"Administrator\"\n{}",
        members("desk", "kim"),
        members("boss", "ada"),
    )
}

const TOPOLOGY: &str = r#"
[[pool]]
identity = "a.litwareinc.com"
site = "Redmond"
domains = ["litwareinc.com"]
servers = ["127.0.0.1:1"]
test_users = ["sip:kenmyer@litwareinc.com"]

[[pool]]
identity = "b.fabrikam.com"
site = "Dublin"
domains = ["fabrikam.com"]

[[partner]]
domain = "contoso.com"

[audit]
syslog = "off"
must_reach_disk = false

[access]
[[access.role]]
identity = "Desk"
template = "HelpDesk"
config_scopes = ["site:Redmond"]
user_scopes = ["domain:contoso.com"]
"#;
