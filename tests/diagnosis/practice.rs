//! The exercises that the catalogue names are those of the practice network.

use std::collections::BTreeMap;

use imsh::internals::diagnosis::catalogue::catalogue;
use imsh::internals::lab::exercises;

use crate::golden::golden;

#[test]
fn every_exercise_that_shows_a_code_is_named_beside_it() {
    let exercises = exercises();
    let mut shown = BTreeMap::new();
    for exercise in &exercises {
        shown.entry(exercise.lesson.code).or_insert((exercise.target, exercise.receiver.as_str()));
    }
    let text: String = catalogue()
        .iter()
        .filter_map(|entry| {
            let (target, receiver) = shown.get(entry.code)?;
            Some(format!("{} {target} {receiver}\n", entry.code))
        })
        .collect();
    golden("src/diagnosis/practice.txt", &text);
    let first = catalogue().iter().find_map(|entry| entry.practice()).unwrap().to_string();
    assert!(first.starts_with("imsh --lab -c 'Test-XmppIM -TargetFqdn "), "{first}");
}
