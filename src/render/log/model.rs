//! A log as it is shown: what the three ways of showing it share, made of the reports in it.
//!
//! Every text is made visible here, once, so that nothing a server said deceives or commands whoever
//! reads it. A single test's result is a log as well: of one test, with what its steps learned.

use std::time::Duration;

use crate::render::visible::{one_line, visible};
use crate::result::log::{LogCertificate, LogEntryKind};
use crate::result::schema::{self, ResultProperty};
use crate::result::{self, Report, TestOutcome, report};
use crate::value::{Record, Value, text};

/// A log.
pub struct TestLog {
    /// The command that was run, in a few words.
    pub title: String,
    /// The command, with its parameters.
    pub command: String,
    /// The time at which the run began, and its duration.
    pub when: String,
    /// Warnings and errors: the kind and the words.
    pub remarks: Vec<(&'static str, String)>,
    /// The tests.
    pub tests: Vec<LoggedTest>,
}

/// One test of a log.
pub struct LoggedTest {
    /// The target and the subject of the test.
    pub title: String,
    /// `Success`, `Failure` or `NotRun`.
    pub result: &'static str,
    /// The code of what is broken; empty where nothing is.
    pub code: String,
    /// The other properties that have a value, in order.
    pub properties: Vec<(String, String)>,
    /// The proofs of how far the test came.
    pub proofs: Vec<LogProof>,
    /// The course of the test, one lane for each session and each look.
    pub lanes: Vec<WaterfallLane>,
}

/// One proof.
pub struct LogProof {
    /// The level.
    pub evidence: String,
    /// The fact that proves it.
    pub proof: String,
    /// The time at which the proof came.
    pub after: String,
}

/// The events at one place, in order.
pub struct WaterfallLane {
    /// Where.
    pub title: String,
    /// The phases.
    pub steps: Vec<WaterfallStep>,
    /// The certificates that were seen.
    pub certificates: Vec<Certificate>,
    /// The end of the last phase.
    end: Duration,
}

/// A phase at work.
pub struct WaterfallStep {
    /// The phase.
    pub phase: String,
    /// The beginning of the phase, from the beginning of the lane.
    pub start: Duration,
    /// The duration of the phase.
    pub duration: Duration,
    /// Its beginning in words.
    pub start_text: String,
    /// Its length in words.
    pub duration_text: String,
    /// Whether it is the one in which a failed test ended.
    pub is_last_of_failure: bool,
    /// The facts that were learned, and the XML that was sent and received.
    pub entries: Vec<WaterfallEntry>,
}

/// One line of a log.
pub struct WaterfallEntry {
    /// The kind of the entry.
    pub kind: LogEntryKind,
    /// When, in words; empty where it is not known.
    pub at_text: String,
    /// The fact, or the XML.
    pub text: String,
}

/// A certificate.
pub struct Certificate {
    /// The subject that the certificate was issued to.
    pub subject: String,
    /// The contents of the certificate, and the verdict on it.
    pub properties: Vec<(String, String)>,
}

impl TestLog {
    /// The log in a value: a log, the record of a test, or a list of either.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Record(record) if record.type_name() == "Log" => Some(Self::of_record(record)),
            Value::Record(record) => Some(Self::of_test(&Report::of(record)?)),
            Value::List(items) => {
                let logs: Option<Vec<Self>> = items.iter().map(Self::of).collect();
                logs?.into_iter().reduce(Self::and)
            }
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
            | Value::Credential(_)
            | Value::Block(_) => None,
        }
    }

    fn of_record(record: &Record) -> Self {
        let remarks = [("Warning", "Warnings"), ("Error", "Errors")].into_iter().flat_map(|(kind, name)| {
            list(record, name).iter().map(move |remark| {
                let message = remark.property("Message").unwrap_or_else(|_| remark.clone());
                (kind, visible(&message.to_string()).into_owned())
            })
        });
        let when = [own(record, "StartedAt").to_string(), took(own(record, "Elapsed"))];
        let tests = list(record, "Tests").iter().filter_map(Value::as_record).filter_map(Report::of);
        Self {
            title: line(record, "Cmdlet"),
            command: line(record, "Command"),
            when: when.join(", "),
            remarks: remarks.collect(),
            tests: tests.map(|test| LoggedTest::of(&test)).collect(),
        }
    }

    fn of_test(test: &Report) -> Self {
        Self {
            title: "imsh".to_owned(),
            command: String::new(),
            when: test.started_at.map(|at| Value::Timestamp(at).to_string()).unwrap_or_default(),
            remarks: Vec::new(),
            tests: vec![LoggedTest::of(test)],
        }
    }

    /// Two logs as one.
    fn and(mut self, other: Self) -> Self {
        if !other.command.is_empty() && other.command != self.command {
            self.command = format!("{}\n{}", self.command, other.command);
        }
        self.remarks.extend(other.remarks);
        self.tests.extend(other.tests);
        self
    }
}

impl LoggedTest {
    /// Returns the part of a log that a report tells of its test.
    pub fn of(report: &Report) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default().into_owned();
        let mut title = vec![text(&report.target), text(&report.subject)];
        title.retain(|part| !part.is_empty());
        title.dedup();
        // Without a log of its own, the steps are what is known.
        let mut lanes: Vec<WaterfallLane> = if report.log.is_empty() {
            vec![WaterfallLane::new(
                "Phases",
                report.steps.iter().map(WaterfallStep::of_report).collect(),
                Vec::new(),
            )]
        } else {
            report.log.iter().map(WaterfallLane::of).collect()
        };
        if report.outcome != TestOutcome::Success
            && let Some(step) = lanes.first_mut().and_then(|lane| lane.steps.last_mut())
        {
            step.is_last_of_failure = true;
        }
        let schema = report.kind.schema();
        let apart = [&schema::RESULT, &schema::PROOFS, &schema::STEPS].map(|property| property.name);
        let properties = schema.properties.iter().filter(|property| !apart.contains(&property.name));
        let properties = properties.map(|own| (own.name, own.value(report))).filter(|(_, value)| {
            !matches!(value, Value::Null) && !value.to_string().is_empty() && value.to_string() != "{}"
        });
        Self {
            title: if title.is_empty() { schema.type_name.to_owned() } else { title.join(" → ") },
            code: text(&report.code),
            result: report.outcome.name(),
            properties: properties.map(|(name, value)| property((name, &value))).collect(),
            proofs: report.proofs.iter().map(LogProof::of).collect(),
            lanes,
        }
    }

    /// The value of a property, as it is shown.
    pub fn property(&self, property: &ResultProperty) -> Option<&str> {
        self.properties.iter().find(|(name, _)| name == property.name).map(|(_, value)| value.as_str())
    }

    /// Whether the test succeeded.
    pub fn is_success(&self) -> bool {
        self.result == TestOutcome::Success.name()
    }

    /// The class of its badge in HTML: never a stranger's words.
    pub fn class(&self) -> &'static str {
        match self.result {
            "Success" => "Success",
            "Failure" => "Failure",
            _ => "other",
        }
    }
}

impl LogProof {
    fn of(proof: &report::ReportProof) -> Self {
        Self {
            evidence: one_line(&proof.evidence).into_owned(),
            proof: one_line(&proof.proof).into_owned(),
            after: milliseconds(proof.after),
        }
    }
}

impl WaterfallLane {
    fn of(lane: &result::log::LogLane) -> Self {
        let certificates = lane.certificates.iter().map(Certificate::of).collect();
        Self::new(&lane.title, lane.steps.iter().map(WaterfallStep::of).collect(), certificates)
    }

    fn new(title: &str, steps: Vec<WaterfallStep>, certificates: Vec<Certificate>) -> Self {
        Self {
            title: one_line(title).into_owned(),
            end: steps.iter().map(|step| step.start + step.duration).max().unwrap_or_default(),
            steps,
            certificates,
        }
    }

    /// Returns the position at which a step's bar begins, in percent of the lane.
    pub fn left(&self, step: &WaterfallStep) -> String {
        percent(step.start, self.end)
    }

    /// Returns the width of a step's bar, in percent of the lane; always wide enough to be seen.
    pub fn width(&self, step: &WaterfallStep) -> String {
        format!("{:.3}", (share(step.duration, self.end) * 100.0).max(0.3))
    }

    /// The first and the last cell of a step's bar, where the lane has so many.
    pub fn cells(&self, step: &WaterfallStep, n_cells: usize) -> (usize, usize) {
        let most = n_cells.saturating_sub(1);
        let cell = |at: Duration| ((share(at, self.end) * n_cells as f64) as usize).min(most);
        let first = cell(step.start);
        (first, cell(step.start + step.duration).max(first))
    }
}

impl WaterfallStep {
    fn of(step: &result::log::LogStep) -> Self {
        let entries = step.entries.iter().map(|entry| WaterfallEntry {
            kind: entry.kind,
            at_text: entry.at.map(milliseconds).unwrap_or_default(),
            text: visible(&entry.text).into_owned(),
        });
        Self::new(&step.phase, step.start, step.duration, entries.collect())
    }

    fn of_report(step: &result::ReportStep) -> Self {
        let entries = step.learned.iter().map(|fact| WaterfallEntry {
            kind: LogEntryKind::Fact,
            at_text: String::new(),
            text: visible(fact).into_owned(),
        });
        Self::new(&step.phase, step.start, step.duration, entries.collect())
    }

    fn new(phase: &str, start: Duration, duration: Duration, entries: Vec<WaterfallEntry>) -> Self {
        Self {
            phase: one_line(phase).into_owned(),
            start,
            duration,
            start_text: milliseconds(start),
            duration_text: milliseconds(duration),
            is_last_of_failure: false,
            entries,
        }
    }
}

impl Certificate {
    fn of(certificate: &LogCertificate) -> Self {
        let record = certificate.to_record();
        Self {
            subject: one_line(&certificate.subject).into_owned(),
            properties: record.iter().map(property).collect(),
        }
    }
}

fn property((name, value): (&str, &Value)) -> (String, String) {
    let shown = match value {
        Value::List(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
        Value::Duration(duration) => text::time_span(*duration),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Record(_)
        | Value::Block(_) => value.to_string(),
    };
    (one_line(name).into_owned(), visible(&shown).into_owned())
}

/// A time to a tenth of a millisecond.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn took(value: &Value) -> String {
    if let Value::Duration(time) = value { milliseconds(*time) } else { String::new() }
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { (part.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0) }
}

fn percent(part: Duration, whole: Duration) -> String {
    format!("{:.3}", share(part, whole) * 100.0)
}

fn own<'a>(record: &'a Record, name: &str) -> &'a Value {
    record.iter().find(|(own, _)| *own == name).map_or(&Value::Null, |(_, value)| value)
}

fn list<'a>(record: &'a Record, name: &str) -> &'a [Value] {
    if let Value::List(items) = own(record, name) { items } else { &[] }
}

fn line(record: &Record, name: &str) -> String {
    one_line(&own(record, name).to_string()).into_owned()
}
