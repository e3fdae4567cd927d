//! XMPP: the notice is sent as a message, through a pool that is not the one which fails.
//!
//! Logs on with our own client path as the pool's first test user. It is an ordinary message, which a server
//! keeps for somebody who is off line. A receiver has taken it when the pool has it and no error came back at once.
//! A notice that the receiver's side sends back is tried through no other pool.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{DeliveryFault, Means, NoticeMessage, not_taken};
use crate::address::Address;
use crate::topology::{Notification, Topology};
use crate::verify::plan::{Ask, deadlines, plan_logon};
use crate::verify::sessions::{End, Sessions};
use crate::xmpp::condition::StanzaError;
use crate::xmpp::deliver::{ErrorOrigin, MessageEnds};
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::TraceObserver;
use crate::xmpp::xml::{Element, ns};

pub(super) async fn send(
    means: &Means,
    notification: &Notification,
    message: &NoticeMessage,
    left: &mut Vec<Address>,
) -> Result<(), DeliveryFault> {
    let topology = means.context.topology.read().map_err(|error| DeliveryFault::NotNow(error.message))?;
    let mut last = DeliveryFault::NotNow("no pool of the topology lends a test user".to_owned());
    // Those who may be reached through another pool, and the faults of the others.
    let (mut unreached, mut faults) = (left.clone(), Vec::new());
    for pool in ways(&topology, notification, message).iter().take(MOST_WAYS) {
        let bounces = match through(means, &topology, pool, &unreached, message).await {
            Ok(bounces) => bounces,
            Err(fault) => {
                last = DeliveryFault::NotNow(format!("through {pool}: {fault}"));
                continue;
            }
        };
        let is_back = |receiver: &Address| bounces.iter().any(|bounce| bounce.receiver == *receiver);
        left.retain(|receiver| !unreached.contains(receiver) || is_back(receiver));
        unreached.clear();
        for bounce in bounces {
            let fault = bounce.fault(pool);
            if bounce.is_of_receivers_side {
                faults.push(fault);
            } else {
                unreached.push(bounce.receiver);
                last = DeliveryFault::NotNow(fault.to_string());
            }
        }
        if unreached.is_empty() {
            break;
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(not_taken(faults.into_iter().chain((!unreached.is_empty()).then_some(last))))
}

/// A notice that came back.
struct NoticeBounce {
    receiver: Address,
    error: StanzaError,
    is_of_receivers_side: bool,
}

impl NoticeBounce {
    /// The fault that it is: one that says that the receiver may take it later is no refusal.
    fn fault(&self, pool: &str) -> DeliveryFault {
        let reason = format!("through {pool}: {} sent it back: {}", self.receiver, self.error.condition);
        match self.error.kind.as_str() {
            "cancel" | "modify" | "auth" if !self.error.condition.is_about_servers() => {
                DeliveryFault::Refused(reason)
            }
            _ => DeliveryFault::NotNow(reason),
        }
    }
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
) -> Result<Vec<NoticeBounce>, String> {
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

/// Sends the notice to each receiver; gives what came back at once.
async fn tell(
    session: &XmppSession,
    receivers: &[Address],
    message: &NoticeMessage,
) -> Result<Vec<NoticeBounce>, String> {
    let mut answers = session.listen().await.map_err(|fault| fault.to_string())?;
    let id = |receiver: &Address| format!("{}/{receiver}", message.key);
    for receiver in receivers {
        let stanza = Element::new("message", ns::CLIENT)
            .with_attribute("type", "chat")
            .with_attribute("id", id(receiver))
            .with_attribute("to", receiver.to_string())
            .with_child(Element::new("body", ns::CLIENT).with_text(&message.text));
        session.say(stanza).await.map_err(|fault| fault.to_string())?;
    }
    session.ping_pool().await.map_err(|fault| fault.to_string())?;
    let mut bounces: Vec<NoticeBounce> = Vec::new();
    let listening = async {
        while bounces.len() < receivers.len() {
            let Some(answer) = answers.recv().await else { return Err("the session ended".to_owned()) };
            let is_of = |receiver: &&Address| answer.attribute("id") == Some(&id(receiver));
            let is_error = answer.attribute("type") == Some("error");
            let Some(receiver) = receivers.iter().find(is_of).filter(|_| is_error) else { continue };
            if bounces.iter().any(|bounce| bounce.receiver == *receiver) {
                continue;
            }
            let error = StanzaError::of(&answer);
            let ends = MessageEnds::of(session, receiver.bare().domain());
            let origin = ends.origin(&error, answer.attribute("from").unwrap_or_default());
            let is_of_receivers_side = matches!(origin, ErrorOrigin::Partner | ErrorOrigin::Unclear);
            bounces.push(NoticeBounce { receiver: receiver.clone(), error, is_of_receivers_side });
        }
        Ok(())
    };
    // Silence says that the pool has taken the rest; the end of the session says nothing of them.
    match tokio::time::timeout(WAIT_FOR_ERROR, listening).await {
        Ok(Err(fault)) => Err(fault),
        Ok(Ok(())) | Err(_) => Ok(bounces),
    }
}

/// Through how many pools a notice is tried in one delivery.
const MOST_WAYS: usize = 3;
/// The time that an error is waited for.
const WAIT_FOR_ERROR: Duration = Duration::from_secs(1);
