//! Golden files: expected text that a person has read.
//!
//! `UPDATE_GOLDEN=1 cargo test --no-fail-fast` writes all of them anew in one run; `git diff` then shows what
//! changed. Without the variable, a text that differs fails its test and is shown as a diff.

#![allow(dead_code, reason = "no test program uses all of it")]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use similar::TextDiff;

/// Compares a text with the golden file at `path`, which is relative to the project's root.
///
/// # Panics
/// With the difference, where there is one.
pub fn golden(path: impl AsRef<Path>, text: &str) {
    if let Some(difference) = difference(path.as_ref(), text) {
        panic!("{difference}");
    }
}

/// Compares texts with the files of a folder, each by its name. A text that equals an earlier one has no file of
/// its own; a file without a text is one too many.
///
/// # Panics
/// With every difference.
pub fn golden_folder(folder: &str, texts: &[(String, String)]) {
    let mut first = HashMap::new();
    let mut named = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, text) in texts {
        if *first.entry(text).or_insert(name) == name {
            named.insert(name.clone());
            wrong.extend(difference(&Path::new(folder).join(name), text));
        }
    }
    for entry in fs::read_dir(at_root(Path::new(folder))).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if named.contains(&name) {
            continue;
        }
        if is_updating() {
            fs::remove_file(path).unwrap();
        } else {
            wrong.push(format!("{folder}/{name}: no text differs from the other files and is called so"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The difference between a golden file and a text; `None` where there is none, or where the file has been
/// written anew.
pub fn difference(path: &Path, text: &str) -> Option<String> {
    let file = at_root(path);
    let known = fs::read_to_string(&file).ok();
    if known.as_deref() == Some(text) {
        return None;
    }
    if is_updating() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        return None;
    }
    let known = known.unwrap_or_default();
    let path = path.display().to_string();
    let diff = TextDiff::from_lines(&known, text);
    let shown = diff.unified_diff().context_radius(3).header(&path, "what came").to_string();
    Some(format!("{shown}UPDATE_GOLDEN=1 writes the file anew; then read it."))
}

/// Whether golden files are written anew.
pub fn is_updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn at_root(path: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
