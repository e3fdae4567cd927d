//! Connect against listeners, closed ports and silence.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use imsh::internals::xmpp::connect::{ConnectOutcome, Dialling, Fault};
use imsh::internals::xmpp::resolve::{Endpoint, Target, TargetOrigin, TlsStart};
use imsh::internals::xmpp::trace::Trace;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::authority::closed_port;

fn endpoint(host: &str, priority: u16, address: SocketAddr) -> Endpoint {
    let target = Target {
        host: host.to_owned(),
        port: address.port(),
        kind: TlsStart::StartTls,
        priority,
        weight: 0,
        origin: TargetOrigin::Srv,
    };
    Endpoint { target, addresses: vec![address.ip()] }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port that answers nothing: its queue of connections is full. The stream keeps it so.
async fn silent_port() -> (TcpStream, TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
    (stream, listener, address)
}

fn within(seconds: f32) -> Instant {
    Instant::now() + Duration::from_secs_f32(seconds)
}

#[tokio::test]
async fn the_next_target_is_tried_when_one_refuses() {
    let (_listener, open) = listener().await;
    let endpoints = vec![endpoint("a.example", 1, closed_port()), endpoint("b.example", 2, open)];
    let mut trace = Trace::new();
    let mut dialling = Dialling::new(endpoints);
    let connected = dialling.next(within(5.0), &mut trace).await.unwrap();
    assert_eq!((connected.target.host.as_str(), connected.address), ("b.example", open));
    let facts: Vec<_> = trace.facts().map(|(_, fact)| fact.to_string()).collect();
    assert!(facts[0].contains("(a.example) refused"), "{facts:?}");
    assert!(facts[1].contains("(b.example) connected"), "{facts:?}");
    assert!(dialling.is_over());
}

#[tokio::test]
async fn a_silent_address_has_a_quarter_of_a_second_of_head_start_and_no_more() {
    let (_stream, _silence, silent) = silent_port().await;
    let (_listener, open) = listener().await;
    let mut dialling = Dialling::new(vec![endpoint("a.example", 1, silent), endpoint("b.example", 1, open)]);
    let began = Instant::now();
    let connected = dialling.next(within(5.0), &mut Trace::new()).await.unwrap();
    assert_eq!(connected.target.host, "b.example");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(!dialling.is_over(), "the silent one is still there to be tried");
}

#[tokio::test]
async fn a_silent_group_leaves_time_for_the_next_one() {
    let (_stream, _silence, silent) = silent_port().await;
    let (_listener, open) = listener().await;
    let mut dialling = Dialling::new(vec![endpoint("a.example", 1, silent), endpoint("b.example", 2, open)]);
    let connected = dialling.next(within(1.0), &mut Trace::new()).await.unwrap();
    assert_eq!(connected.target.host, "b.example");
}

#[tokio::test]
async fn refused_silent_and_mixed_are_told_apart() {
    let refused = vec![endpoint("a.example", 1, closed_port()), endpoint("b.example", 1, closed_port())];
    let fault = Dialling::new(refused).next(within(5.0), &mut Trace::new()).await.unwrap_err();
    assert!(matches!(&fault, Fault::Refused { attempts } if attempts.len() == 2), "{fault}");

    let (_stream, _silence, silent) = silent_port().await;
    let fault = Dialling::new(vec![endpoint("a.example", 1, silent)])
        .next(within(0.3), &mut Trace::new())
        .await
        .unwrap_err();
    assert!(
        matches!(&fault, Fault::Silent { attempts } if attempts[0].outcome == ConnectOutcome::TimedOut),
        "{fault}"
    );

    let both = vec![endpoint("a.example", 1, silent), endpoint("b.example", 2, closed_port())];
    let fault = Dialling::new(both).next(within(0.6), &mut Trace::new()).await.unwrap_err();
    assert!(matches!(&fault, Fault::Mixed { attempts } if attempts.len() == 2), "{fault}");
}

#[tokio::test]
async fn an_address_without_a_route_is_unreachable() {
    // TCP has no way to everybody at once.
    let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::BROADCAST), 5222);
    let fault = Dialling::new(vec![endpoint("a.example", 1, nowhere)])
        .next(within(5.0), &mut Trace::new())
        .await
        .unwrap_err();
    let outcome = &fault.attempts()[0].outcome;
    assert_eq!(*outcome, ConnectOutcome::Unreachable, "{fault}");
}
