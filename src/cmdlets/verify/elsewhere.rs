//! `-Site`: a test is asked of the watcher at another site, which sees from there.
//!
//! The gate has allowed the call here; the watcher tests what its own topology lists, with what its own vault
//! holds, keeps the results, and answers with them. Names and times go through the shared store, secrets never.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::verifying;
use crate::call::results::{nothing_kept, unreadable};
use crate::call::{Call, Halt, Outcome};
use crate::cmdlet::{Category, ErrorRecord, Kind, Parameter};
use crate::store::plan::watchers;
use crate::store::{RequestProgress, SiteAnswer, SiteRequest, SiteTest, Sql, Store, StoreFault, request};
use crate::value::Value;

/// The site that tests.
pub const SITE: Parameter = Parameter::new(
    "Site",
    Kind::Site,
    "The site that is to test: the watcher there does, with its own topology and passwords, and its results are given.",
)
.default("This machine tests.");

/// The site that is asked, where it is not the one that this session stands in.
pub fn site(call: &Call) -> Option<String> {
    call.bound.text("Site").filter(|site| !site.eq_ignore_ascii_case(&call.whole.general.site))
}

/// Asks the watcher of a site to run this call's tests, and tells of their results.
pub async fn ask(call: &Call, site: &str) -> Outcome {
    let test = site_test(call, site)?;
    let n_tests = n_tests(&test);
    let receivers: Vec<_> = addresses(&test)?;
    refuse_uncovered(call, &test)?;
    let mut partners: Vec<_> = receivers.iter().map(crate::address::Address::domain).collect();
    if sends_to_domains(&test) {
        for written in test.values("Domain") {
            partners.push(verifying::domain(written)?);
        }
    }
    let _places = verifying::admit(call, n_tests, &partners).await?;
    let store = store(call).await?;
    let (wanted, asked_by) = (site.to_owned(), call.principal.to_string());
    let seen = read(call, &store, |sql| Ok((watchers(sql)?, sql.now()?))).await?;
    let alive: Vec<String> = {
        let (rows, now) = seen;
        rows.into_iter().filter(|row| now - row.seen_at < ALIVE).map(|row| row.site).collect()
    };
    let Some(site) = alive.iter().find(|alive| alive.eq_ignore_ascii_case(&wanted)).cloned() else {
        return Err(nobody_there(call, &wanted, alive).into());
    };
    let request = SiteRequest { id: Uuid::now_v7().to_string(), test, asked_by };
    let (id, to) = (request.id.clone(), site.clone());
    write(call, &store, move |sql| request::ask(sql, &to, &request)).await?;
    call.verbose(format!("The watchers at {site} are asked."));
    let answered = answer(call, &store, &site, &id).await;
    if answered.is_err() {
        // A request that cannot be taken back is too old to be taken in ten minutes.
        let _ = store.write(move |sql| request::withdraw(sql, &id)).await;
    }
    tell(call, &site, answered?).await
}

/// Returns the test that the arguments ask for.
fn site_test(call: &Call, site: &str) -> Result<SiteTest, ErrorRecord> {
    let cmdlet = call.description.name;
    let taken = SiteTest::takes(cmdlet).unwrap_or_default();
    let mut arguments = BTreeMap::new();
    for parameter in call.description.parameters {
        let name = parameter.name;
        if !call.bound.is_given(name) || STAYS_HERE.contains(&name) {
            continue;
        }
        if !taken.contains(&name) {
            let message = format!("-{name} is for a test from here, and {site} is asked.");
            return Err(ErrorRecord::new(Category::InvalidArgument, "NotElsewhere", message)
                .target(name)
                .remedy(format!("With -Site give no more than -{}.", taken.join(", -"))));
        }
        let values = match call.bound.duration(name) {
            Some(span) => vec![span.as_secs().max(1).to_string()],
            None => call.bound.texts(name),
        };
        arguments.insert(name.to_owned(), values);
    }
    // Everything is everything that the caller may see, whatever else is asked for.
    let names_something = ["Pool", "Partner"].iter().any(|name| arguments.contains_key(*name));
    if cmdlet == "Test-Topology" && !names_something && !call.sees_everything() {
        let pools = call.topology.pools.iter().map(|pool| pool.identity.to_string()).collect();
        arguments.insert("Pool".to_owned(), pools);
    }
    Ok(SiteTest { cmdlet: cmdlet.to_owned(), arguments })
}

/// How many tests it makes at least: one for each pool and receiver, for each partner, or for all that it checks.
fn n_tests(test: &SiteTest) -> usize {
    let n = |parameter| test.values(parameter).len();
    let n_pinged = if sends_to_domains(test) { n("Domain") } else { 0 };
    let pairs = n("TargetFqdn").max(1) * (n("Receiver") + n_pinged).max(1);
    pairs.max(n("Domain")).max(n("Pool") + n("Partner"))
}

/// Whether each pool sends something to each domain; a look is made in the name of one.
fn sends_to_domains(test: &SiteTest) -> bool {
    test.cmdlet == "Test-XmppPing"
}

fn addresses(test: &SiteTest) -> Result<Vec<crate::address::Address>, ErrorRecord> {
    test.values("Receiver").iter().map(|written| verifying::address(written)).collect()
}

/// Refuses a test that the caller's roles do not cover. If the receiver is a test user of ours, the watcher logs on
/// as the receiver too: a caller's roles must cover that, as they must for a test from here.
fn refuse_uncovered(call: &Call, test: &SiteTest) -> Outcome {
    let (test_users, lenders) = (call.whole.test_users(), call.lenders());
    for receiver in addresses(test)? {
        for target in test.values("TargetFqdn") {
            if test_users.pool_of(&receiver).is_some() && lenders.lender(target, &receiver).is_none() {
                let message = format!(
                    "{receiver} is a test user of a pool that none of your roles covers for this test."
                );
                return Err(ErrorRecord::new(Category::PermissionDenied, "ReceiverNotCovered", message)
                    .target(receiver.to_string())
                    .remedy("Test from here, or ask an administrator.")
                    .into());
            }
        }
    }
    Ok(())
}

/// The store that the sites share.
async fn store(call: &Call) -> Result<Store, ErrorRecord> {
    let store = match call.context.results.store(&call.whole).await {
        Some(Ok(store)) => store.clone(),
        Some(Err(fault)) => return Err(unreadable(call.context.reader(), fault)),
        None => return Err(nothing_kept()),
    };
    if store.is_shared() {
        return Ok(store);
    }
    let message = "No other site can be asked: the results are in a file, and watchers meet in a database.";
    Err(ErrorRecord::new(Category::ResourceUnavailable, "SitesShareNothing", message)
        .remedy("Name a PostgreSQL database in [store] url of the topology, here and at the sites."))
}

async fn read<T: Send + 'static>(
    call: &Call,
    store: &Store,
    work: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
) -> Result<T, ErrorRecord> {
    store.read(work).await.map_err(|fault| unreadable(call.context.reader(), &fault))
}

async fn write<T: Send + 'static>(
    call: &Call,
    store: &Store,
    work: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
) -> Result<T, ErrorRecord> {
    store.write(work).await.map_err(|fault| unreadable(call.context.reader(), &fault))
}

fn nobody_there(call: &Call, site: &str, mut alive: Vec<String>) -> ErrorRecord {
    alive.sort();
    alive.dedup();
    let message = format!("No watcher at {site} has given a sign of life in the last minute.");
    let remedy = match alive.is_empty() || !call.sees_everything() {
        true => "Start imsh watch there, with site and [store] in its topology.".to_owned(),
        false => format!("Sites whose watchers are alive: {}.", alive.join(", ")),
    };
    ErrorRecord::new(Category::ObjectNotFound, "SiteNotWatched", message).target(site).remedy(remedy)
}

/// Waits for the answer.
async fn answer(call: &Call, store: &Store, site: &str, id: &str) -> Result<SiteAnswer, Halt> {
    let began = Instant::now();
    let testing = call.whole.gateway.timeout + TESTING;
    loop {
        let id = id.to_owned();
        let progress = read(call, store, move |sql| request::progress(sql, &id)).await?;
        let (patience, what) = match progress {
            RequestProgress::Answered(answer) => return Ok(answer),
            RequestProgress::Waiting => (TAKING, "has taken the request"),
            RequestProgress::Taken => (TAKING + testing, "has answered"),
        };
        if began.elapsed() > patience {
            let message = format!("No watcher at {site} {what} within {} seconds.", patience.as_secs());
            return Err(ErrorRecord::new(Category::LimitsExceeded, "SiteSilent", message)
                .target(site)
                .remedy("Look at the log of the watcher there, and at Get-TestState -Site.")
                .into());
        }
        tokio::select! {
            () = call.cancel.cancelled() => return Err(Halt::Cancelled),
            () = tokio::time::sleep(NEXT_LOOK) => {}
        }
    }
}

/// Tells of the results, and of what could not be tested.
async fn tell(call: &Call, site: &str, answer: SiteAnswer) -> Outcome {
    for report in &answer.reports {
        if !call.bound.switch("Force") {
            for warning in &report.warnings {
                call.warn(format!("{site}: {}", warning.text))?;
            }
        }
        call.streams.log(|| vec![report.to_logged_record()]);
        call.emit(report.to_record().with("Site", Value::text(site))).await?;
    }
    for message in answer.errors {
        call.error(
            ErrorRecord::new(Category::InvalidOperation, "NotTestedThere", format!("{site}: {message}"))
                .target(site)
                .remedy("Its own topology and vault decide what it tests."),
        )?;
    }
    Ok(())
}

/// Parameters that say nothing to the other site.
const STAYS_HERE: [&str; 2] = ["Site", "Force"];
/// A watcher that was seen so many microseconds ago is alive.
const ALIVE: i64 = 60_000_000;
/// The longest time that a request may wait before a watcher takes it.
const TAKING: Duration = Duration::from_secs(30);
/// The longest time that the tests of a request may take beyond the time of one test.
const TESTING: Duration = Duration::from_secs(30);
const NEXT_LOOK: Duration = Duration::from_millis(250);
