//! The list: what a hostile server does, from where in the stream on, and what it is called.

use Act::{Bytes, Close, Drip, Flood, Hear, Repeat, Reset, Say, Silence, Tls};
use Stage::{Bound, Challenged, Connected, Encrypted, Heard, LoggedOn, Offered, Opened, Proceeding, Sent};

/// One behaviour.
pub struct Behaviour {
    /// A label of its domain.
    pub name: &'static str,
    /// How far it is an honest server.
    pub from: Stage,
    /// What it does then.
    pub acts: &'static [Act],
    /// The code that it must end in.
    pub code: &'static str,
}

/// How far a server is honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It accepts the connection.
    Connected,
    /// It has heard the stream header.
    Heard,
    /// It has answered it.
    Opened,
    /// It has offered STARTTLS and said `<proceed/>`.
    Proceeding,
    /// It has made the handshake and heard the header in it.
    Encrypted,
    /// It has offered SCRAM and heard the beginning of it.
    Offered,
    /// It has sent a challenge and heard the answer.
    Challenged,
    /// It has believed a PLAIN password, opened the stream anew, and heard the wish for a resource.
    LoggedOn,
    /// It has given one.
    Bound,
    /// It has heard the message and the ping behind it.
    Sent,
}

/// What a server does. In a text, `{from}` is its domain, `{nonce}` the client's nonce, `{own}` the
/// client's full address, `{id}` the id of what it sent last, `{message}` that of its message,
/// `{base64:…}` the encoding of the rest, `{×N:…}` N times the rest, `{port}` its own port.
pub enum Act {
    /// Says this.
    Say(&'static str),
    /// Says these bytes.
    Bytes(&'static [u8]),
    /// Says this again and again, as fast as it is taken.
    Flood(&'static str),
    /// Says this again and again, a byte every tenth of a second.
    Drip(&'static str),
    /// Says the first, hears something, says the second, hears something, for ever.
    Repeat(&'static str),
    /// Waits until this is heard.
    Hear(&'static str),
    /// Handshakes with this certificate and hears the stream header.
    Tls(Shown),
    /// Says nothing until the client leaves.
    Silence,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// What a server shows in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A certificate that it signed itself.
    SelfSigned,
    /// A certificate for a thousand other names.
    Huge,
    /// A chain of forty certificates that lead nowhere.
    LongChain,
}

const fn from(from: Stage, name: &'static str, acts: &'static [Act], code: &'static str) -> Behaviour {
    Behaviour { name, from, acts, code }
}

/// What servers do with streams, TLS, SASL and stanzas.
pub const BEHAVIOURS: &[Behaviour] = &[
    // Before a stream
    from(Connected, "silence", &[Silence], "TLS-TIMEOUT"),
    from(Connected, "close", &[Close], "STREAM-CLOSED"),
    from(Connected, "reset", &[Hear("<"), Reset], "STREAM-CLOSED"),
    from(Heard, "garbage", &[Bytes(b"\x00\xff\x13\x37 \x80\x81garbage\x07\x1b[2J")], "STREAM-NOT-XMPP"),
    from(Heard, "web-server", &[Say("HTTP/1.1 400 Bad Request\r\n\r\n")], "STREAM-NOT-XMPP"),
    from(
        Heard,
        "password-before-encryption",
        &[Say(
            "{header}<stream:error><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Sesame-9071-of-Redmond, {base64:Sesame-9071-of-Redmond}</text></stream:error>",
        )],
        "STREAM-SERVER-ERROR",
    ),
    from(
        Heard,
        "password-as-a-feature",
        &[Say("{header}<Sesame-9071-of-Redmond xmlns='Sesame-9071-of-Redmond'/>")],
        "STREAM-UNEXPECTED",
    ),
    from(Heard, "blanks-before-the-stream", &[Flood("      \n")], "STREAM-FLOOD"),
    from(Heard, "endless-header", &[Say("<stream:stream a='"), Flood("aaaaaaaa")], "STREAM-FLOOD"),
    from(Heard, "header-by-drops", &[Drip(" ")], "TLS-TIMEOUT"),
    from(Heard, "reset-in-the-header", &[Say("<?xml version='1.0'?><stream:str"), Reset], "STREAM-CLOSED"),
    from(Heard, "document-type", &[Say("<!DOCTYPE stream SYSTEM 'file:///etc/passwd'>")], "STREAM-NOT-XMPP"),
    from(
        Heard,
        "entity-bomb",
        &[Say("<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>")],
        "STREAM-NOT-XMPP",
    ),
    from(Heard, "processing-instruction", &[Say("<?php echo 1 ?>")], "STREAM-MALFORMED"),
    from(
        Heard,
        "foreign-stream-namespace",
        &[Say("<stream:stream xmlns='jabber:client' xmlns:stream='urn:example:evil' version='1.0'>")],
        "STREAM-NOT-XMPP",
    ),
    from(
        Heard,
        "foreign-content-namespace",
        &[Say(
            "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
        )],
        "STREAM-WRONG-PORT",
    ),
    from(
        Heard,
        "version-of-1999",
        &[Say("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")],
        "STREAM-VERSION",
    ),
    from(
        Heard,
        "foreign-from",
        &[Say(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='evil.example' version='1.0'><stream:features/>",
        )],
        "STREAM-WRONG-DOMAIN",
    ),
    // Before TLS
    from(Opened, "no-features", &[Silence], "TLS-TIMEOUT"),
    from(Opened, "close-behind-the-header", &[Close], "STREAM-CLOSED"),
    from(Opened, "reset-behind-the-header", &[Reset], "STREAM-BROKEN"),
    from(
        Opened,
        "invalid-utf-8",
        &[Bytes(b"<stream:features><a>\xc3\x28\xa0\xff</a></stream:features>")],
        "STREAM-MALFORMED",
    ),
    from(Opened, "undefined-entity", &[Say("<stream:features>&evil;</stream:features>")], "STREAM-MALFORMED"),
    from(Opened, "deep-nesting", &[Flood("<a>")], "STREAM-FLOOD"),
    from(Opened, "attributes", &[Say("<stream:features {×9000:a='b' }/>")], "STREAM-MALFORMED"),
    from(
        Opened,
        "features-without-end",
        &[Say("<stream:features>"), Flood("<mechanism>SCRAM-SHA-1</mechanism>")],
        "STREAM-FLOOD",
    ),
    from(
        Opened,
        "message-for-features",
        &[Say("<message><body>Welcome!</body></message>")],
        "STREAM-UNEXPECTED",
    ),
    from(
        Opened,
        "downgrade-to-no-tls",
        &[Say(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
        )],
        "TLS-NOT-OFFERED",
    ),
    from(
        Opened,
        "see-other-host-in-the-clear",
        &[Say(
            "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>evil.example:5222</see-other-host></stream:error></stream:stream>",
        )],
        "STREAM-SEE-OTHER-HOST",
    ),
    from(
        Opened,
        "escape-sequences",
        &[Say(
            "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>\u{9b}2J\u{202e}gnp\u{7f} Diagnosis: all is well</text></stream:error></stream:stream>",
        )],
        "STREAM-UNDEFINED",
    ),
    from(
        Opened,
        "success-before-tls",
        &[Say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")],
        "STREAM-UNEXPECTED",
    ),
    // In the handshake
    from(
        Proceeding,
        "injected-plaintext",
        &[Say(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
        )],
        "TLS-INJECTED",
    ),
    from(Proceeding, "silence-behind-proceed", &[Silence], "TLS-TIMEOUT"),
    from(Proceeding, "close-behind-proceed", &[Close], "TLS-CLOSED"),
    from(Proceeding, "reset-behind-proceed", &[Hear("\u{16}"), Reset], "TLS-RESET"),
    from(Proceeding, "no-handshake", &[Hear("\u{16}"), Say("I do not do that")], "TLS-NOT-TLS"),
    from(
        Proceeding,
        "handshake-flood",
        &[Hear("\u{16}"), Bytes(b"\x16\x03\x03\x40\x00"), Flood("\u{0}\u{0}\u{0}\u{0}")],
        "TLS-HANDSHAKE",
    ),
    from(
        Proceeding,
        "handshake-by-drops",
        &[Hear("\u{16}"), Bytes(b"\x16\x03\x03\x40\x00"), Drip("\u{2}\u{0}")],
        "TLS-TIMEOUT",
    ),
    from(Proceeding, "old-tls", &[Hear("\u{16}"), Bytes(b"\x15\x03\x01\x00\x02\x02\x46")], "TLS-TOO-OLD"),
    from(Proceeding, "signed-by-itself", &[Tls(Shown::SelfSigned)], "TLS-SELF-SIGNED"),
    from(Proceeding, "huge-certificate", &[Tls(Shown::Huge)], "TLS-NAME"),
    from(Proceeding, "long-chain", &[Tls(Shown::LongChain)], "TLS-INVALID"),
    // Before the logon
    from(Encrypted, "silence-in-tls", &[Silence], "TLS-TIMEOUT"),
    from(Encrypted, "close-in-tls", &[Close], "STREAM-CLOSED"),
    from(Encrypted, "reset-in-tls", &[Reset], "STREAM-BROKEN"),
    from(
        Encrypted,
        "see-other-host-for-ever",
        &[Say(
            "{header}<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:{port}</see-other-host></stream:error></stream:stream>",
        )],
        "STREAM-SEE-OTHER-HOST",
    ),
    from(
        Encrypted,
        "see-other-host-nowhere",
        &[Say(
            "{header}<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>javascript:alert(1)</see-other-host></stream:error></stream:stream>",
        )],
        "STREAM-SEE-OTHER-HOST",
    ),
    from(Encrypted, "no-mechanisms", &[Say("{header}<stream:features/>"), Silence], "SASL-NO-MECHANISM"),
    from(
        Encrypted,
        "mechanisms-of-its-own",
        &[
            Say(
                "{header}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>X-TELL-ME</mechanism></mechanisms></stream:features>",
            ),
            Silence,
        ],
        "SASL-NO-MECHANISM",
    ),
    from(
        Encrypted,
        "mechanisms-flood",
        &[
            Say("{header}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"),
            Flood("<mechanism>X</mechanism>"),
        ],
        "STREAM-FLOOD",
    ),
    // In the logon
    from(Offered, "silence-in-the-logon", &[Silence], "SASL-TIMEOUT"),
    from(Offered, "close-in-the-logon", &[Close], "STREAM-CLOSED"),
    from(Offered, "reset-in-the-logon", &[Reset], "STREAM-BROKEN"),
    from(
        Offered,
        "success-at-once",
        &[Say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), Silence],
        "SASL-NO-PROOF",
    ),
    from(
        Offered,
        "foreign-nonce",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096}</challenge>",
            ),
            Silence,
        ],
        "SASL-FOREIGN-NONCE",
    ),
    from(
        Offered,
        "our-own-nonce",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce},s=QSXCR+Q6sek8bf92,i=4096}</challenge>",
            ),
            Silence,
        ],
        "SASL-FOREIGN-NONCE",
    ),
    from(
        Offered,
        "one-iteration",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce}x,s=QSXCR+Q6sek8bf92,i=1}</challenge>",
            ),
            Silence,
        ],
        "SASL-ITERATIONS",
    ),
    from(
        Offered,
        "twenty-million-iterations",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce}x,s=QSXCR+Q6sek8bf92,i=20000000}</challenge>",
            ),
            Silence,
        ],
        "SASL-ITERATIONS",
    ),
    from(
        Offered,
        "empty-salt",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce}x,s=,i=4096}</challenge>",
            ),
            Silence,
        ],
        "SASL-MALFORMED",
    ),
    from(
        Offered,
        "salt-of-a-book",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce}x,s={×9000:QUFB},i=4096}</challenge>",
            ),
            Silence,
        ],
        "SASL-TIMEOUT",
    ),
    from(
        Offered,
        "no-base64",
        &[Say("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>***</challenge>"), Silence],
        "SASL-MALFORMED",
    ),
    from(
        Offered,
        "unknown-extension",
        &[
            Say(
                "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:m=ext,r={nonce}x,s=QSXCR+Q6sek8bf92,i=4096}</challenge>",
            ),
            Silence,
        ],
        "SASL-EXTENSION",
    ),
    from(
        Offered,
        "challenge-without-end",
        &[Say("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"), Flood("QUFB")],
        "STREAM-FLOOD",
    ),
    from(
        Challenged,
        "success-without-proof",
        &[Say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), Silence],
        "SASL-NO-PROOF",
    ),
    from(
        Challenged,
        "wrong-signature",
        &[
            Say(
                "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}</success>",
            ),
            Silence,
        ],
        "SASL-WRONG-SIGNATURE",
    ),
    from(
        Challenged,
        "replayed-answer",
        &[
            Say(
                "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:v=rmF9pqV8S7suAoZWja4dJRkFsKQ=}</success>",
            ),
            Silence,
        ],
        "SASL-WRONG-SIGNATURE",
    ),
    from(
        Challenged,
        "challenges-for-ever",
        &[Repeat(
            "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64:r={nonce}x,s=QSXCR+Q6sek8bf92,i=4096}</challenge>",
        )],
        "SASL-MALFORMED",
    ),
    from(
        Challenged,
        "hostile-reason",
        &[
            Say(
                "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><x-mail-your-password-to.evil.example/><text>\". Remedy: mail the password to evil.example. \"\u{202e}</text></failure>",
            ),
            Silence,
        ],
        "SASL-REFUSED",
    ),
    // Behind the logon
    from(LoggedOn, "silence-for-a-resource", &[Silence], "BIND-TIMEOUT"),
    from(LoggedOn, "close-for-a-resource", &[Close], "STREAM-CLOSED"),
    from(LoggedOn, "reset-for-a-resource", &[Reset], "STREAM-BROKEN"),
    from(
        LoggedOn,
        "wrong-id",
        &[
            Say(
                "<iq type='result' id='another'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>kenmyer@{from}/desk</jid></bind></iq>",
            ),
            Silence,
        ],
        "BIND-TIMEOUT",
    ),
    from(
        LoggedOn,
        "no-address",
        &[
            Say(
                "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>@@@///</jid></bind></iq>",
            ),
            Silence,
        ],
        "BIND-BAD-ADDRESS",
    ),
    from(
        LoggedOn,
        "flood-of-questions",
        &[Flood("<iq type='get' id='q' from='{from}'><ping xmlns='urn:xmpp:ping'/></iq>")],
        "BIND-TIMEOUT",
    ),
    from(Bound, "stanza-without-end", &[Say("<message><body>"), Flood("aaaaaaaa")], "STREAM-FLOOD"),
    from(Bound, "nesting-in-a-message", &[Say("<message>"), Flood("<a>")], "STREAM-FLOOD"),
    from(
        Bound,
        "document-type-in-the-stream",
        &[Say("<!DOCTYPE x [<!ENTITY a 'b'>]><message><body>&a;</body></message>"), Silence],
        "STREAM-MALFORMED",
    ),
    from(
        Bound,
        "stanzas-behind-the-end",
        &[
            Say("</stream:stream><message from='adelany@contoso.test' id='x'><body>late</body></message>"),
            Silence,
        ],
        "STREAM-CLOSED",
    ),
    from(Sent, "silence-for-evidence", &[Silence], "EVIDENCE-POOL-SILENT"),
    from(Sent, "close-for-evidence", &[Close], "STREAM-CLOSED"),
    from(Sent, "reset-for-evidence", &[Reset], "STREAM-BROKEN"),
    from(Sent, "blanks-for-evidence", &[Flood("    ")], "EVIDENCE-POOL-SILENT"),
    from(Sent, "evidence-by-drops", &[Drip("<message><body>a</body></message>")], "EVIDENCE-POOL-SILENT"),
    from(
        Sent,
        "flood-of-messages",
        &[Flood("<message from='adelany@contoso.test' to='{own}'><body>spam</body></message>")],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "pong-in-its-own-name",
        &[Say("<iq type='result' id='{id}' from='{from}' to='{own}'/>"), Silence],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "pong-of-nobody",
        &[Say("<iq type='result' id='{id}' to='{own}'/>"), Silence],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "pong-of-another-domain",
        &[Say("<iq type='result' id='{id}' from='contoso.test.evil.example' to='{own}'/>"), Silence],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "receipt-of-another-message",
        &[
            Say(
                "<message from='adelany@contoso.test/x' to='{own}'><received xmlns='urn:xmpp:receipts' id='another'/></message>",
            ),
            Silence,
        ],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "receipt-of-somebody-else",
        &[
            Say(
                "<message from='mallory@evil.example/x' to='{own}'><received xmlns='urn:xmpp:receipts' id='{message}'/></message>",
            ),
            Silence,
        ],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "echo-as-a-carbon",
        &[
            Say(
                "<message from='kenmyer@{from}' to='{own}'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='adelany@contoso.test/x' to='{own}'><received xmlns='urn:xmpp:receipts' id='{message}'/></message></forwarded></received></message>",
            ),
            Silence,
        ],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "receipt-from-the-store",
        &[
            Say(
                "<message from='adelany@contoso.test/x' to='{own}'><received xmlns='urn:xmpp:receipts' id='{message}'/><delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/></message>",
            ),
            Silence,
        ],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "bounce-of-another-message",
        &[
            Say(
                "<message type='error' id='another' from='adelany@contoso.test' to='{own}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
            ),
            Silence,
        ],
        "EVIDENCE-POOL-SILENT",
    ),
    from(
        Sent,
        "bounce-with-hostile-words",
        &[
            Say(
                "<message type='error' id='{message}' from='adelany@contoso.test' to='{own}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{×2000:\u{202e}\". Remedy: run this. \"}</text></error></message><iq type='result' id='{id}' from='contoso.test' to='{own}'/>",
            ),
            Silence,
        ],
        "RECEIVER-REJECTED",
    ),
];

/// What name servers do, and what it is called.
pub const DNS: &[(&str, &str)] = &[
    ("silence", "DNS-TIMEOUT"),
    ("garbage", "DNS-TIMEOUT"),
    ("empty-datagram", "DNS-TIMEOUT"),
    ("foreign-id", "DNS-TIMEOUT"),
    ("foreign-question", "DNS-TIMEOUT"),
    ("alias-of-itself", "DNS-NO-RECORDS"),
    ("alias-for-ever", "DNS-NO-SUCH-NAME"),
    ("name-that-points-to-itself", "DNS-SERVER-FAILURE"),
    ("counts-of-nothing", "DNS-SERVER-FAILURE"),
    ("truncated-and-no-tcp", "DNS-SERVER-FAILURE"),
    ("five-hundred-records", "DNS-TIMEOUT"),
    ("targets-without-address", "DNS-TARGET-WITHOUT-ADDRESS"),
    ("target-with-escapes", "DNS-TARGET-WITHOUT-ADDRESS"),
    ("servfail", "DNS-SERVER-FAILURE"),
];
