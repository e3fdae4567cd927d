//! Authorities of a test, the certificates that they issue, and servers that show them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, OtherNameValue, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// An authority: its certificate, and the key that it signs with.
pub struct Authority {
    pub certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A chain, its own certificate first, and the key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
}

impl Authority {
    pub fn root(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// An authority under this one.
    pub fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], key }
    }
}

/// A certificate that is good for these host names, from 2020 to 2099.
pub fn server(names: &[&str]) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = named("a server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}

/// The same with one otherName more.
pub fn other_name(names: &[&str], oid: [u64; 9], value: &str) -> CertificateParams {
    let mut params = server(names);
    params
        .subject_alt_names
        .push(SanType::OtherName((oid.to_vec(), OtherNameValue::Utf8String(value.to_owned()))));
    params
}

/// Says where the issuer's certificate is published (AIA caIssuers).
pub fn published_at(mut params: CertificateParams, uri: &str) -> CertificateParams {
    let location = [&[0x86, u8::try_from(uri.len()).unwrap()], uri.as_bytes()].concat();
    let method = [0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    let description =
        [&[0x30, u8::try_from(method.len() + location.len()).unwrap()], &method[..], &location].concat();
    let access = [&[0x30, u8::try_from(description.len()).unwrap()], &description[..]].concat();
    params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access));
    params
}

pub fn self_signed(params: CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity { chain: vec![certificate.der().clone()], key }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished.push(DnType::OrganizationName, "A. Datum");
    distinguished
}

impl Identity {
    /// How a server shows it.
    pub fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        builder(versions).with_no_client_auth().with_single_cert(self.chain.clone(), self.key()).unwrap()
    }

    /// How a server shows it that asks its clients for theirs.
    pub fn config_asking(&self, authority: &Authority) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        builder(rustls::ALL_VERSIONS)
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key())
            .unwrap()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

fn builder(
    versions: &[&'static SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
}

/// Accepts one connection after another and hands each to `serve`. What that one leaves is closed so
/// that the client reads its end, or is reset where it asked for that (a linger of zero).
pub async fn listen<F, Serving>(mut serve: F) -> SocketAddr
where
    F: FnMut(TcpStream) -> Serving + Send + 'static,
    Serving: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let tcp = tcp.into_std().unwrap();
            let ours = tcp.try_clone().unwrap();
            let served = serve(TcpStream::from_std(tcp).unwrap());
            tokio::spawn(async move {
                served.await;
                see_off(TcpStream::from_std(ours).unwrap()).await;
            });
        }
    });
    address
}

/// The kernel resets what is closed with something unread in it, and what something comes for afterwards.
async fn see_off(mut tcp: TcpStream) {
    if tcp.linger().ok().flatten().is_none() && tcp.shutdown().await.is_ok() {
        drop(tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await);
    }
}

/// A port that nobody listens at, and that nobody else gets while this process lives.
pub fn closed_port() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}
