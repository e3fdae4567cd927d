//! An element: namespace, name, attributes, children; how to look into it, build it and print it.
//!
//! The type that the reader gives and the writer takes. A plain value; it never holds a prefix, since prefixes mean
//! nothing (only the namespaces behind them do).

use std::borrow::Cow;
use std::fmt;

use super::{ns, writer};
use crate::secret::{MASK, Secret, mask};

/// An XML element with everything inside it.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    /// The namespace name; empty for an element in no namespace.
    pub ns: Cow<'static, str>,
    /// The local name.
    pub name: Cow<'static, str>,
    /// The attributes in document order, declarations of namespaces left out.
    pub attributes: Vec<Attribute>,
    /// Text and elements in document order; adjacent text is one node.
    pub children: Vec<Node>,
}

/// One attribute of an [`Element`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The namespace name; empty for an attribute without a prefix.
    pub ns: Cow<'static, str>,
    /// The local name.
    pub name: Cow<'static, str>,
    /// The value, references resolved.
    pub value: String,
}

/// One child of an [`Element`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, references resolved.
    Text(String),
}

impl Element {
    /// An element without attributes or children.
    pub fn new(name: impl Into<Cow<'static, str>>, ns: impl Into<Cow<'static, str>>) -> Self {
        Self { ns: ns.into(), name: name.into(), attributes: Vec::new(), children: Vec::new() }
    }

    /// Adds an attribute without a namespace, or replaces its value.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let name = name.into();
        let value = value.into();
        match self.attributes.iter_mut().find(|a| a.ns.is_empty() && a.name == name) {
            Some(attribute) => attribute.value = value,
            None => self.attributes.push(Attribute { ns: Cow::Borrowed(""), name, value }),
        }
        self
    }

    /// Adds text behind the children.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.push_text(text);
        self
    }

    /// Adds an element behind the children.
    #[must_use]
    pub fn with_child(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Masks what the texts in it repeat of these secrets.
    pub(in crate::xmpp) fn conceal(&mut self, secrets: &[Secret]) {
        for child in &mut self.children {
            match child {
                Node::Element(element) => element.conceal(secrets),
                Node::Text(text) => mask(text, secrets),
            }
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        match self.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            Some(Node::Element(_)) | None if text.is_empty() => {}
            Some(Node::Element(_)) | None => self.children.push(Node::Text(text.to_owned())),
        }
    }

    /// Whether this is the element of that name in that namespace.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// The value of an attribute without a namespace.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attribute_in(name, "")
    }

    /// The value of an attribute in a namespace, as `xml:lang` is in [`ns::XML`].
    pub fn attribute_in(&self, name: &str, ns: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name && a.ns == ns).map(|a| a.value.as_str())
    }

    /// The child elements in document order.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child element of that name in that namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<&Element> {
        self.elements().find(|child| child.is(name, ns))
    }

    /// Whether there is a child element of that name in that namespace.
    pub fn has_child(&self, name: &str, ns: &str) -> bool {
        self.child(name, ns).is_some()
    }

    /// The text directly inside, that of child elements left out.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.children.iter().filter_map(|child| match child {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        let first = texts.next().unwrap_or_default();
        texts.fold(Cow::Borrowed(first), |text, more| text + more)
    }

    /// The text of the first child element of that name in that namespace.
    pub fn child_text(&self, name: &str, ns: &str) -> Option<Cow<'_, str>> {
        self.child(name, ns).map(Element::text)
    }
}

/// A document of its own: the namespace is written at the root and wherever it changes.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut xml = String::new();
        writer::write_standalone(self, &mut xml);
        f.write_str(&xml)
    }
}

/// As `Display`, but what may be a secret is masked: what SASL carries (RFC 6120, section 6; XEP-0388),
/// and whatever is called a password or a token.
impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !has_secrets(self) {
            return fmt::Display::fmt(self, f);
        }
        let mut masked = self.clone();
        mask_secrets(&mut masked);
        fmt::Display::fmt(&masked, f)
    }
}

/// Whether there is anything to mask.
fn has_secrets(element: &Element) -> bool {
    element.is_secret()
        || element.attributes.iter().any(|attribute| SECRET_NAMES.contains(&&*attribute.name))
        || element.elements().any(has_secrets)
}

fn mask_secrets(element: &mut Element) {
    let is_secret = element.is_secret();
    for attribute in &mut element.attributes {
        if SECRET_NAMES.contains(&&*attribute.name) {
            attribute.value = MASK.to_owned();
        }
    }
    for child in &mut element.children {
        match child {
            Node::Text(text) if is_secret => *text = MASK.to_owned(),
            Node::Text(_) => {}
            Node::Element(child) => mask_secrets(child),
        }
    }
}

impl Element {
    /// Whether its text may be a secret.
    fn is_secret(&self) -> bool {
        let carries_sasl = self.ns == ns::SASL || self.ns == SASL2;
        (carries_sasl && SASL_NAMES.contains(&&*self.name)) || SECRET_NAMES.contains(&&*self.name)
    }
}

/// XEP-0388.
const SASL2: &str = "urn:xmpp:sasl:2";
/// The elements whose text is a message of a SASL mechanism.
const SASL_NAMES: [&str; 6] =
    ["auth", "challenge", "response", "success", "initial-response", "additional-data"];
/// The names of secrets, as an element (XEP-0078, XEP-0077) or as an attribute.
const SECRET_NAMES: [&str; 3] = ["password", "digest", "token"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_built_looked_into_and_printed() {
        let message = Element::new("message", ns::CLIENT)
            .with_attribute("to", "adelany@contoso.com")
            .with_child(Element::new("body", ns::CLIENT).with_text("a < b").with_text(" & c"))
            .with_child(Element::new("request", ns::RECEIPTS));
        assert_eq!(message.attribute("to"), Some("adelany@contoso.com"));
        assert_eq!(message.child_text("body", ns::CLIENT).as_deref(), Some("a < b & c"));
        assert!(message.has_child("request", ns::RECEIPTS) && !message.has_child("request", ns::CLIENT));
        assert_eq!(
            message.to_string(),
            "<message xmlns='jabber:client' to='adelany@contoso.com'><body>a &lt; b &amp; c</body>\
             <request xmlns='urn:xmpp:receipts'/></message>"
        );
    }

    #[test]
    fn what_sasl_carries_is_masked_in_debug_output() {
        let auth = Element::new("auth", ns::SASL)
            .with_attribute("mechanism", "PLAIN")
            .with_text("AGtlbm15ZXIAaHVudGVyMg==");
        let debug = format!("{auth:?}");
        assert!(debug.contains(MASK) && !debug.contains("AGtl"), "{debug}");
        for secret in [
            Element::new("success", ns::SASL).with_text("hunter2"),
            Element::new("authenticate", SASL2)
                .with_child(Element::new("initial-response", SASL2).with_text("hunter2")),
            Element::new("query", "jabber:iq:register")
                .with_child(Element::new("password", "jabber:iq:register").with_text("hunter2")),
            Element::new("fast", "urn:xmpp:fast:0").with_attribute("token", "hunter2"),
        ] {
            assert!(!format!("{secret:?}").contains("hunter2") && secret.to_string().contains("hunter2"));
        }
    }
}
