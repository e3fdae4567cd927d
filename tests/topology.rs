//! Changing the topology from the command line: what is written, what is refused, and that what
//! nobody touched stays as it was.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::path::PathBuf;
use std::process::Stdio;

use imsh::internals::cmdlet::parameter::NoParameter;
use nix::fcntl::{Flock, FlockArg};
use support::{imsh_at, imsh_without_topology};
use tempfile::TempDir;

/// A directory with a topology in it, and the program run there.
struct Home(TempDir);

impl Home {
    fn with(topology: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::write(home.file(), topology).unwrap();
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("topology.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// What the program says of a command, and its exit status.
    fn run(&self, code: &str) -> (String, Option<i32>) {
        said(self.0.path(), &["--topology", "topology.toml", "-c", code])
    }

    /// What a command prints that must succeed.
    fn done(&self, code: &str) -> String {
        let (said, status) = self.run(code);
        assert_eq!(status, Some(0), "{code}\n{said}");
        said.trim().to_owned()
    }

    /// What a command says that must not succeed, and must leave the file alone.
    fn refused(&self, code: &str) -> String {
        let before = self.text();
        let (said, status) = self.run(code);
        assert!(status != Some(0), "{code}\n{said}");
        assert_eq!(self.text(), before, "{code}");
        said
    }

    /// The lines that a command has taken from the file, with `-`, and put into it, with `+`.
    fn changed(&self, code: &str) -> Vec<String> {
        let before = self.text();
        self.done(code);
        let after = self.text();
        let only_in = |one: &str, other: &str, sign: char| -> Vec<String> {
            let other: Vec<&str> = other.lines().collect();
            one.lines().filter(|line| !other.contains(line)).map(|line| format!("{sign}{line}")).collect()
        };
        [only_in(&before, &after, '-'), only_in(&after, &before, '+')].concat()
    }
}

fn said(directory: &std::path::Path, arguments: &[&str]) -> (String, Option<i32>) {
    told(imsh_at(directory).args(arguments).current_dir(directory))
}

fn told(program: &mut std::process::Command) -> (String, Option<i32>) {
    let program = program.output().unwrap();
    let said = [program.stdout, program.stderr].concat();
    (String::from_utf8(said).unwrap(), program.status.code())
}

const TOPOLOGY: &str = r#"# Maintained by the messaging team.

# Redmond first.
[[pool]]
identity = "a.litwareinc.com"   # the old cluster
site = "Redmond"
domains = ["litwareinc.com"]
test_users = [
    "sip:kenmyer@litwareinc.com",  # Ken
    "sip:pilar@litwareinc.com",    # Pilar
]

# Dublin.
[[pool]]
identity = "b.litwareinc.com"
site = "Dublin"
domains = ["litwareinc.ie"]

# Partners are agreed upon by mail.
[[partner]]
domain = "contoso.com"
additional_domains = ["chat.contoso.com"]
"#;

#[test]
fn each_record_of_a_pipe_is_changed() {
    let home = Home::with(TOPOLOGY);
    assert_eq!(
        home.changed("Get-Pool | Set-Pool -Description x"),
        ["+description = \"x\"", "+description = \"x\""]
    );
    assert_eq!(
        home.changed("Get-Pool -Site Dublin | Set-Pool -Site Cork"),
        ["-site = \"Dublin\"", "+site = \"Cork\""]
    );
    assert_eq!(
        home.changed("Write-Output a.litwareinc.com | Set-Pool -Description $null"),
        Vec::<String>::new()
    );
    assert_eq!(home.text().matches("description").count(), 1);
    let said = home.done("Get-XmppAllowedPartner chat.contoso.com | Remove-XmppAllowedPartner -WhatIf");
    let removal = "What if: Performing the operation \"Remove the partner\" on target \"contoso.com\".\n    \
        additional_domains: [\"chat.contoso.com\"] -> not set";
    assert_eq!(said, removal);
    assert_eq!(home.done("Get-Pool -Filter nothing* | Remove-Pool"), "");
    home.done("Get-Pool | Remove-Pool -Confirm:$false");
    assert_eq!(home.done("(Get-Pool).len()"), "0");
}

#[test]
fn a_record_that_cannot_be_changed_keeps_no_other_from_it() {
    let home = Home::with(TOPOLOGY);
    let code = "Write-Output a.litwareinc.com missing.example b.litwareinc.com | Set-Pool -Description x";
    let (said, status) = home.run(code);
    assert!(said.contains("There is no pool 'missing.example'.") && status == Some(4), "{said}");
    assert_eq!(home.text().matches("description = \"x\"").count(), 2);
    let home = Home::with(TOPOLOGY);
    let (_, status) = home.run(&format!("{code} -ErrorAction Stop"));
    assert_eq!((status, home.text().matches("description").count()), (Some(4), 1));
    let names = "Write-Output x.example a.litwareinc.com y.example";
    let code = format!("{names} | Set-Pool -Description y -ErrorVariable failed; failed.len()");
    assert!(home.run(&code).0.starts_with("2\n"), "each call adds to the variable");
}

#[test]
fn a_pipe_that_has_nothing_to_fill_is_an_error() {
    let home = Home::with(TOPOLOGY);
    let said = home.refused("Get-Pool | Set-Pool b.litwareinc.com -Description x");
    assert!(said.contains("-Identity is given, so nothing is left for the pipe to fill."), "{said}");
    let said = home.refused("Get-Pool | Set-Pool -Identity b.litwareinc.com -Description x");
    assert!(said.contains("nothing is left for the pipe to fill"), "{said}");
}

#[test]
fn lists_are_changed_item_by_item_or_as_a_whole() {
    for (code, wanted) in [
        (
            "-Domains @{Add=\"litwareinc.eu\"}",
            "-domains = [\"litwareinc.com\"] +domains = [\"litwareinc.com\", \"litwareinc.eu\"]",
        ),
        ("-TestUsers @{Remove=\"KENMYER@litwareinc.com\"}", "-    \"sip:kenmyer@litwareinc.com\",  # Ken"),
        (
            "-TestUsers @{Remove=\"kenmyer@litwareinc.com\"; Add=\"sip:new@litwareinc.com\"}",
            "-    \"sip:kenmyer@litwareinc.com\",  # Ken +    \"sip:new@litwareinc.com\",",
        ),
        ("-Servers 10.0.0.1, 10.0.0.2:5223", "+servers = [\"10.0.0.1\", \"10.0.0.2:5223\"]"),
        ("-Servers @{Replace=\"10.0.0.1\"}", "+servers = [\"10.0.0.1\"]"),
        ("-Site $null", "-site = \"Redmond\""),
        ("-Site ''", "-site = \"Redmond\""),
        ("-AllowPlain", "+allow_plain = true"),
        ("-AllowPlain:$false", "+allow_plain = false"),
        ("-LogonName as_written -Security direct", "+security = \"direct\" +logon_name = \"as_written\""),
    ] {
        let home = Home::with(TOPOLOGY);
        assert_eq!(home.changed(&format!("Set-Pool a.litwareinc.com {code}")).join(" "), wanted, "{code}");
    }
}

#[test]
fn what_would_be_wrong_is_refused_with_words_before_anything_is_written() {
    let home = Home::with(TOPOLOGY);
    for (code, wanted) in [
        (
            "Set-Pool a.litwareinc.com -Domains @{Ad=\"x.y\"}",
            "a map with 'Ad' in it; write: @{Add=…}, or @{Remove=…}, or @{Replace=…}",
        ),
        (
            "Set-Pool a.litwareinc.com -Domains @{Add=\"x.y\"; Replace=\"z.y\"}",
            "a map with 'Replace' beside 'Add' or 'Remove'",
        ),
        ("Set-Pool a.litwareinc.com -Domains $null", "domains: is missing"),
        ("Set-Pool a.litwareinc.com -Domains @{Add=\"contoso.com\"}", "contoso.com is served by the pool"),
        ("Set-Pool a.litwareinc.com -Servers 'a b'", "\"a b\" is no server"),
        (
            "Set-Pool a.litwareinc.com -Instance x",
            "-Instance has no meaning here: give what is to change by its own parameter",
        ),
        ("New-Pool c.litwareinc.com", "New-Pool needs -Domains."),
        (
            "New-Pool c.litwareinc.com -Domains c.example -InMemory",
            "-InMemory has no meaning here: the topology is one file",
        ),
        (
            "New-Pool A.litwareinc.com. -Domains c.example",
            "The pool a.litwareinc.com is in topology.toml already",
        ),
        ("New-XmppAllowedPartner contoso.com", "The partner contoso.com is in topology.toml already."),
        (
            "New-XmppAllowedPartner x.example -SaslNegotiation Optional",
            "-SaslNegotiation has no meaning here: how two servers authenticate each other",
        ),
        ("New-XmppAllowedPartner x.example -TlsNegotiation Never", "-TlsNegotiation cannot be 'Never'"),
        (
            "Set-XmppGatewayConfiguration -DialbackPassphrase secret",
            "-DialbackPassphrase has no meaning here: it is a secret of two servers",
        ),
        ("Set-XmppGatewayConfiguration -Timeout 0", "is not between nothing and a day"),
        (
            "Set-XmppGatewayConfiguration -ConnectionLimit 10 -PartnerConnectionLimit 11",
            "is more than connection_limit, which is 10 (lower it, or raise connection_limit)",
        ),
        ("Set-XmppGatewayConfiguration -ConnectTimeout 2m", "is longer than the whole verification may take"),
        (
            "New-HealthMonitoringConfiguration a.litwareinc.com -FirstTestUserSipUri x@litwareinc.com",
            "The pool a.litwareinc.com has test users already.",
        ),
        (
            "New-HealthMonitoringConfiguration b.litwareinc.com -FirstTestUserSipUri x@litwareinc.com",
            "x@litwareinc.com is at litwareinc.com, which this pool does not serve",
        ),
        (
            "New-HealthMonitoringConfiguration b.litwareinc.com -FirstTestSamAccountName x",
            "-FirstTestSamAccountName has no meaning here",
        ),
        (
            "Set-HealthMonitoringConfiguration b.litwareinc.com -FirstTestUserSipUri x@litwareinc.ie",
            "The pool b.litwareinc.com has no test users.",
        ),
        ("Remove-HealthMonitoringConfiguration b.litwareinc.com -Confirm:$false", "has no test users"),
        ("Remove-Pool a.litwareinc.com", "asks before it does this, and nobody is there to answer"),
    ] {
        let said = home.refused(code).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(wanted), "{code}\n{said}");
    }
}

#[test]
fn every_parameter_of_the_original_is_taken_or_refused_with_words() {
    for (cmdlet, parameters) in [
        (
            "New-CsHealthMonitoringConfiguration",
            "Identity TargetFqdn FirstTestUserSipUri SecondTestUserSipUri FirstTestSamAccountName SecondTestSamAccountName Force InMemory WhatIf Confirm",
        ),
        (
            "Set-CsHealthMonitoringConfiguration",
            "Identity TargetFqdn FirstTestUserSipUri SecondTestUserSipUri FirstTestSamAccountName SecondTestSamAccountName Force Instance WhatIf Confirm",
        ),
        ("Get-CsHealthMonitoringConfiguration", "Identity Filter LocalStore"),
        ("Remove-CsHealthMonitoringConfiguration", "Identity Force WhatIf Confirm"),
        (
            "New-CsXmppAllowedPartner",
            "Identity Domain AdditionalDomains PartnerType TlsNegotiation SaslNegotiation SupportDialbackNegotiation EnableKeepAlive ProxyFqdn ConnectionLimit Description Force InMemory WhatIf Confirm",
        ),
        (
            "Set-CsXmppAllowedPartner",
            "Identity Domain AdditionalDomains PartnerType TlsNegotiation SaslNegotiation SupportDialbackNegotiation EnableKeepAlive ProxyFqdn ConnectionLimit Description Force Instance WhatIf Confirm",
        ),
        ("Get-CsXmppAllowedPartner", "Identity Filter LocalStore"),
        ("Remove-CsXmppAllowedPartner", "Identity Force WhatIf Confirm"),
        (
            "Set-CsXmppGatewayConfiguration",
            "Identity ConnectionLimit PartnerConnectionLimit DialbackPassphrase EnableLoggingAllMessageBodies KeepAliveInterval StreamEstablishmentTimeout StreamInactivityTimeout SubscriptionRefreshInterval Instance Force WhatIf Confirm",
        ),
        ("Get-CsXmppGatewayConfiguration", "Identity Filter LocalStore"),
        ("Get-CsPool", "Identity Filter Site LocalStore"),
        ("Set-CsTestUserCredential", "SipAddress Credential UserName Password Force WhatIf Confirm"),
        ("Get-CsTestUserCredential", "SipAddress"),
        ("Remove-CsTestUserCredential", "SipAddress Force WhatIf Confirm"),
    ] {
        let ours = imsh::internals::cmdlets::ALL
            .iter()
            .map(|ours| &ours.description)
            .find(|ours| ours.answers_to(cmdlet));
        let ours = ours.unwrap_or_else(|| panic!("there is no {cmdlet}"));
        for parameter in parameters.split(' ') {
            let found = ours.parameter(parameter);
            let is_told = matches!(found, Ok(found) if found.name == parameter || found.aliases.contains(&parameter))
                || matches!(found, Err(NoParameter::Foreign { .. }));
            assert!(is_told, "{cmdlet} -{parameter}: {found:?}");
        }
    }
    let home = Home::with(TOPOLOGY);
    let said =
        home.refused("Set-CsTestUserCredential sip:pilar@litwareinc.com -UserName pilar -Password swordfish");
    assert!(said.contains("-UserName") && said.contains("from Get-Credential"), "{said}");
    let said = home.refused("Remove-CsXmppAllowedPartner contoso.com");
    assert!(said.contains("nobody is there to answer"), "{said}");
    home.done("Remove-CsXmppAllowedPartner contoso.com -Force");
    assert_eq!(home.done("(Get-CsXmppGatewayConfiguration -Identity global).ConnectionLimit"), "1000");
}

#[test]
fn the_test_users_of_a_pool_are_changed_one_by_one() {
    let home = Home::with(TOPOLOGY);
    let users = || {
        home.done("(Get-HealthMonitoringConfiguration a.litwareinc.com).TestUsers")
            .replace("sip:", "")
            .replace("@litwareinc.com", "")
    };
    let set = |code: &str| {
        home.done(&format!("Set-HealthMonitoringConfiguration -TargetFqdn a.litwareinc.com {code}"))
    };
    set("-FirstTestUserSipUri sip:new@litwareinc.com");
    assert_eq!(users(), "new\npilar");
    set("-FirstTestUserSipUri sip:pilar@litwareinc.com");
    assert_eq!(users(), "pilar\nnew");
    // Another account would send, and nobody has asked for that.
    for code in [
        "-SecondTestUserSipUri sip:pilar@litwareinc.com",
        "-FirstTestUserSipUri sip:x@litwareinc.com -SecondTestUserSipUri sip:X@litwareinc.com",
    ] {
        let said = home.refused(&format!("Set-HealthMonitoringConfiguration a.litwareinc.com {code}"));
        assert!(said.contains("@litwareinc.com is the first test user already."), "{said}");
    }
    set("-FirstTestUserSipUri sip:new@litwareinc.com -SecondTestUserSipUri sip:pilar@litwareinc.com");
    assert_eq!(users(), "new\npilar");
    set("-FirstTestUserSipUri sip:pilar@litwareinc.com");
    home.done("Set-Pool a.litwareinc.com -TestUsers @{Add=\"third@litwareinc.com\"}");
    set("-SecondTestUserSipUri $null");
    assert_eq!(users(), "pilar\nthird");
    set("-FirstTestUserSipUri $null -SecondTestUserSipUri $null");
    assert_eq!(home.done("(Get-Pool a.litwareinc.com).TestUsers.len()"), "0");
    home.done("New-HealthMonitoringConfiguration a.litwareinc.com -FirstTestUserSipUri sip:a@litwareinc.com");
    home.done("Get-HealthMonitoringConfiguration | Remove-HealthMonitoringConfiguration -Confirm:$false");
    assert!(!home.text().contains("test_users"));
}

#[test]
fn the_first_change_makes_the_topology() {
    let home = tempfile::tempdir().unwrap();
    let run = |code: &str| {
        let mut imsh = imsh_without_topology()?;
        Some(told(imsh.env("HOME", home.path()).args(["-c", code])))
    };
    let Some((said, status)) = run("(Get-Pool).len()") else { return };
    assert!(said.starts_with("0\nWARNING: There is no topology"), "{said}");
    assert_eq!(status, Some(0));
    let (said, status) =
        run("New-Pool a.litwareinc.com -Domains litwareinc.com -TestUsers sip:kim@litwareinc.com").unwrap();
    assert_eq!(status, Some(0), "{said}");
    let text = std::fs::read_to_string(home.path().join(".config/imsh/topology.toml")).unwrap();
    assert_eq!(
        text,
        "[[pool]]\nidentity = \"a.litwareinc.com\"\ndomains = [\"litwareinc.com\"]\ntest_users = [\"sip:kim@litwareinc.com\"]\n"
    );
    assert_eq!(run("(Get-Pool).Identity").unwrap(), ("a.litwareinc.com\n".to_owned(), Some(0)));
}

#[test]
fn a_role_that_names_what_does_not_exist_is_told_with_its_place() {
    let role = "\n[access]\n[[access.role]]\nidentity = \"R\"\ntemplate = \"HelpDesk\"\n\
        add_cmdlets = [\"Get-Pool\", \"Test-XmpIM\"]\nremove_cmdlets = [\"Qqqqqq-Zzzzzz\"]\n\
        [[access.role.limit]]\ncmdlet = \"Test-CsXmppIM\"\nparameter = \"Bdy\"\nvalues = []\n\
        [[access.role.limit]]\ncmdlet = \"Get-Pol\"\nparameter = \"Identity\"\nvalues = []\n";
    let home = Home::with(&format!("{TOPOLOGY}{role}"));
    let line = TOPOLOGY.lines().count();
    let said = home.refused("Get-Pool");
    for (line, column, what) in [
        (line + 6, 28, "add_cmdlets: there is no cmdlet Test-XmpIM (did you mean Test-XmppIM?)"),
        (line + 7, 19, "remove_cmdlets: there is no cmdlet Qqqqqq-Zzzzzz"),
        (line + 10, 13, "limit.parameter: Test-XmppIM has no parameter \"Bdy\" (did you mean Body?)"),
        (line + 13, 10, "limit.cmdlet: there is no cmdlet Get-Pol (did you mean Get-Pool?)"),
    ] {
        let wanted = format!("topology.toml:{line}:{column}: access.role.{what}");
        assert!(said.contains(&wanted), "{wanted}\n{said}");
    }
}

#[test]
fn a_small_connection_limit_holds_for_each_partner_as_well() {
    let home = Home::with(TOPOLOGY);
    home.done("Set-XmppGatewayConfiguration -ConnectionLimit 10");
    let limits = "let g = Get-XmppGatewayConfiguration; `${g.ConnectionLimit} ${g.PartnerConnectionLimit}`";
    assert_eq!(home.done(limits), "10 10");
    home.done("Set-XmppGatewayConfiguration -ConnectionLimit 50");
    assert_eq!(home.done(limits), "50 20");
}

#[test]
fn writers_through_a_link_and_through_the_file_lose_nothing() {
    let home = Home::with(TOPOLOGY);
    let links = home.0.path().join("links");
    std::fs::create_dir(&links).unwrap();
    std::os::unix::fs::symlink("../topology.toml", links.join("t.toml")).unwrap();
    let write = |(writer, path): (usize, &str)| {
        let code = format!("for n in 0..8 {{ let p = `w{writer}n${{n}}.example`; New-Pool $p -Domains $p }}");
        let mut program = imsh_at(home.0.path());
        program.args(["--topology", path, "-c", &code]).current_dir(home.0.path()).spawn().unwrap()
    };
    let paths = ["topology.toml", "links/t.toml", "topology.toml", "links/t.toml"];
    let writers: Vec<_> = paths.into_iter().enumerate().map(write).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(home.text().matches(".example\"]").count(), 32, "{}", home.text());
    assert!(std::fs::symlink_metadata(links.join("t.toml")).unwrap().is_symlink());
    let left: Vec<_> = std::fs::read_dir(&links).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["t.toml"], "lock and new file are beside the file itself");
}

#[test]
fn a_scope_is_the_same_in_any_spelling_and_a_pool_by_any_of_its_names() {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let aliased =
        TOPOLOGY.replace("site = \"Redmond\"", "site = \"Redmond\"\naliases = [\"old.litwareinc.com\"]");
    let home = Home::with(&aliased);
    home.done(&format!("Grant-AdminRole Administrator os-user:{user}"));
    home.done("New-AdminRole R -Template HelpDesk -ConfigScopes site:redmond,site:Dublin");
    let scopes = || home.done("(Get-AdminRole R).ConfigScopes").replace('\n', " ");
    let set = |change: &str| home.done(&format!("Set-AdminRole R -ConfigScopes {change}"));
    set("@{Add=\"site:REDMOND\"}");
    assert_eq!(scopes(), "site:redmond site:Dublin");
    set("@{Remove=\"site:Redmond\"}");
    assert_eq!(scopes(), "site:Dublin");
    let said = home.refused("Set-AdminRole R -ConfigScopes @{Remove=\"SITE:dublin\"}");
    assert!(said.contains("a role without any scope would reach nothing"), "{said}");
    set("pool:old.litwareinc.com");
    assert_eq!(scopes(), "pool:a.litwareinc.com");
    set("@{Add=\"global\"; Remove=\"pool:OLD.litwareinc.com\"}");
    assert_eq!(scopes(), "global");
    // Who writes it with an editor is told which name to write.
    let written = home.text().replace("[\"global\"]", "[\"pool:old.litwareinc.com\"]");
    std::fs::write(home.file(), written).unwrap();
    let said = home.refused("Get-Pool");
    assert!(
        said.contains(
            "there is no pool old.litwareinc.com (it is another name of a.litwareinc.com: write that)"
        ),
        "{said}"
    );
}

/// The topology of a desk that may change pools of Redmond and the partner contoso.com.
fn desk() -> Home {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let access = r#"
[access]
[[access.role]]
identity = "Desk"
template = "ServerAdministrator"
config_scopes = ["site:Redmond"]
user_scopes = ["domain:contoso.com"]

[[access.assignment]]
role = "Desk"
members = ["os-user:USER"]

[[access.assignment]]
role = "Administrator"
members = ["os-user:nobody-here"]
"#;
    Home::with(&format!("{TOPOLOGY}{}", access.replace("USER", &user)))
}

#[test]
fn what_is_piped_in_is_what_is_asked_for() {
    let home = Home::with(TOPOLOGY);
    assert_eq!(home.done("(\"b.litwareinc.com\" | Get-Pool).Identity"), "b.litwareinc.com");
    assert_eq!(home.done("(Get-Pool | Get-CsPool).len()"), "2");
    assert_eq!(home.done("(Get-Pool -Filter nothing* | Get-Pool).len()"), "0", "nothing is not everything");
    assert_eq!(home.done("(\"HelpDesk\" | Get-AdminRole).Identity"), "HelpDesk");
    assert_eq!(home.done("(\"kim\" | Get-CsAdminRoleAssignment).len()"), "0");
    let said = home.done("\"chat.contoso.com\" | Get-XmppAllowedPartner | Remove-XmppAllowedPartner -WhatIf");
    assert!(said.contains("contoso.com") && said.matches("What if").count() == 1, "{said}");
    assert_eq!(
        said.lines().skip(1).collect::<Vec<_>>(),
        ["    additional_domains: [\"chat.contoso.com\"] -> not set"]
    );
    for code in ["1 | Get-Date", "Get-Pool | Get-AuditLog", "\"x\" | Get-XmppGatewayConfiguration"] {
        let said = home.refused(code);
        assert!(said.contains("takes nothing from a pipe") && said.contains("InputObjectNotBound"), "{said}");
    }
    assert!(home.done("Get-Pool | Set-Pool -?").contains("Set-Pool"), "help takes no records");
}

#[test]
fn a_site_is_one_scope_in_every_spelling() {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let access = "[access]\n[[access.role]]\nidentity = \"Desk\"\ntemplate = \"HelpDesk\"\n\
        config_scopes = [\"site:redmond\", \"site:Dublin\"]\n[[access.assignment]]\nrole = \"Administrator\"\n";
    let home = Home::with(&format!("{TOPOLOGY}\n{access}members = [\"os-user:{user}\"]\n"));
    home.done("Set-AdminRole Desk -ConfigScopes @{Add=\"site:REDMOND\"}");
    assert_eq!(home.done("(Get-AdminRole Desk).ConfigScopes.len()"), "2");
    home.done("Set-AdminRole Desk -ConfigScopes @{Remove=\"site:Redmond\"}");
    assert_eq!(home.done("(Get-AdminRole Desk).ConfigScopes"), "site:Dublin");
    let said = home.refused("Set-AdminRole Desk -ConfigScopes @{Remove=\"site:DUBLIN\"}");
    assert!(said.contains("would reach nothing"), "{said}");
}

#[test]
fn the_gate_is_asked_for_each_record_of_a_pipe() {
    let home = desk();
    assert_eq!(home.done("Get-Pool | Set-Pool -Description ours; (Get-Pool).Identity"), "a.litwareinc.com");
    assert_eq!(home.text().matches("ours").count(), 1, "the pool that is out of sight is out of reach");
    for code in [
        "Write-Output b.litwareinc.com | Set-Pool -Description ours",
        "Write-Output missing.example | Set-Pool -Description ours",
        "Get-Pool | Set-Pool -Servers 192.0.2.9",
        "Get-Pool | Set-HealthMonitoringConfiguration -FirstTestUserSipUri x@litwareinc.com",
        "Set-XmppGatewayConfiguration -Timeout 90",
    ] {
        let (said, status) = home.run(code);
        assert!(
            said.contains("You have no role that allows this call of") && status == Some(3),
            "{code}\n{said}"
        );
    }
}

#[test]
fn who_removes_a_partner_must_reach_each_of_its_domains() {
    let home = desk();
    for code in [
        "Remove-XmppAllowedPartner contoso.com -Confirm:$false",
        "Remove-XmppAllowedPartner chat.contoso.com -Confirm:$false",
        "Get-XmppAllowedPartner | Remove-XmppAllowedPartner -Confirm:$false",
        "Set-XmppAllowedPartner contoso.com -Description ours",
    ] {
        let said = home.refused(code);
        assert!(said.contains("You have no role that allows this call of"), "{code}\n{said}");
    }
    let wider =
        home.text().replace("domain:contoso.com\"]", "domain:contoso.com\", \"domain:chat.contoso.com\"]");
    std::fs::write(home.file(), wider).unwrap();
    home.done("Set-XmppAllowedPartner contoso.com -Description ours");
    for code in [
        "Set-XmppAllowedPartner contoso.com -AdditionalDomains @{Add=\"fabrikam.com\"}",
        "Set-XmppAllowedPartner contoso.com -AdditionalDomains $null",
        "New-XmppAllowedPartner new.contoso.com -AdditionalDomains contoso.org",
    ] {
        let said = home.refused(code);
        assert!(said.contains("You have no role that allows this call of"), "{code}\n{said}");
    }
    home.done("Set-XmppAllowedPartner contoso.com -Receivers @{Add=\"adelany@contoso.com\"}");
    let said = home.refused("Set-XmppAllowedPartner contoso.com -Receivers @{Add=\"x@litwareinc.com\"}");
    assert!(said.contains("You have no role that allows"), "{said}");
    home.done("Remove-XmppAllowedPartner contoso.com -Confirm:$false");
}

#[test]
fn what_is_out_of_reach_by_the_time_that_it_is_written_stays() {
    let home = desk();
    let narrow = home.text().replace("additional_domains = [\"chat.contoso.com\"]\n", "");
    std::fs::write(home.file(), &narrow).unwrap();
    for (code, meanwhile) in [
        (
            "Remove-XmppAllowedPartner contoso.com -Confirm:$false",
            narrow.replace(
                "domain = \"contoso.com\"",
                "domain = \"contoso.com\"\nadditional_domains = [\"chat.x\"]",
            ),
        ),
        (
            "Set-Pool a.litwareinc.com -Description ours",
            narrow
                .replace("\"Redmond\"", "\"there\"")
                .replace("\"Dublin\"", "\"Redmond\"")
                .replace("\"there\"", "\"Dublin\""),
        ),
        ("Set-Pool a.litwareinc.com -Description ours", narrow.replace("site:Redmond", "site:Dublin")),
    ] {
        std::fs::write(home.file(), &narrow).unwrap();
        let lock = home.0.path().join(".topology.toml.lock");
        let lock = std::fs::File::create(&lock).unwrap();
        let held = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, fault)| fault).unwrap();
        let mut waiting = imsh_at(home.0.path())
            .args(["--topology", "topology.toml", "-c", code])
            .current_dir(home.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has leave once it asks for the lock.
        let open_files = format!("/proc/{}/fd", waiting.id());
        let asks = || {
            std::fs::read_dir(&open_files).unwrap().any(|file| {
                std::fs::read_link(file.unwrap().path())
                    .is_ok_and(|path| path.ends_with(".topology.toml.lock"))
            })
        };
        while !asks() {
            assert!(waiting.try_wait().unwrap().is_none(), "{code} ended without asking for the lock");
            std::thread::yield_now();
        }
        std::fs::write(home.file(), &meanwhile).unwrap();
        drop(held);
        let ended = waiting.wait_with_output().unwrap();
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert!(said.contains("TopologyChanged") && !ended.status.success(), "{code}\n{said}");
        assert_eq!(home.text(), meanwhile, "{code}");
    }
}
