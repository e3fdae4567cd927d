//! A delegated administrator, clever and hostile, at the program: what is refused, and that every
//! refusal is the same.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;

use tempfile::TempDir;

/// A desk of the site Redmond that somebody has given more cmdlets than it should have.
fn desk() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let topology = TOPOLOGY.replace("USER", &user);
    std::fs::write(home.path().join("topology.toml"), topology).unwrap();
    home
}

const TOPOLOGY: &str = r#"
[[pool]]
identity = "a.litwareinc.com"
site = "Redmond"
domains = ["litwareinc.com"]

[[pool]]
identity = "b.fabrikam.com"
aliases = ["bee.fabrikam.com"]
site = "Dublin"
domains = ["fabrikam.com"]
servers = ["192.0.2.7:5222"]
test_users = ["sip:kim@fabrikam.com"]

[[partner]]
domain = "contoso.com"

[access]
[[access.role]]
identity = "Desk"
template = "ServerAdministrator"
add_cmdlets = ["Grant-AdminRole", "Revoke-AdminRole", "Out-File"]
config_scopes = ["site:Redmond"]
user_scopes = ["domain:contoso.com"]

[[access.assignment]]
role = "Desk"
members = ["os-user:USER"]

[[access.assignment]]
role = "Administrator"
members = ["os-user:nobody-here"]
"#;

/// What the program says of a command, and its exit status.
fn run(home: &TempDir, code: &str) -> (String, Option<i32>) {
    let program = Command::new(env!("CARGO_BIN_EXE_imsh"))
        .args(["--topology", "topology.toml", "-c", code])
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .output()
        .unwrap();
    let said = [program.stdout, program.stderr].concat();
    (String::from_utf8(said).unwrap(), program.status.code())
}

#[test]
fn every_way_around_the_gate_is_refused_with_the_same_words() {
    let home = desk();
    std::fs::write(home.path().join("library.rhai"), "fn look() { Get-Pool b.fabrikam.com }").unwrap();
    let before = std::fs::read(home.path().join("topology.toml")).unwrap();
    for code in [
        "Get-Pool b.fabrikam.com",
        "Get-Pool missing.example",
        "Get-CsPool BEE.fabrikam.com.",
        "get_pool(\"b.fabrikam.com\")",
        "Test-CsXmppIM 192.0.2.7:5222 a@contoso.com",
        "Test-XmppIM a.litwareinc.com,b.fabrikam.com a@contoso.com",
        "Test-XmppIM a.litwareinc.com a@contoso.com,a@fabrikam.com",
        "Test-XmppIM a.litwareinc.com a@contoso.com -rp 5222",
        "Test-XmppIM a.litwareinc.com a@contoso.com -UserSip kim@fabrikam.com",
        "Test-Registration b.fabrikam.com",
        "Test-Topology b.fabrikam.com",
        "Test-CsTopology -Pool a.litwareinc.com -Partner fabrikam.com",
        "Test-CsRegistration a.litwareinc.com -RegistrarPort 5222",
        "Test-Registration a.litwareinc.com -UserSipAddress kim@fabrikam.com",
        "@(\"a.litwareinc.com\", \"b.fabrikam.com\") | Test-Registration",
        "Test-FederatedPartner -Domain fabrikam.com",
        "Test-CsFederatedPartner contoso.com,unlisted.example a.litwareinc.com",
        "Test-FederatedPartner contoso.com b.fabrikam.com",
        "Test-FederatedPartner -Domain contoso.com -ProxyFqdn 192.0.2.9",
        "@(\"contoso.com\", \"fabrikam.com\") | Test-FederatedPartner",
        "Get-TestUserCredential kim@fabrikam.com",
        "Grant-AdminRole Administrator os-user:root",
        "Revoke-AdminRole Administrator os-user:nobody-here -Confirm:$false",
        "\"x\" | Out-File taken",
        "\"x\" | Tee-Object -FilePath taken",
        "Get-Credential k -FromFile topology.toml",
        "Get-Credential k -FromEnvironment HOME",
        "Set-Pool a.litwareinc.com -Site Dublin",
        "Set-Pool a.litwareinc.com -Servers 192.0.2.9",
        "set_pool(#{identity: \"a.litwareinc.com\", allow_plain: true})",
        "let p = #{Identity: \"b.fabrikam.com\", Description: \"x\"}; Set-Pool @p",
        "\"b.fabrikam.com\" | ForEach-Object { Get-Pool $_ }",
        "Get-Pool b.fabrikam.com -OutVariable seen",
        "Get-Pool b.fabrikam.com -ErrorAction SilentlyContinue",
        "gEt-pOoL b.fabrikam.com | Format-List *",
        "@(\"a.litwareinc.com\", \"b.fabrikam.com\") | ForEach-Object -Parallel { Get-Pool $_ }",
        "let look = || Get-Pool b.fabrikam.com; look.call()",
        "fn look() { get_pool(\"b.fabrikam.com\") } look()",
        "import \"library\" as library; library::look()",
        "Measure-Command { Get-Pool b.fabrikam.com }",
        "'[{\"Identity\": \"b.fabrikam.com\"}]' | ConvertFrom-Json | Set-Pool -Description x",
        "Test-XmppIM a.litwareinc.com a@contoso.com -UserSip kim@fabrikam.com -OutLoggerVariable log",
        "Get-Content topology.toml",
        "Start-Transcript taken",
        "Get-AuditLog",
        "New-AdminRole Wide -Template ServerAdministrator",
        "Set-AdminRole Desk -ConfigScopes global",
        "New-Pool c.example -Domains c.example",
        "New-XmppAllowedPartner evil.example",
        "Set-XmppAllowedPartner contoso.com -AdditionalDomains @{Add=\"evil.example\"}",
    ] {
        let (said, status) = run(&home, code);
        assert_eq!(status, Some(3), "{code}\n{said}");
        assert!(said.contains("You have no role that allows this call of"), "{code}\n{said}");
    }
    assert_eq!(std::fs::read(home.path().join("topology.toml")).unwrap(), before);
    assert!(!home.path().join("taken").exists());
}

#[test]
fn what_is_out_of_scope_is_not_there() {
    let home = desk();
    assert_eq!(run(&home, "(Get-Pool).Identity").0.trim(), "a.litwareinc.com");
    let roles = run(&home, "(Get-AdminRole).Identity").0;
    assert!(roles.contains("Desk") && !roles.contains("nobody"), "{roles}");
    let (hidden, missing) =
        (run(&home, "Get-Pool b.fabrikam.com").0, run(&home, "Get-Pool x.fabrikam.com").0);
    assert_eq!(hidden.replace("b.fabrikam.com", "x.fabrikam.com"), missing);
}

#[test]
fn what_the_role_covers_is_done_and_written_down() {
    let home = desk();
    let (said, status) = run(&home, "Set-Pool a.litwareinc.com -Description ok; (Get-Pool).Description");
    assert_eq!((said.trim(), status), ("ok", Some(0)));
    run(&home, "Get-Pool b.fabrikam.com");
    assert_eq!(run(&home, "(Test-AuditLog).Result").0.trim(), "Success");
    let log = std::fs::read_to_string(home.path().join("audit").join("imsh.jsonl")).unwrap();
    assert!(log.contains("refused") && log.contains("b.fabrikam.com"), "{log}");
}

#[test]
fn without_an_audit_nothing_runs() {
    let home = desk();
    std::fs::write(home.path().join("audit"), "not a directory").unwrap();
    let (said, status) = run(&home, "(Get-Pool).Identity");
    assert!(said.contains("AuditUnwritable") && status != Some(0), "{said}");
    assert!(!said.contains("a.litwareinc.com\n"), "{said}");
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("topology.toml"), "# ours\n[gateway]\ntimeout = \"60s\"\n").unwrap();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let home = &home;
            scope.spawn(move || run(home, &format!("New-XmppAllowedPartner p{n}.example")));
        }
    });
    let after = std::fs::read_to_string(home.path().join("topology.toml")).unwrap();
    for n in 0..6 {
        assert!(after.contains(&format!("p{n}.example")), "{after}");
    }
    assert!(after.contains("# ours"), "{after}");
}
