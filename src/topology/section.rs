//! A table of the document while it is read: every key is asked for by its type, mistakes are noted
//! with their place, and what nobody asked for is unknown.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::duration;
use super::mistake::{Mistakes, nearest};
use super::setting::Refused;

/// A value and where it stands in the text, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T> Found<T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Found<U> {
        Found { value: f(self.value), span: self.span }
    }
}

/// One table, and the keys that were asked for so far.
pub(super) struct Section<'d, 'i> {
    table: &'d DeTable<'i>,
    /// The span of the table in the text.
    pub(super) span: Range<usize>,
    /// Its place in words: `pool[2]`, empty at the top.
    path: String,
    asked: Vec<&'static str>,
}

/// The spans of the values of a table that has been read.
#[derive(Debug)]
pub(super) struct Spans {
    /// The table in words: `pool[2]`.
    path: String,
    table: Range<usize>,
    values: HashMap<&'static str, Range<usize>>,
    items: HashMap<&'static str, Vec<Range<usize>>>,
}

impl Spans {
    /// Those of a table of which nothing has been read yet.
    pub(super) fn of(section: &Section<'_, '_>) -> Self {
        Self {
            path: section.path.clone(),
            table: section.span.clone(),
            values: HashMap::new(),
            items: HashMap::new(),
        }
    }

    /// Notes where a value stands.
    pub(super) fn put(&mut self, key: &'static str, span: Range<usize>) {
        self.values.insert(key, span);
    }

    /// Notes where the items of a list stand.
    pub(super) fn put_items(&mut self, key: &'static str, spans: Vec<Range<usize>>) {
        self.items.insert(key, spans);
    }

    /// Whether the table has the key, with a value of the right type.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Returns the span of the value of a key, or else of the table.
    pub(super) fn span(&self, key: &str) -> Range<usize> {
        self.values.get(key).unwrap_or(&self.table).clone()
    }

    /// Returns the span of an item of a list, or else of the list.
    pub(super) fn item(&self, key: &str, n: usize) -> Range<usize> {
        self.items.get(key).and_then(|spans| spans.get(n)).cloned().unwrap_or_else(|| self.span(key))
    }

    /// The key with its place: `pool[2].site`.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }
}

impl<'d, 'i> Section<'d, 'i> {
    pub(super) fn top(table: &'d Spanned<DeTable<'i>>) -> Self {
        Self { table: table.get_ref(), span: table.span(), path: String::new(), asked: Vec::new() }
    }

    /// The key with its place: `pool[2].site`.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns the span of the value of a key; of the table where it has no such key.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn text(&mut self, mistakes: &mut Mistakes<'_>, key: &'static str) -> Option<Found<&'d str>> {
        let found = self.value(key)?;
        let DeValue::String(text) = found.value else {
            return self.wrong_type(mistakes, key, &found, "a text in quotes");
        };
        if text.trim().is_empty() {
            mistakes.add(found.span, self.key(key), "is empty", || Some("leave the key out".to_owned()));
            return None;
        }
        if text.len() > MAX_TEXT {
            let message = format!("is {} bytes long: {MAX_TEXT} are allowed", text.len());
            mistakes.add(found.span, self.key(key), message, || None);
            return None;
        }
        Some(Found { value: text.as_ref(), span: found.span })
    }

    /// A text that becomes something else.
    pub(super) fn parsed<T>(&mut self, mistakes: &mut Mistakes<'_>, key: &'static str) -> Option<Found<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.meant(mistakes, key, parse)
    }

    /// A text that means something else.
    pub(super) fn meant<T>(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        meaning: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Found<T>> {
        let text = self.text(mistakes, key)?;
        self.mean(mistakes, key, text, meaning)
    }

    /// A list of texts that become something else; what does not is noted and left out.
    pub(super) fn list<T>(&mut self, mistakes: &mut Mistakes<'_>, key: &'static str) -> Vec<Found<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.list_of(mistakes, key, parse)
    }

    /// A list of texts that mean something else; what does not is noted and left out.
    pub(super) fn list_of<T>(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        meaning: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<Found<T>> {
        let Some(found) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = found.value else {
            if let DeValue::String(text) = found.value {
                let text = text.as_ref();
                mistakes.add(found.span, self.key(key), "is one text where a list is wanted", || {
                    Some(format!("write [{text:?}]"))
                });
            } else {
                self.wrong_type::<()>(mistakes, key, &found, "a list of texts");
            }
            return Vec::new();
        };
        let mut list = Vec::with_capacity(items.len());
        for item in items.iter() {
            let found = Found { value: item.get_ref(), span: item.span() };
            let DeValue::String(text) = found.value else {
                self.wrong_type::<()>(mistakes, key, &found, "a text in quotes");
                continue;
            };
            if text.trim().is_empty() {
                mistakes.add(found.span, self.key(key), "holds an empty text", || None);
                continue;
            }
            let text = Found { value: text.as_ref(), span: found.span };
            list.extend(self.mean(mistakes, key, text, &meaning));
        }
        list
    }

    pub(super) fn flag(&mut self, mistakes: &mut Mistakes<'_>, key: &'static str) -> Option<bool> {
        let found = self.value(key)?;
        match found.value {
            DeValue::Boolean(flag) => Some(*flag),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => self.wrong_type(mistakes, key, &found, "true or false"),
        }
    }

    pub(super) fn number(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        allowed: RangeInclusive<i64>,
    ) -> Option<Found<i64>> {
        let found = self.value(key)?;
        let DeValue::Integer(number) = found.value else {
            return self.wrong_type(mistakes, key, &found, "a whole number without quotes");
        };
        match i64::from_str_radix(number.as_str(), number.radix()).ok() {
            Some(value) if allowed.contains(&value) => Some(Found { value, span: found.span }),
            Some(_) | None => {
                let message = format!("is not between {} and {}", allowed.start(), allowed.end());
                mistakes.add(found.span, self.key(key), message, || None);
                None
            }
        }
    }

    /// A duration: `"60s"`, `"5m"`, `"00:01:00"`, or whole seconds as a number.
    pub(super) fn duration(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
    ) -> Option<Found<Duration>> {
        if let Some(DeValue::Integer(number)) = self.table.get(key).map(Spanned::get_ref) {
            let text = number.as_str();
            let found = self.value(key)?;
            return self.parse_duration(mistakes, key, Found { value: text, span: found.span });
        }
        let text = self.text(mistakes, key)?;
        self.parse_duration(mistakes, key, text)
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Found<T>> {
        let text = self.text(mistakes, key)?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.value)) {
            return Some(text.map(|_| *value));
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!("{} is none of {}", quoted(text.value), names.join(", "));
        mistakes.add(text.span, self.key(key), message, || {
            nearest(text.value, names.iter().copied()).map(|name| format!("did you mean {name:?}?"))
        });
        None
    }

    /// A table under this one.
    pub(super) fn section(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
    ) -> Option<Section<'d, 'i>> {
        let found = self.value(key)?;
        let DeValue::Table(table) = found.value else {
            return self.wrong_type(mistakes, key, &found, &format!("a table: [{}]", self.key(key)));
        };
        Some(Section { table, span: found.span, path: self.key(key), asked: Vec::new() })
    }

    /// A list of tables under this one.
    pub(super) fn sections(
        &mut self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
    ) -> Vec<Section<'d, 'i>> {
        let Some(found) = self.value(key) else { return Vec::new() };
        let form = format!("a list of tables: [[{}]]", self.key(key));
        let DeValue::Array(items) = found.value else {
            self.wrong_type::<()>(mistakes, key, &found, &form);
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            let path = format!("{}[{}]", self.key(key), n + 1);
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section { table, span: item.span(), path, asked: Vec::new() })
                }
                value @ (DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)) => {
                    self.wrong_type::<()>(mistakes, key, &Found { value, span: item.span() }, &form);
                }
            }
        }
        sections
    }

    /// Notes a key that must be there and is not.
    pub(super) fn missing(
        &self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        suggestion: impl Into<String>,
    ) {
        if !self.has(key) {
            mistakes.add(self.span.clone(), self.key(key), "is missing", || Some(suggestion.into()));
        }
    }

    /// Notes every item that a list holds twice.
    pub(super) fn refuse_repeats<T: Ord + Display>(
        &self,
        mistakes: &mut Mistakes<'_>,
        key: &str,
        list: &[Found<T>],
    ) {
        let mut seen = BTreeSet::new();
        for item in list {
            if !seen.insert(&item.value) {
                let message = format!("lists {} twice", item.value);
                mistakes.add(item.span.clone(), self.key(key), message, || None);
            }
        }
    }

    /// Notes every key that was never asked for; of those of the original that mean nothing here, why.
    pub(super) fn close(self, mistakes: &mut Mistakes<'_>, refused: &[Refused]) {
        for (key, _) in self.table.iter() {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let place = self.key(&cut(name));
            if let Some(refused) = refused.iter().find(|refused| refused.key == name) {
                let message = format!("has no meaning here: {}", refused.why);
                mistakes.add(key.span(), place, message, || Some(refused.instead.to_owned()));
                continue;
            }
            mistakes.add(key.span(), place, "is no key of this table", || {
                Some(match nearest(name, self.asked.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("its keys are {}", self.asked.join(", ")),
                })
            });
        }
    }

    fn value(&mut self, key: &'static str) -> Option<Found<&'d DeValue<'i>>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let value = self.table.get(key)?;
        Some(Found { value: value.get_ref(), span: value.span() })
    }

    fn mean<T>(
        &self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        text: Found<&str>,
        meaning: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Found<T>> {
        match meaning(text.value) {
            Ok(value) => Some(Found { value, span: text.span }),
            Err(fault) => {
                mistakes.add(text.span, self.key(key), cut(&fault), || None);
                None
            }
        }
    }

    fn parse_duration(
        &self,
        mistakes: &mut Mistakes<'_>,
        key: &'static str,
        text: Found<&str>,
    ) -> Option<Found<Duration>> {
        match duration::parse(text.value) {
            Ok(value) => Some(Found { value, span: text.span }),
            Err(fault) => {
                mistakes.add(text.span, self.key(key), fault.to_string(), || None);
                None
            }
        }
    }

    fn wrong_type<T>(
        &self,
        mistakes: &mut Mistakes<'_>,
        key: &str,
        found: &Found<&DeValue<'_>>,
        wanted: &str,
    ) -> Option<T> {
        let message = format!("is {}, where {wanted} is wanted", type_in_words(found.value));
        mistakes.add(found.span.clone(), self.key(key), message, || None);
        None
    }
}

fn parse<T>(written: &str) -> Result<T, String>
where
    T: FromStr,
    T::Err: Display,
{
    written.parse().map_err(|fault: T::Err| fault.to_string())
}

fn type_in_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Bytes of one text: a document that one person fills takes no change of another's.
const MAX_TEXT: usize = 16 << 10;

/// A text in quotes, cut to what fits into one line of a terminal.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
