//! The namespaces of the protocols that are spoken here, by their XML names.

use std::borrow::Cow;

macro_rules! namespaces {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $uri;)*

        /// The namespace as a constant where it is a known one, so that reading a stanza does not
        /// allocate for it.
        pub(super) fn intern(uri: &str) -> Cow<'static, str> {
            match uri {
                $($uri => Cow::Borrowed($name),)*
                "" => Cow::Borrowed(""),
                unknown => Cow::Owned(unknown.to_owned()),
            }
        }
    };
}

namespaces! {
    /// Content of a client's stream (RFC 6120, section 4.8.2).
    CLIENT = "jabber:client";
    /// Content of a stream between servers (RFC 6120, section 4.8.2).
    SERVER = "jabber:server";
    /// The stream itself, its features and errors (RFC 6120, section 4.8.1).
    STREAMS = "http://etherx.jabber.org/streams";
    /// Conditions of stream errors (RFC 6120, section 4.9.2).
    STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams";
    /// Conditions of stanza errors (RFC 6120, section 8.3).
    STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas";
    /// STARTTLS (RFC 6120, section 5).
    TLS = "urn:ietf:params:xml:ns:xmpp-tls";
    /// SASL (RFC 6120, section 6).
    SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
    /// The later SASL (XEP-0388), which is not spoken here.
    SASL2 = "urn:xmpp:sasl:2";
    /// The feature of the authentication before SASL (XEP-0078), which is not spoken here.
    IQ_AUTH_FEATURE = "http://jabber.org/features/iq-auth";
    /// Types of channel binding that a server supports (XEP-0440).
    CHANNEL_BINDING = "urn:xmpp:sasl-cb:0";
    /// Resource binding (RFC 6120, section 7).
    BIND = "urn:ietf:params:xml:ns:xmpp-bind";
    /// The session of RFC 3921, which some servers still want.
    SESSION = "urn:ietf:params:xml:ns:xmpp-session";
    /// Limits that a server announces (XEP-0478).
    LIMITS = "urn:xmpp:stream-limits:0";
    /// Stream management (XEP-0198).
    MANAGEMENT = "urn:xmpp:sm:3";
    /// Ping (XEP-0199).
    PING = "urn:xmpp:ping";
    /// Delivery receipts (XEP-0184).
    RECEIPTS = "urn:xmpp:receipts";
    /// Processing hints (XEP-0334).
    HINTS = "urn:xmpp:hints";
    /// Delayed delivery (XEP-0203).
    DELAY = "urn:xmpp:delay";
    /// Delayed delivery in its older form (XEP-0091).
    DELAY_LEGACY = "jabber:x:delay";
    /// Copies of one's own messages (XEP-0280).
    CARBONS = "urn:xmpp:carbons:2";
    /// Results from an archive (XEP-0313).
    ARCHIVE = "urn:xmpp:mam:2";
    /// A forwarded stanza (XEP-0297).
    FORWARD = "urn:xmpp:forward:0";
    /// Application-specific conditions of blocking (XEP-0191).
    BLOCKING_ERRORS = "urn:xmpp:blocking:errors";
    /// Service discovery (XEP-0030).
    DISCO_INFO = "http://jabber.org/protocol/disco#info";
    /// The software's name and version (XEP-0092).
    VERSION = "jabber:iq:version";
    /// The mark of our own test messages.
    PROBE = "urn:imsh:probe:1";
    /// The `xml:` prefix.
    XML = "http://www.w3.org/XML/1998/namespace";
    /// The `xmlns:` prefix.
    XMLNS = "http://www.w3.org/2000/xmlns/";
}
