//! The table: what `@{…}` makes, names with values that are found whatever their letter case.
//!
//! Beside `types`. As PowerShell's: reading `$t.name`, `$t["NAME"]` and writing them mean one entry,
//! a name that is not there gives nothing, `.Count`, `.Keys` and `.Values` tell of the whole unless
//! entries have these names. Rhai's own maps, `#{…}`, stay as Rhai has them. Never holds more than
//! the limits of a map and of a text allow.

use std::collections::BTreeMap;

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext, Position};

use super::Fallible;
use super::convert::Converter;
use super::engine::ScriptLimits;
use super::failure::Failure;
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};

/// Names with values; by their names in lower case.
#[derive(Clone, Debug, Default)]
pub struct VariableTable {
    entries: BTreeMap<String, VariableEntry>,
    kind: TableKind,
    /// The number of entries that were ever set.
    n_set: usize,
}

/// The kinds of table, by how it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableKind {
    /// `@{…}`: in the order of its names.
    #[default]
    Hashtable,
    /// `[ordered]@{…}`: in the order in which its entries were set, which have numbers too.
    Ordered,
    /// `[pscustomobject]@{…}`: in the order in which they were set; one object, however many properties it has.
    Object,
}

#[derive(Clone, Debug)]
struct VariableEntry {
    /// The name as it was written first.
    name: ImmutableString,
    value: Dynamic,
    /// Its place in the order in which entries were set.
    place: usize,
    /// The size of its texts and lists.
    size: VariableSize,
}

impl VariableTable {
    /// The value of the entry, whatever the letter case of the name.
    pub fn get(&self, name: &str) -> Option<&Dynamic> {
        self.entries.get(&name.to_lowercase()).map(|entry| &entry.value)
    }

    /// Sets an entry: in its place if it is there.
    pub fn set(&mut self, name: ImmutableString, value: Dynamic) {
        let size = VariableSize::of(&value);
        let value = value.flatten();
        match self.entries.get_mut(&name.to_lowercase()) {
            Some(entry) => (entry.value, entry.size) = (value, size),
            None => {
                self.entries
                    .insert(name.to_lowercase(), VariableEntry { name, value, place: self.n_set, size });
                self.n_set += 1;
            }
        }
    }

    /// The same table as one of another kind.
    pub fn of_kind(self, kind: TableKind) -> Self {
        Self { kind, ..self }
    }

    /// Both tables together.
    pub fn joined(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.take_in(other.clone());
        all
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&ImmutableString, &Dynamic)> {
        let mut entries: Vec<&VariableEntry> = self.entries.values().collect();
        if self.kind != TableKind::Hashtable {
            entries.sort_by_key(|entry| entry.place);
        }
        entries.into_iter().map(|entry| (&entry.name, &entry.value))
    }

    /// The same table with other values.
    pub fn with_values(&self, change: impl Fn(&Dynamic) -> Dynamic) -> Self {
        let changed = |entry: &VariableEntry| VariableEntry { value: change(&entry.value), ..entry.clone() };
        let entries = self.entries.iter().map(|(name, entry)| (name.clone(), changed(entry))).collect();
        Self { entries, ..self.clone() }
    }

    /// Takes in what another has, and its values where both have a name.
    fn take_in(&mut self, other: Self) {
        for VariableEntry { name, value, .. } in other.entries.into_values() {
            self.set(name, value);
        }
    }

    fn len(&self) -> i64 {
        i64::try_from(self.entries.len()).unwrap_or(i64::MAX)
    }

    fn keys(&self) -> Array {
        self.iter().map(|(name, _)| name.clone().into()).collect()
    }

    fn values(&self) -> Array {
        self.iter().map(|(_, value)| value.clone()).collect()
    }

    /// Returns the value of `.name`.
    pub fn property(&self, name: &str) -> Dynamic {
        match (self.get(name), name.to_ascii_lowercase().as_str()) {
            (Some(value), _) => value.clone(),
            (None, "count" | "length") if self.kind == TableKind::Object => 1_i64.into(),
            (None, "count") => self.len().into(),
            (None, "keys") => self.keys().into(),
            (None, "values") => self.values().into(),
            (None, _) => Dynamic::UNIT,
        }
    }

    /// Returns the value of `[number]`: of the entry with that name, else of an ordered table's entry at that place.
    pub fn at(&self, number: i64) -> Dynamic {
        let at_place = || {
            let place = usize::try_from(number).ok().filter(|_| self.kind == TableKind::Ordered)?;
            self.iter().nth(place).map(|(_, value)| value.clone())
        };
        self.get(&number.to_string()).cloned().or_else(at_place).unwrap_or_default()
    }

    /// # Errors
    /// The table holds more than a program may have.
    fn within(&self, limits: ScriptLimits) -> Fallible<()> {
        let all = self.entries.values().fold(VariableSize::default(), |all, entry| all.and(entry.size));
        let too_large =
            |what: &str| Err(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into());
        if all.text > limits.text {
            return too_large("Length of string");
        }
        if all.elements + self.entries.len() > limits.array {
            return too_large("Size of object map");
        }
        Ok(())
    }
}

impl FromIterator<(ImmutableString, Dynamic)> for VariableTable {
    fn from_iter<T: IntoIterator<Item = (ImmutableString, Dynamic)>>(entries: T) -> Self {
        let mut table = Self::default();
        entries.into_iter().for_each(|(name, value)| table.set(name, value));
        table
    }
}

impl From<Map> for VariableTable {
    fn from(map: Map) -> Self {
        map.into_iter().map(|(name, value)| (name.to_string().into(), value)).collect()
    }
}

/// The size of a value, as it counts towards the limits.
#[derive(Clone, Copy, Debug, Default)]
struct VariableSize {
    /// Bytes of text.
    text: usize,
    /// Elements of lists and maps.
    elements: usize,
}

impl VariableSize {
    fn of(value: &Dynamic) -> Self {
        let all = |values: &mut dyn Iterator<Item = Self>| values.fold(Self::default(), Self::and);
        if let Some(text) = value.read_lock::<ImmutableString>() {
            Self { text: text.len(), elements: 0 }
        } else if let Some(items) = value.read_lock::<Array>() {
            all(&mut items.iter().map(Self::of)).and(Self { text: 0, elements: items.len() })
        } else if let Some(map) = value.read_lock::<Map>() {
            all(&mut map.values().map(Self::of)).and(Self { text: 0, elements: map.len() })
        } else if let Some(table) = value.read_lock::<VariableTable>() {
            let own = Self { text: 0, elements: table.entries.len() };
            all(&mut table.entries.values().map(|entry| entry.size)).and(own)
        } else {
            Self::default()
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            text: self.text.saturating_add(other.text),
            elements: self.elements.saturating_add(other.elements),
        }
    }
}

/// Registers the type with its functions.
pub fn register(engine: &mut Engine, converter: &Converter, limits: ScriptLimits) {
    engine
        .register_type_with_name::<VariableTable>("map")
        .register_indexer_get(|table: &mut VariableTable, name: ImmutableString| table.property(&name))
        .register_indexer_get(|table: &mut VariableTable, number: i64| table.at(number))
        .register_indexer_set(move |table: &mut VariableTable, name: ImmutableString, value: Dynamic| {
            if table.kind == TableKind::Object && table.get(&name).is_none() {
                return Err(no_property(&name));
            }
            table.set(name, value);
            table.within(limits)
        })
        .register_indexer_set(move |table: &mut VariableTable, name: i64, value: Dynamic| {
            table.set(name.to_string().into(), value);
            table.within(limits)
        })
        .register_fn("len", |table: &mut VariableTable| table.len())
        .register_fn("Count", |table: &mut VariableTable| table.len())
        .register_fn("is_empty", |table: &mut VariableTable| table.entries.is_empty())
        .register_fn("keys", |table: &mut VariableTable| table.keys())
        .register_fn("values", |table: &mut VariableTable| table.values())
        .register_fn("get", |table: &mut VariableTable, name: &str| {
            table.get(name).cloned().unwrap_or_default()
        });
    for name in ["clear", "Clear"] {
        engine.register_fn(name, |table: &mut VariableTable| table.entries.clear());
    }
    for name in ["contains", "Contains", "ContainsKey"] {
        engine.register_fn(name, |table: &mut VariableTable, name: &str| table.get(name).is_some());
    }
    for name in ["remove", "Remove"] {
        engine.register_fn(name, |table: &mut VariableTable, name: &str| -> Dynamic {
            table.entries.remove(&name.to_lowercase()).map_or(Dynamic::UNIT, |entry| entry.value)
        });
    }
    for name in ["set", "Add"] {
        engine.register_fn(name, move |table: &mut VariableTable, name: ImmutableString, value: Dynamic| {
            table.set(name, value);
            table.within(limits)
        });
    }
    register_joined(engine, limits);
    register_texts(engine, converter);
}

/// The error of `$object.name = …` where the object has no such property: a map would take it in.
fn no_property(name: &str) -> Box<EvalAltResult> {
    let text = format!("The property '{name}' cannot be found on this object, and setting it adds none.");
    let error = ErrorRecord::new(Category::InvalidArgument, "PropertyNotFound", text)
        .remedy(format!("Write: … | Select-Object *, @{{ Name = \"{name}\"; Expression = {{ … }} }}."));
    Failure::thrown(Halt::Failed(error), Position::NONE)
}

/// Tables put together, also with Rhai's maps.
fn register_joined(engine: &mut Engine, limits: ScriptLimits) {
    let joined = move |mut left: VariableTable, right: VariableTable| {
        left.take_in(right);
        left.within(limits).map(|()| left)
    };
    engine
        .register_fn("+", joined)
        .register_fn("+", move |left: VariableTable, right: Map| joined(left, right.into()))
        .register_fn("+", move |left: Map, right: VariableTable| joined(left.into(), right));
    for name in ["mixin", "+="] {
        engine.register_fn(name, move |left: &mut VariableTable, right: VariableTable| {
            left.take_in(right);
            left.within(limits)
        });
        engine.register_fn(name, move |left: &mut VariableTable, right: Map| {
            left.take_in(right.into());
            left.within(limits)
        });
    }
}

/// As text, and compared as what they say.
fn register_texts(engine: &mut Engine, converter: &Converter) {
    for name in ["to_string", "to_debug"] {
        let own = converter.clone();
        engine.register_fn(name, move |context: NativeCallContext<'_>, table: &mut VariableTable| {
            own.to_value(Dynamic::from(table.clone()), &context).to_string()
        });
    }
    let own = converter.clone();
    let same = move |context: NativeCallContext<'_>, left: VariableTable, right: VariableTable| {
        let text =
            |table: VariableTable| own.to_value(Dynamic::from(table), &context).to_string().to_lowercase();
        text(left) == text(right)
    };
    let differ = same.clone();
    engine.register_fn("==", same).register_fn(
        "!=",
        move |context: NativeCallContext<'_>, left: VariableTable, right: VariableTable| {
            !differ(context, left, right)
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_the_first_spelling_and_finds_every_other() {
        let mut table = VariableTable::default();
        table.set("My_Val".into(), 1_i64.into());
        table.set("MY_VAL".into(), 2_i64.into());
        assert_eq!(table.keys().len(), 1);
        for name in ["my_val", "MY_val", "My_Val"] {
            assert_eq!(table.get(name).unwrap().as_int(), Ok(2), "{name}");
        }
        assert!(table.get("MyVal").is_none(), "names may be data, and underscores part of them");
    }

    #[test]
    fn a_table_holds_no_more_than_a_program_may_have() {
        let limits = ScriptLimits { text: 10, array: 4, ..ScriptLimits::OWN };
        let table =
            |value: Dynamic| VariableTable::from_iter([("a".into(), value), ("b".into(), "12345".into())]);
        assert!(table("12345".into()).within(limits).is_ok());
        assert!(table("123456".into()).within(limits).is_err());
        assert!(table(Dynamic::from(table("123456".into()))).within(limits).is_err());
        assert!(table(Dynamic::from_array(vec![1_i64.into(); 2])).within(limits).is_ok());
        assert!(table(Dynamic::from_array(vec![1_i64.into(); 3])).within(limits).is_err());
    }
}
