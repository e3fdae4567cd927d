//! Text files as UTF-8, in whatever encoding they are: the byte order mark decides, else `-Encoding`, else
//! they are UTF-8.
//!
//! Reads as it is asked; never holds more than a block of the file. Latin-1 is read as Windows-1252, which
//! is what the programs that write it mean.

use std::fs::File;
use std::io::{self, Read};

use crate::call::{Call, files};
use crate::cmdlet::{ErrorRecord, Kind, Parameter};

/// The parameter for the encoding of a text file.
pub const ENCODING: Parameter = Parameter::new(
    "Encoding",
    Kind::Choice(&["utf8", "utf8BOM", "utf8NoBOM", "unicode", "bigendianunicode", "latin1", "ansi"]),
    "How the file is encoded, where it has no byte order mark: unicode is UTF-16, latin1 and ansi are Windows-1252.",
)
.default("utf8");

/// The encoding of text in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoding {
    Utf8,
    Utf16LittleEndian,
    Utf16BigEndian,
    Windows1252,
}

/// The treatment of bytes that are not valid text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Reading ends with an error that names the line.
    Refused,
    /// Each is a replacement character, and counted.
    Replaced,
}

/// A file's text as UTF-8.
pub struct Decoded<R> {
    bytes: R,
    named: Option<TextEncoding>,
    /// Known from the first bytes on.
    encoding: Option<TextEncoding>,
    malformed: Malformed,
    block: Box<[u8]>,
    /// Bytes that are not decoded yet.
    rest: Vec<u8>,
    is_at_end: bool,
    text: Vec<u8>,
    n_given: usize,
    /// The error that is reported when the text before it has been read.
    fault: Option<io::Error>,
    line: u64,
    n_replaced: u64,
}

/// Opens a file to be read as text, as the call's `-Encoding` says.
///
/// # Errors
/// `FileOpenFailure`.
pub fn open(call: &Call, name: &str, malformed: Malformed) -> Result<Decoded<File>, ErrorRecord> {
    let file = files::open(call, name)?;
    let named = call.bound.text("Encoding").and_then(|name| TextEncoding::named(&name));
    Ok(Decoded::new(file, named, malformed))
}

impl TextEncoding {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "unicode" => Some(Self::Utf16LittleEndian),
            "bigendianunicode" => Some(Self::Utf16BigEndian),
            "latin1" | "ansi" => Some(Self::Windows1252),
            name if name.starts_with("utf8") => Some(Self::Utf8),
            _ => None,
        }
    }

    /// The encoding of a byte order mark, and how many bytes the mark has.
    fn marked(bytes: &[u8]) -> Option<(Self, usize)> {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => Some((Self::Utf8, 3)),
            [0xff, 0xfe, ..] => Some((Self::Utf16LittleEndian, 2)),
            [0xfe, 0xff, ..] => Some((Self::Utf16BigEndian, 2)),
            _ => None,
        }
    }

    /// The name that people know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16LittleEndian | Self::Utf16BigEndian => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        }
    }
}

impl<R: Read> Decoded<R> {
    /// The text in `bytes`, in this encoding unless a mark says another.
    pub fn new(bytes: R, named: Option<TextEncoding>, malformed: Malformed) -> Self {
        Self {
            bytes,
            named,
            encoding: None,
            malformed,
            block: vec![0; BLOCK].into_boxed_slice(),
            rest: Vec::new(),
            is_at_end: false,
            text: Vec::new(),
            n_given: 0,
            fault: None,
            line: 1,
            n_replaced: 0,
        }
    }

    /// The encoding, once something has been read.
    pub fn encoding(&self) -> Option<TextEncoding> {
        self.encoding
    }

    /// Returns the number of bytes, or pairs of bytes, that were not valid text so far.
    pub fn n_replaced(&self) -> u64 {
        self.n_replaced
    }

    /// Reads and decodes one block.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.n_given = 0;
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        loop {
            let n_read = self.bytes.read(&mut self.block)?;
            self.rest.extend_from_slice(&self.block[..n_read]);
            self.is_at_end = n_read == 0;
            if self.is_at_end || self.encoding.is_some() || self.rest.len() >= LONGEST_MARK {
                break;
            }
        }
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => {
                let (encoding, n_mark) =
                    TextEncoding::marked(&self.rest).unwrap_or((self.named.unwrap_or(TextEncoding::Utf8), 0));
                self.rest.drain(..n_mark);
                *self.encoding.insert(encoding)
            }
        };
        let bytes = std::mem::take(&mut self.rest);
        let n_decoded = match encoding {
            TextEncoding::Utf8 => self.utf8(&bytes),
            TextEncoding::Utf16LittleEndian => self.utf16(&bytes, u16::from_le_bytes),
            TextEncoding::Utf16BigEndian => self.utf16(&bytes, u16::from_be_bytes),
            TextEncoding::Windows1252 => {
                let text: String = bytes.iter().map(|byte| windows_1252(*byte)).collect();
                self.text = text.into_bytes();
                bytes.len()
            }
        };
        self.rest = bytes[n_decoded..].to_vec();
        self.line += self.text.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(())
    }

    /// Decodes as much as is whole, and says how many bytes that was.
    fn utf8(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        loop {
            match std::str::from_utf8(&bytes[at..]) {
                Ok(text) => {
                    self.text.extend_from_slice(text.as_bytes());
                    return bytes.len();
                }
                Err(error) => {
                    self.text.extend_from_slice(&bytes[at..at + error.valid_up_to()]);
                    at += error.valid_up_to();
                    let n_bad = match error.error_len() {
                        Some(n_bad) => n_bad,
                        None if self.is_at_end => bytes.len() - at,
                        None => return at,
                    };
                    if !self.goes_on() {
                        return bytes.len();
                    }
                    at += n_bad;
                }
            }
        }
    }

    fn utf16(&mut self, bytes: &[u8], unit: fn([u8; 2]) -> u16) -> usize {
        let mut n_whole = bytes.len() / 2 * 2;
        let units: Vec<u16> = bytes[..n_whole].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        let is_split = units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) && !self.is_at_end;
        let n_units = units.len() - usize::from(is_split);
        n_whole -= 2 * usize::from(is_split);
        for letter in char::decode_utf16(units[..n_units].iter().copied()) {
            match letter {
                Ok(letter) => self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) if self.goes_on() => {}
                Err(_) => return bytes.len(),
            }
        }
        if self.is_at_end && n_whole < bytes.len() {
            self.goes_on();
            return bytes.len();
        }
        n_whole
    }

    /// Replaces what is no text, or makes it the fault that is said next; says whether reading goes on.
    fn goes_on(&mut self) -> bool {
        match self.malformed {
            Malformed::Replaced => {
                self.n_replaced += 1;
                self.text.extend_from_slice("\u{fffd}".as_bytes());
                true
            }
            Malformed::Refused => {
                let line = self.line + self.text.iter().filter(|byte| **byte == b'\n').count() as u64;
                let encoding = self.encoding.unwrap_or(TextEncoding::Utf8).name();
                let words = format!("line {line} is not {encoding}");
                self.fault = Some(io::Error::new(io::ErrorKind::InvalidData, words));
                false
            }
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.n_given == self.text.len()
            && !(self.is_at_end && self.rest.is_empty() && self.fault.is_none())
        {
            self.fill()?;
        }
        let left = &self.text[self.n_given..];
        let n_given = left.len().min(buffer.len());
        buffer[..n_given].copy_from_slice(&left[..n_given]);
        self.n_given += n_given;
        Ok(n_given)
    }
}

/// The letter of a byte of Windows-1252; those that it leaves open are control characters, as in Latin-1.
fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..0xa0 => char::from_u32(u32::from(C1[usize::from(byte - 0x80)])).unwrap_or('\u{fffd}'),
        _ => char::from(byte),
    }
}

/// The letters of the bytes 0x80 to 0x9f.
const C1: [u16; 32] = [
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
    0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
    0x153, 0x9d, 0x17e, 0x178,
];

/// Of all byte order marks, in bytes.
const LONGEST_MARK: usize = 3;

/// So many bytes are decoded at once.
const BLOCK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a pipe may.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buffer.len()).min(1);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn decoded(bytes: &[u8], named: Option<TextEncoding>, malformed: Malformed) -> Result<String, String> {
        let mut text = String::new();
        let mut decoder = Decoded::new(Dripping(bytes), named, malformed);
        decoder.read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mark_decides_and_else_the_name() {
        use TextEncoding::{Utf16BigEndian, Utf16LittleEndian, Windows1252};
        for (bytes, named, text) in [
            (b"\xef\xbb\xbfa\xc3\xa9".as_slice(), None, "aé"),
            (b"a\xc3\xa9", None, "aé"),
            (b"\xff\xfea\0\xe9\0\x3d\xd8\x00\xde", None, "aé😀"),
            (b"\xfe\xff\0a\0\xe9", Some(Utf16LittleEndian), "aé"),
            (b"a\0\xe9\0", Some(Utf16LittleEndian), "aé"),
            (b"\0a\0\xe9", Some(Utf16BigEndian), "aé"),
            (b"a\xe9\x80\x81", Some(Windows1252), "aé€\u{81}"),
            (b"", None, ""),
        ] {
            assert_eq!(decoded(bytes, named, Malformed::Refused).as_deref(), Ok(text), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line_or_replaced() {
        for (bytes, line, text) in [
            (b"a\nb\xe9c".as_slice(), "line 2 is not UTF-8", "a\nb\u{fffd}c"),
            (b"a\xc3", "line 1 is not UTF-8", "a\u{fffd}"),
            (b"\xff\xfea\0\n\0\x3d\xd8b\0", "line 2 is not UTF-16", "a\n\u{fffd}b"),
            (b"\xff\xfea\0b", "line 1 is not UTF-16", "a\u{fffd}"),
        ] {
            assert_eq!(decoded(bytes, None, Malformed::Refused), Err(line.to_owned()), "{bytes:?}");
            assert_eq!(decoded(bytes, None, Malformed::Replaced).as_deref(), Ok(text), "{bytes:?}");
        }
    }

    #[test]
    fn letters_that_blocks_split_are_whole() {
        let text = "é😀".repeat(BLOCK);
        let bytes: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), &bytes] {
            let mut read = String::new();
            Decoded::new(bytes, None, Malformed::Refused).read_to_string(&mut read).unwrap();
            assert!(read == text);
        }
    }
}
