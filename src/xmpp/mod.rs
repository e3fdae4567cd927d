//! The client path: from a pool's name to a message that somebody received.
