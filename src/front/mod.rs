//! The ways in: one command, a script, the interactive shell.
//!
//! The only layer that reads the environment, prints and exits. It builds the context of a
//! session, starts the engine, and turns what came of it into an exit status. Decides nothing
//! about cmdlets: those are reached through the host alone.

// Reading order.
mod program;
pub mod caller;
pub mod process;
pub mod confine;
pub mod cli;
pub mod manual;
pub mod start;
pub mod kept;
pub mod logging;
pub mod run;
pub mod shell;
pub mod session;
pub mod authorized;
pub mod setup;
pub mod lint;
pub mod respond;
pub mod watch;
mod systemd;
pub mod output;
mod pace;
pub mod terminal;
pub mod report;
pub mod exit;

pub use exit::ExitStatus;
pub use program::program;
