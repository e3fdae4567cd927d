//! The partners of the practice network: two that work, and one for each way in which federation fails.
//!
//! A table, as `pools`. What a receiver does with a message, and how the pools' servers fare on the way
//! to a partner, is carried out in `receivers` and in `federation`.

use super::behaviour::{
    Behaviour, CertificateBehaviour, DnsBehaviour, PortBehaviour, StreamBehaviour, TlsBehaviour,
};
use super::pools::Lesson;

/// A partner of the practice network.
#[derive(Clone, Copy, Debug)]
pub struct LabPartner {
    /// Its domain.
    pub domain: &'static str,
    /// The behaviour of its server towards other servers.
    pub behaviour: Behaviour,
    /// The treatment of stanzas on the way to it.
    pub federation: Federation,
    /// Its accounts.
    pub receivers: &'static [Receiver],
    /// The evidence that the topology asks for, where it is not the default.
    pub minimum_evidence: Option<&'static str>,
}

/// An account at a partner, which answers by itself.
#[derive(Clone, Copy, Debug)]
pub struct Receiver {
    /// The local part of the address, before the `@`.
    pub name: &'static str,
    /// The reaction to a test message.
    pub answers: Answers,
    /// Whether anybody knows it; a receiver who does not exist is in the table for the lesson.
    pub exists: bool,
    /// The diagnosis that imsh must give.
    pub lesson: Lesson,
}

/// The treatment of stanzas on the way to a partner, apart from what its server's behaviour entails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Federation {
    /// They reach it.
    Open,
    /// The pools report a failure: Prosody in these words, ejabberd in those.
    Fails {
        /// Type, condition and text; signed with `by`.
        prosody: ErrorWords,
        /// Type, condition and text.
        ejabberd: ErrorWords,
    },
    /// ejabberd remembers an earlier failure and does not try again for a while; Prosody does try.
    Remembered,
    /// They are lost, and nobody says so.
    Lost,
    /// They reach it; nothing comes back.
    NoWayBack,
    /// They reach it; its server answers pings with an error that anybody could have made.
    NoPing,
    /// The same, and its server sends back no message to itself and does not say what it is.
    UnsignedError,
    /// Questions reach it and are answered; messages vanish on the way.
    EatsMessages,
    /// They reach it; its server, of a kind that nobody knows, sends back no message to itself.
    KeepsMessages,
}

/// The type, the condition and the text of an error; an empty text is left out.
pub type ErrorWords = (&'static str, &'static str, &'static str);

/// The reaction of a receiver to a test message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Sends a receipt and answers with the same nonce, as `imsh respond` does.
    Echo,
    /// Sends a receipt.
    Receipt,
    /// Is off line; the message is kept.
    Stored,
    /// There is no such account.
    Unknown,
    /// The message comes back, with an error of this type, condition and text.
    Refuses(&'static str, &'static str, &'static str),
    /// Their server bounces the message after it answered what came behind it.
    Late,
    /// The same, so many seconds later.
    LateBy(u64),
    /// Sends a receipt for another message.
    WrongReceipt,
    /// Somebody else sends the receipt and the answer.
    Impostor,
    /// An old answer from an archive comes back.
    Delayed,
    /// Answers with another nonce.
    WrongNonce,
    /// Their server takes the message, and says that it holds it until its sender has proved to be a person.
    Captcha,
    /// Answers with a stanza that is more than anybody reads.
    Deep,
    /// Says that it answers no more tests for now, as `imsh respond` does.
    RateLimit,
}

const HEALTHY: Behaviour = Behaviour::HEALTHY;

const fn receiver(
    name: &'static str,
    answers: Answers,
    (code, owner): (&'static str, &'static str),
    shows: &'static str,
) -> Receiver {
    let exists = !matches!(answers, Answers::Unknown);
    Receiver { name, answers, exists, lesson: Lesson { code, owner, shows } }
}

/// A partner that cannot be reached, named after the reason.
const fn broken(
    domain: &'static str,
    behaviour: Behaviour,
    federation: Federation,
    receivers: &'static [Receiver],
) -> LabPartner {
    LabPartner { domain, behaviour, federation, receivers, minimum_evidence: None }
}

/// The one receiver of a broken partner; would answer, if it were asked.
macro_rules! adelany {
    ($code:literal, $owner:literal, $shows:literal) => {
        &[receiver("adelany", Answers::Echo, ($code, $owner), $shows)]
    };
}

/// Every partner of the practice network.
#[rustfmt::skip]
pub const PARTNERS: &[LabPartner] = &[
    LabPartner {
        domain: "contoso.com",
        behaviour: HEALTHY,
        federation: Federation::Open,
        receivers: &[receiver("adelany", Answers::Echo, OK, "the receiver answers: both directions are proven")],
        minimum_evidence: Some("Exchanged"),
    },
    LabPartner {
        domain: "northwindtraders.com",
        behaviour: HEALTHY,
        federation: Federation::Open,
        receivers: &[
            receiver("echo", Answers::Echo, OK, "the receiver answers: both directions are proven"),
            receiver("receipt", Answers::Receipt, OK, "the receiver's client confirms the message"),
            receiver("offline", Answers::Stored, OK, "the receiver is off line, and the partner keeps the message without a word"),
            receiver("wrong-receipt", Answers::WrongReceipt, OK, "a receipt comes, for another message: it proves nothing"),
            receiver("impostor", Answers::Impostor, OK, "somebody else answers: it proves nothing"),
            receiver("delayed", Answers::Delayed, OK, "an old answer from an archive: it proves nothing"),
            receiver("wrong-nonce", Answers::WrongNonce, OK, "an answer to another message: it proves nothing"),
            receiver("nobody", Answers::Unknown, USER, "federation works, and there is no such user"),
            receiver("blocked", Answers::Refuses("cancel", "service-unavailable", ""), USER, "federation works, and the user blocks the sender"),
            receiver("away", Answers::Refuses("cancel", "service-unavailable", "User session not found"), USER, "federation works, the user is off line, and nothing is kept"),
            receiver("strangers", Answers::Refuses("modify", "policy-violation", "Messages from strangers are rejected"), ("RECEIVER-POLICY", "Partner"), "the user takes messages from contacts only"),
            receiver("spam", Answers::Refuses("cancel", "policy-violation", "Your message is unsolicited"), ("RECEIVER-POLICY", "Partner"), "the partner takes the message for spam"),
            receiver("full", Answers::Refuses("wait", "resource-constraint", "Your contact offline message queue is full. The message has been discarded."), ("RECEIVER-QUEUE-FULL", "Partner"), "the partner keeps no more messages for the user"),
            receiver("gone", Answers::Refuses("cancel", "gone", "User deleted"), ("RECEIVER-GONE", "Partner"), "the account is no more"),
            receiver("moved", Answers::Refuses("modify", "redirect", "xmpp:adelany@contoso.com"), ("RECEIVER-MOVED", "Partner"), "the account has moved"),
            receiver("failing", Answers::Refuses("cancel", "internal-server-error", ""), ("RECEIVER-SERVER-ERROR", "Partner"), "the partner's server failed internally"),
            receiver("forbidden", Answers::Refuses("auth", "forbidden", ""), ("RECEIVER-POLICY", "Partner"), "the partner does not let the sender write to the user"),
            receiver("odd", Answers::Refuses("wait", "unexpected-request", ""), ("RECEIVER-REJECTED", "Partner"), "the partner refuses the message for a reason that fits nothing"),
            receiver("captcha", Answers::Captcha, ("RECEIVER-POLICY", "Partner"), "the partner holds the message until its sender proves to be a person"),
            receiver("late-2s", Answers::LateBy(2), OK, "the bounce comes two seconds after the partner took the message: -Linger 5s waits for it, and a longer batch is told of it"),
            receiver("late-3s", Answers::LateBy(3), OK, "the bounce comes three seconds after the partner took the message: -Linger 5s waits for it, and a longer batch is told of it"),
            receiver("late", Answers::Late, USER, "the bounce comes after the partner answered the ping behind the message"),
        ],
        minimum_evidence: None,
    },
    broken("no-ping.contoso.com", HEALTHY, Federation::NoPing,
        &[receiver("offline", Answers::Stored, OK, "the partner's server answers no ping, and sends a message back, which only it can do")]),
    broken("eats-messages.contoso.com", HEALTHY, Federation::EatsMessages,
        &[receiver("offline", Answers::Stored, ("MESSAGES-VANISH", "Unknown"), "pings come back from the partner, and messages vanish on the way")]),
    broken("keeps-messages.contoso.com", HEALTHY, Federation::KeepsMessages,
        &[receiver("offline", Answers::Stored, OK, "the success rests on a ping alone, and says so in a warning")]),
    broken("unsigned-error.contoso.com", HEALTHY, Federation::UnsignedError,
        &[receiver("offline", Answers::Stored, ("EVIDENCE-FENCE", "Unknown"), "the ping comes back with an error that our own pool may have made: it proves nothing")]),
    broken("nxdomain.contoso.com", Behaviour { names: DnsBehaviour::Missing, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-NOT-FOUND", "Partner", "DNS does not know the partner's domain")),
    broken("servfail.contoso.com", Behaviour { names: DnsBehaviour::Failing, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-DNS-FAILURE", "Unknown", "the name server fails for the partner's domain, at the pool and from here")),
    broken("not-offered.contoso.com", Behaviour { names: DnsBehaviour::NotOffered, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-NOT-OFFERED", "Partner", "the partner's SRV record says that it offers no federation")),
    broken("refused.contoso.com", Behaviour { port: PortBehaviour::Closed, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-REFUSED", "Partner", "the partner's host answers, and nobody listens")),
    broken("dropped.contoso.com", Behaviour { port: PortBehaviour::Dropping, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-NO-ANSWER", "Network", "packets to the partner are dropped; the pool will say so later than anybody waits")),
    broken("silent.contoso.com", Behaviour { stream: StreamBehaviour::Silent, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-SILENT", "Partner", "the partner's port accepts and says nothing")),
    broken("closes.contoso.com", Behaviour { stream: StreamBehaviour::Closes, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CLOSED", "Partner", "the partner's server closes every connection")),
    broken("wants-starttls.contoso.com", Behaviour { port: PortBehaviour::WantsStartTls, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-PORT-KIND", "Partner", "the partner's record for direct TLS leads to a port that wants STARTTLS")),
    broken("speaks-tls.contoso.com", Behaviour { port: PortBehaviour::SpeaksTls, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-PORT-KIND", "Partner", "the partner's record for STARTTLS leads to a port that wants TLS at once")),
    broken("no-starttls.contoso.com", Behaviour { stream: StreamBehaviour::NoStartTls, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-NO-TLS", "Partner", "the partner offers no encryption")),
    broken("host-unknown.contoso.com", Behaviour { stream: StreamBehaviour::Ends("host-unknown", "This host does not serve host-unknown.contoso.com"), ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-HOST-UNKNOWN", "Partner", "the partner's records lead to a server that does not serve its domain")),
    broken("expired.contoso.com", Behaviour { certificate: CertificateBehaviour::Expired, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CERTIFICATE-EXPIRED", "Partner", "the partner's certificate is over")),
    broken("wrong-name.contoso.com", Behaviour { certificate: CertificateBehaviour::WrongName, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CERTIFICATE-NAME", "Partner", "the partner's certificate is for another name")),
    broken("no-intermediate.contoso.com", Behaviour { certificate: CertificateBehaviour::IncompleteChain, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CERTIFICATE-CHAIN", "Partner", "the partner does not send the intermediate certificate")),
    broken("for-clients.contoso.com", Behaviour { certificate: CertificateBehaviour::ForClients, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CERTIFICATE-PURPOSE", "Partner", "the partner's certificate is meant for clients only")),
    broken("self-signed.contoso.com", Behaviour { certificate: CertificateBehaviour::SelfSigned, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CERTIFICATE-UNTRUSTED", "Partner", "the partner signed its certificate itself")),
    broken("not-yet-valid.contoso.com", Behaviour { certificate: CertificateBehaviour::NotYetValid, ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-CERTIFICATE-NOT-YET-VALID", "Partner", "the partner's certificate begins tomorrow")),
    broken("no-xmpp.contoso.com", Behaviour { stream: StreamBehaviour::Says("HTTP/1.1 400 Bad Request\r\n\r\n"), ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-NOT-XMPP", "Partner", "a web server stands at the partner's port")),
    broken("tls-fails.contoso.com", Behaviour { tls: TlsBehaviour::Says(b"SSH-2.0-practice\r\n"), ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-TLS-FAILED", "Partner", "the TLS handshake with the partner fails")),
    broken("refuses-us.contoso.com", Behaviour { stream: StreamBehaviour::Ends("policy-violation", "Your domain is not welcome here"), ..HEALTHY }, Federation::Open,
        adelany!("FEDERATION-PARTNER-POLICY", "Partner", "the partner does not federate with our domain")),
    broken("denied.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("cancel", "not-allowed", "Communication with this domain is not allowed"),
        ejabberd: ("auth", "forbidden", "Access denied by service policy"),
    }, adelany!("FEDERATION-FORBIDDEN", "Pool", "our own pool does not allow the partner")),
    broken("queue-full.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("wait", "resource-constraint", "Outgoing stanza queue full"),
        ejabberd: ("wait", "remote-server-timeout", "Stream closed by local host: Stream queue is overloaded (policy-violation)"),
    }, adelany!("FEDERATION-QUEUE-FULL", "Pool", "our own pool's queue for the partner is full")),
    broken("unreachable.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("cancel", "remote-server-not-found", "Server-to-server connection failed: No route to host"),
        ejabberd: ("wait", "remote-server-timeout", "Connection failed: no route to host"),
    }, adelany!("FEDERATION-UNREACHABLE", "Network", "our own pool has no route to the partner")),
    broken("distrusts-us.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("wait", "remote-server-timeout", "Server-to-server connection failed: not-authorized (Your server's certificate has expired)"),
        ejabberd: ("wait", "remote-server-timeout", "Stream closed by peer: Your server's certificate has expired (not-authorized)"),
    }, adelany!("FEDERATION-OUR-CERTIFICATE", "Pool", "the partner does not accept our own pool's certificate")),
    broken("needs-tls.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("wait", "remote-server-timeout", "Server-to-server connection failed: policy-violation (Encrypted server-to-server communication is required but was not offered)"),
        ejabberd: ("wait", "remote-server-timeout", "Stream closed by peer: Use of STARTTLS required (policy-violation)"),
    }, adelany!("FEDERATION-OUR-ENCRYPTION", "Pool", "the partner wants encryption, and our own pool does not do it")),
    broken("no-dialback.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("wait", "remote-server-timeout", "Server-to-server connection failed: Dialback authentication failed"),
        ejabberd: ("wait", "remote-server-timeout", "Authentication failed: Dialback failed"),
    }, adelany!("FEDERATION-NOT-AUTHENTICATED", "Unknown", "the two servers cannot agree on who the other one is")),
    broken("pool-error.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("cancel", "internal-server-error", ""),
        ejabberd: ("wait", "remote-server-timeout", "Stream closed by local host: Internal server error (internal-server-error)"),
    }, adelany!("FEDERATION-POOL-ERROR", "Pool", "our own pool fails internally on the way to the partner")),
    broken("bad-address.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("modify", "jid-malformed", "The destination address is invalid"),
        ejabberd: ("modify", "jid-malformed", ""),
    }, adelany!("RECEIVER-BAD-ADDRESS", "Caller", "our own pool takes the address for none")),
    broken("connection-lost.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("wait", "recipient-unavailable", ""),
        ejabberd: ("wait", "recipient-unavailable", ""),
    }, adelany!("FEDERATION-LOST", "Unknown", "the connection to the partner breaks under the message")),
    broken("their-word-of-us.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("wait", "remote-server-timeout", "Server-to-server connection failed: not-authorized (Your server's certificate is not valid for this name)"),
        ejabberd: ("wait", "remote-server-timeout", "Authentication failed: Peer responded with error: unsupported certificate purpose (not-authorized)"),
    }, adelany!("FEDERATION-OUR-CERTIFICATE", "Pool", "the partner says what it holds against our own pool's certificate")),
    broken("blocked-by-us.contoso.com", HEALTHY, Federation::Fails {
        prosody: ("cancel", "not-acceptable", "You have blocked this JID"),
        ejabberd: ("modify", "not-acceptable", "Your active privacy list has denied the routing of this stanza."),
    }, adelany!("RECEIVER-BLOCKED-BY-SENDER", "Caller", "the sender itself blocks the receiver")),
    LabPartner {
        minimum_evidence: Some("Exchanged"),
        ..broken("no-responder.contoso.com", HEALTHY, Federation::Open, &[
            receiver("silent", Answers::Stored, ("EVIDENCE-NO-ANSWER", "Partner"), "the topology promises an answer, and nobody answers"),
            receiver("receipt", Answers::Receipt, ("EVIDENCE-NO-ECHO", "Partner"), "the topology promises an answer, and only a receipt comes"),
            receiver("deep", Answers::Deep, ("EVIDENCE-NOT-READ", "Partner"), "the answer is nested deeper than anybody reads; the session goes on"),
            receiver("busy", Answers::RateLimit, ("RECEIVER-RATE-LIMIT", "Caller"), "the responder at the partner answers no more tests for now"),
        ])
    },
    broken("remembered.contoso.com", HEALTHY, Federation::Remembered,
        adelany!("FEDERATION-MEMORY", "Unknown", "our own pool answers from its memory of an earlier failure")),
    broken("lost.contoso.com", HEALTHY, Federation::Lost,
        adelany!("EVIDENCE-SILENCE", "Unknown", "nothing is heard of the message, and the partner looks healthy from here")),
    broken("no-way-back.contoso.com", HEALTHY, Federation::NoWayBack,
        adelany!("EVIDENCE-SILENCE", "Unknown", "the partner has the message, and its answers do not come back")),
];

const OK: (&str, &str) = ("", "");

/// The user cannot be had; nobody but the partner knows which of the three reasons it is.
const USER: (&str, &str) = ("RECEIVER-UNAVAILABLE", "Partner");
