//! The shared engine: PostgreSQL 13 or newer, for several watchers.
//!
//! A verb runs on a blocking thread of the runtime and waits there for each statement, at most
//! [`STATEMENT_WAIT`]: a server that has gone silent is a fault and no hang. A deadlock or a serialization
//! failure is tried again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Timeouts};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::engine::{Cell, Clock, Row, Sql};
use super::fault::StoreFault;

/// The timeout of one statement, and of the connection to the server.
const STATEMENT_WAIT: Duration = Duration::from_secs(10);
/// Begins a transaction. What a process that stands still has locked must not hold up the others: the server ends
/// its session.
const BEGIN: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 15000";
/// The number of times that a transaction is tried that others have disturbed.
const TRIES: usize = 5;

/// A pool of connections to one database.
pub(super) struct Postgres {
    pool: Pool,
    place: String,
    clock: Clock,
}

impl Postgres {
    /// A pool for this address, with at most `n_connections`. No connection is made yet.
    ///
    /// # Errors
    /// The address, the CA file or the system's certificates cannot be read.
    pub(super) fn new(
        url: &str,
        password: Option<SecretString>,
        ca_file: Option<&Path>,
        n_connections: usize,
        clock: Clock,
    ) -> Result<Self, StoreFault> {
        let unusable = |reason: String| StoreFault::Unreachable { place: without_password(url), reason };
        let mut config: tokio_postgres::Config = url.parse().map_err(|error: tokio_postgres::Error| {
            unusable(format!("its address cannot be read: {error}"))
        })?;
        if config.get_password().is_some() {
            return Err(unusable(
                "a password does not belong into the address; put it into ~/.pgpass".to_owned(),
            ));
        }
        if let Some(password) = password {
            config.password(password.expose_secret());
        }
        config.connect_timeout(STATEMENT_WAIT).application_name("imsh");
        let tls = MakeRustlsConnect::new(tls(ca_file).map_err(unusable)?);
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, tls, manager))
            .max_size(n_connections)
            .timeouts(Timeouts {
                wait: Some(STATEMENT_WAIT),
                create: Some(STATEMENT_WAIT),
                recycle: Some(STATEMENT_WAIT),
            })
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self { pool, place: without_password(url), clock })
    }

    /// The server and the database, for messages.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Runs `work` in one transaction. Blocks: called on a thread that may.
    pub(super) fn transaction<T>(
        &self,
        handle: &Handle,
        work: &(dyn Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send),
    ) -> Result<T, StoreFault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut sql = PostgresSql { client: None, handle, postgres: self, is_disturbed: false };
            let done = sql.whole(work);
            if done.is_err() {
                sql.give_up();
            }
            if !sql.is_disturbed || tries == TRIES {
                return done;
            }
        }
    }
}

struct PostgresSql<'a> {
    client: Option<Object>,
    handle: &'a Handle,
    postgres: &'a Postgres,
    /// Whether another transaction is the reason of the last fault.
    is_disturbed: bool,
}

impl PostgresSql<'_> {
    fn whole<T>(
        &mut self,
        work: &(dyn Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send),
    ) -> Result<T, StoreFault> {
        let place = &self.postgres.place;
        let client = self
            .handle
            .block_on(self.postgres.pool.get())
            .map_err(|error| StoreFault::Unreachable { place: place.clone(), reason: chain(&error) })?;
        self.client = Some(client);
        self.script(BEGIN)?;
        let done = work(self)?;
        self.script("COMMIT")?;
        Ok(done)
    }

    /// Closes the connection: the server rolls back what was under way.
    fn give_up(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }

    fn written(&self, sql: &str) -> String {
        let now = format!(
            "(CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + {})",
            self.postgres.clock.shift()
        );
        sql.replace("{now}", &now)
            .replace("{lock}", "FOR UPDATE")
            .replace("{claim}", "FOR UPDATE SKIP LOCKED")
    }

    /// Waits for the server's answer, and not for ever.
    fn wait<T>(
        &mut self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreFault> {
        let answer = self.handle.block_on(async { tokio::time::timeout(STATEMENT_WAIT, answer).await });
        match answer {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                self.is_disturbed = error.code().is_some_and(|code| {
                    [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code)
                });
                Err(fault(&self.postgres.place, &error))
            }
            Err(_) => Err(StoreFault::Unreachable {
                place: self.postgres.place.clone(),
                reason: format!("no answer within {} s", STATEMENT_WAIT.as_secs()),
            }),
        }
    }

    /// Runs a prepared statement on the connection of this transaction.
    fn run<T>(
        &mut self,
        sql: &str,
        kept: Kept,
        parameters: &[Cell],
        run: impl AsyncFnOnce(
            &Object,
            tokio_postgres::Statement,
            &[&(dyn ToSql + Sync)],
        ) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreFault> {
        let sql = self.written(sql);
        let Some(client) = self.client.take() else { return Err(StoreFault::Closed) };
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|cell| cell as _).collect();
        let done = self.wait(async {
            let statement = match kept {
                Kept::ForLater => client.prepare_cached(&sql).await?,
                Kept::Never => client.prepare(&sql).await?,
            };
            run(&client, statement, &parameters).await
        });
        self.client = Some(client);
        done
    }

    fn rows(&mut self, sql: &str, kept: Kept, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        let rows = self.run(sql, kept, parameters, async |client, statement, parameters| {
            client.query(&statement, parameters).await
        })?;
        rows.iter().map(row).collect()
    }
}

/// Whether a statement is kept on its connection, prepared.
#[derive(Clone, Copy)]
enum Kept {
    ForLater,
    Never,
}

impl Sql for PostgresSql<'_> {
    fn execute(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<u64, StoreFault> {
        self.run(sql, Kept::ForLater, parameters, async |client, statement, parameters| {
            client.execute(&statement, parameters).await
        })
    }

    fn query(&mut self, sql: &'static str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        self.query_composed(sql, parameters)
    }

    fn query_composed(&mut self, sql: &str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        self.rows(sql, Kept::ForLater, parameters)
    }

    fn query_list(&mut self, sql: &str, parameters: &[Cell]) -> Result<Vec<Row>, StoreFault> {
        self.rows(sql, Kept::Never, parameters)
    }

    fn has_table(&mut self, name: &str) -> Result<bool, StoreFault> {
        let found = self.query(
            "SELECT CAST(count(*) AS BIGINT) FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = $1",
            &[name.into()],
        )?;
        Ok(found.first().map(|row| row.int(0)).transpose()? == Some(1))
    }

    fn script(&mut self, sql: &str) -> Result<(), StoreFault> {
        let sql = self.written(sql);
        let Some(client) = self.client.take() else { return Err(StoreFault::Closed) };
        let done = self.wait(client.batch_execute(&sql));
        self.client = Some(client);
        done
    }
}

/// A row's cells: texts, and whole numbers of any width.
fn row(row: &tokio_postgres::Row) -> Result<Row, StoreFault> {
    let cell = |column: usize| {
        let kind = row.columns()[column].type_();
        let fault = |_| StoreFault::Column { column };
        Ok(match *kind {
            Type::INT8 => row.try_get::<_, Option<i64>>(column).map_err(fault)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(column).map_err(fault)?.map(i64::from).into(),
            Type::NUMERIC => {
                let number = row.try_get::<_, Option<Numeric>>(column).map_err(fault)?;
                number.map(|Numeric(number)| number).into()
            }
            _ => row.try_get::<_, Option<String>>(column).map_err(fault)?.into(),
        })
    };
    let cells: Result<Vec<Cell>, StoreFault> = (0..row.len()).map(cell).collect();
    Ok(Row(cells?))
}

/// The whole part of a `numeric`, which PostgreSQL makes of a sum of whole numbers.
struct Numeric(i64);

impl<'a> tokio_postgres::types::FromSql<'a> for Numeric {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // Number of digits in base 10 000, weight of the first one, sign, scale, digits.
        let word = |at: usize| -> Result<i16, Box<dyn std::error::Error + Sync + Send>> {
            Ok(i16::from_be_bytes(raw.get(at..at + 2).ok_or("too short")?.try_into()?))
        };
        let (n_digits, weight, sign) = (word(0)?, word(2)?, word(4)?);
        let mut number: i64 = 0;
        for place in 0..=weight.max(-1) {
            let digit = if place < n_digits { word(8 + 2 * usize::try_from(place)?)? } else { 0 };
            number = number
                .checked_mul(10_000)
                .and_then(|n| n.checked_add(i64::from(digit)))
                .ok_or("too large")?;
        }
        Ok(Self(if sign == 0 { number } else { -number }))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::NUMERIC
    }
}

impl ToSql for Cell {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *kind == Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
            Self::Int(value) => value.to_sql(kind, out),
            // PostgreSQL takes no NUL in a text.
            Self::Text(value) if value.contains('\0') => value.replace('\0', "\u{fffd}").to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// TLS with the system's roots, or with those of one file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    use rustls_pki_types::pem::PemObject;
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let certificates = rustls_pki_types::CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("its CA file {} cannot be read: {error}", path.display()))?;
            roots.add_parsable_certificates(certificates);
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The address without what stands between the user's name and `@`.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "postgres".to_owned() };
    let rest = rest.split('?').next().unwrap_or(rest);
    let shown = match rest.split_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or(user);
            format!("{user}@{host}")
        }
        None => rest.to_owned(),
    };
    format!("{scheme}://{shown}")
}

fn fault(place: &str, error: &tokio_postgres::Error) -> StoreFault {
    let (place, reason) = (place.to_owned(), chain(error));
    let Some(code) = error.code() else { return StoreFault::Unreachable { place, reason } };
    match code {
        code if *code == SqlState::DISK_FULL => StoreFault::Full { place },
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreFault::ReadOnly { place },
        code if *code == SqlState::LOCK_NOT_AVAILABLE => StoreFault::Locked { place },
        // Class 57: the server is shutting down or starting; class 08: the connection; class 28: no logon.
        code if ["57", "08", "28", "3D", "53"].iter().any(|class| code.code().starts_with(class)) => {
            StoreFault::Unreachable { place, reason }
        }
        _ => StoreFault::Refused { place, reason },
    }
}

/// Returns the message of an error, followed by those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    words
}
