//! How stanzas fare on the way from a pool to another domain, and in whose words a pool reports failure.
//!
//! Nothing travels: all servers are in this process, and what a pool would meet at the other server is
//! read from that server's behaviour. The words are those of Prosody 0.12 and ejabberd 23.01, as they
//! were heard from real ones.

use super::behaviour::{Certificate, Manner, Names, Port, Stream, Tls};
use super::host::{Host, Role};
use super::partners::Federation;
use super::stanza::Bounce;

/// What becomes of a stanza on the way to another domain.
pub(super) enum Crossing<'a> {
    /// It reaches the server of that domain.
    Reaches(&'a Host),
    /// The pool reports that it does not.
    Bounces(Bounce),
    /// Nothing is heard of it, at least not for longer than anybody waits.
    Lost,
}

/// The way from a pool to a domain.
pub(super) fn cross(manner: Manner, host: Option<&Host>) -> Crossing<'_> {
    let Some(host) = host else { return Crossing::Bounces(no_such_domain(manner)) };
    let federation = match host.role {
        Role::Pool(_) => Federation::Open,
        Role::Partner(partner) => partner.federation,
    };
    let bounce = match federation {
        Federation::Open | Federation::NoWayBack | Federation::NoPing | Federation::UnsignedError => {
            match obstacle(manner, host) {
                None => return Crossing::Reaches(host),
                Some(Obstacle::Silence) => return Crossing::Lost,
                Some(Obstacle::Bounce(bounce)) => bounce,
            }
        }
        Federation::Lost => return Crossing::Lost,
        Federation::Fails { prosody, ejabberd } => match manner {
            Manner::Prosody => own(prosody.0, prosody.1, prosody.2),
            Manner::Ejabberd => Bounce::new(ejabberd.0, ejabberd.1, ejabberd.2),
        },
        Federation::Remembered => match manner {
            Manner::Prosody => return Crossing::Reaches(host),
            Manner::Ejabberd => timeout("Connection failed: timeout"),
        },
    };
    Crossing::Bounces(bounce)
}

enum Obstacle {
    Bounce(Bounce),
    Silence,
}

/// What a pool's server meets at another server, in the order in which it would meet it.
fn obstacle(manner: Manner, host: &Host) -> Option<Obstacle> {
    let behaviour = &host.behaviour;
    let names = match behaviour.names {
        Names::Published | Names::DirectFirst | Names::Elsewhere => None,
        Names::Missing | Names::Empty | Names::WithoutAddress => {
            Some(Obstacle::Bounce(no_such_domain(manner)))
        }
        Names::Failing => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => failed("ServFail in A lookup"),
            Manner::Ejabberd => not_found("DNS lookup failed: resource temporarily unavailable"),
        })),
        Names::Silent => Some(Obstacle::Silence),
        Names::NotOffered => Some(Obstacle::Bounce(match manner {
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

fn at_the_port(manner: Manner, port: Port) -> Option<Obstacle> {
    match port {
        Port::Open => None,
        Port::Closed => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => failed("connection refused"),
            Manner::Ejabberd => timeout("Connection failed: connection refused"),
        })),
        Port::Dropping | Port::Mixed => Some(Obstacle::Silence),
        Port::SpeaksTls | Port::WantsStartTls => Some(Obstacle::Bounce(closed(manner))),
    }
}

fn in_the_stream(manner: Manner, stream: Stream) -> Option<Obstacle> {
    match stream {
        Stream::Answers => None,
        Stream::Silent => Some(Obstacle::Silence),
        Stream::Ends(condition, words) => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late(&format!("{condition} ({words})")),
            Manner::Ejabberd => timeout(&format!("Stream closed by peer: {words} ({condition})")),
        })),
        Stream::Says(_) | Stream::EndlessHeader => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late("not-well-formed (Failed to parse XML)"),
            Manner::Ejabberd => timeout("Stream closed by local host: Invalid XML (not-well-formed)"),
        })),
        Stream::NoStartTls => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late("undefined-condition (No stream features to offer)"),
            Manner::Ejabberd => {
                timeout("Stream closed by local host: Use of STARTTLS required (policy-violation)")
            }
        })),
        Stream::Closes | Stream::Resets | Stream::FailsStartTls | Stream::Injects => {
            Some(Obstacle::Bounce(closed(manner)))
        }
    }
}

fn in_the_handshake(manner: Manner, tls: Tls) -> Option<Obstacle> {
    match tls {
        Tls::Shakes | Tls::Only12 | Tls::WantsCertificate => None,
        Tls::Silent | Tls::Mute => Some(Obstacle::Silence),
        Tls::Closes | Tls::Resets => Some(Obstacle::Bounce(closed(manner))),
        Tls::Says(_) => Some(Obstacle::Bounce(match manner {
            Manner::Prosody => late("Error during negotiation of encrypted connection"),
            Manner::Ejabberd => timeout("TLS failed: wrong version number"),
        })),
    }
}

fn with_the_certificate(manner: Manner, certificate: Certificate) -> Option<Obstacle> {
    let (prosody, ejabberd) = match certificate {
        Certificate::Sound | Certificate::EndsSoon => return None,
        Certificate::Expired => ("has expired", "certificate has expired"),
        Certificate::NotYetValid => ("is not yet valid", "certificate is not yet valid"),
        Certificate::WrongName => ("is not valid for this name", "certificate host name mismatch"),
        Certificate::SelfSigned => ("is not trusted", "self-signed certificate"),
        Certificate::UnknownIssuer | Certificate::IncompleteChain => {
            ("is not trusted", "unable to get local issuer certificate")
        }
        Certificate::Namesake => ("is not trusted", "certificate signature failure"),
        Certificate::Authority => ("is not trusted", "unsuitable certificate purpose"),
        Certificate::ForClients => ("is not trusted", "unsuitable certificate purpose"),
    };
    Some(Obstacle::Bounce(match manner {
        Manner::Prosody => late(&format!("Remote server's certificate {prosody}")),
        Manner::Ejabberd => timeout(&format!("Peer certificate rejected: {ejabberd}")),
    }))
}

fn no_such_domain(manner: Manner) -> Bounce {
    match manner {
        Manner::Prosody => failed("NXDomain in A lookup"),
        Manner::Ejabberd => not_found("DNS lookup failed: enoname"),
    }
}

fn closed(manner: Manner) -> Bounce {
    match manner {
        Manner::Prosody => own("wait", "remote-server-timeout", ""),
        Manner::Ejabberd => timeout("connection closed"),
    }
}

/// Prosody before it has a connection.
fn failed(reason: &str) -> Bounce {
    own("cancel", "remote-server-not-found", &format!("Server-to-server connection failed: {reason}"))
}

/// Prosody after it had one.
fn late(reason: &str) -> Bounce {
    own("wait", "remote-server-timeout", &format!("Server-to-server connection failed: {reason}"))
}

/// Prosody says in `by` that it made the error itself.
fn own(kind: &'static str, condition: &'static str, text: &str) -> Bounce {
    Bounce { is_signed: true, ..Bounce::new(kind, condition, text) }
}

/// ejabberd about DNS.
fn not_found(text: &str) -> Bounce {
    Bounce::new("cancel", "remote-server-not-found", text)
}

/// ejabberd about everything else.
fn timeout(text: &str) -> Bounce {
    Bounce::new("wait", "remote-server-timeout", text)
}
