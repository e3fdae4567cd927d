//! The wire, for real: DNS, TCP and TLS on loopback, every fault of the first three phases produced.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod resolve;
mod connect;
mod secure;
mod logon;
mod federation;
mod authority;
mod server;
