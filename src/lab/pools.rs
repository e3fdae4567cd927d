//! The pools of the practice network: two that work, and one for each thing that a pool can do wrong.
//!
//! A table. Each broken pool is named after what is broken and serves a domain of its own name; what
//! imsh must say about it stands in the same row. A test goes through all of them.

use super::behaviour::{Behaviour, Bind, Certificate, Logon, Manner, Names, Port, Session, Stream, Tls};

/// A pool of the practice network.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Its FQDN.
    pub identity: &'static str,
    /// The domain that it serves.
    pub domain: &'static str,
    /// Its site.
    pub site: &'static str,
    /// What it does.
    pub behaviour: Behaviour,
    /// The accounts that it lends, and what the vault holds of them.
    pub lends: Lends,
    /// What imsh must say when a message is sent from here to a healthy partner.
    pub lesson: Lesson,
}

/// What a pool lends for verification, and what the vault of the practice network holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lends {
    /// These test users, with their password.
    Users(&'static [&'static str]),
    /// `kenmyer`, with a wrong password.
    WrongPassword,
    /// `nobody`, whom the pool does not know.
    UnknownAccount,
    /// `kenmyer`, without a password.
    NoPassword,
    /// Nobody.
    Nobody,
}

/// What imsh must say.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// The code of the diagnosis; empty for a success without one.
    pub code: &'static str,
    /// Whose fault it is; empty for a success.
    pub owner: &'static str,
    /// What there is to see, in one sentence.
    pub shows: &'static str,
}

impl Pool {
    /// The test users of the topology, without their domain.
    pub fn test_users(&self) -> &'static [&'static str] {
        match self.lends {
            Lends::Users(users) => users,
            Lends::WrongPassword | Lends::NoPassword => &["kenmyer"],
            Lends::UnknownAccount => &["nobody"],
            Lends::Nobody => &[],
        }
    }

    /// The accounts that exist, without their domain.
    pub(super) fn accounts(&self) -> &'static [&'static str] {
        match self.lends {
            Lends::Users(users) => users,
            Lends::WrongPassword | Lends::NoPassword | Lends::UnknownAccount | Lends::Nobody => &["kenmyer"],
        }
    }

    /// The password that the vault holds for the test users.
    pub(super) fn password(&self) -> Option<&'static str> {
        match self.lends {
            Lends::Users(_) | Lends::UnknownAccount => Some(super::PASSWORD),
            Lends::WrongPassword => Some("not the password"),
            Lends::NoPassword | Lends::Nobody => None,
        }
    }
}

/// A broken pool: named after what is broken, serving a domain of its own name.
const fn broken(
    name: &'static str,
    behaviour: Behaviour,
    (code, owner): (&'static str, &'static str),
    shows: &'static str,
) -> Pool {
    Pool {
        identity: name,
        domain: name,
        site: "Practice",
        behaviour,
        lends: Lends::Users(&["kenmyer"]),
        lesson: Lesson { code, owner, shows },
    }
}

const HEALTHY: Behaviour = Behaviour::HEALTHY;

const fn names(names: Names) -> Behaviour {
    Behaviour { names, ..HEALTHY }
}

const fn port(port: Port) -> Behaviour {
    Behaviour { port, ..HEALTHY }
}

const fn stream(stream: Stream) -> Behaviour {
    Behaviour { stream, ..HEALTHY }
}

const fn tls(tls: Tls) -> Behaviour {
    Behaviour { tls, ..HEALTHY }
}

const fn certificate(certificate: Certificate) -> Behaviour {
    Behaviour { certificate, ..HEALTHY }
}

const fn logon(logon: Logon) -> Behaviour {
    Behaviour { logon, ..HEALTHY }
}

const fn bind(bind: Bind) -> Behaviour {
    Behaviour { bind, ..HEALTHY }
}

const fn session(session: Session) -> Behaviour {
    Behaviour { session, ..HEALTHY }
}

/// Every pool of the practice network.
pub const POOLS: &[Pool] = &[
    Pool {
        identity: "atl-cs-001.litwareinc.com",
        domain: "litwareinc.com",
        site: "Redmond",
        behaviour: HEALTHY,
        lends: Lends::Users(&["kenmyer", "pilar"]),
        lesson: Lesson { code: "", owner: "", shows: "everything works; its errors are worded as Prosody's" },
    },
    Pool {
        identity: "dub-cs-001.fabrikam.com",
        domain: "fabrikam.com",
        site: "Dublin",
        behaviour: Behaviour { manner: Manner::Ejabberd, names: Names::DirectFirst, ..HEALTHY },
        lends: Lends::Users(&["phyllis", "david"]),
        lesson: Lesson {
            code: "",
            owner: "",
            shows: "everything works, over direct TLS; its errors are worded as ejabberd's",
        },
    },
    Pool {
        identity: "old-fe.wingtiptoys.com",
        domain: "wingtiptoys.com",
        site: "Practice",
        behaviour: names(Names::Elsewhere),
        lends: Lends::Users(&["kenmyer"]),
        lesson: Lesson {
            code: "",
            owner: "",
            shows: "it works, but the records of its users' domain lead to another host",
        },
    },
    broken(
        "expiring.litwareinc.com",
        certificate(Certificate::EndsSoon),
        OK,
        "it works, and its certificate ends in five days",
    ),
    broken("tls12.litwareinc.com", tls(Tls::Only12), OK, "it works, over TLS 1.2"),
    broken(
        "broken-binding.litwareinc.com",
        Behaviour { manner: Manner::Ejabberd, ..logon(Logon::BrokenBinding) },
        OK,
        "it works, though it offers a channel binding that it cannot do, as ejabberd 23.01",
    ),
    // Resolve
    broken(
        "nxdomain.litwareinc.com",
        names(Names::Missing),
        ("DNS-NO-SUCH-NAME", "Pool"),
        "DNS does not know the pool's name",
    ),
    broken(
        "servfail.litwareinc.com",
        names(Names::Failing),
        ("DNS-SERVER-FAILURE", "Network"),
        "the name server fails, which does not mean that the name is missing",
    ),
    broken(
        "dns-silent.litwareinc.com",
        names(Names::Silent),
        ("DNS-TIMEOUT", "Network"),
        "the name server does not answer",
    ),
    broken(
        "not-offered.litwareinc.com",
        names(Names::NotOffered),
        ("DNS-NOT-OFFERED", "Pool"),
        "the pool's SRV record says that it offers no service",
    ),
    broken(
        "no-address.litwareinc.com",
        names(Names::WithoutAddress),
        ("DNS-TARGET-WITHOUT-ADDRESS", "Pool"),
        "the pool's SRV record leads to a host without an address",
    ),
    // Connect
    broken(
        "refused.litwareinc.com",
        port(Port::Closed),
        ("CONNECT-REFUSED", "Pool"),
        "the host answers, and nobody listens",
    ),
    broken(
        "dropped.litwareinc.com",
        port(Port::Dropping),
        ("CONNECT-TIMEOUT", "Network"),
        "packets to the port are dropped",
    ),
    // Secure
    broken(
        "tls-on-starttls-port.litwareinc.com",
        port(Port::SpeaksTls),
        ("TLS-PORT-KIND", "Pool"),
        "the port speaks TLS at once, where DNS promises STARTTLS",
    ),
    broken(
        "starttls-on-tls-port.litwareinc.com",
        port(Port::WantsStartTls),
        ("TLS-PORT-KIND", "Pool"),
        "the port wants STARTTLS, where DNS promises TLS at once",
    ),
    broken(
        "silent.litwareinc.com",
        stream(Stream::Silent),
        ("TLS-TIMEOUT", "Pool"),
        "the port accepts, and says nothing",
    ),
    broken(
        "closes.litwareinc.com",
        stream(Stream::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed instead of a stream",
    ),
    broken(
        "resets.litwareinc.com",
        stream(Stream::Resets),
        ("STREAM-CLOSED", "Pool"),
        "the connection is reset instead of a stream",
    ),
    broken(
        "garbage.litwareinc.com",
        stream(Stream::Garbage),
        ("STREAM-NOT-XMPP", "Pool"),
        "a web server stands at the port",
    ),
    broken(
        "endless-header.litwareinc.com",
        stream(Stream::EndlessHeader),
        ("STREAM-FLOOD", "Pool"),
        "the stream's header never ends",
    ),
    broken(
        "wrong-namespace.litwareinc.com",
        stream(Stream::WrongNamespace),
        ("STREAM-NOT-XMPP", "Pool"),
        "the stream is not XMPP's",
    ),
    broken(
        "forbidden-xml.litwareinc.com",
        stream(Stream::ForbiddenXml),
        ("STREAM-NOT-XMPP", "Pool"),
        "the server sends a document type with entities, which XMPP forbids",
    ),
    broken(
        "host-unknown.litwareinc.com",
        stream(Stream::HostUnknown),
        ("STREAM-HOST-UNKNOWN", "Pool"),
        "the server does not serve the users' domain",
    ),
    broken(
        "redirects.litwareinc.com",
        stream(Stream::Redirects),
        ("STREAM-SEE-OTHER-HOST", "Pool"),
        "the server sends its clients to another host, before TLS",
    ),
    broken(
        "banned.litwareinc.com",
        stream(Stream::Banned),
        ("STREAM-BANNED", "Caller"),
        "the server has banned this machine for a while",
    ),
    broken(
        "no-starttls.litwareinc.com",
        stream(Stream::NoStartTls),
        ("TLS-NOT-OFFERED", "Pool"),
        "the server offers no encryption",
    ),
    broken(
        "starttls-fails.litwareinc.com",
        stream(Stream::FailsStartTls),
        ("TLS-STARTTLS-FAILED", "Pool"),
        "the server offers STARTTLS and fails it",
    ),
    broken(
        "plaintext-injection.litwareinc.com",
        stream(Stream::Injects),
        ("TLS-INJECTED", "Network"),
        "somebody puts plaintext behind the answer to STARTTLS",
    ),
    broken(
        "tls-silent.litwareinc.com",
        tls(Tls::Silent),
        ("TLS-TIMEOUT", "Pool"),
        "the server says nothing in the TLS handshake",
    ),
    broken(
        "tls-closes.litwareinc.com",
        tls(Tls::Closes),
        ("TLS-CLOSED", "Pool"),
        "the connection is closed in the TLS handshake",
    ),
    broken(
        "tls-resets.litwareinc.com",
        tls(Tls::Resets),
        ("TLS-RESET", "Pool"),
        "the connection is reset in the TLS handshake",
    ),
    broken(
        "tls-too-old.litwareinc.com",
        tls(Tls::TooOld),
        ("TLS-TOO-OLD", "Pool"),
        "the server speaks TLS 1.0 only",
    ),
    broken(
        "tls-garbage.litwareinc.com",
        tls(Tls::Garbage),
        ("TLS-NOT-TLS", "Pool"),
        "what answers the handshake is not TLS",
    ),
    broken(
        "expired.litwareinc.com",
        certificate(Certificate::Expired),
        ("TLS-EXPIRED", "Pool"),
        "the certificate ended three days ago",
    ),
    broken(
        "not-yet-valid.litwareinc.com",
        certificate(Certificate::NotYetValid),
        ("TLS-NOT-YET-VALID", "Pool"),
        "the certificate begins tomorrow",
    ),
    broken(
        "wrong-name.litwareinc.com",
        certificate(Certificate::WrongName),
        ("TLS-NAME", "Pool"),
        "the certificate is for another name",
    ),
    broken(
        "self-signed.litwareinc.com",
        certificate(Certificate::SelfSigned),
        ("TLS-SELF-SIGNED", "Pool"),
        "the server signed its certificate itself",
    ),
    broken(
        "unknown-ca.litwareinc.com",
        certificate(Certificate::UnknownIssuer),
        ("TLS-UNTRUSTED", "Pool"),
        "nobody here knows the certificate's issuer",
    ),
    broken(
        "incomplete-chain.litwareinc.com",
        certificate(Certificate::IncompleteChain),
        ("TLS-INCOMPLETE-CHAIN", "Pool"),
        "the server does not send the certificate of the issuer in between",
    ),
    broken(
        "client-certificate.litwareinc.com",
        certificate(Certificate::ForClients),
        ("TLS-WRONG-PURPOSE", "Pool"),
        "the certificate is for clients only",
    ),
    // Authenticate
    broken(
        "no-mechanisms.litwareinc.com",
        logon(Logon::NoMechanisms),
        ("SASL-NO-MECHANISM", "Pool"),
        "the server offers no way to authenticate",
    ),
    broken(
        "unknown-mechanism.litwareinc.com",
        logon(Logon::UnknownMechanisms),
        ("SASL-NO-MECHANISM", "Pool"),
        "the server offers no mechanism that imsh knows",
    ),
    broken(
        "plain-only.litwareinc.com",
        logon(Logon::PlainOnly),
        ("SASL-PLAIN-ONLY", "Pool"),
        "the server wants the password itself, and the pool's settings do not allow it",
    ),
    Pool {
        lends: Lends::WrongPassword,
        ..broken(
            "wrong-password.litwareinc.com",
            HEALTHY,
            ("SASL-REJECTED", "Caller"),
            "the vault holds a wrong password",
        )
    },
    Pool {
        lends: Lends::UnknownAccount,
        ..broken(
            "unknown-account.litwareinc.com",
            HEALTHY,
            ("SASL-NO-SUCH-ACCOUNT", "Caller"),
            "the topology lists a test user whom the server does not know",
        )
    },
    Pool {
        lends: Lends::WrongPassword,
        ..broken(
            "wrong-password.fabrikam.com",
            Behaviour { manner: Manner::Ejabberd, ..HEALTHY },
            ("SASL-REJECTED", "Caller"),
            "the vault holds a wrong password; the answer is ejabberd's",
        )
    },
    Pool {
        lends: Lends::UnknownAccount,
        ..broken(
            "unknown-account.fabrikam.com",
            Behaviour { manner: Manner::Ejabberd, ..HEALTHY },
            ("SASL-NO-SUCH-ACCOUNT", "Caller"),
            "a test user whom the server does not know; the answer is ejabberd's",
        )
    },
    broken(
        "disabled.litwareinc.com",
        logon(Logon::Refuses("account-disabled", "Your account is disabled")),
        ("SASL-DISABLED", "Pool"),
        "the account is disabled",
    ),
    broken(
        "expired-password.litwareinc.com",
        logon(Logon::Refuses("credentials-expired", "")),
        ("SASL-EXPIRED", "Caller"),
        "the account's password has expired",
    ),
    broken(
        "directory-down.litwareinc.com",
        logon(Logon::Refuses("temporary-auth-failure", "Unable to reach the directory")),
        ("SASL-TEMPORARY", "Pool"),
        "the server cannot check passwords at the moment",
    ),
    broken(
        "auth-silent.litwareinc.com",
        logon(Logon::Silent),
        ("SASL-TIMEOUT", "Pool"),
        "the server does not answer the authentication",
    ),
    broken(
        "auth-closes.litwareinc.com",
        logon(Logon::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed instead of an answer",
    ),
    broken(
        "wrong-signature.litwareinc.com",
        logon(Logon::WrongSignature),
        ("SASL-WRONG-SIGNATURE", "Pool"),
        "the server cannot prove that it knows the account",
    ),
    broken(
        "no-proof.litwareinc.com",
        logon(Logon::NoSignature),
        ("SASL-NO-PROOF", "Pool"),
        "the server claims success without proving that it knows the account",
    ),
    broken(
        "success-at-once.litwareinc.com",
        logon(Logon::SuccessAtOnce),
        ("SASL-NO-PROOF", "Pool"),
        "the server claims success before it asked for anything",
    ),
    broken(
        "foreign-nonce.litwareinc.com",
        logon(Logon::ForeignNonce),
        ("SASL-FOREIGN-NONCE", "Pool"),
        "the server's nonce does not extend ours, as in a replay",
    ),
    broken(
        "one-iteration.litwareinc.com",
        logon(Logon::Iterations(1)),
        ("SASL-ITERATIONS", "Pool"),
        "the server asks for a proof that is easily guessed from",
    ),
    broken(
        "million-iterations.litwareinc.com",
        logon(Logon::Iterations(20_000_000)),
        ("SASL-ITERATIONS", "Pool"),
        "the server asks for twenty million iterations",
    ),
    broken(
        "garbled-challenge.litwareinc.com",
        logon(Logon::Garbled),
        ("SASL-MALFORMED", "Pool"),
        "the server's challenge cannot be read",
    ),
    broken(
        "unknown-extension.litwareinc.com",
        logon(Logon::MandatoryExtension),
        ("SASL-EXTENSION", "Pool"),
        "the server demands an extension that nobody knows",
    ),
    // Bind
    broken(
        "no-bind.litwareinc.com",
        bind(Bind::Missing),
        ("BIND-NOT-OFFERED", "Pool"),
        "the server offers no resource",
    ),
    broken(
        "bind-refused.litwareinc.com",
        bind(Bind::Refuses),
        ("BIND-LIMIT", "Pool"),
        "the server refuses the resource: too many sessions",
    ),
    broken(
        "bind-silent.litwareinc.com",
        bind(Bind::Silent),
        ("BIND-TIMEOUT", "Pool"),
        "the server does not answer the wish for a resource",
    ),
    broken(
        "bind-closes.litwareinc.com",
        bind(Bind::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed instead of a resource",
    ),
    broken(
        "malformed-bind.litwareinc.com",
        bind(Bind::Malformed),
        ("BIND-BAD-ADDRESS", "Pool"),
        "the server gives an address that is none",
    ),
    // Send and Deliver
    broken(
        "swallows.litwareinc.com",
        session(Session::Silent),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the server takes the message, and nothing is heard again",
    ),
    broken(
        "closes-late.litwareinc.com",
        session(Session::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed at the message",
    ),
    broken(
        "breaks-late.litwareinc.com",
        session(Session::Breaks),
        ("STREAM-BROKEN", "Unknown"),
        "the connection breaks at the message, as when a server is killed",
    ),
    broken(
        "system-shutdown.litwareinc.com",
        session(Session::ShutsDown),
        ("STREAM-SHUTDOWN", "Pool"),
        "the server shuts down at the message",
    ),
    broken(
        "conflict.litwareinc.com",
        session(Session::Conflict),
        ("STREAM-CONFLICT", "Caller"),
        "another session takes our place at the message",
    ),
    broken(
        "endless-stanza.litwareinc.com",
        session(Session::Endless),
        ("STREAM-FLOOD", "Pool"),
        "the server sends a stanza that never ends",
    ),
    broken(
        "endless-blanks.litwareinc.com",
        session(Session::Blanks),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the server sends blanks for ever",
    ),
    broken(
        "garbage-late.litwareinc.com",
        session(Session::Garbage),
        ("STREAM-MALFORMED", "Pool"),
        "the server sends what is not XML in the middle of the stream",
    ),
    broken(
        "over-acknowledges.litwareinc.com",
        session(Session::OverAcknowledges),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the server acknowledges more than it was sent",
    ),
    broken(
        "pongs-itself.litwareinc.com",
        session(Session::PongsItself),
        ("EVIDENCE-SILENCE", "Unknown"),
        "the pool answers the partner's ping in its own name",
    ),
    broken(
        "errs-for-others.litwareinc.com",
        session(Session::ErrsForOthers),
        ("FEDERATION-FAILED", "Unknown"),
        "the pool answers the partner's ping with an error of its own",
    ),
    broken(
        "one-way.litwareinc.com",
        session(Session::OneWay),
        ("EVIDENCE-SILENCE", "Unknown"),
        "what comes from other domains arrives here; what goes out is lost",
    ),
    broken(
        "no-federation.litwareinc.com",
        session(Session::NoFederation),
        ("FEDERATION-DISABLED", "Pool"),
        "the server does not exchange messages with other domains at all",
    ),
    // What cannot run at all
    Pool {
        lends: Lends::Nobody,
        ..broken(
            "no-test-users.litwareinc.com",
            HEALTHY,
            ("NotFoundTestUsers", "Caller"),
            "the pool lends no test users",
        )
    },
    Pool {
        lends: Lends::NoPassword,
        ..broken(
            "no-password.litwareinc.com",
            HEALTHY,
            ("NoCredential", "Caller"),
            "the vault holds no password for the test user",
        )
    },
];

const OK: (&str, &str) = ("", "");
