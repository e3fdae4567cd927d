//! The work beside a stanza that is under way: the scheduler is told who has answered, and the partner is looked at
//! from here where there is reason to.
//!
//! The look informs the diagnosis; the verdict depends on the stanza alone.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::plan::LogonAccount;
use super::schedule::Turn;
use crate::address::Domain;
use crate::topology::{Evidence, Server, TlsNegotiation};
use crate::xmpp::deliver::{self, Fence};
use crate::xmpp::federation::{ProbeReport, ProbeRequest, ProbeTarget, look};
use crate::xmpp::network::Network;
use crate::xmpp::trace::{Stanzas, TraceObserver};
use crate::xmpp::{Deadlines, Fault};

/// Waits for a stanza's outcome, and tells the scheduler when the pool and the partner have answered: whatever is
/// waited for behind that burdens neither.
pub(super) async fn telling_of_answers<T>(
    delivering: impl Future<Output = T>,
    mut reached: watch::Receiver<Option<Evidence>>,
    sent_at: Instant,
    turn: &Turn,
) -> T {
    let telling = async move {
        let has = |level| move |reached: &Option<Evidence>| *reached >= Some(level);
        reached.wait_for(has(Evidence::AcceptedByPool)).await.ok()?;
        let pool = sent_at.elapsed();
        turn.pool_answered(pool);
        reached.wait_for(has(Evidence::AcceptedByPartner)).await.ok()?;
        turn.partner_answered(sent_at.elapsed().saturating_sub(pool));
        Some(())
    };
    let mut delivering = pin!(delivering);
    tokio::select! {
        biased;
        outcome = &mut delivering => outcome,
        _ = telling => delivering.await,
    }
}

/// The look from here at the domain that a stanza goes to.
pub(super) struct PartnerLook<'a> {
    /// The domain.
    pub partner: Domain,
    /// The server that the topology names for it, in place of its records.
    pub server: Option<&'a Server>,
    /// Whether its server must offer TLS.
    pub tls: TlsNegotiation,
    /// The account that sends: the look is made in the name of its domain.
    pub account: &'a LogonAccount,
    /// The time limits of the test.
    pub deadlines: Deadlines,
    /// The network.
    pub network: &'a Network,
    /// Whether what crosses the wire is kept.
    pub stanzas: Stanzas,
    /// Ends the look.
    pub cancel: &'a CancellationToken,
}

impl PartnerLook<'_> {
    /// Waits for the stanza's outcome, and looks at the partner from here when there is reason to: half of the time
    /// has passed without a sign of it, or the pool says that it cannot be reached.
    pub(super) async fn beside<T>(
        &self,
        delivering: impl Future<Output = T>,
        reached: watch::Receiver<Option<Evidence>>,
        fault: fn(&T) -> Option<&Fault>,
        within: Duration,
        until: Instant,
    ) -> (T, Option<ProbeReport>) {
        let mut delivering = pin!(delivering);
        let delivered = tokio::select! {
            biased;
            delivered = &mut delivering => delivered,
            () = tokio::time::sleep(within / 2) => {
                if reached.borrow().is_some_and(|level| level >= Evidence::AcceptedByPartner) {
                    return (delivering.await, None);
                }
                return tokio::join!(delivering, Box::pin(self.look(until)));
            }
        };
        let look = match fault(&delivered).is_some_and(is_about_federation) {
            true => Box::pin(self.look(until)).await,
            false => None,
        };
        (delivered, look)
    }

    /// Looks; nothing where the caller has had enough, or no time is left for it.
    async fn look(&self, until: Instant) -> Option<ProbeReport> {
        let whole = MOST_LOOKING.min(until.saturating_duration_since(Instant::now()));
        if whole < LEAST_LOOKING {
            return None;
        }
        let from = self.account.address.domain();
        let question = ProbeRequest {
            whom: ProbeTarget::Partner {
                domain: self.partner.as_str(),
                server: self.server,
                from: Some(from.as_str()),
            },
            trust: &self.account.trust(),
            tls: self.tls,
            deadlines: Deadlines { whole, ..self.deadlines },
        };
        let silent = TraceObserver { observer: None, stanzas: self.stanzas };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            look = look(&question, self.network, &silent) => Some(look),
        }
    }
}

/// Whether a stanza failed between the pool and the partner, as far as the pool tells.
fn is_about_federation(fault: &Fault) -> bool {
    let Fault::Deliver(deliver::Fault::Bounced { fence, .. } | deliver::Fault::Silent { fence, .. }) = fault
    else {
        return false;
    };
    !matches!(fence, Fence::Answered { .. })
}

/// The maximum time for a look from here, and the minimum that is worth beginning it.
const MOST_LOOKING: Duration = Duration::from_secs(10);
const LEAST_LOOKING: Duration = Duration::from_millis(50);
