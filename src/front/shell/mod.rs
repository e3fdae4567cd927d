//! `imsh` without arguments: the interactive shell.
//!
//! Reads a line (or several that belong together), runs it in the session, shows what came of
//! it, and goes on. Ctrl-C ends what is running and not the session; Ctrl-D at an empty line
//! ends the session.

// Reading order.
pub mod editor;
pub mod complete;
pub mod highlight;
pub mod history;
pub mod secrets;
pub mod prompt;

use std::borrow::Cow;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::termios::tcgetattr;
use reedline::{Reedline, Signal};
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use history::Withheld;
use secrets::may_hold_secret;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::report::{self, ReportSource};
use super::run::Interrupts;
use super::session;
use super::start::{self, Started};
use crate::cmdlet::Catalogue;
use crate::render::visible::visible;
use crate::script::engine::emit_result;
use crate::script::{Failure, FailureKind};
use crate::trusted;

/// Runs the shell until its user leaves.
pub async fn shell(options: &SessionOptions) -> ExitStatus {
    if !std::io::stdin().is_terminal() {
        // A program in a pipe is a script.
        return super::run::script(options, std::path::Path::new("-"), Vec::new()).await;
    }
    let mut started = match start::start(options, "shell", Vec::new(), None).await {
        Ok(started) => started,
        Err(error) => {
            super::output::Console::new(options.output, options.color).note(&format!("imsh: {error}"));
            return error.status();
        }
    };
    let terminal = tcgetattr(std::io::stdin()).ok();
    let mut signals = Interrupts::of([SignalKind::terminate(), SignalKind::hangup()].into());
    let output = started.output.clone();
    let lab = started.take_lab();
    let ended = async {
        tokio::select! {
            () = signals.next() => {}
            () = hung_up() => {}
        }
        // What runs is cancelled by the same signal, and tells what it has learned.
        tokio::time::sleep(session::LAST_WORDS).await;
    };
    let status = tokio::select! {
        biased;
        status = converse(Arc::new(started), options.lab, None) => status,
        () = ended => {
            session::put_back(terminal.as_ref());
            output.transcripts().stop_all();
            ExitStatus::Interrupted
        }
    };
    // The thread that reads the terminal may hold the session still.
    drop(lab);
    status
}

/// Reads lines and runs them, in a session that has started; `practises` on the practice network. Ends where
/// nothing is typed for as long as `idle`.
pub(super) async fn converse(started: Arc<Started>, practises: bool, idle: Option<Duration>) -> ExitStatus {
    let mut editor = match editor::editor(&started) {
        Ok(editor) => editor,
        Err(error) => {
            started.output.note(&format!("imsh: the line editor could not be started: {error}"));
            return ExitStatus::Wrong;
        }
    };
    greet(&started);
    if let Some(text) = start_up_file() {
        let _ = evaluate(&started, "profile.rhai", &text).await;
    }
    let usual = prompt::Prompt::new(practises, &started);
    let mut own = OwnPrompt::default();
    let status = loop {
        let prompt = own.of(&started).await.unwrap_or_else(|| usual.clone());
        let typed = read(editor, prompt.clone());
        let typed = match idle {
            Some(idle) => tokio::time::timeout(idle, typed).await,
            None => Ok(typed.await),
        };
        let (returned, signal) = match typed {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => break ExitStatus::Wrong,
            Err(_) => {
                started.output.note("\nimsh: nothing was typed for as long as a session may wait; it ends.");
                break ExitStatus::Success;
            }
        };
        editor = returned;
        match signal {
            Ok(Signal::Success(line)) if line.trim().is_empty() => {}
            Ok(Signal::Success(line)) if is_farewell(line.trim()) => break ExitStatus::Success,
            Ok(Signal::Success(line)) if clears(line.trim()) => {
                // A terminal that cannot be cleared stays as it is.
                let _ = editor.clear_screen();
            }
            Ok(Signal::Success(line)) => {
                let withheld = history::withheld(&line, &started.host);
                let written = Some(line.as_str()).filter(|_| withheld != Some(Withheld::MayHoldSecret));
                if written.is_none() {
                    let catalogue = started.host.everything();
                    let secret = line.lines().filter(|line| may_hold_secret(line, catalogue));
                    let secret: Vec<&str> = secret.collect();
                    // A secret may be spread over the lines of an input.
                    let secret = if secret.is_empty() { line.clone() } else { secret.join("\n") };
                    started.output.transcripts().withhold(&secret);
                }
                // A line that was pasted may hold anything; no later one looks like a prompt or like an answer.
                let shown = written.map(|line| visible(line).replace('\n', "\n>> "));
                started.output.transcripts().typed(&prompt.text(), shown.as_deref());
                // Messages call it by the number that Get-History gives it.
                let name = match withheld {
                    None => format!("line {}", started.host.context().history.add(&line)),
                    Some(why) => {
                        started.output.note(&format!("(not kept in the history: {why})"));
                        "line".to_owned()
                    }
                };
                if let Some(status) =
                    evaluate(&started, &name, &paged(&line, started.host.everything())).await
                {
                    break status;
                }
            }
            Ok(Signal::HostCommand(command)) if command == editor::SUSPEND => {
                // The sudo before a delegated session would stop, and leave its caller in the dark.
                if !started.host.context().is_delegated {
                    suspend();
                }
            }
            Ok(Signal::CtrlC | Signal::HostCommand(_) | Signal::ExternalBreak(_)) => {}
            // Ctrl-D, and whatever else the editor may learn to say when it is done.
            Ok(_) => break ExitStatus::Success,
            Err(error) => {
                started.output.note(&format!("imsh: {error}"));
                break ExitStatus::Wrong;
            }
        }
    };
    started.host.context().results.close().await;
    started.output.transcripts().stop_all();
    status
}

/// Whether a line ends the session.
fn is_farewell(line: &str) -> bool {
    ["exit", "quit", "logout", "bye"].iter().any(|word| word.eq_ignore_ascii_case(line))
}

/// Whether a line is nothing but the wish for an empty screen.
fn clears(line: &str) -> bool {
    ["clear", "cls", "Clear-Host"].iter().any(|word| word.eq_ignore_ascii_case(line))
}

/// Waits until the terminal is gone. Where SIGHUP is ignored (`nohup`) nothing else says so, and the editor
/// would read its end for ever.
async fn hung_up() {
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    loop {
        looks.tick().await;
        let stdin = std::io::stdin();
        let mut terminal = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let looked = poll(&mut terminal, 0_u8);
        if looked.is_ok() && terminal[0].revents().is_some_and(|events| events.intersects(gone)) {
            return;
        }
    }
}

/// Stops the shell until its user calls it back (`fg`), as Ctrl-Z does to other programs. A delegated session
/// ignores the signal.
fn suspend() {
    // A process that cannot be stopped goes on.
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(0), nix::sys::signal::Signal::SIGTSTP);
}

/// The prompt that the user's own function `prompt` gives.
#[derive(Debug, Default)]
struct OwnPrompt {
    /// Whether it was said that it gives none.
    is_told: bool,
}

impl OwnPrompt {
    /// The prompt for the next line; none without such a function, and none from one that fails.
    async fn of(&mut self, started: &Started) -> Option<prompt::Prompt> {
        let functions = started.session.names().functions;
        if !functions.iter().any(|function| function.name.eq_ignore_ascii_case("prompt")) {
            self.is_told = false;
            return None;
        }
        let cancel = CancellationToken::new();
        let asked = started.session.evaluate("prompt", "return \"$(prompt)\"", cancel.clone());
        let text = match tokio::time::timeout(PROMPT_PATIENCE, asked).await {
            Ok(Ok(value)) => Some(value.to_string()),
            Ok(Err(_)) => None,
            Err(_) => {
                cancel.cancel();
                None
            }
        };
        if text.is_none() && !std::mem::replace(&mut self.is_told, true) {
            started.output.note("imsh: the function prompt gives no text; the usual prompt takes its place.");
        }
        text.map(|text| prompt::Prompt::of_function(&text))
    }
}

/// The longest time that the function `prompt` may take.
const PROMPT_PATIENCE: Duration = Duration::from_secs(2);

/// Reads a line on a thread that may wait.
async fn read(
    mut editor: Reedline,
    prompt: prompt::Prompt,
) -> Result<(Reedline, std::io::Result<Signal>), tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || {
        let signal = editor.read_line(&prompt).map_err(std::io::Error::other);
        (editor, signal)
    })
    .await
}

/// Adds the pager to a line that is an alias of Get-Help (`help`, `man`) alone: these show their page a screen at a
/// time, as PowerShell's do, and `Get-Help` does not.
fn paged<'a>(line: &'a str, catalogue: &Catalogue) -> Cow<'a, str> {
    let help = catalogue.find("Get-Help");
    let is_help = line
        .split_whitespace()
        .next()
        .is_some_and(|word| help.is_some_and(|help| help.aliases.contains(&word)));
    if is_help && !line.contains(['|', ';', '&', '\n', '#', '(', '{']) {
        return Cow::Owned(format!("{line} | Out-Host"));
    }
    Cow::Borrowed(line)
}

/// Runs one input; gives a status when it leaves the shell.
async fn evaluate(started: &Started, name: &str, text: &str) -> Option<ExitStatus> {
    let cancel = CancellationToken::new();
    started.output.begin_program(cancel.clone());
    let mut interrupts = Interrupts::listen();
    let running = started.session.evaluate(name, text, cancel.clone());
    let interrupt = async {
        loop {
            interrupts.next().await;
            started.output.interrupted();
            cancel.cancel();
        }
    };
    let idle = super::run::flush_when_idle(started.output.clone());
    let result = tokio::select! {
        biased;
        result = running => result,
        () = interrupt => return None,
        () = idle => return None,
    };
    let failure = match result {
        Ok(value) => {
            emit_result(&|value| started.output.emit(&value), value);
            None
        }
        Err(failure) => Some(failure),
    };
    started.output.finish_part();
    match failure {
        Some(Failure { kind: FailureKind::Exit(status), .. }) => {
            Some(ExitStatus::Script(u8::try_from(status).unwrap_or(u8::MAX)))
        }
        Some(failure) => {
            started.output.note(&report::failure(&failure, ReportSource { name, text }));
            None
        }
        None => None,
    }
}

fn greet(started: &Started) {
    let version = env!("CARGO_PKG_VERSION");
    started
        .output
        .note(&format!("imsh {version}: Get-Help explains, Tab completes, Ctrl-C stops, Ctrl-D leaves."));
    let context = started.host.context();
    // A delegated session's is always the machine's.
    if let Some(path) = context.topology.path().filter(|_| !context.is_delegated) {
        started.output.note(&visible(&format!("The topology is {}.", path.display())));
    }
}

/// The program that runs when the shell starts: `imsh/profile.rhai` in the configuration directory.
fn start_up_file() -> Option<String> {
    let file = trusted::open_own(&config_home()?.join("imsh/profile.rhai")).ok()?;
    std::io::read_to_string(file).ok()
}

fn config_home() -> Option<PathBuf> {
    directory("XDG_CONFIG_HOME", ".config")
}

/// A directory of the user's: what the variable names, else below the home directory. In a delegated
/// session there is none: neither variable is kept there.
fn directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(below_home)))
}
