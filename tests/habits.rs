//! Habits of people who have typed PowerShell for years: what they type, and what comes out.
//!
//! A file in `habits/` holds habits with a blank line between two. Lines behind `> ` are a program that
//! works; lines behind `x ` are one that is refused, and then lines behind `+ ` are what its error says
//! to write instead, which works. What stands behind a program is what comes out: standard output, what is
//! said on standard error behind `! `, and the exit status in brackets if it is not 0.
//! `UPDATE_GOLDEN=1 cargo test --test habits` writes that anew, to be read before it is committed. Every
//! program runs in a process of its own, on a topology of two pools and without a network.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

/// At least so many habits are tried.
const LEAST: usize = 400;

/// At least so many of a hundred work.
const LEAST_WORKING: usize = 85;

/// A program and what comes of it.
struct Part {
    /// `>`, `x` or `+`.
    kind: char,
    program: String,
    outcome: String,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The habits of a file.
fn read(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut in_program = false;
    for line in text.lines() {
        let kind =
            line.chars().next().filter(|kind| matches!(kind, '>' | 'x' | '+') && line[1..].starts_with(' '));
        match kind {
            Some(kind) => {
                if !in_program || parts.last().is_none_or(|part| part.kind != kind) {
                    parts.push(Part { kind, program: String::new(), outcome: String::new() });
                }
                writeln!(parts.last_mut().unwrap().program, "{}", &line[2..]).unwrap();
                in_program = true;
            }
            None => {
                in_program = false;
                // An empty line of the output is written as a point.
                if let Some(part) = parts.last_mut().filter(|_| !line.is_empty()) {
                    writeln!(
                        part.outcome,
                        "{}",
                        if line == "." { "" } else { line.strip_prefix('\\').unwrap_or(line) }
                    )
                    .unwrap();
                }
            }
        }
    }
    parts
}

/// The same as the file has it.
fn written(parts: &[Part]) -> String {
    let mut text = String::new();
    for (place, Part { kind, program, outcome }) in parts.iter().enumerate() {
        if place > 0 && *kind != '+' {
            text.push('\n');
        }
        program.lines().for_each(|line| writeln!(text, "{kind} {line}").unwrap());
        for line in outcome.lines() {
            let is_doubtful = line.starts_with(['>', 'x', '+', '\\', '.']);
            let line = if line.trim().is_empty() {
                ".".to_owned()
            } else if is_doubtful {
                format!("\\{line}")
            } else {
                line.to_owned()
            };
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// What comes of a program.
fn outcome(program: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut imsh = support::imsh_at(home.path())
        .args(["--topology", "topology.toml", "run", "-"])
        .current_dir(folder("programs"))
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    imsh.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let ended = imsh.wait_with_output().unwrap();
    let mut shown = String::from_utf8(ended.stdout).unwrap();
    String::from_utf8(ended.stderr).unwrap().lines().for_each(|line| writeln!(shown, "! {line}").unwrap());
    if ended.status.code() != Some(0) {
        writeln!(shown, "[{}]", ended.status.code().unwrap()).unwrap();
    }
    shown.lines().fold(String::new(), |mut all, line| {
        writeln!(all, "{}", line.trim_end()).unwrap();
        all
    })
}

/// The outcomes of all programs, made by several threads.
fn outcomes(programs: &[&str]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let made = std::sync::Mutex::new(vec![String::new(); programs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((place, program)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|place| Some((place, programs.get(place)?)))
                {
                    let outcome = outcome(program);
                    made.lock().unwrap()[place] = outcome;
                }
            });
        }
    });
    made.into_inner().unwrap()
}

fn files() -> Vec<(PathBuf, Vec<Part>)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder("habits")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), read(&std::fs::read_to_string(&file).unwrap()))).collect()
}

#[test]
fn every_habit_works_or_is_refused_with_the_way() {
    let mut wrong = Vec::new();
    for (file, mut parts) in files() {
        let have = std::fs::read_to_string(&file).unwrap();
        let programs: Vec<&str> = parts.iter().map(|part| part.program.as_str()).collect();
        let made = outcomes(&programs);
        for (part, outcome) in parts.iter_mut().zip(made) {
            part.outcome = outcome;
        }
        let want = written(&parts);
        if have == want {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, want).unwrap();
        } else {
            let same = have.lines().zip(want.lines()).take_while(|(have, want)| have == want).count();
            let shown: Vec<_> = want.lines().skip(same.saturating_sub(2)).take(8).collect();
            wrong.push(format!("{}:{}\n{}", file.display(), same + 1, shown.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 and git diff show all of it\n{}", wrong.join("\n"));
}

#[test]
fn most_habits_work_and_none_is_left_without_a_way() {
    let (mut n_working, mut n_refused) = (0, 0);
    for (file, parts) in files() {
        for (place, part) in parts.iter().enumerate() {
            let said = format!("{}: {}", file.display(), part.program);
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
                _ => assert!(status.is_none(), "leads nowhere: {said}{}", part.outcome),
            }
        }
    }
    let n_habits = n_working + n_refused;
    assert!(n_habits >= LEAST, "{n_habits} habits");
    assert!(n_working * 100 >= n_habits * LEAST_WORKING, "{n_working} of {n_habits} work");
}
