//! Colours of the input: commands and Rhai are told apart, and so are their quotes.

use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use reedline::StyledText;

use super::complete::words;
use crate::host::Host;

/// Colours a line while it is typed.
pub struct Highlighter {
    host: Arc<Host>,
}

impl Highlighter {
    /// With the cmdlets that the principal may run.
    pub fn new(host: Arc<Host>) -> Self {
        Self { host }
    }
}

impl reedline::Highlighter for Highlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let catalogue = self.host.catalogue();
        let mut styled = StyledText::new();
        let mut at = 0;
        let mut in_command = false;
        for word in words(line) {
            let text = &line[word.clone()];
            styled.push((Style::new(), line[at..word.start].to_owned()));
            at = word.end;
            if line[..word.start].ends_with(['|', ';', '\n', '{', '}', '(', '=']) {
                in_command = false;
            }
            let style = if catalogue.find(text).is_some() && text.contains('-') {
                in_command = true;
                Style::new().fg(Color::Yellow).bold()
            } else if text.starts_with('$') {
                Style::new().fg(Color::Green)
            } else if in_command && text.starts_with('-') {
                Style::new().fg(Color::Cyan)
            } else if in_command && text.starts_with(['"', '\'']) {
                Style::new().fg(Color::Magenta)
            } else if text.starts_with(['"', '\'', '`']) {
                Style::new().fg(Color::Blue)
            } else if text.starts_with("//") {
                Style::new().fg(Color::DarkGray)
            } else if KEYWORDS.contains(&text) && !in_command {
                Style::new().fg(Color::Purple)
            } else {
                Style::new()
            };
            styled.push((style, text.to_owned()));
        }
        styled.push((Style::new(), line[at..].to_owned()));
        styled
    }
}

/// Words that Rhai keeps for itself.
const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "do", "until", "break", "continue", "return",
    "throw", "try", "catch", "fn", "switch", "true", "false", "import", "as",
];
