//! Text cut into lines of a given width, as a terminal counts it.
//!
//! Breaks at blanks; a word that is too long breaks behind a dot, an at sign, a hyphen or the
//! like, where addresses fall apart naturally, and else between two characters.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns the number of columns that the text takes on a terminal.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text in lines of at most `width` columns; line ends in the text begin new lines.
/// A single character that is wider than `width` stands alone.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        wrap_line(line, width, &mut lines);
    }
    lines
}

fn wrap_line(line: &str, width: usize, lines: &mut Vec<String>) {
    let mut rest = line;
    loop {
        if columns(rest) <= width {
            lines.push(rest.to_owned());
            return;
        }
        let end = break_before(rest, width);
        lines.push(rest[..end].trim_end_matches(' ').to_owned());
        rest = rest[end..].trim_start_matches(' ');
        if rest.is_empty() {
            return;
        }
    }
}

/// Returns the place at which a line that does not fit is broken: the byte behind the last character that stays on
/// it.
fn break_before(line: &str, width: usize) -> usize {
    let (mut taken, mut blank, mut joint) = (0, None, None);
    for (place, letter) in line.grapheme_indices(true) {
        taken += columns(letter);
        if taken > width {
            if letter == " " {
                return place;
            }
            let whole = if place == 0 { letter.len() } else { place };
            return blank.or(joint).unwrap_or(whole);
        }
        match letter {
            " " if place > 0 => blank = Some(place),
            "." | "-" | "@" | "/" | "," | ";" | ":" | "_" | "=" if taken * 3 >= width => {
                joint = Some(place + letter.len());
            }
            _ => {}
        }
    }
    line.len()
}

/// The first `n_lines` of the wrapped text; where more are left, the last ends in `…`.
pub fn wrap_at_most(text: &str, width: usize, n_lines: usize) -> Vec<String> {
    // What cannot be shown need not be measured: a megabyte from a server costs no more
    // than what fits. Blanks that breaks swallow are allowed for by the factor.
    let room = width.saturating_mul(n_lines).saturating_mul(2);
    let head = text.char_indices().nth(room).map_or(text, |(end, _)| &text[..end]);
    let mut lines = wrap(head, width);
    if lines.len() > n_lines || head.len() < text.len() {
        lines.truncate(n_lines);
        if let Some(last) = lines.last_mut() {
            while columns(last) + 1 > width && !last.is_empty() {
                let end = last.grapheme_indices(true).next_back().map_or(0, |(end, _)| end);
                last.truncate(end);
            }
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_then_at_joints_then_anywhere() {
        assert_eq!(wrap("the pool does not answer", 10), ["the pool", "does not", "answer"]);
        assert_eq!(wrap("atl-cs-001.litwareinc.com", 14), ["atl-cs-001.", "litwareinc.com"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn wide_characters_count_twice_and_clusters_stay_whole() {
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrap("漢", 1), ["漢"]);
        assert_eq!(wrap("👩\u{200d}🔧👩\u{200d}🔧", 2), ["👩\u{200d}🔧", "👩\u{200d}🔧"]);
    }

    proptest::proptest! {
        #[test]
        fn wrapping_keeps_every_letter_and_the_width(text in "[ -~漢é👩\u{200d}\u{301}.@-]{0,60}", width in 2_usize..20) {
            let lines = wrap(&text, width);
            let without_blanks = |text: &str| text.replace(' ', "");
            proptest::prop_assert_eq!(without_blanks(&lines.concat()), without_blanks(&text));
            for line in lines {
                let is_one_letter = line.graphemes(true).count() == 1;
                proptest::prop_assert!(columns(&line) <= width || is_one_letter, "{}", line);
            }
        }
    }

    #[test]
    fn what_is_left_out_is_marked() {
        assert_eq!(wrap_at_most("one two three four", 5, 2), ["one", "two…"]);
        assert_eq!(wrap_at_most(&"x".repeat(1 << 20), 4, 2), ["xxxx", "xxx…"]);
    }
}
