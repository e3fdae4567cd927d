//! Advice: what an error says to write instead is code, and it is run.
//!
//! Code stands behind `write: `, up to the end of the sentence or to `, or ` and `, and ` between two ways. Each
//! way of an error, and of what `imsh lint` says, must stand, with something in the place of each `…`, in a
//! program below the one that was refused; so must each name that the error asks whether it was meant.

use std::path::{Path, PathBuf};

use regex::Regex;

use crate::corpus::{HabitFile, Part, at_root, compare, files};

const FOLDERS: [&str; 2] = ["tests/habits", "tests/habits/advice"];

#[test]
fn every_mistake_is_refused_with_the_way() {
    let wrong = compare("tests/habits/advice");
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 and git diff show all of it\n{}", wrong.join("\n"));
}

#[test]
fn every_way_that_an_error_gives_is_gone() {
    let mut wrong = Vec::new();
    let mut n_ways = 0;
    for HabitFile { path, parts } in FOLDERS.into_iter().flat_map(files) {
        for (place, part) in parts.iter().enumerate().filter(|(_, part)| matches!(part.kind, 'x' | '?')) {
            let followed: Vec<&Part> =
                parts[place + 1..].iter().take_while(|part| part.kind == '+').collect();
            for way in ways(&part.outcome) {
                n_ways += 1;
                let pattern = instance_of(&way);
                let is_gone = |followed: &&&Part| pattern.is_match(&followed.program);
                match followed.iter().find(is_gone) {
                    Some(followed) if ends_well(followed) => {}
                    Some(_) => wrong.push(format!("{}: leads nowhere: {way}", path.display())),
                    None => wrong.push(format!("{}: nobody goes: {way}\n{}", path.display(), part.program)),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_ways > 100, "{n_ways} ways");
}

/// A sentence of the language's that no program of the corpora leads to may give advice that nobody has tried.
#[test]
fn every_sentence_of_a_mistake_is_met_by_a_program() {
    let met: Vec<String> = ["tests/habits", "tests/habits/advice", "tests/programs", "tests/language/corpus"]
        .into_iter()
        .flat_map(|folder| texts(&at_root(folder), "txt"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let mut unmet = Vec::new();
    let sources = ["src/script", "src/value", "src/host/bind.rs", "src/cmdlets/objects", "src/cmdlets/shell"];
    for path in sources.into_iter().flat_map(|source| texts(&at_root(source), "rs")) {
        let is_message = path.to_string_lossy().contains("src/script/language/message");
        let source = std::fs::read_to_string(&path).unwrap();
        for literal in literals(&source) {
            let advises = literal.split_once("rite").is_some_and(|(_, behind)| {
                behind.starts_with(':') || behind.strip_prefix(' ').is_some_and(is_code)
            });
            let is_sentence = literal.len() > 8 && literal.contains(' ') && !literal.contains('\n');
            if (is_message && is_sentence || advises) && !UNTYPABLE.contains(&literal.as_str()) {
                let [formed, plain] = [sentence(&literal), plain(&literal)];
                if !met.iter().any(|text| formed.is_match(text) || plain.is_match(text)) {
                    unmet.push(format!("{}: {literal}", path.display()));
                }
            }
        }
    }
    assert!(unmet.is_empty(), "no program of the corpora leads to:\n{}", unmet.join("\n"));
}

/// Sentences about texts too long for a corpus; tests beside the code have them.
const UNTYPABLE: &[&str] = &[
    "this line is too long: with its commands put into Rhai it has more than {limit} columns",
    "this text has more than {limit} lines",
    "brackets and blocks nest more than {limit} deep here",
];

/// The code that an error gives: behind `write: `, and the names that may have been meant.
fn ways(outcome: &str) -> Vec<String> {
    let mut ways = Vec::new();
    for line in outcome.lines().map(|line| line.strip_prefix("! ").unwrap_or(line)) {
        // The author's own text is no advice.
        if line.trim_start().starts_with(|first: char| first == '|' || first.is_ascii_digit()) {
            continue;
        }
        let line = line.trim_end_matches('.');
        if let Some((_, code)) = line.split_once("rite: ") {
            let several = code.split(", or ").flat_map(|code| code.split(", and "));
            ways.extend(several.map(|way| way.trim().to_owned()));
        }
        if let Some((_, name)) = line.split_once("id you mean ") {
            ways.push(name.trim_matches(['?', '\'']).to_owned());
        }
    }
    ways
}

/// What a way looks like with something in the place of each `…`; blanks do not count.
fn instance_of(way: &str) -> Regex {
    let words: Vec<String> = way
        .split('…')
        .map(|part| part.split_whitespace().map(regex::escape).collect::<Vec<_>>().join(r"\s+"))
        .collect();
    Regex::new(&format!("(?is){}", words.join(r"\s*.*?\s*"))).unwrap()
}

fn ends_well(part: &Part) -> bool {
    !part.outcome.lines().any(|line| line.starts_with("! "))
}

/// Files of a folder and those below it, or the file itself.
fn texts(path: &Path, extension: &str) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            Some(own) if own == extension => vec![path],
            Some(_) => Vec::new(),
            None if path.is_dir() => texts(&path, extension),
            None => Vec::new(),
        })
        .collect()
}

/// Whether code follows a word, and not a noun.
fn is_code(behind: &str) -> bool {
    behind.starts_with(['$', '-', '@', '{', '\'', '"', '!', '(', '…'])
}

/// The texts in double quotes of a source, without its comments, its tests and the reasons of its attributes.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or(source);
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(place) = rest.find(['"', '/', '\'']) {
        let (before, from) = rest.split_at(place);
        if from.starts_with("//") {
            rest = from.find('\n').map_or("", |end| &from[end..]);
        } else if let Some(character) = from.strip_prefix('\'') {
            // `'"'` is a character; of a lifetime, only the quote is passed over.
            let length = if character.starts_with('\\') { 3 } else { 2 };
            let is_character = character.chars().nth(length - 1) == Some('\'');
            let end = character.char_indices().nth(length).map_or(character.len(), |(end, _)| end);
            rest = if is_character { &character[end..] } else { character };
        } else if let Some(text) = from.strip_prefix('"') {
            let mut escaped = false;
            let end = text.find(|letter| {
                let closes = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                closes
            });
            let end = end.unwrap_or(text.len());
            if !before.ends_with("reason = ") {
                found.push(unescaped(&text[..end]));
            }
            rest = text.get(end + 1..).unwrap_or("");
        } else {
            rest = &from[1..];
        }
    }
    found
}

fn unescaped(literal: &str) -> String {
    let continued = Regex::new(r"\\\n\s*").unwrap().replace_all(literal, "");
    continued.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\")
}

/// What a literal without fields looks like.
fn plain(literal: &str) -> Regex {
    Regex::new(&format!("(?i){}", regex::escape(literal))).unwrap()
}

/// What a literal looks like once its fields are filled in.
fn sentence(literal: &str) -> Regex {
    let field = Regex::new(r"\{[a-z_.0-9:&]*\}").unwrap();
    let plain = literal.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let parts: Vec<String> = field
        .split(&plain)
        .map(|part| regex::escape(&part.replace('\u{1}', "{").replace('\u{2}', "}")))
        .collect();
    Regex::new(&format!("(?i){}", parts.join(".*"))).unwrap()
}
