//! Verifications: a pool, a sender, a receiver, and the truth about one message between them.
//!
//! `plan` finds out what is to be done before anything leaves; `attempt` does it; `schedule` does many tests
//! of any kind at once, fairly and within limits; `batch` is many verifications, with sessions shared;
//! `revision` is what late news make of results; `outcome` is what came of each, and `warnings` what is wrong
//! beside it. `under_way` runs beside a stanza that was sent. `responder` is the other end, which answers the tests of
//! others; `partner` is the look from here alone, `registration` a logon alone, `ping` a question to a domain,
//! and `checks` goes through all that a topology lists. Stands on the client path and on diagnosis; knows no
//! cmdlet and no parameter's name.

// Reading order.
pub mod plan;
mod under_way;
pub mod attempt;
pub mod refusals;
mod crowd;
pub mod sessions;
pub mod schedule;
pub mod batch;
mod revision;
pub mod outcome;
pub mod warnings;
mod log;
pub mod responder;
pub mod partner;
pub mod registration;
pub mod ping;
pub mod checks;

pub use batch::Batch;
pub use outcome::TestResult;
pub use plan::{Ask, Plan};
