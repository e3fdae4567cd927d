//! The log of a test: everything that happened and when, from its traces.
//!
//! Made only where somebody asked for it (`-OutLoggerVariable`); how it is shown is `render`'s.

use super::outcome::TestResult;
use crate::result::log::{LogCertificate, LogEntry, LogEntryKind, LogLane, LogStep};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::federation::ProbeReport;
use crate::xmpp::trace::{Direction, Fact, Stanzas, Trace, TraceStep};

/// The lanes, where stanzas are kept; else none.
pub(super) fn kept(stanzas: Stanzas, lanes: impl FnOnce() -> Vec<LogLane>) -> Vec<LogLane> {
    match stanzas {
        Stanzas::Forgotten => Vec::new(),
        Stanzas::Kept => lanes(),
    }
}

/// A lane for the sender, for our session at the receiver's end, and for each look from here.
pub(super) fn of_message(result: &TestResult) -> Vec<LogLane> {
    let mut lanes = vec![lane(format!("Sender {}", result.sender), &result.trace)];
    if let Some(trace) = &result.receivers_trace {
        lanes.push(lane(format!("Receiver {}", result.receiver), trace));
    }
    lanes.extend(result.look.iter().flat_map(of_look));
    lanes
}

/// A lane for the search, and one for each server.
pub(super) fn of_look(look: &ProbeReport) -> Vec<LogLane> {
    let search = lane(format!("Look from here at {}", look.name), &look.trace);
    let probes = look.probes.iter().flatten().map(|probe| {
        lane(format!("Look from here at {}:{}", probe.target.host, probe.target.port), &probe.trace)
    });
    [search].into_iter().chain(probes).collect()
}

/// Returns the log of one place.
pub(super) fn lane(title: String, trace: &Trace) -> LogLane {
    let certificates = trace.facts().filter_map(|(_, fact)| {
        if let Fact::Certificate(report) = fact { Some(certificate(report)) } else { None }
    });
    LogLane {
        title,
        started_at: Some(trace.began_at()),
        steps: trace.steps().iter().map(step).collect(),
        certificates: certificates.collect(),
    }
}

fn step(step: &TraceStep) -> LogStep {
    let keeps_stanzas = !step.stanzas.is_empty();
    let facts = step.timed_facts().filter(|(_, fact)| {
        // The stanzas themselves say it, in full and in their places.
        !(keeps_stanzas && matches!(fact, Fact::Stanza { .. }))
    });
    let mut entries: Vec<_> = facts.map(|(at, fact)| (at, LogEntryKind::Fact, fact.to_string())).collect();
    entries.extend(step.stanzas.iter().map(|stanza| {
        let kind = match stanza.direction {
            Direction::Sent => LogEntryKind::Sent,
            Direction::Received => LogEntryKind::Received,
        };
        (stanza.at, kind, stanza.xml.clone())
    }));
    entries.sort_by_key(|(at, _, _)| *at);
    if step.n_lost > 0 {
        let text = format!("{} more stanzas crossed than a log holds; the oldest are left out", step.n_lost);
        entries.insert(0, (step.started, LogEntryKind::Lost, text));
    }
    let entry = |(at, kind, text)| LogEntry { at: Some(at), kind, text };
    LogStep {
        phase: step.phase.name().to_owned(),
        start: step.started,
        duration: step.duration,
        entries: entries.into_iter().map(entry).collect(),
    }
}

fn certificate(report: &CertificateReport) -> LogCertificate {
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
    LogCertificate {
        subject: report.subject.clone(),
        verdict,
        issuer: report.issuer.clone(),
        names: report.names.iter().map(ToString::to_string).collect(),
        not_before: Some(report.not_before),
        not_after: Some(report.not_after),
        days_left: Some(report.days_left),
        key: report.key.clone(),
        signature: report.signature.clone(),
        serial: report.serial.clone(),
        fingerprint: report.fingerprint.clone(),
        chain: chain.collect(),
    }
}
