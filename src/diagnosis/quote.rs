//! Quoting: what a server said, shown as it was said and harmless to a terminal and to a reader.
//!
//! Every finding passes through here once more before it leaves, so that no phase can forget.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use crate::value::letter::{is_hidden, is_joiner};
use crate::xmpp::resolve::Target;

/// A server's words in quotation marks, cut to a length that can be read.
pub fn quoted(words: &str) -> String {
    let words = words.trim();
    let cut: String = words.chars().take(MAX_QUOTE).collect();
    let rest = if cut.len() < words.len() { "…" } else { "" };
    format!("\"{}{rest}\"", cut.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A word of the protocol as it is; whatever is none, as a quotation.
pub fn word(word: &str) -> String {
    let is_word = !word.is_empty()
        && word.len() <= MAX_WORD
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | ':' | '@' | '/'));
    if is_word { word.to_owned() } else { quoted(word) }
}

/// A text in which everything that could move a cursor, turn the writing direction or hide is
/// shown as `\u{…}`, and which is at most `limit` characters long.
pub fn visible(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    for (n_chars, c) in text.chars().enumerate() {
        if n_chars >= limit {
            shown.push('…');
            break;
        }
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_hidden(c) || is_joiner(c) => _ = write!(shown, "\\u{{{:x}}}", u32::from(c)),
            c => shown.push(c),
        }
    }
    shown
}

/// Items with commas, the first few of them and how many more there are.
pub fn some<T: ToString>(items: &[T]) -> String {
    let shown: Vec<_> = items.iter().take(MAX_ITEMS).map(ToString::to_string).collect();
    some_of(&shown, items.len())
}

fn some_of(shown: &[String], n_items: usize) -> String {
    match n_items.saturating_sub(shown.len()) {
        _ if shown.is_empty() => "nothing".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Words of somebody else's, the first few of them and how many more there are.
pub fn words<T: ToString>(items: &[T]) -> String {
    let shown: Vec<_> = items.iter().take(MAX_ITEMS).map(|item| word(&item.to_string())).collect();
    some_of(&shown, items.len())
}

/// A target's host and port.
pub fn place(target: &Target) -> String {
    let Target { host, port, .. } = target;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A duration as people say it: `90 s`, `1.5 s`, `42 ms`.
pub fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_millis());
    }
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths.is_multiple_of(10) || tenths >= 1000 {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

/// A moment as a date and time in UTC, whatever the locale.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

const MAX_QUOTE: usize = 240;
const MAX_WORD: usize = 64;
const MAX_ITEMS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_or_hides_is_shown() {
        assert_eq!(
            visible("a\u{1b}[31mred\r\n\u{202e}evil\u{200b}", 80),
            "a\\u{1b}[31mred\\r\\n\\u{202e}evil\\u{200b}"
        );
        assert_eq!(visible("Grüße 日本", 80), "Grüße 日本");
    }

    #[test]
    fn a_quotation_cannot_be_left_from_inside_nor_grow() {
        assert_eq!(quoted(r#"no". Remedy: pay \"#), r#""no\". Remedy: pay \\""#);
        assert!(quoted(&"x".repeat(100_000)).chars().count() < 260);
        assert!(visible(&"x".repeat(100_000), 50).chars().count() == 51);
    }

    #[test]
    fn durations_read_like_speech() {
        let cases = [
            (42, "42 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (1540, "1.5 s"),
            (90_040, "90 s"),
            (198_000, "198 s"),
        ];
        for (milliseconds, said) in cases {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), said);
        }
    }
}
