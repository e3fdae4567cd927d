//! Warnings beside a result: a certificate that ends soon, a latency above a threshold, users who land elsewhere
//! than the test did, servers that were passed over, evidence that is in doubt.
//!
//! Never turns a success into a failure: what decides on that is the evidence alone.

use std::time::Duration;

use super::plan::LogonAccount;
use crate::diagnosis::{Finding, Owner, beside, connect, resolve, secure};
use crate::result::{Report, ResultWarning, TestKind, WarningSeverity};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::trace::Trace;

/// From which latency on a success is not well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// Above it, somebody should look.
    pub warning_latency: Option<Duration>,
    /// Above it, it is as bad as a failure.
    pub critical_latency: Option<Duration>,
}

impl Thresholds {
    /// The graver of the thresholds that the latency of a test of `place` has passed.
    pub fn passed(self, place: &str, latency: Duration) -> Option<ResultWarning> {
        let critical = self.critical_latency.map(|limit| (limit, WarningSeverity::Critical));
        let warning = self.warning_latency.map(|limit| (limit, WarningSeverity::Warning));
        let (limit, severity) = critical.into_iter().chain(warning).find(|(limit, _)| latency > *limit)?;
        let finding = match severity {
            WarningSeverity::Warning => beside::slow(place, limit),
            WarningSeverity::Critical => beside::far_too_slow(place, limit),
        };
        Some(ResultWarning { severity, ..short(&finding) })
    }

    /// The report of a test that was made earlier, whose latency is held against these thresholds and no others.
    #[must_use]
    pub fn judging(self, mut report: Report) -> Report {
        report.warnings.retain(|warning| !beside::is_of_latency(&warning.code));
        let place = if report.kind == TestKind::Partner { &report.subject } else { &report.target };
        let slow = place.as_deref().zip(report.measured());
        report.warnings.extend(slow.and_then(|(place, latency)| self.passed(place, latency)));
        report
    }
}

/// Returns the warnings beside a logon: the pool's certificate ends soon, users do not land where the test did.
pub(super) fn of_logon(
    account: &LogonAccount,
    trace: &Trace,
    certificate: Option<&CertificateReport>,
) -> Vec<ResultWarning> {
    let mut warnings = Vec::new();
    if let (Some(pool), Some(certificate)) = (&account.pool, certificate) {
        let left = certificate.chain_days_left();
        if (0..i64::from(pool.certificate_warning_days)).contains(&left) {
            warnings.push(short(&beside::certificate_ends(pool.identity.as_str(), left)));
        }
    }
    let target = &account.target;
    let servers_only = certificate.and_then(|own| secure::servers_only(own, target, Owner::Pool));
    let others = [connect::passed_over(trace, target), servers_only, resolve::elsewhere(trace, target)];
    warnings.extend(others.iter().flatten().map(with_remedy));
    warnings
}

/// Returns the warning beside a partner that is well: its certificate ends soon.
pub(super) fn of_partner(domain: &str, days_left: Option<i64>) -> Option<ResultWarning> {
    let left = days_left.filter(|left| (0..WARNING_DAYS).contains(left))?;
    Some(short(&beside::partners_certificate_ends(domain, left)))
}

/// One server of a partner that is well as a whole.
pub(super) fn of_server(finding: &Finding) -> ResultWarning {
    let text = format!("{} ({}) {}", finding.error(), finding.code, finding.remedy);
    ResultWarning { text, ..short(finding) }
}

/// Makes a warning of a finding, with what to do next.
pub(super) fn with_remedy(finding: &Finding) -> ResultWarning {
    ResultWarning { text: format!("{} {}", finding.error(), finding.remedy), ..short(finding) }
}

/// Makes a warning of a finding, in one sentence.
fn short(finding: &Finding) -> ResultWarning {
    ResultWarning { code: finding.code.to_owned(), severity: WarningSeverity::Warning, text: finding.error() }
}

/// The days before its end from which on a certificate that no pool's setting speaks of is warned about.
pub const WARNING_DAYS: i64 = 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::TestOutcome;

    #[test]
    fn a_kept_latency_is_judged_by_the_thresholds_of_whoever_reads_it() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let strict = Thresholds { warning_latency: ms(10), critical_latency: ms(100) };
        let other = ResultWarning { code: "CERTIFICATE-ENDS".to_owned(), ..ResultWarning::default() };
        let kept = Report {
            target: Some("pool".to_owned()),
            outcome: TestOutcome::Success,
            latency: ms(50),
            warnings: vec![other],
            ..Report::default()
        };
        let codes =
            |report: &Report| report.warnings.iter().map(|warning| warning.code.clone()).collect::<Vec<_>>();
        let judged = strict.judging(kept.clone());
        assert_eq!(codes(&judged), ["CERTIFICATE-ENDS", "LATENCY-WARNING"]);
        assert_eq!(codes(&strict.judging(judged.clone())), codes(&judged), "each once");
        assert_eq!(codes(&Thresholds::default().judging(judged)), ["CERTIFICATE-ENDS"]);
        let failed = strict.judging(Report { outcome: TestOutcome::Failure, ..kept });
        assert_eq!(codes(&failed), ["CERTIFICATE-ENDS"]);
    }

    #[test]
    fn the_graver_threshold_that_is_passed_counts() {
        let ms = Duration::from_millis;
        let both = Thresholds { warning_latency: Some(ms(100)), critical_latency: Some(ms(200)) };
        for (thresholds, latency, code) in [
            (both, 100, None),
            (both, 101, Some("LATENCY-WARNING")),
            (both, 201, Some("LATENCY-CRITICAL")),
            (Thresholds { warning_latency: None, ..both }, 150, None),
            (Thresholds { critical_latency: None, ..both }, 900, Some("LATENCY-WARNING")),
            (Thresholds::default(), 900, None),
        ] {
            let passed = thresholds.passed("pool", ms(latency));
            assert_eq!(passed.map(|warning| warning.code).as_deref(), code, "{latency}");
        }
    }
}
