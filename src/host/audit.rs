//! The audit of one call: a line before it runs and one when it has ended, or one that says no.
//!
//! No audit, no action: a call whose first line cannot be written does not run. What was refused before
//! its arguments were bound is written without them: nobody has read them, and one may be a secret.

use std::time::Instant;

use crate::access::audit::{AuditEvent, AuditLog, AuditOutcome, AuditStep, Fault};
use crate::access::{GivenParameter, Principal};
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};

/// The audit of one call.
pub(super) struct Audit {
    log: Option<AuditLog>,
    event: AuditEvent,
    began: Instant,
}

impl Audit {
    /// The audit of a call that has not begun; without a log nothing is written.
    pub(super) fn new(
        log: Option<AuditLog>,
        principal: &Principal,
        way: &str,
        cmdlet: &str,
        parameters: Vec<GivenParameter>,
        roles: Vec<String>,
    ) -> Self {
        let event = AuditEvent {
            principal: principal.to_string(),
            way: way.to_owned(),
            roles,
            cmdlet: cmdlet.to_owned(),
            parameters: AuditEvent::parameters_of(&parameters),
            call: call_word(),
            outcome: AuditOutcome::Started,
            errors: Vec::new(),
            duration_ms: None,
            shortened: false,
        };
        Self { log, event, began: Instant::now() }
    }

    /// Writes that the call begins.
    pub(super) fn started(self) -> Result<Self, ErrorRecord> {
        match self.write(self.event.clone()) {
            Ok(()) => Ok(self),
            Err(fault) => {
                self.not_begun(&fault);
                Err(unwritable(&fault, "The call was not begun: nothing runs without its audit line."))
            }
        }
    }

    /// Writes that the call is refused, and why.
    pub(super) fn refused(self, reason: &str) -> Result<(), ErrorRecord> {
        let event = AuditEvent { outcome: AuditOutcome::Refused(reason.to_owned()), ..self.event.clone() };
        self.write(event).map_err(|fault| unwritable(&fault, "The call was not begun."))
    }

    /// Writes how the call ended, and which errors it reported on the way.
    pub(super) fn ended(self, ended: &Result<(), Halt>, reported: &[ErrorRecord]) -> Result<(), ErrorRecord> {
        let outcome = match ended {
            Ok(()) | Err(Halt::PipeClosed) => AuditOutcome::Finished,
            Err(Halt::Failed(error)) => AuditOutcome::Failed(error.id.to_owned()),
            Err(Halt::Block(_)) => AuditOutcome::Failed("ScriptBlock".to_owned()),
            Err(Halt::Cancelled) => AuditOutcome::Cancelled,
        };
        let mut errors: Vec<String> = reported.iter().map(|error| error.id.to_owned()).collect();
        errors.sort_unstable();
        errors.dedup();
        let event = AuditEvent { outcome, errors, ..self.event.clone() }.after(self.began.elapsed());
        self.write(event)
            .map_err(|fault| unwritable(&fault, "The call has run, and how it ended is not written."))
    }

    /// Where the first line is in the file and only its copy failed, a second one says that the call
    /// was not begun.
    fn not_begun(&self, fault: &Fault) {
        let Some(log) = self.log.as_ref().filter(|_| fault.step == AuditStep::Copy) else { return };
        let event = AuditEvent { outcome: AuditOutcome::Failed(UNWRITABLE.to_owned()), ..self.event.clone() };
        // The caller is told of the first fault already; one more would say the same.
        let _ = tokio::task::block_in_place(|| log.without_copies().write(event));
    }

    fn write(&self, event: AuditEvent) -> Result<(), Fault> {
        let Some(log) = &self.log else { return Ok(()) };
        // The line is small and the file is local; what waits here is the call itself.
        tokio::task::block_in_place(|| log.write(event)).map(|_receipt| ())
    }
}

fn unwritable(fault: &Fault, so: &str) -> ErrorRecord {
    ErrorRecord::new(Category::WriteError, UNWRITABLE, format!("No line can be written: {fault}. {so}"))
        .remedy("Tell an administrator of this machine.")
}

const UNWRITABLE: &str = "AuditUnwritable";

/// One word for all lines of one call.
fn call_word() -> String {
    let mut bytes = [0; 8];
    // Without random numbers the lines of a call are still told by their order.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
