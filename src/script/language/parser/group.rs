//! Groups in brackets, and the closures of Rhai.

use super::{Flow, Parser, Stop};
use crate::script::language::lexer::TokenKind;
use crate::script::language::tree::{ClosureExpression, GroupExpression, Piece};

impl Parser<'_, '_> {
    /// `(…)`, `[…]` or `#{…}`, from its opening bracket.
    pub(super) fn group(&mut self, flow: Flow) -> GroupExpression {
        let open = match self.lexer.take("#{") {
            Some(open) => open,
            None => {
                let start = self.lexer.at();
                self.lexer.bump();
                self.since(start)
            }
        };
        let map = open.end - open.start == 2;
        let closes = if map {
            '}'
        } else if open.of(self.text()) == "(" {
            ')'
        } else {
            ']'
        };
        let pieces = self.deeper(|parser| parser.group_content(flow, map, closes));
        let close = if self.lexer.peek() == Some(closes) {
            let start = self.lexer.at();
            self.lexer.bump();
            Some(self.since(start))
        } else {
            None
        };
        if close.is_none() && self.lexer.is_at_end() {
            self.unclosed(open);
        }
        GroupExpression { dollar: None, open, pieces, close }
    }

    fn group_content(&mut self, flow: Flow, map: bool, closes: char) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if map {
            self.map_key(&mut pieces);
        }
        loop {
            let before = self.lexer.at();
            self.operands(&mut pieces, flow);
            match self.lexer.peek() {
                None => return pieces,
                Some(letter) if letter == closes => return pieces,
                // Another's closing bracket: Rhai says that ours is missing.
                Some(')' | ']' | '}') => return pieces,
                Some(',') => {
                    self.take_as_rhai(&mut pieces);
                    if map {
                        self.map_key(&mut pieces);
                    }
                }
                Some(';') => self.take_as_rhai(&mut pieces),
                Some(_) if self.lexer.at() == before => self.take_as_rhai(&mut pieces),
                Some(_) => {}
            }
        }
    }

    /// The key of an entry of Rhai's map, which is no variable.
    fn map_key(&mut self, pieces: &mut Vec<Piece>) {
        self.take_blank(pieces);
        let mark = self.lexer.at();
        let key = self.lexer.token();
        if !matches!(key.kind, TokenKind::Word | TokenKind::Literal) {
            self.lexer.rewind(mark);
            return;
        }
        pieces.push(Piece::Rhai(key.span));
        self.take_blank(pieces);
        if self.lexer.peek() == Some(':') {
            self.take_as_rhai(pieces);
        }
    }

    /// `|a, b| …`, up to where the expression around it ends.
    pub(super) fn closure(&mut self, out: &mut Vec<Piece>, flow: Flow) -> Stop {
        let start = self.lexer.at();
        let mut parameters = Vec::new();
        if self.lexer.take("||").is_none() {
            self.lexer.bump();
            loop {
                self.lexer.blank();
                match self.lexer.peek() {
                    Some('|') => {
                        self.lexer.bump();
                        break;
                    }
                    Some(',') => {
                        self.lexer.bump();
                    }
                    Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                        let name = self.lexer.token().span;
                        self.reserved(name);
                        self.declare(name);
                        parameters.push(name);
                    }
                    Some(_) | None => break,
                }
            }
        }
        let head = self.since(start);
        let mut stop = Stop::Separator;
        let body = self.deeper(|parser| {
            let mut body = Vec::new();
            parser.take_blank(&mut body);
            if parser.lexer.peek() == Some('{') {
                let block = parser.own(false, |parser| parser.body(Vec::new()));
                body.push(Piece::Body(Box::new(block)));
            } else {
                stop = parser.operands(&mut body, Flow { commas: false, ..flow });
            }
            body
        });
        out.push(Piece::Closure(ClosureExpression { head, parameters, body }));
        stop
    }
}
