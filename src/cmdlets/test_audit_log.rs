//! `Test-AuditLog`: checks that no line of the audit log was changed or removed.

use crate::access::BuiltIn;
use crate::access::audit::verify;
use crate::cmdlet::{Description, Example, Family, Impact};
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::value::{Record, Value};

/// `Test-AuditLog`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-AuditLog",
        original: Some("Test-CsAuditLog"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Checks that no line of the audit log was changed or removed.",
        description: "The chain shows what was changed inside; that the end is missing shows only beside the copy that went to syslog: compare Last and Hash with it.",
        parameters: &[],
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
    let log = call.world.audit(&call.topology);
    let verified = tokio::task::block_in_place(|| verify(&log));
    let record = match verified {
        Ok(log) => Record::new("AuditLogTest")
            .with("Result", "Success")
            .with("Lines", number(log.n_lines))
            .with("First", number(log.first))
            .with("Last", number(log.last))
            .with("Hash", log.hash)
            .with("Torn", Value::texts(log.torn.iter().map(ToString::to_string)))
            .with("Error", Value::Null),
        Err(broken) => Record::new("AuditLogTest")
            .with("Result", "Failure")
            .with("Error", super::sentence(&broken.to_string())),
    };
    call.emit(record).await
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
