//! The prompt: who, and on which network.

use std::borrow::Cow;

use reedline::{Color, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus};

use crate::access::Principal;
use crate::front::start::Started;
use crate::render::palette;
use crate::render::visible::visible;

/// `kim@topology.toml> `; on the practice network `kim@practice> `.
#[derive(Clone, Debug)]
pub struct Prompt {
    left: String,
    indicator: &'static str,
}

impl Prompt {
    /// The prompt of a session.
    pub fn new(practises: bool, started: &Started) -> Self {
        let who = match started.host.principal() {
            Principal::OsUser { name, .. } | Principal::Vouched { name } => name.clone(),
        };
        let topology = started.host.context().topology.path().and_then(|path| path.file_stem());
        let place = match (practises, topology) {
            (true, _) => "practice".to_owned(),
            (false, Some(name)) => name.to_string_lossy().into_owned(),
            (false, None) => "no topology".to_owned(),
        };
        Self { left: format!("{who}@{place}"), indicator: "> " }
    }
}

impl Prompt {
    /// The prompt as it stands before a line.
    pub fn text(&self) -> String {
        format!("{}{}", self.left, self.indicator)
    }

    /// The prompt that the function `prompt` of the session gives.
    pub fn of_function(text: &str) -> Self {
        Self { left: visible(text).into_owned(), indicator: "" }
    }
}

impl reedline::Prompt for Prompt {
    fn get_prompt_color(&self) -> Color {
        Color::Fixed(palette::GREEN)
    }

    fn get_indicator_color(&self) -> Color {
        Color::Fixed(palette::GREEN)
    }

    fn get_prompt_multiline_color(&self) -> Color {
        Color::Fixed(palette::GREY)
    }

    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.left)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed(self.indicator)
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed(">> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "nothing found ",
        };
        Cow::Owned(format!("({failing}history: {}) ", search.term))
    }
}
