//! Points in time that a parameter gives.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Call;
use crate::cmdlet::{Category, ErrorRecord};
use crate::value::text::parse_duration;

impl Call {
    /// The point in time that a parameter gives: a date, a date with a time of day (UTC where no offset
    /// stands there), or how long ago.
    ///
    /// # Errors
    /// `BadTime` where it is none of them.
    pub fn instant(&self, parameter: &str) -> Result<Option<Timestamp>, ErrorRecord> {
        let Some(written) = self.bound.text(parameter) else { return Ok(None) };
        let utc = |civil: DateTime| TimeZone::UTC.to_timestamp(civil).ok();
        let ago = |duration: Duration| Timestamp::now().checked_sub(duration).ok();
        let parsed = (written.parse::<Timestamp>().ok())
            .or_else(|| utc(written.parse().ok()?))
            .or_else(|| ago(parse_duration(&written)?));
        parsed.map(Some).ok_or_else(|| {
            ErrorRecord::new(
                Category::InvalidArgument,
                "BadTime",
                format!("-{parameter} cannot be '{written}': it is no point in time."),
            )
            .remedy("Write 2026-11-25, 2026-11-25T13:30, 2026-11-25T13:30:00+01:00, or 2h for two hours ago.")
        })
    }
}
