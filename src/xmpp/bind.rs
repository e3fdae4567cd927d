//! Resource binding (RFC 6120, section 7): an authenticated stream gets its full address.
//!
//! Runs after `sasl`, before `message`. The server chooses the resource: one of ours could be another
//! session's, and the server would end one of the two. The address of the answer is the one that
//! counts, and it must be the account's that was asked for: what another one can send proves nothing
//! about this one. Never retries, and never sends presence.

use jid::{BareJid, FullJid};
use tokio::io::{AsyncRead, AsyncWrite};

use super::condition::{StanzaError, quote};
use super::message::answer_request;
use super::stream::{self, Authenticated, Stream};
use super::trace::{Fact, Trace};
use super::xml::{Element, ns};

/// The state of a stream that has an address.
#[derive(Debug)]
pub struct BoundStream {
    /// The address.
    pub(super) jid: FullJid,
}

/// The faults that can occur in Bind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The server offers no resource binding.
    #[error("the server offers no resource binding")]
    NotOffered,
    /// The server refused.
    #[error("binding failed with {error}")]
    Refused {
        /// Why.
        error: Box<StanzaError>,
    },
    /// The server refused the session of RFC 3921, which it demands.
    #[error("the session failed with {error}")]
    SessionRefused {
        /// Why.
        error: Box<StanzaError>,
    },
    /// The server made somebody else of us.
    #[error("bound as {given}, not as {wanted}")]
    OtherAccount {
        /// The account that was to log on.
        wanted: BareJid,
        /// The address that the server gave.
        given: FullJid,
    },
    /// The answer holds no full address.
    #[error("bound to `{said}`, which is no full address")]
    InvalidAddress {
        /// The text that the answer holds instead.
        said: String,
    },
}

/// Binds a resource that the server chooses.
pub async fn bind<Io: AsyncRead + AsyncWrite + Unpin + Send>(
    mut stream: Stream<Io, Authenticated>,
    trace: &mut Trace,
) -> Result<Stream<Io, BoundStream>, super::Fault> {
    if !stream.features().has_child("bind", ns::BIND) {
        return Err(Fault::NotOffered.into());
    }
    let answer = request(&mut stream, "bind", Element::new("bind", ns::BIND)).await?;
    let answer = answer.map_err(|error| Fault::Refused { error: Box::new(error) })?;
    let said = answer.child("bind", ns::BIND).and_then(|bind| bind.child_text("jid", ns::BIND));
    let said = said.unwrap_or_default();
    let jid = FullJid::new(said.trim()).map_err(|_| Fault::InvalidAddress { said: quote(&said) })?;
    trace.learn(Fact::Bound(jid.to_string()));
    let wanted = &stream.state().account;
    if jid.to_bare() != *wanted {
        return Err(Fault::OtherAccount { wanted: wanted.clone(), given: jid }.into());
    }
    // COMPAT: servers of RFC 3921's time want a session; those of today say that it is optional.
    let session = stream.features().child("session", ns::SESSION);
    if session.is_some_and(|session| !session.has_child("optional", ns::SESSION)) {
        let answer = request(&mut stream, "session", Element::new("session", ns::SESSION)).await?;
        answer.map_err(|error| Fault::SessionRefused { error: Box::new(error) })?;
    }
    Ok(stream.into_state(BoundStream { jid }))
}

/// Asks our own server, and answers what it asks meanwhile.
async fn request<Io: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: &mut Stream<Io, Authenticated>,
    id: &str,
    payload: Element,
) -> Result<Result<Element, StanzaError>, stream::Fault> {
    let iq = Element::new("iq", ns::CLIENT).with_attribute("type", "set").with_attribute("id", id);
    stream.send(&iq.with_child(payload)).await?;
    loop {
        let stanza = stream.receive().await?;
        if let Some(answer) = answer_request(&stanza) {
            stream.send(&answer).await?;
        }
        if stanza.is("iq", ns::CLIENT) && stanza.attribute("id") == Some(id) {
            match stanza.attribute("type") {
                Some("result") => return Ok(Ok(stanza)),
                Some("error") => return Ok(Err(StanzaError::of(&stanza))),
                Some(_) | None => {}
            }
        }
    }
}
