//! When is a server ready? When it answers a stream header for its domain with features.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Waits until the server offers stream features for `domain` to clients and listens for servers.
pub fn answers(address: IpAddr, domain: &str) -> Result<(), String> {
    until(&format!("{domain} at {address} is ready"), || {
        offers_features(SocketAddr::new(address, 5222), domain)?;
        TcpStream::connect((address, 5269)).map(drop)
    })
}

/// Waits until the server listens for clients with direct TLS, which comes behind the other ports.
pub fn takes_direct_tls(address: IpAddr) -> Result<(), String> {
    until(&format!("{address} takes direct TLS"), || TcpStream::connect((address, 5223)).map(drop))
}

/// Waits until nobody listens for servers any more.
pub fn refuses(address: IpAddr) -> Result<(), String> {
    until(&format!("{address} refuses"), || match TcpStream::connect((address, 5269)) {
        Ok(_) => Err(std::io::Error::other("it accepts a connection")),
        Err(_) => Ok(()),
    })
}

fn until(condition: &str, holds: impl Fn() -> std::io::Result<()>) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match holds() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(format!("not true after {PATIENCE:?}: {condition}: {error}"));
            }
            // A closed port refuses at once, so asking again needs a breath.
            Err(_) => std::thread::sleep(BREATH),
        }
    }
}

fn offers_features(address: SocketAddr, domain: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(
        stream,
        "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    )?;
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        heard.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&heard);
        // A Prosody without TLS has nothing to offer, and says so.
        if text.contains("</stream:features>") || text.contains("No stream features") {
            return Ok(());
        }
        if n == 0 || text.contains("<stream:error") {
            return Err(std::io::Error::other(text.into_owned()));
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
const BREATH: Duration = Duration::from_millis(20);
