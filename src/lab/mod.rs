//! A network to practise on, inside the process and on loopback.

pub mod dns;
