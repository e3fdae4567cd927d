//! The stream reader on stanzas of 300 bytes, by the size of the reads they arrive in.
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to hand an error to")]

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imsh::internals::xmpp::xml::{StreamReader, XmlFrame};
use tokio::io::{AsyncRead, ReadBuf};

const N_STANZAS: usize = 10_000;

/// A stream of many chat messages, as clients send them.
fn stream() -> Vec<u8> {
    let mut stream = String::from(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' id='1' from='example.com' version='1.0'>",
    );
    for n in 0..N_STANZAS {
        let start = stream.len();
        stream.push_str(&format!(
            "<message from='juliet@example.com/balcony' to='romeo@example.net' type='chat' id='m{n:08}'>\
             <body>Wherefore art thou, Romeo? &amp; "
        ));
        const END: &str = "</body><active xmlns='http://jabber.org/protocol/chatstates'/>\
                           <request xmlns='urn:xmpp:receipts'/></message>";
        while stream.len() - start + END.len() < 300 {
            stream.push('x');
        }
        stream.push_str(END);
    }
    stream.push_str("</stream:stream>");
    stream.into_bytes()
}

/// Gives the bytes in pieces of one size.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let (piece, rest) = self.rest.split_at(self.size.min(buffer.remaining()).min(self.rest.len()));
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

fn reader(criterion: &mut Criterion) {
    let stream = stream();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut group = criterion.benchmark_group("reader");
    group.throughput(Throughput::Bytes(stream.len() as u64)).sample_size(20);
    for size in [64, 1460, 16 * 1024] {
        group.bench_with_input(BenchmarkId::new("300-byte stanzas", size), &size, |bencher, size| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let mut reader = StreamReader::new(Pieces { rest: &stream, size: *size });
                    let mut n_stanzas = 0;
                    loop {
                        match reader.next().await.unwrap() {
                            XmlFrame::Open(_) => {}
                            XmlFrame::Stanza(stanza) => {
                                n_stanzas += 1;
                                black_box(stanza);
                            }
                            XmlFrame::Close => break,
                        }
                    }
                    assert_eq!(n_stanzas, N_STANZAS);
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, reader);
criterion_main!(benches);
