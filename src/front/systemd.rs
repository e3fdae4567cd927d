//! The notices to a service manager (sd_notify(3)): ready, reloading, stopping, alive.
//!
//! Outside of systemd there is nobody to tell, and nothing is done. Never fails: a manager that does not
//! listen is no reason to end.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use crate::watch::Milestone;

/// The service manager that started this process.
pub(super) struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// The interval at which the manager wants a sign of life, if it wants one.
    watchdog: Option<Duration>,
    last_sign: Mutex<Option<Instant>>,
}

impl ServiceManager {
    /// The one that the environment names.
    pub(super) fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let address = variable("NOTIFY_SOCKET").and_then(|name| match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            None => SocketAddr::from_pathname(Path::new(&name)).ok(),
        });
        let socket = address.and_then(|address| Some((UnixDatagram::unbound().ok()?, address)));
        let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let wanted = variable("WATCHDOG_USEC").and_then(|micros| micros.parse().ok()).filter(|_| is_ours);
        Self { socket, watchdog: wanted.map(Duration::from_micros), last_sign: Mutex::default() }
    }

    /// Tells it what happens.
    pub(super) fn tell(&self, milestone: &Milestone) {
        match milestone {
            Milestone::Ready | Milestone::Reloaded => self.send("READY=1"),
            Milestone::Reloading => self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic())),
            Milestone::Stopping => self.send("STOPPING=1"),
            Milestone::Alive if self.is_sign_due() => self.send("WATCHDOG=1"),
            Milestone::Alive => {}
        }
    }

    /// A third of the time that the manager waits has passed.
    fn is_sign_due(&self) -> bool {
        let Some(watchdog) = self.watchdog else { return false };
        let mut last = self.last_sign.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= watchdog / 3);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    fn send(&self, state: &str) {
        if let Some((socket, address)) = &self.socket {
            // Nobody listens any more.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

/// The monotonic clock in microseconds, as systemd compares it.
fn monotonic() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| now.tv_sec() * 1_000_000 + now.tv_nsec() / 1_000)
}
