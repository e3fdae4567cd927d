//! The end of a delegated session that somebody or something outside of it ends.
//!
//! A watch looks at the role, the proof of who is asking, the transcript, the time, the reader and the signals. The
//! session's own runtime ends it in an orderly way; a thread of its own ends the process where that takes too
//! long. Never decides who may come in.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, tcsetattr};
use tokio::signal::unix::SignalKind;

use super::CallerIdentity;
use crate::call::Halt;
use crate::call::transcript::Transcripts;
use crate::cmdlet::ErrorRecord;
use crate::front::exit::ExitStatus;
use crate::front::run::Interrupts;
use crate::host::{Host, Sitting};

/// The line of the audit log that says how the session ended: written once, by whoever ends it.
#[derive(Clone)]
pub(super) struct LastLine(Arc<Mutex<Option<Sitting>>>);

impl LastLine {
    pub(super) fn new(sitting: Sitting) -> Self {
        Self(Arc::new(Mutex::new(Some(sitting))))
    }

    /// Writes it, unless it stands there already.
    ///
    /// # Errors
    /// The line cannot be written.
    pub(super) fn write(&self, outcome: &Result<(), Halt>) -> Result<(), ErrorRecord> {
        // Whoever comes second waits until the line is there.
        let mut sitting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sitting.take().map_or(Ok(()), |sitting| sitting.ended(outcome))
    }
}

/// The reason why a session is ended from outside.
#[derive(Clone, Copy, Debug)]
pub(super) enum SessionEnd {
    RoleTaken,
    /// The key is none of the principal's any more, or the user is in one of their groups no more.
    ProofTaken,
    TranscriptFull,
    TooLong,
    /// sshd ends no process without a terminal when its client is gone: nobody reads what it says any more.
    ReaderGone,
    /// SIGTERM or SIGHUP: somebody stops the process, or the line was cut.
    Signal,
}

impl SessionEnd {
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::RoleTaken => "you have no role any more; the session ends.",
            Self::ProofTaken => "the key or the group by which you came in was taken away; the session ends.",
            Self::TranscriptFull => "the transcript may not grow any more; the session ends.",
            Self::TooLong => "a session may not last longer; it ends.",
            Self::ReaderGone => "nobody reads the output any more; the session ends.",
            Self::Signal => "the session was ended.",
        }
    }

    pub(super) fn status(self) -> ExitStatus {
        match self {
            Self::RoleTaken | Self::ProofTaken | Self::TranscriptFull | Self::TooLong => ExitStatus::Denied,
            Self::ReaderGone => ExitStatus::NotRun,
            Self::Signal => ExitStatus::Interrupted,
        }
    }
}

/// Looks again and again whether a session may go on.
#[derive(Clone)]
pub(super) struct SessionWatch {
    host: Arc<Host>,
    who: CallerIdentity,
    transcripts: Arc<Transcripts>,
    began: Instant,
    after: Duration,
    /// The first reason that was seen: whoever ends the session gives the same.
    first: Arc<OnceLock<SessionEnd>>,
}

impl SessionWatch {
    /// Watches a session that begins now, and may last so long.
    pub(super) fn new(
        host: Arc<Host>,
        who: CallerIdentity,
        transcripts: Arc<Transcripts>,
        after: Duration,
    ) -> Self {
        Self { host, who, transcripts, began: Instant::now(), after, first: Arc::default() }
    }

    /// The reason why the session may not go on, once somebody has seen it.
    pub(super) fn first(&self) -> Option<SessionEnd> {
        self.first.get().copied()
    }

    /// The reason why the session may not go on, if there is one now.
    fn end(&self) -> Option<SessionEnd> {
        if self.host.session_limits().is_none() {
            return Some(SessionEnd::RoleTaken);
        }
        let access = self.host.context().topology.read().map(|now| now.access.clone().unwrap_or_default());
        if !access.is_ok_and(|access| self.who.still_holds(&access)) {
            return Some(SessionEnd::ProofTaken);
        }
        if self.transcripts.is_full() {
            return Some(SessionEnd::TranscriptFull);
        }
        if self.began.elapsed() > self.after {
            return Some(SessionEnd::TooLong);
        }
        is_reader_gone().then_some(SessionEnd::ReaderGone)
    }

    /// Waits for the reason why the session may not go on.
    async fn ended(&self) -> SessionEnd {
        let mut signals = endings();
        let end = loop {
            tokio::select! {
                () = signals.next() => break SessionEnd::Signal,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Some(end) = tokio::task::block_in_place(|| self.end()) {
                break end;
            }
        };
        *self.first.get_or_init(|| end)
    }
}

/// The signals that end a session, whatever its caller ignores.
fn endings() -> Interrupts {
    Interrupts::even_ignored([SignalKind::terminate(), SignalKind::hangup()].into())
}

/// Waits until the session may not go on, and lets what runs tell what it has learned; gives why.
pub(super) async fn over(watch: &SessionWatch) -> SessionEnd {
    let end = watch.ended().await;
    // The running program listens for the signal.
    let rest = if matches!(end, SessionEnd::Signal) {
        LAST_WORDS
    } else {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGTERM);
        LAST_WORDS / 2
    };
    tokio::time::sleep(rest).await;
    end
}

/// Ends the process where the session does not end by itself in time once it may not go on: what waits for a
/// reader of its output waits for ever. A thread and a runtime of its own see to it, since all others
/// may come to wait. A session that nobody watches any more ends too.
///
/// # Errors
/// The system gives no thread or no runtime.
pub(super) fn force(watch: SessionWatch, line: LastLine, terminal: Option<Termios>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let forced = move || {
        let ends = Unwatched;
        let end = runtime.block_on(async {
            let end = watch.ended().await;
            tokio::time::sleep(LONGEST_END).await;
            end
        });
        put_back(terminal.as_ref());
        watch.transcripts.stop_all();
        // An error has no reader any more.
        let _ = line.write(&Err(Halt::Cancelled));
        std::mem::forget(ends);
        std::process::exit(end.status().code().into());
    };
    std::thread::Builder::new().name("session-end".to_owned()).spawn(forced).map(drop)
}

/// Ends the process when it is dropped: by a panic of the thread that watches.
struct Unwatched;

impl Drop for Unwatched {
    fn drop(&mut self) {
        std::process::exit(ExitStatus::Wrong.code().into());
    }
}

/// Gives the terminal back as it was found; one that is gone needs nothing.
pub(in crate::front) fn put_back(terminal: Option<&Termios>) {
    if let Some(terminal) = terminal {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, terminal);
    }
}

/// Whether the other end of standard output is closed: of a pipe, a socket or a terminal.
fn is_reader_gone() -> bool {
    let stdout = std::io::stdout();
    let mut looked_at = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP;
    poll(&mut looked_at, PollTimeout::ZERO).is_ok()
        && looked_at[0].revents().is_some_and(|events| events.intersects(gone))
}

/// The time that running commands may take to end once the session is to end.
pub(in crate::front) const LAST_WORDS: Duration = Duration::from_millis(1200);
/// The time after which a session that may not go on is ended, come what may.
const LONGEST_END: Duration = Duration::from_millis(2000);
const LOOK_EVERY: Duration = Duration::from_millis(250);
