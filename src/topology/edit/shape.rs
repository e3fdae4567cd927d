//! Tables, lists and values of a document, changed so that blanks, comments and order stay.
//!
//! A list of tables is written as `[[key]]` or as `key = [{ … }]`; both are changed as they are.

use std::collections::{HashMap, HashSet, VecDeque};
use std::str::FromStr;

use toml_edit::{Array, ArrayOfTables, Item, Table, TableLike, Value};

use super::NewValue;
use super::comments::{Orphan, not_its_own, remove_key, text_in};
use super::list::List;
use crate::access::{CmdletName, ConfigScope, Limit, LimitedParameter, UserScope};
use crate::topology::schema;
use crate::topology::setting::numbered;

pub(super) fn text_of<'t>(table: &'t dyn TableLike, key: &str) -> Option<&'t str> {
    table.get(key)?.as_str()
}

pub(super) fn list_of<'t>(table: &'t dyn TableLike, key: &str) -> Vec<&'t str> {
    let items = table.get(key).and_then(Item::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn count(item: &Item) -> usize {
    match item {
        Item::ArrayOfTables(tables) => tables.len(),
        Item::Value(Value::Array(values)) => values.len(),
        Item::None | Item::Table(_) | Item::Value(_) => 0,
    }
}

pub(super) fn at(item: &mut Item, n: usize) -> Option<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables.get_mut(n).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(values)) => {
            values.get_mut(n)?.as_inline_table_mut().map(|table| table as &mut dyn TableLike)
        }
        Item::None | Item::Table(_) | Item::Value(_) => None,
    }
}

pub(super) fn position(item: &mut Item, is_it: impl Fn(&dyn TableLike) -> bool) -> Option<usize> {
    (0..count(item)).find(|n| at(item, *n).is_some_and(|table| is_it(table)))
}

/// Takes a table out, and hands back what stood above it and was not its own.
pub(super) fn take(item: &mut Item, n: usize) -> Option<Orphan> {
    match item {
        Item::ArrayOfTables(tables) => {
            let table = tables.remove(n);
            let above = text_in(table.decor().prefix());
            let (others, _) = not_its_own(&above);
            Some(Orphan { position: table.position()?, comment: others.to_owned() })
        }
        Item::Value(Value::Array(values)) => {
            let mut list = List::of(values);
            list.remove(n);
            list.write(values);
            None
        }
        Item::None | Item::Table(_) | Item::Value(_) => None,
    }
}

/// Returns the position of a table of a list in the document.
pub(super) fn place_of(item: &Item, n: usize) -> Option<isize> {
    item.as_array_of_tables()?.get(n)?.position()
}

/// Adds a table to a list, which is made if it is missing. Where the list was written as an empty
/// one, its comments stand above the first table.
pub(super) fn push_into(parent: &mut dyn TableLike, key: &str, mut table: Table) -> Option<()> {
    let is_empty = parent.get(key).is_none_or(|item| count(item) == 0);
    let comments = if is_empty { empty_list_out(parent, key) } else { String::new() };
    table.decor_mut().set_prefix(format!("\n{comments}"));
    if is_empty {
        parent.insert(key, Item::ArrayOfTables(ArrayOfTables::new()));
    }
    match parent.get_mut(key)? {
        Item::ArrayOfTables(tables) => tables.push(table),
        Item::Value(Value::Array(values)) => {
            let mut list = List::of(values);
            list.push(Value::InlineTable(table.into_inline_table()));
            list.write(values);
        }
        Item::None | Item::Table(_) | Item::Value(_) => return None,
    }
    Some(())
}

/// Takes `key = []` out; gives the comments above it, behind it and in it, a line each.
fn empty_list_out(parent: &mut dyn TableLike, key: &str) -> String {
    let above = parent.key(key).map(|key| text_in(key.leaf_decor().prefix())).unwrap_or_default();
    let (_, own) = not_its_own(&above);
    let mut comments = vec![own.to_owned()];
    if let Some(list) = parent.get(key).and_then(Item::as_array) {
        comments.push(text_in(Some(list.trailing())));
        comments.push(text_in(list.decor().suffix()));
    }
    let others = remove_key(parent, key);
    let lines = std::iter::once(others.as_str()).chain(comments.iter().map(String::as_str));
    let lines = lines.flat_map(str::lines).map(str::trim).filter(|line| line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Sets a key of a table that stands at `place`. Gives what stood above a key or table that goes away and
/// was not its own, if nothing in the table can keep it.
pub(super) fn apply(
    table: &mut dyn TableLike,
    key: &'static str,
    setting: &NewValue,
    place: Option<isize>,
) -> Option<Vec<Orphan>> {
    let made = match setting {
        NewValue::Default if table.get(key).is_some_and(Item::is_array_of_tables) => {
            return put_limits(table, key, &[]);
        }
        NewValue::Default => {
            let comment = remove_key(table, key);
            return Some(place.map(|position| Orphan { position, comment }).into_iter().collect());
        }
        NewValue::Limits(limits) => return put_limits(table, key, limits),
        NewValue::Text(text) => put(table, key, Value::from(text.as_str())),
        NewValue::Number(number) => put(table, key, Value::from(i64::from(*number))),
        NewValue::Flag(flag) => put(table, key, Value::from(*flag)),
        NewValue::List(wanted) => put_list(table, key, wanted),
        NewValue::Items { add, remove } => change_items(table, key, add, remove),
    };
    made.map(|()| Vec::new())
}

/// Puts a value in the place of another one, whose blanks and comment stay.
fn put(table: &mut dyn TableLike, key: &str, mut value: Value) -> Option<()> {
    match table.get_mut(key) {
        Some(item) => {
            let old = item.as_value_mut()?;
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
    Some(())
}

/// Makes a list of texts another one: items that stay keep their lines and comments, those that change
/// places take their comments along, and new ones stand where they belong.
fn put_list(table: &mut dyn TableLike, key: &str, wanted: &[String]) -> Option<()> {
    let there: Vec<String> = list_of(table, key).into_iter().map(str::to_owned).collect();
    let list = table.get_mut(key).and_then(Item::as_array_mut);
    let is_comparable =
        |list: &Array| list.len() == there.len() && there.len() * wanted.len() <= MAX_COMPARED;
    let Some(list) = list.filter(|list| is_comparable(list)) else {
        return put(table, key, Value::Array(Array::from_iter(wanted.iter().map(String::as_str))));
    };
    let mut numbers = meanings(key, there.iter().chain(wanted));
    let new = numbers.split_off(there.len());
    let mut items = List::of(list);
    // What goes first, so that a comment behind several items is left to one that stays.
    let wanted_ones: HashSet<_> = new.iter().collect();
    items.take(|n| !wanted_ones.contains(&numbers[n]));
    let mut old = numbers.clone();
    old.retain(|number| wanted_ones.contains(number));
    let stays = longest_common(&old, &new);
    let stays_old: HashSet<_> = stays.iter().map(|(old, _)| *old).collect();
    let stays_new: HashSet<_> = stays.iter().map(|(_, new)| *new).collect();
    let moved_numbers = old.iter().enumerate().filter(|(n, _)| !stays_old.contains(n));
    let mut moved: HashMap<usize, VecDeque<_>> = HashMap::new();
    let moved_numbers: Vec<_> = moved_numbers.map(|(_, number)| *number).collect();
    for (number, gone) in moved_numbers.into_iter().zip(items.take(|n| !stays_old.contains(&n))) {
        moved.entry(number).or_default().push_back(gone);
    }
    for (n, item) in wanted.iter().enumerate().filter(|(n, _)| !stays_new.contains(n)) {
        match moved.get_mut(&new[n]).and_then(VecDeque::pop_front) {
            Some(gone) => items.put_back(n, gone),
            None => items.insert(n, Value::from(item.as_str())),
        }
    }
    items.write(list);
    Some(())
}

/// The longest common subsequence, as pairs of places.
fn longest_common(old: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    // How long it is from a pair of places on.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if old[i] == new[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

fn change_items(
    table: &mut dyn TableLike,
    key: &'static str,
    add: &[String],
    remove: &[String],
) -> Option<()> {
    if !table.contains_key(key) {
        table.insert(key, toml_edit::value(Array::new()));
    }
    let list = table.get_mut(key)?.as_array_mut()?;
    let mut items = List::of(list);
    let there = items.texts();
    let numbers = meanings(key, there.iter().chain(remove).chain(add));
    let (there, changes) = numbers.split_at(there.len());
    let (remove, adding) = changes.split_at(remove.len());
    let remove: HashSet<_> = remove.iter().collect();
    items.take(|n| remove.contains(&there[n]));
    let mut known: HashSet<_> = there.iter().filter(|number| !remove.contains(number)).collect();
    for (item, number) in add.iter().zip(adding) {
        if known.insert(number) {
            items.push(Value::from(item.as_str()));
        }
    }
    items.write(list);
    Some(())
}

/// Numbers spellings of items: those that mean the same have the same number.
fn meanings<'t>(key: &str, items: impl Iterator<Item = &'t String>) -> Vec<usize> {
    fn read<T: FromStr + Ord>(items: &[&str]) -> Vec<usize> {
        numbered(items.iter().map(|text| text.parse::<T>().map_err(|_| *text)))
    }
    let items: Vec<&str> = items.map(String::as_str).collect();
    match key {
        "config_scopes" => read::<ConfigScope>(&items),
        "user_scopes" => read::<UserScope>(&items),
        "cmdlets" | "add_cmdlets" | "remove_cmdlets" => read::<CmdletName>(&items),
        _ => match schema::setting(key) {
            Some(setting) => (setting.meanings)(&items),
            None => numbered(items.into_iter()),
        },
    }
}

/// Makes the limits of a role others: a table of the same parameter stays and is changed, so that comments
/// stay; new ones stand at the end.
fn put_limits(
    table: &mut dyn TableLike,
    key: &'static str,
    limits: &[LimitedParameter],
) -> Option<Vec<Orphan>> {
    let is_of = |limited: &LimitedParameter, table: &dyn TableLike| {
        let cmdlet = text_of(table, "cmdlet").and_then(|name| name.parse::<CmdletName>().ok());
        cmdlet.is_some_and(|name| name == limited.cmdlet)
            && text_of(table, "parameter").is_some_and(|name| {
                name.trim().trim_start_matches('-').eq_ignore_ascii_case(&limited.parameter)
            })
    };
    let mut orphans = Vec::new();
    let mut left: Vec<&LimitedParameter> = limits.iter().collect();
    if let Some(item) = table.get_mut(key) {
        let mut n = 0;
        while let Some(table) = at(item, n) {
            match left.iter().position(|limited| is_of(limited, table)) {
                Some(place) => {
                    put_limit(table, &left.remove(place).limit)?;
                    n += 1;
                }
                None => orphans.extend(take(item, n)),
            }
        }
        if n == 0 && item.is_array_of_tables() {
            table.remove(key);
        }
    }
    for limited in left {
        let mut limit = Table::new();
        limit.insert("cmdlet", toml_edit::value(limited.cmdlet.as_str()));
        limit.insert("parameter", toml_edit::value(limited.parameter.as_str()));
        put_limit(&mut limit, &limited.limit)?;
        push_into(table, key, limit)?;
    }
    Some(orphans)
}

fn put_limit(table: &mut dyn TableLike, limit: &Limit) -> Option<()> {
    match limit {
        Limit::Values(values) => {
            remove_key(table, "pattern");
            put_list(table, "values", values)
        }
        Limit::Pattern(pattern) if text_of(table, "pattern") == Some(pattern.as_str()) => Some(()),
        Limit::Pattern(pattern) => {
            remove_key(table, "values");
            put(table, "pattern", Value::from(pattern.as_str()))
        }
    }
}

/// Lists whose comparison would take longer are written anew.
const MAX_COMPARED: usize = 1 << 22;
