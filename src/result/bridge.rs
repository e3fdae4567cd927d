//! The two bridges between a report and a record, and how each type crosses them.

use std::time::Duration;

use jiff::Timestamp;

use super::TestKind;
use super::log::{LogCertificate, LogEntry, LogEntryKind, LogLane, LogStep};
use super::report::{
    CANCELLED, FederationServer, Report, ReportProof, ReportStep, ResultWarning, TestOutcome, WarningSeverity,
};
use super::schema;
use crate::value::{Record, Value};

impl Report {
    /// The record that a cmdlet emits: the properties of the report's kind in their order.
    pub fn to_record(&self) -> Record {
        let schema = self.kind.schema();
        let mut record = Record::new(schema.type_name);
        for property in schema.properties {
            record.add(property.name, property.value(self));
        }
        record
    }

    /// The same, with everything that happened behind it.
    pub fn to_logged_record(&self) -> Record {
        self.to_record().with(schema::LOG.name, schema::LOG.value(self))
    }

    /// The report that a record tells of, if it is one of a test and says what came of it. A property
    /// that a script has cut from it, or put something else into, is left at its default.
    pub fn of(record: &Record) -> Option<Self> {
        Self::read(record, |_| true)
    }

    /// The same with no more than the outcome and the warnings.
    pub fn judged(record: &Record) -> Option<Self> {
        let judging = [&schema::RESULT, &schema::CODE, &schema::WARNINGS];
        Self::read(record, |name| judging.iter().any(|property| property.name == name))
    }

    fn read(record: &Record, is_wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let kind = TestKind::of_type(record.type_name())?;
        let properties = kind.schema().properties;
        let mut report = Self { kind, ..Self::default() };
        let mut has_outcome = false;
        for (name, value) in record.iter().filter(|(name, _)| is_wanted(name)) {
            let known = properties.iter().copied().find(|property| property.name == name);
            let Some(property) = known.or((name == schema::LOG.name).then_some(&schema::LOG)) else {
                continue;
            };
            property.set(&mut report, value);
            has_outcome |= name == schema::RESULT.name && TestOutcome::from_value(value).is_some();
        }
        if report.outcome == TestOutcome::Failure && report.code.as_deref() == Some(CANCELLED) {
            report.outcome = TestOutcome::Interrupted;
        }
        has_outcome.then_some(report)
    }
}

/// The conversion between a field of a report and a property of a record.
pub(super) trait PropertyValue: Sized {
    /// The field as a value.
    fn to_value(&self) -> Value;

    /// The field that a value tells; none where it is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl PropertyValue for String {
    fn to_value(&self) -> Value {
        Value::text(self.as_str())
    }

    fn from_value(value: &Value) -> Option<Self> {
        // A script may have put a number where a text was: it still says something.
        if let Value::Null = value { None } else { Some(value.to_string()) }
    }
}

impl PropertyValue for bool {
    fn to_value(&self) -> Value {
        Value::Boolean(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Boolean(truth) = value { Some(*truth) } else { None }
    }
}

impl PropertyValue for i64 {
    fn to_value(&self) -> Value {
        Value::Integer(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Integer(number) = value { Some(*number) } else { None }
    }
}

impl PropertyValue for u32 {
    fn to_value(&self) -> Value {
        Value::Integer(i64::from(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|number| Self::try_from(number).ok())
    }
}

impl PropertyValue for Duration {
    fn to_value(&self) -> Value {
        Value::Duration(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Duration(span) = value { Some(*span) } else { None }
    }
}

impl PropertyValue for Timestamp {
    fn to_value(&self) -> Value {
        Value::Timestamp(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Timestamp(at) = value { Some(*at) } else { None }
    }
}

impl<T: PropertyValue> PropertyValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        Some(T::from_value(value))
    }
}

impl<T: PropertyValue> PropertyValue for Vec<T> {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value) -> Option<Self> {
        if let Value::List(items) = value {
            Some(items.iter().filter_map(T::from_value).collect())
        } else {
            None
        }
    }
}

/// Implements [`PropertyValue`] for a type whose values are words.
macro_rules! word {
    ($type:ty) => {
        impl PropertyValue for $type {
            fn to_value(&self) -> Value {
                Value::text(self.name())
            }

            fn from_value(value: &Value) -> Option<Self> {
                value.as_text().and_then(Self::named)
            }
        }
    };
}

word!(TestOutcome);
word!(WarningSeverity);

impl PropertyValue for LogEntryKind {
    fn to_value(&self) -> Value {
        Value::text(self.name())
    }

    fn from_value(value: &Value) -> Option<Self> {
        value.as_text().map(Self::named)
    }
}

/// Implements the conversion of a type that is a record inside the record of a result: its type's name, and the
/// property of each field.
macro_rules! nested {
    ($type:ident as $name:literal { $($field:ident: $property:literal),+ $(,)? }) => {
        impl $type {
            /// The record that stands for it in the record of a result.
            pub fn to_record(&self) -> Record {
                let mut record = Record::new($name);
                $(record.add($property, self.$field.to_value());)+
                record
            }
        }

        impl PropertyValue for $type {
            fn to_value(&self) -> Value {
                self.to_record().into()
            }

            fn from_value(value: &Value) -> Option<Self> {
                let mut nested = Self::default();
                for (name, value) in value.as_record()?.iter() {
                    match name {
                        $($property => {
                            if let Some(field) = PropertyValue::from_value(value) {
                                nested.$field = field;
                            }
                        })+
                        _ => {}
                    }
                }
                Some(nested)
            }
        }
    };
}

nested!(ReportStep as "Step" { phase: "Phase", start: "Start", duration: "Duration", learned: "Learned" });
nested!(ReportProof as "Proof" { proof: "Proof", evidence: "Evidence", after: "After" });
nested!(ResultWarning as "ResultWarning" { code: "Code", severity: "Severity", text: "Text" });
nested!(FederationServer as "FederationServer" {
    server: "Server",
    outcome: "Result",
    error: "Error",
    kind: "Kind",
    tls: "Tls",
    certificate_for: "CertificateFor",
    subject: "Subject",
    issuer: "Issuer",
    not_after: "NotAfter",
    certificate_days_left: "CertificateDaysLeft",
    chain: "Chain",
    mechanisms: "Mechanisms",
    dialback: "Dialback",
    software: "Software",
    steps: "Steps",
});
nested!(LogLane as "LogLane" {
    title: "Lane",
    started_at: "StartedAt",
    steps: "Steps",
    certificates: "Certificates",
});
nested!(LogStep as "LogStep" { phase: "Phase", start: "Start", duration: "Duration", entries: "Entries" });
nested!(LogEntry as "LogEntry" { at: "At", kind: "Kind", text: "Text" });
nested!(LogCertificate as "LogCertificate" {
    subject: "Subject",
    verdict: "Verdict",
    issuer: "Issuer",
    names: "Names",
    not_before: "NotBefore",
    not_after: "NotAfter",
    days_left: "DaysLeft",
    key: "Key",
    signature: "Signature",
    serial: "Serial",
    fingerprint: "Fingerprint",
    chain: "Chain",
});

#[cfg(test)]
mod tests;
