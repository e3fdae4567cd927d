//! Text from strangers, made visible: no byte of it commands the terminal or deceives the reader.
//!
//! Every text value passes here on its way into a list, a table, CSV or HTML. Control
//! characters (ESC and the C1 controls among them), bidirectional overrides and characters
//! without any width that serve to disguise an address are shown as `\x1b` or `\u{202e}`.
//! Line ends stay line ends and tabs become blanks; who needs one line asks for [`one_line`].

use std::borrow::Cow;
use std::fmt::Write;

use crate::value::letter::is_hidden;

/// The text with its line ends kept (`\r\n` becomes `\n`) and everything hostile escaped.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, "\n")
}

/// The same on one line: every line end and the blanks around it become one blank.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(['\n', '\r']) {
        return escape(text, " ");
    }
    let parts = text.split('\n').map(|line| line.trim_matches([' ', '\t', '\r']));
    let joined = parts.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    Cow::Owned(escape(&joined, " ").into_owned())
}

/// Whether a character is shown as an escape instead of itself. The joiners are not: words and emoji need them.
pub fn is_hostile(letter: char) -> bool {
    !matches!(letter, '\n' | '\t') && is_hidden(letter)
}

/// Whether a text is ASCII without control characters but line ends: most are, and nothing in them is hostile.
pub fn is_plain(text: &str) -> bool {
    // Without an early end, so that many bytes are looked at in one step.
    text.bytes().fold(true, |is_plain, byte| is_plain & (matches!(byte, b' '..=b'~') | (byte == b'\n')))
}

fn escape<'a>(text: &'a str, line_end: &str) -> Cow<'a, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    if !text.chars().any(|letter| is_hostile(letter) || letter == '\t') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' if letters.peek() == Some(&'\n') => {
                letters.next();
                shown.push_str(line_end);
            }
            '\t' => shown.push_str("    "),
            letter if is_hostile(letter) => push_escape(&mut shown, letter),
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

fn push_escape(shown: &mut String, letter: char) {
    // Writing to a String cannot fail.
    let _ = match u32::from(letter) {
        code @ ..=0xff => write!(shown, "\\x{code:02x}"),
        code => write!(shown, "\\u{{{code:x}}}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_is_shown_instead() {
        for (hostile, shown) in [
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", r"\x1b[2J\x1b]0;owned\x07"),
            ("\u{9b}31m", r"\x9b31m"),
            ("user\u{202e}moc.evil", r"user\u{202e}moc.evil"),
            ("a\u{200b}b", r"a\u{200b}b"),
            ("overwritten\rok", r"overwritten\x0dok"),
            ("bell\u{8}\u{7f}", r"bell\x08\x7f"),
            ("zwj 👩\u{200d}🔧, ünïcödé, 漢字", "zwj 👩\u{200d}🔧, ünïcödé, 漢字"),
        ] {
            assert_eq!(visible(hostile), shown);
        }
    }

    #[test]
    fn line_ends_stay_or_become_a_blank() {
        assert_eq!(visible("one\r\ntwo\nthree"), "one\ntwo\nthree");
        assert_eq!(one_line("one\r\n  two\n\n three"), "one two three");
    }
}
