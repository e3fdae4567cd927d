//! Changing the topology document: comments and order stay, and nothing wrong is ever written.
//!
//! [`change`] takes the lock, reads the document as it is now, lets the caller change it, checks the
//! result with the reader, and puts it in the old one's place in one step. Two writers lose nothing;
//! a crash leaves the old document or the new one. Never decides who may do it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, TableLike};

use super::setting::Named;
use super::{Mistake, Partner, Pool, SettingsTable, Topology, contents, setting};
use crate::access::role::is_same as is_same_role;
use crate::access::{LimitedParameter, Member};
use crate::address::{Address, Domain};
use crate::durable;
use crate::trusted;
use comments::Orphan;
use shape::{apply, at, count, list_of, place_of, position, push_into, take, text_of};

// Reading order.
mod shape;
mod list;
mod comments;
mod difference;

pub use difference::differences;

/// One table of the document.
#[derive(Clone, Debug)]
pub struct Entry {
    kind: TableKind,
    /// Its name among others of its kind; empty where there is one.
    name: String,
}

/// The form of the tables of one kind in the document.
#[derive(Clone, Copy, Debug)]
struct TableKind {
    /// The table that the list of them stands in, where that is not the document.
    parent: Option<&'static str>,
    /// The key of the list, or of the one table.
    key: &'static str,
    /// The key of a table's name, where there may be several.
    name_key: Option<&'static str>,
    noun: &'static str,
    /// The test of whether two names mean the same table.
    is_same: fn(&str, &str) -> bool,
    keeps_empty_list: bool,
}

impl Entry {
    /// The table of this type, where the document has one at most.
    pub fn only<T: SettingsTable>() -> Self {
        Self { kind: TableKind::of(T::TABLE), name: String::new() }
    }

    /// The table of this type with this name.
    pub fn named<T: Named>(name: &T::Name) -> Self {
        Self { kind: TableKind::of(T::TABLE), name: name.to_string() }
    }

    /// `[[pool]]` with this identity.
    pub fn pool(identity: &Domain) -> Self {
        Self::named::<Pool>(identity)
    }

    /// `[[partner]]` with this primary domain.
    pub fn partner(domain: &Domain) -> Self {
        Self::named::<Partner>(domain)
    }

    /// `[[access.role]]` with this identity.
    pub fn role(identity: &str) -> Self {
        Self { kind: ROLE, name: identity.to_owned() }
    }

    /// `[[access.principal]]` with this name.
    pub fn principal(name: &str) -> Self {
        Self { kind: PRINCIPAL, name: name.to_owned() }
    }

    /// The key of the top-level table that it is or stands in.
    fn section(&self) -> &'static str {
        self.kind.parent.unwrap_or(self.kind.key)
    }

    /// Whether a table of the list is this one.
    fn is(&self, table: &dyn TableLike) -> bool {
        let Some(written) = self.kind.name_key.and_then(|key| text_of(table, key)) else { return false };
        (self.kind.is_same)(written, &self.name)
    }
}

impl TableKind {
    fn of(table: setting::Table) -> Self {
        Self {
            parent: None,
            key: table.path,
            name_key: table.name.map(|name| name.key),
            noun: table.noun,
            is_same: table.name.map_or(|_, _| true, |name| name.is_same),
            keeps_empty_list: table.keeps_empty_list,
        }
    }
}

const ROLE: TableKind = TableKind {
    parent: Some(ACCESS),
    key: "role",
    name_key: Some("identity"),
    noun: "the role",
    is_same: is_same_role,
    keeps_empty_list: false,
};

const PRINCIPAL: TableKind = TableKind {
    parent: Some(ACCESS),
    key: "principal",
    name_key: Some("name"),
    noun: "the principal",
    is_same: |one, other| one == other,
    keeps_empty_list: false,
};

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.noun)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " {}", self.name) }
    }
}

/// The value that a key is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum NewValue {
    /// A text; durations and words too, as the document spells them.
    Text(String),
    /// A list of texts, in place of the whole list. Items that stay keep their comments.
    List(Vec<String>),
    /// Items to add to a list, at its end, and to take from it, in whatever spelling it has them.
    Items {
        /// Added where they are not in it.
        add: Vec<String>,
        /// Removed where they are.
        remove: Vec<String>,
    },
    /// A whole number.
    Number(u32),
    /// True or false.
    Flag(bool),
    /// The limits of a role, in place of those that it has.
    Limits(Vec<LimitedParameter>),
    /// The key goes away, and its default holds again.
    Default,
}

/// The reason why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The document has mistakes as it is.
    #[error("the topology has a mistake already: {}", first(.0))]
    Broken(Vec<Mistake>),
    /// The document would have mistakes afterwards; lines are those of the new text.
    #[error("the change is refused: {}", first(.0))]
    Refused(Vec<Mistake>),
    /// The entry that should be changed is not there.
    #[error("{0} is not in the topology")]
    Missing(Entry),
    /// The entry that should be added is there already.
    #[error("{0} is in the topology already")]
    Exists(Entry),
    /// The pool has test users, and no second list of them can be made.
    #[error("the pool {0} has test users already")]
    TestUsersExist(Domain),
    /// The account that shall be the second test user is the first one.
    #[error("{0} is the first test user already")]
    FirstTestUser(String),
    /// The pool has no test users to change.
    #[error("the pool {0} has no test users")]
    NoTestUsers(Domain),
    /// A key holds something else than the change is made for.
    #[error("{entry} has a {key} that cannot be changed so")]
    Shape {
        /// The table.
        entry: Entry,
        /// The key.
        key: &'static str,
    },
    /// The roles that the leave was given on have changed.
    #[error("the roles were changed by somebody else in the meantime")]
    Moved,
    /// It could not be locked or replaced.
    #[error("the topology {0}")]
    Durable(#[from] durable::Fault),
}

fn first(mistakes: &[Mistake]) -> String {
    match mistakes {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    }
}

/// Changes the document at `path`, which is made if it is missing. Gives the topology as it now is.
///
/// `deed` sees the document as it is under the lock; if it fails, nothing is written.
///
/// # Errors
/// What `deed` says, and every [`Fault`]; the document is then as it was.
pub fn change<E: From<Fault>>(
    path: &Path,
    deed: impl FnOnce(&mut Document) -> Result<(), E>,
) -> Result<Topology, E> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory {
        durable::create_directory(directory).map_err(Fault::from)?;
    }
    let lock = durable::lock(path).map_err(Fault::from)?;
    let (document, topology) = rehearsed(path, deed)?;
    let text = document.text();
    if text != document.original {
        durable::replace(lock.file(), text.as_bytes(), NEW_MODE).map_err(Fault::from)?;
    }
    Ok(topology)
}

/// Makes the same change without writing it, for `-WhatIf`: gives the new text and its topology.
///
/// # Errors
/// As [`change`].
pub fn rehearse<E: From<Fault>>(
    path: &Path,
    deed: impl FnOnce(&mut Document) -> Result<(), E>,
) -> Result<Rehearsal, E> {
    let (document, topology) = rehearsed(path, deed)?;
    Ok(Rehearsal { after: document.text(), before: document.original, topology })
}

/// The effect that a change would have on the document.
pub struct Rehearsal {
    /// The text that is there.
    pub before: String,
    /// The text that it would be.
    pub after: String,
    /// The topology that it would be.
    pub topology: Topology,
}

fn rehearsed<E: From<Fault>>(
    path: &Path,
    deed: impl FnOnce(&mut Document) -> Result<(), E>,
) -> Result<(Document, Topology), E> {
    let mut document = Document::read(path)?;
    deed(&mut document)?;
    let topology = Topology::parse(&document.text(), path).map_err(Fault::Refused)?;
    Ok((document, topology))
}

/// A document while it is changed.
pub struct Document {
    original: String,
    toml: DocumentMut,
    topology: Topology,
}

impl Document {
    fn read(path: &Path) -> Result<Self, Fault> {
        let original = match trusted::open(path) {
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => String::new(),
            opened => contents(opened, path).map_err(|mistake| Fault::Broken(vec![mistake]))?,
        };
        let topology = Topology::parse(&original, path).map_err(Fault::Broken)?;
        let toml = original
            .parse::<DocumentMut>()
            .map_err(|fault| Fault::Broken(vec![Mistake::in_file(path, fault.message().to_owned(), None)]))?;
        Ok(Self { original, toml, topology })
    }

    /// The topology before the change, as read under the lock.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The test users of a pool before the change.
    pub fn test_users(&self, pool: &Domain) -> &[Address] {
        let listed = self.topology.pools.iter().find(|listed| listed.identity == *pool);
        listed.map_or(&[], |pool| &pool.test_users)
    }

    /// The text after it.
    pub fn text(&self) -> String {
        let text = self.toml.to_string();
        // Every new table has a blank line above it; the first one of a new document needs none.
        let text = if self.original.is_empty() { text.trim_start_matches('\n').to_owned() } else { text };
        as_in(&self.original, &text)
    }

    /// Adds a table with these settings, behind those of its kind.
    ///
    /// # Errors
    /// [`Fault::Exists`].
    pub fn add(&mut self, entry: &Entry, settings: &[(&'static str, NewValue)]) -> Result<(), Fault> {
        if self.find(entry).is_some() {
            return Err(Fault::Exists(entry.clone()));
        }
        match entry.kind.name_key {
            Some(name_key) => {
                let mut table = Table::new();
                table.insert(name_key, toml_edit::value(&*entry.name));
                self.push(entry, table)?;
            }
            None => {
                self.section(entry)?;
            }
        }
        self.set(entry, settings)
    }

    /// Changes the settings of a table; one that the document has once is made if it is missing.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Shape`].
    pub fn set(&mut self, entry: &Entry, settings: &[(&'static str, NewValue)]) -> Result<(), Fault> {
        if entry.kind.name_key.is_none() && !settings.is_empty() {
            self.section(entry)?;
        }
        let place = self.place(entry);
        let table = self.find(entry).ok_or_else(|| Fault::Missing(entry.clone()))?;
        let mut orphans = Vec::new();
        for (key, setting) in settings {
            let shape = || Fault::Shape { entry: entry.clone(), key };
            orphans.extend(apply(table, key, setting, place).ok_or_else(shape)?);
        }
        comments::restore(&mut self.toml, orphans);
        Ok(())
    }

    /// Removes a table; with a role its assignments, with a principal its memberships.
    ///
    /// A partner list that becomes empty stays, and so does `[access]`: without them more would be
    /// allowed than before.
    ///
    /// # Errors
    /// [`Fault::Missing`].
    pub fn remove(&mut self, entry: &Entry) -> Result<(), Fault> {
        let missing = || Fault::Missing(entry.clone());
        if entry.kind.name_key.is_none() {
            let place = self.place(entry);
            let table = self.toml.remove(entry.section()).ok_or_else(missing)?;
            let above = table.as_table().map(|table| comments::text_in(table.decor().prefix()));
            let comment = comments::not_its_own(&above.unwrap_or_default()).0.to_owned();
            let orphan = place.map(|position| Orphan { position, comment });
            comments::restore(&mut self.toml, orphan.into_iter().collect());
            return Ok(());
        }
        let key = entry.kind.key;
        let parent = self.parent(entry, false)?.ok_or_else(missing)?;
        let item = parent.get_mut(key).ok_or_else(missing)?;
        let n = position(item, |table| entry.is(table)).ok_or_else(missing)?;
        let orphan = take(item, n);
        // One that is written inline stays with its comments when nothing is left in it.
        if count(item) == 0 && item.is_array_of_tables() {
            match entry.kind.keeps_empty_list {
                true => leave_empty(parent, key),
                false => {
                    parent.remove(key);
                }
            }
        }
        comments::restore(&mut self.toml, orphan.into_iter().collect());
        if entry.kind.key == ROLE.key {
            self.drop_assignments(|role| is_same_role(role, &entry.name), None);
        } else if entry.kind.key == PRINCIPAL.key {
            self.drop_assignments(|_| true, Some(&format!("principal:{}", entry.name)));
        }
        Ok(())
    }

    /// Gives a role to a member; says whether that is new.
    ///
    /// # Errors
    /// [`Fault::Shape`].
    pub fn grant(&mut self, role: &str, member: &Member) -> Result<bool, Fault> {
        let entry = Entry::role(role);
        let shape = || Fault::Shape { entry: entry.clone(), key: "members" };
        let access = self.parent(&entry, true)?.ok_or_else(shape)?;
        let member = member.to_string();
        if let Some(assignments) = access.get_mut(ASSIGNMENT) {
            let of_role =
                |table: &dyn TableLike| text_of(table, "role").is_some_and(|name| is_same_role(name, role));
            let has_it = |table: &dyn TableLike| {
                of_role(table) && list_of(table, "members").iter().any(|listed| *listed == member)
            };
            if position(assignments, has_it).is_some() {
                return Ok(false);
            }
            if let Some(n) = position(assignments, of_role) {
                let table = at(assignments, n).ok_or_else(shape)?;
                let add = NewValue::Items { add: vec![member], remove: Vec::new() };
                apply(table, "members", &add, None).ok_or_else(shape)?;
                return Ok(true);
            }
        }
        let mut table = Table::new();
        table.insert("role", toml_edit::value(role));
        table.insert("members", toml_edit::value(Array::from_iter([member])));
        push_into(access, ASSIGNMENT, table).ok_or_else(shape)?;
        Ok(true)
    }

    /// Locks a member out of all roles, or no longer; says whether that is new.
    ///
    /// # Errors
    /// [`Fault::Shape`].
    pub fn lock(&mut self, member: &Member, is_locked: bool) -> Result<bool, Fault> {
        let entry = Entry::role("");
        let shape = || Fault::Shape { entry: Entry::principal(member.name()), key: "locked" };
        let access = self.parent(&entry, true)?.ok_or_else(shape)?;
        let member = member.to_string();
        if list_of(access, "locked").contains(&member.as_str()) == is_locked {
            return Ok(false);
        }
        let (add, remove) = if is_locked { (vec![member], Vec::new()) } else { (Vec::new(), vec![member]) };
        apply(access, "locked", &NewValue::Items { add, remove }, None).ok_or_else(shape)?;
        Ok(true)
    }

    /// Takes a role from a member; says whether they had it.
    pub fn revoke(&mut self, role: &str, member: &Member) -> bool {
        let before = self.text();
        self.drop_assignments(|name| is_same_role(name, role), Some(&member.to_string()));
        self.text() != before
    }

    /// Takes a member out of the assignments of some roles, or removes those assignments whole. One
    /// without members goes as well.
    fn drop_assignments(&mut self, is_meant: impl Fn(&str) -> bool, member: Option<&str>) {
        let Some(access) = self.toml.get_mut(ACCESS).and_then(Item::as_table_like_mut) else { return };
        let mut orphans = Vec::new();
        if let Some(assignments) = access.get_mut(ASSIGNMENT) {
            let mut n = 0;
            while let Some(table) = at(assignments, n) {
                let members = list_of(table, "members");
                let is_whole = member.is_none_or(|member| members == [member]);
                if !is_meant(text_of(table, "role").unwrap_or_default()) {
                    n += 1;
                } else if is_whole {
                    orphans.extend(take(assignments, n));
                } else {
                    let remove = member.iter().map(|member| (*member).to_owned()).collect();
                    apply(table, "members", &NewValue::Items { add: Vec::new(), remove }, None);
                    n += 1;
                }
            }
            if n == 0 && assignments.is_array_of_tables() {
                access.remove(ASSIGNMENT);
            }
        }
        self.keep_access();
        comments::restore(&mut self.toml, orphans);
    }

    /// Writes `[access]` out where nothing below it is left: without it everything would be allowed.
    fn keep_access(&mut self) {
        if let Some(access) = self.toml.get_mut(ACCESS).and_then(Item::as_table_mut)
            && access.is_empty()
        {
            access.set_implicit(false);
        }
    }

    /// Returns the position of an entry's table in the document.
    fn place(&self, entry: &Entry) -> Option<isize> {
        if entry.kind.name_key.is_none() {
            return self.toml.get(entry.section())?.as_table()?.position();
        }
        let item = match entry.kind.parent {
            Some(parent) => self.toml.get(parent)?.get(entry.kind.key)?,
            None => self.toml.get(entry.kind.key)?,
        };
        let tables = item.as_array_of_tables()?;
        place_of(item, tables.iter().position(|table| entry.is(table))?)
    }

    fn find(&mut self, entry: &Entry) -> Option<&mut dyn TableLike> {
        if entry.kind.name_key.is_none() {
            return self.toml.get_mut(entry.section())?.as_table_like_mut();
        }
        let item = self.parent(entry, false).ok()??.get_mut(entry.kind.key)?;
        let n = position(item, |table| entry.is(table))?;
        at(item, n)
    }

    /// The table that holds the list of an entry.
    fn parent(&mut self, entry: &Entry, make: bool) -> Result<Option<&mut dyn TableLike>, Fault> {
        let Some(parent) = entry.kind.parent else { return Ok(Some(self.toml.as_table_mut())) };
        if !make && !self.toml.contains_key(parent) {
            return Ok(None);
        }
        self.section(entry).map(Some)
    }

    /// The section that an entry is or stands in, made if it is missing.
    fn section(&mut self, entry: &Entry) -> Result<&mut dyn TableLike, Fault> {
        let key = entry.section();
        let item = self.toml.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            Item::Table(table)
        });
        item.as_table_like_mut().ok_or_else(|| Fault::Shape { entry: entry.clone(), key })
    }

    fn push(&mut self, entry: &Entry, table: Table) -> Result<(), Fault> {
        let key = entry.kind.key;
        let shape = || Fault::Shape { entry: entry.clone(), key };
        let parent = self.parent(entry, true)?.ok_or_else(shape)?;
        push_into(parent, key, table).ok_or_else(shape)
    }
}

/// A text with the byte order mark and the line ends of the one that it was made from, line by line;
/// new lines end as most do.
fn as_in(original: &str, text: &str) -> String {
    const MARK: char = '\u{feff}';
    let parted = |line| -> (&str, &str) {
        let content = str::trim_end_matches(line, ['\n', '\r']);
        (content, &line[content.len()..])
    };
    let mut ends: HashMap<&str, VecDeque<&str>> = HashMap::new();
    let mut n_crlf = 0;
    for (content, end) in original.trim_start_matches(MARK).split_inclusive('\n').map(parted) {
        ends.entry(content).or_default().push_back(end);
        n_crlf += usize::from(end == "\r\n");
    }
    let usual = if n_crlf * 2 > original.lines().count() { "\r\n" } else { "\n" };
    let mut same = if original.starts_with(MARK) { MARK.to_string() } else { String::new() };
    let mut lines = text.trim_start_matches(MARK).split_inclusive('\n').map(parted).peekable();
    while let Some((content, _)) = lines.next() {
        let end = ends.get_mut(content).and_then(VecDeque::pop_front).unwrap_or(usual);
        same.push_str(content);
        same.push_str(if end.is_empty() && lines.peek().is_some() { usual } else { end });
    }
    same
}

/// Leaves a list with nothing in it. At the top of the document a blank line sets it off.
fn leave_empty(parent: &mut dyn TableLike, key: &str) {
    let is_first = parent.iter().all(|(_, item)| !item.is_value());
    let mut list = toml_edit::value(Array::new());
    if let Some(value) = list.as_value_mut().filter(|_| is_first) {
        value.decor_mut().set_suffix("\n");
    }
    parent.insert(key, list);
}

const ACCESS: &str = "access";
const ASSIGNMENT: &str = "assignment";
/// Of a new document: it holds addresses and public keys, and no secret.
const NEW_MODE: u32 = 0o640;

#[cfg(test)]
mod tests;
