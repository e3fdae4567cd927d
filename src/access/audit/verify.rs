//! Reading the log back: every line against the one before it, over all files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{AuditLog, FIRST, Line, MAX_LINE_BYTES, hex, parse};
use crate::durable;

/// A log whose chain holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLog {
    /// The number of lines that were read.
    pub n_lines: u64,
    /// The number of the first; more than 1 where older files were dropped or moved away.
    pub first: u64,
    /// The number of the last; compare it with the last one that syslog has.
    pub last: u64,
    /// Its SHA-256; 64 zeros for an empty log.
    pub hash: String,
    /// The places where a crash tore a line. If such a line would have begun a call, the call did not run; if it
    /// would have told how a call ended, that is not known.
    pub torn: Vec<LogPlace>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for LogPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The first place where the chain does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A line is none, and the next one does not vouch for it.
    #[error("{place} is no line of an audit log")]
    NoLine {
        /// Where.
        place: LogPlace,
    },
    /// The line before is not the one that was there, or is gone.
    #[error("{place}: what stands before this line was changed or removed")]
    Previous {
        /// Where.
        place: LogPlace,
    },
    /// The number is not the next one.
    #[error("{place}: this is line {found}, and line {wanted} should be here")]
    Number {
        /// Where.
        place: LogPlace,
        /// The next number.
        wanted: u64,
        /// The number that is there.
        found: u64,
    },
    /// The log begins with a later line than it should.
    #[error(
        "{place}: the log begins with line {found}, and should with line {wanted}: what stood before was \
         removed (if whole old files were moved away on purpose, say so with -FirstLine {found})"
    )]
    Beginning {
        /// Where.
        place: LogPlace,
        /// With which line it should begin.
        wanted: u64,
        /// The number of the first line that is there.
        found: u64,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {source}", file = file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Checks a whole log, full files and the current one, as they are when it is asked. It begins with line 1,
/// or with the line that the log itself says it begins with since old files were dropped.
///
/// # Errors
/// The first place where the chain breaks.
pub fn verify(log: &AuditLog) -> Result<VerifiedLog, Broken> {
    verify_from(log, 1)
}

/// As [`verify`], of a log whose lines before this one were moved away by hand.
///
/// # Errors
/// As [`verify`].
pub fn verify_from(log: &AuditLog, first: u64) -> Result<VerifiedLog, Broken> {
    let mut chain = Chain { wanted_first: first.max(1), ..Chain::default() };
    for file in files(log)? {
        chain.read(&file)?;
    }
    chain.finish()
}

/// Calls `each` for every whole line, oldest first, until it says no. Does not check the chain.
///
/// # Errors
/// A file cannot be read.
pub fn read(log: &AuditLog, mut each: impl FnMut(Line) -> bool) -> Result<(), Broken> {
    for file in files(log)? {
        let mut goes_on = true;
        for_each_line(&file, |bytes, _| {
            goes_on = parse(bytes).is_none_or(&mut each);
            Ok(goes_on)
        })?;
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

/// A file of the log, with the number of its first line by its name; of the current one, as much as was in
/// it when nobody was writing.
struct LogFile {
    path: PathBuf,
    first: Option<u64>,
    file: File,
    bytes: u64,
}

fn files(log: &AuditLog) -> Result<Vec<LogFile>, Broken> {
    let unreadable = |source| Broken::Unreadable { file: log.path.clone(), source };
    let files = match log.files() {
        Ok(files) => files,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(unreadable(fault)),
    };
    // A reader who may not write looks without the lock, and may see a line that is being written.
    let lock = durable::lock(&log.path).ok();
    let mut parts = Vec::new();
    for name in files.full().map_err(unreadable)? {
        let path = files.directory.path().join(&name);
        let unreadable = |source| Broken::Unreadable { file: path.clone(), source };
        let file = files.directory.open(&name).map_err(unreadable)?;
        parts.push(LogFile { first: first_by_name(&path), path, file, bytes: u64::MAX });
    }
    match files.directory.open(&files.name) {
        Ok(file) => {
            let bytes = file.metadata().map_err(unreadable)?.len();
            parts.push(LogFile { path: log.path.clone(), first: None, file, bytes });
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => return Err(unreadable(fault)),
    }
    drop(lock);
    Ok(parts)
}

/// The number that a full file was set aside under.
fn first_by_name(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok()
}

#[derive(Default)]
struct Chain {
    n_lines: u64,
    first: u64,
    /// With which line the log may begin at the latest.
    wanted_first: u64,
    /// The place of the first line.
    first_place: Option<LogPlace>,
    last: u64,
    /// The hash of the last whole line.
    hash: Option<String>,
    /// The bytes behind it that are no line: their place, and their hash so far.
    torn_now: Option<(LogPlace, Sha256)>,
    torn: Vec<LogPlace>,
}

impl Chain {
    fn read(&mut self, file: &LogFile) -> Result<(), Broken> {
        let mut is_first = true;
        // The next file vouches for a torn end of this one, by itself.
        for_each_line(file, |bytes, line| {
            let place = LogPlace { file: file.path.clone(), line };
            match parse(bytes) {
                Some(parsed) => {
                    let first = file.first.filter(|_| is_first);
                    is_first = false;
                    self.whole(bytes, &parsed, place, first)?;
                }
                None => self.no_line(bytes, place),
            }
            Ok(true)
        })
    }

    /// Old files may be gone, and nothing else: the first line that is left must be one that a file
    /// begins with.
    fn begins(&self, line: &Line, place: &LogPlace, by_name: Option<u64>) -> Result<(), Broken> {
        let wanted = match by_name {
            Some(first) => first,
            None if self.n_lines == 0 && !line.opens => 1,
            None => return Ok(()),
        };
        if line.n == wanted {
            return Ok(());
        }
        Err(Broken::Number { place: place.clone(), wanted, found: line.n })
    }

    fn whole(
        &mut self,
        bytes: &[u8],
        line: &Line,
        place: LogPlace,
        first: Option<u64>,
    ) -> Result<(), Broken> {
        self.wanted_first = self.wanted_first.max(line.oldest.unwrap_or(0));
        let torn = self.torn_now.take();
        if let (Some((torn, _)), false) = (&torn, line.torn) {
            return Err(Broken::NoLine { place: torn.clone() });
        }
        self.begins(line, &place, first)?;
        let wanted = match (torn, &self.hash) {
            (Some((place, hash)), _) => {
                self.torn.push(place);
                Some(hex(&hash.finalize()))
            }
            (None, Some(hash)) => Some(hash.clone()),
            (None, None) => (line.n == 1).then(|| FIRST.to_owned()),
        };

        if self.n_lines > 0 && line.n != self.last + 1 {
            return Err(Broken::Number { place, wanted: self.last + 1, found: line.n });
        }
        if wanted.is_some_and(|wanted| wanted != line.previous) {
            return Err(Broken::Previous { place });
        }
        if self.n_lines == 0 {
            (self.first, self.first_place) = (line.n, Some(place));
        }
        self.n_lines += 1;
        self.last = line.n;
        self.hash = Some(hex(&Sha256::digest(bytes)));
        Ok(())
    }

    fn no_line(&mut self, bytes: &[u8], place: LogPlace) {
        match &mut self.torn_now {
            Some((_, hash)) => {
                hash.update(b"\n");
                hash.update(bytes);
            }
            None => self.torn_now = Some((place, Sha256::new_with_prefix(bytes))),
        }
    }

    fn finish(mut self) -> Result<VerifiedLog, Broken> {
        if let Some(place) = self.first_place.filter(|_| self.first > self.wanted_first) {
            return Err(Broken::Beginning { place, wanted: self.wanted_first, found: self.first });
        }
        // At the very end nobody has vouched yet; the next writer will.
        self.torn.extend(self.torn_now.map(|(place, _)| place));
        Ok(VerifiedLog {
            n_lines: self.n_lines,
            first: self.first,
            last: self.last,
            hash: self.hash.unwrap_or_else(|| FIRST.to_owned()),
            torn: self.torn,
        })
    }
}

/// Lines longer than any that the log writes arrive in pieces, of which none is a line.
fn for_each_line(
    part: &LogFile,
    mut each: impl FnMut(&[u8], usize) -> Result<bool, Broken>,
) -> Result<(), Broken> {
    let unreadable = |source| Broken::Unreadable { file: part.path.clone(), source };
    let mut reader = BufReader::new((&part.file).take(part.bytes));
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let n_read =
            reader.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if n_read == 0 || !each(bytes.strip_suffix(b"\n").unwrap_or(&bytes), line)? {
            break;
        }
    }
    Ok(())
}
