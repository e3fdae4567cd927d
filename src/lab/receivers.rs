//! A partner's server and its accounts, which answer test messages by themselves.
//!
//! Reached by `routing` when a stanza crosses. A receiver's answers are a row of the table in `partners`.

use std::time::Duration;

use super::host::{HostRole, LabHost, LabServers, random_id};
use super::partners::{Answers, Federation};
use super::routing::{identity, no_such_resource, version};
use super::stanza::{LabBounce, back, delayed, may_bounce};
use crate::xmpp::message;
use crate::xmpp::xml::{Element, ns};

/// Returns the stanzas that a partner sends back for a stanza, in order.
pub(super) fn answer(host: &LabHost, stanza: &Element, to: &jid::Jid, world: &LabServers) -> Vec<Element> {
    match (&*stanza.name, to.node()) {
        ("iq", None) if may_bounce(stanza) => {
            let late = world.take_late(stanza.attribute("from").unwrap_or_default());
            [at_the_server(host, stanza)].into_iter().chain(late).collect()
        }
        ("iq", Some(_)) if may_bounce(stanza) => vec![refused(host, stanza, &LabBounce::unavailable())],
        ("message", Some(node)) if may_bounce(stanza) => receive(host, stanza, node.as_str(), world),
        ("message", None) if may_bounce(stanza) => returned(host, stanza),
        _ => Vec::new(),
    }
}

/// Returns the reply to a message to the domain itself.
fn returned(host: &LabHost, stanza: &Element) -> Vec<Element> {
    match federation(host) {
        Federation::UnsignedError | Federation::KeepsMessages => Vec::new(),
        Federation::Open
        | Federation::Fails { .. }
        | Federation::Remembered
        | Federation::Lost
        | Federation::NoWayBack
        | Federation::NoPing
        | Federation::EatsMessages => vec![refused(host, stanza, &no_such_resource(host))],
    }
}

fn federation(host: &LabHost) -> Federation {
    match host.role {
        HostRole::Pool(_) => Federation::Open,
        HostRole::Partner(partner) => partner.federation,
    }
}

fn at_the_server(host: &LabHost, stanza: &Element) -> Element {
    if federation(host) == Federation::UnsignedError {
        return refused(host, stanza, &LabBounce::unavailable());
    }

    let Some(question) = stanza.elements().next() else {
        return refused(host, stanza, &LabBounce::new("modify", "bad-request", ""));
    };
    match (&*question.name, &*question.ns) {
        ("ping", ns::PING) => ping(host, stanza),
        ("query", ns::VERSION) if federation(host) == Federation::KeepsMessages => {
            refused(host, stanza, &LabBounce::unavailable())
        }
        ("query", ns::VERSION) => back(stanza, "result").with_child(version(host)),
        ("query", ns::DISCO_INFO) => back(stanza, "result").with_child(identity()),
        _ => refused(host, stanza, &LabBounce::unavailable()),
    }
}

/// XEP-0199, as far as the partner does it.
fn ping(host: &LabHost, stanza: &Element) -> Element {
    match federation(host) {
        Federation::NoPing | Federation::UnsignedError => refused(host, stanza, &LabBounce::unavailable()),
        Federation::Open
        | Federation::EatsMessages
        | Federation::KeepsMessages
        | Federation::Fails { .. }
        | Federation::Remembered
        | Federation::Lost
        | Federation::NoWayBack => back(stanza, "result"),
    }
}

/// Returns the reply of a receiver to a message.
fn receive(host: &LabHost, stanza: &Element, local: &str, world: &LabServers) -> Vec<Element> {
    let Some(receiver) = host.receiver(local) else {
        return vec![refused(host, stanza, &LabBounce::unavailable())];
    };
    let client = format!("{local}@{}/practice", host.domain);
    let bounce = |bounce: LabBounce| vec![refused(host, stanza, &bounce)];
    match receiver.answers {
        Answers::Echo => answer_by(stanza, &client),
        Answers::Receipt => receipt(stanza, &client, None).into_iter().collect(),
        Answers::Stored => Vec::new(),
        Answers::Unknown => bounce(LabBounce::unavailable()),
        Answers::Refuses(kind, condition, words) => bounce(LabBounce::new(kind, condition, words)),
        Answers::Late => {
            let sender = stanza.attribute("from").unwrap_or_default();
            world.put_late(sender, refused(host, stanza, &LabBounce::unavailable()));
            Vec::new()
        }
        Answers::LateBy(seconds) => {
            let sender = stanza.attribute("from").unwrap_or_default();
            let bounce = refused(host, stanza, &LabBounce::unavailable());
            world.deliver_later(sender, bounce, Duration::from_secs(seconds));
            Vec::new()
        }
        Answers::WrongReceipt => receipt(stanza, &client, Some(&random_id())).into_iter().collect(),
        Answers::Impostor => {
            let somebody = format!("mallory@{}/practice", host.domain);
            receipt(stanza, &somebody, None).into_iter().chain([echo(stanza, &somebody, false)]).collect()
        }
        Answers::Delayed => vec![delayed(echo(stanza, &client, false), host.domain)],
        Answers::WrongNonce => vec![echo(stanza, &client, true)],
        Answers::Captcha => vec![captcha(host, stanza, local)],
        Answers::Deep => vec![deep(echo(stanza, &client, false))],
        Answers::RateLimit => message::ReceivedTest::of(stanza)
            .map(|test| {
                test.over_limit("60 test messages a minute are answered").with_attribute("from", client)
            })
            .into_iter()
            .collect(),
    }
}

/// An error from the partner.
fn refused(host: &LabHost, stanza: &Element, bounce: &LabBounce) -> Element {
    bounce.of(stanza, host.domain, false)
}

/// XEP-0184: the receiver's client has the message with this id; `other` puts another id in its place.
fn receipt(stanza: &Element, client: &str, other: Option<&str>) -> Option<Element> {
    if !stanza.has_child("request", ns::RECEIPTS) {
        return None;
    }
    let received = Element::new("received", ns::RECEIPTS)
        .with_attribute("id", other.or_else(|| stanza.attribute("id"))?);
    Some(reply(stanza, client).with_attribute("type", "normal").with_child(received))
}

/// Answers a stanza as `imsh respond` does; a stanza that is no test message, as a person would.
fn answer_by(stanza: &Element, client: &str) -> Vec<Element> {
    match message::answer(stanza, None) {
        Some(answers) => answers.map(|answer| answer.with_attribute("from", client)).into(),
        None => receipt(stanza, client, None).into_iter().chain([echo(stanza, client, false)]).collect(),
    }
}

/// An answer that quotes the message's nonce, or another nonce.
fn echo(stanza: &Element, client: &str, spoilt: bool) -> Element {
    let reply = reply(stanza, client).with_attribute("type", "chat");
    let quoted = stanza.child("probe", ns::PROBE).and_then(|probe| probe.attribute("nonce"));
    let Some(nonce) = quoted else {
        let body = stanza.child_text("body", ns::CLIENT).unwrap_or_default();
        return reply.with_child(Element::new("body", ns::CLIENT).with_text(&body));
    };
    let nonce = if spoilt { random_id() } else { nonce.to_owned() };
    let words = format!("Received the test message [{nonce}].");
    reply
        .with_child(Element::new("body", ns::CLIENT).with_text(&words))
        .with_child(Element::new("answer", ns::PROBE).with_attribute("nonce", nonce))
}

/// As ejabberd's `mod_block_strangers` writes to a stranger.
fn captcha(host: &LabHost, stanza: &Element, local: &str) -> Element {
    let account = format!("{local}@{}", host.domain);
    let words = format!(
        "Your messages to {account} are being blocked. To unblock them, visit http://{}/captcha/1",
        host.domain
    );
    reply(stanza, &account).with_child(Element::new("body", ns::CLIENT).with_text(&words))
}

/// The same with many levels of elements inside.
fn deep(message: Element) -> Element {
    let level = || Element::new("level", "urn:example:deep");
    let levels = (0..40).fold(level(), |inner, _| level().with_child(inner));
    message.with_child(levels)
}

fn reply(stanza: &Element, client: &str) -> Element {
    Element::new("message", ns::CLIENT)
        .with_attribute("from", client)
        .with_attribute("to", stanza.attribute("from").unwrap_or_default())
        .with_attribute("id", random_id())
}
