//! A network `127.x.y.0/24` for one run: every address under 127/8 is this machine, so standard ports are
//! free on each and no privilege is needed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};

/// A claimed network. The claim is a listening socket, which ends with the process.
pub struct Loopback {
    network: [u8; 2],
    next: AtomicU8,
    _claim: TcpListener,
}

impl Loopback {
    /// Claims a network that no other run has.
    pub fn claim() -> Self {
        // The process id spreads concurrent runs; the socket decides.
        let seed = std::process::id();
        for step in 0..1000_u32 {
            let n = seed.wrapping_mul(7).wrapping_add(step.wrapping_mul(31));
            let network = [64 + (n % 128) as u8, ((n / 128) % 250) as u8];
            let claim = SocketAddr::from(([127, network[0], network[1], 1], CLAIM_PORT));
            if let Ok(claim) = TcpListener::bind(claim) {
                return Self { network, next: AtomicU8::new(FIRST_FREE), _claim: claim };
            }
        }
        panic!("no free network under 127/8");
    }

    pub fn name_server(&self) -> SocketAddr {
        SocketAddr::new(self.host(10), NAME_PORT)
    }

    pub fn prosody(&self) -> IpAddr {
        self.host(11)
    }

    pub fn ejabberd(&self) -> IpAddr {
        self.host(12)
    }

    /// An address that nobody has used yet.
    pub fn next(&self) -> IpAddr {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        assert!((FIRST_FREE..=254).contains(&n), "the network has no address left");
        self.host(n)
    }

    fn host(&self, n: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, self.network[0], self.network[1], n))
    }
}

const CLAIM_PORT: u16 = 5200;
// The system's resolver, which ejabberd asks for addresses, knows no other port.
const NAME_PORT: u16 = 53;
const FIRST_FREE: u8 = 20;
