//! Answers of a name server that says anything at all: few targets come of them, in the order of their
//! priorities, and every name among them can be printed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use imsh::internals::topology::Security;
use imsh::internals::xmpp::network::Network;
use imsh::internals::xmpp::resolve::{self, PoolQuery};
use imsh::internals::xmpp::trace::Trace;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::timeout;

/// An answer from its flags on; the identity and the question of each query stand in it already. Whoever
/// rejects it gets an honest "no such name" behind it.
pub fn try_one(data: &[u8]) {
    super::block_on(async {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // Somebody else may have the same port of the other kind.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        tokio::select! {
            () = ask(address) => {}
            () = answer_datagrams(&udp, data) => {}
            () = answer_streams(&tcp, data) => {}
        }
    });
}

async fn ask(address: SocketAddr) {
    let network = Network::with_name_servers(&[address]);
    let place = PoolQuery {
        pool: "litwareinc.com",
        servers: &[],
        registrar_port: None,
        security: Security::Auto,
        domain: "litwareinc.com",
    };
    let mut trace = Trace::new();
    let result = timeout(PATIENCE, resolve::pool(&place, &network, &mut trace)).await.expect("it hangs");
    for (_, fact) in trace.facts() {
        super::assert_harmless(&fact.to_string());
    }
    match result {
        Ok(endpoints) => {
            assert!(endpoints.len() <= 16, "{} targets", endpoints.len());
            assert!(endpoints.is_sorted_by_key(|endpoint| endpoint.target.priority));
        }
        Err(fault) => super::assert_harmless(&fault.to_string()),
    }
}

async fn answer_datagrams(udp: &UdpSocket, data: &[u8]) {
    let mut buffer = [0; 4096];
    while let Ok((n, from)) = udp.recv_from(&mut buffer).await {
        let Some((hostile, honest)) = answers(&buffer[..n], data) else { continue };
        let _ = udp.send_to(&hostile, from).await;
        let _ = udp.send_to(&honest, from).await;
    }
}

async fn answer_streams(tcp: &TcpListener, data: &[u8]) {
    loop {
        let Ok((mut stream, _)) = tcp.accept().await else { return };
        let Ok(n) = stream.read_u16().await else { continue };
        let mut question = vec![0; usize::from(n)];
        if stream.read_exact(&mut question).await.is_err() {
            continue;
        }
        let Some((hostile, honest)) = answers(&question, data) else { continue };
        for answer in [hostile, honest] {
            let _ = stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await;
            let _ = stream.write_all(&answer[..answer.len().min(usize::from(u16::MAX))]).await;
        }
    }
}

/// The hostile answer to a question, and the honest one.
fn answers(question: &[u8], data: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let message = Message::from_vec(question).ok()?;
    let mut honest = Message::response(message.metadata.id, OpCode::Query);
    honest.metadata.response_code = ResponseCode::NXDomain;
    let query = message.queries.first()?.clone();
    honest.add_query(query);
    let honest = honest.to_vec().ok()?;
    // The flags and the counts, then the question as it was asked, then what is left of the input.
    let (flags, rest) = data.split_at(data.len().min(10));
    let mut hostile = honest.clone();
    for (place, byte) in hostile.iter_mut().skip(2).zip(flags) {
        *place = *byte;
    }
    hostile.extend_from_slice(&rest[..rest.len().min(1200)]);
    Some((hostile, honest))
}

const PATIENCE: Duration = Duration::from_secs(10);
