//! The audit of one call: a line before it runs and one when it has ended, or one that says no.
//!
//! No audit, no action: a call whose first line cannot be written does not run. What was refused before
//! its arguments were bound is written without them: nobody has read them, and one may be a secret.

use std::io;
use std::time::{Duration, Instant};

use crate::access::audit::{AuditEvent, AuditLog, AuditOutcome, AuditStep, Fault};
use crate::access::limits::Limited;
use crate::access::{GivenParameter, Principal};
use crate::call::Halt;
use crate::call::context::Budget;
use crate::cmdlet::{Category, ErrorRecord};
use crate::durable;

/// The audit of one call.
pub(super) struct Audit {
    log: Option<AuditLog>,
    event: AuditEvent,
    began: Instant,
    /// The share of the log that the principal's lines may take in a day.
    budget: Option<Budget>,
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
        Self { log, event, began: Instant::now(), budget: None }
    }

    /// The same, for a session whose lines are counted.
    pub(super) fn within(self, budget: Option<&Budget>) -> Self {
        Self { budget: budget.cloned(), ..self }
    }

    /// Writes that the call begins.
    pub(super) fn started(self) -> Result<Self, ErrorRecord> {
        if let Some(error) = self.used_up()? {
            return Err(error);
        }
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
        if let Some(error) = self.used_up()? {
            return Err(error);
        }
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

    /// Counts the lines of the call. Where the principal has used up the log of the day, says so: in the log
    /// too, with how often, at the first call, the second, the fourth and so on.
    fn used_up(&self) -> Result<Option<ErrorRecord>, ErrorRecord> {
        let Some(Budget { usage, limits }) = &self.budget else { return Ok(None) };
        let uncountable = |fault: io::Error| {
            self.copy_unwritten(&fault);
            ErrorRecord::new(Category::WriteError, UNWRITABLE, format!("Nothing can be counted: {fault}."))
                .remedy("Tell an administrator of this machine.")
        };
        let most = u64::from(limits.get(Limited::AuditKib)) << 10;
        let n_bytes = 2
            * (LINE_BYTES
                + serde_json::to_vec(&self.event).map_or(0, |text| text.len().min(MOST_LINE)) as u64);
        let counted = usage.count("audit", n_bytes, most, DAY).map_err(uncountable)?;
        if counted.is_ok() {
            return Ok(None);
        }
        let n_refused = usage.count("beyond the audit", 1, u64::MAX, DAY).map_err(uncountable)?.unwrap_or(1);
        let reason =
            format!("the principal has used up its share of the audit log: {n_refused} calls refused today");
        if n_refused.is_power_of_two() {
            let event = AuditEvent {
                outcome: AuditOutcome::Refused(reason.clone()),
                parameters: std::collections::BTreeMap::new(),
                ..self.event.clone()
            };
            self.write(event).map_err(|fault| unwritable(&fault, "The call was not begun."))?;
        }
        Ok(Some(
            ErrorRecord::new(
                Category::LimitsExceeded,
                "AuditUsedUp",
                "Your calls of today have filled your share of the audit log, so no more are begun.",
            )
            .remedy("Wait until tomorrow, or ask an administrator for a larger audit_kib_per_day."),
        ))
    }

    /// Writes a second line that says that the call was not begun, where the first line is in the file and only its
    /// copy failed.
    fn not_begun(&self, fault: &Fault) {
        let Some(log) = self.log.as_ref().filter(|_| fault.step == AuditStep::Copy) else { return };
        let event = AuditEvent { outcome: AuditOutcome::Failed(UNWRITABLE.to_owned()), ..self.event.clone() };
        // The caller is told of the first fault already; one more would say the same.
        let _ = tokio::task::block_in_place(|| log.without_copies().write(event));
    }

    /// Tells of the call outside of the log, where no line can be written.
    fn copy_unwritten(&self, why: &io::Error) {
        if let Some(log) = &self.log {
            log.copy_unwritten(self.event.clone(), why);
        }
    }

    fn write(&self, event: AuditEvent) -> Result<(), Fault> {
        let Some(log) = &self.log else { return Ok(()) };
        if self.budget.is_some() && !durable::leaves_reserve(log.path()) {
            let source =
                io::Error::new(io::ErrorKind::StorageFull, "the rest of the disk is kept for administrators");
            log.copy_unwritten(event, &source);
            return Err(Fault { path: log.path().to_owned(), step: AuditStep::Append, source });
        }
        // The line is small and the file is local; what waits here is the call itself.
        tokio::task::block_in_place(|| log.write(event)).map(|_receipt| ())
    }
}

fn unwritable(fault: &Fault, so: &str) -> ErrorRecord {
    ErrorRecord::new(Category::WriteError, UNWRITABLE, format!("No line can be written: {fault}. {so}"))
        .remedy("Tell an administrator of this machine.")
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The bytes of a line beside its event.
const LINE_BYTES: u64 = 320;
/// No event takes more of a line, however long what it tells.
const MOST_LINE: usize = 12 * 1024;
const UNWRITABLE: &str = "AuditUnwritable";

/// One word for all lines of one call.
fn call_word() -> String {
    let mut bytes = [0; 8];
    // Without random numbers the lines of a call are still told by their order.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
