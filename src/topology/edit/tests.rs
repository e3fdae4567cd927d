//! Changes against documents that people wrote.

use proptest::prelude::*;

use super::*;
use crate::access::Limit;
use crate::durable::faults::{at_every_place, confirm, told_to_die};
use crate::topology::Gateway;

mod written;

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
    Entry::pool(&identity.parse().unwrap())
}

fn text(value: &str) -> NewValue {
    NewValue::Text(value.into())
}

fn list(values: &[&str]) -> NewValue {
    NewValue::List(values.iter().map(|value| (*value).into()).collect())
}

/// The lines that differ after a change of [`BEFORE`]: those gone with `-`, those new with `+`.
fn changed(deed: impl FnOnce(&mut Document) -> Result<(), Fault>) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    std::fs::write(&path, BEFORE).unwrap();
    let rehearsed = rehearse(&path, |_| Ok::<_, Fault>(())).unwrap().after;
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
        (("registrar_port", NewValue::Number(5222)), vec!["+registrar_port = 5222"]),
        (("allow_plain", NewValue::Flag(true)), vec!["+allow_plain = true"]),
        (
            ("domains", list(&["litwareinc.com", "litwareinc.eu"])),
            vec!["-domains = [\"litwareinc.com\"]", "+domains = [\"litwareinc.com\", \"litwareinc.eu\"]"],
        ),
        (
            ("test_users", NewValue::Items { add: vec!["new@litwareinc.com".into()], remove: vec![] }),
            vec!["+    \"new@litwareinc.com\","],
        ),
        (
            ("test_users", list(&["pilar@litwareinc.com"])),
            vec!["-    \"sip:kenmyer@litwareinc.com\",  # Ken"],
        ),
        (
            ("test_users", NewValue::Items { add: vec!["PILAR@litwareinc.com".into()], remove: vec![] }),
            vec![],
        ),
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
        ("[\n  \"a\", # a\n  \"b\" # b\n]", "", "b", "[\n  \"a\" # a\n]"),
        ("[\n  \"a\", # a\n  \"b\" # b\n]", "", "a", "[\n  \"b\" # b\n]"),
        ("[\n  \"a\", # a\n  \"b\" # b\n]", "c", "b", "[\n  \"a\", # a\n  \"c\"\n]"),
        ("[\"a\", # a\n \"b\"]", "", "b", "[\"a\" # a\n]"),
        ("[\"a\", # a\n \"b\"] # x", "", "a", "[\"b\"] # x"),
        ("[ # x\n  \"a\", # a\n  \"b\",\n]", "", "a", "[ # x\n  \"b\",\n]"),
        ("[ # x\n  \"a\", # a\n]", "", "a", "[ # x\n]"),
        ("[\n  \"a\", # a\n]", "", "a", "[]"),
        ("[\n  \"a\", \"b\", # both\n  \"d\", # d\n]", "", "b", "[\n  \"a\", # both\n  \"d\", # d\n]"),
        ("[\n  \"a\", \"b\", # both\n  \"d\", # d\n]", "", "a", "[\n  \"b\", # both\n  \"d\", # d\n]"),
        ("[\n  \"a\" # a\n  , \"b\" # b\n]", "", "b", "[\n  \"a\" # a\n]"),
        ("[\n  \"a\" # a\n  , \"b\" # b\n]", "c", "", "[\n  \"a\" # a\n  , \"b\", # b\n   \"c\"\n]"),
        ("[\n  \"a\",\n  # below\n  \"b\"]", "", "b", "[\n  \"a\"\n  # below\n]"),
        ("[\n  # b is gone\n]", "c", "", "[\n  # b is gone\n    \"c\"\n]"),
        ("[\"a\"]", "", "a", "[]"),
    ] {
        let mut toml: DocumentMut = format!("x = {before}").parse().unwrap();
        let some = |item: &str| if item.is_empty() { vec![] } else { vec![item.to_owned()] };
        let setting = NewValue::Items { add: some(add), remove: some(remove) };
        apply(toml.as_table_mut(), "x", &setting, None).unwrap();
        assert_eq!(toml.to_string().trim_end(), format!("x = {after}"));
    }
}

#[test]
fn what_is_added_stands_behind_its_kind() {
    let told = changed(|document| {
        document.add(&pool("new.litwareinc.com"), &[("domains", list(&["litwareinc.eu"]))])?;
        document.set(&Entry::only::<Gateway>(), &[("timeout", text("90s"))])
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
        told(&|document| document.set(&ours, &[("registrar_prt", NewValue::Number(1))])),
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
    let contoso = Entry::partner(&"contoso.com".parse().unwrap());
    let after = change(&path, |document| {
        document.remove(&contoso)?;
        document.remove(&Entry::role("redmondhelpdesk"))?;
        document.remove(&Entry::principal("pilar"))
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
    let role = Entry::role("RedmondHelpDesk");
    let told = changed(|document| {
        document.set(&role, &[("limit", NewValue::Limits(vec![limited("a"), limited("b")]))])?;
        document.set(&role, &[("limit", NewValue::Limits(vec![limited("c")]))])
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
fn a_writer_that_dies_anywhere_leaves_the_old_document_or_the_new_one() {
    const TEST: &str =
        "topology::edit::tests::a_writer_that_dies_anywhere_leaves_the_old_document_or_the_new_one";
    let one = |n: usize| pool(&format!("p{n}.example"));
    let domains = |n: usize| [("domains", list(&[&format!("d{n}.example")]))];
    // Three are added, the first to no document at all; then the second one goes.
    if let Some(path) = told_to_die() {
        for n in 0..3 {
            change(Path::new(&path), |document| document.add(&one(n), &domains(n)))
                .unwrap_or_else(|fault: Fault| panic!("{fault}"));
            confirm(n);
        }
        change(Path::new(&path), |document| document.remove(&one(1)))
            .unwrap_or_else(|fault: Fault| panic!("{fault}"));
        confirm("removed");
        return;
    }
    let mut documents = vec![String::new()];
    for n in 1..=3 {
        let pools: Vec<String> = (0..n)
            .map(|n| format!("[[pool]]\nidentity = \"p{n}.example\"\ndomains = [\"d{n}.example\"]\n"))
            .collect();
        documents.push(pools.join("\n"));
    }
    let third: Vec<&str> = documents[3].split("\n\n").collect();
    documents.push([third[0], third[2]].join("\n\n"));
    let directory = tempfile::tempdir().unwrap();
    let path = std::cell::RefCell::new(std::path::PathBuf::new());
    let mut n_children = 0;
    let n_places = at_every_place(
        TEST,
        || {
            n_children += 1;
            *path.borrow_mut() = directory.path().join(format!("{n_children}/topology.toml"));
            path.borrow().display().to_string()
        },
        |n, confirmed| {
            let path = path.borrow();
            let there = std::fs::read_to_string(&*path).unwrap_or_default();
            let (old, new) = (confirmed.len(), (confirmed.len() + 1).min(documents.len() - 1));
            assert!(
                [&documents[old], &documents[new]].contains(&&there),
                "place {n}, {confirmed:?}:\n{there}"
            );
            change(&path, |document| document.set(&Entry::only::<Gateway>(), &[("timeout", text("90s"))]))
                .unwrap_or_else(|fault: Fault| panic!("place {n}: {fault}"));
            let then = std::fs::read_to_string(&*path).unwrap();
            assert!(
                then.starts_with(&there) && then.ends_with("[gateway]\ntimeout = \"90s\"\n"),
                "place {n}:\n{then}"
            );
        },
    );
    assert!(n_places >= 4 * 7, "{n_places}");
}

/// A document after a change.
fn after(before: &str, deed: impl FnOnce(&mut Document) -> Result<(), Fault>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topology.toml");
    std::fs::write(&path, before).unwrap();
    change(&path, deed).unwrap_or_else(|fault| panic!("{fault}\n{before}"));
    std::fs::read_to_string(&path).unwrap()
}

fn partner(domain: &str) -> Entry {
    Entry::partner(&domain.parse().unwrap())
}

#[test]
fn an_empty_list_of_partners_leaves_its_comments_to_the_first_one() {
    let before = "# Ours.\n\n# By mail only.\npartner = [  # none yet\n  # ask Kim\n]   # so far\n\n\
        # Redmond.\n[[pool]]\nidentity = \"a.x\"\ndomains = [\"x.y\"]\n";
    let told = after(before, |document| document.add(&partner("contoso.com"), &[]));
    assert_eq!(
        told,
        "\n# Redmond.\n[[pool]]\nidentity = \"a.x\"\ndomains = [\"x.y\"]\n\n\
         # Ours.\n# By mail only.\n# none yet\n# ask Kim\n# so far\n[[partner]]\ndomain = \"contoso.com\"\n"
    );
    let emptied = after(&told, |document| document.remove(&partner("contoso.com")));
    assert!(emptied.starts_with("partner = []\n\n\n# Redmond.\n[[pool]]\n"), "{emptied}");
}

#[test]
fn a_comment_stays_where_it_is_when_what_is_below_it_goes() {
    let before = "[[partner]]\ndomain = \"a.b\"\n# about a\n\n# about c\n[[partner]]\ndomain = \"c.d\"\n\n\
        # about the gateway\n[gateway]\n# on limits\n\n# one\nconnection_limit = 50 # fifty\n\n# deadlines\n\n\
        timeout = \"60s\"\n\n# Who.\n[resolver]\nname_servers = []\n";
    let told = after(before, |document| document.remove(&partner("c.d")));
    assert!(
        told.starts_with("[[partner]]\ndomain = \"a.b\"\n# about a\n\n# about the gateway\n[gateway]\n"),
        "{told}"
    );
    let gateway = |key| {
        move |document: &mut Document| document.set(&Entry::only::<Gateway>(), &[(key, NewValue::Default)])
    };
    let told = after(before, gateway("connection_limit"));
    assert!(told.contains("[gateway]\n# on limits\n\n# deadlines\n\ntimeout"), "{told}");
    let told = after(&told, gateway("timeout"));
    assert!(told.contains("[gateway]\n# on limits\n\n# deadlines\n\n# Who.\n[resolver]\n"), "{told}");
    let told = after(before, gateway("timeout"));
    assert!(told.contains("connection_limit = 50 # fifty\n\n# deadlines\n\n# Who.\n[resolver]\n"), "{told}");
}

#[test]
fn a_list_is_made_another_one_item_by_item() {
    let before = "test_users = [  # who\n    \"k@x.y\",  # Ken\n    # the second\n    \"p@x.y\",  # Pilar\n    \"l@x.y\",\n]";
    for (wanted, told) in [
        (
            &["n@x.y", "p@x.y", "l@x.y"][..],
            "[  # who\n    \"n@x.y\",\n    # the second\n    \"p@x.y\",  # Pilar\n    \"l@x.y\",\n]",
        ),
        (
            &["k@x.y", "n@x.y", "p@x.y", "l@x.y"][..],
            "[  # who\n    \"k@x.y\",  # Ken\n    \"n@x.y\",\n    # the second\n    \"p@x.y\",  # Pilar\n    \"l@x.y\",\n]",
        ),
        (&["P@x.y"][..], "[  # who\n    # the second\n    \"p@x.y\",  # Pilar\n]"),
        (
            &["k@x.y", "p@x.y", "l@x.y", "n@x.y"][..],
            "[  # who\n    \"k@x.y\",  # Ken\n    # the second\n    \"p@x.y\",  # Pilar\n    \"l@x.y\",\n    \"n@x.y\",\n]",
        ),
    ] {
        let mut toml: DocumentMut = before.parse().unwrap();
        apply(toml.as_table_mut(), "test_users", &list(wanted), None).unwrap();
        assert_eq!(toml.to_string().trim_end().trim_start_matches("test_users = "), told, "{wanted:?}");
    }
}

/// A list that fills the document, each item below a comment and in another spelling than the change's. The
/// work must not grow with the square of it: somebody waits for the lock.
#[test]
fn a_very_long_list_is_changed_as_fast_as_it_is_read() {
    const N: usize = 80_000;
    let item = |n: usize| format!("d{n}.example");
    let items: String = (0..N).map(|n| format!("    # {n}\n    \"D{n}.EXAMPLE\",\n")).collect();
    let before = format!("additional_domains = [\n{items}]");
    assert!(before.len() > 2 << 20);
    let toml: DocumentMut = before.parse().unwrap();
    let all: Vec<String> = (0..N).map(item).collect();
    let changed = |change: NewValue| {
        let mut toml = toml.clone();
        apply(toml.as_table_mut(), "additional_domains", &change, None).unwrap();
        toml.to_string()
    };
    let started = std::time::Instant::now();
    let only_last = changed(NewValue::Items { add: vec![item(N)], remove: all.clone() });
    assert_eq!(only_last.matches("# ").count(), N, "the comments stay");
    assert_eq!(only_last.matches('"').count(), 2);
    let all_there = changed(NewValue::Items { add: all.clone(), remove: Vec::new() });
    assert_eq!(all_there.matches('"').count(), 2 * N, "no item twice");
    let one_left = changed(list(&["d7.example"]));
    assert!(one_left.contains("# 7\n    \"D7.EXAMPLE\""), "the item that stays is as it was");
    let some: Vec<String> = (0..40).rev().map(|n| item(n * 2000)).collect();
    let turned = changed(NewValue::List(some));
    assert!(turned.find("D78000").unwrap() < turned.find("D0.").unwrap());
    // With the square it would be an hour.
    assert!(started.elapsed() < std::time::Duration::from_secs(120), "{:?}", started.elapsed());
}

#[test]
fn comments_of_inline_tables_and_of_their_list_stay() {
    let before = "# Agreed upon by mail.\npartner = [ # inline partners\n  { domain = \"contoso.com\" }, # contoso\n  \
        { domain = \"fabrikam.org\" }, # last one\n]\n";
    let without = |gone: &[&str]| {
        after(before, |document| gone.iter().try_for_each(|gone| document.remove(&partner(gone))))
    };
    let head = "# Agreed upon by mail.\npartner = [ # inline partners\n";
    assert_eq!(
        without(&["contoso.com"]),
        format!("{head}  {{ domain = \"fabrikam.org\" }}, # last one\n]\n")
    );
    assert_eq!(without(&["fabrikam.org"]), format!("{head}  {{ domain = \"contoso.com\" }}, # contoso\n]\n"));
    assert_eq!(without(&["fabrikam.org", "contoso.com"]), format!("{head}]\n"));
    assert_eq!(
        after(before, |document| document.add(&partner("x.example"), &[])),
        format!("{}  {{ domain = \"x.example\" }},\n]\n", before.trim_end().trim_end_matches(']'))
    );
}

#[test]
fn comments_of_limits_and_assignments_that_stay_stay() {
    let before = r#"[access]
assignment = [
  { role = "Administrator", members = ["os-user:root"] }, # root
  { role = "R", members = ["os-user:kim"] }, # R
]

# R, for Kim.
[[access.role]]
identity = "R"
template = "HelpDesk"

# not on Sundays
[[access.role.limit]] # first
cmdlet = "Test-XmppIM"
parameter = "body"   # the text
values = [
  "a", # a
  "b", # b
]

# nobody's

# gone
[[access.role.limit]]
cmdlet = "Test-XmppIM"
parameter = "Port"
values = []

# patterns
[[access.role.limit]]
cmdlet = "Test-Registration"
parameter = "TargetFqdn"
pattern = "x.*" # all of x
"#;
    let limited = |cmdlet: &str, parameter: &str, limit: Limit| LimitedParameter {
        cmdlet: cmdlet.parse().unwrap(),
        parameter: parameter.into(),
        limit,
    };
    let wanted = vec![
        limited("Test-XmppIM", "Timeout", Limit::Pattern("1.*".parse().unwrap())),
        limited("Test-Registration", "TargetFqdn", Limit::Pattern("x.*".parse().unwrap())),
        limited("Test-XmppIM", "Body", Limit::Values(vec!["b".into(), "c".into()])),
    ];
    let role = Entry::role("R");
    let told = after(before, |document| document.set(&role, &[("limit", NewValue::Limits(wanted.clone()))]));
    let (head, rest) = told.split_once("values = [").unwrap();
    assert_eq!(head, before.split_once("values = [").unwrap().0);
    assert_eq!(
        rest,
        r#"
  "b", # b
  "c",
]

# nobody's

# patterns
[[access.role.limit]]
cmdlet = "Test-Registration"
parameter = "TargetFqdn"
pattern = "x.*" # all of x

[[access.role.limit]]
cmdlet = "Test-XmppIM"
parameter = "Timeout"
pattern = "1.*"
"#
    );
    let told = after(before, |document| document.set(&role, &[("limit", NewValue::Default)]));
    assert!(told.ends_with("template = \"HelpDesk\"\n\n# nobody's\n"), "{told}");
    let told = after(before, |document| document.remove(&role));
    assert!(
        told.starts_with("[access]\nassignment = [\n  { role = \"Administrator\", members = [\"os-user:root\"] }, # root\n]\n"),
        "{told}"
    );
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

    /// Whatever is changed in whatever document, every line that the change is not about is there,
    /// letter for letter and in its order.
    #[test]
    fn what_is_not_changed_stays_letter_for_letter(
        (blocks, is_crlf) in written::document(),
        edits in prop::collection::vec(written::edit(), 1..4),
    ) {
        let lines: Vec<(String, String)> = [("# The first line.".to_owned(), String::new()), (String::new(), String::new())]
            .into_iter()
            .chain(blocks.iter().flat_map(written::Block::lines))
            .chain([("# The last line.".to_owned(), String::new())])
            .collect();
        let line_end = if is_crlf { "\r\n" } else { "\n" };
        let before: String = lines.iter().map(|(line, _)| format!("{line}{line_end}")).collect();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("topology.toml");
        std::fs::write(&path, &before).unwrap();
        let untouched = rehearse(&path, |_| Ok::<_, Fault>(())).unwrap().after;
        prop_assert_eq!(&untouched, &before);
        let mut touched = Vec::new();
        let made = change(&path, |document| {
            for edit in &edits {
                touched.extend(edit.make(&blocks, document).into_iter().flatten());
            }
            Ok::<_, Fault>(())
        });
        // Two edits may not go together: then nothing is written.
        let after = std::fs::read_to_string(&path).unwrap();
        if made.is_err() {
            prop_assert_eq!(after, before);
            return Ok(());
        }
        let is_touched = |whose: &str| touched.iter().any(|name| {
            whose == name || whose.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
        });
        let mut left = after.split_inclusive('\n');
        for (line, _) in lines.iter().filter(|(line, whose)| !line.is_empty() && !is_touched(whose)) {
            let wanted = format!("{line}{line_end}");
            prop_assert!(
                left.any(|there| there == wanted),
                "{line:?} is lost or elsewhere after {edits:?}\n--- before\n{before}\n--- after\n{after}"
            );
        }
    }

    /// Whichever items of whatever list go, change or come, those that stay keep their comments, and so does
    /// the list; only a comment behind an item that has its line for itself goes with it.
    #[test]
    fn comments_of_what_stays_in_a_list_stay(
        list in written::written_list(),
        fate in prop::collection::vec(0_u8..3, 5),
        new in 0_usize..3,
        how in 0_u8..4,
    ) {
        let n_items = list.items.len();
        let gone: Vec<usize> = (0..n_items).filter(|n| fate[*n] == 0).collect();
        let stays: Vec<usize> = (0..n_items).filter(|n| fate[*n] != 0).collect();
        let domain = |n: usize| format!("d{n}.example");
        let added: Vec<String> = (0..new).map(|n| domain(100 + n)).collect();
        let is_inline = how == 0;
        let before = if is_inline {
            format!("# head\npartner = {} # tail\n", list.text(|n| format!("{{ domain = \"{}\" }}", domain(n))))
        } else {
            format!(
                "# head\n[[partner]]\ndomain = \"x.y\"\nadditional_domains = {} # tail\n",
                list.text(|n| format!("'{}'", domain(n)))
            )
        };
        let entry = partner("x.y");
        let told = after(&before, |document| match how {
            0 => {
                gone.iter().try_for_each(|n| document.remove(&partner(&domain(*n))))?;
                // Where none is left the first new one is a table of its own.
                let added = if stays.is_empty() { &[][..] } else { &added };
                added.iter().try_for_each(|new| document.add(&partner(new), &[]))
            }
            1 => {
                let remove = gone.iter().map(|n| domain(*n)).collect();
                document.set(&entry, &[("additional_domains", NewValue::Items { add: added.clone(), remove })])
            }
            3 => {
                let wanted = stays.iter().rev().map(|n| domain(*n)).chain(added.iter().cloned()).collect();
                document.set(&entry, &[("additional_domains", NewValue::List(wanted))])
            }
            _ => {
                // In the places of those that go.
                let mut new = added.iter().cloned();
                let mut wanted = Vec::new();
                for n in 0..n_items {
                    wanted.extend(if gone.contains(&n) { new.next() } else { Some(domain(n)) });
                }
                document.set(&entry, &[("additional_domains", NewValue::List(wanted))])
            }
        });
        let comments = told.lines().flat_map(|line| line.split('#').skip(1)).map(str::trim);
        let mut comments: Vec<String> = comments
            .filter(|comment| !["head", "tail"].contains(comment))
            .map(|comment| format!("# {comment}"))
            .collect();
        let mut wanted = list.comments_without(&gone);
        if how == 3 {
            // In another order, too.
            comments.sort();
            wanted.sort();
        }
        prop_assert_eq!(comments, wanted, "{:?}\n{}\n{}", &gone, &before, &told);
        prop_assert!(told.starts_with("# head\n") && told.contains("] # tail"), "{}", &told);
        for n in 0..n_items {
            let Some(line) = told.lines().find(|line| line.contains(&format!("# behind {n}"))) else { continue };
            let own = list.before_the_comment_behind(n);
            for own in own.iter().filter(|one| !gone.contains(one) && (how != 3 || own.len() == 1)) {
                prop_assert!(line.contains(&domain(*own)), "{own} in {line:?}\n{before}\n{told}");
            }
        }
    }
}
