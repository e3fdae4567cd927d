//! Habits of people who have typed PowerShell for years: what they type, and what comes out.
//!
//! A file beside this one holds habits with a blank line between two. Lines behind `> ` are a program that
//! works; lines behind `x ` are one that is refused, and then lines behind `+ ` are what its error says
//! to write instead, which works; lines behind `? ` are a program that `imsh lint` looks at. What stands behind
//! a program is what comes out: standard output, what is said on standard error behind `! `, and the exit
//! status in brackets if it is not 0. `UPDATE_GOLDEN=1 cargo test --test habits` writes that anew, to be read
//! before it is committed. Every program runs in a process and a directory of its own, on a topology of two
//! pools and without a network, or on the practice network where its first line says so.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod advice;
mod corpus;
#[path = "../support/mod.rs"]
mod support;

use corpus::{HabitFile, compare, files};

/// At least so many habits are tried.
const LEAST: usize = 400;

/// At least so many of a hundred work.
const LEAST_WORKING: usize = 85;

#[test]
fn every_habit_works_or_is_refused_with_the_way() {
    let wrong = compare("tests/habits");
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 and git diff show all of it\n{}", wrong.join("\n"));
}

#[test]
fn most_habits_work_and_none_is_left_without_a_way() {
    let (mut n_working, mut n_refused) = (0, 0);
    for HabitFile { path, parts } in files("tests/habits") {
        for (place, part) in parts.iter().enumerate() {
            let said = format!("{}: {}", path.display(), part.program);
            let status = part
                .outcome
                .lines()
                .last()
                .filter(|line| line.starts_with('[') && line.ends_with(']') && line.len() < 6);
            // Programs that mean to end otherwise.
            let ends = ["throw", "exit", "nope", "1/0", "10 / 0", "Write-Error", "not a date", "-f 1"]
                .iter()
                .any(|word| part.program.contains(word));
            match part.kind {
                '>' => {
                    n_working += 1;
                    assert!(status.is_none() || ends, "does not work: {said}{}", part.outcome);
                }
                'x' => {
                    n_refused += 1;
                    assert!(part.outcome.contains("! ") && status.is_some(), "is not refused: {said}");
                    let way = parts.get(place + 1).map(|next| next.kind);
                    assert_eq!(way, Some('+'), "has no way: {said}");
                }
                '?' => {}
                _ => assert!(status.is_none() || ends, "leads nowhere: {said}{}", part.outcome),
            }
        }
    }
    let n_habits = n_working + n_refused;
    assert!(n_habits >= LEAST, "{n_habits} habits");
    assert!(n_working * 100 >= n_habits * LEAST_WORKING, "{n_working} of {n_habits} work");
}
