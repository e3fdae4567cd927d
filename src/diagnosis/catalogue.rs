//! The catalogue: every code that a finding can have, with its owners, its meaning and what to do.
//!
//! `Get-Help about_Diagnosis` prints it. A finding can only be made of an entry, so that no code
//! exists beside it. The remedy here is the general one; where the fault tells more, the finding's
//! own is more exact.

use super::Owner::{self, Caller, Imsh, Network, Pool, Unknown};

/// One code.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code.
    pub code: &'static str,
    /// Whose fault it is: the usual owner first, then those whom a closer look can find.
    pub owners: &'static [Owner],
    /// What it means: one or two sentences.
    pub meaning: &'static str,
    /// What to do: sentences in the imperative.
    pub remedy: &'static str,
}

macro_rules! entries {
    ($($name:ident: $code:literal, [$($owner:ident),+], $meaning:literal, $remedy:literal;)*) => {
        $(pub(super) static $name: Entry =
            Entry { code: $code, owners: &[$($owner),+], meaning: $meaning, remedy: $remedy };)*

        /// Every entry, in the order of the phases.
        pub fn catalogue() -> &'static [&'static Entry] {
            static ALL: &[&Entry] = &[$(&$name),*];
            ALL
        }
    };
}

entries! {
    // Before a packet leaves
    PLAN_NOT_ALLOWED: "PLAN-NOT-ALLOWED", [Caller],
        "The receiver's domain is neither served by a pool of the topology nor one of its allowed XMPP partners, so nothing was sent.",
        "Check the spelling of the receiver's domain; if it is right, add it to the topology's partners.";
    PLAN_ACCOUNT_STOPPED: "PLAN-ACCOUNT-STOPPED", [Caller],
        "The account's logon was refused three times in this batch. Servers ban those who go on, so it was left alone.",
        "See the results before this one for why the logon is refused; correct the stored credential with Set-TestUserCredential.";

    // Resolve
    DNS_BAD_SERVER: "DNS-BAD-SERVER", [Caller],
        "A server that the topology lists for the pool is not written as host, host:port, address or [address]:port.",
        "Correct the pool's `servers` in the topology.";
    DNS_BAD_NAME: "DNS-BAD-NAME", [Caller],
        "A name cannot be a name of DNS: a label is too long, empty, or holds a forbidden character.",
        "Correct the name.";
    DNS_NO_RESOLVER: "DNS-NO-RESOLVER", [Network],
        "The machine that runs the test has no usable name server.",
        "Name a name server in this machine's configuration (/etc/resolv.conf) or in the topology.";
    DNS_NOT_ASKED: "DNS-NOT-ASKED", [Network],
        "The machine that runs the test could not send its question to any name server.",
        "Check this machine's network and its name servers (/etc/resolv.conf).";
    DNS_TIMEOUT: "DNS-TIMEOUT", [Network],
        "No name server answered in time.",
        "Check that the name servers of this machine run and that it can reach them on port 53.";
    DNS_SERVER_FAILURE: "DNS-SERVER-FAILURE", [Network],
        "The name server answered with an error (SERVFAIL, REFUSED). The name may well exist: the resolver cannot reach the zone's servers, or its DNSSEC signatures are broken.",
        "Check the resolver of this machine, and the DNSSEC signatures and name servers of the zone; do not look for a typing mistake.";
    DNS_NO_SUCH_NAME: "DNS-NO-SUCH-NAME", [Pool, Caller],
        "DNS does not know the pool's name.",
        "Check the spelling of the pool's FQDN; if it is right, restore its record in DNS.";
    DNS_NO_RECORDS: "DNS-NO-RECORDS", [Pool, Caller],
        "DNS knows the pool's name and has no address for it.",
        "Check the spelling of the pool's FQDN; if it is right, add its A or AAAA record in DNS.";
    DNS_TARGET_WITHOUT_ADDRESS: "DNS-TARGET-WITHOUT-ADDRESS", [Pool, Network],
        "The pool's SRV records lead to a host that has no address.",
        "Correct the SRV record's target, or add an A or AAAA record for it.";
    DNS_NOT_OFFERED: "DNS-NOT-OFFERED", [Pool],
        "The pool's SRV record has the single target \".\": its administrator says that there is no service for clients.",
        "Ask the pool's administrator whether the service has moved; correct its _xmpp-client or _xmpps-client record.";
    DNS_SECURITY_NOT_OFFERED: "DNS-SECURITY-NOT-OFFERED", [Caller],
        "The pool's `security` in the topology asks for a kind of TLS that its SRV records do not offer.",
        "Set security = \"auto\" for this pool in the topology, or publish the missing SRV record.";

    // Connect
    CONNECT_REFUSED: "CONNECT-REFUSED", [Pool, Caller],
        "The pool's host answers, and nobody listens at the port: the service is stopped, or it is at another port.",
        "Start the XMPP service of the pool, or correct the port where it listens for clients.";
    CONNECT_TIMEOUT: "CONNECT-TIMEOUT", [Network, Caller],
        "Nothing came back from the pool's address: a firewall drops the packets, or the host is down.",
        "Check that the host is up, and the firewalls between this machine and the pool for its client port.";
    CONNECT_UNREACHABLE: "CONNECT-UNREACHABLE", [Network],
        "There is no route to any address of the pool.",
        "Check this machine's network and the routes to the pool.";
    CONNECT_RESET: "CONNECT-RESET", [Network],
        "Connections to the pool are reset while they are made: a firewall rejects them, or a load balancer has no server behind it.",
        "Check the firewalls and the load balancer in front of the pool.";
    CONNECT_DENIED: "CONNECT-DENIED", [Caller],
        "The machine that runs the test forbids the connection: a local firewall or sandbox.",
        "Allow outgoing connections to the pool's client port on this machine.";
    CONNECT_FAILED: "CONNECT-FAILED", [Unknown],
        "The pool's addresses failed in different ways.",
        "Look at each attempt: a refused one needs its service started, a silent one its host or firewall checked.";

    // Secure
    TLS_EXPIRED: "TLS-EXPIRED", [Pool],
        "The pool's certificate, or one that it depends on, has expired.",
        "Renew the pool's certificate and reload the server.";
    TLS_NOT_YET_VALID: "TLS-NOT-YET-VALID", [Pool],
        "The pool's certificate is not valid yet, or the clock of this machine is slow.",
        "Check this machine's clock; if it is right, install a certificate that is valid now.";
    TLS_NAME: "TLS-NAME", [Pool],
        "The pool's certificate is for other names than the sender's domain.",
        "Have the pool's certificate reissued with the domain's name, and check that the server picks it for this domain.";
    TLS_SELF_SIGNED: "TLS-SELF-SIGNED", [Pool],
        "The pool's certificate is signed by itself.",
        "Install a certificate from an issuer that clients trust; if this one is meant to be, name it as the pool's `ca_file` in the topology.";
    TLS_UNTRUSTED: "TLS-UNTRUSTED", [Pool],
        "The pool's certificate comes from an issuer that this machine does not trust.",
        "Install a certificate from a trusted issuer; if this is your own authority, name its certificate as the pool's `ca_file` in the topology.";
    TLS_INCOMPLETE_CHAIN: "TLS-INCOMPLETE-CHAIN", [Pool],
        "The pool does not send the intermediate certificate between its own and the issuer's.",
        "Append the missing intermediate certificate to the server's certificate file and reload the server.";
    TLS_WRONG_PURPOSE: "TLS-WRONG-PURPOSE", [Pool],
        "The pool's certificate may not be used for a TLS server (its extended key usage lacks serverAuth).",
        "Have the certificate reissued for server authentication.";
    TLS_INVALID: "TLS-INVALID", [Pool],
        "The pool's certificate, its signature or its chain is broken.",
        "Install a sound certificate with its chain and reload the server.";
    TLS_REFUSED: "TLS-REFUSED", [Pool],
        "The pool ended the TLS handshake with an alert: often it has no certificate for this domain, or no cipher in common.",
        "Check the server's certificate for this domain and its TLS settings; its log says more.";
    TLS_TOO_OLD: "TLS-TOO-OLD", [Pool],
        "The pool speaks no version of TLS that is still allowed (RFC 7590).",
        "Enable TLS 1.2 or TLS 1.3 on the server.";
    TLS_PORT_KIND: "TLS-PORT-KIND", [Pool, Caller],
        "The port wants TLS to begin another way: at once (direct TLS) or after STARTTLS.",
        "Make the SRV records, or the pool's `security` in the topology, say how TLS begins at this port.";
    TLS_NOT_TLS: "TLS-NOT-TLS", [Pool, Caller],
        "Something that speaks neither TLS nor XMPP answers at the pool's port.",
        "Correct the port, or stop what listens there in place of the XMPP server.";
    TLS_NOT_OFFERED: "TLS-NOT-OFFERED", [Pool],
        "The pool offers no STARTTLS. imsh sends no password without encryption.",
        "Configure a certificate for this domain and enable TLS on the server.";
    TLS_STARTTLS_FAILED: "TLS-STARTTLS-FAILED", [Pool],
        "The pool offers STARTTLS and fails when it is asked for.",
        "Check the server's certificate and key files for this domain; its log says more.";
    TLS_INJECTED: "TLS-INJECTED", [Network],
        "Plain text arrived between the agreement on TLS and the handshake. No server does this: somebody on the way may be trying to put words into the encrypted stream.",
        "Find out what stands between this machine and the pool (proxies, middleboxes) before you log on there.";
    TLS_CLOSED: "TLS-CLOSED", [Pool, Caller],
        "The pool closed the connection in the TLS handshake: often it has no certificate, or the port is none for TLS.",
        "Check the server's log, its certificate, and that this is its client port.";
    TLS_RESET: "TLS-RESET", [Pool, Caller],
        "The connection was reset in the TLS handshake: often the port wants TLS to begin another way, or a middlebox interferes.",
        "Check the server's log, how TLS begins at this port, and the firewalls on the way.";
    TLS_HANDSHAKE: "TLS-HANDSHAKE", [Pool],
        "The pool broke the rules of the TLS handshake.",
        "Check the server's TLS library and settings; its log says more.";
    TLS_TIMEOUT: "TLS-TIMEOUT", [Pool, Caller],
        "The pool accepted the connection and was not encrypted in time: it is overloaded or hung, or no XMPP server listens there.",
        "Check that the XMPP server behind this port is alive, and that this is its client port.";
    TLS_CA_FILE: "TLS-CA-FILE", [Caller],
        "The file of issuers that the topology names for the pool cannot be read or holds no certificates.",
        "Correct the pool's `ca_file` in the topology, or the file.";
    TLS_NO_ROOTS: "TLS-NO-ROOTS", [Caller],
        "This machine has no list of trusted issuers.",
        "Install the ca-certificates package, or name a `ca_file` for the pool.";
    TLS_CLIENT_CERTIFICATE: "TLS-CLIENT-CERTIFICATE", [Caller],
        "The sender's certificate or key in the vault cannot be used.",
        "Store a certificate and its key again with Set-TestUserCredential.";

    // The stream, in whatever phase
    STREAM_BROKEN: "STREAM-BROKEN", [Unknown],
        "The connection to the pool broke in the middle: the server was killed, or something on the way cut it.",
        "Check whether the server was restarted (its log), and the firewalls and load balancers on the way; then test again.";
    STREAM_CLOSED: "STREAM-CLOSED", [Pool],
        "The pool closed the connection without saying why.",
        "Look into the server's log for this time and this address; then test again.";
    STREAM_TIMEOUT: "STREAM-TIMEOUT", [Pool],
        "The pool stopped answering in the middle of a logon.",
        "Check that the XMPP server is alive and what it waits for (its database, its directory); its log says more.";
    STREAM_HOST_UNKNOWN: "STREAM-HOST-UNKNOWN", [Pool, Caller],
        "The pool does not serve the sender's domain.",
        "Add the domain to the pool's hosts, or test with a sender from a domain that the pool serves.";
    STREAM_HOST_GONE: "STREAM-HOST-GONE", [Pool],
        "The pool no longer serves the sender's domain.",
        "Enable the domain on the server again, or correct the topology: which pool serves it now?";
    STREAM_BANNED: "STREAM-BANNED", [Caller],
        "The pool has banned this machine's address, usually after failed logons (fail2ban). Right passwords are refused too while it lasts.",
        "Correct the credential that failed, wait until the ban ends or have it lifted on the server, and only then test again.";
    STREAM_POLICY: "STREAM-POLICY", [Pool],
        "A policy of the pool ended the stream.",
        "Compare the server's words with its limits and access rules; allow this account or this machine there.";
    STREAM_TOO_LONG_FOR_SERVER: "STREAM-STANZA-TOO-BIG", [Caller],
        "The pool takes no stanza of this size.",
        "Shorten the body, or raise the server's limit for stanzas.";
    STREAM_CONFLICT: "STREAM-CONFLICT", [Caller],
        "Another session of the same account took this one's place, or the account has as many sessions as it may have.",
        "End the account's other sessions, give each concurrent test its own test user, or raise the server's session limit.";
    STREAM_IDLE: "STREAM-IDLE", [Unknown],
        "The pool gave up on the connection because it heard nothing from us in time: packets are lost on the way, or this machine is overloaded.",
        "Check this machine's load and the network between it and the pool; then test again.";
    STREAM_SEE_OTHER_HOST: "STREAM-SEE-OTHER-HOST", [Pool],
        "The pool sends its clients to another host.",
        "Test the host that the server names, or correct the topology and the SRV records to lead there.";
    STREAM_SHUTDOWN: "STREAM-SHUTDOWN", [Pool],
        "The pool's server is being stopped or restarted.",
        "Test again when it is up.";
    STREAM_OVERLOADED: "STREAM-OVERLOADED", [Pool],
        "The pool lacks the resources to serve this stream.",
        "Check the server's load, memory and connection limits.";
    STREAM_SERVER_ERROR: "STREAM-SERVER-ERROR", [Pool],
        "The pool's server failed internally, or lost a server that it depends on.",
        "Look into the server's log for this time; check its database, directory and back ends.";
    STREAM_NOT_AUTHORIZED: "STREAM-NOT-AUTHORIZED", [Pool],
        "The pool ended the stream because it holds it for not authenticated.",
        "Look into the server's log for what it missed; check proxies between this machine and the server.";
    STREAM_NO_FEATURES: "STREAM-NO-FEATURES", [Pool],
        "The pool has no way to go on to offer: no mechanism for authentication is left on this connection.",
        "Enable an authentication mechanism for this domain on the server (and check that it is not tied to a condition that this connection fails).";
    STREAM_UNSUPPORTED: "STREAM-UNSUPPORTED", [Unknown],
        "The pool asks for something that we do not do, or lacks something that the stream needs.",
        "Compare the server's version and settings with RFC 6120; report it to the authors of imsh if they are in order.";
    STREAM_UNDEFINED: "STREAM-UNDEFINED", [Unknown],
        "The pool ended the stream for a reason that has no name in the protocol.",
        "Read the server's words, and its log for this time.";
    STREAM_COMPLAINT: "STREAM-COMPLAINT", [Imsh],
        "The pool says that what we sent breaks the protocol.",
        "Report it to the authors of imsh with the log of the result; check that no proxy on the way changes the stream.";
    STREAM_NOT_XMPP: "STREAM-NOT-XMPP", [Pool, Caller],
        "What answers at the pool's port is no XMPP server.",
        "Correct the port, or stop what listens there in place of the XMPP server.";
    STREAM_WRONG_PORT: "STREAM-WRONG-PORT", [Pool, Caller],
        "The port serves other servers or components, not clients.",
        "Use the port for clients (5222 as a rule) in the SRV records or the topology.";
    STREAM_MALFORMED: "STREAM-MALFORMED", [Pool],
        "The pool sent what XML or XMPP forbids (RFC 6120, section 11).",
        "Look for a proxy that changes the stream; if there is none, report it to the makers of the server.";
    STREAM_FLOOD: "STREAM-FLOOD", [Pool],
        "The pool sent more than any stream needs, and the test stopped reading.",
        "Find out what listens at this port and why it sends so much.";
    STREAM_VERSION: "STREAM-VERSION", [Pool],
        "The pool does not speak XMPP 1.0 (RFC 6120).",
        "Replace or upgrade the server, or what answers in its place.";
    STREAM_WRONG_DOMAIN: "STREAM-WRONG-DOMAIN", [Pool],
        "The pool answers for another domain than the sender's.",
        "Check the server's list of hosts, and the load balancer that chooses the server.";
    STREAM_UNEXPECTED: "STREAM-UNEXPECTED", [Pool],
        "The pool sent something else than the protocol has at this point.",
        "Look for a proxy in between; if there is none, report it to the makers of the server.";

    // Send
    SEND_TOO_LONG: "SEND-TOO-LONG", [Caller],
        "The message is longer than the stanzas that the pool announces to take (XEP-0478).",
        "Shorten the body that -Body or the partner's `body` gives.";

    // In any phase
    UNEXPLAINED: "UNEXPLAINED", [Unknown],
        "A fault that has no words yet.",
        "Read the error.";
    CANCELLED: "CANCELLED", [Caller],
        "The test was ended before it was done.",
        "Run it again.";
}
