//! Deliveries between two sessions, and many at once on one, through a server that is a few lines long.

mod ping;

use std::collections::HashSet;

use jid::{BareJid, FullJid, Jid};
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use super::*;
use crate::xmpp::bind::BoundStream;
use crate::xmpp::secure::{ChannelBindings, VerifiedTls};
use crate::xmpp::session::Upkeep;
use crate::xmpp::stream::{Secured, Stream};
use crate::xmpp::xml::{Element, StreamReader, XmlFrame, ns};

/// The server's end of one client's stream.
struct Client {
    jid: FullJid,
    reader: StreamReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
}

impl Client {
    async fn say(&mut self, element: &Element) {
        self.writer.write_all(element.to_string().as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Option<Element> {
        match self.reader.next().await {
            Ok(XmlFrame::Stanza(stanza)) => Some(stanza),
            Ok(XmlFrame::Open(_) | XmlFrame::Close) | Err(_) => None,
        }
    }

    /// Answers a request of the client without content, in the name of the entity that it asked.
    async fn answer(&mut self, iq: &Element) {
        let answer = Element::new("iq", ns::CLIENT)
            .with_attribute("type", "result")
            .with_attribute("id", iq.attribute("id").unwrap())
            .with_attribute("from", iq.attribute("to").unwrap());
        self.say(&answer).await;
    }
}

async fn session(jid: &str) -> (XmppSession, Client) {
    let jid = FullJid::new(jid).unwrap();
    let (near, far) = duplex(256 * 1024);
    let (reader, mut writer) = split(far);
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' id='1' from='{}' version='1.0'><stream:features/>",
        jid.domain()
    );
    writer.write_all(header.as_bytes()).await.unwrap();
    let io = VerifiedTls::in_memory(near, ChannelBindings::default());
    let account = BareJid::new(jid.to_bare().as_str()).unwrap();
    let stream = Stream::<_, Secured>::open(io, &account, &mut Trace::new()).await.unwrap();
    let session = XmppSession::start(stream.into_state(BoundStream { jid: jid.clone() }), Upkeep::default());
    let mut client = Client { jid, reader: StreamReader::new(reader), writer };
    client.reader.next().await.unwrap();
    (session, client)
}

/// Whether what the receiver sends finds its way back.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Open,
    Closed,
}

/// Both servers in one: carries messages from one client to the other, and answers for both domains.
async fn carry(mut sender: Client, mut receiver: Client, back: Way) {
    loop {
        let (stanza, is_from_sender) = tokio::select! {
            stanza = sender.hear() => (stanza, true),
            stanza = receiver.hear() => (stanza, false),
        };
        let Some(stanza) = stanza else { return };
        let (from, to) =
            if is_from_sender { (&mut sender, &mut receiver) } else { (&mut receiver, &mut sender) };
        match &*stanza.name {
            "iq" => from.answer(&stanza).await,
            "message" if is_from_sender || back == Way::Open => {
                let carried = stanza.with_attribute("from", from.jid.as_str());
                to.say(&carried).await;
            }
            _ => {}
        }
    }
}

fn wanted(minimum: Evidence, within: u64) -> DeliveryRequest {
    DeliveryRequest {
        minimum,
        within: Duration::from_millis(within),
        linger: Duration::from_millis(50),
        linger_within: Duration::from_millis(within),
        fence: FenceKind::default(),
        cancel: CancellationToken::new(),
        progress: None,
        late: None,
    }
}

fn probe(to: &str) -> TestMessage {
    TestMessage::new(Jid::new(to).unwrap(), "A test.").unwrap()
}

fn proofs(delivery: &Delivery) -> Vec<&Proof> {
    delivery.proofs.iter().map(|proven| &proven.proof).collect()
}

#[tokio::test]
async fn a_message_and_its_answer_between_two_sessions_of_ours_prove_both_ways() {
    let (ours, sender) = session("kenmyer@litwareinc.com/a").await;
    let (theirs, receiver) = session("adelany@contoso.com/b").await;
    tokio::spawn(carry(sender, receiver, Way::Open));
    theirs.become_available().await.unwrap();
    let wanted = wanted(Evidence::Exchanged, 5000);
    let mut trace = Trace::new();
    let delivery = deliver(&ours, Some(&theirs), probe("adelany@contoso.com"), &wanted, &mut trace).await;
    assert!(matches!(delivery.outcome, Ok(Evidence::Exchanged)), "{delivery:?}");
    assert!(proofs(&delivery).contains(&&Proof::SeenBySecondSession), "{delivery:?}");
    assert!(proofs(&delivery).contains(&&Proof::AnswerFromSecondSession), "{delivery:?}");
    assert!(delivery.latency <= Some(delivery.elapsed));
    assert_eq!(
        trace.steps().iter().map(|step| step.phase).collect::<Vec<_>>(),
        [Phase::Send, Phase::Deliver]
    );
}

#[tokio::test]
async fn a_message_that_arrives_and_is_never_answered_is_a_fault_of_the_way_back() {
    let (ours, sender) = session("kenmyer@litwareinc.com/a").await;
    let (theirs, receiver) = session("adelany@contoso.com/b").await;
    tokio::spawn(carry(sender, receiver, Way::Closed));
    let wanted = wanted(Evidence::Exchanged, 2000);
    let receiver = Some(&theirs);
    let delivery = deliver(&ours, receiver, probe("adelany@contoso.com"), &wanted, &mut Trace::new()).await;
    assert!(
        matches!(delivery.outcome, Err(crate::xmpp::Fault::Deliver(Fault::ReturnPath { .. }))),
        "{delivery:?}"
    );
    assert_eq!(delivery.reached, Some(Evidence::Delivered));
}

/// Passes stanzas between the two ends, and shows our session at the receiver's server a forgery in the place of
/// the message.
async fn forge(mut sender: Client, mut receiver: Client, forgery: fn(Element) -> Element) {
    loop {
        let (stanza, is_from_sender) = tokio::select! {
            stanza = sender.hear() => (stanza, true),
            stanza = receiver.hear() => (stanza, false),
        };
        let Some(stanza) = stanza else { return };
        match (&*stanza.name, is_from_sender) {
            ("iq", true) => sender.answer(&stanza).await,
            ("iq", false) => receiver.answer(&stanza).await,
            ("message", true) => {
                receiver.say(&forgery(stanza.with_attribute("from", sender.jid.as_str()))).await;
            }
            // Whatever our session answers would find its way back.
            ("message", false) => sender.say(&stanza.with_attribute("from", receiver.jid.as_str())).await,
            _ => {}
        }
    }
}

#[tokio::test]
async fn our_session_at_the_receivers_end_takes_nothing_else_for_the_message() {
    let forgeries: [fn(Element) -> Element; 7] = [
        |message| message.with_attribute("from", "mallory@litwareinc.com/a"),
        |message| message.with_attribute("from", "litwareinc.com"),
        |message| message.with_attribute("id", "another"),
        |message| message.with_attribute("type", "error"),
        |message| message.with_child(Element::new("delay", ns::DELAY)),
        |message| {
            let children = message.elements().filter(|child| child.name != "probe").cloned();
            let probe = Element::new("probe", ns::PROBE).with_attribute("nonce", "another");
            let bare = Element::new("message", ns::CLIENT)
                .with_attribute("id", message.attribute("id").unwrap())
                .with_attribute("from", message.attribute("from").unwrap())
                .with_child(probe);
            children.fold(bare, Element::with_child)
        },
        |message| {
            let from = "adelany@contoso.com";
            let forwarded = Element::new("forwarded", ns::FORWARD).with_child(message);
            let copy = Element::new("received", ns::CARBONS).with_child(forwarded);
            Element::new("message", ns::CLIENT).with_attribute("from", from).with_child(copy)
        },
    ];
    let deliveries = forgeries.into_iter().map(|forgery| async move {
        let (ours, sender) = session("kenmyer@litwareinc.com/a").await;
        let (theirs, receiver) = session("adelany@contoso.com/b").await;
        tokio::spawn(forge(sender, receiver, forgery));
        let wanted = wanted(Evidence::Exchanged, 3000);
        deliver(&ours, Some(&theirs), probe("adelany@contoso.com"), &wanted, &mut Trace::new()).await
    });
    for (n, delivery) in futures_util::future::join_all(deliveries).await.into_iter().enumerate() {
        assert!(
            matches!(delivery.outcome, Err(crate::xmpp::Fault::Deliver(Fault::Silent { .. }))),
            "forgery {n}: {delivery:?}"
        );
        assert_eq!(delivery.reached, Some(Evidence::AcceptedByPartner), "forgery {n}");
    }
}

#[tokio::test]
async fn many_messages_on_one_session_get_each_their_own_verdict() {
    const N: usize = 40;
    let (ours, mut server) = session("kenmyer@litwareinc.com/a").await;
    // Bounces every second message, and answers all in the wrong order of receivers.
    tokio::spawn(async move {
        let mut messages = Vec::new();
        while let Some(stanza) = server.hear().await {
            match (&*stanza.name, stanza.attribute("to")) {
                // The message fence is taken and never sent back.
                ("message", Some(to)) if to.starts_with("contoso.com/") => {}
                ("message", _) => messages.push(stanza),
                (_, Some("contoso.com")) => messages.push(stanza),
                _ => server.answer(&stanza).await,
            }
            if messages.len() < 2 * N {
                continue;
            }
            for stanza in std::mem::take(&mut messages) {
                let to = stanza.attribute("to").unwrap().to_owned();
                if stanza.name == "iq" {
                    server.answer(&stanza).await;
                } else if to.starts_with("gone") {
                    let error = Element::new("error", ns::CLIENT)
                        .with_child(Element::new("service-unavailable", ns::STANZA_ERRORS));
                    let bounce = stanza.with_attribute("type", "error").with_attribute("from", to);
                    server.say(&bounce.with_child(error)).await;
                }
            }
        }
    });
    let deliveries = (0..N).map(|n| {
        let ours = ours.clone();
        async move {
            let name = if n % 2 == 0 { "gone" } else { "here" };
            let probe = probe(&format!("{name}{n}@contoso.com"));
            let wanted = wanted(Evidence::AcceptedByPartner, 10_000);
            deliver(&ours, None, probe, &wanted, &mut Trace::new()).await
        }
    });
    let deliveries = futures_util::future::join_all(deliveries).await;
    for (n, delivery) in deliveries.iter().enumerate() {
        let fault = delivery.outcome.as_ref().err();
        let is_bounced =
            matches!(fault, Some(crate::xmpp::Fault::Deliver(Fault::ReceiverUnavailable { .. })));
        assert_eq!((is_bounced, fault.is_none()), (n % 2 == 0, n % 2 == 1), "{delivery:?}");
    }
    let nonces: HashSet<&str> = deliveries.iter().map(|delivery| delivery.probe.nonce()).collect();
    assert_eq!(nonces.len(), N);
}

#[tokio::test]
async fn what_was_learned_survives_a_cancellation() {
    let (ours, mut server) = session("kenmyer@litwareinc.com/a").await;
    tokio::spawn(async move {
        while let Some(stanza) = server.hear().await {
            if stanza.attribute("to") == Some("litwareinc.com") {
                server.answer(&stanza).await;
            }
        }
    });
    let (progress, mut reached) = watch::channel(None);
    let wanted = DeliveryRequest { progress: Some(progress), ..wanted(Evidence::Exchanged, 60_000) };
    let cancel = wanted.cancel.clone();
    let mut trace = Trace::new();
    let (delivery, ()) =
        tokio::join!(deliver(&ours, None, probe("adelany@contoso.com"), &wanted, &mut trace), async {
            reached.wait_for(|reached| *reached == Some(Evidence::AcceptedByPool)).await.unwrap();
            cancel.cancel();
        });
    assert!(matches!(delivery.outcome, Err(crate::xmpp::Fault::Cancelled)), "{delivery:?}");
    assert_eq!(proofs(&delivery), [&Proof::WrittenToStream, &Proof::PoolAnsweredPing]);
    assert_eq!(delivery.reached, Some(Evidence::AcceptedByPool));
}

#[tokio::test]
async fn a_session_ends_in_order_when_its_last_handle_is_gone() {
    let (ours, mut server) = session("kenmyer@litwareinc.com/a").await;
    let other = ours.clone();
    drop(ours);
    assert!(!other.is_over());
    drop(other);
    assert_eq!(server.reader.next().await, Ok(XmlFrame::Close));
}

#[tokio::test]
async fn a_server_that_asks_without_reading_does_not_fill_the_memory_nor_stop_the_session() {
    let (ours, mut server) = session("kenmyer@litwareinc.com/a").await;
    let ping = Element::new("iq", ns::CLIENT)
        .with_attribute("type", "get")
        .with_attribute("from", "x".repeat(500))
        .with_child(Element::new("ping", ns::PING));
    // Ten megabytes of answers would be owed, and none of them is read.
    for n in 0..20_000 {
        server.say(&ping.clone().with_attribute("id", n.to_string())).await;
    }
    let (pinged, ()) = tokio::join!(ours.ping_pool(), async {
        let mut n_read = 0;
        loop {
            let stanza = server.hear().await.unwrap();
            if stanza.attribute("to") == Some("litwareinc.com") {
                server.answer(&stanza).await;
                break;
            }
            n_read += 1;
        }
        assert!(n_read < 2_000, "{n_read} answers were kept");
    });
    pinged.unwrap();
}
