//! Routing of stanzas (RFC 6121, section 8; RFC 6120, section 10): to the server itself, to an account here, to
//! another pool, or to a partner.
//!
//! Called for every stanza of a session, in the order in which they come; what goes back to the sender
//! is in that order too.

use super::behaviour::{Manner, StanzaBehaviour};
use super::federation::{Crossing, cross};
use super::host::{HostRole, LabHost, LabServers};
use super::partners::Federation;
use super::receivers;
use super::stanza::{LabBounce, back, delayed, may_bounce};
use crate::xmpp::xml::{Element, ns};

/// The session that a stanza comes from.
pub(super) struct Sender<'a> {
    pub(super) host: &'a LabHost,
    /// `kenmyer@litwareinc.com`
    pub(super) account: String,
    pub(super) resource: String,
    /// The account and the resource.
    pub(super) full: String,
}

/// Brings a stanza to where it is addressed. Gives back what the sender gets for it, in order.
pub(super) fn route(sender: &Sender<'_>, stanza: Element, world: &LabServers) -> Vec<Element> {
    if stanza.name == "message" && sender.host.behaviour.session == StanzaBehaviour::EatsMessages {
        return Vec::new();
    }
    let stanza = stanza.with_attribute("from", &*sender.full);
    let to = stanza.attribute("to").unwrap_or(&sender.account).to_owned();
    let Ok(to) = jid::Jid::new(&to) else {
        let bounce = LabBounce::new("modify", "jid-malformed", "The destination address is invalid");
        return bounced(sender, &stanza, &bounce);
    };
    if to.domain().as_str() != sender.host.domain {
        return abroad(sender, &stanza, &to, world);
    }
    if stanza.attribute("to").is_none() || to.node().is_none() || to.to_bare().as_str() == sender.account {
        match &*stanza.name {
            "presence" => return presence(sender, &stanza, world),
            "iq" if to.resource().is_none() => return at_the_server(sender.host, &stanza),
            _ => {}
        }
    }
    at_home(sender.host, &stanza, &to, world)
        .map(|bounce| bounced(sender, &stanza, &bounce))
        .unwrap_or_default()
}

/// A stanza for another domain.
fn abroad(sender: &Sender<'_>, stanza: &Element, to: &jid::Jid, world: &LabServers) -> Vec<Element> {
    let is_ping = stanza.has_child("ping", ns::PING);
    match sender.host.behaviour.session {
        StanzaBehaviour::OneWay | StanzaBehaviour::OverAcknowledges | StanzaBehaviour::StopsAnswering => {
            return Vec::new();
        }
        StanzaBehaviour::PongsItself if is_ping => {
            return vec![back(stanza, "result").with_attribute("from", sender.host.domain)];
        }
        StanzaBehaviour::ErrsForOthers if is_ping => {
            return bounced(sender, stanza, &LabBounce { is_signed: true, ..LabBounce::unavailable() });
        }
        StanzaBehaviour::PongsItself | StanzaBehaviour::ErrsForOthers => return Vec::new(),
        StanzaBehaviour::NoFederation => {
            let bounce =
                LabBounce::new("cancel", "not-allowed", "Communication with remote domains is not enabled");
            return bounced(sender, stanza, &LabBounce { is_signed: true, ..bounce });
        }
        StanzaBehaviour::Honest
        | StanzaBehaviour::Silent
        | StanzaBehaviour::Limits(_)
        | StanzaBehaviour::Closes
        | StanzaBehaviour::Breaks
        | StanzaBehaviour::Ends(..)
        | StanzaBehaviour::Says(_)
        | StanzaBehaviour::Deaf
        | StanzaBehaviour::Endless
        | StanzaBehaviour::EatsMessages
        | StanzaBehaviour::Blanks => {}
    }
    let domain = to.domain().as_str();
    match cross(sender.host.behaviour.manner, world.host(domain).map(AsRef::as_ref)) {
        Crossing::Lost => Vec::new(),
        Crossing::Bounces(bounce) => bounced(sender, stanza, &bounce),
        Crossing::Reaches(host) => match host.role {
            HostRole::Partner(partner) if partner.federation == Federation::NoWayBack => Vec::new(),
            HostRole::Partner(partner)
                if partner.federation == Federation::EatsMessages && stanza.name == "message" =>
            {
                Vec::new()
            }
            HostRole::Partner(_) => receivers::answer(host, stanza, to, world),
            HostRole::Pool(_) if to.node().is_none() && stanza.name == "iq" => at_the_server(host, stanza),
            HostRole::Pool(_) if host.behaviour.session == StanzaBehaviour::Deaf && to.node().is_some() => {
                Vec::new()
            }
            HostRole::Pool(_) => at_home(host, stanza, to, world)
                .filter(|_| may_bounce(stanza))
                .map(|bounce| vec![bounce.of(stanza, host.domain, returns_payload(host))])
                .unwrap_or_default(),
        },
    }
}

/// A stanza for an account of a pool (RFC 6121, section 8.5). Gives back why it cannot be delivered.
fn at_home(host: &LabHost, stanza: &Element, to: &jid::Jid, world: &LabServers) -> Option<LabBounce> {
    let local = to.node().map(|node| node.as_str()).unwrap_or_default();
    let account = to.to_bare().to_string();
    if to.node().is_none() && stanza.name == "message" {
        return Some(no_such_resource(host));
    }
    if !host.has_account(local) {
        return Some(LabBounce::unavailable());
    }
    if let Some(resource) = to.resource()
        && world.deliver_to_resource(&account, resource.as_str(), stanza)
    {
        return None;
    }
    match &*stanza.name {
        "message" if stanza.attribute("type") == Some("error") => None,
        "message" if world.deliver_to_account(&account, stanza) => None,
        "message" if stanza.attribute("type") == Some("headline") => None,
        "message" => match host.behaviour.manner {
            Manner::Ejabberd if stanza.has_child("no-store", ns::HINTS) => {
                Some(LabBounce::new("cancel", "service-unavailable", "User session not found"))
            }
            Manner::Ejabberd | Manner::Prosody => {
                world.store(&account, delayed(stanza.clone(), host.domain));
                None
            }
        },
        "iq" => Some(LabBounce::unavailable()),
        _ => None,
    }
}

/// The error that a server returns for a message to its domain, or to a resource of it that nobody has.
pub(super) fn no_such_resource(host: &LabHost) -> LabBounce {
    match host.behaviour.manner {
        Manner::Prosody => LabBounce::unavailable(),
        Manner::Ejabberd => LabBounce::new("cancel", "item-not-found", "No available resource found"),
    }
}

/// The presence of the sender (RFC 6121, section 4): it is shown to itself, and gets what waited for it.
fn presence(sender: &Sender<'_>, stanza: &Element, world: &LabServers) -> Vec<Element> {
    let priority = match stanza.attribute("type") {
        None => Some(
            stanza.child_text("priority", ns::CLIENT).and_then(|text| text.trim().parse().ok()).unwrap_or(0),
        ),
        Some("unavailable") => None,
        Some(_) => return Vec::new(),
    };
    let stored = world.available(&sender.account, &sender.resource, priority);
    if priority.is_none() || stanza.attribute("to").is_some() {
        return stored;
    }
    let mut answers = vec![stanza.clone().with_attribute("to", &*sender.full)];
    answers.extend(stored);
    answers
}

/// A question to a pool's server, or to an account that it answers for.
fn at_the_server(host: &LabHost, stanza: &Element) -> Vec<Element> {
    if stanza.name != "iq" || !may_bounce(stanza) {
        return Vec::new();
    }
    let Some(question) = stanza.elements().next() else {
        return vec![LabBounce::new("modify", "bad-request", "").of(stanza, host.domain, false)];
    };
    let result = back(stanza, "result").with_attribute("from", stanza.attribute("to").unwrap_or(host.domain));
    let answer = match (&*question.name, &*question.ns) {
        ("ping", ns::PING) | ("session", ns::SESSION) => result,
        ("enable" | "disable", ns::CARBONS) => result,
        ("query", ns::VERSION) => result.with_child(version(host)),
        ("query", ns::DISCO_INFO) => result.with_child(identity()),
        ("query", ROSTER) => result.with_child(Element::new("query", ROSTER)),
        _ => LabBounce::unavailable().of(stanza, host.domain, returns_payload(host)),
    };
    vec![answer]
}

/// XEP-0092: the software in whose manner it speaks, and in the version what it is.
pub(super) fn version(host: &LabHost) -> Element {
    let (name, version) = match host.behaviour.manner {
        Manner::Prosody => ("Prosody", "0.12 (imsh practice network)"),
        Manner::Ejabberd => ("ejabberd", "23.01 (imsh practice network)"),
    };
    Element::new("query", ns::VERSION)
        .with_child(Element::new("name", ns::VERSION).with_text(name))
        .with_child(Element::new("version", ns::VERSION).with_text(version))
}

/// XEP-0030: a server of instant messages.
pub(super) fn identity() -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .with_attribute("category", "server")
        .with_attribute("type", "im")
        .with_attribute("name", "imsh practice network");
    [ns::PING, ns::VERSION, ns::DISCO_INFO].iter().fold(
        Element::new("query", ns::DISCO_INFO).with_child(identity),
        |query, feature| {
            query.with_child(Element::new("feature", ns::DISCO_INFO).with_attribute("var", *feature))
        },
    )
}

/// The error for the sender, where one is due.
fn bounced(sender: &Sender<'_>, stanza: &Element, bounce: &LabBounce) -> Vec<Element> {
    if !may_bounce(stanza) {
        return Vec::new();
    }
    vec![bounce.of(stanza, sender.host.domain, returns_payload(sender.host))]
}

/// Whether an error of this server carries what it is about.
fn returns_payload(host: &LabHost) -> bool {
    match host.behaviour.manner {
        Manner::Prosody => false,
        Manner::Ejabberd => true,
    }
}

/// The list of contacts (RFC 6121, section 2).
const ROSTER: &str = "jabber:iq:roster";
