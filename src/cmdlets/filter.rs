//! The pattern of a `-Filter`: `*` for any text, `?` for one character, in any letter case.

/// A pattern of `-Filter` and `-Name`.
#[derive(Clone, Debug)]
pub struct Filter(Vec<char>);

impl Filter {
    /// The pattern as written.
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_lowercase().chars().collect())
    }

    /// Whether the whole text matches. Takes time in proportion to both lengths at most.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.to_lowercase().chars().collect();
        let (mut at, mut place) = (0, 0);
        // Where to go on when what follows a star does not fit: one character further.
        let mut retry: Option<(usize, usize)> = None;
        while place < text.len() {
            match self.0.get(at) {
                Some('*') => {
                    retry = Some((at + 1, place));
                    at += 1;
                }
                Some(letter) if *letter == '?' || *letter == text[place] => {
                    at += 1;
                    place += 1;
                }
                _ => match retry {
                    Some((behind, from)) => {
                        retry = Some((behind, from + 1));
                        at = behind;
                        place = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0[at..].iter().all(|letter| *letter == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn stars_and_question_marks_match_in_any_letter_case() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("*.com", "litwareinc.COM", true),
            ("atl-*-00?.*", "atl-cs-001.litwareinc.com", true),
            ("atl", "atl-cs", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a*b", "axxbx", false),
            ("?", "", false),
        ] {
            assert_eq!(Filter::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }
}
