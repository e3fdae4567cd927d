//! The colours of words, as ANSI SGR sequences.
//!
//! Only where [`Colour::Always`] was asked for; colour never says what the words do not say.
//! The environment is not asked: whether there is to be colour is decided above.

use super::Colour;
use super::palette::{GREEN, RED};
use crate::result::TestOutcome;

/// The meaning of a piece of text to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A label or a header: bold green, as PowerShell shows it.
    Label,
    /// Something that went well: green.
    Good,
    /// Something that failed: red.
    Bad,
    /// All else.
    Plain,
}

/// Returns the meaning of a value.
pub(super) fn meaning(text: &str) -> Meaning {
    match TestOutcome::named(text) {
        Some(TestOutcome::Success) => Meaning::Good,
        Some(TestOutcome::Failure | TestOutcome::Interrupted) => Meaning::Bad,
        Some(TestOutcome::NotRun) | None => Meaning::Plain,
    }
}

/// The text in the colour of its meaning.
pub(super) fn paint(text: &str, meaning: Meaning, colour: Colour) -> String {
    let code = match (colour, meaning) {
        (Colour::Never, _) | (Colour::Always, Meaning::Plain) => return text.to_owned(),
        (Colour::Always, Meaning::Label) => format!("1;38;5;{GREEN}"),
        (Colour::Always, Meaning::Good) => format!("38;5;{GREEN}"),
        (Colour::Always, Meaning::Bad) => format!("38;5;{RED}"),
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
