//! The embedded engine: one SQLite file in WAL mode.
//!
//! A thread owns the connection that writes, another one a connection that reads, so that a page can be
//! read while results are written. Several processes share the file; a writer waits for the others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, TransactionBehavior};

use super::engine::{Cell, Clock, Row, Sql};
use super::fault::{StoreFault, place};
use crate::trusted;

/// A job for the thread that owns a connection.
pub(super) type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// The time that a statement waits while another process writes.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Whether a file holds tables, and not the one of these two columns by which ours are known.
const IS_FOREIGN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*') \
     AND (SELECT count(*) FROM pragma_table_info(?1) WHERE name IN (?2, ?3)) < 2";

/// The contents of a file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A store of results.
    Store,
    /// Results that wait for a store.
    Spool,
}

impl FileKind {
    /// The table by which a file of the kind is known, and two of its columns.
    fn mark(self) -> [&'static str; 3] {
        match self {
            Self::Store => ["schema_version", "version", "at"],
            Self::Spool => ["spool", "id", "result"],
        }
    }
}

/// One open connection.
pub(super) struct SqliteConnection {
    connection: Connection,
    path: PathBuf,
    clock: Clock,
    dialect: Dialect,
}

/// The statements of the program in SQLite's words: each is translated once.
#[derive(Default)]
struct Dialect {
    shift: i64,
    translated: HashMap<&'static str, String>,
}

/// Starts the thread of one connection; the sender's end closes it.
///
/// # Errors
/// The file cannot be opened, is no database or another program's, or no thread could be started.
pub(super) fn start(path: &Path, kind: FileKind, clock: Clock) -> Result<mpsc::Sender<Job>, StoreFault> {
    let mut connection = SqliteConnection::open(path, kind, clock)?;
    let (jobs, todo) = mpsc::channel::<Job>();
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || {
            while let Ok(job) = todo.recv() {
                job(&mut connection);
            }
        })
        .map_err(|error| StoreFault::Unreachable { place: place(path), reason: error.to_string() })?;
    Ok(jobs)
}

impl SqliteConnection {
    fn open(path: &Path, kind: FileKind, clock: Clock) -> Result<Self, StoreFault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let fault = |error: rusqlite::Error| fault(path, &error);
        let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
        connection.busy_timeout(LOCK_WAIT).map_err(fault)?;
        // Before anything is set that would change the file.
        if connection.query_row(IS_FOREIGN, kind.mark(), |row| row.get(0)).map_err(fault)? {
            return Err(StoreFault::Foreign { place: place(path) });
        }
        connection.set_prepared_statement_cache_capacity(64);
        connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
        // In WAL mode NORMAL loses nothing when a process is killed; a power cut may lose the last commits.
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(fault)?;
        connection.pragma_update(None, "foreign_keys", "ON").map_err(fault)?;
        // A confined session may write nowhere but beside the store.
        connection.pragma_update(None, "temp_store", "MEMORY").map_err(fault)?;
        // A plan does not depend on what is bound: else a statement is compiled again for each other value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        Ok(Self { connection, path: path.to_owned(), clock, dialect: Dialect::default() })
    }

    /// Runs `work` in one transaction: all of it is stored, or nothing.
    pub(super) fn transaction<T>(
        &mut self,
        behavior: TransactionBehavior,
        work: &(dyn Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send),
    ) -> Result<T, StoreFault> {
        let Self { connection, path, clock, dialect } = self;
        dialect.set_shift(clock.shift());
        let transaction =
            connection.transaction_with_behavior(behavior).map_err(|error| fault(path, &error))?;
        let done = work(&mut SqliteSql { connection: &transaction, path, dialect })?;
        transaction.commit().map_err(|error| fault(path, &error))?;
        Ok(done)
    }
}

struct SqliteSql<'a> {
    connection: &'a Connection,
    path: &'a Path,
    dialect: &'a mut Dialect,
}

impl Dialect {
    fn set_shift(&mut self, shift: i64) {
        if shift != self.shift {
            *self = Self { shift, ..Self::default() };
        }
    }

    fn known(&mut self, sql: &'static str) -> &str {
        let Self { shift, translated } = self;
        translated.entry(sql).or_insert_with(|| Self::translate(sql, *shift))
    }

    fn composed(&self, sql: &str) -> String {
        Self::translate(sql, self.shift)
    }

    fn translate(sql: &str, shift: i64) -> String {
        let now = match shift {
            0 => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)".to_owned(),
            shift => format!("(CAST(unixepoch('subsec') * 1000000 AS INTEGER) + {shift})"),
        };
        sql.replace("{now}", &now).replace("{lock}", "").replace("{claim}", "").replace('$', "?")
    }
}

impl SqliteSql<'_> {
    fn rows(&self, statement: &mut Statement<'_>, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        let fault = |error: rusqlite::Error| fault(self.path, &error);
        let n_columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(fault)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(fault)? {
            let cell = |column| Ok(Cell::from(row.get_ref(column)?));
            let cells: Result<Vec<Cell>, rusqlite::Error> = (0..n_columns).map(cell).collect();
            found.push(Row(cells.map_err(fault)?));
        }
        Ok(found)
    }
}

impl Sql for SqliteSql<'_> {
    fn execute(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<u64, StoreFault> {
        let fault = |error: rusqlite::Error| fault(self.path, &error);
        let mut statement = self.connection.prepare_cached(self.dialect.known(sql)).map_err(fault)?;
        let changed = statement.execute(rusqlite::params_from_iter(parameters)).map_err(fault)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn query(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        let statement = self.connection.prepare_cached(self.dialect.known(sql));
        self.rows(&mut *statement.map_err(|error| fault(self.path, &error))?, parameters)
    }

    fn query_composed(&mut self, sql: &str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        let statement = self.connection.prepare_cached(&self.dialect.composed(sql));
        self.rows(&mut *statement.map_err(|error| fault(self.path, &error))?, parameters)
    }

    fn query_list(&mut self, sql: &str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        let statement = self.connection.prepare(&self.dialect.composed(sql));
        self.rows(&mut statement.map_err(|error| fault(self.path, &error))?, parameters)
    }

    fn has_table(&mut self, name: &str) -> Result<bool, StoreFault> {
        let found =
            self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1", &[name.into()])?;
        Ok(!found.is_empty())
    }

    fn script(&mut self, sql: &str) -> Result<(), StoreFault> {
        self.connection.execute_batch(&self.dialect.composed(sql)).map_err(|error| fault(self.path, &error))
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        })
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            #[expect(clippy::cast_possible_truncation, reason = "sums and means are whole microseconds")]
            ValueRef::Real(value) => Self::Int(value as i64),
            ValueRef::Text(text) | ValueRef::Blob(text) => {
                Self::Text(String::from_utf8_lossy(text).into_owned())
            }
        }
    }
}

/// Converts an error of SQLite into a fault of the store.
fn fault(path: &Path, error: &rusqlite::Error) -> StoreFault {
    let place = place(path);
    // The statement belongs to the program, and is nobody's to read.
    let reason =
        if let rusqlite::Error::SqlInputError { msg, .. } = error { msg.clone() } else { error.to_string() };
    // SQLite maps the index of its log into memory, and names no disk where there is no room for that.
    if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
        return StoreFault::Full { place };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreFault::Locked { place },
        Some(ErrorCode::DiskFull) => StoreFault::Full { place },
        Some(ErrorCode::ReadOnly) => StoreFault::ReadOnly { place },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreFault::Damaged { place, reason },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) if is_read_only(path) => {
            StoreFault::ReadOnly { place }
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            StoreFault::Unreachable { place, reason }
        }
        Some(_) | None => StoreFault::Refused { place, reason },
    }
}

/// Whether a file is there and may not be written; SQLite says no more than that it cannot open what it needs
/// beside it.
fn is_read_only(path: &Path) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    let opened = trusted::open_own_with(path, std::fs::OpenOptions::new().append(true));
    opened.is_err_and(|error| matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem))
}
