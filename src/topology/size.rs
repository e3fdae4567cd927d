//! Sizes of the document: `64MiB`, `512KiB`, `1GiB`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let size = UNITS.into_iter().find_map(|(unit, bytes)| {
            written.trim().strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(bytes)
        });
        match size {
            Some(size) if SIZES.contains(&size) => Ok(Self(size)),
            Some(_) => Err(format!("{written:?} is not between 64KiB and 64GiB")),
            None => Err(format!("{written:?} is no size: write \"64MiB\"")),
        }
    }
}

impl fmt::Display for Size {
    /// In the largest unit that leaves no rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = UNITS.into_iter().rev().find(|(_, bytes)| self.0.is_multiple_of(*bytes));
        match fits {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
/// A file holds some lines at least, each up to 128 KiB in the worst case and a few hundred bytes as a rule.
const SIZES: RangeInclusive<u64> = 64 << 10..=64 << 30;
