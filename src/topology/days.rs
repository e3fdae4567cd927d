//! Spans of days of the document: `30d`.

use std::fmt;
use std::str::FromStr;

/// A number of whole days, from one to ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub u32);

impl Days {
    /// The span in microseconds.
    pub fn micros(self) -> i64 {
        i64::from(self.0) * 86_400_000_000
    }
}

impl FromStr for Days {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        match written.trim().strip_suffix('d').map(|days| days.trim().parse::<u32>()) {
            Some(Ok(days)) if (1..=3_650).contains(&days) => Ok(Self(days)),
            Some(Ok(_)) => Err(format!("{written:?} is not between 1d and 3650d")),
            Some(Err(_)) | None => Err(format!("{written:?} is no number of days: write \"30d\"")),
        }
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}
