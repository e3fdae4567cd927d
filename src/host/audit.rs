//! The audit of one call: a line before it runs and one when it has ended, or one that says no.
//!
//! No audit, no action: a call whose first line cannot be written does not run.

use std::time::Instant;

use crate::access::audit::{Event, Fault, Log, Outcome};
use crate::access::{Parameter, Principal};
use crate::cmdlet::{Category, Description, ErrorRecord};
use crate::cmdlets::Halt;

/// The audit of one call.
pub(super) struct Audit<'a> {
    log: Option<&'a Log>,
    event: Event,
    began: Instant,
}

impl<'a> Audit<'a> {
    /// The audit of a call that has not begun; without a log nothing is written.
    pub(super) fn new(
        log: Option<&'a Log>,
        principal: &Principal,
        way: &str,
        description: &Description,
        parameters: Vec<Parameter>,
        roles: Vec<String>,
    ) -> Self {
        let event = Event {
            principal: principal.to_string(),
            way: way.to_owned(),
            roles,
            cmdlet: description.name.to_owned(),
            parameters: Event::parameters_of(&parameters),
            call: call_word(),
            outcome: Outcome::Started,
            duration_ms: None,
            shortened: false,
        };
        Self { log, event, began: Instant::now() }
    }

    /// Writes that the call begins.
    pub(super) fn started(self) -> Result<Self, ErrorRecord> {
        self.write(Outcome::Started)?;
        Ok(self)
    }

    /// Writes that the call is refused, and why.
    pub(super) fn refused(self, reason: &str) -> Result<(), ErrorRecord> {
        self.write(Outcome::Refused(reason.to_owned()))
    }

    /// Writes how the call ended.
    pub(super) fn ended(self, ended: &Result<(), Halt>) -> Result<(), ErrorRecord> {
        self.write(match ended {
            Ok(()) | Err(Halt::PipeClosed) => Outcome::Finished,
            Err(Halt::Failed(error)) => Outcome::Failed(error.id.to_owned()),
            Err(Halt::Block(_)) => Outcome::Failed("ScriptBlock".to_owned()),
            Err(Halt::Cancelled) => Outcome::Cancelled,
        })
    }

    fn write(&self, outcome: Outcome) -> Result<(), ErrorRecord> {
        let Some(log) = self.log else { return Ok(()) };
        let event = Event { outcome, ..self.event.clone() };
        let event = match event.outcome {
            Outcome::Started | Outcome::Refused(_) => event,
            Outcome::Finished | Outcome::Failed(_) | Outcome::Cancelled => event.after(self.began.elapsed()),
        };
        // The line is small and the file is local; what waits here is the call itself.
        tokio::task::block_in_place(|| log.write(event))
            .map(|_receipt| ())
            .map_err(|fault| unwritable(&fault))
    }
}

fn unwritable(fault: &Fault) -> ErrorRecord {
    ErrorRecord::new(
        Category::WriteError,
        "AuditUnwritable",
        format!("The audit log cannot be written: {fault}."),
    )
    .remedy("Nothing runs without its audit line. Tell an administrator of this machine.")
}

/// One word for all lines of one call.
fn call_word() -> String {
    let mut bytes = [0; 8];
    // Without random numbers the lines of a call are still told by their order.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
