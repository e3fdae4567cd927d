//! The HTTP service of a watcher: pages for people, `/metrics` and `/probe` for Prometheus, JSON for programs.
//!
//! Reads the store and what the watcher knows of itself; only `/probe` starts anything, and only tests of
//! what the topology lists. Off this machine it serves over TLS and to whoever gives the token. Requests,
//! connections and their time are bounded: nobody who reads slowly, or not at all, keeps others waiting.

mod tls;
mod access;
mod answer;
mod facts;
mod metrics;
mod probe;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::access::ServiceAccess;
use self::facts::Facts;
use self::probe::Prober;
pub use self::tls::IdentityFault;
use self::tls::{FromFiles, Token};
use super::counters::TestCounters;
use super::status::WatcherStatus;
use crate::host::Host;
use crate::store::Store;
use crate::topology::{HttpTable, ListenAddress};

/// The parts that a service is made of.
#[derive(Clone)]
pub struct ServiceParts {
    /// The store of the results.
    pub store: Store,
    /// The status of the watcher.
    pub status: WatcherStatus,
    /// The counters of the watcher's tests.
    pub counters: TestCounters,
    /// The door to the tests that `/probe` asks for.
    pub host: Arc<Host>,
}

/// A service that is ready to listen.
pub struct HttpService {
    listen: ListenAddress,
    identity: Option<Identity>,
    service: Arc<Service>,
}

/// The handler of requests.
struct Service {
    facts: Facts,
    prober: Prober,
    door: ServiceAccess,
}

impl HttpService {
    /// A service as the topology wants it.
    ///
    /// # Errors
    /// Certificate, key or token cannot be used.
    pub fn new(settings: &HttpTable, parts: ServiceParts) -> Result<Self, IdentityFault> {
        let token = match &settings.token_file {
            Some(file) => Some(FromFiles::<Token>::new(vec![file.clone()], tls::token)?),
            None => None,
        };
        let identity = match (&settings.tls_certificate, &settings.tls_key) {
            (Some(certificate), Some(key)) => {
                let files = vec![certificate.clone(), key.clone()];
                Some(Arc::new(FromFiles::<Arc<ServerConfig>>::new(files, tls::identity)?))
            }
            (Some(_) | None, _) => None,
        };
        let service = Service {
            prober: Prober::new(parts.host.clone()),
            door: ServiceAccess { token, is_local: settings.listen.is_loopback() },
            facts: Facts::new(parts),
        };
        Ok(Self { listen: settings.listen, identity, service: Arc::new(service) })
    }

    /// Serves until `end` is cancelled, and returns when its addresses are free again. Where the address is taken it is tried again and again: a watcher
    /// that nobody can look at keeps watch all the same.
    pub async fn listen(self, end: CancellationToken) {
        let mut is_told = false;
        let listeners = loop {
            match self.listeners().await {
                Ok(listeners) => break listeners,
                Err((address, reason)) => {
                    if !std::mem::replace(&mut is_told, true) {
                        let (address, reason) = (address.to_string(), reason.to_string());
                        tracing::error!(address, reason, "nothing is served; the address is tried again");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(NEXT_TRY) => {}
                () = end.cancelled() => return,
            }
        };
        self.serve(listeners, end).await;
    }

    /// The same with listeners that are there.
    pub async fn serve(self, listeners: Vec<TcpListener>, end: CancellationToken) {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        if let Some(address) = listeners.first().and_then(|listener| listener.local_addr().ok()) {
            tracing::info!("pages and metrics are at {scheme}://{address}/");
        }
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let accepting = listeners.into_iter().map(|listener| {
            let (service, identity) = (self.service.clone(), self.identity.clone());
            accept(listener, identity, service, connections.clone(), end.clone())
        });
        futures_util::future::join_all(accepting).await;
    }

    /// Listens at its addresses.
    ///
    /// # Errors
    /// One of them is taken, or is not this machine's.
    pub async fn listeners(&self) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
        let mut listeners = Vec::new();
        for address in self.listen.addresses() {
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                // A machine without IPv6 has one of the two addresses of localhost.
                Err(_) if !listeners.is_empty() => {}
                Err(reason) => return Err((address, reason)),
            }
        }
        Ok(listeners)
    }
}

type Identity = Arc<FromFiles<Arc<ServerConfig>>>;

async fn accept(
    listener: TcpListener,
    identity: Option<Identity>,
    service: Arc<Service>,
    connections: Arc<Semaphore>,
    end: CancellationToken,
) {
    loop {
        let room = tokio::select! {
            room = connections.clone().acquire_owned() => room,
            () = end.cancelled() => return,
        };
        let Ok(room) = room else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = end.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors: what is open has to end first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (service, identity, end) = (service.clone(), identity.clone(), end.clone());
        tokio::spawn(async move {
            connection(stream, identity, service, end).await;
            drop(room);
        });
    }
}

/// One connection, over TLS where there is an identity.
async fn connection(
    stream: TcpStream,
    identity: Option<Identity>,
    service: Arc<Service>,
    end: CancellationToken,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(SLOWEST_READER));
    let stream = Box::pin(stream);
    match identity {
        None => requests(stream, service, end).await,
        Some(identity) => {
            let handshake = TlsAcceptor::from((*identity.now()).clone()).accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_PATIENCE, handshake).await {
                requests(stream, service, end).await;
            }
        }
    }
}

async fn requests<S>(stream: S, service: Arc<Service>, end: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let respond = move |request: Request<Incoming>| {
        let service = service.clone();
        async move { Ok::<Response<Full<Bytes>>, Infallible>(service.answer(&request).await) }
    };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(64)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service_fn(respond));
    let mut serving = std::pin::pin!(serving);
    // What a reader breaks off, or sends that is no HTTP, is between them and us: there is nothing to tell.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = tokio::time::sleep(LONGEST_CONNECTION) => {}
        () = end.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(LAST_ANSWER, serving).await;
}

/// After how long an address that is taken is tried again.
const NEXT_TRY: Duration = Duration::from_secs(10);
/// The maximum number of connections that are open at once.
const CONNECTIONS: usize = 128;
/// The time that the head of a request, or a TLS handshake, may take; and the time that a connection may be idle.
const HEAD_PATIENCE: Duration = Duration::from_secs(20);
/// The time for which a reader may take nothing of an answer.
const SLOWEST_READER: Duration = Duration::from_secs(20);
/// The maximum size of the head of a request, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;
/// After how long a connection takes no further request.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);
/// The time that an answer that is under way may take then.
const LAST_ANSWER: Duration = Duration::from_secs(10);
