//! The address that a service listens at: `localhost:9604`, `192.0.2.1:9604` or `[2001:db8::1]:9604`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An address to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenAddress {
    /// This machine alone, by both of its names.
    Localhost(u16),
    /// One address.
    One(SocketAddr),
}

impl ListenAddress {
    /// Whether only this machine reaches it.
    pub fn is_loopback(self) -> bool {
        match self {
            Self::Localhost(_) => true,
            Self::One(address) => address.ip().is_loopback(),
        }
    }

    /// The addresses, the one that there must be first.
    pub fn addresses(self) -> Vec<SocketAddr> {
        let local =
            |port| [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| (ip, port));
        match self {
            // Which port it is to be is known only when the first one has been given.
            Self::Localhost(0) => vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
            Self::Localhost(port) => local(port).map(SocketAddr::from).to_vec(),
            Self::One(address) => vec![address],
        }
    }
}

impl Default for ListenAddress {
    /// The port that others of its kind use.
    fn default() -> Self {
        Self::Localhost(9604)
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        if let Some(port) = written.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
            return Ok(Self::Localhost(port));
        }
        let fault =
            |_| format!("{written:?} is no address to listen at: write localhost:9604 or 192.0.2.1:9604");
        written.parse().map(Self::One).map_err(fault)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost(port) => write!(f, "localhost:{port}"),
            Self::One(address) => write!(f, "{address}"),
        }
    }
}
