//! The reader against documents, right and wrong.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SAMPLE: &str = r#"
[[pool]]
identity = "ATL-cs-001.litwareinc.com."
site = "Redmond"
domains = ["litwareinc.com"]
servers = ["10.0.0.5:5222", "atl-1.litwareinc.com", "[2001:db8::1]:5223"]
registrar_port = 5222
security = "starttls"
ca_file = "ca.pem"
logon_name = "bare"
allow_plain = true
test_users = ["sip:kenmyer@litwareinc.com", "pilar@litwareinc.com"]

[[pool]]
identity = "dub-cs-001.litwareinc.com"
aliases = ["im.litwareinc.ie"]
site = "Dublin"
domains = ["litwareinc.ie", "litwareinc.com"]
servers = ["10.0.0.5:6222"]

[[partner]]
domain = "contoso.com"
additional_domains = ["chat.contoso.com"]
receivers = ["adelany@contoso.com"]
minimum_evidence = "exchanged"
connection_limit = 5

[gateway]
stream_establishment_timeout = "60s"
deliver_timeout = "00:00:45"
keep_alive_interval = 120
connection_limit = 1_000

[resolver]
name_servers = ["127.0.0.1:5353", "::1"]

[access]
[[access.role]]
identity = "RedmondHelpDesk"
template = "CsHelpDesk"
config_scopes = ["site:Redmond", "pool:dub-cs-001.litwareinc.com"]
user_scopes = ["domain:contoso.com"]
[[access.role.limit]]
cmdlet = "Test-CsXmppIM"
parameter = "-Body"
values = []

[[access.principal]]
name = "pilar"

[[access.assignment]]
role = "redmondhelpdesk"
members = ["principal:pilar", "os-user:kim", "os-group:im-helpdesk"]
"#;

fn read(text: &str) -> Result<Topology, Vec<Mistake>> {
    Topology::parse(text, Path::new("/etc/imsh/topology.toml"))
}

fn address(written: &str) -> Address {
    written.parse().unwrap()
}

fn domain(written: &str) -> Domain {
    written.parse().unwrap()
}

#[test]
fn a_document_is_read_as_it_is_written() {
    let topology = read(SAMPLE).unwrap();
    let pool = &topology.pools[0];
    assert_eq!(pool.identity, "atl-cs-001.litwareinc.com");
    assert_eq!(pool.ca_file.as_deref(), Some(Path::new("/etc/imsh/ca.pem")));
    assert_eq!(
        (pool.security, pool.logon_name, pool.allow_plain),
        (Security::StartTls, LogonName::Bare, true)
    );
    assert_eq!(pool.servers[2].to_string(), "[2001:db8::1]:5223");
    assert_eq!(pool.test_users[0].to_string(), "kenmyer@litwareinc.com");
    assert_eq!(pool.certificate_warning_days, 14);
    assert_eq!(topology.gateway.deliver_timeout, Duration::from_secs(45));
    assert_eq!(topology.gateway.keep_alive_interval, Duration::from_secs(120));
    assert_eq!(topology.gateway.connection_limit, 1000);
    assert_eq!(topology.resolver.name_servers[1].to_string(), "[::1]:53");
    let partner = &topology.partners.as_ref().unwrap()[0];
    assert_eq!((partner.minimum_evidence, partner.connection_limit), (Some(Evidence::Exchanged), Some(5)));
    let access = topology.access.as_ref().unwrap();
    assert_eq!(access.roles[0].limits[0].cmdlet.as_str(), "Test-XmppIM");
    assert_eq!(access.roles[0].limits[0].parameter, "Body");
    assert_eq!(access.assignments[0].members.len(), 3);
    assert_eq!(topology.remarks.len(), 1, "{:?}", topology.remarks);
}

#[test]
fn a_watch_of_partners_means_also_those_without_receivers() {
    let partners = "[[pool]]\nidentity = \"p.example\"\ndomains = [\"d.example\"]\ntest_users = [\"u@d.example\"]\n\
                    [[partner]]\ndomain = \"quiet.example\"\n\
                    [[partner]]\ndomain = \"lively.example\"\nreceivers = [\"kim@lively.example\"]\n\
                    [[watch]]\nidentity = \"one\"\ntests = [\"XmppPing\"]\n";
    for (receivers, wanted) in [
        ("[]", &["quiet.example", "lively.example"][..]),
        ("[\"partners\"]", &["quiet.example", "lively.example"]),
        ("[\"partner:quiet.example\"]", &["quiet.example"]),
        ("[\"*quiet*\", \"partner:quiet.example\"]", &["quiet.example"]),
        ("[\"kim@*\"]", &["lively.example"]),
        ("[\"kim@lively.example\", \"ada@other.example\"]", &["lively.example", "other.example"]),
        ("[\"partner:nobody.example\"]", &[]),
    ] {
        let topology = read(&format!("{partners}receivers = {receivers}\n")).unwrap();
        let meant = topology.watches[0].partners_of(&topology);
        let meant: Vec<&str> = meant.iter().map(Domain::as_str).collect();
        assert_eq!(meant, wanted, "{receivers}");
        let is_remarked =
            topology.remarks.iter().any(|remark| remark.to_string().contains("means no receiver"));
        assert_eq!(is_remarked, wanted.is_empty(), "{receivers}: {:?}", topology.remarks);
    }
}

#[test]
fn a_watch_that_is_due_before_a_test_that_fails_has_ended_is_remarked() {
    let remarks = |lines: &str| {
        let watch = "[[pool]]\nidentity = \"p.example\"\ndomains = [\"d.example\"]\ntest_users = [\"u@d.example\"]\n\
                     [[watch]]\nidentity = \"one\"\n";
        let topology = read(&format!("{watch}{lines}\n")).unwrap();
        topology
            .remarks
            .iter()
            .map(ToString::to_string)
            .filter(|text| text.contains("every"))
            .collect::<Vec<_>>()
    };
    let told = remarks("tests = [\"Registration\"]\nevery = \"30s\"");
    assert!(told.len() == 1 && told[0].contains("is 30s, and a test that fails may take 1m"), "{told:?}");
    for enough in [
        "tests = [\"Registration\"]\nevery = \"60s\"",
        "tests = [\"Registration\"]\nevery = \"30s\"\n[gateway]\ntimeout = \"20s\"\ndeliver_timeout = \"20s\"",
        "tests = [\"Registration\"]\nevery = \"30s\"\nenabled = false",
        "tests = [\"Topology\"]\nevery = \"30s\"",
        "tests = [\"Registration\"]\nat = \"* * * * *\"",
    ] {
        assert_eq!(remarks(enough), [""; 0], "{enough}");
    }
}

#[test]
fn the_samples_are_right_also_with_every_default_written_out() {
    read(include_str!("../../examples/topology.toml")).unwrap();
    let sample = include_str!("../../examples/every-setting.toml");
    let topology = read(sample).unwrap();
    assert!(topology.remarks.is_empty(), "{:?}", topology.remarks);
    // These stand in place of others, and are written out in a second reading.
    let alternatives = ["script", "at", "zone", "command", "to", "from", "pool"];
    let is_key = |line: &str| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| !key.contains(' ') && !alternatives.contains(&key))
    };
    let lines = sample.lines().map(|line| match line.strip_prefix("# ") {
        Some(key) if is_key(key) || key == "[resolver]" => key.replace("= \"\"", "= \"x\""),
        Some(_) | None => line.to_owned(),
    });
    let written_out = read(&lines.collect::<Vec<_>>().join("\n")).unwrap();
    let webhook = "kind = \"webhook\"";
    let url = "url = \"https://alerts.litwareinc.com/imsh\"";
    for (kind, address, written) in [
        ("exec", "", &["command", "at", "zone"][..]),
        ("mail", "url = \"smtps://mail.litwareinc.com\"", &["to", "from"]),
        ("xmpp", "", &["to", "pool"]),
    ] {
        let mut text = sample.replace(webhook, &format!("kind = {kind:?}")).replace(url, address);
        for key in written {
            text = text.replace(&format!("\n# {key} = "), &format!("\n{key} = "));
        }
        let other = read(&text).unwrap_or_else(|mistakes| panic!("{kind}: {mistakes:?}"));
        assert!(other.remarks.is_empty(), "{kind}: {:?}", other.remarks);
    }
    assert_eq!(written_out.gateway, topology.gateway);
    assert_eq!(written_out.pools[0].certificate_warning_days, topology.pools[0].certificate_warning_days);
}

/// Keys of [access] as the reader asks for them; those of the schema make the sample themselves.
#[test]
fn the_sample_of_every_setting_has_every_key() {
    let sample = include_str!("../../examples/every-setting.toml");
    let is_in_sample = |key: &str| {
        sample.lines().map(|line| line.trim_start_matches("# ")).any(|line| {
            line.starts_with(&format!("{key} = "))
                || line.starts_with('[')
                    && line.trim_start_matches('[').split([']', '.']).any(|part| part == key)
        })
    };
    let mut n_keys = 0;
    for source in [include_str!("read/access.rs")] {
        let typed = source.split("istakes, \"").skip(1);
        for rest in typed {
            let key = rest.split('"').next().unwrap();
            if rest[key.len()..].starts_with("\")") || rest[key.len()..].starts_with("\", ") {
                n_keys += 1;
                assert!(is_in_sample(key), "{key} is not in examples/every-setting.toml");
            }
        }
    }
    assert!(n_keys > 15, "{n_keys}");
}

#[test]
fn a_pool_is_found_by_every_name_it_has_and_by_no_other() {
    let topology = read(SAMPLE).unwrap();
    for (name, wanted) in [
        ("atl-cs-001.litwareinc.com", Some("atl-cs-001.litwareinc.com")),
        ("ATL-CS-001.LitwareInc.com.", Some("atl-cs-001.litwareinc.com")),
        ("atl-1.litwareinc.com", Some("atl-cs-001.litwareinc.com")),
        ("atl-1.litwareinc.com:5222", Some("atl-cs-001.litwareinc.com")),
        ("atl-1.litwareinc.com:5223", None),
        ("2001:db8:0::1", Some("atl-cs-001.litwareinc.com")),
        ("IM.litwareinc.ie", Some("dub-cs-001.litwareinc.com")),
        ("10.0.0.5", None),
        ("10.0.0.5:6222", Some("dub-cs-001.litwareinc.com")),
        ("litwareinc.com", None),
        ("", None),
        ("..", None),
    ] {
        let found = topology.canonical_pool(name).map(|pool| pool.identity.as_str());
        assert_eq!(found, wanted, "{name}");
    }
    assert!(topology.pool("ATL-cs-001.litwareinc.com.").is_some());
    assert!(topology.pool("im.litwareinc.ie").is_none(), "an alias is no identity");
}

#[test]
fn domains_and_test_users_lead_to_their_pools_and_partners() {
    let topology = read(SAMPLE).unwrap();
    assert_eq!(
        topology.pool_serving(&domain("litwareinc.com")).unwrap().identity,
        "atl-cs-001.litwareinc.com"
    );
    assert_eq!(topology.partner_for(&domain("chat.contoso.com")).unwrap().domain, "contoso.com");
    assert!(topology.partner_for(&domain("x.contoso.com")).is_none());
    assert!(topology.allows(&domain("litwareinc.ie")) && !topology.allows(&domain("fabrikam.com")));
    assert!(read("").unwrap().allows(&domain("fabrikam.com")), "no partner list allows any domain");
    assert!(!read("partner = []").unwrap().allows(&domain("fabrikam.com")), "an empty list allows none");
    assert!(topology.test_user_of(&address("sip:PILAR@litwareinc.com")).is_some());
    assert_eq!(topology.pools_listing(&address("nobody@litwareinc.com")).count(), 0);
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let text = r#"
[[pool]]
identity = "atl-cs-001.litwareinc.com"
domains = ["litwareinc.com"]
test_user = ["sip:kenmyer@litwareinc.com"]
registrar_port = 70000

[[pool]]
identity = "ATL-CS-001.litwareinc.com"
domains = ["litwareinc.com"]
security = "startls"
test_users = ["kenmyer@litwarinc.com", "kenmyer"]

[[partner]]
domain = "litwareinc.com"
receivers = "adelany@contoso.com"

[gateway]
timeout = "30s"
deliver_timeout = "1m"
resolve_timeout = "fast"
dialback_passphrase = "x"
"#;
    let told: Vec<String> = read(text).unwrap_err().iter().map(ToString::to_string).collect();
    let wanted = [
        "/etc/imsh/topology.toml:5:1: pool[1].test_user: is no key of this table (did you mean test_users?)",
        "/etc/imsh/topology.toml:6:18: pool[1].registrar_port: is not between 1 and 65535",
        "/etc/imsh/topology.toml:9:12: pool: atl-cs-001.litwareinc.com already names the pool atl-cs-001.litwareinc.com of line 3 (give every pool names of its own)",
        "/etc/imsh/topology.toml:11:12: pool[2].security: \"startls\" is none of auto, starttls, direct (did you mean \"starttls\"?)",
        "/etc/imsh/topology.toml:12:15: pool[2].test_users: kenmyer@litwarinc.com is at litwarinc.com, which this pool does not serve (did you mean kenmyer@litwareinc.com?)",
        "/etc/imsh/topology.toml:12:40: pool[2].test_users: \"kenmyer\" names no user: write it as user@domain",
        "/etc/imsh/topology.toml:15:10: partner: litwareinc.com is served by the pool atl-cs-001.litwareinc.com (a domain of our own is no partner; leave it out)",
        "/etc/imsh/topology.toml:16:13: partner[1].receivers: is one text where a list is wanted (write [\"adelany@contoso.com\"])",
        "/etc/imsh/topology.toml:20:19: gateway.deliver_timeout: is longer than the whole verification may take, which is 30s (raise gateway.timeout)",
        "/etc/imsh/topology.toml:21:19: gateway.resolve_timeout: \"fast\" is no duration: write \"60s\", \"5m\" or \"00:01:00\"",
        "/etc/imsh/topology.toml:22:1: gateway.dialback_passphrase: has no meaning here: it is a secret of two servers, and no client has a part in dialback (leave it out)",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn one_mistake_each() {
    for (text, wanted) in [
        ("[[pool]]\ndomains=['a.b']", "1:1: pool[1].identity: is missing (write the pool's FQDN)"),
        (
            "[[pool]]\nidentity='p.b'\ntest_users=['u@a.b']",
            "1:1: pool[1].domains: is missing (write domains = [\"a.b\"])",
        ),
        (
            "[[pool]]\nidentity='p.b'\ndomains=[]",
            "3:9: pool[1].domains: lists no domain (list the domains whose users log on here)",
        ),
        ("[[pool]]\nidentity=''\ndomains=['a.b']", "2:10: pool[1].identity: is empty (leave the key out)"),
        (
            "[[pool]]\nidentity=5\ndomains=['a.b']",
            "2:10: pool[1].identity: is a whole number, where a text in quotes is wanted",
        ),
        ("[[pool]]\nidentity='p.b'\ndomains=['a.b', 'A.B']", "3:17: pool[1].domains: lists a.b twice"),
        (
            "[[pool]]\nidentity='p.b'\ndomains=['a.b']\nservers=['x:y']",
            "4:10: pool[1].servers: \"x:y\" is no server: write host, host:port, 192.0.2.1:5222 or [2001:db8::1]:5222",
        ),
        (
            "[[partner]]\ndomain='a.b'\n[[partner]]\ndomain='c.d'\nadditional_domains=['a.b']",
            "5:21: partner: a.b is already a partner's domain in line 2 (list a domain once)",
        ),
        (
            "[[partner]]\ndomain='a.b'\nreceivers=['u@c.d']",
            "3:12: partner[1].receivers: u@c.d is at c.d, which is not this partner's (add \"c.d\" to its additional_domains)",
        ),
        (
            "[[partner]]\ndomain='a.b'\nbody=\"\\u0007\"",
            "3:6: partner[1].body: holds a character that no message can carry",
        ),
        (
            "[gateway]\nconnection_limit=5\npartner_connection_limit=6",
            "3:26: gateway.partner_connection_limit: is more than connection_limit, which is 5 (lower it, or raise connection_limit)",
        ),
        (
            "[audit]\nmax_file_size='1KiB'",
            "2:15: audit.max_file_size: \"1KiB\" is not between 64KiB and 64GiB",
        ),
        ("[audit]\nmax_file_size='64'", "2:15: audit.max_file_size: \"64\" is no size: write \"64MiB\""),
        ("[audit]\nkeep_files=0", "2:12: audit.keep_files: is not between 1 and 100000"),
        ("[audit]\nsyslog='on'", "2:8: audit.syslog: \"on\" is none of auto, off, required"),
        ("[gateway]\ntimeout='0s'", "2:9: gateway.timeout: \"0s\" is not between nothing and a day"),
        (
            "[resolver]\nname_servers=['dns.example']",
            "2:15: resolver.name_servers: \"dns.example\" is no address of a name server: write 192.0.2.1:53",
        ),
        ("[pool]\nidentity='p.b'", "1:1: pool: is a table, where a list of tables: [[pool]] is wanted"),
        ("[[pools]]\nidentity='p.b'", "1:3: pools: is no key of this table (did you mean pool?)"),
        (
            "[access]\n[[access.role]]\nidentity='HelpDesk'\ntemplate='HelpDesk'",
            "3:10: access.role[1].identity: HelpDesk is a built-in role (give a custom role a name of its own)",
        ),
        (
            "[access]\n[[access.role]]\nidentity='A'\ntemplate='HelpDes'",
            "4:10: access.role[1].template: \"HelpDes\" is no built-in role: they are Administrator, ServerAdministrator, UserAdministrator, HelpDesk and ViewOnlyAdministrator",
        ),
        (
            "[access]\n[[access.role]]\nidentity='A'\ntemplate='HelpDesk'\nconfig_scopes=['site:Redmont']\n[[pool]]\nidentity='p.b'\nsite='Redmond'\ndomains=['a.b']",
            "5:16: access.role.config_scopes: no pool is at the site \"Redmont\" (did you mean Redmond?)",
        ),
        (
            "[access]\n[[access.role]]\nidentity='A'\ntemplate='HelpDesk'\nuser_scopes=['OU:x']",
            "5:14: access.role[1].user_scopes: \"OU:x\" is no scope: write global, domain:<domain> or user:<address>",
        ),
        (
            "[access]\n[[access.role]]\nidentity='A'\ntemplate='HelpDesk'\n[[access.role.limit]]\ncmdlet='Test-XmppIM'\nparameter='Body'",
            "5:1: access.role[1].limit[1].values: has neither values nor pattern (write one of the two)",
        ),
        (
            "[access]\n[[access.assignment]]\nrole='HelpDsk'\nmembers=['os-user:kim']",
            "3:6: access.assignment.role: there is no role \"HelpDsk\" (did you mean HelpDesk?)",
        ),
        (
            "[access]\n[[access.assignment]]\nrole='HelpDesk'\nmembers=['kim']",
            "4:10: access.assignment[1].members: \"kim\" does not say whom it means: write os-user:<name>, os-group:<name> or principal:<name>",
        ),
        (
            "[access]\n[[access.assignment]]\nrole='HelpDesk'\nmembers=['principal:pilar']",
            "4:10: access.assignment.members: there is no principal \"pilar\" (list it as [[access.principal]])",
        ),
        (
            "[access]\n[[access.principal]]\nname='a b'",
            "3:6: access.principal[1].name: \"a b\" is no name for a principal (use letters, digits and . _ - @, up to 64, no dash first)",
        ),
    ] {
        let told: Vec<String> = read(text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(told, [format!("/etc/imsh/topology.toml:{wanted}")], "{text}");
    }
}

#[test]
fn broken_syntax_is_told_with_its_place() {
    for text in ["[[pool]\nidentity = 1", "a = ", "a = 1\na = 2", "\u{0}", "[[pool]]\nidentity = \"x"] {
        let mistakes = read(text).unwrap_err();
        assert!(
            mistakes.iter().all(|mistake| mistake.line > 0 && !mistake.message.is_empty()),
            "{mistakes:?}"
        );
    }
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_err());
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    assert!(Topology::load(&path).unwrap_err()[0].to_string().contains("cannot be read"));
    assert!(Topology::load(directory.path()).is_err());
    std::fs::write(&path, b"a = 1\n\xff").unwrap();
    assert!(Topology::load(&path).unwrap_err()[0].to_string().ends_with("line 2 has a byte that is none"));
    std::fs::File::create(&path).unwrap().set_len(MAX_DOCUMENT_BYTES + 1).unwrap();
    assert!(Topology::load(&path).unwrap_err()[0].message.contains("larger than 8 MiB"));
}

#[test]
fn mistakes_are_bounded() {
    let text = "[[pool]]\nx = 1\n".repeat(10_000);
    let mistakes = read(&text).unwrap_err();
    assert_eq!(mistakes.len(), 101);
    assert_eq!(mistakes[100].message, "29900 more mistakes are not shown");
}

#[test]
fn the_logon_name_is_formed_as_the_pool_says() {
    let account = address("kenmyer@litwareinc.com");
    for (user_name, local, bare, as_written) in [
        ("", "kenmyer", "kenmyer@litwareinc.com", "kenmyer@litwareinc.com"),
        (r"litwareinc\km", "km", "km@litwareinc.com", r"litwareinc\km"),
        ("km@corp.example", "km", "km@corp.example", "km@corp.example"),
    ] {
        let credential = Credential::new(user_name, crate::secret::Secret::new(String::new()));
        let name = |how: LogonName| how.of(&account, &credential);
        assert_eq!(name(LogonName::Local), local);
        assert_eq!(name(LogonName::Bare), bare);
        assert_eq!(name(LogonName::AsWritten), as_written);
    }
}

/// Every key of the document, and values of every type: what a hostile or careless hand writes.
fn line() -> impl Strategy<Value = String> {
    let header = prop::sample::select(vec![
        "[[pool]]",
        "[[partner]]",
        "[gateway]",
        "[resolver]",
        "[audit]",
        "[access]",
        "[[access.role]]",
        "[[access.role.limit]]",
        "[[access.principal]]",
        "[[access.assignment]]",
    ]);
    let key = prop::sample::select(vec![
        "identity",
        "domains",
        "servers",
        "registrar_port",
        "security",
        "test_users",
        "domain",
        "receivers",
        "timeout",
        "name_servers",
        "config_scopes",
        "user_scopes",
        "template",
        "cmdlet",
        "parameter",
        "values",
        "pattern",
        "name",
        "keys",
        "role",
        "members",
        "body",
        "pool",
        "access",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        ".{0,12}".prop_map(|text| format!("{text:?}")),
        Just("['a.b', 'u@a.b', 'global', 'site:x', 'principal:x']".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("'(((('".to_owned()),
    ];
    prop_oneof![
        header.prop_map(str::to_owned),
        (key, value).prop_map(|(key, value)| format!("{key} = {value}"))
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = read(&text);
    }

    #[test]
    fn no_document_makes_the_reader_panic(lines in prop::collection::vec(line(), 0..20)) {
        let _ = read(&lines.join("\n"));
    }

    #[test]
    fn a_damaged_document_is_refused_or_read(at in 0..SAMPLE.len(), with in any::<char>()) {
        let mut damaged: Vec<char> = SAMPLE.chars().collect();
        damaged[at] = with;
        if let Err(mistakes) = read(&damaged.into_iter().collect::<String>()) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}
