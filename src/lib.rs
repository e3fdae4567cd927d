//! imsh, a shell for the people who run instant messaging: it logs on to a pool as a test user,
//! sends a message to a user on an XMPP network, and tells the truth about what became of it.
//!
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod front;
pub mod watch;
pub mod script;
pub mod host;
pub mod render;
pub mod cmdlets;
pub mod report;
pub mod call;
pub mod store;
pub mod verify;
pub mod diagnosis;
pub mod xmpp;
pub mod cmdlet;
pub mod topology;
pub mod access;
pub mod vault;
pub mod result;
pub mod value;
pub mod address;
pub mod durable;
pub mod trusted;
pub mod secret;
pub mod lab;
