//! Certificates that a server shows in a real handshake: none of them is trusted, and what is reported of
//! them can be printed.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use imsh::internals::xmpp::certificate::{CertificateIdentity, CertificateRole};
use imsh::internals::xmpp::connect::Dialling;
use imsh::internals::xmpp::network::{Network, Trust};
use imsh::internals::xmpp::resolve::{Endpoint, Target, TargetOrigin, TlsStart};
use imsh::internals::xmpp::secure::{self, Handshake};
use imsh::internals::xmpp::trace::Trace;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// A certificate (DER); another one behind the bytes `\n--\n`, and so on.
pub fn try_one(data: &[u8]) {
    let mut chain = vec![Vec::new()];
    let mut rest = data;
    while let Some((byte, behind)) = rest.split_first() {
        match rest.strip_prefix(b"\n--\n") {
            Some(behind) if chain.len() < 4 => {
                chain.push(Vec::new());
                rest = behind;
            }
            _ => {
                chain.last_mut().unwrap().push(*byte);
                rest = behind;
            }
        }
    }
    super::block_on(show(chain));
}

async fn show(chain: Vec<Vec<u8>>) {
    let world = world();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    let shown = Shown(Arc::new(CertifiedKey::new(chain, Arc::clone(&world.key))));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    let serve = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let _ = timeout(PATIENCE, TlsAcceptor::from(Arc::new(config)).accept(tcp)).await;
    };
    tokio::join!(look(address, world), serve);
}

async fn look(address: SocketAddr, world: &World) {
    let target = Target {
        host: address.ip().to_string(),
        port: address.port(),
        kind: TlsStart::Direct,
        priority: 0,
        weight: 0,
        origin: TargetOrigin::Listed,
    };
    let mut dialling = Dialling::new(vec![Endpoint { target, addresses: vec![address.ip()] }]);
    let mut trace = Trace::new();
    let wire = dialling.next(Instant::now() + PATIENCE, &mut trace).await.unwrap().wire;
    let identity = CertificateIdentity {
        domain: "litwareinc.com".to_owned(),
        host: None,
        role: CertificateRole::Client,
    };
    let handshake = Handshake {
        identity: &identity,
        trust: &world.trust,
        kind: TlsStart::Direct,
        client_certificate: None,
    };
    let result =
        timeout(PATIENCE, secure::verify(wire, &handshake, &world.network, &mut trace)).await.unwrap();
    for (_, fact) in trace.facts() {
        super::assert_harmless(&fact.to_string());
    }
    match result {
        Ok(_) => panic!("a certificate was trusted that nobody issued"),
        Err(fault) => super::assert_harmless(&fault.to_string()),
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

struct World {
    key: Arc<dyn rustls::sign::SigningKey>,
    trust: Trust,
    /// The file that `trust` reads.
    _authority: File,
    network: Network,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let key = rcgen::KeyPair::generate().unwrap();
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        // An authority of which no input can have a signature.
        let authority = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        // The file has no name any more when it is read, so that no run leaves it behind.
        let name = std::env::temp_dir().join(format!("imsh-fuzz-{}.pem", std::process::id()));
        std::fs::write(&name, authority.pem()).unwrap();
        let authority = File::open(&name).unwrap();
        std::fs::remove_file(&name).unwrap();
        let file = PathBuf::from(format!("/proc/self/fd/{}", authority.as_raw_fd()));
        World {
            key: rustls::crypto::ring::sign::any_supported_type(&der).unwrap(),
            trust: Trust::File(file),
            _authority: authority,
            network: Network::with_name_servers(&[]),
        }
    })
}
