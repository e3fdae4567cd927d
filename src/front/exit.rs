//! The exit status of `imsh run` and `imsh -c`.

use std::process::ExitCode;

use crate::host::Tally;
use crate::render::monitoring::{PluginStatus, Totals};
use crate::script::FailureKind;

/// The exit status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: every test succeeded.
    Success,
    /// 1: a test ran and failed.
    TestFailed,
    /// 2: the command, the script or the topology is wrong.
    Wrong,
    /// 3: no role allows it.
    Denied,
    /// 4: a test could not run.
    NotRun,
    /// 130: interrupted.
    Interrupted,
    /// The number that the script gave to `exit(n)`.
    Script(u8),
    /// The status of a monitoring plugin: `--output nagios`.
    Plugin(PluginStatus),
}

impl ExitStatus {
    /// The status of a run that ended with `failure`, if any. Where several apply, the first of
    /// 130, 2, 3, 4, 1; `exit(n)` wins over all.
    pub fn of(failure: Option<&FailureKind>, tally: &Tally) -> Self {
        match failure {
            Some(FailureKind::Exit(status)) => return Self::Script(u8::try_from(*status).unwrap_or(u8::MAX)),
            Some(FailureKind::Cancelled) => return Self::Interrupted,
            Some(
                FailureKind::Mistakes(_)
                | FailureKind::Mistake(_)
                | FailureKind::Thrown(_)
                | FailureKind::Limit(_)
                | FailureKind::Broken,
            ) => return Self::Wrong,

            // It is in the tally.
            Some(FailureKind::Error(_)) | None => {}
        }
        if tally.wrong() > 0 {
            Self::Wrong
        } else if tally.denied() > 0 {
            Self::Denied
        } else if tally.not_run() > 0 {
            Self::NotRun
        } else if tally.failed() > 0 {
            Self::TestFailed
        } else {
            Self::Success
        }
    }

    /// The same for a monitoring system, which knows other numbers, after a run that tested and showed so much; `exit(n)`
    /// wins here too.
    pub fn of_plugin(self, totals: Totals) -> Self {
        match (self, totals.status()) {
            (Self::Script(_) | Self::Plugin(_), _) => self,
            (Self::Success | Self::TestFailed, status) => Self::Plugin(status),
            (Self::Wrong | Self::Denied | Self::NotRun | Self::Interrupted, PluginStatus::Critical) => {
                Self::Plugin(PluginStatus::Critical)
            }
            (Self::Wrong | Self::Denied | Self::NotRun | Self::Interrupted, _) => {
                Self::Plugin(PluginStatus::Unknown)
            }
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::TestFailed => 1,
            Self::Wrong => 2,
            Self::Denied => 3,
            Self::NotRun => 4,
            Self::Interrupted => 130,
            Self::Script(status) => status,
            Self::Plugin(PluginStatus::Ok) => 0,
            Self::Plugin(PluginStatus::Warning) => 1,
            Self::Plugin(PluginStatus::Critical) => 2,
            Self::Plugin(PluginStatus::Unknown) => 3,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlet::{Category, ErrorRecord};
    use crate::value::{Record, Value};

    fn tally(failed: bool, not_run: bool, denied: bool) -> Tally {
        let tally = Tally::default();
        if failed {
            tally.result(&Value::from(Record::new("TestResult").with("Result", "Failure")));
        }
        if not_run {
            tally.error(&ErrorRecord::new(Category::ResourceUnavailable, "NotFoundTestUsers", ""));
        }
        if denied {
            tally.error(&ErrorRecord::permission_denied("Test-XmppIM"));
        }
        tally
    }

    #[test]
    fn the_first_of_130_2_3_4_1_wins() {
        let mistake = FailureKind::Mistake(String::new());
        for (failure, tally, code) in [
            (None, tally(false, false, false), 0),
            (None, tally(true, false, false), 1),
            (None, tally(true, true, false), 4),
            (None, tally(true, true, true), 3),
            (Some(&mistake), tally(true, true, true), 2),
            (Some(&FailureKind::Cancelled), tally(true, true, true), 130),
            (Some(&FailureKind::Exit(7)), tally(true, true, true), 7),
        ] {
            assert_eq!(ExitStatus::of(failure, &tally).code(), code);
        }
    }
}
