//! Changing the topology document: comments and order stay, and nothing wrong is ever written.
//!
//! [`change`] takes the lock, reads the document as it is now, lets the caller change it, checks the
//! result with the reader, and puts it in the old one's place in one step. Two writers lose nothing;
//! a crash leaves the old document or the new one. Never decides who may do it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, TableLike};

use super::{Mistake, Topology, contents};
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

/// One table of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `[[pool]]` with this identity.
    Pool(Domain),
    /// `[[partner]]` with this primary domain.
    Partner(Domain),
    /// `[gateway]`.
    Gateway,
    /// `[resolver]`.
    Resolver,
    /// `[[access.role]]` with this identity.
    Role(String),
    /// `[[access.principal]]` with this name.
    Principal(String),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(identity) => write!(f, "the pool {identity}"),
            Self::Partner(domain) => write!(f, "the partner {domain}"),
            Self::Gateway => f.write_str("the gateway"),
            Self::Resolver => f.write_str("the resolver"),
            Self::Role(identity) => write!(f, "the role {identity}"),
            Self::Principal(name) => write!(f, "the principal {name}"),
        }
    }
}

/// What a key is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
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

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The document has mistakes as it is.
    #[error("the topology has a mistake already: {}", first(.0))]
    Broken(Vec<Mistake>),
    /// The document would have mistakes afterwards; lines are those of the new text.
    #[error("the change is refused: {}", first(.0))]
    Refused(Vec<Mistake>),
    /// What should be changed is not there.
    #[error("{0} is not in the topology")]
    Missing(Entry),
    /// What should be added is there.
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
    /// What leave was given on is no longer so.
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
) -> Result<(String, Topology), E> {
    let (document, topology) = rehearsed(path, deed)?;
    Ok((document.text(), topology))
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
    pub fn add(&mut self, entry: &Entry, settings: &[(&'static str, Setting)]) -> Result<(), Fault> {
        if self.find(entry).is_some() {
            return Err(Fault::Exists(entry.clone()));
        }
        match entry.list() {
            Some(list) => {
                let mut table = Table::new();
                table.insert(list.name_key, toml_edit::value(list.name));
                self.push(entry, &list, table)?;
            }
            None => {
                self.section(entry)?;
            }
        }
        self.set(entry, settings)
    }

    /// Changes the settings of a table; `[gateway]` and `[resolver]` are made if they are missing.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Shape`].
    pub fn set(&mut self, entry: &Entry, settings: &[(&'static str, Setting)]) -> Result<(), Fault> {
        if entry.list().is_none() && !settings.is_empty() {
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
        let Some(list) = entry.list() else {
            let place = self.place(entry);
            let table = self.toml.remove(entry.section()).ok_or_else(missing)?;
            let above = table.as_table().map(|table| comments::text_in(table.decor().prefix()));
            let comment = comments::not_its_own(&above.unwrap_or_default()).0.to_owned();
            let orphan = place.map(|position| Orphan { position, comment });
            comments::restore(&mut self.toml, orphan.into_iter().collect());
            return Ok(());
        };
        let parent = self.parent(entry, false)?.ok_or_else(missing)?;
        let item = parent.get_mut(list.key).ok_or_else(missing)?;
        let n = position(item, |table| entry.is(table)).ok_or_else(missing)?;
        let orphan = take(item, n);
        // One that is written inline stays with its comments when nothing is left in it.
        if count(item) == 0 && item.is_array_of_tables() {
            match entry {
                Entry::Partner(_) => leave_empty(parent, list.key),
                Entry::Pool(_) | Entry::Role(_) | Entry::Principal(_) | Entry::Gateway | Entry::Resolver => {
                    parent.remove(list.key);
                }
            }
        }
        comments::restore(&mut self.toml, orphan.into_iter().collect());
        match entry {
            Entry::Role(identity) => self.drop_assignments(|role| is_same_role(role, identity), None),
            Entry::Principal(name) => self.drop_assignments(|_| true, Some(&format!("principal:{name}"))),
            Entry::Pool(_) | Entry::Partner(_) | Entry::Gateway | Entry::Resolver => {}
        }
        Ok(())
    }

    /// Gives a role to a member; says whether that is new.
    ///
    /// # Errors
    /// [`Fault::Shape`].
    pub fn grant(&mut self, role: &str, member: &Member) -> Result<bool, Fault> {
        let entry = Entry::Role(role.to_owned());
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
                let add = Setting::Items { add: vec![member], remove: Vec::new() };
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
                    apply(table, "members", &Setting::Items { add: Vec::new(), remove }, None);
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

    /// Where an entry's table stands in the document.
    fn place(&self, entry: &Entry) -> Option<isize> {
        let Some(list) = entry.list() else { return self.toml.get(entry.section())?.as_table()?.position() };
        let item = match entry {
            Entry::Role(_) | Entry::Principal(_) => self.toml.get(ACCESS)?.get(list.key)?,
            Entry::Pool(_) | Entry::Partner(_) | Entry::Gateway | Entry::Resolver => {
                self.toml.get(list.key)?
            }
        };
        let tables = item.as_array_of_tables()?;
        place_of(item, tables.iter().position(|table| entry.is(table))?)
    }

    fn find(&mut self, entry: &Entry) -> Option<&mut dyn TableLike> {
        match entry.list() {
            Some(list) => {
                let item = self.parent(entry, false).ok()??.get_mut(list.key)?;
                let n = position(item, |table| entry.is(table))?;
                at(item, n)
            }
            None => self.toml.get_mut(entry.section())?.as_table_like_mut(),
        }
    }

    /// The table that holds the list of an entry.
    fn parent(&mut self, entry: &Entry, make: bool) -> Result<Option<&mut dyn TableLike>, Fault> {
        match entry {
            Entry::Role(_) | Entry::Principal(_) => {
                if !make && !self.toml.contains_key(ACCESS) {
                    return Ok(None);
                }
                self.section(entry).map(Some)
            }
            Entry::Pool(_) | Entry::Partner(_) | Entry::Gateway | Entry::Resolver => {
                Ok(Some(self.toml.as_table_mut()))
            }
        }
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

    fn push(&mut self, entry: &Entry, list: &Listed<'_>, table: Table) -> Result<(), Fault> {
        let shape = || Fault::Shape { entry: entry.clone(), key: list.key };
        let parent = self.parent(entry, true)?.ok_or_else(shape)?;
        push_into(parent, list.key, table).ok_or_else(shape)
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

/// Where an entry stands that is one of a list.
struct Listed<'e> {
    key: &'static str,
    name_key: &'static str,
    name: &'e str,
}

impl Entry {
    fn list(&self) -> Option<Listed<'_>> {
        let (key, name_key, name) = match self {
            Self::Pool(identity) => ("pool", "identity", identity.as_str()),
            Self::Partner(domain) => ("partner", "domain", domain.as_str()),
            Self::Role(identity) => ("role", "identity", identity.as_str()),
            Self::Principal(name) => ("principal", "name", name.as_str()),
            Self::Gateway | Self::Resolver => return None,
        };
        Some(Listed { key, name_key, name })
    }

    fn section(&self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Resolver => "resolver",
            Self::Role(_) | Self::Principal(_) => ACCESS,
            Self::Pool(_) => "pool",
            Self::Partner(_) => "partner",
        }
    }

    fn is(&self, table: &dyn TableLike) -> bool {
        let Some(list) = self.list() else { return false };
        let Some(written) = text_of(table, list.name_key) else { return false };
        match self {
            Self::Pool(name) | Self::Partner(name) => {
                written.parse().is_ok_and(|found: Domain| found == *name)
            }
            Self::Role(name) => is_same_role(written, name),
            Self::Principal(name) => written == name,
            Self::Gateway | Self::Resolver => false,
        }
    }
}

const ACCESS: &str = "access";
const ASSIGNMENT: &str = "assignment";
/// Of a new document: it holds addresses and public keys, and no secret.
const NEW_MODE: u32 = 0o640;

#[cfg(test)]
mod tests;
