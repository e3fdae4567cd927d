//! Sessions that verifications share: one logon per account and pool serves many receivers.
//!
//! A logon that fails is shared as well: a batch asks a pool once, not once per receiver.
//! Three refused logons of one account stop that account, since servers ban those who go on. The
//! count of refusals is the batch's, whoever shares a session and whoever does not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Watcher, log_on};
use super::plan::Account;
use super::refusals::{Refusals, Stopped};
use crate::address::Address;
use crate::xmpp::network::Network;
use crate::xmpp::session::XmppSession;
use crate::xmpp::trace::Trace;
use crate::xmpp::{Deadlines, Fault, Phase};

/// The sessions of one batch.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<Key, Arc<OnceCell<Shared>>>>,
    refusals: Arc<Refusals>,
}

/// What tells one logon from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    target: String,
    account: Address,
    registrar_port: Option<u16>,
    /// Which attempt at a pair the logon serves: a retry logs on anew.
    attempt: u32,
    /// Whether this is the receiver's end.
    is_second: bool,
}

/// A logon and how it went.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The session, or what went wrong.
    pub session: Result<XmppSession, Fault>,
    /// What happened on the way there.
    pub trace: Trace,
}

/// A logon as one verification gets it.
#[derive(Debug)]
pub struct Logged {
    /// The logon.
    pub shared: Shared,
    /// Whether this verification made it, or another one before.
    pub is_fresh: bool,
}

/// What role an account plays, and how often the pair has been tried.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// Whether the account is the receiver's.
    pub is_second: bool,
    /// Which attempt at the pair this is, from one.
    pub attempt: u32,
}

impl Sessions {
    /// Sessions of their own, whose refused logons count together with those of this batch.
    pub fn apart(&self) -> Self {
        Self { open: Mutex::default(), refusals: self.refusals.clone() }
    }

    /// The account's session: one that is open, or a new one.
    ///
    /// # Errors
    /// When the account has been refused too often.
    pub async fn get(
        &self,
        account: &Account,
        purpose: Purpose,
        deadlines: &Deadlines,
        network: &Network,
        watcher: &Watcher,
        cancel: &CancellationToken,
    ) -> Result<Logged, Stopped> {
        let key = Key {
            target: account.target.clone(),
            account: account.address.clone(),
            registrar_port: account.registrar_port,
            attempt: purpose.attempt,
            is_second: purpose.is_second,
        };
        let mut is_fresh = false;
        let cell = self.cell(&key);
        let shared = cell
            .get_or_try_init(|| async {
                is_fresh = true;
                self.log_on(account, purpose, deadlines, network, watcher, cancel).await
            })
            .await?
            .clone();
        Ok(Logged { shared, is_fresh })
    }

    /// Logs on, if the account has not been refused too often.
    async fn log_on(
        &self,
        account: &Account,
        purpose: Purpose,
        deadlines: &Deadlines,
        network: &Network,
        watcher: &Watcher,
        cancel: &CancellationToken,
    ) -> Result<Shared, Stopped> {
        let trial = self.refusals.trial(&account.address).await?;
        let shared = log_on(account, deadlines, network, watcher, cancel).await;
        match &shared.session {
            Ok(_) => trial.succeeded(),
            Err(Fault::Authenticate(_)) => trial.refused(),
            Err(_) => {}
        }
        if purpose.is_second
            && let Ok(session) = &shared.session
            && let Err(fault) = become_available(session, deadlines).await
        {
            return Ok(Shared { session: Err(fault), trace: shared.trace });
        }
        Ok(shared)
    }

    /// The place of a logon; a session that has ended makes room for a new one.
    fn cell(&self, key: &Key) -> Arc<OnceCell<Shared>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = open.entry(key.clone()).or_default();
        let is_over =
            cell.get().is_some_and(|shared| shared.session.as_ref().is_ok_and(XmppSession::is_over));
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

/// How long a cancelled batch waits for the servers to end their streams.
const HASTE: Duration = Duration::from_millis(50);
