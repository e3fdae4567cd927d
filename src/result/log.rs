//! Everything that happened during a test and when: a lane for each session and each look.
//!
//! Kept only where somebody asked for it (`-OutLoggerVariable`); how it is shown is `render`'s.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::span;

/// The events at one place, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLane {
    /// Where.
    pub title: String,
    /// The time at which the lane began.
    pub started_at: Option<Timestamp>,
    /// The phases.
    pub steps: Vec<LogStep>,
    /// The certificates that were seen.
    pub certificates: Vec<LogCertificate>,
}

/// A phase at work, with what it learned, sent and received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogStep {
    /// The phase.
    pub phase: String,
    /// The start of the phase, from the beginning of the lane.
    #[serde(rename = "start_ns", with = "span")]
    pub start: Duration,
    /// The duration of the phase.
    #[serde(rename = "duration_ns", with = "span")]
    pub duration: Duration,
    /// The events of the phase.
    pub entries: Vec<LogEntry>,
}

/// One line of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogEntry {
    /// When, from the beginning of the lane; unknown for what only the test's own steps tell.
    #[serde(rename = "at_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// The kind of the entry.
    pub kind: LogEntryKind,
    /// The fact, or the XML.
    pub text: String,
}

/// The kind of a line of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogEntryKind {
    /// Something that was learned.
    #[default]
    Fact,
    /// Something that we sent.
    Sent,
    /// Something that came.
    Received,
    /// Something that was not kept.
    Lost,
}

impl LogEntryKind {
    /// The kind's one name, in records and in what shows them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Lost => "lost",
        }
    }

    /// The kind of that name; a fact, where no kind has it.
    pub fn named(name: &str) -> Self {
        let kinds = [Self::Sent, Self::Received, Self::Lost];
        kinds.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }
}

/// A certificate, and the verdict on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogCertificate {
    /// The subject that the certificate was issued to.
    pub subject: String,
    /// Whether it is acceptable, and why.
    pub verdict: String,
    /// The issuer of the certificate.
    pub issuer: String,
    /// The names that it is good for.
    pub names: Vec<String>,
    /// Good from.
    pub not_before: Option<Timestamp>,
    /// Good until.
    pub not_after: Option<Timestamp>,
    /// Whole days until then.
    pub days_left: Option<i64>,
    /// The public key.
    pub key: String,
    /// The signature algorithm.
    pub signature: String,
    /// The serial number.
    pub serial: String,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// The chain, a line for each certificate.
    pub chain: Vec<String>,
}
