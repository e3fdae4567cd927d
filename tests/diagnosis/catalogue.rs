//! The golden catalogue: every code, and every fault and bounce in the words that people read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use imsh::diagnosis::Finding;
use imsh::diagnosis::catalogue::catalogue;

use crate::bounces::rows;
use crate::examples::examples;
use crate::looks::looks;

/// `UPDATE_GOLDEN=1 cargo test --test diagnosis` writes it anew; then read it.
#[test]
fn the_catalogue_reads_as_it_should() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/diagnosis.txt");
    let text = golden();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &text).unwrap();
    }
    let known = fs::read_to_string(path).unwrap_or_default();
    let differing = text.lines().zip(known.lines()).find(|(new, old)| new != old);
    assert!(text == known, "tests/golden/diagnosis.txt differs: {differing:?}");
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
    examples.chain(rows).chain(looks()).collect()
}

fn golden() -> String {
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
