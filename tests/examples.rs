//! Every example of every cmdlet, typed at the program on the practice network and held against
//! what it must print.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use imsh::internals::cmdlet::{Description, Family};
use imsh::internals::cmdlets::ALL;
use support::imsh_at;

fn descriptions() -> impl Iterator<Item = &'static Description> {
    ALL.iter().map(|cmdlet| &cmdlet.description)
}

/// What the program prints, first the output and then what it says beside it. A cmdlet that asks what was
/// before finds the results of two runs.
fn printed(family: Family, code: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let run = |code: &str| {
        let mut program = imsh_at(home.path());
        if family == Family::Results {
            program.args(["--store", "results.sqlite"]);
        }
        program.args(["--lab", "-c", code]).current_dir(home.path()).output().unwrap()
    };
    if family == Family::Results {
        for _ in 0..2 {
            run("Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com");
        }
    }
    let program = run(code);
    format!("{}{}", String::from_utf8(program.stdout).unwrap(), String::from_utf8(program.stderr).unwrap())
}

/// Whether a text is as the example says, where `…` stands for anything.
fn is_as_said(printed: &str, said: &str) -> bool {
    let mut rest = printed;
    for (place, part) in said.split('…').enumerate() {
        match rest.find(part) {
            Some(0) => rest = &rest[part.len()..],
            Some(at) if place > 0 => rest = &rest[at + part.len()..],
            Some(_) | None => return false,
        }
    }
    rest.is_empty() || said.ends_with('…')
}

#[test]
fn every_example_prints_what_it_says() {
    let mut wrong = Vec::new();
    for description in descriptions() {
        for example in description.examples {
            let printed = printed(description.family, example.code);
            if !is_as_said(printed.trim(), example.output.trim()) {
                wrong.push(format!(
                    "{}: {}\n> {}\n--- says\n{}\n--- prints\n{printed}",
                    description.name, example.title, example.code, example.output
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_cmdlet_has_an_example() {
    let without: Vec<_> = descriptions().filter(|one| one.examples.is_empty()).map(|one| one.name).collect();
    assert!(without.is_empty(), "{without:?}");
}
