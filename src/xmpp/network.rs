//! The network as this process sees it: name servers, trusted issuers, cryptography, keys in memory.
//!
//! Shared by every verification of a process and cheap to clone. What is costly (reading the
//! system's configuration and its trusted issuers) is done once, when it is first needed. Belongs
//! to one tokio runtime.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use tokio::sync::{OnceCell, Semaphore};

use super::certificate::{Anchors, InspectionCache};
use super::sasl::KeyCache;
use super::{resolve, secure};

/// See the module.
#[derive(Clone)]
pub struct Network(Arc<NetworkState>);

struct NetworkState {
    /// `None`: those of the system.
    name_servers: Option<Vec<SocketAddr>>,
    resolver: OnceLock<Result<TokioResolver, String>>,
    /// One for each question to DNS that may be open: each takes a socket.
    questions: Semaphore,
    provider: Arc<CryptoProvider>,
    /// What the configuration of every TLS handshake begins as.
    blank_config: Result<ClientConfig, rustls::Error>,
    /// Trusted beside the issuers of the system.
    extra_roots: Vec<CertificateDer<'static>>,
    system_anchors: OnceCell<Arc<Anchors>>,
    /// By file, with the time when the file was last changed.
    file_anchors: Mutex<HashMap<PathBuf, (SystemTime, Arc<Anchors>)>>,
    /// The chains of the present second, so that a batch inspects each once.
    inspected: InspectionCache,
    /// Derived from passwords, so that a batch derives them once.
    keys: KeyCache,
}

/// The trust in certificates, by their issuers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Those of the issuers that the system trusts.
    #[default]
    System,
    /// Those of the issuers in this PEM file, and no others: a pool's `ca_file`.
    File(PathBuf),
}

impl Network {
    /// The network with the name servers and the hosts file of the system.
    pub fn system() -> Self {
        Self::new(None, Vec::new())
    }

    /// The network with these name servers, asked over UDP and TCP, and without the hosts file.
    pub fn with_name_servers(name_servers: &[SocketAddr]) -> Self {
        Self::new(Some(name_servers.to_vec()), Vec::new())
    }

    /// The same network, where these issuers are trusted beside those of the system.
    #[must_use]
    pub fn trusting(&self, extra_roots: Vec<CertificateDer<'static>>) -> Self {
        Self::new(self.0.name_servers.clone(), extra_roots)
    }

    fn new(name_servers: Option<Vec<SocketAddr>>, extra_roots: Vec<CertificateDer<'static>>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Self(Arc::new(NetworkState {
            name_servers,
            resolver: OnceLock::new(),
            questions: Semaphore::new(MAX_QUESTIONS),
            blank_config: secure::blank_config(&provider),
            provider,
            extra_roots,
            system_anchors: OnceCell::new(),
            file_anchors: Mutex::default(),
            inspected: InspectionCache::default(),
            keys: KeyCache::default(),
        }))
    }

    /// The cryptography: always this one, never a default of the process.
    pub(super) fn provider(&self) -> &Arc<CryptoProvider> {
        &self.0.provider
    }

    /// What the configuration of every TLS handshake begins as.
    pub(super) fn blank_config(&self) -> Result<&ClientConfig, &rustls::Error> {
        self.0.blank_config.as_ref()
    }

    /// The chains that were inspected.
    pub(super) fn inspected(&self) -> &InspectionCache {
        &self.0.inspected
    }

    /// The keys of accounts.
    pub(super) fn keys(&self) -> &KeyCache {
        &self.0.keys
    }

    /// The resolver, made when it is first asked for.
    pub(super) fn resolver(&self) -> Result<&TokioResolver, resolve::Fault> {
        self.0
            .resolver
            .get_or_init(|| match &self.0.name_servers {
                None => system_resolver(),
                Some(name_servers) => resolver_of(name_servers),
            })
            .as_ref()
            .map_err(|reason| resolve::Fault::NoNameServer { reason: reason.clone() })
    }

    /// The name servers that were named to us; none where the system's are asked.
    pub(super) fn own_name_servers(&self) -> &[SocketAddr] {
        self.0.name_servers.as_deref().unwrap_or_default()
    }

    /// Leave to ask DNS one more question; waits while too many are open.
    pub(super) fn questions(&self) -> &Semaphore {
        &self.0.questions
    }

    /// The issuers that `trust` stands for. A changed file is read again.
    pub(super) async fn anchors(&self, trust: &Trust) -> Result<Arc<Anchors>, secure::Fault> {
        match trust {
            Trust::System => {
                let extra_roots = self.0.extra_roots.clone();
                let load = || blocking(move || Anchors::system(&extra_roots));
                self.0.system_anchors.get_or_try_init(load).await.cloned()
            }
            Trust::File(path) => {
                let changed = tokio::fs::metadata(path).await.and_then(|metadata| metadata.modified()).ok();
                if let Some((read, anchors)) = lock(&self.0.file_anchors).get(path)
                    && changed == Some(*read)
                {
                    return Ok(Arc::clone(anchors));
                }
                let file = path.clone();
                let anchors = blocking(move || Anchors::from_file(&file)).await?;
                if let Some(changed) = changed {
                    lock(&self.0.file_anchors).insert(path.clone(), (changed, Arc::clone(&anchors)));
                }
                Ok(anchors)
            }
        }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("name_servers", &self.0.name_servers).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking(
    load: impl FnOnce() -> Result<Anchors, secure::Fault> + Send + 'static,
) -> Result<Arc<Anchors>, secure::Fault> {
    match tokio::task::spawn_blocking(load).await {
        Ok(anchors) => anchors.map(Arc::new),
        Err(error) => Err(secure::Fault::NoRoots { reason: error.to_string() }),
    }
}

fn system_resolver() -> Result<TokioResolver, String> {
    let mut builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
    let options = builder.options_mut();
    tune(options);
    builder.build().map_err(|error| error.to_string())
}

fn tune(options: &mut ResolverOpts) {
    options.timeout = options.timeout.min(TRY);
    options.attempts = 1;
    options.max_active_requests = MAX_QUESTIONS;
    // Nothing is remembered: a test that is repeated after a repair must see the repair.
    options.cache_size = 0;
}

fn resolver_of(name_servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let name_servers = name_servers.iter().map(|address| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let on_port = |connection: ConnectionConfig| {
            let mut connection = connection;
            connection.port = address.port();
            connection
        };
        NameServerConfig::new(address.ip(), true, connections.map(on_port).to_vec())
    });
    let config = ResolverConfig::from_parts(None, Vec::new(), name_servers.collect());
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    tune(options);
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(|error| error.to_string())
}

/// The time limit for one try of a query; one retry follows, and both fit into Resolve's deadline.
const TRY: Duration = Duration::from_millis(1500);

/// Questions to DNS that are open at once; a batch of hundreds must not run out of sockets.
const MAX_QUESTIONS: usize = 128;
