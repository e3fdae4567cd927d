//! The client path: from a pool's name to a message that somebody received.
//!
//! One file per phase, listed in wire order; [`Phase`] names them. Knows no cmdlet and no words
//! for people: a fault is a fact with evidence, and `diagnosis` says what it means.

pub mod trace;
pub mod network;
pub mod resolve;
pub mod dns;
pub mod connect;
pub mod secure;
pub mod certificate;
pub mod xml;
pub mod condition;
pub mod stream;
pub mod federation;
