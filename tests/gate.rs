//! A delegated administrator, clever and hostile, at the program: what is refused, and that every
//! refusal is the same.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use imsh::internals::access::audit;
use imsh::internals::lab::Lab;
use support::{imsh, imsh_at};
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
    program(home, None, &["--topology", "topology.toml", "-c", code])
}

/// The program, where a variable of sudo's or the like names its caller.
fn program(home: &TempDir, caller: Option<(&str, &str)>, arguments: &[&str]) -> (String, Option<i32>) {
    let program = imsh_at(home.path())
        .args(arguments)
        .current_dir(home.path())
        .envs(caller)
        .stdin(Stdio::null())
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
        "Test-XmppPing a.litwareinc.com fabrikam.com",
        "Test-XmppPing b.fabrikam.com contoso.com",
        "Test-XmppPing a.litwareinc.com contoso.com -UserSipAddress kim@fabrikam.com",
        "Test-XmppPing a.litwareinc.com contoso.com -RegistrarPort 5222",
        "Test-XmppPing a.litwareinc.com contoso.com,unlisted.example",
        "@(\"contoso.com\", \"fabrikam.com\") | Test-XmppPing a.litwareinc.com",
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
        "Test-AuditLog",
        "New-AdminRole Wide -Template ServerAdministrator",
        "Set-AdminRole Desk -ConfigScopes global",
        "New-Pool c.example -Domains c.example",
        "New-XmppAllowedPartner evil.example",
        "Set-XmppAllowedPartner contoso.com -AdditionalDomains @{Add=\"evil.example\"}",
        "Remove-HealthMonitoringConfiguration a.litwareinc.com -Confirm:$false",
        "\"a.litwareinc.com\" | Remove-CsHealthMonitoringConfiguration -Confirm:$false",
        "\"b.fabrikam.com\" | Get-Pool",
        "\"fabrikam.com\" | Get-XmppAllowedPartner",
    ] {
        let (said, status) = run(&home, code);
        assert_eq!(status, Some(3), "{code}\n{said}");
        assert!(said.contains("You have no role that allows this call of"), "{code}\n{said}");
    }
    assert_eq!(std::fs::read(home.path().join("topology.toml")).unwrap(), before);
    assert!(!home.path().join("taken").exists());
}

/// Writes a file that its owner alone may change.
fn write(home: &TempDir, name: &str, text: &str) {
    let file = home.path().join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    for (place, mode) in [(file.parent().unwrap(), 0o755), (file.as_path(), 0o644)] {
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Adds lines to the role.
fn with(home: &TempDir, lines: &str) {
    let file = home.path().join("topology.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    write(home, "topology.toml", &text.replace("config_scopes", &format!("{lines}\nconfig_scopes")));
}

#[test]
fn no_file_is_read_by_its_name_for_a_module() {
    let home = desk();
    write(&home, "vault/vault.key", "AGE-SECRET-KEY-1SWORDFISH\n");
    write(&home, "scripts/there.rhai", "fn look() { 1 } swordfish swordfish");
    with(&home, "script_modules = [\"other.rhai\", \"missing.rhai\"]");
    let mut refusals = Vec::new();
    for name in [
        "vault/vault.key",
        "vault/vault",
        "../scripts/there",
        "scripts/there",
        "there",
        "there.rhai",
        "not-there",
        "topology.toml",
        "audit/imsh.jsonl",
        "/etc/passwd",
        "other.rhai:look",
        "./other",
        "",
    ] {
        let (said, status) = run(&home, &format!("import \"{name}\" as m"));
        assert_eq!(status, Some(3), "{name}\n{said}");
        assert!(!said.to_lowercase().contains("swordfish"), "{said}");
        refusals.push(said.replace(&format!("\"{name}\""), "NAME"));
    }
    assert!(refusals.iter().all(|said| *said == refusals[0]), "{refusals:#?}");
    let log = std::fs::read_to_string(home.path().join("audit/imsh.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("no role lists the script")).count(), refusals.len());
    let (said, status) = run(&home, "import \"missing\" as m");
    assert!(said.contains("has no script 'missing.rhai'") && status == Some(4), "{said}");
}

#[test]
fn a_script_of_the_library_is_run_by_those_whose_role_lists_it() {
    let home = desk();
    write(
        &home,
        "scripts/desk.rhai",
        "private fn one() { get_pool() }\nfn look() { one() }\nfn more() { get_pool(\"b.fabrikam.com\") }\n\
         export let every = || get_pool();",
    );
    let look = "import \"desk\" as desk; desk::look().identity";
    assert_eq!(run(&home, look).1, Some(3));
    with(&home, "script_modules = [\"desk.rhai:look\"]");
    assert_eq!(run(&home, look), ("a.litwareinc.com\n".to_owned(), Some(0)));
    for code in ["desk::more()", "desk::one()", "desk::every.call()"] {
        let (said, status) = run(&home, &format!("import \"desk\" as desk; {code}"));
        assert!(status == Some(2) && !said.contains("litwareinc"), "{code}\n{said}");
    }
    with(&home, "# Everything.");
    let text = std::fs::read_to_string(home.path().join("topology.toml")).unwrap();
    write(&home, "topology.toml", &text.replace("desk.rhai:look", "desk.rhai"));
    assert_eq!(run(&home, "import \"desk.rhai\" as desk; desk::look().identity").1, Some(0));
    // A script gives leave to nothing.
    let (said, status) = run(&home, "import \"desk\" as desk; desk::more()");
    assert!(said.contains("no role that allows this call of Get-Pool") && status == Some(3), "{said}");
    assert!(!said.contains("private fn") && !said.contains("fn more"), "{said}");
    for (place, mode) in [("scripts/desk.rhai", 0o666), ("scripts", 0o777)] {
        let own = std::fs::metadata(home.path().join(place)).unwrap().permissions();
        let others_write = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(home.path().join(place), others_write).unwrap();
        let (said, status) = run(&home, look);
        assert!(said.contains("ScriptNotTrusted") && status == Some(3), "{said}");
        std::fs::set_permissions(home.path().join(place), own).unwrap();
    }
    write(&home, "scripts/desk.rhai", "let swordfish = ;");
    let (said, _) = run(&home, look);
    assert!(said.contains("has a mistake on line 1") && !said.contains("swordfish"), "{said}");
    write(&home, "elsewhere/secret.rhai", "fn look() { 1 }");
    std::fs::remove_file(home.path().join("scripts/desk.rhai")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/secret.rhai", home.path().join("scripts/desk.rhai")).unwrap();
    assert_eq!(run(&home, look).1, Some(4));
}

/// Whatever the caller names, and however: the refusal comes before the command line is read.
#[test]
fn behind_sudo_nothing_runs_but_a_session() {
    let home = desk();
    write(&home, "secret", "swordfish is = the password\n");
    for arguments in [
        &[][..],
        &["--version", "-c", "Get-Pool"],
        &["-c", "Get-Pool"],
        &["--topology", "topology.toml", "-c", "Get-Pool"],
        &["--topology", "/dev/stdin", "-c", "Get-Pool"],
        &["--topology", "topology.toml", "run", "-", "--topology", "/dev/stdin"],
        &["run", "secret", "-c", "\"x\" | Out-File taken"],
        &["run", "secret"],
        &["lint", "secret"],
        &["lint", "-"],
        &["respond", "a@c.example", "--password-file", "secret"],
        &["-c", "Get-Pool", "--vault", "vault"],
        &["--lab", "-c", "\"x\" | Out-File taken"],
        &["--no-such-option"],
    ] {
        for (variable, caller) in
            [("SUDO_USER", "daemon"), ("SUDO_UID", "4242"), ("DOAS_USER", "daemon"), ("PKEXEC_UID", "4242")]
        {
            let (said, status) = program(&home, Some((variable, caller)), arguments);
            assert_eq!(status, Some(3), "{variable} {arguments:?}\n{said}");
            assert!(said.contains("behind sudo, doas or pkexec nothing runs but imsh session"), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    assert!(!home.path().join("taken").exists() && !home.path().join("audit").exists());
}

#[test]
fn who_calls_it_as_the_account_itself_is_not_behind_sudo() {
    let home = desk();
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap();
    let uid = user.uid.to_string();
    for caller in [("SUDO_USER", user.name.as_str()), ("SUDO_UID", &uid), ("SUDO_USER", "")] {
        let arguments = ["--topology", "topology.toml", "-c", "(Get-Pool).Identity"];
        let (said, status) = program(&home, Some(caller), &arguments);
        assert_eq!((said.trim(), status), ("a.litwareinc.com", Some(0)));
    }
}

#[test]
fn what_is_beside_the_topology_is_beside_the_file_itself() {
    let home = desk();
    write(&home, "elsewhere/other.toml", "");
    let link = home.path().join("elsewhere/link.toml");
    std::os::unix::fs::symlink("../topology.toml", &link).unwrap();
    let (said, status) =
        program(&home, None, &["--topology", "elsewhere/link.toml", "-c", "(Get-Pool).Identity"]);
    assert_eq!((said.trim(), status), ("a.litwareinc.com", Some(0)));
    let is_there = |name: &str| Path::exists(&home.path().join(name));
    assert!(is_there("audit/imsh.jsonl") && !is_there("elsewhere/audit"));
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

/// Whoever could give a principal a role of their own and then set its keys would be that principal, with
/// whatever it is given later. A principal that has nothing that one's own role covers is out of reach, and the
/// answer does not tell whether it is there.
#[test]
fn nobody_takes_over_a_principal_by_giving_it_a_role() {
    let home = desk();
    let file = home.path().join("topology.toml");
    let key = |name: &str, letter: char| {
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} {name}@desk", letter.to_string().repeat(43))
    };
    let listed = |name: &str, letter| {
        format!("[[access.principal]]\nname = \"{name}\"\nkeys = [\"{}\"]\n", key(name, letter))
    };
    let assigned = |role: &str, member: &str| {
        format!("[[access.assignment]]\nrole = \"{role}\"\nmembers = [\"{member}\"]\n")
    };
    let text = std::fs::read_to_string(&file).unwrap().replace(
        "add_cmdlets = [\"Grant-AdminRole\", ",
        "add_cmdlets = [\"New-AdminPrincipal\", \"Set-AdminPrincipal\", \"Remove-AdminPrincipal\", \"Grant-AdminRole\", ",
    );
    let entries = [
        listed("idle", 'A'),
        listed("boss", 'B'),
        listed("both", 'C'),
        listed("own", 'D'),
        listed("locked", 'E'),
        assigned("Administrator", "principal:boss"),
        assigned("Administrator", "principal:both"),
        assigned("Desk", "principal:both"),
        assigned("Desk", "principal:own"),
        assigned("Desk", "principal:locked"),
    ];
    let text = (text + entries.concat().as_str())
        .replace("[access]\n", "[access]\nlocked = [\"principal:locked\"]\n");
    std::fs::write(&file, &text).unwrap();
    let mine = key("mine", 'F');
    let mut answers = Vec::new();
    for name in ["idle", "boss", "both", "locked", "nobody"] {
        for code in [
            format!("Grant-AdminRole Desk principal:{name}"),
            format!("Set-AdminPrincipal {name} -Keys \"{mine}\""),
            format!("Set-AdminPrincipal {name} -Keys @{{Add=\"{mine}\"}}"),
            format!("Remove-AdminPrincipal {name} -Confirm:$false"),
            format!("Grant-AdminRole Desk principal:{name} -WhatIf"),
        ] {
            let (said, status) = run(&home, &code);
            assert_eq!(status, Some(3), "{code}\n{said}");
            answers.push(said.replace(name, "NAME"));
        }
    }
    for name in ["idle", "boss", "both", "locked"] {
        for code in [
            format!("New-AdminPrincipal {name} -Keys \"{mine}\""),
            format!("New-AdminPrincipal {name} -Keys \"{mine}\" -Role Desk"),
        ] {
            let (said, status) = run(&home, &code);
            assert_eq!(status, Some(3), "{code}\n{said}");
        }
    }
    // Somebody else's key in a principal of one's own, and more than one's own role.
    for code in [
        format!("New-AdminPrincipal fresh -Keys \"{}\" -Role Desk", key("x", 'B')),
        format!("New-AdminPrincipal fresh -Keys \"{}\"", key("x", 'A')),
        format!("New-AdminPrincipal fresh -Keys \"{mine}\" -Role Administrator"),
        format!("New-AdminPrincipal fresh -Keys \"{mine}\" -Role NoSuchRole"),
    ] {
        let (said, status) = run(&home, &code);
        assert_eq!(status, Some(3), "{code}\n{said}");
    }
    let kinds = answers.len() / 5;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, answers[n % kinds], "the answer tells whether it is there");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    // What the role covers is in reach.
    for code in [
        format!("Set-AdminPrincipal own -Keys \"{mine}\""),
        format!("New-AdminPrincipal fresh -Keys \"{}\" -Role Desk", key("fresh", 'G')),
        format!("Set-AdminPrincipal fresh -Keys \"{}\"", key("fresh", 'H')),
        "Grant-AdminRole Desk os-user:kim".to_owned(),
    ] {
        let (said, status) = run(&home, &code);
        assert_eq!(status, Some(0), "{code}\n{said}");
    }
}

/// Two roles that have nothing to do with each other do not let one test use a pool of each. Nobody else logs
/// on as the receiver, so that without the second logon the message comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_logs_on_as_its_receiver_where_one_role_covers_both_pools() {
    let lab = Lab::start().await.unwrap();
    let practice = std::fs::read_to_string(lab.topology()).unwrap();
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let role = |name: &str, pools: &str, users: &str| {
        format!(
            "[[access.role]]\nidentity = \"{name}\"\ntemplate = \"HelpDesk\"\nconfig_scopes = [{pools}]\n\
             user_scopes = [{users}]\n[[access.assignment]]\nrole = \"{name}\"\nmembers = [\"os-user:{user}\"]\n"
        )
    };
    let (atl, dub) = ("\"pool:atl-cs-001.litwareinc.com\"", "\"pool:dub-cs-001.fabrikam.com\"");
    let both = format!("{atl}, {dub}");
    for (roles, wanted) in [
        (vec![role("One", &both, "\"domain:fabrikam.com\"")], "Exchanged"),
        (vec![role("Atl", atl, "\"global\"")], "AcceptedByPool"),
        (vec![role("Atl", atl, "\"global\""), role("Dub", dub, "\"domain:fabrikam.com\"")], "AcceptedByPool"),
        (
            vec![role("Atl", atl, "\"domain:fabrikam.com\""), role("Both", &both, "\"domain:contoso.com\"")],
            "AcceptedByPool",
        ),
    ] {
        let topology = lab.directory().join("roles.toml");
        std::fs::write(&topology, format!("{practice}\n[access]\n{}", roles.concat())).unwrap();
        let program = tokio::process::Command::from(imsh())
            .args(["--topology", "roles.toml", "--vault", ".", "-c"])
            .arg("(Test-XmppIM atl-cs-001.litwareinc.com phyllis@fabrikam.com).Evidence")
            .current_dir(lab.directory())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8([program.stdout, program.stderr].concat()).unwrap();
        assert_eq!(said.trim(), wanted, "{roles:?}");
    }
}

#[test]
fn what_the_role_covers_is_done_and_written_down() {
    let home = desk();
    let (said, status) = run(&home, "Set-Pool a.litwareinc.com -Description ok; (Get-Pool).Description");
    assert_eq!((said.trim(), status), ("ok", Some(0)));
    run(&home, "Get-Pool b.fabrikam.com");
    let path = home.path().join("audit").join("imsh.jsonl");
    assert!(
        audit::verify(&audit::AuditLog::new(
            &path,
            imsh::internals::topology::AuditTable::default().settings()
        ))
        .is_ok()
    );
    let log = std::fs::read_to_string(path).unwrap();
    assert!(log.contains("refused") && log.contains("b.fabrikam.com"), "{log}");
}

#[test]
fn a_role_that_names_what_is_not_there_is_told_to_who_may_read_it() {
    for (line, wanted) in [
        (
            "remove_cmdlets = [\"Get-Pol\"]",
            "topology.toml:23:19: access.role.remove_cmdlets: there is no cmdlet Get-Pol (did you mean Get-Pool?)",
        ),
        (
            "limit = [{cmdlet = \"Test-XmppIM\", parameter = \"Bdy\", values = []}]",
            "access.role.limit.parameter: Test-XmppIM has no parameter \"Bdy\" (did you mean Body?)",
        ),
    ] {
        let home = desk();
        with(&home, line);
        let (said, status) = run(&home, "Get-Pool");
        assert!(said.contains(wanted) && status == Some(2), "{said}");
    }
}

#[test]
fn a_limit_on_a_span_of_time_holds_for_each_way_to_write_it() {
    let home = desk();
    let file = home.path().join("topology.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let limit =
        "[[access.role.limit]]\ncmdlet = \"Test-XmppIM\"\nparameter = \"Timeout\"\nvalues = [\"10s\"]\n";
    let text = text.replacen("[[access.assignment]]", &format!("{limit}\n[[access.assignment]]"), 1);
    std::fs::write(&file, text).unwrap();
    for (written, is_allowed) in
        [("10s", true), ("10", true), ("00:00:10", true), ("11s", false), ("1", false)]
    {
        let (said, status) =
            run(&home, &format!("Test-XmppIM a.litwareinc.com a@contoso.com -Timeout {written}"));
        assert_eq!(status == Some(3), !is_allowed, "{written}\n{said}");
    }
}

/// A watch sends what its maker may not, again and again.
#[test]
fn a_watch_is_made_and_changed_by_roles_for_everybody_alone() {
    let home = desk();
    let file = home.path().join("topology.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let scopes = |users: &str| {
        let roles = text.replace("[\"site:Redmond\"]", "[\"global\"]").replace("domain:contoso.com", users);
        std::fs::write(&file, roles).unwrap();
    };
    let made = "New-WatcherNodeConfiguration hourly -Receivers boss@adatum.com";
    let changed = "Set-WatcherNodeConfiguration hourly -Receivers ceo@adatum.com";
    scopes("domain:contoso.com");
    for code in [made, changed] {
        let (said, status) = run(&home, code);
        assert_eq!(status, Some(3), "{code}\n{said}");
    }
    scopes("global");
    for code in [made, changed] {
        let (said, status) = run(&home, code);
        assert_eq!(status, Some(0), "{code}\n{said}");
    }
}

#[test]
fn a_password_in_a_credentials_place_is_not_said_again() {
    let home = tempfile::tempdir().unwrap();
    write(
        &home,
        "topology.toml",
        "[[pool]]\nidentity = \"a.x\"\ndomains = [\"x.y\"]\ntest_users = [\"k@x.y\"]\n",
    );
    for code in [
        "Set-TestUserCredential k@x.y (\"sword\" + \"fish\")",
        "Test-XmppIM a.x k@x.y -UserCredential (\"sword\" + \"fish\")",
    ] {
        let (said, status) = run(&home, code);
        assert!(said.contains("it is an object from Get-Credential") && status == Some(2), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
    }
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
    std::fs::create_dir(home.path().join("links")).unwrap();
    std::os::unix::fs::symlink("../topology.toml", home.path().join("links/t.toml")).unwrap();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let home = &home;
            let name = ["topology.toml", "links/t.toml"][n % 2];
            let code = format!("New-XmppAllowedPartner p{n}.example");
            scope.spawn(move || program(home, None, &["--topology", name, "-c", &code]));
        }
    });
    let after = std::fs::read_to_string(home.path().join("topology.toml")).unwrap();
    for n in 0..6 {
        assert!(after.contains(&format!("p{n}.example")), "{after}");
    }
    assert!(after.contains("# ours"), "{after}");
}
