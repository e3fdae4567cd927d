//! Topologies: what is refused is refused with positions in the text, and with words that can be printed.

use std::path::Path;

use imsh::internals::topology::Topology;

/// A document.
pub fn try_one(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let n_lines = text.split('\n').count();
    if let Err(mistakes) = Topology::parse(text, Path::new("topology.toml")) {
        assert!(!mistakes.is_empty(), "refused without a reason");
        for mistake in mistakes {
            assert!(mistake.line <= n_lines + 1, "line {} of {n_lines}", mistake.line);
            super::assert_harmless(&mistake.to_string());
        }
    }
}
