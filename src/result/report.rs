//! The report itself: what was tested, what came of it, and what was learned on the way.
//!
//! Serialises to JSON and back without a loss; what a newer or older version does not know is left at
//! its default.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kind::TestKind;
use super::log::LogLane;
use super::span;

/// The result of one test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The kind of the test.
    pub kind: TestKind,
    /// The pool that was tested, or in whose name a partner was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The server that it is about: of a pool whose servers are tested each by itself, of a partner the
    /// first one that is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The subject of the test: the receiver, the user, the partner's domain, the part of the topology.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The name of the check, of those of a topology.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The account that sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The outcome of the test.
    pub outcome: TestOutcome,
    /// To what makes it a success; zero on failure, as the original prints it. See [`Report::measured`].
    #[serde(rename = "latency_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub latency: Option<Duration>,
    /// The failure, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Code, owner, title, evidence and remedy in one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<String>,
    /// A stable word for what is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The owner of the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The next step to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The highest level of evidence that was reached, whatever the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The proofs of the evidence, in the order in which they came.
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
    /// The time spent waiting because of our own limits, which is in no latency.
    #[serde(rename = "queue_time_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub queue_time: Option<Duration>,
    /// The steps: what every phase did and learned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ReportStep>,
    /// Days until the first certificate of the chain ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_days_left: Option<i64>,
    /// The time at which the first certificate of the chain expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_expires_at: Option<Timestamp>,
    /// The time at which the test began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The number of attempts at the test.
    pub attempts: u32,
    /// Whether it succeeded only after a failure.
    pub is_flaky: bool,
    /// Whether it was not tested, and has the finding of others that failed the same way.
    pub is_inferred: bool,
    /// The warnings about what is wrong beside the outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ResultWarning>,
    /// The question that the caller asked. It is kept with the report, and is no property of a record.
    #[serde(skip_serializing_if = "AskedTest::is_unknown")]
    pub asked: AskedTest,
    /// The facts that only a logon has.
    #[serde(skip_serializing_if = "LogonFacts::is_empty")]
    pub logon: LogonFacts,
    /// The facts that only a ping has.
    #[serde(skip_serializing_if = "PingFacts::is_empty")]
    pub ping: PingFacts,
    /// The facts that only a look at a partner has.
    #[serde(skip_serializing_if = "PartnerFacts::is_empty")]
    pub partner: PartnerFacts,
    /// The facts that only a check of the audit log has.
    #[serde(skip_serializing_if = "AuditLogFacts::is_empty")]
    pub audit_log: AuditLogFacts,
    /// Everything that happened and when, where somebody asked for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLane>,
}

/// The outcome of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestOutcome {
    /// The test reached what was asked for, or more.
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
/// The code of the warning of a result that takes back a success that was told before.
const REVISED: &str = "RESULT-REVISED";

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

    /// Whether it takes the place of a success of the same test that was told before.
    pub fn is_revision(&self) -> bool {
        self.warnings.iter().any(|warning| warning.code == REVISED)
    }

    /// The gravest of the warnings that the success had which it takes the place of.
    pub fn revised_severity(&self) -> Option<WarningSeverity> {
        let others = self.warnings.iter().filter(|warning| warning.code != REVISED);
        others.map(|warning| warning.severity).max().filter(|_| self.is_revision())
    }

    /// Returns the sender and the server, which distinguish the test from another of the same name.
    pub fn apart(&self) -> Option<String> {
        let sender = self.sender.as_ref().map(|sender| format!("from {sender}"));
        let server = self.server.as_ref().map(|server| format!("at {server}"));
        let parts: Vec<String> = sender.into_iter().chain(server).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// Returns the identity of the test, which distinguishes it from every other one of a run.
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

    /// Returns the name of the test in a few words, also where a script has cut the names from its record.
    pub fn name(&self) -> String {
        (self.kind.schema().name)(self)
    }
}

/// The identity of a test: what is tested, from where, in whose name. It is the same in every run.
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

/// The question of a caller beside the identity of the test: another question may have another answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedTest {
    /// The parameters that make it another test than the usual one, with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How long it may take; not known of a report that an older version has kept.
    #[serde(rename = "timeout_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

impl AskedTest {
    /// Whether a report of the same test answers what is asked here: it was asked for the same, or, where no more than
    /// the time differs, it is a success that took no longer.
    pub fn is_answered_by(&self, report: &Report) -> bool {
        let took = report.elapsed.or(report.latency).filter(|_| report.is_success());
        let is_in_time = took.zip(self.timeout).is_some_and(|(took, most)| took <= most);
        self.parameters == report.asked.parameters && (self.timeout == report.asked.timeout || is_in_time)
    }
}

/// The tests that are made together: one after the other up to the first that fails, and where none does, all those
/// behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestGroup {
    /// The tests on the way, in their order.
    pub way: Vec<TestIdentity>,
    /// The tests behind them.
    pub behind: Vec<TestIdentity>,
}

impl TestGroup {
    /// Returns the tests of the group that were made, by the outcome of each; `None` where one was due and has none.
    pub fn made(&self, outcome: impl Fn(&TestIdentity) -> Option<TestOutcome>) -> Option<Vec<&TestIdentity>> {
        let mut made = Vec::with_capacity(self.way.len() + self.behind.len());
        for test in &self.way {
            let outcome = outcome(test)?;
            made.push(test);
            if outcome != TestOutcome::Success {
                return Some(made);
            }
        }
        for test in &self.behind {
            outcome(test)?;
            made.push(test);
        }
        Some(made)
    }
}

/// Something that is wrong beside a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultWarning {
    /// A stable word, as in `CERTIFICATE-ENDS`.
    pub code: String,
    /// The severity of the warning.
    pub severity: WarningSeverity,
    /// The text of the warning: what is wrong, and what to do next.
    pub text: String,
}

/// The severity of a warning.
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
    /// The start of the step, counted from the beginning of the test.
    #[serde(rename = "start_ns", with = "span")]
    pub start: Duration,
    /// The duration of the step.
    #[serde(rename = "duration_ns", with = "span")]
    pub duration: Duration,
    /// The facts that the step learned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<String>,
}

/// A proof of how far a message came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportProof {
    /// The proof, in words.
    pub proof: String,
    /// The level of evidence that it reaches.
    pub evidence: String,
    /// The time at which the proof came, counted from Send.
    #[serde(rename = "after_ns", with = "span")]
    pub after: Duration,
}

/// The facts that only a logon has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogonFacts {
    /// The mechanism that the logon used, or tried to use.
    pub mechanism: Option<String>,
    /// The full address that the pool gave.
    pub registered_as: Option<String>,
}

/// The facts that only a ping has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PingFacts {
    /// The answer to the ping, whoever sent it: `pong`, an error in the server's words, or
    /// [`NO_ANSWER`]; `None` where no ping was sent, or its session was lost.
    pub answer: Option<String>,
    /// From sending the ping to the proof that the domain answered.
    #[serde(rename = "latency_ns", with = "span::optional", skip_serializing_if = "Option::is_none")]
    pub latency: Option<Duration>,
}

/// The answer of a ping to which nothing came back in time.
pub const NO_ANSWER: &str = "none in time";

/// The facts that only a look at a partner has; of the server that the result is about, unless a field says
/// otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartnerFacts {
    /// The place from which the server was seen.
    pub seen_from: Option<String>,
    /// The names of its certificate.
    pub certificate_for: Option<Vec<String>>,
    /// The issuer of the server's certificate.
    pub issuer: Option<String>,
    /// The server's offers, in words.
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
    /// The reason why the server could not be federated with.
    pub error: Option<String>,
    /// The way in which the server was found.
    pub kind: String,
    /// The TLS parameters that were negotiated.
    pub tls: Option<String>,
    /// The names of its certificate.
    pub certificate_for: Option<Vec<String>>,
    /// The subject of the server's certificate.
    pub subject: Option<String>,
    /// The issuer of the server's certificate.
    pub issuer: Option<String>,
    /// The time at which the server's certificate expires.
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

/// The facts that only a check of the audit log has; nothing but the result where the log is broken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditLogFacts {
    /// The number of lines that were checked.
    pub lines: Option<i64>,
    /// The number of the first one.
    pub first: Option<i64>,
    /// The number of the last one.
    pub last: Option<i64>,
    /// The hash at the end of the chain.
    pub hash: Option<String>,
    /// The facts known about torn lines.
    pub torn: Vec<String>,
}

impl AskedTest {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl LogonFacts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PingFacts {
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
