//! One HTTP request (RFC 9110) to the address of a notification, over TLS where it says so.
//!
//! Follows no redirect: a notice goes where the topology says and nowhere else. The caller sets the deadline.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::DeliveryFault;
use crate::secret::Secret;
use crate::trusted;

/// A request.
pub(super) struct JsonPost<'a> {
    pub(super) url: &'a str,
    pub(super) body: String,
    /// Goes into the header `Authorization: Bearer`.
    pub(super) token: Option<&'a Secret>,
    pub(super) ca_file: Option<&'a Path>,
    /// Goes into the header `Idempotency-Key`.
    pub(super) key: &'a str,
}

impl JsonPost<'_> {
    /// Sends it.
    ///
    /// # Errors
    /// Any answer but a 2xx; 408, 429 and 5xx are no refusals.
    pub(super) async fn send(self) -> Result<(), DeliveryFault> {
        let uri: Uri =
            self.url.parse().map_err(|error| refused(format!("its address cannot be read: {error}")))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| not_now(format!("{host}:{port} cannot be reached: {error}")))?;
        let request = self.request(&uri)?;
        let (status, answer) = match is_tls {
            true => {
                let config = tls(self.ca_file).map_err(not_now)?;
                let name = ServerName::try_from(host.clone()).map_err(|error| refused(error.to_string()))?;
                let stream = TlsConnector::from(Arc::new(config))
                    .connect(name, stream)
                    .await
                    .map_err(|error| not_now(format!("no TLS with {host}:{port}: {error}")))?;
                exchange(stream, request).await?
            }
            false => exchange(stream, request).await?,
        };
        let said = || {
            let first = answer.lines().next().unwrap_or_default();
            let text: String = first.chars().filter(|c| !c.is_control()).take(200).collect();
            format!("{status} {text}").trim_end().to_owned()
        };
        let passes = status == StatusCode::REQUEST_TIMEOUT
            || status == StatusCode::TOO_MANY_REQUESTS
            || status.is_server_error();
        match status {
            status if status.is_success() => Ok(()),
            _ if passes => Err(not_now(said())),
            _ => Err(refused(said())),
        }
    }

    fn request(&self, uri: &Uri) -> Result<Request<Full<Bytes>>, DeliveryFault> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::post(path)
            .header(HOST, authority)
            .header(USER_AGENT, concat!("imsh/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", self.key);
        if let Some(token) = self.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| refused("the token holds a character that no header can carry".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request
            .body(Full::new(Bytes::from(self.body.clone())))
            .map_err(|error| refused(format!("no request can be made of it: {error}")))
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, String), DeliveryFault> {
    let broken = |error: hyper::Error| not_now(format!("the connection broke: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let driving = tokio::spawn(connection);
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        // A long answer says no more than its beginning.
        let body = Limited::new(answer.into_body(), MOST_ANSWER).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let answer = answer.await;
    driving.abort();
    answer
}

/// TLS with the system's issuers, or with those of a private file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            let unreadable = |reason: String| format!("{}: {reason}", file.display());
            let mut pem = Vec::new();
            let read = trusted::open_linked(file).and_then(|mut opened| opened.read_to_end(&mut pem));
            read.map_err(|error| unreadable(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn not_now(reason: String) -> DeliveryFault {
    DeliveryFault::NotNow(reason)
}

fn refused(reason: String) -> DeliveryFault {
    DeliveryFault::Refused(reason)
}

/// The length of an answer that is read, in bytes.
const MOST_ANSWER: usize = 64 << 10;
