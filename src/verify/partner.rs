//! A partner as other servers see it, from this machine: planned, looked at, and told as a result.
//!
//! The look is the one that a diagnosis of federation uses. Sends nothing but the opening of streams,
//! and nothing at all to a domain that the topology does not allow.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::attempt::Watcher;
use super::outcome::{self, Verdict};
use super::plan::{deadlines, trust};
use super::schedule::{Attempted, History, Judged, Places, ScheduledTest, Turn};
use crate::address::Domain;
use crate::diagnosis::look::{Asking, finding, of_single_servers};
use crate::diagnosis::secure::servers_only;
use crate::diagnosis::{self, Finding, Owner};
use crate::topology::{Pool, Server, TlsNegotiation, Topology};
use crate::value::{Record, Value};
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::federation::{
    Dialback, ProbeReport, ProbeRequest, ProbeTarget, ServerOffer, ServerProbe, look,
};
use crate::xmpp::network::Network;
use crate::xmpp::secure::TlsParameters;
use crate::xmpp::trace::{Fact, Trace};
use crate::xmpp::{Deadlines, Phase};

/// A look at a partner, with all that it needs looked up.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The pool in whose name it is made, as results show it.
    pub target: Option<String>,
    /// The partner's domain, or one of our own.
    pub domain: Domain,
    pool: Option<Pool>,
    server: Option<Server>,
    /// The same, where it was named by hand.
    given_server: Option<String>,
    is_allowed: bool,
    is_listed: bool,
    /// The pool that serves the domain, where it is one of our own.
    ours: Option<String>,
    /// Whether its servers must offer TLS.
    tls: TlsNegotiation,
    deadlines: Deadlines,
}

/// What looks work with.
#[derive(Clone)]
pub struct Lookout {
    /// The network.
    pub network: Network,
    /// Who is told.
    pub watcher: Watcher,
}

/// A look among others.
pub struct LookTest {
    /// What is looked at.
    pub inspection: Inspection,
    /// With what.
    pub with: Lookout,
}

impl ScheduledTest for LookTest {
    type Outcome = Inspected;

    fn places(&self) -> Places<'_> {
        Places { partner: Some(self.inspection.domain.clone()), ..Places::default() }
    }

    async fn attempt(&self, turn: Turn) -> Attempted<Inspected> {
        self.inspection.run(&self.with, &turn.cancel).await.into()
    }

    fn inferred(&self, _: &Finding) -> Option<Inspected> {
        None
    }

    fn not_run(&self, reason: Finding) -> Option<Inspected> {
        Some(self.inspection.end(None, Verdict::NotRun(reason)))
    }
}

impl Judged for Inspected {
    fn failure(&self) -> Option<&Finding> {
        self.verdict.failure()
    }

    fn is_interrupted(&self) -> bool {
        matches!(self.verdict, Verdict::Interrupted(_))
    }

    fn interrupted_by(&mut self, reason: Finding) {
        self.verdict = Verdict::NotRun(reason);
    }

    fn set_history(&mut self, _: History) {}
}

/// What a look at a partner came to.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The pool in whose name it was made.
    pub target: Option<String>,
    /// The domain.
    pub domain: Domain,
    /// What came of it.
    pub verdict: Verdict,
    /// What is wrong with single servers of a partner that is well as a whole.
    pub remarks: Vec<Finding>,
    /// What was seen; none where nothing was looked at.
    pub look: Option<ProbeReport>,
    /// When it began.
    pub started_at: Timestamp,
}

impl Inspection {
    /// Plans a look at `domain`, in the name of the pool `target` or else of the topology's first one.
    /// A `server` takes the place of what the topology or DNS names.
    pub fn plan(
        topology: &Topology,
        target: Option<&str>,
        domain: Domain,
        server: Option<Server>,
        timeout: Option<Duration>,
    ) -> Self {
        let pool = match target {
            Some(target) => topology.canonical_pool(target),
            None => topology.pools.first(),
        };
        let partner = topology.partner_for(&domain);
        let ours = topology.pool_serving(&domain).map(|pool| pool.identity.to_string());
        Self {
            target: target.map(str::to_owned).or_else(|| pool.map(|pool| pool.identity.to_string())),
            pool: pool.cloned(),
            given_server: server.as_ref().map(ToString::to_string),
            server: server.or_else(|| partner?.proxy_fqdn.clone()),
            tls: partner.map_or(TlsNegotiation::Required, |partner| partner.tls_negotiation),
            is_allowed: topology.allows(&domain),
            is_listed: partner.is_some() || ours.is_some(),
            ours,
            deadlines: Deadlines {
                whole: timeout.unwrap_or(MOST_LOOKING),
                ..deadlines(&topology.gateway, timeout)
            },
            domain,
        }
    }

    /// Looks.
    pub(super) async fn run(&self, with: &Lookout, cancel: &CancellationToken) -> Inspected {
        if !self.is_allowed {
            let verdict = Verdict::Failure(diagnosis::plan::not_allowed(&self.domain));
            return self.end(None, verdict);
        }
        let seen = {
            let server = self.server.as_ref().map(ToString::to_string);
            let whom = ProbeTarget::Partner {
                domain: self.domain.as_str(),
                server: server.as_deref(),
                from: self.from().map(Domain::as_str),
            };
            let trust = trust(self.pool.as_ref());
            let question = ProbeRequest { whom, trust: &trust, tls: self.tls, deadlines: self.deadlines };
            tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                seen = look(&question, &with.network, &with.watcher) => Some(seen),
            }
        };
        let Some(seen) = seen else { return self.end(None, Verdict::Interrupted(diagnosis::interrupted())) };
        let verdict = finding(&seen, &self.asking()).map_or(Verdict::Success, Verdict::Failure);
        self.end(Some(seen), verdict)
    }

    /// The domain that asks: the first of the pool's, and never the one that is looked at.
    fn from(&self) -> Option<&Domain> {
        self.pool.as_ref()?.domains.iter().find(|own| **own != self.domain)
    }

    fn asking(&self) -> Asking<'_> {
        Asking {
            pool: self.target.as_deref(),
            from: self.from().map(Domain::as_str),
            partner_listed: self.is_listed,
            ours: self.ours.as_deref(),
            server: self.given_server.as_deref(),
        }
    }

    pub(super) fn end(&self, look: Option<ProbeReport>, verdict: Verdict) -> Inspected {
        let remarks = match (&look, &verdict) {
            (Some(look), Verdict::Success) => {
                let mut remarks = of_single_servers(look, &self.asking());
                let certificates = look.probes.iter().flatten().filter_map(ServerProbe::certificate);
                let owner = if self.ours.is_some() { Owner::Pool } else { Owner::Partner };
                let servers_only =
                    certificates.filter_map(|own| servers_only(own, self.domain.as_str(), owner));
                remarks.extend(servers_only.take(1));
                remarks
            }
            _ => Vec::new(),
        };
        Inspected {
            started_at: look.as_ref().map_or_else(Timestamp::now, |look| look.began_at),
            target: self.target.clone(),
            domain: self.domain.clone(),
            verdict,
            remarks,
            look,
        }
    }
}

impl Inspected {
    /// Whole days until the first certificate of a server's chain expires, of the server that has the fewest.
    pub fn days_left(&self) -> Option<i64> {
        let certificates = self.probes().iter().filter_map(ServerProbe::certificate);
        certificates.map(CertificateReport::chain_days_left).min()
    }

    fn probes(&self) -> &[ServerProbe] {
        let seen = self.look.as_ref().and_then(|look| look.probes.as_ref().ok());
        seen.map(Vec::as_slice).unwrap_or_default()
    }

    /// How long the look took; zero on failure.
    pub fn latency(&self) -> Duration {
        let elapsed = self.look.as_ref().map_or(Duration::ZERO, |look| look.duration);
        if matches!(self.verdict, Verdict::Success) { elapsed } else { Duration::ZERO }
    }

    /// The server that the result is about: the first one that is well, else the first one.
    fn foremost(&self) -> Option<&ServerProbe> {
        self.probes().iter().find(|probe| probe.is_healthy()).or_else(|| self.probes().first())
    }

    /// The result as a record, properties in the order of the views.
    pub fn record(&self) -> Record {
        let elapsed = self.look.as_ref().map_or(Duration::ZERO, |look| look.duration);
        let probe = self.foremost();
        let seen = |of: fn(&ServerProbe) -> Value| probe.map_or(Value::Null, of);
        let record = Record::new("FederatedPartnerResult")
            .with("TargetFqdn", Value::optional(self.target.clone()))
            .with("Domain", self.domain.to_string());
        let record = outcome::told(record, &self.verdict, self.latency()).with("SeenFrom", "this machine");
        outcome::blamed(record, &self.verdict)
            .with("Server", seen(server))
            .with("CertificateFor", seen(names))
            .with("Issuer", seen(|probe| Value::optional(probe.certificate().map(|own| own.issuer.clone()))))
            .with("CertificateDaysLeft", Value::optional(self.days_left()))
            .with("Offers", seen(offers))
            .with("Mechanisms", seen(mechanisms))
            .with("Dialback", seen(dialback))
            .with("Software", seen(software))
            .with("Phase", Value::optional(self.phase().map(Phase::name)))
            .with("Servers", Value::List(self.probes().iter().map(servers).collect()))
            .with("Elapsed", elapsed)
            .with("Steps", Value::List(self.steps()))
            .with("StartedAt", self.started_at)
    }

    /// The phase that was the last one at work.
    fn phase(&self) -> Option<Phase> {
        let resolving = self.look.as_ref().map(|look| &look.trace);
        let trace = self.foremost().map(|probe| &probe.trace).or(resolving)?;
        trace.steps().last().map(|step| step.phase)
    }

    /// How the servers were found, and then the way to the server that the result is about.
    fn steps(&self) -> Vec<Value> {
        let resolving = self.look.as_ref().map(|look| outcome::steps(&look.trace, Duration::ZERO));
        let begun = self.look.as_ref().map(|look| look.trace.began());
        let visiting = self.foremost().zip(begun).map(|(probe, begun)| {
            outcome::steps(&probe.trace, probe.trace.began().saturating_duration_since(begun))
        });
        resolving.into_iter().chain(visiting).flatten().collect()
    }
}

/// One server as a record.
fn servers(probe: &ServerProbe) -> Value {
    let certificate = probe.certificate();
    let error = match (&probe.offer, certificate.map(|own| &own.verdict)) {
        (Err(fault), _) => Some(fault.to_string()),
        (Ok(_), Some(Err(fault))) => Some(fault.to_string()),
        (Ok(_), Some(Ok(_)) | None) => None,
    };
    let tls = tls(&probe.trace);
    Record::new("FederationServer")
        .with("Server", server(probe))
        .with("Result", if probe.is_healthy() { "Success" } else { "Failure" })
        .with("Error", Value::optional(error))
        .with("Kind", probe.target.kind.to_string())
        .with("Tls", Value::optional(tls.map(ToString::to_string)))
        .with("CertificateFor", names(probe))
        .with("Subject", Value::optional(certificate.map(|own| own.subject.clone())))
        .with("Issuer", Value::optional(certificate.map(|own| own.issuer.clone())))
        .with("NotAfter", Value::optional(certificate.map(|own| own.not_after)))
        .with("CertificateDaysLeft", Value::optional(certificate.map(CertificateReport::chain_days_left)))
        .with(
            "Chain",
            Value::texts(certificate.iter().flat_map(|own| &own.chain).map(|link| link.subject.clone())),
        )
        .with("Mechanisms", mechanisms(probe))
        .with("Dialback", dialback(probe))
        .with("Software", software(probe))
        .with("Steps", Value::List(outcome::steps(&probe.trace, Duration::ZERO)))
        .into()
}

fn server(probe: &ServerProbe) -> Value {
    Value::Text(diagnosis::quote::place(&probe.target))
}

fn names(probe: &ServerProbe) -> Value {
    let names = probe.certificate().map(|own| own.names.iter().map(ToString::to_string));
    names.map_or(Value::Null, Value::texts)
}

/// What the server offers, in words.
fn offers(probe: &ServerProbe) -> Value {
    match &probe.offer {
        Err(_) => Value::Null,
        Ok(ServerOffer::CertificateFirst { .. }) => Value::text("nothing before it has seen a certificate"),
        Ok(ServerOffer::Unencrypted) => Value::text("no TLS, which the topology does not ask for"),
        Ok(ServerOffer::Ways { mechanisms, dialback }) => {
            let dialback = (*dialback == Dialback::Offered).then(|| "dialback".to_owned());
            let ways: Vec<String> = mechanisms.iter().cloned().chain(dialback).collect();
            Value::Text(if ways.is_empty() { "nothing".to_owned() } else { ways.join(", ") })
        }
    }
}

fn mechanisms(probe: &ServerProbe) -> Value {
    match &probe.offer {
        Ok(ServerOffer::Ways { mechanisms, .. }) => Value::texts(mechanisms.iter().cloned()),
        Ok(ServerOffer::CertificateFirst { .. } | ServerOffer::Unencrypted) | Err(_) => Value::Null,
    }
}

fn dialback(probe: &ServerProbe) -> Value {
    match &probe.offer {
        Ok(ServerOffer::Ways { dialback, .. }) => Value::Boolean(*dialback == Dialback::Offered),
        Ok(ServerOffer::CertificateFirst { .. } | ServerOffer::Unencrypted) | Err(_) => Value::Null,
    }
}

fn software(probe: &ServerProbe) -> Value {
    let said = probe.trace.facts().rev().find_map(|(_, fact)| {
        if let Fact::Software { name, version, .. } = fact { Some((name, version)) } else { None }
    });
    said.map_or(Value::Null, |(name, version)| match version {
        Some(version) => Value::Text(format!("{name} {version}")),
        None => Value::text(name.as_str()),
    })
}

fn tls(trace: &Trace) -> Option<&TlsParameters> {
    trace.facts().find_map(|(_, fact)| if let Fact::Tls(tls) = fact { Some(tls) } else { None })
}

/// How long a look may take where nobody says.
const MOST_LOOKING: Duration = Duration::from_secs(15);
