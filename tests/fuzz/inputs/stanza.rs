//! Stanzas that come while evidence is waited for: only an answer with our marks is one, and no words of a
//! server get out of their quotation.

use std::time::Duration;

use imsh::internals::diagnosis::{Context, Given, SentStanza, diagnose};
use imsh::internals::topology::Security;
use imsh::internals::xmpp::condition::StanzaError;
use imsh::internals::xmpp::deliver::{Bounce, ErrorOrigin, Fault, Fence, Order};
use imsh::internals::xmpp::message::{TestMessage, answer, is_live};
use imsh::internals::xmpp::trace::Trace;
use imsh::internals::xmpp::xml::{Element, StreamReader, XmlFrame};
use jid::{FullJid, Jid};

/// What comes behind the server's stream header.
pub fn try_one(data: &[u8]) {
    let stream = [super::HEADER.as_bytes(), data].concat();
    let stanzas = super::block_on(async {
        let mut reader = StreamReader::new(&stream[..]);
        let mut stanzas = Vec::new();
        while let Ok(frame) = reader.next().await {
            if let XmlFrame::Stanza(stanza) = frame {
                stanzas.push(stanza);
            }
        }
        stanzas
    });
    for stanza in &stanzas {
        look_at(stanza);
    }
}

fn look_at(stanza: &Element) {
    let own = FullJid::new("kenmyer@litwareinc.com/desk").unwrap();
    let probe =
        TestMessage::with_marks(Jid::new("adelany@contoso.com").unwrap(), "A test.", "id-1", "nonce-1");
    let is_marked = stanza.to_string().contains("id-1") || stanza.to_string().contains("nonce-1");
    let sign = probe.sign(stanza, &own);
    // An error of the receiver that says nothing at all of what it is about is about everything.
    let is_about_anything = stanza.attribute("type") == Some("error") && stanza.attribute("id").is_none();
    assert!(sign.is_none() || is_marked || is_about_anything, "{stanza} is a sign of {sign:?}");
    let _ = is_live(stanza);
    for answer in answer(stanza, Some("adelany@contoso.com")).into_iter().flatten() {
        let _ = answer.to_string();
    }
    bounce(StanzaError::of(stanza));
}

fn bounce(error: StanzaError) {
    let origins = [ErrorOrigin::Pool, ErrorOrigin::Partner, ErrorOrigin::Other, ErrorOrigin::Unclear];
    let sent = [(SentStanza::Message, "adelany@contoso.com"), (SentStanza::Ping, "contoso.com")];
    for (origin, (sent, receiver)) in origins.iter().flat_map(|origin| sent.map(|sent| (*origin, sent))) {
        let bounce = Box::new(Bounce {
            error: error.clone(),
            from: receiver.to_owned(),
            origin,
            after: Duration::from_millis(20),
            order: Order::BeforeFence,
        });
        let fault = Fault::Bounced { bounce, fence: Fence::Open };
        let context = Context {
            pool: "atl-cs-001.litwareinc.com",
            pool_listed: true,
            sender: "kenmyer@litwareinc.com",
            receiver: Some(receiver),
            sent,
            partner_listed: true,
            serves_sender: true,
            security: Security::Auto,
            witnessed: false,
            answer_promised: false,
            given: Given::default(),
            look: None,
        };
        let finding = diagnose(&fault.into(), &Trace::new(), &context);
        for text in [finding.error(), finding.diagnosis()] {
            super::assert_harmless(&text);
            assert!(!text.contains('\n') && text.chars().count() < 4000, "{text}");
        }
    }
}
