//! Colours of the input: commands and Rhai are told apart, and so are their quotes.
//!
//! Colours the parts of a line, which are told apart by the language.

use std::sync::Arc;

use nu_ansi_term::{Color, Style};
use reedline::StyledText;

use crate::front::start::Started;
use crate::render::palette;
use crate::script::language::ReadingContext;
use crate::script::language::highlight::{TextClass, classify};

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
        let names = self.started.session.names();
        let setting = ReadingContext {
            variables: &names.variables(),
            functions: &names.functions,
            types: &[],
            ..ReadingContext::new(&catalogue)
        };
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

fn style(class: TextClass) -> Style {
    let colour = |number| Style::new().fg(Color::Fixed(number));
    match class {
        TextClass::Rhai | TextClass::BareWord => Style::new(),
        TextClass::Keyword => colour(palette::BLUE).bold(),
        TextClass::RhaiText => colour(palette::BLUE),
        TextClass::Constant | TextClass::Variable => colour(palette::VIOLET),
        TextClass::Comment | TextClass::Parameter => colour(palette::GREY),
        TextClass::Cmdlet => colour(palette::GREEN).bold(),
        TextClass::UnknownCmdlet | TextClass::UnknownParameter => colour(palette::RED).underline(),
        TextClass::ShellText => colour(palette::MAGENTA),
        TextClass::Operator => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quotes_of_a_command_line_and_of_rhai_differ() {
        assert_ne!(style(TextClass::ShellText), style(TextClass::RhaiText));
    }
}
