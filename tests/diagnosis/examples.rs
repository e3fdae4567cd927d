//! An example of every fault that the client can meet, phase by phase.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use imsh::internals::diagnosis::{Context, Finding, Given, SentStanza, diagnose};
use imsh::internals::topology::Evidence;
use imsh::internals::xmpp::certificate::{CaFileFault, CertificateFault, CertificateName};
use imsh::internals::xmpp::condition::{
    SaslCondition, ScramCondition, StanzaCondition, StanzaError, StreamCondition,
};
use imsh::internals::xmpp::connect::{self, ConnectOutcome};
use imsh::internals::xmpp::deliver::{self, Bounce, ErrorOrigin as Maker, Fence, Order};
use imsh::internals::xmpp::federation::ProbeReport;
use imsh::internals::xmpp::offline::Offline;
use imsh::internals::xmpp::resolve::{self, TargetOrigin, TlsStart};
use imsh::internals::xmpp::sasl::mechanism::ChannelBinding;
use imsh::internals::xmpp::sasl::scram::{self, ScramHash};
use imsh::internals::xmpp::sasl::{self, Mechanism, Prepared, SaslStep, Unusable};
use imsh::internals::xmpp::trace::{Fact, Trace};
use imsh::internals::xmpp::xml::Violation;
use imsh::internals::xmpp::{Fault, Phase, bind, message, secure, stream, xml};

use crate::scene::{attempt, context, day, look, query, report, target};

/// A fault, how it came about, and what else is known.
pub(crate) struct Example {
    name: &'static str,
    fault: Fault,
    phase: Phase,
    facts: Vec<Fact>,
    given: Given<'static>,
    listed: bool,
    witnessed: bool,
    local: bool,
    sent: SentStanza,
    look: Option<ProbeReport>,
}

impl Example {
    fn of(name: &'static str, phase: Phase, fault: impl Into<Fault>) -> Self {
        Self {
            name,
            fault: fault.into(),
            phase,
            facts: Vec::new(),
            given: Given::default(),
            listed: true,
            witnessed: false,
            local: false,
            sent: SentStanza::Message,
            look: None,
        }
    }

    fn fact(mut self, fact: Fact) -> Self {
        self.facts.push(fact);
        self
    }

    fn given(self, given: Given<'static>) -> Self {
        Self { given, ..self }
    }

    fn unlisted(self) -> Self {
        Self { listed: false, ..self }
    }

    fn witnessed(self) -> Self {
        Self { witnessed: true, ..self }
    }

    fn local(self) -> Self {
        Self { local: true, ..self }
    }

    fn pinged(self) -> Self {
        Self { sent: SentStanza::Ping, ..self }
    }

    fn look(self, name: &str) -> Self {
        Self { look: look(name), ..self }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn finding(&self) -> Finding {
        let mut trace = Trace::new();
        trace.begin(self.phase);
        for fact in &self.facts {
            trace.learn(fact.clone());
        }
        let context = Context {
            given: self.given,
            pool_listed: self.listed,
            partner_listed: self.listed,
            witnessed: self.witnessed,
            sent: self.sent,
            receiver: Some(match self.sent {
                SentStanza::Message if self.local => "pilar@litwareinc.com",
                SentStanza::Message => "adelany@contoso.com",
                SentStanza::Ping => "contoso.com",
            }),
            ..context(self.look.as_ref())
        };
        diagnose(&self.fault, &trace, &context)
    }
}

pub(crate) fn examples() -> Vec<Example> {
    [
        resolving(),
        connecting(),
        offline(),
        securing(),
        streaming(),
        authenticating(),
        binding(),
        sending(),
        delivering(),
        silence(),
        pinging(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn late(name: &'static str, phase: Phase, seconds: u64) -> Example {
    Example::of(name, phase, Fault::Deadline { phase, after: Duration::from_secs(seconds) })
}

fn port(registrar_port: u16) -> Given<'static> {
    Given { registrar_port: Some(registrar_port), ..Given::default() }
}

fn mechanism(authentication: &'static str) -> Given<'static> {
    Given { authentication: Some(authentication), ..Given::default() }
}

fn credential() -> Given<'static> {
    Given { sender: true, credential: true, ..Given::default() }
}

fn resolving() -> Vec<Example> {
    use resolve::Fault::{
        BadName, NoNameServer, NoRecords, NoSuchName, NotAsked, NotOffered, SecurityNotOffered,
        ServerFailure, TargetWithoutAddress, Timeout,
    };
    let pool = || query("A/AAAA", "atl-cs-001.litwareinc.com");
    let srv = || query("SRV", "_xmpp-client._tcp.atl-cs-001.litwareinc.com");
    let of = |name, fault: resolve::Fault| Example::of(name, Phase::Resolve, fault);
    vec![
        of("a name that is none", BadName { name: "a..b".into() }),
        of("no name server", NoNameServer { reason: "/etc/resolv.conf: no such file".into() }),
        of("the pool says .", NotOffered { query: srv() }),
        of("NXDOMAIN, a pool of the topology", NoSuchName { query: pool() }),
        of("NXDOMAIN, a pool that was typed", NoSuchName { query: pool() }).unlisted(),
        of("no address", NoRecords { query: pool() }),
        of("SERVFAIL", ServerFailure { query: pool(), code: "SERVFAIL".into() }),
        of("no answer of DNS", Timeout { query: pool(), after: Duration::from_secs(3) }),
        of("DNS cannot be asked", NotAsked { query: pool(), reason: "Network is unreachable".into() }),
        of(
            "an SRV record that leads nowhere",
            TargetWithoutAddress {
                srv: srv(),
                host: "old.litwareinc.com".into(),
                cause: Box::new(NoSuchName { query: query("A/AAAA", "old.litwareinc.com") }),
            },
        ),
        of(
            "an SRV record whose target cannot be looked up",
            TargetWithoutAddress {
                srv: srv(),
                host: "old.litwareinc.com".into(),
                cause: Box::new(ServerFailure {
                    query: query("A/AAAA", "old.litwareinc.com"),
                    code: "SERVFAIL".into(),
                }),
            },
        ),
        of(
            "security that DNS does not offer",
            SecurityNotOffered {
                wanted: TlsStart::Direct,
                offered: vec![target(
                    "atl-cs-001.litwareinc.com",
                    5222,
                    TlsStart::StartTls,
                    TargetOrigin::Srv,
                )],
            },
        ),
        late("Resolve is not done", Phase::Resolve, 5),
    ]
}

fn connecting() -> Vec<Example> {
    let of = |name, fault: connect::Fault| Example::of(name, Phase::Connect, fault);
    let mixed = |outcomes: &[ConnectOutcome]| connect::Fault::Mixed {
        attempts: outcomes.iter().map(|outcome| attempt(5222, outcome.clone())).collect(),
    };
    let refused = || connect::Fault::Refused { attempts: vec![attempt(5222, ConnectOutcome::Refused)] };
    let redirect = Fact::TargetFailed {
        target: target("atl-cs-001.litwareinc.com", 5222, TlsStart::StartTls, TargetOrigin::Name),
        fault: Box::new(
            stream::Fault::SeeOtherHost { host: "node2.litwareinc.com".into(), port: Some(5222) }.into(),
        ),
    };
    vec![
        of("refused, where the pool sent us", refused()).fact(redirect),
        of("refused", refused()),
        of("refused at a port that was given", refused()).given(port(5222)),
        of("no answer", connect::Fault::Silent { attempts: vec![attempt(5222, ConnectOutcome::TimedOut)] }),
        of(
            "no route",
            connect::Fault::Unreachable { attempts: vec![attempt(5222, ConnectOutcome::Unreachable)] },
        ),
        of("refused, and no IPv6 here", mixed(&[ConnectOutcome::Unreachable, ConnectOutcome::Refused])),
        of("silent, and no IPv6 here", mixed(&[ConnectOutcome::Unreachable, ConnectOutcome::TimedOut])),
        of("reset", mixed(&[ConnectOutcome::Reset])),
        of("denied", mixed(&[ConnectOutcome::Denied])),
        of("each for its own reason", mixed(&[ConnectOutcome::TimedOut, ConnectOutcome::Refused])),
        of("unheard of", mixed(&[ConnectOutcome::Failed { error: "Protocol not available".into() }])),
        late("Connect is not done", Phase::Connect, 10)
            .fact(Fact::Attempted(attempt(5222, ConnectOutcome::TimedOut))),
    ]
}

/// The faults that a machine meets which is off line itself.
fn offline() -> Vec<Example> {
    let silent = connect::Fault::Silent { attempts: vec![attempt(5222, ConnectOutcome::TimedOut)] };
    let timeout = resolve::Fault::Timeout {
        query: query("SRV", "_xmpp-client._tcp.atl-cs-001.litwareinc.com"),
        after: Duration::from_secs(3),
    };
    vec![
        Example::of("off line, asking DNS", Phase::Resolve, timeout)
            .fact(Fact::Offline(Offline::NoInterface)),
        Example::of("off line, connecting", Phase::Connect, silent.clone())
            .fact(Fact::Offline(Offline::NoRoute)),
        Example::of("off line, as far as anybody answers", Phase::Connect, silent)
            .fact(Fact::Offline(Offline::NobodyAnswers)),
    ]
}

fn securing() -> Vec<Example> {
    use secure::Fault as F;
    let of = |name, fault: F| Example::of(name, Phase::Secure, fault);
    let at = |kind, origin| Fact::Connected {
        target: target("atl-cs-001.litwareinc.com", 5222, kind, origin),
        address: ([192, 0, 2, 10], 5222).into(),
    };
    let shown = |name, fault: CertificateFault| {
        of(name, F::Certificate(fault.clone())).fact(Fact::Certificate(Box::new(report(Err(fault)))))
    };
    let refused = |name, alert: &str, shown| of(name, F::HandshakeRefused { alert: alert.to_owned(), shown });
    let tls = || secure::TlsParameters {
        version: "TLSv1.3".into(),
        cipher: "TLS13_AES_256_GCM_SHA384".into(),
        group: None,
        alpn: None,
        shown: secure::Shown::NotAsked,
    };
    let header = || Fact::Header {
        from: Some("litwareinc.com".into()),
        id: Some("s1".into()),
        version: Some("1.0".into()),
    };
    let of_stream = |name, fault: xml::Fault| Example::of(name, Phase::Secure, stream::Fault::Xml(fault));
    let ca = |reason| F::CaFile { path: PathBuf::from("/etc/imsh/litware-ca.pem"), reason };
    let stream = || F::NotTls { said: "<?xml version='1.0'?><stream:stream".into() };
    vec![
        shown(
            "expired",
            CertificateFault::Expired { whose: "CN=litwareinc.com".into(), not_after: day("2026-10-30") },
        ),
        shown(
            "an issuer's certificate expired",
            CertificateFault::Expired { whose: "CN=Litware Issuing CA".into(), not_after: day("2026-10-30") },
        ),
        shown("not yet valid", CertificateFault::NotYetValid { not_before: day("2027-01-01") }),
        shown(
            "wrong name",
            CertificateFault::NameMismatch {
                wanted: "litwareinc.com".into(),
                offered: vec![CertificateName::Dns("mail.litwareinc.com".into())],
            },
        ),
        shown(
            "no name at all",
            CertificateFault::NameMismatch { wanted: "litwareinc.com".into(), offered: Vec::new() },
        ),
        shown("self-signed", CertificateFault::SelfSigned { subject: "CN=localhost".into() }),
        shown("unknown issuer", CertificateFault::UnknownIssuer { issuer: "CN=Litware Issuing CA".into() }),
        shown(
            "incomplete chain",
            CertificateFault::IncompleteChain {
                missing: "CN=Litware Issuing CA".into(),
                published: Some("http://pki.litwareinc.com/issuing.crt".into()),
            },
        ),
        shown("wrong purpose", CertificateFault::WrongPurpose { reason: "clientAuth only".into() }),
        shown("broken certificate", CertificateFault::Invalid { reason: "bad signature".into() }),
        shown(
            "another authority of the same name",
            CertificateFault::Namesake { issuer: "CN=Litware CA".into() },
        ),
        refused("refused handshake", "HandshakeFailure", secure::Shown::NotAsked),
        refused("no certificate to show, TLS 1.2", "HandshakeFailure", secure::Shown::Nothing),
        refused("a client certificate that is not taken", "UnknownCA", secure::Shown::Certificate),
        of_stream(
            "no certificate to show, TLS 1.3",
            xml::Fault::Alert { alert: "CertificateRequired".into() },
        ),
        of("too old", F::TooOld { reason: "peer sent a TLS 1.0 ServerHello".into() }),
        of("STARTTLS port, direct TLS by SRV", stream()).fact(at(TlsStart::Direct, TargetOrigin::Srv)),
        of("STARTTLS port, direct TLS by the topology", stream())
            .fact(at(TlsStart::Direct, TargetOrigin::Name)),
        of("STARTTLS port that was given", stream())
            .fact(at(TlsStart::Direct, TargetOrigin::Name))
            .given(port(5222)),
        of("direct TLS port, STARTTLS by SRV", F::SpeaksTls).fact(at(TlsStart::StartTls, TargetOrigin::Srv)),
        of("direct TLS port that was given", F::SpeaksTls)
            .fact(at(TlsStart::StartTls, TargetOrigin::Name))
            .given(port(5223)),
        of("a web server", F::NotTls { said: "HTTP/1.1 400 Bad Request".into() }),
        of("an SSH server", F::NotTls { said: "SSH-2.0-OpenSSH_9.2p1".into() }),
        of("no STARTTLS", F::NoStartTls),
        of("STARTTLS fails", F::StartTlsFailed),
        of("injected plaintext", F::Injected { n_bytes: 42 }),
        of("closed", F::Closed).fact(at(TlsStart::Direct, TargetOrigin::Srv)),
        of("reset", F::Reset).fact(at(TlsStart::Direct, TargetOrigin::Srv)),
        of("broken handshake", F::Handshake { reason: "received corrupt message".into() }),
        of("unreadable file of issuers", ca(CaFileFault::Unreadable("Permission denied".into()))),
        of("empty file of issuers", ca(CaFileFault::Empty)),
        of("broken file of issuers", ca(CaFileFault::Broken { number: 2, error: "BadDER".into() })),
        of("no issuers", F::NoRoots { reason: "none found".into() }),
        of(
            "unusable client certificate",
            F::ClientCertificate { reason: "the key is of another certificate".into() },
        ),
        late("silent before the stream", Phase::Secure, 10).fact(at(TlsStart::StartTls, TargetOrigin::Srv)),
        late("silent before the handshake", Phase::Secure, 10).fact(at(TlsStart::Direct, TargetOrigin::Srv)),
        late("silent after proceed", Phase::Secure, 10)
            .fact(at(TlsStart::StartTls, TargetOrigin::Srv))
            .fact(Fact::Proceed),
        late("silent after the handshake", Phase::Secure, 10)
            .fact(at(TlsStart::StartTls, TargetOrigin::Srv))
            .fact(Fact::Proceed)
            .fact(Fact::Tls(tls())),
        late("silent behind the encrypted header", Phase::Secure, 10)
            .fact(at(TlsStart::Direct, TargetOrigin::Srv))
            .fact(Fact::Tls(tls()))
            .fact(header()),
        of_stream("closed right after the handshake", xml::Fault::Ended { n_unread: 0 })
            .fact(at(TlsStart::Direct, TargetOrigin::Srv))
            .fact(Fact::Tls(tls())),
        late("silent at a port that was given", Phase::Secure, 10).given(port(25)),
    ]
}

fn streaming() -> Vec<Example> {
    use stream::Fault as F;
    let of = |name, fault: F| Example::of(name, Phase::Authenticate, fault);
    let error = |name, condition, text: Option<&str>| {
        of(name, F::Error { condition, text: text.map(str::to_owned), application: None })
    };
    let refused =
        |name, violation, offset| of(name, xml::Fault::Refused { violation, offset, from: None }.into());
    let broken = |kind, detail: &str| xml::Fault::Broken { kind, detail: detail.to_owned() };
    let mut examples = vec![
        error(
            "host unknown",
            StreamCondition::HostUnknown,
            Some("This server does not serve litwareinc.com"),
        ),
        error("host unknown, sender given", StreamCondition::HostUnknown, None).given(credential()),
        error("host gone", StreamCondition::HostGone, None),
        error(
            "banned",
            StreamCondition::PolicyViolation,
            Some(
                "Too many (20) failed authentications from this IP address (192.0.2.77). The address will be unblocked at 00:31:12 24.11.2026 UTC",
            ),
        ),
        error("policy", StreamCondition::PolicyViolation, Some("has been kicked")),
        error("stanza too big", StreamCondition::PolicyViolation, Some("XML stanza is too big")),
        error("not authorized", StreamCondition::NotAuthorized, None),
        error("conflict", StreamCondition::Conflict, Some("Replaced by new connection")),
        error("connection timeout", StreamCondition::ConnectionTimeout, None),
        error("shutdown", StreamCondition::SystemShutdown, None),
        error("reset", StreamCondition::Reset, None),
        error("overloaded", StreamCondition::ResourceConstraint, None),
        error("server error", StreamCondition::InternalServerError, None),
        error("back end lost", StreamCondition::RemoteConnectionFailed, None),
        error("no features", StreamCondition::UndefinedCondition, Some("No stream features to proceed with")),
        Example::of(
            "no features, before TLS",
            Phase::Secure,
            F::Error {
                condition: StreamCondition::UndefinedCondition,
                text: Some("No stream features to proceed with".to_owned()),
                application: None,
            },
        ),
        error("undefined", StreamCondition::UndefinedCondition, None),
        error("unknown condition", StreamCondition::Unknown("x-tired".into()), Some("Going to sleep")),
        error("unsupported version", StreamCondition::UnsupportedVersion, None),
        error("unsupported feature", StreamCondition::UnsupportedFeature, None),
        error("see other host, before TLS", StreamCondition::SeeOtherHost, Some("evil.example:5222")),
        of("see other host", F::SeeOtherHost { host: "node2.litwareinc.com".into(), port: Some(5222) }),
        of("closed", F::Closed),
        of(
            "another element",
            F::NotAStream { name: "html".into(), ns: "http://www.w3.org/1999/xhtml".into() },
        ),
        of("a port for servers", F::WrongContent { content: "jabber:server".into() }),
        of("a port for components", F::WrongContent { content: "jabber:component:accept".into() })
            .given(port(5347)),
        of("an old version", F::Version { offered: None }),
        of("another domain", F::WrongFrom { wanted: "litwareinc.com".into(), said: "localhost".into() }),
        of(
            "unexpected",
            F::Unexpected { wanted: "the answer to SASL", name: "iq".into(), ns: "jabber:client".into() },
        ),
        of("too long", F::TooLong { n_bytes: 300_000, limit: 262_144 }),
        of(
            "reset in the middle",
            broken(ErrorKind::ConnectionReset, "Connection reset by peer (os error 104)").into(),
        ),
        of("broken in the middle", broken(ErrorKind::BrokenPipe, "Broken pipe (os error 32)").into()),
        of("ended", xml::Fault::Ended { n_unread: 0 }.into()),
        of("ended in an element", xml::Fault::Ended { n_unread: 17 }.into()),
        of("over", xml::Fault::Closed.into()),
        refused("a web server", Violation::TextBetweenStanzas { begins: "HTTP/1.1 400".into() }, 0),
        refused("garbage at once", Violation::Syntax("unexpected end of tag".into()), 3),
        refused("garbage later", Violation::Syntax("unexpected end of tag".into()), 3000),
        refused("a comment", Violation::Comment, 900),
        refused("an endless stanza", Violation::StanzaTooLong { limit: 1_048_576 }, 1_048_900),
    ];
    for condition in [
        StreamCondition::BadFormat,
        StreamCondition::BadNamespacePrefix,
        StreamCondition::ImproperAddressing,
        StreamCondition::InvalidFrom,
        StreamCondition::InvalidNamespace,
        StreamCondition::InvalidXml,
        StreamCondition::NotWellFormed,
        StreamCondition::RestrictedXml,
        StreamCondition::UnsupportedEncoding,
        StreamCondition::UnsupportedStanzaType,
    ] {
        examples.push(error("our mistake, they say", condition, None));
    }
    examples.push(Example::of(
        "closed while the message is on its way",
        Phase::Deliver,
        F::Error { condition: StreamCondition::SystemShutdown, text: None, application: None },
    ));
    examples
}

fn authenticating() -> Vec<Example> {
    use sasl::Fault as F;
    const SCRAM: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, binding: ChannelBinding::None };
    const PLUS: Mechanism = Mechanism::Scram { hash: ScramHash::Sha1, binding: ChannelBinding::Plus };
    let of = |name, fault: F| Example::of(name, Phase::Authenticate, fault);
    let rejected = |name, mechanism, step, condition, text: Option<&str>| {
        let offered = vec!["PLAIN".to_owned(), "SCRAM-SHA-1".to_owned()];
        of(name, F::Rejected { mechanism, step, condition, text: text.map(str::to_owned), offered })
    };
    let no = |name, reason| {
        of(name, F::NoMechanism { offered: vec!["PLAIN".into(), "DIGEST-MD5".into()], reason })
    };
    let cheats = |name, fault| of(name, F::Scram { mechanism: SCRAM, fault });
    let (first, last) = (SaslStep::First, SaslStep::Final);
    let prosody_plain = Some("Unable to authorize you with the authentication credentials you've sent.");
    let prosody_final = Some("The response provided by the client doesn't match the one we calculated.");
    let ejabberd = Some("Invalid username or password");
    vec![
        rejected("wrong password, Prosody", SCRAM, last, SaslCondition::NotAuthorized, prosody_final),
        rejected("wrong password, ejabberd", SCRAM, last, SaslCondition::NotAuthorized, ejabberd),
        rejected("wrong password that was given", SCRAM, last, SaslCondition::NotAuthorized, ejabberd)
            .given(credential()),
        rejected("PLAIN, Prosody", Mechanism::Plain, first, SaslCondition::NotAuthorized, prosody_plain),
        rejected("PLAIN, ejabberd", Mechanism::Plain, first, SaslCondition::NotAuthorized, ejabberd),
        rejected("unknown account, Prosody", SCRAM, first, SaslCondition::NotAuthorized, None),
        rejected("unknown account, ejabberd", SCRAM, first, SaslCondition::NotAuthorized, ejabberd),
        rejected("unknown account that was given", SCRAM, first, SaslCondition::NotAuthorized, None)
            .given(credential()),
        rejected(
            "EXTERNAL, ejabberd",
            Mechanism::External,
            first,
            SaslCondition::NotAuthorized,
            Some("unsupported_mechanism"),
        ),
        rejected("EXTERNAL", Mechanism::External, first, SaslCondition::NotAuthorized, None),
        rejected(
            "channel binding, ejabberd 23.01",
            PLUS,
            last,
            SaslCondition::NotAuthorized,
            Some("Invalid channel binding"),
        )
        .given(mechanism("SCRAM-SHA-1-PLUS")),
        rejected("nonce, ejabberd", SCRAM, last, SaslCondition::NotAuthorized, Some("Nonce mismatch")),
        rejected("disabled", SCRAM, first, SaslCondition::AccountDisabled, None),
        rejected("expired", SCRAM, last, SaslCondition::CredentialsExpired, None),
        rejected("encryption required", SCRAM, first, SaslCondition::EncryptionRequired, None),
        rejected("bad encoding", SCRAM, first, SaslCondition::IncorrectEncoding, None),
        rejected(
            "malformed",
            SCRAM,
            last,
            SaslCondition::MalformedRequest,
            Some("Wrong nonce in client-final-message."),
        ),
        rejected("authzid", Mechanism::External, first, SaslCondition::InvalidAuthzid, None),
        rejected("invalid mechanism", SCRAM, first, SaslCondition::InvalidMechanism, None),
        rejected("invalid mechanism that was given", SCRAM, first, SaslCondition::InvalidMechanism, None)
            .given(mechanism("SCRAM-SHA-256")),
        rejected("too weak", Mechanism::Plain, first, SaslCondition::MechanismTooWeak, None),
        rejected("temporary", SCRAM, first, SaslCondition::TemporaryAuthFailure, None),
        rejected("aborted", SCRAM, last, SaslCondition::Aborted, None),
        rejected("unheard of", SCRAM, first, SaslCondition::Unknown("x-bad-mood".into()), Some("Not today")),
        no("nothing in common", Unusable::NoneCommon),
        no("PLAIN forbidden", Unusable::PlainForbidden),
        no("not offered", Unusable::NotOffered { wanted: SCRAM }),
        no("not offered, and was given", Unusable::NotOffered { wanted: SCRAM })
            .given(mechanism("SCRAM-SHA-256")),
        no("no channel binding", Unusable::NoChannelBinding { wanted: PLUS })
            .given(mechanism("SCRAM-SHA-1-PLUS")),
        no("no password", Unusable::NoPassword),
        no("a password wanted, and a certificate only", Unusable::PasswordOnly),
        no("SASL 2 only", Unusable::SaslTwo),
        no("only what was before SASL", Unusable::BeforeSasl),
        no("STARTTLS inside TLS", Unusable::StartTlsAgain),
        no("EXTERNAL only, and a password", Unusable::CertificateOnly),
        of("unprintable password", F::Unprintable { what: Prepared::Password }),
        of("unprintable logon name", F::Unprintable { what: Prepared::LogonName }).given(credential()),
        cheats("malformed challenge", scram::Fault::Malformed { attribute: 's' }),
        cheats("mandatory extension", scram::Fault::MandatoryExtension { extension: "m=future".into() }),
        cheats("foreign nonce", scram::Fault::ForeignNonce),
        cheats("one iteration", scram::Fault::Iterations { asked: 1 }),
        cheats("twenty million iterations", scram::Fault::Iterations { asked: 20_000_000 }),
        cheats("wrong password by SCRAM", scram::Fault::ServerError(ScramCondition::InvalidProof)),
        cheats("unknown user by SCRAM", scram::Fault::ServerError(ScramCondition::UnknownUser)),
        cheats(
            "channel binding by SCRAM",
            scram::Fault::ServerError(ScramCondition::ChannelBindingsDontMatch),
        ),
        cheats("other error by SCRAM", scram::Fault::ServerError(ScramCondition::OtherError)),
        cheats("wrong signature", scram::Fault::WrongSignature),
        cheats("no proof", scram::Fault::NoProof),
        of("undecodable", F::Undecodable { mechanism: SCRAM }),
        of("no randomness", F::NoRandomness { reason: "getrandom: ENOSYS".into() }),
        late("the logon is not done", Phase::Authenticate, 10)
            .fact(Fact::Mechanism { name: "SCRAM-SHA-1".into(), channel_binding: None }),
    ]
}

pub(crate) fn error(kind: &str, condition: StanzaCondition, text: Option<&str>) -> StanzaError {
    StanzaError {
        condition,
        kind: kind.to_owned(),
        text: text.map(str::to_owned),
        by: None,
        application: None,
        elsewhere: None,
    }
}

fn binding() -> Vec<Example> {
    let of = |name, fault: bind::Fault| Example::of(name, Phase::Bind, fault);
    let refused =
        |condition, text| bind::Fault::Refused { error: Box::new(error("cancel", condition, text)) };
    let other = || bind::Fault::OtherAccount {
        wanted: "kenmyer@litwareinc.com".parse().unwrap(),
        given: "pilar@litwareinc.com/r1".parse().unwrap(),
    };
    vec![
        of("no binding", bind::Fault::NotOffered),
        of("too many sessions", refused(StanzaCondition::ResourceConstraint, None)),
        of("conflict", refused(StanzaCondition::Conflict, None)),
        of("not allowed", refused(StanzaCondition::NotAllowed, Some("Access denied"))),
        of("refused", refused(StanzaCondition::InternalServerError, None)),
        of(
            "session refused",
            bind::Fault::SessionRefused {
                error: Box::new(error("wait", StanzaCondition::InternalServerError, None)),
            },
        ),
        of("another account", other()),
        of("another account, with a credential that was given", other()).given(credential()),
        of("no address", bind::Fault::InvalidAddress { said: "@@".into() }),
        late("no session in time", Phase::Bind, 5),
    ]
}

fn sending() -> Vec<Example> {
    vec![
        Example::of("too long", Phase::Send, message::Fault::TooLong { n_bytes: 300_000, limit: 262_144 }),
        Example::of("no randomness", Phase::Send, message::Fault::NoRandomness { reason: "ENOSYS".into() }),
        late("the pool does not read", Phase::Send, 30),
        late("the caller gives a second", Phase::Secure, 1)
            .given(Given { timeout: Some(Duration::from_secs(1)), ..Given::default() }),
        Example::of("cancelled", Phase::Deliver, Fault::Cancelled),
    ]
}

fn bounce(error: StanzaError, origin: Maker, order: Order) -> Box<Bounce> {
    Box::new(Bounce {
        error,
        from: "adelany@contoso.com".into(),
        origin,
        after: Duration::from_millis(96),
        order,
    })
}

fn delivering() -> Vec<Example> {
    let of = |name, fault: deliver::Fault| Example::of(name, Phase::Deliver, fault);
    let answered = || Fence::Answered { after: Duration::from_millis(40) };
    let bounced = |name, error, origin, order, fence| {
        of(name, deliver::Fault::Bounced { bounce: bounce(error, origin, order), fence })
    };
    let strangers =
        || error("modify", StanzaCondition::PolicyViolation, Some("Messages from strangers are rejected"));
    let gone = || error("cancel", StanzaCondition::ServiceUnavailable, None);
    let not_found =
        || error("cancel", StanzaCondition::RemoteServerNotFound, Some("DNS lookup failed: enoname"));
    let same = |error: &StanzaError, origin| Fence::Failed {
        error: Box::new(error.clone()),
        origin,
        after: Duration::from_millis(97),
    };
    vec![
        bounced("late bounce", strangers(), Maker::Unclear, Order::BehindFence, answered()),
        bounced(
            "a typing mistake",
            not_found(),
            Maker::Pool,
            Order::BeforeFence,
            same(&not_found(), Maker::Pool),
        )
        .unlisted(),
        bounced(
            "no word but the condition",
            error("cancel", StanzaCondition::RemoteServerNotFound, None),
            Maker::Pool,
            Order::BeforeFence,
            Fence::Open,
        ),
        bounced(
            "the pool failed",
            error("wait", StanzaCondition::InternalServerError, None),
            Maker::Pool,
            Order::BeforeFence,
            Fence::Open,
        ),
        of(
            "no such user",
            deliver::Fault::ReceiverUnavailable {
                bounce: bounce(gone(), Maker::Unclear, Order::BeforeFence),
            },
        ),
        of(
            "off line",
            deliver::Fault::ReceiverUnavailable {
                bounce: bounce(
                    error("cancel", StanzaCondition::ServiceUnavailable, Some("User session not found")),
                    Maker::Unclear,
                    Order::BeforeFence,
                ),
            },
        ),
        of(
            "no such user in the sender's own domain",
            deliver::Fault::ReceiverUnavailable {
                bounce: bounce(gone(), Maker::Partner, Order::BeforeFence),
            },
        )
        .local(),
        of(
            "the pool swallows messages",
            deliver::Fault::Vanished {
                at: deliver::Party::Pool,
                software: "Prosody".into(),
                waited: Duration::from_secs(6),
            },
        ),
        of(
            "messages vanish on the way",
            deliver::Fault::Vanished {
                at: deliver::Party::Partner,
                software: "ejabberd".into(),
                waited: Duration::from_secs(6),
            },
        ),
        of(
            "held until a captcha is solved",
            deliver::Fault::Held {
                words: "Your messages to adelany@contoso.com are being blocked. To unblock them, visit http://contoso.com/captcha/1".into(),
            },
        ),
        of(
            "the pool stops answering",
            deliver::Fault::PoolStopped {
                reached: Some(Evidence::AcceptedByPool),
                wanted: Evidence::AcceptedByPartner,
                waited: Duration::from_secs(30),
            },
        ),
        of(
            "the partner stops answering",
            deliver::Fault::PartnerStopped {
                error: None,
                wanted: Evidence::Delivered,
                waited: Duration::from_secs(30),
            },
        ),
        of(
            "an answer that is too much",
            deliver::Fault::NotRead {
                passed: Box::new(xml::PassedOver {
                    name: "message".into(),
                    from: Some("adelany@contoso.com/bot".into()),
                    violation: Violation::TooDeep { limit: 32 },
                    n_bytes: 4711,
                }),
                reached: Some(Evidence::AcceptedByPartner),
                wanted: Evidence::Exchanged,
                waited: Duration::from_secs(30),
            },
        ),
        bounced(
            "the limit of imsh respond",
            StanzaError {
                application: Some("rate-limit".into()),
                ..error(
                    "wait",
                    StanzaCondition::ResourceConstraint,
                    Some("imsh respond answers 60 test messages a minute to each sender, 600 in all"),
                )
            },
            Maker::Unclear,
            Order::BeforeFence,
            answered(),
        ),
        of("the way back", deliver::Fault::ReturnPath { waited: Duration::from_secs(30) }).witnessed(),
    ]
}

fn silence() -> Vec<Example> {
    let of = |name, reached, wanted, fence| {
        let waited = Duration::from_secs(30);
        Example::of(name, Phase::Deliver, deliver::Fault::Silent { reached, wanted, waited, fence })
    };
    let (pool, partner) = (Some(Evidence::AcceptedByPool), Some(Evidence::AcceptedByPartner));
    let answered = || Fence::Answered { after: Duration::from_millis(40) };
    let failed = |condition, text, origin| Fence::Failed {
        error: Box::new(error("cancel", condition, text)),
        origin,
        after: Duration::from_millis(40),
    };
    vec![
        of("the pool is silent", Some(Evidence::Sent), Evidence::AcceptedByPartner, Fence::Open),
        of("nothing came back", pool, Evidence::AcceptedByPartner, Fence::Open),
        of("nothing came back, healthy from here", pool, Evidence::AcceptedByPartner, Fence::Open)
            .look("healthy"),
        of("nothing came back, silent from here", pool, Evidence::AcceptedByPartner, Fence::Open)
            .look("silent"),
        of("nothing came back, no answer here", pool, Evidence::AcceptedByPartner, Fence::Open)
            .look("no answer"),
        of("nobody answers", partner, Evidence::Exchanged, answered()),
        of("our own session saw nothing", partner, Evidence::Exchanged, answered()).witnessed(),
        of("a receipt and no echo", Some(Evidence::Delivered), Evidence::Exchanged, answered()),
        of(
            "the pool answers the ping",
            pool,
            Evidence::AcceptedByPartner,
            failed(StanzaCondition::ServiceUnavailable, None, Maker::Unclear),
        ),
        of(
            "only the ping comes back",
            pool,
            Evidence::AcceptedByPartner,
            failed(StanzaCondition::RemoteServerNotFound, Some("DNS lookup failed: enoname"), Maker::Pool),
        ),
        late("the whole time is up", Phase::Deliver, 60),
    ]
}

fn pinging() -> Vec<Example> {
    let of = |name, fault: deliver::Fault| Example::of(name, Phase::Deliver, fault).pinged();
    let bounced = |name, error: StanzaError, origin, fence| {
        let bounce = Bounce { from: "contoso.com".into(), ..*bounce(error, origin, Order::BeforeFence) };
        of(name, deliver::Fault::Bounced { bounce: Box::new(bounce), fence })
    };
    let silent = |name, reached| {
        let (wanted, waited) = (Evidence::AcceptedByPartner, Duration::from_secs(30));
        of(name, deliver::Fault::Silent { reached, wanted, waited, fence: Fence::Open })
    };
    let unsigned = || error("cancel", StanzaCondition::ServiceUnavailable, None);
    let same = |error, origin| {
        let after = Duration::from_millis(97);
        Fence::Failed { error: Box::new(error), origin, after }
    };
    let forbidden = || error("auth", StanzaCondition::Forbidden, Some("Access denied by service policy"));
    let pool = Some(Evidence::AcceptedByPool);
    vec![
        bounced(
            "the pool finds no server to ping",
            error("cancel", StanzaCondition::RemoteServerNotFound, Some("DNS lookup failed: enoname")),
            Maker::Pool,
            Fence::Open,
        ),
        bounced("the pool forbids the ping", forbidden(), Maker::Unclear, same(forbidden(), Maker::Unclear)),
        bounced(
            "a ping comes back, and a question",
            unsigned(),
            Maker::Partner,
            same(unsigned(), Maker::Partner),
        ),
        bounced("a ping comes back, and nothing more", unsigned(), Maker::Unclear, Fence::Open),
        bounced(
            "the connection breaks under a ping",
            error("wait", StanzaCondition::RecipientUnavailable, None),
            Maker::Unclear,
            Fence::Open,
        ),
        bounced(
            "the partner cannot reach the domain itself",
            StanzaError {
                by: Some("contoso.com".into()),
                ..error("cancel", StanzaCondition::RemoteServerNotFound, None)
            },
            Maker::Partner,
            Fence::Open,
        ),
        bounced(
            "the partner bans the pool's pings",
            StanzaError {
                by: Some("contoso.com".into()),
                ..error("cancel", StanzaCondition::PolicyViolation, Some("You are banned"))
            },
            Maker::Partner,
            Fence::Open,
        ),
        bounced(
            "a ping fails inside a domain that answers",
            error("wait", StanzaCondition::InternalServerError, None),
            Maker::Unclear,
            Fence::Answered { after: Duration::from_millis(97) },
        ),
        silent("the pool answers no ping", None),
        silent("no answer to a ping", pool),
        silent("no answer to a ping, healthy from here", pool).look("healthy"),
        silent("no answer to a ping, silent from here", pool).look("silent"),
        silent("no answer to a ping, no answer here", pool).look("no answer"),
        of(
            "the pool stops answering pings",
            deliver::Fault::PoolStopped {
                reached: pool,
                wanted: Evidence::AcceptedByPartner,
                waited: Duration::from_secs(30),
            },
        ),
    ]
}
