//! Tests that results cross a bridge unchanged, in records and in JSON.

use std::collections::BTreeSet;

use super::*;
use crate::result::report::{AskedTest, AuditLogFacts, LogonFacts, PartnerFacts, PingFacts};
use crate::result::schema::ValueKind;

/// A report in which no field is at its default.
fn full(kind: TestKind) -> Report {
    let text = |text: &str| Some(text.to_owned());
    let at = || Some("2026-11-29T23:00:00.123456789Z".parse().unwrap());
    let span = |milliseconds| Some(Duration::from_millis(milliseconds));
    let step = ReportStep {
        phase: "Resolve".into(),
        start: Duration::from_nanos(1),
        duration: Duration::from_nanos(2),
        learned: vec!["a fact".into()],
    };
    let server = FederationServer {
        server: "a.example:5269".into(),
        outcome: TestOutcome::Success,
        error: text("none"),
        kind: "direct".into(),
        tls: text("TLSv1.3"),
        certificate_for: Some(vec!["a.example".into()]),
        subject: text("CN=a"),
        issuer: text("CN=b"),
        not_after: at(),
        certificate_days_left: Some(3),
        chain: vec!["CN=a".into()],
        mechanisms: Some(vec!["EXTERNAL".into()]),
        dialback: Some(true),
        software: text("Prosody"),
        steps: vec![step.clone()],
    };
    let entry = LogEntry { at: span(4), kind: LogEntryKind::Received, text: "<a/>".into() };
    let certificate = LogCertificate {
        subject: "CN=a".into(),
        verdict: "good".into(),
        issuer: "CN=b".into(),
        names: vec!["a".into()],
        not_before: at(),
        not_after: at(),
        days_left: Some(1),
        key: "k".into(),
        signature: "s".into(),
        serial: "1".into(),
        fingerprint: "f".into(),
        chain: vec!["c".into()],
    };
    let lane_step = LogStep {
        phase: "Bind".into(),
        start: Duration::from_nanos(1),
        duration: Duration::from_nanos(2),
        entries: vec![entry],
    };
    let lane = LogLane {
        title: "Sender".into(),
        started_at: at(),
        steps: vec![lane_step],
        certificates: vec![certificate],
    };
    Report {
        kind,
        target: text("pool"),
        server: text("server"),
        subject: text("subject"),
        check: text("Secure"),
        sender: text("sender"),
        outcome: TestOutcome::Failure,
        latency: span(1),
        error: text("error"),
        diagnosis: text("diagnosis"),
        code: text("CODE"),
        owner: text("Pool"),
        remedy: text("remedy"),
        evidence: text("Sent"),
        proofs: vec![ReportProof {
            proof: "p".into(),
            evidence: "Sent".into(),
            after: Duration::from_nanos(3),
        }],
        phase: text("Resolve"),
        message_latency: span(2),
        elapsed: span(3),
        queue_time: span(4),
        steps: vec![step],
        certificate_days_left: Some(5),
        certificate_expires_at: at(),
        started_at: at(),
        attempts: 2,
        is_flaky: true,
        is_inferred: true,
        warnings: vec![ResultWarning {
            code: "C".into(),
            severity: WarningSeverity::Critical,
            text: "t".into(),
        }],
        asked: AskedTest { parameters: [("Body".to_owned(), "b".to_owned())].into(), timeout: span(5) },
        logon: LogonFacts { mechanism: text("PLAIN"), registered_as: text("a@b/c") },
        ping: PingFacts { answer: text("pong"), latency: span(6) },
        partner: PartnerFacts {
            seen_from: text("here"),
            certificate_for: Some(vec!["name".into()]),
            issuer: text("issuer"),
            offers: text("offers"),
            mechanisms: Some(vec!["EXTERNAL".into()]),
            dialback: Some(false),
            software: text("software"),
            servers: vec![server],
        },
        audit_log: AuditLogFacts {
            lines: Some(1),
            first: Some(2),
            last: Some(3),
            hash: text("hash"),
            torn: vec!["torn".into()],
        },
        log: vec![lane],
    }
}

#[test]
fn json_gives_back_the_report_as_it_was() {
    for kind in TestKind::ALL {
        for report in [full(kind), Report { kind, ..Report::default() }] {
            let json = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report, "{json}");
        }
    }
    let known = r#"{"kind":"TestResult","outcome":"Success","of_a_later_version":1}"#;
    assert!(serde_json::from_str::<Report>(known).unwrap().is_success());
    assert!(serde_json::from_str::<Report>(r#"{"kind":"Pool"}"#).is_err());
}

#[test]
fn a_record_gives_back_every_property_of_its_kind() {
    for kind in TestKind::ALL {
        let record = full(kind).to_logged_record();
        let read = Report::of(&record).unwrap();
        assert_eq!(
            Value::from(read.to_logged_record()).to_string(),
            Value::from(record).to_string(),
            "{kind:?}"
        );
        assert_eq!(read.log, full(kind).log);
    }
}

#[test]
fn the_values_of_a_property_are_of_the_kind_that_it_says() {
    for kind in TestKind::ALL {
        let report = full(kind);
        for property in kind.schema().properties {
            let value = property.value(&report);
            let is_of_kind = match (property.kind, &value) {
                (ValueKind::Text, Value::Text(_))
                | (ValueKind::Truth, Value::Boolean(_))
                | (ValueKind::Count | ValueKind::Days, Value::Integer(_))
                | (ValueKind::Span, Value::Duration(_))
                | (ValueKind::Time, Value::Timestamp(_)) => true,
                (ValueKind::Texts, Value::List(items)) => items.iter().all(|item| item.as_text().is_some()),
                (ValueKind::Records(type_name), Value::List(items)) => {
                    !items.is_empty() && items.iter().all(|item| item.kind() == type_name)
                }
                _ => false,
            };
            assert!(is_of_kind, "{} is {}", property.name, value.kind());
        }
    }
}

#[test]
fn a_kind_names_each_property_once_and_shows_only_its_own() {
    for kind in TestKind::ALL {
        let schema = kind.schema();
        let names: BTreeSet<_> = schema.properties.iter().map(|property| property.name).collect();
        assert_eq!(names.len(), schema.properties.len(), "{kind:?}");
        let shown = schema.list.iter().copied().chain(schema.table.iter().map(|column| column.property));
        for property in shown.chain(schema.labels.iter().map(|(_, property)| *property)) {
            assert!(names.contains(property.name), "{kind:?} has no {}", property.name);
        }
    }
}

#[test]
fn a_part_of_a_record_is_read_as_far_as_it_goes() {
    let part = |result: &str| Record::new("Selected.TestResult").with("Result", result.to_owned());
    assert!(Report::of(&part("Success")).unwrap().is_success());
    assert_eq!(Report::of(&part("Success")).unwrap().name(), "a pool to a receiver");
    assert!(Report::of(&part("anything else")).is_none());
    assert!(Report::of(&Record::new("TestResult").with("Receiver", "a@b")).is_none());
    assert!(Report::of(&Record::new("Pool").with("Result", "Success")).is_none());
    let interrupted = part("Failure").with("Code", CANCELLED);
    assert_eq!(Report::of(&interrupted).unwrap().outcome, TestOutcome::Interrupted);
}
