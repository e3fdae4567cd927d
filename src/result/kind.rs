//! The kinds of tests: which properties each has, how it is shown, and what it is called elsewhere.
//!
//! A new kind is a variant of [`TestKind`] and a [`KindSchema`]; whatever reads reports follows.

use serde::{Deserialize, Serialize};

use super::report::Report;
use super::schema::{self, ResultProperty};

/// The kind of a test. In JSON it is the type name of its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum TestKind {
    /// A message: `Test-XmppIM`.
    #[default]
    Message,
    /// A logon: `Test-Registration`.
    Logon,
    /// A partner's servers: `Test-FederatedPartner`.
    Partner,
    /// A ping of a domain: `Test-XmppPing`.
    Ping,
    /// A part of the topology: `Test-Topology`.
    Check,
    /// The audit log: `Test-AuditLog`.
    AuditLog,
}

/// The schema of a kind of test.
#[derive(Debug)]
pub struct KindSchema {
    /// The type name of its records.
    pub type_name: &'static str,
    /// The name by which its results are stored: the noun of its cmdlet. `None` where they are not stored.
    pub stored_as: Option<&'static str>,
    /// The prefix of the names of its metrics.
    pub metrics: &'static str,
    /// The properties of its records, in their order.
    pub properties: &'static [&'static ResultProperty],
    /// The lines of its list view.
    pub list: &'static [&'static ResultProperty],
    /// The columns of its table view; none where it has no view of its own.
    pub table: &'static [TableColumn],
    /// The properties that tell a test from the others of its kind, as labels of its metrics; the server only where
    /// the test is about one.
    pub labels: &'static [(&'static str, &'static ResultProperty)],
    /// The name of a test, in a few words, also where names are missing.
    pub name: fn(&Report) -> String,
    /// The same beside the name of the pool.
    pub case: fn(&Report) -> String,
}

/// A column of a table view.
#[derive(Debug)]
pub struct TableColumn {
    /// The property that the column shows.
    pub property: &'static ResultProperty,
    /// The width that a table leaves it, even where the first rows need less.
    pub least_width: usize,
}

const fn column(property: &'static ResultProperty) -> TableColumn {
    TableColumn { property, least_width: 0 }
}

/// Success has no code, and the first rows often succeed.
const fn wide(property: &'static ResultProperty, least_width: usize) -> TableColumn {
    TableColumn { property, least_width }
}

/// A kind that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of test with records of the type '{0}'")]
pub struct UnknownKind(String);

impl TestKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Message, Self::Logon, Self::Partner, Self::Ping, Self::Check, Self::AuditLog];

    /// Returns the schema of the kind.
    pub fn schema(self) -> &'static KindSchema {
        match self {
            Self::Message => &MESSAGE,
            Self::Logon => &LOGON,
            Self::Partner => &PARTNER,
            Self::Ping => &PING,
            Self::Check => &CHECK,
            Self::AuditLog => &AUDIT_LOG,
        }
    }

    /// The kind whose records have this type, or are cut from such by `Select-Object`.
    pub fn of_type(type_name: &str) -> Option<Self> {
        let whole = type_name.strip_prefix("Selected.").unwrap_or(type_name);
        Self::ALL.into_iter().find(|kind| kind.schema().type_name == whole)
    }
}

impl From<TestKind> for &'static str {
    fn from(kind: TestKind) -> Self {
        kind.schema().type_name
    }
}

impl TryFrom<String> for TestKind {
    type Error = UnknownKind;

    fn try_from(type_name: String) -> Result<Self, UnknownKind> {
        Self::of_type(&type_name).ok_or(UnknownKind(type_name))
    }
}

static MESSAGE: KindSchema = KindSchema {
    type_name: "TestResult",
    stored_as: Some("XmppIM"),
    metrics: "imsh_test",
    properties: &[
        &schema::TARGET_FQDN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::EVIDENCE,
        &schema::RECEIVER,
        &schema::SENDER,
        &schema::CODE,
        &schema::OWNER,
        &schema::PHASE,
        &schema::PROOFS,
        &schema::MESSAGE_LATENCY,
        &schema::ELAPSED,
        &schema::STEPS,
        &schema::CERTIFICATE_DAYS_LEFT,
        &schema::STARTED_AT,
        &schema::ATTEMPTS,
        &schema::CERTIFICATE_EXPIRES_AT,
        &schema::REMEDY,
        &schema::WARNINGS,
        &schema::QUEUE_TIME,
        &schema::IS_SUCCESS,
        &schema::IS_FLAKY,
        &schema::INFERRED,
        &schema::SERVER,
    ],
    list: &[
        &schema::TARGET_FQDN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::EVIDENCE,
    ],
    table: &[
        column(&schema::TARGET_FQDN),
        column(&schema::RECEIVER),
        column(&schema::RESULT),
        column(&schema::LATENCY),
        wide(&schema::CODE, 18),
    ],
    labels: &[
        ("pool", &schema::TARGET_FQDN),
        ("receiver", &schema::RECEIVER),
        ("sender", &schema::SENDER),
        ("server", &schema::SERVER),
    ],
    name: |report| format!("{} to {}", report.target_or("a pool"), report.subject_or("a receiver")),
    case: Report::subject_or_name,
};

static LOGON: KindSchema = KindSchema {
    type_name: "RegistrationResult",
    stored_as: Some("Registration"),
    metrics: "imsh_registration",
    properties: &[
        &schema::TARGET_FQDN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::USER_SIP_ADDRESS,
        &schema::MECHANISM,
        &schema::REGISTERED_AS,
        &schema::CODE,
        &schema::OWNER,
        &schema::PHASE,
        &schema::ELAPSED,
        &schema::STEPS,
        &schema::CERTIFICATE_DAYS_LEFT,
        &schema::STARTED_AT,
        &schema::ATTEMPTS,
        &schema::CERTIFICATE_EXPIRES_AT,
        &schema::REMEDY,
        &schema::WARNINGS,
        &schema::QUEUE_TIME,
        &schema::IS_SUCCESS,
        &schema::IS_FLAKY,
        &schema::INFERRED,
        &schema::SERVER,
    ],
    list: &[
        &schema::TARGET_FQDN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::USER_SIP_ADDRESS,
        &schema::MECHANISM,
    ],
    table: &[
        column(&schema::TARGET_FQDN),
        column(&schema::USER_SIP_ADDRESS),
        column(&schema::RESULT),
        column(&schema::LATENCY),
        wide(&schema::CODE, 18),
    ],
    labels: &[
        ("pool", &schema::TARGET_FQDN),
        ("user", &schema::USER_SIP_ADDRESS),
        ("server", &schema::SERVER),
    ],
    name: |report| format!("{} as {}", report.target_or("a pool"), report.subject_or("a user")),
    case: Report::subject_or_name,
};

static PARTNER: KindSchema = KindSchema {
    type_name: "FederatedPartnerResult",
    stored_as: Some("FederatedPartner"),
    metrics: "imsh_partner",
    properties: &[
        &schema::TARGET_FQDN,
        &schema::DOMAIN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::SEEN_FROM,
        &schema::CODE,
        &schema::OWNER,
        &schema::SERVER,
        &schema::CERTIFICATE_FOR,
        &schema::ISSUER,
        &schema::CERTIFICATE_DAYS_LEFT,
        &schema::OFFERS,
        &schema::MECHANISMS,
        &schema::DIALBACK,
        &schema::SOFTWARE,
        &schema::PHASE,
        &schema::SERVERS,
        &schema::ELAPSED,
        &schema::STEPS,
        &schema::STARTED_AT,
        &schema::ATTEMPTS,
        &schema::CERTIFICATE_EXPIRES_AT,
        &schema::REMEDY,
        &schema::WARNINGS,
        &schema::QUEUE_TIME,
        &schema::IS_SUCCESS,
        &schema::IS_FLAKY,
        &schema::INFERRED,
    ],
    list: &[
        &schema::TARGET_FQDN,
        &schema::DOMAIN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::SEEN_FROM,
        &schema::SERVER,
        &schema::CERTIFICATE_FOR,
        &schema::ISSUER,
        &schema::CERTIFICATE_DAYS_LEFT,
        &schema::OFFERS,
        &schema::SOFTWARE,
    ],
    table: &[
        column(&schema::DOMAIN),
        column(&schema::RESULT),
        column(&schema::SERVER),
        column(&schema::CERTIFICATE_DAYS_LEFT),
        column(&schema::OFFERS),
        wide(&schema::CODE, 30),
    ],
    labels: &[("domain", &schema::DOMAIN), ("pool", &schema::TARGET_FQDN)],
    name: |report| format!("partner {}", report.subject_or("without a name")),
    case: Report::subject_or_name,
};

static PING: KindSchema = KindSchema {
    type_name: "PingResult",
    stored_as: Some("XmppPing"),
    metrics: "imsh_ping",
    properties: &[
        &schema::TARGET_FQDN,
        &schema::DOMAIN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::PING_LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::ANSWER,
        &schema::EVIDENCE,
        &schema::SENDER,
        &schema::CODE,
        &schema::OWNER,
        &schema::PHASE,
        &schema::PROOFS,
        &schema::ELAPSED,
        &schema::STEPS,
        &schema::CERTIFICATE_DAYS_LEFT,
        &schema::STARTED_AT,
        &schema::ATTEMPTS,
        &schema::CERTIFICATE_EXPIRES_AT,
        &schema::REMEDY,
        &schema::WARNINGS,
        &schema::QUEUE_TIME,
        &schema::IS_SUCCESS,
        &schema::IS_FLAKY,
        &schema::INFERRED,
        &schema::SERVER,
    ],
    list: &[
        &schema::TARGET_FQDN,
        &schema::DOMAIN,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::PING_LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::ANSWER,
    ],
    table: &[
        column(&schema::TARGET_FQDN),
        column(&schema::DOMAIN),
        column(&schema::RESULT),
        column(&schema::PING_LATENCY),
        wide(&schema::CODE, 18),
    ],
    labels: &[
        ("pool", &schema::TARGET_FQDN),
        ("domain", &schema::DOMAIN),
        ("sender", &schema::SENDER),
        ("server", &schema::SERVER),
    ],
    name: |report| format!("{} to {}", report.target_or("a pool"), report.subject_or("a domain")),
    case: Report::subject_or_name,
};

static CHECK: KindSchema = KindSchema {
    type_name: "TopologyCheck",
    stored_as: Some("Topology"),
    metrics: "imsh_check",
    properties: &[
        &schema::CHECK,
        &schema::TARGET,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::TARGET_FQDN,
        &schema::CERTIFICATE_DAYS_LEFT,
        &schema::CODE,
        &schema::OWNER,
        &schema::STARTED_AT,
        &schema::CERTIFICATE_EXPIRES_AT,
        &schema::REMEDY,
        &schema::WARNINGS,
        &schema::QUEUE_TIME,
        &schema::IS_SUCCESS,
        &schema::IS_FLAKY,
        &schema::INFERRED,
    ],
    list: &[
        &schema::CHECK,
        &schema::TARGET,
        &schema::RESULT,
        &schema::LATENCY,
        &schema::ERROR,
        &schema::DIAGNOSIS,
        &schema::CERTIFICATE_DAYS_LEFT,
    ],
    table: &[
        column(&schema::CHECK),
        column(&schema::TARGET),
        column(&schema::RESULT),
        column(&schema::LATENCY),
        column(&schema::CERTIFICATE_DAYS_LEFT),
        wide(&schema::CODE, 18),
    ],
    labels: &[("check", &schema::CHECK), ("target", &schema::TARGET), ("pool", &schema::TARGET_FQDN)],
    name: check_name,
    case: check_name,
};

static AUDIT_LOG: KindSchema = KindSchema {
    type_name: "AuditLogTest",
    stored_as: None,
    metrics: "imsh_audit_log",
    properties: &[
        &schema::RESULT,
        &schema::LINES,
        &schema::FIRST,
        &schema::LAST,
        &schema::HASH,
        &schema::TORN,
        &schema::ERROR,
        &schema::IS_SUCCESS,
    ],
    list: &[],
    table: &[],
    labels: &[],
    name: |_| "audit log".to_owned(),
    case: |_| "audit log".to_owned(),
};

fn check_name(report: &Report) -> String {
    let check = report.check.as_deref().unwrap_or("a check");
    format!("{check} of {}", report.subject_or("the topology"))
}

impl Report {
    fn target_or<'a>(&'a self, unknown: &'a str) -> &'a str {
        self.target.as_deref().filter(|name| !name.is_empty()).unwrap_or(unknown)
    }

    fn subject_or<'a>(&'a self, unknown: &'a str) -> &'a str {
        self.subject.as_deref().filter(|name| !name.is_empty()).unwrap_or(unknown)
    }

    fn subject_or_name(&self) -> String {
        self.subject.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| self.name())
    }
}
