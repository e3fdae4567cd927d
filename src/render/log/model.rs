//! A log read back from the record that carries it: what the three ways of showing it share.
//!
//! Every text is made visible here, once, so that nothing a server said deceives or commands whoever
//! reads it. A single test's result is a log as well: of one test, with what its steps learned.

use std::time::Duration;

use crate::render::visible::{one_line, visible};
use crate::value::{Record, Value, text};

/// A log.
pub struct Log {
    /// What was run, in a few words.
    pub title: String,
    /// The command, with its parameters.
    pub command: String,
    /// When it began, and how long it took.
    pub when: String,
    /// Warnings and errors: the kind and the words.
    pub remarks: Vec<(&'static str, String)>,
    /// The tests.
    pub tests: Vec<Test>,
}

/// One test of a log.
pub struct Test {
    /// What was tested.
    pub title: String,
    /// `Success` or `Failure`; empty where the record says neither.
    pub result: String,
    /// The code of what is broken; empty where nothing is.
    pub code: String,
    /// The other properties that have a value, in order.
    pub properties: Vec<(String, String)>,
    /// What proves how far it came.
    pub proofs: Vec<Proof>,
    /// What happened, one lane for each session and each look.
    pub lanes: Vec<Lane>,
}

/// One proof.
pub struct Proof {
    /// The level.
    pub evidence: String,
    /// What proves it.
    pub proof: String,
    /// When it came.
    pub after: String,
}

/// What happened at one place, in order.
pub struct Lane {
    /// Where.
    pub title: String,
    /// The phases.
    pub steps: Vec<Step>,
    /// The certificates that were seen.
    pub certificates: Vec<Certificate>,
    /// When the last phase ended.
    end: Duration,
}

/// A phase at work.
pub struct Step {
    /// The phase.
    pub phase: String,
    /// When it began, from the beginning of the lane.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
    /// Its beginning in words.
    pub start_text: String,
    /// Its length in words.
    pub duration_text: String,
    /// Whether it is the one in which a failed test ended.
    pub is_last_of_failure: bool,
    /// What was learned, sent and received.
    pub entries: Vec<Entry>,
}

/// One line of a log.
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// When, in words; empty where it is not known.
    pub at_text: String,
    /// The fact, or the XML.
    pub text: String,
}

/// What a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that was learned.
    Fact,
    /// Something that we sent.
    Sent,
    /// Something that came.
    Received,
    /// What was not kept.
    Lost,
}

/// A certificate.
pub struct Certificate {
    /// Whom it was issued to.
    pub subject: String,
    /// What it says, and the verdict on it.
    pub properties: Vec<(String, String)>,
}

impl Kind {
    /// The kind as the records and the XML name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Lost => "lost",
        }
    }

    /// The class of its row in HTML.
    pub fn class(self) -> &'static str {
        self.name()
    }

    fn named(name: &str) -> Self {
        match name {
            "sent" => Self::Sent,
            "received" => Self::Received,
            "lost" => Self::Lost,
            _ => Self::Fact,
        }
    }
}

impl Log {
    /// The log in a value: a log, the record of a test, or a list of either.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Record(record) if record.type_name() == "Log" => Some(Self::of_record(record)),
            Value::Record(record) if is_test(record) => Some(Self::of_tests([&**record])),
            Value::List(items) => {
                let logs: Option<Vec<Self>> = items.iter().map(Self::of).collect();
                logs?.into_iter().reduce(Self::and)
            }
            Value::Record(_)
            | Value::Null
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
        Self {
            title: line(record, "Cmdlet"),
            command: line(record, "Command"),
            when: when.join(", "),
            remarks: remarks.collect(),
            tests: list(record, "Tests").iter().filter_map(Value::as_record).map(Test::of).collect(),
        }
    }

    fn of_tests<'a>(tests: impl IntoIterator<Item = &'a Record>) -> Self {
        let tests: Vec<&Record> = tests.into_iter().collect();
        let when = tests.first().map(|test| own(test, "StartedAt").to_string()).unwrap_or_default();
        Self {
            title: "imsh".to_owned(),
            command: String::new(),
            when,
            remarks: Vec::new(),
            tests: tests.into_iter().map(Test::of).collect(),
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

/// Whether a record is what a test came to.
fn is_test(record: &Record) -> bool {
    record.iter().any(|(name, value)| name == "Steps" && matches!(value, Value::List(_)))
}

impl Test {
    fn of(record: &Record) -> Self {
        let result = line(record, "Result");
        let title: Vec<String> = ["TargetFqdn", "Receiver", "Domain"]
            .into_iter()
            .map(|name| line(record, name))
            .filter(|part| !part.is_empty())
            .collect();
        // Without a log of its own, the record's steps are what is known.
        let lanes = match list(record, "Log") {
            [] => vec![record],
            lanes => lanes.iter().filter_map(Value::as_record).collect(),
        };
        let mut lanes: Vec<Lane> = lanes.into_iter().map(Lane::of).collect();
        if result == "Failure"
            && let Some(step) = lanes.first_mut().and_then(|lane| lane.steps.last_mut())
        {
            step.is_last_of_failure = true;
        }
        let apart = ["Result", "Proofs", "Steps", "Log"];
        let properties = record.iter().filter(|(name, value)| {
            !apart.contains(name) && !matches!(value, Value::Null) && !value.to_string().is_empty()
        });
        Self {
            title: if title.is_empty() { record.type_name().to_owned() } else { title.join(" → ") },
            code: line(record, "Code"),
            result,
            properties: properties.map(property).collect(),
            proofs: list(record, "Proofs").iter().filter_map(Value::as_record).map(Proof::of).collect(),
            lanes,
        }
    }

    /// The class of its badge in HTML: never a stranger's words.
    pub fn class(&self) -> &'static str {
        match self.result.as_str() {
            "Success" => "Success",
            "Failure" => "Failure",
            _ => "other",
        }
    }
}

impl Proof {
    fn of(record: &Record) -> Self {
        Self {
            evidence: line(record, "Evidence"),
            proof: line(record, "Proof"),
            after: milliseconds(duration(record, "After")),
        }
    }
}

impl Lane {
    fn of(record: &Record) -> Self {
        let steps: Vec<Step> =
            list(record, "Steps").iter().filter_map(Value::as_record).map(Step::of).collect();
        let certificates = list(record, "Certificates").iter().filter_map(Value::as_record);
        let title = line(record, "Lane");
        Self {
            title: if title.is_empty() { "Phases".to_owned() } else { title },
            end: steps.iter().map(|step| step.start + step.duration).max().unwrap_or_default(),
            steps,
            certificates: certificates.map(Certificate::of).collect(),
        }
    }

    /// Where a step's bar begins, in percent of the lane.
    pub fn left(&self, step: &Step) -> String {
        percent(step.start, self.end)
    }

    /// How wide a step's bar is, in percent of the lane.
    pub fn width(&self, step: &Step) -> String {
        percent(step.duration, self.end)
    }

    /// The first and the last cell of a step's bar, where the lane has so many.
    pub fn cells(&self, step: &Step, n_cells: usize) -> (usize, usize) {
        let most = n_cells.saturating_sub(1);
        let cell = |at: Duration| ((share(at, self.end) * n_cells as f64) as usize).min(most);
        let first = cell(step.start);
        (first, cell(step.start + step.duration).max(first))
    }
}

impl Step {
    fn of(record: &Record) -> Self {
        let (start, took) = (duration(record, "Start"), duration(record, "Duration"));
        let mut entries: Vec<Entry> =
            list(record, "Entries").iter().filter_map(Value::as_record).map(Entry::of).collect();
        if entries.is_empty() {
            let learned = list(record, "Learned").iter();
            entries.extend(learned.map(|fact| Entry {
                kind: Kind::Fact,
                at_text: String::new(),
                text: visible(&fact.to_string()).into_owned(),
            }));
        }
        Self {
            phase: line(record, "Phase"),
            start,
            duration: took,
            start_text: milliseconds(start),
            duration_text: milliseconds(took),
            is_last_of_failure: false,
            entries,
        }
    }
}

impl Entry {
    fn of(record: &Record) -> Self {
        Self {
            kind: Kind::named(&line(record, "Kind")),
            at_text: milliseconds(duration(record, "At")),
            text: visible(&own(record, "Text").to_string()).into_owned(),
        }
    }
}

impl Certificate {
    fn of(record: &Record) -> Self {
        Self { subject: line(record, "Subject"), properties: record.iter().map(property).collect() }
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

fn duration(record: &Record, name: &str) -> Duration {
    if let Value::Duration(time) = own(record, name) { *time } else { Duration::ZERO }
}
