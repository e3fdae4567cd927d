//! A hostile name server: how it answers stands in the first label of the name that is asked for.

use std::net::{Ipv4Addr, SocketAddr};

use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{CNAME, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// Starts it over UDP and TCP; call it inside a runtime.
pub fn serve() -> SocketAddr {
    let (udp, tcp) = loop {
        let udp = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // The same port may be taken for TCP.
        if let Ok(tcp) = std::net::TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    udp.set_nonblocking(true).unwrap();
    tcp.set_nonblocking(true).unwrap();
    tokio::spawn(answer_datagrams(UdpSocket::from_std(udp).unwrap()));
    tokio::spawn(answer_streams(TcpListener::from_std(tcp).unwrap()));
    address
}

async fn answer_datagrams(udp: UdpSocket) {
    let mut buffer = [0; 4096];
    while let Ok((n, from)) = udp.recv_from(&mut buffer).await {
        if let Some(mut answer) = answer(&buffer[..n]) {
            if answer.len() > 1200 {
                // Too long for a datagram: come again over TCP.
                answer.truncate(12);
                answer[2] |= 2;
                answer[4..12].fill(0);
            }
            let _ = udp.send_to(&answer, from).await;
        }
    }
}

async fn answer_streams(tcp: TcpListener) {
    while let Ok((stream, _)) = tcp.accept().await {
        tokio::spawn(answer_stream(stream));
    }
}

async fn answer_stream(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        let Some(answer) = answer(&question) else { return Ok(()) };
        if answer.get(2).is_some_and(|flags| flags & 2 != 0) {
            // Truncated here too.
            return Ok(());
        }
        stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
        stream.write_all(&answer).await?;
    }
}

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let query = asked.queries.first()?.clone();
    let name = query.name().to_ascii().to_ascii_lowercase();
    let behaviour = name.split('.').rev().skip_while(|label| label.is_empty()).nth(2)?.to_owned();
    let mut answer = Message::response(asked.metadata.id, OpCode::Query);
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    let is_srv = query.query_type() == RecordType::SRV;
    let record = |data: RData| Record::from_rdata(query.name().clone(), 1, data);
    let target = |host: &str| {
        let mut host = Name::from_ascii(host).unwrap();
        host.set_fqdn(true);
        RData::SRV(SRV::new(0, 1, 5222, host))
    };
    match behaviour.as_str() {
        "silence" => return None,
        "garbage" => return Some(vec![0xde; 200]),
        "empty-datagram" => return Some(Vec::new()),
        "foreign-id" => answer.metadata.id = asked.metadata.id.wrapping_add(1),
        "foreign-question" => {
            answer.queries.clear();
            answer.add_query(Query::query(Name::from_ascii("evil.example.").unwrap(), query.query_type()));
        }
        "alias-of-itself" => {
            answer.add_answer(record(RData::CNAME(CNAME(query.name().clone()))));
        }
        "alias-for-ever" => {
            let next = Name::from_ascii(format!("x{name}")).ok()?;
            answer.add_answer(record(RData::CNAME(CNAME(next))));
        }
        "name-that-points-to-itself" => {
            let mut bytes = answer.to_vec().ok()?;
            bytes[7] = 1;
            let here = u8::try_from(bytes.len()).ok()?;
            bytes.extend_from_slice(&[
                0xc0, here, 0, 33, 0, 1, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 20, 102, 0xc0, here,
            ]);
            return Some(bytes);
        }
        "counts-of-nothing" => {
            let mut bytes = answer.to_vec().ok()?;
            bytes[6..12].fill(0xff);
            return Some(bytes);
        }
        "truncated-and-no-tcp" => answer.metadata.truncation = true,
        "five-hundred-records" if is_srv => {
            for port in 1..=500 {
                let RData::SRV(mut srv) = target("host.five-hundred-records.dns.test") else { return None };
                srv.port = port;
                answer.add_answer(record(RData::SRV(srv)));
            }
        }
        "five-hundred-records" if query.query_type() == RecordType::A => {
            answer.add_answer(record(RData::A(Ipv4Addr::LOCALHOST.into())));
        }
        "targets-without-address" if is_srv => {
            answer.add_answer(record(target("gone.targets-without-address.dns.test")));
        }
        "target-with-escapes" if is_srv => {
            let RData::SRV(mut srv) = target("x") else { return None };
            let labels: [&[u8]; 4] = [b"\x1b[2J\x07evil", b"target-with-escapes", b"dns", b"test"];
            srv.target = Name::from_labels(labels).ok()?;
            answer.add_answer(record(RData::SRV(srv)));
        }
        "servfail" => answer.metadata.response_code = ResponseCode::ServFail,
        _ => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    answer.to_vec().ok()
}
