//! The layer law: a module imports only from the layers below its own.
//!
//! The table is the map of `ARCHITECTURE.md`. Each `crate::…` path of each
//! file is held against it; whoever breaks the law is named with what they may import.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules and what each may import, from the top down. Ground modules stand at the end.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "front",
        &[
            "watch",
            "script",
            "host",
            "render",
            "cmdlets",
            "report",
            "call",
            "store",
            "verify",
            "diagnosis",
            "xmpp",
            "lab",
            GROUND,
        ],
    ),
    (
        "watch",
        &[
            "script",
            "host",
            "render",
            "cmdlets",
            "report",
            "call",
            "store",
            "verify",
            "diagnosis",
            "xmpp",
            GROUND,
        ],
    ),
    ("script", &["host", "render", "cmdlets", "call", GROUND]),
    ("host", &["cmdlets", "call", "store", GROUND]),
    ("render", &["result", "value", "secret"]),
    ("cmdlets", &["report", "call", "store", "verify", "diagnosis", "xmpp", "render", GROUND]),
    ("report", &["render", "store", "diagnosis", GROUND]),
    ("call", &["store", "xmpp", GROUND]),
    ("store", &["result", "topology", "value", "address", "durable", "trusted", "secret"]),
    ("verify", &["diagnosis", "xmpp", GROUND]),
    ("diagnosis", &["xmpp", GROUND]),
    ("xmpp", &["address", "secret", "topology", "trusted", "value"]),
    ("lab", &["xmpp", GROUND]),
    ("result", &["topology", "value", "address", "secret"]),
    ("cmdlet", &[GROUND]),
    ("topology", &[GROUND]),
    ("access", &[GROUND]),
    ("vault", &[GROUND]),
    ("value", &["secret"]),
    ("address", &[]),
    ("durable", &["trusted"]),
    ("trusted", &[]),
    ("secret", &[]),
];

/// Stands for every ground module: words, no deeds.
const GROUND: &str = "ground";
const GROUND_MODULES: &[&str] =
    &["result", "cmdlet", "topology", "access", "vault", "value", "address", "durable", "trusted", "secret"];

#[test]
fn a_module_imports_only_from_the_layers_below() {
    let mut broken = Vec::new();
    for file in sources(Path::new("src")) {
        let module = module_of(&file);
        // It hands parts of every layer to the tests, and no layer may name it.
        if module == "internals" {
            continue;
        }
        let allowed = allowed(&module);
        let text = fs::read_to_string(&file).unwrap();
        for imported in imports(&text) {
            // How a test says that it was skipped is no layer's.
            if imported != module && imported != "skip" && !allowed.contains(imported.as_str()) {
                broken.push(format!(
                    "{} imports {imported}, but `{module}` may import {:?}",
                    file.display(),
                    allowed
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_table() {
    let listed: BTreeSet<&str> = LAYERS.iter().map(|(module, _)| *module).collect();
    let present: BTreeSet<String> = sources(Path::new("src")).iter().map(|file| module_of(file)).collect();
    let unlisted: Vec<_> = present
        .iter()
        .filter(|module| {
            !["main", "lib", "internals"].contains(&module.as_str()) && !listed.contains(module.as_str())
        })
        .collect();
    assert!(unlisted.is_empty(), "no layer for {unlisted:?}");
}

#[test]
fn a_cmdlet_never_imports_another() {
    let files = sources(Path::new("src/cmdlets"));
    let name = |file: &Path| file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = |file: &PathBuf| fs::read_to_string(file).unwrap();
    let is_cmdlet = |file: &&PathBuf| text(file).contains("pub static CMDLET:");
    let cmdlets: Vec<&PathBuf> = files.iter().filter(is_cmdlet).collect();
    assert!(cmdlets.len() > 60, "{cmdlets:?}");
    let mut broken = Vec::new();
    for file in &cmdlets {
        let text = text(file);
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words: BTreeSet<&str> =
            code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
        for other in cmdlets.iter().map(|other| name(other)).filter(|other| *other != name(file)) {
            if words.contains(other.as_str()) {
                broken.push(format!("{} imports {other}, which is a cmdlet as well", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Who opens or lists files by name beside `trusted`, and why each may.
const OPENERS: &[(&str, &str)] = &[
    ("src/trusted.rs", "the one way: what is checked is what is used"),
    ("src/call/files.rs", "says how a file is to be opened, and has `trusted` open it"),
    ("src/durable.rs", "says how the output file of its own caller is opened, and has `trusted` open it"),
    ("src/store/sqlite.rs", "asks whether its file may be written, and has `trusted` open it"),
    ("src/front/setup.rs", "lays out files for root, in the directory that root names"),
    ("src/front/shell/history.rs", "the history in the home of the user who sits there; a session has none"),
    ("src/front/shell/complete.rs", "lists the user's own directory; a session's is the drive"),
    ("src/lab", "the practice network, in a temporary directory of its own"),
];

/// Ways to a file that check nothing.
const UNCHECKED: &[&str] = &[
    "File::open",
    "File::create",
    "OpenOptions::new",
    "DirBuilder::new",
    "fs::read",
    "fs::write",
    "fs::copy",
    "fs::rename",
    "fs::hard_link",
    "fs::remove_",
    "fs::create_dir",
    "fs::set_permissions",
    "fs::symlink",
];

#[test]
fn files_are_opened_in_one_place() {
    let is_opener = |file: &Path| OPENERS.iter().any(|(opener, _)| file.starts_with(opener));
    let is_test = |file: &Path| {
        file.components().any(|part| ["tests", "tests.rs"].iter().any(|name| part.as_os_str() == *name))
    };
    let mut broken = Vec::new();
    for file in sources(Path::new("src")).iter().filter(|file| !is_opener(file) && !is_test(file)) {
        let text = fs::read_to_string(file).unwrap();
        // The tests of a module stand at its end.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (n, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for way in UNCHECKED.iter().filter(|way| names(line, way)) {
                broken.push(format!("{}:{} has {way}: open it with crate::trusted", file.display(), n + 1));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Whether a line has this path as a whole, and not as the end of another name.
fn names(line: &str, path: &str) -> bool {
    line.match_indices(path)
        .any(|(at, _)| !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
}

#[test]
fn every_opener_is_there_and_opens_something() {
    for (opener, why) in OPENERS {
        let files: Vec<PathBuf> =
            if Path::new(opener).is_dir() { sources(Path::new(opener)) } else { vec![PathBuf::from(opener)] };
        let opens = files.iter().any(|file| {
            let text = fs::read_to_string(file).unwrap();
            UNCHECKED.iter().any(|way| text.contains(way))
        });
        assert!(opens, "{opener} opens nothing any more: {why}");
    }
}

fn allowed(module: &str) -> BTreeSet<&'static str> {
    // The library's root is in no layer: it declares modules and imports none.
    let below = LAYERS.iter().find(|(listed, _)| *listed == module).map_or(&[][..], |(_, below)| below);
    below
        .iter()
        .flat_map(|name| if *name == GROUND { GROUND_MODULES } else { std::slice::from_ref(name) })
        .copied()
        .collect()
}

/// The top-level module that a file belongs to.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix("src").unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.strip_suffix(".rs").unwrap_or(&first).to_owned()
}

/// Modules named by `crate::name` in code.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for (at, root) in line.match_indices("crate::") {
            let is_word_start = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            let rest = &line[at + root.len()..];
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or("").split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let end = name.trim_start().find(|c: char| !c.is_alphanumeric() && c != '_');
                let name = &name.trim_start()[..end.unwrap_or(name.trim_start().len())];
                let is_module = name.starts_with(|c: char| c.is_lowercase());
                if is_word_start && is_module {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    found
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
