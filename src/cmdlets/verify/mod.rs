//! Tests of pools, partners and messages.

pub mod guesses;
pub mod verifying;
mod elsewhere;

pub mod test_xmpp_im;
pub mod test_registration;
pub mod test_topology;
pub mod test_federated_partner;
pub mod test_xmpp_ping;
