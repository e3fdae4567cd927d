//! The two engines of the store, SQLite and PostgreSQL, behind one small SQL interface.
//!
//! Every verb of the store is a function over [`Sql`], written once. The SQL is the common part of both
//! engines: parameters are `$1`, `$2`, …; instants are whole microseconds since 1970 (UTC). Three words in braces stand for what the engines write differently:
//!
//! | word | SQLite | PostgreSQL |
//! |---|---|---|
//! | `{now}` | the machine's clock | the database's clock |
//! | `{lock}` | nothing: a writer is alone | `FOR UPDATE` |
//! | `{claim}` | nothing | `FOR UPDATE SKIP LOCKED` |
//!
//! Never holds a secret: the password of a database comes from where `libpq` finds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::fault::StoreFault;

/// One connection inside a transaction.
pub trait Sql {
    /// Runs a statement; returns the number of rows that it changed.
    fn execute(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<u64, StoreFault>;

    /// Runs a query; returns its rows.
    fn query(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault>;

    /// Runs a query whose text is composed of constant parts.
    fn query_composed(&mut self, sql: &str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault>;

    /// Runs a query whose text has a list of its own, such as of pairs. Its statement is forgotten: kept for each list
    /// that was ever asked about, they would fill the memory of whoever runs for months.
    fn query_list(&mut self, sql: &str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault>;

    /// Runs several statements without parameters.
    fn script(&mut self, sql: &str) -> Result<(), StoreFault>;

    /// Whether the store has this table.
    fn has_table(&mut self, name: &str) -> Result<bool, StoreFault>;

    /// Returns the first row of a query, if there is one.
    fn first(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<Option<Row>, StoreFault> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }

    /// The engine's clock, in microseconds since 1970.
    fn now(&mut self) -> Result<i64, StoreFault> {
        self.first("SELECT {now}", &[])?.map_or(Ok(0), |row| row.int(0))
    }
}

/// The time by which `{now}` is ahead of the engine's clock: simulations of a long time move it.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// The shift in microseconds.
    pub(super) fn shift(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves the clock by so many microseconds.
    pub(super) fn advance(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

/// One value of a statement or a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Cell {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The cells of one row, in the order of the query's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub(super) Vec<Cell>);

impl Row {
    /// The number in a column.
    pub fn int(&self, column: usize) -> Result<i64, StoreFault> {
        self.optional_int(column)?.ok_or(StoreFault::Column { column })
    }

    /// The number in a column that may be NULL.
    pub fn optional_int(&self, column: usize) -> Result<Option<i64>, StoreFault> {
        match self.0.get(column) {
            Some(Cell::Int(value)) => Ok(Some(*value)),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Text(_)) | None => Err(StoreFault::Column { column }),
        }
    }

    /// The text in a column.
    pub fn text(&self, column: usize) -> Result<String, StoreFault> {
        self.optional_text(column)?.ok_or(StoreFault::Column { column })
    }

    /// The text in a column that may be NULL.
    pub fn optional_text(&self, column: usize) -> Result<Option<String>, StoreFault> {
        match self.0.get(column) {
            Some(Cell::Text(value)) => Ok(Some(value.clone())),
            Some(Cell::Null) => Ok(None),
            Some(Cell::Int(_)) | None => Err(StoreFault::Column { column }),
        }
    }
}
