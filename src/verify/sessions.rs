//! Sessions that verifications share: one logon per account and pool serves many receivers.
//!
//! A logon that fails is shared as well: a batch asks a pool once, not once per receiver.
//! Three refused logons of one account stop that account, since servers ban those who go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::attempt::{Watcher, log_on};
use super::plan::Account;
use crate::address::Address;
use crate::xmpp::network::Network;
use crate::xmpp::session::Session;
use crate::xmpp::trace::Trace;
use crate::xmpp::{Deadlines, Fault};

/// Refused logons of one account after which it is left alone.
pub const MOST_REFUSALS: u32 = 3;

/// The sessions of one batch.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<Key, Arc<OnceCell<Shared>>>>,
    refusals: Mutex<HashMap<Address, u32>>,
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
    pub session: Result<Session, Fault>,
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

/// Why no logon was tried.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

/// What role an account plays, and how often the pair has been tried.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// Whether the account is the receiver's.
    pub is_second: bool,
    /// Which attempt at the pair this is, from one.
    pub attempt: u32,
}

impl Sessions {
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
        if cell.get().is_none() && self.is_stopped(&account.address) {
            return Err(Stopped);
        }
        let shared = cell
            .get_or_init(|| async {
                is_fresh = true;
                let shared = log_on(account, deadlines, network, watcher, cancel).await;
                if purpose.is_second
                    && let Ok(session) = &shared.session
                    && let Err(fault) = session.become_available().await
                {
                    return Shared { session: Err(fault), trace: shared.trace };
                }
                self.note(&account.address, &shared);
                shared
            })
            .await
            .clone();
        Ok(Logged { shared, is_fresh })
    }

    /// The place of a logon; a session that has ended makes room for a new one.
    fn cell(&self, key: &Key) -> Arc<OnceCell<Shared>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = open.entry(key.clone()).or_default();
        let is_over = cell.get().is_some_and(|shared| shared.session.as_ref().is_ok_and(Session::is_over));
        if is_over {
            *cell = Arc::default();
        }
        cell.clone()
    }

    fn is_stopped(&self, account: &Address) -> bool {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.get(account).is_some_and(|count| *count >= MOST_REFUSALS)
    }

    fn note(&self, account: &Address, shared: &Shared) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        match &shared.session {
            Ok(_) => {
                refusals.remove(account);
            }
            Err(Fault::Authenticate(_)) => *refusals.entry(account.clone()).or_default() += 1,
            Err(_) => {}
        }
    }

    /// Ends every session in order.
    pub async fn close(self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let sessions = open.into_values().filter_map(|cell| cell.get()?.session.clone().ok());
        futures_util::future::join_all(sessions.map(Session::close)).await;
    }
}
