//! The report itself: what was tested, what came of it, and what was learned on the way.
//!
//! Serialises to JSON and back without a loss; what a newer or older version does not know is left at
//! its default.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kind::TestKind;
use super::log::LogLane;
use super::span;

/// What one test came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// What kind of test it was.
    pub kind: TestKind,
    /// The pool that was tested, or in whose name a partner was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The server that it is about: of a pool whose servers are tested each by itself, of a partner the
    /// first one that is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whom or what it tested: the receiver, the user, the partner's domain, the part of the topology.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Which check it was, of those of a topology.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The account that sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// What came of it.
    pub outcome: TestOutcome,
    /// To what makes it a success; zero on failure, as the original prints it. See [`Report::measured`].
    #[serde(rename = "latency_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub latency: Option<Duration>,
    /// What failed, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Code, owner, title, evidence and remedy in one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<String>,
    /// A stable word for what is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The highest level of evidence that was reached, whatever the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What proves it, in the order in which it came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<ReportProof>,
    /// The phase that was the last one at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// From Send to the evidence that was asked for.
    #[serde(rename = "message_latency_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub message_latency: Option<Duration>,
    /// Everything, to the end of the wait.
    #[serde(rename = "elapsed_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<Duration>,
    /// What waited because of our own limits, and is in no latency.
    #[serde(rename = "queue_time_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub queue_time: Option<Duration>,
    /// What every phase did and learned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ReportStep>,
    /// Days until the first certificate of the chain ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_days_left: Option<i64>,
    /// When the first certificate of the chain ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires_at: Option<Timestamp>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether it succeeded only after a failure.
    pub is_flaky: bool,
    /// Whether it was not tested, and has the finding of others that failed the same way.
    pub is_inferred: bool,
    /// What is wrong beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ResultWarning>,
    /// What only a logon has.
    #[serde(skip_serializing_if = "LogonFacts::is_empty")]
    pub logon: LogonFacts,
    /// What only a look at a partner has.
    #[serde(skip_serializing_if = "PartnerFacts::is_empty")]
    pub partner: PartnerFacts,
    /// What only a check of the audit log has.
    #[serde(skip_serializing_if = "AuditLogFacts::is_empty")]
    pub audit_log: AuditLogFacts,
    /// Everything that happened and when, where somebody asked for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLane>,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestOutcome {
    /// What was asked for, or more.
    Success,
    /// Less than was asked for.
    Failure,
    /// It was ended before anything could be known; a record tells it as a failure with [`CANCELLED`].
    Interrupted,
    /// It never began.
    #[default]
    NotRun,
}

/// The code of a test that was interrupted.
pub const CANCELLED: &str = "CANCELLED";

impl TestOutcome {
    /// The value of the property `Result`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failure | Self::Interrupted => "Failure",
            Self::NotRun => "NotRun",
        }
    }

    /// The outcome that a record tells by that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Success, Self::Failure, Self::NotRun].into_iter().find(|outcome| outcome.name() == name)
    }
}

impl Report {
    /// Whether what was asked for is there.
    pub fn is_success(&self) -> bool {
        self.outcome == TestOutcome::Success
    }

    /// The latency of a success; a failure has none.
    pub fn measured(&self) -> Option<Duration> {
        self.latency.filter(|_| self.is_success())
    }

    /// The gravest of its warnings.
    pub fn severity(&self) -> Option<WarningSeverity> {
        self.warnings.iter().map(|warning| warning.severity).max()
    }

    /// What tells it from a test of the same name: who sent, and at which server.
    pub fn apart(&self) -> Option<String> {
        let sender = self.sender.as_ref().map(|sender| format!("from {sender}"));
        let server = self.server.as_ref().map(|server| format!("at {server}"));
        let parts: Vec<String> = sender.into_iter().chain(server).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// What tells the test from every other one of a run.
    pub fn identity(&self) -> TestIdentity {
        // The server of a partner is what the test finds out.
        let server = self.server.clone().filter(|_| self.kind != TestKind::Partner);
        TestIdentity {
            kind: self.kind,
            target: self.target.clone(),
            server,
            subject: self.subject.clone(),
            check: self.check.clone(),
            sender: self.sender.clone(),
        }
    }

    /// What it was, in a few words, also where a script has cut the names from its record.
    pub fn name(&self) -> String {
        (self.kind.schema().name)(self)
    }
}

/// What is tested, from where, in whose name: the same in every run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TestIdentity {
    /// The kind of test.
    pub kind: TestKind,
    /// The pool.
    pub target: Option<String>,
    /// The one server of the pool, where each is tested by itself.
    pub server: Option<String>,
    /// The receiver, the user or the partner.
    pub subject: Option<String>,
    /// The part of the topology that is checked.
    pub check: Option<String>,
    /// The account that sends.
    pub sender: Option<String>,
}

/// Something that is wrong beside a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultWarning {
    /// A stable word, as in `CERTIFICATE-ENDS`.
    pub code: String,
    /// How grave it is.
    pub severity: WarningSeverity,
    /// What is wrong, and what to do next.
    pub text: String,
}

/// How grave a warning is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WarningSeverity {
    /// Somebody should look at it.
    #[default]
    Warning,
    /// A threshold says that it is as bad as a failure.
    Critical,
}

impl WarningSeverity {
    /// The severity's one name, in records and outputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "Warning",
            Self::Critical => "Critical",
        }
    }

    /// The severity of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Warning, Self::Critical].into_iter().find(|severity| severity.name() == name)
    }
}

/// A phase at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportStep {
    /// The phase.
    pub phase: String,
    /// When it began, from the beginning of the test.
    #[serde(rename = "start_ns", with = "span")]
    pub start: Duration,
    /// How long it took.
    #[serde(rename = "duration_ns", with = "span")]
    pub duration: Duration,
    /// What it learned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<String>,
}

/// What proves how far a message came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportProof {
    /// The proof, in words.
    pub proof: String,
    /// The level of evidence that it reaches.
    pub evidence: String,
    /// When it came, from Send on.
    #[serde(rename = "after_ns", with = "span")]
    pub after: Duration,
}

/// What only a logon has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogonFacts {
    /// How it authenticated, or tried to.
    pub mechanism: Option<String>,
    /// The full address that the pool gave.
    pub registered_as: Option<String>,
}

/// What only a look at a partner has; of the server that the result is about, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartnerFacts {
    /// Where it was seen from.
    pub seen_from: Option<String>,
    /// The names of its certificate.
    pub certificate_for: Option<Vec<String>>,
    /// Who issued its certificate.
    pub issuer: Option<String>,
    /// What it offers, in words.
    pub offers: Option<String>,
    /// The SASL mechanisms that it offers.
    pub mechanisms: Option<Vec<String>>,
    /// Whether it offers dialback.
    pub dialback: Option<bool>,
    /// Its software.
    pub software: Option<String>,
    /// Every server of the partner.
    pub servers: Vec<FederationServer>,
}

/// One server of a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FederationServer {
    /// Host and port.
    pub server: String,
    /// Whether it could be federated with.
    pub outcome: TestOutcome,
    /// Why not.
    pub error: Option<String>,
    /// How it was found.
    pub kind: String,
    /// What TLS was negotiated.
    pub tls: Option<String>,
    /// The names of its certificate.
    pub certificate_for: Option<Vec<String>>,
    /// Whom its certificate was issued to.
    pub subject: Option<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// When its certificate ends.
    pub not_after: Option<Timestamp>,
    /// Days until the first certificate of its chain ends.
    pub certificate_days_left: Option<i64>,
    /// The subjects of the certificates that it sent.
    pub chain: Vec<String>,
    /// The SASL mechanisms that it offers.
    pub mechanisms: Option<Vec<String>>,
    /// Whether it offers dialback.
    pub dialback: Option<bool>,
    /// Its software.
    pub software: Option<String>,
    /// The way to it.
    pub steps: Vec<ReportStep>,
}

/// What only a check of the audit log has; nothing but the result where the log is broken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditLogFacts {
    /// How many lines were checked.
    pub lines: Option<i64>,
    /// The number of the first one.
    pub first: Option<i64>,
    /// The number of the last one.
    pub last: Option<i64>,
    /// The hash at the end of the chain.
    pub hash: Option<String>,
    /// What is known of lines that were torn.
    pub torn: Vec<String>,
}

impl LogonFacts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PartnerFacts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AuditLogFacts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
