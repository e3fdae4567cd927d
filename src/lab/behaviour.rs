//! The behaviour of a server of the practice network: one small enum for each thing that a server can do wrong.
//!
//! The vocabulary of the tables in `pools` and `partners`; `server`, `sasl`, `session` and `routing`
//! consult it at the step that it is about. Decides nothing by itself.

/// The behaviour of a server at each step. In a table, only what is broken is written down: `Behaviour { stream:
/// StreamBehaviour::Silent, ..Behaviour::HEALTHY }`.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// The server software whose error texts the server uses.
    pub manner: Manner,
    /// The answers of DNS about the server.
    pub names: DnsBehaviour,
    /// The behaviour of the server's port.
    pub port: PortBehaviour,
    /// The server's behaviour on a stream before TLS.
    pub stream: StreamBehaviour,
    /// The server's behaviour in the TLS handshake.
    pub tls: TlsBehaviour,
    /// The certificate that the server shows.
    pub certificate: CertificateBehaviour,
    /// The server's behaviour in SASL.
    pub logon: SaslBehaviour,
    /// The server's answer to a request for a resource.
    pub bind: BindBehaviour,
    /// The server's behaviour with stanzas.
    pub session: StanzaBehaviour,
}

impl Behaviour {
    /// Everything as it should be.
    pub const HEALTHY: Self = Self {
        manner: Manner::Prosody,
        names: DnsBehaviour::Published,
        port: PortBehaviour::Open,
        stream: StreamBehaviour::Answers,
        tls: TlsBehaviour::Shakes,
        certificate: CertificateBehaviour::Sound,
        logon: SaslBehaviour::Honest,
        bind: BindBehaviour::Gives,
        session: StanzaBehaviour::Honest,
    };
}

/// The server software whose error texts a server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Prosody 0.12.
    Prosody,
    /// ejabberd 23.01.
    Ejabberd,
}

/// The answers of DNS about a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsBehaviour {
    /// The host's location.
    Published,
    /// The host's location, direct TLS first.
    DirectFirst,
    /// That the name does not exist.
    Missing,
    /// SERVFAIL.
    Failing,
    /// That the name exists and has no records.
    Empty,
    /// Nothing.
    Silent,
    /// The SRV target `.`: not offered.
    NotOffered,
    /// An SRV target that has no address.
    WithoutAddress,
    /// The host's location; but the domain's own records lead to another host.
    Elsewhere,
}

/// The behaviour of the port that DNS names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortBehaviour {
    /// A server.
    Open,
    /// Nobody listens.
    Closed,
    /// Connections are neither accepted nor refused, as behind a firewall that drops packets.
    Dropping,
    /// At one server nobody listens, and to the other one packets are dropped.
    Mixed,
    /// At the server that DNS names first nobody listens; the second one is well.
    FirstClosed,
    /// TLS from the first byte, where DNS promises STARTTLS.
    SpeaksTls,
    /// STARTTLS, where DNS promises TLS from the first byte.
    WantsStartTls,
}

/// The behaviour of a server on a stream before TLS (RFC 6120, sections 4 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamBehaviour {
    /// Opens its own and offers STARTTLS.
    Answers,
    /// Accepts the connection and says nothing.
    Silent,
    /// Closes the connection.
    Closes,
    /// Resets the connection.
    Resets,
    /// Says this, whatever it is told.
    Says(&'static str),
    /// Sends a header without end.
    EndlessHeader,
    /// Ends the stream at once, with this condition and these words.
    Ends(&'static str, &'static str),
    /// Offers no STARTTLS, only authentication in the clear.
    NoStartTls,
    /// Offers STARTTLS, and then fails it.
    FailsStartTls,
    /// Sends plaintext behind `<proceed/>`, as somebody on the way would.
    Injects,
}

/// The behaviour of a server in the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsBehaviour {
    /// Makes it, TLS 1.3 or 1.2.
    Shakes,
    /// Makes it, TLS 1.2 only.
    Only12,
    /// Makes it with whoever shows a certificate, and with nobody else.
    WantsCertificate,
    /// Makes it, and says nothing inside.
    Mute,
    /// Says nothing.
    Silent,
    /// Closes the connection.
    Closes,
    /// Resets the connection.
    Resets,
    /// Answers the handshake with these bytes.
    Says(&'static [u8]),
}

/// The certificate that a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateBehaviour {
    /// One for its domain, from the authority of the practice network, good for a year.
    Sound,
    /// One that ends in five days.
    EndsSoon,
    /// One that ended three days ago.
    Expired,
    /// One that begins tomorrow.
    NotYetValid,
    /// One for another name.
    WrongName,
    /// One that it issued to itself.
    SelfSigned,
    /// One from an authority that nobody knows.
    UnknownIssuer,
    /// One from an intermediate authority whose own certificate is not sent.
    IncompleteChain,
    /// One that is meant for clients only.
    ForClients,
    /// One that is meant for servers only, which proves none of them to another.
    ForServers,
    /// One from another authority of the same name.
    Namesake,
    /// One that is an authority's own.
    Authority,
}

/// The behaviour of a server in SASL (RFC 6120, section 6; RFC 5802).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslBehaviour {
    /// Offers SCRAM with and without channel binding, and PLAIN; checks and proves.
    Honest,
    /// As ejabberd 23.01: offers a channel binding that it cannot do, and names no type for it.
    BrokenBinding,
    /// Offers PLAIN only.
    PlainOnly,
    /// Asks for the client's certificate in TLS, and offers EXTERNAL only.
    Certificates,
    /// Offers a mechanism with channel binding only, and names no type for it.
    OnlyBound,
    /// Offers SASL 2 (XEP-0388) only.
    SaslTwo,
    /// Offers a mechanism that nobody knows.
    UnknownMechanisms,
    /// Offers no mechanism at all.
    NoMechanisms,
    /// Sends no answer to the authentication.
    Silent,
    /// Closes the connection instead of an answer.
    Closes,
    /// Succeeds with a signature that does not prove the knowledge of the account's keys.
    WrongSignature,
    /// Succeeds without the signature.
    NoSignature,
    /// Succeeds before it has asked for anything.
    SuccessAtOnce,
    /// Answers with a nonce that does not extend the client's.
    ForeignNonce,
    /// Asks for so many iterations.
    Iterations(u32),
    /// Sends a challenge that is none.
    Garbled,
    /// Demands an extension (`m=`) that nobody knows.
    MandatoryExtension,
    /// Refuses every authentication with this condition and these words.
    Refuses(&'static str, &'static str),
}

/// The answer of a server to a request for a resource (RFC 6120, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindBehaviour {
    /// Gives one.
    Gives,
    /// Does not offer it.
    Missing,
    /// Sends no answer.
    Silent,
    /// Closes the connection.
    Closes,
    /// Refuses, with an error of this type and condition.
    Refuses(&'static str, &'static str),
    /// Gives the session of this account.
    Other(&'static str),
    /// Gives something that is no address.
    Malformed,
}

/// The behaviour of a server with stanzas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StanzaBehaviour {
    /// Delivers, acknowledges, answers.
    Honest,
    /// Reads and says nothing.
    Silent,
    /// Announces that it takes no stanza of more bytes (XEP-0478).
    Limits(usize),
    /// Closes the connection at the first message.
    Closes,
    /// Breaks the connection at the first message, without the end of TLS.
    Breaks,
    /// Ends the stream at the first message, with this condition and these words.
    Ends(&'static str, &'static str),
    /// Says this at the first message.
    Says(&'static str),
    /// Answers the first message with a stanza that never ends.
    Endless,
    /// Answers the first message with blanks, for ever.
    Blanks,
    /// Acknowledges more than it was sent, and delivers nothing.
    OverAcknowledges,
    /// Delivers nothing to other domains, and answers pings to them in its own name.
    PongsItself,
    /// Delivers nothing to other domains, and answers pings to them with an error of its own making.
    ErrsForOthers,
    /// Takes in what comes from other domains; what goes out to them is lost.
    OneWay,
    /// Lets messages out; those that come in are lost.
    Deaf,
    /// Does not exchange messages with other domains.
    NoFederation,
    /// Acknowledges and carries questions, and swallows messages, whomever they are for.
    EatsMessages,
    /// Acknowledges the first message, and then reads and says nothing.
    StopsAnswering,
}
