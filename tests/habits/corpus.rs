//! How the files of habits are written, and how the programs in them are run.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::imsh_at;

/// A program and what comes of it.
pub struct Part {
    /// `>`, `x`, `+` or `?`.
    pub kind: char,
    pub program: String,
    pub outcome: String,
}

/// A file of habits.
pub struct HabitFile {
    pub path: PathBuf,
    pub parts: Vec<Part>,
}

/// The files of a folder, in order.
pub fn files(folder: &str) -> Vec<HabitFile> {
    let entries = std::fs::read_dir(at_root(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect();
    paths.sort();
    let file = |path: PathBuf| HabitFile { parts: read(&std::fs::read_to_string(&path).unwrap()), path };
    paths.into_iter().map(file).collect()
}

/// Runs what the files of a folder hold; what comes out otherwise, or nothing where the files were written anew.
pub fn compare(folder: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for HabitFile { path, mut parts } in files(folder) {
        let have = std::fs::read_to_string(&path).unwrap();
        let made = outcomes(&parts);
        for (part, outcome) in parts.iter_mut().zip(made) {
            part.outcome = outcome;
        }
        let want = written(&parts);
        if have == want {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, want).unwrap();
        } else {
            let same = have.lines().zip(want.lines()).take_while(|(have, want)| have == want).count();
            let shown: Vec<_> = want.lines().skip(same.saturating_sub(2)).take(8).collect();
            wrong.push(format!("{}:{}\n{}", path.display(), same + 1, shown.join("\n")));
        }
    }
    wrong
}

pub fn at_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut in_program = false;
    for line in text.lines() {
        let kind = line
            .chars()
            .next()
            .filter(|kind| matches!(kind, '>' | 'x' | '+' | '?') && line[1..].starts_with(' '));
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
        // Two ways in a row need something between them.
        let follows_silence = place
            .checked_sub(1)
            .is_some_and(|before| parts[before].kind == *kind && parts[before].outcome.is_empty());
        if place > 0 && (*kind != '+' || follows_silence) {
            text.push('\n');
        }
        program.lines().for_each(|line| writeln!(text, "{kind} {line}").unwrap());
        for line in outcome.lines() {
            let is_doubtful = line.starts_with(['>', 'x', '+', '?', '\\', '.']);
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

/// What comes of a program: in a directory of its own, which holds what `programs/` does, a text, a module and a
/// password under the names that advice gives them.
fn outcome(kind: char, program: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let here = home.path().join("here");
    copy(&at_root("tests/programs"), &here);
    std::fs::write(here.join("name"), "[\"one\", \"two\"]\n").unwrap();
    std::fs::write(here.join("name.rhai"), "fn greeting() { \"from the module\" }\n").unwrap();
    std::fs::write(here.join("file"), "correct horse\n").unwrap();
    let mut command = imsh_at(home.path());
    if program.starts_with("# On the practice network") {
        command.args(["--lab"]);
    } else {
        command.args(["--topology", "topology.toml"]);
    }
    match kind {
        '?' => command.args(["lint", "-"]),
        _ if program.contains("$args") => command.args(["run", "-", "first", "second"]),
        _ => command.args(["run", "-"]),
    };
    let mut imsh = command
        .current_dir(&here)
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
    let shown = shown.replace(&here.display().to_string(), "…");
    shown.lines().fold(String::new(), |mut all, line| {
        writeln!(all, "{}", line.trim_end()).unwrap();
        all
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The outcomes of all programs, made by several threads.
fn outcomes(parts: &[Part]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let made = Mutex::new(vec![String::new(); parts.len()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((place, part)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|place| Some((place, parts.get(place)?)))
                {
                    let outcome = outcome(part.kind, &part.program);
                    made.lock().unwrap()[place] = outcome;
                }
            });
        }
    });
    made.into_inner().unwrap()
}
