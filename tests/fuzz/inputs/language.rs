//! Command lines and scripts: the work grows with the text and no faster, and every mistake is inside it.

use std::sync::OnceLock;

use imsh::internals::cmdlet::Catalogue;
use imsh::internals::script::language::{ReadingContext, read};

/// A script.
pub fn try_one(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let reading = read(text, &ReadingContext::new(catalogue()));
    assert!(reading.steps <= WORK * (text.len() + 8), "{} steps for {} bytes", reading.steps, text.len());
    let n_lines = text.split('\n').count();
    for mistake in &reading.mistakes {
        assert!(mistake.position.line <= n_lines + 1, "{:?} of {n_lines} lines", mistake.position);
        let _ = mistake.to_string();
    }
    let _ = reading.lowered();
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(imsh::internals::cmdlets::catalogue)
}

/// Characters that are looked at for each one of the text.
const WORK: usize = 24;
