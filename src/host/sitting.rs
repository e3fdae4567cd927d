//! A delegated session as a whole: the line that it begins with, the one that it ends with, or the one
//! that says no.
//!
//! A principal without a role does not come in. The calls of a session are written one by one, as every call is.

use super::Host;
use super::audit::Audit;
use crate::access::GivenParameter;
use crate::access::limits::SessionLimits;
use crate::call::Halt;
use crate::cmdlet::ErrorRecord;
use crate::topology::Topology;

/// A session that has begun.
pub struct Sitting(Audit);

impl Host {
    /// The limits of a session of the principal; none where they have no role, or are locked.
    pub fn session_limits(&self) -> Option<SessionLimits> {
        let topology = self.context().topology.read().ok()?;
        self.gate.session_limits(self.everything(), &topology).ok()?
    }

    /// Writes down that the principal comes in; `seen` is what is known of how.
    ///
    /// # Errors
    /// They have no role, or no line can be written.
    pub fn session_begins(&self, seen: Vec<GivenParameter>) -> Result<Sitting, ErrorRecord> {
        let begun = || {
            let topology = self.context().topology.read()?;
            let roles = self.gate.role_names(self.everything(), &topology)?;
            Ok((topology, roles))
        };
        let (topology, roles) = match begun() {
            Ok(begun) => begun,
            Err(error) => return Err(self.session_refused(seen, &ErrorRecord::clone(&error).message, error)),
        };
        if roles.is_empty() {
            let denied = ErrorRecord::permission_denied(SESSION);
            return Err(self.session_refused(seen, "the principal has no role", denied));
        }
        self.audit(SESSION, &topology, seen, roles).started().map(Sitting)
    }

    /// Writes down that nobody is let in, and why; gives what the caller is told.
    pub fn session_refused(
        &self,
        seen: Vec<GivenParameter>,
        reason: &str,
        error: ErrorRecord,
    ) -> ErrorRecord {
        self.refused(seen, reason).err().unwrap_or(error)
    }

    fn refused(&self, seen: Vec<GivenParameter>, reason: &str) -> Result<(), ErrorRecord> {
        let topology = self.context().topology.read();
        let roles = topology.as_ref().map(|topology| self.gate.role_names(self.everything(), topology));
        let roles = roles.ok().and_then(Result::ok).unwrap_or_default();
        match topology {
            Ok(topology) => self.audit(SESSION, &topology, seen, roles).refused(reason),
            // Where the topology cannot be read the log is where it is by default.
            Err(_) => {
                let log = self.context().audit(&Topology::default());
                Audit::new(Some(log), self.principal(), self.context().way, SESSION, seen, roles)
                    .refused(reason)
            }
        }
    }
}

impl Sitting {
    /// Writes down that the session has ended.
    ///
    /// # Errors
    /// The line cannot be written.
    pub fn ended(self, ended: &Result<(), Halt>) -> Result<(), ErrorRecord> {
        self.0.ended(ended, &[])
    }
}

/// Its name in the log.
const SESSION: &str = "imsh session";
