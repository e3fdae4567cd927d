//! Tests of what no transcript can play: a connection that takes nothing any more, and still has something to say.

use std::pin::Pin;
use std::task::Context;

use tokio::io::ReadBuf;

use super::*;

/// Takes nothing, and has something to say.
struct Deaf<'a>(&'a [u8]);

impl AsyncRead for Deaf<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Deaf<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let is_header = bytes.starts_with(b"<?xml");
        Poll::Ready(if is_header { Ok(bytes.len()) } else { Err(io::ErrorKind::ConnectionReset.into()) })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_server_that_left_is_heard_out_before_the_broken_write_is_blamed() {
    const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                          id='1' version='1.0'><stream:features>\
                          <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
    const SHUTDOWN: &str = "<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
                            </stream:error>";
    for (said, wanted) in [(SHUTDOWN, "the stream ended with system-shutdown"), ("", "the connection broke")]
    {
        let words = [HEADER, said].concat();
        let mut trace = Trace::new();
        let stream = Stream::<_, Plain>::open(Deaf(words.as_bytes()), "litwareinc.com", &mut trace);
        let fault = stream.await.unwrap().start_tls(&mut trace).await.err().unwrap().to_string();
        assert!(fault.starts_with(wanted), "{fault}");
    }
}
