//! The framing scanner: where in the bytes a stream header, a stanza or the end of the stream ends.
//!
//! Runs before the parser and allocates nothing. It remembers where it stopped, so that no byte is
//! looked at twice however the bytes are cut, and it refuses at the first byte what RFC 6120,
//! section 11.1 forbids. It does not check names, namespaces or the nesting of names: `parse` does.

use memchr::{memchr, memchr2, memchr3, memmem};

use super::Violation;

/// The item that the bytes begin with.
#[derive(Debug, PartialEq)]
pub(super) enum ScannedItem {
    /// Nothing whole yet.
    Partial,
    /// White space between stanzas of this length (a keepalive).
    Blank(usize),
    /// A stream header of this length, XML declaration included.
    Header(usize),
    /// A whole stanza of this length.
    Stanza(usize),
    /// The end tag of the stream, of this length.
    Footer(usize),
    /// Something forbidden at this position.
    Forbidden(Violation, usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ScannerState {
    /// In text, or between stanzas.
    Text,
    /// Behind a `<`.
    Markup,
    /// Behind a `<!`, until it is clear whether CDATA begins.
    Bang,
    /// In a start tag, outside attribute values.
    Tag,
    /// In an attribute value with this quote.
    Value(u8),
    /// Behind an attribute value, where a blank or the end of the tag must follow.
    ValueEnd,
    EndTag,
    Declaration,
    Cdata,
}

/// The state of the scan over one stream.
#[derive(Debug)]
pub(super) struct Scanner {
    state: ScannerState,
    /// The next byte to look at, counted from the start of the frame.
    position: usize,
    /// The position at which the markup that is being scanned began.
    mark: usize,
    /// Open elements, the stream's own included.
    depth: usize,
    /// The greatest depth of the frame that is being scanned, its own element counted.
    deepest: usize,
    in_stream: bool,
}

const CDATA: &[u8] = b"<![CDATA[";
const XML: &[u8] = b"<?xml";

impl Scanner {
    pub(super) fn new() -> Self {
        Self { state: ScannerState::Text, position: 0, mark: 0, depth: 0, deepest: 0, in_stream: false }
    }

    /// Scans on in `bytes`, which begin where the last frame ended. After a frame was found the caller
    /// removes it from the front.
    pub(super) fn scan(&mut self, bytes: &[u8], max_depth: usize) -> ScannedItem {
        loop {
            let Some(rest) = bytes.get(self.position..).filter(|rest| !rest.is_empty()) else {
                return ScannedItem::Partial;
            };
            let found = match self.state {
                ScannerState::Text if self.depth == usize::from(self.in_stream) => self.between(rest),
                ScannerState::Text => self.text(rest),
                ScannerState::Markup => self.markup(rest[0]),
                ScannerState::Bang => self.bang(bytes),
                ScannerState::Tag => self.tag(bytes, max_depth),
                ScannerState::Value(quote) => self.value(rest, quote),
                ScannerState::ValueEnd => self.value_end(rest[0]),
                ScannerState::EndTag => self.end_tag(rest),
                ScannerState::Declaration => self.declaration(bytes),
                ScannerState::Cdata => self.until(rest, b"]]>"),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn between(&mut self, rest: &[u8]) -> Option<ScannedItem> {
        let blank = rest.iter().position(|byte| !is_blank(*byte)).unwrap_or(rest.len());
        if blank > 0 && self.in_stream && self.position == 0 {
            return Some(ScannedItem::Blank(blank));
        }
        self.position += blank;
        let first = rest.get(blank)?;
        if *first != b'<' {
            let begins =
                rest[blank..].iter().take(64).copied().collect::<Vec<_>>().escape_ascii().to_string();
            return Some(ScannedItem::Forbidden(Violation::TextBetweenStanzas { begins }, self.position));
        }
        self.begin_markup(0)
    }

    fn text(&mut self, rest: &[u8]) -> Option<ScannedItem> {
        match memchr(b'<', rest) {
            Some(n) => self.begin_markup(n),
            None => {
                self.position += rest.len();
                None
            }
        }
    }

    fn begin_markup(&mut self, skipped: usize) -> Option<ScannedItem> {
        self.mark = self.position + skipped;
        self.position = self.mark + 1;
        self.state = ScannerState::Markup;
        None
    }

    fn markup(&mut self, first: u8) -> Option<ScannedItem> {
        self.state = match first {
            b'/' => ScannerState::EndTag,
            b'!' => ScannerState::Bang,
            b'?' if self.mark == 0 && !self.in_stream => ScannerState::Declaration,
            b'?' => return Some(ScannedItem::Forbidden(Violation::ProcessingInstruction, self.mark)),
            _ => ScannerState::Tag,
        };
        None
    }

    /// `<?xml …?>`, which may stand first; any other processing instruction is refused at its name.
    fn declaration(&mut self, bytes: &[u8]) -> Option<ScannedItem> {
        let name = &bytes[..bytes.len().min(XML.len())];
        let is_named = XML.starts_with(name) && bytes.get(XML.len()).is_none_or(|next| is_blank(*next));
        if !is_named {
            return Some(ScannedItem::Forbidden(Violation::ProcessingInstruction, self.mark));
        }
        self.until(&bytes[self.position..], b"?>")
    }

    fn bang(&mut self, bytes: &[u8]) -> Option<ScannedItem> {
        let seen = &bytes[self.mark..bytes.len().min(self.mark + CDATA.len())];
        if !CDATA.starts_with(seen) {
            let comment = seen.starts_with(b"<!-");
            let violation = if comment { Violation::Comment } else { Violation::DocumentType };
            return Some(ScannedItem::Forbidden(violation, self.mark));
        }
        if seen.len() < CDATA.len() {
            return Some(ScannedItem::Partial);
        }
        if self.depth == usize::from(self.in_stream) {
            let begins = "<![CDATA[".to_owned();
            return Some(ScannedItem::Forbidden(Violation::TextBetweenStanzas { begins }, self.mark));
        }
        self.position = self.mark + CDATA.len();
        self.state = ScannerState::Cdata;
        None
    }

    fn tag(&mut self, bytes: &[u8], max_depth: usize) -> Option<ScannedItem> {
        let Some(n) = memchr3(b'>', b'"', b'\'', &bytes[self.position..]) else {
            self.position = bytes.len();
            return None;
        };
        let at = self.position + n;
        self.position = at + 1;
        if bytes[at] != b'>' {
            self.state = ScannerState::Value(bytes[at]);
            return None;
        }
        self.state = ScannerState::Text;
        let is_empty = bytes[at - 1] == b'/';
        if !self.in_stream {
            if is_empty {
                return Some(ScannedItem::Forbidden(Violation::EmptyStream, self.mark));
            }
            self.in_stream = true;
            self.depth = 1;
            return Some(ScannedItem::Header(self.end_frame()));
        }
        self.deepest = self.deepest.max(self.depth);
        if self.depth > max_depth {
            return Some(ScannedItem::Forbidden(Violation::TooDeep { limit: max_depth }, self.mark));
        }
        if !is_empty {
            self.depth += 1;
            return None;
        }
        (self.depth == 1).then(|| ScannedItem::Stanza(self.end_frame()))
    }

    fn value(&mut self, rest: &[u8], quote: u8) -> Option<ScannedItem> {
        let Some(n) = memchr2(quote, b'<', rest) else {
            self.position += rest.len();
            return None;
        };
        if rest[n] == b'<' {
            return Some(ScannedItem::Forbidden(Violation::AngleInAttribute, self.position + n));
        }
        self.position += n + 1;
        self.state = ScannerState::ValueEnd;
        None
    }

    fn value_end(&mut self, next: u8) -> Option<ScannedItem> {
        if !is_blank(next) && !matches!(next, b'/' | b'>') {
            return Some(ScannedItem::Forbidden(Violation::NoBlankBetweenAttributes, self.position));
        }
        self.state = ScannerState::Tag;
        None
    }

    fn end_tag(&mut self, rest: &[u8]) -> Option<ScannedItem> {
        let Some(n) = memchr(b'>', rest) else {
            self.position += rest.len();
            return None;
        };
        self.position += n + 1;
        self.state = ScannerState::Text;
        if self.depth == 0 {
            return Some(ScannedItem::Forbidden(Violation::EndTag, self.mark));
        }
        self.depth -= 1;
        match self.depth {
            0 => Some(ScannedItem::Footer(self.end_frame())),
            1 => Some(ScannedItem::Stanza(self.end_frame())),
            _ => None,
        }
    }

    fn until(&mut self, rest: &[u8], end: &[u8]) -> Option<ScannedItem> {
        match memmem::find(rest, end) {
            Some(n) => {
                self.position += n + end.len();
                self.state = ScannerState::Text;
                None
            }
            None => {
                // The end may be cut: its first bytes are looked at again with the next ones.
                self.position += (rest.len() + 1).saturating_sub(end.len());
                Some(ScannedItem::Partial)
            }
        }
    }

    /// Returns the greatest depth of the last whole frame, its own element counted; the next count begins.
    pub(super) fn take_deepest(&mut self) -> usize {
        std::mem::take(&mut self.deepest)
    }

    /// Lets go of what was scanned of an unfinished frame, and gives how many bytes that is from its start.
    /// What is still looked back at stays.
    pub(super) fn forget(&mut self) -> usize {
        let n_bytes = match self.state {
            ScannerState::Bang | ScannerState::Declaration => self.mark,
            ScannerState::Text
            | ScannerState::Markup
            | ScannerState::Tag
            | ScannerState::Value(_)
            | ScannerState::ValueEnd
            | ScannerState::EndTag
            | ScannerState::Cdata => self.position.saturating_sub(1),
        };
        self.position -= n_bytes;
        self.mark = self.mark.saturating_sub(n_bytes);
        n_bytes
    }

    /// The length of the frame that ends here; the next one begins at zero.
    fn end_frame(&mut self) -> usize {
        std::mem::take(&mut self.position)
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
