//! Whether a call that runs may still be made: roles are taken away while batches run and questions wait.
//!
//! Asked again whenever the topology has changed, while the call runs and after each answer of a person.
//! A call that is no longer covered ends, and gets the answer that every refusal has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Host;
use super::gate::{Gate, RefusedCall};
use crate::call::{BoundArguments, SessionContext, Still};
use crate::cmdlet::{Catalogue, Description, ErrorRecord};
use crate::topology::Topology;

/// The leave that a call runs by.
#[derive(Clone)]
pub(super) struct Standing {
    gate: Arc<Gate>,
    context: Arc<SessionContext>,
    everything: Catalogue,
    description: &'static Description,
    bound: Arc<BoundArguments>,
    /// The topology that it was given on last.
    topology: Arc<Mutex<Arc<Topology>>>,
    /// The reason why the leave is lost, once it is.
    lost: Arc<Mutex<Option<RefusedCall>>>,
    /// Ends the call.
    pub(super) cancel: CancellationToken,
}

/// The task that asks again while a call runs, until this is dropped.
pub(super) struct Watching(tokio::task::JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Standing {
    pub(super) fn new(
        host: &Host,
        description: &'static Description,
        bound: &BoundArguments,
        topology: &Arc<Topology>,
        cancel: &CancellationToken,
    ) -> Self {
        Self {
            gate: host.gate.clone(),
            context: host.context.clone(),
            everything: host.everything.clone(),
            description,
            bound: Arc::new(bound.clone()),
            topology: Arc::new(Mutex::new(topology.clone())),
            lost: Arc::default(),
            cancel: cancel.child_token(),
        }
    }

    /// Asks again; where the answer is no, the call ends.
    fn ask(&self) -> Result<(), ErrorRecord> {
        let refused = match self.context.topology.read() {
            Err(error) => RefusedCall { reason: error.message.clone(), error },
            Ok(now) => {
                let mut known = self.topology.lock().unwrap_or_else(PoisonError::into_inner);
                if Arc::ptr_eq(&known, &now) {
                    return Ok(());
                }
                let leave = self.gate.may_run(self.description, &self.everything, &now);
                match leave.and_then(|leave| leave.roles_covering(&self.bound)) {
                    Ok(_) => {
                        *known = now;
                        return Ok(());
                    }
                    Err(refused) => refused,
                }
            }
        };
        let error = refused.error.clone();
        let reason = format!("while it ran: {}", refused.reason);
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(RefusedCall { reason, ..refused });
        self.cancel.cancel();
        Err(error)
    }

    /// The question, for the call itself.
    pub(super) fn asked(&self) -> Still {
        let standing = self.clone();
        Arc::new(move || if standing.context.is_delegated { standing.ask() } else { Ok(()) })
    }

    /// Asks again and again while the call runs.
    pub(super) fn watched(&self) -> Watching {
        let standing = self.clone();
        Watching(tokio::spawn(async move {
            while standing.ask().is_ok() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }))
    }

    /// Returns the reason why the leave is lost, if it is.
    pub(super) fn lost(&self) -> Option<RefusedCall> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Between two questions.
const LOOK_EVERY: Duration = Duration::from_millis(100);
