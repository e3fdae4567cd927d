//! The operator at a terminal, or the absence of one.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use super::output::Output;
use crate::cmdlet::ErrorRecord;
use crate::cmdlets::{NoOperator, Operator};
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

impl Operator for Terminal {
    fn ask(&self, prompt: &str) -> Result<String, NoOperator> {
        if !self.is_interactive {
            return Err(NoOperator);
        }
        let mut error = io::stderr().lock();
        write!(error, "{prompt}").and_then(|()| error.flush()).map_err(|_| NoOperator)?;
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => Err(NoOperator),
            Ok(_) => {
                let answer = line.trim_end_matches(['\r', '\n']).to_owned();
                self.output.shown(&format!("{prompt}{answer}\n"));
                Ok(answer)
            }
        }
    }

    fn ask_secret(&self, prompt: &str) -> Result<Secret, NoOperator> {
        if !self.is_interactive {
            return Err(NoOperator);
        }
        self.output.shown(&format!("{prompt}\n"));
        rpassword::prompt_password(prompt).map(Secret::new).map_err(|_| NoOperator)
    }

    fn confirm(&self, question: &str) -> Result<bool, NoOperator> {
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
        self.output.note(&super::report::error_record(error, None));
    }

    fn progress(&self, activity: &str, done: usize, total: usize, _elapsed: Duration) {
        self.output.progress(activity, done, total);
    }
}
