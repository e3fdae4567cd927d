//! The table of pools, in the order of the phases in which they fail.

use super::texts::{
    BANNED, FORBIDDEN_XML, HANDSHAKE_FAILURE_ALERT, HTTP, NO_FEATURES, NONSENSE_HANDSHAKE, OLD_VERSION,
    OTHER_DOMAIN, PROTOCOL_VERSION_ALERT, SERVER_PORT, WRONG_NAMESPACE,
};
use super::{LabPool, Lends, Lesson};
use crate::lab::behaviour::{
    Behaviour, BindBehaviour, CertificateBehaviour, DnsBehaviour, Manner, PortBehaviour, SaslBehaviour,
    StanzaBehaviour, StreamBehaviour, TlsBehaviour,
};

/// Every pool of the practice network.
pub const POOLS: &[LabPool] = &[
    LabPool {
        identity: "atl-cs-001.litwareinc.com",
        domain: "litwareinc.com",
        site: "Redmond",
        behaviour: HEALTHY,
        lends: Lends::Users(&["kenmyer", "pilar"]),
        settings: "",
        lesson: Lesson { code: "", owner: "", shows: "everything works; its errors are worded as Prosody's" },
    },
    LabPool {
        identity: "dub-cs-001.fabrikam.com",
        domain: "fabrikam.com",
        site: "Dublin",
        behaviour: Behaviour { manner: Manner::Ejabberd, names: DnsBehaviour::DirectFirst, ..HEALTHY },
        lends: Lends::Users(&["phyllis", "david"]),
        settings: "",
        lesson: Lesson {
            code: "",
            owner: "",
            shows: "everything works, over direct TLS; its errors are worded as ejabberd's",
        },
    },
    LabPool {
        identity: "old-fe.wingtiptoys.com",
        domain: "wingtiptoys.com",
        site: "Practice",
        behaviour: names(DnsBehaviour::Elsewhere),
        lends: Lends::Users(&["kenmyer"]),
        settings: "",
        lesson: Lesson {
            code: "",
            owner: "",
            shows: "it works, but the records of its users' domain lead to another host",
        },
    },
    broken(
        "expiring.litwareinc.com",
        certificate(CertificateBehaviour::EndsSoon),
        OK,
        "it works, and its certificate ends in five days",
    ),
    broken("tls12.litwareinc.com", tls(TlsBehaviour::Only12), OK, "it works, over TLS 1.2"),
    broken(
        "broken-binding.litwareinc.com",
        Behaviour { manner: Manner::Ejabberd, ..logon(SaslBehaviour::BrokenBinding) },
        OK,
        "it works, though it offers a channel binding that it cannot do, as ejabberd 23.01",
    ),
    // Resolve
    broken(
        "nxdomain.litwareinc.com",
        names(DnsBehaviour::Missing),
        ("DNS-NO-SUCH-NAME", "Pool"),
        "DNS does not know the pool's name",
    ),
    broken(
        "servfail.litwareinc.com",
        names(DnsBehaviour::Failing),
        ("DNS-SERVER-FAILURE", "Network"),
        "the name server fails, which does not mean that the name is missing",
    ),
    broken(
        "dns-silent.litwareinc.com",
        names(DnsBehaviour::Silent),
        ("DNS-TIMEOUT", "Pool"),
        "the name server does not answer",
    ),
    broken(
        "not-offered.litwareinc.com",
        names(DnsBehaviour::NotOffered),
        ("DNS-NOT-OFFERED", "Pool"),
        "the pool's SRV record says that it offers no service",
    ),
    broken(
        "no-address.litwareinc.com",
        names(DnsBehaviour::WithoutAddress),
        ("DNS-TARGET-WITHOUT-ADDRESS", "Pool"),
        "the pool's SRV record leads to a host without an address",
    ),
    broken(
        "no-records.litwareinc.com",
        names(DnsBehaviour::Empty),
        ("DNS-NO-RECORDS", "Pool"),
        "DNS knows the pool's name, and has no address for it",
    ),
    LabPool {
        settings: "security = \"direct\"",
        ..broken(
            "direct-only.litwareinc.com",
            HEALTHY,
            ("DNS-SECURITY-NOT-OFFERED", "Caller"),
            "the topology wants direct TLS, and DNS offers STARTTLS only",
        )
    },
    // Connect
    broken(
        "refused.litwareinc.com",
        port(PortBehaviour::Closed),
        ("CONNECT-REFUSED", "Pool"),
        "the host answers, and nobody listens",
    ),
    broken(
        "dropped.litwareinc.com",
        port(PortBehaviour::Dropping),
        ("CONNECT-TIMEOUT", "Network"),
        "packets to the port are dropped",
    ),
    broken(
        "mixed.litwareinc.com",
        port(PortBehaviour::Mixed),
        ("CONNECT-FAILED", "Unknown"),
        "at one server nobody listens, and the other one does not answer",
    ),
    // Secure
    broken(
        "tls-on-starttls-port.litwareinc.com",
        port(PortBehaviour::SpeaksTls),
        ("TLS-PORT-KIND", "Pool"),
        "the port speaks TLS at once, where DNS promises STARTTLS",
    ),
    broken(
        "starttls-on-tls-port.litwareinc.com",
        port(PortBehaviour::WantsStartTls),
        ("TLS-PORT-KIND", "Pool"),
        "the port wants STARTTLS, where DNS promises TLS at once",
    ),
    broken(
        "silent.litwareinc.com",
        stream(StreamBehaviour::Silent),
        ("TLS-TIMEOUT", "Pool"),
        "the port accepts, and says nothing",
    ),
    broken(
        "closes.litwareinc.com",
        stream(StreamBehaviour::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed instead of a stream",
    ),
    broken(
        "resets.litwareinc.com",
        stream(StreamBehaviour::Resets),
        ("STREAM-CLOSED", "Pool"),
        "the connection is reset instead of a stream",
    ),
    broken(
        "garbage.litwareinc.com",
        stream(StreamBehaviour::Says(HTTP)),
        ("STREAM-NOT-XMPP", "Pool"),
        "a web server stands at the port",
    ),
    broken(
        "endless-header.litwareinc.com",
        stream(StreamBehaviour::EndlessHeader),
        ("STREAM-FLOOD", "Pool"),
        "the stream's header never ends",
    ),
    broken(
        "wrong-namespace.litwareinc.com",
        stream(StreamBehaviour::Says(WRONG_NAMESPACE)),
        ("STREAM-NOT-XMPP", "Pool"),
        "the stream is not XMPP's",
    ),
    broken(
        "forbidden-xml.litwareinc.com",
        stream(StreamBehaviour::Says(FORBIDDEN_XML)),
        ("STREAM-NOT-XMPP", "Pool"),
        "the server sends a document type with entities, which XMPP forbids",
    ),
    broken(
        "host-unknown.litwareinc.com",
        stream(StreamBehaviour::Ends(
            "host-unknown",
            "This server does not serve host-unknown.litwareinc.com",
        )),
        ("STREAM-HOST-UNKNOWN", "Pool"),
        "the server does not serve the users' domain",
    ),
    broken(
        "redirects.litwareinc.com",
        stream(StreamBehaviour::Ends("see-other-host", "elsewhere.example:5222")),
        ("STREAM-SEE-OTHER-HOST", "Pool"),
        "the server sends its clients to another host, before TLS",
    ),
    broken(
        "banned.litwareinc.com",
        stream(StreamBehaviour::Ends("policy-violation", BANNED)),
        ("STREAM-BANNED", "Caller"),
        "the server has banned this machine for a while",
    ),
    broken(
        "no-starttls.litwareinc.com",
        stream(StreamBehaviour::NoStartTls),
        ("TLS-NOT-OFFERED", "Pool"),
        "the server offers no encryption",
    ),
    broken(
        "starttls-fails.litwareinc.com",
        stream(StreamBehaviour::FailsStartTls),
        ("TLS-STARTTLS-FAILED", "Pool"),
        "the server offers STARTTLS and fails it",
    ),
    broken(
        "plaintext-injection.litwareinc.com",
        stream(StreamBehaviour::Injects),
        ("TLS-INJECTED", "Pool"),
        "somebody puts plaintext behind the answer to STARTTLS",
    ),
    broken(
        "tls-silent.litwareinc.com",
        tls(TlsBehaviour::Silent),
        ("TLS-TIMEOUT", "Pool"),
        "the server says nothing in the TLS handshake",
    ),
    broken(
        "tls-then-silent.litwareinc.com",
        tls(TlsBehaviour::Mute),
        ("TLS-TIMEOUT", "Pool"),
        "the server makes the TLS handshake, and says nothing in the encrypted stream",
    ),
    broken(
        "tls-closes.litwareinc.com",
        tls(TlsBehaviour::Closes),
        ("TLS-CLOSED", "Pool"),
        "the connection is closed in the TLS handshake",
    ),
    broken(
        "tls-resets.litwareinc.com",
        tls(TlsBehaviour::Resets),
        ("TLS-RESET", "Pool"),
        "the connection is reset in the TLS handshake",
    ),
    broken(
        "tls-too-old.litwareinc.com",
        tls(TlsBehaviour::Says(PROTOCOL_VERSION_ALERT)),
        ("TLS-TOO-OLD", "Pool"),
        "the server speaks TLS 1.0 only",
    ),
    broken(
        "tls-garbage.litwareinc.com",
        tls(TlsBehaviour::Says(HTTP.as_bytes())),
        ("TLS-NOT-TLS", "Pool"),
        "what answers the handshake is not TLS",
    ),
    broken(
        "expired.litwareinc.com",
        certificate(CertificateBehaviour::Expired),
        ("TLS-EXPIRED", "Pool"),
        "the certificate ended three days ago",
    ),
    broken(
        "not-yet-valid.litwareinc.com",
        certificate(CertificateBehaviour::NotYetValid),
        ("TLS-NOT-YET-VALID", "Pool"),
        "the certificate begins tomorrow",
    ),
    broken(
        "wrong-name.litwareinc.com",
        certificate(CertificateBehaviour::WrongName),
        ("TLS-NAME", "Pool"),
        "the certificate is for another name",
    ),
    broken(
        "self-signed.litwareinc.com",
        certificate(CertificateBehaviour::SelfSigned),
        ("TLS-SELF-SIGNED", "Pool"),
        "the server signed its certificate itself",
    ),
    broken(
        "unknown-ca.litwareinc.com",
        certificate(CertificateBehaviour::UnknownIssuer),
        ("TLS-UNTRUSTED", "Pool"),
        "nobody here knows the certificate's issuer",
    ),
    broken(
        "incomplete-chain.litwareinc.com",
        certificate(CertificateBehaviour::IncompleteChain),
        ("TLS-INCOMPLETE-CHAIN", "Pool"),
        "the server does not send the certificate of the issuer in between",
    ),
    broken(
        "client-certificate.litwareinc.com",
        certificate(CertificateBehaviour::ForClients),
        ("TLS-WRONG-PURPOSE", "Pool"),
        "the certificate is for clients only",
    ),
    LabPool {
        settings: "ca_file = \"missing.pem\"",
        ..broken(
            "no-ca-file.litwareinc.com",
            HEALTHY,
            ("TLS-CA-FILE", "Caller"),
            "the topology names a file of issuers that is not there",
        )
    },
    broken(
        "forged.litwareinc.com",
        certificate(CertificateBehaviour::Namesake),
        ("TLS-UNTRUSTED", "Pool"),
        "the certificate was signed by another authority of the same name",
    ),
    broken(
        "authority.litwareinc.com",
        certificate(CertificateBehaviour::Authority),
        ("TLS-INVALID", "Pool"),
        "the certificate is one for an authority",
    ),
    broken(
        "certificate-wanted.litwareinc.com",
        tls(TlsBehaviour::WantsCertificate),
        ("TLS-CERTIFICATE-WANTED", "Caller"),
        "nobody is let in without a client certificate",
    ),
    broken(
        "no-certificate.litwareinc.com",
        tls(TlsBehaviour::Says(HANDSHAKE_FAILURE_ALERT)),
        ("TLS-REFUSED", "Pool"),
        "the server ends the handshake, as one does that has no certificate for the domain",
    ),
    broken(
        "tls-nonsense.litwareinc.com",
        tls(TlsBehaviour::Says(NONSENSE_HANDSHAKE)),
        ("TLS-HANDSHAKE", "Pool"),
        "the server breaks the rules of the handshake",
    ),
    broken(
        "old-version.litwareinc.com",
        stream(StreamBehaviour::Says(OLD_VERSION)),
        ("STREAM-VERSION", "Pool"),
        "the server speaks the protocol of 1999",
    ),
    broken(
        "other-domain.litwareinc.com",
        stream(StreamBehaviour::Says(OTHER_DOMAIN)),
        ("STREAM-WRONG-DOMAIN", "Pool"),
        "the server answers for another domain",
    ),
    broken(
        "server-port.litwareinc.com",
        stream(StreamBehaviour::Says(SERVER_PORT)),
        ("STREAM-WRONG-PORT", "Pool"),
        "DNS leads to the port for other servers",
    ),
    broken(
        "no-features.litwareinc.com",
        stream(StreamBehaviour::Says(NO_FEATURES)),
        ("STREAM-UNEXPECTED", "Pool"),
        "the server sends a message where the stream's features belong",
    ),
    broken(
        "nothing-to-offer.litwareinc.com",
        stream(StreamBehaviour::Ends("undefined-condition", "No stream features to proceed with")),
        ("STREAM-NO-FEATURES", "Pool"),
        "the server has no way to go on to offer",
    ),
    // Authenticate
    broken(
        "no-mechanisms.litwareinc.com",
        logon(SaslBehaviour::NoMechanisms),
        ("SASL-NO-MECHANISM", "Pool"),
        "the server offers no way to authenticate",
    ),
    broken(
        "unknown-mechanism.litwareinc.com",
        logon(SaslBehaviour::UnknownMechanisms),
        ("SASL-NO-MECHANISM", "Pool"),
        "the server offers no mechanism that imsh knows",
    ),
    broken(
        "plain-only.litwareinc.com",
        logon(SaslBehaviour::PlainOnly),
        ("SASL-PLAIN-ONLY", "Pool"),
        "the server wants the password itself, and the pool's settings do not allow it",
    ),
    LabPool {
        lends: Lends::WrongPassword,
        ..broken(
            "wrong-password.litwareinc.com",
            HEALTHY,
            ("SASL-REJECTED", "Caller"),
            "the vault holds a wrong password",
        )
    },
    LabPool {
        lends: Lends::UnknownAccount,
        ..broken(
            "unknown-account.litwareinc.com",
            HEALTHY,
            ("SASL-NO-SUCH-ACCOUNT", "Caller"),
            "the topology lists a test user whom the server does not know",
        )
    },
    LabPool {
        lends: Lends::WrongPassword,
        ..broken(
            "wrong-password.fabrikam.com",
            Behaviour { manner: Manner::Ejabberd, ..HEALTHY },
            ("SASL-REJECTED", "Caller"),
            "the vault holds a wrong password; the answer is ejabberd's",
        )
    },
    LabPool {
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
        logon(SaslBehaviour::Refuses("account-disabled", "Your account is disabled")),
        ("SASL-DISABLED", "Pool"),
        "the account is disabled",
    ),
    broken(
        "expired-password.litwareinc.com",
        logon(SaslBehaviour::Refuses("credentials-expired", "")),
        ("SASL-EXPIRED", "Caller"),
        "the account's password has expired",
    ),
    broken(
        "directory-down.litwareinc.com",
        logon(SaslBehaviour::Refuses("temporary-auth-failure", "Unable to reach the directory")),
        ("SASL-TEMPORARY", "Pool"),
        "the server cannot check passwords at the moment",
    ),
    broken(
        "auth-silent.litwareinc.com",
        logon(SaslBehaviour::Silent),
        ("SASL-TIMEOUT", "Pool"),
        "the server does not answer the authentication",
    ),
    broken(
        "auth-closes.litwareinc.com",
        logon(SaslBehaviour::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed instead of an answer",
    ),
    broken(
        "wrong-signature.litwareinc.com",
        logon(SaslBehaviour::WrongSignature),
        ("SASL-WRONG-SIGNATURE", "Pool"),
        "the server cannot prove that it knows the account",
    ),
    broken(
        "no-proof.litwareinc.com",
        logon(SaslBehaviour::NoSignature),
        ("SASL-NO-PROOF", "Pool"),
        "the server claims success without proving that it knows the account",
    ),
    broken(
        "success-at-once.litwareinc.com",
        logon(SaslBehaviour::SuccessAtOnce),
        ("SASL-NO-PROOF", "Pool"),
        "the server claims success before it asked for anything",
    ),
    broken(
        "foreign-nonce.litwareinc.com",
        logon(SaslBehaviour::ForeignNonce),
        ("SASL-FOREIGN-NONCE", "Pool"),
        "the server's nonce does not extend ours, as in a replay",
    ),
    broken(
        "one-iteration.litwareinc.com",
        logon(SaslBehaviour::Iterations(1)),
        ("SASL-ITERATIONS", "Pool"),
        "the server asks for a proof that is easily guessed from",
    ),
    broken(
        "million-iterations.litwareinc.com",
        logon(SaslBehaviour::Iterations(20_000_000)),
        ("SASL-ITERATIONS", "Pool"),
        "the server asks for twenty million iterations",
    ),
    broken(
        "garbled-challenge.litwareinc.com",
        logon(SaslBehaviour::Garbled),
        ("SASL-MALFORMED", "Pool"),
        "the server's challenge cannot be read",
    ),
    broken(
        "unknown-extension.litwareinc.com",
        logon(SaslBehaviour::MandatoryExtension),
        ("SASL-EXTENSION", "Pool"),
        "the server demands an extension that nobody knows",
    ),
    broken(
        "refuses-mechanism.litwareinc.com",
        logon(SaslBehaviour::Refuses("invalid-mechanism", "")),
        ("SASL-MECHANISM-REFUSED", "Pool"),
        "the server offers a mechanism and then refuses it",
    ),
    broken(
        "too-weak.litwareinc.com",
        logon(SaslBehaviour::Refuses("mechanism-too-weak", "")),
        ("SASL-TOO-WEAK", "Pool"),
        "the account may not use so weak a mechanism",
    ),
    broken(
        "thinks-unencrypted.litwareinc.com",
        logon(SaslBehaviour::Refuses("encryption-required", "")),
        ("SASL-ENCRYPTION-REQUIRED", "Pool"),
        "the server takes the encrypted connection for an open one",
    ),
    broken(
        "wrong-identity.litwareinc.com",
        logon(SaslBehaviour::Refuses("invalid-authzid", "")),
        ("SASL-IDENTITY", "Caller"),
        "the credential may not act for the address",
    ),
    broken(
        "aborts.litwareinc.com",
        logon(SaslBehaviour::Refuses("aborted", "")),
        ("SASL-ABORTED", "Pool"),
        "the server aborts the authentication",
    ),
    broken(
        "complains.litwareinc.com",
        logon(SaslBehaviour::Refuses("malformed-request", "")),
        ("SASL-COMPLAINT", "imsh"),
        "the server says that imsh broke the protocol",
    ),
    broken(
        "new-reason.litwareinc.com",
        logon(SaslBehaviour::Refuses("practice-makes-perfect", "")),
        ("SASL-REFUSED", "Unknown"),
        "the server refuses for a reason that nobody knows",
    ),
    broken(
        "broken-plus.litwareinc.com",
        logon(SaslBehaviour::Refuses("not-authorized", "Invalid channel binding")),
        ("SASL-CHANNEL-BINDING", "Pool"),
        "the channel binding fails, as behind a proxy that ends TLS",
    ),
    // Bind
    broken(
        "no-bind.litwareinc.com",
        bind(BindBehaviour::Missing),
        ("BIND-NOT-OFFERED", "Pool"),
        "the server offers no resource",
    ),
    broken(
        "bind-refused.litwareinc.com",
        bind(BindBehaviour::Refuses("wait", "resource-constraint")),
        ("BIND-LIMIT", "Pool"),
        "the server refuses the resource: too many sessions",
    ),
    broken(
        "bind-silent.litwareinc.com",
        bind(BindBehaviour::Silent),
        ("BIND-TIMEOUT", "Pool"),
        "the server does not answer the wish for a resource",
    ),
    broken(
        "bind-closes.litwareinc.com",
        bind(BindBehaviour::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed instead of a resource",
    ),
    broken(
        "malformed-bind.litwareinc.com",
        bind(BindBehaviour::Malformed),
        ("BIND-BAD-ADDRESS", "Pool"),
        "the server gives an address that is none",
    ),
    broken(
        "other-account.litwareinc.com",
        bind(BindBehaviour::Other("pilar")),
        ("BIND-OTHER-ACCOUNT", "Pool"),
        "the server logs kenmyer on as pilar",
    ),
    broken(
        "bind-forbidden.litwareinc.com",
        bind(BindBehaviour::Refuses("cancel", "not-allowed")),
        ("BIND-FORBIDDEN", "Pool"),
        "the server allows the account no session",
    ),
    broken(
        "bind-fails.litwareinc.com",
        bind(BindBehaviour::Refuses("cancel", "internal-server-error")),
        ("BIND-REFUSED", "Pool"),
        "the server fails at the resource",
    ),
    // Send and Deliver
    broken(
        "swallows.litwareinc.com",
        session(StanzaBehaviour::Silent),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the server takes the message, and nothing is heard again",
    ),
    broken(
        "closes-late.litwareinc.com",
        session(StanzaBehaviour::Closes),
        ("STREAM-CLOSED", "Pool"),
        "the connection is closed at the message",
    ),
    broken(
        "breaks-late.litwareinc.com",
        session(StanzaBehaviour::Breaks),
        ("STREAM-CLOSED", "Pool"),
        "the connection breaks at the message, as when a server is killed",
    ),
    broken(
        "system-shutdown.litwareinc.com",
        session(StanzaBehaviour::Ends("system-shutdown", "Received SIGTERM")),
        ("STREAM-SHUTDOWN", "Pool"),
        "the server shuts down at the message",
    ),
    broken(
        "conflict.litwareinc.com",
        session(StanzaBehaviour::Ends("conflict", "Replaced by new connection")),
        ("STREAM-CONFLICT", "Caller"),
        "another session takes our place at the message",
    ),
    broken(
        "endless-stanza.litwareinc.com",
        session(StanzaBehaviour::Endless),
        ("STREAM-FLOOD", "Pool"),
        "the server sends a stanza that never ends",
    ),
    broken(
        "endless-blanks.litwareinc.com",
        session(StanzaBehaviour::Blanks),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the server sends blanks for ever",
    ),
    broken(
        "garbage-late.litwareinc.com",
        session(StanzaBehaviour::Says("<message><body>&nbsp;</message><!-- ]]>")),
        ("STREAM-MALFORMED", "Pool"),
        "the server sends what is not XML in the middle of the stream",
    ),
    broken(
        "over-acknowledges.litwareinc.com",
        session(StanzaBehaviour::OverAcknowledges),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the server acknowledges more than it was sent",
    ),
    broken(
        "pongs-itself.litwareinc.com",
        session(StanzaBehaviour::PongsItself),
        ("EVIDENCE-SILENCE", "Unknown"),
        "the pool answers the partner's ping in its own name",
    ),
    broken(
        "errs-for-others.litwareinc.com",
        session(StanzaBehaviour::ErrsForOthers),
        ("FEDERATION-FAILED", "Unknown"),
        "the pool answers the partner's ping with an error of its own",
    ),
    broken(
        "one-way.litwareinc.com",
        session(StanzaBehaviour::OneWay),
        ("EVIDENCE-SILENCE", "Unknown"),
        "what comes from other domains arrives here; what goes out is lost",
    ),
    broken(
        "no-federation.litwareinc.com",
        session(StanzaBehaviour::NoFederation),
        ("FEDERATION-DISABLED", "Pool"),
        "the server does not exchange messages with other domains at all",
    ),
    broken(
        "host-gone.litwareinc.com",
        session(StanzaBehaviour::Ends("host-gone", "")),
        ("STREAM-HOST-GONE", "Pool"),
        "the domain is taken from the server at the message",
    ),
    broken(
        "kicked.litwareinc.com",
        session(StanzaBehaviour::Ends("policy-violation", "Your account may not be used by programs")),
        ("STREAM-POLICY", "Pool"),
        "a policy of the server ends the session",
    ),
    broken(
        "too-big.litwareinc.com",
        session(StanzaBehaviour::Ends("policy-violation", "Stanza is too big")),
        ("STREAM-STANZA-TOO-BIG", "Caller"),
        "the message is too long for the server",
    ),
    broken(
        "idle.litwareinc.com",
        session(StanzaBehaviour::Ends("connection-timeout", "")),
        ("STREAM-IDLE", "Unknown"),
        "the server believes that it heard nothing from us",
    ),
    broken(
        "not-authorized.litwareinc.com",
        session(StanzaBehaviour::Ends("not-authorized", "")),
        ("STREAM-NOT-AUTHORIZED", "Pool"),
        "the server forgets that we have logged on",
    ),
    broken(
        "overloaded.litwareinc.com",
        session(StanzaBehaviour::Ends("resource-constraint", "")),
        ("STREAM-OVERLOADED", "Pool"),
        "the server lacks resources",
    ),
    broken(
        "fails-inside.litwareinc.com",
        session(StanzaBehaviour::Ends("internal-server-error", "")),
        ("STREAM-SERVER-ERROR", "Pool"),
        "the server fails internally",
    ),
    broken(
        "no-reason.litwareinc.com",
        session(StanzaBehaviour::Ends("undefined-condition", "")),
        ("STREAM-UNDEFINED", "Unknown"),
        "the server ends the stream without a reason",
    ),
    broken(
        "unsupported.litwareinc.com",
        session(StanzaBehaviour::Ends("unsupported-feature", "")),
        ("STREAM-UNSUPPORTED", "Unknown"),
        "the server wants what imsh does not do",
    ),
    broken(
        "misunderstands.litwareinc.com",
        session(StanzaBehaviour::Ends("not-well-formed", "")),
        ("STREAM-COMPLAINT", "imsh"),
        "the server says that imsh broke the protocol",
    ),
    broken(
        "deaf.litwareinc.com",
        session(StanzaBehaviour::Deaf),
        ("", ""),
        "what goes out arrives; what comes in is lost",
    ),
    broken(
        "first-closed.litwareinc.com",
        port(PortBehaviour::FirstClosed),
        OK,
        "nobody listens at the pool's first server; the second one is taken, with a warning",
    ),
    broken(
        "servers-only.litwareinc.com",
        Behaviour { certificate: CertificateBehaviour::ForServers, ..HEALTHY },
        OK,
        "the pool's certificate proves it to clients, and a warning says that strict servers refuse it",
    ),
    broken(
        "eats-messages.litwareinc.com",
        session(StanzaBehaviour::EatsMessages),
        ("MESSAGES-VANISH", "Pool"),
        "the pool acknowledges messages and swallows them, and carries pings",
    ),
    broken(
        "stops-answering.litwareinc.com",
        session(StanzaBehaviour::StopsAnswering),
        ("EVIDENCE-POOL-SILENT", "Pool"),
        "the pool acknowledges the message, and then hangs",
    ),
    // What cannot run at all
    LabPool {
        lends: Lends::Nobody,
        ..broken(
            "no-test-users.litwareinc.com",
            HEALTHY,
            ("NotFoundTestUsers", "Caller"),
            "the pool lends no test users",
        )
    },
    LabPool {
        lends: Lends::NoPassword,
        ..broken(
            "no-password.litwareinc.com",
            HEALTHY,
            ("NoCredential", "Caller"),
            "the vault holds no password for the test user",
        )
    },
    LabPool {
        lends: Lends::Certificate,
        ..broken(
            "certificate.litwareinc.com",
            logon(SaslBehaviour::Certificates),
            OK,
            "the test user logs on with a certificate",
        )
    },
    LabPool {
        lends: Lends::OthersCertificate,
        ..broken(
            "others-certificate.litwareinc.com",
            logon(SaslBehaviour::Certificates),
            ("SASL-CERTIFICATE", "Caller"),
            "the stored certificate is somebody else's",
        )
    },
    broken(
        "external-only.litwareinc.com",
        logon(SaslBehaviour::Certificates),
        ("SASL-CERTIFICATE-WANTED", "Caller"),
        "the test user has a password, and the pool wants a certificate",
    ),
    broken(
        "bound-only.litwareinc.com",
        logon(SaslBehaviour::OnlyBound),
        ("SASL-NO-CHANNEL-BINDING", "Pool"),
        "the pool demands a channel binding, and names none",
    ),
    broken(
        "sasl2-only.litwareinc.com",
        logon(SaslBehaviour::SaslTwo),
        ("SASL-NO-MECHANISM", "Pool"),
        "the pool speaks only the SASL that few clients know",
    ),
    broken(
        "short-stanzas.litwareinc.com",
        session(StanzaBehaviour::Limits(300)),
        ("SEND-TOO-LONG", "Caller"),
        "the pool announces a limit that the message does not keep to",
    ),
    LabPool {
        lends: Lends::WrongKey,
        ..broken(
            "wrong-key.litwareinc.com",
            logon(SaslBehaviour::Certificates),
            ("TLS-CLIENT-CERTIFICATE", "Caller"),
            "the stored key is not that of the stored certificate",
        )
    },
];

/// A broken pool: named after what is broken, serving a domain of its own name.
const fn broken(
    name: &'static str,
    behaviour: Behaviour,
    (code, owner): (&'static str, &'static str),
    shows: &'static str,
) -> LabPool {
    LabPool {
        identity: name,
        domain: name,
        site: "Practice",
        behaviour,
        lends: Lends::Users(&["kenmyer"]),
        settings: "",
        lesson: Lesson { code, owner, shows },
    }
}

const HEALTHY: Behaviour = Behaviour::HEALTHY;

const fn names(names: DnsBehaviour) -> Behaviour {
    Behaviour { names, ..HEALTHY }
}

const fn port(port: PortBehaviour) -> Behaviour {
    Behaviour { port, ..HEALTHY }
}

const fn stream(stream: StreamBehaviour) -> Behaviour {
    Behaviour { stream, ..HEALTHY }
}

const fn tls(tls: TlsBehaviour) -> Behaviour {
    Behaviour { tls, ..HEALTHY }
}

const fn certificate(certificate: CertificateBehaviour) -> Behaviour {
    Behaviour { certificate, ..HEALTHY }
}

const fn logon(logon: SaslBehaviour) -> Behaviour {
    Behaviour { logon, ..HEALTHY }
}

const fn bind(bind: BindBehaviour) -> Behaviour {
    Behaviour { bind, ..HEALTHY }
}

const fn session(session: StanzaBehaviour) -> Behaviour {
    Behaviour { session, ..HEALTHY }
}

const OK: (&str, &str) = ("", "");
