//! The spool: results that wait on this machine for a store that is away.
//!
//! One SQLite file beside the watcher's state. A result is forgotten once the store has it; the store drops
//! a second copy, so that a crash between the two loses and doubles nothing.

use std::path::Path;
use std::sync::mpsc;

use uuid::Uuid;

use super::engine::{Clock, Sql};
use super::sqlite::{self, FileKind, Job};
use super::{NewResult, StoreFault, make_private, on_thread};

/// An open spool.
#[derive(Clone)]
pub struct Spool(mpsc::Sender<Job>);

impl Spool {
    /// Opens the file, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be opened or written.
    pub async fn open(path: &Path) -> Result<Self, StoreFault> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            make_private(&path)?;
            sqlite::start(&path, FileKind::Spool, Clock::default())
        });
        let spool = Self(opened.await.map_err(|_| StoreFault::Closed)??);
        let table = "CREATE TABLE IF NOT EXISTS spool (id TEXT PRIMARY KEY, result TEXT NOT NULL)";
        on_thread(&spool.0, true, move |sql| sql.script(table)).await?;
        Ok(spool)
    }

    /// Keeps results; all of them or none.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub async fn keep(&self, results: Vec<NewResult>) -> Result<(), StoreFault> {
        let rows: Result<Vec<(String, String)>, StoreFault> = results
            .iter()
            .map(|result| match serde_json::to_string(result) {
                Ok(text) => Ok((result.id.to_string(), text)),
                Err(error) => {
                    Err(StoreFault::Unreadable { id: result.id.to_string(), reason: error.to_string() })
                }
            })
            .collect();
        let rows = rows?;
        let keep = move |sql: &mut dyn Sql| {
            for (id, text) in &rows {
                sql.execute(
                    "INSERT INTO spool (id, result) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                    &[id.into(), text.into()],
                )?;
            }
            Ok(())
        };
        on_thread(&self.0, true, keep).await
    }

    /// The oldest results, at most so many.
    ///
    /// # Errors
    /// The spool cannot be read.
    pub async fn oldest(&self, most: usize) -> Result<Vec<NewResult>, StoreFault> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = on_thread(&self.0, false, move |sql| {
            sql.query("SELECT id, result FROM spool ORDER BY id LIMIT $1", &[most.into()])
        });
        let unreadable =
            |id, error: serde_json::Error| StoreFault::Unreadable { id, reason: error.to_string() };
        let read = |row: &super::engine::Row| {
            let id = row.text(0)?;
            serde_json::from_str(&row.text(1)?).map_err(|error| unreadable(id, error))
        };
        rows.await?.iter().map(read).collect()
    }

    /// Forgets results that the store has.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub async fn forget(&self, results: Vec<Uuid>) -> Result<(), StoreFault> {
        let forget = move |sql: &mut dyn Sql| {
            for id in &results {
                sql.execute("DELETE FROM spool WHERE id = $1", &[id.to_string().into()])?;
            }
            Ok(())
        };
        on_thread(&self.0, true, forget).await
    }
}
