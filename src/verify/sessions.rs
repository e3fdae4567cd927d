//! Sessions that verifications share: one logon per account and pool serves many receivers.
//!
//! A logon that fails is shared by those who wait for it, and tried again by those who come later: a
//! server restarts. Only a refusal of the account itself is kept, since the server would only repeat it.
//! Three refused logons of one account stop that account, since servers ban those who go on. The
//! count of refusals is the batch's, whoever shares a session and whoever does not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::log_on;
use super::crowd::Crowd;
use super::plan::{LogonAccount, OneServer};
use super::refusals::{Refusals, Stopped};
use crate::address::Address;
use crate::vault::RefusedCredentials;
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::network::Network;
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::{Trace, TraceObserver};
use crate::xmpp::{Deadlines, Fault, Phase};

/// The sessions of one batch.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<HashMap<Key, Arc<OnceCell<Arc<SharedLogon>>>>>,
    refusals: Arc<Refusals>,
    /// The credentials that were refused before this batch and are not offered again, where somebody remembers
    /// them.
    refused: Option<Arc<RefusedCredentials>>,
}

/// The properties that tell one logon from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    target: String,
    account: Address,
    registrar_port: Option<u16>,
    one_server: Option<OneServer>,
    end: End,
}

/// A logon and how it went.
#[derive(Debug)]
pub struct SharedLogon {
    /// The session, or what went wrong.
    pub session: Result<XmppSession, Fault>,
    /// The trace of the logon.
    pub trace: Trace,
    /// The certificate that the pool showed on the way.
    pub certificate: Option<Arc<CertificateReport>>,
    /// The messages of the session, which wait for each other.
    pub(super) crowd: Crowd,
    /// The number of the logon in the program.
    pub number: u64,
}

/// A logon as one verification gets it.
#[derive(Debug)]
pub struct Logged {
    /// The logon.
    pub shared: Arc<SharedLogon>,
    /// Whether this verification made it, or another one before.
    pub is_fresh: bool,
}

/// The end of the message that an account stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The sender's.
    Sender,
    /// The receiver's: its session becomes available.
    Receiver,
}

impl Sessions {
    /// Sessions that offer no credential which was refused before and is remembered.
    pub fn remembering(refused: Option<Arc<RefusedCredentials>>) -> Self {
        Self { refused, ..Self::default() }
    }

    /// Sessions of their own, whose refused logons count together with those of this batch.
    pub fn apart(&self) -> Self {
        Self { open: Mutex::default(), refusals: self.refusals.clone(), refused: self.refused.clone() }
    }

    /// The account's session: one that is open, or a new one.
    ///
    /// # Errors
    /// When the account has been refused too often, or this credential of it before.
    pub async fn get(
        &self,
        account: &LogonAccount,
        end: End,
        deadlines: &Deadlines,
        network: &Network,
        watcher: &TraceObserver,
        cancel: &CancellationToken,
    ) -> Result<Logged, Stopped> {
        let key = Key::of(account, end);
        let mut is_fresh = false;
        let cell = self.cell(&key);
        let shared = cell
            .get_or_try_init(|| async {
                is_fresh = true;
                // Most find a session: the way to a new one is kept out of what each of them carries.
                Box::pin(self.log_on(account, end, deadlines, network, watcher, cancel)).await
            })
            .await?
            .clone();
        Ok(Logged { shared, is_fresh })
    }

    /// Logs on, if nothing speaks against it.
    async fn log_on(
        &self,
        account: &LogonAccount,
        end: End,
        deadlines: &Deadlines,
        network: &Network,
        watcher: &TraceObserver,
        cancel: &CancellationToken,
    ) -> Result<Arc<SharedLogon>, Stopped> {
        let trial = self.refusals.trial(&account.address).await?;
        let offer = match &self.refused {
            Some(refused) => Some(refused.offer(&account.offered()).await.map_err(Stopped::RefusedBefore)?),
            None => None,
        };
        let shared = log_on(account, deadlines, network, watcher, cancel).await;
        match (&shared.session, offer) {
            (Ok(_), Some(offer)) => offer.taken(),
            (Err(Fault::Authenticate(fault)), Some(offer)) if fault.is_refused_credential() => {
                offer.refused()
            }
            (Ok(_) | Err(_), _) => {}
        }
        match &shared.session {
            Ok(_) => trial.succeeded(),
            Err(fault) if is_refusal(fault) => trial.refused(),
            Err(_) => {}
        }
        if end == End::Receiver
            && let Ok(session) = &shared.session
            && let Err(fault) = become_available(session, deadlines).await
        {
            return Ok(Arc::new(SharedLogon { session: Err(fault), ..shared }));
        }
        Ok(Arc::new(shared))
    }

    /// Leaves a session that answers no more: whoever comes next logs on anew.
    pub fn leave(&self, account: &LogonAccount, end: End, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key::of(account, end);
        let is_it =
            |cell: &Arc<OnceCell<Arc<SharedLogon>>>| cell.get().is_some_and(|shared| shared.number == number);
        if open.get(&key).is_some_and(is_it) {
            open.remove(&key);
        }
    }

    /// The place of a logon; a session that has ended makes room for a new one, and so does a logon that
    /// failed for a reason that may pass.
    fn cell(&self, key: &Key) -> Arc<OnceCell<Arc<SharedLogon>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = open.entry(key.clone()).or_default();
        let is_over = cell.get().is_some_and(|shared| match &shared.session {
            Ok(session) => session.is_over(),
            Err(fault) => !is_refusal(fault),
        });
        if is_over {
            *cell = Arc::default();
        }
        cell.clone()
    }

    /// Ends every session in order; in haste once the caller has had enough, since a server may be slow to
    /// say its part.
    pub async fn close(self, cancel: &CancellationToken) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let sessions = open.into_values().filter_map(|cell| cell.get()?.session.clone().ok());
        let had_enough = async {
            cancel.cancelled().await;
            tokio::time::sleep(HASTE).await;
        };
        tokio::select! {
            _ = futures_util::future::join_all(sessions.map(XmppSession::close)) => {}
            () = had_enough => {}
        }
    }
}

/// A server that stops answering here is as late as in Bind.
async fn become_available(session: &XmppSession, deadlines: &Deadlines) -> Result<(), Fault> {
    let late = Fault::Deadline { phase: Phase::Bind, after: deadlines.bind };
    timeout(deadlines.bind, session.become_available()).await.unwrap_or(Err(late))
}

impl Key {
    fn of(account: &LogonAccount, end: End) -> Self {
        Self {
            target: account.target.clone(),
            account: account.address.clone(),
            registrar_port: account.registrar_port,
            one_server: account.one_server.clone(),
            end,
        }
    }
}

/// The number of the next logon.
pub(super) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Whether the server has refused the account, and will again.
fn is_refusal(fault: &Fault) -> bool {
    match fault {
        Fault::Authenticate(fault) => !fault.is_temporary(),
        Fault::Resolve(_)
        | Fault::Connect(_)
        | Fault::Secure(_)
        | Fault::Stream(_)
        | Fault::Bind(_)
        | Fault::Send(_)
        | Fault::Deliver(_)
        | Fault::Deadline { .. }
        | Fault::Cancelled => false,
    }
}

/// The time for which a cancelled batch waits for the servers to end their streams.
const HASTE: Duration = Duration::from_millis(50);
