//! The place where a session keeps the results of its tests: a file, or a database and the password for it.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::cli::{SessionOptions, print};
use super::exit::ExitStatus;
use super::output::Console;
use super::start::topology;
use crate::call::results::KeptResults;
use crate::store::plan::forget_site;
use crate::store::{AccountUse, Store, StoreFault, newest_schema};
use crate::topology::{Topology, places};
use crate::trusted;
use crate::watch::plan::WatchPlan;

/// The name of the file in the state directory.
const FILE: &str = "results.sqlite";
/// The passwords of databases in the home of an account, as `libpq` has them.
const PASSWORDS: &str = ".pgpass";
/// The credential of systemd's that holds the password of the database.
const CREDENTIAL: &str = "imsh-store-password";

/// Returns the place where the results of a session go: `--store`; else what the topology says; else the state
/// directory. On the practice network only where `--store` asks for it.
pub fn kept_results(options: &SessionOptions) -> KeptResults {
    let file = match &options.store {
        Some(file) => Some(file.clone()),
        None if options.lab => None,
        None => state_directory().map(|directory| directory.join(FILE)),
    };
    KeptResults::new(file, options.store.is_some(), Some(Arc::new(password)))
}

/// Returns the place where the results of a delegated session go: what the topology says, else the file in the
/// account's state directory. The password of a database is the account's, from the `.pgpass` there.
pub fn of_account() -> KeptResults {
    let state = Path::new(places::STATE);
    let password = |url: &str| password_in(&state.join(PASSWORDS), url);
    KeptResults::new(Some(state.join(FILE)), false, Some(Arc::new(password)))
}

/// The task that is to be done with a store.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum StoreTask {
    /// Say which version the schema has
    Check,
    /// Bring the schema up to date
    Migrate,
    /// Let an account of the database read, or write what a site has seen
    #[command(
        long_about = "Lets an account of the database, made before by CREATE ROLE … LOGIN, read everything (--reader), or write what one site has seen (--site): the account of that site's watchers, whose results are of that site, cannot be changed afterwards, and lead no other site's schedule. Run it as the owner of the tables, who ran migrate; run it again after a migration. Without it every watcher is the owner."
    )]
    Grant {
        /// The account, as PostgreSQL knows it
        account: String,
        /// The site whose watchers use it
        #[arg(long, value_name = "SITE", required_unless_present = "reader")]
        site: Option<String>,
        /// It only reads
        #[arg(long, conflicts_with = "site")]
        reader: bool,
    },
    /// Forget a site whose watchers will not come back, so that it is not called silent
    Forget {
        /// The site
        site: String,
    },
}

/// Looks after the store that sessions would use. The schema of a file is brought up to date by each
/// session; a database's, which several machines share, by an administrator alone.
pub async fn look_after(options: &SessionOptions, task: StoreTask) -> ExitStatus {
    let output = Console::new(options.output, options.color);
    let topology = match topology(options).read() {
        Ok(topology) => topology,
        Err(error) => {
            output.note(&format!("imsh store: {}", error.message));
            return ExitStatus::Wrong;
        }
    };
    let results = kept_results(options);
    if let Some(missing) = results.file_of(&topology).filter(|file| !file.exists()) {
        let file = missing.display();
        output.note(&format!("imsh store: there is no {file}; the first test whose result is kept makes it"));
        return ExitStatus::Wrong;
    }
    let done = match results.unchecked(&topology).await {
        None => Err("no results are kept here; see [store] in the topology, or give --store FILE".to_owned()),
        Some(Err(fault)) => Err(fault.to_string()),
        Some(Ok(store)) => carry_out(&store, topology, task).await,
    };
    match done {
        Ok(text) => print(format!("{text}\n").as_bytes()),
        Err(text) => {
            output.note(&format!("imsh store: {text}"));
            ExitStatus::Wrong
        }
    }
}

/// Carries out a task; says what was done, or why it was not.
async fn carry_out(store: &Store, topology: Arc<Topology>, task: StoreTask) -> Result<String, String> {
    let (place, newest) = (store.place(), newest_schema());
    let words = |fault: StoreFault| fault.to_string();
    match task {
        StoreTask::Check => match store.version().await.map_err(words)? {
            version if version == newest => Ok(format!("{place}: schema version {version}")),
            version if version < newest => {
                Err(format!("{place}: schema version {version} of {newest}; run imsh store migrate"))
            }
            version => {
                Err(format!("{place}: schema version {version}, and this imsh knows versions up to {newest}"))
            }
        },
        StoreTask::Migrate => Ok(match store.migrate().await.map_err(words)? {
            from if from == newest => format!("{place}: schema version {newest} already"),
            from => format!("{place}: schema version {newest}, from {from}"),
        }),
        StoreTask::Grant { .. } if !store.is_shared() => {
            Err(format!("{place} is a file: who may read and write it is said by its mode"))
        }
        StoreTask::Grant { account, site, reader: _ } => {
            let (of, what) = match site {
                Some(site) => {
                    let what = format!("writes what {site} has seen");
                    (AccountUse::Watcher { site }, what)
                }
                None => (AccountUse::Reader, "reads".to_owned()),
            };
            store.grant(&account, &of).await.map_err(words)?;
            Ok(format!("{place}: {account} {what}"))
        }
        StoreTask::Forget { site } => {
            let channels = WatchPlan::of(topology).channels();
            let of = site.clone();
            let forgotten = store.write(move |sql| forget_site(sql, &of, &channels)).await.map_err(words)?;
            match forgotten {
                true => Ok(format!("{place}: {site} is forgotten; its results are kept as long as others")),
                false => Err(format!("{place}: nothing is known of a site {site}")),
            }
        }
    }
}

/// `$STATE_DIRECTORY` as systemd gives it, else `imsh` in `$XDG_STATE_HOME` or `~/.local/state`.
pub(super) fn state_directory() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    variable("STATE_DIRECTORY")
        .or_else(|| Some(variable("XDG_STATE_HOME")?.join("imsh")))
        .or_else(|| Some(variable("HOME")?.join(".local/state/imsh")))
}

/// The password for a database: systemd's credential, else the first line of `$PGPASSFILE` or `~/.pgpass`
/// that fits its address.
fn password(url: &str) -> Option<SecretString> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let credential = variable("CREDENTIALS_DIRECTORY").map(|directory| directory.join(CREDENTIAL));
    let text = credential.and_then(|file| trusted::open_own(&file).and_then(io::read_to_string).ok());
    if let Some(text) = text.map(Zeroizing::new) {
        return Some(SecretString::from(text.trim_end_matches(['\r', '\n'])));
    }
    let file = variable("PGPASSFILE").or_else(|| Some(variable("HOME")?.join(PASSWORDS)))?;
    password_in(&file, url)
}

/// The password of the first line of a file that fits the address.
fn password_in(file: &Path, url: &str) -> Option<SecretString> {
    let text = Zeroizing::new(private_text(file)?);
    text.lines().find_map(|line| fitting(line, url))
}

/// The text of a file that nobody else may read, as `libpq` demands it.
fn private_text(file: &Path) -> Option<String> {
    let file = trusted::open(file).ok()?;
    let mode = file.metadata().ok()?.permissions().mode();
    (mode & 0o077 == 0).then(|| io::read_to_string(file).ok())?
}

/// The password of a line `host:port:database:user:password`, where it fits the address; `*` fits
/// everything, and a backslash takes the next character as it is.
fn fitting(line: &str, url: &str) -> Option<SecretString> {
    let address = DatabaseAddress::of(url)?;
    let mut fields: Vec<Zeroizing<String>> = vec![Zeroizing::default()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' if fields.len() < 5 => fields.push(Zeroizing::default()),
            '\\' => fields.last_mut()?.extend(letters.next()),
            letter => fields.last_mut()?.push(letter),
        }
    }
    let [host, port, database, user, password] = fields.as_slice() else { return None };
    let fits = |field: &str, own: &str| field == "*" || field == own;
    let is_fitting = fits(host, &address.host)
        && fits(port, &address.port)
        && fits(database, &address.database)
        && fits(user, &address.user);
    (is_fitting && !line.starts_with('#')).then(|| SecretString::from(password.as_str()))
}

/// The parts of `postgres://user@host:port/database` that a password is looked up by.
struct DatabaseAddress {
    host: String,
    port: String,
    database: String,
    user: String,
}

impl DatabaseAddress {
    fn of(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let rest = rest.split('?').next()?;
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = authority.split_once('@').unwrap_or(("", authority));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            Some(_) | None => (place, "5432"),
        };
        let database = if database.is_empty() { user } else { database };
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port.to_owned(),
            database: database.to_owned(),
            user: user.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_line_of_the_password_file_fits_an_address_or_not() {
        let url = "postgres://imsh@db.litwareinc.com/results";
        for (line, password) in [
            ("db.litwareinc.com:5432:results:imsh:swordfish", Some("swordfish")),
            ("*:*:*:imsh:sword\\:fish\\\\", Some("sword:fish\\")),
            ("*:*:*:*:a:b", Some("a:b")),
            ("db.litwareinc.com:5433:results:imsh:swordfish", None),
            ("#*:*:*:*:swordfish", None),
            ("*:*:*:imsh", None),
            ("", None),
        ] {
            let found = fitting(line, url);
            assert_eq!(found.as_ref().map(|found| found.expose_secret()), password, "{line}");
        }
    }
}
