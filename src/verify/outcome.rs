//! The result of a verification: the verdict, what it rests on, and how long everything took; and its conversion to
//! a [`Report`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::attempt::{doubts, finding};
use super::log;
use super::plan::{LogonAccount, Verification};
use super::schedule::History;
use super::warnings::{self, Thresholds};
use crate::address::Address;
use crate::diagnosis::{self, Finding, beside};
use crate::result::report::ReportProof;
use crate::result::{Report, ReportStep, ResultWarning, TestIdentity, TestKind, TestOutcome};
use crate::topology::{Evidence, Server};
use crate::xmpp::Fault;
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::deliver::{Delivery, Proven, TakenMessage};
use crate::xmpp::federation::ProbeReport;
use crate::xmpp::session::LateSign;
use crate::xmpp::trace::{Stanzas, Trace};

/// The result of one verification, as `Test-XmppIM` emits it.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// The pool that was tested.
    pub target: String,
    /// The one server of the pool that was tested, where each is tested by itself.
    pub server: Option<Server>,
    /// The account that sent.
    pub sender: Address,
    /// The receiver of the message.
    pub receiver: Address,
    /// The verdict of the test.
    pub verdict: Verdict,
    /// The highest level of evidence that was reached, whatever the verdict.
    pub evidence: Option<Evidence>,
    /// The proofs of the evidence, in the order in which they came.
    pub proofs: Vec<Proven>,
    /// On a fresh logon from the start of Resolve to the evidence that was asked for, on a shared
    /// session from Send; zero on failure.
    pub latency: Duration,
    /// From Send to the evidence that was asked for.
    pub message_latency: Option<Duration>,
    /// Everything, to the end of the wait.
    pub elapsed: Duration,
    /// The trace of every phase: what it did and learned.
    pub trace: Trace,
    /// The trace of the receiver's session, where a session of ours was logged on there and the log is wanted.
    pub receivers_trace: Option<Trace>,
    /// The report of a probe of the partner from here, where one was made and the log is wanted.
    pub look: Option<ProbeReport>,
    /// The pool's certificate, where one was seen.
    pub certificate: Option<Arc<CertificateReport>>,
    /// The time at which the test began.
    pub started_at: Timestamp,
    /// How often the pair was tried, and how long it waited.
    pub history: History,
    /// Whether it was not tried, and has the finding of others.
    pub is_inferred: bool,
    /// The warnings beside the verdict.
    pub warnings: Vec<ResultWarning>,
    /// Whether it takes the place of one that was told before.
    pub is_revision: bool,
    /// The message and the verification that it was sent for, where the result is a success that late news may take
    /// back.
    pub(super) taken: Option<(TakenMessage, Box<Verification>)>,
    thresholds: Thresholds,
    began: Instant,
}

/// The verdict of a verification.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The evidence that was asked for, or more.
    Success,
    /// Less than was asked for; says why.
    Failure(Finding),
    /// The caller ended it before it could be known; says where.
    Interrupted(Finding),
    /// It never began; says why.
    NotRun(Finding),
}

impl Verdict {
    /// Returns the finding of a test that did not succeed; `None` on success.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Failure(finding) | Self::Interrupted(finding) | Self::NotRun(finding) => Some(finding),
            Self::Success => None,
        }
    }

    /// Returns the finding of a test that failed; `None` otherwise.
    pub fn failure(&self) -> Option<&Finding> {
        match self {
            Self::Failure(finding) => Some(finding),
            Self::Success | Self::Interrupted(_) | Self::NotRun(_) => None,
        }
    }

    /// The verdict on a fault that has been diagnosed.
    pub fn of(fault: &Fault, finding: Finding) -> Self {
        if matches!(fault, Fault::Cancelled) { Self::Interrupted(finding) } else { Self::Failure(finding) }
    }
}

impl Verification {
    /// Returns the identity that tells its result from every other one of a run.
    pub fn identity(&self) -> TestIdentity {
        TestResult::begin(self, History::UNTRIED).report(Stanzas::Forgotten).identity()
    }
}

impl TestResult {
    /// A verification begins.
    pub(super) fn begin(verification: &Verification, history: History) -> Self {
        let LogonAccount { target, address, one_server, .. } = &*verification.sender;
        Self {
            server: one_server.as_ref().map(|one| one.server.clone()),
            thresholds: verification.ask.thresholds,
            ..Self::new(target, address.clone(), verification.receiver.clone(), history)
        }
    }

    /// The result of a pair that fails without a test: the topology at `place` does not allow messages to the
    /// receiver's domain.
    pub fn not_allowed(target: &str, sender: Address, receiver: Address, place: &str) -> Self {
        let finding = diagnosis::plan::not_allowed(&receiver.domain(), place);
        Self::new(target, sender, receiver, History::ONE_TRY).end(Verdict::Failure(finding))
    }

    /// The result of a verification that was not tried, since others failed with this.
    pub(super) fn inferred(verification: &Verification, finding: Finding) -> Self {
        let result = Self::begin(verification, History::UNTRIED).end(Verdict::Failure(finding));
        Self { is_inferred: true, ..result }
    }

    /// The result of a verification that never began, for this reason.
    pub(super) fn not_run(verification: &Verification, reason: Finding) -> Self {
        Self::begin(verification, History::UNTRIED).end(Verdict::NotRun(reason))
    }

    fn new(target: &str, sender: Address, receiver: Address, history: History) -> Self {
        Self {
            target: target.to_owned(),
            server: None,
            sender,
            receiver,
            verdict: Verdict::Interrupted(diagnosis::interrupted()),
            evidence: None,
            proofs: Vec::new(),
            latency: Duration::ZERO,
            message_latency: None,
            elapsed: Duration::ZERO,
            trace: Trace::new(),
            receivers_trace: None,
            look: None,
            certificate: None,
            started_at: Timestamp::now(),
            history,
            is_inferred: false,
            warnings: Vec::new(),
            is_revision: false,
            taken: None,
            thresholds: Thresholds::default(),
            began: Instant::now(),
        }
    }

    /// Returns the time that the test has taken so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The logon is done, well or not.
    pub(super) fn logged_on(
        mut self,
        account: &LogonAccount,
        trace: Trace,
        certificate: Option<Arc<CertificateReport>>,
    ) -> Self {
        self.warnings = warnings::of_logon(account, &trace, certificate.as_deref());
        self.trace = trace;
        self.certificate = certificate;
        self
    }

    /// It ends with this verdict.
    pub(super) fn end(mut self, verdict: Verdict) -> Self {
        self.elapsed = self.began.elapsed();
        self.verdict = verdict;
        self
    }

    /// So much of the message's way was waited because of other messages of ours.
    pub(super) fn wait_was_ours(&mut self, waited: Duration) {
        self.history.queue_time += waited;
        self.latency = self.latency.saturating_sub(waited);
        self.message_latency = self.message_latency.map(|latency| latency.saturating_sub(waited));
    }

    /// It ends with a fault on the sender's side.
    pub(super) fn failed(self, fault: &Fault, account: &LogonAccount, verification: &Verification) -> Self {
        let finding = finding(fault, &self.trace, None, account, verification);
        self.end(Verdict::of(fault, finding))
    }

    /// The message was sent, and this became of it.
    pub(super) fn delivered(
        mut self,
        delivery: Delivery,
        look: Option<&ProbeReport>,
        sent_at: Instant,
        is_fresh: bool,
        verification: &Verification,
    ) -> Self {
        self.evidence = delivery.reached;
        self.proofs = delivery.proofs;
        self.taken = delivery.taken.map(|message| (message, Box::new(verification.clone())));
        self.warnings.extend(doubts(&delivery.doubts, verification).iter().map(warnings::with_remedy));
        match delivery.outcome {
            Ok(_) => {
                let message = delivery.latency.unwrap_or(delivery.elapsed);
                let logon = if is_fresh { sent_at.duration_since(self.began) } else { Duration::ZERO };
                self.message_latency = Some(message);
                self.latency = logon + message;
                self.end(Verdict::Success)
            }
            Err(fault) => {
                let finding = finding(&fault, &self.trace, look, &verification.sender, verification);
                self.end(Verdict::of(&fault, finding))
            }
        }
    }

    /// Returns the revised result after late news of its message; `None` where they do not take it back.
    pub(super) fn taken_back(&self, late: &LateSign) -> Option<Self> {
        let (message, verification) = self.taken.as_ref()?;
        let fault = Fault::from(message.fault(late)?);
        let mut revised = Self { taken: None, ..self.clone() };
        revised.trace.came_late(&late.stanza);
        let proven = revised.proofs.iter().map(|proven| proven.proof.evidence());
        revised.evidence = proven.filter(|level| *level < Evidence::AcceptedByPartner).max();
        revised.latency = Duration::ZERO;
        revised.message_latency = None;
        let finding = finding(&fault, &revised.trace, None, &verification.sender, verification);
        Some(revised.end(Verdict::Failure(finding)))
    }

    /// Takes the place of a success that was told, since news came so long after its message was sent.
    pub(super) fn revising(mut self, after: Duration) -> Self {
        let finding = beside::revised(&self.receiver.to_string(), after);
        self.warnings.insert(0, warnings::with_remedy(&finding));
        self.is_revision = true;
        self
    }

    /// Whether the evidence that was asked for is there.
    pub fn is_success(&self) -> bool {
        matches!(self.verdict, Verdict::Success)
    }

    /// The report of it; with everything that happened, where stanzas are kept.
    pub fn report(&self, stanzas: Stanzas) -> Report {
        let slow = self.is_success().then(|| self.thresholds.passed(&self.target, self.latency)).flatten();
        let report = Report {
            kind: TestKind::Message,
            target: Some(self.target.clone()),
            server: self.server.as_ref().map(ToString::to_string),
            subject: Some(self.receiver.to_string()),
            sender: Some(self.sender.to_string()),
            evidence: self.evidence.map(|level| level.to_string()),
            proofs: self.proofs.iter().map(proof).collect(),
            phase: phase(&self.trace),
            message_latency: self.message_latency,
            elapsed: Some(self.elapsed),
            steps: steps(&self.trace, Duration::ZERO),
            started_at: Some(self.started_at),
            is_inferred: self.is_inferred,
            warnings: self.warnings.iter().cloned().chain(slow).collect(),
            log: log::kept(stanzas, || log::of_message(self)),
            ..Report::default()
        };
        let report = certified(report, self.certificate.as_deref());
        told(tried(report, self.history), &self.verdict, self.latency)
    }
}

/// The phase that was the last one at work.
pub(super) fn phase(trace: &Trace) -> Option<String> {
    trace.steps().last().map(|step| step.phase.name().to_owned())
}

/// A proof in words.
pub(super) fn proof(proven: &Proven) -> ReportProof {
    ReportProof {
        proof: proven.proof.to_string(),
        evidence: proven.proof.evidence().to_string(),
        after: proven.after,
    }
}

/// A report with what a verdict says.
pub(super) fn told(report: Report, verdict: &Verdict, latency: Duration) -> Report {
    let finding = verdict.finding();
    Report {
        is_flaky: matches!(verdict, Verdict::Success) && report.attempts > 1,
        outcome: match verdict {
            Verdict::Success => TestOutcome::Success,
            Verdict::Failure(_) => TestOutcome::Failure,
            Verdict::Interrupted(_) => TestOutcome::Interrupted,
            Verdict::NotRun(_) => TestOutcome::NotRun,
        },
        latency: Some(latency),
        error: finding.map(Finding::error),
        diagnosis: finding.map(Finding::diagnosis),
        code: finding.map(|finding| finding.code.to_owned()),
        owner: finding.map(|finding| finding.owner.name().to_owned()),
        remedy: finding.map(|finding| finding.remedy.clone()),
        ..report
    }
}

/// A report that says how often the test was tried, and how long it waited.
pub(super) fn tried(report: Report, history: History) -> Report {
    Report { attempts: history.attempts, queue_time: Some(history.queue_time), ..report }
}

/// A report with the end of the certificate that was seen.
pub(super) fn certified(report: Report, certificate: Option<&CertificateReport>) -> Report {
    Report {
        certificate_days_left: certificate.map(CertificateReport::chain_days_left),
        certificate_expires_at: certificate.map(CertificateReport::chain_not_after),
        ..report
    }
}

/// The steps of a trace that began so long after the test.
pub(super) fn steps(trace: &Trace, after: Duration) -> Vec<ReportStep> {
    let steps = trace.steps().iter().map(|step| ReportStep {
        phase: step.phase.name().to_owned(),
        start: after + step.started,
        duration: step.duration,
        learned: step.facts.iter().map(ToString::to_string).collect(),
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_after_a_failure_is_flaky() {
        let refused = || Verdict::Failure(diagnosis::interrupted());
        for (attempts, verdict, is_flaky) in
            [(1, Verdict::Success, false), (2, Verdict::Success, true), (2, refused(), false)]
        {
            let [sender, receiver] =
                ["kenmyer@litwareinc.com", "adelany@contoso.com"].map(|who| who.parse().unwrap());
            let result = TestResult::new("pool", sender, receiver, History::tries(attempts)).end(verdict);
            assert_eq!(result.report(Stanzas::Forgotten).is_flaky, is_flaky, "{attempts}");
        }
    }
}
