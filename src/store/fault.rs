//! Faults of the store: the reasons why it could not do what it was asked.

use std::path::PathBuf;

/// A fault of the store. None of them is a reason for a verification to fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// The file or the server cannot be reached or opened.
    #[error("the store {place} cannot be opened: {reason}")]
    Unreachable {
        /// The file, or the address of the server without its password.
        place: String,
        /// The message of the system or the server.
        reason: String,
    },
    /// Another process held the store for longer than the wait for its lock.
    #[error("the store {place} is locked by another process")]
    Locked {
        /// The file or the server.
        place: String,
    },
    /// The disk is full, or the quota is.
    #[error("the disk of the store {place} is full")]
    Full {
        /// The file or the server.
        place: String,
    },
    /// The account may read the store and not write it.
    #[error("the store {place} is read-only")]
    ReadOnly {
        /// The file or the server.
        place: String,
    },
    /// The file is no database, or is damaged.
    #[error("the store {place} is damaged: {reason}")]
    Damaged {
        /// The file or the server.
        place: String,
        /// The message of the engine.
        reason: String,
    },
    /// The file or the database holds another program's tables.
    #[error("{place} is no store of imsh: it holds tables of another program")]
    Foreign {
        /// The file or the server.
        place: String,
    },
    /// The store was written by a newer version of imsh.
    #[error("the store {place} has schema version {found}, and this imsh knows versions up to {known}")]
    Newer {
        /// The file or the server.
        place: String,
        /// The version of the store.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The store has an older schema, and migrating it is an administrator's decision.
    #[error("the store {place} has schema version {found}, and this imsh needs {needed}")]
    Older {
        /// The server.
        place: String,
        /// The version of the store; 0 where it is empty.
        found: i64,
        /// The version that is needed.
        needed: i64,
    },
    /// The engine refused a statement.
    #[error("the store {place} refused a statement: {reason}")]
    Refused {
        /// The file or the server.
        place: String,
        /// The message of the engine.
        reason: String,
    },
    /// A column holds another kind of value than the schema says.
    #[error("column {column} of a row is not of the schema's type")]
    Column {
        /// The column, from 0.
        column: usize,
    },
    /// A stored result cannot be read.
    #[error("the stored result {id} cannot be read: {reason}")]
    Unreadable {
        /// The result's identifier.
        id: String,
        /// The description of what is wrong with the result.
        reason: String,
    },
    /// The store's thread has ended.
    #[error("the store has been closed")]
    Closed,
}

/// The place of a store on this machine, for messages.
pub(super) fn place(path: &std::path::Path) -> String {
    PathBuf::from(path).display().to_string()
}
