//! Comments whose table or key goes away: one that a blank line separates from it belongs to nobody,
//! and stays where it is.

use toml_edit::{DocumentMut, Item, RawString, Table, TableLike};

/// A comment that has lost what stood below it.
pub(super) struct Orphan {
    /// The position of the table that went away, or that it was in.
    pub(super) position: isize,
    /// The comment, with its line ends.
    pub(super) comment: String,
}

pub(super) fn text_in(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Splits the comments above a table or a key into those that are not its own and its own comment. The two are one
/// where no blank line is between them.
pub(super) fn not_its_own(above: &str) -> (&str, &str) {
    let mut at = 0;
    let mut last_blank = None;
    for line in above.split_inclusive('\n') {
        if line.trim().is_empty() && line.ends_with('\n') {
            last_blank = Some(at);
        }
        at += line.len();
    }
    match last_blank.map(|at| above.split_at(at)) {
        Some((others, own)) if others.contains('#') => (others, own),
        Some(_) | None => ("", above),
    }
}

/// Takes a key out. What stands above it and is not its own goes to the key below, or else to the one
/// above; if there is neither, it is handed back.
pub(super) fn remove_key(table: &mut dyn TableLike, key: &str) -> String {
    let above = table.key(key).map(|key| text_in(key.leaf_decor().prefix())).unwrap_or_default();
    let (others, _) = not_its_own(&above);
    let is_value = |item: &Item| item.is_value();
    let values: Vec<String> =
        table.iter().filter(|(_, item)| is_value(item)).map(|(name, _)| name.to_owned()).collect();
    let place = values.iter().position(|name| name == key);
    table.remove(key);
    let Some(place) = place.filter(|_| !others.is_empty()) else { return String::new() };
    if let Some(mut below) = values.get(place + 1).and_then(|name| table.key_mut(name)) {
        let own = text_in(below.leaf_decor().prefix());
        below.leaf_decor_mut().set_prefix(format!("{others}{own}"));
        return String::new();
    }
    let before = place.checked_sub(1).and_then(|place| values.get(place));
    if let Some(value) = before.and_then(|name| table.get_mut(name)).and_then(Item::as_value_mut) {
        let behind = text_in(value.decor().suffix());
        value.decor_mut().set_suffix(format!("{behind}\n{}", others.trim_end_matches(['\n', '\r'])));
        return String::new();
    }
    others.to_owned()
}

/// Puts comments back where they were: above what followed, or at the end.
pub(super) fn restore(toml: &mut DocumentMut, orphans: Vec<Orphan>) {
    // Of two above the same table, the first one ends up first.
    for orphan in orphans.into_iter().rev().filter(|orphan| !orphan.comment.is_empty()) {
        let mut next = None;
        positions(toml.as_table(), &mut |position| {
            if position > orphan.position && next.is_none_or(|next| position < next) {
                next = Some(position);
            }
        });
        let below = next.and_then(|position| at(toml.as_table_mut(), position));
        if let Some(table) = below {
            let own = text_in(table.decor().prefix());
            table.decor_mut().set_prefix(format!("{}{own}", orphan.comment));
        } else {
            let own = toml.trailing().as_str().unwrap_or_default();
            let trailing = format!("{}{own}", orphan.comment);
            toml.set_trailing(trailing);
        }
    }
}

/// The positions of all tables that have a header.
fn positions(table: &Table, each: &mut impl FnMut(isize)) {
    for (_, item) in table.iter() {
        for table in tables_of(item) {
            each_header(table).into_iter().for_each(&mut *each);
            positions(table, each);
        }
    }
}

fn each_header(table: &Table) -> Option<isize> {
    table.position().filter(|_| !table.is_implicit() && !table.is_dotted())
}

fn tables_of(item: &Item) -> Vec<&Table> {
    match item {
        Item::Table(table) => vec![table],
        Item::ArrayOfTables(tables) => tables.iter().collect(),
        Item::None | Item::Value(_) => Vec::new(),
    }
}

fn at(table: &mut Table, position: isize) -> Option<&mut Table> {
    for (_, item) in table.iter_mut() {
        let tables: Vec<&mut Table> = match item {
            Item::Table(table) => vec![table],
            Item::ArrayOfTables(tables) => tables.iter_mut().collect(),
            Item::None | Item::Value(_) => Vec::new(),
        };
        for table in tables {
            if each_header(table) == Some(position) {
                return Some(table);
            }
            if let Some(found) = at(table, position) {
                return Some(found);
            }
        }
    }
    None
}
