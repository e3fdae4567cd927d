//! A name server for one run: answers from a table that the tests write, over UDP and TCP.
//!
//! What is not in the table does not exist (NXDOMAIN). Every lifetime is zero, so nobody remembers an
//! answer that a later test has changed.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, RwLock};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{SOA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// The table, shared with the tasks that answer from it.
#[derive(Clone)]
pub struct Names {
    zone: Arc<RwLock<Zone>>,
}

#[derive(Default)]
struct Zone {
    records: HashMap<(String, RecordType), Vec<RData>>,
    failing: Vec<(String, ResponseCode)>,
    /// Names whose questions stay without an answer.
    ignored: Vec<String>,
}

impl Names {
    /// Starts answering at `address`; call it inside a runtime.
    pub fn serve(address: SocketAddr) -> std::io::Result<Self> {
        let names = Self { zone: Arc::default() };
        let udp = std::net::UdpSocket::bind(address)?;
        udp.set_nonblocking(true)?;
        let udp = UdpSocket::from_std(udp)?;
        let tcp = std::net::TcpListener::bind(address)?;
        tcp.set_nonblocking(true)?;
        let tcp = TcpListener::from_std(tcp)?;
        tokio::spawn(names.clone().answer_datagrams(udp));
        tokio::spawn(names.clone().answer_streams(tcp));
        Ok(names)
    }

    /// A whole XMPP domain on one host with the standard ports: `xmpp.<domain>` and `pool.<domain>` are
    /// the host; SRV records lead there for clients and for servers.
    pub fn domain(&self, domain: &str, host: IpAddr) {
        self.address(&format!("xmpp.{domain}"), host);
        self.address(&format!("pool.{domain}"), host);
        self.service(&format!("_xmpp-client._tcp.{domain}"), &format!("xmpp.{domain}"), 5222);
        self.service(&format!("_xmpp-server._tcp.{domain}"), &format!("xmpp.{domain}"), 5269);
    }

    /// Adds an A record.
    pub fn address(&self, name: &str, host: IpAddr) {
        let IpAddr::V4(host) = host else { panic!("the servers of a run have IPv4 addresses") };
        self.add(name, RecordType::A, RData::A(host.into()));
    }

    /// Adds an SRV record; a target of `.` says that the service is not offered (RFC 2782).
    pub fn service(&self, name: &str, target: &str, port: u16) {
        let target = Name::from_ascii(target).unwrap();
        self.add(name, RecordType::SRV, RData::SRV(SRV::new(10, 10, port, target)));
    }

    /// Makes `name` and every name under it fail with SERVFAIL.
    pub fn fail(&self, name: &str) {
        self.zone.write().unwrap().failing.push((name.to_owned(), ResponseCode::ServFail));
    }

    /// Makes `name` and every name under it fail with REFUSED.
    pub fn refuse(&self, name: &str) {
        self.zone.write().unwrap().failing.push((name.to_owned(), ResponseCode::Refused));
    }

    /// Makes questions for `name` and every name under it stay without an answer.
    pub fn ignore(&self, name: &str) {
        self.zone.write().unwrap().ignored.push(name.to_owned());
    }

    fn add(&self, name: &str, kind: RecordType, data: RData) {
        self.zone.write().unwrap().records.entry((name.to_owned(), kind)).or_default().push(data);
    }

    async fn answer_datagrams(self, socket: UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = self.answer(&buffer[..n]) {
                drop(socket.send_to(&answer, from).await);
            }
        }
    }

    async fn answer_streams(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(self.clone().answer_stream(stream));
        }
    }

    async fn answer_stream(self, mut stream: TcpStream) -> std::io::Result<()> {
        loop {
            let mut question = vec![0; usize::from(stream.read_u16().await?)];
            stream.read_exact(&mut question).await?;
            let Some(answer) = self.answer(&question) else { return Ok(()) };
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await?;
            stream.write_all(&answer).await?;
        }
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?.clone();
        let name = query.name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());

        let zone = self.zone.read().unwrap();
        if zone.ignored.iter().any(|ignored| is_under(&name, ignored)) {
            return None;
        }
        if let Some((_, code)) = zone.failing.iter().find(|(failing, _)| is_under(&name, failing)) {
            answer.metadata.response_code = *code;
            return answer.to_vec().ok();
        }
        for data in zone.records.get(&(name.clone(), query.query_type)).into_iter().flatten() {
            answer.add_answer(Record::from_rdata(query.name.clone(), 0, data.clone()));
        }
        if answer.answers.is_empty() {
            // The root, and an empty non-terminal such as `_tcp.litware.test`, exist and have no data.
            if !name.is_empty() && !zone.records.keys().any(|(known, _)| is_under(known, &name)) {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            answer.add_authority(start_of_authority());
        }
        answer.to_vec().ok()
    }
}

fn is_under(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// The record that tells a resolver for how long a negative answer holds: not at all.
fn start_of_authority() -> Record {
    let zone = Name::from_ascii("test.").unwrap();
    let host = Name::from_ascii("names.test.").unwrap();
    Record::from_rdata(zone, 0, RData::SOA(SOA::new(host.clone(), host, 1, 1, 1, 1, 0)))
}
