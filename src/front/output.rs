//! Standard output and standard error of a run.
//!
//! Records go to standard output through the renderer, everything else to standard error, so
//! that a program behind a pipe reads records and nothing else.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::pace::ProgressPace;
use crate::call::Progress;
use crate::call::transcript::Transcripts;
use crate::cmdlet::{Category, ErrorRecord};
use crate::durable::{Fault, Replacement};
use crate::host::Tally;
use crate::render::monitoring::{Problem, Totals};
use crate::render::{Colour, Format, PATIENCE, Renderer};
use crate::script::failure::{Failure, FailureKind};
use crate::value::Value;

/// The output of a run; clones write to the same place.
#[derive(Clone)]
pub struct Console(Arc<Mutex<ConsoleState>>);

struct ConsoleState {
    format: Format,
    is_terminal: bool,
    colour: Colour,
    renderer: Option<Renderer>,
    /// The counts of the results that were shown, where the format has a status of its own.
    shown: Totals,
    emitted_at: Option<Instant>,
    /// The file that takes the place of standard output.
    file: Option<Replacement>,
    /// Nothing more is written: the reader is gone, or standard output or the file takes nothing.
    is_closed: bool,
    /// The error that closed the output, where the cause was not that its reader had enough.
    unwritten: Option<io::Error>,
    /// The transcripts that record what is shown.
    transcripts: Arc<Transcripts>,
    /// The amount of output that one program may show, in a delegated session.
    limit: Option<OutputLimit>,
    /// The progress of a long piece of work; on a terminal, below the output.
    bar: Option<ProgressBar>,
    /// The speed of the progress.
    pace: ProgressPace,
    /// The token that is cancelled when nothing more can be written to standard output.
    ends: Option<CancellationToken>,
}

/// The counts of what a run tested, and of what could not run.
fn totals(tally: &Tally) -> Totals {
    Totals {
        tests: tally.tests(),
        failed: tally.failed(),
        warned: tally.warned(),
        critical: tally.critical(),
        problems: tally.wrong() + tally.denied() + tally.not_run(),
    }
}

/// The amount of output that one program may show.
struct OutputLimit {
    most: usize,
    left: usize,
    /// Whether more was to be shown.
    is_over: bool,
    /// Ends the program that shows more.
    cancel: CancellationToken,
}

impl Console {
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
        let inner = ConsoleState {
            format: format.unwrap_or_default(),
            is_terminal,
            colour: if is_coloured { Colour::Always } else { Colour::Never },
            renderer: None,
            shown: Totals::default(),
            emitted_at: None,
            file: None,
            is_closed: false,
            unwritten: None,
            transcripts: Arc::default(),
            limit: None,
            bar: None,
            pace: ProgressPace::default(),
            ends: None,
        };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Ends this when nothing more can be written to standard output: nobody would see what comes of it.
    pub fn ends(&self, program: CancellationToken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ends = Some(program);
    }

    /// Whether nothing more can be written to standard output.
    pub fn is_closed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_closed
    }

    /// Writes as the options of a run say: into a file, where one is named.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn of(options: &SessionOptions) -> Result<Self, Fault> {
        let output = Self::new(options.output, options.color);
        if let Some(path) = &options.output_file {
            let mut inner = output.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.file = Some(Replacement::begin(path)?);
            inner.is_terminal = false;
            inner.colour = if options.color == ColorChoice::Always { Colour::Always } else { Colour::Never };
        }
        Ok(output)
    }

    /// Leaves the file that it would have replaced as it was; nothing more is written.
    pub fn abandon(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.is_closed = true;
        inner.file = None;
    }

    /// The transcripts that record what is shown here.
    pub fn transcripts(&self) -> Arc<Transcripts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).transcripts.clone()
    }

    /// From now on each program may show so many bytes.
    pub fn limit(&self, most: usize) {
        let limit = OutputLimit { most, left: most, is_over: false, cancel: CancellationToken::new() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limit = Some(limit);
    }

    /// A program begins; what it shows beyond the limit is left out, and `cancel` ends it.
    pub fn begin_program(&self, cancel: CancellationToken) {
        if let Some(limit) = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).limit {
            (limit.left, limit.is_over, limit.cancel) = (limit.most, false, cancel);
        }
    }

    /// A failure, which is not that somebody interrupted the program where it showed more than it may.
    pub fn blamed(&self, failure: Failure) -> Failure {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = inner.limit.as_ref().is_some_and(|limit| limit.is_over);
        match failure.kind {
            FailureKind::Cancelled if is_over => {
                Failure { kind: FailureKind::Limit(SHOWS_NO_MORE.to_owned()), ..failure }
            }
            FailureKind::Mistakes(_)
            | FailureKind::Mistake(_)
            | FailureKind::Error(_)
            | FailureKind::Thrown(_)
            | FailureKind::Limit(_)
            | FailureKind::Exit(_)
            | FailureKind::Cancelled
            | FailureKind::Broken => failure,
        }
    }

    /// Writes a record, or whatever else a program emits.
    pub fn emit(&self, value: &Value) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = inner.renderer().push(value);
        inner.emitted_at = Some(Instant::now());
        inner.write(&text);
    }

    /// Takes note of something that could not run, for the formats that tell it.
    pub fn problem(&self, id: &str, target: &str, message: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.format.is_for_monitoring() {
            return;
        }
        let (id, target, message) = (id.to_owned(), target.to_owned(), message.to_owned());
        inner.renderer().problem(&Problem { id, target, message });
    }

    /// Ends a run that did not come to run anything: says why, and writes the document of a format
    /// that monitoring systems take, which would miss it.
    pub fn fail(&self, text: &str) {
        self.note(&format!("imsh: {text}"));
        let format = self.0.lock().unwrap_or_else(PoisonError::into_inner).format;
        if format.is_for_monitoring() {
            self.problem("NotStarted", "", text);
            self.finish();
            if let Some(message) = self.0.lock().unwrap_or_else(PoisonError::into_inner).commit() {
                self.note(&format!("imsh: {message}"));
            }
        }
    }

    /// Shows an error record, and takes note of it.
    pub fn error(&self, error: &ErrorRecord) {
        self.note(&super::report::error_record(error));
        self.problem(error.id, error.target.as_deref().unwrap_or_default(), &error.message);
    }

    /// The status of a run in the numbers that whoever reads its output knows.
    pub fn status(&self, status: ExitStatus, tally: &Tally) -> ExitStatus {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.format.ends_as_a_plugin() {
            true => status.of_plugin(inner.shown.most(totals(tally))),
            false => status,
        }
    }

    /// Writes the rows that wait for more rows, if nothing has come for a while.
    pub fn flush_if_idle(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.emitted_at.is_some_and(|at| at.elapsed() >= PATIENCE) {
            inner.emitted_at = None;
            let text = inner.renderer.as_mut().map(Renderer::flush).unwrap_or_default();
            inner.write(&text);
        }
        let ConsoleState { bar, pace, .. } = &mut *inner;
        if let Some(bar) = bar
            && let Some(words) = pace.words_of_waiting(Instant::now())
        {
            bar.set_prefix(words);
        }
    }

    /// Ends what one input of the shell printed; the next one begins anew.
    pub fn finish_part(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take_bar_away();
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).renderer.is_some() {
            self.finish();
        }
    }

    /// Ends a run that came to this: the same, and that whatever could not be written counts as well.
    pub fn finish_run(&self, tally: &Tally) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).renderer().told(totals(tally));
        self.finish();
        let unwritten = self.0.lock().unwrap_or_else(PoisonError::into_inner).commit();
        if let Some(message) = unwritten {
            self.note(&format!("imsh: {message}"));
            tally.error(&ErrorRecord::new(Category::WriteError, "OutputNotWritten", message));
        }
    }

    /// Writes what the renderer holds back, and what closes the format.
    pub fn finish(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A program that emits nothing still prints a whole document of its format.
        inner.renderer();
        let renderer = inner.renderer.take();
        let remarks = renderer.as_ref().map(Renderer::remarks).unwrap_or_default();
        inner.shown = inner.shown.most(renderer.as_ref().map(Renderer::shown).unwrap_or_default());
        let text = renderer.map(Renderer::finish).unwrap_or_default();
        inner.take_bar_away();
        inner.write(&text);
        remarks.iter().for_each(|remark| inner.note(&format!("WARNING: {remark}\n")));
    }

    /// Text of `print`, which is no record: beside the records where people read them, on
    /// standard error where a program does.
    pub fn host(&self, text: &str) {
        self.host_part(&format!("{text}\n"));
    }

    /// The same without a line end.
    pub fn host_part(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.format.is_for_people() {
            let held_back = inner.renderer.as_mut().map(Renderer::interrupt).unwrap_or_default();
            inner.write(&held_back);
            inner.write(text);
        } else {
            inner.note(text);
        }
    }

    /// A line on standard output that is no record.
    pub fn text(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.write(text);
        inner.write("\n");
    }

    /// Shows on a terminal how much of a long piece of work is done, until all of it is.
    pub fn progress(&self, progress: &Progress<'_>) {
        let Progress { activity, done, total, .. } = *progress;
        if !io::stderr().is_terminal() {
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if done >= total {
            inner.take_bar_away();
            return;
        }
        let ConsoleState { bar, pace, .. } = &mut *inner;
        let bar = bar.get_or_insert_with(|| {
            *pace = ProgressPace::default();
            // Not as wide as the terminal: the ^C that it shows would begin another line.
            let width = terminal_width().saturating_sub(BESIDE_THE_BAR).clamp(8, 30);
            let style =
                ProgressStyle::with_template(&format!("{{msg}} {{bar:{width}}} {{pos}}/{{len}}{{prefix}}"));
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        bar.set_length(total as u64);
        bar.set_message(activity.to_owned());
        bar.set_prefix(pace.words(progress, Instant::now()));
        bar.set_position(done as u64);
    }

    /// A line for people, on standard error.
    pub fn note(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.note(&format!("{text}\n"));
    }

    /// Writes the last text of a session on a line of standard error, also where the transcript has no room for it.
    pub fn last_note(&self, text: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.transcripts.shown(&format!("{text}\n"));
        inner.note_unrecorded(&format!("{text}\n"));
    }

    /// Writes a question on standard error; what is typed stands behind it.
    ///
    /// # Errors
    /// Standard error is gone.
    pub fn ask(&self, question: &str) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held_back = inner.renderer.as_mut().map(Renderer::flush).unwrap_or_default();
        inner.write(&held_back);
        inner.take_bar_away();
        let mut error = io::stderr().lock();
        error.write_all(question.as_bytes()).and_then(|()| error.flush())
    }

    /// Begins a new line where Ctrl-C was typed: its echo stands on the one before.
    pub fn interrupted(&self) {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The line of a bar is cleared with all that stands on it.
        if inner.bar.is_none() && io::stdin().is_terminal() && io::stderr().is_terminal() {
            self.line_end();
        }
    }

    /// Ends a line on standard error that goes on.
    pub fn line_end(&self) {
        // When standard error is gone there is nothing to keep apart.
        let _ = io::stderr().lock().write_all(b"\n");
    }

    /// Writes down what was shown by other means: a question at the terminal.
    pub fn shown(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).transcripts.shown(text);
    }
}

impl ConsoleState {
    /// The renderer of what comes now.
    fn renderer(&mut self) -> &mut Renderer {
        let Self { renderer, format, is_terminal, colour, .. } = self;
        // As wide as the terminal is now: people change that.
        renderer.get_or_insert_with(|| Renderer::new(*format, is_terminal.then(terminal_width), *colour))
    }

    fn write(&mut self, text: &str) {
        if text.is_empty() || self.is_closed {
            return;
        }
        let text = &self.within_limit(text);
        if !self.is_on_record(text) {
            return;
        }
        let written = match &mut self.file {
            Some(file) => file.write(text.as_bytes()),
            None => self.above_the_bar(text, || {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }),
        };
        if let Err(error) = written {
            self.is_closed = true;
            if let Some(ends) = self.ends.take() {
                ends.cancel();
            }
            // A reader that goes away has what it wanted: `imsh … | head`.
            self.unwritten = Some(error).filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        }
    }

    /// Puts the file, now whole, in its place. Says what could not be written, if anything.
    fn commit(&mut self) -> Option<String> {
        match (self.file.take(), self.unwritten.take()) {
            (None, None) => None,
            (None, Some(error)) => Some(format!("Standard output could not be written: {error}.")),
            (Some(file), Some(error)) => Some(format!(
                "The output file {} could not be written, and is left as it was: {error}.",
                file.path().display()
            )),
            (Some(file), None) => {
                file.finish().err().map(|fault| format!("The output file could not be written: {fault}."))
            }
        }
    }

    /// Writes to standard error.
    fn note(&mut self, text: &str) {
        let text = &self.within_limit(text);
        if self.is_on_record(text) {
            self.note_unrecorded(text);
        }
    }

    /// Writes to standard error alone.
    fn note_unrecorded(&mut self, text: &str) {
        // When standard error is gone there is nowhere left to say so.
        let _ = self.above_the_bar(text, || io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Writes a text into the transcripts. Where a session's has no room for it, nobody sees it, and the program
    /// that shows it ends.
    fn is_on_record(&mut self, text: &str) -> bool {
        let is_written = self.transcripts.shown(text);
        if !is_written && let Some(limit) = &self.limit {
            limit.cancel.cancel();
        }
        is_written || self.limit.is_none()
    }

    /// As much of a text as the program may still show. The last of it says why there is no more.
    fn within_limit<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let Some(limit) = &mut self.limit else { return Cow::Borrowed(text) };
        if text.len() <= limit.left {
            limit.left -= text.len();
            return Cow::Borrowed(text);
        }
        let shown = &text[..text.floor_char_boundary(limit.left)];
        limit.left = 0;
        limit.cancel.cancel();
        if std::mem::replace(&mut limit.is_over, true) {
            return Cow::Borrowed("");
        }
        Cow::Owned(format!("{shown}\nimsh: {SHOWS_NO_MORE}\n"))
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

const SHOWS_NO_MORE: &str = "a program shows no more than this session allows; the rest is left out.";

/// Columns that the words beside a bar may take.
const BESIDE_THE_BAR: usize = 70;

/// Columns of the terminal; 80 where it does not say.
fn terminal_width() -> usize {
    let told = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.filter(|width| *width > 0).unwrap_or(80)
}
