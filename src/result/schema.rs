//! The properties of results: each of them once, with its name, type, label, unit, help and metric.
//!
//! A kind of test ([`super::kind`]) chooses from them. A new property is a field of [`Report`] and an
//! entry here; records, views, outputs, metrics and help follow.

use std::collections::BTreeSet;
use std::fmt;

use super::bridge::PropertyValue;
use super::report::{Report, ReportStep, ResultWarning};
use crate::value::Value;

/// One property of results.
#[derive(Debug)]
pub struct ResultProperty {
    /// Its name in records, CSV and JSON.
    pub name: &'static str,
    /// The label beside or above the property in output for people.
    pub label: &'static str,
    /// The type of its values.
    pub kind: ValueKind,
    /// One line of help.
    pub about: &'static str,
    /// The metric that monitoring systems get, if any.
    pub metric: Option<ResultMetric>,
    field: PropertyField,
}

/// The type of the values of a property; a value is null where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// True or false.
    Truth,
    /// A number of things.
    Count,
    /// A number of days.
    Days,
    /// A span of time.
    Span,
    /// A point in time.
    Time,
    /// A list of records of this type.
    Records(&'static str),
}

impl fmt::Display for ValueKind {
    /// Writes the type in words for help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Texts => f.write_str("list of texts"),
            Self::Truth => f.write_str("true or false"),
            Self::Count => f.write_str("number"),
            Self::Days => f.write_str("number of days"),
            Self::Span => f.write_str("span of time"),
            Self::Time => f.write_str("point in time"),
            Self::Records(type_name) => write!(f, "list of {type_name} records"),
        }
    }
}

/// A family of gauges: one for each test, or several that further labels tell apart.
#[derive(Debug)]
pub struct ResultMetric {
    /// The end of its name, behind the prefix of the test's kind; in base units.
    pub name: &'static str,
    /// Its help text.
    pub help: &'static str,
    /// Returns the samples for a report.
    pub samples: fn(&Report) -> Vec<MetricSample>,
}

/// One value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSample {
    /// Labels beside those of the test.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

impl ResultProperty {
    /// The property of a report.
    pub fn value(&self, report: &Report) -> Value {
        (self.field.get)(report)
    }

    /// Puts a value into a report, if it is of the property's type.
    pub(super) fn set(&self, report: &mut Report, value: &Value) {
        (self.field.set)(report, value);
    }

    const fn new(name: &'static str, kind: ValueKind, field: PropertyField, about: &'static str) -> Self {
        Self { name, label: name, kind, about, metric: None, field }
    }

    const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    const fn measured(
        self,
        name: &'static str,
        help: &'static str,
        samples: fn(&Report) -> Vec<MetricSample>,
    ) -> Self {
        Self { metric: Some(ResultMetric { name, help, samples }), ..self }
    }
}

#[derive(Debug)]
struct PropertyField {
    get: fn(&Report) -> Value,
    set: fn(&mut Report, &Value),
}

macro_rules! field {
    ($($path:ident).+) => {
        PropertyField {
            get: |report| report.$($path).+.to_value(),
            set: |report, value| {
                if let Some(field) = PropertyValue::from_value(value) {
                    report.$($path).+ = field;
                }
            },
        }
    };
}

use ValueKind::{Count, Days, Records, Span, Text, Texts, Time, Truth};

/// The pool.
pub static TARGET_FQDN: ResultProperty =
    ResultProperty::new("TargetFqdn", Text, field!(target), "The pool that was tested, or in whose name.")
        .labelled("Target Fqdn");
/// The subject of a message.
pub static RECEIVER: ResultProperty =
    ResultProperty::new("Receiver", Text, field!(subject), "Whom the message went to.");
/// The subject of a logon.
pub static USER_SIP_ADDRESS: ResultProperty =
    ResultProperty::new("UserSipAddress", Text, field!(subject), "Who logged on.").labelled("User");
/// The subject of a look at a partner, and of a ping.
pub static DOMAIN: ResultProperty =
    ResultProperty::new("Domain", Text, field!(subject), "The partner's domain.");
/// The subject of a check.
pub static TARGET: ResultProperty = ResultProperty::new(
    "Target",
    Text,
    field!(subject),
    "Whose check it was: the pool, the test user, the partner's domain.",
);
/// The check that was made.
pub static CHECK: ResultProperty = ResultProperty::new(
    "Check",
    Text,
    field!(check),
    "What was checked: a phase on the way to a pool, Logon, or Partner.",
);
/// The sender of a message.
pub static SENDER: ResultProperty =
    ResultProperty::new("Sender", Text, field!(sender), "The account that sent.");
/// The outcome.
pub static RESULT: ResultProperty = ResultProperty::new(
    "Result",
    Text,
    field!(outcome),
    "Success, Failure, or NotRun where a run ended before its turn came.",
)
.measured("success", "Whether the test succeeded.", |report| {
    vec![MetricSample::plain(if report.is_success() { 1.0 } else { 0.0 })]
});
/// The latency.
pub static LATENCY: ResultProperty = ResultProperty::new(
    "Latency",
    Span,
    field!(latency),
    "From the start of the test to what makes it a success; zero on failure.",
)
.measured("latency_seconds", "From the start of the test to what makes it a success.", |report| {
    MetricSample::of_span(report.measured())
});
/// The error.
pub static ERROR: ResultProperty =
    ResultProperty::new("Error", Text, field!(error), "What failed, in one sentence.")
        .labelled("Error Message");
/// The diagnosis.
pub static DIAGNOSIS: ResultProperty = ResultProperty::new(
    "Diagnosis",
    Text,
    field!(diagnosis),
    "What is broken, whose it is, what proves it, what to do next.",
);
/// The level of evidence.
pub static EVIDENCE: ResultProperty = ResultProperty::new(
    "Evidence",
    Text,
    field!(evidence),
    "The highest level of evidence that was reached.",
);
/// The code.
pub static CODE: ResultProperty =
    ResultProperty::new("Code", Text, field!(code), "A stable word for what is broken; see about_Diagnosis.")
        .measured("failure", "What went wrong and whose it is; absent where nothing did.", |report| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let labels = vec![("code", text(&report.code)), ("owner", text(&report.owner))];
            if report.is_success() { Vec::new() } else { vec![MetricSample { labels, value: 1.0 }] }
        });
/// The owner.
pub static OWNER: ResultProperty =
    ResultProperty::new("Owner", Text, field!(owner), "Who has to do something about it.");
/// The remedy.
pub static REMEDY: ResultProperty = ResultProperty::new("Remedy", Text, field!(remedy), "What to do next.");
/// The phase.
pub static PHASE: ResultProperty =
    ResultProperty::new("Phase", Text, field!(phase), "The phase that was the last one at work.");
/// The proofs.
pub static PROOFS: ResultProperty = ResultProperty::new(
    "Proofs",
    Records("Proof"),
    field!(proofs),
    "What proves the evidence, and when it came.",
);
/// The message's own latency.
pub static MESSAGE_LATENCY: ResultProperty = ResultProperty::new(
    "MessageLatency",
    Span,
    field!(message_latency),
    "From sending the message to the evidence.",
)
.measured("message_latency_seconds", "From sending the message to the evidence.", |report| {
    MetricSample::of_span(report.message_latency)
});
/// The answer to a ping.
pub static ANSWER: ResultProperty = ResultProperty::new(
    "Answer",
    Text,
    field!(ping.answer),
    "What came back for the ping: pong, an error in the words of whoever sent it, or none in time.",
);
/// The ping's own latency.
pub static PING_LATENCY: ResultProperty = ResultProperty::new(
    "PingLatency",
    Span,
    field!(ping.latency),
    "From sending the ping to what proves that the domain answered.",
)
.labelled("Ping Latency")
.measured("round_trip_seconds", "From sending the ping to what proves that the domain answered.", |report| {
    MetricSample::of_span(report.ping.latency)
});
/// The time of the whole.
pub static ELAPSED: ResultProperty =
    ResultProperty::new("Elapsed", Span, field!(elapsed), "How long the whole test took.").measured(
        "elapsed_seconds",
        "How long the whole test took.",
        |report| MetricSample::of_span(report.elapsed),
    );
/// The steps.
pub static STEPS: ResultProperty =
    ResultProperty::new("Steps", Records("Step"), field!(steps), "What every phase did and learned.")
        .measured("phase_seconds", "How long a phase of the test took.", |report| {
            let sample = |(place, step): (usize, &ReportStep)| {
                // A phase may have been tried twice; a series stands once, with the last time.
                let is_last = report.steps[place + 1..].iter().all(|later| later.phase != step.phase);
                let labels = vec![("phase", step.phase.clone())];
                is_last.then_some(MetricSample { labels, value: step.duration.as_secs_f64() })
            };
            report.steps.iter().enumerate().filter_map(sample).collect()
        });
/// The days that are left.
pub static CERTIFICATE_DAYS_LEFT: ResultProperty = ResultProperty::new(
    "CertificateDaysLeft",
    Days,
    field!(certificate_days_left),
    "Whole days until the first certificate of the chain ends.",
)
.labelled("Days Left");
/// The end of the certificate.
pub static CERTIFICATE_EXPIRES_AT: ResultProperty = ResultProperty::new(
    "CertificateExpiresAt",
    Time,
    field!(certificate_expires_at),
    "When the first certificate of the chain ends.",
)
.measured(
    "certificate_expiry_timestamp_seconds",
    "When the first certificate of the chain ends, in seconds since 1970.",
    |report| MetricSample::of_time(report.certificate_expires_at),
);
/// The beginning.
pub static STARTED_AT: ResultProperty =
    ResultProperty::new("StartedAt", Time, field!(started_at), "When it began.").measured(
        "started_timestamp_seconds",
        "When the test started, in seconds since 1970.",
        |report| MetricSample::of_time(report.started_at),
    );
/// The number of attempts.
pub static ATTEMPTS: ResultProperty =
    ResultProperty::new("Attempts", Count, field!(attempts), "How often it was tried.");
/// Whether it is a success.
pub static IS_SUCCESS: ResultProperty = ResultProperty {
    field: PropertyField {
        get: |report| Value::Boolean(report.is_success()),
        // The outcome says it.
        set: |_, _| {},
    },
    ..ResultProperty::new("IsSuccess", Truth, field!(is_flaky), "Whether Result is Success, for conditions.")
};
/// Whether it is flaky.
pub static IS_FLAKY: ResultProperty =
    ResultProperty::new("IsFlaky", Truth, field!(is_flaky), "Whether it succeeded only after a failure.");
/// Whether it is inferred.
pub static INFERRED: ResultProperty = ResultProperty::new(
    "Inferred",
    Truth,
    field!(is_inferred),
    "Whether it was not tested, and has the finding of others that failed the same way.",
);
/// Our own waiting.
pub static QUEUE_TIME: ResultProperty = ResultProperty::new(
    "QueueTime",
    Span,
    field!(queue_time),
    "What waited because of our own limits; it is in no latency.",
);
/// The warnings.
pub static WARNINGS: ResultProperty = ResultProperty::new(
    "Warnings",
    Records("ResultWarning"),
    field!(warnings),
    "What is wrong beside the result: Code, Severity (Warning or Critical), Text.",
)
.measured("warning", "What is wrong beside the test; absent where nothing is.", |report| {
    let of = |warning: &ResultWarning| (warning.code.clone(), warning.severity.name());
    let warnings: BTreeSet<_> = report.warnings.iter().map(of).collect();
    let sample = |(code, severity): (String, &str)| MetricSample {
        labels: vec![("code", code), ("severity", severity.to_owned())],
        value: 1.0,
    };
    warnings.into_iter().map(sample).collect()
});
/// The mechanism with which a logon authenticated, or tried to.
pub static MECHANISM: ResultProperty =
    ResultProperty::new("Mechanism", Text, field!(logon.mechanism), "How it authenticated, or tried to.");
/// The full address that the pool gave to a logon.
pub static REGISTERED_AS: ResultProperty = ResultProperty::new(
    "RegisteredAs",
    Text,
    field!(logon.registered_as),
    "The full address that the pool gave.",
);
/// The place from which a partner was seen.
pub static SEEN_FROM: ResultProperty =
    ResultProperty::new("SeenFrom", Text, field!(partner.seen_from), "Where the partner was seen from.")
        .labelled("Seen From");
/// One server of several.
pub static SERVER: ResultProperty = ResultProperty::new(
    "Server",
    Text,
    field!(server),
    "The server that the result is about; of a pool, where each is tested by itself.",
);
/// The names of a partner's certificate.
pub static CERTIFICATE_FOR: ResultProperty = ResultProperty::new(
    "CertificateFor",
    Texts,
    field!(partner.certificate_for),
    "The names that the server's certificate is good for.",
)
.labelled("Certificate For");
/// The issuer of a partner's certificate.
pub static ISSUER: ResultProperty =
    ResultProperty::new("Issuer", Text, field!(partner.issuer), "Who issued the server's certificate.")
        .labelled("Issued By");
/// The methods of authentication that a partner's server offers to other servers.
pub static OFFERS: ResultProperty = ResultProperty::new(
    "Offers",
    Text,
    field!(partner.offers),
    "How the server lets others prove themselves.",
);
/// A partner's mechanisms.
pub static MECHANISMS: ResultProperty = ResultProperty::new(
    "Mechanisms",
    Texts,
    field!(partner.mechanisms),
    "The SASL mechanisms that the server offers.",
);
/// A partner's dialback.
pub static DIALBACK: ResultProperty =
    ResultProperty::new("Dialback", Truth, field!(partner.dialback), "Whether the server offers dialback.");
/// A partner's software.
pub static SOFTWARE: ResultProperty = ResultProperty::new(
    "Software",
    Text,
    field!(partner.software),
    "The server's software, where it says so.",
);
/// A partner's servers.
pub static SERVERS: ResultProperty = ResultProperty::new(
    "Servers",
    Records("FederationServer"),
    field!(partner.servers),
    "Every server of the partner, and what was seen of it.",
);
/// The lines of an audit log.
pub static LINES: ResultProperty =
    ResultProperty::new("Lines", Count, field!(audit_log.lines), "How many lines were checked.");
/// The first line of an audit log.
pub static FIRST: ResultProperty =
    ResultProperty::new("First", Count, field!(audit_log.first), "The number of the first line.");
/// The last line of an audit log.
pub static LAST: ResultProperty =
    ResultProperty::new("Last", Count, field!(audit_log.last), "The number of the last line.");
/// The end of an audit log's chain.
pub static HASH: ResultProperty =
    ResultProperty::new("Hash", Text, field!(audit_log.hash), "The hash of the last line.");
/// The torn lines of an audit log.
pub static TORN: ResultProperty =
    ResultProperty::new("Torn", Texts, field!(audit_log.torn), "Lines that a crash has torn.");
/// The log, which only those records have that were asked for it.
pub static LOG: ResultProperty =
    ResultProperty::new("Log", Records("LogLane"), field!(log), "Everything that happened, and when.");

impl MetricSample {
    fn plain(value: f64) -> Self {
        Self { labels: Vec::new(), value }
    }

    fn of_span(span: Option<std::time::Duration>) -> Vec<Self> {
        span.iter().map(|span| Self::plain(span.as_secs_f64())).collect()
    }

    fn of_time(at: Option<jiff::Timestamp>) -> Vec<Self> {
        at.iter().map(|at| Self::plain(at.as_millisecond() as f64 / 1e3)).collect()
    }
}
