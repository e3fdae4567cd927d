//! The catalogue: every code that a finding can have, with its owners, its meaning and what to do.
//!
//! `Get-Help about_Diagnosis` prints it. A finding can only be made of an entry, so that no code
//! exists beside it. The remedy here is the general one; where the fault tells more, the finding's
//! own is more exact.

use std::fmt;

use super::Owner::{self, Caller, Imsh, Network, Partner, Pool, Unknown};

/// One code.
#[derive(Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The code.
    pub code: &'static str,
    /// The possible owners of the fault: the usual one first, then those whom a closer look can find.
    pub owners: &'static [Owner],
    /// Whether it may pass by itself.
    pub persistence: Persistence,
    /// The other tests that the finding holds for.
    pub reach: Reach,
    /// The meaning of the code: one or two sentences.
    pub meaning: &'static str,
    /// The remedy: sentences in the imperative.
    pub remedy: &'static str,
}

/// Whether a fault may pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// A later try may do better, with nothing changed meanwhile.
    Transient,
    /// It stays until somebody changes something.
    Lasting,
}

/// The other tests that a finding holds for as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// None: it is about this sender and this receiver.
    Pair,
    /// Every test of the account that logged on.
    Account,
    /// Every test from the same pool to the same partner.
    Partner,
    /// Every test at the pool.
    Pool,
    /// Every test of this machine.
    Machine,
}

/// An exercise of the practice network that shows a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Practice {
    /// The pool to send from.
    pub target: &'static str,
    /// The receiver to send to.
    pub receiver: &'static str,
}

impl CatalogueEntry {
    /// Returns the exercise that shows this code in the practice network, or `None` where no network can show it.
    pub fn practice(&self) -> Option<Practice> {
        PRACTICE.lines().find_map(|line| {
            let mut words = line.split(' ');
            let (code, target, receiver) = (words.next()?, words.next()?, words.next()?);
            (code == self.code).then_some(Practice { target, receiver })
        })
    }
}

impl fmt::Display for Practice {
    /// The command to try.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, receiver } = self;
        write!(f, "imsh --lab -c 'Test-XmppIM -TargetFqdn {target} -Receiver {receiver}'")
    }
}

impl CatalogueEntry {
    /// The command that shows this code in the practice network, where a network can show it.
    pub fn shown_by(&self) -> Option<String> {
        let special = COMMANDS.iter().find(|(code, _)| *code == self.code);
        let special = special.map(|(_, command)| format!("imsh --lab -c '{command}'"));
        self.practice().map(|practice| practice.to_string()).or(special)
    }
}

impl Persistence {
    /// The word for it in help.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Lasting => "lasting",
        }
    }
}

impl Reach {
    /// The word for it in help.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Account => "account",
            Self::Partner => "partner",
            Self::Pool => "pool",
            Self::Machine => "machine",
        }
    }
}

/// The entry of a code.
pub fn entry(code: &str) -> Option<&'static CatalogueEntry> {
    catalogue().iter().copied().find(|entry| entry.code == code)
}

/// Whether what a code says cannot pass by itself: one such finding is enough to call a pair down.
pub fn is_lasting(code: &str) -> bool {
    entry(code).is_some_and(|entry| entry.persistence == Persistence::Lasting)
}

/// Whether what a code says holds for every test with the same account, and cannot pass by itself.
pub fn stops_account(code: &str) -> bool {
    entry(code)
        .is_some_and(|entry| entry.reach == Reach::Account && entry.persistence == Persistence::Lasting)
}

/// The commands that show a code that no exercise shows: it takes another cmdlet, or an option. A test runs each.
const COMMANDS: &[(&str, &str)] = &[
    (
        "PLAN-ACCOUNT-STOPPED",
        "Test-XmppIM wrong-password.litwareinc.com a@contoso.com,b@contoso.com,c@contoso.com,d@contoso.com -FreshLogon",
    ),
    ("PLAN-NO-TEST-USERS", "Test-Topology no-test-users.litwareinc.com"),
    ("SERVER-PASSED-OVER", "Test-XmppIM first-closed.litwareinc.com adelany@contoso.com"),
    ("CERTIFICATE-SERVERS-ONLY", "Test-XmppIM servers-only.litwareinc.com adelany@contoso.com"),
    ("EVIDENCE-PING-ONLY", "Test-XmppIM atl-cs-001.litwareinc.com offline@keeps-messages.contoso.com"),
    ("PING-REFUSED", "(Test-XmppPing atl-cs-001.litwareinc.com no-ping.contoso.com).Warnings"),
    ("DNS-ELSEWHERE", "Test-XmppIM old-fe.wingtiptoys.com adelany@contoso.com"),
    (
        "SASL-NOT-OFFERED",
        "Test-XmppIM plain-only.litwareinc.com adelany@contoso.com -Authentication SCRAM-SHA-256",
    ),
    ("CERTIFICATE-ENDS", "(Test-XmppIM expiring.litwareinc.com adelany@contoso.com).Warnings"),
    (
        "RESULT-REVISED",
        "Test-XmppIM atl-cs-001.litwareinc.com late-2s@northwindtraders.com,adelany@lost.contoso.com -Timeout 6s",
    ),
    (
        "LATENCY-WARNING",
        "(Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -WarningLatency 1ms).Warnings",
    ),
    (
        "LATENCY-CRITICAL",
        "(Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -CriticalLatency 1ms).Warnings",
    ),
    ("TIMEOUT-TOO-SHORT", "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -Timeout 1ms"),
];

/// Code, pool and receiver, one exercise a line. A test writes it from the practice network's own
/// tables, which this layer does not know.
const PRACTICE: &str = include_str!("practice.txt");

macro_rules! entries {
    ($($name:ident: $code:literal, [$($owner:ident),+], $persistence:ident $reach:ident, $meaning:literal, $remedy:literal;)*) => {
        $(pub(super) static $name: CatalogueEntry =
            CatalogueEntry {
                code: $code,
                owners: &[$($owner),+],
                persistence: Persistence::$persistence,
                reach: Reach::$reach,
                meaning: $meaning,
                remedy: $remedy,
            };)*

        /// Every entry, in the order of the phases.
        pub fn catalogue() -> &'static [&'static CatalogueEntry] {
            static ALL: &[&CatalogueEntry] = &[$(&$name),*];
            ALL
        }
    };
}

entries! {
    // Before a packet leaves
    PLAN_NOT_ALLOWED: "PLAN-NOT-ALLOWED", [Caller], Lasting Partner,
        "The domain is neither served by a pool of the topology nor one of its allowed XMPP partners, so nothing was sent.",
        "Check the spelling of the domain; if it is right, add it to the topology's partners.";
    PLAN_ACCOUNT_STOPPED: "PLAN-ACCOUNT-STOPPED", [Caller], Lasting Account,
        "The account's logon was refused three times in this batch. Servers ban those who go on, so it was left alone.",
        "See the results before this one for why the logon is refused; correct the stored credential with Set-TestUserCredential.";
    PLAN_CREDENTIAL_REFUSED: "PLAN-CREDENTIAL-REFUSED", [Caller], Lasting Account,
        "A watcher did not log on: the pool has refused this very credential before. Servers lock accounts that are tried again and again, so a watcher waits until another credential is stored, or for a day.",
        "Store the right credential with Set-TestUserCredential; where the mistake was the pool's, reload the watcher.";
    PLAN_NO_TEST_USERS: "PLAN-NO-TEST-USERS", [Caller], Lasting Pool,
        "The pool lends no account for verification, so nobody can log on to see whether users can.",
        "Add a test user to the pool with New-HealthMonitoringConfiguration, and store its password with Set-TestUserCredential.";
    PLAN_DEADLINE: "PLAN-DEADLINE", [Caller], Lasting Pair,
        "The time that was given for all tests together was over before this one had its outcome: nothing is said about the pool or the partner.",
        "Give more time (-Deadline), let more run at once (-ThrottleLimit), or run the rest by itself.";

    // Resolve
    DNS_BAD_NAME: "DNS-BAD-NAME", [Caller], Lasting Pool,
        "A name cannot be a name of DNS: a label is too long, empty, or holds a forbidden character.",
        "Correct the name.";
    DNS_NO_RESOLVER: "DNS-NO-RESOLVER", [Network], Lasting Machine,
        "The machine that runs the test has no usable name server.",
        "Name a name server in this machine's /etc/resolv.conf (nameserver ADDRESS), or in the topology: name_servers under [resolver].";
    DNS_NOT_ASKED: "DNS-NOT-ASKED", [Network], Transient Machine,
        "The machine that runs the test could not send its question to any name server.",
        "Check this machine's network and its name servers (/etc/resolv.conf, and name_servers under [resolver] in the topology). On this machine: ip route get ADDRESS says whether there is a way to one, dig . @ADDRESS whether it answers.";
    DNS_TIMEOUT: "DNS-TIMEOUT", [Network, Pool, Caller], Transient Pool,
        "No name server answered in time; or one answers for other names and not for this one, whose own name servers are silent then.",
        "Check that the name servers of this machine run and that it can reach them on port 53. On this machine, dig NAME @ADDRESS with each address of /etc/resolv.conf shows which of them answers.";
    DNS_SERVER_FAILURE: "DNS-SERVER-FAILURE", [Network], Transient Pool,
        "The name server answered with an error (SERVFAIL, REFUSED). The name may well exist: the resolver cannot reach the zone's servers, or its DNSSEC signatures are broken.",
        "Check the resolver of this machine, and the DNSSEC signatures and name servers of the zone; do not look for a typing mistake. On this machine, dig NAME shows the error; if dig +cd NAME works, the signatures are broken, and whoever runs the zone must mend them.";
    DNS_NO_SUCH_NAME: "DNS-NO-SUCH-NAME", [Pool, Caller], Lasting Pool,
        "DNS does not know the pool's name.",
        "Check the spelling of the pool's FQDN (dig NAME, on this machine); if it is right, have whoever runs the zone restore its record.";
    DNS_NO_RECORDS: "DNS-NO-RECORDS", [Pool, Caller], Lasting Pool,
        "DNS knows the pool's name and has no address for it.",
        "Check the spelling of the pool's FQDN (dig NAME, on this machine); if it is right, have whoever runs the zone add its A or AAAA record.";
    DNS_TARGET_WITHOUT_ADDRESS: "DNS-TARGET-WITHOUT-ADDRESS", [Pool, Network], Lasting Pool,
        "The pool's SRV records lead to a host that has no address.",
        "Have whoever runs the zone correct the SRV record's target, or add an A or AAAA record for it. dig SRV _xmpp-client._tcp.DOMAIN and dig TARGET show both.";
    DNS_NOT_OFFERED: "DNS-NOT-OFFERED", [Pool], Lasting Pool,
        "The pool's SRV record has the single target \".\": its administrator says that there is no service for clients.",
        "Ask the pool's administrator whether the service has moved; correct its _xmpp-client or _xmpps-client record.";
    DNS_ELSEWHERE: "DNS-ELSEWHERE", [Pool], Lasting Pool,
        "The SRV records of the sender's domain lead its users to other hosts than the pool that was tested. A warning: the test itself may succeed.",
        "Correct the domain's _xmpp-client and _xmpps-client records, or test the pool that they lead to.";
    DNS_SECURITY_NOT_OFFERED: "DNS-SECURITY-NOT-OFFERED", [Caller], Lasting Pool,
        "The pool's `security` in the topology asks for a kind of TLS that its SRV records do not offer.",
        "Set security = \"auto\" for this pool in the topology, or publish the missing SRV record.";

    // Connect
    SERVER_PASSED_OVER: "SERVER-PASSED-OVER", [Pool], Lasting Pool,
        "A warning: a server of the pool, or one of its addresses, was tried first, found broken, and passed over for another one. The test succeeded; users who meet the broken one lose time, and have nobody left when the other one fails.",
        "Repair the server that is named, or take it out of the pool's `servers` in the topology and out of its SRV, A and AAAA records.";
    CONNECT_REFUSED: "CONNECT-REFUSED", [Pool, Caller], Transient Pool,
        "The pool's host answers, and nobody listens at the port: the service is stopped, or it is at another port.",
        "Start the XMPP service of the pool, or correct the port where it listens for clients. On the pool's machine, prosodyctl status or ejabberdctl status tells whether it runs, and ss -ltn what listens.";
    CONNECT_TIMEOUT: "CONNECT-TIMEOUT", [Network, Caller], Transient Pool,
        "Nothing came back from the pool's address: a firewall drops the packets, or the host is down.",
        "Check that the host is up, and the firewalls between this machine and the pool for its client port. On this machine, nc -vz HOST 5222 shows whether it is over; on the pool's, nft list ruleset shows its own firewall.";
    CONNECT_UNREACHABLE: "CONNECT-UNREACHABLE", [Network], Transient Pool,
        "There is no route to any address of the pool.",
        "Check this machine's network and the routes to the pool: ip route get ADDRESS, on this machine, says which way it takes.";
    CONNECT_RESET: "CONNECT-RESET", [Network, Caller], Transient Pool,
        "Connections to the pool are reset while they are made: a firewall rejects them, or a load balancer has no server behind it.",
        "Check the firewalls and the load balancer in front of the pool: whether it has a server that is up behind it. On the pool's machine, ss -ltn shows what listens.";
    CONNECT_DENIED: "CONNECT-DENIED", [Caller], Lasting Pool,
        "The machine that runs the test forbids the connection: a local firewall or sandbox.",
        "Allow outgoing connections to the pool's client port on this machine: nft list ruleset shows its firewall; under systemd, look for IPAddressDeny and RestrictAddressFamilies of the unit.";
    CONNECT_FAILED: "CONNECT-FAILED", [Unknown, Caller], Transient Pool,
        "The pool's addresses failed in different ways.",
        "Look at each attempt: a refused one needs its service started, a silent one its host or firewall checked.";

    OFFLINE: "OFFLINE", [Caller], Lasting Machine,
        "The machine that runs the test is off line: it has no interface that is up, no route, or nobody that answers it, not even a name server. Nothing is known about the pool.",
        "Connect this machine to the network (look at its interfaces, its routes, its name servers), then test again.";

    // Secure
    TLS_EXPIRED: "TLS-EXPIRED", [Pool], Lasting Pool,
        "The pool's certificate, or one that it depends on, has expired.",
        "Check this machine's clock; if it is right, renew the pool's certificate and reload the server. On the pool's machine, prosodyctl check certs shows the dates; ejabberd takes the files that certfiles names in ejabberd.yml, after ejabberdctl reload_config.";
    TLS_NOT_YET_VALID: "TLS-NOT-YET-VALID", [Pool], Lasting Pool,
        "The pool's certificate is not valid yet, or the clock of this machine is slow.",
        "Check this machine's clock; if it is right, install a certificate that is valid now.";
    TLS_NAME: "TLS-NAME", [Pool, Caller], Lasting Pool,
        "The pool's certificate is for other names than the sender's domain.",
        "Have the pool's certificate reissued with the domain's name, and check that the server picks it for this domain. On the pool's machine, prosodyctl check certs says which names are missing; openssl s_client -starttls xmpp -xmpphost DOMAIN -connect HOST:5222 shows what clients get.";
    TLS_SELF_SIGNED: "TLS-SELF-SIGNED", [Pool, Caller], Lasting Pool,
        "The pool's certificate is signed by itself.",
        "Install a certificate from an issuer that clients trust (on the pool's machine: prosodyctl --root cert import /etc/letsencrypt/live, or certfiles in ejabberd.yml and ejabberdctl reload_config); if this one is meant to be, name it as the pool's `ca_file` in the topology.";
    TLS_UNTRUSTED: "TLS-UNTRUSTED", [Pool, Caller], Lasting Pool,
        "The pool's certificate comes from an issuer that this machine does not trust.",
        "Install a certificate from a trusted issuer (on the pool's machine: prosodyctl --root cert import /etc/letsencrypt/live, or certfiles in ejabberd.yml and ejabberdctl reload_config); if this is your own authority, name its certificate as the pool's `ca_file` in the topology.";
    TLS_INCOMPLETE_CHAIN: "TLS-INCOMPLETE-CHAIN", [Pool], Lasting Pool,
        "The pool does not send the intermediate certificate between its own and the issuer's.",
        "Append the missing intermediate certificate to the server's certificate file and reload the server. openssl s_client -starttls xmpp -xmpphost DOMAIN -connect HOST:5222 -showcerts shows what is sent.";
    TLS_WRONG_PURPOSE: "TLS-WRONG-PURPOSE", [Pool], Lasting Pool,
        "The pool's certificate may not be used for a TLS server (its extended key usage lacks serverAuth, or its key usage allows neither signatures nor the exchange of keys).",
        "Have the certificate reissued for server authentication (extendedKeyUsage serverAuth, and clientAuth for federation; keyUsage digitalSignature). openssl x509 -in FILE -noout -ext keyUsage,extendedKeyUsage shows what one is for.";
    TLS_INVALID: "TLS-INVALID", [Pool], Lasting Pool,
        "The pool's certificate or its chain breaks the rules for certificates, or is of a kind that is not accepted any more: signed with SHA-1, with a key of RSA below 2048 bits, an authority's own, or with a critical extension that is not a standard one.",
        "Install a certificate without what the evidence holds against it (basicConstraints CA:FALSE, no critical extensions but standard ones, a key of ECDSA or of RSA with 2048 bits or more, signed with SHA-256) with its chain and reload the server (prosodyctl reload, ejabberdctl reload_config). openssl x509 -in FILE -noout -text shows what is in one.";
    TLS_REFUSED: "TLS-REFUSED", [Pool, Caller], Lasting Pool,
        "The pool ended the TLS handshake with an alert: often it has no certificate for this domain, or no cipher in common.",
        "Check the server's certificate for this domain and its TLS settings; its log says more. Prosody: prosodyctl check certs, and ssl in prosody.cfg.lua; ejabberd: certfiles, c2s_ciphers and c2s_protocol_options in ejabberd.yml. openssl s_client -starttls xmpp -xmpphost DOMAIN -connect HOST:5222 shows the alert.";
    TLS_TOO_OLD: "TLS-TOO-OLD", [Pool], Lasting Pool,
        "The pool speaks no version of TLS that is still allowed (RFC 7590).",
        "Enable TLS 1.2 or TLS 1.3 on the server. Prosody: protocol in the ssl table of prosody.cfg.lua; ejabberd: c2s_protocol_options in ejabberd.yml.";
    TLS_PORT_KIND: "TLS-PORT-KIND", [Pool, Caller], Lasting Pool,
        "The port wants TLS to begin another way: at once (direct TLS) or after STARTTLS.",
        "Make the SRV records, or the pool's `security` in the topology, say how TLS begins at this port.";
    TLS_NOT_TLS: "TLS-NOT-TLS", [Pool, Caller], Lasting Pool,
        "Something that speaks neither TLS nor XMPP answers at the pool's port.",
        "Correct the port, or stop what listens there in place of the XMPP server.";
    TLS_NOT_OFFERED: "TLS-NOT-OFFERED", [Pool, Caller], Lasting Pool,
        "The pool offers no STARTTLS. imsh sends no password without encryption.",
        "Configure a certificate for this domain and enable TLS on the server. Prosody: the module tls, and a certificate that prosodyctl check certs finds; ejabberd: starttls: true at the listener of ejabberd_c2s, and certfiles.";
    TLS_STARTTLS_FAILED: "TLS-STARTTLS-FAILED", [Pool], Lasting Pool,
        "The pool offers STARTTLS and fails when it is asked for.",
        "Check the server's certificate and key files for this domain: that they belong together and that the server may read them (prosodyctl check certs; ls -l of certfiles, for the user ejabberd); its log says more.";
    TLS_INJECTED: "TLS-INJECTED", [Network, Pool], Lasting Pool,
        "Plain text arrived between the agreement on TLS and the handshake. No server does this: somebody on the way may be trying to put words into the encrypted stream.",
        "Find out what stands between this machine and the pool (proxies, middleboxes) before you log on there.";
    TLS_CLOSED: "TLS-CLOSED", [Pool, Caller], Transient Pool,
        "The pool closed the connection in the TLS handshake: often it has no certificate, or the port is none for TLS.",
        "Check the server's log, its certificate, and that this is its client port.";
    TLS_RESET: "TLS-RESET", [Pool, Caller], Transient Pool,
        "The connection was reset in the TLS handshake: often the port wants TLS to begin another way, or a middlebox interferes.",
        "Check the server's log, how TLS begins at this port, and the firewalls on the way.";
    TLS_HANDSHAKE: "TLS-HANDSHAKE", [Pool, Caller], Lasting Pool,
        "The pool broke the rules of the TLS handshake.",
        "Check the server's TLS library and settings; its log says more.";
    TLS_TIMEOUT: "TLS-TIMEOUT", [Pool, Caller], Transient Pool,
        "The pool accepted the connection and did not get as far as an encrypted stream in time: it is overloaded or hung, or no XMPP server listens there.",
        "Check that the XMPP server behind this port is alive, and that this is its client port. On the pool's machine: prosodyctl status or ejabberdctl status; ss -ltnp shows who listens.";
    TLS_CA_FILE: "TLS-CA-FILE", [Caller], Lasting Pool,
        "The file of issuers that the topology names for the pool cannot be read or holds no certificates.",
        "Correct the pool's `ca_file` in the topology, or the file.";
    TLS_NO_ROOTS: "TLS-NO-ROOTS", [Caller], Lasting Machine,
        "This machine has no list of trusted issuers.",
        "Install the ca-certificates package, or name a `ca_file` for the pool.";
    TLS_CLIENT_CERTIFICATE: "TLS-CLIENT-CERTIFICATE", [Caller], Lasting Account,
        "The sender's certificate or key in the vault cannot be used.",
        "Store a certificate and its key again with Set-TestUserCredential.";
    TLS_CERTIFICATE_WANTED: "TLS-CERTIFICATE-WANTED", [Caller], Lasting Account,
        "The pool ends TLS with everybody who shows no client certificate, and none is stored for the sender.",
        "Store one with Set-TestUserCredential -CertificateFile -KeyFile; or have the server ask for certificates without demanding them.";

    // The stream, in whatever phase
    STREAM_BROKEN: "STREAM-BROKEN", [Unknown], Transient Pool,
        "The connection to the pool broke in the middle: the server was killed, or something on the way cut it.",
        "Check whether the server was restarted (its log), and the firewalls and load balancers on the way; then test again.";
    STREAM_CLOSED: "STREAM-CLOSED", [Pool, Caller], Transient Pool,
        "The pool closed the connection without saying why.",
        "Look into the server's log for this time and this address (/var/log/prosody/prosody.log or /var/log/ejabberd/ejabberd.log as packaged); then test again.";
    STREAM_HOST_UNKNOWN: "STREAM-HOST-UNKNOWN", [Pool, Caller], Lasting Pool,
        "The pool does not serve the sender's domain.",
        "Add the domain to the pool's hosts, or test with a sender from a domain that the pool serves. Prosody: a VirtualHost in prosody.cfg.lua; ejabberd: hosts in ejabberd.yml.";
    STREAM_HOST_GONE: "STREAM-HOST-GONE", [Pool], Lasting Pool,
        "The pool no longer serves the sender's domain.",
        "Enable the domain on the server again, or name the pool that serves it now in the topology.";
    STREAM_BANNED: "STREAM-BANNED", [Caller], Lasting Pool,
        "The pool has banned this machine's address, usually after failed logons (fail2ban). Right passwords are refused too while it lasts.",
        "Correct the credential that failed, wait until the ban ends or have it lifted on the server, and only then test again. On ejabberd: ejabberdctl unban_ip ADDRESS.";
    STREAM_POLICY: "STREAM-POLICY", [Pool], Lasting Pool,
        "A policy of the pool ended the stream.",
        "Compare the server's words with its limits and access rules; allow this account or this machine there.";
    STREAM_TOO_LONG_FOR_SERVER: "STREAM-STANZA-TOO-BIG", [Caller], Lasting Pair,
        "The pool takes no stanza of this size.",
        "Shorten the body, or raise the server's limit for stanzas. Prosody: c2s_stanza_size_limit; ejabberd: max_stanza_size of the listener.";
    STREAM_CONFLICT: "STREAM-CONFLICT", [Caller], Transient Account,
        "Another session of the same account took this one's place, or the account has as many sessions as it may have.",
        "End the account's other sessions, give each concurrent test its own test user, or raise the server's session limit. On ejabberd the limit is max_user_sessions in ejabberd.yml.";
    STREAM_IDLE: "STREAM-IDLE", [Unknown], Transient Pool,
        "The pool gave up on the connection because it heard nothing from us in time: packets are lost on the way, or this machine is overloaded.",
        "Check this machine's load and the network between it and the pool; then test again.";
    STREAM_SEE_OTHER_HOST: "STREAM-SEE-OTHER-HOST", [Pool], Lasting Pool,
        "The pool sends its clients to another host.",
        "Test the host that the server names, or correct the topology and the SRV records to lead there.";
    STREAM_SHUTDOWN: "STREAM-SHUTDOWN", [Pool], Transient Pool,
        "The pool's server is being stopped or restarted.",
        "Test again when it is up.";
    STREAM_OVERLOADED: "STREAM-OVERLOADED", [Pool], Transient Pool,
        "The pool lacks the resources to serve this stream.",
        "Check the server's load, memory and connection limits. Prosody: limits and gc in prosody.cfg.lua, ulimit -n of its process; ejabberd: shaper_rules, and max_fsm_queue in ejabberd.yml.";
    STREAM_SERVER_ERROR: "STREAM-SERVER-ERROR", [Pool], Transient Pool,
        "The pool's server failed internally, or lost a server that it depends on.",
        "Look into the server's log for this time (/var/log/prosody/prosody.log or /var/log/ejabberd/ejabberd.log as packaged); check its database, directory and back ends.";
    STREAM_NOT_AUTHORIZED: "STREAM-NOT-AUTHORIZED", [Pool], Lasting Pool,
        "The pool ended the stream because it holds it for not authenticated.",
        "Look into the server's log for what it missed; check proxies between this machine and the server.";
    STREAM_NO_FEATURES: "STREAM-NO-FEATURES", [Pool, Caller], Lasting Pool,
        "The pool has no way to go on to offer: before encryption it has no TLS to offer, and after it no mechanism for authentication.",
        "Enable TLS and an authentication mechanism for this domain on the server, and check that it is not tied to a condition that this connection fails. Prosody: the modules tls and saslauth, and a certificate; ejabberd: starttls at the listener, and auth_method.";
    STREAM_UNSUPPORTED: "STREAM-UNSUPPORTED", [Unknown], Lasting Pool,
        "The pool asks for something that we do not do, or lacks something that the stream needs.",
        "Compare the server's version and settings with RFC 6120; report it to the authors of imsh if they are in order.";
    STREAM_UNDEFINED: "STREAM-UNDEFINED", [Unknown, Caller], Lasting Pool,
        "The pool ended the stream for a reason that has no name in the protocol.",
        "Read the server's log for this time, and its words, if it gave any.";
    STREAM_COMPLAINT: "STREAM-COMPLAINT", [Imsh], Lasting Pool,
        "The pool says that what we sent breaks the protocol.",
        "Report it to the authors of imsh with the log of the result; check that no proxy on the way changes the stream.";
    STREAM_NOT_XMPP: "STREAM-NOT-XMPP", [Pool, Caller], Lasting Pool,
        "What answers at the pool's port is no XMPP server.",
        "Correct the port, or stop what listens there in place of the XMPP server.";
    STREAM_WRONG_PORT: "STREAM-WRONG-PORT", [Pool, Caller], Lasting Pool,
        "The port serves other servers or components, not clients.",
        "Use the port for clients (5222 as a rule) in the SRV records or the topology.";
    STREAM_MALFORMED: "STREAM-MALFORMED", [Pool], Lasting Pool,
        "The pool sent what XML or XMPP forbids (RFC 6120, section 11).",
        "Look for a proxy that changes the stream; if there is none, report it to the makers of the server.";
    STREAM_FLOOD: "STREAM-FLOOD", [Pool], Lasting Pool,
        "The pool sent more than any stream needs, and the test stopped reading.",
        "Find out what listens at this port and why it sends so much.";
    STREAM_VERSION: "STREAM-VERSION", [Pool], Lasting Pool,
        "The pool does not speak XMPP 1.0 (RFC 6120).",
        "Replace or upgrade the server, or what answers in its place.";
    STREAM_WRONG_DOMAIN: "STREAM-WRONG-DOMAIN", [Pool, Caller], Lasting Pool,
        "The pool answers for another domain than the sender's.",
        "Check the server's list of hosts (VirtualHost in prosody.cfg.lua, hosts in ejabberd.yml), and the load balancer that chooses the server.";
    STREAM_UNEXPECTED: "STREAM-UNEXPECTED", [Pool, Caller], Lasting Pool,
        "The pool sent something else than the protocol has at this point.",
        "Look for a proxy in between; if there is none, report it to the makers of the server.";

    // Authenticate
    SASL_REJECTED: "SASL-REJECTED", [Caller], Lasting Account,
        "The password is wrong. With PLAIN, and on servers that hide it, the account may also not exist.",
        "Store the right password with Set-TestUserCredential, or set it anew on the server. On the pool's machine: prosodyctl passwd USER@DOMAIN, or ejabberdctl change_password USER DOMAIN PASSWORD.";
    SASL_NO_SUCH_ACCOUNT: "SASL-NO-SUCH-ACCOUNT", [Caller], Lasting Account,
        "The pool refused the account before it looked at the password: it probably does not exist. (Servers may pretend.)",
        "Check the sender's address and the pool's `logon_name` in the topology; create the account on the server if it is missing. On the pool's machine: prosodyctl adduser USER@DOMAIN, or ejabberdctl register USER DOMAIN PASSWORD.";
    SASL_NO_PASSWORD: "SASL-NO-PASSWORD", [Caller], Lasting Account,
        "There is no password for the sender.",
        "Store one with Set-TestUserCredential, or give -UserCredential.";
    SASL_UNPRINTABLE: "SASL-UNPRINTABLE", [Caller], Lasting Account,
        "The logon name or the password holds characters that no account can have (RFC 4013).",
        "Correct the credential.";
    SASL_NO_MECHANISM: "SASL-NO-MECHANISM", [Pool], Lasting Pool,
        "The pool offers no SASL mechanism that imsh speaks: SCRAM-SHA-512, -256 or -1, EXTERNAL, PLAIN.",
        "Enable SCRAM on the server. Prosody: authentication = \"internal_hashed\"; ejabberd: auth_password_format: scram.";
    SASL_PLAIN_ONLY: "SASL-PLAIN-ONLY", [Pool, Caller], Lasting Pool,
        "The pool offers PLAIN only, which shows it the password itself, and its settings in the topology do not allow that.",
        "Enable SCRAM on the server; or, if its directory needs the password itself, set allow_plain = true for this pool in the topology.";
    SASL_NOT_OFFERED: "SASL-NOT-OFFERED", [Pool, Caller], Lasting Account,
        "The mechanism that was asked for is not among those that the pool offers.",
        "Ask for a mechanism that the pool offers, or leave -Authentication out; or enable it on the server. Prosody: disable_sasl_mechanisms and authentication; ejabberd: disable_sasl_mechanisms and auth_password_format.";
    SASL_NO_CHANNEL_BINDING: "SASL-NO-CHANNEL-BINDING", [Pool, Caller], Lasting Account,
        "A -PLUS mechanism was asked for, or the pool offers no other, and the pool and imsh have no type of channel binding in common.",
        "Enable SCRAM without -PLUS beside it, or have the server announce tls-exporter or tls-server-end-point (XEP-0440).";
    SASL_MECHANISM_REFUSED: "SASL-MECHANISM-REFUSED", [Pool, Caller], Lasting Account,
        "The pool does not do the mechanism for this account or connection, though it may offer it.",
        "Enable the mechanism for this domain on the server, or ask for another one with -Authentication. On both servers disable_sasl_mechanisms says which are switched off.";
    SASL_TOO_WEAK: "SASL-TOO-WEAK", [Pool, Caller], Lasting Account,
        "The pool wants a stronger mechanism for this account.",
        "Enable a stronger mechanism on the server, and offer it.";
    SASL_CHANNEL_BINDING: "SASL-CHANNEL-BINDING", [Pool, Caller], Lasting Account,
        "The pool offers a -PLUS mechanism and cannot do it on this connection. ejabberd 23.01 does so on TLS 1.3.",
        "Upgrade the server, or switch its -PLUS mechanisms off. On ejabberd: disable_sasl_mechanisms in ejabberd.yml.";
    SASL_CERTIFICATE_WANTED: "SASL-CERTIFICATE-WANTED", [Caller], Lasting Account,
        "The pool lets users log on with a client certificate only, and none is stored for the sender.",
        "Store one with Set-TestUserCredential -CertificateFile -KeyFile; or have SCRAM enabled on the server.";
    SASL_CERTIFICATE: "SASL-CERTIFICATE", [Caller], Lasting Account,
        "The pool does not accept the sender's client certificate.",
        "Check that the certificate names the sender (xmppAddr), is valid now, and comes from an issuer that the server trusts for its users (ejabberd: tls_verify and cafile of the listener). openssl x509 -in FILE -noout -subject -dates -ext subjectAltName shows what it says.";
    SASL_IDENTITY: "SASL-IDENTITY", [Caller], Lasting Account,
        "The credential is good, and not for the sender's address.",
        "Give the credential of the sender itself; check the pool's `logon_name` in the topology.";
    SASL_DISABLED: "SASL-DISABLED", [Pool], Lasting Account,
        "The account is disabled on the server.",
        "Have the account enabled, or choose another test user. On the pool's machine: prosodyctl shell user enable USER@DOMAIN (Prosody 13), or ejabberdctl unban_account USER DOMAIN (newer than 24).";
    SASL_EXPIRED: "SASL-EXPIRED", [Caller], Lasting Account,
        "The account's password has expired on the server.",
        "Set a new password on the server (prosodyctl passwd USER@DOMAIN, ejabberdctl change_password USER DOMAIN PASSWORD) and store it with Set-TestUserCredential.";
    SASL_ENCRYPTION_REQUIRED: "SASL-ENCRYPTION-REQUIRED", [Pool], Lasting Pool,
        "The pool says that the connection is not encrypted, although it is: something in front of the server takes the TLS off.",
        "Make the proxy or load balancer in front of the server pass TLS through, or tell the server to trust it.";
    SASL_TEMPORARY: "SASL-TEMPORARY", [Pool], Transient Pool,
        "The pool cannot check passwords now: its directory or database does not answer.",
        "Check the directory or database behind the server; then test again. Prosody: authentication and its ldap or sql settings; ejabberd: auth_method, ldap_servers, sql_server; the log names what does not answer.";
    SASL_ABORTED: "SASL-ABORTED", [Pool], Lasting Account,
        "The pool broke off the authentication.",
        "Look into the server's log for this time.";
    SASL_REFUSED: "SASL-REFUSED", [Unknown], Lasting Account,
        "The pool refuses the logon in words that no standard has.",
        "Read the server's log for this time, and its words, if it gave any.";
    SASL_COMPLAINT: "SASL-COMPLAINT", [Imsh], Lasting Account,
        "The pool says that our side of the authentication breaks the rules.",
        "Report it to the authors of imsh with the log of the result and the server's version.";
    SASL_MALFORMED: "SASL-MALFORMED", [Pool], Lasting Account,
        "The pool's side of the authentication breaks the rules (RFC 5802).",
        "Find out what answers in the server's name; if it is the server, report it to its makers.";
    SASL_EXTENSION: "SASL-EXTENSION", [Pool], Lasting Account,
        "The pool demands an extension of SCRAM that nobody has defined; RFC 5802 says to stop there.",
        "Report it to the makers of the server.";
    SASL_ITERATIONS: "SASL-ITERATIONS", [Pool], Lasting Account,
        "The pool asks for too few iterations of key derivation (an eavesdropper could guess the password) or for too many (an attack on the client). imsh accepts 4096 to 1000000.",
        "Set the server's SCRAM iteration count to 10000 or so, and have the account's password set anew.";
    SASL_FOREIGN_NONCE: "SASL-FOREIGN-NONCE", [Pool], Lasting Account,
        "The pool's challenge does not extend our nonce: it is a replay, or made for somebody else. Nothing was proven to it.",
        "Find out what answers in the server's name before you log on there again.";
    SASL_WRONG_SIGNATURE: "SASL-WRONG-SIGNATURE", [Pool], Lasting Account,
        "The pool said success, and its signature is wrong: it does not know the account's keys.",
        "Find out what answers in the server's name, and change the account's password if it is not the server.";
    SASL_NO_PROOF: "SASL-NO-PROOF", [Pool], Lasting Account,
        "The pool said success before it proved that it knows the account's keys. imsh does not believe it.",
        "Find out what answers in the server's name; if it is the server, report it to its makers.";
    SASL_TIMEOUT: "SASL-TIMEOUT", [Pool], Transient Pool,
        "The pool stopped answering during the logon.",
        "Check the directory or database that the server checks passwords with, and its load; its log says more. Prosody: authentication in prosody.cfg.lua; ejabberd: auth_method, ldap_servers, sql_server in ejabberd.yml.";

    // Bind
    BIND_NOT_OFFERED: "BIND-NOT-OFFERED", [Pool], Lasting Pool,
        "The pool lets us log on and offers no resource binding.",
        "Check the server's modules and version; every client needs a resource. On Prosody, look for saslauth among the modules that are loaded.";
    BIND_LIMIT: "BIND-LIMIT", [Pool, Caller], Transient Account,
        "The account has as many sessions as the pool lets it have.",
        "End the account's other sessions, raise the server's session limit, or give each concurrent test its own test user. On ejabberd it is max_user_sessions in ejabberd.yml.";
    BIND_FORBIDDEN: "BIND-FORBIDDEN", [Pool], Lasting Account,
        "The pool lets the account log on and forbids it a session.",
        "Check the server's access rules for this account. ejabberd: access of the listener, access_rules and acl in ejabberd.yml; ejabberdctl get_ban_details USER DOMAIN, on newer ones.";
    BIND_REFUSED: "BIND-REFUSED", [Pool], Transient Account,
        "The pool could not give a session.",
        "Look into the server's log for this time (/var/log/prosody/prosody.log or /var/log/ejabberd/ejabberd.log as packaged).";
    BIND_BAD_ADDRESS: "BIND-BAD-ADDRESS", [Pool], Lasting Account,
        "The pool gave an address that is no full address.",
        "Report it to the makers of the server.";
    BIND_OTHER_ACCOUNT: "BIND-OTHER-ACCOUNT", [Pool, Caller], Lasting Account,
        "The pool accepted the logon and gave a session of another account than the sender's. The message would come from somebody else, so it was not sent.",
        "Correct the pool's `logon_name` in the topology, or the server's mapping of logon names to accounts; to test as the other account, name it as the sender (-UserSipAddress).";
    BIND_TIMEOUT: "BIND-TIMEOUT", [Pool], Transient Pool,
        "The pool accepted the logon and never gave a session.",
        "Check that the server's session manager runs (ejabberdctl connected_users_number answers where it does; prosodyctl shell c2s show lists the sessions); its log says more.";

    // Send
    SEND_TOO_LONG: "SEND-TOO-LONG", [Caller], Lasting Pair,
        "The message is longer than the stanzas that the pool announces to take (XEP-0478).",
        "Shorten the body that -Body or the partner's `body` gives.";
    SEND_TIMEOUT: "SEND-TIMEOUT", [Pool], Transient Pool,
        "The pool stopped reading from the connection.",
        "Check the server's load and its traffic shaping for this account. Prosody: limits in prosody.cfg.lua; ejabberd: c2s_shaper among shaper_rules.";

    // Deliver: the pool and the partner
    FEDERATION_NOT_FOUND: "FEDERATION-NOT-FOUND", [Partner, Caller, Pool], Lasting Partner,
        "The pool finds no server of the partner in DNS: no such name, no address, or an SRV record that leads to a host without one.",
        "Check the spelling of the domain; if it is right, have the partner correct its _xmpp-server record and its addresses in DNS. dig SRV _xmpp-server._tcp.DOMAIN, typed on the pool's machine, shows what the pool is told.";
    FEDERATION_NOT_OFFERED: "FEDERATION-NOT-OFFERED", [Partner, Pool, Unknown], Lasting Partner,
        "The partner's SRV record has the single target \".\": it says that it offers no federation.",
        "Ask the partner whether federation is to be offered; its _xmpp-server record must then name a server. dig SRV _xmpp-server._tcp.DOMAIN shows it.";
    FEDERATION_DNS_FAILURE: "FEDERATION-DNS-FAILURE", [Pool, Unknown], Transient Partner,
        "DNS failed at the pool (SERVFAIL and the like), which is not the same as a missing name.",
        "Check the resolver that the pool uses, and the DNSSEC signatures and name servers of the partner's zone. Type dig SRV _xmpp-server._tcp.DOMAIN on the pool's machine, and the same with +cd: if that works, the signatures are broken.";
    FEDERATION_REFUSED: "FEDERATION-REFUSED", [Partner, Pool, Unknown], Transient Partner,
        "The partner's host answers, and nobody listens at its federation port.",
        "Ask the partner to start its server, or to correct the port in its _xmpp-server record. There, prosodyctl status or ejabberdctl status tells whether it runs, and ss -ltn whether something listens at the port that the record names (5269 as a rule).";
    FEDERATION_NO_ANSWER: "FEDERATION-NO-ANSWER", [Network], Transient Partner,
        "Nothing came back to the pool from the partner's address: a firewall on either side drops the packets, or the host is down.",
        "Check the firewalls between the pool and the partner for its federation port (5269 as a rule), on both sides; ask the partner whether its host is up. nc -vz HOST PORT, typed on the pool's machine, shows whether it is over.";
    FEDERATION_UNREACHABLE: "FEDERATION-UNREACHABLE", [Network], Transient Partner,
        "The pool has no route to the partner.",
        "Check the pool's network, its routes, and whether the partner's addresses are of a kind that it can use (IPv4, IPv6). On the pool's machine: ip route get ADDRESS; ejabberd's outgoing_s2s_families and Prosody's use_ipv6 choose the kind.";
    FEDERATION_SILENT: "FEDERATION-SILENT", [Partner, Pool, Unknown], Transient Partner,
        "The partner's server accepts connections and then says nothing: it hangs, is overloaded, or something else listens there.",
        "Ask the partner to check its server, and what listens at its federation port. openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:PORT, typed on the pool's machine, shows how far it comes.";
    FEDERATION_CLOSED: "FEDERATION-CLOSED", [Partner, Pool, Unknown], Transient Partner,
        "The partner's server closes the pool's connection, without a reason or with an error that says no more.",
        "Ask the partner to look into its server's log for the pool's domain (grep POOLDOMAIN /var/log/prosody/prosody.log or /var/log/ejabberd/ejabberd.log as packaged), at the time of this test.";
    FEDERATION_NOT_XMPP: "FEDERATION-NOT-XMPP", [Partner, Pool, Unknown], Lasting Partner,
        "What answers at the partner's federation port does not speak XMPP.",
        "Ask the partner to correct its _xmpp-server record, or what listens at that port. dig SRV _xmpp-server._tcp.DOMAIN shows the record; on the partner's machine, ss -ltnp shows who listens.";
    FEDERATION_PORT_KIND: "FEDERATION-PORT-KIND", [Partner, Pool, Unknown], Lasting Partner,
        "The port that the partner's records lead to begins another way than they say (direct TLS for STARTTLS, or the reverse), or it is the port for clients.",
        "Ask the partner to correct its records: ports with STARTTLS under _xmpp-server, ports with TLS from the first byte under _xmpps-server, and none of the ports for clients.";
    FEDERATION_NO_TLS: "FEDERATION-NO-TLS", [Partner, Pool, Unknown], Lasting Partner,
        "The partner's server offers no encryption to other servers.",
        "Ask the partner to configure a certificate and TLS between servers. Prosody: the module tls and a certificate for the host; ejabberd: s2s_use_starttls: required and certfiles.";
    FEDERATION_TLS_FAILED: "FEDERATION-TLS-FAILED", [Unknown, Partner], Lasting Partner,
        "The TLS handshake between the two servers failed.",
        "Compare the TLS versions, ciphers and certificates of both servers; their logs say more. openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:5269, typed on the pool's machine, shows what the partner's agrees to. Prosody: ssl or s2s_ssl; ejabberd: s2s_ciphers and s2s_protocol_options.";
    FEDERATION_EXPIRED: "FEDERATION-CERTIFICATE-EXPIRED", [Partner, Pool, Unknown], Lasting Partner,
        "The certificate of the partner's server has expired.",
        "Ask the partner to renew its certificate and reload its server. There: prosodyctl check certs, then prosodyctl reload; or ejabberdctl reload_config.";
    FEDERATION_NOT_YET_VALID: "FEDERATION-CERTIFICATE-NOT-YET-VALID", [Partner, Pool, Unknown], Lasting Partner,
        "The certificate of the partner's server is not valid yet, or the pool's clock is slow.",
        "Check the pool's clock; if it is right, ask the partner to install a certificate that is valid now.";
    FEDERATION_NAME: "FEDERATION-CERTIFICATE-NAME", [Partner, Pool, Unknown], Lasting Partner,
        "The certificate of the partner's server is not for the partner's domain.",
        "Ask the partner to have its certificate reissued with its domain's name, and to let its server pick it. openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:PORT shows the one that it picks.";
    FEDERATION_UNTRUSTED: "FEDERATION-CERTIFICATE-UNTRUSTED", [Partner, Pool], Lasting Partner,
        "The pool does not trust the certificate of the partner's server: signed by itself, by an unknown issuer, or without its intermediate. Prosody 0.12 says this for other flaws as well.",
        "Run Test-FederatedPartner to see the certificate; ask the partner for a certificate from a known issuer with its whole chain, or have the pool trust the partner's issuer.";
    FEDERATION_CHAIN: "FEDERATION-CERTIFICATE-CHAIN", [Partner, Pool, Unknown], Lasting Partner,
        "The partner's server does not send the intermediate certificate between its own and its issuer's.",
        "Ask the partner to append the intermediate certificate to the file that its server shows (Prosody: the `certificate` of the host; ejabberd: `certfiles`), and to reload it; openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:PORT -showcerts shows what is sent.";
    FEDERATION_PURPOSE: "FEDERATION-CERTIFICATE-PURPOSE", [Partner, Pool, Unknown], Lasting Partner,
        "The certificate of the partner's server may not be used for what it does with it: it is meant for clients only, or, where the partner connects to others, for servers only (extended key usage), or its key usage does not allow TLS.",
        "Ask the partner to have its certificate reissued for server and client authentication (extendedKeyUsage serverAuth and clientAuth; keyUsage digitalSignature).";
    CERTIFICATE_SERVERS_ONLY: "CERTIFICATE-SERVERS-ONLY", [Pool, Partner], Lasting Pool,
        "A warning: the certificate is meant for servers only (its extended key usage lacks clientAuth). Clients accept it; where its server connects to another one it is a client itself, and strict servers refuse it there.",
        "Have the certificate reissued with clientAuth beside serverAuth; or let the two servers prove themselves to each other by dialback.";
    FEDERATION_HOST_UNKNOWN: "FEDERATION-HOST-UNKNOWN", [Partner, Caller, Pool, Unknown], Lasting Partner,
        "The server that the partner's DNS records lead to does not serve the partner's domain.",
        "Ask the partner to correct its _xmpp-server record, or to add the domain to the server. There: a VirtualHost in prosody.cfg.lua, or hosts in ejabberd.yml.";
    FEDERATION_NOT_AUTHENTICATED: "FEDERATION-NOT-AUTHENTICATED", [Unknown, Partner], Lasting Partner,
        "The two servers have no way in common to prove who they are (certificates or dialback).",
        "Check that both servers have certificates that the other trusts, also for clients (clientAuth), or that both do dialback. Prosody: s2s_secure_auth, and the module dialback; ejabberd: s2s_use_starttls, ca_file, mod_s2s_dialback.";
    FEDERATION_OUR_CERTIFICATE: "FEDERATION-OUR-CERTIFICATE", [Pool], Lasting Partner,
        "The partner's server does not accept the pool's certificate.",
        "Check the pool's certificate: its dates, its names, its chain, and that it may be used by clients (clientAuth) and for signatures (digitalSignature). On the pool's machine: prosodyctl check certs; on ejabberd, the files of certfiles in ejabberd.yml, and ejabberdctl reload_config.";
    FEDERATION_OUR_ENCRYPTION: "FEDERATION-OUR-ENCRYPTION", [Pool], Lasting Partner,
        "The partner wants encryption, and the pool does not do it between servers.",
        "Enable TLS between servers at the pool. Prosody: the module tls and s2s_require_encryption = true; ejabberd: s2s_use_starttls: required.";
    FEDERATION_DISABLED: "FEDERATION-DISABLED", [Pool], Lasting Partner,
        "The pool is not set up for federation: its gateway to other domains is missing or switched off.",
        "Enable federation between servers (s2s) for this domain at the pool. Prosody: s2s must not stand in modules_disabled; ejabberd: a listener of ejabberd_s2s_in at 5269, and s2s_access.";
    FEDERATION_FORBIDDEN: "FEDERATION-FORBIDDEN", [Pool], Lasting Partner,
        "The pool's own policy does not allow messages to this partner.",
        "Add the partner to the domains that the pool may federate with. On ejabberd it is s2s_access in ejabberd.yml; on Prosody a module such as s2s_whitelist or firewall.";
    FEDERATION_PARTNER_POLICY: "FEDERATION-PARTNER-POLICY", [Partner, Pool], Lasting Partner,
        "The partner's policy does not let the pool's domain federate with it.",
        "Ask the partner to allow the sender's domain, or to enable federation for its own. On ejabberd it is s2s_access in ejabberd.yml, on Prosody s2s in modules_disabled or a module.";
    FEDERATION_QUEUE_FULL: "FEDERATION-QUEUE-FULL", [Pool], Transient Partner,
        "The pool's queue for the partner is full: the connection is slow or stuck while messages wait for it.",
        "Look at the pool's connection to the partner; have it closed and made anew, then test again. On the pool's machine: prosodyctl shell s2s show DOMAIN, then s2s closeall DOMAIN; or ejabberdctl stop_s2s_connections.";
    FEDERATION_POOL_ERROR: "FEDERATION-POOL-ERROR", [Pool], Transient Partner,
        "The pool failed internally when it sent to the partner.",
        "Look into the pool's log for this time (/var/log/prosody/prosody.log or /var/log/ejabberd/ejabberd.log as packaged).";
    FEDERATION_MEMORY: "FEDERATION-MEMORY", [Unknown], Transient Partner,
        "The pool answers from memory: it failed to reach the partner earlier and does not try again for a while. ejabberd does so for up to five minutes.",
        "Test again in five minutes, or close the pool's failed connections to the partner and test at once. On ejabberd: ejabberdctl stop_s2s_connections; s2s_max_retry_delay in ejabberd.yml is how long it remembers.";
    FEDERATION_LOST: "FEDERATION-LOST", [Unknown], Transient Partner,
        "The connection between the pool and the partner broke while the message, or the ping, was under way, so that the pool, which keeps count of what the other server has taken (XEP-0198), gave it back; or the receiver's own session was lost. The condition is the same.",
        "Test again. If it comes again, look into the logs of both servers for what closes their connections: restarts, idle time-outs, a firewall that forgets connections.";
    FEDERATION_FAILED: "FEDERATION-FAILED", [Unknown], Transient Partner,
        "The pool could not reach the partner and does not say why. Openfire and MongooseIM say no more than this, whatever is broken.",
        "Read the pool's log for the partner's domain; check the partner's DNS records, port, and certificate from the pool's network: dig SRV _xmpp-server._tcp.DOMAIN, then openssl s_client -starttls xmpp-server -xmpphost DOMAIN -connect HOST:5269, typed on the pool's machine. Test-FederatedPartner -Domain DOMAIN does the same from this one.";

    // Deliver: the receiver
    RECEIVER_UNAVAILABLE: "RECEIVER-UNAVAILABLE", [Partner, Pool], Lasting Pair,
        "The receiver's server answers and did not take the message: there is no such user, or nobody is on line and the server heeds that a test message asks not to be kept (as ejabberd does, which would keep a person's), or the receiver blocks the sender. Servers do not tell these apart on purpose. Federation works both ways.",
        "Check the receiver's address; ask whether the account exists, is on line, and does not block the sender; or test with a receiver that always answers (imsh respond). At the partner: prosodyctl shell user list DOMAIN, or ejabberdctl check_account USER DOMAIN.";
    RECEIVER_GONE: "RECEIVER-GONE", [Partner, Pool], Lasting Pair,
        "The receiver's account was deleted.",
        "Choose another receiver, and correct the partner's `receivers` in the topology where this one stands there.";
    RECEIVER_MOVED: "RECEIVER-MOVED", [Partner, Pool], Lasting Pair,
        "The receiver's server names another address for the receiver.",
        "Use the new address as the receiver, and in the partner's `receivers` of the topology, if you trust whoever names it.";
    RECEIVER_POLICY: "RECEIVER-POLICY", [Partner, Pool], Lasting Pair,
        "A policy at the receiver's side refused the message: it takes none from strangers, holds it for spam, or does not allow the sender. Federation works.",
        "Ask the partner to allow the sender's address, or have the receiver subscribe to it first (add it to their contacts). At the partner, ejabberd: access and allow_local_users of mod_block_strangers; Prosody: the rules of mod_firewall or mod_spam_reports.";
    RECEIVER_QUEUE_FULL: "RECEIVER-QUEUE-FULL", [Partner, Pool], Lasting Pair,
        "The receiver's server has no room for another message to the receiver, who has not logged on for long.",
        "Have the receiver log on and read its messages, or choose another receiver.";
    RECEIVER_SERVER_ERROR: "RECEIVER-SERVER-ERROR", [Partner, Pool], Transient Pair,
        "The receiver's server failed internally. Federation works.",
        "Ask the partner to look into its server's log for this time (/var/log/prosody/prosody.log or /var/log/ejabberd/ejabberd.log as packaged).";
    RECEIVER_REJECTED: "RECEIVER-REJECTED", [Partner, Pool, Unknown], Lasting Pair,
        "The message was refused for a reason that fits none of the known ones.",
        "Read the server's words, if it gave any; ask the partner, and look into the pool's log, for this time.";
    RECEIVER_BAD_ADDRESS: "RECEIVER-BAD-ADDRESS", [Caller], Lasting Pair,
        "The receiver's address is not one that servers accept.",
        "Correct the receiver's address: user@domain, of a ping the domain alone, with nothing in it that an address cannot have (blanks, quotes, an @ or / before the domain).";
    RECEIVER_BLOCKED_BY_SENDER: "RECEIVER-BLOCKED-BY-SENDER", [Caller], Lasting Pair,
        "The sender's own block list or privacy list stops the message.",
        "Log on as the sender with any client and take the receiver, or its domain, off its block list (XEP-0191), or send as another test user (-UserSipAddress).";

    // Deliver: the evidence
    EVIDENCE_POOL_SILENT: "EVIDENCE-POOL-SILENT", [Pool], Transient Pool,
        "The pool took the message, or the ping of a partner, from the wire and answered nothing behind it, or answered at first and stopped while the test waited.",
        "On the pool's machine, check that its server is alive and not overloaded (prosodyctl status, ejabberdctl status, top); its log says more.";
    EVIDENCE_SILENCE: "EVIDENCE-SILENCE", [Unknown], Transient Partner,
        "The pool took the message, or the ping of a partner, and then nothing came: neither an answer of the partner nor an error. Servers need up to 198 seconds to report a partner that is silent; a broken way back looks the same.",
        "Look at the partner and at the way back with Test-FederatedPartner; to hear the pool's own verdict, test again with timeout and deliver_timeout at 200 seconds under [gateway] in the topology.";
    EVIDENCE_PARTNER_STOPPED: "EVIDENCE-PARTNER-STOPPED", [Partner], Transient Partner,
        "The partner's server took the message, and stopped answering while the receiver's answer was waited for: it was stopped, or cut off.",
        "Ask the partner whether its server was restarted (prosodyctl status, ejabberdctl status) or lost its network; test again when it is back.";
    EVIDENCE_NO_ANSWER: "EVIDENCE-NO-ANSWER", [Partner, Pool], Lasting Pair,
        "The partner's server took the message, and no client of the receiver answered: nobody is on line, or the client sends neither receipts nor answers (most clients answer only those whom they know), or the receiver blocks the sender and its server drops that without a word, as Prosody 13 does.",
        "Have the receiver go on line with a client that answers, run `imsh respond` as the receiver, or ask for less (-MinimumEvidence AcceptedByPartner, or the partner's `minimum_evidence`).";
    EVIDENCE_NOT_SEEN: "EVIDENCE-NOT-SEEN", [Partner, Pool], Lasting Pair,
        "The receiver's server took the message, and our own session of the receiver, which was on line, never saw it: another session got it, or a filter swallowed it.",
        "End the receiver's other sessions; check the filters at the receiver's server; then test again.";
    EVIDENCE_NO_ECHO: "EVIDENCE-NO-ECHO", [Partner, Pool], Lasting Pair,
        "A client of the receiver has the message, and nobody wrote back.",
        "Run `imsh respond` as the receiver, or ask for less (-MinimumEvidence Delivered, or the partner's `minimum_evidence`).";
    EVIDENCE_FENCE: "EVIDENCE-FENCE", [Unknown], Lasting Pair,
        "The ping behind the message, or one that was sent alone, came back with an error that the pool itself may have made, so that nothing proves that the partner saw it.",
        "Ask for an evidence that only the receiver can give (-MinimumEvidence Delivered), or look into the pool's log for the partner.";
    MESSAGES_VANISH: "MESSAGES-VANISH", [Unknown, Pool], Lasting Partner,
        "Questions pass and messages do not: behind the test message a second one was sent to an address that nobody has, which this server software always sends back, and it did not come back, while the answer to a ping did. A filter, a module or a full queue swallows messages. It is the pool's where a message to the pool's own domain does not come back either, else anybody's on the way to the partner.",
        "Look for what filters messages (mod_firewall, mod_spam_reports, mod_block_strangers, an archive or a scanner) in the configuration and the log of the pool and, if the pool is in order, of the partner; then send a message by hand. Where a partner is known not to send such messages back, set fence = \"ping\" for it in the topology.";
    EVIDENCE_PING_ONLY: "EVIDENCE-PING-ONLY", [Unknown], Lasting Partner,
        "A warning: the success rests on a ping alone. A message to an address of the domain that nobody has did not come back, and whether the server software sends such messages back is not known; a filter that swallows messages would look the same.",
        "Ask for an evidence that only the receiver can give (-MinimumEvidence Delivered or Exchanged, with `imsh respond` at the partner); or set fence = \"ping\" for the partner in the topology if a ping is enough.";
    EVIDENCE_NOT_READ: "EVIDENCE-NOT-READ", [Partner], Lasting Pair,
        "Something came back from the receiver that was more than imsh reads of one stanza (256 KiB, 32 levels, 2048 elements, 64 attributes of one), so that it was passed over. It may have been the answer.",
        "Ask the partner what sends such stanzas in the receiver's name, a bot or a bridge; test with a receiver that answers plainly (imsh respond).";
    RECEIVER_RATE_LIMIT: "RECEIVER-RATE-LIMIT", [Caller], Transient Pair,
        "The receiver is an `imsh respond`, and it answers no more test messages for now: this sender, or all senders together, sent more a minute than it is set to answer. Federation works both ways.",
        "Test it less often, or have the partner raise --per-sender or --in-all of its imsh respond.";
    RETURN_PATH: "RETURN-PATH", [Unknown], Lasting Pair,
        "The message arrived and its answer did not come back: the way from the partner to the pool is broken, at the pool's end or at the partner's.",
        "Look for what stops messages from the partner to the pool: DNS records and certificate of the pool's domain as the partner sees them, firewalls, the partner's policy.";

    // Beside a success
    CERTIFICATE_ENDS: "CERTIFICATE-ENDS", [Pool, Partner], Lasting Pool,
        "The certificate, or one of its chain, ends soon. A pool's certificate_warning_days says how soon; a partner's is told of from 14 days on.",
        "Renew the certificate, or have the partner renew it.";
    RESULT_REVISED: "RESULT-REVISED", [Partner, Pool], Lasting Pair,
        "A warning on a failure: the same test was told as a success before, on the word of the partner's server, and then the message came back, or the server said that it holds it, while the session was still open for other tests. The failure is the result that counts.",
        "Go by the failure and its remedy, and forget the success. Give -Linger (such as 30s) to wait for such errors before a result is told, also where a receiver is tested alone.";
    PING_REFUSED: "PING-REFUSED", [Partner, Pool, Unknown], Lasting Partner,
        "A warning: the domain answered, so that federation works both ways, and it did not answer the ping as such (XEP-0199): its server knows no pings, or something on the way answers them with an error.",
        "Have pings enabled at the domain's server, by which other servers and clients check their connections. Prosody: ping in modules_enabled; ejabberd: mod_ping among the modules.";
    LATENCY_WARNING: "LATENCY-WARNING", [Unknown], Transient Pair,
        "The test succeeded, and took longer than -WarningLatency.",
        "Look at the result's Steps and MessageLatency for what took the time.";
    LATENCY_CRITICAL: "LATENCY-CRITICAL", [Unknown], Transient Pair,
        "The test succeeded, and took longer than -CriticalLatency, which says that this is as bad as a failure.",
        "Look at the result's Steps and MessageLatency for what took the time.";

    // In any phase
    NO_RANDOMNESS: "NO-RANDOMNESS", [Caller], Lasting Machine,
        "The machine that runs the test gives out no random numbers, without which nothing can be secured.",
        "Repair the system's source of random numbers (/dev/urandom, getrandom).";
    TIMEOUT_TOO_SHORT: "TIMEOUT-TOO-SHORT", [Caller], Lasting Pair,
        "-Timeout ended the test before a healthy server would have had the time to answer: nothing is said about the pool or the partner.",
        "Run the test again without -Timeout, or give it some seconds more.";
    CANCELLED: "CANCELLED", [Caller], Lasting Pair,
        "The test was interrupted before its outcome could be known: nothing is said about the pool or the partner.",
        "Run it again.";
}
