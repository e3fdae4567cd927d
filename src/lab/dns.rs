//! A name server on loopback (RFC 1035; SRV as in RFC 2782), over UDP and TCP on the same port.
//!
//! Answers from a [`Zone`] that can change while it runs, and can fail as real ones do: no such
//! name, no records, an error code, silence. Knows no other servers and asks nobody.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// The data that the name server answers from. Names are written without their final dot, in any letter case.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    names: HashMap<String, ZoneEntry>,
}

/// The answer of the name server for one name.
#[derive(Clone, Debug)]
enum ZoneEntry {
    /// With these records, or with none of the type that was asked for.
    Records(Vec<RData>),
    /// With an error code.
    Error(ResponseCode),
    /// Not at all.
    Silence,
}

/// A running name server; it stops when it is dropped.
#[derive(Debug)]
pub struct LabNameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    _tasks: JoinSet<()>,
}

impl Zone {
    /// A zone in which no name exists.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an address.
    #[must_use]
    pub fn address(self, name: &str, address: impl Into<IpAddr>) -> Self {
        let record = match address.into() {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.record(name, record)
    }

    /// Adds an SRV record; the target `.` says that the service is not offered.
    ///
    /// # Errors
    /// A target that is no DNS name.
    pub fn srv(self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> io::Result<Self> {
        let mut target = Name::from_ascii(target).map_err(io::Error::other)?;
        target.set_fqdn(true);
        Ok(self.record(name, RData::SRV(SRV::new(priority, weight, port, target))))
    }

    /// Makes a name an alias of another one (CNAME).
    ///
    /// # Errors
    /// A target that is no DNS name.
    pub fn alias(self, name: &str, target: &str) -> io::Result<Self> {
        let mut target = Name::from_ascii(target).map_err(io::Error::other)?;
        target.set_fqdn(true);
        Ok(self.record(name, RData::CNAME(CNAME(target))))
    }

    /// Lets a name exist without any record.
    #[must_use]
    pub fn empty(mut self, name: &str) -> Self {
        self.names.entry(key(name)).or_insert_with(|| ZoneEntry::Records(Vec::new()));
        self
    }

    /// Answers every query for a name with SERVFAIL.
    #[must_use]
    pub fn server_failure(self, name: &str) -> Self {
        self.entry(name, ZoneEntry::Error(ResponseCode::ServFail))
    }

    /// Answers every query for a name with REFUSED.
    #[must_use]
    pub fn refused(self, name: &str) -> Self {
        self.entry(name, ZoneEntry::Error(ResponseCode::Refused))
    }

    /// Answers no query for a name.
    #[must_use]
    pub fn silence(self, name: &str) -> Self {
        self.entry(name, ZoneEntry::Silence)
    }

    fn record(mut self, name: &str, record: RData) -> Self {
        match self.names.entry(key(name)).or_insert_with(|| ZoneEntry::Records(Vec::new())) {
            ZoneEntry::Records(records) => records.push(record),
            other @ (ZoneEntry::Error(_) | ZoneEntry::Silence) => *other = ZoneEntry::Records(vec![record]),
        }
        self
    }

    fn entry(mut self, name: &str, entry: ZoneEntry) -> Self {
        self.names.insert(key(name), entry);
        self
    }

    /// The answer to a query, or `None` for silence.
    fn answer(&self, query: &Message) -> Option<Message> {
        let question = query.queries.first()?;
        let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_query(question.clone());
        match self.names.get(&key(&question.name().to_ascii())) {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(ZoneEntry::Silence) => return None,
            Some(ZoneEntry::Error(code)) => answer.metadata.response_code = *code,
            Some(ZoneEntry::Records(_)) => {
                self.records(question.name(), question.query_type(), &mut answer, MAX_ALIASES);
            }
        }
        Some(answer)
    }

    /// Answers with the records of a name, and with those behind it where it is an alias.
    fn records(&self, name: &Name, wanted: RecordType, answer: &mut Message, n_aliases: u8) {
        let Some(ZoneEntry::Records(records)) = self.names.get(&key(&name.to_ascii())) else { return };
        for data in records {
            let is_wanted = wanted == RecordType::ANY || data.record_type() == wanted;
            if is_wanted || data.record_type() == RecordType::CNAME {
                answer.add_answer(Record::from_rdata(name.clone(), TTL, data.clone()));
            }
            if let (RData::CNAME(target), false, 1..) = (data, is_wanted, n_aliases) {
                self.records(&target.0, wanted, answer, n_aliases - 1);
            }
        }
    }
}

impl LabNameServer {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port is free for both UDP and TCP.
    pub async fn start(zone: Zone) -> io::Result<Self> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let zone = Arc::new(Mutex::new(zone));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&zone)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&zone)));
        Ok(Self { address, zone, _tasks: tasks })
    }

    /// Returns the address that the name server listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts another zone in the place of the one that it answers from.
    pub fn replace(&self, zone: Zone) {
        *self.zone.lock().unwrap_or_else(PoisonError::into_inner) = zone;
    }
}

/// Finds a port that is free for UDP and for TCP.
async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..16 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut packet = [0; 4096];
    loop {
        // An error here is an ICMP message about an earlier answer; it concerns nobody any more.
        let Ok((length, client)) = socket.recv_from(&mut packet).await else { continue };
        let Some(answer) = reply(&zone, &packet[..length]) else { continue };
        let answer = if answer.len() > MAX_UDP { truncated(&packet[..length]) } else { Some(answer) };
        if let Some(answer) = answer {
            drop(socket.send_to(&answer, client).await);
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    let mut clients = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let zone = Arc::clone(&zone);
        clients.spawn(async move { drop(converse(stream, &zone).await) });
        while clients.try_join_next().is_some() {}
    }
}

/// Answers the queries of one TCP client (RFC 7766) until it leaves.
async fn converse(mut stream: TcpStream, zone: &Mutex<Zone>) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        let Some(answer) = reply(zone, &query) else { continue };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_u16(length).await?;
        stream.write_all(&answer).await?;
    }
}

/// The answer's bytes, or `None` where the zone is silent or the query is not one.
fn reply(zone: &Mutex<Zone>, query: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    zone.lock().unwrap_or_else(PoisonError::into_inner).answer(&query)?.to_vec().ok()
}

/// An answer that says: ask again over TCP.
fn truncated(query: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    answer.add_query(query.queries.first()?.clone());
    answer.metadata.truncation = true;
    answer.to_vec().ok()
}

fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The maximum size of an answer over UDP, in bytes (DNS flag day 2020).
const MAX_UDP: usize = 1232;

/// Aliases that one answer follows.
const MAX_ALIASES: u8 = 4;

/// Seconds that an answer may be kept.
const TTL: u32 = 60;
