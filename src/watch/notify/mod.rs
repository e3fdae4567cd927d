//! Notices: whoever is to be told of a change is told once, by the way that the topology says.
//!
//! The outbox is in the store. A notice is leased, delivered, and done when the other end has taken it; what it
//! does not take is tried again after a wait that grows to an hour. One delivery of each notification is under
//! way at a time, and none waits for another's. A receiver who has taken a notice gets it no more while others have
//! not. Never decides whether there is something to tell.

// Reading order.
mod message;
mod http;
mod webhook;
mod alertmanager;
mod exec;
mod mail;
mod xmpp;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::message::{NoticeMessage, NoticePair};
use super::Shared;
use crate::call::SessionContext;
use crate::secret::Secret;
use crate::store::{Notice, StoreFault, notice};
use crate::topology::{Address, Notification, NotificationKind};
use crate::trusted;

/// The reason why a notice was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryFault {
    /// The other end was not reached, or cannot take it now: it is tried until it is taken.
    #[error("{0}")]
    NotNow(String),
    /// The other end has refused it: after some tries it is given up.
    #[error("{0}")]
    Refused(String),
}

/// The resources that a delivery may use.
struct Means {
    context: Arc<SessionContext>,
    /// The directory in which systemd passes secrets.
    credentials: Option<PathBuf>,
}

/// The deliveries of a watcher.
pub(super) struct Notices {
    shared: Arc<Shared>,
    means: Arc<Means>,
    running: JoinSet<(String, usize)>,
    busy: BTreeSet<String>,
    /// The instant at which each notification is next to be reminded, or its alerts sent again.
    next_chore: HashMap<String, Instant>,
    settle: Duration,
}

impl Notices {
    pub(super) fn new(
        shared: Arc<Shared>,
        context: Arc<SessionContext>,
        credentials: Option<PathBuf>,
    ) -> Self {
        let means = Arc::new(Means { context, credentials });
        let (running, busy, next_chore) = (JoinSet::new(), BTreeSet::new(), HashMap::new());
        Self { shared, means, running, busy, next_chore, settle: SETTLE }
    }

    /// Delivers until it is cancelled; what is under way then ends within its time limit.
    pub(super) async fn deliver(mut self, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(NEXT_LOOK);
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = ticks.tick() => self.begin(),
                Some(ended) = self.running.join_next() => self.ended(ended),
            }
        }
        while let Some(ended) = self.running.join_next().await {
            self.ended(ended);
        }
    }

    /// Delivers what is due now, each once, without waiting for more of its kind.
    pub(super) async fn deliver_once(mut self) {
        self.settle = Duration::ZERO;
        let mut finished = BTreeSet::new();
        loop {
            let plan = self.shared.plan();
            for notification in plan.notifications() {
                if !self.busy.contains(&notification.identity) && !finished.contains(&notification.identity) {
                    self.start(notification);
                }
            }
            let Some(ended) = self.running.join_next().await else { break };
            if let Ok((identity, n_leased)) = &ended
                && *n_leased == 0
            {
                finished.insert(identity.clone());
            }
            self.ended(ended);
        }
    }

    fn begin(&mut self) {
        let plan = self.shared.plan();
        for notification in plan.notifications() {
            if !self.busy.contains(&notification.identity) {
                self.start(notification);
            }
        }
    }

    fn start(&mut self, notification: &Notification) {
        let identity = notification.identity.clone();
        let now = Instant::now();
        let has_chore = self.next_chore.get(&identity).is_none_or(|next| *next <= now);
        if has_chore {
            self.next_chore.insert(identity.clone(), now + CHORES);
        }
        self.busy.insert(identity.clone());
        let (shared, means, settle) = (self.shared.clone(), self.means.clone(), self.settle);
        let notification = notification.clone();
        self.running.spawn(async move {
            let asked = Instant::now();
            let done = look_after(&shared, &means, &notification, has_chore, settle).await;
            let n_leased = done.unwrap_or_else(|fault| {
                shared.store_is_away(&fault, asked);
                0
            });
            (identity, n_leased)
        });
    }

    fn ended(&mut self, ended: Result<(String, usize), tokio::task::JoinError>) {
        match ended {
            Ok((identity, _)) => {
                self.busy.remove(&identity);
            }
            // Its lease ends, and it is tried again.
            Err(error) => {
                tracing::error!(%error, "a delivery ended by a fault of imsh itself");
                self.busy.clear();
            }
        }
    }
}

/// Delivers one batch of one notification; returns how many notices it had.
async fn look_after(
    shared: &Shared,
    means: &Means,
    notification: &Notification,
    has_chore: bool,
    settle: Duration,
) -> Result<usize, StoreFault> {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let (name, reminder) = (notification.identity.clone(), micros(notification.reminder));
    if has_chore {
        shared.store.write(move |sql| notice::remind(sql, &name, reminder)).await?;
        if notification.kind == NotificationKind::Alertmanager {
            alertmanager::send_again(shared, means, notification).await?;
        }
    }
    let lease = micros(notification.timeout + LEASE_GRACE);
    let (name, settle) = (notification.identity.clone(), micros(settle));
    let notices = shared.store.write(move |sql| notice::take(sql, &name, settle, lease)).await?;
    if notices.is_empty() {
        return Ok(0);
    }
    let message = NoticeMessage::of(&notices, &notification.identity, &shared.site());
    let to = receivers(notification, &notices);
    let mut left = to.clone();
    let sending = send(means, notification, &message, &mut left);
    let sent = match tokio::time::timeout(notification.timeout, sending).await {
        Ok(sent) => sent,
        Err(_) => Err(DeliveryFault::NotNow(format!("no answer within {:?}", notification.timeout))),
    };
    let n_notices = notices.len();
    let (kind, key) = (message.kind, message.key.clone());
    match &sent {
        Ok(()) => {
            shared.status.update(|figures| figures.n_notices += n_notices as u64);
            tracing::info!(
                notification = notification.identity,
                kind,
                key,
                n_notices,
                summary = message.summary,
                "a notice was delivered"
            );
        }
        Err(fault) => {
            shared.status.update(|figures| figures.n_failed_deliveries += 1);
            tracing::error!(notification = notification.identity, kind, key, %fault, "a notice was not taken");
        }
    }
    let name = notification.identity.clone();
    let is_partly_taken = left.len() < to.len();
    let left: Vec<String> = left.iter().filter(|_| is_partly_taken).map(ToString::to_string).collect();
    shared.store.write(move |sql| settle_all(sql, &name, &notices, &sent, &left)).await?;
    Ok(n_notices)
}

/// The receivers of a batch: those of the notification who have not taken it.
fn receivers(notification: &Notification, notices: &[Notice]) -> Vec<Address> {
    let left = notices.first().map(|notice| &notice.left[..]).unwrap_or_default();
    let is_left = |to: &&Address| left.is_empty() || left.contains(&to.to_string());
    notification.to.iter().filter(is_left).cloned().collect()
}

/// Writes down what became of a batch, and to whom it is left where some receivers have taken it.
fn settle_all(
    sql: &mut dyn crate::store::Sql,
    channel: &str,
    notices: &[Notice],
    sent: &Result<(), DeliveryFault>,
    left: &[String],
) -> Result<(), StoreFault> {
    for told in notices {
        if sent.is_err() && !left.is_empty() {
            notice::leave_to(sql, channel, told, left)?;
        }
        match sent {
            Ok(()) => notice::done(sql, channel, told)?,
            Err(DeliveryFault::Refused(fault)) if told.attempts + 1 >= MOST_REFUSALS => {
                notice::give_up(sql, channel, told, fault)?;
            }
            Err(fault) => notice::failed(sql, channel, told, wait(told.attempts), &fault.to_string())?,
        }
    }
    Ok(())
}

/// Returns the time that a notice waits after so many tries, in microseconds.
fn wait(attempts: i64) -> i64 {
    let doubled = u32::try_from(attempts).unwrap_or(u32::MAX).min(20);
    (FIRST_WAIT << doubled).min(LONGEST_WAIT)
}

/// Sends a message; who takes it is no longer among those who are `left`.
async fn send(
    means: &Means,
    notification: &Notification,
    message: &NoticeMessage,
    left: &mut Vec<Address>,
) -> Result<(), DeliveryFault> {
    // Those whom it was left to are no receivers any more.
    if left.is_empty() && !notification.to.is_empty() {
        return Ok(());
    }
    match notification.kind {
        NotificationKind::Webhook => webhook::send(means, notification, message).await,
        NotificationKind::Alertmanager => alertmanager::send(means, notification, message).await,
        NotificationKind::Exec => exec::send(notification, message).await,
        NotificationKind::Mail => mail::send(means, notification, message, left).await,
        NotificationKind::Xmpp => xmpp::send(means, notification, message, left).await,
    }
}

/// The fault of a message that some receivers have not taken: refused, where each of them has refused it for good.
fn not_taken(faults: impl IntoIterator<Item = DeliveryFault>) -> DeliveryFault {
    let faults: Vec<DeliveryFault> = faults.into_iter().collect();
    let reasons: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let is_refused = |fault: &DeliveryFault| matches!(fault, DeliveryFault::Refused(_));
    match faults.iter().all(is_refused) {
        true => DeliveryFault::Refused(reasons.join("; ")),
        false => DeliveryFault::NotNow(reasons.join("; ")),
    }
}

impl Means {
    /// The token or password of a notification: from systemd's credential, else from its file.
    ///
    /// # Errors
    /// The file cannot be read.
    fn secret(&self, notification: &Notification) -> Result<Option<Secret>, DeliveryFault> {
        let name = format!("{CREDENTIAL}{}", notification.identity);
        let credential = self.credentials.as_ref().map(|directory| directory.join(name));
        let file = credential.filter(|file| file.exists()).or_else(|| notification.secret_file.clone());
        let Some(file) = file else { return Ok(None) };
        let unreadable = |reason| DeliveryFault::NotNow(format!("{}: {reason}", file.display()));
        let opened = trusted::open_own(&file).map_err(|fault| unreadable(fault.to_string()))?;
        Secret::first_line(opened).map(Some).map_err(unreadable)
    }
}

/// The beginning of the names under which systemd passes secrets in.
const CREDENTIAL: &str = "imsh-notify-";
/// The time that a notice waits for others that are told with it.
const SETTLE: Duration = Duration::from_secs(5);
/// The interval at which the outbox is examined.
const NEXT_LOOK: Duration = Duration::from_secs(1);
/// The interval at which reminders are looked for and alerts sent again: Alertmanager forgets alerts that are not
/// repeated.
const CHORES: Duration = Duration::from_secs(60);
/// The time for which a notice is held beyond the time limit of its delivery.
const LEASE_GRACE: Duration = Duration::from_secs(20);
/// The number of times that a notice is refused before it is given up: about four hours.
const MOST_REFUSALS: i64 = 12;
/// The wait after the first try, in microseconds; it doubles.
const FIRST_WAIT: i64 = 10_000_000;
const LONGEST_WAIT: i64 = 3_600_000_000;
