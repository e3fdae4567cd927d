//! Transcripts: files that record what a session shows and what is typed into it.
//!
//! The front writes into them whatever it writes on the screen; `Start-Transcript` opens one and
//! `Stop-Transcript` closes it. Several may be open, one within the other. A file is readable by
//! its owner alone. Passwords never reach it: they are read without echo, and a typed line that
//! looks as if it held a secret is left out.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::ZonedDateTime;

use super::files::Existing;
use crate::trusted;

/// The transcripts that are open; the one that was started last is stopped first.
#[derive(Debug, Default)]
pub struct Transcripts {
    open: Mutex<Vec<Transcript>>,
    /// Recording is paused while a line runs that may hold a secret.
    is_paused: AtomicBool,
    /// One may not grow any more.
    is_full: AtomicBool,
    /// Lines that may hold a secret: a later error may point into them and show them again.
    withheld: Mutex<Vec<String>>,
}

/// One of them.
struct Transcript {
    path: PathBuf,
    file: File,
    /// Whether each typed line gets the time above it.
    has_times: bool,
    room: Option<Room>,
    /// Bytes until that is asked for more.
    left: usize,
    /// Whether what is written next begins a line.
    is_at_start: bool,
}

/// The room that a transcript may take.
pub struct Room {
    /// Books so many more bytes; says whether there were as many.
    pub take: Box<dyn Fn(usize) -> bool + Send>,
    /// Gives so many back.
    pub give_back: Box<dyn Fn(usize) + Send>,
}

/// Bytes that are booked at once.
const ROOM: usize = 64 << 10;

impl Transcript {
    /// Writes down a text; says whether there was room for it.
    fn write(&mut self, text: &str) -> bool {
        if let Some(room) = &self.room {
            if self.left < text.len() {
                let wanted = text.len().next_multiple_of(ROOM);
                if !(room.take)(wanted) {
                    return false;
                }
                self.left += wanted;
            }
            self.left -= text.len();
        }
        self.is_at_start = text.ends_with('\n');
        // A disk that is full must not end a session of somebody's own; the transcript is shorter then.
        self.file.write_all(text.as_bytes()).is_ok() || self.room.is_none()
    }

    /// Writes down what was shown. A line of it that begins with a star gets a blank before it, so that nothing
    /// that is shown looks like what stands above a typed line or at an end.
    fn write_shown(&mut self, text: &str) -> bool {
        let mut marked = String::with_capacity(text.len());
        let mut is_at_start = self.is_at_start;
        for line in text.split_inclusive('\n') {
            if is_at_start && line.starts_with('*') {
                marked.push(' ');
            }
            marked.push_str(line);
            is_at_start = line.ends_with('\n');
        }
        self.write(&marked)
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if let Some(room) = &self.room {
            (room.give_back)(self.left);
        }
    }
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcript").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The heading of a transcript.
#[derive(Clone, Debug)]
pub struct Heading {
    /// The name of the user.
    pub user: String,
    /// The name of the machine.
    pub machine: String,
    /// Whether the time is all that stands there.
    pub is_minimal: bool,
    /// Whether each typed line gets the time above it.
    pub has_times: bool,
}

impl Transcripts {
    /// Starts one.
    ///
    /// # Errors
    /// The file cannot be opened, or exists and is to be kept.
    pub fn start(&self, path: PathBuf, existing: Existing, heading: &Heading) -> io::Result<()> {
        let file = trusted::open_own_with(&path, existing.options().mode(0o600))?;
        self.begin(file, path, heading, None)
    }

    /// Starts one in an open file. As it grows `room` is asked for more; where there is none, the transcript ends
    /// there, and [`Transcripts::is_full`] says so.
    ///
    /// # Errors
    /// Its beginning cannot be written, or there is no room for it.
    pub fn begin(&self, file: File, path: PathBuf, heading: &Heading, room: Option<Room>) -> io::Result<()> {
        let has_times = heading.has_times;
        let mut transcript = Transcript { path, file, has_times, room, left: 0, is_at_start: true };
        if !transcript.write(&top(heading)) {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(transcript);
        Ok(())
    }

    /// Stops the one that was started last; gives its file, and nothing where none is open.
    ///
    /// # Errors
    /// Its end cannot be written.
    pub fn stop(&self) -> Option<io::Result<PathBuf>> {
        let last = self.open.lock().unwrap_or_else(PoisonError::into_inner).pop();
        last.map(|mut transcript| {
            transcript.file.write_all(bottom().as_bytes())?;
            Ok(std::mem::take(&mut transcript.path))
        })
    }

    /// Stops all of them, at the end of a session.
    pub fn stop_all(&self) {
        // An error of the last lines has no reader any more.
        while self.stop().is_some() {}
    }

    /// Writes down what is shown, without its colours; says whether there was room for it.
    pub fn shown(&self, text: &str) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_empty() || text.is_empty() || self.is_paused.load(Ordering::Relaxed) {
            return true;
        }
        let withheld = self.withheld.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = withheld.iter().fold(without_colour(text), |text, line| text.replace(line, LEFT_OUT));
        let is_written = open.iter_mut().all(|transcript| transcript.write_shown(&plain));
        if !is_written {
            self.is_full.store(true, Ordering::Relaxed);
        }
        is_written
    }

    /// From now on leaves out the lines of an input that may hold a secret, wherever they are shown.
    pub fn withhold(&self, input: &str) {
        let lines = input.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_SECRET);
        let mut withheld = self.withheld.lock().unwrap_or_else(PoisonError::into_inner);
        withheld.extend(lines.map(str::to_owned));
    }

    /// Writes down a line that was typed, behind the prompt at which it was. In place of one that
    /// may hold a secret a remark is written, and what it shows is left out, since errors quote it.
    pub fn typed(&self, prompt: &str, line: Option<&str>) {
        self.is_paused.store(line.is_none(), Ordering::Relaxed);
        let line = line.unwrap_or("(a line that may hold a secret; what it showed is left out)");
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for transcript in open.iter_mut() {
            let time = if transcript.has_times {
                format!("{STARS}\nCommand start time: {}\n{STARS}\n", now())
            } else {
                String::new()
            };
            if !transcript.write(&format!("{time}{prompt}{line}\n")) {
                self.is_full.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether one of them may not grow any more: what is done now is not written down.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }
}

/// The replacement for a line that may hold a secret.
pub const LEFT_OUT: &str = "(left out)";

/// Letters below which a line of an input is a bracket or the like, and no secret.
const SHORTEST_SECRET: usize = 4;

const STARS: &str = "**********************";

fn now() -> String {
    ZonedDateTime::now().strftime("%Y%m%d%H%M%S").to_string()
}

fn top(heading: &Heading) -> String {
    let Heading { user, machine, is_minimal, .. } = heading;
    let mut text = format!("{STARS}\nimsh transcript start\nStart time: {}\n", now());
    if !is_minimal {
        text.push_str(&format!(
            "Username: {user}\nMachine: {machine}\nVersion: {}\n",
            env!("CARGO_PKG_VERSION")
        ));
    }
    text + STARS + "\n"
}

fn bottom() -> String {
    format!("{STARS}\nimsh transcript end\nEnd time: {}\n{STARS}\n", now())
}

/// The text without the sequences that colour it; others do not come here, see `render::visible`.
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = behind.find(|letter: char| !(letter.is_ascii_digit() || letter == ';'));
        rest = end.map_or("", |end| behind.get(end + 1..).unwrap_or(""));
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_do_not_reach_the_file() {
        assert_eq!(without_colour("\u{1b}[32;1mResult\u{1b}[0m : ok"), "Result : ok");
        assert_eq!(without_colour("\u{1b}["), "");
        assert_eq!(without_colour("é\u{1b}[1mé"), "éé");
    }

    #[test]
    fn nothing_that_is_shown_looks_like_what_stands_above_a_typed_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("transcript");
        let heading =
            Heading { user: "kim".to_owned(), machine: "m".to_owned(), is_minimal: true, has_times: true };
        let transcripts = Transcripts::default();
        transcripts.start(path.clone(), Existing::Replaced, &heading).unwrap();
        for shown in [&format!("{STARS}\nCommand"), " start\n*", "**\n", STARS, "\n"] {
            assert!(transcripts.shown(shown));
        }
        transcripts.typed("> ", Some("Get-Pool"));
        transcripts.stop_all();
        let written = std::fs::read_to_string(path).unwrap();
        let n_true = written.lines().filter(|line| *line == STARS).count();
        assert_eq!(n_true, 2 + 2 + 2, "top, one typed line, end: {written}");
        assert!(written.contains(&format!(" {STARS}\nCommand start\n ***\n {STARS}\n")), "{written}");
    }
}
