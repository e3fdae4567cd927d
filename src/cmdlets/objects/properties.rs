//! The selection of properties from the input of a call: names, patterns, script blocks, and calculated properties
//! such as `@{Name="Hours"; Expression={…}}`.
//!
//! Shared by the cmdlets of the objects family. A name that the first record does not have is
//! told once, with the nearest name; what later records lack is null.

use std::sync::Arc;

use crate::call::{BoundArguments, Call, Halt};
use crate::cmdlet::{Category, ErrorRecord};
use crate::value::pattern::{Case, Pattern};
use crate::value::{Block, Record, UnknownProperty, Value};

/// The properties that one parameter of a call names.
#[derive(Debug)]
pub struct Properties {
    chosen: Vec<ChosenProperty>,
    is_checked: bool,
}

/// One of them.
#[derive(Debug)]
pub struct ChosenProperty {
    /// The name of the property in what the cmdlet emits.
    pub label: String,
    /// `Descending` or `Ascending` of a calculated property, for sorting.
    pub is_descending: Option<bool>,
    by: By,
}

#[derive(Debug)]
enum By {
    Name(String),
    Pattern(Pattern),
    Block(Arc<dyn Block>),
}

impl Properties {
    /// Returns the properties that were given for the parameter; empty if none were.
    ///
    /// # Errors
    /// `InvalidProperty`, if a calculated property has no expression.
    pub fn given(bound: &BoundArguments, parameter: &str) -> Result<Self, ErrorRecord> {
        let chosen: Result<_, _> = bound.values(parameter).iter().map(ChosenProperty::read).collect();
        Ok(Self { chosen: chosen?, is_checked: false })
    }

    /// Whether none were named.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ChosenProperty> {
        self.chosen.iter()
    }

    /// The first name that the first record does not have. Asked of every item, it answers once.
    pub fn unknown(&mut self, item: &Value) -> Option<UnknownProperty> {
        if item.as_record().is_none() || std::mem::replace(&mut self.is_checked, true) {
            return None;
        }
        self.chosen.iter().find_map(|property| match &property.by {
            By::Name(name) => item.property(name).err(),
            By::Pattern(_) | By::Block(_) => None,
        })
    }

    /// The values of an item, one for each property, null where it has none.
    pub fn values(&self, call: &Call, item: &Value) -> Result<Vec<Value>, Halt> {
        self.chosen.iter().map(|property| property.value(call, item)).collect()
    }

    /// Returns what is shown of an item: these properties alone, or the item as it is if no properties were named
    /// or it has none.
    pub fn shown(&self, call: &Call, item: Value) -> Result<Value, Halt> {
        if self.is_empty() || item.as_record().is_none() {
            return Ok(item);
        }
        let type_name = format!("Selected.{}", item.kind());
        self.project(call, &item, type_name).map(Value::from)
    }

    /// The heading of the group that an item belongs to, if these properties group.
    pub fn heading(&self, call: &Call, item: &Value) -> Result<Option<String>, Halt> {
        let values = self.values(call, item)?;
        let parts =
            self.chosen.iter().zip(values).map(|(property, value)| format!("{}: {value}", property.label));
        let heading = parts.collect::<Vec<_>>().join(", ");
        Ok(Some(heading).filter(|heading| !heading.is_empty()))
    }

    /// A record of these properties alone.
    pub fn project(&self, call: &Call, item: &Value, type_name: String) -> Result<Record, Halt> {
        let mut record = Record::new(type_name);
        for property in &self.chosen {
            match &property.by {
                By::Pattern(pattern) => {
                    for (name, value) in item.as_record().into_iter().flat_map(Record::iter) {
                        if pattern.matches(name) {
                            record.set(name.to_owned(), value.clone());
                        }
                    }
                    // A time has parts, and so has a span.
                    for name in item.parts().iter().filter(|name| pattern.matches(name)) {
                        record.set(*name, item.part(name).unwrap_or_default());
                    }
                }
                By::Name(name) => {
                    // The record's own spelling, however the caller wrote it; or the name that a
                    // calculated property gives it.
                    let spelled = item.as_record().and_then(|own| own.spelling(name));
                    let label = spelled.filter(|_| property.label == *name).unwrap_or(&property.label);
                    record.set(label.to_owned(), property.value(call, item)?);
                }
                By::Block(_) => record.set(property.label.clone(), property.value(call, item)?),
            }
        }
        Ok(record)
    }
}

impl ChosenProperty {
    fn read(value: &Value) -> Result<Self, ErrorRecord> {
        match value {
            Value::Block(block) => Ok(Self {
                label: block.source().trim().to_owned(),
                is_descending: None,
                by: By::Block(block.clone()),
            }),
            Value::Record(map) => Self::calculated(map),
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
            | Value::Credential(_)
            | Value::List(_) => Ok(Self::named(&value.to_string())),
        }
    }

    fn named(name: &str) -> Self {
        let by = if Pattern::has_wildcards(name) {
            By::Pattern(Pattern::new(name, Case::Ignored))
        } else {
            By::Name(name.to_owned())
        };
        Self { label: name.to_owned(), is_descending: None, by }
    }

    /// A calculated property: a map with `Name` or `Label`, and `Expression`, or their first letters.
    fn calculated(map: &Record) -> Result<Self, ErrorRecord> {
        let of = |names: &[&str]| names.iter().find_map(|name| map.get(name).ok());
        let Some(expression) = of(&["Expression", "E"]) else {
            return Err(ErrorRecord::new(
                Category::InvalidArgument,
                "InvalidProperty",
                format!("The calculated property '{}' has no Expression.", Value::from(map.clone())),
            )
            .remedy("Write: @{Name=\"…\"; Expression={…}}."));
        };
        let mut property = Self::read(expression)?;
        if let Some(name) = of(&["Name", "N", "Label", "L"]) {
            property.label = name.to_string();
        }
        let truth = |name| of(&[name]).map(Value::is_truthy);
        property.is_descending = truth("Descending").or(truth("Ascending").map(|ascending| !ascending));
        Ok(property)
    }

    fn value(&self, call: &Call, item: &Value) -> Result<Value, Halt> {
        match &self.by {
            By::Name(name) => Ok(item.property(name).unwrap_or_default()),
            By::Pattern(_) => Ok(item.property(&self.label).unwrap_or_default()),
            // What a block gives alone is itself, as in PowerShell.
            By::Block(block) => Ok(call.call_block(block, item.clone())?.read_through()),
        }
    }
}
