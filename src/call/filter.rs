//! The pattern of a `-Filter` or `-Name`: wildcards that ignore case, and the advice if nothing matches.

use crate::value::pattern::{Case, Pattern};
use crate::value::text::nearest;

/// A pattern of `-Filter` and `-Name`.
#[derive(Clone, Debug)]
pub struct Filter(Pattern);

impl Filter {
    /// The pattern as written.
    pub fn new(pattern: &str) -> Self {
        Self(Pattern::new(pattern, Case::Ignored))
    }

    /// Whether the whole text matches. Takes time in proportion to both lengths at most.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }
}

/// The advice for an unknown name: run `cmdlet`, which lists the `things` there are in a place, or use its
/// `-Filter`; and the nearest of the names that the caller may see.
pub fn advice<'a>(
    cmdlet: &str,
    things: &str,
    name: &str,
    place: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    if name.contains(['*', '?']) {
        format!("Wildcards go with -Filter: {cmdlet} -Filter {name}")
    } else {
        let meant = nearest(name.trim(), names).map(|nearest| format!(" Did you mean {nearest}?"));
        format!("Run {cmdlet} to see the {things} there are in {place}.{}", meant.unwrap_or_default())
    }
}
