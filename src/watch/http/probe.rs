//! `/probe?module=…&target=…`, with the modules and the names of metrics that xmpp-blackbox-exporter has; but
//! `register` logs on as a test user.
//!
//! The answer is always 200 with a `probe_success` that has no label: `prosodyctl check connectivity` takes
//! every other answer for a pass. There are credentials behind it, so only what the topology lists is
//! tested, one test at a time for each target, and not again within a few seconds: until then the last
//! answer holds, but for a request that leaves twice the time or more. A scrape that leaves less time than a test needs has the failure on its own account. What a
//! probe finds is the answer and nothing else: no state turns by it, since it may have had little time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::metrics::{MetricPage, label, micros};
use crate::address::{Address, Domain};
use crate::cmdlet::Arguments;
use crate::host::{Host, Stage};
use crate::result::report::{FederationServer, NO_ANSWER};
use crate::result::{Report, TestOutcome};
use crate::topology::{Pool, Security, Server, Topology};
use crate::value::Value;

/// The modules, and what each tests.
pub(super) const MODULES: [(&str, Module); 7] = [
    ("c2s_normal_auth", Module::Logon),
    ("c2s_direct", Module::DirectLogon),
    ("register", Module::Logon),
    ("s2s_normal", Module::Partner),
    ("s2s_direct", Module::DirectPartner),
    ("ping", Module::Ping),
    ("im", Module::Message),
];

/// The kind of test that a module makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// A logon to the pool that serves the target: an account is never registered.
    Logon,
    /// The same, over direct TLS.
    DirectLogon,
    /// The target's servers, as other servers see them: nobody logs on.
    Partner,
    /// Those of them that offer direct TLS.
    DirectPartner,
    /// A ping of the target: a test user logs on to a pool, and asks the target's domain.
    Ping,
    /// A message to the target.
    Message,
}

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) module: String,
    pub(super) target: String,
    /// For `ping` and `im`: the pool that sends.
    pub(super) pool: String,
}

/// A test that may be made.
#[derive(Debug)]
struct ProbePlan {
    module: Module,
    cmdlet: &'static str,
    arguments: Arguments,
    /// The one server that is asked about, where one is.
    server: Option<Server>,
    /// The subject of the test, however the target was spelt: requests for the same subject share an answer.
    subject: String,
}

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProbeTarget {
    domain: Domain,
    /// Its user, where one is named.
    user: Option<Address>,
    /// One of its servers, where one is named.
    server: Option<Server>,
}

/// The last answer about a target; held while a test is made.
type LastAnswer = Arc<tokio::sync::Mutex<Option<Given>>>;

/// An answer that was given.
struct Given {
    at: Instant,
    /// The time that its test had at most.
    limit: Duration,
    text: String,
}

impl Given {
    /// Whether it holds for a request that leaves so much time: who leaves much more may get another answer.
    fn holds(&self, limit: Duration) -> bool {
        self.at.elapsed() < SHORTEST_INTERVAL && limit < self.limit * 2
    }
}

/// Makes the tests that requests ask for.
pub(super) struct Prober {
    host: Arc<Host>,
    targets: Mutex<HashMap<String, LastAnswer>>,
    room: Semaphore,
}

impl Prober {
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { host, targets: Mutex::default(), room: Semaphore::new(AT_ONCE) }
    }

    /// The answer to a request that has so much time.
    pub(super) async fn probe(&self, asked: &Asked, limit: Option<Duration>) -> String {
        let began = Instant::now();
        // Where the topology has become wrong, the one before stays in force here as well.
        let files = &self.host.context().topology;
        let topology = match files.hold().or_else(|_| files.read()) {
            Ok(topology) => topology,
            Err(_) => return refusal("the topology has mistakes", "imsh"),
        };
        let plan = match plan(&topology, asked) {
            Ok(plan) => plan,
            Err(why) => return refusal(&why, "Caller"),
        };
        let limit = limit.unwrap_or(USUAL_LIMIT).min(LONGEST_LIMIT).saturating_sub(FOR_THE_ANSWER);
        let target = {
            let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
            // Only what the topology lists has come so far: there are no more of them than it has names.
            targets.entry(plan.subject.clone()).or_default().clone()
        };
        let turn = async {
            let held = target.lock().await;
            let room = self.room.acquire().await;
            (held, room)
        };
        let Ok((mut held, _room)) = tokio::time::timeout(limit, turn).await else {
            return refusal("another test of this target has taken the time that there was", "Caller");
        };
        if let Some(given) = held.as_ref().filter(|given| given.holds(limit)) {
            return given.text.clone();
        }
        let left = limit.saturating_sub(began.elapsed());
        let tested = self.test(&plan, left).await;
        let answer = match tested {
            Ok(report) => metrics(&plan, &report, began.elapsed(), limit),
            Err((why, owner)) => refusal(&why, owner),
        };
        *held = Some(Given { at: Instant::now(), limit, text: answer.clone() });
        answer
    }

    /// Makes the test through the host, as every test is made.
    async fn test(&self, plan: &ProbePlan, limit: Duration) -> Result<Report, (String, &'static str)> {
        // An error that need not end a command, such as a missing password, is the answer here.
        let arguments =
            plan.arguments.clone().with("Timeout", Value::Duration(limit)).with("ErrorAction", "Stop");
        let stage = Stage { name: plan.cmdlet.to_owned(), arguments, position: None, program: None };
        let (records, mut emitted) = mpsc::channel(8);
        let cancel = CancellationToken::new();
        let running = self.host.pipeline(vec![stage], None, records, cancel.clone());
        let first = async {
            let mut report = None;
            while let Some(value) = emitted.recv().await {
                let told = value.as_record().and_then(Report::of).filter(|report| plan.is_meant(report));
                report = report.or(told);
            }
            report
        };
        let both = async { tokio::join!(running, first) };
        // The test's own limit comes first; this one is for whatever does not keep it.
        let ended = tokio::time::timeout(limit + FOR_THE_ANSWER / 2, both).await;
        let Ok((ended, report)) = ended else {
            cancel.cancel();
            return Err(("the time of the scrape was over before the test was".to_owned(), "Caller"));
        };
        match (report, ended.outcome) {
            (Some(report), _) => Ok(report),
            (None, Err(crate::call::Halt::Failed(error))) => Err((error.message, "Caller")),
            (None, _) => Err(("the test gave no result".to_owned(), "imsh")),
        }
    }
}

impl ProbePlan {
    /// Whether a report is of what is asked about; where each server is tested, those of the others are not.
    fn is_meant(&self, report: &Report) -> bool {
        match (&self.server, self.module) {
            (Some(server), Module::Logon | Module::DirectLogon) => {
                report.server.as_ref().is_some_and(|tested| *tested == server.to_string())
            }
            (Some(_) | None, _) => true,
        }
    }

    /// The servers of a partner that are asked about.
    fn servers<'r>(&self, report: &'r Report) -> Vec<&'r FederationServer> {
        let wanted = self.server.as_ref().map(ToString::to_string);
        let is_wanted = |server: &&FederationServer| {
            let is_of_kind = self.module != Module::DirectPartner || server.kind == DIRECT;
            is_of_kind && wanted.as_ref().is_none_or(|wanted| server.server == *wanted)
        };
        report.partner.servers.iter().filter(is_wanted).collect()
    }
}

/// The test that a request asks for, where the topology lists everything that it takes.
fn plan(topology: &Topology, asked: &Asked) -> Result<ProbePlan, String> {
    let known = MODULES.iter().find(|(name, _)| *name == asked.module);
    let Some((_, module)) = known else {
        let names = MODULES.map(|(name, _)| name).join(", ");
        return Err(format!("module is one of {names}"));
    };
    let module = *module;
    let target = ProbeTarget::read(&asked.target)?;
    match module {
        Module::Logon | Module::DirectLogon => logon(topology, module, target),
        Module::Partner | Module::DirectPartner => {
            let ProbeTarget { domain, server, .. } = target;
            is_known(topology, &domain)?;
            let arguments = Arguments::none().with("Domain", domain.to_string());
            let subject = format!("{module:?} {domain} {server:?}");
            Ok(ProbePlan { module, cmdlet: "Test-FederatedPartner", arguments, server, subject })
        }
        Module::Ping => {
            if target.user.is_some() {
                return Err(
                    "module=ping asks a domain, and module=im asks a receiver: give the domain alone"
                        .to_owned(),
                );
            }
            if target.server.is_some() {
                return Err("module=ping asks a domain through the pool's federation, which finds the server: give the domain alone".to_owned());
            }
            is_known(topology, &target.domain)?;
            let pool = sender(topology, asked)?;
            let arguments = Arguments::none()
                .with("TargetFqdn", pool.identity.to_string())
                .with("Domain", target.domain.to_string());
            let subject = format!("{module:?} {} {}", pool.identity, target.domain);
            Ok(ProbePlan { module, cmdlet: "Test-XmppPing", arguments, server: None, subject })
        }
        Module::Message => {
            let receiver = target.user.ok_or("target is no address of a receiver")?;
            let partners = topology.partners.iter().flatten();
            let is_listed = topology.test_user_of(&receiver).is_some()
                || partners.flat_map(|partner| &partner.receivers).any(|listed| *listed == receiver);
            if !is_listed {
                return Err(not_listed("receiver"));
            }
            let pool = sender(topology, asked)?;
            let arguments = Arguments::none()
                .with("TargetFqdn", pool.identity.to_string())
                .with("Receiver", receiver.to_string());
            let subject = format!("{module:?} {} {receiver}", pool.identity);
            Ok(ProbePlan { module, cmdlet: "Test-XmppIM", arguments, server: None, subject })
        }
    }
}

/// Refuses a domain that is neither a partner's nor our own.
fn is_known(topology: &Topology, domain: &Domain) -> Result<(), String> {
    if topology.partner_for(domain).is_none() && topology.pool_serving(domain).is_none() {
        return Err(not_listed("partner or domain of ours"));
    }
    Ok(())
}

/// The pool that sends: the one that is named, else the first one that lends a test user.
fn sender<'t>(topology: &'t Topology, asked: &Asked) -> Result<&'t Pool, String> {
    let lends = |pool: &&Pool| !pool.test_users.is_empty();
    let pool = match asked.pool.as_str() {
        "" => topology.pools.iter().find(lends),
        name => topology.pool(name).filter(lends),
    };
    pool.ok_or_else(|| not_listed("pool with test users"))
}

/// A logon of a test user that the topology lists, at a server that it lists where one is named.
fn logon(topology: &Topology, module: Module, target: ProbeTarget) -> Result<ProbePlan, String> {
    let ProbeTarget { domain, user, server } = target;
    let lends = |pool: &&Pool| pool.domains.contains(&domain) && !pool.test_users.is_empty();
    let pool = topology.pools.iter().find(lends).ok_or_else(|| not_listed("pool with test users"))?;
    if module == Module::DirectLogon && pool.security != Security::Direct {
        return Err("the topology does not say security = \"direct\" of the target's pool".to_owned());
    }
    let user = match user {
        Some(named) if pool.lists(&named) => Some(named),
        Some(_) => return Err(not_listed("test user")),
        // Without one of the target's own, the pool's first test user logs on.
        None => pool.test_users.iter().find(|user| user.is_at(&domain)).cloned(),
    };
    let subject = format!("{module:?} {} {user:?} {server:?}", pool.identity);
    let mut arguments = Arguments::none().with("TargetFqdn", pool.identity.to_string());
    if let Some(user) = &user {
        arguments = arguments.with("UserSipAddress", user.sip());
    }
    if let Some(server) = &server {
        let is_it = |listed: &Server| {
            listed.host == server.host && (listed.port.is_none() || listed.port == server.port)
        };
        if !pool.servers.iter().any(is_it) {
            return Err(not_listed("server of the target's pool"));
        }
        arguments = arguments.switch("EachServer");
    }
    Ok(ProbePlan { module, cmdlet: "Test-Registration", arguments, server, subject })
}

/// The same sentence whether something is not there or only not listed.
fn not_listed(what: &str) -> String {
    format!("the topology lists no such {what}")
}

impl ProbeTarget {
    /// `domain`, `user@domain`, or with the scheme `xmpp:` before them; `xmpp://host:port/domain` for one server.
    fn read(target: &str) -> Result<Self, String> {
        let strange = || {
            "target is none: write xmpp:domain, user@domain, or xmpp://host:port/domain for one server"
                .to_owned()
        };
        let name = target.strip_prefix("xmpp:").unwrap_or(target);
        let (server, name) = match name.strip_prefix("//") {
            None => (None, name),
            Some(rest) => match rest.split_once('/') {
                None | Some((_, "")) => (None, rest.trim_end_matches('/')),
                Some((server, name)) => {
                    let server: Server = server.parse().map_err(|_| strange())?;
                    if server.port.is_none() {
                        return Err("a server is named with its port: xmpp://host:port/domain".to_owned());
                    }
                    (Some(server), name)
                }
            },
        };
        if name.contains('@') {
            let user: Address = name.parse().map_err(|_| strange())?;
            return Ok(Self { domain: user.domain(), user: Some(user), server });
        }
        let domain = name.parse().map_err(|_| strange())?;
        Ok(Self { domain, user: None, server })
    }
}

/// The answer where nothing was tested.
pub(super) fn refusal(why: &str, owner: &'static str) -> String {
    let mut page = MetricPage(String::new());
    page.family("probe_success", "gauge", "Whether the probe succeeded.", [(String::new(), "0".to_owned())]);
    page.family(
        "probe_failure_info",
        "gauge",
        "Why the probe failed, and whose it is.",
        [(format!("code=\"PROBE-REFUSED\",owner=\"{owner}\",phase=\"\""), "1".to_owned())],
    );
    let why: String = why.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    page.0.push_str(&format!("# Nothing was tested: {why}.\n"));
    page.0
}

fn metrics(plan: &ProbePlan, report: &Report, took: Duration, limit: Duration) -> String {
    let servers = plan.servers(report);
    let is_of_servers = plan.module == Module::DirectPartner || plan.server.is_some();
    let is_success = match plan.module {
        Module::Partner | Module::DirectPartner if is_of_servers => {
            servers.iter().any(|server| server.outcome == TestOutcome::Success)
        }
        Module::Logon
        | Module::DirectLogon
        | Module::Partner
        | Module::DirectPartner
        | Module::Ping
        | Module::Message => report.is_success(),
    };
    let mut page = MetricPage(String::new());
    let one = |value: String| [(String::new(), value)];
    let span = |span: Duration| format!("{:.6}", span.as_secs_f64());
    page.family(
        "probe_success",
        "gauge",
        "Whether the probe succeeded.",
        one(i32::from(is_success).to_string()),
    );
    page.family("probe_duration_seconds", "gauge", "How long the probe took.", one(span(took)));
    page.family("probe_timeout_seconds", "gauge", "How long the probe could have taken.", one(span(limit)));
    let end = report.certificate_expires_at.map(|at| micros(at.as_microsecond()));
    for (name, help) in [
        ("probe_ssl_earliest_cert_expiry", "When the first certificate of the chain ends."),
        ("probe_ssl_last_chain_expiry_timestamp_seconds", "When the chain that was verified ends."),
    ] {
        page.family(name, "gauge", help, end.iter().map(|end| (String::new(), end.clone())));
    }
    let mut phases: Vec<(String, f64)> = Vec::new();
    for step in &report.steps {
        let name = phase(&step.phase);
        match phases.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += step.duration.as_secs_f64(),
            None => phases.push((name, step.duration.as_secs_f64())),
        }
    }
    page.family(
        "probe_xmpp_duration_seconds",
        "gauge",
        "How long each phase took.",
        phases.iter().map(|(name, sum)| (format!("phase=\"{}\"", label(name)), format!("{sum:.6}"))),
    );
    if plan.module == Module::Ping {
        let timed_out = report.ping.answer.as_deref() == Some(NO_ANSWER);
        page.family(
            "probe_ping_timeout",
            "gauge",
            "Whether the ping was sent and nothing came back in time.",
            one(i32::from(timed_out).to_string()),
        );
        page.family(
            "probe_xmpp_ping_duration_seconds",
            "gauge",
            "From sending the ping to what proves that the domain answered.",
            report.ping.latency.map(|latency| (String::new(), span(latency))),
        );
    }
    if !is_success {
        // A partner that is well as a whole, and not at what was asked about.
        let beside = if servers.is_empty() { "NO-SUCH-SERVER" } else { "SERVER-PASSED-OVER" };
        let beside = if plan.module == Module::DirectPartner { "NO-DIRECT-TLS" } else { beside };
        let code = report.code.as_deref().unwrap_or(beside);
        let owner = report.owner.as_deref().unwrap_or("Partner");
        let phase = report.phase.as_deref().map(phase).unwrap_or_default();
        let labels =
            format!("code=\"{}\",owner=\"{}\",phase=\"{}\"", label(code), label(owner), label(&phase));
        page.family(
            "probe_failure_info",
            "gauge",
            "Why the probe failed, and whose it is.",
            [(labels, "1".to_owned())],
        );
    }
    page.family(
        "probe_xmpp_evidence_info",
        "gauge",
        "What proves how far the message, or the ping, came.",
        report.evidence.iter().map(|level| (format!("evidence=\"{}\"", label(level)), "1".to_owned())),
    );
    let offered = report.partner.mechanisms.iter().flatten();
    page.family(
        "probe_sasl_mechanism_offered",
        "gauge",
        "The SASL mechanisms that the server offers.",
        offered.filter_map(|name| Some((format!("mechanism=\"{}\"", mechanism(name)?), "1".to_owned()))),
    );
    page.family(
        "probe_dialback_offered",
        "gauge",
        "Whether the server offers dialback.",
        report.partner.dialback.map(|offers| (String::new(), i32::from(offers).to_string())),
    );
    page.0
}

/// The name of a SASL mechanism; none where a server's text is none (RFC 4422, section 3.1).
fn mechanism(name: &str) -> Option<&str> {
    let is_letter =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (!name.is_empty() && name.len() <= 20 && name.bytes().all(is_letter)).then_some(name)
}

/// A phase by the exporter's word for it, or by ours where it has none.
fn phase(name: &str) -> String {
    match name {
        "Secure" => "starttls".to_owned(),
        "Authenticate" => "auth".to_owned(),
        other => other.to_lowercase(),
    }
}

/// The name of the kind of a partner's servers that begin with TLS.
const DIRECT: &str = "direct TLS";
/// The maximum number of probes that run at once.
const AT_ONCE: usize = 8;
/// For how long the last answer about a target holds.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
/// The time limit of a probe where the scrape does not say, and the longest one whatever it says.
const USUAL_LIMIT: Duration = Duration::from_secs(10);
const LONGEST_LIMIT: Duration = Duration::from_secs(120);
/// The part of the scrape's time that is reserved for the answer to come in time.
const FOR_THE_ANSWER: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_as_users_of_other_exporters_write_it() {
        let read = |text: &str| {
            let ProbeTarget { domain, user, server } = ProbeTarget::read(text).ok()?;
            let user = user.map(|user| user.to_string()).unwrap_or_default();
            Some([domain.to_string(), user, server.map(|server| server.to_string()).unwrap_or_default()])
        };
        let target = |parts: [&str; 3]| Some(parts.map(str::to_owned));
        for (text, wanted) in [
            ("xmpp:contoso.com", target(["contoso.com", "", ""])),
            ("contoso.com", target(["contoso.com", "", ""])),
            ("CONTOSO.com", target(["contoso.com", "", ""])),
            ("xmpp://contoso.com", target(["contoso.com", "", ""])),
            ("xmpp://contoso.com/", target(["contoso.com", "", ""])),
            ("kim@contoso.com", target(["contoso.com", "kim@contoso.com", ""])),
            ("xmpp:kim@contoso.com", target(["contoso.com", "kim@contoso.com", ""])),
            (
                "xmpp://xmpp1.contoso.com:5222/contoso.com",
                target(["contoso.com", "", "xmpp1.contoso.com:5222"]),
            ),
            ("xmpp://[::1]:5269/contoso.com", target(["contoso.com", "", "[::1]:5269"])),
            ("xmpp://xmpp1.contoso.com/contoso.com", None),
            ("https://contoso.com", None),
            ("", None),
            ("xmpp:", None),
            ("contoso.com\nprobe_success 1", None),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
