//! The task of a session, which owns its stream: it writes what it is ordered to, reads what comes, and tells whoever
//! it concerns.
//!
//! What is flooded is dropped: news that nobody takes in time, and answers to a peer that does not read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jid::{FullJid, Jid};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::late::{self, LateNews, ToldMessages};
use super::management::{Management, Said, covers};
use super::waiting::Waiting;
use super::{
    Expectation, Fences, Inquiry, Learned, MessageEvent, News, Party, ServerSoftware, SessionCommand, Upkeep,
};
use crate::xmpp::bind::BoundStream;
use crate::xmpp::condition::StanzaError;
use crate::xmpp::message::{
    FenceMessage, ReceivedTest, Sign, TestMessage, answer, answer_request, is_probe, ping, question,
    receipt_alone, sender,
};
use crate::xmpp::stream::{self, Stream};
use crate::xmpp::xml::{Element, PassedOver, ns};

/// The side of a session that owns the stream.
pub(super) struct Task<Io> {
    stream: Stream<Io, BoundStream>,
    jid: FullJid,
    management: Management,
    in_flight: HashMap<String, InFlight>,
    told: ToldMessages,
    expected: Vec<(Expectation, mpsc::Sender<News>)>,
    waiting: HashMap<String, Waiting>,
    /// The number of questions at which those whose answers nobody waits for are forgotten.
    forget_at: usize,
    listener: Option<mpsc::Sender<Element>>,
    test_listener: Option<mpsc::Sender<ReceivedTest>>,
    learned: Arc<Learned>,
    /// Whether the server was asked for its software.
    has_asked: bool,
    last_use: tokio::time::Instant,
}

/// A message on its way.
pub(super) struct InFlight {
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
    pub(super) fn new(mut stream: Stream<Io, BoundStream>, jid: FullJid, learned: Arc<Learned>) -> Self {
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
            forget_at: FEW_WAITING,
            listener: None,
            test_listener: None,
            learned,
            has_asked: false,
            last_use: tokio::time::Instant::now(),
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<SessionCommand>, upkeep: Upkeep) {
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
            SessionCommand::AskSoftware { id } => {
                let _ = self.ask_software(id);
            }
            SessionCommand::Request { iq, id, from, reply } => {
                self.forget_given_up();
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
        self.forget_given_up();
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

    /// Forgets the questions whose answers nobody waits for, once they may be as many as the others.
    fn forget_given_up(&mut self) {
        if self.waiting.len() < self.forget_at {
            return;
        }
        self.waiting.retain(|_, waiting| !waiting.is_given_up(&self.in_flight));
        self.forget_at = FEW_WAITING.max(self.waiting.len() * 2);
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
        let (one, all) = match receipt_alone(&message) {
            Some(id) => (self.in_flight.get(id), None),
            None => (None, Some(self.in_flight.values())),
        };
        for sent in one.into_iter().chain(all.into_iter().flatten()) {
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

/// Questions that are kept without a look at whether their answers are waited for.
const FEW_WAITING: usize = 64;
/// The id of the ping that asks for a sign of life.
const SIGN_OF_LIFE: &str = "alive";
/// Bytes that may wait for a peer that does not read.
const MAX_QUEUED: usize = 256 * 1024;
