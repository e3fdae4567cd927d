//! Literals, lowered: texts, lists, maps, numbers, and `$true`, `$false` and `$null`.

use super::Lowering;
use super::writer::quoted;
use crate::script::language::source_map::Span;
use crate::script::language::tree::{ListLiteral, Literal, MapLiteral, Piece, TextLiteral, TextPart};

impl Lowering<'_> {
    pub(super) fn text(&mut self, text: &TextLiteral) {
        self.writer.reach(text.span.start);
        if let Some(letters) = text.letters() {
            self.writer.made(&quoted(letters), text.span.start);
            return;
        }
        self.writer.made("__shell::text([", text.span.start);
        for (place, part) in text.parts.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            match part {
                TextPart::Letters(letters) => self.writer.made(&quoted(letters), text.span.start),
                TextPart::Value(pieces) => match pieces.as_slice() {
                    [Piece::Variable(span)] if self.scopes.is_literal(*span) => {
                        let letters = span.of(self.writer.source).to_owned();
                        self.writer.made(&quoted(&letters), text.span.start);
                    }
                    pieces => {
                        let outer = std::mem::replace(&mut self.ours, true);
                        self.values(pieces);
                        self.ours = outer;
                    }
                },
            }
        }
        self.writer.made_here("])");
    }

    pub(super) fn list(&mut self, list: &ListLiteral) {
        let start = list.span.start;
        self.writer.reach(start);
        let inner = match list.items.as_slice() {
            [item] if list.spreads => match item.as_slice() {
                [Piece::List(inner)] if !inner.spreads => Some(inner),
                _ => None,
            },
            _ => None,
        };
        let spreads = list.spreads && inner.is_none() && !list.items.is_empty();
        self.writer.made(if spreads { "__shell::list([" } else { "[" }, start);
        for (place, item) in inner.unwrap_or(list).items.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            self.value_or_null(item);
        }
        self.writer.made_here(if spreads { "])" } else { "]" });
    }

    pub(super) fn map(&mut self, map: &MapLiteral) {
        self.map_as(map, "map");
    }

    /// A map as one function makes it.
    pub(super) fn map_as(&mut self, map: &MapLiteral, function: &str) {
        let start = map.span.start;
        self.writer.reach(start);
        self.writer.made(&format!("__shell::{function}(["), start);
        for (place, (key, value)) in map.entries.iter().enumerate() {
            if place > 0 {
                self.writer.made_here(", ");
            }
            self.writer.made_here("[");
            self.text(key);
            self.writer.made_here(", ");
            self.value_or_null(value);
            self.writer.made_here("]");
        }
        self.writer.made_here("])");
    }

    pub(super) fn literal(&mut self, literal: Literal, span: Span) {
        self.writer.reach(span.start);
        match literal {
            Literal::Null => self.writer.made("()", span.start),
            Literal::Boolean(true) => self.writer.made("true", span.start),
            Literal::Boolean(false) => self.writer.made("false", span.start),
            Literal::Integer(integer) => self.writer.made(&integer.to_string(), span.start),
            Literal::Float(float) => self.writer.made(&format!("{float:?}"), span.start),
        }
    }
}

/// Returns the text that a character literal of Rhai's stands for.
pub(super) fn character(literal: &str) -> String {
    let inside = literal.trim_start_matches('\'');
    let inside = inside.strip_suffix('\'').unwrap_or(inside);
    let mut letters = inside.chars();
    match (letters.next(), letters.next()) {
        (Some('\\'), Some(escaped)) => match escaped {
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            'r' => "\r".to_owned(),
            '0' => "\0".to_owned(),
            'x' | 'u' | 'U' => {
                let code = u32::from_str_radix(letters.as_str(), 16).ok().and_then(char::from_u32);
                code.map(String::from).unwrap_or_default()
            }
            plain => plain.to_string(),
        },
        (Some(letter), None) => letter.to_string(),
        _ => inside.to_owned(),
    }
}
