//! Standard output and standard error of a run.
//!
//! Records go to standard output through the renderer, everything else to standard error, so
//! that a program behind a pipe reads records and nothing else.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cmdlets::transcript::Transcripts;
use crate::render::{Colour, Format, PATIENCE, Renderer};
use crate::value::Value;

/// Where a run writes; clones write to the same place.
#[derive(Clone)]
pub struct Output(Arc<Mutex<Inner>>);

struct Inner {
    format: Format,
    is_terminal: bool,
    colour: Colour,
    renderer: Option<Renderer>,
    emitted_at: Option<Instant>,
    /// Standard output was closed by its reader: nothing more is written.
    is_closed: bool,
    /// What writes down all that is shown.
    transcripts: Arc<Transcripts>,
    /// How far a long piece of work is; on a terminal, below all that was shown.
    bar: Option<ProgressBar>,
}

impl Output {
    /// Writes records in this format; colour only where somebody looks or asks for it.
    pub fn new(format: Option<Format>, color: ColorChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let is_coloured = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        let inner = Inner {
            format: format.unwrap_or_default(),
            is_terminal,
            colour: if is_coloured { Colour::Always } else { Colour::Never },
            renderer: None,
            emitted_at: None,
            is_closed: false,
            transcripts: Arc::default(),
            bar: None,
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// What writes down all that is shown here.
    pub fn transcripts(&self) -> Arc<Transcripts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).transcripts.clone()
    }

    /// Writes a record, or whatever else a program emits.
    pub fn emit(&self, value: &Value) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.renderer.is_none() {
            inner.renderer = Some(inner.new_renderer());
        }
        let Some(renderer) = &mut inner.renderer else { return };
        let text = renderer.push(value);
        inner.emitted_at = Some(Instant::now());
        inner.write(&text);
    }

    /// Writes the rows that wait for more rows, if nothing has come for a while.
    pub fn flush_if_idle(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.emitted_at.is_some_and(|at| at.elapsed() >= PATIENCE) {
            inner.emitted_at = None;
            let text = inner.renderer.as_mut().map(Renderer::flush).unwrap_or_default();
            inner.write(&text);
        }
    }

    /// Ends what one input of the shell printed; the next one begins anew.
    pub fn finish_part(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take_bar_away();
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).renderer.is_some() {
            self.finish();
        }
    }

    /// Writes what the renderer holds back, and what closes the format.
    pub fn finish(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let renderer = match inner.renderer.take() {
            Some(renderer) => renderer,
            // A program that emits nothing still prints a whole document of its format.
            None => inner.new_renderer(),
        };
        let text = renderer.finish();
        inner.take_bar_away();
        inner.write(&text);
    }

    /// Text of `print`, which is no record: beside the records where people read them, on
    /// standard error where a program does.
    pub fn host(&self, text: &str) {
        self.host_part(&format!("{text}\n"));
    }

    /// The same without a line end.
    pub fn host_part(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.format {
            Format::View | Format::List | Format::Table => {
                let held_back = inner.renderer.as_mut().map(Renderer::interrupt).unwrap_or_default();
                inner.write(&held_back);
                inner.write(text);
            }
            Format::Json
            | Format::Jsonl
            | Format::Csv
            | Format::Junit
            | Format::Nagios
            | Format::Prometheus
            | Format::Html => inner.note(text),
        }
    }

    /// A line on standard output that is no record.
    pub fn text(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.write(text);
        inner.write("\n");
    }

    /// Shows on a terminal how much of a long piece of work is done, until all of it is.
    pub fn progress(&self, activity: &str, done: usize, total: usize) {
        if !io::stderr().is_terminal() {
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if done >= total {
            inner.take_bar_away();
            return;
        }
        let bar = inner.bar.get_or_insert_with(|| {
            // Not as wide as the terminal: the ^C that it shows would begin another line.
            let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(total as u64);
        bar.set_message(activity.to_owned());
        bar.set_position(done as u64);
    }

    /// A line for people, on standard error.
    pub fn note(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.note(&format!("{text}\n"));
    }

    /// Writes down what was shown by other means: a question at the terminal.
    pub fn shown(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).transcripts.shown(text);
    }
}

impl Inner {
    /// A renderer for what comes, as wide as the terminal is now: people change that.
    fn new_renderer(&self) -> Renderer {
        Renderer::new(self.format, self.is_terminal.then(terminal_width), self.colour)
    }

    fn write(&mut self, text: &str) {
        if text.is_empty() || self.is_closed {
            return;
        }
        self.transcripts.shown(text);
        self.is_closed = self.above_the_bar(text, || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err()
        });
    }

    /// Writes to standard error.
    fn note(&mut self, text: &str) {
        self.transcripts.shown(text);
        // When standard error is gone there is nowhere left to say so.
        let _ = self.above_the_bar(text, || io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Writes text where the bar stands, and the bar below it. Below a line that goes on there is
    /// no room: the bar comes back with its next step.
    fn above_the_bar<T>(&mut self, text: &str, write: impl FnOnce() -> T) -> T {
        if !text.ends_with('\n') {
            self.take_bar_away();
        }
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn take_bar_away(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Columns of the terminal; 80 where it does not say.
fn terminal_width() -> usize {
    let told = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.filter(|width| *width > 0).unwrap_or(80)
}
