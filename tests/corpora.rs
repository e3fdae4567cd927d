//! Every input that the fuzzers of `tests/fuzz` have kept, tried again.

#[path = "fuzz/inputs/mod.rs"]
mod inputs;

use std::fs;
use std::path::Path;

/// A kind of input, and what is done with one.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 8] = [
    ("reader", inputs::reader::try_one),
    ("features", inputs::features::try_one),
    ("challenge", inputs::challenge::try_one),
    ("stanza", inputs::stanza::try_one),
    ("certificate", inputs::certificate::try_one),
    ("records", inputs::records::try_one),
    ("topology", inputs::topology::try_one),
    ("language", inputs::language::try_one),
];

#[test]
fn every_kept_input_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, try_one) in TARGETS {
        let inputs: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(inputs.len() > 2, "{name} has {} inputs", inputs.len());
        for input in inputs {
            let data = fs::read(&input).unwrap();
            let tried = std::panic::catch_unwind(|| try_one(&data));
            assert!(tried.is_ok(), "{}", input.display());
        }
    }
}

#[test]
fn every_target_has_a_fuzzer() {
    let manifest = include_str!("fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
