//! The error record: something that could not run, told as data.
//!
//! Not the same as a test that ran and failed (a record with `Result : Failure`), nor as a
//! mistake in a script (the script engine's error).

use std::fmt;
use std::sync::Arc;

use crate::value::{Record, UnknownProperty, Value, article};

/// A position in the text of a program, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A text that a program was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The name that messages give the program: its file, `-c`, `line 3`.
    pub name: String,
    /// The text as its author wrote it.
    pub text: String,
}

/// A position in the text of a certain program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlace {
    /// In which text.
    pub program: Arc<Program>,
    pub position: Position,
}

/// PowerShell's error categories, those that occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// An argument's value cannot be used.
    InvalidArgument,
    /// The data that was piped or read is malformed.
    InvalidData,
    /// The call makes no sense in this state.
    InvalidOperation,
    /// The object that was named does not exist.
    ObjectNotFound,
    /// The object that is to be made exists already.
    ResourceExists,
    /// Something needed is missing, such as test users or a terminal.
    ResourceUnavailable,
    /// The principal's roles do not cover the call.
    PermissionDenied,
    /// A secret could not be had.
    AuthenticationError,
    /// A file could not be read.
    ReadError,
    /// A file could not be written.
    WriteError,
    /// A limit of time, memory or number was reached.
    LimitsExceeded,
    /// The user or a signal ended it.
    OperationStopped,
    /// A script threw it.
    NotSpecified,
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Something that could not run.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ErrorRecord {
    /// The category.
    pub category: Category,
    /// A stable word, such as `NotFoundTestUsers`.
    pub id: &'static str,
    /// The description of the error, in whole sentences.
    pub message: String,
    /// The remedy, as an imperative; may be empty.
    pub remedy: String,
    /// The cmdlet that could not run, once the door knows it.
    pub cmdlet: Option<&'static str>,
    /// The object that the error is about: a pool, an address, a file.
    pub target: Option<String>,
    /// The position of the call, once the script layer knows it.
    pub position: Option<Position>,
    /// The text that the position is of.
    pub program: Option<Arc<Program>>,
}

impl ErrorRecord {
    /// An error record with its category, id and message.
    pub fn new(category: Category, id: &'static str, message: impl Into<String>) -> Self {
        Self {
            category,
            id,
            message: message.into(),
            remedy: String::new(),
            cmdlet: None,
            target: None,
            position: None,
            program: None,
        }
    }

    /// With what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// With what it was about.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// With where it was written, unless it knows better itself.
    pub fn placed(mut self, position: Option<Position>, program: Option<&Arc<Program>>) -> Self {
        self.position = self.position.or(position);
        self.program = self.program.or_else(|| program.cloned());
        self
    }

    /// Whether it says that this one thing cannot be done, and nothing of whether others can.
    pub fn is_about_its_target(&self) -> bool {
        match self.category {
            Category::InvalidArgument
            | Category::InvalidData
            | Category::InvalidOperation
            | Category::ObjectNotFound
            | Category::ResourceExists => true,
            Category::ResourceUnavailable
            | Category::PermissionDenied
            | Category::AuthenticationError
            | Category::ReadError
            | Category::WriteError
            | Category::LimitsExceeded
            | Category::OperationStopped
            | Category::NotSpecified => false,
        }
    }

    /// The refusal. It is the same for every cmdlet and says nothing about what exists.
    pub fn permission_denied(cmdlet: &str) -> Self {
        Self::new(
            Category::PermissionDenied,
            "PermissionDenied",
            format!("You have no role that allows this call of {cmdlet}."),
        )
        .remedy("Run Get-Command to see what you may run, or ask an administrator for a role.")
    }

    /// The error for a property that the input does not have.
    pub fn no_such_property(unknown: &UnknownProperty) -> Self {
        let message = format!("{} has no property '{}'.", article("A", &unknown.type_name), unknown.name);
        let error = Self::new(Category::InvalidArgument, "PropertyNotFound", message);
        match &unknown.nearest {
            Some(nearest) => error.remedy(format!("Did you mean '{nearest}'?")),
            None => error.remedy("Pipe the input into Get-Member to see its properties."),
        }
    }
}

impl From<&ErrorRecord> for Record {
    /// The error as `catch` and `-ErrorVariable` get it.
    fn from(error: &ErrorRecord) -> Self {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Self::new("ErrorRecord")
            .with("Message", error.message.as_str())
            .with("Category", error.category.to_string())
            .with("Id", error.id)
            .with("Remedy", error.remedy.as_str())
            .with("Cmdlet", Value::optional(error.cmdlet))
            .with("Target", Value::optional(error.target.clone()))
            .with("Line", Value::optional(error.position.map(|place| number(place.line))))
            .with("Column", Value::optional(error.position.map(|place| number(place.column))))
    }
}
