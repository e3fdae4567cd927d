//! A session: one bound stream that any number of verifications share.
//!
//! A task of its own reads and writes the stream; [`XmppSession`] is a handle on it that is cheap to
//! clone. What comes in is given to whom it concerns, by id, nonce and sender; requests are answered;
//! the rest is dropped. Ends the stream in order when the last handle is gone. Sends no presence
//! unless asked to, and holds nothing without a bound.

mod management;
mod waiting;
mod late;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jid::{BareJid, FullJid, Jid};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::bind::BoundStream;
use super::condition::{StanzaError, quote};
use super::message::{
    self, FenceMessage, ReceivedTest, Sign, TestMessage, answer, answer_request, is_probe, ping, random,
    sender,
};
use super::stream::{self, Stream};
use super::wire::Wire;
use super::xml::{Element, PassedOver, ns};

use self::late::ToldMessages;
use self::management::{Management, Said, covers};
use self::waiting::Waiting;

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

    /// The server's software, where it has said so by now. It is asked with the first message.
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
        let (reply, answer) = oneshot::channel();
        self.order(SessionCommand::Request { iq, id, from: to.to_owned(), reply }).await?;
        Ok(answer.await.map_err(|_| self.fault())?)
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

/// The side of a session that owns the stream.
struct Task<Io> {
    stream: Stream<Io, BoundStream>,
    jid: FullJid,
    management: Management,
    in_flight: HashMap<String, InFlight>,
    told: ToldMessages,
    expected: Vec<(Expectation, mpsc::Sender<News>)>,
    waiting: HashMap<String, Waiting>,
    listener: Option<mpsc::Sender<Element>>,
    test_listener: Option<mpsc::Sender<ReceivedTest>>,
    learned: Arc<Learned>,
    /// Whether the server was asked for its software.
    has_asked: bool,
    last_use: tokio::time::Instant,
}

/// A message on its way.
struct InFlight {
    probe: TestMessage,
    /// The messages to domains that were sent behind it and have not come back.
    fences: Vec<(Party, FenceMessage)>,
    news: mpsc::Sender<News>,
    /// The observer that is told what comes back when nobody listens to the news any more.
    late: Option<LateNews>,
    is_written: bool,
    /// Its place in the count of stanzas, while the count does not cover it.
    place: Option<u32>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> Task<Io> {
    fn new(mut stream: Stream<Io, BoundStream>, jid: FullJid, learned: Arc<Learned>) -> Self {
        stream.pass_over();
        let management = Management::of(stream.features());
        Self {
            stream,
            jid,
            management,
            in_flight: HashMap::new(),
            told: ToldMessages::default(),
            expected: Vec::new(),
            waiting: HashMap::new(),
            listener: None,
            test_listener: None,
            learned,
            has_asked: false,
            last_use: tokio::time::Instant::now(),
        }
    }

    async fn run(mut self, mut orders: mpsc::Receiver<SessionCommand>, upkeep: Upkeep) {
        let mut keepalive = self.stream.announced().idle.map(keepalive);
        let mut signs = upkeep.keep_alive.map(every);
        loop {
            tokio::select! {
                // Whoever sends faster than the peer reads waits.
                order = orders.recv(), if self.stream.n_queued() < MAX_QUEUED => match order {
                    None => return self.stream.close().await,
                    Some(SessionCommand::Close(done)) => {
                        self.stream.close().await;
                        let _ = done.send(());
                        return;
                    }
                    Some(command) => {
                        self.last_use = tokio::time::Instant::now();
                        self.obey(command);
                    }
                },
                event = self.stream.next() => match event {
                    Ok(stream::StreamEvent::Flushed) => self.written(),
                    Ok(stream::StreamEvent::Element(element)) => self.read(element),
                    Ok(stream::StreamEvent::PassedOver(passed)) => self.pass_over(&passed),
                    Err(fault) => {
                        let _ = self.learned.ended.set(fault);
                        return;
                    }
                },
                () = tick(&mut keepalive) => self.stream.queue_blank(),
                () = tick(&mut signs) => if self.ask_for_life().is_err() { return },
                () = passed(upkeep.inactivity.map(|unused| self.last_use + unused)) => {
                    if !self.is_in_use() {
                        return self.stream.close().await;
                    }
                    self.last_use = tokio::time::Instant::now();
                }
            }
        }
    }

    /// Asks the server for a sign of life; one that has given none since it was last asked is gone.
    fn ask_for_life(&mut self) -> Result<(), stream::Fault> {
        if self.waiting.contains_key(SIGN_OF_LIFE) {
            let _ = self.learned.ended.set(stream::Fault::Closed);
            return Err(stream::Fault::Closed);
        }
        self.queue(&ping(SIGN_OF_LIFE, self.jid.domain().as_str()))?;
        self.waiting.insert(SIGN_OF_LIFE.to_owned(), Waiting::SignOfLife);
        Ok(())
    }

    /// Whether somebody waits for something.
    fn is_in_use(&self) -> bool {
        self.listener.as_ref().is_some_and(|listener| !listener.is_closed())
            || self.in_flight.values().any(|message| !message.news.is_closed())
            || self.expected.iter().any(|(_, news)| !news.is_closed())
            || self.waiting.values().any(|waiting| match waiting {
                Waiting::Caller { reply, .. } => !reply.is_closed(),
                Waiting::Fence { .. }
                | Waiting::Pool { .. }
                | Waiting::PoolLater { .. }
                | Waiting::PartnerLater { .. }
                | Waiting::Description { .. }
                | Waiting::PartnerSoftware { .. }
                | Waiting::Software
                | Waiting::SignOfLife => false,
            })
    }

    fn obey(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::Send { probe, fences, news, late, accepted } => {
                let _ = accepted.send(self.send(probe, fences, news, late));
            }
            SessionCommand::Inquire { probe, inquiry } => {
                // A stream that takes nothing any more says so by its end.
                let _ = self.inquire(&probe, inquiry);
            }
            SessionCommand::Expect { expectation, news } => {
                self.expected.retain(|(_, news)| !news.is_closed());
                self.expected.push((expectation, news));
            }
            SessionCommand::Request { iq, id, from, reply } => {
                self.waiting.retain(|_, waiting| !waiting.is_given_up(&self.in_flight));
                if self.queue(&iq).is_ok() {
                    self.waiting.insert(id, Waiting::Caller { from, reply });
                }
            }
            SessionCommand::Say(stanza) => {
                let _ = self.queue(&stanza);
            }
            SessionCommand::Listen(listener) => self.listener = Some(listener),
            SessionCommand::ListenToTests(listener) => self.test_listener = Some(listener),
            // Ends the loop before it comes here.
            SessionCommand::Close(_) => {}
        }
    }

    /// Queues the message with what is to come back behind it, so that all leaves in one write.
    fn send(
        &mut self,
        probe: TestMessage,
        fences: Fences,
        news: mpsc::Sender<News>,
        late: Option<LateNews>,
    ) -> Result<(), stream::Fault> {
        for (_, message) in self.in_flight.extract_if(|_, message| message.news.is_closed()) {
            if let Some(late) = message.late {
                self.told.remember(message.probe, late);
            }
        }
        self.waiting.retain(|_, waiting| !waiting.is_given_up(&self.in_flight));
        if let Some(request) = self.management.request() {
            self.stream.queue(&request)?;
        }
        self.queue(&probe.stanza())?;
        let place = self.management.place();
        let id = probe.id().to_owned();
        let Fences { ping: pinged, message } = fences;
        if let Some((_, fence)) = &message {
            self.queue(&fence.stanza())?;
        }
        let fences = message.into_iter().collect();
        self.in_flight.insert(id.clone(), InFlight { probe, fences, news, late, is_written: false, place });
        match place {
            Some(_) => {
                self.stream.queue(&Element::new("r", ns::MANAGEMENT))?;
            }
            None => self.ping_pool_behind(&id)?,
        }
        if let Some(domain) = pinged {
            let fence = format!("{id}-fence");
            self.queue(&ping(&fence, &domain))?;
            self.waiting.insert(fence, Waiting::Fence { probe: id.clone(), from: domain });
        }
        self.ask_software(id)
    }

    fn inquire(&mut self, id: &str, inquiry: Inquiry) -> Result<(), stream::Fault> {
        if !self.in_flight.contains_key(id) {
            return Ok(());
        }
        let Inquiry { message, partner, pool, again } = inquiry;
        if let Some(fence) = message {
            self.queue(&fence.stanza())?;
            if let Some(sent) = self.in_flight.get_mut(id) {
                sent.fences.push((Party::Pool, fence));
            }
        }
        if let Some(from) = partner {
            let probe = id.to_owned();
            for (suffix, namespace) in [("described", ns::DISCO_INFO), ("software", ns::VERSION)] {
                self.queue(&question(&format!("{id}-{suffix}"), &from, namespace))?;
            }
            let described = Waiting::Description { probe: probe.clone(), from: from.clone() };
            self.waiting.insert(format!("{id}-described"), described);
            self.waiting.insert(format!("{id}-software"), Waiting::PartnerSoftware { probe, from });
        }
        if pool {
            let later = format!("{id}-later");
            self.queue(&ping(&later, self.jid.domain().as_str()))?;
            self.waiting.insert(later, Waiting::PoolLater { probe: id.to_owned() });
        }
        if let Some(from) = again {
            let later = format!("{id}-again");
            self.queue(&ping(&later, &from))?;
            self.waiting.insert(later, Waiting::PartnerLater { probe: id.to_owned(), from });
        }
        Ok(())
    }

    /// Asks the server for its software (XEP-0092), once, and only if it has not said so: what it
    /// says about other servers must be read as its own kind speaks.
    fn ask_software(&mut self, probe: String) -> Result<(), stream::Fault> {
        if self.has_asked || self.learned.software.get().is_some() {
            return Ok(());
        }
        let id = probe + "-version";
        self.queue(&question(&id, self.jid.domain().as_str(), ns::VERSION))?;
        self.has_asked = true;
        self.waiting.insert(id, Waiting::Software);
        Ok(())
    }

    fn ping_pool_behind(&mut self, probe: &str) -> Result<(), stream::Fault> {
        let id = format!("{probe}-pool");
        self.queue(&ping(&id, self.jid.domain().as_str()))?;
        self.waiting.insert(id, Waiting::Pool { probe: probe.to_owned() });
        Ok(())
    }

    /// Queues a stanza, which counts (XEP-0198, section 4), unlike the elements of the stream itself.
    fn queue(&mut self, stanza: &Element) -> Result<(), stream::Fault> {
        self.stream.queue(stanza)?;
        self.management.sent();
        Ok(())
    }

    fn written(&mut self) {
        for message in self.in_flight.values_mut().filter(|message| !message.is_written) {
            message.is_written = true;
            message.tell(MessageEvent::Written);
        }
    }

    fn read(&mut self, element: Element) {
        match (&*element.name, &*element.ns) {
            ("message" | "presence" | "iq", ns::CLIENT) => {
                self.management.received();
                self.read_stanza(element);
            }
            (_, ns::MANAGEMENT) => self.manage(&element),
            _ => {}
        }
    }

    /// A stanza was too much to be read: it counts, and whoever it may be an answer to is told.
    fn pass_over(&mut self, passed: &PassedOver) {
        self.management.received();
        self.learned.n_passed_over.fetch_add(1, Ordering::Relaxed);
        let from = passed.from.as_deref().and_then(|from| Jid::new(from).ok());
        for sent in self.in_flight.values() {
            let to = sent.probe.to();
            // Without an address that can be read, it may be anybody's.
            let may_answer = from.as_ref().is_none_or(|from| {
                from.to_bare() == to.to_bare() || (from.node().is_none() && from.domain() == to.domain())
            });
            if may_answer {
                sent.tell(MessageEvent::PassedOver(passed.clone()));
            }
        }
    }

    fn manage(&mut self, element: &Element) {
        match self.management.read(element) {
            Said::Nothing => {}
            Said::Refused => {
                let unproven: Vec<String> = self.in_flight.keys().cloned().collect();
                for probe in unproven {
                    let _ = self.ping_pool_behind(&probe);
                }
            }
            Said::Counted(count) => self.acknowledged(count),
            Said::Asked(answer) => self.reply(&answer),
        }
    }

    fn acknowledged(&mut self, count: u32) {
        let sent = self.management.n_sent();
        if !covers(sent, count) {
            for message in self.in_flight.values() {
                message.tell(MessageEvent::Overcounted { said: count, sent });
            }
            return;
        }
        for message in self.in_flight.values_mut() {
            // What has not been written yet was not counted by anybody.
            if message.is_written && message.place.is_some_and(|place| covers(count, place)) {
                message.place = None;
                message.tell(MessageEvent::Acknowledged);
            }
        }
    }

    fn read_stanza(&mut self, stanza: Element) {
        match &*stanza.name {
            "message" => self.read_message(stanza),
            "iq" => match answer_request(&stanza) {
                Some(answer) => self.reply(&answer),
                None => self.read_answer(stanza),
            },
            _ => {}
        }
    }

    fn read_message(&mut self, message: Element) {
        let from = sender(&message);
        for sent in self.in_flight.values_mut() {
            let returned =
                sent.fences.iter().enumerate().find_map(|(n, (_, fence))| {
                    fence.returned(&message, from.as_ref()).map(|error| (n, error))
                });
            if let Some((n, error)) = returned {
                let (party, _) = sent.fences.swap_remove(n);
                sent.tell(MessageEvent::FenceReturned(party, error));
                return;
            }
        }
        let mut is_about_one = false;
        // What does not say which message it is about is about all of them.
        for sent in self.in_flight.values() {
            if let Some(sign) = sent.probe.sign_from(&message, from.as_ref(), &self.jid) {
                is_about_one = true;
                sent.tell_sign(sign, &message);
            }
        }
        if !is_about_one {
            self.told.read(&message, from.as_ref(), &self.jid);
        }
        let seen = self
            .expected
            .iter()
            .position(|(expected, _)| is_probe(&message, &expected.id, &expected.nonce, &expected.sender));
        if let Some(seen) = seen {
            let (expected, news) = self.expected.swap_remove(seen);
            if let Some([_, echo]) = answer(&message, Some(&expected.witness)) {
                self.reply(&echo);
            }
            tell(&news, MessageEvent::Seen(message.clone()));
        }
        if let Some(listener) = &self.test_listener
            && let Some(test) = ReceivedTest::of(&message)
            && listener.try_send(test).is_err()
        {
            self.learned.n_dropped.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(listener) = &self.listener {
            let _ = listener.try_send(message);
        }
    }

    fn read_answer(&mut self, iq: Element) {
        let Some(id) = iq.attribute("id") else { return };
        let Some(waiting) = self.waiting.get(id) else { return };
        if !waiting.is_from(&iq, &self.jid) {
            return;
        }
        let Some(waiting) = self.waiting.remove(id) else { return };
        let answer = match iq.attribute("type") {
            Some("result") => Ok(iq),
            _ => Err(StanzaError::of(&iq)),
        };
        let (probe, event) = match (waiting, answer) {
            (Waiting::Caller { reply, .. }, answer) => {
                let _ = reply.send(answer);
                return;
            }
            (Waiting::Software, Ok(answer)) => {
                if let Some(software) = ServerSoftware::of(&answer) {
                    let _ = self.learned.software.set(software);
                }
                return;
            }
            (Waiting::Software | Waiting::Description { .. } | Waiting::PartnerSoftware { .. }, Err(_)) => {
                return;
            }
            (Waiting::SignOfLife, _) => return,
            (Waiting::Description { probe, .. }, Ok(_)) => (probe, MessageEvent::PartnerDescribed),
            (Waiting::PartnerSoftware { probe, .. }, Ok(answer)) => match ServerSoftware::of(&answer) {
                Some(software) => (probe, MessageEvent::PartnerSoftware(software)),
                None => return,
            },
            (Waiting::PoolLater { probe }, _) => (probe, MessageEvent::PoolAlive),
            (Waiting::PartnerLater { probe, .. }, answer) => {
                (probe, MessageEvent::PartnerLater(answer.err()))
            }
            // Whatever our own server says to a ping behind the message, it has read the message.
            (Waiting::Pool { probe }, _) => (probe, MessageEvent::PoolAnswered),
            (Waiting::Fence { probe, .. }, Ok(_)) => (probe, MessageEvent::FenceAnswered),
            (Waiting::Fence { probe, .. }, Err(error)) => (probe, MessageEvent::FenceFailed(error)),
        };
        if let Some(message) = self.in_flight.get(&probe) {
            message.tell(event);
        }
    }

    /// Answers, unless the peer asks without reading: then it would fill the memory.
    fn reply(&mut self, answer: &Element) {
        if self.stream.n_queued() < MAX_QUEUED {
            let _ = match &*answer.ns {
                ns::MANAGEMENT => self.stream.queue(answer).map(|_| ()),
                _ => self.queue(answer),
            };
        }
    }
}

impl InFlight {
    fn tell(&self, event: MessageEvent) {
        tell(&self.news, event);
    }

    /// Tells what a stanza says about the message; where nobody listens any more, that it is late.
    fn tell_sign(&self, sign: Sign, stanza: &Element) {
        let event = MessageEvent::Sign(sign.clone(), stanza.clone());
        let told = self.news.try_send(News { at: Instant::now(), event });
        if let (Err(TrySendError::Closed(_)), Some(late), true) = (told, &self.late, sign.is_against()) {
            late::tell(late, self.probe.id(), sign, stanza);
        }
    }
}

/// Tells without waiting: who is flooded with news about one message loses some.
fn tell(news: &mpsc::Sender<News>, event: MessageEvent) {
    let _ = news.try_send(News { at: Instant::now(), event });
}

/// A question without content in this namespace.
fn question(id: &str, to: &str, namespace: &'static str) -> Element {
    Element::new("iq", ns::CLIENT)
        .with_attribute("type", "get")
        .with_attribute("id", id)
        .with_attribute("to", to)
        .with_child(Element::new("query", namespace))
}

fn keepalive(idle: Duration) -> Interval {
    every((idle / 2).max(Duration::from_secs(1)))
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn tick(keepalive: &mut Option<Interval>) {
    match keepalive {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

async fn passed(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// A message that is too long for the pool is a fault of Send, everything else of the stream.
pub(super) fn send_fault(fault: stream::Fault) -> super::Fault {
    if let stream::Fault::TooLong { n_bytes, limit } = fault {
        return message::Fault::TooLong { n_bytes, limit }.into();
    }
    fault.into()
}

/// The id of the ping that asks for a sign of life.
const SIGN_OF_LIFE: &str = "alive";
/// Orders that wait for the task, and news that wait for one verification.
const QUEUE: usize = 64;
/// Test messages that wait to be answered: of each no more is kept than its answer needs.
const BACKLOG: usize = 4096;
/// Bytes that may wait for a peer that does not read.
const MAX_QUEUED: usize = 256 * 1024;
