//! Records and values: what cmdlets emit, pipes carry and views show.
//!
//! Ground: knows no cmdlet, no engine and no terminal. Property names are found whatever
//! their letter case or underscores, so that `r.TargetFqdn`, `r.targetfqdn` and
//! `r.target_fqdn` are one property.

pub mod record;
pub mod text;
pub mod pattern;
pub mod order;
pub mod compare;
pub mod time;
pub mod format;
pub mod letter;
pub mod arithmetic;
pub mod cast;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use record::{Record, UnknownProperty, article};

use crate::secret::Credential;

/// One value of a property, an argument or a pipe.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing: an empty property, `$null`.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// A span of time; shown as `hh:mm:ss.fffffff`.
    Duration(Duration),
    /// A point in time; shown in RFC 3339 form, in UTC.
    Timestamp(Timestamp),
    /// A user name with a password that cannot be read back.
    Credential(Credential),
    /// An ordered list.
    List(Vec<Value>),
    /// An ordered set of named properties.
    Record(Arc<Record>),
    /// Something to call with one value: a script block or a closure.
    Block(Arc<dyn Block>),
}

/// A script block: a piece of a program that a cmdlet calls with the current value as `$_`.
pub trait Block: Send + Sync + fmt::Debug {
    /// Runs the block on `item` and waits for it. Must be called outside an async context
    /// (a cmdlet goes through its context, which sees to that).
    fn call(&self, item: Value) -> Result<Value, BlockError>;

    /// The same block for a thread beside others: it reads copies of the variables around it, and ends
    /// when `cancel` says so.
    fn apart(&self, cancel: CancellationToken) -> Arc<dyn Block>;

    /// The text of the block as its author wrote it, for help and logs.
    fn source(&self) -> &str;

    /// The closure as the layer that made it holds it, to hand it back unchanged.
    fn origin(&self) -> &(dyn std::any::Any + Send + Sync);
}

/// The reason why a block gave no value.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The run was cancelled or ran over a limit; nothing may catch this.
    #[error("the script was stopped")]
    Stopped,
    /// The block failed; the cause is kept for the layer that knows scripts.
    #[error("{message}")]
    Failed {
        /// The block's error, in one line.
        message: String,
        /// The script engine's own error, with its position.
        cause: Arc<dyn std::any::Any + Send + Sync>,
        /// The error record of the cmdlet that could not run, where that was it.
        record: Option<Arc<dyn std::any::Any + Send + Sync>>,
    },
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of text values.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// Null for `None`.
    pub fn optional(value: Option<impl Into<Value>>) -> Self {
        value.map_or(Self::Null, Into::into)
    }

    /// The name of the value's type in messages: `text`, `list`, …
    pub fn kind(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Duration(_) => "duration",
            Self::Timestamp(_) => "timestamp",
            Self::Credential(_) => "credential",
            Self::List(_) => "list",
            Self::Record(record) => record.type_name(),
            Self::Block(_) => "script block",
        }
    }

    /// PowerShell's truth: null, false, zero, empty text and the empty list are false;
    /// a list of one is as true as its element.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(truth) => *truth,
            Self::Integer(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => match items.as_slice() {
                [] => false,
                [only] => only.is_truthy(),
                _ => true,
            },
            Self::Duration(_)
            | Self::Timestamp(_)
            | Self::Credential(_)
            | Self::Record(_)
            | Self::Block(_) => true,
        }
    }

    /// The record inside, if this is one.
    pub fn as_record(&self) -> Option<&Record> {
        if let Self::Record(record) = self { Some(record) } else { None }
    }

    /// The elements of a list, nothing of null, and of anything else itself alone.
    pub fn into_elements(self) -> Vec<Value> {
        if let Self::List(items) = self {
            items
        } else if let Self::Null = self {
            Vec::new()
        } else {
            vec![self]
        }
    }

    /// The text inside, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The property `name` of a record, of a list of one, or of every element of a longer list.
    pub fn property(&self, name: &str) -> Result<Value, UnknownProperty> {
        match self {
            Self::Record(record) => {
                record.value(name).or_else(|unknown| record::part(record, name).ok_or(unknown))
            }
            Self::List(items) => match items.as_slice() {
                [only] => only.property(name),
                items => {
                    // As in PowerShell, lists that the items have are one.
                    let values: Result<Vec<_>, _> = items.iter().map(|item| item.property(name)).collect();
                    values.map(|values| Self::List(values.into_iter().flat_map(Self::each_element).collect()))
                }
            },
            Self::Credential(credential) => match record::canonical(name).as_str() {
                "username" => Ok(Self::text(&credential.user_name)),
                "password" => Ok(Self::text(crate::secret::MASK)),
                _ => Err(UnknownProperty::new(name, "credential", ["UserName", "Password"])),
            },
            // What was thrown as a text is an error too.
            Self::Text(message) if name.eq_ignore_ascii_case("exception") => {
                Ok(Record::new("Exception").with("Message", message.as_str()).into())
            }
            Self::Text(_) | Self::Duration(_) | Self::Timestamp(_) => {
                let part = self.part(name);
                part.ok_or_else(|| UnknownProperty::new(name, self.kind(), self.parts().iter().copied()))
            }
            Self::Null | Self::Boolean(_) | Self::Integer(_) | Self::Float(_) | Self::Block(_) => {
                Err(UnknownProperty::new(name, self.kind(), []))
            }
        }
    }

    /// The elements of a list; of anything else, itself.
    fn each_element(self) -> Vec<Self> {
        if let Self::List(items) = self { items } else { vec![self] }
    }

    /// The names of the parts that a text, a span or a point of time has.
    pub fn parts(&self) -> &'static [&'static str] {
        match self {
            Self::Text(_) => &["Length"],
            Self::Duration(_) => time::SPAN_PARTS,
            Self::Timestamp(_) => time::TIME_PARTS,
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::Credential(_)
            | Self::List(_)
            | Self::Record(_)
            | Self::Block(_) => &[],
        }
    }

    /// One of these parts, whatever the letter case or underscores of `name`.
    pub fn part(&self, name: &str) -> Option<Value> {
        let name = record::canonical(name);
        match self {
            Self::Text(text) if name == "length" => {
                Some(Self::Integer(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)))
            }
            Self::Duration(span) => time::span_part(*span, &name),
            Self::Timestamp(point) => time::time_part(*point, &name),
            Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Credential(_)
            | Self::List(_)
            | Self::Record(_)
            | Self::Block(_) => None,
        }
    }

    /// The value that a list of one stands for, nothing for an empty list, and any other value itself:
    /// what a command gives where PowerShell has one value.
    pub fn read_through(self) -> Value {
        let is_one = matches!(&self, Self::List(items) if items.len() < 2);
        if is_one { self.into_elements().pop().unwrap_or_default() } else { self }
    }
}

impl fmt::Display for Value {
    /// One line, invariant in every locale; see [`text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write_line(self, f)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

impl From<Timestamp> for Value {
    fn from(timestamp: Timestamp) -> Self {
        Self::Timestamp(timestamp)
    }
}

impl From<Record> for Value {
    fn from(record: Record) -> Self {
        Self::Record(Arc::new(record))
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_powershells() {
        for (value, truth) in [
            (Value::Null, false),
            (Value::from(""), false),
            (Value::from("x"), true),
            (Value::List(vec![]), false),
            (Value::List(vec![Value::Integer(0)]), false),
            (Value::List(vec![Value::Integer(0), Value::Integer(0)]), true),
        ] {
            assert_eq!(value.is_truthy(), truth, "{value:?}");
        }
    }

    #[test]
    fn a_list_of_one_reads_through_and_a_longer_one_gives_a_list() {
        let record = |name: &str| Value::from(Record::new("Pool").with("Identity", name));
        assert_eq!(Value::List(vec![record("a")]).property("identity").unwrap().to_string(), "a");
        assert_eq!(
            Value::List(vec![record("a"), record("b")]).property("Identity").unwrap().to_string(),
            "{a, b}"
        );
    }
}
