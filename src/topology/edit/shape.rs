//! Tables, lists and values of a document, changed so that blanks, comments and order stay.
//!
//! A list of tables is written as `[[key]]` or as `key = [{ … }]`; both are changed as they are.

use std::str::FromStr;

use toml_edit::{Array, ArrayOfTables, Item, RawString, Table, TableLike, Value};

use super::Setting;
use crate::access::{CmdletName, ConfigScope, Limit, LimitedParameter, UserScope};
use crate::address::{Address, Domain};
use crate::topology::Server;

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

/// Takes a table out. A comment that a blank line separates from it is not its own: it moves to the
/// next table of the list, or is handed back.
pub(super) fn take(item: &mut Item, n: usize) -> String {
    match item {
        Item::ArrayOfTables(tables) => {
            let above = text_in(tables.remove(n).decor().prefix());
            let Some(end) = above.rfind("\n\n").filter(|end| above[..*end].contains('#')) else {
                return String::new();
            };
            let kept = above[..end + 1].to_owned();
            let Some(next) = tables.get_mut(n) else { return kept };
            let moved = format!("{kept}{}", text_in(next.decor().prefix()));
            next.decor_mut().set_prefix(moved);
            String::new()
        }
        Item::Value(Value::Array(values)) => {
            values.remove(n);
            String::new()
        }
        Item::None | Item::Table(_) | Item::Value(_) => String::new(),
    }
}

pub(super) fn push_into(parent: &mut dyn TableLike, key: &str, mut table: Table) -> Option<()> {
    table.decor_mut().set_prefix("\n");
    if parent.get(key).is_none_or(|item| count(item) == 0) {
        parent.insert(key, Item::ArrayOfTables(ArrayOfTables::new()));
    }
    match parent.get_mut(key)? {
        Item::ArrayOfTables(tables) => tables.push(table),
        Item::Value(Value::Array(values)) => values.push(table.into_inline_table()),
        Item::None | Item::Table(_) | Item::Value(_) => return None,
    }
    Some(())
}

pub(super) fn apply(table: &mut dyn TableLike, key: &'static str, setting: &Setting) -> Option<()> {
    match setting {
        Setting::Default => {
            table.remove(key);
            Some(())
        }
        Setting::Text(text) => put(table, key, Value::from(text.as_str())),
        Setting::Number(number) => put(table, key, Value::from(i64::from(*number))),
        Setting::Flag(flag) => put(table, key, Value::from(*flag)),
        Setting::List(wanted) => {
            let there: Vec<String> = list_of(table, key).into_iter().map(str::to_owned).collect();
            let is_wanted = |item: &String| wanted.iter().any(|wanted| is_same_item(key, item, wanted));
            let remove: Vec<String> = there.iter().filter(|item| !is_wanted(item)).cloned().collect();
            let mut after: Vec<String> = there.iter().filter(|item| is_wanted(item)).cloned().collect();
            let is_new = |item: &&String| !there.iter().any(|there| is_same_item(key, there, item));
            let add: Vec<String> = wanted.iter().filter(is_new).cloned().collect();
            after.extend(add.iter().cloned());
            let is_in_order = after.len() == wanted.len()
                && after.iter().zip(wanted).all(|(one, other)| is_same_item(key, one, other));
            if is_in_order && table.contains_key(key) {
                return change_items(table, key, &add, &remove);
            }
            put(table, key, Value::Array(Array::from_iter(wanted.iter().map(String::as_str))))
        }
        Setting::Items { add, remove } => change_items(table, key, add, remove),
        Setting::Limits(limits) => put_limits(table, key, limits),
    }
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
    for item in remove {
        let is_it = |value: &Value| value.as_str().is_some_and(|listed| is_same_item(key, listed, item));
        loop {
            let Some(n) = list.iter().position(is_it) else { break };
            remove_item(list, n);
        }
    }
    for item in add {
        let is_there = list.iter().any(|v| v.as_str().is_some_and(|listed| is_same_item(key, listed, item)));
        if !is_there {
            add_item(list, item);
        }
    }
    Some(())
}

/// A list with one item a line goes on so, below the comment behind its last item.
fn add_item(list: &mut Array, item: &str) {
    let above = list.iter().last().map(|last| text_in(last.decor().prefix())).unwrap_or_default();
    let Some((_, indent)) = above.rsplit_once('\n') else {
        list.push(item);
        return;
    };
    let mut value = Value::from(item);
    if list.trailing_comma() {
        let below = text_in(Some(list.trailing()));
        let (comment, end) = below.rsplit_once('\n').unwrap_or(("", &below));
        value.decor_mut().set_prefix(format!("{comment}\n{indent}"));
        list.set_trailing(format!("\n{end}"));
    } else if let Some(last) = list.iter_mut().last() {
        let below = text_in(last.decor().suffix());
        let (comment, end) = below.rsplit_once('\n').unwrap_or(("", &below));
        value.decor_mut().set_prefix(format!("{comment}\n{indent}"));
        value.decor_mut().set_suffix(format!("\n{end}"));
        last.decor_mut().set_suffix("");
    }
    list.push_formatted(value);
}

fn text_in(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

/// Only the comment behind an item goes with it.
fn remove_item(list: &mut Array, n: usize) {
    let above = text_in(list.remove(n).decor().prefix());
    let below = match list.get(n) {
        Some(next) => text_in(next.decor().prefix()),
        None => text_in(Some(list.trailing())),
    };
    let kept = above.rsplit_once('\n').map(|(kept, _)| kept).filter(|kept| kept.contains('#')).unwrap_or("");
    let between = match below.find('\n') {
        Some(line_end) => format!("{kept}{}", &below[line_end..]),
        None if kept.is_empty() && !above.contains('\n') => above,
        None => below,
    };
    match list.get_mut(n) {
        Some(next) => next.decor_mut().set_prefix(between),
        None => list.set_trailing(between),
    }
}

/// Whether two spellings of an item mean the same.
fn is_same_item(key: &str, one: &str, other: &str) -> bool {
    fn same<T: FromStr + PartialEq>(one: &str, other: &str) -> Option<bool> {
        Some(one.parse::<T>().ok()? == other.parse::<T>().ok()?)
    }
    let compared = match key {
        "test_users" | "receivers" => same::<Address>(one, other),
        "domains" | "additional_domains" | "aliases" => same::<Domain>(one, other),
        "servers" => same::<Server>(one, other),
        "config_scopes" => same::<ConfigScope>(one, other),
        "user_scopes" => same::<UserScope>(one, other),
        "cmdlets" | "add_cmdlets" | "remove_cmdlets" => same::<CmdletName>(one, other),
        _ => None,
    };
    compared.unwrap_or(one == other)
}

fn put_limits(table: &mut dyn TableLike, key: &str, limits: &[LimitedParameter]) -> Option<()> {
    let mut tables = ArrayOfTables::new();
    for limited in limits {
        let mut limit = Table::new();
        limit.insert("cmdlet", toml_edit::value(limited.cmdlet.as_str()));
        limit.insert("parameter", toml_edit::value(limited.parameter.as_str()));
        match &limited.limit {
            Limit::Values(values) => {
                limit.insert("values", toml_edit::value(Array::from_iter(values.iter().map(String::as_str))))
            }
            Limit::Pattern(pattern) => limit.insert("pattern", toml_edit::value(pattern.as_str())),
        };
        tables.push(limit);
    }
    let is_inline = table.get(key).is_some_and(Item::is_value);
    table.remove(key);
    if !limits.is_empty() {
        let item =
            if is_inline { toml_edit::value(tables.into_array()) } else { Item::ArrayOfTables(tables) };
        table.insert(key, item);
    }
    Some(())
}
