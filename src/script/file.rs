//! The text of a script in a file.

use std::io::{self, Read};
use std::path::Path;

use crate::trusted;

/// The largest script that is read, in bytes.
const MAX_SCRIPT: u64 = 16 << 20;

/// Reads a script, without the mark that Windows editors put before it.
///
/// # Errors
/// It cannot be read, is no UTF-8, or is so large that it is no script: half a script is never run.
pub fn read(script: &Path) -> io::Result<String> {
    text_of(trusted::open_own(script)?)
}

/// Reads a script to its end.
///
/// # Errors
/// As [`read`].
pub fn text_of(source: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    source.take(MAX_SCRIPT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SCRIPT {
        let message = format!("it is larger than {} MiB, and no script is", MAX_SCRIPT >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("line {line} is not UTF-8; save the script as UTF-8"),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The program of a script: a first line for the kernel is none of it.
pub fn program(text: String) -> String {
    if text.starts_with("#!") { format!("//{text}") } else { text }
}
