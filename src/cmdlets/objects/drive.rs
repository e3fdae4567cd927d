//! The drive of a session, as the cmdlets about it find it.

use crate::call::Call;
use crate::call::drive::Drive;
use crate::cmdlet::{Category, ErrorRecord};

/// The drive of the session.
///
/// # Errors
/// `NoDrive`: the session is not a delegated one.
pub fn of_session(call: &Call) -> Result<&Drive, ErrorRecord> {
    call.context.drive.as_ref().ok_or_else(|| {
        ErrorRecord::new(
            Category::InvalidOperation,
            "NoDrive",
            "There is no drive outside of a delegated session.",
        )
        .remedy("Name the files of this machine by their paths.")
    })
}
