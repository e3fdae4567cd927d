//! A setting: its key, type and bounds, the parameter that sets it, its help; and the types that a
//! setting can have, as they stand in the document, in a record and in a parameter.
//!
//! [`schema`](super::schema) lists the settings; reading, editing, the cmdlets, the help page and the
//! sample document walk that list. Knows no single setting.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::mistake::Mistakes;
use super::section::{Section, Spans};
use super::{
    Address, CommandWord, CronText, Days, Domain, ListenAddress, MessageText, PoolPattern, ReceiverPattern,
    Server, Size, ZoneName,
};
use crate::cmdlet::{Binds, Kind, Parameter};
use crate::value::{Record, Value};

/// One setting, without the type of the table that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its key in the document.
    pub key: &'static str,
    /// The type of its value, and the bounds.
    pub kind: Kind,
    /// The parameter that sets it, and the property that shows it.
    pub parameter: Option<&'static str>,
    /// Short names of the parameter.
    pub aliases: &'static [&'static str],
    /// The scope of a role that the parameter is held against.
    pub binds: Binds,
    /// The advice on what to write where a table lacks the setting; `None` where it may be left out.
    pub need: Option<&'static str>,
    /// One line of help.
    pub help: &'static str,
    /// A value as the document writes it, where the default is no good example.
    pub sample: Option<&'static str>,
    /// The prefix of a shown text, beyond how the document's reader prints it: `sip:`.
    pub prefix: &'static str,
    /// Whether it names the table among others of its kind.
    pub is_name: bool,
    /// Whether two spellings of an item, or of the value, mean the same.
    pub is_same: fn(&str, &str) -> bool,
    /// Numbers spellings: those that mean the same have the same number.
    pub meanings: fn(&[&str]) -> Vec<usize>,
}

/// The field that keeps a setting of a table of type `T`.
#[derive(Clone, Copy, Debug)]
pub struct Field<T: 'static> {
    /// The setting.
    pub setting: Setting,
    /// Takes the value out of the document, where it is there and right.
    pub(super) read: fn(&mut T, &mut TableReader<'_, '_, '_, '_>, &Setting),
    /// The value, as a record shows it.
    pub value: fn(&T) -> Value,
}

/// A setting of the original that means nothing here: refused in the document and as a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// The key in the document.
    pub key: &'static str,
    /// The parameter of the original.
    pub parameter: &'static str,
    /// Why, as a clause.
    pub why: &'static str,
    /// The alternative, as an imperative.
    pub instead: &'static str,
}

/// A kind of table in the document.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its header: `pool`, `gateway`, `access.role`.
    pub path: &'static str,
    /// The key that names it, where the document may have several.
    pub name: Option<Setting>,
    /// The name of one such table in a message: `the pool`.
    pub noun: &'static str,
    /// The noun of the cmdlets that read and change it.
    pub cmdlet: Option<&'static str>,
    /// The text on the purpose of the settings, above their list.
    pub heading: &'static str,
    /// Settings of the original that mean nothing here.
    pub refused: &'static [Refused],
    /// Whether its list, once it has become empty, stays: without it more would be allowed.
    pub keeps_empty_list: bool,
    /// Its settings.
    pub settings: fn() -> Vec<Setting>,
    /// The defaults of its settings, as a record shows them.
    pub defaults: fn() -> Record,
}

/// A type that holds the settings of one table.
pub trait SettingsTable: Sized + 'static {
    /// The table.
    const TABLE: Table;
    /// The settings, in the order of the sample document and of records.
    const FIELDS: &'static [Field<Self>];

    /// One with every setting at its default, and the name of the sample where it has one.
    fn sample() -> Option<Self>;

    /// The settings as a record.
    fn record(&self, type_name: &'static str) -> Record {
        Self::FIELDS.iter().fold(Record::new(type_name), |record, field| {
            let value = (field.value)(self);
            record.with(field.setting.property(), field.setting.prefixed(value))
        })
    }
}

/// A table of which the document may have several, each with a name.
pub trait Named: SettingsTable {
    /// The type of the name.
    type Name: SettingType + FromStr + Display;

    /// One of this name, with every setting at its default.
    fn named(name: Self::Name) -> Self;
}

/// The settings of a table, without its type.
pub fn settings_of<T: SettingsTable>() -> Vec<Setting> {
    T::FIELDS.iter().map(|field| field.setting).collect()
}

/// The defaults of a table.
pub fn defaults_of<T: SettingsTable>() -> Record {
    T::sample().map_or_else(|| Record::new("Defaults"), |table| table.record("Defaults"))
}

/// The defaults of a table that has no settings.
pub(super) fn no_defaults() -> Record {
    Record::new("Defaults")
}

/// A setting that a parameter sets, which binds this scope.
pub const fn set_by(parameter: &'static str, binds: Binds) -> Setting {
    Setting { parameter: Some(parameter), binds, ..in_document() }
}

/// A setting that only an editor changes.
pub const fn in_document() -> Setting {
    Setting {
        key: "",
        kind: Kind::Any,
        parameter: None,
        aliases: &[],
        binds: Binds::Nothing,
        need: None,
        help: "",
        sample: None,
        prefix: "",
        is_name: false,
        is_same: <String as SettingType>::is_same,
        meanings: <String as SettingType>::meanings,
    }
}

impl Setting {
    /// With bounds, or another type of parameter than the value's own.
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// With short names for the parameter.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// With an example of a value, as TOML.
    pub const fn sample(mut self, sample: &'static str) -> Self {
        self.sample = Some(sample);
        self
    }

    /// To be given always; the text says what to write, and is empty where a check of the table says it.
    pub const fn required(mut self, what: &'static str) -> Self {
        self.need = Some(what);
        self
    }

    /// Shown with these letters in front.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    /// As the name of its table.
    pub const fn naming(mut self) -> Self {
        self.is_name = true;
        self
    }

    /// Completed by the list: the key, the help, and what the type of the field says.
    pub const fn listed(
        mut self,
        key: &'static str,
        help: &'static str,
        kind: Kind,
        is_same: fn(&str, &str) -> bool,
        meanings: fn(&[&str]) -> Vec<usize>,
    ) -> Self {
        self.key = key;
        self.help = help;
        if matches!(self.kind, Kind::Any) {
            self.kind = kind;
        }
        self.is_same = is_same;
        self.meanings = meanings;
        self
    }

    /// The parameter that sets it.
    const fn as_parameter(&self, name: &'static str) -> Parameter {
        Parameter::new(name, self.kind, self.help).aliases(self.aliases).binds(self.binds).sets(self.key)
    }

    /// The sample as a value.
    pub(super) fn sample_as<T: FromStr>(&self) -> Option<T> {
        self.sample?.trim_matches('"').parse().ok()
    }

    /// The property that shows it.
    pub fn property(&self) -> String {
        match self.parameter {
            Some(parameter) => parameter.to_owned(),
            None => pascal_case(self.key),
        }
    }

    fn prefixed(&self, value: Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(format!("{}{text}", self.prefix)),
            Value::List(items) => Value::List(items.into_iter().map(|item| self.prefixed(item)).collect()),
            other @ (Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
            | Value::Credential(_)
            | Value::Record(_)
            | Value::Block(_)) => other,
        }
    }

    /// The values that it takes, in words.
    pub fn values(&self) -> String {
        match self.kind {
            Kind::Choice(words) => words.join(" | "),
            Kind::Integer(least, most) => format!("{least} to {most}"),
            Kind::Duration => "a duration".to_owned(),
            Kind::Switch => "true | false".to_owned(),
            Kind::Modification => "a list".to_owned(),
            Kind::File => "a file".to_owned(),
            Kind::Text
            | Kind::Pool
            | Kind::Address
            | Kind::Domain
            | Kind::Site
            | Kind::Role
            | Kind::Member
            | Kind::Principal
            | Kind::Cmdlet
            | Kind::HelpPage
            | Kind::Credential
            | Kind::Block
            | Kind::Map
            | Kind::Property
            | Kind::Variable
            | Kind::Any
            | Kind::Foreign => "a text".to_owned(),
        }
    }
}

/// `name_servers` as the name of a property: `NameServers`.
fn pascal_case(key: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    key.split('_').map(word).collect()
}

/// Whether the cmdlet makes a table or changes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `New-`: what a table needs must be given.
    New,
    /// `Set-`: only what is given changes.
    Set,
}

/// Returns the number of parameters that set a table's settings, or are refused.
pub const fn n_parameters<T: SettingsTable>() -> usize {
    let mut n = T::TABLE.refused.len();
    let mut place = 0;
    while place < T::FIELDS.len() {
        let setting = &T::FIELDS[place].setting;
        if setting.parameter.is_some() && !setting.is_name {
            n += 1;
        }
        place += 1;
    }
    n
}

/// The parameters of a cmdlet that makes or changes a table: its own, then one for each setting, then
/// those that are refused.
pub const fn parameters<T: SettingsTable, const OWN: usize, const SUM: usize>(
    own: [Parameter; OWN],
    purpose: Purpose,
) -> [Parameter; SUM] {
    assert!(SUM == OWN + n_parameters::<T>(), "the sum is the cmdlet's own and n_parameters");
    let mut all = [own[0]; SUM];
    let mut n = 0;
    while n < OWN {
        all[n] = own[n];
        n += 1;
    }
    let mut place = 0;
    while place < T::FIELDS.len() {
        let setting = &T::FIELDS[place].setting;
        if let Some(name) = setting.parameter
            && !setting.is_name
        {
            let parameter = setting.as_parameter(name);
            let is_needed = matches!(purpose, Purpose::New) && setting.need.is_some();
            all[n] = if is_needed { parameter.required() } else { parameter };
            n += 1;
        }
        place += 1;
    }
    place = 0;
    while place < T::TABLE.refused.len() {
        let refused = &T::TABLE.refused[place];
        all[n] = Parameter::foreign(refused.parameter, refused.why);
        n += 1;
        place += 1;
    }
    all
}

/// One table of the document while its settings are taken out.
pub struct TableReader<'r, 't, 'd, 'i> {
    pub(super) section: &'r mut Section<'d, 'i>,
    pub(super) mistakes: &'r mut Mistakes<'t>,
    /// The document, which relative files are seen from.
    pub(super) document: &'r Path,
    /// The position of each value.
    pub(super) spans: Spans,
}

/// The type of a setting.
pub trait SettingType: Sized {
    /// The kind of value that a parameter takes for the setting.
    const KIND: Kind;

    /// Takes it out of a table; notes what is wrong.
    #[doc(hidden)]
    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self>;

    /// The value, as a record shows it.
    fn value(&self) -> Value;

    /// Numbers spellings: those that mean the same have the same number. Each is read once.
    fn meanings(written: &[&str]) -> Vec<usize> {
        numbered(written.iter())
    }

    /// Whether two spellings mean the same.
    fn is_same(one: &str, other: &str) -> bool {
        matches!(Self::meanings(&[one, other])[..], [one, other] if one == other)
    }
}

/// Numbers things: equal ones have the same number.
pub(crate) fn numbered<T: Ord>(things: impl Iterator<Item = T>) -> Vec<usize> {
    let mut known = BTreeMap::new();
    things
        .map(|thing| {
            let next = known.len();
            *known.entry(thing).or_insert(next)
        })
        .collect()
}

/// A text of the document that means something: an address, a domain, a server.
pub trait Meaningful: Sized + Ord + Display {
    /// Whether a list may hold the same twice.
    const MAY_REPEAT: bool = false;

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the text, as a clause.
    fn meant(written: &str) -> Result<Self, String>;
}

macro_rules! meaningful {
    ($($type:ty),*) => { $(
        impl Meaningful for $type {
            fn meant(written: &str) -> Result<Self, String> {
                written.parse().map_err(|fault: <$type as FromStr>::Err| fault.to_string())
            }
        }
        impl SettingType for $type {
            const KIND: Kind = Kind::Text;

            fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
                reader.meant(setting)
            }

            fn value(&self) -> Value {
                Value::Text(self.to_string())
            }

            fn meanings(written: &[&str]) -> Vec<usize> {
                meanings_of::<Self>(written)
            }
        }
    )* };
}

meaningful!(
    Address,
    CronText,
    Days,
    Domain,
    ListenAddress,
    MessageText,
    PoolPattern,
    ReceiverPattern,
    Server,
    Size,
    ZoneName
);

/// `-v -v` is not `-v`.
impl Meaningful for CommandWord {
    const MAY_REPEAT: bool = true;

    fn meant(written: &str) -> Result<Self, String> {
        written.parse()
    }
}

/// Numbers texts by what they mean, as far as they mean anything.
fn meanings_of<T: Meaningful>(written: &[&str]) -> Vec<usize> {
    numbered(written.iter().map(|text| T::meant(text).map_err(|_| *text)))
}

impl TableReader<'_, '_, '_, '_> {
    /// The value of a setting, if it is there and right; notes what is wrong.
    pub(super) fn value<T: SettingType>(&mut self, setting: &Setting) -> Option<T> {
        let value = T::read(self, setting);
        if let Some(what) = setting.need.filter(|what| !what.is_empty()) {
            self.section.missing(self.mistakes, setting.key, what);
        }
        value
    }

    /// Takes the settings of a table out of it; gives where each stands.
    pub(super) fn fill<T: SettingsTable>(mut self, table: &mut T) -> Spans {
        for field in T::FIELDS {
            (field.read)(table, &mut self, &field.setting);
        }
        self.spans
    }

    fn meant<T: Meaningful>(&mut self, setting: &Setting) -> Option<T> {
        let found = self.section.meant(self.mistakes, setting.key, T::meant)?;
        self.spans.put(setting.key, found.span);
        Some(found.value)
    }

    fn text(&mut self, setting: &Setting) -> Option<String> {
        let found = self.section.text(self.mistakes, setting.key)?;
        self.spans.put(setting.key, found.span);
        Some(found.value.to_owned())
    }
}

/// A name server: `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`; the port is 53 where none is
/// written.
impl Meaningful for SocketAddr {
    fn meant(written: &str) -> Result<Self, String> {
        let unbracketed = written.trim_start_matches('[').trim_end_matches(']');
        match (written.parse(), unbracketed.parse::<IpAddr>()) {
            (Ok(address), _) => Ok(address),
            (Err(_), Ok(ip)) => Ok(Self::new(ip, 53)),
            (Err(_), Err(_)) => {
                Err(format!("{written:?} is no address of a name server: write 192.0.2.1:53"))
            }
        }
    }
}

impl<T: Meaningful> SettingType for Vec<T> {
    const KIND: Kind = Kind::Modification;

    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
        let section = &mut *reader.section;
        let list = section.list_of(reader.mistakes, setting.key, T::meant);
        if !section.has(setting.key) {
            return None;
        }
        if !T::MAY_REPEAT {
            section.refuse_repeats(reader.mistakes, setting.key, &list);
        }
        reader.spans.put(setting.key, section.span_of(setting.key));
        reader.spans.put_items(setting.key, list.iter().map(|found| found.span.clone()).collect());
        Some(list.into_iter().map(|found| found.value).collect())
    }

    fn value(&self) -> Value {
        Value::texts(self.iter().map(ToString::to_string))
    }

    fn meanings(written: &[&str]) -> Vec<usize> {
        meanings_of::<T>(written)
    }
}

impl<T: SettingType> SettingType for Option<T> {
    const KIND: Kind = T::KIND;

    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
        T::read(reader, setting).map(Some)
    }

    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::value)
    }

    fn meanings(written: &[&str]) -> Vec<usize> {
        T::meanings(written)
    }
}

impl SettingType for String {
    const KIND: Kind = Kind::Text;

    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
        let text = reader.text(setting)?;
        Some(if setting.kind == Kind::Site { text.trim().to_owned() } else { text })
    }

    fn value(&self) -> Value {
        Value::text(self.as_str())
    }
}

/// Relative files are seen from the document's directory.
impl SettingType for PathBuf {
    const KIND: Kind = Kind::File;

    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
        let file = reader.text(setting)?;
        Some(reader.document.parent().map_or_else(|| file.clone().into(), |directory| directory.join(&file)))
    }

    fn value(&self) -> Value {
        Value::Text(self.display().to_string())
    }
}

impl SettingType for bool {
    const KIND: Kind = Kind::Switch;

    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
        reader.section.flag(reader.mistakes, setting.key)
    }

    fn value(&self) -> Value {
        Value::Boolean(*self)
    }
}

impl SettingType for Duration {
    const KIND: Kind = Kind::Duration;

    fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
        let found = reader.section.duration(reader.mistakes, setting.key)?;
        reader.spans.put(setting.key, found.span);
        Some(found.value)
    }

    fn value(&self) -> Value {
        Value::Duration(*self)
    }
}

macro_rules! numbers {
    ($($type:ty),*) => { $(
        impl SettingType for $type {
            const KIND: Kind = Kind::Integer(0, <$type>::MAX as i64);

            fn read(reader: &mut TableReader<'_, '_, '_, '_>, setting: &Setting) -> Option<Self> {
                let Kind::Integer(least, most) = setting.kind else { return None };
                let found = reader.section.number(reader.mistakes, setting.key, least..=most)?;
                reader.spans.put(setting.key, found.span);
                Self::try_from(found.value).ok()
            }

            fn value(&self) -> Value {
                Value::Integer(i64::from(*self))
            }
        }
    )* };
}
numbers!(u16, u32);

/// A type of a few values, each with its word in the document.
pub trait Words: Copy + PartialEq + 'static {
    /// Every value with its word.
    const SPELLINGS: &'static [(&'static str, Self)];

    /// The word of this value.
    fn word(self) -> &'static str {
        Self::SPELLINGS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| *word)
    }
}

macro_rules! words {
    ($($type:ident { $($word:literal = $value:ident),* $(,)? })*) => { $(
        impl $crate::topology::setting::Words for $type {
            const SPELLINGS: &'static [(&'static str, Self)] = &[$(($word, Self::$value)),*];
        }
        impl $crate::topology::setting::SettingType for $type {
            const KIND: $crate::cmdlet::Kind = $crate::cmdlet::Kind::Choice(&[$($word),*]);

            fn read(
                reader: &mut $crate::topology::setting::TableReader<'_, '_, '_, '_>,
                setting: &$crate::topology::setting::Setting,
            ) -> Option<Self> {
                let spellings = <Self as $crate::topology::setting::Words>::SPELLINGS;
                let found = reader.section.choice(reader.mistakes, setting.key, spellings)?;
                reader.spans.put(setting.key, found.span);
                Some(found.value)
            }

            fn value(&self) -> $crate::value::Value {
                $crate::value::Value::text($crate::topology::setting::Words::word(*self))
            }
        }
    )* };
}
pub(super) use words;

/// Declares the type of a table and lists its settings. An entry is
///
/// ```text
/// "One line of help."
/// key: Type = default => set_by("Parameter", Binds::Nothing);
/// ```
///
/// and more of what is special about it behind `set_by` or `in_document`.
macro_rules! table {
    (
        $(#[$meta:meta])*
        pub struct $type:ident: $table:expr;
        $(name $name_help:literal $name:ident: $name_type:ty => $name_about:expr;)?
        $( $help:literal $key:ident: $key_type:ty = $default:expr => $about:expr; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $type {
            $( #[doc = $name_help] pub $name: $name_type, )?
            $( #[doc = $help] pub $key: $key_type, )*
        }

        impl $type {
            /// One with every setting as it is where the document has none.
            #[allow(clippy::new_without_default, reason = "only a table without a name has a default")]
            pub fn new($($name: $name_type)?) -> Self {
                Self { $( $key: $default, )* $( $name, )? }
            }
        }

        impl $crate::topology::setting::SettingsTable for $type {
            const TABLE: $crate::topology::setting::Table = $crate::topology::setting::Table {
                $( name: Some($name_about.naming().listed(
                    stringify!($name),
                    $name_help,
                    <$name_type as $crate::topology::setting::SettingType>::KIND,
                    <$name_type as $crate::topology::setting::SettingType>::is_same,
                    <$name_type as $crate::topology::setting::SettingType>::meanings,
                )), )?
                settings: $crate::topology::setting::settings_of::<$type>,
                defaults: $crate::topology::setting::defaults_of::<$type>,
                ..$table
            };

            const FIELDS: &'static [$crate::topology::setting::Field<Self>] = &[
                $( $crate::topology::setting::Field {
                    setting: $name_about.naming().listed(
                        stringify!($name),
                        $name_help,
                        <$name_type as $crate::topology::setting::SettingType>::KIND,
                        <$name_type as $crate::topology::setting::SettingType>::is_same,
                        <$name_type as $crate::topology::setting::SettingType>::meanings,
                    ),
                    read: |_, _, _| {},
                    value: |table| $crate::topology::setting::SettingType::value(&table.$name),
                }, )?
                $( $crate::topology::setting::Field {
                    setting: $about.listed(
                        stringify!($key),
                        $help,
                        <$key_type as $crate::topology::setting::SettingType>::KIND,
                        <$key_type as $crate::topology::setting::SettingType>::is_same,
                        <$key_type as $crate::topology::setting::SettingType>::meanings,
                    ),
                    read: |table, reader, setting| {
                        if let Some(value) = reader.value(setting) {
                            table.$key = value;
                        }
                    },
                    value: |table| $crate::topology::setting::SettingType::value(&table.$key),
                }, )*
            ];

            fn sample() -> Option<Self> {
                Some(Self::new($( $name_about.sample_as::<$name_type>()? )?))
            }
        }

        $(
            impl $crate::topology::setting::Named for $type {
                type Name = $name_type;

                fn named(name: $name_type) -> Self {
                    Self::new(name)
                }
            }
        )?
    };
}
pub(super) use table;
