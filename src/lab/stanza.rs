//! Stanzas that servers make: errors, results, receipts.

use crate::xmpp::xml::{Element, Node, ns};

/// An error before it is made for a stanza (RFC 6120, section 8.3).
#[derive(Clone, Debug)]
pub(super) struct LabBounce {
    /// The error's type: `cancel`, `wait`, `auth`, `modify`.
    pub(super) kind: &'static str,
    pub(super) condition: &'static str,
    pub(super) text: String,
    /// Whether the error says in `by` which server made it.
    pub(super) is_signed: bool,
}

impl LabBounce {
    pub(super) fn new(kind: &'static str, condition: &'static str, text: &str) -> Self {
        Self { kind, condition, text: text.to_owned(), is_signed: false }
    }

    /// The error that a server returns for an account that it does not have, and in many other cases.
    pub(super) fn unavailable() -> Self {
        Self::new("cancel", "service-unavailable", "")
    }

    /// The error stanza that answers `stanza`; `by` is the domain of the server that makes it.
    ///
    /// With the payload of what bounced, as ejabberd has it, or without, as Prosody.
    pub(super) fn of(&self, stanza: &Element, by: &str, with_payload: bool) -> Element {
        let mut error = Element::new("error", ns::CLIENT).with_attribute("type", self.kind);
        if self.is_signed {
            error = error.with_attribute("by", by);
        }
        error = error.with_child(Element::new(self.condition, ns::STANZA_ERRORS));
        if !self.text.is_empty() {
            error = error.with_child(Element::new("text", ns::STANZA_ERRORS).with_text(&self.text));
        }
        let mut answer = back(stanza, "error");
        if with_payload {
            answer.children = stanza.children.clone();
        }
        answer.children.push(Node::Element(error));
        answer
    }
}

/// A stanza of the same kind and id, the other way round.
pub(super) fn back(stanza: &Element, kind: &str) -> Element {
    let mut answer = Element::new(stanza.name.clone(), stanza.ns.clone());
    for (from, to) in [("to", "from"), ("from", "to"), ("id", "id")] {
        if let Some(value) = stanza.attribute(from) {
            answer = answer.with_attribute(to, value);
        }
    }
    answer.with_attribute("type", kind)
}

/// Whether an error may answer it (RFC 6120, section 8.3.1).
pub(super) fn may_bounce(stanza: &Element) -> bool {
    let kind = stanza.attribute("type");
    match &*stanza.name {
        "iq" => matches!(kind, Some("get" | "set")),
        "message" => !matches!(kind, Some("error" | "headline")),
        _ => false,
    }
}

/// Marks a message as kept for a while (XEP-0203).
pub(super) fn delayed(message: Element, by: &str) -> Element {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    message
        .with_child(Element::new("delay", ns::DELAY).with_attribute("from", by).with_attribute("stamp", now))
}
