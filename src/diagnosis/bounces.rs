//! The meaning of a pool's words about a partner: the table of texts, for every server that was listened to.
//!
//! The condition alone says little: a refused connection is `remote-server-not-found` on Prosody and
//! `remote-server-timeout` on ejabberd, and Openfire and MongooseIM call every failure not-found. So
//! the text decides, then the server's software together with what it leaves out, and where neither
//! says anything the cause is `Cause::Failed`, which accuses nobody.

use std::time::Duration;

use crate::xmpp::condition::{StanzaCondition, StanzaError, StreamCondition};
use crate::xmpp::trace::{Fact, Trace};

/// The reason why a pool could not give a message to a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Cause {
    /// DNS has no server for the partner: no such name, no address, or a target that has none.
    NotFound,
    /// DNS led to no server, and the pool does not say whether it has none or failed.
    Unresolved,
    /// The partner publishes that it offers no federation.
    NotOffered,
    /// DNS failed at the pool, which says nothing about the name.
    DnsFailure,
    /// The partner's host answers, and nobody listens.
    Refused,
    /// Nothing came back from the partner's address.
    NoAnswer,
    /// The pool has no route to the partner.
    Unreachable,
    /// The partner accepts connections and falls silent.
    Silent,
    /// The partner closes connections without a word.
    Closed,
    /// The partner ends connections with an error of its own.
    PartnerError,
    /// The server that answers at the partner is no XMPP server.
    NotXmpp,
    /// The partner's port begins another way than its records say, or serves clients: only a look shows it.
    WrongPort,
    /// The partner offers no encryption.
    NoTls,
    /// The partner has nothing to offer: no encryption, or behind it no way to prove who is who. Only a look
    /// shows which.
    NothingOffered,
    /// The TLS handshake between the two failed.
    TlsFailed,
    /// The partner's certificate has expired.
    Expired,
    /// The partner's certificate is not valid yet.
    NotYetValid,
    /// The partner's certificate is for another name.
    WrongName,
    /// The pool does not trust the partner's certificate.
    Untrusted,
    /// The partner leaves a certificate out between its own and its issuer's: only a look shows it.
    MissingIntermediate,
    /// The partner's certificate is not meant for a server, or not for one that connects to others.
    WrongPurpose,
    /// The server that DNS leads to does not serve the partner's domain.
    HostUnknown,
    /// The two servers could not agree on who the other is.
    NotAuthenticated,
    /// The partner does not accept the pool's certificate.
    OurCertificate,
    /// The partner offers the pool no mechanism to authenticate by: it does not accept its certificate, or nobody's.
    NoMechanism,
    /// The partner wants encryption, and the pool does not do it.
    OurEncryption,
    /// The pool is not set up for federation.
    Disabled,
    /// The pool's own policy forbids the partner.
    Forbidden,
    /// The partner's policy forbids the pool.
    PartnerPolicy,
    /// The pool's queue for the partner is full.
    QueueFull,
    /// The pool failed internally.
    PoolError,
    /// The pool says that it failed, and not why.
    Failed,
}

/// The software that a pool's server runs, as far as its words depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownSoftware {
    Prosody,
    Ejabberd,
    Other,
}

/// Returns the software of a pool's server: as the server said, or as only one software speaks.
pub(super) fn software(error: &StanzaError, trace: &Trace) -> KnownSoftware {
    let said = trace.facts().rev().find_map(|(_, fact)| {
        if let Fact::Software { name, .. } = fact { Some(name.to_lowercase()) } else { None }
    });
    let text = error.text.as_deref().unwrap_or_default();
    match said.as_deref() {
        Some("prosody") => KnownSoftware::Prosody,
        Some("ejabberd") => KnownSoftware::Ejabberd,
        Some(_) => KnownSoftware::Other,
        None if EJABBERD_BEGINS.iter().any(|words| text.starts_with(words)) => KnownSoftware::Ejabberd,
        None if error.by.is_some() || text.to_lowercase().starts_with(PROSODY_BEGINS) => {
            KnownSoftware::Prosody
        }
        None => KnownSoftware::Other,
    }
}

/// Returns the reason that the pool gives for not delivering a message to the partner.
pub(super) fn cause(error: &StanzaError, software: KnownSoftware) -> Cause {
    let text = error.text.as_deref().unwrap_or_default().to_lowercase();
    if let Some(said) = by_the_partner(&text) {
        return first_row(PARTNER_SAYS, said).unwrap_or(Cause::PartnerError);
    }
    if let Some(cause) = first_row(POOL_SAYS, &text) {
        return cause;
    }
    let is = |conditions: &[StanzaCondition]| conditions.contains(&error.condition);
    // COMPAT: Prosody gives no text when the partner closed the connection.
    if software == KnownSoftware::Prosody && text.is_empty() && is(&ABOUT_SERVERS) {
        Cause::Closed
    } else if is(&POLICIES) {
        Cause::Forbidden
    } else if is(&[StanzaCondition::ResourceConstraint]) {
        Cause::QueueFull
    } else if is(&[StanzaCondition::InternalServerError]) {
        Cause::PoolError
    } else {
        Cause::Failed
    }
}

/// Whether an answer came faster than the failure that it reports can happen.
///
/// COMPAT: ejabberd keeps a failed connection in mind for up to five minutes (`s2s_max_retry_delay`)
/// and bounces meanwhile with the old text.
pub(super) fn is_from_memory(cause: Cause, software: KnownSoftware, after: Duration) -> bool {
    // A connection is given up after 10 s, a silent partner after 30 or 120 s.
    let takes_its_time = matches!(cause, Cause::NoAnswer | Cause::Silent);
    software == KnownSoftware::Ejabberd && takes_its_time && after < Duration::from_secs(3)
}

/// Whether an answer of ejabberd's may be an old one, for all that can be seen.
pub(super) fn may_be_from_memory(cause: Cause, software: KnownSoftware, after: Duration) -> bool {
    let needs_a_connection = matches!(
        cause,
        Cause::NotFound
            | Cause::Unresolved
            | Cause::DnsFailure
            | Cause::Refused
            | Cause::Unreachable
            | Cause::Closed
            | Cause::PartnerError
            | Cause::NotXmpp
            | Cause::WrongPort
            | Cause::NoTls
            | Cause::NothingOffered
            | Cause::TlsFailed
            | Cause::Expired
            | Cause::NotYetValid
            | Cause::WrongName
            | Cause::Untrusted
            | Cause::MissingIntermediate
            | Cause::WrongPurpose
            | Cause::HostUnknown
            | Cause::NotAuthenticated
            | Cause::OurCertificate
            | Cause::NoMechanism
            | Cause::OurEncryption
            | Cause::PartnerPolicy
    );
    software == KnownSoftware::Ejabberd && needs_a_connection && after < Duration::from_millis(20)
}

/// Returns the reason that the partner's server gave, where the pool passes it on: it may say anything, so that
/// none of it may be taken for the pool's own words.
fn by_the_partner(text: &str) -> Option<&str> {
    // ejabberd: `Stream closed by peer: words (condition)`, `Authentication failed: Peer responded with error: …`.
    let said = ["stream closed by peer:", "authentication failed: peer responded with error:"];
    said.iter().find_map(|begins| text.strip_prefix(begins)).or_else(|| {
        // Prosody: `Server-to-server connection failed: condition (words)`.
        let said = text.strip_prefix(PROSODY_BEGINS)?.trim_start();
        let (condition, _) = said.split_once(" (")?;
        let is_condition = !matches!(StreamCondition::from_name(condition), StreamCondition::Unknown(_));
        is_condition.then_some(said)
    })
}

fn first_row(rows: &[(&str, Cause)], text: &str) -> Option<Cause> {
    rows.iter().find(|(words, _)| contains(text, words)).map(|(_, cause)| *cause)
}

/// All words of a row, each after the one before it, with anything between them.
fn contains(text: &str, words: &str) -> bool {
    let mut rest = text;
    words.split('*').all(|word| match rest.find(word) {
        Some(at) => {
            rest = &rest[at + word.len()..];
            true
        }
        None => false,
    })
}

/// The conditions of a server that another one could not be reached by.
const ABOUT_SERVERS: [StanzaCondition; 2] =
    [StanzaCondition::RemoteServerNotFound, StanzaCondition::RemoteServerTimeout];

/// The conditions of a server that does not want to.
const POLICIES: [StanzaCondition; 5] = [
    StanzaCondition::Forbidden,
    StanzaCondition::NotAllowed,
    StanzaCondition::NotAcceptable,
    StanzaCondition::NotAuthorized,
    StanzaCondition::PolicyViolation,
];

/// The errors of a partner's server to our pool, in lower case, `*` for anything; the first row that fits decides,
/// as in [`POOL_SAYS`].
const PARTNER_SAYS: &[(&str, Cause)] = &[
    // Dates, names, purpose, issuer: whatever the partner holds against a certificate, it is the one it was shown.
    ("certificate", Cause::OurCertificate),
    ("use of starttls required", Cause::OurEncryption),
    ("encrypted server-to-server communication is required", Cause::OurEncryption),
    ("no stream features to offer", Cause::NothingOffered),
    ("host-unknown", Cause::HostUnknown),
    ("host-gone", Cause::HostUnknown),
    ("policy-violation", Cause::PartnerPolicy),
    ("not-authorized", Cause::NotAuthenticated),
];

/// The texts that a pool writes itself, in lower case.
///
/// Sources: Prosody 0.12.3 and 13, ejabberd 23.01 to 26, as they spoke and as their sources read.
const POOL_SAYS: &[(&str, Cause)] = &[
    // COMPAT: Prosody passes on the condition with which the partner refuses its certificate (SASL EXTERNAL), and
    // the words where there are any; of other proofs it says more.
    ("server-to-server connection failed: not-authorized", Cause::OurCertificate),
    ("your server's certificate", Cause::OurCertificate),
    ("doesn't accept our certificate", Cause::NoMechanism),
    ("starttls is disabled in local configuration", Cause::OurEncryption),
    ("server-to-server communication is disabled for this host", Cause::PartnerPolicy),
    ("host-unknown", Cause::HostUnknown),
    ("host-gone", Cause::HostUnknown),
    ("no stream features to offer", Cause::NothingOffered),
    ("authentication failed*access denied", Cause::PartnerPolicy),
    // What our pool's policy says.
    ("communication with remote domains is not enabled", Cause::Disabled),
    ("access denied by service policy", Cause::Forbidden),
    ("outgoing stanza queue full", Cause::QueueFull),
    ("stream queue is overloaded", Cause::QueueFull),
    // DNS.
    ("nxdomain", Cause::NotFound),
    // COMPAT: Prosody 13 and ejabberd 26 say the same for a missing name and for a name server that fails.
    ("unable to resolve service", Cause::Unresolved),
    ("dns lookup failed*unknown posix error: enoname", Cause::Unresolved),
    ("zero srv records", Cause::NotFound),
    // COMPAT: ejabberd of 2026 puts "unknown POSIX error:" before the resolver's word and the kernel's.
    ("dns lookup failed*enoname", Cause::NotFound),
    ("dns lookup failed: non-existing domain", Cause::NotFound),
    ("dns lookup failed: no data available", Cause::NotFound),
    ("dns lookup failed: enodata", Cause::NotFound),
    ("service explicitly unavailable", Cause::NotOffered),
    ("servfail", Cause::DnsFailure),
    (" in a lookup", Cause::DnsFailure),
    (" in aaaa lookup", Cause::DnsFailure),
    (" in srv lookup", Cause::DnsFailure),
    ("dns lookup failed", Cause::DnsFailure),
    // Certificates.
    ("certificate has expired", Cause::Expired),
    ("has an expired certificate chain", Cause::Expired),
    ("certificate is not yet valid", Cause::NotYetValid),
    ("certificate is not valid for this name", Cause::WrongName),
    ("certificate host name mismatch", Cause::WrongName),
    ("certificate jid mismatch", Cause::WrongName),
    ("unsupported certificate purpose", Cause::WrongPurpose),
    ("unsuitable certificate purpose", Cause::WrongPurpose),
    ("certificate purpose", Cause::WrongPurpose),
    ("remote server's certificate", Cause::Untrusted),
    ("peer certificate rejected", Cause::Untrusted),
    // Encryption.
    ("use of starttls required", Cause::NoTls),
    ("doesn't support starttls", Cause::NoTls),
    ("could not establish encrypted connection", Cause::NoTls),
    ("required but was not offered", Cause::NoTls),
    ("encrypted connection: write timeout", Cause::Silent),
    ("encrypted connection: read timeout", Cause::Silent),
    ("error during negotiation of encrypted connection", Cause::TlsFailed),
    ("tls failed", Cause::TlsFailed),
    ("ssl handshake", Cause::TlsFailed),
    // Authentication between servers.
    ("no viable authentication method", Cause::NotAuthenticated),
    ("could not authenticate to remote server", Cause::NotAuthenticated),
    ("sasl mechanisms", Cause::NotAuthenticated),
    ("authentication failed", Cause::NotAuthenticated),
    ("dialback", Cause::NotAuthenticated),
    // The connection. `connection timeout` is a connection that never was; `connection-timeout` one that fell silent.
    ("connection refused", Cause::Refused),
    ("econnrefused", Cause::Refused),
    ("connection timeout", Cause::NoAnswer),
    ("connection failed: timeout", Cause::NoAnswer),
    ("connection failed: unknown posix error: timeout", Cause::NoAnswer),
    ("connection timed out", Cause::NoAnswer),
    ("etimedout", Cause::NoAnswer),
    ("no route to host", Cause::Unreachable),
    ("unreachable", Cause::Unreachable),
    ("connection-timeout", Cause::Silent),
    ("idle connection", Cause::Silent),
    ("write timeout", Cause::Silent),
    ("read timeout", Cause::Silent),
    ("invalid xml", Cause::NotXmpp),
    ("not-well-formed", Cause::NotXmpp),
    ("not well-formed", Cause::NotXmpp),
    ("connection closed", Cause::Closed),
    ("connection failed: closed", Cause::Closed),
    // COMPAT: Erlang says this of a connection that the other side has closed in the meantime.
    ("connection failed: invalid argument", Cause::Closed),
    ("connection reset", Cause::Closed),
    ("stream reset by peer", Cause::Closed),
    ("internal server error", Cause::PoolError),
];

const PROSODY_BEGINS: &str = "server-to-server connection failed:";
const EJABBERD_BEGINS: &[&str] = &[
    "DNS lookup failed:",
    "Connection failed:",
    "Peer certificate rejected:",
    "Stream closed by",
    "TLS failed:",
    "Authentication failed:",
    "Stream reset by peer",
];
