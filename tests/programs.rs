//! Programs with what they print and how they end, read and reviewed as text.
//!
//! A file in `programs/` holds cases: a line `=== title`, the program, a line `---`, and what comes
//! of it: standard output, then what is said on standard error behind `!`, then the exit status if
//! it is not 0. `UPDATE_GOLDEN=1 cargo test --test programs` writes the second halves anew, to be
//! read before they are committed. Every program runs in a process of its own, on a topology of two
//! pools and without a network.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/golden.rs"]
mod golden;
mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use golden::golden;
use support::{imsh, imsh_at};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// What comes of a program.
fn outcome(program: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut imsh = imsh_at(home.path())
        .args(["--topology", "topology.toml", "run", "-", "first", "second"])
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    imsh.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let ended = imsh.wait_with_output().unwrap();
    let here = folder().display().to_string();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&here, "…");
    let mut shown = text(ended.stdout);
    text(ended.stderr).lines().for_each(|line| writeln!(shown, "! {line}").unwrap());
    match ended.status.code() {
        Some(0) => {}
        code => writeln!(shown, "[{}]", code.unwrap()).unwrap(),
    }
    shown
}

/// What the check of a program says without running it; nothing if it has no mistake.
fn lint(program: &str) -> Option<String> {
    let mut imsh = imsh()
        .args(["lint", "-"])
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    imsh.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let ended = imsh.wait_with_output().unwrap();
    (!ended.status.success()).then(|| String::from_utf8(ended.stdout).unwrap())
}

/// Titles and programs of a file.
fn cases(file: &str) -> impl Iterator<Item = (&str, &str)> {
    file.split("=== ").skip(1).map(|case| {
        let (title, rest) = case.split_once('\n').unwrap();
        (title, rest.split_once("\n---\n").map_or(rest.trim_end(), |(program, _)| program))
    })
}

fn check(file: &str) {
    let path = folder().join(file);
    let have = std::fs::read_to_string(&path).unwrap();
    let outcomes = |(title, program)| format!("=== {title}\n{program}\n---\n{}\n", outcome(program));
    let want: String = cases(&have).map(outcomes).collect();
    golden(Path::new("tests/programs").join(file), &want);
}

#[test]
fn an_administrators_habits() {
    check("habits.txt");
}

#[test]
fn objects_in_the_pipe() {
    check("objects.txt");
}

#[test]
fn data_comes_in_whole_or_the_loss_is_told() {
    check("data.txt");
}

#[test]
fn mistakes_point_into_the_authors_text() {
    check("mistakes.txt");
}

#[test]
fn programs_in_rhai_with_commands_in_them() {
    check("rhai.txt");
}

#[test]
fn what_runs_without_a_mistake_has_none_before_it_runs() {
    for file in ["habits.txt", "objects.txt", "data.txt", "mistakes.txt", "rhai.txt"] {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        for (title, program) in cases(&text) {
            let runs = !outcome(program).lines().any(|line| line.starts_with("! ") && line.contains("-->"));
            if runs && let Some(said) = lint(program) {
                panic!("{file}: {title}: {said}");
            }
        }
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    for script in std::fs::read_dir(scripts).unwrap() {
        let path = script.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rhai") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(lint(&text), None, "{}", path.display());
        }
    }
}
