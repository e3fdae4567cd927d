//! A session: one bound stream that any number of verifications share.
//!
//! A task of its own reads and writes the stream; [`XmppSession`] is a handle on it that is cheap to
//! clone. What comes in is given to whom it concerns, by id, nonce and sender; requests are answered;
//! the rest is dropped. Ends the stream in order when the last handle is gone. Sends no presence
//! unless asked to, and holds nothing without a bound.

mod task;
mod management;
mod waiting;
mod late;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jid::{BareJid, FullJid};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

use super::bind::BoundStream;
use super::condition::{StanzaError, quote};
use super::message::{self, FenceMessage, ReceivedTest, Sign, TestMessage, random};
use super::stream::{self, Stream};
use super::wire::Wire;
use super::xml::{Element, PassedOver, ns};

use self::task::Task;

pub use self::late::{LateNews, LateSign, MOST_TOLD};

/// A handle on a session.
#[derive(Clone, Debug)]
pub struct XmppSession {
    commands: mpsc::Sender<SessionCommand>,
    jid: FullJid,
    learned: Arc<Learned>,
    wire: Option<Wire>,
}

/// The settings that keep a session while nobody uses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// The interval at which the server is asked for a sign of life; a session whose server gives none until it is
    /// asked again is over. `None` for never.
    pub keep_alive: Option<Duration>,
    /// After how long without use it ends. `None` for never.
    pub inactivity: Option<Duration>,
}

/// The facts that a session learns while it lives.
#[derive(Debug, Default)]
struct Learned {
    software: OnceLock<ServerSoftware>,
    /// The reason why the session is over.
    ended: OnceLock<stream::Fault>,
    /// Stanzas over a limit that were not read.
    n_passed_over: AtomicU64,
    /// Test messages that found their reader too busy.
    n_dropped: AtomicU64,
}

/// A server's software, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSoftware {
    /// Its name, as in `Prosody`.
    pub name: String,
    /// Its version, where it was asked for.
    pub version: Option<String>,
}

impl ServerSoftware {
    /// Reads the software from an answer (XEP-0092, section 3).
    fn of(answer: &Element) -> Option<Self> {
        let query = answer.child("query", ns::VERSION)?;
        let name = query.child_text("name", ns::VERSION)?;
        let version = query.child_text("version", ns::VERSION).map(|version| quote(&version));
        Some(Self { name: quote(&name), version })
    }

    /// Whether it is known to send back a message to a resource of its domain that nobody has.
    ///
    /// COMPAT: Prosody 0.12 and 13, ejabberd 23.01 and 26.07 do.
    pub fn returns_messages(&self) -> bool {
        ["prosody", "ejabberd"].iter().any(|known| self.name.eq_ignore_ascii_case(known))
    }
}

/// An event of one message, with the time when it happened.
#[derive(Clone, Debug)]
pub struct News {
    /// When.
    pub at: Instant,
    /// What.
    pub event: MessageEvent,
}

/// An event of one message.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageEvent {
    /// Its stanza, and the pings behind it, were written to the stream.
    Written,
    /// The pool's count of stanzas covers it (XEP-0198).
    Acknowledged,
    /// The pool's count is ahead of what it was sent (XEP-0198, section 4), and proves nothing.
    Overcounted {
        /// The number of stanzas that the pool has counted.
        said: u32,
        /// The number of stanzas that it was sent.
        sent: u32,
    },
    /// The pool answered a ping that was sent behind it.
    PoolAnswered,
    /// The fence came back: the receiver's domain answered a ping that was sent behind it.
    FenceAnswered,
    /// The fence came back as an error.
    FenceFailed(StanzaError),
    /// A message to a domain that was sent behind it came back, with this error, or was answered.
    FenceReturned(Party, Option<StanzaError>),
    /// The receiver's domain described itself (XEP-0030) to a question that was sent behind it.
    PartnerDescribed,
    /// The receiver's domain said what software serves it (XEP-0092).
    PartnerSoftware(ServerSoftware),
    /// The pool answered a question that was sent long after the message.
    PoolAlive,
    /// The receiver's domain answered one, or could not be asked.
    PartnerLater(Option<StanzaError>),
    /// Something came that may be about it, over a limit, and was not read.
    PassedOver(PassedOver),
    /// Something came back about it, and how it read.
    Sign(Sign, Element),
    /// The session that stands at the receiver's end saw it.
    Seen(Element),
}

/// One of the two domains that a message passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// The sender's own.
    Pool,
    /// The receiver's.
    Partner,
}

/// The stanzas that are sent behind a message, in the same write, to come back when the message has been dealt
/// with.
#[derive(Clone, Debug, Default)]
pub(super) struct Fences {
    /// The domain that is pinged.
    pub(super) ping: Option<String>,
    /// A message to a domain.
    pub(super) message: Option<(Party, FenceMessage)>,
}

/// The questions that are asked later about a message, where something is in doubt.
#[derive(Clone, Debug, Default)]
pub(super) struct Inquiry {
    /// A message to our own domain.
    pub(super) message: Option<FenceMessage>,
    /// The receiver's domain, to say what it is (XEP-0030) and what serves it (XEP-0092).
    pub(super) partner: Option<String>,
    /// Whether the pool is to show that it still answers.
    pub(super) pool: bool,
    /// The receiver's domain, to show that it still answers.
    pub(super) again: Option<String>,
}

/// A message that another session of ours is about to see.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Its stanza's id.
    pub id: String,
    /// Its nonce.
    pub nonce: String,
    /// The sender of the message.
    pub sender: BareJid,
    /// The token that our answer adds, so that its receiver knows it from others.
    pub witness: String,
}

#[derive(Debug)]
enum SessionCommand {
    Send {
        probe: TestMessage,
        fences: Fences,
        news: mpsc::Sender<News>,
        late: Option<LateNews>,
        accepted: oneshot::Sender<Result<(), stream::Fault>>,
    },
    Inquire {
        probe: String,
        inquiry: Inquiry,
    },
    Expect {
        expectation: Expectation,
        news: mpsc::Sender<News>,
    },
    AskSoftware {
        id: String,
    },
    Request {
        iq: Element,
        id: String,
        from: String,
        reply: oneshot::Sender<Result<Element, StanzaError>>,
    },
    Say(Element),
    Listen(mpsc::Sender<Element>),
    ListenToTests(mpsc::Sender<ReceivedTest>),
    Close(oneshot::Sender<()>),
}

impl XmppSession {
    /// Takes the stream over, in a task of the current runtime.
    pub fn start<Io>(stream: Stream<Io, BoundStream>, upkeep: Upkeep) -> Self
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (commands, orders) = mpsc::channel(QUEUE);
        let jid = stream.state().jid.clone();
        let learned = Arc::new(Learned::default());
        if let Some(name) = stream::software(stream.features()) {
            let _ = learned.software.set(ServerSoftware { name: name.to_owned(), version: None });
        }
        let wire = stream.wire().cloned();
        tokio::spawn(Task::new(stream, jid.clone(), Arc::clone(&learned)).run(orders, upkeep));
        Self { commands, jid, learned, wire }
    }

    /// The address that the server gave us.
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// The server's software, where it has said so by now. It is asked with the first message or ping.
    pub fn software(&self) -> Option<&ServerSoftware> {
        self.learned.software.get()
    }

    /// Whether the server is known to mark the errors that it makes itself for other domains with its
    /// name (`by`), so that an error without the mark is the other domain's.
    pub fn marks_its_errors(&self) -> bool {
        // COMPAT: Prosody does.
        self.software().is_some_and(|software| software.name == "Prosody")
    }

    /// Returns the number of stanzas over a limit that came and were not read.
    pub fn n_passed_over(&self) -> u64 {
        self.learned.n_passed_over.load(Ordering::Relaxed)
    }

    /// Returns the number of test messages that found the reader of [`XmppSession::listen_to_tests`] too busy, and
    /// are lost to it.
    pub fn n_dropped(&self) -> u64 {
        self.learned.n_dropped.load(Ordering::Relaxed)
    }

    /// Returns the record of what crosses the session's wire, where that is kept.
    pub fn wire(&self) -> Option<&Wire> {
        self.wire.as_ref()
    }

    /// Whether the session is over.
    pub fn is_over(&self) -> bool {
        self.commands.is_closed()
    }

    /// Waits until the session is over.
    pub async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Returns the reason why the session is over; once it is, all news end, and everything else gives this.
    pub fn fault(&self) -> stream::Fault {
        self.learned.ended.get().cloned().unwrap_or(stream::Fault::Closed)
    }

    /// Whether the server is known never to say `service-unavailable` for a domain that it does not serve, so
    /// that this comes from the other domain.
    pub(super) fn leaves_unavailable_to_others(&self) -> bool {
        // COMPAT: Prosody signs what it makes itself; ejabberd has no such words for a domain out of reach.
        self.software().is_some_and(ServerSoftware::returns_messages)
    }

    /// Sends a message with the fences behind it, and gives the news about it from then on; once those are
    /// wanted no more, late news go to `late`.
    pub(super) async fn send(
        &self,
        probe: TestMessage,
        fences: Fences,
        late: Option<LateNews>,
    ) -> Result<mpsc::Receiver<News>, stream::Fault> {
        let (news, receiver) = mpsc::channel(QUEUE);
        let (accepted, answer) = oneshot::channel();
        self.order(SessionCommand::Send { probe, fences, news, late, accepted }).await?;
        answer.await.unwrap_or_else(|_| Err(self.fault()))?;
        Ok(receiver)
    }

    /// Asks about a message that is under way; what comes back is news about it.
    pub(super) async fn inquire(&self, probe: &str, inquiry: Inquiry) -> Result<(), stream::Fault> {
        self.order(SessionCommand::Inquire { probe: probe.to_owned(), inquiry }).await
    }

    /// Watches for a message that arrives here, answers it, and tells of it.
    pub(super) async fn expect(
        &self,
        expectation: Expectation,
    ) -> Result<mpsc::Receiver<News>, stream::Fault> {
        let (news, receiver) = mpsc::channel(QUEUE);
        self.order(SessionCommand::Expect { expectation, news }).await?;
        Ok(receiver)
    }

    /// Becomes available (RFC 6121, section 4.2), and waits until the server has taken note. Only for
    /// accounts that are there for tests: messages that wait for the account are delivered here.
    pub async fn become_available(&self) -> Result<(), super::Fault> {
        self.order(SessionCommand::Say(Element::new("presence", ns::CLIENT))).await?;
        self.ping_pool().await.map(|_| ())
    }

    /// The time that our own server takes to answer a ping: whether the session is alive. Any answer
    /// counts. The caller sets the deadline.
    pub async fn ping_pool(&self) -> Result<Duration, super::Fault> {
        let started = Instant::now();
        self.request(self.jid.domain().as_str(), "get", Element::new("ping", ns::PING)).await?.ok();
        Ok(started.elapsed())
    }

    /// Asks an entity, and gives its answer. The caller sets the deadline.
    pub async fn request(
        &self,
        to: &str,
        kind: &str,
        payload: Element,
    ) -> Result<Result<Element, StanzaError>, super::Fault> {
        let id = random()?;
        let iq = Element::new("iq", ns::CLIENT)
            .with_attribute("type", kind)
            .with_attribute("id", &*id)
            .with_attribute("to", to)
            .with_child(payload);
        Ok(self.ask(iq).await?)
    }

    /// Sends a request that has its id and its addressee, and gives the answer of that one.
    pub(super) async fn ask(&self, iq: Element) -> Result<Result<Element, StanzaError>, stream::Fault> {
        let [id, from] = ["id", "to"].map(|name| iq.attribute(name).unwrap_or_default().to_owned());
        let (reply, answer) = oneshot::channel();
        self.order(SessionCommand::Request { iq, id, from, reply }).await?;
        answer.await.map_err(|_| self.fault())
    }

    /// Has the server asked for its software, where it was not asked before; the question's id begins so.
    pub(super) async fn ask_software(&self, id: &str) -> Result<(), stream::Fault> {
        self.order(SessionCommand::AskSoftware { id: id.to_owned() }).await
    }

    /// Sends a stanza as it is.
    pub async fn say(&self, stanza: Element) -> Result<(), stream::Fault> {
        self.order(SessionCommand::Say(stanza)).await
    }

    /// Gives every message that comes from now on; those that find the listener busy are lost to it.
    pub async fn listen(&self) -> Result<mpsc::Receiver<Element>, stream::Fault> {
        let (messages, receiver) = mpsc::channel(QUEUE);
        self.order(SessionCommand::Listen(messages)).await?;
        Ok(receiver)
    }

    /// Gives every test message that comes from now on, a long backlog of them too; those that find the reader
    /// further behind are counted ([`XmppSession::n_dropped`]).
    pub async fn listen_to_tests(&self) -> Result<mpsc::Receiver<ReceivedTest>, stream::Fault> {
        let (messages, receiver) = mpsc::channel(BACKLOG);
        self.order(SessionCommand::ListenToTests(messages)).await?;
        Ok(receiver)
    }

    /// Ends the session in order and waits for it, a bounded time.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.order(SessionCommand::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    async fn order(&self, command: SessionCommand) -> Result<(), stream::Fault> {
        self.commands.send(command).await.map_err(|_| self.fault())
    }
}

/// A message that is too long for the pool is a fault of Send, everything else of the stream.
pub(super) fn send_fault(fault: stream::Fault) -> super::Fault {
    if let stream::Fault::TooLong { n_bytes, limit } = fault {
        return message::Fault::TooLong { n_bytes, limit }.into();
    }
    fault.into()
}

/// Orders that wait for the task, and news that wait for one verification.
const QUEUE: usize = 64;
/// Test messages that wait to be answered: of each no more is kept than its answer needs.
const BACKLOG: usize = 4096;
