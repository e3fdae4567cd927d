//! imsh, a shell for the people who run instant messaging: it logs on to a pool as a test user,
//! sends a message to a user on an XMPP network, and tells the truth about what became of it.
//!
//! A program that embeds imsh makes a [`SessionContext`] of a [`TopologyStore`], a [`VaultStore`] and
//! an [`Operator`], and a [`Host`] over [`CMDLETS`] with a [`Gate`] for its [`Principal`]. Each call is a
//! pipeline of [`Stage`]s; its output are [`Record`]s. `examples/embed.rs` is a whole program.
//!
#![doc = include_str!("../ARCHITECTURE.md")]

mod front;
mod watch;
mod script;
mod host;
mod render;
mod cmdlets;
mod report;
mod call;
mod store;
mod verify;
mod diagnosis;
mod xmpp;
mod cmdlet;
mod topology;
mod access;
mod vault;
mod result;
mod value;
mod address;
mod durable;
mod trusted;
mod secret;
mod lab;

#[cfg(test)]
#[path = "../tests/support/skip.rs"]
mod skip;
#[doc(hidden)]
pub mod internals;

pub use access::Principal;
pub use call::stores::{TopologyStore, VaultStore};
pub use call::{Confirmation, NoAnswer, Nobody, Operator, SessionContext};
pub use cmdlet::{Arguments, ErrorRecord};
pub use cmdlets::{ALL as CMDLETS, catalogue as cmdlet_catalogue};
pub use front::program;
pub use host::{Gate, Host, Stage};
pub use lab::Lab;
pub use secret::{Credential, Secret};
pub use value::{Record, Value};
