//! Delegated sessions, as the cmdlets about them find and end them.

use crate::access::usage::{self, RunningSession};
use crate::call::Call;
use crate::cmdlet::{Category, ErrorRecord};

/// The sessions that run; none where the topology is not the machine's.
///
/// # Errors
/// They cannot be looked at.
pub fn running(call: &Call) -> Result<Vec<RunningSession>, ErrorRecord> {
    let Some(directory) = &call.context.sessions else { return Ok(Vec::new()) };
    tokio::task::block_in_place(|| usage::sessions(directory)).map_err(|fault| unreachable(&fault))
}

/// Ends a session, within two seconds or by force.
///
/// # Errors
/// It is another account's.
pub fn end(call: &Call, session: &RunningSession) -> Result<(), ErrorRecord> {
    let Some(directory) = &call.context.sessions else { return Ok(()) };
    tokio::task::block_in_place(|| usage::end(directory, session))
        .map_err(|fault| unreachable(&fault).target(&session.identity))
}

fn unreachable(fault: &std::io::Error) -> ErrorRecord {
    let message = format!("The sessions of this machine cannot be reached: {fault}.");
    ErrorRecord::new(Category::ResourceUnavailable, "SessionsUnreachable", message)
        .remedy("Run it as the account that owns the topology, or through imsh session.")
}
