//! The log of a result: the result's own record, with everything that happened and when.
//!
//! Made only where somebody asked for it (`-OutLoggerVariable`); how it is shown is `render`'s.

use super::checks::Checked;
use super::outcome::TestResult;
use super::partner::Inspected;
use super::registration::Registered;
use crate::value::{Record, Value};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::federation::ProbeReport;
use crate::xmpp::trace::{Direction, Fact, Trace, TraceStep};

/// The result's record with its log: a lane for the sender, for our session at the receiver's end, and
/// for each look from here.
pub fn logged(result: &TestResult) -> Record {
    let mut lanes = vec![lane(format!("Sender {}", result.sender), &result.trace)];
    if let Some(trace) = &result.receivers_trace {
        lanes.push(lane(format!("Receiver {}", result.receiver), trace));
    }
    lanes.extend(result.look.iter().flat_map(lanes_of_look));
    result.record().with("Log", Value::List(lanes))
}

/// A logon's record with its log.
pub fn logged_logon(registered: &Registered) -> Record {
    let lane = lane(format!("User {}", registered.account), &registered.trace);
    registered.record().with("Log", Value::List(vec![lane]))
}

/// A check's record with its log.
pub fn logged_check(checked: &Checked) -> Record {
    let title = format!("{} {}", checked.check, checked.target);
    let lanes = checked.traces.iter().map(|trace| lane(title.clone(), trace)).collect();
    checked.record().with("Log", Value::List(lanes))
}

/// A look's record with its log: a lane for the search, and one for each server.
pub fn logged_look(inspected: &Inspected) -> Record {
    inspected.record().with("Log", Value::List(inspected.look.iter().flat_map(lanes_of_look).collect()))
}

fn lanes_of_look(look: &ProbeReport) -> Vec<Value> {
    let search = lane(format!("Look from here at {}", look.name), &look.trace);
    let probes = look.probes.iter().flatten().map(|probe| {
        lane(format!("Look from here at {}:{}", probe.target.host, probe.target.port), &probe.trace)
    });
    [search].into_iter().chain(probes).collect()
}

/// What happened at one place.
pub fn lane(title: impl Into<String>, trace: &Trace) -> Value {
    let certificates = trace.facts().filter_map(|(_, fact)| {
        if let Fact::Certificate(report) = fact { Some(certificate(report)) } else { None }
    });
    Record::new("LogLane")
        .with("Lane", title.into())
        .with("StartedAt", trace.began_at())
        .with("Steps", Value::List(trace.steps().iter().map(step).collect()))
        .with("Certificates", Value::List(certificates.collect()))
        .into()
}

fn step(step: &TraceStep) -> Value {
    let keeps_stanzas = !step.stanzas.is_empty();
    let facts = step.timed_facts().filter(|(_, fact)| {
        // The stanzas themselves say it, in full and in their places.
        !(keeps_stanzas && matches!(fact, Fact::Stanza { .. }))
    });
    let mut entries: Vec<_> = facts.map(|(at, fact)| (at, "fact", fact.to_string())).collect();
    entries.extend(step.stanzas.iter().map(|stanza| {
        let kind = match stanza.direction {
            Direction::Sent => "sent",
            Direction::Received => "received",
        };
        (stanza.at, kind, stanza.xml.clone())
    }));
    entries.sort_by_key(|(at, _, _)| *at);
    if step.n_lost > 0 {
        let text = format!("{} more stanzas crossed than a log holds; the oldest are left out", step.n_lost);
        entries.insert(0, (step.started, "lost", text));
    }
    let entry = |(at, kind, text)| -> Value {
        Record::new("LogEntry").with("At", at).with("Kind", kind).with("Text", text).into()
    };
    Record::new("LogStep")
        .with("Phase", step.phase.name())
        .with("Start", step.started)
        .with("Duration", step.duration)
        .with("Entries", Value::List(entries.into_iter().map(entry).collect()))
        .into()
}

fn certificate(report: &CertificateReport) -> Value {
    let verdict = match &report.verdict {
        Ok(name) => format!("good, matched by {name}"),
        Err(fault) => format!("not acceptable: {fault}"),
    };
    let chain = report.chain.iter().map(|link| {
        format!(
            "{}, issued by {}, good until {} ({} days)",
            link.subject, link.issuer, link.not_after, link.days_left
        )
    });
    Record::new("LogCertificate")
        .with("Subject", report.subject.as_str())
        .with("Verdict", verdict)
        .with("Issuer", report.issuer.as_str())
        .with("Names", Value::texts(report.names.iter().map(ToString::to_string)))
        .with("NotBefore", report.not_before)
        .with("NotAfter", report.not_after)
        .with("DaysLeft", report.days_left)
        .with("Key", report.key.as_str())
        .with("Signature", report.signature.as_str())
        .with("Serial", report.serial.as_str())
        .with("Fingerprint", report.fingerprint.as_str())
        .with("Chain", Value::texts(chain))
        .into()
}
