//! Late news: what comes back of a message when its result is there already.
//!
//! Servers have sent errors 2, 3 and 20 s after the partner's server had taken a message. A session that
//! stays open remembers the latest messages, and tells of an error of one of them, or of words that it is held.
//! Tells each of it once; never waits for any.

use std::collections::VecDeque;
use std::time::Instant;

use jid::{FullJid, Jid};
use tokio::sync::mpsc;

use crate::xmpp::message::{Sign, TestMessage, may_be_against};
use crate::xmpp::xml::Element;

/// The channel for late news.
pub type LateNews = mpsc::UnboundedSender<LateSign>;

/// A sign about a message that came back after its result.
#[derive(Clone, Debug)]
pub struct LateSign {
    /// The id of the message.
    pub message: String,
    /// The instant at which the sign came.
    pub at: Instant,
    /// The reading of the stanza: an error, or words that the message is held.
    pub sign: Sign,
    /// The stanza.
    pub stanza: Element,
}

/// The latest messages whose results are there.
#[derive(Debug, Default)]
pub(super) struct ToldMessages(VecDeque<(TestMessage, LateNews)>);

impl ToldMessages {
    /// Remembers one; forgets the oldest where there are too many.
    pub(super) fn remember(&mut self, message: TestMessage, news: LateNews) {
        if self.0.len() == MOST_TOLD {
            self.0.pop_front();
        }
        self.0.push_back((message.without_body(), news));
    }

    /// Tells whoever waits for late news of the message that a stanza speaks against.
    pub(super) fn read(&mut self, stanza: &Element, from: Option<&Jid>, own: &FullJid) {
        if !may_be_against(stanza) {
            return;
        }
        let said = |(message, _): &(TestMessage, LateNews)| {
            message.sign_from(stanza, from, own).filter(Sign::is_against)
        };
        let found = self.0.iter().enumerate().rev().find_map(|(n, told)| Some((n, said(told)?)));
        if let Some((n, sign)) = found
            && let Some((message, news)) = self.0.remove(n)
        {
            tell(&news, message.id(), sign, stanza);
        }
    }
}

/// Tells late news of one message; whoever waited for them may have gone.
pub(super) fn tell(news: &LateNews, message: &str, sign: Sign, stanza: &Element) {
    let late = LateSign { message: message.to_owned(), at: Instant::now(), sign, stanza: stanza.clone() };
    let _ = news.send(late);
}

/// Messages that a session remembers: more than its busiest batch sends in the time of the latest errors seen.
pub const MOST_TOLD: usize = 1024;
