//! The audit log: one JSON line per call and per refusal, chained so that a change shows.
//!
//! Every line carries its number and the SHA-256 of the line before it, over all files of the log.
//! Several processes write one chain, under a lock. A line that a crash tore stays where it is, and
//! the next line vouches for it. The chain shows what was removed or changed inside; that the end is
//! missing shows only beside the copy that goes to syslog. Whatever a caller writes, it stays in its
//! line and shows what it is. Never holds a secret: its caller gives values that are masked already.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::GivenParameter;
use crate::durable;
use crate::trusted::Directory;
use crate::value::letter::{is_hidden, is_joiner};

// Reading order.
pub mod copy;
pub mod verify;

pub use copy::Syslog;
pub use verify::{Broken, verify, verify_from};

/// The record of one call. The log adds number, chain and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// The caller: `os-user:kim`, `principal:pilar`.
    pub principal: String,
    /// The way in: `run`, `repl`, `session` …
    pub way: String,
    /// Their roles.
    pub roles: Vec<String>,
    /// The cmdlet.
    pub cmdlet: String,
    /// With what, secrets masked.
    pub parameters: BTreeMap<String, Vec<String>>,
    /// One word for all lines of one call.
    pub call: String,
    /// Its outcome.
    pub outcome: AuditOutcome,
    /// The words of the errors that it reported and that did not end it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<String>,
    /// The duration of the call in milliseconds, once it is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration_ms: Option<u64>,
    /// Whether values were shortened to fit.
    #[serde(skip_serializing_if = "is_false", default)]
    pub shortened: bool,
}

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "why")]
pub enum AuditOutcome {
    /// It was allowed, and begins when this line is written.
    Started,
    /// It was not allowed.
    Refused(String),
    /// It ended as it should.
    Finished,
    /// It ended with an error record.
    Failed(String),
    /// It was interrupted.
    Cancelled,
}

impl AuditEvent {
    /// The parameters of a call, as the log holds them.
    pub fn parameters_of(parameters: &[GivenParameter]) -> BTreeMap<String, Vec<String>> {
        parameters.iter().map(|parameter| (parameter.name.clone(), parameter.values.clone())).collect()
    }

    /// Notes how long the call took.
    #[must_use]
    pub fn after(mut self, duration: Duration) -> Self {
        self.duration_ms = u64::try_from(duration.as_millis()).ok();
        self
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1, over all files; 0 in a copy of what no file took.
    pub n: u64,
    /// The SHA-256 of what stands before it, in hexadecimal: of the line before, or of everything
    /// between the last whole line and this one where `torn` says so.
    pub previous: String,
    /// Whether a line before it was torn by a crash.
    #[serde(skip_serializing_if = "is_false", default)]
    pub torn: bool,
    /// Whether it is the first of its file, and lines before it are in others.
    #[serde(skip_serializing_if = "is_false", default)]
    pub opens: bool,
    /// In the first line of a file, where older files were dropped when it was begun: with which line the
    /// log begins from then on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub oldest: Option<u64>,
    /// The time at which the line was written, in UTC.
    #[serde(with = "rfc3339")]
    pub time: jiff::Timestamp,
    /// The event that it records.
    #[serde(flatten)]
    pub event: AuditEvent,
}

impl Line {
    /// Its text, and the SHA-256 of that in hexadecimal.
    fn written(&self) -> serde_json::Result<(String, String)> {
        let text = shown(serde_json::to_string(self)?);
        let hash = hex(&Sha256::digest(text.as_bytes()));
        Ok((text, hash))
    }
}

/// The proof that a line is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Receipt {
    /// Its number.
    pub n: u64,
    /// Its SHA-256, which the next line carries.
    pub hash: String,
    /// Whether syslog took the copy.
    pub is_copied: bool,
}

/// An audit log: the file that is written, beside it those that were full, `<name>-<first line>.jsonl`.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
    settings: AuditSettings,
}

/// The settings of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// From what size on, in bytes, a file is full.
    pub max_file_bytes: u64,
    /// The number of full files that are kept, the newest ones, at least one; `None` keeps all of them.
    pub keep_files: Option<usize>,
    /// Whether a line must be on the disk before the call begins, and outlive the power.
    pub must_reach_disk: bool,
    /// The syslog sockets that copies of the lines are sent to.
    pub syslog: Syslog,
}

impl AuditLog {
    /// The log whose current file is `path`, or what that leads to. Nothing is made before the first line.
    pub fn new(path: impl Into<PathBuf>, settings: AuditSettings) -> Self {
        let path = path.into();
        // Without a directory there is no link in it either.
        let path = Directory::of(&path).map_or(path, |(directory, name)| directory.path().join(name));
        Self { path, settings }
    }

    /// The same log without copies, to write down that no copy was taken.
    #[must_use]
    pub fn without_copies(&self) -> Self {
        Self { settings: AuditSettings { syslog: Syslog::OFF, ..self.settings.clone() }, ..self.clone() }
    }

    /// The current file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line.
    ///
    /// # Errors
    /// The call must not run: the line is not in the log, or at [`AuditStep::Copy`] it is, and
    /// nobody took the copy that is required.
    pub fn write(&self, event: AuditEvent) -> Result<Receipt, Fault> {
        self.write_watched(event, &mut |_| Ok(()))
    }

    fn write_watched(
        &self,
        event: AuditEvent,
        before: &mut dyn FnMut(AuditStep) -> io::Result<()>,
    ) -> Result<Receipt, Fault> {
        let fault =
            |step: AuditStep| move |source: io::Error| Fault { path: self.path.clone(), step, source };
        let mut before = |step| {
            durable::passing();
            before(step)
        };
        if let Some(directory) = self.path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            durable::create_directory(directory).map_err(|durable| fault(AuditStep::Open)(durable.source))?;
        }
        let lock = durable::lock(&self.path).map_err(|durable| fault(AuditStep::Lock)(durable.source))?;
        before(AuditStep::Open).map_err(fault(AuditStep::Open))?;
        let files = self.files().map_err(fault(AuditStep::Open))?;
        let mut file = files.open().map_err(fault(AuditStep::Open))?;
        let mut end = files.end(&mut file).map_err(fault(AuditStep::ReadEnd))?;
        let mut oldest = None;
        // A torn line is vouched for in its own file first.
        if end.file_bytes >= self.settings.max_file_bytes && !end.is_torn {
            before(AuditStep::Rotate).map_err(fault(AuditStep::Rotate))?;
            oldest = files.rotate(&mut file).map_err(fault(AuditStep::Rotate))?;
            before(AuditStep::Open).map_err(fault(AuditStep::Open))?;
            file = files.open().map_err(fault(AuditStep::Open))?;
            (end.line_end, end.is_first, end.file_bytes) = (true, true, 0);
        }
        let line = Line {
            n: end.n + 1,
            previous: end.hash,
            torn: end.is_torn,
            opens: end.is_first && end.n > 0,
            oldest,
            time: jiff::Timestamp::now(),
            event: shortened(event),
        };
        let (text, hash) = line.written().map_err(|cause| fault(AuditStep::Append)(cause.into()))?;
        let line_end = if end.line_end { "" } else { "\n" };
        let appended = before(AuditStep::Append)
            .and_then(|()| append(&mut file, end.file_bytes, format!("{line_end}{text}\n").as_bytes()));
        if let Err(source) = appended {
            drop(lock);
            self.copy_unwritten(line.event, &source);
            return Err(fault(AuditStep::Append)(source));
        }
        if self.settings.must_reach_disk || oldest.is_some() {
            before(AuditStep::Sync).map_err(fault(AuditStep::Sync))?;
            file.sync_data().map_err(fault(AuditStep::Sync))?;
        }
        // Only now, when the chain says so, are they dropped.
        if oldest.is_some() {
            files.drop_old_files();
        }
        drop(lock);
        before(AuditStep::Copy).map_err(fault(AuditStep::Copy))?;
        let is_copied = self.settings.syslog.copy(&text, &line, &hash).map_err(fault(AuditStep::Copy))?;
        Ok(Receipt { n: line.n, is_copied, hash })
    }

    /// Sends a copy of an event that the file does not take, and why: it is all that tells of the call then. It
    /// has the number 0, as no line of the log.
    pub fn copy_unwritten(&self, mut event: AuditEvent, why: &io::Error) {
        if event.outcome == AuditOutcome::Started {
            event.outcome = AuditOutcome::Refused(format!("no line can be written: {why}"));
        }
        let line = Line {
            n: 0,
            previous: String::new(),
            torn: false,
            opens: false,
            oldest: None,
            time: jiff::Timestamp::now(),
            event: shortened(event),
        };
        if let Ok((text, hash)) = line.written() {
            // The call does not run, whether somebody takes the copy or not.
            let _ = self.settings.syslog.copy(&text, &line, &hash);
        }
    }

    fn files(&self) -> io::Result<LogFiles> {
        let (directory, name) = Directory::of(&self.path)?;
        let n_kept = self.settings.keep_files.map(|kept| kept.max(1));
        Ok(LogFiles { directory, name, n_kept })
    }
}

/// Appends to a file of this size, in one write: what a crash leaves of it is a torn line, never two halves of two.
///
/// # Errors
/// The system's own. Nothing is written where the process may not make the file as large (setrlimit(2),
/// `RLIMIT_FSIZE`): the system would take a part.
fn append(file: &mut File, file_bytes: u64, written: &[u8]) -> io::Result<()> {
    let (most, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if file_bytes.saturating_add(written.len() as u64) > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.write_all(written)
}

/// The files of a log, in their directory.
struct LogFiles {
    directory: Directory,
    /// The current one.
    name: OsString,
    /// The number of full files that are kept.
    n_kept: Option<usize>,
}

impl LogFiles {
    fn open(&self) -> io::Result<File> {
        let is_new = !self.directory.has(&self.name)?;
        let file = self.directory.append(&self.name)?;
        if is_new {
            durable::passing();
            self.directory.sync()?;
        }
        Ok(file)
    }

    /// The hash that the next line must carry.
    fn end(&self, file: &mut File) -> io::Result<LastLine> {
        let mut end = end_of(file)?;
        if end.n > 0 {
            return Ok(end);
        }
        // No whole line is in this file: the chain goes on from the last full one.
        let Some(full) = self.full()?.pop() else { return Ok(end) };
        let before = end_of(&mut self.directory.open(&full)?)?;
        (end.n, end.is_first) = (before.n, true);
        if !end.is_torn {
            (end.hash, end.is_torn) = (before.hash, before.is_torn);
        }
        Ok(end)
    }

    /// Sets the current file aside, under the number of its first line. Where files are to be dropped, gives
    /// the line that the log begins with then.
    fn rotate(&self, file: &mut File) -> io::Result<Option<u64>> {
        let first = first_line(file)?;
        let aside = OsString::from(format!("{}-{first:012}.jsonl", self.stem()));
        if self.directory.has(&aside)? {
            let aside = self.directory.path().join(aside);
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is there", aside.display()),
            ));
        }
        self.directory.rename(&self.name, &aside)?;
        durable::passing();
        self.directory.sync()?;
        let full = self.full()?;
        match full.get(self.n_too_many(&full)) {
            Some(kept) if self.n_too_many(&full) > 0 => first_line(&mut self.directory.open(kept)?).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Returns the number of full files in excess of those that are kept.
    fn n_too_many(&self, full: &[OsString]) -> usize {
        self.n_kept.map_or(0, |kept| full.len().saturating_sub(kept))
    }

    /// Removes the full files that are too many. One that cannot be removed is left to the next time: the
    /// line is written, and to have more than is needed harms nobody.
    fn drop_old_files(&self) {
        let full = self.full().unwrap_or_default();
        for file in &full[..self.n_too_many(&full)] {
            durable::passing();
            let _ = self.directory.remove(file);
        }
    }

    /// The full files, oldest first.
    fn full(&self) -> io::Result<Vec<OsString>> {
        let stem = format!("{}-", self.stem());
        let is_full = |name: &OsString| {
            let number = name.to_str().and_then(|name| name.strip_prefix(&stem)?.strip_suffix(".jsonl"));
            number.is_some_and(|number| number.len() == 12 && number.bytes().all(|b| b.is_ascii_digit()))
        };
        Ok(self.directory.names()?.into_iter().filter(is_full).collect())
    }

    fn stem(&self) -> String {
        Path::new(&self.name)
            .file_stem()
            .map_or_else(|| "audit".to_owned(), |stem: &OsStr| stem.to_string_lossy().into_owned())
    }
}

/// The end of a file.
struct LastLine {
    /// The number of the last whole line; 0 where there is none.
    n: u64,
    /// The hash for the next line.
    hash: String,
    /// Whether something torn follows the last whole line.
    is_torn: bool,
    /// Whether the file ends with a line end, or is empty.
    line_end: bool,
    /// Whether the next line is the first whole one of its file, and not of all.
    is_first: bool,
    file_bytes: u64,
}

fn end_of(file: &mut File) -> io::Result<LastLine> {
    let file_bytes = file.seek(SeekFrom::End(0))?;
    for window in [SMALL_WINDOW, LARGE_WINDOW] {
        let start = file_bytes.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        Read::by_ref(file).take(window).read_to_end(&mut bytes)?;
        let line_end = bytes.last().is_none_or(|last| *last == b'\n');
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if let Some((n, is_torn, hash)) = last_whole_line(text, start == 0) {
            return Ok(LastLine { n, hash, is_torn, line_end, is_first: false, file_bytes });
        }
        if start == 0 {
            let is_torn = !text.is_empty();
            let hash = if is_torn { hex(&Sha256::digest(text)) } else { FIRST.to_owned() };
            return Ok(LastLine { n: 0, hash, is_torn, line_end, is_first: false, file_bytes });
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "no whole line is at its end"))
}

/// The number of a file's first whole line; 0 where there is none.
fn first_line(file: &mut File) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    Read::by_ref(file).take(MAX_LINE_BYTES as u64).read_to_end(&mut head)?;
    Ok(head.split(|byte| *byte == b'\n').find_map(parse).map_or(0, |line| line.n))
}

/// Number of the last whole line, whether something follows it, and the hash of what does, or of it.
fn last_whole_line(text: &[u8], is_all: bool) -> Option<(u64, bool, String)> {
    let mut end = text.len();
    loop {
        let start = memchr::memrchr(b'\n', &text[..end]).map(|at| at + 1);
        if start.is_none() && !is_all {
            return None;
        }
        let whole = &text[start.unwrap_or(0)..end];
        if let Some(line) = parse(whole) {
            let is_torn = end < text.len();
            let chained = if is_torn { &text[end + 1..] } else { whole };
            return Some((line.n, is_torn, hex(&Sha256::digest(chained))));
        }
        end = start?.checked_sub(1)?;
    }
}

fn parse(bytes: &[u8]) -> Option<Line> {
    serde_json::from_slice(bytes).ok()
}

/// Cuts values so that the line fits. Each parameter has a share of its own, so that none blanks another
/// out; what does not fit is told by its number and its hash.
fn shortened(mut event: AuditEvent) -> AuditEvent {
    let mut is_cut = false;
    for text in [&mut event.principal, &mut event.way, &mut event.cmdlet, &mut event.call] {
        is_cut |= cut(text, MAX_VALUE_BYTES);
    }
    if let AuditOutcome::Refused(why) | AuditOutcome::Failed(why) = &mut event.outcome {
        is_cut |= cut(why, MAX_VALUE_BYTES);
    }
    for list in [&mut event.roles, &mut event.errors] {
        is_cut |= within_share(list, MAX_VALUE_BYTES);
    }
    while event.parameters.len() > MAX_PARAMETERS {
        event.parameters.pop_last();
        is_cut = true;
    }
    let share = (MAX_PARAMETER_BYTES / event.parameters.len().max(1)).min(MAX_SHARE_BYTES);
    for list in event.parameters.values_mut() {
        is_cut |= within_share(list, share);
    }
    event.shortened |= is_cut;
    event
}

fn cut(text: &mut String, allowed: usize) -> bool {
    let is_cut = text.len() > allowed;
    if is_cut {
        text.truncate(text.floor_char_boundary(allowed));
        text.push('…');
    }
    is_cut
}

/// Keeps of the values what fits into the share, and tells of the rest how much it is and what it hashes to.
fn within_share(list: &mut Vec<String>, share: usize) -> bool {
    let n_bytes: usize = list.iter().map(String::len).sum();
    if n_bytes <= share && list.len() <= MAX_VALUES && list.iter().all(|text| text.len() <= MAX_VALUE_BYTES) {
        return false;
    }
    let mut hash = Sha256::new();
    for text in list.iter() {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let n_all = list.len();
    let (mut kept, mut left) = (Vec::new(), share);
    for mut text in list.drain(..).take(MAX_VALUES) {
        if left == 0 {
            break;
        }
        let is_cut = cut(&mut text, left.min(MAX_VALUE_BYTES));
        left = left.saturating_sub(text.len());
        kept.push(text);
        if is_cut && left < MAX_VALUE_BYTES {
            break;
        }
    }
    kept.push(format!("(of {n_all} values, {n_bytes} bytes, sha256 {})", hex(&hash.finalize())));
    *list = kept;
    true
}

/// The line with what commands a terminal or deceives a reader as JSON's escapes: whoever looks at it
/// with the plainest tool sees one line, and in it what is there.
fn shown(text: String) -> String {
    let deceives = |letter: char| is_hidden(letter) || is_joiner(letter);
    if !text.contains(deceives) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for letter in text.chars() {
        if deceives(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time as `2026-11-24T00:05:00.123456Z`.
mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &jiff::Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<jiff::Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The reason why a line is not in the log.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {path}: cannot {step}: {source}", path = path.display())]
pub struct Fault {
    /// The current file.
    pub path: PathBuf,
    /// The step that failed.
    pub step: AuditStep,
    /// The error of the operating system.
    pub source: io::Error,
}

/// The steps of writing a line, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditStep {
    /// Take the lock.
    Lock,
    /// Open or make the file.
    Open,
    /// Find what the line must carry.
    ReadEnd,
    /// Set a full file aside.
    Rotate,
    /// Write the line.
    Append,
    /// Wait until it is on the disk.
    Sync,
    /// Give a required copy to syslog.
    Copy,
}

impl std::fmt::Display for AuditStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lock => "lock it",
            Self::Open => "open it",
            Self::ReadEnd => "read its end",
            Self::Rotate => "set the full file aside",
            Self::Append => "write the line",
            Self::Sync => "bring the line to the disk",
            Self::Copy => "give a copy to syslog, which is required",
        })
    }
}

/// The previous hash of the very first line.
const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const MAX_VALUE_BYTES: usize = 1024;
/// JSON makes six bytes of a control character: the line stays below [`MAX_LINE_BYTES`].
const MAX_PARAMETER_BYTES: usize = 8 * 1024;
/// No parameter takes more than this of a line, whatever else stands there.
const MAX_SHARE_BYTES: usize = 4 * 1024;
const MAX_VALUES: usize = 100;
const MAX_PARAMETERS: usize = 64;
const MAX_LINE_BYTES: usize = 128 * 1024;
const SMALL_WINDOW: u64 = 8 * 1024;
const LARGE_WINDOW: u64 = 1 << 20;

#[cfg(test)]
mod tests;
