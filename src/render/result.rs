//! A `TestResult` record read back, for the formats that monitoring systems take.
//!
//! Those formats know tests and nothing else; a value of another type is passed over.

use std::time::Duration;

use jiff::Timestamp;

use super::visible;
use crate::value::{Record, Value};

/// What the monitoring formats need of a test; texts are on one line and without anything hostile.
pub(super) struct TestResult {
    pub(super) pool: String,
    pub(super) receiver: String,
    pub(super) sender: String,
    pub(super) is_success: bool,
    pub(super) latency: Option<Duration>,
    pub(super) message_latency: Option<Duration>,
    pub(super) elapsed: Option<Duration>,
    pub(super) error: String,
    pub(super) diagnosis: String,
    pub(super) evidence: String,
    pub(super) code: String,
    pub(super) owner: String,
    pub(super) started_at: Option<Timestamp>,
    pub(super) days_left: Option<i64>,
    /// Phases and how long each took.
    pub(super) steps: Vec<(String, Duration)>,
}

impl TestResult {
    /// The result in a value, if it is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let record = value.as_record().filter(|record| record.type_name() == "TestResult")?;
        let is_success = text(record, "Result") == "Success";
        Some(Self {
            pool: text(record, "TargetFqdn"),
            receiver: text(record, "Receiver"),
            sender: text(record, "Sender"),
            is_success,
            latency: duration(record, "Latency").filter(|_| is_success),
            message_latency: duration(record, "MessageLatency"),
            elapsed: duration(record, "Elapsed"),
            error: text(record, "Error"),
            diagnosis: visible::visible(&own(record, "Diagnosis").to_string()).into_owned(),
            evidence: text(record, "Evidence"),
            code: text(record, "Code"),
            owner: text(record, "Owner"),
            started_at: if let Value::Timestamp(at) = own(record, "StartedAt") { Some(*at) } else { None },
            days_left: if let Value::Integer(days) = own(record, "CertificateDaysLeft") {
                Some(*days)
            } else {
                None
            },
            steps: if let Value::List(steps) = own(record, "Steps") { steps_of(steps) } else { Vec::new() },
        })
    }
}

fn steps_of(steps: &[Value]) -> Vec<(String, Duration)> {
    let step = |value: &Value| {
        let record = value.as_record()?;
        Some((text(record, "Phase"), duration(record, "Duration")?))
    };
    steps.iter().filter_map(step).collect()
}

fn own<'a>(record: &'a Record, name: &str) -> &'a Value {
    record.iter().find(|(own, _)| *own == name).map_or(&Value::Null, |(_, value)| value)
}

fn text(record: &Record, name: &str) -> String {
    visible::one_line(&own(record, name).to_string()).into_owned()
}

fn duration(record: &Record, name: &str) -> Option<Duration> {
    if let Value::Duration(duration) = own(record, name) { Some(*duration) } else { None }
}
