//! Findings of the stream, in whatever phase it ends: what the server said, or how it fell silent.
//!
//! The same end means different things in different phases, so the title always says where it came.

use std::io::ErrorKind;

use super::bind::condition as named;
use super::quote::{quoted, word};
use super::secure::Heard;
use super::{Context, Finding, Owner, catalogue, current_phase, port_in_doubt, secure, send};
use crate::xmpp::Phase;
use crate::xmpp::condition::StreamCondition;
use crate::xmpp::secure::Shown;
use crate::xmpp::stream::Fault;
use crate::xmpp::trace::{Fact, Trace};
use crate::xmpp::xml::{self, Violation};

/// Says what a fault of the stream means.
pub(super) fn finding(fault: &Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    match fault {
        Fault::Xml(fault) => unreadable(fault, trace, context),
        Fault::Error { condition, text, application } => {
            let finding =
                ended(condition, text.as_deref(), trace, context).evidence(said(condition, text.as_deref()));
            match application {
                Some(name) => finding.evidence(format_args!("its own name for it is {}", quoted(name))),
                None => finding,
            }
        }
        Fault::SeeOtherHost { host, port } => {
            let place = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            elsewhere(&place, context)
        }
        Fault::Closed => {
            Finding::of(&catalogue::STREAM_CLOSED, format!("{pool} closed the stream {}", during(trace)))
                .evidence("it gave no reason")
                .last_seen(trace)
        }
        Fault::NotAStream { name, ns } => {
            let finding = Finding::of(
                &catalogue::STREAM_NOT_XMPP,
                format!("what answers at the port of {pool} is no XMPP server"),
            )
            .evidence(format_args!("it opened the element {} in {}", quoted(name), quoted(ns)));
            port_in_doubt(finding, context)
        }
        Fault::WrongContent { content } => {
            let whom = match content.as_str() {
                "jabber:server" => "other servers",
                "jabber:component:accept" | "jabber:component:connect" => "components",
                _ => "something else",
            };
            let title = format!("the port of {pool} serves {whom}, not clients");
            let finding = Finding::of(&catalogue::STREAM_WRONG_PORT, title)
                .evidence(format_args!("its stream carries {}", quoted(content)));
            port_in_doubt(finding, context)
        }
        Fault::Version { offered } => {
            let finding = Finding::of(&catalogue::STREAM_VERSION, format!("{pool} does not speak XMPP 1.0"));
            match offered {
                Some(version) => finding.evidence(format_args!("it says version {}", quoted(version))),
                None => finding.evidence("its stream has no version"),
            }
        }
        Fault::WrongFrom { wanted, said } => Finding::of(
            &catalogue::STREAM_WRONG_DOMAIN,
            format!("{pool} answers for another domain than {wanted}"),
        )
        .evidence(format_args!("it says to be {}", quoted(said))),
        Fault::Unexpected { wanted, name, ns } => {
            Finding::of(&catalogue::STREAM_UNEXPECTED, format!("{pool} sent something else than {wanted}"))
                .evidence(format_args!("the element {} in {} came", quoted(name), quoted(ns)))
        }
        Fault::TooLong { n_bytes, limit } => send::too_long(*n_bytes, *limit, context),
    }
}

/// Returns the point of the attempt at which something came, in words.
fn during(trace: &Trace) -> &'static str {
    let phase = current_phase(trace);
    match Heard::last(trace) {
        Heard::Handshake | Heard::EncryptedHeader if phase == Phase::Secure => {
            "after it was encrypted, before the logon"
        }
        Heard::Nothing | Heard::Header | Heard::Proceed | Heard::Handshake | Heard::EncryptedHeader => {
            in_phase(phase)
        }
    }
}

/// The same of a phase as a whole.
pub(super) fn in_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve | Phase::Connect => "before it began",
        Phase::Secure => "before it was encrypted",
        Phase::Authenticate => "during the logon",
        Phase::Bind => "after the logon, before there was a session",
        Phase::Send => "while the message was sent",
        Phase::Deliver => "after the message was sent",
    }
}

/// The server's own words for the end of the stream.
fn said(condition: &StreamCondition, text: Option<&str>) -> String {
    match text {
        Some(text) => format!("the server said {}: {}", named(condition.name()), quoted(text)),
        None => format!("the server said {}, without a text", named(condition.name())),
    }
}

/// The server ended the stream and said why.
fn ended(condition: &StreamCondition, text: Option<&str>, trace: &Trace, context: &Context<'_>) -> Finding {
    let (pool, domain) = (context.pool, context.domain());
    let during = during(trace);
    match condition {
        StreamCondition::HostUnknown => {
            let finding = Finding::of(
                &catalogue::STREAM_HOST_UNKNOWN,
                format!("{pool} does not serve the domain {domain}"),
            );
            if context.given.sender {
                finding.owned_by(Owner::Caller).remedy(format!(
                    "Give a sender whose domain {pool} serves, or name the pool that serves {domain}."
                ))
            } else {
                finding
            }
        }
        StreamCondition::HostGone => {
            Finding::of(&catalogue::STREAM_HOST_GONE, format!("{pool} no longer serves the domain {domain}"))
        }
        StreamCondition::PolicyViolation => policy(text, context),
        StreamCondition::NotAuthorized => {
            Finding::of(&catalogue::STREAM_NOT_AUTHORIZED, format!("{pool} does not let us go on {during}"))
        }
        StreamCondition::Conflict => Finding::of(
            &catalogue::STREAM_CONFLICT,
            format!("another session of {} took this one's place {during}", context.sender),
        ),
        StreamCondition::ConnectionTimeout => {
            Finding::of(&catalogue::STREAM_IDLE, format!("{pool} heard nothing from us in time {during}"))
        }
        StreamCondition::SeeOtherHost => match text {
            Some(place) => elsewhere(place, context),
            None => Finding::of(&catalogue::STREAM_SEE_OTHER_HOST, format!("{pool} sends us elsewhere")),
        },
        StreamCondition::SystemShutdown => {
            Finding::of(&catalogue::STREAM_SHUTDOWN, format!("the server of {pool} was stopped {during}"))
        }
        StreamCondition::Reset => {
            Finding::of(&catalogue::STREAM_SHUTDOWN, format!("{pool} reset the stream {during}"))
        }
        StreamCondition::ResourceConstraint => Finding::of(
            &catalogue::STREAM_OVERLOADED,
            format!("{pool} lacks the resources to go on with the stream, {during}"),
        ),
        StreamCondition::InternalServerError => Finding::of(
            &catalogue::STREAM_SERVER_ERROR,
            format!("the server of {pool} failed internally {during}"),
        ),
        StreamCondition::RemoteConnectionFailed => Finding::of(
            &catalogue::STREAM_SERVER_ERROR,
            format!("{pool} cannot reach a server that it depends on, {during}"),
        ),
        StreamCondition::UndefinedCondition
            if speaks_of(text, "stream features") && is_in_clear(trace) =>
        {
            Finding::of(
                &catalogue::STREAM_NO_FEATURES,
                format!("{pool} insists on encryption and offers none for {domain}"),
            )
            .remedy("Configure a certificate for this domain and enable TLS on the server: its log says why it has none to offer.")
        }
        StreamCondition::UndefinedCondition if speaks_of(text, "stream features") => Finding::of(
            &catalogue::STREAM_NO_FEATURES,
            format!("{pool} has no way to log on to offer for {domain}"),
        ),
        StreamCondition::UndefinedCondition | StreamCondition::Unknown(_) => {
            let why = if text.is_some() { "for a reason of its own" } else { "and does not say why" };
            Finding::of(&catalogue::STREAM_UNDEFINED, format!("{pool} ended the stream {during}, {why}"))
        }
        StreamCondition::UnsupportedFeature | StreamCondition::UnsupportedVersion => Finding::of(
            &catalogue::STREAM_UNSUPPORTED,
            format!("{pool} and we have not enough in common to go on, {during}"),
        ),
        StreamCondition::BadFormat
        | StreamCondition::BadNamespacePrefix
        | StreamCondition::ImproperAddressing
        | StreamCondition::InvalidFrom
        | StreamCondition::InvalidNamespace
        | StreamCondition::InvalidXml
        | StreamCondition::NotWellFormed
        | StreamCondition::RestrictedXml
        | StreamCondition::UnsupportedEncoding
        | StreamCondition::UnsupportedStanzaType => Finding::of(
            &catalogue::STREAM_COMPLAINT,
            format!("{pool} says that we broke the protocol {during}"),
        ),
    }
}

/// Tells whether no TLS stands yet: the offers of such a stream say nothing about those behind TLS.
fn is_in_clear(trace: &Trace) -> bool {
    current_phase(trace) == Phase::Secure
        && !matches!(Heard::last(trace), Heard::Handshake | Heard::EncryptedHeader)
}

/// `policy-violation` stands for bans, for kicks and for limits; only the text tells them apart.
fn policy(text: Option<&str>, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    if ["failed authentication", "address is blocked", "banned", "will be unblocked"]
        .iter()
        .any(|words| speaks_of(text, words))
    {
        return Finding::of(
            &catalogue::STREAM_BANNED,
            format!("{pool} has banned this machine's address after failed logons"),
        );
    }
    if speaks_of(text, "too big") || speaks_of(text, "too large") {
        return Finding::of(
            &catalogue::STREAM_TOO_LONG_FOR_SERVER,
            format!("{pool} takes no stanza as long as the one that was sent"),
        );
    }
    Finding::of(
        &catalogue::STREAM_POLICY,
        format!("a policy of {pool} ended the stream of {}", context.sender),
    )
}

fn elsewhere(place: &str, context: &Context<'_>) -> Finding {
    Finding::of(
        &catalogue::STREAM_SEE_OTHER_HOST,
        format!("{} sends its clients to another host", context.pool),
    )
    .evidence(format_args!("it names {}", quoted(place)))
}

/// The connection ended, or carried what no stream may carry.
fn unreadable(fault: &xml::Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    if let Some((_, fact)) = trace.facts().find(|(_, fact)| matches!(fact, Fact::SpeaksTls)) {
        return secure::wants_tls_at_once(fact, trace, context);
    }
    if is_without_a_word(fault, trace) {
        return Finding::of(&catalogue::STREAM_CLOSED, format!("{pool} ended the connection without a word"))
            .evidence(fault)
            .last_seen(trace)
            .remedy(
                "Check how TLS begins at this port: where it begins at once (direct TLS), a connection ends \
                 like this. Then look into the server's log for this time and this address.",
            );
    }
    let during = during(trace);
    match fault {
        // The connection ended without the end of TLS: what a killed server leaves.
        xml::Fault::Broken { kind: ErrorKind::UnexpectedEof, .. } => {
            Finding::of(&catalogue::STREAM_CLOSED, format!("{pool} closed the connection {during}"))
                .evidence("it gave no reason, and ended neither the stream nor TLS")
                .last_seen(trace)
        }
        xml::Fault::Broken { kind, detail } => {
            let how = if *kind == ErrorKind::ConnectionReset { "was reset" } else { "broke" };
            Finding::of(&catalogue::STREAM_BROKEN, format!("the connection to {pool} {how} {during}"))
                .evidence(format_args!("the system says {}", quoted(detail)))
                .last_seen(trace)
        }
        xml::Fault::Alert { alert } => secure::refused(alert, shown(trace), context).last_seen(trace),
        xml::Fault::Ended { n_unread } => {
            let finding =
                Finding::of(&catalogue::STREAM_CLOSED, format!("{pool} closed the connection {during}"));
            let finding = match n_unread {
                0 => finding.evidence("it gave no reason and did not end the stream"),
                n => finding
                    .evidence(format_args!("it stopped in the middle of an element, after {n} bytes of it")),
            };
            finding.last_seen(trace)
        }
        xml::Fault::Closed => {
            Finding::of(&catalogue::STREAM_CLOSED, format!("{pool} closed the stream {during}"))
                .evidence("it gave no reason")
                .last_seen(trace)
        }
        xml::Fault::Refused { violation, offset, from } => {
            let finding = violated(violation, *offset, context);
            match from {
                Some(from) => finding.evidence(format_args!("it stands in a stanza from {}", word(from))),
                None => finding,
            }
        }
    }
}

/// Returns whether the server asked for a certificate of ours in the handshake, and whether it was shown one.
fn shown(trace: &Trace) -> Shown {
    let tls =
        trace.facts().rev().find_map(|(_, fact)| if let Fact::Tls(tls) = fact { Some(tls) } else { None });
    tls.map_or(Shown::NotAsked, |tls| tls.shown)
}

/// Whether the server ended the connection before it said anything. Whether that reads as a close or as a
/// reset depends on the moment.
fn is_without_a_word(fault: &xml::Fault, trace: &Trace) -> bool {
    let ended = match fault {
        xml::Fault::Broken { kind, .. } => *kind == ErrorKind::ConnectionReset,
        xml::Fault::Ended { n_unread } => *n_unread == 0,
        xml::Fault::Closed | xml::Fault::Alert { .. } | xml::Fault::Refused { .. } => false,
    };
    ended && Heard::last(trace) == Heard::Nothing && current_phase(trace) == Phase::Secure
}

fn violated(violation: &Violation, offset: u64, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let finding = match violation {
        Violation::TextBetweenStanzas { begins } if offset < FIRST_WORDS => {
            let what = if begins.starts_with("HTTP/") {
                "a web server"
            } else if begins.starts_with("SSH-") {
                "an SSH server"
            } else {
                "something that is no XMPP server"
            };
            let finding =
                Finding::of(&catalogue::STREAM_NOT_XMPP, format!("{what} answers at the port of {pool}"))
                    .evidence(format_args!("it began with \"{begins}\""));
            return port_in_doubt(finding, context);
        }
        Violation::Syntax(_)
        | Violation::Encoding
        | Violation::DocumentType
        | Violation::Declaration
        | Violation::DeclaredEncoding(_)
        | Violation::Name(_)
            if offset < FIRST_WORDS =>
        {
            let title = format!("what answers at the port of {pool} does not begin as an XMPP server does");
            port_in_doubt(Finding::of(&catalogue::STREAM_NOT_XMPP, title), context)
        }
        Violation::HeaderTooLong { .. }
        | Violation::StanzaTooLong { .. }
        | Violation::TooDeep { .. }
        | Violation::TooManyAttributes { .. }
        | Violation::TooManyElements { .. } => {
            Finding::of(&catalogue::STREAM_FLOOD, format!("{pool} sent more than any stream needs"))
        }
        Violation::TextBetweenStanzas { .. }
        | Violation::Comment
        | Violation::ProcessingInstruction
        | Violation::DocumentType
        | Violation::Entity(_)
        | Violation::Encoding
        | Violation::DeclaredEncoding(_)
        | Violation::Declaration
        | Violation::EmptyStream
        | Violation::UnknownPrefix(_)
        | Violation::Namespace(_)
        | Violation::Name(_)
        | Violation::Character
        | Violation::AngleInAttribute
        | Violation::NoBlankBetweenAttributes
        | Violation::DuplicateAttribute(_)
        | Violation::CdataEndInText
        | Violation::EndTag
        | Violation::Syntax(_) => {
            Finding::of(&catalogue::STREAM_MALFORMED, format!("{pool} sent what is no sound XML stream"))
        }
    };
    finding.evidence(format_args!("{violation}, at byte {offset} of the stream"))
}

fn speaks_of(text: Option<&str>, words: &str) -> bool {
    text.is_some_and(|text| text.to_lowercase().contains(words))
}

/// Whatever is no stream shows it in its first bytes.
const FIRST_WORDS: u64 = 64;
