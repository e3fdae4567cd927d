//! A bound session: stanzas in and out, and their acknowledgements (XEP-0198).
//!
//! The last step of `server`. What a stanza means is `routing`'s to know; what a session does wrong at
//! a message is done here.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::behaviour::StanzaBehaviour;
use super::host::{LabHost, LabServers};
use super::routing::{self, Sender};
use super::server::{BindRequest, Conversation, hold};
use crate::xmpp::xml::{Element, XmlFrame, ns};

/// Gives the client its resource and serves it until one side ends the stream.
pub(super) async fn run<Io: AsyncRead + AsyncWrite + Unpin>(
    mut stream: Conversation<Io>,
    wanted: BindRequest,
    local: String,
    host: Arc<LabHost>,
    world: Arc<LabServers>,
) -> io::Result<()> {
    let (outgoing, mut incoming) = mpsc::channel(MAX_WAITING);
    let account = format!("{local}@{}", host.domain);
    let resource = world.join(&account, wanted.resource.as_deref(), outgoing);
    let full = format!("{account}/{resource}");
    let session = Online { sender: Sender { host: &host, account, resource, full }, world: &world };
    stream.send(&wanted.granted(&session.sender.full)).await?;
    if host.behaviour.session == StanzaBehaviour::Silent {
        return hold(stream.into_io()).await;
    }
    let mut managed = None;
    loop {
        tokio::select! {
            biased;
            Some(stanza) = incoming.recv() => {
                stream.writer.queue(&stanza);
                while let Ok(stanza) = incoming.try_recv() {
                    stream.writer.queue(&stanza);
                }
                if managed.is_some() {
                    stream.writer.queue(&Element::new("r", ns::MANAGEMENT));
                }
                stream.flush().await?;
            }
            frame = stream.reader.next() => {
                let element = match frame {
                    Ok(XmlFrame::Stanza(element)) => element,
                    Ok(XmlFrame::Open(_) | XmlFrame::Close) => return stream.close().await,
                    Err(fault) => return stream.complain(&fault).await,
                };
                if element.ns == ns::MANAGEMENT {
                    manage(&mut stream, &element, &mut managed, host.behaviour.session);
                    if host.behaviour.session == StanzaBehaviour::StopsAnswering && element.name == "r" {
                        stream.flush().await?;
                        return hold(stream.into_io()).await;
                    }
                } else if element.ns == ns::CLIENT && matches!(&*element.name, "message" | "presence" | "iq") {
                    managed = managed.map(|n: u32| n.wrapping_add(1));
                    if element.name == "message" && !misbehave(&mut stream, host.behaviour.session).await? {
                        return Ok(());
                    }
                    for answer in routing::route(&session.sender, element, &world) {
                        stream.writer.queue(&answer);
                    }
                } else {
                    return stream.end("unsupported-stanza-type", "").await;
                }
                // Whatever came together is answered together.
                if !has_whole_frame(&stream) {
                    stream.flush().await?;
                }
            }
        }
    }
}

/// Stream management: the count of stanzas that were taken over.
fn manage<Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut Conversation<Io>,
    element: &Element,
    managed: &mut Option<u32>,
    behaviour: StanzaBehaviour,
) {
    let answer = match (&*element.name, *managed) {
        ("enable", _) => {
            *managed = Some(0);
            Element::new("enabled", ns::MANAGEMENT)
        }
        ("r", Some(n)) => {
            let n = if behaviour == StanzaBehaviour::OverAcknowledges { n.wrapping_add(1_000) } else { n };
            Element::new("a", ns::MANAGEMENT).with_attribute("h", n.to_string())
        }
        ("a", _) => return,
        _ => Element::new("failed", ns::MANAGEMENT)
            .with_child(Element::new("item-not-found", ns::STANZA_ERRORS)),
    };
    stream.writer.queue(&answer);
}

/// Misbehaves at a message instead of handling it; returns whether the session goes on.
async fn misbehave<Io: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut Conversation<Io>,
    behaviour: StanzaBehaviour,
) -> io::Result<bool> {
    match behaviour {
        StanzaBehaviour::Honest
        | StanzaBehaviour::Silent
        | StanzaBehaviour::Limits(_)
        | StanzaBehaviour::OverAcknowledges
        | StanzaBehaviour::PongsItself
        | StanzaBehaviour::ErrsForOthers
        | StanzaBehaviour::OneWay
        | StanzaBehaviour::Deaf
        | StanzaBehaviour::NoFederation
        | StanzaBehaviour::EatsMessages
        | StanzaBehaviour::StopsAnswering => return Ok(true),
        StanzaBehaviour::Closes => stream.reader.io_mut().shutdown().await?,
        // The connection ends without the end of TLS, as when a server is killed.
        StanzaBehaviour::Breaks => {}
        StanzaBehaviour::Ends(condition, words) => stream.end(condition, words).await?,
        StanzaBehaviour::Says(words) => {
            stream.say(words.as_bytes()).await?;
            hold(stream.reader.io_mut()).await?;
        }
        StanzaBehaviour::Endless => stream.say_for_ever(b"<message><body>", b"and so on ").await?,
        StanzaBehaviour::Blanks => stream.say_for_ever(b" ", b" \n").await?,
    }
    Ok(false)
}

fn has_whole_frame<Io>(stream: &Conversation<Io>) -> bool {
    stream.reader.buffered().contains(&b'>')
}

/// A session that is on line, until this is dropped.
struct Online<'a> {
    sender: Sender<'a>,
    world: &'a LabServers,
}

impl Drop for Online<'_> {
    fn drop(&mut self) {
        self.world.leave(&self.sender.account, &self.sender.resource);
    }
}

/// Stanzas that wait for one session to be written to it.
const MAX_WAITING: usize = 1024;
