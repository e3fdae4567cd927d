//! Text of a command line: quotes, escapes, variables in text, words without quotes, numbers.

use super::Parser;
use crate::script::language::lexer::{is_double_quote, is_single_quote};
use crate::script::language::message::SyntaxProblem;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{Literal, Piece, Quotes, TextLiteral, TextPart};
use crate::value::arithmetic::{Number, multiplied};

impl Parser<'_, '_> {
    /// `'…'`: nothing in it has a meaning but the doubled quote.
    pub(super) fn single_quoted(&mut self) -> TextLiteral {
        let start = self.lexer.at();
        let opened = self.lexer.bump();
        let open = self.since(start);
        let closes = |letter| letter == '\'' || (opened != Some('\'') && is_single_quote(letter));
        let mut letters = String::new();
        loop {
            match self.lexer.bump() {
                Some(quote) if closes(quote) && self.lexer.peek().is_some_and(closes) => {
                    self.lexer.bump();
                    letters.push(quote);
                }
                Some(quote) if closes(quote) => break,
                Some(letter) => letters.push(letter),
                None => {
                    self.problem(open, SyntaxProblem::Unclosed { opened: "'" });
                    break;
                }
            }
        }
        TextLiteral {
            span: self.since(start),
            parts: vec![TextPart::Letters(letters)],
            quotes: Quotes::Shell,
        }
    }

    /// `"…"`: variables, backtick escapes, doubled quotes; a backslash is a backslash.
    pub(super) fn double_quoted(&mut self) -> TextLiteral {
        let start = self.lexer.at();
        let mut parts = Vec::new();
        self.double_quoted_into(&mut parts);
        TextLiteral { span: self.since(start), parts, quotes: Quotes::Shell }
    }

    fn double_quoted_into(&mut self, parts: &mut Vec<TextPart>) {
        let start = self.lexer.at();
        let opened = self.lexer.bump();
        let open = self.since(start);
        // “What was pasted” ends with any of them; in what was typed, only what was typed ends it.
        let closes = |letter| letter == '"' || (opened != Some('"') && is_double_quote(letter));
        loop {
            match self.lexer.peek() {
                None => {
                    self.problem(open, SyntaxProblem::Unclosed { opened: "\"" });
                    return;
                }
                Some(quote) if closes(quote) => {
                    self.lexer.bump();
                    if !self.lexer.peek().is_some_and(closes) {
                        return;
                    }
                    self.lexer.bump();
                    push_letter(parts, quote);
                }
                Some('`') => self.escape(parts),
                Some('$') => self.interpolated(parts),
                Some(letter) => {
                    self.lexer.bump();
                    push_letter(parts, letter);
                }
            }
        }
    }

    /// A backtick and what it escapes.
    fn escape(&mut self, parts: &mut Vec<TextPart>) {
        self.lexer.bump();
        let Some(letter) = self.lexer.bump() else { return };
        let meant = match letter {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            'e' => '\x1b',
            'u' if self.lexer.peek() == Some('{') => {
                let start = self.lexer.at();
                self.lexer.bump();
                let mut n_digits = 0;
                let digits = self.lexer.take_while(|digit| {
                    n_digits += 1;
                    digit.is_ascii_hexdigit() && n_digits <= 6
                });
                let code = u32::from_str_radix(digits.of(self.text()), 16).ok().and_then(char::from_u32);
                match (code, self.lexer.take("}")) {
                    (Some(code), Some(_)) => code,
                    _ => {
                        self.lexer.rewind(start);
                        'u'
                    }
                }
            }
            letter => letter,
        };
        push_letter(parts, meant);
    }

    /// `"…"` in an expression: as [`Self::double_quoted`], but a backslash escapes as in Rhai. None where
    /// its line ends before it does.
    pub(super) fn escaped_text(&mut self) -> Option<TextLiteral> {
        let start = self.lexer.at();
        self.lexer.bump();
        let mut parts = Vec::new();
        loop {
            match self.lexer.peek()? {
                '\n' => return None,
                '"' => {
                    self.lexer.bump();
                    if self.lexer.take("\"").is_none() {
                        break;
                    }
                    push_letter(&mut parts, '"');
                }
                '\\' => self.backslash(&mut parts),
                '`' => self.escape(&mut parts),
                '$' => self.interpolated_or_text(&mut parts),
                letter => {
                    self.lexer.bump();
                    push_letter(&mut parts, letter);
                }
            }
        }
        Some(TextLiteral { span: self.since(start), parts, quotes: Quotes::Rhai })
    }

    /// The lines of a here-string, without the end of the last one.
    pub(super) fn lines_up_to(&mut self, end: &str, takes_values: bool) -> Vec<TextPart> {
        let mut parts = Vec::new();
        if self.lexer.sees(end) {
            return parts;
        }
        while let Some(letter) = self.lexer.peek() {
            let line_end = if self.lexer.sees("\r\n") { "\r\n" } else { "\n" };
            let closes = self.lexer.rest().strip_prefix(line_end).is_some_and(|rest| rest.starts_with(end));
            if closes {
                self.lexer.take(line_end);
                return parts;
            }
            match letter {
                '`' if takes_values => self.escape(&mut parts),
                '$' if takes_values => self.interpolated(&mut parts),
                letter => {
                    self.lexer.bump();
                    push_letter(&mut parts, letter);
                }
            }
        }
        parts
    }

    /// A backslash and what it escapes in Rhai.
    fn backslash(&mut self, parts: &mut Vec<TextPart>) {
        let start = self.lexer.at();
        self.lexer.bump();
        let meant = match self.lexer.bump() {
            Some('n') => Some('\n'),
            Some('t') => Some('\t'),
            Some('r') => Some('\r'),
            Some('0') => Some('\0'),
            Some(plain @ ('\\' | '"' | '\'')) => Some(plain),
            Some('x') => self.code(2),
            Some('u') => self.code(4),
            Some('U') => self.code(8),
            // A line that goes on: what it is indented by is no part of the text.
            Some('\n') => {
                self.lexer.take_while(|letter| matches!(letter, ' ' | '\t'));
                return;
            }
            Some(_) | None => None,
        };
        match meant {
            Some(letter) => push_letter(parts, letter),
            None => {
                let span = Span::new(start, self.lexer.at());
                let written = span.of(self.text()).to_owned();
                self.problem(span, SyntaxProblem::Escape { written });
            }
        }
    }

    /// The character whose code these digits are.
    fn code(&mut self, length: usize) -> Option<char> {
        let digits = self.lexer.rest().get(..length)?;
        let letter = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
        self.lexer.take(digits);
        Some(letter)
    }

    /// `$x` in an expression's text: where nothing is current, `$_` is text.
    fn interpolated_or_text(&mut self, parts: &mut Vec<TextPart>) {
        let rest = &self.lexer.rest()[1..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let name = rest[..length].to_ascii_lowercase();
        let is_current = matches!(name.as_str(), "_" | "psitem");
        // A scope other than the environment is refused where commands are written, and stays text here.
        let scoped = rest[length..].strip_prefix(':').filter(|_| name != "env");
        let has_scope = scoped
            .is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_'));
        if (is_current && self.current.is_empty()) || (has_scope && !is_current) || is_word_of_shell(&name) {
            self.lexer.bump();
            push_letter(parts, '$');
        } else {
            self.interpolated(parts);
        }
    }

    /// `$x`, `$_`, `$(…)` in text; a `$` before anything else is itself.
    fn interpolated(&mut self, parts: &mut Vec<TextPart>) {
        let meaning = self
            .lexer
            .peek_second()
            .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '_' | '(' | '{' | '?'));
        let value = if meaning { self.dollar() } else { None };
        match value {
            Some(value) => parts.push(TextPart::Value(vec![value])),
            None => {
                self.lexer.bump();
                push_letter(parts, '$');
            }
        }
    }

    /// A word without quotes: text, or a number.
    pub(super) fn bare_word(&mut self) -> Vec<Piece> {
        let start = self.lexer.at();
        let mut parts = Vec::new();
        let mut plain = true;
        let mut brackets = 0_usize;
        while let Some(letter) = self.lexer.peek() {
            match letter {
                '[' => brackets += 1,
                ']' if brackets == 0 => break,
                ']' => brackets -= 1,
                letter if ends_word(letter) => break,
                _ => {}
            }
            match letter {
                '`' => {
                    plain = false;
                    if self.lexer.sees("`\n") || self.lexer.sees("`\r\n") {
                        break;
                    }
                    self.lexer.bump();
                    if let Some(escaped) = self.lexer.bump() {
                        push_letter(&mut parts, escaped);
                    }
                }
                // In a word, ’ is an apostrophe.
                letter if is_double_quote(letter) => {
                    plain = false;
                    self.double_quoted_into(&mut parts);
                }
                '\'' => {
                    plain = false;
                    let text = self.single_quoted();
                    for letter in text.letters().unwrap_or("").chars() {
                        push_letter(&mut parts, letter);
                    }
                }
                '$' => {
                    plain = false;
                    self.interpolated(&mut parts);
                }
                letter => {
                    self.lexer.bump();
                    push_letter(&mut parts, letter);
                }
            }
        }
        let span = self.since(start);
        if span.start == span.end {
            if let Some(found) = self.lexer.bump() {
                self.problem(self.since(start), SyntaxProblem::Unexpected { found });
            }
            return vec![Piece::Literal(self.since(start), Literal::Null)];
        }
        match if plain { number(span.of(self.text())) } else { None } {
            Some(number) => vec![Piece::Literal(span, number)],
            None => vec![Piece::Text(TextLiteral { span, parts, quotes: Quotes::None })],
        }
    }
}

/// Whether nothing in a string of Rhai's has a meaning of PowerShell's.
pub(super) fn quick_end(literal: &str) -> bool {
    let means = |(place, sign): (usize, &str)| {
        let next = literal[place + sign.len()..].chars().next();
        match sign {
            "`" => true,
            _ => next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '_' | '(' | '{' | '?')),
        }
    };
    !literal.match_indices(['$', '`']).any(means)
}

/// Names behind `$` that only commands know.
fn is_word_of_shell(name: &str) -> bool {
    crate::script::language::message::automatic(name).is_some() || super::refused::is_preference(name)
}

/// Whether a character ends a word without quotes.
pub(super) fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, ';' | ',' | '|' | '&' | '(' | ')' | '{' | '}' | '<' | '>')
}

fn push_letter(parts: &mut Vec<TextPart>, letter: char) {
    match parts.last_mut() {
        Some(TextPart::Letters(letters)) => letters.push(letter),
        Some(TextPart::Value(_)) | None => parts.push(TextPart::Letters(letter.to_string())),
    }
}

/// A number as PowerShell writes it, if nothing of its spelling is lost by reading it as one:
/// `007` and `1.50` stay text, since they may be names.
fn number(word: &str) -> Option<Literal> {
    if let Ok(integer) = word.parse::<i64>() {
        return (integer.to_string() == word).then_some(Literal::Integer(integer));
    }
    let (sign, unsigned) = word.strip_prefix('-').map_or((1, word), |unsigned| (-1, unsigned));
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok().map(|integer| Literal::Integer(sign * integer));
    }
    if let Some(Number::Whole(integer)) = multiplied(unsigned) {
        return Some(Literal::Integer(sign * integer));
    }
    let float: f64 =
        unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| word.parse().ok())??;
    (float.is_finite() && float.to_string() == word).then_some(Literal::Float(float))
}
