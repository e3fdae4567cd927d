//! A stream from a server: however it is cut into reads, the same frames come out of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use imsh::internals::xmpp::xml::StreamReader;
use tokio::io::{AsyncRead, ReadBuf};

/// The first byte says how long the reads are, the others are the stream.
pub fn try_one(data: &[u8]) {
    let Some((length, stream)) = data.split_first() else { return };
    let whole = frames(stream, usize::MAX);
    assert_eq!(whole, frames(stream, 1 + usize::from(*length) % 32));
}

fn frames(stream: &[u8], length: usize) -> Vec<String> {
    super::block_on(async {
        let mut reader = StreamReader::new(Pieces { stream, length });
        let mut frames = Vec::new();
        loop {
            match reader.next().await {
                Ok(frame) => frames.push(format!("{frame:?}")),
                Err(fault) => {
                    // How much of it is quoted depends on how much was there.
                    let fault = fault.to_string();
                    let (before, behind) = fault.split_once('`').unwrap_or((&fault, ""));
                    let behind = behind.rsplit_once('`').map_or("", |(_, behind)| behind);
                    frames.push(format!("{before}{behind}"));
                    return frames;
                }
            }
        }
    })
}

/// Gives a stream in reads of the same length.
struct Pieces<'a> {
    stream: &'a [u8],
    length: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self.stream.len().min(self.length).min(buffer.remaining());
        let (piece, rest) = self.stream.split_at(n);
        buffer.put_slice(piece);
        self.stream = rest;
        Poll::Ready(Ok(()))
    }
}
