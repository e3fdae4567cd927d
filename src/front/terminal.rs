//! The operator at a terminal, or the absence of one.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::termios::{
    FlushArg, LocalFlags, SetArg, SpecialCharacterIndices as Key, Termios, tcflush, tcgetattr, tcsetattr,
};
use tokio_util::sync::CancellationToken;

use super::output::Console;
use crate::call::{Confirmation, NoAnswer, Operator, Progress};
use crate::cmdlet::ErrorRecord;
use crate::render::visible::visible;
use crate::secret::Secret;

/// Whoever started the program: reads standard error, and answers at the terminal if there is one.
pub struct Terminal {
    output: Console,
    is_interactive: bool,
    /// Commands that run side by side ask one after the other.
    turn: Mutex<()>,
}

impl Terminal {
    /// The operator of this process. Where standard input or standard error is no terminal,
    /// nobody is asked anything.
    pub fn new(output: Console) -> Self {
        let is_interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { output, is_interactive, turn: Mutex::default() }
    }

    /// Asks, and reads what is typed up to Enter. Ctrl-C, and Ctrl-D, end the program that asks.
    fn read_answer(&self, prompt: &str, cancel: &CancellationToken) -> Result<String, NoAnswer> {
        if !self.is_interactive {
            return Err(NoAnswer::NoOperator);
        }
        if cancel.is_cancelled() {
            return Err(NoAnswer::Interrupted);
        }
        self.output.ask(prompt).map_err(|_| NoAnswer::NoOperator)?;
        let answer = read_line(cancel);
        let echoed = answer.as_deref().unwrap_or("");
        self.output.shown(&format!("{prompt}{echoed}\n"));
        if answer.is_err() {
            cancel.cancel();
            // What comes next does not stand behind the question.
            self.output.line_end();
        }
        answer
    }
}

/// Reads what is typed up to Enter.
fn read_line(cancel: &CancellationToken) -> Result<String, NoAnswer> {
    let keys = KeysInTurn::new().map_err(|_| NoAnswer::NoOperator)?;
    let mut typed = Vec::new();
    loop {
        wait_for_typing(cancel)?;
        let mut some = [0; 1024];
        match nix::unistd::read(io::stdin(), &mut some) {
            Ok(0) => return Err(NoAnswer::Interrupted),
            Ok(n_read) => typed.extend_from_slice(&some[..n_read]),
            Err(Errno::EINTR) => {}
            Err(_) => return Err(NoAnswer::NoOperator),
        }
        if typed.contains(&keys.interrupt()) {
            return Err(NoAnswer::Interrupted);
        }
        if typed.ends_with(b"\n") {
            let line = String::from_utf8_lossy(&typed);
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
    }
}

/// While it lives, Ctrl-C is read among the other keys and is no signal: a signal may be noticed after
/// an Enter that was typed behind it, and the Enter be taken for an answer.
struct KeysInTurn {
    before: Termios,
}

impl KeysInTurn {
    fn new() -> nix::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut asking = before.clone();
        asking.local_flags.remove(LocalFlags::ISIG);
        // The end of a line, which is what the terminal gives without waiting for more.
        asking.control_chars[Key::VEOL as usize] = before.control_chars[Key::VINTR as usize];
        tcsetattr(io::stdin(), SetArg::TCSANOW, &asking)?;
        Ok(Self { before })
    }

    /// The byte that Ctrl-C, or whatever key it is at this terminal, sends.
    fn interrupt(&self) -> u8 {
        self.before.control_chars[Key::VINTR as usize]
    }
}

impl Drop for KeysInTurn {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}

/// Waits until something has been typed: a cancelled token ends no read of its own.
fn wait_for_typing(cancel: &CancellationToken) -> Result<(), NoAnswer> {
    let stdin = io::stdin();
    loop {
        let mut typed = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let n_ready = match poll(&mut typed, LOOK_EVERY) {
            Ok(n_ready) => n_ready,
            Err(Errno::EINTR) => 0,
            Err(_) => return Err(NoAnswer::NoOperator),
        };
        if cancel.is_cancelled() {
            return Err(NoAnswer::Interrupted);
        }
        if n_ready > 0 {
            return Ok(());
        }
    }
}

/// Milliseconds between two looks at the token while a question waits for its answer.
const LOOK_EVERY: u16 = 50;

/// The answers to a request for confirmation.
const CHOICES: &str = "[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is \"Y\"): ";

/// The explanation of the answers.
const CHOICES_EXPLAINED: &str = "\
Y - Do this one.
A - Do this one and all that the command has still to do, without asking again.
N - Leave this one out, and ask for the next.
L - Leave out this one and all that the command has still to do.
Ctrl-C - End the command here.";

impl Operator for Terminal {
    fn ask(&self, prompt: &str, cancel: &CancellationToken) -> Result<String, NoAnswer> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.read_answer(prompt, cancel)
    }

    fn ask_secret(&self, prompt: &str) -> Result<Secret, NoAnswer> {
        if !self.is_interactive {
            return Err(NoAnswer::NoOperator);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.output.shown(&format!("{prompt}\n"));
        rpassword::prompt_password(prompt).map(Secret::new).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                // What comes next does not stand behind the question.
                self.output.line_end();
            }
            // Ctrl-C, and Ctrl-D.
            if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof) {
                NoAnswer::Interrupted
            } else {
                NoAnswer::NoOperator
            }
        })
    }

    fn confirm(&self, question: &str, cancel: &CancellationToken) -> Result<Confirmation, NoAnswer> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_interactive {
            // What was typed before the question is no answer to it.
            let _ = tcflush(io::stdin(), FlushArg::TCIFLUSH);
        }
        let mut prompt = format!("Confirm\n{}\n{CHOICES}", visible(question));
        loop {
            let answer = self.read_answer(&prompt, cancel)?;
            match answer.trim().to_ascii_lowercase().as_str() {
                "" | "y" | "yes" => return Ok(Confirmation::Yes),
                "a" | "yes to all" => return Ok(Confirmation::YesToAll),
                "n" | "no" => return Ok(Confirmation::No),
                "l" | "no to all" => return Ok(Confirmation::NoToAll),
                "?" | "help" => prompt = format!("{CHOICES_EXPLAINED}\n{CHOICES}"),
                _ => CHOICES.clone_into(&mut prompt),
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

    fn progress(&self, progress: &Progress<'_>) {
        self.output.progress(progress);
    }

    fn screen(&self) -> Option<(usize, usize)> {
        let size =
            terminal_size::terminal_size().filter(|_| self.is_interactive && io::stdout().is_terminal());
        size.map(|(width, height)| (usize::from(height.0), usize::from(width.0)))
    }
}
