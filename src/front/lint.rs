//! `imsh lint`: every mistake of a script that can be found without running it.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::output::Console;
use super::report;
use super::run::read;
use super::start;
use crate::cmdlet::Position;
use crate::cmdlets;
use crate::render::Format;
use crate::script::check::{CheckReport, Import, Remark, RemarkSeverity, check};
use crate::script::library;

/// One finding, as `--output json` prints it.
#[derive(Serialize)]
struct LintFinding<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    severity: &'static str,
    message: &'a str,
}

/// Checks the scripts; ends with 2 where one has a mistake.
pub fn lint(options: &SessionOptions, scripts: &[PathBuf]) -> ExitStatus {
    let output = Console::new(options.output, options.color);
    let [as_array, as_lines] = [Format::JSON, Format::JSONL].map(|format| options.output == Some(format));
    let catalogue = cmdlets::catalogue();
    let mut status = ExitStatus::Success;
    let mut printed = Vec::new();
    // Each with the directory that it imports from.
    let mut to_read: VecDeque<(PathBuf, Option<PathBuf>)> =
        scripts.iter().map(|script| (script.clone(), beside(script))).collect();
    let mut read_before: HashSet<PathBuf> = HashSet::new();
    while let Some((script, library)) = to_read.pop_front() {
        let canonical = script.canonicalize().unwrap_or_else(|_| script.clone());
        if !read_before.insert(canonical) {
            continue;
        }
        let name = start::display_name(&script);
        let text = match read(&script) {
            Ok(text) => text,
            Err(error) => {
                output.note(&format!("imsh: {name}: {error}"));
                status = ExitStatus::Wrong;
                let position = Position { line: 1, column: 1 };
                let message = format!("The file could not be read: {error}");
                printed.push(json(&name, &Remark { position, severity: RemarkSeverity::Error, message }));
                continue;
            }
        };
        let CheckReport { mut remarks, imports } = check(&text, &catalogue);
        for Import { name, position, severity } in imports {
            let Some(library) = &library else { continue };
            match library::file_of(library, &name) {
                Ok(module) => to_read.push_back((shown_from(library, module), Some(library.clone()))),
                Err(message) => remarks.push(Remark { position, severity, message }),
            }
        }
        remarks.sort_by_key(|remark| remark.position);
        if remarks.iter().any(|remark| remark.severity == RemarkSeverity::Error) {
            status = ExitStatus::Wrong;
        }
        let lines: Vec<&str> = text.lines().collect();
        for remark in &remarks {
            if as_array || as_lines {
                printed.push(json(&name, remark));
            } else {
                output.text(&report::remark(remark, &name, &lines));
            }
        }
    }
    if as_array {
        output.text(&format!("[{}]", printed.join(",")));
    } else {
        printed.iter().for_each(|line| output.text(line));
    }
    status
}

/// The directory that a script imports from; of standard input, the current one.
fn beside(script: &Path) -> Option<PathBuf> {
    let directory = script.parent().filter(|directory| *directory != Path::new(""));
    Some(directory.unwrap_or(Path::new(".")).to_owned())
}

/// A module's file as it is seen from where the script's was named.
fn shown_from(library: &Path, module: PathBuf) -> PathBuf {
    let root = library.canonicalize().ok();
    match root.and_then(|root| module.strip_prefix(root).ok().map(|inside| library.join(inside))) {
        Some(inside) => inside.strip_prefix(".").map_or(inside.clone(), Path::to_owned),
        None => module,
    }
}

fn json(file: &str, remark: &Remark) -> String {
    let Position { line, column } = remark.position;
    let finding =
        LintFinding { file, line, column, severity: remark.severity.name(), message: &remark.message };
    // A record of texts and numbers always has a form in JSON.
    serde_json::to_string(&finding).unwrap_or_default()
}
