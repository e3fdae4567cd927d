//! The conditions by which XMPP says what went wrong: of streams, of SASL, of stanzas.
//!
//! Closed lists from the RFCs, so that whoever reads a fault can treat all of them; what a server
//! invents beside them is kept in its own words, cut to a bounded length.

use std::fmt;

use super::trace::printable;
use super::xml::{Element, ns};

macro_rules! conditions {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
            /// A condition that the specification does not have, in the server's words.
            Unknown(String),
        }

        impl $name {
            /// The condition by its name on the wire.
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($word => Self::$variant,)*
                    other => Self::Unknown(printable(&other.chars().take(MAX_UNKNOWN).collect::<String>())),
                }
            }

            /// Its name on the wire; empty where none was given.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown(name) => name,
                }
            }

            /// No condition, where one was due.
            pub fn missing() -> Self {
                Self::Unknown(String::new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if self.name().is_empty() { "no condition" } else { self.name() })
            }
        }
    };
}

conditions! {
    /// The condition with which a stream ended (RFC 6120, section 4.9.3).
    StreamCondition {
        BadFormat = "bad-format",
        BadNamespacePrefix = "bad-namespace-prefix",
        Conflict = "conflict",
        ConnectionTimeout = "connection-timeout",
        HostGone = "host-gone",
        HostUnknown = "host-unknown",
        ImproperAddressing = "improper-addressing",
        InternalServerError = "internal-server-error",
        InvalidFrom = "invalid-from",
        InvalidNamespace = "invalid-namespace",
        InvalidXml = "invalid-xml",
        NotAuthorized = "not-authorized",
        NotWellFormed = "not-well-formed",
        PolicyViolation = "policy-violation",
        RemoteConnectionFailed = "remote-connection-failed",
        Reset = "reset",
        ResourceConstraint = "resource-constraint",
        RestrictedXml = "restricted-xml",
        SeeOtherHost = "see-other-host",
        SystemShutdown = "system-shutdown",
        UndefinedCondition = "undefined-condition",
        UnsupportedEncoding = "unsupported-encoding",
        UnsupportedFeature = "unsupported-feature",
        UnsupportedStanzaType = "unsupported-stanza-type",
        UnsupportedVersion = "unsupported-version",
    }
}

conditions! {
    /// The condition with which an authentication failed (RFC 6120, section 6.5).
    SaslCondition {
        Aborted = "aborted",
        AccountDisabled = "account-disabled",
        CredentialsExpired = "credentials-expired",
        EncryptionRequired = "encryption-required",
        IncorrectEncoding = "incorrect-encoding",
        InvalidAuthzid = "invalid-authzid",
        InvalidMechanism = "invalid-mechanism",
        MalformedRequest = "malformed-request",
        MechanismTooWeak = "mechanism-too-weak",
        NotAuthorized = "not-authorized",
        TemporaryAuthFailure = "temporary-auth-failure",
    }
}

conditions! {
    /// The condition with which a SCRAM server refuses (RFC 5802, section 7).
    ScramCondition {
        InvalidEncoding = "invalid-encoding",
        ExtensionsNotSupported = "extensions-not-supported",
        InvalidProof = "invalid-proof",
        ChannelBindingsDontMatch = "channel-bindings-dont-match",
        ServerDoesSupportChannelBinding = "server-does-support-channel-binding",
        ChannelBindingNotSupported = "channel-binding-not-supported",
        UnsupportedChannelBindingType = "unsupported-channel-binding-type",
        UnknownUser = "unknown-user",
        InvalidUsernameEncoding = "invalid-username-encoding",
        NoResources = "no-resources",
        OtherError = "other-error",
    }
}

conditions! {
    /// The condition with which a stanza came back (RFC 6120, section 8.3.3).
    StanzaCondition {
        BadRequest = "bad-request",
        Conflict = "conflict",
        FeatureNotImplemented = "feature-not-implemented",
        Forbidden = "forbidden",
        Gone = "gone",
        InternalServerError = "internal-server-error",
        ItemNotFound = "item-not-found",
        JidMalformed = "jid-malformed",
        NotAcceptable = "not-acceptable",
        NotAllowed = "not-allowed",
        NotAuthorized = "not-authorized",
        PolicyViolation = "policy-violation",
        RecipientUnavailable = "recipient-unavailable",
        Redirect = "redirect",
        RegistrationRequired = "registration-required",
        RemoteServerNotFound = "remote-server-not-found",
        RemoteServerTimeout = "remote-server-timeout",
        ResourceConstraint = "resource-constraint",
        ServiceUnavailable = "service-unavailable",
        SubscriptionRequired = "subscription-required",
        UndefinedCondition = "undefined-condition",
        UnexpectedRequest = "unexpected-request",
    }
}

impl StanzaCondition {
    /// Whether a server says it of another server that it could not reach.
    pub fn is_about_servers(&self) -> bool {
        matches!(self, Self::RemoteServerNotFound | Self::RemoteServerTimeout)
    }

    /// Whether whoever gets a request says by it no more than that it does not know such requests (RFC 6120, section
    /// 8.4; XEP-0199, section 4.1).
    pub fn is_of_unknown_request(&self) -> bool {
        matches!(self, Self::ServiceUnavailable | Self::FeatureNotImplemented)
    }
}

/// The `<error/>` inside a stanza of type `error` (RFC 6120, section 8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    /// The condition.
    pub condition: StanzaCondition,
    /// The type: `auth`, `cancel`, `continue`, `modify`, `wait`; empty where none was given.
    pub kind: String,
    /// The server's words, verbatim up to a bounded length.
    pub text: Option<String>,
    /// The address of the entity that claims to have raised the error.
    pub by: Option<String>,
    /// The name of an application's own condition, as `blocked` (XEP-0191).
    pub application: Option<String>,
    /// The address that `gone` and `redirect` name (RFC 6120, sections 8.3.3.5 and 8.3.3.14).
    pub elsewhere: Option<String>,
}

impl StanzaError {
    /// Reads the error of a stanza. Nothing is added to one that gives no condition.
    pub fn of(stanza: &Element) -> Self {
        let error = stanza.elements().find(|child| child.name == "error" && child.ns == stanza.ns);
        let defined = error.and_then(|error| condition_in(error, ns::STANZA_ERRORS));
        Self {
            condition: defined.map_or_else(StanzaCondition::missing, |condition| {
                StanzaCondition::from_name(&condition.name)
            }),
            kind: error.and_then(|error| error.attribute("type")).map(quote).unwrap_or_default(),
            text: error.and_then(|error| text_in(error, ns::STANZA_ERRORS)),
            by: error.and_then(|error| error.attribute("by")).map(quote),
            application: error.and_then(|error| application_in(error, ns::STANZA_ERRORS)),
            elsewhere: defined
                .map(|condition| quote(condition.text().trim()))
                .filter(|address| !address.is_empty()),
        }
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.condition)?;
        if !self.kind.is_empty() {
            write!(f, " ({})", self.kind)?;
        }
        if let Some(text) = &self.text {
            write!(f, " \"{text}\"")?;
        }
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        Ok(())
    }
}

/// The child that names the condition.
pub(super) fn condition_in<'a>(error: &'a Element, namespace: &str) -> Option<&'a Element> {
    error.elements().find(|child| child.ns == namespace && child.name != "text")
}

/// The text beside the condition, cut to a bounded length: the English one, where there are several.
pub(super) fn text_in(error: &Element, namespace: &str) -> Option<String> {
    let language = |text: &Element| text.attribute_in("lang", ns::XML).map(str::to_lowercase);
    let texts = || error.elements().filter(|child| child.is("text", namespace));
    let english = texts().find(|text| language(text).is_some_and(|language| language.starts_with("en")));
    let text = english.or_else(|| texts().find(|text| language(text).is_none())).or_else(|| texts().next());
    text.map(|text| quote(&text.text())).filter(|text| !text.is_empty())
}

/// The name of the application's own condition.
pub(super) fn application_in(error: &Element, namespace: &str) -> Option<String> {
    error.elements().find(|child| child.ns != namespace).map(|child| quote(&child.name))
}

/// A peer's words, cut to a length that a report can show.
pub(super) fn quote(words: &str) -> String {
    let end = words.char_indices().nth(MAX_QUOTE).map_or(words.len(), |(end, _)| end);
    words[..end].to_owned()
}

const MAX_UNKNOWN: usize = 64;
const MAX_QUOTE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::super::xml::Attribute;
    use super::*;

    #[test]
    fn a_condition_survives_the_way_to_its_name_and_back() {
        for name in ["host-unknown", "see-other-host", "xml-not-well-formed"] {
            assert_eq!(StreamCondition::from_name(name).name(), name);
        }
        assert_eq!(SaslCondition::from_name("not-authorized"), SaslCondition::NotAuthorized);
        assert_eq!(StanzaCondition::from_name(&"x".repeat(500)).name().len(), MAX_UNKNOWN);
    }

    #[test]
    fn a_bounce_is_read_with_all_that_it_says() {
        let bounce = Element::new("message", ns::CLIENT).with_child(
            Element::new("error", ns::CLIENT)
                .with_attribute("type", "cancel")
                .with_attribute("by", "litwareinc.com")
                .with_child(Element::new("not-acceptable", ns::STANZA_ERRORS))
                .with_child(Element::new("text", ns::STANZA_ERRORS).with_text("You have blocked this JID"))
                .with_child(Element::new("blocked", ns::BLOCKING_ERRORS)),
        );
        assert_eq!(
            StanzaError::of(&bounce),
            StanzaError {
                condition: StanzaCondition::NotAcceptable,
                kind: "cancel".into(),
                text: Some("You have blocked this JID".into()),
                by: Some("litwareinc.com".into()),
                application: Some("blocked".into()),
                elsewhere: None,
            }
        );
        let several = [("de", "Verboten"), ("en-GB", "Forbidden"), ("fr", "Interdit")];
        let error = several.iter().fold(Element::new("error", ns::CLIENT), |error, (language, text)| {
            let mut text = Element::new("text", ns::STANZA_ERRORS).with_text(text);
            text.attributes.push(Attribute {
                ns: ns::XML.into(),
                name: "lang".into(),
                value: (*language).to_owned(),
            });
            error.with_child(text)
        });
        assert_eq!(text_in(&error, ns::STANZA_ERRORS).as_deref(), Some("Forbidden"));
        let bare = StanzaError::of(&Element::new("message", ns::CLIENT));
        assert_eq!(bare.condition, StanzaCondition::missing());
        assert_eq!(bare.to_string(), "no condition");
    }
}
