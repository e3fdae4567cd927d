//! The text of a test message: people read it, and it travels as XML.

use std::fmt;
use std::str::FromStr;

/// A text that a message can carry, with line ends as XML has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageText(String);

impl MessageText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageText {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        // A file that was written on Windows has such line ends in its texts, and XML knows none (section 2.11).
        let text = written.replace("\r\n", "\n");
        let is_forbidden =
            |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
        if text.chars().any(is_forbidden) {
            return Err("holds a character that no message can carry".to_owned());
        }
        if written.len() > MAX_BYTES {
            return Err(format!("is {} bytes long: {MAX_BYTES} are allowed", written.len()));
        }
        Ok(Self(text))
    }
}

impl fmt::Display for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_BYTES: usize = 4096;
