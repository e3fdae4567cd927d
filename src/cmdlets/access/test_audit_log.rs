//! `Test-AuditLog`: checks that no line of the audit log was changed or removed.

use crate::access::BuiltIn;
use crate::access::audit::verify_from;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::result::report::AuditLogFacts;
use crate::result::{self, Report, TestKind};

/// `Test-AuditLog`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-AuditLog",
        original: Some("Test-CsAuditLog"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Checks that no line of the audit log was changed or removed.",
        description: "The log begins with line 1, or where it says that it begins since old files were dropped \
            (keep_files). The chain shows what was changed or removed; that the end is missing shows only beside the \
            copy that went to syslog: compare Last and Hash with it. A log that is not whole is a Failure, and the \
            exit status is 1. A role needs both scopes global for it.",
        parameters: &[Parameter::new(
            "FirstLine",
            Kind::Integer(1, i64::MAX),
            "The line that the log begins with since whole old files were moved away by hand.",
        )
        .default("1, or what the log says")
        .binds(Binds::Everybody)],
        emits: "AuditLogTest",
        roles: &[BuiltIn::ServerAdministrator],
        impact: Impact::None,
        examples: &[Example {
            title: "Checks a log that has no line yet",
            code: "(Test-AuditLog).Result",
            output: "Success",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let log = call.context.audit(&call.topology);
    let first = call.bound.integer("FirstLine").and_then(|line| u64::try_from(line).ok()).unwrap_or(1);
    let verified = tokio::task::block_in_place(|| verify_from(&log, first));
    let report = match verified {
        Ok(log) => Report {
            outcome: result::TestOutcome::Success,
            audit_log: AuditLogFacts {
                lines: Some(number(log.n_lines)),
                first: Some(number(log.first)),
                last: Some(number(log.last)),
                hash: Some(log.hash),
                torn: log.torn.iter().map(ToString::to_string).collect(),
            },
            ..Report::default()
        },
        Err(broken) => Report {
            outcome: result::TestOutcome::Failure,
            error: Some(crate::call::sentence(&broken.to_string())),
            ..Report::default()
        },
    };
    call.emit(Report { kind: TestKind::AuditLog, ..report }.to_record()).await
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
