//! PowerShell's wildcards: `*` any text, `?` one character, `[a-c]` one of a set, a backtick
//! before a character that is meant as itself. Letter case does not count unless asked.

/// A pattern that was read once, for matching many texts.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The parts before, between and behind the stars; one where there is no star.
    segments: Vec<Segment>,
    case: Case,
}

/// Whether letter case counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// `a` and `A` are the same.
    #[default]
    Ignored,
    /// They are not.
    Sensitive,
}

/// The part of a pattern between two stars.
#[derive(Clone, Debug)]
enum Segment {
    /// Letters alone, which are searched in time in proportion to the text.
    Text(String),
    /// Some of them stand for others.
    Parts(Vec<PatternPart>),
}

/// A pattern with `?` or `[` and a text that are both so long that looking for one in the other is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern is too long for a text of this length")]
pub struct TooMuchWork;

#[derive(Clone, Debug)]
enum PatternPart {
    One,
    Letter(char),
    Set(Vec<(char, char)>),
}

impl Case {
    /// The letters of a text as they are compared.
    pub fn fold(self, text: &str) -> String {
        match self {
            Self::Ignored => text.to_lowercase(),
            Self::Sensitive => text.to_owned(),
        }
    }
}

impl Pattern {
    /// Reads a pattern. A bracket that is never closed stands for itself.
    pub fn new(pattern: &str, case: Case) -> Self {
        let letters: Vec<char> = case.fold(pattern).chars().collect();
        let mut segments: Vec<Segment> = Vec::new();
        let mut segment = Segment::Text(String::new());
        // The index of the last closing bracket, behind which no set is looked for.
        let last_close = letters.iter().rposition(|letter| *letter == ']').unwrap_or(0);
        let mut place = 0;
        while let Some(letter) = letters.get(place) {
            place += 1;
            match letter {
                // Several stars are one.
                '*' if segment.is_empty() && !segments.is_empty() => {}
                '*' => segments.push(std::mem::replace(&mut segment, Segment::Text(String::new()))),
                '?' => segment.push(PatternPart::One),
                '`' if place < letters.len() => {
                    segment.push(PatternPart::Letter(letters[place]));
                    place += 1;
                }
                '[' => match (place <= last_close).then(|| set(&letters[place..])).flatten() {
                    Some((set, length)) => {
                        segment.push(PatternPart::Set(set));
                        place += length;
                    }
                    None => segment.push(PatternPart::Letter('[')),
                },
                letter => segment.push(PatternPart::Letter(*letter)),
            }
        }
        segments.push(segment);
        Self { segments, case }
    }

    /// Whether a text asks for more than itself.
    pub fn has_wildcards(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Whether the whole text fits; one that would take too much work does not.
    pub fn matches(&self, text: &str) -> bool {
        self.try_matches(text).unwrap_or(false)
    }

    /// Whether the whole text fits. Takes time in proportion to both lengths where stars are the only wildcards,
    /// and a bounded number of comparisons otherwise.
    ///
    /// # Errors
    /// The bound was met.
    pub fn try_matches(&self, text: &str) -> Result<bool, TooMuchWork> {
        let text = self.case.fold(text);
        let mut work = MOST_WORK;
        let Some((first, others)) = self.segments.split_first() else { return Ok(text.is_empty()) };
        let Some(end) = first.fits_at_start(&text, &mut work)? else { return Ok(false) };
        let mut rest = &text[end..];
        let Some((last, between)) = others.split_last() else { return Ok(rest.is_empty()) };
        for segment in between {
            // The first place is the best one: it leaves most for what stands behind.
            let Some(end) = segment.found_end(rest, &mut work)? else { return Ok(false) };
            rest = &rest[end..];
        }
        last.fits_at_end(rest, &mut work)
    }
}

/// The comparisons of one letter with a part of a pattern that one match may take.
const MOST_WORK: usize = 1 << 25;

impl Segment {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    fn push(&mut self, part: PatternPart) {
        if let Self::Text(text) = self {
            if let PatternPart::Letter(letter) = part {
                text.push(letter);
                return;
            }
            let letters: Vec<PatternPart> = text.chars().map(PatternPart::Letter).collect();
            *self = Self::Parts(letters);
        }
        if let Self::Parts(parts) = self {
            parts.push(part);
        }
    }

    /// The end of the segment in a text that begins with it.
    fn fits_at_start(&self, text: &str, work: &mut usize) -> Result<Option<usize>, TooMuchWork> {
        let parts = match self {
            Self::Text(own) => return Ok(text.starts_with(own.as_str()).then_some(own.len())),
            Self::Parts(parts) => parts,
        };
        let mut letters = text.chars();
        for part in parts {
            *work = work.checked_sub(part.weight()).ok_or(TooMuchWork)?;
            if !letters.next().is_some_and(|letter| part.fits(letter)) {
                return Ok(None);
            }
        }
        Ok(Some(text.len() - letters.as_str().len()))
    }

    /// The end of the first place in a text that fits.
    fn found_end(&self, text: &str, work: &mut usize) -> Result<Option<usize>, TooMuchWork> {
        match self {
            // A search prepares what it looks for even where that is longer than the text.
            Self::Text(own) if own.len() > text.len() => Ok(None),
            Self::Text(own) => Ok(text.find(own.as_str()).map(|start| start + own.len())),
            Self::Parts(parts) => {
                for (start, _) in text.char_indices() {
                    if text.len() - start < parts.len() {
                        break;
                    }
                    if let Some(end) = self.fits_at_start(&text[start..], work)? {
                        return Ok(Some(start + end));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Whether a text ends with it.
    fn fits_at_end(&self, text: &str, work: &mut usize) -> Result<bool, TooMuchWork> {
        let parts = match self {
            Self::Text(own) => return Ok(text.ends_with(own.as_str())),
            Self::Parts(parts) => parts,
        };
        let Some((start, _)) = text.char_indices().rev().nth(parts.len() - 1) else { return Ok(false) };
        Ok(self.fits_at_start(&text[start..], work)?.is_some())
    }
}

impl PatternPart {
    fn fits(&self, letter: char) -> bool {
        match self {
            Self::One => true,
            Self::Letter(own) => *own == letter,
            Self::Set(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)),
        }
    }

    /// The number of comparisons that one letter takes.
    fn weight(&self) -> usize {
        match self {
            Self::One | Self::Letter(_) => 1,
            Self::Set(ranges) => ranges.len().max(1),
        }
    }
}

/// The set behind an opening bracket, and how many letters it takes with the closing one.
fn set(letters: &[char]) -> Option<(Vec<(char, char)>, usize)> {
    let end = letters.iter().skip(1).position(|letter| *letter == ']')? + 1;
    let mut ranges = Vec::new();
    let mut inside = &letters[..end];
    while let Some(first) = inside.first() {
        if let [first, '-', last, rest @ ..] = inside {
            ranges.push((*first, *last));
            inside = rest;
        } else {
            ranges.push((*first, *first));
            inside = &inside[1..];
        }
    }
    Some((ranges, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_fit_as_in_powershell() {
        for (pattern, text, fits) in [
            ("Test-*IM", "Test-CsXmppIM", true),
            ("test-*", "TEST-POOL", true),
            ("*", "", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("[a-c]at", "Bat", true),
            ("[a-c]at", "dat", false),
            ("[x]", "x", true),
            ("a`*b", "a*b", true),
            ("a`*b", "axb", false),
            ("[open", "[open", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbx", false),
            ("abc", "abcd", false),
            ("a*b?", "abxbc", true),
            ("a*a", "a", false),
            ("a*?[b-c]", "axc", true),
            ("a*?[b-c]", "ac", false),
            ("*b?d*", "abcd", true),
            ("*??*", "é", false),
            ("*é?", "xéy", true),
            ("***", "x", true),
            ("a**b", "ab", true),
            ("]*[x", "]a[x", true),
        ] {
            assert_eq!(Pattern::new(pattern, Case::Ignored).matches(text), fits, "{pattern} {text}");
        }
        assert!(!Pattern::new("A*", Case::Sensitive).matches("abc"));
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = Pattern::new(&"*a".repeat(50), Case::Ignored);
        assert!(!pattern.matches(&"a".repeat(49)));
    }

    /// No comparison letter by letter is made, however long both are.
    #[test]
    fn letters_between_stars_take_no_work() {
        let long = "a".repeat(500_000);
        for (pattern, fits) in
            [(format!("*{long}b"), false), (format!("*{long}*b*"), false), (format!("*{long}*"), true)]
        {
            let pattern = Pattern::new(&pattern, Case::Ignored);
            assert!(pattern.segments.iter().all(|segment| matches!(segment, Segment::Text(_))));
            assert_eq!(pattern.try_matches(&format!("{long}a")), Ok(fits));
        }
    }

    #[test]
    fn a_long_pattern_that_stands_for_others_is_given_up() {
        let long = "a".repeat(500_000);
        for pattern in [format!("*{long}?b*"), format!("*[{}]*", "b".repeat(1000))] {
            let pattern = Pattern::new(&pattern, Case::Ignored);
            assert_eq!(pattern.try_matches(&format!("{long}{long}")), Err(TooMuchWork));
        }
        assert_eq!(Pattern::new("*a?b*", Case::Ignored).try_matches(&long), Ok(false));
        let open = Pattern::new(&"[".repeat(500_000), Case::Ignored);
        assert_eq!(open.try_matches("["), Ok(false));
    }
}
