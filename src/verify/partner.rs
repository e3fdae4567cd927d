//! A partner as other servers see it, from this machine: planned, looked at, and told as a result.
//!
//! The look is the one that a diagnosis of federation uses. Sends nothing but the opening of streams,
//! and nothing at all to a domain that the topology does not allow.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::log;
use super::outcome::{self, Verdict};
use super::plan::{deadlines, trust};
use super::schedule::{Attempted, Concluded, History, Places, ScheduledTest, Turn};
use super::warnings::{self, Thresholds};
use crate::address::Domain;
use crate::diagnosis::look::{Asking, finding, of_single_servers};
use crate::diagnosis::secure::servers_only;
use crate::diagnosis::{self, Finding, Owner};
use crate::result::report::{FederationServer, PartnerFacts};
use crate::result::{Report, ReportStep, ResultWarning, TestIdentity, TestKind, TestOutcome};
use crate::topology::{Pool, Server, TlsNegotiation, Topology};
use crate::xmpp::Deadlines;
use crate::xmpp::certificate::CertificateReport;
use crate::xmpp::federation::{
    Dialback, ProbeReport, ProbeRequest, ProbeTarget, ServerOffer, ServerProbe, look,
};
use crate::xmpp::network::Network;
use crate::xmpp::secure::TlsParameters;
use crate::xmpp::trace::{Fact, Stanzas, Trace, TraceObserver};

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
    /// The name of the topology that says so.
    place: String,
    is_listed: bool,
    /// The pool that serves the domain, where it is one of our own.
    ours: Option<String>,
    /// Whether its servers must offer TLS.
    tls: TlsNegotiation,
    deadlines: Deadlines,
    thresholds: Thresholds,
}

/// The resources that looks work with.
#[derive(Clone)]
pub struct Lookout {
    /// The network.
    pub network: Network,
    /// The observer that is told what happens.
    pub watcher: TraceObserver,
}

/// A look among others.
pub struct LookTest {
    /// The inspection to make.
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

impl Concluded for Inspected {
    fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    fn verdict_mut(&mut self) -> &mut Verdict {
        &mut self.verdict
    }

    fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }
}

/// The result of a look at a partner.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The pool in whose name it was made.
    pub target: Option<String>,
    /// The domain.
    pub domain: Domain,
    /// The verdict of the look.
    pub verdict: Verdict,
    /// The findings about single servers of a partner that is well as a whole.
    pub remarks: Vec<Finding>,
    /// The report of the look; `None` where nothing was looked at.
    pub look: Option<ProbeReport>,
    /// The time at which the look began.
    pub started_at: Timestamp,
    history: History,
    thresholds: Thresholds,
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
            target: pool.map(|pool| pool.identity.to_string()).or_else(|| target.map(str::to_owned)),
            pool: pool.cloned(),
            given_server: server.as_ref().map(ToString::to_string),
            server: server.or_else(|| partner?.proxy_fqdn.clone()),
            tls: partner.map_or(TlsNegotiation::Required, |partner| partner.tls_negotiation),
            is_allowed: topology.allows(&domain),
            place: topology.place(),
            is_listed: partner.is_some() || ours.is_some(),
            ours,
            deadlines: Deadlines {
                whole: timeout.unwrap_or(MOST_LOOKING),
                ..deadlines(&topology.gateway, timeout)
            },
            thresholds: Thresholds::default(),
            domain,
        }
    }

    /// Returns the identity that tells the inspection's result from every other one of a run.
    pub fn identity(&self) -> TestIdentity {
        let report = Report {
            kind: TestKind::Partner,
            target: self.target.clone(),
            subject: Some(self.domain.to_string()),
            ..Report::default()
        };
        report.identity()
    }

    /// The same, whose latency is held against thresholds.
    #[must_use]
    pub fn held_against(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
    }

    /// Looks.
    pub(super) async fn run(&self, with: &Lookout, cancel: &CancellationToken) -> Inspected {
        if !self.is_allowed {
            let verdict = Verdict::Failure(diagnosis::plan::not_allowed(&self.domain, &self.place));
            return self.end(None, verdict);
        }
        let seen = {
            let whom = ProbeTarget::Partner {
                domain: self.domain.as_str(),
                server: self.server.as_ref(),
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
            history: History::UNTRIED,
            thresholds: self.thresholds,
        }
    }
}

impl Inspected {
    /// Whole days until the first certificate of a server's chain expires, of the server that has the fewest.
    pub fn days_left(&self) -> Option<i64> {
        self.certificate_that_ends_first().map(CertificateReport::chain_days_left)
    }

    /// The certificate of the server whose chain ends first.
    pub(super) fn certificate_that_ends_first(&self) -> Option<&CertificateReport> {
        let certificates = self.probes().iter().filter_map(ServerProbe::certificate);
        certificates.min_by_key(|certificate| certificate.chain_not_after())
    }

    fn probes(&self) -> &[ServerProbe] {
        let seen = self.look.as_ref().and_then(|look| look.probes.as_ref().ok());
        seen.map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the duration of the look; zero on failure.
    pub fn latency(&self) -> Duration {
        let elapsed = self.look.as_ref().map_or(Duration::ZERO, |look| look.duration);
        if matches!(self.verdict, Verdict::Success) { elapsed } else { Duration::ZERO }
    }

    /// The server that the result is about: the first one that is well, else the first one.
    fn foremost(&self) -> Option<&ServerProbe> {
        self.probes().iter().find(|probe| probe.is_healthy()).or_else(|| self.probes().first())
    }

    /// Returns the warnings beside the verdict: single servers, a certificate that ends soon, a look that took
    /// long.
    pub fn warnings(&self) -> Vec<ResultWarning> {
        let servers = self.remarks.iter().map(warnings::of_server);
        let ending = warnings::of_partner(self.domain.as_str(), self.days_left());
        let slow = match self.verdict {
            Verdict::Success => self.thresholds.passed(self.domain.as_str(), self.latency()),
            Verdict::Failure(_) | Verdict::Interrupted(_) | Verdict::NotRun(_) => None,
        };
        servers.chain(ending).chain(slow).collect()
    }

    /// The report of it; with everything that happened, where stanzas are kept.
    pub fn report(&self, stanzas: Stanzas) -> Report {
        let elapsed = self.look.as_ref().map_or(Duration::ZERO, |look| look.duration);
        let certificate = self.certificate_that_ends_first();
        let report = Report {
            kind: TestKind::Partner,
            target: self.target.clone(),
            subject: Some(self.domain.to_string()),
            server: self.foremost().map(server),
            partner: self.facts(),
            phase: self.phase(),
            elapsed: Some(elapsed),
            steps: self.steps(),
            started_at: Some(self.started_at),
            warnings: self.warnings(),
            log: log::kept(stanzas, || self.look.iter().flat_map(log::of_look).collect()),
            ..Report::default()
        };
        let report = outcome::certified(report, certificate);
        outcome::told(outcome::tried(report, self.history), &self.verdict, self.latency())
    }

    fn facts(&self) -> PartnerFacts {
        let probe = self.foremost();
        let certificate = probe.and_then(ServerProbe::certificate);
        PartnerFacts {
            seen_from: Some("this machine".to_owned()),
            certificate_for: certificate.map(names),
            issuer: certificate.map(|certificate| certificate.issuer.clone()),
            offers: probe.and_then(offers),
            mechanisms: probe.and_then(mechanisms),
            dialback: probe.and_then(dialback),
            software: probe.and_then(software),
            servers: self.probes().iter().map(server_report).collect(),
        }
    }

    /// The phase that was the last one at work.
    fn phase(&self) -> Option<String> {
        let resolving = self.look.as_ref().map(|look| &look.trace);
        outcome::phase(self.foremost().map(|probe| &probe.trace).or(resolving)?)
    }

    /// Returns the steps of finding the servers, and then those of the way to the server that the result is about.
    fn steps(&self) -> Vec<ReportStep> {
        let resolving = self.look.as_ref().map(|look| outcome::steps(&look.trace, Duration::ZERO));
        let begun = self.look.as_ref().map(|look| look.trace.began());
        let visiting = self.foremost().zip(begun).map(|(probe, begun)| {
            outcome::steps(&probe.trace, probe.trace.began().saturating_duration_since(begun))
        });
        resolving.into_iter().chain(visiting).flatten().collect()
    }
}

/// Returns the report on one server.
fn server_report(probe: &ServerProbe) -> FederationServer {
    let certificate = probe.certificate();
    let error = match (&probe.offer, certificate.map(|own| &own.verdict)) {
        (Err(fault), _) => Some(fault.to_string()),
        (Ok(_), Some(Err(fault))) => Some(fault.to_string()),
        (Ok(_), Some(Ok(_)) | None) => None,
    };
    FederationServer {
        server: server(probe),
        outcome: if probe.is_healthy() { TestOutcome::Success } else { TestOutcome::Failure },
        error,
        kind: probe.target.kind.to_string(),
        tls: tls(&probe.trace).map(ToString::to_string),
        certificate_for: certificate.map(names),
        subject: certificate.map(|own| own.subject.clone()),
        issuer: certificate.map(|own| own.issuer.clone()),
        not_after: certificate.map(|own| own.not_after),
        certificate_days_left: certificate.map(CertificateReport::chain_days_left),
        chain: certificate.iter().flat_map(|own| &own.chain).map(|link| link.subject.clone()).collect(),
        mechanisms: mechanisms(probe),
        dialback: dialback(probe),
        software: software(probe),
        steps: outcome::steps(&probe.trace, Duration::ZERO),
    }
}

fn server(probe: &ServerProbe) -> String {
    diagnosis::quote::place(&probe.target)
}

fn names(certificate: &CertificateReport) -> Vec<String> {
    certificate.names.iter().map(ToString::to_string).collect()
}

/// Returns the features that the server offers, in words.
fn offers(probe: &ServerProbe) -> Option<String> {
    match &probe.offer {
        Err(_) => None,
        Ok(ServerOffer::CertificateFirst { .. }) => {
            Some("nothing before it has seen a certificate".to_owned())
        }
        Ok(ServerOffer::Unencrypted) => Some("no TLS, which the topology does not ask for".to_owned()),
        Ok(ServerOffer::Ways { mechanisms, dialback }) => {
            let dialback = (*dialback == Dialback::Offered).then(|| "dialback".to_owned());
            let ways: Vec<String> = mechanisms.iter().cloned().chain(dialback).collect();
            Some(if ways.is_empty() { "nothing".to_owned() } else { ways.join(", ") })
        }
    }
}

fn mechanisms(probe: &ServerProbe) -> Option<Vec<String>> {
    match &probe.offer {
        Ok(ServerOffer::Ways { mechanisms, .. }) => Some(mechanisms.clone()),
        Ok(ServerOffer::CertificateFirst { .. } | ServerOffer::Unencrypted) | Err(_) => None,
    }
}

fn dialback(probe: &ServerProbe) -> Option<bool> {
    match &probe.offer {
        Ok(ServerOffer::Ways { dialback, .. }) => Some(*dialback == Dialback::Offered),
        Ok(ServerOffer::CertificateFirst { .. } | ServerOffer::Unencrypted) | Err(_) => None,
    }
}

fn software(probe: &ServerProbe) -> Option<String> {
    let (name, version) = probe.trace.facts().rev().find_map(|(_, fact)| {
        if let Fact::Software { name, version, .. } = fact { Some((name, version)) } else { None }
    })?;
    Some(match version {
        Some(version) => format!("{name} {version}"),
        None => name.clone(),
    })
}

fn tls(trace: &Trace) -> Option<&TlsParameters> {
    trace.facts().find_map(|(_, fact)| if let Fact::Tls(tls) = fact { Some(tls) } else { None })
}

/// The default limit on the duration of a look.
const MOST_LOOKING: Duration = Duration::from_secs(15);
