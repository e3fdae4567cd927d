//! `if`, `switch`, `try`, `while`, `for`, `loop`, `do` and `fn`: what Rhai's blocks hang on.
//!
//! As a statement or as an operand. Conditions and headers may be command lines, which `{` ends.

use super::{Current, Flow, Level, Parser, Stop, push_blank};
use crate::script::language::lexer::TokenKind;
use crate::script::language::message::RefusedConstruct;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{
    Body, Caught, Function, GroupExpression, Piece, ShellStatement, Statement,
};

impl Parser<'_, '_> {
    /// `if`, `switch`, `try`, `while`, `for`, `loop`, `do`, as a statement or as an operand.
    pub(super) fn branch(&mut self, pieces: &mut Vec<Piece>) -> Stop {
        let keyword = self.lexer.token().span;
        let begin = pieces.len();
        pieces.push(self.spelled(keyword));
        match keyword.of(self.text()).to_ascii_lowercase().as_str() {
            "if" => self.if_branches(pieces),
            "while" => {
                self.condition(pieces);
                self.body_if_any(pieces, Vec::new());
            }
            "for" => {
                let declares = self.for_pattern(pieces);
                let mut header = Vec::new();
                self.operands(&mut header, Flow::HEADER);
                ends_before(&mut header, self.text());
                pieces.append(&mut header);
                self.body_if_any(pieces, declares);
            }
            "switch" => {
                self.operands(pieces, Flow::HEADER);
                if self.lexer.peek() == Some('{') {
                    let arms = self.deeper(Self::switch_arms);
                    pieces.extend(arms.map(|arms| Piece::Group(Box::new(arms))));
                }
            }
            "try" => {
                self.body_if_any(pieces, Vec::new());
                self.catch(pieces, keyword, begin);
            }
            "do" => {
                self.body_if_any(pieces, Vec::new());
                if self.keyword(pieces, &["while", "until"]).is_some() {
                    self.condition(pieces);
                }
            }
            _ => self.body_if_any(pieces, Vec::new()),
        }
        Stop::Separator
    }

    fn if_branches(&mut self, pieces: &mut Vec<Piece>) {
        loop {
            self.condition(pieces);
            self.body_if_any(pieces, Vec::new());
            if self.follows("elseif") {
                self.take_blank(pieces);
                let start = self.lexer.at();
                self.lexer.take_while(|letter| letter.is_ascii_alphabetic());
                pieces.push(Piece::Keyword(self.since(start), "else if"));
                continue;
            }
            if self.keyword(pieces, &["else"]).is_none() {
                return;
            }
            if self.keyword(pieces, &["if"]).is_none() {
                self.body_if_any(pieces, Vec::new());
                return;
            }
        }
    }

    fn catch(&mut self, pieces: &mut Vec<Piece>, keyword: Span, begin: usize) {
        let mut catches = false;
        if self.keyword(pieces, &["catch"]).is_some() {
            catches = true;
            self.take_blank(pieces);
            let mut declares = Vec::new();
            self.caught_types();
            if let Some(open) = self.lexer.take("(") {
                pieces.push(Piece::Rhai(open));
                self.take_blank(pieces);
                if self.lexer.sees("$") {
                    // `catch ($x)` declares x.
                    self.lexer.bump();
                }
                declares.extend(self.name(pieces));
                self.take_blank(pieces);
                if let Some(close) = self.lexer.take(")") {
                    pieces.push(Piece::Rhai(close));
                }
            }
            let is_nameless = declares.is_empty();
            self.current.extend(is_nameless.then_some(Current::Error(false)));
            self.body_if_any(pieces, declares);
            let current = if is_nameless { self.current.pop() } else { None };
            if let Some(Piece::Body(body)) = pieces.last_mut() {
                body.caught = match current {
                    None => Caught::Named,
                    Some(Current::Error(true)) => Caught::Current,
                    Some(_) => Caught::None,
                };
            }
            if self.follows("catch") {
                let word = self.coming("catch");
                self.refuse(word, RefusedConstruct::CaughtType);
                self.take_blank(pieces);
                self.lexer.take_while(|letter| letter.is_ascii_alphabetic());
                self.lexer.blank();
                self.skip_types();
                self.body_if_any(&mut Vec::new(), Vec::new());
            }
        }
        if self.follows("finally") {
            self.take_blank(&mut Vec::new());
            self.lexer.take_while(|letter| letter.is_ascii_alphabetic());
            self.lexer.blank();
            if self.lexer.peek() != Some('{') {
                return;
            }
            let body = self.body(Vec::new());
            let tried = pieces.split_off(begin);
            if let Some(jump) = jump_out(&tried, self.text(), false) {
                self.refuse(jump, RefusedConstruct::JumpOverFinally);
            }
            pieces.push(Piece::Shell(Box::new(ShellStatement::Finally { keyword, tried, catches, body })));
        }
    }

    /// `catch [Type]`: all errors are of one type here.
    fn caught_types(&mut self) {
        let start = self.lexer.at();
        if self.lexer.peek() != Some('[') {
            return;
        }
        let types = self.skip_types().to_owned();
        let everything = |name: &str| {
            let name = name.trim_matches(|letter: char| "[] ".contains(letter)).to_ascii_lowercase();
            matches!(
                name.as_str(),
                "exception" | "system.exception" | "system.management.automation.runtimeexception"
            )
        };
        if !types.split(',').all(everything) {
            self.refuse(Span::new(start, start + types.trim_end().len()), RefusedConstruct::CaughtType);
        }
    }

    fn skip_types(&mut self) -> &str {
        if self.lexer.peek() != Some('[') {
            return "";
        }
        let types = self.lexer.take_while(|letter| !matches!(letter, '{' | '\n'));
        types.of(self.text())
    }

    /// Whether `word` stands behind the blanks that come next.
    fn follows(&mut self, word: &str) -> bool {
        let mark = self.lexer.at();
        self.lexer.blank();
        let found = self.lexer.word().eq_ignore_ascii_case(word);
        self.lexer.rewind(mark);
        found
    }

    fn coming(&mut self, word: &str) -> Span {
        let mark = self.lexer.at();
        let start = self.lexer.blank().span.end;
        self.lexer.rewind(mark);
        Span::new(start, start + word.len())
    }

    /// `x in`, `(x, i) in`, `$x in`: the names, and everything up to `in`.
    fn for_pattern(&mut self, pieces: &mut Vec<Piece>) -> Vec<Span> {
        let mut names = Vec::new();
        loop {
            self.take_blank(pieces);
            match self.lexer.peek() {
                Some('(' | ')' | ',') => self.take_as_rhai(pieces),
                Some('$')
                    if self
                        .lexer
                        .peek_second()
                        .is_some_and(|next| next.is_ascii_alphabetic() || next == '_') =>
                {
                    // `for $x in` declares x.
                    self.lexer.bump();
                    names.extend(self.name(pieces));
                }
                Some(_) => match self.lexer.word() {
                    "in" => {
                        let word = self.lexer.token().span;
                        pieces.push(Piece::Rhai(word));
                        return names;
                    }
                    "" => return names,
                    _ => names.extend(self.name(pieces)),
                },
                None => return names,
            }
        }
    }

    /// A name that is declared here.
    pub(super) fn name(&mut self, pieces: &mut Vec<Piece>) -> Option<Span> {
        let word = self.lexer.word();
        let span = self.lexer.take(word).filter(|span| span.start < span.end)?;
        self.reserved(span);
        self.declare(span);
        pieces.push(Piece::Rhai(span));
        Some(span)
    }

    pub(super) fn condition(&mut self, pieces: &mut Vec<Piece>) {
        let mut condition = Vec::new();
        self.operands(&mut condition, Flow::HEADER);
        pieces.push(Piece::Condition(condition));
    }

    /// One of the keywords, with the blanks before it, if it comes next.
    fn keyword(&mut self, pieces: &mut Vec<Piece>, wanted: &[&str]) -> Option<Span> {
        let mark = self.lexer.at();
        let blank = self.lexer.blank();
        let word = self.lexer.word();
        let behind = self.lexer.rest()[word.len()..].trim_start();
        let is_it = |wanted: &&str| {
            **wanted == *word
                || (wanted.eq_ignore_ascii_case(word) && behind.starts_with(['(', '{', '[', 'i', 'I']))
        };
        if !wanted.iter().any(is_it) {
            self.lexer.rewind(mark);
            return None;
        }
        push_blank(pieces, blank.span);
        let word = self.lexer.token().span;
        pieces.push(self.spelled(word));
        Some(word)
    }

    /// A keyword, which Rhai knows in small letters alone.
    fn spelled(&self, word: Span) -> Piece {
        let written = word.of(self.text());
        let plain = ["if", "else", "while", "until", "do", "try", "catch", "switch"];
        match plain.into_iter().find(|plain| plain.eq_ignore_ascii_case(written)) {
            Some(plain) if plain != written => Piece::Keyword(word, plain),
            Some(_) | None => Piece::Rhai(word),
        }
    }

    pub(super) fn take_blank(&mut self, pieces: &mut Vec<Piece>) {
        let blank = self.lexer.blank();
        push_blank(pieces, blank.span);
    }

    pub(super) fn body_if_any(&mut self, pieces: &mut Vec<Piece>, declares: Vec<Span>) {
        self.take_blank(pieces);
        if self.lexer.peek() == Some('{') {
            let body = self.body(declares);
            pieces.push(Piece::Body(Box::new(body)));
        } else if self.lexer.is_at_end() {
            let at = self.lexer.at();
            self.cut_off(Span::new(at, at));
        }
    }

    /// `{ … }` of Rhai's, from its opening brace.
    pub(super) fn body(&mut self, declares: Vec<Span>) -> Body {
        let start = self.lexer.at();
        self.lexer.bump();
        self.body_behind(self.since(start), declares)
    }

    pub(super) fn body_behind(&mut self, open: Span, declares: Vec<Span>) -> Body {
        let block = self.deeper(|parser| parser.block(Level::Body));
        let close = self.lexer.take("}");
        if close.is_none() {
            self.unclosed(open);
        }
        Body { open, declares, caught: Caught::None, block, close }
    }

    /// The arms of `switch`: patterns are Rhai's, what stands behind `=>` may be a command.
    fn switch_arms(&mut self) -> Option<GroupExpression> {
        let start = self.lexer.at();
        self.lexer.bump();
        let open = self.since(start);
        let mut pieces = Vec::new();
        let mut pattern = self.lexer.at();
        loop {
            self.take_blank(&mut pieces);
            match self.lexer.peek() {
                None => {
                    self.unclosed(open);
                    return Some(GroupExpression { dollar: None, open, pieces, close: None });
                }
                Some('}') => {
                    let close = self.lexer.take("}");
                    return Some(GroupExpression { dollar: None, open, pieces, close });
                }
                Some('{') => {
                    // A brace where an arrow should be.
                    let shown = Span::new(pattern, self.lexer.at());
                    let trimmed = shown.of(self.text()).trim();
                    let begin = pattern + shown.of(self.text()).find(trimmed).unwrap_or(0);
                    self.refuse(Span::new(begin, begin + trimmed.len().max(1)), RefusedConstruct::SwitchArm);
                    let body = self.body(Vec::new());
                    pieces.push(Piece::Body(Box::new(body)));
                    pattern = self.lexer.at();
                }
                Some('(' | '[') => {
                    let group = self.group(Flow::RHAI);
                    pieces.push(Piece::Group(Box::new(group)));
                }
                Some('#') if self.lexer.sees("#{") => {
                    let group = self.group(Flow::RHAI);
                    pieces.push(Piece::Group(Box::new(group)));
                }
                Some('$') => match self.dollar() {
                    Some(piece) => pieces.push(piece),
                    None => self.take_as_rhai(&mut pieces),
                },
                Some(',') => {
                    self.take_as_rhai(&mut pieces);
                    pattern = self.lexer.at();
                }
                Some(_) => {
                    let token = self.lexer.token();
                    pieces.push(Piece::Rhai(token.span));
                    let guard = token.kind == TokenKind::Word && token.span.of(self.text()) == "if";
                    if guard {
                        let condition = self.value_pieces(Flow::GUARD);
                        pieces.push(Piece::Condition(condition));
                    }
                    if token.kind == TokenKind::Arrow || (guard && self.take_arrow(&mut pieces)) {
                        self.take_blank(&mut pieces);
                        if self.lexer.peek() == Some('{') {
                            let body = self.body(Vec::new());
                            pieces.push(Piece::Body(Box::new(body)));
                        } else {
                            self.operands(&mut pieces, Flow::ELEMENT);
                        }
                        pattern = self.lexer.at();
                    }
                }
            }
        }
    }

    fn take_arrow(&mut self, pieces: &mut Vec<Piece>) -> bool {
        self.take_blank(pieces);
        self.lexer.take("=>").map(|arrow| pieces.push(Piece::Rhai(arrow))).is_some()
    }

    /// `fn name(first, second) { … }`.
    pub(super) fn function(&mut self, pieces: &mut Vec<Piece>) -> Stop {
        let start = self.lexer.at();
        let first = self.lexer.token().span;
        if first.of(self.text()) == "private" {
            self.lexer.blank();
            if self.lexer.word() != "fn" {
                pieces.push(Piece::Rhai(self.since(start)));
                return self.operands(pieces, Flow::RHAI);
            }
            self.lexer.token();
        }
        let mut name = Span::new(start, start);
        let mut parameters = Vec::new();
        let mut inside = false;
        loop {
            self.lexer.blank();
            match self.lexer.peek() {
                None | Some('{' | '}' | ';') => break,
                Some('(') => {
                    self.lexer.bump();
                    inside = true;
                }
                Some(')') => {
                    self.lexer.bump();
                    break;
                }
                Some('$') if inside => {
                    // `fn f($x)`: Rhai says what is wrong with it.
                    self.lexer.bump();
                }
                Some(_) => {
                    let token = self.lexer.token();
                    match (token.kind, inside) {
                        (TokenKind::Word, true) => {
                            self.reserved(token.span);
                            self.declare(token.span);
                            parameters.push(token.span);
                        }
                        (TokenKind::Word, false) => {
                            self.reserved(token.span);
                            name = token.span;
                        }
                        _ => {}
                    }
                }
            }
        }
        let head = self.since(start);
        let blank = self.lexer.blank().span;
        let outer = std::mem::take(&mut self.current);
        let has_body = self.lexer.peek() == Some('{');
        let body = has_body.then(|| self.own(false, |parser| parser.body(Vec::new())));
        if body.is_none() && self.lexer.is_at_end() {
            self.cut_off(head);
        }
        self.current = outer;
        pieces.push(Piece::Function(Box::new(Function { head, name, parameters, blank, body })));
        Stop::Separator
    }
}

/// A range in the header of Rhai's `for` ends before its end.
fn ends_before(header: &mut [Piece], text: &str) {
    let mut solid = header.iter_mut().filter(|piece| !piece.is_blank());
    if let (Some(Piece::Group(group)), None) = (solid.next(), solid.next()) {
        return ends_before(&mut group.pieces, text);
    }
    for piece in header {
        if let Piece::Binary(span, _) = piece
            && span.of(text) == ".."
        {
            *piece = Piece::Rhai(*span);
        }
    }
}

/// A `return`, `break` or `continue` that leaves what has a `finally`.
fn jump_out(pieces: &[Piece], text: &str, in_loop: bool) -> Option<Span> {
    let first = pieces.iter().find(|piece| !piece.is_blank());
    let loops = |word: &str| matches!(word, "for" | "while" | "loop" | "do");
    let in_loop = in_loop
        || match first {
            Some(Piece::Rhai(span)) => loops(span.of(text)),
            Some(Piece::Keyword(_, word)) => loops(word),
            Some(_) | None => false,
        };
    let of_block = |statements: &[Statement], in_loop| {
        statements.iter().find_map(|statement| jump_out(&statement.pieces, text, in_loop))
    };
    pieces.iter().find_map(|piece| {
        if let Piece::Rhai(span) = piece {
            let leaves = match span.of(text) {
                "return" => true,
                "break" | "continue" => !in_loop,
                _ => false,
            };
            leaves.then_some(*span)
        } else if let Piece::Body(body) = piece {
            of_block(&body.block.statements, in_loop)
        } else if let Piece::Group(group) = piece {
            jump_out(&group.pieces, text, in_loop)
        } else if let Piece::Shell(statement) = piece {
            // All of these go round, or are functions of their own.
            statement.blocks().into_iter().find_map(|block| of_block(&block.statements, true))
        } else {
            None
        }
    })
}
