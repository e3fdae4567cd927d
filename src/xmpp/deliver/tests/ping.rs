//! Pings of a domain through a server that answers as it is told.

use super::*;
use crate::xmpp::stream;

/// What the server does with a question.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Result,
    /// An error with this condition, signed by this domain where one is named.
    Error(&'static str, &'static str),
    /// A result from somebody else.
    FromAnother,
    Nothing,
    /// Ends the stream.
    Closes,
}

use Told::{Closes, Error, FromAnother, Nothing, Result as Answers};

/// What is told of the ping, of the question behind it, and of the pings of the pool.
type Script = (Told, Told, [Told; 2]);

/// Answers every question as the script has it.
async fn serve(mut client: Client, (ping, described, [behind, later]): Script) {
    while let Some(iq) = client.hear().await {
        let id = iq.attribute("id").unwrap();
        let told = match id.split_once('-') {
            Some((_, "pool")) => behind,
            Some((_, "later")) => later,
            Some((_, "described")) => described,
            Some((_, "version")) => Nothing,
            _ => ping,
        };
        let to = iq.attribute("to").unwrap();
        let answer = |kind: &str, from: &str| {
            Element::new("iq", ns::CLIENT)
                .with_attribute("type", kind)
                .with_attribute("id", id)
                .with_attribute("from", from)
        };
        match told {
            Answers => client.say(&answer("result", to)).await,
            FromAnother => client.say(&answer("result", "fabrikam.com")).await,
            Error(condition, by) => {
                let error = Element::new("error", ns::CLIENT).with_attribute("type", "cancel");
                let error = if by.is_empty() { error } else { error.with_attribute("by", by) };
                let error = error.with_child(Element::new(condition, ns::STANZA_ERRORS));
                client.say(&answer("error", to).with_child(error)).await;
            }
            Nothing => {}
            Closes => return,
        }
    }
}

async fn pinged(domain: &str, script: Script) -> DeliveredPing {
    let (ours, client) = session("kenmyer@litwareinc.com/a").await;
    let serving = tokio::spawn(serve(client, script));
    let (progress, reached) = watch::channel(None);
    let domain = Jid::new(domain).unwrap().domain().to_owned();
    let within = Duration::from_millis(600);
    let wanted = PingRequest { domain, within, cancel: CancellationToken::new(), progress };
    let delivered = ping(&ours, &wanted, &mut Trace::new()).await;
    let proven = delivered.proofs.iter().map(|proven| proven.proof.evidence()).max();
    assert_eq!(*reached.borrow(), proven, "whoever waits is told what is proven");
    assert_eq!(delivered.latency.is_some(), delivered.outcome.is_ok());
    serving.abort();
    delivered
}

const POOL_ANSWERS: [Told; 2] = [Answers, Answers];
const UNSIGNED: Told = Error("service-unavailable", "");

#[tokio::test]
async fn only_an_answer_that_nobody_else_can_have_made_is_one() {
    let answered: &[(&str, Script)] = &[
        ("contoso.com", (Answers, Nothing, POOL_ANSWERS)),
        // The pool's silence speaks against nothing that the domain has said.
        ("contoso.com", (Answers, Nothing, [Nothing, Nothing])),
        ("contoso.com", (Error("feature-not-implemented", ""), Nothing, POOL_ANSWERS)),
        ("contoso.com", (Error("service-unavailable", "contoso.com"), Nothing, POOL_ANSWERS)),
        ("contoso.com", (UNSIGNED, Answers, POOL_ANSWERS)),
        ("contoso.com", (UNSIGNED, Error("feature-not-implemented", ""), POOL_ANSWERS)),
        ("contoso.com", (UNSIGNED, Error("forbidden", "contoso.com"), POOL_ANSWERS)),
        ("litwareinc.com", (UNSIGNED, Nothing, POOL_ANSWERS)),
    ];
    for (domain, script) in answered {
        let delivered = pinged(domain, *script).await;
        assert!(delivered.outcome.is_ok(), "{delivered:?}");
        let pong = delivered.answer == Some(PingAnswer::Pong);
        assert_eq!(pong, script.0 == Answers, "{delivered:?}");
    }
    let bounced: &[Script] = &[
        (UNSIGNED, Nothing, POOL_ANSWERS),
        (UNSIGNED, UNSIGNED, POOL_ANSWERS),
        (UNSIGNED, FromAnother, POOL_ANSWERS),
        (Error("forbidden", ""), Error("forbidden", ""), POOL_ANSWERS),
        // What the pool signs, and what servers say of others, needs no question more.
        (Error("forbidden", "litwareinc.com"), Answers, POOL_ANSWERS),
        (Error("feature-not-implemented", "litwareinc.com"), Answers, POOL_ANSWERS),
        (Error("remote-server-not-found", ""), Answers, POOL_ANSWERS),
        (Error("remote-server-timeout", ""), Answers, [Nothing, Nothing]),
        (Error("remote-server-timeout", "contoso.com"), Answers, POOL_ANSWERS),
        (Error("forbidden", "somebody.example"), Nothing, POOL_ANSWERS),
        // A domain that refuses us, or is in trouble, is not well.
        (Error("forbidden", "contoso.com"), Answers, POOL_ANSWERS),
        (Error("policy-violation", "contoso.com"), Answers, POOL_ANSWERS),
        (Error("not-allowed", "contoso.com"), Nothing, POOL_ANSWERS),
        (Error("internal-server-error", "contoso.com"), Answers, POOL_ANSWERS),
        (Error("resource-constraint", ""), Answers, POOL_ANSWERS),
        (Error("gone", "contoso.com"), Answers, POOL_ANSWERS),
    ];
    for script in bounced {
        let delivered = pinged("contoso.com", *script).await;
        let fault = Some(&delivered.outcome).and_then(|outcome| outcome.as_ref().err());
        assert!(matches!(fault, Some(crate::xmpp::Fault::Deliver(Fault::Bounced { .. }))), "{delivered:?}");
        assert!(matches!(delivered.answer, Some(PingAnswer::Error(_))), "{delivered:?}");
    }
}

#[tokio::test]
async fn the_pool_is_asked_whose_the_silence_is() {
    for (script, wanted) in [
        ((Nothing, Answers, POOL_ANSWERS), Some(Evidence::AcceptedByPool)),
        ((FromAnother, Answers, POOL_ANSWERS), Some(Evidence::AcceptedByPool)),
        ((Nothing, Answers, [Nothing, Answers]), Some(Evidence::AcceptedByPool)),
        ((Nothing, Answers, [Nothing, Nothing]), None),
    ] {
        let delivered = pinged("contoso.com", script).await;
        let Err(crate::xmpp::Fault::Deliver(Fault::Silent { reached, .. })) = delivered.outcome else {
            panic!("{delivered:?}")
        };
        assert_eq!((reached, delivered.answer), (wanted, None));
    }
    let stopped = pinged("contoso.com", (Nothing, Answers, [Answers, Nothing])).await;
    let is_stopped = matches!(stopped.outcome, Err(crate::xmpp::Fault::Deliver(Fault::PoolStopped { .. })));
    assert!(is_stopped, "{stopped:?}");
    let lost = pinged("contoso.com", (Closes, Answers, POOL_ANSWERS)).await;
    let is_lost = matches!(
        lost.outcome,
        Err(crate::xmpp::Fault::Stream(stream::Fault::Xml(_) | stream::Fault::Closed))
    );
    assert!(is_lost && lost.answer.is_none(), "{lost:?}");
}

#[tokio::test]
async fn a_ping_that_nobody_waits_for_any_more_ends_at_once() {
    let (ours, client) = session("kenmyer@litwareinc.com/a").await;
    tokio::spawn(serve(client, (Nothing, Nothing, POOL_ANSWERS)));
    let (progress, _) = watch::channel(None);
    let domain = Jid::new("contoso.com").unwrap().domain().to_owned();
    let wanted =
        PingRequest { domain, within: Duration::from_secs(60), cancel: CancellationToken::new(), progress };
    let cancelled = async {
        tokio::task::yield_now().await;
        wanted.cancel.cancel();
    };
    let mut trace = Trace::new();
    let (delivered, ()) = tokio::join!(ping(&ours, &wanted, &mut trace), cancelled);
    assert!(matches!(delivered.outcome, Err(crate::xmpp::Fault::Cancelled)), "{delivered:?}");
}
