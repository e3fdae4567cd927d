//! The line editor: completion menu, history, colours, and input of several lines.

use std::sync::Arc;

use reedline::{
    ColumnarMenu, DefaultHinter, EditCommand, Emacs, KeyCode, KeyModifiers, MenuBuilder, Reedline,
    ReedlineEvent, ReedlineMenu, ValidationResult, Validator, default_emacs_keybindings,
};

use super::complete::Completer;
use super::highlight::Highlighter;
use super::history;
use crate::front::start::Started;
use crate::render::palette;
use crate::script::language::{ReadingContext, read};

/// The editor of a session.
///
/// # Errors
/// The history file cannot be used.
pub fn editor(started: &Arc<Started>) -> Result<Reedline, reedline::ReedlineError> {
    let colour = |number| nu_ansi_term::Style::new().fg(nu_ansi_term::Color::Fixed(number));
    let menu = ColumnarMenu::default()
        .with_name(MENU)
        .with_columns(4)
        .with_text_style(colour(palette::GREEN))
        .with_match_text_style(colour(palette::GREEN).underline())
        .with_description_text_style(colour(palette::GREY))
        .with_selected_text_style(nu_ansi_term::Style::new().reverse())
        .with_selected_match_text_style(nu_ansi_term::Style::new().reverse().underline());
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]),
    );
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    keys.add_binding(
        KeyModifiers::ALT,
        KeyCode::Enter,
        ReedlineEvent::Edit(vec![EditCommand::InsertNewline]),
    );
    keys.add_binding(
        KeyModifiers::CONTROL,
        KeyCode::Char('z'),
        ReedlineEvent::ExecuteHostCommand(SUSPEND.to_owned()),
    );
    let editor = Reedline::create()
        .with_completer(Box::new(Completer::new(started.clone())))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .use_bracketed_paste(true)
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(Whole(started.clone())))
        .with_history(history::history(started.host.clone())?);
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Ok(editor.with_ansi_colors(false));
    }
    Ok(editor
        .with_highlighter(Box::new(Highlighter::new(started.clone())))
        .with_hinter(Box::new(DefaultHinter::default().with_style(colour(palette::GREY)))))
}

/// The text that the editor returns where Ctrl-Z is typed.
pub const SUSPEND: &str = "suspend";

const MENU: &str = "completion";

/// Says whether the input can be run, or goes on in the next line.
struct Whole(Arc<Started>);

impl Validator for Whole {
    fn validate(&self, text: &str) -> ValidationResult {
        let catalogue = self.0.host.catalogue();
        let names = self.0.session.names();
        let setting = ReadingContext {
            variables: &names.variables(),
            functions: &names.functions,
            types: &[],
            ..ReadingContext::new(&catalogue)
        };
        if read(text, &setting).is_incomplete {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Complete
        }
    }
}
