//! One attempt at a verification: log on, send, wait for the evidence, say what it came to.

use std::time::Instant;

use jid::Jid;
use tokio_util::sync::CancellationToken;

use super::outcome::{TestResult, Verdict};
use super::plan::{Account, Verification};
use super::sessions::{Logged, Purpose, Sessions, Shared, Stopped};
use crate::diagnosis::{self, Context, Finding, Given};
use crate::xmpp::deliver::{LINGER, Wanted, deliver};
use crate::xmpp::message::Probe;
use crate::xmpp::network::Network;
use crate::xmpp::session::Session;
use crate::xmpp::trace::{Observer, Trace};
use crate::xmpp::{Deadlines, Fault, connect};

/// Who is told what an attempt does while it does it, if anybody.
pub type Watcher = Option<Observer>;

/// What an attempt works with.
pub struct Attempt<'a> {
    /// The network.
    pub network: &'a Network,
    /// The sessions that it may share with others.
    pub sessions: &'a Sessions,
    /// Who is told.
    pub watcher: &'a Watcher,
    /// Ends it.
    pub cancel: &'a CancellationToken,
}

impl Attempt<'_> {
    /// Tries once; `number` counts the tries of this pair from one.
    pub async fn run(&self, verification: &Verification, number: u32) -> TestResult {
        let result = TestResult::begin(verification, number);
        let (sender, receiver) = tokio::join!(
            self.log_on(verification, &verification.sender, Purpose { is_second: false, attempt: number }),
            self.log_on_receiver(verification, number),
        );
        let Logged { shared: Shared { session, trace }, is_fresh } = match sender {
            Ok(logged) => logged,
            Err(Stopped) => {
                return result
                    .end(Verdict::Failure(diagnosis::plan::account_stopped(&verification.sender.address)));
            }
        };
        let certificate = trace.certificate().cloned();
        let result = result.logged_on(if is_fresh { trace } else { self.new_trace() }, certificate);
        let session = match session {
            Ok(session) => session,
            Err(fault) => return result.failed(&fault, &verification.sender, verification),
        };
        let receiver = match receiver {
            None => None,
            Some(Ok(Logged { shared: Shared { session: Ok(session), .. }, .. })) => Some(session),
            Some(Ok(Logged { shared: Shared { session: Err(fault), trace }, .. })) => {
                let account = verification.second.as_ref().unwrap_or(&verification.sender);
                let finding = finding(&fault, &trace, account, verification);
                return result.end(Verdict::of(&fault, finding));
            }
            Some(Err(Stopped)) => {
                return result
                    .end(Verdict::Failure(diagnosis::plan::account_stopped(&verification.receiver)));
            }
        };
        self.deliver(verification, result, &session, receiver.as_ref(), is_fresh).await
    }

    async fn log_on(
        &self,
        verification: &Verification,
        account: &Account,
        purpose: Purpose,
    ) -> Result<Logged, Stopped> {
        self.sessions
            .get(account, purpose, &verification.deadlines, self.network, self.watcher, self.cancel)
            .await
    }

    async fn log_on_receiver(
        &self,
        verification: &Verification,
        number: u32,
    ) -> Option<Result<Logged, Stopped>> {
        let second = verification.second.as_ref()?;
        Some(self.log_on(verification, second, Purpose { is_second: true, attempt: number }).await)
    }

    /// Sends the message and judges what comes back.
    async fn deliver(
        &self,
        verification: &Verification,
        mut result: TestResult,
        session: &Session,
        receiver: Option<&Session>,
        is_fresh: bool,
    ) -> TestResult {
        let left = verification.deadlines.whole.saturating_sub(result.elapsed());
        let wanted = Wanted {
            minimum: verification.minimum,
            within: verification.deadlines.deliver.min(left),
            linger: LINGER,
            cancel: self.cancel.clone(),
            progress: None,
        };
        let to = Jid::from(verification.receiver.bare().clone());
        let probe = match Probe::new(to, &verification.body) {
            Ok(probe) => probe,
            Err(fault) => return result.failed(&fault.into(), &verification.sender, verification),
        };
        let sent_at = Instant::now();
        let delivery = deliver(session, receiver, probe, &wanted, &mut result.trace).await;
        result.delivered(delivery, sent_at, is_fresh, verification)
    }

    fn new_trace(&self) -> Trace {
        new_trace(self.watcher)
    }
}

fn new_trace(watcher: &Watcher) -> Trace {
    watcher.clone().map_or_else(Trace::new, Trace::observed)
}

/// What a fault of the account's logon, or of the message, means.
pub(super) fn finding(
    fault: &Fault,
    trace: &Trace,
    account: &Account,
    verification: &Verification,
) -> Finding {
    let (sender, receiver) = (account.address.to_string(), verification.receiver.to_string());
    let ask = &verification.ask;
    let context = Context {
        pool: &account.target,
        pool_listed: account.pool.is_some(),
        sender: &sender,
        receiver: Some(&receiver),
        partner_listed: verification.partner_listed,
        security: account.security(),
        witnessed: verification.second.is_some(),
        given: Given {
            registrar_port: account.registrar_port,
            authentication: account.given_authentication(),
            sender: ask.sender.is_some(),
            credential: ask.credential.is_some(),
        },
        look: None,
    };
    diagnosis::diagnose(fault, trace, &context)
}

/// Logs an account on.
pub(super) async fn log_on(
    account: &Account,
    deadlines: &Deadlines,
    network: &Network,
    watcher: &Watcher,
    cancel: &CancellationToken,
) -> Shared {
    let mut trace = new_trace(watcher);
    let session = match account.logon(*deadlines) {
        Ok(logon) => connect(&logon, network, &mut trace, cancel).await,
        Err(fault) => Err(fault),
    };
    Shared { session, trace }
}
