//! The lexer: characters as tokens, in Rhai's way and in the command line's.
//!
//! Below the parser, which says in which way the next token is to be read: what a quote, a hyphen
//! or a bracket means depends on where it stands. Follows Rhai 1.27's tokenizer for everything
//! that may hide a bracket or a quote: strings, raw strings, characters, nested comments.
//! Never fails: what it does not know is [`TokenKind::Other`], and Rhai says what is wrong with it.

use super::source_map::Span;

/// One token of Rhai text.
#[derive(Clone, Copy, Debug)]
pub struct RhaiToken {
    /// The kind of the token.
    pub kind: TokenKind,
    /// The span of the token in the text.
    pub span: Span,
}

/// The kind of a token of Rhai text; only as far as command lines need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or a keyword.
    Word,
    /// A number, a string, a character: complete in itself.
    Literal,
    /// An operator between two operands, with what binds it.
    Binary(BindingPower),
    /// `=`, `+=` and their family.
    Assignment,
    /// An operator before its operand.
    Unary,
    /// `=>`.
    Arrow,
    /// `.` and `?.`.
    Dot,
    /// `::`.
    DoubleColon,
    /// `:`.
    Colon,
    /// Anything else.
    Other,
}

/// The binding power of a binary operator, as far as the dash operators must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BindingPower {
    /// `-and`, `-or`.
    Logic,
    /// `||`, `|`, `^`.
    Or,
    /// `&&`, `&`.
    And,
    /// `==`, `<`, `in` and the dash comparisons.
    Comparison,
    /// Arithmetic, ranges, `??`: part of an operand.
    Operand,
}

/// Blanks and comments between two tokens.
#[derive(Clone, Copy, Debug)]
pub struct Blank {
    /// The span of the blanks; empty if there are none.
    pub span: Span,
    /// Whether a line ends inside.
    pub line_end: bool,
}

/// Whether a character is taken for a hyphen in command lines: also the dashes that word processors and
/// web pages make of it.
pub fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '\u{2013}' | '\u{2014}' | '\u{2015}')
}

/// Whether a character is taken for `"` in command lines: “ ” „ too.
pub fn is_double_quote(letter: char) -> bool {
    matches!(letter, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

/// Whether a character is taken for `'` in command lines: ‘ ’ ‚ ‛ too.
pub fn is_single_quote(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}')
}

/// A place in a text, and how much work went into getting there.
#[derive(Clone, Debug)]
pub struct Lexer<'t> {
    text: &'t str,
    at: usize,
    steps: usize,
    /// A comment or string that the text ends in.
    open: Option<Span>,
}

impl<'t> Lexer<'t> {
    /// At the beginning of the text.
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0, steps: 0, open: None }
    }

    /// The whole text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The byte at which the next token begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns the number of characters that have been looked at; a character counts each time that it is looked
    /// at.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The comment or string that the end of the text cut off.
    pub fn open(&self) -> Option<Span> {
        self.open
    }

    /// Goes back (or on) to a byte that a token began at.
    pub fn rewind(&mut self, at: usize) {
        self.at = at;
    }

    /// Leaves the rest unread.
    pub fn abandon(&mut self) {
        self.at = self.text.len();
    }

    /// The rest of the text.
    pub fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        let byte = *self.text.as_bytes().get(self.at)?;
        if byte.is_ascii() { Some(char::from(byte)) } else { self.rest().chars().next() }
    }

    /// The character behind the next one.
    pub fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    /// The character before the next token.
    pub fn before(&self) -> Option<char> {
        self.text.get(..self.at).and_then(|text| text.chars().next_back())
    }

    /// Whether the rest begins with `text`.
    pub fn sees(&self, text: &str) -> bool {
        self.rest().starts_with(text)
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Takes one character.
    pub fn bump(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        self.steps += 1;
        Some(letter)
    }

    /// Takes `text` if it comes next.
    pub fn take(&mut self, text: &str) -> Option<Span> {
        let start = self.at;
        self.sees(text).then(|| {
            self.at += text.len();
            self.steps += text.len();
            Span::new(start, self.at)
        })
    }

    /// Takes characters as long as they are of a kind.
    pub fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> Span {
        let start = self.at;
        while self.peek().is_some_and(&mut wanted) {
            self.bump();
        }
        Span::new(start, self.at)
    }

    /// The word that comes next, not taken; empty if none does.
    pub fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        self.steps += length;
        let word = &rest[..length];
        if word.starts_with(|letter: char| letter.is_ascii_digit()) { "" } else { word }
    }

    /// Takes blanks, line ends and comments.
    pub fn blank(&mut self) -> Blank {
        let start = self.at;
        let mut line_end = false;
        loop {
            match self.peek() {
                Some('\n') => {
                    line_end = true;
                    self.bump();
                }
                Some(letter) if letter.is_ascii_whitespace() => {
                    self.bump();
                }
                Some('/') if self.sees("//") => {
                    self.take_while(|letter| !matches!(letter, '\n' | '\r'));
                }
                Some('/') if self.sees("/*") => line_end |= self.block_comment(),
                Some('#') if self.sees_comment() => {
                    self.take_while(|letter| !matches!(letter, '\n' | '\r'));
                }
                Some('<') if self.sees("<#") => line_end |= self.shell_comment(),
                Some(_) | None => return Blank { span: Span::new(start, self.at), line_end },
            }
        }
    }

    /// Takes blanks, line ends and comments, and the backticks of line ends that are continued.
    pub fn blank_behind_comma(&mut self) {
        loop {
            self.blank();
            if self.take("`\r\n").is_none() && self.take("`\n").is_none() {
                return;
            }
        }
    }

    /// Takes blanks, comments and continued line ends, but no line end.
    pub fn blank_in_line(&mut self) -> Span {
        let start = self.at;
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\x0c') => {
                    self.bump();
                }
                Some('\r') if self.sees("\r\n") => break,
                Some('\r') => {
                    self.bump();
                }
                Some('`') => {
                    let mark = self.at;
                    self.bump();
                    if self.is_at_end() {
                        // The line that it continues on has not been written yet.
                        self.open = Some(Span::new(mark, self.at));
                    } else if self.take("\r\n").is_none() && self.take("\n").is_none() {
                        self.rewind(mark);
                        break;
                    }
                }
                // A comment needs a blank before it: `http://host` has none.
                Some('/') if self.sees("/*") && self.at_word_start() => {
                    self.block_comment();
                }
                Some('/') if self.sees("//") && self.at_word_start() => {
                    self.take_while(|letter| !matches!(letter, '\n' | '\r'));
                }
                Some('#') if self.at_word_start() && self.sees_comment() => {
                    self.take_while(|letter| !matches!(letter, '\n' | '\r'));
                }
                Some('<') if self.sees("<#") && self.at_word_start() => {
                    self.shell_comment();
                }
                Some(_) | None => break,
            }
        }
        Span::new(start, self.at)
    }

    fn at_word_start(&self) -> bool {
        self.before().is_none_or(|letter| letter.is_whitespace() || matches!(letter, '/' | '`'))
    }

    /// Whether a `#` begins a comment of PowerShell's, and neither a map of Rhai's nor a raw string.
    pub fn sees_comment(&self) -> bool {
        let rest = self.rest();
        let behind = rest.trim_start_matches('#');
        behind.len() < rest.len()
            && !behind.starts_with('"')
            && !(behind.starts_with('{') && rest.len() - behind.len() == 1)
    }

    /// Takes `<# … #>`; says whether a line ends in it.
    fn shell_comment(&mut self) -> bool {
        let start = self.at;
        let mut line_end = false;
        loop {
            if self.take("#>").is_some() {
                return line_end;
            }
            match self.bump() {
                Some('\n') => line_end = true,
                Some(_) => {}
                None => {
                    self.open = Some(Span::new(start, self.at));
                    return line_end;
                }
            }
        }
    }

    /// Takes a comment that may hold comments; says whether a line ends in it.
    fn block_comment(&mut self) -> bool {
        let start = self.at;
        let mut depth = 0_usize;
        let mut line_end = false;
        loop {
            if self.take("/*").is_some() {
                depth += 1;
            } else if self.take("*/").is_some() {
                depth -= 1;
                if depth == 0 {
                    return line_end;
                }
            } else {
                match self.bump() {
                    Some('\n') => line_end = true,
                    Some(_) => {}
                    None => {
                        self.open = Some(Span::new(start, self.at));
                        return line_end;
                    }
                }
            }
        }
    }

    /// Takes one token of Rhai text that is neither blank nor bracket nor `$`, `@`, `|`, `,`, `;`.
    pub fn token(&mut self) -> RhaiToken {
        let start = self.at;
        let kind = match self.peek() {
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                let word = self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                match word.of(self.text) {
                    "in" => TokenKind::Binary(BindingPower::Comparison),
                    _ => TokenKind::Word,
                }
            }
            Some('0'..='9') => {
                self.number();
                TokenKind::Literal
            }
            Some('"') => {
                self.quoted('"');
                TokenKind::Literal
            }
            Some('\'') => {
                self.quoted('\'');
                TokenKind::Literal
            }
            Some('#') if self.sees("#\"") || self.sees("##") => {
                self.raw_string();
                TokenKind::Literal
            }
            Some(_) => self.symbol(),
            None => TokenKind::Other,
        };
        RhaiToken { kind, span: Span::new(start, self.at) }
    }

    fn symbol(&mut self) -> TokenKind {
        if self.sees("!in")
            && !self.rest()[3..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
        {
            self.take("!in");
            return TokenKind::Binary(BindingPower::Comparison);
        }
        let rest = self.rest();
        match SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            Some((symbol, kind)) => {
                self.take(symbol);
                *kind
            }
            None => {
                self.bump();
                TokenKind::Other
            }
        }
    }

    /// A number: digits, `_`, radix letters, a fraction, an exponent; never the dots of a range or a call.
    fn number(&mut self) {
        let digits =
            |lexer: &mut Self| lexer.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        digits(self);
        if self.peek() == Some('.') && self.peek_second().is_some_and(|next| next.is_ascii_digit()) {
            self.bump();
            digits(self);
        }
        let exponent = self.before().is_some_and(|last| matches!(last, 'e' | 'E'));
        if exponent && self.peek().is_some_and(|sign| matches!(sign, '+' | '-')) {
            self.bump();
            digits(self);
        }
    }

    /// A string or character: ends at its quote, at the end of a line that is not continued, or at the end.
    fn quoted(&mut self, quote: char) {
        self.bump();
        while let Some(letter) = self.peek() {
            if letter == '\n' {
                return;
            }
            self.bump();
            if letter == '\\' {
                self.bump();
            } else if letter == quote {
                // A doubled quote stands for one.
                if self.peek() != Some(quote) {
                    return;
                }
                self.bump();
            }
        }
    }

    fn raw_string(&mut self) {
        let start = self.at;
        let hashes = self.take_while(|letter| letter == '#');
        if self.take("\"").is_none() {
            return;
        }
        let length = hashes.end - hashes.start;
        while let Some(letter) = self.bump() {
            if letter == '"' {
                let mut seen = 0;
                while seen < length && self.peek() == Some('#') {
                    self.bump();
                    seen += 1;
                }
                if seen == length {
                    return;
                }
            }
        }
        self.open = Some(Span::new(start, self.at));
    }

    /// Takes a string or character of Rhai's.
    pub fn literal(&mut self) -> Span {
        self.token().span
    }

    /// Takes a stretch of a Rhai string in backticks, up to `${`, its end or the end of the text.
    /// Says whether `${` comes next.
    pub fn backtick_stretch(&mut self, start: usize) -> bool {
        while let Some(letter) = self.peek() {
            match letter {
                '$' if self.sees("${") => return true,
                '\\' if self.sees("\\${") => {
                    self.take("\\${");
                }
                '`' => {
                    self.bump();
                    if self.peek() != Some('`') {
                        return false;
                    }
                    self.bump();
                }
                _ => {
                    self.bump();
                }
            }
        }
        self.open = Some(Span::new(start, self.at));
        false
    }
}

/// Whether there is a comment of PowerShell's among blanks and comments.
pub fn has_shell_comment(blank: &str) -> bool {
    if !blank.contains('#') {
        return false;
    }
    let mut lexer = Lexer::new(blank);
    while let Some(letter) = lexer.peek() {
        match letter {
            '#' => return true,
            '<' if lexer.sees("<#") => return true,
            '/' if lexer.sees("//") => {
                lexer.take_while(|letter| letter != '\n');
            }
            '/' if lexer.sees("/*") => {
                lexer.block_comment();
            }
            _ => {
                lexer.bump();
            }
        }
    }
    false
}

/// Longest first where one begins another.
const SYMBOLS: &[(&str, TokenKind)] = &[
    ("**=", TokenKind::Assignment),
    ("<<=", TokenKind::Assignment),
    (">>=", TokenKind::Assignment),
    ("===", TokenKind::Other),
    ("!==", TokenKind::Other),
    ("..=", TokenKind::Binary(BindingPower::Operand)),
    ("==", TokenKind::Binary(BindingPower::Comparison)),
    ("!=", TokenKind::Binary(BindingPower::Comparison)),
    ("<=", TokenKind::Binary(BindingPower::Comparison)),
    (">=", TokenKind::Binary(BindingPower::Comparison)),
    ("=>", TokenKind::Arrow),
    ("+=", TokenKind::Assignment),
    ("-=", TokenKind::Assignment),
    ("*=", TokenKind::Assignment),
    ("/=", TokenKind::Assignment),
    ("%=", TokenKind::Assignment),
    ("&=", TokenKind::Assignment),
    ("|=", TokenKind::Assignment),
    ("^=", TokenKind::Assignment),
    ("&&", TokenKind::Binary(BindingPower::And)),
    ("||", TokenKind::Binary(BindingPower::Or)),
    ("<<", TokenKind::Binary(BindingPower::Operand)),
    (">>", TokenKind::Binary(BindingPower::Operand)),
    ("**", TokenKind::Binary(BindingPower::Operand)),
    ("??", TokenKind::Binary(BindingPower::Operand)),
    ("?.", TokenKind::Dot),
    ("..", TokenKind::Binary(BindingPower::Operand)),
    ("::", TokenKind::DoubleColon),
    ("++", TokenKind::Other),
    ("--", TokenKind::Other),
    ("->", TokenKind::Other),
    ("=", TokenKind::Assignment),
    ("<", TokenKind::Binary(BindingPower::Comparison)),
    (">", TokenKind::Binary(BindingPower::Comparison)),
    ("&", TokenKind::Binary(BindingPower::And)),
    ("|", TokenKind::Binary(BindingPower::Or)),
    ("^", TokenKind::Binary(BindingPower::Or)),
    ("+", TokenKind::Binary(BindingPower::Operand)),
    ("-", TokenKind::Binary(BindingPower::Operand)),
    ("*", TokenKind::Binary(BindingPower::Operand)),
    ("/", TokenKind::Binary(BindingPower::Operand)),
    ("%", TokenKind::Binary(BindingPower::Operand)),
    ("!", TokenKind::Unary),
    (".", TokenKind::Dot),
    (":", TokenKind::Colon),
];

/// The keywords of Rhai.
pub const RHAI_KEYWORDS: &[&str] = &[
    "let",
    "const",
    "if",
    "else",
    "switch",
    "do",
    "while",
    "until",
    "loop",
    "for",
    "in",
    "continue",
    "break",
    "return",
    "throw",
    "try",
    "catch",
    "import",
    "export",
    "as",
    "global",
    "fn",
    "private",
    "is_def_fn",
    "is_def_var",
    "this",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> &str {
        Lexer::new(text).token().span.of(text)
    }

    #[test]
    fn rhais_literals_end_where_rhai_ends_them() {
        for (text, literal) in [
            (r#""a\"b" c"#, r#""a\"b""#),
            (r#""a""b" c"#, r#""a""b""#),
            ("\"a\\\n b\" c", "\"a\\\n b\""),
            ("'\\'' c", "'\\''"),
            (r####"##"a"# b"## c"####, r###"##"a"# b"##"###),
            ("1..5", "1"),
            ("1.5.abs()", "1.5"),
            ("1e-5 x", "1e-5"),
            ("0xff_ff+1", "0xff_ff"),
            ("1.abs()", "1"),
            ("\"open\nx", "\"open"),
        ] {
            assert_eq!(token(text), literal, "{text}");
        }
    }

    #[test]
    fn comments_nest_and_blanks_know_their_line_ends() {
        let mut lexer = Lexer::new("  /* a /* b */ c */ // d\n x");
        assert!(lexer.blank().line_end);
        assert_eq!(lexer.rest(), "x");
    }
}
