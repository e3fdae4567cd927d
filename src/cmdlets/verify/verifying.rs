//! The common parts of the cmdlets that test: parameters, warnings, progress.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Time;
use jiff::{Timestamp, ZonedDateTime};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::guesses::{Guesses, note_refusal};
use crate::access::limits::Limited;
use crate::access::usage::{Exceeded, UsagePlace};
use crate::address::{Address, Domain};
use crate::call::context::Budget;
use crate::call::{Call, Halt, Outcome, Progress, sentence};
use crate::cmdlet::{Binds, Category, ErrorRecord, Kind, Parameter};
use crate::diagnosis::catalogue;
use crate::result::{AskedTest, Report, TestGroup, TestIdentity, TestOutcome};
use crate::store::Inferences;
use crate::value::text::nearest;
use crate::verify::Ask;
use crate::verify::plan::{LogonAccount, Refusal};
use crate::verify::schedule::{BatchRemark, Ceilings, Ended, Judged, Lost, ResultOrder, Schedule};
use crate::verify::warnings::Thresholds;
use crate::xmpp::Deadlines;
use crate::xmpp::sasl::{Authentication, Mechanism};
use crate::xmpp::trace::{Observer, Stanzas, TraceEvent, TraceObserver};

/// The pool that is logged on to.
pub const TARGET_FQDN: Parameter =
    Parameter::new("TargetFqdn", Kind::Pool, "The FQDN of the pool that is tested, or several.")
        .aliases(&["t"])
        .many()
        .at(0)
        .required()
        .binds(Binds::Pool);

/// The account that logs on.
pub const USER_SIP_ADDRESS: Parameter =
    Parameter::new("UserSipAddress", Kind::Address, "The account that logs on.")
        .aliases(&["ua"])
        .default("The pool's first test user.")
        .binds(Binds::Sender);

/// Its credential.
pub const USER_CREDENTIAL: Parameter = Parameter::new(
    "UserCredential",
    Kind::Credential,
    "Name and password of the account that logs on, from Get-Credential.",
)
.aliases(&["uc"])
.default("The stored credential of the test user.");

/// The port in place of the topology's.
pub const REGISTRAR_PORT: Parameter =
    Parameter::new("RegistrarPort", Kind::Integer(1, 65_535), "The port that the pool's servers listen on.")
        .aliases(&["rp"])
        .default("What the topology or DNS says, else 5222.")
        .binds(Binds::Endpoint);

/// The way to authenticate.
pub const AUTHENTICATION: Parameter = Parameter::new(
    "Authentication",
    Kind::Text,
    "Negotiate takes the strongest mechanism that is offered, ClientCertificate a stored certificate; or the name of a SASL mechanism, to look into a fault.",
)
.aliases(&["Ath"])
.default("Negotiate");

/// The deadline of the whole.
pub const TIMEOUT: Parameter =
    Parameter::new("Timeout", Kind::Duration, "How long one verification may take in all.")
        .default("60 seconds");

/// The number of verifications that may be under way at once.
pub const THROTTLE_LIMIT: Parameter = Parameter::new(
    "ThrottleLimit",
    Kind::Integer(1, 10_000),
    "How many verifications are under way at once.",
)
.default("32");

/// The number of retries.
pub const RETRY: Parameter =
    Parameter::new(
        "Retry",
        Kind::Integer(0, 100),
        "How often what failed is tried again; an account is left alone after three refused logons, as servers ban those who go on.",
    )
    .default("0");

/// Each server by itself.
pub const EACH_SERVER: Parameter = Parameter::new(
    "EachServer",
    Kind::Switch,
    "Tests every server behind a pool by itself, as the topology lists them or DNS names them; the result says which in Server, and moves no state (Get-TestState): users are passed on to another server.",
);

/// The longest time that all tests together may take.
pub const DEADLINE: Parameter = Parameter::new(
    "Deadline",
    Kind::Duration,
    "How long all tests together may take; what has no outcome by then is told as NotRun.",
)
.default("Until all are done.");

/// The same as a time of the clock.
pub const UNTIL: Parameter = Parameter::new(
    "Until",
    Kind::Text,
    "When all tests together end, as a time of today or tomorrow (06:30) or in full (2026-11-30T06:30:00+01:00).",
)
.default("Until all are done.");

/// Results in the order of the tests.
pub const ORDERED: Parameter = Parameter::new(
    "Ordered",
    Kind::Switch,
    "Gives the results in the order in which the tests were asked for, in place of as they are there.",
);

/// The run to resume.
pub const RESUME: Parameter = Parameter::new(
    "Resume",
    Kind::Text,
    "Goes on with a run that was interrupted, by its Identity (Get-TestRun): what it has finished is given as it was kept and not tested again, where as much was asked of it; its latency is held against the thresholds of this call.",
);

/// From which latency on a success is not well.
pub const WARNING_LATENCY: Parameter = Parameter::new(
    "WarningLatency",
    Kind::Duration,
    "From which latency on a success carries a warning; a monitoring plugin ends with WARNING.",
)
.default("None.");

/// From which latency on a success is as bad as a failure.
pub const CRITICAL_LATENCY: Parameter = Parameter::new(
    "CriticalLatency",
    Kind::Duration,
    "From which latency on a success carries a critical warning; a monitoring plugin ends with CRITICAL.",
)
.default("None.");

/// Without warnings.
pub const FORCE: Parameter =
    Parameter::new("Force", Kind::Switch, "Hides warnings; the results carry them all the same.");

/// The default number of verifications that are under way at once.
const THROTTLE: i64 = 32;

/// Returns the options of a logon that the arguments give.
pub fn ask(call: &Call) -> Result<Ask, ErrorRecord> {
    let bound = &call.bound;
    Ok(Ask {
        sender: bound.text("UserSipAddress").map(|written| address(&written)).transpose()?,
        credential: bound.credential("UserCredential"),
        registrar_port: bound.integer("RegistrarPort").and_then(|port| u16::try_from(port).ok()),
        authentication: bound
            .text("Authentication")
            .map_or(Ok(Authentication::default()), |name| authentication(&name))?,
        timeout: bound.duration("Timeout"),
        thresholds: thresholds(call)?,
        ..Ask::default()
    })
}

/// The thresholds that the latency of a success is held against.
pub fn thresholds(call: &Call) -> Result<Thresholds, ErrorRecord> {
    let thresholds = Thresholds {
        warning_latency: call.bound.duration("WarningLatency"),
        critical_latency: call.bound.duration("CriticalLatency"),
    };
    if let (Some(warning), Some(critical)) = (thresholds.warning_latency, thresholds.critical_latency)
        && warning > critical
    {
        let message = "-WarningLatency is above -CriticalLatency, so that no warning would ever be given.";
        return Err(ErrorRecord::new(Category::InvalidArgument, "ThresholdsCrossed", message)
            .remedy("Give the greater one to -CriticalLatency."));
    }
    Ok(thresholds)
}

/// Returns the number of tests that may be under way at once.
fn throttle(call: &Call) -> usize {
    let wanted = call.bound.integer("ThrottleLimit").unwrap_or(THROTTLE);
    let most = usize::try_from(call.topology.gateway.connection_limit).unwrap_or(usize::MAX);
    usize::try_from(wanted).unwrap_or(1).min(most).max(1)
}

/// Returns how many tests may be under way at once, in all and for each place, and how often they are tried again.
fn schedule(call: &Call) -> Result<Schedule, ErrorRecord> {
    let gateway = &call.topology.gateway;
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let partners = call.topology.partners.iter().flatten();
    let partners: HashMap<Domain, usize> = partners
        .filter_map(|partner| {
            let limit = count(partner.connection_limit?);
            let domains = [&partner.domain].into_iter().chain(&partner.additional_domains);
            Some(domains.map(move |domain| (domain.clone(), limit)))
        })
        .flatten()
        .collect();
    let throttle = throttle(call);
    let deadline = call.bound.duration("Deadline").map(|whole| Instant::now() + whole);
    let until = call.bound.text("Until").map(|written| until(&written)).transpose()?;
    let is_ordered = call.bound.switch("Ordered");
    Ok(Schedule {
        ceilings: Ceilings {
            pool: count(gateway.connection_limit),
            partner: count(gateway.partner_connection_limit),
            partners,
            account: throttle,
        },
        retries: retries(call),
        order: if is_ordered { ResultOrder::AsAsked } else { ResultOrder::AsTheyCome },
        deadline: deadline.into_iter().chain(until).min(),
        ..Schedule::new(throttle, call.cancel.clone())
    })
}

/// Returns the next instant at which the clock shows a given time.
fn until(written: &str) -> Result<Instant, ErrorRecord> {
    let now = ZonedDateTime::now();
    let of_day = |time: Time| {
        let today = now.with().time(time).build().ok()?;
        if today > now { Some(today) } else { today.tomorrow().ok()?.with().time(time).build().ok() }
    };
    let in_full = || written.parse::<Timestamp>().ok();
    let at = match written.parse::<Time>() {
        Ok(time) => of_day(time).map(|at| at.timestamp()),
        Err(_) => in_full(),
    };
    let left = at.map(|at| at.duration_since(now.timestamp()));
    let left = left.and_then(|left| Duration::try_from(left).ok());
    left.map(|left| Instant::now() + left).ok_or_else(|| {
        let message = format!("-Until '{written}' is no time to come.");
        ErrorRecord::new(Category::InvalidArgument, "BadTime", message)
            .remedy("Give a time of the clock such as 06:30, or 2026-11-30T06:30:00+01:00.")
    })
}

/// The places that a delegated caller's tests take, among those of all their sessions; held while they run.
pub struct Admitted {
    /// The number of tests that may be under way at once.
    pub throttle: usize,
    _places: Vec<UsagePlace>,
}

impl Admitted {
    /// Returns how many tests may be under way at once, in all and for each place, no more than were admitted.
    ///
    /// # Errors
    /// `-Until` is no time to come.
    pub fn schedule(&self, call: &Call) -> Result<Schedule, ErrorRecord> {
        let mut schedule = schedule(call)?;
        schedule.throttle = schedule.throttle.min(self.throttle);
        Ok(schedule)
    }
}

/// Lets so many tests begin, with messages to these domains: a delegated caller has only so many in a
/// minute, and so many at once, over all sessions. Waits for a first place.
///
/// # Errors
/// The limit of the minute is reached; nothing has begun then.
pub async fn admit(call: &Call, n_tests: usize, partners: &[Domain]) -> Result<Admitted, Halt> {
    let throttle = throttle(call);
    let Some(Budget { usage, limits }) = call.context.budget.get() else {
        return Ok(Admitted { throttle, _places: Vec::new() });
    };
    // Each may be tried again so often.
    let n_attempts = 1 + retries(call) as usize;
    let spent = |limited, of: &str, n: usize| {
        let spent = usage.spend(limited, of, n as u64, limits.get(limited), MINUTE);
        spent.map_err(|exceeded| limit_reached(&exceeded))
    };
    spent(Limited::VerificationsPerMinute, "", n_tests.saturating_mul(n_attempts))?;
    let mut by_partner = BTreeMap::<&Domain, usize>::new();
    for partner in partners {
        *by_partner.entry(partner).or_default() += 1;
    }
    for (partner, n_messages) in by_partner {
        spent(Limited::MessagesPerPartner, partner.as_str(), n_messages.saturating_mul(n_attempts))?;
    }
    let mut places = Vec::new();
    loop {
        while places.len() < throttle.min(n_tests.max(1)) {
            match usage.place(Limited::Verifications, limits.get(Limited::Verifications), "") {
                Ok(place) => places.push(place),
                Err(Exceeded::Limit { .. }) => break,
                Err(exceeded) => return Err(limit_reached(&exceeded).into()),
            }
        }
        if !places.is_empty() {
            return Ok(Admitted { throttle: places.len(), _places: places });
        }
        tokio::select! {
            () = call.cancel.cancelled() => return Err(Halt::Cancelled),
            () = tokio::time::sleep(NEXT_LOOK) => {}
        }
    }
}

/// A refusal of the plan as an error; where no pool has the name of the target, with the nearest that the caller may
/// see.
pub fn refused(call: &Call, refusal: &Refusal, target: &str) -> ErrorRecord {
    let topology = &call.topology;
    let error = refusal.error(target, &topology.place());
    let is_unknown = matches!(refusal, Refusal::NoTestUsers) && topology.canonical_pool(target).is_none();
    match is_unknown.then(|| nearest(target.trim(), topology.pool_names())).flatten() {
        Some(pool) => error.remedy(format!(
            "There is no such pool in {}: list it there, or name a sender: -UserSipAddress and -UserCredential. \
             Did you mean {pool}?",
            topology.place()
        )),
        None => error,
    }
}

/// The error of a limit that is used up.
pub(super) fn limit_reached(exceeded: &Exceeded) -> ErrorRecord {
    let text = sentence(&exceeded.to_string());
    ErrorRecord::new(Category::LimitsExceeded, "LimitReached", text)
        .remedy("Wait, or ask an administrator for a larger limit of your role.")
}

const MINUTE: Duration = Duration::from_secs(60);
const NEXT_LOOK: Duration = Duration::from_millis(50);

/// Returns the number of retries after a failure.
fn retries(call: &Call) -> u32 {
    call.bound.integer("Retry").and_then(|times| u32::try_from(times).ok()).unwrap_or(0)
}

/// An address as it is written.
pub fn address(written: &str) -> Result<Address, ErrorRecord> {
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadAddress", format!("'{written}': {fault}."))
            .target(written)
    })
}

/// A domain as it is written.
pub fn domain(written: &str) -> Result<Domain, ErrorRecord> {
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadDomain", format!("'{written}': {fault}."))
            .target(written)
            .remedy("Give a domain, as it stands behind the @ of an address.")
    })
}

/// Returns the authentication for the name of a mode or of a SASL mechanism.
fn authentication(name: &str) -> Result<Authentication, ErrorRecord> {
    let refuse = |message: String, remedy: &str| {
        Err(ErrorRecord::new(Category::InvalidArgument, "BadAuthentication", message).remedy(remedy))
    };
    match name.to_ascii_lowercase().as_str() {
        "negotiate" => Ok(Authentication::Negotiate),
        "clientcertificate" => Ok(Authentication::ClientCertificate),
        "trustedserver" | "liveid" => refuse(
            format!("-Authentication {name} has no counterpart in XMPP: every test logs on as its user."),
            "Leave -Authentication out, or give ClientCertificate.",
        ),
        _ => match Mechanism::from_name(&name.to_ascii_uppercase()) {
            Some(mechanism) => Ok(Authentication::Mechanism(mechanism)),
            None => refuse(
                format!("There is no -Authentication '{name}'."),
                "Give Negotiate, ClientCertificate, or a SASL mechanism: SCRAM-SHA-512-PLUS, SCRAM-SHA-512, \
                 SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, EXTERNAL or PLAIN.",
            ),
        },
    }
}

/// The same tests from each of the servers behind their pools; those of one pool share the accounts.
pub async fn at_each_server<T>(
    call: &Call,
    tests: Vec<T>,
    logon: fn(&T) -> (&Arc<LogonAccount>, &Deadlines),
    from: fn(&T, Arc<LogonAccount>) -> T,
) -> Vec<T> {
    let network = call.context.network(&call.topology);
    let mut accounts: HashMap<String, Vec<Arc<LogonAccount>>> = HashMap::new();
    let mut all = Vec::new();
    for test in tests {
        let (sender, deadlines) = logon(&test);
        if !accounts.contains_key(&sender.target) {
            let each = sender.at_each_server(deadlines, &network).await;
            accounts.insert(sender.target.clone(), each.into_iter().map(Arc::new).collect());
        }
        let each = accounts.get(&sender.target).into_iter().flatten();
        all.extend(each.map(|sender| from(&test, sender.clone())));
    }
    all
}

/// Whether one of these parameters was given and names nothing, which is an error: a filter that finds nothing, or an
/// empty file, would otherwise pass for tests that all succeeded.
pub fn names_nothing(call: &Call, parameters: &[&'static str]) -> Result<bool, Halt> {
    let is_empty = |name: &&&str| call.bound.is_given(name) && call.bound.texts(name).is_empty();
    let Some(name) = parameters.iter().find(is_empty) else { return Ok(false) };
    nothing_tested(call, &format!("-{name} names nothing"))?;
    Ok(true)
}

/// Says why nothing was tested, as an error.
pub fn nothing_tested(call: &Call, why: &str) -> Outcome {
    let error = ErrorRecord::new(
        Category::ResourceUnavailable,
        "NothingTested",
        format!("Nothing was tested: {why}."),
    );
    call.error(
        error.remedy("See what the list, the pipe or the file holds; -ErrorAction Ignore passes over it."),
    )
}

/// Says that what is sent may go anywhere, where the topology has no list of partners.
pub fn warn_about_partners(call: &Call, sent: &str) -> Outcome {
    if call.topology.partners.is_none() && !call.bound.switch("Force") {
        call.warn(format!(
            "The topology has no list of allowed XMPP partners: {sent} may go to any domain."
        ))?;
    }
    Ok(())
}

/// Says that pools are not in the topology, in the original's words.
pub fn warn_about_pools(call: &Call, targets: &[String]) -> Outcome {
    let is_unknown = |target: &String| call.topology.canonical_pool(target).is_none();
    let uses_default = call.bound.integer("RegistrarPort").is_none();
    if uses_default && !call.bound.switch("Force") && targets.iter().any(is_unknown) {
        call.warn(
            "Failed to read Registrar port number for the given fully qualified domain name (FQDN). \
             Using default Registrar port number.",
        )?;
    }
    Ok(())
}

/// Tells the phases as they happen, where somebody wants to know.
pub fn watcher(call: &Call) -> TraceObserver {
    let stanzas = stanzas(call);
    if !call.streams.wants_verbose() {
        return TraceObserver { observer: None, stanzas };
    }
    let streams = call.streams.clone();
    let observer: Observer = Arc::new(move |event: &TraceEvent<'_>| match event {
        TraceEvent::Began { phase, .. } => streams.verbose(&format!("'{phase}' started.")),
        TraceEvent::Learned { phase, fact, .. } => streams.verbose(&format!("{phase}: {fact}")),
        TraceEvent::Ended { step } => {
            streams.verbose(&format!(
                "'{}' ended after {:.1} ms.",
                step.phase,
                step.duration.as_secs_f64() * 1e3
            ));
        }
    });
    TraceObserver { observer: Some(observer), stanzas }
}

/// Does what is `running`, and tells of each of its `total` results when it is there: its warnings, each
/// once however many results show it, the record of its report, or of each, and how far the whole is. What
/// was lost is an error: it could not be tested.
pub async fn report<T: Judged>(
    call: &Call,
    total: usize,
    mut guesses: Guesses,
    running: impl Future<Output = Ended>,
    results: mpsc::Receiver<T>,
    reports: fn(&T, Stanzas) -> Vec<Report>,
) -> Outcome {
    guesses.is_under_way = true;
    let (ended, reported) = tokio::join!(running, drain(call, total, &mut guesses, results, reports));
    if ended.n_left_out > 0 {
        call.warn(format!("{} of {total} tests were left out.", ended.n_left_out))?;
    }
    if ended.n_left_out + reported.as_ref().map_or(0, |n_without| *n_without) > 0
        && let Some(run) = call.context.results.run(call).await
    {
        call.warn(format!("What has no result can be gone on with: -Resume {run}"))?;
    }
    for remark in &ended.remarks {
        call.warn(words(remark))?;
    }
    reported?;
    for Lost { words } in ended.lost {
        let message = format!("A test ended without a result, by a fault of imsh itself: {words}");
        call.error(
            ErrorRecord::new(Category::InvalidOperation, "TestLost", message)
                .remedy("Nothing is known of what it tested. Report it, with the command and this text."),
        )?;
    }
    if call.cancel.is_cancelled() { Err(Halt::Cancelled) } else { Ok(()) }
}

/// Returns the text of a remark about a whole batch.
fn words(remark: &BatchRemark) -> String {
    match remark {
        BatchRemark::FewerSessions { account, limit } => format!(
            "The server of {account} ended one of its sessions for another: no more than {limit} at once were \
             opened from then on. Lend more test users for a faster run."
        ),
        BatchRemark::Withdrawn { pool, partner, n_inferred, finding } => {
            let from = pool.as_ref().map(|pool| format!(" from {pool}")).unwrap_or_default();
            let what = match partner {
                Some(partner) => format!("{partner}{from}"),
                None => pool.clone().unwrap_or_default(),
            };
            format!(
                "{what} was well again at the end of the run: {n_inferred} results were inferred from {} and are \
                 withdrawn. Run those tests again.",
                finding.code
            )
        }
    }
}

/// Tells of the results, and returns how many tests have no outcome. Drops the results when nobody wants more
/// of them, which ends whoever sends them.
async fn drain<T: Judged>(
    call: &Call,
    total: usize,
    guesses: &mut Guesses,
    mut results: mpsc::Receiver<T>,
    reports: fn(&T, Stanzas) -> Vec<Report>,
) -> Result<usize, Halt> {
    let mut inferences = Inferences::default();
    let drained = drain_results(call, total, guesses, &mut results, reports, &mut inferences).await;
    // The sender of results is not kept waiting for the store.
    drop(results);
    call.context.results.conclude(call, inferences, catalogue::is_lasting, catalogue::stops_account).await;
    drained
}

/// Tells of the results, and puts those aside that were inferred.
async fn drain_results<T: Judged>(
    call: &Call,
    total: usize,
    guesses: &mut Guesses,
    results: &mut mpsc::Receiver<T>,
    reports: fn(&T, Stanzas) -> Vec<Report>,
    inferences: &mut Inferences,
) -> Result<usize, Halt> {
    let mut told = HashSet::new();
    let (mut done, mut failed, mut n_without) = (0, 0, 0);
    let asked = asked(call);
    let mut ready = Vec::new();
    while results.recv_many(&mut ready, WAITING).await > 0 {
        // Results that come soon after are stored and told of together: each group costs a transaction.
        if total > 1 && !results.is_closed() {
            tokio::time::sleep(GATHERING).await;
            while ready.len() < WAITING
                && let Ok(result) = results.try_recv()
            {
                ready.push(result);
            }
        }
        let mut group = Vec::with_capacity(ready.len());
        for result in ready.drain(..) {
            done += usize::from(!result.is_revision());
            failed += usize::from(result.failure().is_some());
            if total > 1 {
                call.streams.progress(&Progress { activity: call.description.name, done, total, failed });
            }
            let mut told = reports(&result, stanzas(call));
            told.iter_mut().for_each(|report| report.asked = asked.clone());
            if !result.is_revision() {
                told.iter().for_each(|report| guesses.ended(call, report));
            }
            group.extend(told);
        }
        for report in &group {
            note_refusal(call, report);
            let is_without = matches!(report.outcome, TestOutcome::Interrupted | TestOutcome::NotRun);
            n_without += usize::from(is_without);
        }
        tell(call, &group, &mut told, inferences).await?;
    }
    Ok(n_without)
}

/// Those of the tests that the run of `-Resume` has not finished; says how many it has. The results of the
/// others are told as they were kept, and not kept again.
pub async fn unfinished<T>(
    call: &Call,
    tests: Vec<T>,
    identity: impl Fn(&T) -> TestIdentity,
) -> Result<Vec<T>, Halt> {
    let Some(run) = call.bound.text("Resume") else { return Ok(tests) };
    begin_to_go_on(call, &run).await?;
    let total = tests.len();
    let asked = asked(call);
    let (mut left, mut told) = (Vec::new(), HashSet::new());
    for test in tests {
        match finished(call, &identity(&test), &asked).await? {
            Some(kept) => show(call, &kept, &mut told).await?,
            None => left.push(test),
        }
    }
    tell_finished(call, total - left.len(), total)?;
    Ok(left)
}

/// The same of what is tested by several tests together: as long as one of them is missing, all are made again.
pub async fn unfinished_groups<T>(
    call: &Call,
    groups: Vec<T>,
    tests: impl Fn(&T) -> TestGroup,
) -> Result<Vec<T>, Halt> {
    let Some(run) = call.bound.text("Resume") else { return Ok(groups) };
    begin_to_go_on(call, &run).await?;
    let total = groups.len();
    let asked = asked(call);
    let (mut left, mut told) = (Vec::new(), HashSet::new());
    for group in groups {
        match call.context.results.take_finished_group(&run, &tests(&group), &asked).await {
            Some(kept) => {
                for report in &kept {
                    show(call, report, &mut told).await?;
                }
            }
            None => left.push(group),
        }
    }
    tell_finished(call, total - left.len(), total)?;
    Ok(left)
}

async fn begin_to_go_on(call: &Call, run: &str) -> Outcome {
    call.context.results.go_on(call, run).await?;
    call.context.results.tell_anew(run).await;
    Ok(())
}

fn tell_finished(call: &Call, n_finished: usize, total: usize) -> Outcome {
    if call.bound.switch("Force") {
        return Ok(());
    }
    call.warn(format!("{n_finished} of {total} tests were finished in that run, and are not made again."))
}

/// Tells of a result that needed no test; where the run of `-Resume` had told of it, as it was kept.
pub async fn tell_untested(call: &Call, report: &Report) -> Outcome {
    let asked = asked(call);
    match finished(call, &report.identity(), &asked).await? {
        Some(kept) => show(call, &kept, &mut HashSet::new()).await,
        None => {
            let report = Report { asked, ..report.clone() };
            let (told, inferences) = (&mut HashSet::new(), &mut Inferences::default());
            tell(call, std::slice::from_ref(&report), told, inferences).await
        }
    }
}

/// Returns the report of a test in the run of `-Resume`, its latency judged anew; `None` where the run has not finished
/// the test, or was asked something else.
async fn finished(call: &Call, test: &TestIdentity, asked: &AskedTest) -> Result<Option<Report>, Halt> {
    let Some(run) = call.bound.text("Resume") else { return Ok(None) };
    call.context.results.go_on(call, &run).await?;
    let kept = call.context.results.take_finished(&run, test, asked).await;
    let thresholds = thresholds(call)?;
    Ok(kept.map(|report| thresholds.judging(report)))
}

/// Returns what the arguments ask of each test.
fn asked(call: &Call) -> AskedTest {
    let value = |parameter: &'static str| match parameter {
        // A text of a hundred thousand bytes is not kept with each result.
        "Body" => call.bound.text(parameter).map(|body| format!("{:x}", Sha256::digest(body))),
        "FreshLogon" => call.bound.switch(parameter).then(|| true.to_string()),
        "UserCredential" => call.bound.credential(parameter).map(|given| given.user_name),
        _ => call.bound.text(parameter),
    };
    let given = |parameter| Some((str::to_owned(parameter), value(parameter)?));
    AskedTest {
        parameters: OTHER_TESTS.into_iter().filter_map(given).collect(),
        timeout: Some(call.bound.duration("Timeout").unwrap_or(call.topology.gateway.timeout)),
    }
}

/// The parameters with which a test is another one, though its names are the same.
const OTHER_TESTS: [&str; 8] = [
    "UserCredential",
    "RegistrarPort",
    "Authentication",
    "MinimumEvidence",
    "Body",
    "Linger",
    "FreshLogon",
    "ProxyFqdn",
];

/// Keeps reports and tells of them.
async fn tell(
    call: &Call,
    reports: &[Report],
    told: &mut HashSet<String>,
    inferences: &mut Inferences,
) -> Outcome {
    call.context.results.record(call, reports, catalogue::is_lasting, inferences).await;
    for report in reports {
        show(call, report, told).await?;
    }
    Ok(())
}

/// Tells of a report: the warnings that were not told before, its log, its record.
async fn show(call: &Call, report: &Report, told: &mut HashSet<String>) -> Outcome {
    for warning in &report.warnings {
        if !call.bound.switch("Force") && told.insert(warning.text.clone()) {
            call.warn(warning.text.as_str())?;
        }
    }
    call.streams.log(|| vec![report.to_logged_record()]);
    call.emit(report.to_record()).await
}

/// Whether what crosses the wire is kept: where somebody wants the log.
pub fn stanzas(call: &Call) -> Stanzas {
    if call.streams.is_logging() { Stanzas::Kept } else { Stanzas::Forgotten }
}

/// Results that wait to be reported.
pub const WAITING: usize = 64;
/// The time in which the results of one group come. No test waits for it.
const GATHERING: Duration = Duration::from_millis(5);
