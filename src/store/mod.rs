//! Results that last: runs, results, states, changes and notices, in SQLite or PostgreSQL.
//!
//! Stands beside `verify` and below `host`: whoever tests hands a result to a [`Recorder`], and reads it
//! back through a [`Store`]. One set of verbs over two engines; a row is a plain value. The store is never
//! trusted with a secret, and a store that is slow, locked, full, damaged or away never fails a test.

// Reading order: the verbs as they are used, then what they stand on.
pub mod record;
mod inferred;
pub mod state;
pub mod query;
pub mod overview;
pub mod convert;
pub mod plan;
pub mod request;
pub mod notice;
pub mod roles;
pub mod histogram;
pub mod recorder;
mod spool;
pub mod fault;
mod migrate;
mod engine;
mod sqlite;
mod postgres;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::engine::Clock;
pub use self::engine::Sql;
pub use self::fault::StoreFault;
pub use self::inferred::{Inferences, LastTests};
pub use self::migrate::newest as newest_schema;
pub use self::notice::{Notice, NoticeKind};
pub use self::plan::{ANY_SITE, Claim, Planned, WatcherRow};
use self::postgres::Postgres;
pub use self::query::{
    DAY, KnownPair, ResultFilter, RollupSpan, Run, SiteSummary, StoredResult, StoredState, TrendPoint,
};
pub use self::record::{Channel, Lease, NewResult, PairName, StoredOutcome};
pub use self::recorder::Recorder;
pub use self::request::{RequestProgress, SiteAnswer, SiteRequest, SiteTest};
pub use self::roles::AccountUse;
pub use self::spool::Spool;
use self::sqlite::{FileKind, Job};
pub use self::state::PairState;
use crate::trusted::Directory;

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    clock: Clock,
}

enum Engine {
    Sqlite { path: PathBuf, writer: mpsc::Sender<Job>, reader: Mutex<Option<mpsc::Sender<Job>>> },
    Postgres(Postgres),
}

/// The options for a PostgreSQL server beside its address.
#[derive(Default)]
pub struct PostgresOptions {
    /// The password, from where the caller found it.
    pub password: Option<SecretString>,
    /// The certificates that the server's must be issued by; the system's where none are given.
    pub ca_file: Option<PathBuf>,
    /// The maximum number of connections; 0 stands for the default of 4.
    pub n_connections: usize,
}

impl Store {
    /// Opens the file of the embedded engine, which is made where it is missing, and brings its schema up
    /// to date.
    ///
    /// # Errors
    /// The file cannot be opened or migrated, or was written by a newer imsh or another program.
    pub async fn open(path: &Path) -> Result<Self, StoreFault> {
        let (path, clock) = (path.to_owned(), Clock::default());
        let own = clock.clone();
        let opened = tokio::task::spawn_blocking(move || {
            make_private(&path)?;
            let writer = sqlite::start(&path, FileKind::Store, own)?;
            Ok(Engine::Sqlite { path, writer, reader: Mutex::default() })
        });
        let store = Self { engine: Arc::new(opened.await.map_err(|_| StoreFault::Closed)??), clock };
        store.migrate().await?;
        Ok(store)
    }

    /// Connects to a PostgreSQL server: `postgres://user@host/database`. Its schema must be up to date.
    ///
    /// # Errors
    /// The address or the server is unusable, or the schema is older or newer ([`Self::migrate`]).
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, StoreFault> {
        let store = Self::connect_unchecked(url, options)?;
        let (found, needed) = (store.version().await?, migrate::newest());
        let place = store.place();
        match found.cmp(&needed) {
            std::cmp::Ordering::Less => Err(StoreFault::Older { place, found, needed }),
            std::cmp::Ordering::Greater => Err(StoreFault::Newer { place, found, known: needed }),
            std::cmp::Ordering::Equal => Ok(store),
        }
    }

    /// The same without a look at the schema, for whoever migrates it.
    ///
    /// # Errors
    /// The address is unusable.
    pub fn connect_unchecked(url: &str, options: PostgresOptions) -> Result<Self, StoreFault> {
        let n_connections = if options.n_connections == 0 { 4 } else { options.n_connections };
        let clock = Clock::default();
        let ca_file = options.ca_file.as_deref();
        let postgres = Postgres::new(url, options.password, ca_file, n_connections, clock.clone())?;
        Ok(Self { engine: Arc::new(Engine::Postgres(postgres)), clock })
    }

    /// Moves the store's clock ahead by so many microseconds, for simulations of a long time.
    pub fn advance_clock(&self, by: i64) {
        self.clock.advance(by);
    }

    /// Brings the schema up to date; returns the version that it had.
    ///
    /// # Errors
    /// The store cannot be written, or was written by a newer imsh.
    pub async fn migrate(&self) -> Result<i64, StoreFault> {
        let place = self.place();
        self.write(move |sql| migrate::migrate(sql, migrate::newest(), &place)).await
    }

    /// Lets an account of a shared database do what its use takes.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn grant(&self, account: &str, of: &AccountUse) -> Result<(), StoreFault> {
        let (account, of) = (account.to_owned(), of.clone());
        self.write(move |sql| roles::grant(sql, &account, &of)).await
    }

    /// The version of the schema; 0 where the store is empty.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn version(&self) -> Result<i64, StoreFault> {
        self.read(migrate::version).await
    }

    /// The file or the server, for messages; never with a password.
    pub fn place(&self) -> String {
        match &*self.engine {
            Engine::Sqlite { path, .. } => path.display().to_string(),
            Engine::Postgres(postgres) => postgres.place().to_owned(),
        }
    }

    /// Whether several watchers share it.
    pub fn is_shared(&self) -> bool {
        matches!(&*self.engine, Engine::Postgres(_))
    }

    /// Runs `work` in one transaction that may write. It may be run again where another transaction has
    /// disturbed it.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
    ) -> Result<T, StoreFault> {
        match &*self.engine {
            Engine::Sqlite { writer, .. } => on_thread(writer, true, work).await,
            Engine::Postgres(_) => self.on_server(work).await,
        }
    }

    /// Runs `work` in one transaction that only reads, beside whoever writes.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
    ) -> Result<T, StoreFault> {
        match &*self.engine {
            Engine::Sqlite { path, reader, .. } => {
                let known = reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let jobs = match known {
                    Some(jobs) => jobs,
                    None => {
                        let jobs = sqlite::start(path, FileKind::Store, self.clock.clone())?;
                        *reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(jobs.clone());
                        jobs
                    }
                };
                on_thread(&jobs, false, work).await
            }
            Engine::Postgres(_) => self.on_server(work).await,
        }
    }

    async fn on_server<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
    ) -> Result<T, StoreFault> {
        let (engine, handle) = (self.engine.clone(), Handle::current());
        let done = tokio::task::spawn_blocking(move || match &*engine {
            Engine::Postgres(postgres) => postgres.transaction(&handle, &work),
            Engine::Sqlite { .. } => Err(StoreFault::Closed),
        });
        done.await.map_err(|_| StoreFault::Closed)?
    }
}

/// Runs `work` on the thread that owns a connection to the file.
async fn on_thread<T: Send + 'static>(
    jobs: &mpsc::Sender<Job>,
    may_write: bool,
    work: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
) -> Result<T, StoreFault> {
    use rusqlite::TransactionBehavior::{Deferred, Immediate};
    let (answer, answered) = oneshot::channel();
    let behavior = if may_write { Immediate } else { Deferred };
    let job: Job = Box::new(move |connection| {
        // Whoever asked may have gone; the work is done all the same.
        let _ = answer.send(connection.transaction(behavior, &work));
    });
    jobs.send(job).map_err(|_| StoreFault::Closed)?;
    answered.await.map_err(|_| StoreFault::Closed)?
}

/// Makes the file and its directory, which nobody else may read.
fn make_private(path: &Path) -> Result<(), StoreFault> {
    let unreachable = |error: std::io::Error| StoreFault::Unreachable {
        place: fault::place(path),
        reason: error.to_string(),
    };
    let name = path.file_name().ok_or_else(|| unreachable(std::io::ErrorKind::InvalidInput.into()))?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = Directory::create(directory.unwrap_or(Path::new("."))).map_err(unreachable)?;
    match directory.create_new(name) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unreachable(error)),
    }
}
