//! The texts and TLS records that broken pools send in the place of a stream or a handshake, verbatim.

pub(super) const HTTP: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

pub(super) const WRONG_NAMESPACE: &str = "<?xml version='1.0'?><stream:stream xmlns='urn:example:not-xmpp' \
    xmlns:stream='urn:example:not-a-stream' version='1.0'><stream:features/>";

pub(super) const FORBIDDEN_XML: &str = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>\
    <!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>";

pub(super) const OLD_VERSION: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' from='old-version.litwareinc.com' id='practice'>";

pub(super) const OTHER_DOMAIN: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' \
    xmlns:stream='http://etherx.jabber.org/streams' from='somewhere.example' id='practice'><stream:features/>";

pub(super) const SERVER_PORT: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:server' version='1.0' \
    xmlns:stream='http://etherx.jabber.org/streams' id='practice'><stream:features/>";

pub(super) const NO_FEATURES: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' \
    xmlns:stream='http://etherx.jabber.org/streams' from='no-features.litwareinc.com' id='practice'>\
    <message><body>Welcome!</body></message>";

pub(super) const BANNED: &str = "Too many (20) failed authentications from this IP address. \
    The address will be unblocked at 00:00:00 1970-01-01 UTC";

/// TLS records: an alert, fatal (RFC 8446, section 6).
pub(super) const PROTOCOL_VERSION_ALERT: &[u8] = &[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46];
pub(super) const HANDSHAKE_FAILURE_ALERT: &[u8] = &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];

/// A TLS record that holds the end of a handshake which has not begun.
pub(super) const NONSENSE_HANDSHAKE: &[u8] = &[0x16, 0x03, 0x03, 0x00, 0x04, 0x14, 0x00, 0x00, 0x00];
