//! `[int]`, `-as`, `-is`: values brought to a type that PowerShell's authors name.
//!
//! Knows the types by the names that they have in PowerShell. What cannot be brought to a type is told.

use super::arithmetic::{Number, number};
use super::text::{interpolated, parse_duration};
use super::{Record, Value, time};

/// A type by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `[int]`, `[long]`: whole numbers.
    Whole,
    /// `[double]`, `[decimal]`: numbers with a fraction.
    Real,
    /// `[string]`.
    Text,
    /// `[char]`.
    Letter,
    /// `[bool]`, `[switch]`.
    Truth,
    /// `[datetime]`.
    Time,
    /// `[timespan]`.
    Span,
    /// `[array]`, `[string[]]` and their like.
    List,
    /// `[hashtable]`, `[pscustomobject]`, `[psobject]`.
    Map,
    /// `[pscredential]`.
    Credential,
    /// `[scriptblock]`.
    Block,
    /// `[object]`, `[void]`: anything.
    Any,
}

/// Types by their names in small letters, without `system.`.
const NAMES: &[(&str, Type)] = &[
    ("int", Type::Whole),
    ("int16", Type::Whole),
    ("int32", Type::Whole),
    ("int64", Type::Whole),
    ("long", Type::Whole),
    ("short", Type::Whole),
    ("byte", Type::Whole),
    ("uint32", Type::Whole),
    ("uint64", Type::Whole),
    ("double", Type::Real),
    ("float", Type::Real),
    ("single", Type::Real),
    ("decimal", Type::Real),
    ("string", Type::Text),
    ("char", Type::Letter),
    ("bool", Type::Truth),
    ("boolean", Type::Truth),
    ("switch", Type::Truth),
    ("switchparameter", Type::Truth),
    ("datetime", Type::Time),
    ("timespan", Type::Span),
    ("array", Type::List),
    ("hashtable", Type::Map),
    ("collections.hashtable", Type::Map),
    ("ordered", Type::Map),
    ("pscustomobject", Type::Map),
    ("psobject", Type::Map),
    ("pscredential", Type::Credential),
    ("management.automation.pscredential", Type::Credential),
    ("scriptblock", Type::Block),
    ("object", Type::Any),
    ("void", Type::Any),
];

impl Type {
    /// The type of that name, in any letter case, with or without `System.`; `[]` behind it makes it a list.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("system.").unwrap_or(&name);
        if name == "collections.arraylist" || name.starts_with("collections.generic.list[") {
            return Some(Self::List);
        }
        // What is thrown is its message.
        if name.ends_with("exception") {
            return Some(Self::Text);
        }
        match name.strip_suffix("[]") {
            Some(element) => Self::named(element).map(|_| Self::List),
            None => NAMES.iter().find(|(own, _)| *own == name).map(|(_, own)| *own),
        }
    }

    /// Whether a value is of this type.
    pub fn has(self, value: &Value) -> bool {
        match (self, value) {
            (Self::List, Value::List(_)) | (Self::Any, _) => true,
            (_, Value::List(items)) if items.len() == 1 => self.has(&items[0]),
            (Self::Whole, Value::Integer(_))
            | (Self::Real, Value::Float(_))
            | (Self::Text, Value::Text(_))
            | (Self::Truth, Value::Boolean(_))
            | (Self::Time, Value::Timestamp(_))
            | (Self::Span, Value::Duration(_))
            | (Self::Map, Value::Record(_))
            | (Self::Credential, Value::Credential(_))
            | (Self::Block, Value::Block(_)) => true,
            (Self::Letter, Value::Text(text)) => text.chars().count() == 1,
            _ => false,
        }
    }
}

/// A value that cannot be brought to a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} '{value}' cannot be read as [{name}]", .kind)]
pub struct CastError {
    /// The kind of the value.
    pub kind: String,
    /// The value.
    pub value: String,
    /// The type, as it was written.
    pub name: String,
}

/// The value brought to a type, whose name the author wrote as `name`.
///
/// # Errors
/// The value cannot be brought to it.
pub fn cast(value: Value, wanted: Type, name: &str) -> Result<Value, CastError> {
    let refused = |value: &Value| CastError {
        kind: value.kind().to_owned(),
        value: value.to_string().chars().take(60).collect(),
        name: name.to_owned(),
    };
    let value = if wanted == Type::List { value } else { one(value) };
    let made = match (wanted, &value) {
        (Type::Any, _) => Some(value.clone()),
        (Type::List, _) => Some(list(value.clone(), name)?),
        (Type::Whole, _) => number(&value).and_then(whole).map(Value::Integer),
        (Type::Real, _) => number(&value).map(|number| match number {
            Number::Whole(whole) => Value::Float(whole as f64),
            Number::Real(real) => Value::Float(real),
        }),
        (Type::Text, _) => Some(Value::Text(interpolated(&value))),
        (Type::Letter, Value::Integer(code)) => {
            let letter = u32::try_from(*code).ok().and_then(char::from_u32);
            letter.map(|letter| Value::Text(letter.to_string()))
        }
        (Type::Letter, Value::Text(text)) if text.chars().count() == 1 => Some(value.clone()),
        (Type::Truth, _) => Some(Value::Boolean(value.is_truthy())),
        (Type::Time, Value::Timestamp(_)) => Some(value.clone()),
        (Type::Time, Value::Text(text)) => time::read(text).map(Value::Timestamp),
        (Type::Span, Value::Duration(_)) => Some(value.clone()),
        // Hours and minutes, as .NET reads them.
        (Type::Span, Value::Text(text)) if text.matches(':').count() == 1 => {
            parse_duration(&format!("{text}:00")).map(Value::Duration)
        }
        (Type::Span, Value::Text(text)) => parse_duration(text).map(Value::Duration),
        (Type::Map, Value::Record(record)) => {
            let mut made = Record::new("Object");
            record.iter().for_each(|(name, value)| made.add(name.to_owned(), value.clone()));
            Some(made.into())
        }
        (Type::Credential, Value::Credential(_)) | (Type::Block, Value::Block(_)) => Some(value.clone()),
        _ => None,
    };
    made.ok_or_else(|| refused(&value))
}

fn list(value: Value, name: &str) -> Result<Value, CastError> {
    let element = name.strip_suffix("[]").and_then(|element| Some((element, Type::named(element)?)));
    let items = match (element, value) {
        // The letters of a text.
        (Some((_, Type::Letter)), Value::Text(text)) => {
            text.chars().map(|letter| Value::Text(letter.to_string())).collect()
        }
        (_, value) => value.into_elements(),
    };
    match element {
        Some((name, own)) => {
            items.into_iter().map(|item| cast(item, own, name)).collect::<Result<_, _>>().map(Value::List)
        }
        None => Ok(Value::List(items)),
    }
}

/// A list of one is its element; a longer one stays.
fn one(value: Value) -> Value {
    let is_one = matches!(&value, Value::List(items) if items.len() == 1);
    if is_one { value.read_through() } else { value }
}

/// The nearest whole number, halves to the even one, as .NET rounds.
pub fn whole(number: Number) -> Option<i64> {
    match number {
        Number::Whole(whole) => Some(whole),
        Number::Real(real) => {
            let rounded = real.round_ties_even();
            (rounded.abs() < 9.2e18).then_some(rounded as i64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(value: impl Into<Value>, name: &str) -> String {
        match cast(value.into(), Type::named(name).unwrap(), name) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_are_brought_to_the_types_that_powershell_names() {
        assert_eq!(made("5222", "int"), "5222");
        assert_eq!(made(Value::Float(2.5), "int"), "2", "halves go to the even number");
        assert_eq!(made(Value::Float(3.5), "Int32"), "4");
        assert_eq!(made("5", "System.Double"), "5");
        assert_eq!(made(65, "char"), "A");
        assert_eq!(made(0, "bool"), "False");
        assert_eq!(made("1m30s", "timespan"), "00:01:30");
        assert_eq!(made(5, "string[]"), "{5}");
        assert_eq!(made("five", "int"), "text 'five' cannot be read as [int]");
        assert!(Type::named("System.IO.File").is_none());
    }

    #[test]
    fn a_list_of_one_is_of_its_elements_type() {
        assert!(Type::Whole.has(&Value::List(vec![1.into()])));
        assert!(Type::List.has(&Value::List(vec![1.into()])));
        assert!(!Type::Text.has(&Value::from(1)));
    }
}
