//! The XML that crosses the wire of a session, kept while somebody wants to know (`-OutLoggerVariable`).
//!
//! A [`Stream`](super::stream::Stream) writes it down where everything passes, and masks what may be a
//! secret before it is kept. Holds a bounded amount: what is oldest goes first, and is counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::trace::Direction;

/// The XML that has crossed, until somebody takes it; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Wire(Arc<Mutex<WireBuffer>>);

#[derive(Debug, Default)]
struct WireBuffer {
    crossed: VecDeque<Crossed>,
    n_bytes: usize,
    n_lost: u64,
}

/// Something that crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossed {
    /// When.
    pub at: Instant,
    pub direction: Direction,
    /// The XML, secrets masked, cut to a bounded length.
    pub xml: String,
}

/// The part of the record that was taken out.
#[derive(Clone, Debug, Default)]
pub struct TakenText {
    /// The XML that crossed, in order.
    pub crossed: Vec<Crossed>,
    /// The number of further items that were not kept.
    pub n_lost: u64,
}

impl Wire {
    /// Writes down what crosses now.
    pub(super) fn push(&self, direction: Direction, xml: &str) {
        let crossed = Crossed { at: Instant::now(), direction, xml: cut(xml) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.n_bytes += crossed.xml.len();
        kept.crossed.push_back(crossed);
        while kept.n_bytes > MOST_KEPT || kept.crossed.len() > MOST_STANZAS {
            let Some(oldest) = kept.crossed.pop_front() else { break };
            kept.n_bytes -= oldest.xml.len();
            kept.n_lost += 1;
        }
    }

    /// Takes everything out.
    pub fn take(&self) -> TakenText {
        let WireBuffer { crossed, n_lost, .. } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        TakenText { crossed: crossed.into(), n_lost }
    }

    /// Takes out what has crossed since then about a message: whatever bears its id or its nonce, and
    /// the acknowledgements, which bear neither. What is about other messages of the session stays.
    pub fn take_about(&self, id: &str, nonce: &str, since: Instant) -> TakenText {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = |crossed: &Crossed| {
            crossed.at >= since
                && (crossed.xml.contains(id) || crossed.xml.contains(nonce) || is_of_stream(&crossed.xml))
        };
        let mut taken = TakenText { crossed: Vec::new(), n_lost: std::mem::take(&mut kept.n_lost) };
        for crossed in std::mem::take(&mut kept.crossed) {
            if is_wanted(&crossed) {
                kept.n_bytes -= crossed.xml.len();
                taken.crossed.push(crossed);
            } else {
                kept.crossed.push_back(crossed);
            }
        }
        taken
    }
}

/// Whether it is about the stream and not a stanza: acknowledgements (XEP-0198) and ends.
fn is_of_stream(xml: &str) -> bool {
    !["<message", "<presence", "<iq"].iter().any(|stanza| xml.starts_with(stanza))
}

fn cut(xml: &str) -> String {
    if xml.len() <= MOST_OF_ONE {
        return xml.to_owned();
    }
    let end = xml.floor_char_boundary(MOST_OF_ONE);
    format!("{}… ({} bytes in all)", &xml[..end], xml.len())
}

/// Bytes that are kept of one session, and of one stanza.
const MOST_KEPT: usize = 256 * 1024;
const MOST_OF_ONE: usize = 16 * 1024;
/// Stanzas that are kept of one session.
const MOST_STANZAS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_fills_no_memory_and_is_counted() {
        let wire = Wire::default();
        let stanza = format!("<message>{}</message>", "ü".repeat(MOST_OF_ONE));
        for _ in 0..100 {
            wire.push(Direction::Received, &stanza);
        }
        let TakenText { crossed, n_lost } = wire.take();
        let n_bytes: usize = crossed.iter().map(|crossed| crossed.xml.len()).sum();
        assert!(n_bytes <= MOST_KEPT && n_bytes > MOST_KEPT / 2, "{n_bytes}");
        assert_eq!(crossed.len() as u64 + n_lost, 100);
        assert!(crossed[0].xml.ends_with("bytes in all)"));
        for _ in 0..2 * MOST_STANZAS {
            wire.push(Direction::Received, "<a/>");
        }
        assert_eq!(wire.take().crossed.len(), MOST_STANZAS);
    }

    #[test]
    fn a_message_takes_what_is_about_it_and_leaves_the_rest() {
        let wire = Wire::default();
        let since = Instant::now();
        for xml in ["<message id='A'/>", "<message id='B'/>", "<a h='1'/>", "<message>A's nonce: N</message>"]
        {
            wire.push(Direction::Received, xml);
        }
        let taken = wire.take_about("id='A'", "N", since).crossed;
        let xml: Vec<&str> = taken.iter().map(|crossed| crossed.xml.as_str()).collect();
        assert_eq!(xml, ["<message id='A'/>", "<a h='1'/>", "<message>A's nonce: N</message>"]);
        assert_eq!(wire.take().crossed.len(), 1);
    }
}
