//! The golden file of the servers' faults: what is printed of each, code, owner, title and remedy; and, in a small
//! one of its own, what is printed otherwise with the servers of a newer Debian.
//!
//! `UPDATE_GOLDEN=1 cargo test --test servers` writes the entries anew that a run has seen; then read them.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::faults::{By, shown};

/// Compares what was printed with the golden file; says what differs.
pub fn mistake(fault: &str, by: By, debian: u32, words: &str) -> Option<String> {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap();
    let key = key(fault, by);
    let find = |entries: &[(String, String)]| {
        entries.iter().find(|(known, _)| *known == key).map(|(_, words)| words.clone())
    };
    let (common, mut own) = (entries(), of_release(debian));
    let known = find(&own).or_else(|| find(&common));
    if known.as_deref() == Some(words) {
        return None;
    }
    if std::env::var_os("UPDATE_GOLDEN").is_none() {
        return Some(format!("the golden file has\n  {}\nand not\n  {words}", known.unwrap_or_default()));
    }
    own.retain(|(known, _)| *known != key);
    // A newer release has entries of its own only where it differs.
    if debian < NEWER || find(&common).as_deref() != Some(words) {
        own.push((key, words.to_owned()));
    }
    let order: Vec<String> = shown(debian).map(|(fault, by)| self::key(fault, by)).collect();
    own.retain(|(key, _)| order.contains(key));
    own.sort_by_key(|(key, _)| order.iter().position(|known| known == key));
    let text: String = own.iter().map(|(key, words)| format!("{key}\n    {words}\n")).collect();
    fs::write(path(debian), text).unwrap();
    None
}

/// The entries that hold for every release, unless it has its own, in the order of the file.
pub fn entries() -> Vec<(String, String)> {
    of_release(0)
}

/// The entries of one release's own file.
fn of_release(debian: u32) -> Vec<(String, String)> {
    let text = fs::read_to_string(path(debian)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(2).map(|entry| (entry[0].to_owned(), entry[1].trim().to_owned())).collect()
}

/// The name of an entry.
pub fn key(fault: &str, by: By) -> String {
    format!("{fault} ({})", by.name())
}

/// The text with `N` for every number, of whatever size, and for every address.
pub fn without_numbers(text: &str) -> String {
    let numbers = regex::Regex::new(r"\b\d[\d.:]*\d\b|\b\d\b").unwrap();
    numbers.replace_all(text, "N").into_owned()
}

fn path(debian: u32) -> PathBuf {
    let name = if debian >= NEWER { "servers-13.txt" } else { "servers.txt" };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The first release of Debian whose servers are of the newer generation.
const NEWER: u32 = 13;
