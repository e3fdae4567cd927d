//! Spans of time in JSON: whole nanoseconds, so that nothing is lost on the way there and back.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Writes a span; one of more than 584 years is cut.
pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(nanoseconds(*span))
}

/// Reads a span.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_nanos)
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The same where there may be none.
pub(super) mod optional {
    use super::*;

    /// Writes a span, or null.
    pub(in crate::result) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => serializer.serialize_some(&nanoseconds(*span)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a span, or null.
    pub(in crate::result) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
    }
}
