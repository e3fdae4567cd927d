//! The count of refusals for each account: after three refused logons it is left alone, since servers ban those who
//! go on, some of them the whole machine.
//!
//! Logons of one account that run at once are counted before they are answered: as long as none has
//! succeeded, no more are under way than may still be refused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::plan::LogonAccount;
use crate::address::Address;
use crate::diagnosis::{self, Finding};

/// Refused logons of one account after which it is left alone.
pub const MOST_REFUSALS: u32 = 3;

/// The refusals of one batch, by account.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Address, Arc<Tries>>>);

/// The reason why no logon was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The account was refused too often in this batch.
    TooOften,
    /// The pool has refused this very credential, at this time.
    RefusedBefore(Timestamp),
}

impl Stopped {
    /// Returns the finding for a test with this account.
    pub(super) fn finding(self, account: &LogonAccount) -> Finding {
        match self {
            Self::TooOften => diagnosis::plan::account_stopped(&account.address),
            Self::RefusedBefore(at) => {
                diagnosis::plan::credential_refused(&account.address, &account.target, at)
            }
        }
    }
}

/// Leave to log an account on once. Whoever drops it without a word has met neither a refusal nor a
/// success.
#[derive(Debug)]
pub struct Trial {
    tries: Arc<Tries>,
    permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Tries {
    /// The permits for logons that may be begun; closed once the account is left alone.
    permits: Arc<Semaphore>,
    /// Refusals since the last success.
    refusals: AtomicU32,
}

impl Refusals {
    /// Waits for leave to log the account on.
    ///
    /// # Errors
    /// When the account has been refused too often.
    pub async fn trial(&self, account: &Address) -> Result<Trial, Stopped> {
        let tries = {
            let mut by_account = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            by_account.entry(account.clone()).or_default().clone()
        };
        // The only error is that it is closed.
        let permit = tries.permits.clone().acquire_owned().await.map_err(|_| Stopped::TooOften)?;
        Ok(Trial { tries, permit })
    }
}

impl Default for Tries {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MOST_REFUSALS as usize)), refusals: AtomicU32::new(0) }
    }
}

impl Trial {
    /// The account is known to be well: others need not wait for each other any more.
    pub fn succeeded(self) {
        self.tries.refusals.store(0, Ordering::SeqCst);
        if self.tries.permits.available_permits() < PLENTY {
            self.tries.permits.add_permits(PLENTY);
        }
    }

    /// The server said no.
    pub fn refused(self) {
        self.permit.forget();
        if self.tries.refusals.fetch_add(1, Ordering::SeqCst) + 1 >= MOST_REFUSALS {
            self.tries.permits.close();
        }
    }
}

/// More logons at once than a batch ever has.
const PLENTY: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn account() -> Address {
        "kenmyer@litwareinc.com".parse().unwrap()
    }

    #[tokio::test]
    async fn no_more_logons_are_under_way_than_may_still_be_refused() {
        let refusals = Refusals::default();
        let account = account();
        let first = refusals.trial(&account).await.unwrap();
        let second = refusals.trial(&account).await.unwrap();
        let third = refusals.trial(&account).await.unwrap();
        assert!(refusals.trial(&account).now_or_never().is_none(), "the fourth waits");
        // A server that could not be reached has refused nobody.
        drop(third);
        let third = refusals.trial(&account).now_or_never().unwrap().unwrap();
        first.refused();
        second.refused();
        assert!(refusals.trial(&account).now_or_never().is_none(), "one may still be refused");
        third.refused();
        assert_eq!(refusals.trial(&account).await.unwrap_err(), Stopped::TooOften);
    }

    #[tokio::test]
    async fn an_account_that_is_well_waits_for_nobody() {
        let refusals = Refusals::default();
        let account = account();
        refusals.trial(&account).await.unwrap().succeeded();
        let trials: Vec<Trial> =
            (0..100).map(|_| refusals.trial(&account).now_or_never().unwrap().unwrap()).collect();
        for trial in trials {
            trial.refused();
        }
        assert_eq!(refusals.trial(&account).await.unwrap_err(), Stopped::TooOften, "until it is refused");
    }
}
