//! A registration: a test user logs on to a pool, gets an address, and leaves. Nothing is sent, not
//! even presence.
//!
//! The logon is that of a verification, with the same limit on how often an account may be refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::attempt::{Watcher, finding_of_logon};
use super::outcome::{self, Verdict};
use super::plan::{Account, Ask};
use super::sessions::{Purpose, Sessions};
use crate::address::Address;
use crate::diagnosis;
use crate::value::{Record, Value};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::network::Network;
use crate::xmpp::trace::{Fact, Trace};
use crate::xmpp::{Deadlines, Phase};

/// A registration, with all that it needs looked up.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Who logs on, and where.
    pub account: Account,
    /// What was given by hand, for the diagnosis.
    pub ask: Ask,
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// How often one that failed is tried again.
    pub retries: u32,
}

/// What a registration came to.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The pool.
    pub target: String,
    /// Who logged on.
    pub account: Address,
    /// What came of it.
    pub verdict: Verdict,
    /// From the start of Resolve to the address that the pool gave; zero on failure.
    pub latency: Duration,
    /// Everything.
    pub elapsed: Duration,
    /// What every phase did and learned.
    pub trace: Trace,
    /// When it began.
    pub started_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

impl Registration {
    /// Logs on and off. Registrations that share `sessions` share the count of refusals.
    pub async fn run(
        self,
        sessions: Arc<Sessions>,
        network: Network,
        watcher: Watcher,
        cancel: CancellationToken,
    ) -> Registered {
        let mut attempts = 0;
        let mut before = None;
        loop {
            attempts += 1;
            let registered = self.attempt(attempts, &sessions, &network, &watcher, &cancel).await;
            if let Some(before) = before.filter(|_| registered.verdict.is_account_stopped()) {
                // It says why the account was refused, and this one does not.
                return before;
            }
            if attempts > self.retries || !matches!(registered.verdict, Verdict::Failure(_)) {
                return registered;
            }
            before = Some(registered);
        }
    }

    async fn attempt(
        &self,
        number: u32,
        sessions: &Sessions,
        network: &Network,
        watcher: &Watcher,
        cancel: &CancellationToken,
    ) -> Registered {
        let (began, started_at) = (Instant::now(), Timestamp::now());
        let purpose = Purpose { is_second: false, attempt: number };
        let logged = sessions.get(&self.account, purpose, &self.deadlines, network, watcher, cancel).await;
        let elapsed = began.elapsed();
        let address = self.account.address.clone();
        let (verdict, trace) = match logged {
            Err(_stopped) => (Verdict::Failure(diagnosis::plan::account_stopped(&address)), Trace::new()),
            Ok(logged) => {
                let trace = logged.shared.trace;
                let verdict = match logged.shared.session {
                    Ok(session) => {
                        session.close().await;
                        Verdict::Success
                    }
                    Err(fault) => {
                        let finding = finding_of_logon(&fault, &trace, &self.account, &self.ask);
                        Verdict::of(&fault, finding)
                    }
                };
                (verdict, trace)
            }
        };
        let latency = if matches!(verdict, Verdict::Success) { elapsed } else { Duration::ZERO };
        Registered {
            target: self.account.target.clone(),
            account: address,
            verdict,
            latency,
            elapsed,
            trace,
            started_at,
            attempts: number,
        }
    }
}

impl Registered {
    /// The result as a record, properties in the order of the views.
    pub fn record(&self) -> Record {
        let record = Record::new("RegistrationResult").with("TargetFqdn", self.target.as_str());
        let record = outcome::told(record, &self.verdict, self.latency)
            .with("UserSipAddress", self.account.sip())
            .with("Mechanism", Value::optional(self.mechanism()))
            .with("RegisteredAs", Value::optional(self.bound()));
        let phase = self.trace.steps().last().map(|step| step.phase);
        outcome::blamed(record, &self.verdict)
            .with("Phase", Value::optional(phase.map(Phase::name)))
            .with("Elapsed", self.elapsed)
            .with("Steps", Value::List(outcome::steps(&self.trace, Duration::ZERO)))
            .with(
                "CertificateDaysLeft",
                Value::optional(self.trace.certificate().map(CertificateReport::chain_days_left)),
            )
            .with("StartedAt", self.started_at)
            .with("Attempts", i64::from(self.attempts))
    }

    /// How it authenticated, or tried to.
    fn mechanism(&self) -> Option<String> {
        self.trace.facts().rev().find_map(|(_, fact)| {
            if let Fact::Mechanism { name, .. } = fact { Some(name.clone()) } else { None }
        })
    }

    /// The full address that the pool gave.
    fn bound(&self) -> Option<String> {
        let facts = self.trace.facts().rev();
        facts
            .filter_map(|(_, fact)| if let Fact::Bound(jid) = fact { Some(jid.clone()) } else { None })
            .next()
    }
}
