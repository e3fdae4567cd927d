//! The golden catalogue: every code, and every fault and bounce in the words that people read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use imsh::internals::diagnosis::catalogue::catalogue;
use imsh::internals::diagnosis::{Finding, beside};

use imsh::internals::diagnosis::Owner;
use imsh::internals::diagnosis::secure::servers_only;
use imsh::internals::xmpp::Phase;
use imsh::internals::xmpp::certificate::{CertificateName, CertificateReport, KeyPurpose};
use imsh::internals::xmpp::condition::StanzaCondition;
use imsh::internals::xmpp::connect::ConnectOutcome;
use imsh::internals::xmpp::deliver::{OpenDoubt, Party};
use imsh::internals::xmpp::trace::{Fact, Trace};

use crate::bounces::rows;
use crate::examples::{error, examples};
use crate::golden::golden;
use crate::looks::looks;
use crate::scene::{attempt, context, report};

#[test]
fn the_catalogue_reads_as_it_should() {
    golden("tests/golden/diagnosis.txt", &every_finding());
}

#[test]
fn every_finding_is_in_the_catalogue_with_its_owner() {
    for (name, finding) in all() {
        let entry = catalogue().iter().find(|entry| entry.code == finding.code);
        let entry = entry.unwrap_or_else(|| panic!("{} is not in the catalogue", finding.code));
        assert!(
            entry.owners.contains(&finding.owner),
            "{name}: {} is not of {}",
            finding.code,
            finding.owner
        );
    }
}

#[test]
fn every_code_of_a_test_that_ran_has_an_example() {
    let shown: BTreeSet<_> = all().into_iter().map(|(_, finding)| finding.code).collect();
    let missing: Vec<_> = catalogue()
        .iter()
        .map(|entry| entry.code)
        .filter(|code| !shown.contains(code) && !code.starts_with("PLAN-") && *code != "DNS-ELSEWHERE")
        .collect();
    assert!(missing.is_empty(), "nothing shows {missing:?}");
}

#[test]
fn codes_are_unique_words() {
    let codes: BTreeSet<_> = catalogue().iter().map(|entry| entry.code).collect();
    assert_eq!(codes.len(), catalogue().len());
    for code in codes {
        assert!(code.chars().all(|c| c.is_ascii_uppercase() || c == '-'), "{code}");
    }
}

/// What Rust prints for programmers is no word for an operator.
#[test]
fn no_finding_holds_what_rust_prints_of_a_value() {
    let debug =
        regex::Regex::new(r"\b(Some|Ok|Err|None|Box)\(|\b[A-Z]\w* \{ |\{ \w+: |::|\[\d+, \d+|OtherError")
            .unwrap();
    for (name, finding) in all() {
        for text in [&finding.title, &finding.remedy].into_iter().chain(&finding.evidence) {
            // An IPv6 address has two colons as well.
            let text = text.replace("[::1]", "");
            assert!(!debug.is_match(&text), "{name}: {text}");
        }
    }
}

/// A title is a clause, a remedy is made of sentences, and none of them is long.
#[test]
fn findings_keep_to_their_grammar() {
    for (name, finding) in all() {
        assert!(!finding.title.ends_with('.') && !finding.title.is_empty(), "{name}: {}", finding.title);
        assert!(finding.remedy.ends_with('.'), "{name}: {}", finding.remedy);
        for evidence in &finding.evidence {
            assert!(!evidence.ends_with('.'), "{name}: {evidence}");
        }
        let length = finding.diagnosis().chars().count();
        assert!(length < 1200, "{name}: {length} characters");
        assert!(finding.diagnosis().starts_with(&format!("{}, {}: ", finding.code, finding.owner)));
    }
}

fn all() -> Vec<(String, Finding)> {
    let examples = examples().into_iter().map(|example| (example.name().to_owned(), example.finding()));
    let rows = rows().map(|row| (format!("{}, by {}", row.case, row.software), row.diagnose()));
    let servers_only = servers_only(
        &CertificateReport {
            purpose: KeyPurpose::ServersOnly,
            ..report(Ok(CertificateName::Dns("litwareinc.com".to_owned())))
        },
        "litwareinc.com",
        Owner::Pool,
    );
    let servers_only = servers_only.map(|finding| ("a certificate for servers only".to_owned(), finding));
    examples
        .chain(rows)
        .chain(looks())
        .chain(doubts())
        .chain(servers_only)
        .chain([passed_over()])
        .chain(beside_a_success())
        .collect()
}

fn passed_over() -> (String, Finding) {
    let mut trace = Trace::new();
    trace.begin(Phase::Connect);
    trace.learn(Fact::Attempted(attempt(5222, ConnectOutcome::Refused)));
    trace.begin(Phase::Bind);
    trace.learn(Fact::Bound("kenmyer@litwareinc.com/r1".to_owned()));
    let finding =
        imsh::internals::diagnosis::connect::passed_over(&trace, "atl-cs-001.litwareinc.com").unwrap();
    ("a server that was passed over".to_owned(), finding)
}

/// What a success leaves open.
fn doubts() -> Vec<(String, Finding)> {
    let doubt = |party, software: Option<&str>| OpenDoubt::MessageNotReturned {
        party,
        software: software.map(str::to_owned),
        waited: Duration::from_secs(1),
    };
    [
        ("a partner of unknown software keeps a message", doubt(Party::Partner, None)),
        ("a pool of unknown software keeps a message", doubt(Party::Pool, Some("Openfire"))),
    ]
    .into_iter()
    .flat_map(|(name, doubt)| {
        let findings = imsh::internals::diagnosis::deliver::doubts(&[doubt], &context(None));
        findings.into_iter().map(move |finding| (name.to_owned(), finding))
    })
    .collect()
}

/// What is wrong beside tests that succeed.
fn beside_a_success() -> Vec<(String, Finding)> {
    let limit = Duration::from_millis(1500);
    let unsigned = error("cancel", StanzaCondition::ServiceUnavailable, None);
    [
        ("a pool's certificate ends soon", beside::certificate_ends("atl-cs-001.litwareinc.com", 5)),
        ("a partner's certificate ends soon", beside::partners_certificate_ends("contoso.com", 13)),
        (
            "an error came when the success was told",
            beside::revised("adelany@contoso.com", Duration::from_secs(3)),
        ),
        ("a domain answers, and no ping", beside::ping_refused("contoso.com", &unsigned, Owner::Unknown)),
        ("slower than -WarningLatency", beside::slow("atl-cs-001.litwareinc.com", limit)),
        ("slower than -CriticalLatency", beside::far_too_slow("contoso.com", limit)),
    ]
    .map(|(name, finding)| (name.to_owned(), finding))
    .into()
}

fn every_finding() -> String {
    let all = all();
    let mut text = String::new();
    for entry in catalogue() {
        let owners: Vec<_> = entry.owners.iter().map(ToString::to_string).collect();
        let (passes, holds_for) = (entry.persistence.name(), entry.reach.name());
        writeln!(text, "{} ({}; {passes}, {holds_for})", entry.code, owners.join(", ")).unwrap();
        writeln!(text, "  Means: {}", entry.meaning).unwrap();
        writeln!(text, "  Do: {}", entry.remedy).unwrap();
        for (name, finding) in all.iter().filter(|(_, finding)| finding.code == entry.code) {
            writeln!(text, "  - {name}").unwrap();
            writeln!(text, "      Error     : {}", finding.error()).unwrap();
            writeln!(text, "      Diagnosis : {}", finding.diagnosis()).unwrap();
        }
        text.push('\n');
    }
    text
}
