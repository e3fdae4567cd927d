//! The settings: every one is stated here, once.
//!
//! A setting is one entry of a table below, and a test of its effect in `tests/settings.rs`, which is
//! red for an entry without one. The entry gives the field that the program reads, its type, bounds
//! and default, the parameter that sets it, the scope that the gate holds the parameter against, and
//! the help. Reading and editing the document, `Get-`, `Set-` and `New-`, `Get-Help about_Topology` and
//! `examples/every-setting.toml` walk these lists.
//!
//! A new table is a `table!` here, a line of [`TABLES`], a field of [`Topology`](super::Topology), and
//! the line of `read::document` that fills it. What one setting means beside another is checked in
//! `read`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::setting::{self, Setting, SettingsTable, Table, in_document, set_by, table};
use super::size::Size;
use super::text::MessageText;
use super::{
    Address, CommandWord, CronText, Days, Domain, Evidence, FenceSetting, ListenAddress, LogonName,
    NotificationKind, NotifiedOwner, PoolPattern, ReceiverPattern, Security, Server, SyslogCopies,
    TestingSites, TlsNegotiation, WatchedTest, ZoneName,
};
use crate::cmdlet::{Binds, Kind};
use crate::topology::setting::Refused;

/// Every table whose settings are listed here, in the order of the sample document.
pub static TABLES: &[Table] = &[
    General::TABLE,
    Pool::TABLE,
    Partner::TABLE,
    Gateway::TABLE,
    Resolver::TABLE,
    StoreTable::TABLE,
    HttpTable::TABLE,
    WatchEntry::TABLE,
    Notification::TABLE,
    AuditTable::TABLE,
];

/// A setting of this key, in whatever table: settings of one name are of one type.
pub fn setting(key: &str) -> Option<Setting> {
    TABLES.iter().flat_map(|table| (table.settings)()).find(|setting| setting.key == key)
}

/// The number of connections that a limit may allow.
const CONNECTIONS: Kind = Kind::Integer(1, 100_000);

table! {
    /// The settings for the whole document: keys that stand above its first table.
    pub struct General: Table {
        path: "",
        noun: "the topology",
        heading: "Above the first table.",
        ..NOTHING
    };

    "The place that tests are made from, in results and notices; watchers of one site share its work."
    site: String = "local".to_owned() => in_document().kind(Kind::Site);
}

table! {
    /// A service that users log on to.
    pub struct Pool: Table {
        path: "pool",
        noun: "the pool",
        cmdlet: Some("Pool"),
        heading: "Pools: the services that users log on to.",
        ..NOTHING
    };

    name "The FQDN of the pool; certificates may carry this name or the domain's."
    identity: Domain => set_by("Identity", Binds::Pool)
        .required("write the pool's FQDN")
        .sample("\"atl-cs-001.litwareinc.com\"");

    "The site that it stands in."
    site: Option<String> = None => set_by("Site", Binds::Endpoint).kind(Kind::Site).sample("\"Redmond\"");

    "The domains whose users log on here."
    domains: Vec<Domain> = vec![identity.clone()] => set_by("Domains", Binds::Endpoint)
        .required("")
        .sample("[\"litwareinc.com\"]");

    "Its servers in order: host, host:port or address. Without any, DNS is asked."
    servers: Vec<Server> = Vec::new() => set_by("Servers", Binds::Endpoint)
        .sample("[\"10.20.0.11:5223\", \"10.20.0.12:5223\"]");

    "The port of servers that name none, and of the FQDN where DNS has no SRV record."
    registrar_port: Option<u16> = None => set_by("RegistrarPort", Binds::Endpoint)
        .kind(Kind::Integer(1, 65_535))
        .aliases(&["rp"])
        .sample("5222");

    "How TLS begins: as the SRV records say (auto), by STARTTLS, or with the first byte (direct)."
    security: Security = Security::Auto => set_by("Security", Binds::Endpoint);

    "The accounts that it lends for verification, the first one first."
    test_users: Vec<Address> = Vec::new() => set_by("TestUsers", Binds::Endpoint)
        .prefix("sip:")
        .sample("[\"sip:kenmyer@litwareinc.com\", \"sip:pilar@litwareinc.com\"]");

    "What it is for."
    description: Option<String> = None => set_by("Description", Binds::Nothing).sample("\"Building 7\"");

    "A private CA to trust for this pool in place of the system's, absolute or seen from the topology's directory."
    ca_file: Option<PathBuf> = None => set_by("CaFile", Binds::Endpoint).sample("\"litware-ca.pem\"");

    "How the name to log on with is formed: kenmyer, kenmyer@litwareinc.com, or as the credential has it."
    logon_name: LogonName = LogonName::Local => set_by("LogonName", Binds::Endpoint);

    "Whether PLAIN may be used, inside verified TLS only."
    allow_plain: bool = false => set_by("AllowPlain", Binds::Endpoint);

    "Other names that people call it by."
    aliases: Vec<Domain> = Vec::new() => set_by("Aliases", Binds::Endpoint)
        .sample("[\"im.litwareinc.com\"]");

    "From how many days before its end on a certificate is warned about."
    certificate_warning_days: u32 = 14 => set_by("CertificateWarningDays", Binds::Nothing)
        .kind(Kind::Integer(0, 3650));
}

table! {
    /// An XMPP domain that our users may exchange messages with.
    pub struct Partner: Table {
        path: "partner",
        noun: "the partner",
        cmdlet: Some("XmppAllowedPartner"),
        heading: "Partners: the XMPP domains that our users may exchange messages with.\n\
            Without any [[partner]] every domain is allowed, with a warning; `partner = []` allows none.",
        refused: &[
            Refused {
                key: "partner_type",
                parameter: "PartnerType",
                why: "who may invite whom is decided by your server and its users, and no test depends on it",
                instead: "leave it out; note the relationship in description",
            },
            Refused {
                key: "sasl_negotiation",
                parameter: "SaslNegotiation",
                why: "how two servers authenticate each other is between them, and no client has a part in it",
                instead: "set it at the server",
            },
            Refused {
                key: "support_dialback_negotiation",
                parameter: "SupportDialbackNegotiation",
                why: "dialback is between two servers, and no client has a part in it",
                instead: "set it at the server",
            },
            Refused {
                key: "enable_keep_alive",
                parameter: "EnableKeepAlive",
                why: "a partner's keep-alives go to your server, which a client does not see",
                instead: "set it at the server; keep_alive_interval of [gateway] is for imsh's own streams",
            },
        ],
        keeps_empty_list: true,
        ..NOTHING
    };

    name "The partner's primary domain."
    domain: Domain => set_by("Identity", Binds::Partner)
        .required("write the partner's XMPP domain")
        .sample("\"contoso.com\"");

    "Further domains of the same partner."
    additional_domains: Vec<Domain> = Vec::new() => set_by("AdditionalDomains", Binds::Endpoint)
        .sample("[\"chat.contoso.com\"]");

    "Whom a sweep sends to."
    receivers: Vec<Address> = Vec::new() => set_by("Receivers", Binds::Receiver)
        .sample("[\"adelany@contoso.com\"]");

    "What a verification must prove here, where it is more than AcceptedByPartner."
    minimum_evidence: Option<Evidence> = None => set_by("MinimumEvidence", Binds::Nothing)
        .sample("\"Exchanged\"");

    "Whether its servers must offer TLS: where it is Required, one without is a fault."
    tls_negotiation: TlsNegotiation = TlsNegotiation::Required => set_by("TlsNegotiation", Binds::Endpoint);

    "The server to look at in place of the domain's SRV records."
    proxy_fqdn: Option<Server> = None => set_by("ProxyFqdn", Binds::Endpoint)
        .sample("\"xmpp.contoso.com:5269\"");

    "How many verifications may reach for it at once, where it is not the gateway's partner_connection_limit."
    connection_limit: Option<u32> = None => set_by("ConnectionLimit", Binds::Nothing)
        .kind(CONNECTIONS)
        .sample("20");

    "What is known about it."
    description: Option<String> = None => set_by("Description", Binds::Nothing)
        .sample("\"agreed upon by mail\"");

    "The text of test messages to it: a real person may read it every day."
    body: Option<MessageText> = None => set_by("Body", Binds::Nothing).sample("\"A test by Litware.\"");

    "What is sent behind a message to learn that the partner's server has taken it: a ping, a message to nobody, or both (auto)."
    fence: FenceSetting = FenceSetting::Auto => set_by("Fence", Binds::Nothing);
}

table! {
    /// Settings for every verification: what the original's gateway has and a client can honour, and the
    /// deadlines of the phases.
    pub struct Gateway: Table {
        path: "gateway",
        noun: "the gateway",
        cmdlet: Some("XmppGatewayConfiguration"),
        heading: "Settings of every verification.\n\
            Durations are \"60s\", \"5m\", \"1h30m\", \"00:01:00\", or seconds as a number.",
        refused: &[
            Refused {
                key: "dialback_passphrase",
                parameter: "DialbackPassphrase",
                why: "it is a secret of two servers, and no client has a part in dialback",
                instead: "leave it out",
            },
            Refused {
                key: "enable_logging_all_message_bodies",
                parameter: "EnableLoggingAllMessageBodies",
                why: "imsh sees its own messages alone, and logs no text of any",
                instead: "leave it out",
            },
            Refused {
                key: "subscription_refresh_interval",
                parameter: "SubscriptionRefreshInterval",
                why: "a test subscribes to nobody's presence",
                instead: "leave it out",
            },
        ],
        ..NOTHING
    };

    "How many connections may be open at once, over all pools and partners."
    connection_limit: u32 = 1000 => set_by("ConnectionLimit", Binds::Global).kind(CONNECTIONS);

    "How many verifications may reach for one partner at once, where the partner's own entry does not say."
    partner_connection_limit: u32 = 20 => set_by("PartnerConnectionLimit", Binds::Global).kind(CONNECTIONS);

    "How long it may take from the first packet to a bound stream, over all phases of a logon."
    stream_establishment_timeout: Duration = seconds(60) => set_by("StreamEstablishmentTimeout", Binds::Global);

    "After how long without use a stream that is kept for further tests is closed."
    stream_inactivity_timeout: Duration = seconds(600) => set_by("StreamInactivityTimeout", Binds::Global);

    "How often a stream that is kept for further tests gives a sign of life."
    keep_alive_interval: Duration = seconds(300) => set_by("KeepAliveInterval", Binds::Global);

    "The deadline of the phase Resolve."
    resolve_timeout: Duration = seconds(5) => set_by("ResolveTimeout", Binds::Global);

    "The deadline of the phase Connect."
    connect_timeout: Duration = seconds(10) => set_by("ConnectTimeout", Binds::Global);

    "The deadline of the phase Secure."
    secure_timeout: Duration = seconds(10) => set_by("SecureTimeout", Binds::Global);

    "The deadline of the phase Authenticate."
    authenticate_timeout: Duration = seconds(10) => set_by("AuthenticateTimeout", Binds::Global);

    "The deadline of the phase Bind."
    bind_timeout: Duration = seconds(5) => set_by("BindTimeout", Binds::Global);

    "How long the evidence may take."
    deliver_timeout: Duration = seconds(30) => set_by("DeliverTimeout", Binds::Global);

    "How long one verification may take in all."
    timeout: Duration = seconds(60) => set_by("Timeout", Binds::Global);
}

table! {
    /// The settings of the resolver of names.
    pub struct Resolver: Table {
        path: "resolver",
        noun: "the resolver",
        heading: "How names are resolved.",
        ..NOTHING
    };

    "Name servers to ask in place of the system's."
    name_servers: Vec<SocketAddr> = Vec::new() => in_document().sample("[\"192.0.2.53\", \"127.0.0.1:5353\"]");
}

table! {
    /// The settings of the store, where the results of tests are kept.
    pub struct StoreTable: Table {
        path: "store",
        noun: "the store",
        heading: "The store: where the results of tests are kept. Without a url it is the file results.sqlite in\n\
            $STATE_DIRECTORY, else in $XDG_STATE_HOME/imsh or ~/.local/state/imsh.",
        ..NOTHING
    };

    "A PostgreSQL database that several machines share; its password comes from ~/.pgpass, $PGPASSFILE or systemd."
    url: Option<String> = None => in_document().sample("\"postgres://imsh@db.litwareinc.com/imsh\"");

    "A private CA to trust for the database in place of the system's, absolute or seen from the topology's directory."
    ca_file: Option<PathBuf> = None => in_document().sample("\"litware-ca.pem\"");

    "How long single results are kept; their hours are kept for 400 days, and their days for ten years."
    keep: Days = Days(30) => in_document();

    "Whether results are kept at all."
    enabled: bool = true => in_document();
}

table! {
    /// A watch: the tests that a watcher repeats.
    pub struct WatchEntry: Table {
        path: "watch",
        noun: "the watch",
        cmdlet: Some("WatcherNodeConfiguration"),
        heading: "Watches: what `imsh watch` tests again and again. Durations are as in [gateway].",
        ..NOTHING
    };

    name "Its name."
    identity: String => set_by("Identity", Binds::Global)
        .required("give the watch a name")
        .sample("\"every partner\"");

    "Whether it is tested at all; false pauses it."
    enabled: bool = true => set_by("Enabled", Binds::Global);

    "The tests: XmppIM for each pool and receiver, Registration for each pool, FederatedPartner for each partner, XmppPing for each pool and partner, Topology once."
    tests: Vec<WatchedTest> = vec![WatchedTest::XmppIm] => set_by("Tests", Binds::Global);

    "In place of tests: a script that is run, whose tests are kept like others. It ends before it is due again, and within an hour."
    script: Option<PathBuf> = None => set_by("Script", Binds::Endpoint).sample("\"daily.rhai\"");

    "The pools: their FQDNs, patterns with * and ?, or site:Redmond. Without any, each that lends a test user."
    pools: Vec<PoolPattern> = Vec::new() => set_by("Pools", Binds::Global)
        .aliases(&["TargetFqdn"])
        .sample("[\"site:Redmond\"]");

    "The receivers: partners (the receivers of all), partner:contoso.com, addresses, or patterns. Without any, partners."
    receivers: Vec<ReceiverPattern> = Vec::new() => set_by("Receivers", Binds::Global)
        .aliases(&["XmppTestReceiverMailAddress"])
        .sample("[\"partners\"]");

    "How often, where `at` does not say when."
    every: Duration = seconds(900) => set_by("Every", Binds::Global);

    "When, as a cron expression, in place of `every`."
    at: Option<CronText> = None => set_by("At", Binds::Global).sample("\"0 6 * * *\"");

    "The time zone of `at`; without it the machine's."
    zone: Option<ZoneName> = None => set_by("Zone", Binds::Global).sample("\"Europe/Dublin\"");

    "Whether every site tests it, or any one of them."
    sites: TestingSites = TestingSites::Each => set_by("Sites", Binds::Global);

    "How many failures in a row call a pair down; a definite finding does at once."
    raise_after: u32 = 2 => set_by("RaiseAfter", Binds::Global).kind(Kind::Integer(1, 100));

    "How many successes in a row call it up again."
    clear_after: u32 = 1 => set_by("ClearAfter", Binds::Global).kind(Kind::Integer(1, 100));
}

table! {
    /// Somebody who is told when a watched state turns.
    pub struct Notification: Table {
        path: "notify",
        noun: "the notification",
        cmdlet: Some("WatcherNotification"),
        heading: "Notifications: who is told when a watched pair breaks, and when it is mended. Secrets never stand\n\
            here: they come from secret_file, or from the systemd credential imsh-notify-IDENTITY.",
        ..NOTHING
    };

    name "Its name."
    identity: String => set_by("Identity", Binds::Endpoint)
        .required("give the notification a name")
        .sample("\"on-call\"");

    "Whether it is told at all; false pauses it."
    enabled: bool = true => set_by("Enabled", Binds::Endpoint);

    "The way: a JSON document is posted, an alert goes to Alertmanager, a program is run, a mail or an XMPP message is sent."
    kind: NotificationKind = NotificationKind::Webhook => set_by("Kind", Binds::Endpoint)
        .required("write kind = \"webhook\", \"alertmanager\", \"exec\", \"mail\" or \"xmpp\"")
        .sample("\"webhook\"");

    "Where to: http(s)://… of webhook and alertmanager; smtp://host:25, smtp://user@host:587 or smtps://user@host of mail."
    url: Option<String> = None => set_by("Url", Binds::Endpoint).sample("\"https://alerts.litwareinc.com/imsh\"");

    "The program of exec and its arguments; it gets the notice as JSON on standard input. No shell reads it."
    command: Vec<CommandWord> = Vec::new() => set_by("Command", Binds::Endpoint)
        .sample("[\"/usr/local/bin/page\", \"operators\"]");

    "Whom a mail or an XMPP message goes to."
    to: Vec<Address> = Vec::new() => set_by("To", Binds::Endpoint).sample("[\"ada@litwareinc.com\"]");

    "The sender of mails."
    from: Option<Address> = None => set_by("From", Binds::Endpoint).sample("\"imsh@litwareinc.com\"");

    "The pool that XMPP messages are sent through; without it the first that is not the one which fails."
    pool: Option<Domain> = None => set_by("Pool", Binds::Endpoint).sample("\"atl-cs-001.litwareinc.com\"");

    "A file whose first line is the token (webhook, alertmanager) or the password (mail)."
    secret_file: Option<PathBuf> = None => set_by("SecretFile", Binds::Endpoint).sample("\"on-call.token\"");

    "A private CA to trust there in place of the system's, absolute or seen from the topology's directory."
    ca_file: Option<PathBuf> = None => set_by("CaFile", Binds::Endpoint).sample("\"litware-ca.pem\"");

    "Whose findings it is told of (Caller, Pool, Network, Partner, imsh, Unknown); without any, of all."
    owners: Vec<NotifiedOwner> = Vec::new() => set_by("Owners", Binds::Endpoint)
        .sample("[\"Pool\", \"Partner\", \"Network\"]");

    "How often it is told again of what is still broken."
    reminder: Duration = seconds(86_400) => set_by("Reminder", Binds::Endpoint);

    "How long one delivery may take."
    timeout: Duration = seconds(10) => set_by("Timeout", Binds::Endpoint);
}

table! {
    /// The settings of the HTTP service of a watcher.
    pub struct HttpTable: Table {
        path: "http",
        noun: "the HTTP service",
        heading: "What imsh watch serves: pages for people, /metrics and /probe for Prometheus, JSON under /api/.\n\
            Off this machine only with TLS and a token.",
        ..NOTHING
    };

    "Where it listens: localhost:9604, or an address and a port."
    listen: ListenAddress = ListenAddress::default() => in_document();

    "The certificate chain of the service (PEM); read again when it changes."
    tls_certificate: Option<PathBuf> = None => in_document().sample("\"tls/watcher.pem\"");

    "Its private key (PEM), which nobody else may read."
    tls_key: Option<PathBuf> = None => in_document().sample("\"tls/watcher.key\"");

    "A file with the token that readers give, as a bearer token or as a password; nobody else may read it."
    token_file: Option<PathBuf> = None => in_document().sample("\"/run/credentials/imsh-watch.service/http-token\"");
}

table! {
    /// The settings of the audit log, in which calls are written down.
    pub struct AuditTable: Table {
        path: "audit",
        noun: "the audit log",
        heading: "The audit log: a line for every call and every refusal, once there is [access] or [audit].",
        ..NOTHING
    };

    "The file, seen from the topology's directory; full files stay beside it, numbered."
    file: Option<PathBuf> = None => in_document().sample("\"audit/imsh.jsonl\"");

    "From what size on a file is full: then a new one begins, and the chain goes on in it."
    max_file_size: Size = Size(64 << 20) => in_document();

    "How many full files are kept, the newest; without it all of them."
    keep_files: Option<u32> = None => in_document().kind(Kind::Integer(1, 100_000)).sample("50");

    "Whether a line must be on the disk before its call begins."
    must_reach_disk: bool = true => in_document();

    "Whether a copy goes to syslog: where somebody listens (auto), never (off), or no call without one (required)."
    syslog: SyslogCopies = SyslogCopies::Auto => in_document();

    "The socket of syslog, in place of /run/systemd/journal/socket and then /dev/log."
    syslog_socket: Option<PathBuf> = None => in_document().sample("\"/dev/log\"");
}

impl Default for General {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for StoreTable {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for HttpTable {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for AuditTable {
    fn default() -> Self {
        Self::new()
    }
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// The defaults for the fields that most tables do not use.
const NOTHING: Table = Table {
    path: "",
    name: None,
    noun: "",
    cmdlet: None,
    heading: "",
    refused: &[],
    keeps_empty_list: false,
    settings: Vec::new,
    defaults: setting::no_defaults,
};
