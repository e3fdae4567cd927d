//! From a report to what the store keeps of it.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

use super::record::{NewResult, PairName, StoredOutcome};
use crate::result::Report;
use crate::result::report::TestOutcome;

impl PairName {
    /// Returns the pair that a report is about; `None` where results of its kind are not kept.
    pub fn of(report: &Report) -> Option<Self> {
        let subject = report.subject.clone().unwrap_or_default();
        Some(Self {
            test: report.kind.schema().stored_as?.to_owned(),
            pool: report.target.clone().unwrap_or_default(),
            receiver: match &report.check {
                Some(check) if subject.is_empty() => check.clone(),
                Some(check) => format!("{check} {subject}"),
                None => subject,
            },
        })
    }
}

impl NewResult {
    /// A report as the store keeps it; none where results of its kind are not kept. What was inferred from others is
    /// no failure before its batch has confirmed it ([`Inferences`](super::Inferences)).
    ///
    /// `is_definite` says of a code whether it cannot pass by itself.
    pub fn of(report: &Report, site: &str, is_definite: impl Fn(&str) -> bool) -> Option<Self> {
        let pair = PairName::of(report)?;
        let code = report.code.clone();
        let outcome = match report.outcome {
            TestOutcome::Success => StoredOutcome::Success,
            TestOutcome::Failure if !report.is_inferred => {
                StoredOutcome::Failure { is_definite: code.as_deref().is_some_and(is_definite) }
            }
            TestOutcome::Failure | TestOutcome::Interrupted | TestOutcome::NotRun => StoredOutcome::NotRun,
        };
        let started_at = report.started_at.unwrap_or_else(Timestamp::now);
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let kept = match report.outcome {
            // The stanzas are kept where somebody may have to look into a failure.
            TestOutcome::Success if !report.log.is_empty() => {
                Cow::Owned(Report { log: Vec::new(), ..report.clone() })
            }
            TestOutcome::Interrupted => Cow::Owned(Report { outcome: TestOutcome::NotRun, ..report.clone() }),
            TestOutcome::Success | TestOutcome::Failure | TestOutcome::NotRun => Cow::Borrowed(report),
        };
        let is_inferred = report.outcome == TestOutcome::Failure && report.is_inferred;
        Some(Self {
            id: Uuid::now_v7(),
            run: None,
            pair,
            site: site.to_owned(),
            lease: None,
            started_at: started_at.as_microsecond(),
            outcome,
            // Users are passed on to the other servers of a pool.
            turns_state: report.identity().server.is_none(),
            is_flaky: report.is_flaky,
            is_inferred,
            is_revision: report.is_revision(),
            evidence: report.evidence.clone(),
            code,
            owner: report.owner.clone(),
            diagnosis: report.diagnosis.clone(),
            latency: report.measured().map(micros),
            elapsed: report.elapsed.map_or(0, micros),
            certificate_end: report.certificate_expires_at.map(Timestamp::as_microsecond),
            // A report is a tree of texts and numbers: it can always be written.
            report: serde_json::to_string(&*kept).unwrap_or_default(),
        })
    }

    /// Returns the inferred result as a failure.
    pub fn confirmed(self, is_definite: impl Fn(&str) -> bool) -> Self {
        let is_definite = self.code.as_deref().is_some_and(is_definite);
        Self { outcome: StoredOutcome::Failure { is_definite }, ..self }
    }

    /// Returns the inferred result as a test that did not run: its batch has not confirmed it.
    pub fn withdrawn(self) -> Self {
        let report = serde_json::from_str(&self.report).ok().and_then(|report: Report| {
            serde_json::to_string(&Report { outcome: TestOutcome::NotRun, ..report }).ok()
        });
        Self { outcome: StoredOutcome::NotRun, report: report.unwrap_or_default(), ..self }
    }
}
