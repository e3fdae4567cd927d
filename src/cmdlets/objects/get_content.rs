//! `Get-Content`: the lines of a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

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
        description: "Lines are emitted while the file is read, without their ends. The file is UTF-8; bytes that are \
                      not are shown as a question mark in a box.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to read.")
                .aliases(&["FilePath", "LiteralPath"])
                .at(0)
                .required(),
            Parameter::new("TotalCount", Kind::Integer(0, i64::MAX), "So many lines from the beginning.")
                .aliases(&["Head", "First"])
                .default("All of them."),
            Parameter::new("Tail", Kind::Integer(0, i64::MAX), "So many lines from the end.")
                .aliases(&["Last"]),
            Parameter::new("Raw", Kind::Switch, "The whole file as one text."),
            Parameter::new("Encoding", Kind::Choice(&["utf8", "utf8NoBOM"]), "Accepted; always UTF-8."),
        ],
        emits: "",
        roles: &[],
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
    let file = match File::open(files::path(&call, &name)) {
        Ok(file) => file,
        Err(error) => {
            return call.error(files::failure(
                Category::ReadError,
                "FileOpenFailure",
                "opened",
                &name,
                &error,
            ));
        }
    };
    let mut lines = FileLines { reader: BufReader::new(file), is_first: true };
    let number = |parameter| call.bound.integer(parameter).and_then(|number| usize::try_from(number).ok());
    if call.bound.switch("Raw") {
        let text = tokio::task::block_in_place(|| lines.rest()).map_err(|error| unread(&name, &error))?;
        return call.emit(text).await;
    }
    let mut next = || tokio::task::block_in_place(|| lines.next()).map_err(|error| unread(&name, &error));
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

/// The lines of a file, without their ends and the mark at its beginning.
struct FileLines {
    reader: BufReader<File>,
    is_first: bool,
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
        let text = self.text(&line);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Some(text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }

    fn rest(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(LONGEST).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == LONGEST {
            return Err(io::Error::other("it is too long to be one text"));
        }
        Ok(self.text(&bytes))
    }

    fn text(&mut self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let is_first = std::mem::take(&mut self.is_first);
        if is_first { text.trim_start_matches('\u{feff}').to_owned() } else { text.into_owned() }
    }
}
