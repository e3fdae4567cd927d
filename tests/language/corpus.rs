//! The corpus: texts with what becomes of them, read and reviewed as text.
//!
//! A file in `corpus/` holds cases: a line `=== title`, the text, a line `---`, and what comes of
//! it: the lowered text, warnings, or mistakes with their carets. `UPDATE_GOLDEN=1 cargo test`
//! writes the second halves anew, to be read before they are committed. Every lowered text is also
//! compiled by Rhai.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use imsh::internals::script::language::{ReadingContext, caret, lower_in, read};

use crate::catalogue::catalogue;
use crate::golden::difference;

#[test]
fn every_text_of_the_corpus_becomes_what_it_says() {
    let mut wrong = Vec::new();
    for (name, have) in files() {
        let want: String = cases(&have)
            .map(|(title, text)| format!("=== {title}\n{text}\n---\n{}\n", outcome(text)))
            .collect();
        wrong.extend(difference(&Path::new("tests/language/corpus").join(&name), &want));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language/corpus")
}

/// Names and contents of the corpus, in order.
pub fn files() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Titles and texts of a file.
pub fn cases(file: &str) -> impl Iterator<Item = (&str, &str)> {
    file.split("=== ").skip(1).map(|case| {
        let (title, rest) = case.split_once('\n').unwrap();
        let text = rest.split_once("\n---\n").map_or(rest.trim_end(), |(text, _)| text);
        (title, text)
    })
}

/// Variables that exist before every text.
pub const VARIABLES: &[&str] = &["pool", "receivers", "args"];

fn outcome(text: &str) -> String {
    let catalogue = catalogue();
    let setting = ReadingContext { variables: VARIABLES, ..ReadingContext::new(&catalogue) };
    let mut shown = String::new();
    match lower_in(text, &setting) {
        Ok(lowered) => {
            if lowered.text() == text {
                writeln!(shown, "(unchanged)").unwrap();
            } else {
                writeln!(shown, "{}", lowered.text()).unwrap();
            }
            if let Err(error) = rhai_engine().compile(lowered.text()) {
                let position = error.1;
                let source =
                    lowered.to_source(position.line().unwrap_or(1), position.position().unwrap_or(1));
                writeln!(shown, "rhai: {}\n{}", error.0, caret(text, source, 1)).unwrap();
            }
            for warning in lowered.warnings() {
                writeln!(shown, "warning: {warning}\n{}", caret(text, warning.position, warning.length))
                    .unwrap();
            }
        }
        Err(mistakes) => {
            for mistake in mistakes {
                writeln!(shown, "{mistake}\n{}", caret(text, mistake.position, mistake.length)).unwrap();
            }
        }
    }
    if read(text, &setting).is_incomplete {
        writeln!(shown, "(incomplete)").unwrap();
    }
    shown
}

pub fn rhai_engine() -> rhai::Engine {
    let mut engine = rhai::Engine::new();
    engine.set_max_expr_depths(200, 200);
    imsh::internals::script::operators::read_operators(&mut engine);
    engine
}
