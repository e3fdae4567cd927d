//! `imsh -c CODE` and `imsh run SCRIPT`: one program, then out.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::SigSet;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::output::Console;
use super::report::{self, ReportSource};
use super::start::{self, StartError, Started};
use crate::cmdlet::{Category, ErrorRecord};
use crate::host::{Host, Tally};
use crate::render;
use crate::script::engine::emit_result;
use crate::script::{FailureKind, file};
use crate::trusted;
use crate::value::Value;

/// Runs the code of `-c`.
pub async fn command(options: &SessionOptions, code: &str) -> ExitStatus {
    let variables = vec![("args".to_owned(), Value::texts(Vec::<String>::new()))];
    match start::start(options, "-c", variables, None).await {
        Ok(started) => self::code(&started, code).await,
        Err(error) => not_started(options, &error),
    }
}

/// Runs code in a session that has started.
pub(super) async fn code(started: &Started, code: &str) -> ExitStatus {
    evaluate(started, ReportSource { name: "-c", text: code }, Interrupts::listen()).await
}

/// Runs the script on standard input in a session that has started; shows it to `seen` first.
pub(super) async fn standard_input(started: &Started, seen: impl Fn(&str)) -> ExitStatus {
    evaluate_file(started, Path::new("-"), seen).await
}

/// Runs a script with its arguments.
pub async fn script(options: &SessionOptions, script: &Path, arguments: Vec<String>) -> ExitStatus {
    // A script imports what lies beside it.
    let beside = script.parent().filter(|_| script != Path::new("-"));
    let library = beside.map(|beside| if beside == Path::new("") { Path::new(".") } else { beside });
    let variables = vec![("args".to_owned(), Value::texts(arguments))];
    let started = match start::start(options, "run", variables, library).await {
        Ok(started) => started,
        Err(error) => return not_started(options, &error),
    };
    evaluate_file(&started, script, |_| ()).await
}

async fn evaluate_file(started: &Started, script: &Path, seen: impl Fn(&str)) -> ExitStatus {
    let Started { host, output, .. } = started;
    let name = start::display_name(script);
    let mut interrupts = Interrupts::listen();
    let file = script.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&file));
    let text = tokio::select! {
        text = reading => text.unwrap_or_else(|fault| Err(fault.into())),
        // Whoever writes the script at a terminal may think better of it.
        () = interrupts.next() => {
            output.interrupted();
            output.note("Interrupted.");
            return output.status(ExitStatus::Interrupted, host.tally());
        }
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            output.fail(&format!("{name}: {error}"));
            return output.status(ExitStatus::Wrong, host.tally());
        }
    };
    let text = file::program(text);
    seen(&text);
    evaluate(started, ReportSource { name: &name, text: &text }, interrupts).await
}

/// The text of a script; - is standard input.
///
/// # Errors
/// As [`file::read`].
pub(super) fn read(script: &Path) -> io::Result<String> {
    if script == Path::new("-") { file::text_of(io::stdin().lock()) } else { file::read(script) }
}

fn not_started(options: &SessionOptions, error: &StartError) -> ExitStatus {
    let standard = || Console::new(options.output, options.color);
    let output = Console::of(options).unwrap_or_else(|_| standard());
    output.fail(&error.to_string());
    output.status(error.status(), &Tally::default())
}

async fn evaluate(started: &Started, source: ReportSource<'_>, interrupts: Interrupts) -> ExitStatus {
    let Started { session, host, output, .. } = started;
    let cancel = CancellationToken::new();
    output.begin_program(cancel.clone());
    let watch = tokio::spawn(cancel_on_interrupt(interrupts, host.clone(), output.clone(), cancel.clone()));
    let flush = tokio::spawn(flush_when_idle(output.clone()));
    output.ends(cancel.clone());
    let result = session.evaluate(source.name, source.text, cancel).await;
    let result = result.map_err(|failure| output.blamed(failure));
    watch.abort();
    flush.abort();
    let failure = match result {
        Ok(value) => {
            emit_result(&|value| output.emit(&value), value);
            None
        }
        // Nobody interrupted it: its reader has gone away, or the disk is full, which is told below.
        Err(failure) if output.is_closed() && matches!(failure.kind, FailureKind::Cancelled) => {
            let message = "The rest was left out: nothing more could be written to standard output.";
            host.tally().error(&ErrorRecord::new(Category::OperationStopped, "NobodyReads", message));
            None
        }
        Err(failure) => Some(failure),
    };
    let kind = failure.as_ref().map(|failure| &failure.kind);
    if let Some((id, target, message)) = kind.and_then(report::problem) {
        output.problem(id, &target, &message);
    }
    // An error that nobody caught is counted before the whole is told.
    if let Some(FailureKind::Error(error)) = kind {
        host.tally().error(error);
    }
    host.context().results.close().await;
    output.finish_run(host.tally());
    if let Some(failure) = &failure {
        let text = report::failure(failure, source);
        if !text.is_empty() {
            output.note(&text);
        }
    }
    output.transcripts().stop_all();
    output.status(ExitStatus::of(kind, host.tally()), host.tally())
}

/// The first Ctrl-C (or SIGTERM) ends the program, with what was learned still reported; the
/// second ends the process. A delegated session ends the process itself, when its end is written down.
async fn cancel_on_interrupt(
    mut interrupts: Interrupts,
    host: Arc<Host>,
    output: Console,
    cancel: CancellationToken,
) {
    interrupts.next().await;
    output.interrupted();
    cancel.cancel();
    interrupts.next().await;
    if host.context().is_delegated {
        return;
    }
    output.abandon();
    std::process::exit(ExitStatus::Interrupted.code().into());
}

/// Ctrl-C, SIGTERM and SIGHUP, from the moment it is made: until then a signal ends the process.
pub(super) struct Interrupts(Vec<Signal>);

impl Interrupts {
    /// Listens to all of them.
    pub(super) fn listen() -> Self {
        Self::of([SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].into())
    }

    /// A signal that cannot be listened to goes on ending the process, which is what it asks for; one that
    /// the caller ignores (`nohup`) stays ignored.
    pub(super) fn of(kinds: Vec<SignalKind>) -> Self {
        let ignored = ignored_signals();
        let heard = |kind: &SignalKind| ignored & (1 << (kind.as_raw_value() - 1)) == 0;
        Self::even_ignored(kinds.into_iter().filter(heard).collect())
    }

    /// Listens to these, though the caller ignores them. Those that a session has held back until now come to
    /// this thread.
    pub(super) fn even_ignored(kinds: Vec<SignalKind>) -> Self {
        let numbers: Vec<i32> = kinds.iter().map(SignalKind::as_raw_value).collect();
        let listening = Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect());
        let heard: SigSet = numbers.into_iter().filter_map(|number| number.try_into().ok()).collect();
        // One that stays held back is not heard, as before.
        let _ = heard.thread_unblock();
        listening
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        if self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        let signals = self.0.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(signals).await;
    }
}

/// The signals that this process ignores, a bit for each (proc(5), `SigIgn`); none where it cannot be known.
fn ignored_signals() -> u64 {
    let status = trusted::open_own(Path::new("/proc/self/status")).and_then(io::read_to_string);
    let status = status.unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Shows rows that wait for more rows, once nothing has come for a while; never ends.
pub(super) async fn flush_when_idle(output: Console) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    debug_assert!(render::PATIENCE >= ticks.period());
    loop {
        ticks.tick().await;
        output.flush_if_idle();
    }
}
