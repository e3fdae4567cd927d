//! `Get-Content`: the lines of a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use super::encoding::{self, Decoded, ENCODING, Malformed};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome, files};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Get-Content`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Content",
        original: None,
        aliases: &["gc", "cat", "type"],
        family: Family::Objects,
        synopsis: "Reads a file line by line, such as a list of receivers.",
        description: "Lines are emitted while the file is read, without their ends. The file is UTF-8, or UTF-16 with a \
                      byte order mark, or what -Encoding says; bytes that are not are shown as a question mark in a box, \
                      with a warning.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to read.")
                .aliases(&["FilePath", "LiteralPath"])
                .at(0)
                .on_drive()
                .required(),
            Parameter::new("TotalCount", Kind::Integer(0, i64::MAX), "So many lines from the beginning.")
                .aliases(&["Head", "First"])
                .default("All of them."),
            Parameter::new("Tail", Kind::Integer(0, i64::MAX), "So many lines from the end.")
                .aliases(&["Last"]),
            Parameter::new("Raw", Kind::Switch, "The whole file as one text."),
            ENCODING,
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "What was written comes back",
            code: "Write-Output adelany@contoso.com | Out-File list.txt; Get-Content list.txt",
            output: "adelany@contoso.com",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let Some(name) = call.bound.text("Path") else { return Ok(()) };
    let text = match encoding::open(&call, &name, Malformed::Replaced) {
        Ok(text) => text,
        Err(error) => return call.error(error),
    };
    let mut lines = FileLines { reader: BufReader::new(text) };
    emit_lines(&call, &name, &mut lines).await?;
    let text = lines.reader.get_ref();
    match (text.n_replaced(), text.encoding()) {
        (0, _) | (_, None) => Ok(()),
        (n_replaced, Some(encoding)) => call.warn(format!(
            "The file '{name}' is not all {}: what is not is shown as \u{fffd}, {n_replaced} times. Give -Encoding: \
             latin1 for Western Europe, unicode for UTF-16.",
            encoding.name()
        )),
    }
}

/// Emits the lines that the call asks for.
async fn emit_lines(call: &Call, name: &str, lines: &mut FileLines) -> Outcome {
    let number = |parameter| call.bound.integer(parameter).and_then(|number| usize::try_from(number).ok());
    if call.bound.switch("Raw") {
        let text = tokio::task::block_in_place(|| lines.rest()).map_err(|error| unread(name, &error))?;
        return call.emit(text).await;
    }
    let mut next = || tokio::task::block_in_place(|| lines.next()).map_err(|error| unread(name, &error));
    if let Some(tail) = number("Tail") {
        let mut last = VecDeque::new();
        while let Some(line) = next()? {
            last.push_back(line);
            if last.len() > tail {
                last.pop_front();
            }
        }
        for line in last {
            call.emit(line).await?;
        }
        return Ok(());
    }
    let mut left = number("TotalCount").unwrap_or(usize::MAX);
    while left > 0
        && let Some(line) = next()?
    {
        call.emit(line).await?;
        left -= 1;
    }
    Ok(())
}

fn unread(name: &str, error: &io::Error) -> ErrorRecord {
    files::failure(Category::ReadError, "FileReadFailure", "read", name, error)
}

/// A line, or a file that is read whole, is longer by mistake, in bytes.
const LONGEST: u64 = 64 << 20;

/// The lines of a file, without their ends.
struct FileLines {
    reader: BufReader<Decoded<File>>,
}

impl FileLines {
    fn next(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let n_read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if n_read == 0 {
            return Ok(None);
        }
        if line.len() as u64 == LONGEST {
            return Err(io::Error::other("a line has no end"));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }

    fn rest(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(LONGEST).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == LONGEST {
            return Err(io::Error::other("it is too long to be one text"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
