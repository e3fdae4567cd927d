//! Durations of the document: `60s`, `5m`, `1h30m`, `500ms`, `00:01:00`, or seconds.

use std::time::Duration;

use crate::value::text::parse_duration;

/// Reads a duration: longer than nothing, at most a day.
///
/// # Errors
/// What the text is instead.
pub fn parse(written: &str) -> Result<Duration, DurationFault> {
    let written = written.trim();
    if written.len() > 64 {
        return Err(DurationFault::Malformed { written: written.chars().take(64).collect() });
    }
    let malformed = || DurationFault::Malformed { written: written.to_owned() };
    let duration = parse_duration(written).ok_or_else(malformed)?;
    if duration.is_zero() || duration > MAX {
        return Err(DurationFault::OutOfRange { written: written.to_owned() });
    }
    Ok(duration)
}

/// A duration as the topology holds it: the longest units that leave no rest, `90s`, `5m`, `250ms`.
pub fn print(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    match (seconds, nanos) {
        (_, nanos) if nanos != 0 => format!("{}ms", duration.as_millis()),
        (seconds, _) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, _) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (seconds, _) => format!("{seconds}s"),
    }
}

/// The reason why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationFault {
    /// Not of any of the forms.
    #[error("{written:?} is no duration: write \"60s\", \"5m\" or \"00:01:00\"")]
    Malformed {
        /// The text as written.
        written: String,
    },
    /// Nothing, or longer than a day.
    #[error("{written:?} is not between nothing and a day")]
    OutOfRange {
        /// The text as written.
        written: String,
    },
}

const MAX: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_as_people_write_it() {
        for (written, millis) in [
            ("60s", 60_000),
            ("5m", 300_000),
            ("1m30s", 90_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("00:01:00", 60_000),
            ("2.5", 2_500),
            ("30", 30_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(parse(written), Ok(Duration::from_millis(millis)), "{written}");
        }
        for written in ["", "s", "0s", "-5s", "25h", "99999999999999999999", "5 minutes and a bit", "1 week"]
        {
            assert!(parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_printed_duration_reads_back() {
        for millis in [1, 500, 2_500, 1_000, 60_000, 90_000, 3_600_000, 86_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&print(duration)), Ok(duration), "{}", print(duration));
        }
    }
}
