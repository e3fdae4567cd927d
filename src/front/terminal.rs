//! The operator at a terminal, or the absence of one.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use futures_util::FutureExt;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use tokio::signal::unix::{SignalKind, signal};

use super::output::Output;
use crate::cmdlet::ErrorRecord;
use crate::cmdlets::{NoAnswer, Operator};
use crate::render::visible::visible;
use crate::secret::Secret;

/// Whoever started the program: reads standard error, and answers at the terminal if there is one.
pub struct Terminal {
    output: Output,
    is_interactive: bool,
}

impl Terminal {
    /// The operator of this process. Where standard input or standard error is no terminal,
    /// nobody is asked anything.
    pub fn new(output: Output) -> Self {
        let is_interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { output, is_interactive }
    }
}

/// Waits until a line has been typed, or Ctrl-C: the signal ends no read of its own.
fn wait_for_line() -> Result<(), NoAnswer> {
    let mut interrupts = signal(SignalKind::interrupt()).map_err(|_| NoAnswer::NoOperator)?;
    let stdin = io::stdin();
    loop {
        let mut typed = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let is_typed = match poll(&mut typed, LOOK_EVERY) {
            Ok(n_ready) => n_ready > 0,
            Err(Errno::EINTR) => false,
            Err(_) => return Err(NoAnswer::NoOperator),
        };
        if interrupts.recv().now_or_never().is_some() {
            return Err(NoAnswer::Interrupted);
        }
        if is_typed {
            return Ok(());
        }
    }
}

/// Milliseconds between two looks for Ctrl-C while a question waits for its answer.
const LOOK_EVERY: u16 = 50;

impl Operator for Terminal {
    fn ask(&self, prompt: &str) -> Result<String, NoAnswer> {
        if !self.is_interactive {
            return Err(NoAnswer::NoOperator);
        }
        let mut error = io::stderr().lock();
        write!(error, "{prompt}").and_then(|()| error.flush()).map_err(|_| NoAnswer::NoOperator)?;
        drop(error);
        wait_for_line()?;
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => Err(NoAnswer::NoOperator),
            Ok(_) => {
                let answer = line.trim_end_matches(['\r', '\n']).to_owned();
                self.output.shown(&format!("{prompt}{answer}\n"));
                Ok(answer)
            }
        }
    }

    fn ask_secret(&self, prompt: &str) -> Result<Secret, NoAnswer> {
        if !self.is_interactive {
            return Err(NoAnswer::NoOperator);
        }
        self.output.shown(&format!("{prompt}\n"));
        rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                NoAnswer::Interrupted
            } else {
                NoAnswer::NoOperator
            }
        })
    }

    fn confirm(&self, question: &str) -> Result<bool, NoAnswer> {
        loop {
            let answer = self.ask(&format!("Confirm\n{question}\n[Y] Yes  [N] No (default is \"Y\"): "))?;
            match answer.trim().to_ascii_lowercase().as_str() {
                "" | "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    }

    fn host(&self, text: &str) {
        self.output.host(&visible(text));
    }

    fn host_part(&self, text: &str) {
        self.output.host_part(&visible(text));
    }

    fn warning(&self, text: &str) {
        self.output.note(&format!("WARNING: {}", visible(text)));
    }

    fn verbose(&self, text: &str) {
        self.output.note(&format!("VERBOSE: {}", visible(text)));
    }

    fn error(&self, error: &ErrorRecord) {
        self.output.error(error);
    }

    fn progress(&self, activity: &str, done: usize, total: usize, _elapsed: Duration) {
        self.output.progress(activity, done, total);
    }
}
