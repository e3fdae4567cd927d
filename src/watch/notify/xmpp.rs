//! XMPP: the notice is sent as a message, through a pool that is not the one which fails.
//!
//! Logs on with our own client path as the pool's first test user. It is an ordinary message, which a server
//! keeps for somebody who is off line. It is taken when the pool has it and no error came back at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{DeliveryFault, Means, NoticeMessage};
use crate::address::Address;
use crate::topology::{Notification, Topology};
use crate::verify::plan::{Ask, deadlines, plan_logon};
use crate::verify::sessions::{End, Sessions};
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::TraceObserver;
use crate::xmpp::xml::{Element, ns};

pub(super) async fn send(
    means: &Means,
    notification: &Notification,
    message: &NoticeMessage,
) -> Result<(), DeliveryFault> {
    let topology = means.context.topology.read().map_err(|error| DeliveryFault::NotNow(error.message))?;
    let mut last = DeliveryFault::NotNow("no pool of the topology lends a test user".to_owned());
    for pool in ways(&topology, notification, message).iter().take(MOST_WAYS) {
        match through(means, &topology, pool, &notification.to, message).await {
            Ok(()) => return Ok(()),
            Err(fault) => last = DeliveryFault::NotNow(format!("through {pool}: {fault}")),
        }
    }
    Err(last)
}

/// The pools to send through: the one that is named, or first those that the notice is not about.
fn ways(topology: &Topology, notification: &Notification, message: &NoticeMessage) -> Vec<String> {
    if let Some(pool) = &notification.pool {
        return vec![pool.to_string()];
    }
    let lends = topology.pools.iter().filter(|pool| !pool.test_users.is_empty());
    let names = lends.map(|pool| pool.identity.to_string());
    let is_failing = |name: &String| message.pairs.iter().any(|pair| pair.pool == *name);
    let (failing, well): (Vec<String>, Vec<String>) = names.partition(is_failing);
    well.into_iter().chain(failing).collect()
}

async fn through(
    means: &Means,
    topology: &Topology,
    pool: &str,
    receivers: &[Address],
    message: &NoticeMessage,
) -> Result<(), String> {
    let vault = || means.context.vault.open();
    let account = tokio::task::block_in_place(|| plan_logon(topology, &vault, pool, &Ask::default()))
        .map_err(|refusal| refusal.error(pool, &topology.place()).message)?;
    let network = means.context.network(topology);
    let (sessions, cancel) =
        (Sessions::remembering(means.context.refused.get().cloned()), CancellationToken::new());
    let deadlines = deadlines(&topology.gateway, None);
    let watcher = TraceObserver::default();
    let logged = sessions
        .get(&account, End::Sender, &deadlines, &network, &watcher, &cancel)
        .await
        .map_err(|_| format!("{} was refused, and is not tried again", account.address))?;
    let session = logged.shared.session.as_ref().map_err(|fault| format!("no logon: {fault}"))?;
    let told = tell(session, receivers, message).await;
    drop(logged);
    sessions.close(&cancel).await;
    told
}

async fn tell(session: &XmppSession, receivers: &[Address], message: &NoticeMessage) -> Result<(), String> {
    let mut answers = session.listen().await.map_err(|fault| fault.to_string())?;
    for receiver in receivers {
        let stanza = Element::new("message", ns::CLIENT)
            .with_attribute("type", "chat")
            .with_attribute("id", format!("{}/{receiver}", message.key))
            .with_attribute("to", receiver.to_string())
            .with_child(Element::new("body", ns::CLIENT).with_text(&message.text));
        session.say(stanza).await.map_err(|fault| fault.to_string())?;
    }
    session.ping_pool().await.map_err(|fault| fault.to_string())?;
    let bounce = async {
        while let Some(answer) = answers.recv().await {
            let is_ours = answer.attribute("id").is_some_and(|id| id.starts_with(&message.key));
            if is_ours && answer.attribute("type") == Some("error") {
                let from = answer.attribute("from").unwrap_or_default();
                let condition = answer.child("error", ns::CLIENT).and_then(|error| error.elements().next());
                let name = condition.map(|condition| condition.name.to_string()).unwrap_or_default();
                return format!("{from} sent it back: {name}");
            }
        }
        "the session ended".to_owned()
    };
    match tokio::time::timeout(WAIT_FOR_ERROR, bounce).await {
        Ok(fault) => Err(fault),
        Err(_) => Ok(()),
    }
}

/// Through how many pools a notice is tried in one delivery.
const MOST_WAYS: usize = 3;
/// The time that an error is waited for.
const WAIT_FOR_ERROR: Duration = Duration::from_secs(1);
