//! The topology: pools, test users, partners, gateway settings, roles; one TOML document.
//!
//! Ground: read once by the front end, asked by every layer above. [`Topology::load`] tells all
//! mistakes of a document at once and accepts no document that has one. Never holds a password,
//! never asks the network, never reads the environment.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::access::{self, Access, audit};
pub use crate::address::{Address, Domain};
use crate::secret::Credential;
use crate::trusted;
use crate::value::Record;

// Reading order.
pub mod places;
pub mod schema;
pub mod setting;
mod read;
mod section;
mod mistake;
pub mod edit;
pub mod sample;
pub mod duration;
mod size;
mod days;
mod listen;
mod text;
pub mod watching;

pub use days::Days;
pub use listen::ListenAddress;
pub use mistake::Mistake;
pub use places::TopologyPlaces;
pub use schema::{
    AuditTable, Gateway, General, HttpTable, Notification, Partner, Pool, Resolver, StoreTable, WatchEntry,
};
use setting::Table;
pub use setting::{SettingsTable, Words};
pub use size::Size;
pub use text::MessageText;
pub use watching::{
    CommandWord, CronText, NotificationKind, NotifiedOwner, PoolPattern, ReceiverPattern, TestingSites,
    WatchedTest, ZoneName,
};

/// A whole topology document, checked.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The document; empty where there is none.
    pub path: PathBuf,
    /// The settings for the whole document.
    pub general: General,
    /// The pools, in the order of the document.
    pub pools: Vec<Pool>,
    /// The allowed partners; `None` where the document has no partner list at all, and any domain
    /// is allowed.
    pub partners: Option<Vec<Partner>>,
    /// Settings for every verification.
    pub gateway: Gateway,
    /// The settings for the resolution of names.
    pub resolver: Resolver,
    /// The settings of the store for the results of tests.
    pub store: StoreTable,
    /// The settings for what a watcher serves over HTTP.
    pub http: HttpTable,
    /// The tests that a watcher repeats.
    pub watches: Vec<WatchEntry>,
    /// The recipients of notifications when a watched state turns.
    pub notifications: Vec<Notification>,
    /// The rules of who may do what; `None` where the document does not say, and its owner may do everything.
    pub access: Option<Access>,
    /// The settings of the audit log of calls; `None` where the document does not say, and the defaults hold from
    /// the moment that it says who may do what.
    pub audit: Option<AuditTable>,
    /// The remarks about settings that are allowed and probably not meant.
    pub remarks: Vec<Mistake>,
}

impl Pool {
    /// Whether it serves a domain.
    pub fn serves(&self, domain: &Domain) -> bool {
        self.domains.contains(domain)
    }

    /// Whether passwords go the same way as with another state of this pool: to the same servers,
    /// under the same checks, of the same accounts. A change of that way is an administrator's.
    pub fn sends_passwords_as(&self, other: &Self) -> bool {
        fn way(pool: &Pool) -> impl PartialEq + '_ {
            let servers = (&pool.identity, &pool.servers, pool.registrar_port, &pool.domains);
            (servers, pool.security, &pool.ca_file, pool.allow_plain, pool.logon_name, &pool.test_users)
        }
        way(self) == way(other)
    }

    /// The account that a credential means here: the one that it is stored for; else its name where that
    /// is an address, or its name at the pool's first domain.
    pub fn account_of(&self, credential: &Credential) -> Option<Address> {
        if let Some(account) = &credential.stored_for {
            return account.parse().ok();
        }
        let at_home = || {
            let domain = self.domains.first()?;
            format!("{}@{domain}", credential.logon_name()).parse().ok()
        };
        credential.user_name.parse().ok().or_else(at_home)
    }

    /// Whether it lists an account as a test user.
    pub fn lists(&self, account: &Address) -> bool {
        self.test_users.contains(account)
    }
}

/// One server of a pool: `host`, `host:port`, `192.0.2.1:5222` or `[2001:db8::1]:5222`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Server {
    /// Its name or address.
    pub host: Domain,
    /// Its port, where it is not the pool's.
    pub port: Option<u16>,
}

impl FromStr for Server {
    type Err = ServerFault;

    fn from_str(written: &str) -> Result<Self, ServerFault> {
        let fault = || ServerFault { written: written.chars().take(80).collect() };
        let (host, port) = match written.rsplit_once(':') {
            // Colons in the host without brackets, or brackets last: an IPv6 address without a port.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (written, None),
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(fault)?))
            }
            Some(_) => return Err(fault()),
            None => (written, None),
        };
        Ok(Self { host: host.parse().map_err(|_| fault())?, port })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

/// A text that names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{written:?} is no server: write host, host:port, 192.0.2.1:5222 or [2001:db8::1]:5222")]
pub struct ServerFault {
    /// The text as written, at most 80 characters of it.
    pub written: String,
}

/// The way in which TLS begins on a pool's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// As the pool's SRV records say; STARTTLS where there are none.
    #[default]
    Auto,
    /// STARTTLS (RFC 6120, section 5).
    StartTls,
    /// TLS from the first byte (XEP-0368).
    Direct,
}

/// The way in which the name to authenticate with is formed from a credential's user name.
///
/// Where the credential has no name of its own, the account's address stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogonName {
    /// `local`: the name alone; `litwareinc\kenmyer` and `kenmyer@litwareinc.com` become `kenmyer`.
    #[default]
    Local,
    /// `bare`: `kenmyer@litwareinc.com`, with the account's domain where the name has none.
    Bare,
    /// `as_written`: the credential's user name, letter for letter.
    AsWritten,
}

impl LogonName {
    /// The name to authenticate with as `account`.
    pub fn of(self, account: &Address, credential: &Credential) -> String {
        if credential.user_name.is_empty() {
            return match self {
                Self::Local => account.local().to_owned(),
                Self::Bare | Self::AsWritten => account.to_string(),
            };
        }
        match self {
            Self::Local => credential.logon_name().to_owned(),
            Self::Bare => match credential.user_name.split_once('@') {
                Some((_, domain)) => format!("{}@{domain}", credential.logon_name()),
                None => format!("{}@{}", credential.logon_name(), account.domain()),
            },
            Self::AsWritten => credential.user_name.clone(),
        }
    }
}

/// The evidence of how far a message has come, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// Written to the pool's stream.
    Sent,
    /// The pool took it.
    AcceptedByPool,
    /// The partner's server answered behind it.
    AcceptedByPartner,
    /// The receiver's client has it.
    Delivered,
    /// The receiver answered.
    Exchanged,
}

impl Evidence {
    /// Finds a level by its name in any letter case.
    pub fn named(written: &str) -> Option<Self> {
        let mut levels = Self::SPELLINGS.iter();
        levels.find(|(name, _)| name.eq_ignore_ascii_case(written)).map(|(_, level)| *level)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Partner {
    /// Whether a domain is this partner's, the primary or an additional one.
    pub fn has(&self, domain: &Domain) -> bool {
        self.domain == *domain || self.additional_domains.contains(domain)
    }
}

/// Whether a partner's server must offer TLS. The original's default is `Required`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsNegotiation {
    /// A partner without TLS is a fault.
    #[default]
    Required,
    /// It may do without.
    Optional,
    /// It has none.
    NotSupported,
}

/// The kind of stanza that is sent behind a message to learn that the partner's server has taken it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FenceSetting {
    /// A message and a ping.
    #[default]
    Auto,
    /// A ping to the partner's domain (XEP-0199).
    Ping,
    /// A message to an address that nobody has, which the partner bounces.
    Message,
}

/// Whether calls are copied to syslog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyslogCopies {
    /// Only where a syslog daemon listens.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always: a call whose copy nobody takes does not run.
    Required,
}

setting::words! {
    Security { "auto" = Auto, "starttls" = StartTls, "direct" = Direct }
    LogonName { "local" = Local, "bare" = Bare, "as_written" = AsWritten }
    Evidence {
        "Sent" = Sent,
        "AcceptedByPool" = AcceptedByPool,
        "AcceptedByPartner" = AcceptedByPartner,
        "Delivered" = Delivered,
        "Exchanged" = Exchanged,
    }
    TlsNegotiation { "Required" = Required, "Optional" = Optional, "NotSupported" = NotSupported }
    FenceSetting { "auto" = Auto, "ping" = Ping, "message" = Message }
    SyslogCopies { "auto" = Auto, "off" = Off, "required" = Required }
}

impl AuditTable {
    /// Returns the settings of the log.
    pub fn settings(&self) -> audit::AuditSettings {
        let sockets = match &self.syslog_socket {
            Some(socket) => vec![socket.clone()],
            None => audit::Syslog::usual_sockets(),
        };
        let syslog = match self.syslog {
            SyslogCopies::Off => audit::Syslog::OFF,
            SyslogCopies::Auto => audit::Syslog { sockets, is_required: false },
            SyslogCopies::Required => audit::Syslog { sockets, is_required: true },
        };
        audit::AuditSettings {
            max_file_bytes: self.max_file_size.0,
            keep_files: self.keep_files.and_then(|kept| usize::try_from(kept).ok()),
            must_reach_disk: self.must_reach_disk,
            syslog,
        }
    }
}

/// The test users of a topology, each with the first pool that lists it, as [`Topology::test_user_of`] finds it.
#[derive(Debug)]
pub struct TestUserIndex<'t>(HashMap<&'t Address, &'t Pool>);

impl<'t> TestUserIndex<'t> {
    /// The first pool that lists an account as a test user.
    pub fn pool_of(&self, account: &Address) -> Option<&'t Pool> {
        self.0.get(account).copied()
    }
}

/// The largest document that is read, in bytes: room for some thirty thousand pools.
pub const MAX_DOCUMENT_BYTES: u64 = 8 * 1024 * 1024;

impl Topology {
    /// The document as a sentence names it: its path, or "the topology" where there is none or none is shown.
    pub fn place(&self) -> String {
        match self.path.as_os_str().is_empty() {
            true => "the topology".to_owned(),
            false => self.path.display().to_string(),
        }
    }

    /// Reads and checks a document.
    ///
    /// # Errors
    /// Every mistake of the document, in its order.
    pub fn load(path: &Path) -> Result<Self, Vec<Mistake>> {
        let text = read_text(path).map_err(|mistake| vec![mistake])?;
        Self::parse(&text, path)
    }

    /// As [`Topology::load`], of a document that was opened at `path`; roles may name these cmdlets and
    /// their parameters, and no others.
    ///
    /// # Errors
    /// As [`Topology::load`].
    pub fn read_for(
        document: std::io::Result<File>,
        path: &Path,
        known: &dyn access::KnownCmdlets,
    ) -> Result<Self, Vec<Mistake>> {
        let text = contents(document, path).map_err(|mistake| vec![mistake])?;
        check_size(&text, path)?;
        read::document(&text, path, Some(known))
    }

    /// Checks a document that was read from `path`; relative paths in it are seen from there.
    ///
    /// # Errors
    /// Every mistake of the document, in its order.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Vec<Mistake>> {
        check_size(text, path)?;
        read::document(text, path, None)
    }

    /// Every table with the values that hold, whether the document has it or not.
    pub fn tables(&self) -> Vec<(Table, Record)> {
        fn table<T: SettingsTable>(of: &T) -> (Table, Record) {
            (T::TABLE, of.record("Table"))
        }
        let pools = self.pools.iter().map(table);
        let partners = self.partners.iter().flatten().map(table);
        let audit = self.audit.clone().unwrap_or_default();
        std::iter::once(table(&self.general))
            .chain(pools)
            .chain(partners)
            .chain([table(&self.gateway), table(&self.resolver), table(&self.store), table(&self.http)])
            .chain(self.watches.iter().map(table))
            .chain(self.notifications.iter().map(table))
            .chain([table(&audit)])
            .collect()
    }

    /// The pool of this FQDN, in any letter case, with a trailing dot or `xn--` labels.
    pub fn pool(&self, fqdn: &str) -> Option<&Pool> {
        let fqdn: Domain = fqdn.parse().ok()?;
        self.pools.iter().find(|pool| pool.identity == fqdn)
    }

    /// The names that pools go by, for the nearest to one that none has.
    pub fn pool_names(&self) -> impl Iterator<Item = &str> {
        self.pools
            .iter()
            .flat_map(|pool| std::iter::once(&pool.identity).chain(&pool.aliases).map(|name| name.as_str()))
    }

    /// The pool that a name means: its identity, an alias, or a server's name or address that
    /// belongs to one pool alone.
    ///
    /// A name that this method does not resolve belongs to no pool of the topology.
    pub fn canonical_pool(&self, name: &str) -> Option<&Pool> {
        let server: Server = name.trim().parse().ok()?;
        let host = &server.host;
        if server.port.is_none() {
            let named = self.pools.iter().find(|pool| pool.identity == *host || pool.aliases.contains(host));
            if named.is_some() {
                return named;
            }
        }
        let is_meant = |listed: &Server, pool: &Pool| {
            listed.host == *host
                && (server.port.is_none() || server.port == listed.port.or(pool.registrar_port))
        };
        let mut owners =
            self.pools.iter().filter(|pool| pool.servers.iter().any(|listed| is_meant(listed, pool)));
        match (owners.next(), owners.next()) {
            (Some(owner), None) => Some(owner),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The name that results give to a pool, however it is spelt: its identity, or what was given where it is not
    /// listed.
    pub fn pool_name(&self, name: &str) -> String {
        self.canonical_pool(name).map_or_else(|| name.to_owned(), |pool| pool.identity.to_string())
    }

    /// The first pool that serves a domain.
    pub fn pool_serving(&self, domain: &Domain) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.serves(domain))
    }

    /// The partner that a domain belongs to, as its primary or an additional one.
    pub fn partner_for(&self, domain: &Domain) -> Option<&Partner> {
        self.partners.iter().flatten().find(|partner| partner.has(domain))
    }

    /// Whether messages may go to a domain: one of our own, an allowed partner's, or any at all
    /// where there is no partner list.
    pub fn allows(&self, domain: &Domain) -> bool {
        self.partners.is_none() || self.pool_serving(domain).is_some() || self.partner_for(domain).is_some()
    }

    /// The first pool that lists an account as a test user.
    pub fn test_user_of(&self, account: &Address) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.lists(account))
    }

    /// The index of all test users: for whoever looks up many of them.
    pub fn test_users(&self) -> TestUserIndex<'_> {
        let mut index = HashMap::new();
        for pool in &self.pools {
            for account in &pool.test_users {
                index.entry(account).or_insert(pool);
            }
        }
        TestUserIndex(index)
    }

    /// Every pool that lists an account as a test user: where its stored secret may go.
    pub fn pools_listing<'t>(&'t self, account: &'t Address) -> impl Iterator<Item = &'t Pool> {
        self.pools.iter().filter(move |pool| pool.lists(account))
    }

    /// The sites of the pools, each once, as the first pool spells it.
    pub fn sites(&self) -> Vec<&str> {
        let mut seen = std::collections::BTreeSet::new();
        let named = self.pools.iter().filter_map(|pool| pool.site.as_deref());
        named.filter(|site| seen.insert(crate::access::scope::site_key(site))).collect()
    }
}

fn check_size(text: &str, path: &Path) -> Result<(), Vec<Mistake>> {
    if text.len() as u64 <= MAX_DOCUMENT_BYTES {
        return Ok(());
    }
    let message = format!("is larger than {} MiB", MAX_DOCUMENT_BYTES >> 20);
    Err(vec![Mistake::in_file(path, message, None)])
}

fn read_text(path: &Path) -> Result<String, Mistake> {
    contents(trusted::open(path), path)
}

fn contents(document: std::io::Result<File>, path: &Path) -> Result<String, Mistake> {
    let in_file = |message: String| Mistake::in_file(path, message, None);
    let mut bytes = Vec::new();
    document
        .and_then(|file| file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|fault| in_file(format!("cannot be read: {fault}")))?;
    String::from_utf8(bytes).map_err(|fault| {
        let valid = fault.utf8_error().valid_up_to();
        let line = fault.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        in_file(format!("is not UTF-8 text: line {line} has a byte that is none"))
    })
}

#[cfg(test)]
mod tests;
