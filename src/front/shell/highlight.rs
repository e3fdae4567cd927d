//! Colours of the input: commands and Rhai are told apart, and so are their quotes.
//!
//! What each part of a line is, the language says; this gives it a colour.

use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use reedline::StyledText;

use crate::front::start::Started;
use crate::script::language::ReadingContext;
use crate::script::language::highlight::{Class, classify};

/// Colours a line while it is typed.
pub struct Highlighter {
    started: Arc<Started>,
}

impl Highlighter {
    /// The colours of a session: its cmdlets are those that the principal may run.
    pub fn new(started: Arc<Started>) -> Self {
        Self { started }
    }
}

impl reedline::Highlighter for Highlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let catalogue = self.started.host.catalogue();
        let variables = self.started.session.variables();
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        let setting = ReadingContext { variables: &names, ..ReadingContext::new(&catalogue) };
        let mut styled = StyledText::new();
        let mut at = 0;
        for (span, class) in classify(line, &setting) {
            let (Some(between), Some(text)) = (line.get(at..span.start), line.get(span.start..span.end))
            else {
                continue;
            };
            styled.push((Style::new(), between.to_owned()));
            styled.push((style(class), text.to_owned()));
            at = span.end;
        }
        styled.push((Style::new(), line.get(at..).unwrap_or("").to_owned()));
        styled
    }
}

/// Command lines are warm, Rhai is cold.
fn style(class: Class) -> Style {
    match class {
        Class::Rhai | Class::BareWord => Style::new(),
        Class::Keyword => Style::new().fg(Color::Blue).bold(),
        Class::RhaiText => Style::new().fg(Color::Blue),
        Class::Constant => Style::new().fg(Color::LightCyan),
        Class::Comment => Style::new().fg(Color::DarkGray),
        Class::Cmdlet => Style::new().fg(Color::Yellow).bold(),
        Class::UnknownCmdlet | Class::UnknownParameter => Style::new().fg(Color::Red).underline(),
        Class::Parameter => Style::new().fg(Color::Cyan),
        Class::ShellText => Style::new().fg(Color::Magenta),
        Class::Variable => Style::new().fg(Color::Green),
        Class::Operator => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quotes_of_a_command_line_and_of_rhai_differ() {
        assert_ne!(style(Class::ShellText), style(Class::RhaiText));
    }
}
