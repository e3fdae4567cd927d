//! Members, lowered: `$x.Name`, `$x[0..1]`, `$x.Method(…)`.
//!
//! A property or an element that is read becomes a call, so that it is found in whatever the value is:
//! a record, a list of them, a text, a time. What a method may change stays as Rhai has it, since
//! Rhai changes a value in its place only there. Method names of PowerShell's are found in any letter case.

use super::writer::quoted;
use super::{Lowering, is_ours};
use crate::script::language::source_map::Span;
use crate::script::language::tree::{GroupExpression, Piece};

/// One step from a value to what is in it.
enum MemberStep<'p> {
    /// `.Name`, with the place of its dot.
    Property(Span, &'p str),
    /// `[…]`.
    Index(&'p GroupExpression),
    /// `.Name(…)`.
    Method(Span, &'p str, &'p GroupExpression),
}

impl Lowering<'_> {
    /// Returns the number of pieces that `$x.member[0].method(…)` takes, from the value on; 0 for what is Rhai's.
    pub(super) fn members(&self, pieces: &[Piece]) -> usize {
        let begins = match pieces.first() {
            Some(
                Piece::Variable(_)
                | Piece::Current(_)
                | Piece::Literal(..)
                | Piece::Text(_)
                | Piece::List(_)
                | Piece::Map(_)
                | Piece::Static(_)
                | Piece::Automatic(..)
                | Piece::Block(_),
            ) => true,
            Some(Piece::Rhai(span)) => self.ours && span.of(self.writer.source).starts_with('"'),
            Some(Piece::Group(group)) => {
                let is_range = |piece: &Piece| matches!(piece, Piece::Binary(span, _) if span.of(self.writer.source) == "..");
                group.dollar.is_some()
                    || (group.open.of(self.writer.source) == "("
                        && (is_ours(&group.pieces) || (self.ours && group.pieces.iter().any(is_range))))
            }
            Some(_) | None => return 0,
        };
        let of_member = |piece: &&Piece| {
            let Piece::Rhai(span) = piece else { return matches!(piece, Piece::Group(_)) };
            let text = span.of(self.writer.source);
            text.starts_with(['.', '?', '_']) && !text.starts_with("..")
                || text.starts_with(|first: char| first.is_ascii_alphabetic())
        };
        if begins { 1 + pieces[1..].iter().take_while(of_member).count() } else { 0 }
    }

    /// A value with its members; false, and nothing written, where Rhai reads it as it stands.
    pub(super) fn chain(&mut self, pieces: &[Piece]) -> bool {
        let source = self.writer.source;
        let Some((value, behind)) = pieces.split_first() else { return false };
        let Some(members) = members_of(behind, source) else { return false };
        // What is before a method that changes is a place, and no value.
        let n_places = members.iter().rposition(changes).map_or(0, |place| place + 1);
        for member in members[n_places..].iter().rev() {
            match member {
                MemberStep::Property(dot, _) => self.writer.made("__shell::get(", dot.start),
                MemberStep::Index(group) => self.writer.made("__shell::at(", group.open.start),
                MemberStep::Method(..) => {}
            }
        }
        self.piece(value, super::ValueUses::VALUES);
        let outer = std::mem::replace(&mut self.ours, true);
        for (place, member) in members.iter().enumerate() {
            match member {
                MemberStep::Property(dot, name) if place < n_places => {
                    self.writer.made(".", dot.start);
                    self.writer.made_here(name);
                }
                MemberStep::Index(group) if place < n_places => self.group(group, super::ValueUses::VALUES),
                MemberStep::Property(dot, name) => {
                    self.writer.made(", ", dot.start);
                    self.writer.made_here(&quoted(name));
                    self.writer.made_here(")");
                }
                MemberStep::Index(group) => {
                    self.writer.made(", ", group.open.start);
                    self.index(group);
                    self.writer.made_here(")");
                }
                MemberStep::Method(dot, name, group) => {
                    // Errors stand at the method's name.
                    self.writer.made(".", dot.start);
                    self.writer.made(method_name(name), dot.end);
                    self.group(group, super::ValueUses::VALUES);
                }
            }
        }
        self.ours = outer;
        true
    }

    /// Writes the index in `[ ]`: `0`, `0..2`, `0,2`.
    fn index(&mut self, group: &GroupExpression) {
        let is_list = group
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Rhai(span) if span.of(self.writer.source) == ","));
        if is_list {
            self.writer.made_here("[");
        }
        self.values(&group.pieces);
        if is_list {
            self.writer.made_here("]");
        }
    }
}

/// The members behind a value; none where an operator of Rhai's is among them.
fn members_of<'p>(mut pieces: &'p [Piece], source: &'p str) -> Option<Vec<MemberStep<'p>>> {
    let mut members = Vec::new();
    while let [piece, rest @ ..] = pieces {
        pieces = rest;
        if let Piece::Group(group) = piece
            && group.open.of(source) == "["
        {
            members.push(MemberStep::Index(group));
            continue;
        }
        let Piece::Rhai(dot) = piece else { return None };
        let dot = *dot;
        let written = dot.of(source);
        let (dot, name) = match written.strip_prefix('.') {
            Some("") => {
                let [Piece::Rhai(name), rest @ ..] = pieces else { return None };
                pieces = rest;
                (dot, name.of(source))
            }
            Some(name) => (Span::new(dot.start, dot.start + 1), name),
            None => return None,
        };
        match pieces {
            [Piece::Group(group), rest @ ..] if group.open.of(source) == "(" => {
                pieces = rest;
                members.push(MemberStep::Method(dot, name, group));
            }
            _ => members.push(MemberStep::Property(dot, name)),
        }
    }
    Some(members)
}

/// Whether a method may change what it is called on.
fn changes(member: &MemberStep<'_>) -> bool {
    let MemberStep::Method(_, name, _) = member else { return false };
    let canonical = method_name(name);
    CHANGING.contains(&canonical)
        || (!METHODS.contains(&canonical) && name.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// The spelling under which a method is known.
fn method_name(written: &str) -> &str {
    METHODS.iter().find(|name| name.eq_ignore_ascii_case(written)).copied().unwrap_or(written)
}

/// Methods of PowerShell's that change a list or a table.
const CHANGING: &[&str] = &["Add", "AddRange", "Remove", "RemoveAt", "Insert", "Clear"];

/// Methods that PowerShell's authors know, in their spelling.
pub const METHODS: &[&str] = &[
    "Add",
    "AddDays",
    "AddHours",
    "AddMilliseconds",
    "AddMinutes",
    "AddMonths",
    "AddRange",
    "AddSeconds",
    "AddYears",
    "Clear",
    "CompareTo",
    "Contains",
    "ContainsKey",
    "ContainsValue",
    "EndsWith",
    "Equals",
    "ForEach",
    "GetEnumerator",
    "GetType",
    "IndexOf",
    "Insert",
    "Invoke",
    "LastIndexOf",
    "PadLeft",
    "PadRight",
    "Remove",
    "RemoveAt",
    "Replace",
    "Split",
    "StartsWith",
    "Substring",
    "Subtract",
    "ToCharArray",
    "ToLocalTime",
    "ToLongDateString",
    "ToLower",
    "ToLowerInvariant",
    "ToShortDateString",
    "ToShortTimeString",
    "ToString",
    "ToUniversalTime",
    "ToUpper",
    "ToUpperInvariant",
    "Trim",
    "TrimEnd",
    "TrimStart",
    "Where",
];
