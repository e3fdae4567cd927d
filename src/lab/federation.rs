//! The delivery of stanzas from a pool to another domain, and the words in which a pool reports failure.
//!
//! Nothing travels: all servers are in this process, and what a pool would meet at the other server is
//! read from that server's behaviour. The words are those of Prosody 0.12 and ejabberd 23.01, as they
//! were heard from real ones.

use super::behaviour::{
    CertificateBehaviour, DnsBehaviour, Manner, PortBehaviour, StreamBehaviour, TlsBehaviour,
};
use super::host::{HostRole, LabHost};
use super::partners::Federation;
use super::stanza::LabBounce;

/// The fate of a stanza on the way to another domain.
pub(super) enum Crossing<'a> {
    /// It reaches the server of that domain.
    Reaches(&'a LabHost),
    /// The pool reports that it does not.
    Bounces(LabBounce),
    /// Nothing is heard of it, at least not for longer than anybody waits.
    Lost,
}

/// The way from a pool to a domain.
pub(super) fn cross(manner: Manner, host: Option<&LabHost>) -> Crossing<'_> {
    let Some(host) = host else { return Crossing::Bounces(no_such_domain(manner)) };
    let federation = match host.role {
        HostRole::Pool(_) => Federation::Open,
        HostRole::Partner(partner) => partner.federation,
    };
    let bounce = match federation {
        Federation::Open
        | Federation::NoWayBack
        | Federation::NoPing
        | Federation::UnsignedError
        | Federation::EatsMessages
        | Federation::KeepsMessages => match obstacle(manner, host) {
            None => return Crossing::Reaches(host),
            Some(Obstacle::Silence) => return Crossing::Lost,
            Some(Obstacle::Bounce(bounce)) => bounce,
        },
        Federation::Lost => return Crossing::Lost,
        Federation::Fails { prosody, ejabberd } => match manner {
            // Prosody's stream management signs nothing of what it gives back.
            Manner::Prosody if prosody.1 == "recipient-unavailable" => {
                LabBounce::new(prosody.0, prosody.1, prosody.2)
            }
            Manner::Prosody => own(prosody.0, prosody.1, prosody.2),
            Manner::Ejabberd => LabBounce::new(ejabberd.0, ejabberd.1, ejabberd.2),
        },
        Federation::Remembered => match manner {
            Manner::Prosody => return Crossing::Reaches(host),
            Manner::Ejabberd => timeout("Connection failed: timeout"),
        },
    };
    Crossing::Bounces(bounce)
}

enum Obstacle {
    Bounce(LabBounce),
    Silence,
}

/// Returns the first obstacle that a pool's server meets at another server, in the order in which it would meet
/// them.
fn obstacle(manner: Manner, host: &LabHost) -> Option<Obstacle> {
    let behaviour = &host.behaviour;
    let names = match behaviour.names {
        DnsBehaviour::Published | DnsBehaviour::DirectFirst | DnsBehaviour::Elsewhere => None,
        DnsBehaviour::Missing | DnsBehaviour::Empty | DnsBehaviour::WithoutAddress => {
            Some(Obstacle::Bounce(no_such_domain(manner)))
        }
        DnsBehaviour::Failing => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => failed("ServFail in A lookup"),
            Manner::Ejabberd => not_found("DNS lookup failed: resource temporarily unavailable"),
        })),
        DnsBehaviour::Silent => Some(Obstacle::Silence),
        DnsBehaviour::NotOffered => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => failed("service explicitly unavailable"),
            Manner::Ejabberd => not_found("DNS lookup failed: resource temporarily unavailable"),
        })),
    };
    names
        .or_else(|| at_the_port(manner, behaviour.port))
        .or_else(|| in_the_stream(manner, behaviour.stream))
        .or_else(|| in_the_handshake(manner, behaviour.tls))
        .or_else(|| with_the_certificate(manner, behaviour.certificate))
}

fn at_the_port(manner: Manner, port: PortBehaviour) -> Option<Obstacle> {
    match port {
        PortBehaviour::Open | PortBehaviour::FirstClosed => None,
        PortBehaviour::Closed => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => failed("connection refused"),
            Manner::Ejabberd => timeout("Connection failed: connection refused"),
        })),
        PortBehaviour::Dropping | PortBehaviour::Mixed => Some(Obstacle::Silence),
        PortBehaviour::SpeaksTls | PortBehaviour::WantsStartTls => Some(Obstacle::Bounce(closed(manner))),
    }
}

fn in_the_stream(manner: Manner, stream: StreamBehaviour) -> Option<Obstacle> {
    match stream {
        StreamBehaviour::Answers => None,
        StreamBehaviour::Silent => Some(Obstacle::Silence),
        StreamBehaviour::Ends(condition, words) => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late(&format!("{condition} ({words})")),
            Manner::Ejabberd => timeout(&format!("Stream closed by peer: {words} ({condition})")),
        })),
        StreamBehaviour::Says(_) | StreamBehaviour::EndlessHeader => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late("not-well-formed (Failed to parse XML)"),
            Manner::Ejabberd => timeout("Stream closed by local host: Invalid XML (not-well-formed)"),
        })),
        StreamBehaviour::NoStartTls => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late("undefined-condition (No stream features to offer)"),
            Manner::Ejabberd => {
                timeout("Stream closed by local host: Use of STARTTLS required (policy-violation)")
            }
        })),
        StreamBehaviour::Closes
        | StreamBehaviour::Resets
        | StreamBehaviour::FailsStartTls
        | StreamBehaviour::Injects => Some(Obstacle::Bounce(closed(manner))),
    }
}

fn in_the_handshake(manner: Manner, tls: TlsBehaviour) -> Option<Obstacle> {
    match tls {
        TlsBehaviour::Shakes | TlsBehaviour::Only12 | TlsBehaviour::WantsCertificate => None,
        TlsBehaviour::Silent | TlsBehaviour::Mute => Some(Obstacle::Silence),
        TlsBehaviour::Closes | TlsBehaviour::Resets => Some(Obstacle::Bounce(closed(manner))),
        TlsBehaviour::Says(_) => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late("Error during negotiation of encrypted connection"),
            Manner::Ejabberd => timeout("TLS failed: wrong version number"),
        })),
    }
}

fn with_the_certificate(manner: Manner, certificate: CertificateBehaviour) -> Option<Obstacle> {
    let (prosody, ejabberd) = match certificate {
        CertificateBehaviour::Sound | CertificateBehaviour::EndsSoon | CertificateBehaviour::ForServers => {
            return None;
        }
        CertificateBehaviour::Expired => ("has expired", "certificate has expired"),
        CertificateBehaviour::NotYetValid => ("is not yet valid", "certificate is not yet valid"),
        CertificateBehaviour::WrongName => ("is not valid for this name", "certificate host name mismatch"),
        CertificateBehaviour::SelfSigned => ("is not trusted", "self-signed certificate"),
        CertificateBehaviour::UnknownIssuer | CertificateBehaviour::IncompleteChain => {
            ("is not trusted", "unable to get local issuer certificate")
        }
        CertificateBehaviour::Namesake => ("is not trusted", "certificate signature failure"),
        CertificateBehaviour::Authority => ("is not trusted", "unsuitable certificate purpose"),
        CertificateBehaviour::ForClients => ("is not trusted", "unsuitable certificate purpose"),
    };
    Some(Obstacle::Bounce(match manner {
        Manner::Prosody => late(&format!("Remote server's certificate {prosody}")),
        Manner::Ejabberd => timeout(&format!("Peer certificate rejected: {ejabberd}")),
    }))
}

fn no_such_domain(manner: Manner) -> LabBounce {
    match manner {
        Manner::Prosody => failed("NXDomain in A lookup"),
        Manner::Ejabberd => not_found("DNS lookup failed: enoname"),
    }
}

fn closed(manner: Manner) -> LabBounce {
    match manner {
        Manner::Prosody => own("wait", "remote-server-timeout", ""),
        Manner::Ejabberd => timeout("connection closed"),
    }
}

/// Prosody before it has a connection.
fn failed(reason: &str) -> LabBounce {
    own("cancel", "remote-server-not-found", &format!("Server-to-server connection failed: {reason}"))
}

/// Prosody after it had one.
fn late(reason: &str) -> LabBounce {
    own("wait", "remote-server-timeout", &format!("Server-to-server connection failed: {reason}"))
}

/// Prosody says in `by` that it made the error itself.
fn own(kind: &'static str, condition: &'static str, text: &str) -> LabBounce {
    LabBounce { is_signed: true, ..LabBounce::new(kind, condition, text) }
}

/// ejabberd about DNS.
fn not_found(text: &str) -> LabBounce {
    LabBounce::new("cancel", "remote-server-not-found", text)
}

/// ejabberd about everything else.
fn timeout(text: &str) -> LabBounce {
    LabBounce::new("wait", "remote-server-timeout", text)
}
