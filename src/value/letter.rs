//! Letters that a reader does not see: the one list of them.
//!
//! Whoever shows a stranger's text decides how such a letter is shown; which letters they are stands here.

/// Whether a letter commands a terminal, turns the direction of writing, or shows nothing and can so
/// disguise the text around it. Line ends and tabs are among them: they are control characters.
pub fn is_hidden(letter: char) -> bool {
    match letter {
        letter if letter.is_ascii() => letter.is_ascii_control(),
        // Soft hyphen, Arabic letter mark, Mongolian vowel separator, zero-width space, directional marks.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => true,
        // Fillers of Hangul.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        // Line and paragraph separators, embeddings and overrides, invisible operators, isolates.
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        // Byte order mark, interlinear annotation, tags.
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        letter => letter.is_control(),
    }
}

/// Whether a letter shows nothing of its own but shapes the letters beside it, as words of some languages and
/// many emoji need: the joiners and the selectors of variants. An address has no use for one.
pub fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}
