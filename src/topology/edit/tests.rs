//! Changes against documents that people wrote.

use proptest::prelude::*;

use super::*;
use crate::access::Limit;
use crate::durable::faults::{STEPS, dying_at, in_child};

const BEFORE: &str = r#"# Maintained by the messaging team.

# Redmond first.
[[pool]]
identity = "atl-cs-001.litwareinc.com"   # the old cluster
domains = ["litwareinc.com"]
test_users = [
    "sip:kenmyer@litwareinc.com",  # Ken
    "sip:pilar@litwareinc.com",    # Pilar
]

# Dublin.
[[pool]]
identity = "dub-cs-001.litwareinc.com"
domains = ["litwareinc.ie"]

[[partner]]
domain = "contoso.com"

[[access.role]]
identity = "RedmondHelpDesk"
template = "HelpDesk"

[[access.principal]]
name = "pilar"

[[access.assignment]]
role = "RedmondHelpDesk"
members = ["principal:pilar", "os-user:kim"]
"#;

fn pool(identity: &str) -> Entry {
    Entry::Pool(identity.parse().unwrap())
}

fn text(value: &str) -> Setting {
    Setting::Text(value.into())
}

fn list(values: &[&str]) -> Setting {
    Setting::List(values.iter().map(|value| (*value).into()).collect())
}

/// The lines that differ after a change of [`BEFORE`]: those gone with `-`, those new with `+`.
fn changed(deed: impl FnOnce(&mut Document) -> Result<(), Fault>) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    std::fs::write(&path, BEFORE).unwrap();
    let (rehearsed, _) = rehearse(&path, |_| Ok::<_, Fault>(())).unwrap();
    assert_eq!(rehearsed, BEFORE, "a document that nobody changed is the same to the letter");
    change(&path, deed).unwrap();
    let after = std::fs::read_to_string(&path).unwrap();
    let only_in = |one: &str, other: &str, sign: char| -> Vec<String> {
        let other: Vec<&str> = other.lines().collect();
        one.lines().filter(|line| !other.contains(line)).map(|line| format!("{sign}{line}")).collect()
    };
    [only_in(BEFORE, &after, '-'), only_in(&after, BEFORE, '+')].concat()
}

#[test]
fn a_change_changes_its_own_lines_alone() {
    let identity = "ATL-cs-001.litwareinc.com.";
    for (settings, wanted) in [
        (("site", text("Redmond")), vec!["+site = \"Redmond\""]),
        (("registrar_port", Setting::Number(5222)), vec!["+registrar_port = 5222"]),
        (("allow_plain", Setting::Flag(true)), vec!["+allow_plain = true"]),
        (
            ("domains", list(&["litwareinc.com", "litwareinc.eu"])),
            vec!["-domains = [\"litwareinc.com\"]", "+domains = [\"litwareinc.com\", \"litwareinc.eu\"]"],
        ),
        (
            ("test_users", Setting::Items { add: vec!["new@litwareinc.com".into()], remove: vec![] }),
            vec!["+    \"new@litwareinc.com\","],
        ),
        (
            ("test_users", list(&["pilar@litwareinc.com"])),
            vec!["-    \"sip:kenmyer@litwareinc.com\",  # Ken"],
        ),
        (("test_users", Setting::Items { add: vec!["PILAR@litwareinc.com".into()], remove: vec![] }), vec![]),
    ] {
        let told = changed(|document| document.set(&pool(identity), std::slice::from_ref(&settings)));
        assert_eq!(told, wanted, "{settings:?}");
    }
}

#[test]
fn comments_in_a_list_stay_with_their_items() {
    for (before, add, remove, after) in [
        ("[\n  \"a\", # a\n  \"b\", # b\n]", "c", "", "[\n  \"a\", # a\n  \"b\", # b\n  \"c\",\n]"),
        ("[\n  \"a\", # a\n  \"b\" # b\n]", "c", "", "[\n  \"a\", # a\n  \"b\", # b\n  \"c\"\n]"),
        ("[\n  \"a\",\n  \"b\"\n]", "c", "", "[\n  \"a\",\n  \"b\",\n  \"c\"\n]"),
        ("[\"a\", \"b\"]", "c", "a", "[\"b\", \"c\"]"),
        ("[\n  # one\n  \"a\",\n  # two\n  \"b\",\n]", "", "a", "[\n  # one\n  # two\n  \"b\",\n]"),
    ] {
        let mut toml: DocumentMut = format!("x = {before}").parse().unwrap();
        let some = |item: &str| if item.is_empty() { vec![] } else { vec![item.to_owned()] };
        let setting = Setting::Items { add: some(add), remove: some(remove) };
        apply(toml.as_table_mut(), "x", &setting).unwrap();
        assert_eq!(toml.to_string().trim_end(), format!("x = {after}"));
    }
}

#[test]
fn what_is_added_stands_behind_its_kind() {
    let told = changed(|document| {
        document.add(&pool("new.litwareinc.com"), &[("domains", list(&["litwareinc.eu"]))])?;
        document.set(&Entry::Gateway, &[("timeout", text("90s"))])
    });
    assert_eq!(
        told,
        [
            "+identity = \"new.litwareinc.com\"",
            "+domains = [\"litwareinc.eu\"]",
            "+[gateway]",
            "+timeout = \"90s\"",
        ]
    );
}

#[test]
fn a_comment_that_belongs_to_nobody_stays_when_its_neighbour_goes() {
    let told = changed(|document| document.remove(&pool("atl-cs-001.litwareinc.com")));
    assert!(!told.iter().any(|line| line.contains("Maintained by")), "{told:?}");
    assert!(told.contains(&"-# Redmond first.".to_owned()), "{told:?}");
}

#[test]
fn what_would_be_wrong_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    std::fs::write(&path, BEFORE).unwrap();
    let told = |deed: &dyn Fn(&mut Document) -> Result<(), Fault>| {
        let told = change(&path, deed).map(|_| ()).unwrap_err().to_string();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), BEFORE);
        told.replace(&format!("{}", path.display()), "FILE")
    };
    let ours = pool("dub-cs-001.litwareinc.com");
    assert_eq!(
        told(&|document| document.set(&ours, &[("registrar_prt", Setting::Number(1))])),
        "the change is refused: FILE:16:1: pool[2].registrar_prt: is no key of this table (did you mean registrar_port?)"
    );
    assert_eq!(
        told(&|document| document.set(&ours, &[("test_users", list(&["a@contoso.com"]))])),
        "the change is refused: FILE:16:15: pool[2].test_users: a@contoso.com is at contoso.com, which this pool does not serve (add \"contoso.com\" to its domains)"
    );
    assert_eq!(told(&|document| document.remove(&pool("x.y"))), "the pool x.y is not in the topology");
    assert_eq!(
        told(&|document| document.add(&ours, &[])),
        "the pool dub-cs-001.litwareinc.com is in the topology already"
    );
    assert_eq!(
        told(&|document| document.set(&ours, &[("identity", text("x\"]\n[[pool]]"))])),
        "the change is refused: FILE:14:12: pool[2].identity: \"x\\\"]\\n[[pool]]\" is no domain name"
    );
}

#[test]
fn removing_the_last_one_never_opens_what_was_shut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    std::fs::write(&path, BEFORE).unwrap();
    let contoso = Entry::Partner("contoso.com".parse().unwrap());
    let after = change(&path, |document| {
        document.remove(&contoso)?;
        document.remove(&Entry::Role("redmondhelpdesk".into()))?;
        document.remove(&Entry::Principal("pilar".into()))
    });
    let after = after.map_err(|fault: Fault| fault.to_string()).unwrap();
    assert_eq!(after.partners.as_deref().map(<[_]>::len), Some(0), "an empty list still allows nobody");
    let access = after.access.unwrap();
    assert!(access.roles.is_empty() && access.principals.is_empty() && access.assignments.is_empty());
    let back = change(&path, |document| document.add(&contoso, &[("description", text("back"))]));
    let back = back.map_err(|fault: Fault| fault.to_string()).unwrap();
    assert_eq!(back.partners.unwrap()[0].description.as_deref(), Some("back"));
    assert!(std::fs::read_to_string(&path).unwrap().contains("[[partner]]\ndomain = \"contoso.com\""));
}

#[test]
fn roles_are_granted_and_revoked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    let member = |written: &str| written.parse::<Member>().unwrap();
    let (kim, lee) = (member("os-user:kim"), member("os-user:lee"));
    let granted = change(&path, |document| {
        assert!(document.grant("Administrator", &kim)?);
        assert!(!document.grant("CsAdministrator", &kim)?);
        assert!(document.grant("administrator", &lee)?);
        assert!(document.grant("HelpDesk", &lee)?);
        Ok::<_, Fault>(())
    });
    let assignments = granted.unwrap().access.unwrap().assignments;
    assert_eq!(assignments.len(), 2);
    assert_eq!(assignments[0].members, [kim.clone(), lee.clone()]);
    let revoked = change(&path, |document| {
        assert!(document.revoke("Administrator", &kim) && !document.revoke("Administrator", &kim));
        assert!(document.revoke("HelpDesk", &lee));
        Ok::<_, Fault>(())
    });
    let assignments = revoked.unwrap().access.unwrap().assignments;
    assert_eq!(assignments.len(), 1);
    assert_eq!(assignments[0].members, [lee]);
}

#[test]
fn limits_are_replaced_as_a_whole() {
    let limited = |pattern: &str| LimitedParameter {
        cmdlet: "Test-XmppIM".parse().unwrap(),
        parameter: "Body".into(),
        limit: Limit::Pattern(pattern.parse().unwrap()),
    };
    let role = Entry::Role("RedmondHelpDesk".into());
    let told = changed(|document| {
        document.set(&role, &[("limit", Setting::Limits(vec![limited("a"), limited("b")]))])?;
        document.set(&role, &[("limit", Setting::Limits(vec![limited("c")]))])
    });
    assert_eq!(
        told,
        ["+[[access.role.limit]]", "+cmdlet = \"Test-XmppIM\"", "+parameter = \"Body\"", "+pattern = \"c\""]
    );
}

#[test]
fn writers_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("below/topology.toml");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for n in 0..5 {
                    let entry = pool(&format!("p{n}.w{writer}.example"));
                    let domains = ("domains", list(&[&format!("d{n}.w{writer}.example")]));
                    change(path, |document| document.add(&entry, &[domains]))
                        .map_err(|f: Fault| f.to_string())
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(Topology::load(&path).unwrap().pools.len(), 20);
}

#[test]
fn a_writer_that_dies_leaves_the_old_document_or_the_new_one() {
    const TEST: &str = "topology::edit::tests::a_writer_that_dies_leaves_the_old_document_or_the_new_one";
    let removal = |document: &mut Document| document.remove(&pool("dub-cs-001.litwareinc.com"));
    if let Ok(told) = std::env::var("IMSH_TEST_DIE") {
        let (n, path) = told.split_once(' ').unwrap();
        let path = Path::new(path);
        let _lock = durable::lock(path).unwrap();
        let (document, _) = rehearsed(path, removal).unwrap();
        let mut dying = dying_at(STEPS[n.parse::<usize>().unwrap()]);
        let _ = durable::replace_watched(path, document.text().as_bytes(), NEW_MODE, &mut dying);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    for n in 0..STEPS.len() {
        std::fs::write(&path, BEFORE).unwrap();
        let child = in_child(TEST, "IMSH_TEST_DIE", &format!("{n} {}", path.display()));
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.status), Some(9));
        let is_new = Topology::load(&path).unwrap().pools.len() == 1;
        assert_eq!(is_new, n == STEPS.len() - 1);
        if !is_new {
            assert_eq!(std::fs::read_to_string(&path).unwrap(), BEFORE);
        }
        change(&path, |document| document.set(&Entry::Gateway, &[("timeout", text("90s"))]))
            .map_err(|fault: Fault| fault.to_string())
            .unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is set, the document is refused or reads back as what was set.
    #[test]
    fn a_text_that_is_set_reads_back(value in any::<String>()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("topology.toml");
        std::fs::write(&path, BEFORE).unwrap();
        let entry = pool("dub-cs-001.litwareinc.com");
        match change(&path, |document| document.set(&entry, &[("description", text(&value))])) {
            Ok(topology) => prop_assert_eq!(topology.pools[1].description.as_deref(), Some(value.as_str())),
            Err(fault) => {
                let fault: Fault = fault;
                prop_assert!(value.trim().is_empty(), "{}", fault);
            }
        }
    }
}
