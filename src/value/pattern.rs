//! PowerShell's wildcards: `*` any text, `?` one character, `[a-c]` one of a set, a backtick
//! before a character that is meant as itself. Letter case does not count unless asked.

/// A pattern that was read once, for matching many texts.
#[derive(Clone, Debug)]
pub struct Pattern {
    parts: Vec<PatternPart>,
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

#[derive(Clone, Debug)]
enum PatternPart {
    Any,
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
        let mut parts = Vec::new();
        let mut place = 0;
        while let Some(letter) = letters.get(place) {
            place += 1;
            match letter {
                // Several stars are one; matching would only take longer.
                '*' if matches!(parts.last(), Some(PatternPart::Any)) => {}
                '*' => parts.push(PatternPart::Any),
                '?' => parts.push(PatternPart::One),
                '`' if place < letters.len() => {
                    parts.push(PatternPart::Letter(letters[place]));
                    place += 1;
                }
                '[' => match set(&letters[place..]) {
                    Some((set, length)) => {
                        parts.push(PatternPart::Set(set));
                        place += length;
                    }
                    None => parts.push(PatternPart::Letter('[')),
                },
                letter => parts.push(PatternPart::Letter(*letter)),
            }
        }
        Self { parts, case }
    }

    /// Whether a text asks for more than itself.
    pub fn has_wildcards(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Whether the whole text fits. Takes at most the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let letters: Vec<char> = self.case.fold(text).chars().collect();
        let (mut part, mut letter) = (0, 0);
        // Where to go on when what stands behind the last star turns out not to fit.
        let mut retry: Option<(usize, usize)> = None;
        while letter < letters.len() {
            match self.parts.get(part) {
                Some(PatternPart::Any) => {
                    retry = Some((part + 1, letter));
                    part += 1;
                    continue;
                }
                Some(one) if one.fits(letters[letter]) => {
                    part += 1;
                    letter += 1;
                    continue;
                }
                Some(_) | None => {}
            }
            let Some((behind, from)) = retry else { return false };
            retry = Some((behind, from + 1));
            (part, letter) = (behind, from + 1);
        }
        self.parts[part..].iter().all(|part| matches!(part, PatternPart::Any))
    }
}

impl PatternPart {
    fn fits(&self, letter: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Letter(own) => *own == letter,
            Self::Set(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)),
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
}
