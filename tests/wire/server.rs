//! A server that speaks as far into a stream as a test needs, and then says what the test wants.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The start of an answer in the namespace `content`.
pub fn header(content: &str, from: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='{content}' xmlns:stream='http://etherx.jabber.org/streams' \
         from='{from}' id='s1' version='1.0'>"
    )
}

pub const STARTTLS: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";

/// Reads until what came ends with `end`. A client that leaves ends it too, and one that speaks TLS.
pub async fn hear(io: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        match io.read_u8().await {
            Ok(TLS_HANDSHAKE) | Err(_) => break,
            Ok(byte) => heard.push(byte),
        }
    }
    String::from_utf8(heard).unwrap()
}

pub async fn say(io: &mut (impl AsyncWrite + Unpin), text: &str) {
    // The client may have left already; then nobody misses it.
    let _ = io.write_all(text.as_bytes()).await;
    let _ = io.flush().await;
}

/// Goes as far as a stream over STARTTLS whose header has been read on both sides of it.
pub async fn start_tls(
    mut tcp: TcpStream,
    config: &Arc<ServerConfig>,
    content: &str,
    from: &str,
) -> Option<TlsStream<TcpStream>> {
    if !hear_header(&mut tcp).await.contains("<stream:stream") {
        say(&mut tcp, &(header(content, from) + NOT_WELL_FORMED)).await;
        return None;
    }
    say(&mut tcp, &(header(content, from) + STARTTLS)).await;
    hear(&mut tcp, "/>").await;
    say(&mut tcp, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
    let mut tls = TlsAcceptor::from(Arc::clone(config)).accept(tcp).await.ok()?;
    hear_header(&mut tls).await;
    say(&mut tls, &header(content, from)).await;
    Some(tls)
}

/// Reads the XML declaration and the start tag.
pub async fn hear_header(io: &mut (impl AsyncRead + Unpin)) -> String {
    let declaration = hear(io, "?>").await;
    if declaration.ends_with("?>") { declaration + hear(io, ">").await.as_str() } else { declaration }
}

const NOT_WELL_FORMED: &str = "<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
    </stream:error></stream:stream>";

/// The first byte of a ClientHello.
const TLS_HANDSHAKE: u8 = 22;
