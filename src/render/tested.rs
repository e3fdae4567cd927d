//! Tests read back from their records, and all else that the formats of monitoring systems tell of a
//! run.
//!
//! Those formats know tests: of a message, of a logon, of a partner's servers, of a topology. A value
//! of another type is passed over; a program that shows only a part of its tests, or none, is still
//! told of by [`Totals`].

use std::time::Duration;

use jiff::Timestamp;

use super::visible;
use crate::value::{Record, Value};

/// Something that could not run, or that ended a run before its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// A stable word, such as `NotFoundTestUsers`.
    pub id: String,
    /// What it was about, where it was about something: a pool, an address.
    pub target: String,
    /// What was wrong.
    pub message: String,
}

/// What a whole run came to, whatever it showed of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tests that ran, interrupted ones among them.
    pub tests: usize,
    /// Tests that failed.
    pub failed: usize,
    /// Commands that could not run, and tests that were interrupted.
    pub problems: usize,
}

impl Problem {
    /// That somebody ended the run; a test that was interrupted by it tells the same, and more.
    pub(super) fn is_interruption(&self) -> bool {
        self.id == "Interrupted"
    }

    /// The same with texts on one line each and nothing hostile.
    pub(super) fn made_visible(&self) -> Self {
        let one_line = |text: &str| visible::one_line(text).into_owned();
        Self { id: one_line(&self.id), target: one_line(&self.target), message: one_line(&self.message) }
    }
}

/// What a test was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A message: `Test-XmppIM`.
    Message,
    /// A logon: `Test-Registration`.
    Logon,
    /// A partner's servers: `Test-FederatedPartner`.
    Partner,
    /// A part of the topology: `Test-Topology`.
    Check,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Message, Self::Logon, Self::Partner, Self::Check];

    fn of(type_name: &str) -> Option<Self> {
        match type_name.strip_prefix("Selected.").unwrap_or(type_name) {
            "TestResult" => Some(Self::Message),
            "RegistrationResult" => Some(Self::Logon),
            "FederatedPartnerResult" => Some(Self::Partner),
            "TopologyCheck" => Some(Self::Check),
            _ => None,
        }
    }
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// Nothing is known.
    Interrupted,
}

/// What the monitoring formats need of a test; texts are on one line and without anything hostile.
pub(super) struct Test {
    pub(super) kind: Kind,
    /// The pool; empty where there is none.
    pub(super) pool: String,
    /// Whom or what it tested: the receiver, the user, the partner's domain, the part of the topology.
    pub(super) subject: String,
    /// Which check it was, of those of a topology.
    pub(super) check: String,
    pub(super) sender: String,
    pub(super) outcome: Outcome,
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

impl Test {
    /// The test in a value, if it is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let record = value.as_record()?;
        let kind = Kind::of(record.type_name())?;
        let code = text(record, "Code");
        let outcome = match text(record, "Result").as_str() {
            "Success" => Outcome::Success,
            "Failure" if code == CANCELLED => Outcome::Interrupted,
            "Failure" => Outcome::Failure,
            // A part of a record that does not say what came of it.
            _ => return None,
        };
        let is_success = outcome == Outcome::Success;
        let subject = match kind {
            Kind::Message => "Receiver",
            Kind::Logon => "UserSipAddress",
            Kind::Partner => "Domain",
            Kind::Check => "Target",
        };
        Some(Self {
            kind,
            pool: text(record, "TargetFqdn"),
            subject: text(record, subject),
            check: text(record, "Check"),
            sender: text(record, "Sender"),
            outcome,
            latency: duration(record, "Latency").filter(|_| is_success),
            message_latency: duration(record, "MessageLatency"),
            elapsed: duration(record, "Elapsed"),
            error: text(record, "Error"),
            diagnosis: visible::visible(&own(record, "Diagnosis").to_string()).into_owned(),
            evidence: text(record, "Evidence"),
            code,
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

    /// What it was, in a few words, also where a script has cut the names from its record.
    pub(super) fn name(&self) -> String {
        let or =
            |name: &str, unknown: &str| if name.is_empty() { unknown.to_owned() } else { name.to_owned() };
        let pool = or(&self.pool, "a pool");
        match self.kind {
            Kind::Message => format!("{pool} to {}", or(&self.subject, "a receiver")),
            Kind::Logon => format!("{pool} as {}", or(&self.subject, "a user")),
            Kind::Partner => format!("partner {}", or(&self.subject, "without a name")),
            Kind::Check => format!("{} of {}", or(&self.check, "a check"), or(&self.subject, "the topology")),
        }
    }
}

/// The code of a test that was interrupted.
const CANCELLED: &str = "CANCELLED";

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
